#include "kube/lines.h"

#include <string.h>

/* Room that is kept between lines; more than that is given back, so that one huge object does not stay in memory. */
enum { KEPT = 64 * 1024 };

static void empty(struct lines *lines) {
	if (lines->half.capacity > KEPT) strbuf_free(&lines->half);
	else strbuf_reset(&lines->half);
}

bool lines_feed(struct lines *lines, const char *bytes, size_t length,
                bool (*line)(void *context, const char *text, size_t length), void *context) {
	while (length > 0) {
		const char *newline = memchr(bytes, '\n', length);
		size_t piece = newline != NULL ? (size_t)(newline - bytes) : length;
		if (piece > lines->longest - lines->half.length) {
			lines->too_long = true;
			return false;
		}
		strbuf_append_n(&lines->half, bytes, piece);
		if (newline == NULL) return true;
		bytes += piece + 1;
		length -= piece + 1;
		if (lines->half.length == 0) continue;
		bool more = line(context, lines->half.data, lines->half.length);
		empty(lines);
		if (!more) return false;
	}
	return true;
}

void lines_reset(struct lines *lines) {
	empty(lines);
	lines->too_long = false;
}

void lines_free(struct lines *lines) {
	strbuf_free(&lines->half);
}
