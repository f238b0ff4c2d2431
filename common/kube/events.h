/* Events: what people see with kubectl describe. For changes of substance, not for progress.
 *
 *   event_record(recorder, &subject, &(struct event){ EVENT_WARNING, "PrimaryLost", "Failover", "primary sales-0 …" });
 *
 * Recording never waits and never fails: Events are written by the loop, in events.k8s.io/v1 where the server offers
 * it, else in core/v1. The same about the same object is counted (kube/event_table.h); an object that causes too many,
 * and those that cannot be written while the API is away, are dropped and counted in a metric:
 * agkeeper_events_dropped_total. */
#ifndef AGKEEPER_KUBE_EVENTS_H
#define AGKEEPER_KUBE_EVENTS_H

#include <stdint.h>

#include "base/metrics.h"
#include "kube/loop.h"

struct event_recorder;

enum event_type { EVENT_NORMAL, EVENT_WARNING };

/* The object an Event is about. `namespace` is NULL for cluster-scoped ones. */
struct event_subject {
	const char *api_version;
	const char *kind;
	const char *namespace;
	const char *name;
	const char *uid;
};
struct event {
	enum event_type type;
	const char *reason; /* why, in one CamelCase word that machines may look for */
	const char *action; /* what was done or failed, in one word too */
	const char *note;   /* for people; cut at 1024 bytes */
};

struct event_recorder_options {
	const char *component; /* "agkeeper" */
	const char *instance;  /* the pod's name */
	struct metrics *metrics;
	int64_t backoff_ms; /* first pause while the API is away; 0: 1 s, doubling up to 30 s */
};

/* The loop owns the recorder and frees it. On the loop's thread, or before it starts. */
struct event_recorder *event_recorder_new(struct kube_loop *loop, const struct event_recorder_options *options);

/* Any thread. Everything is copied. */
void event_record(struct event_recorder *recorder, const struct event_subject *subject, const struct event *event);

#endif
