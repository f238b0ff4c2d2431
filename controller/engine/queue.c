#include "controller/engine/queue.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "controller/engine/keys.h"
#include "controller/engine/timers.h"
#include "kube/backoff.h"

struct counted {
	struct metric_cell *depth;
	struct metric_cell *adds;
	struct metric_cell *retries;
	struct metric_cell *waited;
	struct metric_cell *worked;
};

/* Of keys that are due. */
struct line {
	struct work *first;
	struct work *last;
};

struct queue {
	struct queue_options options;
	struct counted counted;
	pthread_mutex_t lock; /* of what follows */
	struct keys keys;
	struct line urgent, others;
	size_t depth;
	struct timers timers;
};

/* From one millisecond to a minute. */
static const int64_t second_bounds[] = { 1000000,    5000000,    25000000,    100000000,   500000000,
	                                 2500000000, 5000000000, 15000000000, 60000000000, 0 };

static struct counted count_in(struct metrics *metrics, const char *name) {
	const char *const *labels = METRIC_LABELS("queue");
	const char *const *values = METRIC_VALUES(name);
	return (struct counted){
		.depth = metric_cell(metrics_add(metrics, METRIC_GAUGE, "agkeeper_queue_depth",
		                                 "Objects that are due to be looked at.", labels),
		                     values),
		.adds = metric_cell(metrics_add(metrics, METRIC_COUNTER, "agkeeper_queue_adds_total",
		                                "Times an object became due to be looked at.", labels),
		                    values),
		.retries = metric_cell(metrics_add(metrics, METRIC_COUNTER, "agkeeper_queue_retries_total",
		                                   "Looks at an object that failed and are repeated.", labels),
		                       values),
		.waited = metric_cell(metrics_add_histogram(metrics, "agkeeper_queue_wait_seconds",
		                                            "How long an object was due before it was looked at.",
		                                            labels, second_bounds),
		                      values),
		.worked = metric_cell(metrics_add_histogram(metrics, "agkeeper_queue_work_seconds",
		                                            "How long it took to look at an object.", labels,
		                                            second_bounds),
		                      values),
	};
}

struct queue *queue_new(const struct queue_options *options) {
	struct queue *queue = xcalloc(1, sizeof(*queue));
	queue->options = *options;
	if (queue->options.backoff_first_ms == 0) queue->options.backoff_first_ms = 500;
	if (queue->options.backoff_longest_ms == 0) queue->options.backoff_longest_ms = 60000;
	if (queue->options.clock_ms == NULL) queue->options.clock_ms = clock_monotonic_ms;
	queue->counted = count_in(options->metrics, options->name);
	pthread_mutex_init(&queue->lock, NULL);
	return queue;
}

void queue_free(struct queue *queue) {
	if (queue == NULL) return;
	timers_free(&queue->timers);
	keys_free(&queue->keys);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}

/* ---- With the lock held ---- */

static struct line *line_of(struct queue *queue, const struct work *work) {
	return work->is_urgent ? &queue->urgent : &queue->others;
}

static void join(struct line *line, struct work *work) {
	work->next = NULL;
	if (line->last != NULL) line->last->next = work;
	else line->first = work;
	line->last = work;
}

static void leave(struct line *line, const struct work *work) {
	struct work *before = NULL;
	for (struct work *at = line->first; at != work; at = at->next) before = at;
	if (before != NULL) before->next = work->next;
	else line->first = work->next;
	if (line->last == work) line->last = before;
}

static void append(struct queue *queue, struct work *work, int64_t since) {
	timers_remove(&queue->timers, work);
	work->state = WORK_DUE;
	work->since = since;
	join(line_of(queue, work), work);
	metric_set(queue->counted.depth, (double)++queue->depth);
	metric_increment(queue->counted.adds);
}

/* True when the worker has something to do, or something new to wait for. */
static bool make_due(struct queue *queue, struct work *work) {
	if (work->state == WORK_IDLE) {
		append(queue, work, queue->options.clock_ms());
		return true;
	}
	if (work->state == WORK_TAKEN) work->again = true;
	return false;
}

static bool make_due_at(struct queue *queue, struct work *work, int64_t at) {
	if (work->state == WORK_DUE || work->again) return false;
	if (timers_has(work) && work->timer_at <= at) return false;
	timers_set(&queue->timers, work, at);
	return work->state == WORK_IDLE && timers_first(&queue->timers) == work;
}

/* Timers of keys that are being worked on wait until those are done. */
static void collect_due(struct queue *queue) {
	int64_t now = queue->options.clock_ms();
	for (struct work *work; (work = timers_first(&queue->timers)) != NULL && work->timer_at <= now;) {
		int64_t at = work->timer_at;
		timers_remove(&queue->timers, work);
		if (work->state == WORK_IDLE) append(queue, work, at);
		else work->again = true;
	}
}

static void drop_unless_needed(struct queue *queue, struct work *work) {
	if (work->state == WORK_IDLE && !timers_has(work) && work->failures == 0) keys_remove(&queue->keys, work);
}

/* ---- For all ---- */

static void unlock_and_wake(struct queue *queue, bool wake) {
	pthread_mutex_unlock(&queue->lock);
	if (wake && queue->options.wake != NULL) queue->options.wake(queue->options.context);
}

void queue_add(struct queue *queue, const char *key) {
	pthread_mutex_lock(&queue->lock);
	unlock_and_wake(queue, make_due(queue, keys_get(&queue->keys, key)));
}

void queue_add_after(struct queue *queue, const char *key, int64_t delay_ms) {
	if (delay_ms <= 0) {
		queue_add(queue, key);
		return;
	}
	pthread_mutex_lock(&queue->lock);
	int64_t at = queue->options.clock_ms() + delay_ms;
	unlock_and_wake(queue, make_due_at(queue, keys_get(&queue->keys, key), at));
}

/* The step before jitter: doubling without ever overflowing. */
static int64_t backoff_step(const struct queue *queue, unsigned failures) {
	int64_t step = queue->options.backoff_first_ms;
	while (failures-- > 0 && step < queue->options.backoff_longest_ms) step *= 2;
	return step < queue->options.backoff_longest_ms ? step : queue->options.backoff_longest_ms;
}

int64_t queue_retry(struct queue *queue, const char *key) {
	pthread_mutex_lock(&queue->lock);
	struct work *work = keys_get(&queue->keys, key);
	int64_t step = backoff_step(queue, work->failures);
	int64_t delay = step - jitter(step / 2 + 1);
	work->failures++;
	metric_increment(queue->counted.retries);
	unlock_and_wake(queue, make_due_at(queue, work, queue->options.clock_ms() + delay));
	return delay;
}

void queue_forget(struct queue *queue, const char *key) {
	pthread_mutex_lock(&queue->lock);
	struct work *work = keys_find(&queue->keys, key);
	if (work != NULL) {
		work->failures = 0;
		drop_unless_needed(queue, work);
	}
	pthread_mutex_unlock(&queue->lock);
}

unsigned queue_failures(struct queue *queue, const char *key) {
	pthread_mutex_lock(&queue->lock);
	const struct work *work = keys_find(&queue->keys, key);
	unsigned failures = work != NULL ? work->failures : 0;
	pthread_mutex_unlock(&queue->lock);
	return failures;
}

void queue_set_urgent(struct queue *queue, const char *key, bool is_urgent) {
	pthread_mutex_lock(&queue->lock);
	struct work *work = keys_find(&queue->keys, key);
	if (work != NULL && work->is_urgent != is_urgent) {
		bool waits = work->state == WORK_DUE;
		if (waits) leave(line_of(queue, work), work);
		work->is_urgent = is_urgent;
		if (waits) join(line_of(queue, work), work);
	}
	pthread_mutex_unlock(&queue->lock);
}

static char *take_first(struct queue *queue, bool only_urgent) {
	char *key = NULL;
	pthread_mutex_lock(&queue->lock);
	collect_due(queue);
	struct work *work = queue->urgent.first;
	if (work == NULL && !only_urgent) work = queue->others.first;
	if (work != NULL) {
		int64_t now = queue->options.clock_ms();
		leave(line_of(queue, work), work);
		metric_set(queue->counted.depth, (double)--queue->depth);
		metric_observe(queue->counted.waited, (now - work->since) * 1000000);
		work->state = WORK_TAKEN;
		work->since = now;
		key = xstrdup(work->key);
	}
	pthread_mutex_unlock(&queue->lock);
	return key;
}

char *queue_take(struct queue *queue) {
	return take_first(queue, false);
}

char *queue_take_urgent(struct queue *queue) {
	return take_first(queue, true);
}

void queue_done(struct queue *queue, const char *key) {
	bool wake = false;
	pthread_mutex_lock(&queue->lock);
	struct work *work = keys_find(&queue->keys, key);
	if (work != NULL && work->state == WORK_TAKEN) {
		metric_observe(queue->counted.worked, (queue->options.clock_ms() - work->since) * 1000000);
		work->state = WORK_IDLE;
		wake = work->again;
		work->again = false;
		if (wake) make_due(queue, work);
		else drop_unless_needed(queue, work);
	}
	unlock_and_wake(queue, wake);
}

int64_t queue_wait_ms(struct queue *queue) {
	int64_t wait = -1;
	pthread_mutex_lock(&queue->lock);
	collect_due(queue);
	const struct work *next = timers_first(&queue->timers);
	if (queue->urgent.first != NULL || queue->others.first != NULL) wait = 0;
	else if (next != NULL) wait = next->timer_at - queue->options.clock_ms();
	pthread_mutex_unlock(&queue->lock);
	return wait;
}

bool queue_has_urgent(struct queue *queue) {
	pthread_mutex_lock(&queue->lock);
	collect_due(queue);
	bool has = queue->urgent.first != NULL;
	pthread_mutex_unlock(&queue->lock);
	return has;
}

size_t queue_depth(struct queue *queue) {
	pthread_mutex_lock(&queue->lock);
	size_t depth = queue->depth;
	pthread_mutex_unlock(&queue->lock);
	return depth;
}
