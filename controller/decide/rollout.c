/* Pods of an older revision make place for the newest one: secondaries one at a time, each back before the next, and
 * the primary last, after a hand-over. And the primary leaves a node that is cordoned, before it is drained.
 *
 * The StatefulSet replaces nothing by itself (OnDelete), a pod that cannot start least of all: whoever mends a broken
 * image or setting relies on this. */
#include <string.h>

#include "controller/decide/rollout.h"

#define ROLLOUT_COMPLETE "RolloutComplete"

static bool is_outdated(const struct replica_view *replica) {
	return replica->pod.exists && replica->pod.is_ours && !replica->pod.is_current;
}

static bool is_primary(const struct deciding *deciding, const struct replica_view *replica) {
	return replica == deciding->primary;
}

static bool is_recorded_member(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->record->member_count; i++) {
		if (view_is_member(replica, &deciding->record->members[i])) return true;
	}
	return false;
}

/* Synchronized, as the primary sees it; where commits do not wait for it, connected and on its way. */
static bool is_in_step(const struct deciding *deciding, const struct replica_view *replica) {
	bool is_synchronous = replica->spec->availability == SQL_SYNCHRONOUS_COMMIT;
	const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod_name);
	return row != NULL && row->connected == SQL_CONNECTED &&
	       peer_databases_are(deciding, replica->pod_name, is_synchronous ? SQL_SYNCHRONIZED : SQL_SYNCHRONIZING);
}

/* Whether it is what the group counts on again: one that may be promoted, a recorded member, too. */
static bool is_trusted(const struct deciding *deciding, const struct replica_view *replica) {
	return is_in_step(deciding, replica) && (!replica->spec->is_candidate || is_recorded_member(deciding, replica));
}

/* Whether it does what it is there for. An outdated pod need not be ready: what keeps it from that may be what the new
 * revision mends. */
bool replica_is_back(const struct deciding *deciding, const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (!pod->exists || pod->is_deleting || !pod->is_running) return false;
	if (!is_outdated(replica) && !pod->is_ready) return false;
	return !deciding->record->is_initialized || is_primary(deciding, replica) || is_trusted(deciding, replica);
}

/* ---- Restarting ---- */

static size_t count_outdated(const struct deciding *deciding) {
	size_t count = 0;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		count += is_outdated(&deciding->view->replicas[i]);
	}
	return count;
}

static void restart(struct deciding *deciding, const struct replica_view *replica) {
	if (replica->pod.is_deleting || replica->server.is_busy) return;
	change_api(deciding, &(struct action){ .type = ACTION_DELETE_POD,
	                                       .pod = replica->pod_name,
	                                       .text = replica->pod.uid,
	                                       .reason = "it is of an older revision" });
}

/* What cannot start holds nobody up, in whatever state the group is, and may be all that it waits for. Data that goes
 * with the pod is spared, unless there never was any. */
static bool is_worthless(const struct deciding *deciding, const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (!is_outdated(replica) || !pod->is_stuck || pod->is_running) return false;
	return deciding->spec->has_own_claims || !pod->is_terminated;
}

static bool replace_stuck(struct deciding *deciding) {
	const struct replica_view *first = NULL;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!is_worthless(deciding, replica)) continue;
		restart(deciding, replica);
		if (first == NULL) first = replica;
	}
	if (first == NULL) return false;
	find_news(deciding, false, ROLLOUT_COMPLETE, false, "ReplacingPod",
	          "%s cannot start and makes place for the newest revision: %s", first->pod_name, first->pod.trouble);
	return true;
}

/* Nothing is lost with servers that are no group yet, and a single one cannot be spared any other way. */
static void restart_all(struct deciding *deciding) {
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (is_outdated(replica)) restart(deciding, replica);
	}
	find_news(deciding, false, ROLLOUT_COMPLETE, false, "Restarting", "%s restarted for the newest revision",
	          deciding->spec->replica_count > 1 ? "all pods of an older one are" : "the pod is");
}

/* ---- One after the other ---- */

/* The replica that the roll waits for, beside `chosen`, which is about to be restarted (NULL: nobody is): one that is
 * not back, unless it is outdated itself and counts for nothing. */
static const struct replica_view *waits_for(const struct deciding *deciding, const struct replica_view *chosen) {
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == chosen || replica_is_back(deciding, replica)) continue;
		if (is_outdated(replica) && !replica->pod.is_deleting && !is_recorded_member(deciding, replica))
			continue;
		return replica;
	}
	return NULL;
}

/* The secondary to restart next: one that is not back has least to lose, then the highest ordinal, as a StatefulSet
 * does it. NULL: only the primary is left. */
static const struct replica_view *next_secondary(const struct deciding *deciding) {
	const struct replica_view *next = NULL;
	for (size_t i = deciding->spec->replica_count; i-- > 0;) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!is_outdated(replica) || is_primary(deciding, replica)) continue;
		if (!replica_is_back(deciding, replica)) return replica;
		if (next == NULL) next = replica;
	}
	return next;
}

static const char *why_not_back(const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	if (pod->is_stuck) return pod->trouble;
	if (!pod->exists) return "its pod does not exist yet";
	if (pod->is_deleting) return "its pod is being stopped";
	if (!pod->is_running) return "SQL Server is not running";
	if (!pod->is_ready && pod->is_current) return "it is not ready";
	return "it is not synchronized";
}

/* To wait is no news; to wait for what will not come is. */
static void wait_for(struct deciding *deciding, const struct replica_view *replica) {
	const char *why = why_not_back(replica);
	if (replica->pod.is_stuck) {
		find_news(deciding, true, ROLLOUT_COMPLETE, false, "ReplicaStuck", "%s does not come up: %s",
		          replica->pod_name, why);
	} else {
		find(deciding, ROLLOUT_COMPLETE, false, "WaitingForReplica", "%s is not back yet: %s",
		     replica->pod_name, why);
	}
}

/* ---- The primary ---- */

/* Whether the object lets anybody else be primary: else the primary is restarted where it is. In a group that commits
 * asynchronously everybody may, being raised to synchronous commit first. */
bool primary_has_successor(const struct deciding *deciding) {
	const struct spec *spec = deciding->spec;
	bool has_synchronous = false, has_other = false;
	for (size_t i = 0; i < spec->replica_count; i++) {
		bool is_other = &spec->replicas[i] != deciding->primary->spec;
		has_synchronous |= spec->replicas[i].availability == SQL_SYNCHRONOUS_COMMIT;
		has_other |= is_other;
		if (spec->replicas[i].is_candidate && is_other) return true;
	}
	return spec->cluster == SQL_CLUSTER_EXTERNAL && has_other && !has_synchronous;
}

static void roll_primary(struct deciding *deciding) {
	const char *pod = deciding->primary->pod_name;
	if (!primary_has_successor(deciding)) {
		restart(deciding, deciding->primary);
		find_news(deciding, false, ROLLOUT_COMPLETE, false, "RestartingPrimary",
		          "%s is restarted for the newest revision; there is nobody to hand over to", pod);
		return;
	}
	const char *why = NULL;
	if (promotion_request_hand_over(deciding, NULL, "RollingUpdate",
	                                plan_text(deciding->plan, "%s is restarted for the newest revision", pod),
	                                &why)) {
		find(deciding, ROLLOUT_COMPLETE, false, "HandingOver",
		     "%s, the primary, hands over before it is restarted", pod);
	} else {
		find_news(deciding, false, ROLLOUT_COMPLETE, false, "WaitingForHandOver",
		          "%s, the primary, cannot hand over yet: %s", pod,
		          why != NULL && *why != '\0' ? why : "nobody is ready");
	}
}

/* A replica that the primary is seeding; NULL: none. A restart on either side would begin it anew. */
static const struct replica_view *seeded(const struct deciding *deciding) {
	const struct sql_observation *seen = deciding->primary->server.seen;
	for (size_t i = 0; i < seen->seeding_count; i++) {
		const struct sql_seeding_row *seeding = &seen->seedings[i];
		if (!seeding->is_source || seeding->is_complete || seeding->remote_replica_id == NULL) continue;
		for (size_t j = 0; j < deciding->spec->replica_count; j++) {
			const struct replica_view *replica = &deciding->view->replicas[j];
			const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod_name);
			if (row != NULL && strcmp(row->replica_id, seeding->remote_replica_id) == 0) return replica;
		}
	}
	return NULL;
}

static void roll(struct deciding *deciding) {
	const struct replica_view *busy = seeded(deciding);
	if (busy != NULL) {
		find(deciding, ROLLOUT_COMPLETE, false, "WaitingForReplica", "%s is being seeded", busy->pod_name);
		return;
	}
	const struct replica_view *secondary = next_secondary(deciding);
	const struct replica_view *missing = waits_for(deciding, secondary);
	if (missing != NULL) {
		wait_for(deciding, missing);
	} else if (secondary != NULL) {
		restart(deciding, secondary);
		find_news(deciding, false, ROLLOUT_COMPLETE, false, "Restarting",
		          "%s is restarted for the newest revision", secondary->pod_name);
	} else if (is_outdated(deciding->primary)) {
		roll_primary(deciding);
	}
}

/* ---- Leaving a cordoned node ---- */

static bool can_take_over(const struct deciding *deciding, const struct replica_view *replica) {
	const struct node_view *node = &replica->node;
	if (is_primary(deciding, replica) || !replica_is_back(deciding, replica) || !replica->pod.is_ready)
		return false;
	if (node->exists && (node->is_cordoned || !node->is_ready)) return false;
	return replica->spec->is_candidate || replica->spec->availability == SQL_ASYNCHRONOUS_COMMIT;
}

/* One that will not be restarted soon, if there is any; NULL: nobody can take over. */
static const char *best_successor(const struct deciding *deciding) {
	const struct replica_view *best = NULL;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!can_take_over(deciding, replica)) continue;
		if (best == NULL || (is_outdated(best) && !is_outdated(replica))) best = replica;
	}
	return best != NULL ? best->pod_name : NULL;
}

/* True: it is about to, and nothing is restarted meanwhile. */
static bool leave(struct deciding *deciding) {
	const struct replica_view *primary = deciding->primary;
	if (deciding->state != GROUP_STEADY || primary == NULL || !primary->node.is_cordoned) return false;
	const char *successor = primary_has_successor(deciding) ? best_successor(deciding) : NULL;
	if (successor == NULL) return false;
	const char *message =
	        plan_text(deciding->plan, "node %s, of primary %s, is cordoned", primary->pod.node, primary->pod_name);
	promotion_request_hand_over(deciding, successor, "NodeCordoned", message, NULL);
	return true;
}

/* ---- Together ---- */

/* It is complete when every replica is back, and stays so. One that is down at another time, or does not come up in the
 * first place, is no roll that is under way. */
static void find_complete(struct deciding *deciding) {
	bool is_rolling = condition_is_stored(deciding, ROLLOUT_COMPLETE, "False");
	for (size_t i = 0; i < deciding->spec->replica_count && is_rolling; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica_is_back(deciding, replica)) continue;
		wait_for(deciding, replica);
		return;
	}
	find_news(deciding, false, ROLLOUT_COMPLETE, true, "RolloutComplete", "every pod is of the newest revision");
}

void rollout_decide(struct deciding *deciding) {
	bool is_paused = deciding->view->is_paused;
	bool is_leaving = !is_paused && leave(deciding);
	if (count_outdated(deciding) == 0) {
		find_complete(deciding);
	} else if (is_paused) {
		find(deciding, ROLLOUT_COMPLETE, false, "Paused", "an ops request has the pods");
	} else if (is_leaving) {
		find(deciding, ROLLOUT_COMPLETE, false, "HandingOver", "the primary leaves its pod first");
	} else if (replace_stuck(deciding)) {
		return;
	} else if (!deciding->spec->is_group || !deciding->record->is_initialized) {
		restart_all(deciding);
	} else if (deciding->state == GROUP_STEADY && deciding->primary != NULL) {
		roll(deciding);
	} else {
		find(deciding, ROLLOUT_COMPLETE, false, "WaitingForPrimary",
		     "no pod is restarted while the group has no primary");
	}
}
