#include "sqlserver/tds/connection.h"

#include <stdlib.h>

#include "base/memory.h"
#include "sqlserver/tds/connection_private.h"
#include "sqlserver/tds/login.h"

enum {
	LARGEST_PRELOGIN = 32 * 1024, /* and packets of a TLS handshake */
	MOST_WAITING_OUTPUT = 16 * 1024 * 1024
};

struct tds_connection *tds_connection_new(const struct tds_service *service) {
	struct tds_connection *connection = xcalloc(1, sizeof(*connection));
	connection->service = service;
	connection->channel.packet_size = TDS_DEFAULT_PACKET;
	connection->response.version = TDS_7_4;
	return connection;
}

void tds_connection_free(struct tds_connection *connection) {
	if (connection == NULL) return;
	tds_forget_request(connection);
	sim_session_close(connection->session);
	tds_prepared_clear(&connection->prepared);
	tds_response_free(&connection->response);
	tds_message_free(&connection->message);
	tds_channel_free(&connection->channel);
	free(connection);
}

int tds_send_tokens(struct tds_connection *connection, bool is_end, struct error **err) {
	struct strbuf *body = &connection->response.body;
	if (!is_end && body->length == 0) return 0;
	int status = tds_channel_send(&connection->channel, TDS_RESPONSE, body->data, body->length, is_end, err);
	enum { WORTH_KEEPING = 256 * 1024 };
	if (body->capacity > WORTH_KEEPING) strbuf_free(body);
	else strbuf_reset(body);
	return status;
}

void tds_report(struct tds_connection *connection, struct sim_message message) {
	struct sim_sink sink = tds_response_sink(&connection->response);
	message.server = sim_instance_name(connection->service->instance);
	if (message.procedure == NULL) message.procedure = "";
	sink.message(sink.context, &message);
}

/* What comes next before requests do. */
static const struct {
	uint8_t type;
	int (*handle)(struct tds_connection *connection, struct error **err);
} opening[] = {
	[STATE_PRELOGIN] = { TDS_PRELOGIN, tds_on_prelogin },
	[STATE_HANDSHAKE] = { TDS_PRELOGIN, tds_on_handshake },
	[STATE_LOGIN] = { TDS_LOGIN7, tds_on_login },
};

static int dispatch(struct tds_connection *connection, struct error **err) {
	if (connection->state == STATE_IDLE) return tds_begin_request(connection, err);
	if (connection->state == STATE_RUNNING) return tds_cancel_request(connection, err);
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

/* A request must not look as if it had succeeded: whoever waits for a commit hears that the session was ended. */
static void say_ended(struct tds_connection *connection) {
	if (connection->response.failed) return;
	const struct sim_sink sink = tds_response_sink(&connection->response);
	sink.message(sink.context,
	             &(struct sim_message){
	                     .number = 596,
	                     .severity = 21,
	                     .state = 1,
	                     .line = 1,
	                     .text = "Cannot continue the execution because the session is in the kill state.",
	                     .server = sim_instance_name(connection->service->instance),
	                     .procedure = "" });
}

static int run(struct tds_connection *connection, struct error **err) {
	enum sim_step step = sim_session_step(connection->session);
	connection->response.progressed |= step != SIM_WAITING || !connection->stepped;
	connection->stepped = true;
	if (step == SIM_FINISHED) return tds_end_request(connection, err);
	if (step == SIM_WAITING) {
		if (connection->response.body.length == 0 && !connection->response.done_waits) return 0;
		tds_response_settle(&connection->response);
		return tds_send_tokens(connection, false, err);
	}
	say_ended(connection);
	tds_response_end(&connection->response, 0);
	end_session(connection);
	return tds_send_tokens(connection, true, err);
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
