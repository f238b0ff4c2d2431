/* iconv(3), as FreeTDS calls it: between UTF-8 and UTF-16LE without memory of its own.
 *
 * glibc keeps a buffer of 32 KiB for each direction of each conversion (iconv/gconv_open.c), and FreeTDS opens four of
 * them for every session (src/tds/iconv.c): with thousands of sessions that was more than everything else together.
 * This module defines iconv_open, iconv and iconv_close; in a program that links it they stand before libc's. Every
 * other pair of character sets goes to libc, when it is first needed: CP1252, which FreeTDS opens for varchar data, is
 * not as long as we ask for nvarchar. */
#ifndef AGKEEPER_SQL_CHARSET_H
#define AGKEEPER_SQL_CHARSET_H

/* Does nothing: who calls it has the module in the program. */
void sql_charset_link(void);

#endif
