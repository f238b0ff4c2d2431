#include "sqlserver/tds/type.h"

#include "base/memory.h"
#include "sqlserver/tds/text.h"

/* The numbers of [MS-TDS] 2.2.5.4; those below 0x28 without N are older clients' names for the same. */
static const struct tds_kind kinds[] = {
	{ 0x1F, TDS_SHAPE_FIXED, TDS_FAMILY_NULL, 0, false },
	{ 0x22, TDS_SHAPE_LONG, TDS_FAMILY_BINARY, 0, false },  /* image */
	{ 0x23, TDS_SHAPE_LONG, TDS_FAMILY_TEXT8, 0, false },   /* text */
	{ 0x24, TDS_SHAPE_BYTE, TDS_FAMILY_GUID, 16, false },   /* uniqueidentifier */
	{ 0x26, TDS_SHAPE_BYTE, TDS_FAMILY_INTEGER, 8, false }, /* tinyint … bigint, nullable */
	{ 0x28, TDS_SHAPE_DATE, TDS_FAMILY_DATE, 3, false },    /* date */
	{ 0x29, TDS_SHAPE_SCALE, TDS_FAMILY_TIME, 5, false },   /* time */
	{ 0x2A, TDS_SHAPE_SCALE, TDS_FAMILY_DATETIME2, 8, false },
	{ 0x30, TDS_SHAPE_FIXED, TDS_FAMILY_INTEGER, 1, false },  /* tinyint */
	{ 0x32, TDS_SHAPE_FIXED, TDS_FAMILY_BIT, 1, false },      /* bit */
	{ 0x34, TDS_SHAPE_FIXED, TDS_FAMILY_INTEGER, 2, false },  /* smallint */
	{ 0x38, TDS_SHAPE_FIXED, TDS_FAMILY_INTEGER, 4, false },  /* int */
	{ 0x3A, TDS_SHAPE_FIXED, TDS_FAMILY_DATETIME, 4, false }, /* smalldatetime */
	{ 0x3B, TDS_SHAPE_FIXED, TDS_FAMILY_FLOAT, 4, false },    /* real */
	{ 0x3C, TDS_SHAPE_FIXED, TDS_FAMILY_MONEY, 8, false },    /* money */
	{ 0x3D, TDS_SHAPE_FIXED, TDS_FAMILY_DATETIME, 8, false }, /* datetime */
	{ 0x3E, TDS_SHAPE_FIXED, TDS_FAMILY_FLOAT, 8, false },    /* float */
	{ 0x63, TDS_SHAPE_LONG, TDS_FAMILY_TEXT16, 0, false },    /* ntext */
	{ 0x68, TDS_SHAPE_BYTE, TDS_FAMILY_BIT, 1, false },
	{ 0x6A, TDS_SHAPE_BYTE, TDS_FAMILY_DECIMAL, 17, false }, /* decimal */
	{ 0x6C, TDS_SHAPE_BYTE, TDS_FAMILY_DECIMAL, 17, false }, /* numeric */
	{ 0x6D, TDS_SHAPE_BYTE, TDS_FAMILY_FLOAT, 8, false },
	{ 0x6E, TDS_SHAPE_BYTE, TDS_FAMILY_MONEY, 8, false },
	{ 0x6F, TDS_SHAPE_BYTE, TDS_FAMILY_DATETIME, 8, false },
	{ 0x7A, TDS_SHAPE_FIXED, TDS_FAMILY_MONEY, 4, false },   /* smallmoney */
	{ 0x7F, TDS_SHAPE_FIXED, TDS_FAMILY_INTEGER, 8, false }, /* bigint */
	{ 0xA5, TDS_SHAPE_SHORT, TDS_FAMILY_BINARY, 0, false },  /* varbinary */
	{ 0xA7, TDS_SHAPE_SHORT, TDS_FAMILY_TEXT8, 0, false },   /* varchar */
	{ 0xAD, TDS_SHAPE_SHORT, TDS_FAMILY_BINARY, 0, true },   /* binary */
	{ 0xAF, TDS_SHAPE_SHORT, TDS_FAMILY_TEXT8, 0, true },    /* char */
	{ 0xE7, TDS_SHAPE_SHORT, TDS_FAMILY_TEXT16, 0, false },  /* nvarchar */
	{ 0xEF, TDS_SHAPE_SHORT, TDS_FAMILY_TEXT16, 0, true },   /* nchar */
};

static const struct tds_kind *kind_of(uint8_t number) {
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].number == number) return &kinds[i];
	}
	return NULL;
}

static bool has_collation(const struct tds_kind *kind) {
	return kind->family == TDS_FAMILY_TEXT16 || kind->family == TDS_FAMILY_TEXT8;
}

enum { LONGEST_SHORT = 8000, LARGEST_PRECISION = 38, LARGEST_SCALE = 7 };

static bool byte_length_fits(const struct tds_type *type) {
	switch (type->kind->family) {
	case TDS_FAMILY_INTEGER:
		return type->length == 1 || type->length == 2 || type->length == 4 || type->length == 8;
	case TDS_FAMILY_FLOAT:
	case TDS_FAMILY_MONEY:
	case TDS_FAMILY_DATETIME: return type->length == 4 || type->length == 8;
	case TDS_FAMILY_DECIMAL:
		return type->length <= type->kind->size && type->precision >= 1 &&
		       type->precision <= LARGEST_PRECISION && type->scale <= type->precision;
	default: return type->length == type->kind->size;
	}
}

static bool read_details(struct tds_reader *reader, struct tds_type *type) {
	switch (type->kind->shape) {
	case TDS_SHAPE_FIXED:
	case TDS_SHAPE_DATE: type->length = type->kind->size; return true;
	case TDS_SHAPE_SCALE:
		type->length = type->kind->size;
		type->scale = tds_take_u8(reader);
		return type->scale <= LARGEST_SCALE;
	case TDS_SHAPE_BYTE:
		type->length = tds_take_u8(reader);
		if (type->kind->family == TDS_FAMILY_DECIMAL) {
			type->precision = tds_take_u8(reader);
			type->scale = tds_take_u8(reader);
		}
		return byte_length_fits(type);
	case TDS_SHAPE_SHORT: type->length = tds_take_u16(reader); break;
	case TDS_SHAPE_LONG: type->length = tds_take_u32(reader); break;
	}
	/* The client's collation is not looked at: the server has one, and nothing but varchar's code page hangs on it.
	 */
	if (has_collation(type->kind)) tds_take(reader, TDS_COLLATION_SIZE);
	return type->kind->shape == TDS_SHAPE_LONG || type->length <= LONGEST_SHORT ||
	       (type->length == TDS_MAX_LENGTH && !type->kind->is_fixed_width);
}

int tds_type_read(struct tds_reader *reader, struct tds_type *type, struct error **err) {
	uint8_t number = tds_take_u8(reader);
	*type = (struct tds_type){ .kind = kind_of(number) };
	if (type->kind == NULL) return error_set_code(err, ERROR_INVALID, number, "data type 0x%02X", number);
	if (!read_details(reader, type) || reader->failed)
		return error_set_code(err, ERROR_INVALID, number, "data type 0x%02X with an impossible length", number);
	return 0;
}

void tds_type_put(struct strbuf *to, const struct tds_type *type) {
	tds_put_u8(to, type->kind->number);
	switch (type->kind->shape) {
	case TDS_SHAPE_FIXED:
	case TDS_SHAPE_DATE: return;
	case TDS_SHAPE_SCALE: tds_put_u8(to, type->scale); return;
	case TDS_SHAPE_BYTE:
		tds_put_u8(to, (uint8_t)type->length);
		if (type->kind->family != TDS_FAMILY_DECIMAL) return;
		tds_put_u8(to, type->precision);
		tds_put_u8(to, type->scale);
		return;
	case TDS_SHAPE_SHORT: tds_put_u16(to, (uint16_t)type->length); break;
	case TDS_SHAPE_LONG: tds_put_u32(to, type->length); break;
	}
	if (has_collation(type->kind)) tds_put(to, tds_collation, TDS_COLLATION_SIZE);
}

/* How each type of a session is sent: always as the nullable one, which every value fits. */
static const struct {
	uint8_t number;
	uint8_t length;      /* 0: the type's own */
	uint8_t long_number; /* for (max) before TDS 7.2 */
	uint8_t text_length; /* before TDS 7.3 sent as nvarchar of so many characters, as SQL Server does */
} on_the_wire[] = {
	[SIM_BIT] = { 0x68, 1, 0, 0 },
	[SIM_TINYINT] = { 0x26, 1, 0, 0 },
	[SIM_SMALLINT] = { 0x26, 2, 0, 0 },
	[SIM_INT] = { 0x26, 4, 0, 0 },
	[SIM_BIGINT] = { 0x26, 8, 0, 0 },
	[SIM_DECIMAL] = { 0x6C, 17, 0, 0 },
	[SIM_REAL] = { 0x6D, 4, 0, 0 },
	[SIM_FLOAT] = { 0x6D, 8, 0, 0 },
	[SIM_CHAR] = { 0xAF, 0, 0, 0 },
	[SIM_VARCHAR] = { 0xA7, 0, 0x23, 0 },
	[SIM_NCHAR] = { 0xEF, 0, 0, 0 },
	[SIM_NVARCHAR] = { 0xE7, 0, 0x63, 0 },
	[SIM_BINARY] = { 0xAD, 0, 0, 0 },
	[SIM_VARBINARY] = { 0xA5, 0, 0x22, 0 },
	[SIM_UNIQUEIDENTIFIER] = { 0x24, 16, 0, 0 },
	[SIM_DATE] = { 0x28, 3, 0, 10 },
	[SIM_TIME] = { 0x29, 5, 0, 16 },
	[SIM_DATETIME] = { 0x6F, 8, 0, 0 },
	[SIM_DATETIME2] = { 0x2A, 8, 0, 27 },
};

static struct tds_type text_or_bytes(const struct sim_type_info *info, enum tds_version version) {
	struct tds_type type = { .kind = kind_of(on_the_wire[info->type].number) };
	size_t unit = type.kind->family == TDS_FAMILY_TEXT16 ? 2 : 1;
	if (info->length == SIM_MAX && version < TDS_7_2)
		return (struct tds_type){ .kind = kind_of(on_the_wire[info->type].long_number), .length = INT32_MAX };
	if (info->length == SIM_MAX) type.length = TDS_MAX_LENGTH;
	else type.length = info->length > 0 ? (uint32_t)((size_t)info->length * unit) : (uint32_t)unit;
	if (type.length != TDS_MAX_LENGTH && type.length > LONGEST_SHORT) type.length = LONGEST_SHORT;
	return type;
}

struct tds_type tds_type_for(const struct sim_type_info *info, enum tds_version version) {
	if (version < TDS_7_3A && on_the_wire[info->type].text_length != 0) {
		return tds_type_for(
		        &(struct sim_type_info){ .type = SIM_NVARCHAR, .length = on_the_wire[info->type].text_length },
		        version);
	}
	if (on_the_wire[info->type].length == 0) return text_or_bytes(info, version);
	struct tds_type type = { .kind = kind_of(on_the_wire[info->type].number),
		                 .length = on_the_wire[info->type].length };
	type.scale = (uint8_t)info->scale;
	if (info->type == SIM_DECIMAL) type.precision = (uint8_t)info->precision;
	return type;
}

static enum sim_type integer_of(uint32_t bytes) {
	return bytes == 1 ? SIM_TINYINT : bytes == 2 ? SIM_SMALLINT : bytes == 4 ? SIM_INT : SIM_BIGINT;
}

static struct sim_type_info sized(enum sim_type type, const struct tds_type *wire, int unit) {
	bool is_max = wire->kind->shape == TDS_SHAPE_LONG || wire->length == TDS_MAX_LENGTH;
	int length = wire->length == 0 ? 1 : (int)wire->length / unit;
	return (struct sim_type_info){ .type = type, .length = is_max ? SIM_MAX : length };
}

struct sim_type_info tds_type_info(const struct tds_type *type) {
	bool is_fixed_width = type->kind->is_fixed_width;
	switch (type->kind->family) {
	case TDS_FAMILY_INTEGER: return (struct sim_type_info){ .type = integer_of(type->length) };
	case TDS_FAMILY_BIT: return (struct sim_type_info){ .type = SIM_BIT };
	case TDS_FAMILY_FLOAT: return (struct sim_type_info){ .type = type->length == 4 ? SIM_REAL : SIM_FLOAT };
	/* Sessions have no money; these hold each of its values. */
	case TDS_FAMILY_MONEY:
		return (struct sim_type_info){ .type = SIM_DECIMAL,
			                       .precision = type->length == 4 ? 10 : 19,
			                       .scale = 4 };
	case TDS_FAMILY_DECIMAL:
		return (struct sim_type_info){ .type = SIM_DECIMAL,
			                       .precision = type->precision,
			                       .scale = type->scale };
	case TDS_FAMILY_GUID: return (struct sim_type_info){ .type = SIM_UNIQUEIDENTIFIER };
	case TDS_FAMILY_DATE: return (struct sim_type_info){ .type = SIM_DATE };
	case TDS_FAMILY_TIME: return (struct sim_type_info){ .type = SIM_TIME, .scale = type->scale };
	case TDS_FAMILY_DATETIME2: return (struct sim_type_info){ .type = SIM_DATETIME2, .scale = type->scale };
	case TDS_FAMILY_DATETIME: return (struct sim_type_info){ .type = SIM_DATETIME };
	case TDS_FAMILY_TEXT16: return sized(is_fixed_width ? SIM_NCHAR : SIM_NVARCHAR, type, 2);
	case TDS_FAMILY_TEXT8: return sized(is_fixed_width ? SIM_CHAR : SIM_VARCHAR, type, 1);
	case TDS_FAMILY_BINARY: return sized(is_fixed_width ? SIM_BINARY : SIM_VARBINARY, type, 1);
	case TDS_FAMILY_NULL: break;
	}
	return (struct sim_type_info){ .type = SIM_NVARCHAR, .length = 1 };
}
