/* Decisions and their batches, together: three simulated servers become a group by what is decided of them, one pass
 * after the other. Every third pass loses what it has planned and all that is not in the record, as if the controller
 * were killed and started anew. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/act/statement.h"
#include "sql/messages.h"
#include "unit/decide_view.h"
#include "unit/sql_server.h"

enum { SERVERS = 3 };
static const char *const addresses[SERVERS] = { "127.0.0.41", "127.0.0.42", "127.0.0.43" };
static struct sql_library *library;
static struct sql_server servers[SERVERS];
static char *folder;
static struct decide_world *world;
static struct arena answers; /* of one pass */
static struct arena kept;
static struct statement_secrets secrets = { .controller_password = "Generated-Controller-1",
	                                    .master_key_password = "Generated-Master-1",
	                                    .administrator_password = SQL_SERVER_PASSWORD };
static const char *databases[] = { "db 1", "db]2" };

static int set_up(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ 0 }, NULL);
	world = xcalloc(1, sizeof(*world));
	decide_world_init(world, SERVERS);
	folder = sql_server_folder();
	cleanup_free char *hosts = xasprintf("%s/hosts", folder);
	FILE *file = fopen(hosts, "we");
	for (int i = 0; i < SERVERS; i++) fprintf(file, "%s ag-%d.ag-pods.ns.svc\n", addresses[i], i);
	fclose(file);
	for (int i = 0; i < SERVERS; i++)
		servers[i] = sql_server_new(folder, world->spec.replicas[i].pod, addresses[i]);
	world->view.has_certificate = false;
	world->spec.databases = databases;
	world->spec.database_count = ARRAY_LENGTH(databases);
	world->spec.checks_writes = true;
	world->spec.replicas[2].access = SQL_ACCESS_READ_ONLY;
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	for (int i = 0; i < SERVERS; i++) sql_server_free(&servers[i]);
	sql_server_folder_free(folder);
	sql_library_free(library);
	decide_world_free(world);
	free(world);
	arena_free(&answers);
	arena_free(&kept);
	return 0;
}

static int run_on(int server, bool as_administrator, const struct sql_batch *batch, struct sql_results *results,
                  struct error **err) {
	const struct sql_target target = { servers[server].ip, servers[server].port,
		                           as_administrator ? ADMINISTRATOR_LOGIN : CONTROLLER_LOGIN,
		                           as_administrator ? SQL_SERVER_PASSWORD : secrets.controller_password };
	struct sql_session *session = sql_session_open(library, &target, err);
	if (session == NULL) return -1;
	int result = sql_session_execute(session, batch, results, err);
	sql_session_close(session);
	return result;
}

static void observe(int server) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_error struct error *err = NULL;
	struct server_view *view = &world->view.replicas[server].server;
	struct sql_observation *seen = arena_alloc(&answers, sizeof(*seen));
	*view = (struct server_view){ .has_current_password = true,
		                      .last_write_ok = view->last_write_ok,
		                      .seen_at = world->view.now };
	assert_int_equal(sql_probe(&text, world->spec.group, NULL), 0);
	const struct sql_batch batch = { .text = text.data, .timeout_ms = 30000 };
	if (run_on(server, false, &batch, &results, &err) != 0) {
		view->refuses_login = err->code == SQL_MSG_LOGIN_FAILED;
		if (view->refuses_login) return;
		if (servers[server].pid != 0) fail_msg("%s", err->message);
		view->silent_since = world->view.now;
		view->has_failed = true;
		view->failure = err->kind;
		return;
	}
	if (sql_observation_read(&results, &answers, seen, &err) != 0) fail_msg("%s", err->message);
	view->seen = seen;
	view->is_bootstrapped = seen->instance.generation >= 0;
}

static void keep(struct sql_bytes *bytes) {
	unsigned char *copy = arena_alloc(&kept, bytes->length);
	memcpy(copy, bytes->bytes, bytes->length);
	bytes->bytes = copy;
}

/* Into the Secret. */
static void take_certificate(const struct sql_results *results) {
	cleanup_error struct error *err = NULL;
	if (statement_certificate(results, &answers, &secrets.endpoint, &err) != 0) fail_msg("%s", err->message);
	keep(&secrets.endpoint.certificate);
	keep(&secrets.endpoint.private_key);
	world->view.has_certificate = true;
}

static bool is_rough;
/* It waits for a second; a success that follows is not told of, time tells. */
static void remember_failure(const struct action *action, const struct error *err) {
	const char *peer = action->peer != NULL ? action->peer : action->text;
	const struct attempt *known = attempt_of(&world->view, action->type, action->pod, peer);
	size_t place = known != NULL ? (size_t)(known - world->attempts) : world->view.attempt_count;
	assert_true(place < ARRAY_LENGTH(world->attempts));
	if (known == NULL) world->view.attempt_count++;
	world->attempts[place] = (struct attempt){ .type = action->type,
		                                   .pod = arena_strdup(&kept, action->pod),
		                                   .peer = peer != NULL ? arena_strdup(&kept, peer) : NULL,
		                                   .failures = 1,
		                                   .number = err->code,
		                                   .message = arena_strdup(&kept, err->message),
		                                   .next_at = clock_monotonic_ms() + 1000 };
}

static void forget_old_failures(void) {
	for (size_t i = 0; i < world->view.attempt_count; i++) {
		if (world->attempts[i].next_at + 1000 >= world->view.now) continue;
		world->attempts[i--] = world->attempts[--world->view.attempt_count];
	}
}

static void act(const struct action *action) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_error struct error *err = NULL;
	const struct statement_context context = { &world->spec, &world->record, &secrets };
	struct statement_terms terms = statement_terms(action->type);
	int server = spec_find(&world->spec, action->pod);
	if (statement_of(action, &context, &text, &err) != 0) fail_msg("%s", err->message);
	const struct sql_batch batch = { .text = text.data,
		                         .timeout_ms = terms.timeout_ms,
		                         .is_secret = terms.is_secret,
		                         .is_changing = terms.is_changing };
	bool as_administrator = action_rows[action->type].session == SESSION_ADMINISTRATOR;
	if (run_on(server, as_administrator, &batch, &results, &err) != 0) {
		/* Only where servers are killed, and when a secondary lost its step a moment ago. */
		if (!is_rough && err->code != SQL_MSG_REQUIRED_UNMET)
			fail_msg("%s on %s: %s\n%s", action_rows[action->type].name, action->pod, err->message,
			         text.data);
		remember_failure(action, err);
		return;
	}
	if (action->type == ACTION_EXPORT_CERTIFICATE) take_certificate(&results);
	if (action->type == ACTION_WRITE_CHECK) world->view.replicas[server].server.last_write_ok = world->view.now;
}

/* What decide.c runs, without the API's objects and the report. */
static void parts(struct deciding *deciding) {
	promotion_judge(deciding);
	bootstrap_decide(deciding);
	promotion_decide(deciding);
	if (deciding->state == GROUP_STEADY) {
		set_decide(deciding);
		ladder_decide(deciding);
	}
	if (deciding->state == GROUP_STEADY || deciding->state == GROUP_NONE) {
		databases_decide(deciding);
		settings_decide(deciding);
	}
}

/* Observes, decides, acts and writes the record. How much there was to do. */
static size_t pass(bool is_killed) {
	arena_free(&answers);
	answers = (struct arena){ 0 };
	world->view.now = clock_monotonic_ms();
	forget_old_failures();
	for (int i = 0; i < SERVERS; i++) observe(i);
	world->state = GROUP_NONE; /* it is judged */
	decide_world_run(world, parts);
	bool changes = !record_equal(&world->record, &world->deciding.next) ||
	               (world->deciding.wants_generation && !world->deciding.servers_are_ours);
	size_t count = decide_world_count(world) + changes;
	if (is_killed) {
		world->scratch = (struct scratch){ 0 };
		return count;
	}
	for (size_t i = 0; i < world->plan.count; i++) {
		if (action_rows[world->plan.actions[i].type].target == TARGET_SERVER) act(&world->plan.actions[i]);
	}
	decide_world_commit(world);
	return count;
}

static bool is_true(const char *condition) {
	const struct finding_row *finding = decide_world_finding(world, condition);
	return finding != NULL && finding->is_true;
}

static bool is_synchronized(void) {
	const struct sql_observation *seen = world->view.replicas[0].server.seen;
	size_t joined = 0;
	for (size_t i = 0; i < seen->database_count; i++)
		joined += seen->databases[i].synchronization == SQL_SYNCHRONIZED;
	return joined == SERVERS * ARRAY_LENGTH(databases);
}

/* All databases are everywhere, and every member holds every commit. */
static bool is_complete(void) {
	return is_true("ReplicasJoined") && is_true("DatabasesJoined") && is_synchronized() &&
	       world->record.member_count == SERVERS && world->record.required == SERVERS - 1;
}

static void become_complete(bool with_kills) {
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	for (size_t number = 1; pass(with_kills && number % 3 == 0) > 0 || !is_complete(); number++) {
		if (clock_monotonic_ms() < deadline) continue;
		for (size_t i = 0; i < world->deciding.finding_count; i++)
			print_error("%s: %s\n", world->deciding.findings[i].condition,
			            world->deciding.findings[i].message);
		fail_msg("not complete after %zu passes: %zu members, %d required", number, world->record.member_count,
		         world->record.required);
	}
}

static void servers_become_a_group(void **state) {
	(void)state;
	become_complete(true);
	assert_int_equal(world->record.database_count, ARRAY_LENGTH(databases));
	assert_string_equal(world->record.primary.pod, "ag-0");
	assert_int_equal(world->record.epoch, 1);
	assert_int_equal(world->record.failover_count, 0);
	assert_true(world->view.replicas[0].server.last_write_ok != 0);
	const struct sql_observation *seen = world->view.replicas[0].server.seen;
	assert_int_equal(seen->replica_count, SERVERS);
	assert_int_equal(seen->group.required, SERVERS - 1);
	assert_true(seen->group.db_failover);
	for (size_t i = 0; i < SERVERS; i++)
		assert_string_equal(seen->replicas[i].access,
		                    strcmp(seen->replicas[i].server, "ag-2") == 0 ? "READ_ONLY" : "NO");
}

/* Everything as it was, and the status wiped: the group is found, as little is believed as is sure, and the rest is
 * witnessed anew. */
static void wiped_status_is_filled_in_again(void **state) {
	(void)state;
	char *group_id = arena_strdup(&kept, world->record.group_id);
	world->record = (struct record){ .group_id = "",
		                         .holder = "",
		                         .primary = { "", "" },
		                         .intent = { .target = "", .wanted = "", .reason = "", .message = "" } };
	pass(false);
	assert_int_equal(decide_world_count(world), 0);
	assert_true(world->record.is_initialized);
	assert_string_equal(world->record.group_id, group_id);
	assert_string_equal(world->record.primary.pod, "ag-0");
	assert_int_equal(world->record.member_count, 1);
	assert_int_equal(world->record.database_count, ARRAY_LENGTH(databases));
	become_complete(true);
	assert_string_equal(world->record.primary.pod, "ag-0");
}

static void scale(size_t replicas) {
	world->spec.replica_count = replicas;
	for (size_t i = 0; i < SERVERS; i++)
		world->view.replicas[i].spec = i < replicas ? &world->spec.replicas[i] : NULL;
}

static bool is_scaled_in(void) {
	return world->record.member_count == SERVERS - 1 && world->record.required == SERVERS - 2 &&
	       world->view.replicas[0].server.seen->replica_count == SERVERS - 1;
}

/* The replica that went keeps its volume, and what it knew of the group; so it comes back. */
static void replica_goes_and_returns(void **state) {
	(void)state;
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	scale(SERVERS - 1);
	while (pass(false) > 0 || !is_scaled_in()) {
		if (clock_monotonic_ms() > deadline) fail_msg("it does not go");
	}
	assert_int_equal(record_find(&world->record, "ag-2", NULL), -1);
	scale(SERVERS);
	become_complete(false);
}

static bool has_copy(size_t replica, const char *database) {
	const struct sql_observation *seen = world->view.replicas[replica].server.seen;
	for (size_t i = 0; seen != NULL && i < seen->local_database_count; i++) {
		if (strcmp(seen->local_databases[i].name, database) == 0) return true;
	}
	return false;
}

static bool is_primary(size_t replica) {
	return role_of(&world->view.replicas[replica]) == SQL_ROLE_PRIMARY;
}

/* The primary dies when it has made a database and not added it yet: writers may have filled it, and nobody else has
 * it. So it is waited for, and goes on. */
static void primary_dies_with_a_new_database(void **state) {
	(void)state;
	static const char *more[] = { "db 1", "db]2", "late" };
	struct pod_view *pod = &world->view.replicas[0].pod;
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	world->spec.databases = more;
	world->spec.database_count = ARRAY_LENGTH(more);
	while (!has_copy(0, "late")) pass(false);
	assert_int_equal(world->record.database_count, 2);
	is_rough = true;
	sql_server_kill(&servers[0]);
	pod->is_running = false;
	pod->is_terminated = true;
	while (world->deciding.state != GROUP_BLOCKED) {
		pass(false);
		if (clock_monotonic_ms() > deadline) fail_msg("nobody is waited for");
	}
	assert_false(is_primary(1) || is_primary(2));
	sql_server_start(&servers[0]);
	pod->is_terminated = false;
	pod->is_running = true;
	pod->incarnation_container = "another";
	while (world->record.database_count < ARRAY_LENGTH(more)) {
		pass(false);
		if (clock_monotonic_ms() < deadline) continue;
		for (size_t i = 0; i < world->deciding.finding_count; i++)
			print_error("%s: %s\n", world->deciding.findings[i].condition,
			            world->deciding.findings[i].message);
		fail_msg("%zu databases are in the group", world->record.database_count);
	}
	assert_string_equal(world->record.primary.pod, "ag-0");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_become_a_group),
		cmocka_unit_test(wiped_status_is_filled_in_again),
		cmocka_unit_test(replica_goes_and_returns),
		cmocka_unit_test(primary_dies_with_a_new_database),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
