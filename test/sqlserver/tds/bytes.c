#include "sqlserver/tds/bytes.h"

struct tds_reader tds_reader(const void *bytes, size_t length) {
	return (struct tds_reader){ .bytes = bytes, .length = length };
}

const uint8_t *tds_take(struct tds_reader *reader, size_t count) {
	if (reader->failed || count > reader->length - reader->at) {
		reader->failed = true;
		return NULL;
	}
	const uint8_t *bytes = reader->bytes + reader->at;
	reader->at += count;
	return bytes;
}

uint64_t tds_take_number(struct tds_reader *reader, size_t count) {
	const uint8_t *bytes = tds_take(reader, count);
	uint64_t number = 0;
	if (bytes == NULL) return 0;
	for (size_t i = count; i-- > 0;) number = number << 8 | bytes[i];
	return number;
}

uint8_t tds_take_u8(struct tds_reader *reader) {
	return (uint8_t)tds_take_number(reader, 1);
}

uint16_t tds_take_u16(struct tds_reader *reader) {
	return (uint16_t)tds_take_number(reader, 2);
}

uint16_t tds_take_u16_big(struct tds_reader *reader) {
	return __builtin_bswap16(tds_take_u16(reader));
}

uint32_t tds_take_u32(struct tds_reader *reader) {
	return (uint32_t)tds_take_number(reader, 4);
}

uint64_t tds_take_u64(struct tds_reader *reader) {
	return tds_take_number(reader, 8);
}

size_t tds_left(const struct tds_reader *reader) {
	return reader->failed ? 0 : reader->length - reader->at;
}

void tds_put(struct strbuf *to, const void *bytes, size_t count) {
	if (count > 0) strbuf_append_n(to, bytes, count);
}

void tds_put_number(struct strbuf *to, uint64_t number, size_t count) {
	for (size_t i = 0; i < count; i++, number >>= 8) strbuf_append_char(to, (char)(number & 0xff));
}

void tds_put_u8(struct strbuf *to, uint8_t number) {
	tds_put_number(to, number, 1);
}

void tds_put_u16(struct strbuf *to, uint16_t number) {
	tds_put_number(to, number, 2);
}

void tds_put_u16_big(struct strbuf *to, uint16_t number) {
	tds_put_number(to, __builtin_bswap16(number), 2);
}

void tds_put_u32(struct strbuf *to, uint32_t number) {
	tds_put_number(to, number, 4);
}

void tds_put_u64(struct strbuf *to, uint64_t number) {
	tds_put_number(to, number, 8);
}

static void patch(struct strbuf *to, size_t at, uint32_t number, size_t count) {
	for (size_t i = 0; i < count; i++, number >>= 8) to->data[at + i] = (char)(number & 0xff);
}

void tds_patch_u16(struct strbuf *to, size_t at, uint16_t number) {
	patch(to, at, number, 2);
}

void tds_patch_u32(struct strbuf *to, size_t at, uint32_t number) {
	patch(to, at, number, 4);
}
