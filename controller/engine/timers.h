/* The timers of the work queue: a binary heap, whose first element is due first. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_TIMERS_H
#define AGKEEPER_CONTROLLER_ENGINE_TIMERS_H

#include "controller/engine/keys.h"

/* Zero-initialise it. */
struct timers {
	struct work **heap;
	size_t count;
	size_t capacity;
};

/* The one that is due first, or NULL. */
struct work *timers_first(const struct timers *timers);
static inline bool timers_has(const struct work *work) {
	return work->timer_number != 0;
}
/* Sets or moves the timer. */
void timers_set(struct timers *timers, struct work *work, int64_t at);
/* Fine when there is none. */
void timers_remove(struct timers *timers, struct work *work);
void timers_free(struct timers *timers);

#endif
