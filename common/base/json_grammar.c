#include "base/json_grammar.h"

#include <string.h>

#include "base/json.h"
#include "base/utf8.h"

struct scanner {
	const char *at;
	const char *end;
	size_t members;
	const char *problem;
};

static bool refuse(struct scanner *scanner, const char *problem) {
	scanner->problem = scanner->at < scanner->end ? problem : "the text ends too early";
	return false;
}

/* The next byte; NUL, which no rule allows, at the end. */
static char peek(const struct scanner *scanner) {
	return scanner->at < scanner->end ? *scanner->at : '\0';
}

static void skip_space(struct scanner *scanner) {
	for (;;) {
		char c = peek(scanner);
		if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
		scanner->at++;
	}
}

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static int hex_value(char c) {
	if (is_digit(c)) return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

static bool scan_escape(struct scanner *scanner, bool is_key) {
	scanner->at++;
	char c = peek(scanner);
	if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL) return refuse(scanner, "unknown escape in a string");
	scanner->at++;
	if (c != 'u') return true;
	int code = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(peek(scanner));
		if (digit < 0) return refuse(scanner, "\\u needs four hexadecimal digits");
		code = code * 16 + digit;
		scanner->at++;
	}
	return code != 0 || !is_key || refuse(scanner, "a NUL character in a key");
}

static bool scan_string(struct scanner *scanner, bool is_key) {
	scanner->at++;
	for (;;) {
		unsigned char c = (unsigned char)peek(scanner);
		if (c == '"') break;
		if (c == '\\') {
			if (!scan_escape(scanner, is_key)) return false;
		} else if (c < 0x20) {
			return refuse(scanner, "a control character in a string (it must be escaped)");
		} else if (c < 0x80) {
			scanner->at++;
		} else {
			size_t width = utf8_char_length(scanner->at, (size_t)(scanner->end - scanner->at));
			if (width == 0) return refuse(scanner, "bytes that are not UTF-8");
			scanner->at += width;
		}
	}
	scanner->at++;
	return true;
}

static bool scan_digits(struct scanner *scanner) {
	if (!is_digit(peek(scanner))) return refuse(scanner, "a digit expected");
	while (is_digit(peek(scanner))) scanner->at++;
	return true;
}

/* Whether the digits say a number that fits into int64_t (negative) or uint64_t. */
static bool fits_64_bits(const char *digits, size_t count, bool is_negative) {
	const char *limit = is_negative ? "9223372036854775808" : "18446744073709551615";
	size_t limit_count = strlen(limit);
	return count < limit_count || (count == limit_count && memcmp(digits, limit, count) <= 0);
}

static bool scan_number(struct scanner *scanner) {
	const char *start = scanner->at;
	bool is_negative = *start == '-';
	if (is_negative) scanner->at++;
	const char *digits = scanner->at;
	if (!scan_digits(scanner)) return false;
	size_t count = (size_t)(scanner->at - digits);
	if (*digits == '0' && count > 1) {
		scanner->at = digits;
		return refuse(scanner, "a number with a leading zero");
	}
	bool is_integer = true;
	if (peek(scanner) == '.') {
		is_integer = false;
		scanner->at++;
		if (!scan_digits(scanner)) return false;
	}
	if (peek(scanner) == 'e' || peek(scanner) == 'E') {
		is_integer = false;
		scanner->at++;
		if (peek(scanner) == '+' || peek(scanner) == '-') scanner->at++;
		if (!scan_digits(scanner)) return false;
	}
	if (!is_integer || fits_64_bits(digits, count, is_negative)) return true;
	scanner->at = start;
	return refuse(scanner, "an integer that does not fit into 64 bits");
}

static bool scan_word(struct scanner *scanner, const char *word) {
	for (; *word != '\0'; word++) {
		if (peek(scanner) != *word) return refuse(scanner, "a value expected");
		scanner->at++;
	}
	return true;
}

static bool scan_value(struct scanner *scanner, int depth);

/* What stands between the brackets, `depth` of them being open. */
static bool scan_container(struct scanner *scanner, bool is_object, int depth) {
	const char close = is_object ? '}' : ']';
	if (depth > JSON_MAX_DEPTH) return refuse(scanner, "nested too deep");
	scanner->at++;
	skip_space(scanner);
	if (peek(scanner) == close) {
		scanner->at++;
		return true;
	}
	for (;;) {
		if (is_object) {
			if (peek(scanner) != '"') return refuse(scanner, "a key in double quotes expected");
			if (!scan_string(scanner, true)) return false;
			scanner->members++;
			skip_space(scanner);
			if (peek(scanner) != ':') return refuse(scanner, "':' expected");
			scanner->at++;
			skip_space(scanner);
		}
		if (!scan_value(scanner, depth)) return false;
		skip_space(scanner);
		char c = peek(scanner);
		if (c != ',' && c != close)
			return refuse(scanner, is_object ? "',' or '}' expected" : "',' or ']' expected");
		scanner->at++;
		if (c == close) return true;
		skip_space(scanner);
	}
}

static bool scan_value(struct scanner *scanner, int depth) {
	char c = peek(scanner);
	switch (c) {
	case '{': return scan_container(scanner, true, depth + 1);
	case '[': return scan_container(scanner, false, depth + 1);
	case '"': return scan_string(scanner, false);
	case 't': return scan_word(scanner, "true");
	case 'f': return scan_word(scanner, "false");
	case 'n': return scan_word(scanner, "null");
	default: return c == '-' || is_digit(c) ? scan_number(scanner) : refuse(scanner, "a value expected");
	}
}

bool json_scan(const char *text, size_t length, struct json_scan *scan) {
	struct scanner scanner = { .at = text, .end = text + length };
	skip_space(&scanner);
	bool is_json = scan_value(&scanner, 0);
	if (is_json) {
		skip_space(&scanner);
		if (scanner.at < scanner.end) is_json = refuse(&scanner, "text after the end");
	}
	*scan = (struct json_scan){
		.at = (size_t)(scanner.at - text),
		.members = scanner.members,
		.problem = scanner.problem,
	};
	return is_json;
}
