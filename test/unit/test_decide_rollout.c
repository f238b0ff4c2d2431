/* Rolling updates and cordoned nodes (controller/decide/rollout.c). */
#include "scene.h"

/* The promotion's part in it: what was asked of it, and what it answers. */
static struct {
	int count;
	const char *wanted, *reason;
	char message[200];
	bool answer;
	const char *why;
} hand_over;

bool promotion_request_hand_over(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                                 const char **why) {
	(void)deciding;
	hand_over.count++;
	hand_over.wanted = wanted;
	hand_over.reason = reason;
	snprintf(hand_over.message, sizeof(hand_over.message), "%s", message);
	if (!hand_over.answer && why != NULL) *why = hand_over.why;
	return hand_over.answer;
}

static void setup(struct scene *scene, const char *base, const char *change) {
	scene_setup(scene, base, change);
	hand_over = (typeof(hand_over)){ .answer = true };
}

static void outdate(struct scene *scene) {
	for (size_t i = 0; i < scene->spec.replica_count; i++) scene->view.replicas[i].pod.is_current = false;
}

/* The pod of a replica is deleted, made anew, and synchronized again. */
static void let_go(struct scene *scene, size_t i) {
	scene->view.replicas[i].pod = (struct pod_view){ 0 };
	scene->view.replicas[i].server.seen = NULL;
	scene->replicas[i].connected = SQL_DISCONNECTED;
	scene->databases[i].synchronization = SQL_NOT_SYNCHRONIZING;
}

static void make_again(struct scene *scene, size_t i) {
	scene->view.replicas[i].pod =
	        (struct pod_view){ .exists = true, .is_current = true, .is_ours = true, .uid = "new" };
}

static void bring_back(struct scene *scene, size_t i) {
	scene->view.replicas[i].pod.is_running = scene->view.replicas[i].pod.is_ready = true;
	scene->view.replicas[i].server.seen = &scene->seen[i];
	scene->replicas[i].connected = SQL_CONNECTED;
	scene->databases[i].synchronization = SQL_SYNCHRONIZED;
}

#define COMPLETE "RolloutComplete=True RolloutComplete\n"
#define WAITING  "RolloutComplete=False WaitingForReplica\n"

static void at_rest_nothing_is_done(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene_expect(&scene, rollout_decide, COMPLETE);
	/* One that is down later is no roll that is under way. */
	scene_store_found(&scene);
	let_go(&scene, 2);
	scene_expect(&scene, rollout_decide, COMPLETE);
	assert_int_equal(hand_over.count, 0);
}

/* The whole roll, pass by pass. */
static void one_after_the_other_the_primary_last(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene_store(&scene, "{type: RolloutComplete, status: 'True', reason: RolloutComplete, message: x}");
	outdate(&scene);
	for (size_t i = 2; i > 0; i--) {
		cleanup_free char *first = xasprintf("DELETE_POD sales-%zu pod-%zu\nEVENT Restarting\n"
		                                     "RolloutComplete=False Restarting\n",
		                                     i, i);
		cleanup_free char *again =
		        xasprintf("DELETE_POD sales-%zu pod-%zu\nRolloutComplete=False Restarting\n", i, i);
		scene_expect(&scene, rollout_decide, first);
		scene_store_found(&scene);
		scene_expect(&scene, rollout_decide, again); /* nobody has seen it yet; said once */
		scene.view.replicas[i].pod.is_deleting = true;
		scene_expect(&scene, rollout_decide, "RolloutComplete=False Restarting\n");
		let_go(&scene, i);
		scene_expect(&scene, rollout_decide, WAITING);
		make_again(&scene, i);
		scene_expect(&scene, rollout_decide, WAITING);
		scene.view.replicas[i].pod.is_running = scene.view.replicas[i].pod.is_ready = true;
		scene_expect(&scene, rollout_decide, WAITING);
		assert_non_null(strstr(scene_message(&scene), "it is not synchronized"));
		bring_back(&scene, i);
	}
	assert_int_equal(hand_over.count, 0);
	scene_expect(&scene, rollout_decide, "RolloutComplete=False HandingOver\n");
	assert_null(hand_over.wanted);
	assert_string_equal(hand_over.reason, "RollingUpdate");
	assert_string_equal(hand_over.message, "sales-0 is restarted for the newest revision");

	/* It has handed over, and is a secondary as the others were. */
	scene.record.intent = (struct intent){ .kind = INTENT_HAND_OVER, .target = "sales-1" };
	scene_expect(&scene, rollout_decide, "RolloutComplete=False WaitingForPrimary\n");
	scene.record.intent = (struct intent){ 0 };
	scene.record.primary = scene.record.members[1];
	scene_set_role(&scene, 0, SQL_ROLE_SECONDARY);
	scene_set_role(&scene, 1, SQL_ROLE_PRIMARY);
	struct sql_observation of_primary = scene.seen[0];
	scene.seen[0] = scene.seen[1];
	scene.seen[1] = of_primary;
	struct deciding *deciding = scene_begin(&scene);
	deciding->state = GROUP_STEADY;
	deciding->primary = &scene.view.replicas[1];
	rollout_decide(deciding);
	cleanup_free char *outcome = scene_outcome(&scene);
	assert_string_equal(outcome, "DELETE_POD sales-0 pod-0\nEVENT Restarting\nRolloutComplete=False Restarting\n");
}

static void it_is_complete_when_all_are_back(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene_store(&scene, "{type: RolloutComplete, status: 'False', reason: Restarting, message: x}");
	let_go(&scene, 0);
	make_again(&scene, 0);
	scene_expect(&scene, rollout_decide, WAITING);
	bring_back(&scene, 0);
	scene_expect(&scene, rollout_decide, "EVENT RolloutComplete\n" COMPLETE);
}

/* The first pod of a broken revision is the last one that is touched. */
static void a_broken_revision_stops_the_roll(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	let_go(&scene, 2);
	make_again(&scene, 2);
	scene.view.replicas[2].pod.is_stuck = true;
	scene.view.replicas[2].pod.trouble = "Back-off pulling image \"x\"";
	scene_expect(&scene, rollout_decide, "EVENT ReplicaStuck\nRolloutComplete=False ReplicaStuck\n");
	assert_string_equal(scene_message(&scene), "sales-2 does not come up: Back-off pulling image \"x\"");
	scene_store_found(&scene);
	scene.view.replicas[2].pod.trouble = "ErrImagePull";
	scene_expect(&scene, rollout_decide, "RolloutComplete=False ReplicaStuck\n");
	/* Mended: that pod is of an old revision now, and the first to go. */
	scene.view.replicas[2].pod.is_current = false;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-2 new\nEVENT ReplacingPod\nRolloutComplete=False ReplacingPod\n");
}

/* Also where the group waits for just that: nothing runs there that could be lost. */
static void a_stuck_pod_is_replaced_in_any_state(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	for (size_t i = 0; i < 3; i++) {
		let_go(&scene, i);
		make_again(&scene, i);
		scene.view.replicas[i].pod.is_current = false;
		scene.view.replicas[i].pod.is_stuck = i != 1;
		scene.view.replicas[i].pod.is_terminated = true;
		scene.view.replicas[i].pod.trouble = "CrashLoopBackOff";
	}
	scene.record.intent = (struct intent){ .kind = INTENT_FAILOVER, .target = "" };
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-0 new\nDELETE_POD sales-2 new\nEVENT ReplacingPod\n"
	             "RolloutComplete=False ReplacingPod\n");
	/* Unless its data would go with it. */
	scene.spec.has_own_claims = false;
	scene_expect(&scene, rollout_decide, "RolloutComplete=False WaitingForPrimary\n");
	scene.view.replicas[2].pod.is_terminated = false; /* it never ran */
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-2 new\nEVENT ReplacingPod\nRolloutComplete=False ReplacingPod\n");
}

static void a_member_that_is_away_holds_the_roll_up(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	/* It is outdated and not synchronized: it goes first, having least to lose. */
	scene.databases[1].synchronization = SQL_SYNCHRONIZING;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-1 pod-1\nEVENT Restarting\nRolloutComplete=False Restarting\n");
	/* Two of them, members both: one waits for the other. */
	scene.replicas[2].connected = SQL_DISCONNECTED;
	scene_expect(&scene, rollout_decide, WAITING);
	/* … unless it is no member any more. */
	scene.record.member_count = 1;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-2 pod-2\nEVENT Restarting\nRolloutComplete=False Restarting\n");
	scene.record.member_count = 3;
	/* A new revision's pod that is not ready is not back, whatever its server says. */
	scene.replicas[2].connected = SQL_CONNECTED;
	scene.databases[1].synchronization = SQL_SYNCHRONIZED;
	scene.view.replicas[2].pod.is_current = true;
	scene.view.replicas[2].pod.is_ready = false;
	scene_expect(&scene, rollout_decide, WAITING);
	/* An old one may well be unready: that may be what the new one mends. */
	scene.view.replicas[2].pod.is_ready = true;
	scene.view.replicas[0].pod.is_ready = false;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-1 pod-1\nEVENT Restarting\nRolloutComplete=False Restarting\n");
}

static void the_primary_waits_for_its_hand_over(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene.view.replicas[0].pod.is_current = false;
	hand_over.answer = false;
	hand_over.why = "sales-1 is being raised";
	scene_expect(&scene, rollout_decide, "EVENT WaitingForHandOver\nRolloutComplete=False WaitingForHandOver\n");
	assert_string_equal(scene_message(&scene),
	                    "sales-0, the primary, cannot hand over yet: sales-1 is being raised");
}

/* Where nobody may take over it is restarted where it is. */
static void a_primary_without_successors(void **state) {
	(void)state;
	static const char *const changes[] = {
		"{spec: {replicas: [{name: a}]}}",
		"{spec: {clusterType: NONE}}",
		"{spec: {replicas: [{name: a}, {name: b, failoverMode: Manual}]}}",
		"{spec: {replicas: [{name: a}, {name: b, availabilityMode: AsynchronousCommit}]}}",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		cleanup_scene struct scene scene;
		setup(&scene, scene_sqlag, changes[i]);
		scene.view.replicas[0].pod.is_current = false;
		scene_expect(&scene, rollout_decide,
		             "DELETE_POD sales-0 pod-0\nEVENT RestartingPrimary\n"
		             "RolloutComplete=False RestartingPrimary\n");
		assert_int_equal(hand_over.count, 0);
	}
}

static void asynchronous_replicas_follow_the_same_order(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, scene_streaming);
	outdate(&scene);
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-2 pod-2\nEVENT Restarting\nRolloutComplete=False Restarting\n");
	scene.view.replicas[1].pod.is_current = scene.view.replicas[2].pod.is_current = true;
	scene.databases[2].synchronization = SQL_NOT_SYNCHRONIZING;
	scene_expect(&scene, rollout_decide, WAITING);
	scene.databases[2].synchronization = SQL_SYNCHRONIZING;
	scene_expect(&scene, rollout_decide, "RolloutComplete=False HandingOver\n");
}

static void servers_that_are_no_group(void **state) {
	(void)state;
	cleanup_scene struct scene alone;
	setup(&alone, scene_group, scene_alone);
	outdate(&alone);
	scene_expect(&alone, rollout_decide,
	             "DELETE_POD sales-0 pod-0\nEVENT Restarting\nRolloutComplete=False Restarting\n");
	alone.view.replicas[0].server.is_busy = true;
	scene_expect(&alone, rollout_decide, "EVENT Restarting\nRolloutComplete=False Restarting\n");

	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene.record = (struct record){ 0 };
	outdate(&scene);
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-0 pod-0\nDELETE_POD sales-1 pod-1\nDELETE_POD sales-2 pod-2\nEVENT Restarting\n"
	             "RolloutComplete=False Restarting\n");
}

static void nothing_is_restarted_while_paused(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene.view.is_paused = true;
	scene_expect(&scene, rollout_decide, COMPLETE);
	outdate(&scene);
	scene.view.replicas[0].node.is_cordoned = true;
	scene_expect(&scene, rollout_decide, "RolloutComplete=False Paused\n");
	assert_int_equal(hand_over.count, 0);
}

static void nor_without_a_primary(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	scene_set_role(&scene, 0, SQL_ROLE_RESOLVING);
	scene_expect(&scene, rollout_decide, "RolloutComplete=False WaitingForPrimary\n");
}

/* ---- Cordoned nodes ---- */

static void a_cordoned_node_is_left(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene_store(&scene, "{type: RolloutComplete, status: 'True', reason: RolloutComplete, message: x}");
	scene.view.replicas[1].node.is_cordoned = true;
	scene_expect(&scene, rollout_decide, COMPLETE); /* a secondary may stay there */
	scene.view.replicas[0].node.is_cordoned = true;
	scene_expect(&scene, rollout_decide, COMPLETE);
	assert_string_equal(hand_over.wanted, "sales-2");
	assert_string_equal(hand_over.reason, "NodeCordoned");
	assert_string_equal(hand_over.message, "node node-0, of primary sales-0, is cordoned");
	/* Nobody elsewhere can take over: it stays. */
	hand_over.count = 0;
	scene.databases[2].synchronization = SQL_SYNCHRONIZING;
	scene_expect(&scene, rollout_decide, COMPLETE);
	assert_int_equal(hand_over.count, 0);
	scene.databases[2].synchronization = SQL_SYNCHRONIZED;
	scene.record.member_count = 2;
	scene_expect(&scene, rollout_decide, COMPLETE);
	assert_int_equal(hand_over.count, 0);
}

/* One of the newest revision, so that it need not hand over again. */
static void the_best_successor(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	scene.view.replicas[0].node.is_cordoned = true;
	scene_expect(&scene, rollout_decide, COMPLETE);
	assert_string_equal(hand_over.wanted, "sales-1");
	scene.view.replicas[1].pod.is_current = false;
	scene_expect(&scene, rollout_decide, "RolloutComplete=False HandingOver\n");
	assert_string_equal(hand_over.wanted, "sales-2");
	scene.view.replicas[2].pod.is_ready = false;
	scene_expect(&scene, rollout_decide, "RolloutComplete=False HandingOver\n");
	assert_string_equal(hand_over.wanted, "sales-1");
	scene.view.replicas[1].node.is_ready = false;
	hand_over.count = 0;
	scene_store(&scene, "{type: RolloutComplete, status: 'False', reason: WaitingForReplica, message: x}");
	scene_expect(&scene, rollout_decide, WAITING);
	assert_int_equal(hand_over.count, 0);
}

static void a_seeding_is_not_interrupted(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	struct sql_seeding_row seeding = { .remote_replica_id = "sales-1", .is_source = true };
	scene.seen[0].seedings = &seeding;
	scene.seen[0].seeding_count = 1;
	scene_expect(&scene, rollout_decide, WAITING);
	assert_string_equal(scene_message(&scene), "sales-1 is being seeded");
	seeding.is_complete = true;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-2 pod-2\nEVENT Restarting\nRolloutComplete=False Restarting\n");
}

/* Synchronized is not enough: only what is recorded may be promoted when the primary dies next. */
static void a_candidate_is_back_when_it_is_recorded(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	setup(&scene, scene_group, NULL);
	outdate(&scene);
	scene.view.replicas[2].pod.is_current = true;
	scene.record.member_count = 2;
	scene_expect(&scene, rollout_decide, WAITING);
	scene.record.member_count = 3;
	scene_expect(&scene, rollout_decide,
	             "DELETE_POD sales-1 pod-1\nEVENT Restarting\nRolloutComplete=False Restarting\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_rest_nothing_is_done),
		cmocka_unit_test(one_after_the_other_the_primary_last),
		cmocka_unit_test(it_is_complete_when_all_are_back),
		cmocka_unit_test(a_broken_revision_stops_the_roll),
		cmocka_unit_test(a_stuck_pod_is_replaced_in_any_state),
		cmocka_unit_test(a_member_that_is_away_holds_the_roll_up),
		cmocka_unit_test(the_primary_waits_for_its_hand_over),
		cmocka_unit_test(a_primary_without_successors),
		cmocka_unit_test(asynchronous_replicas_follow_the_same_order),
		cmocka_unit_test(servers_that_are_no_group),
		cmocka_unit_test(nothing_is_restarted_while_paused),
		cmocka_unit_test(nor_without_a_primary),
		cmocka_unit_test(a_seeding_is_not_interrupted),
		cmocka_unit_test(a_candidate_is_back_when_it_is_recorded),
		cmocka_unit_test(a_cordoned_node_is_left),
		cmocka_unit_test(the_best_successor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
