/* Children that an object has outlived: the Service of a listener that is left out of its spec, the budget of replicas
 * that were scaled in. Whatever is owned by the object, has its labels, and is none of its children is one of them. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/resources/children.h"

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

/* Labels, too: somebody may let the garbage collector see to theirs. */
static bool is_ours(const struct managed *managed, const struct kube_object *object) {
	return is_owned_by(object->json, managed->object->uid) && !is_over(object) &&
	       has_our_labels(managed, object->json);
}

/* Takes over `brief`. */
static void append(struct managed *managed, struct json_object *brief) {
	managed->surplus = xreallocarray(managed->surplus, managed->surplus_count + 1, sizeof(struct json_object *));
	managed->surplus[managed->surplus_count++] = brief;
}

static void add_surplus(struct managed *managed, const struct kube_resource *resource,
                        const struct kube_object *object) {
	if (!is_ours(managed, object)) return;
	cleanup_json struct json_object *brief = brief_of(resource, object);
	if (child_find(managed, brief) == NULL) append(managed, take(&brief));
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
	for (size_t i = 0; i < STRAYS; i++) {
		if (managed->strays[i].brief != NULL) append(managed, json_object_get(managed->strays[i].brief));
	}
}

void surplus_free(struct managed *managed) {
	for (size_t i = 0; i < managed->surplus_count; i++) json_object_put(managed->surplus[i]);
	free(managed->surplus);
	managed->surplus = NULL;
	managed->surplus_count = 0;
}

/* ---- Strays: of kinds that nobody follows, where the cluster has them. They are asked for by name, once for each
 * change of what is wanted. ---- */

static const struct {
	const struct kube_resource *resource;
	const char *suffix;
	enum engine_offer offer;
} unfollowed[STRAYS] = {
	{ &kube_servicemonitors, SERVICE_MONITOR_SUFFIX, OFFER_SERVICE_MONITORS },
	{ &kube_certificates, CERTIFICATE_SUFFIX, OFFER_ISSUERS },
};

static void set_stray(struct managed *managed, struct stray *stray, struct json_object *brief) {
	bool changes = (brief != NULL) != (stray->brief != NULL);
	json_object_put(stray->brief);
	stray->brief = brief;
	if (!changes) return;
	managed->surplus_until = clock_monotonic_ms() + SETTLE_MS;
	managed_look(managed);
}

static void on_stray(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	enum { AGAIN_MS = 30 * 1000 };
	size_t i = (size_t)(uintptr_t)what;
	struct stray *stray = &managed->strays[i];
	bool is_late = stray->is_late;
	stray->is_asked = stray->is_late = false;
	if (managed->is_gone) return;
	if (is_late) {
		managed_look(managed);
		return;
	}
	if (err != NULL && err->kind != ERROR_NOT_FOUND) {
		stray->ask_at = clock_monotonic_ms() + AGAIN_MS;
		return;
	}
	cleanup_kube_object const struct kube_object *object = err == NULL ? kube_object_new(json_copy(answer)) : NULL;
	stray->is_known = true;
	bool is_there = object != NULL && is_ours(managed, object);
	set_stray(managed, stray, is_there ? brief_of(unfollowed[i].resource, object) : NULL);
}

static void ask(struct managed *managed, size_t i, const char *name) {
	const struct kube_request request = {
		.method = KUBE_GET, .resource = unfollowed[i].resource, .namespace = managed->namespace, .name = name
	};
	managed->strays[i].is_asked = true;
	managed_request(managed, &request, on_stray, (void *)(uintptr_t)i);
}

static bool is_wanted(const struct managed *managed, size_t i, const char *name) {
	for (size_t k = 0; k < managed->child_count; k++) {
		const struct child *child = &managed->children[k];
		if (child->resource == unfollowed[i].resource && strcmp(child->name, name) == 0) return true;
	}
	return false;
}

void strays_refresh(struct managed *managed, bool anew) {
	int64_t now = clock_monotonic_ms();
	for (size_t i = 0; i < STRAYS; i++) {
		struct stray *stray = &managed->strays[i];
		cleanup_free char *name = xasprintf("%s%s", managed->name, unfollowed[i].suffix);
		bool is_offered = managed->engine->offers[unfollowed[i].offer].is_there;
		if (anew) stray->is_known = false;
		if (anew && stray->is_asked) stray->is_late = true;
		if (managed->child_count == 0 || !is_offered || is_wanted(managed, i, name))
			set_stray(managed, stray, NULL);
		else if (!stray->is_known && !stray->is_asked && now >= stray->ask_at) ask(managed, i, name);
	}
}

void stray_forget(struct managed *managed, const struct json_object *json) {
	const struct kube_resource *resource = child_resource(json);
	for (size_t i = 0; i < STRAYS; i++) {
		if (unfollowed[i].resource != resource) continue;
		managed->strays[i].is_known = false;
		set_stray(managed, &managed->strays[i], NULL);
	}
}

void strays_free(struct managed *managed) {
	for (size_t i = 0; i < STRAYS; i++) json_object_put(managed->strays[i].brief);
}
