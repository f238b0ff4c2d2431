/* The server over real TLS, with libcurl and GnuTLS as clients. Timeouts are short here, and nothing is measured: tests
 * wait for what must happen. */
#ifndef TEST_UNIT_WEBHOOK_CLIENTS_H
#define TEST_UNIT_WEBHOOK_CLIENTS_H
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

/* Each test uses what it needs. */
#pragma GCC diagnostic ignored "-Wunused-function"

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

#endif
