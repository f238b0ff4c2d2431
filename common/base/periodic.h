/* A thread that does the same thing again and again, with pauses, until it is stopped. */
#ifndef AGKEEPER_BASE_PERIODIC_H
#define AGKEEPER_BASE_PERIODIC_H

#include <stdint.h>

#include "base/error.h"

struct periodic;

/* Calls `step` at once and then again and again on a thread of its own; it returns how many milliseconds to wait. NULL
 * when there is no thread to be had. */
struct periodic *periodic_start(int64_t (*step)(void *context), void *context, struct error **err);

/* Waits for the step that is under way, ends the thread and frees all. NULL is fine. */
void periodic_stop(struct periodic *periodic);

#endif
