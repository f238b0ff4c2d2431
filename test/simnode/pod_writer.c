#include "simnode/pod_writer.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* A merge patch replaces lists as a whole, so it must not be applied to another state than the one it was computed
 * from: hence the resourceVersion, and the uid in case the pod was replaced by one of the same name. */
static struct json_object *status_patch(const struct kube_object *pod, struct json_object *status) {
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "uid", pod->uid);
	json_set_text(metadata, "resourceVersion", pod->resource_version);
	json_set(patch, "metadata", metadata);
	json_set(patch, "status", status);
	return patch;
}

int pod_write_status(struct kube_client *client, const struct pod_report *report, const struct kube_object **current,
                     struct error **err) {
	const struct json_object *metadata = json_get(report->pod, "metadata");
	const char *namespace = json_get_text(metadata, "namespace");
	const char *name = json_get_text(metadata, "name");
	struct json_object *json = NULL;
	if (kube_get(client, &kube_pods, namespace, name, &json, err) < 0) return -1;
	cleanup_kube_object const struct kube_object *fresh = kube_object_new(json);
	if (fresh == NULL || strcmp(fresh->uid, json_get_text(metadata, "uid")) != 0)
		return error_set(err, ERROR_NOT_FOUND, "pod %s/%s was replaced", namespace, name);

	struct pod_report now = *report;
	now.pod = fresh->json;
	struct json_object *status = pod_status_compute(&now);
	if (pod_status_is(json_get(fresh->json, "status"), status)) {
		json_object_put(status);
		*current = take(&fresh);
		return 0;
	}
	cleanup_json struct json_object *patch = status_patch(fresh, status);
	struct json_object *answer = NULL;
	if (kube_patch(client, &kube_pods, namespace, name, "status", KUBE_PATCH_MERGE, patch, &answer, err) < 0)
		return -1;
	*current = kube_object_new(answer);
	return 0;
}

int pod_delete_finally(struct kube_client *client, const struct kube_object *pod, struct error **err) {
	const struct kube_delete_options options = { .uid = pod->uid, .has_grace_period = true };
	cleanup_error struct error *failure = NULL;
	if (kube_delete(client, &kube_pods, pod->namespace, pod->name, &options, &failure) == 0) return 0;
	if (failure->kind == ERROR_NOT_FOUND || failure->kind == ERROR_CONFLICT) return 0;
	return error_move(err, &failure);
}
