/* The tokens that responses are made of ([MS-TDS] 2.2.7). Each function appends one. */
#ifndef TDS_TOKENS_H
#define TDS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sqlserver/session.h"
#include "sqlserver/tds/prelogin.h"
#include "sqlserver/tds/type.h"
#include "sqlserver/tds/version.h"

enum tds_token {
	TDS_TOKEN_RETURNSTATUS = 0x79,
	TDS_TOKEN_COLMETADATA = 0x81,
	TDS_TOKEN_ERROR = 0xAA,
	TDS_TOKEN_INFO = 0xAB,
	TDS_TOKEN_RETURNVALUE = 0xAC,
	TDS_TOKEN_LOGINACK = 0xAD,
	TDS_TOKEN_FEATUREEXTACK = 0xAE,
	TDS_TOKEN_ROW = 0xD1,
	TDS_TOKEN_NBCROW = 0xD2,
	TDS_TOKEN_ENVCHANGE = 0xE3,
	TDS_TOKEN_DONE = 0xFD,
	TDS_TOKEN_DONEPROC = 0xFE,
	TDS_TOKEN_DONEINPROC = 0xFF
};

enum tds_done_status { TDS_DONE_MORE = 0x01, TDS_DONE_ERROR = 0x02, TDS_DONE_COUNT = 0x10, TDS_DONE_ATTENTION = 0x20 };

enum tds_change {
	TDS_CHANGE_DATABASE = 1,
	TDS_CHANGE_LANGUAGE = 2,
	TDS_CHANGE_PACKET_SIZE = 4,
	TDS_CHANGE_COLLATION = 7,
	TDS_CHANGE_BEGUN = 8,
	TDS_CHANGE_COMMITTED = 9,
	TDS_CHANGE_ROLLED_BACK = 10,
	TDS_CHANGE_RESET = 18
};

void tds_put_login_ack(struct strbuf *to, uint32_t tds_version_number, struct tds_server_version version);
/* Features that were asked for and are refused have no entry, but for UTF8_SUPPORT, which says no. */
void tds_put_feature_ack(struct strbuf *to, bool asks_utf8);
void tds_put_change(struct strbuf *to, enum tds_change change, const char *value, const char *previous);
void tds_put_change_bytes(struct strbuf *to, enum tds_change change, const void *value, size_t length,
                          const void *previous, size_t previous_length);
void tds_put_message(struct strbuf *to, enum tds_version version, const struct sim_message *message);
void tds_put_columns(struct strbuf *to, enum tds_version version, const struct sim_column *columns,
                     const struct tds_type *types, size_t count);
/* A row, in the shorter form for those with NULLs where the client knows it. */
void tds_put_row(struct strbuf *to, enum tds_version version, const struct tds_type *types,
                 const struct sim_value *values, size_t count);
/* `rows` -1: no count. `after_rows` says that a result set has ended. */
void tds_put_done(struct strbuf *to, enum tds_version version, enum tds_token token, int status, bool after_rows,
                  int64_t rows);
void tds_put_return_status(struct strbuf *to, int status);
void tds_put_return_value(struct strbuf *to, enum tds_version version, size_t ordinal, const char *name,
                          const struct tds_type *type, const struct sim_value *value);

#endif
