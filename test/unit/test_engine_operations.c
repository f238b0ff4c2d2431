/* Ops requests in the engine (controller/engine/operations.c, act_request.c): every write of an expansion, through an
 * API server. */
#include "unit/engine_fixture.h"

#define SET     "/apis/apps/v1/namespaces/demo/statefulsets/a"
#define CLAIM   "/api/v1/namespaces/demo/persistentvolumeclaims/data-a-0"
#define REQUEST "/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mssqlserveropsrequests/grow"

static void ask_for_more(void) {
	world_put(
	        &world, REQUEST,
	        "{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\",\"metadata\":{"
	        "\"namespace\":\"demo\",\"name\":\"grow\",\"uid\":\"uid-of-grow\",\"generation\":1},\"spec\":{\"type\":"
	        "\"VolumeExpansion\",\"databaseRef\":{\"name\":\"a\"},\"apply\":\"Always\",\"volumeExpansion\":{"
	        "\"mode\":\"Online\",\"mssqlserver\":\"2Gi\"}}}");
}

static bool text_is(const char *path, const char *expected, const struct json_object *(*find)(struct json_object *)) {
	cleanup_json struct json_object *json = store_api_get(world.api, path);
	const struct json_object *found = find(json);
	return found != NULL && strcmp(json_object_get_string((struct json_object *)found), expected) == 0;
}

static const struct json_object *claim_size(struct json_object *claim) {
	return json_get_path(claim, "spec", "resources", "requests", "storage", NULL);
}

static const struct json_object *spec_size(struct json_object *object) {
	return json_get_path(object, "spec", "storage", "resources", "requests", "storage", NULL);
}

static const struct json_object *template_size(struct json_object *set) {
	const struct json_object *templates = json_get_path(set, "spec", "volumeClaimTemplates", NULL);
	if (!json_object_is_type(templates, json_type_array)) return NULL;
	return claim_size(json_object_array_get_idx(templates, 0));
}

/* What the storage would do. */
static void grow_volume(void) {
	cleanup_json struct json_object *claim = store_api_get(world.api, CLAIM);
	json_set_text(json_get_path(claim, "status", "capacity", NULL), "storage", "2Gi");
	cleanup_free char *text = json_to_text(claim);
	store_api_put(world.api, CLAIM, text);
}

static void from_the_request_to_its_end(void **state) {
	(void)state;
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	assert_true(text_is(SET, "1Gi", template_size));
	ask_for_more();
	assert_true(wait_until(text_is(CLAIM, "2Gi", claim_size)));
	assert_true(world_phase_is(&world, REQUEST, "Progressing"));
	assert_int_equal(store_api_count(world.api, "DELETE", SET), 0);
	assert_true(text_is(SET, "1Gi", template_size));

	grow_volume();
	assert_true(wait_until(world_phase_is(&world, REQUEST, "Successful")));
	assert_int_equal(store_api_count(world.api, "DELETE", SET), 1);
	assert_true(text_is(SET, "2Gi", template_size));
	assert_true(text_is(OBJECT("a"), "2Gi", spec_size));
	assert_int_equal(store_api_count(world.api, "DELETE", "/api/v1/namespaces/demo/pods/a-0"), 0);

	/* And never again, whoever leads. */
	size_t before = store_api_count(world.api, "PUT", REQUEST "/status");
	size_t renewals = store_api_count(world.api, "PUT", LEASE_PATH);
	assert_true(wait_until(store_api_count(world.api, "PUT", LEASE_PATH) > renewals + 4));
	assert_int_equal(store_api_count(world.api, "PUT", REQUEST "/status"), before);
	sql_server_free(&server);
}

/* Answers are lost and writes refused, now and then. */
static void through_troubles_of_the_api(void **state) {
	(void)state;
	static const int statuses[] = { 409, 500, 503, 0 };
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	ask_for_more();
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
		size_t before = store_api_count(world.api, NULL, NULL);
		store_api_fail(world.api, NULL, NULL, statuses[i], 3);
		assert_true(wait_until(store_api_count(world.api, NULL, NULL) >= before + 3));
		if (i == 1) grow_volume();
	}
	store_api_fail(world.api, NULL, NULL, 0, 0);
	assert_true(wait_until(world_phase_is(&world, REQUEST, "Successful")));
	assert_true(text_is(OBJECT("a"), "2Gi", spec_size));
	sql_server_free(&server);
}

static void a_request_for_nobody_fails(void **state) {
	(void)state;
	ask_for_more();
	world_start(&world);
	assert_true(wait_until(world_phase_is(&world, REQUEST, "Failed")));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(from_the_request_to_its_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(through_troubles_of_the_api, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_request_for_nobody_fails, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
