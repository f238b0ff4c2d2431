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

static bool inside_try(const struct sim_session *session) {
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
	if (!inside_try(session)) sim_tell(session, line, number, severity, state, text);
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

/* --- Frames --- */

static struct sim_frame *push(struct sim_session *session, enum sim_frame_kind kind, const struct sim_statement *owner,
                              const struct sim_statement *at) {
	session->frames = xreallocarray(session->frames, session->frame_count + 1, sizeof(*session->frames));
	struct sim_frame *frame = &session->frames[session->frame_count++];
	*frame = (struct sim_frame){ .kind = kind, .owner = owner, .at = at };
	return frame;
}

/* OUTPUT arguments of sp_executesql go back to the variables they came from. */
static void give_outputs(struct sim_session *session, const struct sim_statement *statement,
                         struct sim_variables *inner) {
	for (size_t i = 2; i < statement->argument_count; i++) {
		const struct sim_argument *argument = &statement->arguments[i];
		if (argument->variable == NULL) continue;
		struct sim_variable *from = NULL, *to = sim_variable_find(&session->variables, argument->variable);
		if (argument->name != NULL) from = sim_variable_find(inner, argument->name);
		else if (i - 2 < inner->count) from = &inner->list[i - 2];
		if (from != NULL && to != NULL) sim_variable_set(to, &from->value);
	}
}

static void pop(struct sim_session *session) {
	struct sim_frame *frame = &session->frames[--session->frame_count];
	if (frame->kind != SIM_FRAME_CALL) return;
	/* What the outermost call leaves is there to be asked for its output parameters. */
	if (session->frame_count > 0) {
		struct sim_variables inner = session->variables;
		session->variables = frame->variables;
		if (frame->owner != NULL) give_outputs(session, frame->owner, &inner);
		sim_variables_free(&inner);
	} else {
		sim_variables_free(&frame->variables);
	}
	arena_free(&frame->arena);
}

static void end_statement(struct sim_session *session) {
	sim_rowset_free(&session->progress.rowset);
	session->progress = (struct sim_progress_state){ 0 };
}

static void abandon(struct sim_session *session) {
	while (session->frame_count > 0) pop(session);
	end_statement(session);
}

enum sim_run sim_push_text(struct sim_session *session, const struct sim_statement *owner, const char *text,
                           struct sim_variables variables) {
	struct arena arena = { 0 };
	struct sim_statement *batch;
	struct sim_syntax_error error;
	if (!sim_parse(&arena, text, &batch, &error)) {
		sim_variables_free(&variables);
		enum sim_run result = sim_raise_text(session, error.line, error.number, 15, error.state, error.text);
		arena_free(&arena);
		return result;
	}
	struct sim_frame *frame = push(session, SIM_FRAME_CALL, owner, batch);
	frame->arena = arena;
	frame->variables = session->variables;
	session->variables = variables;
	return SIM_RUN_PUSHED;
}

/* --- Statements --- */

static enum sim_run condition(struct sim_session *session, const struct sim_statement *statement, bool *holds) {
	struct sim_value value;
	bool wait;
	cleanup_free char *sql = xasprintf("CASE WHEN %s THEN 1 ELSE 0 END", statement->value.sql);
	struct sim_expression expression = { .sql = sql };
	if (!sim_evaluate(session, statement->line, &expression, &statement->query, &value, &wait))
		return wait ? SIM_RUN_WAIT : SIM_RUN_FAILED;
	*holds = value.integer != 0;
	return SIM_RUN_DONE;
}

static enum sim_run evaluate(struct sim_session *session, const struct sim_statement *statement,
                             const struct sim_expression *expression, struct sim_value *value) {
	bool wait;
	if (sim_evaluate(session, statement->line, expression, &statement->query, value, &wait)) return SIM_RUN_DONE;
	return wait ? SIM_RUN_WAIT : SIM_RUN_FAILED;
}

static enum sim_run run_if(struct sim_session *session, const struct sim_statement *statement) {
	bool holds;
	enum sim_run result = condition(session, statement, &holds);
	if (result != SIM_RUN_DONE) return result;
	const struct sim_statement *branch = holds ? statement->body : statement->otherwise;
	if (branch == NULL) return SIM_RUN_DONE;
	push(session, SIM_FRAME_LIST, statement, branch);
	return SIM_RUN_PUSHED;
}

static enum sim_run run_while(struct sim_session *session, const struct sim_statement *statement) {
	bool holds;
	enum sim_run result = condition(session, statement, &holds);
	if (result != SIM_RUN_DONE || !holds) return result;
	push(session, SIM_FRAME_WHILE, statement, statement->body);
	return SIM_RUN_PUSHED;
}

/* BREAK and CONTINUE leave everything inside the loop; the WHILE's own frame decides what follows. */
static enum sim_run leave_loop(struct sim_session *session, bool again) {
	while (session->frame_count > 0) {
		struct sim_frame *frame = &session->frames[session->frame_count - 1];
		if (frame->kind == SIM_FRAME_CALL) return SIM_RUN_DONE;
		if (frame->kind != SIM_FRAME_WHILE) {
			pop(session);
			continue;
		}
		frame->at = NULL;
		if (!again) pop(session);
		return SIM_RUN_PUSHED;
	}
	return SIM_RUN_DONE;
}

static enum sim_run set_variable(struct sim_session *session, int line, const char *name,
                                 const struct sim_value *value) {
	struct sim_variable *variable = sim_variable_find(&session->variables, name);
	if (variable == NULL) return sim_raise(session, line, 137, name);
	struct sim_value converted;
	if (!sim_convert_value(value, &variable->type, 0, &converted))
		return sim_raise(session, line, 245, value->kind == SIM_VALUE_TEXT ? value->bytes : "",
		                 sim_type_name(variable->type.type));
	sim_value_free(&variable->value);
	variable->value = converted;
	return SIM_RUN_DONE;
}

static enum sim_run run_assign(struct sim_session *session, const struct sim_statement *statement) {
	if (statement->kind == SIM_DECLARE && sim_variable_find(&session->variables, statement->name) == NULL)
		sim_variable_add(&session->variables, statement->name, statement->type);
	if (statement->value.sql == NULL) return SIM_RUN_DONE;
	struct sim_value value;
	enum sim_run result = evaluate(session, statement, &statement->value, &value);
	if (result != SIM_RUN_DONE) return result;
	result = set_variable(session, statement->line, statement->name, &value);
	sim_value_free(&value);
	return result;
}

static enum sim_run run_option(struct sim_session *session, const struct sim_statement *statement) {
	bool on = statement->other != NULL && strcmp(statement->other, "ON") == 0;
	if (strcasecmp(statement->name, "NOCOUNT") == 0) session->no_count = on;
	if (strcasecmp(statement->name, "XACT_ABORT") == 0) session->xact_abort = on;
	if (strcasecmp(statement->name, "LOCK_TIMEOUT") == 0 && statement->value.sql != NULL) {
		struct sim_value value;
		enum sim_run result = evaluate(session, statement, &statement->value, &value);
		if (result != SIM_RUN_DONE) return result;
		session->lock_timeout = value.integer;
	}
	return SIM_RUN_DONE;
}

static enum sim_run run_use(struct sim_session *session, const struct sim_statement *statement) {
	const struct sim_database *database = sim_open_database(session, statement->line, statement->name);
	if (database == NULL) return SIM_RUN_FAILED;
	sim_session_use(session, database->name, true);
	sim_done(session, -1, false);
	return SIM_RUN_DONE;
}

static char *value_text(const struct sim_value *value) {
	static const struct sim_type_info text = { SIM_NVARCHAR, SIM_MAX, 0, 0 };
	struct sim_value converted;
	sim_convert_value(value, &text, 0, &converted);
	if (converted.kind != SIM_VALUE_TEXT) return xstrdup("");
	return (char *)(uintptr_t)converted.bytes;
}

static enum sim_run run_print(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_value value;
	enum sim_run result = evaluate(session, statement, &statement->value, &value);
	if (result != SIM_RUN_DONE) return result;
	cleanup_free char *text = value_text(&value);
	sim_value_free(&value);
	sim_tell(session, statement->line, 0, 0, 1, *text != '\0' ? text : " ");
	return SIM_RUN_DONE;
}

/* %s, %d, %i, %u of RAISERROR and nothing else. */
static char *format_message(struct sim_session *session, const struct sim_statement *statement, const char *format,
                            size_t next) {
	cleanup_strbuf struct strbuf text = { 0 };
	for (; *format != '\0'; format++) {
		if (*format != '%' || format[1] == '\0' || strchr("sdiu", format[1]) == NULL ||
		    next >= statement->argument_count) {
			if (*format == '%' && format[1] == '%') format++;
			strbuf_append_char(&text, *format);
			continue;
		}
		struct sim_value value;
		if (evaluate(session, statement, &statement->arguments[next++].value, &value) != SIM_RUN_DONE) break;
		cleanup_free char *argument = value.kind == SIM_VALUE_NULL ? xstrdup("(null)") : value_text(&value);
		strbuf_append(&text, argument);
		sim_value_free(&value);
		format++;
	}
	strbuf_append(&text, "");
	return strbuf_detach(&text);
}

static enum sim_run run_raise(struct sim_session *session, const struct sim_statement *statement) {
	bool throws = statement->kind == SIM_THROW;
	if (statement->argument_count == 0) {
		bool inside = false;
		for (size_t i = 0; i < session->frame_count; i++) inside |= session->frames[i].kind == SIM_FRAME_CATCH;
		if (!inside) return sim_raise(session, statement->line, 10704);
		cleanup_free char *text = xstrdup(session->caught.text != NULL ? session->caught.text : "");
		return sim_raise_text(session, session->caught.line, session->caught.number, session->caught.severity,
		                      session->caught.state, text);
	}
	struct sim_value values[3] = { 0 };
	for (size_t i = 0; i < 3 && i < statement->argument_count; i++)
		if (evaluate(session, statement, &statement->arguments[i].value, &values[i]) != SIM_RUN_DONE)
			return SIM_RUN_FAILED;
	/* THROW number, text, state; RAISERROR (text or number, severity, state, …) */
	cleanup_free char *first = value_text(&values[throws ? 1 : 0]);
	cleanup_free char *text = throws ? xstrdup(first) : format_message(session, statement, first, 3);
	int number = throws                                ? (int)values[0].integer
	             : values[0].kind == SIM_VALUE_INTEGER ? (int)values[0].integer
	                                                   : 50000;
	int severity = throws ? 16 : (int)values[1].integer;
	enum sim_run result = sim_raise_text(session, statement->line, number, severity, (int)values[2].integer, text);
	for (size_t i = 0; i < 3; i++) sim_value_free(&values[i]);
	return severity > 10 ? result : SIM_RUN_DONE;
}

static enum sim_run run_transaction(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_progress_state *progress = &session->progress;
	if (statement->kind == SIM_BEGIN_TRANSACTION) {
		session->transactions++;
		return SIM_RUN_DONE;
	}
	if (statement->kind == SIM_ROLLBACK) {
		if (session->transactions == 0) return sim_raise(session, statement->line, 3903);
		sim_rollback(session);
		return SIM_RUN_DONE;
	}
	if (progress->stage == 0) {
		if (session->transactions == 0) return sim_raise(session, statement->line, 3902);
		if (session->doomed) return sim_raise(session, statement->line, 3930);
		if (session->transactions > 1) {
			session->transactions--;
			return SIM_RUN_DONE;
		}
		enum sim_run result = sim_commit(session, statement->line);
		if (result != SIM_RUN_DONE) return result;
		progress->stage = 1;
	}
	return sim_await_commit(session, statement->line);
}

static enum sim_run run_waitfor(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_progress_state *progress = &session->progress;
	if (progress->stage == 0) {
		struct sim_value value;
		enum sim_run result = evaluate(session, statement, &statement->value, &value);
		if (result != SIM_RUN_DONE) return result;
		cleanup_free char *text = value_text(&value);
		sim_value_free(&value);
		int hours = 0, minutes = 0;
		double seconds = 0;
		if (sscanf(text, "%d:%d:%lf", &hours, &minutes, &seconds) < 2)
			return sim_raise(session, statement->line, 8114, "nvarchar", "time");
		progress->until = sim_now(session->instance) + (int64_t)hours * 3600000000 +
		                  (int64_t)minutes * 60000000 + (int64_t)(seconds * 1e6);
		progress->stage = 1;
	}
	progress->deadline = progress->until;
	return sim_now(session->instance) >= progress->until ? SIM_RUN_DONE : SIM_RUN_WAIT;
}

static enum sim_run run_execute_text(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_value value;
	enum sim_run result = evaluate(session, statement, &statement->value, &value);
	if (result != SIM_RUN_DONE) return result;
	cleanup_free char *text = value_text(&value);
	sim_value_free(&value);
	return sim_push_text(session, NULL, text, (struct sim_variables){ 0 });
}

static enum sim_run run_return(struct sim_session *session, const struct sim_statement *statement) {
	if (statement->value.sql != NULL) {
		struct sim_value value;
		enum sim_run result = evaluate(session, statement, &statement->value, &value);
		if (result != SIM_RUN_DONE) return result;
		session->return_status = (int)value.integer;
		sim_value_free(&value);
	}
	while (session->frame_count > 0) {
		bool call = session->frames[session->frame_count - 1].kind == SIM_FRAME_CALL;
		pop(session);
		if (call) break;
	}
	return SIM_RUN_PUSHED;
}

static enum sim_run run(struct sim_session *session, const struct sim_statement *statement) {
	switch (statement->kind) {
	case SIM_BLOCK: push(session, SIM_FRAME_LIST, statement, statement->body); return SIM_RUN_PUSHED;
	case SIM_TRY: push(session, SIM_FRAME_TRY, statement, statement->body); return SIM_RUN_PUSHED;
	case SIM_IF: return run_if(session, statement);
	case SIM_WHILE: return run_while(session, statement);
	case SIM_BREAK: return leave_loop(session, false);
	case SIM_CONTINUE: return leave_loop(session, true);
	case SIM_RETURN: return run_return(session, statement);
	case SIM_DECLARE:
	case SIM_ASSIGN: return run_assign(session, statement);
	case SIM_OPTION: return run_option(session, statement);
	case SIM_SELECT: return sim_run_select(session, statement);
	case SIM_INSERT:
	case SIM_CHANGE: return sim_run_change(session, statement);
	case SIM_DEFINE: return sim_run_define(session, statement);
	case SIM_BEGIN_TRANSACTION:
	case SIM_COMMIT:
	case SIM_ROLLBACK: return run_transaction(session, statement);
	case SIM_USE: return run_use(session, statement);
	case SIM_PRINT: return run_print(session, statement);
	case SIM_RAISERROR:
	case SIM_THROW: return run_raise(session, statement);
	case SIM_EXECUTE: return sim_run_procedure(session, statement);
	case SIM_EXECUTE_TEXT: return run_execute_text(session, statement);
	case SIM_WAITFOR: return run_waitfor(session, statement);
	case SIM_NOTHING: return SIM_RUN_DONE;
	case SIM_CREATE_GROUP:
	case SIM_ALTER_GROUP:
	case SIM_DROP_GROUP: return sim_run_group(session, statement);
	default: return sim_run_server(session, statement);
	}
}

/* After these SQL Server goes on with the next statement of the batch; any other error of this kind ends it. */
static bool ends_batch(const struct sim_session *session, const struct sim_statement *statement) {
	static const int numbers[] = {
		102, 105, 137, 156, 208, 207, 213, 245, 3930, 8114, 988, 976, 978, 983, 927, 926
	};
	if (statement->kind == SIM_THROW || session->xact_abort) return true;
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
		if (session->caught.number == numbers[i]) return true;
	return false;
}

/* An error: on to the CATCH around it, or out of the batch, or past the statement. */
static void failed(struct sim_session *session, const struct sim_statement *statement) {
	bool dooms = session->xact_abort || session->caught.number == 245;
	end_statement(session);
	if (!inside_try(session)) {
		sim_done(session, -1, true);
		if (!ends_batch(session, statement)) return;
		if (session->xact_abort && session->transactions > 0) sim_rollback(session);
		while (session->frame_count > 0) pop(session);
		return;
	}
	if (dooms && session->transactions > 0) session->doomed = true;
	while (session->frames[session->frame_count - 1].kind != SIM_FRAME_TRY) pop(session);
	const struct sim_statement *try = session->frames[session->frame_count - 1].owner;
	pop(session);
	push(session, SIM_FRAME_CATCH, try, try->otherwise);
}

/* One statement. False when the session has to wait. */
static bool advance(struct sim_session *session) {
	size_t index = session->frame_count - 1;
	struct sim_frame *frame = &session->frames[index];
	const struct sim_statement *statement = frame->at;
	if (statement == NULL) {
		const struct sim_statement *loop = frame->kind == SIM_FRAME_WHILE ? frame->owner : NULL;
		if (loop == NULL) {
			pop(session);
			return true;
		}
		bool holds;
		enum sim_run again = condition(session, loop, &holds);
		if (again == SIM_RUN_WAIT) return false;
		if (again == SIM_RUN_FAILED) {
			pop(session);
			failed(session, loop);
		} else if (holds) {
			session->frames[index].at = loop->body;
		} else {
			pop(session);
		}
		return true;
	}
	/* What the statement pushes comes first: its own list goes on behind it. */
	frame->at = statement->next;
	enum sim_run result = run(session, statement);
	if (result == SIM_RUN_WAIT) {
		session->frames[index].at = statement;
		return false;
	}
	if (result == SIM_RUN_FAILED) {
		failed(session, statement);
		return true;
	}
	if (statement->kind != SIM_RAISERROR && statement->kind != SIM_THROW) session->error = 0;
	end_statement(session);
	return true;
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
	abandon(session);
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
		if (!advance(session)) break;
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
	abandon(session);
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
	abandon(session);
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
	abandon(session);
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
