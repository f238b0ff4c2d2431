/* Reviews: what kube-apiserver asks and what we answer, as pure functions from bytes to bytes.
 *
 * AdmissionReview admission.k8s.io/v1 on /mutate, /validate and /handover, ConversionReview apiextensions.k8s.io/v1 on
 * /convert.
 * No sockets, no clock, no hidden state: the server, the fuzzers and the tests call the same function. */
#ifndef AGKEEPER_WEBHOOK_REVIEW_H
#define AGKEEPER_WEBHOOK_REVIEW_H

#include <stddef.h>

#include "api/findings.h"
#include "api/kind.h"
#include "base/strbuf.h"

enum review_path { REVIEW_MUTATE, REVIEW_VALIDATE, REVIEW_CONVERT, REVIEW_HANDOVER };

struct review_request {
	enum review_path path;
	const char *body;
	size_t length;
	const struct lookup *lookup;
	const char *own_user; /* the user name agkeeper itself has; NULL when unknown */
};

enum review_result {
	REVIEW_ALLOWED,     /* /convert: converted */
	REVIEW_REFUSED,     /* /convert: an object could not be converted */
	REVIEW_UNAVAILABLE, /* refused for now: the API did not answer a lookup */
	REVIEW_BAD_REQUEST  /* not a review at all: 4xx */
};
const char *review_result_name(enum review_result result);

/* Zero-initialise; may be used again after review_answer_reset, which keeps the memory. */
struct review_answer {
	int status;         /* HTTP */
	struct strbuf body; /* JSON: the review with its response, or a Status when it was a bad request */
	enum review_result result;
	/* For metrics and logs: only our own words, never the client's. */
	const char *kind;         /* one of ours, or "other" */
	const char *operation;    /* CREATE, UPDATE, DELETE, CONNECT, or "other"; CONVERT on /convert */
	struct findings findings; /* what was found, whatever the answer says */
	size_t converted;         /* objects converted */
	struct json_object *held; /* /handover: the review's request, for webhook/handover.h to judge; else NULL */
	char *problem;            /* why it was a bad request; else NULL */
};
void review_answer_reset(struct review_answer *answer);
void review_answer_free(struct review_answer *answer);
#define cleanup_review_answer __attribute__((cleanup(review_answer_free)))

void review_handle(const struct review_request *request, struct review_answer *answer);
/* /handover, once the gate has judged: the answer anew, with a warning for whoever asked. */
void review_add_warning(struct review_answer *answer, const char *warning);

#endif
