/* YAML in and out (libyaml), as json-c trees: what people keep their manifests in. */
#ifndef AGKEEPER_BASE_YAML_H
#define AGKEEPER_BASE_YAML_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Where each node of a document stands, by its path as Kubernetes writes it ("spec.replicas[0].name"). */
struct yaml_lines;

struct yaml_document {
	struct json_object *json; /* NULL for an empty document */
	struct yaml_lines *lines;
	size_t line; /* of the document's first content, from 1 */
};
struct yaml_stream {
	struct yaml_document *documents;
	size_t count;
};

/* Reads every document of `text` (JSON is YAML too). Plain scalars mean what kubectl takes them for (YAML 1.1: yes, on
 * and y are booleans too, 0644 is octal); whatever is quoted is a string. Merge keys (<<) are resolved. ERROR_INVALID
 * names the line: bad syntax, the same key twice, a key that is null or no scalar, aliases that blow the document up,
 * nesting beyond JSON_MAX_DEPTH, .inf and .nan, bytes that are not UTF-8. Free with yaml_stream_free. */
int yaml_parse(const char *text, size_t length, struct yaml_stream *stream, struct error **err);
void yaml_stream_free(struct yaml_stream *stream);
#define cleanup_yaml_stream __attribute__((cleanup(yaml_stream_free)))

/* The line (from 1) of the node at `path` as findings have it (a.b[0].c, a.map[its.key]), or of the nearest node above
 * it that is there. */
size_t yaml_line_of(const struct yaml_document *document, const char *path);

/* Appends `json` as one block-style YAML document, ending in a newline. Strings that would read back as something else
 * are quoted. */
int yaml_append(struct strbuf *buf, const struct json_object *json, struct error **err);

#endif
