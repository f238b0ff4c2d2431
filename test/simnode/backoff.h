/* The pause before a container that ended is started again, as the kubelet keeps it (client-go, util/flowcontrol
 * Backoff): none before the first restart, then 10 s, doubling up to 5 minutes; forgotten when a run lasted so long
 * that ten minutes have passed since the last restart. */
#ifndef SIMNODE_BACKOFF_H
#define SIMNODE_BACKOFF_H

#include <stdint.h>

enum { BACKOFF_FIRST_MS = 10 * 1000, BACKOFF_LAST_MS = 300 * 1000 };

/* Zero-initialise it. */
struct backoff {
	int64_t delay_ms;   /* 0: nothing remembered */
	int64_t updated_at; /* monotonic milliseconds of the last restart */
};

/* When a container that ended at `finished_at` may be started again (monotonic milliseconds; may be past). */
int64_t backoff_until(const struct backoff *backoff, int64_t finished_at);

/* Remembers that it is started again at `now`, after having ended at `finished_at`. */
void backoff_next(struct backoff *backoff, int64_t finished_at, int64_t now);

#endif
