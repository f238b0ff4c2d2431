/* The kubelets of all simulated nodes: which pods are theirs, and a worker for each. For one thread. */
#ifndef SIMNODE_KUBELET_H
#define SIMNODE_KUBELET_H

#include <json-c/json.h>

#include "base/error.h"
#include "kube/cache.h"
#include "simnode/network.h"
#include "simnode/node.h"
#include "simnode/pod_worker.h"

struct kubelet;

/* `options` says what all workers share (node and host_ip are filled in for each). Borrowed: the caches, the nodes. */
struct kubelet *kubelet_new(const struct pod_worker_options *options, struct nodes *nodes, struct kube_cache *pods);

/* Brings the workers up to what the cache of pods says, and lets go of those that have ended. */
void kubelet_sync(struct kubelet *kubelet);
/* ConfigMaps or Secrets have changed. */
void kubelet_refresh(struct kubelet *kubelet);

/* The addresses of all pods that are looked after: also of one that was deleted while its node was cut off, and that
 * still runs. The caller frees the array; the rest is borrowed until the next sync. */
struct pod_address *kubelet_addresses(struct kubelet *kubelet, size_t *count);

/* ---- Faults ---- */

/* `pod` is NAME or NAMESPACE/NAME; `container` may be NULL. */
int kubelet_signal(struct kubelet *kubelet, const char *pod, const char *container, int signal, struct error **err);
/* The full name, NAMESPACE/NAME, of a pod that is called so; NULL when there is none, or several. */
char *kubelet_pod_name(struct kubelet *kubelet, const char *pod, struct error **err);
int kubelet_set_fate(struct kubelet *kubelet, const char *node, enum node_fate fate, struct error **err);

/* What there is: {"nodes": [{"name", "state"}], "pods": [{"namespace", "name", "node", "ip", "containers": […]}]}. */
struct json_object *kubelet_list(struct kubelet *kubelet);

/* Kills all that runs. */
void kubelet_free(struct kubelet *kubelet);

#endif
