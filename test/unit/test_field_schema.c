/* The engine of the field tables: the schema it prints is structural, as Kubernetes wants it; and so are our CRDs. */
#include "field_kind.h"

/* ---- The structural schema (apiextensions-apiserver, pkg/apiserver/schema/validation.go) ---- */

static bool is_one_of(const char *text, const char *const *words) {
	for (; *words != NULL; words++) {
		if (strcmp(*words, text) == 0) return true;
	}
	return false;
}

static bool has_text(const struct json_object *array, const char *text) {
	size_t count = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), text) == 0) return true;
	}
	return false;
}

/* Whether `value` is valid under `schema`, as far as defaults need it. */
static bool is_valid(const struct json_object *schema, const struct json_object *value) {
	if (value == NULL) return json_get_flag(schema, "nullable", false);
	const char *type = json_get_text(schema, "type");
	if (type == NULL)
		return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_string);
	if (strcmp(type, "string") == 0) {
		if (!json_object_is_type(value, json_type_string)) return false;
		struct json_object *values = json_get(schema, "enum");
		return values == NULL || has_text(values, json_object_get_string((struct json_object *)value));
	}
	if (strcmp(type, "boolean") == 0) return json_object_is_type(value, json_type_boolean);
	if (strcmp(type, "integer") == 0) {
		return json_object_is_type(value, json_type_int) &&
		       json_object_get_int64(value) >= json_get_integer(schema, "minimum", INT64_MIN) &&
		       json_object_get_int64(value) <= json_get_integer(schema, "maximum", INT64_MAX);
	}
	if (strcmp(type, "array") == 0) {
		if (!json_object_is_type(value, json_type_array)) return false;
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (!is_valid(json_get(schema, "items"), json_object_array_get_idx(value, i))) return false;
		}
		return true;
	}
	if (strcmp(type, "object") != 0 || !json_object_is_type(value, json_type_object)) return false;
	json_object_object_foreach((struct json_object *)value, key, member) {
		struct json_object *property = json_get(json_get(schema, "properties"), key);
		if (property == NULL) property = json_get(schema, "additionalProperties");
		/* A default must survive pruning. */
		if (property == NULL || !is_valid(property, member)) return false;
	}
	return true;
}

static const char *const keywords[] = {
	"type",
	"description",
	"properties",
	"required",
	"items",
	"additionalProperties",
	"default",
	"nullable",
	"enum",
	"pattern",
	"format",
	"minimum",
	"maximum",
	"minLength",
	"maxLength",
	"minItems",
	"maxItems",
	"x-kubernetes-preserve-unknown-fields",
	"x-kubernetes-list-type",
	"x-kubernetes-list-map-keys",
	"x-kubernetes-map-type",
	"x-kubernetes-embedded-resource",
	NULL,
};
static const char *const types[] = { "object", "array", "string", "integer", "boolean", "number", NULL };

static void assert_structural(const char *path, const struct json_object *schema, bool is_root) {
	assert_true(json_object_is_type(schema, json_type_object));
	json_object_object_foreach((struct json_object *)schema, keyword, ignored) {
		(void)ignored;
		if (!is_one_of(keyword, keywords))
			fail_msg("%s: %s is no keyword of structural schemas", path, keyword);
	}
	const char *type = json_get_text(schema, "type");
	/* Without a type only where anything is kept (integer or string, which old servers cannot be told). */
	if (type == NULL) {
		cleanup_free char *text = json_to_text(schema);
		if (!json_get_flag(schema, "x-kubernetes-preserve-unknown-fields", false) ||
		    json_get(schema, "properties") != NULL)
			fail_msg("%s: no type: %s", path, text);
	} else if (!is_one_of(type, types)) {
		fail_msg("%s: type %s", path, type);
	}
	if (is_root) assert_string_equal(type, "object");
	struct json_object *properties = json_get(schema, "properties");
	struct json_object *additional = json_get(schema, "additionalProperties");
	struct json_object *items = json_get(schema, "items");
	if (properties != NULL && additional != NULL) fail_msg("%s: properties beside additionalProperties", path);
	if ((properties != NULL || additional != NULL) && strcmp(type, "object") != 0) fail_msg("%s: no object", path);
	if ((items != NULL) != (type != NULL && strcmp(type, "array") == 0)) fail_msg("%s: items", path);
	if (properties != NULL) {
		json_object_object_foreach(properties, name, property) {
			cleanup_free char *below = xasprintf("%s.%s", path, name);
			if (is_root && strcmp(name, "metadata") == 0) {
				/* "must not specify anything other than name and generateName" */
				cleanup_free char *text = json_to_text(property);
				assert_string_equal(text, "{\"type\":\"object\"}");
				continue;
			}
			assert_structural(below, property, false);
		}
	}
	struct json_object *required = json_get(schema, "required");
	if (required != NULL) {
		assert_true(json_object_array_length(required) > 0);
		for (size_t i = 0; i < json_object_array_length(required); i++) {
			assert_non_null(
			        json_get(properties, json_object_get_string(json_object_array_get_idx(required, i))));
		}
	}
	if (additional != NULL) {
		cleanup_free char *below = xasprintf("%s.*", path);
		assert_structural(below, additional, false);
	}
	if (items != NULL) {
		cleanup_free char *below = xasprintf("%s[]", path);
		assert_structural(below, items, false);
	}
	const char *list_type = json_get_text(schema, "x-kubernetes-list-type");
	struct json_object *keys = json_get(schema, "x-kubernetes-list-map-keys");
	assert_int_equal(keys != NULL, list_type != NULL && strcmp(list_type, "map") == 0);
	if (keys != NULL) {
		assert_string_equal(json_get_text(items, "type"), "object");
		for (size_t i = 0; i < json_object_array_length(keys); i++) {
			const char *key = json_object_get_string(json_object_array_get_idx(keys, i));
			struct json_object *property = json_get(json_get(items, "properties"), key);
			if (property == NULL) fail_msg("%s: list-map-key %s is no property", path, key);
			/* ValidateListsAndMaps: keys are required or have a default. */
			if (!has_text(json_get(items, "required"), key) && json_get(property, "default") == NULL) {
				fail_msg("%s: list-map-key %s is neither required nor defaulted", path, key);
			}
		}
	}
	if (list_type != NULL && strcmp(list_type, "set") == 0) {
		const char *item_type = json_get_text(items, "type");
		if (strcmp(item_type, "object") == 0 || strcmp(item_type, "array") == 0)
			fail_msg("%s: a set of %s", path, item_type);
	}
	if (json_get(schema, "default") != NULL && !is_valid(schema, json_get(schema, "default"))) {
		cleanup_free char *value = json_to_text(json_get(schema, "default"));
		fail_msg("%s: default %s is not valid", path, value);
	}
}

static struct json_object *at_property(struct json_object *schema, const char *name) {
	return json_get_path(schema, "properties", "spec", "properties", name, NULL);
}

static void assert_property(struct json_object *schema, const char *name, const char *expected) {
	cleanup_free char *text = json_to_text(at_property(schema, name));
	cleanup_free char *wanted = xstrdup(expected);
	for (char *p = wanted; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	assert_string_equal(text, wanted);
}

static void prints_a_structural_schema(void **state) {
	(void)state;
	cleanup_json struct json_object *schema = schema_to_openapi(&object_schema);
	assert_structural("", schema, true);
	assert_property(schema, "choice", "{'type':'string','enum':['One','Two'],'default':'One'}");
	assert_property(schema, "label", "{'type':'string','minLength':1,'maxLength':8,'pattern':'^[a-z]+$'}");
	assert_property(schema, "count", "{'type':'integer','format':'int64','minimum':1,'maximum':9,'default':3}");
	assert_property(schema, "atMost", "{'type':'integer','format':'int64','maximum':-10}");
	assert_property(schema, "flag", "{'type':'boolean','default':false}");
	assert_property(schema, "time", "{'type':'string','format':'date-time'}");
	assert_property(schema, "set",
	                "{'type':'array','minItems':1,'maxItems':3,'items':{'type':'string','pattern':'^[a-z]+$'},"
	                "'x-kubernetes-list-type':'set'}");
	assert_property(schema, "raw", "{'type':'object','x-kubernetes-preserve-unknown-fields':true}");
	assert_property(schema, "nullable", "{'type':'string','nullable':true,'default':'x'}");
	assert_property(schema, "kept",
	                "{'type':'object','properties':{'known':{'type':'string'}},'x-kubernetes-preserve-unknown-"
	                "fields':true}");
	assert_property(schema, "labels", "{'type':'object','additionalProperties':{'type':'string','maxLength':3}}");
	cleanup_free char *required = json_to_text(json_get(schema, "required"));
	assert_string_equal(required, "[\"spec\"]");
	assert_string_equal(json_get_text(json_get_path(schema, "properties", "spec", NULL), "description"),
	                    "What is wanted. All of it.");
	assert_string_equal(json_get_text(at_property(schema, "made"), "description"), "Inner.");
}

/* The real kinds stand by the same rules, in the CRDs as they are printed. */
static void prints_structural_crds(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf yaml = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(kinds_print_crds(&yaml, &err), 0);
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	if (yaml_parse(strbuf_text(&yaml), yaml.length, &stream, &err) < 0) fail_msg("%s", err->message);
	size_t versions_seen = 0;
	for (size_t i = 0; i < stream.count; i++) {
		struct json_object *crd = stream.documents[i].json;
		const char *name = json_get_text(json_get(crd, "metadata"), "name");
		struct json_object *versions = json_get_path(crd, "spec", "versions", NULL);
		size_t storage = 0;
		for (size_t j = 0; j < json_object_array_length(versions); j++) {
			struct json_object *version = json_object_array_get_idx(versions, j);
			assert_structural(name, json_get_path(version, "schema", "openAPIV3Schema", NULL), true);
			storage += json_get_flag(version, "storage", false);
			versions_seen++;
		}
		assert_int_equal(storage, 1);
	}
	size_t kinds = 0;
	while (all_kinds[kinds] != NULL) kinds++;
	assert_int_equal(versions_seen, kinds);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_a_structural_schema),
		cmocka_unit_test(prints_structural_crds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
