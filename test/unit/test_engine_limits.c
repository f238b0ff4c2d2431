/* What the engine (controller/engine) must not take from before: requests from another tenure, an object's state from
 * one that had its name, failures of what is gone. */
#include "unit/engine_fixture.h"

#include "controller/engine/engine_private.h"

#define CHILD   "/apis/apps/v1/namespaces/demo/statefulsets/a"
#define EVENTS  "/apis/events.k8s.io/v1/namespaces/demo/events"
#define CLAIM   "/api/v1/namespaces/demo/persistentvolumeclaims/data-a-0"
#define POD     "/api/v1/namespaces/demo/pods/a-0"
#define OWN     "/api/v1/namespaces/demo/secrets/a-agkeeper"
#define REQUEST "/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mssqlserveropsrequests/grow"
#define KEY     "MSSQLServerOpsRequest/demo/grow"

/* ---- Requests ---- */

static atomic_bool control_is_over;
static void *ask_with_usual_patience(void *argument) {
	(void)argument;
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *body = json_object_new_object();
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = &kube_statefulsets,
		                              .namespace = "demo",
		                              .name = "a",
		                              .body = body,
		                              .patch_type = KUBE_PATCH_MERGE };
	(void)kube_request(world.client, &request, NULL, &err);
	control_is_over = true;
	return NULL;
}

/* The API server keeps a write to itself. We give it up with our hold of the Lease and send it anew, under the next:
 * earlier than somebody who began after us and waits as long as usual. */
static void no_request_outlives_the_lease(void **state) {
	(void)state;
	pthread_t control;
	control_is_over = false;
	store_api_hold(world.api, "PATCH", CHILD);
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(store_api_count(world.api, "PATCH", CHILD) >= 1));
	assert_int_equal(pthread_create(&control, NULL, ask_with_usual_patience, NULL), 0);
	bool is_sent_anew = wait_until(store_api_count(world.api, "PATCH", CHILD) >= 3);
	bool is_earlier = !control_is_over;
	store_api_hold(world.api, NULL, NULL);
	pthread_join(control, NULL);
	assert_true(is_sent_anew);
	assert_true(is_earlier);
}

/* ---- One after another of the same name ---- */

static void put_unreadable(const char *uid) {
	world_put(
	        &world, OBJECT("a"),
	        "{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"namespace\":\"demo\","
	        "\"name\":\"a\",\"uid\":\"%s\"},\"spec\":{\"version\":\"v\",\"replicas\":1},\"status\":\"none\"}",
	        uid);
}

/* The watch shows it as a change: nobody saw it gone. What was said of the one before is said of this one, too. */
static void who_has_a_name_anew_begins_anew(void **state) {
	(void)state;
	put_unreadable("one");
	world_start(&world);
	assert_true(wait_until(store_api_count(world.api, "POST", EVENTS) >= 1));
	put_unreadable("two");
	assert_true(wait_until(store_api_count(world.api, "POST", EVENTS) >= 2));
}

/* ---- The one that was looked at ---- */

static atomic_int replaced;
static void put_claim(const char *uid) {
	world_put(&world, CLAIM,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"data-a-0\",\"uid\":\"%s\",\"creationTimestamp\":"
	          "\"2026-11-22T00:00:01Z\"},\"spec\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}},\"status\":"
	          "{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"1Gi\"}}}",
	          uid);
}

static void replace_claim(void *context, const char *method, const char *path) {
	(void)context;
	if (strcmp(method, "PATCH") != 0 || strcmp(path, CLAIM) != 0 || replaced++ > 0) return;
	put_claim("two");
}

static bool is_labelled(void) {
	cleanup_json struct json_object *claim = store_api_get(world.api, CLAIM);
	return json_get_path(claim, "metadata", "labels", NULL) != NULL;
}

/* A claim without labels is read by its name, so the watch does not tell that another one has it. */
static void labels_are_for_the_claim_that_was_looked_at(void **state) {
	(void)state;
	replaced = 0;
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	put_claim("one");
	store_api_interfere(world.api, replace_claim, NULL);
	world_start(&world);
	assert_true(wait_until(is_labelled()));
	/* The first was refused, and the one that came after was meant. */
	assert_true(store_api_count(world.api, "PATCH", CLAIM) > 1);
	store_api_interfere(world.api, NULL, NULL);
	sql_server_free(&server);
}

/* The pod is another one by the time that its label arrives: that is not put on it. */
static void replace_pod(void *context, const char *method, const char *path) {
	(void)context;
	if (strcmp(method, "PATCH") != 0 || strcmp(path, POD) != 0 || replaced++ > 0) return;
	world_run_pod(&world, "a", "127.0.0.1"); /* the API server gives it a uid of its own */
}

static bool has_role(void) {
	cleanup_json struct json_object *pod = store_api_get(world.api, POD);
	return json_get_path(pod, "metadata", "labels", "kubedb.com/role", NULL) != NULL;
}

static void labels_are_for_the_pod_that_was_looked_at(void **state) {
	(void)state;
	replaced = 0;
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	store_api_interfere(world.api, replace_pod, NULL);
	world_start(&world);
	assert_true(wait_until(has_role()));
	assert_true(store_api_count(world.api, "PATCH", POD) > 1);
	store_api_interfere(world.api, NULL, NULL);
	sql_server_free(&server);
}

/* ---- Our own Secret ---- */

static void set_labels(const char *path, const char *text) {
	cleanup_json struct json_object *json = store_api_get(world.api, path);
	struct json_object *labels = NULL;
	assert_int_equal(json_parse(text, strlen(text), &labels, NULL), 0);
	json_set(json_get(json, "metadata"), "labels", labels);
	cleanup_free char *changed = json_to_text(json);
	store_api_put(world.api, path, changed);
}

static void delete_object(void) {
	cleanup_json struct json_object *json = store_api_get(world.api, OBJECT("a"));
	json_set_text(json_get(json, "metadata"), "deletionTimestamp", "2026-11-22T00:00:02Z");
	cleanup_free char *changed = json_to_text(json);
	store_api_put(world.api, OBJECT("a"), changed);
}

static bool has_finalizer(void) {
	cleanup_json struct json_object *json = store_api_get(world.api, OBJECT("a"));
	const struct json_object *list = json_get_path(json, "metadata", "finalizers", NULL);
	return list != NULL && json_object_array_length(list) > 0;
}

/* Its labels were taken off; its type cannot be. */
static void our_own_secret_is_known_by_its_type(void **state) {
	(void)state;
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, CHILD) && world_has(&world, OWN)));
	set_labels(OWN, "{\"theirs\":\"1\"}");
	delete_object();
	assert_true(wait_until(!has_finalizer()));
	assert_false(world_has(&world, OWN));
}

/* Nothing says that it is ours: it stays, and nobody waits for it. */
static void what_may_be_theirs_is_left(void **state) {
	(void)state;
	world_put(&world, OWN,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-agkeeper\",\"labels\":{"
	          "\"app.kubernetes.io/instance\":\"a\",\"app.kubernetes.io/managed-by\":\"kubedb.com\"}},"
	          "\"type\":\"Opaque\",\"data\":{\"controllerPassword\":\"U3Ryb25nLVBhc3MtMQ==\","
	          "\"masterKeyPassword\":\"U3Ryb25nLVBhc3MtMQ==\"}}");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, CHILD)));
	set_labels(OWN, "{}"); /* after it was read */
	delete_object();
	assert_true(wait_until(!has_finalizer()));
	assert_true(world_has(&world, OWN));
}

/* ---- What is gone ---- */

static void put_request(void) {
	world_put(&world, REQUEST,
	          "{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\",\"metadata\":{"
	          "\"namespace\":\"demo\",\"name\":\"grow\"},\"spec\":{\"type\":\"VolumeExpansion\",\"databaseRef\":{"
	          "\"name\":\"a\"},\"volumeExpansion\":{\"mode\":\"Online\",\"mssqlserver\":\"2Gi\"}}}");
}

/* A request for nobody that could not be ended, and is deleted meanwhile: its failures are not kept for ever. */
static void what_is_gone_has_no_failures(void **state) {
	(void)state;
	put_request();
	store_api_fail(world.api, "GET", OBJECT("a"), 500, -1);
	world_start(&world);
	assert_true(wait_until(queue_failures(world.engine->queue, KEY) > 0));
	store_api_put(world.api, REQUEST, NULL);
	assert_true(wait_until(queue_failures(world.engine->queue, KEY) == 0));
}

/* … whose database comes after all. */
static void whose_database_comes_has_none(void **state) {
	(void)state;
	put_request();
	store_api_fail(world.api, "GET", OBJECT("a"), 500, -1);
	world_start(&world);
	assert_true(wait_until(queue_failures(world.engine->queue, KEY) > 0));
	world_apply(&world, "a");
	store_api_fail(world.api, NULL, NULL, 0, 0);
	assert_true(wait_until(queue_failures(world.engine->queue, KEY) == 0));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(no_request_outlives_the_lease),
		TEST(who_has_a_name_anew_begins_anew),
		TEST(labels_are_for_the_claim_that_was_looked_at),
		TEST(labels_are_for_the_pod_that_was_looked_at),
		TEST(our_own_secret_is_known_by_its_type),
		TEST(what_may_be_theirs_is_left),
		TEST(what_is_gone_has_no_failures),
		TEST(whose_database_comes_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
