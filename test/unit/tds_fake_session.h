/* A session of a few words in the place of the simulated SQL Server: what the tests of the TDS server say to it.
 *
 *   ECHO         a row with the parameters as they came; output parameters keep their values
 *   ROWS n       n rows of an int and an nvarchar
 *   WIDE n       one nvarchar(max) of n characters
 *   NULLS        a row with a NULL among others
 *   TWO          two result sets
 *   FAIL         Msg 208
 *   USE name     the environment changes
 *   WAIT         nothing until fake_release is set, then a row
 *   CLOSE        the server ends the session
 *   NOTHING      finishes without a word
 *   anything else succeeds without a result
 *
 * Included by one source file of a program. */
#ifndef TDS_FAKE_SESSION_H
#define TDS_FAKE_SESSION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/instance.h"
#include "sqlserver/session.h"

static bool fake_release;    /* lets WAIT go on */
static bool fake_is_closed;  /* the server has ended idle sessions */
static int fake_cancelled;   /* how often sim_session_cancel was called */
static int fake_resets;      /* and sim_session_reset */
static char fake_last[4096]; /* the last batch or procedure */
static char fake_names[256]; /* of the last call's parameters, each with a comma behind it */
static char fake_user[256], fake_password[256], fake_database[256];
static bool fake_read_only;

struct sim_session {
	struct sim_sink sink;
	char *text;
	struct sim_parameter *parameters; /* from those of the statement on */
	size_t count;
	size_t skipped; /* how many parameters of the call are not the statement's */
};

const char *sim_instance_name(const struct sim_instance *instance) {
	(void)instance;
	return "fake-0";
}

void sim_instance_version(const struct sim_instance *instance, int *major, int *minor, int *build) {
	(void)instance;
	*major = 16;
	*minor = 0;
	*build = 4175;
}

static void fake_say(const struct sim_sink *sink, int number, int severity, const char *text) {
	sink->message(sink->context, &(struct sim_message){ .number = number,
	                                                    .severity = severity,
	                                                    .state = 1,
	                                                    .line = 1,
	                                                    .text = text,
	                                                    .server = "fake-0",
	                                                    .procedure = "" });
}

struct sim_session *sim_session_open(struct sim_instance *instance, const struct sim_login *login,
                                     const struct sim_sink *sink) {
	(void)instance;
	snprintf(fake_user, sizeof(fake_user), "%s", login->user);
	snprintf(fake_password, sizeof(fake_password), "%s", login->password);
	snprintf(fake_database, sizeof(fake_database), "%s", login->database);
	fake_read_only = login->read_only_intent;
	if (strcmp(login->password, "Correct-1") != 0) {
		fake_say(sink, 18456, 14, "Login failed for user 'sa'.");
		return NULL;
	}
	sink->environment(sink->context, SIM_ENV_DATABASE, "master", "master");
	fake_say(sink, 5701, 0, "Changed database context to 'master'.");
	struct sim_session *session = xcalloc(1, sizeof(*session));
	session->sink = *sink;
	return session;
}

static void fake_forget(struct sim_session *session) {
	for (size_t i = 0; i < session->count; i++) {
		free((char *)session->parameters[i].name);
		free((char *)session->parameters[i].value.bytes);
	}
	free(session->parameters);
	free(session->text);
	session->parameters = NULL;
	session->text = NULL;
	session->count = 0;
}

void sim_session_close(struct sim_session *session) {
	if (session == NULL) return;
	fake_forget(session);
	free(session);
}

static void fake_begin(struct sim_session *session, const char *text, const struct sim_parameter *parameters,
                       size_t count) {
	fake_forget(session);
	session->text = xstrdup(text);
	size_t length = strlen(text);
	while (length > 0 && strchr(" \r\n", text[length - 1]) != NULL) session->text[--length] = '\0';
	session->count = count;
	session->parameters = xcalloc(count + 1, sizeof(*session->parameters));
	for (size_t i = 0; i < count; i++) {
		struct sim_parameter *copy = &session->parameters[i];
		*copy = parameters[i];
		copy->name = xstrdup(copy->name != NULL ? copy->name : "");
		if (copy->value.bytes == NULL) continue;
		char *bytes = xcalloc(copy->value.length + 1, 1);
		memcpy(bytes, copy->value.bytes, copy->value.length);
		copy->value.bytes = bytes;
	}
	snprintf(fake_last, sizeof(fake_last), "%s", text);
}

void sim_session_execute(struct sim_session *session, const char *text, const struct sim_parameter *parameters,
                         size_t count) {
	session->skipped = 0;
	fake_begin(session, text, parameters, count);
}

void sim_session_call(struct sim_session *session, const char *procedure, const struct sim_parameter *parameters,
                      size_t count) {
	fake_names[0] = '\0';
	for (size_t i = 0; i < count && i < 10; i++) {
		size_t used = strlen(fake_names);
		snprintf(fake_names + used, sizeof(fake_names) - used, "%.20s,", parameters[i].name);
	}
	if (strcasecmp(procedure, "sp_executesql") != 0 || count == 0) {
		session->skipped = 0;
		fake_begin(session, procedure, parameters, count);
		return;
	}
	session->skipped = count > 2 ? 2 : count;
	fake_begin(session, parameters[0].value.bytes, parameters + session->skipped, count - session->skipped);
}

static void fake_row(struct sim_session *session, int64_t number, const char *text, bool with_columns) {
	const struct sim_column columns[] = {
		{ .name = "id", .type = { .type = SIM_INT } },
		{ .name = "text", .type = { .type = SIM_NVARCHAR, .length = 100 }, .nullable = true },
	};
	const struct sim_value values[] = {
		{ .kind = SIM_VALUE_INTEGER, .integer = number },
		{ .kind = text != NULL ? SIM_VALUE_TEXT : SIM_VALUE_NULL,
		  .bytes = text,
		  .length = text != NULL ? strlen(text) : 0 },
	};
	if (with_columns) session->sink.columns(session->sink.context, columns, 2);
	session->sink.row(session->sink.context, values, 2);
}

static void fake_echo(struct sim_session *session) {
	struct sim_column *columns = xcalloc(session->count + 1, sizeof(*columns));
	struct sim_value *values = xcalloc(session->count + 1, sizeof(*values));
	for (size_t i = 0; i < session->count; i++) {
		columns[i] = (struct sim_column){ .name = session->parameters[i].name,
			                          .type = session->parameters[i].type,
			                          .nullable = true };
		values[i] = session->parameters[i].value;
	}
	session->sink.columns(session->sink.context, columns, session->count);
	session->sink.row(session->sink.context, values, session->count);
	session->sink.done(session->sink.context, 1, false);
	free(columns);
	free(values);
}

static void fake_wide(struct sim_session *session, size_t length) {
	const struct sim_column column = { .name = "wide", .type = { .type = SIM_NVARCHAR, .length = SIM_MAX } };
	cleanup_free char *text = xmalloc(length + 1);
	memset(text, 'w', length);
	text[length] = '\0';
	session->sink.columns(session->sink.context, &column, 1);
	session->sink.row(session->sink.context,
	                  &(struct sim_value){ .kind = SIM_VALUE_TEXT, .bytes = text, .length = length }, 1);
	session->sink.done(session->sink.context, 1, false);
}

enum sim_step sim_session_step(struct sim_session *session) {
	const struct sim_sink *sink = &session->sink;
	const char *text = session->text;
	long count = strchr(text, ' ') != NULL ? strtol(strchr(text, ' '), NULL, 10) : 0;
	if (count < 0 || count > 3000000) count = 0;
	if (strcmp(text, "CLOSE") == 0) return SIM_CLOSED;
	if (strcmp(text, "NOTHING") == 0) return SIM_FINISHED;
	if (strcmp(text, "WAIT") == 0 && !fake_release) return SIM_WAITING;
	if (strcmp(text, "ECHO") == 0) {
		fake_echo(session);
	} else if (strncmp(text, "ROWS ", 5) == 0) {
		for (long i = 0; i < count; i++) fake_row(session, i, "row", i == 0);
		sink->done(sink->context, count, false);
	} else if (strncmp(text, "WIDE ", 5) == 0) {
		fake_wide(session, (size_t)count);
	} else if (strcmp(text, "NULLS") == 0) {
		fake_row(session, 7, NULL, true);
		sink->done(sink->context, 1, false);
	} else if (strcmp(text, "TWO") == 0) {
		fake_row(session, 1, "first", true);
		sink->done(sink->context, 1, false);
		fake_row(session, 2, "second", true);
		sink->done(sink->context, 1, false);
	} else if (strcmp(text, "FAIL") == 0) {
		fake_say(sink, 208, 16, "Invalid object name 'missing'.");
		sink->done(sink->context, -1, true);
	} else if (strncmp(text, "USE ", 4) == 0) {
		sink->environment(sink->context, SIM_ENV_DATABASE, text + 4, "master");
		fake_say(sink, 5701, 0, "Changed database context.");
		sink->done(sink->context, -1, false);
	} else if (strcmp(text, "WAIT") == 0) {
		fake_row(session, 1, "waited", true);
		sink->done(sink->context, 1, false);
	} else {
		sink->done(sink->context, -1, false);
	}
	return SIM_FINISHED;
}

int64_t sim_session_deadline(const struct sim_session *session) {
	(void)session;
	return INT64_MAX;
}

bool sim_session_is_closed(const struct sim_session *session) {
	(void)session;
	return fake_is_closed;
}

void sim_session_cancel(struct sim_session *session) {
	(void)session;
	fake_cancelled++;
}

void sim_session_reset(struct sim_session *session) {
	(void)session;
	fake_resets++;
}

int sim_session_return_status(const struct sim_session *session) {
	(void)session;
	return 0;
}

bool sim_session_output(const struct sim_session *session, size_t index, struct sim_value *value) {
	if (index < session->skipped || index - session->skipped >= session->count) return false;
	const struct sim_parameter *parameter = &session->parameters[index - session->skipped];
	*value = parameter->value;
	return parameter->output;
}

int sim_session_id(const struct sim_session *session) {
	(void)session;
	return 51;
}

#endif
