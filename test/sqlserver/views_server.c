/* The system views of the server and of a database. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"
#include "sqlserver/views.h"

void sim_view_databases(struct sim_rows *rows) {
	static const char *const models[] = { "", "FULL", "BULK_LOGGED", "SIMPLE" };
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		const struct sim_group *group = sim_group_of(instance, database);
		const struct sim_replica *local = group != NULL ? sim_group_local(group) : NULL;
		enum sim_database_state state = sim_database_state(instance, database);
		sim_rows_text(rows, database->name);
		sim_rows_number(rows, database->id);
		sim_rows_null(rows, 1);
		sim_rows_bytes(rows, "\x01", 1);
		sim_rows_time(rows, database->created);
		sim_rows_number(rows, 160);
		sim_rows_text(rows, "SQL_Latin1_General_CP1_CI_AS");
		sim_rows_number(rows, 0);
		sim_rows_text(rows, "MULTI_USER");
		sim_rows_number(rows, database->read_only);
		sim_rows_number(rows, state);
		sim_rows_text(rows, sim_database_state_name(state));
		sim_rows_number(rows, database->recovery);
		sim_rows_text(rows, models[database->recovery]);
		sim_rows_null(rows, 1);
		sim_rows_text(rows, "NOTHING");
		sim_rows_guid(rows, local != NULL ? local->id : "");
		sim_rows_guid(rows, database->group_database_id);
		sim_rows_guid(rows, database->guid);
		sim_rows_number(rows, 0);
	}
}

void sim_view_recovery_status(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		const struct sim_log *log = &database->log;
		char lsn[SIM_LSN_SIZE];
		sim_rows_number(rows, database->id);
		sim_rows_guid(rows, database->guid);
		sim_rows_guid(rows, log->fork_count > 0 ? log->forks[0].id : "");
		sim_rows_text(rows, database->full_backup ? sim_log_lsn(log, log->count, lsn) : NULL);
		sim_rows_guid(rows, log->fork_count > 0 ? log->forks[log->fork_count - 1].id : "");
		sim_rows_guid(rows, log->fork_count > 1 ? log->forks[log->fork_count - 2].id : "");
		sim_rows_text(rows, log->fork_count > 1 ? sim_log_lsn(log, log->forks[log->fork_count - 1].start, lsn)
		                                        : NULL);
	}
}

/* --- Files: one of rows and one of log for each database, on the one volume --- */

static const char *const file_types[] = { "ROWS", "LOG" };

void sim_view_master_files(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	const struct sim_session *session = rows->scope->session;
	if (session != NULL && !sim_has_permission(session, "CREATE ANY DATABASE") &&
	    !sim_has_permission(session, "VIEW ANY DEFINITION"))
		return;
	for (size_t i = 0; i < 2 * instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i / 2];
		bool log = i % 2 != 0;
		const char *suffix = log ? "_log" : "", *extension = log ? "ldf" : "mdf";
		cleanup_free char *name = xasprintf("%s%s", database->name, suffix);
		cleanup_free char *path = xasprintf("/var/opt/mssql/data/%s%s.%s", database->name, suffix, extension);
		enum sim_database_state state = sim_database_state(instance, database);
		sim_rows_number(rows, database->id);
		sim_rows_number(rows, log + 1);
		sim_rows_number(rows, log);
		sim_rows_text(rows, file_types[log]);
		sim_rows_number(rows, !log);
		sim_rows_text(rows, name);
		sim_rows_text(rows, path);
		sim_rows_number(rows, state);
		sim_rows_text(rows, sim_database_state_name(state));
		sim_rows_number(rows, 1024); /* pages of 8 KiB */
		sim_rows_number(rows, log ? 268435456 : -1);
		sim_rows_number(rows, 8192);
		sim_rows_number(rows, database->read_only);
		sim_rows_number(rows, 0);
	}
}

void sim_view_volume_stats(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	struct sim_space space = sim_disk_space(instance->disk);
	for (size_t i = 0; i < 2 * instance->database_count; i++) {
		sim_rows_number(rows, instance->databases[i / 2]->id);
		sim_rows_number(rows, (int64_t)(i % 2) + 1);
		sim_rows_text(rows, "/var/opt/mssql");
		for (int empty = 0; empty < 3; empty++) sim_rows_text(rows, "");
		sim_rows_number(rows, (int64_t)space.total);
		sim_rows_number(rows, (int64_t)space.available);
		for (int flag = 0; flag < 5; flag++) sim_rows_number(rows, 0);
	}
}

/* --- Principals --- */

void sim_view_principals(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		const struct sim_login_row *row = &instance->logins[i];
		sim_rows_text(rows, row->name);
		sim_rows_number(rows, sim_login_id(instance, row));
		sim_rows_bytes(rows, strcasecmp(row->name, "sa") == 0 ? "\x01" : row->sid,
		               strcasecmp(row->name, "sa") == 0 ? 1 : strlen(row->sid));
		sim_rows_text(rows, "S");
		sim_rows_text(rows, "SQL_LOGIN");
		sim_rows_number(rows, row->disabled);
		sim_rows_null(rows, 2);
		sim_rows_text(rows, row->default_database);
		sim_rows_text(rows, "us_english");
	}
	static const char *const roles[] = { "public", "sysadmin" };
	for (size_t i = 0; i < ARRAY_LENGTH(roles); i++) {
		sim_rows_text(rows, roles[i]);
		sim_rows_number(rows, 2 + (int64_t)i);
		sim_rows_null(rows, 1);
		sim_rows_text(rows, "R");
		sim_rows_text(rows, "SERVER_ROLE");
		sim_rows_number(rows, 0);
		sim_rows_null(rows, 4);
	}
}

void sim_view_sql_logins(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		sim_rows_text(rows, instance->logins[i].name);
		sim_rows_number(rows, sim_login_id(instance, &instance->logins[i]));
		sim_rows_number(rows, instance->logins[i].disabled);
		sim_rows_text(rows, instance->logins[i].default_database);
	}
}

void sim_view_server_permissions(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		cleanup_free char *all =
		        xstrdup(instance->logins[i].permissions != NULL ? instance->logins[i].permissions : "");
		for (char *rest = all, *one; (one = strsep(&rest, ",")) != NULL;) {
			if (*one == '\0') continue;
			sim_rows_number(rows, 100);
			sim_rows_text(rows, "SERVER");
			sim_rows_number(rows, 256 + (int64_t)i);
			sim_rows_text(rows, one);
			sim_rows_text(rows, "GRANT");
		}
	}
}

void sim_view_database_principals(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	sim_rows_text(rows, "dbo");
	sim_rows_number(rows, 1);
	sim_rows_text(rows, "S");
	sim_rows_text(rows, "SQL_USER");
	for (size_t i = 0; i < instance->user_count; i++) {
		sim_rows_text(rows, instance->users[i].name);
		sim_rows_number(rows, 5 + (int64_t)i);
		sim_rows_text(rows, "S");
		sim_rows_text(rows, "SQL_USER");
	}
}

void sim_view_certificates(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->certificate_count; i++) {
		const struct sim_certificate *certificate = &instance->certificates[i];
		sim_rows_text(rows, certificate->name);
		sim_rows_number(rows, certificate->id);
		sim_rows_number(rows, 1);
		sim_rows_text(rows, certificate->has_private_key ? "MK" : "NA");
		sim_rows_text(rows, certificate->has_private_key ? "ENCRYPTED_BY_MASTER_KEY" : "NO_PRIVATE_KEY");
		sim_rows_number(rows, 1);
		sim_rows_text(rows, certificate->subject);
		sim_rows_text(rows, certificate->subject);
		size_t length = certificate->public_length < 20 ? certificate->public_length : 20;
		sim_rows_bytes(rows, certificate->public_part + certificate->public_length - length, length);
	}
}

void sim_view_symmetric_keys(struct sim_rows *rows) {
	if (!rows->scope->instance->master_key) return;
	sim_rows_text(rows, "##MS_DatabaseMasterKey##");
	sim_rows_number(rows, 101);
	sim_rows_number(rows, 256);
}

static void endpoint_columns(struct sim_rows *rows, const char *name, int64_t id, bool started, int type,
                             const char *type_name) {
	sim_rows_text(rows, name);
	sim_rows_number(rows, id);
	sim_rows_number(rows, 1);
	sim_rows_number(rows, 2);
	sim_rows_text(rows, "TCP");
	sim_rows_number(rows, type);
	sim_rows_text(rows, type_name);
	sim_rows_number(rows, started ? 0 : 1);
	sim_rows_text(rows, started ? "STARTED" : "STOPPED");
	sim_rows_number(rows, 0);
}
void sim_view_endpoints(struct sim_rows *rows) {
	const struct sim_endpoint *endpoint = &rows->scope->instance->endpoint;
	endpoint_columns(rows, "TSQL Default TCP", 4, true, 2, "TSQL");
	if (endpoint->name != NULL)
		endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
}
void sim_view_mirroring_endpoints(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	const struct sim_endpoint *endpoint = &instance->endpoint;
	if (endpoint->name == NULL) return;
	endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
	const struct sim_certificate *certificate = sim_endpoint_certificate(instance);
	sim_rows_number(rows, 3);
	sim_rows_text(rows, "ALL");
	sim_rows_number(rows, 1);
	sim_rows_number(rows, certificate != NULL ? 4 : 3);
	sim_rows_text(rows, certificate != NULL ? "CERTIFICATE" : "NEGOTIATE");
	sim_rows_put(rows, certificate != NULL ? sim_integer(certificate->id) : sim_null());
	sim_rows_number(rows, 2);
	sim_rows_text(rows, "AES");
}
void sim_view_tcp_endpoints(struct sim_rows *rows) {
	const struct sim_endpoint *endpoint = &rows->scope->instance->endpoint;
	endpoint_columns(rows, "TSQL Default TCP", 4, true, 2, "TSQL");
	sim_rows_number(rows, 1433);
	if (endpoint->name == NULL) return;
	endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
	sim_rows_number(rows, endpoint->port);
}

void sim_view_os_sys_info(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	sim_rows_number(rows, 4);
	sim_rows_number(rows, 8 * 1024 * 1024);
	sim_rows_number(rows, (sim_now(instance) - instance->started) / 1000);
	sim_rows_time(rows, instance->started_wall);
}

void sim_view_configurations(struct sim_rows *rows) {
	static const struct {
		int64_t id;
		const char *name;
		int64_t value;
	} all[] = { { 518, "show advanced options", 0 },
		    { 1544, "max server memory (MB)", 2147483647 },
		    { 16387, "SMO and DMO XPs", 1 },
		    { 1589, "remote admin connections", 0 },
		    { 16391, "Ad Hoc Distributed Queries", 0 } };
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		sim_rows_number(rows, all[i].id);
		sim_rows_text(rows, all[i].name);
		sim_rows_number(rows, all[i].value);
		sim_rows_number(rows, all[i].value);
	}
}

void sim_view_exec_sessions(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->session_count; i++) {
		const struct sim_session *session = instance->sessions[i];
		const struct sim_database *database = sim_database_find(instance, session->database);
		sim_rows_number(rows, session->id);
		sim_rows_time(rows, session->login_wall);
		sim_rows_text(rows, session->host);
		sim_rows_text(rows, session->application);
		sim_rows_text(rows, session->login);
		sim_rows_text(rows, session->frame_count > 0 ? "running" : "sleeping");
		sim_rows_number(rows, database != NULL ? database->id : 1);
		sim_rows_number(rows, session->transactions);
		sim_rows_number(rows, 1);
	}
}

/* --- A database --- */

static void from_sqlite(struct sim_rows *rows, const char *sql,
                        void (*row)(struct sim_rows *rows, sqlite3_stmt *statement)) {
	struct sim_instance *instance = rows->scope->instance;
	const struct sim_session *session = rows->scope->session;
	struct sim_database *database = session != NULL ? sim_database_find(instance, session->database) : NULL;
	if (database == NULL || sim_access_error(session, database) != 0) return;
	sqlite3_stmt *statement = sim_store_prepare(sim_database_store(instance, database), sql, NULL, 0);
	while (sqlite3_step(statement) == SQLITE_ROW) row(rows, statement);
	sqlite3_finalize(statement);
}
static void table_row(struct sim_rows *rows, sqlite3_stmt *statement) {
	const char *name = (const char *)sqlite3_column_text(statement, 0);
	sim_rows_text(rows, name);
	sim_rows_number(rows, sqlite3_column_int64(statement, 1) + 565577052);
	sim_rows_number(rows, 1);
	sim_rows_text(rows, "U ");
	sim_rows_text(rows, "USER_TABLE");
	sim_rows_time(rows, sim_wall(rows->scope->instance));
	sim_rows_number(rows, 0);
}
void sim_view_tables(struct sim_rows *rows) {
	from_sqlite(rows,
	            "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
	            "ESCAPE '\\' ORDER BY rowid",
	            table_row);
}
static void column_row(struct sim_rows *rows, sqlite3_stmt *statement) {
	struct sim_type_info type = { SIM_INT, 0, 0, 0 };
	sim_type_parse((const char *)sqlite3_column_text(statement, 2), &type);
	sim_rows_number(rows, sqlite3_column_int64(statement, 0) + 565577052);
	sim_rows_text(rows, (const char *)sqlite3_column_text(statement, 1));
	sim_rows_number(rows, sqlite3_column_int64(statement, 3) + 1);
	sim_rows_number(rows, type.length > 0 && type.type >= SIM_NCHAR && type.type <= SIM_NVARCHAR ? 2 * type.length
	                                                                                             : type.length);
	sim_rows_number(rows, sqlite3_column_int64(statement, 4) == 0);
}
void sim_view_columns(struct sim_rows *rows) {
	from_sqlite(rows,
	            "SELECT t.rootpage, c.name, c.type, c.cid, c.\"notnull\" FROM sqlite_schema t, "
	            "pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
	            column_row);
}
static void information_table(struct sim_rows *rows, sqlite3_stmt *statement) {
	sim_rows_text(rows, rows->scope->session->database);
	sim_rows_text(rows, "dbo");
	sim_rows_text(rows, (const char *)sqlite3_column_text(statement, 0));
	sim_rows_text(rows, "BASE TABLE");
}
void sim_view_information_tables(struct sim_rows *rows) {
	from_sqlite(rows,
	            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
	            "ORDER BY rowid",
	            information_table);
}
