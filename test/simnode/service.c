#include "simnode/service.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/ports.h"

static size_t length_of(const struct json_object *array) {
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

bool selector_takes(const struct json_object *selector, const struct json_object *labels) {
	if (!json_object_is_type(selector, json_type_object) || json_object_object_length(selector) == 0) return false;
	json_object_object_foreach((struct json_object *)selector, key, value) {
		const char *label = json_get_text(labels, key);
		const char *wanted = json_object_get_string(value);
		if (label == NULL || wanted == NULL || strcmp(label, wanted) != 0) return false;
	}
	return true;
}

bool pod_has_address(const struct kube_object *pod, struct in_addr *address) {
	const struct json_object *status = json_get(pod->json, "status");
	const char *phase = json_get_text(status, "phase");
	const char *ip = json_get_text(status, "podIP");
	if (phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)) return false;
	return ip != NULL && inet_pton(AF_INET, ip, address) == 1;
}

static bool is_ready(const struct json_object *pod) {
	const struct json_object *conditions = json_get_path(pod, "status", "conditions", NULL);
	for (size_t i = 0; i < length_of(conditions); i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		const char *type = json_get_text(condition, "type");
		const char *status = json_get_text(condition, "status");
		if (type != NULL && status != NULL && strcmp(type, "Ready") == 0) return strcmp(status, "True") == 0;
	}
	return false;
}

bool service_takes(const struct json_object *service, const struct kube_object *pod, struct in_addr *address) {
	const struct json_object *spec = json_get(service, "spec");
	const struct json_object *metadata = json_get(pod->json, "metadata");
	if (!selector_takes(json_get(spec, "selector"), json_get(metadata, "labels"))) return false;
	if (!pod_has_address(pod, address)) return false;
	if (json_get_flag(spec, "publishNotReadyAddresses", false)) return true;
	return json_get(metadata, "deletionTimestamp") == NULL && is_ready(pod->json);
}

static void add_port(struct service_ports *ports, struct in_addr cluster_ip, const struct kube_object *service,
                     const struct json_object *port, const struct kube_objects *pods) {
	const char *protocol = json_get_text(port, "protocol");
	int64_t number = json_get_integer(port, "port", 0);
	if ((protocol != NULL && strcmp(protocol, "TCP") != 0) || number < 1 || number > 65535) return;
	const struct json_object *target = json_get(port, "targetPort");
	struct service_port added = {
		.address = { .sin_family = AF_INET, .sin_addr = cluster_ip, .sin_port = htons((uint16_t)number) },
		.backends = xcalloc(pods->count, sizeof(*added.backends)),
	};
	for (size_t i = 0; i < pods->count; i++) {
		struct in_addr address;
		if (strcmp(pods->items[i]->namespace, service->namespace) != 0) continue;
		if (!service_takes(service->json, pods->items[i], &address)) continue;
		int target_port = target != NULL ? pod_port_number(target, pods->items[i]->json) : (int)number;
		if (target_port < 0) continue;
		added.backends[added.count++] = (struct sockaddr_in){
			.sin_family = AF_INET,
			.sin_addr = address,
			.sin_port = htons((uint16_t)target_port),
		};
	}
	ports->items = xreallocarray(ports->items, ports->count + 1, sizeof(*ports->items));
	ports->items[ports->count++] = added;
}

void service_ports_add(struct service_ports *ports, const struct kube_object *service,
                       const struct kube_objects *pods) {
	const struct json_object *spec = json_get(service->json, "spec");
	const char *cluster_ip = json_get_text(spec, "clusterIP");
	struct in_addr address;
	if (cluster_ip == NULL || inet_pton(AF_INET, cluster_ip, &address) != 1) return;
	const struct json_object *list = json_get(spec, "ports");
	for (size_t i = 0; i < length_of(list); i++)
		add_port(ports, address, service, json_object_array_get_idx(list, i), pods);
}

void service_ports_free(struct service_ports *ports) {
	for (size_t i = 0; i < ports->count; i++) free(ports->items[i].backends);
	free(ports->items);
	*ports = (struct service_ports){ 0 };
}
