#include "simnode/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

/* A Unix socket's address is short, a state folder's path may not be: go through the open folder. */
static int control_address(const char *state, struct sockaddr_un *address, struct error **err) {
	int folder = open(state, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0) return error_errno(err, errno, "cannot open %s", state);
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(address->sun_path, sizeof(address->sun_path), "/proc/self/fd/%d/control", folder);
	return folder;
}

int control_listen(const char *state, struct error **err) {
	struct sockaddr_un address;
	cleanup_close int folder = control_address(state, &address, err);
	if (folder < 0) return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0) return error_errno(err, errno, "no socket");
	(void)unlinkat(folder, "control", 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0) {
		error_errno(err, errno, "cannot listen on %s/control", state);
		close(fd);
		return -1;
	}
	if (fchmodat(folder, "control", 0600, 0) < 0) return error_errno(err, errno, "permissions of the control socket");
	return fd;
}

/* ---- Commands ---- */

enum { WORDS = 3 };

struct command {
	const char *name;
	int least; /* words behind it */
	int most;
	int (*perform)(struct kubelet *kubelet, char *words[WORDS], int argument, struct json_object *answer,
	               struct error **err);
	int argument;
};

static int send_signal(struct kubelet *kubelet, char *words[WORDS], int signal, struct json_object *answer,
                       struct error **err) {
	(void)answer;
	return kubelet_signal(kubelet, words[1], words[2], signal, err);
}

static int set_fate(struct kubelet *kubelet, char *words[WORDS], int fate, struct json_object *answer,
                    struct error **err) {
	(void)answer;
	return kubelet_set_fate(kubelet, words[1], (enum node_fate)fate, err);
}

static int list(struct kubelet *kubelet, char *words[WORDS], int argument, struct json_object *answer,
                struct error **err) {
	(void)words, (void)argument, (void)err;
	cleanup_json struct json_object *all = kubelet_list(kubelet);
	json_set(answer, "nodes", json_object_get(json_get(all, "nodes")));
	json_set(answer, "pods", json_object_get(json_get(all, "pods")));
	return 0;
}

static const struct command commands[] = {
	{ "freeze", 1, 2, send_signal, SIGSTOP },
	{ "thaw", 1, 2, send_signal, SIGCONT },
	{ "kill", 1, 2, send_signal, SIGKILL },
	{ "node-down", 1, 1, set_fate, NODE_DOWN },
	{ "node-cut", 1, 1, set_fate, NODE_CUT },
	{ "node-up", 1, 1, set_fate, NODE_UP },
	{ "list", 0, 0, list, 0 },
};

static int perform(struct kubelet *kubelet, char *line, struct json_object *answer, struct error **err) {
	char *words[WORDS + 1] = { 0 };
	int count = 0;
	char *rest = NULL;
	for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL && count <= WORDS;
	     word = strtok_r(NULL, " \t\r\n", &rest)) {
		words[count++] = word;
	}
	if (count == 0) return error_set(err, ERROR_INVALID, "no command");
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		const struct command *command = &commands[i];
		if (strcmp(words[0], command->name) != 0) continue;
		if (count - 1 < command->least || count - 1 > command->most)
			return error_set(err, ERROR_INVALID, "%s: wrong number of words", command->name);
		return command->perform(kubelet, words, command->argument, answer, err);
	}
	return error_set(err, ERROR_INVALID, "no such command: %s", words[0]);
}

/* ---- Lines over sockets ---- */

enum { LINE_LIMIT = 4096, PATIENCE_SECONDS = 2 };

static void be_patient(int fd, int seconds) {
	const struct timeval limit = { .tv_sec = seconds };
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* Reads up to a newline or the end; false when there is neither in `limit` bytes, or in time. */
static bool read_line(int fd, struct strbuf *line, size_t limit) {
	while (line->length < limit) {
		char bytes[1024];
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);
		if (got == 0) return true;
		if (got < 0 && errno == EINTR) continue;
		if (got < 0) return false;
		strbuf_append_n(line, bytes, (size_t)got);
		if (memchr(bytes, '\n', (size_t)got) != NULL) return true;
	}
	return false;
}

static bool send_all(int fd, const char *text, size_t length) {
	while (length != 0) {
		ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR) continue;
		if (sent <= 0) return false;
		text += sent;
		length -= (size_t)sent;
	}
	return true;
}

void control_answer(int listener, struct kubelet *kubelet) {
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	cleanup_strbuf struct strbuf line = { 0 };
	cleanup_error struct error *err = NULL;
	if (fd < 0) return;
	be_patient(fd, PATIENCE_SECONDS);
	if (!read_line(fd, &line, LINE_LIMIT)) return;
	cleanup_json struct json_object *answer = json_object_new_object();
	cleanup_free char *words = strbuf_detach(&line);
	bool ok = perform(kubelet, words, answer, &err) == 0;
	json_set(answer, "ok", json_object_new_boolean(ok));
	if (!ok) json_set_text(answer, "error", err->message);
	json_append(&line, answer);
	strbuf_append_char(&line, '\n');
	(void)send_all(fd, line.data, line.length);
}

static int exchange(const char *state, const char *line, struct strbuf *answer, struct error **err) {
	struct sockaddr_un address;
	cleanup_close int folder = control_address(state, &address, err);
	if (folder < 0) return -1;
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) return error_errno(err, errno, "no socket");
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return error_errno(err, errno, "no simnode answers at %s/control", state);
	be_patient(fd, 10 * PATIENCE_SECONDS);
	if (!send_all(fd, line, strlen(line)) || !read_line(fd, answer, SIZE_MAX) || answer->length == 0)
		return error_set(err, ERROR_TIMEOUT, "simnode did not answer");
	return 0;
}

int control_send(const char *state, char *const *words, int count) {
	cleanup_strbuf struct strbuf line = { 0 };
	cleanup_strbuf struct strbuf answer = { 0 };
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *json = NULL;
	for (int i = 0; i < count; i++) strbuf_printf(&line, "%s%s", i == 0 ? "" : " ", words[i]);
	strbuf_append_char(&line, '\n');
	if (exchange(state, strbuf_text(&line), &answer, &err) < 0 ||
	    json_parse(answer.data, answer.length, &json, &err) < 0) {
		fprintf(stderr, "simnode ctl: %s\n", err->message);
		return 2;
	}
	fputs(answer.data, stdout);
	return json_get_flag(json, "ok", false) ? 0 : 1;
}
