/* Volume expansion: online, what waits and what is refused, failures, and growth that nobody asked for by a request. */
#include "unit/volumes_scene.h"

/* ---- Online ---- */

static void online_step_by_step(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	expect(&o, STATUS("grow"));
	assert_string_equal(phase_of(&o, 0), "Progressing");
	assert_step(&o, 0, "DatabasePaused", "True", "sales");

	const char *ask = "PATCH_CLAIM sales-2 2Gi\nPATCH_CLAIM sales-1 2Gi\nPATCH_CLAIM sales-0 2Gi\n";
	cleanup_free char *first = xasprintf("%s%s", ask, STATUS("grow"));
	expect(&o, first);
	assert_string_equal(progress_of(&o, 0), "0/3");
	expect(&o, ask); /* nobody has seen it yet; the status is said once */
	for (size_t i = 0; i < 3; i++) set_claim(&o, i, 2, 1);
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-1", "False", "the storage driver has not begun");
	o.scene.view.replicas[1].claim.is_resizing = true;
	o.scene.view.replicas[2].claim.waits_for_node = true;
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-1", "False", "makes the disk 2Gi");
	assert_step(&o, 0, "Expanded-sales-2", "False", "node-2 is to make its file system larger");
	set_claim(&o, 2, 2, 2);
	expect(&o, STATUS("grow"));
	assert_string_equal(progress_of(&o, 0), "1/3");

	end_of_claims(&o, 2);
	expect(&o, "DELETE_SET sales StatefulSet/sales\n" STATUS("grow"));
	o.scene.view.set_is_deleting = true;
	expect(&o, "");
	o.scene.view.has_set = o.scene.view.set_is_deleting = o.scene.view.has_set_size = false;
	expect(&o, "");
	o.scene.view.has_set = o.scene.view.has_set_size = true;
	o.scene.view.set_size = *gi(2);
	expect(&o, "PATCH_STORAGE 2Gi\n" STATUS("grow"));
	change_spec(&o, "2Gi");
	expect(&o, STATUS("grow"));
	assert_string_equal(phase_of(&o, 0), "Successful");
	assert_string_equal(progress_of(&o, 0), "3/3");
	assert_step(&o, 0, "DatabasePaused", "False", "as usual");
	expect(&o, ""); /* and never again */
}

/* It is the same wherever the controller was killed: nothing is remembered but what the objects say. */
static void whatever_is_done_is_not_done_again(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	expect(&o, STATUS("grow"));
	end_of_claims(&o, 2);
	o.scene.view.set_size = *gi(2);
	change_spec(&o, "2Gi");
	expect(&o, STATUS("grow"));
	assert_string_equal(phase_of(&o, 0), "Successful");
}

static void events_stand_at_both(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	scene_expect(&o.scene, volumes_decide,
	             "EVENT VolumeExpansionStarted\nEVENT VolumeExpansionStarted\n" STATUS("grow"));
	assert_string_equal(o.scene.plan.actions[0].peer, "grow");
	assert_null(o.scene.plan.actions[1].peer);
}

/* The status is under way, or refused: every pass comes to the same, and it is said once. */
static void events_are_said_once(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	scene_expect(&o.scene, volumes_decide,
	             "EVENT VolumeExpansionStarted\nEVENT VolumeExpansionStarted\n" STATUS("grow"));
	scene_expect(&o.scene, volumes_decide, STATUS("grow"));
	o.scene.attempts[o.scene.view.attempt_count++] = (struct attempt){ .type = ACTION_WRITE_REQUEST_STATUS,
		                                                           .peer = "grow",
		                                                           .failures = 1,
		                                                           .message = "no",
		                                                           .next_at = o.scene.view.now + 1000 };
	scene_expect(&o.scene, volumes_decide, "");
	/* Another of its name has Events of its own. */
	cleanup_carried struct carried again;
	setup(&again, scene_group, NULL);
	again.scene.scratch = o.scene.scratch;
	add_request(&again, "other", "Online", "2Gi", "");
	scene_expect(&again.scene, volumes_decide,
	             "EVENT VolumeExpansionStarted\nEVENT VolumeExpansionStarted\n" STATUS("other"));
}

/* ---- Waiting and refusing ---- */

static void if_ready_waits_and_always_does_not(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, "{status: {phase: NotReady}}");
	cleanup_json struct json_object *phase = judge_yaml("{status: {phase: NotReady}}");
	o.scene.object = judge_merge(o.scene.object, phase);
	o.scene.view.object = o.scene.object;
	add_request(&o, "patient", "Online", "2Gi", ", timeout: 10m");
	expect(&o, STATUS("patient"));
	assert_string_equal(phase_of(&o, 0), "Pending");
	assert_step(&o, 0, "Started", "False", "is not Ready");
	expect(&o, "");
	o.scene.view.wall_us += INT64_C(601) * 1000000;
	expect(&o, STATUS("patient"));
	assert_step(&o, 0, "Failed", "True", "took longer than spec.timeout");
	add_request(&o, "now", "Online", "2Gi", ", apply: Always");
	expect(&o, STATUS("now"));
	assert_string_equal(phase_of(&o, 1), "Progressing");
}

static void of_two_in_a_race_the_older_comes_first(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "one", "Online", "2Gi", "");
	add_request(&o, "two", "Online", "3Gi", "");
	expect(&o, STATUS("one") STATUS("two"));
	assert_string_equal(phase_of(&o, 0), "Progressing");
	assert_string_equal(phase_of(&o, 1), "Pending");
	assert_step(&o, 1, "Started", "False", "one comes first");
	end_of_claims(&o, 2);
	o.scene.view.set_size = *gi(2);
	change_spec(&o, "2Gi");
	expect(&o, STATUS("one"));
	expect(&o, STATUS("two"));
	assert_string_equal(phase_of(&o, 1), "Progressing");
}

static void who_waits_for_another_may_wait_too_long(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "one", "Online", "2Gi", "");
	add_request(&o, "two", "Online", "3Gi", ", timeout: 10m");
	expect(&o, STATUS("one") STATUS("two"));
	for (size_t i = 0; i < 3; i++) set_claim(&o, i, 2, 1);
	expect(&o, STATUS("one"));
	o.scene.view.wall_us += INT64_C(601) * 1000000;
	expect(&o, STATUS("two"));
	assert_string_equal(phase_of(&o, 0), "Progressing");
	assert_step(&o, 1, "Failed", "True", "one came first; that took longer than spec.timeout");
}

static void what_cannot_be_fails_with_a_reason(void **state) {
	(void)state;
	static const struct {
		const char *change, *size, *reason;
		bool is_deleting;
	} rows[] = {
		{ "{spec: {halted: true}}", "2Gi", "DatabaseHalted", false },
		{ NULL, "2Gi", "DatabaseDeleted", true },
		{ "{spec: {storageType: Ephemeral, storage: null}}", "2Gi", "NoVolumes", false },
		{ NULL, "500Mi", "NotLarger", false },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_carried struct carried o;
		setup(&o, scene_group, rows[i].change);
		o.scene.view.is_deleting = rows[i].is_deleting;
		add_request(&o, "grow", "Online", rows[i].size, "");
		expect(&o, STATUS("grow"));
		assert_string_equal(phase_of(&o, 0), "Failed");
		assert_string_equal(json_get_text(step(&o, 0, "Failed"), "reason"), rows[i].reason);
		expect(&o, "");
	}
}

static void a_request_of_nobody_fails(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	struct json_object *status = ops_orphan_status(o.objects[0], o.scene.view.wall_us);
	assert_string_equal(json_get_text(status, "phase"), "Failed");
	json_set(o.objects[0], "status", status);
	assert_null(ops_orphan_status(o.objects[0], o.scene.view.wall_us));
}

/* ---- Failures ---- */

static void refuse(struct carried *operation, size_t i, int failures, int number, const char *message) {
	operation->scene.attempts[operation->scene.view.attempt_count++] = (struct attempt){
		.type = ACTION_PATCH_CLAIM,
		.pod = operation->scene.view.replicas[i].pod_name,
		.peer = "grow",
		.failures = failures,
		.number = number,
		.message = message,
	};
}

static void a_quota_is_named(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", "");
	expect(&o, STATUS("grow"));
	refuse(&o, 1, 1, 403, "exceeded quota: small, requested: requests.storage=1Gi");
	volumes_decide(scene_begin(&o.scene));
	commit(&o);
	assert_string_equal(phase_of(&o, 0), "Progressing");
	assert_step(&o, 0, "Expanded-sales-1", "False",
	            "data-sales-1: Kubernetes refuses to make it 2Gi: exceeded quota");
	o.scene.attempts[0].failures = 6;
	volumes_decide(scene_begin(&o.scene));
	commit(&o);
	assert_step(&o, 0, "Failed", "True", "kubectl get resourcequota");
	assert_string_equal(json_get_text(step(&o, 0, "Failed"), "reason"), "ExpansionRefused");
}

static void a_driver_that_fails_is_quoted(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	add_request(&o, "grow", "Online", "2Gi", ", timeout: 1m");
	expect(&o, STATUS("grow"));
	for (size_t i = 0; i < 3; i++) set_claim(&o, i, 2, i == 1 ? 1 : 2);
	o.scene.view.replicas[1].claim.is_resizing = true;
	o.scene.view.replicas[1].claim.trouble = "out of disks";
	expect(&o, STATUS("grow"));
	assert_string_equal(progress_of(&o, 0), "2/3");
	assert_step(&o, 0, "Expanded-sales-1", "False", "it says: out of disks");
	o.scene.view.wall_us += INT64_C(59) * 1000000;
	expect(&o, "");
	o.scene.view.wall_us += INT64_C(2) * 1000000;
	expect(&o, STATUS("grow"));
	assert_step(&o, 0, "Failed", "True",
	            "data-sales-1: the storage driver makes the disk 2Gi; it says: out of disks");
	assert_step(&o, 0, "Failed", "True", "a new request goes on from here");
}

static void a_larger_volume_stays(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_group, NULL);
	set_claim(&o, 2, 5, 5);
	add_request(&o, "grow", "Online", "2Gi", "");
	expect(&o, STATUS("grow"));
	expect(&o, "PATCH_CLAIM sales-1 2Gi\nPATCH_CLAIM sales-0 2Gi\n" STATUS("grow"));
	assert_step(&o, 0, "Expanded-sales-2", "True", "has 5Gi, more than the 2Gi asked for");
}

/* ---- Without a request ---- */

static const char large_group[] = "{spec: {storage: {dataVolumeSize: 1Gi}, autoExpand: {by: 1Gi, max: 2500Mi}}}";

static void fill(struct carried *operation, size_t i, struct sql_volume_row *volume, int percent) {
	*volume = (struct sql_volume_row){ .mount_point = "", .total_bytes = 100, .available_bytes = 100 - percent };
	operation->scene.seen[i].volumes = volume;
	operation->scene.seen[i].volume_count = 1;
	operation->scene.view.replicas[i].server.seen_at = operation->scene.view.now + 1;
}

static void a_group_follows_its_spec(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	setup(&o, scene_sqlag, "{spec: {storage: {dataVolumeSize: 2Gi}}}");
	expect(&o, "PATCH_CLAIM sales-0 2Gi\nPATCH_CLAIM sales-1 2Gi\nPATCH_CLAIM sales-2 2Gi\n");
	assert_string_equal(o.scene.deciding.findings[0].condition, "VolumesExpanded");
	end_of_claims(&o, 2);
	expect(&o, "DELETE_SET sales StatefulSet/sales\n");
	set_is_there(&o, 2);
	expect(&o, "");
}

static void a_group_grows_by_policy_up_to_max(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	struct sql_volume_row volume;
	setup(&o, scene_sqlag, large_group);
	fill(&o, 1, &volume, 84);
	expect(&o, "");
	fill(&o, 1, &volume, 85);
	expect(&o, "PATCH_CLAIM sales-1 2Gi\n");
	/* From then on the claim is what is remembered. */
	set_claim(&o, 1, 2, 1);
	expect(&o, "PATCH_CLAIM sales-0 2Gi\nPATCH_CLAIM sales-2 2Gi\n");
	end_of_claims(&o, 2);
	set_is_there(&o, 2);
	/* What the server told before is about the smaller volume. */
	o.scene.view.replicas[1].server.seen_at = o.scene.view.now;
	expect(&o, "");
	fill(&o, 1, &volume, 90);
	expect(&o, "PATCH_CLAIM sales-1 2500Mi\n");
	for (size_t i = 0; i < 3; i++) {
		struct claim_view *claim = &o.scene.view.replicas[i].claim;
		assert_true(quantity_parse("2500Mi", &claim->requested));
		claim->capacity = claim->requested;
	}
	o.scene.view.set_size = o.scene.view.replicas[0].claim.requested;
	expect(&o, "");
	assert_string_equal(o.scene.deciding.findings[0].condition, "AutoExpanded");
	assert_false(o.scene.deciding.findings[0].is_true);
}

/* The API server refuses: said once, tried again, and the condition says why. */
static void a_policy_that_is_refused_says_so_once(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	struct sql_volume_row volume;
	setup(&o, scene_sqlag, large_group);
	fill(&o, 1, &volume, 85);
	scene_expect(&o.scene, volumes_decide, "PATCH_CLAIM sales-1 2Gi\nEVENT AutoExpansion\n");
	fill(&o, 1, &volume, 86);
	scene_expect(&o.scene, volumes_decide, "PATCH_CLAIM sales-1 2Gi\n");
	refuse(&o, 1, 1, 403, "exceeded quota: small");
	o.scene.attempts[0].peer = "2Gi";
	o.scene.attempts[0].next_at = o.scene.view.now + 1000;
	scene_expect(&o.scene, volumes_decide, "AutoExpanded=False CannotExpand\n");
	assert_string_equal(o.scene.deciding.findings[0].condition, "AutoExpanded");
	assert_non_null(strstr(o.scene.deciding.findings[0].message, "exceeded quota: small"));
	o.scene.attempts[0].next_at = 0;
	scene_expect(&o.scene, volumes_decide, "PATCH_CLAIM sales-1 2Gi\nAutoExpanded=False CannotExpand\n");
}

static void a_database_grows_by_a_request_of_its_own(void **state) {
	(void)state;
	cleanup_carried struct carried o;
	struct sql_volume_row volume;
	setup(&o, scene_group, "{spec: {autoExpand: {atPercent: 80, by: 1Gi, max: 5Gi}}}");
	fill(&o, 0, &volume, 80);
	expect(&o, "CREATE_REQUEST sales-auto-2gi\n");
	const struct json_object *json = o.scene.plan.actions[0].json;
	assert_string_equal(json_get_text(json_get(json, "spec"), "apply"), "Always");
	add_request(&o, "sales-auto-2gi", "Online", "2Gi", ", apply: Always");
	expect(&o, STATUS("sales-auto-2gi"));
	cleanup_json struct json_object *failed = judge_yaml("{phase: Failed}");
	json_set(o.objects[0], "status", take(&failed));
	read_again(&o);
	expect(&o, ""); /* a person must see to it */
	assert_string_equal(o.scene.deciding.findings[0].condition, "AutoExpanded");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(online_step_by_step),
		cmocka_unit_test(whatever_is_done_is_not_done_again),
		cmocka_unit_test(events_stand_at_both),
		cmocka_unit_test(events_are_said_once),
		cmocka_unit_test(if_ready_waits_and_always_does_not),
		cmocka_unit_test(of_two_in_a_race_the_older_comes_first),
		cmocka_unit_test(who_waits_for_another_may_wait_too_long),
		cmocka_unit_test(what_cannot_be_fails_with_a_reason),
		cmocka_unit_test(a_request_of_nobody_fails),
		cmocka_unit_test(a_quota_is_named),
		cmocka_unit_test(a_driver_that_fails_is_quoted),
		cmocka_unit_test(a_larger_volume_stays),
		cmocka_unit_test(a_group_follows_its_spec),
		cmocka_unit_test(a_group_grows_by_policy_up_to_max),
		cmocka_unit_test(a_policy_that_is_refused_says_so_once),
		cmocka_unit_test(a_database_grows_by_a_request_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
