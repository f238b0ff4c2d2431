/* Everything that is decided upon, as one consistent snapshot. Pure data: observe fills it in, the simulation too.
 *
 * Two clocks: `now` is monotonic milliseconds, for durations; `wall_us` is for people to read and never compared.
 *
 * An observation is shown only if it was asked for after the last change that we made on that server was over: what
 * stands in a view is never older than our own deeds. And only if the process that answered is that of the pod and the
 * volume beside it: a new uid of pod or claim, or another container, and it is gone. The same goes for the object
 * itself (the answer to our last write is shown until the watch has caught up). */
#ifndef AGKEEPER_CONTROLLER_DECIDE_VIEW_H
#define AGKEEPER_CONTROLLER_DECIDE_VIEW_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "controller/decide/plan.h"
#include "controller/decide/record.h"
#include "controller/decide/spec.h"
#include "sql/observation.h"

/* How often a group that is written to is to be looked at: commits wait when a replica is lost, until we see it. So
 * long after its log was last seen to grow, too: while they wait it does not. */
enum { WRITERS_PROBE_MS = 1200, WRITERS_MS = 30 * 1000 };

struct pod_view {
	bool exists;
	int64_t created;                          /* seconds since 1970 */
	const char *uid, *node, *ip, *role_label; /* NULL: none */
	const char *incarnation_container;        /* containerID of SQL Server's container; NULL: none yet */
	bool is_ready;
	bool is_deleting; /* deletionTimestamp */
	int64_t deletion_grace_s;
	bool is_running;    /* SQL Server's container is */
	bool is_terminated; /* it is not running, and was */
	int64_t restarts;
	bool is_current; /* of the StatefulSet's newest revision */
	bool is_stuck;   /* cannot be pulled, scheduled, started: `trouble` says it in Kubernetes' words */
	const char *trouble;
	bool is_ours;   /* controlled by our StatefulSet, or */
	bool is_orphan; /* … by nobody, while that is made again */
};

struct node_view {
	bool exists; /* false while the pod has no node, too */
	bool is_ready;
	bool is_cordoned; /* spec.unschedulable */
};

struct claim_view {
	bool exists;
	const char *uid;
	bool is_deleting;
	int64_t created; /* seconds since 1970 */
	struct quantity requested, capacity;
	bool is_resizing, waits_for_node; /* conditions Resizing, FileSystemResizePending */
	int64_t waits_since;              /* … the latter: seconds since 1970; 0: it does not say */
	const char *storage_class;
	const char *trouble; /* what the storage says of an expansion that fails; NULL: nothing */
	bool is_labelled;    /* as every child of the object whose pod it belongs to */
};

enum request_phase { REQUEST_PENDING, REQUEST_PROGRESSING, REQUEST_OVER };

/* An ops request for this object: VolumeExpansion is the only type. */
struct request_view {
	const char *name;
	int64_t created; /* seconds since 1970 */
	enum request_phase phase;
	struct quantity size;
	const char *size_text; /* NULL: it is written as a number */
	bool is_offline;
	bool applies_always; /* else only to a database that is Ready */
	int64_t timeout_s;   /* of each step; 0: none */
	int max_retries;     /* -1: not said */
	const struct json_object *object;
};

enum { DIAGNOSTIC_SYSTEM, DIAGNOSTIC_RESOURCE, DIAGNOSTIC_QUERY_PROCESSING, DIAGNOSTIC_IO, DIAGNOSTICS };

struct server_view {
	const struct sql_observation *seen; /* NULL: nothing yet, or nothing since our last change */
	int64_t seen_at;                    /* when it was asked for */
	int64_t silent_since;               /* since when it owes us an answer; 0: it does not */
	int unanswered;                     /* probes in a row */
	/* Why the last attempt failed; kind ERROR_NONE-like 0 with text NULL: it did not. */
	bool has_failed;
	enum error_kind failure;
	int failure_number; /* Msg */
	const char *failure_text;
	bool refuses_login; /* Msg 18456 for the controller's login: a new volume, or somebody dropped it */
	bool is_busy;       /* one of our changes is under way there */
	/* The generation of a fenced change that we sent there and whose answer never came (timeout, broken
	 * connection): it may still take effect, until a higher generation is in force on that server; then, and where
	 * there is none, 0. The last one of several. */
	int64_t loose_generation;
	int diagnostics[DIAGNOSTICS]; /* 1 clean, 2 warning, 3 error; 0 not known */
	int64_t diagnostics_at;       /* 0: never */
	int64_t last_write_ok;        /* of the write check; 0: never */
	int write_failures;           /* in a row */
	int write_failure_number;
	const char *write_failure_text;
	bool is_bootstrapped;      /* our login works there and the generation table exists */
	bool has_current_password; /* sa's password of the Secret was applied there */
};

struct replica_view {
	const struct replica_spec *spec; /* NULL: beyond spec.replicas (scaled in) */
	const char *pod_name;
	const char *incarnation; /* claim's uid, or pod's; NULL: there is none */
	struct pod_view pod;
	struct node_view node;
	struct claim_view claim;
	struct server_view server;
};

enum child_state {
	CHILD_MISSING,
	CHILD_DRIFTED,
	CHILD_IN_SYNC,
	CHILD_FOREIGN, /* not ours: left alone */
	CHILD_SURPLUS  /* ours, and not wanted any more: a listener that is left out of the spec */
};
struct child_view {
	const struct json_object *desired; /* CHILD_SURPLUS: what identifies it */
	enum child_state state;
	const char *trouble; /* CHILD_FOREIGN: whose it is */
};

enum secret_state { SECRET_UNKNOWN, SECRET_MISSING, SECRET_PRESENT, SECRET_INVALID /* without the key */ };

struct view {
	int64_t now;
	int64_t wall_us;
	const char *identity; /* of this controller's tenure: what record.holder says when it is ours */

	const struct spec *spec;
	const struct record *record;
	const struct json_object *object; /* as stored, status included */
	bool is_deleting;                 /* deletionTimestamp */
	bool has_finalizer;
	bool is_paused; /* an ops request has the pods: no rolling update, no restarts of ours meanwhile */
	bool has_image; /* spec.version is in the catalogue */
	const char *image_trouble;

	size_t replica_count; /* spec's first, in their order, then those beyond that still have a pod or a claim */
	struct replica_view replicas[2 * REPLICAS_MAX];

	size_t child_count; /* in the order in which to apply them */
	struct child_view *children;
	enum secret_state administrator_secret, own_secret;
	/* It has the labels (or the type, our own) of one that we made: no other is ever deleted. */
	bool made_administrator_secret, made_own_secret;
	/* spec.certificate_secret: PRESENT when it has certificate and key. Ours is what carries our labels. */
	enum secret_state certificate_secret;
	bool made_certificate_secret;
	const char *certificate_due; /* why our own CA shall issue one, or put the Secret right; NULL: no reason, or
	                                it is for others to do (cert-manager, or who made the Secret) */
	bool has_certificate;        /* the own Secret holds the endpoints' certificate */
	bool has_set;                /* the StatefulSet exists, and is ours */
	bool set_is_foreign;         /* one of that name is somebody else's */
	bool set_is_deleting;        /* … and is being deleted */
	bool has_set_size;           /* it makes volumes, of set_size */
	struct quantity set_size;
	bool has_issuers; /* the cluster offers cert-manager's API, as far as is known */

	const struct request_view *requests; /* ops requests for the object, the oldest first */
	size_t request_count;

	const struct attempt *attempts; /* what failed, and when to try again */
	size_t attempt_count;
	/* Annotations of a person. */
	const char *wanted_primary;  /* agkeeper.dev/primary: a pod; NULL: none */
	const char *allow_data_loss; /* agkeeper.dev/allow-data-loss: "<pod>/<uid of the object>" */
	/* Of the admission webhook, agkeeper.dev/hand-over: "<pod>/<its uid>", a pod whose deletion or eviction waits
	 * for a hand-over; NULL: none. */
	const char *hand_over_wanted;
};

/* The replica of a pod, NULL when there is none. */
const struct replica_view *view_find(const struct view *view, const char *pod);
/* Whether the replica still is the recorded member. */
bool view_is_member(const struct replica_view *replica, const struct member *member);

/* ---- JSON of the API to views; texts are borrowed ---- */

void pod_view_read(const struct json_object *pod, const char *update_revision, const char *role_label,
                   struct pod_view *view);
void node_view_read(const struct json_object *node, struct node_view *view);
void claim_view_read(const struct json_object *claim, struct claim_view *view);
/* False: it asks for something else than volumes, or cannot be read. */
bool request_view_read(const struct json_object *request, struct request_view *view);
/* For qsort: the oldest first; those of one second by name. */
int request_view_compare(const void *a, const void *b);

#endif
