/* Volumes that grow while no pod uses them: one pod away at a time.
 *
 * A StatefulSet makes a pod that is deleted anew at once. So the StatefulSet is deleted first, leaving its pods to
 * themselves (propagation Orphan): they run on, their containers are restarted by their kubelets, and failover is ours
 * in any case. Then the pod is deleted, its volume grows, and the StatefulSet is made again: it adopts the pods that
 * are there and makes the one that is missing. (Scaling would take the highest ordinals away only; whatever keeps a pod
 * Pending stands in its template, and every pod would be of an old revision.)
 *
 * Whether the StatefulSet is away is decided anew in every pass, from what is there: as soon as another pod is gone,
 * or the request, it is made again. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/rollout.h"
#include "controller/decide/volumes.h"

/* Its node was to do its part under the running pod, and has not: it will when the pod is started anew. One that was
 * started since is on its way. */
static bool is_left_by_node(const struct replica_view *replica) {
	const struct pod_view *pod = &replica->pod;
	int64_t since = replica->claim.waits_since;
	if (!pod->exists || since == 0) return false;
	return pod->created < since || (pod->created == since && pod->is_running);
}

/* Larger, but for what its pod's node does when it is started. */
static bool may_return(const struct replica_view *replica, struct quantity size) {
	enum volume_state state = volume_state(&replica->claim, size);
	if (state == VOLUME_WAITS_FOR_NODE) return !is_left_by_node(replica);
	return state == VOLUME_DONE || state == VOLUME_ABSENT;
}

static bool is_recorded_primary(const struct deciding *deciding, const struct replica_view *replica) {
	return deciding->record->is_initialized && deciding->record->primary.pod != NULL &&
	       view_is_member(replica, &deciding->record->primary);
}

/* SQL Server does not start, which may be for want of space: nothing is lost by taking it away, primary or not. */
static bool cannot_start(const struct replica_view *replica) {
	return replica->pod.exists && replica->pod.is_stuck && !replica->pod.is_running;
}

static bool is_member(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->record->member_count; i++) {
		if (view_is_member(replica, &deciding->record->members[i])) return true;
	}
	return false;
}

/* Who has least to lose: what does not start, then what is away already, then a secondary that is not back (its disk
 * may be full: it never will be before its volume has grown), then the others, the primary last. */
static int rank_of(const struct deciding *deciding, const struct replica_view *replica) {
	if (cannot_start(replica)) return 0;
	if (is_recorded_primary(deciding, replica)) return 4;
	if (!replica->pod.exists || replica->pod.is_deleting) return 1;
	return replica_is_back(deciding, replica) ? 3 : 2;
}

const struct replica_view *volume_in_turn(const struct deciding *deciding, struct quantity size) {
	const struct replica_view *next = NULL;
	for (size_t i = deciding->spec->replica_count; i-- > 0;) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (may_return(replica, size)) continue;
		if (next == NULL || rank_of(deciding, replica) < rank_of(deciding, next)) next = replica;
	}
	return next;
}

/* ---- The StatefulSet ---- */

static bool all_others_are_there(const struct deciding *deciding, const struct replica_view *chosen) {
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == chosen) continue;
		if (!replica->pod.exists || replica->pod.is_deleting) return false;
	}
	return true;
}

static bool must_hand_over(const struct deciding *deciding, const struct replica_view *replica) {
	return replica == deciding->primary && primary_has_successor(deciding);
}

bool volumes_keep_set_away(const struct deciding *deciding) {
	const struct view *view = deciding->view;
	const struct request_view *request = active_request(view->requests, view->request_count);
	if (request == NULL || request->phase != REQUEST_PROGRESSING || !request->is_offline) return false;
	if (view->is_deleting || deciding->spec->is_halted) return false;
	const struct replica_view *replica = volume_in_turn(deciding, request->size);
	if (replica == NULL || must_hand_over(deciding, replica)) return false;
	return all_others_are_there(deciding, replica);
}

static struct json_object *identity_of_set(const struct spec *spec) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", spec->namespace);
	json_set_text(metadata, "name", spec->name);
	struct json_object *set = json_object_new_object();
	json_set_text(set, "apiVersion", "apps/v1");
	json_set_text(set, "kind", "StatefulSet");
	json_set(set, "metadata", metadata);
	return set;
}

/* What is deleted only to be made again must be known, and able to start pods. */
static bool can_be_made(const struct view *view) {
	bool is_known = false;
	for (size_t i = 0; i < view->child_count; i++) {
		const struct child_view *child = &view->children[i];
		if (child->state == CHILD_MISSING || child->state == CHILD_FOREIGN) return false;
		const char *kind = json_get_text(child->desired, "kind");
		is_known |= kind != NULL && strcmp(kind, "StatefulSet") == 0 && child->state != CHILD_SURPLUS;
	}
	return is_known && view->has_image && view->administrator_secret == SECRET_PRESENT;
}

void volumes_release_pods(struct deciding *deciding, const char *reason) {
	if (!deciding->view->has_set || deciding->view->set_is_deleting || !can_be_made(deciding->view)) return;
	const char *name = deciding->spec->name;
	change_api(deciding, &(struct action){ .type = ACTION_DELETE_SET,
	                                       .pod = name,
	                                       .text = plan_text(deciding->plan, "StatefulSet/%s", name),
	                                       .json = identity_of_set(deciding->spec),
	                                       .reason = reason });
}

/* ---- One volume ---- */

#define TEXT(...) plan_text(deciding->plan, __VA_ARGS__)

static bool is_full(const struct replica_view *replica) {
	const struct sql_observation *seen = replica->server.seen;
	for (size_t i = 0; seen != NULL && i < seen->volume_count; i++) {
		if (seen->volumes[i].available_bytes <= seen->volumes[i].total_bytes / 100) return true;
	}
	return false;
}

/* One that still has to grow, and is full or counts for nothing, is not waited for by another that is not back: both
 * may be full. */
static bool is_given_up(const struct deciding *deciding, const struct replica_view *replica,
                        const struct replica_view *chosen, struct quantity size) {
	bool is_hopeless = is_full(replica) || !is_member(deciding, replica);
	return is_hopeless && !may_return(replica, size) && !replica_is_back(deciding, chosen);
}

static const struct replica_view *other_that_is_missed(const struct deciding *deciding,
                                                       const struct replica_view *chosen, struct quantity size) {
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == chosen || replica_is_back(deciding, replica)) continue;
		if (!is_given_up(deciding, replica, chosen, size)) return replica;
	}
	return NULL;
}

static const char *hand_over(struct deciding *deciding, const char *pod) {
	const char *why = NULL;
	const char *message = TEXT("the volume of %s is expanded offline", pod);
	if (promotion_request_hand_over(deciding, NULL, "VolumeExpansion", message, &why))
		return TEXT("%s, the primary, hands over before its volume is expanded", pod);
	return TEXT("%s, the primary, cannot hand over yet: %s", pod,
	            why != NULL && *why != '\0' ? why : "nobody is ready");
}

/* Where there is a group, only while its primary serves: whoever is taken away is missed by nobody. */
static const char *what_it_waits_for(struct deciding *deciding, const struct replica_view *replica,
                                     struct quantity size) {
	if (cannot_start(replica)) return NULL;
	const struct replica_view *missed = other_that_is_missed(deciding, replica, size);
	bool has_group = deciding->spec->is_group && deciding->record->is_initialized;
	if (has_group && (deciding->state != GROUP_STEADY || deciding->primary == NULL))
		return TEXT("%s is next, and waits for the group to have a primary that answers", replica->pod_name);
	if (missed != NULL)
		return TEXT("%s is next, and waits until %s is back and synchronized", replica->pod_name,
		            missed->pod_name);
	return NULL;
}

static void take_away(struct deciding *deciding, const struct replica_view *replica, struct quantity size,
                      const char **words) {
	*words = what_it_waits_for(deciding, replica, size);
	if (*words != NULL) return;
	if (must_hand_over(deciding, replica)) {
		*words = hand_over(deciding, replica->pod_name);
		return;
	}
	*words = TEXT("%s is stopped, and its volume expanded", replica->pod_name);
	if (deciding->view->has_set) {
		volumes_release_pods(deciding, "one of its pods is stopped for a while");
	} else if (!replica->pod.is_deleting && !replica->server.is_busy) {
		change_api(deciding, &(struct action){ .type = ACTION_DELETE_POD,
		                                       .pod = replica->pod_name,
		                                       .text = replica->pod.uid,
		                                       .reason = "its volume is expanded" });
	}
}

void volume_grow_offline(struct deciding *deciding, const struct replica_view *replica, const struct volume_wish *wish,
                         const char **words) {
	if (replica->pod.exists) {
		take_away(deciding, replica, wish->size, words);
	} else if (deciding->view->has_set) {
		/* It is being made anew, for another reason. */
		*words = TEXT("%s is next, and waits for its pod", replica->pod_name);
	} else {
		*words = TEXT("%s is stopped; %s", replica->pod_name, volume_words(deciding, replica, wish));
		if (volume_state(&replica->claim, wish->size) == VOLUME_SMALL) volume_ask(deciding, replica, wish);
	}
}
