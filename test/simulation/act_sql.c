/* Batches: written by the product's own code (controller/act), run by the servers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/act/statement.h"
#include "simulation/act.h"
#include "simulation/misdeeds.h"
#include "sql/statements.h"

/* ---- Writing one ---- */

static const struct statement_secrets *secrets_of(struct model *model, struct statement_secrets *secrets) {
	*secrets = (struct statement_secrets){ .controller_password = "C0ntrollerPassw0rd",
		                               .master_key_password = "M4sterKeyPassw0rd",
		                               .administrator_password = "Passw0rd!" };
	if (model->cluster.secrets.has_certificate) secrets->endpoint = model->certificate;
	return secrets;
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
	misdo_batch(model, job);
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

static void miss_number(struct model *model, const struct process *primary) {
	int node = model->cluster.pods[model->misses_number - 1].node;
	if (node >= 0 && node != primary->node) model->network.cut[primary->node][node] = true;
	note(model, "sales-%d does not hear of it", model->misses_number - 1);
	model->misses_number = 0;
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
	if (job->action.type == ACTION_SET_REQUIRED && model->misses_number > 0) miss_number(model, process);
	bool keeps = job->action.type == ACTION_EXPORT_CERTIFICATE;
	struct call *call = call_begin(model, process, job->as_administrator ? ADMINISTRATOR_LOGIN : CONTROLLER_LOGIN,
	                               job->as_administrator ? "Passw0rd!" : "C0ntrollerPassw0rd", NULL, job->batch,
	                               keeps, batch_finished, job_hold(job));
	if (call != NULL) job->call = call->number;
	process_touch(model, process);
}

void sql_arrived_late(struct model *model, struct event *event) {
	const struct job *job = event->data;
	if (process_by_id(model, job->process) != NULL) sql_arrived(model, event);
}

void sql_hang_up(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct process *process = process_by_id(model, job->process);
	if (process == NULL || job->call == 0 || process_holds(process, event)) return;
	call_cancel(model, process, job->call);
}
