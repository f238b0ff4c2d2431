#include "base/strbuf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

char *strbuf_reserve(struct strbuf *buf, size_t extra) {
	size_t needed;
	if (__builtin_add_overflow(buf->length, extra, &needed) || needed == SIZE_MAX) abort();
	needed++;
	if (needed > buf->capacity) {
		size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
		while (capacity < needed) {
			if (__builtin_mul_overflow(capacity, (size_t)2, &capacity)) abort();
		}
		buf->data = xrealloc(buf->data, capacity);
		buf->capacity = capacity;
	}
	return buf->data + buf->length;
}

void strbuf_append_n(struct strbuf *buf, const char *bytes, size_t length) {
	char *end = strbuf_reserve(buf, length);
	if (length != 0) memcpy(end, bytes, length);
	end[length] = '\0';
	buf->length += length;
}

void strbuf_append(struct strbuf *buf, const char *text) {
	strbuf_append_n(buf, text, strlen(text));
}

void strbuf_append_char(struct strbuf *buf, char c) {
	strbuf_append_n(buf, &c, 1);
}

void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args) {
	va_list again;
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	if (length < 0) abort();
	char *end = strbuf_reserve(buf, (size_t)length);
	vsnprintf(end, (size_t)length + 1, format, again);
	va_end(again);
	buf->length += (size_t)length;
}

void strbuf_printf(struct strbuf *buf, const char *format, ...) {
	va_list args;
	va_start(args, format);
	strbuf_vprintf(buf, format, args);
	va_end(args);
}

/* The two-character escapes of RFC 8259; 0 for a byte that has none. */
static char short_escape(unsigned char c) {
	switch (c) {
	case '"': return '"';
	case '\\': return '\\';
	case '\b': return 'b';
	case '\f': return 'f';
	case '\n': return 'n';
	case '\r': return 'r';
	case '\t': return 't';
	default: return 0;
	}
}

void strbuf_append_json(struct strbuf *buf, const char *text) {
	size_t left = strlen(text);
	strbuf_append_char(buf, '"');
	while (left != 0) {
		/* Runs of plain characters are by far the most: copy each in one go. */
		size_t run = 0;
		while (run < left) {
			unsigned char c = (unsigned char)text[run];
			if (c < 0x20 || c == '"' || c == '\\' || c >= 0x80) break;
			run++;
		}
		strbuf_append_n(buf, text, run);
		text += run;
		left -= run;
		if (left == 0) break;
		unsigned char c = (unsigned char)*text;
		size_t width = 1;
		if (c >= 0x80) {
			width = utf8_char_length(text, left);
			if (width == 0) {
				strbuf_append(buf, "\xEF\xBF\xBD");
				width = 1;
			} else {
				strbuf_append_n(buf, text, width);
			}
		} else if (short_escape(c) != 0) {
			const char escape[2] = { '\\', short_escape(c) };
			strbuf_append_n(buf, escape, sizeof(escape));
		} else {
			strbuf_printf(buf, "\\u%04x", c);
		}
		text += width;
		left -= width;
	}
	strbuf_append_char(buf, '"');
}

const char *strbuf_text(const struct strbuf *buf) {
	return buf->data != NULL ? buf->data : "";
}

char *strbuf_detach(struct strbuf *buf) {
	if (buf->data == NULL) return xstrdup("");
	char *text = buf->data;
	*buf = (struct strbuf){ 0 };
	return text;
}

void strbuf_reset(struct strbuf *buf) {
	buf->length = 0;
	if (buf->data != NULL) buf->data[0] = '\0';
}

void strbuf_free(struct strbuf *buf) {
	free(buf->data);
	*buf = (struct strbuf){ 0 };
}
