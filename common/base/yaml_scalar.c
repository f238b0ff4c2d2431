#include "base/yaml_scalar.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

bool yaml_is_one_of(const char *text, const char *const *words) {
	for (; *words != NULL; words++) {
		if (strcmp(text, *words) == 0) return true;
	}
	return false;
}

static const char *const words_null[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const words_true[] = {
	"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL
};
static const char *const words_false[] = { "n",     "N",     "no",  "No",  "NO",  "false",
	                                   "False", "FALSE", "off", "Off", "OFF", NULL };

/* No number has these; JSON cannot write them. */
static const char *const words_not_finite[] = { ".inf",  ".Inf",  ".INF", "+.inf", "+.Inf", "+.INF", "-.inf",
	                                        "-.Inf", "-.INF", ".nan", ".NaN",  ".NAN",  NULL };

/* An integer in any of YAML 1.1's bases; NULL when `digits` are none. */
static struct json_object *resolve_integer(const char *digits) {
	const char *number = digits + (digits[0] == '-' || digits[0] == '+');
	int base = 10;
	size_t prefix = 0;
	if (number[0] == '0' && number[1] != '\0') {
		char letter = (char)(number[1] | 0x20);
		base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
		prefix = letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1;
	}
	static const char valid[] = "0123456789abcdefABCDEF";
	const char *body = number + prefix;
	if (*body == '\0' || strspn(body, valid) != strlen(body)) return NULL;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(body, &end, base);
	if (*end != '\0' || errno != 0) return NULL;
	if (digits[0] == '-') {
		if (value > (unsigned long long)INT64_MAX + 1) return NULL;
		return json_object_new_int64((int64_t)-value);
	}
	return value > (unsigned long long)INT64_MAX ? json_object_new_uint64(value)
	                                             : json_object_new_int64((int64_t)value);
}

/* A decimal fraction or one with an exponent; NULL when `text` is none. Whole ones become integers, as they do on the
 * way from Go's YAML through its JSON into the API server: 08 and 1e3 are 8 and 1000 there. */
static struct json_object *resolve_float(const char *text) {
	const char *p = text + (*text == '-' || *text == '+');
	size_t whole = strspn(p, "0123456789");
	const char *rest = p + whole;
	size_t fraction = 0;
	if (*rest == '.') {
		fraction = strspn(rest + 1, "0123456789");
		rest += 1 + fraction;
	}
	if (whole + fraction == 0) return NULL;
	if (*rest == 'e' || *rest == 'E') {
		rest += 1 + (rest[1] == '-' || rest[1] == '+');
		size_t exponent = strspn(rest, "0123456789");
		if (exponent == 0) return NULL;
		rest += exponent;
	}
	if (*rest != '\0') return NULL;
	double value = strtod(text, NULL);
	if (!isfinite(value)) return NULL;
	bool is_whole = value >= -0x1p63 && value < 0x1p63 && (double)(int64_t)value == value;
	return is_whole ? json_object_new_int64((int64_t)value) : json_object_new_double(value);
}

struct json_object *yaml_resolve_plain(const char *text, bool *is_string) {
	*is_string = false;
	if (yaml_is_one_of(text, words_null)) return NULL;
	if (yaml_is_one_of(text, words_true)) return json_object_new_boolean(true);
	if (yaml_is_one_of(text, words_false)) return json_object_new_boolean(false);
	if (strchr("+-.0123456789", text[0]) != NULL) {
		/* 1_000_000 is a million. */
		cleanup_free char *digits = xstrdup(text);
		char *to = digits;
		for (const char *from = text; *from != '\0'; from++) {
			if (*from != '_') *to++ = *from;
		}
		*to = '\0';
		struct json_object *number = resolve_integer(digits);
		if (number == NULL) number = resolve_float(digits);
		if (number != NULL) return number;
	}
	*is_string = true;
	return NULL;
}

bool yaml_is_not_finite(const char *text) {
	return yaml_is_one_of(text, words_not_finite);
}
