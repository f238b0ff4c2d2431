/* Log lines that outsiders can cause, at most a few a second, so that a flood of bad requests does not fill the disk.
 * What was left out is counted and said with the next line. */
#ifndef AGKEEPER_WEBHOOK_LOG_LIMIT_H
#define AGKEEPER_WEBHOOK_LOG_LIMIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { LOG_LIMIT_PER_SECOND = 10 };

struct log_limit {
	_Atomic int64_t second;
	atomic_int lines; /* in that second */
	_Atomic int64_t omitted;
};

/* Whether a line may be written now; *omitted is how many were not since the last one that was. */
bool log_limit_allows(struct log_limit *limit, int64_t now_ns, int64_t *omitted);

#endif
