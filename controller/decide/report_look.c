/* What each replica does, in words. */
#include <string.h>

#include "base/utf8.h"
#include "controller/decide/report.h"

/* A server that has not answered for so long is said not to; before, it may only be between two answers. */
enum { SILENCE_MS = 3000 };

/* Others' words are cut: a message has room for those of nine replicas. */
enum { QUOTE_MAX = 200 };

#define TEXT(...) plan_text(report->deciding->plan, __VA_ARGS__)

static const char *quote(struct report *report, const char *text) {
	size_t length = strlen(text);
	size_t end = 0;
	while (end < length) {
		size_t next = utf8_char_length(text + end, length - end);
		if (next == 0 || end + next > QUOTE_MAX) break;
		end += next;
	}
	return TEXT("%.*s%s", (int)end, text, end < length ? "…" : "");
}

/* "what", or "what: detail". */
static const char *with(struct report *report, const char *what, const char *detail) {
	if (detail == NULL || *detail == '\0') return what;
	return TEXT("%s: %s", what, quote(report, detail));
}

/* ---- pods and servers ---- */

static const char *pod_trouble(struct report *report, const struct pod_view *pod) {
	if (!pod->exists) return "there is no pod";
	if (!pod->is_ours) return with(report, "a pod of that name belongs to somebody else", pod->trouble);
	if (pod->is_deleting) return "its pod is being deleted";
	if (pod->is_stuck) return with(report, "its pod cannot start", pod->trouble);
	if (pod->is_terminated && !pod->is_running) return with(report, "SQL Server has ended", pod->trouble);
	if (!pod->is_running) return with(report, "its pod is starting", pod->trouble);
	return NULL;
}

/* A new server does not know it; one that cannot be set up says why. */
static const char *login_trouble(struct report *report, const struct replica_view *replica) {
	const struct attempt *attempt = attempt_of(report->view, ACTION_BOOTSTRAP_SERVER, replica->pod_name, NULL);
	if (attempt == NULL) return "SQL Server does not know agkeeper's login yet";
	return with(report, "SQL Server cannot be set up as sa", attempt->message);
}

const char *report_server_trouble(struct report *report, const struct replica_view *replica) {
	const char *trouble = pod_trouble(report, &replica->pod);
	if (trouble != NULL) return trouble;
	const struct server_view *server = &replica->server;
	if (server->refuses_login) return login_trouble(report, replica);
	if (server->seen != NULL || server->is_busy) return NULL;
	if (server->silent_since == 0) {
		return server->has_failed ? with(report, "SQL Server cannot be reached", server->failure_text) : NULL;
	}
	int64_t silent_ms = report->view->now - server->silent_since;
	if (silent_ms >= SILENCE_MS) {
		return with(report, "SQL Server does not answer", server->has_failed ? server->failure_text : NULL);
	}
	plan_look(report->deciding->plan, SILENCE_MS - silent_ms);
	return NULL;
}

const char *report_troubles(struct report *report) {
	const char *list = "";
	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		if (!row->is_counted || row->trouble == NULL) continue;
		list = report_join(report, list, TEXT("%s: %s", row->replica->pod_name, row->trouble));
	}
	return list;
}

/* ---- the primary ---- */

/* The worst that sp_server_diagnostics says of it. */
static const char *unwell(struct report *report, const struct server_view *server) {
	static const char *const components[DIAGNOSTICS] = { "system", "resource", "query_processing", "io_subsystem" };
	for (size_t i = 0; i < DIAGNOSTICS; i++) {
		if (server->diagnostics[i] == 3)
			return TEXT("sp_server_diagnostics reports errors of component %s", components[i]);
	}
	return "it is not well";
}

static const char *writes_trouble(struct report *report, const struct server_view *server) {
	const struct spec *spec = report->spec;
	if (!spec->checks_writes || spec->check_failures <= 0 || server->write_failures < spec->check_failures)
		return NULL;
	const char *text = with(report, "writes fail", server->write_failure_text);
	return server->write_failure_number != 0 ? TEXT("%s (Msg %d)", text, server->write_failure_number) : text;
}

/* Of one that answers: what else keeps clients from writing. */
static const char *service_trouble(struct report *report, const struct replica_view *primary) {
	const char *label = primary->pod.role_label;
	if (!primary->pod.is_ready) return "its pod is not ready";
	if (report->deciding->state == GROUP_SUSPECT || report->deciding->lost_reason != NULL)
		return unwell(report, &primary->server);
	if (label == NULL || strcmp(label, report->spec->primary_label) != 0)
		return TEXT("its pod does not have the label %s=%s yet", report->spec->role_label,
		            report->spec->primary_label);
	return writes_trouble(report, &primary->server);
}

/* Of one that is not seen to be primary; NULL: for a moment it cannot be said. */
static const char *absence(struct report *report, const struct replica_view *primary) {
	if (!view_is_member(primary, &report->view->record->primary)) return "its volume is not the one it had";
	const char *trouble = report_server_trouble(report, primary);
	if (trouble != NULL || primary->server.seen == NULL) return trouble;
	return role_of(primary) == SQL_ROLE_PRIMARY ? NULL : "SQL Server says that it is not the primary";
}

bool report_is_promoting(const struct report *report) {
	if (!report->spec->is_group || report->spec->is_halted) return false;
	switch (report->deciding->state) {
	case GROUP_PROMOTING:
	case GROUP_BLOCKED: return true;
	case GROUP_DOWN: return report->spec->fails_over || report->next->intent.kind != INTENT_NONE;
	default: return report->next->intent.kind != INTENT_NONE;
	}
}

static void look_at_server(struct report *report) {
	if (report->view->replica_count == 0) return;
	report->primary = &report->view->replicas[0];
	report->primary_trouble = report_server_trouble(report, report->primary);
	if (report->primary_trouble != NULL) return;
	report->sight = report->primary->server.seen != NULL ? SIGHT_PRIMARY : SIGHT_NONE;
	if (report->sight == SIGHT_PRIMARY) report->primary_trouble = service_trouble(report, report->primary);
}

static void look_at_group(struct report *report) {
	const struct deciding *deciding = report->deciding;
	report->primary = view_find(report->view, report->view->record->primary.pod);
	if (report_is_promoting(report) && deciding->state != GROUP_BLOCKED) {
		report->sight = SIGHT_NONE;
		return;
	}
	if (deciding->primary != NULL) {
		report->sight = SIGHT_PRIMARY;
		report->primary_trouble = service_trouble(report, deciding->primary);
		return;
	}
	if (report->primary == NULL) {
		report->primary_trouble = "it is not known";
		return;
	}
	report->primary_trouble = absence(report, report->primary);
	if (report->primary_trouble != NULL) return;
	if (deciding->state == GROUP_STEADY || deciding->state == GROUP_SUSPECT) report->sight = SIGHT_NONE;
	else report->primary_trouble = "it is lost";
}

/* ---- the others, as the primary sees them ---- */

static const struct sql_database_row *database_row(const struct sql_observation *seen, const char *replica_id,
                                                   const char *id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (strcmp(row->replica_id, replica_id) == 0 && strcmp(row->group_database_id, id) == 0) return row;
	}
	return NULL;
}

static const char *database_trouble(struct report *report, const struct sql_database_row *row, const char *name,
                                    bool is_synchronous) {
	if (row == NULL) return TEXT("database %s is not there yet", name);
	if (row->is_suspended) {
		return with(report, TEXT("database %s is suspended", name), row->suspend_reason);
	}
	switch (row->synchronization) {
	case SQL_SYNCHRONIZED: return NULL;
	case SQL_SYNCHRONIZING: return is_synchronous ? TEXT("database %s is catching up", name) : NULL;
	case SQL_INITIALIZING: return TEXT("database %s is being copied", name);
	case SQL_REVERTING: return TEXT("database %s is being reverted", name);
	default: return TEXT("database %s is not synchronizing", name);
	}
}

static const char *databases_trouble(struct report *report, const struct replica_view *replica,
                                     const struct sql_replica_row *peer) {
	const struct record *record = report->view->record;
	bool is_synchronous = replica->spec != NULL && replica->spec->availability == SQL_SYNCHRONOUS_COMMIT &&
	                      replica != report->deciding->primary;
	for (size_t i = 0; i < record->database_count; i++) {
		const struct sql_database_row *row =
		        database_row(report->deciding->primary->server.seen, peer->replica_id, record->databases[i].id);
		const char *trouble = database_trouble(report, row, record->databases[i].name, is_synchronous);
		if (trouble != NULL) return trouble;
	}
	return NULL;
}

static const char *membership_trouble(struct report *report, const struct replica_view *replica) {
	const struct sql_replica_row *peer = peer_row(report->deciding->primary, replica->pod_name);
	if (peer == NULL) return "it is not in the group yet";
	if (replica != report->deciding->primary && peer->connected != SQL_CONNECTED) {
		return with(report, "it is not connected to the primary",
		            peer->last_connect_error != 0 ? peer->last_connect_error_text : NULL);
	}
	return databases_trouble(report, replica, peer);
}

static const char *label_trouble(struct report *report, const struct replica_view *replica) {
	if (!replica->pod.is_ready) return "its pod is not ready";
	const char *label = replica->pod.role_label;
	const char *wanted =
	        replica == report->deciding->primary ? report->spec->primary_label : replica->spec->role_label;
	if (label != NULL && strcmp(label, wanted) == 0) return NULL;
	return TEXT("its pod does not have the label %s=%s yet", report->spec->role_label, wanted);
}

/* ---- rows ---- */

static void look_at_row(struct report *report, struct report_row *row) {
	const struct replica_view *replica = row->replica;
	row->trouble = report_server_trouble(report, replica);
	if (!report->spec->is_group) {
		if (row->trouble == NULL) row->trouble = report->primary_trouble;
		row->is_synchronized = row->trouble == NULL;
		return;
	}
	if (report->sight != SIGHT_PRIMARY) {
		if (row->trouble == NULL) row->trouble = "it has no primary";
		return;
	}
	/* What the primary sees counts, even of a server that does not answer us. */
	const char *trouble = membership_trouble(report, replica);
	row->is_synchronized = trouble == NULL && replica->pod.is_running;
	if (row->trouble == NULL) row->trouble = trouble;
	if (row->trouble == NULL && row->is_counted) row->trouble = label_trouble(report, replica);
}

void report_look(struct report *report) {
	report->sight = SIGHT_LOCAL;
	if (report->spec->is_group) look_at_group(report);
	else look_at_server(report);
	for (size_t i = 0; i < report->view->replica_count; i++) {
		struct report_row *row = &report->rows[report->row_count++];
		*row = (struct report_row){ .replica = &report->view->replicas[i],
			                    .is_counted = report->view->replicas[i].spec != NULL };
		look_at_row(report, row);
		report->counted += row->is_counted;
		report->synchronized += row->is_counted && row->is_synchronized;
	}
}
