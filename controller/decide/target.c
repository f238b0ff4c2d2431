/* The target of a promotion: what FAILOVER has come to, and how it is sent. */
#include <string.h>

#include "controller/decide/promotion.h"
#include "sql/messages.h"
#include "sql/statements.h"

enum {
	TARGET_SILENT_MS = 10000, /* a target that answers nothing, where another one may be taken safely */
	MSG_LEAST = 200,          /* lower numbers are the operating system's: nothing was sent, or no answer came */
	MSG_ENDPOINT_STOPPED = 41144, /* FAILOVER wants the local mirroring endpoint running */
	TRIES_BEFORE_FORCE = 3        /* of a FAILOVER that brings no answer */
};

/* Msgs that say nothing of the statement: it did not come to it. */
static const int unsaid[] = { SQL_MSG_DEADLOCK, SQL_MSG_LOGIN_FAILED, SQL_MSG_UNFENCED };

bool is_refusal(const struct attempt *attempt) {
	if (attempt == NULL || attempt->number < MSG_LEAST) return false;
	for (size_t i = 0; i < ARRAY_LENGTH(unsaid); i++) {
		if (attempt->number == unsaid[i]) return false;
	}
	return true;
}

/* ---- What it has come to ---- */

/* How FAILOVER failed in this process of the target; NULL: it was not sent, or its reply is out. */
static const struct attempt *failed(const struct deciding *deciding, enum action_type type,
                                    const struct replica_view *target) {
	return attempt_of(deciding->view, type, target->pod_name, target->server.seen->instance.start_time);
}

int failures_of(const struct deciding *deciding, const struct replica_view *target) {
	if (target->server.seen == NULL) return 0;
	const struct attempt *plain = failed(deciding, ACTION_PROMOTE, target);
	const struct attempt *started = failed(deciding, ACTION_PROMOTE_STARTED, target);
	return (plain != NULL ? plain->failures : 0) + (started != NULL ? started->failures : 0);
}

bool was_refused(const struct deciding *deciding, const struct replica_view *target) {
	const struct attempt *plain = failed(deciding, ACTION_PROMOTE, target);
	const struct attempt *started = failed(deciding, ACTION_PROMOTE_STARTED, target);
	if (failures_of(deciding, target) <= deciding->scratch->old_refusals) return false;
	return (plain != NULL && plain->number == SQL_MSG_NOT_SYNCHRONIZED) ||
	       (started != NULL && started->number == SQL_MSG_NOT_SYNCHRONIZED);
}

bool would_not_be_forced(const struct deciding *deciding, const struct replica_view *target) {
	return is_fenced(deciding, target) && failed(deciding, ACTION_FORCE_PROMOTE, target) != NULL;
}

/* It does not run or answer, refuses our login, has another volume, or has left the group. */
bool is_out_of_reach(const struct deciding *deciding, const struct replica_view *target) {
	if (is_gone(target) || target->server.refuses_login) return true;
	bool is_known = deciding->record->intent.forces || target == recorded_primary(deciding);
	if (!is_known && !is_member(deciding->record, target)) return true;
	if (target->server.seen != NULL && !answers(deciding, target)) return true;
	int64_t silent = target->server.silent_since;
	return silent != 0 && deciding->view->now - silent >= TARGET_SILENT_MS;
}

bool has_refused(const struct deciding *deciding, const struct replica_view *target) {
	if (!answers(deciding, target) || !is_fenced(deciding, target)) return false;
	return was_refused(deciding, target) || is_overtaken(deciding, target);
}

/* ---- How it is sent ---- */

/* FAILOVER is refused with a suspended database; nothing flows while the endpoint is stopped. */
static bool resumes(struct deciding *deciding, const struct replica_view *target) {
	for (size_t i = 0; i < deciding->record->database_count; i++) {
		const struct recorded_database *database = &deciding->record->databases[i];
		const struct sql_database_row *copy = copy_of(target, database->id);
		if (copy == NULL || !copy->is_suspended) continue;
		const struct action resume = { .type = ACTION_RESUME_MOVEMENT,
			                       .text = database->name,
			                       .reason = "before it is promoted" };
		if (attempt_of(deciding->view, ACTION_RESUME_MOVEMENT, target->pod_name, database->name) != NULL)
			continue;
		change_server(deciding, target, &resume);
		return true;
	}
	return false;
}

/* What a person has allowed is tried without loss first; forced when SQL Server has refused that, or never says. */
static bool must_be_forced(const struct deciding *deciding, const struct attempt *attempt) {
	if (!deciding->record->intent.forces || attempt == NULL) return false;
	return is_refusal(attempt) || attempt->failures >= TRIES_BEFORE_FORCE;
}

static enum action_type promotion_of(const struct deciding *deciding, const struct replica_view *target) {
	const struct attempt *plain = failed(deciding, ACTION_PROMOTE, target);
	bool wants_endpoint = plain != NULL && plain->number == MSG_ENDPOINT_STOPPED;
	const struct attempt *last = wants_endpoint ? failed(deciding, ACTION_PROMOTE_STARTED, target) : plain;
	if (must_be_forced(deciding, last)) return ACTION_FORCE_PROMOTE;
	return wants_endpoint ? ACTION_PROMOTE_STARTED : ACTION_PROMOTE;
}

void send_promotion(struct deciding *deciding, const struct replica_view *target) {
	if (resumes(deciding, target)) return;
	change_server(deciding, target,
	              &(struct action){ .type = promotion_of(deciding, target),
	                                .text = target->server.seen->instance.start_time,
	                                .reason = deciding->record->intent.reason });
}
