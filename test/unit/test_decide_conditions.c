/* The report's conditions and phases: what a failover, a missing database, a full volume or a deletion says. */
#include "report_group.h"

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
	/* What a former primary has said is over: nobody writes there any more. */
	group.view.replicas[1].server.write_failures = 1;
	group.view.replicas[1].server.write_failure_number = 9002;
	group.view.replicas[0].server.write_failures = 0;
	assert_true(pass(&group));
	assert_condition(&group, "StorageFull", "False", "VolumesHaveSpace");
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
