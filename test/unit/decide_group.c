#include "unit/decide_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"

static const char *const pods[REPLICAS_MAX] = { "sql-0", "sql-1", "sql-2", "sql-3", "sql-4",
	                                        "sql-5", "sql-6", "sql-7", "sql-8" };
static const char *const names[GROUP_DATABASES] = { "agdb1", "agdb2", "agdb3" };
static const char *const ids[GROUP_DATABASES] = { "database-1", "database-2", "database-3" };
#define GROUP_ID "group-1"

const char *group_pod(size_t place) {
	return pods[place];
}

static void set_up_spec(struct group *group) {
	struct spec *spec = &group->spec;
	*spec = (struct spec){ .namespace = "ns",
		               .name = "sql",
		               .uid = "object-uid",
		               .replica_count = group->count,
		               .has_own_claims = true,
		               .is_group = true,
		               .group = "ag1",
		               .endpoint = "agkeeper",
		               .endpoint_port = 5022,
		               .fails_over = true,
		               .hands_over = group->count > 1,
		               .required = -1,
		               .silence_ms = 10000,
		               .transfer_timeout_ms = 10000,
		               .primary_label = "primary",
		               .role_label = "role" };
	for (size_t i = 0; i < group->count; i++)
		spec->replicas[i] = (struct replica_spec){ .pod = pods[i],
			                                   .endpoint_url = "TCP://h:5022",
			                                   .availability = SQL_SYNCHRONOUS_COMMIT,
			                                   .is_candidate = true,
			                                   .role_label = "secondary" };
}

static void set_up_record(struct group *group) {
	group->record = (struct record){
		.is_initialized = true,
		.group_id = GROUP_ID,
		.epoch = 1,
		.generation = 1,
		.holder = "me",
		.intent = { .target = "", .wanted = "", .reason = "", .message = "" },
		.member_count = group->count,
		.required = (int)group->count - 1,
		.database_count = group->database_count,
		.databases = group->databases,
	};
	for (size_t i = 0; i < group->count; i++)
		group->record.members[i] = (struct member){ pods[i], group->view.replicas[i].claim.uid };
	group->record.primary = group->record.members[0];
	for (size_t i = 0; i < group->database_count; i++)
		group->databases[i] = (struct recorded_database){ names[i], ids[i] };
}

struct group *group_new(size_t count) {
	struct group *group = xcalloc(1, sizeof(*group));
	group->count = count;
	group->database_count = 1;
	set_up_spec(group);
	group->view.spec = &group->spec;
	group->view.record = &group->record;
	group->view.identity = "me";
	group->view.now = 1000000;
	group->view.wall_us = 1700000000000000;
	group->view.replica_count = count;
	group->view.has_certificate = group->view.has_set = true;
	for (size_t i = 0; i < count; i++) {
		struct fake_server *server = &group->servers[i];
		*server = (struct fake_server){ .runs = true,
			                        .answers = true,
			                        .role = i == 0 ? SQL_ROLE_PRIMARY : SQL_ROLE_SECONDARY,
			                        .has_group = true,
			                        .endpoint_runs = true,
			                        .generation = 1,
			                        .starts = 1,
			                        .follows = i == 0 ? -1 : 0,
			                        .sequence = 100,
			                        .required = (int)count - 1 };
		for (size_t j = 0; j < count; j++) server->synchronous[j] = true;
		for (size_t j = 0; j < GROUP_DATABASES; j++) {
			server->has[j] = true;
			server->fork[j] = 1;
			server->end[j] = 1000;
		}
		group->view.replicas[i] = (struct replica_view){
			.spec = &group->spec.replicas[i],
			.pod_name = pods[i],
			.incarnation = arena_printf(&group->arena, "claim-%zu", i),
			.pod = { .exists = true,
			         .uid = arena_printf(&group->arena, "pod-%zu", i),
			         .incarnation_container = arena_printf(&group->arena, "container-%zu-1", i),
			         .is_ready = true,
			         .is_running = true,
			         .is_current = true,
			         .is_ours = true },
			.node = { .exists = true, .is_ready = true },
			.claim = { .exists = true },
			.server = { .is_bootstrapped = true },
		};
		group->view.replicas[i].claim.uid = group->view.replicas[i].incarnation;
	}
	set_up_record(group);
	group->view.attempts = group->attempts;
	return group;
}

void group_free(struct group *group) {
	for (size_t i = 0; i < group->plan_count; i++) {
		plan_free(group->plans[i]);
		free(group->plans[i]);
	}
	free(group->plans);
	arena_free(&group->arena);
	free(group);
}

/* ---- What happens to servers ---- */

void group_kill(struct group *group, size_t place) {
	group->servers[place].runs = false;
	group->view.replicas[place].pod = (struct pod_view){ 0 };
}

void group_start(struct group *group, size_t place) {
	struct fake_server *server = &group->servers[place];
	server->runs = server->answers = true;
	server->role = server->has_group ? SQL_ROLE_RESOLVING : SQL_ROLE_UNKNOWN;
	server->follows = -1;
	server->starts++;
	group->view.replicas[place].pod = (struct pod_view){
		.exists = true,
		.uid = arena_printf(&group->arena, "pod-%zu-%d", place, server->starts),
		.incarnation_container = arena_printf(&group->arena, "container-%zu-%d", place, server->starts),
		.is_ready = true,
		.is_running = true,
		.is_current = true,
		.is_ours = true,
	};
}

void group_silence(struct group *group, size_t place, bool silent) {
	group->servers[place].answers = !silent;
	group->view.replicas[place].server.silent_since = silent ? group->view.now : 0;
}

void group_replace_volume(struct group *group, size_t place) {
	struct fake_server *server = &group->servers[place];
	server->has_group = false;
	server->generation = 0;
	memset(server->has, 0, sizeof(server->has));
	group->view.replicas[place].incarnation = arena_printf(&group->arena, "claim-%zu-%d", place, server->starts);
	group->view.replicas[place].claim.uid = group->view.replicas[place].incarnation;
	group_start(group, place);
}

static bool hears(const struct group *group, size_t a, size_t b) {
	const struct fake_server *left = &group->servers[a], *right = &group->servers[b];
	return left->runs && right->runs && left->endpoint_runs && right->endpoint_runs && left->has_group &&
	       right->has_group && !left->cut[b] && !right->cut[a];
}

static bool is_following(const struct group *group, size_t secondary, size_t primary) {
	return group->servers[secondary].role == SQL_ROLE_SECONDARY &&
	       group->servers[secondary].follows == (int)primary && hears(group, secondary, primary);
}

void group_write_tail(struct group *group, size_t place, size_t database, uint64_t records) {
	group->servers[place].end[database] += records;
}

void group_write(struct group *group, size_t place, size_t database, uint64_t records) {
	group_write_tail(group, place, database, records);
	for (size_t i = 0; i < group->count; i++) {
		if (i == place || !is_following(group, i, place) || group->servers[i].is_suspended[database]) continue;
		group->servers[i].end[database] = group->servers[place].end[database];
	}
}

void group_fail(struct group *group, enum action_type type, size_t place, const char *peer, int number) {
	assert_true(group->view.attempt_count < ARRAY_LENGTH(group->attempts));
	group->attempts[group->view.attempt_count++] =
	        (struct attempt){ .type = type, .pod = pods[place], .peer = peer, .failures = 1, .number = number };
}

/* A secondary follows whoever is PRIMARY and reaches it; of several the newer configuration. */
static void connect_servers(struct group *group) {
	for (size_t i = 0; i < group->count; i++) {
		struct fake_server *server = &group->servers[i];
		if (server->role != SQL_ROLE_SECONDARY) continue;
		if (server->follows >= 0 && !hears(group, i, (size_t)server->follows)) server->follows = -1;
		for (size_t j = 0; j < group->count; j++) {
			const struct fake_server *primary = &group->servers[j];
			if (primary->role != SQL_ROLE_PRIMARY || !hears(group, i, j)) continue;
			if (primary->sequence < server->sequence) continue;
			server->follows = (int)j;
			server->sequence = primary->sequence;
			server->required = primary->required;
			memcpy(server->synchronous, primary->synchronous, sizeof(server->synchronous));
			for (size_t d = 0; d < group->database_count; d++) {
				if (server->is_suspended[d]) continue;
				server->has[d] = primary->has[d];
				server->fork[d] = primary->fork[d];
				server->end[d] = primary->end[d];
			}
		}
	}
}

/* ---- What they show ---- */

static struct sql_lsn lsn(uint64_t value) {
	return (struct sql_lsn){ true, (unsigned __int128)value * 1000000 + 1 };
}

static bool is_joined(const struct group *group, size_t secondary, size_t primary, size_t database) {
	return is_following(group, secondary, primary) && group->servers[secondary].has[database] &&
	       !group->servers[secondary].is_suspended[database];
}

static struct sql_database_row database_row(struct group *group, size_t viewer, size_t of, size_t database) {
	const struct fake_server *server = &group->servers[of], *seen_by = &group->servers[viewer];
	bool local = viewer == of, primary = seen_by->role == SQL_ROLE_PRIMARY;
	bool waits = seen_by->synchronous[of] && seen_by->synchronous[viewer];
	int state = SQL_NOT_SYNCHRONIZING;
	if (local && primary) state = SQL_SYNCHRONIZED;
	if (!local && is_joined(group, of, viewer, database))
		state = waits && server->end[database] == seen_by->end[database] ? SQL_SYNCHRONIZED : SQL_SYNCHRONIZING;
	return (struct sql_database_row){
		.name = names[database],
		.group_database_id = ids[database],
		.replica_id = pods[of],
		.recovery_fork = local ? arena_printf(&group->arena, "fork-%d", server->fork[database]) : NULL,
		.fork_point = local && server->fork_point[database] != 0 ? lsn(server->fork_point[database])
		                                                         : (struct sql_lsn){ 0 },
		.is_local = local,
		.is_primary_replica = local && primary,
		.synchronization = state,
		.is_suspended = server->is_suspended[database],
		.state = local ? "ONLINE" : NULL,
		.hardened = lsn(server->end[database]),
		.end_of_log = lsn(server->end[database]),
		.log_send_queue_kb = -1,
		.redo_queue_kb = -1,
	};
}

static struct sql_replica_row replica_row(const struct group *group, size_t viewer, size_t of) {
	const struct fake_server *seen_by = &group->servers[viewer];
	bool local = viewer == of, primary = seen_by->role == SQL_ROLE_PRIMARY;
	bool connected = local ? primary || (seen_by->follows >= 0 && is_following(group, of, (size_t)seen_by->follows))
	                       : primary && is_following(group, of, viewer);
	return (struct sql_replica_row){
		.replica_id = pods[of],
		.server = pods[of],
		.mode = seen_by->synchronous[of] ? SQL_MODE_SYNCHRONOUS : SQL_MODE_ASYNCHRONOUS,
		.is_local = local,
		.role = local     ? (int)seen_by->role
		        : primary ? SQL_ROLE_SECONDARY
		                  : SQL_ROLE_UNKNOWN,
		.connected = !local && !primary ? SQL_CONNECTED_UNKNOWN
		             : connected        ? SQL_CONNECTED
		                                : SQL_DISCONNECTED,
		.operational_state = seen_by->is_changing && local ? "PENDING_FAILOVER" : "ONLINE",
	};
}

static struct sql_observation *observe(struct group *group, size_t place) {
	const struct fake_server *server = &group->servers[place];
	struct sql_observation *seen = arena_alloc(&group->arena, sizeof(*seen));
	seen->instance = (struct sql_instance_row){
		.server = pods[place],
		.start_time = arena_printf(&group->arena, "start-%zu-%d", place, server->starts),
		.endpoint = server->endpoint_runs ? SQL_ENDPOINT_STARTED : SQL_ENDPOINT_STOPPED,
		.generation = server->generation,
	};
	seen->has_group = server->has_group;
	if (!server->has_group) return seen;
	seen->group = (struct sql_group_row){ .group_id = GROUP_ID,
		                              .sequence_number = server->sequence,
		                              .required = server->required };
	seen->replicas = arena_calloc(&group->arena, group->count, sizeof(*seen->replicas));
	seen->databases = arena_calloc(&group->arena, group->count * GROUP_DATABASES, sizeof(*seen->databases));
	for (size_t i = 0; i < group->count; i++) {
		seen->replicas[seen->replica_count++] = replica_row(group, place, i);
		if (i != place && server->role != SQL_ROLE_PRIMARY) continue;
		for (size_t d = 0; d < group->database_count; d++) {
			if (!server->has[d] || (i != place && !group->servers[i].has[d])) continue;
			seen->databases[seen->database_count++] = database_row(group, place, i, d);
		}
	}
	return seen;
}

void group_look(struct group *group) {
	connect_servers(group);
	for (size_t i = 0; i < group->count; i++) {
		struct replica_view *replica = &group->view.replicas[i];
		bool answers = group->servers[i].runs && group->servers[i].answers;
		replica->server.seen = answers ? observe(group, i) : NULL;
		replica->server.seen_at = group->view.now;
		if (!answers && replica->server.silent_since == 0) replica->server.silent_since = group->view.now;
		if (answers) replica->server.silent_since = 0;
	}
}

/* ---- Decisions ---- */

void group_decide(struct group *group) {
	group->plans = xreallocarray(group->plans, group->plan_count + 1, sizeof(struct plan *));
	group->plan = group->plans[group->plan_count++] = xcalloc(1, sizeof(struct plan));
	const struct record *record = &group->record;
	struct deciding *deciding = &group->deciding;
	*deciding = (struct deciding){
		.view = &group->view,
		.spec = &group->spec,
		.record = record,
		.scratch = &group->scratch,
		.plan = group->plan,
		.next = *record,
		.servers_are_ours = record->generation > 0 && strcmp(record->holder, group->view.identity) == 0,
	};
	promotion_judge(deciding);
	promotion_decide(deciding);
	if (deciding->state == GROUP_STEADY) {
		set_decide(deciding);
		ladder_decide(deciding);
	}
	if (deciding->wants_generation && !deciding->servers_are_ours) {
		deciding->next.generation = record->generation + 1;
		deciding->next.holder = group->view.identity;
	}
}

void group_pass(struct group *group) {
	group_look(group);
	group_decide(group);
}

const struct action *group_planned(const struct group *group, enum action_type type, int place) {
	for (size_t i = 0; i < group->plan->count; i++) {
		const struct action *action = &group->plan->actions[i];
		if (action->type == type && (place < 0 || strcmp(action->pod, pods[place]) == 0)) return action;
	}
	return NULL;
}

bool group_wrote(const struct group *group) {
	return !record_equal(&group->record, &group->deciding.next);
}

/* ---- What actions do ---- */

static size_t place_of(const char *pod) {
	for (size_t i = 0; i < REPLICAS_MAX; i++)
		if (pod != NULL && strcmp(pods[i], pod) == 0) return i;
	fail_msg("no such pod: %s", pod != NULL ? pod : "none");
	return 0;
}

static size_t database_of(const char *name) {
	for (size_t i = 0; i < GROUP_DATABASES; i++)
		if (strcmp(names[i], name) == 0) return i;
	fail_msg("no such database: %s", name);
	return 0;
}

static void promote(struct group *group, struct fake_server *server, const struct action *action) {
	if (server->refuses) {
		group_fail(group, action->type, (size_t)(server - group->servers), action->text, 41142);
		return;
	}
	server->role = SQL_ROLE_PRIMARY;
	server->follows = -1;
	server->sequence++;
	for (size_t d = 0; d < GROUP_DATABASES; d++) {
		server->fork[d] += 10;
		server->fork_point[d] = server->end[d];
	}
}

static void do_action(struct group *group, const struct action *action) {
	if (action_rows[action->type].target != TARGET_SERVER) return;
	struct fake_server *server = &group->servers[place_of(action->pod)];
	if (!server->runs || !server->answers) return;
	if (action_rows[action->type].session == SESSION_FENCED) /* the batch would throw */
		assert_int_equal(server->generation, group->record.generation);
	switch (action->type) {
	case ACTION_RAISE_GENERATION: server->generation = action->number; break;
	case ACTION_STOP_ENDPOINT: server->endpoint_runs = false; break;
	case ACTION_START_ENDPOINT: server->endpoint_runs = true; break;
	case ACTION_PROMOTE:
	case ACTION_PROMOTE_STARTED: promote(group, server, action); break;
	case ACTION_FORCE_PROMOTE: server->role = SQL_ROLE_PRIMARY, server->sequence++; break;
	case ACTION_OFFLINE: server->role = SQL_ROLE_RESOLVING; break;
	case ACTION_BECOME_SECONDARY: server->role = SQL_ROLE_SECONDARY; break;
	case ACTION_JOIN: server->has_group = true, server->role = SQL_ROLE_RESOLVING, server->sequence = 0; break;
	case ACTION_DROP_GROUP: server->has_group = false, server->role = SQL_ROLE_UNKNOWN; break;
	case ACTION_SUSPEND_MOVEMENT: server->is_suspended[database_of(action->text)] = true; break;
	case ACTION_RESUME_MOVEMENT: server->is_suspended[database_of(action->text)] = false; break;
	case ACTION_SET_REQUIRED: server->required = (int)action->number, server->sequence++; break;
	case ACTION_SET_AVAILABILITY:
		server->synchronous[place_of(action->peer)] = action->number == SQL_SYNCHRONOUS_COMMIT;
		server->sequence++;
		break;
	default: break;
	}
}

void group_do(struct group *group) {
	bool wrote = group_wrote(group);
	if (wrote) group->record = group->deciding.next;
	for (size_t i = 0; !wrote && i < group->plan->count; i++) do_action(group, &group->plan->actions[i]);
	group_wait(group, 50);
}

int group_settle(struct group *group) {
	for (int passes = 1; passes < 200; passes++) {
		group_pass(group);
		bool idle = !group_wrote(group);
		for (size_t i = 0; i < group->plan->count; i++)
			idle &= action_rows[group->plan->actions[i].type].target == TARGET_NOBODY;
		if (idle) return passes;
		group_do(group);
	}
	return -1;
}

void group_wait(struct group *group, int64_t ms) {
	group->view.now += ms;
	group->view.wall_us += ms * 1000;
}
