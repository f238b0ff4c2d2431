/* Telling the API server whom to trust: the CA bundle goes into the clientConfig of our webhook configurations and of
 * the CRDs that are converted by us.
 *
 * This looks by GET instead of watching: a handful of objects by name every ten seconds asks for no rights to list or
 * watch, holds no connections open, and what it has to find (somebody replaced a manifest) is rare. */
#ifndef AGKEEPER_CERTS_INJECTION_H
#define AGKEEPER_CERTS_INJECTION_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/strbuf.h"
#include "kube/client.h"

struct injection {
	struct kube_client *client;
	const char *configuration; /* what our Mutating- and ValidatingWebhookConfiguration are called */
	const char *const *crds;   /* names of CRDs whose conversion is ours; NULL-terminated */
	/* Instead of the Service, for a process outside the cluster; or NULL. While it stands there, the API server
	 * refuses `kubectl apply` of a manifest that names the Service ("exactly one of url or service"): delete the
	 * webhook configurations first, or apply manifests that name the URL. */
	const char *webhook_url;
};

struct injection_result {
	bool everywhere; /* every object that exists carries the bundle now */
	bool changed;    /* at least one did not before */
	int absent;      /* objects that do not exist (yet) */
};

/* Brings the bundle (PEM) into every object where it is not. What cannot be read or written is passed over: *err then
 * says what went wrong with the last such object, and the result is not `everywhere`. Returns -1 in that case. */
int inject_ca_bundle(const struct injection *injection, const char *trusted, struct injection_result *result,
                     struct error **err);

/* The change that `object` (a webhook configuration or a CRD) needs, as a JSON patch (RFC 6902) that applies to this
 * very state of it; NULL when it needs none. `ca_bundle` is base64; `webhook_url` may be NULL. */
struct json_object *injection_patch(const struct json_object *object, const char *ca_bundle, const char *webhook_url);

#endif
