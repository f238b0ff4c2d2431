#include "simnode/node.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "simnode/load_balancer.h"
#include "simnode/mailbox.h"
#include "simnode/node_status.h"

/* The kubelet's own numbers: a lease of 40 s that is renewed every 10. */
enum { LEASE_SECONDS = 40, RENEW_MS = 10 * 1000, STATUS_MS = 60 * 1000, RETRY_MS = 1000, TICK_MS = 1000 };

struct pulse {
	int fate;
	bool registered;
	int64_t beat_at;   /* next lease */
	int64_t status_at; /* next status, however well the node is */
};

struct heartbeat {
	struct kube_client *client;
	struct nodes *nodes;
	struct kube_cache *services;
	pthread_t thread;
	int wake_fd;
	atomic_bool stopping;
	char *version;
	struct pulse *pulses;
};

void nodes_init(struct nodes *nodes, size_t count, unsigned network) {
	nodes->items = xcalloc(count, sizeof(*nodes->items));
	nodes->count = count;
	for (size_t i = 0; i < count; i++) {
		nodes->items[i].name = xasprintf("node-%zu", i + 1);
		nodes->items[i].address = xasprintf("127.%u.%zu.%zu", 48 + network, i / 250, i % 250 + 1);
		atomic_init(&nodes->items[i].fate, NODE_UP);
	}
}

void nodes_free(struct nodes *nodes) {
	for (size_t i = 0; i < nodes->count; i++) {
		free(nodes->items[i].name);
		free(nodes->items[i].address);
	}
	free(nodes->items);
	*nodes = (struct nodes){ 0 };
}

struct node *nodes_find(const struct nodes *nodes, const char *name) {
	for (size_t i = 0; i < nodes->count; i++) {
		if (strcmp(nodes->items[i].name, name) == 0) return &nodes->items[i];
	}
	return NULL;
}

/* MicroTime wants exactly six digits behind the point. */
static char *micro_time(void) {
	struct timespec now;
	struct tm utc;
	char text[CLOCK_RFC3339_SIZE];
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	return xasprintf("%s.%06ldZ", text, now.tv_nsec / 1000);
}

static int renew_lease(struct heartbeat *heartbeat, const struct node *node, struct error **err) {
	cleanup_json struct json_object *lease = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *spec = json_object_new_object();
	cleanup_free char *now = micro_time();
	json_set_text(metadata, "name", node->name);
	json_set_text(metadata, "namespace", "kube-node-lease");
	json_set(lease, "metadata", metadata);
	json_set_text(spec, "holderIdentity", node->name);
	json_set(spec, "leaseDurationSeconds", json_object_new_int(LEASE_SECONDS));
	json_set_text(spec, "renewTime", now);
	json_set(lease, "spec", spec);
	cleanup_error struct error *failure = NULL;
	if (kube_patch(heartbeat->client, &kube_leases, "kube-node-lease", node->name, NULL, KUBE_PATCH_MERGE, lease,
	               NULL, &failure) == 0) {
		return 0;
	}
	if (failure->kind != ERROR_NOT_FOUND) return error_move(err, &failure);
	return kube_create(heartbeat->client, &kube_leases, lease, NULL, err);
}

static int post_status(struct heartbeat *heartbeat, const struct node *node, const struct json_object *before,
                       struct error **err) {
	cleanup_json struct json_object *patch = json_object_new_object();
	json_set(patch, "status",
	         node_status(before, node->name, node->address, heartbeat->version, clock_wall_seconds()));
	return kube_patch(heartbeat->client, &kube_nodes, NULL, node->name, "status", KUBE_PATCH_MERGE, patch, NULL,
	                  err);
}

/* The kubelet's version: the API server's own, for want of a better one. */
static int learn_version(struct heartbeat *heartbeat, struct error **err) {
	cleanup_json struct json_object *answer = NULL;
	if (heartbeat->version != NULL) return 0;
	if (kube_request(heartbeat->client, &(struct kube_request){ .method = KUBE_GET, .raw_path = "/version" },
	                 &answer, err) < 0) {
		return -1;
	}
	const char *version = json_get_text(answer, "gitVersion");
	heartbeat->version = xstrdup(version != NULL ? version : "v0.0.0");
	return 0;
}

/* Registers the node, or finds it registered from before and says that it is back. Its not-ready taint is taken away by
 * the node-lifecycle controller, as for any node. */
static int beat(struct heartbeat *heartbeat, const struct node *node, struct pulse *pulse, struct error **err) {
	cleanup_json struct json_object *object = NULL;
	cleanup_error struct error *failure = NULL;
	int64_t now = clock_monotonic_ms();
	if (learn_version(heartbeat, err) < 0) return -1;
	if (kube_get(heartbeat->client, &kube_nodes, NULL, node->name, &object, &failure) < 0) {
		if (failure->kind != ERROR_NOT_FOUND) return error_move(err, &failure);
		cleanup_json struct json_object *body = node_object(node->name, node->address, heartbeat->version);
		if (kube_create(heartbeat->client, &kube_nodes, body, &object, err) < 0) return -1;
		log_info("node registered", log_str("node", node->name));
		pulse->registered = true;
		pulse->status_at = now + STATUS_MS;
	}
	const struct json_object *status = json_get(object, "status");
	if (!pulse->registered || now >= pulse->status_at || !node_status_is_ready(status)) {
		if (post_status(heartbeat, node, status, err) < 0) return -1;
		pulse->registered = true;
		pulse->status_at = now + STATUS_MS;
	}
	return renew_lease(heartbeat, node, err);
}

static void look_after(struct heartbeat *heartbeat, const struct node *node, struct pulse *pulse) {
	int fate = atomic_load(&node->fate);
	if (fate != pulse->fate) *pulse = (struct pulse){ .fate = fate }; /* it is back: say so at once */
	int64_t now = clock_monotonic_ms();
	if (fate != NODE_UP || now < pulse->beat_at) return;
	cleanup_error struct error *err = NULL;
	if (beat(heartbeat, node, pulse, &err) == 0) {
		pulse->beat_at = now + RENEW_MS;
		return;
	}
	log_warning("cannot keep the node alive", log_str("node", node->name), log_err(err));
	pulse->beat_at = clock_monotonic_ms() + RETRY_MS;
}

static void *run(void *argument) {
	struct heartbeat *heartbeat = argument;
	while (!atomic_load(&heartbeat->stopping)) {
		for (size_t i = 0; i < heartbeat->nodes->count; i++) {
			look_after(heartbeat, &heartbeat->nodes->items[i], &heartbeat->pulses[i]);
		}
		load_balancers_sync(heartbeat->client, heartbeat->services);
		poll(&(struct pollfd){ .fd = heartbeat->wake_fd, .events = POLLIN }, 1, TICK_MS);
		eventfd_t ignored;
		eventfd_read(heartbeat->wake_fd, &ignored);
	}
	return NULL;
}

static void release(struct heartbeat *heartbeat) {
	if (heartbeat->wake_fd >= 0) close(heartbeat->wake_fd);
	free(heartbeat->version);
	free(heartbeat->pulses);
	free(heartbeat);
}

struct heartbeat *heartbeat_start(struct kube_client *client, struct nodes *nodes, struct kube_cache *services,
                                  struct error **err) {
	struct heartbeat *heartbeat = xcalloc(1, sizeof(*heartbeat));
	heartbeat->client = client;
	heartbeat->nodes = nodes;
	heartbeat->services = services;
	heartbeat->pulses = xcalloc(nodes->count, sizeof(*heartbeat->pulses));
	heartbeat->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int reason = heartbeat->wake_fd < 0 ? errno : pthread_create(&heartbeat->thread, NULL, run, heartbeat);
	if (reason != 0) {
		release(heartbeat);
		error_errno(err, reason, "cannot start the heartbeat");
		return NULL;
	}
	return heartbeat;
}

void heartbeat_wake(struct heartbeat *heartbeat) {
	eventfd_write(heartbeat->wake_fd, 1);
}

void heartbeat_free(struct heartbeat *heartbeat) {
	if (heartbeat == NULL) return;
	atomic_store(&heartbeat->stopping, true);
	heartbeat_wake(heartbeat);
	pthread_join(heartbeat->thread, NULL);
	release(heartbeat);
}
