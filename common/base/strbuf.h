/* A string that grows: the one place where text of unknown length is put together. Zero-initialise it. */
#ifndef AGKEEPER_BASE_STRBUF_H
#define AGKEEPER_BASE_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

struct strbuf {
	char *data; /* NUL-terminated once anything was appended; NULL before */
	size_t length;
	size_t capacity;
};

void strbuf_append(struct strbuf *buf, const char *text);
void strbuf_append_n(struct strbuf *buf, const char *bytes, size_t length);
void strbuf_append_char(struct strbuf *buf, char c);
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strbuf_vprintf(struct strbuf *buf, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* Appends `text` as a JSON string, quotes and escapes included (RFC 8259 section 7). Bytes that are not UTF-8 become
 * U+FFFD, so that the result is always valid JSON. */
void strbuf_append_json(struct strbuf *buf, const char *text);

/* Makes room for `extra` more bytes and returns where they go; the caller then adds to buf->length. */
char *strbuf_reserve(struct strbuf *buf, size_t extra);

/* The text so far, "" when nothing was appended; owned by the buffer. */
const char *strbuf_text(const struct strbuf *buf);
/* The text, now owned by the caller (free()); the buffer is empty again. */
char *strbuf_detach(struct strbuf *buf);
/* Forgets the text and keeps the memory. */
void strbuf_reset(struct strbuf *buf);
void strbuf_free(struct strbuf *buf);
#define cleanup_strbuf __attribute__((cleanup(strbuf_free)))

#endif
