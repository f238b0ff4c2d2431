/* Inside the promotion: what its sources share (docs/failover.md).
 *
 *   judge.c      how the recorded primary is: evidence, and how much time it has
 *   positions.c  what a replica holds: fenced, complete, ahead of others; what its configuration guarantees
 *   choose.c     counting the fenced members, and whom to take
 *   target.c     the target: what FAILOVER has come to, and how it is sent
 *   promotion.c  the table of states and transitions, and what each transition writes
 *   settle.c     the new primary on record
 *   steady.c     after it: endpoints started again, stale primaries set right
 *   request.c    planned hand-overs: who asks, and when they are opened */
#ifndef AGKEEPER_CONTROLLER_DECIDE_PROMOTION_H
#define AGKEEPER_CONTROLLER_DECIDE_PROMOTION_H

#include "controller/decide/deciding.h"

enum {
	SOON_MS = 50, /* while a promotion goes on: its answers come within milliseconds */
	WHILE_BLOCKED_MS = 1000
};

/* ---- judge.c ---- */

/* What speaks against the primary. A table (judge.c), for the diagram in docs/ too. */
struct evidence_row {
	const char *reason; /* of the intent, the Event and the condition */
	bool (*is_given)(const struct deciding *deciding, const struct replica_view *primary);
	bool at_once; /* it is dead; else merely silent or unwell, and has spec.silence_ms */
	const char *message;
};
extern const struct evidence_row evidence_rows[];
extern const size_t evidence_row_count;

/* Its process is gone, as far as Kubernetes tells: without waiting for anything. NULL: there is no such replica. */
bool is_gone(const struct replica_view *replica);
/* The old primary runs in another container than the one we knew it in, and has not answered from there. */
bool is_started_anew(const struct deciding *deciding, const struct replica_view *primary);
/* The recorded primary, if it still is the recorded incarnation; NULL otherwise. */
const struct replica_view *recorded_primary(const struct deciding *deciding);
/* A primary that may well live is replaced only where that can succeed, else its replicas would be fenced for nothing:
 * whether enough members beside it answer, and one of them may be promoted by itself. */
bool others_suffice(const struct deciding *deciding);
/* Adopted without a record, and none was PRIMARY. */
bool is_primary_unknown(const struct record *record);
/* Answers, in our group. */
bool answers(const struct deciding *deciding, const struct replica_view *replica);

/* ---- positions.c ---- */

/* The local row of a recorded database; NULL: this replica has none. */
const struct sql_database_row *copy_of(const struct replica_view *replica, const char *group_database_id);
/* A database that is in the group here, and not on record; NULL: none. */
const char *unrecorded_database(const struct deciding *deciding, const struct replica_view *primary);
/* It has a copy with a known position of each recorded database. */
bool is_complete(const struct deciding *deciding, const struct replica_view *replica);
/* Its endpoint is stopped and our generation in force, in one answer: neither an old primary nor an old controller
 * reaches it any more. */
bool is_fenced(const struct deciding *deciding, const struct replica_view *replica);
/* How its copies stand to those of another: only positions on one recovery fork compare, and what a recorded target's
 * own new fork began with. */
enum standing { STANDING_BEHIND, STANDING_EQUAL, STANDING_AHEAD, STANDING_MIXED, STANDING_APART };
enum standing standing_of(const struct deciding *deciding, const struct replica_view *replica,
                          const struct replica_view *other);
/* How many members of S beside itself this replica, as the primary, waits for with each commit: by its own copy of the
 * configuration. */
int required_by(const struct record *record, const struct replica_view *replica);
/* Each member holds every acknowledged commit. */
bool is_strict(const struct record *record);
/* r as it was promised under the primary that is being replaced. */
int promised(const struct record *record);
/* The replica is a member of S, of the recorded incarnation. */
bool is_member(const struct record *record, const struct replica_view *replica);

/* ---- choose.c ---- */

/* Who is to be promoted; NULL: nobody may be, yet. Never `except` (may be NULL). */
const struct replica_view *choose(const struct deciding *deciding, const struct replica_view *except);
/* Enough members are fenced, this one among them, and it holds everything. */
bool may_be_promoted(const struct deciding *deciding, const struct replica_view *replica);
/* Relaxed: a member that counts has come to hold more than the target: it was not fenced for a while (started anew),
 * and the old primary lived on. That the target was never PRIMARY shows in the fork, which is still theirs. */
bool is_overtaken(const struct deciding *deciding, const struct replica_view *target);
/* It will say more in a moment: a change of ours is under way there, or it answers and is about to be fenced. */
bool is_about_to_count(const struct deciding *deciding, const struct replica_view *replica);
/* Members that the count still lacks are answering: it is a matter of moments. */
bool is_counting(const struct deciding *deciding);
/* For people: whom it waits for, and what is known of the others. */
const char *waited_for(const struct deciding *deciding);
/* May be promoted in a hand-over to it: of the group's synchronous replicas, synchronized, and enough others answer. */
bool is_ready_for(const struct deciding *deciding, const struct replica_view *replica, const char **why);

/* ---- target.c ---- */

/* SQL Server itself has said no, and nothing has happened: no lost reply, no refused login. NULL: it did not fail. */
bool is_refusal(const struct attempt *attempt);
/* How often FAILOVER failed in this process of it. */
int failures_of(const struct deciding *deciding, const struct replica_view *target);
/* … with Msg 41142, under this intent: what failed under an earlier one is still on the list, and says nothing of
 * today. */
bool was_refused(const struct deciding *deciding, const struct replica_view *target);
/* It has said itself that it did not become PRIMARY, and nothing that was sent to it lands any more: it refused, or
 * others hold more than it by now. */
bool has_refused(const struct deciding *deciding, const struct replica_view *target);
/* It is fenced, and not even FORCE_FAILOVER_ALLOW_DATA_LOSS made it PRIMARY. */
bool would_not_be_forced(const struct deciding *deciding, const struct replica_view *target);
/* What it has come to cannot be seen, and that is no matter of moments. NULL: it has left. */
bool is_out_of_reach(const struct deciding *deciding, const struct replica_view *target);
/* FAILOVER, in the way that is due after what was refused before; first what it needs. */
void send_promotion(struct deciding *deciding, const struct replica_view *target);

/* ---- promotion.c: the table ---- */

enum promotion_state {
	PRIMARY_STEADY,  /* the recorded primary is PRIMARY and well */
	PRIMARY_SUSPECT, /* silent or unwell, and its time is not over */
	PRIMARY_LOST,    /* nothing has been done yet */
	PROMOTION_OPEN,  /* an intent, no target: members are fenced and counted */
	PROMOTION_AIMED, /* an intent with a target: FAILOVER may have been sent to it */
	PRIMARY_DOWN,    /* lost, and nobody may be promoted by itself */
	PROMOTION_STATES
};
extern const char *const promotion_state_names[PROMOTION_STATES];

struct transition {
	enum promotion_state from;
	const char *name; /* plan.state */
	bool (*when)(struct deciding *deciding);
	const char *evidence; /* `when` in words */
	void (*act)(struct deciding *deciding);
	enum promotion_state to;
	const char *reason; /* why this is right */
};
extern const struct transition transitions[];
extern const size_t transition_count;

/* ---- settle.c ---- */

/* The target on record; NULL: none is, or it has left. */
const struct replica_view *target_of(const struct deciding *deciding);
/* Of the group's replicas that say PRIMARY the only one beside the recorded; NULL: none, or several. */
const struct replica_view *other_primary(const struct deciding *deciding);
void clear_intent(struct deciding *deciding);
/* r, in the record that is about to be written, to what this replica guarantees as primary. */
void lower_promise(struct deciding *deciding, const struct replica_view *primary);
void settle(struct deciding *deciding);
/* Follows a primary that somebody else has made. */
void adopt(struct deciding *deciding);

/* ---- steady.c, request.c ---- */

void steady_decide(struct deciding *deciding);
/* The replica's pod is to be deleted or evicted, and held back until it was the primary. */
bool is_leaving(const struct deciding *deciding, const struct replica_view *replica);
/* Whether the replica may be let follow whoever contacts it: its endpoint is started, or it is told to (`is_seated`).
 * While an old primary might reach it that could acknowledge with its help it is made sure first that it confirms
 * nothing: that is planned, and false. */
bool may_follow(struct deciding *deciding, const struct replica_view *replica, bool is_seated);
/* For whom a person allowed data loss; NULL: nobody. */
const struct replica_view *allowed_loss(const struct deciding *deciding);
/* Whom a person names while nothing fails over by itself: in agkeeper.dev/primary, else in the permission to lose data,
 * which is tried without loss first. "": nobody. */
const char *named(const struct deciding *deciding);
/* What people and the admission webhook ask for. */
void requests_decide(struct deciding *deciding);
void open_intent(struct deciding *deciding, enum intent_kind kind, const char *wanted, const char *reason,
                 const char *message);
/* A new generation, in the record that is about to be written: what was sent under the old one lands nowhere any more
 * once a server has it. */
void renew_generation(struct deciding *deciding);
struct replica_scratch *scratch_of(const struct deciding *deciding, const struct replica_view *replica);

#endif
