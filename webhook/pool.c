#include "webhook/pool.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

struct job {
	void (*run)(void *argument);
	void *argument;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *jobs; /* a ring */
	size_t capacity;
	size_t first;
	size_t count;
	bool stopping;
	size_t thread_count;
	pthread_t threads[];
};

static void *work(void *argument) {
	struct pool *pool = argument;
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		while (pool->count == 0 && !pool->stopping) pthread_cond_wait(&pool->changed, &pool->lock);
		if (pool->count == 0) break;
		struct job job = pool->jobs[pool->first];
		pool->first = (pool->first + 1) % pool->capacity;
		pool->count--;
		pthread_mutex_unlock(&pool->lock);
		job.run(job.argument);
		pthread_mutex_lock(&pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

struct pool *pool_new(size_t threads, size_t queue) {
	struct pool *pool = xcalloc(1, sizeof(*pool) + threads * sizeof(pool->threads[0]));
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->changed, NULL);
	pool->capacity = queue;
	pool->jobs = xcalloc(queue, sizeof(*pool->jobs));
	for (size_t i = 0; i < threads; i++) {
		if (pthread_create(&pool->threads[i], NULL, work, pool) != 0) abort();
		pool->thread_count++;
	}
	return pool;
}

bool pool_submit(struct pool *pool, void (*run)(void *argument), void *argument) {
	pthread_mutex_lock(&pool->lock);
	bool accepted = !pool->stopping && pool->count < pool->capacity;
	if (accepted) {
		pool->jobs[(pool->first + pool->count) % pool->capacity] = (struct job){ run, argument };
		pool->count++;
		pthread_cond_signal(&pool->changed);
	}
	pthread_mutex_unlock(&pool->lock);
	return accepted;
}

void pool_stop(struct pool *pool) {
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->changed);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
	pool->thread_count = 0;
}

void pool_free(struct pool *pool) {
	if (pool == NULL) return;
	pthread_cond_destroy(&pool->changed);
	pthread_mutex_destroy(&pool->lock);
	free(pool->jobs);
	free(pool);
}
