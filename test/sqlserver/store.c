#include "sqlserver/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/server.h"

struct sim_store *sim_store_open(struct sim_instance *instance) {
	struct sim_store *store = xcalloc(1, sizeof(*store));
	store->scope.instance = instance;
	/* A store belongs to one thread at a time: its instance's lock is lock enough. */
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(":memory:", &store->sqlite, flags, NULL) != SQLITE_OK) abort();
	/* "name" is a name and never a text. */
	sqlite3_db_config(store->sqlite, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_db_config(store->sqlite, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sim_store_run(store, "PRAGMA foreign_keys = ON");
	sim_functions_register(store);
	sim_views_register(store);
	return store;
}

void sim_store_close(struct sim_store *store) {
	if (store == NULL) return;
	sqlite3_close(store->sqlite);
	free(store);
}

static void bind(sqlite3_stmt *statement, int index, const struct sim_value *value) {
	switch (value->kind) {
	case SIM_VALUE_NULL: sqlite3_bind_null(statement, index); break;
	case SIM_VALUE_INTEGER: sqlite3_bind_int64(statement, index, value->integer); break;
	case SIM_VALUE_REAL: sqlite3_bind_double(statement, index, value->real); break;
	case SIM_VALUE_TEXT:
		sqlite3_bind_text64(statement, index, value->bytes, value->length, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case SIM_VALUE_BYTES:
		sqlite3_bind_blob64(statement, index, value->bytes, value->length, SQLITE_TRANSIENT);
		break;
	}
}

sqlite3_stmt *sim_store_prepare(struct sim_store *store, const char *sql, const struct sim_named_value *values,
                                size_t count) {
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(store->sqlite, sql, -1, &statement, NULL) != SQLITE_OK) return NULL;
	for (size_t i = 0; i < count; i++) {
		int index = sqlite3_bind_parameter_index(statement, values[i].name);
		if (index > 0) bind(statement, index, &values[i].value);
	}
	return statement;
}

bool sim_store_run(struct sim_store *store, const char *sql) {
	return sqlite3_exec(store->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK;
}

void sim_store_record(const struct sim_store *store, struct strbuf *payload, const char *sql,
                      const struct sim_named_value *values, size_t count) {
	size_t used = 0;
	for (size_t i = 0; i < count; i++) used += strstr(sql, values[i].name) != NULL;
	wire_put(payload, (uint64_t)store->scope.time);
	wire_put(payload, store->scope.seed);
	wire_put_text(payload, sql);
	wire_put(payload, used);
	for (size_t i = 0; i < count; i++) {
		if (strstr(sql, values[i].name) == NULL) continue;
		wire_put_text(payload, values[i].name);
		sim_value_put(payload, &values[i].value);
	}
}

static void redo_change(struct sim_store *store, struct wire *wire) {
	store->scope.time = (int64_t)wire_get(wire);
	store->scope.seed = wire_get(wire);
	cleanup_free char *sql = wire_get_text(wire);
	uint64_t count = wire_get(wire);
	if (count > wire->length / 16) wire->broken = true;
	if (wire->broken) return;
	struct sim_named_value *values = xcalloc((size_t)count, sizeof(*values));
	for (size_t i = 0; i < count; i++) {
		values[i].name = wire_get_text(wire);
		values[i].value = sim_value_get(wire);
	}
	sqlite3_stmt *statement = sim_store_prepare(store, sql, values, (size_t)count);
	while (sqlite3_step(statement) == SQLITE_ROW) continue;
	sqlite3_finalize(statement);
	for (size_t i = 0; i < count; i++) {
		free((void *)(uintptr_t)values[i].name);
		sim_value_free(&values[i].value);
	}
	free(values);
}

void sim_store_redo(struct sim_store *store, const char *payload, size_t length) {
	struct wire wire = wire_over(payload, length);
	store->scope.session = NULL;
	sim_store_run(store, "BEGIN");
	while (wire.length > 0 && !wire.broken) redo_change(store, &wire);
	sim_store_run(store, "COMMIT");
}

struct sim_value sim_store_column(sqlite3_stmt *statement, int column) {
	struct sim_value value = sim_null();
	switch (sqlite3_column_type(statement, column)) {
	case SQLITE_INTEGER: return sim_integer(sqlite3_column_int64(statement, column));
	case SQLITE_FLOAT:
		value = (struct sim_value){ .kind = SIM_VALUE_REAL, .real = sqlite3_column_double(statement, column) };
		break;
	case SQLITE_TEXT:
		value.kind = SIM_VALUE_TEXT;
		value.bytes = (const char *)sqlite3_column_text(statement, column);
		value.length = (size_t)sqlite3_column_bytes(statement, column);
		break;
	case SQLITE_BLOB:
		value.kind = SIM_VALUE_BYTES;
		value.bytes = sqlite3_column_blob(statement, column);
		value.length = (size_t)sqlite3_column_bytes(statement, column);
		if (value.bytes == NULL) value.bytes = "";
		break;
	}
	return value;
}

void sim_store_result(sqlite3_context *context, const struct sim_value *value) {
	switch (value->kind) {
	case SIM_VALUE_NULL: sqlite3_result_null(context); break;
	case SIM_VALUE_INTEGER: sqlite3_result_int64(context, value->integer); break;
	case SIM_VALUE_REAL: sqlite3_result_double(context, value->real); break;
	case SIM_VALUE_TEXT:
		sqlite3_result_text64(context, value->bytes, value->length, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case SIM_VALUE_BYTES: sqlite3_result_blob64(context, value->bytes, value->length, SQLITE_TRANSIENT); break;
	}
}
