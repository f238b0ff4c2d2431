/* Planned hand-overs: who asks, and when one is opened. Opened is only what can succeed at once: from then on writers
 * wait. */
#include <stdio.h>
#include <string.h>

#include "controller/decide/promotion.h"

enum {
	PAUSE_MS = 10000, /* between two: a cluster that evicts its nodes in a row must not pass the role around */
	RAISED_MS = 5000, /* a replica stays raised for so long after it was last asked for */
	ASK_AGAIN_MS = 500,
	LEAVING_MS = 25000 /* longer than any deletion is held back: who asked has gone */
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool refuse(const char **why, const char *reason) {
	if (why != NULL) *why = reason;
	return false;
}

/* All replicas commit asynchronously: nobody is synchronized, a target is made so first. */
static bool is_asynchronous(const struct spec *spec) {
	for (size_t i = 0; i < spec->replica_count; i++) {
		if (spec->replicas[i].availability == SQL_SYNCHRONOUS_COMMIT) return false;
	}
	return true;
}

static void raise_replica(struct deciding *deciding, const struct replica_view *replica) {
	struct scratch *scratch = deciding->scratch;
	snprintf(scratch->raised, sizeof(scratch->raised), "%s", replica->pod_name);
	scratch->raised_until = deciding->view->now + RAISED_MS;
	plan_look(deciding->plan, ASK_AGAIN_MS);
}

/* It could be raised: it runs, and the primary's log flows to it. */
static bool follows(const struct deciding *deciding, const struct replica_view *replica) {
	const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod_name);
	return replica->spec != NULL && !is_gone(replica) && !replica->pod.is_deleting && row != NULL &&
	       row->connected == SQL_CONNECTED && peer_databases_are(deciding, replica->pod_name, SQL_SYNCHRONIZING);
}

static const struct replica_view *best_follower(const struct deciding *deciding) {
	const struct replica_view *raised = view_find(deciding->view, deciding->scratch->raised);
	if (raised != NULL && follows(deciding, raised)) return raised;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica != deciding->primary && follows(deciding, replica) && !replica->node.is_cordoned)
			return replica;
	}
	return NULL;
}

/* Any that is ready; first the ones that may be taken by themselves and stay where they are. */
static const struct replica_view *best_ready(const struct deciding *deciding, const char **why) {
	const struct replica_view *best = NULL;
	const char *trouble = "no other replica is synchronized";
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		const char *reason = NULL;
		if (replica == deciding->primary || replica->spec == NULL || !replica->spec->is_candidate) continue;
		if (!is_ready_for(deciding, replica, &reason)) {
			if (best == NULL) trouble = reason;
			continue;
		}
		if (best == NULL || (best->node.is_cordoned && !replica->node.is_cordoned)) best = replica;
	}
	if (best == NULL && why != NULL) *why = trouble;
	return best;
}

static const struct replica_view *target_for(struct deciding *deciding, const char *wanted, const char **why) {
	const struct replica_view *target = wanted != NULL ? view_find(deciding->view, wanted) : NULL;
	if (is_asynchronous(deciding->spec)) {
		if (wanted == NULL) target = best_follower(deciding);
		if (target != NULL && target != deciding->primary && follows(deciding, target))
			raise_replica(deciding, target);
		return is_ready_for(deciding, target, why) ? target : NULL;
	}
	if (wanted == NULL) return best_ready(deciding, why);
	return is_ready_for(deciding, target, why) ? target : NULL;
}

static bool is_changed_now(const struct deciding *deciding, const struct replica_view *replica) {
	if (replica->server.is_busy || replica->server.loose_generation >= deciding->record->generation) return true;
	for (size_t i = 0; i < deciding->plan->count; i++) {
		const struct action *action = &deciding->plan->actions[i];
		if (action_rows[action->type].session == SESSION_FENCED && action->pod != NULL &&
		    strcmp(action->pod, replica->pod_name) == 0)
			return true;
	}
	return false;
}

/* What the primary takes commits in, and how it does, must be on record, and stay so: a change that comes late would be
 * missing in what is counted. It is a matter of moments: the wish is looked at again. */
static bool is_on_record(const struct deciding *deciding, const char **why) {
	if (is_changed_now(deciding, deciding->primary)) return refuse(why, "a change is under way on the primary");
	const char *database = unrecorded_database(deciding, deciding->primary);
	if (database == NULL) return true;
	return refuse(why,
	              plan_text(deciding->plan, "database %s is new in the group, and not on record yet", database));
}

/* `is_urgent`: the primary goes anyway. */
static bool request(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                    bool is_urgent, const char **why) {
	const struct scratch *scratch = deciding->scratch;
	if (why != NULL) *why = "";
	if (!deciding->spec->hands_over) return refuse(why, "this group cannot hand over");
	if (deciding->state != GROUP_STEADY || deciding->primary == NULL)
		return refuse(why, "there is no primary that could hand over");
	if (deciding->next.intent.kind != INTENT_NONE) return refuse(why, "a promotion is under way");
	plan_look(deciding->plan, ASK_AGAIN_MS);
	if (!is_urgent && scratch->handed_over_at != 0 && deciding->view->now - scratch->handed_over_at < PAUSE_MS)
		return refuse(why, "the primary has only just changed");
	const struct replica_view *target = target_for(deciding, wanted, why);
	if (target == NULL || !is_on_record(deciding, why)) return false;
	open_intent(deciding, INTENT_HAND_OVER, target->pod_name, reason, message);
	deciding->scratch->intent_seen = deciding->scratch->countable_since = 0;
	say(deciding, false, "HandOver", "%s hands over to %s: %s", deciding->primary->pod_name, target->pod_name,
	    message);
	return true;
}

bool promotion_request_hand_over(struct deciding *deciding, const char *wanted, const char *reason, const char *message,
                                 const char **why) {
	return request(deciding, wanted, reason, message, false, why);
}

/* ---- Whom people name ---- */

/* "<pod>/<uid of the object>" */
const struct replica_view *allowed_loss(const struct deciding *deciding) {
	const char *allowed = deciding->view->allow_data_loss;
	const char *slash = allowed != NULL ? strchr(allowed, '/') : NULL;
	if (slash == NULL || !same(slash + 1, deciding->spec->uid)) return NULL;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const char *pod = deciding->spec->replicas[i].pod;
		if (strlen(pod) == (size_t)(slash - allowed) && strncmp(pod, allowed, strlen(pod)) == 0)
			return view_find(deciding->view, pod);
	}
	return NULL;
}

const char *named(const struct deciding *deciding) {
	const char *wanted = deciding->view->wanted_primary;
	if (deciding->spec->fails_over || is_primary_unknown(deciding->record)) return "";
	if (wanted != NULL && spec_find(deciding->spec, wanted) >= 0) return wanted;
	const struct replica_view *allowed = allowed_loss(deciding);
	return allowed != NULL ? allowed->pod_name : "";
}

/* ---- Who asks ---- */

static void end_wish(struct deciding *deciding, bool refused, const char *format, const char *text) {
	const char *note = plan_text(deciding->plan, format, deciding->view->wanted_primary, text);
	say(deciding, refused, refused ? "HandOverRefused" : "HandOverDone", "%s", note);
	change_api(deciding, &(struct action){ .type = ACTION_REMOVE_ANNOTATION,
	                                       .text = "agkeeper.dev/primary",
	                                       .reason = refused ? "refused" : "done" });
	deciding->scratch->wanted_since = 0;
}

/* agkeeper.dev/primary: a person wants a certain primary. Kept for as long as a hand-over may take, then refused. */
static void wish_of_a_person(struct deciding *deciding) {
	const char *wanted = deciding->view->wanted_primary, *why = "";
	struct scratch *scratch = deciding->scratch;
	if (wanted == NULL) {
		scratch->wanted_since = 0;
		return;
	}
	if (strcmp(wanted, deciding->record->primary.pod) == 0) {
		end_wish(deciding, false, "%s is the primary%s", "");
		return;
	}
	if (spec_find(deciding->spec, wanted) < 0) {
		end_wish(deciding, true, "%s cannot become the primary%s", ": it is no replica of this object");
		return;
	}
	if (scratch->wanted_since == 0) scratch->wanted_since = deciding->view->now;
	if (promotion_request_hand_over(deciding, wanted, "Requested", "requested with annotation agkeeper.dev/primary",
	                                &why))
		return;
	bool is_over = deciding->view->now - scratch->wanted_since > deciding->spec->transfer_timeout_ms;
	if (is_over || !deciding->spec->hands_over) end_wish(deciding, true, "%s cannot become the primary: %s", why);
}

/* The admission webhook holds back the deletion or eviction of a primary's pod until the wish is taken off: when
 * another one is the primary, and commits do not wait for this one any more either. */
bool is_leaving(const struct deciding *deciding, const struct replica_view *replica) {
	const char *wish = deciding->view->hand_over_wanted;
	size_t length = strlen(replica->pod_name);
	return wish != NULL && strncmp(wish, replica->pod_name, length) == 0 && wish[length] == '/' &&
	       replica->pod.uid != NULL && strcmp(wish + length + 1, replica->pod.uid) == 0;
}

static bool is_anybody_else_there(const struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica != deciding->primary && !is_gone(replica) && answers(deciding, replica)) return true;
	}
	return false;
}

static void let_go(struct deciding *deciding, const char *reason) {
	change_api(deciding, &(struct action){ .type = ACTION_REMOVE_ANNOTATION,
	                                       .text = "agkeeper.dev/hand-over",
	                                       .reason = reason });
}

static bool is_member_leaving(const struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (is_leaving(deciding, replica) && is_member(deciding->record, replica)) return true;
	}
	return false;
}

static void hand_over_for(struct deciding *deciding, bool is_held, bool is_over) {
	const struct replica_view *primary = deciding->primary;
	const char *why = "";
	if (request(deciding, NULL, "PodDeleted", "its pod is to be deleted or evicted", true, &why) || !is_held)
		return;
	if (!is_over && deciding->spec->hands_over && is_anybody_else_there(deciding)) return;
	say(deciding, true, "HandOverRefused", "%s is to be deleted or evicted, and nobody can take its place: %s",
	    primary->pod_name, why);
	let_go(deciding, is_over ? "its time is over" : "nobody can take its place");
}

static void wish_of_a_deletion(struct deciding *deciding) {
	const struct replica_view *primary = deciding->primary;
	struct scratch *scratch = deciding->scratch;
	int64_t now = deciding->view->now;
	bool is_wished = deciding->view->hand_over_wanted != NULL;
	if (!is_wished) scratch->leaving_since = 0;
	else if (scratch->leaving_since == 0) scratch->leaving_since = now;
	bool is_over = is_wished && now - scratch->leaving_since > LEAVING_MS;
	bool is_held = is_leaving(deciding, primary);
	if (is_held || (primary->pod.is_deleting && primary->pod.deletion_grace_s > 0))
		hand_over_for(deciding, is_held, is_over);
	else if (is_wished && (is_over || !is_member_leaving(deciding))) let_go(deciding, "it is the primary no more");
}

/* Allowed for a promotion that nothing else can bring about, and not kept for a later one. */
static void end_permission(struct deciding *deciding) {
	const char *allowed = deciding->view->allow_data_loss;
	if (allowed == NULL) return;
	const struct failover_row *last = deciding->record->failover_count > 0 ? &deciding->record->failovers[0] : NULL;
	bool was_used = last != NULL && !last->lost_nothing && strncmp(allowed, last->to, strlen(last->to)) == 0;
	if (was_used) say(deciding, true, "DataLossUsed", "%s was promoted although commits may be missing", last->to);
	else say(deciding, false, "DataLossNotNeeded", "the group has its primary: nothing need be lost");
	change_api(deciding, &(struct action){ .type = ACTION_REMOVE_ANNOTATION,
	                                       .text = "agkeeper.dev/allow-data-loss",
	                                       .reason = was_used ? "used" : "not needed" });
}

void requests_decide(struct deciding *deciding) {
	end_permission(deciding);
	wish_of_a_deletion(deciding);
	wish_of_a_person(deciding);
}
