/* Whatever a name, a literal or a binary contains: a reader of T-SQL sees exactly one token, and in it the same value.
 * The reader below knows nothing of sql/quote.c. The first byte chooses the kind. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sql/quote.h"

static void check(int holds, const char *what) {
	if (holds) return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* Reads a token that is closed by `close` (doubled: itself); returns where it ends. */
static const char *read_quoted(const char *text, char close, struct strbuf *value) {
	for (;; text++) {
		check(*text != '\0', "the token does not end");
		if (*text == close && *++text != close) return text;
		strbuf_append_char(value, *text);
	}
}

static const char *read_token(const char *text, struct strbuf *value) {
	if (text[0] == '[') return read_quoted(text + 1, ']', value);
	if (text[0] == 'N' && text[1] == '\'') return read_quoted(text + 2, '\'', value);
	check(text[0] == '0' && text[1] == 'x', "no token begins here");
	for (text += 2; strchr("0123456789ABCDEF", *text) != NULL && *text != '\0'; text += 2) {
		const char digits[] = { text[0], text[1], '\0' };
		strbuf_append_char(value, (char)strtol(digits, NULL, 16));
	}
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size == 0) return 0;
	cleanup_free char *text = xstrndup((const char *)data + 1, size - 1);
	const struct sql_part kinds[] = { SQL_NAME(text), SQL_TEXT(text), SQL_BINARY(data + 1, size - 1) };
	const struct sql_part part = kinds[data[0] % 3];
	cleanup_strbuf struct strbuf out = { 0 }, value = { 0 };
	if (sql_append(&out, part, NULL) != 0) {
		check(out.length == 0 && part.kind != SQL_PART_BINARY, "refused, and yet written");
		return 0;
	}
	check(*read_token(out.data, &value) == '\0', "more than one token");
	size_t length = part.kind == SQL_PART_BINARY ? size - 1 : strlen(text);
	check(value.length == length && (length == 0 || memcmp(value.data, part.bytes, length) == 0), "another value");
	return 0;
}
