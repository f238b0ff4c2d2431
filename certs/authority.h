/* A small certificate authority: ECDSA P-256 with SHA-256, which every client of the last ten years speaks and whose
 * signatures cost the server a fraction of RSA's.
 *
 * How long certificates live: 90 days for those that serve. Their key lies in one Secret and in the memory of two or
 * three pods; renewing needs nobody, and what comes round several times a year is known to work. A year for the CA: its
 * key lies in the same Secret, so that a longer life would only be a longer trust in a key that leaked, and a shorter
 * one only more hand-overs to the next CA (bundle.h). */
#ifndef AGKEEPER_CERTS_AUTHORITY_H
#define AGKEEPER_CERTS_AUTHORITY_H

#include <stdint.h>

#include "certs/certificate.h"

enum {
	CA_LIFETIME = 365 * 24 * 3600,     /* seconds */
	SERVING_LIFETIME = 90 * 24 * 3600, /* seconds */
	/* New certificates are valid from a little before they were made: a client's clock may be behind ours. */
	CERTIFICATE_BACKDATE = 5 * 60
};

/* Makes a self-signed CA. It may sign server certificates, but no further CA. Each has a subject of its own ("agkeeper
 * CA <random>"), so that clients never confuse two that overlap. */
int authority_create(int64_t now, struct identity *ca, struct error **err);

/* Makes a server certificate, signed by `ca`, for `names` (DNS names and IP addresses, NULL-terminated, at least one).
 * It never outlives the CA. */
int authority_issue(const struct identity *ca, const char *const *names, int64_t now, struct identity *serving,
                    struct error **err);

#endif
