/* Objects of both kinds in the words that the controller decides in (controller/decide/spec.c). */
#include "judge.h"

#include "api/kinds.h"
#include "base/file.h"
#include "controller/decide/spec.h"

static const char sqlag[] = "apiVersion: sql.mssql.microsoft.com/v1alpha1\n"
                            "kind: SQLServerAvailabilityGroup\n"
                            "metadata: {name: ag, namespace: demo, uid: u-1, generation: 7,\n"
                            "           creationTimestamp: '2026-11-22T04:00:00Z'}\n"
                            "spec:\n"
                            "  agName: AG1\n"
                            "  automaticFailover: {}\n"
                            "  replicas:\n"
                            "  - {name: a}\n"
                            "  - {name: b, readableSecondary: true}\n"
                            "  - {name: c, availabilityMode: AsynchronousCommit}\n";

static const char mssqlserver[] = "apiVersion: kubedb.com/v1alpha2\n"
                                  "kind: MSSQLServer\n"
                                  "metadata: {name: ms-ag-one, namespace: demo, uid: u-2}\n"
                                  "spec:\n"
                                  "  version: '2022'\n"
                                  "  replicas: 3\n"
                                  "  topology:\n"
                                  "    mode: AvailabilityGroup\n"
                                  "    availabilityGroup: {databases: [agdb1, agdb2]}\n"
                                  "  storage: {resources: {requests: {storage: 1Gi}}}\n";

static const char streaming[] =
        "{spec: {topology: {mode: StreamingReplication, availabilityGroup: {databases: null}}}}";
static const char standalone[] = "{spec: {replicas: 1, topology: null}}";

/* The base with a change (a merge patch; NULL: none) as a spec, which the caller frees. */
static struct spec spec_of(const char *base, const char *change) {
	cleanup_json struct json_object *object = judge_yaml(base);
	if (change != NULL) {
		cleanup_json struct json_object *patch = judge_yaml(change);
		object = judge_merge(object, patch);
	}
	struct spec spec;
	cleanup_error struct error *err = NULL;
	if (spec_read(object, &spec, &err) < 0) fail_msg("%s", err->message);
	return spec;
}

static void refuses(const char *base, const char *change, const char *message) {
	cleanup_json struct json_object *object = judge_yaml(base);
	cleanup_json struct json_object *patch = judge_yaml(change);
	object = judge_merge(object, patch);
	struct spec spec;
	cleanup_error struct error *err = NULL;
	assert_int_equal(spec_read(object, &spec, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_string_equal(err->message, message);
}

static void sqlag_as_it_is(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(sqlag, NULL);
	assert_ptr_equal(spec.kind, &sqlag_kind_v1alpha1);
	assert_string_equal(spec.namespace, "demo");
	assert_string_equal(spec.name, "ag");
	assert_string_equal(spec.uid, "u-1");
	assert_int_equal(spec.generation, 7);
	assert_int_equal(spec.created, 1795320000);
	assert_true(spec.is_group);
	assert_string_equal(spec.group, "AG1");
	assert_int_equal(spec.cluster, SQL_CLUSTER_EXTERNAL);
	assert_string_equal(spec.endpoint, "agkeeper");
	assert_int_equal(spec.endpoint_port, 5022);
	assert_true(spec.fails_over);
	assert_true(spec.hands_over);
	assert_int_equal(spec.required, -1);
	assert_int_equal(spec.silence_ms, 30000);
	assert_int_equal(spec.transfer_timeout_ms, 60000);
	assert_int_equal(spec.health, HEALTH_SYSTEM);
	assert_int_equal(spec.database_count, 0);
	assert_false(spec.takes_every_database);
	assert_string_equal(spec.primary_label, "primary");
	assert_false(spec.checks_writes);
	assert_string_equal(spec.administrator_secret, "ag-sa");
	assert_string_equal(spec.administrator_key, "SA_PASSWORD");
	assert_true(spec.makes_administrator_secret);
	assert_string_equal(spec.own_secret, "ag-agkeeper");
	assert_string_equal(spec.role_label, "sql.mssql.microsoft.com/ag-role");
	assert_false(spec.is_halted);
	assert_true(spec.has_own_claims);
	assert_true(spec.keeps_claims);
	assert_int_equal(spec.deletion, DELETION_DELETE);

	assert_int_equal(spec.replica_count, 3);
	assert_string_equal(spec.replicas[1].pod, "ag-1");
	assert_string_equal(spec.replicas[1].endpoint_url, "TCP://ag-1.ag-pods.demo.svc:5022");
	assert_int_equal(spec.replicas[0].access, SQL_ACCESS_NO);
	assert_int_equal(spec.replicas[1].access, SQL_ACCESS_ALL);
	assert_string_equal(spec.replicas[0].role_label, "secondary");
	assert_string_equal(spec.replicas[1].role_label, "readable-secondary");
	assert_int_equal(spec.replicas[1].availability, SQL_SYNCHRONOUS_COMMIT);
	assert_int_equal(spec.replicas[2].availability, SQL_ASYNCHRONOUS_COMMIT);
	assert_true(spec.replicas[1].is_candidate);
	assert_false(spec.replicas[2].is_candidate);
	assert_int_equal(spec_find(&spec, "ag-2"), 2);
	assert_int_equal(spec_find(&spec, "ag-3"), -1);
	assert_int_equal(spec_find(&spec, NULL), -1);
}

static void sqlag_says_otherwise(void **state) {
	(void)state;
	cleanup_spec struct spec spec =
	        spec_of(sqlag, "spec:\n"
	                       "  automaticFailover: {enabled: false, failoverThresholdSeconds: 12,\n"
	                       "    healthThreshold: query_processing, requiredSynchronized: 1}\n"
	                       "  databases: [one, two]\n"
	                       "  endpointPort: 5999\n"
	                       "  storage: {reclaimPolicy: Delete}\n"
	                       "  saPasswordSecretRef: {name: given, key: PASSWORD}\n"
	                       "  replicas:\n"
	                       "  - {name: a}\n"
	                       "  - {name: b, failoverMode: Manual}\n");
	assert_false(spec.fails_over);
	assert_true(spec.hands_over);
	assert_int_equal(spec.silence_ms, 12000);
	assert_int_equal(spec.health, HEALTH_QUERY_PROCESSING);
	assert_int_equal(spec.required, 1);
	assert_int_equal(spec.database_count, 2);
	assert_string_equal(spec.databases[1], "two");
	assert_string_equal(spec.replicas[0].endpoint_url, "TCP://ag-0.ag-pods.demo.svc:5999");
	assert_false(spec.keeps_claims);
	assert_int_equal(spec.deletion, DELETION_WIPE_OUT);
	assert_string_equal(spec.administrator_secret, "given");
	assert_string_equal(spec.administrator_key, "PASSWORD");
	assert_false(spec.makes_administrator_secret);
	assert_true(spec.replicas[0].is_candidate);
	assert_false(spec.replicas[1].is_candidate);
}

static void sqlag_without_a_cluster(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(sqlag, "{spec: {clusterType: NONE, automaticFailover: null}}");
	assert_int_equal(spec.cluster, SQL_CLUSTER_NONE);
	assert_false(spec.fails_over);
	assert_false(spec.hands_over);
	assert_false(spec.replicas[0].is_candidate);
	assert_int_equal(spec.silence_ms, 30000);
}

static void sqlag_without_automatic_failover(void **state) {
	(void)state;
	cleanup_spec struct spec alone = spec_of(sqlag, "{spec: {automaticFailover: null, replicas: [{name: a}]}}");
	assert_false(alone.fails_over);
	assert_false(alone.hands_over);
	cleanup_spec struct spec defaulted = spec_of(sqlag, "{spec: {automaticFailover: null}}");
	assert_true(defaulted.fails_over);
}

static void availability_group(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(mssqlserver, NULL);
	assert_string_equal(spec.group, "msagone");
	assert_int_equal(spec.cluster, SQL_CLUSTER_EXTERNAL);
	assert_string_equal(spec.replicas[2].endpoint_url, "TCP://ms-ag-one-2.ms-ag-one-pods.demo.svc:5022");
	assert_true(spec.fails_over);
	assert_true(spec.hands_over);
	assert_int_equal(spec.required, -1);
	assert_int_equal(spec.silence_ms, 3000);
	assert_int_equal(spec.transfer_timeout_ms, 60000);
	assert_int_equal(spec.database_count, 2);
	assert_string_equal(spec.databases[0], "agdb1");
	assert_false(spec.takes_every_database);
	assert_int_equal(spec.replica_count, 3);
	assert_int_equal(spec.replicas[1].availability, SQL_SYNCHRONOUS_COMMIT);
	assert_int_equal(spec.replicas[1].access, SQL_ACCESS_NO);
	assert_true(spec.replicas[1].is_candidate);
	assert_string_equal(spec.replicas[1].role_label, "standby");
	assert_string_equal(spec.role_label, "kubedb.com/role");
	assert_true(spec.checks_writes);
	assert_int_equal(spec.check_period_ms, 10000);
	assert_int_equal(spec.check_timeout_ms, 10000);
	assert_int_equal(spec.check_failures, 1);
	assert_string_equal(spec.administrator_secret, "ms-ag-one-auth");
	assert_string_equal(spec.administrator_key, "password");
	assert_true(spec.makes_administrator_secret);
	assert_true(spec.has_own_claims);
	assert_false(spec.keeps_claims);
	assert_int_equal(spec.deletion, DELETION_DELETE);
}

static void mssqlserver_says_otherwise(void **state) {
	(void)state;
	cleanup_spec struct spec spec =
	        spec_of(mssqlserver, "spec:\n"
	                             "  topology: {availabilityGroup: {secondaryAccessMode: ReadOnly,\n"
	                             "    requiredSynchronized: 1,\n"
	                             "    leaderElection: {period: 1500us, electionTick: 3,\n"
	                             "      transferLeadershipTimeout: 2s}}}\n"
	                             "  authSecret: {name: given, externallyManaged: true}\n"
	                             "  healthChecker: {periodSeconds: 4, timeoutSeconds: 5, failureThreshold: 6,\n"
	                             "    disableWriteCheck: true}\n"
	                             "  storageType: Ephemeral\n"
	                             "  halted: true\n"
	                             "  deletionPolicy: Halt\n");
	assert_int_equal(spec.replicas[0].access, SQL_ACCESS_READ_ONLY);
	assert_int_equal(spec.required, 1);
	assert_int_equal(spec.silence_ms, 5); /* rounded up */
	assert_int_equal(spec.transfer_timeout_ms, 2000);
	assert_string_equal(spec.administrator_secret, "given");
	assert_false(spec.makes_administrator_secret);
	assert_false(spec.checks_writes);
	assert_int_equal(spec.check_period_ms, 4000);
	assert_int_equal(spec.check_timeout_ms, 5000);
	assert_int_equal(spec.check_failures, 6);
	assert_false(spec.has_own_claims);
	assert_true(spec.is_halted);
	assert_int_equal(spec.deletion, DELETION_HALT);
}

/* A name alone does not say that others make the Secret. */
static void a_named_secret_is_made(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(mssqlserver, "{spec: {authSecret: {name: mine}}}");
	assert_string_equal(spec.administrator_secret, "mine");
	assert_true(spec.makes_administrator_secret);
}

static void streaming_replication(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(mssqlserver, streaming);
	assert_true(spec.takes_every_database);
	assert_int_equal(spec.database_count, 0);
	assert_int_equal(spec.silence_ms, 15000);
	assert_int_equal(spec.replicas[1].availability, SQL_ASYNCHRONOUS_COMMIT);
	assert_false(spec.replicas[1].is_candidate);
	assert_true(spec.fails_over);
	assert_true(spec.hands_over);
	assert_string_equal(spec.replicas[1].role_label, "replica");
	cleanup_spec struct spec named = spec_of(
	        mssqlserver, "{spec: {topology: {mode: StreamingReplication, availabilityGroup: {secondaryAccessMode: "
	                     "All, availabilityMode: SynchronousCommit}}}}");
	assert_false(named.takes_every_database);
	assert_int_equal(named.replicas[0].access, SQL_ACCESS_ALL);
	assert_true(named.replicas[0].is_candidate);
}

static void one_server(void **state) {
	(void)state;
	cleanup_spec struct spec spec = spec_of(mssqlserver, standalone);
	assert_false(spec.is_group);
	assert_null(spec.group);
	assert_int_equal(spec.replica_count, 1);
	assert_string_equal(spec.replicas[0].pod, "ms-ag-one-0");
	assert_null(spec.replicas[0].endpoint_url);
	assert_string_equal(spec.replicas[0].role_label, "primary");
	assert_false(spec.fails_over);
	assert_false(spec.hands_over);
}

static void deletion_policies(void **state) {
	(void)state;
	cleanup_spec struct spec wipe_out = spec_of(mssqlserver, "{spec: {deletionPolicy: WipeOut}}");
	assert_int_equal(wipe_out.deletion, DELETION_WIPE_OUT);
	cleanup_spec struct spec kept = spec_of(mssqlserver, "{spec: {deletionPolicy: DoNotTerminate}}");
	assert_int_equal(kept.deletion, DELETION_DO_NOT_TERMINATE);
}

static void what_cannot_be_read(void **state) {
	(void)state;
	refuses(sqlag, "{kind: Pod}",
	        "apiVersion sql.mssql.microsoft.com/v1alpha1, kind Pod: neither a SQLServerAvailabilityGroup nor an "
	        "MSSQLServer of kubedb.com/v1alpha2");
	refuses(mssqlserver, "{apiVersion: kubedb.com/v1, spec: {topology: null}}",
	        "apiVersion kubedb.com/v1, kind MSSQLServer: neither a SQLServerAvailabilityGroup nor an MSSQLServer "
	        "of kubedb.com/v1alpha2");
	refuses(sqlag, "{metadata: {uid: null}}",
	        "this is no object that a cluster holds: it has no namespace, name or uid");
	refuses(sqlag, "{spec: {replicas: []}}", "spec.replicas: Required value: must have at least 1 item");
	refuses(sqlag, "{spec: null}", "spec: Required value: The group as it shall be");
	refuses(mssqlserver, "{spec: {replicas: 10}}",
	        "spec.replicas: Invalid value: 10: must be between 1 and 9, inclusive");
	refuses(mssqlserver, "{spec: {topology: {mode: null}}}", "spec.topology.mode: Required value");
	refuses(mssqlserver, "{spec: {topology: {mode: DistributedAG}}}",
	        "spec.topology.mode: Unsupported value: \"DistributedAG\"");
}

/* What users have in front of them. */
static void the_samples(void **state) {
	(void)state;
	static const char *const files[] = { "mssqlserver-availabilitygroup.yaml", "mssqlserver.yaml" };
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++) {
		cleanup_free char *path = xasprintf("%s/manifests/samples/%s", SOURCE_DIR, files[i]);
		cleanup_strbuf struct strbuf text = { 0 };
		assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
		cleanup_yaml_stream struct yaml_stream stream = { 0 };
		assert_int_equal(yaml_parse(strbuf_text(&text), text.length, &stream, NULL), 0);
		for (size_t j = 0; j < stream.count; j++) {
			struct json_object *object = stream.documents[j].json;
			const struct kind *kind = kind_of_object(object);
			if (kind != &mssqlserver_kind_v1 && kind != &mssqlserver_kind_v1alpha2) continue;
			kind_set_defaults(kind, object, NULL);
			assert_int_equal(kind_convert(object, "kubedb.com/v1alpha2", NULL), 0);
			json_set_text(json_get(object, "metadata"), "namespace", "default");
			json_set_text(json_get(object, "metadata"), "uid", "u");
			cleanup_spec struct spec spec = { 0 };
			cleanup_error struct error *err = NULL;
			if (spec_read(object, &spec, &err) < 0) fail_msg("%s: %s", files[i], err->message);
			assert_true(spec.replica_count > 0);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sqlag_as_it_is),
		cmocka_unit_test(sqlag_says_otherwise),
		cmocka_unit_test(sqlag_without_a_cluster),
		cmocka_unit_test(sqlag_without_automatic_failover),
		cmocka_unit_test(availability_group),
		cmocka_unit_test(mssqlserver_says_otherwise),
		cmocka_unit_test(a_named_secret_is_made),
		cmocka_unit_test(streaming_replication),
		cmocka_unit_test(one_server),
		cmocka_unit_test(deletion_policies),
		cmocka_unit_test(what_cannot_be_read),
		cmocka_unit_test(the_samples),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
