/* The statements, all the way: three simulated servers become a group by them, are fenced, and fail over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/messages.h"
#include "sql/observation.h"
#include "sql/statements.h"
#include "unit/sql_server.h"

enum { SERVERS = 3 };
#define CONTROLLER_PASSWORD "Generated-Controller-1"
static const char *const names[SERVERS] = { "g-0", "g-1", "g-2" };
static const char *const addresses[SERVERS] = { "127.0.0.31", "127.0.0.32", "127.0.0.33" };
static const struct sql_replica replicas[SERVERS] = {
	{ "g-0", "TCP://g-0:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL },
	{ "g-1", "TCP://g-1:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL },
	{ "g-2", "TCP://g-2:5022", SQL_SYNCHRONOUS_COMMIT, SQL_ACCESS_ALL },
};

static struct sql_library *library;
static struct sql_server servers[SERVERS];
static char *folder;

static int set_up(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ 0 }, NULL);
	folder = sql_server_folder();
	cleanup_free char *hosts = xasprintf("%s/hosts", folder);
	FILE *file = fopen(hosts, "we");
	for (int i = 0; i < SERVERS; i++) fprintf(file, "%s %s\n", addresses[i], names[i]);
	fclose(file);
	for (int i = 0; i < SERVERS; i++) servers[i] = sql_server_new(folder, names[i], addresses[i]);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	for (int i = 0; i < SERVERS; i++) sql_server_free(&servers[i]);
	sql_server_folder_free(folder);
	sql_library_free(library);
	return 0;
}

static struct sql_session *open_as(int server, const char *user, const char *password) {
	cleanup_error struct error *err = NULL;
	const struct sql_target target = { servers[server].ip, servers[server].port, user, password };
	struct sql_session *session = sql_session_open(library, &target, &err);
	if (session == NULL) fail_msg("%s: %s", names[server], err->message);
	return session;
}

/* Runs what `text` holds, and empties it. */
static void run(struct sql_session *session, struct strbuf *text, struct sql_results *results) {
	struct sql_results ignored = { 0 };
	cleanup_error struct error *err = NULL;
	const struct sql_batch batch = { .text = strbuf_text(text), .timeout_ms = 30000 };
	if (sql_session_execute(session, &batch, results != NULL ? results : &ignored, &err) != 0)
		fail_msg("%s\n%s", err->message, text->data);
	sql_results_free(&ignored);
	strbuf_reset(text);
}

static void observe(int server, struct arena *arena, struct sql_observation *observation) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_session *session = open_as(server, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(sql_probe(&text, "ag1", NULL), 0);
	run(session, &text, &results);
	if (sql_observation_read(&results, arena, observation, &err) != 0) fail_msg("%s", err->message);
	sql_session_close(session);
}

static bool is_primary(const struct sql_observation *seen) {
	const struct sql_replica_row *local = sql_observation_local(seen);
	return local != NULL && local->role == SQL_ROLE_PRIMARY;
}

static bool all_synchronized(const struct sql_observation *seen) {
	for (size_t i = 0; i < seen->database_count; i++) {
		if (seen->databases[i].synchronization != SQL_SYNCHRONIZED) return false;
	}
	return is_primary(seen) && seen->database_count == SERVERS;
}

static void wait_until(int server, bool (*holds)(const struct sql_observation *)) {
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	for (bool held = false; !held;) {
		cleanup_arena struct arena arena = { 0 };
		struct sql_observation seen;
		if (clock_monotonic_ms() > deadline) fail_msg("%s does not get there", names[server]);
		observe(server, &arena, &seen);
		held = holds(&seen);
	}
}

static struct sql_bootstrap new_server(void) {
	return (struct sql_bootstrap){ .master_key_password = "Master-Key-1",
		                       .endpoint_login = "agkeeper_endpoint",
		                       .endpoint_password = "Never-Used-1",
		                       .endpoint = "agkeeper",
		                       .port = 5022,
		                       .certificate = "agkeeper",
		                       .subject = "ns/ag",
		                       .expires = "20361122",
		                       .controller = "agkeeper",
		                       .controller_password = CONTROLLER_PASSWORD };
}

/* Twice: it may be repeated. */
static void bootstrap(int server, const struct sql_bootstrap *bootstrap) {
	cleanup_strbuf struct strbuf text = { 0 };
	struct sql_session *session = open_as(server, "sa", SQL_SERVER_PASSWORD);
	for (int time = 0; time < 2; time++) {
		assert_int_equal(sql_bootstrap_server(&text, bootstrap, NULL), 0);
		run(session, &text, NULL);
	}
	sql_session_close(session);
}

struct certificate {
	struct sql_bytes encoded, private_key;
};
/* Lives in `arena`. */
static struct certificate export_certificate(int server, struct arena *arena) {
	static const struct sql_column columns[] = {
		{ SQL_MEMBER(struct certificate, "certificate", encoded), .type = SQL_COLUMN_BYTES },
		{ SQL_MEMBER(struct certificate, "private_key", private_key), .type = SQL_COLUMN_BYTES },
		{ 0 },
	};
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	void *rows;
	size_t count;
	struct sql_session *session = open_as(server, "sa", SQL_SERVER_PASSWORD);
	assert_int_equal(sql_export_certificate(&text, "agkeeper", "Transfer-1", NULL), 0);
	run(session, &text, &results);
	sql_session_close(session);
	assert_int_equal(
	        sql_rows_read(&results.sets[0], columns, sizeof(struct certificate), arena, &rows, &count, NULL), 0);
	assert_int_equal(count, 1);
	return *(struct certificate *)rows;
}

/* The third server has made a certificate of its own: it is replaced. */
static void bootstrap_all(void) {
	cleanup_arena struct arena arena = { 0 };
	struct sql_bootstrap with = new_server();
	bootstrap(0, &with);
	bootstrap(2, &with);
	struct certificate shared = export_certificate(0, &arena), own = export_certificate(2, &arena);
	assert_memory_not_equal(shared.encoded.bytes, own.encoded.bytes, own.encoded.length);
	with.encoded = shared.encoded.bytes;
	with.encoded_length = shared.encoded.length;
	with.private_key = shared.private_key.bytes;
	with.private_key_length = shared.private_key.length;
	with.private_key_password = "Transfer-1";
	for (int i = 0; i < SERVERS; i++) bootstrap(i, &with);
	own = export_certificate(2, &arena);
	assert_int_equal(own.encoded.length, shared.encoded.length);
	assert_memory_equal(own.encoded.bytes, shared.encoded.bytes, own.encoded.length);
}

static void create_group(void) {
	cleanup_strbuf struct strbuf text = { 0 };
	struct sql_session *session = open_as(0, "sa", SQL_SERVER_PASSWORD);
	const struct sql_group group = { .name = "ag1",
		                         .cluster = SQL_CLUSTER_EXTERNAL,
		                         .db_failover = true,
		                         .replicas = replicas,
		                         .replica_count = SERVERS };
	for (int time = 0; time < 2; time++) {
		assert_int_equal(sql_create_group(&text, &group, NULL), 0);
		run(session, &text, NULL);
	}
	sql_session_close(session);
	for (int i = 1; i < SERVERS; i++) {
		session = open_as(i, "agkeeper", CONTROLLER_PASSWORD);
		assert_int_equal(sql_join_group(&text, "ag1", SQL_CLUSTER_EXTERNAL, NULL), 0);
		assert_int_equal(sql_grant_create_any_database(&text, "ag1", NULL), 0);
		assert_int_equal(sql_become_secondary(&text, "ag1", NULL), 0);
		run(session, &text, NULL);
		sql_session_close(session);
	}
}

static void add_database(void) {
	cleanup_strbuf struct strbuf text = { 0 };
	struct sql_session *session = open_as(0, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(sql_create_database(&text, "agdb1", NULL), 0);
	assert_int_equal(sql_set_recovery_full(&text, "agdb1", NULL), 0);
	run(session, &text, NULL);
	assert_int_equal(sql_backup_database(&text, "agdb1", "/var/opt/mssql/data/agdb1.bak", NULL), 0);
	run(session, &text, NULL);
	assert_int_equal(sql_add_database(&text, "ag1", "agdb1", NULL), 0);
	assert_int_equal(sql_set_required(&text, "ag1", 2, NULL), 0);
	run(session, &text, NULL);
	sql_session_close(session);
}

static void becomes_a_group(void **state) {
	(void)state;
	bootstrap_all();
	create_group();
	add_database();
	wait_until(0, all_synchronized);
	cleanup_arena struct arena arena = { 0 };
	struct sql_observation seen;
	observe(0, &arena, &seen);
	assert_string_equal(seen.instance.server, "g-0");
	assert_int_equal(seen.instance.endpoint, SQL_ENDPOINT_STARTED);
	assert_string_equal(seen.instance.endpoint_name, "agkeeper");
	assert_int_equal(seen.instance.generation, 0);
	assert_true(seen.has_group);
	assert_true(seen.group.sequence_number > 0);
	assert_int_equal(seen.group.required, 2);
	assert_string_equal(seen.group.cluster_type, "external");
	assert_int_equal(seen.replica_count, SERVERS);
	assert_int_equal(seen.local_database_count, 1);
	assert_true(seen.local_databases[0].has_log_chain);
	assert_int_equal(seen.volume_count, 1);
	assert_string_equal(seen.volumes[0].mount_point, "/var/opt/mssql");
	assert_in_range(seen.volumes[0].available_bytes, 1, seen.volumes[0].total_bytes);
	for (size_t i = 0; i < seen.database_count; i++) {
		const struct sql_database_row *database = &seen.databases[i];
		assert_string_equal(database->name, "agdb1");
		assert_int_equal(database->recovery_fork != NULL, database->is_local);
		if (!database->is_local) assert_true(database->hardened.known);
	}
}

static int change(struct sql_session *session, int64_t generation, bool started, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	assert_int_equal(sql_begin_change(&text, generation, 1000, NULL), 0);
	assert_int_equal(sql_set_endpoint_state(&text, "agkeeper", started, NULL), 0);
	assert_int_equal(sql_end_change(&text, NULL), 0);
	const struct sql_batch batch = { .text = text.data, .timeout_ms = 30000, .is_changing = true };
	return sql_session_execute(session, &batch, &results, err);
}

static int64_t raise_generation(int server, int64_t generation) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	struct sql_session *session = open_as(server, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(sql_raise_generation(&text, generation, 1000, NULL), 0);
	run(session, &text, &results);
	assert_int_equal(results.set_count, 1);
	int64_t in_force = strtoll(results.sets[0].rows[0][0], NULL, 10);
	sql_session_close(session);
	return in_force;
}

static void earlier_generations_change_nothing(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	for (int i = 0; i < SERVERS; i++) assert_int_equal(raise_generation(i, 5), 5);
	assert_int_equal(raise_generation(1, 4), 5); /* never back */
	struct sql_session *late = open_as(2, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(change(late, 4, false, &err), -1);
	assert_int_equal(err->code, SQL_MSG_STALE);
	assert_int_equal(err->kind, ERROR_CONFLICT);
	assert_false(sql_session_is_usable(late));
	sql_session_close(late);
	cleanup_arena struct arena arena = { 0 };
	struct sql_observation seen;
	observe(2, &arena, &seen);
	assert_int_equal(seen.instance.endpoint, SQL_ENDPOINT_STARTED);
	assert_int_equal(seen.instance.generation, 5);

	struct sql_session *present = open_as(2, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(change(present, 5, false, NULL), 0);
	observe(2, &arena, &seen);
	assert_int_equal(seen.instance.endpoint, SQL_ENDPOINT_STOPPED);
	assert_int_equal(change(present, 5, true, NULL), 0);
	sql_session_close(present);
	wait_until(0, all_synchronized);
}

static void held_lock_keeps_others_out(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_session *holder = open_as(2, "agkeeper", CONTROLLER_PASSWORD);
	struct sql_session *other = open_as(2, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(sql_begin_change(&text, 5, 1000, NULL), 0);
	run(holder, &text, NULL);
	assert_int_equal(change(other, 5, true, &err), -1);
	assert_int_equal(err->code, SQL_MSG_LOCKED);
	sql_session_close(other);
	sql_session_close(holder); /* the lock goes with its session */
	other = open_as(2, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(change(other, 5, true, NULL), 0);
	sql_session_close(other);
}

/* Promotes server 1 as one that was started then. Returns the number of the error; 0: none. */
static int promote(const char *start_time) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_sql_results struct sql_results results = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_session *session = open_as(1, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(sql_begin_change(&text, 5, 1000, NULL), 0);
	assert_int_equal(sql_promote(&text, "ag1", start_time, NULL), 0);
	assert_int_equal(sql_end_change(&text, NULL), 0);
	const struct sql_batch batch = { .text = text.data, .timeout_ms = 30000, .is_changing = true };
	int status = sql_session_execute(session, &batch, &results, &err);
	sql_session_close(session);
	return status == 0 ? 0 : err->code;
}

static void fails_over(void **state) {
	(void)state;
	wait_until(0, all_synchronized);
	sql_server_kill(&servers[0]);
	cleanup_arena struct arena arena = { 0 };
	struct sql_observation seen;
	observe(1, &arena, &seen);
	const char *start_time = seen.instance.start_time;
	assert_int_equal(promote(start_time), SQL_MSG_UNFENCED);
	struct sql_session *session = open_as(1, "agkeeper", CONTROLLER_PASSWORD);
	assert_int_equal(change(session, 5, false, NULL), 0);
	assert_int_equal(promote("2026-11-22T10:00:00.123"), SQL_MSG_UNFENCED);
	observe(1, &arena, &seen);
	assert_false(is_primary(&seen));
	assert_int_equal(promote(start_time), 0);
	wait_until(1, is_primary);
	sql_session_close(session);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(becomes_a_group),
		cmocka_unit_test(earlier_generations_change_nothing),
		cmocka_unit_test(held_lock_keeps_others_out),
		cmocka_unit_test(fails_over),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
