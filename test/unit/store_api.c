#include "unit/store_api.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

struct asked {
	char *method;
	char *path;
};

/* What watches tell. */
struct happened {
	const char *type;
	char *path; /* of the object */
	struct json_object *object;
};

struct store_api {
	struct happened *happened;
	size_t happened_count;
	pthread_cond_t changed;
	int breaks; /* how often all watches were broken */
	bool ends;
	int delay_ms;
	const char *held_method, *held_path; /* NULL: none */
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

static void tell(struct store_api *api, const char *type, const char *path, const struct json_object *object) {
	api->happened = xreallocarray(api->happened, api->happened_count + 1, sizeof(*api->happened));
	api->happened[api->happened_count++] =
	        (struct happened){ .type = type, .path = xstrdup(path), .object = json_copy(object) };
	pthread_cond_broadcast(&api->changed);
}

static void drop(struct store_api *api, const char *path) {
	struct json_object *present = json_get(api->objects, path);
	if (present == NULL) return;
	struct json_object *metadata = json_get(present, "metadata");
	cleanup_free char *version = xasprintf("%lld", (long long)++api->version);
	if (metadata != NULL) json_set_text(metadata, "resourceVersion", version);
	tell(api, "DELETED", path, present);
	json_object_object_del(api->objects, path);
}

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
	bool is_new = json_get(api->objects, path) == NULL;
	json_object_object_del(api->objects, path);
	json_set(api->objects, path, object);
	tell(api, is_new ? "ADDED" : "MODIFIED", path, object);
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

/* A Secret's stringData becomes data. */
static void encode_secret(struct json_object *secret) {
	struct json_object *texts = json_get(secret, "stringData");
	if (texts == NULL) return;
	struct json_object *data = json_object_new_object();
	json_object_object_foreach(texts, key, value) {
		cleanup_strbuf struct strbuf encoded = { 0 };
		const char *text = json_object_get_string(value);
		base64_append(&encoded, text, strlen(text));
		json_set_text(data, key, strbuf_text(&encoded));
	}
	json_set(secret, "data", data);
	json_object_object_del(secret, "stringData");
}

static struct reply create(struct store_api *api, const char *path, struct json_object *body) {
	const char *name = json_get_text(json_get(body, "metadata"), "name");
	if (name == NULL) return failed(422);
	cleanup_free char *where = xasprintf("%s/%s", path, name);
	if (json_get(api->objects, where) != NULL) return failed(409);
	struct json_object *object = json_copy(body);
	encode_secret(object);
	return stored(api, where, object, 201);
}

static struct reply replace(struct store_api *api, const char *path, struct json_object *body) {
	struct json_object *present = json_get(api->objects, path);
	if (present == NULL) return failed(404);
	const char *version = version_of(body);
	if (version != NULL && strcmp(version, version_of(present)) != 0) return failed(409);
	return stored(api, path, json_copy(body), 200);
}

/* Of a write to …/status only the status counts. */
static struct reply replace_status(struct store_api *api, const char *path, struct json_object *body) {
	cleanup_free char *object_path = xstrndup(path, strlen(path) - strlen("/status"));
	struct json_object *present = json_get(api->objects, object_path);
	if (present == NULL) return failed(404);
	if (version_of(body) != NULL && strcmp(version_of(body), version_of(present)) != 0) return failed(409);
	struct json_object *changed = json_copy(present);
	json_set(changed, "status", json_copy(json_get(body, "status")));
	return stored(api, object_path, changed, 200);
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
		const char *wanted = version_of(body);
		const char *uid = json_get_text(json_get(body, "metadata"), "uid");
		if (wanted != NULL && strcmp(wanted, version_of(present)) != 0) return failed(409);
		if (uid != NULL && strcmp(uid, json_get_text(json_get(present, "metadata"), "uid")) != 0)
			return failed(409);
		merge(changed, body);
		if (json_object_equal(changed, present) == 1)
			return (struct reply){ .status = 200, .body = take(&changed) };
	}
	return stored(api, path, take(&changed), 200);
}

/* "/api/v1/namespaces/ns/pods/a" is in "/api/v1/pods". */
static bool is_in(const char *collection, const char *path) {
	static const char marker[] = "/namespaces/";
	const char *namespace = strstr(path, marker);
	const char *rest = namespace != NULL ? strchr(namespace + sizeof(marker) - 1, '/') : NULL;
	size_t prefix = rest != NULL ? (size_t)(namespace - path) : 0;
	if (rest == NULL) rest = path;
	size_t length = strlen(collection);
	const char *end = strrchr(rest, '/');
	return length == prefix + (size_t)(end - rest) && strncmp(collection, path, prefix) == 0 &&
	       strncmp(collection + prefix, rest, (size_t)(end - rest)) == 0;
}

static bool is_selected(const struct json_object *object, bool only_ours) {
	const char *manager =
	        json_get_text(json_get_path(object, "metadata", "labels", NULL), "app.kubernetes.io/managed-by");
	return !only_ours ||
	       (manager != NULL && (strcmp(manager, "agkeeper") == 0 || strcmp(manager, "kubedb.com") == 0));
}

static struct reply list(struct store_api *api, const char *collection, bool only_ours) {
	struct json_object *items = json_object_new_array();
	json_object_object_foreach(api->objects, path, object) {
		if (is_in(collection, path) && is_selected(object, only_ours))
			json_object_array_add(items, json_copy(object));
	}
	struct json_object *metadata = json_object_new_object();
	cleanup_free char *version = xasprintf("%lld", (long long)api->version);
	json_set_text(metadata, "resourceVersion", version);
	struct json_object *body = json_object_new_object();
	json_set_text(body, "kind", "List");
	json_set(body, "metadata", metadata);
	json_set(body, "items", items);
	return (struct reply){ .status = 200, .body = body };
}

/* The body of a DELETE may name the uid. */
static struct reply delete (struct store_api *api, const char *path, const struct json_object *options) {
	const struct json_object *present = json_get(api->objects, path);
	const char *uid = json_get_text(json_get(options, "preconditions"), "uid");
	if (present == NULL) return failed(404);
	if (uid != NULL && strcmp(uid, json_get_text(json_get(present, "metadata"), "uid")) != 0) return failed(409);
	drop(api, path);
	return failed(200);
}

static bool ends_with(const char *text, const char *end) {
	size_t length = strlen(text);
	return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static struct reply serve(struct store_api *api, const char *method, const char *path, struct json_object *body,
                          const char *type) {
	struct json_object *present = json_get(api->objects, path);
	if (strcmp(method, "POST") == 0) return create(api, path, body);
	if (strcmp(method, "PUT") == 0 && ends_with(path, "/status")) return replace_status(api, path, body);
	if (strcmp(method, "PUT") == 0) return replace(api, path, body);
	if (strcmp(method, "PATCH") == 0) return patch(api, path, body, type);
	if (strcmp(method, "DELETE") == 0) return delete (api, path, body);
	if (present == NULL) return failed(404);
	if (strcmp(method, "GET") == 0) return (struct reply){ .status = 200, .body = json_copy(present) };
	return failed(405);
}

/* ---- HTTP ---- */

static bool same_or_any(const char *wanted, const char *text) {
	return wanted == NULL || strcmp(wanted, text) == 0;
}

/* What a request says beside its path and body. */
struct terms {
	const char *type;
	bool lists, only_ours;
};

static struct reply react(struct store_api *api, const char *method, const char *path, const struct strbuf *text,
                          struct terms terms) {
	cleanup_json struct json_object *body = NULL;
	json_parse(strbuf_text(text), text->length, &body, NULL);
	pthread_mutex_lock(&api->lock);
	if (api->hook != NULL) api->hook(api->hook_context, method, path);
	api->asked = xreallocarray(api->asked, api->asked_count + 1, sizeof(*api->asked));
	api->asked[api->asked_count++] = (struct asked){ xstrdup(method), xstrdup(path) };
	while (!api->ends && api->held_path != NULL && strcmp(api->held_path, path) == 0 &&
	       strcmp(api->held_method, method) == 0)
		pthread_cond_wait(&api->changed, &api->lock);
	struct reply reply;
	if (api->fail_times != 0 && same_or_any(api->fail_method, method) && same_or_any(api->fail_path, path)) {
		if (api->fail_times > 0) api->fail_times--;
		reply = failed(api->fail_status);
	} else {
		reply = terms.lists ? list(api, path, terms.only_ours) : serve(api, method, path, body, terms.type);
	}
	int delay_ms = api->delay_ms;
	pthread_mutex_unlock(&api->lock);
	if (delay_ms > 0) poll(NULL, 0, delay_ms);
	if (reply.body == NULL) {
		reply.body = json_object_new_object();
		json_set_text(reply.body, "kind", "Status");
		json_set_text(reply.body, "message", "as the test wanted");
		json_set(reply.body, "code", json_object_new_int(reply.status));
	}
	return reply;
}

/* ---- Watches ---- */

struct watch {
	struct store_api *api;
	char *collection;
	bool only_ours;
	size_t next;
	int breaks;
	struct strbuf line;
	size_t sent; /* of it */
};

/* With the lock held: the next line that concerns it; false: there is none yet. */
static bool next_line(struct watch *watch) {
	const struct store_api *api = watch->api;
	for (; watch->next < api->happened_count; watch->next++) {
		const struct happened *happened = &api->happened[watch->next];
		if (!is_in(watch->collection, happened->path) || !is_selected(happened->object, watch->only_ours))
			continue;
		strbuf_reset(&watch->line);
		watch->sent = 0;
		strbuf_printf(&watch->line, "{\"type\":\"%s\",\"object\":", happened->type);
		json_append(&watch->line, happened->object);
		strbuf_append(&watch->line, "}\n");
		watch->next++;
		return true;
	}
	return false;
}

/* A thread of its own waits here. */
static ssize_t read_watch(void *context, uint64_t position, char *bytes, size_t size) {
	struct watch *watch = context;
	struct store_api *api = watch->api;
	(void)position;
	pthread_mutex_lock(&api->lock);
	while (watch->sent == watch->line.length && !api->ends && watch->breaks == api->breaks && !next_line(watch))
		pthread_cond_wait(&api->changed, &api->lock);
	bool is_broken = watch->breaks != api->breaks;
	bool is_over = api->ends || (is_broken && watch->sent > 0);
	if (is_broken && !is_over && watch->line.length == 0) strbuf_append(&watch->line, "{\"type\":\"MODI");
	pthread_mutex_unlock(&api->lock);
	if (is_over) return MHD_CONTENT_READER_END_WITH_ERROR;
	size_t left = watch->line.length - watch->sent;
	size_t length = left < size ? left : size;
	if (length == 0) return MHD_CONTENT_READER_END_WITH_ERROR;
	memcpy(bytes, watch->line.data + watch->sent, length);
	watch->sent += length;
	return (ssize_t)length;
}

static void free_watch(void *context) {
	struct watch *watch = context;
	strbuf_free(&watch->line);
	free(watch->collection);
	free(watch);
}

static size_t place_of(const struct store_api *api, const char *version) {
	for (size_t i = api->happened_count; i > 0; i--) {
		const char *there = version_of(api->happened[i - 1].object);
		if (there != NULL && atoll(there) <= atoll(version)) return i;
	}
	return 0;
}

static enum MHD_Result begin_watch(struct store_api *api, struct MHD_Connection *connection, const char *path,
                                   const char *version, bool only_ours) {
	struct watch *watch = xcalloc(1, sizeof(*watch));
	pthread_mutex_lock(&api->lock);
	*watch = (struct watch){ .api = api,
		                 .collection = xstrdup(path),
		                 .only_ours = only_ours,
		                 .next = place_of(api, version),
		                 .breaks = api->breaks };
	pthread_mutex_unlock(&api->lock);
	struct MHD_Response *response =
	        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 64 * 1024, read_watch, watch, free_watch);
	MHD_add_response_header(response, "Content-Type", "application/json");
	enum MHD_Result result = MHD_queue_response(connection, 200, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- Requests ---- */

static const char *query_of(struct MHD_Connection *connection, const char *key) {
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
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
	bool only_ours = query_of(connection, "labelSelector") != NULL;
	if (query_of(connection, "watch") != NULL)
		return begin_watch(context, connection, path, query_of(connection, "resourceVersion"), only_ours);
	struct reply reply = react(context, method, path, body,
	                           (struct terms){ .type = type != NULL ? type : "",
	                                           .lists = query_of(connection, "limit") != NULL,
	                                           .only_ours = only_ours });
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
	pthread_cond_init(&api->changed, NULL);
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

void store_api_break_watches(struct store_api *api) {
	pthread_mutex_lock(&api->lock);
	api->breaks++;
	pthread_cond_broadcast(&api->changed);
	pthread_mutex_unlock(&api->lock);
}

void store_api_delay(struct store_api *api, int delay_ms) {
	pthread_mutex_lock(&api->lock);
	api->delay_ms = delay_ms;
	pthread_mutex_unlock(&api->lock);
}

void store_api_hold(struct store_api *api, const char *method, const char *path) {
	pthread_mutex_lock(&api->lock);
	api->held_method = method;
	api->held_path = path;
	pthread_cond_broadcast(&api->changed);
	pthread_mutex_unlock(&api->lock);
}

void store_api_free(struct store_api *api) {
	pthread_mutex_lock(&api->lock);
	api->ends = true;
	pthread_cond_broadcast(&api->changed);
	pthread_mutex_unlock(&api->lock);
	MHD_stop_daemon(api->daemon);
	for (size_t i = 0; i < api->happened_count; i++) {
		free(api->happened[i].path);
		json_object_put(api->happened[i].object);
	}
	free(api->happened);
	pthread_cond_destroy(&api->changed);
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

const char *store_api_url(const struct store_api *api) {
	return api->url;
}

void store_api_put(struct store_api *api, const char *path, const char *text) {
	pthread_mutex_lock(&api->lock);
	if (text == NULL) {
		drop(api, path);
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
