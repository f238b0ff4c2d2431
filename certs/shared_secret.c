#include "certs/shared_secret.h"

#include "base/json.h"

enum { TIMEOUT_MS = 5000 };

void shared_secret_forget(struct shared_secret *secret) {
	json_object_put(secret->object);
	secret->object = NULL;
}

int shared_secret_read(struct shared_secret *secret, struct bundle *bundle, struct error **err) {
	shared_secret_forget(secret);
	struct kube_request request = { .method = KUBE_GET,
		                        .resource = &kube_secrets,
		                        .namespace = secret->namespace,
		                        .name = secret->name,
		                        .timeout_ms = TIMEOUT_MS };
	cleanup_error struct error *failure = NULL;
	if (kube_request(secret->client, &request, &secret->object, &failure) < 0 && failure->kind != ERROR_NOT_FOUND)
		return error_move(err, &failure);
	bundle_from_data(bundle, json_get(secret->object, "data"));
	return 0;
}

static struct json_object *new_object(const struct shared_secret *secret) {
	struct json_object *labels = json_object_new_object();
	json_set_text(labels, "app.kubernetes.io/name", "agkeeper");
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "name", secret->name);
	json_set_text(metadata, "namespace", secret->namespace);
	json_set(metadata, "labels", labels);
	struct json_object *object = json_object_new_object();
	json_set_text(object, "apiVersion", "v1");
	json_set_text(object, "kind", "Secret");
	json_set(object, "metadata", metadata);
	json_set_text(object, "type", "kubernetes.io/tls");
	return object;
}

int shared_secret_write(struct shared_secret *secret, const struct bundle *bundle, struct error **err) {
	cleanup_json struct json_object *body = secret->object != NULL ? json_copy(secret->object) : new_object(secret);
	if (json_get(body, "data") == NULL) json_set(body, "data", json_object_new_object());
	bundle_to_data(bundle, json_get(body, "data"));
	struct kube_request request = { .method = secret->object != NULL ? KUBE_PUT : KUBE_POST,
		                        .resource = &kube_secrets,
		                        .namespace = secret->namespace,
		                        .name = secret->object != NULL ? secret->name : NULL,
		                        .body = body,
		                        .timeout_ms = TIMEOUT_MS };
	cleanup_json struct json_object *written = NULL;
	if (kube_request(secret->client, &request, &written, err) < 0) return -1;
	json_object_put(secret->object);
	secret->object = json_object_get(written);
	return 0;
}
