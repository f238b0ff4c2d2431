/* Claims are followed by the labels of our children. One that was there before its StatefulSet lacks them: it is read
 * by its name, until decisions have had it labelled. */
#include <stdlib.h>

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

const struct kube_object *server_claim(const struct managed *managed, const char *pod) {
	cleanup_free char *name = xasprintf("data-%s", pod);
	const struct kube_object *seen = follow_get(managed->engine, CACHE_CLAIM, managed->namespace, name);
	if (seen != NULL) return seen;
	const struct server *server = server_find(managed, pod);
	return server != NULL && server->claim != NULL ? kube_object_ref(server->claim) : NULL;
}
