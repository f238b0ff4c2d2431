/* Values as rows and parameters have them ([MS-TDS] 2.2.5.2 and 2.2.7.19), from and to those of sessions. */
#ifndef TDS_VALUE_H
#define TDS_VALUE_H

#include "base/error.h"
#include "base/strbuf.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/bytes.h"
#include "sqlserver/tds/type.h"

/* Reads a parameter's value. What does not fit into `value` itself is put into `buffer`, on which value->bytes then
 * points: give each value an empty one of its own. Fails with ERROR_INVALID on what the type cannot have. */
int tds_value_read(struct tds_reader *reader, const struct tds_type *type, struct sim_value *value,
                   struct strbuf *buffer, struct error **err);

/* A value as rows have it; also in RETURNVALUE, but for text, ntext and image, which `in_row` sets apart: in rows they
 * bring a text pointer along. */
void tds_value_put(struct strbuf *to, const struct tds_type *type, const struct sim_value *value, bool in_row);

#endif
