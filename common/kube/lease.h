/* Leader election by a Lease (coordination.k8s.io/v1), as client-go does it, as a state machine without clock or
 * network: whoever drives it (kube/lease_keeper.h, a simulation) brings the time and performs the requests.
 *
 * What it guarantees: of all the candidates for one Lease, at most one finds lease_is_held() true at any moment, as
 * long as their clocks agree on how long ten seconds are within 20 %. Nobody's time of day matters.
 *
 * - Who holds the Lease holds it for renew_ms from the moment it *sent* the renewal that was answered with success; not
 *   from the answer, which may have waited as long as the process was frozen.
 * - Another one takes it only after it has seen the record unchanged for the whole duration_ms, measured by its own
 *   clock from when it saw it first, and by compare-and-swap on the very record it has seen. Each renewal is therefore
 *   made to differ from the one before, also when the clock of the day stands still.
 * - Who has to make the Lease, because there is none, waits duration_ms before it counts as held: somebody may have
 *   deleted the Lease under a holder that cannot know it yet. client-go does not wait. A Lease that comes with the
 *   installation and was never held is taken at once.
 *
 * A process can be frozen between asking and acting: acts that cannot be undone need a precondition of their own (a
 * resourceVersion), and no act may take longer than lease_left_ms() and what lies between renew_ms and duration_ms. */
#ifndef AGKEEPER_KUBE_LEASE_H
#define AGKEEPER_KUBE_LEASE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct lease_times {
	int64_t duration_ms; /* how long others wait: 15 s */
	int64_t renew_ms;    /* for how long a renewal lasts: 10 s */
	int64_t retry_ms;    /* between attempts: 2 s */
};
/* client-go's, and kube-controller-manager's. */
extern const struct lease_times lease_default_times;

/* The next request. */
enum lease_action {
	LEASE_WAIT,
	LEASE_READ,   /* GET */
	LEASE_CREATE, /* POST of lease_body() */
	LEASE_REPLACE /* PUT of lease_body() */
};

struct lease {
	/* Borrowed. */
	const char *namespace;
	const char *name;
	const char *identity; /* unique to this process: never that of one before it */
	struct lease_times times;

	/* Inside. */
	uint64_t random;
	struct json_object *record; /* as last seen; NULL: none, or nothing seen yet */
	char *spec_text;            /* of it, to tell a change */
	int64_t changed_at;         /* when we first saw it as it is */
	bool known;                 /* what we saw last may be acted upon: otherwise it is read first */
	enum lease_action under_way;
	int64_t sent_at;
	int64_t next_at;    /* when to do something again */
	int64_t held_until; /* INT64_MIN: not held */
	int64_t held_from;
	char *tenure;       /* acquireTime of the hold that was confirmed to us last */
	int64_t written_us; /* the renewTime that we wrote last */
	bool releasing;
	bool released;
};

/* `seed` spreads the attempts of several candidates. */
void lease_init(struct lease *lease, const char *namespace, const char *name, const char *identity,
                const struct lease_times *times, uint64_t seed);
void lease_destroy(struct lease *lease);

/* ---- What to do. Times are milliseconds of one monotonic clock, that runs on while the machine sleeps. ---- */

/* What is to be done now. LEASE_WAIT: nothing before *at, or before the answer to what is under way. Any other action
 * is then under way, until lease_answer is told. */
enum lease_action lease_next(struct lease *lease, int64_t now, int64_t *at);
/* What to send, for the action under way; the caller owns it. `wall_us`: microseconds since 1970, for people to read.
 */
struct json_object *lease_body(struct lease *lease, int64_t wall_us);
/* How it went: the Lease (borrowed) or an error. No answer in time is an error too: it may have been done, or be done
 * later. */
void lease_answer(struct lease *lease, int64_t now, const struct json_object *answer, const struct error *err);
/* How long to wait for an answer. */
int64_t lease_patience_ms(const struct lease *lease);

/* ---- What is so ---- */

/* Whether we may act, at this moment. */
bool lease_is_held(const struct lease *lease, int64_t now);
/* For how much longer, unless it is renewed; 0 when it is not held. */
int64_t lease_left_ms(const struct lease *lease, int64_t now);
/* Who holds it, as far as we know, borrowed until the next answer; NULL: nobody, or not known. */
const char *lease_holder(const struct lease *lease);

/* ---- The end ---- */

/* From now on it is not held; lease_next goes on until the Lease is free for others, or that cannot be done (then it
 * runs out by itself), and `released` is set. */
void lease_release(struct lease *lease);

#endif
