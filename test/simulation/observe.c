/* A probe's answer straight from the instance: what sql_probe gives through T-SQL, a hundred times as fast. A check
 * (--check-probes, and a unit test) compares both. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "simulation/model.h"
#include "sql/statements.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"
#include "sqlserver/store.h"

int64_t generation_in_force(struct process *process) {
	struct sim_database *master = sim_database_find(process->instance, "master");
	struct sim_store *store = sim_database_store(process->instance, master);
	sqlite3_stmt *statement = sim_store_prepare(store, "SELECT generation FROM agkeeper_generation", NULL, 0);
	int64_t generation = -1;
	if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) generation = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return generation;
}

static void keep_start_time(struct model *model, struct call *call) {
	struct process *process = call->context;
	(void)model;
	const struct sql_results *results = &call->answer.results;
	if (results->set_count == 1 && results->sets[0].row_count == 1)
		snprintf(process->start_time, sizeof(process->start_time), "%s", results->sets[0].rows[0][0]);
}

static const char *start_time(struct process *process, struct arena *arena) {
	if (process->start_time[0] == '\0') {
		call_begin(process->model, process, "sa", "Passw0rd!", NULL,
		           "SELECT CONVERT(nvarchar(40), sqlserver_start_time, 126) FROM sys.dm_os_sys_info", true,
		           keep_start_time, process);
		process_touch(process->model, process);
	}
	return arena_strdup(arena, process->start_time);
}

static struct sql_lsn lsn(const struct sim_log *log, uint64_t position) {
	char text[SIM_LSN_SIZE];
	struct sql_lsn lsn = { .known = true };
	sim_log_lsn(log, position, text);
	for (const char *c = text; *c != '\0'; c++) lsn.value = 10 * lsn.value + (unsigned)(*c - '0');
	return lsn;
}

static const char *guid(struct arena *arena, const char *text) {
	return *text != '\0' ? arena_strdup(arena, text) : NULL;
}

static enum sql_role role(enum sim_role from) {
	static const enum sql_role roles[] = { SQL_ROLE_RESOLVING, SQL_ROLE_PRIMARY, SQL_ROLE_SECONDARY };
	return roles[from];
}

static enum sql_synchronization synchronization(enum sim_synchronization from) {
	static const enum sql_synchronization states[] = { SQL_NOT_SYNCHRONIZING, SQL_SYNCHRONIZING, SQL_SYNCHRONIZED,
		                                           SQL_REVERTING, SQL_INITIALIZING };
	return states[from];
}

static bool is_local(const struct sim_group *group, const struct sim_replica *replica) {
	return strcmp(group->replica_id, replica->id) == 0;
}

/* ---- Replicas ---- */

static int health_of(bool synchronous, enum sim_synchronization state) {
	if (state == SIM_SYNCHRONIZED) return 2;
	if (state == SIM_SYNCHRONIZING) return synchronous ? 1 : 2;
	return 0;
}

static bool is_connected(const struct sim_group *group, const struct sim_replica *replica) {
	if (!is_local(group, replica)) return replica->link.connected;
	if (group->role == SIM_ROLE_PRIMARY) return true;
	const struct sim_replica *primary = sim_group_replica_by_id(group, group->primary_id);
	return group->role == SIM_ROLE_SECONDARY && primary != NULL && primary->link.connected;
}

static const char *replica_health(const struct sim_instance *instance, const struct sim_group *group,
                                  const struct sim_replica *replica) {
	static const char *const names[] = { "NOT_HEALTHY", "PARTIALLY_HEALTHY", "HEALTHY" };
	bool local = is_local(group, replica);
	int worst = replica->link.connected || local ? 2 : 0;
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		enum sim_synchronization state = SIM_NOT_SYNCHRONIZING;
		if (!local) state = sim_remote_synchronization(group, replica, group->databases[i].id);
		else if (database != NULL) state = sim_database_synchronization(instance, database);
		int own = health_of(replica->synchronous, state);
		if (own < worst) worst = own;
	}
	return names[worst];
}

static void observe_state(const struct sim_instance *instance, const struct sim_group *group,
                          const struct sim_replica *replica, struct arena *arena, struct sql_replica_row *row) {
	static const char *const operational[] = { "PENDING_FAILOVER", "PENDING", "ONLINE" };
	bool local = is_local(group, replica), primary = group->role == SIM_ROLE_PRIMARY;
	row->write_lease_ticks = -1;
	if (!local && !primary) return; /* the primary sees all, others themselves */
	bool connected = is_connected(group, replica);
	bool resolving = !local && replica->link.role == SIM_ROLE_RESOLVING && replica->link.heard > 0;
	row->is_local = local;
	row->role = (int)(local ? role(group->role) : resolving ? SQL_ROLE_RESOLVING : SQL_ROLE_SECONDARY);
	row->connected = connected ? SQL_CONNECTED : SQL_DISCONNECTED;
	row->synchronization_health = replica_health(instance, group, replica);
	if (local) {
		row->operational_state = operational[group->promotion_due != 0           ? 0
		                                     : group->role == SIM_ROLE_RESOLVING ? 1
		                                                                         : 2];
		row->recovery_health = group->role != SIM_ROLE_RESOLVING ? "ONLINE" : "ONLINE_IN_PROGRESS";
	}
	const struct sim_replica *peer = local ? sim_group_replica_by_id(group, group->primary_id) : replica;
	if (peer != NULL && !connected && peer->link.error != 0) {
		row->last_connect_error = peer->link.error;
		row->last_connect_error_text = arena_printf(arena, "connection timeout, replica '%s'", peer->name);
		row->last_connect_error_time = arena_printf(arena, "%lld", (long long)peer->link.error_wall);
	}
	if (local && primary)
		row->write_lease_ticks =
		        group->lease_until != 0 ? (group->lease_until - sim_now(instance)) * 10 : INT64_MAX;
	if (local && primary && !sim_group_configured(group) && group->commit_started_wall != 0)
		row->configuration_commit_start = arena_printf(arena, "%lld", (long long)group->commit_started_wall);
}

static void observe_replicas(const struct sim_instance *instance, const struct sim_group *group, struct arena *arena,
                             struct sql_observation *observation) {
	static const char *const access[] = { "NO", "READ_ONLY", "ALL" };
	static const char *const failover[] = { "AUTOMATIC", "MANUAL", "EXTERNAL" };
	observation->replicas = arena_calloc(arena, group->replica_count, sizeof(*observation->replicas));
	observation->replica_count = group->replica_count;
	for (size_t i = 0; i < group->replica_count; i++) {
		const struct sim_replica *replica = &group->replicas[i];
		observation->replicas[i] = (struct sql_replica_row){
			.replica_id = arena_strdup(arena, replica->id),
			.server = arena_strdup(arena, replica->name),
			.endpoint_url = arena_strdup(arena, replica->endpoint_url),
			.mode = replica->configuration_only ? SQL_MODE_CONFIGURATION_ONLY
			        : replica->synchronous      ? SQL_MODE_SYNCHRONOUS
			                                    : SQL_MODE_ASYNCHRONOUS,
			.access = access[replica->secondary_access],
			.failover_mode = failover[replica->failover_mode],
			.session_timeout = replica->session_timeout,
		};
		observe_state(instance, group, replica, arena, &observation->replicas[i]);
	}
}

/* ---- Databases ---- */

/* A primary's own row: the least of its secondaries', nothing where commits wait for nobody. */
static struct sql_lsn least_hardened(const struct sim_group *group, const struct sim_replica *own,
                                     const struct sim_database *database) {
	uint64_t least = database->log.count;
	if (!own->synchronous) return (struct sql_lsn){ 0 };
	for (size_t i = 0; i < group->replica_count; i++) {
		const struct sim_link *link = &group->replicas[i].link;
		for (size_t j = 0; j < link->progress_count; j++) {
			const struct sim_progress *progress = &link->progress[j];
			if (strcmp(progress->group_database_id, database->group_database_id) != 0) continue;
			if (progress->hardened < least) least = progress->hardened;
		}
	}
	return lsn(&database->log, least);
}

static void observe_database(const struct sim_instance *instance, const struct sim_group *group,
                             const struct sim_replica *replica, const struct sim_group_database *in_group,
                             const struct sim_database *database, struct arena *arena, struct sql_database_row *row) {
	static const struct sim_progress none;
	const struct sim_progress *progress = &none;
	bool local = is_local(group, replica), primary = group->role == SIM_ROLE_PRIMARY;
	for (size_t i = 0; !local && i < replica->link.progress_count; i++)
		if (strcmp(replica->link.progress[i].group_database_id, in_group->id) == 0)
			progress = &replica->link.progress[i];
	const struct sim_log *log = &database->log;
	uint64_t hardened = local ? log->count : progress->hardened, end = local ? database->primary_end : log->count;
	enum sim_synchronization remote = sim_remote_synchronization(group, replica, in_group->id);
	enum sim_synchronization state = local ? sim_database_synchronization(instance, database) : remote;
	bool suspended = local ? database->suspended : progress->suspended, shows = !primary || !local;
	*row = (struct sql_database_row){
		.name = arena_strdup(arena, in_group->name),
		.group_database_id = arena_strdup(arena, in_group->id),
		.replica_id = arena_strdup(arena, replica->id),
		.recovery_fork = local && log->fork_count > 0 ? guid(arena, log->forks[log->fork_count - 1].id) : NULL,
		.is_local = local,
		.is_primary_replica = primary && local,
		.synchronization = (int)synchronization(state),
		.is_commit_participant = state == SIM_SYNCHRONIZED,
		.is_suspended = suspended,
		.is_failover_ready = local ? database->ready || primary : remote == SIM_SYNCHRONIZED,
		.suspend_reason = suspended ? "SUSPEND_FROM_USER" : NULL,
		.state = local ? sim_database_state_name(sim_database_state(instance, database)) : NULL,
		.hardened = primary && local ? least_hardened(group, replica, database) : lsn(log, hardened),
		.end_of_log = lsn(log, hardened),
		.log_send_queue_kb = shows ? (int64_t)(sim_log_bytes(log, hardened, end) / 1024) : -1,
		.redo_queue_kb = shows ? 0 : -1,
		.secondary_lag_seconds = -1,
	};
	if (local && log->fork_count > 1) row->fork_point = lsn(log, log->forks[log->fork_count - 1].start);
	if (log->fork_count > 0) row->recovery = lsn(log, log->forks[log->fork_count - 1].start);
	if (shows) row->received = row->redone = lsn(log, hardened);
	if (primary && !local)
		row->secondary_lag_seconds = hardened < log->count && progress->hardened_wall != 0
		                                     ? (sim_wall(instance) - progress->hardened_wall) / 1000000
		                                     : 0;
}

static void observe_databases(const struct sim_instance *instance, const struct sim_group *group, struct arena *arena,
                              struct sql_observation *observation) {
	observation->databases =
	        arena_calloc(arena, group->database_count * group->replica_count + 1, sizeof(*observation->databases));
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database == NULL) continue;
		for (size_t j = 0; j < group->replica_count; j++) {
			const struct sim_replica *replica = &group->replicas[j];
			if (!is_local(group, replica) && group->role != SIM_ROLE_PRIMARY) continue;
			observe_database(instance, group, replica, &group->databases[i], database, arena,
			                 &observation->databases[observation->database_count++]);
		}
	}
}

static void observe_locals(const struct sim_instance *instance, struct arena *arena,
                           struct sql_observation *observation) {
	static const char *const models[] = { "", "FULL", "BULK_LOGGED", "SIMPLE" };
	observation->local_databases =
	        arena_calloc(arena, instance->database_count, sizeof(*observation->local_databases));
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		if (database->id <= 4) continue;
		observation->local_databases[observation->local_database_count++] = (struct sql_local_database_row){
			.name = arena_strdup(arena, database->name),
			.state = sim_database_state_name(sim_database_state(instance, database)),
			.recovery_model = models[database->recovery],
			.group_database_id = guid(arena, database->group_database_id),
			.has_log_chain = database->full_backup,
		};
	}
}

static void observe_seedings(const struct sim_group *group, struct arena *arena, struct sql_observation *observation) {
	static const char *const states[] = { "CHECK_IF_SEEDING_NEEDED", "SEEDING", "CATCHUP", "COMPLETED", "FAILED" };
	observation->seedings = arena_calloc(arena, group->seeding_count + 1, sizeof(*observation->seedings));
	observation->seeding_count = group->seeding_count;
	for (size_t i = 0; i < group->seeding_count; i++) {
		const struct sim_seeding *seeding = &group->seedings[i];
		observation->seedings[i] = (struct sql_seeding_row){
			.group_database_id = arena_strdup(arena, seeding->group_database_id),
			.remote_replica_id = arena_strdup(arena, seeding->replica_id),
			.state = states[seeding->state],
			.failure = seeding->state == SIM_SEEDING_FAILED ? "Transport" : NULL,
			.is_source = seeding->source,
			.is_complete = seeding->completed_wall != 0,
		};
	}
}

static void observe_volume(const struct process *process, struct arena *arena, struct sql_observation *observation) {
	if (!process->model->configuration->has_sizes) return;
	struct sim_space space = sim_disk_space(process->volume->disk);
	observation->volumes = arena_calloc(arena, 1, sizeof(*observation->volumes));
	observation->volumes[observation->volume_count++] =
	        (struct sql_volume_row){ "/var/opt/mssql", (int64_t)space.total, (int64_t)space.available };
}

void observe(struct process *process, const char *group_name, struct arena *arena,
             struct sql_observation *observation) {
	static const char *const clusters[] = { "wsfc", "none", "external" };
	const char *started = start_time(process, arena);
	struct sim_instance *instance = process->instance;
	*observation = (struct sql_observation){ 0 };
	observation->instance = (struct sql_instance_row){
		.server = arena_strdup(arena, instance->name),
		.version = arena_strdup(arena, instance->version),
		.start_time = started,
		.endpoint = instance->endpoint.name == NULL ? SQL_ENDPOINT_NONE
		            : instance->endpoint.started    ? SQL_ENDPOINT_STARTED
		                                            : SQL_ENDPOINT_STOPPED,
		.endpoint_name = instance->endpoint.name != NULL ? arena_strdup(arena, instance->endpoint.name) : NULL,
		.generation = generation_in_force(process),
	};
	observe_locals(instance, arena, observation);
	observe_volume(process, arena, observation);
	const struct sim_group *group = sim_group_find(instance, group_name);
	if (group == NULL) return;
	observation->has_group = true;
	observation->group = (struct sql_group_row){ .group_id = arena_strdup(arena, group->id),
		                                     .sequence_number = (int64_t)group->sequence,
		                                     .required = group->required,
		                                     .db_failover = group->db_failover,
		                                     .cluster_type = clusters[group->cluster_type] };
	observe_replicas(instance, group, arena, observation);
	observe_databases(instance, group, arena, observation);
	observe_seedings(group, arena, observation);
}
