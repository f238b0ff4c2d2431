/* kubectl scale: the scale subresource changes spec.replicas, and admission is shown a Scale (autoscaling/v1) instead
 * of the object that is scaled. */
#ifndef AGKEEPER_WEBHOOK_SCALE_H
#define AGKEEPER_WEBHOOK_SCALE_H

#include <json-c/json.h>

#include "api/kind.h"

/* The kind, in its storage version, whose scale subresource the `request` member of a review speaks of; NULL for
 * others. */
const struct kind *scaled_kind(const struct json_object *request);

/* The object as it is and as it would be with the replicas asked for, both defaulted. Only with LOOKUP_FOUND are they
 * set; the caller then owns both. `request` is the member of a review on scaled_kind(). */
enum lookup_result scaled_objects(const struct kind *kind, const struct json_object *request,
                                  const struct lookup *lookup, struct json_object **before, struct json_object **after,
                                  struct findings *findings);

#endif
