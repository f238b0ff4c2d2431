#include "controller/decide/record.h"

#include <string.h>

#include "api/group_status.h"
#include "base/clock.h"
#include "base/json.h"

static const char *or_empty(const char *text) {
	return text != NULL ? text : "";
}

static bool same(const char *a, const char *b) {
	return strcmp(or_empty(a), or_empty(b)) == 0;
}

static const char *const intent_words[] = { [INTENT_FAILOVER] = GROUP_FAILOVER, [INTENT_HAND_OVER] = GROUP_HAND_OVER };

/* ---- reading ---- */

/* What of status the record is in. */
struct recorded {
	const struct group_record *group;
	group_failover_list failovers;
};
static const struct field recorded_fields[] = {
	{ MEMBER(struct recorded, "availabilityGroup", group), .type = FIELD_OBJECT, .schema = &group_record_schema },
	{ MEMBER(struct recorded, "failovers", failovers), .type = FIELD_LIST, AT_MOST(HISTORY_MAX),
	  LIST_ITEM(.type = FIELD_OBJECT, .schema = &group_failover_schema) },
	{ 0 },
};
static const struct schema recorded_schema = { .size = sizeof(struct recorded), .fields = recorded_fields };

/* The two members of status alone: a field below them that we do not know is refused, since a later agkeeper may have
 * meant something by it. */
static int decode(const struct json_object *status, struct arena *arena, struct recorded *recorded,
                  struct error **err) {
	cleanup_json struct json_object *members = json_object_new_object();
	for (const struct field *field = recorded_fields; field->name != NULL; field++) {
		struct json_object *value = json_get(status, field->name);
		if (value != NULL) json_set(members, field->name, json_object_get(value));
	}
	cleanup_findings struct findings findings = { 0 };
	schema_decode(&recorded_schema, members, "status", recorded, arena, UNKNOWN_REPORT, &findings);
	if (findings.count == 0) return 0;
	return error_set(err, ERROR_INVALID, "%s: %s", findings.items[0].path, findings.items[0].body);
}

static void read_intent(const struct group_intent *intent, struct intent *read) {
	read->kind = same(intent->kind, GROUP_HAND_OVER) ? INTENT_HAND_OVER : INTENT_FAILOVER;
	read->target = or_empty(intent->target);
	read->wanted = or_empty(intent->wanted);
	read->reason = or_empty(intent->reason);
	read->message = or_empty(intent->message);
	read->started_us = clock_parse_micro_time(intent->started_at);
	read->required = (int)intent->required_synchronized.value;
	read->forces = intent->forces.value;
}

static void read_group(const struct group_record *group, struct arena *arena, struct record *record) {
	record->is_initialized = group->initialized.value;
	record->group_id = or_empty(group->group_id);
	record->epoch = group->epoch.value;
	record->generation = group->generation.value;
	record->holder = or_empty(group->holder);
	if (group->primary != NULL)
		record->primary = (struct member){ group->primary->pod, group->primary->incarnation };
	record->member_count = group->synchronous_set.count;
	for (size_t i = 0; i < record->member_count; i++) {
		const struct group_member *member = &group->synchronous_set.items[i];
		record->members[i] = (struct member){ member->pod, member->incarnation };
	}
	record->required = (int)group->required_synchronized.value;
	record->database_count = group->databases.count;
	record->databases = arena_calloc(arena, record->database_count, sizeof(*record->databases));
	for (size_t i = 0; i < record->database_count; i++) {
		const struct group_database *database = &group->databases.items[i];
		record->databases[i] = (struct recorded_database){ database->name, database->id };
	}
	if (group->intent != NULL) read_intent(group->intent, &record->intent);
}

static void read_failovers(const group_failover_list *failovers, struct record *record) {
	record->failover_count = failovers->count;
	for (size_t i = 0; i < failovers->count; i++) {
		const struct group_failover *row = &failovers->items[i];
		record->failovers[i] = (struct failover_row){
			.from = or_empty(row->from),
			.to = or_empty(row->to),
			.reason = or_empty(row->reason),
			.kind = row->kind,
			.started_us = clock_parse_micro_time(row->started_at),
			.finished_us = clock_parse_micro_time(row->finished_at),
			.lost_nothing = same(row->rows_at_risk, ROWS_AT_RISK_NONE),
		};
	}
}

/* What no record of ours says, though each of its fields may. */
static int check(const struct record *record, struct error **err) {
	if (*record->primary.pod != '\0' && record_find(record, record->primary.pod, record->primary.incarnation) < 0) {
		return error_set(
		        err, ERROR_INVALID,
		        "status.availabilityGroup.synchronousSet: must hold the primary, %s with incarnation %s",
		        record->primary.pod, record->primary.incarnation);
	}
	int others = record->member_count > 0 ? (int)record->member_count - 1 : 0;
	if (record->required <= others) return 0;
	return error_set(
	        err, ERROR_INVALID,
	        "status.availabilityGroup.requiredSynchronized: Invalid value: %d: must be less than the number "
	        "of members of synchronousSet, which is %zu",
	        record->required, record->member_count);
}

int record_read(const struct json_object *status, struct arena *arena, struct record *record, struct error **err) {
	*record = (struct record){
		.group_id = "",
		.holder = "",
		.primary = { "", "" },
		.intent = { .target = "", .wanted = "", .reason = "", .message = "" },
	};
	if (status != NULL && !json_object_is_type(status, json_type_object)) {
		return error_set(err, ERROR_INVALID, "status: must be an object");
	}
	struct recorded recorded = { 0 };
	if (decode(status, arena, &recorded, err) < 0) return -1;
	read_failovers(&recorded.failovers, record);
	if (recorded.group == NULL) return 0;
	read_group(recorded.group, arena, record);
	return check(record, err);
}

/* ---- writing ---- */

/* Servers of 1.20 refuse some objects over "": what is empty is left out. */
static void set_text(struct json_object *object, const char *key, const char *text) {
	if (*or_empty(text) != '\0') json_set_text(object, key, text);
}

static void set_int(struct json_object *object, const char *key, int64_t value) {
	json_set(object, key, json_object_new_int64(value));
}

static void set_bool(struct json_object *object, const char *key, bool value) {
	json_set(object, key, json_object_new_boolean(value));
}

static void set_micro_time(struct json_object *object, const char *key, int64_t microseconds) {
	char buffer[CLOCK_RFC3339_SIZE];
	json_set_text(object, key, clock_format_micro_time(microseconds, buffer));
}

static struct json_object *member_json(const struct member *member) {
	struct json_object *json = json_object_new_object();
	set_text(json, "pod", member->pod);
	set_text(json, "incarnation", member->incarnation);
	return json;
}

static struct json_object *intent_json(const struct intent *intent) {
	struct json_object *json = json_object_new_object();
	json_set_text(json, "kind", intent_words[intent->kind]);
	set_text(json, "target", intent->target);
	set_text(json, "wanted", intent->wanted);
	set_text(json, "reason", intent->reason);
	set_text(json, "message", intent->message);
	set_micro_time(json, "startedAt", intent->started_us);
	set_int(json, "requiredSynchronized", intent->required);
	if (intent->forces) set_bool(json, "forces", true);
	return json;
}

static struct json_object *databases_json(const struct record *record) {
	struct json_object *databases = json_object_new_array();
	for (size_t i = 0; i < record->database_count; i++) {
		struct json_object *json = json_object_new_object();
		set_text(json, "name", record->databases[i].name);
		set_text(json, "id", record->databases[i].id);
		json_object_array_add(databases, json);
	}
	return databases;
}

static struct json_object *group_json(const struct record *record) {
	struct json_object *json = json_object_new_object();
	set_bool(json, "initialized", record->is_initialized);
	set_text(json, "groupID", record->group_id);
	set_int(json, "epoch", record->epoch);
	set_int(json, "generation", record->generation);
	set_text(json, "holder", record->holder);
	if (*or_empty(record->primary.pod) != '\0') json_set(json, "primary", member_json(&record->primary));
	struct json_object *members = json_object_new_array();
	for (size_t i = 0; i < record->member_count; i++) {
		json_object_array_add(members, member_json(&record->members[i]));
	}
	json_set(json, "synchronousSet", members);
	set_int(json, "requiredSynchronized", record->required);
	json_set(json, "databases", databases_json(record));
	if (record->intent.kind != INTENT_NONE) json_set(json, "intent", intent_json(&record->intent));
	return json;
}

static struct json_object *failover_json(const struct failover_row *row) {
	struct json_object *json = json_object_new_object();
	set_text(json, "from", row->from);
	set_text(json, "to", row->to);
	set_text(json, "kind", row->kind);
	set_text(json, "reason", row->reason);
	set_micro_time(json, "startedAt", row->started_us);
	set_micro_time(json, "finishedAt", row->finished_us);
	int64_t tenths = (row->finished_us - row->started_us + 50000) / 100000;
	if (tenths < 0) tenths = 0; /* a wall clock that was set back */
	cleanup_free char *seconds = xasprintf("%lld.%lld", (long long)(tenths / 10), (long long)(tenths % 10));
	json_set_text(json, "seconds", seconds);
	json_set_text(json, "rowsAtRisk", row->lost_nothing ? ROWS_AT_RISK_NONE : ROWS_AT_RISK_UNKNOWN);
	return json;
}

static bool is_empty(const struct record *record) {
	return !record->is_initialized && record->epoch == 0 && record->generation == 0 && record->required == 0 &&
	       record->member_count == 0 && record->database_count == 0 && record->intent.kind == INTENT_NONE &&
	       same(record->group_id, "") && same(record->holder, "") && same(record->primary.pod, "");
}

void record_write(const struct record *record, struct json_object *status) {
	json_object_object_del(status, "availabilityGroup");
	json_object_object_del(status, "primaryReplica");
	json_object_object_del(status, "failovers");
	if (!is_empty(record)) json_set(status, "availabilityGroup", group_json(record));
	set_text(status, "primaryReplica", record->primary.pod);
	if (record->failover_count == 0) return;
	struct json_object *failovers = json_object_new_array();
	for (size_t i = 0; i < record->failover_count; i++) {
		json_object_array_add(failovers, failover_json(&record->failovers[i]));
	}
	json_set(status, "failovers", failovers);
}

/* ---- comparing ---- */

static bool same_member(const struct member *a, const struct member *b) {
	return same(a->pod, b->pod) && same(a->incarnation, b->incarnation);
}

static bool same_intent(const struct intent *a, const struct intent *b) {
	if (a->kind == INTENT_NONE || b->kind == INTENT_NONE) return a->kind == b->kind;
	return a->kind == b->kind && same(a->target, b->target) && same(a->wanted, b->wanted) &&
	       same(a->reason, b->reason) && same(a->message, b->message) && a->started_us == b->started_us &&
	       a->required == b->required && a->forces == b->forces;
}

static bool same_failover(const struct failover_row *a, const struct failover_row *b) {
	return same(a->from, b->from) && same(a->to, b->to) && same(a->reason, b->reason) && same(a->kind, b->kind) &&
	       a->started_us == b->started_us && a->finished_us == b->finished_us && a->lost_nothing == b->lost_nothing;
}

bool record_equal(const struct record *a, const struct record *b) {
	if (a->is_initialized != b->is_initialized || !same(a->group_id, b->group_id) || a->epoch != b->epoch ||
	    a->generation != b->generation || !same(a->holder, b->holder) || !same_member(&a->primary, &b->primary) ||
	    a->required != b->required || !same_intent(&a->intent, &b->intent) || a->member_count != b->member_count ||
	    a->database_count != b->database_count || a->failover_count != b->failover_count)
		return false;
	for (size_t i = 0; i < a->member_count; i++) {
		if (!same_member(&a->members[i], &b->members[i])) return false;
	}
	for (size_t i = 0; i < a->database_count; i++) {
		if (!same(a->databases[i].name, b->databases[i].name) || !same(a->databases[i].id, b->databases[i].id))
			return false;
	}
	for (size_t i = 0; i < a->failover_count; i++) {
		if (!same_failover(&a->failovers[i], &b->failovers[i])) return false;
	}
	return true;
}

/* ---- changing ---- */

int record_find(const struct record *record, const char *pod, const char *incarnation) {
	for (size_t i = 0; i < record->member_count; i++) {
		if (!same(record->members[i].pod, pod)) continue;
		return incarnation == NULL || same(record->members[i].incarnation, incarnation) ? (int)i : -1;
	}
	return -1;
}

void record_add_member(struct record *record, const struct member *member) {
	int place = record_find(record, member->pod, NULL);
	if (place >= 0) {
		record->members[place] = *member;
		return;
	}
	if (record->member_count == REPLICAS_MAX) return;
	record->members[record->member_count++] = *member;
}

void record_remove_member(struct record *record, const char *pod) {
	int place = record_find(record, pod, NULL);
	if (place < 0) return;
	record->member_count--;
	memmove(&record->members[place], &record->members[place + 1],
	        (record->member_count - (size_t)place) * sizeof(record->members[0]));
}

void record_add_failover(struct record *record, const struct failover_row *row) {
	if (record->failover_count < HISTORY_MAX) record->failover_count++;
	memmove(&record->failovers[1], &record->failovers[0],
	        (record->failover_count - 1) * sizeof(record->failovers[0]));
	record->failovers[0] = *row;
}
