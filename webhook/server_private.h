/* What the server's source files share: server.c starts, stops and shakes hands, request.c reads and answers. */
#ifndef AGKEEPER_WEBHOOK_SERVER_PRIVATE_H
#define AGKEEPER_WEBHOOK_SERVER_PRIVATE_H

#include <microhttpd.h>

#include "webhook/certificate.h"
#include "webhook/connections.h"
#include "webhook/log_limit.h"
#include "webhook/pool.h"
#include "webhook/review.h"
#include "webhook/server.h"

struct server_metrics {
	struct metric *requests;   /* path, kind, operation, result */
	struct metric *refusals;   /* kind, rule */
	struct metric *duration;   /* path */
	struct metric *rejections; /* reason: requests that were no reviews, connections cut off */
	struct metric *conversions;
	struct metric_cell *connections;
	struct metric_cell *certificate_expiry;
};

struct server {
	struct server_config config;
	struct MHD_Daemon *daemon;
	int port;
	struct connections connections;
	struct pool *pool;
	struct log_limit log_limit;
	struct server_metrics metrics;
	atomic_bool draining;
	atomic_size_t bodies; /* bytes held in bodies of requests under way */
	pthread_mutex_t certificate_lock;
	struct certificate *certificate;
};

/* One TLS connection and the request on it: HTTP/1.1 has one at a time, and the next reuses its memory. */
struct connection {
	struct connection_base base;
	struct server *server;
	struct MHD_Connection *mhd;
	struct certificate *certificate; /* the one that its handshake used */
	enum { PEER_UNKNOWN, PEER_TRUSTED, PEER_REFUSED } peer;

	/* The request: */
	enum { STEP_NONE, STEP_BODY, STEP_WAITING, STEP_ANSWERED } step;
	enum review_path path;
	int error; /* HTTP status of a request that is no review; 0 so far */
	const char *error_message;
	struct strbuf body;
	struct review_answer answer;
	int64_t started_ns;
};

struct connection *connection_of(struct MHD_Connection *mhd);

/* MHD_AccessHandlerCallback and MHD_RequestCompletedCallback. */
enum MHD_Result request_handle(void *server, struct MHD_Connection *mhd, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_size, void **request);
void request_completed(void *server, struct MHD_Connection *mhd, void **request, enum MHD_RequestTerminationCode how);

/* Logs (rate-limited) and counts something that a client did wrong; `reason` is a word for the metric. */
void server_note_rejection(struct server *server, const char *reason, int status, const char *message);

#endif
