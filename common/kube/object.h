/* A snapshot of an API object that many threads may read at once: it never changes, and lives as long as somebody
 * holds a reference.
 *
 * Read the tree with the getters of base/json.h only. json-c's own reference counts (json_object_get/put) and
 * json_object_to_json_string write into the tree: json_copy() first, or print with json_append(). */
#ifndef AGKEEPER_KUBE_OBJECT_H
#define AGKEEPER_KUBE_OBJECT_H

#include <json-c/json.h>
#include <stddef.h>

struct kube_object {
	const char *namespace; /* "" for cluster-scoped objects */
	const char *name;
	const char *uid;
	const char *resource_version;
	const struct json_object *json; /* in a cache without metadata.managedFields */
};

const struct kube_object *kube_object_ref(const struct kube_object *object);
void kube_object_unref(const struct kube_object *object);
void kube_object_cleanup(const struct kube_object **object);
#define cleanup_kube_object __attribute__((cleanup(kube_object_cleanup)))

/* Takes over `json`; NULL when it has no metadata.name. */
const struct kube_object *kube_object_new(struct json_object *json);

/* Several, in the order of namespace and name. */
struct kube_objects {
	const struct kube_object **items;
	size_t count;
};
void kube_objects_free(struct kube_objects *objects);
#define cleanup_kube_objects __attribute__((cleanup(kube_objects_free)))

#endif
