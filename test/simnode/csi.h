/* The simulated storage: provisioner, resizer and the node's part of a CSI driver. Binds claims to disks (folders,
 * simnode/disk.h), makes them larger when more is asked for, deletes them with their claims. One thread. */
#ifndef SIMNODE_CSI_H
#define SIMNODE_CSI_H

#include "base/error.h"
#include "kube/cache.h"
#include "kube/client.h"
#include "kube/events.h"
#include "simnode/attachments.h"
#include "simnode/node.h"

struct csi;

/* Everything is borrowed. */
struct csi_options {
	struct kube_client *client;
	struct kube_cache *claims;
	struct kube_cache *volumes;
	struct kube_cache *classes;
	struct event_recorder *events;
	struct attachments *attachments;
	const struct nodes *nodes; /* only one that is up does anything for a volume */
	const char *disks;         /* the folder of all disks */
	int wake_fd;               /* an eventfd: something has changed */
};

struct csi *csi_start(const struct csi_options *options, struct error **err);
void csi_free(struct csi *csi);

/* ---- Faults, any thread. `claim` is NAME or NAMESPACE/NAME. ---- */

/* How its expansion goes from now on: see csi_faults_set. */
int csi_set_expansion(struct csi *csi, const char *claim, const char *mode, const char *number, struct error **err);
/* Others take so many bytes of its file system: a quantity ("500Mi"), or NULL for all there is. */
int csi_take_space(struct csi *csi, const char *claim, const char *amount, struct error **err);
/* What is written to it is hardened so many milliseconds later. */
int csi_slow_down(struct csi *csi, const char *claim, const char *milliseconds, struct error **err);

#endif
