/* Text on the wire: n[var]char in UTF-16 little-endian (MS-TDS calls it UCS-2; characters beyond it come as surrogate
 * pairs), [var]char in the code page of the server's collation. Inside, everything is UTF-8. */
#ifndef TDS_TEXT_H
#define TDS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/strbuf.h"
#include "sqlserver/tds/bytes.h"

enum tds_encoding { TDS_UTF16, TDS_CP1252 };

/* SQL_Latin1_General_CP1_CI_AS, the default of SQL Server on Linux, as the five bytes that follow character types:
 * locale 1033, ignoring case, kana and width; sort order 52; code page 1252. */
enum { TDS_COLLATION_SIZE = 5 };
extern const uint8_t tds_collation[TDS_COLLATION_SIZE];

/* Appends `bytes` as UTF-8. What is not well-formed (half a surrogate pair, an odd byte at the end) becomes U+FFFD. */
void tds_text_decode(enum tds_encoding encoding, const void *bytes, size_t length, struct strbuf *utf8);
/* Appends UTF-8 as the wire has it. What has no character there becomes '?', as SQL Server converts. */
void tds_text_encode(enum tds_encoding encoding, const char *utf8, size_t length, struct strbuf *bytes);

/* `units` UTF-16 units as UTF-8; "" when there are not so many. The caller frees it. */
char *tds_take_text(struct tds_reader *reader, size_t units);

/* B_VARCHAR and US_VARCHAR: the length in units in one or two bytes, then UTF-16. What is longer than the length can
 * say is cut. NULL counts as "". */
void tds_put_b_text(struct strbuf *to, const char *utf8);
void tds_put_us_text(struct strbuf *to, const char *utf8);

#endif
