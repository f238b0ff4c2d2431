/* One simulated server: bootstrap, interrupted and repeated, and what the controller's login may do after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/strbuf.h"
#include "sql/observation.h"
#include "sql/statements.h"
#include "unit/sql_server.h"

#define CONTROLLER_PASSWORD "Generated-Controller-1"
static const struct sql_bootstrap first = { .master_key_password = "Master-Key-1",
	                                    .endpoint_login = "agkeeper_endpoint",
	                                    .endpoint_password = "Never-Used-1",
	                                    .endpoint = "agkeeper",
	                                    .port = 5022,
	                                    .certificate = "agkeeper",
	                                    .subject = "ns/ag",
	                                    .expires = "20361122",
	                                    .controller = "agkeeper",
	                                    .controller_password = CONTROLLER_PASSWORD };

static struct sql_library *library;
static struct sql_server server;
static char *folder;

static int set_up(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ 0 }, NULL);
	folder = sql_server_folder();
	server = sql_server_new(folder, "boot-0", "127.0.0.46");
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	sql_server_free(&server);
	sql_server_folder_free(folder);
	sql_library_free(library);
	return 0;
}

/* NULL: refused. */
static struct sql_session *open_as(const char *user, const char *password) {
	const struct sql_target target = { server.ip, server.port, user, password };
	return sql_session_open(library, &target, NULL);
}

/* In a session of its own. Returns the number of the error; 0: none. */
static int ask(const char *user, const char *password, const char *text, struct sql_results *results) {
	struct sql_results ignored = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_session *session = open_as(user, password);
	assert_non_null(session);
	const struct sql_batch batch = { .text = text, .timeout_ms = 30000 };
	int status = sql_session_execute(session, &batch, results != NULL ? results : &ignored, &err);
	sql_results_free(&ignored);
	sql_session_close(session);
	if (status == 0) return 0;
	if (err->code == 0) fail_msg("%s\n%s", err->message, text);
	return err->code;
}
static int ask_sa(const char *text) {
	return ask("sa", SQL_SERVER_PASSWORD, text, NULL);
}
static int ask_controller(const char *text) {
	return ask("agkeeper", CONTROLLER_PASSWORD, text, NULL);
}

/* -1: the controller sees no generation, or cannot log in yet. */
static int64_t generation(void) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_arena struct arena arena = { 0 };
	struct sql_observation seen;
	struct sql_session *session = open_as("agkeeper", CONTROLLER_PASSWORD);
	if (session == NULL) return -1;
	assert_int_equal(sql_probe(&text, "ag1", NULL), 0);
	bool answered = sql_session_execute(session, &(struct sql_batch){ .text = text.data, .timeout_ms = 30000 },
	                                    &results, NULL) == 0;
	sql_session_close(session);
	if (!answered) return -1; /* without its rights yet */
	assert_int_equal(sql_observation_read(&results, &arena, &seen, NULL), 0);
	return seen.instance.generation;
}

/* One statement more each time, as if it had been interrupted there; then the whole, twice. */
static void may_be_interrupted_and_repeated(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf whole = { 0 };
	assert_int_equal(sql_bootstrap_server(&whole, &first, NULL), 0);
	const char *end = strstr(whole.data, "END TRY\n");
	int steps = 0;
	for (const char *at = strstr(whole.data, "BEGIN TRY\n"); (at = strstr(at, ";\n")) != NULL && at + 2 < end;
	     at += 2, steps++) {
		assert_int_equal(generation(), -1); /* until the very last */
		cleanup_free char *part = xasprintf("%.*s%s", (int)(at + 2 - whole.data), whole.data, end);
		assert_int_equal(ask_sa(part), 0);
	}
	assert_in_range(steps, 15, 30);
	for (int time = 0; time < 2; time++) {
		assert_int_equal(ask_sa(whole.data), 0);
		assert_int_equal(generation(), 0);
	}
}

static struct sql_bootstrap with_certificate(const char *encoded, const char *password) {
	struct sql_bootstrap bootstrap = first;
	bootstrap.encoded = encoded;
	bootstrap.encoded_length = 4;
	bootstrap.private_key = encoded;
	bootstrap.private_key_length = 4;
	bootstrap.private_key_password = password;
	return bootstrap;
}

/* What cannot be installed ends the batch, with the server's own number. */
static void failure_is_told(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	const struct sql_bootstrap bad = with_certificate("\x30\x82\x01\xFF", "Wrong-1");
	assert_int_equal(sql_bootstrap_server(&text, &bad, NULL), 0);
	assert_int_equal(ask_sa(text.data), 15297);
	strbuf_reset(&text);
	assert_int_equal(sql_bootstrap_server(&text, &first, NULL), 0);
	assert_int_equal(ask_sa(text.data), 0);
}

static void controller_changes_nothing_of_others(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	assert_int_equal(sql_export_certificate(&text, "agkeeper", "Transfer-1", NULL), 0);
	assert_int_equal(ask("agkeeper", CONTROLLER_PASSWORD, text.data, &results), 0);
	assert_null(results.sets[0].rows[0][1]);
	strbuf_reset(&text);
	assert_int_equal(sql_bootstrap_server(&text, &first, NULL), 0);
	assert_int_not_equal(ask_controller(text.data), 0);
	assert_int_equal(ask_controller("ALTER LOGIN [sa] WITH PASSWORD = N'Taken-Over-1'"), 15247);
	assert_int_equal(ask_controller("CREATE CERTIFICATE [c] WITH SUBJECT = N'c'"), 15247);
	const struct sql_replica replica = { "boot-0", "TCP://boot-0:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL };
	const struct sql_group group = { .name = "ag1", .replicas = &replica, .replica_count = 1 };
	strbuf_reset(&text);
	assert_int_equal(sql_create_group(&text, &group, NULL), 0);
	assert_int_equal(ask_controller(text.data), 15247); /* CREATE asks for sysadmin */
	assert_int_equal(ask_sa("CREATE DATABASE theirs"), 0);
	assert_int_equal(ask_controller("BACKUP DATABASE theirs TO DISK = N'theirs.bak'"), 262);
}

static void rights_are_needed(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(ask_sa("CREATE LOGIN nobody WITH PASSWORD = N'Nobody-123'"), 0);
	assert_int_equal(sql_probe(&text, "ag1", NULL), 0);
	assert_int_equal(ask("nobody", "Nobody-123", text.data, NULL), 300);
	assert_int_equal(ask("nobody", "Nobody-123", "EXEC sp_server_diagnostics", NULL), 300);
	assert_int_equal(ask("nobody", "Nobody-123", "ALTER ENDPOINT [agkeeper] STATE = STOPPED", NULL), 15151);
	assert_int_equal(ask("nobody", "Nobody-123", "CREATE DATABASE d", NULL), 262);
	assert_int_equal(ask("nobody", "Nobody-123", "DROP DATABASE theirs", NULL), 3701);
}

static void writes_are_checked(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf create = { 0 }, check = { 0 };
	assert_int_equal(sql_create_kubedb_system(&create, NULL), 0);
	assert_int_equal(sql_write_check(&check, NULL), 0);
	int missing = ask_controller(check.data);
	assert_true(missing == 208 || missing == 911);
	for (int time = 1; time <= 2; time++) {
		cleanup_sql_results struct sql_results results = { 0 };
		assert_int_equal(ask_controller(create.data), 0);
		assert_int_equal(ask("agkeeper", CONTROLLER_PASSWORD, check.data, &results), 0);
		assert_int_equal(results.set_count, 1);
		assert_int_equal(results.sets[0].row_count, 1);
		assert_int_equal(strtoll(results.sets[0].rows[0][0], NULL, 10), time);
	}
	assert_int_equal(ask_controller("IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE name = N'kubedb_system' AND "
	                                "recovery_model_desc = N'SIMPLE') THROW 50000, N'not SIMPLE', 1"),
	                 0);
}

static void left_over_copies_go(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(sql_create_database(&text, "copy'1", NULL), 0);
	assert_int_equal(sql_leave_group(&text, "copy'1", NULL), 0);
	assert_int_equal(sql_drop_database(&text, "copy'1", NULL), 0);
	assert_int_equal(ask_controller(text.data), 0);
}

/* The last one: sa has another password afterwards. */
static void passwords_are_applied(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(sql_apply_password(&text, "sa", "short", NULL), 0);
	assert_int_equal(ask_sa(text.data), 15116);
	strbuf_reset(&text);
	assert_int_equal(sql_apply_password(&text, "sa", "Chosen'By-User-1", NULL), 0);
	assert_int_equal(ask_sa(text.data), 0);
	assert_null(open_as("sa", SQL_SERVER_PASSWORD));
	assert_int_equal(ask("sa", "Chosen'By-User-1", "SELECT 1", NULL), 0);
	strbuf_reset(&text);
	assert_int_equal(sql_apply_password(&text, "agkeeper", "Its-Own-New-1", NULL), 0);
	assert_int_equal(ask_controller(text.data), 15247); /* without OLD_PASSWORD: only sa */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(may_be_interrupted_and_repeated),
		cmocka_unit_test(failure_is_told),
		cmocka_unit_test(controller_changes_nothing_of_others),
		cmocka_unit_test(rights_are_needed),
		cmocka_unit_test(writes_are_checked),
		cmocka_unit_test(left_over_copies_go),
		cmocka_unit_test(passwords_are_applied),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
