/* One container of a pod: the process that stands for it, its probes, its restarts and its end. Owned by the pod's
 * worker and used on its thread only. Times are monotonic milliseconds unless they say otherwise. */
#ifndef SIMNODE_CONTAINER_H
#define SIMNODE_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "simnode/action.h"
#include "simnode/backoff.h"
#include "simnode/cluster.h"
#include "simnode/environment.h"
#include "simnode/images.h"
#include "simnode/mounts.h"
#include "simnode/pod_status.h"
#include "simnode/probe.h"
#include "simnode/process.h"
#include "simnode/volumes.h"

/* What the containers of one pod share. Borrowed. */
struct pod_setting {
	const struct cluster *cluster;
	const struct images *images;
	const struct json_object *pod;
	struct pod_place place;
	const struct volumes *volumes;
	const char *folder; /* the pod's */
	const char *logs;   /* the folder of all logs */
	int wake_fd;        /* an eventfd: something may have happened */
};

struct container {
	char *name;
	const struct json_object *spec; /* borrowed from the pod */
	bool is_init;

	struct process process; /* PROCESS_NONE while it does not run */
	struct json_object *state;
	struct json_object *last_state; /* may be NULL */
	bool has_run;
	int64_t restart_count;
	char *id;
	int64_t started_wall; /* seconds since 1970 */
	int64_t finished_at;
	int64_t retry_at; /* not to be started before this */
	bool image_failed;
	struct backoff backoff;

	/* While it runs: */
	struct environment environment;
	struct mounts mounts;
	char *program;
	char *directory;
	bool has_probe[PROBE_KINDS];
	struct probe probes[PROBE_KINDS];
	struct action *probing[PROBE_KINDS]; /* under way */

	/* While it is being stopped: */
	bool stopping;
	bool term_sent;
	int64_t kill_at;
	struct action *pre_stop;
};

/* `status` is what the API has of it in containerStatuses, NULL when nothing: a run that it shows is over, for
 * processes do not outlive the node's own. */
void container_init(struct container *container, const struct json_object *spec, bool is_init,
                    const struct json_object *status, const char *waiting_reason);
void container_free(struct container *container);

bool container_runs(const struct container *container);
/* Whether it has ended for good, given the pod's restartPolicy; `succeeded` may be NULL. */
bool container_is_done(const struct container *container, const char *restart_policy, bool *succeeded);

/* Starts it if it is due to be started; else, and when that fails, its state says why and retry_at when to ask again.
 */
void container_start(struct container *container, const struct pod_setting *setting, int64_t now);

/* Looks after a container that may be running: notices its end, runs its probes, carries on with stopping it. A failed
 * probe stops it with `grace_ms`. */
void container_step(struct container *container, const struct pod_setting *setting, int64_t grace_ms, int64_t now);

/* Begins to stop it (preStop, SIGTERM, then SIGKILL after grace_ms), or hurries a stop that has begun. */
void container_stop(struct container *container, const struct pod_setting *setting, int64_t grace_ms, int64_t now);
/* SIGKILL at once, and its end is taken note of. */
void container_kill(struct container *container);

/* When container_step wants to be called again. */
int64_t container_next(const struct container *container);

struct container_report container_report(const struct container *container);

#endif
