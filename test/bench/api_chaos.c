/* api_chaos: a bad way to an API server, in plain HTTP, for ./dev bench controller.
 *
 *   api_chaos LISTEN-PORT UPSTREAM-PORT        (both on 127.0.0.1; upstream is `kubectl proxy`)
 *
 * "rough" on standard input makes it bad, "calm" good again; each is answered with how much went through and how much
 * did not. While it is rough: of ten requests one is answered 429, 500, 503 or, if it is a write, 409; one goes
 * unanswered, half of these after they were carried out; two are slow; watches are answered 410 now and then, and end
 * after some kilobytes or seconds in the middle of a line.
 *
 * A connection is for one request, and has a thread: it is small on purpose. */
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/strbuf.h"

static atomic_bool is_rough;
static atomic_int passed, refused, dropped, slowed, cut;
static int upstream_port;

static uint32_t dice(uint32_t sides) {
	return arc4random_uniform(sides);
}

static int connect_to(int port) {
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)port),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) return fd;
	close_cleanup(&fd);
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t length) {
	while (length > 0) {
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent <= 0) return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

/* A request, head and body. */
static bool read_request(int fd, struct strbuf *request) {
	enum { CHUNK = 16384 };
	size_t whole = SIZE_MAX;
	while (request->length < whole) {
		ssize_t got = recv(fd, strbuf_reserve(request, CHUNK), CHUNK, 0);
		if (got <= 0) return false;
		request->length += (size_t)got;
		const char *text = strbuf_text(request);
		const char *end = strstr(text, "\r\n\r\n");
		if (end == NULL || whole != SIZE_MAX) continue;
		const char *length = strcasestr(text, "\r\ncontent-length:");
		size_t body =
		        length != NULL && length < end ? strtoul(length + strlen("\r\ncontent-length:"), NULL, 10) : 0;
		whole = (size_t)(end - text) + 4 + body;
	}
	return true;
}

static bool is_write(const struct strbuf *request) {
	return strncmp(strbuf_text(request), "GET ", 4) != 0;
}

static bool is_watch(const struct strbuf *request) {
	const char *line_end = strstr(strbuf_text(request), "\r\n");
	const char *watch = strstr(strbuf_text(request), "watch=true");
	return watch != NULL && watch < line_end;
}

static void refuse(int fd, int code, const char *reason) {
	cleanup_free char *body =
	        xasprintf("{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\"message\":"
	                  "\"api_chaos\",\"reason\":\"%s\",\"code\":%d}",
	                  reason, code);
	cleanup_free char *answer =
	        xasprintf("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	                  "%sConnection: close\r\n\r\n%s",
	                  code, reason, strlen(body), code == 429 ? "Retry-After: 1\r\n" : "", body);
	send_all(fd, answer, strlen(answer));
	atomic_fetch_add(&refused, 1);
}

static bool refuses(int fd, const struct strbuf *request) {
	static const struct {
		int code;
		const char *reason;
	} answers[] = { { 429, "TooManyRequests" },
		        { 500, "InternalError" },
		        { 503, "ServiceUnavailable" },
		        { 409, "Conflict" },
		        { 410, "Expired" } };
	if (dice(10) != 0) return false;
	size_t which = is_watch(request) ? 4 : dice(is_write(request) ? 4 : 3);
	refuse(fd, answers[which].code, answers[which].reason);
	return true;
}

/* What comes back, to its end or to where it is cut. */
static void relay(int from, int to, bool is_cut) {
	enum { CHUNK = 16384, LONGEST_MS = 20000, MOST = 65536 };
	char bytes[CHUNK];
	size_t left = is_cut ? 1 + dice(MOST) : SIZE_MAX;
	int64_t patience = is_cut ? 1000 + (int)dice(LONGEST_MS) : -1;
	struct pollfd ends[] = { { .fd = from, .events = POLLIN }, { .fd = to, .events = POLLIN } };
	while (left > 0) {
		int ready = poll(ends, 2, (int)patience);
		if (ready <= 0 || ends[1].revents != 0) break;
		ssize_t got = recv(from, bytes, left < CHUNK ? left : CHUNK, 0);
		if (got <= 0 || !send_all(to, bytes, (size_t)got)) return;
		if (is_cut) left -= (size_t)got;
	}
	if (is_cut) atomic_fetch_add(&cut, 1);
}

static bool forward(int upstream, const struct strbuf *request) {
	const char *text = strbuf_text(request);
	size_t line = (size_t)(strstr(text, "\r\n") - text) + 2;
	static const char closing[] = "Connection: close\r\n";
	return send_all(upstream, text, line) && send_all(upstream, closing, sizeof(closing) - 1) &&
	       send_all(upstream, text + line, request->length - line);
}

static void serve(int client) {
	cleanup_strbuf struct strbuf request = { 0 };
	if (!read_request(client, &request)) return;
	bool rough = atomic_load(&is_rough);
	if (rough && refuses(client, &request)) return;
	bool drops = rough && dice(10) == 0, slows = rough && dice(5) == 0;
	if (slows) {
		atomic_fetch_add(&slowed, 1);
		usleep(500000 + dice(4000000));
	}
	if (drops) atomic_fetch_add(&dropped, 1);
	if (drops && dice(2) == 0) return;
	cleanup_close int upstream = connect_to(upstream_port);
	if (upstream < 0 || !forward(upstream, &request)) return;
	if (drops) {
		char byte;
		(void)recv(upstream, &byte, 1, 0);
		return;
	}
	relay(upstream, client, rough && is_watch(&request));
	atomic_fetch_add(&passed, 1);
}

static void *serve_thread(void *context) {
	int client = (int)(intptr_t)context;
	serve(client);
	close(client);
	return NULL;
}

static void *accept_all(void *context) {
	int listener = (int)(intptr_t)context;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, 128 * 1024);
	for (;;) {
		pthread_t thread;
		int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (client < 0) continue;
		if (pthread_create(&thread, &attributes, serve_thread, (void *)(intptr_t)client) != 0) close(client);
	}
	return NULL;
}

int main(int argc, char **argv) {
	if (argc != 3) {
		fprintf(stderr, "usage: api_chaos LISTEN-PORT UPSTREAM-PORT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	upstream_port = atoi(argv[2]);
	int yes = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = { .sin_family = AF_INET,
		                       .sin_port = htons((uint16_t)atoi(argv[1])),
		                       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(listener, SOMAXCONN) != 0) {
		perror("api_chaos");
		return 1;
	}
	pthread_t thread;
	if (pthread_create(&thread, NULL, accept_all, (void *)(intptr_t)listener) != 0) return 1;
	char line[64];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		atomic_store(&is_rough, strncmp(line, "rough", 5) == 0);
		printf("passed %d refused %d unanswered %d slow %d watches cut %d\n", passed, refused, dropped, slowed,
		       cut);
		fflush(stdout);
	}
	return 0;
}
