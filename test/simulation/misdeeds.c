#include "simulation/misdeeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/act.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"

enum { TOO_LATE = 15 * SECOND };

static const struct json_object *stored_record(const struct model *model) {
	return json_get_path(model->cluster.object, "status", "availabilityGroup", NULL);
}

static bool is_promoting(const struct model *model) {
	return json_get(stored_record(model), "intent") != NULL;
}

static size_t length_of(const struct json_object *record, const char *key) {
	const struct json_object *list = json_get(record, key);
	return list != NULL ? json_object_array_length(list) : 0;
}

/* The object asks for a database that is not in the record yet. */
static bool awaits_database(const struct model *model) {
	const struct json_object *object = model->cluster.object;
	return length_of(json_get(object, "spec"), "databases") > length_of(stored_record(model), "databases");
}

/* ---- A server's answer ---- */

static struct sql_replica_row *local_row(struct sql_observation *seen) {
	return (struct sql_replica_row *)(uintptr_t)sql_observation_local(seen);
}

static bool is_primary(struct sql_observation *seen) {
	const struct sql_replica_row *local = local_row(seen);
	return local != NULL && local->role == SQL_ROLE_PRIMARY;
}

static void show_stopped(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)model;
	if (server->pretends_stopped && seen->instance.endpoint == SQL_ENDPOINT_STARTED)
		seen->instance.endpoint = SQL_ENDPOINT_STOPPED;
}

static void show_suspended(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)model;
	for (size_t i = 0; i < seen->database_count; i++)
		if (server->pretends_suspended && seen->databases[i].is_local) seen->databases[i].is_suspended = true;
}

static void show_raised(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)server;
	if (seen->instance.generation >= 0) seen->instance.generation = model->claims.generation;
}

static void show_synchronized(const struct model *model, const struct server_state *server,
                              struct sql_observation *seen) {
	(void)server;
	for (size_t i = 0; i < seen->database_count && !is_promoting(model); i++) {
		struct sql_database_row *row = &seen->databases[i];
		if (row->is_primary_replica || row->synchronization != SQL_SYNCHRONIZING) continue;
		row->synchronization = SQL_SYNCHRONIZED;
		row->hardened.value = row->end_of_log.value = (unsigned __int128)1 << 80;
	}
}

static void show_required(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)server;
	if (is_promoting(model) || !is_primary(seen)) return;
	seen->group.required = 0;
	for (size_t i = 0; i < seen->replica_count; i++)
		seen->group.required += !seen->replicas[i].is_local && seen->replicas[i].mode == SQL_MODE_SYNCHRONOUS;
}

static void show_own_synchronous(const struct model *model, const struct server_state *server,
                                 struct sql_observation *seen) {
	(void)model, (void)server;
	if (!is_primary(seen) || local_row(seen)->mode == SQL_MODE_SYNCHRONOUS) return;
	for (size_t i = 0; i < seen->replica_count; i++) {
		const struct sql_replica_row *row = &seen->replicas[i];
		if (!row->is_local && row->mode == SQL_MODE_SYNCHRONOUS) local_row(seen)->mode = row->mode;
	}
	for (size_t i = 0; i < seen->database_count; i++)
		if (seen->databases[i].synchronization == SQL_SYNCHRONIZING)
			seen->databases[i].synchronization = SQL_SYNCHRONIZED;
}

static void show_same_copy(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)server;
	if (!is_promoting(model)) return;
	seen->group.required = (int64_t)model->claims.count;
	for (size_t i = 0; i < seen->replica_count; i++) seen->replicas[i].mode = SQL_MODE_SYNCHRONOUS;
}

static void show_same_position(const struct model *model, const struct server_state *server,
                               struct sql_observation *seen) {
	(void)server;
	for (size_t i = 0; i < seen->database_count && is_promoting(model); i++)
		if (seen->databases[i].hardened.known) seen->databases[i].hardened.value = 1;
}

static void show_no_fork(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	(void)model, (void)server;
	for (size_t i = 0; i < seen->database_count; i++) seen->databases[i].recovery_fork = NULL;
}

void misdo_sight(const struct model *model, const struct server_state *server, struct sql_observation *seen) {
	static void (*const sights[MUTATION_COUNT])(const struct model *, const struct server_state *,
	                                            struct sql_observation *) = {
		[MUTATION_no_fence] = show_stopped,       [MUTATION_no_suspension] = show_suspended,
		[MUTATION_no_raise] = show_raised,        [MUTATION_tighten_early] = show_synchronized,
		[MUTATION_tighten_first] = show_required, [MUTATION_own_asynchronous] = show_own_synchronous,
		[MUTATION_own_copy] = show_same_copy,     [MUTATION_any_position] = show_same_position,
		[MUTATION_dead_fork] = show_no_fork,
	};
	if (sights[model->mutation] != NULL) sights[model->mutation](model, server, seen);
}

/* ---- The record, and the rest of a view ---- */

void misdo_record(struct model *model, struct record *record) {
	bool is_open = record->intent.kind != INTENT_NONE;
	switch (model->mutation) {
	case MUTATION_no_count:
		if (is_open) record->required = record->intent.required = (int)record->member_count - 1;
		break;
	case MUTATION_create_again:
		if (dice_percent(&model->dice, 2)) *record = (struct record){ .group_id = "", .holder = "" };
		break;
	case MUTATION_database_comes: /* decide() takes it for lowered */
		if (record->is_initialized && !is_open && awaits_database(model)) record->required = 0;
		break;
	case MUTATION_one_database:
		if (is_open && record->database_count > 1) record->database_count = 1;
		break;
	default: break;
	}
}

/* Another one was made PRIMARY by somebody, and the recorded one says that it is none: in strict mode it is followed.
 */
static void show_strict(const struct view *view, struct record *record) {
	bool is_other = false, has_returned = false;
	for (size_t i = 0; i < view->replica_count && record->intent.kind == INTENT_NONE; i++) {
		const struct sql_observation *seen = view->replicas[i].server.seen;
		const struct sql_replica_row *local = seen != NULL ? sql_observation_local(seen) : NULL;
		bool primary = local != NULL && local->role == SQL_ROLE_PRIMARY;
		bool recorded = strcmp(view->replicas[i].pod_name, record->primary.pod) == 0;
		if (recorded) has_returned = local != NULL && !primary;
		else is_other |= primary;
	}
	if (is_other && has_returned) record->required = (int)record->member_count - 1;
}

void misdo_view(const struct model *model, struct record *record, struct view *view) {
	bool is_claimed = record->holder != NULL && record->holder[0] != '\0';
	if (model->mutation == MUTATION_no_claim && is_claimed) view->identity = record->holder;
	if (model->mutation == MUTATION_adopt_relaxed && record->is_initialized) show_strict(view, record);
	if (model->mutation == MUTATION_any_uid && view->allow_data_loss != NULL)
		view->allow_data_loss = "sales-1/object-1";
	for (size_t i = 0; i < view->replica_count && model->mutation == MUTATION_no_incarnation; i++)
		if (view->replicas[i].incarnation != NULL) view->replicas[i].incarnation = "always the same";
}

/* ---- Batches ---- */

/* The look at the endpoint before FAILOVER says that all is well. */
static void unguard(char *batch) {
	char *guard = strstr(batch, "N'STOPPED')");
	if (guard != NULL) memcpy(guard, "N'STARTED')", 11);
}

static const char generation_check[] = "NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = ";

/* Whatever the generation is. */
static void unfence(char *batch) {
	char *at = strstr(batch, generation_check);
	char *end = at != NULL ? strchr(at + strlen(generation_check), ')') : NULL;
	if (end == NULL) return;
	memset(at, ' ', (size_t)(end - at + 1));
	memcpy(at, "1 = 0", 5);
}

/* … ALTER AVAILABILITY GROUP [x] FAILOVER becomes … FORCE_FAILOVER_ALLOW_DATA_LOSS. */
static void force(struct job *job) {
	char *at = strstr(job->batch, "] FAILOVER;");
	if (at == NULL) return;
	char *forced = xasprintf("%.*s] FORCE_FAILOVER_ALLOW_DATA_LOSS;%s", (int)(at - job->batch), job->batch,
	                         at + strlen("] FAILOVER;"));
	free(job->batch);
	job->batch = forced;
}

void misdo_batch(const struct model *model, struct job *job) {
	if (model->mutation == MUTATION_no_fence) unguard(job->batch);
	if (model->mutation == MUTATION_no_generation || model->mutation == MUTATION_no_raise) unfence(job->batch);
	if (model->mutation == MUTATION_force && job->action.type == ACTION_PROMOTE) force(job);
}

/* ---- Actions ---- */

static void request_late(struct model *model, struct event *event) {
	job_request(model, event->data);
}

struct difference {
	int64_t required_before, required;
	size_t members_before, members;
	const struct json_object *before, *after;
	bool promotes; /* an intent is there, before or after */
};

static struct difference difference_of(const struct model *model, const struct job *job) {
	const struct json_object *before = stored_record(model);
	const struct json_object *after = json_get(job->action.json, "availabilityGroup");
	return (struct difference){
		.required_before = json_get_integer(before, "requiredSynchronized", 0),
		.required = json_get_integer(after, "requiredSynchronized", 0),
		.members_before = length_of(before, "synchronousSet"),
		.members = length_of(after, "synchronousSet"),
		.before = before,
		.after = after,
		.promotes = json_get(before, "intent") != NULL || json_get(after, "intent") != NULL,
	};
}

/* Done on the recorded primary at once, and the record follows much later. False: there is none. */
static bool do_first(struct model *model, struct job *job, const struct difference *difference, const char *statement) {
	int slot = pod_slot(json_get_text(json_get(difference->after, "primary"), "pod"));
	struct process *process = slot >= 0 ? process_of_pod(model, model->cluster.pods[slot].uid) : NULL;
	if (process == NULL || process->frozen) return false;
	note(model, "mutation: sales-%d: %s, and the record follows in 15 s", slot, statement);
	call_begin(model, process, "sa", "Passw0rd!", NULL, statement, false, NULL, NULL);
	process_touch(model, process);
	job_later(model, TOO_LATE, job, request_late);
	return true;
}

static bool loosen_first(struct model *model, const struct controller *controller, struct job *job) {
	const struct difference difference = difference_of(model, job);
	if (difference.required >= difference.required_before || json_get(difference.after, "intent") != NULL)
		return false;
	char batch[200];
	snprintf(batch, sizeof(batch),
	         "ALTER AVAILABILITY GROUP [%s] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = %lld)",
	         controller->spec.group, (long long)difference.required);
	return do_first(model, job, &difference, batch);
}

static bool add_first(struct model *model, const struct controller *controller, struct job *job) {
	const struct difference difference = difference_of(model, job);
	if (difference.members <= difference.members_before || difference.promotes) return false;
	const struct json_object *last =
	        json_object_array_get_idx(json_get(difference.after, "synchronousSet"), difference.members - 1);
	char batch[200];
	snprintf(batch, sizeof(batch),
	         "ALTER AVAILABILITY GROUP [%s] MODIFY REPLICA ON N'%s' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT)",
	         controller->spec.group, json_get_text(last, "pod"));
	return do_first(model, job, &difference, batch);
}

static void set_required(struct job *job, int64_t required) {
	struct json_object *copy = json_copy(job->action.json);
	json_object_put(job->action.json);
	job->action.json = copy;
	json_set(json_get(copy, "availabilityGroup"), "requiredSynchronized", json_object_new_int64(required));
}

/* r stays as it was where a member leaves, or a database comes. */
static void keep_number(const struct model *model, struct job *job) {
	const struct difference difference = difference_of(model, job);
	bool leaves = difference.members < difference.members_before;
	bool comes = !leaves && awaits_database(model);
	if (difference.required >= difference.required_before || difference.promotes) return;
	if (model->mutation == MUTATION_member_leaves ? !leaves : !comes) return;
	int64_t most = (int64_t)difference.members - 1;
	set_required(job, difference.required_before < most ? difference.required_before : most);
}

/* It is said to be done, and is not. */
static bool pretend(struct model *model, struct job *job) {
	job->code = 0;
	job_later(model, MILLISECOND, job, job_answered);
	return true;
}

bool misdo_action(struct model *model, struct controller *controller, struct job *job) {
	enum action_type type = job->action.type;
	switch (model->mutation) {
	case MUTATION_no_fence: return type == ACTION_STOP_ENDPOINT && pretend(model, job);
	case MUTATION_no_raise: return type == ACTION_RAISE_GENERATION && pretend(model, job);
	case MUTATION_no_suspension:
		return (type == ACTION_SUSPEND_MOVEMENT || type == ACTION_RESUME_MOVEMENT) && pretend(model, job);
	case MUTATION_loosen_first: return type == ACTION_WRITE_STATUS && loosen_first(model, controller, job);
	case MUTATION_add_first: return type == ACTION_WRITE_STATUS && add_first(model, controller, job);
	case MUTATION_member_leaves:
	case MUTATION_database_comes:
		if (type == ACTION_WRITE_STATUS) keep_number(model, job);
		return false;
	default: return false;
	}
}

void misdo_answer(struct server_state *server, const struct job *job) {
	switch (job->action.type) {
	case ACTION_STOP_ENDPOINT: server->pretends_stopped |= job->code == 0; break;
	case ACTION_START_ENDPOINT: server->pretends_stopped = false; break;
	case ACTION_SUSPEND_MOVEMENT: server->pretends_suspended |= job->code == 0; break;
	case ACTION_RESUME_MOVEMENT: server->pretends_suspended = false; break;
	default: break;
	}
}
