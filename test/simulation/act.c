/* What becomes of a plan: requests to the API and batches on servers, each on its way for a while, lost or late. The
 * engine's rules hold: one action at a time on a target; a status write is repeated until its outcome is known; after a
 * failure the same waits. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/act/statement.h"
#include "simulation/model.h"
#include "sql/statements.h"

enum { API_TIMEOUT = 10 * SECOND, API_AGAIN = 1 * SECOND };

/* One action under way. */
struct job {
	uint64_t number;
	int controller;
	int64_t life, boundary;
	struct arena arena;
	struct action action;
	char *batch;
	int64_t generation, revision, timeout;
	bool is_fenced, as_administrator, was_sent;
	int slot, node;
	char pod[NAME_SIZE];
	uint64_t process, call;
	/* What came of it. */
	int code; /* HTTP status or Msg; 0: it succeeded; -1: not known */
	char text[200];
	struct json_object *answered;
	int64_t answered_revision;
	int references;
};

static void job_release(void *data) {
	struct job *job = data;
	if (--job->references > 0) return;
	json_object_put(job->action.json);
	json_object_put(job->answered);
	free(job->batch);
	arena_free(&job->arena);
	free(job);
}

static struct job *job_hold(struct job *job) {
	job->references++;
	return job;
}

static void later(struct model *model, int64_t delay, struct job *job, void (*run)(struct model *, struct event *)) {
	event_add(model, delay, &(struct event){ .run = run, .drop = job_release, .data = job_hold(job) });
}

static bool travel(struct model *model, int from, int to, struct job *job,
                   void (*run)(struct model *, struct event *)) {
	return network_send(model, from, to, &(struct event){ .run = run, .drop = job_release, .data = job_hold(job) });
}

/* ---- What failed before ---- */

static bool same(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

static const char *peer_of(const struct action *action) {
	return action->peer != NULL ? action->peer : action->text;
}

static struct attempt *find_attempt(struct attempts *attempts, const struct action *action) {
	for (size_t i = 0; i < attempts->count; i++) {
		struct attempt *attempt = &attempts->list[i];
		if (attempt->type == action->type && same(attempt->pod, action->pod) &&
		    same(attempt->peer, peer_of(action)))
			return attempt;
	}
	return NULL;
}

static void free_attempt(struct attempt *attempt) {
	free((char *)(uintptr_t)attempt->pod);
	free((char *)(uintptr_t)attempt->peer);
	free((char *)(uintptr_t)attempt->message);
}

static void note_success(struct attempts *attempts, const struct action *action) {
	struct attempt *attempt = find_attempt(attempts, action);
	if (attempt == NULL) return;
	free_attempt(attempt);
	*attempt = attempts->list[--attempts->count];
}

static void note_failure(struct model *model, struct controller *controller, const struct job *job) {
	struct attempts *attempts = &controller->attempts;
	const struct action *action = &job->action;
	struct attempt *attempt = find_attempt(attempts, action);
	if (attempt == NULL) {
		attempts->list = xreallocarray(attempts->list, attempts->count + 1, sizeof(*attempts->list));
		attempt = &attempts->list[attempts->count++];
		*attempt = (struct attempt){ .type = action->type,
			                     .pod = action->pod != NULL ? xstrdup(action->pod) : NULL,
			                     .peer = peer_of(action) != NULL ? xstrdup(peer_of(action)) : NULL };
	}
	int64_t pause = 500;
	for (int i = 0; i < attempt->failures && pause < 60000; i++) pause *= 2;
	if (pause > 60000) pause = 60000;
	attempt->failures++;
	attempt->number = job->code > 0 ? job->code : 0;
	free((char *)(uintptr_t)attempt->message);
	attempt->message = xstrdup(job->text);
	attempt->next_at =
	        (model->now + controller->clock) / MILLISECOND + pause / 2 + dice_below(&model->dice, pause / 2);
}

void attempts_free(struct attempts *attempts) {
	for (size_t i = 0; i < attempts->count; i++) free_attempt(&attempts->list[i]);
	free(attempts->list);
	*attempts = (struct attempts){ 0 };
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
	snprintf(key, 100, "%d %s", (int)target, name != NULL ? name : "");
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

static void end_server(struct model *model, struct controller *controller, const struct job *job) {
	struct server_state *server = &controller->servers[job->slot];
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
	if (job->action.type == ACTION_WRITE_CHECK) {
		if (job->code == 0) server->last_write_ok = model->now;
		server->write_failures = job->code == 0 ? 0 : server->write_failures + 1;
	}
	if (job->action.type == ACTION_STOP_ENDPOINT && job->code == 0) server->pretends_stopped = true;
	if (job->action.type == ACTION_START_ENDPOINT) server->pretends_stopped = false;
	controller_probe(model, controller, job->slot);
}

static void end_object(struct controller *controller, struct job *job) {
	if (job->action.type == ACTION_WRITE_STATUS) controller->status_write = 0;
	if (job->answered == NULL || job->answered_revision <= controller->answered_revision) return;
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
	if (job->code == 0) note_success(&controller->attempts, &job->action);
	else if (!dropped) note_failure(model, controller, job);
	if (row->target == TARGET_SERVER) end_server(model, controller, job);
	if (row->target == TARGET_OBJECT) end_object(controller, job);
	/* A server is asked what came of it: its answer leads to the next pass, which would see nothing before. */
	bool asks = row->target == TARGET_SERVER && controller->servers[job->slot].probe != 0;
	if (!asks)
		controller_wake(model, controller,
		                dropped ? 300 * MILLISECOND : dice_between(&model->dice, 0, MILLISECOND));
	boundary_reached(model, controller, job->boundary, AT_ANSWER);
}

static void answer_arrived(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct controller *controller = controller_of(model, job->controller, job->life);
	if (controller == NULL || controller_holds(controller, event) || !is_open(controller, job->number)) return;
	end_job(model, controller, job);
}

static void no_answer(struct model *model, struct event *event);

/* ---- The API's side ---- */

static void set_status(struct json_object *object, const void *context) {
	json_set(object, "status", json_copy(context));
}
static void change_finalizers(struct json_object *object, const void *context) {
	struct json_object *list = json_object_new_array();
	if (*(const bool *)context) json_object_array_add(list, json_object_new_string("agkeeper.dev/finalizer"));
	json_set(json_get(object, "metadata"), "finalizers", list);
}

static void write_status(struct model *model, struct job *job) {
	if (model->cluster.object == NULL) {
		job->code = 404;
		return;
	}
	if (job->revision != model->cluster.revision && model->mutation != MUTATION_no_cas) {
		job->code = 409;
		return;
	}
	object_edit(model, set_status, job->action.json);
	check_status(model, model->cluster.object);
	job->answered = json_object_get(model->cluster.object);
	job->answered_revision = model->cluster.revision;
}

static int child_place(const struct cluster *cluster, const char *name) {
	int free_place = -1;
	for (int i = 0; i < CHILDREN; i++) {
		if (cluster->children[i].exists && strcmp(cluster->children[i].name, name) == 0) return i;
		if (!cluster->children[i].exists && free_place < 0) free_place = i;
	}
	return free_place;
}

static void apply_child(struct model *model, const struct job *job) {
	char name[80];
	child_name(job->action.json, name);
	int place = child_place(&model->cluster, name);
	if (place < 0) abort();
	struct child *child = &model->cluster.children[place];
	child->exists = true;
	child->hash = child_hash(job->action.json);
	snprintf(child->name, sizeof(child->name), "%s", name);
	cluster_changed(model, ITEM_CHILD, place);
	if (strncmp(name, "StatefulSet/", 12) != 0) return;
	const struct json_object *spec = json_get(job->action.json, "spec");
	model->cluster.set = (struct workload){ .exists = true,
		                                .replicas = (int)json_get_integer(spec, "replicas", 1),
		                                .template_hash = child_hash(json_get(spec, "template")) };
	cluster_changed(model, ITEM_SET, 0);
}

static void delete_child(struct model *model, const struct job *job) {
	char name[80];
	child_name(job->action.json, name);
	int place = child_place(&model->cluster, name);
	if (place < 0 || !model->cluster.children[place].exists) return;
	model->cluster.children[place] = (struct child){ 0 };
	cluster_changed(model, ITEM_CHILD, place);
	if (strncmp(name, "StatefulSet/", 12) != 0) return;
	model->cluster.set = (struct workload){ 0 };
	cluster_changed(model, ITEM_SET, 0);
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->cluster.pods[slot].exists) pod_delete(model, slot, false);
}

static void change_pod(struct model *model, struct job *job) {
	struct pod *pod = &model->cluster.pods[job->slot];
	if (!pod->exists || strcmp(pod->uid, job->pod) != 0) {
		job->code = 404;
		return;
	}
	if (job->action.type == ACTION_DELETE_POD) {
		note(model, "%s: the controller deletes the pod", job->action.pod);
		pod_delete(model, job->slot, false);
		return;
	}
	snprintf(pod->role_label, NAME_SIZE, "%s", job->action.text != NULL ? job->action.text : "");
	cluster_changed(model, ITEM_POD, job->slot);
}

static void change_claim(struct model *model, struct job *job) {
	struct claim *claim = &model->cluster.claims[job->slot];
	if (!claim->exists) {
		job->code = 404;
		return;
	}
	if (job->action.type == ACTION_LABEL_CLAIM) {
		claim->labelled = true;
	} else {
		if (!same(job->action.text, claim->uid)) {
			job->code = 404;
			return;
		}
		if (json_get(json_get(model->cluster.object, "metadata"), "deletionTimestamp") == NULL)
			violate(model, "claim", "the claim of %s is deleted while the object is kept", job->action.pod);
		claim->deleting = true;
	}
	cluster_changed(model, ITEM_CLAIM, job->slot);
}

static void change_secret(struct model *model, const struct job *job) {
	struct secrets *secrets = &model->cluster.secrets;
	switch (job->action.type) {
	case ACTION_CREATE_ADMINISTRATOR_SECRET: secrets->administrator = true; break;
	case ACTION_CREATE_OWN_SECRET: secrets->own = true; break;
	default:
		if (job->action.text != NULL && strstr(job->action.text, "-agkeeper") != NULL)
			secrets->own = secrets->has_certificate = false;
		else secrets->administrator = false;
	}
	cluster_changed(model, ITEM_SECRETS, 0);
}

static void change_object(struct model *model, struct job *job) {
	if (model->cluster.object == NULL) {
		job->code = 404;
		return;
	}
	bool add = job->action.type == ACTION_ADD_FINALIZER;
	if (job->action.type == ACTION_REMOVE_ANNOTATION) object_annotate(model, job->action.text, NULL);
	else object_edit(model, change_finalizers, &add);
	if (model->cluster.object == NULL) return;
	job->answered = json_object_get(model->cluster.object);
	job->answered_revision = model->cluster.revision;
}

static void run_request(struct model *model, struct job *job) {
	job->code = 0;
	switch (action_rows[job->action.type].target) {
	case TARGET_OBJECT:
		if (job->action.type == ACTION_WRITE_STATUS) write_status(model, job);
		else change_object(model, job);
		break;
	case TARGET_CHILD:
		if (job->action.type == ACTION_APPLY_CHILD) apply_child(model, job);
		else delete_child(model, job);
		break;
	case TARGET_POD: change_pod(model, job); break;
	case TARGET_CLAIM: change_claim(model, job); break;
	case TARGET_SECRET: change_secret(model, job); break;
	case TARGET_REQUEST: /* no ops requests here */
	case TARGET_SERVER:
	case TARGET_NOBODY: break;
	}
	if (job->code != 0) snprintf(job->text, sizeof(job->text), "HTTP %d", job->code);
}

static void request_arrived(struct model *model, struct event *event) {
	struct job *job = event->data;
	if (model->api_down) return; /* the client finds out at its deadline */
	run_request(model, job);
	boundary_reached(model, controller_of(model, job->controller, job->life), job->boundary, AFTER_ACTION);
	if (dice_percent(&model->dice, model->network.lost_answers)) return;
	travel(model, HOST_API, HOST_CONTROLLER + job->controller, job, answer_arrived);
}

static void send_request(struct model *model, struct job *job) {
	travel(model, HOST_CONTROLLER + job->controller, HOST_API, job, request_arrived);
	later(model, API_TIMEOUT, job, no_answer);
}

static void request_late(struct model *model, struct event *event) {
	send_request(model, event->data);
}

/* ---- The servers' side ---- */

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
	travel(model, process->node, HOST_CONTROLLER + job->controller, job, answer_arrived);
	job_release(job);
}

static void refused(struct model *model, struct event *event) {
	struct job *job = event->data;
	job->code = 1;
	job->was_sent = false;
	snprintf(job->text, sizeof(job->text), "connection refused");
	answer_arrived(model, event);
}

static void batch_arrived(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct process *process = process_of_pod(model, job->pod);
	if (process != NULL && process_holds(process, event)) return;
	if (process == NULL || !sim_instance_accepts(process->instance)) {
		later(model, 10 * MILLISECOND, job, refused);
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

/* The client closes its connection; if the server hears of it, what runs is rolled back. */
static void hang_up(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct process *process = process_by_id(model, job->process);
	if (process == NULL || job->call == 0 || process_holds(process, event)) return;
	call_cancel(model, process, job->call);
}

static void no_answer(struct model *model, struct event *event) {
	struct job *job = event->data;
	struct controller *controller = controller_of(model, job->controller, job->life);
	if (controller == NULL || controller_holds(controller, event) || !is_open(controller, job->number)) return;
	if (action_rows[job->action.type].target != TARGET_SERVER && job->action.type == ACTION_WRITE_STATUS) {
		/* The same again, until it is known what the record says. */
		if (!controller_may_act(model, controller)) controller_wake(model, controller, API_AGAIN);
		send_request(model, job);
		return;
	}
	if (action_rows[job->action.type].target == TARGET_SERVER)
		travel(model, HOST_CONTROLLER + job->controller, job->node, job, hang_up);
	job->code = -1;
	end_job(model, controller, job);
}

/* ---- Beginning ---- */

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

static bool write_batch(struct model *model, const struct controller *controller, const struct record *record,
                        struct job *job) {
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
	bool again = find_attempt(&((struct controller *)(uintptr_t)controller)->attempts, &job->action) != NULL;
	if (model->mutation == MUTATION_force && job->action.type == ACTION_PROMOTE && again) force(job);
	job->timeout = statement_terms(job->action.type).timeout_ms * MILLISECOND;
	return true;
}

/* Lowers the number on the primary before the record says so; the record follows much later. */
static void loosen_first(struct model *model, struct controller *controller, struct job *job) {
	const struct json_object *group = json_get(job->action.json, "availabilityGroup");
	int64_t now = json_get_integer(group, "requiredSynchronized", 0);
	const struct json_object *before = json_get_path(model->cluster.object, "status", "availabilityGroup", NULL);
	bool lowers = now < json_get_integer(before, "requiredSynchronized", 0) && json_get(group, "intent") == NULL;
	int slot = pod_slot(json_get_path(group, "primary", "pod", NULL) != NULL
	                            ? json_get_text(json_get(group, "primary"), "pod")
	                            : NULL);
	struct process *process = slot >= 0 ? process_of_pod(model, model->cluster.pods[slot].uid) : NULL;
	if (!lowers || process == NULL || process->frozen) {
		send_request(model, job);
		return;
	}
	char batch[200];
	snprintf(batch, sizeof(batch),
	         "ALTER AVAILABILITY GROUP [%s] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = %lld)",
	         controller->spec.group, (long long)now);
	note(model, "mutation: sales-%d: r = %lld, and the record follows in 15 s", slot, (long long)now);
	call_begin(model, process, "sa", "Passw0rd!", NULL, batch, false, NULL, NULL);
	process_touch(model, process);
	later(model, 15 * SECOND, job, request_late);
}

/* Broken rules that change what is done. True: it was done otherwise. */
static bool misdo(struct model *model, struct controller *controller, struct job *job) {
	if (model->mutation == MUTATION_no_fence && job->action.type == ACTION_STOP_ENDPOINT) {
		job->code = 0;
		later(model, MILLISECOND, job, answer_arrived);
		return true;
	}
	if (model->mutation == MUTATION_loosen_first && job->action.type == ACTION_WRITE_STATUS) {
		loosen_first(model, controller, job);
		return true;
	}
	return false;
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
	if (misdo(model, controller, job)) return;
	if (action_rows[job->action.type].target != TARGET_SERVER) {
		send_request(model, job);
		return;
	}
	job->was_sent = travel(model, HOST_CONTROLLER + job->controller, job->node, job, batch_arrived);
	later(model, job->timeout, job, no_answer);
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
		job->node = controller->cache.pods[job->slot].node;
	}
	bool is_server = action_rows[action->type].target == TARGET_SERVER;
	if (is_server && (job->slot < 0 || job->node < 0 || !write_batch(model, controller, record, job))) {
		job_release(job);
		return;
	}
	controller->busy[controller->busy_count++] = busy;
	if (is_server) {
		controller->servers[job->slot].busy = job->number;
		controller->servers[job->slot].hides = hides(action->type);
	}
	if (action->type == ACTION_WRITE_STATUS) controller->status_write = job->number;
	say_action(model, controller, action);
	later(model, dice_between(&model->dice, 0, 2 * MILLISECOND), job, emit);
	job_release(job);
}

void controller_act(struct model *model, struct controller *controller, const struct plan *plan,
                    const struct record *record) {
	for (size_t i = 0; i < plan->count && !model->verdict.violated; i++) {
		const struct action *action = &plan->actions[i];
		if (action->type == ACTION_EVENT) say_action(model, controller, action);
		else begin(model, controller, action, record);
	}
}
