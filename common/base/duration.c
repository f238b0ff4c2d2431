#include "base/duration.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
	const char *name;
	uint64_t nanoseconds;
} units[] = {
	/* Longer names first where one starts with another. */
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xC2\xB5s", 1000 }, /* µs, micro sign */
	{ "\xCE\xBCs", 1000 }, /* μs, Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * UINT64_C(1000000000) },
	{ "h", 3600 * UINT64_C(1000000000) },
};

static const struct unit *find_unit(const char *text) {
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0) return &units[i];
	}
	return NULL;
}

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

/* The digits at *text, moving it behind them; false when they do not fit. */
static bool read_whole(const char **text, uint64_t *whole) {
	*whole = 0;
	for (; is_digit(**text); (*text)++) {
		if (__builtin_mul_overflow(*whole, UINT64_C(10), whole) ||
		    __builtin_add_overflow(*whole, (uint64_t)(**text - '0'), whole))
			return false;
	}
	return true;
}

/* The digits at *text as the decimals of a `unit`, in nanoseconds. In floating point and with digits that do not fit
 * passed over, as Go does it, so that both read 0.3333333333333333333h as 20m. */
static uint64_t read_fraction(const char **text, uint64_t unit) {
	uint64_t digits = 0;
	double scale = 1;
	bool is_full = false;
	for (; is_digit(**text); (*text)++) {
		is_full = is_full || digits > (INT64_MAX - 9) / 10;
		if (is_full) continue;
		digits = digits * 10 + (uint64_t)(**text - '0');
		scale *= 10;
	}
	return (uint64_t)((double)digits * ((double)unit / scale));
}

/* One number with its unit at *text, moving it behind them. */
static bool read_part(const char **text, uint64_t *nanoseconds) {
	const char *start = *text;
	uint64_t whole;
	if (!read_whole(text, &whole)) return false;
	const char *decimals = NULL;
	size_t digits = (size_t)(*text - start);
	if (**text == '.') {
		decimals = ++*text;
		size_t count = strspn(decimals, "0123456789");
		*text += count;
		digits += count;
	}
	const struct unit *unit = find_unit(*text);
	if (digits == 0 || unit == NULL) return false;
	*text += strlen(unit->name);
	uint64_t fraction = decimals != NULL ? read_fraction(&decimals, unit->nanoseconds) : 0;
	return !__builtin_mul_overflow(whole, unit->nanoseconds, nanoseconds) &&
	       !__builtin_add_overflow(*nanoseconds, fraction, nanoseconds);
}

bool duration_parse(const char *text, int64_t *nanoseconds) {
	const char *p = text;
	bool is_negative = *p == '-';
	if (*p == '-' || *p == '+') p++;
	if (strcmp(p, "0") == 0) {
		*nanoseconds = 0;
		return true;
	}
	if (*p == '\0') return false;
	/* INT64_MIN has one nanosecond more than INT64_MAX. */
	const uint64_t limit = (uint64_t)INT64_MAX + is_negative;
	uint64_t total = 0;
	while (*p != '\0') {
		uint64_t part;
		if (!read_part(&p, &part)) return false;
		if (__builtin_add_overflow(total, part, &total) || total > limit) return false;
	}
	*nanoseconds = is_negative ? (int64_t)-total : (int64_t)total;
	return true;
}
