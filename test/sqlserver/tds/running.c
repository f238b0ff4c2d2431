#include <stdlib.h>

#include "base/memory.h"
#include "sqlserver/tds/connection_private.h"

void tds_forget_request(struct tds_connection *connection) {
	tds_call_free(&connection->call);
	free(connection->plan.parameters);
	free(connection->plan.text);
	free(connection->transaction.text);
	connection->plan = (struct tds_plan){ 0 };
	connection->transaction = (struct tds_transaction){ 0 };
}

static void put_transaction_change(struct tds_connection *connection) {
	struct strbuf *body = &connection->response.body;
	uint64_t current = connection->last_transaction;
	uint8_t change = connection->transaction.change;
	if (change == 0) return;
	tds_response_settle(&connection->response);
	if (change != TDS_CHANGE_BEGUN) tds_put_change_bytes(body, change, NULL, 0, &current, sizeof(current));
	if (change != TDS_CHANGE_BEGUN && !connection->transaction.begins_again) return;
	uint64_t next = ++connection->last_transaction;
	tds_put_change_bytes(body, TDS_CHANGE_BEGUN, &next, sizeof(next), NULL, 0);
}

/* An output parameter's value goes back under the type that the client gave it. */
static void put_outputs(struct tds_connection *connection) {
	const struct tds_plan *plan = &connection->plan;
	struct tds_response *response = &connection->response;
	for (size_t i = 0; i < connection->call.count; i++) {
		const struct sim_parameter *parameter = &connection->call.parameters[i];
		struct sim_value value = { .kind = SIM_VALUE_INTEGER, .integer = plan->new_handle };
		bool is_handle = i == 0 && plan->new_handle != 0;
		bool is_output = is_handle;
		if (!is_handle && plan->procedure != NULL && parameter->output && i >= plan->first)
			is_output =
			        sim_session_output(connection->session, i - plan->first + plan->session_first, &value);
		if (!is_output) continue;
		tds_put_return_value(&response->body, response->version, i, parameter->name,
		                     &connection->call.arguments[i].type, &value);
	}
}

static void end_call(struct tds_connection *connection) {
	const struct tds_plan *plan = &connection->plan;
	struct tds_response *response = &connection->response;
	tds_response_settle(response);
	int status = plan->procedure != NULL ? sim_session_return_status(connection->session) : 0;
	if (plan->refusal.number != 0) status = plan->refusal.number;
	tds_put_return_status(&response->body, status);
	put_outputs(connection);
	tds_response_end_procedure(response);
}

int tds_end_request(struct tds_connection *connection, struct error **err) {
	connection->state = STATE_IDLE;
	if (connection->running == RUNNING_CALL) {
		end_call(connection);
	} else {
		if (connection->running == RUNNING_TRANSACTION && !connection->response.failed)
			put_transaction_change(connection);
		tds_response_end(&connection->response, 0);
	}
	tds_forget_request(connection);
	return tds_send_tokens(connection, true, err);
}

static int answer_with(struct tds_connection *connection, int done_status, struct error **err) {
	tds_response_end(&connection->response, done_status);
	return tds_send_tokens(connection, true, err);
}

static int begin_batch(struct tds_connection *connection, struct error **err) {
	const struct strbuf *body = &connection->message.body;
	cleanup_free char *text = NULL;
	if (tds_batch_read(body->data, body->length, connection->response.version, &text, err) < 0) return -1;
	connection->running = RUNNING_BATCH;
	connection->state = STATE_RUNNING;
	sim_session_execute(connection->session, text, NULL, 0);
	return 0;
}

static int refuse_type(struct tds_connection *connection, int number, struct error **err) {
	size_t position = connection->call.count;
	cleanup_free char *text =
	        xasprintf("The incoming tabular data stream (TDS) remote procedure call (RPC) protocol stream "
	                  "is incorrect. Parameter %zu (\"%s\"): Data type 0x%02X is unknown.",
	                  position, connection->call.parameters[position - 1].name, (unsigned)number);
	tds_report(connection,
	           (struct sim_message){ .number = 8009, .severity = 16, .state = 1, .line = 1, .text = text });
	tds_forget_request(connection);
	return answer_with(connection, 0, err);
}

static int begin_call(struct tds_connection *connection, struct error **err) {
	const struct strbuf *body = &connection->message.body;
	struct error *unreadable = NULL;
	enum tds_version version = connection->response.version;
	if (tds_call_read(body->data, body->length, version, &connection->call, &unreadable) < 0) {
		int type = unreadable->code;
		if (type == 0) return error_move(err, &unreadable);
		error_free(unreadable);
		return refuse_type(connection, type, err);
	}
	connection->running = RUNNING_CALL;
	connection->response.in_procedure = true;
	connection->plan = tds_prepared_plan(&connection->prepared, &connection->call);
	const struct tds_plan *plan = &connection->plan;
	if (plan->refusal.number != 0) tds_report(connection, plan->refusal);
	if (plan->procedure == NULL) return tds_end_request(connection, err);
	connection->state = STATE_RUNNING;
	sim_session_call(connection->session, plan->procedure, plan->parameters, plan->count);
	return 0;
}

static int begin_transaction(struct tds_connection *connection, struct error **err) {
	const struct strbuf *body = &connection->message.body;
	enum tds_version version = connection->response.version;
	if (tds_transaction_read(body->data, body->length, version, &connection->transaction, err) < 0) return -1;
	connection->running = RUNNING_TRANSACTION;
	connection->state = STATE_RUNNING;
	sim_session_execute(connection->session, connection->transaction.text, NULL, 0);
	return 0;
}

static const struct {
	uint8_t type;
	int (*begin)(struct tds_connection *connection, struct error **err);
} requests[] = {
	{ TDS_SQL_BATCH, begin_batch },
	{ TDS_RPC, begin_call },
	{ TDS_TRANSACTION, begin_transaction },
};

int tds_begin_request(struct tds_connection *connection, struct error **err) {
	const struct tds_message *message = &connection->message;
	tds_response_begin(&connection->response, false);
	/* An ignored request is answered like a failed one ([MS-TDS] 2.2.1.7), an attention to nothing is acknowledged.
	 */
	if ((message->last_status & TDS_IGNORE) != 0) return answer_with(connection, TDS_DONE_ERROR, err);
	if (message->type == TDS_ATTENTION) return answer_with(connection, TDS_DONE_ATTENTION, err);
	if ((message->first_status & (TDS_RESET | TDS_RESET_KEEP_TRANSACTION)) != 0) {
		sim_session_reset(connection->session);
		tds_prepared_clear(&connection->prepared);
		tds_put_change_bytes(&connection->response.body, TDS_CHANGE_RESET, NULL, 0, NULL, 0);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(requests); i++) {
		if (requests[i].type != message->type) continue;
		connection->stepped = false;
		return requests[i].begin(connection, err);
	}
	return error_set(err, ERROR_INVALID, "a packet of type %d, which is no request", message->type);
}

/* The client wants no more of what runs: its response ends where it is, and the acknowledgement is a message of its
 * own. ([MS-TDS] 4.19.2 allows for either way, but tedious waits for two messages.) */
int tds_cancel_request(struct tds_connection *connection, struct error **err) {
	sim_session_cancel(connection->session);
	connection->state = STATE_IDLE;
	tds_forget_request(connection);
	if (answer_with(connection, TDS_DONE_ERROR, err) < 0) return -1;
	tds_response_begin(&connection->response, false);
	return answer_with(connection, TDS_DONE_ATTENTION, err);
}
