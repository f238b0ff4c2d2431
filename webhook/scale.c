#include "webhook/scale.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* The kinds with a scale subresource, and where rules look them up. */
static const struct {
	const char *kind;
	enum lookup_resource resource;
} scalable[] = {
	{ "MSSQLServer", LOOKUP_MSSQLSERVER },
};

static const struct kind *find_kind(const struct json_object *resource) {
	const char *group = json_get_text(resource, "group");
	const char *plural = json_get_text(resource, "resource");
	if (group == NULL || plural == NULL) return NULL;
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		if ((*kind)->storage && strcmp((*kind)->group, group) == 0 && strcmp((*kind)->plural, plural) == 0) {
			return *kind;
		}
	}
	return NULL;
}

/* Sets the integer at `path` (".spec.replicas") below `object`. */
static void set_at(struct json_object *object, const char *path, int64_t value) {
	cleanup_free char *words = xstrdup(path);
	char *rest = NULL;
	char *key = strtok_r(words, ".", &rest);
	for (char *next; key != NULL && (next = strtok_r(NULL, ".", &rest)) != NULL; key = next) {
		object = json_get(object, key);
	}
	if (key == NULL || !json_object_is_type(object, json_type_object)) return;
	json_set(object, key, json_object_new_int64(value));
}

enum lookup_result scale_resolve(const struct json_object *inner, const struct lookup *lookup, struct scaled *scaled,
                                 struct findings *findings) {
	*scaled = (struct scaled){ .kind = find_kind(json_get(inner, "resource")) };
	const char *name = json_get_text(inner, "name");
	const char *namespace = json_get_text(inner, "namespace");
	struct json_object *replicas = json_get_path(inner, "object", "spec", "replicas", NULL);
	if (scaled->kind == NULL || scaled->kind->scale_spec_path == NULL || name == NULL) return LOOKUP_ABSENT;
	for (size_t i = 0; i < ARRAY_LENGTH(scalable); i++) {
		if (strcmp(scalable[i].kind, scaled->kind->name) != 0) continue;
		const struct json_object *found = NULL;
		enum lookup_result result =
		        lookup->get(lookup->context, scalable[i].resource, namespace, name, &found, findings);
		if (result != LOOKUP_FOUND) return result;
		scaled->old_object = json_copy(found);
		scaled->object = json_copy(found);
		/* An autoscaling/v1 Scale without replicas means none. */
		int64_t wanted = json_object_is_type(replicas, json_type_int) ? json_object_get_int64(replicas) : 0;
		set_at(scaled->object, scaled->kind->scale_spec_path, wanted);
		return LOOKUP_FOUND;
	}
	return LOOKUP_ABSENT;
}
