/* Base64 (RFC 4648): certificates in kubeconfigs and webhook configurations, patches in reviews, tokens. */
#ifndef AGKEEPER_BASE_BASE64_H
#define AGKEEPER_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

/* Appends `length` bytes in the standard alphabet, padded. */
void base64_append(struct strbuf *buf, const void *bytes, size_t length);

/* Reads the standard or the URL-safe alphabet, padded or not, with white space anywhere between. The caller frees
 * *bytes, which gets a NUL behind its end; false (and *bytes NULL) when `text` is no base64. */
bool base64_decode(const char *text, size_t text_length, unsigned char **bytes, size_t *length);

#endif
