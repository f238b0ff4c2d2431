/* Statements about databases, logins, certificates and the mirroring endpoint. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

static enum sim_run done(struct sim_session *session) {
	sim_instance_save(session->instance);
	sim_done(session, -1, false);
	return SIM_RUN_DONE;
}

static const char *option(const struct sim_statement *statement, const char *key) {
	return sim_option_value(statement->options, statement->option_count, key);
}

static enum sim_run refused(struct sim_session *session, const struct sim_statement *statement) {
	return sim_raise(session, statement->line, 15247);
}

/* --- Databases --- */

static enum sim_run create_database(struct sim_session *session, const struct sim_statement *statement) {
	if (!sim_has_permission(session, "CREATE ANY DATABASE"))
		return sim_raise(session, statement->line, 262, "CREATE DATABASE", "master");
	if (sim_database_find(session->instance, statement->name) != NULL)
		return sim_raise(session, statement->line, 1801, statement->name);
	struct sim_database *database = sim_database_create(session->instance, statement->name, true, NULL);
	if (database == NULL) return sim_raise(session, statement->line, 1105, "dbo.sysfiles", statement->name);
	sim_set_text(&database->owner, session->login);
	return done(session);
}

static enum sim_run alter_database(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	struct sim_database *database = sim_database_find(instance, statement->name);
	if (strcasecmp(statement->name, "CURRENT") == 0) database = sim_database_find(instance, session->database);
	if (database == NULL) {
		sim_raise(session, statement->line, 5011, statement->name);
		return SIM_RUN_FAILED;
	}
	if (!sim_has_permission(session, "ALTER ANY DATABASE") && !sim_owns(session, database))
		return sim_raise(session, statement->line, 5011, statement->name);
	const char *hadr = option(statement, "HADR"), *recovery = option(statement, "RECOVERY");
	if (hadr != NULL) {
		const struct sim_group *group = sim_group_of(instance, database);
		if (strcmp(hadr, "JOIN") == 0 && group != NULL && database->joined)
			return sim_raise(session, statement->line, 41145, database->name, group->name);
		if (group == NULL) return sim_raise(session, statement->line, 35242, database->name);
		if (strcmp(hadr, "SUSPEND") == 0 && group->role == SIM_ROLE_RESOLVING &&
		    !sim_assume(session->instance, SIM_ASSUME_suspend_while_resolving))
			return sim_raise(session, statement->line, 983, database->name);
		if (strcmp(hadr, "SUSPEND") == 0) database->suspended = true;
		if (strcmp(hadr, "RESUME") == 0) database->suspended = database->by_partner = false;
		if (strcmp(hadr, "OFF") == 0) {
			if (group->role == SIM_ROLE_PRIMARY)
				return sim_raise(session, statement->line, 35240, database->name, group->name);
			database->joined = database->ready = false;
			database->restoring = true;
			database->group_database_id[0] = '\0';
		}
		if (database->suspended) database->ready = false;
		return done(session);
	}
	if (recovery != NULL) {
		const struct sim_group *group = sim_group_of(instance, database);
		enum sim_recovery_model model = strcmp(recovery, "FULL") == 0     ? SIM_RECOVERY_FULL
		                                : strcmp(recovery, "SIMPLE") == 0 ? SIM_RECOVERY_SIMPLE
		                                                                  : SIM_RECOVERY_BULK_LOGGED;
		if (group != NULL && model != SIM_RECOVERY_FULL)
			return sim_raise(session, statement->line, 1465, database->name);
		/* The log chain begins with the next full backup. */
		if (model != database->recovery &&
		    (model == SIM_RECOVERY_SIMPLE || database->recovery == SIM_RECOVERY_SIMPLE))
			database->full_backup = false;
		database->recovery = model;
	}
	if (option(statement, "READ_ONLY") != NULL) database->read_only = true;
	if (option(statement, "READ_WRITE") != NULL) database->read_only = false;
	if (option(statement, "NAME") != NULL) sim_set_text(&database->name, option(statement, "NAME"));
	return done(session);
}

static bool in_use(const struct sim_session *session, const struct sim_database *database) {
	const struct sim_instance *instance = session->instance;
	for (size_t i = 0; i < instance->session_count; i++)
		if (strcasecmp(instance->sessions[i]->database, database->name) == 0) return true;
	return false;
}

static enum sim_run drop_database(struct sim_session *session, const struct sim_statement *statement) {
	for (size_t i = 0; i < statement->member_count; i++) {
		struct sim_database *database = sim_database_find(session->instance, statement->members[i]);
		if (database == NULL && statement->if_exists) continue;
		if (database == NULL || sim_database_is_system(database))
			return sim_raise(session, statement->line, 3701, "database", statement->members[i]);
		if (!sim_has_permission(session, "ALTER ANY DATABASE") && !sim_owns(session, database))
			return sim_raise(session, statement->line, 3701, "database", statement->members[i]);
		if (sim_group_of(session->instance, database) != NULL)
			return sim_raise(session, statement->line, 3752, database->name);
		if (in_use(session, database)) return sim_raise(session, statement->line, 3702, database->name);
		sim_database_drop(session->instance, database);
	}
	return done(session);
}

static enum sim_run backup(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_database *database = sim_database_find(session->instance, statement->name);
	if (database == NULL) {
		sim_raise(session, statement->line, 911, statement->name);
		sim_raise(session, statement->line, 3013, statement->other);
		return SIM_RUN_FAILED;
	}
	if (!sim_owns(session, database)) {
		sim_raise(session, statement->line, 262, "BACKUP DATABASE", database->name);
		return sim_raise(session, statement->line, 3013, statement->other);
	}
	const struct sim_group *group = sim_group_of(session->instance, database);
	if (database->restoring || (group != NULL && group->role != SIM_ROLE_PRIMARY)) {
		sim_raise(session, statement->line, 3059);
		return sim_raise(session, statement->line, 3013, statement->other);
	}
	bool log = strcmp(statement->other, "LOG") == 0;
	if (log && database->recovery == SIM_RECOVERY_SIMPLE) return sim_raise(session, statement->line, 4208);
	if (log && !database->full_backup) return sim_raise(session, statement->line, 4214);
	if (!log && option(statement, "COPY_ONLY") == NULL) database->full_backup = true;
	cleanup_free char *pages = xasprintf("%zu", 344 + database->log.count);
	sim_raise(session, statement->line, 4035, pages, database->name, log ? "log" : database->name);
	sim_raise(session, statement->line, 3014, statement->other, pages, "0.010", "268.750");
	return done(session);
}

static enum sim_run restore(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_database *database = sim_database_find(session->instance, statement->name);
	if (database == NULL) return sim_raise(session, statement->line, 911, statement->name);
	if (sim_group_of(session->instance, database) != NULL)
		return sim_raise(session, statement->line, 3104, database->name);
	char fork[SIM_GUID_SIZE];
	sim_guid(session->instance, fork);
	if (sim_log_fork(&database->log, fork, NULL) < 0)
		return sim_raise(session, statement->line, 9002, database->name, "ACTIVE_TRANSACTION");
	database->restoring = false;
	return done(session);
}

/* --- Logins and users --- */

static bool is_complex(const char *password) {
	int kinds = (strpbrk(password, "abcdefghijklmnopqrstuvwxyz") != NULL) +
	            (strpbrk(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL) +
	            (strpbrk(password, "0123456789") != NULL);
	size_t plain = strspn(password, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	return kinds + (password[plain] != '\0') >= 3;
}

static enum sim_run put_login(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	bool create = statement->kind == SIM_CREATE_LOGIN;
	const char *password = option(statement, "PASSWORD"), *policy = option(statement, "CHECK_POLICY");
	struct sim_login_row *row = sim_login_find(instance, statement->name);
	bool self = strcasecmp(statement->name, session->login) == 0 && option(statement, "OLD_PASSWORD") != NULL;
	if (!self && !sim_has_permission(session, "ALTER ANY LOGIN")) return refused(session, statement);
	if (create && row != NULL) return sim_raise(session, statement->line, 15025, statement->name);
	if (!create && row == NULL)
		return sim_raise(session, statement->line, 15151, "alter", "login", statement->name);
	if (password != NULL && (policy == NULL || strcasecmp(policy, "ON") == 0)) {
		if (strlen(password) < 8) return sim_raise(session, statement->line, 15116);
		if (!is_complex(password)) return sim_raise(session, statement->line, 15118);
	}
	if (create) {
		instance->logins =
		        xreallocarray(instance->logins, instance->login_count + 1, sizeof(*instance->logins));
		row = &instance->logins[instance->login_count++];
		char guid[SIM_GUID_SIZE];
		sim_guid(instance, guid);
		*row = (struct sim_login_row){ .name = xstrdup(statement->name),
			                       .password = xstrdup(""),
			                       .default_database = xstrdup("master"),
			                       .sid = xstrdup(guid) };
	}
	if (password != NULL) sim_set_text(&row->password, password);
	if (option(statement, "SID") != NULL) sim_set_text(&row->sid, option(statement, "SID"));
	if (option(statement, "NAME") != NULL) sim_set_text(&row->name, option(statement, "NAME"));
	if (option(statement, "DEFAULT_DATABASE") != NULL)
		sim_set_text(&row->default_database, option(statement, "DEFAULT_DATABASE"));
	if (option(statement, "ENABLE") != NULL) row->disabled = false;
	if (option(statement, "DISABLE") != NULL) row->disabled = true;
	return done(session);
}

static enum sim_run drop_login(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	struct sim_login_row *row = sim_login_find(instance, statement->name);
	if (row == NULL) return sim_raise(session, statement->line, 15151, "drop", "login", statement->name);
	free(row->name);
	free(row->password);
	free(row->default_database);
	free(row->sid);
	free(row->permissions);
	*row = instance->logins[--instance->login_count];
	return done(session);
}

static enum sim_run create_user(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	if (*statement->other != '\0' && sim_login_find(instance, statement->other) == NULL)
		return sim_raise(session, statement->line, 15007, statement->other);
	if (sim_user_find(instance, statement->name) != NULL)
		return sim_raise(session, statement->line, 15023, statement->name);
	instance->users = xreallocarray(instance->users, instance->user_count + 1, sizeof(*instance->users));
	instance->users[instance->user_count++] =
	        (struct sim_user){ xstrdup(statement->name), xstrdup(statement->other) };
	return done(session);
}

static enum sim_run drop_user(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	struct sim_user *user = sim_user_find(instance, statement->name);
	if (user == NULL && !statement->if_exists)
		return sim_raise(session, statement->line, 15151, "drop", "user", statement->name);
	if (user != NULL) {
		free(user->name);
		free(user->login);
		*user = instance->users[--instance->user_count];
	}
	return done(session);
}

static enum sim_run alter_role(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_login_row *row = sim_login_find(session->instance, statement->other);
	if (!sim_is_sysadmin(session)) return refused(session, statement);
	if (row == NULL) return sim_raise(session, statement->line, 15151, "add", "principal", statement->other);
	if (strcasecmp(statement->name, "sysadmin") == 0) row->sysadmin = option(statement, "ADD") != NULL;
	return done(session);
}

/* Server permissions are kept for the login; CONNECT for the endpoint; permissions on anything else are not modelled.
 */
static enum sim_run grant(struct sim_session *session, const struct sim_statement *statement) {
	bool on_endpoint = strncasecmp(statement->other, "ENDPOINT::", 10) == 0;
	bool give = statement->kind == SIM_GRANT;
	if (!sim_has_permission(session, "CONTROL SERVER")) return refused(session, statement);
	for (size_t i = 0; i < statement->member_count; i++) {
		struct sim_login_row *row = sim_login_find(session->instance, statement->members[i]);
		if (row == NULL && (on_endpoint || *statement->other == '\0') &&
		    sim_user_find(session->instance, statement->members[i]) == NULL)
			return sim_raise(session, statement->line, 15151, "find", "login", statement->members[i]);
		if (row == NULL) continue;
		if (!on_endpoint && *statement->other != '\0') continue;
		if (on_endpoint && (session->instance->endpoint.name == NULL ||
		                    strcasecmp(statement->other + 10, session->instance->endpoint.name) != 0))
			return sim_raise(session, statement->line, 15151, "find", "endpoint", statement->other + 10);
		cleanup_free char *all = xstrdup(statement->name);
		for (char *rest = all, *one; (one = strsep(&rest, ",")) != NULL;) {
			char **list = on_endpoint ? &session->instance->endpoint.connect : &row->permissions;
			const char *item = on_endpoint ? row->name : one + strspn(one, " ");
			if (give) sim_list_add(list, item);
			else sim_list_remove(list, item);
		}
	}
	return done(session);
}

/* --- Certificates --- */

static enum sim_run master_key(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	if (!sim_has_permission(session, "CONTROL SERVER")) return refused(session, statement);
	bool create = statement->kind == SIM_CREATE_MASTER_KEY;
	if (create && instance->master_key) return sim_raise(session, statement->line, 15578);
	instance->master_key = create;
	return done(session);
}

/* Nobody looks into a certificate but this server: it is shaped like DER (a SEQUENCE of the subject and a serial
 * number), so that cutting it or changing its type is found. */
static void make_certificate(struct sim_instance *instance, const char *subject, struct strbuf *der) {
	char serial[SIM_GUID_SIZE];
	sim_guid(instance, serial);
	size_t length = strlen(subject) < 100 ? strlen(subject) : 100;
	strbuf_append_char(der, 0x30);
	strbuf_append_char(der, (char)(unsigned char)0x81);
	strbuf_append_char(der, (char)(unsigned char)(2 + length + 2 + strlen(serial)));
	strbuf_append_char(der, 0x0c);
	strbuf_append_char(der, (char)(unsigned char)length);
	strbuf_append_n(der, subject, length);
	strbuf_append_char(der, 0x04);
	strbuf_append_char(der, (char)(unsigned char)strlen(serial));
	strbuf_append(der, serial);
}

static bool read_hexadecimal(const char *hexadecimal, struct strbuf *bytes) {
	for (unsigned int byte; sscanf(hexadecimal, "%2x", &byte) == 1 && hexadecimal[1] != '\0'; hexadecimal += 2)
		strbuf_append_char(bytes, (char)(unsigned char)byte);
	return *hexadecimal == '\0';
}

static bool read_certificate(const char *hexadecimal, struct strbuf *der) {
	return read_hexadecimal(hexadecimal, der) && der->length > 4 && der->data[0] == 0x30 &&
	       (unsigned char)der->data[1] == 0x81 && (unsigned char)der->data[2] == der->length - 3;
}

/* WITH PRIVATE KEY (BINARY = 0x…, DECRYPTION BY PASSWORD = '…'): 0, or the number of the message that says why not. */
static int read_private_key(const struct sim_option *key, const struct strbuf *der) {
	const char *binary = sim_option_value(key->children, key->child_count, "BINARY");
	const char *password = sim_option_value(key->children, key->child_count, "DECRYPTION BY PASSWORD");
	cleanup_strbuf struct strbuf bytes = { 0 };
	if (binary == NULL || strncmp(binary, "0x", 2) != 0 || !read_hexadecimal(binary + 2, &bytes)) return 15297;
	return sim_private_key_check(strbuf_text(&bytes), bytes.length, password != NULL ? password : "", der->data,
	                             der->length);
}

static enum sim_run create_certificate(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	const char *subject = option(statement, "SUBJECT"), *binary = option(statement, "BINARY");
	cleanup_strbuf struct strbuf der = { 0 };
	if (!sim_has_permission(session, "CONTROL SERVER")) return refused(session, statement);
	if (sim_certificate_find(instance, statement->name) != NULL)
		return sim_raise(session, statement->line, 15232, statement->name);
	if (statement->other != NULL && sim_user_find(instance, statement->other) == NULL &&
	    strcasecmp(statement->other, "dbo") != 0)
		return sim_raise(session, statement->line, 15151, "find", "user", statement->other);
	if (subject == NULL && binary == NULL) return sim_raise(session, statement->line, 15208);
	const struct sim_option *key = sim_option_find(statement->options, statement->option_count, "PRIVATE KEY");
	bool has_private_key = subject != NULL || key != NULL;
	if (has_private_key && !instance->master_key) return sim_raise(session, statement->line, 15581);
	if (subject != NULL) make_certificate(instance, subject, &der);
	else if (!read_certificate(binary, &der)) return sim_raise(session, statement->line, 15297);
	int number = key != NULL ? read_private_key(key, &der) : 0;
	if (number != 0) return sim_raise(session, statement->line, number);
	for (size_t i = 0; i < instance->certificate_count; i++)
		if (instance->certificates[i].public_length == der.length &&
		    memcmp(instance->certificates[i].public_part, der.data, der.length) == 0)
			return sim_raise(session, statement->line, 15232, statement->name);
	instance->certificates =
	        xreallocarray(instance->certificates, instance->certificate_count + 1, sizeof(*instance->certificates));
	struct sim_certificate *certificate = &instance->certificates[instance->certificate_count++];
	size_t length = der.length;
	*certificate = (struct sim_certificate){ .id = 256 + instance->next_certificate_id++,
		                                 .name = xstrdup(statement->name),
		                                 .subject = xstrdup(subject != NULL ? subject : ""),
		                                 .owner = xstrdup(statement->other != NULL ? statement->other : "dbo"),
		                                 .public_length = length,
		                                 .public_part = strbuf_detach(&der),
		                                 .has_private_key = has_private_key };
	return done(session);
}

static enum sim_run drop_certificate(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	struct sim_certificate *certificate = sim_certificate_find(instance, statement->name);
	if (certificate == NULL || !sim_has_permission(session, "CONTROL SERVER"))
		return sim_raise(session, statement->line, 15151, "drop", "certificate", statement->name);
	if (certificate == sim_endpoint_certificate(instance))
		return sim_raise(session, statement->line, 15352, "certificate");
	free(certificate->name);
	free(certificate->subject);
	free(certificate->owner);
	free(certificate->public_part);
	*certificate = instance->certificates[--instance->certificate_count];
	return done(session);
}

/* --- The mirroring endpoint --- */

static enum sim_run put_endpoint(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_endpoint *endpoint = &session->instance->endpoint;
	bool create = statement->kind == SIM_CREATE_ENDPOINT;
	bool may = sim_has_permission(session, create ? "CREATE ENDPOINT" : "ALTER ANY ENDPOINT");
	if (create && !may) return refused(session, statement);
	if (!create && (!may || endpoint->name == NULL || strcasecmp(endpoint->name, statement->name) != 0))
		return sim_raise(session, statement->line, 15151, "alter", "endpoint", statement->name);
	if (create && endpoint->name != NULL) return sim_raise(session, statement->line, 7862);
	const struct sim_option *tcp = sim_option_find(statement->options, statement->option_count, "TCP");
	const struct sim_option *mirroring =
	        sim_option_find(statement->options, statement->option_count, "DATABASE_MIRRORING");
	const char *port = tcp != NULL ? sim_option_value(tcp->children, tcp->child_count, "LISTENER_PORT") : NULL;
	const char *authentication =
	        mirroring != NULL ? sim_option_value(mirroring->children, mirroring->child_count, "AUTHENTICATION")
	                          : NULL;
	const char *certificate = authentication != NULL ? strcasestr(authentication, "CERTIFICATE ") : NULL;
	const char *state = option(statement, "STATE");
	if (create && (tcp == NULL || mirroring == NULL || port == NULL))
		return sim_raise_text(session, statement->line, 102, 15, 1, "Incorrect syntax near 'ENDPOINT'.");
	if (certificate != NULL && sim_certificate_find(session->instance, certificate + 12) == NULL)
		return sim_raise(session, statement->line, 15151, "find", "certificate", certificate + 12);
	if (create) {
		sim_set_text(&endpoint->name, statement->name);
		sim_set_text(&endpoint->owner, session->login);
		endpoint->started = false;
	}
	if (port != NULL) endpoint->port = (int)strtol(port, NULL, 10);
	if (certificate != NULL) sim_set_text(&endpoint->certificate, certificate + 12);
	if (state != NULL) {
		bool started = strcmp(state, "STARTED") == 0, was = endpoint->started;
		endpoint->started = started;
		if (!was && started) endpoint->since = sim_now(session->instance);
		if (was && !started) sim_endpoint_stopped(session->instance);
		if (!was && started) sim_endpoint_started(session->instance);
	}
	return done(session);
}

static enum sim_run drop_endpoint(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_endpoint *endpoint = &session->instance->endpoint;
	if (endpoint->name == NULL || strcasecmp(endpoint->name, statement->name) != 0 ||
	    !sim_has_permission(session, "ALTER ANY ENDPOINT"))
		return sim_raise(session, statement->line, 15151, "drop", "endpoint", statement->name);
	sim_set_text(&endpoint->name, NULL);
	sim_set_text(&endpoint->certificate, NULL);
	sim_set_text(&endpoint->owner, NULL);
	sim_set_text(&endpoint->connect, NULL);
	endpoint->started = false;
	sim_endpoint_stopped(session->instance);
	return done(session);
}

static enum sim_run kill_session(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_value value;
	bool wait;
	if (!sim_evaluate(session, statement->line, &statement->value, &statement->query, &value, &wait))
		return SIM_RUN_FAILED;
	for (size_t i = 0; i < session->instance->session_count; i++) {
		struct sim_session *other = session->instance->sessions[i];
		if (other->id != value.integer || other == session) continue;
		sim_rollback(other);
		other->closed = true;
		return SIM_RUN_DONE;
	}
	cleanup_free char *id = xasprintf("%lld", (long long)value.integer);
	return sim_raise(session, statement->line, 6106, id);
}

enum sim_run sim_run_server(struct sim_session *session, const struct sim_statement *statement) {
	static const struct {
		enum sim_statement_kind kind;
		enum sim_run (*run)(struct sim_session *session, const struct sim_statement *statement);
	} statements[] = {
		{ SIM_CREATE_DATABASE, create_database },
		{ SIM_ALTER_DATABASE, alter_database },
		{ SIM_DROP_DATABASE, drop_database },
		{ SIM_BACKUP, backup },
		{ SIM_RESTORE, restore },
		{ SIM_CREATE_LOGIN, put_login },
		{ SIM_ALTER_LOGIN, put_login },
		{ SIM_DROP_LOGIN, drop_login },
		{ SIM_CREATE_USER, create_user },
		{ SIM_DROP_USER, drop_user },
		{ SIM_ALTER_ROLE, alter_role },
		{ SIM_GRANT, grant },
		{ SIM_REVOKE, grant },
		{ SIM_CREATE_MASTER_KEY, master_key },
		{ SIM_DROP_MASTER_KEY, master_key },
		{ SIM_CREATE_CERTIFICATE, create_certificate },
		{ SIM_DROP_CERTIFICATE, drop_certificate },
		{ SIM_CREATE_ENDPOINT, put_endpoint },
		{ SIM_ALTER_ENDPOINT, put_endpoint },
		{ SIM_DROP_ENDPOINT, drop_endpoint },
		{ SIM_KILL, kill_session },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(statements); i++)
		if (statements[i].kind == statement->kind) return statements[i].run(session, statement);
	return sim_raise_text(session, statement->line, 102, 15, 1, "This server does not know this statement.");
}
