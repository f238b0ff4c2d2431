#include "simnode/backoff.h"

#include <stdbool.h>

static bool is_forgotten(const struct backoff *backoff, int64_t finished_at) {
	return backoff->delay_ms == 0 || finished_at - backoff->updated_at > 2 * (int64_t)BACKOFF_LAST_MS;
}

int64_t backoff_until(const struct backoff *backoff, int64_t finished_at) {
	return is_forgotten(backoff, finished_at) ? finished_at : finished_at + backoff->delay_ms;
}

void backoff_next(struct backoff *backoff, int64_t finished_at, int64_t now) {
	if (is_forgotten(backoff, finished_at)) backoff->delay_ms = BACKOFF_FIRST_MS;
	else if (backoff->delay_ms < BACKOFF_LAST_MS / 2) backoff->delay_ms *= 2;
	else backoff->delay_ms = BACKOFF_LAST_MS;
	backoff->updated_at = now;
}
