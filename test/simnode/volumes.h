/* A pod's volumes, as folders of the node's state. */
#ifndef SIMNODE_VOLUMES_H
#define SIMNODE_VOLUMES_H

#include <json-c/json.h>
#include <stdint.h>

#include "base/error.h"
#include "simnode/claim_volume.h"
#include "simnode/cluster.h"
#include "simnode/downward.h"
#include "simnode/mounts.h"

/* A token that was put into a volume, and when it has to be renewed. */
struct volume_token {
	char *volume; /* and path in it: "token/token" */
	char *text;
	int64_t renew_at; /* seconds since 1970 */
};

/* Where the files of a claim's volume are. */
struct volume_disk {
	char *volume; /* its name in the pod */
	char *folder;
};

/* Zero-initialise it, except: */
struct volumes {
	const char *folder;          /* where the volumes lie; borrowed */
	struct claim_setting claims; /* for those that are claims */
	struct volume_disk *disks;
	size_t disk_count;
	struct volume_token *tokens;
	size_t token_count;
};

/* Makes the volumes and brings their files up to what the cluster says now; to be called again for that. Fails when
 * something that is not optional is missing, naming the volume; what could be made is made. */
int volumes_sync(struct volumes *volumes, const struct cluster *cluster, const struct json_object *pod,
                 const struct pod_place *place, struct error **err);

/* When a token has to be renewed next (seconds since 1970); INT64_MAX when there is none. */
int64_t volumes_renew_at(const struct volumes *volumes);

/* Where the mounts of one container are. */
int volumes_mounts(const struct volumes *volumes, const struct json_object *pod, const struct json_object *container,
                   struct mounts *mounts, struct error **err);

/* No process of the pod uses them any more: its disks may be attached elsewhere. */
void volumes_release(struct volumes *volumes, const char *pod_uid);

void volumes_free(struct volumes *volumes);

#endif
