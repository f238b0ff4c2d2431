/* For sql/stream.c: sessions are opened by workers, also those that are kept by somebody else afterwards. */
#ifndef AGKEEPER_SQL_WORKERS_PRIVATE_H
#define AGKEEPER_SQL_WORKERS_PRIVATE_H

#include "sql/workers.h"

/* As sql_done: the session, which is the receiver's to close, with the batch started; or an error. */
typedef void sql_started(void *context, struct sql_session *session, const struct error *err);
/* Opens the client's session when needed, runs `before`, starts the batch (sql_session_start) and gives the session
 * away. */
void sql_client_start(struct sql_client *client, const char *before, const struct sql_batch *batch,
                      sql_started *started, void *context);

#endif
