#include "webhook/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "webhook/address.h"
#include "webhook/server_private.h"

/* Forward secrecy and authenticated encryption only; the curves that every client has, the fastest first. */
static const char tls_priorities[] =
        "NONE:+VERS-TLS1.3:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+AEAD:"
        "+SIGN-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+COMP-NULL:%SERVER_PRECEDENCE";

/* Memory of a connection for its headers and a piece of the body: what does not fit is answered 431. */
enum { CONNECTION_MEMORY = 16 * 1024, LISTEN_BACKLOG = 512 };

/* ---- Certificates and connections ---- */

/* gnutls_certificate_retrieve_function3. The certificate belongs to the connection from here on. */
static int retrieve_certificate(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
                                gnutls_pcert_st **chain, unsigned *length, gnutls_ocsp_data_st **ocsp,
                                unsigned *ocsp_length, gnutls_privkey_t *key, unsigned *flags) {
	(void)info;
	struct connection *connection = gnutls_db_get_ptr(session);
	struct server *server = connection->server;
	pthread_mutex_lock(&server->certificate_lock);
	if (server->certificate != NULL && connection->certificate == NULL) {
		connection->certificate = certificate_ref(server->certificate);
	}
	pthread_mutex_unlock(&server->certificate_lock);
	if (connection->certificate == NULL) return -1;
	certificate_show(connection->certificate, chain, length, key);
	*ocsp = NULL;
	*ocsp_length = 0;
	*flags = 0;
	return 0;
}

int server_set_certificate(struct server *server, const char *chain_pem, const char *key_pem, struct error **err) {
	struct certificate *certificate = certificate_load(chain_pem, key_pem, err);
	if (certificate == NULL) return -1;
	metric_set(server->metrics.certificate_expiry, (double)certificate_expiry(certificate));
	pthread_mutex_lock(&server->certificate_lock);
	struct certificate *previous = server->certificate;
	server->certificate = certificate;
	pthread_mutex_unlock(&server->certificate_lock);
	certificate_unref(previous);
	return 0;
}

bool server_has_certificate(const struct server *server) {
	struct server *own = (struct server *)(uintptr_t)server;
	pthread_mutex_lock(&own->certificate_lock);
	bool has = own->certificate != NULL;
	pthread_mutex_unlock(&own->certificate_lock);
	return has;
}

struct connection *connection_of(struct MHD_Connection *mhd) {
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info->socket_context;
}

static void open_connection(struct server *server, struct MHD_Connection *mhd, void **context) {
	struct connection *connection = xcalloc(1, sizeof(*connection));
	connection->server = server;
	connection->mhd = mhd;
	*context = connection;
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	/* The pointer of the session database, which is not used otherwise, leads from the session back to here. */
	gnutls_db_set_ptr((gnutls_session_t)info->tls_session, connection);
	info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	connections_add(&server->connections, &connection->base, info->connect_fd);
	metric_change(server->metrics.connections, 1);
}

static void close_connection(struct connection *connection) {
	connections_remove(&connection->server->connections, &connection->base);
	metric_change(connection->server->metrics.connections, -1);
	certificate_unref(connection->certificate);
	review_answer_free(&connection->answer);
	strbuf_free(&connection->body);
	free(connection);
}

static void notify_connection(void *server, struct MHD_Connection *mhd, void **context,
                              enum MHD_ConnectionNotificationCode what) {
	if (what == MHD_CONNECTION_NOTIFY_STARTED) open_connection(server, mhd, context);
	else if (*context != NULL) close_connection(*context);
}

/* ---- Log and metrics ---- */

void server_note_rejection(struct server *server, const char *reason, int status, const char *message) {
	metric_increment(metric_cell(server->metrics.rejections, METRIC_VALUES(reason)));
	int64_t omitted;
	if (!log_limit_allows(&server->log_limit, clock_monotonic_ns(), &omitted)) return;
	log_warning("request rejected", log_str("reason", reason), log_int("status", status),
	            log_str("message", message), log_int("omittedBefore", omitted));
}

static void note_cut(void *context, enum connection_phase phase) {
	static const char *const reasons[] = {
		[PHASE_OPENING] = "slow-handshake-or-headers",
		[PHASE_IDLE] = "idle",
		[PHASE_RECEIVING] = "slow-body",
		[PHASE_WORKING] = "other",
		[PHASE_SENDING] = "slow-reader",
	};
	struct server *server = context;
	if (phase == PHASE_IDLE) {
		/* Usual, and nobody's fault. */
		metric_increment(metric_cell(server->metrics.rejections, METRIC_VALUES(reasons[phase])));
		return;
	}
	server_note_rejection(server, reasons[phase], 0, "the client took too long: connection closed");
}

/* libmicrohttpd's own words; handshakes that fail because somebody only knocked are among them. */
static void log_daemon(void *context, const char *format, va_list args) {
	struct server *server = context;
	if (!log_enabled(LOG_DEBUG)) return;
	cleanup_free char *message = xvasprintf(format, args);
	int64_t omitted;
	if (log_limit_allows(&server->log_limit, clock_monotonic_ns(), &omitted)) {
		log_debug("libmicrohttpd", log_str("message", message));
	}
}

static void add_metrics(struct server *server) {
	static const int64_t bounds[] = { 50000,    100000,   250000,    500000,    1000000,    2500000,     5000000,
		                          10000000, 25000000, 100000000, 500000000, 2500000000, 10000000000, 0 };
	struct metrics *metrics = server->config.metrics;
	struct server_metrics *own = &server->metrics;
	own->requests = metrics_add(metrics, METRIC_COUNTER, "agkeeper_admission_requests_total",
	                            "Reviews answered, by what was asked and how it ended.",
	                            METRIC_LABELS("path", "kind", "operation", "result"));
	own->refusals = metrics_add(metrics, METRIC_COUNTER, "agkeeper_admission_refusals_total",
	                            "Findings that refused an object, by rule.", METRIC_LABELS("kind", "rule"));
	own->duration =
	        metrics_add_histogram(metrics, "agkeeper_admission_duration_seconds",
	                              "From the last byte of a review to its answer.", METRIC_LABELS("path"), bounds);
	own->rejections =
	        metrics_add(metrics, METRIC_COUNTER, "agkeeper_admission_rejections_total",
	                    "Requests that were no reviews, and connections cut off.", METRIC_LABELS("reason"));
	own->conversions = metrics_add(metrics, METRIC_COUNTER, "agkeeper_conversion_objects_total",
	                               "Objects converted to another version.", METRIC_LABELS("kind"));
	own->connections = metric_cell(
	        metrics_add(metrics, METRIC_GAUGE, "agkeeper_admission_connections", "Open connections.", NULL), NULL);
	struct metric *expiry =
	        metrics_add(metrics, METRIC_GAUGE, "agkeeper_certificate_expiry_timestamp_seconds",
	                    "When a certificate expires, in seconds since 1970.", METRIC_LABELS("certificate"));
	own->certificate_expiry = metric_cell(expiry, METRIC_VALUES("serving"));
	metric_hide(own->certificate_expiry);
}

/* ---- Start and stop ---- */

#define DEFAULT(field, value) \
	if ((field) == 0) (field) = (value)

static void set_config_defaults(struct server_config *config) {
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	DEFAULT(config->threads, cores > 0 ? (size_t)cores : 1);
	DEFAULT(config->workers, 4);
	DEFAULT(config->max_waiting, 64);
	DEFAULT(config->max_connections, 512);
	DEFAULT(config->max_body, (size_t)4 * 1024 * 1024);
	DEFAULT(config->max_bodies, (size_t)64 * 1024 * 1024);
	DEFAULT(config->request_timeout_ms, 10000);
	DEFAULT(config->idle_timeout_ms, 120000);
	if (config->lookups == NULL) config->lookups = &lookup_provider_offline;
}

static int start_daemon(struct server *server, struct error **err) {
	const struct server_config *config = &server->config;
	if (config->client_ca_pem != NULL && certificate_check_ca(config->client_ca_pem, err) != 0) return -1;
	int fd = address_listen(config->listen, LISTEN_BACKLOG, err);
	if (fd < 0) return -1;
	server->port = address_port(fd);
	struct MHD_OptionItem options[16];
	size_t count = 0;
#define OPTION(option_, number_, pointer_)                                    \
	options[count++] = (struct MHD_OptionItem) {                          \
		(option_), (intptr_t)(number_), (void *)(uintptr_t)(pointer_) \
	}
	/* libmicrohttpd wants at least two threads in a pool; a single one is the daemon's own. */
	if (config->threads > 1) OPTION(MHD_OPTION_THREAD_POOL_SIZE, config->threads, NULL);
	if (config->client_ca_pem != NULL) OPTION(MHD_OPTION_HTTPS_MEM_TRUST, 0, config->client_ca_pem);
	OPTION(MHD_OPTION_END, 0, NULL);
#undef OPTION
	/* poll, not epoll: libmicrohttpd (0.9.75) on epoll calls gnutls_handshake in a busy loop until the client has
	 * answered, which takes most of the time of a new connection, and gives a core to anyone who sends half a
	 * handshake. With this many connections poll itself costs nothing that could be measured. */
	server->daemon = MHD_start_daemon(
	        MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
	        0, NULL, NULL, request_handle, server, MHD_OPTION_EXTERNAL_LOGGER, log_daemon, server,
	        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_PRIORITIES, tls_priorities,
	        MHD_OPTION_HTTPS_CERT_CALLBACK2, retrieve_certificate, MHD_OPTION_NOTIFY_CONNECTION, notify_connection,
	        server, MHD_OPTION_NOTIFY_COMPLETED, request_completed, server, MHD_OPTION_CONNECTION_LIMIT,
	        (unsigned)config->max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	        MHD_OPTION_CONNECTION_TIMEOUT, 0U, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
	if (server->daemon != NULL) return 0;
	close(fd);
	return error_set(err, ERROR_INTERNAL, "the HTTPS server does not start");
}

struct server *server_start(const struct server_config *config, struct error **err) {
	struct server *server = xcalloc(1, sizeof(*server));
	server->config = *config;
	set_config_defaults(&server->config);
	pthread_mutex_init(&server->certificate_lock, NULL);
	add_metrics(server);
	const struct connections_config limits = { .request_timeout_ms = server->config.request_timeout_ms,
		                                   .idle_timeout_ms = server->config.idle_timeout_ms,
		                                   .on_cut = note_cut,
		                                   .context = server };
	connections_start(&server->connections, &limits);
	server->pool = pool_new(server->config.workers, server->config.max_waiting);
	if (start_daemon(server, err) == 0) return server;
	server_stop(server, 0);
	return NULL;
}

int server_port(const struct server *server) {
	return server->port;
}

bool server_is_alive(const struct server *server) {
	return connections_are_alive(&server->connections);
}

void server_drain(struct server *server, int64_t deadline_ms) {
	atomic_store(&server->draining, true);
	if (server->daemon == NULL) return;
	/* The socket that listened; MHD_INVALID_SOCKET when it has been given up before. */
	int fd = MHD_quiesce_daemon(server->daemon);
	if (fd >= 0) close(fd);
	connections_drain(&server->connections, deadline_ms);
}

void server_stop(struct server *server, int64_t deadline_ms) {
	if (server == NULL) return;
	server_drain(server, deadline_ms);
	/* What still waits is answered first: libmicrohttpd must not stop with suspended connections. */
	handover_stop(server->config.handover);
	pool_stop(server->pool);
	if (server->daemon != NULL) MHD_stop_daemon(server->daemon);
	pool_free(server->pool);
	connections_stop(&server->connections);
	certificate_unref(server->certificate);
	pthread_mutex_destroy(&server->certificate_lock);
	free(server);
}
