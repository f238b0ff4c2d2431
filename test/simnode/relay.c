#include "simnode/relay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"

enum { BUFFER_SIZE = 32 * 1024 };

/* One direction. */
struct pipe {
	struct relay_end *from;
	struct relay_end *to;
	size_t start; /* of what is still to be written */
	size_t end;
	bool eof;  /* nothing more will come */
	bool shut; /* and the receiver has been told */
	char bytes[BUFFER_SIZE];
};

struct relay {
	int epoll_fd;
	struct sockaddr_in backend;
	bool connected;
	bool failed;
	struct relay_end client_end;
	struct relay_end backend_end;
	struct pipe there;
	struct pipe back;
};

/* close() with a linger time of zero sends RST instead of FIN. Closing alone does not take a descriptor out of epoll: a
 * process that is just being forked may hold a copy of it until it is another program. */
static void close_end(int epoll_fd, int fd, bool reset) {
	const struct linger at_once = { .l_onoff = 1 };
	(void)epoll_ctl(epoll_fd, EPOLL_CTL_DEL, fd, NULL);
	if (reset) (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static int connect_backend(const struct sockaddr_in *backend) {
	const int yes = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	if (connect(fd, (const struct sockaddr *)backend, sizeof(*backend)) < 0 && errno != EINPROGRESS) {
		close(fd);
		return -1;
	}
	return fd;
}

static int watch(struct relay *relay, struct relay_end *end) {
	struct epoll_event event = { .events = end->events, .data.ptr = end };
	return epoll_ctl(relay->epoll_fd, EPOLL_CTL_ADD, end->fd, &event);
}

struct relay *relay_new(int epoll_fd, int client, const struct sockaddr_in *backend) {
	const int yes = 1;
	int fd = connect_backend(backend);
	if (fd < 0) {
		close_end(epoll_fd, client, true);
		return NULL;
	}
	(void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	struct relay *relay = xmalloc(sizeof(*relay));
	relay->epoll_fd = epoll_fd;
	relay->backend = *backend;
	relay->connected = relay->failed = false;
	relay->client_end = (struct relay_end){ .relay = relay, .fd = client };
	relay->backend_end = (struct relay_end){ .relay = relay, .fd = fd, .events = EPOLLOUT };
	struct pipe *pipes[] = { &relay->there, &relay->back };
	for (size_t i = 0; i < ARRAY_LENGTH(pipes); i++) {
		pipes[i]->start = pipes[i]->end = 0;
		pipes[i]->eof = pipes[i]->shut = false;
	}
	relay->there.from = relay->back.to = &relay->client_end;
	relay->there.to = relay->back.from = &relay->backend_end;
	if (watch(relay, &relay->client_end) < 0 || watch(relay, &relay->backend_end) < 0) {
		relay_free(relay, true);
		return NULL;
	}
	return relay;
}

static bool would_block(void) {
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* Moves what can be moved; false when an end is broken. */
static bool pump(struct pipe *pipe) {
	for (;;) {
		bool moved = false;
		if (!pipe->eof && pipe->end < BUFFER_SIZE) {
			ssize_t got = recv(pipe->from->fd, pipe->bytes + pipe->end, BUFFER_SIZE - pipe->end, 0);
			if (got < 0 && !would_block()) return false;
			if (got == 0) pipe->eof = true;
			if (got > 0) pipe->end += (size_t)got;
			moved = got > 0;
		}
		if (pipe->start < pipe->end) {
			ssize_t sent =
			        send(pipe->to->fd, pipe->bytes + pipe->start, pipe->end - pipe->start, MSG_NOSIGNAL);
			if (sent < 0 && !would_block()) return false;
			if (sent > 0) pipe->start += (size_t)sent;
			moved = moved || sent > 0;
		}
		if (pipe->start == pipe->end) {
			pipe->start = pipe->end = 0;
			if (pipe->eof && !pipe->shut) {
				if (shutdown(pipe->to->fd, SHUT_WR) < 0) return false;
				pipe->shut = true;
			}
		}
		if (!moved) return true;
	}
}

static unsigned wanted(const struct pipe *in, const struct pipe *out) {
	unsigned events = 0;
	if (!in->eof && in->end < BUFFER_SIZE) events |= EPOLLIN;
	if (out->start < out->end) events |= EPOLLOUT;
	return events;
}

static bool set_events(struct relay *relay, struct relay_end *end, unsigned events) {
	struct epoll_event event = { .events = events, .data.ptr = end };
	if (events == end->events) return true;
	end->events = events;
	return epoll_ctl(relay->epoll_fd, EPOLL_CTL_MOD, end->fd, &event) == 0;
}

static int pending_error(int fd) {
	int reason = 0;
	socklen_t length = sizeof(reason);
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &reason, &length) < 0 ? errno : reason;
}

static bool is_connected(const struct relay *relay) {
	struct sockaddr_in peer;
	socklen_t length = sizeof(peer);
	return getpeername(relay->backend_end.fd, (struct sockaddr *)&peer, &length) == 0;
}

bool relay_step(struct relay *relay) {
	relay->failed = true;
	if (pending_error(relay->client_end.fd) != 0 || pending_error(relay->backend_end.fd) != 0) return false;
	if (!relay->connected && is_connected(relay)) relay->connected = true;
	if (!relay->connected) {
		relay->failed = false;
		return true;
	}
	if (!pump(&relay->there) || !pump(&relay->back)) return false;
	relay->failed = false;
	if (relay->there.shut && relay->back.shut) return false;
	relay->failed = !set_events(relay, &relay->client_end, wanted(&relay->there, &relay->back)) ||
	                !set_events(relay, &relay->backend_end, wanted(&relay->back, &relay->there));
	return !relay->failed;
}

const struct sockaddr_in *relay_backend(const struct relay *relay) {
	return &relay->backend;
}

void relay_free(struct relay *relay, bool reset) {
	close_end(relay->epoll_fd, relay->client_end.fd, reset || relay->failed);
	close_end(relay->epoll_fd, relay->backend_end.fd, reset || relay->failed);
	free(relay);
}
