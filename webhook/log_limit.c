#include "webhook/log_limit.h"

bool log_limit_allows(struct log_limit *limit, int64_t now_ns, int64_t *omitted) {
	int64_t now = now_ns / 1000000000;
	int64_t second = atomic_load(&limit->second);
	/* Threads that meet at a second's turn may let a line more through: nobody minds. */
	if (second != now && atomic_compare_exchange_strong(&limit->second, &second, now))
		atomic_store(&limit->lines, 0);
	if (atomic_fetch_add(&limit->lines, 1) >= LOG_LIMIT_PER_SECOND) {
		atomic_fetch_add(&limit->omitted, 1);
		return false;
	}
	*omitted = atomic_exchange(&limit->omitted, 0);
	return true;
}
