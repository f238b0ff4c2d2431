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
	/* Nobody else's before anybody can connect. */
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || fchmodat(folder, "control", 0600, 0) < 0 ||
	    listen(fd, 16) < 0) {
		error_errno(err, errno, "cannot listen on %s/control", state);
		close(fd);
		return -1;
	}
	return fd;
}

/* ---- Commands ---- */

enum { WORDS = 4 };

/* What was said: the command's own word first, NULL where nothing was. */
struct request {
	const struct control *control;
	char *words[WORDS + 1];
	int argument;
	struct json_object *answer;
};

static int send_signal(struct request *request, struct error **err) {
	return kubelet_signal(request->control->kubelet, request->words[1], request->words[2], request->argument, err);
}

static int set_fate(struct request *request, struct error **err) {
	return kubelet_set_fate(request->control->kubelet, request->words[1], (enum node_fate)request->argument, err);
}

static int list(struct request *request, struct error **err) {
	(void)err;
	cleanup_json struct json_object *all = kubelet_list(request->control->kubelet);
	json_set(request->answer, "nodes", json_object_get(json_get(all, "nodes")));
	json_set(request->answer, "pods", json_object_get(json_get(all, "pods")));
	return 0;
}

enum { BOTH_WAYS, ONE_WAY };

/* Of one pod and another, or all others. */
static int cut(struct request *request, struct error **err) {
	cleanup_free char *one = kubelet_pod_name(request->control->kubelet, request->words[1], err);
	cleanup_free char *other = NULL;
	if (one == NULL) return -1;
	if (request->words[2] != NULL) {
		other = kubelet_pod_name(request->control->kubelet, request->words[2], err);
		if (other == NULL) return -1;
	}
	network_cut(request->control->network, one, other);
	if (request->argument == BOTH_WAYS) network_cut(request->control->network, other, one);
	return 0;
}

static int cut_clients(struct request *request, struct error **err) {
	cleanup_free char *pod = kubelet_pod_name(request->control->kubelet, request->words[1], err);
	if (pod == NULL) return -1;
	network_cut_clients(request->control->network, pod);
	return 0;
}

/* A pod that is gone can be healed by its full name: its faults wait for the next one of that name. */
static int heal(struct request *request, struct error **err) {
	const char *pod = request->words[1];
	if (pod == NULL || strchr(pod, '/') != NULL) {
		network_heal(request->control->network, pod);
		return 0;
	}
	cleanup_free char *name = kubelet_pod_name(request->control->kubelet, pod, err);
	if (name == NULL) return -1;
	network_heal(request->control->network, name);
	return 0;
}

static int fill_disk(struct request *request, struct error **err) {
	return csi_take_space(request->control->csi, request->words[1], request->words[2], err);
}

static int slow_disk(struct request *request, struct error **err) {
	return csi_slow_down(request->control->csi, request->words[1], request->words[2], err);
}

static int set_expansion(struct request *request, struct error **err) {
	return csi_set_expansion(request->control->csi, request->words[1], request->words[2], request->words[3], err);
}

static const struct command {
	const char *name;
	const char *words; /* as the help names them */
	int least;         /* words behind it */
	int most;
	int (*perform)(struct request *request, struct error **err);
	int argument;
	const char *meaning;
} commands[] = {
	{ "freeze", "POD [CONTAINER]", 1, 2, send_signal, SIGSTOP,
	  "stop its processes in their tracks (SIGSTOP): probes and clients get no answer" },
	{ "thaw", "POD [CONTAINER]", 1, 2, send_signal, SIGCONT, "let them go on" },
	{ "kill", "POD [CONTAINER]", 1, 2, send_signal, SIGKILL, "a crash: SIGKILL" },
	{ "node-down", "NODE", 1, 1, set_fate, NODE_DOWN,
	  "the node loses its power: its processes die, nothing is reported any more" },
	{ "node-cut", "NODE", 1, 1, set_fate, NODE_CUT,
	  "the node cannot reach the API: its pods run on, unseen, even when they are deleted" },
	{ "node-up", "NODE", 1, 1, set_fate, NODE_UP, "the node is back" },
	{ "partition", "POD [POD]", 1, 2, cut, BOTH_WAYS,
	  "mirroring endpoints of the two (of one and all others) do not hear each other" },
	{ "partition-from", "POD [POD]", 1, 2, cut, ONE_WAY, "what the first one's endpoint sends is lost" },
	{ "cut-clients", "POD", 1, 1, cut_clients, 0,
	  "clients from outside of the pod get no answer from its SQL Server; its own probes do" },
	{ "heal", "[POD]", 0, 1, heal, 0, "take back the three above (of one pod)" },
	{ "disk-full", "CLAIM", 1, 1, fill_disk, 0, "something else takes all the space of its file system" },
	{ "disk-take", "CLAIM AMOUNT", 2, 2, fill_disk, 0, "something else takes so much of it (500Mi; 0: nothing)" },
	{ "disk-slow", "CLAIM MILLISECONDS", 2, 2, slow_disk, 0,
	  "what is written is hardened so much later (in the server's time; 0: at once)" },
	{ "expansion", "CLAIM MODE [N]", 2, 3, set_expansion, 0,
	  "how it grows: normal, refuse, fail N (times), stuck (the node never does its part), offline (only while no "
	  "pod uses it), slow N (seconds)" },
	{ "list", "", 0, 0, list, 0, "nodes, pods, addresses, process ids" },
};

void control_help(FILE *file) {
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		cleanup_free char *usage = xasprintf("%s %s", commands[i].name, commands[i].words);
		fprintf(file, "  %-28s %s\n", usage, commands[i].meaning);
	}
}

static int perform(const struct control *control, char *line, struct json_object *answer, struct error **err) {
	struct request request = { .control = control, .answer = answer };
	int count = 0;
	char *rest = NULL;
	for (char *word = strtok_r(line, " \t\r\n", &rest); word != NULL && count <= WORDS;
	     word = strtok_r(NULL, " \t\r\n", &rest)) {
		request.words[count++] = word;
	}
	if (count == 0) return error_set(err, ERROR_INVALID, "no command");
	for (size_t i = 0; i < ARRAY_LENGTH(commands); i++) {
		const struct command *command = &commands[i];
		if (strcmp(request.words[0], command->name) != 0) continue;
		if (count - 1 < command->least || count - 1 > command->most)
			return error_set(err, ERROR_INVALID, "usage: %s %s", command->name, command->words);
		request.argument = command->argument;
		return command->perform(&request, err);
	}
	return error_set(err, ERROR_INVALID, "no such command: %s", request.words[0]);
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

void control_answer(int listener, const struct control *control) {
	cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	cleanup_strbuf struct strbuf line = { 0 };
	cleanup_error struct error *err = NULL;
	if (fd < 0) return;
	be_patient(fd, PATIENCE_SECONDS);
	if (!read_line(fd, &line, LINE_LIMIT)) return;
	cleanup_json struct json_object *answer = json_object_new_object();
	cleanup_free char *words = strbuf_detach(&line);
	bool ok = perform(control, words, answer, &err) == 0;
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
