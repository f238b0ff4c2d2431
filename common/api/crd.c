/* CustomResourceDefinitions out of the kinds (apiextensions.k8s.io/v1). */
#include <string.h>

#include "api/kind.h"
#include "base/json.h"
#include "base/yaml.h"

static struct json_object *text_array(const char *const *texts) {
	struct json_object *array = json_object_new_array();
	for (; texts != NULL && *texts != NULL; texts++) json_object_array_add(array, json_object_new_string(*texts));
	return array;
}

static struct json_object *crd_names(const struct kind *kind) {
	struct json_object *names = json_object_new_object();
	json_set_text(names, "kind", kind->name);
	cleanup_free char *list_kind = xasprintf("%sList", kind->name);
	json_set_text(names, "listKind", list_kind);
	json_set_text(names, "plural", kind->plural);
	json_set_text(names, "singular", kind->singular);
	json_set(names, "shortNames", text_array(kind->short_names));
	if (kind->categories != NULL) json_set(names, "categories", text_array(kind->categories));
	return names;
}

static struct json_object *crd_columns(const struct kind *kind) {
	struct json_object *columns = json_object_new_array();
	for (const struct printer_column *column = kind->columns; column->name != NULL; column++) {
		struct json_object *json = json_object_new_object();
		json_set_text(json, "name", column->name);
		json_set_text(json, "type", column->type);
		json_set_text(json, "jsonPath", column->json_path);
		if (column->doc != NULL) json_set_text(json, "description", column->doc);
		if (column->priority != 0) json_set(json, "priority", json_object_new_int(column->priority));
		json_object_array_add(columns, json);
	}
	return columns;
}

static bool has_field(const struct schema *schema, const char *name) {
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		if (strcmp(field->name, name) == 0) return true;
	}
	return false;
}

static struct json_object *crd_subresources(const struct kind *kind) {
	struct json_object *subresources = json_object_new_object();
	if (has_field(kind->schema, "status")) json_set(subresources, "status", json_object_new_object());
	if (kind->scale_spec_path != NULL) {
		struct json_object *scale = json_object_new_object();
		json_set_text(scale, "specReplicasPath", kind->scale_spec_path);
		json_set_text(scale, "statusReplicasPath", kind->scale_status_path);
		if (kind->scale_selector_path != NULL)
			json_set_text(scale, "labelSelectorPath", kind->scale_selector_path);
		json_set(subresources, "scale", scale);
	}
	return subresources;
}

static struct json_object *crd_version(const struct kind *kind) {
	struct json_object *version = json_object_new_object();
	json_set_text(version, "name", kind->version);
	json_set(version, "served", json_object_new_boolean(true));
	json_set(version, "storage", json_object_new_boolean(kind->storage));
	struct json_object *schema = json_object_new_object();
	json_set(schema, "openAPIV3Schema", schema_to_openapi(kind->schema));
	json_set_text(json_get(schema, "openAPIV3Schema"), "description", kind->doc);
	json_set(version, "schema", schema);
	json_set(version, "subresources", crd_subresources(kind));
	json_set(version, "additionalPrinterColumns", crd_columns(kind));
	return version;
}

/* Where the API server sends objects to be converted. Certificates are injected by the running process. */
static struct json_object *crd_conversion(void) {
	static const char conversion[] = "{\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v1\"],"
	                                 "\"clientConfig\":{\"service\":{\"namespace\":\"agkeeper-system\",\"name\":"
	                                 "\"agkeeper\",\"path\":\"/convert\",\"port\":9443}}}}";
	return json_tokener_parse(conversion);
}

/* The CRD of `kinds[0]` and of the kinds behind it that differ in their version only; *count says how many they are. */
static struct json_object *crd(const struct kind *const *kinds, size_t *count) {
	const struct kind *first = kinds[0];
	struct json_object *versions = json_object_new_array();
	for (*count = 0; kinds[*count] != NULL && strcmp(kinds[*count]->plural, first->plural) == 0 &&
	                 strcmp(kinds[*count]->group, first->group) == 0;
	     (*count)++) {
		json_object_array_add(versions, crd_version(kinds[*count]));
	}
	struct json_object *definition = json_object_new_object();
	json_set_text(definition, "apiVersion", "apiextensions.k8s.io/v1");
	json_set_text(definition, "kind", "CustomResourceDefinition");
	struct json_object *metadata = json_object_new_object();
	cleanup_free char *name = xasprintf("%s.%s", first->plural, first->group);
	json_set_text(metadata, "name", name);
	struct json_object *labels = json_object_new_object();
	json_set_text(labels, "app.kubernetes.io/name", "agkeeper");
	json_set(metadata, "labels", labels);
	json_set(definition, "metadata", metadata);
	struct json_object *spec = json_object_new_object();
	json_set_text(spec, "group", first->group);
	json_set(spec, "names", crd_names(first));
	json_set_text(spec, "scope", first->cluster_scoped ? "Cluster" : "Namespaced");
	if (*count > 1) json_set(spec, "conversion", crd_conversion());
	json_set(spec, "versions", versions);
	json_set(definition, "spec", spec);
	return definition;
}

int kinds_print_crds(struct strbuf *yaml, struct error **err) {
	size_t count;
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind += count) {
		cleanup_json struct json_object *definition = crd(kind, &count);
		strbuf_append(yaml, "---\n");
		if (yaml_append(yaml, definition, err) < 0) return -1;
	}
	return 0;
}
