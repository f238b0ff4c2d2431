/* For comparison: the policy that the authors of sql-on-k8s-operator have published for their operator, as a second
 * decide: the same view in, the same plan out, as pure. Nothing of it is their code. It is made of what they wrote
 * about it, and has what matters here: who is promoted when, when labels follow, and the ladder of a replica that does
 * not synchronize. It neither makes a group nor keeps a record, a fence or a required number.
 *
 * Sources, as the comments in published_policy.c name them:
 *   [S]      "Walking Through an Unplanned Failover" (nocentino.com, 2026-04-19)
 *   [F L…]   field notes, docs/LESSONS.md of nocentino/sql-on-k8s-operator, by their numbers
 *   [F R]    its README.md, section Automatic Failover
 *   [F E]    the notes of its test with a frozen server (SIGSTOP)
 * Where they differ, or say nothing, what is faster is taken. */
#ifndef SIMULATION_PUBLISHED_POLICY_H
#define SIMULATION_PUBLISHED_POLICY_H

#include "base/strbuf.h"
#include "controller/decide/plan.h"
#include "controller/decide/view.h"

/* What it remembers: in the object's status or in the process. Zero-initialise it. Times are view.now; 0: not yet. */
struct published {
	char primary[64];       /* the pod that is recorded as primary */
	char uid[64];           /* of that pod, when it last said PRIMARY */
	int64_t headless_at;    /* when a group without a primary will have been noticed */
	int64_t not_ready_at;   /* the threshold's timer */
	char target[64];        /* FAILOVER was sent to it … */
	int64_t asked_at;       /* … then */
	int64_t labels_at;      /* not before: the pass is still asking servers */
	int64_t reconcile_at;   /* the next pass over the replicas */
	size_t step_count;      /* of endpoints that are being restarted */
	struct published_step { /* STOP_ENDPOINT, START_ENDPOINT */
		int64_t at;
		enum action_type type;
		char pod[64];
	} steps[8];
	struct published_replica {
		char pod[64];
		int64_t stuck_since, seated_at, latched_since, offline_at;
		bool restarted;
	} replicas[2 * REPLICAS_MAX];
};

void published_decide(const struct view *view, struct published *memory, struct plan *plan);

/* The batch of an action in such a plan: the statement alone. */
int published_statement(const struct action *action, const struct spec *spec, struct strbuf *text, struct error **err);

#endif
