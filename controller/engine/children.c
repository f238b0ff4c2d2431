/* The children: what they shall be (controller/resources), and whether they are. */
#include "controller/resources/children.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"
#include "kube/backoff.h"

enum {
	FOREIGN_MS = 30 * 1000,    /* a child that is not ours is looked at again after this */
	UNWATCHED_MS = 600 * 1000, /* one that no cache follows is applied again after this */
	VERIFY_MS = 1800 * 1000,   /* one that an earlier leader has applied is applied again after this, or twice it */
};

/* ---- Resources of children ---- */

static const struct {
	const struct kube_resource *resource;
	const char *api_version;
	enum engine_cache cache; /* CACHES: none */
} resources[] = {
	{ &kube_services, "v1", CACHE_SERVICE },
	{ &kube_configmaps, "v1", CACHE_CONFIGMAP },
	{ &kube_secrets, "v1", CACHES },
	{ &kube_statefulsets, "apps/v1", CACHE_SET },
	{ &kube_poddisruptionbudgets, "policy/v1", CACHE_BUDGET },
	{ &kube_poddisruptionbudgets_v1beta1, "policy/v1beta1", CACHE_BUDGET },
	{ &kube_servicemonitors, "monitoring.coreos.com/v1", CACHES },
	{ &kube_certificates, "cert-manager.io/v1", CACHES },
};

const struct kube_resource *child_resource(const struct json_object *json) {
	const char *api_version = json_get_text(json, "apiVersion");
	const char *kind = json_get_text(json, "kind");
	for (size_t i = 0; i < ARRAY_LENGTH(resources) && api_version != NULL && kind != NULL; i++) {
		if (strcmp(resources[i].api_version, api_version) == 0 &&
		    strcmp(resources[i].resource->kind, kind) == 0)
			return resources[i].resource;
	}
	return NULL;
}

enum engine_cache child_cache(const struct kube_resource *resource) {
	for (size_t i = 0; i < ARRAY_LENGTH(resources); i++) {
		if (resources[i].resource == resource) return resources[i].cache;
	}
	return CACHES;
}

bool is_owned_by(const struct json_object *object, const char *uid) {
	const struct json_object *owners = json_get_path(object, "metadata", "ownerReferences", NULL);
	if (!json_object_is_type(owners, json_type_array) || uid == NULL) return false;
	for (size_t i = 0; i < json_object_array_length(owners); i++) {
		const char *owner = json_get_text(json_object_array_get_idx(owners, i), "uid");
		if (owner != NULL && strcmp(owner, uid) == 0) return true;
	}
	return false;
}

/* ---- What they shall be ---- */

struct surroundings managed_surroundings(const struct managed *managed, const struct kube_object **version) {
	const struct engine *engine = managed->engine;
	struct surroundings surroundings = {
		.kept_pods = pods_kept(&managed->spec, &managed->record),
		.has_policy_v1 = engine->offers[OFFER_POLICY_V1].is_there,
		.has_service_monitors = engine->offers[OFFER_SERVICE_MONITORS].is_there,
		.has_issuers = engine->offers[OFFER_ISSUERS].is_there,
		.configuration = managed->configuration_text,
		.certificate = managed->spec.certificate_secret != NULL ? managed->certificate_text : NULL,
		.volume_size = managed->volume_size,
	};
	*version = NULL;
	const char *wanted = json_get_text(json_get(managed->object->json, "spec"), "version");
	if (managed->resource != &kube_mssqlservers || wanted == NULL) return surroundings;
	*version = follow_get(engine, CACHE_VERSION, NULL, wanted);
	if (*version == NULL) return surroundings;
	const struct json_object *spec = json_get((*version)->json, "spec");
	surroundings.image = json_get_text(json_get(spec, "db"), "image");
	surroundings.exporter_image = json_get_text(json_get(spec, "exporter"), "image");
	return surroundings;
}

static struct json_object *make(const struct managed *managed, struct error **err) {
	cleanup_kube_object const struct kube_object *version = NULL;
	const struct surroundings surroundings = managed_surroundings(managed, &version);
	struct json_object *children = NULL;
	const char *configuration =
	        json_get_text(json_get_path(managed->object->json, "spec", "configuration", NULL), "secretName");
	if (configuration != NULL && managed->configuration_text == NULL) {
		error_set(err, ERROR_NOT_FOUND,
		          "spec.configuration.secretName: Secret \"%s\" with the key mssql.conf is awaited",
		          configuration);
		return NULL;
	}
	return children_of(managed->object->json, &surroundings, &children, err) == 0 ? children : NULL;
}

struct json_object *children_desired(const struct managed *managed) {
	return managed->child_count > 0 ? make(managed, NULL) : NULL;
}

/* ---- The list ---- */

static void child_free(struct child *child) {
	json_object_put(child->brief);
	free(child->applied_version);
	free(child->foreign);
}

void children_free(struct managed *managed) {
	for (size_t i = 0; i < managed->child_count; i++) child_free(&managed->children[i]);
	free(managed->children);
	managed->children = NULL;
	managed->child_count = 0;
	free(managed->children_trouble);
	managed->children_trouble = NULL;
	surplus_free(managed);
}

static struct json_object *brief_of(const struct json_object *json) {
	static const char *const keys[] = { "apiVersion", "kind", "metadata" };
	struct json_object *brief = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) json_set(brief, keys[i], json_copy(json_get(json, keys[i])));
	json_shrink(brief);
	return brief;
}

static struct child *find(const struct managed *managed, const struct kube_resource *resource, const char *name) {
	for (size_t i = 0; i < managed->child_count; i++) {
		struct child *child = &managed->children[i];
		if (child->resource == resource && strcmp(child->name, name) == 0) return child;
	}
	return NULL;
}

struct child *child_find(struct managed *managed, const struct json_object *json) {
	const char *name = json_get_text(json_get(json, "metadata"), "name");
	return name != NULL ? find(managed, child_resource(json), name) : NULL;
}

static struct child child_new(const struct managed *managed, const struct json_object *json) {
	struct child child = { .resource = child_resource(json),
		               .brief = brief_of(json),
		               .desired = json_digest(json) };
	child.name = json_get_text(json_get(child.brief, "metadata"), "name");
	const struct child *known = find(managed, child.resource, child.name);
	if (known == NULL) return child;
	child.applied_desired = known->applied_desired;
	child.applied = known->applied;
	child.applied_at = known->applied_at;
	child.applied_version = known->applied_version != NULL ? xstrdup(known->applied_version) : NULL;
	child.verify_at = known->verify_at;
	child.foreign_at = known->foreign_at;
	child.foreign = known->foreign != NULL ? xstrdup(known->foreign) : NULL;
	return child;
}

/* From which everything follows: the same gives the same children. */
static uint64_t source_of(const struct managed *managed) {
	cleanup_kube_object const struct kube_object *version = NULL;
	const struct surroundings surroundings = managed_surroundings(managed, &version);
	cleanup_json struct json_object *source = json_object_new_object();
	json_set_text(source, "image", surroundings.image != NULL ? surroundings.image : "");
	json_set_text(source, "exporter", surroundings.exporter_image != NULL ? surroundings.exporter_image : "");
	json_set_text(source, "configuration", surroundings.configuration != NULL ? surroundings.configuration : "");
	json_set_text(source, "volumes", surroundings.volume_size != NULL ? surroundings.volume_size : "");
	json_set(source, "kept", json_object_new_int64(surroundings.kept_pods));
	json_set(source, "policy", json_object_new_boolean(surroundings.has_policy_v1));
	json_set_text(source, "certificate", surroundings.certificate != NULL ? surroundings.certificate : "");
	json_set(source, "issuers", json_object_new_boolean(surroundings.has_issuers));
	json_set(source, "monitors", json_object_new_boolean(surroundings.has_service_monitors));
	json_set(source, "object", json_object_new_int64((int64_t)managed->digest));
	return json_digest(source);
}

/* What source_of makes its digest of, told by what is cheap to ask. */
static uint64_t hint_of(const struct managed *managed) {
	const struct offer *offers = managed->engine->offers;
	const char *wanted = json_get_text(json_get(managed->object->json, "spec"), "version");
	cleanup_kube_object const struct kube_object *version =
	        wanted != NULL ? follow_get(managed->engine, CACHE_VERSION, NULL, wanted) : NULL;
	cleanup_free char *text =
	        xasprintf("%s %s %s %d %d %d %u %s", managed->object->uid != NULL ? managed->object->uid : "",
	                  managed->object->resource_version != NULL ? managed->object->resource_version : "",
	                  version != NULL ? version->resource_version : "", offers[OFFER_POLICY_V1].is_there,
	                  offers[OFFER_SERVICE_MONITORS].is_there, offers[OFFER_ISSUERS].is_there,
	                  managed->settings_reads, managed->volume_size != NULL ? managed->volume_size : "");
	return text_digest(text);
}

void children_refresh(struct managed *managed) {
	uint64_t hint = hint_of(managed);
	uint64_t source = hint == managed->children_hint ? managed->children_of : source_of(managed);
	managed->children_hint = hint;
	if (source == managed->children_of) {
		strays_refresh(managed, false);
		if (managed->surplus_count > 0 || clock_monotonic_ms() < managed->surplus_until)
			surplus_refresh(managed);
		return;
	}
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *desired = make(managed, &err);
	size_t count = desired != NULL ? json_object_array_length(desired) : 0;
	struct child *children = xcalloc(count > 0 ? count : 1, sizeof(*children));
	for (size_t i = 0; i < count; i++) children[i] = child_new(managed, json_object_array_get_idx(desired, i));
	children_free(managed);
	managed->children = children;
	managed->child_count = count;
	managed->children_trouble = err != NULL ? xstrdup(err->message) : NULL;
	managed->children_of = source;
	managed->surplus_until = clock_monotonic_ms() + SETTLE_MS;
	strays_refresh(managed, true);
	surplus_refresh(managed);
}

/* ---- Whether they are ---- */

static const char *owner_text(const struct kube_object *seen) {
	const struct json_object *owners = json_get_path(seen->json, "metadata", "ownerReferences", NULL);
	if (!json_object_is_type(owners, json_type_array) || json_object_array_length(owners) == 0)
		return "it has no owner";
	return "it belongs to another object";
}

/* Nobody tells when one changes that is not followed. */
static enum child_state state_of_unwatched(const struct child *child) {
	int64_t now = clock_monotonic_ms();
	if (child->foreign != NULL && now - child->foreign_at < FOREIGN_MS) return CHILD_FOREIGN;
	if (child->applied_desired == 0) return CHILD_MISSING;
	bool is_fresh = now - child->applied_at < UNWATCHED_MS;
	return child->applied_desired == child->desired && is_fresh ? CHILD_IN_SYNC : CHILD_DRIFTED;
}

char *desired_text(uint64_t digest) {
	return xasprintf("%016llx", (unsigned long long)digest);
}

/* What an earlier leader has applied is not applied by all anew when the leader changes: from here on drift is seen at
 * once, and what may have drifted before is put right in a while. */
static void adopt(struct child *child, const struct kube_object *seen) {
	const struct json_object *annotations = json_get_path(seen->json, "metadata", "annotations", NULL);
	const char *said = json_get_text(annotations, DESIRED_ANNOTATION);
	cleanup_free char *desired = desired_text(child->desired);
	if (child->applied_desired != 0 || said == NULL || strcmp(said, desired) != 0) return;
	child->applied_desired = child->desired;
	child->applied = child_digest(seen->json);
	child->verify_at = clock_monotonic_ms() + VERIFY_MS + jitter(VERIFY_MS);
}

enum child_state child_state_of(const struct managed *managed, struct child *child, const char **trouble) {
	enum engine_cache cache = child_cache(child->resource);
	*trouble = child->foreign;
	if (cache == CACHES) return state_of_unwatched(child);
	cleanup_kube_object const struct kube_object *seen =
	        follow_get(managed->engine, cache, managed->namespace, child->name);
	if (seen == NULL) {
		bool is_foreign = child->foreign != NULL && clock_monotonic_ms() - child->foreign_at < FOREIGN_MS;
		return is_foreign ? CHILD_FOREIGN : CHILD_MISSING;
	}
	if (!is_owned_by(seen->json, managed->object->uid)) {
		*trouble = owner_text(seen);
		return CHILD_FOREIGN;
	}
	adopt(child, seen);
	/* A watch that is late shows what was before. */
	bool is_old =
	        child->applied_version != NULL && version_is_newer(child->applied_version, seen->resource_version);
	if (is_old && child->applied_desired == child->desired) return CHILD_IN_SYNC;
	bool is_as_applied = child->applied_desired == child->desired && child->applied == child_digest(seen->json);
	if (child->verify_at != 0 && clock_monotonic_ms() >= child->verify_at) return CHILD_DRIFTED;
	return is_as_applied ? CHILD_IN_SYNC : CHILD_DRIFTED;
}
