/* What is to be done: the outcome of a decision, as data.
 *
 * The actions of one plan do not depend on each other and may be done in any order, at once, or not at all: the next
 * decision looks at what has come of them. Therefore a plan that writes the record holds no action that presumes it
 * written. On one server, and on one object of the API, at most one action is under way: of several for the same target
 * the first is done, the others will be decided anew.
 *
 * Failures are kept by type and target (struct attempt), and the same is not tried again before its time. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_PLAN_H
#define AGKEEPER_CONTROLLER_DECIDE_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/memory.h"

enum action_target {
	TARGET_OBJECT,
	TARGET_CHILD,
	TARGET_POD,
	TARGET_CLAIM,
	TARGET_SECRET,
	TARGET_SERVER,
	TARGET_REQUEST,
	TARGET_NOBODY
};

/* Who a statement is run as, and whether between sql_begin_change and sql_end_change. */
enum action_session { SESSION_NONE, SESSION_ADMINISTRATOR, SESSION_OWN, SESSION_FENCED };

/* name, target, session, what `text`, `number`, `peer` and `json` are */
#define ACTIONS(ROW)                                                                                                   \
	/* The API. Status is written by compare-and-swap on the object that was looked at; json: the whole status. */ \
	ROW(WRITE_STATUS, OBJECT, NONE)                                                                                \
	ROW(ADD_FINALIZER, OBJECT, NONE)                                                                               \
	ROW(REMOVE_FINALIZER, OBJECT, NONE)                                                                            \
	ROW(REMOVE_ANNOTATION, OBJECT, NONE) /* text: its key */                                                       \
	ROW(CREATE_ADMINISTRATOR_SECRET, SECRET, NONE)                                                                 \
	ROW(CREATE_OWN_SECRET, SECRET, NONE)                                                                           \
	ROW(ISSUE_CERTIFICATE, SECRET, NONE) /* text: the Secret it goes into */                                       \
	ROW(DELETE_SECRET, SECRET, NONE)     /* text: its name; only one that we made */                               \
	ROW(APPLY_CHILD, CHILD, NONE)        /* json */                                                                \
	ROW(DELETE_CHILD, CHILD, NONE)       /* json: what identifies it; propagation foreground */                    \
	ROW(LABEL_POD, POD, NONE)            /* text: value of the role label; NULL: taken off */                      \
	ROW(DELETE_POD, POD, NONE)           /* text: uid */                                                           \
	ROW(LABEL_CLAIM, CLAIM, NONE)        /* the labels that every child carries; pod: whose claim */               \
	ROW(DELETE_CLAIM, CLAIM, NONE)       /* text: uid; pod: whose claim */                                         \
	/* Volumes that grow. */                                                                                       \
	ROW(PATCH_CLAIM, CLAIM, NONE)            /* text: the size it shall have; pod: whose claim */                  \
	ROW(DELETE_SET, CHILD, NONE)             /* json: what identifies it; its pods and claims stay (orphans) */    \
	ROW(PATCH_STORAGE, OBJECT, NONE)         /* text: size: spec.storage of an MSSQLServer */                      \
	ROW(WRITE_REQUEST_STATUS, REQUEST, NONE) /* text: its name; json: the request with the status it shall have */ \
	ROW(CREATE_REQUEST, REQUEST, NONE)       /* text: its name; json */                                            \
	/* As sa: bootstrap. */                                                                                        \
	ROW(BOOTSTRAP_SERVER, SERVER, ADMINISTRATOR)                                                                   \
	ROW(EXPORT_CERTIFICATE, SERVER, ADMINISTRATOR) /* into the own Secret */                                       \
	ROW(CREATE_GROUP, SERVER, ADMINISTRATOR)       /* under the fence nevertheless: claim_server first */          \
	/* BACKUP asks for the database's owner, or a role in it: for databases that others made (text). */            \
	ROW(BACKUP_OTHERS_DATABASE, SERVER, ADMINISTRATOR)                                                             \
	ROW(APPLY_PASSWORD, SERVER, ADMINISTRATOR)                                                                     \
	/* As the controller. */                                                                                       \
	ROW(RAISE_GENERATION, SERVER, OWN)       /* number */                                                          \
	ROW(CREATE_SYSTEM_DATABASE, SERVER, OWN) /* kubedb_system */                                                   \
	ROW(WRITE_CHECK, SERVER, OWN)            /* number 1: its table is made first */                               \
	ROW(BACKUP_DATABASE, SERVER, OWN)        /* text: begins the log chain; may last, so it holds no lock */       \
	ROW(STOP_ENDPOINT, SERVER, FENCED)                                                                             \
	ROW(START_ENDPOINT, SERVER, FENCED)                                                                            \
	ROW(RESTART_ENDPOINT, SERVER, FENCED) /* stop and start: the ladder */                                         \
	ROW(PROMOTE, SERVER, FENCED)          /* text: the instance's start time, at which it must still be fenced */  \
	ROW(PROMOTE_STARTED, SERVER, FENCED)  /* likewise, starting the endpoint in the same batch (Msg 41144) */      \
	ROW(FORCE_PROMOTE, SERVER, FENCED)    /* … with FORCE_FAILOVER_ALLOW_DATA_LOSS: only with intent.forces */   \
	ROW(JOIN, SERVER, FENCED)             /* with GRANT CREATE ANY DATABASE */                                     \
	ROW(BECOME_SECONDARY, SERVER, FENCED)                                                                          \
	ROW(OFFLINE, SERVER, FENCED)                                                                                   \
	ROW(DROP_GROUP, SERVER, FENCED)                                                                                \
	ROW(SET_REQUIRED, SERVER, FENCED)      /* number */                                                            \
	ROW(SET_AVAILABILITY, SERVER, FENCED)  /* peer: whose; number: enum sql_availability */                        \
	ROW(SET_ACCESS, SERVER, FENCED)        /* peer; number: enum sql_access */                                     \
	ROW(SET_ENDPOINT_URL, SERVER, FENCED)  /* peer; text */                                                        \
	ROW(SET_DB_FAILOVER, SERVER, FENCED)   /* number: 0 or 1 */                                                    \
	ROW(ADD_REPLICA, SERVER, FENCED)       /* peer: of spec, always asynchronous at first */                       \
	ROW(REMOVE_REPLICA, SERVER, FENCED)    /* peer */                                                              \
	ROW(CREATE_DATABASE, SERVER, FENCED)   /* text; full recovery */                                               \
	ROW(SET_RECOVERY_FULL, SERVER, FENCED) /* text */                                                              \
	ROW(ADD_DATABASE, SERVER, FENCED)      /* text */                                                              \
	ROW(DROP_DATABASE, SERVER, FENCED)     /* text: a left-over copy that blocks seeding */                        \
	ROW(SUSPEND_MOVEMENT, SERVER, FENCED)  /* text: a database of the group, on this replica alone */              \
	ROW(RESUME_MOVEMENT, SERVER, FENCED)   /* text: a suspended database */                                        \
	/* Words for people: text is the reason in CamelCase, note the sentence, number 1 for a warning; peer: the ops \
	 * request it is about (NULL: the object). */                                                                  \
	ROW(EVENT, NOBODY, NONE)

enum action_type {
#define X(name_, target_, session_) ACTION_##name_,
	ACTIONS(X)
#undef X
	        ACTION_TYPES
};

struct action {
	enum action_type type;
	const char *pod; /* TARGET_POD, TARGET_CLAIM, TARGET_SERVER: which */
	const char *peer, *text, *note;
	int64_t number;
	struct json_object *json; /* owned by the plan */
	const char *reason;       /* why, in a few words: for the log and the metric */
};

/* What has failed before. */
struct attempt {
	enum action_type type;
	const char *pod;  /* or the name of the child; NULL: none */
	const char *peer; /* or text, where one target has several; NULL: none */
	int failures;     /* in a row */
	int number;       /* Msg or HTTP status of the last */
	const char *message;
	int64_t next_at; /* not before */
};

struct plan {
	struct arena arena;
	size_t count;
	struct action *actions;
	int64_t look_ms; /* when to look again at the latest, with fresh answers of all servers; 0: nothing asked for */
	const char *state; /* the row of the state table that applied: for the log, the metric and the report */
};
void plan_free(struct plan *plan);
#define cleanup_plan __attribute__((cleanup(plan_free)))

/* Appends; texts are copied, json is taken over. */
void plan_add(struct plan *plan, const struct action *action);
/* A text that lives as long as the plan. */
const char *plan_text(struct plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Asks to look again in `ms`, unless that is later than what was asked for. */
void plan_look(struct plan *plan, int64_t ms);

/* ---- the table ---- */
struct action_row {
	const char *name; /* "SetRequired": for logs and metrics */
	enum action_target target;
	enum action_session session;
};
extern const struct action_row action_rows[ACTION_TYPES];

#endif
