/* Inside of a cache: what it holds (cache.c) and how it follows the server (follow.c). */
#ifndef AGKEEPER_KUBE_CACHE_PRIVATE_H
#define AGKEEPER_KUBE_CACHE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "kube/backoff.h"
#include "kube/cache.h"
#include "kube/lines.h"
#include "kube/loop_private.h"
#include "kube/store.h"

/* Following the server is a small machine on the loop's thread:
 *
 *   PAUSED --time--> LISTING --complete--> WATCHING --ended, lost--> PAUSED (short or with backoff)
 *
 * A pause ends in LISTING when there is no resourceVersion to go on from, else in WATCHING. */
enum follow_state { FOLLOW_PAUSED, FOLLOW_LISTING, FOLLOW_WATCHING };

/* Troubles as far as they are told apart in the log, which has one line for a change and none for every attempt. */
enum follow_trouble { TROUBLE_NONE, TROUBLE_ABSENT, TROUBLE_FORBIDDEN, TROUBLE_SERVER };

struct follow {
	enum follow_state state;
	struct transfer *transfer; /* NULL while paused */
	int64_t resume_at;         /* while paused */
	struct backoff backoff;
	enum follow_trouble trouble;
	int failures;      /* in a row */
	int64_t failed_at; /* the last of them */
	bool unreachable;  /* it was for want of an answer */
	bool expired;      /* our position has, since all was well */

	/* LISTING */
	struct kube_objects listed; /* so far */
	size_t listed_capacity;
	bool whole; /* without chunks: their continuation has expired once */

	/* WATCHING */
	char *resource_version; /* where to go on from; NULL: list */
	struct lines lines;
	int64_t opened_at; /* the server has answered 200; 0: not yet */
	bool progressed;   /* this watch has brought something */
	int64_t started_at;
	int64_t sign_at;      /* of life, the last one */
	struct error *broken; /* why we ended it ourselves */
};

struct kube_cache {
	struct loop_member member; /* first: the loop knows the cache as this */
	struct kube_loop *loop;
	struct kube_cache_options options; /* with texts of our own */
	struct store store;
	struct follow follow;

	atomic_bool synced;
	_Atomic int64_t contact_at; /* monotonic milliseconds; 0: never */
	_Atomic int64_t lists;
	_Atomic int64_t watches;
	_Atomic int64_t events;
	_Atomic int64_t failures;
	pthread_mutex_t lock; /* of `changed`, which tells of `synced` */
	pthread_cond_t changed;
	bool was_synced; /* on_synced was called */
};

/* cache.c, for follow.c: */
void cache_set_synced(struct kube_cache *cache, bool synced);
/* An object as the cache keeps it; NULL when it has no name. Takes over `json`. */
const struct kube_object *cache_adopt(struct kube_cache *cache, struct json_object *json);
/* A store_changed: counts the event and tells the owner. */
void cache_changed(void *cache, const struct kube_object *old, const struct kube_object *new);

/* follow.c, for cache.c: */
void follow_init(struct kube_cache *cache);
int64_t follow_tick(struct kube_cache *cache, int64_t now);
void follow_free(struct kube_cache *cache);

#endif
