/* Packets and messages: a message travels in one or more packets of an agreed size, each with a header of eight bytes
 * ([MS-TDS] 2.2.3). */
#ifndef TDS_PACKET_H
#define TDS_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

enum {
	TDS_HEADER_SIZE = 8,
	TDS_SMALLEST_PACKET = 512,
	TDS_DEFAULT_PACKET = 4096,
	TDS_LARGEST_PACKET = 32767,
	/* The longest message taken from a client. SQL Server's own limit, 65,536 packets, is far above what tests
	   send. */
	TDS_LARGEST_MESSAGE = 64 * 1024 * 1024
};

enum tds_packet_type {
	TDS_SQL_BATCH = 1,
	TDS_RPC = 3,
	TDS_RESPONSE = 4,
	TDS_ATTENTION = 6,
	TDS_BULK_LOAD = 7,
	TDS_TRANSACTION = 14,
	TDS_LOGIN7 = 16,
	TDS_SSPI = 17,
	TDS_PRELOGIN = 18
};

enum tds_packet_status {
	TDS_END_OF_MESSAGE = 0x01,
	TDS_IGNORE = 0x02,
	TDS_RESET = 0x08,
	TDS_RESET_KEEP_TRANSACTION = 0x10
};

/* A message as it is being put together. Zero-initialise it. */
struct tds_message {
	uint8_t type;
	uint8_t first_status; /* RESETCONNECTION counts in the first packet only */
	uint8_t last_status;
	bool begun;
	struct strbuf body;
};

/* Takes one packet from the `length` bytes at `bytes`: 1 when the message is complete, 0 when there is no whole packet
 * yet or it was not the last; *used says how many bytes were taken. Fails on what is no packet: an impossible length, a
 * packet of another type within a message, more than `longest` bytes in all. */
int tds_message_feed(struct tds_message *message, const void *bytes, size_t length, size_t longest, size_t *used,
                     struct error **err);
void tds_message_reset(struct tds_message *message);
void tds_message_free(struct tds_message *message);

/* Appends `length` bytes of a message in packets of at most `packet_size`. Unless `is_end`, the last of them is not
 * marked as the message's end, so it should fill whole packets. */
void tds_packets_put(struct strbuf *to, uint8_t type, const void *body, size_t length, size_t packet_size, bool is_end);

#endif
