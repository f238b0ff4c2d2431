#include "sqlserver/tds/text.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

const uint8_t tds_collation[TDS_COLLATION_SIZE] = { 0x09, 0x04, 0xD0, 0x00, 0x34 };

static const char *const names[] = { [TDS_UTF16] = "UTF-16LE", [TDS_CP1252] = "CP1252" };

/* Opening a converter costs more than most conversions, so each thread keeps those it has used; they hold no state from
 * one text to the next, for neither encoding has shifts. */
static iconv_t converter_for(enum tds_encoding encoding, bool decodes) {
	static _Thread_local iconv_t opened[ARRAY_LENGTH(names)][2];
	iconv_t *converter = &opened[encoding][decodes];
	if (*converter == NULL)
		*converter = decodes ? iconv_open("UTF-8", names[encoding]) : iconv_open(names[encoding], "UTF-8");
	if (*converter == (iconv_t)-1) abort(); /* glibc brings both along: a broken installation */
	return *converter;
}

/* Appends the conversion of `length` bytes; where it cannot go on, appends `replacement` and leaves out what `skip`
 * says. */
static void convert(iconv_t converter, const char *bytes, size_t length, const char *replacement,
                    size_t replacement_length, size_t (*skip)(const char *, size_t), struct strbuf *to) {
	char *from = (char *)bytes;
	while (length > 0) {
		size_t room = length * 2 + 16;
		char *start = strbuf_reserve(to, room), *out = start;
		size_t converted = iconv(converter, &from, &length, &out, &room);
		to->length += (size_t)(out - start);
		if (converted != (size_t)-1 || errno == E2BIG) continue;
		size_t wrong = skip(from, length);
		strbuf_append_n(to, replacement, replacement_length);
		from += wrong;
		length -= wrong;
	}
	if (to->data != NULL) to->data[to->length] = '\0';
}

static size_t skip_unit(const char *bytes, size_t length) {
	(void)bytes;
	return length < 2 ? length : 2;
}

static size_t skip_byte(const char *bytes, size_t length) {
	(void)bytes;
	(void)length;
	return 1;
}

/* One UTF-8 character, or what is left of one. */
static size_t skip_character(const char *bytes, size_t length) {
	size_t count = 1;
	while (count < length && count < 4 && ((unsigned char)bytes[count] & 0xC0) == 0x80) count++;
	return count;
}

void tds_text_decode(enum tds_encoding encoding, const void *bytes, size_t length, struct strbuf *utf8) {
	static const char replacement[] = "\xEF\xBF\xBD";
	convert(converter_for(encoding, true), bytes, length, replacement, 3,
	        encoding == TDS_UTF16 ? skip_unit : skip_byte, utf8);
}

void tds_text_encode(enum tds_encoding encoding, const char *utf8, size_t length, struct strbuf *bytes) {
	convert(converter_for(encoding, false), utf8, length, "?\0", encoding == TDS_UTF16 ? 2 : 1, skip_character,
	        bytes);
}

char *tds_take_text(struct tds_reader *reader, size_t units) {
	struct strbuf text = { 0 };
	const uint8_t *bytes = tds_take(reader, units * 2);
	strbuf_append(&text, "");
	if (bytes != NULL) tds_text_decode(TDS_UTF16, bytes, units * 2, &text);
	return strbuf_detach(&text);
}

static void put_text(struct strbuf *to, const char *utf8, size_t longest, size_t length_bytes) {
	cleanup_strbuf struct strbuf units = { 0 };
	if (utf8 != NULL) tds_text_encode(TDS_UTF16, utf8, strlen(utf8), &units);
	size_t count = units.length / 2;
	if (count > longest) count = longest;
	tds_put_number(to, count, length_bytes);
	tds_put(to, units.data, count * 2);
}

void tds_put_b_text(struct strbuf *to, const char *utf8) {
	put_text(to, utf8, UINT8_MAX, 1);
}

void tds_put_us_text(struct strbuf *to, const char *utf8) {
	put_text(to, utf8, UINT16_MAX, 2);
}
