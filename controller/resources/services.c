/* The Services. */
#include <string.h>

#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/merge.h"

static struct json_object *port_of(const char *name, int64_t port, int64_t target) {
	struct json_object *object = json_object_new_object();
	json_set_text(object, "name", name);
	json_set(object, "port", json_object_new_int64(port));
	json_set(object, "targetPort", json_object_new_int64(target));
	json_set_text(object, "protocol", "TCP");
	return object;
}

struct json_object *select_role(const struct blueprint *blueprint, const char *role) {
	struct json_object *selector = selector_of(blueprint);
	if (role != NULL) json_set_text(selector, blueprint->flavour->role_label, role);
	return selector;
}

struct json_object *service_new(struct blueprint *blueprint, const char *name, struct json_object *selector,
                                int64_t port) {
	struct json_object *service = child_new(blueprint, "v1", "Service", name);
	struct json_object *spec = json_object_new_object();
	json_set_text(spec, "type", "ClusterIP");
	json_set(spec, "selector", selector);
	json_object_array_add(merge_list(spec, "ports"), port_of("mssql", port, SQL_SERVER_PORT));
	json_set(service, "spec", spec);
	return service;
}

/* Replicas find each other by it before they are ready. */
struct json_object *headless_service_of(struct blueprint *blueprint) {
	struct json_object *service =
	        service_new(blueprint, name_with(blueprint, "-pods"), selector_of(blueprint), SQL_SERVER_PORT);
	struct json_object *spec = json_get(service, "spec");
	json_set_text(spec, "clusterIP", "None");
	json_set(spec, "publishNotReadyAddresses", json_object_new_boolean(true));
	if (blueprint->endpoint_port != 0) {
		json_object_array_add(json_get(spec, "ports"),
		                      port_of("endpoint", blueprint->endpoint_port, blueprint->endpoint_port));
	}
	return service;
}

/* All of a template's ports lead to SQL Server, unless they say where else. */
static struct json_object *template_ports(const struct json_object *given) {
	struct json_object *ports = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(given); i++) {
		struct json_object *port = json_copy(json_object_array_get_idx(given, i));
		merge_missing(port, port_of("mssql", SQL_SERVER_PORT, SQL_SERVER_PORT));
		json_object_array_add(ports, port);
	}
	return ports;
}

void service_apply_template(struct json_object *service, const struct json_object *template) {
	const struct json_object *metadata = json_get(template, "metadata");
	struct json_object *own = json_get(service, "metadata");
	if (json_get(metadata, "labels") != NULL) {
		merge_missing(json_get(own, "labels"), json_copy(json_get(metadata, "labels")));
	}
	if (json_get(metadata, "annotations") != NULL) {
		merge_over(merge_object(own, "annotations"), json_get(metadata, "annotations"));
	}
	const struct json_object *given = json_get(template, "spec");
	if (given == NULL) return;
	struct json_object *spec = json_get(service, "spec");
	cleanup_json struct json_object *selector = json_object_get(json_get(spec, "selector"));
	cleanup_json struct json_object *ports = json_object_get(json_get(spec, "ports"));
	merge_over(spec, given);
	json_set(spec, "selector", json_object_get(selector)); /* whom it leads to is not for a template to say */
	const struct json_object *given_ports = json_get(given, "ports");
	bool has_ports = json_object_is_type(given_ports, json_type_array) && json_object_array_length(given_ports) > 0;
	json_set(spec, "ports", has_ports ? template_ports(given_ports) : json_object_get(ports));
}
