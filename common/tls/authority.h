/* A small certificate authority, with SHA-256, for servers of two kinds (struct certificate_profile). */
#ifndef AGKEEPER_TLS_AUTHORITY_H
#define AGKEEPER_TLS_AUTHORITY_H

#include <stdint.h>

#include "tls/certificate.h"

enum {
	/* Seconds. profile_webhook: */
	CA_LIFETIME = 365 * 24 * 3600,
	SERVING_LIFETIME = 90 * 24 * 3600,
	/* New certificates are valid from a little before they were made: a client's clock may be behind ours. */
	CERTIFICATE_BACKDATE = 5 * 60
};

enum certificate_key { CERTIFICATE_KEY_P256, CERTIFICATE_KEY_RSA_2048 };

struct certificate_profile {
	enum certificate_key key;
	int64_t ca_lifetime, serving_lifetime; /* seconds */
	int64_t renew_before; /* seconds before a server certificate's end; 0: when 3/5 of its life are over */
};
/* ECDSA P-256, which every client of the last ten years speaks and whose signatures cost the server a fraction of
 * RSA's. 90 days for those that serve: their key lies in one Secret and in the memory of two or three pods, renewing
 * needs nobody, and what comes round several times a year is known to work. A year for the CA: its key lies in the same
 * Secret, so that a longer life would only be a longer trust in a key that leaked, and a shorter one only more
 * hand-overs to the next CA (bundle.h). */
extern const struct certificate_profile profile_webhook;
/* RSA: SQL Server takes no other key where Windows' own TLS serves it, and none is documented for Linux. A year, since
 * SQL Server reads its certificate at its start alone: each renewal restarts every server, and hands the primary over.
 * Ten years for the CA: clients carry copies of its certificate to where nobody renews them. */
extern const struct certificate_profile profile_sql_server;

/* Makes a self-signed CA. It may sign server certificates, but no further CA. Each has a subject of its own ("agkeeper
 * CA <random>"), so that clients never confuse two that overlap. */
int authority_create(const struct certificate_profile *profile, int64_t now, struct identity *ca, struct error **err);

/* Makes a server certificate, signed by `ca`, for `names` (DNS names and IP addresses, NULL-terminated, at least one).
 * It never outlives the CA. */
int authority_issue(const struct certificate_profile *profile, const struct identity *ca, const char *const *names,
                    int64_t now, struct identity *serving, struct error **err);

#endif
