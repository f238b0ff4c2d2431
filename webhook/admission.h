/* AdmissionReview admission.k8s.io/v1: /mutate sets defaults, /validate judges. */
#ifndef AGKEEPER_WEBHOOK_ADMISSION_H
#define AGKEEPER_WEBHOOK_ADMISSION_H

#include "base/error.h"
#include "webhook/review.h"

/* Answers the `request` member of a review, whose uid has been checked; changes its objects (sets their defaults).
 * ERROR_INVALID when it is no request we can read. */
int admission_review(const struct review_request *request, struct json_object *inner, struct review_answer *answer,
                     struct error **err);

/* Answers the review with this uid: allowed, with the warnings that the answer has. */
void admission_allow(struct review_answer *answer, const char *uid);

#endif
