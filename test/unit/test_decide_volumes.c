/* Volumes that grow (controller/decide/volumes*.c, ops.c). */
#include "scene.h"

#include "base/clock.h"
#include "controller/decide/volumes.h"

static struct {
	int count;
	bool answer;
} hand_over;

bool promotion_request_hand_over(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                                 const char **why) {
	(void)deciding, (void)wanted, (void)reason, (void)message;
	hand_over.count++;
	if (!hand_over.answer && why != NULL) *why = "nobody is synchronized";
	return hand_over.answer;
}

static const struct quantity *gi(int64_t amount) {
	static struct quantity size;
	size.nano = (__int128)amount * (1 << 30) * 1000000000;
	return &size;
}

/* ---- The scene: three volumes of 1Gi, and requests ---- */

struct carried {
	struct scene scene;
	struct request_view requests[4];
	struct json_object *objects[4];
	size_t count;
};

static void set_claim(struct carried *operation, size_t i, int64_t requested, int64_t capacity) {
	struct claim_view *claim = &operation->scene.view.replicas[i].claim;
	claim->requested = *gi(requested);
	claim->capacity = *gi(capacity);
	claim->is_resizing = claim->waits_for_node = false;
}

static void read_again(struct carried *operation) {
	for (size_t i = 0; i < operation->count; i++)
		assert_true(request_view_read(operation->objects[i], &operation->requests[i]));
	operation->scene.view.requests = operation->requests;
	operation->scene.view.request_count = operation->count;
	operation->scene.view.is_paused = false;
	for (size_t i = 0; i < operation->count; i++)
		operation->scene.view.is_paused |= operation->requests[i].phase == REQUEST_PROGRESSING;
}

static void add_request(struct carried *operation, const char *name, const char *mode, const char *size,
                        const char *more) {
	cleanup_free char *text =
	        xasprintf("{metadata: {name: %s, namespace: demo, creationTimestamp: '2026-11-22T05:00:0%zuZ'},"
	                  " spec: {type: VolumeExpansion, databaseRef: {name: sales},"
	                  " volumeExpansion: {mode: %s, mssqlserver: %s}%s}}",
	                  name, operation->count, mode, size, more);
	operation->objects[operation->count++] = judge_yaml(text);
	read_again(operation);
}

static void setup(struct carried *operation, const char *base, const char *change) {
	*operation = (struct carried){ 0 };
	scene_setup(&operation->scene, base, change);
	operation->scene.view.wall_us = INT64_C(1795323600) * 1000000;
	operation->scene.view.has_set_size = true;
	operation->scene.view.set_size = *gi(1);
	for (size_t i = 0; i < operation->scene.spec.replica_count; i++) set_claim(operation, i, 1, 1);
	cleanup_json struct json_object *phase = judge_yaml("{status: {phase: Ready}}");
	operation->scene.object = judge_merge(operation->scene.object, phase);
	operation->scene.view.object = operation->scene.object;
	hand_over = (typeof(hand_over)){ .answer = true };
}

static void carried_free(struct carried *operation) {
	for (size_t i = 0; i < operation->count; i++) json_object_put(operation->objects[i]);
	scene_free(&operation->scene);
}
#define cleanup_carried __attribute__((cleanup(carried_free)))

/* Takes over the statuses that were to be written. */
static void commit(struct carried *operation) {
	const struct plan *plan = &operation->scene.plan;
	for (size_t i = 0; i < plan->count; i++) {
		const struct action *action = &plan->actions[i];
		if (action->type != ACTION_WRITE_REQUEST_STATUS) continue;
		for (size_t k = 0; k < operation->count; k++) {
			if (strcmp(json_get_text(json_get(operation->objects[k], "metadata"), "name"), action->text) !=
			    0)
				continue;
			json_object_put(operation->objects[k]);
			operation->objects[k] = json_copy(action->json);
		}
	}
	read_again(operation);
}

/* What is planned, but for Events; what is found is left out. */
static void expect(struct carried *operation, const char *actions) {
	volumes_decide(scene_begin(&operation->scene));
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, "");
	for (size_t i = 0; i < operation->scene.plan.count; i++) {
		const struct action *action = &operation->scene.plan.actions[i];
		if (action->type == ACTION_EVENT) continue;
		strbuf_printf(&text, "%s%s%s %s\n", action_rows[action->type].name, action->pod != NULL ? " " : "",
		              action->pod != NULL ? action->pod : "", action->text);
	}
	assert_string_equal(strbuf_text(&text), actions);
	commit(operation);
}

static const char *phase_of(const struct carried *operation, size_t i) {
	return json_get_text(json_get(operation->objects[i], "status"), "phase");
}

static const char *progress_of(const struct carried *operation, size_t i) {
	return json_get_text(json_get(operation->objects[i], "status"), "progress");
}

static const struct json_object *step(const struct carried *operation, size_t i, const char *type) {
	const struct json_object *list = json_get_path(operation->objects[i], "status", "conditions", NULL);
	for (size_t k = 0; k < json_object_array_length(list); k++) {
		const struct json_object *condition = json_object_array_get_idx(list, k);
		if (strcmp(json_get_text(condition, "type"), type) == 0) return condition;
	}
	fail_msg("no condition %s", type);
	return NULL;
}

static void assert_step(const struct carried *operation, size_t i, const char *type, const char *status,
                        const char *words) {
	const struct json_object *condition = step(operation, i, type);
	assert_string_equal(json_get_text(condition, "status"), status);
	const char *message = json_get_text(condition, "message");
	if (strstr(message, words) == NULL) fail_msg("%s: \"%s\" lacks \"%s\"", type, message, words);
}

#define STATUS(name) "WRITE_REQUEST_STATUS " name "\n"

/* As the plan before asked for it. */
static void change_spec(struct carried *operation, const char *size) {
	struct scene *scene = &operation->scene;
	cleanup_free char *text = xasprintf("{spec: {storage: {resources: {requests: {storage: %s}}}}}", size);
	cleanup_json struct json_object *patch = judge_yaml(text);
	scene_forget_plan(scene);
	scene->object = judge_merge(scene->object, patch);
	scene->view.object = scene->object;
	struct spec spec;
	assert_int_equal(spec_read(scene->object, &spec, NULL), 0);
	spec_free(&scene->spec);
	scene->spec = spec;
	for (size_t i = 0; i < spec.replica_count; i++) scene->view.replicas[i].spec = &scene->spec.replicas[i];
}

static void end_of_claims(struct carried *operation, int64_t size) {
	for (size_t i = 0; i < operation->scene.spec.replica_count; i++) set_claim(operation, i, size, size);
}

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

static void set_is_there(struct carried *operation, int64_t size) {
	operation->scene.view.has_set = operation->scene.view.has_set_size = size != 0;
	operation->scene.view.set_size = *gi(size);
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
		cmocka_unit_test(offline_one_pod_at_a_time_the_primary_last),
		cmocka_unit_test(offline_waits_for_the_others),
		cmocka_unit_test(offline_begins_with_who_is_not_back),
		cmocka_unit_test(offline_does_not_wait_for_who_waits_for_it),
		cmocka_unit_test(offline_restarts_what_the_node_has_left),
		cmocka_unit_test(offline_takes_what_cannot_start),
		cmocka_unit_test(offline_ends_with_its_request),
		cmocka_unit_test(offline_a_single_server_is_just_stopped),
		cmocka_unit_test(a_group_follows_its_spec),
		cmocka_unit_test(a_group_grows_by_policy_up_to_max),
		cmocka_unit_test(a_policy_that_is_refused_says_so_once),
		cmocka_unit_test(a_database_grows_by_a_request_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
