/* Who reaches whom, and how long it takes. */
#include <stdlib.h>

#include "simulation/model.h"

enum { HOLD_STEP = 500 * MILLISECOND, HOLD_MOST = 90 * SECOND };

bool network_reaches(const struct model *model, int from, int to) {
	return !model->network.cut[from][to];
}

int64_t network_delay(struct model *model, int from, int to) {
	int64_t slow = model->network.slow[from][to];
	return dice_between(&model->dice, 80, 600) + (slow > 0 ? dice_below(&model->dice, slow) : 0);
}

/* A message that TCP keeps for a host it cannot reach. */
struct parcel {
	int from, to;
	int64_t sent;
	struct event event;
};

static void parcel_free(void *data) {
	struct parcel *parcel = data;
	if (parcel->event.drop != NULL && parcel->event.data != NULL) parcel->event.drop(parcel->event.data);
	free(parcel);
}

static void try_again(struct model *model, struct event *event) {
	struct parcel *parcel = event->data;
	if (!network_reaches(model, parcel->from, parcel->to)) {
		if (model->now - parcel->sent >= HOLD_MOST) return;
		event->data = NULL;
		event_add(model, dice_between(&model->dice, HOLD_STEP / 2, HOLD_STEP),
		          &(struct event){ .run = try_again, .drop = parcel_free, .data = parcel });
		return;
	}
	/* The pauses between retransmissions have grown with the time that it was held. */
	int64_t pause = dice_below(&model->dice, model->now - parcel->sent);
	event_add(model, pause + network_delay(model, parcel->from, parcel->to), &parcel->event);
	parcel->event.data = NULL;
}

bool network_send(struct model *model, int from, int to, const struct event *event) {
	if (network_reaches(model, from, to)) {
		event_add(model, network_delay(model, from, to), event);
		return true;
	}
	if (!dice_percent(&model->dice, model->network.held_percent)) {
		if (event->drop != NULL && event->data != NULL) event->drop(event->data);
		return false;
	}
	struct parcel *parcel = xmalloc(sizeof(*parcel));
	*parcel = (struct parcel){ from, to, model->now, *event };
	event_add(model, HOLD_STEP, &(struct event){ .run = try_again, .drop = parcel_free, .data = parcel });
	return true;
}
