#include "base/base64.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_append(struct strbuf *buf, const void *bytes, size_t length) {
	const unsigned char *in = bytes;
	size_t blocks = length / 3 + (length % 3 != 0);
	char *out = strbuf_reserve(buf, blocks * 4);
	for (size_t i = 0; i < length; i += 3) {
		size_t have = length - i < 3 ? length - i : 3;
		uint32_t bits = (uint32_t)in[i] << 16;
		if (have > 1) bits |= (uint32_t)in[i + 1] << 8;
		if (have > 2) bits |= in[i + 2];
		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63U];
		*out++ = have > 1 ? alphabet[bits >> 6 & 63U] : '=';
		*out++ = have > 2 ? alphabet[bits & 63U] : '=';
	}
	*out = '\0';
	buf->length += blocks * 4;
}

/* The six bits that a character stands for; -1 for one that stands for none. */
static int value_of(char c) {
	if (c >= 'A' && c <= 'Z') return c - 'A';
	if (c >= 'a' && c <= 'z') return c - 'a' + 26;
	if (c >= '0' && c <= '9') return c - '0' + 52;
	if (c == '+' || c == '-') return 62;
	if (c == '/' || c == '_') return 63;
	return -1;
}

static bool is_space(char c) {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool base64_decode(const char *text, size_t text_length, unsigned char **bytes, size_t *length) {
	*bytes = NULL;
	*length = 0;
	cleanup_free unsigned char *out = xmalloc(text_length / 4 * 3 + 4);
	size_t written = 0;
	size_t digits = 0;
	size_t padding = 0;
	uint32_t bits = 0;
	for (size_t i = 0; i < text_length; i++) {
		if (is_space(text[i])) continue;
		if (text[i] == '=') {
			padding++;
			continue;
		}
		int value = value_of(text[i]);
		if (value < 0 || padding != 0) return false;
		bits = bits << 6 | (uint32_t)value;
		digits++;
		if (digits % 4 != 0) continue;
		out[written++] = (unsigned char)(bits >> 16);
		out[written++] = (unsigned char)(bits >> 8);
		out[written++] = (unsigned char)bits;
	}
	size_t rest = digits % 4;
	/* A single digit left carries no whole byte; padding, where there is any, fills the block up. */
	if (rest == 1 || (padding != 0 && (rest == 0 || rest + padding != 4))) return false;
	if (rest >= 2) out[written++] = (unsigned char)(rest == 2 ? bits >> 4 : bits >> 10);
	if (rest == 3) out[written++] = (unsigned char)(bits >> 2);
	out[written] = '\0';
	*length = written;
	*bytes = take(&out);
	return true;
}
