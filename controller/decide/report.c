/* The report: the whole new status, written when something of substance differs from the one that is there. */
#include "controller/decide/report.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"

/* What changes all the time in a group that is used, and words that change while what they are about does not, are
 * written this often. */
enum { NUMBERS_MS = 60 * 1000, WORDS_MS = 5 * 1000 };
enum detail { WITHOUT_NUMBERS, WITHOUT_WORDS };

static const char *const numbers[] = { "lastHardenedLSN", "lagSeconds" };

static void strip_rows(const struct json_object *rows) {
	if (!json_object_is_type(rows, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		if (!json_object_is_type(row, json_type_object)) continue;
		for (size_t j = 0; j < ARRAY_LENGTH(numbers); j++) json_object_object_del(row, numbers[j]);
	}
}

static bool counts(const char *type) {
	for (const struct condition_row *row = condition_rows; row->type != NULL; row++) {
		if (type != NULL && strcmp(row->type, type) == 0) return row->counts;
	}
	return false;
}

static void strip_conditions(const struct json_object *conditions, enum detail detail) {
	if (!json_object_is_type(conditions, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		struct json_object *condition = json_object_array_get_idx(conditions, i);
		if (!json_object_is_type(condition, json_type_object)) continue;
		if (detail == WITHOUT_WORDS || counts(json_get_text(condition, "type")))
			json_object_object_del(condition, "message");
	}
}

static bool differ(const struct json_object *a, const struct json_object *b, enum detail detail) {
	cleanup_json struct json_object *a_copy = json_copy(a);
	cleanup_json struct json_object *b_copy = json_copy(b);
	struct json_object *copies[] = { a_copy, b_copy };
	for (size_t i = 0; i < ARRAY_LENGTH(copies); i++) {
		strip_rows(json_get(copies[i], "replicaStatuses"));
		strip_conditions(json_get(copies[i], "conditions"), detail);
	}
	return !json_object_equal(a_copy, b_copy);
}

static bool is_due(const struct report *report) {
	if (differ(report->status, report->old, WITHOUT_WORDS)) return true;
	bool are_words = differ(report->status, report->old, WITHOUT_NUMBERS);
	/* A promotion's own writes come first. */
	if (report_is_promoting(report) && !are_words) return false;
	int64_t reported_at = report->deciding->scratch->reported_at;
	int64_t left = reported_at + (are_words ? WORDS_MS : NUMBERS_MS) - report->view->now;
	if (reported_at == 0 || left <= 0) return true;
	if (are_words) plan_look(report->deciding->plan, left);
	return false;
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
	if (json_object_equal(status, (struct json_object *)old) || !is_due(&report)) return;
	const struct action action = { .type = ACTION_WRITE_STATUS, .json = take(&status), .reason = "status" };
	if (!change_api(deciding, &action)) return;
	deciding->scratch->reported_at = view->now;
	report_events(&report);
}
