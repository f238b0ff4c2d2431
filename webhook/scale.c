#include "webhook/scale.h"

#include <string.h>

#include "api/kinds.h"
#include "base/json.h"

const struct kind *scaled_kind(const struct json_object *request) {
	const struct json_object *resource = json_get(request, "resource");
	const char *group = json_get_text(resource, "group");
	const char *plural = json_get_text(resource, "resource");
	const struct kind *kind = &mssqlserver_kind_v1alpha2; /* the only one that can be scaled */
	if (group == NULL || plural == NULL) return NULL;
	return strcmp(group, kind->group) == 0 && strcmp(plural, kind->plural) == 0 ? kind : NULL;
}

enum lookup_result scaled_objects(const struct kind *kind, const struct json_object *request,
                                  const struct lookup *lookup, struct json_object **before, struct json_object **after,
                                  struct findings *findings) {
	const char *namespace = json_get_text(request, "namespace");
	const char *name = json_get_text(request, "name");
	const struct json_object *stored = NULL;
	enum lookup_result result = lookup->get(lookup->context, LOOKUP_MSSQLSERVER, namespace,
	                                        name != NULL ? name : "", &stored, findings);
	if (result != LOOKUP_FOUND) return result;
	*before = json_copy(stored);
	kind_set_defaults(kind, *before, NULL);
	*after = json_copy(*before);
	/* A Scale of no replicas leaves the member out. */
	int64_t replicas = json_get_integer(json_get_path(request, "object", "spec", NULL), "replicas", 0);
	json_set(json_get(*after, "spec"), "replicas", json_object_new_int64(replicas));
	return LOOKUP_FOUND;
}
