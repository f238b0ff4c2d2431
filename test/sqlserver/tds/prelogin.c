#include "sqlserver/tds/prelogin.h"

#include <stdbool.h>

#include "sqlserver/tds/bytes.h"

enum option {
	OPTION_VERSION = 0,
	OPTION_ENCRYPTION = 1,
	OPTION_INSTANCE = 2,
	OPTION_THREAD = 3,
	OPTION_MARS = 4,
	OPTION_END = 0xFF
};

int tds_prelogin_read(const void *body, size_t length, enum tds_encryption *encryption, struct error **err) {
	struct tds_reader reader = tds_reader(body, length);
	*encryption = TDS_ENCRYPT_NOT_SUPPORTED;
	for (uint8_t option; (option = tds_take_u8(&reader)) != OPTION_END;) {
		size_t at = tds_take_u16_big(&reader);
		size_t size = tds_take_u16_big(&reader);
		if (reader.failed || at > length || size > length - at)
			return error_set(err, ERROR_INVALID, "PRELOGIN with an option outside of the message");
		if (option != OPTION_ENCRYPTION) continue;
		uint8_t value = size > 0 ? ((const uint8_t *)body)[at] : UINT8_MAX;
		if (value > TDS_ENCRYPT_REQUIRED)
			return error_set(err, ERROR_INVALID, "PRELOGIN with encryption %d", value);
		*encryption = (enum tds_encryption)value;
	}
	if (reader.failed) return error_set(err, ERROR_INVALID, "PRELOGIN without an end of its options");
	return 0;
}

enum tds_encryption tds_encryption_agree(enum tds_encryption client, bool required) {
	if (required) return client == TDS_ENCRYPT_ON ? TDS_ENCRYPT_ON : TDS_ENCRYPT_REQUIRED;
	return client == TDS_ENCRYPT_REQUIRED ? TDS_ENCRYPT_ON : client;
}

void tds_prelogin_put(struct strbuf *to, struct tds_server_version version, enum tds_encryption encryption) {
	static const struct {
		uint8_t option;
		uint8_t size;
	} options[] = { { OPTION_VERSION, 6 },
		        { OPTION_ENCRYPTION, 1 },
		        { OPTION_INSTANCE, 1 },
		        { OPTION_THREAD, 0 },
		        { OPTION_MARS, 1 } };
	enum { COUNT = sizeof(options) / sizeof(options[0]), ENTRY = 5 };
	uint16_t at = COUNT * ENTRY + 1;
	for (size_t i = 0; i < COUNT; i++) {
		tds_put_u8(to, options[i].option);
		tds_put_u16_big(to, at);
		tds_put_u16_big(to, options[i].size);
		at = (uint16_t)(at + options[i].size);
	}
	tds_put_u8(to, OPTION_END);
	tds_put_u8(to, version.major);
	tds_put_u8(to, version.minor);
	tds_put_u16_big(to, version.build);
	tds_put_u16(to, 0);
	tds_put_u8(to, (uint8_t)encryption);
	tds_put_u8(to, 0); /* the instance that the client named is this one */
	tds_put_u8(to, 0); /* no MARS */
}
