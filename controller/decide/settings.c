/* What the spec says of a group that stands: its replicas and their properties; and passwords. */
#include "controller/decide/deciding.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "controller/decide/trouble.h"

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* On the primary; what it met before is added to `failed`. */
static void apply(struct deciding *deciding, const struct action *action, struct strbuf *failed) {
	const char *peer = action->peer != NULL ? action->peer : action->text;
	const char *trouble = attempt_trouble(deciding, action->type, deciding->primary->pod_name, peer);
	change_server(deciding, deciding->primary, action);
	if (trouble == NULL) return;
	cleanup_free char *who =
	        xasprintf("%s%s%s", action_rows[action->type].name, peer != NULL ? " " : "", peer != NULL ? peer : "");
	add_trouble(failed, who, trouble);
}

/* ---- Properties ---- */

static const char *const access_names[] = {
	[SQL_ACCESS_NO] = "NO",
	[SQL_ACCESS_READ_ONLY] = "READ_ONLY",
	[SQL_ACCESS_ALL] = "ALL",
};

static void apply_properties(struct deciding *deciding, const struct replica_spec *replica,
                             const struct sql_replica_row *row, struct strbuf *failed) {
	if (row->access != NULL && !same(row->access, access_names[replica->access])) {
		apply(deciding,
		      &(struct action){ .type = ACTION_SET_ACCESS,
		                        .peer = replica->pod,
		                        .number = replica->access,
		                        .reason = "as the object has it" },
		      failed);
	}
	if (row->endpoint_url != NULL && !same(row->endpoint_url, replica->endpoint_url)) {
		apply(deciding,
		      &(struct action){ .type = ACTION_SET_ENDPOINT_URL,
		                        .peer = replica->pod,
		                        .text = replica->endpoint_url,
		                        .reason = "as the object has it" },
		      failed);
	}
}

/* An external cluster manager watches the databases too; without one nobody would act on it. */
static void apply_db_failover(struct deciding *deciding, struct strbuf *failed) {
	if (deciding->spec->cluster != SQL_CLUSTER_EXTERNAL || deciding->primary->server.seen->group.db_failover)
		return;
	apply(deciding, &(struct action){ .type = ACTION_SET_DB_FAILOVER, .number = 1, .reason = "switched off" },
	      failed);
}

/* ---- More replicas ---- */

/* Only one that can join at once: a replica that never comes up does not stand in the configuration. */
static void add_replica(struct deciding *deciding, const struct replica_view *replica, struct strbuf *failed) {
	if (replica->server.seen == NULL || !replica->server.is_bootstrapped) return;
	const char *pod = replica->pod_name;
	apply(deciding, &(struct action){ .type = ACTION_ADD_REPLICA, .peer = pod, .reason = "new in the object" },
	      failed);
}

static void apply_replicas(struct deciding *deciding, struct strbuf *failed) {
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_spec *replica = &deciding->spec->replicas[i];
		const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod);
		if (row == NULL) add_replica(deciding, &deciding->view->replicas[i], failed);
		else apply_properties(deciding, replica, row, failed);
	}
}

/* ---- Fewer replicas ---- */

/* Pod <name>-<i> with an i beyond the replicas: one that was ours. Replicas that a DBA has added from elsewhere are
 * left alone. */
static bool is_beyond(const struct spec *spec, const char *server) {
	size_t length = strlen(spec->name);
	if (server == NULL || strncmp(server, spec->name, length) != 0 || server[length] != '-') return false;
	const char *number = server + length + 1;
	if (!isdigit((unsigned char)number[0]) || (number[0] == '0' && number[1] != '\0')) return false;
	char *end;
	unsigned long place = strtoul(number, &end, 10);
	return *end == '\0' && place >= spec->replica_count;
}

/* The set lets go of it first: nothing that was promised may rest on it. */
static bool is_let_go(const struct deciding *deciding, const struct sql_replica_row *row) {
	return record_find(deciding->record, row->server, NULL) < 0 &&
	       record_find(&deciding->next, row->server, NULL) < 0 && row->mode != SQL_MODE_SYNCHRONOUS;
}

static void remove_replicas(struct deciding *deciding, struct strbuf *failed) {
	const struct sql_observation *seen = deciding->primary->server.seen;
	for (size_t i = 0; i < seen->replica_count; i++) {
		const struct sql_replica_row *row = &seen->replicas[i];
		if (!is_beyond(deciding->spec, row->server) || same(row->server, deciding->primary->pod_name)) continue;
		if (!is_let_go(deciding, row)) continue;
		const struct action remove = { .type = ACTION_REMOVE_REPLICA,
			                       .peer = row->server,
			                       .reason = "not in the object any more" };
		apply(deciding, &remove, failed);
	}
}

/* The primary itself was scaled in: another one first. */
static void leave_primary(struct deciding *deciding, struct strbuf *failed) {
	const char *pod = deciding->primary->pod_name, *why = NULL;
	if (!is_beyond(deciding->spec, pod)) return;
	const char *message = plan_text(deciding->plan, "%s is the primary, and not among the %zu replicas any more",
	                                pod, deciding->spec->replica_count);
	if (!deciding->spec->hands_over) why = "a person has to hand over";
	else if (promotion_request_hand_over(deciding, NULL, "ScaledIn", message, &why)) return;
	add_trouble(failed, message, why != NULL ? why : "it leaves as soon as another can take over");
}

/* ---- Passwords ---- */

/* The Secret has another password of sa than was applied last. */
static void apply_passwords(struct deciding *deciding) {
	cleanup_strbuf struct strbuf failed = { 0 };
	if (deciding->view->administrator_secret != SECRET_PRESENT || deciding->view->own_secret != SECRET_PRESENT)
		return;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		const struct server_view *server = &replica->server;
		if (server->has_current_password || !server->is_bootstrapped || server->seen == NULL) continue;
		const char *pod = replica->pod_name;
		add_trouble(&failed, pod, attempt_trouble(deciding, ACTION_APPLY_PASSWORD, pod, NULL));
		change_server(
		        deciding, replica,
		        &(struct action){ .type = ACTION_APPLY_PASSWORD, .reason = "the Secret has another password" });
	}
	find_trouble(deciding, "PasswordApplied", "StatementFailed", strbuf_text(&failed));
}

void settings_decide(struct deciding *deciding) {
	apply_passwords(deciding);
	if (!deciding->spec->is_group || deciding->state != GROUP_STEADY || deciding->primary == NULL) return;
	cleanup_strbuf struct strbuf failed = { 0 };
	apply_replicas(deciding, &failed);
	remove_replicas(deciding, &failed);
	apply_db_failover(deciding, &failed);
	leave_primary(deciding, &failed);
	find_trouble(deciding, "SettingsApplied", "StatementFailed", strbuf_text(&failed));
}
