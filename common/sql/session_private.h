/* Between the sources of sql/: what a session can do besides sql/session.h. */
#ifndef AGKEEPER_SQL_SESSION_PRIVATE_H
#define AGKEEPER_SQL_SESSION_PRIVATE_H

#include "base/memory.h"
#include "sql/session.h"

/* db-lib's handlers are the process's: they find their session by the thread that calls. */
void sql_session_install_handlers(void);

/* ---- a batch whose answer is read as it arrives (sql/stream.c) ---- */

/* Sends it and does not wait. From here on the session is good for sql_session_next and closing. */
int sql_session_start(struct sql_session *session, const char *text, struct error **err);
/* Becomes readable when something has come, and when the session has ended. The session's. */
int sql_session_socket(const struct sql_session *session);

enum sql_next {
	SQL_NEXT_ROW,
	SQL_NEXT_SET, /* the rows of a result set have ended */
	SQL_NEXT_OVER /* with an error: the batch has ended, or the connection */
};
/* The next row: the values of the columns of these names, in `arena` (NULL for SQL's NULL, and where there is no such
 * column). Waits, until the timeout at most, which ends the session. */
enum sql_next sql_session_next(struct sql_session *session, const char *const *names, size_t count, int64_t timeout_ms,
                               struct arena *arena, const char **values, struct error **err);

#endif
