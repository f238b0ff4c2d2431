/* What statements do to roles and configurations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/group.h"

void sim_group_changed(struct sim_instance *instance, struct sim_group *group) {
	group->sequence++;
	group->commit_started_wall = sim_wall(instance);
	sim_instance_save(instance);
	sim_primary_offer(instance, group);
}

static void end_sessions(struct sim_instance *instance, struct sim_group *group) {
	for (size_t i = 0; i < group->replica_count; i++)
		if (group->replicas[i].link.connected) sim_primary_disconnect(instance, group, &group->replicas[i], 0);
	group->primary_id[0] = '\0';
}

void sim_group_take_role(struct sim_instance *instance, struct sim_group *group, enum sim_role role) {
	enum sim_role before = group->role;
	group->role = role;
	group->role_since = sim_now(instance);
	group->promotion_due = 0;
	group->is_forced = false;
	group->reseat_until = 0;
	end_sessions(instance, group);
	if (before != role) sim_sessions_role_changed(instance, group);
	sim_instance_save(instance);
}

/* --- Promotion --- */

/* This copy's own opinion; nobody else is asked. */
static bool is_ready(const struct sim_instance *instance, const struct sim_group *group) {
	const struct sim_replica *local = sim_group_local(group);
	if (local == NULL || local->configuration_only) return false;
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database == NULL || !database->joined || !database->ready || database->suspended ||
		    database->reverting)
			return false;
	}
	return true;
}

static void begin_promotion(struct sim_instance *instance, struct sim_group *group) {
	int64_t due = sim_now(instance) + sim_timing(instance, SIM_TIMING_promotion);
	char former[SIM_GUID_SIZE];
	memcpy(former, group->primary_id, sizeof(former));
	sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
	memcpy(group->primary_id, former, sizeof(former));
	group->promotion_due = due > sim_now(instance) ? due : sim_now(instance) + 1;
}

int sim_group_failover(struct sim_instance *instance, struct sim_group *group) {
	if (group->role == SIM_ROLE_PRIMARY) return 41122;
	if (group->promotion_due != 0) return 0;
	if (!instance->endpoint.started && !sim_assume(instance, SIM_ASSUME_failover_with_endpoint_stopped))
		return 41144;
	/* A former primary after a restart holds everything that it acknowledged itself. */
	if (!group->was_primary && !is_ready(instance, group)) return 41142;
	begin_promotion(instance, group);
	return 0;
}

int sim_group_force(struct sim_instance *instance, struct sim_group *group) {
	if (group->role == SIM_ROLE_PRIMARY) return 41122;
	if (!instance->endpoint.started && !sim_assume(instance, SIM_ASSUME_failover_with_endpoint_stopped))
		return 41144;
	begin_promotion(instance, group);
	group->is_forced = true;
	return 0;
}

/* On any other replica the databases are suspended, until each is resumed
 * (t-sql/statements/alter-availability-group-transact-sql.md, FORCE_FAILOVER_ALLOW_DATA_LOSS). */
static void be_forced(struct sim_instance *instance, struct sim_group *group) {
	sim_guid(instance, group->forced);
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL) database->suspended = database->by_partner = false;
	}
}

/* Recovery into the primary role: every database begins a new fork. */
static void promote(struct sim_instance *instance, struct sim_group *group) {
	struct sim_replica *former = sim_group_replica_by_id(group, group->primary_id);
	bool was = group->was_primary;
	bool is_forced = group->is_forced;
	sim_group_take_role(instance, group, SIM_ROLE_PRIMARY);
	if (is_forced) be_forced(instance, group);
	group->was_primary = false;
	group->latched_wall = 0;
	for (size_t i = 0; i < group->replica_count; i++) group->replicas[i].link.known = false;
	if (former != NULL && !was && sim_timing(instance, SIM_TIMING_transport_cache) > 0)
		former->link.cached_until = sim_now(instance) + sim_timing(instance, SIM_TIMING_transport_cache);
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database == NULL) continue;
		char fork[SIM_GUID_SIZE];
		sim_guid(instance, fork);
		sim_log_fork(&database->log, fork, NULL);
		database->ready = false;
		database->restoring = database->reverting = false;
		database->acknowledged = database->log.count;
	}
	if (group->lease_seconds > 0 && group->lease_until == 0)
		group->lease_until = sim_now(instance) + (int64_t)group->lease_seconds * 1000000;
	group->next_heartbeat = sim_now(instance);
	sim_group_changed(instance, group);
}

int64_t sim_group_run(struct sim_instance *instance, struct sim_group *group) {
	int64_t now = sim_now(instance);
	if (group->latched_wall != 0 && sim_wall(instance) >= group->latched_wall) group->latched_wall = 0;
	if (group->promotion_due != 0) {
		if (now < group->promotion_due) return group->promotion_due;
		promote(instance, group);
	}
	if (group->role == SIM_ROLE_PRIMARY) return sim_primary_run(instance, group);
	int64_t next = sim_secondary_run(instance, group);
	return group->reseat_until > now && group->reseat_until < next ? group->reseat_until : next;
}

/* --- Other roles --- */

int sim_group_offline(struct sim_instance *instance, struct sim_group *group) {
	if (!sim_assume(instance, SIM_ASSUME_offline_works)) return 41131;
	if (group->role == SIM_ROLE_PRIMARY) group->was_primary = true;
	sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
	return 0;
}

int sim_group_set_secondary(struct sim_instance *instance, struct sim_group *group) {
	if (group->role == SIM_ROLE_PRIMARY || group->latched_wall != 0) return 41104;
	for (size_t i = 0; i < group->database_count; i++) { /* a restore that is under way is cancelled */
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL && database->seeding) sim_database_drop(instance, database);
	}
	sim_group_take_role(instance, group, SIM_ROLE_SECONDARY);
	group->reseated = true;
	group->reseat_until = sim_now(instance) + sim_timing(instance, SIM_TIMING_reseat);
	return 0;
}

void sim_group_drop(struct sim_instance *instance, struct sim_group *group) {
	bool primary = group->role == SIM_ROLE_PRIMARY;
	sim_sessions_role_changed(instance, group);
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database == NULL) continue;
		database->group_database_id[0] = '\0';
		database->joined = database->ready = database->suspended = database->reverting = false;
		database->restoring |= !primary; /* dropped where it is not primary, a copy is left as it is */
		database->seeding = false;
	}
	for (size_t i = 0; i < instance->group_count; i++) {
		if (instance->groups[i] != group) continue;
		instance->groups[i] = instance->groups[--instance->group_count];
		break;
	}
	sim_group_free(group);
	sim_instance_save(instance);
}

int sim_group_add_database(struct sim_instance *instance, struct sim_group *group, struct sim_database *database) {
	if (database->group_database_id[0] != '\0') return 35244;
	if (database->recovery != SIM_RECOVERY_FULL) return 1465;
	if (database->read_only) return 1466;
	if (!database->full_backup) return 1475;
	group->databases = xreallocarray(group->databases, group->database_count + 1, sizeof(*group->databases));
	struct sim_group_database *entry = &group->databases[group->database_count++];
	sim_guid(instance, entry->id);
	entry->name = xstrdup(database->name);
	snprintf(database->group_database_id, SIM_GUID_SIZE, "%s", entry->id);
	database->joined = true;
	database->acknowledged = database->log.count;
	return 0;
}

void sim_group_remove_database(struct sim_instance *instance, struct sim_group *group, const char *name) {
	for (size_t i = 0; i < group->database_count; i++) {
		if (strcasecmp(group->databases[i].name, name) != 0) continue;
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL) {
			database->group_database_id[0] = '\0';
			database->joined = false;
		}
		free(group->databases[i].name);
		memmove(&group->databases[i], &group->databases[i + 1],
		        (group->database_count - i - 1) * sizeof(*group->databases));
		group->database_count--;
		return;
	}
}
