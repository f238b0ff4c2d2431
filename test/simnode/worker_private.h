/* What the parts of a pod's worker share, all on its own thread: pod_worker.c (its life and its rounds), worker_pod.c
 * (what the object says), worker_report.c (what the API and others are told). */
#ifndef SIMNODE_WORKER_PRIVATE_H
#define SIMNODE_WORKER_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "simnode/container.h"
#include "simnode/mailbox.h"
#include "simnode/pod_worker.h"

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

/* ---- worker_pod.c ---- */

void worker_make_containers(struct pod_worker *worker);
/* The object's newest state, taken over. */
void worker_take_pod(struct pod_worker *worker, const struct kube_object *pod);
/* An address of the pod's own, or the node's. */
void worker_choose_address(struct pod_worker *worker);
const char *worker_restart_policy(const struct pod_worker *worker);
int64_t worker_grace_ms(const struct pod_worker *worker);
bool worker_is_being_deleted(const struct pod_worker *worker);
/* It ran to its end. */
bool worker_is_over(const struct pod_worker *worker);
struct pod_setting worker_setting(const struct pod_worker *worker);
bool worker_any_runs(const struct pod_worker *worker);

/* ---- worker_report.c ---- */

/* Writes the status when it has changed, and deletes the object when nothing is left to be done. */
void worker_report(struct pod_worker *worker, int64_t now);
/* What others may ask for while we are at work. */
void worker_publish_summary(struct pod_worker *worker);

#endif
