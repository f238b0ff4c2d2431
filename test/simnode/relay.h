/* One proxied connection: two sockets and what is on its way between them. Ends that close one direction keep the
 * other; an end that is reset resets the other. */
#ifndef SIMNODE_RELAY_H
#define SIMNODE_RELAY_H

#include <netinet/in.h>
#include <stdbool.h>

struct relay;

/* Takes over the accepted, non-blocking socket `client`, connects to `backend` and registers both with `epoll_fd`,
 * whose events then carry a pointer to a struct relay_end. NULL when that fails; the client was then reset. */
struct relay *relay_new(int epoll_fd, int client, const struct sockaddr_in *backend);

/* What epoll's data.ptr points to. */
struct relay_end {
	struct relay *relay;
	int fd;
	unsigned events; /* that epoll waits for */
};

/* Does what the sockets are ready for; false when the connection is over, and the relay to be freed. */
bool relay_step(struct relay *relay);

const struct sockaddr_in *relay_backend(const struct relay *relay);

/* Closes what is open; `reset` tells both ends that this is no orderly end. */
void relay_free(struct relay *relay, bool reset);

#endif
