/* A pod is about to go: what /handover is asked, and what the stored objects say about it. Pure functions.
 *
 * The wish is an annotation of the object: agkeeper.dev/hand-over: <pod>/<uid of the pod>. The leading controller takes
 * it off when it has done what it could. */
#ifndef AGKEEPER_WEBHOOK_DEPARTURE_H
#define AGKEEPER_WEBHOOK_DEPARTURE_H

#include <json-c/json.h>
#include <stdbool.h>

#include "kube/resource.h"

#define HAND_OVER_ANNOTATION "agkeeper.dev/hand-over"

/* Texts are borrowed from the review. */
struct departure {
	const char *namespace;
	const char *pod;
};

/* Reads the `request` of a review: the deletion of a pod (pods DELETE), or its eviction (pods/eviction CREATE). False
 * when nothing is to be done about it: it is neither, a dry run, or leaves the pod no time to end; or `own_user` (may
 * be NULL) deletes, who has seen to a hand-over before. */
bool departure_read(const struct json_object *request, const char *own_user, struct departure *departure);

/* The object whose pod it is, by the labels that all pods of ours carry: its resource, and its name in *name. NULL: it
 * is none of ours, or its end has begun already. */
const struct kube_resource *departure_owner(const struct json_object *pod, const char **name);

enum departure_state {
	DEPARTURE_FREE,     /* the pod is not the recorded primary, or nobody can take its place */
	DEPARTURE_AWAITED,  /* it is */
	DEPARTURE_FOLLOWED, /* another one is the primary, and the pod is still one that commits wait for */
};
/* How the object stands to its pod; NULL: there is no such object. */
enum departure_state departure_judge(const struct json_object *object, const char *pod);

/* Whether `object` carries the wish. */
bool departure_is_wished(const struct json_object *object, const char *wish);
/* Whether `object` is as new as the resourceVersion `version`, or newer. */
bool departure_is_seen(const char *object_version, const char *version);

#endif
