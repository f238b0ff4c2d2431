/* Results as text, and typed rows read from them by a table of columns.
 *
 *   struct pair { const char *name; int64_t count; };
 *   static const struct sql_column columns[] = {
 *           { SQL_MEMBER(struct pair, "name", name), .type = SQL_COLUMN_TEXT },
 *           { SQL_MEMBER(struct pair, "count", count), .type = SQL_COLUMN_INT, .nullable = true, .otherwise = -1 },
 *           { 0 } };
 */
#ifndef AGKEEPER_SQL_ROWS_H
#define AGKEEPER_SQL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"

/* One result set: every value as UTF-8 text, NULL for SQL's NULL. Binary values are hexadecimal digits. */
struct sql_set {
	size_t column_count;
	const char **columns; /* names; "" where a column has none */
	size_t row_count;
	const char ***rows;
};
/* All of a batch. Everything lives in its arena. */
struct sql_results {
	struct arena arena;
	size_t set_count;
	struct sql_set *sets; /* those without columns (an UPDATE) are not among them */
};
void sql_results_free(struct sql_results *results);
#define cleanup_sql_results __attribute__((cleanup(sql_results_free)))

/* A position in a log: numeric(25,0), more than 64 bits hold. */
struct sql_lsn {
	bool known;
	unsigned __int128 value;
};
struct sql_bytes {
	const unsigned char *bytes;
	size_t length;
};

enum sql_column_type {
	SQL_COLUMN_TEXT,  /* const char * */
	SQL_COLUMN_INT,   /* int64_t */
	SQL_COLUMN_BOOL,  /* bool: bit */
	SQL_COLUMN_LSN,   /* struct sql_lsn */
	SQL_COLUMN_BYTES, /* struct sql_bytes */
	SQL_COLUMN_ENUM   /* int: the place of the text in .values, which begin with what unknown text becomes */
};

struct sql_column {
	const char *name; /* NULL ends the table */
	enum sql_column_type type;
	size_t offset;
	bool nullable;             /* else NULL is an error */
	int64_t otherwise;         /* SQL_COLUMN_INT: what NULL becomes; all others become NULL, false, not known, 0 */
	const char *const *values; /* SQL_COLUMN_ENUM: NULL-terminated */
};
#define SQL_MEMBER(type_, name_, member_) .name = (name_), .offset = offsetof(type_, member_)

/* Reads every row of `set` into an array of structs of `size` bytes in `arena`; texts are copied there. -1 with an
 * error that names the column when one is missing, NULL, or not of its type. Columns without a row in the table are
 * passed over. */
int sql_rows_read(const struct sql_set *set, const struct sql_column *table, size_t size, struct arena *arena,
                  void **rows, size_t *count, struct error **err);

#endif
