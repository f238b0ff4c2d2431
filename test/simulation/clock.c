/* Chance, time, and the timeline. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "simulation/model.h"

uint64_t dice_roll(struct dice *dice) {
	/* splitmix64 */
	uint64_t z = (dice->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

int64_t dice_below(struct dice *dice, int64_t sides) {
	return sides > 1 ? (int64_t)(dice_roll(dice) % (uint64_t)sides) : 0;
}

int64_t dice_between(struct dice *dice, int64_t low, int64_t high) {
	return low + dice_below(dice, high - low + 1);
}

bool dice_percent(struct dice *dice, int percent) {
	return percent > 0 && dice_below(dice, 100) < percent;
}

/* ---- A heap of events: the earliest first, of those the one that was added first ---- */

static bool is_before(const struct event *a, const struct event *b) {
	return a->due != b->due ? a->due < b->due : a->order < b->order;
}

void event_add(struct model *model, int64_t delay, const struct event *event) {
	if (model->event_count == model->event_size) {
		model->event_size = model->event_size == 0 ? 256 : 2 * model->event_size;
		model->events = xreallocarray(model->events, model->event_size, sizeof(*model->events));
	}
	struct event added = *event;
	added.due = model->now + (delay > 0 ? delay : 0);
	added.order = ++model->order;
	size_t at = model->event_count++;
	while (at > 0 && is_before(&added, &model->events[(at - 1) / 2])) {
		model->events[at] = model->events[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	model->events[at] = added;
}

static struct event take_first(struct model *model) {
	struct event first = model->events[0], last = model->events[--model->event_count];
	size_t at = 0, count = model->event_count;
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && is_before(&model->events[child + 1], &model->events[child])) child++;
		if (is_before(&last, &model->events[child])) break;
		model->events[at] = model->events[child];
	}
	model->events[at] = last;
	return first;
}

bool event_next(struct model *model, int64_t end) {
	if (model->event_count == 0 || model->events[0].due > end) return false;
	struct event event = take_first(model);
	if (event.due > model->now) model->now = event.due;
	model->steps++;
	event.run(model, &event);
	if (event.drop != NULL && event.data != NULL) event.drop(event.data);
	return true;
}

void events_free(struct model *model) {
	for (size_t i = 0; i < model->event_count; i++) {
		struct event *event = &model->events[i];
		if (event->drop != NULL && event->data != NULL) event->drop(event->data);
	}
	free(model->events);
}

void note(struct model *model, const char *format, ...) {
	if (!model->keeps_timeline) return;
	va_list args;
	va_start(args, format);
	strbuf_printf(&model->timeline, "%10.3f s  ", (double)model->now / SECOND);
	strbuf_vprintf(&model->timeline, format, args);
	strbuf_append_char(&model->timeline, '\n');
	va_end(args);
}
