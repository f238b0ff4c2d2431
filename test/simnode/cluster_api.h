/* The cluster, as caches and requests know it. */
#ifndef SIMNODE_CLUSTER_API_H
#define SIMNODE_CLUSTER_API_H

#include "kube/cache.h"
#include "kube/client.h"
#include "simnode/cluster.h"

struct cluster_api {
	struct kube_client *client;
	struct kube_cache *secrets;
	struct kube_cache *configmaps;
	struct kube_cache *claims;
	struct kube_cache *volumes;
};

/* `api` must outlive the result. */
struct cluster cluster_api(struct cluster_api *api, const char *host, const char *port);

#endif
