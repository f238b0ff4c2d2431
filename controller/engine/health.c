/* How primaries are: sp_server_diagnostics, streamed from each, for as long as it is one. */
#include <stdlib.h>

#include "base/clock.h"
#include "controller/engine/engine_private.h"

enum { INTERVAL_S = 5, AGAIN_MS = 5000 };

static void on_health(void *context, const struct sql_health *health, const struct error *err) {
	struct server *server = context;
	if (err != NULL) {
		health_end(server);
		server->health_again_at = clock_monotonic_ms() + AGAIN_MS;
		return;
	}
	const int said[DIAGNOSTICS] = { [DIAGNOSTIC_SYSTEM] = (int)health->system,
		                        [DIAGNOSTIC_RESOURCE] = (int)health->resource,
		                        [DIAGNOSTIC_QUERY_PROCESSING] = (int)health->query_processing,
		                        [DIAGNOSTIC_IO] = (int)health->io_subsystem };
	bool is_news = false;
	for (int i = 0; i < DIAGNOSTICS; i++) {
		is_news |= server->diagnostics[i] != said[i];
		server->diagnostics[i] = said[i];
	}
	server->diagnostics_at = clock_monotonic_ms();
	if (is_news) managed_look(server->managed);
}

static bool is_primary(const struct server *server) {
	if (server->observed == NULL) return server->stream != NULL; /* as it was before our change */
	const struct sql_replica_row *local = sql_observation_local(&server->observed->seen);
	return local != NULL && local->role == SQL_ROLE_PRIMARY;
}

static void begin(struct server *server) {
	const struct managed *managed = server->managed;
	const struct sql_target target = {
		.host = server->ip,
		.port = server_sql_port(server),
		.user = CONTROLLER_LOGIN,
		.password = managed->controller_password,
	};
	server->stream = sql_stream_new(managed->engine->streams, &target,
	                                &(struct sql_stream_options){ .interval_s = INTERVAL_S }, on_health, server);
}

void health_end(struct server *server) {
	sql_stream_free(server->stream);
	server->stream = NULL;
	server->diagnostics_at = 0;
}

void health_refresh(struct managed *managed, int64_t now) {
	for (struct server *server = managed->servers; server != NULL; server = server->next) {
		bool is_wanted = managed->spec.is_group && server->ip != NULL && managed->controller_password != NULL &&
		                 is_primary(server);
		if (!is_wanted && server->stream != NULL) health_end(server);
		if (is_wanted && server->stream == NULL && now >= server->health_again_at) begin(server);
	}
}
