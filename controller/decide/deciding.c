#include "controller/decide/deciding.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static bool same(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

const struct attempt *attempt_of(const struct view *view, enum action_type type, const char *pod, const char *peer) {
	for (size_t i = 0; i < view->attempt_count; i++) {
		const struct attempt *attempt = &view->attempts[i];
		if (attempt->type == type && same(attempt->pod, pod) && same(attempt->peer, peer)) return attempt;
	}
	return NULL;
}

/* Whether the same failed so shortly ago that it is not its time yet: then the plan looks again when it is. */
static bool waits(struct deciding *deciding, const struct action *action) {
	const char *peer = action->peer != NULL ? action->peer : action->text;
	const struct attempt *attempt = attempt_of(deciding->view, action->type, action->pod, peer);
	if (attempt == NULL || attempt->next_at <= deciding->view->now) return false;
	plan_look(deciding->plan, attempt->next_at - deciding->view->now);
	return true;
}

static bool is_planned(const struct plan *plan, enum action_target target, const char *pod) {
	for (size_t i = 0; i < plan->count; i++) {
		const struct action *action = &plan->actions[i];
		if (action_rows[action->type].target == target && same(action->pod, pod)) return true;
	}
	return false;
}

bool change_api(struct deciding *deciding, const struct action *action) {
	if (waits(deciding, action)) {
		json_object_put(action->json);
		return false;
	}
	plan_add(deciding->plan, action);
	return true;
}

bool claim_server(struct deciding *deciding, const struct replica_view *replica) {
	if (replica->server.seen == NULL || replica->server.is_busy ||
	    is_planned(deciding->plan, TARGET_SERVER, replica->pod_name))
		return false;
	if (!deciding->servers_are_ours) {
		deciding->wants_generation = true;
		return false;
	}
	int64_t there = replica->server.seen->instance.generation;
	if (there == deciding->record->generation) return true;
	if (there > deciding->record->generation) {
		/* Somebody who was recorded later than what we look at has been here, and our own look is late: then
		 * the write below fails. Or the record is younger than the servers, which come from a group of the same
		 * name over the same volumes: then it goes on from where they are. */
		if (there > deciding->newest_generation) deciding->newest_generation = there;
		plan_look(deciding->plan, 500);
		return false;
	}
	const struct action raise = { .type = ACTION_RAISE_GENERATION,
		                      .pod = replica->pod_name,
		                      .number = deciding->record->generation,
		                      .reason = "before changes of this leader" };
	if (!waits(deciding, &raise)) plan_add(deciding->plan, &raise);
	return false;
}

bool change_server(struct deciding *deciding, const struct replica_view *replica, const struct action *action) {
	struct action change = *action;
	change.pod = replica->pod_name;
	enum action_session session = action_rows[action->type].session;
	if (replica->server.is_busy || is_planned(deciding->plan, TARGET_SERVER, replica->pod_name)) return false;
	if (session != SESSION_ADMINISTRATOR && replica->server.seen == NULL) return false;
	if (waits(deciding, &change)) return false;
	if (session == SESSION_FENCED && !claim_server(deciding, replica)) return false;
	plan_add(deciding->plan, &change);
	return true;
}

void say(struct deciding *deciding, bool warning, const char *reason, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *note = xvasprintf(format, args);
	va_end(args);
	plan_add(deciding->plan,
	         &(struct action){ .type = ACTION_EVENT, .text = reason, .note = note, .number = warning ? 1 : 0 });
}

static uint64_t hash(uint64_t state, const char *text) { /* FNV-1a */
	do state = (state ^ (unsigned char)*text) * 0x100000001b3U;
	while (*text++ != '\0');
	return state;
}

bool is_untold(struct deciding *deciding, const char *about, const char *words) {
	struct scratch *scratch = deciding->scratch;
	uint64_t digest = hash(hash(0xcbf29ce484222325U, about), words);
	for (size_t i = 0; i < ARRAY_LENGTH(scratch->told); i++) {
		if (scratch->told[i] == digest) return false;
	}
	scratch->told[scratch->told_count++ % ARRAY_LENGTH(scratch->told)] = digest;
	return true;
}

static void add_finding(struct deciding *deciding, const char *condition, bool is_true, const char *reason,
                        const char *message) {
	if (deciding->finding_count == ARRAY_LENGTH(deciding->findings)) return;
	struct finding_row *row = &deciding->findings[deciding->finding_count++];
	row->condition = condition;
	row->is_true = is_true;
	row->reason = reason;
	row->message = plan_text(deciding->plan, "%s", message);
}

void find(struct deciding *deciding, const char *condition, bool is_true, const char *reason, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *message = xvasprintf(format, args);
	va_end(args);
	add_finding(deciding, condition, is_true, reason, message);
}

/* ---- Conditions as they are stored ---- */

static const struct json_object *stored_condition(const struct deciding *deciding, const char *type) {
	const struct json_object *conditions = json_get_path(deciding->view->object, "status", "conditions", NULL);
	if (!json_object_is_type(conditions, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		if (same(json_get_text(condition, "type"), type)) return condition;
	}
	return NULL;
}

bool condition_is_stored(const struct deciding *deciding, const char *condition, const char *status) {
	return same(json_get_text(stored_condition(deciding, condition), "status"), status);
}

static bool same_subject(const char *stored, const char *message) {
	if (stored == NULL) return false;
	size_t length = strcspn(message, ":");
	return length == strcspn(stored, ":") && strncmp(stored, message, length) == 0;
}

static bool is_news(const struct deciding *deciding, const char *type, bool is_true, const char *reason,
                    const char *message) {
	if (is_true) return condition_is_stored(deciding, type, "False");
	const struct json_object *stored = stored_condition(deciding, type);
	return !condition_is_stored(deciding, type, "False") || !same(json_get_text(stored, "reason"), reason) ||
	       !same_subject(json_get_text(stored, "message"), message);
}

void find_news(struct deciding *deciding, bool warning, const char *condition, bool is_true, const char *reason,
               const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *message = xvasprintf(format, args);
	va_end(args);
	add_finding(deciding, condition, is_true, reason, message);
	if (is_news(deciding, condition, is_true, reason, message)) say(deciding, warning, reason, "%s", message);
}

/* ---- What the primary knows of the others ---- */

const struct sql_replica_row *peer_row(const struct replica_view *primary, const char *pod) {
	if (primary == NULL || primary->server.seen == NULL) return NULL;
	const struct sql_observation *seen = primary->server.seen;
	for (size_t i = 0; i < seen->replica_count; i++) {
		if (strcmp(seen->replicas[i].server, pod) == 0) return &seen->replicas[i];
	}
	return NULL;
}

static const struct sql_database_row *row_of(const struct sql_observation *seen, const char *replica_id,
                                             const char *database_id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (same(row->replica_id, replica_id) && same(row->group_database_id, database_id)) return row;
	}
	return NULL;
}

static bool is_at_least(const struct sql_database_row *row, enum sql_synchronization state) {
	if (row->is_suspended) return false;
	if (state == SQL_SYNCHRONIZING && row->synchronization == SQL_SYNCHRONIZING) return true;
	return row->synchronization == SQL_SYNCHRONIZED;
}

bool peer_databases_are(const struct deciding *deciding, const char *pod, enum sql_synchronization state) {
	const struct sql_replica_row *replica = peer_row(deciding->primary, pod);
	if (replica == NULL) return false;
	for (size_t i = 0; i < deciding->record->database_count; i++) {
		const struct sql_database_row *row =
		        row_of(deciding->primary->server.seen, replica->replica_id, deciding->record->databases[i].id);
		if (row == NULL || !is_at_least(row, state)) return false;
	}
	return true;
}

enum sql_role role_of(const struct replica_view *replica) {
	if (replica == NULL || replica->server.seen == NULL) return SQL_ROLE_UNKNOWN;
	const struct sql_replica_row *local = sql_observation_local(replica->server.seen);
	return local != NULL ? (enum sql_role)local->role : SQL_ROLE_UNKNOWN;
}
