#include "kube/backoff.h"

#include <stdlib.h>

int64_t jitter(int64_t limit) {
	if (limit <= 0) return 0;
	return (int64_t)arc4random_uniform(limit < UINT32_MAX ? (uint32_t)limit : UINT32_MAX);
}

int64_t backoff_next_ms(struct backoff *backoff) {
	int64_t step = backoff->next_ms != 0 ? backoff->next_ms : backoff->first_ms;
	if (step > backoff->longest_ms) step = backoff->longest_ms;
	backoff->next_ms = step * 2;
	return step - jitter(step / 2 + 1);
}

void backoff_reset(struct backoff *backoff) {
	backoff->next_ms = 0;
}
