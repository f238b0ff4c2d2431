/* How long a failover takes, with the published timings of SQL Server: agkeeper beside the published policy
 * (published_policy.h). Times are of the model, so the same seeds give the same numbers on any machine. */
#ifndef SIMULATION_COMPARE_H
#define SIMULATION_COMPARE_H

#include "simulation/runs.h"

/* What is measured, from the fault on, in microseconds. */
enum measure {
	MEASURE_SENT,         /* FAILOVER leaves */
	MEASURE_PROMOTED,     /* another one is PRIMARY */
	MEASURE_LABELLED,     /* … and carries the label that its Service selects */
	MEASURE_WRITTEN,      /* … and has acknowledged a row to a client of the Service */
	MEASURE_GAP,          /* the longest time in which clients of the Service got no row acknowledged */
	MEASURE_SYNCHRONIZED, /* all replicas are synchronized with it; where a node was down, since it is back */
	MEASURES
};

struct options_of_compare {
	const char *name;   /* of a case; "all" */
	const char *policy; /* "agkeeper", "published"; NULL: both */
	uint64_t first;
	int seeds, jobs;
	bool one, limits; /* one seed, with its timeline; "ok" and "FAIL" lines instead of the table */
};
/* 0: everything was measured, and, with `limits`, kept. 2: there is no such case or policy. */
int compare_run(const struct options_of_compare *options);

#endif
