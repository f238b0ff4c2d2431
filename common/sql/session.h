/* One session with a SQL Server, for worker threads: every call here blocks, until its deadline at most.
 *
 *   struct sql_session *session = sql_session_open(library, &target, &err);
 *   cleanup_sql_results struct sql_results results = { 0 };
 *   if (sql_session_execute(session, &(struct sql_batch){ .text = text, .timeout_ms = 5000 }, &results, &err) != 0) …
 *
 * One thread at a time, but for sql_session_cancel. */
#ifndef AGKEEPER_SQL_SESSION_H
#define AGKEEPER_SQL_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "sql/library.h"
#include "sql/rows.h"

struct sql_target {
	const char *host; /* a name or an address */
	int port;
	const char *user, *password;
};

struct sql_session;
/* Connects, encrypted, and logs in to master, as application "agkeeper". Errors: ERROR_FORBIDDEN with Msg 18456 and its
 * kin for a refused login, ERROR_TIMEOUT when nobody answered in time, ERROR_UNAVAILABLE for everything else. The
 * password is not kept. */
struct sql_session *sql_session_open(struct sql_library *library, const struct sql_target *target, struct error **err);
/* NULL is fine. */
void sql_session_close(struct sql_session *session);

struct sql_batch {
	const char *text;
	int64_t timeout_ms;
	bool is_secret; /* contains a password: the server's words are kept out of errors, only numbers are reported */
	bool is_urgent; /* workers take it before those that are not */
	bool is_changing; /* stands between sql_begin_change and sql_end_change: an error ends the session, and its lock
	                   */
};
/* Runs a batch to its end and gives all its result sets.
 * Errors of the server: error.code is the Msg number of the first, error.kind as sql/messages.h says, the message
 * "Msg 41142, Level 16, State 34, Line 2: …", further ones appended. Past the deadline: ERROR_TIMEOUT, and what became
 * of the batch is unknown. Connection lost or cancelled: ERROR_UNAVAILABLE, likewise unknown. In these cases, after an
 * error of severity 20, and as is_changing says, the session is over (sql_session_is_usable). */
int sql_session_execute(struct sql_session *session, const struct sql_batch *batch, struct sql_results *results,
                        struct error **err);

/* Whether a batch can be sent: false once the session is over, also when the server closed it while it was idle. */
bool sql_session_is_usable(struct sql_session *session);

/* Any thread: ends the session at once, whatever it is doing; what the server was doing for it is rolled back. */
void sql_session_cancel(struct sql_session *session);

#endif
