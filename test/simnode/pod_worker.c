#include "simnode/pod_worker.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "simnode/folder.h"
#include "simnode/worker_private.h"

/* The pause after volumes that could not be made. */
enum { VOLUMES_RETRY_MS = 1000 };

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

/* ---- What the mail asks for ---- */

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
	if (worker->news.pod != NULL) worker_take_pod(worker, take(&worker->news.pod));
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
		bool done = container_is_done(container, worker_restart_policy(worker), &succeeded);
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
		if (container_runs(container) || container_is_done(container, worker_restart_policy(worker), NULL))
			continue;
		container_start(container, setting, now);
	}
}

/* Nothing runs any more on a pod that is to be deleted: say so, and let go of it. */
static void stop_containers(struct pod_worker *worker, const struct pod_setting *setting, int64_t now) {
	for (size_t i = 0; i < worker->count; i++) {
		container_stop(&worker->containers[i], setting, worker_grace_ms(worker), now);
		container_step(&worker->containers[i], setting, worker_grace_ms(worker), now);
	}
}

/* One round. False when the worker's time is over. */
static bool step(struct pod_worker *worker) {
	act_on_mail(worker);
	if (worker->news.gone || worker->news.abandon) return false;
	if (worker->removed) return true;
	if (worker->fate == NODE_DOWN) {
		worker_publish_summary(worker);
		return true;
	}
	int64_t now = clock_monotonic_ms();
	struct pod_setting setting = worker_setting(worker);
	if (worker_is_being_deleted(worker)) {
		stop_containers(worker, &setting, now);
	} else if (!worker_is_over(worker)) {
		for (size_t i = 0; i < worker->count; i++)
			container_step(&worker->containers[i], &setting, worker_grace_ms(worker), now);
		run_containers(worker, &setting, now);
	}
	worker_publish_summary(worker);
	worker_report(worker, now);
	return true;
}

/* When the next round is due if nothing happens before. */
static int64_t next_step(const struct pod_worker *worker) {
	int64_t next = INT64_MAX;
	if (worker->fate == NODE_DOWN || worker->removed) return next;
	if (worker->report_at != 0) next = worker->report_at;
	bool live = !worker_is_being_deleted(worker) && !worker_is_over(worker);
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
	worker_make_containers(worker);
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
		worker_choose_address(worker);
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
