/* Durations as Go and Kubernetes write them: "300ms", "1h30m", "10m" (Go's time.ParseDuration). */
#ifndef AGKEEPER_BASE_DURATION_H
#define AGKEEPER_BASE_DURATION_H

#include <stdbool.h>
#include <stdint.h>

/* Reads `text` into nanoseconds; false when it is no duration or does not fit. */
bool duration_parse(const char *text, int64_t *nanoseconds);

#endif
