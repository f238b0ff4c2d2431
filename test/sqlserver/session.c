/* Sessions: logging in, and running batches statement by statement. */
#include "sqlserver/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

/* --- Messages --- */

void sim_tell(struct sim_session *session, int line, int number, int severity, int state, const char *text) {
	struct sim_message message = { number, severity, state, line, text, session->instance->name, "" };
	session->sink.message(session->sink.context, &message);
}

bool sim_inside_try(const struct sim_session *session) {
	for (size_t i = 0; i < session->frame_count; i++)
		if (session->frames[i].kind == SIM_FRAME_TRY) return true;
	return false;
}

enum sim_run sim_raise_text(struct sim_session *session, int line, int number, int severity, int state,
                            const char *text) {
	if (severity <= 10) {
		sim_tell(session, line, number, severity, state, text);
		return SIM_RUN_FAILED;
	}
	if (!sim_inside_try(session)) sim_tell(session, line, number, severity, state, text);
	session->error = number;
	sim_set_text(&session->caught.text, text);
	session->caught.number = number;
	session->caught.severity = severity;
	session->caught.state = state;
	session->caught.line = line;
	return SIM_RUN_FAILED;
}

enum sim_run sim_raise(struct sim_session *session, int line, int number, ...) {
	const struct sim_message_row *row = sim_message_find(number);
	va_list args;
	va_start(args, number);
	cleanup_free char *text = NULL;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	/* Formats come from the table and have %s only; each caller gives as many texts as its row has. */
	if (row != NULL) text = xvasprintf(row->format, args);
#pragma GCC diagnostic pop
	va_end(args);
	if (row == NULL) return sim_raise_text(session, line, number, 16, 1, "");
	return sim_raise_text(session, line, number, row->severity, row->state, text);
}

/* --- Login --- */

static struct sim_session *new_session(struct sim_instance *instance, const struct sim_login *login,
                                       const struct sim_sink *sink) {
	struct sim_session *session = xcalloc(1, sizeof(*session));
	session->instance = instance;
	session->sink = *sink;
	session->login = xstrdup(login->user != NULL ? login->user : "");
	session->host = xstrdup(login->host != NULL ? login->host : "");
	session->application = xstrdup(login->application != NULL ? login->application : "");
	session->read_only_intent = login->read_only_intent;
	session->lock_timeout = -1;
	session->login_wall = sim_wall(instance);
	return session;
}

static void free_session(struct sim_session *session) {
	sim_variables_free(&session->variables);
	sim_variables_free(&session->call_arguments);
	for (size_t i = 0; i < session->context_count; i++) {
		free(session->context[i].key);
		sim_value_free(&session->context[i].value);
	}
	sim_rowset_free(&session->progress.rowset);
	strbuf_free(&session->payload);
	free(session->context);
	free(session->caught.text);
	free(session->call);
	free(session->login);
	free(session->host);
	free(session->application);
	free(session->database);
	free(session->first_database);
	free(session->frames);
	free(session);
}

static bool admitted(struct sim_session *session, const struct sim_login *login) {
	const struct sim_login_row *row = sim_login_find(session->instance, session->login);
	if (row == NULL || row->disabled ||
	    strcmp(row->password, login->password != NULL ? login->password : "") != 0) {
		sim_raise(session, 1, 18456, session->login);
		return false;
	}
	const char *wanted = login->database;
	if (wanted == NULL || *wanted == '\0') wanted = row->default_database;
	const struct sim_database *database = sim_database_find(session->instance, wanted);
	int number = database == NULL ? 4060 : sim_access_error(session, database);
	if (number != 0) {
		sim_raise(session, 1, 4060, wanted);
		if (number != 4060) sim_raise(session, 1, number, wanted);
		sim_raise(session, 1, 18456, session->login);
		return false;
	}
	session->database = xstrdup("master");
	session->first_database = xstrdup(database->name);
	return true;
}

struct sim_session *sim_session_open(struct sim_instance *instance, const struct sim_login *login,
                                     const struct sim_sink *sink) {
	struct sim_session *session = new_session(instance, login, sink);
	if (!admitted(session, login)) {
		free_session(session);
		return NULL;
	}
	session->id = 51 + instance->next_session_id++ % 30000;
	instance->sessions =
	        xreallocarray(instance->sessions, instance->session_count + 1, sizeof(*instance->sessions));
	instance->sessions[instance->session_count++] = session;
	sim_session_use(session, session->first_database, true);
	sink->environment(sink->context, SIM_ENV_LANGUAGE, "us_english", "");
	sim_tell(session, 1, 5703, 0, 1, "Changed language setting to us_english.");
	return session;
}

void sim_session_use(struct sim_session *session, const char *database, bool tell) {
	cleanup_free char *previous = session->database;
	session->database = xstrdup(database);
	if (!tell) return;
	session->sink.environment(session->sink.context, SIM_ENV_DATABASE, database, previous);
	cleanup_free char *text = xasprintf("Changed database context to '%s'.", database);
	sim_tell(session, 1, 5701, 0, 2, text);
}

static struct sim_variables parameters_of(const struct sim_parameter *parameters, size_t count) {
	struct sim_variables variables = { 0 };
	for (size_t i = 0; i < count; i++) {
		struct sim_variable *variable = sim_variable_add(&variables, parameters[i].name, parameters[i].type);
		sim_variable_set(variable, &parameters[i].value);
		variable->output = parameters[i].output;
	}
	return variables;
}

static struct sim_variables take_variables(struct sim_variables *from) {
	struct sim_variables variables = *from;
	*from = (struct sim_variables){ 0 };
	return variables;
}

static void start(struct sim_session *session, char *text, struct sim_variables variables) {
	sim_abandon(session);
	sim_variables_free(&session->variables);
	sim_variables_free(&session->call_arguments);
	free(session->call);
	session->return_status = 0;
	session->call = text;
	session->call_arguments = variables;
}

void sim_session_execute(struct sim_session *session, const char *text, const struct sim_parameter *parameters,
                         size_t count) {
	start(session, xstrdup(text), parameters_of(parameters, count));
}

/* A call is a batch of one EXEC whose arguments are variables: @__0, @__1, … */
void sim_session_call(struct sim_session *session, const char *procedure, const struct sim_parameter *parameters,
                      size_t count) {
	struct strbuf text = { 0 };
	struct sim_variables variables = { 0 };
	strbuf_printf(&text, "EXEC %s", procedure);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *name = xasprintf("@__%zu", i);
		struct sim_variable *variable = sim_variable_add(&variables, name, parameters[i].type);
		sim_variable_set(variable, &parameters[i].value);
		variable->output = parameters[i].output;
		bool named = parameters[i].name != NULL && *parameters[i].name != '\0';
		strbuf_printf(&text, "%s %s%s%s%s", i > 0 ? "," : "", named ? parameters[i].name : "",
		              named ? " = " : "", name, parameters[i].output ? " OUTPUT" : "");
	}
	start(session, strbuf_detach(&text), variables);
}

enum sim_step sim_session_step(struct sim_session *session) {
	if (session->closed) return SIM_CLOSED;
	if (session->call != NULL) {
		cleanup_free char *text = take(&session->call);
		if (sim_push_text(session, NULL, text, take_variables(&session->call_arguments)) == SIM_RUN_FAILED)
			sim_done(session, -1, true);
	}
	while (session->frame_count > 0 && !session->closed)
		if (!sim_advance(session)) break;
	if (session->closed) return SIM_CLOSED;
	return session->frame_count > 0 ? SIM_WAITING : SIM_FINISHED;
}

bool sim_session_output(const struct sim_session *session, size_t index, struct sim_value *value) {
	if (index >= session->variables.count || !session->variables.list[index].output) return false;
	*value = session->variables.list[index].value;
	return true;
}

int64_t sim_session_deadline(const struct sim_session *session) {
	if (session->frame_count == 0) return INT64_MAX;
	return session->progress.deadline != 0 ? session->progress.deadline : INT64_MAX;
}

bool sim_session_is_closed(const struct sim_session *session) {
	return session->closed;
}

void sim_session_cancel(struct sim_session *session) {
	sim_abandon(session);
	free(session->call);
	session->call = NULL;
}

static void forget_context(struct sim_session *session) {
	for (size_t i = 0; i < session->context_count; i++) {
		free(session->context[i].key);
		sim_value_free(&session->context[i].value);
	}
	session->context_count = 0;
}

void sim_session_reset(struct sim_session *session) {
	sim_abandon(session);
	if (session->transactions > 0 || session->written != 0) sim_rollback(session);
	sim_release_applocks(session, false);
	forget_context(session);
	session->no_count = session->xact_abort = false;
	session->lock_timeout = -1;
	sim_session_use(session, session->first_database, false);
}

void sim_session_close(struct sim_session *session) {
	if (session == NULL) return;
	struct sim_instance *instance = session->instance;
	sim_abandon(session);
	sim_rollback(session);
	sim_release_applocks(session, false);
	for (size_t i = 0; i < instance->session_count; i++) {
		if (instance->sessions[i] != session) continue;
		instance->sessions[i] = instance->sessions[--instance->session_count];
		break;
	}
	free_session(session);
}

int sim_session_return_status(const struct sim_session *session) {
	return session->return_status;
}

int sim_session_id(const struct sim_session *session) {
	return session->id;
}

void sim_sessions_role_changed(struct sim_instance *instance, const struct sim_group *group) {
	for (size_t i = 0; i < instance->session_count; i++) {
		struct sim_session *session = instance->sessions[i];
		const struct sim_database *touched[] = { sim_database_find(instance, session->database),
			                                 sim_database_by_id(instance, session->written),
			                                 sim_database_by_id(instance, session->progress.database) };
		bool ends = false;
		for (size_t j = 0; j < ARRAY_LENGTH(touched); j++)
			ends |= touched[j] != NULL && sim_group_of(instance, touched[j]) == group;
		if (!ends) continue;
		sim_rollback(session);
		session->closed = true;
	}
}
