/* The primary's side: offers, log, who is waited for, automatic seeding, the lease. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/group.h"

enum { MOST_BYTES_IN_A_MESSAGE = 256 * 1024 };

static struct sim_seeding *seeding_of(const struct sim_group *group, const char *replica_id,
                                      const char *group_database_id) {
	for (size_t i = group->seeding_count; i-- > 0;) {
		struct sim_seeding *seeding = &group->seedings[i];
		if (strcmp(seeding->replica_id, replica_id) == 0 &&
		    strcmp(seeding->group_database_id, group_database_id) == 0)
			return seeding;
	}
	return NULL;
}
static bool seeding_runs(const struct sim_seeding *seeding) {
	return seeding != NULL && seeding->completed_wall == 0;
}

/* --- Offers --- */

enum { SEED_NOTHING, SEED_CREATE, SEED_JOIN };

static void send_offer(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to) {
	cleanup_strbuf struct strbuf body = { 0 };
	wire_put(&body, group->sequence);
	wire_put(&body, (uint64_t)(sim_now(instance) - group->role_since));
	bool configuration = to->link.sequence != group->sequence;
	wire_put(&body, configuration);
	if (configuration) sim_group_put(&body, group, false);
	wire_put(&body, group->database_count);
	for (size_t i = 0; i < group->database_count; i++) {
		const char *id = group->databases[i].id;
		const struct sim_database *database = sim_database_of_group(instance, id);
		const struct sim_progress *progress = sim_link_progress(&to->link, id);
		const struct sim_seeding *seeding = seeding_of(group, to->id, id);
		wire_put_text(&body, id);
		wire_put_text(&body, group->databases[i].name);
		wire_put(&body, progress->step >= SIM_STEP_PARTICIPANT);
		wire_put(&body, seeding_runs(seeding) && seeding->state == SIM_SEEDING_RUNNING ? SEED_CREATE
		                : seeding != NULL && seeding->state == SIM_SEEDING_DONE && !seeding->settled
		                        ? SEED_JOIN
		                        : SEED_NOTHING);
		wire_put(&body, database != NULL ? database->log.count : 0);
		sim_forks_put(&body, database != NULL ? database->log.forks : NULL,
		              database != NULL ? database->log.fork_count : 0);
	}
	sim_transport_send(instance, group, to, SIM_MESSAGE_OFFER, &body);
}

static bool is_remote(const struct sim_group *group, const struct sim_replica *replica) {
	return strcmp(replica->id, group->replica_id) != 0;
}

void sim_primary_offer(struct sim_instance *instance, struct sim_group *group) {
	if (group->role != SIM_ROLE_PRIMARY) return;
	for (size_t i = 0; i < group->replica_count; i++)
		if (is_remote(group, &group->replicas[i])) send_offer(instance, group, &group->replicas[i]);
}

/* --- Log --- */

static void send_log(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to,
                     struct sim_database *database) {
	struct sim_progress *progress = sim_link_progress(&to->link, database->group_database_id);
	const struct sim_log *log = &database->log;
	if (!to->link.connected || !progress->matched || progress->suspended || to->configuration_only) return;
	if (progress->sent < progress->hardened) progress->sent = progress->hardened;
	if (progress->sent >= log->count && progress->common_forks == log->fork_count) return;
	cleanup_strbuf struct strbuf body = { 0 };
	size_t bytes = 0, end = progress->sent;
	for (; end < log->count && bytes < MOST_BYTES_IN_A_MESSAGE; end++) bytes += log->records[end].length + 64;
	wire_put_text(&body, database->group_database_id);
	sim_forks_put(&body, log->forks, log->fork_count);
	wire_put(&body, log->count);
	wire_put(&body, progress->sent);
	wire_put(&body, end - progress->sent);
	for (size_t i = progress->sent; i < end; i++) {
		wire_put(&body, (uint64_t)log->records[i].time);
		wire_put_bytes(&body, log->records[i].payload, log->records[i].length);
	}
	progress->sent = end;
	sim_transport_send(instance, group, to, SIM_MESSAGE_LOG, &body);
}

void sim_group_log_grown(struct sim_instance *instance, struct sim_database *database) {
	struct sim_group *group = sim_group_of(instance, database);
	if (group == NULL || group->role != SIM_ROLE_PRIMARY) return;
	for (size_t i = 0; i < group->replica_count; i++)
		if (is_remote(group, &group->replicas[i])) send_log(instance, group, &group->replicas[i], database);
}

/* --- Commits --- */

int sim_group_synchronized(const struct sim_group *group, const struct sim_database *database) {
	int count = 0;
	for (size_t i = 0; i < group->replica_count; i++)
		count += is_remote(group, &group->replicas[i]) &&
		         sim_remote_synchronization(group, &group->replicas[i], database->group_database_id) ==
		                 SIM_SYNCHRONIZED;
	return count;
}

static bool is_alone(const struct sim_group *group) {
	for (size_t i = 0; i < group->replica_count; i++)
		if (is_remote(group, &group->replicas[i]) && group->replicas[i].link.connected) return false;
	return true;
}

bool sim_group_lacks_quorum(const struct sim_instance *instance, const struct sim_group *group,
                            const struct sim_database *database) {
	const struct sim_replica *local = sim_group_local(group);
	if (local == NULL || !local->synchronous) return false;
	if (sim_group_synchronized(group, database) < group->required) return true;
	return !sim_assume(instance, SIM_ASSUME_lone_survivor_writes) && group->replica_count == 3 && is_alone(group);
}

enum sim_commit sim_group_commit(struct sim_instance *instance, struct sim_database *database, uint64_t position) {
	const struct sim_group *group = sim_group_of(instance, database);
	if (group == NULL || position <= database->acknowledged) return SIM_COMMIT_DONE;
	if (group->role == SIM_ROLE_SECONDARY)
		return SIM_COMMIT_DONE; /* a read: a secondary shows what it has hardened */
	if (group->role != SIM_ROLE_PRIMARY) return SIM_COMMIT_FAILED;
	const struct sim_replica *local = sim_group_local(group);
	for (size_t i = 0; local != NULL && local->synchronous && i < group->replica_count; i++) {
		struct sim_link *link = &group->replicas[i].link;
		if (!is_remote(group, &group->replicas[i]) || !link->connected) continue;
		const struct sim_progress *progress = sim_link_progress(link, database->group_database_id);
		if (progress->step >= SIM_STEP_PARTICIPANT && progress->hardened < position) return SIM_COMMIT_WAITS;
	}
	if (sim_group_lacks_quorum(instance, group, database))
		return sim_assume(instance, SIM_ASSUME_commit_waits_below_required) ? SIM_COMMIT_WAITS
		                                                                    : SIM_COMMIT_FAILED;
	database->acknowledged = position;
	return SIM_COMMIT_DONE;
}

bool sim_group_configured(const struct sim_group *group) {
	size_t have = 1;
	for (size_t i = 0; i < group->replica_count; i++)
		have += is_remote(group, &group->replicas[i]) && group->replicas[i].link.connected &&
		        group->replicas[i].link.sequence == group->sequence;
	return have > group->replica_count / 2;
}

/* --- Reports --- */

static void begin_seeding(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to,
                          const struct sim_database *database, bool has_files) {
	const struct sim_seeding *last = seeding_of(group, to->id, database->group_database_id);
	if (seeding_runs(last) || (last != NULL && last->state == SIM_SEEDING_DONE && !last->settled)) return;
	if (!to->automatic_seeding && !has_files) return;
	group->seedings = xreallocarray(group->seedings, group->seeding_count + 1, sizeof(*group->seedings));
	struct sim_seeding *seeding = &group->seedings[group->seeding_count++];
	*seeding = (struct sim_seeding){ .source = true, .streamed = !has_files, .started_wall = sim_wall(instance) };
	sim_guid(instance, seeding->operation_id);
	snprintf(seeding->group_database_id, SIM_GUID_SIZE, "%s", database->group_database_id);
	snprintf(seeding->replica_id, SIM_GUID_SIZE, "%s", to->id);
	seeding->state = has_files ? SIM_SEEDING_CATCHUP : SIM_SEEDING_RUNNING;
	int64_t megabytes = (int64_t)(sim_log_bytes(&database->log, 0, database->log.count) >> 20);
	seeding->due =
	        sim_now(instance) + (has_files ? sim_timing(instance, SIM_TIMING_catchup_check)
	                                       : sim_timing(instance, SIM_TIMING_seeding) +
	                                                 megabytes * sim_timing(instance, SIM_TIMING_seeding_per_mb));
	send_offer(instance, group, to);
}

static void finish_seeding(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to,
                           struct sim_seeding *seeding) {
	const struct sim_progress *progress = sim_link_progress(&to->link, seeding->group_database_id);
	const struct sim_database *database = sim_database_of_group(instance, seeding->group_database_id);
	if (database == NULL || !progress->matched || progress->hardened < database->log.count) return;
	if (progress->common_forks != database->log.fork_count || sim_now(instance) < seeding->due) return;
	seeding->state = SIM_SEEDING_DONE;
	seeding->completed_wall = sim_wall(instance);
	send_offer(instance, group, to);
}

struct reported {
	uint64_t status; /* 0 missing, 1 there but not joined, 2 joined */
	bool may_create, suspended, by_partner, ready, reverting, seeding;
	struct sim_fork *forks;
	size_t fork_count;
	uint64_t end;
};

/* Moves a secondary database along the steps in sqlserver/group.h. */
static void judge(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                  struct sim_database *database, const struct reported *reported) {
	struct sim_progress *progress = sim_link_progress(&from->link, database->group_database_id);
	struct sim_log *log = &database->log;
	size_t common_forks;
	uint64_t common = sim_log_common(log, reported->forks, reported->fork_count, reported->end, &common_forks);
	bool empty = reported->fork_count == 0;
	progress->matched = empty || (common == reported->end && common_forks == reported->fork_count);
	progress->common_forks = common_forks;
	progress->suspended = reported->suspended;
	progress->by_partner = reported->by_partner;
	progress->shown = reported->reverting ? SIM_REVERTING : SIM_NOT_SYNCHRONIZING;
	if (reported->status == 0 && !reported->may_create) progress->matched = false;
	if (reported->status < 2) {
		progress->step = SIM_STEP_NONE;
		if (reported->status == 1 || reported->may_create)
			begin_seeding(instance, group, from, database, reported->status == 1 && !reported->seeding);
	}
	if (!progress->matched) {
		progress->step = SIM_STEP_NONE;
		progress->hardened = progress->sent = common;
		return;
	}
	if (reported->end != progress->hardened) progress->hardened_wall = sim_wall(instance);
	progress->hardened = reported->end;
	if (progress->sent < progress->hardened) progress->sent = progress->hardened;
	if (reported->status < 2 || reported->suspended || reported->reverting) {
		progress->step = SIM_STEP_NONE;
		return;
	}
	const struct sim_replica *local = sim_group_local(group);
	bool waits = local->synchronous && from->synchronous;
	if (!waits && progress->step > SIM_STEP_SENDING) progress->step = SIM_STEP_SENDING;
	if (progress->step == SIM_STEP_NONE) progress->step = SIM_STEP_SENDING;
	bool level = progress->hardened >= log->count && progress->common_forks == log->fork_count;
	if (waits && progress->step == SIM_STEP_SENDING && level) {
		progress->step = SIM_STEP_PARTICIPANT;
		send_offer(instance, group, from);
	} else if (progress->step == SIM_STEP_PARTICIPANT && reported->ready) {
		progress->step = SIM_STEP_SYNCHRONIZED;
	}
}

void sim_primary_report(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                        struct wire *body) {
	if (group->role != SIM_ROLE_PRIMARY) return;
	struct sim_link *link = &from->link;
	link->sequence = wire_get(body);
	link->role = (enum sim_role)wire_get(body);
	bool may_create = wire_get(body) != 0;
	if (!link->connected) link->since = sim_now(instance);
	link->connected = true;
	link->known = true;
	link->heard = sim_now(instance);
	link->error = 0;
	for (uint64_t count = wire_get(body); count > 0 && !body->broken; count--) {
		cleanup_free char *id = wire_get_text(body);
		struct reported reported = { .status = wire_get(body), .may_create = may_create };
		uint64_t suspended = wire_get(body);
		reported.suspended = suspended != 0;
		reported.by_partner = suspended == 2;
		reported.ready = wire_get(body) != 0;
		reported.reverting = wire_get(body) != 0;
		reported.seeding = wire_get(body) != 0;
		reported.end = wire_get(body);
		cleanup_free struct sim_fork *forks = NULL;
		reported.fork_count = sim_forks_get(body, &forks);
		reported.forks = forks;
		struct sim_database *database = sim_database_of_group(instance, id);
		if (body->broken || database == NULL || from->configuration_only) continue;
		judge(instance, group, from, database, &reported);
		struct sim_seeding *seeding = seeding_of(group, from->id, id);
		if (seeding != NULL && reported.status == 2) seeding->settled = true;
		if (seeding_runs(seeding)) finish_seeding(instance, group, from, seeding);
		send_log(instance, group, from, database);
	}
}

/* --- Time --- */

void sim_primary_disconnect(struct sim_instance *instance, struct sim_group *group, struct sim_replica *replica,
                            int error) {
	struct sim_link *link = &replica->link;
	link->connected = false;
	link->sequence = 0;
	link->error = error;
	link->error_wall = sim_wall(instance);
	for (size_t i = 0; i < link->progress_count; i++) {
		link->progress[i].step = SIM_STEP_NONE;
		link->progress[i].matched = false;
	}
	for (size_t i = 0; i < group->seeding_count; i++) {
		struct sim_seeding *seeding = &group->seedings[i];
		if (strcmp(seeding->replica_id, replica->id) != 0) continue;
		seeding->settled = true;
		if (!seeding_runs(seeding)) continue;
		seeding->state = SIM_SEEDING_FAILED;
		seeding->completed_wall = sim_wall(instance);
	}
}

int64_t sim_primary_run(struct sim_instance *instance, struct sim_group *group) {
	int64_t now = sim_now(instance), next = INT64_MAX;
	if (group->lease_until != 0 && now >= group->lease_until) {
		group->lease_until = 0;
		sim_group_take_role(instance, group, SIM_ROLE_RESOLVING);
		return INT64_MAX;
	}
	for (size_t i = 0; i < group->replica_count; i++) {
		struct sim_link *link = &group->replicas[i].link;
		int64_t limit = link->heard + (int64_t)group->replicas[i].session_timeout * 1000000;
		if (link->connected && now >= limit)
			sim_primary_disconnect(instance, group, &group->replicas[i], 35206);
		if (link->connected && limit < next) next = limit;
	}
	for (size_t i = 0; i < group->seeding_count; i++) {
		struct sim_seeding *seeding = &group->seedings[i];
		struct sim_replica *to = sim_group_replica_by_id(group, seeding->replica_id);
		if (!seeding_runs(seeding) || to == NULL) continue;
		finish_seeding(instance, group, to, seeding);
		if (seeding_runs(seeding) && seeding->due > now && seeding->due < next) next = seeding->due;
	}
	if (now >= group->next_heartbeat) {
		group->next_heartbeat = now + sim_timing(instance, SIM_TIMING_heartbeat);
		/* What was sent and not confirmed since the last time may be lost: again. */
		for (size_t i = 0; i < group->replica_count; i++)
			for (size_t j = 0; j < group->replicas[i].link.progress_count; j++)
				group->replicas[i].link.progress[j].sent = group->replicas[i].link.progress[j].hardened;
		sim_primary_offer(instance, group);
	}
	if (group->lease_until != 0 && group->lease_until < next) next = group->lease_until;
	return group->next_heartbeat < next ? group->next_heartbeat : next;
}
