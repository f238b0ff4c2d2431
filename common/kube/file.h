/* Reading the small files that connection settings live in. */
#ifndef AGKEEPER_KUBE_FILE_H
#define AGKEEPER_KUBE_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Appends the whole file; one of more than `limit` bytes is ERROR_INVALID. */
int file_read(const char *path, size_t limit, struct strbuf *content, struct error **err);

/* The same as text without the white space around it, as tokens and names are kept in files. The caller frees *text. */
int file_read_word(const char *path, char **text, struct error **err);

#endif
