/* Everything that is known of an object, as one struct view. What the view borrows is kept until sight_free. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"
#include "controller/resources/children.h"

static const struct json_object *keep(struct sight *sight, const struct kube_object *object) {
	if (object == NULL) return NULL;
	sight->kept = xreallocarray(sight->kept, sight->kept_count + 1, sizeof(const struct kube_object *));
	sight->kept[sight->kept_count++] = object;
	return object->json;
}

void sight_free(struct sight *sight) {
	for (size_t i = 0; i < sight->kept_count; i++) kube_object_unref(sight->kept[i]);
	free(sight->kept);
	json_object_put(sight->desired);
	arena_free(&sight->arena);
	*sight = (struct sight){ 0 };
}

/* ---- Replicas ---- */

static void see_pod(const struct managed *managed, struct sight *sight, const char *revision,
                    struct replica_view *replica) {
	const struct engine *engine = managed->engine;
	const struct json_object *pod =
	        keep(sight, follow_get(engine, CACHE_POD, managed->namespace, replica->pod_name));
	pod_view_read(pod, revision, managed->spec.role_label, &replica->pod);
	replica->pod.is_ours &= is_of_object(managed, pod);
	if (replica->pod.node == NULL) return;
	node_view_read(keep(sight, follow_get(engine, CACHE_NODE, NULL, replica->pod.node)), &replica->node);
}

static void see_claim(const struct managed *managed, struct sight *sight, struct replica_view *replica) {
	const struct json_object *claim = keep(sight, server_claim(managed, replica->pod_name));
	/* Of another kind's object of the same name: neither grown, labelled nor deleted. */
	if (claim != NULL && !is_of_object(managed, claim)) return;
	claim_view_read(claim, &replica->claim);
	const struct server *server = server_find(managed, replica->pod_name);
	if (server != NULL && replica->claim.trouble == NULL) replica->claim.trouble = server->claim_trouble;
}

static void see_replica(const struct managed *managed, struct sight *sight, const char *revision,
                        struct replica_view *replica) {
	see_pod(managed, sight, revision, replica);
	see_claim(managed, sight, replica);
	replica->incarnation = managed->spec.has_own_claims ? replica->claim.uid : replica->pod.uid;
	const struct server *server = server_find(managed, replica->pod_name);
	if (server != NULL) server_view_fill(server, &replica->server);
}

static void see_replicas(const struct managed *managed, struct sight *sight, const char *revision) {
	struct view *view = &sight->view;
	for (int i = 0; i < 2 * REPLICAS_MAX; i++) {
		bool is_wanted = (size_t)i < managed->spec.replica_count;
		struct replica_view *replica = &view->replicas[view->replica_count];
		*replica = (struct replica_view){ .spec = is_wanted ? &managed->spec.replicas[i] : NULL };
		replica->pod_name = arena_printf(&sight->arena, "%s-%d", managed->name, i);
		see_replica(managed, sight, revision, replica);
		if (is_wanted || replica->pod.exists || replica->claim.exists) view->replica_count++;
	}
}

/* ---- Children ---- */

static const struct json_object *in_full(const struct json_object *desired, size_t i, const struct child *child) {
	return desired != NULL ? json_object_array_get_idx(desired, i) : child->brief;
}

static void see_children(struct managed *managed, struct sight *sight) {
	struct view *view = &sight->view;
	bool is_whole = true;
	view->child_count = managed->child_count;
	view->children =
	        arena_calloc(&sight->arena, view->child_count + managed->surplus_count + 1, sizeof(*view->children));
	for (size_t i = 0; i < view->child_count; i++) {
		struct child_view *child = &view->children[i];
		child->state = child_state_of(managed, &managed->children[i], &child->trouble);
		is_whole &= child->state == CHILD_IN_SYNC || child->state == CHILD_FOREIGN;
	}
	/* What stands in them matters only when they are to be applied. */
	if (!is_whole) sight->desired = children_desired(managed);
	for (size_t i = 0; i < view->child_count; i++)
		view->children[i].desired = in_full(sight->desired, i, &managed->children[i]);
	for (size_t i = 0; i < managed->surplus_count; i++) {
		view->children[view->child_count++] =
		        (struct child_view){ .desired = managed->surplus[i], .state = CHILD_SURPLUS };
	}
}

/* ---- Other objects ---- */

static const char *see_set(const struct managed *managed, struct sight *sight) {
	const struct json_object *set =
	        keep(sight, follow_get(managed->engine, CACHE_SET, managed->namespace, managed->name));
	sight->view.has_set = is_owned_by(set, managed->object->uid);
	sight->view.set_is_foreign = set != NULL && !sight->view.has_set;
	sight->view.set_is_deleting = json_get_path(set, "metadata", "deletionTimestamp", NULL) != NULL;
	const struct json_object *size = child_volume_size(set);
	sight->view.has_set_size = size != NULL && quantity_from_json(size, &sight->view.set_size);
	return json_get_text(json_get(set, "status"), "updateRevision");
}

static bool is_paused(const struct managed *managed) {
	for (size_t i = 0; i < managed->request_count; i++) {
		if (managed->requests[i].phase == REQUEST_PROGRESSING) return true;
	}
	return false;
}

static void see_image(const struct managed *managed, struct view *view) {
	cleanup_kube_object const struct kube_object *version = NULL;
	const struct surroundings surroundings = managed_surroundings(managed, &version);
	bool is_named = managed->resource == &kube_mssqlservers;
	view->has_image = managed->child_count > 0 && (!is_named || surroundings.image != NULL);
	view->image_trouble = view->has_image ? NULL : managed->children_trouble;
}

static void see_object(const struct managed *managed, struct view *view) {
	const struct json_object *metadata = json_get(managed->object->json, "metadata");
	const struct json_object *annotations = json_get(metadata, "annotations");
	const struct json_object *finalizers = json_get(metadata, "finalizers");
	view->object = managed->object->json;
	view->is_deleting = json_get(metadata, "deletionTimestamp") != NULL;
	view->wanted_primary = json_get_text(annotations, "agkeeper.dev/primary");
	view->allow_data_loss = json_get_text(annotations, "agkeeper.dev/allow-data-loss");
	view->hand_over_wanted = json_get_text(annotations, "agkeeper.dev/hand-over");
	if (!json_object_is_type(finalizers, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(finalizers); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(finalizers, i));
		if (name != NULL && strcmp(name, FINALIZER) == 0) view->has_finalizer = true;
	}
}

void observe(struct managed *managed, int64_t now, struct sight *sight) {
	struct view *view = &sight->view;
	const struct offer *issuers = &managed->engine->offers[OFFER_ISSUERS];
	*view = (struct view){
		.now = now,
		.wall_us = clock_wall_us(),
		.identity = managed->engine->tenure,
		.spec = &managed->spec,
		.record = &managed->record,
		.is_paused = is_paused(managed),
		.administrator_secret = managed->administrator.state,
		.made_administrator_secret = managed->made_administrator,
		.own_secret = managed->own.state,
		.made_own_secret = managed->made_own,
		.certificate_secret = managed->certificate.state,
		.made_certificate_secret = managed->made_certificate,
		.certificate_due = certificate_due(managed, now),
		.has_certificate = managed->has_certificate,
		.has_issuers = !issuers->is_known || issuers->is_there,
		.requests = managed->requests,
		.request_count = managed->request_count,
		.attempts = managed->attempts.list,
		.attempt_count = managed->attempts.count,
	};
	see_object(managed, view);
	see_image(managed, view);
	const char *revision = see_set(managed, sight);
	see_replicas(managed, sight, revision);
	see_children(managed, sight);
}
