/* The reconcile engine: observe → decide → act, for every object of ours, on one thread.
 *
 * The thread owns the process's event loop: watches, requests and the Lease live there, and answers of SQL Servers are
 * delivered there; nothing on it waits. Of several processes the one that holds the Lease `agkeeper` reconciles; the
 * others keep their caches, for their webhooks and for the day that they take over. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_ENGINE_H
#define AGKEEPER_CONTROLLER_ENGINE_ENGINE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/metrics.h"
#include "kube/cache.h"
#include "kube/lease.h"
#include "kube/loop.h"

struct engine_options {
	/* All must outlive the engine; the loop but for its end (below). */
	struct kube_loop *loop;
	struct metrics *metrics;
	const char *namespace; /* where the Lease is */
	const char *identity;  /* for people: the pod's name */

	/* For tests; 0 and NULL are right otherwise. */
	const struct lease_times *lease_times;
	int sql_port;     /* 1433 */
	int64_t probe_ms; /* between looks at a group that is at rest: 5 s */
};

struct engine;
/* Before other threads start (sql/library.h), and before the loop does. */
struct engine *engine_new(const struct engine_options *options, struct error **err);
/* The cache of a resource in all namespaces: the engine's own where it has one, or a new one. */
struct kube_cache *engine_follow(struct engine *engine, const struct kube_resource *resource);
/* From now on the engine's thread steps the loop. */
int engine_start(struct engine *engine, struct error **err);
/* Stops reconciling and gives the Lease back; the caches go on. Any thread; NULL is fine. */
void engine_resign(struct engine *engine);
/* The same, if it was not done yet; ends all sessions and the thread; the loop stands still then. NULL is fine. */
void engine_stop(struct engine *engine);
/* After the loop was freed: what was under way there is reported to the engine until then. */
void engine_free(struct engine *engine);

/* Any thread. */
bool engine_is_leading(const struct engine *engine);

#endif
