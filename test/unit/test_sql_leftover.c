/* A left-over database is dropped when nothing is lost with it, and never else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/statements.h"
#include "unit/sql_server.h"

static struct sql_library *library;
static struct sql_server server;
static char *folder;

static int set_up(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ 0 }, NULL);
	folder = sql_server_folder();
	server = sql_server_new(folder, "left-0", "127.0.0.37");
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	sql_server_free(&server);
	sql_server_folder_free(folder);
	sql_library_free(library);
	return 0;
}

static int run(const char *text, struct error **err) {
	cleanup_sql_results struct sql_results results = { 0 };
	const struct sql_target target = { server.ip, server.port, "sa", SQL_SERVER_PASSWORD };
	const struct sql_batch batch = { .text = text, .timeout_ms = 30000 };
	struct sql_session *session = sql_session_open(library, &target, err);
	if (session == NULL) return -1;
	int result = sql_session_execute(session, &batch, &results, err);
	sql_session_close(session);
	return result;
}

static void run_well(const char *text) {
	cleanup_error struct error *err = NULL;
	if (run(text, &err) != 0) fail_msg("%s", err->message);
}

static int drop(const char *database, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(sql_drop_leftover(&text, database, NULL), 0);
	return run(text.data, err);
}

static void drop_well(const char *database) {
	cleanup_error struct error *err = NULL;
	if (drop(database, &err) != 0) fail_msg("%s", err->message);
}

static void only_without_a_table(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	run_well("CREATE DATABASE [a b]");
	run_well("CREATE TABLE [a b].dbo.t (id int)");
	assert_int_equal(drop("a b", &err), -1);
	assert_int_equal(err->code, SQL_MSG_HOLDS_DATA);
	assert_non_null(strstr(err->message, "51004"));
	run_well("IF DB_ID(N'a b') IS NULL THROW 50001, N'it was dropped', 1;");
	run_well("DROP TABLE [a b].dbo.t");
	drop_well("a b");
	run_well("IF DB_ID(N'a b') IS NOT NULL THROW 50001, N'it is still there', 1;");
	drop_well("a b"); /* again */
}

int main(void) {
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_without_a_table) };
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
