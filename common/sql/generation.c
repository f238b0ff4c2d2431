/* The fence: a one-row table in master, and an application lock around every change
 * (relational-databases/system-stored-procedures/sp-getapplock-transact-sql.md: negative results are failures). The
 * lock belongs to the session: ALTER AVAILABILITY GROUP cannot run inside a transaction. Its principal is public, so
 * that every login shares it. sql/bootstrap.c makes the table. */
#include "sql/quote.h"
#include "sql/statements.h"

static int write_lock(struct strbuf *out, int lock_timeout_ms, struct error **err) {
	return sql_write(out, err,
	                 "DECLARE @agkeeper_lock int;\n"
	                 "EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive',"
	                 " @LockOwner = 'Session', @LockTimeout = {};\n"
	                 "IF @agkeeper_lock < 0\n"
	                 "    THROW {}, N'agkeeper: another change is under way on this server', 1;\n",
	                 SQL_NUMBER(lock_timeout_ms), SQL_NUMBER(SQL_MSG_LOCKED));
}

int sql_end_change(struct strbuf *out, struct error **err) {
	return sql_write(out, err, "EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';\n");
}

int sql_begin_change(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err) {
	if (write_lock(out, lock_timeout_ms, err) != 0) return -1;
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = {})\n"
	                 "BEGIN\n"
	                 "    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';\n"
	                 "    THROW {}, N'agkeeper: another generation is in force on this server', 1;\n"
	                 "END;\n",
	                 SQL_NUMBER(generation), SQL_NUMBER(SQL_MSG_STALE));
}

int sql_raise_generation(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err) {
	if (write_lock(out, lock_timeout_ms, err) != 0) return -1;
	if (sql_write(out, err,
	              "UPDATE master.dbo.agkeeper_generation SET generation = {} WHERE generation < {};\n"
	              "SELECT generation FROM master.dbo.agkeeper_generation;\n",
	              SQL_NUMBER(generation), SQL_NUMBER(generation)) != 0)
		return -1;
	return sql_end_change(out, err);
}
