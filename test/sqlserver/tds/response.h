/* A response being written: what a session's sink gets becomes tokens.
 *
 * Whether a DONE token is the last one is said in it, but known only when the session has finished, so the latest waits
 * here until something follows it or the response ends. */
#ifndef TDS_RESPONSE_H
#define TDS_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/tokens.h"
#include "sqlserver/tds/type.h"
#include "sqlserver/tds/version.h"

/* Zero-initialise it and set `version`. */
struct tds_response {
	enum tds_version version;
	struct strbuf body; /* the tokens that have not been sent yet; whoever sends them empties it */
	bool in_procedure;  /* statements are those of a procedure that was called */
	bool failed;        /* an error has been reported */
	bool progressed;    /* something has come since this was last set to false */

	struct tds_type *types; /* of the result set under way */
	size_t column_count;
	bool after_rows;

	bool error_since_done;
	bool done_waits;
	int done_status;
	bool done_after_rows;
	int64_t done_rows;
};

/* The sink that writes into it. */
struct sim_sink tds_response_sink(struct tds_response *response);
/* Starts over for the next request. */
void tds_response_begin(struct tds_response *response, bool in_procedure);
/* Writes the DONE that waits: something that is no matter of the session follows. */
void tds_response_settle(struct tds_response *response);
/* The last token of a batch; `status` is put to that of its own (TDS_DONE_ATTENTION). */
void tds_response_end(struct tds_response *response, int status);
/* The last token of a procedure. */
void tds_response_end_procedure(struct tds_response *response);
void tds_response_free(struct tds_response *response);

#endif
