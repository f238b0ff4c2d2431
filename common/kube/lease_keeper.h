/* Keeps a Lease (kube/lease.h) on an event loop, so that of several processes one leads.
 *
 *   struct lease_keeper *keeper = lease_keeper_new(loop, &(struct lease_keeper_options){ … });
 *   …
 *   if (!lease_keeper_holds(keeper)) return;   // at every act: the process may have been frozen meanwhile
 */
#ifndef AGKEEPER_KUBE_LEASE_KEEPER_H
#define AGKEEPER_KUBE_LEASE_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/lease.h"
#include "kube/loop.h"

struct lease_keeper;

struct lease_keeper_options {
	const char *namespace;
	const char *name;
	const char *identity; /* for people: the pod's name. Something unique to this process is added. */
	/* Called on the loop's thread, true and false in turn, when we begin and when we cease to lead. It may come
	 * late: lease_keeper_holds is exact. Never called again once the loop is freed. */
	void (*on_change)(void *context, bool leading);
	void *context;
	const struct lease_times *times; /* NULL: lease_default_times */
};

/* Starts trying. The loop owns the keeper and frees it. On the loop's thread, or before it starts. */
struct lease_keeper *lease_keeper_new(struct kube_loop *loop, const struct lease_keeper_options *options);

/* ---- Any thread ---- */

/* Whether we lead at this moment. */
bool lease_keeper_holds(const struct lease_keeper *keeper);
/* For how many milliseconds more, if it is not renewed: what acts must be done by. 0: we do not lead. */
int64_t lease_keeper_left_ms(const struct lease_keeper *keeper);

/* Stops leading at once, and frees the Lease for others. The loop has to go on until it is released. */
void lease_keeper_release(struct lease_keeper *keeper);
bool lease_keeper_is_released(const struct lease_keeper *keeper);

#endif
