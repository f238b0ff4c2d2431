/* FreeTDS, set up once for the process, and the watchdog that keeps its deadlines.
 *
 * Why db-lib and not ct-lib (both in Debian's FreeTDS 1.3.17): db-lib hands out the socket (dbiordesc), ct-lib does
 * not. With the socket a deadline is exact (somebody else shuts it down; FreeTDS's own timeouts count whole seconds for
 * each read), a session that the server has closed is noticed without asking, and a stream can be read only when
 * something has come. The price is db-lib's global state, which stays in this module and sql/session.c: one login
 * timeout, one pair of handlers, encryption only through a configuration file. dbopen resolves names while it holds a
 * global lock, so sessions give it addresses. Everything else in FreeTDS belongs to one connection and one thread at a
 * time. */
#ifndef AGKEEPER_SQL_LIBRARY_H
#define AGKEEPER_SQL_LIBRARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct sql_library_options {
	/* PEM: servers must show a certificate of one of these authorities, for any name (sessions connect to
	 * addresses). NULL: any certificate, which keeps out listeners but not somebody in the middle. Connections are
	 * encrypted in both cases, or refused. */
	const char *ca_file;
	int connect_timeout_s; /* for each of connecting, TLS and login; 0: 5 s */
};

struct sql_library;
/* One at a time. Call before other threads start: it clears the environment variables by which FreeTDS could be told to
 * write passwords to a file (TDSDUMP) or to connect elsewhere. */
struct sql_library *sql_library_new(const struct sql_library_options *options, struct error **err);
/* All sessions must be closed. */
void sql_library_free(struct sql_library *library);

/* ---- the watchdog, for sql/session.c: shuts a socket down when its deadline passes ---- */

struct sql_watch {
	int fd;
	int64_t deadline_ms; /* of clock_monotonic_ms */
	bool fired;
	struct sql_watch *next;
};
/* The watch and its descriptor must stay until it is taken back. */
void sql_watch_start(struct sql_library *library, struct sql_watch *watch);
/* True when it has fired. */
bool sql_watch_stop(struct sql_library *library, struct sql_watch *watch);

#endif
