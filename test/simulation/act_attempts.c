/* What failed before: the same waits, longer each time. */
#include <stdlib.h>
#include <string.h>

#include "simulation/act.h"

static const char *peer_of(const struct action *action) {
	return action->peer != NULL ? action->peer : action->text;
}

struct attempt *attempts_find(struct attempts *attempts, const struct action *action) {
	for (size_t i = 0; i < attempts->count; i++) {
		struct attempt *attempt = &attempts->list[i];
		if (attempt->type == action->type && same_text(attempt->pod, action->pod) &&
		    same_text(attempt->peer, peer_of(action)))
			return attempt;
	}
	return NULL;
}

static void free_attempt(struct attempt *attempt) {
	free((char *)(uintptr_t)attempt->pod);
	free((char *)(uintptr_t)attempt->peer);
	free((char *)(uintptr_t)attempt->message);
}

void attempts_note_success(struct attempts *attempts, const struct action *action) {
	struct attempt *attempt = attempts_find(attempts, action);
	if (attempt == NULL) return;
	free_attempt(attempt);
	*attempt = attempts->list[--attempts->count];
}

void attempts_note_failure(struct model *model, struct controller *controller, const struct job *job) {
	struct attempts *attempts = &controller->attempts;
	const struct action *action = &job->action;
	struct attempt *attempt = attempts_find(attempts, action);
	if (attempt == NULL) {
		attempts->list = xreallocarray(attempts->list, attempts->count + 1, sizeof(*attempts->list));
		attempt = &attempts->list[attempts->count++];
		*attempt = (struct attempt){ .type = action->type,
			                     .pod = action->pod != NULL ? xstrdup(action->pod) : NULL,
			                     .peer = peer_of(action) != NULL ? xstrdup(peer_of(action)) : NULL };
	}
	int64_t pause = 500;
	for (int i = 0; i < attempt->failures && pause < 60000; i++) pause *= 2;
	if (pause > 60000) pause = 60000;
	attempt->failures++;
	attempt->number = job->code > 0 ? job->code : 0;
	free((char *)(uintptr_t)attempt->message);
	attempt->message = xstrdup(job->text);
	attempt->next_at =
	        (model->now + controller->clock) / MILLISECOND + pause / 2 + dice_below(&model->dice, pause / 2);
}

void attempts_free(struct attempts *attempts) {
	for (size_t i = 0; i < attempts->count; i++) free_attempt(&attempts->list[i]);
	free(attempts->list);
	*attempts = (struct attempts){ 0 };
}
