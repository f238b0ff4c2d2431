#include "simnode/pod_worker.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "simnode/container.h"
#include "simnode/folder.h"
#include "simnode/mailbox.h"
#include "simnode/pod_writer.h"

struct pod_worker {
	struct pod_worker_options options;
	pthread_t thread;
	atomic_bool ended;
	char *uid;
	struct mailbox mailbox;

	pthread_mutex_t lock; /* of what follows */
	struct json_object *summary;

	/* From here on the thread's own. */
	struct mail news; /* the mail that was read last */
	const struct kube_object *pod;
	char *folder;
	char *volumes_folder;
	char *logs;
	char *address;
	bool owns_address;
	struct volumes volumes;
	bool volumes_ready;
	int64_t volumes_at; /* to be looked at again then (monotonic milliseconds) */
	struct container *containers;
	size_t init_count; /* of them, at the front */
	size_t count;
	int64_t report_at; /* a write failed: try again then */
	bool removed;      /* we have deleted the object */
	enum node_fate fate;
};

/* Pauses after something that did not work. */
enum { VOLUMES_RETRY_MS = 1000, REPORT_RETRY_MS = 500, REPORT_RETRY_FAR_MS = 2000 };

/* ---- Mail ---- */

const char *pod_worker_uid(const struct pod_worker *worker) {
	return worker->uid;
}

const char *pod_worker_address(const struct pod_worker *worker) {
	return worker->address;
}

void pod_worker_update(struct pod_worker *worker, const struct kube_object *pod) {
	mailbox_put_pod(&worker->mailbox, pod);
}

void pod_worker_refresh(struct pod_worker *worker) {
	mailbox_put_refresh(&worker->mailbox);
}

void pod_worker_set_fate(struct pod_worker *worker, enum node_fate fate) {
	mailbox_put_fate(&worker->mailbox, fate);
}

void pod_worker_signal(struct pod_worker *worker, const char *container, int signal) {
	mailbox_put_signal(&worker->mailbox, container, signal);
}

void pod_worker_abandon(struct pod_worker *worker) {
	mailbox_put_abandon(&worker->mailbox);
}

/* ---- The pod ---- */

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

static void make_containers(struct pod_worker *worker) {
	bool has_init = length_of(json_get_path(worker->pod->json, "spec", "initContainers", NULL)) != 0;
	const char *reason = has_init ? "PodInitializing" : "ContainerCreating";
	add_containers(worker, true, reason);
	worker->init_count = worker->count;
	add_containers(worker, false, reason);
}

/* The object's newest state. What containers borrow from the old one is found again in the new: containers are neither
 * added nor removed while a pod lives. */
static void take_pod(struct pod_worker *worker, const struct kube_object *pod) {
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

static const char *restart_policy(const struct pod_worker *worker) {
	const char *policy = json_get_text(json_get(worker->pod->json, "spec"), "restartPolicy");
	return policy != NULL ? policy : "Always";
}

static int64_t grace_ms(const struct pod_worker *worker) {
	int64_t own = json_get_integer(json_get(worker->pod->json, "spec"), "terminationGracePeriodSeconds", 30);
	return 1000 * json_get_integer(json_get(worker->pod->json, "metadata"), "deletionGracePeriodSeconds", own);
}

static bool is_being_deleted(const struct pod_worker *worker) {
	return json_get_text(json_get(worker->pod->json, "metadata"), "deletionTimestamp") != NULL;
}

static bool is_over(const struct pod_worker *worker) {
	const char *phase = json_get_text(json_get(worker->pod->json, "status"), "phase");
	return phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

static struct pod_setting setting_of(const struct pod_worker *worker) {
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
static void choose_address(struct pod_worker *worker) {
	const char *known = json_get_text(json_get(worker->pod->json, "status"), "podIP");
	if (json_get_flag(json_get(worker->pod->json, "spec"), "hostNetwork", false)) {
		worker->address = xstrdup(worker->options.host_ip);
		return;
	}
	if (known != NULL && addresses_claim(worker->options.addresses, known)) worker->address = xstrdup(known);
	else worker->address = addresses_take(worker->options.addresses);
	worker->owns_address = worker->address != NULL;
}

/* ---- What the mail asks for ---- */

static bool any_runs(const struct pod_worker *worker) {
	for (size_t i = 0; i < worker->count; i++) {
		if (container_runs(&worker->containers[i])) return true;
	}
	return false;
}

static void kill_all(struct pod_worker *worker) {
	for (size_t i = 0; i < worker->count; i++) container_kill(&worker->containers[i]);
}

static void send_signals(struct pod_worker *worker) {
	for (const struct signal_wish *wish = worker->news.signals; wish != NULL; wish = wish->next) {
		for (size_t i = 0; i < worker->count; i++) {
			struct container *container = &worker->containers[i];
			if (wish->container != NULL && strcmp(wish->container, container->name) != 0) continue;
			process_signal(&container->process, wish->signal);
		}
	}
	signal_wishes_free(take(&worker->news.signals));
}

/* A node that lost its power remembers nothing: no back-off, no volumes in memory. */
static void change_fate(struct pod_worker *worker, enum node_fate fate) {
	if (worker->fate == fate) return;
	worker->fate = fate;
	if (fate != NODE_DOWN) return;
	kill_all(worker);
	for (size_t i = 0; i < worker->count; i++) {
		worker->containers[i].backoff = (struct backoff){ 0 };
		worker->containers[i].finished_at = 0;
	}
	worker->volumes_ready = false;
	worker->volumes_at = 0;
	volumes_release(&worker->volumes, worker->uid);
}

static void act_on_mail(struct pod_worker *worker) {
	mailbox_take(&worker->mailbox, &worker->news);
	send_signals(worker);
	change_fate(worker, worker->news.fate);
	if (worker->news.refresh) worker->volumes_at = 0;
	if (worker->news.pod != NULL) take_pod(worker, take(&worker->news.pod));
}

/* ---- Making it so ---- */

/* Volumes are looked at again when ConfigMaps or Secrets change, when a token has to be renewed, and soon when
 * something is missing. */
static void sync_volumes(struct pod_worker *worker, const struct pod_setting *setting, int64_t now) {
	if (now < worker->volumes_at) return;
	cleanup_error struct error *err = NULL;
	if (volumes_sync(&worker->volumes, setting->cluster, setting->pod, &setting->place, &err) < 0) {
		if (!worker->volumes_ready) {
			for (size_t i = 0; i < worker->count; i++) {
				struct container *container = &worker->containers[i];
				if (json_get(container->state, "waiting") == NULL) continue;
				json_object_put(container->state);
				container->state = container_waiting("ContainerCreating", err->message);
			}
		}
		worker->volumes_at = now + VOLUMES_RETRY_MS;
		return;
	}
	int64_t renew_at = volumes_renew_at(&worker->volumes);
	worker->volumes_ready = true;
	worker->volumes_at = renew_at == INT64_MAX ? INT64_MAX : now + 1000 * (renew_at - clock_wall_seconds()) + 1000;
}

/* True when all init containers have succeeded; else the first that has not is seen to. */
static bool initialize(struct pod_worker *worker, const struct pod_setting *setting, int64_t now) {
	for (size_t i = 0; i < worker->init_count; i++) {
		struct container *container = &worker->containers[i];
		bool succeeded;
		bool done = container_is_done(container, restart_policy(worker), &succeeded);
		if (done && succeeded) continue;
		if (!done && !container_runs(container)) container_start(container, setting, now);
		return false;
	}
	return true;
}

static void run_containers(struct pod_worker *worker, const struct pod_setting *setting, int64_t now) {
	sync_volumes(worker, setting, now);
	if (!worker->volumes_ready || !initialize(worker, setting, now)) return;
	for (size_t i = worker->init_count; i < worker->count; i++) {
		struct container *container = &worker->containers[i];
		if (container_runs(container) || container_is_done(container, restart_policy(worker), NULL)) continue;
		container_start(container, setting, now);
	}
}

/* Nothing runs any more on a pod that is to be deleted: say so, and let go of it. */
static void stop_containers(struct pod_worker *worker, const struct pod_setting *setting, int64_t now) {
	for (size_t i = 0; i < worker->count; i++) {
		container_stop(&worker->containers[i], setting, grace_ms(worker), now);
		container_step(&worker->containers[i], setting, grace_ms(worker), now);
	}
}

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
	if (current != NULL) take_pod(worker, current);
	return 0;
}

static int report(struct pod_worker *worker, struct error **err) {
	if (write_status(worker, err) < 0) return -1;
	if (any_runs(worker)) return 0;
	if (is_being_deleted(worker) || is_over(worker)) volumes_release(&worker->volumes, worker->uid);
	if (!is_being_deleted(worker)) return 0;
	if (pod_delete_finally(worker->options.client, worker->pod, err) < 0) return -1;
	worker->removed = true;
	return 0;
}

static void tell_the_api(struct pod_worker *worker, int64_t now) {
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
static void publish_summary(struct pod_worker *worker) {
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

/* One round. False when the worker's time is over. */
static bool step(struct pod_worker *worker) {
	act_on_mail(worker);
	if (worker->news.gone || worker->news.abandon) return false;
	if (worker->removed) return true;
	if (worker->fate == NODE_DOWN) {
		publish_summary(worker);
		return true;
	}
	int64_t now = clock_monotonic_ms();
	struct pod_setting setting = setting_of(worker);
	if (is_being_deleted(worker)) {
		stop_containers(worker, &setting, now);
	} else if (!is_over(worker)) {
		for (size_t i = 0; i < worker->count; i++)
			container_step(&worker->containers[i], &setting, grace_ms(worker), now);
		run_containers(worker, &setting, now);
	}
	publish_summary(worker);
	tell_the_api(worker, now);
	return true;
}

/* When the next round is due if nothing happens before. */
static int64_t next_step(const struct pod_worker *worker) {
	int64_t next = INT64_MAX;
	if (worker->fate == NODE_DOWN || worker->removed) return next;
	if (worker->report_at != 0) next = worker->report_at;
	bool live = !is_being_deleted(worker) && !is_over(worker);
	if (live && worker->volumes_at < next) next = worker->volumes_at;
	for (size_t i = 0; i < worker->count; i++) {
		const struct container *container = &worker->containers[i];
		if (!live && !container_runs(container)) continue;
		int64_t wish = container_next(container);
		if (wish < next) next = wish;
	}
	return next;
}

/* However late we are, others get their turn. */
enum { LEAST_WAIT_MS = 5, LONGEST_WAIT_MS = 3600 * 1000 };

static void wait_for_news(struct pod_worker *worker) {
	cleanup_free struct pollfd *fds = xcalloc(worker->count + 1, sizeof(*fds));
	fds[0] = (struct pollfd){ .fd = worker->mailbox.wake_fd, .events = POLLIN };
	for (size_t i = 0; i < worker->count; i++) {
		fds[i + 1] = (struct pollfd){ .fd = worker->containers[i].process.fd, .events = POLLIN };
	}
	int64_t next = next_step(worker);
	int64_t left = next == INT64_MAX ? LONGEST_WAIT_MS : next - clock_monotonic_ms();
	if (left < LEAST_WAIT_MS) left = LEAST_WAIT_MS;
	if (left > LONGEST_WAIT_MS) left = LONGEST_WAIT_MS;
	poll(fds, worker->count + 1, (int)left);
}

/* ---- The life of a worker ---- */

static void *run(void *argument) {
	struct pod_worker *worker = argument;
	make_containers(worker);
	while (step(worker)) wait_for_news(worker);
	kill_all(worker);
	volumes_release(&worker->volumes, worker->uid);
	if (worker->news.gone) {
		folder_remove(worker->folder);
		if (worker->owns_address) addresses_release(worker->options.addresses, worker->address);
	}
	int done_fd = worker->options.done_fd;
	atomic_store(&worker->ended, true);
	eventfd_write(done_fd, 1);
	return NULL;
}

static void release(struct pod_worker *worker) {
	for (size_t i = 0; i < worker->count; i++) container_free(&worker->containers[i]);
	free(worker->containers);
	volumes_free(&worker->volumes);
	mailbox_free(&worker->mailbox);
	json_object_put(worker->summary);
	kube_object_unref(worker->pod);
	free(worker->uid);
	free(worker->folder);
	free(worker->volumes_folder);
	free(worker->logs);
	free(worker->address);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

struct pod_worker *pod_worker_start(const struct pod_worker_options *options, const struct kube_object *pod,
                                    struct error **err) {
	struct pod_worker *worker = xcalloc(1, sizeof(*worker));
	worker->options = *options;
	pthread_mutex_init(&worker->lock, NULL);
	worker->pod = kube_object_ref(pod);
	worker->uid = xstrdup(pod->uid);
	worker->folder = xasprintf("%s/pods/%s", options->state, pod->uid);
	worker->volumes_folder = xasprintf("%s/volumes", worker->folder);
	worker->logs = xasprintf("%s/logs", options->state);
	worker->volumes.folder = worker->volumes_folder;
	worker->volumes.claims = options->claims;
	int failed = mailbox_init(&worker->mailbox, err);
	if (failed == 0) failed = folder_create(worker->volumes_folder, err);
	if (failed == 0) failed = folder_create(worker->logs, err);
	if (failed == 0) {
		choose_address(worker);
		int reason = pthread_create(&worker->thread, NULL, run, worker);
		if (reason != 0) failed = error_errno(err, reason, "cannot start a thread");
	}
	if (failed != 0) {
		if (worker->owns_address) addresses_release(options->addresses, worker->address);
		release(worker);
		return NULL;
	}
	return worker;
}

bool pod_worker_ended(const struct pod_worker *worker) {
	return atomic_load(&worker->ended);
}

void pod_worker_free(struct pod_worker *worker) {
	if (worker == NULL) return;
	pthread_join(worker->thread, NULL);
	release(worker);
}
