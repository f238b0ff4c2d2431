/* The bookkeeping of one probe: when it is due, and what its results add up to. Pure: the caller brings the time, runs
 * the probe and says how it went (Kubernetes, pkg/kubelet/prober/worker.go). */
#ifndef SIMNODE_PROBE_H
#define SIMNODE_PROBE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

enum probe_kind { PROBE_STARTUP, PROBE_LIVENESS, PROBE_READINESS, PROBE_KINDS };

/* Unknown only before the first verdict of a startup probe. */
enum probe_verdict { PROBE_UNKNOWN, PROBE_SUCCESS, PROBE_FAILURE };

struct probe {
	enum probe_kind kind;
	int64_t initial_delay_ms;
	int64_t period_ms;
	int64_t timeout_ms;
	int64_t success_threshold;
	int64_t failure_threshold;

	enum probe_verdict verdict;
	int64_t due_at; /* monotonic milliseconds */
	int64_t run;    /* how many results in a row were the same */
	bool last_succeeded;
};

/* Where a container's spec keeps a probe of this kind: "livenessProbe" … */
const char *probe_field(enum probe_kind kind);

/* Reads the settings of a probe, with the defaults of the API. */
void probe_init(struct probe *probe, enum probe_kind kind, const struct json_object *settings);

/* The container was started: forget all results. A container is live until proven otherwise, and ready only when
 * proven.
 */
void probe_restart(struct probe *probe, int64_t now);

/* Takes a result, sets when the probe is due next and returns the verdict. */
enum probe_verdict probe_record(struct probe *probe, bool succeeded, int64_t now);

#endif
