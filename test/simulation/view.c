/* What a controller's caches and probes amount to: a struct view. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/quantity.h"
#include "controller/decide/volumes.h"
#include "controller/resources/children.h"
#include "simulation/misdeeds.h"
#include "simulation/model.h"

static int64_t mono_ms(const struct controller *controller, int64_t time) {
	return (time + controller->clock) / MILLISECOND;
}

static uint64_t hash_of(const struct json_object *json) {
	cleanup_free char *text = json_to_text(json);
	uint64_t hash = UINT64_C(14695981039346656037);
	for (const char *c = text; *c != '\0'; c++) hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
	return hash;
}

uint64_t child_hash(const struct json_object *json) {
	return hash_of(json);
}

void child_name(const struct json_object *json, char name[80]) {
	snprintf(name, 80, "%s/%s", json_get_text(json, "kind"), json_get_text(json_get(json, "metadata"), "name"));
}

const struct json_object *controller_object(const struct controller *controller, int64_t *revision) {
	bool newer = controller->answered != NULL && controller->answered_revision > controller->cache.revision;
	*revision = newer ? controller->answered_revision : controller->cache.revision;
	return newer ? controller->answered : controller->cache.object;
}

static struct quantity quantity_of(int64_t bytes) {
	return (struct quantity){ (__int128)bytes * 1000000000 };
}

/* ---- Ops requests, the oldest first ---- */

static void fill_requests(const struct controller *controller, struct arena *arena, struct view *view) {
	struct request_view *list = arena_calloc(arena, REQUESTS, sizeof(*list));
	if (strcmp(controller->spec.kind->name, "MSSQLServer") != 0) return;
	for (int i = 0; i < REQUESTS; i++) {
		const struct json_object *json = controller->cache.requests[i].json;
		if (json != NULL && request_view_read(json, &list[view->request_count])) view->request_count++;
	}
	qsort(list, view->request_count, sizeof(*list), request_view_compare);
	view->requests = list;
	for (size_t i = 0; i < view->request_count; i++) view->is_paused |= list[i].phase == REQUEST_PROGRESSING;
}

/* A StatefulSet keeps the template that it was made with; one that is made anew gets what is wanted now (engine,
 * operations.c). */
static const char *volume_size(const struct controller *controller, const struct view *view, struct arena *arena) {
	const struct workload *set = &controller->cache.set;
	struct quantity size;
	const char *text = wanted_volume_size(&controller->spec, view->requests, view->request_count, arena, &size);
	if (text == NULL || !set->exists || set->claim_size == 0) return text;
	struct quantity of_set = quantity_of(set->claim_size);
	return quantity_compare(of_set, size) != 0 ? size_text(arena, of_set) : text;
}

/* ---- Spec and children ---- */

/* Spec and children are made anew when the object's generation, annotations or deletion have changed. */
static bool is_same_spec(const struct json_object *a, const struct json_object *b) {
	struct json_object *am = json_get(a, "metadata"), *bm = json_get(b, "metadata");
	return json_get_integer(am, "generation", 0) == json_get_integer(bm, "generation", 0);
}

static void refresh_spec(struct controller *controller, const struct json_object *object) {
	if (controller->spec_object != NULL && is_same_spec(controller->spec_object, object)) return;
	if (controller->spec_object != NULL) {
		spec_free(&controller->spec);
		json_object_put(controller->spec_object);
	}
	controller->spec_object = json_object_get((struct json_object *)(uintptr_t)object);
	cleanup_error struct error *err = NULL;
	if (spec_read(controller->spec_object, &controller->spec, &err) != 0) {
		fprintf(stderr, "simulation: the object cannot be read: %s\n", err->message);
		abort();
	}
	json_object_put(controller->children);
	controller->children = NULL;
}

/* What spec.version stands for. */
static const char *image_of(const struct json_object *object, struct arena *arena) {
	const char *version = json_get_text(json_get(object, "spec"), "version");
	return version != NULL ? arena_printf(arena, "mssql:%s", version) : "mssql:2025";
}

static void refresh_children(struct controller *controller, const struct json_object *object, const struct view *view,
                             struct arena *arena) {
	const char *size = volume_size(controller, view, arena);
	if (size == NULL) size = "";
	if (controller->children != NULL && strcmp(size, controller->volume_size) == 0) return;
	snprintf(controller->volume_size, NAME_SIZE, "%s", size);
	const struct surroundings surroundings = { .image = image_of(object, arena),
		                                   .volume_size = *size != '\0' ? size : NULL,
		                                   .has_policy_v1 = true };
	cleanup_error struct error *err = NULL;
	json_object_put(controller->children);
	controller->children = NULL;
	if (children_of(object, &surroundings, &controller->children, &err) != 0) {
		fprintf(stderr, "simulation: no children: %s\n", err->message);
		abort();
	}
	size_t count = json_object_array_length(controller->children);
	controller->child_hashes = xreallocarray(controller->child_hashes, count + 1, sizeof(uint64_t));
	for (size_t i = 0; i < count; i++)
		controller->child_hashes[i] = hash_of(json_object_array_get_idx(controller->children, i));
}

/* A StatefulSet has two places in the cache, which a watch fills one after the other; in the engine's it has one. */
static bool is_there(const struct model *model, const struct controller *controller, const struct child *child) {
	bool is_set = strncmp(child->name, "StatefulSet/", 12) == 0;
	return child->exists && (!is_set || !model->configuration->has_sizes || controller->cache.set.exists);
}

static void fill_children(const struct model *model, const struct controller *controller, struct arena *arena,
                          struct view *view) {
	view->child_count = json_object_array_length(controller->children);
	view->children = arena_calloc(arena, view->child_count + 1, sizeof(*view->children));
	for (size_t i = 0; i < view->child_count; i++) {
		struct child_view *child = &view->children[i];
		child->desired = json_object_array_get_idx(controller->children, i);
		child->state = CHILD_MISSING;
		char name[80];
		child_name(child->desired, name);
		for (int j = 0; j < CHILDREN; j++) {
			const struct child *there = &controller->cache.children[j];
			if (!is_there(model, controller, there) || strcmp(there->name, name) != 0) continue;
			child->state = there->hash == controller->child_hashes[i] ? CHILD_IN_SYNC : CHILD_DRIFTED;
		}
	}
}

static const char *text_or_null(const char *text) {
	return text[0] != '\0' ? text : NULL;
}

static void fill_pod(const struct controller *controller, int slot, struct replica_view *replica) {
	const struct pod *pod = &controller->cache.pods[slot];
	const struct claim *claim = &controller->cache.claims[slot];
	if (claim->exists)
		replica->claim = (struct claim_view){ .exists = true,
			                              .uid = claim->uid,
			                              .is_deleting = claim->deleting,
			                              .created = claim->created,
			                              .requested = quantity_of(claim->requested),
			                              .capacity = quantity_of(claim->capacity),
			                              .is_resizing = claim->resizing,
			                              .waits_for_node = claim->waits_for_node,
			                              .waits_since = claim->waits_since,
			                              .storage_class = "standard",
			                              .is_labelled = claim->labelled };
	if (!pod->exists) return;
	replica->pod = (struct pod_view){
		.exists = true,
		.created = pod->created,
		.uid = pod->uid,
		.ip = text_or_null(pod->ip),
		.role_label = text_or_null(pod->role_label),
		.incarnation_container = text_or_null(pod->container),
		.is_ready = pod->ready,
		.is_deleting = pod->deleting,
		.deletion_grace_s = pod->grace_s,
		.is_running = pod->running,
		.is_terminated = pod->terminated,
		.restarts = pod->restarts,
		.is_current = !controller->cache.set.has_revision ||
		              pod->template_hash == controller->cache.set.template_hash,
		.is_ours = pod->ours,
		.is_orphan = pod->orphan,
	};
	if (pod->node < 0) return;
	const struct node *node = &controller->cache.nodes[pod->node];
	replica->node = (struct node_view){ .exists = true, .is_ready = node->ready, .is_cordoned = node->cordoned };
}

static void fill_server(const struct model *model, const struct controller *controller, int slot,
                        struct server_view *view) {
	const struct server_state *server = &controller->servers[slot];
	bool late = server->seen_at < server->changed_at || (server->busy != 0 && server->hides);
	bool shown = server->observed != NULL && (!late || model->mutation == MUTATION_stale_sight);
	/* A probe that was sent a moment ago is no silence. */
	bool owes =
	        server->silent_since != 0 && (server->unanswered > 0 || model->now - server->silent_since >= SECOND);
	*view = (struct server_view){
		.seen = shown ? &server->observed->observation : NULL,
		.seen_at = shown ? mono_ms(controller, server->seen_at) : 0,
		.silent_since = owes ? mono_ms(controller, server->silent_since) : 0,
		.unanswered = server->unanswered,
		.has_failed = server->failed,
		.failure = (enum error_kind)server->failure_kind,
		.failure_number = server->failure_number,
		.failure_text = server->failed ? server->failure_text : NULL,
		.refuses_login = server->refuses_login,
		.is_busy = server->busy != 0,
		.loose_generation = server->loose_generation,
		.diagnostics_at = server->diagnostics_at != 0 ? mono_ms(controller, server->diagnostics_at) : 0,
		.last_write_ok = server->last_write_ok != 0 ? mono_ms(controller, server->last_write_ok) : 0,
		.write_failures = server->write_failures,
		.write_failure_number = server->write_failure_number,
		.write_failure_text = server->write_failures > 0 ? server->write_failure_text : NULL,
		.is_bootstrapped = shown && server->observed->observation.instance.generation >= 0,
		.has_current_password = true,
	};
	memcpy(view->diagnostics, server->diagnostics, sizeof(view->diagnostics));
}

static void fill_replicas(const struct model *model, const struct controller *controller, struct arena *arena,
                          struct view *view) {
	const struct spec *spec = &controller->spec;
	for (int slot = 0; slot < SLOTS; slot++) {
		bool beyond = (size_t)slot >= spec->replica_count;
		if (beyond && !controller->cache.pods[slot].exists && !controller->cache.claims[slot].exists) continue;
		struct replica_view *replica = &view->replicas[view->replica_count++];
		*replica = (struct replica_view){ .spec = beyond ? NULL : &spec->replicas[slot] };
		char name[NAME_SIZE];
		pod_name(slot, name);
		replica->pod_name = beyond ? arena_strdup(arena, name) : spec->replicas[slot].pod;
		fill_pod(controller, slot, replica);
		fill_server(model, controller, slot, &replica->server);
		replica->incarnation = spec->has_own_claims ? replica->claim.uid : replica->pod.uid;
	}
}

static void fill_attempts(const struct controller *controller, struct arena *arena, struct view *view) {
	struct attempt *list = arena_calloc(arena, controller->attempts.count + 1, sizeof(*list));
	if (controller->attempts.count > 0)
		memcpy(list, controller->attempts.list, controller->attempts.count * sizeof(*list));
	view->attempts = list;
	view->attempt_count = controller->attempts.count;
}

int view_fill(struct model *model, struct controller *controller, struct arena *arena, struct record *record,
              struct view *view) {
	int64_t revision;
	const struct json_object *object = controller_object(controller, &revision);
	if (object == NULL) return -1;
	refresh_spec(controller, object);
	cleanup_error struct error *err = NULL;
	if (record_read(json_get(object, "status"), arena, record, &err) != 0) {
		violate(model, "record", "what was written cannot be read: %s", err->message);
		return -1;
	}
	misdo_record(model, record);
	const struct json_object *metadata = json_get(object, "metadata");
	*view = (struct view){
		.now = mono_ms(controller, model->now),
		.wall_us = WALL_SECONDS * (int64_t)SECOND + model->now + controller->wall_offset,
		.identity = controller->identity,
		.spec = &controller->spec,
		.record = record,
		.object = object,
		.is_deleting = json_get(metadata, "deletionTimestamp") != NULL,
		.has_finalizer = object_has_finalizer(object),
		.has_image = true,
		.administrator_secret = controller->cache.secrets.administrator ? SECRET_PRESENT : SECRET_MISSING,
		.own_secret = controller->cache.secrets.own ? SECRET_PRESENT : SECRET_MISSING,
		.made_administrator_secret = true,
		.made_own_secret = true,
		.has_certificate = controller->cache.secrets.has_certificate,
		.has_set = controller->cache.set.exists,
		.set_is_deleting = controller->cache.set.deleting,
		.has_set_size = controller->cache.set.claim_size != 0,
		.set_size = quantity_of(controller->cache.set.claim_size),
		.wanted_primary = object_annotation(object, "agkeeper.dev/primary"),
		.allow_data_loss = object_annotation(object, "agkeeper.dev/allow-data-loss"),
		.hand_over_wanted = object_annotation(object, "agkeeper.dev/hand-over"),
	};
	fill_requests(controller, arena, view);
	refresh_children(controller, object, view, arena);
	fill_children(model, controller, arena, view);
	fill_replicas(model, controller, arena, view);
	fill_attempts(controller, arena, view);
	misdo_view(model, record, view);
	return 0;
}
