#include "controller/engine/transform.h"

#include <stdbool.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* ---- Digests: FNV-1a (RFC 9923), over the tree as it stands; they tell a change, and keep no secret ---- */

static uint64_t add_bytes(uint64_t digest, const void *bytes, size_t length) {
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++) digest = (digest ^ at[i]) * 0x100000001b3U;
	return digest;
}

static uint64_t add_text(uint64_t digest, const char *text) {
	return add_bytes(digest, text, strlen(text) + 1);
}

static bool is_listed(const char *const *keys, const char *key) {
	for (; keys != NULL && *keys != NULL; keys++) {
		if (strcmp(*keys, key) == 0) return true;
	}
	return false;
}

static uint64_t add_json(uint64_t digest, const struct json_object *json);

static const uint64_t digest_basis = 0xcbf29ce484222325U;

/* An object's members but those of `without`, in any order: the items of a list say what they are last. */
static uint64_t add_members(uint64_t digest, const struct json_object *object, const char *const *without) {
	uint64_t sum = 0;
	json_object_object_foreach((struct json_object *)object, key, value) {
		if (is_listed(without, key)) continue;
		sum += add_json(add_text(digest_basis, key), value);
	}
	return add_bytes(digest, &sum, sizeof(sum));
}

static uint64_t add_json(uint64_t digest, const struct json_object *json) {
	enum json_type type = json_object_get_type(json);
	digest = add_bytes(digest, &(unsigned char){ (unsigned char)type }, 1);
	switch (type) {
	case json_type_object: return add_members(digest, json, NULL);
	case json_type_array:
		for (size_t i = 0; i < json_object_array_length(json); i++)
			digest = add_json(digest, json_object_array_get_idx(json, i));
		return add_bytes(digest, "]", 1);
	case json_type_string: return add_text(digest, json_object_get_string((struct json_object *)json));
	case json_type_int: return add_bytes(digest, &(int64_t){ json_object_get_int64(json) }, sizeof(int64_t));
	case json_type_double: return add_bytes(digest, &(double){ json_object_get_double(json) }, sizeof(double));
	case json_type_boolean: return add_bytes(digest, json_object_get_boolean(json) ? "t" : "f", 1);
	case json_type_null: break;
	}
	return digest;
}

static uint64_t not_zero(uint64_t digest) {
	return digest != 0 ? digest : 1;
}

uint64_t text_digest(const char *text) {
	return not_zero(add_text(digest_basis, text));
}

uint64_t json_digest(const struct json_object *json) {
	return not_zero(add_json(digest_basis, json));
}

uint64_t object_digest(const struct json_object *object) {
	static const char *const not_of_object[] = { "status", "metadata", NULL };
	static const char *const not_of_metadata[] = { "resourceVersion",   "generation",
		                                       "managedFields",     "selfLink",
		                                       "deletionTimestamp", "deletionGracePeriodSeconds",
		                                       "finalizers",        NULL };
	uint64_t digest = add_members(digest_basis, object, not_of_object);
	const struct json_object *metadata = json_get(object, "metadata");
	if (metadata != NULL) digest = add_members(digest, metadata, not_of_metadata);
	return not_zero(digest);
}

/* ---- What is kept ---- */

/* Takes off every member that is not listed. */
static void keep(struct json_object *object, const char *const *keys) {
	if (!json_object_is_type(object, json_type_object)) return;
	json_object_object_foreach(object, key, value) {
		(void)value;
		if (!is_listed(keys, key)) json_object_object_del(object, key);
	}
}

static void keep_in_each(struct json_object *list, const char *const *keys) {
	if (!json_object_is_type(list, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(list); i++) keep(json_object_array_get_idx(list, i), keys);
}

static void keep_own_annotations(struct json_object *metadata) {
	static const char prefix[] = "agkeeper.dev/";
	struct json_object *annotations = json_get(metadata, "annotations");
	if (!json_object_is_type(annotations, json_type_object)) return;
	json_object_object_foreach(annotations, key, value) {
		(void)value;
		if (strncmp(key, prefix, sizeof(prefix) - 1) != 0) json_object_object_del(annotations, key);
	}
	if (json_object_object_length(annotations) == 0) json_object_object_del(metadata, "annotations");
}

static void keep_metadata(struct json_object *object) {
	static const char *const keys[] = { "name",
		                            "namespace",
		                            "uid",
		                            "resourceVersion",
		                            "creationTimestamp",
		                            "deletionTimestamp",
		                            "deletionGracePeriodSeconds",
		                            "labels",
		                            "annotations",
		                            "ownerReferences",
		                            NULL };
	struct json_object *metadata = json_get(object, "metadata");
	keep(metadata, keys);
	keep_own_annotations(metadata);
}

void transform_pod(void *context, struct json_object *pod) {
	static const char *const in_spec[] = { "nodeName", NULL };
	static const char *const in_status[] = {
		"phase", "reason", "message", "podIP", "conditions", "initContainerStatuses", "containerStatuses", NULL
	};
	static const char *const in_condition[] = { "type", "status", "reason", "message", NULL };
	static const char *const in_container[] = { "name",      "ready", "restartCount", "containerID", "state",
		                                    "lastState", NULL };
	(void)context;
	keep_metadata(pod);
	keep(json_get(pod, "spec"), in_spec);
	struct json_object *status = json_get(pod, "status");
	keep(status, in_status);
	keep_in_each(json_get(status, "conditions"), in_condition);
	keep_in_each(json_get(status, "initContainerStatuses"), in_container);
	keep_in_each(json_get(status, "containerStatuses"), in_container);
}

void transform_node(void *context, struct json_object *node) {
	static const char *const in_metadata[] = { "name", "uid", "resourceVersion", NULL };
	static const char *const in_spec[] = { "unschedulable", NULL };
	static const char *const in_status[] = { "conditions", NULL };
	static const char *const in_condition[] = { "type", "status", NULL };
	(void)context;
	keep(json_get(node, "metadata"), in_metadata);
	keep(json_get(node, "spec"), in_spec);
	struct json_object *status = json_get(node, "status");
	keep(status, in_status);
	keep_in_each(json_get(status, "conditions"), in_condition);
}

void transform_claim(void *context, struct json_object *claim) {
	static const char *const in_spec[] = { "resources", "storageClassName", "volumeName", NULL };
	(void)context;
	keep_metadata(claim);
	keep(json_get(claim, "spec"), in_spec);
}

#define DIGEST      "digest"
#define VOLUME_SIZE "volumeSize"

/* Of the volumes that a StatefulSet makes. */
static struct json_object *volume_size(const struct json_object *set) {
	const struct json_object *templates = json_get_path(set, "spec", "volumeClaimTemplates", NULL);
	if (!json_object_is_type(templates, json_type_array) || json_object_array_length(templates) == 0) return NULL;
	return json_get_path(json_object_array_get_idx(templates, 0), "spec", "resources", "requests", "storage", NULL);
}

void transform_child(void *context, struct json_object *child) {
	static const char *const in_child[] = { "apiVersion", "kind", "metadata", "status", NULL };
	static const char *const in_status[] = { "updateRevision", "readyReplicas", NULL };
	(void)context;
	uint64_t digest = object_digest(child);
	cleanup_json struct json_object *size = json_object_get(volume_size(child));
	keep(child, in_child);
	keep(json_get(child, "status"), in_status);
	keep_metadata(child);
	if (size != NULL) json_set(child, VOLUME_SIZE, take(&size));
	json_set(child, DIGEST, json_object_new_int64((int64_t)digest));
}

uint64_t child_digest(const struct json_object *child) {
	return (uint64_t)json_get_integer(child, DIGEST, 0);
}

const struct json_object *child_volume_size(const struct json_object *child) {
	return json_get(child, VOLUME_SIZE);
}
