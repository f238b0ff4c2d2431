/* Files read whole. */
#ifndef AGKEEPER_BASE_FILE_H
#define AGKEEPER_BASE_FILE_H

#include "base/error.h"
#include "base/strbuf.h"

/* Appends the content of the file at `path` ("-" is standard input). ERROR_NOT_FOUND when there is none, ERROR_INVALID
 * when it has more than `limit` bytes, ERROR_IO for everything else that goes wrong. */
int file_read(const char *path, size_t limit, struct strbuf *content, struct error **err);

/* The same as text without the white space around it, as tokens and names are kept in files. The caller frees *text. */
int file_read_word(const char *path, char **text, struct error **err);

#endif
