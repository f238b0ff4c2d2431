/* Whether observe() says what the probe says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/model.h"
#include "sql/statements.h"

static void put_text(struct strbuf *text, const char *name, const char *value) {
	strbuf_printf(text, "%s=%s ", name, value != NULL ? value : "NULL");
}
static void put_number(struct strbuf *text, const char *name, int64_t value) {
	strbuf_printf(text, "%s=%lld ", name, (long long)value);
}
static void put_lsn(struct strbuf *text, const char *name, struct sql_lsn lsn) {
	strbuf_printf(text, "%s=%d:%llu ", name, lsn.known, (unsigned long long)lsn.value);
}

static void put_replica(struct strbuf *text, const struct sql_replica_row *row) {
	put_text(text, "\nreplica", row->server);
	put_text(text, "id", row->replica_id);
	put_text(text, "url", row->endpoint_url);
	put_text(text, "access", row->access);
	put_text(text, "failover", row->failover_mode);
	put_text(text, "operational", row->operational_state);
	put_text(text, "recovery", row->recovery_health);
	put_text(text, "health", row->synchronization_health);
	put_number(text, "mode", row->mode);
	put_number(text, "timeout", row->session_timeout);
	put_number(text, "local", row->is_local);
	put_number(text, "role", row->role);
	put_number(text, "connected", row->connected);
	put_number(text, "error", row->last_connect_error);
	put_number(text, "lease", row->write_lease_ticks);
	put_number(text, "configures", row->configuration_commit_start != NULL);
}

static void put_database(struct strbuf *text, const struct sql_database_row *row) {
	put_text(text, "\ndatabase", row->name);
	put_text(text, "id", row->group_database_id);
	put_text(text, "replica", row->replica_id);
	put_text(text, "fork", row->recovery_fork);
	put_text(text, "state", row->state);
	put_text(text, "suspend", row->suspend_reason);
	const int64_t numbers[] = { row->is_local,          row->is_primary_replica, row->synchronization,
		                    row->is_suspended,      row->is_failover_ready,  row->is_commit_participant,
		                    row->log_send_queue_kb, row->redo_queue_kb,      row->secondary_lag_seconds };
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) put_number(text, "n", numbers[i]);
	put_lsn(text, "fork point", row->fork_point);
	put_lsn(text, "recovery", row->recovery);
	put_lsn(text, "received", row->received);
	put_lsn(text, "hardened", row->hardened);
	put_lsn(text, "end", row->end_of_log);
	put_lsn(text, "redone", row->redone);
}

static void put(struct strbuf *text, const struct sql_observation *seen) {
	put_text(text, "server", seen->instance.server);
	put_text(text, "version", seen->instance.version);
	put_text(text, "started", seen->instance.start_time);
	put_text(text, "endpoint", seen->instance.endpoint_name);
	put_number(text, "state", seen->instance.endpoint);
	put_number(text, "generation", seen->instance.generation);
	put_number(text, "\ngroup", seen->has_group);
	if (seen->has_group) {
		put_text(text, "id", seen->group.group_id);
		put_text(text, "cluster", seen->group.cluster_type);
		put_number(text, "sequence", seen->group.sequence_number);
		put_number(text, "required", seen->group.required);
		put_number(text, "db_failover", seen->group.db_failover);
	}
	for (size_t i = 0; i < seen->replica_count; i++) put_replica(text, &seen->replicas[i]);
	for (size_t i = 0; i < seen->database_count; i++) put_database(text, &seen->databases[i]);
	for (size_t i = 0; i < seen->local_database_count; i++) {
		const struct sql_local_database_row *row = &seen->local_databases[i];
		put_text(text, "\nlocal", row->name);
		put_text(text, "state", row->state);
		put_text(text, "model", row->recovery_model);
		put_text(text, "id", row->group_database_id);
		put_number(text, "chain", row->has_log_chain);
	}
	for (size_t i = 0; i < seen->seeding_count; i++) {
		const struct sql_seeding_row *row = &seen->seedings[i];
		put_text(text, "\nseeding", row->group_database_id);
		put_text(text, "to", row->remote_replica_id);
		put_text(text, "state", row->state);
		put_text(text, "failure", row->failure);
		put_number(text, "source", row->is_source);
		put_number(text, "complete", row->is_complete);
	}
}

struct compared {
	struct strbuf text;
};

static void have_asked(struct model *model, struct call *call) {
	(void)model;
	struct compared *compared = call->context;
	cleanup_arena struct arena arena = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_observation seen;
	if (sql_observation_read(&call->answer.results, &arena, &seen, &err) == 0) put(&compared->text, &seen);
	else strbuf_printf(&compared->text, "%s; %s", err->message, call->answer.text);
}

/* The words around the place where they differ; NULL: nowhere. */
static char *first_difference(const char *a, const char *b) {
	size_t at = 0;
	while (a[at] != '\0' && a[at] == b[at]) at++;
	if (a[at] == b[at]) return NULL;
	while (at > 0 && a[at - 1] != ' ' && a[at - 1] != '\n') at--;
	return xasprintf("\"%.60s\" and \"%.60s\"", a + at, b + at);
}

char *observe_difference(struct process *process, const char *group) {
	cleanup_arena struct arena arena = { 0 };
	struct sql_observation seen;
	observe(process, group, &arena, &seen);
	struct compared asked = { 0 };
	cleanup_strbuf struct strbuf batch = { 0 }, ours = { 0 };
	sql_probe(&batch, group, NULL);
	call_begin(process->model, process, "sa", "Passw0rd!", NULL, strbuf_text(&batch), true, have_asked, &asked);
	process_touch(process->model, process);
	put(&ours, &seen);
	char *difference = first_difference(strbuf_text(&ours), strbuf_text(&asked.text));
	strbuf_free(&asked.text);
	return difference;
}
