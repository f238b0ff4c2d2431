#include "sql/result.h"

#include <stdlib.h>
#include <string.h>

/* A limit for what a server may make us keep: thousands of times what any probe answers. */
enum { ROWS_MAX = 100000, BYTES_MAX = 64 * 1024 * 1024, CONVERTED_MAX = 512 };

static bool is_text(int type) {
	return type == SYBCHAR || type == SYBVARCHAR || type == SYBTEXT || type == SYBNVARCHAR || type == SYBNTEXT;
}

static bool is_binary(int type) {
	return type == SYBBINARY || type == SYBVARBINARY || type == SYBIMAGE;
}

static const char *hex(struct arena *arena, const BYTE *data, DBINT length) {
	static const char digits[] = "0123456789ABCDEF";
	char *text = arena_alloc(arena, 2 * (size_t)length + 1), *end = text;
	for (DBINT i = 0; i < length; i++) {
		*end++ = digits[data[i] >> 4];
		*end++ = digits[data[i] & 15];
	}
	return text;
}

const char *sql_result_value(DBPROCESS *process, int column, struct arena *arena) {
	BYTE *data = dbdata(process, column);
	DBINT length = dbdatlen(process, column);
	int type = dbcoltype(process, column);
	if (data == NULL) return NULL;
	if (is_text(type)) {
		char *text = arena_alloc(arena, (size_t)length + 1);
		memcpy(text, data, (size_t)length);
		return text;
	}
	if (is_binary(type)) return hex(arena, data, length);
	char converted[CONVERTED_MAX];
	DBINT size = dbconvert(process, type, data, length, SYBCHAR, (BYTE *)converted, -1);
	if (size < 0) return NULL;
	return arena_strdup(arena, converted);
}

static struct sql_set *add_set(DBPROCESS *process, struct sql_results *results, size_t columns) {
	results->sets = xreallocarray(results->sets, results->set_count + 1, sizeof(*results->sets));
	struct sql_set *set = &results->sets[results->set_count++];
	*set = (struct sql_set){ .column_count = columns };
	set->columns = arena_calloc(&results->arena, columns, sizeof(*set->columns));
	for (size_t i = 0; i < columns; i++) {
		const char *name = dbcolname(process, (int)i + 1);
		set->columns[i] = arena_strdup(&results->arena, name != NULL ? name : "");
	}
	return set;
}

/* The array of rows doubles within the arena; what it leaves behind is bounded by what it holds. */
static void add_row(struct arena *arena, struct sql_set *set, const char **row, size_t *capacity) {
	if (set->row_count == *capacity) {
		size_t room = *capacity != 0 ? *capacity * 2 : 8;
		const char ***rows = arena_calloc(arena, room, sizeof(*rows));
		if (set->row_count != 0) memcpy(rows, set->rows, set->row_count * sizeof(*rows));
		set->rows = rows;
		*capacity = room;
	}
	set->rows[set->row_count++] = row;
}

bool sql_result_read(DBPROCESS *process, struct sql_results *results) {
	int columns = dbnumcols(process);
	if (columns <= 0) return true;
	struct sql_set *set = add_set(process, results, (size_t)columns);
	size_t capacity = 0, bytes = 0;
	for (STATUS status; (status = dbnextrow(process)) != NO_MORE_ROWS;) {
		if (status == FAIL) return !dbdead(process);
		const char **row = arena_calloc(&results->arena, (size_t)columns, sizeof(*row));
		for (int i = 0; i < columns; i++) {
			row[i] = sql_result_value(process, i + 1, &results->arena);
			bytes += row[i] != NULL ? strlen(row[i]) : 0;
		}
		add_row(&results->arena, set, row, &capacity);
		if (set->row_count > ROWS_MAX || bytes > BYTES_MAX) return false;
	}
	return true;
}
