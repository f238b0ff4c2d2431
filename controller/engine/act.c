/* An action from the plan to its result. One at a time for each target; before every request it is asked anew whether
 * we lead; what failed is remembered, and every end leads to another look. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"

/* ---- Who does what ---- */

static void do_nothing(struct deed *deed) {
	deed_end(deed, NULL);
}

static void (*const doers[])(struct deed *deed) = {
	[TARGET_OBJECT] = act_on_api,      [TARGET_CHILD] = act_on_child,   [TARGET_POD] = act_on_api,
	[TARGET_CLAIM] = act_on_api,       [TARGET_SECRET] = act_on_secret, [TARGET_SERVER] = act_on_server,
	[TARGET_REQUEST] = act_on_request, [TARGET_NOBODY] = do_nothing,
};

static const char *child_name(const struct action *action) {
	const char *name = json_get_text(json_get(action->json, "metadata"), "name");
	return name != NULL ? name : "";
}

/* Checks and backups last, and nothing is in their way nor they in anything's. */
static bool is_beside(enum action_type type) {
	return type == ACTION_WRITE_CHECK || type == ACTION_BACKUP_DATABASE || type == ACTION_BACKUP_OTHERS_DATABASE;
}

/* For as long as half an hour, with one of the pool's threads: never so many that none is left for what is urgent. */
static bool lasts(enum action_type type) {
	return type == ACTION_BACKUP_DATABASE || type == ACTION_BACKUP_OTHERS_DATABASE;
}

static char *target_of(const struct action *action) {
	static const char *const names[] = {
		[TARGET_OBJECT] = "Object",   [TARGET_CHILD] = "Child",   [TARGET_POD] = "Pod",
		[TARGET_CLAIM] = "Claim",     [TARGET_SECRET] = "Secret", [TARGET_SERVER] = "Server",
		[TARGET_REQUEST] = "Request", [TARGET_NOBODY] = ""
	};
	enum action_target target = action_rows[action->type].target;
	const char *kind = is_beside(action->type) ? action_rows[action->type].name : names[target];
	const char *what = action->pod;
	if (target == TARGET_OBJECT) what = "";
	if (target == TARGET_CHILD)
		return xasprintf("Child/%s/%s", json_get_text(action->json, "kind"), child_name(action));
	if (target == TARGET_REQUEST) what = action->text;
	if (target == TARGET_SECRET) what = action->text != NULL ? action->text : action_rows[action->type].name;
	return xasprintf("%s/%s", kind, what != NULL ? what : "");
}

/* ---- Attempts: with the names that plans look them up by (plan.h, struct attempt) ---- */

static const char *attempt_pod(const struct action *action) {
	if (action->pod != NULL || action_rows[action->type].target != TARGET_CHILD) return action->pod;
	return child_name(action);
}

static const char *attempt_peer(const struct action *action) {
	return action->peer != NULL ? action->peer : action->text;
}

/* ---- Waiting until the watch shows what we were answered ---- */

static void settling_free(struct settling *settling) {
	free(settling->target);
	free(settling->name);
	free(settling->resource_version);
	free(settling);
}

static bool is_settled(const struct managed *managed, const struct settling *settling, int64_t now) {
	if (now >= settling->until) return true;
	cleanup_kube_object const struct kube_object *seen =
	        follow_get(managed->engine, settling->cache, managed->namespace, settling->name);
	if (seen == NULL) return settling->is_deletion;
	return settling->resource_version != NULL &&
	       !version_is_newer(settling->resource_version, seen->resource_version);
}

static bool settles(struct managed *managed, const char *target, int64_t now) {
	bool found = false;
	for (struct settling **at = &managed->settlings; *at != NULL;) {
		struct settling *settling = *at;
		if (is_settled(managed, settling, now)) {
			*at = settling->next;
			settling_free(settling);
			continue;
		}
		if (strcmp(settling->target, target) == 0) found = true;
		at = &settling->next;
	}
	return found;
}

void deed_settle(struct deed *deed, enum engine_cache cache, const char *name, const struct json_object *answer) {
	const char *version = json_get_text(json_get(answer, "metadata"), "resourceVersion");
	struct settling *settling = xmalloc(sizeof(*settling));
	*settling = (struct settling){
		.next = deed->managed->settlings,
		.target = xstrdup(deed->target),
		.cache = cache,
		.name = xstrdup(name),
		.resource_version = version != NULL ? xstrdup(version) : NULL,
		.is_deletion = deed->action.type == ACTION_DELETE_POD || deed->action.type == ACTION_DELETE_CLAIM ||
		               deed->action.type == ACTION_DELETE_SET,
		.until = clock_monotonic_ms() + SETTLE_MS,
	};
	deed->managed->settlings = settling;
}

/* ---- A deed ---- */

static char *copy(const char *text) {
	return text != NULL ? xstrdup(text) : NULL;
}

static struct deed *deed_new(struct managed *managed, const struct action *action, char *target) {
	struct deed *deed = xcalloc(1, sizeof(*deed));
	deed->managed = managed;
	deed->target = target;
	deed->began_at = clock_monotonic_ms();
	deed->action = (struct action){
		.type = action->type,
		.pod = copy(action->pod),
		.peer = copy(action->peer),
		.text = copy(action->text),
		.reason = copy(action->reason),
		.number = action->number,
		.json = json_object_get(action->json),
	};
	deed->next = managed->deeds;
	managed->deeds = deed;
	managed->engine->lasting += lasts(action->type);
	managed_hold(managed);
	return deed;
}

static void deed_free(struct deed *deed) {
	struct managed *managed = deed->managed;
	struct deed **at = &managed->deeds;
	while (*at != deed) at = &(*at)->next;
	*at = deed->next;
	managed->engine->lasting -= lasts(deed->action.type);
	free((char *)deed->action.pod);
	free((char *)deed->action.peer);
	free((char *)deed->action.text);
	free((char *)deed->action.reason);
	json_object_put(deed->action.json);
	json_object_put(deed->body);
	sql_client_free(deed->client);
	if (deed->server != NULL) server_release(deed->server);
	free(deed->target);
	free(deed);
	managed_release(managed);
}

static void report(const struct deed *deed, const char *result, const char *why) {
	const struct action *action = &deed->action;
	const char *name = action_rows[action->type].name;
	const char *reason = action->reason != NULL ? action->reason : "";
	struct engine *engine = deed->managed->engine;
	metric_increment(metric_cell(engine->metrics.actions, METRIC_VALUES(name, result, reason)));
	bool is_child = action_rows[action->type].target == TARGET_CHILD;
	bool is_routine = action->type == ACTION_WRITE_CHECK && why == NULL;
	const struct log_field fields[] = {
		log_str("object", deed->managed->key),
		log_str("action", name),
		log_str("pod", is_child ? child_name(action) : action->pod),
		log_str("peer", attempt_peer(action)),
		log_str("reason", reason),
		log_str("result", result),
		log_int("ms", clock_monotonic_ms() - deed->began_at),
		log_str("error", why),
		{ 0 },
	};
	log_write(strcmp(result, "failed") == 0 ? LOG_WARNING : is_routine ? LOG_DEBUG : LOG_INFO, "action", fields);
}

void deed_end(struct deed *deed, const struct error *err) {
	struct managed *managed = deed->managed;
	const struct action *action = &deed->action;
	report(deed, err != NULL ? "failed" : "done", err != NULL ? err->message : NULL);
	if (err != NULL) {
		attempts_note_failure(&managed->attempts, action->type, attempt_pod(action), attempt_peer(action), err,
		                      clock_monotonic_ms());
	} else {
		attempts_note_success(&managed->attempts, action->type, attempt_pod(action), attempt_peer(action));
	}
	/* A server is asked what came of it: its answer leads to the next look, which would see nothing before. */
	bool is_asked = deed->server != NULL && deed->server->is_probing;
	if (is_asked) queue_add_after(managed->engine->queue, managed->key, PROBE_TIMEOUT_MS);
	else managed_look(managed);
	deed_free(deed);
}

/* The watch is about to show why; if it does not, one more look does. */
void deed_drop(struct deed *deed, const char *why) {
	enum { LOOK_MS = 500 };
	struct managed *managed = deed->managed;
	report(deed, "dropped", why);
	if (!managed->is_gone) queue_add_after(managed->engine->queue, managed->key, LOOK_MS);
	deed_free(deed);
}

bool deed_may_go_on(const struct deed *deed) {
	const struct managed *managed = deed->managed;
	return !managed->is_gone && managed->engine->tenure != NULL && lease_keeper_holds(managed->engine->lease);
}

void deed_request(struct deed *deed, const struct kube_request *request, request_done *then) {
	if (!deed_may_go_on(deed)) {
		deed_drop(deed, "we do not lead any more");
		return;
	}
	managed_request(deed->managed, request, then, deed);
}

/* What they were doing is still reported. */
void deeds_end_sessions(const struct server *server) {
	for (struct deed *deed = server->managed->deeds; deed != NULL; deed = deed->next) {
		if (deed->server != server) continue;
		sql_client_free(deed->client);
		deed->client = NULL;
	}
}

/* The object is forgotten: what is under way ends by itself; what settles need not be waited for. */
void deeds_free(struct managed *managed) {
	while (managed->settlings != NULL) {
		struct settling *settling = managed->settlings;
		managed->settlings = settling->next;
		settling_free(settling);
	}
}

/* ---- A plan ---- */

static bool is_under_way(const struct managed *managed, const char *target) {
	for (const struct deed *deed = managed->deeds; deed != NULL; deed = deed->next) {
		if (strcmp(deed->target, target) == 0) return true;
	}
	return false;
}

bool act_is_writing(const struct managed *managed) {
	return is_under_way(managed, "Object/");
}

static bool must_wait(struct managed *managed, const struct action *action, const char *target, int64_t now) {
	if (is_under_way(managed, target) || settles(managed, target, now)) return true;
	if (lasts(action->type) && managed->engine->lasting >= LASTING_MAX) {
		queue_add_after(managed->engine->queue, managed->key, LASTING_AGAIN_MS);
		return true;
	}
	const struct attempt *attempt =
	        attempts_find(&managed->attempts, action->type, attempt_pod(action), attempt_peer(action));
	if (attempt == NULL || attempt->next_at <= now) return false;
	queue_add_after(managed->engine->queue, managed->key, attempt->next_at - now);
	return true;
}

static void note_first_action(struct managed *managed) {
	if (managed->event_at == 0) return;
	metric_observe(metric_cell(managed->engine->metrics.event_to_action, NULL),
	               clock_monotonic_ns() - managed->event_at);
	managed->event_at = 0;
}

static bool begin(struct managed *managed, const struct action *action, int64_t now) {
	if (action->type == ACTION_EVENT) {
		act_say(managed, action);
		return false;
	}
	cleanup_free char *target = target_of(action);
	if (must_wait(managed, action, target, now)) return false;
	note_first_action(managed);
	struct deed *deed = deed_new(managed, action, take(&target));
	if (!deed_may_go_on(deed)) deed_drop(deed, "we do not lead any more");
	else doers[action_rows[action->type].target](deed);
	return true;
}

int act(struct managed *managed, const struct plan *plan, int64_t now) {
	int begun = 0;
	managed_hold(managed);
	for (size_t i = 0; i < plan->count && !managed->is_gone; i++) begun += begin(managed, &plan->actions[i], now);
	managed_release(managed);
	return begun;
}

/* ---- Words ---- */

void act_say(struct managed *managed, const struct action *action) {
	cleanup_strbuf struct strbuf api_version = { 0 };
	cleanup_kube_object const struct kube_object *request = NULL;
	if (action->peer != NULL)
		request = follow_get(managed->engine, CACHE_OPSREQUEST, managed->namespace, action->peer);
	const struct kube_resource *resource = request != NULL ? &kube_mssqlserveropsrequests : managed->resource;
	const struct kube_object *object = request != NULL ? request : managed->object;
	kube_resource_api_version(&api_version, resource);
	const struct event_subject subject = {
		.api_version = strbuf_text(&api_version),
		.kind = resource->kind,
		.namespace = managed->namespace,
		.name = request != NULL ? request->name : managed->name,
		.uid = object != NULL ? object->uid : NULL,
	};
	const struct event event = {
		.type = action->number != 0 ? EVENT_WARNING : EVENT_NORMAL,
		.reason = action->text,
		.action = "Reconcile",
		.note = action->note,
	};
	event_record(managed->engine->recorder, &subject, &event);
	log_write(action->number != 0 ? LOG_WARNING : LOG_INFO, "event",
	          (const struct log_field[]){ log_str("object", managed->key),
	                                      log_str("reason", action->text),
	                                      log_str("note", action->note),
	                                      { 0 } });
}
