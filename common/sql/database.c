/* The mirroring endpoint's state, and databases. */
#include "sql/quote.h"
#include "sql/statements.h"

#define SYSTEM_TABLE SQL_SYSTEM_DATABASE ".dbo.agkeeper_write_check"

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

/* The count starts at one: T-SQL goes on after the query has failed. sys.tables shows what the login may see, which in
 * a database of its own is everything; into others it cannot look at all (Msg 916). */
int sql_drop_leftover(struct strbuf *out, const char *database, struct error **err) {
	cleanup_strbuf struct strbuf query = { 0 };
	if (sql_write(&query, err, "USE {}; SELECT @tables = COUNT(*) FROM sys.tables; USE master",
	              SQL_NAME(database)) != 0)
		return -1;
	return sql_write(out, err,
	                 "DECLARE @agkeeper_tables int;\n"
	                 "SET @agkeeper_tables = 0;\n"
	                 "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = {} AND state_desc = N'ONLINE')\n"
	                 "BEGIN\n"
	                 "    SET @agkeeper_tables = 1;\n"
	                 "    EXEC sp_executesql {}, N'@tables int OUTPUT', @tables = @agkeeper_tables OUTPUT;\n"
	                 "END;\n"
	                 "IF @agkeeper_tables <> 0\n"
	                 "    THROW {}, N'agkeeper: a database that holds tables is not dropped', 1;\n"
	                 "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = {} AND group_database_id IS NULL\n"
	                 "        AND state_desc IN (N'ONLINE', N'RESTORING'))\n"
	                 "    DROP DATABASE {};\n",
	                 SQL_TEXT(database), SQL_TEXT(strbuf_text(&query)), SQL_NUMBER(SQL_MSG_HOLDS_DATA),
	                 SQL_TEXT(database), SQL_NAME(database));
}

/* t-sql/statements/alter-database-transact-sql-set-hadr.md. */
int sql_set_movement(struct strbuf *out, const char *database, bool resumed, struct error **err) {
	return sql_write(out, err, "ALTER DATABASE {} SET HADR {};\n", SQL_NAME(database),
	                 SQL_KEYWORD(resumed ? "RESUME" : "SUSPEND"));
}

int sql_leave_group(struct strbuf *out, const char *database, struct error **err) {
	return sql_write(out, err,
	                 "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = {} AND group_database_id IS NOT NULL)\n"
	                 "    ALTER DATABASE {} SET HADR OFF;\n",
	                 SQL_TEXT(database), SQL_NAME(database));
}

/* EXEC of a text: a batch that names a table of a database that is not there yet would fail as a whole. */
int sql_create_kubedb_system(struct strbuf *out, struct error **err) {
	static const char table[] =
	        "CREATE TABLE " SYSTEM_TABLE " (only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1),"
	        " checks bigint NOT NULL, checked_at datetime2 NOT NULL)";
	static const char row[] = "IF NOT EXISTS (SELECT 1 FROM " SYSTEM_TABLE ") INSERT INTO " SYSTEM_TABLE
	                          " (only_row, checks, checked_at) VALUES (1, 0, SYSUTCDATETIME())";
	return sql_write(
	        out, err,
	        "IF DB_ID({}) IS NULL\n"
	        "    CREATE DATABASE {};\n"
	        "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = {} AND recovery_model_desc <> N'SIMPLE')\n"
	        "    ALTER DATABASE {} SET RECOVERY SIMPLE;\n"
	        "IF OBJECT_ID({}) IS NULL\n"
	        "    EXEC ({});\n"
	        "EXEC ({});\n",
	        SQL_TEXT(SQL_SYSTEM_DATABASE), SQL_NAME(SQL_SYSTEM_DATABASE), SQL_TEXT(SQL_SYSTEM_DATABASE),
	        SQL_NAME(SQL_SYSTEM_DATABASE), SQL_TEXT(SYSTEM_TABLE), SQL_TEXT(table), SQL_TEXT(row));
}

int sql_write_check(struct strbuf *out, struct error **err) {
	return sql_write(out, err,
	                 "SET NOCOUNT ON;\n"
	                 "UPDATE " SYSTEM_TABLE " SET checks = checks + 1, checked_at = SYSUTCDATETIME();\n"
	                 "SELECT checks FROM " SYSTEM_TABLE ";\n");
}
