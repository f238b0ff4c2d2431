#include "sqlserver/tds/tokens.h"

#include <string.h>

#include "base/memory.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/text.h"
#include "sqlserver/tds/value.h"

/* Most tokens say how long they are: where the length goes is kept until the end is known. */
static size_t begin_token(struct strbuf *to, enum tds_token token) {
	tds_put_u8(to, (uint8_t)token);
	tds_put_u16(to, 0);
	return to->length;
}

static void end_token(struct strbuf *to, size_t start) {
	tds_patch_u16(to, start - 2, (uint16_t)(to->length - start));
}

void tds_put_login_ack(struct strbuf *to, uint32_t tds_version_number, struct tds_server_version version) {
	enum { INTERFACE_TSQL = 1 };
	size_t start = begin_token(to, TDS_TOKEN_LOGINACK);
	tds_put_u8(to, INTERFACE_TSQL);
	tds_put_u32(to, __builtin_bswap32(tds_version_number));
	tds_put_b_text(to, "Microsoft SQL Server");
	tds_put_u8(to, version.major);
	tds_put_u8(to, version.minor);
	tds_put_u16_big(to, version.build);
	end_token(to, start);
}

void tds_put_feature_ack(struct strbuf *to, bool asks_utf8) {
	enum { FEATURE_UTF8 = 0x0A, FEATURE_END = 0xFF };
	tds_put_u8(to, TDS_TOKEN_FEATUREEXTACK);
	if (asks_utf8) {
		tds_put_u8(to, FEATURE_UTF8);
		tds_put_u32(to, 1);
		tds_put_u8(to, 0);
	}
	tds_put_u8(to, FEATURE_END);
}

void tds_put_change(struct strbuf *to, enum tds_change change, const char *value, const char *previous) {
	size_t start = begin_token(to, TDS_TOKEN_ENVCHANGE);
	tds_put_u8(to, (uint8_t)change);
	tds_put_b_text(to, value);
	tds_put_b_text(to, previous);
	end_token(to, start);
}

void tds_put_change_bytes(struct strbuf *to, enum tds_change change, const void *value, size_t length,
                          const void *previous, size_t previous_length) {
	size_t start = begin_token(to, TDS_TOKEN_ENVCHANGE);
	tds_put_u8(to, (uint8_t)change);
	tds_put_u8(to, (uint8_t)length);
	tds_put(to, value, length);
	tds_put_u8(to, (uint8_t)previous_length);
	tds_put(to, previous, previous_length);
	end_token(to, start);
}

void tds_put_message(struct strbuf *to, enum tds_version version, const struct sim_message *message) {
	enum { LONGEST_TEXT = 8000 }; /* bytes of UTF-8: what the token's length can count, with room for the names */
	size_t start = begin_token(to, sim_message_is_error(message) ? TDS_TOKEN_ERROR : TDS_TOKEN_INFO);
	cleanup_free char *text = xstrndup(message->text, strnlen(message->text, LONGEST_TEXT));
	tds_put_u32(to, (uint32_t)message->number);
	tds_put_u8(to, (uint8_t)message->state);
	tds_put_u8(to, (uint8_t)message->severity);
	tds_put_us_text(to, text);
	tds_put_b_text(to, message->server);
	tds_put_b_text(to, message->procedure);
	tds_put_number(to, (uint64_t)message->line, version >= TDS_7_2 ? 4 : 2);
	end_token(to, start);
}

static void put_user_type(struct strbuf *to, enum tds_version version) {
	tds_put_number(to, 0, version >= TDS_7_2 ? 4 : 2);
}

void tds_put_columns(struct strbuf *to, enum tds_version version, const struct sim_column *columns,
                     const struct tds_type *types, size_t count) {
	enum { NULLABLE = 0x01, UPDATABLE_UNKNOWN = 0x08 };
	tds_put_u8(to, TDS_TOKEN_COLMETADATA);
	tds_put_u16(to, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		put_user_type(to, version);
		tds_put_u16(to, (uint16_t)(UPDATABLE_UNKNOWN | (columns[i].nullable ? NULLABLE : 0)));
		tds_type_put(to, &types[i]);
		/* Which table text and image columns come from: none. */
		if (types[i].kind->shape == TDS_SHAPE_LONG) tds_put_number(to, 0, version >= TDS_7_2 ? 1 : 2);
		tds_put_b_text(to, columns[i].name);
	}
}

static bool has_null(const struct sim_value *values, size_t count) {
	for (size_t i = 0; i < count; i++) {
		if (values[i].kind == SIM_VALUE_NULL) return true;
	}
	return false;
}

static void put_null_bitmap(struct strbuf *to, const struct sim_value *values, size_t count) {
	for (size_t i = 0; i < count; i += 8) {
		unsigned byte = 0;
		for (size_t j = i; j < count && j < i + 8; j++)
			byte |= (values[j].kind == SIM_VALUE_NULL ? 1U : 0U) << (j - i);
		tds_put_u8(to, (uint8_t)byte);
	}
}

void tds_put_row(struct strbuf *to, enum tds_version version, const struct tds_type *types,
                 const struct sim_value *values, size_t count) {
	bool is_short = version >= TDS_7_3B && has_null(values, count);
	tds_put_u8(to, is_short ? TDS_TOKEN_NBCROW : TDS_TOKEN_ROW);
	if (is_short) put_null_bitmap(to, values, count);
	for (size_t i = 0; i < count; i++) {
		if (is_short && values[i].kind == SIM_VALUE_NULL) continue;
		tds_value_put(to, &types[i], &values[i], true);
	}
}

void tds_put_done(struct strbuf *to, enum tds_version version, enum tds_token token, int status, bool after_rows,
                  int64_t rows) {
	enum { COMMAND_SELECT = 0xC1 };
	tds_put_u8(to, (uint8_t)token);
	tds_put_u16(to, (uint16_t)(status | (rows >= 0 ? TDS_DONE_COUNT : 0)));
	tds_put_u16(to, after_rows ? COMMAND_SELECT : 0);
	tds_put_number(to, rows >= 0 ? (uint64_t)rows : 0, version >= TDS_7_2 ? 8 : 4);
}

void tds_put_return_status(struct strbuf *to, int status) {
	tds_put_u8(to, TDS_TOKEN_RETURNSTATUS);
	tds_put_u32(to, (uint32_t)status);
}

void tds_put_return_value(struct strbuf *to, enum tds_version version, size_t ordinal, const char *name,
                          const struct tds_type *type, const struct sim_value *value) {
	enum { OUTPUT_PARAMETER = 0x01 };
	tds_put_u8(to, TDS_TOKEN_RETURNVALUE);
	tds_put_u16(to, (uint16_t)ordinal);
	tds_put_b_text(to, name);
	tds_put_u8(to, OUTPUT_PARAMETER);
	put_user_type(to, version);
	tds_put_u16(to, 0);
	tds_type_put(to, type);
	tds_value_put(to, type, value, false);
}
