#include "kube/client.h"

#include <poll.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/call.h"
#include "kube/client_private.h"

static void initialize_curl(void) {
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct kube_client *kube_client_new(struct kube_config *config, struct error **err) {
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, initialize_curl);
	cleanup_kube_client struct kube_client *client = xcalloc(1, sizeof(*client));
	client->config = config;
	pthread_mutex_init(&client->lock, NULL);
	token_source_init(&client->token, config->token_file, config->token);
	if (transport_resolve(client, err) < 0) return NULL;
	return take(&client);
}

void kube_client_free(struct kube_client *client) {
	if (client == NULL) return;
	for (size_t i = 0; i < client->idle_count; i++) curl_easy_cleanup(client->idle[i]);
	client_forget_discovered(client);
	curl_slist_free_all(client->connect_to);
	free(client->url_base);
	token_source_destroy(&client->token);
	pthread_mutex_destroy(&client->lock);
	kube_config_free(client->config);
	free(client);
}

void kube_client_cleanup(struct kube_client **client) {
	kube_client_free(*client);
}

const char *kube_client_namespace(const struct kube_client *client) {
	return client->config->namespace;
}

/* ---- The pool: a handle keeps its connections, so the one used last is the likeliest to have a live one ---- */

static CURL *borrow_handle(struct kube_client *client) {
	CURL *easy = NULL;
	pthread_mutex_lock(&client->lock);
	if (client->idle_count > 0) easy = client->idle[--client->idle_count];
	pthread_mutex_unlock(&client->lock);
	if (easy == NULL) easy = curl_easy_init();
	if (easy == NULL) abort();
	return easy;
}

/* After a failure of the network a handle is not kept: with HTTP/2 it would use the same dead connection again, since
 * giving up a stream does not close what carries it. */
static void return_handle(struct kube_client *client, CURL *easy, bool failed) {
	if (failed) {
		curl_easy_cleanup(easy);
		return;
	}
	/* What the handle points to is about to go. */
	curl_easy_reset(easy);
	pthread_mutex_lock(&client->lock);
	if (client->idle_count < CLIENT_IDLE_HANDLES) {
		client->idle[client->idle_count++] = easy;
		easy = NULL;
	}
	pthread_mutex_unlock(&client->lock);
	if (easy != NULL) curl_easy_cleanup(easy);
}

int kube_request(struct kube_client *client, const struct kube_request *request, struct json_object **answer,
                 struct error **err) {
	struct call call;
	call_init(&call, client, request);
	CURL *easy = borrow_handle(client);
	int status = -1;
	CURLcode result = CURLE_OK;
	for (int attempts = 1;; attempts++) {
		cleanup_error struct error *failure = NULL;
		if (call_prepare(&call, easy, err) < 0) break;
		result = curl_easy_perform(easy);
		status = call_finish(&call, result, answer, &failure);
		if (status == 0) break;
		int64_t delay = call_retry_delay_ms(&call, failure, attempts);
		if (delay < 0) {
			error_move(err, &failure);
			break;
		}
		poll(NULL, 0, (int)delay);
	}
	return_handle(client, easy, result != CURLE_OK);
	call_free(&call);
	return status;
}

void kube_client_add_metrics(struct kube_client *client, struct metrics *metrics) {
	client->requests = metrics_add(metrics, METRIC_COUNTER, "agkeeper_api_requests_total",
	                               "Requests sent to the API server.", METRIC_LABELS("verb", "resource"));
}

/* ---- The usual requests ---- */

int kube_get(struct kube_client *client, const struct kube_resource *resource, const char *namespace, const char *name,
             struct json_object **object, struct error **err) {
	const struct kube_request request = {
		.method = KUBE_GET,
		.resource = resource,
		.namespace = namespace,
		.name = name,
	};
	return kube_request(client, &request, object, err);
}

/* Names the body's type where it does not do so itself, and addresses the request to what the body is called. */
static void address(struct kube_request *request, struct json_object *body) {
	if (json_get(body, "apiVersion") == NULL) {
		cleanup_strbuf struct strbuf api_version = { 0 };
		kube_resource_api_version(&api_version, request->resource);
		json_set_text(body, "apiVersion", strbuf_text(&api_version));
	}
	if (json_get(body, "kind") == NULL) json_set_text(body, "kind", request->resource->kind);
	const struct json_object *metadata = json_get(body, "metadata");
	request->namespace = json_get_text(metadata, "namespace");
	request->name = json_get_text(metadata, "name");
	request->body = body;
}

int kube_create(struct kube_client *client, const struct kube_resource *resource, struct json_object *body,
                struct json_object **object, struct error **err) {
	struct kube_request request = { .method = KUBE_POST, .resource = resource };
	address(&request, body);
	request.name = NULL;
	return kube_request(client, &request, object, err);
}

int kube_update(struct kube_client *client, const struct kube_resource *resource, struct json_object *body,
                struct json_object **object, struct error **err) {
	struct kube_request request = { .method = KUBE_PUT, .resource = resource };
	address(&request, body);
	return kube_request(client, &request, object, err);
}

int kube_apply(struct kube_client *client, const struct kube_resource *resource, struct json_object *body, bool force,
               struct json_object **object, struct error **err) {
	struct kube_request request = {
		.method = KUBE_PATCH,
		.resource = resource,
		.patch_type = KUBE_PATCH_APPLY,
		.force = force,
	};
	address(&request, body);
	return kube_request(client, &request, object, err);
}

int kube_patch(struct kube_client *client, const struct kube_resource *resource, const char *namespace,
               const char *name, const char *subresource, enum kube_patch_type type, const struct json_object *patch,
               struct json_object **object, struct error **err) {
	const struct kube_request request = {
		.method = KUBE_PATCH,
		.resource = resource,
		.namespace = namespace,
		.name = name,
		.subresource = subresource,
		.patch_type = type,
		.body = patch,
	};
	return kube_request(client, &request, object, err);
}

static const char *const propagation_names[] = {
	[KUBE_PROPAGATION_DEFAULT] = NULL,
	[KUBE_BACKGROUND] = "Background",
	[KUBE_FOREGROUND] = "Foreground",
	[KUBE_ORPHAN] = "Orphan",
};

static struct json_object *delete_options_json(const struct kube_delete_options *options) {
	struct json_object *json = json_object_new_object();
	json_set_text(json, "apiVersion", "v1");
	json_set_text(json, "kind", "DeleteOptions");
	if (propagation_names[options->propagation] != NULL) {
		json_set_text(json, "propagationPolicy", propagation_names[options->propagation]);
	}
	if (options->has_grace_period) {
		json_set(json, "gracePeriodSeconds", json_object_new_int64(options->grace_period_seconds));
	}
	if (options->uid != NULL || options->resource_version != NULL) {
		struct json_object *preconditions = json_object_new_object();
		if (options->uid != NULL) json_set_text(preconditions, "uid", options->uid);
		if (options->resource_version != NULL) {
			json_set_text(preconditions, "resourceVersion", options->resource_version);
		}
		json_set(json, "preconditions", preconditions);
	}
	return json;
}

int kube_delete(struct kube_client *client, const struct kube_resource *resource, const char *namespace,
                const char *name, const struct kube_delete_options *options, struct error **err) {
	/* DELETE of a collection deletes everything in it: never by a name that got lost. */
	if (name == NULL || name[0] == '\0')
		return error_set(err, ERROR_INVALID, "DELETE %s: no name", resource->plural);
	cleanup_json struct json_object *body = options != NULL ? delete_options_json(options) : NULL;
	const struct kube_request request = {
		.method = KUBE_DELETE,
		.resource = resource,
		.namespace = namespace,
		.name = name,
		.body = body,
	};
	return kube_request(client, &request, NULL, err);
}

/* ---- Lists ---- */

enum { LIST_CHUNK = 250 };

static int visit_items(const struct json_object *list, int (*visit)(void *, struct json_object *, struct error **),
                       void *context, struct error **err) {
	struct json_object *items = json_get(list, "items");
	size_t count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	for (size_t i = 0; i < count; i++) {
		if (visit(context, json_object_array_get_idx(items, i), err) < 0) return -1;
	}
	return 0;
}

int kube_list(struct kube_client *client, const struct kube_resource *resource, const struct kube_selection *selection,
              int (*visit)(void *context, struct json_object *object, struct error **err), void *context,
              struct error **err) {
	struct kube_request request = { .method = KUBE_GET, .resource = resource, .limit = LIST_CHUNK };
	if (selection != NULL) {
		request.namespace = selection->namespace;
		request.label_selector = selection->label_selector;
		request.field_selector = selection->field_selector;
	}
	cleanup_free char *next = NULL;
	for (;;) {
		cleanup_json struct json_object *list = NULL;
		cleanup_error struct error *failure = NULL;
		request.continue_token = next;
		if (kube_request(client, &request, &list, &failure) < 0) {
			/* The rest of a chunked list expires after some minutes: all in one piece, then, as client-go's
			 * pager does. */
			if (failure->kind == ERROR_GONE && next != NULL) {
				free(take(&next));
				request.limit = 0;
				continue;
			}
			return error_move(err, &failure);
		}
		if (visit_items(list, visit, context, err) < 0) return -1;
		const char *token = json_get_text(json_get(list, "metadata"), "continue");
		free(take(&next));
		if (token == NULL || token[0] == '\0') return 0;
		next = xstrdup(token);
	}
}
