/* The probe: everything that decisions need from one replica, in one round trip.
 *
 * Views: relational-databases/system-catalog-views/sys-{availability-groups,availability-replicas,
 * database-mirroring-endpoints,database-recovery-status}-transact-sql.md, and in system-dynamic-management-views
 * sys-dm-hadr-{availability-replica-states,database-replica-states,
 * database-replica-cluster-states,automatic-seeding}-transact-sql.md, sys-dm-os-sys-info-transact-sql.md.
 *
 * Nothing here waits for a lock of ours: a probe answers while a change is under way. */
#include "sql/quote.h"
#include "sql/statements.h"

/* The generation is read through sp_executesql: a batch that names a missing table would fail as a whole. */
static const char instance[] =
        "SET NOCOUNT ON;\n"
        "DECLARE @agkeeper_generation bigint;\n"
        "IF OBJECT_ID(N'master.dbo.agkeeper_generation') IS NOT NULL\n"
        "    EXEC sp_executesql N'SELECT @generation = generation FROM master.dbo.agkeeper_generation',\n"
        "        N'@generation bigint OUTPUT', @generation = @agkeeper_generation OUTPUT;\n"
        "SELECT @@SERVERNAME AS server,\n"
        "    CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS version,\n"
        "    (SELECT CONVERT(nvarchar(40), sqlserver_start_time, 126) FROM sys.dm_os_sys_info) AS start_time,\n"
        "    (SELECT state_desc FROM sys.database_mirroring_endpoints) AS endpoint_state,\n"
        "    (SELECT name FROM sys.database_mirroring_endpoints) AS endpoint_name,\n"
        "    @agkeeper_generation AS generation;\n";

/* Row and log files of all databases: one row for each volume that any of them is on. The numbers are taken for each
 * file, one after the other, so those of a volume may differ. sys-dm-os-volume-stats-transact-sql.md; sys-master-files-
 * transact-sql.md. */
static const char volumes[] = "SELECT v.volume_mount_point AS mount_point, MAX(v.total_bytes) AS total_bytes,\n"
                              "    MIN(v.available_bytes) AS available_bytes\n"
                              "FROM sys.master_files AS f\n"
                              "CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v\n"
                              "GROUP BY v.volume_mount_point;\n";

static const char databases[] =
        "SELECT d.name AS name, d.state_desc AS state, d.recovery_model_desc AS recovery_model,\n"
        "    d.group_database_id AS group_database_id,\n"
        "    CASE WHEN f.last_log_backup_lsn IS NULL THEN 0 ELSE 1 END AS has_log_chain\n"
        "FROM sys.databases AS d\n"
        "LEFT JOIN sys.database_recovery_status AS f ON f.database_id = d.database_id\n"
        "WHERE d.database_id > 4;\n";

int sql_probe(struct strbuf *out, const char *group, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, instance);
	if (sql_write(&text, err,
	              "SELECT g.group_id AS group_id, g.sequence_number AS sequence_number,\n"
	              "    g.required_synchronized_secondaries_to_commit AS required, g.db_failover AS db_failover,\n"
	              "    g.cluster_type_desc AS cluster_type\n"
	              "FROM sys.availability_groups AS g\n"
	              "WHERE g.name = {};\n",
	              SQL_TEXT(group)) != 0 ||
	    sql_write(&text, err,
	              "SELECT r.replica_id AS replica_id, r.replica_server_name AS server, r.endpoint_url AS "
	              "endpoint_url,\n"
	              "    r.availability_mode_desc AS availability_mode,\n"
	              "    r.secondary_role_allow_connections_desc AS access, r.failover_mode_desc AS failover_mode,\n"
	              "    r.session_timeout AS session_timeout, s.is_local AS is_local, s.role_desc AS role,\n"
	              "    s.connected_state_desc AS connected_state, s.operational_state_desc AS operational_state,\n"
	              "    s.recovery_health_desc AS recovery_health,\n"
	              "    s.synchronization_health_desc AS synchronization_health,\n"
	              "    s.last_connect_error_number AS last_connect_error,\n"
	              "    s.last_connect_error_description AS last_connect_error_text,\n"
	              "    CONVERT(nvarchar(40), s.last_connect_error_timestamp, 126) AS last_connect_error_time,\n"
	              "    s.write_lease_remaining_ticks AS write_lease_ticks,\n"
	              "    CONVERT(nvarchar(40), s.current_configuration_commit_start_time_utc, 126)"
	              " AS configuration_commit_start\n"
	              "FROM sys.availability_groups AS g\n"
	              "JOIN sys.availability_replicas AS r ON r.group_id = g.group_id\n"
	              "LEFT JOIN sys.dm_hadr_availability_replica_states AS s ON s.replica_id = r.replica_id\n"
	              "WHERE g.name = {};\n",
	              SQL_TEXT(group)) != 0 ||
	    sql_write(&text, err,
	              "SELECT c.database_name AS name, s.group_database_id AS group_database_id,\n"
	              "    s.replica_id AS replica_id,\n"
	              "    CASE WHEN s.is_local = 1 THEN f.recovery_fork_guid END AS recovery_fork,\n"
	              "    CASE WHEN s.is_local = 1 THEN f.fork_point_lsn END AS fork_point_lsn,\n"
	              "    s.is_local AS is_local, s.is_primary_replica AS is_primary_replica,\n"
	              "    s.synchronization_state_desc AS synchronization,\n"
	              "    s.is_commit_participant AS is_commit_participant, s.is_suspended AS is_suspended,\n"
	              "    c.is_failover_ready AS is_failover_ready, s.suspend_reason_desc AS suspend_reason,\n"
	              "    s.database_state_desc AS state, s.recovery_lsn AS recovery_lsn,\n"
	              "    s.last_received_lsn AS last_received_lsn, s.last_hardened_lsn AS last_hardened_lsn,\n"
	              "    s.end_of_log_lsn AS end_of_log_lsn, s.last_redone_lsn AS last_redone_lsn,\n"
	              "    s.log_send_queue_size AS log_send_queue_kb, s.redo_queue_size AS redo_queue_kb,\n"
	              "    s.secondary_lag_seconds AS secondary_lag_seconds\n"
	              "FROM sys.availability_groups AS g\n"
	              "JOIN sys.dm_hadr_database_replica_states AS s ON s.group_id = g.group_id\n"
	              "LEFT JOIN sys.dm_hadr_database_replica_cluster_states AS c\n"
	              "    ON c.replica_id = s.replica_id AND c.group_database_id = s.group_database_id\n"
	              "LEFT JOIN sys.database_recovery_status AS f ON f.database_id = s.database_id\n"
	              "WHERE g.name = {};\n",
	              SQL_TEXT(group)) != 0)
		return -1;
	strbuf_append(&text, databases);
	if (sql_write(&text, err,
	              "SELECT a.ag_db_id AS group_database_id, a.ag_remote_replica_id AS remote_replica_id,\n"
	              "    a.current_state AS state, a.failure_state_desc AS failure, a.is_source AS is_source,\n"
	              "    CASE WHEN a.completion_time IS NULL THEN 0 ELSE 1 END AS is_complete\n"
	              "FROM sys.availability_groups AS g\n"
	              "JOIN sys.dm_hadr_automatic_seeding AS a ON a.ag_id = g.group_id\n"
	              "WHERE g.name = {};\n",
	              SQL_TEXT(group)) != 0)
		return -1;
	strbuf_append(&text, volumes);
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

/* t-sql/statements/set-textsize-transact-sql.md: 0 would mean 4 KB. */
int sql_cut_texts(struct strbuf *out, struct error **err) {
	return sql_write(out, err, "SET TEXTSIZE 1;\n");
}

int sql_stream_diagnostics(struct strbuf *out, int seconds, struct error **err) {
	return sql_write(out, err, "EXEC sp_server_diagnostics @repeat_interval = {};\n", SQL_NUMBER(seconds));
}
