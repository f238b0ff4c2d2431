/* Claims are followed by the labels of our children. One that was there before its StatefulSet lacks them: it is read
 * by its name, until decisions have had it labelled. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"

enum { AGAIN_MS = 30 * 1000 };

static void set_claim(struct server *server, const struct kube_object *claim) {
	if (server->claim != NULL) kube_object_unref(server->claim);
	server->claim = claim;
}

static void on_claim(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct server *server = what;
	bool was_known = server->claim != NULL;
	bool is_absent = err != NULL && err->kind == ERROR_NOT_FOUND;
	server->is_claim_asked = false;
	if (err == NULL && !server->is_gone) set_claim(server, kube_object_new(json_copy(answer)));
	if (is_absent) set_claim(server, NULL);
	if (was_known != (server->claim != NULL)) managed_look(managed);
	server_release(server);
}

static void ask(struct server *server, int64_t now) {
	cleanup_free char *name = xasprintf("data-%s", server->pod);
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_persistentvolumeclaims,
		                              .namespace = server->managed->namespace,
		                              .name = name };
	server->is_claim_asked = true;
	server->claim_asked_at = now;
	server_hold(server);
	managed_request(server->managed, &request, on_claim, server);
}

void server_look_for_claim(struct server *server, const struct kube_object *known) {
	int64_t now = clock_monotonic_ms();
	if (known != NULL && known != server->claim) {
		set_claim(server, NULL); /* the watch has it */
		return;
	}
	bool is_early = server->claim_asked_at != 0 && now - server->claim_asked_at < AGAIN_MS;
	if (!server->is_claim_asked && !is_early) ask(server, now);
}

void server_forget_claim(const struct managed *managed, const char *pod) {
	struct server *server = server_find(managed, pod);
	if (server == NULL) return;
	set_claim(server, NULL);
	server->claim_asked_at = 0;
}

bool is_of_object(const struct managed *managed, const struct json_object *json) {
	const struct json_object *labels = json_get_path(json, "metadata", "labels", NULL);
	const char *instance = json_get_text(labels, "app.kubernetes.io/instance");
	const char *kind = json_get_text(labels, "app.kubernetes.io/name");
	cleanup_free char *own = xasprintf("%s.%s", managed->resource->plural, managed->resource->group);
	return (instance == NULL || strcmp(instance, managed->name) == 0) && (kind == NULL || strcmp(kind, own) == 0);
}

const struct kube_object *server_claim(const struct managed *managed, const char *pod) {
	cleanup_free char *name = xasprintf("data-%s", pod);
	const struct kube_object *seen = follow_get(managed->engine, CACHE_CLAIM, managed->namespace, name);
	if (seen != NULL) return seen;
	const struct server *server = server_find(managed, pod);
	return server != NULL && server->claim != NULL ? kube_object_ref(server->claim) : NULL;
}

/* ---- What the storage says ---- */

/* Reasons of external-resizer and of the kubelet. */
static bool is_about_size(const char *reason) {
	static const char *const reasons[] = { "VolumeResizeFailed", "FileSystemResizeFailed" };
	for (size_t i = 0; reason != NULL && i < ARRAY_LENGTH(reasons); i++) {
		if (strcmp(reasons[i], reason) == 0) return true;
	}
	return false;
}

static const char *time_of(const struct json_object *event) {
	const char *last = json_get_text(event, "lastTimestamp");
	const char *time = last != NULL ? last : json_get_text(event, "eventTime");
	return time != NULL ? time : "";
}

/* RFC 3339 in UTC: the order of the texts is the order in time. */
static const char *newest_trouble(const struct json_object *list, const char *uid) {
	const struct json_object *items = json_get(list, "items");
	const struct json_object *newest = NULL;
	for (size_t i = 0; json_object_is_type(items, json_type_array) && i < json_object_array_length(items); i++) {
		const struct json_object *event = json_object_array_get_idx(items, i);
		const char *whose = json_get_text(json_get(event, "involvedObject"), "uid");
		if (whose == NULL || strcmp(whose, uid) != 0 || !is_about_size(json_get_text(event, "reason")))
			continue;
		if (newest == NULL || strcmp(time_of(event), time_of(newest)) >= 0) newest = event;
	}
	return json_get_text(newest, "message");
}

static void set_trouble(struct server *server, const char *trouble) {
	bool is_same = trouble == NULL ? server->claim_trouble == NULL
	                               : server->claim_trouble != NULL && strcmp(trouble, server->claim_trouble) == 0;
	if (is_same) return;
	free(server->claim_trouble);
	server->claim_trouble = trouble != NULL ? xstrdup(trouble) : NULL;
	managed_look(server->managed);
}

static void on_events(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct server *server = what;
	server->is_trouble_asked = false;
	cleanup_kube_object const struct kube_object *claim =
	        server->is_gone ? NULL : server_claim(managed, server->pod);
	if (err == NULL && claim != NULL && claim->uid != NULL) set_trouble(server, newest_trouble(answer, claim->uid));
	server_release(server);
}

/* Its Events, where it grows and says nothing of its own: nobody follows all Events of a cluster for this. */
void server_look_for_trouble(struct server *server, const struct json_object *claim) {
	enum { TROUBLE_MS = 5000 };
	int64_t now = clock_monotonic_ms();
	struct claim_view view;
	claim_view_read(claim, &view);
	bool is_growing = view.exists && quantity_value(view.capacity) != 0 &&
	                  quantity_compare(view.capacity, view.requested) < 0;
	if (!is_growing) set_trouble(server, NULL);
	bool is_early = server->trouble_asked_at != 0 && now - server->trouble_asked_at < TROUBLE_MS;
	if (!is_growing || server->is_trouble_asked || is_early || view.uid == NULL) return;
	cleanup_free char *selector = xasprintf("involvedObject.uid=%s,type=Warning", view.uid);
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_events,
		                              .namespace = server->managed->namespace,
		                              .field_selector = selector };
	server->is_trouble_asked = true;
	server->trouble_asked_at = now;
	server_hold(server);
	managed_request(server->managed, &request, on_events, server);
}
