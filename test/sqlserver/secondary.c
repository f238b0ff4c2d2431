/* A secondary's side: whom it follows, what it hardens, what it takes itself for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/group.h"

/* --- Whom it follows --- */

static bool follows(const struct sim_group *group, const struct sim_replica *primary) {
	return strcmp(group->primary_id, primary->id) == 0;
}

static void latch(struct sim_instance *instance, struct sim_group *group) {
	group->latched_wall = sim_wall(instance) + sim_timing(instance, SIM_TIMING_latch);
	sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
}

/* Whether a primary that is not the present one is to be followed. */
static bool accepts(const struct sim_instance *instance, const struct sim_group *group, uint64_t sequence) {
	const struct sim_replica *present = sim_group_replica_by_id(group, group->primary_id);
	if (present != NULL && present->link.connected) return sequence > group->sequence;
	if (sequence >= group->sequence) return true;
	return group->reseated && sim_assume(instance, SIM_ASSUME_older_configuration_accepted);
}

/* A session with a primary of this role has never been: the transport may hold what is left of the one before, unless
 * this end was started when the primary was stable (observed: who returns to a primary of some minutes connects). */
static bool is_cached(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from) {
	bool first = !from->link.known;
	from->link.known = true;
	if (!first || sim_timing(instance, SIM_TIMING_transport_cache) == 0) return false;
	if (!group->was_primary && !group->had_primary) return false;
	int64_t stable = from->link.peer_role_since + sim_timing(instance, SIM_TIMING_transport_stable);
	if (instance->endpoint.since >= stable) return false;
	from->link.cached_until = sim_now(instance) + sim_timing(instance, SIM_TIMING_transport_cache);
	return true;
}

static bool follow(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from, uint64_t sequence,
                   int64_t age) {
	from->link.peer_role_since = sim_now(instance) - age;
	if (follows(group, from) && from->link.connected) return true;
	if (!follows(group, from) && !accepts(instance, group, sequence)) return false;
	if (group->was_primary && age < sim_timing(instance, SIM_TIMING_latch_window)) {
		latch(instance, group);
		return false;
	}
	if (is_cached(instance, group, from)) return false;
	for (size_t i = 0; i < group->replica_count; i++) {
		struct sim_link *link = &group->replicas[i].link;
		link->connected = false;
		link->known = &group->replicas[i] == from;
	}
	snprintf(group->primary_id, SIM_GUID_SIZE, "%s", from->id);
	from->link.connected = true;
	from->link.role = SIM_ROLE_PRIMARY;
	from->link.since = sim_now(instance);
	group->had_primary = true;
	group->reseat_until = 0;
	if (group->was_primary) {
		group->was_primary = false;
		sim_instance_save(instance);
	}
	return true;
}

/* --- Databases --- */

/* Databases that the configuration does not have any more are left behind, as copies that were never recovered. */
static void leave_databases(struct sim_instance *instance, const struct sim_group *before) {
	for (size_t i = 0; i < before->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, before->databases[i].id);
		if (database == NULL || sim_group_of(instance, database) != NULL) continue;
		database->group_database_id[0] = '\0';
		database->joined = database->ready = false;
		database->restoring = true;
	}
}

/* Somebody was promoted by force: nothing is undone here before a person resumes. */
static void suspend_databases(const struct sim_instance *instance, const struct sim_group *group) {
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database == NULL || !database->joined) continue;
		database->suspended = database->by_partner = true;
		database->ready = false;
	}
}

static void adopt(struct sim_instance *instance, struct sim_group *group, struct sim_group *configuration) {
	struct sim_group before = { .databases = group->databases, .database_count = group->database_count };
	group->databases = NULL;
	group->database_count = 0;
	bool member = sim_group_replica_by_id(configuration, group->replica_id) != NULL;
	bool is_forced = strcmp(group->forced, configuration->forced) != 0;
	sim_group_adopt(group, configuration);
	leave_databases(instance, &before);
	if (is_forced) suspend_databases(instance, group);
	for (size_t i = 0; i < before.database_count; i++) free(before.databases[i].name);
	free(before.databases);
	/* Taken out of the group: nothing but DROP is left. */
	if (!member) sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
	sim_instance_save(instance);
}

struct offered {
	char *id, *name;
	bool ready;
	uint64_t seeding, end;
	struct sim_fork *forks;
	size_t fork_count;
};

/* The copy for a database of the group: joined already, found by its name, or created for seeding. */
static struct sim_database *copy_for(struct sim_instance *instance, const struct sim_group *group,
                                     const struct offered *offered) {
	struct sim_database *database = sim_database_of_group(instance, offered->id);
	if (database != NULL) return database;
	database = sim_database_find(instance, offered->name);
	size_t forks;
	if (database != NULL) {
		if (!database->restoring) return NULL;
		sim_log_common(&database->log, offered->forks, offered->fork_count, offered->end, &forks);
		if (forks == 0) return NULL;
	} else {
		if (offered->seeding != 1 || !group->may_create) return NULL;
		database = sim_database_create(instance, offered->name, false, NULL);
		if (database == NULL) return NULL;
		database->restoring = database->seeding = true;
	}
	snprintf(database->group_database_id, SIM_GUID_SIZE, "%s", offered->id);
	database->joined = database->ready = false;
	return database;
}

/* Undoes what the primary does not have; takes its time. */
static bool revert(struct sim_instance *instance, struct sim_database *database, const struct offered *offered) {
	size_t forks;
	uint64_t common = sim_log_common(&database->log, offered->forks, offered->fork_count, offered->end, &forks);
	if (database->log.fork_count == 0) return false;
	if (common == database->log.count && forks == database->log.fork_count) {
		database->reverting = false;
		return false;
	}
	if (forks == 0) return true; /* a copy of something else: suspended for good */
	int64_t now = sim_now(instance);
	if (!database->reverting) {
		database->reverting = true;
		database->reverting_until = now + sim_timing(instance, SIM_TIMING_revert);
	}
	if (now < database->reverting_until) return true;
	if (sim_database_cut(database, common, forks, NULL) < 0) return true;
	database->reverting = false;
	return false;
}

static void take_offer(struct sim_instance *instance, struct sim_group *group, const struct offered *offered,
                       bool *changed) {
	struct sim_database *database = copy_for(instance, group, offered);
	if (database == NULL) return;
	database->primary_end = offered->end;
	bool reverting = !database->suspended && revert(instance, database, offered);
	bool ready = offered->ready && database->joined && !database->suspended && !reverting;
	bool joins = offered->seeding == 2 && !database->joined && !reverting && database->log.fork_count > 0;
	if (joins) {
		database->joined = true;
		database->restoring = database->seeding = false;
		database->recovery = SIM_RECOVERY_FULL;
		database->full_backup = true;
	}
	*changed |= joins || ready != database->ready;
	database->ready = ready;
}

void sim_secondary_offer(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                         struct wire *body) {
	uint64_t sequence = wire_get(body);
	int64_t age = (int64_t)wire_get(body);
	struct sim_group *configuration = wire_get(body) != 0 ? sim_group_get(body, false) : NULL;
	if (group->role == SIM_ROLE_PRIMARY && sequence > group->sequence &&
	    sim_assume(instance, SIM_ASSUME_old_primary_steps_down))
		sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
	if (group->role == SIM_ROLE_RESOLVING && group->promotion_due == 0 &&
	    sim_assume(instance, SIM_ASSUME_resolving_follows))
		sim_group_take_role(instance, group, SIM_ROLE_SECONDARY);
	bool talks = !body->broken && group->role == SIM_ROLE_SECONDARY && follow(instance, group, from, sequence, age);
	if (!talks) {
		sim_group_free(configuration);
		return;
	}
	cleanup_free char *primary = xstrdup(from->id);
	from->link.heard = sim_now(instance);
	group->reseated = false;
	if (configuration != NULL && configuration->sequence != group->sequence) adopt(instance, group, configuration);
	else sim_group_free(configuration);
	bool changed = false;
	for (uint64_t count = wire_get(body); count > 0 && !body->broken; count--) {
		struct offered offered = { .id = wire_get_text(body) };
		offered.name = wire_get_text(body);
		offered.ready = wire_get(body) != 0;
		offered.seeding = wire_get(body);
		offered.end = wire_get(body);
		offered.fork_count = sim_forks_get(body, &offered.forks);
		if (!body->broken) take_offer(instance, group, &offered, &changed);
		free(offered.id);
		free(offered.name);
		free(offered.forks);
	}
	if (changed) sim_instance_save(instance);
	from = sim_group_replica_by_id(group, primary);
	if (from != NULL) sim_secondary_report(instance, group, from);
}

/* The end of log that may be reported: on a slow volume what was written long enough ago. */
static uint64_t hardened(const struct sim_instance *instance, struct sim_database *database) {
	int64_t now = sim_now(instance);
	if (instance->disk_delay == 0 || database->told > database->log.count) database->told = database->log.count;
	if (database->told == database->log.count) return database->told;
	if (database->written_at != 0 && now >= database->written_at) {
		database->told = database->writing < database->log.count ? database->writing : database->log.count;
		database->written_at = 0;
	}
	if (database->written_at == 0 && database->told < database->log.count) {
		database->writing = database->log.count;
		database->written_at = now + instance->disk_delay;
	}
	return database->told;
}

/* When the next database on a slow volume has something to report. */
static int64_t next_written(const struct sim_instance *instance, const struct sim_group *group) {
	int64_t next = INT64_MAX;
	for (size_t i = 0; i < group->database_count && instance->disk_delay != 0; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL && database->written_at != 0 && database->written_at < next)
			next = database->written_at;
	}
	return next;
}

void sim_secondary_report(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to) {
	cleanup_strbuf struct strbuf body = { 0 };
	wire_put(&body, group->sequence);
	wire_put(&body, group->role);
	wire_put(&body, group->may_create);
	wire_put(&body, group->database_count);
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		wire_put_text(&body, group->databases[i].id);
		wire_put(&body, database == NULL ? 0 : database->joined ? 2 : 1);
		wire_put(&body, database == NULL || !database->suspended ? 0 : database->by_partner ? 2 : 1);
		wire_put(&body, database != NULL && database->ready);
		wire_put(&body, database != NULL && database->reverting);
		wire_put(&body, database != NULL && database->seeding);
		wire_put(&body, database != NULL ? hardened(instance, database) : 0);
		sim_forks_put(&body, database != NULL ? database->log.forks : NULL,
		              database != NULL ? database->log.fork_count : 0);
	}
	sim_transport_send(instance, group, to, SIM_MESSAGE_REPORT, &body);
}

/* Forks that begin where the log ends are part of it: the primary has them there too. */
static bool take_forks(struct sim_database *database, const struct sim_fork *forks, size_t count) {
	while (database->log.fork_count < count && forks[database->log.fork_count].start <= database->log.count)
		if (sim_log_fork(&database->log, forks[database->log.fork_count].id, NULL) < 0) return false;
	return true;
}

void sim_secondary_log(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                       struct wire *body) {
	if (group->role != SIM_ROLE_SECONDARY || !follows(group, from) || !from->link.connected) return;
	from->link.heard = sim_now(instance);
	cleanup_free char *id = wire_get_text(body);
	struct sim_database *database = sim_database_of_group(instance, id);
	cleanup_free struct sim_fork *forks = NULL;
	size_t fork_count = sim_forks_get(body, &forks), common_forks;
	uint64_t end = wire_get(body), position = wire_get(body), count = wire_get(body);
	if (body->broken || database == NULL || database->suspended || database->reverting) return;
	uint64_t common = sim_log_common(&database->log, forks, fork_count, end, &common_forks);
	bool same = common == database->log.count && common_forks == database->log.fork_count;
	if (database->log.fork_count > 0 && !same) return; /* an offer will have it undone first */
	database->primary_end = end;
	bool good = take_forks(database, forks, fork_count);
	for (; count > 0 && good && !body->broken; count--, position++) {
		int64_t time = (int64_t)wire_get(body);
		size_t length;
		const void *payload = wire_get_bytes(body, &length);
		if (payload == NULL || position < database->log.count) continue;
		good = position == database->log.count &&
		       sim_log_append(&database->log, payload, length, time, NULL) == 0 &&
		       take_forks(database, forks, fork_count);
	}
	sim_secondary_report(instance, group, from);
}

/* --- Joining --- */

void sim_group_join(struct sim_instance *instance, const char *name, struct wire *body) {
	wire_get(body);
	wire_get(body);
	if (wire_get(body) == 0) return;
	struct sim_group *group = sim_group_get(body, false);
	const struct sim_replica *local = sim_group_replica(group, instance->name);
	if (body->broken || local == NULL) {
		sim_group_free(group);
		return;
	}
	snprintf(group->replica_id, SIM_GUID_SIZE, "%s", local->id);
	bool external = group->cluster_type == SIM_CLUSTER_EXTERNAL;
	group->role = external ? SIM_ROLE_RESOLVING : SIM_ROLE_SECONDARY;
	group->role_since = sim_now(instance);
	group->reseated = true;
	instance->groups = xreallocarray(instance->groups, instance->group_count + 1, sizeof(*instance->groups));
	instance->groups[instance->group_count++] = group;
	sim_list_remove(&instance->joining, name);
	sim_instance_save(instance);
}

/* --- Time --- */

int64_t sim_secondary_run(struct sim_instance *instance, struct sim_group *group) {
	struct sim_replica *primary = sim_group_replica_by_id(group, group->primary_id);
	const struct sim_replica *local = sim_group_local(group);
	if (primary == NULL || !primary->link.connected || local == NULL) return INT64_MAX;
	int64_t limit = primary->link.heard + (int64_t)local->session_timeout * 1000000;
	int64_t written = next_written(instance, group);
	if (written <= sim_now(instance)) {
		sim_secondary_report(instance, group, primary);
		written = next_written(instance, group);
	}
	if (sim_now(instance) < limit) return written < limit ? written : limit;
	primary->link.connected = false;
	primary->link.error = 35206;
	primary->link.error_wall = sim_wall(instance);
	group->primary_id[0] = '\0';
	if (sim_assume(instance, SIM_ASSUME_stale_readiness)) return INT64_MAX;
	for (size_t i = 0; i < group->database_count; i++) {
		struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL) database->ready = false;
	}
	sim_instance_save(instance);
	return INT64_MAX;
}
