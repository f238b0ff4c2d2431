/* A pod's status as a kubelet reports it, computed from what its containers do. Pure: no clock, no I/O
 * (Kubernetes, pkg/kubelet/kubelet_pods.go getPhase and pkg/kubelet/status/generate.go). */
#ifndef SIMNODE_POD_STATUS_H
#define SIMNODE_POD_STATUS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* What there is to say about one container. Everything is borrowed. */
struct container_report {
	const char *name;
	const char *image;
	const char *id;                       /* NULL before the first start */
	const struct json_object *state;      /* {"running": {…}} and so on, as the API has it */
	const struct json_object *last_state; /* NULL: none */
	int64_t restart_count;
	bool ready;
	bool started;
};

struct pod_report {
	const struct json_object *pod; /* its spec, and the status so far */
	const struct container_report *init_containers;
	size_t init_count;
	const struct container_report *containers;
	size_t count;
	const char *host_ip;
	const char *pod_ip; /* NULL: none yet */
	int64_t now;        /* seconds since 1970 */
};

/* States, as container_report carries them; the caller owns them. `message` may be NULL. */
struct json_object *container_waiting(const char *reason, const char *message);
struct json_object *container_running(int64_t started_at);
struct json_object *container_terminated(const char *reason, const char *message, int exit_code, int signal,
                                         int64_t started_at, int64_t finished_at, const char *id);

/* The members of status that are a kubelet's to write. Conditions keep their lastTransitionTime as long as their status
 * stays; those that others added are passed through. */
struct json_object *pod_status_compute(const struct pod_report *report);

/* Whether `status` already says all that `computed` does. */
bool pod_status_is(const struct json_object *status, const struct json_object *computed);

#endif
