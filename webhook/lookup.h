/* How the rules of a review look at other objects (api/kind.h, struct lookup), for as long as one review takes.
 *
 * A review is first judged with what the watch caches know, on the network thread that received it. When a cache does
 * not know an object that a rule asks for, it may be newer than the cache: then `needs_live` is set, and the review is
 * judged again on a worker thread, which may wait for a GET (webhook/pool.h). */
#ifndef AGKEEPER_WEBHOOK_LOOKUP_H
#define AGKEEPER_WEBHOOK_LOOKUP_H

#include <stdbool.h>

#include "api/kind.h"
#include "base/metrics.h"
#include "base/strbuf.h"
#include "kube/cache.h"
#include "kube/client.h"

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

/* What rules may look at, by enum lookup_resource. */
enum { LOOKUP_RESOURCES = LOOKUP_STORAGECLASS + 1 };
const struct kube_resource *lookup_kube_resource(enum lookup_resource resource);

/* A cluster to look at. A session sees one state of each object, however often its rules ask. */
struct lookup_cluster {
	struct kube_client *client;
	struct kube_cache *caches[LOOKUP_RESOURCES]; /* of lookup_kube_resource; NULL: always ask the API */
	int64_t timeout_ms;                          /* for one live read; 0: 2 s */
};
/* The cluster must outlive the provider, and all its sessions. */
struct lookup_provider lookup_provider_cluster(struct lookup_cluster *cluster);

/* A check for /readyz (struct probe): every cache has its first list; `why` names those that have not. */
bool lookup_cluster_is_synced(void *cluster, struct strbuf *why);
/* Adds agkeeper_cache_age_seconds; nobody may print the registry after the caches are gone. */
void lookup_cluster_add_metrics(struct lookup_cluster *cluster, struct metrics *metrics);

#endif
