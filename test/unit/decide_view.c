#include "unit/decide_view.h"

#include <string.h>

void decide_world_init(struct decide_world *world, size_t replicas) {
	*world = (struct decide_world){ .state = GROUP_NONE };
	world->spec = (struct spec){ .namespace = "ns",
		                     .name = "ag",
		                     .uid = "uid",
		                     .created = 1000,
		                     .replica_count = replicas,
		                     .has_own_claims = true,
		                     .is_group = true,
		                     .group = "ag1",
		                     .cluster = SQL_CLUSTER_EXTERNAL,
		                     .endpoint = "agkeeper",
		                     .endpoint_port = 5022,
		                     .fails_over = true,
		                     .hands_over = replicas > 1,
		                     .required = -1,
		                     .silence_ms = 30000,
		                     .transfer_timeout_ms = 60000,
		                     .check_period_ms = 10000,
		                     .primary_label = "primary",
		                     .role_label = "role" };
	world->record = (struct record){ .group_id = "",
		                         .holder = "",
		                         .primary = { "", "" },
		                         .intent = { .target = "", .wanted = "", .reason = "", .message = "" } };
	world->view = (struct view){ .now = 1000000,
		                     .wall_us = 1700000000000000,
		                     .identity = "me",
		                     .spec = &world->spec,
		                     .record = &world->record,
		                     .has_finalizer = true,
		                     .has_image = true,
		                     .replica_count = replicas,
		                     .administrator_secret = SECRET_PRESENT,
		                     .own_secret = SECRET_PRESENT,
		                     .has_certificate = true,
		                     .has_set = true,
		                     .attempts = world->attempts };
	for (size_t i = 0; i < replicas; i++) {
		struct decide_server *server = &world->servers[i];
		struct replica_spec *spec = &world->spec.replicas[i];
		struct replica_view *view = &world->view.replicas[i];
		spec->pod = arena_printf(&world->arena, "ag-%zu", i);
		spec->endpoint_url = arena_printf(&world->arena, "TCP://ag-%zu.ag-pods.ns.svc:5022", i);
		spec->availability = SQL_SYNCHRONOUS_COMMIT;
		spec->is_candidate = true;
		spec->role_label = "secondary";
		*view = (struct replica_view){ .spec = spec,
			                       .pod_name = spec->pod,
			                       .incarnation = arena_printf(&world->arena, "claim-%zu", i) };
		view->pod = (struct pod_view){ .exists = true,
			                       .uid = arena_printf(&world->arena, "pod-%zu", i),
			                       .is_running = true,
			                       .is_ready = true,
			                       .is_current = true,
			                       .is_ours = true };
		view->claim = (struct claim_view){ .exists = true, .uid = view->incarnation, .created = 1001 };
		view->node = (struct node_view){ .exists = true, .is_ready = true };
		view->server = (struct server_view){ .seen = &server->seen,
			                             .seen_at = world->view.now,
			                             .is_bootstrapped = true,
			                             .has_current_password = true };
		server->seen = (struct sql_observation){ .replicas = server->replicas,
			                                 .databases = server->databases,
			                                 .local_databases = server->local_databases,
			                                 .seedings = server->seedings };
		server->seen.instance = (struct sql_instance_row){ .server = spec->pod,
			                                           .start_time = "2026-11-22T10:00:00.000",
			                                           .endpoint = SQL_ENDPOINT_STARTED,
			                                           .endpoint_name = "agkeeper" };
	}
}

void decide_world_free(struct decide_world *world) {
	plan_free(&world->plan);
	arena_free(&world->arena);
}

static struct sql_replica_row row_of(struct decide_world *world, size_t replica, bool is_primary) {
	const struct replica_spec *spec = &world->spec.replicas[replica];
	return (struct sql_replica_row){ .replica_id = arena_printf(&world->arena, "replica-%zu", replica),
		                         .server = spec->pod,
		                         .endpoint_url = spec->endpoint_url,
		                         .mode = SQL_MODE_SYNCHRONOUS,
		                         .access = "NO",
		                         .failover_mode = "EXTERNAL",
		                         .session_timeout = 10,
		                         .role = is_primary ? SQL_ROLE_PRIMARY : SQL_ROLE_SECONDARY,
		                         .connected = SQL_CONNECTED,
		                         .write_lease_ticks = -1 };
}

void decide_world_group(struct decide_world *world, size_t primary) {
	size_t count = world->spec.replica_count;
	world->state = GROUP_STEADY;
	world->record.is_initialized = true;
	world->record.group_id = "group-1";
	world->record.epoch = 1;
	world->record.generation = 1;
	world->record.holder = "me";
	world->record.required = (int)count - 1;
	world->record.primary =
	        (struct member){ world->spec.replicas[primary].pod, world->view.replicas[primary].incarnation };
	for (size_t i = 0; i < count; i++) {
		struct sql_observation *seen = &world->servers[i].seen;
		record_add_member(&world->record,
		                  &(struct member){ world->spec.replicas[i].pod, world->view.replicas[i].incarnation });
		seen->instance.generation = 1;
		seen->has_group = true;
		seen->group = (struct sql_group_row){ .group_id = "group-1",
			                              .sequence_number = 1,
			                              .required = (int64_t)count - 1,
			                              .db_failover = true,
			                              .cluster_type = "external" };
		for (size_t j = 0; j < count; j++) {
			if (i != primary && j != i) continue;
			seen->replicas[seen->replica_count] = row_of(world, j, j == primary);
			seen->replicas[seen->replica_count++].is_local = j == i;
		}
	}
}

void decide_world_database(struct decide_world *world, const char *name) {
	struct record *record = &world->record;
	char *id = arena_printf(&world->arena, "id-%s", name);
	struct recorded_database *databases =
	        arena_calloc(&world->arena, record->database_count + 1, sizeof(*databases));
	if (record->database_count > 0)
		memcpy(databases, record->databases, record->database_count * sizeof(*databases));
	databases[record->database_count++] = (struct recorded_database){ name, id };
	record->databases = databases;
	for (size_t i = 0; i < world->spec.replica_count; i++) {
		struct sql_observation *seen = &world->servers[i].seen;
		decide_world_local(world, i, name)->group_database_id = id;
		for (size_t j = 0; j < seen->replica_count; j++) {
			const struct sql_replica_row *replica = &seen->replicas[j];
			seen->databases[seen->database_count++] = (struct sql_database_row){
				.name = name,
				.group_database_id = id,
				.replica_id = replica->replica_id,
				.recovery_fork = replica->is_local ? "fork-1" : NULL,
				.is_local = replica->is_local,
				.is_primary_replica = replica->role == SQL_ROLE_PRIMARY,
				.synchronization = SQL_SYNCHRONIZED,
				.state = "ONLINE",
				.hardened = { true, 100 },
				.end_of_log = { true, 100 },
			};
		}
	}
}

struct sql_local_database_row *decide_world_local(struct decide_world *world, size_t replica, const char *name) {
	struct sql_observation *seen = &world->servers[replica].seen;
	struct sql_local_database_row *row = &seen->local_databases[seen->local_database_count++];
	*row = (struct sql_local_database_row){
		.name = name, .state = "ONLINE", .recovery_model = "FULL", .has_log_chain = true
	};
	return row;
}

struct sql_observation *decide_world_seen(struct decide_world *world, size_t replica) {
	return &world->servers[replica].seen;
}

void decide_world_silence(struct decide_world *world, size_t replica) {
	struct server_view *server = &world->view.replicas[replica].server;
	server->seen = NULL;
	server->silent_since = world->view.now;
	server->has_failed = true;
	server->failure = ERROR_TIMEOUT;
	server->failure_text = "no answer in time";
}

void decide_world_fail(struct decide_world *world, enum action_type type, const char *pod, const char *peer,
                       int number) {
	world->attempts[world->view.attempt_count++] = (struct attempt){
		.type = type,
		.pod = pod,
		.peer = peer,
		.failures = 1,
		.number = number,
		.message = arena_printf(&world->arena, "Msg %d, Level 16, State 1, Line 1: no", number),
		.next_at = world->view.now + 1000,
	};
}

void decide_world_run(struct decide_world *world, void (*part)(struct deciding *deciding)) {
	plan_free(&world->plan);
	world->deciding = (struct deciding){
		.view = &world->view,
		.spec = &world->spec,
		.record = &world->record,
		.scratch = &world->scratch,
		.plan = &world->plan,
		.next = world->record,
		.state = world->state,
		.servers_are_ours = world->record.generation > 0 && strcmp(world->record.holder, "me") == 0,
	};
	if (world->state == GROUP_STEADY) world->deciding.primary = view_find(&world->view, world->record.primary.pod);
	part(&world->deciding);
}

const struct action *decide_world_action(const struct decide_world *world, enum action_type type, const char *pod) {
	for (size_t i = 0; i < world->plan.count; i++) {
		const struct action *action = &world->plan.actions[i];
		if (action->type == type && (pod == NULL || (action->pod != NULL && strcmp(action->pod, pod) == 0)))
			return action;
	}
	return NULL;
}

const struct finding_row *decide_world_finding(const struct decide_world *world, const char *condition) {
	for (size_t i = 0; i < world->deciding.finding_count; i++) {
		if (strcmp(world->deciding.findings[i].condition, condition) == 0) return &world->deciding.findings[i];
	}
	return NULL;
}

size_t decide_world_count(const struct decide_world *world) {
	size_t count = 0;
	for (size_t i = 0; i < world->plan.count; i++) count += world->plan.actions[i].type != ACTION_EVENT;
	return count;
}

/* Texts of the plan live as long as it does: the record takes what it needs along. */
static const char *keep(struct decide_world *world, const char *text) {
	return arena_strdup(&world->arena, text != NULL ? text : "");
}

static void keep_member(struct decide_world *world, struct member *member) {
	*member = (struct member){ keep(world, member->pod), keep(world, member->incarnation) };
}

static void keep_failover(struct decide_world *world, struct failover_row *row) {
	row->from = keep(world, row->from);
	row->to = keep(world, row->to);
	row->reason = keep(world, row->reason);
	row->kind = keep(world, row->kind);
}

void decide_world_commit(struct decide_world *world) {
	struct record *record = &world->record;
	*record = world->deciding.next;
	if (world->deciding.wants_generation && !world->deciding.servers_are_ours) {
		record->generation++;
		record->holder = "me";
	}
	struct recorded_database *databases =
	        arena_calloc(&world->arena, record->database_count + 1, sizeof(*databases));
	for (size_t i = 0; i < record->database_count; i++) {
		databases[i].name = keep(world, record->databases[i].name);
		databases[i].id = keep(world, record->databases[i].id);
	}
	record->databases = databases;
	record->group_id = keep(world, record->group_id);
	record->holder = keep(world, record->holder);
	keep_member(world, &record->primary);
	for (size_t i = 0; i < record->member_count; i++) keep_member(world, &record->members[i]);
	for (size_t i = 0; i < record->failover_count; i++) keep_failover(world, &record->failovers[i]);
	struct intent *intent = &record->intent;
	intent->target = keep(world, intent->target);
	intent->wanted = keep(world, intent->wanted);
	intent->reason = keep(world, intent->reason);
	intent->message = keep(world, intent->message);
}
