/* Simulated SQL Servers for tests of sql/: build/simsqlserver as processes on loopback addresses of their own. */
#ifndef UNIT_SQL_SERVER_H
#define UNIT_SQL_SERVER_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "sql/session.h"

#define SQL_SERVER_PROGRAM  BINARY_DIR "/simsqlserver"
#define SQL_SERVER_PASSWORD "Strong-Pass-1"
enum { SQL_SERVER_PATIENCE_MS = 60 * 1000 };

struct sql_server {
	char *ip, *name, *folder;
	int port;
	pid_t pid;
};

static inline struct sockaddr_in sql_server_address(const char *ip, int port) {
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	inet_pton(AF_INET, ip, &address.sin_addr);
	return address;
}

/* A socket that listens, or (port 0 first) one that shows which port is free. */
static inline int sql_server_listen(const char *ip, int *port) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in address = sql_server_address(ip, *port);
	socklen_t length = sizeof(address);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0) abort();
	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) abort();
	*port = ntohs(address.sin_port);
	return fd;
}

static inline bool sql_server_answers(const struct sql_server *server) {
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = sql_server_address(server->ip, server->port);
	bool answers = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return answers;
}

static inline void sql_server_start(struct sql_server *server) {
	cleanup_free char *listen = xasprintf("%s:%d", server->ip, server->port);
	/* Endpoints listen on this address, at the port that CREATE ENDPOINT names. */
	cleanup_free char *mirroring = xasprintf("%s:5022", server->ip);
	cleanup_free char *data = xasprintf("%s/data", server->folder);
	cleanup_free char *secret = xasprintf("%s/password", server->folder);
	cleanup_free char *log = xasprintf("%s/log", server->folder);
	cleanup_free char *hosts = xasprintf("%s/../hosts", server->folder);
	FILE *file = fopen(secret, "we");
	fputs(SQL_SERVER_PASSWORD, file);
	fclose(file);
	fflush(NULL);
	pid_t parent = getpid();
	server->pid = fork();
	if (server->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent) _exit(1);
		int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
		dup2(out, STDOUT_FILENO);
		dup2(out, STDERR_FILENO);
		setenv("ACCEPT_EULA", "Y", 1);
		setenv("MSSQL_ENABLE_HADR", "1", 1);
		const char *arguments[] = {
			SQL_SERVER_PROGRAM, "--listen", listen, "--mirroring", mirroring, "--data", data, "--name",
			server->name, "--time-scale", "20", "--sa-password-file", secret,
			/* As documented: a twentieth of it is still long enough for a busy machine. */
			"--settings", "join_timeout=300000", access(hosts, R_OK) == 0 ? "--hosts" : NULL, hosts, NULL
		};
		execv(SQL_SERVER_PROGRAM, (char *const *)arguments);
		_exit(127);
	}
	int64_t deadline = clock_monotonic_ms() + SQL_SERVER_PATIENCE_MS;
	while (!sql_server_answers(server)) {
		if (clock_monotonic_ms() > deadline || waitpid(server->pid, NULL, WNOHANG) != 0) abort();
		poll(NULL, 0, 10);
	}
}

/* `folder` is a folder for all servers of a test, `ip` one of 127/8. */
static inline struct sql_server sql_server_new(const char *folder, const char *name, const char *ip) {
	struct sql_server server = { .ip = xstrdup(ip),
		                     .name = xstrdup(name),
		                     .folder = xasprintf("%s/%s", folder, name) };
	cleanup_free char *data = xasprintf("%s/data", server.folder);
	if (mkdir(server.folder, 0700) != 0 || mkdir(data, 0700) != 0) abort();
	close(sql_server_listen(ip, &server.port));
	sql_server_start(&server);
	return server;
}

static inline void sql_server_kill(struct sql_server *server) {
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

static inline void sql_server_free(struct sql_server *server) {
	if (server->pid != 0) sql_server_kill(server);
	free(server->ip);
	free(server->name);
	free(server->folder);
}

static inline int sql_server_remove(const char *path, const struct stat *status, int type, struct FTW *walk) {
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static inline char *sql_server_folder(void) {
	char *folder = xstrdup("/tmp/agkeeper-test-sql-XXXXXX");
	if (mkdtemp(folder) == NULL) abort();
	return folder;
}

static inline void sql_server_folder_free(char *folder) {
	nftw(folder, sql_server_remove, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
}

#endif
