#include "simnode/downward.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/quantity.h"
#include "base/strbuf.h"

/* All labels or annotations, as files show them: key="value" lines. */
static char *lines_of(const struct json_object *map) {
	struct strbuf lines = { 0 };
	if (json_object_is_type(map, json_type_object)) {
		json_object_object_foreach((struct json_object *)map, key, value) {
			const char *text = json_object_get_string(value);
			strbuf_printf(&lines, "%s%s=", lines.length == 0 ? "" : "\n", key);
			strbuf_append_json(&lines, text != NULL ? text : "");
		}
	}
	return strbuf_detach(&lines);
}

/* metadata.labels['key'] and metadata.annotations['key'], or either whole. NULL when field_path is neither. */
static char *map_field(const struct json_object *pod, const char *field_path) {
	static const char *const maps[] = { "labels", "annotations" };
	for (size_t i = 0; i < ARRAY_LENGTH(maps); i++) {
		cleanup_free char *prefix = xasprintf("metadata.%s", maps[i]);
		size_t length = strlen(prefix);
		const struct json_object *map = json_get_path(pod, "metadata", maps[i], NULL);
		if (strcmp(field_path, prefix) == 0) return lines_of(map);
		if (strncmp(field_path, prefix, length) != 0 || strncmp(field_path + length, "['", 2) != 0) continue;
		const char *key = field_path + length + 2;
		size_t key_length = strlen(key);
		if (key_length < 2 || strcmp(key + key_length - 2, "']") != 0) return NULL;
		cleanup_free char *name = xstrndup(key, key_length - 2);
		const char *value = json_get_text(map, name);
		return xstrdup(value != NULL ? value : "");
	}
	return NULL;
}

char *downward_field(const struct json_object *pod, const struct pod_place *place, const char *field_path) {
	const struct json_object *metadata = json_get(pod, "metadata");
	const struct json_object *spec = json_get(pod, "spec");
	const struct {
		const char *path;
		const char *value;
	} fields[] = {
		{ "metadata.name", json_get_text(metadata, "name") },
		{ "metadata.namespace", json_get_text(metadata, "namespace") },
		{ "metadata.uid", json_get_text(metadata, "uid") },
		{ "spec.nodeName", place->node },
		{ "spec.serviceAccountName", json_get_text(spec, "serviceAccountName") },
		{ "status.hostIP", place->host_ip },
		{ "status.podIP", place->pod_ip },
		{ "status.podIPs", place->pod_ip },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++) {
		if (strcmp(field_path, fields[i].path) == 0)
			return xstrdup(fields[i].value != NULL ? fields[i].value : "");
	}
	return map_field(pod, field_path);
}

char *downward_resource(const struct json_object *container, const struct json_object *reference) {
	const char *resource = json_get_text(reference, "resource");
	const char *divisor_text = json_get_text(reference, "divisor");
	const char *dot = resource != NULL ? strchr(resource, '.') : NULL;
	if (dot == NULL) return NULL;
	cleanup_free char *list = xstrndup(resource, (size_t)(dot - resource));
	const char *text = json_get_text(json_get_path(container, "resources", list, NULL), dot + 1);
	struct quantity divisor;
	struct quantity amount = { 0 };
	if (divisor_text == NULL || strcmp(divisor_text, "0") == 0) divisor_text = "1";
	if (!quantity_parse(divisor_text, &divisor) || divisor.nano <= 0) return NULL;
	if (text != NULL && !quantity_parse(text, &amount)) return NULL;
	return xasprintf("%lld", (long long)((amount.nano + divisor.nano - 1) / divisor.nano));
}
