/* Availability groups: t-sql/statements/{create,alter,drop}-availability-group-transact-sql.md. */
#include "sql/quote.h"
#include "sql/statements.h"

static const char *const cluster_names[] = { [SQL_CLUSTER_EXTERNAL] = "EXTERNAL", [SQL_CLUSTER_NONE] = "NONE" };
/* EXTERNAL on every replica of a group whose cluster type is (Msg 47102 otherwise); NONE only knows MANUAL. */
static const char *const failover_modes[] = { [SQL_CLUSTER_EXTERNAL] = "EXTERNAL", [SQL_CLUSTER_NONE] = "MANUAL" };
static const char *const availability_names[] = {
	[SQL_SYNCHRONOUS_COMMIT] = "SYNCHRONOUS_COMMIT",
	[SQL_ASYNCHRONOUS_COMMIT] = "ASYNCHRONOUS_COMMIT",
};
static const char *const access_names[] = {
	[SQL_ACCESS_NO] = "NO",
	[SQL_ACCESS_READ_ONLY] = "READ_ONLY",
	[SQL_ACCESS_ALL] = "ALL",
};

static int write_replica(struct strbuf *out, const struct sql_replica *replica, enum sql_cluster cluster,
                         struct error **err) {
	return sql_write(out, err,
	                 "    {} WITH (ENDPOINT_URL = {}, AVAILABILITY_MODE = {}, FAILOVER_MODE = {},"
	                 " SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = {}))",
	                 SQL_TEXT(replica->server), SQL_TEXT(replica->endpoint_url),
	                 SQL_KEYWORD(availability_names[replica->availability]), SQL_KEYWORD(failover_modes[cluster]),
	                 SQL_KEYWORD(access_names[replica->access]));
}

static int write_group(struct strbuf *out, const struct sql_group *group, struct error **err) {
	if (sql_write(out, err,
	              "IF NOT EXISTS (SELECT 1 FROM sys.availability_groups WHERE name = {})\n"
	              "    CREATE AVAILABILITY GROUP {}\n"
	              "    WITH (CLUSTER_TYPE = {}, DB_FAILOVER = {}, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = {}",
	              SQL_TEXT(group->name), SQL_NAME(group->name), SQL_KEYWORD(cluster_names[group->cluster]),
	              SQL_KEYWORD(group->db_failover ? "ON" : "OFF"), SQL_NUMBER(group->required)) != 0)
		return -1;
	if (group->write_lease_validity != 0 &&
	    sql_write(out, err, ", WRITE_LEASE_VALIDITY = {}", SQL_NUMBER(group->write_lease_validity)) != 0)
		return -1;
	strbuf_append(out, ")\n    FOR REPLICA ON\n");
	for (size_t i = 0; i < group->replica_count; i++) {
		if (write_replica(out, &group->replicas[i], group->cluster, err) != 0) return -1;
		strbuf_append(out, i + 1 < group->replica_count ? ",\n" : ";\n");
	}
	return 0;
}

int sql_create_group(struct strbuf *out, const struct sql_group *group, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (group->replica_count == 0)
		return error_set(err, ERROR_INVALID, "availability group \"%s\" has no replica", group->name);
	if (write_group(&text, group, err) != 0) return -1;
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

int sql_join_group(struct strbuf *out, const char *group, enum sql_cluster cluster, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} JOIN WITH (CLUSTER_TYPE = {});\n", SQL_NAME(group),
	                 SQL_KEYWORD(cluster_names[cluster]));
}

int sql_grant_create_any_database(struct strbuf *out, const char *group, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} GRANT CREATE ANY DATABASE;\n", SQL_NAME(group));
}

int sql_become_secondary(struct strbuf *out, const char *group, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} SET (ROLE = SECONDARY);\n", SQL_NAME(group));
}

/* Without the session's key the server refuses (Msg 47104): only a cluster manager fails over a group of cluster type
 * EXTERNAL. The agent of microsoft/mssql-server-ha (mssqlcommon/ag/lib.go) sets it for FAILOVER, and does without it
 * for SET (ROLE = SECONDARY), JOIN and the rest; for OFFLINE too, where it does no harm. */
#define AS_CLUSTER_MANAGER "EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';\n"

int sql_failover(struct strbuf *out, const char *group, struct error **err) {
	return sql_write(out, err, AS_CLUSTER_MANAGER "ALTER AVAILABILITY GROUP {} FAILOVER;\n", SQL_NAME(group));
}

/* One batch on the server itself: nothing can happen between a look from afar and the statement. */
static int write_check(struct strbuf *out, const char *start_time, struct error **err) {
	return sql_write(
	        out, err,
	        "IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')\n"
	        "    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info\n"
	        "        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = {})\n"
	        "    THROW {}, N'agkeeper: this server is not fenced any more', 1;\n",
	        SQL_TEXT(start_time), SQL_NUMBER(SQL_MSG_UNFENCED));
}

/* `endpoint` NULL: it stays stopped. */
static int write_promotion(struct strbuf *out, const char *group, const char *start_time, const char *endpoint,
                           const char *how, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (write_check(&text, start_time, err) != 0 ||
	    (endpoint != NULL && sql_set_endpoint_state(&text, endpoint, true, err) != 0) ||
	    sql_write(&text, err, AS_CLUSTER_MANAGER "ALTER AVAILABILITY GROUP {} {};\n", SQL_NAME(group),
	              SQL_KEYWORD(how)) != 0)
		return -1;
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

int sql_promote(struct strbuf *out, const char *group, const char *start_time, struct error **err) {
	return write_promotion(out, group, start_time, NULL, "FAILOVER", err);
}

int sql_promote_started(struct strbuf *out, const char *group, const char *start_time, const char *endpoint,
                        struct error **err) {
	return write_promotion(out, group, start_time, endpoint, "FAILOVER", err);
}

int sql_force_promote(struct strbuf *out, const char *group, const char *start_time, const char *endpoint,
                      struct error **err) {
	return write_promotion(out, group, start_time, endpoint, "FORCE_FAILOVER_ALLOW_DATA_LOSS", err);
}

int sql_offline(struct strbuf *out, const char *group, struct error **err) {
	return sql_write(out, err, AS_CLUSTER_MANAGER "ALTER AVAILABILITY GROUP {} OFFLINE;\n", SQL_NAME(group));
}

int sql_drop_group(struct strbuf *out, const char *group, struct error **err) {
	return sql_write(out, err, "DROP AVAILABILITY GROUP {};\n", SQL_NAME(group));
}

int sql_add_replica(struct strbuf *out, const char *group, enum sql_cluster cluster, const struct sql_replica *replica,
                    struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (sql_write(&text, err, "ALTER AVAILABILITY GROUP {} ADD REPLICA ON\n", SQL_NAME(group)) != 0 ||
	    write_replica(&text, replica, cluster, err) != 0)
		return -1;
	strbuf_append(&text, ";\n");
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

int sql_remove_replica(struct strbuf *out, const char *group, const char *server, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} REMOVE REPLICA ON {};\n", SQL_NAME(group),
	                 SQL_TEXT(server));
}

int sql_set_availability(struct strbuf *out, const char *group, const char *server, enum sql_availability availability,
                         struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} MODIFY REPLICA ON {} WITH (AVAILABILITY_MODE = {});\n",
	                 SQL_NAME(group), SQL_TEXT(server), SQL_KEYWORD(availability_names[availability]));
}

int sql_set_access(struct strbuf *out, const char *group, const char *server, enum sql_access access,
                   struct error **err) {
	return sql_write(out, err,
	                 "ALTER AVAILABILITY GROUP {} MODIFY REPLICA ON {}"
	                 " WITH (SECONDARY_ROLE (ALLOW_CONNECTIONS = {}));\n",
	                 SQL_NAME(group), SQL_TEXT(server), SQL_KEYWORD(access_names[access]));
}

int sql_set_endpoint_url(struct strbuf *out, const char *group, const char *server, const char *url,
                         struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} MODIFY REPLICA ON {} WITH (ENDPOINT_URL = {});\n",
	                 SQL_NAME(group), SQL_TEXT(server), SQL_TEXT(url));
}

int sql_set_session_timeout(struct strbuf *out, const char *group, const char *server, int seconds,
                            struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} MODIFY REPLICA ON {} WITH (SESSION_TIMEOUT = {});\n",
	                 SQL_NAME(group), SQL_TEXT(server), SQL_NUMBER(seconds));
}

int sql_set_required(struct strbuf *out, const char *group, int required, struct error **err) {
	return sql_write(out, err,
	                 "ALTER AVAILABILITY GROUP {} SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = {});\n",
	                 SQL_NAME(group), SQL_NUMBER(required));
}

int sql_set_db_failover(struct strbuf *out, const char *group, bool on, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} SET (DB_FAILOVER = {});\n", SQL_NAME(group),
	                 SQL_KEYWORD(on ? "ON" : "OFF"));
}

int sql_set_write_lease(struct strbuf *out, const char *group, int seconds, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} SET (WRITE_LEASE_VALIDITY = {});\n", SQL_NAME(group),
	                 SQL_NUMBER(seconds));
}

int sql_add_database(struct strbuf *out, const char *group, const char *database, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} ADD DATABASE {};\n", SQL_NAME(group),
	                 SQL_NAME(database));
}

int sql_remove_database(struct strbuf *out, const char *group, const char *database, struct error **err) {
	return sql_write(out, err, "ALTER AVAILABILITY GROUP {} REMOVE DATABASE {};\n", SQL_NAME(group),
	                 SQL_NAME(database));
}
