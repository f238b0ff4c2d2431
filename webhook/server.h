/* The HTTPS server that kube-apiserver calls: /mutate, /validate, /convert (webhook/review.h) and /handover
 * (webhook/handover.h) over TLS 1.2 and 1.3.
 *
 * Every outside number has a bound: connections, header and body sizes, the time a client may take. What a bound cuts
 * off is logged (a few lines a second at most) and counted. */
#ifndef AGKEEPER_WEBHOOK_SERVER_H
#define AGKEEPER_WEBHOOK_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/metrics.h"
#include "webhook/handover.h"
#include "webhook/lookup.h"

/* 0 (or NULL) means what the comment says. Everything pointed to must outlive the server. */
struct server_config {
	const char *listen;                    /* "ADDR:PORT" (webhook/address.h) */
	const struct lookup_provider *lookups; /* lookup_provider_offline */
	struct handover *handover;             /* stopped with the server; NULL: every deletion passes at once */
	struct metrics *metrics;               /* required */
	const char *own_user;                  /* struct review_request */
	const char *client_ca_pem;             /* take only clients with a certificate of these CAs; NULL: any client */
	size_t threads;                        /* one a core */
	size_t workers;                        /* threads for reviews that wait for the API: 4 */
	size_t max_waiting;                    /* reviews that wait for a worker: 64; beyond it 503 */
	size_t max_connections;                /* 512 */
	size_t max_body;                       /* 4 MiB: an update carries an object of 1.5 MiB twice */
	size_t max_bodies;                     /* of all requests that are under way: 64 MiB; beyond it 503 */
	int64_t request_timeout_ms; /* for a handshake, for the headers, for the body, for taking the answer: 10 s */
	int64_t idle_timeout_ms; /* between requests: 120 s, so that a client that gives up after 90 s closes first */
};

struct server;

/* Listens and serves from now on; handshakes fail until server_set_certificate has given it a certificate. */
struct server *server_start(const struct server_config *config, struct error **err);

/* Serves this chain (PEM, the server's own certificate first) to every new handshake from now on. Connections that are
 * open stay as they are. ERROR_INVALID, and no change, when chain and key cannot be used or do not belong together. */
int server_set_certificate(struct server *server, const char *chain_pem, const char *key_pem, struct error **err);
bool server_has_certificate(const struct server *server);

int server_port(const struct server *server);

/* Whether its threads do what they should: a check for /healthz. */
bool server_is_alive(const struct server *server);

/* Stops taking connections, answers what is in flight, closes connections as they fall idle, and returns when the last
 * is gone or `deadline_ms` milliseconds have passed. Probes may still ask how it is. */
void server_drain(struct server *server, int64_t deadline_ms);
/* Drains, unless that is done, and frees the server. NULL is fine. */
void server_stop(struct server *server, int64_t deadline_ms);

#endif
