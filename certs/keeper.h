/* The keeper of our own certificates: makes, shares, publishes, renews and hands them to the server, for as long as the
 * process runs.
 *
 * One round does this:
 *   1. Read the Secret that all replicas share, and change it where the rules of bundle.h say so. Whoever writes first
 *      wins; the others read again and find the work done.
 *   2. Bring the trusted CA certificates into the API server's configuration (injection.h).
 *   3. Hand the serving certificate to the server, a new CA's not before the API server has been told to trust it.
 *
 * While the API server is away the server goes on with what it has. A Secret that was damaged is written anew from
 * memory. One that was deleted too, and the deletion is read as the wish for a new CA, which is introduced as always.
 */
#ifndef AGKEEPER_CERTS_KEEPER_H
#define AGKEEPER_CERTS_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "certs/injection.h"

#define KEEPER_SECRET "agkeeper-serving-cert"

enum {
	/* Milliseconds between rounds, when all is well; after a failure it begins with the short one and doubles. */
	KEEPER_PAUSE_MS = 10000,
	KEEPER_RETRY_MS = 1000,
	/* While a webhook configuration or CRD does not exist: an installation is under way, and people wait for it. */
	KEEPER_ABSENT_MS = 2000,
	/* Seconds for which the bundle was in place before a certificate is served that needs it: API servers learn of
	 * a changed configuration by watching, which takes them a moment. */
	KEEPER_SETTLE = 60
};

struct keeper_options {
	struct kube_client *client; /* must outlive the keeper, as must all strings */
	const char *namespace;
	const char *const *names; /* of the serving certificate: names.h */
	struct injection injection;
	/* Takes a new certificate for every connection from now on. Called on the keeper's thread. */
	int (*serve)(void *context, const char *certificate_pem, const char *key_pem, struct error **err);
	void *context;
};

struct keeper;

struct keeper *keeper_new(const struct keeper_options *options);
/* Stops first. */
void keeper_free(struct keeper *keeper);

/* Does a round every few seconds on a thread of its own, the first one at once. */
int keeper_start(struct keeper *keeper, struct error **err);
/* Returns when the thread has ended: after the request that is under way, seconds at most. */
void keeper_stop(struct keeper *keeper);

/* One round at the time `now` (seconds since 1970); returns how many milliseconds to wait for the next. For tests and
 * for callers with a timer of their own; not beside keeper_start. */
int64_t keeper_round(struct keeper *keeper, int64_t now);

/* Any thread. */
struct keeper_status {
	bool serving;            /* the server has a certificate, */
	bool published;          /* and the API server has been told to trust it */
	int64_t serving_expires; /* seconds since 1970; 0: there is none */
	int64_t authority_expires;
	int64_t last_success; /* when a round last went without a failure; 0: never */
	int64_t failures;     /* rounds that did not */
};
struct keeper_status keeper_status(struct keeper *keeper);

#endif
