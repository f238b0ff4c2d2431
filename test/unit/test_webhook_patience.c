/* The server and time: slow clients, idle connections, limits. */
#include "webhook_clients.h"

/* ---- Time ---- */

static void slow_clients_are_cut_off(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .request_timeout_ms = 200 });
	/* Says nothing at all. */
	int silent = connect_tcp(&fixture);
	/* Speaks TLS, and then its headers a byte at a time: each byte would start libmicrohttpd's own timeout anew. */
	struct raw headers = raw_open(&fixture);
	raw_send(&headers, "POST /validate HTTP/1.1\r\nX-Slow: ");
	assert_cut_while_dribbling(&headers);
	struct raw body = raw_open(&fixture);
	raw_send(&body, "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	                "Content-Length: 1000000\r\n\r\n");
	assert_cut_while_dribbling(&body);
	assert_closed(silent);
	close(silent);
	raw_close(&headers);
	raw_close(&body);
	CURL *curl = client();
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	assert_counted(&fixture, "{reason=\"slow-body\"} 1\n");
	assert_counted(&fixture, "{reason=\"slow-handshake-or-headers\"} 2\n");
	stop(&fixture);
}

static void a_slow_second_request_is_cut_off_too(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .request_timeout_ms = 200, .idle_timeout_ms = 1000000 });
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
	char answer[4096];
	assert_true(gnutls_record_recv(raw.session, answer, sizeof(answer)) > 0);
	raw_send(&raw, "POST /validate HTTP/1.1\r\nX-Slow: ");
	assert_cut_while_dribbling(&raw);
	raw_close(&raw);
	stop(&fixture);
}

static double cpu_seconds(void) {
	struct timespec spent;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
	return (double)spent.tv_sec + (double)spent.tv_nsec / 1e9;
}

/* gnutls_pull_func of a client that never reads. */
static ssize_t pull_nothing(gnutls_transport_ptr_t session, void *data, size_t size) {
	(void)data;
	(void)size;
	gnutls_transport_set_errno(session, EAGAIN);
	return -1;
}

static void half_a_handshake_costs_nothing(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	struct raw raw = { .fd = connect_tcp(&fixture) };
	gnutls_certificate_allocate_credentials(&raw.credentials);
	gnutls_init(&raw.session, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(raw.session);
	gnutls_credentials_set(raw.session, GNUTLS_CRD_CERTIFICATE, raw.credentials);
	gnutls_transport_set_pull_function(raw.session, pull_nothing);
	gnutls_transport_set_ptr2(raw.session, raw.session, (gnutls_transport_ptr_t)(intptr_t)raw.fd);
	/* The client says hello, and then says nothing to the server's answer. */
	assert_int_equal(gnutls_handshake(raw.session), GNUTLS_E_AGAIN);
	struct pollfd readable = { .fd = raw.fd, .events = POLLIN };
	assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
	double before = cpu_seconds();
	poll(NULL, 0, 400);
	/* A server that spins spends as much as the machine gives it; a slow machine only makes this easier to pass. */
	assert_true(cpu_seconds() - before < 0.1);
	raw_close(&raw);
	stop(&fixture);
}

static void idle_connections_are_closed(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .request_timeout_ms = 10000, .idle_timeout_ms = 50 });
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
	char answer[4096];
	assert_true(gnutls_record_recv(raw.session, answer, sizeof(answer)) > 0);
	assert_closed(raw.fd);
	raw_close(&raw);
	assert_counted(&fixture, "{reason=\"idle\"} 1\n");
	stop(&fixture);
}

static void connections_are_bounded(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .max_connections = 2, .threads = 1 });
	struct raw first = raw_open(&fixture), second = raw_open(&fixture);
	/* A third waits in the kernel's queue, or is closed: it gets no handshake. */
	int third = connect_tcp(&fixture);
	struct pollfd readable = { .fd = third, .events = POLLIN };
	int events = poll(&readable, 1, 300);
	char byte;
	assert_true(events == 0 || recv(third, &byte, 1, 0) <= 0);
	close(third);
	raw_close(&first);
	raw_close(&second);
	/* And when the two have left, there is room again. */
	CURL *curl = client();
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		cleanup_reply struct reply reply = post(curl, &fixture, "/validate", GOOD);
		if (reply.code == CURLE_OK) break;
		assert_true(clock_monotonic_ms() < deadline);
		curl_easy_cleanup(curl);
		curl = client();
	}
	curl_easy_cleanup(curl);
	stop(&fixture);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_ALL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slow_clients_are_cut_off),
		cmocka_unit_test(a_slow_second_request_is_cut_off_too),
		cmocka_unit_test(half_a_handshake_costs_nothing),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(connections_are_bounded),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
