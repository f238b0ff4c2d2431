/* System procedures. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

struct call {
	struct sim_session *session;
	const struct sim_statement *statement;
	struct sim_value *values; /* as many as the statement has arguments */
	int status;
};

/* An argument by name, or by its place: unnamed ones come first. */
static const struct sim_value *argument(const struct call *call, size_t place, const char *name) {
	const struct sim_statement *statement = call->statement;
	for (size_t i = 0; i < statement->argument_count; i++) {
		const char *given = statement->arguments[i].name;
		if (given != NULL ? strcasecmp(given, name) == 0 : i == place) return &call->values[i];
	}
	return NULL;
}
static const char *text_argument(const struct call *call, size_t place, const char *name, const char *otherwise) {
	const struct sim_value *value = argument(call, place, name);
	return value != NULL && value->kind == SIM_VALUE_TEXT ? value->bytes : otherwise;
}
static int64_t integer_argument(const struct call *call, size_t place, const char *name, int64_t otherwise) {
	const struct sim_value *value = argument(call, place, name);
	if (value == NULL || value->kind == SIM_VALUE_NULL) return otherwise;
	return value->kind == SIM_VALUE_TEXT ? strtoll(value->bytes, NULL, 10) : value->integer;
}

/* sp_executesql @stmt, @params, values: by name, or in the order of the declaration. */
static enum sim_run execute_sql(struct call *call) {
	struct sim_session *session = call->session;
	const char *text = text_argument(call, 0, "@stmt", "");
	cleanup_arena struct arena arena = { 0 };
	struct sim_statement *declared;
	struct sim_syntax_error error;
	if (!sim_parse_declaration(&arena, text_argument(call, 1, "@params", ""), &declared, &error))
		return sim_raise_text(session, error.line, error.number, 15, error.state, error.text);
	struct sim_variables variables = { 0 };
	size_t place = 2;
	for (const struct sim_statement *at = declared; at != NULL; at = at->next, place++) {
		struct sim_variable *variable = sim_variable_add(&variables, at->name, at->type);
		const struct sim_value *value = argument(call, place, at->name);
		if (value == NULL) {
			sim_variables_free(&variables);
			return sim_raise(session, call->statement->line, 201, text, at->name);
		}
		sim_convert_value(value, &at->type, 0, &variable->value);
	}
	return sim_push_text(session, call->statement, text, variables);
}

static enum sim_run set_session_context(struct call *call) {
	struct sim_session *session = call->session;
	const char *key = text_argument(call, 0, "@key", NULL);
	const struct sim_value *value = argument(call, 1, "@value");
	if (key == NULL || value == NULL)
		return sim_raise(session, call->statement->line, 201, "sp_set_session_context",
		                 key == NULL ? "@key" : "@value");
	for (size_t i = 0; i < session->context_count; i++) {
		if (strcasecmp(session->context[i].key, key) != 0) continue;
		if (session->context[i].read_only) return sim_raise(session, call->statement->line, 15664, key);
		sim_value_free(&session->context[i].value);
		session->context[i].value = sim_value_copy(value);
		return SIM_RUN_DONE;
	}
	session->context = xreallocarray(session->context, session->context_count + 1, sizeof(*session->context));
	session->context[session->context_count++] =
	        (struct sim_pair){ xstrdup(key), sim_value_copy(value),
		                   integer_argument(call, 2, "@read_only", 0) != 0 };
	return SIM_RUN_DONE;
}

static struct sim_applock *lock_of(const struct sim_instance *instance, const char *resource,
                                   const struct sim_session *owner, bool others) {
	for (size_t i = 0; i < instance->applock_count; i++) {
		struct sim_applock *lock = &instance->applocks[i];
		if (strcmp(lock->resource, resource) == 0 && (lock->owner == owner) != others) return lock;
	}
	return NULL;
}

/* sp_getapplock @Resource, @LockMode, @LockOwner, @LockTimeout: every mode is exclusive here. */
static enum sim_run get_applock(struct call *call) {
	struct sim_session *session = call->session;
	struct sim_instance *instance = session->instance;
	struct sim_progress_state *progress = &session->progress;
	const char *resource = text_argument(call, 0, "@Resource", NULL);
	bool transactional = strcasecmp(text_argument(call, 2, "@LockOwner", "Transaction"), "Session") != 0;
	if (resource == NULL || (transactional && session->transactions == 0)) {
		call->status = -999;
		return SIM_RUN_DONE;
	}
	if (lock_of(instance, resource, session, true) != NULL) {
		int64_t timeout = integer_argument(call, 3, "@LockTimeout", session->lock_timeout);
		if (progress->until == 0)
			progress->until = timeout < 0 ? INT64_MAX : sim_now(instance) + timeout * 1000;
		progress->deadline = progress->until;
		if (sim_now(instance) < progress->until) return SIM_RUN_WAIT;
		call->status = -1;
		return SIM_RUN_DONE;
	}
	call->status = progress->until != 0;
	struct sim_applock *mine = lock_of(instance, resource, session, false);
	if (mine != NULL) {
		mine->count++;
		return SIM_RUN_DONE;
	}
	instance->applocks =
	        xreallocarray(instance->applocks, instance->applock_count + 1, sizeof(*instance->applocks));
	instance->applocks[instance->applock_count++] =
	        (struct sim_applock){ xstrdup(resource), session, transactional, 1 };
	return SIM_RUN_DONE;
}

static enum sim_run release_applock(struct call *call) {
	struct sim_instance *instance = call->session->instance;
	const char *resource = text_argument(call, 0, "@Resource", "");
	struct sim_applock *lock = lock_of(instance, resource, call->session, false);
	call->status = lock != NULL ? 0 : -999;
	if (lock == NULL || --lock->count > 0) return SIM_RUN_DONE;
	free(lock->resource);
	*lock = instance->applocks[--instance->applock_count];
	return SIM_RUN_DONE;
}

static void diagnostics_rows(struct sim_session *session) {
	static const char *const states[] = { "unknown", "clean", "warning", "error" };
	const struct sim_instance *instance = session->instance;
	const struct {
		const char *type, *name;
		int state;
	} components[] = {
		{ "instance", "system", instance->health.system },
		{ "instance", "resource", instance->health.resource },
		{ "instance", "query_processing", instance->health.query_processing },
		{ "instance", "io_subsystem", instance->health.io_subsystem },
		{ "instance", "events", 0 },
	};
	static const struct {
		const char *name;
		struct sim_type_info type;
	} columns[] = {
		{ "create_time", { SIM_DATETIME, 0, 0, 3 } },      { "component_type", { SIM_NVARCHAR, 128, 0, 0 } },
		{ "component_name", { SIM_NVARCHAR, 128, 0, 0 } }, { "state", { SIM_INT, 0, 0, 0 } },
		{ "state_desc", { SIM_NVARCHAR, 20, 0, 0 } },      { "data", { SIM_VARCHAR, SIM_MAX, 0, 0 } },
	};
	char time[SIM_TIME_SIZE];
	sim_datetime_text(sim_wall(instance), time);
	struct sim_rowset rowset = { 0 };
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) sim_rowset_column(&rowset, columns[i].name, columns[i].type);
	for (size_t i = 0; i < ARRAY_LENGTH(components) + instance->group_count; i++) {
		bool group = i >= ARRAY_LENGTH(components);
		sim_rowset_value(&rowset, sim_text(time));
		sim_rowset_value(&rowset, sim_text(group ? "Always On:AvailabilityGroup" : components[i].type));
		sim_rowset_value(&rowset, sim_text(group ? instance->groups[i - ARRAY_LENGTH(components)]->name
		                                         : components[i].name));
		sim_rowset_value(&rowset, sim_integer(group ? 1 : components[i].state));
		sim_rowset_value(&rowset, sim_text(states[group ? 1 : components[i].state]));
		sim_rowset_value(&rowset, sim_text(""));
	}
	sim_send_rowset(session, &rowset);
}

/* sp_server_diagnostics: the first rows take their time; with an interval it goes on until it is cancelled. */
static enum sim_run server_diagnostics(struct call *call) {
	struct sim_session *session = call->session;
	struct sim_progress_state *progress = &session->progress;
	int64_t interval = integer_argument(call, 0, "@repeat_interval", 0), now = sim_now(session->instance);
	if (!sim_has_permission(session, "VIEW SERVER STATE")) {
		sim_raise(session, call->statement->line, 300, "VIEW SERVER STATE");
		return sim_raise(session, call->statement->line, 297);
	}
	if (interval != 0 && interval < 5)
		return sim_raise_text(
		        session, call->statement->line, 15600, 15, 1,
		        "An invalid parameter or option was specified for procedure 'sp_server_diagnostics'.");
	if (progress->until == 0) progress->until = now + sim_timing(session->instance, SIM_TIMING_diagnostics);
	while (now >= progress->until) {
		diagnostics_rows(session);
		if (interval == 0) return SIM_RUN_DONE;
		progress->until += interval * 1000000;
		if (progress->until <= now) progress->until = now + interval * 1000000; /* the process was frozen */
	}
	progress->deadline = progress->until;
	return SIM_RUN_WAIT;
}

static enum sim_run add_role_member(struct call *call) {
	struct sim_login_row *row = sim_login_find(call->session->instance, text_argument(call, 0, "@loginame", ""));
	if (row == NULL)
		return sim_raise(call->session, call->statement->line, 15007, text_argument(call, 0, "@loginame", ""));
	if (strcasecmp(text_argument(call, 1, "@rolename", ""), "sysadmin") == 0) row->sysadmin = true;
	sim_instance_save(call->session->instance);
	return SIM_RUN_DONE;
}

/* Accepted, with nothing behind it. */
static enum sim_run nothing(struct call *call) {
	(void)call;
	return SIM_RUN_DONE;
}

static const struct {
	const char *name;
	enum sim_run (*run)(struct call *call);
} procedures[] = {
	{ "sp_executesql", execute_sql },
	{ "sp_set_session_context", set_session_context },
	{ "sp_getapplock", get_applock },
	{ "sp_releaseapplock", release_applock },
	{ "sp_server_diagnostics", server_diagnostics },
	{ "sp_addsrvrolemember", add_role_member },
	{ "sp_configure", nothing },
};

enum sim_run sim_run_procedure(struct sim_session *session, const struct sim_statement *statement) {
	size_t found = 0;
	while (found < ARRAY_LENGTH(procedures) && strcasecmp(procedures[found].name, statement->name) != 0) found++;
	if (found == ARRAY_LENGTH(procedures)) return sim_raise(session, statement->line, 2812, statement->name);
	struct call call = { .session = session, .statement = statement };
	call.values = xcalloc(statement->argument_count, sizeof(*call.values));
	enum sim_run result = SIM_RUN_DONE;
	bool wait = false;
	for (size_t i = 0; i < statement->argument_count && result == SIM_RUN_DONE; i++)
		if (!sim_evaluate(session, statement->line, &statement->arguments[i].value, NULL, &call.values[i],
		                  &wait))
			result = wait ? SIM_RUN_WAIT : SIM_RUN_FAILED;
	if (result == SIM_RUN_DONE) result = procedures[found].run(&call);
	for (size_t i = 0; i < statement->argument_count; i++) sim_value_free(&call.values[i]);
	free(call.values);
	if (result != SIM_RUN_DONE) return result;
	session->return_status = call.status;
	struct sim_variable *status =
	        statement->other != NULL ? sim_variable_find(&session->variables, statement->other) : NULL;
	struct sim_value value = sim_integer(call.status);
	if (status != NULL) sim_variable_set(status, &value);
	return SIM_RUN_DONE;
}
