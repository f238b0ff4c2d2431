/* Reads JSON exactly as RFC 8259 has it, into json-c's trees.
 *
 * json-c's own parser (0.16) is too kind for outside input: even in its strict mode it takes single-quoted keys, NaN
 * and Infinity, "1." and "00", raw control characters, overlong UTF-8 and surrogates; it turns integers beyond 64 bits
 * into the largest one, cuts keys at \u0000 and keeps the last of two equal keys without a word. Reading once and
 * strictly is also faster than its parser alone, and every request is parsed. */
#ifndef AGKEEPER_BASE_JSON_READER_H
#define AGKEEPER_BASE_JSON_READER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

struct json_problem {
	size_t at;        /* the byte */
	const char *text; /* static */
};

/* Reads the `length` bytes at `text`, which must be exactly one JSON text, nested at most JSON_MAX_DEPTH deep and
 * taking at most JSON_MAX_MEMORY, with integers that fit into 64 bits, numbers that a double can hold and without NUL
 * in a key. The caller owns *json; a bare `null` is NULL. False, and *problem, when it is none. */
bool json_read(const char *text, size_t length, struct json_object **json, struct json_problem *problem);

#endif
