/* Inside decide: what its parts share. `next` is the record as it shall be: parts change it, and the report writes it
 * with the rest of the status if it differs from the one that was read. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_DECIDING_H
#define AGKEEPER_CONTROLLER_DECIDE_DECIDING_H

#include "controller/decide/decide.h"

/* How the group stands, settled by promotion_judge before the other parts run. */
enum group_state {
	GROUP_NONE,      /* standalone, or no group yet */
	GROUP_STEADY,    /* the recorded primary is PRIMARY and answers; where lost_reason is given it is unwell, and
	                  * nobody may take its place */
	GROUP_SUSPECT,   /* it does not, or is unwell, and its time is not over; while scratch->unwell_since is 0 its
	                  * answer after a change of ours is awaited, and that is all */
	GROUP_PROMOTING, /* an intent is open */
	GROUP_BLOCKED,   /* … and cannot go on, or cannot even begin: `blocked` says for whom it waits */
	GROUP_DOWN       /* no primary, and no automatic failover */
};

/* One condition, as a part sees it. */
struct finding_row {
	const char *condition; /* "RolloutComplete" … */
	bool is_true;
	const char *reason, *message;
};

struct deciding {
	const struct view *view;
	const struct spec *spec;
	const struct record *record;
	struct scratch *scratch;
	struct plan *plan;
	struct record next;
	enum group_state state;
	const struct replica_view *primary; /* the recorded one while it answers as PRIMARY with the recorded
	                                     * incarnation; NULL otherwise */
	const char *lost_reason; /* what speaks against the recorded primary: "PrimarySilent" …, NULL: nothing */
	const char *lost_message;
	bool is_lost;              /* … and its time is over */
	bool may_live;             /* … but silent or unwell is all that is known of it */
	const char *blocked;       /* GROUP_BLOCKED: for people, with replicas and LSNs */
	bool servers_are_ours;     /* our generation is claimed in the record: fenced changes may be planned */
	int64_t newest_generation; /* beyond the record's, on a server: the record was lost, or our look is late */
	bool wants_generation;     /* a part has changes to make and the generation is not claimed: it will be, first */
	/* What parts report, beside what the report sees by itself: condition type → (status, reason, message). */
	size_t finding_count;
	struct finding_row findings[32];
};

void lifecycle_decide(struct deciding *deciding);
void bootstrap_decide(struct deciding *deciding);
void promotion_judge(struct deciding *deciding);
void promotion_decide(struct deciding *deciding);
void set_decide(struct deciding *deciding);
void ladder_decide(struct deciding *deciding);
void databases_decide(struct deciding *deciding);
void settings_decide(struct deciding *deciding);
void volumes_decide(struct deciding *deciding);
void labels_decide(struct deciding *deciding);
void rollout_decide(struct deciding *deciding);
void report_decide(struct deciding *deciding);

/* Asks for a planned hand-over: to `wanted`, or to the best replica where NULL. Opens the intent in `next` when a
 * target is ready, and prepares one (asynchronous groups) when none is: ask again in every pass for as long as it is
 * wanted. False: not yet, or not possible; `why` (may be NULL) then says so, for people. */
bool promotion_request_hand_over(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                                 const char **why);

/* What joins the group anew has no databases that could be suspended: not while, in relaxed mode, a former primary
 * might reach it that nobody sees (steady.c). */
bool may_join(const struct deciding *deciding, const struct replica_view *replica);

/* ---- helpers of all parts (deciding.c) ---- */

/* Plans a change on a server. A fenced one only while the generation is claimed and in force there: otherwise claiming
 * it, or raising it on that server, is planned instead. Not while the server is busy or the same failed a moment ago.
 * True when the change itself is in the plan. */
bool change_server(struct deciding *deciding, const struct replica_view *replica, const struct action *action);
/* A fenced change needs our generation in the record and on the server: true when it is; else claiming it, or raising
 * it there, is planned. change_server asks this itself, but for CREATE_GROUP. */
bool claim_server(struct deciding *deciding, const struct replica_view *replica);
/* Plans an action on the API, unless the same failed a moment ago. */
bool change_api(struct deciding *deciding, const struct action *action);
/* An Event; `warning`: not normal. */
void say(struct deciding *deciding, bool warning, const char *reason, const char *format, ...)
        __attribute__((format(printf, 4, 5)));
/* True once for what is `about` somebody in these words, among the last few: a write that is under way or refused is
 * decided anew in every pass, and its Event is wanted once. */
bool is_untold(struct deciding *deciding, const char *about, const char *words);
void find(struct deciding *deciding, const char *condition, bool is_true, const char *reason, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
/* find(), and an Event with the same words when it is news: when the condition that is stored says otherwise. What
 * follows a colon in the message is detail, which may change without being news; "True" is news only after "False". */
void find_news(struct deciding *deciding, bool warning, const char *condition, bool is_true, const char *reason,
               const char *format, ...) __attribute__((format(printf, 6, 7)));
/* Whether the condition is stored with this status ("True", "False"). */
bool condition_is_stored(const struct deciding *deciding, const char *condition, const char *status);
/* How an attempt at this went before; NULL: it did not fail. */
const struct attempt *attempt_of(const struct view *view, enum action_type type, const char *pod, const char *peer);

/* What the primary knows of a replica, in its own answer; NULL: nothing. */
const struct sql_replica_row *peer_row(const struct replica_view *primary, const char *pod);
/* Whether every recorded database of `pod` is SYNCHRONIZED (or at least `state`), in the primary's answer: joined, not
 * suspended, none missing. */
bool peer_databases_are(const struct deciding *deciding, const char *pod, enum sql_synchronization state);
/* The replica's own role, SQL_ROLE_UNKNOWN when it has not answered. */
enum sql_role role_of(const struct replica_view *replica);

#endif
