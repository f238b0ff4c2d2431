/* Real processes, probes against real sockets, and a relayed connection: what simnode does to this machine. */
#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/action.h"
#include "simnode/process.h"
#include "simnode/relay.h"

enum { DEADLINE_MS = 20000 };

static struct process run(const char *script, int output_fd) {
	struct process process;
	char *const arguments[] = { "sh", "-c", (char *)script, NULL };
	char *const environment[] = { "PATH=/usr/bin:/bin", NULL };
	assert_int_equal(process_start(&process, "/bin/sh", arguments, environment, "/", output_fd, NULL), 0);
	return process;
}

static struct process_end wait_for(struct process *process) {
	struct process_end end;
	assert_false(process->fd < 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = process->fd, .events = POLLIN }, 1, DEADLINE_MS), 1);
	assert_true(process_reap(process, &end));
	assert_int_equal(process->fd, -1);
	return end;
}

static void ends(void **state) {
	(void)state;
	static const struct {
		const char *script;
		int exit_code, signal;
	} cases[] = {
		{ "exit 0", 0, 0 },
		{ "exit 3", 3, 0 },
		{ "kill -KILL $$", 137, SIGKILL },
		{ "kill -TERM $$", 143, SIGTERM },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct process process = run(cases[i].script, STDERR_FILENO);
		struct process_end end = wait_for(&process);
		assert_int_equal(end.exit_code, cases[i].exit_code);
		assert_int_equal(end.signal, cases[i].signal);
	}
}

/* The pipe's other end is closed only when nobody holds it any more. */
static void nothing_outlives_it(void **state) {
	(void)state;
	int output[2];
	assert_int_equal(pipe(output), 0);
	struct process process = run("sleep 1000 & exit 0", output[1]);
	close(output[1]);
	wait_for(&process);
	struct pollfd closed = { .fd = output[0], .events = POLLIN };
	assert_int_equal(poll(&closed, 1, DEADLINE_MS), 1);
	char byte;
	assert_int_equal(read(output[0], &byte, 1), 0);
	close(output[0]);
}

static void frozen_ones_can_be_killed(void **state) {
	(void)state;
	struct process process = run("sleep 1000", STDERR_FILENO);
	struct process_end end;
	process_signal(&process, SIGSTOP);
	assert_false(process_reap(&process, &end));
	process_destroy(&process);
	assert_int_equal(process.fd, -1);
}

static void what_cannot_start(void **state) {
	(void)state;
	struct process process;
	char *const none[] = { "x", NULL };
	cleanup_error struct error *err = NULL;
	assert_int_equal(process_start(&process, "/no/such/program", none, none, "/", STDERR_FILENO, &err), -1);
	assert_int_equal(err->code, 2 /* ENOENT */);
	assert_int_equal(process_start(&process, "/bin/true", none, none, "/no/such/folder", STDERR_FILENO, &err), -1);
}

/* ---- Actions ---- */

static int listener(struct sockaddr_in *address) {
	socklen_t length = sizeof(*address);
	*address = (struct sockaddr_in){ .sin_family = AF_INET };
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)address, &length), 0);
	return fd;
}

/* Runs the handler to its end; NULL when it succeeded, else why not. The caller frees it. */
static char *act(const char *handler_text, int64_t timeout_ms) {
	struct json_object *handler;
	assert_int_equal(json_parse(handler_text, strlen(handler_text), &handler, NULL), 0);
	struct environment environment = { 0 };
	environment_set(&environment, "PATH", "/usr/bin:/bin");
	environment_set(&environment, "CODE", "5");
	const struct mounts mounts = { 0 };
	const struct action_target target = {
		.container = NULL,
		.pod_ip = "127.0.0.1",
		.program = "/bin/sh",
		.directory = "/",
		.environment = &environment,
		.mounts = &mounts,
	};
	int wake_fd = eventfd(0, EFD_CLOEXEC);
	cleanup_error struct error *err = NULL;
	struct action *action = action_start(handler, &target, timeout_ms, wake_fd, &err);
	char *message = NULL;
	if (action == NULL) {
		message = xstrdup(err->message);
	} else {
		assert_int_equal(poll(&(struct pollfd){ .fd = wake_fd, .events = POLLIN }, 1, DEADLINE_MS), 1);
		assert_true(action_is_over(action));
		if (!action_succeeded(action)) message = xstrdup(action_message(action));
		action_free(action);
	}
	close(wake_fd);
	environment_free(&environment);
	json_object_put(handler);
	return message;
}

static void commands(void **state) {
	(void)state;
	assert_null(act("{\"exec\": {\"command\": [\"sh\", \"-c\", \"exit 0\"]}}", DEADLINE_MS));
	cleanup_free char *failed =
	        act("{\"exec\": {\"command\": [\"sh\", \"-c\", \"echo no; exit $(CODE)\"]}}", DEADLINE_MS);
	assert_string_equal(failed, "exit code 5: no\n");
	cleanup_free char *late = act("{\"exec\": {\"command\": [\"sleep\", \"1000\"]}}", 50);
	assert_string_equal(late, "command timed out after 50 ms");
	cleanup_free char *silent =
	        act("{\"exec\": {\"command\": [\"sh\", \"-c\", \"exec >&- 2>&-; exit 7\"]}}", DEADLINE_MS);
	assert_string_equal(silent, "exit code 7: ");
	cleanup_free char *empty = act("{\"exec\": {\"command\": []}}", 50);
	assert_non_null(empty);
	cleanup_free char *unknown = act("{\"grpc\": {\"port\": 1}}", 50);
	assert_non_null(unknown);
}

static void sockets(void **state) {
	(void)state;
	struct sockaddr_in address;
	int fd = listener(&address);
	cleanup_free char *tcp = xasprintf("{\"tcpSocket\": {\"port\": %d}}", ntohs(address.sin_port));
	cleanup_free char *http = xasprintf("{\"httpGet\": {\"port\": %d}}", ntohs(address.sin_port));
	assert_null(act(tcp, DEADLINE_MS));
	/* It accepts, and never answers: the time-out is the probe's own. */
	cleanup_free char *frozen = act(http, 50);
	assert_non_null(frozen);
	close(fd);
	cleanup_free char *refused = act(tcp, DEADLINE_MS);
	assert_non_null(strstr(refused, "Connection refused"));
	cleanup_free char *nameless = act("{\"tcpSocket\": {\"port\": \"http\"}}", 50);
	assert_non_null(strstr(nameless, "no such port"));
}

/* An action that is given up does not hold its owner up. */
static void giving_up(void **state) {
	(void)state;
	struct json_object *handler;
	static const char text[] = "{\"exec\": {\"command\": [\"sleep\", \"1000\"]}}";
	assert_int_equal(json_parse(text, strlen(text), &handler, NULL), 0);
	struct environment environment = { 0 };
	const struct mounts mounts = { 0 };
	const struct action_target target = { .pod_ip = "127.0.0.1",
		                              .program = "/bin/sh",
		                              .directory = "/",
		                              .environment = &environment,
		                              .mounts = &mounts };
	int wake_fd = eventfd(0, EFD_CLOEXEC);
	struct action *action = action_start(handler, &target, 1000 * 1000, wake_fd, NULL);
	assert_non_null(action);
	action_free(action); /* or ctest's own time-out ends us */
	close(wake_fd);
	json_object_put(handler);
}

/* ---- Relays ---- */

struct pair {
	int epoll_fd;
	int client;  /* our end of the client's connection */
	int backend; /* our end of the backend's */
	struct relay *relay;
};

static struct pair connect_pair(void) {
	struct pair pair = { .epoll_fd = epoll_create1(EPOLL_CLOEXEC) };
	struct sockaddr_in front_address;
	struct sockaddr_in back_address;
	int front = listener(&front_address);
	int back = listener(&back_address);
	pair.client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair.client, (struct sockaddr *)&front_address, sizeof(front_address)), 0);
	int accepted = accept4(front, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	pair.relay = relay_new(pair.epoll_fd, accepted, &back_address);
	assert_non_null(pair.relay);
	pair.backend = accept4(back, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair.backend >= 0);
	close(front);
	close(back);
	return pair;
}

/* Lets the relay work until `fd` has something to read or `over`; false when it is over. */
static bool relay_until(struct pair *pair, int fd) {
	for (;;) {
		struct epoll_event event;
		if (fd >= 0 && poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0) == 1) return true;
		assert_int_equal(epoll_wait(pair->epoll_fd, &event, 1, DEADLINE_MS), 1);
		if (!relay_step(pair->relay)) return false;
	}
}

static void half_closing(void **state) {
	(void)state;
	struct pair pair = connect_pair();
	char bytes[8];
	assert_int_equal(send(pair.client, "ask", 3, 0), 3);
	assert_int_equal(shutdown(pair.client, SHUT_WR), 0);
	assert_true(relay_until(&pair, pair.backend));
	assert_int_equal(recv(pair.backend, bytes, sizeof(bytes), 0), 3);
	assert_true(relay_until(&pair, pair.backend));
	assert_int_equal(recv(pair.backend, bytes, sizeof(bytes), 0), 0); /* told that no more will come … */
	assert_int_equal(send(pair.backend, "answer", 6, 0), 6);          /* … and may still answer */
	assert_true(relay_until(&pair, pair.client));
	assert_int_equal(recv(pair.client, bytes, sizeof(bytes), 0), 6);
	close(pair.backend);
	assert_false(relay_until(&pair, -1));
	relay_free(pair.relay, false);
	assert_int_equal(recv(pair.client, bytes, sizeof(bytes), 0), 0);
	close(pair.client);
	close(pair.epoll_fd);
}

static void resets(void **state) {
	(void)state;
	struct pair pair = connect_pair();
	const struct linger at_once = { .l_onoff = 1 };
	char bytes[8];
	assert_int_equal(send(pair.client, "ask", 3, 0), 3);
	assert_true(relay_until(&pair, pair.backend));
	assert_int_equal(setsockopt(pair.backend, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	close(pair.backend);
	assert_false(relay_until(&pair, -1));
	relay_free(pair.relay, false);
	assert_int_equal(recv(pair.client, bytes, sizeof(bytes), 0), -1); /* ECONNRESET, no orderly end */
	close(pair.client);
	close(pair.epoll_fd);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(nothing_outlives_it),
		cmocka_unit_test(frozen_ones_can_be_killed),
		cmocka_unit_test(what_cannot_start),
		cmocka_unit_test(commands),
		cmocka_unit_test(sockets),
		cmocka_unit_test(giving_up),
		cmocka_unit_test(half_closing),
		cmocka_unit_test(resets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
