/* Watch caches: a copy of a part of the cluster that follows it (what client-go calls an informer).
 *
 *   struct kube_cache *pods = kube_cache_new(loop, &(struct kube_cache_options){ .resource = &kube_pods });
 *   …
 *   cleanup_kube_object const struct kube_object *pod = kube_cache_get(pods, "default", "sales-0");
 *
 * A cache lists once, in chunks, then watches from there; it resumes after a broken connection and lists again when the
 * server has forgotten where it was (410). Until the first list is complete it is not synced: what it does not hold may
 * exist all the same. It stays readable, with what it knew last, while the server is away. */
#ifndef AGKEEPER_KUBE_CACHE_H
#define AGKEEPER_KUBE_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/loop.h"
#include "kube/object.h"

struct kube_cache;

enum kube_event { KUBE_ADDED, KUBE_MODIFIED, KUBE_DELETED };

struct kube_cache_options {
	const struct kube_resource *resource;
	const char *namespace; /* only this one; NULL: all */
	const char *label_selector;
	const char *field_selector;

	/* Called on the loop's thread before an object is published: drop what nobody reads, to save memory.
	 * metadata.managedFields is dropped already. */
	void (*transform)(void *context, struct json_object *object);
	/* Called on the loop's thread after the cache has changed. `old` is NULL for KUBE_ADDED; for KUBE_DELETED it
	 * is the last state known, and `new` is NULL. Keep one with kube_object_ref. */
	void (*on_event)(void *context, enum kube_event event, const struct kube_object *old,
	                 const struct kube_object *new);
	/* Called on the loop's thread when the first list is complete. */
	void (*on_synced)(void *context);
	void *context;

	/* For tests, 0 is right otherwise: */
	int64_t chunk;      /* objects a LIST asks for at once; 250 */
	int64_t silence_ms; /* a watch without a sign of life is given up after this; 90 s (bookmarks come each minute)
	                     */
	int64_t backoff_ms; /* first pause after a failure; 250 ms, doubling up to 10 s, with jitter */
	int64_t watch_seconds; /* how long the server shall keep a watch; 300, jittered up to twice that */
	size_t max_line;       /* bytes of one watch event; 16 MiB */
};

/* Starts following. The loop owns the cache and frees it. On the loop's thread, or before it starts. */
struct kube_cache *kube_cache_new(struct kube_loop *loop, const struct kube_cache_options *options);

/* ---- Any thread ---- */

/* A reference to the object, NULL when the cache does not hold it. `namespace` is NULL for cluster-scoped ones. */
const struct kube_object *kube_cache_get(struct kube_cache *cache, const char *namespace, const char *name);
/* References to all objects, or to those of one namespace. */
struct kube_objects kube_cache_list(struct kube_cache *cache, const char *namespace);
size_t kube_cache_count(struct kube_cache *cache);

/* The first list was completed, and the resource has not vanished since (a CRD that was deleted). */
bool kube_cache_synced(const struct kube_cache *cache);
/* Waits until synced; false when it is not after timeout_ms. Not for the loop's own thread. */
bool kube_cache_wait(struct kube_cache *cache, int64_t timeout_ms);
/* Milliseconds since the server last confirmed what we hold (a list, an event, a bookmark, an opened watch); -1 before
 * the first time. */
int64_t kube_cache_age_ms(const struct kube_cache *cache);

/* What the cache has done so far, for metrics. */
struct kube_cache_counts {
	int64_t lists;
	int64_t watches;
	int64_t events;
	int64_t failures;
};
struct kube_cache_counts kube_cache_counts(const struct kube_cache *cache);

#endif
