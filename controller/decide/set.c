/* The witnessed synchronous set: the record and the primary's configuration in step (docs/failover.md).
 *
 *   S, r    recorded: each acknowledged commit is on at least r members of S beside the primary
 *   C, r_P  the truth on the primary: its synchronous secondaries, and REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT
 *
 * It holds for what is committed from now on iff r <= max(0, r_P - |C \ S|) (required_by). What loosens is recorded
 * before it is done; what tightens is done first, and recorded when what was committed before is hardened too. Each
 * pass takes the first step that applies. */
#include <stdio.h>
#include <string.h>

#include "controller/decide/databases.h"
#include "controller/decide/promotion.h"
#include "sql/messages.h"

enum {
	LOST_MS = 1000,      /* the primary lost sight of a member: then it is taken out */
	NEVER_SEEN_MS = 600, /* … that has not come to this primary at all: writers wait for it since the promotion */
	CAUGHT_UP_KB = 16384, /* of log that is still to be sent: who lacks more is no member yet */
	SYNCHRONOUS_MAX = 5   /* SQL Server's limit, the primary included (2019 and later) */
};

/* What one pass looks at. */
struct set {
	struct deciding *deciding;
	const struct replica_view *primary;
	const struct sql_observation *seen; /* the primary's answer */
	bool is_own_synchronous;            /* the primary's own row: else it waits for nobody */
	bool wanted[2 * REPLICAS_MAX];      /* W, by place in view.replicas, the primary's among them */
	int members;                        /* |W| */
	int target;                         /* r*, the number that is wanted */
};

static const struct sql_replica_row *row_of(const struct set *set, const struct replica_view *replica) {
	return peer_row(set->primary, replica->pod_name);
}

static bool is_synchronous(const struct sql_replica_row *row) {
	return row != NULL && row->mode == SQL_MODE_SYNCHRONOUS;
}

static bool is_recorded(const struct set *set, const struct replica_view *replica) {
	return is_member(set->deciding->record, replica);
}

/* ---- Who shall be a member ---- */

static bool is_raised(const struct deciding *deciding, const struct replica_view *replica) {
	const struct scratch *scratch = deciding->scratch;
	return deciding->view->now < scratch->raised_until && strcmp(scratch->raised, replica->pod_name) == 0;
}

static bool may_be_member(const struct set *set, const struct replica_view *replica) {
	if (replica->spec == NULL || is_gone(replica) || replica->pod.is_deleting || replica->incarnation == NULL ||
	    is_leaving(set->deciding, replica))
		return false;
	return replica->spec->availability == SQL_SYNCHRONOUS_COMMIT || is_raised(set->deciding, replica);
}

/* Log flows to each of its databases. */
static bool flows(const struct set *set, const struct replica_view *replica) {
	const struct sql_replica_row *row = row_of(set, replica);
	return row != NULL && row->connected == SQL_CONNECTED &&
	       peer_databases_are(set->deciding, replica->pod_name, SQL_SYNCHRONIZING);
}

/* What the primary knows of a replica's copy of a database. */
static const struct sql_database_row *peer_copy(const struct set *set, const struct replica_view *replica,
                                                const char *id) {
	const struct sql_replica_row *peer = row_of(set, replica);
	for (size_t i = 0; peer != NULL && i < set->seen->database_count; i++) {
		const struct sql_database_row *row = &set->seen->databases[i];
		if (row->replica_id != NULL && row->group_database_id != NULL &&
		    strcmp(row->replica_id, peer->replica_id) == 0 && strcmp(row->group_database_id, id) == 0)
			return row;
	}
	return NULL;
}

static bool is_caught_up(const struct set *set, const struct replica_view *replica) {
	for (size_t i = 0; i < set->deciding->record->database_count; i++) {
		const struct sql_database_row *row = peer_copy(set, replica, set->deciding->record->databases[i].id);
		if (row == NULL || row->log_send_queue_kb > CAUGHT_UP_KB) return false;
	}
	return true;
}

/* A member that the primary lost sight of stays one for a moment: a network that stutters costs no change. */
static bool is_lost(const struct set *set, const struct replica_view *replica) {
	struct replica_scratch *own = scratch_of(set->deciding, replica);
	int64_t now = set->deciding->view->now;
	if (flows(set, replica)) {
		own->lost_since = 0;
		own->flowed_epoch = set->deciding->record->epoch;
		return false;
	}
	if (own->lost_since == 0) own->lost_since = now;
	bool has_come = own->flowed_epoch == set->deciding->record->epoch;
	int64_t left = own->lost_since + (has_come ? LOST_MS : NEVER_SEEN_MS) - now;
	if (left > 0) plan_look(set->deciding->plan, left);
	return left <= 0;
}

/* A newcomer answers us too: what the primary shows may still be of the volume before. */
static bool is_wanted(const struct set *set, const struct replica_view *replica) {
	if (!may_be_member(set, replica)) return false;
	if (is_recorded(set, replica)) return !is_lost(set, replica);
	return set->members < SYNCHRONOUS_MAX && answers(set->deciding, replica) &&
	       role_of(replica) == SQL_ROLE_SECONDARY && flows(set, replica) && is_caught_up(set, replica);
}

static void want(struct set *set, size_t place) {
	set->wanted[place] = true;
	set->members++;
}

/* Members first, so that the limit never pushes one out for a newcomer. */
static void find_wanted(struct set *set) {
	const struct view *view = set->deciding->view;
	for (int recorded = 1; recorded >= 0; recorded--) {
		for (size_t i = 0; i < view->replica_count; i++) {
			const struct replica_view *replica = &view->replicas[i];
			if (is_recorded(set, replica) != (recorded == 1)) continue;
			if (replica == set->primary || is_wanted(set, replica)) want(set, i);
		}
	}
	int all = set->members - 1, relaxed = set->deciding->spec->required;
	set->target = relaxed >= 0 && relaxed < all ? relaxed : all;
	/* Nobody is ever promoted by us: commits need wait for nobody. */
	if (set->deciding->spec->cluster == SQL_CLUSTER_NONE) set->target = 0;
}

static bool is_in_wanted(const struct set *set, const char *pod) {
	for (size_t i = 0; i < set->deciding->view->replica_count; i++) {
		const struct replica_view *replica = &set->deciding->view->replicas[i];
		if (set->wanted[i] && strcmp(replica->pod_name, pod) == 0) return true;
	}
	return false;
}

/* ---- The record ---- */

static int beyond(const struct set *set) {
	int number = 0;
	for (size_t i = 0; i < set->seen->replica_count; i++) {
		const struct sql_replica_row *row = &set->seen->replicas[i];
		number += !row->is_local && is_synchronous(row) &&
		          record_find(set->deciding->record, row->server, NULL) < 0;
	}
	return number;
}

/* The record follows what the primary's group holds. A database that is new in it is nowhere else yet, whatever else is
 * there: r begins anew. */
static bool record_databases(struct set *set) {
	bool is_new = false;
	if (!databases_record(set->deciding, set->primary, true, &is_new)) return false;
	if (is_new) set->deciding->next.required = 0;
	return true;
}

static bool change(struct set *set, const struct action *action) {
	change_server(set->deciding, set->primary, action);
	return true;
}

/* ---- The steps ---- */

/* Refused, since fewer are synchronized than the primary requires (Msg 988): then it must require less first. */
static bool needs_loosening(const struct set *set, const char *pod) {
	const struct attempt *failed =
	        attempt_of(set->deciding->view, ACTION_SET_AVAILABILITY, set->primary->pod_name, pod);
	return failed != NULL && failed->number == SQL_MSG_REQUIRED_UNMET;
}

static int synchronized_now(const struct set *set) {
	int number = 0;
	for (size_t i = 0; i < set->seen->replica_count; i++) {
		const struct sql_replica_row *row = &set->seen->replicas[i];
		number += !row->is_local && is_synchronous(row) && row->connected == SQL_CONNECTED &&
		          peer_databases_are(set->deciding, row->server, SQL_SYNCHRONIZED);
	}
	return number;
}

static bool loosen(struct set *set) {
	int lower = synchronized_now(set);
	if (lower >= set->seen->group.required) return false;
	int left = lower - beyond(set) > 0 ? lower - beyond(set) : 0;
	if (set->deciding->record->required > left) {
		set->deciding->next.required = left;
		return true;
	}
	return change(set, &(struct action){ .type = ACTION_SET_REQUIRED,
	                                     .number = lower,
	                                     .reason = "its configuration cannot change while commits wait" });
}

static bool make_asynchronous(struct set *set) {
	for (size_t i = 0; i < set->seen->replica_count; i++) {
		const struct sql_replica_row *row = &set->seen->replicas[i];
		if (row->is_local || !is_synchronous(row) || is_in_wanted(set, row->server)) continue;
		if (needs_loosening(set, row->server) && loosen(set)) return true;
		return change(set, &(struct action){ .type = ACTION_SET_AVAILABILITY,
		                                     .peer = row->server,
		                                     .number = SQL_ASYNCHRONOUS_COMMIT,
		                                     .reason = "it is no member any more" });
	}
	return false;
}

static bool forget_members(struct set *set) {
	struct deciding *deciding = set->deciding;
	bool changed = false;
	for (size_t i = deciding->record->member_count; i-- > 0;) {
		const struct member *member = &deciding->record->members[i];
		const struct replica_view *replica = view_find(deciding->view, member->pod);
		bool stays = view_is_member(replica, member) && is_in_wanted(set, member->pod);
		if (stays || is_synchronous(peer_row(set->primary, member->pod))) continue;
		record_remove_member(&deciding->next, member->pod);
		if (deciding->next.required > 0) deciding->next.required--;
		changed = true;
	}
	return changed;
}

/* Of a member whose volume is new the old incarnation goes although the name stays synchronous: what it held is gone.
 */
static bool forget_incarnations(struct set *set) {
	struct deciding *deciding = set->deciding;
	bool changed = false;
	for (size_t i = deciding->record->member_count; i-- > 0;) {
		const struct member *member = &deciding->record->members[i];
		const struct replica_view *replica = view_find(deciding->view, member->pod);
		if (replica == NULL || replica->incarnation == NULL || view_is_member(replica, member)) continue;
		record_remove_member(&deciding->next, member->pod);
		/* It may have been one of r; and while the name stays in C it is one that is waited for beside S. */
		if (deciding->next.required > 0) deciding->next.required--;
		changed = true;
	}
	return changed;
}

static bool lower_record(struct set *set) {
	if (set->deciding->record->required <= set->target) return false;
	set->deciding->next.required = set->target;
	return true;
}

static bool lower_required(struct set *set) {
	/* No more than can be met now, as far as the record allows: else commits wait for newcomers to catch up. */
	int least = set->deciding->record->required + beyond(set), met = synchronized_now(set);
	if (met > set->target) met = set->target;
	if (least < met) least = met;
	if (set->seen->group.required <= least) return false;
	return change(set, &(struct action){ .type = ACTION_SET_REQUIRED,
	                                     .number = least,
	                                     .reason = "fewer members than it requires" });
}

static bool record_members(struct set *set) {
	bool changed = false;
	for (size_t i = 0; i < set->deciding->view->replica_count; i++) {
		const struct replica_view *replica = &set->deciding->view->replicas[i];
		if (!set->wanted[i] || is_recorded(set, replica)) continue;
		if (record_find(&set->deciding->next, replica->pod_name, NULL) >= 0) continue;
		record_add_member(&set->deciding->next, &(struct member){ replica->pod_name, replica->incarnation });
		changed = true;
	}
	return changed;
}

static bool make_synchronous(struct set *set) {
	for (size_t i = 0; i < set->deciding->view->replica_count; i++) {
		const struct replica_view *replica = &set->deciding->view->replicas[i];
		const struct sql_replica_row *row = row_of(set, replica);
		bool is_needed = replica != set->primary || set->members > 1 ||
		                 (replica->spec != NULL && replica->spec->availability == SQL_SYNCHRONOUS_COMMIT);
		if (!set->wanted[i] || row == NULL || is_synchronous(row) || !is_needed) continue;
		if (needs_loosening(set, row->server) && loosen(set)) return true;
		return change(set, &(struct action){ .type = ACTION_SET_AVAILABILITY,
		                                     .peer = replica->pod_name,
		                                     .number = SQL_SYNCHRONOUS_COMMIT,
		                                     .reason = "it is a member" });
	}
	return false;
}

static bool raise_required(struct set *set) {
	if (!set->is_own_synchronous) return false;
	int number = synchronized_now(set);
	if (number > set->target) number = set->target;
	if (set->seen->group.required >= number) return false;
	return change(set, &(struct action){ .type = ACTION_SET_REQUIRED,
	                                     .number = number,
	                                     .reason = "so many members are synchronized" });
}

/* ---- Tightening the record ---- */

static uint64_t hash(uint64_t sum, const char *text) {
	for (; text != NULL && *text != '\0'; text++) sum = (sum ^ (unsigned char)*text) * UINT64_C(1099511628211);
	return (sum ^ 255) * UINT64_C(1099511628211);
}

/* Of the configuration, and of the record, under which the end of the log was read. */
static uint64_t configuration_of(const struct set *set) {
	const struct record *record = set->deciding->record;
	uint64_t sum = UINT64_C(14695981039346656037);
	sum = (sum ^ (uint64_t)record->epoch) * UINT64_C(1099511628211);
	sum = (sum ^ (uint64_t)set->seen->group.sequence_number) * UINT64_C(1099511628211);
	sum = (sum ^ (uint64_t)set->seen->group.required) * UINT64_C(1099511628211);
	sum = hash(sum, set->seen->instance.start_time);
	for (size_t i = 0; i < record->member_count; i++)
		sum = hash(hash(sum, record->members[i].pod), record->members[i].incarnation);
	for (size_t i = 0; i < record->database_count; i++) sum = hash(sum, record->databases[i].id);
	return sum != 0 ? sum : 1;
}

/* The end of each database's log, in an answer that already shows the configuration (the probe reads that first): all
 * that was acknowledged under another one lies before it. */
static bool read_baseline(struct set *set) {
	struct scratch *scratch = set->deciding->scratch;
	const struct record *record = set->deciding->record;
	uint64_t configuration = configuration_of(set);
	if (scratch->has_baseline && scratch->baseline_of == configuration) return true;
	scratch->has_baseline = false;
	for (size_t i = 0; i < record->database_count; i++) {
		const struct sql_database_row *copy = copy_of(set->primary, record->databases[i].id);
		bool is_online = copy != NULL && copy->state != NULL && strcmp(copy->state, "ONLINE") == 0;
		if (!is_online || !copy->end_of_log.known) return false;
		snprintf(scratch->baseline[i].id, sizeof(scratch->baseline[i].id), "%s", record->databases[i].id);
		scratch->baseline[i].end = copy->end_of_log;
	}
	scratch->baseline_count = record->database_count;
	scratch->baseline_of = configuration;
	scratch->has_baseline = true;
	return true;
}

static bool is_past(const struct sql_database_row *copy, const struct sql_lsn *end) {
	return copy != NULL && copy->hardened.known && copy->hardened.value >= end->value;
}

/* The primary says so, and the replica itself: a member that only the primary reaches could not be promoted anyway, and
 * what the primary remembers of a volume may outlive it. */
static bool has_hardened(const struct set *set, const struct replica_view *replica) {
	const struct scratch *scratch = set->deciding->scratch;
	if (!answers(set->deciding, replica) || !is_synchronous(row_of(set, replica))) return false;
	if (!peer_databases_are(set->deciding, replica->pod_name, SQL_SYNCHRONIZED)) return false;
	for (size_t i = 0; i < scratch->baseline_count; i++) {
		const char *id = scratch->baseline[i].id;
		if (!is_past(peer_copy(set, replica, id), &scratch->baseline[i].end)) return false;
		if (!is_past(copy_of(replica, id), &scratch->baseline[i].end)) return false;
	}
	return true;
}

static bool raise_record(struct set *set) {
	struct deciding *deciding = set->deciding;
	int possible = required_by(deciding->record, set->primary), holders = 0;
	if (possible > set->target) possible = set->target;
	if (deciding->record->required >= possible) return false;
	/* Nobody may be promoted without it; where somebody may, adding it will take that back first (databases.c). */
	if (deciding->record->required == 0 && databases_arrive(deciding)) return false;
	if (!read_baseline(set)) return false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		holders += replica != set->primary && is_recorded(set, replica) && has_hardened(set, replica);
	}
	if (possible > holders) possible = holders;
	plan_look(deciding->plan, SOON_MS);
	if (deciding->record->required >= possible) return false;
	deciding->next.required = possible;
	return true;
}

/* An asynchronous group's primary, when nobody is raised any more. */
static bool restore_own(struct set *set) {
	const struct replica_spec *spec = set->primary->spec;
	if (spec == NULL || spec->availability != SQL_ASYNCHRONOUS_COMMIT || !set->is_own_synchronous) return false;
	if (set->members > 1 || set->seen->group.required > 0 || set->deciding->record->required > 0) return false;
	return change(set, &(struct action){ .type = ACTION_SET_AVAILABILITY,
	                                     .peer = set->primary->pod_name,
	                                     .number = SQL_ASYNCHRONOUS_COMMIT,
	                                     .reason = "the group commits asynchronously" });
}

static const struct step {
	const char *name;
	bool (*apply)(struct set *set);
	const char *reason;
} steps[] = {
	{ "RecordDatabases", record_databases, "a promotion must find each database of the group" },
	{ "ForgetIncarnations", forget_incarnations, "a new volume holds nothing" },
	{ "MakeAsynchronous", make_asynchronous, "fewer that count: always safe" },
	{ "ForgetMembers", forget_members, "it counts no more on the primary; it may have been one of r" },
	{ "LowerRecord", lower_record, "loosening is recorded first" },
	{ "LowerRequired", lower_required, "commits were waiting for it" },
	{ "RecordMembers", record_members, "loosening is recorded first: more members, the same r" },
	{ "MakeSynchronous", make_synchronous, "it is on record" },
	{ "RaiseRequired", raise_required, "tightening is done first" },
	{ "RaiseRecord", raise_record, "what was committed before is hardened" },
	{ "RestoreOwn", restore_own, "nobody is raised any more" },
};

void set_decide(struct deciding *deciding) {
	const struct replica_view *primary = deciding->primary;
	if (deciding->state != GROUP_STEADY || primary == NULL || deciding->next.intent.kind != INTENT_NONE) return;
	const struct sql_replica_row *local = sql_observation_local(primary->server.seen);
	if (local == NULL || primary->server.is_busy) return;
	/* A change that may still come would make untrue what is recorded now. */
	if (primary->server.loose_generation >= deciding->record->generation && primary->server.loose_generation > 0) {
		renew_generation(deciding);
		return;
	}
	struct set set = { .deciding = deciding,
		           .primary = primary,
		           .seen = primary->server.seen,
		           .is_own_synchronous = is_synchronous(local) };
	find_wanted(&set);
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		struct record before = deciding->next;
		if (!steps[i].apply(&set)) continue;
		/* What is recorded on the strength of what the primary shows holds only if nobody else changes it: an
		 * earlier leader's statement that comes late fails on our generation, once that is there. */
		if (!record_equal(&before, &deciding->next) && !claim_server(deciding, primary))
			deciding->next = before;
		return;
	}
}
