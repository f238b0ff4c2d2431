/* One HTTP request: is it a review, and what is the answer. */
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "webhook/server_private.h"
#include "webhook/status.h"

static const struct path {
	const char *url;
	enum review_path path;
} paths[] = {
	{ "/mutate", REVIEW_MUTATE },
	{ "/validate", REVIEW_VALIDATE },
	{ "/convert", REVIEW_CONVERT },
	{ "/handover", REVIEW_HANDOVER },
};

/* What is kept for the next request of the connection; a rare large one does not hold its memory for ever. */
enum { KEEP_BUFFER = 64 * 1024 };

/* ---- Is it a review? ---- */

static void reject(struct connection *connection, int status, const char *message) {
	connection->error = status;
	connection->error_message = message;
}

static bool is_json(const char *content_type) {
	static const char json[] = "application/json";
	if (content_type == NULL || strncasecmp(content_type, json, sizeof(json) - 1) != 0) return false;
	return strchr("; \t", content_type[sizeof(json) - 1]) != NULL; /* and the end, which strchr finds too */
}

static const struct path *find_path(const char *url) {
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		if (strcmp(paths[i].url, url) == 0) return &paths[i];
	}
	return NULL;
}

/* Once a connection: whether the client showed a certificate of --client-ca. */
static bool is_trusted(struct connection *connection) {
	if (connection->server->config.client_ca_pem == NULL) return true;
	if (connection->peer == PEER_UNKNOWN) {
		const union MHD_ConnectionInfo *info =
		        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
		gnutls_typed_vdata_st purpose = { GNUTLS_DT_KEY_PURPOSE_OID,
			                          (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT, 0 };
		unsigned status = 1;
		bool verified = info != NULL &&
		                gnutls_certificate_verify_peers((gnutls_session_t)info->tls_session, &purpose, 1,
		                                                &status) == GNUTLS_E_SUCCESS &&
		                status == 0;
		connection->peer = verified ? PEER_TRUSTED : PEER_REFUSED;
	}
	return connection->peer == PEER_TRUSTED;
}

static void check_request(struct connection *connection, const char *url, const char *method) {
	const struct path *path = find_path(url);
	if (!is_trusted(connection)) {
		reject(connection, MHD_HTTP_FORBIDDEN, "a client certificate of the configured CA is required");
		return;
	}
	if (path == NULL) {
		reject(connection, MHD_HTTP_NOT_FOUND,
		       "no such path; there are /mutate, /validate, /convert and /handover");
		return;
	}
	connection->path = path->path;
	if (strcmp(method, MHD_HTTP_METHOD_POST) != 0) {
		reject(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "reviews are sent with POST");
		return;
	}
	if (!is_json(MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE))) {
		reject(connection, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json");
	}
}

static void reject_too_large(struct connection *connection) {
	reject(connection, MHD_HTTP_CONTENT_TOO_LARGE, "the body is larger than any review");
}

/* Reads the length that the client announces: 0 when it announces none (chunked). */
static unsigned long long announced_length(struct connection *connection) {
	const char *text =
	        MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
	return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* ---- The answer ---- */

static const char *url_of(enum review_path path) {
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		if (paths[i].path == path) return paths[i].url;
	}
	return "other";
}

static void count_answer(struct connection *connection) {
	struct server *server = connection->server;
	const struct review_answer *answer = &connection->answer;
	const char *url = url_of(connection->path);
	metric_increment(metric_cell(server->metrics.requests, METRIC_VALUES(url, answer->kind, answer->operation,
	                                                                     review_result_name(answer->result))));
	metric_observe(metric_cell(server->metrics.duration, METRIC_VALUES(url)),
	               clock_monotonic_ns() - connection->started_ns);
	if (answer->result == REVIEW_REFUSED) {
		for (size_t i = 0; i < answer->findings.count; i++) {
			metric_increment(metric_cell(server->metrics.refusals,
			                             METRIC_VALUES(answer->kind, answer->findings.items[i].rule)));
		}
	}
	if (answer->converted != 0) {
		metric_add(metric_cell(server->metrics.conversions, METRIC_VALUES(answer->kind)), answer->converted);
	}
	if (answer->problem != NULL) server_note_rejection(server, "bad-review", answer->status, answer->problem);
}

static void answer_error(struct connection *connection) {
	struct review_answer *answer = &connection->answer;
	review_answer_reset(answer);
	answer->status = connection->error;
	status_append_error(&answer->body, connection->error, connection->error_message);
	server_note_rejection(connection->server, "no-review", connection->error, connection->error_message);
}

static enum MHD_Result send_answer(struct connection *connection) {
	const struct review_answer *answer = &connection->answer;
	/* The text stays in the connection until the request is completed: no copy. */
	struct MHD_Response *response =
	        MHD_create_response_from_buffer(answer->body.length, answer->body.data, MHD_RESPMEM_PERSISTENT);
	if (response == NULL) return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
	}
	if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "1");
	}
	if (atomic_load(&connection->server->draining)) {
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	}
	connection->step = STEP_ANSWERED;
	connection_enter(&connection->server->connections, &connection->base, PHASE_SENDING);
	enum MHD_Result result = MHD_queue_response(connection->mhd, (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- The review ---- */

/* Judges the request; false when it wants to look further than the caches and `live` does not allow it. */
static bool judge(struct connection *connection, bool live) {
	struct server *server = connection->server;
	const struct lookup_provider *provider = server->config.lookups;
	struct lookup_session session;
	provider->begin(provider->context, live, &session);
	const struct review_request request = {
		.path = connection->path,
		.body = connection->body.data != NULL ? connection->body.data : "",
		.length = connection->body.length,
		.lookup = &session.lookup,
		.own_user = server->config.own_user,
	};
	review_answer_reset(&connection->answer);
	review_handle(&request, &connection->answer);
	bool done = live || !session.needs_live;
	provider->end(&session);
	if (done && connection->path != REVIEW_HANDOVER) count_answer(connection);
	return done;
}

/* On a worker's thread: the network thread does not touch the connection until it is resumed. */
static void judge_live(void *argument) {
	struct connection *connection = argument;
	judge(connection, true);
	MHD_resume_connection(connection->mhd);
}

/* On the gate's thread. */
static void let_go(void *argument, enum handover_result result) {
	struct connection *connection = argument;
	const char *warning = handover_warning(result);
	if (warning != NULL) review_add_warning(&connection->answer, warning);
	count_answer(connection);
	MHD_resume_connection(connection->mhd);
}

/* The answer is made already; it is only a question of when it is sent. */
static enum MHD_Result hold_departure(struct connection *connection) {
	struct handover *gate = connection->server->config.handover;
	if (gate == NULL || connection->answer.held == NULL) {
		count_answer(connection);
		return send_answer(connection);
	}
	connection->step = STEP_WAITING;
	MHD_suspend_connection(connection->mhd);
	if (handover_begin(gate, connection->answer.held, let_go, connection)) return MHD_YES;
	count_answer(connection);
	MHD_resume_connection(connection->mhd);
	return MHD_YES;
}

static enum MHD_Result handle_review(struct connection *connection) {
	connection->started_ns = clock_monotonic_ns();
	connection_enter(&connection->server->connections, &connection->base, PHASE_WORKING);
	bool is_judged = judge(connection, false);
	if (connection->path == REVIEW_HANDOVER) return hold_departure(connection);
	if (is_judged) return send_answer(connection);

	connection->step = STEP_WAITING;
	MHD_suspend_connection(connection->mhd);
	if (pool_submit(connection->server->pool, judge_live, connection)) return MHD_YES;
	reject(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many reviews wait for the API server; try again");
	answer_error(connection);
	MHD_resume_connection(connection->mhd);
	return MHD_YES;
}

static void forget_body(struct connection *connection) {
	atomic_fetch_sub(&connection->server->bodies, connection->body.length);
	if (connection->body.capacity > KEEP_BUFFER) strbuf_free(&connection->body);
	else strbuf_reset(&connection->body);
}

static void receive(struct connection *connection, const char *upload, size_t size) {
	struct server *server = connection->server;
	if (connection->error != 0) return;
	if (size > server->config.max_body - connection->body.length) {
		reject_too_large(connection);
	} else if (atomic_load(&server->bodies) + size > server->config.max_bodies) {
		reject(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many large reviews at once; try again");
	} else {
		atomic_fetch_add(&server->bodies, size);
		strbuf_append_n(&connection->body, upload, size);
		return;
	}
	forget_body(connection);
}

static enum MHD_Result begin(struct connection *connection, const char *url, const char *method) {
	connection->step = STEP_BODY;
	connection->error = 0;
	connection_enter(&connection->server->connections, &connection->base, PHASE_RECEIVING);
	check_request(connection, url, method);
	unsigned long long announced = announced_length(connection);
	/* It is received all the same, and dropped: to close the connection on a client that is still sending would
	 * reset it, and the client would never read why. Its time is bounded as everybody's. */
	if (announced > connection->server->config.max_body && connection->error == 0) reject_too_large(connection);
	/* An announcement costs the client nothing, so only a small one is believed. */
	if (connection->error == 0 && announced <= KEEP_BUFFER) strbuf_reserve(&connection->body, (size_t)announced);
	return MHD_YES;
}

enum MHD_Result request_handle(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **request) {
	(void)server;
	(void)version;
	struct connection *connection = connection_of(mhd);
	if (*request == NULL) {
		*request = connection;
		return begin(connection, url, method);
	}
	if (*upload_size != 0) {
		receive(connection, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	if (connection->step == STEP_WAITING) return send_answer(connection);
	if (connection->error == 0) return handle_review(connection);
	answer_error(connection);
	return send_answer(connection);
}

void request_completed(void *server, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode how) {
	(void)server;
	(void)mhd;
	(void)how;
	struct connection *connection = *request;
	if (connection == NULL) return;
	*request = NULL;
	connection->step = STEP_NONE;
	forget_body(connection);
	review_answer_reset(&connection->answer);
	if (connection->answer.body.capacity > KEEP_BUFFER) strbuf_free(&connection->answer.body);
	connection_enter(&connection->server->connections, &connection->base, PHASE_IDLE);
}
