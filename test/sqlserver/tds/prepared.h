/* Prepared statements of a connection: sp_prepare, sp_prepexec, sp_execute, sp_unprepare. A handle stands for a
 * statement's text and its parameters' declaration; executing one is sp_executesql with these. */
#ifndef TDS_PREPARED_H
#define TDS_PREPARED_H

#include <stddef.h>

#include "sqlserver/session.h"
#include "sqlserver/tds/request.h"

enum { TDS_MOST_PREPARED = 10000 };

struct tds_prepared_statement {
	int handle;
	char *statement;
	char *declaration;
};
/* Zero-initialise it. */
struct tds_prepared {
	struct tds_prepared_statement *items;
	size_t count;
	int last_handle;
};

/* What a call comes to: what the session is to do and what goes back to the client besides. */
struct tds_plan {
	const char *procedure; /* for sim_session_call; NULL: nothing to do */
	struct sim_parameter
	        *parameters; /* the caller frees it, not what it points to: the call's and the statement's */
	size_t count;
	size_t first;               /* the call's first parameter that is the session's too */
	size_t session_first;       /* and which one it is there */
	int new_handle;             /* goes back in the call's first parameter; 0: none */
	struct sim_message refusal; /* number 0: none */
	char *text;                 /* the refusal's; the caller frees it */
};

struct tds_plan tds_prepared_plan(struct tds_prepared *prepared, const struct tds_call *call);
void tds_prepared_clear(struct tds_prepared *prepared);

#endif
