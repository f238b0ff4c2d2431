/* System views: SQLite's virtual tables over the model. Each view is its columns and a function that gives its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"
#include "sqlserver/views.h"

void sim_rows_put(struct sim_rows *rows, struct sim_value value) {
	if ((rows->count & (rows->count - 1)) == 0)
		rows->values =
		        xreallocarray(rows->values, rows->count == 0 ? 1 : 2 * rows->count, sizeof(*rows->values));
	rows->values[rows->count++] = sim_value_copy(&value);
}
void sim_rows_text(struct sim_rows *rows, const char *value) {
	sim_rows_put(rows, sim_text(value));
}
void sim_rows_number(struct sim_rows *rows, int64_t value) {
	sim_rows_put(rows, sim_integer(value));
}
void sim_rows_null(struct sim_rows *rows, int count) {
	while (count-- > 0) sim_rows_put(rows, sim_null());
}
void sim_rows_time(struct sim_rows *rows, int64_t wall) {
	char buffer[SIM_TIME_SIZE];
	sim_rows_put(rows, sim_text(wall != 0 ? sim_datetime_text(wall, buffer) : NULL));
}
void sim_rows_guid(struct sim_rows *rows, const char *id) {
	sim_rows_put(rows, *id != '\0' ? sim_text(id) : sim_null());
}
void sim_rows_bytes(struct sim_rows *rows, const void *data, size_t length) {
	sim_rows_put(rows, (struct sim_value){ .kind = SIM_VALUE_BYTES, .bytes = data, .length = length });
}

static const struct view {
	const char *name;
	const char *columns; /* as in CREATE TABLE */
	void (*fill)(struct sim_rows *rows);
	enum {
		PUBLIC,
		SERVER_STATE,
		DEFINITION
	} needs; /* VIEW SERVER STATE, or Msg 300; VIEW ANY DEFINITION, or no rows */
} views[] = {
	{ "sys.databases",
	  "name sysname, database_id int, source_database_id int, owner_sid varbinary(85), create_date datetime, "
	  "compatibility_level tinyint, collation_name sysname, user_access tinyint, user_access_desc nvarchar(60), "
	  "is_read_only bit, state tinyint, state_desc nvarchar(60), recovery_model tinyint, recovery_model_desc "
	  "nvarchar(60), log_reuse_wait tinyint, log_reuse_wait_desc nvarchar(60), replica_id uniqueidentifier, "
	  "group_database_id uniqueidentifier, service_broker_guid uniqueidentifier, is_encrypted bit",
	  sim_view_databases, PUBLIC },
	{ "sys.database_recovery_status",
	  "database_id int, database_guid uniqueidentifier, family_guid uniqueidentifier, last_log_backup_lsn "
	  "numeric(25,0), recovery_fork_guid uniqueidentifier, first_recovery_fork_guid uniqueidentifier, "
	  "fork_point_lsn numeric(25,0)",
	  sim_view_recovery_status, PUBLIC },
	{ "sys.server_principals",
	  "name sysname, principal_id int, sid varbinary(85), type char(1), type_desc nvarchar(60), is_disabled bit, "
	  "create_date datetime, modify_date datetime, default_database_name sysname, default_language_name sysname",
	  sim_view_principals, PUBLIC },
	{ "sys.sql_logins", "name sysname, principal_id int, is_disabled bit, default_database_name sysname",
	  sim_view_sql_logins, PUBLIC },
	{ "sys.server_permissions",
	  "class tinyint, class_desc nvarchar(60), grantee_principal_id int, permission_name nvarchar(128), state_desc "
	  "nvarchar(60)",
	  sim_view_server_permissions, PUBLIC },
	{ "sys.database_principals", "name sysname, principal_id int, type char(1), type_desc nvarchar(60)",
	  sim_view_database_principals, PUBLIC },
	{ "sys.certificates",
	  "name sysname, certificate_id int, principal_id int, pvt_key_encryption_type char(2), "
	  "pvt_key_encryption_type_desc nvarchar(60), is_active_for_begin_dialog bit, issuer_name nvarchar(442), "
	  "subject nvarchar(4000), thumbprint varbinary(32)",
	  sim_view_certificates, PUBLIC },
	{ "sys.symmetric_keys", "name sysname, symmetric_key_id int, key_length int", sim_view_symmetric_keys, PUBLIC },
	{ "sys.endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit",
	  sim_view_endpoints, PUBLIC },
	{ "sys.database_mirroring_endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit, role "
	  "tinyint, role_desc nvarchar(60), is_encryption_enabled bit, connection_auth tinyint, connection_auth_desc "
	  "nvarchar(60), certificate_id int, encryption_algorithm tinyint, encryption_algorithm_desc nvarchar(60)",
	  sim_view_mirroring_endpoints, PUBLIC },
	{ "sys.tcp_endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit, port int",
	  sim_view_tcp_endpoints, PUBLIC },
	{ "sys.dm_os_sys_info",
	  "cpu_count int, physical_memory_kb bigint, ms_ticks bigint, sqlserver_start_time datetime",
	  sim_view_os_sys_info, SERVER_STATE },
	{ "sys.configurations", "configuration_id int, name nvarchar(35), value int, value_in_use int",
	  sim_view_configurations, PUBLIC },
	{ "sys.dm_exec_sessions",
	  "session_id smallint, login_time datetime, host_name nvarchar(128), program_name nvarchar(128), login_name "
	  "nvarchar(128), status nvarchar(30), database_id smallint, open_transaction_count int, is_user_process bit",
	  sim_view_exec_sessions, PUBLIC },
	{ "sys.tables",
	  "name sysname, object_id int, schema_id int, type char(2), type_desc nvarchar(60), create_date datetime, "
	  "is_ms_shipped bit",
	  sim_view_tables, PUBLIC },
	{ "sys.objects",
	  "name sysname, object_id int, schema_id int, type char(2), type_desc nvarchar(60), create_date datetime, "
	  "is_ms_shipped bit",
	  sim_view_tables, PUBLIC },
	{ "sys.columns", "object_id int, name sysname, column_id int, max_length smallint, is_nullable bit",
	  sim_view_columns, PUBLIC },
	{ "information_schema.tables",
	  "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME sysname, TABLE_TYPE varchar(10)",
	  sim_view_information_tables, PUBLIC },
	{ "sys.availability_groups",
	  "group_id uniqueidentifier, name sysname, resource_id nvarchar(40), resource_group_id nvarchar(40), "
	  "failure_condition_level int, health_check_timeout int, automated_backup_preference tinyint, "
	  "automated_backup_preference_desc nvarchar(60), version smallint, basic_features bit, dtc_support bit, "
	  "db_failover bit, is_distributed bit, sequence_number bigint, cluster_type tinyint, cluster_type_desc "
	  "nvarchar(60), required_synchronized_secondaries_to_commit int, is_contained bit",
	  sim_view_groups, DEFINITION },
	{ "sys.availability_replicas",
	  "replica_id uniqueidentifier, group_id uniqueidentifier, replica_metadata_id int, replica_server_name "
	  "nvarchar(256), owner_sid varbinary(85), endpoint_url nvarchar(256), availability_mode tinyint, "
	  "availability_mode_desc nvarchar(60), failover_mode tinyint, failover_mode_desc nvarchar(60), "
	  "session_timeout int, primary_role_allow_connections tinyint, primary_role_allow_connections_desc "
	  "nvarchar(60), secondary_role_allow_connections tinyint, secondary_role_allow_connections_desc nvarchar(60), "
	  "create_date datetime, modify_date datetime, backup_priority int, read_only_routing_url nvarchar(256), "
	  "seeding_mode tinyint, seeding_mode_desc nvarchar(60)",
	  sim_view_replicas, DEFINITION },
	{ "sys.dm_hadr_availability_replica_states",
	  "replica_id uniqueidentifier, group_id uniqueidentifier, is_local bit, role tinyint, role_desc nvarchar(60), "
	  "operational_state tinyint, operational_state_desc nvarchar(60), connected_state tinyint, "
	  "connected_state_desc nvarchar(60), recovery_health tinyint, recovery_health_desc nvarchar(60), "
	  "synchronization_health tinyint, synchronization_health_desc nvarchar(60), last_connect_error_number int, "
	  "last_connect_error_description nvarchar(1024), last_connect_error_timestamp datetime, "
	  "write_lease_remaining_ticks bigint, current_configuration_commit_start_time_utc datetime",
	  sim_view_replica_states, SERVER_STATE },
	{ "sys.dm_hadr_database_replica_states",
	  "database_id int, group_id uniqueidentifier, replica_id uniqueidentifier, group_database_id "
	  "uniqueidentifier, is_local bit, is_primary_replica bit, synchronization_state tinyint, "
	  "synchronization_state_desc nvarchar(60), is_commit_participant bit, synchronization_health tinyint, "
	  "synchronization_health_desc nvarchar(60), database_state tinyint, database_state_desc nvarchar(60), "
	  "is_suspended bit, suspend_reason tinyint, suspend_reason_desc nvarchar(60), recovery_lsn numeric(25,0), "
	  "truncation_lsn numeric(25,0), last_sent_lsn numeric(25,0), last_sent_time datetime, last_received_lsn "
	  "numeric(25,0), last_received_time datetime, last_hardened_lsn numeric(25,0), last_hardened_time datetime, "
	  "last_redone_lsn numeric(25,0), last_redone_time datetime, log_send_queue_size bigint, log_send_rate bigint, "
	  "redo_queue_size bigint, redo_rate bigint, end_of_log_lsn numeric(25,0), last_commit_lsn numeric(25,0), "
	  "last_commit_time datetime, secondary_lag_seconds bigint",
	  sim_view_database_states, SERVER_STATE },
	{ "sys.dm_hadr_availability_replica_cluster_states",
	  "replica_id uniqueidentifier, replica_server_name nvarchar(256), group_id uniqueidentifier, join_state "
	  "tinyint, join_state_desc nvarchar(60)",
	  sim_view_cluster_states, SERVER_STATE },
	{ "sys.dm_hadr_database_replica_cluster_states",
	  "replica_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname, is_failover_ready "
	  "bit, is_pending_secondary_suspend bit, is_database_joined bit",
	  sim_view_database_cluster_states, SERVER_STATE },
	{ "sys.availability_databases_cluster",
	  "group_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname",
	  sim_view_databases_cluster, DEFINITION },
	{ "sys.dm_hadr_automatic_seeding",
	  "start_time datetime, completion_time datetime, ag_id uniqueidentifier, ag_db_id uniqueidentifier, "
	  "ag_remote_replica_id uniqueidentifier, operation_id uniqueidentifier, is_source bit, current_state "
	  "nvarchar(60), performed_seeding bit, failure_state int, failure_state_desc nvarchar(60), error_code int, "
	  "number_of_attempts int",
	  sim_view_automatic_seeding, SERVER_STATE },
	{ "sys.dm_hadr_physical_seeding_stats",
	  "local_physical_seeding_id uniqueidentifier, remote_physical_seeding_id uniqueidentifier, local_database_id "
	  "int, local_database_name nvarchar(128), remote_machine_name nvarchar(128), role_desc nvarchar(60), "
	  "internal_state_desc nvarchar(60), transfer_rate_bytes_per_second bigint, transferred_size_bytes bigint, "
	  "database_size_bytes bigint, start_time_utc datetime, end_time_utc datetime, estimate_time_complete_utc "
	  "datetime, total_disk_io_wait_time_ms bigint, total_network_wait_time_ms bigint, failure_code int, "
	  "failure_message nvarchar(128), failure_time_utc datetime, is_compression_enabled bit",
	  sim_view_physical_seeding, SERVER_STATE },
	{ "sys.dm_hadr_availability_group_states",
	  "group_id uniqueidentifier, primary_replica nvarchar(128), primary_recovery_health tinyint, "
	  "primary_recovery_health_desc nvarchar(60), secondary_recovery_health tinyint, "
	  "secondary_recovery_health_desc "
	  "nvarchar(60), synchronization_health tinyint, synchronization_health_desc nvarchar(60)",
	  sim_view_group_states, SERVER_STATE },
	{ "sys.master_files",
	  "database_id int, file_id int, type tinyint, type_desc nvarchar(60), data_space_id int, name sysname, "
	  "physical_name nvarchar(260), state tinyint, state_desc nvarchar(60), size int, max_size int, growth int, "
	  "is_read_only bit, is_percent_growth bit",
	  sim_view_master_files, PUBLIC },
	/* A function of (database_id, file_id): APPLY makes a join of it (sqlserver/translate_query.c). */
	{ "sys.dm_os_volume_stats",
	  "database_id int, file_id int, volume_mount_point nvarchar(512), volume_id nvarchar(512), "
	  "logical_volume_name nvarchar(512), file_system_type nvarchar(512), total_bytes bigint, available_bytes "
	  "bigint, supports_compression bit, supports_alternate_streams bit, supports_sparse_files bit, is_read_only "
	  "bit, is_compressed bit",
	  sim_view_volume_stats, SERVER_STATE },
};

/* --- As virtual tables --- */

struct module {
	const struct view *view;
	struct sim_scope *scope;
};
struct table {
	sqlite3_vtab base;
	const struct module *module;
	size_t columns;
};
struct cursor {
	sqlite3_vtab_cursor base;
	struct sim_rows rows;
	size_t row;
};

/* Text columns compare as the server's collation does. */
static char *declaration(const char *columns, size_t *count) {
	struct strbuf sql = { 0 };
	strbuf_append(&sql, "CREATE TABLE x(");
	int depth = 0;
	*count = 1;
	const char *start = columns;
	for (const char *c = columns;; c++) {
		depth += (*c == '(') - (*c == ')');
		if (*c != '\0' && (*c != ',' || depth > 0)) continue;
		cleanup_free char *column = xstrndup(start, (size_t)(c - start));
		bool characters = strstr(column, "char") != NULL || strstr(column, "sysname") != NULL ||
		                  strstr(column, "uniqueidentifier") != NULL;
		strbuf_printf(&sql, "%s%s", column, characters ? " COLLATE NOCASE" : "");
		if (*c == '\0') break;
		strbuf_append_char(&sql, ',');
		(*count)++;
		start = c + 1;
	}
	strbuf_append_char(&sql, ')');
	return strbuf_detach(&sql);
}

static int view_connect(sqlite3 *sqlite, void *data, int argc, const char *const *argv, sqlite3_vtab **vtab,
                        char **error) {
	(void)argc, (void)argv, (void)error;
	struct table *table = xcalloc(1, sizeof(*table));
	table->module = data;
	cleanup_free char *sql = declaration(table->module->view->columns, &table->columns);
	*vtab = &table->base;
	return sqlite3_declare_vtab(sqlite, sql);
}
static int view_disconnect(sqlite3_vtab *vtab) {
	free(vtab);
	return SQLITE_OK;
}
static int view_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
	(void)vtab;
	info->estimatedCost = 1000;
	return SQLITE_OK;
}
static void free_rows(struct sim_rows *rows) {
	for (size_t i = 0; i < rows->count; i++) sim_value_free(&rows->values[i]);
	free(rows->values);
	*rows = (struct sim_rows){ 0 };
}
static int view_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **result) {
	(void)vtab;
	struct cursor *cursor = xcalloc(1, sizeof(*cursor));
	*result = &cursor->base;
	return SQLITE_OK;
}
static int view_close(sqlite3_vtab_cursor *base) {
	struct cursor *cursor = (struct cursor *)base;
	free_rows(&cursor->rows);
	free(cursor);
	return SQLITE_OK;
}
static int view_filter(sqlite3_vtab_cursor *base, int number_, const char *name, int argc, sqlite3_value **argv) {
	(void)number_, (void)name, (void)argc, (void)argv;
	struct cursor *cursor = (struct cursor *)base;
	const struct table *table = (const struct table *)base->pVtab;
	free_rows(&cursor->rows);
	cursor->row = 0;
	cursor->rows.scope = table->module->scope;
	const struct view *view = table->module->view;
	const struct sim_session *session = table->module->scope->session;
	if (view->needs == SERVER_STATE && session != NULL && !sim_has_permission(session, "VIEW SERVER STATE")) {
		sqlite3_free(base->pVtab->zErrMsg);
		base->pVtab->zErrMsg = sqlite3_mprintf("300 VIEW SERVER STATE");
		return SQLITE_ERROR;
	}
	if (view->needs == DEFINITION && session != NULL && !sim_has_permission(session, "VIEW ANY DEFINITION"))
		return SQLITE_OK;
	view->fill(&cursor->rows);
	return SQLITE_OK;
}
static int view_next(sqlite3_vtab_cursor *base) {
	((struct cursor *)base)->row++;
	return SQLITE_OK;
}
static int view_eof(sqlite3_vtab_cursor *base) {
	const struct cursor *cursor = (const struct cursor *)base;
	return cursor->row * ((const struct table *)base->pVtab)->columns >= cursor->rows.count;
}
static int view_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
	const struct cursor *cursor = (const struct cursor *)base;
	const struct table *table = (const struct table *)base->pVtab;
	sim_store_result(context, &cursor->rows.values[cursor->row * table->columns + (size_t)column]);
	return SQLITE_OK;
}
static int view_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid) {
	*rowid = (sqlite3_int64)((const struct cursor *)base)->row;
	return SQLITE_OK;
}

void sim_views_register(struct sim_store *store) {
	static const sqlite3_module module = { .xConnect = view_connect,
		                               .xBestIndex = view_best_index,
		                               .xDisconnect = view_disconnect,
		                               .xOpen = view_open,
		                               .xClose = view_close,
		                               .xFilter = view_filter,
		                               .xNext = view_next,
		                               .xEof = view_eof,
		                               .xColumn = view_column,
		                               .xRowid = view_rowid };
	for (size_t i = 0; i < ARRAY_LENGTH(views); i++) {
		struct module *data = xcalloc(1, sizeof(*data));
		*data = (struct module){ &views[i], &store->scope };
		sqlite3_create_module_v2(store->sqlite, views[i].name, &module, data, free);
	}
}
