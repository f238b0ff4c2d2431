/* `monitor`, as KubeDB's objects have it (AgentSpec of kmodules.xyz/monitoring-agent-api): how Prometheus finds the
 * servers. */
#ifndef AGKEEPER_API_MONITOR_H
#define AGKEEPER_API_MONITOR_H

#include "api/field.h"

struct service_monitor {
	struct map labels;
	struct opt_duration interval;
};
struct monitor_prometheus { /* use it with FIELD_PRESERVE */
	const struct service_monitor *service_monitor;
	const struct json_object *exporter; /* passed on */
};
struct monitor {
	const char *agent;
	const struct monitor_prometheus *prometheus;
};
extern const struct schema monitor_schema;

#endif
