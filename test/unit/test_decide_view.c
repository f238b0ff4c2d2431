/* What the API says of pods, nodes and claims, as the controller sees it (controller/decide/view.c). Statuses are as a
 * kubelet writes them. */
#include "judge.h"

#include "controller/decide/view.h"

static const char running[] =
        "metadata:\n"
        "  name: ag-1\n"
        "  namespace: demo\n"
        "  uid: u-1\n"
        "  labels: {controller-revision-hash: ag-7, role: secondary}\n"
        "  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: ag, uid: s, controller: true}]\n"
        "spec: {nodeName: node-a}\n"
        "status:\n"
        "  phase: Running\n"
        "  podIP: 10.0.0.7\n"
        "  conditions:\n"
        "  - {type: PodScheduled, status: 'True'}\n"
        "  - {type: Ready, status: 'True'}\n"
        "  containerStatuses:\n"
        "  - {name: exporter, restartCount: 5, state: {running: {}}, containerID: 'containerd://e'}\n"
        "  - {name: mssql, restartCount: 2, state: {running: {}}, containerID: 'containerd://m'}\n";

/* The JSON must outlive the view, whose texts are borrowed. */
static struct json_object *changed(const char *base, const char *change) {
	struct json_object *object = judge_yaml(base);
	if (change == NULL) return object;
	cleanup_json struct json_object *patch = judge_yaml(change);
	return judge_merge(object, patch);
}

static struct pod_view pod_of(const struct json_object *pod) {
	struct pod_view view;
	pod_view_read(pod, "ag-7", "role", &view);
	return view;
}

static void a_running_pod(void **state) {
	(void)state;
	cleanup_json struct json_object *pod = changed(running, NULL);
	struct pod_view view = pod_of(pod);
	assert_true(view.exists);
	assert_string_equal(view.uid, "u-1");
	assert_string_equal(view.node, "node-a");
	assert_string_equal(view.ip, "10.0.0.7");
	assert_string_equal(view.role_label, "secondary");
	assert_string_equal(view.incarnation_container, "containerd://m");
	assert_true(view.is_ready);
	assert_true(view.is_running);
	assert_false(view.is_terminated);
	assert_false(view.is_deleting);
	assert_int_equal(view.restarts, 2);
	assert_true(view.is_current);
	assert_false(view.is_stuck);
	assert_null(view.trouble);
	assert_true(view.is_ours);
	pod_view_read(pod, "ag-8", "role", &view);
	assert_false(view.is_current);
	pod_view_read(pod, NULL, "role", &view);
	assert_true(view.is_current);
}

static void no_pod(void **state) {
	(void)state;
	struct pod_view view = pod_of(NULL);
	assert_false(view.exists);
	assert_null(view.uid);
	assert_false(view.is_running);
	assert_false(view.is_terminated);
	assert_false(view.is_stuck);
}

/* Just made: no node, no status to speak of. */
static void a_young_pod(void **state) {
	(void)state;
	cleanup_json struct json_object *pod = changed(running, "{spec: {nodeName: ''}, status: null}");
	struct pod_view view = pod_of(pod);
	assert_true(view.exists);
	assert_null(view.node);
	assert_null(view.ip);
	assert_null(view.incarnation_container);
	assert_false(view.is_ready);
	assert_false(view.is_running);
	assert_false(view.is_terminated);
	assert_false(view.is_stuck);
}

static void a_pod_that_is_deleted(void **state) {
	(void)state;
	cleanup_json struct json_object *pod = changed(
	        running, "{metadata: {deletionTimestamp: '2026-11-22T04:00:00Z', deletionGracePeriodSeconds: 60}}");
	struct pod_view view = pod_of(pod);
	assert_true(view.is_deleting);
	assert_int_equal(view.deletion_grace_s, 60);
	assert_true(view.is_running);
}

/* What SQL Server's container is in, and what is said of it. */
static const struct {
	const char *status; /* merged into the running pod's */
	bool is_running, is_terminated;
	const char *trouble;
} containers[] = {
	{ "{containerStatuses: [{name: mssql, state: {waiting: {reason: ContainerCreating}}}]}", false, false, NULL },
	{ "{containerStatuses: [{name: mssql, state: {waiting: {reason: PodInitializing}}}]}", false, false, NULL },
	{ "{containerStatuses: [{name: mssql, state: {terminated: {exitCode: 137}}}]}", false, true, NULL },
	{ "{containerStatuses: [{name: mssql, restartCount: 1, state: {waiting: {reason: CrashLoopBackOff,"
	  " message: back-off 10s restarting failed container}}, lastState: {terminated: {exitCode: 1}}}]}",
	  false, true, "back-off 10s restarting failed container" },
	{ "{containerStatuses: [{name: mssql, restartCount: 1, state: {running: {}},"
	  " lastState: {terminated: {exitCode: 1}}}]}",
	  true, false, NULL },
	{ "{containerStatuses: [{name: mssql, state: {waiting: {reason: ImagePullBackOff,"
	  " message: Back-off pulling image}}}]}",
	  false, false, "Back-off pulling image" },
	{ "{containerStatuses: [{name: mssql, state: {waiting: {reason: InvalidImageName}}}]}", false, false,
	  "InvalidImageName" },
	{ "{containerStatuses: [{name: mssql, state: {running: {}}},"
	  " {name: exporter, state: {waiting: {reason: ErrImagePull}}}]}",
	  true, false, "ErrImagePull" },
	{ "{initContainerStatuses: [{name: first, state: {waiting: {reason: CreateContainerConfigError,"
	  " message: secret not found}}}],"
	  " containerStatuses: [{name: mssql, state: {waiting: {reason: PodInitializing}}}]}",
	  false, false, "secret not found" },
	{ "{phase: Pending, podIP: null, containerStatuses: null, conditions: [{type: PodScheduled, status: 'False',"
	  " reason: Unschedulable, message: 0/3 nodes are available}]}",
	  false, false, "0/3 nodes are available" },
	{ "{phase: Failed, reason: Evicted, message: The node was low on resource, containerStatuses: null}", false,
	  true, "The node was low on resource" },
	{ "{phase: Failed}", false, true, "the pod has failed" },
	{ "{phase: Succeeded}", false, true, NULL },
};

static void states_of_containers(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(containers); i++) {
		cleanup_free char *change = xasprintf("{status: %s}", containers[i].status);
		cleanup_json struct json_object *pod = changed(running, change);
		struct pod_view view = pod_of(pod);
		if (view.is_running != containers[i].is_running || view.is_terminated != containers[i].is_terminated ||
		    view.is_stuck != (containers[i].trouble != NULL)) {
			fail_msg("running %d, terminated %d, stuck %d: %s", view.is_running, view.is_terminated,
			         view.is_stuck, containers[i].status);
		}
		if (view.is_stuck) assert_string_equal(view.trouble, containers[i].trouble);
	}
}

static const struct {
	const char *owners;
	bool is_ours;
} owners[] = {
	{ "[]", false },
	{ "[{kind: StatefulSet, name: ag}]", false }, /* owned, but not controlled */
	{ "[{kind: ReplicaSet, name: ag, controller: true}]", false },
	{ "[{kind: StatefulSet, name: other, controller: true}]", false },
	{ "[{kind: StatefulSet, name: a, controller: true}]", false },
	{ "[{kind: StatefulSet, name: ag-1, controller: true}]", false },
	{ "[{kind: Foo, name: x}, {kind: StatefulSet, name: ag, controller: true}]", true },
};

static void whose_a_pod_is(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(owners); i++) {
		cleanup_free char *change = xasprintf("{metadata: {ownerReferences: %s}}", owners[i].owners);
		cleanup_json struct json_object *pod = changed(running, change);
		if (pod_of(pod).is_ours != owners[i].is_ours) fail_msg("%s", owners[i].owners);
	}
}

static void nodes(void **state) {
	(void)state;
	cleanup_json struct json_object *ready =
	        judge_yaml("{status: {conditions: [{type: MemoryPressure, status: 'False'}, {type: Ready, status: "
	                   "'True'}]}}");
	cleanup_json struct json_object *cordoned =
	        judge_yaml("{spec: {unschedulable: true}, status: {conditions: [{type: Ready, status: Unknown}]}}");
	struct node_view view;
	node_view_read(ready, &view);
	assert_true(view.exists && view.is_ready && !view.is_cordoned);
	node_view_read(cordoned, &view);
	assert_true(view.exists && !view.is_ready && view.is_cordoned);
	node_view_read(NULL, &view);
	assert_true(!view.exists && !view.is_ready && !view.is_cordoned);
}

static void claims(void **state) {
	(void)state;
	cleanup_json struct json_object *claim =
	        judge_yaml("metadata: {uid: c-1, creationTimestamp: '2026-11-22T04:00:00Z'}\n"
	                   "spec: {storageClassName: standard, resources: {requests: {storage: 2Gi}}}\n"
	                   "status: {phase: Bound, capacity: {storage: 1Gi},\n"
	                   "  conditions: [{type: FileSystemResizePending, status: 'True'}]}\n");
	struct claim_view view;
	claim_view_read(claim, &view);
	assert_true(view.exists);
	assert_string_equal(view.uid, "c-1");
	assert_string_equal(view.storage_class, "standard");
	assert_int_equal(view.created, 1795320000);
	assert_int_equal(quantity_value(view.requested), 2147483648);
	assert_int_equal(quantity_value(view.capacity), 1073741824);
	assert_true(view.waits_for_node);
	assert_false(view.is_resizing);
	assert_false(view.is_deleting);
	claim_view_read(NULL, &view);
	assert_false(view.exists);
	assert_null(view.uid);
}

static const struct {
	const char *metadata;
	bool is_labelled;
} claim_labels[] = {
	{ "{name: data-ag-0, labels: {app.kubernetes.io/instance: ag, app.kubernetes.io/managed-by: agkeeper}}", true },
	{ "{name: data-ag-0, labels: {app.kubernetes.io/instance: a, app.kubernetes.io/managed-by: agkeeper}}", false },
	{ "{name: data-ag-0, labels: {app.kubernetes.io/instance: ag}}", false },
	{ "{name: log-ag-0, labels: {app.kubernetes.io/instance: ag, app.kubernetes.io/managed-by: agkeeper}}", false },
	{ "{name: data-ag-0}", false },
};

static void labels_of_claims(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(claim_labels); i++) {
		cleanup_free char *text = xasprintf("{metadata: %s}", claim_labels[i].metadata);
		cleanup_json struct json_object *claim = judge_yaml(text);
		struct claim_view view;
		claim_view_read(claim, &view);
		if (view.is_labelled != claim_labels[i].is_labelled) fail_msg("%s", text);
	}
}

static void finding_replicas(void **state) {
	(void)state;
	struct view view = { .replica_count = 2 };
	view.replicas[0] = (struct replica_view){ .pod_name = "ag-0", .incarnation = "c-0" };
	view.replicas[1] = (struct replica_view){ .pod_name = "ag-1" };
	assert_ptr_equal(view_find(&view, "ag-1"), &view.replicas[1]);
	assert_null(view_find(&view, "ag-2"));
	assert_null(view_find(&view, NULL));
	assert_true(view_is_member(&view.replicas[0], &(struct member){ "ag-0", "c-0" }));
	assert_false(view_is_member(&view.replicas[0], &(struct member){ "ag-0", "c-9" }));
	assert_false(view_is_member(&view.replicas[0], &(struct member){ "ag-1", "c-0" }));
	/* Without a volume it is nobody, whatever was recorded. */
	assert_false(view_is_member(&view.replicas[1], &(struct member){ "ag-1", NULL }));
	assert_false(view_is_member(&view.replicas[1], &(struct member){ "ag-1", "c-1" }));
	assert_false(view_is_member(NULL, &(struct member){ "ag-0", "c-0" }));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_running_pod),
		cmocka_unit_test(no_pod),
		cmocka_unit_test(a_young_pod),
		cmocka_unit_test(a_pod_that_is_deleted),
		cmocka_unit_test(states_of_containers),
		cmocka_unit_test(whose_a_pod_is),
		cmocka_unit_test(nodes),
		cmocka_unit_test(claims),
		cmocka_unit_test(labels_of_claims),
		cmocka_unit_test(finding_replicas),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
