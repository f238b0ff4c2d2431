/* Starting a container: its image, mounts, environment and process, and what its state says while that cannot be. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "simnode/container_environment.h"
#include "simnode/container_private.h"
#include "simnode/folder.h"

/* After a configuration error, which something else may put right. */
enum { RETRY_MS = 2000 };

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

/* An image that nobody has mapped: as one that cannot be pulled. */
static void fail_image(struct container *container, const char *image, int64_t now) {
	cleanup_free char *message =
	        container->image_failed ? xasprintf("Back-off pulling image \"%s\": no program is mapped to it", image)
	                                : xasprintf("failed to pull image \"%s\": no program is mapped to it", image);
	container_set_state(container,
	                    container_waiting(container->image_failed ? "ImagePullBackOff" : "ErrImagePull", message));
	container->image_failed = true;
	container->retry_at = now + BACKOFF_FIRST_MS;
}

/* Its last end moves from state to last_state, as soon as there is something newer to say. */
static void keep_last_state(struct container *container) {
	if (json_get(container->state, "terminated") != NULL) {
		json_object_put(container->last_state);
		container->last_state = take(&container->state);
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
	container_set_state(container, container_waiting("CrashLoopBackOff", message));
	container_log("container waits to be restarted", container, setting);
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
		container_end_run(container);
		keep_last_state(container);
		container_set_state(container, container_waiting("CreateContainerConfigError", err->message));
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
		container_set_state(container,
		                    container_terminated("StartError", err->message, 128, 0, container->started_wall,
		                                         container->started_wall, container->id));
		container->finished_at = now;
		container_end_run(container);
		return;
	}
	container_set_state(container, container_running(container->started_wall));
	container_read_probes(container, now);
	container_log("container started", container, setting);
}
