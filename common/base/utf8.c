#include "base/utf8.h"

#include <stdbool.h>

static bool is_continuation(unsigned char byte) {
	return (byte & 0xC0U) == 0x80U;
}

size_t utf8_char_length(const char *bytes, size_t length) {
	if (length == 0) return 0;
	const unsigned char *b = (const unsigned char *)bytes;
	if (b[0] < 0x80) return 1;
	if (b[0] >= 0xC2 && b[0] <= 0xDF) return length >= 2 && is_continuation(b[1]) ? 2 : 0;
	if (b[0] >= 0xE0 && b[0] <= 0xEF) {
		if (length < 3 || !is_continuation(b[1]) || !is_continuation(b[2])) return 0;
		if (b[0] == 0xE0 && b[1] < 0xA0) return 0; /* overlong */
		if (b[0] == 0xED && b[1] > 0x9F) return 0; /* surrogates */
		return 3;
	}
	if (b[0] >= 0xF0 && b[0] <= 0xF4) {
		if (length < 4 || !is_continuation(b[1]) || !is_continuation(b[2]) || !is_continuation(b[3])) return 0;
		if (b[0] == 0xF0 && b[1] < 0x90) return 0; /* overlong */
		if (b[0] == 0xF4 && b[1] > 0x8F) return 0; /* past U+10FFFF */
		return 4;
	}
	return 0;
}
