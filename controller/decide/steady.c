/* While the group has its primary: what a promotion leaves behind is set right. */
#include <string.h>

#include "controller/decide/promotion.h"

enum { RESTART_AFTER_MS = 5000 }; /* a stale primary that OFFLINE does not impress */

/* Says PRIMARY, and the recorded one does too: it is fenced, or cannot acknowledge without members that follow another
 * one now. OFFLINE makes it RESOLVING; where that fails (the agent for Pacemaker knows the case) a restart does. */
static void demote(struct deciding *deciding, const struct replica_view *replica) {
	struct replica_scratch *own = scratch_of(deciding, replica);
	if (own->stale_since == 0) own->stale_since = deciding->view->now;
	if (change_server(deciding, replica,
	                  &(struct action){ .type = ACTION_OFFLINE, .reason = "another one is the primary" }))
		return;
	plan_look(deciding->plan, WHILE_BLOCKED_MS);
	const struct attempt *failed = attempt_of(deciding->view, ACTION_OFFLINE, replica->pod_name, NULL);
	if (failed == NULL || deciding->view->now - own->stale_since < RESTART_AFTER_MS) return;
	if (deciding->view->is_paused || !replica->pod.exists || replica->pod.is_deleting) return;
	if (change_api(deciding, &(struct action){ .type = ACTION_DELETE_POD,
	                                           .pod = replica->pod_name,
	                                           .text = replica->pod.uid,
	                                           .reason = "a former primary that cannot be set OFFLINE" })) {
		say(deciding, true, "StalePrimaryRestarted",
		    "%s still says PRIMARY, and OFFLINE failed (Msg %d): restarted", replica->pod_name, failed->number);
		own->stale_since = deciding->view->now;
	}
}

static void start_endpoint(struct deciding *deciding, const struct replica_view *replica) {
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_START_ENDPOINT, .reason = "no promotion is under way" });
}

static void set_right(struct deciding *deciding, const struct replica_view *replica) {
	if (!answers(deciding, replica) || deciding->spec->cluster == SQL_CLUSTER_NONE) return;
	if (replica != deciding->primary && role_of(replica) == SQL_ROLE_PRIMARY) {
		demote(deciding, replica);
		return;
	}
	scratch_of(deciding, replica)->stale_since = 0;
	if (replica->server.seen->instance.endpoint == SQL_ENDPOINT_STOPPED) start_endpoint(deciding, replica);
}

void steady_decide(struct deciding *deciding) {
	if (deciding->primary == NULL) return;
	for (size_t i = 0; i < deciding->view->replica_count; i++) set_right(deciding, &deciding->view->replicas[i]);
	requests_decide(deciding);
}
