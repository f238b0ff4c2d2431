/* Actions on the object itself, its pods and its claims.
 *
 * A write to the object carries the resourceVersion that was looked at. When no answer comes, it may have been done, or
 * be done later: then the same write is sent again until it is answered with success or with a conflict, and nothing is
 * decided meanwhile. After either, the first one cannot take effect any more. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "kube/backoff.h"

static struct json_object *object_at(struct json_object *parent, const char *key) {
	struct json_object *object = json_get(parent, key);
	if (object != NULL) return object;
	object = json_object_new_object();
	json_set(parent, key, object);
	return object;
}

/* ---- The object ---- */

static void send_object(struct deed *deed);

static void on_newest(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	if (err == NULL && !managed->is_gone && managed_adopt(managed, answer)) managed_look(managed);
	deed_drop(what, "somebody else has changed the object");
}

/* The watch will show it, but it may be late, and until then every write would fail. */
static void read_newest(struct deed *deed) {
	const struct managed *managed = deed->managed;
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = managed->resource,
		                              .namespace = managed->namespace,
		                              .name = managed->name };
	deed_request(deed, &request, on_newest);
}

static void on_pause(void *context) {
	struct deed *deed = context;
	send_object(deed);
}

static bool is_unknown(const struct error *err) {
	return err->kind == ERROR_TIMEOUT || err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_IO;
}

static void on_object(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (managed->is_gone) {
		deed_drop(deed, "the object is not looked after any more");
	} else if (err == NULL) {
		managed_adopt(managed, answer);
		deed_end(deed, NULL);
	} else if (err->kind == ERROR_CONFLICT) {
		read_newest(deed);
	} else if (is_unknown(err) && deed_may_go_on(deed)) {
		engine_after(managed, (int64_t)(deed->tries < 5 ? 200 << deed->tries : 5000), on_pause, deed);
	} else {
		deed_end(deed, err);
	}
}

static void send_object(struct deed *deed) {
	const struct managed *managed = deed->managed;
	bool is_status = deed->action.type == ACTION_WRITE_STATUS;
	const struct kube_request request = { .method = is_status ? KUBE_PUT : KUBE_PATCH,
		                              .resource = managed->resource,
		                              .namespace = managed->namespace,
		                              .name = managed->name,
		                              .subresource = is_status ? "status" : NULL,
		                              .body = deed->body,
		                              .patch_type = KUBE_PATCH_MERGE };
	deed->tries++;
	deed_request(deed, &request, on_object);
}

static struct json_object *status_body(const struct deed *deed) {
	struct json_object *body = json_copy(deed->managed->object->json);
	json_set(body, "status", json_copy(deed->action.json));
	return body;
}

static struct json_object *finalizers_with(const struct deed *deed, bool present) {
	const struct json_object *old = json_get_path(deed->managed->object->json, "metadata", "finalizers", NULL);
	struct json_object *list = json_object_new_array();
	size_t count = json_object_is_type(old, json_type_array) ? json_object_array_length(old) : 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(old, i));
		if (strcmp(name, FINALIZER) != 0) json_object_array_add(list, json_object_new_string(name));
	}
	if (present) json_object_array_add(list, json_object_new_string(FINALIZER));
	return list;
}

/* Of its metadata, or its size. */
static struct json_object *object_patch(const struct deed *deed) {
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = object_at(patch, "metadata");
	json_set_text(metadata, "resourceVersion", deed->managed->object->resource_version);
	if (deed->action.type == ACTION_PATCH_STORAGE) {
		struct json_object *storage = object_at(object_at(patch, "spec"), "storage");
		json_set_text(object_at(object_at(storage, "resources"), "requests"), "storage", deed->action.text);
	} else if (deed->action.type == ACTION_REMOVE_ANNOTATION) {
		json_object_object_add(object_at(metadata, "annotations"), deed->action.text, NULL);
	} else {
		json_set(metadata, "finalizers", finalizers_with(deed, deed->action.type == ACTION_ADD_FINALIZER));
	}
	return patch;
}

static void act_on_object(struct deed *deed) {
	bool is_status = deed->action.type == ACTION_WRITE_STATUS;
	deed->body = is_status ? status_body(deed) : object_patch(deed);
	send_object(deed);
}

/* ---- Pods and claims: only the one that was looked at, by uid ---- */

static char *name_of(const struct action *action) {
	bool is_claim = action_rows[action->type].target == TARGET_CLAIM;
	return xasprintf("%s%s", is_claim ? "data-" : "", action->pod);
}

/* Of a patch with a uid the API server says so in words only: the field is immutable (apimachinery's validation). */
static bool is_another(const struct error *err) {
	bool is_uid = err->kind == ERROR_INVALID && strstr(err->message, "metadata.uid") != NULL;
	return is_uid || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT;
}

static void on_part(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	bool is_claim = action_rows[deed->action.type].target == TARGET_CLAIM;
	if (err != NULL && is_another(err)) {
		if (is_claim) server_forget_claim(managed, deed->action.pod);
		deed_drop(deed, "it is not the one that was looked at any more");
		return;
	}
	if (err == NULL && !managed->is_gone) {
		cleanup_free char *name = name_of(&deed->action);
		bool is_object = json_get(answer, "metadata") != NULL &&
		                 json_get_text(json_get(answer, "metadata"), "resourceVersion") != NULL;
		deed_settle(deed, is_claim ? CACHE_CLAIM : CACHE_POD, name, is_object ? answer : NULL);
	}
	deed_end(deed, err);
}

static struct json_object *pod_label(const struct deed *deed, const char *uid) {
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = object_at(patch, "metadata");
	const char *role = deed->action.text;
	json_set_text(metadata, "uid", uid);
	json_object_object_add(object_at(metadata, "labels"), deed->managed->spec.role_label,
	                       role != NULL ? json_object_new_string(role) : NULL);
	return patch;
}

/* Those of the StatefulSet without what podTemplate adds: what every child carries. */
static struct json_object *claim_labels(const struct deed *deed, const char *uid) {
	static const char prefix[] = "app.kubernetes.io/";
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = object_at(patch, "metadata");
	json_set_text(metadata, "uid", uid);
	const struct managed *managed = deed->managed;
	for (size_t i = 0; i < managed->child_count; i++) {
		if (managed->children[i].resource != &kube_statefulsets) continue;
		struct json_object *labels = json_get_path(managed->children[i].brief, "metadata", "labels", NULL);
		json_object_object_foreach(labels, key, value) {
			if (strncmp(key, prefix, sizeof(prefix) - 1) == 0)
				json_set(object_at(metadata, "labels"), key, json_copy(value));
		}
	}
	return patch;
}

static struct json_object *claim_size(const struct deed *deed, const char *uid) {
	struct json_object *patch = json_object_new_object();
	json_set_text(object_at(patch, "metadata"), "uid", uid);
	struct json_object *resources = object_at(object_at(patch, "spec"), "resources");
	json_set_text(object_at(resources, "requests"), "storage", deed->action.text);
	return patch;
}

static struct json_object *delete_options(const char *uid) {
	struct json_object *options = json_object_new_object();
	json_set_text(options, "apiVersion", "v1");
	json_set_text(options, "kind", "DeleteOptions");
	if (uid != NULL) json_set_text(object_at(options, "preconditions"), "uid", uid);
	return options;
}

static void act_on_part(struct deed *deed) {
	const struct action *action = &deed->action;
	const struct managed *managed = deed->managed;
	bool is_claim = action_rows[action->type].target == TARGET_CLAIM;
	bool is_deletion = action->type == ACTION_DELETE_POD || action->type == ACTION_DELETE_CLAIM;
	cleanup_free char *name = name_of(action);
	cleanup_kube_object const struct kube_object *seen =
	        is_claim ? server_claim(managed, action->pod)
	                 : follow_get(managed->engine, CACHE_POD, managed->namespace, name);
	const char *uid = seen != NULL ? seen->uid : NULL;
	if (uid == NULL && !is_deletion) {
		deed_drop(deed, "it is not there any more");
		return;
	}
	cleanup_json struct json_object *body = NULL;
	if (is_deletion) body = delete_options(action->text);
	else if (action->type == ACTION_PATCH_CLAIM) body = claim_size(deed, uid);
	else body = is_claim ? claim_labels(deed, uid) : pod_label(deed, uid);
	const struct kube_request request = { .method = is_deletion ? KUBE_DELETE : KUBE_PATCH,
		                              .resource = is_claim ? &kube_persistentvolumeclaims : &kube_pods,
		                              .namespace = managed->namespace,
		                              .name = name,
		                              .body = body,
		                              .patch_type = KUBE_PATCH_MERGE };
	deed_request(deed, &request, on_part);
}

void act_on_api(struct deed *deed) {
	if (action_rows[deed->action.type].target == TARGET_OBJECT) act_on_object(deed);
	else act_on_part(deed);
}
