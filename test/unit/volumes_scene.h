/* Three volumes of 1Gi and requests to make them larger, for tests of volume expansion: each pass is carried out as the
 * engine and a driver would. */
#ifndef TEST_UNIT_VOLUMES_SCENE_H
#define TEST_UNIT_VOLUMES_SCENE_H
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

static void set_is_there(struct carried *operation, int64_t size) {
	operation->scene.view.has_set = operation->scene.view.has_set_size = size != 0;
	operation->scene.view.set_size = *gi(size);
}

#endif
