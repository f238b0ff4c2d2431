/* The bytes of a connection: packets in and out, in the clear or through TLS, as far as PRELOGIN has agreed. */
#ifndef TDS_CHANNEL_H
#define TDS_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "sqlserver/tds/packet.h"
#include "sqlserver/tds/tls.h"

/* Zero-initialise it and set packet_size. */
struct tds_channel {
	struct strbuf in; /* from the client, decrypted; what lies before `at` has been dealt with */
	size_t at;
	struct strbuf out; /* to the client */
	size_t packet_size;
	struct tds_tls *tls; /* NULL: none */
	bool handshaking;    /* its bytes travel in PRELOGIN packets */
};

int tds_channel_receive(struct tds_channel *channel, const void *bytes, size_t length, struct error **err);

/* The next packet of `message`: 1 when that completes it, 0 when there are not enough bytes. */
int tds_channel_take(struct tds_channel *channel, struct tds_message *message, size_t longest, struct error **err);
/* The type of the packet that begins next; -1 when its first byte is not there. */
int tds_channel_next_type(const struct tds_channel *channel);
/* How many bytes have come that nobody has dealt with. */
size_t tds_channel_waiting(const struct tds_channel *channel);

int tds_channel_send(struct tds_channel *channel, uint8_t type, const void *body, size_t length, bool is_end,
                     struct error **err);

void tds_channel_start_tls(struct tds_channel *channel, struct tds_tls_server *server);
/* Goes on with the handshake after a PRELOGIN packet's body; the channel is encrypted once `handshaking` is false. */
int tds_channel_handshake(struct tds_channel *channel, const void *body, size_t length, struct error **err);
/* Everything is in the clear from now on. */
void tds_channel_stop_tls(struct tds_channel *channel);

void tds_channel_free(struct tds_channel *channel);

#endif
