/* A few threads for work that waits: live reads of the API, hand-overs. The network threads never wait; what would
 * make them wait is handed over here. */
#ifndef AGKEEPER_WEBHOOK_POOL_H
#define AGKEEPER_WEBHOOK_POOL_H

#include <stdbool.h>
#include <stddef.h>

struct pool;

/* Starts `threads` threads; at most `queue` jobs wait for one of them. */
struct pool *pool_new(size_t threads, size_t queue);
/* Queues run(argument); false when the queue is full or the pool is stopping: the caller answers for itself then. */
bool pool_submit(struct pool *pool, void (*run)(void *argument), void *argument);
/* Takes no more jobs, finishes those that it has, and ends its threads. pool_submit may still be called. */
void pool_stop(struct pool *pool);
/* Frees a stopped pool; NULL is fine. */
void pool_free(struct pool *pool);

#endif
