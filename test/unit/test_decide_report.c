/* The report: what people read, when it is written and when it is not, and what is told once. A small group of three is
 * made and then spoilt; each pass writes its status into the object, as the API server would. */
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

/* ---- a group that is well ---- */

static void test_well(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Running");
	assert_string_equal(json_get_text(status_of(&group), "primaryReplica"), "s-0");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "3/3");
	assert_true(json_get_flag(status_of(&group), "initializationComplete", false));
	assert_int_equal(json_get_integer(status_of(&group), "observedGeneration", 0), 3);
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	assert_condition(&group, "Initialized", "True", "AllReplicasJoined");
	assert_condition(&group, "Protected", "True", "CommitsAreCopied");
	assert_condition(&group, "FailoverBlocked", "False", "NotBlocked");
	assert_condition(&group, "ReplicasSynchronized", "True", "AllSynchronized");
	assert_condition(&group, "RolloutComplete", "True", "AllPodsCurrent");
	assert_null(condition(&group, "Halted"));
	assert_null(condition(&group, "StorageFull"));
	assert_null(condition(&group, "CertificateIssuerMissing"));
	const struct json_object *row = row_of(&group, 1);
	assert_string_equal(json_get_text(row, "name"), "s-1");
	assert_string_equal(json_get_text(row, "role"), "SECONDARY");
	assert_string_equal(json_get_text(row, "synchronizationState"), "SYNCHRONIZED");
	assert_string_equal(json_get_text(row, "lastHardenedLSN"), "37000000012300001");
	assert_int_equal(json_get_integer(row, "lagSeconds", -1), 0);
	assert_true(json_get_flag(row, "connected", false));
	assert_int_equal(told(&group, "Initialized"), 1);
	assert_int_equal(told(&group, "Ready"), 1);
	for (size_t i = 0; i < 500; i++) assert_false(pass(&group)); /* minutes */
	assert_int_equal(group.plan.count, 0);
}

static void test_mssqlserver(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	cleanup_json struct json_object *set = judge_yaml(
	        "{kind: StatefulSet, spec: {selector: {matchLabels: {app.kubernetes.io/instance: s, a: b}}}}");
	struct child_view child = { .desired = set, .state = CHILD_IN_SYNC };
	group.view.children = &child;
	group.view.child_count = 1;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Ready");
	assert_string_equal(json_get_text(status_of(&group), "selector"), "app.kubernetes.io/instance=s,a=b");
	assert_int_equal(json_get_integer(status_of(&group), "replicas", 0), 3);
	assert_null(json_get(status_of(&group), "initializationComplete"));
	assert_false(pass(&group));
}

static void test_standalone(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, standalone, NULL);
	group.view.replicas[0].server.seen = NULL;
	group.view.replicas[0].pod.is_running = false;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Provisioning");
	assert_condition(&group, "Ready", "False", "Initializing");
	assert_says(&group, "Initialized", "s-0: its pod is starting");
	pod(&group, 0, 0);
	group.view.replicas[0].server.seen = &group.answers[0].seen;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Ready");
	assert_string_equal(json_get_text(status_of(&group), "primaryReplica"), "s-0");
	assert_null(condition(&group, "Protected"));
	assert_null(condition(&group, "FailoverBlocked"));
	assert_null(json_get(status_of(&group), "availabilityGroup"));
	assert_false(pass(&group));
	lose_pod(&group, 0);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
	assert_condition(&group, "Ready", "False", "ServerNotServing");
	assert_int_equal(told(&group, "NotReady"), 1);
}

/* ---- when it is written ---- */

static void test_numbers_once_a_minute(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	size_t writes = 0;
	for (size_t i = 0; i < 1200; i++) { /* ten minutes of writing */
		for (size_t j = 0; j < REPLICAS; j++) {
			group.answers[0].databases[j].hardened.value++;
			group.answers[0].databases[j].secondary_lag_seconds = (int64_t)(i % 3);
		}
		writes += pass(&group);
		assert_int_equal(told_at_all(&group), 0);
	}
	assert_in_range(writes, 9, 10);
	/* With something of substance they are written at once. */
	group.answers[0].databases[1].hardened.value = 38000000000000001;
	group.view.replicas[2].pod.is_ready = false;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(row_of(&group, 1), "lastHardenedLSN"), "38000000000000001");
}

static void test_several_databases(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	struct sql_database_row rows[REPLICAS + 1];
	memcpy(rows, group.answers[0].databases, sizeof(group.answers[0].databases));
	rows[REPLICAS] = rows[1];
	rows[REPLICAS].name = "stock";
	rows[REPLICAS].hardened.value = ((unsigned __int128)1 << 80) + 5;
	rows[REPLICAS].synchronization = SQL_SYNCHRONIZING;
	group.answers[0].seen.databases = rows;
	group.answers[0].seen.database_count = REPLICAS + 1;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(row_of(&group, 1), "lastHardenedLSN"),
	                    "orders 37000000012300001, stock 1208925819614629174706181");
	assert_string_equal(json_get_text(row_of(&group, 1), "synchronizationState"), "SYNCHRONIZING");
}

/* Between a change on the primary and its next answer nothing is known, and nothing is said. */
static void test_blind_moment(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	const struct sql_observation *seen = group.view.replicas[0].server.seen;
	group.view.replicas[0].server.seen = NULL;
	group.view.replicas[0].server.is_busy = true;
	group.state = GROUP_SUSPECT; /* nothing speaks for it */
	assert_false(pass(&group));
	group.view.replicas[0].server.is_busy = false;
	assert_false(pass(&group));
	group.view.replicas[1].server.seen = NULL;
	group.view.replicas[0].server.seen = seen;
	group.state = GROUP_STEADY;
	assert_false(pass(&group));
}

static void test_silence(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	struct server_view *server = &group.view.replicas[0].server;
	const struct sql_observation *seen = server->seen;
	server->seen = NULL;
	server->silent_since = group.view.now;
	group.state = GROUP_SUSPECT;
	for (size_t i = 0; i < 5; i++) assert_false(pass(&group));
	assert_in_range(group.plan.look_ms, 1, 500);
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "PrimaryLost");
	assert_says(&group, "Ready",
	            "primary s-0: SQL Server does not answer; it is replaced unless that ends within 3 s");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
	assert_int_equal(told(&group, "NotReady"), 1);
	assert_false(json_get_flag(row_of(&group, 1), "connected", true));
	assert_non_null(json_get_text(row_of(&group, 1), "lastSeenPrimary"));
	for (size_t i = 0; i < 100; i++) assert_false(pass(&group));

	/* Its time is over, and it is not replaced: that is said instead. */
	group.scratch.unwell_since = server->silent_since;
	group.lost_message = "the primary does not answer, and no other replica could take over";
	assert_true(pass(&group));
	assert_string_equal(
	        message_of(&group, "Ready"),
	        "the primary does not answer, and no other replica could take over (primary s-0: SQL Server "
	        "does not answer)");
	assert_false(pass(&group));

	group.lost_message = NULL;
	server->seen = seen;
	server->silent_since = 0;
	group.state = GROUP_STEADY;
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	assert_int_equal(told(&group, "Ready"), 1);
	assert_null(json_get_text(row_of(&group, 1), "lastSeenPrimary"));
}

static void test_transition_time(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	cleanup_free char *first = xstrdup(json_get_text(condition(&group, "Ready"), "lastTransitionTime"));
	assert_string_equal(first, "2026-11-22T10:00:00Z");
	for (size_t i = 0; i < 20; i++) pass(&group);
	lose_connection(&group, 2);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(condition(&group, "Ready"), "lastTransitionTime"), "2026-11-22T10:00:11Z");
	assert_string_equal(json_get_text(condition(&group, "Protected"), "lastTransitionTime"), first);
	for (size_t i = 0; i < 20; i++) pass(&group);
	lose_connection(&group, 1); /* another message, the same status */
	assert_true(pass(&group));
	assert_string_equal(json_get_text(condition(&group, "Ready"), "lastTransitionTime"), "2026-11-22T10:00:11Z");
	/* Another generation of spec: everything is about that one now. */
	group.spec.generation = 4;
	assert_true(pass(&group));
	assert_int_equal(json_get_integer(condition(&group, "Ready"), "observedGeneration", 0), 4);
	assert_int_equal(json_get_integer(status_of(&group), "observedGeneration", 0), 4);
	assert_string_equal(json_get_text(condition(&group, "Ready"), "lastTransitionTime"), "2026-11-22T10:00:11Z");
	assert_false(pass(&group));
}

/* An error that says something else each time (a time, a port) does not make a write of each look. */
static void test_words(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	struct server_view *server = &group.view.replicas[1].server;
	server->seen = NULL;
	server->silent_since = group.view.now - 10000;
	server->has_failed = true;
	server->failure_text = "a";
	assert_true(pass(&group));
	assert_says(&group, "Ready", "s-1: SQL Server does not answer: a");
	size_t writes = 0;
	for (size_t i = 0; i < 120; i++) {
		server->failure_text = i % 2 == 0 ? "b" : "c";
		writes += pass(&group);
		if (i < 9) assert_in_range(group.plan.look_ms, 1, 5000);
	}
	assert_in_range(writes, 10, 12);
}

/* The record alone is substance enough. */
static void test_record(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	group.next.generation = 2;
	assert_true(pass(&group));
	assert_int_equal(json_get_integer(json_get(status_of(&group), "availabilityGroup"), "generation", 0), 2);
	assert_int_equal(told_at_all(&group), 0);
	assert_false(pass(&group));
}

/* What failed a moment ago waits, and tells nothing meanwhile. */
static void test_waits_after_failure(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	const struct attempt attempt = { .type = ACTION_WRITE_STATUS, .failures = 1, .next_at = group.view.now + 2000 };
	group.view.attempts = &attempt;
	group.view.attempt_count = 1;
	for (size_t i = 0; i < 3; i++) {
		assert_false(pass(&group));
		assert_int_equal(group.plan.count, 0);
		assert_in_range(group.plan.look_ms, 1, 2000);
	}
	assert_true(pass(&group));
	assert_int_equal(told(&group, "Ready"), 1);
}

/* What others have written there stays. */
static void test_others_keep_theirs(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver,
	          "{status: {conditions: [{type: Backup, status: 'True', reason: X, message: fine, lastTransitionTime: "
	          "'2026-01-01T00:00:00Z'}], theirs: {a: 1}}}");
	assert_true(pass(&group));
	assert_condition(&group, "Backup", "True", "X");
	assert_int_equal(json_get_integer(json_get(status_of(&group), "theirs"), "a", 0), 1);
	assert_false(pass(&group));
}

/* ---- Events ---- */

static void test_replica_lost_and_back(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	lose_connection(&group, 2);
	assert_true(pass(&group));
	assert_int_equal(told(&group, "ReplicaLost"), 1);
	assert_int_equal(told(&group, "NotReady"), 1);
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Critical");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "2/3");
	assert_condition(&group, "Ready", "False", "ReplicasNotReady");
	assert_says(&group, "Ready", "s-2: it is not connected to the primary: refused");
	assert_condition(&group, "ReplicasSynchronized", "False", "SomeNotSynchronized");

	/* A controller that has just started does not repeat it. */
	group.scratch = (struct scratch){ 0 };
	assert_false(pass(&group));
	assert_int_equal(group.plan.count, 0);

	answer(&group, 0, 0);
	group.answers[0].databases[2].synchronization = SQL_SYNCHRONIZING;
	assert_true(pass(&group));
	assert_says(&group, "Ready", "s-2: database orders is catching up");
	assert_int_equal(told_at_all(&group), 0);
	group.answers[0].databases[2].synchronization = SQL_SYNCHRONIZED;
	assert_true(pass(&group));
	assert_int_equal(told(&group, "ReplicaSynchronized"), 1);
	assert_int_equal(told(&group, "Ready"), 1);
}

/* A write that did not come through (a conflict) is made again; its Events are not. */
static void test_conflict(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	lose_connection(&group, 2);
	look(&group);
	assert_non_null(written(&group));
	assert_int_equal(told(&group, "ReplicaLost"), 1);
	for (size_t i = 0; i < 3; i++) {
		look(&group);
		assert_non_null(written(&group));
		assert_int_equal(told_at_all(&group), 0);
	}
	assert_true(pass(&group));
	assert_false(pass(&group));
}

/* ---- failing over ---- */

static void open_intent(struct group *group, enum intent_kind kind) {
	group->next.intent = (struct intent){ .kind = kind,
		                              .reason = "PodGone",
		                              .message = "the primary's pod is gone",
		                              .started_us = INT64_C(1795341605000000) };
}

static void test_failover(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	lose_pod(&group, 0);
	group.is_primary_seen = false;
	group.state = GROUP_DOWN;
	open_intent(&group, INTENT_FAILOVER);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "FailingOver");
	assert_condition(&group, "Ready", "False", "FailingOver");
	assert_says(&group, "Ready", "since 2026-11-22T10:00:05Z: the primary's pod is gone");
	assert_condition(&group, "FailoverBlocked", "False", "NotBlocked");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "3/3"); /* not looked at now */
	assert_int_equal(told(&group, "NotReady"), 0);                                /* the promotion tells it */
	group.state = GROUP_PROMOTING;
	assert_false(pass(&group));

	group.next.epoch = 2;
	group.next.primary = (struct member){ "s-1", "id-1" };
	group.next.members[0] = (struct member){ "s-2", "id-2" };
	group.next.member_count = 2;
	group.next.members[1] = (struct member){ "s-1", "id-1" };
	group.next.required = 1;
	group.next.intent = (struct intent){ 0 };
	const struct failover_row row = {
		"s-0", "s-1", "PodGone", "Failover", 1795341605000000, 1795341606400000, true
	};
	record_add_failover(&group.next, &row);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "primaryReplica"), "s-1");

	group.state = GROUP_STEADY;
	group.is_primary_seen = true;
	for (size_t i = 1; i < REPLICAS; i++) pod(&group, i, 1);
	group.answers[1].replicas[0].connected = SQL_DISCONNECTED;
	group.answers[1].databases[0].synchronization = SQL_NOT_SYNCHRONIZING;
	group.scratch.primary_since = group.view.now;
	assert_true(pass(&group));
	assert_int_equal(told(&group, "ReplicaLost"), 0); /* the failover was told */
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Running");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "2/3");
	assert_condition(&group, "Ready", "False", "ReplicasNotReady");
	assert_says(&group, "Ready", "primary s-1 serves, 2 of 3 replicas are synchronized; s-0: there is no pod");
	assert_condition(&group, "Protected", "True", "CommitsAreCopied");
	const struct json_object *failover = json_object_array_get_idx(json_get(status_of(&group), "failovers"), 0);
	assert_string_equal(json_get_text(failover, "seconds"), "1.4");
	assert_string_equal(json_get_text(failover, "rowsAtRisk"), "none");
}

static void test_hand_over(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	open_intent(&group, INTENT_HAND_OVER);
	assert_true(pass(&group)); /* in the pass that opens it */
	assert_condition(&group, "Ready", "False", "HandingOver");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
	assert_int_equal(told_at_all(&group), 0);
}

static void test_blocked(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	lose_pod(&group, 0);
	lose_pod(&group, 1);
	group.is_primary_seen = false;
	open_intent(&group, INTENT_FAILOVER);
	group.state = GROUP_BLOCKED;
	group.blocked = "waiting for s-0 or s-1";
	assert_true(pass(&group));
	assert_condition(&group, "FailoverBlocked", "True", "WaitingForReplicas");
	assert_says(&group, "FailoverBlocked", "waiting for s-0 or s-1. ");
	assert_says(&group, "FailoverBlocked",
	            "annotate --overwrite sqlag s -n demo agkeeper.dev/allow-data-loss=<pod>/u");
	assert_condition(&group, "Ready", "False", "FailoverBlocked");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "FailingOver");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "0/3");
	assert_int_equal(told(&group, "FailoverBlocked"), 1);
	assert_int_equal(told_at_all(&group), 1);
	assert_false(pass(&group));
	group.state = GROUP_PROMOTING;
	assert_true(pass(&group));
	assert_int_equal(told(&group, "FailoverUnblocked"), 1);
}

static void test_no_automatic_failover(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, "{spec: {automaticFailover: {enabled: false}}}");
	assert_true(pass(&group));
	lose_pod(&group, 0);
	group.is_primary_seen = false;
	group.state = GROUP_DOWN;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Failed");
	assert_condition(&group, "Ready", "False", "PrimaryLost");
	assert_condition(&group, "FailoverBlocked", "True", "AutomaticFailoverOff");
	assert_says(&group, "FailoverBlocked",
	            "kubectl annotate --overwrite sqlag s -n demo agkeeper.dev/primary=<pod>");
}

/* ---- conditions ---- */

static void test_protected(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	assert_says(&group, "Protected", "each commit is on 2 of s-1, s-2");
	group.next.member_count = 1;
	group.next.required = 0;
	assert_true(pass(&group));
	assert_condition(&group, "Protected", "False", "PrimaryAlone");
	assert_int_equal(told(&group, "NotProtected"), 1);
	/* A second member alone protects nothing yet: commits do not wait for it. */
	group.next.member_count = 2;
	assert_true(pass(&group));
	assert_condition(&group, "Protected", "False", "PrimaryAlone");
	group.next.required = 1;
	assert_true(pass(&group));
	assert_condition(&group, "Protected", "True", "CommitsAreCopied");
	assert_int_equal(told(&group, "Protected"), 1);
}

static void test_asynchronous(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, "{spec: {topology: {mode: StreamingReplication}}}");
	for (size_t i = 1; i < REPLICAS; i++) group.answers[0].databases[i].synchronization = SQL_SYNCHRONIZING;
	group.next.member_count = 1;
	group.next.required = 0;
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	assert_condition(&group, "Protected", "False", "NotAskedFor");
	assert_string_equal(json_get_text(status_of(&group), "synchronized"), "3/3");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Ready");
	assert_int_equal(told(&group, "NotProtected"), 0);
}

static void test_labels(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	group.view.replicas[1].pod.role_label = "primary";
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "ReplicasNotReady");
	assert_says(&group, "Ready", "s-1: its pod does not have the label kubedb.com/role=standby yet");
	group.view.replicas[0].pod.role_label = NULL;
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "PrimaryNotServing");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
}

static void test_initializing(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	group.next = group.record = (struct record){ .group_id = "", .holder = "", .primary = { "", "" } };
	group.state = GROUP_NONE;
	group.is_primary_seen = false;
	lose_pod(&group, 1);
	group.view.replicas[2].pod.is_running = false;
	group.view.replicas[2].pod.is_stuck = true;
	group.view.replicas[2].pod.trouble = "ErrImagePull: no such image";
	group.view.replicas[2].server.seen = NULL;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Initializing");
	assert_null(json_get(status_of(&group), "availabilityGroup"));
	assert_null(json_get(status_of(&group), "primaryReplica"));
	assert_false(json_get_flag(status_of(&group), "initializationComplete", true));
	assert_condition(&group, "Initialized", "False", "WaitingForServers");
	assert_says(&group, "Initialized",
	            "s-1: there is no pod; s-2: its pod cannot start: ErrImagePull: no such image");
	assert_condition(&group, "Ready", "False", "Initializing");
	assert_int_equal(told_at_all(&group), 0);

	/* What a part knows better is said instead. */
	group.finding_count = 1;
	group.findings[0] = (struct finding_row){ "Provisioned", false, "SecretMissing", "Secret x is missing" };
	assert_true(pass(&group));
	assert_condition(&group, "Provisioned", "False", "SecretMissing");
	assert_condition(&group, "Initialized", "False", "SecretMissing");
	group.finding_count = 0;

	/* The group is there; one has not joined. */
	group_free(&group);
	group_new(&group, sqlag, NULL);
	group.answers[0].seen.replica_count = 2;
	group.answers[0].seen.database_count = 2;
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Initializing");
	assert_condition(&group, "Initialized", "False", "ReplicasJoining");
	assert_says(&group, "Initialized", "s-2");
	answer(&group, 0, 0);
	assert_true(pass(&group));
	assert_condition(&group, "Initialized", "True", "AllReplicasJoined");
	/* And that stays. */
	group.answers[0].seen.replica_count = 2;
	assert_true(pass(&group));
	assert_condition(&group, "Initialized", "True", "AllReplicasJoined");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Running");
}

static void test_database_missing(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, "{spec: {databases: [Orders, stock]}}");
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "DatabaseBeingAdded");
	assert_says(&group, "Ready", "database stock is being added");
}

static void test_write_check(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	struct server_view *server = &group.view.replicas[0].server;
	server->write_failures = group.spec.check_failures - 1;
	server->write_failure_number = 5144;
	server->write_failure_text = "no";
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	server->write_failures++;
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "PrimaryNotServing");
	assert_says(&group, "Ready", "writes fail: no (Msg 5144)");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
}

static void fill(struct group *group, size_t place, int64_t percent) {
	group->answers[place].volume.available_bytes = 10 * GIBIBYTE / 100 * (100 - percent);
}

static void test_storage(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	fill(&group, 1, 84);
	assert_false(pass(&group));
	fill(&group, 1, 86);
	assert_true(pass(&group));
	assert_condition(&group, "StoragePressure", "True", "VolumeFillsUp");
	assert_says(&group, "StoragePressure", "s-1: 86 % of the 10Gi of volume data-s-1 are used");
	assert_int_equal(told(&group, "StoragePressure"), 1);
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	fill(&group, 1, 83); /* not over yet, and a number is no news */
	size_t writes = 0;
	for (size_t i = 0; i < 121; i++) {
		writes += pass(&group);
		assert_int_equal(told_at_all(&group), 0);
	}
	assert_int_equal(writes, 1);
	assert_condition(&group, "StoragePressure", "True", "VolumeFillsUp");
	assert_says(&group, "StoragePressure", "83 %");
	fill(&group, 1, 70);
	assert_true(pass(&group));
	assert_condition(&group, "StoragePressure", "False", "VolumesHaveSpace");

	/* A standby is full; then the primary. */
	fill(&group, 1, 100);
	assert_true(pass(&group));
	assert_condition(&group, "StorageFull", "True", "VolumeFull");
	assert_says(&group, "StorageFull", "\"mssqlserver\":\"20Gi\"");
	assert_condition(&group, "Ready", "False", "StorageFull");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Critical");
	assert_int_equal(told(&group, "StorageFull"), 1);
	fill(&group, 0, 100);
	assert_true(pass(&group));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
	/* Larger volumes. */
	for (size_t i = 0; i < REPLICAS; i++)
		group.answers[i].volume = (struct sql_volume_row){ "", 20 * GIBIBYTE, 10 * GIBIBYTE };
	assert_true(pass(&group));
	assert_condition(&group, "StorageFull", "False", "VolumesHaveSpace");
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Ready");

	/* SQL Server says it, whatever the statistics say. */
	group.view.replicas[0].server.write_failures = 1;
	group.view.replicas[0].server.write_failure_number = 9002;
	assert_true(pass(&group));
	assert_condition(&group, "StorageFull", "True", "VolumeFull");
}

static void test_storage_percent_of_spec(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, "{spec: {autoExpand: {atPercent: 60, by: 5Gi, max: 50Gi}}}");
	fill(&group, 2, 61);
	assert_true(pass(&group));
	assert_condition(&group, "StoragePressure", "True", "VolumeFillsUp");
	assert_says(&group, "StoragePressure", "kubectl patch sqlag s -n demo --type merge");
}

static void test_rollout(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	group.view.replicas[1].pod.is_current = false;
	assert_true(pass(&group));
	assert_condition(&group, "RolloutComplete", "False", "PodsOutdated");
	group.finding_count = 2;
	group.findings[0] = (struct finding_row){ "RolloutComplete", false, "ReplicaStuck", "s-1 does not come up" };
	group.findings[1] = (struct finding_row){ "RolloutComplete", false, "ReplicaStuck", "so others stay" };
	assert_true(pass(&group));
	assert_condition(&group, "RolloutComplete", "False", "ReplicaStuck");
	assert_says(&group, "RolloutComplete", "s-1 does not come up; so others stay");
}

/* Conditions that are shown once they were False; and one that no table knows. */
static void test_findings(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, sqlag, NULL);
	assert_true(pass(&group));
	group.finding_count = 2;
	group.findings[0] = (struct finding_row){ "SettingsApplied", false, "StatementFailed", "Msg 1" };
	group.findings[1] = (struct finding_row){ "Unheard", true, "Of", "it" };
	assert_true(pass(&group));
	assert_condition(&group, "SettingsApplied", "False", "StatementFailed");
	assert_condition(&group, "Unheard", "True", "Of");
	assert_int_equal(told(&group, "SettingsFailed"), 1);
	group.finding_count = 0;
	assert_false(pass(&group)); /* nobody said that it is over */
}

static void test_certificate_issuer(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, "{spec: {tls: {issuerRef: {kind: Issuer, name: ca}}}}");
	assert_true(pass(&group));
	assert_condition(&group, "CertificateIssuerMissing", "True", "NoCertManager");
	assert_says(&group, "CertificateIssuerMissing", "Issuer ca");
	assert_condition(&group, "Ready", "True", "AllReplicasReady");
	group.view.has_issuers = true;
	assert_true(pass(&group));
	assert_condition(&group, "CertificateIssuerMissing", "False", "IssuersServed");
}

static void test_halted(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	group.spec.is_halted = true;
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "Halted");
	assert_string_equal(json_get_text(status_of(&group), "phase"), "NotReady");
	assert_int_equal(told_at_all(&group), 0);
	for (size_t i = 0; i < REPLICAS; i++) lose_pod(&group, i);
	group.state = GROUP_DOWN;
	group.is_primary_seen = false;
	assert_true(pass(&group));
	assert_condition(&group, "Halted", "True", "Halted");
	assert_false(json_get_flag(row_of(&group, 1), "connected", true));
	assert_null(json_get_text(row_of(&group, 1), "role"));
	assert_string_equal(json_get_text(status_of(&group), "phase"), "Halted");
	assert_int_equal(told(&group, "Halted"), 1);
	assert_int_equal(told(&group, "FailoverBlocked"), 0);
	assert_false(pass(&group));
}

static void test_deleting(void **unused) {
	(void)unused;
	cleanup_group struct group group;
	group_new(&group, mssqlserver, NULL);
	assert_true(pass(&group));
	group.view.is_deleting = true;
	group.finding_count = 1;
	group.findings[0] = (struct finding_row){ "Deleting", true, "WaitingForPods", "s-0" };
	assert_true(pass(&group));
	assert_condition(&group, "Ready", "False", "Deleting");
	assert_condition(&group, "Deleting", "True", "WaitingForPods");
	assert_int_equal(told_at_all(&group), 0);
	for (size_t i = 0; i < REPLICAS; i++) lose_pod(&group, i);
	assert_false(pass(&group));
	group.view.has_finalizer = false;
	group.next.generation = 9;
	assert_false(pass(&group));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_well),
		cmocka_unit_test(test_mssqlserver),
		cmocka_unit_test(test_standalone),
		cmocka_unit_test(test_numbers_once_a_minute),
		cmocka_unit_test(test_several_databases),
		cmocka_unit_test(test_blind_moment),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_transition_time),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_record),
		cmocka_unit_test(test_waits_after_failure),
		cmocka_unit_test(test_others_keep_theirs),
		cmocka_unit_test(test_replica_lost_and_back),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_failover),
		cmocka_unit_test(test_hand_over),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_no_automatic_failover),
		cmocka_unit_test(test_protected),
		cmocka_unit_test(test_asynchronous),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_initializing),
		cmocka_unit_test(test_database_missing),
		cmocka_unit_test(test_write_check),
		cmocka_unit_test(test_storage),
		cmocka_unit_test(test_storage_percent_of_spec),
		cmocka_unit_test(test_rollout),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_certificate_issuer),
		cmocka_unit_test(test_halted),
		cmocka_unit_test(test_deleting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
