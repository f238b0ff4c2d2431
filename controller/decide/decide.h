/* Decide: from what is seen, what is to be done. Pure: no I/O, no clock, no globals; the same arguments give the same
 * plan. The parts run in the order of the table in decide.c, and each appends to the plan:
 *
 *   lifecycle   finalizer, Secrets, children, halting, deletion
 *   bootstrap   servers, the group, joining
 *   promotion   judging the primary, the intent, fence, count, choose, promote, settle
 *   set         the synchronous set and the required number, in step with the record
 *   ladder      bringing a replica back
 *   databases   created, backed up, added; kubedb_system
 *   settings    access modes, endpoint addresses, replicas added and removed, DB_FAILOVER
 *   rollout     rolling updates, cordoned nodes
 *   volumes     ops requests: volumes that grow
 *   labels      the role on each pod
 *   report      status, conditions, Events
 *
 * While a promotion is under way only promotion, labels and report speak for the servers. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_DECIDE_H
#define AGKEEPER_CONTROLLER_DECIDE_DECIDE_H

#include "controller/decide/plan.h"
#include "controller/decide/record.h"
#include "controller/decide/view.h"

enum { STEP_SEATED, STEP_RESEAT, STEP_ENDPOINT, STEP_BOTH_ENDPOINTS, STEP_BOTH_AGAIN, STEP_REJOIN, STEP_GIVEN_UP };

/* What one decision leaves for the next. Losing it (a restart) delays, and never harms. Zero-initialise it. */
struct scratch {
	/* The primary. */
	int64_t unwell_since;  /* 0: it is well */
	int64_t well_since;    /* after it was unwell: since when it is well again */
	int64_t primary_since; /* since when the present one is PRIMARY, as far as we saw */
	int64_t epoch;         /* of which */
	char container[80];    /* in which it was last seen as PRIMARY */
	/* The promotion. */
	int64_t intent_seen;     /* when the open intent was first seen */
	int64_t countable_since; /* since when somebody may be promoted */
	int64_t target_since;    /* since when the target is recorded */
	int64_t loose_epoch;     /* whose promotion was not of strict mode; 0: not known of any */
	int old_refusals;        /* FAILOVERs that failed on it before, under another intent */
	/* A replica that is raised to synchronous commit for a hand-over of an asynchronous group. */
	char raised[64];
	int64_t raised_until;
	int64_t wanted_since;  /* annotation agkeeper.dev/primary */
	int64_t leaving_since; /* annotation agkeeper.dev/hand-over */
	/* Before there is a record: since when servers have the group and none is its primary; 0: not so. */
	int64_t leaderless_since;
	/* Of the synchronous set: the primary's end of log, read after the required number was raised. */
	bool has_baseline;
	uint64_t baseline_of; /* hash of the configuration that it was read under */
	size_t baseline_count;
	struct {
		char id[40]; /* group_database_id */
		struct sql_lsn end;
	} baseline[RECORD_DATABASES_MAX];
	/* By place in view.replicas; scratch_of says whose. */
	struct replica_scratch {
		char pod[64];
		int64_t unsynchronized_since; /* 0: it is synchronized, or not expected to be */
		int step;                     /* of the ladder */
		int64_t step_at;
		int64_t lost_since;   /* the primary does not see it; 0: it does */
		int64_t flowed_epoch; /* in which the primary last had it */
		int64_t met_epoch;    /* in which the ladder last saw it connected */
		int64_t cycled_epoch; /* in which its endpoint was restarted when the primary was stable */
		int64_t joined_epoch; /* in which the primary's was, since a JOIN had come to nothing */
		int64_t stale_since;  /* says PRIMARY and is not the recorded one; 0: it does not */
		int64_t offline_at;   /* when it was told OFFLINE last */
		int64_t seated_at;    /* when it was told SET (ROLE = SECONDARY) last */
		int latched;          /* failures with Msg 41104 that the drop has dealt with */
		bool refused;         /* Msg 41142 in this intent */
	} replicas[2 * REPLICAS_MAX];
	int64_t grown_at;    /* when volumes were last seen growing: what servers told before is about smaller ones */
	int64_t reported_at; /* when the report was last written for its numbers' sake alone */
	int64_t handed_over_at; /* the last planned hand-over: not another at once */
	uint64_t said;          /* hash of Events already emitted for a state that lasts */
	uint64_t told[16];      /* … of others, one by one; the oldest makes room */
	unsigned told_count;
};

/* Appends to *plan (zero-initialised by the caller) and brings *scratch forward. */
void decide(const struct view *view, struct scratch *scratch, struct plan *plan);

/* How many pods must stay although the object may ask for fewer: up to the last one that is still recorded as a member
 * or primary; 0: none. It is what children_of wants in its surroundings. */
int64_t pods_kept(const struct spec *spec, const struct record *record);

#endif
