#include "webhook/handover.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "webhook/departure.h"
#include "webhook/pool.h"

enum {
	WAIT_MS = 20000,
	TICK_MS = 10,    /* between looks at the caches, while somebody waits */
	WRITE_MS = 5000, /* for the wish to be written */
	WRITERS = 4,
	QUEUE = 256
};

/* One that is held back. */
struct waiting {
	struct waiting *next;
	struct handover *gate;
	const struct kube_resource *resource;
	char *namespace, *name, *pod, *wish;
	int64_t began_at, until;
	char *written;  /* resourceVersion of the object that carries the wish; NULL: not yet */
	bool is_failed; /* it could not be written */
	bool is_writing;
	void (*then)(void *context, enum handover_result result);
	void *context;
};

struct handover {
	struct handover_options options;
	struct pool *pool;
	struct metric *results;
	struct metric_cell *waiting_now;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct waiting *waiting;
	bool stopping;
	pthread_t thread;
};

static const struct {
	const char *name, *warning;
} results[] = {
	[HANDED_OVER] = { "handed-over", NULL },
	[HAND_OVER_REFUSED] = { "refused", "agkeeper: this primary goes without a hand-over: no other replica can "
	                                   "take its place now (kubectl describe the object says more)" },
	[HAND_OVER_LATE] = { "late",
	                     "agkeeper: this primary goes before it could hand over: no other replica was ready "
	                     "in time (kubectl describe the object says more)" },
	[HAND_OVER_FAILED] = { "failed", "agkeeper: this primary goes without a hand-over: it could not be asked for" },
};

const char *handover_warning(enum handover_result result) {
	return results[result].warning;
}

/* ---- One of them ---- */

static void waiting_free(struct waiting *waiting) {
	free(waiting->namespace);
	free(waiting->name);
	free(waiting->pod);
	free(waiting->wish);
	free(waiting->written);
	free(waiting);
}

static struct kube_cache *cache_of(const struct handover *gate, const struct kube_resource *resource) {
	return resource == &kube_mssqlservers ? gate->options.servers : gate->options.groups;
}

/* Whether it need not wait any longer. With the gate's lock. */
static bool is_over(const struct waiting *waiting, int64_t now, enum handover_result *result) {
	const struct handover *gate = waiting->gate;
	cleanup_kube_object const struct kube_object *object =
	        kube_cache_get(cache_of(gate, waiting->resource), waiting->namespace, waiting->name);
	enum departure_state state = departure_judge(object != NULL ? object->json : NULL, waiting->pod);
	bool is_withdrawn = object != NULL && departure_is_seen(object->resource_version, waiting->written) &&
	                    !departure_is_wished(object->json, waiting->wish);
	*result = HANDED_OVER;
	if (state == DEPARTURE_FREE) return true;
	if (is_withdrawn) {
		if (state == DEPARTURE_AWAITED) *result = HAND_OVER_REFUSED;
		return true;
	}
	if (state == DEPARTURE_AWAITED) *result = waiting->is_failed ? HAND_OVER_FAILED : HAND_OVER_LATE;
	return waiting->is_failed || gate->stopping || now >= waiting->until;
}

static void end(struct waiting *waiting, enum handover_result result, int64_t now) {
	const struct handover *gate = waiting->gate;
	metric_increment(metric_cell(gate->results, METRIC_VALUES(results[result].name)));
	metric_change(gate->waiting_now, -1);
	log_info("a primary's pod may go", log_str("namespace", waiting->namespace), log_str("pod", waiting->pod),
	         log_str("result", results[result].name), log_int("ms", now - waiting->began_at));
	waiting->then(waiting->context, result);
	waiting_free(waiting);
}

/* ---- The wish ---- */

static struct json_object *patch_of(const char *wish) {
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *annotations = json_object_new_object();
	json_set_text(annotations, HAND_OVER_ANNOTATION, wish);
	json_set(metadata, "annotations", annotations);
	json_set(patch, "metadata", metadata);
	return patch;
}

/* On a writer's thread; the gate leaves what is being written alone. */
static void write_wish(void *argument) {
	struct waiting *waiting = argument;
	struct handover *gate = waiting->gate;
	cleanup_json struct json_object *patch = patch_of(waiting->wish);
	cleanup_json struct json_object *answer = NULL;
	cleanup_error struct error *err = NULL;
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = waiting->resource,
		                              .namespace = waiting->namespace,
		                              .name = waiting->name,
		                              .body = patch,
		                              .patch_type = KUBE_PATCH_MERGE,
		                              .timeout_ms = WRITE_MS };
	if (kube_request(gate->options.client, &request, &answer, &err) < 0) {
		log_warning("a hand-over could not be asked for", log_str("namespace", waiting->namespace),
		            log_str("pod", waiting->pod), log_err(err));
	}
	const char *version = json_get_text(json_get(answer, "metadata"), "resourceVersion");
	pthread_mutex_lock(&gate->lock);
	waiting->is_failed = version == NULL;
	if (version != NULL) waiting->written = xstrdup(version);
	waiting->is_writing = false;
	pthread_cond_signal(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
}

/* ---- All of them ---- */

/* Takes out those whose time has come. With the lock. */
static struct waiting *take_over(struct handover *gate, int64_t now, enum handover_result *result) {
	for (struct waiting **at = &gate->waiting; *at != NULL; at = &(*at)->next) {
		struct waiting *waiting = *at;
		if (waiting->is_writing || !is_over(waiting, now, result)) continue;
		*at = waiting->next;
		return waiting;
	}
	return NULL;
}

static void wait_a_tick(struct handover *gate) {
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_cond_timedwait(&gate->changed, &gate->lock, &until);
}

static void *run(void *argument) {
	struct handover *gate = argument;
	pthread_mutex_lock(&gate->lock);
	while (!gate->stopping || gate->waiting != NULL) {
		int64_t now = clock_monotonic_ms();
		enum handover_result result;
		struct waiting *waiting = take_over(gate, now, &result);
		if (waiting != NULL) {
			pthread_mutex_unlock(&gate->lock);
			end(waiting, result, now);
			pthread_mutex_lock(&gate->lock);
		} else if (gate->waiting != NULL) {
			wait_a_tick(gate);
		} else {
			pthread_cond_wait(&gate->changed, &gate->lock);
		}
	}
	pthread_mutex_unlock(&gate->lock);
	return NULL;
}

/* The pod's object, if it has to hand over before the pod goes. */
static struct waiting *find_out(struct handover *gate, const struct json_object *request) {
	struct departure departure;
	const char *name = NULL;
	if (!departure_read(request, gate->options.own_user, &departure)) return NULL;
	cleanup_kube_object const struct kube_object *pod =
	        kube_cache_get(gate->options.pods, departure.namespace, departure.pod);
	const struct kube_resource *resource = pod != NULL ? departure_owner(pod->json, &name) : NULL;
	if (resource == NULL) return NULL;
	cleanup_kube_object const struct kube_object *object =
	        kube_cache_get(cache_of(gate, resource), departure.namespace, name);
	if (departure_judge(object != NULL ? object->json : NULL, departure.pod) != DEPARTURE_AWAITED) return NULL;
	struct waiting *waiting = xcalloc(1, sizeof(*waiting));
	waiting->gate = gate;
	waiting->resource = resource;
	waiting->namespace = xstrdup(departure.namespace);
	waiting->name = xstrdup(name);
	waiting->pod = xstrdup(departure.pod);
	waiting->wish = xasprintf("%s/%s", departure.pod, pod->uid);
	return waiting;
}

bool handover_begin(struct handover *gate, const struct json_object *request,
                    void (*then)(void *context, enum handover_result result), void *context) {
	struct waiting *waiting = find_out(gate, request);
	if (waiting == NULL) return false;
	waiting->began_at = clock_monotonic_ms();
	waiting->until = waiting->began_at + (gate->options.wait_ms != 0 ? gate->options.wait_ms : WAIT_MS);
	waiting->then = then;
	waiting->context = context;
	waiting->is_writing = true;
	pthread_mutex_lock(&gate->lock);
	/* What is in the list is let go by the thread, and by nobody else. */
	bool is_held = !gate->stopping && pool_submit(gate->pool, write_wish, waiting);
	if (is_held) {
		waiting->next = gate->waiting;
		gate->waiting = waiting;
		metric_change(gate->waiting_now, 1);
		pthread_cond_signal(&gate->changed);
	}
	pthread_mutex_unlock(&gate->lock);
	if (!is_held) waiting_free(waiting);
	return is_held;
}

/* ---- Beginning and end ---- */

struct handover *handover_new(const struct handover_options *options) {
	struct handover *gate = xcalloc(1, sizeof(*gate));
	gate->options = *options;
	gate->results = metrics_add(options->metrics, METRIC_COUNTER, "agkeeper_hand_overs_asked_total",
	                            "Deletions and evictions of primaries that were held back, by how it ended.",
	                            METRIC_LABELS("result"));
	gate->waiting_now = metric_cell(metrics_add(options->metrics, METRIC_GAUGE, "agkeeper_deletions_held",
	                                            "Deletions and evictions that wait for a hand-over now.", NULL),
	                                NULL);
	pthread_mutex_init(&gate->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&gate->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	gate->pool = pool_new(WRITERS, QUEUE);
	if (pthread_create(&gate->thread, NULL, run, gate) != 0) abort();
	return gate;
}

void handover_stop(struct handover *gate) {
	if (gate == NULL) return;
	pthread_mutex_lock(&gate->lock);
	bool was_stopping = gate->stopping;
	gate->stopping = true;
	pthread_cond_signal(&gate->changed);
	pthread_mutex_unlock(&gate->lock);
	if (was_stopping) return;
	pool_stop(gate->pool);
	pthread_join(gate->thread, NULL);
}

void handover_free(struct handover *gate) {
	if (gate == NULL) return;
	pool_free(gate->pool);
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->lock);
	free(gate);
}
