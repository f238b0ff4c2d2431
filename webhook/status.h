/* The Status objects (meta/v1) that refusals and errors are told in. */
#ifndef AGKEEPER_WEBHOOK_STATUS_H
#define AGKEEPER_WEBHOOK_STATUS_H

#include "api/findings.h"
#include "base/strbuf.h"

/* Which object a Status speaks of. Every text may be NULL. */
struct status_subject {
	const char *group;
	const char *kind;
	const char *name;
};

/* Appends the Status of an object that is refused for its findings: code 422, reason Invalid, worded and aggregated as
 * kube-apiserver's NewInvalid does it (k8s.io/apimachinery, api/errors and util/errors). */
void status_append_invalid(struct strbuf *json, const struct status_subject *subject, const struct findings *findings);

/* Appends the Status of an object that cannot be judged now: code 503, reason ServiceUnavailable. It asks clients to
 * try again in a second, which client-go does by itself. */
void status_append_unavailable(struct strbuf *json, const struct status_subject *subject, const char *why);

/* Appends a whole Status document, for answers that are no review: the reason is what Kubernetes calls `code`. */
void status_append_error(struct strbuf *json, int code, const char *message);

#endif
