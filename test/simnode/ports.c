#include "simnode/ports.h"

#include <string.h>

#include "base/json.h"

static int named_port(const char *name, const struct json_object *container) {
	const struct json_object *ports = json_get(container, "ports");
	size_t count = ports != NULL ? json_object_array_length(ports) : 0;
	for (size_t i = 0; i < count; i++) {
		const struct json_object *port = json_object_array_get_idx(ports, i);
		const char *its_name = json_get_text(port, "name");
		if (its_name != NULL && strcmp(its_name, name) == 0) {
			return (int)json_get_integer(port, "containerPort", -1);
		}
	}
	return -1;
}

static int plain_number(const struct json_object *port) {
	int64_t number = json_object_is_type(port, json_type_int) ? json_object_get_int64(port) : -1;
	return number >= 1 && number <= 65535 ? (int)number : -1;
}

int port_number(const struct json_object *port, const struct json_object *container) {
	if (!json_object_is_type(port, json_type_string)) return plain_number(port);
	return named_port(json_object_get_string((struct json_object *)port), container);
}

int pod_port_number(const struct json_object *port, const struct json_object *pod) {
	if (!json_object_is_type(port, json_type_string)) return plain_number(port);
	const struct json_object *containers = json_get_path(pod, "spec", "containers", NULL);
	size_t count = containers != NULL ? json_object_array_length(containers) : 0;
	for (size_t i = 0; i < count; i++) {
		int number = port_number(port, json_object_array_get_idx(containers, i));
		if (number > 0) return number;
	}
	return -1;
}
