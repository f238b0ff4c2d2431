/* Dates and times: text as sessions have it, and the counts of days and of 100 ns that the wire's formats are made of.
 */
#ifndef TDS_MOMENT_H
#define TDS_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/strbuf.h"

enum {
	TDS_DAYS_TO_1900 = 693595, /* from 0001-01-01, where date counts from, to where datetime does */
	TDS_DAYS_IN_ALL = 3652059  /* 9999-12-31 is the last */
};

struct tds_moment {
	int64_t days;  /* since 0001-01-01 */
	int64_t ticks; /* of 100 ns since midnight */
};

/* Reads "2026-11-22", "10:00:00.123" or "2026-11-22 10:00:00.123"; false when `text` is none of them. */
bool tds_moment_parse(const char *text, struct tds_moment *moment);

void tds_moment_print_date(struct strbuf *to, const struct tds_moment *moment);
/* With `digits` (0 … 7) of the fraction, and no point when 0. */
void tds_moment_print_time(struct strbuf *to, const struct tds_moment *moment, int digits);

#endif
