/* What servers say about their health, as they say it: one session each that runs sp_server_diagnostics for ever.
 *
 *   streams = sql_streams_new(pool, &(struct sql_streams_options){ .wake = wake_loop, .context = loop });
 *   stream = sql_stream_new(streams, &target, &(struct sql_stream_options){ .interval_s = 5 }, heard, context);
 *   … the loop is woken and calls sql_pool_deliver(pool), sql_streams_deliver(streams) → heard(context, health, NULL)
 *
 * Sessions are opened by the pool's workers, with its care for servers that do not answer; afterwards a stream costs no
 * thread: two readers wait for all sockets together and read what has come. db-lib has no reading without blocking
 * (dbpoll is empty in FreeTDS 1.3.17, and nothing tells what it has buffered), so a reader that has begun to read a set
 * reads it to its end. Servers send a set at once; one that stops in the middle holds one of the readers until its
 * stream is given up, after two seconds.
 *
 * All functions are for the loop's thread; none of them waits, but for sql_streams_free. */
#ifndef AGKEEPER_SQL_STREAM_H
#define AGKEEPER_SQL_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "sql/workers.h"

/* In the numbers of sp_server_diagnostics. */
enum sql_health_state { SQL_HEALTH_UNKNOWN, SQL_HEALTH_CLEAN, SQL_HEALTH_WARNING, SQL_HEALTH_ERROR };
/* system, resource and query_processing tell failures, io_subsystem is for diagnosis, and events is always unknown
 * (relational-databases/system-stored-procedures/sp-server-diagnostics-transact-sql.md, Remarks). */
struct sql_health {
	enum sql_health_state system, resource, query_processing, io_subsystem, events;
};

struct sql_streams_options {
	void (*wake)(void *context); /* from any thread: sql_streams_deliver has something to do */
	void *context;
};
struct sql_streams;
struct sql_streams *sql_streams_new(struct sql_pool *pool, const struct sql_streams_options *options);
/* Before the pool is freed. Ends all streams, calls nobody, and waits for the readers. */
void sql_streams_free(struct sql_streams *streams);

/* Calls what is to be told. */
void sql_streams_deliver(struct sql_streams *streams);

struct sql_stream_options {
	int interval_s;     /* 5 at least */
	int64_t open_ms;    /* for connecting and starting; 0: 15 s */
	int64_t silence_ms; /* without a set for so long it is over; 0: three intervals and the 5 s of the first set */
};
/* From one of the two deliver functions. `health`, or `err` once: the stream is over then, and only freed.
 * ERROR_TIMEOUT: the server was silent; otherwise as sql_session_open and sql_session_execute have it. Both are
 * borrowed. */
typedef void sql_heard(void *context, const struct sql_health *health, const struct error *err);
struct sql_stream;
/* Copies target and options. */
struct sql_stream *sql_stream_new(struct sql_streams *streams, const struct sql_target *target,
                                  const struct sql_stream_options *options, sql_heard *heard, void *context);
/* Nobody is called any more. NULL is fine. */
void sql_stream_free(struct sql_stream *stream);

#endif
