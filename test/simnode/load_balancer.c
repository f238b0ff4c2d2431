#include "simnode/load_balancer.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"

bool load_balancer_is_wanted(const struct json_object *service, const char **address) {
	const struct json_object *spec = json_get(service, "spec");
	const char *type = json_get_text(spec, "type");
	*address = json_get_text(spec, "clusterIP");
	if (type == NULL || strcmp(type, "LoadBalancer") != 0) return false;
	if (*address == NULL || strchr(*address, '.') == NULL) return false;
	const struct json_object *ingress = json_get_path(service, "status", "loadBalancer", "ingress", NULL);
	return !json_object_is_type(ingress, json_type_array) || json_object_array_length(ingress) == 0;
}

static void give(struct kube_client *client, const struct kube_object *service, const char *address) {
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *patch = json_object_new_object();
	struct json_object *status = json_object_new_object();
	struct json_object *load_balancer = json_object_new_object();
	struct json_object *ingress = json_object_new_array();
	struct json_object *entry = json_object_new_object();
	json_set_text(entry, "ip", address);
	json_object_array_add(ingress, entry);
	json_set(load_balancer, "ingress", ingress);
	json_set(status, "loadBalancer", load_balancer);
	json_set(patch, "status", status);
	if (kube_patch(client, &kube_services, service->namespace, service->name, "status", KUBE_PATCH_MERGE, patch,
	               NULL, &err) < 0 &&
	    err->kind != ERROR_NOT_FOUND) {
		log_warning("cannot give the service an address", log_str("namespace", service->namespace),
		            log_str("service", service->name), log_err(err));
	}
}

void load_balancers_sync(struct kube_client *client, struct kube_cache *services) {
	cleanup_kube_objects struct kube_objects list = kube_cache_list(services, NULL);
	for (size_t i = 0; i < list.count; i++) {
		const char *address;
		if (load_balancer_is_wanted(list.items[i]->json, &address)) give(client, list.items[i], address);
	}
}
