#include "simnode/action.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "simnode/images.h"
#include "simnode/ports.h"
#include "simnode/process.h"

struct action {
	void (*perform)(struct action *action);
	int64_t timeout_ms;
	int wake_fd;
	int cancel_fd; /* an eventfd, readable when the action is given up */
	atomic_bool cancelled;
	pthread_t thread;

	char *url; /* httpGet */
	struct curl_slist *headers;

	char *host; /* tcpSocket */
	int port;

	char *program; /* exec */
	char **arguments;
	char **environment;
	char *directory;

	bool succeeded;
	char *message;
	atomic_bool over; /* set last: what stands above is then the owner's to read */
};

static void fail(struct action *action, char *message) {
	free(action->message);
	action->message = message;
	action->succeeded = false;
}

/* ---- httpGet ---- */

static size_t discard(char *bytes, size_t size, size_t count, void *context) {
	(void)bytes;
	(void)context;
	return size * count;
}

static int stop_when_cancelled(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d) {
	(void)a, (void)b, (void)c, (void)d;
	struct action *action = context;
	return atomic_load(&action->cancelled) ? 1 : 0;
}

/* Certificates are not verified, redirects are not followed: a kubelet does neither (to other hosts). */
static void perform_http(struct action *action) {
	char reason[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURL *curl = curl_easy_init();
	if (curl == NULL) return fail(action, xstrdup("libcurl cannot start"));
	curl_easy_setopt(curl, CURLOPT_URL, action->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, action->headers);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)action->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "kube-probe/simnode");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_when_cancelled);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, action);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
	CURLcode result = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(curl);
	action->succeeded = result == CURLE_OK && status >= 200 && status < 400;
	if (result != CURLE_OK) {
		fail(action,
		     xasprintf("Get \"%s\": %s", action->url, reason[0] != '\0' ? reason : curl_easy_strerror(result)));
	} else if (!action->succeeded) {
		fail(action, xasprintf("HTTP probe failed with statuscode: %ld", status));
	}
}

/* ---- tcpSocket ---- */

static void perform_tcp(struct action *action) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)action->port) };
	if (inet_pton(AF_INET, action->host, &address.sin_addr) != 1) {
		return fail(action, xasprintf("\"%s\" is no IPv4 address", action->host));
	}
	cleanup_close int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return fail(action, xasprintf("no socket: %s", strerror(errno)));
	int reason = 0;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) reason = errno;
	if (reason == EINPROGRESS) {
		struct pollfd fds[] = { { .fd = fd, .events = POLLOUT },
			                { .fd = action->cancel_fd, .events = POLLIN } };
		socklen_t length = sizeof(reason);
		if (poll(fds, 2, (int)action->timeout_ms) <= 0 || fds[0].revents == 0) reason = ETIMEDOUT;
		else getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length);
	}
	action->succeeded = reason == 0;
	if (reason != 0) {
		fail(action, xasprintf("dial tcp %s:%d: %s", action->host, action->port, strerror(reason)));
	}
}

/* ---- exec ---- */

/* What a failed command said, for the message; bounded. */
enum { OUTPUT_KEPT = 1024 };

static void perform_exec(struct action *action) {
	cleanup_error struct error *err = NULL;
	struct process process;
	int output[2];
	if (pipe2(output, O_CLOEXEC | O_NONBLOCK) < 0) return fail(action, xasprintf("no pipe: %s", strerror(errno)));
	cleanup_close int output_read = output[0];
	int started = process_start(&process, action->program, action->arguments, action->environment,
	                            action->directory, output[1], &err);
	close(output[1]);
	if (started < 0) return fail(action, xstrdup(err->message));

	int64_t deadline = clock_monotonic_ms() + action->timeout_ms;
	struct process_end end = { .exit_code = -1 };
	struct strbuf text = { 0 };
	bool ended = false;
	while (!ended) {
		int64_t left = deadline - clock_monotonic_ms();
		if (left <= 0 || atomic_load(&action->cancelled)) break;
		struct pollfd fds[] = { { .fd = process.fd, .events = POLLIN },
			                { .fd = action->cancel_fd, .events = POLLIN },
			                { .fd = output_read, .events = POLLIN } };
		poll(fds, (fds[2].fd >= 0 ? 3 : 2), (int)left);
		ended = process_reap(&process, &end);
		char bytes[512];
		ssize_t got = read(output_read, bytes, sizeof(bytes));
		while (got > 0) {
			if (text.length < OUTPUT_KEPT) strbuf_append_n(&text, bytes, (size_t)got);
			got = read(output_read, bytes, sizeof(bytes));
		}
		if (got == 0 && !ended) {
			/* It has closed its output and runs on: from here on only its end counts. */
			poll(fds, 2, (int)left);
			ended = process_reap(&process, &end);
		}
	}
	if (!ended) process_destroy(&process);
	action->succeeded = ended && end.exit_code == 0;
	if (!ended) fail(action, xasprintf("command timed out after %lld ms", (long long)action->timeout_ms));
	else if (end.exit_code != 0) fail(action, xasprintf("exit code %d: %s", end.exit_code, strbuf_text(&text)));
	strbuf_free(&text);
}

/* ---- Reading handlers ---- */

static int read_http(struct action *action, const struct json_object *http, const struct action_target *target,
                     struct error **err) {
	const char *host = json_get_text(http, "host");
	const char *scheme = json_get_text(http, "scheme");
	const char *path = json_get_text(http, "path");
	int port = port_number(json_get(http, "port"), target->container);
	if (port < 0) return error_set(err, ERROR_INVALID, "httpGet.port: the container has no such port");
	bool is_https = scheme != NULL && strcasecmp(scheme, "HTTPS") == 0;
	action->perform = perform_http;
	action->url = xasprintf("%s://%s:%d%s%s", is_https ? "https" : "http",
	                        host != NULL && *host != '\0' ? host : target->pod_ip, port,
	                        path == NULL || path[0] != '/' ? "/" : "", path != NULL ? path : "");
	const struct json_object *headers = json_get(http, "httpHeaders");
	size_t count = headers != NULL ? json_object_array_length(headers) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct json_object *header = json_object_array_get_idx(headers, i);
		const char *name = json_get_text(header, "name");
		const char *value = json_get_text(header, "value");
		if (name == NULL) continue;
		cleanup_free char *line = xasprintf("%s: %s", name, value != NULL ? value : "");
		action->headers = curl_slist_append(action->headers, line);
	}
	return 0;
}

static int read_tcp(struct action *action, const struct json_object *tcp, const struct action_target *target,
                    struct error **err) {
	const char *host = json_get_text(tcp, "host");
	action->perform = perform_tcp;
	action->host = xstrdup(host != NULL && *host != '\0' ? host : target->pod_ip);
	action->port = port_number(json_get(tcp, "port"), target->container);
	if (action->port < 0) return error_set(err, ERROR_INVALID, "tcpSocket.port: the container has no such port");
	return 0;
}

static int read_exec(struct action *action, const struct json_object *exec, const struct action_target *target,
                     struct error **err) {
	const struct json_object *command = json_get(exec, "command");
	size_t count = command != NULL ? json_object_array_length(command) : 0;
	if (count == 0) return error_set(err, ERROR_INVALID, "exec.command: must not be empty");
	action->perform = perform_exec;
	action->arguments = xcalloc(count + 1, sizeof(*action->arguments));
	for (size_t i = 0; i < count; i++) {
		const char *word = json_object_get_string(json_object_array_get_idx(command, i));
		cleanup_free char *rewritten = mounts_rewrite(target->mounts, word != NULL ? word : "");
		action->arguments[i] = environment_expand(target->environment, rewritten);
	}
	action->program = image_resolve_command(target->program, action->arguments[0]);
	action->environment = environment_block(target->environment);
	action->directory = xstrdup(target->directory);
	return 0;
}

static const struct {
	const char *field;
	int (*read)(struct action *, const struct json_object *, const struct action_target *, struct error **);
} handler_kinds[] = {
	{ "httpGet", read_http },
	{ "tcpSocket", read_tcp },
	{ "exec", read_exec },
};

static int read_handler(struct action *action, const struct json_object *handler, const struct action_target *target,
                        struct error **err) {
	for (size_t i = 0; i < ARRAY_LENGTH(handler_kinds); i++) {
		const struct json_object *settings = json_get(handler, handler_kinds[i].field);
		if (settings != NULL) return handler_kinds[i].read(action, settings, target, err);
	}
	return error_set(err, ERROR_INVALID, "only httpGet, tcpSocket and exec are simulated");
}

/* ---- The life of an action ---- */

static void *run(void *argument) {
	struct action *action = argument;
	int wake_fd = action->wake_fd;
	action->perform(action);
	atomic_store(&action->over, true);
	eventfd_write(wake_fd, 1);
	return NULL;
}

static void release(struct action *action) {
	free(action->url);
	curl_slist_free_all(action->headers);
	free(action->host);
	free(action->program);
	string_list_free(action->arguments);
	string_list_free(action->environment);
	free(action->directory);
	free(action->message);
	if (action->cancel_fd >= 0) close(action->cancel_fd);
	free(action);
}

struct action *action_start(const struct json_object *handler, const struct action_target *target, int64_t timeout_ms,
                            int wake_fd, struct error **err) {
	struct action *action = xcalloc(1, sizeof(*action));
	action->timeout_ms = timeout_ms;
	action->wake_fd = wake_fd;
	action->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int failed = read_handler(action, handler, target, err);
	if (failed == 0) {
		int reason = pthread_create(&action->thread, NULL, run, action);
		if (reason != 0) failed = error_errno(err, reason, "cannot start a thread");
	}
	if (failed != 0) {
		release(action);
		return NULL;
	}
	return action;
}

bool action_is_over(const struct action *action) {
	return atomic_load(&action->over);
}

bool action_succeeded(const struct action *action) {
	return action->succeeded;
}

const char *action_message(const struct action *action) {
	return action->message != NULL ? action->message : "";
}

void action_free(struct action *action) {
	if (action == NULL) return;
	atomic_store(&action->cancelled, true);
	eventfd_write(action->cancel_fd, 1);
	pthread_join(action->thread, NULL);
	release(action);
}
