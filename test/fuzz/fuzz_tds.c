/* A TDS client of any kind: whatever it sends, in whatever pieces, its connection goes on or is over. The first byte
 * says how far it has come before, the second how long the pieces are, or what kind of message it is. */
#include "unit/tds_client.h"
#include "unit/tds_fake_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool receive(struct tds_connection *connection, const void *bytes, size_t length) {
	cleanup_error struct error *err = NULL;
	int status = tds_connection_receive(connection, bytes, length, &err);
	if ((status < 0) != (err != NULL) || (status < 0 && !tds_connection_is_over(connection))) abort();
	tds_connection_step(connection);
	return !tds_connection_is_over(connection);
}

static void send_message(struct tds_connection *connection, uint8_t type, const void *body, size_t length) {
	cleanup_strbuf struct strbuf packets = { 0 };
	tds_packets_put(&packets, type, body, length, 4096, true);
	receive(connection, packets.data, packets.length);
}

static void log_in(struct tds_connection *connection, uint32_t version) {
	cleanup_strbuf struct strbuf login = make_login(&(struct login_fields){
	        .version = version, .user = "sa", .password = "Correct-1", .database = "agdb1" });
	send_message(connection, TDS_PRELOGIN, plain_prelogin, sizeof(plain_prelogin) - 1);
	send_message(connection, TDS_LOGIN7, login.data, login.length);
	if (!tds_connection_is_logged_in(connection)) abort();
}

static void send_pieces(struct tds_connection *connection, const uint8_t *data, size_t size, size_t piece) {
	for (size_t at = 0; at < size; at += piece) {
		if (!receive(connection, data + at, size - at < piece ? size - at : piece)) return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	static struct tds_tls_server *tls;
	static const uint8_t types[] = { TDS_SQL_BATCH, TDS_RPC, TDS_TRANSACTION, TDS_LOGIN7, TDS_PRELOGIN };
	static const uint32_t versions[] = { 0x74000004, 0x71000001 };
	if (size < 2) return 0;
	if (tls == NULL) tls = tds_tls_server_self_signed("fuzz", NULL);
	struct tds_service service = { .tls = (data[0] & 4) != 0 ? tls : NULL };
	struct tds_connection *connection = tds_connection_new(&service);
	switch (data[0] & 3) {
	case 0: send_pieces(connection, data + 2, size - 2, 1U + data[1]); break;
	case 1:
		log_in(connection, versions[data[0] >> 7]);
		send_pieces(connection, data + 2, size - 2, 1U + data[1]);
		break;
	case 2:
		log_in(connection, versions[data[0] >> 7]);
		send_message(connection, types[data[1] % 3], data + 2, size - 2);
		break;
	default:
		if ((data[1] & 8) != 0)
			send_message(connection, TDS_PRELOGIN, plain_prelogin, sizeof(plain_prelogin) - 1);
		send_message(connection, types[data[1] % ARRAY_LENGTH(types)], data + 2, size - 2);
	}
	tds_connection_free(connection);
	return 0;
}
