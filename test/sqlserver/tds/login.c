#include "sqlserver/tds/login.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/packet.h"
#include "sqlserver/tds/text.h"

enum {
	FLAGS2_INTEGRATED = 0x80,
	TYPE_READ_ONLY_INTENT = 0x20,
	FLAGS3_EXTENSION = 0x10,
	FEATURE_FEDERATED = 0x02,
	FEATURE_UTF8 = 0x0A,
	FEATURE_END = 0xFF,
	LONGEST_NAME = 128 /* characters of each field */
};

static const struct {
	uint32_t number;
	enum tds_version version;
} versions[] = {
	{ 0x71000000, TDS_7_1 },  { 0x71000001, TDS_7_1 },  { 0x72090002, TDS_7_2 },
	{ 0x730A0003, TDS_7_3A }, { 0x730B0003, TDS_7_3B }, { 0x74000004, TDS_7_4 },
};

static enum tds_version version_of(uint32_t number) {
	for (size_t i = 0; i < ARRAY_LENGTH(versions); i++) {
		if (versions[i].number == number) return versions[i].version;
	}
	return TDS_UNSUPPORTED;
}

/* Where a field is: its place in the message and its length in characters. */
struct place {
	size_t at, units;
};

static struct place take_place(struct tds_reader *reader) {
	size_t at = tds_take_u16(reader);
	return (struct place){ at, tds_take_u16(reader) };
}

/* A password is hidden from a casual eye by swapping the halves of each byte and an exclusive or with 0xA5. */
static void reveal(uint8_t *bytes, size_t length) {
	for (size_t i = 0; i < length; i++) {
		uint8_t byte = bytes[i] ^ 0xA5;
		bytes[i] = (uint8_t)(byte << 4 | byte >> 4);
	}
}

static int read_field(const uint8_t *body, size_t length, struct place place, bool is_password, char **field,
                      struct error **err) {
	struct strbuf text = { 0 };
	size_t bytes = place.units * 2;
	if (place.units > LONGEST_NAME || place.at > length || bytes > length - place.at)
		return error_set(err, ERROR_INVALID, "LOGIN7 with a field outside of the message");
	strbuf_append(&text, "");
	if (is_password) {
		uint8_t plain[LONGEST_NAME * 2];
		memcpy(plain, body + place.at, bytes);
		reveal(plain, bytes);
		tds_text_decode(TDS_UTF16, plain, bytes, &text);
		explicit_bzero(plain, sizeof(plain));
	} else {
		tds_text_decode(TDS_UTF16, body + place.at, bytes, &text);
	}
	*field = strbuf_detach(&text);
	return 0;
}

/* The extension field holds where the features are. */
static int read_features(const uint8_t *body, size_t length, struct place extension, struct tds_login *login,
                         struct error **err) {
	struct tds_reader reader = tds_reader(body, length);
	tds_take(&reader, extension.at);
	size_t at = tds_take_u32(&reader);
	reader.at = 0;
	tds_take(&reader, at);
	login->has_features = true;
	for (uint8_t feature; (feature = tds_take_u8(&reader)) != FEATURE_END && !reader.failed;) {
		size_t size = tds_take_u32(&reader);
		tds_take(&reader, size);
		if (feature == FEATURE_FEDERATED) login->integrated = true;
		if (feature == FEATURE_UTF8) login->asks_utf8 = true;
	}
	if (reader.failed) return error_set(err, ERROR_INVALID, "LOGIN7 with features outside of the message");
	return 0;
}

static uint32_t clamp_packet_size(uint32_t size) {
	if (size == 0) return TDS_DEFAULT_PACKET;
	if (size < TDS_SMALLEST_PACKET) return TDS_SMALLEST_PACKET;
	return size > TDS_LARGEST_PACKET ? TDS_LARGEST_PACKET : size;
}

int tds_login_read(const void *body, size_t length, struct tds_login *login, struct error **err) {
	struct tds_reader reader = tds_reader(body, length);
	uint32_t said = tds_take_u32(&reader);
	login->version_number = tds_take_u32(&reader);
	login->version = version_of(login->version_number);
	login->packet_size = clamp_packet_size(tds_take_u32(&reader));
	tds_take(&reader, 4 + 4 + 4); /* the client's version, process and connection to replace */
	tds_take_u8(&reader);
	uint8_t flags2 = tds_take_u8(&reader);
	uint8_t type = tds_take_u8(&reader);
	uint8_t flags3 = tds_take_u8(&reader);
	tds_take(&reader, 4 + 4); /* time zone, locale */
	login->integrated = (flags2 & FLAGS2_INTEGRATED) != 0;
	login->read_only_intent = (type & TYPE_READ_ONLY_INTENT) != 0;

	struct place host = take_place(&reader), user = take_place(&reader), password = take_place(&reader);
	struct place application = take_place(&reader);
	take_place(&reader); /* server name */
	struct place extension = take_place(&reader);
	take_place(&reader); /* the client library's name */
	take_place(&reader); /* language */
	struct place database = take_place(&reader);
	if (reader.failed || said > length) return error_set(err, ERROR_INVALID, "LOGIN7 of only %zu bytes", length);

	const struct {
		struct place place;
		char **field;
	} fields[] = { { host, &login->host },
		       { user, &login->user },
		       { password, &login->password },
		       { application, &login->application },
		       { database, &login->database } };
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		bool is_password = fields[i].field == &login->password;
		if (read_field(body, length, fields[i].place, is_password, fields[i].field, err) < 0) return -1;
	}
	bool has_extension = login->version >= TDS_7_4 && (flags3 & FLAGS3_EXTENSION) != 0;
	return has_extension ? read_features(body, length, extension, login, err) : 0;
}

void tds_login_free(struct tds_login *login) {
	if (login->password != NULL) explicit_bzero(login->password, strlen(login->password));
	free(login->host);
	free(login->user);
	free(login->password);
	free(login->application);
	free(login->database);
	*login = (struct tds_login){ 0 };
}
