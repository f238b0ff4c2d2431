/* Writes of the scale subresource (kubectl scale): the object in the request is an autoscaling/v1 Scale, and what is to
 * be judged is the update of the object behind it. */
#ifndef AGKEEPER_WEBHOOK_SCALE_H
#define AGKEEPER_WEBHOOK_SCALE_H

#include "api/kind.h"

/* The update that a scale means. Free objects with json_object_put. */
struct scaled {
	const struct kind *kind; /* the version that is stored */
	struct json_object *old_object;
	struct json_object *object;
};

/* Reads `inner`, the request of an AdmissionReview whose subResource is scale. LOOKUP_ABSENT: there is nothing of ours
 * behind it that could be judged; the rest is as struct lookup says. */
enum lookup_result scale_resolve(const struct json_object *inner, const struct lookup *lookup, struct scaled *scaled,
                                 struct findings *findings);

#endif
