/* What becomes of a plan: requests to the API and batches on servers, each on its way for a while, lost or late. The
 * engine's rules hold: one action at a time on a target; a status write is repeated until its outcome is known; after a
 * failure the same waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/act.h"
#include "simulation/misdeeds.h"
#include "sql/statements.h"

enum { API_TIMEOUT = 10 * SECOND, API_AGAIN = 1 * SECOND };

void job_release(void *data) {
	struct job *job = data;
	if (--job->references > 0) return;
	json_object_put(job->action.json);
	json_object_put(job->answered);
	free(job->batch);
	arena_free(&job->arena);
	free(job);
}

struct job *job_hold(struct job *job) {
	job->references++;
	return job;
}

void job_later(struct model *model, int64_t delay, struct job *job, void (*run)(struct model *, struct event *)) {
	event_add(model, delay, &(struct event){ .run = run, .drop = job_release, .data = job_hold(job) });
}

bool job_travel(struct model *model, int from, int to, struct job *job, void (*run)(struct model *, struct event *)) {
	return network_send(model, from, to, &(struct event){ .run = run, .drop = job_release, .data = job_hold(job) });
}

bool same_text(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

/* ---- One at a time ---- */

static void target_of(const struct action *action, char key[100]) {
	enum action_target target = action_rows[action->type].target;
	const char *name = action->pod;
	char child[80] = "";
	if (target == TARGET_CHILD && action->json != NULL) {
		child_name(action->json, child);
		name = child;
	}
	if (target == TARGET_SECRET) name = action_rows[action->type].name;
	if (target == TARGET_REQUEST) name = action->text;
	bool is_beside = action->type == ACTION_WRITE_CHECK;
	snprintf(key, 100, "%s%d %s", is_beside ? "beside " : "", (int)target, name != NULL ? name : "");
}

/* What was done is not done again before the watch has shown it. */
static bool has_settled(const struct model *model, const struct controller *controller, const struct busy *busy) {
	return busy->job == 0 && (controller->applied >= busy->settles_with || model->now >= busy->settles_by);
}

static bool is_busy(const struct model *model, struct controller *controller, const char *key) {
	for (size_t i = controller->busy_count; i-- > 0;) {
		if (has_settled(model, controller, &controller->busy[i]))
			controller->busy[i] = controller->busy[--controller->busy_count];
		else if (strcmp(controller->busy[i].key, key) == 0) return true;
	}
	return false;
}

static void release_target(struct model *model, struct controller *controller, const struct job *job) {
	for (size_t i = 0; i < controller->busy_count; i++) {
		struct busy *busy = &controller->busy[i];
		if (busy->job != job->number) continue;
		enum action_target target = action_rows[job->action.type].target;
		if (job->code == 0 && target != TARGET_SERVER && target != TARGET_OBJECT) {
			busy->job = 0;
			busy->settles_with = watch_newest(controller);
			busy->settles_by = model->now + 5 * SECOND;
		} else {
			*busy = controller->busy[--controller->busy_count];
		}
		return;
	}
}

static bool is_open(const struct controller *controller, uint64_t job) {
	for (size_t i = 0; i < controller->busy_count; i++)
		if (controller->busy[i].job == job && job != 0) return true;
	return false;
}

/* ---- The end of a job, at the controller ---- */

static void end_check(const struct model *model, struct server_state *server, const struct job *job) {
	if (job->code == 0) server->last_write_ok = model->now;
	server->write_failures = job->code == 0 ? 0 : server->write_failures + 1;
	server->write_failure_number = job->code > 0 ? job->code : 0;
	snprintf(server->write_failure_text, sizeof(server->write_failure_text), "%.99s", job->text);
}

static void end_server(struct model *model, struct controller *controller, const struct job *job) {
	struct server_state *server = &controller->servers[job->slot];
	if (job->action.type == ACTION_WRITE_CHECK && strcmp(server->pod, job->pod) == 0) end_check(model, server, job);
	if (server->busy != job->number) return;
	server->busy = 0;
	server->hides = server->refuses_login = server->failed = false;
	server->changed_at = model->now;
	bool unknown = job->code == -1 && job->was_sent;
	if (unknown && job->is_fenced && job->generation > server->loose_generation &&
	    model->mutation != MUTATION_no_loose)
		server->loose_generation = job->generation;
	if (job->action.type == ACTION_EXPORT_CERTIFICATE && job->code == 0)
		controller->cache.secrets.has_certificate = model->cluster.secrets.has_certificate;
	misdo_answer(server, job);
	controller_probe(model, controller, job->slot);
}

/* By compare-and-swap on the object: repeated until it is known what came of it, and nothing is decided meanwhile. */
static bool is_swap(enum action_type type) {
	return type == ACTION_WRITE_STATUS || type == ACTION_PATCH_STORAGE;
}

static void end_object(struct model *model, struct controller *controller, struct job *job) {
	if (is_swap(job->action.type)) controller->status_write = 0;
	if (model->mutation == MUTATION_stale_object || job->answered == NULL ||
	    job->answered_revision <= controller->answered_revision)
		return;
	json_object_put(controller->answered);
	controller->answered = take(&job->answered);
	controller->answered_revision = job->answered_revision;
}

static void end_job(struct model *model, struct controller *controller, struct job *job) {
	release_target(model, controller, job);
	const struct action_row *row = &action_rows[job->action.type];
	model->tally[job->action.type].count++;
	if (job->code != 0) {
		model->tally[job->action.type].failed++;
		note(model, "controller-%d: %s %s: %s", controller->index, row->name,
		     job->action.pod != NULL ? job->action.pod : "", job->code == -1 ? "no answer" : job->text);
	}
	/* Somebody was first, which the watch will tell; or another generation is in force. Neither is a failure. */
	bool dropped = job->code == 409 || job->code == SQL_MSG_STALE || job->code == SQL_MSG_LOCKED;
	if (job->code == 0) attempts_note_success(&controller->attempts, &job->action);
	else if (!dropped) attempts_note_failure(model, controller, job);
	if (row->target == TARGET_SERVER) end_server(model, controller, job);
	if (row->target == TARGET_OBJECT) end_object(model, controller, job);
	/* A server is asked what came of it: its answer leads to the next pass, which would see nothing before. */
	bool asks = row->target == TARGET_SERVER && controller->servers[job->slot].probe != 0;
	if (!asks)
		controller_wake(model, controller,
		                dropped ? 300 * MILLISECOND : dice_between(&model->dice, 0, MILLISECOND));
	boundary_reached(model, controller, job->boundary, AT_ANSWER);
}

void job_answered(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct controller *controller = controller_of(model, job->controller, job->life);
	if (controller == NULL || controller_holds(controller, event) || !is_open(controller, job->number)) return;
	end_job(model, controller, job);
}

/* ---- On its way ---- */

static void no_answer(struct model *model, struct event *event);

static void request_arrived(struct model *model, struct event *event) {
	struct job *job = event->data;
	if (model->api_down) return; /* the client finds out at its deadline */
	api_run(model, job);
	boundary_reached(model, controller_of(model, job->controller, job->life), job->boundary, AFTER_ACTION);
	if (dice_percent(&model->dice, model->network.lost_answers)) return;
	job_travel(model, HOST_API, HOST_CONTROLLER + job->controller, job, job_answered);
}

void job_request(struct model *model, struct job *job) {
	job_travel(model, HOST_CONTROLLER + job->controller, HOST_API, job, request_arrived);
	job_later(model, API_TIMEOUT, job, no_answer);
}

static void no_answer(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct controller *controller = controller_of(model, job->controller, job->life);
	if (controller == NULL || controller_holds(controller, event) || !is_open(controller, job->number)) return;
	if (is_swap(job->action.type)) {
		/* The same again, until it is known what the record says. */
		if (!controller_may_act(model, controller)) controller_wake(model, controller, API_AGAIN);
		job_request(model, job);
		return;
	}
	if (action_rows[job->action.type].target == TARGET_SERVER)
		job_travel(model, HOST_CONTROLLER + job->controller, job->node, job, sql_hang_up);
	job->code = -1;
	end_job(model, controller, job);
}

/* ---- Beginning ---- */

/* TCP sends it again and again, and at last it arrives: if the process that it was meant for is still there. */
static bool keeps_number(struct model *model, struct job *job) {
	const struct process *process = process_of_pod(model, job->pod);
	if (job->action.type != ACTION_SET_REQUIRED || model->number_arrives_at <= model->now || process == NULL)
		return false;
	note(model, "… and the network keeps it until %.3f s", (double)model->number_arrives_at / SECOND);
	job->process = process->id;
	job_later(model, model->number_arrives_at - model->now, job, sql_arrived_late);
	model->number_arrives_at = 0;
	return true;
}

static void emit(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct controller *controller = controller_of(model, job->controller, job->life);
	if (controller == NULL || controller_holds(controller, event) || !is_open(controller, job->number)) return;
	bool may = controller_may_act(model, controller);
	if (!may) {
		job->code = 409; /* not ours to do any more */
		snprintf(job->text, sizeof(job->text), "the lease is lost");
		end_job(model, controller, job);
		return;
	}
	job->boundary = model->boundary.count++;
	boundary_reached(model, controller, job->boundary, BEFORE_ACTION);
	if (controller_of(model, job->controller, job->life) == NULL) return;
	check_action(model, controller, &job->action);
	if (job->action.type == ACTION_PROMOTE && model->failover_sent == 0) model->failover_sent = model->now;
	if (misdo_action(model, controller, job)) return;
	if (action_rows[job->action.type].target != TARGET_SERVER) {
		job_request(model, job);
		return;
	}
	job->was_sent = keeps_number(model, job) ||
	                job_travel(model, HOST_CONTROLLER + job->controller, job->node, job, sql_arrived);
	job_later(model, job->timeout, job, no_answer);
}

static void say_action(struct model *model, const struct controller *controller, const struct action *action) {
	if (!model->keeps_timeline) return;
	if (action->type == ACTION_EVENT) {
		note(model, "controller-%d: Event %s: %s", controller->index, action->text, action->note);
		return;
	}
	struct strbuf text = { 0 };
	strbuf_printf(&text, "%s", action_rows[action->type].name);
	if (action->pod != NULL) strbuf_printf(&text, " %s", action->pod);
	if (action->peer != NULL) strbuf_printf(&text, " peer %s", action->peer);
	if (action->text != NULL && action->type != ACTION_PROMOTE) strbuf_printf(&text, " %s", action->text);
	if (action->number != 0) strbuf_printf(&text, " %lld", (long long)action->number);
	if (action->type == ACTION_WRITE_STATUS)
		strbuf_printf(&text, " %s",
		              json_object_to_json_string_ext(json_get(action->json, "availabilityGroup"),
		                                             JSON_C_TO_STRING_PLAIN));
	note(model, "controller-%d: %s%s%s", controller->index, strbuf_text(&text), action->reason != NULL ? " — " : "",
	     action->reason != NULL ? action->reason : "");
	strbuf_free(&text);
}

static void copy_action(struct job *job, const struct action *action) {
	struct arena *arena = &job->arena;
	job->action = *action;
	if (action->pod != NULL) job->action.pod = arena_strdup(arena, action->pod);
	if (action->peer != NULL) job->action.peer = arena_strdup(arena, action->peer);
	if (action->text != NULL) job->action.text = arena_strdup(arena, action->text);
	if (action->note != NULL) job->action.note = arena_strdup(arena, action->note);
	if (action->reason != NULL) job->action.reason = arena_strdup(arena, action->reason);
	json_object_get(job->action.json);
}

/* While it runs, what was seen before is worth nothing. */
static bool hides(enum action_type type) {
	static const enum action_type others[] = { ACTION_CREATE_DATABASE,    ACTION_SET_RECOVERY_FULL,
		                                   ACTION_BACKUP_DATABASE,    ACTION_WRITE_CHECK,
		                                   ACTION_EXPORT_CERTIFICATE, ACTION_APPLY_PASSWORD,
		                                   ACTION_DROP_DATABASE,      ACTION_CREATE_SYSTEM_DATABASE };
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++)
		if (others[i] == type) return false;
	return true;
}

static void begin(struct model *model, struct controller *controller, const struct action *action,
                  const struct record *record) {
	struct busy busy = { .job = ++model->numbers };
	target_of(action, busy.key);
	if (is_busy(model, controller, busy.key) || controller->busy_count == ARRAY_LENGTH(controller->busy)) return;
	struct job *job = xcalloc(1, sizeof(*job));
	*job = (struct job){ .number = busy.job,
		             .controller = controller->index,
		             .life = controller->life,
		             .references = 1,
		             .slot = pod_slot(action->pod) };
	copy_action(job, action);
	enum action_session session = action_rows[action->type].session;
	job->as_administrator = session == SESSION_ADMINISTRATOR;
	job->is_fenced =
	        (session == SESSION_FENCED || action->type == ACTION_CREATE_GROUP) && model->policy == POLICY_AGKEEPER;
	controller_object(controller, &job->revision);
	if (job->slot >= 0) {
		snprintf(job->pod, NAME_SIZE, "%s", controller->cache.pods[job->slot].uid);
		snprintf(job->claim, NAME_SIZE, "%s", controller->cache.claims[job->slot].uid);
		job->node = controller->cache.pods[job->slot].node;
	}
	bool is_server = action_rows[action->type].target == TARGET_SERVER;
	if (is_server && (job->slot < 0 || job->node < 0 || !sql_write(model, controller, record, job))) {
		job_release(job);
		return;
	}
	controller->busy[controller->busy_count++] = busy;
	if (is_server && action->type != ACTION_WRITE_CHECK) {
		controller->servers[job->slot].busy = job->number;
		controller->servers[job->slot].hides = hides(action->type);
	}
	if (is_swap(action->type)) controller->status_write = job->number;
	say_action(model, controller, action);
	job_later(model, dice_between(&model->dice, 0, 2 * MILLISECOND), job, emit);
	job_release(job);
}

void controller_do(struct model *model, struct controller *controller, const struct action *action) {
	begin(model, controller, action, NULL);
}

void controller_act(struct model *model, struct controller *controller, const struct plan *plan,
                    const struct record *record) {
	for (size_t i = 0; i < plan->count && !model->verdict.violated; i++) {
		const struct action *action = &plan->actions[i];
		if (action->type == ACTION_EVENT) say_action(model, controller, action);
		else begin(model, controller, action, record);
	}
}
