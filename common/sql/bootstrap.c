/* Bootstrap: what sa does once on a new server. Everything after it is done as the controller's own login. */
#include "sql/quote.h"
#include "sql/statements.h"

#include "base/memory.h"

/* What the controller's login may do, and why. No CONTROL SERVER and no sysadmin: it cannot read the databases of
 * others. (It owns those that it creates.) CREATE ANY DATABASE, which CREATE DATABASE and ALTER AVAILABILITY GROUP …
 * GRANT CREATE ANY DATABASE ask for, is implied by ALTER ANY DATABASE: t-sql/statements/grant-server-permissions-
 * transact-sql.md. sp_set_session_context, sp_getapplock and CERTENCODED are public. */
static const struct {
	const char *permission;
	const char *why;
} rights[] = {
	{ "ALTER ANY AVAILABILITY GROUP", "JOIN, FAILOVER, OFFLINE, SET, ADD and REMOVE, DROP: Permissions in "
	                                  "t-sql/statements/{alter,drop}-availability-group-transact-sql.md" },
	{ "ALTER ANY DATABASE",
	  "asked for by ALTER AVAILABILITY GROUP too (same section); CREATE, ALTER … SET and "
	  "DROP DATABASE: t-sql/statements/{create,alter,drop}-database-transact-sql.md, "
	  "alter-database-transact-sql-set-hadr.md; sys.master_files, "
	  "sys.database_recovery_status: the pages in relational-databases/system-catalog-views" },
	{ "ALTER ANY ENDPOINT", "ALTER ENDPOINT … STATE: t-sql/statements/alter-endpoint-transact-sql.md" },
	{ "VIEW SERVER STATE", "sys.dm_hadr_*, sys.dm_os_sys_info, sys.dm_os_volume_stats, sp_server_diagnostics: "
	                       "Permissions of each page in relational-databases/system-dynamic-management-views and "
	                       "system-stored-procedures" },
	{ "VIEW ANY DEFINITION", "sys.availability_groups, sys.availability_replicas: Permissions of each page in "
	                         "relational-databases/system-catalog-views" },
};

/* t-sql/statements/create-master-key-transact-sql.md; its name in sys.symmetric_keys is documented there. Certificates
 * with a private key are protected by it. */
static int write_master_key(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')\n"
	                 "    CREATE MASTER KEY ENCRYPTION BY PASSWORD = {};\n",
	                 SQL_TEXT(bootstrap->master_key_password));
}

/* Whom the other servers come in as: database-engine/database-mirroring/
 * database-mirroring-use-certificates-for-inbound-connections.md (login, user, certificate with AUTHORIZATION, CONNECT
 * on the endpoint). Nobody knows or uses its password, and it is granted nothing else. */
static int write_endpoint_login(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	const char *login = bootstrap->endpoint_login;
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {})\n"
	                 "    CREATE LOGIN {} WITH PASSWORD = {}, CHECK_POLICY = OFF;\n"
	                 "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {})\n"
	                 "    CREATE USER {} FOR LOGIN {};\n",
	                 SQL_TEXT(login), SQL_NAME(login), SQL_TEXT(bootstrap->endpoint_password), SQL_TEXT(login),
	                 SQL_NAME(login), SQL_NAME(login));
}

/* t-sql/statements/create-certificate-transact-sql.md: without EXPIRY_DATE a certificate ends after a year; the private
 * key is encrypted by the master key where no password is given. */
static int write_own_certificate(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {})\n"
	                 "    CREATE CERTIFICATE {} AUTHORIZATION {} WITH SUBJECT = {}, EXPIRY_DATE = {};\n",
	                 SQL_TEXT(bootstrap->certificate), SQL_NAME(bootstrap->certificate),
	                 SQL_NAME(bootstrap->endpoint_login), SQL_TEXT(bootstrap->subject),
	                 SQL_TEXT(bootstrap->expires));
}

/* Where another certificate is there, it goes, and before it the endpoint that uses it. */
static int write_given_certificate(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	const char *name = bootstrap->certificate;
	struct sql_part encoded = SQL_BINARY(bootstrap->encoded, bootstrap->encoded_length);
	struct sql_part private_key = SQL_BINARY(bootstrap->private_key, bootstrap->private_key_length);
	return sql_write(out, err,
	                 "IF CERTENCODED(CERT_ID({})) <> {}\n"
	                 "BEGIN\n"
	                 "    IF EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = {})\n"
	                 "        DROP ENDPOINT {};\n"
	                 "    DROP CERTIFICATE {};\n"
	                 "END;\n"
	                 "IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = {})\n"
	                 "    CREATE CERTIFICATE {} AUTHORIZATION {} FROM BINARY = {}\n"
	                 "        WITH PRIVATE KEY (BINARY = {}, DECRYPTION BY PASSWORD = {});\n",
	                 SQL_TEXT(name), encoded, SQL_TEXT(bootstrap->endpoint), SQL_NAME(bootstrap->endpoint),
	                 SQL_NAME(name), SQL_TEXT(name), SQL_NAME(name), SQL_NAME(bootstrap->endpoint_login), encoded,
	                 private_key, SQL_TEXT(bootstrap->private_key_password));
}

/* t-sql/statements/create-endpoint-transact-sql.md, <FOR DATABASE_MIRRORING_language_specific_arguments>; "Requests can
 * be executed against an ENDPOINT by" there names CONNECT. An endpoint that is there keeps its state: it may have been
 * stopped to fence the server. */
static int write_endpoint(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	const char *endpoint = bootstrap->endpoint;
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = {})\n"
	                 "    CREATE ENDPOINT {} STATE = STARTED AS TCP (LISTENER_PORT = {})\n"
	                 "        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE {},"
	                 " ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);\n"
	                 "GRANT CONNECT ON ENDPOINT::{} TO {};\n",
	                 SQL_TEXT(endpoint), SQL_NAME(endpoint), SQL_NUMBER(bootstrap->port),
	                 SQL_NAME(bootstrap->certificate), SQL_NAME(endpoint), SQL_NAME(bootstrap->endpoint_login));
}

/* t-sql/statements/create-login-transact-sql.md. CHECK_POLICY = OFF: a lock-out by somebody else's guesses must not
 * keep the controller out; the password is generated, and long. */
static int write_controller(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	const char *login = bootstrap->controller;
	if (sql_write(out, err,
	              "IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = {})\n"
	              "    CREATE LOGIN {} WITH PASSWORD = {}, CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];\n"
	              "ELSE\n"
	              "    ALTER LOGIN {} WITH PASSWORD = {};\n",
	              SQL_TEXT(login), SQL_NAME(login), SQL_TEXT(bootstrap->controller_password), SQL_NAME(login),
	              SQL_TEXT(bootstrap->controller_password)) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LENGTH(rights); i++) {
		if (sql_write(out, err, "GRANT {} TO {};\n", SQL_KEYWORD(rights[i].permission), SQL_NAME(login)) != 0)
			return -1;
	}
	return 0;
}

/* The table of the fence (sql/generation.c). Its row comes last of all: when a probe shows a generation, bootstrap has
 * been finished. */
static int write_generation(struct strbuf *out, const char *controller, struct error **err) {
	return sql_write(out, err,
	                 "IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = {})\n"
	                 "    CREATE USER {} FOR LOGIN {};\n"
	                 "IF OBJECT_ID(N'master.dbo.agkeeper_generation') IS NULL\n"
	                 "    CREATE TABLE master.dbo.agkeeper_generation (\n"
	                 "        only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1),\n"
	                 "        generation bigint NOT NULL\n"
	                 "    );\n"
	                 "GRANT SELECT, UPDATE ON dbo.agkeeper_generation TO {};\n"
	                 "IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation)\n"
	                 "    INSERT INTO master.dbo.agkeeper_generation (only_row, generation) VALUES (1, 0);\n",
	                 SQL_TEXT(controller), SQL_NAME(controller), SQL_NAME(controller), SQL_NAME(controller));
}

/* A statement that fails ends the batch: T-SQL would go on with the next one, to the generation at the end. */
int sql_bootstrap_server(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err) {
	cleanup_strbuf struct strbuf text = { 0 };
	bool given = bootstrap->encoded != NULL;
	strbuf_append(&text, "BEGIN TRY\n");
	if (write_master_key(&text, bootstrap, err) != 0 || write_endpoint_login(&text, bootstrap, err) != 0 ||
	    (given ? write_given_certificate : write_own_certificate)(&text, bootstrap, err) != 0 ||
	    write_endpoint(&text, bootstrap, err) != 0 || write_controller(&text, bootstrap, err) != 0 ||
	    write_generation(&text, bootstrap->controller, err) != 0)
		return -1;
	strbuf_append(&text, "END TRY\n"
	                     "BEGIN CATCH\n"
	                     "    THROW;\n"
	                     "END CATCH;\n");
	strbuf_append_n(out, text.data, text.length);
	return 0;
}

/* t-sql/functions/{certencoded,certprivatekey}-transact-sql.md: the forms that FROM BINARY takes. */
int sql_export_certificate(struct strbuf *out, const char *certificate, const char *password, struct error **err) {
	return sql_write(out, err,
	                 "SELECT CONVERT(varbinary(8000), CERTENCODED(CERT_ID({}))) AS certificate,\n"
	                 "    CONVERT(varbinary(8000), CERTPRIVATEKEY(CERT_ID({}), {})) AS private_key;\n",
	                 SQL_TEXT(certificate), SQL_TEXT(certificate), SQL_TEXT(password));
}

/* t-sql/statements/alter-login-transact-sql.md: who alters its own login, or has CONTROL SERVER, gives no old password.
 */
int sql_apply_password(struct strbuf *out, const char *login, const char *password, struct error **err) {
	return sql_write(out, err, "ALTER LOGIN {} WITH PASSWORD = {};\n", SQL_NAME(login), SQL_TEXT(password));
}
