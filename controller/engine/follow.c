/* Watch caches: what is followed, what is kept of it, and which of our objects an event is about. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"

/* Only what one of our objects made, of both kinds. */
#define OURS "app.kubernetes.io/managed-by in (agkeeper,kubedb.com)"

typedef void react(struct engine *engine, const struct kube_object *old, const struct kube_object *new);

/* ---- Which object it is about ---- */

static char *key_of(const struct kube_resource *resource, const char *namespace, const char *name) {
	return xasprintf("%s/%s/%s", resource->kind, namespace, name);
}

static void look_at(struct engine *engine, const struct kube_resource *resource, const char *namespace,
                    const char *name) {
	cleanup_free char *key = key_of(resource, namespace, name);
	queue_add(engine->queue, key);
}

/* Of an event's two states one at least is there (kube/cache.h). */
__attribute__((returns_nonnull)) static const struct kube_object *newest(const struct kube_object *old,
                                                                         const struct kube_object *new) {
	if (new != NULL) return new;
	assert(old != NULL);
	return old;
}

static void on_sqlag(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	const struct kube_object *object = newest(old, new);
	look_at(engine, &kube_sqlserveravailabilitygroups, object->namespace, object->name);
}

static void on_opsrequest(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	const struct kube_object *request = newest(old, new);
	const char *name = json_get_text(json_get_path(request->json, "spec", "databaseRef", NULL), "name");
	if (name == NULL) return;
	cleanup_kube_object const struct kube_object *database =
	        follow_get(engine, CACHE_MSSQLSERVER, request->namespace, name);
	if (database != NULL) look_at(engine, &kube_mssqlservers, request->namespace, name);
	else if (new != NULL) look_at(engine, &kube_mssqlserveropsrequests, request->namespace, request->name);
}

/* Requests for one that is gone will not be carried out. */
static void look_at_requests(struct engine *engine, const struct kube_object *database) {
	cleanup_kube_objects struct kube_objects requests =
	        kube_cache_list(engine->caches[CACHE_OPSREQUEST], database->namespace);
	for (size_t i = 0; i < requests.count; i++) on_opsrequest(engine, NULL, requests.items[i]);
}

static void on_mssqlserver(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	const struct kube_object *object = newest(old, new);
	look_at(engine, &kube_mssqlservers, object->namespace, object->name);
	if (new == NULL) look_at_requests(engine, object);
}

/* By the labels that every child carries. */
static char *owner_key(const struct kube_object *object) {
	const struct json_object *labels = json_get_path(object->json, "metadata", "labels", NULL);
	const char *instance = json_get_text(labels, "app.kubernetes.io/instance");
	const char *manager = json_get_text(labels, "app.kubernetes.io/managed-by");
	if (instance == NULL || manager == NULL) return NULL;
	bool is_kubedb = strcmp(manager, "kubedb.com") == 0;
	const struct kube_resource *owner = is_kubedb ? &kube_mssqlservers : &kube_sqlserveravailabilitygroups;
	return key_of(owner, object->namespace, instance);
}

static void on_child(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	cleanup_free char *key = owner_key(newest(old, new));
	if (key != NULL) queue_add(engine->queue, key);
}

static bool is_primary(const struct managed *managed, const char *pod) {
	const char *primary = managed->is_readable ? managed->record.primary.pod : NULL;
	return primary != NULL && strcmp(primary, pod) == 0;
}

/* Servers are asked at once, and what comes of it is timed. */
static void on_pod(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	cleanup_free char *key = owner_key(newest(old, new));
	if (key == NULL) return;
	struct managed *managed = managed_find(engine, key);
	if (managed != NULL) {
		if (managed->event_at == 0) managed->event_at = clock_monotonic_ns();
		managed->probe_at = 0;
		managed->is_in_motion = true;
	}
	queue_add(engine->queue, key);
	if (managed != NULL && is_primary(managed, newest(old, new)->name)) managed_set_urgent(managed, true);
}

/* The kubelet writes its node's status every few minutes: only what we look at counts. */
static void on_node(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	struct node_view before = { 0 };
	struct node_view after = { 0 };
	node_view_read(old != NULL ? old->json : NULL, &before);
	node_view_read(new != NULL ? new->json : NULL, &after);
	if (before.exists == after.exists && before.is_ready == after.is_ready &&
	    before.is_cordoned == after.is_cordoned)
		return;
	const char *node = newest(old, new)->name;
	cleanup_kube_objects struct kube_objects pods = kube_cache_list(engine->caches[CACHE_POD], NULL);
	for (size_t i = 0; i < pods.count; i++) {
		const char *there = json_get_text(json_get(pods.items[i]->json, "spec"), "nodeName");
		if (there != NULL && strcmp(there, node) == 0) on_child(engine, NULL, pods.items[i]);
	}
}

static void on_version(struct engine *engine, const struct kube_object *old, const struct kube_object *new) {
	const char *version = new != NULL ? new->name : old->name;
	cleanup_kube_objects struct kube_objects objects = kube_cache_list(engine->caches[CACHE_MSSQLSERVER], NULL);
	for (size_t i = 0; i < objects.count; i++) {
		const char *wanted = json_get_text(json_get(objects.items[i]->json, "spec"), "version");
		if (wanted != NULL && strcmp(wanted, version) == 0) on_mssqlserver(engine, NULL, objects.items[i]);
	}
}

/* ---- What is followed ---- */

static const struct followed {
	const struct kube_resource *resource;
	const char *selector;
	void (*transform)(void *context, struct json_object *object);
	react *react;
} table[CACHES] = {
	[CACHE_SQLAG] = { &kube_sqlserveravailabilitygroups, NULL, NULL, on_sqlag },
	[CACHE_MSSQLSERVER] = { &kube_mssqlservers, NULL, NULL, on_mssqlserver },
	[CACHE_VERSION] = { &kube_mssqlserverversions, NULL, NULL, on_version },
	[CACHE_OPSREQUEST] = { &kube_mssqlserveropsrequests, NULL, NULL, on_opsrequest },
	[CACHE_POD] = { &kube_pods, OURS, transform_pod, on_pod },
	[CACHE_NODE] = { &kube_nodes, NULL, transform_node, on_node },
	[CACHE_CLAIM] = { &kube_persistentvolumeclaims, OURS, transform_claim, on_child },
	[CACHE_SET] = { &kube_statefulsets, OURS, transform_child, on_child },
	[CACHE_SERVICE] = { &kube_services, OURS, transform_child, on_child },
	[CACHE_CONFIGMAP] = { &kube_configmaps, OURS, transform_child, on_child },
	[CACHE_BUDGET] = { &kube_poddisruptionbudgets, OURS, transform_child, on_child },
};

/* A cache tells its events with one context: this one names the engine and the row. */
struct following {
	struct engine *engine;
	react *react;
};

static void on_event(void *context, enum kube_event event, const struct kube_object *old,
                     const struct kube_object *new) {
	(void)event;
	const struct following *following = context;
	if (engine_is_leading(following->engine)) following->react(following->engine, old, new);
}

static void on_synced(void *context) {
	const struct following *following = context;
	if (follow_is_synced(following->engine)) follow_add_all(following->engine);
}

static void follow(struct engine *engine, enum engine_cache which, const struct kube_resource *resource) {
	struct following *following = &engine->followings[which];
	*following = (struct following){ engine, table[which].react };
	engine->caches[which] = kube_cache_new(engine->options.loop, &(struct kube_cache_options){
	                                                                     .resource = resource,
	                                                                     .label_selector = table[which].selector,
	                                                                     .transform = table[which].transform,
	                                                                     .on_event = on_event,
	                                                                     .on_synced = on_synced,
	                                                                     .context = following,
	                                                             });
}

void follow_start(struct engine *engine) {
	engine->followings = xcalloc(CACHES, sizeof(*engine->followings));
	for (int i = 0; i < CACHE_BUDGET; i++) follow(engine, (enum engine_cache)i, table[i].resource);
}

void follow_budgets(struct engine *engine, bool v1) {
	if (engine->caches[CACHE_BUDGET] != NULL) return;
	follow(engine, CACHE_BUDGET, v1 ? &kube_poddisruptionbudgets : &kube_poddisruptionbudgets_v1beta1);
}

struct kube_cache *engine_follow(struct engine *engine, const struct kube_resource *resource) {
	for (int i = 0; i < CACHE_BUDGET; i++) {
		if (table[i].resource == resource) return engine->caches[i];
	}
	return kube_cache_new(engine->options.loop, &(struct kube_cache_options){ .resource = resource });
}

bool follow_is_synced(const struct engine *engine) {
	for (int i = 0; i < CACHES; i++) {
		if (engine->caches[i] == NULL || !kube_cache_synced(engine->caches[i])) return false;
	}
	return true;
}

const struct kube_object *follow_get(const struct engine *engine, enum engine_cache cache, const char *namespace,
                                     const char *name) {
	return engine->caches[cache] != NULL ? kube_cache_get(engine->caches[cache], namespace, name) : NULL;
}

void follow_add_all(struct engine *engine) {
	static const struct {
		enum engine_cache cache;
		react *react;
	} kinds[] = { { CACHE_SQLAG, on_sqlag },
		      { CACHE_MSSQLSERVER, on_mssqlserver },
		      { CACHE_OPSREQUEST, on_opsrequest } };
	if (!engine_is_leading(engine)) return;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		cleanup_kube_objects struct kube_objects objects =
		        kube_cache_list(engine->caches[kinds[i].cache], NULL);
		for (size_t k = 0; k < objects.count; k++) kinds[i].react(engine, NULL, objects.items[k]);
	}
}
