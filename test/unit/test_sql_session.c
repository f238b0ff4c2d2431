/* One session: servers that do not answer (plain sockets), and the simulated SQL Server where it was built. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "sql/messages.h"
#include "sql/statements.h"
#include "unit/sql_server.h"

static struct sql_library *library;
static struct sql_server server;
static char *folder;

static int set_up(void **state) {
	(void)state;
	/* FreeTDS would write what it sends to this file. */
	setenv("TDSDUMP", "/tmp/agkeeper-test-sql-must-not-appear", 1);
	library = sql_library_new(&(struct sql_library_options){ .connect_timeout_s = 1 }, NULL);
	if (library == NULL) return -1;
	folder = sql_server_folder();
	server = sql_server_new(folder, "session-0", "127.0.0.21");
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	sql_server_free(&server);
	sql_server_folder_free(folder);
	sql_library_free(library);
	return access("/tmp/agkeeper-test-sql-must-not-appear", F_OK) == 0 ? -1 : 0;
}

static void needs_server(void) {
}

static struct sql_session *open_as(const char *password, struct error **err) {
	return sql_session_open(library, &(struct sql_target){ server.ip, server.port, "sa", password }, err);
}

static struct sql_session *open_session(void) {
	struct error *err = NULL;
	struct sql_session *session = open_as(SQL_SERVER_PASSWORD, &err);
	if (err != NULL) print_error("%s\n", err->message);
	assert_non_null(session);
	return session;
}

static int run(struct sql_session *session, const char *text, struct sql_results *results, struct error **err) {
	return sql_session_execute(session, &(struct sql_batch){ .text = text, .timeout_ms = 30000 }, results, err);
}

/* ---- without a SQL Server ---- */

static void silent_server_is_given_up(void **state) {
	(void)state;
	int port = 0, listener = sql_server_listen("127.0.0.1", &port);
	cleanup_error struct error *err = NULL;
	assert_null(sql_session_open(library, &(struct sql_target){ "127.0.0.1", port, "sa", "Secret-1" }, &err));
	assert_int_equal(err->kind, ERROR_TIMEOUT);
	assert_null(strstr(err->message, "Secret"));
	/* What it has been sent is one PRELOGIN ([MS-TDS] 2.2.6.5), and no login of an older protocol after it. */
	char sent[4096];
	int fd = accept(listener, NULL, NULL);
	ssize_t length = read(fd, sent, sizeof(sent));
	assert_in_range(length, 8, 200);
	assert_int_equal(sent[0], 0x12);
	close(fd);
	struct pollfd another = { .fd = listener, .events = POLLIN };
	assert_int_equal(poll(&another, 1, 0), 0);
	close(listener);
}

static void refused_connection_is_said(void **state) {
	(void)state;
	int port = 0;
	close(sql_server_listen("127.0.0.1", &port));
	cleanup_error struct error *err = NULL;
	assert_null(sql_session_open(library, &(struct sql_target){ "127.0.0.1", port, "sa", "Secret-1" }, &err));
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err->message, "refused"));
	error_free(take(&err));
	assert_null(sql_session_open(library, &(struct sql_target){ "no.such.invalid", 1, "sa", "Secret-1" }, &err));
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err->message, "no.such.invalid"));
}

static void *answer_without_encryption(void *context) {
	/* PRELOGIN response: VERSION and ENCRYPTION = NOT_SUP ([MS-TDS] 2.2.6.5). */
	static const char answer[] = "\x04\x01\x00\x1A\x00\x00\x01\x00"
	                             "\x00\x00\x0B\x00\x06"
	                             "\x01\x00\x11\x00\x01\xFF"
	                             "\x10\x00\x10\x4F\x00\x00\x02";
	char bytes[4096];
	int fd = accept(*(int *)context, NULL, NULL);
	ssize_t got = read(fd, bytes, sizeof(bytes));
	got += write(fd, answer, sizeof(answer) - 1);
	ssize_t more = read(fd, bytes, sizeof(bytes));
	close(fd);
	/* The login, which would carry the password, must not have come. */
	return got > 0 && more > 0 ? "sent" : NULL;
}

static void unencrypted_server_is_refused(void **state) {
	(void)state;
	int port = 0, listener = sql_server_listen("127.0.0.1", &port);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, answer_without_encryption, &listener), 0);
	cleanup_error struct error *err = NULL;
	assert_null(sql_session_open(library, &(struct sql_target){ "127.0.0.1", port, "sa", "Secret-1" }, &err));
	void *sent;
	pthread_join(thread, &sent);
	assert_null(sent);
	close(listener);
}

/* ---- with one ---- */

static void reads_results(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_sql_results struct sql_results results = { 0 };
	assert_int_equal(run(session,
	                     "SELECT 7 AS a, N'ü日' AS b, NULL AS c, CONVERT(varbinary(10), 0x0102FF) AS d, "
	                     "CAST(1 AS bit) AS e, CAST(9223372036854775807 AS bigint) AS f, N'' AS g; "
	                     "SELECT APP_NAME() AS application; SELECT name FROM sys.databases WHERE 1 = 0",
	                     &results, NULL),
	                 0);
	assert_int_equal(results.set_count, 3);
	assert_int_equal(results.sets[0].column_count, 7);
	const char *const expected[] = { "7", "ü日", NULL, "0102FF", "1", "9223372036854775807", "" };
	for (size_t i = 0; i < 7; i++) {
		const char *value = results.sets[0].rows[0][i];
		if (expected[i] == NULL) assert_null(value);
		else assert_string_equal(value, expected[i]);
	}
	assert_string_equal(results.sets[1].rows[0][0], "agkeeper");
	assert_int_equal(results.sets[2].row_count, 0);
	assert_string_equal(results.sets[2].columns[0], "name");
	sql_session_close(session);
}

static void keeps_the_servers_numbers(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_error struct error *err = NULL;
	cleanup_sql_results struct sql_results results = { 0 };
	assert_int_equal(run(session, "SELECT 1\nSELECT * FROM missing", &results, &err), -1);
	assert_int_equal(err->code, 208);
	assert_int_equal(err->kind, ERROR_NOT_FOUND);
	assert_non_null(strstr(err->message, "Msg 208, Level 16, State 1, Line 2: Invalid object name"));
	assert_int_equal(results.set_count, 0);
	assert_true(sql_session_is_usable(session));
	assert_int_equal(run(session, "SELECT 1", &results, NULL), 0);
	sql_session_close(session);
}

static void wrong_password_is_forbidden(void **state) {
	(void)state;
	needs_server();
	cleanup_error struct error *err = NULL;
	assert_null(open_as("Wrong-Secret-1", &err));
	assert_int_equal(err->kind, ERROR_FORBIDDEN);
	assert_int_equal(err->code, SQL_MSG_LOGIN_FAILED);
	assert_null(strstr(err->message, "Wrong-Secret"));
}

static void secret_batches_are_not_repeated(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_error struct error *err = NULL;
	struct sql_results results = { 0 };
	const struct sql_batch batch = { .text = "SELECT Secret9 FROM sys.databases",
		                         .timeout_ms = 30000,
		                         .is_secret = true };
	assert_int_equal(sql_session_execute(session, &batch, &results, &err), -1);
	assert_int_equal(err->code, 207);
	assert_null(strstr(err->message, "Secret9"));
	assert_true(sql_session_is_usable(session));
	struct sql_batch changing = batch;
	changing.is_secret = false;
	changing.is_changing = true;
	assert_int_equal(sql_session_execute(session, &changing, &results, &err), -1);
	assert_non_null(strstr(err->message, "Secret9"));
	assert_false(sql_session_is_usable(session));
	sql_session_close(session);
}

static void deadline_ends_the_session(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_error struct error *err = NULL;
	struct sql_results results = { 0 };
	const struct sql_batch batch = { .text = "WAITFOR DELAY '01:00:00'", .timeout_ms = 100 };
	assert_int_equal(sql_session_execute(session, &batch, &results, &err), -1);
	assert_int_equal(err->kind, ERROR_TIMEOUT);
	assert_false(sql_session_is_usable(session));
	assert_int_equal(run(session, "SELECT 1", &results, &err), -1);
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	sql_session_close(session);
}

static void frozen_server_costs_its_deadline(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_error struct error *err = NULL;
	struct sql_results results = { 0 };
	kill(server.pid, SIGSTOP);
	int status = sql_session_execute(session, &(struct sql_batch){ .text = "SELECT 1", .timeout_ms = 100 },
	                                 &results, &err);
	sql_session_close(session); /* does not wait either */
	kill(server.pid, SIGCONT);
	assert_int_equal(status, -1);
	assert_int_equal(err->kind, ERROR_TIMEOUT);
	sql_results_free(&results);
}

static void *cancel_when_it_waits(void *context) {
	struct sql_session *watcher = open_session();
	for (bool waits = false; !waits;) {
		struct sql_results results = { 0 };
		assert_int_equal(run(watcher,
		                     "SELECT COUNT(*) FROM sys.dm_exec_sessions WHERE program_name = N'agkeeper' AND "
		                     "status = N'running' AND session_id <> @@SPID",
		                     &results, NULL),
		                 0);
		waits = strcmp(results.sets[0].rows[0][0], "0") != 0;
		sql_results_free(&results);
	}
	sql_session_cancel(context);
	sql_session_close(watcher);
	return NULL;
}

static void can_be_cancelled(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	cleanup_error struct error *err = NULL;
	struct sql_results results = { 0 };
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, cancel_when_it_waits, session), 0);
	assert_int_equal(run(session, "WAITFOR DELAY '01:00:00'", &results, &err), -1);
	pthread_join(thread, NULL);
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	assert_non_null(strstr(err->message, "cancelled"));
	assert_false(sql_session_is_usable(session));
	sql_session_close(session);
}

static void end_of_the_server_is_noticed(void **state) {
	(void)state;
	needs_server();
	struct sql_session *session = open_session();
	sql_server_kill(&server);
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	while (sql_session_is_usable(session) && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
	assert_false(sql_session_is_usable(session));
	sql_session_close(session);
	sql_server_start(&server);
	sql_session_close(open_session());
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silent_server_is_given_up),        cmocka_unit_test(refused_connection_is_said),
		cmocka_unit_test(unencrypted_server_is_refused),    cmocka_unit_test(reads_results),
		cmocka_unit_test(keeps_the_servers_numbers),        cmocka_unit_test(wrong_password_is_forbidden),
		cmocka_unit_test(secret_batches_are_not_repeated),  cmocka_unit_test(deadline_ends_the_session),
		cmocka_unit_test(frozen_server_costs_its_deadline), cmocka_unit_test(can_be_cancelled),
		cmocka_unit_test(end_of_the_server_is_noticed),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
