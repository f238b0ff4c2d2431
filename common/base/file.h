/* Files read whole. */
#ifndef AGKEEPER_BASE_FILE_H
#define AGKEEPER_BASE_FILE_H

#include "base/error.h"
#include "base/strbuf.h"

/* A manifest, key or kubeconfig beyond this size is a mistake. */
enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

/* Appends the content of the file at `path` ("-" is standard input). ERROR_NOT_FOUND when there is none, ERROR_IO for
 * everything else that goes wrong. */
int file_read(const char *path, struct strbuf *text, struct error **err);

#endif
