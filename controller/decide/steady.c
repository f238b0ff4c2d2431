/* While the group has its primary: what a promotion leaves behind is set right.
 *
 * A replica whose endpoint is started, or that is re-seated, follows the first primary that contacts it, and that may
 * be an old one which lives on where we cannot see it. In strict mode that one can acknowledge nothing without the
 * member that took its place, while that is the primary. Else the replica's databases are suspended first, while some
 * other replica does not answer: suspended ones confirm nothing to anybody. They are resumed when the recorded primary
 * has it (ladder.c). Where they cannot be suspended the replica waits until everybody is in sight. */
#include <string.h>

#include "controller/decide/promotion.h"

enum {
	OFFLINE_EVERY_MS = 1000,
	RESTART_AFTER_MS = 5000, /* a stale primary that OFFLINE does not impress */
};

/* Whether an ops request has the pods or not: it may wait for this very replica to be back. */
static void restart(struct deciding *deciding, const struct replica_view *replica) {
	struct replica_scratch *own = scratch_of(deciding, replica);
	if (!replica->pod.exists || replica->pod.is_deleting) return;
	if (!change_api(deciding, &(struct action){ .type = ACTION_DELETE_POD,
	                                            .pod = replica->pod_name,
	                                            .text = replica->pod.uid,
	                                            .reason = "a former primary that cannot be set OFFLINE" }))
		return;
	say(deciding, true, "StalePrimaryRestarted", "%s still says PRIMARY after OFFLINE: it is restarted",
	    replica->pod_name);
	own->stale_since = own->offline_at = deciding->view->now;
}

/* Says PRIMARY, and the recorded one does too: it is fenced, or cannot acknowledge without members that follow another
 * one now. OFFLINE makes it RESOLVING; where that does not (the agent for Pacemaker knows the case) a restart does.
 * Whether it has shows in the role alone: SQL Server's Msg 41131 is of severity 10, no error. */
static void demote(struct deciding *deciding, const struct replica_view *replica) {
	struct replica_scratch *own = scratch_of(deciding, replica);
	int64_t now = deciding->view->now;
	if (own->stale_since == 0) own->stale_since = now;
	plan_look(deciding->plan, OFFLINE_EVERY_MS);
	if (now - own->stale_since >= RESTART_AFTER_MS) {
		restart(deciding, replica);
		return;
	}
	if (own->offline_at != 0 && now - own->offline_at < OFFLINE_EVERY_MS) return;
	if (change_server(deciding, replica,
	                  &(struct action){ .type = ACTION_OFFLINE, .reason = "another one is the primary" }))
		own->offline_at = now;
}

static bool is_out_of_sight(const struct deciding *deciding, const struct replica_view *other) {
	/* What the kubelet saw end has ended. */
	if (other == deciding->primary || other->pod.is_terminated) return false;
	return other->server.seen == NULL || role_of(other) == SQL_ROLE_PRIMARY;
}

/* Whether an old primary might be about where we cannot see it: beside the recorded one and this replica. */
static bool somebody_is_out_of_sight(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		if (other != replica && is_out_of_sight(deciding, other)) return true;
	}
	return false;
}

/* A copy of a group database here that is not suspended; NULL: none. */
static const struct sql_database_row *moving(const struct replica_view *replica) {
	const struct sql_observation *seen = replica->server.seen;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (row->is_local && row->name != NULL && !row->is_suspended) return row;
	}
	return NULL;
}

/* That the members are few enough now to be strict says nothing of an old primary's days: the spec must be. */
static bool was_always_strict(const struct deciding *deciding) {
	return deciding->spec->required < 0 && is_strict(deciding->record);
}

/* The last promotion from this one; -1: none that is known of. */
static int promotion_from(const struct record *record, const struct replica_view *replica) {
	for (size_t i = 0; i < record->failover_count; i++) {
		const char *from = record->failovers[i].from;
		if (from != NULL && strcmp(from, replica->pod_name) == 0) return (int)i;
	}
	return -1;
}

/* What lives on there, in strict mode, can acknowledge nothing without the present primary: it still is counted as a
 * member, and nobody else was since; or it was never a primary, or the one before, and each member held everything
 * then. One from before that may need nobody but former primaries. */
static bool needs_the_primary(const struct deciding *deciding, const struct replica_view *other) {
	const struct record *record = deciding->record;
	if (is_member(record, other)) return true;
	int promotion = promotion_from(record, other);
	if (promotion < 0) return record->failover_count < HISTORY_MAX;
	return promotion == 0 && deciding->scratch->loose_epoch != record->epoch;
}

static bool is_free_to_follow(const struct deciding *deciding, const struct replica_view *replica) {
	if (replica == deciding->primary) return true;
	bool is_strict_member = was_always_strict(deciding) && is_member(deciding->record, replica);
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		if (other == replica || !is_out_of_sight(deciding, other)) continue;
		if (!is_strict_member || !needs_the_primary(deciding, other)) return false;
	}
	return true;
}

/* SQL Server itself has said no, and nothing has happened: no lost reply, no refused login. */
static const struct attempt *refused_suspension(const struct deciding *deciding, const struct replica_view *replica,
                                                const struct sql_database_row *row) {
	const struct attempt *attempt =
	        attempt_of(deciding->view, ACTION_SUSPEND_MOVEMENT, replica->pod_name, row->name);
	return is_refusal(attempt) ? attempt : NULL;
}

bool may_follow(struct deciding *deciding, const struct replica_view *replica, bool is_seated) {
	bool is_free = is_free_to_follow(deciding, replica);
	/* A free one may be let go at once; who is told anew whom to follow is suspended if it can be, to be sure. */
	if (is_free && !(is_seated && somebody_is_out_of_sight(deciding, replica))) return true;
	const struct sql_database_row *row = moving(replica);
	if (row == NULL) return true;
	const struct attempt *refused = refused_suspension(deciding, replica, row);
	if (is_free && refused != NULL) return true;
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_SUSPEND_MOVEMENT,
	                                .text = row->name,
	                                .reason = "it must confirm nothing to an old primary" });
	if (refused == NULL) return false;
	find(deciding, "ReplicasSynchronized", false, "WaitingForSight",
	     "%s follows the primary when every other replica answers, or is known to have ended: an old primary may "
	     "live where it is not seen, and SQL Server does not suspend %s (Msg %d)",
	     replica->pod_name, row->name, refused->number);
	return false;
}

bool may_join(const struct deciding *deciding, const struct replica_view *replica) {
	if (deciding->spec->required < 0 || deciding->record->epoch <= 1) return true;
	return !somebody_is_out_of_sight(deciding, replica);
}

static void start_endpoint(struct deciding *deciding, const struct replica_view *replica) {
	if (!may_follow(deciding, replica, false)) return;
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_START_ENDPOINT, .reason = "no promotion is under way" });
}

static void set_right(struct deciding *deciding, const struct replica_view *replica) {
	if (!answers(deciding, replica) || deciding->spec->cluster == SQL_CLUSTER_NONE) return;
	if (replica != deciding->primary && role_of(replica) == SQL_ROLE_PRIMARY) {
		demote(deciding, replica);
		return;
	}
	scratch_of(deciding, replica)->stale_since = scratch_of(deciding, replica)->offline_at = 0;
	if (replica->server.seen->instance.endpoint == SQL_ENDPOINT_STOPPED) start_endpoint(deciding, replica);
}

void steady_decide(struct deciding *deciding) {
	if (deciding->primary == NULL) return;
	for (size_t i = 0; i < deciding->view->replica_count; i++) set_right(deciding, &deciding->view->replicas[i]);
	requests_decide(deciding);
}
