/* Field tables at work: what is left out is filled in. */
#include <stdlib.h>
#include <string.h>

#include "api/field.h"
#include "api/path.h"
#include "base/json.h"

struct json_object *field_default(const struct field *field) {
	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TIME:
	case FIELD_QUANTITY:
	case FIELD_DURATION: return json_object_new_string(field->default_text);
	case FIELD_BOOL: return json_object_new_boolean(strcmp(field->default_text, "true") == 0);
	case FIELD_INT: return json_object_new_int64(strtoll(field->default_text, NULL, 10));
	default: return json_tokener_parse(field->default_text);
	}
}

/* Writes {"op":"add","path":…,"value":…}; "add" also replaces a member that is null. */
static void write_add(struct strbuf *patch, const struct path *path, const struct json_object *value) {
	cleanup_strbuf struct strbuf pointer = { 0 };
	path_append_pointer(&pointer, path);
	if (patch->length != 0) strbuf_append_char(patch, ',');
	strbuf_append(patch, "{\"op\":\"add\",\"path\":");
	strbuf_append_json(patch, strbuf_text(&pointer));
	strbuf_append(patch, ",\"value\":");
	json_append(patch, value);
	strbuf_append_char(patch, '}');
}

/* Whether the member is a null that the table allows: the API server keeps it, and defaults every other null. */
static bool is_meant_null(const struct field *field, const struct json_object *json) {
	return (field->flags & FIELD_NULLABLE) != 0 && json_object_object_get_ex(json, field->name, NULL);
}

static void set_defaults(const struct schema *schema, struct json_object *json, const struct path *path,
                         struct strbuf *patch) {
	if (!json_object_is_type(json, json_type_object)) return;
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		bool has_parts =
		        field->type == FIELD_OBJECT || (field->type == FIELD_LIST && field->item->schema != NULL);
		if (field->default_text == NULL && !has_parts) continue;
		struct json_object *value = json_get(json, field->name);
		struct path member = path_member(path, field->name);
		/* What is created here goes into the patch as a whole, so its own parts are filled in first,
		 * unrecorded. */
		bool is_new = value == NULL && field->default_text != NULL && !is_meant_null(field, json);
		if (is_new) {
			value = field_default(field);
			json_set(json, field->name, value);
		}
		struct strbuf *parts_patch = is_new ? NULL : patch;
		if (json_object_is_type(value, json_type_object) && field->type == FIELD_OBJECT) {
			set_defaults(field->schema, value, &member, parts_patch);
		} else if (json_object_is_type(value, json_type_array) && field->type == FIELD_LIST && has_parts) {
			size_t count = json_object_array_length(value);
			if (list_is_too_long(field, count)) continue;
			for (size_t i = 0; i < count; i++) {
				struct json_object *element = json_object_array_get_idx(value, i);
				struct path element_path = path_index(&member, i);
				if (!json_object_is_type(element, json_type_object)) continue;
				set_defaults(field->item->schema, element, &element_path, parts_patch);
			}
		}
		if (is_new && patch != NULL) write_add(patch, &member, value);
	}
}

void schema_set_defaults(const struct schema *schema, struct json_object *json, const char *pointer,
                         struct defaulting *defaulting) {
	struct path root = path_root(pointer);
	set_defaults(schema, json, &root, defaulting->patch);
}

void default_member(struct defaulting *defaulting, struct json_object *parent, const char *pointer, const char *key,
                    struct json_object *value) {
	if (json_get(parent, key) != NULL) {
		json_object_put(value);
		return;
	}
	json_set(parent, key, value);
	if (defaulting->patch == NULL) return;
	struct path root = path_root(pointer);
	struct path member = path_member(&root, key);
	write_add(defaulting->patch, &member, value);
}
