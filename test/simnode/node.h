/* The Node objects of the simulated nodes: registered, and kept alive by renewing their leases and their status, so
 * that the real node-lifecycle controller takes them for what they say they are. */
#ifndef SIMNODE_NODE_H
#define SIMNODE_NODE_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "kube/cache.h"
#include "kube/client.h"

struct node {
	char *name;
	char *address;
	atomic_int fate; /* enum node_fate: only a node that is up is kept alive */
};
struct nodes {
	struct node *items;
	size_t count;
};

/* node-1 … node-<count>, with addresses in 127.48.0.0/16 or, as for pods, one of the networks behind it. */
void nodes_init(struct nodes *nodes, size_t count, unsigned network);
void nodes_free(struct nodes *nodes);
/* NULL when there is none of that name. */
struct node *nodes_find(const struct nodes *nodes, const char *name);

struct heartbeat;
/* Starts the thread that keeps the nodes alive, and that gives Services of type LoadBalancer their address, as a cloud
 * does. Everything is borrowed. */
struct heartbeat *heartbeat_start(struct kube_client *client, struct nodes *nodes, struct kube_cache *services,
                                  struct error **err);
/* Any thread: look at the nodes and services now. */
void heartbeat_wake(struct heartbeat *heartbeat);
/* Stops it. */
void heartbeat_free(struct heartbeat *heartbeat);

#endif
