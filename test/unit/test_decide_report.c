/* The report: what people read, when it is written and when it is not, and what is told once. */
#include "report_group.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
