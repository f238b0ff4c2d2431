/* Counting the fenced members, and whom to take.
 *
 * Each acknowledged commit is on at least r members of S beside the primary. So any |S| - r of the members beside it
 * hold, between them, every one; and they are fenced, so that it stays so. In strict mode (r = |S| - 1) that is one. */
#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "controller/decide/promotion.h"

enum { TRIES_TO_FENCE = 3 };

static bool is_recorded_primary(const struct deciding *deciding, const struct replica_view *replica) {
	return replica != NULL && replica == recorded_primary(deciding);
}

/* A member beside the primary whose answer counts. */
static bool counts(const struct deciding *deciding, const struct replica_view *replica) {
	return is_member(deciding->record, replica) && !is_recorded_primary(deciding, replica) &&
	       is_fenced(deciding, replica) && is_complete(deciding, replica);
}

static int needed(const struct record *record) {
	int number = (int)record->member_count - promised(record);
	return number > 1 ? number : 1;
}

static int counted(const struct deciding *deciding) {
	int number = 0;
	for (size_t i = 0; i < deciding->view->replica_count; i++)
		number += counts(deciding, &deciding->view->replicas[i]);
	return number;
}

/* R6: a failover takes only who may be taken by itself; a person may also name a synchronous replica that may not. Who
 * is about to go is no choice while it is not the only one: it is a planned promotion's. */
static bool is_candidate(const struct deciding *deciding, const struct replica_view *replica) {
	const struct intent *intent = &deciding->record->intent;
	if (replica->spec == NULL) return false;
	bool is_named = intent->wanted[0] != '\0' && (intent->kind == INTENT_FAILOVER || deciding->primary != NULL);
	if (is_named) return strcmp(replica->pod_name, intent->wanted) == 0;
	if (replica->spec->is_candidate) return true;
	/* An asynchronous group hands over to a member that was raised for it; and whose primary nobody knows it goes
	 * on with whoever holds all that anybody has: that is its primary, or as good. */
	return intent->kind == INTENT_HAND_OVER || is_primary_unknown(deciding->record);
}

/* In strict mode each member holds everything. Else it must be ahead of all that counts, or equal. */
static bool holds_everything(const struct deciding *deciding, const struct replica_view *replica) {
	const struct record *record = deciding->record;
	if (promised(record) >= (int)record->member_count - 1) return true;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		if (other == replica || !counts(deciding, other)) continue;
		enum standing standing = standing_of(deciding, replica, other);
		if (standing != STANDING_AHEAD && standing != STANDING_EQUAL) return false;
	}
	return true;
}

static bool is_refused(const struct deciding *deciding, const struct replica_view *replica) {
	return scratch_of(deciding, replica)->refused;
}

/* Of two that may be taken. One that is PRIMARY already needs nothing; then whoever has more log; then who stays. */
static bool is_better(const struct deciding *deciding, const struct replica_view *replica,
                      const struct replica_view *best) {
	if (best == NULL) return true;
	bool is_primary = role_of(replica) == SQL_ROLE_PRIMARY;
	if (is_primary != (role_of(best) == SQL_ROLE_PRIMARY)) return is_primary;
	enum standing standing = standing_of(deciding, replica, best);
	if (standing == STANDING_AHEAD || standing == STANDING_BEHIND) return standing == STANDING_AHEAD;
	bool stays = !replica->pod.is_deleting && !replica->node.is_cordoned;
	return stays && (best->pod.is_deleting || best->node.is_cordoned);
}

static const struct replica_view *best_member(const struct deciding *deciding, const struct replica_view *except) {
	const struct replica_view *best = NULL;
	if (counted(deciding) < needed(deciding->record)) return NULL;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == except || !counts(deciding, replica) || !is_candidate(deciding, replica)) continue;
		if (is_refused(deciding, replica) || !holds_everything(deciding, replica)) continue;
		if (is_better(deciding, replica, best)) best = replica;
	}
	return best;
}

/* The recorded primary holds everything that it acknowledged, and nobody else has acknowledged anything since: a target
 * that FAILOVER was sent to is given up only when it cannot have. Where nothing fails over by itself it is the only one
 * that may become the primary again. */
static const struct replica_view *former(const struct deciding *deciding, const struct replica_view *except) {
	const struct replica_view *primary = recorded_primary(deciding);
	if (primary == NULL || primary == except || is_refused(deciding, primary)) return NULL;
	/* One that still is PRIMARY needs no promotion: the intent is closed instead. */
	if (role_of(primary) == SQL_ROLE_PRIMARY) return NULL;
	return is_fenced(deciding, primary) && is_complete(deciding, primary) ? primary : NULL;
}

bool may_be_promoted(const struct deciding *deciding, const struct replica_view *replica) {
	return counted(deciding) >= needed(deciding->record) && counts(deciding, replica) &&
	       holds_everything(deciding, replica);
}

bool is_overtaken(const struct deciding *deciding, const struct replica_view *target) {
	bool is_behind = false;
	bool is_strict = promised(deciding->record) >= (int)deciding->record->member_count - 1;
	if (is_strict || is_recorded_primary(deciding, target)) return false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		if (other == target || !counts(deciding, other)) continue;
		/* Seen from the other one, which is no target: its fork must be the same. */
		enum standing standing = standing_of(deciding, other, target);
		if (standing == STANDING_APART) return false;
		is_behind |= standing == STANDING_AHEAD || standing == STANDING_MIXED;
	}
	return is_behind;
}

const struct replica_view *choose(const struct deciding *deciding, const struct replica_view *except) {
	const struct intent *intent = &deciding->record->intent;
	bool may_others = deciding->spec->fails_over || intent->kind == INTENT_HAND_OVER || intent->wanted[0] != '\0' ||
	                  is_primary_unknown(deciding->record);
	const struct replica_view *best = may_others ? best_member(deciding, except) : NULL;
	return best != NULL ? best : former(deciding, except);
}

/* ---- Whom it waits for ---- */

/* Why it cannot be fenced, when that has failed again and again (its endpoint was dropped, its disk is full); NULL: it
 * has not. It is tried on, but is no matter of moments any more. */
static const struct attempt *unfenceable(const struct deciding *deciding, const char *pod) {
	static const enum action_type steps[] = { ACTION_RAISE_GENERATION, ACTION_STOP_ENDPOINT };
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		const struct attempt *attempt = attempt_of(deciding->view, steps[i], pod, NULL);
		if (attempt != NULL && attempt->failures >= TRIES_TO_FENCE) return attempt;
	}
	return NULL;
}

bool is_about_to_count(const struct deciding *deciding, const struct replica_view *replica) {
	if (is_gone(replica) || replica->server.silent_since != 0 || is_fenced(deciding, replica)) return false;
	if (replica->server.refuses_login) return false; /* somebody has to see to that first */
	if (unfenceable(deciding, replica->pod_name) != NULL) return false;
	if (replica->server.is_busy || answers(deciding, replica)) return true;
	/* It answers with errors: somebody took our permissions away, perhaps. */
	return replica->server.seen == NULL && !replica->server.has_failed;
}

bool is_counting(const struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!is_member(deciding->record, replica) || is_recorded_primary(deciding, replica)) continue;
		if (is_about_to_count(deciding, replica)) return true;
	}
	return is_about_to_count(deciding, recorded_primary(deciding));
}

static void write_lsn(struct strbuf *out, struct sql_lsn lsn) {
	char digits[40];
	size_t at = sizeof(digits) - 1;
	unsigned __int128 value = lsn.value;
	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + (int)(value % 10));
		value /= 10;
	} while (value != 0);
	strbuf_append(out, digits + at);
}

static void write_positions(struct strbuf *out, const struct deciding *deciding, const struct replica_view *replica) {
	for (size_t i = 0; i < deciding->record->database_count; i++) {
		const struct recorded_database *database = &deciding->record->databases[i];
		const struct sql_database_row *copy = copy_of(replica, database->id);
		strbuf_printf(out, "%s%s ", i > 0 ? ", " : "", database->name);
		if (copy == NULL || !copy->hardened.known) strbuf_append(out, "missing");
		else write_lsn(out, copy->hardened);
	}
}

static const char *trouble_of(const struct deciding *deciding, const struct replica_view *replica,
                              const struct member *member) {
	if (replica == NULL || !view_is_member(replica, member)) return "its volume is gone";
	if (!replica->pod.exists) return "its pod is gone";
	if (is_gone(replica)) return "it does not run";
	if (replica->server.refuses_login) return "it refuses agkeeper's login";
	if (replica->server.seen != NULL && !answers(deciding, replica)) return "it is not in the group any more";
	if (!answers(deciding, replica)) return "it does not answer";
	if (!is_complete(deciding, replica)) return "it lacks a database";
	if (deciding->record->intent.kind == INTENT_NONE) return NULL;
	if (!is_fenced(deciding, replica)) {
		const struct attempt *failed = unfenceable(deciding, replica->pod_name);
		bool has_words = failed != NULL && failed->message != NULL;
		if (!has_words) return "its endpoint could not be stopped";
		return plan_text(deciding->plan, "its endpoint could not be stopped: %s", failed->message);
	}
	return is_refused(deciding, replica) ? "SQL Server refuses to promote it (Msg 41142)" : NULL;
}

/* Whom it is about, where that is somebody in particular; then how many it takes. */
static void write_beginning(struct strbuf *out, const struct deciding *deciding) {
	const struct record *record = deciding->record;
	const char *target = record->intent.target, *wanted = record->intent.wanted;
	if (record->intent.kind == INTENT_NONE) strbuf_printf(out, "%s: ", deciding->lost_message);
	else if (*target != '\0') strbuf_printf(out, "%s was told to become PRIMARY, and has not: ", target);
	else if (*wanted == '\0' && !deciding->spec->fails_over && !is_primary_unknown(record))
		strbuf_append(out, "automatic failover is off, and no replica is named in agkeeper.dev/primary: ");
	else if (*wanted != '\0' && record_find(record, wanted, NULL) < 0)
		strbuf_printf(out, "%s was asked for, and may lack commits: ", wanted);
	strbuf_printf(out, "%d of the members beside the primary must answer, %d do", needed(record),
	              counted(deciding));
}

const char *waited_for(const struct deciding *deciding) {
	cleanup_strbuf struct strbuf text = { 0 };
	const struct record *record = deciding->record;
	write_beginning(&text, deciding);
	for (size_t i = 0; i < record->member_count; i++) {
		const struct replica_view *replica = view_find(deciding->view, record->members[i].pod);
		const char *trouble = trouble_of(deciding, replica, &record->members[i]);
		strbuf_printf(&text, "; %s: ", record->members[i].pod);
		if (trouble != NULL) strbuf_printf(&text, "waited for, %s", trouble);
		else write_positions(&text, deciding, replica);
	}
	return plan_text(deciding->plan, "%s", strbuf_text(&text));
}

/* ---- Hand-overs ---- */

static bool no(const char **why, const char *reason) {
	if (why != NULL) *why = reason;
	return false;
}

bool is_ready_for(const struct deciding *deciding, const struct replica_view *replica, const char **why) {
	const struct record *record = deciding->record;
	int answering = 0;
	if (replica == NULL || replica->spec == NULL) return no(why, "it is no replica of this object");
	if (is_gone(replica) || !answers(deciding, replica)) return no(why, "it does not answer");
	if (replica->pod.is_deleting) return no(why, "its pod is being deleted");
	if (!is_member(record, replica)) return no(why, "it is no synchronous member of the group now");
	const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod_name);
	if (row == NULL || row->connected != SQL_CONNECTED) return no(why, "it is not connected to the primary");
	if (!peer_databases_are(deciding, replica->pod_name, SQL_SYNCHRONIZED))
		return no(why, "its databases are not synchronized");
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *other = &deciding->view->replicas[i];
		answering += is_member(record, other) && other != deciding->primary && answers(deciding, other);
	}
	if (answering < needed(record))
		return no(why, "too few members of the group answer to be sure of every commit");
	return true;
}
