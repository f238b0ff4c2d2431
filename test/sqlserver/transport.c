/* Messages between mirroring endpoints: who may talk to whom, and in which order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/group.h"

/* TCP://host:port */
static bool parse_url(const char *url, char **host, int *port) {
	if (strncasecmp(url, "TCP://", 6) != 0) return false;
	const char *colon = strrchr(url + 6, ':');
	if (colon == NULL) return false;
	*host = xstrndup(url + 6, (size_t)(colon - url - 6));
	*port = atoi(colon + 1);
	return true;
}

void sim_transport_send(struct sim_instance *instance, struct sim_group *group, const struct sim_replica *to,
                        enum sim_message_type type, const struct strbuf *body) {
	const struct sim_certificate *certificate = sim_endpoint_certificate(instance);
	if (certificate == NULL || !instance->endpoint.started || !certificate->has_private_key) return;
	if (to->link.cached_until > sim_now(instance)) return;
	cleanup_free char *host = NULL;
	int port = 0;
	if (!parse_url(to->endpoint_url, &host, &port)) return;
	cleanup_strbuf struct strbuf message = { 0 };
	wire_put(&message, type);
	wire_put_bytes(&message, certificate->public_part, certificate->public_length);
	wire_put_text(&message, to->name);
	wire_put_text(&message, group->name);
	wire_put_text(&message, group->id);
	wire_put_text(&message, group->replica_id);
	/* Numbers go on growing over restarts, also where the volume is new. */
	wire_put(&message, instance->number << 24 | ++instance->serial);
	wire_put_bytes(&message, body->data, body->length);
	instance->host.send(instance->host.context, host, port, message.data, message.length);
}

static bool authentic(struct sim_instance *instance, struct wire *wire) {
	size_t length;
	const void *certificate = wire_get_bytes(wire, &length);
	return certificate != NULL && sim_endpoint_trusts(instance, certificate, length);
}

/* Messages that were overtaken say nothing any more. */
static bool is_new(struct sim_replica *from, uint64_t serial) {
	if (serial <= from->link.serial) return false;
	from->link.serial = serial;
	return true;
}

void sim_instance_receive(struct sim_instance *instance, int port, const void *bytes, size_t length) {
	if (instance->endpoint.name == NULL || !instance->endpoint.started || instance->endpoint.port != port) return;
	if (!sim_instance_accepts(instance) || sim_endpoint_certificate(instance) == NULL) return;
	struct wire wire = wire_over(bytes, length);
	enum sim_message_type type = (enum sim_message_type)wire_get(&wire);
	if (!authentic(instance, &wire)) return;
	cleanup_free char *target = wire_get_text(&wire), *name = wire_get_text(&wire), *id = wire_get_text(&wire),
	                  *sender = wire_get_text(&wire);
	uint64_t serial = wire_get(&wire);
	size_t body_length;
	const void *body_bytes = wire_get_bytes(&wire, &body_length);
	if (wire.broken || strcasecmp(target, instance->name) != 0) return;
	struct wire body = wire_over(body_bytes, body_length);
	struct sim_group *group = sim_group_find(instance, name);
	if (group == NULL) {
		if (type == SIM_MESSAGE_OFFER && sim_list_has(instance->joining, name))
			sim_group_join(instance, name, &body);
		return;
	}
	if (strcmp(group->id, id) != 0) return; /* another group of that name */
	struct sim_replica *from = sim_group_replica_by_id(group, sender);
	if (from == NULL || from->link.cached_until > sim_now(instance) || !is_new(from, serial)) return;
	from->link.cached_until = 0;
	if (type == SIM_MESSAGE_OFFER) sim_secondary_offer(instance, group, from, &body);
	if (type == SIM_MESSAGE_LOG) sim_secondary_log(instance, group, from, &body);
	if (type == SIM_MESSAGE_REPORT) sim_primary_report(instance, group, from, &body);
}

void sim_instance_unreachable(struct sim_instance *instance, const char *host, int port) {
	if (!sim_assume(instance, SIM_ASSUME_reset_noticed)) return;
	for (size_t i = 0; i < instance->group_count; i++) {
		struct sim_group *group = instance->groups[i];
		for (size_t j = 0; j < group->replica_count; j++) {
			cleanup_free char *other = NULL;
			int other_port;
			struct sim_replica *replica = &group->replicas[j];
			if (!parse_url(replica->endpoint_url, &other, &other_port) || port != other_port ||
			    strcasecmp(host, other) != 0)
				continue;
			if (replica->link.connected) sim_primary_disconnect(instance, group, replica, 35206);
		}
	}
}

/* Stopping ends every session of this side at once; the others find out by silence. */
void sim_endpoint_stopped(struct sim_instance *instance) {
	for (size_t i = 0; i < instance->group_count; i++) {
		struct sim_group *group = instance->groups[i];
		for (size_t j = 0; j < group->replica_count; j++)
			if (group->replicas[j].link.connected)
				sim_primary_disconnect(instance, group, &group->replicas[j], 0);
	}
}

/* What the transport had cached is gone, where the primary has had its role for long enough: the next session is good.
 */
void sim_endpoint_started(struct sim_instance *instance) {
	int64_t now = sim_now(instance);
	for (size_t i = 0; i < instance->group_count; i++) {
		struct sim_group *group = instance->groups[i];
		for (size_t j = 0; j < group->replica_count; j++) {
			struct sim_link *link = &group->replicas[j].link;
			int64_t since = group->role == SIM_ROLE_PRIMARY ? group->role_since : link->peer_role_since;
			if (now - since >= sim_timing(instance, SIM_TIMING_transport_stable)) link->cached_until = 0;
		}
		group->next_heartbeat = now;
	}
}
