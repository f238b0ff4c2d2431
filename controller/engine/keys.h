/* What the work queue knows of each key: a hash table that grows with the keys and forgets those that nothing is known
 * of. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_KEYS_H
#define AGKEEPER_CONTROLLER_ENGINE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum work_state {
	WORK_IDLE,
	WORK_DUE,  /* in the line of those that wait to be taken */
	WORK_TAKEN /* being worked on */
};

struct work {
	struct work *bucket_next;
	char *key;
	enum work_state state;
	bool again;          /* WORK_TAKEN: once more when it is done */
	bool is_urgent;      /* goes before those that are not */
	unsigned failures;   /* in a row */
	int64_t since;       /* in this state */
	struct work *next;   /* WORK_DUE: in line */
	int64_t timer_at;    /* with a timer: when it is due */
	size_t timer_number; /* 0: none; else its place among the timers, from 1 */
};

/* Zero-initialise it. */
struct keys {
	struct work **buckets;
	size_t bucket_count; /* a power of two */
	size_t count;
};

/* NULL when nothing is known of it. */
struct work *keys_find(const struct keys *keys, const char *key);
/* Made, idle, when it is new. */
struct work *keys_get(struct keys *keys, const char *key);
void keys_remove(struct keys *keys, struct work *work);
void keys_free(struct keys *keys);

#endif
