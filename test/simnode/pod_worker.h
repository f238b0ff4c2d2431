/* A pod on a node: one thread that makes what its object says, and reports. Everybody else talks to it by leaving mail,
 * from any thread. */
#ifndef SIMNODE_POD_WORKER_H
#define SIMNODE_POD_WORKER_H

#include <stdbool.h>

#include "base/error.h"
#include "kube/client.h"
#include "kube/object.h"
#include "simnode/addresses.h"
#include "simnode/claim_volume.h"
#include "simnode/cluster.h"
#include "simnode/images.h"
#include "simnode/mailbox.h"

/* Borrowed, and the same for all workers of a node; `node` and `host_ip` are the node's. */
struct pod_worker_options {
	struct kube_client *client;
	const struct cluster *cluster;
	const struct images *images;
	struct addresses *addresses;
	struct claim_setting claims;
	const char *state; /* the folder of all state */
	const char *node;
	const char *host_ip;
	int done_fd; /* an eventfd that is written when a worker has ended */
};

struct pod_worker;

/* Starts to look after the pod (with whatever its status says was there before). */
struct pod_worker *pod_worker_start(const struct pod_worker_options *options, const struct kube_object *pod,
                                    struct error **err);

const char *pod_worker_uid(const struct pod_worker *worker);
/* Of the pod; NULL: none was free. */
const char *pod_worker_address(const struct pod_worker *worker);

/* The object has changed; NULL: it is gone, and its processes have to be as well. */
void pod_worker_update(struct pod_worker *worker, const struct kube_object *pod);
/* ConfigMaps or Secrets have changed. */
void pod_worker_refresh(struct pod_worker *worker);
void pod_worker_set_fate(struct pod_worker *worker, enum node_fate fate);
/* Sends a signal to the processes of one container (NULL: of all). */
void pod_worker_signal(struct pod_worker *worker, const char *container, int signal);
/* What it runs: {"ip", "containers": [{"name", "pid" (0: none), "restartCount"}]}. The caller owns it. */
struct json_object *pod_worker_summary(struct pod_worker *worker);
/* Kill everything and end, without a word to the API: this program ends. */
void pod_worker_abandon(struct pod_worker *worker);

/* It has ended: the pod is gone, or was abandoned. */
bool pod_worker_ended(const struct pod_worker *worker);
/* Waits for its end. */
void pod_worker_free(struct pod_worker *worker);

#endif
