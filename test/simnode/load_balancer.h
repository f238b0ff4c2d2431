/* The cloud that gives Services of type LoadBalancer an address: their ClusterIP, which everybody on this machine can
 * reach. */
#ifndef SIMNODE_LOAD_BALANCER_H
#define SIMNODE_LOAD_BALANCER_H

#include <stdbool.h>

#include "kube/cache.h"
#include "kube/client.h"

/* Whether the Service waits for an address; *address is the one to give it, borrowed. */
bool load_balancer_is_wanted(const struct json_object *service, const char **address);

/* Gives an address to each Service that waits for one. What fails is tried again in the next round. */
void load_balancers_sync(struct kube_client *client, struct kube_cache *services);

#endif
