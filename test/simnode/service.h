/* What a Service leads to: addresses and ports, from its object and those of the pods. Pure. */
#ifndef SIMNODE_SERVICE_H
#define SIMNODE_SERVICE_H

#include <json-c/json.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

#include "kube/object.h"

/* One port of a Service, and the pods behind it. */
struct service_port {
	struct sockaddr_in address;
	struct sockaddr_in *backends;
	size_t count;
};
struct service_ports {
	struct service_port *items;
	size_t count;
};

/* Appends the TCP ports of `service` with an IPv4 ClusterIP, each with the pods of `pods` that its selector takes and
 * that are ready and not being deleted (publishNotReadyAddresses: all that have an address). */
void service_ports_add(struct service_ports *ports, const struct kube_object *service, const struct kube_objects *pods);
void service_ports_free(struct service_ports *ports);

/* Whether all labels of the selector are among `labels`; an empty selector takes nothing. */
bool selector_takes(const struct json_object *selector, const struct json_object *labels);

/* Whether the pod is among the endpoints of the Service; *address is then its. */
bool service_takes(const struct json_object *service, const struct kube_object *pod, struct in_addr *address);

/* Whether the pod is one that still has its address. */
bool pod_has_address(const struct kube_object *pod, struct in_addr *address);

#endif
