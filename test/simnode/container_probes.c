/* The probes of a container: which are wanted when, run one at a time of each kind, and what their verdicts lead to. */
#include "base/json.h"
#include "base/log.h"
#include "simnode/container_private.h"

void container_read_probes(struct container *container, int64_t now) {
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		const struct json_object *settings = json_get(container->spec, probe_field((enum probe_kind)i));
		container->has_probe[i] = settings != NULL;
		probe_init(&container->probes[i], (enum probe_kind)i, settings);
		probe_restart(&container->probes[i], now);
	}
}

bool container_is_started(const struct container *container) {
	return !container->has_probe[PROBE_STARTUP] || container->probes[PROBE_STARTUP].verdict == PROBE_SUCCESS;
}

/* Startup first, alone; liveness no more once the end has begun. */
bool container_wants_probe(const struct container *container, enum probe_kind kind) {
	if (!container->has_probe[kind]) return false;
	if (kind == PROBE_STARTUP) return !container->stopping && !container_is_started(container);
	if (kind == PROBE_LIVENESS && container->stopping) return false;
	return container_is_started(container);
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
	struct action_target target = container_target(container, setting);
	container->probing[kind] =
	        action_start(settings, &target, container->probes[kind].timeout_ms, setting->wake_fd, &err);
	if (container->probing[kind] != NULL) return;
	log_probe(container, setting, kind, err->message);
	probe_record(&container->probes[kind], false, now);
}

void container_step_probes(struct container *container, const struct pod_setting *setting, int64_t grace_ms,
                           int64_t now) {
	for (size_t i = 0; i < PROBE_KINDS; i++) {
		enum probe_kind kind = (enum probe_kind)i;
		struct action *action = container->probing[kind];
		if (action != NULL && action_is_over(action)) finish_probe(container, setting, kind, now);
		else if (action == NULL && container_wants_probe(container, kind) &&
		         now >= container->probes[kind].due_at)
			begin_probe(container, setting, kind, now);
		if (kind == PROBE_READINESS || !container->has_probe[kind] || container->stopping) continue;
		if (container->probes[kind].verdict != PROBE_FAILURE) continue;
		int64_t own_grace = json_get_integer(json_get(container->spec, probe_field(kind)),
		                                     "terminationGracePeriodSeconds", -1);
		container_stop(container, setting, own_grace >= 0 ? own_grace * 1000 : grace_ms, now);
	}
}
