/* What a node reads of the cluster beyond its own pods. Tests put something simpler in its place. */
#ifndef SIMNODE_CLUSTER_H
#define SIMNODE_CLUSTER_H

#include <stdint.h>

#include "base/error.h"
#include "kube/object.h"
#include "kube/resource.h"

struct cluster {
	void *context;
	/* A reference to a ConfigMap, Secret, PersistentVolumeClaim or PersistentVolume; NULL when there is none (yet).
	 * Any thread. */
	const struct kube_object *(*find)(void *context, const struct kube_resource *resource, const char *namespace,
	                                  const char *name);
	/* A token for the pod's service account (TokenRequest), bound to the pod. `audience` may be NULL. The caller
	 * frees *token; *expires_at is in seconds since 1970. Waits for the answer. Any thread. */
	int (*token)(void *context, const struct json_object *pod, const char *audience, int64_t seconds, char **token,
	             int64_t *expires_at, struct error **err);
	/* Where pods find the API server. */
	const char *api_host;
	const char *api_port;
	/* Where simulated servers read of the network (simnode/network.h); NULL: nowhere. */
	const char *network_folder;
};

#endif
