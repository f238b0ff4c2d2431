#include "simnode/probe.h"

#include "base/json.h"

const char *probe_field(enum probe_kind kind) {
	static const char *const fields[PROBE_KINDS] = {
		[PROBE_STARTUP] = "startupProbe",
		[PROBE_LIVENESS] = "livenessProbe",
		[PROBE_READINESS] = "readinessProbe",
	};
	return fields[kind];
}

void probe_init(struct probe *probe, enum probe_kind kind, const struct json_object *settings) {
	*probe = (struct probe){
		.kind = kind,
		.initial_delay_ms = 1000 * json_get_integer(settings, "initialDelaySeconds", 0),
		.period_ms = 1000 * json_get_integer(settings, "periodSeconds", 10),
		.timeout_ms = 1000 * json_get_integer(settings, "timeoutSeconds", 1),
		.success_threshold = json_get_integer(settings, "successThreshold", 1),
		.failure_threshold = json_get_integer(settings, "failureThreshold", 3),
	};
}

void probe_restart(struct probe *probe, int64_t now) {
	static const enum probe_verdict before_the_first[PROBE_KINDS] = {
		[PROBE_STARTUP] = PROBE_UNKNOWN,
		[PROBE_LIVENESS] = PROBE_SUCCESS,
		[PROBE_READINESS] = PROBE_FAILURE,
	};
	probe->verdict = before_the_first[probe->kind];
	probe->due_at = now + probe->initial_delay_ms;
	probe->run = 0;
}

enum probe_verdict probe_record(struct probe *probe, bool succeeded, int64_t now) {
	if (probe->run != 0 && succeeded == probe->last_succeeded) probe->run++;
	else probe->run = 1;
	probe->last_succeeded = succeeded;
	probe->due_at = now + probe->period_ms;
	if (probe->run >= (succeeded ? probe->success_threshold : probe->failure_threshold)) {
		probe->verdict = succeeded ? PROBE_SUCCESS : PROBE_FAILURE;
	}
	return probe->verdict;
}
