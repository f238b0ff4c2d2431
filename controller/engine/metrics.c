/* What can be seen of the engine from outside. */
#include "controller/engine/engine_private.h"

/* From a tenth of a millisecond to ten seconds. */
static const int64_t bounds[] = { 100000,    250000,    500000,    1000000,    2500000,    10000000,    25000000,
	                          100000000, 250000000, 500000000, 1000000000, 2500000000, 10000000000, 0 };

struct engine_metrics engine_metrics_new(struct metrics *metrics) {
	return (struct engine_metrics){
		.actions = metrics_add(metrics, METRIC_COUNTER, "agkeeper_actions_total",
		                       "What the controller did, how it ended, and why it was done.",
		                       METRIC_LABELS("action", "result", "reason")),
		.duration =
		        metrics_add_histogram(metrics, "agkeeper_reconcile_duration_seconds",
		                              "How long one look at an object takes.", METRIC_LABELS("kind"), bounds),
		.probe_failures = metrics_add(metrics, METRIC_COUNTER, "agkeeper_probe_failures_total",
		                              "Probes of SQL Servers that failed: silence, a refused login, an error.",
		                              METRIC_LABELS("cause")),
		.event_to_action = metrics_add_histogram(metrics, "agkeeper_pod_event_to_action_seconds",
		                                         "From a change of a pod to the first action on account of it.",
		                                         NULL, bounds),
		.leading = metrics_add(metrics, METRIC_GAUGE, "agkeeper_leader",
		                       "1 while this process holds the Lease and reconciles.", NULL),
		.objects = metrics_add(metrics, METRIC_GAUGE, "agkeeper_objects", "Objects by phase.",
		                       METRIC_LABELS("kind", "phase")),
		.states = metrics_add(metrics, METRIC_COUNTER, "agkeeper_decisions_total",
		                      "Decisions by the row of the state table that applied.", METRIC_LABELS("state")),
		.requests = metrics_add(metrics, METRIC_GAUGE, "agkeeper_api_requests_under_way",
		                        "Requests of the controller to the API server that are under way.", NULL),
	};
}
