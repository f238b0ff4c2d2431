#include "webhook/departure.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- The review ---- */

/* "dryRun": ["All"], of DeleteOptions. */
static bool is_dry(const struct json_object *options) {
	const struct json_object *list = json_get(options, "dryRun");
	return json_object_is_type(list, json_type_array) && json_object_array_length(list) > 0;
}

/* `kubectl delete --force --grace-period=0`: the pod is gone at once, and so is whoever asks. */
static bool has_time(const struct json_object *options) {
	return json_get_integer(options, "gracePeriodSeconds", 1) > 0;
}

/* The DeleteOptions of an eviction stand in the Eviction itself. */
static const struct json_object *options_of(const struct json_object *request, bool is_eviction) {
	return is_eviction ? json_get_path(request, "object", "deleteOptions", NULL) : json_get(request, "options");
}

bool departure_read(const struct json_object *request, const char *own_user, struct departure *departure) {
	const char *operation = json_get_text(request, "operation");
	const char *resource = json_get_text(json_get(request, "resource"), "resource");
	const char *sub = json_get_text(request, "subResource");
	const char *user = json_get_text(json_get(request, "userInfo"), "username");
	bool is_plain = sub == NULL || sub[0] == '\0';
	bool is_deletion = same(operation, "DELETE") && is_plain;
	bool is_eviction = same(operation, "CREATE") && same(sub, "eviction");
	if (!same(resource, "pods") || (!is_deletion && !is_eviction)) return false;
	if (own_user != NULL && same(user, own_user)) return false;
	const struct json_object *options = options_of(request, is_eviction);
	if (json_get_flag(request, "dryRun", false) || is_dry(options) || !has_time(options)) return false;
	*departure = (struct departure){ .namespace = json_get_text(request, "namespace"),
		                         .pod = json_get_text(request, "name") };
	return departure->namespace != NULL && departure->pod != NULL && departure->pod[0] != '\0';
}

/* ---- The pod ---- */

const struct kube_resource *departure_owner(const struct json_object *pod, const char **name) {
	static const struct {
		const char *manager;
		const struct kube_resource *resource;
	} owners[] = { { "agkeeper", &kube_sqlserveravailabilitygroups }, { "kubedb.com", &kube_mssqlservers } };
	const struct json_object *metadata = json_get(pod, "metadata");
	const struct json_object *labels = json_get(metadata, "labels");
	const char *manager = json_get_text(labels, "app.kubernetes.io/managed-by");
	*name = json_get_text(labels, "app.kubernetes.io/instance");
	if (*name == NULL || json_get_text(metadata, "deletionTimestamp") != NULL) return NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(owners); i++) {
		if (same(manager, owners[i].manager)) return owners[i].resource;
	}
	return NULL;
}

/* ---- The object ---- */

static bool is_member(const struct json_object *record, const char *pod) {
	const struct json_object *members = json_get(record, "synchronousSet");
	size_t count = json_object_is_type(members, json_type_array) ? json_object_array_length(members) : 0;
	for (size_t i = 0; i < count; i++) {
		if (same(json_get_text(json_object_array_get_idx(members, i), "pod"), pod)) return true;
	}
	return false;
}

enum departure_state departure_judge(const struct json_object *object, const char *pod) {
	const struct json_object *spec = json_get(object, "spec");
	const struct json_object *record = json_get_path(object, "status", "availabilityGroup", NULL);
	const char *primary = json_get_text(json_get(record, "primary"), "pod");
	bool ends = json_get_path(object, "metadata", "deletionTimestamp", NULL) != NULL ||
	            json_get_flag(spec, "halted", false);
	/* Without a cluster manager nobody hands over but a DBA. */
	if (ends || primary == NULL || same(json_get_text(spec, "clusterType"), "NONE")) return DEPARTURE_FREE;
	if (same(primary, pod)) return DEPARTURE_AWAITED;
	return is_member(record, pod) ? DEPARTURE_FOLLOWED : DEPARTURE_FREE;
}

bool departure_is_wished(const struct json_object *object, const char *wish) {
	const struct json_object *annotations = json_get_path(object, "metadata", "annotations", NULL);
	return same(json_get_text(annotations, HAND_OVER_ANNOTATION), wish);
}

/* Resource versions are etcd's revisions: numbers without leading zeros. */
bool departure_is_seen(const char *object_version, const char *version) {
	if (object_version == NULL || version == NULL) return false;
	size_t own = strlen(object_version), asked = strlen(version);
	if (own != asked) return own > asked;
	return strcmp(object_version, version) >= 0;
}
