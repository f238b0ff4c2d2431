/* kubeconfig files, as k8s.io/client-go/tools/clientcmd/api/v1 types.go defines them: named clusters, users and
 * contexts, of which current-context picks one of each. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "kube/config.h"

/* What a kubeconfig is read with: where it stands, and what is to be filled. */
struct reading {
	const char *directory;
	struct kube_config *config;
};

/* The entry of `list` ("clusters", "users", "contexts") called `name`; its content stands under `key`. */
static struct json_object *find_named(const struct json_object *root, const char *list, const char *name,
                                      const char *key, struct error **err) {
	struct json_object *entries = json_get(root, list);
	size_t count = json_object_is_type(entries, json_type_array) ? json_object_array_length(entries) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct json_object *entry = json_object_array_get_idx(entries, i);
		const char *entry_name = json_get_text(entry, "name");
		if (entry_name != NULL && strcmp(entry_name, name) == 0) {
			struct json_object *content = json_get(entry, key);
			if (content != NULL) return content;
			error_set(err, ERROR_INVALID, "%s: the entry \"%s\" has no %s", list, name, key);
			return NULL;
		}
	}
	error_set(err, ERROR_INVALID, "%s: there is no entry \"%s\"", list, name);
	return NULL;
}

/* Copies the string at `key`, when there is one that is not empty, to *text. */
static int copy_text(const struct json_object *object, const char *key, char **text, struct error **err) {
	const struct json_object *value = json_get(object, key);
	if (value == NULL) return 0;
	const char *string = json_get_text(object, key);
	if (string == NULL) return error_set(err, ERROR_INVALID, "%s: must be a string", key);
	if (string[0] == '\0') return 0;
	free(*text);
	*text = xstrdup(string);
	return 0;
}

static int copy_path(const struct reading *reading, const struct json_object *object, const char *key, char **path,
                     struct error **err) {
	if (copy_text(object, key, path, err) < 0) return -1;
	if (*path == NULL || (*path)[0] == '/') return 0;
	cleanup_free char *relative = *path;
	*path = xasprintf("%s/%s", reading->directory, relative);
	return 0;
}

/* A certificate or key: `key`-data wins over the file of `key` (clientcmd: "CertificateAuthorityData … overrides"). */
static int copy_pem(const struct reading *reading, const struct json_object *object, const char *key,
                    struct kube_pem *pem, struct error **err) {
	cleanup_free char *data_key = xasprintf("%s-data", key);
	cleanup_free char *coded = NULL;
	if (copy_text(object, data_key, &coded, err) < 0) return -1;
	if (coded == NULL) return copy_path(reading, object, key, &pem->file, err);
	unsigned char *bytes;
	size_t length;
	bool decoded = base64_decode(coded, strlen(coded), &bytes, &length);
	explicit_bzero(coded, strlen(coded));
	if (!decoded || length == 0) {
		free(bytes);
		return error_set(err, ERROR_INVALID, "%s: must be base64 of a PEM text", data_key);
	}
	pem->data = (char *)bytes;
	pem->length = length;
	return 0;
}

static int read_cluster(const struct reading *reading, const struct json_object *cluster, struct error **err) {
	struct kube_config *config = reading->config;
	if (copy_text(cluster, "server", &config->server, err) < 0) return -1;
	if (config->server == NULL) return error_set(err, ERROR_INVALID, "server: must be given");
	if (strncmp(config->server, "https://", 8) != 0 && strncmp(config->server, "http://", 7) != 0) {
		return error_set(err, ERROR_INVALID, "server: \"%s\": must start with https:// or http://",
		                 config->server);
	}
	for (size_t length = strlen(config->server); length > 0 && config->server[length - 1] == '/'; length--) {
		config->server[length - 1] = '\0';
	}
	if (copy_pem(reading, cluster, "certificate-authority", &config->ca, err) < 0) return -1;
	if (copy_text(cluster, "tls-server-name", &config->tls_server_name, err) < 0) return -1;
	if (copy_text(cluster, "proxy-url", &config->proxy_url, err) < 0) return -1;
	config->insecure = json_get_flag(cluster, "insecure-skip-tls-verify", false);
	if (config->insecure && (config->ca.file != NULL || config->ca.data != NULL)) {
		return error_set(err, ERROR_INVALID,
		                 "certificate-authority and insecure-skip-tls-verify exclude each other");
	}
	return 0;
}

static const struct {
	const char *key;
	const char *instead;
} unsupported[] = {
	{ "exec", "credential plugins are not supported: use a token, a tokenFile or a client certificate" },
	{ "auth-provider",
	  "authentication providers are not supported: use a token, a tokenFile or a client certificate" },
	{ "username",
	  "passwords are not supported (nor by Kubernetes since 1.19): use a token or a client certificate" },
	{ "as", "impersonation is not supported" },
	{ "as-groups", "impersonation is not supported" },
};

static int read_user(const struct reading *reading, const struct json_object *user, struct error **err) {
	struct kube_config *config = reading->config;
	for (size_t i = 0; i < ARRAY_LENGTH(unsupported); i++) {
		if (json_get(user, unsupported[i].key) != NULL) {
			return error_set(err, ERROR_INVALID, "%s: %s", unsupported[i].key, unsupported[i].instead);
		}
	}
	if (copy_text(user, "token", &config->token, err) < 0) return -1;
	if (copy_path(reading, user, "tokenFile", &config->token_file, err) < 0) return -1;
	if (copy_pem(reading, user, "client-certificate", &config->certificate, err) < 0) return -1;
	if (copy_pem(reading, user, "client-key", &config->key, err) < 0) return -1;
	bool has_certificate = config->certificate.file != NULL || config->certificate.data != NULL;
	bool has_key = config->key.file != NULL || config->key.data != NULL;
	if (has_certificate != has_key) {
		return error_set(err, ERROR_INVALID,
		                 "client-certificate and client-key: one is given without the other");
	}
	return 0;
}

static int read_context(const struct reading *reading, const struct json_object *root, struct error **err) {
	const char *current = json_get_text(root, "current-context");
	if (current == NULL || current[0] == '\0') {
		return error_set(err, ERROR_INVALID, "current-context: must be given");
	}
	const struct json_object *context = find_named(root, "contexts", current, "context", err);
	if (context == NULL) return -1;
	const char *cluster_name = json_get_text(context, "cluster");
	if (cluster_name == NULL) {
		return error_set(err, ERROR_INVALID, "contexts: \"%s\" names no cluster", current);
	}
	const struct json_object *cluster = find_named(root, "clusters", cluster_name, "cluster", err);
	if (cluster == NULL) return -1;
	if (read_cluster(reading, cluster, err) < 0) {
		return error_prefix(err, "cluster \"%s\"", cluster_name);
	}
	/* A context without a user is anonymous, and so is a user without anything in it. */
	const char *user_name = json_get_text(context, "user");
	if (user_name != NULL && user_name[0] != '\0') {
		struct error *missing = NULL;
		const struct json_object *user = find_named(root, "users", user_name, "user", &missing);
		error_free(missing);
		if (user == NULL) {
			return error_set(err, ERROR_INVALID, "users: there is no entry \"%s\", or it is empty",
			                 user_name);
		}
		if (read_user(reading, user, err) < 0) return error_prefix(err, "user \"%s\"", user_name);
	}
	if (copy_text(context, "namespace", &reading->config->namespace, err) < 0) return -1;
	if (reading->config->namespace == NULL) reading->config->namespace = xstrdup("default");
	return 0;
}

int kube_config_parse(const char *text, size_t length, const char *directory, struct kube_config **config,
                      struct error **err) {
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	if (yaml_parse(text, length, &stream, err) < 0) return -1;
	if (stream.count == 0 || !json_object_is_type(stream.documents[0].json, json_type_object)) {
		return error_set(err, ERROR_INVALID, "this is no kubeconfig: it must be a YAML mapping");
	}
	cleanup_kube_config struct kube_config *new = xcalloc(1, sizeof(*new));
	const struct reading reading = { .directory = directory, .config = new };
	if (read_context(&reading, stream.documents[0].json, err) < 0) return -1;
	*config = take(&new);
	return 0;
}

int kube_config_from_file(const char *path, struct kube_config **config, struct error **err) {
	enum { LIMIT = 4 * 1024 * 1024 };
	cleanup_strbuf struct strbuf text = { 0 };
	if (file_read(path, LIMIT, &text, err) < 0) return error_prefix(err, "kubeconfig");
	const char *slash = strrchr(path, '/');
	cleanup_free char *directory = slash == NULL ? xstrdup(".") : xstrndup(path, (size_t)(slash - path));
	int status = kube_config_parse(strbuf_text(&text), text.length, directory, config, err);
	explicit_bzero(text.data, text.length);
	return status < 0 ? error_prefix(err, "kubeconfig %s", path) : 0;
}
