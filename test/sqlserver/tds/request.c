#include "sqlserver/tds/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/text.h"
#include "sqlserver/tds/value.h"

/* ALL_HEADERS stands before every request since 7.2: query notifications, the transaction, tracing. A connection has
 * one session and one transaction here, so that nothing in it makes a difference. */
static int skip_headers(struct tds_reader *reader, enum tds_version version, struct error **err) {
	if (version < TDS_7_2) return 0;
	size_t total = tds_take_u32(reader);
	if (total < 4 || tds_take(reader, total - 4) == NULL)
		return error_set(err, ERROR_INVALID, "headers of %zu bytes, in a shorter message", total);
	return 0;
}

int tds_batch_read(const void *body, size_t length, enum tds_version version, char **text, struct error **err) {
	struct tds_reader reader = tds_reader(body, length);
	if (skip_headers(&reader, version, err) < 0) return -1;
	*text = tds_take_text(&reader, tds_left(&reader) / 2);
	return 0;
}

static const char *const procedures[TDS_LAST_PROCEDURE + 1] = {
	[1] = "sp_cursor",
	[2] = "sp_cursoropen",
	[3] = "sp_cursorprepare",
	[4] = "sp_cursorexecute",
	[5] = "sp_cursorprepexec",
	[6] = "sp_cursorunprepare",
	[7] = "sp_cursorfetch",
	[8] = "sp_cursoroption",
	[9] = "sp_cursorclose",
	[TDS_EXECUTESQL] = "sp_executesql",
	[TDS_PREPARE] = "sp_prepare",
	[TDS_EXECUTE] = "sp_execute",
	[TDS_PREPEXEC] = "sp_prepexec",
	[14] = "sp_prepexecrpc",
	[TDS_UNPREPARE] = "sp_unprepare",
};

/* The same procedure, however it was called. */
static enum tds_procedure procedure_named(const char *name) {
	const char *last = strrchr(name, '.');
	if (last != NULL) name = last + 1;
	for (int i = TDS_EXECUTESQL; i <= TDS_LAST_PROCEDURE; i++) {
		if (strcasecmp(procedures[i], name) == 0) return (enum tds_procedure)i;
	}
	return TDS_BY_NAME;
}

static int read_name(struct tds_reader *reader, struct tds_call *call, struct error **err) {
	enum { BY_NUMBER = 0xFFFF, LONGEST_NAME = 1046 };
	size_t units = tds_take_u16(reader);
	if (units == BY_NUMBER) {
		uint16_t number = tds_take_u16(reader);
		if (reader->failed || number < 1 || number > TDS_LAST_PROCEDURE)
			return error_set(err, ERROR_INVALID, "a call of procedure number %d", number);
		call->name = xstrdup(procedures[number]);
	} else {
		if (units > LONGEST_NAME)
			return error_set(err, ERROR_INVALID, "a procedure name of %zu characters", units);
		call->name = tds_take_text(reader, units);
	}
	call->procedure = procedure_named(call->name);
	return 0;
}

static int read_parameter(struct tds_reader *reader, struct sim_parameter *parameter, struct tds_argument *argument,
                          struct error **err) {
	enum { BY_REFERENCE = 0x01, ENCRYPTED = 0x08 };
	parameter->name = tds_take_text(reader, tds_take_u8(reader));
	uint8_t status = tds_take_u8(reader);
	if ((status & ENCRYPTED) != 0) return error_set(err, ERROR_INVALID, "an encrypted parameter");
	parameter->output = (status & BY_REFERENCE) != 0;
	if (tds_type_read(reader, &argument->type, err) < 0) return -1;
	parameter->type = tds_type_info(&argument->type);
	return tds_value_read(reader, &argument->type, &parameter->value, &argument->buffer, err);
}

int tds_call_read(const void *body, size_t length, enum tds_version version, struct tds_call *call,
                  struct error **err) {
	struct tds_reader reader = tds_reader(body, length);
	size_t room = 0;
	if (skip_headers(&reader, version, err) < 0 || read_name(&reader, call, err) < 0) return -1;
	tds_take_u16(&reader); /* options: recompile, no metadata */
	while (tds_left(&reader) > 0) {
		if (call->count == TDS_MOST_PARAMETERS)
			return error_set(err, ERROR_INVALID, "more than %d parameters", TDS_MOST_PARAMETERS);
		if (call->count == room) {
			room = room == 0 ? 8 : room * 2;
			call->parameters = xreallocarray(call->parameters, room, sizeof(*call->parameters));
			call->arguments = xreallocarray(call->arguments, room, sizeof(*call->arguments));
		}
		struct sim_parameter *parameter = &call->parameters[call->count];
		struct tds_argument *argument = &call->arguments[call->count];
		*parameter = (struct sim_parameter){ 0 };
		*argument = (struct tds_argument){ 0 };
		call->count++;
		if (read_parameter(&reader, parameter, argument, err) < 0) return -1;
	}
	if (reader.failed) return error_set(err, ERROR_INVALID, "a call that ends within a parameter");
	return 0;
}

void tds_call_free(struct tds_call *call) {
	for (size_t i = 0; i < call->count; i++) {
		free((char *)call->parameters[i].name);
		strbuf_free(&call->arguments[i].buffer);
	}
	free(call->parameters);
	free(call->arguments);
	free(call->name);
	*call = (struct tds_call){ 0 };
}

enum manager_request { MANAGER_BEGIN = 5, MANAGER_COMMIT = 7, MANAGER_ROLLBACK = 8, MANAGER_SAVE = 9 };

/* "" or " [name]": names are the client's, so they are quoted. */
static void append_name(struct strbuf *text, const char *name) {
	if (*name == '\0') return;
	strbuf_append(text, " [");
	for (; *name != '\0'; name++) {
		if (*name == ']') strbuf_append_char(text, ']');
		strbuf_append_char(text, *name);
	}
	strbuf_append_char(text, ']');
}

static void append_named(struct strbuf *text, const char *statement, struct tds_reader *reader) {
	cleanup_free char *name = tds_take_text(reader, tds_take_u8(reader) / 2);
	strbuf_append(text, statement);
	append_name(text, name);
}

static int append_begin(struct strbuf *text, struct tds_reader *reader, struct error **err) {
	static const char *const levels[] = { NULL,           "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ",
		                              "SERIALIZABLE", "SNAPSHOT" };
	uint8_t level = tds_take_u8(reader);
	if (level >= ARRAY_LENGTH(levels))
		return error_set(err, ERROR_INVALID, "transaction isolation level %d", level);
	if (levels[level] != NULL) strbuf_printf(text, "SET TRANSACTION ISOLATION LEVEL %s; ", levels[level]);
	append_named(text, "BEGIN TRANSACTION", reader);
	return 0;
}

int tds_transaction_read(const void *body, size_t length, enum tds_version version, struct tds_transaction *transaction,
                         struct error **err) {
	enum { BEGIN_NEXT = 0x01, CHANGE_BEGUN = 8, CHANGE_COMMITTED = 9, CHANGE_ROLLED_BACK = 10 };
	struct tds_reader reader = tds_reader(body, length);
	cleanup_strbuf struct strbuf text = { 0 };
	*transaction = (struct tds_transaction){ 0 };
	if (skip_headers(&reader, version, err) < 0) return -1;
	uint16_t request = tds_take_u16(&reader);
	switch (request) {
	case MANAGER_BEGIN:
		transaction->change = CHANGE_BEGUN;
		if (append_begin(&text, &reader, err) < 0) return -1;
		break;
	case MANAGER_COMMIT:
	case MANAGER_ROLLBACK:
		transaction->change = request == MANAGER_COMMIT ? CHANGE_COMMITTED : CHANGE_ROLLED_BACK;
		append_named(&text, request == MANAGER_COMMIT ? "COMMIT TRANSACTION" : "ROLLBACK TRANSACTION", &reader);
		transaction->begins_again = tds_left(&reader) > 0 && (tds_take_u8(&reader) & BEGIN_NEXT) != 0;
		if (!transaction->begins_again) break;
		strbuf_append(&text, "; ");
		if (append_begin(&text, &reader, err) < 0) return -1;
		break;
	case MANAGER_SAVE: append_named(&text, "SAVE TRANSACTION", &reader); break;
	default: return error_set(err, ERROR_INVALID, "transaction manager request %d", request);
	}
	if (reader.failed) return error_set(err, ERROR_INVALID, "a transaction manager request that ends early");
	transaction->text = strbuf_detach(&text);
	return 0;
}
