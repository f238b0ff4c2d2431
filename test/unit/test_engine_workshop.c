/* Work beside the loop (controller/engine/workshop.h): in order, told on the loop's thread, given up at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/memory.h"
#include "controller/engine/workshop.h"

enum { JOBS = 100 };

struct bench {
	struct workshop *workshop;
	pthread_t loop;
	sem_t woken, gate;
	atomic_int begun;
	int order[JOBS], told, given_up;
};
struct job {
	struct bench *bench;
	int number;
	bool waits;
};

static void wake(void *context) {
	struct bench *bench = context;
	sem_post(&bench->woken);
}

static void begin(struct bench *bench) {
	*bench = (struct bench){ .loop = pthread_self() };
	sem_init(&bench->woken, 0, 0);
	sem_init(&bench->gate, 0, 0);
	bench->workshop = workshop_new(&(struct workshop_options){ .wake = wake, .context = bench });
}

static void end(struct bench *bench) {
	workshop_free(bench->workshop);
	sem_destroy(&bench->woken);
	sem_destroy(&bench->gate);
}

static void run(void *argument) {
	struct job *job = argument;
	job->bench->begun++;
	if (job->waits) sem_wait(&job->bench->gate);
}

static void then(void *argument, bool was_run) {
	struct job *job = argument;
	struct bench *bench = job->bench;
	assert_true(pthread_equal(bench->loop, pthread_self()));
	bench->order[bench->told++] = job->number;
	bench->given_up += !was_run;
	free(job);
}

static void submit(struct bench *bench, int number, bool waits) {
	struct job *job = xmalloc(sizeof(*job));
	*job = (struct job){ bench, number, waits };
	workshop_submit(bench->workshop, run, then, job);
}

static void one_after_the_other(void **state) {
	(void)state;
	struct bench bench;
	begin(&bench);
	for (int i = 0; i < JOBS; i++) submit(&bench, i, false);
	while (bench.told < JOBS) {
		sem_wait(&bench.woken);
		workshop_deliver(bench.workshop);
	}
	for (int i = 0; i < JOBS; i++) assert_int_equal(bench.order[i], i);
	assert_int_equal(bench.given_up, 0);
	end(&bench);
}

/* What was begun is done and told; the others are told at once that they are not. */
static void what_waits_is_given_up(void **state) {
	(void)state;
	struct bench bench;
	begin(&bench);
	submit(&bench, 0, true);
	while (bench.begun == 0) sched_yield();
	for (int i = 1; i < JOBS; i++) submit(&bench, i, false);
	workshop_clear(bench.workshop);
	assert_int_equal(bench.given_up, JOBS - 1);
	sem_post(&bench.gate);
	sem_wait(&bench.woken);
	workshop_deliver(bench.workshop);
	assert_int_equal(bench.told, JOBS);
	assert_int_equal(bench.given_up, JOBS - 1);
	assert_int_equal(bench.begun, 1);
	end(&bench);
}

static void everybody_is_told_at_the_end(void **state) {
	(void)state;
	struct bench bench;
	begin(&bench);
	for (int i = 0; i < JOBS; i++) submit(&bench, i, false);
	end(&bench);
	assert_int_equal(bench.told, JOBS);
	assert_int_equal(bench.begun, JOBS - bench.given_up);
	begin(&bench);
	end(&bench); /* also where there was nothing to do */
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_after_the_other),
		cmocka_unit_test(what_waits_is_given_up),
		cmocka_unit_test(everybody_is_told_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
