/* Little-endian numbers in and out of byte strings, as TDS has nearly all of its numbers. */
#ifndef TDS_BYTES_H
#define TDS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"

/* Reads through bytes that came from outside. Reading past the end gives zeros and sets `failed`, which stays set, so
 * that a parser may read what it expects and ask once. */
struct tds_reader {
	const uint8_t *bytes;
	size_t length;
	size_t at;
	bool failed;
};
struct tds_reader tds_reader(const void *bytes, size_t length);

/* `count` bytes, borrowed; NULL (and failed) when there are not so many. */
const uint8_t *tds_take(struct tds_reader *reader, size_t count);
uint8_t tds_take_u8(struct tds_reader *reader);
uint16_t tds_take_u16(struct tds_reader *reader);
uint16_t tds_take_u16_big(struct tds_reader *reader);
uint32_t tds_take_u32(struct tds_reader *reader);
uint64_t tds_take_u64(struct tds_reader *reader);
/* A number of 1 … 8 bytes. */
uint64_t tds_take_number(struct tds_reader *reader, size_t bytes);
size_t tds_left(const struct tds_reader *reader);

void tds_put(struct strbuf *to, const void *bytes, size_t count);
void tds_put_u8(struct strbuf *to, uint8_t number);
void tds_put_u16(struct strbuf *to, uint16_t number);
void tds_put_u16_big(struct strbuf *to, uint16_t number);
void tds_put_u32(struct strbuf *to, uint32_t number);
void tds_put_u64(struct strbuf *to, uint64_t number);
/* The lowest `bytes` (1 … 8) bytes of `number`. */
void tds_put_number(struct strbuf *to, uint64_t number, size_t bytes);

/* Puts `number` over the two bytes at `at`: for lengths that are known only when what they count has been written. */
void tds_patch_u16(struct strbuf *to, size_t at, uint16_t number);
void tds_patch_u32(struct strbuf *to, size_t at, uint32_t number);

#endif
