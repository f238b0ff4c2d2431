/* Time: a monotonic clock for durations and deadlines, the wall clock for what people read. */
#ifndef AGKEEPER_BASE_CLOCK_H
#define AGKEEPER_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC: only differences mean something. */
int64_t clock_monotonic_ns(void);
static inline int64_t clock_monotonic_ms(void) {
	return clock_monotonic_ns() / 1000000;
}

/* Seconds since 1970 (UTC). */
int64_t clock_wall_seconds(void);
/* Microseconds since then. */
int64_t clock_wall_us(void);

/* RFC 3339 as Kubernetes writes it ("2026-11-22T10:00:00Z", with milliseconds for logs and MicroTime). */
enum { CLOCK_RFC3339_SIZE = 40 };
char *clock_now_rfc3339(char buffer[CLOCK_RFC3339_SIZE]);
char *clock_format_rfc3339(int64_t seconds, char buffer[CLOCK_RFC3339_SIZE]);
/* The same from microseconds since 1970, with all six digits: Kubernetes' MicroTime. */
char *clock_format_micro_time(int64_t microseconds, char buffer[CLOCK_RFC3339_SIZE]);
/* Seconds since 1970 of an RFC 3339 time (fractions are dropped); -1 when `text` is none. As strict as Go: capital T
 * and Z, no leap seconds, only days that exist. */
int64_t clock_parse_rfc3339(const char *text);
/* The same in microseconds; further digits are dropped. */
int64_t clock_parse_micro_time(const char *text);

#endif
