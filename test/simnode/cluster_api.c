#include "simnode/cluster_api.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

static const struct kube_object *find(void *context, const struct kube_resource *resource, const char *namespace,
                                      const char *name) {
	const struct cluster_api *api = context;
	const struct {
		const struct kube_resource *resource;
		struct kube_cache *cache;
	} caches[] = {
		{ &kube_secrets, api->secrets },
		{ &kube_configmaps, api->configmaps },
		{ &kube_persistentvolumeclaims, api->claims },
		{ &kube_persistentvolumes, api->volumes },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(caches); i++) {
		if (caches[i].resource == resource) return kube_cache_get(caches[i].cache, namespace, name);
	}
	return NULL;
}

/* A TokenRequest bound to the pod: it becomes void when the pod is gone. */
static struct json_object *token_request(const struct json_object *pod, const char *audience, int64_t seconds) {
	const struct json_object *metadata = json_get(pod, "metadata");
	struct json_object *request = json_object_new_object();
	struct json_object *spec = json_object_new_object();
	struct json_object *bound = json_object_new_object();
	struct json_object *audiences = json_object_new_array();
	json_set_text(request, "apiVersion", "authentication.k8s.io/v1");
	json_set_text(request, "kind", "TokenRequest");
	json_set_text(bound, "apiVersion", "v1");
	json_set_text(bound, "kind", "Pod");
	json_set_text(bound, "name", json_get_text(metadata, "name"));
	json_set_text(bound, "uid", json_get_text(metadata, "uid"));
	if (audience != NULL && *audience != '\0') json_object_array_add(audiences, json_object_new_string(audience));
	json_set(spec, "audiences", audiences);
	json_set(spec, "expirationSeconds", json_object_new_int64(seconds));
	json_set(spec, "boundObjectRef", bound);
	json_set(request, "spec", spec);
	return request;
}

static int token(void *context, const struct json_object *pod, const char *audience, int64_t seconds, char **text,
                 int64_t *expires_at, struct error **err) {
	struct cluster_api *api = context;
	const char *account = json_get_text(json_get(pod, "spec"), "serviceAccountName");
	cleanup_json struct json_object *body = token_request(pod, audience, seconds);
	cleanup_json struct json_object *answer = NULL;
	const struct kube_request request = {
		.method = KUBE_POST,
		.resource = &kube_serviceaccounts,
		.namespace = json_get_text(json_get(pod, "metadata"), "namespace"),
		.name = account != NULL ? account : "default",
		.subresource = "token",
		.body = body,
	};
	if (kube_request(api->client, &request, &answer, err) < 0) return -1;
	const char *got = json_get_text(json_get(answer, "status"), "token");
	const char *expires = json_get_text(json_get(answer, "status"), "expirationTimestamp");
	if (got == NULL || expires == NULL)
		return error_set(err, ERROR_INTERNAL, "the answer to a TokenRequest has no token");
	*text = xstrdup(got);
	*expires_at = clock_parse_rfc3339(expires);
	return 0;
}

struct cluster cluster_api(struct cluster_api *api, const char *host, const char *port) {
	return (struct cluster){
		.context = api,
		.find = find,
		.token = token,
		.api_host = host,
		.api_port = port,
	};
}
