/* Whole conversations with a connection, in memory, over the fake session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "sqlserver/tds/tokens.h"
#include "unit/tds_client.h"
#include "unit/tds_fake_session.h"

struct client {
	struct tds_service service;
	struct tds_connection *connection;
	struct strbuf response; /* the body of the last one taken */
	size_t packets, largest;
};

static const struct login_fields good_login = { .version = 0x74000004,
	                                        .packet_size = 4096,
	                                        .host = "tester",
	                                        .user = "sa",
	                                        .password = "Correct-1",
	                                        .application = "test",
	                                        .database = "agdb1" };

static int set_up(void **state) {
	struct client *client = xcalloc(1, sizeof(*client));
	client->connection = tds_connection_new(&client->service);
	fake_release = fake_is_closed = false;
	fake_cancelled = fake_resets = 0;
	*state = client;
	return 0;
}

static int tear_down(void **state) {
	struct client *client = *state;
	tds_connection_free(client->connection);
	tds_tls_server_free(client->service.tls);
	strbuf_free(&client->response);
	free(client);
	return 0;
}

/* Takes one message from the output; false when there is none, whole. */
static bool take_response(struct client *client, uint8_t type) {
	struct strbuf *output = tds_connection_output(client->connection);
	struct tds_message message = { 0 };
	strbuf_reset(&client->response);
	client->packets = client->largest = 0;
	size_t at = 0, used;
	int status;
	do {
		status = tds_message_feed(&message, output->data + at, output->length - at, SIZE_MAX, &used, NULL);
		at += used;
		client->packets++;
		if (used > client->largest) client->largest = used;
	} while (status == 0 && used > 0);
	if (status == 1) {
		assert_int_equal(message.type, type);
		tds_put(&client->response, message.body.data, message.body.length);
		memmove(output->data, output->data + at, output->length - at);
		output->length -= at;
	}
	tds_message_free(&message);
	return status == 1;
}

static int send_with(struct client *client, uint8_t type, uint8_t status, const void *body, size_t length) {
	cleanup_strbuf struct strbuf packets = { 0 };
	tds_packets_put(&packets, type, body, length, 4096, true);
	packets.data[1] = (char)(packets.data[1] | status);
	return tds_connection_receive(client->connection, packets.data, packets.length, NULL);
}

static int send(struct client *client, uint8_t type, const void *body, size_t length) {
	return send_with(client, type, 0, body, length);
}

static void send_batch(struct client *client, const char *text) {
	cleanup_strbuf struct strbuf body = make_batch(text);
	assert_int_equal(send(client, TDS_SQL_BATCH, body.data, body.length), 0);
}

static void log_in_as(struct client *client, const struct login_fields *fields) {
	cleanup_strbuf struct strbuf login = make_login(fields);
	assert_int_equal(send(client, TDS_PRELOGIN, plain_prelogin, sizeof(plain_prelogin) - 1), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal(send(client, TDS_LOGIN7, login.data, login.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
}

static void log_in(struct client *client) {
	log_in_as(client, &good_login);
	assert_true(tds_connection_is_logged_in(client->connection));
}

static bool contains(const struct strbuf *body, const char *bytes, size_t length) {
	return memmem(body->data, body->length, bytes, length) != NULL;
}
#define HAS(client_, bytes_) contains(&(client_)->response, bytes_, sizeof(bytes_) - 1)

/* The last token: DONE or DONEPROC, 13 bytes. */
static void assert_ends_with(const struct client *client, enum tds_token token, int status, int64_t rows) {
	assert_true(client->response.length >= 13);
	struct tds_reader reader = tds_reader(client->response.data + client->response.length - 13, 13);
	assert_int_equal(tds_take_u8(&reader), token);
	assert_int_equal(tds_take_u16(&reader), status);
	tds_take_u16(&reader);
	assert_int_equal(tds_take_u64(&reader), rows);
}

static void login_is_acknowledged(void **state) {
	struct client *client = *state;
	log_in(client);
	assert_string_equal(fake_user, "sa");
	assert_string_equal(fake_password, "Correct-1");
	assert_string_equal(fake_database, "agdb1");
	assert_false(fake_read_only);
	assert_true(HAS(client, "\xAD\x32\0\x01\x74\0\0\x04\x14M\0i\0c\0"));     /* LOGINACK */
	assert_true(HAS(client, "\xE3\x1B\0\x01\x06m\0a\0s\0t\0e\0r\0\x06m\0")); /* ENVCHANGE database */
	assert_true(HAS(client, "\xE3\x08\0\x07\x05\x09\x04\xD0\0\x34\0"));      /* collation */
	assert_true(HAS(client, "\xE3\x13\0\x04\x04"
	                        "4\0000\0009\0006\0")); /* packet size */
	assert_false(HAS(client, "\xAE"));              /* no features were asked for */
	assert_ends_with(client, TDS_TOKEN_DONE, 0, 0);
}

static void wrong_password_is_refused_and_the_connection_over(void **state) {
	struct client *client = *state;
	struct login_fields fields = good_login;
	fields.password = "wrong";
	log_in_as(client, &fields);
	assert_false(tds_connection_is_logged_in(client->connection));
	assert_true(tds_connection_is_over(client->connection));
	assert_true(HAS(client, "\x18\x48\0\0\x01\x0E")); /* 18456, state 1, class 14 */
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ERROR, 0);
}

static void what_logins_ask_for_is_heard(void **state) {
	struct client *client = *state;
	struct login_fields fields = good_login;
	fields.type = 0x20;
	fields.flags3 = 0x10;
	fields.features = "\x01\x01\0\0\0\0\x0A\x01\0\0\0\x01\xFF";
	fields.features_length = 13;
	fields.packet_size = 512;
	log_in_as(client, &fields);
	assert_true(fake_read_only);
	assert_true(HAS(client, "\xAE\x0A\x01\0\0\0\0\xFF"));
	send_batch(client, "WIDE 3000");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal(client->largest, 512);
	assert_true(client->packets > 10);
}

static void integrated_logins_are_refused(void **state) {
	struct client *client = *state;
	struct login_fields fields = good_login;
	fields.flags2 = 0x80;
	log_in_as(client, &fields);
	assert_true(HAS(client, "\x14\x48\0\0\x01\x0E")); /* 18452 */
	assert_true(tds_connection_is_over(client->connection));
}

static void versions_that_nobody_knows_are_refused(void **state) {
	struct client *client = *state;
	struct login_fields fields = good_login;
	fields.version = 0x70000000;
	cleanup_strbuf struct strbuf login = make_login(&fields);
	assert_int_equal(send(client, TDS_PRELOGIN, plain_prelogin, sizeof(plain_prelogin) - 1), 0);
	assert_int_equal(send(client, TDS_LOGIN7, login.data, login.length), -1);
	assert_true(tds_connection_is_over(client->connection));
}

static void rows_and_their_count(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "ROWS 2");
	assert_true(take_response(client, TDS_RESPONSE));
	static const char expected[] = "\x81\x02\0"
	                               "\0\0\0\0\x08\0\x26\x04\x02i\0d\0"
	                               "\0\0\0\0\x09\0\xE7\xC8\0\x09\x04\xD0\0\x34\x04t\0e\0x\0t\0"
	                               "\xD1\x04\0\0\0\0\x06\0r\0o\0w\0"
	                               "\xD1\x04\x01\0\0\0\x06\0r\0o\0w\0"
	                               "\xFD\x10\0\xC1\0\x02\0\0\0\0\0\0\0";
	assert_int_equal(client->response.length, sizeof(expected) - 1);
	assert_memory_equal(client->response.data, expected, sizeof(expected) - 1);
}

static void nulls_are_left_out_of_short_rows(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "NULLS");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xD2\x02\x04\x07\0\0\0\xFD"));
}

static void all_but_the_last_done_say_that_more_follows(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "TWO");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xFD\x11\0\xC1\0\x01\0\0\0\0\0\0\0\x81"));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_COUNT, 1);
	send_batch(client, "NOTHING");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal(client->response.length, 13);
	assert_ends_with(client, TDS_TOKEN_DONE, 0, 0);
}

static void errors_and_changes_of_the_environment(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "FAIL");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal((uint8_t)client->response.data[0], TDS_TOKEN_ERROR);
	assert_true(HAS(client, "\xD0\0\0\0\x01\x10\x1E\0I\0n\0")); /* 208, state 1, class 16 */
	assert_true(HAS(client, "\x06"
	                        "f\0a\0k\0e\0-\0000\0\0\x01\0\0\0")); /* server, no procedure, line 1 */
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ERROR, 0);
	send_batch(client, "USE db1");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xE3\x15\0\x01\x03"
	                        "d\0b\0001\0\x06m\0"));
	assert_true(HAS(client, "\xAB"));
	assert_ends_with(client, TDS_TOKEN_DONE, 0, 0);
}

static void a_request_that_waits_is_stepped_and_holds_up_the_next(void **state) {
	struct client *client = *state;
	log_in(client);
	tds_connection_step(client->connection);
	send_batch(client, "WAIT");
	assert_true(tds_connection_step(client->connection));  /* a request has begun */
	assert_false(tds_connection_step(client->connection)); /* and nothing has happened since */
	send_batch(client, "ROWS 1");
	assert_false(take_response(client, TDS_RESPONSE));
	fake_release = true;
	assert_true(tds_connection_step(client->connection));
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "w\0a\0i\0t\0e\0d\0"));
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "r\0o\0w\0"));
}

static void attention_cancels_what_runs(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "WAIT");
	assert_int_equal(send(client, TDS_ATTENTION, "", 0), 0);
	assert_int_equal(fake_cancelled, 1);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal(client->response.length, 13);
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ATTENTION, 0);
	/* One that comes too late is acknowledged as well, and the connection is of use. */
	assert_int_equal(send(client, TDS_ATTENTION, "", 0), 0);
	assert_int_equal(fake_cancelled, 1);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ATTENTION, 0);
	send_batch(client, "ROWS 1");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_COUNT, 1);
}

static void an_ignored_request_is_not_run(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "ROWS 1");
	assert_true(take_response(client, TDS_RESPONSE));
	cleanup_strbuf struct strbuf body = make_batch("FAIL");
	assert_int_equal(send_with(client, TDS_SQL_BATCH, TDS_IGNORE, body.data, body.length), 0);
	assert_string_equal(fake_last, "ROWS 1");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_int_equal(client->response.length, 13);
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ERROR, 0);
}

static void the_session_is_reset_on_demand(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = make_batch("ROWS 1");
	assert_int_equal(send_with(client, TDS_SQL_BATCH, TDS_RESET, body.data, body.length), 0);
	assert_int_equal(fake_resets, 1);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_memory_equal(client->response.data, "\xE3\x03\0\x12\0\0", 6);
}

static void a_session_that_the_server_ends_takes_the_connection_along(void **state) {
	struct client *client = *state;
	log_in(client);
	send_batch(client, "CLOSE");
	assert_true(tds_connection_is_over(client->connection));
	assert_true(take_response(client, TDS_RESPONSE));
	/* An ERROR token, Msg 596: whoever waited for a commit must not take the end for its success. */
	assert_int_equal((unsigned char)client->response.data[0], 0xAA);
	assert_int_equal((unsigned char)client->response.data[3] | (unsigned char)client->response.data[4] << 8, 596);
}

static void an_idle_session_that_the_server_ends_too(void **state) {
	struct client *client = *state;
	log_in(client);
	tds_connection_step(client->connection);
	assert_false(tds_connection_is_over(client->connection));
	fake_is_closed = true;
	tds_connection_step(client->connection);
	assert_true(tds_connection_is_over(client->connection));
}

static void bytes_may_come_one_at_a_time(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = make_batch("ROWS 3");
	cleanup_strbuf struct strbuf packets = { 0 };
	tds_packets_put(&packets, TDS_SQL_BATCH, body.data, body.length, 16, true);
	for (size_t i = 0; i < packets.length; i++)
		assert_int_equal(tds_connection_receive(client->connection, packets.data + i, 1, NULL), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_COUNT, 3);
}

/* ---- calls ---- */

static struct strbuf call_numbered(uint16_t number) {
	struct strbuf body = { 0 };
	tds_put_u32(&body, 4); /* no headers */
	tds_put_u16(&body, 0xFFFF);
	tds_put_u16(&body, number);
	tds_put_u16(&body, 0);
	return body;
}

static void put_text_parameter(struct strbuf *body, const char *name, const char *text) {
	const struct sim_type_info info = { .type = SIM_NVARCHAR, .length = SIM_MAX };
	struct tds_type type = tds_type_for(&info, TDS_7_4);
	struct sim_value value = { .kind = SIM_VALUE_TEXT, .bytes = text, .length = strlen(text) };
	tds_put_b_text(body, name);
	tds_put_u8(body, 0);
	tds_type_put(body, &type);
	tds_put_u64(body, UINT64_MAX - 1); /* of unknown length */
	cleanup_strbuf struct strbuf units = { 0 };
	tds_text_encode(TDS_UTF16, text, value.length, &units);
	for (size_t at = 0; at < units.length; at += 2) {
		tds_put_u32(body, 2);
		tds_put(body, units.data + at, 2);
	}
	tds_put_u32(body, 0);
}

static void put_int_parameter(struct strbuf *body, const char *name, uint8_t status, int number) {
	tds_put_b_text(body, name);
	tds_put_u8(body, status);
	tds_put(body, "\x26\x04\x04", 3);
	tds_put_u32(body, (uint32_t)number);
}

/* The fake notes what the session is called with. */
static void statements_are_known_by_their_place(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = call_numbered(10);
	put_text_parameter(&body, "@statement", "ECHO");
	put_text_parameter(&body, "@params", "@a int");
	put_int_parameter(&body, "@a", 0, 5);
	assert_int_equal(send(client, TDS_RPC, body.data, body.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_string_equal(fake_names, ",,@a,");
}

static void parameters_go_and_come_back(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = call_numbered(10);
	put_text_parameter(&body, "", "ECHO");
	put_text_parameter(&body, "", "@a int, @b int OUTPUT");
	put_int_parameter(&body, "@a", 0, 5);
	put_int_parameter(&body, "@b", 1, 6);
	assert_int_equal(send(client, TDS_RPC, body.data, body.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xD1\x04\x05\0\0\0\x04\x06\0\0\0\xFF\x11\0\xC1\0")); /* then DONEINPROC */
	assert_true(HAS(client, "\x79\0\0\0\0\xAC\x03\0\x02@\0b\0\x01\0\0\0\0\0\0\x26\x04\x04\x06\0\0\0\xFE"));
	assert_false(HAS(client, "\xAC\x02\0"));
	assert_ends_with(client, TDS_TOKEN_DONEPROC, 0, 0);
}

static void statements_are_prepared_executed_and_forgotten(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf prepare = call_numbered(11);
	put_int_parameter(&prepare, "@handle", 1, 0);
	put_text_parameter(&prepare, "", "@a int");
	put_text_parameter(&prepare, "", "ECHO");
	put_int_parameter(&prepare, "", 0, 1);
	assert_int_equal(send(client, TDS_RPC, prepare.data, prepare.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(
	        HAS(client, "\x79\0\0\0\0\xAC\0\0\x07@\0h\0a\0n\0d\0l\0e\0\x01\0\0\0\0\0\0\x26\x04\x04\x01\0\0\0\xFE"));

	cleanup_strbuf struct strbuf execute = call_numbered(12);
	put_int_parameter(&execute, "", 0, 1);
	put_int_parameter(&execute, "@a", 0, 77);
	assert_int_equal(send(client, TDS_RPC, execute.data, execute.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xD1\x04\x4D\0\0\0"));

	cleanup_strbuf struct strbuf unprepare = call_numbered(15);
	put_int_parameter(&unprepare, "", 0, 1);
	assert_int_equal(send(client, TDS_RPC, unprepare.data, unprepare.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONEPROC, 0, 0);

	assert_int_equal(send(client, TDS_RPC, execute.data, execute.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xF3\x1F\0\0\x02\x10")); /* 8179, state 2, class 16 */
	assert_ends_with(client, TDS_TOKEN_DONEPROC, TDS_DONE_ERROR, 0);
}

static void prepexec_gives_the_handle_and_the_result(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = { 0 };
	tds_put_u32(&body, 4);
	tds_put_us_text(&body, "sys.sp_PrepExec"); /* by name */
	tds_put_u16(&body, 0);
	put_int_parameter(&body, "", 1, 0);
	put_text_parameter(&body, "", "@a int OUTPUT");
	put_text_parameter(&body, "", "ECHO");
	put_int_parameter(&body, "@a", 1, 9);
	assert_int_equal(send(client, TDS_RPC, body.data, body.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xD1\x04\x09\0\0\0"));
	assert_true(HAS(client, "\xAC\0\0\0\x01\0\0\0\0\0\0\x26\x04\x04\x01\0\0\0\xAC\x03\0\x02@\0a\0"));
}

static void types_that_nobody_knows_are_answered(void **state) {
	struct client *client = *state;
	log_in(client);
	cleanup_strbuf struct strbuf body = call_numbered(10);
	put_text_parameter(&body, "", "ECHO");
	tds_put(&body, "\0\0\xF1\0", 4); /* xml */
	assert_int_equal(send(client, TDS_RPC, body.data, body.length), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\x49\x1F\0\0\x01\x10")); /* 8009 */
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_ERROR, 0);
	assert_false(tds_connection_is_over(client->connection));
}

static void transactions_have_descriptors(void **state) {
	struct client *client = *state;
	log_in(client);
	static const char begin[] = "\x04\0\0\0\x05\0\x02\x06x\0]\0y\0";
	assert_int_equal(send(client, TDS_TRANSACTION, begin, sizeof(begin) - 1), 0);
	assert_string_equal(fake_last, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; BEGIN TRANSACTION [x]]y]");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_memory_equal(client->response.data + 13, "\xE3\x0B\0\x08\x08\x01\0\0\0\0\0\0\0\0", 14);
	static const char commit[] = "\x04\0\0\0\x07\0\0\0";
	assert_int_equal(send(client, TDS_TRANSACTION, commit, sizeof(commit) - 1), 0);
	assert_string_equal(fake_last, "COMMIT TRANSACTION");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\xE3\x0B\0\x09\0\x08\x01\0\0\0\0\0\0\0\xFD"));
	static const char rollback[] = "\x04\0\0\0\x08\0\0\x01\x00\0";
	assert_int_equal(send(client, TDS_TRANSACTION, rollback, sizeof(rollback) - 1), 0);
	assert_string_equal(fake_last, "ROLLBACK TRANSACTION; BEGIN TRANSACTION");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_true(HAS(client, "\x0A\0\x08\x01"));
	assert_true(HAS(client, "\x08\x08\x02"));
}

/* ---- encryption ---- */

struct tls_peer {
	SSL_CTX *context;
	SSL *ssl;
	BIO *in, *out;
};

static void tls_peer_free(struct tls_peer *peer) {
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->context);
}

static void start_tls(struct tls_peer *peer) {
	peer->context = SSL_CTX_new(TLS_client_method());
	peer->ssl = SSL_new(peer->context);
	peer->in = BIO_new(BIO_s_mem());
	peer->out = BIO_new(BIO_s_mem());
	SSL_set_bio(peer->ssl, peer->in, peer->out);
	SSL_set_connect_state(peer->ssl);
}

/* The handshake, in PRELOGIN packets; nothing is to be left of it in the output. */
static void shake_hands(struct client *client, struct tls_peer *peer) {
	for (int round = 0; SSL_do_handshake(peer->ssl) != 1; round++) {
		char bytes[8192];
		int length = BIO_read(peer->out, bytes, sizeof(bytes));
		assert_true(length > 0 && round < 10);
		assert_int_equal(send(client, TDS_PRELOGIN, bytes, (size_t)length), 0);
		while (take_response(client, TDS_PRELOGIN))
			BIO_write(peer->in, client->response.data, (int)client->response.length);
	}
	assert_int_equal(tds_connection_output(client->connection)->length, 0);
}

static void send_encrypted(struct client *client, struct tls_peer *peer, uint8_t type, const struct strbuf *body) {
	cleanup_strbuf struct strbuf packets = { 0 };
	char bytes[16384];
	tds_packets_put(&packets, type, body->data, body->length, 4096, true);
	assert_int_equal(SSL_write(peer->ssl, packets.data, (int)packets.length), packets.length);
	int length = BIO_read(peer->out, bytes, sizeof(bytes));
	assert_int_equal(tds_connection_receive(client->connection, bytes, (size_t)length, NULL), 0);
}

/* Puts what came encrypted in the place of the output. */
static void decrypt_output(struct client *client, struct tls_peer *peer) {
	struct strbuf *output = tds_connection_output(client->connection);
	char bytes[16384];
	BIO_write(peer->in, output->data, (int)output->length);
	strbuf_reset(output);
	for (int length; (length = SSL_read(peer->ssl, bytes, sizeof(bytes))) > 0;)
		tds_put(output, bytes, (size_t)length);
}

static void begin_encryption(struct client *client, struct tls_peer *peer, char asked, char agreed) {
	char prelogin[] = "\x01\0\x06\0\x01\xFF\0";
	prelogin[6] = asked;
	client->service.tls = tds_tls_server_self_signed("fake-0", NULL);
	assert_non_null(client->service.tls);
	assert_int_equal(send(client, TDS_PRELOGIN, prelogin, sizeof(prelogin) - 1), 0);
	assert_true(take_response(client, TDS_RESPONSE));
	/* Behind five options of five bytes, their end and the version. */
	assert_int_equal(client->response.data[26 + 6], agreed);
	start_tls(peer);
	shake_hands(client, peer);
}

static void everything_is_encrypted_when_asked_for(void **state) {
	struct client *client = *state;
	struct tls_peer peer __attribute__((cleanup(tls_peer_free)));
	cleanup_strbuf struct strbuf login = make_login(&good_login), batch = make_batch("ROWS 1");
	begin_encryption(client, &peer, TDS_ENCRYPT_ON, TDS_ENCRYPT_ON);
	send_encrypted(client, &peer, TDS_LOGIN7, &login);
	decrypt_output(client, &peer);
	assert_true(take_response(client, TDS_RESPONSE));
	send_encrypted(client, &peer, TDS_SQL_BATCH, &batch);
	decrypt_output(client, &peer);
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_COUNT, 1);
}

static void only_the_login_is_encrypted_else(void **state) {
	struct client *client = *state;
	struct tls_peer peer __attribute__((cleanup(tls_peer_free)));
	cleanup_strbuf struct strbuf login = make_login(&good_login);
	begin_encryption(client, &peer, TDS_ENCRYPT_OFF, TDS_ENCRYPT_OFF);
	send_encrypted(client, &peer, TDS_LOGIN7, &login);
	assert_true(take_response(client, TDS_RESPONSE)); /* in the clear */
	send_batch(client, "ROWS 1");
	assert_true(take_response(client, TDS_RESPONSE));
	assert_ends_with(client, TDS_TOKEN_DONE, TDS_DONE_COUNT, 1);
}

static void a_server_may_insist(void **state) {
	struct client *client = *state;
	struct tls_peer peer __attribute__((cleanup(tls_peer_free)));
	cleanup_strbuf struct strbuf login = make_login(&good_login);
	client->service.force_encryption = true;
	begin_encryption(client, &peer, TDS_ENCRYPT_OFF, TDS_ENCRYPT_REQUIRED);
	send_encrypted(client, &peer, TDS_LOGIN7, &login);
	decrypt_output(client, &peer);
	assert_true(take_response(client, TDS_RESPONSE));
}

/* ---- what is no TDS ---- */

static void nonsense_ends_the_connection(void **state) {
	(void)state;
	static const struct {
		uint8_t type;
		const char *body;
		size_t length;
	} samples[] = {
		{ TDS_SQL_BATCH, "\x05\0", 2 },                 /* half of the headers' length */
		{ TDS_SQL_BATCH, "\xFF\xFF\xFF\xFF", 4 },       /* headers of 4 GB */
		{ TDS_SQL_BATCH, "\0\0\0\0", 4 },               /* headers shorter than their length */
		{ TDS_RPC, "\x04\0\0\0\xFF\xFF\x63\0", 8 },     /* procedure 99 */
		{ TDS_RPC, "\x04\0\0\0\x40\0x\0", 8 },          /* a name of 64 characters, in one */
		{ TDS_RPC, "\x04\0\0\0\x01\0x\0\0\0\x05", 11 }, /* a parameter's name, likewise */
		{ TDS_RPC, "\x04\0\0\0\x01\0x\0\0\0\0\0\x26\x04\x04\1", 16 },
		{ TDS_TRANSACTION, "\x04\0\0\0\x63\0", 6 },         /* request 99 */
		{ TDS_TRANSACTION, "\x04\0\0\0\x05\0\x09\0", 8 },   /* isolation level 9 */
		{ TDS_TRANSACTION, "\x04\0\0\0\x05\0\x00\x10", 8 }, /* a name that is not there */
		{ TDS_LOGIN7, "", 0 },
		{ TDS_BULK_LOAD, "", 0 },
		{ 99, "", 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		void *fresh;
		set_up(&fresh);
		struct client *client = fresh;
		log_in(client);
		if (send(client, samples[i].type, samples[i].body, samples[i].length) == 0) fail_msg("sample %zu", i);
		assert_true(tds_connection_is_over(client->connection));
		tear_down(&fresh);
	}
}

static void nonsense_before_the_login_does_too(void **state) {
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
	} samples[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 18 },
		{ "\x16\x03\x01\x02\0\x01\0\x01\xFC\x03\x03", 11 },       /* a TLS hello */
		{ "\x12\x01\0\x07\0\0\0\0", 8 },                          /* a packet shorter than its header */
		{ "\x12\x01\xFF\xFF\0\0\0\0", 8 },                        /* longer than any */
		{ "\x12\x01\0\x09\0\0\0\0\x01", 9 },                      /* PRELOGIN without an end */
		{ "\x12\x01\0\x0F\0\0\0\0\x01\0\x40\0\x01\xFF\0", 15 },   /* an option behind the end */
		{ "\x12\x01\0\x0F\0\0\0\0\x01\0\x06\0\x01\xFF\x09", 15 }, /* encryption 9 */
		{ "\x10\x01\0\x0C\0\0\0\0\0\0\0\0", 12 },                 /* LOGIN7 first */
		{ "\x12\0\0\x09\0\0\0\0\xFF\x01\x01\0\x08\0\0\0\0", 17 }, /* two types in one message */
	};
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		void *fresh;
		set_up(&fresh);
		struct client *client = fresh;
		if (tds_connection_receive(client->connection, samples[i].bytes, samples[i].length, NULL) == 0)
			fail_msg("sample %zu", i);
		assert_true(tds_connection_is_over(client->connection));
		tear_down(&fresh);
	}
}

int main(void) {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(login_is_acknowledged),
		TEST(wrong_password_is_refused_and_the_connection_over),
		TEST(what_logins_ask_for_is_heard),
		TEST(integrated_logins_are_refused),
		TEST(versions_that_nobody_knows_are_refused),
		TEST(rows_and_their_count),
		TEST(nulls_are_left_out_of_short_rows),
		TEST(all_but_the_last_done_say_that_more_follows),
		TEST(errors_and_changes_of_the_environment),
		TEST(a_request_that_waits_is_stepped_and_holds_up_the_next),
		TEST(attention_cancels_what_runs),
		TEST(an_ignored_request_is_not_run),
		TEST(the_session_is_reset_on_demand),
		TEST(a_session_that_the_server_ends_takes_the_connection_along),
		TEST(an_idle_session_that_the_server_ends_too),
		TEST(bytes_may_come_one_at_a_time),
		TEST(statements_are_known_by_their_place),
		TEST(parameters_go_and_come_back),
		TEST(statements_are_prepared_executed_and_forgotten),
		TEST(prepexec_gives_the_handle_and_the_result),
		TEST(types_that_nobody_knows_are_answered),
		TEST(transactions_have_descriptors),
		TEST(everything_is_encrypted_when_asked_for),
		TEST(only_the_login_is_encrypted_else),
		TEST(a_server_may_insist),
		cmocka_unit_test(nonsense_ends_the_connection),
		cmocka_unit_test(nonsense_before_the_login_does_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
