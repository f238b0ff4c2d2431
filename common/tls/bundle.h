/* What servers share: the certificate to serve, the authority that signs it, and what clients shall trust; and the
 * rules by which all of it is renewed. No input or output happens here, and time is a parameter.
 *
 * A new authority enters like this, so that at no moment a client refuses the certificate that is served:
 *
 *   introduce  The next CA is made and joins the trusted ones, which go into every caBundle. It signs nothing yet.
 *   take over  When all caBundles have been seen with it for BUNDLE_OVERLAP, it signs, beginning with a new serving
 *              certificate. The key of the CA before it is forgotten; its certificate stays trusted until it expires,
 *              for replicas that still serve what it signed.
 *
 * Renewals are due when three fifths of a lifetime are over, which leaves days, for a CA months, until two thirds in
 * which the API server may be away. */
#ifndef AGKEEPER_TLS_BUNDLE_H
#define AGKEEPER_TLS_BUNDLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "tls/authority.h"

struct bundle {
	char *trusted;           /* PEM: the CA certificates that clients shall trust */
	struct identity current; /* the CA that signs */
	struct identity next;    /* the one that will */
	struct identity serving;
};
void bundle_free(struct bundle *bundle);
#define cleanup_bundle __attribute__((cleanup(bundle_free)))
void bundle_copy(struct bundle *to, const struct bundle *from);
bool bundle_equal(const struct bundle *a, const struct bundle *b);

enum {
	/* Seconds between the last caBundle's taking up the next CA and that CA's first signature. API servers see a
	 * new caBundle within seconds; an hour is for those who mount or copy ca.crt. */
	BUNDLE_OVERLAP = 3600,
	/* Trusted certificates kept at most: strangers' additions must not fill the Secret. */
	BUNDLE_MAX_TRUSTED = 12
};

/* What a decision depends on besides the bundle. */
struct bundle_view {
	const struct certificate_profile *profile;
	const char *const *names; /* what the serving certificate must be for; NULL-terminated */
	int64_t now;
	int64_t published_for; /* for how many seconds every client has been seen to trust all of `trusted`; −1: not
	                          every one does */
	const char *keep_trusted; /* PEM: CA certificates that must stay trusted, because what they signed is being
	                             served; or NULL */
	bool replace_ca;          /* somebody asks for a new CA */
};

enum bundle_step {
	BUNDLE_INTRODUCE = 1 << 0, /* make the next CA, and trust it */
	BUNDLE_TAKE_OVER = 1 << 1, /* the next CA becomes the current one */
	BUNDLE_RENEW = 1 << 2,     /* sign a new serving certificate */
	BUNDLE_TIDY = 1 << 3       /* add what is missing among the trusted, drop what is expired or no CA */
};
struct bundle_plan {
	unsigned steps; /* enum bundle_step, or-ed; 0: all is well */
	/* Why, for the log; NULL where nothing is to be done. */
	const char *why_authority;
	const char *why_serving;
	const char *why_trusted;
};

/* Whether the authority can sign and the serving certificate is accepted. */
bool bundle_is_sound(const struct bundle *bundle, int64_t now);

/* What has to change now. Whatever the bundle holds, half-written or rubbish included: the plan leads to a good one.
 */
struct bundle_plan bundle_decide(const struct bundle *bundle, const struct bundle_view *view);
/* Changes the bundle as planned; on an error it is as it was. */
int bundle_apply(struct bundle *bundle, const struct bundle_plan *plan, const struct bundle_view *view,
                 struct error **err);

/* ---- As data of a Secret (type kubernetes.io/tls) ----
 *
 *   tls.crt, tls.key            the serving certificate
 *   ca.crt                      all trusted CA certificates
 *   ca.key                      the key of the CA that signs: its certificate is the one of ca.crt that it fits
 *   next-ca.crt, next-ca.key    the next CA, while there is one
 *
 * Other keys are somebody else's and stay. */

/* Reads what there is; a missing or unreadable part is NULL. `data` may be NULL. */
void bundle_from_data(struct bundle *bundle, const struct json_object *data);
/* Sets our keys in `data`, and removes those that have no value. */
void bundle_to_data(const struct bundle *bundle, struct json_object *data);

#endif
