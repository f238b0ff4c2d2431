/* The small parts of the webhook: listen addresses, the worker pool, the limit on log lines, metrics over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "webhook/address.h"
#include "webhook/log_limit.h"
#include "webhook/metrics_server.h"
#include "webhook/pool.h"

/* Whether something on `host` (127.0.0.1 or ::1) takes connections at the port. */
static bool answers(int family, int port) {
	cleanup_close int fd = socket(family, SOCK_STREAM, 0);
	if (family == AF_INET6) {
		const struct sockaddr_in6 address = { .sin6_family = AF_INET6,
			                              .sin6_port = htons((uint16_t)port),
			                              .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
	}
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons((uint16_t)port),
		                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
	return connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
}

static bool has_ipv6(void) {
	cleanup_close int fd = address_listen("[::1]:0", 1, NULL);
	return fd >= 0;
}

static void addresses_are_split_at_the_last_colon(void **state) {
	(void)state;
	const struct {
		const char *address;
		bool v4, v6;
	} cases[] = {
		{ "127.0.0.1:0", true, false }, { "[::1]:0", false, true },   { "::1:0", false, true },
		{ ":0", true, true },           { "0.0.0.0:0", true, false },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		if (cases[i].v6 && !cases[i].v4 && !has_ipv6()) continue;
		cleanup_close int fd = address_listen(cases[i].address, 8, NULL);
		assert_true(fd >= 0);
		int port = address_port(fd);
		assert_true(port > 0);
		assert_int_equal(answers(AF_INET, port), cases[i].v4);
		if (has_ipv6()) assert_int_equal(answers(AF_INET6, port), cases[i].v6);
	}
	static const char *const bad[] = {
		"", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http-x", "[::1]", "no.such.host.:x"
	};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		cleanup_error struct error *err = NULL;
		assert_int_equal(address_listen(bad[i], 8, &err), -1);
		assert_non_null(strstr(err->message, bad[i]));
	}
}

static void count_up(void *counter) {
	atomic_fetch_add((atomic_int *)counter, 1);
}

struct barrier {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running, released;
};

static void hold(void *argument) {
	struct barrier *barrier = argument;
	pthread_mutex_lock(&barrier->lock);
	barrier->running = true;
	pthread_cond_broadcast(&barrier->changed);
	while (!barrier->released) pthread_cond_wait(&barrier->changed, &barrier->lock);
	pthread_mutex_unlock(&barrier->lock);
}

static void a_pool_is_bounded_and_finishes_its_jobs(void **state) {
	(void)state;
	struct barrier barrier = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	struct pool *pool = pool_new(1, 2);
	assert_true(pool_submit(pool, hold, &barrier));
	pthread_mutex_lock(&barrier.lock);
	while (!barrier.running) pthread_cond_wait(&barrier.changed, &barrier.lock);
	pthread_mutex_unlock(&barrier.lock);
	atomic_int counter = 0;
	assert_true(pool_submit(pool, count_up, &counter));
	assert_true(pool_submit(pool, count_up, &counter));
	assert_false(pool_submit(pool, count_up, &counter));
	pthread_mutex_lock(&barrier.lock);
	barrier.released = true;
	pthread_cond_broadcast(&barrier.changed);
	pthread_mutex_unlock(&barrier.lock);
	pool_stop(pool);
	assert_int_equal(counter, 2);
	assert_false(pool_submit(pool, count_up, &counter));
	pool_free(pool);
}

static void log_lines_are_limited_and_counted(void **state) {
	(void)state;
	struct log_limit limit = { 0 };
	const int64_t second = 1000000000;
	int64_t omitted = -1;
	for (int i = 0; i < LOG_LIMIT_PER_SECOND; i++) {
		assert_true(log_limit_allows(&limit, 5 * second + i, &omitted));
		assert_int_equal(omitted, 0);
	}
	for (int i = 0; i < 7; i++) assert_false(log_limit_allows(&limit, 5 * second + 100, &omitted));
	assert_true(log_limit_allows(&limit, 6 * second, &omitted));
	assert_int_equal(omitted, 7);
	assert_true(log_limit_allows(&limit, 6 * second, &omitted));
	assert_int_equal(omitted, 0);
}

static size_t collect(char *data, size_t size, size_t count, void *buf) {
	strbuf_append_n(buf, data, size * count);
	return size * count;
}

static long fetch(const struct metrics_server *server, const char *path, const char *post, struct strbuf *body) {
	CURL *curl = curl_easy_init();
	cleanup_free char *url = xasprintf("http://127.0.0.1:%d%s", metrics_server_port(server), path);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	if (post != NULL) curl_easy_setopt(curl, CURLOPT_POSTFIELDS, post);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
	strbuf_reset(body);
	assert_int_equal(curl_easy_perform(curl), CURLE_OK);
	long status = 0;
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	return status;
}

static bool check_flag(void *flag, struct strbuf *why) {
	if (*(bool *)flag) return true;
	strbuf_append(why, "not there yet");
	return false;
}

static void metrics_and_probes_are_served(void **state) {
	(void)state;
	struct metrics *metrics = metrics_new();
	metric_increment(metric_cell(metrics_add(metrics, METRIC_COUNTER, "m_total", "M.", NULL), NULL));
	bool first = true, second = false;
	const struct probe ready[] = { { "first", check_flag, &first }, { "second", check_flag, &second }, { 0 } };
	const struct metrics_server_config config = { .listen = "127.0.0.1:0", .metrics = metrics, .ready = ready };
	struct metrics_server *server = metrics_server_start(&config, NULL);
	assert_non_null(server);
	cleanup_strbuf struct strbuf body = { 0 };
	assert_int_equal(fetch(server, "/metrics", NULL, &body), 200);
	assert_string_equal(body.data, "# HELP m_total M.\n# TYPE m_total counter\nm_total 1\n");
	assert_int_equal(fetch(server, "/healthz", NULL, &body), 200);
	assert_string_equal(body.data, "ok\n");
	assert_int_equal(fetch(server, "/readyz", NULL, &body), 503);
	assert_string_equal(body.data, "[+] first\n[-] second: not there yet\nnot ok\n");
	second = true;
	assert_int_equal(fetch(server, "/readyz?verbose", NULL, &body), 200);
	assert_string_equal(body.data, "[+] first\n[+] second\nok\n");
	assert_int_equal(fetch(server, "/else", NULL, &body), 404);
	assert_int_equal(fetch(server, "/metrics", "text", &body), 405);
	metrics_server_stop(server);
	metrics_free(metrics);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_ALL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_split_at_the_last_colon),
		cmocka_unit_test(a_pool_is_bounded_and_finishes_its_jobs),
		cmocka_unit_test(log_lines_are_limited_and_counted),
		cmocka_unit_test(metrics_and_probes_are_served),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
