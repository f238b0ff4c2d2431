/* Batches: written by the product's own code (controller/act), run by the servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act/statement.h"
#include "simulation/act.h"
#include "sql/statements.h"

/* ---- Writing one ---- */

static const struct statement_secrets *secrets_of(struct model *model, struct statement_secrets *secrets) {
	*secrets = (struct statement_secrets){ .controller_password = "C0ntrollerPassw0rd",
		                               .master_key_password = "M4sterKeyPassw0rd",
		                               .administrator_password = "Passw0rd!" };
	if (model->cluster.secrets.has_certificate) secrets->endpoint = model->certificate;
	return secrets;
}

/* The look at the endpoint before FAILOVER says that all is well. */
static void unguard(char *batch) {
	char *guard = strstr(batch, "N'STOPPED')");
	if (guard != NULL) memcpy(guard, "N'STARTED')", 11);
}

/* Whatever the generation is. */
static void unfence(char *batch) {
	static const char condition[] = "NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = ";
	char *at = strstr(batch, condition);
	char *end = at != NULL ? strchr(at + strlen(condition), ')') : NULL;
	if (end == NULL) return;
	memset(at, ' ', (size_t)(end - at + 1));
	memcpy(at, "1 = 0", 5);
}

/* … ALTER AVAILABILITY GROUP [x] FAILOVER becomes … FORCE_FAILOVER_ALLOW_DATA_LOSS. */
static void force(struct job *job) {
	char *at = strstr(job->batch, "] FAILOVER;");
	if (at == NULL) return;
	char *forced = xasprintf("%.*s] FORCE_FAILOVER_ALLOW_DATA_LOSS;%s", (int)(at - job->batch), job->batch,
	                         at + strlen("] FAILOVER;"));
	free(job->batch);
	job->batch = forced;
}

bool sql_write(struct model *model, const struct controller *controller, const struct record *record, struct job *job) {
	struct statement_secrets secrets;
	const struct statement_context context = { &controller->spec, record, secrets_of(model, &secrets) };
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_error struct error *err = NULL;
	bool is_ours = model->policy == POLICY_AGKEEPER;
	if (is_ours ? statement_of(&job->action, &context, &text, &err) != 0
	            : published_statement(&job->action, &controller->spec, &text, &err) != 0) {
		violate(model, "statement", "%s cannot be written: %s", action_rows[job->action.type].name,
		        err->message);
		return false;
	}
	job->generation = record->generation;
	job->batch = strbuf_detach(&text);
	if (model->mutation == MUTATION_no_fence) unguard(job->batch);
	if (model->mutation == MUTATION_no_generation) unfence(job->batch);
	bool again = attempts_find(&((struct controller *)(uintptr_t)controller)->attempts, &job->action) != NULL;
	if (model->mutation == MUTATION_force && job->action.type == ACTION_PROMOTE && again) force(job);
	job->timeout = statement_terms(job->action.type).timeout_ms * MILLISECOND;
	return true;
}

/* ---- Running one ---- */

static void batch_finished(struct model *model, struct call *call) {
	struct job *job = call->context;
	struct process *process = call->process;
	job->call = 0;
	job->code = call->answer.number;
	snprintf(job->text, sizeof(job->text), "%s", call->answer.text);
	if (call->answer.refused && job->code == 0) job->code = 18456;
	if (call->answer.lost) job->code = -1;
	if (job->code == 0)
		check_statement(model, &model->controllers[job->controller], process, &job->action,
		                job->is_fenced ? job->generation : -1, job->batch);
	if (job->action.type == ACTION_EXPORT_CERTIFICATE && job->code == 0) {
		struct endpoint_certificate endpoint;
		if (statement_certificate(&call->answer.results, &model->arena, &endpoint, NULL) == 0 &&
		    !model->cluster.secrets.has_certificate) {
			model->certificate = endpoint;
			model->cluster.secrets.has_certificate = true;
			cluster_changed(model, ITEM_SECRETS, 0);
		}
	}
	boundary_reached(model, controller_of(model, job->controller, job->life), job->boundary, AFTER_ACTION);
	job_travel(model, process->node, HOST_CONTROLLER + job->controller, job, job_answered);
	job_release(job);
}

static void refused(struct model *model, struct event *event) {
	struct job *job = event->data;
	job->code = 1;
	job->was_sent = false;
	snprintf(job->text, sizeof(job->text), "connection refused");
	job_answered(model, event);
}

void sql_arrived(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct process *process = process_of_pod(model, job->pod);
	if (process != NULL && process_holds(process, event)) return;
	if (process == NULL || !sim_instance_accepts(process->instance)) {
		job_later(model, 10 * MILLISECOND, job, refused);
		return;
	}
	job->process = process->id;
	bool keeps = job->action.type == ACTION_EXPORT_CERTIFICATE;
	struct call *call = call_begin(model, process, job->as_administrator ? ADMINISTRATOR_LOGIN : CONTROLLER_LOGIN,
	                               job->as_administrator ? "Passw0rd!" : "C0ntrollerPassw0rd", NULL, job->batch,
	                               keeps, batch_finished, job_hold(job));
	if (call != NULL) job->call = call->number;
	process_touch(model, process);
}

void sql_hang_up(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct process *process = process_by_id(model, job->process);
	if (process == NULL || job->call == 0 || process_holds(process, event)) return;
	call_cancel(model, process, job->call);
}
