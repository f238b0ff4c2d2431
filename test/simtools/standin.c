/* simstandin: what runs for containers of images that nobody has a program for. It listens on the container's ports and
 * answers every HTTP request with 200 and the metric "up 1", so that an exporter is scraped and probes pass; without
 * ports it waits. SIGTERM ends it. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MOST_PORTS = 64 };

static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 5\r\n"
                             "Connection: close\r\n\r\nup 1\n";

static int listen_on(const char *address, long port) {
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || inet_pton(AF_INET, address, &at.sin_addr) != 1) return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, SOMAXCONN) == 0) return fd;
	fprintf(stderr, "simstandin: cannot listen on %s:%ld: %s\n", address, port, strerror(errno));
	close(fd);
	return -1;
}

/* One request at a time: whoever says nothing for a second is cut off. */
static void serve(int listener) {
	char request[4096];
	const struct timeval patience = { .tv_sec = 1 };
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0) return;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (recv(fd, request, sizeof(request), 0) > 0) (void)!send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	close(fd);
}

int main(void) {
	struct pollfd fds[MOST_PORTS + 1];
	const char *address = getenv("SIMNODE_ADDRESS");
	const char *ports = getenv("SIMNODE_PORTS");
	nfds_t count = 1;
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	fds[0] = (struct pollfd){ .fd = signalfd(-1, &signals, SFD_CLOEXEC), .events = POLLIN };
	for (char *end; ports != NULL && count <= MOST_PORTS; ports = end) {
		long port = strtol(ports, &end, 10);
		if (end == ports) break;
		int fd = listen_on(address != NULL ? address : "127.0.0.1", port);
		if (fd < 0) return 1;
		fds[count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	}
	for (;;) {
		if (poll(fds, count, -1) < 0 && errno != EINTR) return 1;
		if (fds[0].revents != 0) return 0;
		for (nfds_t i = 1; i < count; i++) {
			if (fds[i].revents != 0) serve(fds[i].fd);
		}
	}
}
