/* How the recorded primary is. Evidence of death only shortens the waiting: what follows is the same promotion
 * (promotion.c), which is safe against a primary that lives. */
#include <stdio.h>
#include <string.h>

#include "controller/decide/promotion.h"

enum {
	CLEARED_MS = 1000,           /* a probe interval: well for so long, and what was is forgotten */
	ANSWER_MS = 2000,            /* a probe that is answered later was met by silence */
	DIAGNOSTICS_LAST_MS = 20000, /* four of their intervals of 5 s: older ones say nothing, silence will */
	DIAGNOSTIC_ERROR = 3
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

const struct replica_view *recorded_primary(const struct deciding *deciding) {
	const struct replica_view *replica = view_find(deciding->view, deciding->record->primary.pod);
	return view_is_member(replica, &deciding->record->primary) ? replica : NULL;
}

bool answers(const struct deciding *deciding, const struct replica_view *replica) {
	if (replica == NULL || replica->server.seen == NULL || !replica->server.seen->has_group) return false;
	return same(replica->server.seen->group.group_id, deciding->record->group_id);
}

bool is_gone(const struct replica_view *replica) {
	return replica == NULL || !replica->pod.exists || replica->pod.is_terminated || !replica->pod.is_running;
}

/* ---- The evidence ---- */

bool is_primary_unknown(const struct record *record) {
	return record->primary.pod == NULL || record->primary.pod[0] == '\0';
}

static bool is_unknown(const struct deciding *deciding, const struct replica_view *primary) {
	(void)primary;
	return is_primary_unknown(deciding->record);
}

static bool volume_is_gone(const struct deciding *deciding, const struct replica_view *primary) {
	(void)deciding;
	return primary == NULL;
}

/* Deleted without a grace period it is gone with the API server's next write: by force, or because it has ended. */
static bool pod_is_gone(const struct deciding *deciding, const struct replica_view *primary) {
	(void)deciding;
	return !primary->pod.exists || (primary->pod.is_deleting && primary->pod.deletion_grace_s == 0);
}

static bool container_is_terminated(const struct deciding *deciding, const struct replica_view *primary) {
	(void)deciding;
	return is_gone(primary);
}

/* The container in which we knew it as primary is another one now, and has not answered yet: a start takes 10 to 30 s,
 * and what comes up is no primary until told (R3). */
bool is_started_anew(const struct deciding *deciding, const struct replica_view *primary) {
	const char *known = deciding->scratch->container;
	return primary->server.seen == NULL && known[0] != '\0' && primary->pod.incarnation_container != NULL &&
	       strcmp(known, primary->pod.incarnation_container) != 0;
}

static bool is_not_primary(const struct deciding *deciding, const struct replica_view *primary) {
	if (!answers(deciding, primary)) return false;
	enum sql_role role = role_of(primary);
	return role == SQL_ROLE_RESOLVING || role == SQL_ROLE_SECONDARY;
}

static bool has_no_group(const struct deciding *deciding, const struct replica_view *primary) {
	return primary->server.seen != NULL && !answers(deciding, primary);
}

/* A probe that is under way is no silence yet: one whose deadline passed is, or one that takes unusually long. */
static bool is_silent(const struct deciding *deciding, const struct replica_view *primary) {
	const struct server_view *server = &primary->server;
	if (server->silent_since == 0) return false;
	return server->unanswered > 0 || deciding->view->now - server->silent_since >= ANSWER_MS;
}

/* R4: a component counts when it is at or below the threshold's level. */
static bool is_unwell(const struct deciding *deciding, const struct replica_view *primary) {
	static const int last[] = { [HEALTH_SYSTEM] = DIAGNOSTIC_SYSTEM,
		                    [HEALTH_RESOURCE] = DIAGNOSTIC_RESOURCE,
		                    [HEALTH_QUERY_PROCESSING] = DIAGNOSTIC_QUERY_PROCESSING };
	const struct server_view *server = &primary->server;
	if (server->diagnostics_at == 0 || deciding->view->now - server->diagnostics_at > DIAGNOSTICS_LAST_MS)
		return false;
	for (int i = 0; i <= last[deciding->spec->health]; i++) {
		if (server->diagnostics[i] >= DIAGNOSTIC_ERROR) return true;
	}
	return false;
}

/* R2. Where no other candidate is ready either, it is the probe that is wrong, or the cluster: a failover would only
 * move the role around. */
static bool is_not_ready(const struct deciding *deciding, const struct replica_view *primary) {
	if (primary->pod.is_ready) return false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica != primary && replica->pod.is_ready && replica->spec != NULL && replica->spec->is_candidate)
			return true;
	}
	return false;
}

/* In the order in which they are asked: from the second on there is a volume, from the third on a pod. */
const struct evidence_row evidence_rows[] = {
	{ "PrimaryUnknown", is_unknown, true, "no replica is PRIMARY, and no record says which one was" },
	{ "VolumeGone", volume_is_gone, true, "the primary's volume is gone" },
	{ "PodGone", pod_is_gone, true, "the primary's pod is gone" },
	{ "ContainerTerminated", container_is_terminated, true, "SQL Server of the primary does not run" },
	{ "ContainerRestarted", is_started_anew, true, "SQL Server of the primary was started anew" },
	{ "NotPrimary", is_not_primary, true, "the recorded primary says itself that it is not PRIMARY" },
	{ "GroupMissing", has_no_group, true, "the recorded primary does not know the group" },
	{ "PrimarySilent", is_silent, false, "the primary does not answer" },
	{ "PrimaryUnwell", is_unwell, false, "the primary's own diagnostics report an error" },
	{ "PrimaryNotReady", is_not_ready, false, "the primary's pod is not ready" },
};
const size_t evidence_row_count = ARRAY_LENGTH(evidence_rows);

static const struct evidence_row *evidence_against(const struct deciding *deciding) {
	const struct replica_view *primary = recorded_primary(deciding);
	for (size_t i = 0; i < evidence_row_count; i++) {
		if (evidence_rows[i].is_given(deciding, primary)) return &evidence_rows[i];
	}
	return NULL;
}

/* ---- Time ---- */

static void note_well(struct deciding *deciding) {
	struct scratch *scratch = deciding->scratch;
	int64_t now = deciding->view->now;
	if (scratch->unwell_since == 0) return;
	if (scratch->well_since == 0) scratch->well_since = now;
	if (now - scratch->well_since < CLEARED_MS) {
		plan_look(deciding->plan, CLEARED_MS);
		return;
	}
	scratch->unwell_since = scratch->well_since = 0;
}

/* Whether its time is over. */
static bool note_unwell(struct deciding *deciding, const struct replica_view *primary) {
	struct scratch *scratch = deciding->scratch;
	int64_t now = deciding->view->now;
	scratch->well_since = 0;
	if (scratch->unwell_since == 0) {
		int64_t silent = primary->server.silent_since;
		scratch->unwell_since = silent != 0 && silent < now ? silent : now;
	}
	int64_t left = scratch->unwell_since + deciding->spec->silence_ms - now;
	if (left > 0) plan_look(deciding->plan, left);
	return left <= 0;
}

/* What we know of the primary's tenure, for what needs its age. */
static void note_primary(struct deciding *deciding) {
	struct scratch *scratch = deciding->scratch;
	const char *container = deciding->primary->pod.incarnation_container;
	if (container == NULL) container = "";
	/* In a hand-over the epoch changes before the primary does. */
	bool is_same = scratch->epoch == deciding->record->epoch && strcmp(scratch->container, container) == 0;
	if (scratch->primary_since == 0 || !is_same) scratch->primary_since = deciding->view->now;
	scratch->epoch = deciding->record->epoch;
	snprintf(scratch->container, sizeof(scratch->container), "%s", container);
}

bool others_suffice(const struct deciding *deciding) {
	const struct record *record = deciding->record;
	int answering = 0;
	bool has_candidate = false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!is_member(record, replica) || !answers(deciding, replica)) continue;
		if (strcmp(replica->pod_name, record->primary.pod) == 0) continue;
		answering++;
		has_candidate |= replica->spec != NULL && replica->spec->is_candidate;
	}
	int needed = (int)record->member_count - record->required;
	return has_candidate && answering >= (needed > 1 ? needed : 1);
}

/* It answers as PRIMARY, and nobody may take its place: the group goes on with it, unwell as it is. Else a secondary
 * that is lost meanwhile would keep commits waiting for as long as that lasts. */
static bool goes_on(const struct deciding *deciding) {
	if (deciding->primary == NULL || is_silent(deciding, deciding->primary)) return false;
	return !deciding->spec->fails_over || !others_suffice(deciding);
}

static void judge(struct deciding *deciding) {
	const struct replica_view *primary = recorded_primary(deciding);
	const struct evidence_row *evidence = evidence_against(deciding);
	if (evidence == NULL) {
		note_well(deciding);
		/* Nothing speaks against it; without an answer since our last change nothing speaks for it either. */
		deciding->state = deciding->primary != NULL ? GROUP_STEADY : GROUP_SUSPECT;
		return;
	}
	bool is_over = evidence->at_once || note_unwell(deciding, primary);
	if (evidence->at_once && deciding->scratch->unwell_since == 0)
		deciding->scratch->unwell_since = deciding->view->now;
	deciding->lost_reason = evidence->reason;
	deciding->lost_message = evidence->message;
	deciding->state = GROUP_SUSPECT;
	deciding->is_lost = is_over;
	if (!is_over) return;
	deciding->may_live = !evidence->at_once;
	if (deciding->may_live && deciding->spec->fails_over && !others_suffice(deciding))
		deciding->lost_message =
		        plan_text(deciding->plan, "%s, and no other replica could take over", evidence->message);
	/* Down until the promotion finds that it may act. */
	deciding->state = deciding->may_live && goes_on(deciding) ? GROUP_STEADY : GROUP_DOWN;
}

void promotion_judge(struct deciding *deciding) {
	const struct record *record = deciding->record;
	deciding->state = GROUP_NONE;
	if (!deciding->spec->is_group || !record->is_initialized) return;
	const struct replica_view *primary = recorded_primary(deciding);
	if (answers(deciding, primary) && role_of(primary) == SQL_ROLE_PRIMARY && !is_gone(primary)) {
		deciding->primary = primary;
		note_primary(deciding);
	}
	judge(deciding);
	if (record->intent.kind != INTENT_NONE) deciding->state = GROUP_PROMOTING;
}
