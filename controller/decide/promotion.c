/* The promotion: a table of states and transitions. Each pass applies the first transition whose evidence is given, to
 * the world as it is; what was done in a pass before is seen in the world and in the record, and nowhere else.
 *
 *   open (CAS) → raise the generation, stop the endpoints → count, choose (CAS) → FAILOVER → settle (CAS)
 *
 * A plan that writes the record holds no change of a server: the record says "shall" before a server does. */
#include "controller/decide/promotion.h"

#include <stdio.h>
#include <string.h>

#include "sql/messages.h"

enum {
	BETTER_MS = 200, /* so long the first that may be taken waits for others that are being fenced */
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

struct replica_scratch *scratch_of(const struct deciding *deciding, const struct replica_view *replica) {
	struct replica_scratch *own = &deciding->scratch->replicas[replica - deciding->view->replicas];
	if (strcmp(own->pod, replica->pod_name) != 0) {
		*own = (struct replica_scratch){ 0 };
		snprintf(own->pod, sizeof(own->pod), "%s", replica->pod_name);
	}
	return own;
}

void renew_generation(struct deciding *deciding) {
	deciding->next.generation = deciding->record->generation + 1;
	deciding->next.holder = deciding->view->identity;
}

void open_intent(struct deciding *deciding, enum intent_kind kind, const char *wanted, const char *reason,
                 const char *message) {
	deciding->next.intent = (struct intent){
		.kind = kind,
		.target = "",
		.wanted = wanted != NULL ? plan_text(deciding->plan, "%s", wanted) : "",
		.reason = plan_text(deciding->plan, "%s", reason),
		.message = plan_text(deciding->plan, "%s", message),
		.started_us = deciding->view->wall_us,
		.required = deciding->next.required,
	};
	renew_generation(deciding);
	deciding->state = GROUP_PROMOTING;
	plan_look(deciding->plan, SOON_MS);
}

/* ---- What transitions ask ---- */

static bool always(struct deciding *deciding) {
	(void)deciding;
	return true;
}

/* The lost primary itself answers, and says that it is none: it can be told to become it again. */
static bool primary_returned(struct deciding *deciding) {
	const struct replica_view *primary = recorded_primary(deciding);
	return answers(deciding, primary) && role_of(primary) != SQL_ROLE_PRIMARY;
}

/* In strict mode a member that is PRIMARY holds everything, and what the recorded primary still took would have needed
 * its confirmation. Without an external manager SQL Server's administrators promote, and we follow. */
static bool may_adopt(struct deciding *deciding) {
	const struct replica_view *other = other_primary(deciding);
	if (other == NULL || other->spec == NULL) return false;
	if (deciding->spec->cluster == SQL_CLUSTER_NONE) return true;
	if (!is_strict(deciding->record) || !is_member(deciding->record, other)) return false;
	return primary_returned(deciding) || !deciding->spec->fails_over;
}

/* Without a record of who was the primary it is as with a group that comes up again: whoever holds everything goes on.
 * A primary that may live is fenced only where another one can be promoted, or a person wants it. */
static bool may_open(struct deciding *deciding) {
	if (deciding->spec->cluster == SQL_CLUSTER_NONE) return false;
	if (primary_returned(deciding) || is_primary_unknown(deciding->record)) return true;
	if (named(deciding)[0] != '\0' || allowed_loss(deciding) != NULL) return true;
	return deciding->spec->fails_over && (!deciding->may_live || others_suffice(deciding));
}

static bool wish_has_changed(struct deciding *deciding) {
	const struct intent *intent = &deciding->record->intent;
	return intent->kind == INTENT_FAILOVER && strcmp(intent->wanted, named(deciding)) != 0;
}

static bool speaks_nothing_against(const struct deciding *deciding) {
	return deciding->primary != NULL && deciding->lost_reason == NULL;
}

/* The primary is PRIMARY after all, and nobody was told to take its place. */
static bool is_false_alarm(struct deciding *deciding) {
	if (deciding->record->intent.kind != INTENT_FAILOVER || deciding->primary == NULL) return false;
	if (speaks_nothing_against(deciding)) return true;
	return choose(deciding, NULL) == NULL && !is_counting(deciding);
}

static bool is_hand_over(const struct deciding *deciding) {
	return deciding->record->intent.kind == INTENT_HAND_OVER;
}

static bool lost_its_primary(struct deciding *deciding) {
	return is_hand_over(deciding) && deciding->primary == NULL && deciding->is_lost;
}

static bool is_late(struct deciding *deciding) {
	if (!is_hand_over(deciding) || deciding->primary == NULL) return false;
	/* It got into the group between the wish and the fence: nobody who counts need have it. */
	if (unrecorded_database(deciding, deciding->primary) != NULL) return true;
	const struct replica_view *wanted = view_find(deciding->view, deciding->record->intent.wanted);
	if (wanted != NULL && scratch_of(deciding, wanted)->refused) return true;
	return deciding->view->now - deciding->scratch->intent_seen > deciding->spec->transfer_timeout_ms;
}

static bool loss_is_allowed(struct deciding *deciding) {
	const struct replica_view *replica = allowed_loss(deciding);
	if (replica == NULL || deciding->record->intent.forces || choose(deciding, NULL) != NULL) return false;
	return is_fenced(deciding, replica) && replica->incarnation != NULL && !is_counting(deciding);
}

static bool has_choice(struct deciding *deciding) {
	struct scratch *scratch = deciding->scratch;
	if (choose(deciding, NULL) == NULL) {
		scratch->countable_since = 0;
		return false;
	}
	if (scratch->countable_since == 0) scratch->countable_since = deciding->view->now;
	bool waits = is_counting(deciding) && deciding->view->now - scratch->countable_since < BETTER_MS;
	return !waits;
}

static bool target_is_primary(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	bool may = target != NULL && (is_member(deciding->record, target) || deciding->record->intent.forces);
	return may && answers(deciding, target) && role_of(target) == SQL_ROLE_PRIMARY;
}

/* FAILOVER returns before the role has changed (SQL Server's agent for Pacemaker polls). */
static bool target_is_changing(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	if (!answers(deciding, target)) return false;
	const struct sql_replica_row *local = sql_observation_local(target->server.seen);
	return local != NULL && same(local->operational_state, "PENDING_FAILOVER");
}

/* FAILOVER was sent to this target, perhaps. Another one may be taken when the server itself refused it (Msg 41142), or
 * others hold more than it by now: it has not become PRIMARY; or in strict mode, when it is out of reach: had it become
 * PRIMARY, it could have acknowledged nothing without the others, and they are fenced. */
static bool may_take_another(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	if (deciding->record->intent.forces) return false;
	bool is_lost = is_strict(deciding->record) && is_out_of_reach(deciding, target);
	if (!has_refused(deciding, target) && !is_lost) return false;
	/* An old primary that still is PRIMARY goes on, when nobody else can. */
	bool may_go_back = deciding->primary != NULL && deciding->primary != target && answers(deciding, target);
	return may_go_back || wish_has_changed(deciding) || choose(deciding, target) != NULL;
}

/* Relaxed: what was counted when the target was chosen is still so. A member that was started anew may have confirmed
 * commits to the old primary since. */
static bool still_leads(const struct deciding *deciding, const struct replica_view *target) {
	if (deciding->record->intent.forces || target == recorded_primary(deciding)) return true;
	return may_be_promoted(deciding, target);
}

/* It is fenced and not PRIMARY, and those who must answer beside it will not by themselves. */
static bool is_left_alone(const struct deciding *deciding, const struct replica_view *target) {
	return target != NULL && is_fenced(deciding, target) && !still_leads(deciding, target) &&
	       !is_counting(deciding);
}

/* A person allows it for the target that refused to go without, or for another replica than one that is out of reach,
 * refused, or would not even be forced; or others who must answer are lost since it was chosen. */
static bool loss_is_allowed_now(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding), *replica = allowed_loss(deciding);
	if (replica == NULL || replica->incarnation == NULL || !is_fenced(deciding, replica)) return false;
	bool forces = deciding->record->intent.forces;
	if (is_left_alone(deciding, target)) return true;
	if (replica == target) return !forces && has_refused(deciding, target);
	bool would_not = forces && would_not_be_forced(deciding, target);
	return would_not || has_refused(deciding, target) || is_out_of_reach(deciding, target);
}

static bool target_is_fenced(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	return target != NULL && is_fenced(deciding, target) && still_leads(deciding, target);
}

/* ---- What they do ---- */

static void open_failover(struct deciding *deciding) {
	bool is_unknown = is_primary_unknown(deciding->record);
	say(deciding, true, "PrimaryLost", "%s%s%s; a failover begins", is_unknown ? "" : deciding->record->primary.pod,
	    is_unknown ? "" : ": ", deciding->lost_message);
	open_intent(deciding, INTENT_FAILOVER, named(deciding), deciding->lost_reason, deciding->lost_message);
	deciding->scratch->intent_seen = deciding->scratch->countable_since = deciding->scratch->target_since = 0;
}

static void block(struct deciding *deciding) {
	deciding->state = GROUP_BLOCKED;
	deciding->blocked = waited_for(deciding);
	plan_look(deciding->plan, WHILE_BLOCKED_MS);
}

/* Where failovers are automatic nobody can take over yet; else a person decides. */
static void report_down(struct deciding *deciding) {
	if (deciding->spec->fails_over) block(deciding);
	else deciding->state = GROUP_DOWN;
}

static void close_intent(struct deciding *deciding) {
	say(deciding, false, "FailoverCancelled", "%s is PRIMARY after all: it goes on", deciding->record->primary.pod);
	clear_intent(deciding);
	if (deciding->lost_reason != NULL) deciding->scratch->unwell_since = deciding->view->now;
}

static void give_up(struct deciding *deciding) {
	const char *database = unrecorded_database(deciding, deciding->primary);
	if (database != NULL)
		say(deciding, true, "HandOverGivenUp", "database %s is new in the group: %s goes on", database,
		    deciding->record->primary.pod);
	else
		say(deciding, true, "HandOverGivenUp", "no replica was ready within %lld s: %s goes on",
		    (long long)deciding->spec->transfer_timeout_ms / 1000, deciding->record->primary.pod);
	clear_intent(deciding);
	deciding->scratch->handed_over_at = deciding->view->now;
	for (size_t i = 0; i < ARRAY_LENGTH(deciding->scratch->replicas); i++)
		deciding->scratch->replicas[i].refused = false;
}

static void make_failover(struct deciding *deciding) {
	deciding->next.intent.kind = INTENT_FAILOVER;
	deciding->next.intent.wanted = "";
}

static void follow_wish(struct deciding *deciding) {
	deciding->next.intent.wanted = named(deciding);
	deciding->scratch->countable_since = 0;
}

static void aim(struct deciding *deciding, const struct replica_view *target) {
	deciding->next.intent.target = target->pod_name;
	deciding->next.epoch = deciding->record->epoch + 1;
	lower_promise(deciding, target);
	deciding->scratch->target_since = deciding->view->now;
	deciding->scratch->old_refusals = failures_of(deciding, target);
	plan_look(deciding->plan, SOON_MS);
}

static void aim_at_choice(struct deciding *deciding) {
	aim(deciding, choose(deciding, NULL));
}

static void aim_with_loss(struct deciding *deciding) {
	const struct replica_view *target = allowed_loss(deciding);
	say(deciding, true, "DataLossAllowed", "%s is promoted on request, whatever it lacks: %s", target->pod_name,
	    waited_for(deciding));
	deciding->next.intent.forces = true;
	deciding->next.required = 0;
	aim(deciding, target);
}

/* Whatever was sent to the target before, and comes late, lands nowhere. */
static void aim_with_loss_instead(struct deciding *deciding) {
	aim_with_loss(deciding);
	renew_generation(deciding);
}

/* Every member, the old primary too. Asynchronous replicas confirm nothing: they may go on. */
static bool shall_be_fenced(const struct deciding *deciding, const struct replica_view *replica) {
	bool concerns = is_member(deciding->record, replica) || replica == recorded_primary(deciding) ||
	                replica == target_of(deciding) || replica == allowed_loss(deciding);
	return concerns && answers(deciding, replica) && !is_fenced(deciding, replica);
}

/* What may still come late under our generation lands nowhere under another one. */
static bool renews_for_what_is_loose(struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!shall_be_fenced(deciding, replica)) continue;
		if (replica->server.loose_generation < deciding->record->generation) continue;
		renew_generation(deciding);
		plan_look(deciding->plan, SOON_MS);
		return true;
	}
	return false;
}

/* False: the record gets another generation first; nothing of the present one is sent any more. */
static bool fence(struct deciding *deciding) {
	if (renews_for_what_is_loose(deciding)) return false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!shall_be_fenced(deciding, replica)) continue;
		if (replica->server.seen->instance.endpoint == SQL_ENDPOINT_STOPPED) {
			claim_server(deciding, replica);
			continue;
		}
		change_server(deciding, replica,
		              &(struct action){ .type = ACTION_STOP_ENDPOINT, .reason = "fenced for a promotion" });
	}
	return true;
}

static void fence_and_count(struct deciding *deciding) {
	fence(deciding);
	if (choose(deciding, NULL) == NULL && !is_counting(deciding)) block(deciding);
	else plan_look(deciding->plan, SOON_MS);
}

static void fence_target(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	fence(deciding);
	bool is_soon = is_about_to_count(deciding, target) || is_counting(deciding);
	if (is_out_of_reach(deciding, target) || !is_soon) block(deciding);
	else plan_look(deciding->plan, SOON_MS);
}

static void await(struct deciding *deciding) {
	plan_look(deciding->plan, SOON_MS);
}

/* Taken back: whatever of the old generation comes late lands nowhere any more once a server has the new one. */
static void take_another(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	if (target != NULL) scratch_of(deciding, target)->refused = true;
	/* A target that refused was never PRIMARY: what the old one has promised stands. */
	if (answers(deciding, target)) deciding->next.required = deciding->record->intent.required;
	deciding->next.intent.target = "";
	renew_generation(deciding);
	deciding->scratch->countable_since = 0;
	plan_look(deciding->plan, SOON_MS);
}

/* An old primary that still says so cannot acknowledge anything: it is fenced. It is set right while the other one is
 * promoted; where that fails, after. */
static void take_old_offline(struct deciding *deciding) {
	const struct replica_view *old = deciding->primary;
	if (old == NULL || old == target_of(deciding)) return;
	struct replica_scratch *own = scratch_of(deciding, old);
	if (own->offline_at != 0) return; /* once: that it has no effect shows in the role alone */
	if (change_server(deciding, old,
	                  &(struct action){ .type = ACTION_OFFLINE, .reason = "another one is promoted" }))
		own->offline_at = deciding->view->now;
}

static void promote(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	if (!fence(deciding)) return;
	take_old_offline(deciding);
	send_promotion(deciding, target);
	plan_look(deciding->plan, SOON_MS);
	if (was_refused(deciding, target) && !deciding->record->intent.forces) block(deciding);
}

/* ---- The table ---- */

const char *const promotion_state_names[PROMOTION_STATES] = {
	[PRIMARY_STEADY] = "Steady",  [PRIMARY_SUSPECT] = "Suspect",   [PRIMARY_LOST] = "Lost",
	[PROMOTION_OPEN] = "Fencing", [PROMOTION_AIMED] = "Promoting", [PRIMARY_DOWN] = "Down",
};

const struct transition transitions[] = {
	{ PRIMARY_LOST, "Adopt", may_adopt, "another member is PRIMARY, and the recorded one says that it is not",
	  adopt, PRIMARY_STEADY,
	  "in strict mode a member holds every commit: a DBA's own planned failover is followed" },
	{ PRIMARY_LOST, "Open", may_open,
	  "failovers are automatic, the old primary itself has returned, nobody knows who was the primary, or a person "
	  "names a replica",
	  open_failover, PROMOTION_OPEN, "the intent and a new generation are on record before anything is changed" },
	{ PRIMARY_LOST, "Report", always, "nothing fails over by itself here, or nobody could take over", report_down,
	  PRIMARY_DOWN,
	  "clusterType NONE, or automatic failover switched off: a person decides; a primary that may live is not cut "
	  "off for nothing" },
	{ PROMOTION_OPEN, "Cancel", is_false_alarm, "the primary is PRIMARY and well, or nobody can take its place",
	  close_intent, PRIMARY_STEADY, "nobody was told to become PRIMARY yet: it goes on" },
	{ PROMOTION_OPEN, "GiveUp", is_late,
	  "a hand-over found no target in its time, was refused, or a database came into the group, and the primary "
	  "lives",
	  give_up, PRIMARY_STEADY, "a planned hand-over must not keep writers waiting" },
	{ PROMOTION_OPEN, "Convert", lost_its_primary, "the primary was lost during a hand-over", make_failover,
	  PROMOTION_OPEN, "now any candidate will do" },
	{ PROMOTION_OPEN, "Redirect", wish_has_changed,
	  "nothing fails over by itself here, and a person names another replica", follow_wish, PROMOTION_OPEN,
	  "no target is on record: nobody was told to become PRIMARY" },
	{ PROMOTION_OPEN, "Choose", has_choice, "enough members are fenced, and one of them holds every commit",
	  aim_at_choice, PROMOTION_AIMED, "the target is on record before FAILOVER is sent to it" },
	{ PROMOTION_OPEN, "Force", loss_is_allowed, "a person allowed data loss, and nobody can be promoted without",
	  aim_with_loss, PROMOTION_AIMED, "only a person decides to lose commits" },
	{ PROMOTION_OPEN, "Fence", always, "members are still to be fenced or counted", fence_and_count, PROMOTION_OPEN,
	  "after its endpoint is stopped a member confirms nothing to an old primary" },
	{ PROMOTION_AIMED, "Settle", target_is_primary, "the target says PRIMARY", settle, PRIMARY_STEADY,
	  "the record names it; then its endpoint runs again" },
	{ PROMOTION_AIMED, "Await", target_is_changing, "the target is changing its role", await, PROMOTION_AIMED,
	  "FAILOVER returns before it is over" },
	{ PROMOTION_AIMED, "Another", may_take_another,
	  "the target refused, or is out of reach in strict mode, and another one holds every commit", take_another,
	  PROMOTION_OPEN, "a late FAILOVER fails on the new generation" },
	{ PROMOTION_AIMED, "ForceOther", loss_is_allowed_now,
	  "a person allowed data loss, and the target refused, or is out of reach", aim_with_loss_instead,
	  PROMOTION_AIMED, "only a person decides to lose commits; a late FAILOVER fails on the new generation" },
	{ PROMOTION_AIMED, "Promote", target_is_fenced, "the target is fenced", promote, PROMOTION_AIMED,
	  "the batch itself looks again, and throws unless the target still is fenced" },
	{ PROMOTION_AIMED, "FenceTarget", always, "the target is not fenced, or does not answer", fence_target,
	  PROMOTION_AIMED, "it is asked anew" },
};
const size_t transition_count = ARRAY_LENGTH(transitions);

static enum promotion_state state_of(const struct deciding *deciding) {
	if (deciding->record->intent.kind != INTENT_NONE)
		return deciding->record->intent.target[0] != '\0' ? PROMOTION_AIMED : PROMOTION_OPEN;
	switch (deciding->state) {
	case GROUP_STEADY: return PRIMARY_STEADY;
	case GROUP_DOWN: return PRIMARY_LOST;
	default: return PRIMARY_SUSPECT;
	}
}

static void note_intent(struct deciding *deciding) {
	struct scratch *scratch = deciding->scratch;
	bool is_open = deciding->record->intent.kind != INTENT_NONE;
	if (!is_open) scratch->intent_seen = 0;
	else if (scratch->intent_seen == 0) scratch->intent_seen = deciding->view->now;
}

void promotion_decide(struct deciding *deciding) {
	if (deciding->state == GROUP_NONE) return;
	note_intent(deciding);
	enum promotion_state state = state_of(deciding);
	deciding->plan->state = promotion_state_names[state];
	for (size_t i = 0; i < transition_count; i++) {
		if (transitions[i].from != state || !transitions[i].when(deciding)) continue;
		deciding->plan->state = transitions[i].name;
		transitions[i].act(deciding);
		return;
	}
	if (state == PRIMARY_STEADY) steady_decide(deciding);
}
