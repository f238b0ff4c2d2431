/* Ops requests: those of an object, as decisions see them; and those whose object does not exist, which nobody would
 * look at otherwise. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/decide/volumes.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"

/* ---- Those of an object ---- */

void operations_free(struct managed *managed) {
	free(managed->requests);
	managed->requests = NULL;
	managed->request_count = 0;
	kube_objects_free(&managed->request_objects);
	free(managed->volume_size);
	managed->volume_size = NULL;
}

static bool is_for(const struct json_object *request, const char *database) {
	const char *name = json_get_text(json_get_path(request, "spec", "databaseRef", NULL), "name");
	return name != NULL && strcmp(name, database) == 0;
}

static void read_requests(struct managed *managed) {
	if (managed->resource != &kube_mssqlservers) return;
	managed->request_objects = kube_cache_list(managed->engine->caches[CACHE_OPSREQUEST], managed->namespace);
	const struct kube_objects *objects = &managed->request_objects;
	managed->requests = xcalloc(objects->count + 1, sizeof(*managed->requests));
	for (size_t i = 0; i < objects->count; i++) {
		struct request_view *request = &managed->requests[managed->request_count];
		if (is_for(objects->items[i]->json, managed->name) &&
		    request_view_read(objects->items[i]->json, request))
			managed->request_count++;
	}
	qsort(managed->requests, managed->request_count, sizeof(*managed->requests), request_view_compare);
}

static const char *volume_size_to_come(const struct managed *managed, struct arena *arena, struct quantity *size) {
	const struct spec *spec = &managed->spec;
	const char *text = wanted_volume_size(spec, managed->requests, managed->request_count, arena, size);
	struct quantity wanted = *size;
	for (size_t i = 0; text != NULL && i < spec->replica_count; i++) {
		cleanup_kube_object const struct kube_object *claim = server_claim(managed, spec->replicas[i].pod);
		struct claim_view view;
		claim_view_read(claim != NULL ? claim->json : NULL, &view);
		raise_to_policy(spec, view.requested, size);
	}
	return text != NULL && quantity_compare(wanted, *size) != 0 ? size_text(arena, *size) : text;
}

/* A StatefulSet keeps the template that it was made with; one that is made anew gets what is wanted now. */
static void set_volume_size(struct managed *managed) {
	cleanup_arena struct arena arena = { 0 };
	struct quantity wanted, of_set;
	const char *text = volume_size_to_come(managed, &arena, &wanted);
	cleanup_kube_object const struct kube_object *set =
	        follow_get(managed->engine, CACHE_SET, managed->namespace, managed->name);
	const struct json_object *size = set != NULL ? child_volume_size(set->json) : NULL;
	if (text == NULL) return;
	bool differs = size != NULL && quantity_from_json(size, &of_set) && quantity_compare(of_set, wanted) != 0;
	managed->volume_size = xstrdup(differs ? size_text(&arena, of_set) : text);
}

void operations_refresh(struct managed *managed) {
	operations_free(managed);
	read_requests(managed);
	set_volume_size(managed);
}

/* ---- Those of nobody ---- */

struct orphan {
	struct engine *engine;
	char *key, *namespace, *name;
	const struct kube_object *request;
	unsigned tenure; /* in which it was found */
};

static void orphan_free(struct orphan *orphan) {
	kube_object_unref(orphan->request);
	free(orphan->key);
	free(orphan->namespace);
	free(orphan->name);
	free(orphan);
}

/* Nothing is left to be done: it has no failures behind it any more. */
static void drop(struct orphan *orphan) {
	queue_forget(orphan->engine->queue, orphan->key);
	orphan_free(orphan);
}

bool operations_is_key(const char *key) {
	const char *kind = kube_mssqlserveropsrequests.kind;
	size_t length = strlen(kind);
	return strncmp(key, kind, length) == 0 && key[length] == '/';
}

static void again(struct orphan *orphan, const struct error *err) {
	log_warning("a request whose database is gone could not be ended", log_str("request", orphan->key),
	            log_err(err));
	queue_retry(orphan->engine->queue, orphan->key);
}

static void on_ended(void *context, struct json_object *answer, const struct error *err) {
	struct orphan *orphan = context;
	(void)answer;
	bool is_late = err != NULL && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT);
	if (err == NULL || is_late) {
		drop(orphan);
		return;
	}
	again(orphan, err);
	orphan_free(orphan);
}

static bool may_go_on(const struct orphan *orphan) {
	const struct engine *engine = orphan->engine;
	return engine->tenure != NULL && orphan->tenure == engine->tenures && lease_keeper_holds(engine->lease);
}

/* The cache of databases may be behind that of requests: only the API itself says that there is none. */
static void on_database(void *context, struct json_object *answer, const struct error *err) {
	struct orphan *orphan = context;
	(void)answer;
	cleanup_json struct json_object *status = NULL;
	bool is_absent = err != NULL && err->kind == ERROR_NOT_FOUND;
	if (is_absent) status = ops_orphan_status(orphan->request->json, clock_wall_us());
	if (err != NULL && !is_absent) {
		again(orphan, err);
		orphan_free(orphan);
		return;
	}
	if (status == NULL || !may_go_on(orphan)) {
		drop(orphan);
		return;
	}
	cleanup_json struct json_object *body = json_copy(orphan->request->json);
	json_set(body, "status", take(&status));
	const struct kube_request request = { .method = KUBE_PUT,
		                              .resource = &kube_mssqlserveropsrequests,
		                              .namespace = orphan->namespace,
		                              .name = orphan->name,
		                              .subresource = "status",
		                              .body = body };
	engine_request(orphan->engine, &request, on_ended, orphan);
}

void operations_end_orphan(struct engine *engine, const char *key) {
	const char *namespace = strchr(key, '/') + 1;
	const char *name = strchr(namespace, '/');
	if (name == NULL) return;
	struct orphan *orphan = xmalloc(sizeof(*orphan));
	*orphan = (struct orphan){
		engine, xstrdup(key),   xstrndup(namespace, (size_t)(name - namespace)), xstrdup(name + 1),
		NULL,   engine->tenures
	};
	orphan->request = follow_get(engine, CACHE_OPSREQUEST, orphan->namespace, orphan->name);
	const struct json_object *json = orphan->request != NULL ? orphan->request->json : NULL;
	const char *database = json_get_text(json_get_path(json, "spec", "databaseRef", NULL), "name");
	cleanup_json struct json_object *status = json != NULL ? ops_orphan_status(json, 0) : NULL;
	if (status == NULL || database == NULL) {
		drop(orphan);
		return;
	}
	const struct kube_request request = {
		.method = KUBE_GET, .resource = &kube_mssqlservers, .namespace = orphan->namespace, .name = database
	};
	engine_request(engine, &request, on_database, orphan);
}
