/* Sessions for an event loop: order, deadlines, dead servers beside a living one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/eventfd.h>

#include "sql/workers.h"
#include "unit/sql_server.h"

enum { SILENT = 6 };

static struct sql_library *library;
static struct sql_server server;
static char *folder;

struct loop {
	struct sql_pool *pool;
	int event;
	int done, failed, last_kind;
	char order[64];
};

static int set_up_all(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ .connect_timeout_s = 1 }, NULL);
	folder = sql_server_folder();
	server = sql_server_new(folder, "workers-0", "127.0.0.22");
	return library != NULL ? 0 : -1;
}

static int tear_down_all(void **state) {
	(void)state;
	sql_server_free(&server);
	sql_server_folder_free(folder);
	sql_library_free(library);
	return 0;
}

static void wake(void *context) {
	const struct loop *loop = context;
	if (eventfd_write(loop->event, 1) != 0) abort();
}

static struct loop *loop_with_spares(int threads, int spares) {
	struct loop *loop = xcalloc(1, sizeof(*loop));
	loop->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct sql_pool_options options = {
		.threads_max = threads, .spares_max = spares, .wake = wake, .context = loop
	};
	loop->pool = sql_pool_new(library, &options);
	return loop;
}

static struct loop *loop_new(int threads) {
	return loop_with_spares(threads, 0);
}

static void loop_free(struct loop *loop) {
	sql_pool_free(loop->pool);
	close(loop->event);
	free(loop);
}

/* Waits for the wake function alone: a wake that is missing is a failure. */
static void wait_for(struct loop *loop, int done) {
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	while (loop->done < done) {
		struct pollfd event = { .fd = loop->event, .events = POLLIN };
		eventfd_t count;
		assert_true(clock_monotonic_ms() < deadline);
		if (poll(&event, 1, 1000) == 1) (void)eventfd_read(loop->event, &count);
		else continue;
		sql_pool_deliver(loop->pool);
	}
}

static void on_done(void *context, const struct sql_results *results, const struct error *err) {
	struct loop *loop = context;
	assert_true((results == NULL) != (err == NULL));
	if (results != NULL && results->set_count == 1) strcat(loop->order, results->sets[0].rows[0][0]);
	loop->failed += err != NULL;
	loop->last_kind = err != NULL ? (int)err->kind : -1;
	loop->done++;
}

static void submit(struct sql_client *client, const char *text, int64_t timeout_ms, struct loop *loop) {
	sql_client_submit(client, &(struct sql_batch){ .text = text, .timeout_ms = timeout_ms }, on_done, loop);
}

static struct sql_client *client_new(struct loop *loop) {
	return sql_client_new(loop->pool, &(struct sql_target){ server.ip, server.port, "sa", SQL_SERVER_PASSWORD });
}

static void keeps_order_on_one_session(void **state) {
	(void)state;
	struct loop *loop = loop_new(4);
	struct sql_client *client = client_new(loop);
	submit(client, "SELECT 1", 30000, loop);
	submit(client, "SELECT nothing", 30000, loop);
	submit(client, "SELECT 2", 30000, loop);
	submit(client, "SELECT 3", 30000, loop);
	wait_for(loop, 4);
	assert_string_equal(loop->order, "123");
	assert_int_equal(loop->failed, 1);
	loop_free(loop);
}

static void dead_servers_do_not_hold_up_a_living_one(void **state) {
	(void)state;
	struct loop *dead = loop_new(4);
	int port = 0, listener = sql_server_listen("127.0.0.1", &port);
	struct sql_client *silent[SILENT];
	for (int i = 0; i < SILENT; i++) {
		silent[i] = sql_client_new(dead->pool, &(struct sql_target){ "127.0.0.1", port, "sa", "x" });
		submit(silent[i], "SELECT 0", 60000, dead);
	}
	wait_for(dead, SILENT); /* from now on they are suspects */
	assert_int_equal(dead->failed, SILENT);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < SILENT; i++) submit(silent[i], "SELECT 0", 600000, dead);
	}
	/* Two of four threads are for the living: all of this is answered while 120 batches wait for the dead. */
	struct loop living = { .pool = dead->pool, .event = dead->event };
	struct sql_client *client = client_new(dead);
	for (int i = 0; i < 10; i++) submit(client, "SELECT 1", 60000, &living);
	wait_for(&living, 10);
	assert_int_equal(living.failed, 0);
	assert_in_range(dead->done, SILENT, SILENT + 119);
	for (int i = 0; i < SILENT; i++) sql_client_free(silent[i]);
	wait_for(dead, 21 * SILENT); /* each is reported, once */
	assert_int_equal(dead->failed, 21 * SILENT);
	loop_free(dead);
	close(listener);
}

/* They have answered until now: nobody suspects them. */
static void who_falls_silent_is_replaced(void **state) {
	(void)state;
	enum { THREADS = 2, FALLING = 3 * THREADS };
	struct loop *dead = loop_with_spares(THREADS, FALLING);
	struct loop living = { .pool = dead->pool, .event = dead->event };
	struct sql_client *silent[FALLING];
	for (int i = 0; i < FALLING; i++) {
		silent[i] = client_new(dead);
		submit(silent[i], "WAITFOR DELAY '01:00:00'", 3600000, dead);
	}
	struct sql_client *client = client_new(dead);
	for (int i = 0; i < 10; i++) submit(client, "SELECT 1", 60000, &living);
	/* Spares are started when results are asked for. */
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	while (living.done < 10 && clock_monotonic_ms() < deadline) {
		poll(&(struct pollfd){ .fd = dead->event, .events = POLLIN }, 1, 100);
		sql_pool_deliver(dead->pool);
	}
	assert_int_equal(living.done, 10);
	assert_int_equal(living.failed, 0);
	assert_int_equal(dead->done, 0);
	for (int i = 0; i < FALLING; i++) sql_client_free(silent[i]);
	wait_for(dead, FALLING);
	loop_free(dead);
}

static void reopens_what_was_lost(void **state) {
	(void)state;
	struct loop *loop = loop_new(2);
	struct sql_client *client = client_new(loop);
	submit(client, "SELECT 1", 30000, loop);
	wait_for(loop, 1);
	sql_server_kill(&server);
	submit(client, "SELECT 2", 30000, loop);
	wait_for(loop, 2);
	assert_int_equal(loop->failed, 1);
	assert_int_equal(loop->last_kind, ERROR_UNAVAILABLE);
	sql_server_start(&server);
	submit(client, "SELECT 3", 30000, loop);
	wait_for(loop, 3);
	assert_string_equal(loop->order, "13");
	loop_free(loop);
}

static void freeing_cancels(void **state) {
	(void)state;
	struct loop *loop = loop_new(2);
	struct sql_client *client = client_new(loop);
	submit(client, "SELECT 1", 30000, loop);
	wait_for(loop, 1);
	submit(client, "WAITFOR DELAY '01:00:00'", 3600000, loop);
	submit(client, "SELECT 2", 30000, loop);
	sql_client_free(client);
	wait_for(loop, 3);
	assert_int_equal(loop->failed, 2);
	/* And with the pool. */
	client = client_new(loop);
	submit(client, "WAITFOR DELAY '01:00:00'", 3600000, loop);
	sql_pool_free(loop->pool);
	assert_int_equal(loop->done, 4);
	close(loop->event);
	free(loop);
}

static int count_threads(void) {
	int count = 0;
	DIR *tasks = opendir("/proc/self/task");
	assert_non_null(tasks);
	for (const struct dirent *entry; (entry = readdir(tasks)) != NULL;) count += entry->d_name[0] != '.';
	closedir(tasks);
	return count;
}

struct last {
	struct sql_client *client;
	int threads; /* more than before it was freed */
};

static void on_last(void *context, const struct sql_results *results, const struct error *err) {
	struct last *last = context;
	(void)results, (void)err;
	int before = count_threads();
	sql_client_free(last->client);
	last->threads = count_threads() - before;
}

/* Whoever is told at the pool's end frees its client: no worker is started for that, which nobody would wait for. */
static void an_ending_pool_starts_no_worker(void **state) {
	(void)state;
	enum { LAST = 8 };
	struct loop *loop = loop_new(LAST + 1);
	struct last last[LAST] = { 0 };
	for (int i = 0; i < LAST; i++) {
		last[i].client = client_new(loop);
		sql_client_submit(last[i].client,
		                  &(struct sql_batch){ .text = "WAITFOR DELAY '01:00:00'", .timeout_ms = 3600000 },
		                  on_last, &last[i]);
	}
	loop_free(loop);
	for (int i = 0; i < LAST; i++) assert_in_range(last[i].threads + LAST, 0, LAST);
}

static void late_batches_are_not_sent(void **state) {
	(void)state;
	struct loop *loop = loop_new(2);
	struct sql_client *client = client_new(loop);
	submit(client, "SELECT 1", 0, loop);
	wait_for(loop, 1);
	assert_int_equal(loop->last_kind, ERROR_TIMEOUT);
	sql_client_set_password(client, "Wrong-1");
	submit(client, "SELECT 2", 30000, loop);
	wait_for(loop, 2);
	assert_int_equal(loop->last_kind, ERROR_FORBIDDEN);
	loop_free(loop);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_on_one_session),
		cmocka_unit_test(dead_servers_do_not_hold_up_a_living_one),
		cmocka_unit_test(who_falls_silent_is_replaced),
		cmocka_unit_test(reopens_what_was_lost),
		cmocka_unit_test(freeing_cancels),
		cmocka_unit_test(an_ending_pool_starts_no_worker),
		cmocka_unit_test(late_batches_are_not_sent),
	};
	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
