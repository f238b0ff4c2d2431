/* Cuts a stream that comes in pieces of any size into lines. */
#ifndef AGKEEPER_KUBE_LINES_H
#define AGKEEPER_KUBE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/strbuf.h"

struct lines {
	struct strbuf half; /* the line that has begun and not ended yet */
	size_t longest;     /* bytes a line may have */
	bool too_long;      /* one had more: the stream is of no use any more */
};

/* Calls `line` for each line that `bytes` completes (without its newline, NUL-terminated, not empty). Stops and returns
 * false when `line` does, or when a line is too long. */
bool lines_feed(struct lines *lines, const char *bytes, size_t length,
                bool (*line)(void *context, const char *text, size_t length), void *context);

/* For a new stream: forgets the half line, and the memory of an unusually long one. */
void lines_reset(struct lines *lines);
void lines_free(struct lines *lines);

#endif
