/* What all children have in common: names, labels, the owner. */
#include <stdlib.h>

#include "base/json.h"
#include "controller/resources/blueprint.h"

void blueprint_free(struct blueprint *blueprint) {
	json_object_put(blueprint->forced_env);
	json_object_put(blueprint->default_env);
	json_object_put(blueprint->forced_pod);
	json_object_put(blueprint->made_claim);
	json_object_put(blueprint->conf);
	json_object_put(blueprint->services);
	free(blueprint->conf_text);
	arena_free(&blueprint->texts);
}

const char *name_with(struct blueprint *blueprint, const char *suffix) {
	return arena_printf(&blueprint->texts, "%s%s", blueprint->name, suffix);
}

struct json_object *selector_of(const struct blueprint *blueprint) {
	struct json_object *labels = json_object_new_object();
	json_set_text(labels, "app.kubernetes.io/instance", blueprint->name);
	json_set_text(labels, "app.kubernetes.io/managed-by", blueprint->flavour->managed_by);
	json_set_text(labels, "app.kubernetes.io/name", blueprint->flavour->name);
	return labels;
}

struct json_object *labels_of(const struct blueprint *blueprint) {
	struct json_object *labels = selector_of(blueprint);
	json_set_text(labels, "app.kubernetes.io/component", "database");
	return labels;
}

/* The garbage collector removes the children with their owner, and waits for them when asked to. */
static struct json_object *owner_of(const struct blueprint *blueprint) {
	const char *uid = json_get_text(json_get(blueprint->object, "metadata"), "uid");
	struct json_object *owner = json_object_new_object();
	json_set_text(owner, "apiVersion", json_get_text(blueprint->object, "apiVersion"));
	json_set_text(owner, "kind", json_get_text(blueprint->object, "kind"));
	json_set_text(owner, "name", blueprint->name);
	json_set_text(owner, "uid", uid);
	json_set(owner, "controller", json_object_new_boolean(true));
	json_set(owner, "blockOwnerDeletion", json_object_new_boolean(true));
	return owner;
}

struct json_object *child_new(const struct blueprint *blueprint, const char *api_version, const char *kind,
                              const char *name) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", blueprint->namespace);
	json_set_text(metadata, "name", name);
	json_set(metadata, "labels", labels_of(blueprint));
	struct json_object *owners = json_object_new_array();
	json_object_array_add(owners, owner_of(blueprint));
	json_set(metadata, "ownerReferences", owners);
	struct json_object *child = json_object_new_object();
	json_set_text(child, "apiVersion", api_version);
	json_set_text(child, "kind", kind);
	json_set(child, "metadata", metadata);
	return child;
}

struct json_object *env_text(const char *name, const char *value) {
	struct json_object *variable = json_object_new_object();
	json_set_text(variable, "name", name);
	json_set_text(variable, "value", value);
	return variable;
}

struct json_object *env_from_secret(const char *name, const char *secret, const char *key) {
	struct json_object *reference = json_object_new_object();
	json_set_text(reference, "name", secret);
	json_set_text(reference, "key", key);
	struct json_object *source = json_object_new_object();
	json_set(source, "secretKeyRef", reference);
	struct json_object *variable = json_object_new_object();
	json_set_text(variable, "name", name);
	json_set(variable, "valueFrom", source);
	return variable;
}
