#include "base/quantity.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct suffix {
	const char *text;
	int power_of_10;
	int power_of_2;
} suffixes[] = {
	{ "", 0, 0 },    { "n", -9, 0 },  { "u", -6, 0 },  { "m", -3, 0 },  { "k", 3, 0 },   { "M", 6, 0 },
	{ "G", 9, 0 },   { "T", 12, 0 },  { "P", 15, 0 },  { "E", 18, 0 },  { "Ki", 0, 10 }, { "Mi", 0, 20 },
	{ "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
};

enum { EXPONENT_MAX = 1000000 };

/* The suffix as powers; false when `text` is none. "e3" and "E-2" are exponents, "E" alone is exa. */
static bool read_suffix(const char *text, int *power_of_10, int *power_of_2) {
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(text, suffixes[i].text) == 0) {
			*power_of_10 = suffixes[i].power_of_10;
			*power_of_2 = suffixes[i].power_of_2;
			return true;
		}
	}
	if (text[0] != 'e' && text[0] != 'E') return false;
	const char *digits = text + 1 + (text[1] == '+' || text[1] == '-');
	size_t count = strspn(digits, "0123456789");
	if (count == 0 || digits[count] != '\0') return false;
	errno = 0;
	long exponent = strtol(text + 1, NULL, 10);
	if (errno != 0) return false;
	/* Past these every value but 0 is too large, or rounds to the smallest. */
	if (exponent > EXPONENT_MAX) exponent = EXPONENT_MAX;
	if (exponent < -EXPONENT_MAX) exponent = -EXPONENT_MAX;
	*power_of_10 = (int)exponent;
	*power_of_2 = 0;
	return true;
}

bool quantity_parse(const char *text, struct quantity *quantity) {
	const __int128 limit = (__int128)LLONG_MAX * 1000000000;
	const char *p = text;
	bool negative = *p == '-';
	if (*p == '-' || *p == '+') p++;

	size_t whole_digits = strspn(p, "0123456789");
	const char *fraction = p + whole_digits;
	size_t fraction_digits = 0;
	if (*fraction == '.') fraction_digits = strspn(fraction + 1, "0123456789");
	if (whole_digits + fraction_digits == 0) return false;
	const char *suffix = *fraction == '.' ? fraction + 1 + fraction_digits : fraction;
	int power_of_10;
	int power_of_2;
	if (!read_suffix(suffix, &power_of_10, &power_of_2)) return false;

	/* Collect the digits as one integer of `scale` decimals, as many as fit into 127 bits (60 are the suffix's
	 * where it is binary); past them only "is there more" counts. */
	const int most = power_of_2 != 0 ? 20 : 37;
	__int128 digits = 0;
	int scale = 0;
	bool more = false;
	int significant = 0;
	for (const char *d = p; d < suffix; d++) {
		if (*d == '.') continue;
		bool in_fraction = d > fraction;
		if (significant < most && (significant > 0 || *d != '0')) significant++;
		else if (significant >= most) {
			if (!in_fraction) return false;
			more = more || *d != '0';
			continue;
		}
		digits = digits * 10 + (*d - '0');
		if (in_fraction) scale++;
	}
	if (digits == 0 && !more) {
		quantity->nano = 0;
		return true;
	}

	/* nano = digits × 2^power_of_2 × 10^(9 + power_of_10 − scale), rounded away from zero. */
	int decimal = 9 + power_of_10 - scale;
	__int128 value = digits;
	for (int i = 0; i < power_of_2; i += 10) {
		if (__builtin_mul_overflow(value, (__int128)1024, &value)) return false;
	}
	for (; decimal > 0; decimal--) {
		if (__builtin_mul_overflow(value, (__int128)10, &value)) return false;
	}
	for (; decimal < 0 && value != 0; decimal++) {
		more = more || value % 10 != 0;
		value /= 10;
	}
	if (more) value++;
	if (value > limit) return false;
	quantity->nano = negative ? -value : value;
	return true;
}

bool quantity_from_json(const struct json_object *json, struct quantity *quantity) {
	/* Not json_object_get_string for both: of an integer, json-c keeps the text inside the object. */
	if (json_object_is_type(json, json_type_string)) {
		return quantity_parse(json_object_get_string((struct json_object *)json), quantity);
	}
	if (!json_object_is_type(json, json_type_int)) return false;
	char text[24];
	snprintf(text, sizeof(text), "%" PRId64, json_object_get_int64(json));
	return quantity_parse(text, quantity);
}

int quantity_compare(struct quantity a, struct quantity b) {
	return (a.nano > b.nano) - (a.nano < b.nano);
}

long long quantity_value(struct quantity quantity) {
	__int128 whole = quantity.nano / 1000000000;
	__int128 rest = quantity.nano % 1000000000;
	whole += (rest > 0) - (rest < 0);
	return (long long)whole;
}
