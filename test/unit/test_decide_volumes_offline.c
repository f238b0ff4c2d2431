/* Volume expansion with pods away: one at a time, whoever is not back first, the primary last. */
#include "unit/volumes_scene.h"

/* ---- Offline ---- */

static void take_pod(struct carried *operation, size_t i) {
	operation->scene.view.replicas[i].pod = (struct pod_view){ 0 };
	operation->scene.view.replicas[i].server.seen = NULL;
	operation->scene.replicas[i].connected = SQL_DISCONNECTED;
	operation->scene.databases[i].synchronization = SQL_NOT_SYNCHRONIZING;
}

static void return_pod(struct carried *operation, size_t i, bool is_synchronized) {
	operation->scene.view.replicas[i].pod = (struct pod_view){
		.exists = true, .is_current = true, .is_ours = true, .uid = "new", .is_running = true, .is_ready = true
	};
	operation->scene.view.replicas[i].server.seen = &operation->scene.seen[i];
	if (!is_synchronized) return;
	operation->scene.replicas[i].connected = SQL_CONNECTED;
	operation->scene.databases[i].synchronization = SQL_SYNCHRONIZED;
}

static bool keeps_away(struct carried *operation) {
	return volumes_keep_set_away(scene_begin(&operation->scene));
}

static void offline_one_pod_at_a_time_the_primary_last(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Offline", "2Gi", "");
	assert_false(keeps_away(&o));
	expect(&o, STATUS("grow"));
	for (size_t i = 2; i > 0; i--) {
		const char *pod = o.scene.view.replicas[i].pod_name;
		cleanup_free char *delete_pod = xasprintf("DELETE_POD %s pod-%zu\n", pod, i);
		cleanup_free char *ask = xasprintf("PATCH_CLAIM %s 2Gi\n" STATUS("grow"), pod);
		expect(&o, "DELETE_SET sales StatefulSet/sales\n" STATUS("grow"));
		assert_true(keeps_away(&o));
		set_is_there(&o, 0);
		expect(&o, delete_pod);
		o.scene.view.replicas[i].pod.is_deleting = true;
		expect(&o, "");
		take_pod(&o, i);
		assert_true(keeps_away(&o));
		expect(&o, ask);
		set_claim(&o, i, 2, 1);
		expect(&o, STATUS("grow"));
		assert_true(keeps_away(&o));
		/* The node does its part when the pod is started. */
		o.scene.view.replicas[i].claim.waits_for_node = true;
		volumes_decide(scene_begin(&o.scene));
		commit(&o);
		set_is_there(&o, 2);
		return_pod(&o, i, false);
		set_claim(&o, i, 2, 2);
		expect(&o, STATUS("grow"));
		assert_int_equal(hand_over.count, 0);
		return_pod(&o, i, true);
	}
	assert_string_equal(progress_of(&o, 0), "2/3");
	assert_false(keeps_away(&o));
	expect(&o, STATUS("grow"));
	assert_int_equal(hand_over.count, 1);
	assert_step(&o, 0, "Expanded-sales-0", "False", "the primary, hands over before");
	hand_over.answer = false;
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-0", "False", "cannot hand over yet: nobody is synchronized");
}

static void offline_waits_for_the_others(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Offline", "2Gi", "");
	expect(&o, STATUS("grow"));
	set_claim(&o, 1, 2, 2);
	o.scene.databases[1].synchronization = SQL_SYNCHRONIZING;
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-2", "False", "waits until sales-1 is back and synchronized");
	/* One is away and another pod is lost: the StatefulSet is made again at once, for both. */
	o.scene.databases[1].synchronization = SQL_SYNCHRONIZED;
	set_is_there(&o, 0);
	take_pod(&o, 2);
	assert_true(keeps_away(&o));
	take_pod(&o, 1);
	assert_false(keeps_away(&o));
}

static void begin_offline(struct carried *operation) {
	setup(operation, scene_group, NULL);
	add_request(operation, "grow", "Offline", "2Gi", "");
	expect(operation, STATUS("grow"));
	set_is_there(operation, 0);
}

/* A standby whose disk is full is never synchronized before its volume has grown. */
static void offline_begins_with_who_is_not_back(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	begin_offline(&o);
	o.scene.databases[1].synchronization = SQL_SYNCHRONIZING;
	expect(&o, "DELETE_POD sales-1 pod-1\n" STATUS("grow"));
	/* It stays its turn while it is away, whatever the others do, and nobody sees a primary. */
	take_pod(&o, 1);
	o.scene.databases[2].synchronization = SQL_SYNCHRONIZING;
	expect(&o, "PATCH_CLAIM sales-1 2Gi\n" STATUS("grow"));
	o.scene.view.replicas[0].server.seen = NULL;
	assert_true(keeps_away(&o));
}

/* Both are full, and count for nothing: none waits for the other. */
static void offline_does_not_wait_for_who_waits_for_it(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	begin_offline(&o);
	o.scene.databases[1].synchronization = o.scene.databases[2].synchronization = SQL_SYNCHRONIZING;
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-2", "False", "waits until sales-1 is back");
	struct sql_volume_row volume = { .mount_point = "", .total_bytes = 1000, .available_bytes = 10 };
	o.scene.seen[1].volumes = &volume;
	o.scene.seen[1].volume_count = 1;
	expect(&o, "DELETE_POD sales-2 pod-2\n" STATUS("grow"));
	volume.available_bytes = 11;
	expect(&o, STATUS("grow"));
	o.scene.record.member_count = 1;
	expect(&o, "DELETE_POD sales-2 pod-2\n" STATUS("grow"));
}

/* Online its node never did its part: a pod that is started anew has it done. */
static void offline_restarts_what_the_node_has_left(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	begin_offline(&o);
	for (size_t i = 0; i < 3; i++) {
		set_claim(&o, i, 2, i == 2 ? 1 : 2);
		o.scene.view.replicas[i].claim.waits_for_node = i == 2;
		o.scene.view.replicas[i].claim.waits_since = 1000;
		o.scene.view.replicas[i].pod.created = 900;
	}
	expect(&o, "DELETE_POD sales-2 pod-2\n" STATUS("grow"));
	take_pod(&o, 2);
	assert_false(keeps_away(&o));
	/* It is on its way. */
	set_is_there(&o, 2);
	o.scene.view.replicas[2].pod = (struct pod_view){ .exists = true, .created = 1000, .is_ours = true };
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-2", "False", "is to make its file system larger");
}

/* SQL Server does not start where there is no space: the group may have no primary before. */
static void offline_takes_what_cannot_start(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	begin_offline(&o);
	struct pod_view *pod = &o.scene.view.replicas[0].pod;
	pod->is_stuck = pod->is_terminated = true;
	pod->is_running = pod->is_ready = false;
	pod->trouble = "CrashLoopBackOff";
	o.scene.view.replicas[0].server.seen = NULL;
	expect(&o, "DELETE_POD sales-0 pod-0\n" STATUS("grow"));
}

/* Deleted, failed, halted: whatever ends the request brings the pod back. */
static void offline_ends_with_its_request(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Offline", "2Gi", ", timeout: 1m");
	expect(&o, STATUS("grow"));
	set_is_there(&o, 0);
	take_pod(&o, 2);
	assert_true(keeps_away(&o));
	o.scene.view.request_count = 0;
	assert_false(keeps_away(&o));
	read_again(&o);
	volumes_decide(scene_begin(&o.scene));
	commit(&o);
	o.scene.view.wall_us += INT64_C(61) * 1000000;
	volumes_decide(scene_begin(&o.scene));
	commit(&o);
	assert_string_equal(phase_of(&o, 0), "Failed");
	assert_false(keeps_away(&o));
}

static void offline_a_single_server_is_just_stopped(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, scene_alone);
	add_request(&o, "grow", "Offline", "2Gi", "");
	expect(&o, STATUS("grow"));
	expect(&o, "DELETE_SET sales StatefulSet/sales\n" STATUS("grow"));
	set_is_there(&o, 0);
	expect(&o, "DELETE_POD sales-0 pod-0\n");
	assert_int_equal(hand_over.count, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offline_one_pod_at_a_time_the_primary_last),
		cmocka_unit_test(offline_waits_for_the_others),
		cmocka_unit_test(offline_begins_with_who_is_not_back),
		cmocka_unit_test(offline_does_not_wait_for_who_waits_for_it),
		cmocka_unit_test(offline_restarts_what_the_node_has_left),
		cmocka_unit_test(offline_takes_what_cannot_start),
		cmocka_unit_test(offline_ends_with_its_request),
		cmocka_unit_test(offline_a_single_server_is_just_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
