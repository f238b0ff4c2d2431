/* Running queries: result sets out, changes in, SQLite's errors as SQL Server's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

/* --- Variables --- */

struct sim_variable *sim_variable_find(struct sim_variables *variables, const char *name) {
	for (size_t i = 0; i < variables->count; i++)
		if (strcasecmp(variables->list[i].name, name) == 0) return &variables->list[i];
	return NULL;
}

struct sim_variable *sim_variable_add(struct sim_variables *variables, const char *name, struct sim_type_info type) {
	variables->list = xreallocarray(variables->list, variables->count + 1, sizeof(*variables->list));
	struct sim_variable *variable = &variables->list[variables->count++];
	*variable = (struct sim_variable){ .name = xstrdup(name), .type = type };
	return variable;
}

void sim_variable_set(struct sim_variable *variable, const struct sim_value *value) {
	struct sim_value old = variable->value;
	variable->value = sim_value_copy(value);
	sim_value_free(&old);
}

void sim_variables_free(struct sim_variables *variables) {
	for (size_t i = 0; i < variables->count; i++) {
		free(variables->list[i].name);
		sim_value_free(&variables->list[i].value);
	}
	free(variables->list);
	*variables = (struct sim_variables){ 0 };
}

struct sim_named_value *sim_named_values(const struct sim_session *session, size_t *count) {
	*count = session->variables.count;
	struct sim_named_value *values = xcalloc(*count, sizeof(*values));
	for (size_t i = 0; i < *count; i++)
		values[i] =
		        (struct sim_named_value){ session->variables.list[i].name, session->variables.list[i].value };
	return values;
}

/* SQLite looks at the case of a parameter's name, SQL Server does not: what the statement mentions decides. */
static bool bind_variables(struct sim_session *session, int line, sqlite3_stmt *statement) {
	for (int i = 1; i <= sqlite3_bind_parameter_count(statement); i++) {
		const char *name = sqlite3_bind_parameter_name(statement, i);
		struct sim_variable *variable = sim_variable_find(&session->variables, name);
		if (variable == NULL) {
			sim_raise(session, line, 137, name);
			return false;
		}
		if (strcmp(variable->name, name) != 0) { /* redo binds by the name in the statement */
			free(variable->name);
			variable->name = xstrdup(name);
		}
		const struct sim_value *value = &variable->value;
		if (value->kind == SIM_VALUE_INTEGER) sqlite3_bind_int64(statement, i, value->integer);
		if (value->kind == SIM_VALUE_REAL) sqlite3_bind_double(statement, i, value->real);
		if (value->kind == SIM_VALUE_TEXT)
			sqlite3_bind_text64(statement, i, value->bytes, value->length, SQLITE_TRANSIENT, SQLITE_UTF8);
		if (value->kind == SIM_VALUE_BYTES)
			sqlite3_bind_blob64(statement, i, value->bytes, value->length, SQLITE_TRANSIENT);
	}
	return true;
}

/* --- Result sets --- */

void sim_rowset_column(struct sim_rowset *rowset, const char *name, struct sim_type_info type) {
	rowset->columns = xreallocarray(rowset->columns, rowset->column_count + 1, sizeof(*rowset->columns));
	rowset->columns[rowset->column_count++] =
	        (struct sim_column){ .name = xstrdup(name), .type = type, .nullable = true };
}

void sim_rowset_value(struct sim_rowset *rowset, struct sim_value value) {
	if ((rowset->value_count & (rowset->value_count - 1)) == 0) {
		size_t capacity = rowset->value_count == 0 ? 1 : 2 * rowset->value_count;
		rowset->values = xreallocarray(rowset->values, capacity, sizeof(*rowset->values));
	}
	rowset->values[rowset->value_count++] = sim_value_copy(&value);
}

void sim_rowset_free(struct sim_rowset *rowset) {
	for (size_t i = 0; i < rowset->column_count; i++) free((void *)(uintptr_t)rowset->columns[i].name);
	for (size_t i = 0; i < rowset->value_count; i++) sim_value_free(&rowset->values[i]);
	free(rowset->columns);
	free(rowset->values);
	*rowset = (struct sim_rowset){ 0 };
}

void sim_done(struct sim_session *session, int64_t rows, bool failed) {
	if (rows >= 0) session->row_count = rows;
	session->sink.done(session->sink.context, session->no_count ? -1 : rows, failed);
}

void sim_send_rowset(struct sim_session *session, struct sim_rowset *rowset) {
	session->sink.columns(session->sink.context, rowset->columns, rowset->column_count);
	size_t rows = rowset->column_count > 0 ? rowset->value_count / rowset->column_count : 0;
	for (size_t i = 0; i < rows; i++)
		session->sink.row(session->sink.context, &rowset->values[i * rowset->column_count],
		                  rowset->column_count);
	sim_done(session, (int64_t)rows, false);
	sim_rowset_free(rowset);
}

/* A type that holds every value of a column of which nothing else is known. */
static struct sim_type_info type_of_values(const struct sim_rowset *rowset, size_t column) {
	struct sim_type_info type = { SIM_INT, 0, 0, 0 };
	int length = 1;
	for (size_t i = column; i < rowset->value_count; i += rowset->column_count) {
		const struct sim_value *value = &rowset->values[i];
		if (value->kind == SIM_VALUE_TEXT) type.type = SIM_NVARCHAR;
		if (value->kind == SIM_VALUE_BYTES) type.type = SIM_VARBINARY;
		if (value->kind == SIM_VALUE_REAL && type.type <= SIM_BIGINT) type.type = SIM_FLOAT;
		bool wide =
		        value->kind == SIM_VALUE_INTEGER && (value->integer > INT32_MAX || value->integer < INT32_MIN);
		if (wide && type.type == SIM_INT) type.type = SIM_BIGINT;
		if ((int)value->length > length) length = (int)value->length;
	}
	if (type.type == SIM_NVARCHAR) type.length = length > 4000 ? SIM_MAX : 4000;
	if (type.type == SIM_VARBINARY) type.length = length > 8000 ? SIM_MAX : 8000;
	return type;
}

/* Values must be what their column says: a real among integers, text in a column of numbers. */
static void fit(struct sim_rowset *rowset, size_t column) {
	const struct sim_type_info *type = &rowset->columns[column].type;
	bool whole = type->type <= SIM_BIGINT, real = type->type == SIM_REAL || type->type == SIM_FLOAT;
	bool bytes = type->type == SIM_BINARY || type->type == SIM_VARBINARY;
	enum sim_value_kind kind = whole   ? SIM_VALUE_INTEGER
	                           : real  ? SIM_VALUE_REAL
	                           : bytes ? SIM_VALUE_BYTES
	                                   : SIM_VALUE_TEXT;
	for (size_t i = column; i < rowset->value_count; i += rowset->column_count) {
		struct sim_value *value = &rowset->values[i], fitted;
		if (value->kind == SIM_VALUE_NULL || value->kind == kind) continue;
		if (!sim_convert_value(value, type, 0, &fitted)) fitted = sim_null();
		sim_value_free(value);
		*value = fitted;
	}
}

/* The item of the select list behind a column, with at most one star among them. */
static const struct sim_expression *item_of(const struct sim_query *query, size_t column, size_t columns) {
	size_t star = query->item_count;
	for (size_t i = 0; i < query->item_count; i++)
		if (query->items[i].column != NULL && strcmp(query->items[i].column, "*") == 0)
			star = star == query->item_count ? i : SIZE_MAX;
	if (star == SIZE_MAX) return NULL;
	if (star == query->item_count) return column < query->item_count ? &query->items[column] : NULL;
	if (column < star) return &query->items[column];
	size_t behind = query->item_count - star - 1;
	return column >= columns - behind ? &query->items[query->item_count - (columns - column)] : NULL;
}

static void column_types(struct sim_session *session, const struct sim_query *query, sqlite3_stmt *statement,
                         struct sim_rowset *rowset) {
	for (size_t i = 0; i < rowset->column_count; i++) {
		struct sim_type_info *type = &rowset->columns[i].type;
		const struct sim_expression *item = item_of(query, i, rowset->column_count);
		const char *declared = sqlite3_column_decltype(statement, (int)i);
		const struct sim_variable *variable = NULL;
		if (item != NULL) variable = sim_variable_find(&session->variables, item->sql);
		if (item != NULL && item->typed) *type = item->type;
		else if (variable != NULL) *type = variable->type; /* SELECT @name */
		else if (declared == NULL || !sim_type_parse(declared, type)) *type = type_of_values(rowset, i);
		fit(rowset, i);
	}
}

/* --- Errors --- */

static void strip(char *text) {
	size_t length = strlen(text);
	while (length > 0 && text[length - 1] == ' ') text[--length] = '\0';
}

/* The key of the first row of an INSERT that is there already. */
static char *duplicate_key(struct sim_session *session, struct sim_store *store, const struct sim_statement *statement,
                           const char *column) {
	size_t index = 0;
	while (index < statement->member_count && strcasecmp(statement->members[index], column) != 0) index++;
	if (statement->source == NULL) return NULL;
	if (statement->member_count == 0) {
		/* Without a column list the values stand in the order of the table's columns. */
		cleanup_free char *sql =
		        xasprintf("SELECT cid FROM pragma_table_info('%s') WHERE name = '%s' COLLATE NOCASE",
		                  strrchr(statement->name, '.') + 1, column);
		sqlite3_stmt *position = sim_store_prepare(store, sql, NULL, 0);
		if (sqlite3_step(position) == SQLITE_ROW) index = (size_t)sqlite3_column_int(position, 0);
		sqlite3_finalize(position);
	}
	cleanup_free char *quoted = xasprintf("SELECT 1 FROM %s WHERE \"%s\" = ?1", statement->other, column);
	sqlite3_stmt *rows = NULL, *find = sim_store_prepare(store, quoted, NULL, 0);
	sqlite3_prepare_v2(store->sqlite, statement->source, -1, &rows, NULL);
	char *key = NULL, *last = NULL;
	if (rows != NULL && bind_variables(session, statement->line, rows)) {
		while (key == NULL && sqlite3_step(rows) == SQLITE_ROW) {
			free(last);
			const char *text = (const char *)sqlite3_column_text(rows, (int)index);
			last = xstrdup(text != NULL ? text : "<NULL>");
			sqlite3_reset(find);
			sqlite3_bind_value(find, 1, sqlite3_column_value(rows, (int)index));
			if (sqlite3_step(find) == SQLITE_ROW) key = xstrdup(last);
		}
	}
	sqlite3_finalize(rows);
	sqlite3_finalize(find);
	if (key == NULL) return last; /* two equal rows in one statement */
	free(last);
	return key;
}

static enum sim_run constraint(struct sim_session *session, struct sim_store *store,
                               const struct sim_statement *statement, const char *message) {
	int line = statement->line;
	const char *verb = statement->kind == SIM_INSERT ? "INSERT" : "UPDATE";
	int extended = sqlite3_extended_errcode(store->sqlite);
	const char *dot = strrchr(message, '.');
	cleanup_free char *column = xstrdup(dot != NULL ? dot + 1 : "");
	strip(column);
	enum sim_run result;
	if (extended == SQLITE_CONSTRAINT_NOTNULL) {
		cleanup_free char *table = xasprintf("%s.%s", session->database, statement->name);
		result = sim_raise(session, line, 515, column, table, verb);
	} else if (extended == SQLITE_CONSTRAINT_CHECK || extended == SQLITE_CONSTRAINT_FOREIGNKEY) {
		result = sim_raise(session, line, 547, verb,
		                   extended == SQLITE_CONSTRAINT_CHECK ? "CHECK" : "FOREIGN KEY", session->database);
	} else {
		cleanup_free char *key =
		        statement->kind == SIM_INSERT ? duplicate_key(session, store, statement, column) : NULL;
		const char *table = strrchr(statement->name, '.');
		uint32_t hash = 5381;
		for (const char *c = statement->name; *c != '\0'; c++)
			hash = hash * 33 + (uint32_t)tolower((unsigned char)*c);
		bool primary = extended == SQLITE_CONSTRAINT_PRIMARYKEY || extended == SQLITE_CONSTRAINT_ROWID;
		cleanup_free char *name =
		        xasprintf("%s__%s__3213E83F%08X", primary ? "PK" : "UQ", table != NULL ? table + 1 : "", hash);
		result = sim_raise(session, line, 2627, primary ? "PRIMARY KEY" : "UNIQUE KEY", name, statement->name,
		                   key != NULL ? key : "");
	}
	return result;
}

struct translation {
	const char *begins;
	int number;
};

/* SQLite's complaint about a statement, as SQL Server's. */
static enum sim_run complain(struct sim_session *session, struct sim_store *store,
                             const struct sim_statement *statement) {
	static const struct translation translations[] = {
		{ "no such table: ", 208 },
		{ "no such column: ", 207 },
		{ "table ", 213 },
	};
	cleanup_free char *message = xstrdup(sqlite3_errmsg(store->sqlite));
	int line = statement->line;
	if (strncmp(message, "245 ", 4) == 0) {
		char *type = strchr(message, '\x1f');
		if (type != NULL) *type++ = '\0';
		return sim_raise(session, line, 245, message + 4, type != NULL ? type : "int");
	}
	if (strncmp(message, "300 ", 4) == 0) {
		sim_raise(session, line, 300, message + 4);
		return sim_raise(session, line, 297);
	}
	if (sqlite3_errcode(store->sqlite) == SQLITE_CONSTRAINT) return constraint(session, store, statement, message);
	if (strstr(message, "already exists") != NULL && statement->name != NULL) {
		const char *dot = strrchr(statement->name, '.');
		return sim_raise(session, line, 2714,
		                 dot != NULL && strncasecmp(statement->name, "dbo.", 4) == 0 ? dot + 1
		                                                                             : statement->name);
	}
	if (strncmp(message, "table ", 6) == 0 && strstr(message, "has no column named ") != NULL)
		return sim_raise(session, line, 207,
		                 strstr(message, "has no column named ") + strlen("has no column named "));
	if (strstr(message, "values for") != NULL) return sim_raise(session, line, 213);
	for (size_t i = 0; i < 2; i++) {
		size_t length = strlen(translations[i].begins);
		if (strncmp(message, translations[i].begins, length) != 0) continue;
		const char *name = message + length;
		if (strncmp(name, "main.", 5) == 0) name += 5;
		if (statement->kind == SIM_DEFINE && translations[i].number == 208 &&
		    strncmp(statement->other, "DROP", 4) == 0)
			return sim_raise(session, line, 3701, "table", name);
		/* The column alone: SQL Server leaves the table out. */
		const char *dot = strrchr(name, '.');
		return sim_raise(session, line, translations[i].number,
		                 translations[i].number == 207 && dot != NULL ? dot + 1 : name);
	}
	cleanup_free char *text = xasprintf("Not understood by this server: %s", message);
	return sim_raise_text(session, line, 102, 15, 1, text);
}

/* --- Statements --- */

/* Where a query runs. NULL: an error was raised, or *wait. */
static struct sim_store *store_for(struct sim_session *session, int line, const struct sim_query *query, bool *wait) {
	*wait = false;
	struct sim_store *store = session->instance->catalogue;
	struct sim_database *database = NULL;
	if (query->database != NULL || query->reads_tables) {
		database =
		        sim_open_database(session, line, query->database != NULL ? query->database : session->database);
		if (database == NULL) return NULL;
	}
	if (query->reads_tables) {
		if (database->writer != NULL && database->writer != session) {
			*wait = true;
			int64_t now = sim_now(session->instance);
			struct sim_progress_state *progress = &session->progress;
			if (progress->until == 0)
				progress->until =
				        session->lock_timeout < 0 ? INT64_MAX : now + session->lock_timeout * 1000;
			progress->deadline = progress->until;
			if (now < progress->until) return NULL;
			*wait = false;
			sim_raise(session, line, 1222);
			return NULL;
		}
		store = sim_database_store(session->instance, database);
		session->progress.database = database->id;
		session->progress.position = database->log.count;
	}
	store->scope.session = session;
	store->scope.time = sim_wall(session->instance);
	store->scope.seed = sim_random(session->instance);
	return store;
}

/* Runs to the end; the rows are kept, and shown when they may be. */
static enum sim_run collect(struct sim_session *session, const struct sim_statement *statement, struct sim_store *store,
                            sqlite3_stmt *rows) {
	struct sim_rowset *rowset = &session->progress.rowset;
	struct sim_type_info unknown = { 0 };
	int columns = sqlite3_column_count(rows);
	for (int i = 0; i < columns; i++) sim_rowset_column(rowset, sqlite3_column_name(rows, i), unknown);
	int result;
	while ((result = sqlite3_step(rows)) == SQLITE_ROW)
		for (int i = 0; i < columns; i++) sim_rowset_value(rowset, sim_store_column(rows, i));
	if (result != SQLITE_DONE) return complain(session, store, statement);
	column_types(session, &statement->query, rows, rowset);
	return SIM_RUN_DONE;
}

static enum sim_run assign(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_rowset *rowset = &session->progress.rowset;
	size_t rows = rowset->value_count / rowset->column_count;
	session->row_count = (int64_t)rows;
	for (size_t i = 0; i < rowset->column_count && rows > 0; i++) {
		const char *name = statement->query.assigned[i];
		struct sim_variable *variable = name != NULL ? sim_variable_find(&session->variables, name) : NULL;
		if (variable == NULL) return sim_raise(session, statement->line, 137, name != NULL ? name : "");
		struct sim_value value;
		if (!sim_convert_value(&rowset->values[(rows - 1) * rowset->column_count + i], &variable->type, 0,
		                       &value))
			return sim_raise(session, statement->line, 8114, "nvarchar",
			                 sim_type_name(variable->type.type));
		sim_value_free(&variable->value);
		variable->value = value;
	}
	return SIM_RUN_DONE;
}

enum sim_run sim_run_select(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_progress_state *progress = &session->progress;
	if (progress->stage == 0) {
		bool wait;
		struct sim_store *store = store_for(session, statement->line, &statement->query, &wait);
		if (wait) return SIM_RUN_WAIT;
		if (store == NULL) return SIM_RUN_FAILED;
		sqlite3_stmt *rows = NULL;
		if (sqlite3_prepare_v2(store->sqlite, statement->query.sql, -1, &rows, NULL) != SQLITE_OK)
			return complain(session, store, statement);
		enum sim_run result = bind_variables(session, statement->line, rows)
		                              ? collect(session, statement, store, rows)
		                              : SIM_RUN_FAILED;
		sqlite3_finalize(rows);
		if (result != SIM_RUN_DONE) return result;
		progress->stage = 1;
	}
	/* Rows of a transaction whose commit is not acknowledged are locked: nobody sees them. */
	if (progress->database != 0) {
		enum sim_run result = sim_await_commit(session, statement->line);
		if (result != SIM_RUN_DONE) return result;
	}
	if (statement->query.assigned != NULL) return assign(session, statement);
	sim_send_rowset(session, &progress->rowset);
	return SIM_RUN_DONE;
}

bool sim_evaluate(struct sim_session *session, int line, const struct sim_expression *expression,
                  const struct sim_query *query, struct sim_value *value, bool *wait) {
	static const struct sim_query nowhere = { 0 };
	*value = sim_null();
	struct sim_store *store = store_for(session, line, query != NULL ? query : &nowhere, wait);
	if (store == NULL) return false;
	cleanup_free char *sql = xasprintf("SELECT %s", expression->sql);
	struct sim_statement statement = { .kind = SIM_SELECT, .line = line };
	sqlite3_stmt *row = NULL;
	if (sqlite3_prepare_v2(store->sqlite, sql, -1, &row, NULL) != SQLITE_OK) {
		complain(session, store, &statement);
		return false;
	}
	bool good = bind_variables(session, line, row);
	if (good && sqlite3_step(row) == SQLITE_ROW) {
		struct sim_value borrowed = sim_store_column(row, 0);
		*value = sim_value_copy(&borrowed);
	} else if (good) {
		complain(session, store, &statement);
		good = false;
	}
	sqlite3_finalize(row);
	return good;
}

/* What a change and a definition share: lock, run, keep or undo, wait for the commit. */
static enum sim_run write(struct sim_session *session, const struct sim_statement *statement, bool counts) {
	struct sim_progress_state *progress = &session->progress;
	int line = statement->line;
	if (progress->stage == 0) {
		const char *name = statement->query.database != NULL ? statement->query.database : session->database;
		struct sim_database *database = sim_open_database(session, line, name);
		if (database == NULL || !sim_may_write(session, line, database)) return SIM_RUN_FAILED;
		enum sim_run result = sim_begin_write(session, line, database);
		if (result != SIM_RUN_DONE) return result;
		struct sim_store *store = sim_database_store(session->instance, database);
		sqlite3_stmt *change = NULL;
		bool good = sqlite3_prepare_v2(store->sqlite, statement->query.sql, -1, &change, NULL) == SQLITE_OK;
		bool bound = good && bind_variables(session, line, change);
		uint64_t seed = store->scope.seed;
		if (bound) {
			while ((result = (enum sim_run)sqlite3_step(change)) == (enum sim_run)SQLITE_ROW) continue;
			good = (int)result == SQLITE_DONE;
		}
		result = SIM_RUN_DONE;
		if (!good) result = complain(session, store, statement);
		else if (!bound) result = SIM_RUN_FAILED;
		sqlite3_finalize(change);
		progress->rows = counts ? sqlite3_changes64(store->sqlite) : -1;
		if (statement->kind == SIM_INSERT && result == SIM_RUN_DONE)
			session->identity = sim_integer(sqlite3_last_insert_rowid(store->sqlite));
		store->scope.seed = seed;
		enum sim_run ended =
		        sim_end_write(session, line, database, statement->query.sql, result == SIM_RUN_DONE);
		if (result != SIM_RUN_DONE) {
			/* Said where a constraint has stopped a statement half way. */
			bool constraint = session->caught.number == 2627 || session->caught.number == 515 ||
			                  session->caught.number == 547;
			if (constraint && !sim_inside_try(session))
				sim_tell(session, line, 3621, 0, 0, "The statement has been terminated.");
			return result;
		}
		if (ended != SIM_RUN_DONE) return ended;
		progress->stage = 1;
	}
	enum sim_run result = sim_await_commit(session, line);
	if (result == SIM_RUN_DONE) sim_done(session, progress->rows, false);
	return result;
}

enum sim_run sim_run_change(struct sim_session *session, const struct sim_statement *statement) {
	return write(session, statement, true);
}

enum sim_run sim_run_define(struct sim_session *session, const struct sim_statement *statement) {
	return write(session, statement, false);
}
