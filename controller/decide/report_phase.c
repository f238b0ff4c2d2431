#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

static bool is_promoting(struct report *report) {
	return report_is_promoting(report);
}

static bool is_down(struct report *report) {
	return report->deciding->state == GROUP_DOWN;
}

static bool is_initializing(struct report *report) {
	return !report_is_true(report->status, "Initialized");
}

static bool is_halted(struct report *report) {
	if (!report->spec->is_halted) return false;
	for (size_t i = 0; i < report->view->replica_count; i++) {
		if (report->view->replicas[i].pod.exists) return false;
	}
	return true;
}

static bool is_ready(struct report *report) {
	return report_is_true(report->status, "Ready");
}

static bool serves(struct report *report) {
	if (report->spec->is_halted || report->primary_trouble != NULL || report->sight != SIGHT_PRIMARY) return false;
	return report->spec->is_group && !report_volume_use(report).primary_is_full;
}

static bool always(struct report *report) {
	(void)report;
	return true;
}

const struct phase_row phase_rows[] = {
	{ "SQLServerAvailabilityGroup", "FailingOver", is_promoting,
	  "A new primary is being promoted, or the role is being handed over: commits wait. Seconds at most, unless "
	  "condition FailoverBlocked is True." },
	{ "SQLServerAvailabilityGroup", "Failed", is_down,
	  "The primary is lost, and automatic failover is off: a person decides." },
	{ "SQLServerAvailabilityGroup", "Initializing", is_initializing,
	  "The group is being set up for the first time; condition Initialized says what it waits for." },
	{ "SQLServerAvailabilityGroup", "Running", always,
	  "The group is set up. Whether all of it is well says condition Ready." },

	{ "MSSQLServer", "Halted", is_halted, "No pods, because spec.halted is true. Volumes and Secrets are kept." },
	{ "MSSQLServer", "Provisioning", is_initializing,
	  "It is being set up for the first time; condition Initialized says what it waits for." },
	{ "MSSQLServer", "Ready", is_ready, "The primary takes writes, and every replica is synchronized." },
	{ "MSSQLServer", "Critical", serves, "The primary takes writes, and some other replica is not well." },
	{ "MSSQLServer", "NotReady", always, "No primary takes writes: condition Ready says why." },
	{ 0 },
};

/* While nobody can tell for a moment, the phase is what it was. */
static bool is_kept(const struct report *report) {
	if (json_get_text(report->old, "phase") == NULL) return false;
	if (report->view->is_deleting) return true;
	return report->sight == SIGHT_NONE && !report_is_promoting(report) && !report->spec->is_halted;
}

void report_phase(struct report *report) {
	if (is_kept(report)) return;
	for (const struct phase_row *row = phase_rows; row->kind != NULL; row++) {
		if (strcmp(row->kind, report->spec->kind->name) != 0 || !row->applies(report)) continue;
		json_set_text(report->status, "phase", row->phase);
		return;
	}
}
