/* Inside of the engine: what it keeps of each object and each server, between two looks. One thread has all of it.
 *
 *   engine.c     the thread, the Lease, the queue
 *   follow.c     watch caches; which object an event is about
 *   discovery.c  what the API offers, without waiting
 *   managed.c    an object: its newest state, what is read from it
 *   children.c   its children: desired, applied, drifted
 *   surplus.c    … and those that it has outlived
 *   secret.c     its Secrets, read by name
 *   server.c     its servers: sessions and probes
 *   health.c     what primaries say of themselves
 *   certificate.c  … the one with the servers' certificate, where our own CA issues it
 *   workshop.c   a thread for what takes long: keys
 *   claim.c      the claim of a server's volume
 *   operations.c its ops requests; and those whose object is gone
 *   observe.c    all of that as a struct view
 *   act.c        an action from plan to result; act_api.c, act_secret.c, act_request.c, act_sql.c
 *   reconcile.c  one look */
#ifndef AGKEEPER_CONTROLLER_ENGINE_ENGINE_PRIVATE_H
#define AGKEEPER_CONTROLLER_ENGINE_ENGINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "controller/act/statement.h"
#include "controller/decide/decide.h"
#include "controller/engine/attempts.h"
#include "controller/engine/engine.h"
#include "controller/engine/queue.h"
#include "controller/engine/workshop.h"
#include "kube/events.h"
#include "kube/lease_keeper.h"
#include "sql/observation.h"
#include "sql/stream.h"
#include "sql/workers.h"
#include "tls/bundle.h"

#define FINALIZER          "agkeeper.dev/finalizer"
#define DESIRED_ANNOTATION "agkeeper.dev/desired" /* on a child: digest of what it shall be, as it was applied */

enum {
	PROBE_MS = 5000,             /* between looks at a group that is at rest */
	PROBE_TIMEOUT_MS = 5000,     /* of one probe, unless spec says otherwise */
	SECRETS_MS = 600 * 1000,     /* between reads of an object's Secrets */
	OWN_SECRET_MS = 3600 * 1000, /* … of our own */
	SECRETS_SOON_MS = 10000,     /* … when a login failed */
	REQUESTS_MAX = 128,          /* under way at once, before the next object is looked at that is not urgent */
	LASTING_MAX = 64,            /* backups under way at once, a quarter of the threads that there may be … */
	LASTING_AGAIN_MS = 5000,     /* … and when to see whether there is room */
	SETTLE_MS = 5000,            /* for the watch to show what we were answered */
	SQL_SERVER_PORT_DEFAULT = 1433
};

enum engine_cache {
	CACHE_SQLAG,
	CACHE_MSSQLSERVER,
	CACHE_VERSION,
	CACHE_OPSREQUEST,
	CACHE_POD,
	CACHE_NODE,
	CACHE_CLAIM,
	CACHE_SET,
	CACHE_SERVICE,
	CACHE_CONFIGMAP,
	CACHE_BUDGET, /* made once discovery says in which version */
	CACHES
};

/* ---- The engine ---- */

/* What is asked of discovery. */
enum engine_offer { OFFER_POLICY_V1, OFFER_POLICY_V1BETA1, OFFER_SERVICE_MONITORS, OFFER_ISSUERS, OFFERS };
struct offer {
	bool is_known, is_there, is_asked;
	int64_t ask_at;
};

struct engine_metrics {
	struct metric *actions; /* type, result, reason */
	struct metric *duration;
	struct metric *probe_failures;
	struct metric *event_to_action;
	struct metric *leading;
	struct metric *objects;  /* kind, phase */
	struct metric *states;   /* rows of the state table */
	struct metric *requests; /* under way */
};

struct engine_metrics engine_metrics_new(struct metrics *metrics);

enum { MANAGED_BUCKETS = 1024 };
struct following; /* follow.c */
struct engine {
	struct engine_options options;
	struct kube_cache *caches[CACHES];
	struct following *followings; /* one for each */
	struct queue *queue;
	struct sql_library *library;
	struct sql_pool *pool;
	struct sql_streams *streams;
	struct workshop *workshop; /* keys are made there */
	struct event_recorder *recorder;
	struct lease_keeper *lease;
	struct engine_metrics metrics;
	struct offer offers[OFFERS];
	char *tenure;     /* identity of this tenure; NULL: we do not lead */
	unsigned tenures; /* so far: what was begun in another one is not gone on with */
	struct managed *managed[MANAGED_BUCKETS];
	struct pause *pauses; /* engine.c */
	int requests;         /* under way */
	int lasting;          /* actions that last, under way */
	int64_t trimmed_at;   /* memory was given back then (monotonic ms) */
	pthread_t thread;
	bool has_thread;
	atomic_bool stopping;
	atomic_bool leading; /* tenure is not NULL, for other threads */
};

/* ---- An object ---- */

/* A child as it shall be, and what became of it. */
struct child {
	const struct kube_resource *resource;
	const char *name;          /* in `brief` */
	struct json_object *brief; /* apiVersion, kind, metadata: what identifies it */
	uint64_t desired;          /* digest of what it shall be */
	uint64_t applied_desired;  /* … when it was last applied; 0: it was not, by this process */
	uint64_t applied;          /* digest of the answer */
	char *applied_version;     /* the answer's resourceVersion: what is older was before it; NULL: unknown */
	int64_t applied_at;
	int64_t verify_at; /* it was found as it shall be, and is applied then all the same; 0: we have applied it */
	char *foreign;     /* whose it is, when a read showed that it is not ours; NULL */
	int64_t foreign_at;
};

/* A child that no cache follows, and that is not wanted: is there one of ours? */
enum { STRAYS = 2 }; /* surplus.c says which */
struct stray {
	bool is_asked, is_known;
	bool is_late;              /* what was asked is out of date */
	struct json_object *brief; /* owned: what identifies it; NULL: there is none */
	int64_t ask_at;
};

struct secret_read {
	char *name; /* that was read last; NULL: none */
	enum secret_state state;
	bool is_asked;
	int64_t read_at; /* 0: never */
	uint64_t digest; /* of what it holds */
};

/* One action under way. */
struct deed {
	struct deed *next;
	struct managed *managed;
	struct action action; /* with texts of its own */
	char *target;         /* "Pod/sales-0": no other action on it meanwhile */
	struct server *server;
	struct sql_client *client; /* of its own: an administrator's */
	struct json_object *body;  /* of a write that is sent again until its outcome is known */
	int64_t generation;        /* of the record when it was sent */
	uint64_t password;         /* digest of sa's password in its batch */
	int64_t began_at;
	int tries;
};

/* Somebody must first see what we have done. */
struct settling {
	struct settling *next;
	char *target;
	enum engine_cache cache;
	char *name;
	char *resource_version; /* of the answer; NULL: there was none */
	bool is_deletion;
	int64_t until;
};

struct server;
struct managed {
	struct managed *next; /* in its bucket */
	struct engine *engine;
	char *key;
	const struct kube_resource *resource;
	char *namespace, *name;
	bool is_gone; /* forgotten: freed when the last errand has come back */
	int errands;  /* requests and batches under way */

	const struct kube_object *object; /* the newest known */
	const struct kube_object *read;   /* the one that the following were read from */
	uint64_t digest;                  /* of what it says, status left out */
	bool is_readable;
	struct spec spec;
	struct record record;
	struct arena record_texts;
	char *said_unreadable;

	struct kube_objects request_objects; /* ops requests for it */
	size_t request_count;
	struct request_view *requests; /* read from those, the oldest first */
	char *volume_size;             /* of volumes made from now on; NULL: as spec says */

	uint64_t children_hint;
	uint64_t children_of; /* digest of what the children were made from */
	size_t child_count;
	struct child *children;
	size_t surplus_count;
	struct json_object **surplus; /* owned: what identifies children that are not wanted any more */
	int64_t surplus_until;        /* when to stop looking for them */
	struct stray strays[STRAYS];
	char *children_trouble; /* why there are none */

	struct secret_read administrator, own, configuration, certificate;
	bool made_administrator, made_own; /* it is one that we made */
	bool has_certificate;
	unsigned settings_reads;  /* of Secrets that the children depend on: configuration, certificate */
	char *configuration_text; /* mssql.conf of the Secret that spec names */
	char *controller_password, *master_key_password; /* of the own Secret; wiped */
	char *applied_password;                          /* … sa's, as last applied; wiped */
	char *own_version;                               /* resourceVersion of the own Secret */
	bool password_differs;                           /* sa's Secret says another than was applied last */
	struct endpoint_certificate endpoint;            /* bytes in endpoint_bytes */
	struct arena endpoint_bytes;

	/* Of the servers' certificate: what its Secret holds, and what the own Secret has for it. */
	bool made_certificate;       /* it carries our labels */
	char *certificate_text;      /* PEM; stays when the Secret is gone */
	char *certificate_trusted;   /* PEM: its ca.crt; NULL: none */
	char *certificate_version;   /* resourceVersion; NULL: it is not there */
	struct bundle bundle;        /* of the own Secret: the CA and what it signed */
	const char *certificate_due; /* why there is something to do … */
	int64_t certificate_look_at; /* … as found then, until this; 0: to be found out */

	struct scratch scratch;
	struct attempts attempts;
	struct server *servers;
	struct deed *deeds;
	struct settling *settlings;
	int64_t probe_at;    /* when to ask all servers again */
	int64_t probe_ms;    /* how long the last answer took, our own queue included */
	int64_t written_at;  /* when the primary's log was last seen to have grown; 0: never */
	bool is_in_motion;   /* the plan asked to look again soon, or a pod has changed: every answer is looked at */
	bool awaits_answers; /* what there was to decide is decided */
	bool is_urgent;      /* its primary is lost, or is changing: it goes before the others */
	int64_t event_at;    /* of a pod, not followed by an action yet; 0: none (ns) */
	int64_t looks_at;    /* looks are rationed: when they were counted last, and how many are left */
	int looks_left;
	char *phase; /* as counted */
};

/* ---- One of its servers ---- */

struct observed {
	struct arena arena;
	struct sql_observation seen;
	int64_t asked_at;
};
struct server {
	struct server *next;
	struct managed *managed;
	char *pod;
	char *ip;                        /* NULL: it does not run */
	const struct kube_object *claim; /* its volume's, where it lacks the labels by which it is followed; NULL */
	bool is_claim_asked;
	int64_t claim_asked_at;
	char *claim_trouble; /* what its storage says of an expansion that fails; NULL: nothing */
	bool is_trouble_asked;
	int64_t trouble_asked_at;
	char *process; /* pod, container and volume: a new one is another server */
	struct sql_client *prober, *changer;
	int64_t changer_used_at;
	bool is_gone;
	int errands;

	bool is_probing, is_busy; /* a probe, a change is under way */
	bool hides;               /* … that makes what was seen before worthless */
	unsigned changes;         /* that are over */
	struct observed *observed;
	int64_t silent_since;
	int unanswered;
	bool has_failed;
	enum error_kind failure;
	int failure_number;
	char *failure_text;
	bool refuses_login;
	int64_t loose_generation;  /* of a fenced change whose answer never came */
	uint64_t password;         /* digest of sa's Secret as it was applied here; 0: by nobody in this process */
	struct sql_stream *stream; /* of its diagnostics; NULL: it is no primary */
	int64_t health_again_at;
	int diagnostics[DIAGNOSTICS];
	int64_t diagnostics_at; /* 0: never, or not any more */
	int64_t last_write_ok;
	int write_failures, write_failure_number;
	char *write_failure_text;
};

/* ---- follow.c ---- */
void follow_start(struct engine *engine);
void follow_budgets(struct engine *engine, bool v1);
/* Everything that is looked at is known. */
bool follow_is_synced(const struct engine *engine);
/* Reference to an object, or NULL. */
const struct kube_object *follow_get(const struct engine *engine, enum engine_cache cache, const char *namespace,
                                     const char *name);
void follow_add_all(struct engine *engine);

/* ---- discovery.c ---- */
/* Asks what is due; returns when to be called again (monotonic ms). */
int64_t discovery_tick(struct engine *engine, int64_t now);

/* ---- managed.c ---- */
struct managed *managed_find(struct engine *engine, const char *key);
/* Made when it is new. NULL: the key is none. */
struct managed *managed_get(struct engine *engine, const char *key);
/* Takes over what the watch shows, unless we know better; false: the object is gone (and queued, where another one has
 * its name). */
bool managed_refresh(struct managed *managed);
/* An answer of the API about the object itself; borrowed. False: it is about another one, which the watch will show. */
bool managed_adopt(struct managed *managed, struct json_object *answer);
/* Spec and record of the newest object. False: it cannot be read. */
bool managed_read(struct managed *managed);
void managed_forget(struct managed *managed);
void managed_forget_all(struct engine *engine);
void managed_look(struct managed *managed); /* queues it */
void managed_set_urgent(struct managed *managed, bool is_urgent);
void managed_count_phase(struct managed *managed, const char *phase);
/* Errands keep it alive; the last one frees it when it is gone. */
void managed_hold(struct managed *managed);
void managed_release(struct managed *managed);
/* Whether `a` is a later resourceVersion than `b`. */
bool version_is_newer(const char *a, const char *b);
void wipe(char **text);

/* ---- engine.c ---- */
/* A request as long as we lead: it is given up when our hold of the Lease ends, as far as it is known when it is sent.
 */
void engine_request(struct engine *engine, const struct kube_request *request, kube_done *then, void *what);

/* ---- A request on behalf of an object. `then` is called in any case, also when the object is gone. ---- */
typedef void request_done(struct managed *managed, void *what, struct json_object *answer, const struct error *err);
void managed_request(struct managed *managed, const struct kube_request *request, request_done *then, void *what);
/* Calls `then` in a while, in any case. */
void engine_after(struct managed *managed, int64_t ms, void (*then)(void *what), void *what);

/* ---- children.c ---- */
/* Makes the list anew when what it is made from has changed. */
void children_refresh(struct managed *managed);
void children_free(struct managed *managed);
enum child_state child_state_of(const struct managed *managed, struct child *child, const char **trouble);
char *desired_text(uint64_t digest); /* as DESIRED_ANNOTATION has it; the caller frees it */
/* The children in full; NULL: they cannot be told. The caller owns it. */
struct json_object *children_desired(const struct managed *managed);
struct child *child_find(struct managed *managed, const struct json_object *json);
const struct kube_resource *child_resource(const struct json_object *json);
/* Briefs of those that are ours and not wanted any more: looked for when the children have changed, and for a moment
 * after. */
void surplus_refresh(struct managed *managed);
void surplus_free(struct managed *managed);
/* Asks for those that are not followed; `anew`: the children have changed. */
void strays_refresh(struct managed *managed, bool anew);
/* One was deleted, or cannot be: what is known of it is out of date. */
void stray_forget(struct managed *managed, const struct json_object *json);
void strays_free(struct managed *managed);
/* Where it is followed; CACHES: nowhere. */
enum engine_cache child_cache(const struct kube_resource *resource);
bool is_owned_by(const struct json_object *object, const char *uid);
struct surroundings managed_surroundings(const struct managed *managed, const struct kube_object **version);

/* ---- secret.c ---- */
/* Reads what is due. */
void secrets_refresh(struct managed *managed, int64_t now);
/* A login failed, or one of them was written: they are read again, soon or now. */
void secrets_expire(struct managed *managed, bool at_once);
/* Puts on record that all servers have sa's present password, once they do. */
void secrets_note_applied(struct managed *managed);
/* To tell passwords apart without keeping them. */
uint64_t password_digest(const char *text);
/* One was made, or somebody else was first: what it holds is known once it was read. */
void secret_made(struct managed *managed, bool own);
/* Each has been asked for once and answered: what is there is known. */
bool secrets_are_read(const struct managed *managed);
int64_t secrets_due_at(const struct managed *managed);
/* The answer to our own write of the own Secret. */
void secret_take_own(struct managed *managed, const struct json_object *secret);
void secrets_free(struct managed *managed);
/* The text at `key` of a Secret's data, NULL: none. The caller wipes it. */
char *secret_text(const struct json_object *secret, const char *key);
/* Whether a Secret (or a child) carries the labels of one that was made for this object: no other is ever deleted. */
bool has_our_labels(const struct managed *managed, const struct json_object *object);
/* The same for a Secret under the name of our own, which tells by its type, too. */
bool is_own_secret(const struct managed *managed, const struct json_object *secret);
/* Overwrites the data of a Secret's tree, which is of no use afterwards. */
void secret_wipe(struct json_object *secret);
void secret_wipe_data(struct json_object *data);

/* ---- certificate.c ---- */
/* Of the Secret that is mounted, as it was read. */
void certificate_take(struct managed *managed, const struct json_object *secret);
/* … is not there. What it held is remembered: pods still have it. */
void certificate_missing(struct managed *managed);
/* Why something is to be issued or written; NULL: nothing is, or it is not ours to do. */
const char *certificate_due(struct managed *managed, int64_t now);
void certificate_free(struct managed *managed);

/* ---- server.c ---- */
/* Brings the list in line with the pods. */
void servers_refresh(struct managed *managed);
/* All of them; but a group at rest asks its primary. */
void servers_probe(struct managed *managed, int64_t now);
/* Every server has answered, and nothing is under way: until one answers anew there is nothing to decide. */
bool servers_rest(const struct managed *managed);
struct server *server_find(const struct managed *managed, const char *pod);
struct server *server_get(struct managed *managed, const char *pod);
void server_view_fill(const struct server *server, struct server_view *view);
/* Asks at once. */
void server_probe(struct server *server);
/* The session for changes. */
struct sql_client *server_changer(struct server *server);
/* A session of its own, as the controller; NULL: its password or the server's address is not known. */
struct sql_client *server_connect(const struct server *server);
/* A change is over: what was seen before is worth nothing, and it is asked anew. */
void server_changed(struct server *server, bool was_busy);
/* … was not sent at all. */
void server_idle(struct server *server);
void servers_free(struct managed *managed);
void servers_close_idle(struct managed *managed, int64_t now);
void server_hold(struct server *server);
void server_release(struct server *server);

int server_sql_port(const struct server *server);

/* ---- health.c ---- */
void health_refresh(struct managed *managed, int64_t now);
void health_end(struct server *server);

/* ---- claim.c ---- */
/* Whether what the labels of a pod or claim say is this object: one of another kind may have its name. */
bool is_of_object(const struct managed *managed, const struct json_object *json);
/* The claim of its volume; a reference, or NULL. */
const struct kube_object *server_claim(const struct managed *managed, const char *pod);
/* Reads it by its name, unless the watch has it. `known`: what server_claim said. */
void server_look_for_claim(struct server *server, const struct kube_object *known);
/* What was read is out of date: it is read again. */
void server_forget_claim(const struct managed *managed, const char *pod);

/* Asks for what the storage says of it while it grows. */
void server_look_for_trouble(struct server *server, const struct json_object *claim);

/* ---- operations.c ---- */
/* The ops requests for it, and what they mean for volumes to come. */
void operations_refresh(struct managed *managed);
void operations_free(struct managed *managed);
/* A request "MSSQLServerOpsRequest/demo/grow" whose database does not exist has failed. */
bool operations_is_key(const char *key);
void operations_end_orphan(struct engine *engine, const char *key);

/* ---- observe.c ---- */
struct sight {
	struct view view;
	struct arena arena;
	const struct kube_object **kept;
	size_t kept_count;
	struct json_object *desired; /* the children in full; NULL: not needed */
};
void observe(struct managed *managed, int64_t now, struct sight *sight);
void sight_free(struct sight *sight);

/* ---- act.c ---- */
/* Begins every action of the plan whose target has none under way; returns how many were begun. */
int act(struct managed *managed, const struct plan *plan, int64_t now);
/* Whether the record is being written: nothing may be decided until it is known what it says. */
bool act_is_writing(const struct managed *managed);
/* The deed is over; err NULL: it succeeded. Frees it. */
void deed_end(struct deed *deed, const struct error *err);
/* Neither success nor failure: somebody else was first, or it is not ours to do any more. */
void deed_drop(struct deed *deed, const char *why);
/* May it still be done? Asked before every request. */
bool deed_may_go_on(const struct deed *deed);
void deed_request(struct deed *deed, const struct kube_request *request, request_done *then);
void deed_settle(struct deed *deed, enum engine_cache cache, const char *name, const struct json_object *answer);
void deeds_free(struct managed *managed);
/* Ends the sessions that deeds have of their own there: with the server's others, when it is another one by now, and
 * when we cease to lead. */
void deeds_end_sessions(const struct server *server);

void act_on_api(struct deed *deed);    /* act_api.c */
void act_on_child(struct deed *deed);  /* act_child.c */
void act_on_secret(struct deed *deed); /* act_secret.c */
void act_store_certificate(struct deed *deed, const struct endpoint_certificate *endpoint);
void act_issue_certificate(struct deed *deed); /* certificate.c */
void act_on_server(struct deed *deed);         /* act_sql.c */
void act_on_request(struct deed *deed);        /* act_request.c */
void act_say(struct managed *managed, const struct action *action);

/* ---- reconcile.c ---- */
void reconcile(struct engine *engine, const char *key);

#endif
