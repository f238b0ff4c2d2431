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
#include "sqlserver/tds/loop.h"

enum { LARGEST_LINK_MESSAGE = 64 * 1024 * 1024, MOST_QUEUED_BYTES = 128 * 1024 * 1024 };

struct links;

/* Ports of mirroring endpoints are listened on at `ip`. Names of hosts are looked up in the file `hosts` (as hosts(5)
 * has it, read anew for each connection), or by the resolver when there is none (NULL). Both strings are borrowed. */
struct links *links_new(struct loop *loop, const char *ip, const char *hosts);
void links_free(struct links *links);
/* The instance that gets messages; must be set before the first round. */
void links_attach(struct links *links, struct sim_instance *instance);

/* For struct sim_host: called from within the instance, calls nothing of it. */
void links_send(struct links *links, const char *host, int port, const void *bytes, size_t length);
/* Between rounds: listens where the instance's endpoints are, tells it of connections that broke, frees them. */
void links_tend(struct links *links);

#endif
