/* Streams of health: many at a time, servers that freeze and die, and streams that are not wanted any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>

#include "sql/messages.h"
#include "sql/stream.h"
#include "unit/sql_server.h"

enum { MANY = 60, POOL_THREADS = 4, INTERVAL_S = 5 /* a twentieth of it: the server's clock is fast */ };

static struct sql_library *library;
static struct sql_server server;
static char *folder;

struct loop {
	struct sql_pool *pool;
	struct sql_streams *streams;
	int event;
};
struct ear {
	struct sql_stream *stream;
	int sets, errors;
	enum error_kind kind;
	int code;
	struct sql_health last;
};

static int set_up(void **state) {
	(void)state;
	library = sql_library_new(&(struct sql_library_options){ .connect_timeout_s = 1 }, NULL);
	folder = sql_server_folder();
	server = sql_server_new(folder, "stream-0", "127.0.0.51");
	return library != NULL ? 0 : -1;
}

static int tear_down(void **state) {
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

static struct loop *loop_new(void) {
	struct loop *loop = xcalloc(1, sizeof(*loop));
	loop->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const struct sql_pool_options options = { .threads_max = POOL_THREADS, .wake = wake, .context = loop };
	loop->pool = sql_pool_new(library, &options);
	loop->streams = sql_streams_new(loop->pool, &(struct sql_streams_options){ wake, loop });
	return loop;
}

static void loop_free(struct loop *loop) {
	sql_streams_free(loop->streams);
	sql_pool_free(loop->pool);
	close(loop->event);
	free(loop);
}

/* Waits for wake alone, and delivers. */
static void turn(struct loop *loop, int64_t deadline) {
	struct pollfd event = { .fd = loop->event, .events = POLLIN };
	eventfd_t count;
	if (clock_monotonic_ms() > deadline) fail_msg("too late");
	if (poll(&event, 1, 1000) != 1) return;
	(void)eventfd_read(loop->event, &count);
	sql_pool_deliver(loop->pool);
	sql_streams_deliver(loop->streams);
}
#define WAIT_UNTIL(loop_, condition_) \
	for (int64_t deadline_ = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS; !(condition_);) turn((loop_), deadline_)

static void on_health(void *context, const struct sql_health *health, const struct error *err) {
	struct ear *ear = context;
	assert_true((health == NULL) != (err == NULL));
	if (health != NULL) {
		ear->sets++;
		ear->last = *health;
	} else {
		ear->errors++;
		ear->kind = err->kind;
		ear->code = err->code;
	}
}

static void listen_as(struct loop *loop, struct ear *ear, const char *password, int64_t silence_ms) {
	const struct sql_target target = { server.ip, server.port, "sa", password };
	const struct sql_stream_options options = { .interval_s = INTERVAL_S, .silence_ms = silence_ms };
	ear->stream = sql_stream_new(loop->streams, &target, &options, on_health, ear);
}

static int threads(void) {
	int count = -2; /* . and .. */
	DIR *folder_of_tasks = opendir("/proc/self/task");
	while (readdir(folder_of_tasks) != NULL) count++;
	closedir(folder_of_tasks);
	return count;
}

static bool all_heard(const struct ear *ears, int sets) {
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ears[i].errors, 0);
		if (ears[i].sets < sets) return false;
	}
	return true;
}

static void many_are_heard_without_threads(void **state) {
	(void)state;
	int before_all = threads();
	struct loop *loop = loop_new();
	struct ear ears[MANY] = { 0 };
	for (int i = 0; i < MANY; i++) listen_as(loop, &ears[i], SQL_SERVER_PASSWORD, 0);
	WAIT_UNTIL(loop, all_heard(ears, 3));
	assert_in_range(threads() - before_all, 1, POOL_THREADS + 2); /* two readers */
	for (int i = 0; i < MANY; i++) {
		assert_int_equal(ears[i].last.system, SQL_HEALTH_CLEAN);
		assert_int_equal(ears[i].last.resource, SQL_HEALTH_CLEAN);
		assert_int_equal(ears[i].last.query_processing, SQL_HEALTH_CLEAN);
		assert_int_equal(ears[i].last.io_subsystem, SQL_HEALTH_CLEAN);
		assert_int_equal(ears[i].last.events, SQL_HEALTH_UNKNOWN);
	}
	/* Half of them are freed, and say nothing any more. */
	int before[MANY];
	for (int i = 0; i < MANY; i++) {
		before[i] = ears[i].sets;
		if (i % 2 == 0) sql_stream_free(ears[i].stream);
	}
	WAIT_UNTIL(loop, ears[1].sets >= before[1] + 3);
	for (int i = 0; i < MANY; i += 2) assert_int_equal(ears[i].sets, before[i]);
	loop_free(loop);
}

static void frozen_server_is_silent(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 }, other = { 0 };
	listen_as(loop, &ear, SQL_SERVER_PASSWORD, 2000);
	listen_as(loop, &other, SQL_SERVER_PASSWORD, SQL_SERVER_PATIENCE_MS);
	WAIT_UNTIL(loop, ear.sets > 0 && other.sets > 0);
	kill(server.pid, SIGSTOP);
	WAIT_UNTIL(loop, ear.errors > 0);
	assert_int_equal(ear.kind, ERROR_TIMEOUT);
	kill(server.pid, SIGCONT);
	int before = other.sets; /* the more patient one goes on */
	WAIT_UNTIL(loop, other.sets > before);
	assert_int_equal(other.errors, 0);
	assert_int_equal(ear.errors, 1);
	sql_stream_free(ear.stream);
	loop_free(loop);
}

/* ---- in between: somebody who passes bytes on as he likes ---- */

struct relay {
	int listener, port;
	atomic_int piece;      /* so many bytes at a time of what the server says; 0: all */
	atomic_bool will_stop; /* in the middle of what the server says next */
	atomic_bool ends;
	pthread_t thread;
};

/* Returns false when it is over. */
static bool pass_on(struct relay *relay, int from, int to, bool is_answer) {
	char buffer[4096];
	int piece = atomic_load(&relay->piece);
	size_t most = is_answer && piece > 0 ? (size_t)piece : sizeof(buffer);
	ssize_t got = read(from, buffer, most);
	if (got <= 0) return false;
	bool stops = is_answer && atomic_load(&relay->will_stop);
	if (stops) got /= 2;
	bool passed = write(to, buffer, (size_t)got) == got;
	while (stops && !atomic_load(&relay->ends)) poll(NULL, 0, 10);
	return passed;
}

static void *run_relay(void *context) {
	struct relay *relay = context;
	int client = accept(relay->listener, NULL, NULL);
	int upstream = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = sql_server_address(server.ip, server.port);
	if (connect(upstream, (struct sockaddr *)&address, sizeof(address)) != 0) abort();
	struct pollfd sockets[] = { { .fd = client, .events = POLLIN }, { .fd = upstream, .events = POLLIN } };
	for (bool goes_on = true; goes_on && !atomic_load(&relay->ends);) {
		poll(sockets, 2, 10);
		if (sockets[0].revents != 0) goes_on = pass_on(relay, client, upstream, false);
		if (goes_on && sockets[1].revents != 0) goes_on = pass_on(relay, upstream, client, true);
	}
	close(client);
	close(upstream);
	return NULL;
}

static void relay_start(struct relay *relay) {
	*relay = (struct relay){ 0 };
	relay->listener = sql_server_listen("127.0.0.1", &relay->port);
	pthread_create(&relay->thread, NULL, run_relay, relay);
}

static void relay_end(struct relay *relay) {
	atomic_store(&relay->ends, true);
	pthread_join(relay->thread, NULL);
	close(relay->listener);
}

static void listen_through(struct loop *loop, struct ear *ear, const struct relay *relay) {
	const struct sql_target target = { "127.0.0.1", relay->port, "sa", SQL_SERVER_PASSWORD };
	const struct sql_stream_options options = { .interval_s = INTERVAL_S, .silence_ms = SQL_SERVER_PATIENCE_MS };
	ear->stream = sql_stream_new(loop->streams, &target, &options, on_health, ear);
}

static void sets_come_in_pieces(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 };
	struct relay relay;
	relay_start(&relay);
	listen_through(loop, &ear, &relay);
	WAIT_UNTIL(loop, ear.sets > 0 || ear.errors > 0);
	atomic_store(&relay.piece, 7);
	int before = ear.sets;
	WAIT_UNTIL(loop, ear.sets >= before + 3 || ear.errors > 0);
	assert_int_equal(ear.errors, 0);
	assert_int_equal(ear.last.system, SQL_HEALTH_CLEAN);
	loop_free(loop);
	relay_end(&relay);
}

/* One that stops in the middle of a set is given up, and holds up nobody else. */
static void half_a_set_is_given_up(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 }, other = { 0 };
	struct relay relay;
	relay_start(&relay);
	listen_through(loop, &ear, &relay);
	listen_as(loop, &other, SQL_SERVER_PASSWORD, 0);
	WAIT_UNTIL(loop, (ear.sets > 0 && other.sets > 0) || ear.errors > 0);
	atomic_store(&relay.will_stop, true);
	int before = other.sets;
	WAIT_UNTIL(loop, other.sets >= before + 3);
	WAIT_UNTIL(loop, ear.errors > 0);
	assert_int_equal(ear.kind, ERROR_TIMEOUT);
	assert_int_equal(other.errors, 0);
	loop_free(loop);
	relay_end(&relay);
}

static void refused_login_is_told(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 };
	listen_as(loop, &ear, "Wrong-Pass-1", 0);
	WAIT_UNTIL(loop, ear.errors > 0);
	assert_int_equal(ear.kind, ERROR_FORBIDDEN);
	assert_int_equal(ear.code, SQL_MSG_LOGIN_FAILED);
	sql_stream_free(ear.stream);
	loop_free(loop);
}

static void procedure_that_refuses_ends_the_stream(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 };
	const struct sql_target target = { server.ip, server.port, "sa", SQL_SERVER_PASSWORD };
	ear.stream = sql_stream_new(loop->streams, &target, &(struct sql_stream_options){ .interval_s = 1 }, on_health,
	                            &ear);
	WAIT_UNTIL(loop, ear.errors > 0);
	assert_int_equal(ear.code, 15600); /* less than 5 seconds */
	assert_int_equal(ear.sets, 0);
	loop_free(loop);
}

static void unwanted_while_it_is_opened(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ears[MANY] = { 0 };
	for (int i = 0; i < MANY; i++) listen_as(loop, &ears[i], SQL_SERVER_PASSWORD, 0);
	for (int i = 0; i < MANY; i += 2) sql_stream_free(ears[i].stream);
	WAIT_UNTIL(loop, ears[1].sets > 0 && ears[MANY - 1].sets > 0);
	for (int i = 0; i < MANY; i++) assert_true(i % 2 != 0 || (ears[i].sets == 0 && ears[i].errors == 0));
	/* Freed with all that are left, and some that were never answered. */
	for (int i = 0; i < MANY; i += 2) listen_as(loop, &ears[i], SQL_SERVER_PASSWORD, 0);
	loop_free(loop);
}

/* The last one. */
static void dead_server_is_told(void **state) {
	(void)state;
	struct loop *loop = loop_new();
	struct ear ear = { 0 }, late = { 0 };
	listen_as(loop, &ear, SQL_SERVER_PASSWORD, 0);
	WAIT_UNTIL(loop, ear.sets > 0);
	sql_server_kill(&server);
	WAIT_UNTIL(loop, ear.errors > 0);
	assert_int_equal(ear.kind, ERROR_UNAVAILABLE);
	listen_as(loop, &late, SQL_SERVER_PASSWORD, 0);
	WAIT_UNTIL(loop, late.errors > 0);
	assert_int_equal(late.kind, ERROR_UNAVAILABLE);
	sql_stream_free(ear.stream);
	sql_stream_free(late.stream);
	loop_free(loop);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_heard_without_threads),
		cmocka_unit_test(frozen_server_is_silent),
		cmocka_unit_test(sets_come_in_pieces),
		cmocka_unit_test(half_a_set_is_given_up),
		cmocka_unit_test(refused_login_is_told),
		cmocka_unit_test(procedure_that_refuses_ends_the_stream),
		cmocka_unit_test(unwanted_while_it_is_opened),
		cmocka_unit_test(dead_server_is_told),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
