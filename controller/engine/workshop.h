/* Work that waits for nothing and takes long all the same (making keys: tenths of a second of a core for each): done on
 * a thread of its own, one after the other, while the loop turns. The thread is started when it is first needed, and
 * gives way to the others where cores are few.
 *
 *   workshop_submit(workshop, run, then, job);   // the loop goes on
 *   … run(job) on the thread; the loop is woken and calls workshop_deliver(workshop) → then(job, true)
 *
 * All functions are for the loop's thread. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_WORKSHOP_H
#define AGKEEPER_CONTROLLER_ENGINE_WORKSHOP_H

#include <stdbool.h>

struct workshop_options {
	void (*wake)(void *context); /* from the thread: workshop_deliver has something to do */
	void *context;
};
struct workshop;
struct workshop *workshop_new(const struct workshop_options *options);
/* Gives up what was not begun, waits for what was, and tells of all of it. NULL is fine. */
void workshop_free(struct workshop *workshop);

/* `then` is called once in any case; was_run false: it was given up. */
void workshop_submit(struct workshop *workshop, void (*run)(void *job), void (*then)(void *job, bool was_run),
                     void *job);
/* Calls `then` for what is done. */
void workshop_deliver(struct workshop *workshop);
/* Gives up what was not begun. */
void workshop_clear(struct workshop *workshop);

#endif
