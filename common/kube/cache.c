#include "kube/cache.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/cache_private.h"

/* Defaults of what the options leave at 0. Bookmarks come each minute (k8s.io/apiserver, cacher.go,
 * defaultBookmarkFrequency), so one and a half without anything is silence. */
enum {
	CHUNK = 250,
	SILENCE_MS = 90 * 1000,
	BACKOFF_MS = 250,
	LONGEST_BACKOFF_MS = 10 * 1000,
	WATCH_SECONDS = 300,
	MAX_LINE = 16 * 1024 * 1024
};

static char *copy(const char *text) {
	return text != NULL ? xstrdup(text) : NULL;
}

static int64_t tick(struct loop_member *member, int64_t now) {
	return follow_tick((struct kube_cache *)member, now);
}

static void free_cache(struct loop_member *member) {
	struct kube_cache *cache = (struct kube_cache *)member;
	follow_free(cache);
	store_destroy(&cache->store);
	pthread_mutex_destroy(&cache->lock);
	pthread_cond_destroy(&cache->changed);
	free((char *)cache->options.namespace);
	free((char *)cache->options.label_selector);
	free((char *)cache->options.field_selector);
	free(cache);
}

struct kube_cache *kube_cache_new(struct kube_loop *loop, const struct kube_cache_options *options) {
	struct kube_cache *cache = xcalloc(1, sizeof(*cache));
	cache->member = (struct loop_member){ .tick = tick, .free = free_cache };
	cache->loop = loop;
	cache->options = *options;
	cache->options.namespace = copy(options->namespace);
	cache->options.label_selector = copy(options->label_selector);
	cache->options.field_selector = copy(options->field_selector);
	if (options->chunk == 0) cache->options.chunk = CHUNK;
	if (options->silence_ms == 0) cache->options.silence_ms = SILENCE_MS;
	if (options->backoff_ms == 0) cache->options.backoff_ms = BACKOFF_MS;
	if (options->watch_seconds == 0) cache->options.watch_seconds = WATCH_SECONDS;
	if (options->max_line == 0) cache->options.max_line = MAX_LINE;
	store_init(&cache->store);
	pthread_mutex_init(&cache->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&cache->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	cache->follow.backoff = (struct backoff){
		.first_ms = cache->options.backoff_ms,
		.longest_ms =
		        cache->options.backoff_ms > LONGEST_BACKOFF_MS ? cache->options.backoff_ms : LONGEST_BACKOFF_MS,
	};
	follow_init(cache);
	loop_add_member(loop, &cache->member);
	return cache;
}

/* ---- For follow.c ---- */

void cache_set_synced(struct kube_cache *cache, bool synced) {
	pthread_mutex_lock(&cache->lock);
	atomic_store(&cache->synced, synced);
	pthread_cond_broadcast(&cache->changed);
	pthread_mutex_unlock(&cache->lock);
	if (!synced || cache->was_synced) return;
	cache->was_synced = true;
	if (cache->options.on_synced != NULL) cache->options.on_synced(cache->options.context);
}

const struct kube_object *cache_adopt(struct kube_cache *cache, struct json_object *json) {
	const struct kube_resource *resource = cache->options.resource;
	json_object_object_del(json_get(json, "metadata"), "managedFields");
	/* The items of a list do not say what they are; those of a watch do. Let all be alike. */
	if (json_get(json, "kind") == NULL) {
		cleanup_strbuf struct strbuf api_version = { 0 };
		kube_resource_api_version(&api_version, resource);
		json_set_text(json, "apiVersion", strbuf_text(&api_version));
		json_set_text(json, "kind", resource->kind);
	}
	if (cache->options.transform != NULL) cache->options.transform(cache->options.context, json);
	json_shrink(json);
	return kube_object_new(json);
}

void cache_changed(void *context, const struct kube_object *old, const struct kube_object *new) {
	struct kube_cache *cache = context;
	atomic_fetch_add(&cache->events, 1);
	if (cache->options.on_event == NULL) return;
	enum kube_event event = KUBE_MODIFIED;
	if (old == NULL) event = KUBE_ADDED;
	if (new == NULL) event = KUBE_DELETED;
	cache->options.on_event(cache->options.context, event, old, new);
}

/* ---- Readers ---- */

const struct kube_object *kube_cache_get(struct kube_cache *cache, const char *namespace, const char *name) {
	return store_get(&cache->store, namespace != NULL ? namespace : "", name);
}

struct kube_objects kube_cache_list(struct kube_cache *cache, const char *namespace) {
	return store_list(&cache->store, namespace);
}

size_t kube_cache_count(struct kube_cache *cache) {
	return store_count(&cache->store);
}

bool kube_cache_synced(const struct kube_cache *cache) {
	return atomic_load(&cache->synced);
}

bool kube_cache_wait(struct kube_cache *cache, int64_t timeout_ms) {
	int64_t until = clock_monotonic_ns() + timeout_ms * 1000000;
	const struct timespec deadline = { .tv_sec = until / 1000000000, .tv_nsec = until % 1000000000 };
	int waited = 0;
	pthread_mutex_lock(&cache->lock);
	while (!atomic_load(&cache->synced) && waited == 0) {
		waited = pthread_cond_timedwait(&cache->changed, &cache->lock, &deadline);
	}
	pthread_mutex_unlock(&cache->lock);
	return atomic_load(&cache->synced);
}

int64_t kube_cache_age_ms(const struct kube_cache *cache) {
	int64_t at = atomic_load(&cache->contact_at);
	return at != 0 ? clock_monotonic_ms() - at : -1;
}

struct kube_cache_counts kube_cache_counts(const struct kube_cache *cache) {
	return (struct kube_cache_counts){
		.lists = atomic_load(&cache->lists),
		.watches = atomic_load(&cache->watches),
		.events = atomic_load(&cache->events),
		.failures = atomic_load(&cache->failures),
	};
}
