/* Bytes of messages and files: numbers, texts and blobs one after the other, little endian, with lengths in front. */
#ifndef SIMSQL_WIRE_H
#define SIMSQL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

void wire_put(struct strbuf *buf, uint64_t number);
void wire_put_text(struct strbuf *buf, const char *text); /* NULL is written as "" */
void wire_put_bytes(struct strbuf *buf, const void *bytes, size_t length);

/* Reads from the front. What is not there reads as 0 or "", and sets `broken`. */
struct wire {
	const unsigned char *bytes;
	size_t length;
	bool broken;
};
uint64_t wire_get(struct wire *wire);
/* Owned by the caller, never NULL. */
char *wire_get_text(struct wire *wire);
/* Borrowed from the input; NULL and 0 when broken. */
const void *wire_get_bytes(struct wire *wire, size_t *length);
static inline struct wire wire_over(const void *bytes, size_t length) {
	return (struct wire){ .bytes = (const unsigned char *)bytes, .length = length };
}

#endif
