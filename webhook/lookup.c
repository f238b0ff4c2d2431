#include "webhook/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "api/formats.h"
#include "base/json.h"
#include "base/memory.h"

/* ---- Nobody to ask ---- */

static void begin_offline(void *context, bool live, struct lookup_session *session) {
	(void)context;
	*session = (struct lookup_session){ .lookup = lookup_offline, .live = live };
}

static void end_offline(struct lookup_session *session) {
	(void)session;
}

const struct lookup_provider lookup_provider_offline = { .begin = begin_offline, .end = end_offline };

/* ---- A cluster ---- */

static const struct kube_resource *const resources[LOOKUP_RESOURCES] = {
	[LOOKUP_MSSQLSERVER] = &kube_mssqlservers,
	[LOOKUP_MSSQLSERVERVERSION] = &kube_mssqlserverversions,
	[LOOKUP_MSSQLSERVEROPSREQUEST] = &kube_mssqlserveropsrequests,
	[LOOKUP_STORAGECLASS] = &kube_storageclasses,
};

const struct kube_resource *lookup_kube_resource(enum lookup_resource resource) {
	return resources[resource];
}

enum { DEFAULT_TIMEOUT_MS = 2000 };

/* An answer that a session has given, and gives again. */
struct known {
	struct known *next;
	enum lookup_resource resource;
	bool is_list;
	char *namespace; /* NULL: none, or all */
	char *name;      /* NULL for lists */
	const struct kube_object *cached;
	struct kube_objects cached_list;
	struct json_object *live; /* an object or a list; NULL together with cached: it is not there */
};

struct session_state {
	const struct lookup_cluster *cluster;
	struct known *known;
	char *away; /* why the API does not answer, once it did not: a review has no time to try for every rule */
};

static bool same(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static struct known *find_known(const struct session_state *state, enum lookup_resource resource, bool is_list,
                                const char *namespace, const char *name) {
	struct known *known = state->known;
	while (known != NULL && !(known->resource == resource && known->is_list == is_list &&
	                          same(known->namespace, namespace) && same(known->name, name)))
		known = known->next;
	return known;
}

static struct known *add_known(struct session_state *state, enum lookup_resource resource, bool is_list,
                               const char *namespace, const char *name) {
	struct known *known = xcalloc(1, sizeof(*known));
	known->next = state->known;
	known->resource = resource;
	known->is_list = is_list;
	known->namespace = namespace != NULL ? xstrdup(namespace) : NULL;
	known->name = name != NULL ? xstrdup(name) : NULL;
	state->known = known;
	return known;
}

/* The caches do not tell: the rule stops, and the review is judged again where it may wait. */
static enum lookup_result want_live(struct lookup_session *session, struct findings *findings) {
	session->needs_live = true;
	if (findings->failure == NULL) findings->failure = xstrdup("the API server was not asked");
	return LOOKUP_FAILED;
}

static char *describe_failure(const struct kube_resource *resource, const char *namespace, const char *name,
                              const struct error *err) {
	if (name == NULL) return xasprintf("%s could not be listed: %s", resource->plural, err->message);
	return xasprintf("%s %s%s%s could not be looked up: %s", resource->kind, namespace != NULL ? namespace : "",
	                 namespace != NULL ? "/" : "", name, err->message);
}

/* One read of the API: an object, or with name NULL a collection. ERROR_NOT_FOUND is no failure: *answer is NULL. */
static int read_live(const struct lookup_cluster *cluster, enum lookup_resource resource, const char *namespace,
                     const char *name, struct json_object **answer, struct error **err) {
	const struct kube_request request = {
		.method = KUBE_GET,
		.resource = resources[resource],
		.namespace = namespace,
		.name = name,
		.timeout_ms = cluster->timeout_ms != 0 ? cluster->timeout_ms : DEFAULT_TIMEOUT_MS,
	};
	*answer = NULL;
	if (kube_request(cluster->client, &request, answer, err) == 0) return 0;
	if ((*err)->kind != ERROR_NOT_FOUND) return -1;
	error_free(*err);
	*err = NULL;
	return 0;
}

/* What the caches do not tell, from the API if the session may wait for it. */
static enum lookup_result ask_api(struct lookup_session *session, enum lookup_resource resource, const char *namespace,
                                  const char *name, struct json_object **answer, struct findings *findings) {
	if (!session->live) return want_live(session, findings);
	struct session_state *state = session->state;
	cleanup_free char *why = NULL;
	if (state->away == NULL) {
		cleanup_error struct error *err = NULL;
		if (read_live(state->cluster, resource, namespace, name, answer, &err) == 0) return LOOKUP_FOUND;
		why = describe_failure(resources[resource], namespace, name, err);
		if (err->kind == ERROR_TIMEOUT || err->kind == ERROR_UNAVAILABLE) state->away = xstrdup(why);
	}
	if (findings->failure == NULL) findings->failure = xstrdup(why != NULL ? why : state->away);
	return LOOKUP_FAILED;
}

static enum lookup_result get_from_cluster(void *context, enum lookup_resource resource, const char *namespace,
                                           const char *name, const struct json_object **object,
                                           struct findings *findings) {
	struct lookup_session *session = context;
	struct session_state *state = session->state;
	*object = NULL;
	/* No object has such a name, so there is nothing to ask; with a slash in it the question would be another one.
	 */
	if (!format_dns_subdomain.matches(name)) return LOOKUP_ABSENT;
	struct known *known = find_known(state, resource, false, namespace, name);
	if (known == NULL) {
		struct kube_cache *cache = state->cluster->caches[resource];
		const struct kube_object *cached = cache != NULL ? kube_cache_get(cache, namespace, name) : NULL;
		struct json_object *live = NULL;
		/* It may be newer than the cache. */
		if (cached == NULL && ask_api(session, resource, namespace, name, &live, findings) == LOOKUP_FAILED)
			return LOOKUP_FAILED;
		known = add_known(state, resource, false, namespace, name);
		known->cached = cached;
		known->live = live;
	}
	*object = known->cached != NULL ? known->cached->json : known->live;
	return *object != NULL ? LOOKUP_FOUND : LOOKUP_ABSENT;
}

/* Requests are listed to find one that stands in the way, and that may have been admitted a moment ago: later than what
 * the cache has seen. They are rare enough to ask each time. */
static bool lists_must_be_fresh(enum lookup_resource resource) {
	return resource == LOOKUP_MSSQLSERVEROPSREQUEST;
}

static enum lookup_result list_from_cluster(void *context, enum lookup_resource resource, const char *namespace,
                                            void (*visit)(void *visitor, const struct json_object *object),
                                            void *visitor, struct findings *findings) {
	struct lookup_session *session = context;
	struct session_state *state = session->state;
	struct known *known = find_known(state, resource, true, namespace, NULL);
	if (known == NULL) {
		struct kube_cache *cache = state->cluster->caches[resource];
		if (cache != NULL && kube_cache_synced(cache) && !lists_must_be_fresh(resource)) {
			known = add_known(state, resource, true, namespace, NULL);
			known->cached_list = kube_cache_list(cache, namespace);
		} else {
			struct json_object *live = NULL;
			if (ask_api(session, resource, namespace, NULL, &live, findings) == LOOKUP_FAILED)
				return LOOKUP_FAILED;
			known = add_known(state, resource, true, namespace, NULL);
			known->live = live;
		}
	}
	for (size_t i = 0; i < known->cached_list.count; i++) visit(visitor, known->cached_list.items[i]->json);
	const struct json_object *items = json_get(known->live, "items");
	size_t count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	for (size_t i = 0; i < count; i++) visit(visitor, json_object_array_get_idx(items, i));
	return LOOKUP_FOUND;
}

static void begin_in_cluster(void *context, bool live, struct lookup_session *session) {
	struct session_state *state = xcalloc(1, sizeof(*state));
	state->cluster = context;
	*session = (struct lookup_session){
		.lookup = { .context = session, .get = get_from_cluster, .list = list_from_cluster },
		.live = live,
		.state = state,
	};
}

static void end_in_cluster(struct lookup_session *session) {
	struct session_state *state = session->state;
	for (struct known *known = state->known, *next; known != NULL; known = next) {
		next = known->next;
		kube_object_unref(known->cached);
		kube_objects_free(&known->cached_list);
		json_object_put(known->live);
		free(known->namespace);
		free(known->name);
		free(known);
	}
	free(state->away);
	free(state);
}

struct lookup_provider lookup_provider_cluster(struct lookup_cluster *cluster) {
	return (struct lookup_provider){ .context = cluster, .begin = begin_in_cluster, .end = end_in_cluster };
}

/* ---- How the caches are ---- */

bool lookup_cluster_is_synced(void *cluster, struct strbuf *why) {
	const struct lookup_cluster *own = cluster;
	bool all = true;
	for (size_t i = 0; i < LOOKUP_RESOURCES; i++) {
		if (own->caches[i] == NULL || kube_cache_synced(own->caches[i])) continue;
		strbuf_printf(why, "%s%s", all ? "no list yet of " : ", ", resources[i]->plural);
		all = false;
	}
	return all;
}

struct cache_ages {
	const struct lookup_cluster *cluster;
	struct metric_cell *cells[LOOKUP_RESOURCES];
};

static void collect_ages(void *context) {
	const struct cache_ages *ages = context;
	for (size_t i = 0; i < LOOKUP_RESOURCES; i++) {
		if (ages->cells[i] == NULL) continue;
		int64_t age_ms = kube_cache_age_ms(ages->cluster->caches[i]);
		if (age_ms < 0) metric_hide(ages->cells[i]);
		else metric_set(ages->cells[i], (double)age_ms / 1000);
	}
}

void lookup_cluster_add_metrics(struct lookup_cluster *cluster, struct metrics *metrics) {
	struct metric *metric =
	        metrics_add(metrics, METRIC_GAUGE, "agkeeper_cache_age_seconds",
	                    "Since the API server last confirmed what the cache holds.", METRIC_LABELS("resource"));
	struct cache_ages *ages = xcalloc(1, sizeof(*ages));
	ages->cluster = cluster;
	for (size_t i = 0; i < LOOKUP_RESOURCES; i++) {
		if (cluster->caches[i] == NULL) continue;
		ages->cells[i] = metric_cell(metric, METRIC_VALUES(resources[i]->plural));
	}
	metrics_on_collect(metrics, collect_ages, ages, free);
}
