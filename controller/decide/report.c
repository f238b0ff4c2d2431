/* The report: the whole new status, written when something of substance differs from the one that is there. */
#include "controller/decide/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

/* What changes all the time in a group that is used is written this often. */
enum { NUMBERS_MS = 60 * 1000 };
static const char *const numbers[] = { "lastHardenedLSN", "lagSeconds" };

/* A copy without the numbers. The caller owns it. */
static struct json_object *substance_of(const struct json_object *status) {
	struct json_object *copy = json_copy(status);
	const struct json_object *rows = json_get(copy, "replicaStatuses");
	if (!json_object_is_type(rows, json_type_array)) return copy;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		if (!json_object_is_type(row, json_type_object)) continue;
		for (size_t j = 0; j < ARRAY_LENGTH(numbers); j++) json_object_object_del(row, numbers[j]);
	}
	return copy;
}

static bool is_due(const struct report *report, bool is_substance) {
	const struct scratch *scratch = report->deciding->scratch;
	if (is_substance) return true;
	if (report_is_promoting(report)) return false;
	return scratch->reported_at == 0 || report->view->now - scratch->reported_at >= NUMBERS_MS;
}

static void compose(struct report *report) {
	record_write(report->next, report->status);
	if (!report->spec->is_group && report->view->replica_count > 0) {
		json_set_text(report->status, "primaryReplica", report->view->replicas[0].pod_name);
	}
	json_set(report->status, "observedGeneration", json_object_new_int64(report->spec->generation));
	if (!report->view->is_deleting) {
		report_look(report);
		report_rows(report);
	}
	report_conditions(report);
	report_phase(report);
}

void report_decide(struct deciding *deciding) {
	const struct view *view = deciding->view;
	if (view->is_deleting && !view->has_finalizer) return; /* it is gone at any moment */
	char now[CLOCK_RFC3339_SIZE];
	const struct json_object *old = json_get(view->object, "status");
	cleanup_json struct json_object *status = old != NULL ? json_copy(old) : json_object_new_object();
	struct report report = { .deciding = deciding,
		                 .view = view,
		                 .spec = deciding->spec,
		                 .next = &deciding->next,
		                 .old = old,
		                 .status = status,
		                 .sight = SIGHT_NONE,
		                 .now = clock_format_rfc3339(view->wall_us / 1000000, now) };
	compose(&report);
	if (json_object_equal(status, (struct json_object *)old)) return;

	cleanup_json struct json_object *substance = substance_of(status);
	cleanup_json struct json_object *old_substance = substance_of(old);
	if (!is_due(&report, !json_object_equal(substance, old_substance))) return;
	const struct action action = { .type = ACTION_WRITE_STATUS, .json = take(&status), .reason = "status" };
	if (!change_api(deciding, &action)) return;
	deciding->scratch->reported_at = view->now;
	report_events(&report);
}
