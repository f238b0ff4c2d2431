#include "simnode/pod_status.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

static void set_time(struct json_object *object, const char *key, int64_t seconds) {
	char text[CLOCK_RFC3339_SIZE];
	json_set_text(object, key, clock_format_rfc3339(seconds, text));
}

static struct json_object *wrap(const char *key, struct json_object *value) {
	struct json_object *object = json_object_new_object();
	json_set(object, key, value);
	return object;
}

struct json_object *container_waiting(const char *reason, const char *message) {
	struct json_object *waiting = json_object_new_object();
	json_set_text(waiting, "reason", reason);
	if (message != NULL) json_set_text(waiting, "message", message);
	return wrap("waiting", waiting);
}

struct json_object *container_running(int64_t started_at) {
	struct json_object *running = json_object_new_object();
	set_time(running, "startedAt", started_at);
	return wrap("running", running);
}

struct json_object *container_terminated(const char *reason, const char *message, int exit_code, int signal,
                                         int64_t started_at, int64_t finished_at, const char *id) {
	struct json_object *terminated = json_object_new_object();
	json_set(terminated, "exitCode", json_object_new_int(exit_code));
	if (signal != 0) json_set(terminated, "signal", json_object_new_int(signal));
	json_set_text(terminated, "reason", reason);
	if (message != NULL) json_set_text(terminated, "message", message);
	set_time(terminated, "startedAt", started_at);
	set_time(terminated, "finishedAt", finished_at);
	if (id != NULL) json_set_text(terminated, "containerID", id);
	return wrap("terminated", terminated);
}

static bool is_running(const struct container_report *container) {
	return json_get(container->state, "running") != NULL;
}

static const struct json_object *terminated(const struct json_object *state) {
	return json_get(state, "terminated");
}

static bool succeeded(const struct container_report *container) {
	const struct json_object *end = terminated(container->state);
	return end != NULL && json_get_integer(end, "exitCode", 1) == 0;
}

static bool all_init_succeeded(const struct pod_report *report) {
	for (size_t i = 0; i < report->init_count; i++) {
		if (!succeeded(&report->init_containers[i])) return false;
	}
	return true;
}

static const char *restart_policy(const struct pod_report *report) {
	const char *policy = json_get_text(json_get(report->pod, "spec"), "restartPolicy");
	return policy != NULL ? policy : "Always";
}

static const char *phase_of(const struct pod_report *report) {
	bool never = strcmp(restart_policy(report), "Never") == 0;
	for (size_t i = 0; i < report->init_count; i++) {
		const struct container_report *container = &report->init_containers[i];
		if (succeeded(container)) continue;
		return never && terminated(container->state) != NULL ? "Failed" : "Pending";
	}
	size_t running = 0;
	size_t waiting = 0;
	size_t stopped = 0;
	size_t good = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct container_report *container = &report->containers[i];
		if (is_running(container)) running++;
		else if (terminated(container->state) != NULL) stopped++;
		else if (terminated(container->last_state) != NULL) stopped++; /* between two runs */
		else waiting++;
		good += succeeded(container);
	}
	if (waiting != 0) return "Pending";
	if (running != 0) return "Running";
	if (strcmp(restart_policy(report), "Always") == 0) return "Running";
	if (stopped == good) return "Succeeded";
	return never ? "Failed" : "Running";
}

static bool is_over(const char *phase) {
	return strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0;
}

/* ---- Conditions ---- */

struct condition {
	const char *type;
	bool is_true;
	const char *reason; /* with is_true false */
	const char *message;
};

static const struct json_object *find_condition(const struct json_object *conditions, const char *type) {
	size_t length = conditions != NULL ? json_object_array_length(conditions) : 0;
	for (size_t i = 0; i < length; i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		const char *its_type = json_get_text(condition, "type");
		if (its_type != NULL && strcmp(its_type, type) == 0) return condition;
	}
	return NULL;
}

static struct json_object *condition_json(const struct condition *condition, const struct json_object *before,
                                          int64_t now) {
	struct json_object *json = json_object_new_object();
	const char *status = condition->is_true ? "True" : "False";
	const char *status_before = json_get_text(before, "status");
	const char *since = json_get_text(before, "lastTransitionTime");
	json_set_text(json, "type", condition->type);
	json_set_text(json, "status", status);
	json_set(json, "lastProbeTime", NULL);
	if (since != NULL && status_before != NULL && strcmp(status, status_before) == 0) {
		json_set_text(json, "lastTransitionTime", since);
	} else {
		set_time(json, "lastTransitionTime", now);
	}
	if (!condition->is_true && condition->reason != NULL) json_set_text(json, "reason", condition->reason);
	if (!condition->is_true && condition->message != NULL) json_set_text(json, "message", condition->message);
	/* Newer API servers fill it in; what we do not know we leave alone. */
	if (json_get(before, "observedGeneration") != NULL) {
		json_set(json, "observedGeneration", json_copy(json_get(before, "observedGeneration")));
	}
	return json;
}

/* "containers with unready status: [a b]" for those that `is_fine` does not pass; "" when all do. */
static char *list_names(const char *what, const struct container_report *containers, size_t count,
                        bool (*is_fine)(const struct container_report *)) {
	struct strbuf names = { 0 };
	for (size_t i = 0; i < count; i++) {
		if (is_fine(&containers[i])) continue;
		strbuf_printf(&names, "%s%s", names.length == 0 ? "" : " ", containers[i].name);
	}
	if (names.length == 0) return strbuf_detach(&names);
	char *message = xasprintf("containers with %s status: [%s]", what, strbuf_text(&names));
	strbuf_free(&names);
	return message;
}

static bool is_ready(const struct container_report *container) {
	return container->ready;
}

/* The first of spec.readinessGates that is not True; NULL when all are. */
static const char *closed_gate(const struct json_object *pod) {
	const struct json_object *gates = json_get_path(pod, "spec", "readinessGates", NULL);
	size_t length = gates != NULL ? json_object_array_length(gates) : 0;
	for (size_t i = 0; i < length; i++) {
		const char *type = json_get_text(json_object_array_get_idx(gates, i), "conditionType");
		if (type == NULL) continue;
		const struct json_object *condition =
		        find_condition(json_get_path(pod, "status", "conditions", NULL), type);
		const char *status = json_get_text(condition, "status");
		if (status == NULL || strcmp(status, "True") != 0) return type;
	}
	return NULL;
}

static struct json_object *compute_conditions(const struct pod_report *report, const char *phase) {
	const struct json_object *before = json_get_path(report->pod, "status", "conditions", NULL);
	const char *over_reason = strcmp(phase, "Succeeded") == 0 ? "PodCompleted" : "PodFailed";
	cleanup_free char *uninitialized =
	        list_names("incomplete", report->init_containers, report->init_count, succeeded);
	cleanup_free char *unready = list_names("unready", report->containers, report->count, is_ready);
	const char *gate = closed_gate(report->pod);
	cleanup_free char *gate_message =
	        gate != NULL ? xasprintf("corresponding condition of pod readiness gate \"%s\" is not True.", gate)
	                     : NULL;

	const char *unready_reason = is_over(phase) ? over_reason : "ContainersNotReady";
	const char *unready_message = is_over(phase) ? NULL : unready;
	bool containers_ready = !is_over(phase) && unready[0] == '\0';
	const struct condition conditions[] = {
		{ "Initialized", all_init_succeeded(report), "ContainersNotInitialized", uninitialized },
		{ "Ready", containers_ready && gate == NULL,
		  containers_ready ? "ReadinessGatesNotReady" : unready_reason,
		  containers_ready ? gate_message : unready_message },
		{ "ContainersReady", containers_ready, unready_reason, unready_message },
		{ "PodScheduled", true, NULL, NULL },
	};
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++) {
		json_object_array_add(
		        list, condition_json(&conditions[i], find_condition(before, conditions[i].type), report->now));
	}
	size_t length = before != NULL ? json_object_array_length(before) : 0;
	for (size_t i = 0; i < length; i++) {
		const struct json_object *other = json_object_array_get_idx(before, i);
		const char *type = json_get_text(other, "type");
		if (type == NULL || find_condition(list, type) == NULL) json_object_array_add(list, json_copy(other));
	}
	return list;
}

/* ---- The whole ---- */

static struct json_object *container_statuses(const struct container_report *containers, size_t count) {
	struct json_object *list = json_object_new_array();
	for (size_t i = 0; i < count; i++) {
		const struct container_report *container = &containers[i];
		struct json_object *status = json_object_new_object();
		json_set_text(status, "name", container->name);
		json_set(status, "state", json_copy(container->state));
		json_set(status, "lastState",
		         container->last_state != NULL ? json_copy(container->last_state) : json_object_new_object());
		json_set(status, "ready", json_object_new_boolean(container->ready));
		json_set(status, "restartCount", json_object_new_int64(container->restart_count));
		json_set_text(status, "image", container->image);
		json_set_text(status, "imageID", container->id != NULL ? container->image : "");
		if (container->id != NULL) json_set_text(status, "containerID", container->id);
		json_set(status, "started", json_object_new_boolean(container->started));
		json_object_array_add(list, status);
	}
	return list;
}

struct json_object *pod_status_compute(const struct pod_report *report) {
	const char *phase = phase_of(report);
	struct json_object *status = json_object_new_object();
	json_set_text(status, "phase", phase);
	json_set(status, "conditions", compute_conditions(report, phase));
	json_set_text(status, "hostIP", report->host_ip);
	if (report->pod_ip != NULL) {
		struct json_object *addresses = json_object_new_array();
		json_object_array_add(addresses, wrap("ip", json_object_new_string(report->pod_ip)));
		json_set_text(status, "podIP", report->pod_ip);
		json_set(status, "podIPs", addresses);
	}
	const char *start_time = json_get_text(json_get(report->pod, "status"), "startTime");
	if (start_time != NULL) json_set_text(status, "startTime", start_time);
	else set_time(status, "startTime", report->now);
	if (report->init_count != 0) {
		json_set(status, "initContainerStatuses",
		         container_statuses(report->init_containers, report->init_count));
	}
	json_set(status, "containerStatuses", container_statuses(report->containers, report->count));
	return status;
}

/* Equal as far as `wanted` goes: members that it lacks, or has as null, do not count. */
static bool says(const struct json_object *json, const struct json_object *wanted) {
	if (json_object_is_type(wanted, json_type_object)) {
		if (json != NULL && !json_object_is_type(json, json_type_object)) return false;
		json_object_object_foreach((struct json_object *)wanted, key, value) {
			const struct json_object *own = json_get(json, key);
			bool is_empty = value == NULL || (json_object_is_type(value, json_type_object) &&
			                                  json_object_object_length(value) == 0);
			if (own == NULL ? !is_empty : !says(own, value)) return false;
		}
		return true;
	}
	if (json_object_is_type(wanted, json_type_array)) {
		if (!json_object_is_type(json, json_type_array)) return false;
		size_t length = json_object_array_length(wanted);
		if (json_object_array_length(json) != length) return false;
		for (size_t i = 0; i < length; i++) {
			if (!says(json_object_array_get_idx(json, i), json_object_array_get_idx(wanted, i)))
				return false;
		}
		return true;
	}
	return json_object_equal((struct json_object *)json, (struct json_object *)wanted) != 0;
}

/* A state is the one thing where a member too many matters: {"running"} is not said by {"waiting"}. Since each has
 * exactly one member, `says` tells them apart; but an emptied lastState never comes back, so nothing is lost there. A
 * condition's reason that went away goes together with its status. */
bool pod_status_is(const struct json_object *status, const struct json_object *computed) {
	return says(status, computed);
}
