/* Full volumes (REQUIREMENTS R54): conditions StoragePressure and StorageFull. */
#include "base/json.h"
#include "controller/decide/report.h"

enum {
	PRESSURE_PERCENT = 85, /* unless spec.autoExpand.atPercent says another */
	PRESSURE_END = 5,      /* so far below, the pressure is over */
	FULL_PERCENT = 99,
	FULL_END_PERCENT = 97,
};

/* Msg 1105: no space in a filegroup; 9002: the log is full (relational-databases/errors-events/mssqlserver-1105,
 * -9002-database-engine-error.md of MicrosoftDocs/sql-docs). */
static bool says_full(const struct report *report, const struct replica_view *replica) {
	const struct server_view *server = &replica->server;
	/* Writes are checked on the primary alone: what a former one said last is over. */
	if (replica != report->primary) return false;
	return server->write_failures > 0 &&
	       (server->write_failure_number == 1105 || server->write_failure_number == 9002);
}

static int percent_of(const struct sql_volume_row *volume) {
	int64_t used = volume->total_bytes - volume->available_bytes;
	if (volume->total_bytes <= 0 || used <= 0) return 0;
	return (int)((double)used * 100 / (double)volume->total_bytes);
}

static void take_fuller(const struct report *report, struct volume_use *use, const struct replica_view *replica,
                        const struct sql_volume_row *volume, int full_from) {
	int percent = percent_of(volume);
	bool is_full = says_full(report, replica) || percent >= full_from;
	bool is_worse = is_full != use->is_full ? is_full : percent > use->percent;
	if (use->replica != NULL && !is_worse) return;
	use->replica = replica;
	use->percent = percent;
	use->total = volume->total_bytes;
	use->is_full = is_full;
}

struct volume_use report_volume_use(struct report *report) {
	struct volume_use use = { 0 };
	int full_from = report_is_true(report->old, "StorageFull") ? FULL_END_PERCENT : FULL_PERCENT;
	for (size_t i = 0; i < report->row_count; i++) {
		const struct replica_view *replica = report->rows[i].replica;
		const struct sql_observation *seen = replica->server.seen;
		if (seen == NULL) {
			use.is_unknown = true;
			continue;
		}
		for (size_t j = 0; j < seen->volume_count; j++) {
			take_fuller(report, &use, replica, &seen->volumes[j], full_from);
			use.primary_is_full |= use.is_full && use.replica == report->primary;
		}
	}
	return use;
}

struct verdict judge_storage_full(struct report *report) {
	struct volume_use use = report_volume_use(report);
	if (use.is_full) {
		return verdict_of(report, true, "VolumeFull",
		                  "%s: volume data-%s is full, %d %% of %s are used. Make the volumes larger: %s",
		                  use.replica->pod_name, use.replica->pod_name, use.percent,
		                  report_bytes(report, use.total), report_how_to_grow(report, use.total));
	}
	if (use.replica == NULL || use.is_unknown) return (struct verdict){ .state = VERDICT_KEEP };
	return verdict_of(report, false, "VolumesHaveSpace", "no volume is full");
}

struct verdict judge_storage_pressure(struct report *report) {
	int64_t from = json_get_integer(json_get_path(report->view->object, "spec", "autoExpand", NULL), "atPercent",
	                                PRESSURE_PERCENT);
	int64_t over_from = report_is_true(report->old, "StoragePressure") ? from - PRESSURE_END : from;
	struct volume_use use = report_volume_use(report);
	if (use.replica != NULL && use.percent >= over_from) {
		return verdict_of(report, true, "VolumeFillsUp",
		                  "%s: %d %% of the %s of volume data-%s are used. To make the volumes larger: %s",
		                  use.replica->pod_name, use.percent, report_bytes(report, use.total),
		                  use.replica->pod_name, report_how_to_grow(report, use.total));
	}
	if (use.replica == NULL || use.is_unknown) return (struct verdict){ .state = VERDICT_KEEP };
	return verdict_of(report, false, "VolumesHaveSpace", "every volume is less than %lld %% full", (long long)from);
}
