#include "sqlserver/tds/channel.h"

#include <string.h>

#include "sqlserver/tds/bytes.h"

static bool is_encrypted(const struct tds_channel *channel) {
	return channel->tls != NULL && !channel->handshaking;
}

static void forget_dealt_with(struct tds_channel *channel) {
	size_t left = channel->in.length - channel->at;
	if (channel->at == 0) return;
	memmove(channel->in.data, channel->in.data + channel->at, left);
	channel->in.length = left;
	channel->at = 0;
}

int tds_channel_receive(struct tds_channel *channel, const void *bytes, size_t length, struct error **err) {
	forget_dealt_with(channel);
	if (!is_encrypted(channel)) {
		tds_put(&channel->in, bytes, length);
		return 0;
	}
	tds_tls_feed(channel->tls, bytes, length);
	return tds_tls_read(channel->tls, &channel->in, err);
}

size_t tds_channel_waiting(const struct tds_channel *channel) {
	return channel->in.length - channel->at;
}

int tds_channel_next_type(const struct tds_channel *channel) {
	return tds_channel_waiting(channel) > 0 ? (uint8_t)channel->in.data[channel->at] : -1;
}

int tds_channel_take(struct tds_channel *channel, struct tds_message *message, size_t longest, struct error **err) {
	for (;;) {
		size_t used, waiting = tds_channel_waiting(channel);
		if (waiting == 0) return 0;
		int status = tds_message_feed(message, channel->in.data + channel->at, waiting, longest, &used, err);
		channel->at += used;
		if (status != 0 || used == 0) return status;
	}
}

int tds_channel_send(struct tds_channel *channel, uint8_t type, const void *body, size_t length, bool is_end,
                     struct error **err) {
	if (!is_encrypted(channel)) {
		tds_packets_put(&channel->out, type, body, length, channel->packet_size, is_end);
		return 0;
	}
	cleanup_strbuf struct strbuf plain = { 0 };
	tds_packets_put(&plain, type, body, length, channel->packet_size, is_end);
	int status = tds_tls_write(channel->tls, plain.data, plain.length, err);
	tds_tls_drain(channel->tls, &channel->out);
	return status;
}

void tds_channel_start_tls(struct tds_channel *channel, struct tds_tls_server *server) {
	channel->tls = tds_tls_new(server);
	channel->handshaking = true;
}

int tds_channel_handshake(struct tds_channel *channel, const void *body, size_t length, struct error **err) {
	cleanup_strbuf struct strbuf answer = { 0 };
	tds_tls_feed(channel->tls, body, length);
	int status = tds_tls_handshake(channel->tls, err);
	tds_tls_drain(channel->tls, &answer);
	if (answer.length > 0)
		tds_packets_put(&channel->out, TDS_PRELOGIN, answer.data, answer.length, channel->packet_size, true);
	if (status < 1) return status;

	/* What has come behind the last packet of the handshake is TLS already. */
	channel->handshaking = false;
	cleanup_strbuf struct strbuf behind = { 0 };
	tds_put(&behind, channel->in.data + channel->at, tds_channel_waiting(channel));
	channel->at = channel->in.length;
	return behind.length > 0 ? tds_channel_receive(channel, behind.data, behind.length, err) : 0;
}

void tds_channel_stop_tls(struct tds_channel *channel) {
	tds_tls_free(channel->tls);
	channel->tls = NULL;
}

void tds_channel_free(struct tds_channel *channel) {
	tds_channel_stop_tls(channel);
	strbuf_free(&channel->in);
	strbuf_free(&channel->out);
}
