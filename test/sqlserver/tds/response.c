#include "sqlserver/tds/response.h"

#include <stdlib.h>

#include "base/memory.h"

static void put_done(struct tds_response *response, int more) {
	enum tds_token token = response->in_procedure ? TDS_TOKEN_DONEINPROC : TDS_TOKEN_DONE;
	tds_put_done(&response->body, response->version, token, response->done_status | more, response->done_after_rows,
	             response->done_rows);
	response->done_waits = false;
}

void tds_response_settle(struct tds_response *response) {
	response->progressed = true;
	if (response->done_waits) put_done(response, TDS_DONE_MORE);
}

static void on_columns(void *context, const struct sim_column *columns, size_t count) {
	struct tds_response *response = context;
	tds_response_settle(response);
	response->types = xreallocarray(response->types, count + 1, sizeof(*response->types));
	response->column_count = count;
	response->after_rows = true;
	for (size_t i = 0; i < count; i++) response->types[i] = tds_type_for(&columns[i].type, response->version);
	tds_put_columns(&response->body, response->version, columns, response->types, count);
}

static void on_row(void *context, const struct sim_value *values, size_t count) {
	struct tds_response *response = context;
	if (count != response->column_count) abort(); /* the session broke its contract */
	response->progressed = true;
	tds_put_row(&response->body, response->version, response->types, values, count);
}

static void on_done(void *context, int64_t rows, bool failed) {
	struct tds_response *response = context;
	tds_response_settle(response);
	response->done_waits = true;
	response->done_status = failed ? TDS_DONE_ERROR : 0;
	response->done_rows = rows;
	response->done_after_rows = response->after_rows;
	response->after_rows = false;
	response->error_since_done = false;
	response->failed |= failed;
}

static void on_message(void *context, const struct sim_message *message) {
	struct tds_response *response = context;
	tds_response_settle(response);
	response->failed |= sim_message_is_error(message);
	response->error_since_done |= sim_message_is_error(message);
	tds_put_message(&response->body, response->version, message);
}

static void on_environment(void *context, enum sim_environment what, const char *value, const char *previous) {
	static const enum tds_change changes[] = {
		[SIM_ENV_DATABASE] = TDS_CHANGE_DATABASE,
		[SIM_ENV_LANGUAGE] = TDS_CHANGE_LANGUAGE,
		[SIM_ENV_PACKET_SIZE] = TDS_CHANGE_PACKET_SIZE,
	};
	struct tds_response *response = context;
	tds_response_settle(response);
	tds_put_change(&response->body, changes[what], value, previous);
}

struct sim_sink tds_response_sink(struct tds_response *response) {
	return (struct sim_sink){ .context = response,
		                  .columns = on_columns,
		                  .row = on_row,
		                  .done = on_done,
		                  .message = on_message,
		                  .environment = on_environment };
}

void tds_response_begin(struct tds_response *response, bool in_procedure) {
	response->in_procedure = in_procedure;
	response->failed = response->error_since_done = response->done_waits = response->after_rows = false;
}

void tds_response_end(struct tds_response *response, int status) {
	if (response->done_waits && status == 0 && !response->in_procedure) {
		put_done(response, 0);
		return;
	}
	tds_response_settle(response);
	if (response->error_since_done) status |= TDS_DONE_ERROR;
	tds_put_done(&response->body, response->version, TDS_TOKEN_DONE, status, false, -1);
}

void tds_response_end_procedure(struct tds_response *response) {
	tds_response_settle(response);
	tds_put_done(&response->body, response->version, TDS_TOKEN_DONEPROC, response->failed ? TDS_DONE_ERROR : 0,
	             false, -1);
}

void tds_response_free(struct tds_response *response) {
	strbuf_free(&response->body);
	free(response->types);
	*response = (struct tds_response){ 0 };
}
