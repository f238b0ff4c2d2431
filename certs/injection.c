#include "certs/injection.h"

#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

enum { ATTEMPTS = 4, TIMEOUT_MS = 5000 };

/* ---- The patch ---- */

static void add_operation(struct json_object *patch, const char *operation, const char *path,
                          struct json_object *value) {
	struct json_object *entry = json_object_new_object();
	json_set_text(entry, "op", operation);
	json_set_text(entry, "path", path);
	json_set(entry, "value", value);
	json_object_array_add(patch, entry);
}

/* The URL of this webhook below the one given: its path is the last segment of what it had, of the Service's path or of
 * an earlier URL ("/validate"). */
static char *url_below(const char *webhook_url, const struct json_object *client_config) {
	const char *path = json_get_text(json_get(client_config, "service"), "path");
	if (path == NULL) path = json_get_text(client_config, "url");
	const char *segment = path != NULL ? strrchr(path, '/') : NULL;
	size_t length = strlen(webhook_url);
	while (length > 0 && webhook_url[length - 1] == '/') length--;
	return xasprintf("%.*s%s", (int)length, webhook_url, segment != NULL ? segment : "/");
}

/* `pointer` is where `client_config` stands. */
static void patch_client_config(struct json_object *patch, const struct json_object *client_config, const char *pointer,
                                const char *ca_bundle, const char *webhook_url) {
	const char *present = json_get_text(client_config, "caBundle");
	bool trusted = present != NULL && strcmp(present, ca_bundle) == 0;
	if (webhook_url == NULL) {
		if (trusted) return;
		cleanup_free char *path = xasprintf("%s/caBundle", pointer);
		add_operation(patch, "add", path, json_object_new_string(ca_bundle));
		return;
	}
	cleanup_free char *url = url_below(webhook_url, client_config);
	const char *present_url = json_get_text(client_config, "url");
	if (trusted && present_url != NULL && strcmp(present_url, url) == 0) return;
	/* As a whole: `service` and `url` exclude each other. */
	struct json_object *replacement = json_object_new_object();
	json_set_text(replacement, "url", url);
	json_set_text(replacement, "caBundle", ca_bundle);
	add_operation(patch, "replace", pointer, replacement);
}

static void patch_webhooks(struct json_object *patch, const struct json_object *webhooks, const char *ca_bundle,
                           const char *webhook_url) {
	if (!json_object_is_type(webhooks, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(webhooks); i++) {
		const struct json_object *config = json_get(json_object_array_get_idx(webhooks, i), "clientConfig");
		if (config == NULL) continue;
		cleanup_free char *pointer = xasprintf("/webhooks/%zu/clientConfig", i);
		patch_client_config(patch, config, pointer, ca_bundle, webhook_url);
	}
}

struct json_object *injection_patch(const struct json_object *object, const char *ca_bundle, const char *webhook_url) {
	cleanup_json struct json_object *patch = json_object_new_array();
	/* The same indices must mean the same webhooks when the patch arrives. */
	const char *version = json_get_text(json_get(object, "metadata"), "resourceVersion");
	if (version != NULL) add_operation(patch, "test", "/metadata/resourceVersion", json_object_new_string(version));
	size_t empty = json_object_array_length(patch);

	patch_webhooks(patch, json_get(object, "webhooks"), ca_bundle, webhook_url);
	const struct json_object *conversion =
	        json_get_path(object, "spec", "conversion", "webhook", "clientConfig", NULL);
	if (conversion != NULL)
		patch_client_config(patch, conversion, "/spec/conversion/webhook/clientConfig", ca_bundle, webhook_url);
	return json_object_array_length(patch) > empty ? take(&patch) : NULL;
}

/* ---- The objects ---- */

/* Somebody was faster: the "test" of the patch failed (422), or the write itself met another one (409). */
static bool was_overtaken(const struct error *err) {
	return err != NULL && (err->kind == ERROR_CONFLICT || err->code == 422);
}

static int read_and_patch(const struct injection *injection, const struct kube_resource *resource, const char *name,
                          const char *ca_bundle, bool *changed, struct error **err) {
	cleanup_json struct json_object *object = NULL;
	struct kube_request get = { .method = KUBE_GET, .resource = resource, .name = name, .timeout_ms = TIMEOUT_MS };
	if (kube_request(injection->client, &get, &object, err) < 0) return -1;
	cleanup_json struct json_object *patch = injection_patch(object, ca_bundle, injection->webhook_url);
	if (patch == NULL) return 0;
	*changed = true;
	struct kube_request write = { .method = KUBE_PATCH,
		                      .resource = resource,
		                      .name = name,
		                      .body = patch,
		                      .patch_type = KUBE_PATCH_JSON,
		                      .timeout_ms = TIMEOUT_MS };
	if (kube_request(injection->client, &write, NULL, err) < 0) return -1;
	log_info("CA bundle injected", log_str("kind", resource->kind), log_str("name", name));
	return 0;
}

static int inject_into(const struct injection *injection, const struct kube_resource *resource, const char *name,
                       const char *ca_bundle, struct injection_result *result, struct error **err) {
	for (int attempt = 0;; attempt++) {
		cleanup_error struct error *failure = NULL;
		if (read_and_patch(injection, resource, name, ca_bundle, &result->changed, &failure) == 0) return 0;
		if (failure->kind == ERROR_NOT_FOUND) {
			result->absent++;
			return 0;
		}
		if (was_overtaken(failure) && attempt + 1 < ATTEMPTS) continue;
		return error_set_code(err, failure->kind, failure->code, "%s %s: %s", resource->kind, name,
		                      failure->message);
	}
}

int inject_ca_bundle(const struct injection *injection, const char *trusted, struct injection_result *result,
                     struct error **err) {
	*result = (struct injection_result){ 0 };
	cleanup_strbuf struct strbuf ca_bundle = { 0 };
	base64_append(&ca_bundle, trusted, strlen(trusted));
	const char *text = strbuf_text(&ca_bundle);
	const char *name = injection->configuration;
	int failed = 0;
	failed += inject_into(injection, &kube_mutatingwebhookconfigurations, name, text, result, err);
	failed += inject_into(injection, &kube_validatingwebhookconfigurations, name, text, result, err);
	for (size_t i = 0; injection->crds[i] != NULL; i++)
		failed +=
		        inject_into(injection, &kube_customresourcedefinitions, injection->crds[i], text, result, err);
	result->everywhere = failed == 0;
	return failed == 0 ? 0 : -1;
}
