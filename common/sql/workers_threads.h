/* Inside of the pool (sql/workers.h): workers.c is the loop's side, workers_threads.c that of the threads. */
#ifndef AGKEEPER_SQL_WORKERS_THREADS_H
#define AGKEEPER_SQL_WORKERS_THREADS_H

#include <pthread.h>

#include "sql/workers_private.h"

struct request {
	struct request *next;
	char *text;
	struct sql_batch batch;
	int64_t deadline_ms;
	sql_done *done;
	void *context;
	struct sql_results results;
	struct error *err; /* NULL: results */
	/* A batch that is only started: */
	sql_started *started; /* NULL: one that is run */
	char *before;
	struct sql_session *session;
};
struct requests {
	struct request *first, **end;
};

struct sql_client {
	struct sql_pool *pool;
	char *host, *user, *password;
	int port;
	struct sql_session *session; /* used by the worker that runs the client, cancelled by others under the mutex */
	struct requests waiting;
	bool is_running, is_queued, is_freed;
	bool is_suspect; /* its server did not answer the last time */
	bool wants_reset;
	int64_t running_since;
	struct sql_client *next_running, **running_place;
	struct sql_client *next_ready;
	struct sql_client *next, **place; /* all of the pool */
};

struct sql_pool {
	struct sql_library *library;
	struct sql_pool_options options;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	pthread_t *threads;
	int thread_count, idle_count, suspects_running;
	bool ends;
	struct ready {
		struct sql_client *first, **end;
	} ready[2]; /* those with something to run, in order; urgent ones before the others */
	int ready_count;
	struct sql_client *clients;
	struct sql_client *running, **running_end; /* those that are, the one that began first first */
	struct requests over;
};

struct request *requests_pop(struct requests *list);
void requests_push(struct requests *list, struct request *request);
void request_free(struct request *request);
void text_wipe_free(char *text);

/* With the mutex held: */
/* It has something to run, or to close. */
void client_enqueue(struct sql_client *client);
/* A thread more only when more is to be run than threads are idle (one that has been signalled still counts as idle);
 * without memory for it, the others go on. */
void pool_find_worker(struct sql_pool *pool);
/* What waits is told that nothing was sent; sets *must_wake when the loop must be. */
void client_give_up_waiting(struct sql_client *client, bool *must_wake);

/* One that no worker holds and no list has. */
void client_destroy(struct sql_client *client);

#endif
