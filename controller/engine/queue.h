/* The work queue: which objects are to be looked at, and when.
 *
 *   while ((key = queue_take(queue)) != NULL) {
 *           if (reconcile(key) == 0) queue_forget(queue, key);
 *           else queue_retry(queue, key);
 *           queue_done(queue, key);
 *           free(key);
 *   }
 *
 * A key says which object ("MSSQLServer/demo/sales"), never what happened to it: whoever takes it looks at everything
 * anew, so that any number of reasons come to one look. Therefore
 * - a key that waits already is not queued again, and one that is being worked on is queued again once, when it is
 *   done: nobody works on a key twice at a time;
 * - of several times the earliest wins, and a look that comes before its time makes the timer void: it sets its own.
 *
 * One thread takes and works; any thread may call any of the functions. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_QUEUE_H
#define AGKEEPER_CONTROLLER_ENGINE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/metrics.h"

struct queue;

struct queue_options {
	const char *name;        /* label of the metrics */
	struct metrics *metrics; /* must outlive the queue */
	/* Called, without any lock held, when the key that is due next may have become an earlier one: the worker's
	 * wait must end. NULL: nobody waits. */
	void (*wake)(void *context);
	void *context;

	/* 0 is right outside of tests: */
	int64_t backoff_first_ms;   /* 500 */
	int64_t backoff_longest_ms; /* 60 s */
	int64_t (*clock_ms)(void);  /* clock_monotonic_ms */
};

struct queue *queue_new(const struct queue_options *options);
/* Keys that were taken need not be done. */
void queue_free(struct queue *queue);

/* Now. */
void queue_add(struct queue *queue, const char *key);
/* In `delay_ms`, unless it is due before that. */
void queue_add_after(struct queue *queue, const char *key, int64_t delay_ms);
/* After a failure: in a while that doubles with each failure in a row, with jitter (from half to all of it). Returns
 * how long, for the log. */
int64_t queue_retry(struct queue *queue, const char *key);
/* All went well: the next failure is the first one again. */
void queue_forget(struct queue *queue, const char *key);
/* How many failures in a row there were. */
unsigned queue_failures(struct queue *queue, const char *key);

/* From now on, for as long as the key is known, it goes before those that are not urgent; or no longer. */
void queue_set_urgent(struct queue *queue, const char *key, bool is_urgent);

/* The key that has waited longest of those that are due, urgent ones before the others; NULL when there is none. The
 * caller works on it, then says queue_done, then frees it. */
char *queue_take(struct queue *queue);
/* … of those that are urgent. */
char *queue_take_urgent(struct queue *queue);
void queue_done(struct queue *queue, const char *key);

/* Milliseconds until a key is due: 0 now, -1 never. Of urgent ones alone: those that are due by now. */
int64_t queue_wait_ms(struct queue *queue);
bool queue_has_urgent(struct queue *queue);
/* Keys that are due and not taken. */
size_t queue_depth(struct queue *queue);

#endif
