/* Requests: batches, remote procedure calls and the transaction manager ([MS-TDS] 2.2.6.7, 2.2.6.6, 2.2.6.9). */
#ifndef TDS_REQUEST_H
#define TDS_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/type.h"
#include "sqlserver/tds/version.h"

/* The text of a batch; the caller frees it. */
int tds_batch_read(const void *body, size_t length, enum tds_version version, char **text, struct error **err);

/* The procedures that clients call by number. */
enum tds_procedure {
	TDS_BY_NAME = 0,
	TDS_EXECUTESQL = 10,
	TDS_PREPARE = 11,
	TDS_EXECUTE = 12,
	TDS_PREPEXEC = 13,
	TDS_UNPREPARE = 15,
	TDS_LAST_PROCEDURE = 15
};

enum { TDS_MOST_PARAMETERS = 2100 };

struct tds_argument {
	struct tds_type type;
	struct strbuf buffer; /* holds the value */
};

/* A call. Zero-initialise it. */
struct tds_call {
	enum tds_procedure procedure;
	char *name; /* also of those called by number */
	struct sim_parameter *parameters;
	struct tds_argument *arguments; /* the same number of them */
	size_t count;
};

/* error->code is 0 when the message cannot be understood, else the number of a data type that is not known; `count` is
 * then the position of the parameter, from 0. */
int tds_call_read(const void *body, size_t length, enum tds_version version, struct tds_call *call, struct error **err);
void tds_call_free(struct tds_call *call);
#define cleanup_tds_call __attribute__((cleanup(tds_call_free)))

/* What is asked of the transaction manager, as T-SQL, and which ENVCHANGE tells that it was done. */
struct tds_transaction {
	char *text;
	uint8_t change;       /* 8 begun, 9 committed, 10 rolled back; 0: none */
	uint8_t begins_again; /* a commit or rollback that begins the next one */
};
int tds_transaction_read(const void *body, size_t length, enum tds_version version, struct tds_transaction *transaction,
                         struct error **err);

#endif
