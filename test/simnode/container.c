#include "simnode/container_private.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

void container_set_state(struct container *container, struct json_object *state) {
	json_object_put(container->state);
	container->state = state;
}

/* ---- Coming and going ---- */

/* The end of a run that nobody has seen the end of. */
static struct json_object *lost_run(const struct json_object *running, const char *id) {
	const char *started = json_get_text(running, "startedAt");
	int64_t now = clock_wall_seconds();
	return container_terminated("Error", "the node was restarted", 137, SIGKILL,
	                            started != NULL ? clock_parse_rfc3339(started) : now, now, id);
}

static void take_over(struct container *container, const struct json_object *status) {
	const struct json_object *running = json_get_path(status, "state", "running", NULL);
	const struct json_object *terminated = json_get_path(status, "state", "terminated", NULL);
	const struct json_object *last = json_get(status, "lastState");
	const char *id = json_get_text(status, "containerID");
	container->restart_count = json_get_integer(status, "restartCount", 0);
	container->has_run = id != NULL && *id != '\0';
	if (container->has_run) container->id = xstrdup(id);
	if (last != NULL && json_object_object_length(last) != 0) container->last_state = json_copy(last);
	if (running != NULL) container_set_state(container, lost_run(running, id));
	else if (terminated != NULL) container_set_state(container, json_copy(json_get(status, "state")));
}

void container_init(struct container *container, const struct json_object *spec, bool is_init,
                    const struct json_object *status, const char *waiting_reason) {
	*container = (struct container){
		.name = xstrdup(json_get_text(spec, "name")),
		.spec = spec,
		.is_init = is_init,
		.process = PROCESS_NONE,
		.state = container_waiting(waiting_reason, NULL),
	};
	if (status != NULL) take_over(container, status);
}

static void end_actions(struct container *container) {
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		action_free(container->probing[i]);
		container->probing[i] = NULL;
	}
	action_free(container->pre_stop);
	container->pre_stop = NULL;
}

/* Forgets what belongs to one run. */
void container_end_run(struct container *container) {
	end_actions(container);
	environment_free(&container->environment);
	mounts_free(&container->mounts);
	free(take(&container->program));
	free(take(&container->directory));
	container->stopping = false;
	container->term_sent = false;
}

void container_free(struct container *container) {
	process_destroy(&container->process);
	container_end_run(container);
	json_object_put(container->state);
	json_object_put(container->last_state);
	free(container->name);
	free(container->id);
}

bool container_runs(const struct container *container) {
	return container->process.fd >= 0;
}

bool container_is_done(const struct container *container, const char *restart_policy, bool *succeeded) {
	const struct json_object *end = json_get(container->state, "terminated");
	bool good = end != NULL && json_get_integer(end, "exitCode", 1) == 0;
	if (succeeded != NULL) *succeeded = good;
	if (end == NULL) return false;
	if (strcmp(restart_policy, "Never") == 0) return true;
	return good && (container->is_init || strcmp(restart_policy, "OnFailure") == 0);
}

void container_log(const char *what, const struct container *container, const struct pod_setting *setting) {
	const struct json_object *metadata = json_get(setting->pod, "metadata");
	log_info(what, log_str("namespace", json_get_text(metadata, "namespace")),
	         log_str("pod", json_get_text(metadata, "name")), log_str("container", container->name),
	         log_int("pid", container->process.pid));
}

/* ---- Its end ---- */

static void take_end(struct container *container, const struct process_end *end, int64_t now) {
	container_set_state(container, container_terminated(end->exit_code == 0 ? "Completed" : "Error", NULL,
	                                                    end->exit_code, end->signal, container->started_wall,
	                                                    clock_wall_seconds(), container->id));
	container->finished_at = now;
	container_end_run(container);
}

void container_kill(struct container *container) {
	if (!container_runs(container)) return;
	process_destroy(&container->process);
	take_end(container, &(struct process_end){ .exit_code = 128 + SIGKILL, .signal = SIGKILL },
	         clock_monotonic_ms());
}

struct action_target container_target(const struct container *container, const struct pod_setting *setting) {
	return (struct action_target){
		.container = container->spec,
		.pod_ip = setting->place.pod_ip,
		.program = container->program,
		.directory = container->directory,
		.environment = &container->environment,
		.mounts = &container->mounts,
	};
}

void container_stop(struct container *container, const struct pod_setting *setting, int64_t grace_ms, int64_t now) {
	if (!container_runs(container)) return;
	if (container->stopping) {
		if (now + grace_ms < container->kill_at) container->kill_at = now + grace_ms;
		return;
	}
	container->stopping = true;
	container->kill_at = now + grace_ms;
	const struct json_object *hook = json_get_path(container->spec, "lifecycle", "preStop", NULL);
	if (hook != NULL && grace_ms > 0) {
		cleanup_error struct error *err = NULL;
		struct action_target target = container_target(container, setting);
		container->pre_stop = action_start(hook, &target, grace_ms, setting->wake_fd, &err);
		if (container->pre_stop == NULL)
			log_warning("preStop failed", log_str("container", container->name), log_err(err));
	}
	container_log("container is being stopped", container, setting);
}

/* A hook that used up the grace period leaves this much for SIGTERM (kuberuntime_container.go). */
enum { LEAST_TERM_MS = 2000 };

static void step_stop(struct container *container, int64_t now) {
	if (container->pre_stop != NULL && (action_is_over(container->pre_stop) || now >= container->kill_at)) {
		action_free(container->pre_stop);
		container->pre_stop = NULL;
		if (container->kill_at < now + LEAST_TERM_MS) container->kill_at = now + LEAST_TERM_MS;
	}
	if (container->pre_stop != NULL) return;
	if (!container->term_sent) {
		container->term_sent = true;
		process_signal(&container->process, SIGTERM);
	}
	if (now >= container->kill_at) process_signal(&container->process, SIGKILL);
}

void container_step(struct container *container, const struct pod_setting *setting, int64_t grace_ms, int64_t now) {
	struct process_end end;
	pid_t pid = container->process.pid;
	if (!container_runs(container)) return;
	if (process_reap(&container->process, &end)) {
		log_info("container ended", log_str("container", container->name), log_int("pid", pid),
		         log_int("exitCode", end.exit_code));
		return take_end(container, &end, now);
	}
	container_step_probes(container, setting, grace_ms, now);
	if (container->stopping) step_stop(container, now);
}

int64_t container_next(const struct container *container) {
	int64_t next = INT64_MAX;
	if (!container_runs(container)) return container->retry_at != 0 ? container->retry_at : next;
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		if (container->probing[i] != NULL || !container_wants_probe(container, (enum probe_kind)i)) continue;
		if (container->probes[i].due_at < next) next = container->probes[i].due_at;
	}
	if (container->stopping && container->kill_at < next) next = container->kill_at;
	return next;
}

struct container_report container_report(const struct container *container) {
	bool runs = container_runs(container);
	bool ready =
	        runs && container_is_started(container) &&
	        (!container->has_probe[PROBE_READINESS] || container->probes[PROBE_READINESS].verdict == PROBE_SUCCESS);
	bool init_ready = container->is_init && json_get(container->state, "terminated") != NULL &&
	                  json_get_integer(json_get(container->state, "terminated"), "exitCode", 1) == 0;
	const char *image = json_get_text(container->spec, "image");
	return (struct container_report){
		.name = container->name,
		.image = image != NULL ? image : "",
		.id = container->id,
		.state = container->state,
		.last_state = container->last_state,
		.restart_count = container->restart_count,
		.ready = container->is_init ? init_ready : ready,
		.started = runs && container_is_started(container),
	};
}
