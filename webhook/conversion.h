/* ConversionReview apiextensions.k8s.io/v1: objects from one version of their kind to another, all or none. */
#ifndef AGKEEPER_WEBHOOK_CONVERSION_H
#define AGKEEPER_WEBHOOK_CONVERSION_H

#include "base/error.h"
#include "webhook/review.h"

/* Answers the `request` member of a review, whose uid has been checked; converts its objects in place. ERROR_INVALID
 * when it is no request we can read; objects that cannot be converted are a failed answer, not an error. */
int conversion_review(struct json_object *inner, struct review_answer *answer, struct error **err);

#endif
