/* decimal and numeric: a sign and a whole number of up to 38 digits, of which the last `scale` stand behind the point.
 */
#ifndef TDS_DECIMAL_H
#define TDS_DECIMAL_H

#include <stdbool.h>

#include "base/strbuf.h"

/* "-12.50" with scale 2 is negative and 1250. Digits behind the scale are dropped, missing ones are zeros. False when
 * `text` is no decimal number or has more than 38 digits; the value is then 0. */
bool tds_decimal_parse(const char *text, int scale, bool *is_negative, unsigned __int128 *magnitude);

void tds_decimal_print(struct strbuf *to, bool is_negative, unsigned __int128 magnitude, int scale);

/* Whether it has no more than `precision` (1 … 38) digits. */
bool tds_decimal_fits(unsigned __int128 magnitude, int precision);

#endif
