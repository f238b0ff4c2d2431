/* The role on each pod, which the Services lead clients by: primary on one pod at most. A pod whose role is not known
 * keeps what it has, for a probe that failed is no reason to turn readers away; only "primary" must be earned. */
#include <string.h>

#include "controller/decide/deciding.h"

static bool is(const char *text, const char *wanted) {
	return text != NULL && wanted != NULL && strcmp(text, wanted) == 0;
}

static void set_label(struct deciding *deciding, const struct replica_view *replica, const char *label) {
	if (label == replica->pod.role_label || is(label, replica->pod.role_label)) return;
	change_api(deciding, &(struct action){ .type = ACTION_LABEL_POD,
	                                       .pod = replica->pod_name,
	                                       .text = label,
	                                       .reason = "the role of its server" });
}

static bool is_labelled_primary(const struct deciding *deciding, const struct replica_view *replica) {
	return replica->pod.exists && is(replica->pod.role_label, deciding->spec->primary_label);
}

/* By `next`: the labels change in the pass in which a new primary is recorded, not one later. */
static bool is_recorded_primary(const struct deciding *deciding, const struct replica_view *replica) {
	return view_is_member(replica, &deciding->next.primary);
}

static bool is_somebody(const char *pod) {
	return pod != NULL && *pod != '\0';
}

/* While a promotion is under way nobody is primary but the one it is meant for; else the recorded one, or, where none
 * is recorded, whoever has the label. */
static bool may_stay_primary(const struct deciding *deciding, const struct replica_view *replica) {
	const struct record *next = &deciding->next;
	if (next->intent.kind != INTENT_NONE) return is(next->intent.target, replica->pod_name);
	if (!is_somebody(next->primary.pod)) return true;
	return is_recorded_primary(deciding, replica);
}

/* What a pod is labelled that may not be primary; NULL: nothing, until its role is known. */
static const char *label_beside_primary(const struct replica_view *replica) {
	return replica->spec != NULL && role_of(replica) == SQL_ROLE_SECONDARY ? replica->spec->role_label : NULL;
}

/* Whether nobody else has the label: it goes first. Where it cannot be taken off, clients of the new primary do not
 * wait for that. */
static bool is_label_free(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		if (other == replica || !other->pod.is_ours || !is_labelled_primary(deciding, other)) continue;
		const char *label = label_beside_primary(other);
		if (attempt_of(deciding->view, ACTION_LABEL_POD, other->pod_name, label) == NULL) return false;
	}
	return true;
}

static void label_replica(struct deciding *deciding, const struct replica_view *replica) {
	enum sql_role role = role_of(replica);
	bool is_primary = role == SQL_ROLE_PRIMARY && is_recorded_primary(deciding, replica) &&
	                  deciding->next.intent.kind == INTENT_NONE;
	if (is_primary) {
		if (is_label_free(deciding, replica)) set_label(deciding, replica, deciding->spec->primary_label);
	} else if (role == SQL_ROLE_SECONDARY) {
		set_label(deciding, replica, label_beside_primary(replica));
	} else if (is_labelled_primary(deciding, replica) && !may_stay_primary(deciding, replica)) {
		set_label(deciding, replica, NULL);
	}
}

/* One server: clients may come as soon as it is ready, which is Kubernetes' to say. */
static void label_standalone(struct deciding *deciding, const struct replica_view *replica) {
	set_label(deciding, replica, replica->spec != NULL ? deciding->spec->primary_label : NULL);
}

void labels_decide(struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!replica->pod.exists || !replica->pod.is_ours) continue;
		if (deciding->spec->is_group) label_replica(deciding, replica);
		else label_standalone(deciding, replica);
	}
}
