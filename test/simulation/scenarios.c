#include "simulation/scenarios.h"

#include <string.h>

#define P WHO_PRIMARY
#define S WHO_SECONDARY
enum { STRICT = -1 };

const struct scenario scenarios[] = {
	{ "tighten-before-hardened",
	  "1: a member comes back and counts before it has hardened what was committed before",
	  3, 0, 1, STRICT, 1,
	  { { "kill", 0, 0, 0, 2, 0 }, { "slow-disk", 200, 3000, 20000, 2, 0 }, { "kill", 2000, 14000, 0, P, 0 },
	    { "cut-off", 2000, 14000, 15000, 1, 0 } } },
	{ "stalled-leader",
	  "2: a stalled leader's statements arrive after its successor acted",
	  3, 0, 1, STRICT, 2,
	  { { "cut-controllers", 0, 3000, 12000, P, 0 }, { "kill", 500, 3000, 0, S, 0 },
	    { "freeze-controller", 1000, 5000, 30000, 0, 0 }, { "kill", 16000, 16000, 0, P, 0 } } },
	{ "stalled-leader-relaxed",
	  "2: the same where one answer more decides",
	  3, 0, 1, 1, 2,
	  { { "cut-controllers", 0, 3000, 12000, P, 0 }, { "kill", 500, 3000, 0, S, 0 },
	    { "freeze-controller", 1000, 5000, 30000, 0, 0 }, { "kill", 16000, 16000, 0, P, 0 } } },
	{ "fenced-restarts",
	  "3: a fenced secondary restarts and acknowledges to the old primary again before the promotion",
	  3, 0, 1, STRICT, 1,
	  { { "cut-controllers", 0, 500, 40000, P, 0 }, { "kill", 9000, 3000, 0, 1, 0 }, { "kill", 9000, 3000, 0, 2, 0 } } },
	{ "fenced-restarts-relaxed",
	  "3: the same, relaxed",
	  5, 0, 1, 1, 1,
	  { { "cut-controllers", 0, 500, 40000, P, 0 }, { "kill", 9000, 3000, 0, 1, 0 }, { "kill", 9000, 3000, 0, 2, 0 } } },
	{ "holder-emptied",
	  "4: the holder's volume is deleted and the empty replica answers",
	  3, 0, 1, 1, 1,
	  { { "cut-pair", 0, 1000, 8000, 0, 2 }, { "lose-volume", 9000, 8000, 0, 1, 0 }, { "kill", 9000, 10000, 0, P, 0 } } },
	{ "holder-rejoins",
	  "4: a holder is dropped and rejoined just before the primary dies",
	  3, 0, 1, STRICT, 1,
	  { { "cut-pair", 0, 1000, 60000, 0, 1 }, { "node-down", 40000, 20000, 20000, P, 0 } } },
	{ "older-copy",
	  "5: the promoted replica's own copy of the configuration is older than the record",
	  3, 0, 1, STRICT, 1,
	  { { "cut-pair", 0, 500, 12000, 0, 1 }, { "kill", 300, 3000, 0, 2, 0 }, { "node-down", 4000, 9000, 30000, 0, 0 } } },
	{ "old-primary-returns",
	  "6: the old primary returns with a longer log that was never acknowledged",
	  3, 0, 1, STRICT, 1,
	  { { "cut-off", 0, 1000, 25000, P, 0 } } },
	{ "old-primary-restarts",
	  "6: … after a restart, the configuration reaches it before or after it reverts",
	  3, 0, 1, STRICT, 1,
	  { { "cut-off", 0, 1000, 18000, 0, 0 }, { "kill", 16000, 4000, 0, 0, 0 } } },
	{ "reply-lost",
	  "7: the reply to FAILOVER is lost and a second target might be chosen",
	  3, 0, 1, STRICT, 1,
	  { { "kill", 0, 0, 0, P, 0 }, { "cut-answers", 0, 60, 9000, 1, 0 }, { "cut-answers", 0, 60, 9000, 2, 0 },
	    { "kill-controller", 0, 6000, 1000, 0, 0 } } },
	{ "lives-on",
	  "8: a force-deleted pod's process lives on, cut off from all but one secondary",
	  3, 0, 1, STRICT, 1,
	  { { "zombie", 0, 1000, 40000, P, 1 } } },
	{ "lives-on-relaxed",
	  "8: the same, relaxed: one secondary is enough for it",
	  3, 0, 1, 1, 1,
	  { { "zombie", 0, 1000, 40000, P, 1 } } },
	{ "only-the-old-primary-returns",
	  "9: all die and only the old primary returns",
	  3, 0, 2, STRICT, 1,
	  { { "only-one-returns", 0, 1000, 30000, P, 0 } } },
	{ "only-one-survives",
	  "10: only one of three survives",
	  3, 0, 1, STRICT, 1,
	  { { "all-but-one", 0, 1000, 30000, S, 0 } } },
	{ "only-one-survives-relaxed",
	  "10: relaxed it waits for another, and goes on by itself",
	  3, 0, 1, 1, 1,
	  { { "all-but-one", 0, 1000, 30000, S, 0 } } },
	{ "one-after-the-other",
	  "10: three lose two, one after the other",
	  3, 0, 1, STRICT, 1,
	  { { "node-down", 0, 1000, 40000, P, 0 }, { "node-down", 12000, 6000, 28000, P, 0 } } },
	{ "secondary-and-controller",
	  "11: a secondary dies, and the controller with it",
	  3, 0, 1, STRICT, 1,
	  { { "node-down", 0, 50, 40000, S, 0 }, { "kill-controller", 0, 4000, 15000, 0, 0 }, { "kill", 5000, 20000, 0, P, 0 } } },
	{ "differing-positions",
	  "12: the highest LSN differs per database",
	  3, 0, 2, 1, 1,
	  { { "cut-one-way", 0, 2000, 6000, 0, 1 }, { "cut-one-way", 1000, 3000, 6000, 0, 2 }, { "slow-disk", 0, 2000, 9000, 1, 0 },
	    { "kill", 3000, 4000, 0, P, 0 } } },
	{ "api-away",
	  "13: the API server is away for minutes while replicas fail",
	  3, 0, 1, STRICT, 2,
	  { { "api-down", 0, 500, 120000, 0, 0 }, { "kill", 1000, 60000, 0, P, 0 }, { "kill", 1000, 60000, 0, S, 0 },
	    { "freeze", 1000, 60000, 30000, S, 0 } } },
	{ "two-controllers",
	  "14: two controllers, clocks 30 s apart, one of which has lost the API",
	  3, 0, 1, STRICT, 2,
	  { { "lone-leader", 0, 500, 40000, 0, 0 }, { "kill", 5000, 15000, 0, P, 0 }, { "hand-over", 16000, 10000, 0, S, 0 } } },
	{ "rolling-update",
	  "15: a rolling update is under way when the primary dies",
	  3, 0, 1, STRICT, 1,
	  { { "roll", 0, 0, 0, 0, 0 }, { "kill", 0, 20000, 0, P, 0 }, { "kill-controller", 0, 20000, 3000, 0, 0 } } },
	{ "deleted-gracefully",
	  "planned: the primary is deleted, drained, cordoned",
	  3, 0, 1, STRICT, 1,
	  { { "delete", 0, 1000, 0, P, 0 }, { "cordon", 20000, 1000, 15000, P, 0 } } },
	{ "frozen-primary",
	  "the primary stands still; its peers and its port do not notice",
	  3, 0, 1, STRICT, 1,
	  { { "freeze", 0, 1000, 40000, P, 0 } } },
	{ "flapping",
	  "the primary comes and goes",
	  3, 0, 1, STRICT, 1,
	  { { "freeze", 0, 500, 6000, 0, 0 }, { "freeze", 8000, 500, 6000, 0, 0 }, { "freeze", 16000, 500, 6000, 0, 0 },
	    { "freeze", 24000, 500, 6000, 0, 0 } } },
	{ "asynchronous-group",
	  "an asynchronous primary is handed over, then lost: it is waited for",
	  3, 3, 1, STRICT, 1,
	  { { "hand-over", 0, 1000, 0, 1, 0 }, { "kill", 10000, 10000, 0, P, 0 } } },
	{ "person-forces",
	  "a person allows data loss: once, for the replica that they name",
	  3, 0, 1, 1, 1,
	  { { "only-one-survives-for-good", 0, 0, 0, 1, 0 }, { "allow-data-loss", 20000, 1000, 0, 1, 0 } } },
};
const size_t scenario_count = ARRAY_LENGTH(scenarios);

const struct scenario *scenario_find(const char *name) {
	for (size_t i = 0; i < scenario_count; i++)
		if (strcmp(scenarios[i].name, name) == 0) return &scenarios[i];
	return NULL;
}

void scenario_draw(const struct scenario *scenario, uint64_t seed, struct run *run) {
	struct dice dice = { seed };
	*run = (struct run){ .seed = seed, .scenario = scenario->name };
	run->configuration = (struct configuration){ .replicas = scenario->replicas,
		                                     .databases = scenario->databases,
		                                     .required = scenario->required,
		                                     .silence_s = 10,
		                                     .settings = sim_settings_fast(),
		                                     .controllers = scenario->controllers,
		                                     .clients = CLIENTS,
		                                     .write_every = 200 * MILLISECOND,
		                                     .watch_lag_ms = 5,
		                                     .has_webhook = true };
	for (int i = 0; i < scenario->replicas; i++)
		run->configuration.synchronous[i] = i < scenario->replicas - scenario->asynchronous;
	for (size_t i = 0; i < SCENARIO_FAULTS && scenario->faults[i].fault != NULL; i++) {
		struct fault *fault = &run->faults[run->fault_count++];
		*fault = (struct fault){ .kind = fault_kind(scenario->faults[i].fault),
			                 .span = scenario->faults[i].span_ms * (int64_t)MILLISECOND,
			                 .a = scenario->faults[i].a,
			                 .b = scenario->faults[i].b };
		fault->at = (scenario->faults[i].at_ms + dice_below(&dice, scenario->faults[i].jitter_ms + 1)) *
		            (int64_t)MILLISECOND;
		if (fault->at + fault->span > run->length) run->length = fault->at + fault->span;
	}
}
