/* What the server offers, and who it takes us for. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/client_private.h"

enum { REMEMBER_OFFERED_MS = 600 * 1000, REMEMBER_MISSING_MS = 30 * 1000 };

struct discovered {
	struct discovered *next;
	const struct kube_resource *resource;
	bool offered;
	int64_t until; /* monotonic milliseconds */
};

/* With the lock held. Resources are rows of a table, so their address tells them apart. */
static struct discovered *find(const struct kube_client *client, const struct kube_resource *resource) {
	struct discovered *known = client->discovered;
	while (known != NULL && known->resource != resource) known = known->next;
	return known;
}

static void remember(struct kube_client *client, const struct kube_resource *resource, bool offered) {
	pthread_mutex_lock(&client->lock);
	struct discovered *known = find(client, resource);
	if (known == NULL) {
		known = xmalloc(sizeof(*known));
		*known = (struct discovered){ .next = client->discovered, .resource = resource };
		client->discovered = known;
	}
	known->offered = offered;
	known->until = clock_monotonic_ms() + (offered ? REMEMBER_OFFERED_MS : REMEMBER_MISSING_MS);
	pthread_mutex_unlock(&client->lock);
}

void client_forget_discovered(struct kube_client *client) {
	while (client->discovered != NULL) {
		struct discovered *next = client->discovered->next;
		free(client->discovered);
		client->discovered = next;
	}
}

/* Whether an APIResourceList holds the resource. */
static bool is_listed(const struct json_object *list, const struct kube_resource *resource) {
	struct json_object *resources = json_get(list, "resources");
	size_t count = json_object_is_type(resources, json_type_array) ? json_object_array_length(resources) : 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_get_text(json_object_array_get_idx(resources, i), "name");
		if (name != NULL && strcmp(name, resource->plural) == 0) return true;
	}
	return false;
}

int kube_discover(struct kube_client *client, const struct kube_resource *resource, struct error **err) {
	int answer = -1;
	pthread_mutex_lock(&client->lock);
	const struct discovered *known = find(client, resource);
	if (known != NULL && known->until > clock_monotonic_ms()) answer = known->offered ? 1 : 0;
	pthread_mutex_unlock(&client->lock);
	if (answer >= 0) return answer;

	cleanup_strbuf struct strbuf path = { 0 };
	strbuf_append(&path, resource->group[0] == '\0' ? "/api/" : "/apis/");
	kube_resource_api_version(&path, resource);
	const struct kube_request request = { .method = KUBE_GET, .raw_path = strbuf_text(&path) };
	cleanup_json struct json_object *list = NULL;
	cleanup_error struct error *failure = NULL;
	if (kube_request(client, &request, &list, &failure) < 0 && failure->kind != ERROR_NOT_FOUND) {
		return error_move(err, &failure);
	}
	bool offered = is_listed(list, resource);
	remember(client, resource, offered);
	return offered ? 1 : 0;
}

int kube_whoami(struct kube_client *client, char **user, struct error **err) {
	*user = NULL;
	cleanup_token char *token = NULL;
	if (token_get(&client->token, &token, err) < 0) return -1;
	if (token != NULL) *user = token_subject(token);
	if (*user != NULL) return 0;

	int offered = kube_discover(client, &kube_selfsubjectreviews, err);
	if (offered <= 0) return offered;
	cleanup_json struct json_object *body = json_object_new_object();
	cleanup_json struct json_object *review = NULL;
	if (kube_create(client, &kube_selfsubjectreviews, body, &review, err) < 0) return -1;
	const struct json_object *info = json_get_path(review, "status", "userInfo", NULL);
	const char *name = json_get_text(info, "username");
	if (name != NULL) *user = xstrdup(name);
	return 0;
}
