/* How the rules of a review look at other objects (api/kind.h, struct lookup), for as long as one review takes.
 *
 * A review is first judged with what the watch caches know, on the network thread that received it. When a cache does
 * not know an object that a rule asks for, it may be newer than the cache: then `needs_live` is set, and the review is
 * judged again on a worker thread, which may wait for a GET (webhook/pool.h). */
#ifndef AGKEEPER_WEBHOOK_LOOKUP_H
#define AGKEEPER_WEBHOOK_LOOKUP_H

#include <stdbool.h>

#include "api/kind.h"

struct lookup_session {
	struct lookup lookup; /* for the rules */
	bool live;            /* whether it may wait for the API */
	bool needs_live;      /* a rule wanted more than the caches have: judge again with a live session */
	void *state;          /* the provider's own: what keeps the objects that were handed out */
};

/* Opens and closes sessions; any thread may. */
struct lookup_provider {
	void *context;
	void (*begin)(void *context, bool live, struct lookup_session *session);
	void (*end)(struct lookup_session *session);
};

/* The provider of --no-cluster: every rule that looks elsewhere answers with a warning. */
extern const struct lookup_provider lookup_provider_offline;

#endif
