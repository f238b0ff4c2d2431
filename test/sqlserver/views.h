/* Rows of system views: what a view's function puts, cell by cell, in the order of the view's columns. */
#ifndef SIMSQL_VIEWS_H
#define SIMSQL_VIEWS_H

#include "sqlserver/store.h"

struct sim_rows {
	struct sim_scope *scope;
	struct sim_value *values;
	size_t count;
};
void sim_rows_put(struct sim_rows *rows, struct sim_value value);
void sim_rows_text(struct sim_rows *rows, const char *value);
void sim_rows_number(struct sim_rows *rows, int64_t value);
/* So many NULLs. */
void sim_rows_null(struct sim_rows *rows, int count);
/* A time on the wall clock; 0 is NULL: it was never. */
void sim_rows_time(struct sim_rows *rows, int64_t wall);
/* "" is NULL. */
void sim_rows_guid(struct sim_rows *rows, const char *id);
void sim_rows_bytes(struct sim_rows *rows, const void *data, size_t length);

/* sqlserver/views_server.c, sqlserver/views_group.c */
void sim_view_databases(struct sim_rows *rows);
void sim_view_recovery_status(struct sim_rows *rows);
void sim_view_principals(struct sim_rows *rows);
void sim_view_sql_logins(struct sim_rows *rows);
void sim_view_server_permissions(struct sim_rows *rows);
void sim_view_database_principals(struct sim_rows *rows);
void sim_view_certificates(struct sim_rows *rows);
void sim_view_symmetric_keys(struct sim_rows *rows);
void sim_view_endpoints(struct sim_rows *rows);
void sim_view_mirroring_endpoints(struct sim_rows *rows);
void sim_view_tcp_endpoints(struct sim_rows *rows);
void sim_view_os_sys_info(struct sim_rows *rows);
void sim_view_configurations(struct sim_rows *rows);
void sim_view_exec_sessions(struct sim_rows *rows);
void sim_view_tables(struct sim_rows *rows);
void sim_view_columns(struct sim_rows *rows);
void sim_view_information_tables(struct sim_rows *rows);
void sim_view_groups(struct sim_rows *rows);
void sim_view_replicas(struct sim_rows *rows);
void sim_view_replica_states(struct sim_rows *rows);
void sim_view_database_states(struct sim_rows *rows);
void sim_view_cluster_states(struct sim_rows *rows);
void sim_view_database_cluster_states(struct sim_rows *rows);
void sim_view_databases_cluster(struct sim_rows *rows);
void sim_view_automatic_seeding(struct sim_rows *rows);
void sim_view_physical_seeding(struct sim_rows *rows);
void sim_view_group_states(struct sim_rows *rows);
void sim_view_master_files(struct sim_rows *rows);
void sim_view_volume_stats(struct sim_rows *rows);

#endif
