/* Inside the report: what its parts share. They run in the order in which they stand here; each writes its members of
 * `status`, which begins as a copy of the status that is there, so that what others wrote stays. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_REPORT_H
#define AGKEEPER_CONTROLLER_DECIDE_REPORT_H

#include "controller/decide/deciding.h"

/* From where the replicas' states are known. */
enum sight {
	SIGHT_PRIMARY, /* the primary tells of all of them; a standalone server of itself */
	SIGHT_LOCAL,   /* there is no primary: each tells of itself */
	SIGHT_NONE     /* for a moment nobody tells (between a change and the next answer, or during a promotion): what
	                * was reported stays */
};

struct report_row {
	const struct replica_view *replica;
	bool is_counted;      /* of spec.replicas */
	bool is_synchronized; /* or synchronizing, where more is not asked for */
	const char *trouble;  /* what keeps it from serving, for people; NULL: nothing */
};

struct report {
	struct deciding *deciding;
	const struct view *view;
	const struct spec *spec;
	const struct record *next;
	const struct json_object *old; /* the status that is there; NULL: none */
	struct json_object *status;    /* as it shall be */
	const char *now;               /* RFC 3339 */

	enum sight sight;
	const struct replica_view
	        *primary;            /* the recorded one (standalone: the server), whatever it does; NULL: none */
	const char *primary_trouble; /* why it does not serve; NULL: it does, or that is not known now */
	size_t row_count;
	struct report_row rows[2 * REPLICAS_MAX];
	size_t synchronized, counted;
};

/* report_look.c: what each replica does. */
void report_look(struct report *report);
/* A promotion is under way, or begins with this very decision. */
bool report_is_promoting(const struct report *report);
/* What keeps the pod, or the server in it, from serving; NULL: nothing that is known. */
const char *report_server_trouble(struct report *report, const struct replica_view *replica);
/* The servers that are in trouble, each with it: "sales-1: …; sales-2: …". "" when none is. */
const char *report_troubles(struct report *report);

/* report_rows.c: replicaStatuses, synchronized, replicas, selector. */
void report_rows(struct report *report);

/* report_storage.c */
struct volume_use {
	const struct replica_view *replica; /* whose volume is fullest; NULL: nobody told */
	int percent;
	int64_t total; /* bytes */
	bool is_full;  /* SQL Server says so, or nothing is left of it */
	bool primary_is_full;
	bool is_unknown; /* some replica did not tell */
};
struct volume_use report_volume_use(struct report *report);

/* ---- report_conditions.c: the conditions, as a table ---- */

enum verdict_state {
	VERDICT_ABSENT, /* the condition is not there */
	VERDICT_KEEP,   /* as it was: for a moment nobody can tell */
	VERDICT_FALSE,
	VERDICT_TRUE
};
struct verdict {
	enum verdict_state state;
	const char *reason, *message;
};

struct condition_event {
	const char *reason; /* NULL: no Event */
	bool warns;
};

struct condition_row {
	const char *type;
	bool is_exception; /* shown from when it is first True */
	bool is_rule;      /* expected to be True: shown from when it is first False */
	bool of_groups;    /* not of a standalone server */
	bool counts;       /* its message tells of numbers: written as seldom as those */
	bool weighs;       /* `judge` weighs what parts have found; else it is asked when they found nothing */
	struct verdict (*judge)(struct report *report);
	struct condition_event when_true, when_false; /* the Event of becoming it */
	const char *const *quiet;                     /* reasons that cause no Event; NULL-terminated, or NULL */
	const char *doc;                              /* what it means, True and False */
	const char *advice;                           /* what to do about it */
};
extern const struct condition_row condition_rows[]; /* ends with type NULL */

/* conditions and initializationComplete. */
void report_conditions(struct report *report);
/* What the parts of the decision have found; false: nothing. */
bool report_found(struct report *report, const char *type, struct verdict *verdict);
/* A condition of a status; NULL: there is none. */
const struct json_object *report_condition(const struct json_object *status, const char *type);
bool report_is_true(const struct json_object *status, const char *type);

/* The judges of report_ready.c. */
struct verdict judge_ready(struct report *report);
struct verdict judge_initialized(struct report *report);
/* The others, of report_judges.c. */
struct verdict judge_as_it_was(struct report *report);
struct verdict judge_replicas_synchronized(struct report *report);
struct verdict judge_protected(struct report *report);
struct verdict judge_failover_blocked(struct report *report);
struct verdict judge_rollout_complete(struct report *report);
struct verdict judge_paused(struct report *report);
struct verdict judge_halted(struct report *report);
struct verdict judge_storage_full(struct report *report);
struct verdict judge_storage_pressure(struct report *report);
struct verdict judge_certificate_issuer(struct report *report);
struct verdict verdict_of(struct report *report, bool is_true, const char *reason, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* ---- report_phase.c: the phases, as a table ---- */

struct phase_row {
	const char *kind;  /* struct kind's name */
	const char *phase; /* as the kind's field table allows it */
	bool (*applies)(struct report *report);
	const char *doc;
};
extern const struct phase_row phase_rows[]; /* the first of the kind that applies; ends with kind NULL */
void report_phase(struct report *report);

/* report_events.c: one for every change of substance between `old` and `status`. (What a promotion does is told by the
 * promotion.) */
void report_events(struct report *report);

/* Whether the kind's status has such a field. */
bool report_has_field(const struct report *report, const char *name);

/* report_text.c */

/* Joins with "; ": appends to `list`, which lives as long as the plan. */
const char *report_join(struct report *report, const char *list, const char *more);
/* "8.5Gi" */
const char *report_bytes(struct report *report, int64_t bytes);
/* What a person types to make the volumes larger, in one line. */
const char *report_how_to_grow(struct report *report, int64_t bytes_now);
/* "sqlag" or "ms": for commands in messages. */
const char *report_short_name(const struct report *report);

#endif
