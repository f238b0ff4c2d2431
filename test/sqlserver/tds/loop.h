/* An event loop: one thread, epoll, and functions that are called when a descriptor is ready. */
#ifndef TDS_LOOP_H
#define TDS_LOOP_H

#include <stdint.h>

#include "base/error.h"

/* Part of whatever owns the descriptor. It must not be freed from within `ready` but by somebody who is called after
 * the round (others of the same round may be about to be called). */
struct watcher {
	void (*ready)(struct watcher *watcher, uint32_t events);
	int fd;
	uint32_t events; /* EPOLLIN, EPOLLOUT */
};

struct loop {
	int epoll;
};

int loop_init(struct loop *loop, struct error **err);
int loop_add(struct loop *loop, struct watcher *watcher, struct error **err);
/* Changes what it waits for. */
void loop_change(struct loop *loop, struct watcher *watcher, uint32_t events);
/* Closes the descriptor too. */
void loop_remove(struct loop *loop, struct watcher *watcher);
/* One round: waits for at most `timeout_ms` (-1: as long as it takes), then calls those that are ready. */
void loop_round(struct loop *loop, int timeout_ms);
void loop_close(struct loop *loop);

/* A listening socket, not blocking, at the numeric address `ip`. */
int listen_at(const char *ip, int port, struct error **err);

#endif
