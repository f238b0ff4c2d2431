/* T-SQL's functions, registered with SQLite. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

static struct sim_scope *scope_of(sqlite3_context *context) {
	return sqlite3_user_data(context);
}

static void give(sqlite3_context *context, struct sim_value value) {
	sim_store_result(context, &value);
}
static void give_text(sqlite3_context *context, const char *text) {
	give(context, sim_text(text));
}
static const char *text_of(sqlite3_value *value) {
	const char *text = (const char *)sqlite3_value_text(value);
	return text != NULL ? text : "";
}
static bool any_null(int count, sqlite3_value **values) {
	for (int i = 0; i < count; i++)
		if (sqlite3_value_type(values[i]) == SQLITE_NULL) return true;
	return false;
}
#define FUNCTION(name) static void name(sqlite3_context *context, int count, sqlite3_value **values)
#define UNUSED         (void)count, (void)values

static struct sim_value value_of(sqlite3_value *value) {
	switch (sqlite3_value_type(value)) {
	case SQLITE_INTEGER: return sim_integer(sqlite3_value_int64(value));
	case SQLITE_FLOAT: return (struct sim_value){ .kind = SIM_VALUE_REAL, .real = sqlite3_value_double(value) };
	case SQLITE_TEXT: return sim_text(text_of(value));
	case SQLITE_BLOB:
		return (struct sim_value){ .kind = SIM_VALUE_BYTES,
			                   .bytes = sqlite3_value_bytes(value) > 0 ? sqlite3_value_blob(value) : "",
			                   .length = (size_t)sqlite3_value_bytes(value) };
	default: return sim_null();
	}
}

/* --- Operators and conversion --- */

FUNCTION(add) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	int left = sqlite3_value_type(values[0]), right = sqlite3_value_type(values[1]);
	if (left == SQLITE_BLOB && right == SQLITE_BLOB) {
		cleanup_strbuf struct strbuf bytes = { 0 };
		for (int i = 0; i < 2; i++)
			strbuf_append_n(&bytes, sqlite3_value_bytes(values[i]) > 0 ? sqlite3_value_blob(values[i]) : "",
			                (size_t)sqlite3_value_bytes(values[i]));
		sqlite3_result_blob64(context, bytes.data, bytes.length, SQLITE_TRANSIENT);
		return;
	}
	if (left == SQLITE_TEXT && right == SQLITE_TEXT) {
		cleanup_free char *text = xasprintf("%s%s", text_of(values[0]), text_of(values[1]));
		return give_text(context, text);
	}
	for (int i = 0; i < 2; i++) {
		if (sqlite3_value_type(values[i]) != SQLITE_TEXT ||
		    sqlite3_value_numeric_type(values[i]) != SQLITE_TEXT)
			continue;
		cleanup_free char *text = xasprintf("245 %s\x1fint", text_of(values[i]));
		return sqlite3_result_error(context, text, -1);
	}
	if (sqlite3_value_numeric_type(values[0]) == SQLITE_FLOAT ||
	    sqlite3_value_numeric_type(values[1]) == SQLITE_FLOAT)
		return sqlite3_result_double(context,
		                             sqlite3_value_double(values[0]) + sqlite3_value_double(values[1]));
	sqlite3_result_int64(context, sqlite3_value_int64(values[0]) + sqlite3_value_int64(values[1]));
}

FUNCTION(convert) {
	UNUSED;
	struct sim_type_info type;
	struct sim_value value = value_of(values[1]), result;
	if (!sim_type_parse(text_of(values[0]), &type)) return sqlite3_result_error(context, "unknown type", -1);
	if (sim_convert_value(&value, &type, sqlite3_value_int(values[2]), &result)) {
		give(context, result);
		sim_value_free(&result);
	} else if (sqlite3_value_int(values[3]) != 0) {
		sqlite3_result_null(context);
	} else {
		cleanup_free char *text = xasprintf("245 %s\x1f%s", text_of(values[1]), sim_type_name(type.type));
		sqlite3_result_error(context, text, -1);
	}
}

/* --- Text --- */

static size_t character_at(const char *text, int64_t index) {
	size_t at = 0;
	for (; index > 0 && text[at] != '\0'; index--) do
			at++;
		while (((unsigned char)text[at] & 0xc0) == 0x80);
	return at;
}
static int64_t length_of(const char *text) {
	int64_t length = 0;
	for (; *text != '\0'; text++) length += ((unsigned char)*text & 0xc0) != 0x80;
	return length;
}

static void give_part(sqlite3_context *context, const char *text, int64_t start, int64_t length) {
	if (start < 0) {
		length += start;
		start = 0;
	}
	if (length < 0) length = 0;
	size_t from = character_at(text, start), to = from + character_at(text + from, length);
	sqlite3_result_text64(context, text + from, to - from, SQLITE_TRANSIENT, SQLITE_UTF8);
}

FUNCTION(substring) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	if (sqlite3_value_type(values[0]) == SQLITE_BLOB) {
		int64_t start = sqlite3_value_int64(values[1]) - 1, length = sqlite3_value_int64(values[2]);
		int64_t size = sqlite3_value_bytes(values[0]);
		if (start < 0) start = 0;
		if (start > size) start = size;
		if (length > size - start) length = size - start;
		const char *bytes = sqlite3_value_blob(values[0]);
		return sqlite3_result_blob64(context, size > 0 ? bytes + start : "", (sqlite3_uint64)length,
		                             SQLITE_TRANSIENT);
	}
	give_part(context, text_of(values[0]), sqlite3_value_int64(values[1]) - 1, sqlite3_value_int64(values[2]));
}
FUNCTION(left) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	give_part(context, text_of(values[0]), 0, sqlite3_value_int64(values[1]));
}
FUNCTION(right) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	int64_t length = length_of(text_of(values[0])), wanted = sqlite3_value_int64(values[1]);
	give_part(context, text_of(values[0]), wanted < length ? length - wanted : 0, wanted);
}
FUNCTION(len) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	cleanup_free char *text = xstrdup(text_of(values[0]));
	for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--) text[end - 1] = '\0';
	sqlite3_result_int64(context, length_of(text));
}
FUNCTION(datalength) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	bool text = sqlite3_value_type(values[0]) == SQLITE_TEXT;
	sqlite3_result_int64(context, text ? 2 * length_of(text_of(values[0])) : sqlite3_value_bytes(values[0]));
}
FUNCTION(charindex) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	const char *text = text_of(values[1]);
	size_t from = count > 2 && sqlite3_value_int64(values[2]) > 1
	                      ? character_at(text, sqlite3_value_int64(values[2]) - 1)
	                      : 0;
	const char *found = strcasestr(text + from, text_of(values[0]));
	int64_t index = 0;
	if (found != NULL && *text_of(values[0]) != '\0')
		for (const char *at = text; at <= found; at++) index += ((unsigned char)*at & 0xc0) != 0x80;
	sqlite3_result_int64(context, index);
}
FUNCTION(replace_all) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	const char *text = text_of(values[0]), *what = text_of(values[1]), *with = text_of(values[2]);
	cleanup_strbuf struct strbuf result = { 0 };
	size_t length = strlen(what);
	for (const char *found; length > 0 && (found = strcasestr(text, what)) != NULL; text = found + length) {
		strbuf_append_n(&result, text, (size_t)(found - text));
		strbuf_append(&result, with);
	}
	strbuf_append(&result, text);
	give_text(context, strbuf_text(&result));
}
FUNCTION(replicate) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	cleanup_strbuf struct strbuf result = { 0 };
	for (int64_t i = 0; i < sqlite3_value_int64(values[1]) && result.length < 1024 * 1024; i++)
		strbuf_append(&result, text_of(values[0]));
	give_text(context, strbuf_text(&result));
}
FUNCTION(concat) {
	cleanup_strbuf struct strbuf result = { 0 };
	for (int i = 0; i < count; i++) strbuf_append(&result, text_of(values[i]));
	give_text(context, strbuf_text(&result));
}
FUNCTION(quotename) {
	if (any_null(count, values)) return sqlite3_result_null(context);
	char open = count > 1 ? *text_of(values[1]) : '[';
	char close = open == '[' ? ']' : open == '(' ? ')' : open == '<' ? '>' : open == '{' ? '}' : open;
	cleanup_strbuf struct strbuf result = { 0 };
	strbuf_append_char(&result, open);
	for (const char *c = text_of(values[0]); *c != '\0'; c++) {
		if (*c == close) strbuf_append_char(&result, close);
		strbuf_append_char(&result, *c);
	}
	strbuf_append_char(&result, close);
	give_text(context, strbuf_text(&result));
}

/* --- Time --- */

FUNCTION(getdate) {
	UNUSED;
	char buffer[SIM_TIME_SIZE];
	give_text(context, sim_datetime_text(scope_of(context)->time, buffer));
}
FUNCTION(sysdatetime) {
	UNUSED;
	char buffer[SIM_TIME_SIZE];
	give_text(context, sim_time_text(scope_of(context)->time, 7, buffer));
}

static const struct {
	const char *name, *letters;
	int64_t microseconds;
} parts[] = {
	{ "year", "yyyy", INT64_C(31556952000000) },
	{ "month", "mm", INT64_C(2629746000000) },
	{ "day", "dd", INT64_C(86400000000) },
	{ "hour", "hh", INT64_C(3600000000) },
	{ "minute", "mi", 60000000 },
	{ "second", "ss", 1000000 },
	{ "millisecond", "ms", 1000 },
	{ "microsecond", "mcs", 1 },
};

static int64_t part_of(const char *name) {
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		if (strcasecmp(parts[i].name, name) == 0 || strcasecmp(parts[i].letters, name) == 0)
			return parts[i].microseconds;
	return strcasecmp(name, "s") == 0 ? 1000000 : strcasecmp(name, "d") == 0 ? INT64_C(86400000000) : 0;
}
FUNCTION(dateadd) {
	int64_t unit = part_of(text_of(values[0])), time;
	char buffer[SIM_TIME_SIZE];
	if (any_null(count, values) || unit == 0 || !sim_time_parse(text_of(values[2]), &time))
		return sqlite3_result_null(context);
	give_text(context, sim_datetime_text(time + unit * sqlite3_value_int64(values[1]), buffer));
}
static int64_t floor_divide(int64_t value, int64_t unit) {
	return value / unit - (value % unit < 0);
}
FUNCTION(datediff) {
	int64_t unit = part_of(text_of(values[0])), from, to;
	if (any_null(count, values) || unit == 0 || !sim_time_parse(text_of(values[1]), &from) ||
	    !sim_time_parse(text_of(values[2]), &to))
		return sqlite3_result_null(context);
	sqlite3_result_int64(context, floor_divide(to, unit) - floor_divide(from, unit));
}

/* --- The server and the session --- */

FUNCTION(newid) {
	UNUSED;
	struct sim_scope *scope = scope_of(context);
	/* splitmix64 on the seed of the statement: redo makes the same ones. */
	uint64_t bits[2];
	for (int i = 0; i < 2; i++) {
		uint64_t z = (scope->seed += UINT64_C(0x9e3779b97f4a7c15));
		z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
		bits[i] = z ^ (z >> 31);
	}
	char guid[SIM_GUID_SIZE];
	snprintf(guid, sizeof(guid), "%08X-%04X-4%03X-%04X-%012llX", (unsigned)(bits[0] >> 32),
	         (unsigned)(bits[0] >> 16 & 0xffff), (unsigned)(bits[0] & 0xfff),
	         (unsigned)(bits[1] >> 48 & 0x3fff) | 0x8000, (unsigned long long)(bits[1] & UINT64_C(0xffffffffffff)));
	give_text(context, guid);
}

static const char *current_database(const struct sim_scope *scope) {
	return scope->session != NULL ? scope->session->database : "master";
}
FUNCTION(db_name) {
	struct sim_scope *scope = scope_of(context);
	if (count == 0) return give_text(context, current_database(scope));
	const struct sim_database *database = sim_database_by_id(scope->instance, sqlite3_value_int(values[0]));
	give_text(context, database != NULL ? database->name : NULL);
}
FUNCTION(db_id) {
	struct sim_scope *scope = scope_of(context);
	const char *name = count == 0 ? current_database(scope) : text_of(values[0]);
	const struct sim_database *database = sim_database_find(scope->instance, name);
	give(context, database != NULL ? sim_integer(database->id) : sim_null());
}

struct property {
	const char *name, *text;
	int64_t number;
};
static void give_property(sqlite3_context *context, const struct property *properties, size_t count, const char *name) {
	for (size_t i = 0; i < count; i++) {
		if (strcasecmp(properties[i].name, name) != 0) continue;
		if (properties[i].text != NULL) return give_text(context, properties[i].text);
		return sqlite3_result_int64(context, properties[i].number);
	}
	sqlite3_result_null(context);
}
static int64_t engine_edition(const char *edition) {
	if (strcasecmp(edition, "Express") == 0) return 4;
	return strcasecmp(edition, "Standard") == 0 || strcasecmp(edition, "Web") == 0 ? 2 : 3;
}
FUNCTION(serverproperty) {
	UNUSED;
	const struct sim_instance *instance = scope_of(context)->instance;
	cleanup_free char *edition = xasprintf("%s Edition (64-bit)", instance->edition);
	cleanup_free char *major = xstrndup(instance->version, strcspn(instance->version, "."));
	const struct property properties[] = {
		{ "ServerName", instance->name, 0 },
		{ "MachineName", instance->name, 0 },
		{ "ComputerNamePhysicalNetBIOS", instance->name, 0 },
		{ "Edition", edition, 0 },
		{ "EngineEdition", NULL, engine_edition(instance->edition) },
		{ "ProductVersion", instance->version, 0 },
		{ "ProductMajorVersion", major, 0 },
		{ "ProductLevel", "RTM", 0 },
		{ "ProductUpdateLevel", "CU16", 0 },
		{ "IsHadrEnabled", NULL, instance->hadr_enabled },
		{ "HadrManagerStatus", NULL, instance->hadr_enabled ? 1 : 2 },
		{ "IsClustered", NULL, 0 },
		{ "IsIntegratedSecurityOnly", NULL, 0 },
		{ "Collation", "SQL_Latin1_General_CP1_CI_AS", 0 },
		{ "InstanceDefaultDataPath", "/var/opt/mssql/data/", 0 },
		{ "InstanceDefaultLogPath", "/var/opt/mssql/data/", 0 },
		{ "InstanceDefaultBackupPath", "/var/opt/mssql/data/", 0 },
		{ "ProcessID", NULL, 9 },
	};
	give_property(context, properties, ARRAY_LENGTH(properties), text_of(values[0]));
}
FUNCTION(databasepropertyex) {
	UNUSED;
	const struct sim_instance *instance = scope_of(context)->instance;
	const struct sim_database *database = sim_database_find(instance, text_of(values[0]));
	if (database == NULL) return sqlite3_result_null(context);
	static const char *const models[] = { "", "FULL", "BULK_LOGGED", "SIMPLE" };
	const struct sim_group *group = sim_group_of(instance, database);
	bool read_only = database->read_only || (group != NULL && group->role != SIM_ROLE_PRIMARY);
	const struct property properties[] = {
		{ "Status", sim_database_state_name(sim_database_state(instance, database)), 0 },
		{ "Recovery", models[database->recovery], 0 },
		{ "Updateability", read_only ? "READ_ONLY" : "READ_WRITE", 0 },
		{ "UserAccess", "MULTI_USER", 0 },
		{ "Collation", "SQL_Latin1_General_CP1_CI_AS", 0 },
	};
	give_property(context, properties, ARRAY_LENGTH(properties), text_of(values[1]));
}

char *sim_version_text(const struct sim_instance *instance);
char *sim_version_text(const struct sim_instance *instance) {
	int major = atoi(instance->version);
	return xasprintf(
	        "Microsoft SQL Server %d (RTM) - %s (X64) \n\tSimulated for tests\n\t%s Edition (64-bit) on Linux",
	        major == 17   ? 2025
	        : major == 15 ? 2019
	                      : 2022,
	        instance->version, instance->edition);
}

FUNCTION(global) {
	UNUSED;
	const struct sim_scope *scope = scope_of(context);
	const struct sim_session *session = scope->session;
	cleanup_free char *version = sim_version_text(scope->instance);
	struct sim_value identity = session != NULL ? session->identity : sim_null();
	if (strcasecmp(text_of(values[0]), "@@IDENTITY") == 0) return give(context, identity);
	const struct property properties[] = {
		{ "@@SERVERNAME", scope->instance->name, 0 },
		{ "@@SERVICENAME", "MSSQLSERVER", 0 },
		{ "@@VERSION", version, 0 },
		{ "@@LANGUAGE", "us_english", 0 },
		{ "@@SPID", NULL, session != NULL ? session->id : 0 },
		{ "@@ROWCOUNT", NULL, session != NULL ? session->row_count : 0 },
		{ "@@TRANCOUNT", NULL, session != NULL ? session->transactions : 0 },
		{ "@@ERROR", NULL, session != NULL ? session->error : 0 },
		{ "@@LOCK_TIMEOUT", NULL, session != NULL ? session->lock_timeout : -1 },
		{ "@@MAX_PRECISION", NULL, 38 },
		{ "@@OPTIONS", NULL, 5432 },
		{ "@@MICROSOFTVERSION", NULL, (int64_t)atoi(scope->instance->version) << 24 },
		{ "@@DATEFIRST", NULL, 7 },
		{ "@@TEXTSIZE", NULL, 2147483647 },
	};
	give_property(context, properties, ARRAY_LENGTH(properties), text_of(values[0]));
}

FUNCTION(session_context) {
	UNUSED;
	const struct sim_session *session = scope_of(context)->session;
	for (size_t i = 0; session != NULL && i < session->context_count; i++)
		if (strcasecmp(session->context[i].key, text_of(values[0])) == 0)
			return give(context, session->context[i].value);
	sqlite3_result_null(context);
}

#define SESSION_TEXT(name, field)                                               \
	FUNCTION(name) {                                                        \
		UNUSED;                                                         \
		const struct sim_session *session = scope_of(context)->session; \
		give_text(context, session != NULL ? session->field : NULL);    \
	}
SESSION_TEXT(login, login)
SESSION_TEXT(host_name, host)
SESSION_TEXT(app_name, application)

/* SUSER_SNAME(sid): sa's sid is 0x01. */
FUNCTION(suser_sname) {
	if (count == 0) return login(context, count, values);
	const char *sid = sqlite3_value_bytes(values[0]) > 0 ? sqlite3_value_blob(values[0]) : "";
	give_text(context, sqlite3_value_bytes(values[0]) == 1 && *sid == 1 ? "sa" : NULL);
}
/* Logins by number, as sys.server_principals has them. */
FUNCTION(suser_id) {
	const struct sim_scope *scope = scope_of(context);
	const char *name = count > 0 ? text_of(values[0]) : scope->session != NULL ? scope->session->login : "";
	const struct sim_login_row *row = sim_login_find(scope->instance, name);
	give(context, row != NULL ? sim_integer(sim_login_id(scope->instance, row)) : sim_null());
}
FUNCTION(suser_name) {
	const struct sim_instance *instance = scope_of(context)->instance;
	if (count == 0) return login(context, count, values);
	for (size_t i = 0; i < instance->login_count; i++)
		if (sim_login_id(instance, &instance->logins[i]) == sqlite3_value_int(values[0]))
			return give_text(context, instance->logins[i].name);
	sqlite3_result_null(context);
}
FUNCTION(user_name) {
	UNUSED;
	const struct sim_session *session = scope_of(context)->session;
	give_text(context, session != NULL && sim_is_sysadmin(session) ? "dbo"
	                   : session != NULL                           ? session->login
	                                                               : NULL);
}

#define ERROR_FIELD(name, expression)                                                                    \
	FUNCTION(name) {                                                                                 \
		UNUSED;                                                                                  \
		const struct sim_session *session = scope_of(context)->session;                          \
		if (session == NULL || session->caught.number == 0) return sqlite3_result_null(context); \
		give(context, expression);                                                               \
	}
ERROR_FIELD(error_number, sim_integer(session->caught.number))
ERROR_FIELD(error_severity, sim_integer(session->caught.severity))
ERROR_FIELD(error_state, sim_integer(session->caught.state))
ERROR_FIELD(error_line, sim_integer(session->caught.line))
ERROR_FIELD(error_message, sim_text(session->caught.text))
ERROR_FIELD(error_procedure, sim_text(session->caught.procedure))

FUNCTION(xact_state) {
	UNUSED;
	const struct sim_session *session = scope_of(context)->session;
	sqlite3_result_int64(context, session == NULL || session->transactions == 0 ? 0 : session->doomed ? -1 : 1);
}
FUNCTION(identity) {
	UNUSED;
	const struct sim_session *session = scope_of(context)->session;
	give(context, session != NULL ? session->identity : sim_null());
}
FUNCTION(sessionproperty) {
	UNUSED;
	sqlite3_result_int64(context, 1);
}

FUNCTION(cert_id) {
	UNUSED;
	const struct sim_certificate *certificate =
	        sim_certificate_find(scope_of(context)->instance, text_of(values[0]));
	give(context, certificate != NULL ? sim_integer(certificate->id) : sim_null());
}
static const struct sim_certificate *certificate_by_id(const struct sim_instance *instance, int id) {
	for (size_t i = 0; i < instance->certificate_count; i++)
		if (instance->certificates[i].id == id) return &instance->certificates[i];
	return NULL;
}
FUNCTION(certencoded) {
	UNUSED;
	const struct sim_certificate *certificate =
	        certificate_by_id(scope_of(context)->instance, sqlite3_value_int(values[0]));
	if (certificate == NULL) return sqlite3_result_null(context);
	sqlite3_result_blob64(context, certificate->public_part, certificate->public_length, SQLITE_TRANSIENT);
}
/* Public, but of use only to who may use the private key: sysadmins, here. */
FUNCTION(certprivatekey) {
	const struct sim_scope *scope = scope_of(context);
	const struct sim_certificate *certificate =
	        certificate_by_id(scope->instance, count > 0 ? sqlite3_value_int(values[0]) : 0);
	if (certificate == NULL || !certificate->has_private_key || !scope->instance->master_key || count < 2 ||
	    scope->session == NULL || !sim_is_sysadmin(scope->session))
		return sqlite3_result_null(context);
	cleanup_strbuf struct strbuf bytes = { 0 };
	sim_private_key_put(&bytes, certificate, text_of(values[1]));
	sqlite3_result_blob64(context, bytes.data, bytes.length, SQLITE_TRANSIENT);
}
FUNCTION(is_primary_replica) {
	UNUSED;
	const struct sim_instance *instance = scope_of(context)->instance;
	const struct sim_database *database = sim_database_find(instance, text_of(values[0]));
	const struct sim_group *group = database != NULL ? sim_group_of(instance, database) : NULL;
	if (group == NULL) return sqlite3_result_null(context);
	sqlite3_result_int64(context, group->role == SIM_ROLE_PRIMARY);
}
FUNCTION(is_srvrolemember) {
	const struct sim_scope *scope = scope_of(context);
	const char *name = count > 1 ? text_of(values[1]) : scope->session != NULL ? scope->session->login : "";
	const struct sim_login_row *row = sim_login_find(scope->instance, name);
	if (row == NULL) return sqlite3_result_null(context);
	sqlite3_result_int64(context, row->sysadmin && strcasecmp(text_of(values[0]), "sysadmin") == 0);
}
FUNCTION(has_perms_by_name) {
	const struct sim_scope *scope = scope_of(context);
	if (count < 3 || scope->session == NULL) return sqlite3_result_null(context);
	sqlite3_result_int64(context,
	                     sim_is_sysadmin(scope->session) || sim_has_permission(scope->session, text_of(values[2])));
}

/* Objects are numbered by their name: nobody does more with the number than ask for NULL. */
static int64_t object_number(const char *name) {
	uint32_t hash = 2166136261u;
	for (; *name != '\0'; name++) hash = (hash ^ (uint32_t)tolower((unsigned char)*name)) * 16777619u;
	return (int64_t)(hash & 0x7fffffff);
}
static bool table_exists(sqlite3 *sqlite, const char *name) {
	sqlite3_stmt *statement = NULL;
	sqlite3_prepare_v2(sqlite,
	                   "SELECT 1 FROM sqlite_schema WHERE type IN ('table','index') AND name = ? COLLATE NOCASE",
	                   -1, &statement, NULL);
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_TRANSIENT);
	bool found = sqlite3_step(statement) == SQLITE_ROW;
	sqlite3_finalize(statement);
	return found;
}
FUNCTION(object_id) {
	const struct sim_scope *scope = scope_of(context);
	if (any_null(count, values) || scope->session == NULL) return sqlite3_result_null(context);
	/* [db].[schema].[name], schema.name, name */
	cleanup_strbuf struct strbuf clean = { 0 };
	for (const char *c = text_of(values[0]); *c != '\0'; c++)
		if (strchr("[]\"", *c) == NULL) strbuf_append_char(&clean, *c);
	const char *name = strbuf_text(&clean), *dot = strrchr(name, '.');
	const char *first = strchr(name, '.');
	cleanup_free char *database_name = first != NULL && first != dot ? xstrndup(name, (size_t)(first - name))
	                                                                 : xstrdup(scope->session->database);
	struct sim_database *database = sim_database_find(scope->instance, database_name);
	const char *last = dot != NULL ? dot + 1 : name;
	if (database == NULL || sim_access_error(scope->session, database) != 0) return sqlite3_result_null(context);
	if (!table_exists(sim_database_store(scope->instance, database)->sqlite, last))
		return sqlite3_result_null(context);
	sqlite3_result_int64(context, object_number(last));
}

void sim_functions_register(struct sim_store *store) {
	enum { PLAIN = 0, PURE = SQLITE_DETERMINISTIC };
	static const struct {
		const char *name;
		int arguments, flags;
		void (*function)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{ "sim_add", 2, PURE, add },
		{ "sim_app_name", 0, PLAIN, app_name },
		{ "sim_cert_id", 1, PLAIN, cert_id },
		{ "sim_certencoded", 1, PLAIN, certencoded },
		{ "sim_certprivatekey", -1, PLAIN, certprivatekey },
		{ "sim_charindex", -1, PURE, charindex },
		{ "sim_concat", -1, PURE, concat },
		{ "sim_convert", 4, PURE, convert },
		{ "sim_databasepropertyex", 2, PLAIN, databasepropertyex },
		{ "sim_datalength", 1, PURE, datalength },
		{ "sim_dateadd", 3, PURE, dateadd },
		{ "sim_datediff", 3, PURE, datediff },
		{ "sim_datediff_big", 3, PURE, datediff },
		{ "sim_db_id", -1, PLAIN, db_id },
		{ "sim_db_name", -1, PLAIN, db_name },
		{ "sim_error_line", 0, PLAIN, error_line },
		{ "sim_error_message", 0, PLAIN, error_message },
		{ "sim_error_number", 0, PLAIN, error_number },
		{ "sim_error_procedure", 0, PLAIN, error_procedure },
		{ "sim_error_severity", 0, PLAIN, error_severity },
		{ "sim_error_state", 0, PLAIN, error_state },
		{ "sim_getdate", 0, PLAIN, getdate },
		{ "sim_global", 1, PLAIN, global },
		{ "sim_has_perms_by_name", -1, PLAIN, has_perms_by_name },
		{ "sim_host_name", 0, PLAIN, host_name },
		{ "sim_identity", 0, PLAIN, identity },
		{ "sim_is_primary_replica", 1, PLAIN, is_primary_replica },
		{ "sim_is_srvrolemember", -1, PLAIN, is_srvrolemember },
		{ "sim_left", 2, PURE, left },
		{ "sim_len", 1, PURE, len },
		{ "sim_login", -1, PLAIN, login },
		{ "sim_newid", 0, PLAIN, newid },
		{ "sim_object_id", -1, PLAIN, object_id },
		{ "sim_quotename", -1, PURE, quotename },
		{ "sim_replace", 3, PURE, replace_all },
		{ "sim_replicate", 2, PURE, replicate },
		{ "sim_right", 2, PURE, right },
		{ "sim_serverproperty", 1, PLAIN, serverproperty },
		{ "sim_session_context", 1, PLAIN, session_context },
		{ "sim_sessionproperty", 1, PLAIN, sessionproperty },
		{ "sim_substring", 3, PURE, substring },
		{ "sim_suser_id", -1, PLAIN, suser_id },
		{ "sim_suser_name", -1, PLAIN, suser_name },
		{ "sim_suser_sname", -1, PLAIN, suser_sname },
		{ "sim_sysdatetime", 0, PLAIN, sysdatetime },
		{ "sim_user_name", -1, PLAIN, user_name },
		{ "sim_xact_state", 0, PLAIN, xact_state },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(functions); i++)
		sqlite3_create_function_v2(store->sqlite, functions[i].name, functions[i].arguments,
		                           SQLITE_UTF8 | functions[i].flags, &store->scope, functions[i].function, NULL,
		                           NULL, NULL);
}
