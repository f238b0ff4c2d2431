/* Field tables at work: the structural schema of a CRD (OpenAPI v3, apiextensions.k8s.io/v1). */
#include <string.h>

#include "api/field.h"
#include "api/kind.h"
#include "base/json.h"

/* Kubernetes' own pattern for quantities, as controller-gen writes it into CRDs. */
static const char quantity_pattern[] = "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\\+|-"
                                       ")?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))))?$";
/* Go's time.ParseDuration. */
static const char duration_pattern[] = "^[-+]?(0|([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+$";

static struct json_object *new_type(const char *type) {
	struct json_object *schema = json_object_new_object();
	json_set_text(schema, "type", type);
	return schema;
}

static void set_int(struct json_object *schema, const char *key, int64_t value) {
	json_set(schema, key, json_object_new_int64(value));
}

static void set_bounds(struct json_object *schema, const struct field *field, const char *min, const char *max) {
	if (field->has_min) set_int(schema, min, field->min);
	if (field->has_max) set_int(schema, max, field->max);
}

static void set_preserve(struct json_object *schema) {
	json_set(schema, "x-kubernetes-preserve-unknown-fields", json_object_new_boolean(true));
}

/* A quantity, or an integer or string. Not x-kubernetes-int-or-string: servers before 1.21 then apply the whole kind
 * without its schema (kubernetes/kubernetes#90902), take every list for one value, and write an object with defaults in
 * lists anew each time that it is applied. The type is the webhook's to check, as the field tables do. */
static struct json_object *untyped_schema(void) {
	struct json_object *schema = json_object_new_object();
	set_preserve(schema);
	return schema;
}

static struct json_object *field_schema(const struct field *field);

static struct json_object *string_schema(const struct field *field) {
	struct json_object *schema = new_type("string");
	set_bounds(schema, field, "minLength", "maxLength");
	if (field->format != NULL) json_set_text(schema, "pattern", field->format->pattern);
	if (field->values != NULL) {
		struct json_object *values = json_object_new_array();
		for (const char *const *value = field->values; *value != NULL; value++) {
			json_object_array_add(values, json_object_new_string(*value));
		}
		json_set(schema, "enum", values);
	}
	return schema;
}

static struct json_object *list_schema(const struct field *field) {
	struct json_object *schema = new_type("array");
	set_bounds(schema, field, "minItems", "maxItems");
	json_set(schema, "items", field_schema(field->item));
	if (field->list_key != NULL) {
		struct json_object *keys = json_object_new_array();
		json_object_array_add(keys, json_object_new_string(field->list_key));
		json_set_text(schema, "x-kubernetes-list-type", "map");
		json_set(schema, "x-kubernetes-list-map-keys", keys);
	} else if ((field->flags & FIELD_UNIQUE) != 0) {
		json_set_text(schema, "x-kubernetes-list-type", "set");
	} else if ((field->flags & FIELD_ATOMIC) != 0) {
		json_set_text(schema, "x-kubernetes-list-type", "atomic");
	}
	return schema;
}

static struct json_object *plain_schema(const struct field *field) {
	struct json_object *schema;
	switch (field->type) {
	case FIELD_STRING: return string_schema(field);
	case FIELD_BOOL: return new_type("boolean");
	case FIELD_INT:
		schema = new_type("integer");
		json_set_text(schema, "format", "int64");
		set_bounds(schema, field, "minimum", "maximum");
		return schema;
	case FIELD_QUANTITY:
		schema = untyped_schema();
		json_set_text(schema, "pattern", quantity_pattern); /* of strings */
		return schema;
	case FIELD_INT_OR_STRING: return untyped_schema();
	case FIELD_DURATION:
		schema = new_type("string");
		json_set_text(schema, "pattern", duration_pattern);
		return schema;
	case FIELD_TIME:
		schema = new_type("string");
		json_set_text(schema, "format", "date-time");
		return schema;
	case FIELD_OBJECT: return schema_to_openapi(field->schema);
	case FIELD_LIST: return list_schema(field);
	case FIELD_MAP:
		schema = new_type("object");
		json_set(schema, "additionalProperties", field_schema(field->item));
		if ((field->flags & FIELD_ATOMIC) != 0) json_set_text(schema, "x-kubernetes-map-type", "atomic");
		return schema;
	case FIELD_JSON:
		schema = new_type("object");
		set_preserve(schema);
		return schema;
	}
	return NULL;
}

static struct json_object *field_schema(const struct field *field) {
	/* The API server checks metadata itself, and lets CRDs say little about it. */
	if (field->schema == &object_meta_schema) return new_type("object");
	struct json_object *schema = plain_schema(field);
	if (field->doc != NULL) json_set_text(schema, "description", field->doc);
	if ((field->flags & FIELD_NULLABLE) != 0) json_set(schema, "nullable", json_object_new_boolean(true));
	if ((field->flags & FIELD_PRESERVE) != 0) set_preserve(schema);
	if (field->default_text != NULL) json_set(schema, "default", field_default(field));
	return schema;
}

struct json_object *schema_to_openapi(const struct schema *schema) {
	struct json_object *object = new_type("object");
	if (schema->doc != NULL) json_set_text(object, "description", schema->doc);
	struct json_object *properties = json_object_new_object();
	struct json_object *required = json_object_new_array();
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		json_set(properties, field->name, field_schema(field));
		if ((field->flags & FIELD_REQUIRED) != 0) {
			json_object_array_add(required, json_object_new_string(field->name));
		}
	}
	json_set(object, "properties", properties);
	if (json_object_array_length(required) != 0) json_set(object, "required", required);
	else json_object_put(required);
	return object;
}
