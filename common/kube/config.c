#include "kube/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"

static const char service_account_directory[] = "/var/run/secrets/kubernetes.io/serviceaccount";

static char *environment(const char *name) {
	char *value = getenv(name);
	return value != NULL && value[0] != '\0' ? value : NULL;
}

int kube_config_in_cluster(const char *directory, struct kube_config **config, struct error **err) {
	const char *host = environment("KUBERNETES_SERVICE_HOST");
	const char *port = environment("KUBERNETES_SERVICE_PORT");
	if (host == NULL || port == NULL) {
		return error_set(err, ERROR_NOT_FOUND,
		                 "not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set");
	}
	if (directory == NULL) directory = environment("AGKEEPER_SERVICE_ACCOUNT_DIR");
	if (directory == NULL) directory = service_account_directory;

	cleanup_kube_config struct kube_config *new = xcalloc(1, sizeof(*new));
	/* An IPv6 address stands in brackets in a URL (RFC 3986 section 3.2.2). */
	bool is_ipv6 = strchr(host, ':') != NULL;
	new->server = xasprintf(is_ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
	new->token_file = xasprintf("%s/token", directory);
	new->ca.file = xasprintf("%s/ca.crt", directory);
	/* Say now, with the path, what is missing, rather than at the first request. */
	cleanup_free char *token = NULL;
	if (file_read_word(new->token_file, &token, err) < 0) return -1;
	if (access(new->ca.file, R_OK) != 0) {
		return error_set(err, ERROR_INVALID, "%s: the cluster's CA certificate cannot be read", new->ca.file);
	}
	cleanup_free char *namespace_file = xasprintf("%s/namespace", directory);
	if (file_read_word(namespace_file, &new->namespace, NULL) < 0) new->namespace = xstrdup("default");
	*config = take(&new);
	return 0;
}

int kube_config_load(const char *path, struct kube_config **config, struct error **err) {
	if (path != NULL) return kube_config_from_file(path, config, err);
	const char *from_environment = environment("KUBECONFIG");
	if (from_environment != NULL) {
		if (strchr(from_environment, ':') != NULL) {
			return error_set(err, ERROR_INVALID,
			                 "KUBECONFIG=%s names several files: merging them is not supported, name one",
			                 from_environment);
		}
		return kube_config_from_file(from_environment, config, err);
	}
	if (environment("KUBERNETES_SERVICE_HOST") != NULL) return kube_config_in_cluster(NULL, config, err);
	const char *home = environment("HOME");
	cleanup_free char *usual = home != NULL ? xasprintf("%s/.kube/config", home) : NULL;
	if (usual != NULL && access(usual, F_OK) == 0) return kube_config_from_file(usual, config, err);
	return error_set(err, ERROR_NOT_FOUND,
	                 "no cluster is configured: neither --kubeconfig nor KUBECONFIG is given, this is no pod, and "
	                 "~/.kube/config does not exist");
}

static void pem_free(struct kube_pem *pem) {
	free(pem->file);
	if (pem->data != NULL) explicit_bzero(pem->data, pem->length);
	free(pem->data);
}

void kube_config_free(struct kube_config *config) {
	if (config == NULL) return;
	free(config->server);
	free(config->tls_server_name);
	pem_free(&config->ca);
	pem_free(&config->certificate);
	pem_free(&config->key);
	if (config->token != NULL) explicit_bzero(config->token, strlen(config->token));
	free(config->token);
	free(config->token_file);
	free(config->proxy_url);
	free(config->namespace);
	free(config);
}

void kube_config_cleanup(struct kube_config **config) {
	kube_config_free(*config);
}
