/* T-SQL text from typed parts: the one place that puts a value between quotes.
 *
 *   sql_write(out, err, "ALTER AVAILABILITY GROUP {} ADD DATABASE {};", SQL_NAME(group), SQL_NAME(database))
 *
 * Every {} takes the next part, written as its kind says. There is no way to put text in as it is: a template is a
 * literal of the program, and a part that does not fit its kind is refused, with nothing written. */
#ifndef AGKEEPER_SQL_QUOTE_H
#define AGKEEPER_SQL_QUOTE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

enum sql_part_kind {
	SQL_PART_NAME,   /* an identifier: [x] with ] doubled; 1 to 128 characters (sysname is nvarchar(128)) */
	SQL_PART_TEXT,   /* a literal: N'x' with ' doubled */
	SQL_PART_BINARY, /* a literal: 0x and hexadecimal digits */
	SQL_PART_NUMBER,
	SQL_PART_KEYWORD /* words of the language, chosen at run time: only A to Z, _ and single spaces */
};

struct sql_part {
	enum sql_part_kind kind;
	const void *bytes; /* text: NUL-terminated UTF-8 */
	size_t length;     /* of SQL_PART_BINARY */
	int64_t number;
};

#define SQL_NAME(text_) ((struct sql_part){ .kind = SQL_PART_NAME, .bytes = (const char *){ (text_) } })
#define SQL_TEXT(text_) ((struct sql_part){ .kind = SQL_PART_TEXT, .bytes = (const char *){ (text_) } })
#define SQL_BINARY(bytes_, length_) \
	((struct sql_part){ .kind = SQL_PART_BINARY, .bytes = (bytes_), .length = (length_) })
#define SQL_NUMBER(number_) ((struct sql_part){ .kind = SQL_PART_NUMBER, .number = (number_) })
#define SQL_KEYWORD(text_)  ((struct sql_part){ .kind = SQL_PART_KEYWORD, .bytes = (const char *){ (text_) } })

/* Appends one part. -1 with ERROR_INVALID (and nothing appended) when it does not fit its kind: NULL, empty or too long
 * for a name, not UTF-8, a control character in a name. The message never repeats the value: it may be a password. */
int sql_append(struct strbuf *out, struct sql_part part, struct error **err);

/* Appends the template with its parts. A wrong number of parts is a bug of the caller: ERROR_INTERNAL. */
int sql_write_parts(struct strbuf *out, struct error **err, const char *format, const struct sql_part *parts,
                    size_t count);
#define sql_write(out_, err_, format_, ...)                                                                       \
	sql_write_parts(                                                                                          \
	        (out_), (err_), "" format_ "", (const struct sql_part[]){ { 0 } __VA_OPT__(, ) __VA_ARGS__ } + 1, \
	        sizeof((const struct sql_part[]){ { 0 } __VA_OPT__(, ) __VA_ARGS__ }) / sizeof(struct sql_part) - 1)

#endif
