/* Conditions Ready and Initialized. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/decide/report.h"

#define TEXT(...) plan_text(report->deciding->plan, __VA_ARGS__)

/* ---- what the first start waits for ---- */

static const char *servers_trouble(struct report *report) {
	const char *list = "";
	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		if (!row->is_counted) continue;
		const char *trouble = report_server_trouble(report, row->replica);
		if (trouble != NULL) list = report_join(report, list, TEXT("%s: %s", row->replica->pod_name, trouble));
	}
	return *list != '\0' ? list : NULL;
}

/* Those that are not in the group, or not connected to its primary, yet. */
static const char *absent(struct report *report) {
	const char *list = "";
	for (size_t i = 0; i < report->row_count; i++) {
		const struct replica_view *replica = report->rows[i].replica;
		if (!report->rows[i].is_counted || replica == report->deciding->primary) continue;
		const struct sql_replica_row *peer = peer_row(report->deciding->primary, replica->pod_name);
		if (peer != NULL && peer->connected == SQL_CONNECTED) continue;
		list = TEXT("%s%s%s", list, *list != '\0' ? ", " : "", replica->pod_name);
	}
	return *list != '\0' ? list : NULL;
}

/* What another part found to be False; false: nothing. */
static bool is_refuted(struct report *report, const char *condition, struct verdict *verdict) {
	return report_found(report, condition, verdict) && verdict->state == VERDICT_FALSE;
}

static struct verdict server_initialized(struct report *report) {
	if (report->sight == SIGHT_PRIMARY) return verdict_of(report, true, "ServerRuns", "the server runs");
	return verdict_of(report, false, "ServerBeingSetUp", "the server runs and is being set up");
}

static struct verdict group_joined(struct report *report) {
	const char *group = report->spec->group;
	if (report->sight == SIGHT_NONE) return (struct verdict){ .state = VERDICT_KEEP };
	struct verdict verdict;
	bool is_told = is_refuted(report, "ReplicasJoined", &verdict);
	const char *trouble = report->sight == SIGHT_PRIMARY ? absent(report) : report_troubles(report);
	if (trouble == NULL && !is_told) {
		return verdict_of(report, true, "AllReplicasJoined", "all replicas have joined availability group %s",
		                  group);
	}
	return verdict_of(report, false, "ReplicasJoining",
	                  "availability group %s is created; waiting for replicas to join: %s", group,
	                  is_told ? verdict.message : trouble);
}

/* True only once all have joined, and then for good: what was set up once may be broken later, but is not new again. */
struct verdict judge_initialized(struct report *report) {
	if (report_is_true(report->old, "Initialized")) return (struct verdict){ .state = VERDICT_KEEP };
	if (report->spec->is_halted) {
		return verdict_of(report, false, "Halted", "spec.halted is true: nothing is started");
	}
	struct verdict verdict;
	if (is_refuted(report, "Provisioned", &verdict)) return verdict;
	if (report->spec->is_group && report->next->is_initialized) return group_joined(report);
	if (is_refuted(report, "Initialized", &verdict)) return verdict;
	const char *trouble = servers_trouble(report);
	if (trouble != NULL) return verdict_of(report, false, "WaitingForServers", "waiting for servers: %s", trouble);
	if (!report->spec->is_group) return server_initialized(report);
	return verdict_of(report, false, "CreatingGroup", "servers run; availability group %s is being created",
	                  report->spec->group);
}

/* ---- Ready ---- */

static const char *or_empty(const char *text) {
	return text != NULL ? text : "";
}

static const char *clock_time(struct report *report, int64_t microseconds) {
	char buffer[CLOCK_RFC3339_SIZE];
	return TEXT("%s", clock_format_rfc3339(microseconds / 1000000, buffer));
}

static struct verdict promoting(struct report *report) {
	const struct record *record = report->next->intent.kind != INTENT_NONE ? report->next : report->view->record;
	const struct intent *intent = &record->intent;
	if (intent->kind == INTENT_NONE) {
		return verdict_of(report, false, "FailingOver", "%s is lost, and another is to be promoted",
		                  *or_empty(report->view->record->primary.pod) != '\0'
		                          ? report->view->record->primary.pod
		                          : "the primary");
	}
	bool is_planned = intent->kind == INTENT_HAND_OVER;
	return verdict_of(report, false, is_planned ? "HandingOver" : "FailingOver", "%s since %s: %s",
	                  is_planned ? "the primary hands its role over" : "a new primary is being promoted",
	                  clock_time(report, intent->started_us),
	                  *or_empty(intent->message) != '\0' ? intent->message : intent->reason);
}

/* What will come of it by itself. */
static const char *outlook(struct report *report) {
	const struct deciding *deciding = report->deciding;
	const struct spec *spec = report->spec;
	if (!spec->fails_over) return "; nothing is promoted by itself, because automatic failover is off";
	int64_t since = deciding->scratch->unwell_since;
	bool is_over = since != 0 && report->view->now - since >= spec->silence_ms;
	if (deciding->state == GROUP_DOWN || is_over) return "";
	return TEXT("; it is replaced unless that ends within %lld s of its beginning",
	            (long long)((spec->silence_ms + 999) / 1000));
}

static struct verdict primary_lost(struct report *report) {
	const char *pod = or_empty(report->view->record->primary.pod);
	const char *name = *pod != '\0' ? TEXT("primary %s", pod) : "the primary";
	const char *reason = report->sight == SIGHT_PRIMARY ? "PrimaryNotServing" : "PrimaryLost";
	const char *lost = report->deciding->lost_message;
	if (lost == NULL) {
		return verdict_of(report, false, reason, "%s: %s%s", name, report->primary_trouble, outlook(report));
	}
	return verdict_of(report, false, reason, "%s (%s: %s)%s", lost, name, report->primary_trouble, outlook(report));
}

/* A wanted database that is not in the group yet; NULL: none. */
static const char *missing_database(struct report *report) {
	const struct spec *spec = report->spec;
	const struct record *record = report->next;
	for (size_t i = 0; i < spec->database_count; i++) {
		bool is_there = false;
		for (size_t j = 0; j < record->database_count && !is_there; j++) {
			is_there = strcasecmp(record->databases[j].name, spec->databases[i]) == 0;
		}
		if (!is_there) return spec->databases[i];
	}
	return NULL;
}

static struct verdict storage_full(struct report *report, const struct volume_use *use) {
	return verdict_of(report, false, "StorageFull", "%s: its volume of %s is full; see condition StorageFull",
	                  use->replica->pod_name, report_bytes(report, use->total));
}

static struct verdict ready_server(struct report *report) {
	if (report->primary_trouble != NULL) {
		const char *pod = report->primary != NULL ? report->primary->pod_name : report->spec->name;
		return verdict_of(report, false, "ServerNotServing", "%s: %s", pod, report->primary_trouble);
	}
	if (report->sight != SIGHT_PRIMARY) return (struct verdict){ .state = VERDICT_KEEP };
	return verdict_of(report, true, "ServerServes", "the server takes reads and writes");
}

static struct verdict ready_group(struct report *report) {
	const struct deciding *deciding = report->deciding;
	if (deciding->state == GROUP_BLOCKED) {
		return verdict_of(report, false, "FailoverBlocked", "%s",
		                  deciding->blocked != NULL ? deciding->blocked : "a promotion cannot go on");
	}
	if (report_is_promoting(report)) return promoting(report);
	if (report->primary_trouble != NULL) return primary_lost(report);
	if (report->sight != SIGHT_PRIMARY) return (struct verdict){ .state = VERDICT_KEEP };
	const char *database = missing_database(report);
	if (database != NULL) {
		return verdict_of(report, false, "DatabaseBeingAdded", "database %s is being added to the group",
		                  database);
	}
	const char *troubles = report_troubles(report);
	if (*troubles != '\0') {
		return verdict_of(report, false, "ReplicasNotReady",
		                  "primary %s serves, %zu of %zu replicas are synchronized; %s",
		                  deciding->primary->pod_name, report->synchronized, report->counted, troubles);
	}
	return verdict_of(report, true, "AllReplicasReady", "primary %s serves, all %zu replicas are synchronized",
	                  deciding->primary->pod_name, report->counted);
}

struct verdict judge_ready(struct report *report) {
	if (report->view->is_deleting) return verdict_of(report, false, "Deleting", "it is being deleted");
	if (report->spec->is_halted) {
		return verdict_of(report, false, "Halted",
		                  "spec.halted is true; to start again: kubectl patch %s %s -n %s "
		                  "--type merge -p '{\"spec\":{\"halted\":false}}'",
		                  report_short_name(report), report->spec->name, report->spec->namespace);
	}
	if (!report_is_true(report->status, "Initialized")) {
		const char *message = json_get_text(report_condition(report->status, "Initialized"), "message");
		return verdict_of(report, false, "Initializing", "%s", message != NULL ? message : "being set up");
	}
	struct verdict verdict = report->spec->is_group ? ready_group(report) : ready_server(report);
	if (verdict.state != VERDICT_TRUE &&
	    strcmp(verdict.reason != NULL ? verdict.reason : "", "ReplicasNotReady") != 0)
		return verdict;
	struct volume_use use = report_volume_use(report);
	return use.is_full ? storage_full(report, &use) : verdict;
}
