#include "sql/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void sql_results_free(struct sql_results *results) {
	arena_free(&results->arena);
	free(results->sets);
	*results = (struct sql_results){ 0 };
}

static int refuse(const struct sql_column *column, const char *value, struct error **err) {
	static const char *const types[] = {
		[SQL_COLUMN_TEXT] = "text",
		[SQL_COLUMN_INT] = "an integer",
		[SQL_COLUMN_BOOL] = "a bit",
		[SQL_COLUMN_LSN] = "a log sequence number",
		[SQL_COLUMN_BYTES] = "hexadecimal digits",
		[SQL_COLUMN_ENUM] = "a name",
	};
	return error_set(err, ERROR_INVALID, "column %s: \"%.64s\" is not %s", column->name, value,
	                 types[column->type]);
}

static bool read_int(const char *text, int64_t *value) {
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	*value = number;
	return end != text && *end == '\0' && errno == 0;
}

static bool read_lsn(const char *text, struct sql_lsn *lsn) {
	enum { DIGITS_MAX = 25 };
	size_t length = strlen(text);
	if (length == 0 || length > DIGITS_MAX || strspn(text, "0123456789") != length) return false;
	lsn->known = true;
	for (lsn->value = 0; *text != '\0'; text++) lsn->value = lsn->value * 10 + (unsigned)(*text - '0');
	return true;
}

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_bytes(const char *text, struct arena *arena, struct sql_bytes *value) {
	if (text[0] == '0' && (text[1] | 0x20) == 'x') text += 2;
	size_t digits = strlen(text);
	if (digits % 2 != 0) return false;
	unsigned char *bytes = arena_alloc(arena, digits / 2 + 1);
	for (size_t i = 0; i < digits; i += 2) {
		int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
		if (high < 0 || low < 0) return false;
		bytes[i / 2] = (unsigned char)(high << 4 | low);
	}
	*value = (struct sql_bytes){ bytes, digits / 2 };
	return true;
}

static int find_value(const char *const *values, const char *text) {
	for (int i = 0; values[i] != NULL; i++) {
		if (strcmp(values[i], text) == 0) return i;
	}
	return 0;
}

static bool read_value(const struct sql_column *column, const char *text, struct arena *arena, void *member) {
	switch (column->type) {
	case SQL_COLUMN_TEXT: *(const char **)member = arena_strdup(arena, text); return true;
	case SQL_COLUMN_INT: return read_int(text, member);
	case SQL_COLUMN_BOOL: *(bool *)member = text[0] == '1'; return strcmp(text, "0") == 0 || strcmp(text, "1") == 0;
	case SQL_COLUMN_LSN: return read_lsn(text, member);
	case SQL_COLUMN_BYTES: return read_bytes(text, arena, member);
	case SQL_COLUMN_ENUM: *(int *)member = find_value(column->values, text); return true;
	}
	return false;
}

static int find_column(const struct sql_set *set, const char *name, size_t *place, struct error **err) {
	for (*place = 0; *place < set->column_count; (*place)++) {
		if (strcmp(set->columns[*place], name) == 0) return 0;
	}
	return error_set(err, ERROR_INVALID, "the server's answer has no column %s", name);
}

int sql_rows_read(const struct sql_set *set, const struct sql_column *table, size_t size, struct arena *arena,
                  void **rows, size_t *count, struct error **err) {
	char *all = arena_calloc(arena, set->row_count != 0 ? set->row_count : 1, size);
	for (const struct sql_column *column = table; column->name != NULL; column++) {
		size_t place;
		if (find_column(set, column->name, &place, err) != 0) return -1;
		for (size_t i = 0; i < set->row_count; i++) {
			void *member = all + i * size + column->offset;
			const char *text = set->rows[i][place];
			if (text == NULL && !column->nullable)
				return error_set(err, ERROR_INVALID, "column %s: must not be NULL", column->name);
			if (text == NULL && column->type == SQL_COLUMN_INT) *(int64_t *)member = column->otherwise;
			if (text != NULL && !read_value(column, text, arena, member)) return refuse(column, text, err);
		}
	}
	*rows = all;
	*count = set->row_count;
	return 0;
}
