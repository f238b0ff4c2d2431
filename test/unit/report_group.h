/* A small group of three for tests of the report: made well, then spoilt by the test; each pass writes its status into
 * the object, as the API server would. */
#ifndef TEST_UNIT_REPORT_GROUP_H
#define TEST_UNIT_REPORT_GROUP_H
#include "judge.h"

#include "base/file.h"
#include "controller/decide/deciding.h"

static const char sqlag[] = "apiVersion: sql.mssql.microsoft.com/v1alpha1\n"
                            "kind: SQLServerAvailabilityGroup\n"
                            "metadata: {name: s, namespace: demo, uid: u, generation: 3,\n"
                            "           creationTimestamp: '2026-11-22T04:00:00Z'}\n"
                            "spec: {agName: AG1, databases: [orders], automaticFailover: {},\n"
                            "       replicas: [{name: a}, {name: b}, {name: c}]}\n";
static const char mssqlserver[] = "apiVersion: kubedb.com/v1alpha2\n"
                                  "kind: MSSQLServer\n"
                                  "metadata: {name: s, namespace: demo, uid: u, generation: 3,\n"
                                  "           creationTimestamp: '2026-11-22T04:00:00Z'}\n"
                                  "spec:\n"
                                  "  version: '2022'\n"
                                  "  replicas: 3\n"
                                  "  topology: {mode: AvailabilityGroup, availabilityGroup: {databases: [orders]}}\n"
                                  "  storage: {resources: {requests: {storage: 10Gi}}}\n";
static const char standalone[] = "apiVersion: kubedb.com/v1alpha2\n"
                                 "kind: MSSQLServer\n"
                                 "metadata: {name: s, namespace: demo, uid: u, generation: 3}\n"
                                 "spec: {version: '2022', replicas: 1,\n"
                                 "       storage: {resources: {requests: {storage: 10Gi}}}}\n";

enum { REPLICAS = 3 };
#define GIBIBYTE (INT64_C(1) << 30)

/* ---- the group ---- */

struct answer {
	struct sql_observation seen;
	struct sql_replica_row replicas[REPLICAS];
	struct sql_database_row databases[REPLICAS];
	struct sql_volume_row volume;
};

struct group {
	struct json_object *object;
	struct spec spec;
	struct recorded_database database;
	struct record record, next;
	struct view view;
	struct answer answers[REPLICAS];
	struct scratch scratch;
	enum group_state state;
	const char *blocked, *lost_message;
	size_t finding_count;
	struct finding_row findings[4];
	bool is_primary_seen;
	/* Of the last pass. */
	struct plan plan;
	bool has_written;
};

static const char *const pods[REPLICAS] = { "s-0", "s-1", "s-2" };
static const char *const ids[REPLICAS] = { "id-0", "id-1", "id-2" };

static void answer(struct group *group, size_t place, size_t primary) {
	struct answer *answer = &group->answers[place];
	bool is_primary = place == primary;
	*answer = (struct answer){ .volume = { "", 10 * GIBIBYTE, 8 * GIBIBYTE } };
	answer->seen = (struct sql_observation){ .instance = { .server = pods[place], .start_time = "1" },
		                                 .has_group = group->spec.is_group,
		                                 .group = { .group_id = "g" },
		                                 .replicas = answer->replicas,
		                                 .databases = answer->databases,
		                                 .volumes = &answer->volume,
		                                 .volume_count = 1 };
	if (!group->spec.is_group) return;
	for (size_t i = 0; i < REPLICAS; i++) {
		if (i != place && !is_primary) continue;
		answer->replicas[answer->seen.replica_count++] = (struct sql_replica_row){
			.replica_id = ids[i],
			.server = pods[i],
			.is_local = i == place,
			.role = i == primary ? SQL_ROLE_PRIMARY : SQL_ROLE_SECONDARY,
			.connected = SQL_CONNECTED,
		};
		answer->databases[answer->seen.database_count++] = (struct sql_database_row){
			.name = "orders",
			.group_database_id = "d",
			.replica_id = ids[i],
			.is_local = i == place,
			.synchronization = SQL_SYNCHRONIZED,
			.hardened = { .known = true, .value = 37000000012300001 },
			.secondary_lag_seconds = i == primary ? -1 : 0,
		};
	}
	group->view.replicas[place].server.seen = &answer->seen;
}

static void pod(struct group *group, size_t place, size_t primary) {
	struct replica_view *replica = &group->view.replicas[place];
	replica->spec = &group->spec.replicas[place];
	replica->pod_name = pods[place];
	replica->incarnation = ids[place];
	replica->pod = (struct pod_view){ .exists = true,
		                          .uid = ids[place],
		                          .is_ready = true,
		                          .is_running = true,
		                          .is_current = true,
		                          .is_ours = true };
	replica->pod.role_label = place == primary ? group->spec.primary_label : group->spec.replicas[place].role_label;
	replica->server = (struct server_view){ .seen = &group->answers[place].seen, .is_bootstrapped = true };
	answer(group, place, primary);
}

/* Well, steady, and nothing written yet. */
static void group_new(struct group *group, const char *yaml, const char *change) {
	memset(group, 0, sizeof(*group));
	group->object = judge_yaml(yaml);
	if (change != NULL) {
		cleanup_json struct json_object *patch = judge_yaml(change);
		group->object = judge_merge(group->object, patch);
	}
	cleanup_error struct error *err = NULL;
	if (spec_read(group->object, &group->spec, &err) < 0) fail_msg("%s", err->message);
	group->view = (struct view){ .now = 1000000,
		                     .wall_us = INT64_C(1795341600000000),
		                     .identity = "agkeeper-0",
		                     .spec = &group->spec,
		                     .record = &group->record,
		                     .has_finalizer = true,
		                     .has_image = true,
		                     .replica_count = group->spec.replica_count };
	for (size_t i = 0; i < group->spec.replica_count; i++) pod(group, i, 0);
	if (!group->spec.is_group) return;
	group->is_primary_seen = true;
	group->state = GROUP_STEADY;
	group->database = (struct recorded_database){ "orders", "d" };
	group->record = (struct record){ .is_initialized = true,
		                         .group_id = "g",
		                         .epoch = 1,
		                         .generation = 1,
		                         .holder = "agkeeper-0",
		                         .primary = { "s-0", "id-0" },
		                         .member_count = REPLICAS,
		                         .members = { { "s-0", "id-0" }, { "s-1", "id-1" }, { "s-2", "id-2" } },
		                         .required = 2,
		                         .databases = &group->database,
		                         .database_count = 1 };
	group->next = group->record;
}

static void group_free(struct group *group) {
	plan_free(&group->plan);
	spec_free(&group->spec);
	json_object_put(group->object);
}
#define cleanup_group __attribute__((cleanup(group_free)))

/* Debian's 1.20.2 refuses custom resources with an empty text. */
static void assert_no_empty_text(const struct json_object *json) {
	if (json_object_is_type(json, json_type_string)) {
		assert_int_not_equal(json_object_get_string_len(json), 0);
	} else if (json_object_is_type(json, json_type_object)) {
		json_object_object_foreach((struct json_object *)json, key, value) {
			if (value == NULL) fail_msg("%s is null", key);
			assert_no_empty_text(value);
		}
	} else if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++) {
			assert_no_empty_text(json_object_array_get_idx(json, i));
		}
	}
}

static void assert_allowed(const struct group *group, const struct json_object *status) {
	cleanup_json struct json_object *object = json_object_new_object();
	json_set(object, "status", json_copy(status));
	cleanup_findings struct findings findings = { 0 };
	cleanup_arena struct arena arena = { 0 };
	const struct schema *schema = group->spec.kind->schema;
	schema_decode(schema, object, "", arena_alloc(&arena, schema->size), &arena, UNKNOWN_REPORT, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		if (strcmp(findings.items[i].path, "spec") == 0) continue; /* it has none */
		fail_msg("%s: %s", findings.items[i].path, findings.items[i].body);
	}
	assert_no_empty_text(status);
}

/* One decision, half a second after the last. */
static void look(struct group *group) {
	plan_free(&group->plan);
	group->view.now += 500;
	group->view.wall_us += 500000;
	group->view.object = group->object;
	struct deciding deciding = { .view = &group->view,
		                     .spec = &group->spec,
		                     .record = &group->record,
		                     .scratch = &group->scratch,
		                     .plan = &group->plan,
		                     .next = group->next,
		                     .state = group->state,
		                     .blocked = group->blocked,
		                     .lost_message = group->lost_message,
		                     .finding_count = group->finding_count };
	memcpy(deciding.findings, group->findings, sizeof(group->findings));
	const struct replica_view *primary = view_find(&group->view, group->record.primary.pod);
	if (group->is_primary_seen && primary != NULL && primary->server.seen != NULL) deciding.primary = primary;
	report_decide(&deciding);
}

static const struct action *written(const struct group *group) {
	for (size_t i = 0; i < group->plan.count; i++) {
		if (group->plan.actions[i].type == ACTION_WRITE_STATUS) return &group->plan.actions[i];
	}
	return NULL;
}

/* … and what it writes is stored. True: it wrote. */
static bool pass(struct group *group) {
	look(group);
	const struct action *action = written(group);
	if (action == NULL) return false;
	assert_allowed(group, action->json);
	/* As etcd gives it back: other objects, other integers. */
	cleanup_free char *text = json_to_text(action->json);
	struct json_object *status = NULL;
	assert_int_equal(json_parse(text, strlen(text), &status, NULL), 0);
	json_set(group->object, "status", status);
	group->record = group->next;
	return true;
}

static const struct json_object *status_of(const struct group *group) {
	return json_get(group->object, "status");
}

static const struct json_object *condition(const struct group *group, const char *type) {
	const struct json_object *conditions = json_get(status_of(group), "conditions");
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		const struct json_object *row = json_object_array_get_idx(conditions, i);
		if (strcmp(json_get_text(row, "type"), type) == 0) return row;
	}
	return NULL;
}

static void assert_condition(const struct group *group, const char *type, const char *status, const char *reason) {
	const struct json_object *row = condition(group, type);
	if (row == NULL) fail_msg("no condition %s", type);
	if (strcmp(json_get_text(row, "status"), status) != 0 || strcmp(json_get_text(row, "reason"), reason) != 0) {
		fail_msg("%s is %s (%s: %s), not %s (%s)", type, json_get_text(row, "status"),
		         json_get_text(row, "reason"), json_get_text(row, "message"), status, reason);
	}
}

static const char *message_of(const struct group *group, const char *type) {
	return json_get_text(condition(group, type), "message");
}

static void assert_says(const struct group *group, const char *type, const char *words) {
	const char *message = message_of(group, type);
	if (strstr(message, words) == NULL) fail_msg("%s says \"%s\", not \"%s\"", type, message, words);
}

static const struct json_object *row_of(const struct group *group, size_t place) {
	return json_object_array_get_idx(json_get(status_of(group), "replicaStatuses"), place);
}

/* How many Events of the reason the last pass told. */
static size_t told(const struct group *group, const char *reason) {
	size_t count = 0;
	for (size_t i = 0; i < group->plan.count; i++) {
		const struct action *action = &group->plan.actions[i];
		count += action->type == ACTION_EVENT && strcmp(action->text, reason) == 0;
	}
	return count;
}

static size_t told_at_all(const struct group *group) {
	size_t count = 0;
	for (size_t i = 0; i < group->plan.count; i++) count += group->plan.actions[i].type == ACTION_EVENT;
	return count;
}

static void lose_pod(struct group *group, size_t place) {
	group->view.replicas[place].pod = (struct pod_view){ 0 };
	group->view.replicas[place].server = (struct server_view){ 0 };
}

/* As the primary sees it. */
static void lose_connection(struct group *group, size_t place) {
	struct answer *primary = &group->answers[0];
	primary->replicas[place].connected = SQL_DISCONNECTED;
	primary->replicas[place].last_connect_error = 10061;
	primary->replicas[place].last_connect_error_text = "refused";
	primary->databases[place].synchronization = SQL_NOT_SYNCHRONIZING;
}

#endif
