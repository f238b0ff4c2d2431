/* What has failed on one object, by action and target, and when to try again: in a while that doubles with each failure
 * in a row, with jitter. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_ATTEMPTS_H
#define AGKEEPER_CONTROLLER_ENGINE_ATTEMPTS_H

#include "base/error.h"
#include "controller/decide/plan.h"

/* Zero-initialise it. The list is what struct view shows; its texts are owned. */
struct attempts {
	struct attempt *list;
	size_t count;
};

/* NULL: it did not fail. */
struct attempt *attempts_find(const struct attempts *attempts, enum action_type type, const char *pod,
                              const char *peer);
void attempts_note_failure(struct attempts *attempts, enum action_type type, const char *pod, const char *peer,
                           const struct error *err, int64_t now);
void attempts_note_success(struct attempts *attempts, enum action_type type, const char *pod, const char *peer);
void attempts_free(struct attempts *attempts);

#endif
