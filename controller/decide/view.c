#include "controller/decide/view.h"

#include <ctype.h>
#include <string.h>

#include "api/opsrequest.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/quantity.h"

/* SQL Server's container in every pod of ours (controller/resources). */
static const char sql_container[] = "mssql";

static bool is(const char *text, const char *wanted) {
	return text != NULL && wanted != NULL && strcmp(text, wanted) == 0;
}

const struct replica_view *view_find(const struct view *view, const char *pod) {
	for (size_t i = 0; i < view->replica_count; i++) {
		if (is(pod, view->replicas[i].pod_name)) return &view->replicas[i];
	}
	return NULL;
}

bool view_is_member(const struct replica_view *replica, const struct member *member) {
	return replica != NULL && is(member->pod, replica->pod_name) && is(member->incarnation, replica->incarnation);
}

/* ---- What all objects have ---- */

static const struct json_object *find_in(const struct json_object *list, const char *key, const char *value) {
	if (!json_object_is_type(list, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct json_object *element = json_object_array_get_idx(list, i);
		if (is(json_get_text(element, key), value)) return element;
	}
	return NULL;
}

static const struct json_object *condition_of(const struct json_object *object, const char *type) {
	return find_in(json_get_path(object, "status", "conditions", NULL), "type", type);
}

static bool condition_is(const struct json_object *object, const char *type, const char *status) {
	return is(json_get_text(condition_of(object, type), "status"), status);
}

/* Empty texts are as good as none: the API leaves out some and writes others. */
static const char *text_at(const struct json_object *object, const char *key) {
	const char *text = json_get_text(object, key);
	return text != NULL && *text != '\0' ? text : NULL;
}

static bool is_deleting(const struct json_object *metadata) {
	return json_get(metadata, "deletionTimestamp") != NULL;
}

/* ---- Pods ---- */

/* Why a container waits (kubelet, pkg/kubelet/images/types.go and kuberuntime): all others are on their way,
 * ContainerCreating and PodInitializing above all. */
static const char *const stuck_reasons[] = {
	"ImagePullBackOff",     "ErrImagePull",       "ErrImageNeverPull",     "InvalidImageName",
	"ErrInvalidImageName",  "ImageInspectError",  "RegistryUnavailable",   "CreateContainerConfigError",
	"CreateContainerError", "PreCreateHookError", "PreStartHookError",     "PostStartHookError",
	"RunContainerError",    "CrashLoopBackOff",   "CreatePodSandboxError", "ConfigPodSandboxError",
};

/* Kubernetes' own words: its sentence, or at least the reason. */
static const char *words_of(const struct json_object *state) {
	const char *message = text_at(state, "message");
	return message != NULL ? message : text_at(state, "reason");
}

/* 0: it does not say. */
static int64_t time_at(const struct json_object *object, const char *key) {
	const char *text = json_get_text(object, key);
	return text != NULL ? clock_parse_rfc3339(text) : 0;
}

static const char *trouble_of_container(const struct json_object *status) {
	const struct json_object *waiting = json_get_path(status, "state", "waiting", NULL);
	const char *reason = json_get_text(waiting, "reason");
	for (size_t i = 0; i < ARRAY_LENGTH(stuck_reasons); i++) {
		if (is(reason, stuck_reasons[i])) return words_of(waiting);
	}
	return NULL;
}

static const char *trouble_of_containers(const struct json_object *statuses) {
	if (!json_object_is_type(statuses, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(statuses); i++) {
		const char *trouble = trouble_of_container(json_object_array_get_idx(statuses, i));
		if (trouble != NULL) return trouble;
	}
	return NULL;
}

static const char *trouble_of_pod(const struct json_object *pod) {
	const struct json_object *status = json_get(pod, "status");
	const struct json_object *scheduled = condition_of(pod, "PodScheduled");
	if (is(json_get_text(status, "phase"), "Failed")) {
		const char *words = words_of(status);
		return words != NULL ? words : "the pod has failed";
	}
	if (is(json_get_text(scheduled, "status"), "False")) return words_of(scheduled);
	const char *trouble = trouble_of_containers(json_get(status, "initContainerStatuses"));
	return trouble != NULL ? trouble : trouble_of_containers(json_get(status, "containerStatuses"));
}

/* A container that is to be started again waits (CrashLoopBackOff) and keeps what became of it before in lastState. An
 * evicted pod has failed as a whole, often without a word about its containers. */
static void read_container(const struct json_object *pod, struct pod_view *view) {
	const struct json_object *status = json_get(pod, "status");
	const char *phase = json_get_text(status, "phase");
	const struct json_object *container = find_in(json_get(status, "containerStatuses"), "name", sql_container);
	const struct json_object *state = json_get(container, "state");
	bool is_over = is(phase, "Failed") || is(phase, "Succeeded");
	view->incarnation_container = text_at(container, "containerID");
	view->restarts = json_get_integer(container, "restartCount", 0);
	view->is_running = !is_over && json_get(state, "running") != NULL;
	if (view->is_running) return;
	view->is_terminated = is_over || json_get(state, "terminated") != NULL ||
	                      json_get_path(container, "lastState", "terminated", NULL) != NULL;
}

/* Whether `pod` is <set>-<ordinal>: only a StatefulSet of that name makes such pods and controls them. */
static bool is_set_of(const char *set, const char *pod) {
	size_t length = strlen(set);
	if (strncmp(pod, set, length) != 0 || pod[length] != '-') return false;
	const char *ordinal = pod + length + 1;
	for (const char *c = ordinal; *c != '\0'; c++) {
		if (!isdigit((unsigned char)*c)) return false;
	}
	return *ordinal != '\0';
}

/* While its StatefulSet is made again it has no owner: the next one adopts it by its labels, as it would adopt any. */
static bool is_left_behind(const struct json_object *metadata, const char *pod) {
	const struct json_object *labels = json_get(metadata, "labels");
	const char *instance = json_get_text(labels, "app.kubernetes.io/instance");
	return instance != NULL && is_set_of(instance, pod) && json_get(labels, "app.kubernetes.io/managed-by") != NULL;
}

static bool is_controlled(const struct json_object *metadata, const char *pod, bool *by_set) {
	const struct json_object *owners = json_get(metadata, "ownerReferences");
	*by_set = false;
	if (!json_object_is_type(owners, json_type_array)) return false;
	for (size_t i = 0; i < json_object_array_length(owners); i++) {
		const struct json_object *owner = json_object_array_get_idx(owners, i);
		if (!json_get_flag(owner, "controller", false)) continue;
		const char *set = json_get_text(owner, "name");
		*by_set = is(json_get_text(owner, "kind"), "StatefulSet") && set != NULL && is_set_of(set, pod);
		return true;
	}
	return false;
}

static void read_owner(const struct json_object *metadata, struct pod_view *view) {
	const char *pod = json_get_text(metadata, "name");
	if (pod == NULL) return;
	bool by_set;
	bool is_owned = is_controlled(metadata, pod, &by_set);
	view->is_orphan = !is_owned && is_left_behind(metadata, pod);
	view->is_ours = by_set || view->is_orphan;
}

void pod_view_read(const struct json_object *pod, const char *update_revision, const char *role_label,
                   struct pod_view *view) {
	*view = (struct pod_view){ .exists = pod != NULL };
	if (pod == NULL) return;
	const struct json_object *metadata = json_get(pod, "metadata");
	const struct json_object *labels = json_get(metadata, "labels");
	view->created = time_at(metadata, "creationTimestamp");
	view->uid = json_get_text(metadata, "uid");
	view->node = text_at(json_get(pod, "spec"), "nodeName");
	view->ip = text_at(json_get(pod, "status"), "podIP");
	view->role_label = json_get_text(labels, role_label);
	view->is_ready = condition_is(pod, "Ready", "True");
	view->is_deleting = is_deleting(metadata);
	view->deletion_grace_s = json_get_integer(metadata, "deletionGracePeriodSeconds", 0);
	read_container(pod, view);
	/* A revision that is not known yet is no reason to restart anything. */
	view->is_current =
	        update_revision == NULL || is(json_get_text(labels, "controller-revision-hash"), update_revision);
	view->trouble = trouble_of_pod(pod);
	view->is_stuck = view->trouble != NULL;
	read_owner(metadata, view);
}

/* ---- Nodes and claims ---- */

void node_view_read(const struct json_object *node, struct node_view *view) {
	*view = (struct node_view){
		.exists = node != NULL,
		.is_ready = condition_is(node, "Ready", "True"),
		.is_cordoned = json_get_flag(json_get(node, "spec"), "unschedulable", false),
	};
}

static void read_storage(const struct json_object *quantities, struct quantity *quantity) {
	const struct json_object *storage = json_get(quantities, "storage");
	if (storage == NULL || !quantity_from_json(storage, quantity)) *quantity = (struct quantity){ 0 };
}

/* Those that tell whose it is; the others came with them. */
static bool is_labelled(const struct json_object *metadata) {
	static const char prefix[] = "data-";
	const char *name = json_get_text(metadata, "name");
	const struct json_object *labels = json_get(metadata, "labels");
	const char *instance = json_get_text(labels, "app.kubernetes.io/instance");
	if (name == NULL || instance == NULL || strncmp(name, prefix, strlen(prefix)) != 0) return false;
	return is_set_of(instance, name + strlen(prefix)) && json_get(labels, "app.kubernetes.io/managed-by") != NULL;
}

/* Since Kubernetes 1.31 a claim says itself what its storage told (RecoverVolumeExpansionFailure). */
static const char *resize_error(const struct json_object *claim) {
	static const char *const types[] = { "ControllerResizeError", "NodeResizeError" };
	const struct json_object *conditions = json_get_path(claim, "status", "conditions", NULL);
	if (!json_object_is_type(conditions, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		for (size_t k = 0; k < ARRAY_LENGTH(types); k++) {
			if (is(json_get_text(condition, "type"), types[k]) &&
			    is(json_get_text(condition, "status"), "True"))
				return text_at(condition, "message");
		}
	}
	return NULL;
}

void claim_view_read(const struct json_object *claim, struct claim_view *view) {
	*view = (struct claim_view){ .exists = claim != NULL };
	if (claim == NULL) return;
	const struct json_object *metadata = json_get(claim, "metadata");
	const struct json_object *spec = json_get(claim, "spec");
	view->created = time_at(metadata, "creationTimestamp");
	view->uid = json_get_text(metadata, "uid");
	view->is_deleting = is_deleting(metadata);
	view->is_labelled = is_labelled(metadata);
	view->storage_class = json_get_text(spec, "storageClassName");
	read_storage(json_get_path(spec, "resources", "requests", NULL), &view->requested);
	read_storage(json_get_path(claim, "status", "capacity", NULL), &view->capacity);
	view->is_resizing = condition_is(claim, "Resizing", "True");
	view->waits_for_node = condition_is(claim, "FileSystemResizePending", "True");
	view->waits_since = time_at(condition_of(claim, "FileSystemResizePending"), "lastTransitionTime");
	view->trouble = resize_error(claim);
}

/* ---- Ops requests ---- */

static enum request_phase phase_of(const char *phase) {
	if (is(phase, "Progressing")) return REQUEST_PROGRESSING;
	return opsrequest_is_over(phase) ? REQUEST_OVER : REQUEST_PENDING;
}

bool request_view_read(const struct json_object *request, struct request_view *view) {
	const struct json_object *metadata = json_get(request, "metadata");
	const struct json_object *spec = json_get(request, "spec");
	const struct json_object *expansion = json_get(spec, "volumeExpansion");
	const struct json_object *size = json_get(expansion, "mssqlserver");
	const char *created = json_get_text(metadata, "creationTimestamp");
	const char *timeout = json_get_text(spec, "timeout");
	int64_t timeout_ns = 0;
	*view = (struct request_view){
		.name = json_get_text(metadata, "name"),
		.created = created != NULL ? clock_parse_rfc3339(created) : 0,
		.phase = phase_of(json_get_text(json_get(request, "status"), "phase")),
		.size_text = json_get_text(expansion, "mssqlserver"),
		.is_offline = is(json_get_text(expansion, "mode"), "Offline"),
		.applies_always = is(json_get_text(spec, "apply"), "Always"),
		.max_retries = (int)json_get_integer(spec, "maxRetries", -1),
		.object = request,
	};
	if (timeout != NULL && duration_parse(timeout, &timeout_ns)) view->timeout_s = timeout_ns / 1000000000;
	if (timeout_ns > 0 && view->timeout_s == 0) view->timeout_s = 1;
	return view->name != NULL && is(json_get_text(spec, "type"), "VolumeExpansion") && size != NULL &&
	       quantity_from_json(size, &view->size);
}

int request_view_compare(const void *a, const void *b) {
	const struct request_view *one = a, *other = b;
	if (one->created != other->created) return one->created < other->created ? -1 : 1;
	return strcmp(one->name, other->name);
}
