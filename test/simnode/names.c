#include "simnode/names.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/service.h"

/* " NAME" in all its forms, as `from` may say it. */
static void write_forms(struct strbuf *text, const char *name, const char *namespace, const char *from) {
	strbuf_printf(text, " %s.%s.svc.cluster.local %s.%s.svc %s.%s", name, namespace, name, namespace, name,
	              namespace);
	if (strcmp(namespace, from) == 0) strbuf_printf(text, " %s", name);
}

static const struct kube_object *find(const struct kube_objects *services, const char *namespace, const char *name) {
	for (size_t i = 0; i < services->count; i++) {
		const struct kube_object *service = services->items[i];
		if (strcmp(service->namespace, namespace) == 0 && strcmp(service->name, name) == 0) return service;
	}
	return NULL;
}

static void write_pod(struct strbuf *text, const char *from, const struct kube_object *pod,
                      const struct kube_objects *services) {
	struct in_addr address;
	char ip[INET_ADDRSTRLEN];
	if (!pod_has_address(pod, &address)) return;
	const struct json_object *spec = json_get(pod->json, "spec");
	const char *hostname = json_get_text(spec, "hostname");
	const char *subdomain = json_get_text(spec, "subdomain");
	const struct kube_object *service =
	        subdomain != NULL && hostname != NULL ? find(services, pod->namespace, subdomain) : NULL;
	bool is_near = strcmp(pod->namespace, from) == 0;
	bool is_published = service != NULL && service_takes(service->json, pod, &address);
	if (!is_near && !is_published) return;
	strbuf_append(text, inet_ntop(AF_INET, &address, ip, sizeof(ip)));
	if (is_near) strbuf_printf(text, " %s", pod->name);
	if (is_published) {
		cleanup_free char *name = xasprintf("%s.%s", hostname, subdomain);
		write_forms(text, name, pod->namespace, from);
	}
	strbuf_append_char(text, '\n');
}

static void write_service(struct strbuf *text, const char *from, const struct kube_object *service) {
	const char *ip = json_get_text(json_get(service->json, "spec"), "clusterIP");
	struct in_addr address;
	if (ip == NULL || inet_pton(AF_INET, ip, &address) != 1) return;
	strbuf_append(text, ip);
	write_forms(text, service->name, service->namespace, from);
	strbuf_append_char(text, '\n');
}

void names_write(struct strbuf *text, const char *namespace, const struct kube_objects *pods,
                 const struct kube_objects *services) {
	for (size_t i = 0; i < pods->count; i++) write_pod(text, namespace, pods->items[i], services);
	for (size_t i = 0; i < services->count; i++) write_service(text, namespace, services->items[i]);
}
