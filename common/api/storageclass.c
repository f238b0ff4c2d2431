#include "api/storageclass.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static bool is_default_class(const struct json_object *class) {
	static const char *const annotations[] = { "storageclass.kubernetes.io/is-default-class",
		                                   "storageclass.beta.kubernetes.io/is-default-class" };
	const struct json_object *values = json_get_path(class, "metadata", "annotations", NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(annotations); i++) {
		const char *value = json_get_text(values, annotations[i]);
		if (value != NULL && strcmp(value, "true") == 0) return true;
	}
	return false;
}

static void describe(const struct json_object *class, struct storage_class *found, struct findings *findings) {
	const char *name = json_get_text(json_get(class, "metadata"), "name");
	found->name = arena_strdup(&findings->arena, name != NULL ? name : "");
	found->expandable = json_get_flag(class, "allowVolumeExpansion", false);
}

/* The search for the default class: the newest wins, of two equally old ones the first by name (DefaultStorageClass
 * admission of Kubernetes). */
struct search {
	struct storage_class *found;
	struct findings *findings;
	const char *created; /* of the one found; NULL while there is none */
};

static void consider(void *context, const struct json_object *class) {
	struct search *search = context;
	if (!is_default_class(class)) return;
	const struct json_object *metadata = json_get(class, "metadata");
	const char *created = json_get_text(metadata, "creationTimestamp");
	const char *name = json_get_text(metadata, "name");
	if (created == NULL) created = "";
	if (search->created != NULL) {
		/* RFC 3339 in UTC: the order of the texts is the order in time. */
		int order = strcmp(created, search->created);
		if (order < 0 || (order == 0 && name != NULL && strcmp(name, search->found->name) > 0)) return;
	}
	search->created = arena_strdup(&search->findings->arena, created);
	describe(class, search->found, search->findings);
}

enum lookup_result storage_class_find(const struct lookup *lookup, const char *name, struct storage_class *found,
                                      struct findings *findings) {
	*found = (struct storage_class){ 0 };
	if (name == NULL) {
		struct search search = { .found = found, .findings = findings };
		enum lookup_result result =
		        lookup->list(lookup->context, LOOKUP_STORAGECLASS, NULL, consider, &search, findings);
		return result == LOOKUP_FOUND && search.created == NULL ? LOOKUP_ABSENT : result;
	}
	if (*name == '\0') return LOOKUP_ABSENT;
	const struct json_object *class = NULL;
	enum lookup_result result = lookup->get(lookup->context, LOOKUP_STORAGECLASS, NULL, name, &class, findings);
	if (result == LOOKUP_FOUND) describe(class, found, findings);
	return result;
}

void check_expandable(const struct lookup *lookup, const char *class_name, const char *path, const char *size,
                      struct findings *findings) {
	struct storage_class class;
	switch (storage_class_find(lookup, class_name, &class, findings)) {
	case LOOKUP_FOUND:
		if (class.expandable) return;
		finding_invalid(
		        findings, path, size,
		        "the volumes cannot be expanded: StorageClass \"%s\" does not have allowVolumeExpansion: true",
		        class.name);
		return;
	case LOOKUP_ABSENT:
		if (class_name == NULL) {
			finding_invalid(
			        findings, path, size,
			        "the volumes cannot be expanded: no storageClassName is given and the cluster has "
			        "no default StorageClass");
		} else if (*class_name == '\0') {
			finding_invalid(
			        findings, path, size,
			        "the volumes cannot be expanded: they have no StorageClass (storageClassName is "
			        "empty)");
		} else {
			finding_invalid(findings, path, size,
			                "the volumes cannot be expanded: StorageClass \"%s\" does not exist",
			                class_name);
		}
		return;
	case LOOKUP_OFFLINE:
		warn(findings, "%s: without a cluster nobody can say whether the volumes can be expanded", path);
		return;
	case LOOKUP_FAILED: return;
	}
}

void warn_missing_class(const struct lookup *lookup, const char *class_name, const char *path,
                        struct findings *findings) {
	if (class_name != NULL && *class_name == '\0') return; /* volumes provided by hand */
	cleanup_findings struct findings ignored = { 0 };
	struct storage_class class;
	if (storage_class_find(lookup, class_name, &class, &ignored) != LOOKUP_ABSENT) return;
	if (class_name != NULL) {
		warn(findings, "%s: StorageClass \"%.100s\" does not exist: pods wait for it", path, class_name);
	} else {
		warn(findings, "%s: not given, and the cluster has no default StorageClass: pods wait for volumes",
		     path);
	}
}

void warn_not_expandable(const struct lookup *lookup, const char *class_name, const char *path,
                         struct findings *findings) {
	cleanup_findings struct findings ignored = { 0 };
	struct storage_class class;
	if (storage_class_find(lookup, class_name, &class, &ignored) != LOOKUP_FOUND || class.expandable) return;
	warn(findings, "%s: StorageClass \"%.100s\" cannot expand volumes: the policy has no effect", path, class.name);
}
