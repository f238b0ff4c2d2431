/* What a replica holds, and what its configuration guarantees. */
#include <string.h>

#include "controller/decide/promotion.h"

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

const struct sql_database_row *copy_of(const struct replica_view *replica, const char *group_database_id) {
	const struct sql_observation *seen = replica->server.seen;
	for (size_t i = 0; seen != NULL && i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (row->is_local && same(row->group_database_id, group_database_id)) return row;
	}
	return NULL;
}

static bool is_recorded(const struct record *record, const char *group_database_id) {
	for (size_t i = 0; i < record->database_count; i++)
		if (same(record->databases[i].id, group_database_id)) return true;
	return record->database_count >= RECORD_DATABASES_MAX;
}

const char *unrecorded_database(const struct deciding *deciding, const struct replica_view *primary) {
	const struct sql_observation *seen = primary->server.seen;
	for (size_t i = 0; seen != NULL && i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (!row->is_local || row->group_database_id == NULL) continue;
		if (!is_recorded(deciding->record, row->group_database_id)) return row->name != NULL ? row->name : "?";
	}
	return NULL;
}

bool is_complete(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->record->database_count; i++) {
		const struct sql_database_row *copy = copy_of(replica, deciding->record->databases[i].id);
		if (copy == NULL || !copy->hardened.known) return false;
	}
	return true;
}

bool is_fenced(const struct deciding *deciding, const struct replica_view *replica) {
	if (!deciding->servers_are_ours || !answers(deciding, replica) || replica->server.is_busy) return false;
	const struct sql_instance_row *instance = &replica->server.seen->instance;
	return instance->generation == deciding->record->generation && instance->endpoint == SQL_ENDPOINT_STOPPED &&
	       replica->server.loose_generation < deciding->record->generation;
}

static enum standing standing_in(const struct sql_database_row *copy, const struct sql_database_row *other) {
	if (copy == NULL || other == NULL || !copy->hardened.known || !other->hardened.known) return STANDING_APART;
	if (copy->recovery_fork != NULL && other->recovery_fork != NULL &&
	    strcmp(copy->recovery_fork, other->recovery_fork) != 0)
		return STANDING_APART;
	if (copy->hardened.value == other->hardened.value) return STANDING_EQUAL;
	return copy->hardened.value > other->hardened.value ? STANDING_AHEAD : STANDING_BEHIND;
}

/* A target led, on one fork with everybody who counted, when it was chosen. It may have been PRIMARY for a moment since
 * and begun a fork of its own: whoever has no more than what lies before that has nothing that the target lacks. */
static enum standing standing_of_fork(const struct sql_database_row *target, const struct sql_database_row *other) {
	bool is_before = target != NULL && other != NULL && target->fork_point.known && other->hardened.known &&
	                 other->hardened.value <= target->fork_point.value;
	return is_before ? STANDING_AHEAD : STANDING_APART;
}

enum standing standing_of(const struct deciding *deciding, const struct replica_view *replica,
                          const struct replica_view *other) {
	enum standing standing = STANDING_EQUAL;
	bool is_target = same(replica->pod_name, deciding->record->intent.target);
	for (size_t i = 0; i < deciding->record->database_count; i++) {
		const char *id = deciding->record->databases[i].id;
		const struct sql_database_row *copy = copy_of(replica, id), *others = copy_of(other, id);
		enum standing here = standing_in(copy, others);
		if (here == STANDING_APART && is_target) here = standing_of_fork(copy, others);
		if (here == STANDING_APART) return STANDING_APART;
		if (here == STANDING_EQUAL || here == standing) continue;
		standing = standing == STANDING_EQUAL ? here : STANDING_MIXED;
	}
	return standing;
}

bool is_member(const struct record *record, const struct replica_view *replica) {
	return replica != NULL && replica->incarnation != NULL &&
	       record_find(record, replica->pod_name, replica->incarnation) >= 0;
}

bool is_strict(const struct record *record) {
	return record->member_count > 1 && record->required >= (int)record->member_count - 1;
}

int promised(const struct record *record) {
	const struct intent *intent = &record->intent;
	return intent->kind != INTENT_NONE && intent->target[0] != '\0' ? intent->required : record->required;
}

/* An asynchronous primary commits asynchronously to everybody (SQL Server's documentation of availability modes); one
 * whose configuration counts others than members waits for those instead, at worst. */
int required_by(const struct record *record, const struct replica_view *replica) {
	const struct sql_observation *seen = replica->server.seen;
	const struct sql_replica_row *local = sql_observation_local(seen);
	if (local == NULL || local->mode != SQL_MODE_SYNCHRONOUS) return 0;
	int64_t required = seen->group.required;
	for (size_t i = 0; i < seen->replica_count; i++) {
		const struct sql_replica_row *row = &seen->replicas[i];
		if (row->is_local || row->mode != SQL_MODE_SYNCHRONOUS) continue;
		if (record_find(record, row->server, NULL) < 0) required--;
	}
	return required > 0 ? (int)required : 0;
}
