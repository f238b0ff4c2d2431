/* The rows of a database: an SQLite database in memory, whose content is what replaying the log gives.
 *
 * Statements arrive translated (sqlserver/translate.h). What is written is remembered as changes: the statement, its
 * parameters, its time and the seed of its NEWID(), so that redo on any replica gives the same rows. */
#ifndef SIMSQL_STORE_H
#define SIMSQL_STORE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sqlserver/value.h"

struct sim_database;
struct sim_instance;
struct sim_session;

/* In whose name, and when, functions and views are evaluated. */
struct sim_scope {
	struct sim_instance *instance;
	struct sim_session *session; /* NULL during redo */
	int64_t time;                /* microseconds since 1970 */
	uint64_t seed;
};

struct sim_store {
	sqlite3 *sqlite;
	struct sim_scope scope;
};

/* Empty. */
struct sim_store *sim_store_open(struct sim_instance *instance);
void sim_store_close(struct sim_store *store);

struct sim_named_value {
	const char *name; /* "@id" */
	struct sim_value value;
};

/* A statement ready to run. NULL when SQLite refuses it: sqlite3_errmsg(store->sqlite) says why. Parameters that the
 * statement does not mention are passed over. */
sqlite3_stmt *sim_store_prepare(struct sim_store *store, const char *sql, const struct sim_named_value *values,
                                size_t count);

/* Appends one change to a transaction's payload. */
void sim_store_record(const struct sim_store *store, struct strbuf *payload, const char *sql,
                      const struct sim_named_value *values, size_t count);
/* Applies a payload. */
void sim_store_redo(struct sim_store *store, const char *payload, size_t length);

/* Runs a statement without results; false when SQLite refuses. */
bool sim_store_run(struct sim_store *store, const char *sql);

/* The value in a column of the current row; borrowed until the next step. */
struct sim_value sim_store_column(sqlite3_stmt *statement, int column);
/* Sets a function's result. */
void sim_store_result(sqlite3_context *context, const struct sim_value *value);

/* T-SQL's functions and the system views (sqlserver/functions.c, sqlserver/views.c). */
void sim_functions_register(struct sim_store *store);
void sim_views_register(struct sim_store *store);

#endif
