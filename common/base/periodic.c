#include "base/periodic.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

struct periodic {
	int64_t (*step)(void *context);
	void *context;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
};

/* False when it is time to end. */
static bool wait_for(struct periodic *periodic, int64_t ms) {
	int64_t end = clock_monotonic_ns() + ms * 1000000;
	struct timespec deadline = { .tv_sec = end / 1000000000, .tv_nsec = end % 1000000000 };
	pthread_mutex_lock(&periodic->lock);
	while (!periodic->stopping && pthread_cond_timedwait(&periodic->wake, &periodic->lock, &deadline) == 0)
		continue;
	bool go_on = !periodic->stopping;
	pthread_mutex_unlock(&periodic->lock);
	return go_on;
}

static void *run(void *context) {
	struct periodic *periodic = context;
	while (wait_for(periodic, periodic->step(periodic->context))) continue;
	return NULL;
}

static void destroy(struct periodic *periodic) {
	pthread_cond_destroy(&periodic->wake);
	pthread_mutex_destroy(&periodic->lock);
	free(periodic);
}

struct periodic *periodic_start(int64_t (*step)(void *context), void *context, struct error **err) {
	struct periodic *periodic = xcalloc(1, sizeof(*periodic));
	periodic->step = step;
	periodic->context = context;
	pthread_mutex_init(&periodic->lock, NULL);
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&periodic->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	int code = pthread_create(&periodic->thread, NULL, run, periodic);
	if (code == 0) return periodic;
	destroy(periodic);
	error_errno(err, code, "starting a thread");
	return NULL;
}

void periodic_stop(struct periodic *periodic) {
	if (periodic == NULL) return;
	pthread_mutex_lock(&periodic->lock);
	periodic->stopping = true;
	pthread_cond_broadcast(&periodic->wake);
	pthread_mutex_unlock(&periodic->lock);
	pthread_join(periodic->thread, NULL);
	destroy(periodic);
}
