/* A client's side of a connection in memory, for tests: packets in, response messages out. */
#ifndef TDS_TEST_CLIENT_H
#define TDS_TEST_CLIENT_H

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/connection.h"
#include "sqlserver/tds/packet.h"
#include "sqlserver/tds/text.h"

/* The 94 bytes of LOGIN7 before its fields, then these, in UTF-16; the password is hidden as clients do. */
struct login_fields {
	uint32_t version, packet_size;
	uint8_t flags2, type, flags3;
	const char *host, *user, *password, *application, *database;
	const char *features; /* bytes of the feature extension; NULL: none */
	size_t features_length;
};

static inline void put_place(struct strbuf *head, struct strbuf *data, size_t start, const char *text, bool hide) {
	cleanup_strbuf struct strbuf units = { 0 };
	if (text != NULL) tds_text_encode(TDS_UTF16, text, strlen(text), &units);
	for (size_t i = 0; hide && i < units.length; i++) {
		unsigned char c = (unsigned char)units.data[i];
		units.data[i] = (char)((unsigned char)(c << 4 | c >> 4) ^ 0xA5);
	}
	tds_put_u16(head, (uint16_t)(start + data->length));
	tds_put_u16(head, (uint16_t)(units.length / 2));
	tds_put(data, units.data, units.length);
}

static inline struct strbuf make_login(const struct login_fields *fields) {
	enum { HEAD = 94 };
	struct strbuf head = { 0 };
	cleanup_strbuf struct strbuf data = { 0 };
	tds_put_u32(&head, 0);
	tds_put_u32(&head, fields->version);
	tds_put_u32(&head, fields->packet_size);
	tds_put_number(&head, 0, 8);
	tds_put_u32(&head, 0);
	tds_put_u8(&head, 0);
	tds_put_u8(&head, fields->flags2);
	tds_put_u8(&head, fields->type);
	tds_put_u8(&head, fields->flags3);
	tds_put_u64(&head, 0);
	put_place(&head, &data, HEAD, fields->host, false);
	put_place(&head, &data, HEAD, fields->user, false);
	put_place(&head, &data, HEAD, fields->password, true);
	put_place(&head, &data, HEAD, fields->application, false);
	put_place(&head, &data, HEAD, "server", false);
	if (fields->features != NULL) {
		tds_put_u16(&head, (uint16_t)(HEAD + data.length));
		tds_put_u16(&head, 4);
		tds_put_u32(&data, (uint32_t)(HEAD + data.length + 4));
		tds_put(&data, fields->features, fields->features_length);
	} else {
		tds_put_u32(&head, 0);
	}
	put_place(&head, &data, HEAD, "library", false);
	put_place(&head, &data, HEAD, "", false);
	put_place(&head, &data, HEAD, fields->database, false);
	while (head.length < HEAD) tds_put_u8(&head, 0);
	tds_put(&head, data.data, data.length);
	tds_patch_u32(&head, 0, (uint32_t)head.length);
	return head;
}

static const char plain_prelogin[] = "\x01\0\x06\0\x01\xFF\x02"; /* encryption: not supported */

/* The text of a batch behind the headers that 7.2 and later have. */
static inline struct strbuf make_batch(const char *text) {
	struct strbuf body = { 0 };
	tds_put_u32(&body, 22);
	tds_put_u32(&body, 18);
	tds_put_u16(&body, 2); /* transaction descriptor */
	tds_put_u64(&body, 0);
	tds_put_u32(&body, 1);
	tds_text_encode(TDS_UTF16, text, strlen(text), &body);
	return body;
}

#endif
