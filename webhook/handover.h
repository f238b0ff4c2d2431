/* The hand-over gate: the deletion or eviction of a primary's pod is held back until another replica is the primary,
 * and let through then, or at the deadline, or when the controller says that it cannot help: always let through.
 *
 * The gate writes the wish into the object (webhook/departure.h) and watches the caches; the leading controller, in
 * whatever process, does the rest. One thread looks after all that wait; writes are done by a few others. */
#ifndef AGKEEPER_WEBHOOK_HANDOVER_H
#define AGKEEPER_WEBHOOK_HANDOVER_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/metrics.h"
#include "kube/cache.h"
#include "kube/client.h"

struct handover_options {
	/* All must outlive the gate. */
	struct kube_client *client;
	struct kube_cache *pods;
	struct kube_cache *groups;  /* SQLServerAvailabilityGroups */
	struct kube_cache *servers; /* MSSQLServers */
	struct metrics *metrics;
	const char *own_user; /* whose deletions pass at once; NULL: not known */

	int64_t wait_ms; /* 20 s: the webhook configuration gives it 25 */
};

struct handover;
struct handover *handover_new(const struct handover_options *options);
/* Lets everybody go, whatever they wait for: as at the deadline, a pod can always be deleted. A process that ends waits
 * before that until all have ended by themselves (server_drain), with its caches alive. From now on nobody is held
 * back. */
void handover_stop(struct handover *gate);
/* A stopped gate, and the last one must be gone; NULL is fine. */
void handover_free(struct handover *gate);

/* How it ended. */
enum handover_result { HANDED_OVER, HAND_OVER_REFUSED, HAND_OVER_LATE, HAND_OVER_FAILED };
/* What people are told; NULL: nothing. */
const char *handover_warning(enum handover_result result);

/* Any thread. True: the pod is held back, and `then` is called once it need not be any more, on another thread. False:
 * there is nothing to wait for. `request` is that of the review. */
bool handover_begin(struct handover *gate, const struct json_object *request,
                    void (*then)(void *context, enum handover_result result), void *context);

#endif
