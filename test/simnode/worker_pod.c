/* What the object of a pod says to its worker. */
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/worker_private.h"

static size_t length_of(const struct json_object *array) {
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

static const struct json_object *named(const struct json_object *list, const char *name) {
	for (size_t i = 0; i < length_of(list); i++) {
		const struct json_object *item = json_object_array_get_idx(list, i);
		const char *its_name = json_get_text(item, "name");
		if (its_name != NULL && strcmp(its_name, name) == 0) return item;
	}
	return NULL;
}

static void add_containers(struct pod_worker *worker, bool is_init, const char *waiting_reason) {
	const struct json_object *specs =
	        json_get_path(worker->pod->json, "spec", is_init ? "initContainers" : "containers", NULL);
	const struct json_object *statuses = json_get_path(
	        worker->pod->json, "status", is_init ? "initContainerStatuses" : "containerStatuses", NULL);
	worker->containers =
	        xreallocarray(worker->containers, worker->count + length_of(specs), sizeof(*worker->containers));
	for (size_t i = 0; i < length_of(specs); i++) {
		const struct json_object *spec = json_object_array_get_idx(specs, i);
		const struct json_object *status = named(statuses, json_get_text(spec, "name"));
		container_init(&worker->containers[worker->count++], spec, is_init, status, waiting_reason);
	}
}

void worker_make_containers(struct pod_worker *worker) {
	bool has_init = length_of(json_get_path(worker->pod->json, "spec", "initContainers", NULL)) != 0;
	const char *reason = has_init ? "PodInitializing" : "ContainerCreating";
	add_containers(worker, true, reason);
	worker->init_count = worker->count;
	add_containers(worker, false, reason);
}

/* The object's newest state. What containers borrow from the old one is found again in the new: containers are neither
 * added nor removed while a pod lives. */
void worker_take_pod(struct pod_worker *worker, const struct kube_object *pod) {
	for (size_t i = 0; i < worker->count; i++) {
		struct container *container = &worker->containers[i];
		const struct json_object *spec = named(
		        json_get_path(pod->json, "spec", container->is_init ? "initContainers" : "containers", NULL),
		        container->name);
		if (spec == NULL) {
			kube_object_unref(pod);
			return;
		}
		container->spec = spec;
	}
	kube_object_unref(worker->pod);
	worker->pod = pod;
}

const char *worker_restart_policy(const struct pod_worker *worker) {
	const char *policy = json_get_text(json_get(worker->pod->json, "spec"), "restartPolicy");
	return policy != NULL ? policy : "Always";
}

int64_t worker_grace_ms(const struct pod_worker *worker) {
	int64_t own = json_get_integer(json_get(worker->pod->json, "spec"), "terminationGracePeriodSeconds", 30);
	return 1000 * json_get_integer(json_get(worker->pod->json, "metadata"), "deletionGracePeriodSeconds", own);
}

bool worker_is_being_deleted(const struct pod_worker *worker) {
	return json_get_text(json_get(worker->pod->json, "metadata"), "deletionTimestamp") != NULL;
}

bool worker_is_over(const struct pod_worker *worker) {
	const char *phase = json_get_text(json_get(worker->pod->json, "status"), "phase");
	return phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

struct pod_setting worker_setting(const struct pod_worker *worker) {
	return (struct pod_setting){
		.cluster = worker->options.cluster,
		.images = worker->options.images,
		.pod = worker->pod->json,
		.place = { .node = worker->options.node,
		           .host_ip = worker->options.host_ip,
		           .pod_ip = worker->address },
		.volumes = &worker->volumes,
		.folder = worker->folder,
		.logs = worker->logs,
		.wake_fd = worker->mailbox.wake_fd,
	};
}

/* The address that the status shows is kept, so that it outlives this program; pods on the host's network have the
 * node's. */
void worker_choose_address(struct pod_worker *worker) {
	const char *known = json_get_text(json_get(worker->pod->json, "status"), "podIP");
	if (json_get_flag(json_get(worker->pod->json, "spec"), "hostNetwork", false)) {
		worker->address = xstrdup(worker->options.host_ip);
		return;
	}
	if (known != NULL && addresses_claim(worker->options.addresses, known)) worker->address = xstrdup(known);
	else worker->address = addresses_take(worker->options.addresses);
	worker->owns_address = worker->address != NULL;
}

bool worker_any_runs(const struct pod_worker *worker) {
	for (size_t i = 0; i < worker->count; i++) {
		if (container_runs(&worker->containers[i])) return true;
	}
	return false;
}
