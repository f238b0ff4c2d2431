/* Bootstrap: certificates, logins, the endpoint. Every statement may be repeated: it looks before it creates. */
#include "sql/quote.h"
#include "sql/statements.h"

#include "base/memory.h"

/* What the controller's login may do, and why. No CONTROL SERVER and no sysadmin: it cannot read the users' data. */
static const struct {
	const char *permission;
	const char *why;
} rights[] = {
	{ "ALTER ANY AVAILABILITY GROUP", "JOIN, FAILOVER, OFFLINE, SET, ADD and REMOVE, DROP: Permissions in "
	                                  "t-sql/statements/{alter,drop}-availability-group-transact-sql.md" },
	{ "ALTER ANY DATABASE",
	  "asked for by ALTER AVAILABILITY GROUP too (same section); CREATE, ALTER … SET and DROP "
	  "DATABASE: t-sql/statements/{create,alter,drop}-database-transact-sql.md" },
	{ "CREATE ANY DATABASE", "CREATE DATABASE; the login then owns what it creates and may back it up" },
	{ "ALTER ANY ENDPOINT", "ALTER ENDPOINT … STATE: t-sql/statements/alter-endpoint-transact-sql.md" },
	{ "VIEW SERVER STATE", "sys.dm_hadr_*, sys.dm_os_sys_info, sp_server_diagnostics: Permissions of each page in "
	                       "relational-databases/system-dynamic-management-views" },
	{ "VIEW ANY DEFINITION", "sys.availability_groups, sys.availability_replicas, sys.database_recovery_status: "
	                         "Permissions of each page in relational-databases/system-catalog-views" },
};

/* t-sql/statements/create-master-key-transact-sql.md; its name in sys.symmetric_keys is documented there. */
int sql_create_master_key(struct strbuf *out, const char *password, struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')\n"
	                 "    CREATE MASTER KEY ENCRYPTION BY PASSWORD = {};\n",
	                 SQL_TEXT(password));
}

/* t-sql/statements/create-certificate-transact-sql.md: without EXPIRY_DATE a certificate ends after a year. */
int sql_create_certificate(struct strbuf *out, const char *certificate, const char *subject, const char *expires,
                           struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {})\n"
	                 "    CREATE CERTIFICATE {} WITH SUBJECT = {}, EXPIRY_DATE = {};\n",
	                 SQL_TEXT(certificate), SQL_NAME(certificate), SQL_TEXT(subject), SQL_TEXT(expires));
}

/* t-sql/functions/certencoded-transact-sql.md: the public part, in the form that FROM BINARY takes. */
int sql_read_certificate(struct strbuf *out, const char *certificate, struct error **err) {
	return sql_write(out, err, "SELECT CONVERT(varbinary(8000), CERTENCODED(CERT_ID({}))) AS certificate;\n",
	                 SQL_TEXT(certificate));
}

static int write_peer_certificate(struct strbuf *out, const struct sql_peer *peer, struct error **err) {
	return sql_write(out, err, "    CREATE CERTIFICATE {} AUTHORIZATION {} FROM BINARY = {};\n",
	                 SQL_NAME(peer->certificate), SQL_NAME(peer->user),
	                 SQL_BINARY(peer->encoded, peer->encoded_length));
}

/* database-engine/database-mirroring/database-mirroring-use-certificates-for-inbound-connections.md: login, user,
 * certificate with AUTHORIZATION, then GRANT CONNECT ON ENDPOINT. */
int sql_create_peer(struct strbuf *out, const struct sql_peer *peer, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (sql_write(&text, err,
	              "IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {})\n"
	              "    CREATE LOGIN {} WITH PASSWORD = {};\n"
	              "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {})\n"
	              "    CREATE USER {} FOR LOGIN {};\n"
	              "IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {})\n",
	              SQL_TEXT(peer->login), SQL_NAME(peer->login), SQL_TEXT(peer->password), SQL_TEXT(peer->user),
	              SQL_NAME(peer->user), SQL_NAME(peer->login), SQL_TEXT(peer->certificate)) != 0 ||
	    write_peer_certificate(&text, peer, err) != 0)
		return -1;
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

int sql_replace_peer_certificate(struct strbuf *out, const struct sql_peer *peer, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (sql_write(&text, err,
	              "IF CERTENCODED(CERT_ID({})) <> {}\n"
	              "BEGIN\n"
	              "    DROP CERTIFICATE {};\n",
	              SQL_TEXT(peer->certificate), SQL_BINARY(peer->encoded, peer->encoded_length),
	              SQL_NAME(peer->certificate)) != 0 ||
	    write_peer_certificate(&text, peer, err) != 0)
		return -1;
	strbuf_append(&text, "END;\n");
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

/* t-sql/statements/create-endpoint-transact-sql.md, <FOR DATABASE_MIRRORING_language_specific_arguments>. */
int sql_create_endpoint(struct strbuf *out, const char *endpoint, int port, const char *certificate,
                        struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = {})\n"
	                 "    CREATE ENDPOINT {} STATE = STARTED AS TCP (LISTENER_PORT = {})\n"
	                 "        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {},"
	                 " ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);\n",
	                 SQL_TEXT(endpoint), SQL_NAME(endpoint), SQL_NUMBER(port), SQL_NAME(certificate));
}

int sql_grant_endpoint(struct strbuf *out, const char *endpoint, const char *login, struct error **err) {
	return sql_write(out, err, "GRANT CONNECT ON ENDPOINT::{} TO {};\n", SQL_NAME(endpoint), SQL_NAME(login));
}

int sql_change_password(struct strbuf *out, const char *login, const char *password, struct error **err) {
	return sql_write(out, err, "ALTER LOGIN {} WITH PASSWORD = {};\n", SQL_NAME(login), SQL_TEXT(password));
}

/* t-sql/statements/create-login-transact-sql.md. CHECK_POLICY = OFF: a lock-out by somebody else's guesses must not
 * keep the controller out; the password is generated, and long. */
int sql_create_controller(struct strbuf *out, const char *login, const char *password, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	if (sql_write(&text, err,
	              "IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {})\n"
	              "    CREATE LOGIN {} WITH PASSWORD = {}, CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];\n"
	              "ELSE\n"
	              "    ALTER LOGIN {} WITH PASSWORD = {};\n",
	              SQL_TEXT(login), SQL_NAME(login), SQL_TEXT(password), SQL_NAME(login), SQL_TEXT(password)) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(rights); i++) {
		if (sql_write(&text, err, "GRANT {} TO {};\n", SQL_KEYWORD(rights[i].permission), SQL_NAME(login)) != 0)
			return -1;
	}
	strbuf_append_n(out, text.data, text.length);
	return 0;
}
