#include "kube/store.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void store_init(struct store *store) {
	*store = (struct store){ 0 };
	pthread_rwlock_init(&store->lock, NULL);
}

void store_destroy(struct store *store) {
	for (size_t i = 0; i < store->count; i++) kube_object_unref(store->items[i]);
	free(store->items);
	pthread_rwlock_destroy(&store->lock);
}

static int compare_keys(const char *namespace, const char *name, const struct kube_object *object) {
	int order = strcmp(namespace, object->namespace);
	return order != 0 ? order : strcmp(name, object->name);
}

static int compare_objects(const void *a, const void *b) {
	const struct kube_object *left = *(const struct kube_object *const *)a;
	const struct kube_object *right = *(const struct kube_object *const *)b;
	return compare_keys(left->namespace, left->name, right);
}

static bool is_same(const struct kube_object *a, const struct kube_object *b) {
	return strcmp(a->resource_version, b->resource_version) == 0 && strcmp(a->uid, b->uid) == 0;
}

/* Where the key stands, or would stand. */
static size_t position(const struct store *store, const char *namespace, const char *name) {
	size_t low = 0;
	size_t high = store->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_keys(namespace, name, store->items[middle]) > 0) low = middle + 1;
		else high = middle;
	}
	return low;
}

static bool stands_at(const struct store *store, size_t at, const char *namespace, const char *name) {
	return at < store->count && compare_keys(namespace, name, store->items[at]) == 0;
}

/* ---- Readers ---- */

const struct kube_object *store_get(struct store *store, const char *namespace, const char *name) {
	const struct kube_object *found = NULL;
	pthread_rwlock_rdlock(&store->lock);
	size_t at = position(store, namespace, name);
	if (stands_at(store, at, namespace, name)) found = kube_object_ref(store->items[at]);
	pthread_rwlock_unlock(&store->lock);
	return found;
}

struct kube_objects store_list(struct store *store, const char *namespace) {
	pthread_rwlock_rdlock(&store->lock);
	/* No name is shorter than "", so that is where a namespace starts. */
	size_t first = namespace != NULL ? position(store, namespace, "") : 0;
	size_t end = store->count;
	if (namespace != NULL) {
		end = first;
		while (end < store->count && strcmp(store->items[end]->namespace, namespace) == 0) end++;
	}
	struct kube_objects objects = { .items = xcalloc(end - first, sizeof(*objects.items)), .count = end - first };
	for (size_t i = 0; i < objects.count; i++) objects.items[i] = kube_object_ref(store->items[first + i]);
	pthread_rwlock_unlock(&store->lock);
	return objects;
}

size_t store_count(struct store *store) {
	pthread_rwlock_rdlock(&store->lock);
	size_t count = store->count;
	pthread_rwlock_unlock(&store->lock);
	return count;
}

/* ---- The writer: it alone changes the array, so it reads without the lock ---- */

static void insert_at(struct store *store, size_t at, const struct kube_object *object) {
	if (store->count == store->capacity) {
		store->capacity = store->capacity != 0 ? store->capacity * 2 : 16;
		store->items = xreallocarray(store->items, store->capacity, sizeof(*store->items));
	}
	memmove(&store->items[at + 1], &store->items[at], (store->count - at) * sizeof(*store->items));
	store->items[at] = object;
	store->count++;
}

void store_put(struct store *store, const struct kube_object *object, store_changed *changed, void *context) {
	size_t at = position(store, object->namespace, object->name);
	cleanup_kube_object const struct kube_object *old = NULL;
	if (stands_at(store, at, object->namespace, object->name)) old = store->items[at];
	if (old != NULL && is_same(old, object)) {
		old = object; /* the one to let go */
		return;
	}
	pthread_rwlock_wrlock(&store->lock);
	if (old != NULL) store->items[at] = object;
	else insert_at(store, at, object);
	pthread_rwlock_unlock(&store->lock);
	changed(context, old, object);
}

void store_remove(struct store *store, const struct kube_object *last, store_changed *changed, void *context) {
	cleanup_kube_object const struct kube_object *gone = last;
	size_t at = position(store, gone->namespace, gone->name);
	if (!stands_at(store, at, gone->namespace, gone->name)) return;
	const struct kube_object *old = store->items[at];
	pthread_rwlock_wrlock(&store->lock);
	store->count--;
	memmove(&store->items[at], &store->items[at + 1], (store->count - at) * sizeof(*store->items));
	pthread_rwlock_unlock(&store->lock);
	kube_object_unref(old);
	changed(context, gone, NULL);
}

/* Of two objects with the same key the later one stays (a list that started over may bring one twice). */
static void drop_duplicates(struct kube_objects *objects) {
	size_t kept = 0;
	for (size_t i = 0; i < objects->count; i++) {
		bool again = kept > 0 && compare_objects(&objects->items[kept - 1], &objects->items[i]) == 0;
		if (again) kube_object_unref(objects->items[--kept]);
		objects->items[kept++] = objects->items[i];
	}
	objects->count = kept;
}

/* Walks both sorted arrays side by side and calls `changed` for what differs. */
static void report_differences(const struct kube_objects *before, const struct kube_objects *after,
                               store_changed *changed, void *context) {
	size_t i = 0;
	size_t j = 0;
	while (i < before->count || j < after->count) {
		int order = 0;
		if (i == before->count) order = 1;
		else if (j == after->count) order = -1;
		else order = compare_objects(&before->items[i], &after->items[j]);
		const struct kube_object *old = order <= 0 ? before->items[i++] : NULL;
		const struct kube_object *new = order >= 0 ? after->items[j++] : NULL;
		if (old == NULL || new == NULL || !is_same(old, new)) changed(context, old, new);
	}
}

void store_replace(struct store *store, struct kube_objects *objects, store_changed *changed, void *context) {
	if (objects->count > 0) qsort(objects->items, objects->count, sizeof(*objects->items), compare_objects);
	drop_duplicates(objects);
	cleanup_kube_objects struct kube_objects before = { .items = store->items, .count = store->count };
	pthread_rwlock_wrlock(&store->lock);
	store->items = objects->items;
	store->count = objects->count;
	store->capacity = objects->count;
	pthread_rwlock_unlock(&store->lock);
	*objects = (struct kube_objects){ 0 };
	const struct kube_objects after = { .items = store->items, .count = store->count };
	report_differences(&before, &after, changed, context);
}
