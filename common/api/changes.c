/* Field tables at work: changes that an update may not make. */
#include <string.h>

#include "api/field.h"
#include "api/path.h"
#include "base/json.h"

static void check(const struct field *field, const struct json_object *old_value, const struct json_object *new_value,
                  const struct path *path, struct findings *findings);

static void check_members(const struct schema *schema, const struct json_object *old_json,
                          const struct json_object *new_json, const struct path *path, struct findings *findings) {
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		struct path member = path_member(path, field->name);
		check(field, json_get(old_json, field->name), json_get(new_json, field->name), &member, findings);
	}
}

static size_t length_of(const struct json_object *list) {
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static const struct json_object *find_element(const struct json_object *list, const char *key, const char *identity) {
	size_t count = length_of(list);
	for (size_t i = 0; i < count; i++) {
		const struct json_object *element = json_object_array_get_idx(list, i);
		const char *other = json_get_text(element, key);
		if (other != NULL && strcmp(other, identity) == 0) return element;
	}
	return NULL;
}

/* Elements told apart by a key are the same ones wherever they stand; those that came or went are not compared. */
static void check_elements(const struct field *field, const struct json_object *old_value,
                           const struct json_object *new_value, const struct path *path, struct findings *findings) {
	size_t count = length_of(new_value);
	/* Pairs are compared; decoding refuses such a list. */
	if (count > FIELD_LIST_MAX || length_of(old_value) > FIELD_LIST_MAX) return;
	for (size_t i = 0; i < count; i++) {
		const struct json_object *element = json_object_array_get_idx(new_value, i);
		const char *identity = json_get_text(element, field->list_key);
		if (identity == NULL) continue;
		const struct json_object *old_element = find_element(old_value, field->list_key, identity);
		if (old_element == NULL) continue;
		struct path element_path = path_index(path, i);
		check_members(field->item->schema, old_element, element, &element_path, findings);
	}
}

static void check(const struct field *field, const struct json_object *old_value, const struct json_object *new_value,
                  const struct path *path, struct findings *findings) {
	bool is_fixed =
	        (field->flags & FIELD_IMMUTABLE) != 0 || ((field->flags & FIELD_SET_ONCE) != 0 && old_value != NULL);
	if (is_fixed && !json_object_equal((struct json_object *)old_value, (struct json_object *)new_value)) {
		cleanup_strbuf struct strbuf text = { 0 };
		path_append(&text, path);
		if (old_value != NULL) {
			cleanup_free char *was = json_to_text(old_value);
			finding_invalid_json(findings, text.data, new_value, "field is immutable, it must stay %s",
			                     was);
		} else {
			finding_invalid_json(findings, text.data, new_value, "field is immutable, it must stay unset");
		}
		return;
	}
	/* An object that was left out on one side still has parts that may not go or come. */
	if (field->type == FIELD_OBJECT) check_members(field->schema, old_value, new_value, path, findings);
	if (field->type == FIELD_LIST && field->list_key != NULL && field->item->schema != NULL)
		check_elements(field, old_value, new_value, path, findings);
}

void schema_check_changes(const struct schema *schema, const struct json_object *old_json,
                          const struct json_object *new_json, const char *path, struct findings *findings) {
	struct path root = path_root(path);
	check_members(schema, old_json, new_json, &root, findings);
}
