/* The grammar of RFC 8259, checked before json-c reads a text.
 *
 * Even in its strict mode json-c (0.16) takes single-quoted keys, NaN and Infinity, "1." and "00", raw control
 * characters, overlong UTF-8 and surrogates; it turns integers beyond 64 bits into the largest one and cuts keys at
 * \u0000. */
#ifndef AGKEEPER_BASE_JSON_GRAMMAR_H
#define AGKEEPER_BASE_JSON_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
	size_t at;           /* where the scan ended: behind the text, or at what is wrong */
	size_t members;      /* of all objects together, equal keys included */
	const char *problem; /* static; NULL when nothing is wrong */
};

/* Whether the `length` bytes at `text` are exactly one JSON text, nested at most JSON_MAX_DEPTH deep, with integers
 * that fit into 64 bits and without NUL in a key. */
bool json_scan(const char *text, size_t length, struct json_scan *scan);

#endif
