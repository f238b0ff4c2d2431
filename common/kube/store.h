/* The objects that a cache holds: an array sorted by namespace and name, so that looking one up is a binary search and
 * a namespace is a slice. One thread writes; any thread reads, and holds the lock for no longer than the search. */
#ifndef AGKEEPER_KUBE_STORE_H
#define AGKEEPER_KUBE_STORE_H

#include <pthread.h>

#include "kube/object.h"

struct store {
	pthread_rwlock_t lock;
	const struct kube_object **items;
	size_t count;
	size_t capacity;
};

/* A change that was made: `old` is NULL for a new object, `new` for one that is gone. */
typedef void store_changed(void *context, const struct kube_object *old, const struct kube_object *new);

void store_init(struct store *store);
void store_destroy(struct store *store);

/* A reference, or NULL. */
const struct kube_object *store_get(struct store *store, const char *namespace, const char *name);
/* References to all, or to those of one namespace. */
struct kube_objects store_list(struct store *store, const char *namespace);
size_t store_count(struct store *store);

/* The writer's. Each takes over the references it is given and calls `changed` after the change, outside the lock. What
 * has the same uid and resourceVersion as before is no change. */
void store_put(struct store *store, const struct kube_object *object, store_changed *changed, void *context);
/* `last` is the last state of the object that is gone. */
void store_remove(struct store *store, const struct kube_object *last, store_changed *changed, void *context);
/* Makes `objects` (in any order) the whole content. */
void store_replace(struct store *store, struct kube_objects *objects, store_changed *changed, void *context);

#endif
