/* The protocol's memory, kept in the object's status and written by compare-and-swap only: what must survive the
 * controller, so that its successor goes on where it stopped (docs/failover.md).
 *
 * What it means: every acknowledged commit is on at least `required` members of the synchronous set beside the primary.
 * The record is never more confident than the truth: it is loosened before the servers are, and tightened after. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_RECORD_H
#define AGKEEPER_CONTROLLER_DECIDE_RECORD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "controller/decide/spec.h"

enum { HISTORY_MAX = 10, RECORD_DATABASES_MAX = 100 };

/* The same pod with another incarnation has another volume: it holds nothing of what was recorded of the first. */
struct member {
	const char *pod;
	const char *incarnation; /* uid of its volume's claim, or of the pod where data goes with it */
};

struct recorded_database {
	const char *name;
	const char *id; /* group_database_id */
};

enum intent_kind {
	INTENT_NONE,
	INTENT_FAILOVER, /* the primary is lost */
	INTENT_HAND_OVER /* planned: from a primary that is well */
};

/* A promotion under way. With no target yet, members are being fenced and counted; with a target, FAILOVER may have
 * been sent to it. */
struct intent {
	enum intent_kind kind;
	const char *target;  /* pod; "": not chosen yet */
	const char *wanted;  /* INTENT_HAND_OVER: the only one that may be chosen; "": any */
	const char *reason;  /* "PodDeleted", "PrimarySilent", "Requested" …: CamelCase */
	const char *message; /* for people */
	int64_t started_us;  /* wall clock, microseconds since 1970 */
	int required;        /* r when it was opened: what the old primary has promised */
	bool forces;         /* a person allowed data loss for the target (annotation), once */
};

/* One row of status.failovers: the last ten, newest first. */
struct failover_row {
	const char *from, *to, *reason, *kind; /* kind: "Failover" or "HandOver" */
	int64_t started_us, finished_us;
	bool lost_nothing; /* false only where a person allowed data loss */
};

struct record {
	bool is_initialized;   /* the group was created: never again */
	const char *group_id;  /* sys.availability_groups; "" before */
	int64_t epoch;         /* promotions so far, the creation being the first */
	int64_t generation;    /* claimed last: who acts raises it on the servers before anything else */
	const char *holder;    /* identity that claimed it */
	struct member primary; /* pod "": not known (adopted without a record) */
	size_t member_count;   /* of S, the primary among them */
	struct member members[REPLICAS_MAX];
	int required; /* r */
	size_t database_count;
	struct recorded_database *databases;
	struct intent intent;
	size_t failover_count;
	struct failover_row failovers[HISTORY_MAX];
};

/* Reads the record out of an object's status (NULL: none yet: an empty record). Texts are borrowed from `status`, lists
 * live in `arena`. ERROR_INVALID: somebody else wrote what is there; nothing may be done on the strength of it. */
int record_read(const struct json_object *status, struct arena *arena, struct record *record, struct error **err);
/* Sets status.availabilityGroup (and the fields of status that repeat it: primaryReplica, failovers,
 * initializationComplete is the report's) in `status`. */
void record_write(const struct record *record, struct json_object *status);
bool record_equal(const struct record *a, const struct record *b);

/* The place in members, -1 when it is none; with the incarnation unless NULL. */
int record_find(const struct record *record, const char *pod, const char *incarnation);
void record_add_member(struct record *record, const struct member *member);
void record_remove_member(struct record *record, const char *pod);
/* Puts a row first and drops the eleventh. */
void record_add_failover(struct record *record, const struct failover_row *row);

#endif
