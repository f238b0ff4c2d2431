/* The server over real TLS, with libcurl and GnuTLS as clients. Timeouts are short here, and nothing is measured: tests
 * wait for what must happen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "unit/webhook_certificates.h"
#include "unit/webhook_widget.h"
#include "webhook/server.h"

/* Long enough for any machine; only a failing test waits for it. */
enum { PATIENCE_MS = 30000 };

struct fixture {
	struct metrics *metrics;
	struct server *server;
	struct pair pair;
};

static void start(struct fixture *fixture, struct server_config config) {
	*fixture = (struct fixture){ .metrics = metrics_new() };
	config.listen = "127.0.0.1:0";
	config.metrics = fixture->metrics;
	cleanup_error struct error *err = NULL;
	fixture->server = server_start(&config, &err);
	if (fixture->server == NULL) fail_msg("%s", err->message);
	fixture->pair = pair_new("first", NULL, false);
	assert_int_equal(server_set_certificate(fixture->server, fixture->pair.certificate, fixture->pair.key, NULL),
	                 0);
}

static void stop(struct fixture *fixture) {
	server_stop(fixture->server, PATIENCE_MS);
	metrics_free(fixture->metrics);
	pair_free(&fixture->pair);
}

/* ---- A client on libcurl ---- */

struct reply {
	CURLcode code;
	long status;
	struct strbuf body;
	struct strbuf headers;
};

static size_t collect_body(char *data, size_t size, size_t count, void *buf) {
	strbuf_append_n(buf, data, size * count);
	return size * count;
}

static CURL *client(void) {
	CURL *curl = curl_easy_init();
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)PATIENCE_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect_body);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, collect_body);
	return curl;
}

static struct reply send_bytes(CURL *curl, const struct fixture *fixture, const char *path, const char *content_type,
                               const char *body, size_t length) {
	struct reply reply = { 0 };
	cleanup_free char *url = xasprintf("https://127.0.0.1:%d%s", server_port(fixture->server), path);
	cleanup_free char *header = xasprintf("Content-Type: %s", content_type);
	struct curl_slist *headers = curl_slist_append(NULL, header);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply.headers);
	reply.code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
	curl_slist_free_all(headers);
	return reply;
}

static struct reply post(CURL *curl, const struct fixture *fixture, const char *path, const char *body) {
	return send_bytes(curl, fixture, path, "application/json", body, strlen(body));
}

static void reply_free(struct reply *reply) {
	strbuf_free(&reply->body);
	strbuf_free(&reply->headers);
}
#define cleanup_reply __attribute__((cleanup(reply_free)))

static void assert_allowed(const struct reply *reply) {
	assert_int_equal(reply->code, CURLE_OK);
	assert_int_equal(reply->status, 200);
	assert_string_equal(strbuf_text(&reply->body), RESPONSE("\"allowed\":true"));
}

static void assert_status(const struct reply *reply, long status, const char *reason) {
	assert_int_equal(reply->code, CURLE_OK);
	assert_int_equal(reply->status, status);
	assert_non_null(strstr(strbuf_text(&reply->body), reason));
	cleanup_json struct json_object *json = NULL;
	assert_int_equal(json_parse(strbuf_text(&reply->body), reply->body.length, &json, NULL), 0);
}

#define GOOD CREATE("\"size\":3,\"color\":\"blue\"")

/* ---- A client that misbehaves, on GnuTLS ---- */

struct raw {
	int fd;
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
};

static int connect_tcp(const struct fixture *fixture) {
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons((uint16_t)server_port(fixture->server)),
		                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
	assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static struct raw raw_open(const struct fixture *fixture) {
	struct raw raw = { .fd = connect_tcp(fixture) };
	gnutls_certificate_allocate_credentials(&raw.credentials);
	gnutls_init(&raw.session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL);
	gnutls_set_default_priority(raw.session);
	gnutls_credentials_set(raw.session, GNUTLS_CRD_CERTIFICATE, raw.credentials);
	gnutls_transport_set_int(raw.session, raw.fd);
	int result;
	do result = gnutls_handshake(raw.session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	assert_int_equal(result, 0);
	return raw;
}

static void raw_send(struct raw *raw, const char *text) {
	for (size_t left = strlen(text); left != 0;) {
		ssize_t sent = gnutls_record_send(raw->session, text, left);
		assert_true(sent > 0);
		text += sent;
		left -= (size_t)sent;
	}
}

/* Sends one byte after another until the server has had enough. */
static void assert_cut_while_dribbling(struct raw *raw) {
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	char buffer[256];
	for (;;) {
		assert_true(clock_monotonic_ms() < deadline);
		if (gnutls_record_send(raw->session, "a", 1) < 0) return;
		struct pollfd readable = { .fd = raw->fd, .events = POLLIN };
		if (poll(&readable, 1, 5) > 0 && gnutls_record_recv(raw->session, buffer, sizeof(buffer)) <= 0) return;
	}
}

static void assert_closed(int fd) {
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&readable, 1, PATIENCE_MS), 1);
	char buffer[4096];
	ssize_t got;
	do got = recv(fd, buffer, sizeof(buffer), 0);
	while (got > 0);
	assert_true(got == 0 || errno == ECONNRESET);
}

static void raw_close(struct raw *raw) {
	gnutls_deinit(raw->session);
	gnutls_certificate_free_credentials(raw->credentials);
	close(raw->fd);
}

static void assert_counted(const struct fixture *fixture, const char *line) {
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(fixture->metrics, &text);
	if (strstr(strbuf_text(&text), line) == NULL) fail_msg("no line %s in:\n%s", line, text.data);
}

/* ---- Answers ---- */

static void reviews_are_answered_over_one_connection(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	for (int i = 0; i < 50; i++) {
		cleanup_reply struct reply reply = post(curl, &fixture, "/validate?timeout=10s", GOOD);
		assert_allowed(&reply);
		long connects = 0;
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
		assert_int_equal(connects, i == 0 ? 1 : 0);
		assert_non_null(strstr(reply.headers.data, "Content-Type: application/json\r\n"));
	}
	cleanup_reply struct reply refused = post(curl, &fixture, "/validate", CREATE("\"size\":3,\"color\":\"red\""));
	assert_int_equal(refused.status, 200);
	assert_non_null(strstr(refused.body.data, "\"allowed\":false"));
	cleanup_reply struct reply mutated = post(curl, &fixture, "/mutate", CREATE("\"size\":3"));
	assert_non_null(strstr(mutated.body.data, "\"patchType\":\"JSONPatch\""));
	cleanup_reply struct reply converted = send_bytes(
	        curl, &fixture, "/convert", "application/json; charset=utf-8",
	        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\","
	        "\"desiredAPIVersion\":\"test.io/v2\",\"objects\":[" WIDGET("\"size\":1") "]}}",
	        strlen("{\"apiVersion\":\"apiextensions.k8s.io/"
	               "v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\","
	               "\"desiredAPIVersion\":\"test.io/v2\",\"objects\":[" WIDGET("\"size\":1") "]}}"));
	assert_non_null(strstr(converted.body.data, "\"status\":\"Success\""));
	curl_easy_cleanup(curl);
	assert_counted(&fixture,
	               "agkeeper_admission_requests_total{path=\"/validate\",kind=\"Widget\",operation=\"CREATE\","
	               "result=\"allowed\"} 50\n");
	assert_counted(&fixture, "agkeeper_admission_refusals_total{kind=\"Widget\",rule=\"color\"} 1\n");
	assert_counted(&fixture, "agkeeper_conversion_objects_total{kind=\"Widget\"} 1\n");
	assert_counted(&fixture, "agkeeper_admission_duration_seconds_count{path=\"/validate\"} 51\n");
	stop(&fixture);
}

static void a_request_that_is_no_review_is_told_why(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	cleanup_reply struct reply unknown = post(curl, &fixture, "/nowhere", GOOD);
	assert_status(&unknown, 404, "\"reason\":\"NotFound\"");
	cleanup_reply struct reply type =
	        send_bytes(curl, &fixture, "/validate", "application/jsonp", GOOD, strlen(GOOD));
	assert_status(&type, 415, "application/json");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
	cleanup_reply struct reply method = post(curl, &fixture, "/validate", GOOD);
	assert_status(&method, 405, "POST");
	assert_non_null(strstr(method.headers.data, "Allow: POST\r\n"));
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	/* The connection is still good. */
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void bad_bodies_are_bad_requests(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_strbuf struct strbuf deep = { 0 };
	strbuf_append(&deep, "{\"apiVersion\":");
	for (int i = 0; i < 100000; i++) strbuf_append_char(&deep, '[');
	const struct {
		const char *text;
		size_t length;
	} bodies[] = {
		{ "", 0 },
		{ "{\"apiVersion\"", 13 },
		{ "null", 4 },
		{ "\"text\"", 6 },
		{ "{\"a\":\"\xff\xfe\"}", 10 },
		{ "{\"a\":\0}", 7 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "{\"apiVersion\":7,\"kind\":[],\"request\":3}", 38 },
		{ "{} {}", 5 },
		{ deep.data, deep.length },
	};
	CURL *curl = client();
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		static const char *const all[] = { "/validate", "/mutate", "/convert" };
		for (size_t path = 0; path < ARRAY_LENGTH(all); path++) {
			cleanup_reply struct reply reply = send_bytes(curl, &fixture, all[path], "application/json",
			                                              bodies[i].text, bodies[i].length);
			assert_status(&reply, 400, "\"reason\":\"BadRequest\"");
		}
	}
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	assert_counted(&fixture, "agkeeper_admission_rejections_total{reason=\"bad-review\"} 30\n");
	stop(&fixture);
}

static void a_body_beyond_the_limit_is_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .max_body = 100000 });
	cleanup_strbuf struct strbuf body = { 0 };
	strbuf_append(&body, GOOD);
	while (body.length < 100000) strbuf_append_char(&body, ' ');
	CURL *curl = client();
	cleanup_reply struct reply fits = post(curl, &fixture, "/validate", body.data);
	assert_allowed(&fits);
	strbuf_append_char(&body, ' ');
	cleanup_reply struct reply large = post(curl, &fixture, "/validate", body.data);
	assert_status(&large, 413, "RequestEntityTooLarge");
	curl_easy_cleanup(curl);

	/* The same without an announced length. */
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	               "Transfer-Encoding: chunked\r\n\r\n186a1\r\n");
	raw_send(&raw, body.data);
	raw_send(&raw, "\r\n0\r\n\r\n");
	char answer[64] = "";
	assert_true(gnutls_record_recv(raw.session, answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, " 413 "));
	raw_close(&raw);
	stop(&fixture);
}

static void large_bodies_together_are_bounded(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .max_bodies = 1000 });
	cleanup_strbuf struct strbuf body = { 0 };
	strbuf_append(&body, GOOD);
	while (body.length < 1001) strbuf_append_char(&body, ' ');
	CURL *curl = client();
	cleanup_reply struct reply large = post(curl, &fixture, "/validate", body.data);
	assert_status(&large, 503, "try again");
	assert_non_null(strstr(large.headers.data, "Retry-After: 1\r\n"));
	/* And what was held is given back. */
	for (int i = 0; i < 5; i++) {
		cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
		assert_allowed(&good);
	}
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void huge_headers_are_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_strbuf struct strbuf type = { 0 };
	strbuf_append(&type, "application/json; x=");
	while (type.length < 40000) strbuf_append_char(&type, 'x');
	CURL *curl = client();
	cleanup_reply struct reply reply = send_bytes(curl, &fixture, "/validate", type.data, GOOD, strlen(GOOD));
	assert_true(reply.status == 431 || reply.status == 413 || reply.code != CURLE_OK);
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

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

/* ---- Certificates ---- */

/* The common name of the certificate that a new connection is shown. */
static char *shown_name(const struct fixture *fixture) {
	struct raw raw = raw_open(fixture);
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(raw.session, &count);
	assert_true(count >= 1);
	gnutls_x509_crt_t leaf;
	gnutls_x509_crt_init(&leaf);
	gnutls_x509_crt_import(leaf, chain, GNUTLS_X509_FMT_DER);
	char name[128];
	size_t size = sizeof(name);
	gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
	gnutls_x509_crt_deinit(leaf);
	raw_close(&raw);
	return xstrdup(name);
}

static void a_new_certificate_drops_no_connection(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	cleanup_reply struct reply before = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&before);
	cleanup_free char *first = shown_name(&fixture);
	assert_string_equal(first, "first");

	struct pair second = pair_new("second", NULL, false);
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, second.key, NULL), 0);
	cleanup_reply struct reply after = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&after);
	long connects = -1;
	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
	assert_int_equal(connects, 0);
	cleanup_free char *now = shown_name(&fixture);
	assert_string_equal(now, "second");

	/* One that cannot be used changes nothing. */
	cleanup_error struct error *err = NULL;
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, fixture.pair.key, &err), -1);
	assert_string_equal(err->message, "serving certificate and key do not belong together");
	assert_int_equal(server_set_certificate(fixture.server, "text", second.key, &err), -1);
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, "text", &err), -1);
	cleanup_free char *still = shown_name(&fixture);
	assert_string_equal(still, "second");
	curl_easy_cleanup(curl);
	pair_free(&second);
	stop(&fixture);
}

static void without_a_certificate_nothing_is_served(void **state) {
	(void)state;
	struct metrics *metrics = metrics_new();
	const struct server_config config = { .listen = "127.0.0.1:0", .metrics = metrics };
	struct fixture fixture = { .server = server_start(&config, NULL) };
	assert_non_null(fixture.server);
	assert_false(server_has_certificate(fixture.server));
	CURL *curl = client();
	cleanup_reply struct reply reply = post(curl, &fixture, "/validate", GOOD);
	assert_int_not_equal(reply.code, CURLE_OK);
	struct pair pair = pair_new("late", NULL, false);
	assert_int_equal(server_set_certificate(fixture.server, pair.certificate, pair.key, NULL), 0);
	assert_true(server_has_certificate(fixture.server));
	cleanup_reply struct reply late = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&late);
	curl_easy_cleanup(curl);
	server_stop(fixture.server, PATIENCE_MS);
	metrics_free(metrics);
	pair_free(&pair);
}

static void old_protocols_are_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1));
	cleanup_reply struct reply old = post(curl, &fixture, "/validate", GOOD);
	assert_int_not_equal(old.code, CURLE_OK);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2));
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void use_certificate(CURL *curl, const struct pair *pair) {
	struct curl_blob certificate = { pair->certificate, strlen(pair->certificate), CURL_BLOB_COPY };
	struct curl_blob key = { pair->key, strlen(pair->key), CURL_BLOB_COPY };
	curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &certificate);
	curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
}

static void a_client_ca_admits_its_clients_only(void **state) {
	(void)state;
	struct pair ca = pair_new("ca", NULL, true), other_ca = pair_new("other ca", NULL, true);
	struct pair good = pair_new("kube-apiserver", &ca, false),
	            stranger = pair_new("kube-apiserver", &other_ca, false);
	struct fixture fixture;
	start(&fixture, (struct server_config){ .client_ca_pem = ca.certificate });

	CURL *curl = client();
	cleanup_reply struct reply without = post(curl, &fixture, "/validate", GOOD);
	assert_status(&without, 403, "client certificate");
	curl_easy_cleanup(curl);

	curl = client();
	use_certificate(curl, &stranger);
	cleanup_reply struct reply strange = post(curl, &fixture, "/validate", GOOD);
	assert_status(&strange, 403, "client certificate");
	curl_easy_cleanup(curl);

	curl = client();
	use_certificate(curl, &good);
	for (int i = 0; i < 3; i++) {
		cleanup_reply struct reply known = post(curl, &fixture, "/validate", GOOD);
		assert_allowed(&known);
	}
	curl_easy_cleanup(curl);
	stop(&fixture);
	pair_free(&stranger);
	pair_free(&good);
	pair_free(&other_ca);
	pair_free(&ca);
}

/* ---- Reviews that wait for the API ---- */

/* A cluster whose live reads wait until the test lets them go. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int waiting;
};

static enum lookup_result get_through_gate(void *context, enum lookup_resource resource, const char *namespace,
                                           const char *name, const struct json_object **object,
                                           struct findings *findings) {
	struct lookup_session *session = context;
	struct gate *gate = session->state;
	(void)resource;
	(void)namespace;
	(void)object;
	if (!session->live) {
		session->needs_live = true;
		if (findings->failure == NULL) findings->failure = xstrdup("not in the cache");
		return LOOKUP_FAILED;
	}
	pthread_mutex_lock(&gate->lock);
	gate->waiting++;
	pthread_cond_broadcast(&gate->changed);
	while (!gate->open) pthread_cond_wait(&gate->changed, &gate->lock);
	gate->waiting--;
	pthread_mutex_unlock(&gate->lock);
	return strcmp(name, "known") == 0 ? LOOKUP_FOUND : LOOKUP_ABSENT;
}

static void begin_gate(void *context, bool live, struct lookup_session *session) {
	*session = (struct lookup_session){ .lookup = { .context = session, .get = get_through_gate },
		                            .live = live,
		                            .state = context };
}

static void end_gate(struct lookup_session *session) {
	(void)session;
}

static void open_gate(struct gate *gate) {
	pthread_mutex_lock(&gate->lock);
	gate->open = true;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

static void wait_for_waiting(struct gate *gate, int count) {
	pthread_mutex_lock(&gate->lock);
	while (gate->waiting < count) pthread_cond_wait(&gate->changed, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

#define GATE \
	{ .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER }

/* A request made on a thread of its own. */
struct background {
	const struct fixture *fixture;
	const char *body;
	struct reply reply;
	pthread_t thread;
};

static void *post_in_background(void *argument) {
	struct background *background = argument;
	CURL *curl = client();
	background->reply = post(curl, background->fixture, "/validate", background->body);
	curl_easy_cleanup(curl);
	return NULL;
}

static void start_background(struct background *background, const struct fixture *fixture, const char *body) {
	*background = (struct background){ .fixture = fixture, .body = body };
	assert_int_equal(pthread_create(&background->thread, NULL, post_in_background, background), 0);
}

#define KNOWN   CREATE("\"size\":3,\"color\":\"blue\",\"version\":\"known\"")
#define UNKNOWN CREATE("\"size\":3,\"color\":\"blue\",\"version\":\"unknown\"")

static void a_review_that_waits_blocks_nobody(void **state) {
	(void)state;
	struct gate gate = GATE;
	const struct lookup_provider provider = { &gate, begin_gate, end_gate };
	struct fixture fixture;
	start(&fixture, (struct server_config){ .lookups = &provider, .threads = 1, .workers = 1, .max_waiting = 1 });
	struct background running, queued;
	start_background(&running, &fixture, KNOWN);
	wait_for_waiting(&gate, 1);
	CURL *curl = client();
	/* The only network thread is free. */
	cleanup_reply struct reply meanwhile = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&meanwhile);

	/* One more may wait; the one after it is sent away. Which is which depends on who comes first. */
	start_background(&queued, &fixture, UNKNOWN);
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 1000L);
	for (;;) {
		cleanup_reply struct reply full = post(curl, &fixture, "/validate", KNOWN);
		if (full.code == CURLE_OK) {
			assert_status(&full, 503, "try again");
			break;
		}
		assert_true(clock_monotonic_ms() < deadline);
	}
	open_gate(&gate);
	pthread_join(running.thread, NULL);
	pthread_join(queued.thread, NULL);
	assert_allowed(&running.reply);
	if (queued.reply.status == 200) assert_non_null(strstr(queued.reply.body.data, "no such version"));
	else assert_int_equal(queued.reply.status, 503);
	reply_free(&running.reply);
	reply_free(&queued.reply);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void *stop_in_background(void *fixture) {
	stop(fixture);
	return NULL;
}

static void a_stop_finishes_what_is_in_flight(void **state) {
	(void)state;
	struct gate gate = GATE;
	const struct lookup_provider provider = { &gate, begin_gate, end_gate };
	struct fixture fixture;
	start(&fixture, (struct server_config){ .lookups = &provider, .request_timeout_ms = 1000 });
	int port = server_port(fixture.server);
	/* An idle connection must not hold the stop up. */
	CURL *idle = client();
	cleanup_reply struct reply first = post(idle, &fixture, "/validate", GOOD);
	assert_allowed(&first);
	struct background running;
	start_background(&running, &fixture, KNOWN);
	wait_for_waiting(&gate, 1);

	pthread_t stopper;
	assert_int_equal(pthread_create(&stopper, NULL, stop_in_background, &fixture), 0);
	/* No new connections from here on. */
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	const struct sockaddr_in address = { .sin_family = AF_INET,
		                             .sin_port = htons((uint16_t)port),
		                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
	for (int refused = 0; !refused;) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		refused = connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0;
		close(fd);
		assert_true(clock_monotonic_ms() < deadline);
	}
	open_gate(&gate);
	pthread_join(running.thread, NULL);
	assert_allowed(&running.reply);
	assert_non_null(strcasestr(running.reply.headers.data, "Connection: close\r\n"));
	pthread_join(stopper, NULL);
	reply_free(&running.reply);
	curl_easy_cleanup(idle);
}

static void a_stop_gives_up_at_its_deadline(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .request_timeout_ms = 1000000 });
	/* A request that is never completed. */
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	               "Content-Length: 10\r\n\r\n");
	server_drain(fixture.server, 10);
	assert_true(server_is_alive(fixture.server));
	server_stop(fixture.server, 50);
	assert_closed(raw.fd);
	raw_close(&raw);
	metrics_free(fixture.metrics);
	pair_free(&fixture.pair);
}

/* ---- Many at once ---- */

static void *hammer(void *argument) {
	const struct fixture *fixture = argument;
	CURL *curl = client();
	for (int i = 0; i < 100; i++) {
		cleanup_reply struct reply reply = post(curl, fixture, i % 2 == 0 ? "/validate" : "/mutate", GOOD);
		assert_allowed(&reply);
	}
	curl_easy_cleanup(curl);
	return NULL;
}

static void many_clients_are_served_while_certificates_change(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	pthread_t threads[8];
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) pthread_create(&threads[i], NULL, hammer, &fixture);
	struct pair second = pair_new("second", NULL, false);
	for (int i = 0; i < 50; i++) {
		const struct pair *next = i % 2 == 0 ? &second : &fixture.pair;
		assert_int_equal(server_set_certificate(fixture.server, next->certificate, next->key, NULL), 0);
		cleanup_free char *name = shown_name(&fixture);
		assert_string_equal(name, i % 2 == 0 ? "second" : "first");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) pthread_join(threads[i], NULL);
	assert_true(server_is_alive(fixture.server));
	pair_free(&second);
	stop(&fixture);
}

static void a_server_that_cannot_listen_says_why(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_free char *taken = xasprintf("127.0.0.1:%d", server_port(fixture.server));
	cleanup_error struct error *err = NULL;
	assert_null(server_start(&(struct server_config){ .listen = taken, .metrics = fixture.metrics }, &err));
	assert_non_null(strstr(err->message, taken));
	assert_non_null(strstr(err->message, "Address already in use"));
	assert_null(server_start(&(struct server_config){ .listen = "nonsense", .metrics = fixture.metrics }, &err));
	assert_string_equal(err->message, "listen address \"nonsense\": must be ADDR:PORT");
	assert_null(server_start(
	        &(struct server_config){ .listen = ":0", .metrics = fixture.metrics, .client_ca_pem = "text" }, &err));
	assert_non_null(strstr(err->message, "client CA"));
	stop(&fixture);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_ALL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reviews_are_answered_over_one_connection),
		cmocka_unit_test(a_request_that_is_no_review_is_told_why),
		cmocka_unit_test(bad_bodies_are_bad_requests),
		cmocka_unit_test(a_body_beyond_the_limit_is_refused),
		cmocka_unit_test(large_bodies_together_are_bounded),
		cmocka_unit_test(huge_headers_are_refused),
		cmocka_unit_test(slow_clients_are_cut_off),
		cmocka_unit_test(a_slow_second_request_is_cut_off_too),
		cmocka_unit_test(half_a_handshake_costs_nothing),
		cmocka_unit_test(idle_connections_are_closed),
		cmocka_unit_test(connections_are_bounded),
		cmocka_unit_test(a_new_certificate_drops_no_connection),
		cmocka_unit_test(without_a_certificate_nothing_is_served),
		cmocka_unit_test(old_protocols_are_refused),
		cmocka_unit_test(a_client_ca_admits_its_clients_only),
		cmocka_unit_test(a_review_that_waits_blocks_nobody),
		cmocka_unit_test(a_stop_finishes_what_is_in_flight),
		cmocka_unit_test(a_stop_gives_up_at_its_deadline),
		cmocka_unit_test(many_clients_are_served_while_certificates_change),
		cmocka_unit_test(a_server_that_cannot_listen_says_why),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
