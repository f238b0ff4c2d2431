/* Actions on servers. As the controller they use the session for changes; as sa, a session of their own that is closed
 * with them, with the password read from its Secret and forgotten again. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"
#include "sql/messages.h"

/* How an action bears on what is known of its server. */
enum {
	HIDES = 1 << 0,  /* while it runs, what was seen before is worth nothing */
	BESIDE = 1 << 1, /* other changes need not wait for it */
	ALONE = 1 << 2,  /* with a session of its own: it may last */
	BRIEF = 1 << 3,  /* it must be over before our lease is */
};
static const unsigned bearings[ACTION_TYPES] = {
	[ACTION_BOOTSTRAP_SERVER] = HIDES,
	[ACTION_CREATE_GROUP] = HIDES,
	[ACTION_RAISE_GENERATION] = HIDES | BRIEF,
	[ACTION_WRITE_CHECK] = BESIDE,
	[ACTION_BACKUP_DATABASE] = BESIDE | ALONE,
	[ACTION_BACKUP_OTHERS_DATABASE] = BESIDE | ALONE,
	[ACTION_STOP_ENDPOINT] = HIDES | BRIEF,
	[ACTION_START_ENDPOINT] = HIDES | BRIEF,
	[ACTION_RESTART_ENDPOINT] = HIDES | BRIEF,
	[ACTION_PROMOTE] = HIDES | BRIEF,
	[ACTION_PROMOTE_STARTED] = HIDES | BRIEF,
	[ACTION_SUSPEND_MOVEMENT] = HIDES | BRIEF,
	[ACTION_RESUME_MOVEMENT] = HIDES | BRIEF,
	[ACTION_FORCE_PROMOTE] = HIDES | BRIEF,
	[ACTION_JOIN] = HIDES,
	[ACTION_BECOME_SECONDARY] = HIDES | BRIEF,
	[ACTION_OFFLINE] = HIDES | BRIEF,
	[ACTION_DROP_GROUP] = HIDES | BRIEF,
	[ACTION_SET_REQUIRED] = HIDES | BRIEF,
	[ACTION_SET_AVAILABILITY] = HIDES | BRIEF,
	[ACTION_SET_ACCESS] = HIDES,
	[ACTION_SET_ENDPOINT_URL] = HIDES,
	[ACTION_SET_DB_FAILOVER] = HIDES,
	[ACTION_ADD_REPLICA] = HIDES,
	[ACTION_REMOVE_REPLICA] = HIDES,
	[ACTION_ADD_DATABASE] = HIDES,
};

static bool bears(const struct deed *deed, unsigned bearing) {
	return bearings[deed->action.type] & bearing;
}

/* ---- The end ---- */

static void note_check(struct server *server, const struct error *err) {
	free(server->write_failure_text);
	server->write_failure_text = err != NULL ? xstrdup(err->message) : NULL;
	server->write_failure_number = err != NULL && err->code > 0 ? err->code : 0;
	server->write_failures = err != NULL ? server->write_failures + 1 : 0;
	if (err == NULL) server->last_write_ok = clock_monotonic_ms();
}

/* What may still take effect, because its answer never came. */
static void note_loose(const struct deed *deed, const struct error *err) {
	bool is_fenced = statement_terms(deed->action.type).is_changing;
	if (err != NULL && err->code == 0 && is_fenced) deed->server->loose_generation = deed->generation;
}

static void settle_server(struct deed *deed, const struct error *err) {
	struct server *server = deed->server;
	if (server->is_gone) return;
	if (deed->action.type == ACTION_WRITE_CHECK) {
		note_check(server, err);
		return;
	}
	note_loose(deed, err);
	if (err != NULL && err->kind == ERROR_FORBIDDEN) secrets_expire(deed->managed, false);
	server_changed(server, !bears(deed, BESIDE));
}

static void finish(struct deed *deed, const struct error *err) {
	settle_server(deed, err);
	bool is_lock = err != NULL && (err->code == SQL_MSG_STALE || err->code == SQL_MSG_LOCKED);
	if (is_lock) deed_drop(deed, err->message);
	else deed_end(deed, err);
}

/* Nothing was sent to the server. */
static void give_back(const struct deed *deed) {
	if (!deed->server->is_gone && !bears(deed, BESIDE)) server_idle(deed->server);
}

static void give_up(struct deed *deed, const struct error *err) {
	give_back(deed);
	if (err != NULL) deed_end(deed, err);
	else deed_drop(deed, "we do not lead any more");
}

static void store_certificate(struct deed *deed, const struct sql_results *results) {
	cleanup_arena struct arena arena = { 0 };
	cleanup_error struct error *err = NULL;
	struct endpoint_certificate endpoint = { 0 };
	bool is_readable = statement_certificate(results, &arena, &endpoint, &err) == 0;
	settle_server(deed, NULL);
	if (is_readable) act_store_certificate(deed, &endpoint);
	else deed_end(deed, err);
	explicit_bzero((void *)(uintptr_t)endpoint.private_key.bytes, endpoint.private_key.length);
}

static void on_batch(void *context, const struct sql_results *results, const struct error *err) {
	struct deed *deed = context;
	if (deed->managed->is_gone) deed_drop(deed, "the object is not looked after any more");
	else if (err == NULL && deed->action.type == ACTION_EXPORT_CERTIFICATE) store_certificate(deed, results);
	else finish(deed, err);
}

/* ---- Sending ---- */

static int64_t timeout_of(const struct deed *deed) {
	int64_t timeout = statement_terms(deed->action.type).timeout_ms;
	int64_t left = lease_keeper_left_ms(deed->managed->engine->lease);
	return bears(deed, BRIEF) && left < timeout ? left : timeout;
}

static int write_text(const struct deed *deed, const char *administrator, struct strbuf *text, struct error **err) {
	const struct managed *managed = deed->managed;
	const struct statement_secrets secrets = {
		.controller_password = managed->controller_password,
		.master_key_password = managed->master_key_password,
		.administrator_password = administrator,
		.endpoint = managed->endpoint,
	};
	const struct statement_context context = { &managed->spec, &managed->record, &secrets };
	return statement_of(&deed->action, &context, text, err);
}

static void send(struct deed *deed, struct sql_client *client, const char *administrator, sql_done *then) {
	cleanup_error struct error *err = NULL;
	cleanup_strbuf struct strbuf text = { 0 };
	if (!deed_may_go_on(deed)) {
		give_up(deed, NULL);
		return;
	}
	if (write_text(deed, administrator, &text, &err) < 0) {
		give_up(deed, err);
		return;
	}
	const struct statement_terms terms = statement_terms(deed->action.type);
	const struct sql_batch batch = { .text = strbuf_text(&text),
		                         .timeout_ms = timeout_of(deed),
		                         .is_secret = terms.is_secret,
		                         .is_changing = terms.is_changing,
		                         /* A thousand servers that are set up must not keep probes and promotions
		                          * from having their turn. */
		                         .is_urgent = bears(deed, BRIEF) || deed->managed->is_urgent };
	deed->generation = deed->managed->record.generation;
	sql_client_submit(client, &batch, then, deed);
	if (terms.is_secret) explicit_bzero(text.data, text.length);
}

/* ---- As sa: with the password that was applied last; where that is refused, with the Secret's own, which the server
 * was made with, or which was applied and not put on record ---- */

static void log_in(struct deed *deed, const char *password, const char *wanted, sql_done *then) {
	const struct engine *engine = deed->managed->engine;
	const struct sql_target target = {
		.host = deed->server->ip,
		.port = server_sql_port(deed->server),
		.user = ADMINISTRATOR_LOGIN,
		.password = password,
	};
	sql_client_free(deed->client);
	deed->client = sql_client_new(engine->pool, &target);
	send(deed, deed->client, wanted, then);
}

static void on_administrator_batch(void *context, const struct sql_results *results, const struct error *err);

static void on_administrator(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (managed->is_gone || deed->server->is_gone || deed->server->ip == NULL || !managed->is_readable) {
		give_back(deed);
		deed_drop(deed, "the server is not there any more");
		return;
	}
	if (err != NULL) {
		give_up(deed, err);
		return;
	}
	cleanup_error struct error *invalid = NULL;
	char *wanted = secret_text(answer, managed->spec.administrator_key);
	secret_wipe(answer);
	if (wanted == NULL) {
		error_set(&invalid, ERROR_INVALID, "Secret %s has no text at key %s",
		          managed->spec.administrator_secret, managed->spec.administrator_key);
		give_up(deed, invalid);
		return;
	}
	bool is_first = deed->tries++ == 0;
	const char *applied = is_first && managed->applied_password != NULL ? managed->applied_password : wanted;
	if (!is_first || strcmp(applied, wanted) == 0) deed->tries = 2;
	deed->password = password_digest(wanted);
	log_in(deed, applied, wanted, on_administrator_batch);
	wipe(&wanted);
}

static void read_password(struct deed *deed) {
	const struct managed *managed = deed->managed;
	const struct kube_request request = { .method = KUBE_GET,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = managed->spec.administrator_secret };
	if (deed_may_go_on(deed)) managed_request(deed->managed, &request, on_administrator, deed);
	else give_up(deed, NULL);
}

/* After these, sa's password on the server is the Secret's. */
static bool sets_password(const struct deed *deed) {
	return deed->action.type == ACTION_APPLY_PASSWORD ||
	       (deed->action.type == ACTION_BOOTSTRAP_SERVER && !deed->managed->password_differs);
}

static void on_administrator_batch(void *context, const struct sql_results *results, const struct error *err) {
	struct deed *deed = context;
	struct managed *managed = deed->managed;
	bool is_refused = err != NULL && err->kind == ERROR_FORBIDDEN && err->code == SQL_MSG_LOGIN_FAILED;
	if (is_refused && deed->tries == 1 && !managed->is_gone && !deed->server->is_gone) {
		read_password(deed);
		return;
	}
	bool note = err == NULL && !managed->is_gone && sets_password(deed);
	if (note) deed->server->password = deed->password; /* what was applied, whatever was read since */
	managed_hold(managed);
	on_batch(deed, results, err);
	/* Our Secret may have been made before sa's was known: then the first password is noted here. */
	bool is_unnoted = managed->password_differs || managed->applied_password == NULL;
	if (note && !managed->is_gone && is_unnoted) secrets_note_applied(managed);
	managed_release(managed);
}

/* ---- Beginning ---- */

static struct sql_client *own_session(struct deed *deed) {
	if (!bears(deed, ALONE)) return server_changer(deed->server);
	deed->client = server_connect(deed->server);
	return deed->client;
}

void act_on_server(struct deed *deed) {
	struct server *server = deed->action.pod != NULL ? server_find(deed->managed, deed->action.pod) : NULL;
	bool is_reachable = server != NULL && server->ip != NULL && (bears(deed, BESIDE) || !server->is_busy);
	if (!is_reachable) {
		deed_drop(deed, "the server cannot be reached, or is busy");
		return;
	}
	deed->server = server;
	server_hold(server);
	if (!bears(deed, BESIDE)) {
		server->is_busy = true;
		server->hides = bears(deed, HIDES);
	}
	if (action_rows[deed->action.type].session == SESSION_ADMINISTRATOR) {
		read_password(deed);
		return;
	}
	struct sql_client *client = own_session(deed);
	cleanup_error struct error *err = NULL;
	if (client == NULL) error_set(&err, ERROR_UNAVAILABLE, "the controller's password is not known yet");
	if (client != NULL) send(deed, client, NULL, on_batch);
	else give_up(deed, err);
}
