/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#ifndef AGKEEPER_BASE_UTF8_H
#define AGKEEPER_BASE_UTF8_H

#include <stddef.h>

/* The length (1 … 4) of the well-formed character at the start of the `length` bytes at `bytes`; 0 when there is none.
 */
size_t utf8_char_length(const char *bytes, size_t length);

#endif
