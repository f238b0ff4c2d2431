/* The environment a container is started with. */
#ifndef SIMNODE_CONTAINER_ENVIRONMENT_H
#define SIMNODE_CONTAINER_ENVIRONMENT_H

#include "base/error.h"
#include "simnode/cluster.h"
#include "simnode/downward.h"
#include "simnode/environment.h"
#include "simnode/mounts.h"

/* Where a pod's service account is mounted, and the variable that says where that folder really is. */
#define SERVICE_ACCOUNT_PATH     "/var/run/secrets/kubernetes.io/serviceaccount"
#define SERVICE_ACCOUNT_VARIABLE "AGKEEPER_SERVICE_ACCOUNT_DIR"

/* Adds what every container gets, then envFrom, then env with its references. Mount paths in literal values are
 * rewritten; those in Secrets and ConfigMaps are not ours to touch. Fails when something that is not optional is
 * missing. */
int container_environment(struct environment *environment, const struct cluster *cluster, const struct json_object *pod,
                          const struct pod_place *place, const struct json_object *container,
                          const struct mounts *mounts, struct error **err);

#endif
