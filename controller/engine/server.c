/* The servers of an object: a session for probes, which is held open, and one for changes, which comes and goes. A
 * probe answers while a change runs; and a server that answers neither holds up nobody but itself. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "kube/backoff.h"
#include "sql/messages.h"
#include "sql/statements.h"

enum { CHANGER_IDLE_MS = 30 * 1000, RESTING_PROBES = 4 /* of the primary, to one of a secondary */ };

static bool same(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

static void replace(char **text, const char *with) {
	free(*text);
	*text = with != NULL ? xstrdup(with) : NULL;
}

/* ---- Beginning and end ---- */

struct server *server_find(const struct managed *managed, const char *pod) {
	struct server *server = managed->servers;
	while (server != NULL && strcmp(server->pod, pod) != 0) server = server->next;
	return server;
}

struct server *server_get(struct managed *managed, const char *pod) {
	struct server *server = server_find(managed, pod);
	if (server != NULL) return server;
	server = xcalloc(1, sizeof(*server));
	server->managed = managed;
	server->pod = xstrdup(pod);
	server->next = managed->servers;
	managed->servers = server;
	return server;
}

static void forget_observed(struct server *server) {
	if (server->observed == NULL) return;
	arena_free(&server->observed->arena);
	free(server->observed);
	server->observed = NULL;
}

static void server_destroy(struct server *server) {
	forget_observed(server);
	if (server->claim != NULL) kube_object_unref(server->claim);
	free(server->claim_trouble);
	free(server->pod);
	free(server->ip);
	free(server->process);
	free(server->failure_text);
	free(server->write_failure_text);
	free(server);
}

void server_hold(struct server *server) {
	server->errands++;
	managed_hold(server->managed);
}

void server_release(struct server *server) {
	struct managed *managed = server->managed;
	server->errands--;
	if (server->is_gone && server->errands == 0) server_destroy(server);
	managed_release(managed);
}

static void end_sessions(struct server *server) {
	health_end(server);
	sql_client_free(server->prober);
	sql_client_free(server->changer);
	deeds_end_sessions(server);
	server->prober = NULL;
	server->changer = NULL;
}

static void server_forget(struct server *server) {
	struct server **at = &server->managed->servers;
	while (*at != server) at = &(*at)->next;
	*at = server->next;
	server->is_gone = true;
	end_sessions(server);
	if (server->errands == 0) server_destroy(server);
}

void servers_free(struct managed *managed) {
	while (managed->servers != NULL) server_forget(managed->servers);
}

/* ---- Sessions ---- */

int server_sql_port(const struct server *server) {
	int wanted = server->managed->engine->options.sql_port;
	return wanted != 0 ? wanted : SQL_SERVER_PORT_DEFAULT;
}

struct sql_client *server_connect(const struct server *server) {
	const struct managed *managed = server->managed;
	if (server->ip == NULL || managed->controller_password == NULL) return NULL;
	const struct engine *engine = managed->engine;
	const struct sql_target target = {
		.host = server->ip,
		.port = server_sql_port(server),
		.user = CONTROLLER_LOGIN,
		.password = managed->controller_password,
	};
	return sql_client_new(engine->pool, &target);
}

struct sql_client *server_changer(struct server *server) {
	if (server->changer == NULL) server->changer = server_connect(server);
	server->changer_used_at = clock_monotonic_ms();
	return server->changer;
}

void servers_close_idle(struct managed *managed, int64_t now) {
	for (struct server *server = managed->servers; server != NULL; server = server->next) {
		bool is_idle =
		        server->changer != NULL && !server->is_busy && now - server->changer_used_at >= CHANGER_IDLE_MS;
		if (!is_idle) continue;
		sql_client_free(server->changer);
		server->changer = NULL;
	}
}

/* ---- In line with the pods ---- */

/* Another process, or another address: sessions with the one before lead nowhere. What it is to answer, the one after
 * it owes from its first probe. */
static void meet(struct server *server, const char *ip, const char *process) {
	if (same(server->ip, ip) && same(server->process, process)) return;
	end_sessions(server);
	replace(&server->ip, ip);
	replace(&server->process, process);
	forget_observed(server);
	server->changes++;
	server->silent_since = 0;
	server->unanswered = 0;
	server->refuses_login = false;
	server->has_failed = false;
	server->loose_generation = 0;
	server->managed->probe_at = 0;
}

static void server_refresh(struct server *server) {
	const struct managed *managed = server->managed;
	cleanup_kube_object const struct kube_object *pod =
	        follow_get(managed->engine, CACHE_POD, managed->namespace, server->pod);
	struct pod_view view = { 0 };
	if (pod != NULL) pod_view_read(pod->json, NULL, managed->spec.role_label, &view);
	cleanup_kube_object const struct kube_object *claim = server_claim(managed, server->pod);
	if (view.is_running && managed->spec.has_own_claims) server_look_for_claim(server, claim);
	if (managed->spec.has_own_claims) server_look_for_trouble(server, claim != NULL ? claim->json : NULL);
	bool is_reachable = view.is_running && view.ip != NULL && view.is_ours && is_of_object(managed, pod->json);
	cleanup_free char *process = xasprintf("%s %s %s", view.uid != NULL ? view.uid : "",
	                                       view.incarnation_container != NULL ? view.incarnation_container : "",
	                                       claim != NULL && claim->uid != NULL ? claim->uid : "");
	meet(server, is_reachable ? view.ip : NULL, is_reachable ? process : NULL);
}

void servers_refresh(struct managed *managed) {
	for (int i = 0; i < 2 * REPLICAS_MAX; i++) {
		cleanup_free char *pod = xasprintf("%s-%d", managed->name, i);
		bool is_wanted = (size_t)i < managed->spec.replica_count;
		cleanup_kube_object const struct kube_object *there =
		        follow_get(managed->engine, CACHE_POD, managed->namespace, pod);
		struct server *server = server_find(managed, pod);
		if (server == NULL && (is_wanted || there != NULL)) server = server_get(managed, pod);
		if (server == NULL) continue;
		if (is_wanted || there != NULL) server_refresh(server);
		else server_forget(server);
	}
}

/* ---- Probes ---- */

struct probe {
	struct server *server;
	int64_t asked_at;
	unsigned changes; /* that were over when it was sent */
};

static int local_role(const struct sql_observation *seen) {
	const struct sql_replica_row *local = sql_observation_local(seen);
	return local != NULL ? local->role : SQL_ROLE_UNKNOWN;
}

/* What should not wait until the others have answered too. */
static bool is_news(const struct observed *before, const struct observed *after) {
	if (before == NULL) return true;
	const struct sql_observation *a = &before->seen;
	const struct sql_observation *b = &after->seen;
	return local_role(a) != local_role(b) || a->has_group != b->has_group ||
	       a->instance.generation != b->instance.generation || a->instance.endpoint != b->instance.endpoint ||
	       !same(a->instance.start_time, b->instance.start_time);
}

static void set_failure(struct server *server, const struct error *err) {
	server->has_failed = err != NULL;
	server->failure = err != NULL ? err->kind : ERROR_INVALID;
	server->failure_number = err != NULL && err->code > 0 ? err->code : 0;
	replace(&server->failure_text, err != NULL ? err->message : NULL);
}

/* Msg 18456 and its kin are an answer, too. */
static bool is_answer(const struct error *err) {
	return err->code > 0 || err->kind == ERROR_FORBIDDEN;
}

static void note_failure(struct server *server, const struct error *err) {
	struct managed *managed = server->managed;
	bool was_refused = server->refuses_login;
	bool had_failed = server->has_failed;
	metric_increment(metric_cell(managed->engine->metrics.probe_failures,
	                             METRIC_VALUES(err->kind == ERROR_FORBIDDEN ? "login"
	                                           : is_answer(err)             ? "error"
	                                                                        : "silence")));
	set_failure(server, err);
	forget_observed(server);
	if (!is_answer(err)) {
		server->unanswered++;
	} else {
		server->unanswered = 0;
		server->silent_since = 0;
		server->refuses_login = err->kind == ERROR_FORBIDDEN;
		if (server->refuses_login) secrets_expire(managed, false);
	}
	if (!had_failed || was_refused != server->refuses_login) managed_look(managed);
}

/* We were too busy to ask: that is no silence of the server's, unless it was silent before. */
static void note_busy(struct server *server) {
	if (server->unanswered == 0) server->silent_since = 0;
	metric_increment(metric_cell(server->managed->engine->metrics.probe_failures, METRIC_VALUES("busy")));
}

static void note_answer(struct server *server, const struct probe *probe, const struct sql_results *results) {
	struct observed *observed = xcalloc(1, sizeof(*observed));
	cleanup_error struct error *err = NULL;
	observed->asked_at = probe->asked_at;
	if (sql_observation_read(results, &observed->arena, &observed->seen, &err) < 0) {
		arena_free(&observed->arena);
		free(observed);
		note_failure(server, err);
		return;
	}
	bool is_newsworthy = server->has_failed || is_news(server->observed, observed);
	set_failure(server, NULL);
	server->unanswered = 0;
	server->silent_since = 0;
	server->refuses_login = false;
	if (observed->seen.instance.generation > server->loose_generation) server->loose_generation = 0;
	/* It speaks of a time before our last change there was over: it lives, that is all. */
	bool is_late = probe->changes != server->changes || (server->is_busy && server->hides);
	if (is_late) {
		arena_free(&observed->arena);
		free(observed);
		server_probe(server);
		return;
	}
	if (server->observed != NULL && sql_observation_log_grew(&server->observed->seen, &observed->seen))
		server->managed->written_at = observed->asked_at;
	forget_observed(server);
	server->observed = observed;
	if (is_newsworthy || server->managed->is_in_motion) managed_look(server->managed);
}

/* Whether somebody is still to answer; who has failed before is waited for only by its likes. */
static bool is_awaited(const struct managed *managed, bool with_failed) {
	for (const struct server *server = managed->servers; server != NULL; server = server->next) {
		if (server->is_probing && (with_failed || !server->has_failed)) return true;
	}
	return false;
}

static void on_probe(void *context, const struct sql_results *results, const struct error *err) {
	struct probe *probe = context;
	struct server *server = probe->server;
	server->is_probing = false;
	/* The session was ended by ourselves, because the pod is another one by now. */
	bool is_of_before = server->is_gone || server->prober == NULL;
	if (!is_of_before && err != NULL && err->code == SQL_NOT_TRIED) note_busy(server);
	else if (!is_of_before && err != NULL) note_failure(server, err);
	else if (!is_of_before) note_answer(server, probe, results);
	if (!is_of_before && err == NULL) server->managed->probe_ms = clock_monotonic_ms() - probe->asked_at;
	if (!is_of_before && !is_awaited(server->managed, server->has_failed)) managed_look(server->managed);
	free(probe);
	server_release(server);
}

static int64_t probe_timeout_ms(const struct managed *managed) {
	int64_t wanted = managed->spec.check_timeout_ms;
	return wanted > 0 && wanted < INT64_C(2) * PROBE_TIMEOUT_MS ? wanted : PROBE_TIMEOUT_MS;
}

void server_probe(struct server *server) {
	struct managed *managed = server->managed;
	if (server->is_probing || server->ip == NULL || managed->controller_password == NULL) return;
	if (server->is_busy && server->hides) return; /* it is asked when that is over */
	if (server->prober == NULL) server->prober = server_connect(server);
	cleanup_strbuf struct strbuf text = { 0 };
	/* A standalone server knows no group by any name. */
	const char *group = managed->spec.is_group ? managed->spec.group : managed->name;
	if (sql_probe(&text, group, NULL) < 0) return;
	struct probe *probe = xmalloc(sizeof(*probe));
	*probe = (struct probe){ .server = server, .asked_at = clock_monotonic_ms(), .changes = server->changes };
	server->is_probing = true;
	if (server->silent_since == 0) server->silent_since = probe->asked_at;
	server_hold(server);
	const struct sql_batch batch = { .text = strbuf_text(&text),
		                         .timeout_ms = probe_timeout_ms(managed),
		                         .is_urgent = managed->is_urgent };
	sql_client_submit(server->prober, &batch, on_probe, probe);
}

static const struct sql_observation *primary_of(const struct managed *managed) {
	for (const struct server *server = managed->servers; server != NULL; server = server->next) {
		if (server->observed != NULL && local_role(&server->observed->seen) == SQL_ROLE_PRIMARY)
			return &server->observed->seen;
	}
	return NULL;
}

static bool is_followed_by(const struct sql_observation *primary, const char *pod) {
	for (size_t i = 0; i < primary->replica_count; i++) {
		const struct sql_replica_row *row = &primary->replicas[i];
		if (row->connected == SQL_CONNECTED && row->role == SQL_ROLE_SECONDARY && same(row->server, pod))
			return true;
	}
	return false;
}

/* The primary tells how its secondaries are. While all is well with them, they are asked themselves less often. */
static bool may_wait(const struct server *server, const struct sql_observation *primary, int64_t now) {
	int64_t pause_ms = server->managed->engine->options.probe_ms;
	if (pause_ms == 0) pause_ms = PROBE_MS;
	if (primary == NULL || server->observed == NULL || server->has_failed || server->unanswered > 0) return false;
	if (now - server->observed->asked_at >= RESTING_PROBES * pause_ms - pause_ms / 2) return false;
	return local_role(&server->observed->seen) == SQL_ROLE_SECONDARY && is_followed_by(primary, server->pod);
}

void servers_probe(struct managed *managed, int64_t now) {
	const struct sql_observation *primary = managed->is_in_motion ? NULL : primary_of(managed);
	for (struct server *server = managed->servers; server != NULL; server = server->next) {
		if (!may_wait(server, primary, now)) server_probe(server);
	}
}

bool servers_rest(const struct managed *managed) {
	for (const struct server *server = managed->servers; server != NULL; server = server->next) {
		if (server->observed == NULL || server->has_failed || server->is_busy || server->unanswered > 0)
			return false;
	}
	return managed->servers != NULL && !managed->is_in_motion;
}

void server_idle(struct server *server) {
	server->is_busy = false;
	server->hides = false;
}

void server_changed(struct server *server, bool was_busy) {
	if (was_busy) server_idle(server);
	server->changes++;
	server->refuses_login = false;
	server->has_failed = false;
	forget_observed(server);
	server_probe(server);
}

/* ---- As decisions see it ---- */

/* A probe that was sent a moment ago is no silence, nor is one that waits for its turn here. */
static int64_t silent_since(const struct server *server) {
	enum { PROMPT_MS = 1000 };
	if (server->unanswered > 0 || !server->is_probing || server->prober == NULL) return server->silent_since;
	int64_t since = sql_client_running_since(server->prober);
	return since != 0 && clock_monotonic_ms() - since >= PROMPT_MS ? since : 0;
}

void server_view_fill(const struct server *server, struct server_view *view) {
	const struct managed *managed = server->managed;
	bool is_shown = server->observed != NULL && !(server->is_busy && server->hides);
	uint64_t wanted = managed->administrator.digest;
	*view = (struct server_view){
		.seen = is_shown ? &server->observed->seen : NULL,
		.seen_at = is_shown ? server->observed->asked_at : 0,
		.silent_since = silent_since(server),
		.unanswered = server->unanswered,
		.has_failed = server->has_failed,
		.failure = server->failure,
		.failure_number = server->failure_number,
		.failure_text = server->failure_text,
		.refuses_login = server->refuses_login,
		.is_busy = server->is_busy,
		.loose_generation = server->loose_generation,
		.diagnostics_at = server->diagnostics_at,
		.last_write_ok = server->last_write_ok,
		.write_failures = server->write_failures,
		.write_failure_number = server->write_failure_number,
		.write_failure_text = server->write_failure_text,
		.is_bootstrapped = is_shown && server->observed->seen.instance.generation >= 0,
		.has_current_password = wanted == 0 || server->password == wanted || !managed->password_differs,
	};
	memcpy(view->diagnostics, server->diagnostics, sizeof(view->diagnostics));
}
