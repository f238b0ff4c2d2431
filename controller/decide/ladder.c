/* The recovery ladder (R7): a replica that stays RESOLVING or NOT SYNCHRONIZING is helped, step by step, each only when
 * the one before has had its time. Never the recorded primary, never while its databases are being seeded (SET (ROLE =
 * SECONDARY) would cancel the restore), and each step is an Event.
 *
 * A replica that is re-seated follows the first primary that contacts it, and that may be an old one which lives on
 * where we cannot see it. So where some other replica does not answer, its databases are suspended first: suspended
 * ones confirm nothing; they are resumed when the recorded primary has it. */
#include <string.h>

#include "controller/decide/promotion.h"
#include "sql/messages.h"

enum {
	STABLE_MS = 30000, /* cycling the primary's endpoint helps only then (observed: at 0 s no, at 30 s yes) */
	YOUNG_MS = 10000,  /* a former primary that connects to a younger one latches (Msg 41104) */
	START_AGAIN_MS = 300000,
	SETTLE_MS =
	        1500, /* a session that can begin does so with the primary's next message, which comes each second */
	LOOK_MS = 1000,
	LOOK_CLOSELY_MS = 3000, /* so long after an endpoint was restarted what comes of it is looked at all the time */
};

struct patient {
	struct deciding *deciding;
	const struct replica_view *replica;
	const struct sql_replica_row *row; /* in the primary's answer */
	struct replica_scratch *own;
	int64_t waited; /* since the last step, or since the trouble began */
};

/* ---- Evidence ---- */

static bool is_connected(const struct patient *patient) {
	return patient->row != NULL && patient->row->connected == SQL_CONNECTED;
}

static bool is_seeding(const struct patient *patient) {
	const struct sql_observation *seen = patient->deciding->primary->server.seen;
	for (size_t i = 0; patient->row != NULL && i < seen->seeding_count; i++) {
		const struct sql_seeding_row *row = &seen->seedings[i];
		if (!row->is_complete && row->failure == NULL && row->remote_replica_id != NULL &&
		    strcmp(row->remote_replica_id, patient->row->replica_id) == 0)
			return true;
	}
	return false;
}

/* Undoing, initializing: under way by itself. */
static bool is_progressing(const struct patient *patient) {
	const struct sql_observation *seen = patient->replica->server.seen;
	for (size_t i = 0; i < seen->database_count; i++) {
		int state = seen->databases[i].synchronization;
		if (state == SQL_REVERTING || state == SQL_INITIALIZING) return true;
	}
	return is_seeding(patient);
}

static bool is_well(const struct patient *patient) {
	return is_connected(patient) && role_of(patient->replica) == SQL_ROLE_SECONDARY &&
	       peer_databases_are(patient->deciding, patient->replica->pod_name, SQL_SYNCHRONIZING);
}

static bool is_resolving(const struct patient *patient) {
	return role_of(patient->replica) == SQL_ROLE_RESOLVING;
}

static bool was_primary(const struct patient *patient) {
	const struct record *record = patient->deciding->record;
	return record->failover_count > 0 && strcmp(record->failovers[0].from, patient->replica->pod_name) == 0;
}

static int64_t age_of_primary(const struct patient *patient) {
	return patient->deciding->view->now - patient->deciding->scratch->primary_since;
}

static const struct attempt *latching(const struct patient *patient) {
	const struct attempt *attempt =
	        attempt_of(patient->deciding->view, ACTION_BECOME_SECONDARY, patient->replica->pod_name, NULL);
	return attempt != NULL && attempt->number == SQL_MSG_LATCHED ? attempt : NULL;
}

/* The failure stays on record until it is seated: one that the drop has dealt with says nothing any more. */
static bool is_latched(const struct patient *patient) {
	const struct attempt *attempt = latching(patient);
	return attempt != NULL && attempt->failures > patient->own->latched;
}

/* The latch would cost minutes, or a rejoin; the primary is old enough in seconds. */
static bool may_be_seated(const struct patient *patient) {
	if (!is_resolving(patient) || is_latched(patient)) return false;
	if (patient->own->seated_at != 0 && patient->deciding->view->now - patient->own->seated_at < LOOK_MS)
		return false;
	return !was_primary(patient) || age_of_primary(patient) >= YOUNG_MS;
}

static bool is_secondary(const struct patient *patient) {
	return role_of(patient->replica) == SQL_ROLE_SECONDARY;
}

/* It knows the group, and not itself in it: it was removed from it, and added again as another replica. */
static bool is_estranged(const struct patient *patient) {
	return patient->row != NULL && sql_observation_local(patient->replica->server.seen) == NULL;
}

static bool is_helpless(const struct patient *patient) {
	return is_secondary(patient) || is_estranged(patient);
}

static bool is_disconnected(const struct patient *patient) {
	return is_secondary(patient) && !is_connected(patient);
}

static bool primary_is_stable(const struct patient *patient) {
	return is_disconnected(patient) && age_of_primary(patient) >= STABLE_MS;
}

/* No session since the primary took its role, and it is old enough by now: what hinders it is what both endpoints keep
 * of sessions before, and nothing but restarting them helps. */
static bool has_never_met(const struct patient *patient) {
	return primary_is_stable(patient) && patient->own->met_epoch != patient->deciding->record->epoch;
}

static bool may_be_reseated(const struct patient *patient) {
	return is_secondary(patient) && !has_never_met(patient);
}

/* Restarting the primary's endpoint disturbs nobody then. */
static bool nobody_is_connected(const struct patient *patient) {
	const struct sql_observation *seen = patient->deciding->primary->server.seen;
	for (size_t i = 0; i < seen->replica_count; i++) {
		if (!seen->replicas[i].is_local && seen->replicas[i].connected == SQL_CONNECTED) return false;
	}
	return true;
}

static bool primary_is_alone(const struct patient *patient) {
	return primary_is_stable(patient) && nobody_is_connected(patient);
}

/* Dropping it from the group takes its confirmations away: only one that counts nowhere any more. */
static bool may_be_dropped(const struct patient *patient) {
	const struct record *record = patient->deciding->record;
	bool counts = record_find(record, patient->replica->pod_name, NULL) >= 0 ||
	              (patient->row != NULL && patient->row->mode == SQL_MODE_SYNCHRONOUS);
	return patient->row != NULL && !counts && (is_helpless(patient) || is_resolving(patient)) &&
	       may_join(patient->deciding, patient->replica);
}

/* ---- Steps ---- */

static bool do_at(const struct patient *patient, const struct replica_view *replica, enum action_type type,
                  const char *reason) {
	return change_server(patient->deciding, replica, &(struct action){ .type = type, .reason = reason });
}

static bool seat(const struct patient *patient) {
	if (!may_follow(patient->deciding, patient->replica, true)) return false; /* the step itself comes after */
	if (!do_at(patient, patient->replica, ACTION_BECOME_SECONDARY, "it shall follow the primary")) return false;
	patient->own->seated_at = patient->deciding->view->now;
	return true;
}

static bool restart_endpoint(const struct patient *patient) {
	if (!do_at(patient, patient->replica, ACTION_RESTART_ENDPOINT, "it is not connected to the primary"))
		return false;
	if (primary_is_stable(patient)) patient->own->cycled_epoch = patient->deciding->record->epoch;
	return true;
}

/* The primary's after its own: it is the primary that opens the session. Other secondaries lose theirs for a moment:
 * their own rows show it, and that they are back. */
static bool restart_both_endpoints(const struct patient *patient) {
	if (patient->own->cycled_epoch != patient->deciding->record->epoch) {
		restart_endpoint(patient);
		return false; /* the step itself comes after */
	}
	if (!do_at(patient, patient->deciding->primary, ACTION_RESTART_ENDPOINT, "a secondary does not connect"))
		return false;
	patient->own->cycled_epoch = 0;
	return true;
}

/* What follows, JOIN and SET (ROLE = SECONDARY), is what any replica gets that is not in the group. */
static bool drop(const struct patient *patient) {
	const struct attempt *attempt = latching(patient);
	if (!do_at(patient, patient->replica, ACTION_DROP_GROUP, "it rejoins; its files stay")) return false;
	patient->own->latched = attempt != NULL ? attempt->failures : 0;
	return true;
}

static bool give_up(const struct patient *patient) {
	(void)patient;
	return true;
}

/* From the bottom to the top; `least_ms` since the step before. A step is taken when its evidence is given, whichever
 * steps below it had none. */
static const struct rung {
	int step;
	int64_t least_ms;
	bool (*when)(const struct patient *patient);
	const char *evidence;
	bool (*act)(const struct patient *patient);
	const char *event, *words;
} rungs[] = {
	{ STEP_SEATED, 0, may_be_seated, "RESOLVING, and there is a primary", seat, "ReplicaSeated",
	  "told to follow the primary (SET ROLE = SECONDARY)" },
	{ STEP_RESEAT, 10000, may_be_reseated, "SECONDARY, and not connected or not synchronizing", seat,
	  "ReplicaReseated", "told again to follow the primary" },
	{ STEP_ENDPOINT, 10000, is_disconnected, "still not connected", restart_endpoint, "EndpointRestarted",
	  "its mirroring endpoint was restarted" },
	{ STEP_BOTH_ENDPOINTS, 10000, primary_is_stable,
	  "still not connected, and the primary is old enough in its role", restart_both_endpoints,
	  "BothEndpointsRestarted", "its mirroring endpoint and the primary's were restarted" },
	{ STEP_BOTH_AGAIN, 10000, primary_is_alone,
	  "nor did that help, and no secondary is connected that it would disturb", restart_both_endpoints,
	  "BothEndpointsRestarted", "its mirroring endpoint and the primary's were restarted again" },
	{ STEP_REJOIN, 20000, may_be_dropped, "nothing else has helped, and it counts for no commit", drop,
	  "ReplicaRejoins", "leaves the group and joins it anew; its files stay" },
	{ STEP_GIVEN_UP, 60000, is_helpless, "nothing has helped", give_up, "ReplicaGivenUp",
	  "does not synchronize whatever was tried; it is tried again every 5 minutes" },
};

static int64_t least_of(const struct patient *patient, const struct rung *rung) {
	bool is_sure = rung->step == STEP_REJOIN && (is_latched(patient) || is_estranged(patient));
	if (is_sure) return 0;
	if (rung->step == STEP_ENDPOINT && has_never_met(patient)) return SETTLE_MS;
	if (rung->step == STEP_BOTH_ENDPOINTS && has_never_met(patient) && nobody_is_connected(patient)) return 0;
	return rung->least_ms;
}

static void climb(struct patient *patient) {
	struct replica_scratch *own = patient->own;
	for (size_t i = 0; i < ARRAY_LENGTH(rungs); i++) {
		const struct rung *rung = &rungs[i];
		/* Seated is what any RESOLVING replica must be, at whatever step. */
		bool is_next = rung->step == STEP_SEATED || rung->step > own->step;
		if (rung->step == STEP_REJOIN && is_latched(patient)) is_next = true;
		if (!is_next || !rung->when(patient)) continue;
		int64_t least = least_of(patient, rung);
		if (patient->waited < least) {
			plan_look(patient->deciding->plan, least - patient->waited);
			return;
		}
		bool is_first = rung->step != STEP_SEATED || own->seated_at == 0;
		if (!rung->act(patient)) return;
		if (rung->step != STEP_SEATED) own->step = rung->step;
		/* Seating it again and again without effect is no step. */
		if (!is_first) return;
		own->step_at = patient->deciding->view->now;
		say(patient->deciding, rung->step == STEP_GIVEN_UP, rung->event, "%s: %s", patient->replica->pod_name,
		    rung->words);
		return;
	}
	/* The drop is for once; the others are repeated. */
	if (own->step == STEP_GIVEN_UP && patient->waited >= START_AGAIN_MS) own->step = STEP_SEATED;
}

static bool resume_at(struct deciding *deciding, const struct replica_view *replica) {
	const struct sql_observation *seen = replica->server.seen;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (!row->is_local || row->name == NULL || !row->is_suspended) continue;
		change_server(deciding, replica,
		              &(struct action){ .type = ACTION_RESUME_MOVEMENT,
		                                .text = row->name,
		                                .reason = "its primary has it" });
		return true;
	}
	return false;
}

/* Suspended by us before it was seated, or by SQL Server after an error: the primary has it now. A user's own SUSPEND
 * is ended too: in a group that we keep synchronized it would take the replica out of the synchronous set for good. */
static bool resume(struct patient *patient) {
	const struct sql_observation *seen = patient->replica->server.seen;
	const struct sql_replica_row *local = sql_observation_local(seen);
	/* It follows this primary: what the primary remembers of a session may be old, its configuration is newer. */
	if (!is_connected(patient) || local == NULL || local->connected != SQL_CONNECTED) return false;
	if (seen->group.sequence_number < patient->deciding->primary->server.seen->group.sequence_number) return false;
	return resume_at(patient->deciding, patient->replica);
}

/* JOIN waits for the primary's configuration. What the primary's endpoint keeps of sessions before may hold that back;
 * once, because it disturbs the others for a moment. */
static bool may_open_to_newcomer(const struct patient *patient) {
	const struct deciding *deciding = patient->deciding;
	return attempt_of(deciding->view, ACTION_JOIN, patient->replica->pod_name, NULL) != NULL &&
	       age_of_primary(patient) >= STABLE_MS && patient->own->joined_epoch != deciding->record->epoch;
}

static void join(struct patient *patient) {
	/* A member that lost the group leaves the synchronous set first: it is another one when it is back. */
	if (patient->row == NULL || !patient->replica->server.is_bootstrapped) return;
	if (record_find(patient->deciding->record, patient->replica->pod_name, NULL) >= 0) return;
	if (!may_join(patient->deciding, patient->replica)) return;
	if (may_open_to_newcomer(patient) && do_at(patient, patient->deciding->primary, ACTION_RESTART_ENDPOINT,
	                                           "a replica that joins hears nothing of it"))
		patient->own->joined_epoch = patient->deciding->record->epoch;
	do_at(patient, patient->replica, ACTION_JOIN, "it is not in the group");
}

/* What was done for it a moment ago shows within milliseconds; when the primary becomes stable is known before. */
static void look_after(const struct patient *patient) {
	const struct replica_scratch *own = patient->own;
	int64_t age = age_of_primary(patient);
	bool is_close = own->step >= STEP_ENDPOINT && patient->deciding->view->now - own->step_at < LOOK_CLOSELY_MS;
	plan_look(patient->deciding->plan, is_close ? SOON_MS : LOOK_MS);
	if (is_disconnected(patient) && age < STABLE_MS) plan_look(patient->deciding->plan, STABLE_MS - age);
}

static void help(struct deciding *deciding, const struct replica_view *replica) {
	struct patient patient = { .deciding = deciding,
		                   .replica = replica,
		                   .row = peer_row(deciding->primary, replica->pod_name),
		                   .own = scratch_of(deciding, replica) };
	struct replica_scratch *own = patient.own;
	int64_t now = deciding->view->now;
	if (!replica->server.seen->has_group) {
		join(&patient);
		return;
	}
	if (!answers(deciding, replica) || role_of(replica) == SQL_ROLE_PRIMARY) return;
	if (is_connected(&patient)) own->met_epoch = deciding->record->epoch;
	if (is_well(&patient)) {
		own->unsynchronized_since = own->seated_at = 0;
		own->step = STEP_SEATED;
		own->latched = 0;
		return;
	}
	if (own->unsynchronized_since == 0) own->unsynchronized_since = own->step_at = now;
	look_after(&patient);
	if (resume(&patient) || is_progressing(&patient)) {
		own->step_at = now;
		return;
	}
	/* A stopped endpoint is started first (steady.c). */
	if (replica->server.seen->instance.endpoint == SQL_ENDPOINT_STOPPED) return;
	patient.waited = now - own->step_at;
	climb(&patient);
}

void ladder_decide(struct deciding *deciding) {
	if (deciding->state != GROUP_STEADY || deciding->primary == NULL) return;
	if (deciding->spec->cluster == SQL_CLUSTER_NONE || deciding->next.intent.kind != INTENT_NONE) return;
	/* All that is done to the primary itself: suspended there, a database moves nowhere. */
	resume_at(deciding, deciding->primary);
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == deciding->primary || replica->spec == NULL || replica->server.seen == NULL) continue;
		if (is_gone(replica)) continue;
		help(deciding, replica);
	}
}
