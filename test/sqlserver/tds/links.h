/* The mirroring transport between simulated servers: messages over TCP, each with its length in four bytes before it.
 *
 * Like the network it stands for it may lose messages: those on their way when a connection breaks, and those for which
 * there is no room. It never waits for anybody. */
#ifndef TDS_LINKS_H
#define TDS_LINKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sqlserver/instance.h"
#include "sqlserver/tds/faults.h"
#include "sqlserver/tds/loop.h"

enum { LARGEST_LINK_MESSAGE = 64 * 1024 * 1024, MOST_QUEUED_BYTES = 128 * 1024 * 1024 };

struct links;

struct links_options {
	const char *ip;              /* ports of mirroring endpoints are listened on here, and peers called from here */
	const char *hosts;           /* a hosts(5) file for the names of peers; NULL: the resolver */
	const struct faults *faults; /* what it cuts is lost; NULL: nothing */
};
/* A connection goes to the address that the peer's name has when it is made, and is given up when the hosts file is
 * changed and says otherwise: a peer that was replaced is found without waiting for the old one. The options are
 * copied, what they point to is borrowed. */
struct links *links_new(struct loop *loop, const struct links_options *options);
void links_free(struct links *links);
/* The instance that gets messages; must be set before the first round. */
void links_attach(struct links *links, struct sim_instance *instance);

/* For struct sim_host: called from within the instance, calls nothing of it. */
void links_send(struct links *links, const char *host, int port, const void *bytes, size_t length);
/* Between rounds: listens where the instance's endpoints are, tells it of connections that broke, frees them. */
void links_tend(struct links *links);

#endif
