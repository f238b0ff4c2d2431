#include "simnode/container.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "simnode/container_environment.h"
#include "simnode/folder.h"

/* After a configuration error, which something else may put right. */
enum { RETRY_MS = 2000 };

static void set_state(struct container *container, struct json_object *state) {
	json_object_put(container->state);
	container->state = state;
}

static void set_last_state(struct container *container, struct json_object *state) {
	json_object_put(container->last_state);
	container->last_state = state;
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
	if (last != NULL && json_object_object_length(last) != 0) set_last_state(container, json_copy(last));
	if (running != NULL) set_state(container, lost_run(running, id));
	else if (terminated != NULL) set_state(container, json_copy(json_get(status, "state")));
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
static void end_run(struct container *container) {
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
	end_run(container);
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

/* ---- Starting ---- */

static char *new_id(void) {
	unsigned char bytes[16];
	char text[2 * sizeof(bytes) + 1];
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes)) abort();
	for (size_t i = 0; i < sizeof(bytes); i++) snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return xasprintf("simnode://%s", text);
}

/* The log of this run; that of the one before is kept beside it. */
static int open_log(const struct container *container, const struct pod_setting *setting, struct error **err) {
	const struct json_object *metadata = json_get(setting->pod, "metadata");
	cleanup_free char *stem = xasprintf("%s/%s_%s_%s", setting->logs, json_get_text(metadata, "namespace"),
	                                    json_get_text(metadata, "name"), container->name);
	cleanup_free char *path = xasprintf("%s.log", stem);
	cleanup_free char *previous = xasprintf("%s.previous.log", stem);
	(void)rename(path, previous);
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0) error_errno(err, errno, "cannot create %s", path);
	return fd;
}

static size_t length_of(const struct json_object *array) {
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* command and args, with variables and mount paths resolved. The image's own program stands where command is missing.
 */
static char **arguments_of(struct container *container, const char *image_program) {
	const struct json_object *lists[] = { json_get(container->spec, "command"), json_get(container->spec, "args") };
	char **arguments = xcalloc(length_of(lists[0]) + length_of(lists[1]) + 2, sizeof(*arguments));
	size_t count = 0;
	if (length_of(lists[0]) == 0) arguments[count++] = xstrdup(image_program);
	for (size_t i = 0; i < ARRAY_LENGTH(lists); i++) {
		for (size_t j = 0; j < length_of(lists[i]); j++) {
			const char *word = json_object_get_string(json_object_array_get_idx(lists[i], j));
			cleanup_free char *rewritten = mounts_rewrite(&container->mounts, word != NULL ? word : "");
			arguments[count++] = environment_expand(&container->environment, rewritten);
		}
	}
	return arguments;
}

/* Prepares what a run needs; a failure of it is one of configuration. */
static int prepare(struct container *container, const struct pod_setting *setting, const char *image_program,
                   struct error **err) {
	image_mounts(image_program, &container->mounts);
	if (volumes_mounts(setting->volumes, setting->pod, container->spec, &container->mounts, err) < 0) return -1;
	if (container_environment(&container->environment, setting->cluster, setting->pod, &setting->place,
	                          container->spec, &container->mounts, err) < 0) {
		return -1;
	}
	const char *working = json_get_text(container->spec, "workingDir");
	cleanup_free char *mounted = working != NULL ? mounts_locate(&container->mounts, working) : NULL;
	if (mounted != NULL) container->directory = take(&mounted);
	else container->directory = xasprintf("%s/containers/%s", setting->folder, container->name);
	return folder_create(container->directory, err);
}

static int launch(struct container *container, const struct pod_setting *setting, const char *image_program,
                  struct error **err) {
	cleanup_string_list char **arguments = arguments_of(container, image_program);
	cleanup_string_list char **environment = environment_block(&container->environment);
	cleanup_free char *program = image_resolve_command(image_program, arguments[0]);
	cleanup_close int log_fd = open_log(container, setting, err);
	if (log_fd < 0) return -1;
	return process_start(&container->process, program, arguments, environment, container->directory, log_fd, err);
}

static void log_container(const char *what, const struct container *container, const struct pod_setting *setting) {
	const struct json_object *metadata = json_get(setting->pod, "metadata");
	log_info(what, log_str("namespace", json_get_text(metadata, "namespace")),
	         log_str("pod", json_get_text(metadata, "name")), log_str("container", container->name),
	         log_int("pid", container->process.pid));
}

static void read_probes(struct container *container, int64_t now) {
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		const struct json_object *settings = json_get(container->spec, probe_field((enum probe_kind)i));
		container->has_probe[i] = settings != NULL;
		probe_init(&container->probes[i], (enum probe_kind)i, settings);
		probe_restart(&container->probes[i], now);
	}
}

/* An image that nobody has mapped: as one that cannot be pulled. */
static void fail_image(struct container *container, const char *image, int64_t now) {
	cleanup_free char *message =
	        container->image_failed ? xasprintf("Back-off pulling image \"%s\": no program is mapped to it", image)
	                                : xasprintf("failed to pull image \"%s\": no program is mapped to it", image);
	set_state(container, container_waiting(container->image_failed ? "ImagePullBackOff" : "ErrImagePull", message));
	container->image_failed = true;
	container->retry_at = now + BACKOFF_FIRST_MS;
}

/* Its last end moves from state to last_state, as soon as there is something newer to say. */
static void keep_last_state(struct container *container) {
	if (json_get(container->state, "terminated") != NULL) {
		set_last_state(container, take(&container->state));
	}
}

static void wait_for_backoff(struct container *container, const struct pod_setting *setting) {
	if (json_get(container->state, "terminated") == NULL) return;
	const struct json_object *metadata = json_get(setting->pod, "metadata");
	keep_last_state(container);
	cleanup_free char *message =
	        xasprintf("back-off %" PRId64 "s restarting failed container=%s pod=%s_%s(%s)",
	                  container->backoff.delay_ms / 1000, container->name, json_get_text(metadata, "name"),
	                  json_get_text(metadata, "namespace"), json_get_text(metadata, "uid"));
	set_state(container, container_waiting("CrashLoopBackOff", message));
	log_container("container waits to be restarted", container, setting);
}

void container_start(struct container *container, const struct pod_setting *setting, int64_t now) {
	const char *image = json_get_text(container->spec, "image");
	const char *program = image != NULL ? images_find(setting->images, image) : NULL;
	if (now < container->retry_at) return;
	container->retry_at = 0;
	if (program == NULL) return fail_image(container, image != NULL ? image : "", now);
	int64_t not_before =
	        container->finished_at != 0 ? backoff_until(&container->backoff, container->finished_at) : 0;
	if (now < not_before) {
		container->retry_at = not_before;
		return wait_for_backoff(container, setting);
	}

	cleanup_error struct error *err = NULL;
	if (prepare(container, setting, program, &err) < 0) {
		end_run(container);
		keep_last_state(container);
		set_state(container, container_waiting("CreateContainerConfigError", err->message));
		container->retry_at = now + RETRY_MS;
		return;
	}
	if (container->finished_at != 0) backoff_next(&container->backoff, container->finished_at, now);
	if (container->has_run) container->restart_count++;
	container->has_run = true;
	free(container->id);
	container->id = new_id();
	container->started_wall = clock_wall_seconds();
	container->program = xstrdup(program);
	keep_last_state(container);
	if (launch(container, setting, program, &err) < 0) {
		set_state(container, container_terminated("StartError", err->message, 128, 0, container->started_wall,
		                                          container->started_wall, container->id));
		container->finished_at = now;
		end_run(container);
		return;
	}
	set_state(container, container_running(container->started_wall));
	read_probes(container, now);
	log_container("container started", container, setting);
}

/* ---- Its end ---- */

static void take_end(struct container *container, const struct process_end *end, int64_t now) {
	set_state(container,
	          container_terminated(end->exit_code == 0 ? "Completed" : "Error", NULL, end->exit_code, end->signal,
	                               container->started_wall, clock_wall_seconds(), container->id));
	container->finished_at = now;
	end_run(container);
}

void container_kill(struct container *container) {
	if (!container_runs(container)) return;
	process_destroy(&container->process);
	take_end(container, &(struct process_end){ .exit_code = 128 + SIGKILL, .signal = SIGKILL },
	         clock_monotonic_ms());
}

static struct action_target target_of(const struct container *container, const struct pod_setting *setting) {
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
		struct action_target target = target_of(container, setting);
		container->pre_stop = action_start(hook, &target, grace_ms, setting->wake_fd, &err);
		if (container->pre_stop == NULL)
			log_warning("preStop failed", log_str("container", container->name), log_err(err));
	}
	log_container("container is being stopped", container, setting);
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

/* ---- Probes ---- */

static bool is_started(const struct container *container) {
	return !container->has_probe[PROBE_STARTUP] || container->probes[PROBE_STARTUP].verdict == PROBE_SUCCESS;
}

/* Startup first, alone; liveness no more once the end has begun. */
static bool wants_probe(const struct container *container, enum probe_kind kind) {
	if (!container->has_probe[kind]) return false;
	if (kind == PROBE_STARTUP) return !container->stopping && !is_started(container);
	if (kind == PROBE_LIVENESS && container->stopping) return false;
	return is_started(container);
}

static void log_probe(const struct container *container, const struct pod_setting *setting, enum probe_kind kind,
                      const char *message) {
	const struct json_object *metadata = json_get(setting->pod, "metadata");
	log_info("probe failed", log_str("namespace", json_get_text(metadata, "namespace")),
	         log_str("pod", json_get_text(metadata, "name")), log_str("container", container->name),
	         log_str("probe", probe_field(kind)), log_str("message", message));
}

/* Takes the result of one that is over. */
static void finish_probe(struct container *container, const struct pod_setting *setting, enum probe_kind kind,
                         int64_t now) {
	struct action *action = container->probing[kind];
	bool succeeded = action_succeeded(action);
	if (!succeeded) log_probe(container, setting, kind, action_message(action));
	probe_record(&container->probes[kind], succeeded, now);
	action_free(action);
	container->probing[kind] = NULL;
}

static void begin_probe(struct container *container, const struct pod_setting *setting, enum probe_kind kind,
                        int64_t now) {
	const struct json_object *settings = json_get(container->spec, probe_field(kind));
	cleanup_error struct error *err = NULL;
	struct action_target target = target_of(container, setting);
	container->probing[kind] =
	        action_start(settings, &target, container->probes[kind].timeout_ms, setting->wake_fd, &err);
	if (container->probing[kind] != NULL) return;
	log_probe(container, setting, kind, err->message);
	probe_record(&container->probes[kind], false, now);
}

static void step_probes(struct container *container, const struct pod_setting *setting, int64_t grace_ms, int64_t now) {
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		enum probe_kind kind = (enum probe_kind)i;
		struct action *action = container->probing[kind];
		if (action != NULL && action_is_over(action)) finish_probe(container, setting, kind, now);
		else if (action == NULL && wants_probe(container, kind) && now >= container->probes[kind].due_at)
			begin_probe(container, setting, kind, now);
		if (kind == PROBE_READINESS || !container->has_probe[kind] || container->stopping) continue;
		if (container->probes[kind].verdict != PROBE_FAILURE) continue;
		int64_t own_grace = json_get_integer(json_get(container->spec, probe_field(kind)),
		                                     "terminationGracePeriodSeconds", -1);
		container_stop(container, setting, own_grace >= 0 ? own_grace * 1000 : grace_ms, now);
	}
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
	step_probes(container, setting, grace_ms, now);
	if (container->stopping) step_stop(container, now);
}

int64_t container_next(const struct container *container) {
	int64_t next = INT64_MAX;
	if (!container_runs(container)) return container->retry_at != 0 ? container->retry_at : next;
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		if (container->probing[i] != NULL || !wants_probe(container, (enum probe_kind)i)) continue;
		if (container->probes[i].due_at < next) next = container->probes[i].due_at;
	}
	if (container->stopping && container->kill_at < next) next = container->kill_at;
	return next;
}

struct container_report container_report(const struct container *container) {
	bool runs = container_runs(container);
	bool ready =
	        runs && is_started(container) &&
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
		.started = runs && is_started(container),
	};
}
