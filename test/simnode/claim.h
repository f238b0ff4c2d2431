/* What a PersistentVolumeClaim needs next of the simulated storage, computed from the objects: provisioning as
 * external-provisioner does it, expansion in the steps and with the conditions of external-resizer and the kubelet
 * (kubernetes-csi; pkg/volume/util/resize_util.go). Pure. */
#ifndef SIMNODE_CLAIM_H
#define SIMNODE_CLAIM_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#define CSI_DRIVER "csi.simulated.agkeeper.dev"

enum claim_step {
	CLAIM_REST,
	CLAIM_PROVISION,     /* create the disk and its PersistentVolume */
	CLAIM_MARK_RESIZING, /* more is asked for than the volume has: condition Resizing */
	CLAIM_EXPAND,        /* make the disk larger: spec.capacity of the volume */
	CLAIM_MARK_PENDING,  /* condition FileSystemResizePending */
	CLAIM_EXPAND_NODE    /* the node that uses it makes the file system larger: status.capacity of the claim */
};

/* `volume` is the one that the claim is bound to, `class` its StorageClass; NULL: there is none (yet). */
enum claim_step claim_next(const struct json_object *claim, const struct json_object *volume,
                           const struct json_object *class);

/* The name of the claim's volume before there is one: "pvc-<uid>". The caller frees it. */
char *claim_volume_name(const struct json_object *claim);
/* The PersistentVolume to create for it. */
struct json_object *claim_volume(const struct json_object *claim, const struct json_object *class);

/* Merge patches of the claim's status. `now` is in seconds since 1970. */
struct json_object *claim_patch_resizing(const struct json_object *claim, int64_t now);
struct json_object *claim_patch_pending(const struct json_object *claim, int64_t now);
struct json_object *claim_patch_done(const struct json_object *claim, const struct json_object *volume);
/* And of the volume's spec: it has what the claim asks for. */
struct json_object *claim_patch_volume(const struct json_object *claim, const struct json_object *volume);

/* The handle of a volume of ours; NULL for those of others. Borrowed. */
const char *volume_handle(const struct json_object *volume);
/* Bytes of its capacity. */
int64_t volume_capacity(const struct json_object *volume);
/* Its claim is gone, and it shall go too. */
bool volume_is_to_be_deleted(const struct json_object *volume);

#endif
