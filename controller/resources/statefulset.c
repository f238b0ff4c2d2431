/* The StatefulSet, its settings and its disruption budget. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/conf.h"
#include "controller/resources/merge.h"

/* A digest, not the text: settings may be secret. */
static void set_checksum(struct json_object *template, const char *annotation, const char *text) {
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	if (EVP_Digest(text, strlen(text), digest, &size, EVP_sha256(), NULL) != 1) abort();
	cleanup_strbuf struct strbuf hex = { 0 };
	for (unsigned int i = 0; i < 16; i++) strbuf_printf(&hex, "%02x", digest[i]);
	json_set_text(json_get_path(template, "metadata", "annotations", NULL), annotation, strbuf_text(&hex));
}

static struct json_object *claim_template_of(const struct blueprint *blueprint) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "name", "data");
	json_set(metadata, "labels", labels_of(blueprint));
	struct json_object *claim = json_object_new_object();
	json_set_text(claim, "apiVersion", "v1");
	json_set_text(claim, "kind", "PersistentVolumeClaim");
	json_set(claim, "metadata", metadata);
	struct json_object *spec = json_copy(blueprint->claim);
	const char *size = blueprint->surroundings->volume_size;
	if (size != NULL) json_set_text(merge_object(merge_object(spec, "resources"), "requests"), "storage", size);
	json_set(claim, "spec", spec);
	return claim;
}

static int64_t pods_of(const struct blueprint *blueprint) {
	int64_t kept = blueprint->surroundings->kept_pods;
	bool is_halted = blueprint->replicas == 0;
	return !is_halted && kept > blueprint->replicas ? kept : blueprint->replicas;
}

/* Parallel: a group must come up whichever of its pods can start. OnDelete: the controller rolls, the primary last. */
struct json_object *stateful_set_of(struct blueprint *blueprint) {
	struct json_object *set = child_new(blueprint, "apps/v1", "StatefulSet", blueprint->name);
	const struct json_object *given = json_get_path(blueprint->spec, "podTemplate", "controller", NULL);
	if (json_get(given, "annotations") != NULL) {
		json_set(json_get(set, "metadata"), "annotations", json_copy(json_get(given, "annotations")));
	}
	struct json_object *labels = json_get_path(set, "metadata", "labels", NULL);
	if (json_get(given, "labels") != NULL) merge_missing(labels, json_copy(json_get(given, "labels")));

	struct json_object *spec = json_object_new_object();
	json_set_text(spec, "serviceName", name_with(blueprint, "-pods"));
	json_set(spec, "replicas", json_object_new_int64(pods_of(blueprint)));
	json_set_text(spec, "podManagementPolicy", "Parallel");
	json_set_text(merge_object(spec, "updateStrategy"), "type", "OnDelete");
	json_set(merge_object(spec, "selector"), "matchLabels", selector_of(blueprint));
	struct json_object *template = pod_template_of(blueprint);
	const char *certificate = blueprint->surroundings->certificate;
	set_checksum(template, CHECKSUM_ANNOTATION, blueprint->conf_text);
	if (blueprint->tls_secret != NULL && certificate != NULL)
		set_checksum(template, CERTIFICATE_ANNOTATION, certificate);
	json_set(spec, "template", template);
	if (blueprint->claim != NULL) {
		json_object_array_add(merge_list(spec, "volumeClaimTemplates"), claim_template_of(blueprint));
	}
	json_set(set, "spec", spec);
	return set;
}

struct json_object *configuration_of(struct blueprint *blueprint) {
	struct json_object *object = child_new(blueprint, "v1", blueprint->conf_is_secret ? "Secret" : "ConfigMap",
	                                       name_with(blueprint, "-config"));
	if (!blueprint->conf_is_secret) {
		json_set_text(merge_object(object, "data"), "mssql.conf", blueprint->conf_text);
		return object;
	}
	cleanup_strbuf struct strbuf encoded = { 0 };
	base64_append(&encoded, blueprint->conf_text, strlen(blueprint->conf_text));
	json_set_text(object, "type", "Opaque");
	json_set_text(merge_object(object, "data"), "mssql.conf", strbuf_text(&encoded));
	return object;
}

/* One at a time: whoever drains nodes waits until the group is whole again. */
struct json_object *disruption_budget_of(struct blueprint *blueprint) {
	const char *version = blueprint->surroundings->has_policy_v1 ? "policy/v1" : "policy/v1beta1";
	struct json_object *budget = child_new(blueprint, version, "PodDisruptionBudget", blueprint->name);
	struct json_object *spec = json_object_new_object();
	json_set(spec, "maxUnavailable", json_object_new_int(1));
	json_set(merge_object(spec, "selector"), "matchLabels", selector_of(blueprint));
	json_set(budget, "spec", spec);
	return budget;
}
