#include "simnode/claim.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/quantity.h"

static const char *const provisioner_annotations[] = {
	"volume.kubernetes.io/storage-provisioner",      /* since 1.23 */
	"volume.beta.kubernetes.io/storage-provisioner", /* both are set for a long time to come */
};
static const char provisioned_by[] = "pv.kubernetes.io/provisioned-by";

static bool is(const struct json_object *object, const char *key, const char *wanted) {
	const char *text = json_get_text(object, key);
	return text != NULL && strcmp(text, wanted) == 0;
}

static int64_t bytes_of(const struct json_object *amount) {
	struct quantity quantity;
	return quantity_from_json(amount, &quantity) ? quantity_value(quantity) : 0;
}

static const struct json_object *requested(const struct json_object *claim) {
	return json_get_path(claim, "spec", "resources", "requests", "storage", NULL);
}

const char *volume_handle(const struct json_object *volume) {
	const struct json_object *csi = json_get_path(volume, "spec", "csi", NULL);
	return is(csi, "driver", CSI_DRIVER) ? json_get_text(csi, "volumeHandle") : NULL;
}

int64_t volume_capacity(const struct json_object *volume) {
	return bytes_of(json_get_path(volume, "spec", "capacity", "storage", NULL));
}

/* ---- what is next ---- */

/* The controller of volumes has decided that we are to provide it, and where a pod has to be placed first, the
 * scheduler has placed it. */
static bool waits_for_us(const struct json_object *claim, const struct json_object *class) {
	const struct json_object *annotations = json_get_path(claim, "metadata", "annotations", NULL);
	bool ours = false;
	for (size_t i = 0; i < ARRAY_LENGTH(provisioner_annotations); i++)
		ours |= is(annotations, provisioner_annotations[i], CSI_DRIVER);
	if (!ours || class == NULL || json_get(json_get(claim, "metadata"), "deletionTimestamp") != NULL) return false;
	return !is(class, "volumeBindingMode", "WaitForFirstConsumer") ||
	       json_get_text(annotations, "volume.kubernetes.io/selected-node") != NULL;
}

static bool has_condition(const struct json_object *claim, const char *type) {
	const struct json_object *list = json_get_path(claim, "status", "conditions", NULL);
	for (size_t i = 0; list != NULL && i < json_object_array_length(list); i++) {
		const struct json_object *condition = json_object_array_get_idx(list, i);
		if (is(condition, "type", type) && is(condition, "status", "True")) return true;
	}
	return false;
}

enum claim_step claim_next(const struct json_object *claim, const struct json_object *volume,
                           const struct json_object *class) {
	const char *bound_to = json_get_text(json_get(claim, "spec"), "volumeName");
	if (bound_to == NULL || *bound_to == '\0') {
		return volume == NULL && waits_for_us(claim, class) ? CLAIM_PROVISION : CLAIM_REST;
	}
	if (volume_handle(volume) == NULL || !is(json_get(claim, "status"), "phase", "Bound")) return CLAIM_REST;
	int64_t has = bytes_of(json_get_path(claim, "status", "capacity", "storage", NULL));
	if (bytes_of(requested(claim)) > volume_capacity(volume))
		return has_condition(claim, "Resizing") ? CLAIM_EXPAND : CLAIM_MARK_RESIZING;
	if (volume_capacity(volume) > has)
		return has_condition(claim, "FileSystemResizePending") ? CLAIM_EXPAND_NODE : CLAIM_MARK_PENDING;
	return CLAIM_REST;
}

bool volume_is_to_be_deleted(const struct json_object *volume) {
	const struct json_object *annotations = json_get_path(volume, "metadata", "annotations", NULL);
	return volume_handle(volume) != NULL && is(annotations, provisioned_by, CSI_DRIVER) &&
	       is(json_get(volume, "status"), "phase", "Released") &&
	       is(json_get(volume, "spec"), "persistentVolumeReclaimPolicy", "Delete");
}

/* ---- provisioning ---- */

char *claim_volume_name(const struct json_object *claim) {
	return xasprintf("pvc-%s", json_get_text(json_get(claim, "metadata"), "uid"));
}

static struct json_object *reference_to(const struct json_object *claim) {
	static const char *const copied[] = { "namespace", "name", "uid", "resourceVersion" };
	struct json_object *reference = json_object_new_object();
	json_set_text(reference, "apiVersion", "v1");
	json_set_text(reference, "kind", "PersistentVolumeClaim");
	for (size_t i = 0; i < ARRAY_LENGTH(copied); i++)
		json_set_text(reference, copied[i], json_get_text(json_get(claim, "metadata"), copied[i]));
	return reference;
}

static struct json_object *storage_of(const struct json_object *amount) {
	struct json_object *amounts = json_object_new_object();
	json_set(amounts, "storage", json_copy(amount));
	return amounts;
}

struct json_object *claim_volume(const struct json_object *claim, const struct json_object *class) {
	cleanup_free char *name = claim_volume_name(claim);
	const struct json_object *wanted = json_get(claim, "spec");
	const char *policy = json_get_text(class, "reclaimPolicy");
	struct json_object *annotations = json_object_new_object();
	json_set_text(annotations, provisioned_by, CSI_DRIVER);
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "name", name);
	json_set(metadata, "annotations", annotations);
	struct json_object *csi = json_object_new_object();
	json_set_text(csi, "driver", CSI_DRIVER);
	json_set_text(csi, "volumeHandle", name);
	json_set_text(csi, "fsType", "ext4");
	struct json_object *spec = json_object_new_object();
	json_set(spec, "accessModes", json_copy(json_get(wanted, "accessModes")));
	json_set(spec, "capacity", storage_of(requested(claim)));
	json_set(spec, "claimRef", reference_to(claim));
	json_set(spec, "csi", csi);
	json_set_text(spec, "persistentVolumeReclaimPolicy", policy != NULL ? policy : "Delete");
	json_set_text(spec, "storageClassName", json_get_text(json_get(class, "metadata"), "name"));
	json_set_text(spec, "volumeMode", "Filesystem");
	struct json_object *volume = json_object_new_object();
	json_set(volume, "metadata", metadata);
	json_set(volume, "spec", spec);
	return volume;
}

/* ---- expansion ---- */

/* Lists are replaced as a whole, so only the state that they were computed from may be patched. */
static struct json_object *patch_of(const struct json_object *object, const char *part, struct json_object *content) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "resourceVersion", json_get_text(json_get(object, "metadata"), "resourceVersion"));
	struct json_object *patch = json_object_new_object();
	json_set(patch, "metadata", metadata);
	json_set(patch, part, content);
	return patch;
}

/* The conditions that are not about resizing, which stay. */
static struct json_object *other_conditions(const struct json_object *claim) {
	static const char *const ours[] = { "Resizing", "FileSystemResizePending", "ControllerResizeError",
		                            "NodeResizeError" };
	const struct json_object *before = json_get_path(claim, "status", "conditions", NULL);
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; before != NULL && i < json_object_array_length(before); i++) {
		const struct json_object *condition = json_object_array_get_idx(before, i);
		bool about_resizing = false;
		for (size_t j = 0; j < ARRAY_LENGTH(ours); j++) about_resizing |= is(condition, "type", ours[j]);
		if (!about_resizing) json_object_array_add(list, json_copy(condition));
	}
	return list;
}

static struct json_object *patch_with_condition(const struct json_object *claim, const char *type, const char *message,
                                                int64_t now) {
	char time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(now, time);
	struct json_object *condition = json_object_new_object();
	json_set_text(condition, "type", type);
	json_set_text(condition, "status", "True");
	json_set_text(condition, "lastTransitionTime", time);
	if (message != NULL) json_set_text(condition, "message", message);
	struct json_object *conditions = other_conditions(claim);
	json_object_array_add(conditions, condition);
	struct json_object *status = json_object_new_object();
	json_set(status, "conditions", conditions);
	return patch_of(claim, "status", status);
}

struct json_object *claim_patch_resizing(const struct json_object *claim, int64_t now) {
	return patch_with_condition(claim, "Resizing", NULL, now);
}

struct json_object *claim_patch_pending(const struct json_object *claim, int64_t now) {
	return patch_with_condition(claim, "FileSystemResizePending",
	                            "Waiting for user to (re-)start a pod to finish file system resize of volume on "
	                            "node.",
	                            now);
}

struct json_object *claim_patch_done(const struct json_object *claim, const struct json_object *volume) {
	struct json_object *status = json_object_new_object();
	json_set(status, "capacity", storage_of(json_get_path(volume, "spec", "capacity", "storage", NULL)));
	json_set(status, "conditions", other_conditions(claim));
	return patch_of(claim, "status", status);
}

struct json_object *claim_patch_volume(const struct json_object *claim, const struct json_object *volume) {
	struct json_object *spec = json_object_new_object();
	json_set(spec, "capacity", storage_of(requested(claim)));
	return patch_of(volume, "spec", spec);
}
