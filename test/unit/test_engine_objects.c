/* The engine (controller/engine) from an applied object to a running server, and through everything that an API server
 * and a SQL Server can do to it. */
#include "unit/engine_fixture.h"

#include "base/base64.h"
#include "base/file.h"

#define CHILD  "/apis/apps/v1/namespaces/demo/statefulsets/a"
#define CONFIG "/api/v1/namespaces/demo/configmaps/a-config"

/* ---- All is well ---- */

static void assert_is_not_in(const char *log, const char *secret_path, const char *key) {
	cleanup_json struct json_object *secret = store_api_get(world.api, secret_path);
	const char *encoded = json_get_text(json_get(secret, "data"), key);
	assert_non_null(encoded);
	cleanup_free unsigned char *password = NULL;
	size_t length;
	assert_true(base64_decode(encoded, strlen(encoded), &password, &length));
	assert_null(strstr(log, (char *)password));
	assert_null(strstr(log, encoded));
}

static size_t writes(void) {
	return store_api_count(world.api, "PUT", OBJECT("a") "/status") + store_api_count(world.api, "PATCH", NULL) +
	       store_api_count(world.api, "POST", NULL);
}

/* While the Lease was renewed eight times, and servers were asked about as often. */
static bool is_at_rest(void) {
	size_t before = writes();
	size_t renewals = store_api_count(world.api, "PUT", LEASE_PATH);
	return wait_until(store_api_count(world.api, "PUT", LEASE_PATH) > renewals + 8) && writes() == before;
}

static void an_object_becomes_a_running_server(void **state) {
	(void)state;
	cleanup_free char *path = xasprintf("%s/stderr", world.folder);
	int log = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int before = dup(STDERR_FILENO);
	dup2(log, STDERR_FILENO);
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, CHILD)));
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));

	/* It comes to rest: then nothing is written, however often it is looked at. */
	assert_true(wait_until(is_at_rest()));

	/* Somebody else's change of a child is put back, and a child that is gone comes back. */
	cleanup_json struct json_object *config = store_api_get(world.api, CONFIG);
	json_set_text(json_get(config, "data"), "mssql.conf", "[network]\n");
	cleanup_free char *changed = json_to_text(config);
	store_api_put(world.api, CONFIG, changed);
	assert_true(wait_until(store_api_count(world.api, "PATCH", CONFIG) >= 2));
	store_api_put(world.api, CHILD, NULL);
	assert_true(wait_until(world_has(&world, CHILD)));

	engine_stop(world.engine);
	dup2(before, STDERR_FILENO);
	close(before);
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(file_read(path, 1 << 24, &text, NULL), 0);
	assert_non_null(strstr(strbuf_text(&text), "BOOTSTRAP_SERVER"));
	assert_is_not_in(strbuf_text(&text), "/api/v1/namespaces/demo/secrets/a-auth", "password");
	assert_is_not_in(strbuf_text(&text), "/api/v1/namespaces/demo/secrets/a-agkeeper", "controllerPassword");
	assert_is_not_in(strbuf_text(&text), "/api/v1/namespaces/demo/secrets/a-agkeeper", "masterKeyPassword");
	close(log);
	sql_server_free(&server);
}

/* What is there under a child's name and belongs to somebody else stays as it is. */
static void what_belongs_to_others_is_left_alone(void **state) {
	(void)state;
	world_put(&world, CONFIG,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-config\"},\"data\":{\"mine\":\"1\"}}");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(store_api_count(world.api, "GET", CONFIG) > 0));
	assert_true(wait_until(world_has(&world, "/api/v1/namespaces/demo/services/a-pods")));
	assert_int_equal(store_api_count(world.api, "PATCH", CONFIG), 0);
	cleanup_json struct json_object *config = store_api_get(world.api, CONFIG);
	assert_non_null(json_get(json_get(config, "data"), "mine"));
}

/* ---- The API server ---- */

/* Each of them for a while, at every request, while an object comes up. */
static void api_troubles_are_weathered(void **state) {
	(void)state;
	static const int statuses[] = { 409, 429, 500, 503, 410, 0 };
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_start(&world);
	assert_true(wait_until(engine_is_leading(world.engine)));
	world_apply(&world, "a");
	for (size_t i = 0; i < ARRAY_LENGTH(statuses); i++) {
		size_t before = store_api_count(world.api, NULL, NULL);
		store_api_fail(world.api, NULL, NULL, statuses[i], 5);
		store_api_break_watches(world.api);
		assert_true(wait_until(store_api_count(world.api, NULL, NULL) >= before + 5));
	}
	store_api_fail(world.api, NULL, NULL, 0, 0);
	assert_true(wait_until(world_has(&world, CHILD)));
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_free(&server);
}

static void slow_answers_are_waited_for(void **state) {
	(void)state;
	store_api_delay(world.api, 300);
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	world_start(&world);
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_free(&server);
}

/* A write whose answer was lost is sent again with the same resourceVersion until it is known what became of it. */
static _Atomic int statuses_lost;
static void lose_answers(void *context, const char *method, const char *path) {
	(void)context;
	bool is_status = strcmp(method, "PUT") == 0 && strcmp(path, OBJECT("a") "/status") == 0;
	if (is_status && statuses_lost < 3) {
		statuses_lost++;
		store_api_fail(world.api, "PUT", path, 0, 1);
	}
}

static void a_lost_answer_is_no_answer(void **state) {
	(void)state;
	statuses_lost = 0;
	store_api_interfere(world.api, lose_answers, NULL);
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	world_start(&world);
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	assert_int_equal(statuses_lost, 3);
	store_api_interfere(world.api, NULL, NULL);
	sql_server_free(&server);
}

/* The object changes under every one of our first writes. */
static _Atomic int interferences;
static void change_first(void *context, const char *method, const char *path) {
	(void)context;
	if (strcmp(method, "PUT") != 0 || strcmp(path, OBJECT("a") "/status") != 0 || interferences >= 5) return;
	interferences++;
	cleanup_json struct json_object *object = store_api_get(world.api, OBJECT("a"));
	cleanup_free char *value = xasprintf("%d", interferences);
	struct json_object *annotations = json_object_new_object();
	json_set_text(annotations, "somebody", value);
	json_set(json_get(object, "metadata"), "annotations", annotations);
	cleanup_free char *text = json_to_text(object);
	store_api_put(world.api, OBJECT("a"), text);
}

static void conflicts_are_looked_at_again(void **state) {
	(void)state;
	interferences = 0;
	store_api_interfere(world.api, change_first, NULL);
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	world_start(&world);
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	assert_int_equal(interferences, 5);
	store_api_interfere(world.api, NULL, NULL);
	cleanup_json struct json_object *object = store_api_get(world.api, OBJECT("a"));
	assert_non_null(json_get_path(object, "metadata", "annotations", "somebody", NULL));
	sql_server_free(&server);
}

/* ---- The Lease ---- */

static _Atomic bool is_stolen;
static _Atomic int stale_writes;
static void watch_writes(void *context, const char *method, const char *path) {
	(void)context;
	if (!is_stolen || strcmp(method, "GET") == 0 || strcmp(path, LEASE_PATH) == 0) return;
	cleanup_json struct json_object *lease = store_api_get(world.api, LEASE_PATH);
	if (strcmp(json_get_text(json_get(lease, "spec"), "holderIdentity"), "other") == 0) stale_writes++;
}

static void nothing_is_done_without_the_lease(void **state) {
	(void)state;
	is_stolen = false;
	stale_writes = 0;
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, CHILD)));
	world_put(
	        &world, LEASE_PATH,
	        "{\"metadata\":{\"namespace\":\"agkeeper-system\",\"name\":\"agkeeper\"},\"spec\":{\"holderIdentity\":"
	        "\"other\",\"leaseDurationSeconds\":1,\"renewTime\":\"2026-11-22T00:00:00.000000Z\"}}");
	assert_true(wait_until(!engine_is_leading(world.engine)));
	is_stolen = true;
	store_api_interfere(world.api, watch_writes, NULL);
	store_api_put(world.api, CHILD, NULL);
	store_api_put(world.api, CONFIG, NULL);
	world_apply(&world, "b");
	/* The other one ceases to renew: after its time we lead again, and only then is anything put right. */
	assert_true(wait_until(world_has(&world, CHILD) && world_has(&world, CONFIG)));
	assert_int_equal(stale_writes, 0);
	is_stolen = false;
	store_api_interfere(world.api, NULL, NULL);
}

static void the_lease_is_given_back(void **state) {
	(void)state;
	world_start(&world);
	assert_true(wait_until(engine_is_leading(world.engine)));
	engine_resign(world.engine);
	assert_true(wait_until(!engine_is_leading(world.engine)));
	engine_stop(world.engine);
	cleanup_json struct json_object *lease = store_api_get(world.api, LEASE_PATH);
	assert_string_equal(json_get_text(json_get(lease, "spec"), "holderIdentity"), "");
}

/* ---- SQL Servers ---- */

/* Accepts and never answers, dozens of them; the one that answers is served. */
static void silent_servers_hold_up_nobody(void **state) {
	(void)state;
	enum { SILENT = 40 };
	int sockets[SILENT];
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	for (int i = 0; i < SILENT; i++) {
		cleanup_free char *name = xasprintf("silent-%c%c", 'a' + i / 26, 'a' + i % 26);
		cleanup_free char *ip = xasprintf("127.0.1.%d", i + 1);
		int port = world.port;
		sockets[i] = sql_server_listen(ip, &port);
		world_apply(&world, name);
		world_run_pod(&world, name, ip);
	}
	world_start(&world);
	assert_true(wait_until(world_has(&world, "/api/v1/namespaces/demo/secrets/silent-aa-agkeeper")));
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	assert_false(world_phase_is(&world, OBJECT("silent-aa"), "Ready"));
	for (int i = 0; i < SILENT; i++) close(sockets[i]);
	sql_server_free(&server);
}

/* A server that is gone and comes back in another container: it is found again. */
static void a_restarted_server_is_found_again(void **state) {
	(void)state;
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_run_pod(&world, "a", "127.0.0.1");
	world_start(&world);
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_kill(&server);
	assert_true(wait_until(!world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_start(&server);
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_free(&server);
}

/* It goes while sa's password is being read for it: nobody is busy with the one that comes instead. */
static void a_server_that_went_too_early_is_found_again(void **state) {
	(void)state;
	static const char password[] = "/api/v1/namespaces/demo/secrets/a-auth";
	struct sql_server server = world_run_server(&world, "a-0", "127.0.0.1");
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, "/api/v1/namespaces/demo/secrets/a-agkeeper")));
	assert_true(wait_until(is_at_rest()));
	store_api_hold(world.api, "GET", password);
	size_t before = store_api_count(world.api, "GET", password);
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(store_api_count(world.api, "GET", password) > before));
	store_api_put(world.api, "/api/v1/namespaces/demo/pods/a-0", NULL);
	assert_true(wait_until(is_at_rest()));
	store_api_hold(world.api, NULL, NULL);
	assert_true(wait_until(is_at_rest()));
	world_run_pod(&world, "a", "127.0.0.1");
	assert_true(wait_until(world_phase_is(&world, OBJECT("a"), "Ready")));
	sql_server_free(&server);
}

/* An API server that refuses everything for long: what is kept does not grow. */
static void refusals_do_not_pile_up(void **state) {
	(void)state;
	world_apply(&world, "a");
	world_start(&world);
	assert_true(wait_until(world_has(&world, CHILD)));
	store_api_fail(world.api, "PATCH", NULL, 500, -1);
	store_api_put(world.api, CONFIG, NULL);
	size_t before = store_api_count(world.api, "PATCH", CONFIG);
	assert_true(wait_until(store_api_count(world.api, "PATCH", CONFIG) >= before + 2));
	for (int i = 0; i < 200; i++) {
		cleanup_free char *label = xasprintf("v%d", i);
		world_put(&world, "/api/v1/nodes/n",
		          "{\"metadata\":{\"name\":\"n\",\"labels\":{\"l\":\"%s\"}},\"spec\":{}}", label);
		world_run_pod(&world, "a", "127.0.0.9");
	}
	/* Backed off: not as often as there were reasons to look. */
	assert_true(store_api_count(world.api, "PATCH", CONFIG) < before + 20);
	store_api_fail(world.api, NULL, NULL, 0, 0);
	assert_true(wait_until(world_has(&world, CONFIG)));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(an_object_becomes_a_running_server),
		TEST(what_belongs_to_others_is_left_alone),
		TEST(api_troubles_are_weathered),
		TEST(slow_answers_are_waited_for),
		TEST(a_lost_answer_is_no_answer),
		TEST(conflicts_are_looked_at_again),
		TEST(nothing_is_done_without_the_lease),
		TEST(the_lease_is_given_back),
		TEST(silent_servers_hold_up_nobody),
		TEST(a_restarted_server_is_found_again),
		TEST(a_server_that_went_too_early_is_found_again),
		TEST(refusals_do_not_pile_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
