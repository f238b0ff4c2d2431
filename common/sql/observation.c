#include "sql/observation.h"

#include <string.h>

#include "sql/statements.h"

static const char *const endpoint_states[] = { "", "STARTED", "STOPPED", "DISABLED", NULL };
static const char *const roles[] = { "", "RESOLVING", "PRIMARY", "SECONDARY", NULL };
static const char *const connected_states[] = { "", "DISCONNECTED", "CONNECTED", NULL };
static const char *const synchronization_states[] = {
	"", "NOT SYNCHRONIZING", "SYNCHRONIZING", "SYNCHRONIZED", "REVERTING", "INITIALIZING", NULL
};
static const char *const modes[] = { "", "SYNCHRONOUS_COMMIT", "ASYNCHRONOUS_COMMIT", "CONFIGURATION_ONLY", NULL };

#define NULLABLE       .nullable = true
#define OTHERWISE(n_)  .nullable = true, .otherwise = (n_)
#define ONE_OF(names_) .type = SQL_COLUMN_ENUM, .nullable = true, .values = (names_)

#define INSTANCE(name_, member_) SQL_MEMBER(struct sql_instance_row, name_, member_)
static const struct sql_column instance_columns[] = {
	{ INSTANCE("server", server), .type = SQL_COLUMN_TEXT },
	{ INSTANCE("version", version), .type = SQL_COLUMN_TEXT },
	{ INSTANCE("start_time", start_time), .type = SQL_COLUMN_TEXT },
	{ INSTANCE("endpoint_state", endpoint), ONE_OF(endpoint_states) },
	{ INSTANCE("endpoint_name", endpoint_name), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ INSTANCE("generation", generation), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ 0 },
};

#define GROUP(name_, member_) SQL_MEMBER(struct sql_group_row, name_, member_)
static const struct sql_column group_columns[] = {
	{ GROUP("group_id", group_id), .type = SQL_COLUMN_TEXT },
	{ GROUP("sequence_number", sequence_number), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ GROUP("required", required), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ GROUP("db_failover", db_failover), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ GROUP("cluster_type", cluster_type), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ 0 },
};

#define REPLICA(name_, member_) SQL_MEMBER(struct sql_replica_row, name_, member_)
static const struct sql_column replica_columns[] = {
	{ REPLICA("replica_id", replica_id), .type = SQL_COLUMN_TEXT },
	{ REPLICA("server", server), .type = SQL_COLUMN_TEXT },
	{ REPLICA("endpoint_url", endpoint_url), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("availability_mode", mode), ONE_OF(modes) },
	{ REPLICA("access", access), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("failover_mode", failover_mode), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("session_timeout", session_timeout), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ REPLICA("is_local", is_local), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ REPLICA("role", role), ONE_OF(roles) },
	{ REPLICA("connected_state", connected), ONE_OF(connected_states) },
	{ REPLICA("operational_state", operational_state), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("recovery_health", recovery_health), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("synchronization_health", synchronization_health), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("last_connect_error", last_connect_error), .type = SQL_COLUMN_INT, NULLABLE },
	{ REPLICA("last_connect_error_text", last_connect_error_text), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("last_connect_error_time", last_connect_error_time), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ REPLICA("write_lease_ticks", write_lease_ticks), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ REPLICA("configuration_commit_start", configuration_commit_start), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ 0 },
};

#define DATABASE(name_, member_) SQL_MEMBER(struct sql_database_row, name_, member_)
static const struct sql_column database_columns[] = {
	{ DATABASE("name", name), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ DATABASE("group_database_id", group_database_id), .type = SQL_COLUMN_TEXT },
	{ DATABASE("replica_id", replica_id), .type = SQL_COLUMN_TEXT },
	{ DATABASE("recovery_fork", recovery_fork), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ DATABASE("fork_point_lsn", fork_point), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("is_local", is_local), .type = SQL_COLUMN_BOOL },
	{ DATABASE("is_primary_replica", is_primary_replica), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ DATABASE("synchronization", synchronization), ONE_OF(synchronization_states) },
	{ DATABASE("is_commit_participant", is_commit_participant), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ DATABASE("is_suspended", is_suspended), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ DATABASE("is_failover_ready", is_failover_ready), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ DATABASE("suspend_reason", suspend_reason), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ DATABASE("state", state), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ DATABASE("recovery_lsn", recovery), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("last_received_lsn", received), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("last_hardened_lsn", hardened), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("end_of_log_lsn", end_of_log), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("last_redone_lsn", redone), .type = SQL_COLUMN_LSN, NULLABLE },
	{ DATABASE("log_send_queue_kb", log_send_queue_kb), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ DATABASE("redo_queue_kb", redo_queue_kb), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ DATABASE("secondary_lag_seconds", secondary_lag_seconds), .type = SQL_COLUMN_INT, OTHERWISE(-1) },
	{ 0 },
};

#define LOCAL(name_, member_) SQL_MEMBER(struct sql_local_database_row, name_, member_)
static const struct sql_column local_database_columns[] = {
	{ LOCAL("name", name), .type = SQL_COLUMN_TEXT },
	{ LOCAL("state", state), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ LOCAL("recovery_model", recovery_model), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ LOCAL("group_database_id", group_database_id), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ LOCAL("has_log_chain", has_log_chain), .type = SQL_COLUMN_BOOL },
	{ 0 },
};

#define SEEDING(name_, member_) SQL_MEMBER(struct sql_seeding_row, name_, member_)
static const struct sql_column seeding_columns[] = {
	{ SEEDING("group_database_id", group_database_id), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ SEEDING("remote_replica_id", remote_replica_id), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ SEEDING("state", state), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ SEEDING("failure", failure), .type = SQL_COLUMN_TEXT, NULLABLE },
	{ SEEDING("is_source", is_source), .type = SQL_COLUMN_BOOL, NULLABLE },
	{ SEEDING("is_complete", is_complete), .type = SQL_COLUMN_BOOL },
	{ 0 },
};

#define VOLUME(name_, member_) SQL_MEMBER(struct sql_volume_row, name_, member_)
static const struct sql_column volume_columns[] = {
	{ VOLUME("mount_point", mount_point), .type = SQL_COLUMN_TEXT },
	{ VOLUME("total_bytes", total_bytes), .type = SQL_COLUMN_INT },
	{ VOLUME("available_bytes", available_bytes), .type = SQL_COLUMN_INT },
	{ 0 },
};

/* The probe's result sets, in their order. */
enum { SET_INSTANCE, SET_GROUP, SET_REPLICAS, SET_DATABASES, SET_LOCAL_DATABASES, SET_SEEDING, SET_VOLUMES, SET_COUNT };
static const struct {
	const char *what;
	const struct sql_column *columns;
	size_t size;
} sets[SET_COUNT] = {
	[SET_INSTANCE] = { "instance", instance_columns, sizeof(struct sql_instance_row) },
	[SET_GROUP] = { "group", group_columns, sizeof(struct sql_group_row) },
	[SET_REPLICAS] = { "replicas", replica_columns, sizeof(struct sql_replica_row) },
	[SET_DATABASES] = { "databases", database_columns, sizeof(struct sql_database_row) },
	[SET_LOCAL_DATABASES] = { "local databases", local_database_columns, sizeof(struct sql_local_database_row) },
	[SET_SEEDING] = { "seeding", seeding_columns, sizeof(struct sql_seeding_row) },
	[SET_VOLUMES] = { "volumes", volume_columns, sizeof(struct sql_volume_row) },
};

int sql_observation_read(const struct sql_results *results, struct arena *arena, struct sql_observation *observation,
                         struct error **err) {
	void *rows[SET_COUNT];
	size_t counts[SET_COUNT];
	if (results->set_count != SET_COUNT)
		return error_set(err, ERROR_INVALID, "the probe was answered with %zu result sets: must be %d",
		                 results->set_count, (int)SET_COUNT);
	for (size_t i = 0; i < SET_COUNT; i++) {
		if (sql_rows_read(&results->sets[i], sets[i].columns, sets[i].size, arena, &rows[i], &counts[i], err) !=
		    0)
			return error_prefix(err, "probe: %s", sets[i].what);
	}
	if (counts[SET_INSTANCE] != 1 || counts[SET_GROUP] > 1)
		return error_set(err, ERROR_INVALID, "the probe was answered with %zu instances and %zu groups",
		                 counts[SET_INSTANCE], counts[SET_GROUP]);
	*observation = (struct sql_observation){
		.instance = *(struct sql_instance_row *)rows[SET_INSTANCE],
		.has_group = counts[SET_GROUP] == 1,
		.group = *(struct sql_group_row *)rows[SET_GROUP],
		.replicas = rows[SET_REPLICAS],
		.replica_count = counts[SET_REPLICAS],
		.databases = rows[SET_DATABASES],
		.database_count = counts[SET_DATABASES],
		.local_databases = rows[SET_LOCAL_DATABASES],
		.local_database_count = counts[SET_LOCAL_DATABASES],
		.seedings = rows[SET_SEEDING],
		.seeding_count = counts[SET_SEEDING],
		.volumes = rows[SET_VOLUMES],
		.volume_count = counts[SET_VOLUMES],
	};
	return 0;
}

const struct sql_replica_row *sql_observation_local(const struct sql_observation *observation) {
	for (size_t i = 0; i < observation->replica_count; i++) {
		if (observation->replicas[i].is_local) return &observation->replicas[i];
	}
	return NULL;
}

static const struct sql_database_row *own_copy(const struct sql_observation *seen, const char *id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (row->is_local && row->group_database_id != NULL && strcmp(row->group_database_id, id) == 0)
			return row;
	}
	return NULL;
}

bool sql_observation_log_grew(const struct sql_observation *before, const struct sql_observation *after) {
	const struct sql_replica_row *local = sql_observation_local(after);
	if (local == NULL || local->role != SQL_ROLE_PRIMARY) return false;
	for (size_t i = 0; i < before->database_count; i++) {
		const struct sql_database_row *was = &before->databases[i];
		if (!was->is_local || was->group_database_id == NULL) continue;
		if (was->name != NULL && strcmp(was->name, SQL_SYSTEM_DATABASE) == 0) continue;
		const struct sql_database_row *is = own_copy(after, was->group_database_id);
		if (is != NULL && was->end_of_log.known && is->end_of_log.value > was->end_of_log.value) return true;
	}
	return false;
}
