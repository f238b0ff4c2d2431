/* What the model does not know for certain, and how long things take: two tables, each row documented and switchable.
 *
 * Timings have a fast value (tests, demos) and the published one (what people measured on real servers). Assumptions
 * are behaviours that no source settles, or that sources describe differently: each has a default, and the position
 * that is worse for whoever relies on the server. The protocol on top must hold in all of them. */
#ifndef SIMSQL_SETTINGS_H
#define SIMSQL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off */
#define SIM_TIMINGS(X) /* name, fast, published (milliseconds), meaning */ \
	X(startup,            0,     15000, "start of the process until logins are taken (observed: 10 to 30 s)") \
	X(promotion,          20,    40,    "FAILOVER until the role is PRIMARY (error logs: 40 ms)") \
	X(heartbeat,          1000,  1000,  "between two messages of an idle replica session") \
	X(join_timeout,       10000, 300000, "JOIN waits this long for a primary's configuration, then Msg 47106 (documented: 5 minutes)") \
	X(seeding,            20,    3000,  "automatic seeding of an empty database") \
	X(seeding_per_mb,     0,     20,    "added for each MB that is seeded") \
	X(catchup_check,      5,     200,   "seeding manager finds that the files are there and only the log is missing") \
	X(revert,             5,     1000,  "undoing log that the new primary does not have") \
	X(diagnostics,        5000,  5000,  "first answer of sp_server_diagnostics on a healthy server") \
	X(latch_window,       0,     10000, "a former primary connecting to a primary younger than this latches (Msg 41104); 0: never") \
	X(latch,              0,     840000, "how long the latch holds when left alone (observed: 14 minutes)") \
	X(transport_cache,    0,     840000, "how long a broken replica session stays cached on both sides; 0: not at all") \
	X(transport_stable,   0,     30000, "cycling endpoints cures a cached session only when the primary's role is older than this") \
	X(reseat,             0,     20000, "SET (ROLE = SECONDARY) without a primary: a FAILOVER waits behind its recovery this long")

#define SIM_ASSUMPTIONS(X) /* name, default, worse, meaning */ \
	X(failover_with_endpoint_stopped, 1, 0, "FAILOVER works while the local mirroring endpoint is stopped (0: Msg 41144)") \
	X(configure_while_unmet,          1, 0, "MODIFY REPLICA, SET and ADD work while fewer secondaries are synchronized than required (0: Msg 988, except lowering the number)") \
	X(lone_survivor_writes,           1, 0, "a primary without any connected secondary takes writes at REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 0 in a group of three (0: read-only, as the documentation's table has it)") \
	X(stopped_endpoint_stays,         1, 0, "a stopped endpoint is still stopped after a restart (0: it is started again)") \
	X(drop_needs_majority,            0, 1, "removing a replica waits until a majority has the new configuration") \
	X(configuration_needs_majority,   0, 1, "every change of the configuration waits until a majority has it") \
	X(restarted_primary_resumes,      0, 1, "a restarted primary comes back PRIMARY (documentation) instead of RESOLVING (observed)") \
	X(commit_waits_below_required,    0, 1, "commits wait (1) instead of failing (0) while fewer secondaries are synchronized than required") \
	X(reset_noticed,                  0, 0, "a refused or reset connection ends the replica session at once (0: after the session timeout only)") \
	X(old_primary_steps_down,         0, 0, "a primary that a newer primary contacts becomes RESOLVING by itself (0: it keeps saying PRIMARY, as observed)") \
	X(older_configuration_accepted,   1, 0, "a re-seated secondary follows a primary whose configuration is older than its own (0: it stays disconnected)") \
	X(resolving_follows,              0, 0, "a RESOLVING replica becomes SECONDARY by itself when a primary contacts it") \
	X(suspend_while_resolving,        1, 0, "SET HADR SUSPEND works while the replica is RESOLVING (0: Msg 983)") \
	X(offline_works,                  1, 0, "OFFLINE succeeds (0: it fails with Msg 41131 and the role stays)") \
	X(stale_readiness,                1, 1, "a secondary that lost its primary still takes itself for synchronized, whatever the primary decided meanwhile (0: it forgets at its own session timeout)")
/* clang-format on */

enum sim_timing {
#define X(name, fast, published, meaning) SIM_TIMING_##name,
	SIM_TIMINGS(X)
#undef X
	        SIM_TIMING_COUNT
};

enum sim_assumption {
#define X(name, otherwise, worse, meaning) SIM_ASSUME_##name,
	SIM_ASSUMPTIONS(X)
#undef X
	        SIM_ASSUMPTION_COUNT
};

struct sim_settings {
	int64_t timings[SIM_TIMING_COUNT]; /* microseconds of model time */
	bool assumptions[SIM_ASSUMPTION_COUNT];
};

struct sim_setting_row {
	const char *name;
	int64_t usual, other; /* timings: fast, published (microseconds); assumptions: default, worse */
	const char *meaning;
};
extern const struct sim_setting_row sim_timing_rows[SIM_TIMING_COUNT];
extern const struct sim_setting_row sim_assumption_rows[SIM_ASSUMPTION_COUNT];

/* Fast timings, default assumptions. */
struct sim_settings sim_settings_fast(void);
/* Published timings, default assumptions. */
struct sim_settings sim_settings_published(void);
/* Puts every assumption in its worse position. */
void sim_settings_worst(struct sim_settings *settings);
/* Sets one row by name: timings in milliseconds, assumptions 0 or 1. False when there is no such row. */
bool sim_settings_set(struct sim_settings *settings, const char *name, int64_t value);

#endif
