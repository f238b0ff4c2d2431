/* The mirroring endpoint's state, and databases. */
#include "sql/quote.h"
#include "sql/statements.h"

/* t-sql/statements/alter-endpoint-transact-sql.md. */
int sql_set_endpoint_state(struct strbuf *out, const char *endpoint, bool started, struct error **err) {
	return sql_write(out, err, "ALTER ENDPOINT {} STATE = {};\n", SQL_NAME(endpoint),
	                 SQL_KEYWORD(started ? "STARTED" : "STOPPED"));
}

int sql_create_database(struct strbuf *out, const char *database, struct error **err) {
	return sql_write(out, err, "IF DB_ID({}) IS NULL\n    CREATE DATABASE {};\n", SQL_TEXT(database),
	                 SQL_NAME(database));
}

/* Asked for by ADD DATABASE, with a full backup:
 * database-engine/availability-groups/windows/prereqs-restrictions-recommendations-always-on-availability.md. */
int sql_set_recovery_full(struct strbuf *out, const char *database, struct error **err) {
	return sql_write(out, err, "ALTER DATABASE {} SET RECOVERY FULL;\n", SQL_NAME(database));
}

/* t-sql/statements/backup-transact-sql.md: FORMAT, INIT write the media set anew, so that repeating takes no room. */
int sql_backup_database(struct strbuf *out, const char *database, const char *file, struct error **err) {
	return sql_write(out, err, "BACKUP DATABASE {} TO DISK = {} WITH FORMAT, INIT;\n", SQL_NAME(database),
	                 SQL_TEXT(file));
}

int sql_drop_database(struct strbuf *out, const char *database, struct error **err) {
	return sql_write(out, err, "IF DB_ID({}) IS NOT NULL\n    DROP DATABASE {};\n", SQL_TEXT(database),
	                 SQL_NAME(database));
}

/* t-sql/statements/alter-database-transact-sql-set-hadr.md. */
int sql_set_movement(struct strbuf *out, const char *database, bool resumed, struct error **err) {
	return sql_write(out, err, "ALTER DATABASE {} SET HADR {};\n", SQL_NAME(database),
	                 SQL_KEYWORD(resumed ? "RESUME" : "SUSPEND"));
}
