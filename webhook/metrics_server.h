/* Plain HTTP for those who watch: /metrics (Prometheus text), /healthz and /readyz. */
#ifndef AGKEEPER_WEBHOOK_METRICS_SERVER_H
#define AGKEEPER_WEBHOOK_METRICS_SERVER_H

#include <stdbool.h>

#include "base/error.h"
#include "base/metrics.h"
#include "base/strbuf.h"

/* One thing that must be so; what is missing is appended to `why` ("no certificate yet"). Called on any thread. */
struct probe {
	const char *name; /* NULL ends a list */
	bool (*check)(void *context, struct strbuf *why);
	void *context;
};

/* Everything pointed to must outlive the server. */
struct metrics_server_config {
	const char *listen; /* "ADDR:PORT" (webhook/address.h) */
	struct metrics *metrics;
	const struct probe *healthy; /* for /healthz: the process lives and its loops turn; NULL for none */
	const struct probe *ready;   /* for /readyz; NULL for none */
};

struct metrics_server;
struct metrics_server *metrics_server_start(const struct metrics_server_config *config, struct error **err);
int metrics_server_port(const struct metrics_server *server);
void metrics_server_stop(struct metrics_server *server);

#endif
