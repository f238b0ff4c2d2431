#include "sql/messages.h"

#include <stddef.h>

#include "base/memory.h"
#include "sql/statements.h"

static const struct {
	int number;
	enum error_kind kind;
	const char *what;
} kinds[] = {
	{ 208, ERROR_NOT_FOUND, "no such object" },
	{ 229, ERROR_FORBIDDEN, "permission on an object denied" },
	{ 262, ERROR_FORBIDDEN, "permission in a database denied" },
	{ 297, ERROR_FORBIDDEN, "no permission to perform this action" },
	{ 300, ERROR_FORBIDDEN, "permission on the server denied" },
	{ 596, ERROR_UNAVAILABLE, "the session was killed" },
	{ 911, ERROR_NOT_FOUND, "no such database" },
	{ 976, ERROR_UNAVAILABLE, "a secondary database that takes no connections" },
	{ 978, ERROR_UNAVAILABLE, "a secondary database that takes read-intent connections only" },
	{ 983, ERROR_UNAVAILABLE, "the replica is neither primary nor secondary" },
	{ SQL_MSG_REQUIRED_UNMET, ERROR_UNAVAILABLE, "fewer synchronized secondaries than required" },
	{ 1105, ERROR_IO, "the data volume is full" },
	{ SQL_MSG_DEADLOCK, ERROR_CONFLICT, "chosen as a deadlock's victim" },
	{ 1222, ERROR_CONFLICT, "lock request time out" },
	{ 3930, ERROR_CONFLICT, "the transaction can only be rolled back" },
	{ 4060, ERROR_FORBIDDEN, "the login cannot open its database" },
	{ 6005, ERROR_UNAVAILABLE, "shutdown is in progress" },
	{ 9002, ERROR_IO, "the log is full" },
	{ 15151, ERROR_NOT_FOUND, "no such principal or securable, or no permission" },
	{ 15247, ERROR_FORBIDDEN, "no permission to perform this action" },
	{ 17142, ERROR_UNAVAILABLE, "the server is paused" },
	{ 18401, ERROR_UNAVAILABLE, "the server is in script upgrade mode" },
	{ 18452, ERROR_FORBIDDEN, "login from an untrusted domain" },
	{ SQL_MSG_LOGIN_FAILED, ERROR_FORBIDDEN, "login failed" },
	{ 18470, ERROR_FORBIDDEN, "the login is disabled" },
	{ 18486, ERROR_FORBIDDEN, "the login is locked out" },
	{ 18487, ERROR_FORBIDDEN, "the password has expired" },
	{ 18488, ERROR_FORBIDDEN, "the password must be changed" },
	{ 35250, ERROR_UNAVAILABLE, "no connection to the primary" },
	{ 41044, ERROR_NOT_FOUND, "no such availability group" },
	{ SQL_MSG_LATCHED, ERROR_UNAVAILABLE, "latched by an earlier failure" },
	{ 41131, ERROR_TIMEOUT, "the group did not come online in time" },
	{ SQL_MSG_NOT_PRIMARY, ERROR_CONFLICT, "not the primary" },
	{ SQL_MSG_NOT_SYNCHRONIZED, ERROR_CONFLICT, "not synchronized or not joined" },
	{ SQL_MSG_EXTERNAL_CLUSTER, ERROR_FORBIDDEN, "only the cluster manager may" },
	{ 47106, ERROR_TIMEOUT, "no configuration from the primary" },
	{ SQL_MSG_LEASE_RUNS, ERROR_CONFLICT, "the current lease runs longer" },
	{ SQL_MSG_STALE, ERROR_CONFLICT, "another generation is in force" },
	{ SQL_MSG_LOCKED, ERROR_UNAVAILABLE, "another change is under way" },
	{ SQL_MSG_UNFENCED, ERROR_CONFLICT, "the replica is not fenced any more" },
};

/* From 17 on it is resources and the server itself, not the statement
 * (relational-databases/errors-events/database-engine-error-severities.md). */
enum { SEVERITY_RESOURCES = 17 };

enum error_kind sql_message_kind(int number, int severity) {
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].number == number) return kinds[i].kind;
	}
	return severity >= SEVERITY_RESOURCES ? ERROR_UNAVAILABLE : ERROR_INVALID;
}
