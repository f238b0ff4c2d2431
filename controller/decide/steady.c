/* While the group has its primary: what a promotion leaves behind is set right.
 *
 * A replica whose endpoint is started, or that is re-seated, follows the first primary that contacts it, and that may
 * be an old one which lives on where we cannot see it. In strict mode that one can acknowledge nothing without the
 * member that is primary now. Else the replica's databases are suspended first, while some other replica does not
 * answer: suspended ones confirm nothing to anybody. They are resumed when the recorded primary has it (ladder.c). */
#include <string.h>

#include "controller/decide/promotion.h"

enum {
	OFFLINE_EVERY_MS = 1000,
	RESTART_AFTER_MS = 5000, /* a stale primary that OFFLINE does not impress */
};

static void restart(struct deciding *deciding, const struct replica_view *replica) {
	struct replica_scratch *own = scratch_of(deciding, replica);
	if (deciding->view->is_paused || !replica->pod.exists || replica->pod.is_deleting) return;
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

bool somebody_is_out_of_sight(const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		/* What the kubelet saw end has ended. */
		if (other == replica || other == deciding->primary || other->pod.is_terminated) continue;
		if (other->server.seen == NULL || role_of(other) == SQL_ROLE_PRIMARY) return true;
	}
	return false;
}

const struct sql_database_row *moving(const struct replica_view *replica) {
	const struct sql_observation *seen = replica->server.seen;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (row->is_local && row->name != NULL && !row->is_suspended) return row;
	}
	return NULL;
}

void suspend(struct deciding *deciding, const struct replica_view *replica, const struct sql_database_row *row) {
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_SUSPEND_MOVEMENT,
	                                .text = row->name,
	                                .reason = "it must confirm nothing to an old primary" });
}

static bool is_free_to_follow(const struct deciding *deciding, const struct replica_view *replica) {
	if (replica == deciding->primary || !somebody_is_out_of_sight(deciding, replica)) return true;
	return is_strict(deciding->record) && is_member(deciding->record, replica);
}

static void start_endpoint(struct deciding *deciding, const struct replica_view *replica) {
	const struct sql_database_row *row = is_free_to_follow(deciding, replica) ? NULL : moving(replica);
	if (row != NULL) {
		suspend(deciding, replica, row);
		return;
	}
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
