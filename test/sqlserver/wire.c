#include "sqlserver/wire.h"

#include <string.h>

#include "base/memory.h"

enum { NUMBER_BYTES = 8 };

void wire_put(struct strbuf *buf, uint64_t number) {
	char *to = strbuf_reserve(buf, NUMBER_BYTES);
	for (int i = 0; i < NUMBER_BYTES; i++) to[i] = (char)(unsigned char)(number >> (8 * i));
	buf->length += NUMBER_BYTES;
}

void wire_put_bytes(struct strbuf *buf, const void *bytes, size_t length) {
	wire_put(buf, length);
	if (length > 0) strbuf_append_n(buf, bytes, length);
}

void wire_put_text(struct strbuf *buf, const char *text) {
	wire_put_bytes(buf, text, text != NULL ? strlen(text) : 0);
}

uint64_t wire_get(struct wire *wire) {
	if (wire->broken || wire->length < NUMBER_BYTES) {
		wire->broken = true;
		return 0;
	}
	uint64_t number = 0;
	for (int i = 0; i < NUMBER_BYTES; i++) number |= (uint64_t)wire->bytes[i] << (8 * i);
	wire->bytes += NUMBER_BYTES;
	wire->length -= NUMBER_BYTES;
	return number;
}

const void *wire_get_bytes(struct wire *wire, size_t *length) {
	uint64_t size = wire_get(wire);
	if (wire->broken || size > wire->length) {
		wire->broken = true;
		*length = 0;
		return NULL;
	}
	const void *bytes = wire->bytes;
	*length = (size_t)size;
	wire->bytes += size;
	wire->length -= (size_t)size;
	return bytes;
}

char *wire_get_text(struct wire *wire) {
	size_t length;
	const void *bytes = wire_get_bytes(wire, &length);
	return bytes != NULL ? xstrndup(bytes, length) : xstrdup("");
}
