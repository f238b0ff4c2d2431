#include "sqlserver/tds/packet.h"

#include "sqlserver/tds/bytes.h"

int tds_message_feed(struct tds_message *message, const void *bytes, size_t length, size_t longest, size_t *used,
                     struct error **err) {
	*used = 0;
	if (length < TDS_HEADER_SIZE) return 0;
	struct tds_reader reader = tds_reader(bytes, length);
	uint8_t type = tds_take_u8(&reader);
	uint8_t status = tds_take_u8(&reader);
	size_t size = tds_take_u16_big(&reader);
	if (size < TDS_HEADER_SIZE || size > TDS_LARGEST_PACKET)
		return error_set(err, ERROR_INVALID, "a packet of %zu bytes", size);
	if (message->begun && type != message->type)
		return error_set(err, ERROR_INVALID, "a packet of type %d within a message of type %d", type,
		                 message->type);
	if (message->body.length + size - TDS_HEADER_SIZE > longest)
		return error_set(err, ERROR_INVALID, "a message of more than %zu bytes", longest);
	if (length < size) return 0;

	if (!message->begun) {
		message->begun = true;
		message->type = type;
		message->first_status = status;
	}
	message->last_status = status;
	tds_put(&message->body, (const char *)bytes + TDS_HEADER_SIZE, size - TDS_HEADER_SIZE);
	*used = size;
	return (status & TDS_END_OF_MESSAGE) != 0;
}

void tds_message_reset(struct tds_message *message) {
	enum { WORTH_KEEPING = 64 * 1024 };
	struct strbuf body = message->body;
	if (body.capacity > WORTH_KEEPING) strbuf_free(&body);
	else strbuf_reset(&body);
	*message = (struct tds_message){ .body = body };
}

void tds_message_free(struct tds_message *message) {
	strbuf_free(&message->body);
	*message = (struct tds_message){ 0 };
}

void tds_packets_put(struct strbuf *to, uint8_t type, const void *body, size_t length, size_t packet_size,
                     bool is_end) {
	size_t room = packet_size - TDS_HEADER_SIZE;
	uint8_t number = 1;
	size_t at = 0;
	do {
		size_t part = length - at < room ? length - at : room;
		bool is_last = is_end && at + part == length;
		tds_put_u8(to, type);
		tds_put_u8(to, is_last ? TDS_END_OF_MESSAGE : 0);
		tds_put_u16_big(to, (uint16_t)(part + TDS_HEADER_SIZE));
		tds_put_u16(to, 0); /* SPID: 0 is always right */
		tds_put_u8(to, number++);
		tds_put_u8(to, 0);
		tds_put(to, (const char *)body + at, part);
		at += part;
	} while (at < length);
}
