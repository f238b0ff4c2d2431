/* Data types as TYPE_INFO describes them ([MS-TDS] 2.2.5.4 to 2.2.5.6), and what they are in a session. */
#ifndef TDS_TYPE_H
#define TDS_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/version.h"

enum tds_family {
	TDS_FAMILY_NULL,
	TDS_FAMILY_INTEGER,
	TDS_FAMILY_BIT,
	TDS_FAMILY_FLOAT,
	TDS_FAMILY_MONEY,
	TDS_FAMILY_DECIMAL,
	TDS_FAMILY_GUID,
	TDS_FAMILY_DATE,
	TDS_FAMILY_TIME,
	TDS_FAMILY_DATETIME2,
	TDS_FAMILY_DATETIME,
	TDS_FAMILY_TEXT16,
	TDS_FAMILY_TEXT8,
	TDS_FAMILY_BINARY
};

/* What TYPE_INFO says behind the type's number, and what stands before each value. */
enum tds_shape {
	TDS_SHAPE_FIXED, /* nothing; values have no length */
	TDS_SHAPE_BYTE,  /* a length of one byte; values too */
	TDS_SHAPE_DATE,  /* nothing; values have a length of one byte */
	TDS_SHAPE_SCALE, /* a scale; values have a length of one byte */
	TDS_SHAPE_SHORT, /* a length of two bytes; values too, or come in chunks when it is (max) */
	TDS_SHAPE_LONG   /* a length of four bytes: text, ntext, image */
};

struct tds_kind {
	uint8_t number;
	enum tds_shape shape;
	enum tds_family family;
	uint8_t size;        /* in bytes, of fixed ones */
	bool is_fixed_width; /* char, nchar, binary */
};

enum { TDS_MAX_LENGTH = 0xFFFF }; /* of SHORT types: (max), values in chunks ("PLP") */

struct tds_type {
	const struct tds_kind *kind;
	uint32_t length; /* of values in bytes, at most */
	uint8_t precision, scale;
};

/* Fails with ERROR_INVALID for types that this server does not take (sql_variant, xml, CLR, table-valued,
 * datetimeoffset) and for lengths that their type cannot have; `code` is then the type's number. */
int tds_type_read(struct tds_reader *reader, struct tds_type *type, struct error **err);
void tds_type_put(struct strbuf *to, const struct tds_type *type);

/* How a session's type travels to a client of this version: older ones get what they know instead. */
struct tds_type tds_type_for(const struct sim_type_info *info, enum tds_version version);
/* What a parameter of this type is in the session. */
struct sim_type_info tds_type_info(const struct tds_type *type);

#endif
