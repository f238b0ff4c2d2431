#include "simulation/published_policy.h"

#include <stdio.h>
#include <string.h>

#include "controller/decide/deciding.h"
#include "sql/messages.h"
#include "sql/statements.h"

enum {
	/* ---- Promotion ---- */
	NOTICED_MS = 1000,       /* path 2: FAILOVER within 1 to 2 s of the kill [S, "What the Operator Does"] */
	THRESHOLD_LAG_MS = 1000, /* path 1: the threshold is over at 30 s, FAILOVER at 31 s [F R, timeline; F L22] */
	ASK_AGAIN_MS = 5000,     /* refused (Msg 41142): at the next pass [S, "Path 2"], which is 5 s later [F L3] */
	/* A frozen server. The readiness probe fails 45 s after the freeze, the timer starts at 63 s, the other one is
	 * primary at 113 s: 20 s more than the threshold of 30 s, since a pass waits for the frozen server [F E]. */
	FROZEN_TIMER_MS = 63000,
	FROZEN_LAG_MS = 20000,
	/* ---- Labels ---- */
	LABELS_MS = 9000,         /* promoted at 17:05:51.5, labelled at 17:06:00 to 01 [S, operator's log] */
	LABELS_PLANNED_MS = 6000, /* a planned failover is over in about 6 s [F L29, L38] */
	/* ---- The ladder ---- */
	FIRST_PASS_MS =
	        7000,   /* labels at 17:06:01, the first replica is re-seated at 17:06:08 [S, "The Recovery Phase"] */
	PASS_MS = 5000, /* between two passes while a replica needs help [F L2, L3] */
	SEATED_LAST_MS = 60000,   /* not re-seated again before: it would tear down what is being set up [F L4] */
	STUCK_MS = 15000,         /* NOT SYNCHRONIZING for so long: its endpoint is restarted [F L31] */
	STUCK_LONG_MS = 30000,    /* … both endpoints, and the count begins anew [F L31; S: at 33 and 58 s] */
	LATCHED_MS = 30000,       /* Msg 41104 for so long: OFFLINE and both endpoints [F L16] … */
	LATCHED_AGAIN_MS = 90000, /* … and again after [F L17] */
	STOPPED_MS = 5000,        /* between STOP and START of an endpoint [F L22] */
	RESTART_MS = 7000,        /* and the next one's turn: 17:06:43 to 17:06:50 [S, operator's log] */
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void keep(char *to, size_t size, const char *text) {
	snprintf(to, size, "%s", text != NULL ? text : "");
}

static void act(struct plan *plan, enum action_type type, const char *pod, const char *reason) {
	plan_add(plan, &(struct action){ .type = type, .pod = pod, .reason = reason });
}

/* ---- Who is primary ---- */

static void follow(const struct view *view, struct published *memory, const struct replica_view *primary) {
	bool is_planned = strcmp(memory->target, primary->pod_name) != 0;
	keep(memory->primary, sizeof(memory->primary), primary->pod_name);
	keep(memory->uid, sizeof(memory->uid), primary->pod.uid);
	memory->target[0] = '\0';
	memory->headless_at = memory->not_ready_at = memory->asked_at = 0;
	memory->labels_at = view->now + (is_planned ? LABELS_PLANNED_MS : LABELS_MS);
	memory->reconcile_at = memory->labels_at + FIRST_PASS_MS;
	memset(memory->replicas, 0, sizeof(memory->replicas));
}

/* "If another pod has assumed the role, it corrects its records" [S, "Path 2"]: when FAILOVER has worked, and when the
 * hook of a pod that is being deleted has sent it. */
static void correct_record(const struct view *view, struct published *memory) {
	const struct replica_view *primary = view_find(view, memory->primary);
	bool stays = primary != NULL && role_of(primary) == SQL_ROLE_PRIMARY && !primary->pod.is_deleting;
	for (size_t i = 0; i < view->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (replica == primary || role_of(replica) != SQL_ROLE_PRIMARY) continue;
		if (stays && strcmp(memory->target, replica->pod_name) != 0) continue;
		follow(view, memory, replica);
		return;
	}
	if (stays) keep(memory->uid, sizeof(memory->uid), primary->pod.uid);
}

/* Path 2: the recorded primary's pod is another one, or it is Ready and serves in another role [S, "Path 2"; that a
 * force-deleted pod counts at once follows from the times there]. */
static bool is_headless(const struct published *memory, const struct replica_view *primary) {
	if (primary == NULL || !primary->pod.exists || !same(primary->pod.uid, memory->uid)) return true;
	enum sql_role role = role_of(primary);
	return primary->pod.is_ready && (role == SQL_ROLE_SECONDARY || role == SQL_ROLE_RESOLVING);
}

static bool is_frozen(const struct replica_view *primary) {
	const struct server_view *server = &primary->server;
	return primary->pod.is_running && primary->node.is_ready && server->silent_since != 0 && server->has_failed &&
	       server->failure == ERROR_TIMEOUT;
}

/* sp_server_diagnostics in error, at the default threshold "system"; a server that cannot be asked counts as healthy
 * [F R, "Two-layer health model"]. */
static bool is_unhealthy(const struct replica_view *primary) {
	return primary->server.diagnostics[DIAGNOSTIC_SYSTEM] >= 3;
}

static bool is_not_ready(const struct replica_view *primary) {
	bool is_down = primary->pod.is_terminated || !primary->pod.is_running || !primary->node.is_ready;
	bool refuses = primary->server.has_failed && primary->server.failure == ERROR_UNAVAILABLE;
	return !primary->pod.is_ready && (is_down || refuses);
}

/* Path 1: the time at which the threshold's timer starts; 0: nothing speaks against the primary. */
static int64_t timer_of(const struct view *view, const struct replica_view *primary) {
	if (is_frozen(primary)) return primary->server.silent_since + FROZEN_TIMER_MS;
	return is_not_ready(primary) || is_unhealthy(primary) ? view->now : 0;
}

static bool threshold_is_over(const struct view *view, struct published *memory, const struct replica_view *primary) {
	int64_t timer = timer_of(view, primary);
	bool is_well = primary->pod.is_ready && role_of(primary) == SQL_ROLE_PRIMARY && timer == 0;
	if (is_well) memory->not_ready_at = 0;
	if (timer == 0) return false;
	if (memory->not_ready_at == 0) memory->not_ready_at = timer;
	int64_t lag = is_frozen(primary) ? FROZEN_LAG_MS : THRESHOLD_LAG_MS;
	return view->now >= memory->not_ready_at + view->spec->silence_ms + lag;
}

static bool is_lost(const struct view *view, struct published *memory, const struct replica_view *primary) {
	if (!is_headless(memory, primary)) {
		memory->headless_at = 0;
		return threshold_is_over(view, memory, primary);
	}
	/* Between one and two seconds: the clock's own milliseconds say where, so that this stays pure. */
	if (memory->headless_at == 0) memory->headless_at = view->now + NOTICED_MS + view->now % 1000;
	return view->now >= memory->headless_at;
}

/* ---- FAILOVER ---- */

static bool was_refused(const struct view *view, const struct replica_view *replica) {
	const struct attempt *attempt = attempt_of(view, ACTION_PROMOTE, replica->pod_name, NULL);
	return attempt != NULL && attempt->number == SQL_MSG_NOT_SYNCHRONIZED;
}

static bool is_healthy(const struct replica_view *replica) {
	const struct sql_replica_row *row = sql_observation_local(replica->server.seen);
	return row != NULL && same(row->synchronization_health, "HEALTHY");
}

/* Synchronous and automatic; one that says HEALTHY, else the first that can be reached; after a refusal another one
 * [F R, "Replica selection"]. */
static const struct replica_view *candidate(const struct view *view, const struct published *memory) {
	const struct replica_view *best = NULL;
	int best_points = -1;
	for (size_t i = 0; i < view->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (strcmp(replica->pod_name, memory->primary) == 0 || replica->spec == NULL) continue;
		if (!replica->spec->is_candidate || replica->server.seen == NULL || !replica->server.seen->has_group)
			continue;
		int points = (was_refused(view, replica) ? 0 : 2) + is_healthy(replica);
		if (points <= best_points) continue;
		best = replica;
		best_points = points;
	}
	return best;
}

static void fail_over(const struct view *view, struct published *memory, struct plan *plan) {
	if (memory->asked_at != 0 && view->now - memory->asked_at < ASK_AGAIN_MS) return;
	const struct replica_view *target = candidate(view, memory);
	if (target == NULL || target->server.is_busy) return;
	keep(memory->target, sizeof(memory->target), target->pod_name);
	memory->asked_at = view->now;
	act(plan, ACTION_PROMOTE, target->pod_name, "no primary");
}

/* ---- Labels ---- */

static void label(const struct view *view, const struct published *memory, struct plan *plan) {
	if (view->now < memory->labels_at) return;
	for (size_t i = 0; i < view->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (!replica->pod.exists || replica->spec == NULL) continue;
		bool is_primary = strcmp(replica->pod_name, memory->primary) == 0;
		const char *wanted = is_primary ? view->spec->primary_label : replica->spec->role_label;
		if (same(replica->pod.role_label, wanted)) continue;
		plan_add(plan, &(struct action){ .type = ACTION_LABEL_POD,
		                                 .pod = replica->pod_name,
		                                 .text = wanted,
		                                 .reason = "the role of its server" });
	}
}

/* ---- Endpoints, one after the other ---- */

static void add_step(struct published *memory, int64_t at, enum action_type type, const char *pod) {
	if (memory->step_count == ARRAY_LENGTH(memory->steps)) return;
	struct published_step *step = &memory->steps[memory->step_count++];
	*step = (struct published_step){ .at = at, .type = type };
	keep(step->pod, sizeof(step->pod), pod);
}

static void restart(struct published *memory, int64_t at, const char *pod) {
	add_step(memory, at, ACTION_STOP_ENDPOINT, pod);
	add_step(memory, at + STOPPED_MS, ACTION_START_ENDPOINT, pod);
	memory->reconcile_at = at + RESTART_MS;
}

static void restart_both(struct published *memory, int64_t now, const char *pod) {
	restart(memory, now, pod);
	restart(memory, now + RESTART_MS, memory->primary);
}

/* A step waits while a change is under way on its server: of several the first is done, and the others are lost. */
static void take_steps(const struct view *view, struct published *memory, struct plan *plan) {
	for (size_t i = 0; i < memory->step_count; i++) {
		const struct published_step step = memory->steps[i];
		const struct replica_view *replica = view_find(view, step.pod);
		if (view->now < step.at || (replica != NULL && replica->server.is_busy)) continue;
		act(plan, step.type, step.pod, "its endpoint is restarted");
		memmove(&memory->steps[i], &memory->steps[i + 1], (--memory->step_count - i) * sizeof(step));
		return;
	}
}

/* ---- The ladder ---- */

struct patient {
	const struct view *view;
	struct published *memory;
	struct plan *plan;
	const struct replica_view *replica, *primary;
	struct published_replica *own;
};

static void seat(const struct patient *patient) {
	act(patient->plan, ACTION_BECOME_SECONDARY, patient->replica->pod_name, "re-seated");
	patient->own->seated_at = patient->view->now;
}

/* RESOLVING: told to follow, again and again. With Msg 41104 it is latched. */
static void help_resolving(const struct patient *patient) {
	const char *pod = patient->replica->pod_name;
	struct published_replica *own = patient->own;
	int64_t now = patient->view->now;
	const struct attempt *attempt = attempt_of(patient->view, ACTION_BECOME_SECONDARY, pod, NULL);
	bool is_latched = attempt != NULL && attempt->number == SQL_MSG_LATCHED;
	if (!is_latched) own->latched_since = 0;
	else if (own->latched_since == 0) own->latched_since = now;
	bool is_due = own->offline_at == 0 || now - own->offline_at >= LATCHED_AGAIN_MS;
	if (is_latched && now - own->latched_since >= LATCHED_MS && is_due) {
		own->offline_at = now;
		act(patient->plan, ACTION_OFFLINE, pod, "latched");
		restart_both(patient->memory, now + 1000, pod);
		return;
	}
	seat(patient);
}

/* As the primary sees it. */
static bool is_not_synchronizing(const struct patient *patient) {
	const struct sql_replica_row *row = peer_row(patient->primary, patient->replica->pod_name);
	if (row == NULL) return false;
	const struct sql_observation *seen = patient->primary->server.seen;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *database = &seen->databases[i];
		if (same(database->replica_id, row->replica_id) && database->synchronization == SQL_NOT_SYNCHRONIZING)
			return true;
	}
	return row->connected != SQL_CONNECTED;
}

/* Re-seat, its endpoint, both endpoints [S, "The Recovery Phase"]. */
static void help_secondary(const struct patient *patient) {
	struct published_replica *own = patient->own;
	int64_t now = patient->view->now;
	if (!is_not_synchronizing(patient)) {
		own->stuck_since = 0;
		own->restarted = false;
		return;
	}
	if (own->stuck_since == 0) own->stuck_since = now;
	if (own->seated_at == 0 || now - own->seated_at >= SEATED_LAST_MS) {
		seat(patient);
		return;
	}
	int64_t stuck = now - own->stuck_since;
	if (stuck >= STUCK_LONG_MS) {
		restart_both(patient->memory, now, patient->replica->pod_name);
		own->stuck_since = now;
		own->restarted = false;
	} else if (stuck >= STUCK_MS && !own->restarted) {
		restart(patient->memory, now, patient->replica->pod_name);
		own->restarted = true;
	}
}

static void help(const struct patient *patient) {
	if (!patient->replica->pod.is_ready || patient->replica->server.seen == NULL) return;
	switch (role_of(patient->replica)) {
	case SQL_ROLE_PRIMARY: /* a former one that was not restarted [F L13] */
		act(patient->plan, ACTION_OFFLINE, patient->replica->pod_name, "another one is primary");
		break;
	case SQL_ROLE_RESOLVING: help_resolving(patient); break;
	case SQL_ROLE_SECONDARY: help_secondary(patient); break;
	default: break;
	}
}

/* One replica after the other; whoever has an endpoint restarted ends the pass. */
static void reconcile(const struct view *view, struct published *memory, struct plan *plan) {
	const struct replica_view *primary = view_find(view, memory->primary);
	if (view->now < memory->reconcile_at || memory->step_count > 0) return;
	if (primary == NULL || primary->server.seen == NULL || role_of(primary) != SQL_ROLE_PRIMARY) return;
	memory->reconcile_at = view->now + PASS_MS;
	for (size_t i = 0; i < view->replica_count && memory->step_count == 0; i++) {
		struct published_replica *own = &memory->replicas[i];
		const struct replica_view *replica = &view->replicas[i];
		if (replica == primary) continue;
		keep(own->pod, sizeof(own->pod), replica->pod_name);
		help(&(struct patient){ view, memory, plan, replica, primary, own });
	}
}

void published_decide(const struct view *view, struct published *memory, struct plan *plan) {
	if (memory->primary[0] == '\0' && view->record->primary.pod != NULL)
		keep(memory->primary, sizeof(memory->primary), view->record->primary.pod);
	plan->state = "Watching";
	plan_look(plan, 500);
	correct_record(view, memory);
	label(view, memory, plan);
	if (is_lost(view, memory, view_find(view, memory->primary))) {
		plan->state = "Failing over";
		fail_over(view, memory, plan);
		return;
	}
	take_steps(view, memory, plan);
	reconcile(view, memory, plan);
}

int published_statement(const struct action *action, const struct spec *spec, struct strbuf *text, struct error **err) {
	switch (action->type) {
	case ACTION_PROMOTE: return sql_failover(text, spec->group, err);
	case ACTION_BECOME_SECONDARY: return sql_become_secondary(text, spec->group, err);
	case ACTION_OFFLINE: return sql_offline(text, spec->group, err);
	case ACTION_STOP_ENDPOINT: return sql_set_endpoint_state(text, spec->endpoint, false, err);
	case ACTION_START_ENDPOINT: return sql_set_endpoint_state(text, spec->endpoint, true, err);
	default: return error_set(err, ERROR_INTERNAL, "the published policy does not do that");
	}
}
