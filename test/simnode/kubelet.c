#include "simnode/kubelet.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

/* A pod that is looked after. */
struct charge {
	struct pod_worker *worker;
	struct node *node;
	char *namespace;
	char *name;
	char *full_name; /* NAMESPACE/NAME */
	char *delivered; /* the resourceVersion that the worker knows of; NULL: tell it anew */
	bool seen;
	struct charge *next;
};

struct kubelet {
	struct pod_worker_options options;
	struct nodes *nodes;
	struct kube_cache *pods;
	struct charge *charges;
};

struct kubelet *kubelet_new(const struct pod_worker_options *options, struct nodes *nodes, struct kube_cache *pods) {
	struct kubelet *kubelet = xcalloc(1, sizeof(*kubelet));
	*kubelet = (struct kubelet){ .options = *options, .nodes = nodes, .pods = pods };
	return kubelet;
}

static struct node *node_of(struct kubelet *kubelet, const struct kube_object *pod) {
	const char *name = json_get_text(json_get(pod->json, "spec"), "nodeName");
	return name != NULL ? nodes_find(kubelet->nodes, name) : NULL;
}

static struct charge *charge_of(struct kubelet *kubelet, const char *uid) {
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		if (strcmp(pod_worker_uid(charge->worker), uid) == 0) return charge;
	}
	return NULL;
}

static void take_charge(struct kubelet *kubelet, const struct kube_object *pod, struct node *node) {
	cleanup_error struct error *err = NULL;
	struct pod_worker_options options = kubelet->options;
	options.node = node->name;
	options.host_ip = node->address;
	struct pod_worker *worker = pod_worker_start(&options, pod, &err);
	if (worker == NULL) {
		log_error("cannot look after the pod", log_str("namespace", pod->namespace), log_str("pod", pod->name),
		          log_err(err));
		return;
	}
	struct charge *charge = xmalloc(sizeof(*charge));
	*charge = (struct charge){
		.worker = worker,
		.node = node,
		.namespace = xstrdup(pod->namespace),
		.name = xstrdup(pod->name),
		.full_name = xasprintf("%s/%s", pod->namespace, pod->name),
		.delivered = xstrdup(pod->resource_version),
		.seen = true,
		.next = kubelet->charges,
	};
	kubelet->charges = charge;
}

static void free_charge(struct charge *charge) {
	pod_worker_free(charge->worker);
	free(charge->namespace);
	free(charge->name);
	free(charge->full_name);
	free(charge->delivered);
	free(charge);
}

/* Nothing is left to do for a pod that ran to its end, until it is deleted. */
static bool needs_nobody(const struct kube_object *pod) {
	const char *phase = json_get_text(json_get(pod->json, "status"), "phase");
	bool over = phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
	return over && json_get_text(json_get(pod->json, "metadata"), "deletionTimestamp") == NULL;
}

static void deliver(struct charge *charge, const struct kube_object *pod) {
	charge->seen = true;
	if (charge->delivered != NULL && strcmp(charge->delivered, pod->resource_version) == 0) return;
	free(charge->delivered);
	charge->delivered = xstrdup(pod->resource_version);
	pod_worker_update(charge->worker, pod);
}

/* Pods that have an address come first, so that it is theirs before others are given one. */
static void visit_pods(struct kubelet *kubelet, const struct kube_objects *pods, bool with_address) {
	for (size_t i = 0; i < pods->count; i++) {
		const struct kube_object *pod = pods->items[i];
		bool has_address = json_get_text(json_get(pod->json, "status"), "podIP") != NULL;
		struct node *node = has_address == with_address ? node_of(kubelet, pod) : NULL;
		if (node == NULL) continue;
		struct charge *charge = charge_of(kubelet, pod->uid);
		bool up = atomic_load(&node->fate) == NODE_UP;
		if (charge == NULL && up && !needs_nobody(pod)) take_charge(kubelet, pod, node);
		else if (charge != NULL && up) deliver(charge, pod);
	}
}

static void let_go(struct kubelet *kubelet) {
	struct charge **link = &kubelet->charges;
	while (*link != NULL) {
		struct charge *charge = *link;
		bool up = atomic_load(&charge->node->fate) == NODE_UP;
		if (pod_worker_ended(charge->worker)) {
			*link = charge->next;
			free_charge(charge);
			continue;
		}
		if (!charge->seen && up) pod_worker_update(charge->worker, NULL);
		link = &charge->next;
	}
}

void kubelet_sync(struct kubelet *kubelet) {
	if (!kube_cache_synced(kubelet->pods)) return;
	cleanup_kube_objects struct kube_objects pods = kube_cache_list(kubelet->pods, NULL);
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) charge->seen = false;
	visit_pods(kubelet, &pods, true);
	visit_pods(kubelet, &pods, false);
	let_go(kubelet);
}

void kubelet_refresh(struct kubelet *kubelet) {
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next)
		pod_worker_refresh(charge->worker);
}

/* ---- Faults ---- */

static bool is_called(const struct charge *charge, const char *pod) {
	const char *slash = strchr(pod, '/');
	if (slash == NULL) return strcmp(charge->name, pod) == 0;
	size_t length = (size_t)(slash - pod);
	return strlen(charge->namespace) == length && strncmp(charge->namespace, pod, length) == 0 &&
	       strcmp(charge->name, slash + 1) == 0;
}

char *kubelet_pod_name(struct kubelet *kubelet, const char *pod, struct error **err) {
	const struct charge *found = NULL;
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		if (!is_called(charge, pod)) continue;
		if (found != NULL && strcmp(found->namespace, charge->namespace) != 0) {
			error_set(err, ERROR_INVALID, "several namespaces have a pod \"%s\": say NAMESPACE/NAME", pod);
			return NULL;
		}
		found = charge;
	}
	if (found != NULL) return xstrdup(found->full_name);
	error_set(err, ERROR_NOT_FOUND, "no simulated node runs a pod \"%s\"", pod);
	return NULL;
}

/* Of two pods of one name, one being a predecessor that still runs on a node that is cut off, both are meant. */
int kubelet_signal(struct kubelet *kubelet, const char *pod, const char *container, int signal, struct error **err) {
	cleanup_free char *name = kubelet_pod_name(kubelet, pod, err);
	if (name == NULL) return -1;
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		if (strcmp(charge->full_name, name) == 0) pod_worker_signal(charge->worker, container, signal);
	}
	return 0;
}

struct pod_address *kubelet_addresses(struct kubelet *kubelet, size_t *count) {
	size_t most = 0;
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) most++;
	struct pod_address *addresses = xcalloc(most + 1, sizeof(*addresses));
	*count = 0;
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		const char *address = pod_worker_address(charge->worker);
		if (address == NULL) continue;
		addresses[(*count)++] = (struct pod_address){ .pod = charge->full_name, .address = address };
	}
	return addresses;
}

int kubelet_set_fate(struct kubelet *kubelet, const char *name, enum node_fate fate, struct error **err) {
	struct node *node = nodes_find(kubelet->nodes, name);
	if (node == NULL) return error_set(err, ERROR_NOT_FOUND, "there is no simulated node \"%s\"", name);
	atomic_store(&node->fate, fate);
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		if (charge->node != node) continue;
		free(take(&charge->delivered));
		pod_worker_set_fate(charge->worker, fate);
	}
	kubelet_sync(kubelet);
	return 0;
}

struct json_object *kubelet_list(struct kubelet *kubelet) {
	static const char *const fates[] = { [NODE_UP] = "up", [NODE_CUT] = "cut", [NODE_DOWN] = "down" };
	struct json_object *list = json_object_new_object();
	struct json_object *nodes = json_object_new_array();
	struct json_object *pods = json_object_new_array();
	for (size_t i = 0; i < kubelet->nodes->count; i++) {
		struct json_object *node = json_object_new_object();
		json_set_text(node, "name", kubelet->nodes->items[i].name);
		json_set_text(node, "state", fates[atomic_load(&kubelet->nodes->items[i].fate)]);
		json_object_array_add(nodes, node);
	}
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next) {
		struct json_object *pod = pod_worker_summary(charge->worker);
		json_set_text(pod, "namespace", charge->namespace);
		json_set_text(pod, "name", charge->name);
		json_set_text(pod, "node", charge->node->name);
		json_object_array_add(pods, pod);
	}
	json_set(list, "nodes", nodes);
	json_set(list, "pods", pods);
	return list;
}

void kubelet_free(struct kubelet *kubelet) {
	for (struct charge *charge = kubelet->charges; charge != NULL; charge = charge->next)
		pod_worker_abandon(charge->worker);
	while (kubelet->charges != NULL) {
		struct charge *charge = kubelet->charges;
		kubelet->charges = charge->next;
		free_charge(charge);
	}
	free(kubelet);
}
