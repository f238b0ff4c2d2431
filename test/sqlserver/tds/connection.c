#include "sqlserver/tds/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/channel.h"
#include "sqlserver/tds/login.h"
#include "sqlserver/tds/prelogin.h"
#include "sqlserver/tds/prepared.h"
#include "sqlserver/tds/request.h"
#include "sqlserver/tds/response.h"
#include "sqlserver/tds/text.h"

enum {
	LARGEST_PRELOGIN = 32 * 1024, /* and packets of a TLS handshake */
	MOST_WAITING_OUTPUT = 16 * 1024 * 1024
};

struct tds_connection {
	const struct tds_service *service;
	enum { STATE_PRELOGIN, STATE_HANDSHAKE, STATE_LOGIN, STATE_IDLE, STATE_RUNNING, STATE_OVER } state;
	enum tds_encryption encryption;
	struct tds_channel channel;
	struct tds_message message;
	struct tds_response response;
	struct sim_session *session;
	struct tds_prepared prepared;
	uint64_t last_transaction; /* descriptors are numbers of our own */
	bool stepped;              /* the running request has been stepped at least once */

	/* The running request. */
	enum { RUNNING_BATCH, RUNNING_CALL, RUNNING_TRANSACTION } running;
	struct tds_call call;
	struct tds_plan plan;
	struct tds_transaction transaction;
};

struct tds_connection *tds_connection_new(const struct tds_service *service) {
	struct tds_connection *connection = xcalloc(1, sizeof(*connection));
	connection->service = service;
	connection->channel.packet_size = TDS_DEFAULT_PACKET;
	connection->response.version = TDS_7_4;
	return connection;
}

static void forget_request(struct tds_connection *connection) {
	tds_call_free(&connection->call);
	free(connection->plan.parameters);
	free(connection->plan.text);
	free(connection->transaction.text);
	connection->plan = (struct tds_plan){ 0 };
	connection->transaction = (struct tds_transaction){ 0 };
}

void tds_connection_free(struct tds_connection *connection) {
	if (connection == NULL) return;
	forget_request(connection);
	sim_session_close(connection->session);
	tds_prepared_clear(&connection->prepared);
	tds_response_free(&connection->response);
	tds_message_free(&connection->message);
	tds_channel_free(&connection->channel);
	free(connection);
}

/* ---- responses ---- */

/* Sends the tokens there are; as long as the response goes on (`is_end` false) that is no more than whole packets, so
 * that a client sees rows early but no needlessly short packets. */
static int send_tokens(struct tds_connection *connection, bool is_end, struct error **err) {
	struct strbuf *body = &connection->response.body;
	if (!is_end && body->length == 0) return 0;
	int status = tds_channel_send(&connection->channel, TDS_RESPONSE, body->data, body->length, is_end, err);
	enum { WORTH_KEEPING = 256 * 1024 };
	if (body->capacity > WORTH_KEEPING) strbuf_free(body);
	else strbuf_reset(body);
	return status;
}

static void report(struct tds_connection *connection, struct sim_message message) {
	struct sim_sink sink = tds_response_sink(&connection->response);
	message.server = sim_instance_name(connection->service->instance);
	if (message.procedure == NULL) message.procedure = "";
	sink.message(sink.context, &message);
}

static struct tds_server_version server_version(const struct tds_connection *connection) {
	int major, minor, build;
	sim_instance_version(connection->service->instance, &major, &minor, &build);
	return (struct tds_server_version){ (uint8_t)major, (uint8_t)minor, (uint16_t)build };
}

/* ---- before the session ---- */

static int on_prelogin(struct tds_connection *connection, struct error **err) {
	const struct strbuf *body = &connection->message.body;
	enum tds_encryption client;
	if (tds_prelogin_read(body->data, body->length, &client, err) < 0) return -1;
	const struct tds_service *service = connection->service;
	connection->encryption = service->tls == NULL ? TDS_ENCRYPT_NOT_SUPPORTED
	                                              : tds_encryption_agree(client, service->force_encryption);
	cleanup_strbuf struct strbuf answer = { 0 };
	tds_prelogin_put(&answer, server_version(connection), connection->encryption);
	int status = tds_channel_send(&connection->channel, TDS_RESPONSE, answer.data, answer.length, true, err);
	if (status < 0) return -1;
	if (connection->encryption == TDS_ENCRYPT_NOT_SUPPORTED) {
		connection->state = STATE_LOGIN;
	} else {
		connection->state = STATE_HANDSHAKE;
		tds_channel_start_tls(&connection->channel, service->tls);
	}
	return 0;
}

static int on_handshake(struct tds_connection *connection, struct error **err) {
	const struct strbuf *body = &connection->message.body;
	if (tds_channel_handshake(&connection->channel, body->data, body->length, err) < 0) return -1;
	if (!connection->channel.handshaking) connection->state = STATE_LOGIN;
	return 0;
}

static void acknowledge_login(struct tds_connection *connection, const struct tds_login *login) {
	struct strbuf *body = &connection->response.body;
	cleanup_free char *size = xasprintf("%u", login->packet_size);
	cleanup_free char *previous = xasprintf("%u", (unsigned)TDS_DEFAULT_PACKET);
	tds_put_change_bytes(body, TDS_CHANGE_COLLATION, tds_collation, TDS_COLLATION_SIZE, NULL, 0);
	tds_put_login_ack(body, login->version_number, server_version(connection));
	tds_put_change(body, TDS_CHANGE_PACKET_SIZE, size, previous);
	if (login->has_features) tds_put_feature_ack(body, login->asks_utf8);
}

/* Opens the session, or says why not. */
static void open_session(struct tds_connection *connection, const struct tds_login *login) {
	const struct sim_login sim_login = { .user = login->user,
		                             .password = login->password,
		                             .database = login->database,
		                             .application = login->application,
		                             .host = login->host,
		                             .read_only_intent = login->read_only_intent };
	struct sim_sink sink = tds_response_sink(&connection->response);
	if (login->integrated) {
		report(connection,
		       (struct sim_message){ .number = 18452,
		                             .severity = 14,
		                             .state = 1,
		                             .line = 1,
		                             .text = "Login failed. The login is from an untrusted domain and cannot "
		                                     "be used with Integrated authentication." });
		return;
	}
	connection->session = sim_session_open(connection->service->instance, &sim_login, &sink);
}

static int on_login(struct tds_connection *connection, struct error **err) {
	cleanup_tds_login struct tds_login login = { 0 };
	struct strbuf *body = &connection->message.body;
	int status = tds_login_read(body->data, body->length, &login, err);
	explicit_bzero(body->data, body->length);
	if (status < 0) return -1;
	if (login.version == TDS_UNSUPPORTED)
		return error_set(err, ERROR_INVALID, "TDS version 0x%08X", login.version_number);
	/* From here on only what was agreed to be encrypted is. */
	if (connection->encryption == TDS_ENCRYPT_OFF) tds_channel_stop_tls(&connection->channel);

	connection->response.version = login.version;
	tds_response_begin(&connection->response, false);
	open_session(connection, &login);
	if (connection->session != NULL) acknowledge_login(connection, &login);
	tds_response_end(&connection->response, 0);
	connection->state = connection->session != NULL ? STATE_IDLE : STATE_OVER;
	if (send_tokens(connection, true, err) < 0) return -1;
	connection->channel.packet_size = login.packet_size;
	return 0;
}

/* ---- requests ---- */

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

static int end_request(struct tds_connection *connection, struct error **err) {
	connection->state = STATE_IDLE;
	if (connection->running == RUNNING_CALL) {
		end_call(connection);
	} else {
		if (connection->running == RUNNING_TRANSACTION && !connection->response.failed)
			put_transaction_change(connection);
		tds_response_end(&connection->response, 0);
	}
	forget_request(connection);
	return send_tokens(connection, true, err);
}

static int answer_with(struct tds_connection *connection, int done_status, struct error **err) {
	tds_response_end(&connection->response, done_status);
	return send_tokens(connection, true, err);
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
	report(connection, (struct sim_message){ .number = 8009, .severity = 16, .state = 1, .line = 1, .text = text });
	forget_request(connection);
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
	if (plan->refusal.number != 0) report(connection, plan->refusal);
	if (plan->procedure == NULL) return end_request(connection, err);
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

static int begin_request(struct tds_connection *connection, struct error **err) {
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
static int cancel_request(struct tds_connection *connection, struct error **err) {
	sim_session_cancel(connection->session);
	connection->state = STATE_IDLE;
	forget_request(connection);
	if (answer_with(connection, TDS_DONE_ERROR, err) < 0) return -1;
	tds_response_begin(&connection->response, false);
	return answer_with(connection, TDS_DONE_ATTENTION, err);
}

/* ---- the course of things ---- */

/* What comes next before requests do. */
static const struct {
	uint8_t type;
	int (*handle)(struct tds_connection *connection, struct error **err);
} opening[] = {
	[STATE_PRELOGIN] = { TDS_PRELOGIN, on_prelogin },
	[STATE_HANDSHAKE] = { TDS_PRELOGIN, on_handshake },
	[STATE_LOGIN] = { TDS_LOGIN7, on_login },
};

static int dispatch(struct tds_connection *connection, struct error **err) {
	if (connection->state == STATE_IDLE) return begin_request(connection, err);
	if (connection->state == STATE_RUNNING) return cancel_request(connection, err);
	return opening[connection->state].handle(connection, err);
}

/* Who speaks another protocol is told by the first byte, before it is believed how long the packet will be. */
static int check_type(const struct tds_connection *connection, struct error **err) {
	int type = tds_channel_next_type(&connection->channel);
	if (connection->state >= STATE_IDLE || type < 0 || type == opening[connection->state].type) return 0;
	return error_set(err, ERROR_INVALID, "a packet of type %d at this time", type);
}

static size_t longest_message(const struct tds_connection *connection) {
	if (connection->state < STATE_LOGIN) return LARGEST_PRELOGIN;
	return connection->state == STATE_LOGIN ? TDS_LARGEST_LOGIN : TDS_LARGEST_MESSAGE;
}

/* Whether a message may be taken now: while a request runs only an attention is, others wait for their turn. */
static bool takes_message(const struct tds_connection *connection) {
	if (connection->state == STATE_RUNNING) return tds_channel_next_type(&connection->channel) == TDS_ATTENTION;
	return connection->state != STATE_OVER;
}

/* A session's end that it did not ask for. */
static void end_session(struct tds_connection *connection) {
	sim_session_close(connection->session);
	connection->session = NULL;
	connection->state = STATE_OVER;
}

static int run(struct tds_connection *connection, struct error **err) {
	enum sim_step step = sim_session_step(connection->session);
	connection->response.progressed |= step != SIM_WAITING || !connection->stepped;
	connection->stepped = true;
	if (step == SIM_FINISHED) return end_request(connection, err);
	if (step == SIM_WAITING) {
		if (connection->response.body.length == 0 && !connection->response.done_waits) return 0;
		tds_response_settle(&connection->response);
		return send_tokens(connection, false, err);
	}
	tds_response_end(&connection->response, 0);
	end_session(connection);
	return send_tokens(connection, true, err);
}

/* Takes messages and runs requests as far as that goes without waiting. */
static int go_on(struct tds_connection *connection, struct error **err) {
	for (;;) {
		if (connection->state == STATE_RUNNING && !connection->stepped && run(connection, err) < 0) return -1;
		if (!takes_message(connection)) return 0;
		if (check_type(connection, err) < 0) return -1;
		int complete =
		        tds_channel_take(&connection->channel, &connection->message, longest_message(connection), err);
		if (complete <= 0) return complete;
		int status = dispatch(connection, err);
		tds_message_reset(&connection->message);
		if (status < 0) return -1;
	}
}

static int settle(struct tds_connection *connection, int status) {
	if (status < 0) connection->state = STATE_OVER;
	return status;
}

int tds_connection_receive(struct tds_connection *connection, const void *bytes, size_t length, struct error **err) {
	if (connection->state == STATE_OVER) return 0;
	int status = tds_channel_receive(&connection->channel, bytes, length, err);
	if (status == 0) status = go_on(connection, err);
	return settle(connection, status);
}

bool tds_connection_step(struct tds_connection *connection) {
	bool progressed = false;
	if (connection->state == STATE_IDLE && sim_session_is_closed(connection->session)) end_session(connection);
	if (connection->state == STATE_RUNNING) {
		int status = run(connection, NULL);
		if (status == 0 && connection->state == STATE_IDLE) status = go_on(connection, NULL);
		settle(connection, status);
	}
	progressed = connection->response.progressed;
	connection->response.progressed = false;
	return progressed;
}

bool tds_connection_wants_input(const struct tds_connection *connection) {
	return connection->state != STATE_OVER && connection->channel.out.length < MOST_WAITING_OUTPUT &&
	       (connection->state != STATE_RUNNING ||
	        tds_channel_waiting(&connection->channel) < (size_t)TDS_LARGEST_PACKET * 2);
}

int64_t tds_connection_deadline(const struct tds_connection *connection) {
	return connection->state == STATE_RUNNING ? sim_session_deadline(connection->session) : INT64_MAX;
}

struct strbuf *tds_connection_output(struct tds_connection *connection) {
	return &connection->channel.out;
}

bool tds_connection_is_logged_in(const struct tds_connection *connection) {
	return connection->session != NULL;
}

bool tds_connection_is_over(const struct tds_connection *connection) {
	return connection->state == STATE_OVER;
}
