/* Pauses between attempts: doubling up to a limit, with jitter, so that many who lost the same server do not all come
 * back at the same moment. */
#ifndef AGKEEPER_KUBE_BACKOFF_H
#define AGKEEPER_KUBE_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t first_ms;
	int64_t longest_ms;
	int64_t next_ms; /* 0: the first one is next */
};

/* The next pause: between half and all of the current step. */
int64_t backoff_next_ms(struct backoff *backoff);
/* All is well again. */
void backoff_reset(struct backoff *backoff);

/* A number from 0 to below `limit`; 0 when limit is not positive. */
int64_t jitter(int64_t limit);

#endif
