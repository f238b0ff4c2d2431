/* The system views of availability groups, their replicas and their databases. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"
#include "sqlserver/views.h"

static const char *const synchronization_names[] = { "NOT SYNCHRONIZING", "SYNCHRONIZING", "SYNCHRONIZED", "REVERTING",
	                                             "INITIALIZING" };
static const char *const role_names[] = { "RESOLVING", "PRIMARY", "SECONDARY" };
static const char *const access_names[] = { "NO", "READ_ONLY", "ALL" };
static const char *const health_names[] = { "NOT_HEALTHY", "PARTIALLY_HEALTHY", "HEALTHY" };
static const char *const cluster_names[] = { "wsfc", "none", "external" };

static int health(bool synchronous, enum sim_synchronization state) {
	if (state == SIM_SYNCHRONIZED) return 2;
	if (state == SIM_SYNCHRONIZING) return synchronous ? 1 : 2;
	return 0;
}

#define EACH_GROUP(rows, group)                                                                                   \
	for (size_t group_index = 0; group_index < (rows)->scope->instance->group_count; group_index++)           \
		for (const struct sim_group *group = (rows)->scope->instance->groups[group_index]; group != NULL; \
		     group = NULL)

static bool is_local(const struct sim_group *group, const struct sim_replica *replica) {
	return strcmp(group->replica_id, replica->id) == 0;
}

void sim_view_groups(struct sim_rows *rows) {
	EACH_GROUP(rows, group) {
		sim_rows_guid(rows, group->id);
		sim_rows_text(rows, group->name);
		sim_rows_null(rows, 2);
		sim_rows_number(rows, 3);
		sim_rows_number(rows, 30000);
		sim_rows_number(rows, 1);
		sim_rows_text(rows, "SECONDARY");
		sim_rows_number(rows, 1);
		sim_rows_number(rows, 0);
		sim_rows_number(rows, 0);
		sim_rows_number(rows, group->db_failover);
		sim_rows_number(rows, 0);
		sim_rows_number(rows, (int64_t)group->sequence);
		static const int numbers[] = { 0, 2, 1 };
		sim_rows_number(rows, numbers[group->cluster_type]);
		sim_rows_text(rows, cluster_names[group->cluster_type]);
		sim_rows_number(rows, group->required);
		sim_rows_number(rows, 0);
	}
}

void sim_view_replicas(struct sim_rows *rows) {
	static const char *const failover_names[] = { "AUTOMATIC", "MANUAL", "EXTERNAL" };
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			const struct sim_replica *replica = &group->replicas[i];
			sim_rows_guid(rows, replica->id);
			sim_rows_guid(rows, group->id);
			sim_rows_number(rows, (int64_t)i + 1);
			sim_rows_text(rows, replica->name);
			sim_rows_null(rows, 1);
			sim_rows_text(rows, replica->endpoint_url);
			sim_rows_number(rows, replica->configuration_only ? 4 : replica->synchronous);
			sim_rows_text(rows, replica->configuration_only ? "CONFIGURATION_ONLY"
			                    : replica->synchronous      ? "SYNCHRONOUS_COMMIT"
			                                                : "ASYNCHRONOUS_COMMIT");
			sim_rows_number(rows, replica->failover_mode);
			sim_rows_text(rows, failover_names[replica->failover_mode]);
			sim_rows_number(rows, replica->session_timeout);
			sim_rows_number(rows, 2);
			sim_rows_text(rows, "ALL");
			sim_rows_number(rows, replica->secondary_access);
			sim_rows_text(rows, access_names[replica->secondary_access]);
			sim_rows_time(rows, replica->created);
			sim_rows_time(rows, replica->created);
			sim_rows_number(rows, replica->backup_priority);
			sim_rows_text(rows, replica->routing_url);
			sim_rows_number(rows, replica->automatic_seeding ? 0 : 1);
			sim_rows_text(rows, replica->automatic_seeding ? "AUTOMATIC" : "MANUAL");
		}
	}
}

/* The worst of its databases. */
static int replica_health(const struct sim_instance *instance, const struct sim_group *group,
                          const struct sim_replica *replica) {
	int worst = replica->link.connected || is_local(group, replica) ? 2 : 0;
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		enum sim_synchronization state = SIM_NOT_SYNCHRONIZING;
		if (!is_local(group, replica))
			state = sim_remote_synchronization(group, replica, group->databases[i].id);
		else if (database != NULL) state = sim_database_synchronization(instance, database);
		int own = health(replica->synchronous, state);
		if (own < worst) worst = own;
	}
	return worst;
}

static bool local_connected(const struct sim_group *group) {
	if (group->role == SIM_ROLE_PRIMARY) return true;
	const struct sim_replica *primary = sim_group_replica_by_id(group, group->primary_id);
	return group->role == SIM_ROLE_SECONDARY && primary != NULL && primary->link.connected;
}

void sim_view_replica_states(struct sim_rows *rows) {
	static const char *const operational[] = { "PENDING_FAILOVER", "PENDING", "ONLINE", "OFFLINE", "FAILED" };
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		bool primary = group->role == SIM_ROLE_PRIMARY;
		for (size_t i = 0; i < group->replica_count; i++) {
			const struct sim_replica *replica = &group->replicas[i];
			bool local = is_local(group, replica);
			if (!local && !primary) continue; /* the primary sees all, others themselves */
			bool connected = local ? local_connected(group) : replica->link.connected;
			enum sim_role role = local ? group->role
			                     : replica->link.role == SIM_ROLE_RESOLVING && replica->link.heard > 0
			                             ? SIM_ROLE_RESOLVING
			                             : SIM_ROLE_SECONDARY;
			int state = replica_health(instance, group, replica);
			int operation = group->promotion_due != 0 ? 0 : group->role == SIM_ROLE_RESOLVING ? 1 : 2;
			const struct sim_replica *peer =
			        local ? sim_group_replica_by_id(group, group->primary_id) : replica;
			sim_rows_guid(rows, replica->id);
			sim_rows_guid(rows, group->id);
			sim_rows_number(rows, local);
			sim_rows_number(rows, role);
			sim_rows_text(rows, role_names[role]);
			if (local) sim_rows_number(rows, operation), sim_rows_text(rows, operational[operation]);
			else sim_rows_null(rows, 2);
			sim_rows_number(rows, connected);
			sim_rows_text(rows, connected ? "CONNECTED" : "DISCONNECTED");
			if (local)
				sim_rows_number(rows, group->role != SIM_ROLE_RESOLVING),
				        sim_rows_text(rows, group->role != SIM_ROLE_RESOLVING ? "ONLINE"
				                                                              : "ONLINE_IN_PROGRESS");
			else sim_rows_null(rows, 2);
			sim_rows_number(rows, state);
			sim_rows_text(rows, health_names[state]);
			if (peer != NULL && !connected && peer->link.error != 0) {
				cleanup_free char *description =
				        xasprintf("A connection timeout has occurred on a previously established "
				                  "connection to availability replica '%s' with id [%s].  Either a "
				                  "networking or a firewall issue exists or the availability replica "
				                  "has transitioned to the resolving role.",
				                  peer->name, peer->id);
				sim_rows_number(rows, peer->link.error);
				sim_rows_text(rows, description);
				sim_rows_time(rows, peer->link.error_wall);
			} else {
				sim_rows_null(rows, 3);
			}
			int64_t lease =
			        group->lease_until != 0 ? (group->lease_until - sim_now(instance)) * 10 : INT64_MAX;
			if (local && primary) sim_rows_number(rows, lease);
			else sim_rows_null(rows, 1);
			sim_rows_time(rows, local && primary && !sim_group_configured(group)
			                            ? group->commit_started_wall
			                            : 0);
		}
	}
}

static void lsn(struct sim_rows *rows, const struct sim_log *log, bool known, uint64_t position) {
	char buffer[SIM_LSN_SIZE];
	sim_rows_text(rows, known ? sim_log_lsn(log, position, buffer) : NULL);
}

/* last_hardened_lsn of a primary's own row: the least of its secondaries', and nothing where commits wait for nobody
 * (relational-databases/system-dynamic-management-views/sys-dm-hadr-database-replica-states-transact-sql.md). Alone it
 * is its own end: no source says. */
static void put_least_hardened(struct sim_rows *rows, const struct sim_group *group, const struct sim_replica *own,
                               const struct sim_database *database) {
	uint64_t least = database->log.count;
	for (size_t i = 0; i < group->replica_count; i++) {
		const struct sim_link *link = &group->replicas[i].link;
		for (size_t j = 0; j < link->progress_count; j++) {
			const struct sim_progress *progress = &link->progress[j];
			if (strcmp(progress->group_database_id, database->group_database_id) != 0) continue;
			if (progress->hardened < least) least = progress->hardened;
		}
	}
	lsn(rows, &database->log, own->synchronous, least);
}

static void database_state_row(struct sim_rows *rows, const struct sim_group *group, const struct sim_replica *replica,
                               const struct sim_database *database) {
	const struct sim_instance *instance = rows->scope->instance;
	bool local = is_local(group, replica), primary = group->role == SIM_ROLE_PRIMARY;
	struct sim_progress none = { 0 };
	const struct sim_progress *progress = &none;
	for (size_t i = 0; !local && i < replica->link.progress_count; i++)
		if (strcmp(replica->link.progress[i].group_database_id, database->group_database_id) == 0)
			progress = &replica->link.progress[i];
	enum sim_synchronization state =
	        local ? sim_database_synchronization(instance, database)
	              : sim_remote_synchronization(group, replica, database->group_database_id);
	int own = health(replica->synchronous, state);
	enum sim_database_state database_state = sim_database_state(instance, database);
	const struct sim_log *log = &database->log;
	uint64_t hardened = local ? log->count : progress->hardened;
	uint64_t target = local ? database->primary_end : log->count;
	bool suspended = local ? database->suspended : progress->suspended;
	sim_rows_number(rows, database->id);
	sim_rows_guid(rows, group->id);
	sim_rows_guid(rows, replica->id);
	sim_rows_guid(rows, database->group_database_id);
	sim_rows_number(rows, local);
	sim_rows_number(rows, primary && local);
	sim_rows_number(rows, state);
	sim_rows_text(rows, synchronization_names[state]);
	sim_rows_number(rows, state == SIM_SYNCHRONIZED);
	sim_rows_number(rows, own);
	sim_rows_text(rows, health_names[own]);
	if (local) sim_rows_number(rows, database_state), sim_rows_text(rows, sim_database_state_name(database_state));
	else sim_rows_null(rows, 2);
	sim_rows_number(rows, suspended);
	bool by_partner = local ? database->by_partner : progress->by_partner;
	if (suspended) sim_rows_number(rows, by_partner);
	if (suspended) sim_rows_text(rows, by_partner ? "SUSPEND_FROM_PARTNER" : "SUSPEND_FROM_USER");
	else sim_rows_null(rows, 2);
	lsn(rows, log, log->fork_count > 0,
	    log->fork_count > 0 ? log->forks[log->fork_count - 1].start : 0); /* recovery_lsn */
	lsn(rows, log, true, 0);                                              /* truncation_lsn */
	lsn(rows, log, !local, progress->sent);
	sim_rows_null(rows, 1);
	lsn(rows, log, !primary || !local, hardened); /* last_received_lsn */
	sim_rows_null(rows, 1);
	if (primary && local) put_least_hardened(rows, group, replica, database);
	else lsn(rows, log, true, hardened); /* last_hardened_lsn */
	sim_rows_time(rows, progress->hardened_wall);
	lsn(rows, log, !primary || !local, hardened); /* last_redone_lsn */
	sim_rows_null(rows, 1);
	bool queue = !primary || !local;
	if (queue)
		sim_rows_number(rows, (int64_t)(sim_log_bytes(log, hardened, target) / 1024)), sim_rows_number(rows, 0),
		        sim_rows_number(rows, 0), sim_rows_number(rows, 0);
	else sim_rows_null(rows, 4);
	lsn(rows, log, true, hardened); /* end_of_log_lsn */
	lsn(rows, log, hardened > 0, hardened);
	sim_rows_time(rows, hardened > 0 && hardened <= log->count ? log->records[hardened - 1].time : 0);
	if (!primary || local) sim_rows_null(rows, 1);
	else
		sim_rows_number(rows, hardened < log->count && progress->hardened_wall != 0
		                              ? (sim_wall(instance) - progress->hardened_wall) / 1000000
		                              : 0);
}

void sim_view_database_states(struct sim_rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->database_count; i++) {
			const struct sim_database *database =
			        sim_database_of_group(rows->scope->instance, group->databases[i].id);
			if (database == NULL) continue;
			for (size_t j = 0; j < group->replica_count; j++) {
				const struct sim_replica *replica = &group->replicas[j];
				bool local = is_local(group, replica);
				if ((!local && group->role != SIM_ROLE_PRIMARY) || replica->configuration_only)
					continue;
				database_state_row(rows, group, replica, database);
			}
		}
	}
}

void sim_view_cluster_states(struct sim_rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			sim_rows_guid(rows, group->replicas[i].id);
			sim_rows_text(rows, group->replicas[i].name);
			sim_rows_guid(rows, group->id);
			bool joined = is_local(group, &group->replicas[i]) || group->replicas[i].link.sequence != 0;
			sim_rows_number(rows, joined);
			sim_rows_text(rows, joined ? "JOINED_STANDALONE_INSTANCE" : "NOT_JOINED");
		}
	}
}

void sim_view_database_cluster_states(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			for (size_t j = 0; j < group->database_count; j++) {
				const struct sim_replica *replica = &group->replicas[i];
				bool local = is_local(group, replica);
				const struct sim_database *database =
				        sim_database_of_group(instance, group->databases[j].id);
				bool ready =
				        local ? database != NULL && (database->ready || group->role == SIM_ROLE_PRIMARY)
				              : sim_remote_synchronization(group, replica, group->databases[j].id) ==
				                        SIM_SYNCHRONIZED;
				sim_rows_guid(rows, replica->id);
				sim_rows_guid(rows, group->databases[j].id);
				sim_rows_text(rows, group->databases[j].name);
				sim_rows_number(rows, ready);
				sim_rows_number(rows, 0);
				sim_rows_number(rows,
				                local ? database != NULL && database->joined : replica->link.connected);
			}
		}
	}
}

void sim_view_databases_cluster(struct sim_rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->database_count; i++) {
			sim_rows_guid(rows, group->id);
			sim_rows_guid(rows, group->databases[i].id);
			sim_rows_text(rows, group->databases[i].name);
		}
	}
}

void sim_view_automatic_seeding(struct sim_rows *rows) {
	static const char *const states[] = { "CHECK_IF_SEEDING_NEEDED", "SEEDING", "CATCHUP", "COMPLETED", "FAILED" };
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->seeding_count; i++) {
			const struct sim_seeding *seeding = &group->seedings[i];
			bool failed = seeding->state == SIM_SEEDING_FAILED;
			sim_rows_time(rows, seeding->started_wall);
			sim_rows_time(rows, seeding->completed_wall);
			sim_rows_guid(rows, group->id);
			sim_rows_guid(rows, seeding->group_database_id);
			sim_rows_guid(rows, seeding->replica_id);
			sim_rows_guid(rows, seeding->operation_id);
			sim_rows_number(rows, seeding->source);
			sim_rows_text(rows, states[seeding->state]);
			sim_rows_number(rows, seeding->streamed);
			if (failed) sim_rows_number(rows, 6), sim_rows_text(rows, "Transport");
			else sim_rows_null(rows, 2);
			sim_rows_null(rows, 1);
			sim_rows_number(rows, 1);
		}
	}
}

void sim_view_physical_seeding(struct sim_rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->seeding_count; i++) {
			const struct sim_seeding *seeding = &group->seedings[i];
			const struct sim_database *database =
			        sim_database_of_group(instance, seeding->group_database_id);
			const struct sim_replica *replica = sim_group_replica_by_id(group, seeding->replica_id);
			if (!seeding->streamed || database == NULL || replica == NULL) continue;
			int64_t size = (int64_t)sim_log_bytes(&database->log, 0, database->log.count);
			sim_rows_guid(rows, seeding->operation_id);
			sim_rows_guid(rows, seeding->operation_id);
			sim_rows_number(rows, database->id);
			sim_rows_text(rows, database->name);
			sim_rows_text(rows, replica->name);
			sim_rows_text(rows, "Source");
			sim_rows_text(rows, seeding->completed_wall == 0 ? "ReadingAndSendingData" : "Success");
			sim_rows_null(rows, 1);
			sim_rows_number(rows, seeding->completed_wall == 0 ? 0 : size);
			sim_rows_number(rows, size);
			sim_rows_time(rows, seeding->started_wall);
			sim_rows_time(rows, seeding->completed_wall);
			sim_rows_null(rows, 6);
			sim_rows_number(rows, 0);
		}
	}
}

/* A secondary knows who is primary from what it follows. */
static const char *primary_name(const struct sim_group *group) {
	const struct sim_replica *primary = group->role == SIM_ROLE_PRIMARY
	                                            ? sim_group_local(group)
	                                            : sim_group_replica_by_id(group, group->primary_id);
	return primary != NULL ? primary->name : NULL;
}

void sim_view_group_states(struct sim_rows *rows) {
	EACH_GROUP(rows, group) {
		bool primary = group->role == SIM_ROLE_PRIMARY, secondary = group->role == SIM_ROLE_SECONDARY;
		size_t seen = 0, healthy = 0;
		for (size_t i = 0; i < group->replica_count; i++) {
			const struct sim_replica *replica = &group->replicas[i];
			if (!primary && !is_local(group, replica)) continue;
			seen++;
			healthy += replica_health(rows->scope->instance, group, replica) == 2;
		}
		int health = healthy == 0 ? 0 : healthy < seen ? 1 : 2;
		sim_rows_guid(rows, group->id);
		sim_rows_text(rows, primary_name(group));
		sim_rows_put(rows, primary ? sim_integer(1) : sim_null());
		sim_rows_text(rows, primary ? "ONLINE" : NULL);
		sim_rows_put(rows, secondary ? sim_integer(1) : sim_null());
		sim_rows_text(rows, secondary ? "ONLINE" : NULL);
		sim_rows_number(rows, health);
		sim_rows_text(rows, health_names[health]);
	}
}
