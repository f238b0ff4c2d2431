/* Volumes of pods that are claims: found through the claim's PersistentVolume, and attached to the pod's node. */
#ifndef SIMNODE_CLAIM_VOLUME_H
#define SIMNODE_CLAIM_VOLUME_H

#include <json-c/json.h>

#include "base/error.h"
#include "simnode/attachments.h"
#include "simnode/cluster.h"
#include "simnode/downward.h"

/* What is needed for it; all borrowed. Without `disks` there are no such volumes. */
struct claim_setting {
	const char *disks; /* the folder of all disks */
	struct attachments *attachments;
};

/* The folder of a volume {"persistentVolumeClaim": {"claimName"}}, which the caller frees; NULL and an error that says
 * what it waits for. */
char *claim_volume_attach(const struct claim_setting *setting, const struct cluster *cluster,
                          const struct json_object *pod, const struct pod_place *place,
                          const struct json_object *source, struct error **err);

#endif
