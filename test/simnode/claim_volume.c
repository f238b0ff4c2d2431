#include "simnode/claim_volume.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/claim.h"
#include "simnode/disk.h"

static bool is_bound(const struct json_object *claim) {
	const char *phase = json_get_text(json_get(claim, "status"), "phase");
	return phase != NULL && strcmp(phase, "Bound") == 0;
}

/* A reference to the claim's PersistentVolume. */
static const struct kube_object *find_volume(const struct cluster *cluster, const char *namespace, const char *name,
                                             struct error **err) {
	cleanup_kube_object const struct kube_object *claim =
	        cluster->find(cluster->context, &kube_persistentvolumeclaims, namespace, name);
	if (claim == NULL) {
		error_set(err, ERROR_NOT_FOUND, "persistentvolumeclaim \"%s\" not found", name);
		return NULL;
	}
	const char *volume_name = json_get_text(json_get(claim->json, "spec"), "volumeName");
	const struct kube_object *volume = NULL;
	if (is_bound(claim->json) && volume_name != NULL)
		volume = cluster->find(cluster->context, &kube_persistentvolumes, NULL, volume_name);
	if (volume == NULL) error_set(err, ERROR_NOT_FOUND, "persistentvolumeclaim \"%s\" is not bound yet", name);
	return volume;
}

char *claim_volume_attach(const struct claim_setting *setting, const struct cluster *cluster,
                          const struct json_object *pod, const struct pod_place *place,
                          const struct json_object *source, struct error **err) {
	const struct json_object *metadata = json_get(pod, "metadata");
	const char *namespace = json_get_text(metadata, "namespace");
	const char *claim = json_get_text(source, "claimName");
	if (setting->disks == NULL || claim == NULL) {
		error_set(err, ERROR_INVALID, "there is no storage for claims here");
		return NULL;
	}
	cleanup_kube_object const struct kube_object *volume = find_volume(cluster, namespace, claim, err);
	if (volume == NULL) return NULL;
	const char *handle = volume_handle(volume->json);
	if (handle == NULL) {
		error_set(err, ERROR_INVALID, "PersistentVolume \"%s\" is not of " CSI_DRIVER ", the only one here",
		          volume->name);
		return NULL;
	}
	cleanup_free char *pod_name = xasprintf("%s/%s", namespace, json_get_text(metadata, "name"));
	const struct attachment_wish wish = { .node = place->node,
		                              .pod_uid = json_get_text(metadata, "uid"),
		                              .pod_name = pod_name };
	if (attachments_add(setting->attachments, handle, &wish, err) < 0) return NULL;
	/* Made by the provisioner, or a volume that somebody described by hand. */
	if (disk_create(setting->disks, handle, volume_capacity(volume->json), err) < 0) return NULL;
	return disk_data_folder(setting->disks, handle);
}
