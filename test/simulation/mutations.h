/* Safety rules broken on purpose, each on the simulation's side of the boundary: what the controller wants or sees is
 * changed on its way. The simulation has to find every one of them, or it finds nothing. */
#ifndef SIMULATION_MUTATIONS_H
#define SIMULATION_MUTATIONS_H

#include <stdbool.h>

/* clang-format off */
#define MUTATIONS(X) /* name, scenario that shows it (NULL: any run), seeds within which it must be found (0: other rules cover it in all that was tried), what is broken */ \
	X(none, NULL, 0, "nothing") \
	X(no_fence, "fenced-restarts-relaxed", 400, "STOP ENDPOINT is never sent; the controller is told that it was") \
	X(no_generation, "stalled-leader", 2000, "batches run whatever generation is in force on the server") \
	X(no_cas, "late-status", 2000, "the API server takes a status whatever resourceVersion it was made from") \
	X(lost_lease, "two-controllers", 200, "a controller goes on acting when its lease is over") \
	X(no_count, "only-one-survives-relaxed", 1000, "a promotion counts members that did not answer") \
	X(loosen_first, "secondary-and-controller", 1000, "the required number is lowered on the primary long before the record says so") \
	X(tighten_early, "tighten-before-hardened", 1000, "the record is tightened before members have hardened what was committed before") \
	X(stale_sight, "stalled-leader", 2000, "answers that were asked for before our last change are shown") \
	X(no_incarnation, "holder-emptied", 0, "a new volume is taken for the one that was recorded") \
	X(no_loose, "late-change", 0, "what was given up as unanswered may land later, under the generation still in force") \
	X(force, NULL, 1000, "FORCE_FAILOVER_ALLOW_DATA_LOSS is sent when FAILOVER was refused or lost once") \
	X(create_again, NULL, 200, "the record forgets that the group was created")
/* clang-format on */

enum mutation {
#define X(name_, scenario_, seeds_, text_) MUTATION_##name_,
	MUTATIONS(X)
#undef X
	        MUTATION_COUNT
};
struct mutation_row {
	const char *name;
	const char *scenario;
	int seeds;
	const char *text;
};
extern const struct mutation_row mutation_rows[MUTATION_COUNT];

#endif
