/* A watch stream of anybody, cut into pieces anywhere: the lines are the same however it is cut, and each is an event
 * or an error. The first byte says how long the pieces are. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "kube/lines.h"
#include "kube/object.h"
#include "kube/watch_event.h"

enum { LONGEST_LINE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool join(void *context, const char *text, size_t length) {
	struct strbuf *joined = context;
	if (length == 0 || text[length] != '\0' || memchr(text, '\n', length) != NULL) abort();
	strbuf_append_n(joined, text, length);
	strbuf_append_char(joined, '\n');
	return true;
}

static bool read_event(void *context, const char *text, size_t length) {
	(void)context;
	struct watch_event event;
	cleanup_error struct error *err = NULL;
	if (watch_event_parse(text, length, &event, &err) < 0) {
		if (err == NULL || event.object != NULL) abort();
		return true;
	}
	if (event.resource_version[0] == '\0') abort();
	kube_object_unref(kube_object_new(event.object));
	return true;
}

static bool feed_in_pieces(struct lines *lines, const char *text, size_t size, size_t piece, struct strbuf *joined) {
	for (size_t at = 0; at < size; at += piece) {
		size_t length = size - at < piece ? size - at : piece;
		if (!lines_feed(lines, text + at, length, join, joined)) return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	if (size < 1) return 0;
	const char *text = (const char *)data + 1;
	struct lines whole = { .longest = LONGEST_LINE };
	struct lines cut = { .longest = LONGEST_LINE };
	cleanup_strbuf struct strbuf from_whole = { 0 };
	cleanup_strbuf struct strbuf from_cut = { 0 };
	bool all = lines_feed(&whole, text, size - 1, join, &from_whole);
	if (feed_in_pieces(&cut, text, size - 1, 1U + data[0], &from_cut) != all) abort();
	if (strcmp(strbuf_text(&from_whole), strbuf_text(&from_cut)) != 0 && memchr(text, '\0', size - 1) == NULL)
		abort();
	if (whole.too_long == all || whole.half.length > LONGEST_LINE) abort();
	lines_reset(&whole);
	lines_feed(&whole, text, size - 1, read_event, NULL);
	lines_free(&whole);
	lines_free(&cut);
	return 0;
}
