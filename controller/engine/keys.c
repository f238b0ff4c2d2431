#include "controller/engine/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* FNV-1a: keys are names of objects that were admitted, a handful of bytes each. */
static size_t hash(const char *key) {
	uint64_t value = 0xcbf29ce484222325U;
	for (; *key != '\0'; key++) value = (value ^ (unsigned char)*key) * 0x100000001b3U;
	return (size_t)(value ^ value >> 32);
}

static struct work **bucket_of(const struct keys *keys, const char *key) {
	return &keys->buckets[hash(key) & (keys->bucket_count - 1)];
}

struct work *keys_find(const struct keys *keys, const char *key) {
	if (keys->count == 0) return NULL;
	struct work *work = *bucket_of(keys, key);
	while (work != NULL && strcmp(work->key, key) != 0) work = work->bucket_next;
	return work;
}

static void insert(struct keys *keys, struct work *work) {
	struct work **bucket = bucket_of(keys, work->key);
	work->bucket_next = *bucket;
	*bucket = work;
}

static void grow(struct keys *keys) {
	struct keys larger = { .bucket_count = keys->bucket_count == 0 ? 16 : 2 * keys->bucket_count,
		               .count = keys->count };
	larger.buckets = xcalloc(larger.bucket_count, sizeof(struct work *));
	for (size_t i = 0; i < keys->bucket_count; i++) {
		for (struct work *work = keys->buckets[i], *next; work != NULL; work = next) {
			next = work->bucket_next;
			insert(&larger, work);
		}
	}
	free(keys->buckets);
	*keys = larger;
}

struct work *keys_get(struct keys *keys, const char *key) {
	struct work *work = keys_find(keys, key);
	if (work != NULL) return work;
	if (keys->count >= keys->bucket_count) grow(keys);
	work = xcalloc(1, sizeof(*work));
	work->key = xstrdup(key);
	insert(keys, work);
	keys->count++;
	return work;
}

void keys_remove(struct keys *keys, struct work *work) {
	struct work **at = bucket_of(keys, work->key);
	while (*at != work) at = &(*at)->bucket_next;
	*at = work->bucket_next;
	keys->count--;
	free(work->key);
	free(work);
}

void keys_free(struct keys *keys) {
	for (size_t i = 0; i < keys->bucket_count; i++) {
		while (keys->buckets[i] != NULL) keys_remove(keys, keys->buckets[i]);
	}
	free(keys->buckets);
	*keys = (struct keys){ 0 };
}
