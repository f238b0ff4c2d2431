#include "base/yaml.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"

/* A node count no manifest reaches; aliases that multiply (the "billion laughs") do. */
enum { MAX_NODES = 200000 };

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

size_t yaml_line_of(const struct yaml_document *document, const char *path) {
	cleanup_free char *at = xstrdup(path);
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

/* ---- Scalars: what a plain one means, as kubectl reads it (sigs.k8s.io/yaml, which follows YAML 1.1) ---- */

static bool is_one_of(const char *text, const char *const *words) {
	for (; *words != NULL; words++) {
		if (strcmp(text, *words) == 0) return true;
	}
	return false;
}

static const char *const words_null[] = { "", "~", "null", "Null", "NULL", NULL };
static const char *const words_true[] = {
	"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON", NULL
};
static const char *const words_false[] = { "n",     "N",     "no",  "No",  "NO",  "false",
	                                   "False", "FALSE", "off", "Off", "OFF", NULL };

/* An integer in any of YAML 1.1's bases, underscores allowed; NULL when `text` is none. */
static struct json_object *resolve_integer(const char *text) {
	char digits[80];
	size_t length = 0;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '_') continue;
		if (length == sizeof(digits) - 1) return NULL;
		digits[length++] = *p;
	}
	digits[length] = '\0';
	const char *number = digits + (digits[0] == '-' || digits[0] == '+');
	int base = 10;
	size_t prefix = 0;
	if (number[0] == '0' && number[1] != '\0') {
		base = number[1] == 'x' ? 16 : number[1] == 'b' ? 2 : 8;
		prefix = number[1] == 'x' || number[1] == 'b' || number[1] == 'o' ? 2 : 1;
	}
	static const char valid[] = "0123456789abcdefABCDEF";
	const char *body = number + prefix;
	if (*body == '\0' || strspn(body, valid) != strlen(body)) return NULL;
	char *end;
	errno = 0;
	unsigned long long value = strtoull(body, &end, base);
	if (*end != '\0' || errno != 0) return NULL;
	if (digits[0] == '-') {
		if (value > (unsigned long long)INT64_MAX) return NULL;
		return json_object_new_int64(-(int64_t)value);
	}
	return value > (unsigned long long)INT64_MAX ? json_object_new_uint64(value)
	                                             : json_object_new_int64((int64_t)value);
}

/* A decimal fraction or one with an exponent; NULL when `text` is none. */
static struct json_object *resolve_float(const char *text) {
	const char *p = text + (*text == '-' || *text == '+');
	size_t whole = strspn(p, "0123456789");
	const char *rest = p + whole;
	size_t fraction = 0;
	if (*rest == '.') {
		fraction = strspn(rest + 1, "0123456789");
		rest += 1 + fraction;
	}
	if (whole + fraction == 0) return NULL;
	if (*rest == 'e' || *rest == 'E') {
		rest += 1 + (rest[1] == '-' || rest[1] == '+');
		size_t exponent = strspn(rest, "0123456789");
		if (exponent == 0) return NULL;
		rest += exponent;
	}
	if (*rest != '\0') return NULL;
	double value = strtod(text, NULL);
	return isfinite(value) ? json_object_new_double(value) : NULL;
}

/* What the plain scalar `text` is; *is_string says that it is only text (and the result is NULL). */
static struct json_object *resolve_plain(const char *text, bool *is_string) {
	*is_string = false;
	if (is_one_of(text, words_null)) return NULL;
	if (is_one_of(text, words_true)) return json_object_new_boolean(true);
	if (is_one_of(text, words_false)) return json_object_new_boolean(false);
	if (strchr("+-.0123456789", text[0]) != NULL) {
		struct json_object *number = resolve_integer(text);
		if (number == NULL) number = resolve_float(text);
		if (number != NULL) return number;
	}
	*is_string = true;
	return NULL;
}

/* ---- Reading ---- */

struct reader {
	yaml_document_t *document;
	struct yaml_lines *lines;
	struct strbuf path;
	size_t nodes;
	size_t depth;
	struct error **err;
};

static int read_node(struct reader *reader, yaml_node_t *node, struct json_object **json);

static size_t line_of(const yaml_node_t *node) {
	return node->start_mark.line + 1;
}

static int read_scalar(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	const char *text = (const char *)node->data.scalar.value;
	size_t length = node->data.scalar.length;
	bool is_string = true;
	*json = NULL;
	if (strlen(text) != length) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: a NUL character in text", line_of(node));
	}
	/* libyaml gives a scalar without a tag of its own the string tag: only the style tells plain from quoted. */
	bool is_untagged = strcmp((const char *)node->tag, YAML_STR_TAG) == 0;
	if (is_untagged && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) *json = resolve_plain(text, &is_string);
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

static int read_mapping(struct reader *reader, yaml_node_t *node, struct json_object **json) {
	cleanup_json struct json_object *object = json_object_new_object();
	cleanup_json struct json_object *merged = NULL;
	size_t merge_line = 0;
	size_t length = reader->path.length;
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		yaml_node_t *key = yaml_document_get_node(reader->document, pair->key);
		yaml_node_t *value = yaml_document_get_node(reader->document, pair->value);
		if (key->type != YAML_SCALAR_NODE) {
			return error_set(reader->err, ERROR_INVALID, "line %zu: a key must be a scalar", line_of(key));
		}
		const char *name = (const char *)key->data.scalar.value;
		if (strlen(name) != key->data.scalar.length) {
			return error_set(reader->err, ERROR_INVALID, "line %zu: a NUL character in a key",
			                 line_of(key));
		}
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
		if (!is_merge) lines_add(reader->lines, reader->path.data, line_of(key));
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
	if (reader->depth >= JSON_MAX_DEPTH) {
		return error_set(reader->err, ERROR_INVALID, "line %zu: nested deeper than %d levels", line_of(node),
		                 JSON_MAX_DEPTH);
	}
	if (reader->path.length != 0 && reader->path.data[reader->path.length - 1] == ']') {
		lines_add(reader->lines, reader->path.data, line_of(node));
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

/* ---- Writing ---- */

static int write_bytes(void *context, unsigned char *bytes, size_t size) {
	strbuf_append_n(context, (const char *)bytes, size);
	return 1;
}

static int emit(yaml_emitter_t *emitter, yaml_event_t *event, int initialized) {
	return initialized && yaml_emitter_emit(emitter, event) ? 0 : -1;
}

static int emit_scalar(yaml_emitter_t *emitter, const char *text, size_t length, yaml_scalar_style_t style) {
	yaml_event_t event;
	return emit(emitter, &event,
	            yaml_scalar_event_initialize(&event, NULL, NULL, (const unsigned char *)text, (int)length, 1, 1,
	                                         style));
}

static int emit_string(yaml_emitter_t *emitter, const char *text, size_t length) {
	bool is_string = false;
	json_object_put(resolve_plain(text, &is_string));
	yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;
	if (!is_string || strcmp(text, "<<") == 0 || strcmp(text, "=") == 0) style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	else if (memchr(text, '\n', length) != NULL) style = YAML_LITERAL_SCALAR_STYLE;
	return emit_scalar(emitter, text, length, style);
}

static int emit_node(yaml_emitter_t *emitter, const struct json_object *json) {
	yaml_event_t event;
	switch (json_object_get_type(json)) {
	case json_type_string:
		return emit_string(emitter, json_object_get_string((struct json_object *)json),
		                   (size_t)json_object_get_string_len(json));
	case json_type_object: {
		yaml_mapping_style_t style =
		        json_object_object_length(json) == 0 ? YAML_FLOW_MAPPING_STYLE : YAML_BLOCK_MAPPING_STYLE;
		if (emit(emitter, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, style)) < 0)
			return -1;
		json_object_object_foreach((struct json_object *)json, key, value) {
			if (emit_string(emitter, key, strlen(key)) < 0 || emit_node(emitter, value) < 0) return -1;
		}
		return emit(emitter, &event, yaml_mapping_end_event_initialize(&event));
	}
	case json_type_array: {
		size_t length = json_object_array_length(json);
		yaml_sequence_style_t style = length == 0 ? YAML_FLOW_SEQUENCE_STYLE : YAML_BLOCK_SEQUENCE_STYLE;
		if (emit(emitter, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, style)) < 0)
			return -1;
		for (size_t i = 0; i < length; i++) {
			if (emit_node(emitter, json_object_array_get_idx(json, i)) < 0) return -1;
		}
		return emit(emitter, &event, yaml_sequence_end_event_initialize(&event));
	}
	default: {
		cleanup_free char *text = json_to_text(json);
		return emit_scalar(emitter, text, strlen(text), YAML_PLAIN_SCALAR_STYLE);
	}
	}
}

int yaml_append(struct strbuf *buf, const struct json_object *json, struct error **err) {
	yaml_emitter_t emitter;
	yaml_event_t event;
	if (!yaml_emitter_initialize(&emitter)) return error_set(err, ERROR_INTERNAL, "out of memory");
	yaml_emitter_set_output(&emitter, write_bytes, buf);
	yaml_emitter_set_unicode(&emitter, 1);
	yaml_emitter_set_indent(&emitter, 2);
	yaml_emitter_set_width(&emitter, -1);
	int result = 0;
	if (emit(&emitter, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) < 0 ||
	    emit(&emitter, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) < 0 ||
	    emit_node(&emitter, json) < 0 ||
	    emit(&emitter, &event, yaml_document_end_event_initialize(&event, 1)) < 0 ||
	    emit(&emitter, &event, yaml_stream_end_event_initialize(&event)) < 0) {
		result = error_set(err, ERROR_INTERNAL, "cannot write YAML: %s",
		                   emitter.problem != NULL ? emitter.problem : "out of memory");
	}
	yaml_emitter_delete(&emitter);
	if (result == 0 && buf->data[buf->length - 1] != '\n') strbuf_append_char(buf, '\n');
	return result;
}
