/* Parts of the engine (controller/engine) by themselves: whose a pod or claim is, and how sessions end. */
#include "unit/engine_world.h"

#include "controller/engine/engine_private.h"

/* ---- Whose it is ---- */

static void labels_tell_whose_it_is(void **state) {
	(void)state;
	static const struct {
		const char *labels;
		bool is_ours;
	} rows[] = {
		{ "{\"app.kubernetes.io/instance\":\"a\",\"app.kubernetes.io/name\":\"mssqlservers.kubedb.com\"}",
		  true },
		/* Of an object of that name of the other kind. */
		{ "{\"app.kubernetes.io/instance\":\"a\",\"app.kubernetes.io/name\":"
		  "\"sqlserveravailabilitygroups.sql.mssql.microsoft.com\"}",
		  false },
		{ "{\"app.kubernetes.io/instance\":\"b\",\"app.kubernetes.io/name\":\"mssqlservers.kubedb.com\"}",
		  false },
		{ "{\"app.kubernetes.io/instance\":\"b\"}", false },
		{ "{\"app.kubernetes.io/name\":\"postgreses.kubedb.com\"}", false },
		/* What says nothing, or no more than that, may be a claim that was there before. */
		{ "{\"app.kubernetes.io/instance\":\"a\"}", true },
		{ "{\"app.kubernetes.io/name\":\"mssqlservers.kubedb.com\"}", true },
		{ "{\"other\":\"label\"}", true },
		{ "{}", true },
	};
	const struct managed managed = { .resource = &kube_mssqlservers, .name = (char *)(uintptr_t) "a" };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_free char *text = xasprintf("{\"metadata\":{\"labels\":%s}}", rows[i].labels);
		cleanup_json struct json_object *json = NULL;
		assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
		if (is_of_object(&managed, json) != rows[i].is_ours) fail_msg("%s", rows[i].labels);
	}
	assert_true(is_of_object(&managed, NULL));
}

/* ---- Sessions ---- */

/* One object with one server and one deed there, which has a session of its own and is busy in it. */
struct busy {
	struct engine engine;
	struct metrics *metrics;
	struct server *server;
	struct deed deed;
	int failures;
};

static void on_batch(void *context, const struct sql_results *results, const struct error *err) {
	struct busy *busy = context;
	assert_null(results);
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	busy->failures++;
}

static void begin_busy(struct busy *busy, const struct sql_server *sql_server) {
	*busy = (struct busy){ .metrics = metrics_new() };
	struct engine *engine = &busy->engine;
	engine->metrics = engine_metrics_new(busy->metrics);
	engine->library = sql_library_new(&(struct sql_library_options){ 0 }, NULL);
	engine->pool = sql_pool_new(engine->library, &(struct sql_pool_options){ 0 });
	struct managed *managed = managed_get(engine, "MSSQLServer/demo/a");
	busy->server = server_get(managed, "a-0");
	busy->deed = (struct deed){ .managed = managed, .server = busy->server };
	const struct sql_target target = { sql_server->ip, sql_server->port, "sa", SQL_SERVER_PASSWORD };
	busy->deed.client = sql_client_new(engine->pool, &target);
	managed->deeds = &busy->deed;
	server_hold(busy->server);
	const struct sql_batch batch = { .text = "WAITFOR DELAY '01:00:00'", .timeout_ms = 3600 * 1000 };
	sql_client_submit(busy->deed.client, &batch, on_batch, busy);
}

static bool is_over(struct busy *busy) {
	sql_pool_deliver(busy->engine.pool);
	return busy->failures == 1;
}

static void end_busy(struct busy *busy) {
	server_release(busy->server);
	sql_pool_free(busy->engine.pool);
	sql_library_free(busy->engine.library);
	metrics_free(busy->metrics);
}

/* Who does not lead any more ends everything that is under way on servers, also what had a session of its own. */
static void a_session_of_a_deed_ends_with_the_tenure(void **state) {
	(void)state;
	cleanup_free char *folder = sql_server_folder();
	struct sql_server sql_server = sql_server_new(folder, "a-0", "127.0.0.47");
	struct busy busy;
	begin_busy(&busy, &sql_server);
	managed_forget_all(&busy.engine);
	assert_null(busy.deed.client);
	assert_true(wait_until(is_over(&busy)));
	end_busy(&busy);
	sql_server_free(&sql_server);
	nftw(folder, sql_server_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- What lasts ---- */

/* Backups of hundreds of databases at once leave threads for what is urgent. */
static void backups_wait_for_others(void **state) {
	(void)state;
	struct metrics *metrics = metrics_new();
	struct engine engine = { .metrics = engine_metrics_new(metrics),
		                 .queue = queue_new(&(struct queue_options){ .name = "objects", .metrics = metrics }) };
	struct managed *managed = managed_get(&engine, "MSSQLServer/demo/a");
	struct plan plan = { 0 };
	plan_add(&plan, &(struct action){ .type = ACTION_BACKUP_DATABASE, .pod = "a-0", .text = "sales" });
	engine.lasting = LASTING_MAX;
	assert_int_equal(act(managed, &plan, 0), 0);
	assert_true(queue_wait_ms(engine.queue) > 0); /* it is looked at again */
	engine.lasting = LASTING_MAX - 1;
	assert_int_equal(act(managed, &plan, 0), 1);
	assert_int_equal(engine.lasting, LASTING_MAX - 1); /* given up at once, for nobody leads here */
	plan_free(&plan);
	managed_forget(managed);
	queue_free(engine.queue);
	metrics_free(metrics);
}

/* ---- Our own Secret ---- */

static void take_own(struct managed *managed, const char *version, const char *data) {
	cleanup_free char *text = xasprintf("{\"metadata\":{\"resourceVersion\":\"%s\"},\"data\":{"
	                                    "\"controllerPassword\":\"YQ==\",\"masterKeyPassword\":\"YQ==\"%s}}",
	                                    version, data);
	cleanup_json struct json_object *secret = NULL;
	assert_int_equal(json_parse(text, strlen(text), &secret, NULL), 0);
	secret_take_own(managed, secret);
}

static void an_answer_from_before_our_write_is_not_taken(void **state) {
	(void)state;
	struct managed managed = { .resource = &kube_mssqlservers };
	take_own(&managed, "9", "");
	assert_false(managed.has_certificate);
	take_own(&managed, "10", ",\"endpoint.crt\":\"YQ==\",\"endpoint.key\":\"YQ==\"");
	assert_true(managed.has_certificate);
	take_own(&managed, "9", "");
	assert_true(managed.has_certificate);
	assert_string_equal(managed.own_version, "10");
	take_own(&managed, "11", "");
	assert_false(managed.has_certificate);
	secrets_free(&managed);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_tell_whose_it_is),
		cmocka_unit_test(an_answer_from_before_our_write_is_not_taken),
		cmocka_unit_test(a_session_of_a_deed_ends_with_the_tenure),
		cmocka_unit_test(backups_wait_for_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
