/* Children that an object has outlived: the Service of a listener that is left out of its spec, the budget of replicas
 * that were scaled in. Whatever is owned by the object, has its labels, and is none of its children is one of them. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/engine/engine_private.h"

static const struct {
	enum engine_cache cache;
	const struct kube_resource *resource;
	enum engine_offer offer; /* what must be there for it; OFFERS: nothing */
} followed[] = {
	{ CACHE_SERVICE, &kube_services, OFFERS },
	{ CACHE_CONFIGMAP, &kube_configmaps, OFFERS },
	{ CACHE_BUDGET, &kube_poddisruptionbudgets, OFFER_POLICY_V1 },
	{ CACHE_BUDGET, &kube_poddisruptionbudgets_v1beta1, OFFER_POLICY_V1BETA1 },
};

/* Items of a list do not say what they are. */
static struct json_object *brief_of(const struct kube_resource *resource, const struct kube_object *object) {
	struct json_object *brief = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	cleanup_free char *api_version =
	        xasprintf("%s%s%s", resource->group, *resource->group != '\0' ? "/" : "", resource->version);
	json_set_text(brief, "apiVersion", api_version);
	json_set_text(brief, "kind", resource->kind);
	json_set_text(metadata, "namespace", object->namespace);
	json_set_text(metadata, "name", object->name);
	json_set(brief, "metadata", metadata);
	return brief;
}

static bool is_over(const struct kube_object *object) {
	return json_get_path(object->json, "metadata", "deletionTimestamp", NULL) != NULL;
}

static void add_surplus(struct managed *managed, const struct kube_resource *resource,
                        const struct kube_object *object) {
	if (!is_owned_by(object->json, managed->object->uid) || is_over(object)) return;
	if (!has_our_labels(managed, object->json)) return; /* somebody lets the garbage collector see to theirs */
	cleanup_json struct json_object *brief = brief_of(resource, object);
	if (child_find(managed, brief) != NULL) return;
	managed->surplus = xreallocarray(managed->surplus, managed->surplus_count + 1, sizeof(struct json_object *));
	managed->surplus[managed->surplus_count++] = take(&brief);
}

void surplus_refresh(struct managed *managed) {
	const struct engine *engine = managed->engine;
	surplus_free(managed);
	if (managed->child_count == 0) return; /* it is not known what they shall be */
	for (size_t i = 0; i < ARRAY_LENGTH(followed); i++) {
		if (engine->caches[followed[i].cache] == NULL) continue;
		/* One of the two versions is followed; policy/v1 where both are offered. */
		if (followed[i].cache == CACHE_BUDGET &&
		    engine->offers[OFFER_POLICY_V1].is_there != (followed[i].offer == OFFER_POLICY_V1))
			continue;
		cleanup_kube_objects struct kube_objects objects =
		        kube_cache_list(engine->caches[followed[i].cache], managed->namespace);
		for (size_t j = 0; j < objects.count; j++) add_surplus(managed, followed[i].resource, objects.items[j]);
	}
}

void surplus_free(struct managed *managed) {
	for (size_t i = 0; i < managed->surplus_count; i++) json_object_put(managed->surplus[i]);
	free(managed->surplus);
	managed->surplus = NULL;
	managed->surplus_count = 0;
}
