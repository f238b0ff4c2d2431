#include "api/path.h"

#include "base/json.h"

void path_append(struct strbuf *text, const struct path *path) {
	if (path->up != NULL) path_append(text, path->up);
	switch (path->step) {
	case PATH_ROOT: strbuf_append(text, path->name); break;
	case PATH_MEMBER:
		if (text->length != 0) strbuf_append_char(text, '.');
		strbuf_append(text, path->name);
		break;
	case PATH_INDEX: strbuf_printf(text, "[%zu]", path->index); break;
	case PATH_KEY: strbuf_printf(text, "[%s]", path->name); break;
	}
}

void path_append_pointer(struct strbuf *pointer, const struct path *path) {
	if (path->up != NULL) path_append_pointer(pointer, path->up);
	switch (path->step) {
	case PATH_ROOT: strbuf_append(pointer, path->name); break;
	case PATH_INDEX: strbuf_printf(pointer, "/%zu", path->index); break;
	case PATH_MEMBER:
	case PATH_KEY: json_pointer_append(pointer, path->name); break;
	}
}
