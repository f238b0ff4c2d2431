/* SQL Server's messages as errors of this program. */
#ifndef AGKEEPER_SQL_MESSAGES_H
#define AGKEEPER_SQL_MESSAGES_H

#include "base/error.h"

/* Numbers that decisions are made by (relational-databases/errors-events in MicrosoftDocs/sql-docs). */
enum {
	SQL_MSG_DEADLOCK = 1205,
	SQL_MSG_LOGIN_FAILED = 18456,
	SQL_MSG_LATCHED = 41104,          /* failed to come online because of an earlier error */
	SQL_MSG_NOT_SYNCHRONIZED = 41142, /* this replica must not become the primary without data loss */
	SQL_MSG_NOT_PRIMARY = 41140,      /* only the primary takes this statement */
	SQL_MSG_EXTERNAL_CLUSTER = 47104, /* the session has not said that it is the cluster manager */
	SQL_MSG_NO_LEASE = 47116,
	SQL_MSG_LEASE_RUNS = 47119,
	SQL_MSG_REQUIRED_UNMET = 988
};

/* What a message means for whoever sent the statement; by severity where its number is not known. */
enum error_kind sql_message_kind(int number, int severity);

#endif
