/* How Prometheus finds the servers (spec.monitor): a Service <name>-stats that leads to the exporters, with scrape
 * annotations, or a ServiceMonitor where prometheus-operator is there. Names and port are those of KubeDB. */
#include <string.h>

#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/children.h"
#include "controller/resources/merge.h"

static const struct json_object *exporter_settings(const struct blueprint *blueprint) {
	return json_get_path(blueprint->spec, "monitor", "prometheus", "exporter", NULL);
}

static int64_t exporter_port(const struct blueprint *blueprint) {
	return json_get_integer(exporter_settings(blueprint), "port", EXPORTER_PORT);
}

/* Where SQL Server is and how to log in, in the words of awaragi/prometheus-mssql-exporter. For others they are what
 * `exporter.env` builds upon, as in sql_exporter's SQLEXPORTER_TARGET_DSN=sqlserver://$(USERNAME):$(PASSWORD)@…:
 * therefore they come first. */
static struct json_object *exporter_env(const struct blueprint *blueprint) {
	struct json_object *env = json_object_new_array();
	json_object_array_add(env, env_text("SERVER", "localhost"));
	json_object_array_add(env, env_text("PORT", "1433"));
	if (blueprint->auth_secret != NULL) {
		json_object_array_add(env, env_from_secret("USERNAME", blueprint->auth_secret, "username"));
		json_object_array_add(env, env_from_secret("PASSWORD", blueprint->auth_secret, "password"));
	}
	const struct json_object *own = json_get(exporter_settings(blueprint), "env");
	if (!json_object_is_type(own, json_type_array)) return env;
	for (size_t i = 0; i < json_object_array_length(own); i++)
		list_put(env, "name", json_copy(json_object_array_get_idx(own, i)));
	return env;
}

/* Everything that `exporter` says is a container's own, except its port. */
struct json_object *exporter_of(const struct blueprint *blueprint) {
	if (json_get(blueprint->spec, "monitor") == NULL || blueprint->surroundings->exporter_image == NULL)
		return NULL;
	struct json_object *container = json_object_new_object();
	json_set_text(container, "name", "exporter");
	json_set_text(container, "image", blueprint->surroundings->exporter_image);
	merge_over(container, exporter_settings(blueprint));
	json_object_object_del(container, "port");
	json_set(container, "env", exporter_env(blueprint));
	struct json_object *port = json_object_new_object();
	json_set_text(port, "name", "metrics");
	json_set(port, "containerPort", json_object_new_int64(exporter_port(blueprint)));
	json_set_text(port, "protocol", "TCP");
	json_object_array_add(merge_list(container, "ports"), port);
	return container;
}

static void annotate(struct json_object *service, int64_t number) {
	struct json_object *annotations = merge_object(json_get(service, "metadata"), "annotations");
	cleanup_free char *port = xasprintf("%lld", (long long)number);
	json_set_text(annotations, "prometheus.io/scrape", "true");
	json_set_text(annotations, "prometheus.io/scheme", "http");
	json_set_text(annotations, "prometheus.io/path", "/metrics");
	json_set_text(annotations, "prometheus.io/port", port);
}

static struct json_object *stats_service_of(struct blueprint *blueprint, bool is_scraped) {
	int64_t number = exporter_port(blueprint);
	struct json_object *service =
	        service_new(blueprint, name_with(blueprint, "-stats"), selector_of(blueprint), number);
	struct json_object *port = json_object_array_get_idx(json_get_path(service, "spec", "ports", NULL), 0);
	json_set_text(port, "name", "metrics");
	json_set(port, "targetPort", json_object_new_int64(number));
	/* Tells this Service from the object's others: a ServiceMonitor selects Services by label. */
	json_set_text(json_get_path(service, "metadata", "labels", NULL), "kubedb.com/role", "stats");
	if (is_scraped) annotate(service, number);
	service_apply_template(service, list_find(json_get(blueprint->spec, "serviceTemplates"), "alias", "stats"));
	return service;
}

static struct json_object *service_monitor_of(struct blueprint *blueprint) {
	struct json_object *monitor = child_new(blueprint, "monitoring.coreos.com/v1", "ServiceMonitor",
	                                        name_with(blueprint, SERVICE_MONITOR_SUFFIX));
	const struct json_object *given =
	        json_get_path(blueprint->spec, "monitor", "prometheus", "serviceMonitor", NULL);
	merge_over(json_get_path(monitor, "metadata", "labels", NULL), json_get(given, "labels"));
	struct json_object *endpoint = json_object_new_object();
	json_set_text(endpoint, "port", "metrics");
	json_set_text(endpoint, "path", "/metrics");
	const char *interval = json_get_text(given, "interval");
	if (interval != NULL) json_set_text(endpoint, "interval", interval);
	struct json_object *spec = json_object_new_object();
	struct json_object *labels = selector_of(blueprint);
	json_set_text(labels, "kubedb.com/role", "stats");
	json_set(merge_object(spec, "selector"), "matchLabels", labels);
	json_object_array_add(merge_list(spec, "endpoints"), endpoint);
	json_object_array_add(merge_list(merge_object(spec, "namespaceSelector"), "matchNames"),
	                      json_object_new_string(blueprint->namespace));
	json_set(monitor, "spec", spec);
	return monitor;
}

void monitor_add(struct blueprint *blueprint, struct json_object *children) {
	const char *agent = json_get_text(json_get(blueprint->spec, "monitor"), "agent");
	if (agent == NULL) return;
	bool by_operator = strcmp(agent, "prometheus.io/operator") == 0;
	json_object_array_add(children, stats_service_of(blueprint, !by_operator));
	if (by_operator && blueprint->surroundings->has_service_monitors) {
		json_object_array_add(children, service_monitor_of(blueprint));
	}
}
