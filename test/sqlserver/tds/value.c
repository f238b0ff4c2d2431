#include "sqlserver/tds/value.h"

#include <string.h>

#include "sqlserver/tds/decimal.h"
#include "sqlserver/tds/moment.h"
#include "sqlserver/tds/text.h"

enum { DAY_TICKS_MS = 10000, THREE_HUNDREDTHS_PER_DAY = 300 * 86400, MINUTES_PER_DAY = 1440 };
static const int64_t ticks_per_day = INT64_C(864000000000);
static const int64_t ticks_per_minute = INT64_C(600000000);

/* ---- reading ---- */

/* The bytes of one value, whatever says how many they are. *bytes is NULL for NULL. Chunks are put together in
 * `buffer`. */
static bool take_chunks(struct tds_reader *reader, struct strbuf *buffer, const uint8_t **bytes, size_t *length) {
	uint64_t total = tds_take_u64(reader);
	*bytes = NULL;
	*length = 0;
	if (total == UINT64_MAX || reader->failed) return !reader->failed;
	strbuf_append(buffer, "");
	for (uint32_t count; (count = tds_take_u32(reader)) != 0;) {
		const uint8_t *chunk = tds_take(reader, count);
		if (chunk == NULL) return false;
		tds_put(buffer, chunk, count);
	}
	*bytes = (const uint8_t *)buffer->data;
	*length = buffer->length;
	return !reader->failed && (total == UINT64_MAX - 1 || total == buffer->length);
}

static bool take_bytes(struct tds_reader *reader, const struct tds_type *type, struct strbuf *buffer,
                       const uint8_t **bytes, size_t *length) {
	bool is_null = false;
	*length = 0;
	switch (type->kind->shape) {
	case TDS_SHAPE_FIXED:
		*length = type->length;
		is_null = type->kind->family == TDS_FAMILY_NULL;
		break;
	case TDS_SHAPE_BYTE:
	case TDS_SHAPE_DATE:
	case TDS_SHAPE_SCALE:
		*length = tds_take_u8(reader);
		is_null = *length == 0;
		break;
	case TDS_SHAPE_SHORT:
		if (type->length == TDS_MAX_LENGTH) return take_chunks(reader, buffer, bytes, length);
		*length = tds_take_u16(reader);
		is_null = *length == UINT16_MAX;
		break;
	case TDS_SHAPE_LONG:
		*length = tds_take_u32(reader);
		is_null = *length == UINT32_MAX;
		break;
	}
	if (is_null) *length = 0;
	*bytes = is_null ? NULL : tds_take(reader, *length);
	return !reader->failed && *length <= type->length;
}

static void set_text(struct sim_value *value, const struct strbuf *buffer) {
	value->kind = SIM_VALUE_TEXT;
	value->bytes = strbuf_text(buffer);
	value->length = buffer->length;
}

static bool read_integer(struct tds_reader *reader, struct sim_value *value) {
	size_t size = tds_left(reader);
	if (size != 1 && size != 2 && size != 4 && size != 8) return false;
	uint64_t number = tds_take_number(reader, size);
	value->kind = SIM_VALUE_INTEGER;
	/* tinyint has no sign; the others are extended with theirs. */
	if (size == 1) value->integer = (int64_t)number;
	else value->integer = (int64_t)(number << (64 - 8 * size)) >> (64 - 8 * size);
	return true;
}

static bool read_float(struct tds_reader *reader, struct sim_value *value) {
	size_t size = tds_left(reader);
	float single;
	if (size != sizeof(single) && size != sizeof(value->real)) return false;
	value->kind = SIM_VALUE_REAL;
	const uint8_t *bytes = tds_take(reader, size);
	if (size == sizeof(value->real)) memcpy(&value->real, bytes, size);
	else value->real = (memcpy(&single, bytes, size), (double)single);
	return true;
}

static bool read_money(struct tds_reader *reader, struct strbuf *text) {
	size_t size = tds_left(reader);
	if (size != 4 && size != 8) return false;
	uint64_t high = size == 8 ? tds_take_u32(reader) : 0;
	uint32_t low = tds_take_u32(reader);
	int64_t amount = size == 8 ? (int64_t)(high << 32 | low) : (int32_t)low;
	uint64_t magnitude = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
	tds_decimal_print(text, amount < 0, magnitude, 4);
	return true;
}

static bool read_decimal(struct tds_reader *reader, const struct tds_type *type, struct strbuf *text) {
	size_t size = tds_left(reader);
	if (size < 2 || size > 17) return false;
	bool is_negative = tds_take_u8(reader) == 0;
	unsigned __int128 magnitude = 0;
	const uint8_t *bytes = tds_take(reader, size - 1);
	for (size_t i = size - 1; i-- > 0;) magnitude = magnitude << 8 | bytes[i];
	if (!tds_decimal_fits(magnitude, type->precision)) return false;
	tds_decimal_print(text, is_negative, magnitude, type->scale);
	return true;
}

/* A GUID's first three groups are little-endian numbers, the rest are bytes in order. */
static const size_t guid_order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

static bool read_guid(struct tds_reader *reader, struct strbuf *text) {
	const uint8_t *bytes = tds_take(reader, 16);
	if (bytes == NULL || tds_left(reader) != 0) return false;
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) strbuf_append_char(text, '-');
		strbuf_printf(text, "%02X", bytes[guid_order[i]]);
	}
	return true;
}

static size_t time_size(int scale) {
	return scale <= 2 ? 3 : scale <= 4 ? 4 : 5;
}

static bool read_ticks(struct tds_reader *reader, int scale, struct tds_moment *moment) {
	moment->ticks = (int64_t)tds_take_number(reader, time_size(scale));
	for (int i = scale; i < 7; i++) moment->ticks *= 10;
	return !reader->failed && moment->ticks < ticks_per_day;
}

static bool read_days(struct tds_reader *reader, struct tds_moment *moment) {
	moment->days = (int64_t)tds_take_number(reader, 3);
	return !reader->failed && moment->days < TDS_DAYS_IN_ALL;
}

static bool read_datetime(struct tds_reader *reader, struct tds_moment *moment) {
	if (tds_left(reader) == 4) { /* smalldatetime */
		moment->days = TDS_DAYS_TO_1900 + tds_take_u16(reader);
		moment->ticks = tds_take_u16(reader) * ticks_per_minute;
		return moment->ticks < ticks_per_day;
	}
	moment->days = TDS_DAYS_TO_1900 + (int64_t)(int32_t)tds_take_u32(reader);
	int64_t units = tds_take_u32(reader);
	/* 300 to the second, shown as milliseconds that end in 0, 3 and 7. */
	moment->ticks = (units * 10 + 1) / 3 * DAY_TICKS_MS;
	return !reader->failed && moment->days >= 0 && moment->days < TDS_DAYS_IN_ALL &&
	       units < THREE_HUNDREDTHS_PER_DAY;
}

static bool read_moment(struct tds_reader *reader, const struct tds_type *type, struct strbuf *text) {
	struct tds_moment moment = { 0 };
	enum tds_family family = type->kind->family;
	int digits = family == TDS_FAMILY_DATETIME ? 3 : type->scale;
	if (family == TDS_FAMILY_DATETIME && !read_datetime(reader, &moment)) return false;
	if ((family == TDS_FAMILY_TIME || family == TDS_FAMILY_DATETIME2) && !read_ticks(reader, digits, &moment))
		return false;
	if ((family == TDS_FAMILY_DATE || family == TDS_FAMILY_DATETIME2) && !read_days(reader, &moment)) return false;
	if (family != TDS_FAMILY_TIME) tds_moment_print_date(text, &moment);
	if (family == TDS_FAMILY_DATETIME || family == TDS_FAMILY_DATETIME2) strbuf_append_char(text, ' ');
	if (family != TDS_FAMILY_DATE) tds_moment_print_time(text, &moment, digits);
	return tds_left(reader) == 0;
}

static void read_text(struct tds_reader *reader, enum tds_encoding encoding, struct strbuf *text) {
	struct strbuf utf8 = { 0 };
	size_t length = tds_left(reader);
	tds_text_decode(encoding, tds_take(reader, length), length, &utf8);
	strbuf_free(text); /* may have held the chunks that were just read */
	*text = utf8;
}

static bool read_one(struct tds_reader *reader, const struct tds_type *type, struct sim_value *value,
                     struct strbuf *buffer) {
	switch (type->kind->family) {
	case TDS_FAMILY_INTEGER: return read_integer(reader, value);
	case TDS_FAMILY_BIT: return read_integer(reader, value) && (value->integer = value->integer != 0, true);
	case TDS_FAMILY_FLOAT: return read_float(reader, value);
	case TDS_FAMILY_BINARY:
		value->kind = SIM_VALUE_BYTES;
		value->length = tds_left(reader);
		if (buffer->length == 0) tds_put(buffer, tds_take(reader, value->length), value->length);
		value->bytes = strbuf_text(buffer);
		return true;
	case TDS_FAMILY_MONEY:
		if (!read_money(reader, buffer)) return false;
		break;
	case TDS_FAMILY_DECIMAL:
		if (!read_decimal(reader, type, buffer)) return false;
		break;
	case TDS_FAMILY_GUID:
		if (!read_guid(reader, buffer)) return false;
		break;
	case TDS_FAMILY_TEXT16: read_text(reader, TDS_UTF16, buffer); break;
	case TDS_FAMILY_TEXT8: read_text(reader, TDS_CP1252, buffer); break;
	default:
		if (!read_moment(reader, type, buffer)) return false;
	}
	set_text(value, buffer);
	return true;
}

int tds_value_read(struct tds_reader *reader, const struct tds_type *type, struct sim_value *value,
                   struct strbuf *buffer, struct error **err) {
	const uint8_t *bytes;
	size_t length;
	*value = (struct sim_value){ .kind = SIM_VALUE_NULL };
	if (!take_bytes(reader, type, buffer, &bytes, &length))
		return error_set(err, ERROR_INVALID, "a value that is longer than its type or its message");
	if (bytes == NULL) return 0;
	struct tds_reader own = tds_reader(bytes, length);
	if (read_one(&own, type, value, buffer) && !own.failed) return 0;
	*value = (struct sim_value){ .kind = SIM_VALUE_NULL };
	return error_set(err, ERROR_INVALID, "a value that data type 0x%02X does not have", type->kind->number);
}

/* ---- writing ---- */

static void put_decimal(struct strbuf *to, const struct tds_type *type, const struct sim_value *value) {
	bool is_negative;
	unsigned __int128 magnitude;
	tds_decimal_parse(value->bytes, type->scale, &is_negative, &magnitude);
	size_t size = type->precision <= 9 ? 4 : type->precision <= 19 ? 8 : type->precision <= 28 ? 12 : 16;
	tds_put_u8(to, (uint8_t)(size + 1));
	tds_put_u8(to, !is_negative);
	tds_put_u64(to, (uint64_t)magnitude);
	if (size > 8) tds_put_number(to, (uint64_t)(magnitude >> 64), size - 8);
	else to->length -= 8 - size;
}

static void put_money(struct strbuf *to, const struct tds_type *type, const struct sim_value *value) {
	bool is_negative;
	unsigned __int128 magnitude;
	tds_decimal_parse(value->bytes, 4, &is_negative, &magnitude);
	uint64_t amount = is_negative ? 0 - (uint64_t)magnitude : (uint64_t)magnitude;
	if (type->length == 8) tds_put_u32(to, (uint32_t)(amount >> 32));
	tds_put_u32(to, (uint32_t)amount);
}

static int hex_digit(char c) {
	if (c >= '0' && c <= '9') return c - '0';
	if (c >= 'A' && c <= 'F') return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void put_guid(struct strbuf *to, const struct sim_value *value) {
	uint8_t bytes[16] = { 0 };
	size_t digits = 0;
	for (size_t i = 0; i < value->length && digits < 32; i++) {
		int digit = hex_digit(value->bytes[i]);
		if (digit < 0) continue;
		size_t at = guid_order[digits / 2];
		bytes[at] = (uint8_t)(bytes[at] << 4 | digit);
		digits++;
	}
	tds_put(to, bytes, sizeof(bytes));
}

static void put_datetime(struct strbuf *to, const struct tds_type *type, const struct tds_moment *moment) {
	if (type->length == 4) {
		tds_put_u16(to, (uint16_t)(moment->days - TDS_DAYS_TO_1900));
		tds_put_u16(to, (uint16_t)(moment->ticks / ticks_per_minute));
		return;
	}
	int64_t days = moment->days - TDS_DAYS_TO_1900;
	int64_t units = (moment->ticks / DAY_TICKS_MS * 3 + 5) / 10;
	if (units >= THREE_HUNDREDTHS_PER_DAY) days++, units = 0;
	tds_put_u32(to, (uint32_t)(int32_t)days);
	tds_put_u32(to, (uint32_t)units);
}

static void put_ticks(struct strbuf *to, const struct tds_type *type, int64_t ticks) {
	for (int i = type->scale; i < 7; i++) ticks /= 10;
	tds_put_number(to, (uint64_t)ticks, time_size(type->scale));
}

static void put_moment(struct strbuf *to, const struct tds_type *type, const struct sim_value *value) {
	struct tds_moment moment;
	enum tds_family family = type->kind->family;
	tds_moment_parse(value->bytes, &moment);
	if (family == TDS_FAMILY_DATETIME) put_datetime(to, type, &moment);
	if (family == TDS_FAMILY_TIME || family == TDS_FAMILY_DATETIME2) put_ticks(to, type, moment.ticks);
	if (family == TDS_FAMILY_DATE || family == TDS_FAMILY_DATETIME2) tds_put_number(to, (uint64_t)moment.days, 3);
}

static void put_float(struct strbuf *to, const struct tds_type *type, double real) {
	float single = (float)real;
	if (type->length == sizeof(single)) tds_put(to, &single, sizeof(single));
	else tds_put(to, &real, sizeof(real));
}

static void put_small(struct strbuf *to, const struct tds_type *type, const struct sim_value *value) {
	switch (type->kind->family) {
	case TDS_FAMILY_INTEGER:
	case TDS_FAMILY_BIT: tds_put_number(to, (uint64_t)value->integer, type->length); break;
	case TDS_FAMILY_FLOAT: put_float(to, type, value->real); break;
	case TDS_FAMILY_MONEY: put_money(to, type, value); break;
	case TDS_FAMILY_GUID: put_guid(to, value); break;
	default: put_moment(to, type, value);
	}
}

/* Text, ntext and image: before the value of a row stand a text pointer and a timestamp, here of no meaning. */
static void put_long(struct strbuf *to, const uint8_t *bytes, size_t length, bool in_row) {
	static const uint8_t pointer[16 + 8] = { 'n', 'o', 'n', 'e' };
	if (in_row) tds_put_u8(to, 16);
	if (in_row) tds_put(to, pointer, sizeof(pointer));
	tds_put_u32(to, (uint32_t)length);
	tds_put(to, bytes, length);
}

static void put_string(struct strbuf *to, const struct tds_type *type, const void *bytes, size_t length, bool in_row) {
	if (type->kind->shape == TDS_SHAPE_LONG) {
		put_long(to, bytes, length, in_row);
	} else if (type->length == TDS_MAX_LENGTH) {
		tds_put_u64(to, length);
		if (length > 0) tds_put_u32(to, (uint32_t)length);
		tds_put(to, bytes, length);
		tds_put_u32(to, 0);
	} else {
		if (length > type->length) length = type->length;
		tds_put_u16(to, (uint16_t)length);
		tds_put(to, bytes, length);
	}
}

static void put_null(struct strbuf *to, const struct tds_type *type, bool in_row) {
	switch (type->kind->shape) {
	case TDS_SHAPE_FIXED:
		tds_put_number(to, 0, type->length);
		break; /* has none; nothing is sent so but what came so */
	case TDS_SHAPE_BYTE:
	case TDS_SHAPE_DATE:
	case TDS_SHAPE_SCALE: tds_put_u8(to, 0); break;
	case TDS_SHAPE_SHORT:
		if (type->length == TDS_MAX_LENGTH) tds_put_u64(to, UINT64_MAX);
		else tds_put_u16(to, UINT16_MAX);
		break;
	case TDS_SHAPE_LONG:
		if (in_row) tds_put_u8(to, 0);
		else tds_put_u32(to, UINT32_MAX);
	}
}

void tds_value_put(struct strbuf *to, const struct tds_type *type, const struct sim_value *value, bool in_row) {
	cleanup_strbuf struct strbuf encoded = { 0 };
	enum tds_family family = type->kind->family;
	if (value->kind == SIM_VALUE_NULL) {
		put_null(to, type, in_row);
	} else if (family == TDS_FAMILY_BINARY) {
		put_string(to, type, value->bytes, value->length, in_row);
	} else if (family == TDS_FAMILY_TEXT16 || family == TDS_FAMILY_TEXT8) {
		tds_text_encode(family == TDS_FAMILY_TEXT16 ? TDS_UTF16 : TDS_CP1252, value->bytes, value->length,
		                &encoded);
		put_string(to, type, encoded.data, encoded.length, in_row);
	} else if (family == TDS_FAMILY_DECIMAL) {
		put_decimal(to, type, value);
	} else {
		cleanup_strbuf struct strbuf small = { 0 };
		put_small(&small, type, value);
		if (type->kind->shape != TDS_SHAPE_FIXED) tds_put_u8(to, (uint8_t)small.length);
		tds_put(to, small.data, small.length);
	}
}
