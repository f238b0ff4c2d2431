#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/tds/connection_private.h"
#include "sqlserver/tds/login.h"
#include "sqlserver/tds/text.h"

static struct tds_server_version server_version(const struct tds_connection *connection) {
	int major, minor, build;
	sim_instance_version(connection->service->instance, &major, &minor, &build);
	return (struct tds_server_version){ (uint8_t)major, (uint8_t)minor, (uint16_t)build };
}

int tds_on_prelogin(struct tds_connection *connection, struct error **err) {
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

int tds_on_handshake(struct tds_connection *connection, struct error **err) {
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
		tds_report(connection, (struct sim_message){
		                               .number = 18452,
		                               .severity = 14,
		                               .state = 1,
		                               .line = 1,
		                               .text = "Login failed. The login is from an untrusted domain and cannot "
		                                       "be used with Integrated authentication." });
		return;
	}
	connection->session = sim_session_open(connection->service->instance, &sim_login, &sink);
}

int tds_on_login(struct tds_connection *connection, struct error **err) {
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
	if (tds_send_tokens(connection, true, err) < 0) return -1;
	connection->channel.packet_size = login.packet_size;
	return 0;
}
