/* Settling: the target is PRIMARY, and the record says so from now on. */
#include <string.h>

#include "controller/decide/promotion.h"

const struct replica_view *target_of(const struct deciding *deciding) {
	const char *target = deciding->record->intent.target;
	return target[0] != '\0' ? view_find(deciding->view, target) : NULL;
}

void clear_intent(struct deciding *deciding) {
	deciding->next.intent = (struct intent){ .target = "", .wanted = "", .reason = "", .message = "" };
}

/* What new primary and S will guarantee from now on, before it can acknowledge anything (attack 5: its own copy of the
 * configuration may be older than the record). */
void lower_promise(struct deciding *deciding, const struct replica_view *primary) {
	int own = required_by(&deciding->next, primary);
	if (deciding->next.required > own) deciding->next.required = own;
}

/* Of the group's replicas that say PRIMARY the only one, beside the recorded. */
const struct replica_view *other_primary(const struct deciding *deciding) {
	const struct replica_view *found = NULL;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (strcmp(replica->pod_name, deciding->record->primary.pod) == 0) continue;
		if (!answers(deciding, replica) || role_of(replica) != SQL_ROLE_PRIMARY) continue;
		if (found != NULL) return NULL;
		found = replica;
	}
	return found;
}

/* Each that goes may have been one of r. */
static void drop_gone_members(struct deciding *deciding, const struct replica_view *primary) {
	for (size_t i = deciding->record->member_count; i-- > 0;) {
		const struct member *member = &deciding->record->members[i];
		const struct replica_view *replica = view_find(deciding->view, member->pod);
		if (replica == primary) continue;
		bool stays = view_is_member(replica, member) && !is_gone(replica);
		/* Started again already, and not there yet: writers need not wait for it until it is. */
		if (stays && replica == recorded_primary(deciding) && is_started_anew(deciding, replica)) stays = false;
		if (stays && !deciding->record->intent.forces) continue;
		record_remove_member(&deciding->next, member->pod);
		if (deciding->next.required > 0) deciding->next.required--;
	}
}

static void add_to_history(struct deciding *deciding, const char *from, const char *to, const struct intent *intent) {
	const struct failover_row row = {
		.from = from,
		.to = to,
		.reason = intent->reason,
		.kind = intent->kind == INTENT_HAND_OVER ? "HandOver" : "Failover",
		.started_us = intent->started_us,
		.finished_us = deciding->view->wall_us,
		.lost_nothing = !intent->forces,
	};
	record_add_failover(&deciding->next, &row);
}

static void take_primary(struct deciding *deciding, const struct replica_view *primary) {
	deciding->next.primary = (struct member){ primary->pod_name, primary->incarnation };
	if (record_find(&deciding->next, primary->pod_name, primary->incarnation) < 0) {
		record_remove_member(&deciding->next, primary->pod_name);
		record_add_member(&deciding->next, &deciding->next.primary);
	}
	drop_gone_members(deciding, primary);
	lower_promise(deciding, primary);
	clear_intent(deciding);
	for (size_t i = 0; i < ARRAY_LENGTH(deciding->scratch->replicas); i++)
		deciding->scratch->replicas[i].refused = false;
	deciding->scratch->unwell_since = deciding->scratch->well_since = 0;
	deciding->scratch->handed_over_at = deciding->view->now;
	plan_look(deciding->plan, SOON_MS);
}

void settle(struct deciding *deciding) {
	const struct replica_view *target = target_of(deciding);
	const struct record *record = deciding->record;
	const struct intent *intent = &record->intent;
	bool was_strict = !intent->forces && promised(record) >= (int)record->member_count - 1;
	deciding->scratch->loose_epoch = was_strict ? 0 : record->epoch;
	take_primary(deciding, target);
	add_to_history(deciding, record->primary.pod, target->pod_name, intent);
	if (strcmp(target->pod_name, record->primary.pod) == 0) {
		say(deciding, true, "PrimaryRestored", "%s is the primary again: %s", target->pod_name,
		    intent->message);
		return;
	}
	say(deciding, intent->kind == INTENT_FAILOVER, intent->kind == INTENT_HAND_OVER ? "HandedOver" : "FailedOver",
	    "%s is the primary now, after %s: %s", target->pod_name, deciding->record->primary.pod, intent->message);
}

void adopt(struct deciding *deciding) {
	const struct replica_view *other = other_primary(deciding);
	const struct intent intent = { .kind = INTENT_HAND_OVER,
		                       .reason = "PromotedElsewhere",
		                       .started_us = deciding->view->wall_us };
	take_primary(deciding, other);
	if (deciding->spec->cluster == SQL_CLUSTER_NONE) {
		deciding->next.member_count = 0;
		record_add_member(&deciding->next, &deciding->next.primary);
		deciding->next.required = 0;
	}
	deciding->next.epoch = deciding->record->epoch + 1;
	renew_generation(deciding);
	add_to_history(deciding, deciding->record->primary.pod, other->pod_name, &intent);
	say(deciding, false, "PrimaryAdopted", "%s was made PRIMARY by somebody else: the record follows",
	    other->pod_name);
}
