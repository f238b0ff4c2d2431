/* The attacks of the protocol (docs/failover.md) by name: faults at their times, give or take a seed's jitter. */
#ifndef SIMULATION_SCENARIOS_H
#define SIMULATION_SCENARIOS_H

#include "simulation/runs.h"

enum { SCENARIO_FAULTS = 6, FROM_THE_START = 16 };
struct scenario {
	const char *name, *attack;
	/* controllers: with FROM_THE_START faults begin with the bootstrap. */
	int replicas, asynchronous, databases, required, controllers; /* required -1: strict */
	struct {
		const char *fault;
		int at_ms, jitter_ms, span_ms, a, b;
	} faults[SCENARIO_FAULTS];
};
extern const struct scenario scenarios[];
extern const size_t scenario_count;
const struct scenario *scenario_find(const char *name);
void scenario_draw(const struct scenario *scenario, uint64_t seed, struct run *run);

#endif
