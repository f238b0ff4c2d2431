/* What the API server does of a request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/act.h"

static void set_status(struct json_object *object, const void *context) {
	json_set(object, "status", json_copy(context));
}
static void change_finalizers(struct json_object *object, const void *context) {
	struct json_object *list = json_object_new_array();
	if (*(const bool *)context) json_object_array_add(list, json_object_new_string("agkeeper.dev/finalizer"));
	json_set(json_get(object, "metadata"), "finalizers", list);
}

static void write_status(struct model *model, struct job *job) {
	if (model->cluster.object == NULL) {
		job->code = 404;
		return;
	}
	if (job->revision != model->cluster.revision && model->mutation != MUTATION_no_cas) {
		job->code = 409;
		return;
	}
	object_edit(model, set_status, job->action.json);
	check_status(model, model->cluster.object);
	job->answered = json_object_get(model->cluster.object);
	job->answered_revision = model->cluster.revision;
}

static int child_place(const struct cluster *cluster, const char *name) {
	int free_place = -1;
	for (int i = 0; i < CHILDREN; i++) {
		if (cluster->children[i].exists && strcmp(cluster->children[i].name, name) == 0) return i;
		if (!cluster->children[i].exists && free_place < 0) free_place = i;
	}
	return free_place;
}

static int64_t claim_size_of(const struct json_object *set) {
	struct json_object *templates = json_get_path(set, "spec", "volumeClaimTemplates", NULL);
	if (templates == NULL || json_object_array_length(templates) == 0) return 0;
	const struct json_object *claim = json_object_array_get_idx(templates, 0);
	return bytes_of(json_get_text(json_get_path(claim, "spec", "resources", "requests", NULL), "storage"));
}

static bool has_pods(const struct cluster *cluster) {
	for (int slot = 0; slot < SLOTS; slot++)
		if (cluster->pods[slot].exists) return true;
	return false;
}

static void apply_set(struct model *model, const struct json_object *json) {
	struct workload *set = &model->cluster.set;
	const struct json_object *spec = json_get(json, "spec");
	struct workload changed = *set;
	if (!set->exists) changed = (struct workload){ .exists = true, .has_revision = !has_pods(&model->cluster) };
	changed.replicas = (int)json_get_integer(spec, "replicas", 1);
	changed.template_hash = child_hash(json_get(spec, "template"));
	changed.claim_size = claim_size_of(json);
	*set = changed;
	cluster_changed(model, ITEM_SET, 0);
}

/* volumeClaimTemplates cannot be changed (ValidateStatefulSetUpdate of Kubernetes). */
static bool may_be_applied(const struct model *model, const struct json_object *json) {
	const struct workload *set = &model->cluster.set;
	return !set->exists || set->claim_size == claim_size_of(json);
}

static void apply_child(struct model *model, struct job *job) {
	char name[80];
	child_name(job->action.json, name);
	bool is_set = strncmp(name, "StatefulSet/", 12) == 0;
	if (is_set && !may_be_applied(model, job->action.json)) {
		job->code = 422;
		return;
	}
	int place = child_place(&model->cluster, name);
	if (place < 0) abort();
	struct child *child = &model->cluster.children[place];
	child->exists = true;
	child->hash = child_hash(job->action.json);
	snprintf(child->name, sizeof(child->name), "%s", name);
	cluster_changed(model, ITEM_CHILD, place);
	if (is_set) apply_set(model, job->action.json);
}

static void delete_child(struct model *model, const struct job *job) {
	char name[80];
	child_name(job->action.json, name);
	int place = child_place(&model->cluster, name);
	if (place < 0 || !model->cluster.children[place].exists) return;
	model->cluster.children[place] = (struct child){ 0 };
	cluster_changed(model, ITEM_CHILD, place);
	if (strncmp(name, "StatefulSet/", 12) != 0) return;
	model->cluster.set = (struct workload){ 0 };
	cluster_changed(model, ITEM_SET, 0);
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->cluster.pods[slot].exists) pod_delete(model, slot, false);
}

static void change_pod(struct model *model, struct job *job) {
	struct pod *pod = &model->cluster.pods[job->slot];
	if (!pod->exists || strcmp(pod->uid, job->pod) != 0) {
		job->code = 404;
		return;
	}
	if (job->action.type == ACTION_DELETE_POD) {
		note(model, "%s: the controller deletes the pod", job->action.pod);
		pod_delete(model, job->slot, false);
		return;
	}
	snprintf(pod->role_label, NAME_SIZE, "%s", job->action.text != NULL ? job->action.text : "");
	cluster_changed(model, ITEM_POD, job->slot);
}

static void change_claim(struct model *model, struct job *job) {
	struct claim *claim = &model->cluster.claims[job->slot];
	if (!claim->exists) {
		job->code = 404;
		return;
	}
	if (job->action.type == ACTION_LABEL_CLAIM) {
		claim->labelled = true;
	} else {
		if (!same_text(job->action.text, claim->uid)) {
			job->code = 404;
			return;
		}
		if (json_get(json_get(model->cluster.object, "metadata"), "deletionTimestamp") == NULL)
			violate(model, "claim", "the claim of %s is deleted while the object is kept", job->action.pod);
		claim->deleting = true;
	}
	cluster_changed(model, ITEM_CLAIM, job->slot);
}

static void change_secret(struct model *model, const struct job *job) {
	struct secrets *secrets = &model->cluster.secrets;
	switch (job->action.type) {
	case ACTION_CREATE_ADMINISTRATOR_SECRET: secrets->administrator = true; break;
	case ACTION_CREATE_OWN_SECRET: secrets->own = true; break;
	default:
		if (job->action.text != NULL && strstr(job->action.text, "-agkeeper") != NULL)
			secrets->own = secrets->has_certificate = false;
		else secrets->administrator = false;
	}
	cluster_changed(model, ITEM_SECRETS, 0);
}

static void change_object(struct model *model, struct job *job) {
	if (model->cluster.object == NULL) {
		job->code = 404;
		return;
	}
	bool add = job->action.type == ACTION_ADD_FINALIZER;
	if (job->action.type == ACTION_REMOVE_ANNOTATION) object_annotate(model, job->action.text, NULL);
	else object_edit(model, change_finalizers, &add);
	if (model->cluster.object == NULL) return;
	job->answered = json_object_get(model->cluster.object);
	job->answered_revision = model->cluster.revision;
}

void api_run(struct model *model, struct job *job) {
	job->code = 0;
	switch (action_rows[job->action.type].target) {
	case TARGET_OBJECT:
		if (job->action.type == ACTION_WRITE_STATUS) write_status(model, job);
		else if (job->action.type == ACTION_PATCH_STORAGE) api_patch_storage(model, job);
		else change_object(model, job);
		break;
	case TARGET_CHILD:
		if (job->action.type == ACTION_APPLY_CHILD) apply_child(model, job);
		else if (job->action.type == ACTION_DELETE_SET) api_delete_set(model, job);
		else delete_child(model, job);
		break;
	case TARGET_POD: change_pod(model, job); break;
	case TARGET_CLAIM:
		if (job->action.type == ACTION_PATCH_CLAIM) api_patch_claim(model, job);
		else change_claim(model, job);
		break;
	case TARGET_SECRET: change_secret(model, job); break;
	case TARGET_REQUEST: api_write_request(model, job); break;
	case TARGET_SERVER:
	case TARGET_NOBODY: break;
	}
	if (job->code != 0) snprintf(job->text, sizeof(job->text), "HTTP %d", job->code);
}
