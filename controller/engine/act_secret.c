/* Secrets: made once, with generated passwords; deleted only when they carry our labels. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/resources/secrets.h"

/* ---- Making ---- */

/* Somebody was first: that is as good. */
static void on_made(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	secret_wipe(answer);
	bool is_there = err == NULL || err->kind == ERROR_CONFLICT;
	if (is_there && !managed->is_gone) secret_made(managed, deed->action.type == ACTION_CREATE_OWN_SECRET);
	deed_end(deed, is_there ? NULL : err);
}

static void create(struct deed *deed, struct json_object *secret) {
	const struct kube_request request = {
		.method = KUBE_POST, .resource = &kube_secrets, .namespace = deed->managed->namespace, .body = secret
	};
	deed_request(deed, &request, on_made);
	secret_wipe(secret);
	json_object_put(secret);
}

static void create_administrator(struct deed *deed) {
	cleanup_error struct error *err = NULL;
	cleanup_password char *password = NULL;
	if (password_generate(&password, &err) < 0) {
		deed_end(deed, err);
		return;
	}
	struct json_object *secret = administrator_secret_of(deed->managed->object->json, password);
	if (secret != NULL) create(deed, secret);
	else deed_drop(deed, "the object names a Secret that others make");
}

/* Says whose it is where labels are taken off: a Secret's type cannot be changed. */
static char *own_type(const struct managed *managed) {
	return xasprintf("agkeeper.dev/%s", managed->resource->plural);
}

bool is_own_secret(const struct managed *managed, const struct json_object *secret) {
	const char *type = json_get_text(secret, "type");
	cleanup_free char *own = own_type(managed);
	return has_our_labels(managed, secret) || (type != NULL && strcmp(type, own) == 0);
}

/* With the labels of the children, and like the administrator's without an owner. */
static struct json_object *own_secret(const struct managed *managed, const char *controller, const char *master_key,
                                      const char *administrator) {
	struct json_object *metadata = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	struct json_object *data = json_object_new_object();
	struct json_object *secret = json_object_new_object();
	bool is_kubedb = managed->resource == &kube_mssqlservers;
	cleanup_free char *type = own_type(managed);
	json_set_text(labels, "app.kubernetes.io/instance", managed->name);
	json_set_text(labels, "app.kubernetes.io/managed-by", is_kubedb ? "kubedb.com" : "agkeeper");
	json_set_text(metadata, "namespace", managed->namespace);
	json_set_text(metadata, "name", managed->spec.own_secret);
	json_set(metadata, "labels", labels);
	json_set_text(data, "controllerPassword", controller);
	json_set_text(data, "masterKeyPassword", master_key);
	if (administrator != NULL) json_set_text(data, "saPassword", administrator);
	json_set_text(secret, "apiVersion", "v1");
	json_set_text(secret, "kind", "Secret");
	json_set_text(secret, "type", type);
	json_set(secret, "metadata", metadata);
	json_set(secret, "stringData", data);
	return secret;
}

static void create_own(struct deed *deed, const char *administrator) {
	cleanup_error struct error *err = NULL;
	cleanup_password char *controller = NULL;
	cleanup_password char *master_key = NULL;
	if (password_generate(&controller, &err) < 0 || password_generate(&master_key, &err) < 0) deed_end(deed, err);
	else create(deed, own_secret(deed->managed, controller, master_key, administrator));
}

/* Servers begin with the password that the administrator's Secret has now: that one is applied. */
static void on_administrator(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (managed->is_gone || (err != NULL && err->kind != ERROR_NOT_FOUND)) {
		if (err != NULL) deed_end(deed, err);
		else deed_drop(deed, "the object is not looked after any more");
		return;
	}
	char *password = err == NULL ? secret_text(answer, managed->spec.administrator_key) : NULL;
	secret_wipe(answer);
	create_own(deed, password);
	wipe(&password);
}

static void read_administrator(struct deed *deed) {
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_secrets,
		                              .namespace = deed->managed->namespace,
		                              .name = deed->managed->spec.administrator_secret };
	deed_request(deed, &request, on_administrator);
}

/* ---- Deleting ---- */

static void on_deleted(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	(void)answer;
	if (!managed->is_gone) secrets_expire(managed, true);
	bool is_gone = err != NULL && (err->kind == ERROR_NOT_FOUND || err->kind == ERROR_CONFLICT);
	deed_end(what, is_gone ? NULL : err);
}

bool has_our_labels(const struct managed *managed, const struct json_object *object) {
	const struct json_object *labels = json_get_path(object, "metadata", "labels", NULL);
	const char *instance = json_get_text(labels, "app.kubernetes.io/instance");
	const char *manager = json_get_text(labels, "app.kubernetes.io/managed-by");
	bool is_kubedb = managed->resource == &kube_mssqlservers;
	return instance != NULL && manager != NULL && strcmp(instance, managed->name) == 0 &&
	       strcmp(manager, is_kubedb ? "kubedb.com" : "agkeeper") == 0;
}

static void delete (struct deed *deed, const char *uid) {
	cleanup_json struct json_object *options = json_object_new_object();
	struct json_object *preconditions = json_object_new_object();
	json_set_text(options, "apiVersion", "v1");
	json_set_text(options, "kind", "DeleteOptions");
	json_set_text(preconditions, "uid", uid);
	json_set(options, "preconditions", preconditions);
	const struct kube_request request = { .method = KUBE_DELETE,
		                              .resource = &kube_secrets,
		                              .namespace = deed->managed->namespace,
		                              .name = deed->action.text,
		                              .body = options };
	deed_request(deed, &request, on_deleted);
}

static bool is_ours(const struct deed *deed, const struct json_object *secret) {
	const struct managed *managed = deed->managed;
	bool is_own = managed->is_readable && strcmp(deed->action.text, managed->spec.own_secret) == 0;
	return is_own ? is_own_secret(managed, secret) : has_our_labels(managed, secret);
}

static void on_there(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (managed->is_gone) {
		deed_drop(deed, "the object is not looked after any more");
	} else if (err != NULL) {
		on_deleted(managed, deed, NULL, err);
	} else if (is_ours(deed, answer)) {
		delete (deed, json_get_text(json_get(answer, "metadata"), "uid"));
	} else {
		secrets_expire(managed, true); /* decided upon what stood there before */
		deed_drop(deed, "it is not one that we made");
	}
	secret_wipe(answer);
}

static void look_first(struct deed *deed) {
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_secrets,
		                              .namespace = deed->managed->namespace,
		                              .name = deed->action.text };
	deed_request(deed, &request, on_there);
}

void act_on_secret(struct deed *deed) {
	if (deed->action.type == ACTION_CREATE_ADMINISTRATOR_SECRET) create_administrator(deed);
	else if (deed->action.type == ACTION_CREATE_OWN_SECRET) read_administrator(deed);
	else if (deed->action.type == ACTION_ISSUE_CERTIFICATE) act_issue_certificate(deed);
	else look_first(deed);
}

/* ---- The endpoints' certificate ---- */

static void on_stored(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (err == NULL && !managed->is_gone) secret_take_own(managed, answer);
	else if (!managed->is_gone) secrets_expire(managed, true);
	secret_wipe(answer);
	if (err != NULL && err->kind == ERROR_CONFLICT) deed_drop(deed, "the Secret was changed meanwhile");
	else deed_end(deed, err);
}

static void set_bytes(struct json_object *data, const char *key, struct sql_bytes bytes) {
	cleanup_strbuf struct strbuf text = { 0 };
	base64_append(&text, bytes.bytes, bytes.length);
	json_set_text(data, key, strbuf_text(&text));
	explicit_bzero(text.data, text.length);
}

void act_store_certificate(struct deed *deed, const struct endpoint_certificate *endpoint) {
	const struct managed *managed = deed->managed;
	cleanup_json struct json_object *patch = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *data = json_object_new_object();
	if (managed->own_version == NULL) {
		deed_drop(deed, "our own Secret is not there");
		return;
	}
	json_set_text(metadata, "resourceVersion", managed->own_version);
	set_bytes(data, "endpoint.crt", endpoint->certificate);
	set_bytes(data, "endpoint.key", endpoint->private_key);
	json_set(patch, "metadata", metadata);
	json_set(patch, "data", data);
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = managed->spec.own_secret,
		                              .body = patch,
		                              .patch_type = KUBE_PATCH_MERGE };
	deed_request(deed, &request, on_stored);
	secret_wipe(patch);
}
