#include "sqlserver/tds/moment.h"

#include <stdio.h>
#include <string.h>

enum { TICKS_PER_SECOND = 10 * 1000 * 1000, DAYS_PER_ERA = 146097, YEARS_PER_ERA = 400, DIGITS = 7 };

/* Years are counted from March, so that the day that comes and goes is a year's last. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day) {
	enum { MARCH_TO_JANUARY = 306 }; /* from 0000-03-01 to 0001-01-01 */
	if (month < 3) year--, month += 12;
	int64_t day_of_year = (153 * (month - 3) + 2) / 5 + day - 1;
	return year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - MARCH_TO_JANUARY;
}

static bool is_leap(int64_t year) {
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int64_t days_in_month(int64_t year, int64_t month) {
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return days[month - 1] + (month == 2 && is_leap(year));
}

static bool parse_date(const char **text, int64_t *days) {
	int year, month, day, length = 0;
	if (sscanf(*text, "%4d-%2d-%2d%n", &year, &month, &day, &length) != 3) return false;
	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
		return false;
	*days = days_from_date(year, month, day);
	*text += length;
	return true;
}

static bool parse_time(const char **text, int64_t *ticks) {
	int hour, minute, second, length = 0;
	if (sscanf(*text, "%2d:%2d:%2d%n", &hour, &minute, &second, &length) != 3) return false;
	if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
	*text += length;
	int64_t fraction = 0;
	if (**text == '.') {
		int digits = 0;
		for ((*text)++; **text >= '0' && **text <= '9' && digits < DIGITS; (*text)++, digits++)
			fraction = fraction * 10 + (**text - '0');
		for (; digits < DIGITS; digits++) fraction *= 10;
	}
	*ticks = ((hour * 60 + minute) * 60 + second) * (int64_t)TICKS_PER_SECOND + fraction;
	return true;
}

bool tds_moment_parse(const char *text, struct tds_moment *moment) {
	*moment = (struct tds_moment){ .days = TDS_DAYS_TO_1900 };
	bool has_date = strchr(text, '-') != NULL;
	if (has_date && !parse_date(&text, &moment->days)) return false;
	if (has_date && *text == '\0') return true;
	if (has_date && *text++ != ' ') return false;
	return parse_time(&text, &moment->ticks) && *text == '\0';
}

/* The 400 years of the Gregorian calendar's cycle, its centuries, its groups of four years, its years. */
static int64_t year_of(int64_t days, int64_t *day_of_year) {
	int64_t era = days / DAYS_PER_ERA, rest = days % DAYS_PER_ERA;
	int64_t century = rest / 36524 == 4 ? 3 : rest / 36524;
	rest -= century * 36524;
	int64_t group = rest / 1461;
	rest -= group * 1461;
	int64_t year = rest / 365 == 4 ? 3 : rest / 365;
	*day_of_year = rest - year * 365;
	return era * YEARS_PER_ERA + century * 100 + group * 4 + year + 1;
}

void tds_moment_print_date(struct strbuf *to, const struct tds_moment *moment) {
	int64_t day, month = 1;
	int64_t year = year_of(moment->days, &day);
	for (; day >= days_in_month(year, month); month++) day -= days_in_month(year, month);
	strbuf_printf(to, "%04d-%02d-%02d", (int)year, (int)month, (int)day + 1);
}

void tds_moment_print_time(struct strbuf *to, const struct tds_moment *moment, int digits) {
	int64_t seconds = moment->ticks / TICKS_PER_SECOND;
	int64_t fraction = moment->ticks % TICKS_PER_SECOND;
	strbuf_printf(to, "%02d:%02d:%02d", (int)(seconds / 3600), (int)(seconds / 60 % 60), (int)(seconds % 60));
	if (digits == 0) return;
	for (int i = digits; i < DIGITS; i++) fraction /= 10;
	strbuf_printf(to, ".%0*d", digits, (int)fraction);
}
