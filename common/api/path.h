/* Where a value stands in an object, as a chain on the call stack: it costs nothing until somebody prints it. */
#ifndef AGKEEPER_API_PATH_H
#define AGKEEPER_API_PATH_H

#include <stddef.h>

#include "base/strbuf.h"

struct path {
	const struct path *up;
	enum { PATH_ROOT, PATH_MEMBER, PATH_INDEX, PATH_KEY } step;
	const char *name; /* the root's own text, a member's name or a map's key */
	size_t index;
};

#define path_root(text)      ((struct path){ NULL, PATH_ROOT, (text), 0 })
#define path_member(up, key) ((struct path){ (up), PATH_MEMBER, (key), 0 })
#define path_index(up, i)    ((struct path){ (up), PATH_INDEX, NULL, (i) })
#define path_key(up, key)    ((struct path){ (up), PATH_KEY, (key), 0 })

/* As field.Path of k8s.io/apimachinery prints it: spec.replicas[0].name, spec.mssqlConf[memory.limit]. */
void path_append(struct strbuf *text, const struct path *path);
/* As a JSON Pointer (RFC 6901); the root's text is the pointer it starts from. */
void path_append_pointer(struct strbuf *pointer, const struct path *path);

#endif
