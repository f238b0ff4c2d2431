/* Events: what has changed between the status that is there and the one that is written. So a controller that has just
 * started repeats none of its predecessor's. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

#define TEXT(...) plan_text(report->deciding->plan, __VA_ARGS__)

enum { EVENTS_MAX = 64 };
struct events {
	size_t count;
	struct event {
		bool warns;
		const char *reason, *note;
	} items[EVENTS_MAX];
};

static void add(struct events *events, bool warns, const char *reason, const char *note) {
	if (events->count == EVENTS_MAX) return;
	events->items[events->count++] = (struct event){ warns, reason, note };
}

/* ---- conditions ---- */

static bool is_quiet(const struct condition_row *row, const char *reason) {
	for (const char *const *quiet = row->quiet; quiet != NULL && *quiet != NULL; quiet++) {
		if (reason != NULL && strcmp(*quiet, reason) == 0) return true;
	}
	return false;
}

/* That it is not (yet) so, of a condition that was never there, is no news; unless it is what one expects to be so. */
static void compare_conditions(const struct report *report, struct events *events) {
	for (const struct condition_row *row = condition_rows; row->type != NULL; row++) {
		bool was = report_is_true(report->old, row->type) ||
		           (row->is_rule && report_condition(report->old, row->type) == NULL);
		bool is = report_is_true(report->status, row->type);
		const struct condition_event *event = is ? &row->when_true : &row->when_false;
		if (was == is || event->reason == NULL) continue;
		const struct json_object *condition = report_condition(report->status, row->type);
		if (condition == NULL || is_quiet(row, json_get_text(condition, "reason"))) continue;
		add(events, event->warns, event->reason, json_get_text(condition, "message"));
	}
}

/* ---- replicas ---- */

static const struct json_object *row_named(const struct json_object *status, const char *pod) {
	const struct json_object *rows = json_get(status, "replicaStatuses");
	if (!json_object_is_type(rows, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const struct json_object *row = json_object_array_get_idx(rows, i);
		const char *name = json_get_text(row, "name");
		if (name != NULL && strcmp(name, pod) == 0) return row;
	}
	return NULL;
}

static bool follows(const struct report *report, const struct json_object *row, const struct replica_view *replica) {
	const char *state = json_get_text(row, "synchronizationState");
	if (!json_get_flag(row, "connected", false)) return false;
	if (state == NULL) return report->next->database_count == 0;
	bool is_asynchronous = replica->spec != NULL && replica->spec->availability == SQL_ASYNCHRONOUS_COMMIT;
	return strcmp(state, "SYNCHRONIZED") == 0 || (is_asynchronous && strcmp(state, "SYNCHRONIZING") == 0);
}

/* A new primary is waited for so long by replicas that followed another: that they do not yet is no news. */
enum { YOUNG_MS = 10 * 1000 };

/* Only while there is a primary to follow, and after the first start: its joining is told as a whole. */
static void compare_replicas(struct report *report, struct events *events) {
	if (report->sight != SIGHT_PRIMARY || !report->spec->is_group) return;
	if (!report_is_true(report->old, "Initialized")) return;
	int64_t primary_since = report->deciding->scratch->primary_since;
	bool is_young = primary_since != 0 && report->view->now - primary_since < YOUNG_MS;
	for (size_t i = 0; i < report->row_count; i++) {
		const struct replica_view *replica = report->rows[i].replica;
		if (!report->rows[i].is_counted || replica == report->deciding->primary) continue;
		const struct json_object *before = row_named(report->old, replica->pod_name);
		bool did = before != NULL && follows(report, before, replica);
		bool does = follows(report, row_named(report->status, replica->pod_name), replica);
		const char *trouble = report->rows[i].trouble;
		if (did && !does && !is_young) {
			add(events, true, "ReplicaLost",
			    TEXT("%s: %s", replica->pod_name, trouble != NULL ? trouble : "it is not synchronized"));
		} else if (!did && does) {
			add(events, false, "ReplicaSynchronized",
			    TEXT("%s follows primary %s", replica->pod_name, report->deciding->primary->pod_name));
		}
	}
}

/* ---- saying it ---- */

static uint64_t hash(uint64_t state, const char *text) { /* FNV-1a */
	for (; *text != '\0'; text++) state = (state ^ (unsigned char)*text) * 0x100000001b3U;
	return state;
}

/* Once: a write that fails (a conflict) is decided anew from the same old status. */
void report_events(struct report *report) {
	struct events events = { 0 };
	compare_conditions(report, &events);
	compare_replicas(report, &events);
	uint64_t said = 0;
	for (size_t i = 0; i < events.count; i++) {
		said = hash(hash(said != 0 ? said : 0xcbf29ce484222325U, events.items[i].reason), events.items[i].note);
	}
	bool is_new = said != report->deciding->scratch->said;
	report->deciding->scratch->said = said;
	for (size_t i = 0; is_new && i < events.count; i++) {
		say(report->deciding, events.items[i].warns, events.items[i].reason, "%s", events.items[i].note);
	}
}
