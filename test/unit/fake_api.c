#include "unit/fake_api.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"

struct fake_stream {
	struct fake_api *api; /* once a request has got it */
	struct strbuf bytes;
	size_t sent;
	enum stream_state { STREAM_OPEN, STREAM_ENDED, STREAM_BROKEN } state;
};

enum { MOST_RULES = 64 };

struct fake_api {
	struct MHD_Daemon *daemon;
	char *url;
	/* One lock for everything, and for every stream: this is a test. */
	struct fake_rule rules[MOST_RULES];
	int uses[MOST_RULES];
	size_t rule_count;
	struct fake_request **requests;
	size_t request_count;
	bool stopping;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

void fake_nap(void) {
	poll(NULL, 0, 5);
}

/* ---- Streams ---- */

struct fake_stream *fake_stream_new(void) {
	return xcalloc(1, sizeof(struct fake_stream));
}

void fake_stream_free(struct fake_stream *stream) {
	strbuf_free(&stream->bytes);
	free(stream);
}

void fake_stream_send(struct fake_stream *stream, const char *text) {
	pthread_mutex_lock(&lock);
	strbuf_append(&stream->bytes, text);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void finish(struct fake_stream *stream, enum stream_state state) {
	pthread_mutex_lock(&lock);
	stream->state = state;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void fake_stream_end(struct fake_stream *stream) {
	finish(stream, STREAM_ENDED);
}

void fake_stream_break(struct fake_stream *stream) {
	finish(stream, STREAM_BROKEN);
}

/* MHD_ContentReaderCallback: blocks, which is fine with a thread for each connection. */
static ssize_t read_stream(void *context, uint64_t position, char *buffer, size_t room) {
	(void)position;
	struct fake_stream *stream = context;
	ssize_t result;
	pthread_mutex_lock(&lock);
	while (stream->sent == stream->bytes.length && stream->state == STREAM_OPEN && !stream->api->stopping) {
		pthread_cond_wait(&changed, &lock);
	}
	size_t left = stream->bytes.length - stream->sent;
	if (left > 0) {
		size_t piece = left < room ? left : room;
		memcpy(buffer, stream->bytes.data + stream->sent, piece);
		stream->sent += piece;
		result = (ssize_t)piece;
	} else {
		result = stream->state == STREAM_ENDED ? MHD_CONTENT_READER_END_OF_STREAM
		                                       : MHD_CONTENT_READER_END_WITH_ERROR;
	}
	pthread_mutex_unlock(&lock);
	return result;
}

/* ---- Requests ---- */

static enum MHD_Result add_argument(void *context, enum MHD_ValueKind kind, const char *key, const char *value) {
	(void)kind;
	struct strbuf *query = context;
	strbuf_printf(query, "%s%s=%s", query->length > 0 ? "&" : "", key, value != NULL ? value : "");
	return MHD_YES;
}

static char *header(struct MHD_Connection *connection, const char *name) {
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
	return xstrdup(value != NULL ? value : "");
}

static bool shows_certificate(struct MHD_Connection *connection) {
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info == NULL) return false;
	unsigned int count = 0;
	unsigned int status = 0;
	gnutls_session_t session = info->tls_session;
	return gnutls_certificate_get_peers(session, &count) != NULL && count > 0 &&
	       gnutls_certificate_verify_peers2(session, &status) == 0 && status == 0;
}

static struct fake_request *describe(struct MHD_Connection *connection, const char *method, const char *path,
                                     struct strbuf *body) {
	struct fake_request *request = xcalloc(1, sizeof(*request));
	struct strbuf query = { 0 };
	MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_argument, &query);
	request->method = xstrdup(method);
	request->path = xstrdup(path);
	request->query = strbuf_detach(&query);
	request->authorization = header(connection, "Authorization");
	request->content_type = header(connection, "Content-Type");
	request->user_agent = header(connection, "User-Agent");
	request->body = strbuf_detach(body);
	request->has_certificate = shows_certificate(connection);
	return request;
}

static bool fits(const struct fake_rule *rule, const struct fake_request *request) {
	if (rule->method != NULL && strcmp(rule->method, request->method) != 0) return false;
	if (strcmp(rule->path, request->path) != 0) return false;
	if (rule->query != NULL && strstr(request->query, rule->query) == NULL) return false;
	if (rule->not_in_query != NULL && strstr(request->query, rule->not_in_query) != NULL) return false;
	if (rule->token == NULL) return true;
	return strncmp(request->authorization, "Bearer ", 7) == 0 &&
	       strcmp(request->authorization + 7, rule->token) == 0;
}

/* Remembers the request and finds its answer. */
static struct fake_rule take_rule(struct fake_api *api, struct fake_request *request) {
	static const struct fake_rule not_found = { .status = 404, .body = "404 page not found\n" };
	struct fake_rule found = not_found;
	pthread_mutex_lock(&lock);
	api->requests = xreallocarray(api->requests, api->request_count + 1, sizeof(struct fake_request *));
	api->requests[api->request_count++] = request;
	for (size_t i = 0; i < api->rule_count; i++) {
		const struct fake_rule *rule = &api->rules[i];
		if (!fits(rule, request) || (rule->times > 0 && api->uses[i] >= rule->times)) continue;
		api->uses[i]++;
		found = *rule;
		break;
	}
	if (found.stream != NULL) found.stream->api = api;
	while (found.hang && !api->stopping) pthread_cond_wait(&changed, &lock);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	return found;
}

static enum MHD_Result answer(struct MHD_Connection *connection, const struct fake_rule *rule) {
	struct MHD_Response *response;
	if (rule->stream != NULL) {
		/* Blocks of one byte at least: what was fed goes out at once. */
		response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, read_stream, rule->stream, NULL);
	} else {
		const char *body = rule->body != NULL ? rule->body : "";
		response = MHD_create_response_from_buffer(strlen(body), (void *)body, MHD_RESPMEM_MUST_COPY);
	}
	MHD_add_response_header(response, "Content-Type", "application/json");
	if (rule->retry_after != NULL) MHD_add_response_header(response, "Retry-After", rule->retry_after);
	unsigned int status = rule->status != 0 ? (unsigned int)rule->status : 200;
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
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
	struct fake_request *request = describe(connection, method, path, body);
	struct fake_rule rule = take_rule(context, request);
	return answer(connection, &rule);
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

struct fake_api *fake_api_new(const struct fake_tls *tls) {
	struct fake_api *api = xcalloc(1, sizeof(*api));
	const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	unsigned int flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION;
	const struct MHD_OptionItem with_tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, tls != NULL ? (void *)tls->certificate : NULL },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, tls != NULL ? (void *)tls->key : NULL },
		{ MHD_OPTION_HTTPS_MEM_TRUST, 0, tls != NULL ? (void *)tls->client_ca : NULL },
		{ MHD_OPTION_END, 0, NULL },
	};
	const struct MHD_OptionItem without[] = { { MHD_OPTION_END, 0, NULL } };
	if (tls != NULL) flags |= MHD_USE_TLS;
	api->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, api, MHD_OPTION_SOCK_ADDR, &address,
	                               MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_ARRAY,
	                               tls != NULL ? with_tls : without, MHD_OPTION_END);
	assert_non_null(api->daemon);
	unsigned int port = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	api->url = xasprintf("%s://127.0.0.1:%u", tls != NULL ? "https" : "http", port);
	return api;
}

void fake_api_free(struct fake_api *api) {
	pthread_mutex_lock(&lock);
	api->stopping = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	MHD_stop_daemon(api->daemon);
	for (size_t i = 0; i < api->request_count; i++) {
		struct fake_request *request = api->requests[i];
		free(request->method);
		free(request->path);
		free(request->query);
		free(request->authorization);
		free(request->content_type);
		free(request->user_agent);
		free(request->body);
		free(request);
	}
	free(api->requests);
	free(api->url);
	free(api);
}

const char *fake_api_url(const struct fake_api *api) {
	return api->url;
}

void fake_api_on(struct fake_api *api, struct fake_rule rule) {
	pthread_mutex_lock(&lock);
	assert_true(api->rule_count < MOST_RULES);
	api->rules[api->rule_count++] = rule;
	pthread_mutex_unlock(&lock);
}

struct kube_client *fake_api_client(const struct fake_api *api, const char *token_file) {
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xstrdup(api->url);
	config->namespace = xstrdup("default");
	if (token_file != NULL) config->token_file = xstrdup(token_file);
	struct kube_client *client = kube_client_new(config, NULL);
	assert_non_null(client);
	return client;
}

static bool matches(const struct fake_request *request, const char *method, const char *path, const char *query) {
	return (method == NULL || strcmp(request->method, method) == 0) &&
	       (path == NULL || strcmp(request->path, path) == 0) &&
	       (query == NULL || strstr(request->query, query) != NULL);
}

static size_t count_locked(const struct fake_api *api, const char *method, const char *path, const char *query) {
	size_t count = 0;
	for (size_t i = 0; i < api->request_count; i++) {
		if (matches(api->requests[i], method, path, query)) count++;
	}
	return count;
}

size_t fake_api_count(struct fake_api *api, const char *method, const char *path, const char *query) {
	pthread_mutex_lock(&lock);
	size_t count = count_locked(api, method, path, query);
	pthread_mutex_unlock(&lock);
	return count;
}

void fake_api_wait(struct fake_api *api, const char *method, const char *path, const char *query, size_t count) {
	if (wait_until(fake_api_count(api, method, path, query) >= count)) return;
	fail_msg("fewer than %zu requests %s %s with \"%s\"", count, method, path, query != NULL ? query : "");
}

const struct fake_request *fake_api_last(struct fake_api *api, const char *method, const char *path) {
	const struct fake_request *last = NULL;
	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < api->request_count; i++) {
		if (matches(api->requests[i], method, path, NULL)) last = api->requests[i];
	}
	pthread_mutex_unlock(&lock);
	if (last == NULL) fail_msg("no request %s %s", method, path);
	return last;
}
