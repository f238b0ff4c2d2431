/* Field tables at work: changes that an update may not make. */
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
}

void schema_check_changes(const struct schema *schema, const struct json_object *old_json,
                          const struct json_object *new_json, const char *path, struct findings *findings) {
	struct path root = path_root(path);
	check_members(schema, old_json, new_json, &root, findings);
}
