/* Held-open sessions for an event loop: statements go out, worker threads run them, results come back to the loop.
 *
 *   pool = sql_pool_new(library, &(struct sql_pool_options){ .wake = wake_loop, .context = loop });
 *   replica = sql_client_new(pool, &target);
 *   sql_client_submit(replica, &batch, done, context);      // the loop goes on
 *   … the loop is woken and calls sql_pool_deliver(pool) → done(context, results, err)
 *
 * A client is one replica's session: opened when it is first needed and again when it was lost, at most one batch in
 * flight, batches in the order in which they were submitted. Deadlines count from submission, whatever the time goes
 * into: a batch whose time is over before it could be sent is not sent (and reported when connecting has ended).
 *
 * A server that does not answer costs one thread, until its deadline; where there are spares, one takes its place.
 * Clients whose server last did not answer may together hold half of the threads at most, so that any number of dead
 * servers leaves the other half to the living.
 *
 * All functions are for the loop's thread; none of them waits, but for sql_pool_free. */
#ifndef AGKEEPER_SQL_WORKERS_H
#define AGKEEPER_SQL_WORKERS_H

#include <stddef.h>

#include "sql/session.h"

struct sql_pool_options {
	int threads_max;             /* 0: 32; they are started when they are needed */
	int spares_max;              /* … beside them, in place of those that wait for an answer for long */
	void (*wake)(void *context); /* from any thread: sql_pool_deliver has something to do */
	void *context;
};
struct sql_pool;
struct sql_pool *sql_pool_new(struct sql_library *library, const struct sql_pool_options *options);
/* Ends all sessions, waits for the threads (for a connecting one as long as the library's connect timeout allows),
 * calls what was not called yet (from there nothing may be submitted), and frees clients that are left. */
void sql_pool_free(struct sql_pool *pool);

/* Calls done for every batch that is over. Where there are spares, to be called at least once a second: the time is now
 * to see who has been waiting for long. */
void sql_pool_deliver(struct sql_pool *pool);

struct sql_client;
/* Copies the target. */
struct sql_client *sql_client_new(struct sql_pool *pool, const struct sql_target *target);
/* Cancels what runs and what waits: each of them is still reported by a later sql_pool_deliver. */
void sql_client_free(struct sql_client *client);
/* For the next session; the present one stays, its login has been checked. */
void sql_client_set_password(struct sql_client *client, const char *password);
/* When a worker began with the batch under way (monotonic ms); 0: none is under way, or it waits for a worker. */
int64_t sql_client_running_since(struct sql_client *client);
/* Ends the session, and with an error the batch that it may be running; what waits is run in a new one. */
void sql_client_reset(struct sql_client *client);

/* error.code of a batch of which nothing was sent, where no Msg says why. */
enum {
	SQL_NOT_SENT = -1,
	SQL_NOT_TRIED = -2 /* … because all workers were busy until its deadline: nothing is said of the server */
};
/* `results` or `err`, the other NULL; both borrowed. Once for each batch. */
typedef void sql_done(void *context, const struct sql_results *results, const struct error *err);
/* The batch's text is copied, and wiped when it was secret. */
void sql_client_submit(struct sql_client *client, const struct sql_batch *batch, sql_done *done, void *context);

#endif
