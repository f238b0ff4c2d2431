#include "simnode/network.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "simnode/folder.h"
#include "simnode/names.h"

struct fault {
	char *from; /* NULL: every pod */
	char *to;
	bool concerns_clients; /* of `to`; there is no `from` */
	struct fault *next;
};

/* A file, and what was written to it last. */
struct written {
	char *path;
	char *text;
	struct written *next;
};

struct network {
	char *folder;
	struct fault *faults;
	struct written *files;
};

char *network_hosts_file(const char *folder, const char *namespace) {
	return xasprintf("%s/%s.hosts", folder, namespace);
}

char *network_faults_file(const char *folder) {
	return xasprintf("%s/faults", folder);
}

struct network *network_new(const char *folder) {
	struct network *network = xcalloc(1, sizeof(*network));
	network->folder = xstrdup(folder);
	return network;
}

static void free_fault(struct fault *fault) {
	free(fault->from);
	free(fault->to);
	free(fault);
}

void network_free(struct network *network) {
	if (network == NULL) return;
	network_heal(network, NULL);
	while (network->files != NULL) {
		struct written *file = network->files;
		network->files = file->next;
		free(file->path);
		free(file->text);
		free(file);
	}
	free(network->folder);
	free(network);
}

/* ---- faults ---- */

static bool is_same(const char *a, const char *b) {
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void add(struct network *network, const char *from, const char *to, bool concerns_clients) {
	for (const struct fault *fault = network->faults; fault != NULL; fault = fault->next) {
		if (fault->concerns_clients == concerns_clients && is_same(fault->from, from) && is_same(fault->to, to))
			return;
	}
	struct fault *fault = xmalloc(sizeof(*fault));
	*fault = (struct fault){ .from = from != NULL ? xstrdup(from) : NULL,
		                 .to = to != NULL ? xstrdup(to) : NULL,
		                 .concerns_clients = concerns_clients,
		                 .next = network->faults };
	network->faults = fault;
}

void network_cut(struct network *network, const char *from, const char *to) {
	add(network, from, to, false);
}

void network_cut_clients(struct network *network, const char *pod) {
	add(network, NULL, pod, true);
}

void network_heal(struct network *network, const char *pod) {
	for (struct fault **at = &network->faults; *at != NULL;) {
		struct fault *fault = *at;
		if (pod != NULL && !is_same(fault->from, pod) && !is_same(fault->to, pod)) {
			at = &fault->next;
			continue;
		}
		*at = fault->next;
		free_fault(fault);
	}
}

static bool is_meant(const char *wanted, const struct pod_address *address) {
	return wanted == NULL || strcmp(wanted, address->pod) == 0;
}

static void write_fault(const struct fault *fault, const struct pod_address *addresses, size_t count,
                        struct strbuf *text) {
	for (size_t i = 0; i < count; i++) {
		if (!is_meant(fault->to, &addresses[i])) continue;
		if (fault->concerns_clients) strbuf_printf(text, "clients %s\n", addresses[i].address);
		for (size_t j = 0; j < count && !fault->concerns_clients; j++) {
			if (j == i || !is_meant(fault->from, &addresses[j])) continue;
			strbuf_printf(text, "cut %s %s\n", addresses[j].address, addresses[i].address);
		}
	}
}

void network_write_faults(const struct network *network, const struct pod_address *addresses, size_t count,
                          struct strbuf *text) {
	for (const struct fault *fault = network->faults; fault != NULL; fault = fault->next)
		write_fault(fault, addresses, count, text);
}

/* ---- files ---- */

static struct written *written_of(struct network *network, const char *path) {
	for (struct written *file = network->files; file != NULL; file = file->next) {
		if (strcmp(file->path, path) == 0) return file;
	}
	struct written *file = xcalloc(1, sizeof(*file));
	file->path = xstrdup(path);
	file->next = network->files;
	network->files = file;
	return file;
}

static void put(struct network *network, const char *path, const char *text) {
	cleanup_error struct error *err = NULL;
	struct written *file = written_of(network, path);
	if (file->text != NULL && strcmp(file->text, text) == 0) return;
	free(take(&file->text));
	if (folder_create(network->folder, &err) == 0 && folder_put_file(path, text, &err) == 0)
		file->text = xstrdup(text);
	else log_warning("cannot tell of the network", log_err(err));
}

static void put_names(struct network *network, const char *namespace, const struct kube_objects *pods,
                      const struct kube_objects *services) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_free char *path = network_hosts_file(network->folder, namespace);
	names_write(&text, namespace, pods, services);
	put(network, path, strbuf_text(&text));
}

void network_sync(struct network *network, const struct pod_address *addresses, size_t count,
                  const struct kube_objects *pods, const struct kube_objects *services) {
	const char *namespace = NULL;
	cleanup_strbuf struct strbuf faults = { 0 };
	cleanup_free char *path = network_faults_file(network->folder);
	network_write_faults(network, addresses, count, &faults);
	put(network, path, strbuf_text(&faults));
	/* Pods are in the order of their namespaces. */
	for (size_t i = 0; i < pods->count; i++) {
		if (namespace != NULL && strcmp(namespace, pods->items[i]->namespace) == 0) continue;
		namespace = pods->items[i]->namespace;
		put_names(network, namespace, pods, services);
	}
}
