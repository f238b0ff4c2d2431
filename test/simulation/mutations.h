/* Safety rules broken on purpose, each on the simulation's side of the boundary: what the controller wants or sees is
 * changed on its way (misdeeds.c). The simulation has to find every one of them, or it finds nothing. */
#ifndef SIMULATION_MUTATIONS_H
#define SIMULATION_MUTATIONS_H

#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
#define MUTATIONS(X) /* name, scenario that shows it (NULL: any run), a seed that does, seeds within which it must be found whatever changes, what is broken */ \
	X(none, NULL, 0, 0, "nothing") \
	X(no_fence, "fenced-restarts-relaxed", 2, 400, "STOP ENDPOINT is never sent; the controller is told that it was") \
	X(no_generation, "late-number-of-another", 1, 2000, "batches run whatever generation is in force on the server") \
	X(no_raise, "late-number-of-another", 1, 100, "a generation is claimed in the record and raised on no server") \
	X(no_claim, "late-number-of-another", 1, 100, "a new leader goes on under the generation of the one before") \
	X(no_loose, "late-number", 1, 100, "what was given up as unanswered may land later, under the generation still in force") \
	X(no_cas, "late-status", 1, 2000, "the API server takes a status whatever resourceVersion it was made from") \
	X(lost_lease, "two-controllers", 2, 200, "a controller goes on acting when its lease is over") \
	X(stale_sight, "stale-answer", 1, 400, "answers that were asked for before our last change are shown") \
	X(stale_object, "stale-record", 1, 1000, "an object is shown that is older than our own last write") \
	X(impatient, "unknown-record", 7, 1000, "decisions go on while the record is being written") \
	X(no_count, "only-one-survives-relaxed", 1, 1000, "a promotion counts members that did not answer") \
	X(any_position, "one-lags", 1, 400, "relaxed: whoever counts is taken, without comparing what they hold") \
	X(dead_fork, "dead-fork", 1, 400, "positions are compared although they lie on different recovery forks") \
	X(one_database, "one-lags-in-one-database", 1, 1000, "a promotion looks at the first database only") \
	X(no_incarnation, "holder-restored", 1, 100, "a new volume is taken for the one that was recorded") \
	X(own_copy, "older-copy", 1, 1000, "a promoted replica's own copy of the configuration is taken to be as new as the record") \
	X(adopt_relaxed, "promoted-by-hand", 1, 400, "relaxed: a replica that somebody made PRIMARY is followed") \
	X(no_suspension, "seen-by-its-peers", 2, 1000, "replicas follow again although an old primary may live on out of sight") \
	X(loosen_first, "secondary-and-controller", 2, 1000, "the required number is lowered on the primary long before the record says so") \
	X(add_first, "one-comes-and-another-goes", 1, 1000, "a member is made synchronous long before the record names it") \
	X(member_leaves, "one-lags-and-the-other-goes", 1, 1000, "a member leaves the record, and the promised number stays") \
	X(database_comes, "database-comes", 1, 1000, "a database joins the record, and the promised number stays") \
	X(tighten_first, "tighten-before-hardened", 1, 1000, "the record promises more before the primary requires it") \
	X(tighten_early, "rolling-update", 1, 1000, "the record is tightened before members have hardened what was committed before") \
	X(own_asynchronous, "asynchronous-hand-overs", 1, 400, "a primary that commits asynchronously is taken for a synchronous one") \
	X(force, "only-one-survives", 1, 100, "FORCE_FAILOVER_ALLOW_DATA_LOSS is sent in place of FAILOVER") \
	X(any_uid, "another-forces", 1, 100, "data loss that was allowed for another object is taken for this one's") \
	X(create_again, NULL, 1, 200, "the record forgets that the group was created")
/* clang-format on */

enum mutation {
#define X(name_, scenario_, seed_, seeds_, text_) MUTATION_##name_,
	MUTATIONS(X)
#undef X
	        MUTATION_COUNT
};
struct mutation_row {
	const char *name;
	const char *scenario;
	uint64_t seed;
	int seeds;
	const char *text;
};
extern const struct mutation_row mutation_rows[MUTATION_COUNT];

#endif
