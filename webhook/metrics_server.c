#include "webhook/metrics_server.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "webhook/address.h"

struct metrics_server {
	struct metrics_server_config config;
	struct MHD_Daemon *daemon;
	int port;
};

/* A scraper or a kubelet has one connection; the rest is somebody trying. */
enum { MAX_CONNECTIONS = 32, TIMEOUT_SECONDS = 30, CONNECTION_MEMORY = 8 * 1024, BACKLOG = 32 };

static unsigned print_metrics(const struct metrics_server *server, struct strbuf *text) {
	metrics_print(server->config.metrics, text);
	return MHD_HTTP_OK;
}

/* Every probe is asked, so that the answer names everything that is missing. */
static unsigned print_probes(const struct probe *probes, struct strbuf *text) {
	bool all = true;
	for (const struct probe *probe = probes; probe != NULL && probe->name != NULL; probe++) {
		cleanup_strbuf struct strbuf why = { 0 };
		bool passed = probe->check(probe->context, &why);
		all &= passed;
		strbuf_printf(text, "%s %s", passed ? "[+]" : "[-]", probe->name);
		if (!passed) strbuf_printf(text, ": %s", why.length != 0 ? why.data : "failed");
		strbuf_append_char(text, '\n');
	}
	strbuf_append(text, all ? "ok\n" : "not ok\n");
	return all ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}

static unsigned print_health(const struct metrics_server *server, struct strbuf *text) {
	return print_probes(server->config.healthy, text);
}

static unsigned print_readiness(const struct metrics_server *server, struct strbuf *text) {
	return print_probes(server->config.ready, text);
}

static const struct page {
	const char *url;
	const char *content_type;
	unsigned (*print)(const struct metrics_server *server, struct strbuf *text);
} pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", print_metrics },
	{ "/healthz", "text/plain; charset=utf-8", print_health },
	{ "/readyz", "text/plain; charset=utf-8", print_readiness },
};

static unsigned print_page(const struct metrics_server *server, const char *url, const char *method,
                           struct strbuf *text, const char **content_type) {
	*content_type = "text/plain; charset=utf-8";
	for (size_t i = 0; i < ARRAY_LENGTH(pages); i++) {
		if (strcmp(pages[i].url, url) != 0) continue;
		if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
			strbuf_append(text, "use GET\n");
			return MHD_HTTP_METHOD_NOT_ALLOWED;
		}
		*content_type = pages[i].content_type;
		return pages[i].print(server, text);
	}
	strbuf_append(text, "no such page; there are /metrics, /healthz and /readyz\n");
	return MHD_HTTP_NOT_FOUND;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *upload, size_t *upload_size, void **request) {
	(void)version;
	(void)upload;
	/* A body is read and ignored. */
	if (*request == NULL) {
		*request = context;
		return MHD_YES;
	}
	if (*upload_size != 0) {
		*upload_size = 0;
		return MHD_YES;
	}
	cleanup_strbuf struct strbuf text = { 0 };
	const char *content_type;
	unsigned status = print_page(context, url, method, &text, &content_type);
	struct MHD_Response *response = MHD_create_response_from_buffer(text.length, text.data, MHD_RESPMEM_MUST_COPY);
	if (response == NULL) return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	enum MHD_Result result = MHD_queue_response(mhd, status, response);
	MHD_destroy_response(response);
	return result;
}

struct metrics_server *metrics_server_start(const struct metrics_server_config *config, struct error **err) {
	int fd = address_listen(config->listen, BACKLOG, err);
	if (fd < 0) return NULL;
	struct metrics_server *server = xcalloc(1, sizeof(*server));
	server->config = *config;
	server->port = address_port(fd);
	server->daemon =
	        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle, server,
	                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
	                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_SECONDS,
	                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
	if (server->daemon != NULL) return server;
	close(fd);
	free(server);
	error_set(err, ERROR_INTERNAL, "the metrics server does not start");
	return NULL;
}

int metrics_server_port(const struct metrics_server *server) {
	return server->port;
}

void metrics_server_stop(struct metrics_server *server) {
	if (server == NULL) return;
	MHD_stop_daemon(server->daemon);
	free(server);
}
