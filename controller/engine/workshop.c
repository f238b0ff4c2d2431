#include "controller/engine/workshop.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"

struct job {
	struct job *next;
	void (*run)(void *what);
	void (*then)(void *what, bool was_run);
	void *what;
};
struct jobs {
	struct job *first, **end;
};

struct workshop {
	struct workshop_options options;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;
	struct jobs waiting, done;
	bool ends;
	pthread_t thread;
	bool has_thread;
};

static void push(struct jobs *jobs, struct job *job) {
	if (jobs->first == NULL) jobs->end = &jobs->first;
	job->next = NULL;
	*jobs->end = job;
	jobs->end = &job->next;
}

static struct job *pop(struct jobs *jobs) {
	struct job *job = jobs->first;
	if (job != NULL) jobs->first = job->next;
	return job;
}

/* ---- The thread ---- */

static void *work(void *argument) {
	enum { NICE = 10 };
	struct workshop *workshop = argument;
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* Linux: of this thread alone */
	pthread_mutex_lock(&workshop->lock);
	while (!workshop->ends) {
		struct job *job = pop(&workshop->waiting);
		if (job == NULL) {
			pthread_cond_wait(&workshop->work, &workshop->lock);
			continue;
		}
		pthread_mutex_unlock(&workshop->lock);
		job->run(job->what);
		pthread_mutex_lock(&workshop->lock);
		push(&workshop->done, job);
		pthread_mutex_unlock(&workshop->lock);
		if (workshop->options.wake != NULL) workshop->options.wake(workshop->options.context);
		pthread_mutex_lock(&workshop->lock);
	}
	pthread_mutex_unlock(&workshop->lock);
	return NULL;
}

/* With the lock held. Without memory for a thread, the next job tries again. */
static void find_thread(struct workshop *workshop) {
	if (!workshop->has_thread) workshop->has_thread = pthread_create(&workshop->thread, NULL, work, workshop) == 0;
	pthread_cond_signal(&workshop->work);
}

/* ---- The loop's side ---- */

struct workshop *workshop_new(const struct workshop_options *options) {
	struct workshop *workshop = xcalloc(1, sizeof(*workshop));
	workshop->options = *options;
	pthread_mutex_init(&workshop->lock, NULL);
	pthread_cond_init(&workshop->work, NULL);
	return workshop;
}

void workshop_submit(struct workshop *workshop, void (*run)(void *job), void (*then)(void *job, bool was_run),
                     void *job) {
	struct job *new = xmalloc(sizeof(*new));
	*new = (struct job){ .run = run, .then = then, .what = job };
	pthread_mutex_lock(&workshop->lock);
	push(&workshop->waiting, new);
	find_thread(workshop);
	pthread_mutex_unlock(&workshop->lock);
}

/* `then` may submit more: those are for the next time. */
static void tell(struct workshop *workshop, struct jobs *jobs, bool was_run) {
	pthread_mutex_lock(&workshop->lock);
	struct job *job = jobs->first;
	jobs->first = NULL;
	pthread_mutex_unlock(&workshop->lock);
	while (job != NULL) {
		struct job *current = job;
		job = job->next;
		current->then(current->what, was_run);
		free(current);
	}
}

void workshop_deliver(struct workshop *workshop) {
	tell(workshop, &workshop->done, true);
}

void workshop_clear(struct workshop *workshop) {
	tell(workshop, &workshop->waiting, false);
}

void workshop_free(struct workshop *workshop) {
	if (workshop == NULL) return;
	pthread_mutex_lock(&workshop->lock);
	workshop->ends = true;
	pthread_cond_signal(&workshop->work);
	pthread_mutex_unlock(&workshop->lock);
	if (workshop->has_thread) pthread_join(workshop->thread, NULL);
	workshop_deliver(workshop);
	workshop_clear(workshop);
	pthread_cond_destroy(&workshop->work);
	pthread_mutex_destroy(&workshop->lock);
	free(workshop);
}
