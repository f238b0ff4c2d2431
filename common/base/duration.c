#include "base/duration.h"

#include <stddef.h>
#include <string.h>

static const struct unit {
	const char *name;
	int64_t nanoseconds;
} units[] = {
	/* Longer names first where one starts with another. */
	{ "ns", 1 },
	{ "us", 1000 },
	{ "\xC2\xB5s", 1000 }, /* µs, micro sign */
	{ "\xCE\xBCs", 1000 }, /* μs, Greek mu */
	{ "ms", 1000000 },
	{ "s", 1000000000 },
	{ "m", 60 * INT64_C(1000000000) },
	{ "h", 3600 * INT64_C(1000000000) },
};

static const struct unit *find_unit(const char *text) {
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strncmp(text, units[i].name, strlen(units[i].name)) == 0) return &units[i];
	}
	return NULL;
}

bool duration_parse(const char *text, int64_t *nanoseconds) {
	const char *p = text;
	bool negative = *p == '-';
	if (*p == '-' || *p == '+') p++;
	if (strcmp(p, "0") == 0) {
		*nanoseconds = 0;
		return true;
	}
	if (*p == '\0') return false;
	int64_t total = 0;
	while (*p != '\0') {
		const char *start = p;
		int64_t whole = 0;
		for (; *p >= '0' && *p <= '9'; p++) {
			if (__builtin_mul_overflow(whole, 10, &whole) ||
			    __builtin_add_overflow(whole, *p - '0', &whole))
				return false;
		}
		bool any = p > start;
		const char *fraction = NULL;
		if (*p == '.') {
			fraction = ++p;
			while (*p >= '0' && *p <= '9') p++;
			any = any || p > fraction;
		}
		if (!any) return false;
		const struct unit *unit = find_unit(p);
		if (unit == NULL) return false;
		int64_t part;
		if (__builtin_mul_overflow(whole, unit->nanoseconds, &part)) return false;
		int64_t place = unit->nanoseconds;
		for (const char *d = fraction; d != NULL && *d >= '0' && *d <= '9' && place > 0; d++) {
			part += (*d - '0') * (place / 10);
			place /= 10;
		}
		if (__builtin_add_overflow(total, part, &total)) return false;
		p += strlen(unit->name);
	}
	*nanoseconds = negative ? -total : total;
	return true;
}
