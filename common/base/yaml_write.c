/* YAML out: see yaml.h. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "base/yaml_scalar.h"

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

/* Whether some reader, of YAML 1.1 or 1.2, could take the plain text for something else: numbers of any base, dates and
 * times (12:30 is 750 in YAML 1.1) are all that is made of these characters alone. */
static bool looks_special(const char *text) {
	bool is_string = false;
	json_object_put(yaml_resolve_plain(text, &is_string));
	if (!is_string || strcmp(text, "<<") == 0 || strcmp(text, "=") == 0) return true;
	if (yaml_is_not_finite(text)) return true;
	return strchr("+-.0123456789", text[0]) != NULL &&
	       text[strspn(text, "0123456789+-.:_ abcdefABCDEFxXoOtTzZ")] == '\0';
}

/* Whether `text` comes back from a literal block ("|") as it is: libyaml writes breaks other than \n as they are, which
 * are \n when read, and the first line must not begin with space or be empty. */
static bool suits_literal(const char *text, size_t length) {
	if (text[0] == ' ' || text[0] == '\n' || text[0] == '\t') return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\n') || c >= 0x7F) return false;
		if (c == ' ' && (i + 1 == length || text[i + 1] == '\n')) return false;
	}
	return true;
}

/* Control characters, and the line breaks that only YAML knows (NEL, LS, PS) or that a reader drops (BOM). */
static bool needs_escapes(const char *text, size_t length) {
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\n') || c == 0x7F) return true;
		if (c == 0xC2 && (unsigned char)text[i + 1] < 0xA0) return true;
	}
	return strstr(text, "\xE2\x80\xA8") != NULL || strstr(text, "\xE2\x80\xA9") != NULL ||
	       strstr(text, "\xEF\xBB\xBF") != NULL;
}

static int emit_string(yaml_emitter_t *emitter, const char *text, size_t length) {
	yaml_scalar_style_t style = YAML_ANY_SCALAR_STYLE;
	if (looks_special(text) || needs_escapes(text, length)) {
		style = YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	} else if (memchr(text, '\n', length) != NULL) {
		style = suits_literal(text, length) ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	}
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
