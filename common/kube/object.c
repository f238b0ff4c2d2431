#include "kube/object.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"

/* The count lives beside the object, where readers that hold a const pointer cannot touch it. */
struct counted {
	struct kube_object object; /* first: a pointer to the object is one to this */
	atomic_uint references;
};

static struct counted *counted(const struct kube_object *object) {
	return (struct counted *)object;
}

static const char *or_empty(const char *text) {
	return text != NULL ? text : "";
}

const struct kube_object *kube_object_new(struct json_object *json) {
	struct json_object *metadata = json_get(json, "metadata");
	const char *name = json_get_text(metadata, "name");
	if (name == NULL) {
		json_object_put(json);
		return NULL;
	}
	struct counted *new = xmalloc(sizeof(*new));
	new->object = (struct kube_object){
		.namespace = or_empty(json_get_text(metadata, "namespace")),
		.name = name,
		.uid = or_empty(json_get_text(metadata, "uid")),
		.resource_version = or_empty(json_get_text(metadata, "resourceVersion")),
		.json = json,
	};
	atomic_init(&new->references, 1);
	return &new->object;
}

const struct kube_object *kube_object_ref(const struct kube_object *object) {
	atomic_fetch_add_explicit(&counted(object)->references, 1, memory_order_relaxed);
	return object;
}

void kube_object_unref(const struct kube_object *object) {
	if (object == NULL) return;
	/* acq_rel: whoever frees must see everything that the other readers did before they let go. */
	if (atomic_fetch_sub_explicit(&counted(object)->references, 1, memory_order_acq_rel) != 1) return;
	json_object_put((struct json_object *)object->json);
	free(counted(object));
}

void kube_object_cleanup(const struct kube_object **object) {
	kube_object_unref(*object);
}

void kube_objects_free(struct kube_objects *objects) {
	for (size_t i = 0; i < objects->count; i++) kube_object_unref(objects->items[i]);
	free(objects->items);
	*objects = (struct kube_objects){ 0 };
}
