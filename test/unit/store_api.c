#include "unit/store_api.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

struct asked {
	char *method;
	char *path;
};

struct store_api {
	struct MHD_Daemon *daemon;
	char *url;
	pthread_mutex_t lock; /* recursive: hooks call back */
	struct json_object *objects;
	int64_t version;
	struct asked *asked;
	size_t asked_count;
	const char *fail_method;
	const char *fail_path;
	int fail_status;
	int fail_times;
	void (*hook)(void *context, const char *method, const char *path);
	void *hook_context;
};

struct reply {
	int status;
	struct json_object *body; /* owned; NULL: a Status of that code */
};

/* ---- Objects ---- */

static void store(struct store_api *api, const char *path, struct json_object *object) {
	struct json_object *metadata = json_get(object, "metadata");
	if (metadata != NULL) {
		cleanup_free char *version = xasprintf("%lld", (long long)++api->version);
		json_set_text(metadata, "resourceVersion", version);
		if (json_get(metadata, "uid") == NULL) {
			cleanup_free char *uid = xasprintf("uid-%s", version);
			json_set_text(metadata, "uid", uid);
		}
	}
	json_object_object_del(api->objects, path);
	json_set(api->objects, path, object);
}

static const char *version_of(const struct json_object *object) {
	return json_get_text(json_get(object, "metadata"), "resourceVersion");
}

static struct reply failed(int status) {
	return (struct reply){ .status = status };
}

static struct reply stored(struct store_api *api, const char *path, struct json_object *object, int status) {
	store(api, path, object);
	return (struct reply){ .status = status, .body = json_copy(object) };
}

static struct reply create(struct store_api *api, const char *path, struct json_object *body) {
	const char *name = json_get_text(json_get(body, "metadata"), "name");
	if (name == NULL) return failed(422);
	cleanup_free char *where = xasprintf("%s/%s", path, name);
	if (json_get(api->objects, where) != NULL) return failed(409);
	return stored(api, where, json_copy(body), 201);
}

static struct reply replace(struct store_api *api, const char *path, struct json_object *body) {
	struct json_object *present = json_get(api->objects, path);
	if (present == NULL) return failed(404);
	const char *version = version_of(body);
	if (version != NULL && strcmp(version, version_of(present)) != 0) return failed(409);
	return stored(api, path, json_copy(body), 200);
}

/* RFC 7386, and near enough to server-side apply for objects without lists. */
static void merge(struct json_object *into, const struct json_object *patch) {
	json_object_object_foreach((struct json_object *)patch, key, value) {
		struct json_object *present = json_get(into, key);
		if (value == NULL) json_object_object_del(into, key);
		else if (json_object_is_type(value, json_type_object) && json_object_is_type(present, json_type_object))
			merge(present, value);
		else json_set(into, key, json_copy(value));
	}
}

/* One operation of a JSON patch; false when it fails. */
static bool operate(struct json_object **object, const struct json_object *operation) {
	const char *name = json_get_text(operation, "op");
	const char *path = json_get_text(operation, "path");
	struct json_object *value = json_get(operation, "value");
	struct json_object *present = NULL;
	bool there = json_pointer_get(*object, path, &present) == 0;
	if (strcmp(name, "test") == 0) return there && json_object_equal(present, value) == 1;
	if (strcmp(name, "replace") == 0 && !there) return false;
	if (strcmp(name, "add") == 0 || strcmp(name, "replace") == 0)
		return json_pointer_set(object, path, json_copy(value)) == 0;
	return false;
}

static struct reply patch(struct store_api *api, const char *path, struct json_object *body, const char *type) {
	struct json_object *present = json_get(api->objects, path);
	bool apply = strncmp(type, "application/apply-patch", strlen("application/apply-patch")) == 0;
	if (present == NULL) return apply ? stored(api, path, json_copy(body), 201) : failed(404);
	cleanup_json struct json_object *changed = json_copy(present);
	if (strcmp(type, "application/json-patch+json") == 0) {
		for (size_t i = 0; i < json_object_array_length(body); i++) {
			if (!operate(&changed, json_object_array_get_idx(body, i))) return failed(422);
		}
	} else {
		merge(changed, body);
	}
	return stored(api, path, take(&changed), 200);
}

static struct reply serve(struct store_api *api, const char *method, const char *path, struct json_object *body,
                          const char *type) {
	struct json_object *present = json_get(api->objects, path);
	if (strcmp(method, "POST") == 0) return create(api, path, body);
	if (strcmp(method, "PUT") == 0) return replace(api, path, body);
	if (strcmp(method, "PATCH") == 0) return patch(api, path, body, type);
	if (present == NULL) return failed(404);
	if (strcmp(method, "GET") == 0) return (struct reply){ .status = 200, .body = json_copy(present) };
	if (strcmp(method, "DELETE") != 0) return failed(405);
	json_object_object_del(api->objects, path);
	return failed(200);
}

/* ---- HTTP ---- */

static bool same_or_any(const char *wanted, const char *text) {
	return wanted == NULL || strcmp(wanted, text) == 0;
}

static struct reply react(struct store_api *api, const char *method, const char *path, const struct strbuf *text,
                          const char *type) {
	cleanup_json struct json_object *body = NULL;
	json_parse(strbuf_text(text), text->length, &body, NULL);
	pthread_mutex_lock(&api->lock);
	if (api->hook != NULL) api->hook(api->hook_context, method, path);
	api->asked = xreallocarray(api->asked, api->asked_count + 1, sizeof(*api->asked));
	api->asked[api->asked_count++] = (struct asked){ xstrdup(method), xstrdup(path) };
	struct reply reply;
	if (api->fail_times != 0 && same_or_any(api->fail_method, method) && same_or_any(api->fail_path, path)) {
		if (api->fail_times > 0) api->fail_times--;
		reply = failed(api->fail_status);
	} else {
		reply = serve(api, method, path, body, type);
	}
	pthread_mutex_unlock(&api->lock);
	if (reply.body == NULL) {
		reply.body = json_object_new_object();
		json_set_text(reply.body, "kind", "Status");
		json_set_text(reply.body, "message", "as the test wanted");
		json_set(reply.body, "code", json_object_new_int(reply.status));
	}
	return reply;
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *bytes, size_t *length,
                                  void **state) {
	(void)version;
	struct strbuf *body = *state;
	if (body == NULL) {
		*state = xcalloc(1, sizeof(struct strbuf));
		return MHD_YES;
	}
	if (*length > 0) {
		strbuf_append_n(body, bytes, *length);
		*length = 0;
		return MHD_YES;
	}
	const char *type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Type");
	struct reply reply = react(context, method, path, body, type != NULL ? type : "");
	cleanup_json struct json_object *owned = reply.body;
	if (reply.status == 0) return MHD_NO; /* drops the connection */
	char *text = json_to_text(owned);
	struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, (unsigned int)reply.status, response);
	MHD_destroy_response(response);
	return result;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code) {
	(void)context;
	(void)connection;
	(void)code;
	if (*state == NULL) return;
	strbuf_free(*state);
	free(*state);
	*state = NULL;
}

/* ---- The server ---- */

struct store_api *store_api_new(void) {
	struct store_api *api = xcalloc(1, sizeof(*api));
	pthread_mutexattr_t attributes;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&api->lock, &attributes);
	pthread_mutexattr_destroy(&attributes);
	api->objects = json_object_new_object();
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION;
	api->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, api, MHD_OPTION_SOCK_ADDR, &address,
	                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	assert_non_null(api->daemon);
	unsigned int port = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	api->url = xasprintf("http://127.0.0.1:%u", port);
	return api;
}

void store_api_free(struct store_api *api) {
	MHD_stop_daemon(api->daemon);
	for (size_t i = 0; i < api->asked_count; i++) {
		free(api->asked[i].method);
		free(api->asked[i].path);
	}
	free(api->asked);
	json_object_put(api->objects);
	pthread_mutex_destroy(&api->lock);
	free(api->url);
	free(api);
}

struct kube_client *store_api_client(const struct store_api *api, const char *namespace) {
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xstrdup(api->url);
	config->namespace = xstrdup(namespace);
	struct kube_client *client = kube_client_new(config, NULL);
	assert_non_null(client);
	return client;
}

void store_api_put(struct store_api *api, const char *path, const char *text) {
	pthread_mutex_lock(&api->lock);
	if (text == NULL) {
		json_object_object_del(api->objects, path);
	} else {
		struct json_object *object = NULL;
		assert_int_equal(json_parse(text, strlen(text), &object, NULL), 0);
		store(api, path, object);
	}
	pthread_mutex_unlock(&api->lock);
}

struct json_object *store_api_get(struct store_api *api, const char *path) {
	pthread_mutex_lock(&api->lock);
	struct json_object *present = json_get(api->objects, path);
	struct json_object *copy = present != NULL ? json_copy(present) : NULL;
	pthread_mutex_unlock(&api->lock);
	return copy;
}

void store_api_fail(struct store_api *api, const char *method, const char *path, int status, int times) {
	pthread_mutex_lock(&api->lock);
	api->fail_method = method;
	api->fail_path = path;
	api->fail_status = status;
	api->fail_times = times;
	pthread_mutex_unlock(&api->lock);
}

void store_api_interfere(struct store_api *api, void (*hook)(void *context, const char *method, const char *path),
                         void *context) {
	pthread_mutex_lock(&api->lock);
	api->hook = hook;
	api->hook_context = context;
	pthread_mutex_unlock(&api->lock);
}

size_t store_api_count(struct store_api *api, const char *method, const char *path) {
	size_t count = 0;
	pthread_mutex_lock(&api->lock);
	for (size_t i = 0; i < api->asked_count; i++)
		count += same_or_any(method, api->asked[i].method) && same_or_any(path, api->asked[i].path);
	pthread_mutex_unlock(&api->lock);
	return count;
}
