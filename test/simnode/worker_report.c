/* What a pod's worker tells: the API of the pod's status, and others of what runs. */
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "simnode/pod_writer.h"
#include "simnode/worker_private.h"

/* Pauses after a write that failed. */
enum { REPORT_RETRY_MS = 500, REPORT_RETRY_FAR_MS = 2000 };

static int write_status(struct pod_worker *worker, struct error **err) {
	cleanup_free struct container_report *reports = xcalloc(worker->count, sizeof(*reports));
	for (size_t i = 0; i < worker->count; i++) reports[i] = container_report(&worker->containers[i]);
	const struct pod_report report = {
		.pod = worker->pod->json,
		.init_containers = reports,
		.init_count = worker->init_count,
		.containers = reports + worker->init_count,
		.count = worker->count - worker->init_count,
		.host_ip = worker->options.host_ip,
		.pod_ip = worker->address,
		.now = clock_wall_seconds(),
	};
	cleanup_json struct json_object *status = pod_status_compute(&report);
	if (pod_status_is(json_get(worker->pod->json, "status"), status)) return 0;
	const struct kube_object *current = NULL;
	if (pod_write_status(worker->options.client, &report, &current, err) < 0) return -1;
	if (current != NULL) worker_take_pod(worker, current);
	return 0;
}

static int report(struct pod_worker *worker, struct error **err) {
	if (write_status(worker, err) < 0) return -1;
	if (worker_any_runs(worker)) return 0;
	if (worker_is_being_deleted(worker) || worker_is_over(worker)) volumes_release(&worker->volumes, worker->uid);
	if (!worker_is_being_deleted(worker)) return 0;
	if (pod_delete_finally(worker->options.client, worker->pod, err) < 0) return -1;
	worker->removed = true;
	return 0;
}

void worker_report(struct pod_worker *worker, int64_t now) {
	if (worker->fate != NODE_UP || worker->removed || now < worker->report_at) return;
	cleanup_error struct error *err = NULL;
	worker->report_at = 0;
	if (report(worker, &err) == 0) return;
	bool soon = err->kind == ERROR_CONFLICT;
	/* Not found: the news that it is gone is on its way. */
	if (!soon && err->kind != ERROR_NOT_FOUND) {
		log_warning("cannot report", log_str("namespace", worker->pod->namespace),
		            log_str("pod", worker->pod->name), log_err(err));
	}
	worker->report_at = clock_monotonic_ms() + (soon ? REPORT_RETRY_MS : REPORT_RETRY_FAR_MS);
}

/* What others may ask for while we are at work. */
void worker_publish_summary(struct pod_worker *worker) {
	struct json_object *summary = json_object_new_object();
	struct json_object *containers = json_object_new_array();
	if (worker->address != NULL) json_set_text(summary, "ip", worker->address);
	for (size_t i = 0; i < worker->count; i++) {
		const struct container *container = &worker->containers[i];
		struct json_object *entry = json_object_new_object();
		json_set_text(entry, "name", container->name);
		json_set(entry, "pid", json_object_new_int(container_runs(container) ? container->process.pid : 0));
		json_set(entry, "restartCount", json_object_new_int64(container->restart_count));
		json_object_array_add(containers, entry);
	}
	json_set(summary, "containers", containers);
	pthread_mutex_lock(&worker->lock);
	struct json_object *old = worker->summary;
	worker->summary = summary;
	pthread_mutex_unlock(&worker->lock);
	json_object_put(old);
}

struct json_object *pod_worker_summary(struct pod_worker *worker) {
	pthread_mutex_lock(&worker->lock);
	struct json_object *copy = worker->summary != NULL ? json_copy(worker->summary) : json_object_new_object();
	pthread_mutex_unlock(&worker->lock);
	return copy;
}
