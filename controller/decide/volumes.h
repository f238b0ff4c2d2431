/* Inside decide: volumes that grow (REQUIREMENTS R50–R54, docs/volume-expansion.md).
 *
 *   volumes.c          the order of the steps, for a request and for a spec that says more
 *   volumes_claims.c   one volume: asked for, followed to its end
 *   volumes_offline.c  … with its pod away
 *   volumes_auto.c     autoExpand
 *   ops.c              the status of a request, and its end
 *
 * Nothing of it is remembered but what stands in the objects: each pass sees how far the claims, the StatefulSet and
 * spec.storage are, and does what is next. A volume never shrinks. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_VOLUMES_H
#define AGKEEPER_CONTROLLER_DECIDE_VOLUMES_H

#include "controller/decide/deciding.h"

/* ---- How large ---- */

/* The size that the object itself asks for, and its text as it stands there (borrowed; NULL: none, volumes go with the
 * pods). */
const char *spec_volume_size(const struct spec *spec, struct quantity *size);
/* The size that volumes made from now on have: that of the request in progress, or spec's. Likewise. `requests` may be
 * NULL when `count` is 0. What spec says as a number is written into `arena`. */
const char *wanted_volume_size(const struct spec *spec, const struct request_view *requests, size_t count,
                               struct arena *arena, struct quantity *size);
/* "20Gi": bytes in the largest unit that says them exactly. */
const char *size_text(struct arena *arena, struct quantity size);

/* ---- The request ---- */

/* The one that is carried out, or is next: in progress before pending, the oldest first. NULL: none. */
const struct request_view *active_request(const struct request_view *requests, size_t count);

/* The status of a request while it is composed. */
struct ops {
	struct deciding *deciding;
	const struct request_view *request;
	struct json_object *status; /* owned */
};
void ops_begin(struct ops *ops, struct deciding *deciding, const struct request_view *request);
/* Plans to write what has changed. */
void ops_end(struct ops *ops);
void ops_set_phase(struct ops *ops, const char *phase);
void ops_set_progress(struct ops *ops, size_t done, size_t count);
/* One condition for each step: its time is when it began (False), then when it was over (True). */
void ops_set_step(struct ops *ops, const char *step, bool is_done, const char *reason, const char *format, ...)
        __attribute__((format(printf, 5, 6)));
/* Whether a step that began and is not over has taken longer than the request allows. By the wall clock, because it
 * must outlive us; a clock that is wrong can end a request, and no more. */
bool ops_is_late(const struct ops *ops, const char *step);
bool ops_has_begun(const struct ops *ops, const char *step);
/* The ends, with Events on the request and the object. */
void ops_succeed(struct ops *ops, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ops_fail(struct ops *ops, const char *reason, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool ops_is_over(const struct ops *ops);
/* An Event on both. */
void ops_say(struct ops *ops, bool warning, const char *reason, const char *format, ...)
        __attribute__((format(printf, 4, 5)));

/* The status of a request whose database does not exist; NULL: it is over already. The caller owns it. */
struct json_object *ops_orphan_status(const struct json_object *request, int64_t wall_us);

/* ---- One volume ---- */

enum volume_state {
	VOLUME_ABSENT,  /* its claim does not exist: it will be made as large as it shall be */
	VOLUME_SMALL,   /* to be asked for */
	VOLUME_ASKED,   /* … and the storage has not begun */
	VOLUME_GROWING, /* the storage is at it */
	VOLUME_WAITS_FOR_NODE,
	VOLUME_DONE
};
enum volume_state volume_state(const struct claim_view *claim, struct quantity size);
/* How large volumes shall be, and who says so. */
struct volume_wish {
	struct quantity size;
	const char *text;
	const struct request_view *request; /* NULL: spec */
};
/* Asks for it. */
void volume_ask(struct deciding *deciding, const struct replica_view *replica, const struct volume_wish *wish);
/* No volume is on its way to this size. */
bool volumes_are_at_rest(const struct view *view, struct quantity size);
/* What it is at, for people: the volume, what happened, what to do. */
const char *volume_words(struct deciding *deciding, const struct replica_view *replica, const struct volume_wish *wish);
/* The API server refuses what the request asks for, and not for the first time. */
bool volume_is_refused(const struct deciding *deciding, const struct replica_view *replica,
                       const struct volume_wish *wish);

/* ---- Offline ---- */

/* The volume whose turn it is: first that of a replica that does without it anyway, then a secondary's, the primary's
 * last. NULL: none is left. */
const struct replica_view *volume_in_turn(const struct deciding *deciding, struct quantity size);
/* The StatefulSet is kept away, so that the pod whose volume grows is not made anew at once. The other pods run on
 * meanwhile; when one of them is gone, it is not kept away. */
bool volumes_keep_set_away(const struct deciding *deciding);
/* Deletes the StatefulSet, leaving its pods. */
void volumes_release_pods(struct deciding *deciding, const char *reason);
/* What is next with this volume; *words: for people. */
void volume_grow_offline(struct deciding *deciding, const struct replica_view *replica, const struct volume_wish *wish,
                         const char **words);

/* ---- Automatic ---- */

/* spec.autoExpand: asks for more where it is time. */
void volumes_expand_by_policy(struct deciding *deciding);
/* Raises *size to what a claim of a SQLServerAvailabilityGroup has come to by the policy. */
void raise_to_policy(const struct spec *spec, struct quantity requested, struct quantity *size);
/* spec_volume_size, raised by all of its claims. */
const char *decided_volume_size(const struct view *view, struct quantity *size);

#endif
