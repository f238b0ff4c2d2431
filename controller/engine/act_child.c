/* Children: applied as a whole, by server-side apply. Before one is made it is read: what is there under its name and
 * is not ours is left alone. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"

static const char *name_of(const struct deed *deed) {
	return json_get_text(json_get(deed->action.json, "metadata"), "name");
}

/* ---- Applying ---- */

static void on_applied(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	struct child *child = managed->is_gone ? NULL : child_find(managed, deed->action.json);
	if (err == NULL && child != NULL) {
		enum engine_cache cache = child_cache(child->resource);
		child->applied_desired = json_digest(deed->action.json);
		const char *version = json_get_text(json_get(answer, "metadata"), "resourceVersion");
		free(child->applied_version);
		child->applied_version = version != NULL ? xstrdup(version) : NULL;
		child->applied = object_digest(answer);
		child->applied_at = clock_monotonic_ms();
		child->verify_at = 0;
		if (cache != CACHES) deed_settle(deed, cache, child->name, answer);
	}
	if (err != NULL && err->kind == ERROR_CONFLICT) deed_drop(deed, err->message);
	else deed_end(deed, err);
}

/* Says in the object itself what it shall be, for the leaders to come. */
static struct json_object *annotated(const struct json_object *json) {
	struct json_object *body = json_copy(json);
	struct json_object *metadata = json_get(body, "metadata");
	cleanup_free char *desired = desired_text(json_digest(json));
	if (json_get(metadata, "annotations") == NULL) json_set(metadata, "annotations", json_object_new_object());
	json_set_text(json_get(metadata, "annotations"), DESIRED_ANNOTATION, desired);
	return body;
}

static void apply(struct deed *deed) {
	cleanup_json struct json_object *body = annotated(deed->action.json);
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = child_resource(deed->action.json),
		                              .namespace = deed->managed->namespace,
		                              .name = name_of(deed),
		                              .body = body,
		                              .patch_type = KUBE_PATCH_APPLY,
		                              .force = true };
	deed_request(deed, &request, on_applied);
}

static void set_foreign(struct child *child, const char *whose) {
	free(child->foreign);
	child->foreign = whose != NULL ? xstrdup(whose) : NULL;
	child->foreign_at = clock_monotonic_ms();
}

static void on_there(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	struct child *child = managed->is_gone ? NULL : child_find(managed, deed->action.json);
	bool is_absent = err != NULL && err->kind == ERROR_NOT_FOUND;
	if (child == NULL) {
		deed_drop(deed, "it is not wanted any more");
	} else if (err != NULL && !is_absent) {
		deed_end(deed, err);
	} else if (is_absent || is_owned_by(answer, managed->object->uid)) {
		set_foreign(child, NULL);
		apply(deed);
	} else {
		set_foreign(child, "it was there before, and belongs to somebody else");
		deed_drop(deed, child->foreign);
	}
}

static void look_first(struct deed *deed, request_done *then) {
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = child_resource(deed->action.json),
		                              .namespace = deed->managed->namespace,
		                              .name = name_of(deed) };
	deed_request(deed, &request, then);
}

/* ---- Deleting ---- */

static void on_deleted(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	bool is_late = err != NULL && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT);
	bool is_again = deed->action.type == ACTION_DELETE_SET && err == NULL && !managed->is_gone;
	if (is_again) deed_settle(deed, CACHE_SET, name_of(deed), answer);
	if (!managed->is_gone && (err == NULL || is_late)) stray_forget(managed, deed->action.json);
	if (is_late) deed_drop(deed, "it is gone");
	else deed_end(deed, err);
}

static void delete (struct deed *deed, const char *uid) {
	cleanup_json struct json_object *options = json_object_new_object();
	struct json_object *preconditions = json_object_new_object();
	json_set_text(options, "apiVersion", "v1");
	json_set_text(options, "kind", "DeleteOptions");
	bool leaves_pods = deed->action.type == ACTION_DELETE_SET;
	json_set_text(options, "propagationPolicy", leaves_pods ? "Orphan" : "Foreground");
	json_set_text(preconditions, "uid", uid);
	json_set(options, "preconditions", preconditions);
	const struct kube_request request = { .method = KUBE_DELETE,
		                              .resource = child_resource(deed->action.json),
		                              .namespace = deed->managed->namespace,
		                              .name = name_of(deed),
		                              .body = options };
	deed_request(deed, &request, on_deleted);
}

/* Of a kind that is not followed. */
static void on_stray(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (managed->is_gone) {
		deed_drop(deed, "the object is not looked after any more");
	} else if (err != NULL) {
		on_deleted(managed, deed, NULL, err);
	} else if (is_owned_by(answer, managed->object->uid) && has_our_labels(managed, answer)) {
		delete (deed, json_get_text(json_get(answer, "metadata"), "uid"));
	} else {
		stray_forget(managed, deed->action.json);
		deed_drop(deed, "there is none of ours");
	}
}

static void act_on_deletion(struct deed *deed, const struct kube_object *seen, bool is_followed) {
	if (!is_followed) look_first(deed, on_stray);
	else if (seen != NULL) delete (deed, seen->uid);
	else deed_drop(deed, "there is none of ours");
}

void act_on_child(struct deed *deed) {
	const struct managed *managed = deed->managed;
	const struct kube_resource *resource = child_resource(deed->action.json);
	if (resource == NULL || name_of(deed) == NULL) {
		deed_drop(deed, "it is no child that is known");
		return;
	}
	enum engine_cache cache = child_cache(resource);
	cleanup_kube_object const struct kube_object *seen =
	        cache != CACHES ? follow_get(managed->engine, cache, managed->namespace, name_of(deed)) : NULL;
	bool is_ours = seen != NULL && is_owned_by(seen->json, managed->object->uid);
	if (deed->action.type == ACTION_DELETE_CHILD || deed->action.type == ACTION_DELETE_SET)
		act_on_deletion(deed, is_ours ? seen : NULL, cache != CACHES);
	else if (is_ours) apply(deed);
	else look_first(deed, on_there);
}
