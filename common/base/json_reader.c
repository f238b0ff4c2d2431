#include "base/json_reader.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "base/utf8.h"

struct reader {
	const char *at;
	const char *end;
	const char *problem;
	size_t room;           /* bytes that the tree may still take */
	struct strbuf scratch; /* keys, numbers and strings with escapes: what must be copied before json-c takes it */
};

static bool refuse(struct reader *reader, const char *problem) {
	reader->problem = reader->at < reader->end ? problem : "the text ends too early";
	return false;
}

static bool refuse_at(struct reader *reader, const char *at, const char *problem) {
	reader->at = at;
	return refuse(reader, problem);
}

/* What json-c (0.16) takes for each, with malloc's own share: an object starts with a table of 16 entries. */
enum { OBJECT_COST = 800, ARRAY_COST = 160, SCALAR_COST = 64, MEMBER_COST = 64, ELEMENT_COST = 16 };

static bool afford(struct reader *reader, size_t cost) {
	if (cost > reader->room) return refuse(reader, "too many values");
	reader->room -= cost;
	return true;
}

/* The next byte; NUL, which no rule allows, at the end. */
static char peek(const struct reader *reader) {
	return reader->at < reader->end ? *reader->at : '\0';
}

static void skip_space(struct reader *reader) {
	for (;;) {
		char c = peek(reader);
		if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
		reader->at++;
	}
}

/* ---- Strings ---- */

static bool is_digit(char c) {
	return c >= '0' && c <= '9';
}

static int hex_value(char c) {
	if (is_digit(c)) return c - '0';
	if (c >= 'a' && c <= 'f') return c - 'a' + 10;
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return -1;
}

static bool read_hex4(struct reader *reader, unsigned *code) {
	*code = 0;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(peek(reader));
		if (digit < 0) return refuse(reader, "\\u needs four hexadecimal digits");
		*code = *code * 16 + (unsigned)digit;
		reader->at++;
	}
	return true;
}

static void append_utf8(struct strbuf *buf, unsigned code) {
	char bytes[4];
	size_t length = 0;
	if (code < 0x80) {
		bytes[length++] = (char)code;
	} else if (code < 0x800) {
		bytes[length++] = (char)(0xC0 | code >> 6);
		bytes[length++] = (char)(0x80 | (code & 0x3F));
	} else if (code < 0x10000) {
		bytes[length++] = (char)(0xE0 | code >> 12);
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3F));
		bytes[length++] = (char)(0x80 | (code & 0x3F));
	} else {
		bytes[length++] = (char)(0xF0 | code >> 18);
		bytes[length++] = (char)(0x80 | (code >> 12 & 0x3F));
		bytes[length++] = (char)(0x80 | (code >> 6 & 0x3F));
		bytes[length++] = (char)(0x80 | (code & 0x3F));
	}
	strbuf_append_n(buf, bytes, length);
}

enum { REPLACEMENT = 0xFFFD };

/* Behind "\u". A surrogate without its other half stands for no character: U+FFFD, as Go and json-c read it. */
static bool read_unicode_escape(struct reader *reader, bool is_key) {
	unsigned code;
	if (!read_hex4(reader, &code)) return false;
	if (code == 0 && is_key) return refuse(reader, "a NUL character in a key");
	if (code >= 0xD800 && code <= 0xDFFF) {
		unsigned high = code;
		code = REPLACEMENT;
		if (high < 0xDC00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u') {
			const char *start = reader->at;
			unsigned low;
			reader->at += 2;
			if (!read_hex4(reader, &low)) return false;
			if (low >= 0xDC00 && low <= 0xDFFF) code = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
			else reader->at = start;
		}
	}
	append_utf8(&reader->scratch, code);
	return true;
}

static bool read_escape(struct reader *reader, bool is_key) {
	static const char names[] = "\"\\/bfnrt", characters[] = "\"\\/\b\f\n\r\t";
	reader->at++;
	char c = peek(reader);
	const char *name = c != '\0' ? strchr(names, c) : NULL;
	if (name == NULL && c != 'u') return refuse(reader, "unknown escape in a string");
	reader->at++;
	if (c == 'u') return read_unicode_escape(reader, is_key);
	strbuf_append_char(&reader->scratch, characters[name - names]);
	return true;
}

/* Passes over the plain characters from here on. */
static bool skip_plain(struct reader *reader) {
	for (;;) {
		unsigned char c = (unsigned char)peek(reader);
		if (c == '"' || c == '\\') return true;
		if (c < 0x20) return refuse(reader, "a control character in a string (it must be escaped)");
		if (c < 0x80) {
			reader->at++;
			continue;
		}
		size_t width = utf8_char_length(reader->at, (size_t)(reader->end - reader->at));
		if (width == 0) return refuse(reader, "bytes that are not UTF-8");
		reader->at += width;
	}
}

/* Reads a string; its characters are at *start then: in the text itself, or in the scratch when it has escapes (or is
 * a key, which must end in NUL). */
static bool read_string(struct reader *reader, bool is_key, const char **start, size_t *length) {
	*start = ++reader->at;
	if (!skip_plain(reader)) return false;
	*length = (size_t)(reader->at - *start);
	if (*reader->at == '"' && !is_key) {
		reader->at++;
		return true;
	}
	strbuf_reset(&reader->scratch);
	strbuf_append_n(&reader->scratch, *start, *length);
	while (*reader->at != '"') {
		if (!read_escape(reader, is_key)) return false;
		const char *plain = reader->at;
		if (!skip_plain(reader)) return false;
		strbuf_append_n(&reader->scratch, plain, (size_t)(reader->at - plain));
	}
	reader->at++;
	*start = reader->scratch.data;
	*length = reader->scratch.length;
	return true;
}

static bool read_string_value(struct reader *reader, struct json_object **value) {
	const char *start;
	size_t length;
	if (!read_string(reader, false, &start, &length) || !afford(reader, SCALAR_COST + length)) return false;
	*value = json_object_new_string_len(start, (int)length);
	return true;
}

/* ---- Numbers and words ---- */

static bool skip_digits(struct reader *reader) {
	if (!is_digit(peek(reader))) return refuse(reader, "a digit expected");
	while (is_digit(peek(reader))) reader->at++;
	return true;
}

static bool read_integer(struct reader *reader, const char *start, struct json_object **value) {
	bool is_negative = *start == '-';
	uint64_t number = 0;
	for (const char *p = start + is_negative; p < reader->at; p++) {
		if (__builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return refuse_at(reader, start, "an integer that does not fit into 64 bits");
	}
	if (!is_negative) {
		*value = number <= INT64_MAX ? json_object_new_int64((int64_t)number) : json_object_new_uint64(number);
		return true;
	}
	if (number > (uint64_t)INT64_MAX + 1) {
		return refuse_at(reader, start, "an integer that does not fit into 64 bits");
	}
	*value = json_object_new_int64((int64_t)(0 - number));
	return true;
}

static bool read_double(struct reader *reader, const char *start, struct json_object **value) {
	strbuf_reset(&reader->scratch);
	strbuf_append_n(&reader->scratch, start, (size_t)(reader->at - start));
	double number = strtod(reader->scratch.data, NULL);
	if (!isfinite(number)) return refuse_at(reader, start, "a number is too large");
	*value = json_object_new_double(number);
	return true;
}

static bool read_number(struct reader *reader, struct json_object **value) {
	const char *start = reader->at;
	if (!afford(reader, SCALAR_COST)) return false;
	if (*start == '-') reader->at++;
	const char *digits = reader->at;
	if (!skip_digits(reader)) return false;
	if (*digits == '0' && reader->at - digits > 1) {
		return refuse_at(reader, digits, "a number with a leading zero");
	}
	bool is_integer = true;
	if (peek(reader) == '.') {
		is_integer = false;
		reader->at++;
		if (!skip_digits(reader)) return false;
	}
	if (peek(reader) == 'e' || peek(reader) == 'E') {
		is_integer = false;
		reader->at++;
		if (peek(reader) == '+' || peek(reader) == '-') reader->at++;
		if (!skip_digits(reader)) return false;
	}
	return is_integer ? read_integer(reader, start, value) : read_double(reader, start, value);
}

static bool skip_word(struct reader *reader, const char *word) {
	for (; *word != '\0'; word++) {
		if (peek(reader) != *word) return refuse(reader, "a value expected");
		reader->at++;
	}
	return true;
}

static bool read_boolean(struct reader *reader, bool boolean, struct json_object **value) {
	if (!skip_word(reader, boolean ? "true" : "false") || !afford(reader, SCALAR_COST)) return false;
	*value = json_object_new_boolean(boolean);
	return true;
}

/* ---- Objects and arrays: the opening bracket is read, `depth` of them are open ---- */

static bool read_value(struct reader *reader, int depth, struct json_object **value);

static bool read_member(struct reader *reader, int depth, struct json_object *object) {
	const char *key_at = reader->at;
	const char *start;
	size_t length;
	if (peek(reader) != '"') return refuse(reader, "a key in double quotes expected");
	if (!read_string(reader, true, &start, &length) || !afford(reader, MEMBER_COST + length)) return false;
	/* The scratch is needed again before the key is. */
	char on_stack[64];
	cleanup_free char *on_heap = length < sizeof(on_stack) ? NULL : xstrndup(start, length);
	const char *key = on_heap != NULL ? on_heap : memcpy(on_stack, start, length + 1);
	skip_space(reader);
	if (peek(reader) != ':') return refuse(reader, "':' expected");
	reader->at++;
	skip_space(reader);
	struct json_object *value = NULL;
	if (!read_value(reader, depth, &value)) return false;
	int before = json_object_object_length(object);
	json_object_object_add(object, key, value);
	if (json_object_object_length(object) != before) return true;
	return refuse_at(reader, key_at, "an object has the same key twice");
}

static bool read_element(struct reader *reader, int depth, struct json_object *array) {
	struct json_object *value = NULL;
	if (!afford(reader, ELEMENT_COST) || !read_value(reader, depth, &value)) return false;
	json_object_array_add(array, value);
	return true;
}

static bool read_container(struct reader *reader, int depth, struct json_object *container) {
	bool is_object = json_object_is_type(container, json_type_object);
	const char close = is_object ? '}' : ']';
	reader->at++;
	skip_space(reader);
	if (peek(reader) == close) {
		reader->at++;
		return true;
	}
	for (;;) {
		bool is_read =
		        is_object ? read_member(reader, depth, container) : read_element(reader, depth, container);
		if (!is_read) return false;
		skip_space(reader);
		char c = peek(reader);
		if (c != ',' && c != close) {
			return refuse(reader, is_object ? "',' or '}' expected" : "',' or ']' expected");
		}
		reader->at++;
		if (c == close) return true;
		skip_space(reader);
	}
}

static bool read_whole_container(struct reader *reader, int depth, bool is_object, struct json_object **value) {
	if (depth > JSON_MAX_DEPTH) return refuse(reader, "nested too deep");
	if (!afford(reader, is_object ? OBJECT_COST : ARRAY_COST)) return false;
	cleanup_json struct json_object *container =
	        is_object ? json_object_new_object() : json_object_new_array_ext(4);
	if (!read_container(reader, depth, container)) return false;
	*value = take(&container);
	return true;
}

static bool read_value(struct reader *reader, int depth, struct json_object **value) {
	char c = peek(reader);
	switch (c) {
	case '{': return read_whole_container(reader, depth + 1, true, value);
	case '[': return read_whole_container(reader, depth + 1, false, value);
	case '"': return read_string_value(reader, value);
	case 't': return read_boolean(reader, true, value);
	case 'f': return read_boolean(reader, false, value);
	case 'n': return skip_word(reader, "null");
	default: return c == '-' || is_digit(c) ? read_number(reader, value) : refuse(reader, "a value expected");
	}
}

bool json_read(const char *text, size_t length, struct json_object **json, struct json_problem *problem) {
	struct reader reader = { .at = text, .end = text + length, .room = JSON_MAX_MEMORY };
	cleanup_json struct json_object *value = NULL;
	skip_space(&reader);
	bool is_json = read_value(&reader, 0, &value);
	if (is_json) {
		skip_space(&reader);
		if (reader.at < reader.end) is_json = refuse(&reader, "text after the end");
	}
	strbuf_free(&reader.scratch);
	*problem = (struct json_problem){ .at = (size_t)(reader.at - text), .text = reader.problem };
	*json = is_json ? take(&value) : NULL;
	return is_json;
}
