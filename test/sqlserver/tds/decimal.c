#include "sqlserver/tds/decimal.h"

#include <ctype.h>
#include <string.h>

enum { MOST_DIGITS = 38 };

static unsigned __int128 power_of_ten(int exponent) {
	unsigned __int128 power = 1;
	while (exponent-- > 0) power *= 10;
	return power;
}

bool tds_decimal_fits(unsigned __int128 magnitude, int precision) {
	return magnitude < power_of_ten(precision);
}

/* Adds a digit; false when there would be too many. */
static bool push_digit(unsigned __int128 *magnitude, int digit) {
	if (!tds_decimal_fits(*magnitude, MOST_DIGITS - 1)) return false;
	*magnitude = *magnitude * 10 + (unsigned)digit;
	return true;
}

static bool parse_digits(const char *text, int scale, unsigned __int128 *magnitude) {
	size_t digits = 0;
	for (; isdigit((unsigned char)*text); text++, digits++) {
		if (!push_digit(magnitude, *text - '0')) return false;
	}
	if (*text == '.') text++;
	for (; isdigit((unsigned char)*text); text++, digits++) {
		if (scale > 0 && (scale--, !push_digit(magnitude, *text - '0'))) return false;
	}
	for (; scale > 0; scale--) {
		if (!push_digit(magnitude, 0)) return false;
	}
	return digits > 0 && *text == '\0';
}

bool tds_decimal_parse(const char *text, int scale, bool *is_negative, unsigned __int128 *magnitude) {
	*is_negative = *text == '-';
	*magnitude = 0;
	if (*text == '-' || *text == '+') text++;
	if (parse_digits(text, scale, magnitude)) return true;
	*magnitude = 0;
	return false;
}

void tds_decimal_print(struct strbuf *to, bool is_negative, unsigned __int128 magnitude, int scale) {
	char digits[MOST_DIGITS + 3] = { 0 };
	size_t at = sizeof(digits) - 1;
	bool is_zero = magnitude == 0;
	for (int i = 0; magnitude != 0 || i <= scale; i++, magnitude /= 10) {
		if (i == scale && scale > 0) digits[--at] = '.';
		digits[--at] = (char)('0' + (int)(magnitude % 10));
	}
	if (is_negative && !is_zero) strbuf_append_char(to, '-');
	strbuf_append(to, digits + at);
}
