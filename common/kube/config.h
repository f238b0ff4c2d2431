/* How to reach the API server and who to be there. */
#ifndef AGKEEPER_KUBE_CONFIG_H
#define AGKEEPER_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* PEM text: a file that is read again for every new connection (it may be renewed), or bytes. Both NULL: none given. */
struct kube_pem {
	char *file;
	char *data;
	size_t length; /* of data */
};

struct kube_config {
	char *server;                /* "https://10.96.0.1:443", without a slash at the end */
	char *tls_server_name;       /* the name to expect in the server's certificate; NULL: the host of `server` */
	bool insecure;               /* insecure-skip-tls-verify */
	struct kube_pem ca;          /* none: the system's */
	struct kube_pem certificate; /* of the client */
	struct kube_pem key;
	char *token;      /* a bearer token that never changes; or */
	char *token_file; /* one that is read again and again, because it is renewed in place */
	char *proxy_url;  /* NULL: what the environment says */
	char *namespace;  /* where we live, or the context's; "default" when nothing says so */
};

/* The settings to use: `path` when it is not NULL, else the file that KUBECONFIG names, else those of the pod we run
 * in, else ~/.kube/config. The caller owns *config. */
int kube_config_load(const char *path, struct kube_config **config, struct error **err);

/* A kubeconfig's current context. Paths inside are relative to the file. Plugins (exec, auth-provider), passwords and
 * impersonation are ERROR_INVALID: they are not supported. */
int kube_config_from_file(const char *path, struct kube_config **config, struct error **err);
/* The same from text; `directory` is what paths inside are relative to. */
int kube_config_parse(const char *text, size_t length, const char *directory, struct kube_config **config,
                      struct error **err);

/* The settings of a pod: KUBERNETES_SERVICE_HOST and _PORT, and the files token, ca.crt and namespace in `directory`;
 * NULL is what AGKEEPER_SERVICE_ACCOUNT_DIR says (for nodes that cannot mount at the usual place), else
 * /var/run/secrets/kubernetes.io/serviceaccount. ERROR_NOT_FOUND when we do not run in a pod. */
int kube_config_in_cluster(const char *directory, struct kube_config **config, struct error **err);

void kube_config_free(struct kube_config *config);
void kube_config_cleanup(struct kube_config **config);
#define cleanup_kube_config __attribute__((cleanup(kube_config_cleanup)))

#endif
