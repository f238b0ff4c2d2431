#include "bench/farm_pods.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "controller/engine/queue.h"
#include "kube/cache.h"

enum { WORKERS = 8, FIRST_ADDRESS = 10 };
#define NODE "sql-farm"

struct farm_pods {
	struct farm_pods_options options;
	struct kube_cache *pods, *claims, *secrets;
	struct queue *queue; /* "Pod/NAME", "Claim/NAME" */
	pthread_mutex_t mutex;
	pthread_cond_t work;
	atomic_uint addresses;
};

/* ---- Small requests ---- */

static struct json_object *parse(const char *text) {
	return json_tokener_parse(text);
}

static int make_node(struct farm_pods *farm, struct error **err) {
	static const char text[] = "{\"metadata\":{\"name\":\"" NODE "\"}}";
	static const char status[] = "{\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":"
	                             "\"KubeletReady\",\"message\":\"sql_farm\"}]}}";
	cleanup_json struct json_object *node = parse(text);
	cleanup_json struct json_object *patch = parse(status);
	cleanup_error struct error *there = NULL;
	(void)kube_create(farm->options.client, &kube_nodes, node, NULL, &there);
	return kube_patch(farm->options.client, &kube_nodes, NULL, NODE, "status", KUBE_PATCH_MERGE, patch, NULL, err);
}

static int bind(const struct farm_pods *farm, const struct kube_object *pod, struct error **err) {
	cleanup_free char *text =
	        xasprintf("{\"apiVersion\":\"v1\",\"kind\":\"Binding\",\"metadata\":{\"name\":\"%s\"},"
	                  "\"target\":{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"name\":\"" NODE "\"}}",
	                  pod->name);
	cleanup_json struct json_object *body = parse(text);
	const struct kube_request request = { .method = KUBE_POST,
		                              .resource = &kube_pods,
		                              .namespace = pod->namespace,
		                              .name = pod->name,
		                              .subresource = "binding",
		                              .body = body };
	return kube_request(farm->options.client, &request, NULL, err);
}

static int report_ready(const struct farm_pods *farm, const struct kube_object *pod, const char *ip, unsigned number,
                        struct error **err) {
	char now[CLOCK_RFC3339_SIZE];
	clock_now_rfc3339(now);
	now[19] = 'Z'; /* Time has no fractions */
	now[20] = '\0';
	cleanup_free char *text = xasprintf(
	        "{\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\",\"podIPs\":[{\"ip\":\"%s\"}],\"hostIP\":\"127.0.0."
	        "1\","
	        "\"startTime\":\"%s\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"True\"},"
	        "{\"type\":\"Initialized\",\"status\":\"True\"},{\"type\":\"ContainersReady\",\"status\":\"True\"},"
	        "{\"type\":\"Ready\",\"status\":\"True\"}],\"containerStatuses\":[{\"name\":\"mssql\",\"ready\":true,"
	        "\"started\":true,\"restartCount\":0,\"image\":\"sql-farm\",\"imageID\":\"sql-farm\",\"containerID\":"
	        "\"farm://%u\",\"state\":{\"running\":{\"startedAt\":\"%s\"}}}]}}",
	        ip, ip, now, number, now);
	cleanup_json struct json_object *patch = parse(text);
	return kube_patch(farm->options.client, &kube_pods, pod->namespace, pod->name, "status", KUBE_PATCH_MERGE,
	                  patch, NULL, err);
}

/* ---- A pod ---- */

/* The reference that the container's environment makes; NULL: the Secret is not there yet. */
static char *sa_password(const struct farm_pods *farm, const struct kube_object *pod) {
	const struct json_object *containers = json_get_path(pod->json, "spec", "containers", NULL);
	const struct json_object *env = json_get(json_object_array_get_idx(containers, 0), "env");
	for (size_t i = 0; i < json_object_array_length(env); i++) {
		const struct json_object *variable = json_object_array_get_idx(env, i);
		const struct json_object *from = json_get_path(variable, "valueFrom", "secretKeyRef", NULL);
		if (strcmp(json_get_text(variable, "name"), "MSSQL_SA_PASSWORD") != 0 || from == NULL) continue;
		cleanup_kube_object const struct kube_object *secret =
		        kube_cache_get(farm->secrets, pod->namespace, json_get_text(from, "name"));
		const char *encoded =
		        secret != NULL ? json_get_text(json_get(secret->json, "data"), json_get_text(from, "key"))
		                       : NULL;
		unsigned char *bytes = NULL;
		size_t length;
		if (encoded != NULL && base64_decode(encoded, strlen(encoded), &bytes, &length)) return (char *)bytes;
	}
	return NULL;
}

static int start_pod(struct farm_pods *farm, const struct kube_object *pod, struct error **err) {
	cleanup_free char *password = sa_password(farm, pod);
	if (password == NULL) return error_set(err, ERROR_NOT_FOUND, "%s: no password of sa yet", pod->name);
	bool is_bound = json_get_text(json_get(pod->json, "spec"), "nodeName") != NULL;
	if (!is_bound && bind(farm, pod, err) < 0) return -1;
	unsigned number = atomic_fetch_add(&farm->addresses, 1);
	cleanup_free char *ip = xasprintf("127.%d.%u.%u", farm->options.network, number / 250, number % 250 + 2);
	farm_servers_start(farm->options.servers, pod->name, pod->uid, ip, password);
	return report_ready(farm, pod, ip, number, err);
}

static int end_pod(const struct farm_pods *farm, const struct kube_object *pod, struct error **err) {
	const struct kube_delete_options options = { .uid = pod->uid, .has_grace_period = true };
	farm_servers_kill(farm->options.servers, pod->name, pod->uid);
	return kube_delete(farm->options.client, &kube_pods, pod->namespace, pod->name, &options, err);
}

static int sync_pod(struct farm_pods *farm, const char *name, struct error **err) {
	cleanup_kube_object const struct kube_object *pod = kube_cache_get(farm->pods, farm->options.namespace, name);
	if (pod == NULL) return 0;
	if (json_get_path(pod->json, "metadata", "deletionTimestamp", NULL) != NULL) return end_pod(farm, pod, err);
	bool runs = json_get_text(json_get(pod->json, "status"), "podIP") != NULL;
	return runs ? 0 : start_pod(farm, pod, err);
}

/* ---- A claim ---- */

static int sync_claim(const struct farm_pods *farm, const char *name, struct error **err) {
	cleanup_kube_object const struct kube_object *claim =
	        kube_cache_get(farm->claims, farm->options.namespace, name);
	if (claim == NULL) return 0;
	const char *phase = json_get_text(json_get(claim->json, "status"), "phase");
	if (phase != NULL && strcmp(phase, "Bound") == 0) return 0;
	const char *size = json_get_text(json_get_path(claim->json, "spec", "resources", "requests", NULL), "storage");
	cleanup_free char *text = xasprintf("{\"status\":{\"phase\":\"Bound\",\"capacity\":{\"storage\":\"%s\"},"
	                                    "\"accessModes\":[\"ReadWriteOnce\"]}}",
	                                    size);
	cleanup_json struct json_object *patch = parse(text);
	return kube_patch(farm->options.client, &kube_persistentvolumeclaims, claim->namespace, name, "status",
	                  KUBE_PATCH_MERGE, patch, NULL, err);
}

/* ---- Workers ---- */

static void sync_key(struct farm_pods *farm, const char *key) {
	cleanup_error struct error *err = NULL;
	bool is_pod = strncmp(key, "Pod/", 4) == 0;
	int result = is_pod ? sync_pod(farm, key + 4, &err) : sync_claim(farm, key + strlen("Claim/"), &err);
	bool is_late = result < 0 && (err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND);
	if (result == 0) queue_forget(farm->queue, key);
	else queue_retry(farm->queue, key);
	if (result < 0 && !is_late) fprintf(stderr, "sql_farm: %s: %s\n", key, err->message);
}

static void *work(void *context) {
	enum { LONGEST_MS = 200 };
	struct farm_pods *farm = context;
	for (;;) {
		cleanup_free char *key = queue_take(farm->queue);
		if (key != NULL) {
			sync_key(farm, key);
			queue_done(farm->queue, key);
			continue;
		}
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += (long)LONGEST_MS * 1000000;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_mutex_lock(&farm->mutex);
		pthread_cond_timedwait(&farm->work, &farm->mutex, &until);
		pthread_mutex_unlock(&farm->mutex);
	}
	return NULL;
}

static void wake(void *context) {
	struct farm_pods *farm = context;
	pthread_cond_signal(&farm->work);
}

/* ---- What is followed ---- */

static void on_pod(void *context, enum kube_event event, const struct kube_object *old, const struct kube_object *new) {
	struct farm_pods *farm = context;
	if (event == KUBE_DELETED) {
		farm_servers_kill(farm->options.servers, old->name, old->uid);
		return;
	}
	cleanup_free char *key = xasprintf("Pod/%s", new->name);
	queue_add(farm->queue, key);
}

static void on_claim(void *context, enum kube_event event, const struct kube_object *old,
                     const struct kube_object *new) {
	struct farm_pods *farm = context;
	if (event == KUBE_DELETED || old != NULL) return;
	cleanup_free char *key = xasprintf("Claim/%s", new->name);
	queue_add(farm->queue, key);
}

static struct kube_cache *follow(struct farm_pods *farm, const struct kube_resource *resource,
                                 void (*on_event)(void *, enum kube_event, const struct kube_object *,
                                                  const struct kube_object *)) {
	return kube_cache_new(farm->options.loop, &(struct kube_cache_options){ .resource = resource,
	                                                                        .namespace = farm->options.namespace,
	                                                                        .on_event = on_event,
	                                                                        .context = farm });
}

struct farm_pods *farm_pods_new(const struct farm_pods_options *options, struct error **err) {
	struct farm_pods *farm = xcalloc(1, sizeof(*farm));
	farm->options = *options;
	atomic_init(&farm->addresses, FIRST_ADDRESS);
	pthread_mutex_init(&farm->mutex, NULL);
	pthread_cond_init(&farm->work, NULL);
	farm->queue = queue_new(&(struct queue_options){ .name = "farm",
	                                                 .metrics = options->metrics,
	                                                 .wake = wake,
	                                                 .context = farm,
	                                                 .backoff_longest_ms = 2000 });
	if (make_node(farm, err) < 0) {
		queue_free(farm->queue);
		free(farm);
		return NULL;
	}
	farm->secrets = follow(farm, &kube_secrets, NULL);
	farm->pods = follow(farm, &kube_pods, on_pod);
	farm->claims = follow(farm, &kube_persistentvolumeclaims, on_claim);
	return farm;
}

int farm_pods_start(struct farm_pods *farm, struct error **err) {
	for (int i = 0; i < WORKERS; i++) {
		pthread_t thread;
		int failed = pthread_create(&thread, NULL, work, farm);
		if (failed != 0) return error_errno(err, failed, "a thread");
	}
	return 0;
}
