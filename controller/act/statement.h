/* From an action to the batch that a server runs, and from a server's answer to what it means. Pure: the engine sends
 * what is written here over TDS, the simulation runs the same text in its model.
 *
 * Every batch runs in master, the default database of both logins. One that changes something under the fence (session
 * SESSION_FENCED, and CREATE_GROUP) stands between sql_begin_change and sql_end_change with the record's generation. */
#ifndef AGKEEPER_CONTROLLER_ACT_STATEMENT_H
#define AGKEEPER_CONTROLLER_ACT_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/decide/plan.h"
#include "controller/decide/record.h"
#include "controller/decide/spec.h"
#include "sql/rows.h"

/* The login that all but bootstrap is done with; its password is the own Secret's controllerPassword. */
#define CONTROLLER_LOGIN    "agkeeper"
#define ADMINISTRATOR_LOGIN "sa"

/* The endpoints' certificate and its private key, which is encrypted with the master key's password: as SQL Server
 * gives them, and as they stand in the own Secret. */
struct endpoint_certificate {
	struct sql_bytes certificate, private_key; /* length 0: there is none yet */
};

/* What stands in Secrets; NULL where an action does not need it. Texts are not kept. */
struct statement_secrets {
	const char *controller_password, *master_key_password;
	const char *administrator_password; /* the one to apply */
	struct endpoint_certificate endpoint;
};

struct statement_context {
	const struct spec *spec;
	const struct record *record;
	const struct statement_secrets *secrets;
};

/* Appends the batch of an action on a server. Nothing is appended with an error: ERROR_INVALID for a part that cannot
 * be written or is missing (its message repeats no value of a Secret), ERROR_INTERNAL for an action on something else.
 */
int statement_of(const struct action *action, const struct statement_context *context, struct strbuf *text,
                 struct error **err);

/* How to run it; the login is that of action_rows[type].session. */
struct statement_terms {
	int64_t timeout_ms;
	bool is_secret, is_changing; /* struct sql_batch */
};
struct statement_terms statement_terms(enum action_type type);

/* The answer to EXPORT_CERTIFICATE; the bytes live in `arena`. ERROR_INVALID: the server has no such certificate, or
 * does not give its private key. (No other answer matters: what an action has come to is seen by the next probe.) */
int statement_certificate(const struct sql_results *results, struct arena *arena, struct endpoint_certificate *endpoint,
                          struct error **err);

#endif
