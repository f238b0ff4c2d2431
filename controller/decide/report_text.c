/* Words for people. */
#include <string.h>

#include "controller/decide/report.h"

const char *report_join(struct report *report, const char *list, const char *more) {
	if (*list == '\0') return more;
	return plan_text(report->deciding->plan, "%s; %s", list, more);
}

const char *report_bytes(struct report *report, int64_t bytes) {
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
	size_t unit = 0;
	int64_t size = 1;
	while (unit + 1 < ARRAY_LENGTH(units) && bytes / 1024 >= size) {
		size *= 1024;
		unit++;
	}
	int64_t tenths = bytes / size * 10 + bytes % size * 10 / size;
	if (tenths % 10 == 0) {
		return plan_text(report->deciding->plan, "%lld%s", (long long)(tenths / 10), units[unit]);
	}
	return plan_text(report->deciding->plan, "%lld.%lld%s", (long long)(tenths / 10), (long long)(tenths % 10),
	                 units[unit]);
}

const char *report_short_name(const struct report *report) {
	return report->spec->kind->short_names[0];
}

/* What makes the volumes of a kind larger. */
struct growth {
	const char *kind;
	const char *(*command)(struct report *report, long long gibibytes);
};

static const char *grow_by_request(struct report *report, long long gibibytes) {
	return plan_text(
	        report->deciding->plan,
	        "echo '{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\","
	        "\"metadata\":{\"generateName\":\"%s-grow-\",\"namespace\":\"%s\"},\"spec\":{\"type\":"
	        "\"VolumeExpansion\",\"databaseRef\":{\"name\":\"%s\"},\"apply\":\"Always\",\"volumeExpansion\":{"
	        "\"mode\":\"Online\",\"mssqlserver\":\"%lldGi\"}}}' | kubectl create -f -",
	        report->spec->name, report->spec->namespace, report->spec->name, gibibytes);
}

static const char *grow_by_spec(struct report *report, long long gibibytes) {
	return plan_text(report->deciding->plan,
	                 "kubectl patch %s %s -n %s --type merge -p "
	                 "'{\"spec\":{\"storage\":{\"dataVolumeSize\":\"%lldGi\"}}}'",
	                 report_short_name(report), report->spec->name, report->spec->namespace, gibibytes);
}

static const struct growth growths[] = {
	{ "MSSQLServer", grow_by_request },
	{ "SQLServerAvailabilityGroup", grow_by_spec },
};

const char *report_how_to_grow(struct report *report, int64_t bytes_now) {
	const int64_t gibibyte = INT64_C(1) << 30;
	long long doubled = (long long)(bytes_now / gibibyte + (bytes_now % gibibyte != 0)) * 2;
	for (size_t i = 0; i < ARRAY_LENGTH(growths); i++) {
		if (strcmp(growths[i].kind, report->spec->kind->name) == 0) return growths[i].command(report, doubled);
	}
	return "";
}
