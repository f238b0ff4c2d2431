#include "base/yaml.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "base/yaml_scalar.h"

/* A node count no manifest reaches; aliases that multiply (the "billion laughs") do. So do large texts and long paths
 * that are many times repeated: BYTES_MAX is for both together. */
enum { MAX_NODES = 200000, BYTES_MAX = 128 * 1024 * 1024 };

struct yaml_lines {
	struct arena arena;
	struct line {
		const char *path;
		size_t line;
	} * items;
	size_t count;
	size_t capacity;
};

static void lines_add(struct yaml_lines *lines, const char *path, size_t line) {
	if (lines->count == lines->capacity) {
		lines->capacity = lines->capacity != 0 ? lines->capacity * 2 : 64;
		lines->items = xreallocarray(lines->items, lines->capacity, sizeof(*lines->items));
	}
	lines->items[lines->count++] = (struct line){ arena_strdup(&lines->arena, path), line };
}

static void lines_free(struct yaml_lines *lines) {
	if (lines == NULL) return;
	arena_free(&lines->arena);
	free(lines->items);
	free(lines);
}

static bool is_index(const char *text, size_t length) {
	return length != 0 && strspn(text, "0123456789") >= length;
}

/* Lines are kept as a.b for every member, while the key of a map is written a[b]. */
static void write_keys_as_members(char *path) {
	char *to = path;
	for (const char *from = path; *from != '\0';) {
		const char *end = *from == '[' ? strchr(from, ']') : NULL;
		if (end == NULL || is_index(from + 1, (size_t)(end - from) - 1)) {
			*to++ = *from++;
			continue;
		}
		size_t length = (size_t)(end - from) - 1;
		*to++ = '.';
		memmove(to, from + 1, length);
		to += length;
		from = end + 1;
	}
	*to = '\0';
}

size_t yaml_line_of(const struct yaml_document *document, const char *path) {
	cleanup_free char *at = xstrdup(path);
	write_keys_as_members(at);
	for (;;) {
		for (size_t i = 0; i < document->lines->count; i++) {
			if (strcmp(document->lines->items[i].path, at) == 0) return document->lines->items[i].line;
		}
		char *dot = strrchr(at, '.');
		char *bracket = strrchr(at, '[');
		char *cut = dot > bracket ? dot : bracket;
		if (cut == NULL) return document->line;
		*cut = '\0';
	}
}

struct reader {
	yaml_document_t *document;
	struct yaml_lines *lines;
	struct strbuf path;
	size_t nodes;
	size_t bytes; /* of texts and paths */
	size_t depth;
	struct error **err;
};

static int read_node(struct reader *reader, yaml_node_t *node, struct json_object **json);

static size_t line_of(const yaml_node_t *node) {
	return node->start_mark.line + 1;
}

static int count_bytes(struct reader *reader, const yaml_node_t *node, size_t bytes) {
	reader->bytes += bytes;
	if (reader->bytes <= BYTES_MAX) return 0;
	return error_set(reader->err, ERROR_INVALID, "line %zu: the document is too large (aliases count each time)",
	                 line_of(node));
}

/* Notes where the node at the reader's path stands. */
static int keep_line(struct reader *reader, const yaml_node_t *node) {
	if (count_bytes(reader, node, reader->path.length) < 0) return -1;
	lines_add(reader->lines, reader->path.data, line_of(node));
	return 0;
}

/* Whether the scalar is what its text looks like: it is plain, or tagged as something else than text. libyaml gives a
 * plain scalar without a tag the tag of text, so that "!!str 123" cannot be told from "123". */
static bool is_resolved(const yaml_node_t *node) {
	static const char *const tags[] = { YAML_INT_TAG, YAML_FLOAT_TAG, YAML_BOOL_TAG, YAML_NULL_TAG, NULL };
	const char *tag = (const char *)node->tag;
	if (strcmp(tag, YAML_STR_TAG) == 0) return node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	return yaml_is_one_of(tag, tags);
}

static int read_scalar(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	const char *text = (const char *)node->data.scalar.value;
	size_t length = node->data.scalar.length;
	bool is_string = true;
	*json = NULL;
	if (count_bytes(reader, node, length) < 0) return -1;
	if (strlen(text) != length) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: a NUL character in text", line_of(node));
	}
	if (is_resolved(node)) {
		if (yaml_is_not_finite(text)) {
			return error_set(reader->err, ERROR_INVALID, "line %zu: %s is no number that JSON can hold",
			                 line_of(node), text);
		}
		*json = yaml_resolve_plain(text, &is_string);
		if (is_string && strcmp((const char *)node->tag, YAML_STR_TAG) != 0) {
			return error_set(reader->err, ERROR_INVALID, "line %zu: \"%s\" is not what its tag says",
			                 line_of(node), text);
		}
	}
	if (is_string) *json = json_object_new_string_len(text, (int)length);
	return 0;
}

static int read_sequence(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	cleanup_json struct json_object *array = json_object_new_array();
	size_t length = reader->path.length;
	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		strbuf_printf(&reader->path, "[%td]", item - node->data.sequence.items.start);
		struct json_object *element = NULL;
		if (read_node(reader, yaml_document_get_node(reader->document, *item), &element) < 0) return -1;
		json_object_array_add(array, element);
		reader->path.length = length;
		reader->path.data[length] = '\0';
	}
	*json = take(&array);
	return 0;
}

/* "<<: *anchor" or "<<: [*a, *b]": members that the mapping itself does not have. */
static int merge_into(struct reader *reader, struct json_object *object, struct json_object *source, size_t line) {
	if (json_object_is_type(source, json_type_array)) {
		size_t count = json_object_array_length(source);
		for (size_t i = 0; i < count; i++) {
			if (merge_into(reader, object, json_object_array_get_idx(source, i), line) < 0) return -1;
		}
		return 0;
	}
	if (!json_object_is_type(source, json_type_object)) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: the value of << must be a mapping", line);
	}
	json_object_object_foreach(source, key, value) {
		if (!json_object_object_get_ex(object, key, NULL)) json_set(object, key, json_object_get(value));
	}
	return 0;
}

/* The key as text, as sigs.k8s.io/yaml has it: numbers and booleans in their usual form. The caller owns it. */
static int read_key(struct reader *reader, yaml_node_t *key, char **name) {
	if (key->type != YAML_SCALAR_NODE) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: a key must be a scalar", line_of(key));
	}
	cleanup_json struct json_object *json = NULL;
	if (read_scalar(reader, key, &json) < 0) return -1;
	if (json == NULL)
		return error_set(reader->err, ERROR_INVALID, "line %zu: a key must not be null", line_of(key));
	*name = json_object_is_type(json, json_type_string) ? xstrdup(json_object_get_string(json))
	                                                    : json_to_text(json);
	return 0;
}

static int read_mapping(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	cleanup_json struct json_object *object = json_object_new_object();
	cleanup_json struct json_object *merged = NULL;
	size_t merge_line = 0;
	size_t length = reader->path.length;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
		cleanup_free char *name = NULL;
		if (read_key(reader, key, &name) < 0 || name == NULL) return -1;
		if (json_object_object_get_ex(object, name, NULL)) {
			return error_set(reader->err, ERROR_INVALID,
			                 "line %zu: the key \"%s\" stands twice in one mapping", line_of(key), name);
		}
		bool is_merge = strcmp(name, "<<") == 0 && key->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
		if (is_merge && merged != NULL) {
			return error_set(reader->err, ERROR_INVALID,
			                 "line %zu: the key \"<<\" stands twice in one mapping", line_of(key));
		}
		if (length != 0) strbuf_append_char(&reader->path, '.');
		strbuf_append(&reader->path, name);
		if (!is_merge && keep_line(reader, key) < 0) return -1;
		struct json_object *member = NULL;
		if (read_node(reader, value, &member) < 0) return -1;
		if (is_merge) {
			merged = member;
			merge_line = line_of(key);
		} else {
			json_set(object, name, member);
		}
		reader->path.length = length;
		reader->path.data[length] = '\0';
	}
	if (merged != NULL && merge_into(reader, object, merged, merge_line) < 0) return -1;
	*json = take(&object);
	return 0;
}

static int read_node(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	if (++reader->nodes > MAX_NODES) {
		return error_set(reader->err, ERROR_INVALID,
		                 "line %zu: the document is too large (aliases count each time)", line_of(node));
	}
	if (reader->depth >= JSON_MAX_DEPTH && node->type != YAML_SCALAR_NODE) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: nested deeper than %d levels", line_of(node),
		                 JSON_MAX_DEPTH);
	}
	if (reader->path.length != 0 && reader->path.data[reader->path.length - 1] == ']') {
		if (keep_line(reader, node) < 0) return -1;
	}
	reader->depth++;
	int result = 0;
	switch (node->type) {
	case YAML_SCALAR_NODE: result = read_scalar(reader, node, json); break;
	case YAML_SEQUENCE_NODE: result = read_sequence(reader, node, json); break;
	case YAML_MAPPING_NODE: result = read_mapping(reader, node, json); break;
	case YAML_NO_NODE: *json = NULL; break;
	}
	reader->depth--;
	return result;
}

static int read_document(yaml_document_t *source, yaml_node_t *root, struct yaml_document *document,
                         struct error **err) {
	document->lines = xcalloc(1, sizeof(*document->lines));
	document->line = line_of(root);
	struct reader reader = { .document = source, .lines = document->lines, .err = err };
	int result = read_node(&reader, root, &document->json);
	strbuf_free(&reader.path);
	return result;
}

int yaml_parse(const char *text, size_t length, struct yaml_stream *stream, struct error **err) {
	*stream = (struct yaml_stream){ 0 };
	static const char byte_order_mark[] = "\xEF\xBB\xBF";
	if (length >= 3 && memcmp(text, byte_order_mark, 3) == 0) {
		text += 3;
		length -= 3;
	}
	if (length == 0) return 0;
	for (size_t i = 0, line = 1; i < length;) {
		size_t width = utf8_char_length(text + i, length - i);
		if (width == 0) return error_set(err, ERROR_INVALID, "line %zu: bytes that are not UTF-8", line);
		line += text[i] == '\n';
		i += width;
	}
	yaml_parser_t parser;
	if (!yaml_parser_initialize(&parser)) return error_set(err, ERROR_INTERNAL, "out of memory");
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	int result = 0;
	while (result == 0) {
		yaml_document_t source;
		if (!yaml_parser_load(&parser, &source)) {
			result = error_set(err, ERROR_INVALID, "line %zu: %s", parser.problem_mark.line + 1,
			                   parser.problem != NULL ? parser.problem : "not YAML");
			break;
		}
		yaml_node_t *root = yaml_document_get_root_node(&source);
		if (root == NULL) {
			yaml_document_delete(&source);
			break;
		}
		stream->documents = xreallocarray(stream->documents, stream->count + 1, sizeof(*stream->documents));
		struct yaml_document *document = &stream->documents[stream->count++];
		*document = (struct yaml_document){ 0 };
		result = read_document(&source, root, document, err);
		yaml_document_delete(&source);
	}
	yaml_parser_delete(&parser);
	if (result < 0) yaml_stream_free(stream);
	return result;
}

void yaml_stream_free(struct yaml_stream *stream) {
	for (size_t i = 0; i < stream->count; i++) {
		json_object_put(stream->documents[i].json);
		lines_free(stream->documents[i].lines);
	}
	free(stream->documents);
	*stream = (struct yaml_stream){ 0 };
}
