/* What the API server does when volumes grow: of claims, ops requests, spec.storage, and the StatefulSet that is made
 * again. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/quantity.h"
#include "controller/decide/volumes.h"
#include "simulation/act.h"

enum { GONE = 409, FORBIDDEN = 403, INVALID = 422 };

int64_t bytes_of(const char *text) {
	struct json_object *json = json_object_new_string(text != NULL ? text : "");
	struct quantity size;
	bool is_read = quantity_from_json(json, &size);
	json_object_put(json);
	return is_read ? (int64_t)quantity_value(size) : 0;
}

/* It may ask for less than before only while that is more than it has (RecoverVolumeExpansionFailure). */
void api_patch_claim(struct model *model, struct job *job) {
	struct claim *claim = &model->cluster.claims[job->slot];
	int64_t size = bytes_of(job->action.text);
	if (!claim->exists || strcmp(claim->uid, job->claim) != 0) {
		job->code = GONE;
		return;
	}
	if (size < claim->requested && size <= claim->capacity) {
		job->code = INVALID;
		return;
	}
	check_claim_size(model, job->slot, size);
	if (size == claim->requested) return;
	claim->requested = size;
	cluster_changed(model, ITEM_CLAIM, job->slot);
}

/* Propagation Orphan. */
void api_delete_set(struct model *model, struct job *job) {
	struct workload *set = &model->cluster.set;
	if (!set->exists) {
		job->code = GONE;
		return;
	}
	if (set->deleting) return;
	note(model, "the StatefulSet is deleted, leaving its pods");
	set->deleting = true;
	set->gone_at = model->now + dice_between(&model->storage_dice, 20 * MILLISECOND, SECOND);
	cluster_changed(model, ITEM_SET, 0);
}

static int place_of_request(const struct model *model, const char *name) {
	for (int i = 0; i < REQUESTS; i++) {
		const struct json_object *json = model->cluster.requests[i].json;
		if (json != NULL && same_text(json_get_text(json_get(json, "metadata"), "name"), name)) return i;
	}
	return -1;
}

static const char *version_of(const struct json_object *json) {
	return json_get_text(json_get(json, "metadata"), "resourceVersion");
}

/* By compare-and-swap on the one that was looked at. */
void api_write_request(struct model *model, struct job *job) {
	int place = place_of_request(model, job->action.text);
	const struct json_object *json = place >= 0 ? model->cluster.requests[place].json : NULL;
	if (json == NULL || !same_text(version_of(json), version_of(job->action.json))) {
		job->code = GONE;
		return;
	}
	struct json_object *changed = json_copy(json);
	json_set(changed, "status", json_copy(json_get(job->action.json, "status")));
	check_request(model, json, changed);
	request_put(model, place, changed);
}

/* Admission: exactly what a request in progress asks for (webhook, R52a). */
static bool is_asked_for(const struct model *model, int64_t size) {
	for (int i = 0; i < REQUESTS; i++) {
		const struct request *request = &model->cluster.requests[i];
		if (strcmp(request_phase(request), "Progressing") != 0) continue;
		const struct json_object *expansion = json_get_path(request->json, "spec", "volumeExpansion", NULL);
		if (bytes_of(json_get_text(expansion, "mssqlserver")) == size) return true;
	}
	return false;
}

static void set_storage(struct json_object *object, const void *context) {
	struct json_object *metadata = json_get(object, "metadata");
	json_set_text(json_get_path(object, "spec", "storage", "resources", "requests", NULL), "storage", context);
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}

void api_patch_storage(struct model *model, struct job *job) {
	if (model->cluster.object == NULL || job->revision != model->cluster.revision) {
		job->code = GONE;
		return;
	}
	int64_t size = bytes_of(job->action.text);
	if (size < size_of_object(model) * (int64_t)GIB)
		violate(model, "shrink", "spec.storage shall be %s, and it is %dGi", job->action.text,
		        size_of_object(model));
	if (!is_asked_for(model, size)) {
		job->code = FORBIDDEN;
		return;
	}
	object_edit(model, set_storage, job->action.text);
	job->answered = json_object_get(model->cluster.object);
	job->answered_revision = model->cluster.revision;
}

/* Of a database that is gone (engine, operations.c): the API itself is asked whether it is. */
void controller_end_requests(struct model *model, struct controller *controller) {
	for (int i = 0; i < REQUESTS && model->cluster.object == NULL; i++) {
		const struct json_object *json = controller->cache.requests[i].json;
		if (json == NULL) continue;
		cleanup_json struct json_object *body = json_copy(json);
		struct json_object *status = ops_orphan_status(json, WALL_SECONDS * (int64_t)SECOND + model->now);
		if (status == NULL) continue;
		json_set(body, "status", status);
		controller_do(model, controller,
		              &(struct action){ .type = ACTION_WRITE_REQUEST_STATUS,
		                                .text = json_get_text(json_get(json, "metadata"), "name"),
		                                .json = body,
		                                .reason = "its database is gone" });
	}
}
