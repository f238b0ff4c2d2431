/* Events: what has changed between the status that is there and the one that is written. So a controller that has just
 * started repeats none of its predecessor's. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

#define TEXT(...) plan_text(report->deciding->plan, __VA_ARGS__)

const struct event_doc report_event_docs[] = {
	{ "FailoverStarted", "Warning. The primary is lost and another is being promoted." },
	{ "HandOverStarted", "The primary hands its role over, as planned." },
	{ "FailedOver", "Another replica is primary; says in how many seconds, and that no row is at risk." },
	{ "HandedOver", "The same after a planned hand-over." },
	{ "PromotionGivenUp", "The primary that was there goes on." },
	{ "PrimaryChanged", "Another replica is primary without agkeeper's doing: somebody failed over with T-SQL." },
	{ "ReplicaLost", "Warning. A replica does not follow the primary any more." },
	{ "ReplicaSynchronized", "It does again." },
	{ 0 },
};

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

/* That it is not (yet) so, of a condition that was never there, is no news. */
static void compare_conditions(const struct report *report, struct events *events) {
	for (const struct condition_row *row = condition_rows; row->type != NULL; row++) {
		bool was = report_is_true(report->old, row->type);
		bool is = report_is_true(report->status, row->type);
		const struct condition_event *event = is ? &row->when_true : &row->when_false;
		if (was == is || event->reason == NULL) continue;
		const struct json_object *condition = report_condition(report->status, row->type);
		if (condition == NULL || is_quiet(row, json_get_text(condition, "reason"))) continue;
		add(events, event->warns, event->reason, json_get_text(condition, "message"));
	}
}

/* ---- the primary ---- */

static bool same(const char *a, const char *b) {
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static const char *or_unknown(const char *pod) {
	return pod != NULL && *pod != '\0' ? pod : "an unknown primary";
}

static const char *failover_note(struct report *report, const struct failover_row *row) {
	const struct json_object *rows = json_get(report->status, "failovers");
	const struct json_object *json = json_object_array_get_idx(rows, 0);
	return TEXT("%s is primary in place of %s (%s) after %s s; rows at risk: %s", row->to, or_unknown(row->from),
	            row->reason, json_get_text(json, "seconds"), json_get_text(json, "rowsAtRisk"));
}

static void compare_primaries(struct report *report, struct events *events) {
	const struct record *old = report->view->record;
	const struct record *next = report->next;
	bool was_open = old->intent.kind != INTENT_NONE;
	bool is_open = next->intent.kind != INTENT_NONE;
	bool is_planned = is_open && next->intent.kind == INTENT_HAND_OVER;
	const char *from = or_unknown(old->primary.pod);
	if (!was_open && is_open) {
		const char *why = same(next->intent.message, "") ? next->intent.reason : next->intent.message;
		add(events, !is_planned, is_planned ? "HandOverStarted" : "FailoverStarted",
		    TEXT("from %s: %s", from, why));
	}
	const struct failover_row *row = next->failover_count > 0 ? &next->failovers[0] : NULL;
	bool is_new = row != NULL && (old->failover_count == 0 || old->failovers[0].started_us != row->started_us ||
	                              old->failovers[0].finished_us != row->finished_us);
	if (is_new) {
		add(events, !row->lost_nothing, same(row->kind, "HandOver") ? "HandedOver" : "FailedOver",
		    failover_note(report, row));
	} else if (was_open && !is_open) {
		add(events, false, "PromotionGivenUp", TEXT("%s stays primary", from));
	} else if (!same(old->primary.pod, "") && !same(next->primary.pod, "") &&
	           !same(old->primary.pod, next->primary.pod)) {
		add(events, false, "PrimaryChanged", TEXT("%s is primary in place of %s", next->primary.pod, from));
	}
}

/* ---- replicas ---- */

static const struct json_object *row_named(const struct json_object *status, const char *pod) {
	const struct json_object *rows = json_get(status, "replicaStatuses");
	if (!json_object_is_type(rows, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const struct json_object *row = json_object_array_get_idx(rows, i);
		if (same(json_get_text(row, "name"), pod)) return row;
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

/* Only while there is a primary to follow, and after the first start: its joining is told as a whole. */
static void compare_replicas(struct report *report, struct events *events) {
	if (report->sight != SIGHT_PRIMARY || !report->spec->is_group) return;
	if (!report_is_true(report->old, "Initialized")) return;
	for (size_t i = 0; i < report->row_count; i++) {
		const struct replica_view *replica = report->rows[i].replica;
		if (!report->rows[i].is_counted || replica == report->deciding->primary) continue;
		const struct json_object *before = row_named(report->old, replica->pod_name);
		bool did = before != NULL && follows(report, before, replica);
		bool does = follows(report, row_named(report->status, replica->pod_name), replica);
		const char *trouble = report->rows[i].trouble;
		if (did && !does) {
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
	compare_primaries(report, &events);
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
