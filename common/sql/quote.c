#include "sql/quote.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

/* sysname is nvarchar(128): what counts are UTF-16 code units (relational-databases/databases/database-identifiers.md
 * in MicrosoftDocs/sql-docs: "1 through 128 characters"). */
enum { NAME_LENGTH_MAX = 128 };

/* UTF-16 code units of a UTF-8 text; -1 when it is none. */
static int64_t utf16_length(const char *text, bool *has_control) {
	int64_t units = 0;
	size_t left = strlen(text);
	while (left != 0) {
		size_t width = utf8_char_length(text, left);
		if (width == 0) return -1;
		if ((unsigned char)*text < 0x20 || *text == 0x7F) *has_control = true;
		units += width == 4 ? 2 : 1;
		text += width;
		left -= width;
	}
	return units;
}

static int check_text(const char *text, enum sql_part_kind kind, struct error **err) {
	const char *what = kind == SQL_PART_NAME ? "name" : "text";
	bool has_control = false;
	if (text == NULL) return error_set(err, ERROR_INVALID, "a SQL %s is missing", what);
	int64_t length = utf16_length(text, &has_control);
	if (length < 0) return error_set(err, ERROR_INVALID, "a SQL %s is not UTF-8", what);
	if (kind == SQL_PART_TEXT) return 0;
	if (length == 0 || length > NAME_LENGTH_MAX)
		return error_set(err, ERROR_INVALID, "a SQL name has %lld characters: must be 1 to %d",
		                 (long long)length, NAME_LENGTH_MAX);
	if (has_control) return error_set(err, ERROR_INVALID, "a SQL name contains a control character");
	return 0;
}

/* The closing character, where it occurs within, is written twice (t-sql/functions/quotename-transact-sql.md). */
static void append_quoted(struct strbuf *out, const char *open, const char *text, char close) {
	strbuf_append(out, open);
	for (const char *end; (end = strchr(text, close)) != NULL; text = end + 1) {
		strbuf_append_n(out, text, (size_t)(end - text) + 1);
		strbuf_append_char(out, close);
	}
	strbuf_append(out, text);
	strbuf_append_char(out, close);
}

static void append_binary(struct strbuf *out, const unsigned char *bytes, size_t length) {
	static const char digits[] = "0123456789ABCDEF";
	strbuf_append(out, "0x");
	char *end = strbuf_reserve(out, 2 * length);
	for (size_t i = 0; i < length; i++) {
		*end++ = digits[bytes[i] >> 4];
		*end++ = digits[bytes[i] & 15];
	}
	*end = '\0';
	out->length += 2 * length;
}

static int check_keyword(const char *text, struct error **err) {
	size_t length = text != NULL ? strlen(text) : 0;
	bool fits = length != 0 && text[0] != ' ' && text[length - 1] != ' ' && strstr(text, "  ") == NULL &&
	            strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_ ") == length;
	return fits ? 0 : error_set(err, ERROR_INTERNAL, "not a keyword of SQL: %s", text != NULL ? text : "NULL");
}

int sql_append(struct strbuf *out, struct sql_part part, struct error **err) {
	switch (part.kind) {
	case SQL_PART_NAME:
		if (check_text(part.bytes, part.kind, err) != 0) return -1;
		append_quoted(out, "[", part.bytes, ']');
		return 0;
	case SQL_PART_TEXT:
		if (check_text(part.bytes, part.kind, err) != 0) return -1;
		append_quoted(out, "N'", part.bytes, '\'');
		return 0;
	case SQL_PART_BINARY:
		if (part.bytes == NULL && part.length != 0)
			return error_set(err, ERROR_INVALID, "a SQL binary is missing");
		append_binary(out, part.bytes, part.length);
		return 0;
	case SQL_PART_NUMBER: strbuf_printf(out, "%lld", (long long)part.number); return 0;
	case SQL_PART_KEYWORD:
		if (check_keyword(part.bytes, err) != 0) return -1;
		strbuf_append(out, part.bytes);
		return 0;
	}
	return error_set(err, ERROR_INTERNAL, "a SQL part of unknown kind %d", (int)part.kind);
}

static int write_parts(struct strbuf *out, struct error **err, const char *format, const struct sql_part *parts,
                       size_t count) {
	size_t used = 0;
	for (const char *place; (place = strstr(format, "{}")) != NULL; format = place + 2) {
		strbuf_append_n(out, format, (size_t)(place - format));
		if (used == count) return error_set(err, ERROR_INTERNAL, "a SQL statement has more places than parts");
		if (sql_append(out, parts[used++], err) != 0) return -1;
	}
	strbuf_append(out, format);
	if (used != count) return error_set(err, ERROR_INTERNAL, "a SQL statement has fewer places than parts");
	return 0;
}

int sql_write_parts(struct strbuf *out, struct error **err, const char *format, const struct sql_part *parts,
                    size_t count) {
	size_t before = out->length;
	if (write_parts(out, err, format, parts, count) == 0) return 0;
	out->length = before;
	if (out->data != NULL) out->data[before] = '\0';
	return -1;
}
