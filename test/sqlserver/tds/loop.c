#include "sqlserver/tds/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

int loop_init(struct loop *loop, struct error **err) {
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop->epoll < 0 ? error_errno(err, errno, "epoll_create1") : 0;
}

int loop_add(struct loop *loop, struct watcher *watcher, struct error **err) {
	struct epoll_event event = { .events = watcher->events, .data.ptr = watcher };
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watcher->fd, &event) == 0) return 0;
	return error_errno(err, errno, "epoll_ctl");
}

void loop_change(struct loop *loop, struct watcher *watcher, uint32_t events) {
	struct epoll_event event = { .events = events, .data.ptr = watcher };
	if (watcher->events == events) return;
	watcher->events = events;
	epoll_ctl(loop->epoll, EPOLL_CTL_MOD, watcher->fd, &event);
}

void loop_remove(struct loop *loop, struct watcher *watcher) {
	if (watcher->fd < 0) return;
	epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watcher->fd, NULL);
	close(watcher->fd);
	watcher->fd = -1;
}

void loop_round(struct loop *loop, int timeout_ms) {
	struct epoll_event events[64];
	int count = epoll_wait(loop->epoll, events, ARRAY_LENGTH(events), timeout_ms);
	for (int i = 0; i < count; i++) {
		struct watcher *watcher = events[i].data.ptr;
		if (watcher->fd >= 0) watcher->ready(watcher, events[i].events);
	}
}

void loop_close(struct loop *loop) {
	close_cleanup(&loop->epoll);
}

int listen_at(const char *ip, int port, struct error **err) {
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		                        .ai_socktype = SOCK_STREAM };
	cleanup_free char *service = xasprintf("%d", port);
	struct addrinfo *address;
	int status = getaddrinfo(ip, service, &hints, &address);
	if (status != 0) return error_set(err, ERROR_INVALID, "%s:%d: %s", ip, port, gai_strerror(status));
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int yes = 1;
	if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	bool listens = fd >= 0 && bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
	int reason = errno;
	freeaddrinfo(address);
	if (listens) return fd;
	if (fd >= 0) close(fd);
	return error_errno(err, reason, "listening at %s:%d", ip, port);
}
