/* Role labels on pods (controller/decide/labels.c). */
#include "scene.h"

static void at_rest_nothing_is_done(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene_expect(&scene, labels_decide, "");
}

static void new_pods_are_labelled_by_their_roles(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	for (size_t i = 0; i < 3; i++) scene.view.replicas[i].pod.role_label = NULL;
	scene_expect(&scene, labels_decide,
	             "LABEL_POD sales-0 primary\nLABEL_POD sales-1 standby\nLABEL_POD sales-2 standby\n");

	cleanup_scene struct scene ag;
	scene_setup(&ag, scene_sqlag, NULL);
	for (size_t i = 0; i < 3; i++) ag.view.replicas[i].pod.role_label = NULL;
	scene_expect(&ag, labels_decide,
	             "LABEL_POD sales-0 primary\nLABEL_POD sales-1 readable-secondary\nLABEL_POD sales-2 secondary\n");
}

/* It comes back empty and RESOLVING, and is primary only when it says so. */
static void primary_must_be_earned(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.view.replicas[0].pod.role_label = NULL;
	scene_set_role(&scene, 0, SQL_ROLE_RESOLVING);
	scene_expect(&scene, labels_decide, "");
	scene.view.replicas[0].server.seen = NULL;
	scene_expect(&scene, labels_decide, "");
	scene.view.replicas[0].server.seen = &scene.seen[0];
	scene_set_role(&scene, 0, SQL_ROLE_PRIMARY);
	scene.view.replicas[0].incarnation = "another volume";
	scene_expect(&scene, labels_decide, "");
}

static void silence_changes_nothing(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	for (size_t i = 0; i < 3; i++) scene.view.replicas[i].server.seen = NULL;
	scene_expect(&scene, labels_decide, "");
}

/* Clients are turned away from a primary that is being replaced; the target keeps what it has. */
static void an_open_intent_takes_primary_off(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.record.intent = (struct intent){ .kind = INTENT_FAILOVER, .target = "" };
	scene_expect(&scene, labels_decide, "LABEL_POD sales-0 -\n");
	scene.record.intent.target = "sales-0"; /* a false alarm */
	scene_expect(&scene, labels_decide, "");
	scene.record.intent.target = "sales-1";
	scene_set_role(&scene, 0, SQL_ROLE_SECONDARY);
	scene_expect(&scene, labels_decide, "LABEL_POD sales-0 standby\n");
}

/* In the pass that records it, and not before the old one has lost the label. */
static void labels_flip_with_the_record(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.record.intent = (struct intent){ .kind = INTENT_FAILOVER, .target = "sales-1" };
	scene.view.replicas[0].pod.role_label = NULL;
	scene_set_role(&scene, 0, SQL_ROLE_RESOLVING);
	scene_set_role(&scene, 1, SQL_ROLE_PRIMARY);
	scene_expect(&scene, labels_decide, "");

	struct deciding *deciding = scene_begin(&scene);
	deciding->next.primary = deciding->next.members[1];
	deciding->next.intent = (struct intent){ 0 };
	labels_decide(deciding);
	cleanup_free char *flipped = scene_outcome(&scene);
	assert_string_equal(flipped, "LABEL_POD sales-1 primary\n");
}

static void one_primary_label_at_a_time(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.record.primary = scene.record.members[1];
	scene_set_role(&scene, 0, SQL_ROLE_RESOLVING);
	scene_set_role(&scene, 1, SQL_ROLE_PRIMARY);
	scene_expect(&scene, labels_decide, "LABEL_POD sales-0 -\n");
	/* Where it cannot be taken off, nobody waits for that. */
	scene.attempts[0] = (struct attempt){ .type = ACTION_LABEL_POD, .pod = "sales-0", .next_at = INT64_MAX };
	scene.view.attempt_count = 1;
	scene_expect(&scene, labels_decide, "LABEL_POD sales-1 primary\n");
	/* A pod that is not ours is not ours to label. */
	scene.view.attempt_count = 0;
	scene.view.replicas[0].pod.is_ours = false;
	scene_expect(&scene, labels_decide, "LABEL_POD sales-1 primary\n");
}

static void a_second_primary_is_none(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene_set_role(&scene, 2, SQL_ROLE_PRIMARY);
	scene.view.replicas[2].pod.role_label = "primary";
	scene_expect(&scene, labels_decide, "LABEL_POD sales-2 -\n");
}

static void whom_nobody_recorded_keeps_its_label(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, NULL);
	scene.record.primary = (struct member){ "", "" };
	scene_set_role(&scene, 0, SQL_ROLE_RESOLVING);
	scene_expect(&scene, labels_decide, "");
}

static void one_server_is_primary(void **state) {
	(void)state;
	cleanup_scene struct scene scene;
	scene_setup(&scene, scene_group, scene_alone);
	scene_expect(&scene, labels_decide, "");
	scene.view.replicas[0].pod.role_label = NULL;
	scene_expect(&scene, labels_decide, "LABEL_POD sales-0 primary\n");
	scene.view.replicas[0].pod.exists = false;
	scene_expect(&scene, labels_decide, "");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_rest_nothing_is_done),
		cmocka_unit_test(new_pods_are_labelled_by_their_roles),
		cmocka_unit_test(primary_must_be_earned),
		cmocka_unit_test(silence_changes_nothing),
		cmocka_unit_test(an_open_intent_takes_primary_off),
		cmocka_unit_test(labels_flip_with_the_record),
		cmocka_unit_test(one_primary_label_at_a_time),
		cmocka_unit_test(a_second_primary_is_none),
		cmocka_unit_test(whom_nobody_recorded_keeps_its_label),
		cmocka_unit_test(one_server_is_primary),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
