#include "api/monitor.h"

#include "api/formats.h"

static const struct field label_item = { .type = FIELD_STRING, .format = &format_label_value };

static const struct field service_monitor_fields[] = {
	{ MEMBER(struct service_monitor, "labels", labels), .type = FIELD_MAP, .item = &label_item,
	  .format = &format_qualified_name,
	  .doc = "Labels of the ServiceMonitor: those that the Prometheus object selects." },
	{ MEMBER(struct service_monitor, "interval", interval), .type = FIELD_DURATION,
	  .doc = "How often metrics are read, such as 10s." },
	{ 0 },
};
static const struct schema service_monitor_schema = { .size = sizeof(struct service_monitor),
	                                              .fields = service_monitor_fields };

static const struct field prometheus_fields[] = {
	{ MEMBER(struct monitor_prometheus, "serviceMonitor", service_monitor), .type = FIELD_OBJECT,
	  .flags = FIELD_PRESERVE, .schema = &service_monitor_schema,
	  .doc = "The ServiceMonitor of agent prometheus.io/operator." },
	{ MEMBER(struct monitor_prometheus, "exporter", exporter), .type = FIELD_JSON,
	  .doc = "The exporter container beside SQL Server: port, args, env, resources, securityContext." },
	{ 0 },
};
static const struct schema prometheus_schema = { .size = sizeof(struct monitor_prometheus),
	                                         .fields = prometheus_fields };

static const struct field monitor_fields[] = {
	{ MEMBER(struct monitor, "agent", agent), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF("prometheus.io", "prometheus.io/operator", "prometheus.io/builtin"),
	  .doc = "How Prometheus finds the servers: prometheus.io/operator by a ServiceMonitor, the others by scrape "
	         "annotations." },
	{ MEMBER(struct monitor, "prometheus", prometheus), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &prometheus_schema, .doc = "Settings for Prometheus." },
	{ 0 },
};
const struct schema monitor_schema = { .size = sizeof(struct monitor), .fields = monitor_fields };
