/* What Events say, before they are written: the same thing about the same object within ten minutes is one Event with a
 * count. Pure: no network, no clock (kube/events.h has both). Times are monotonic milliseconds. */
#ifndef AGKEEPER_KUBE_EVENT_TABLE_H
#define AGKEEPER_KUBE_EVENT_TABLE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/events.h"

enum {
	EVENT_WINDOW_MS = 600 * 1000,         /* what happens again within it is counted, not written anew */
	EVENT_REPEAT_FIRST_MS = 10 * 1000,    /* a count is written at most this often, and then half as often */
	EVENT_REPEAT_LONGEST_MS = 300 * 1000, /* each time, down to this */
	EVENT_STALE_MS = 120 * 1000,          /* what could not be written for so long is dropped */
	EVENT_BURST = 60,            /* different Events about an object at once (client-go: 25, too few for a rolling
	                                update of nine replicas), and then */
	EVENT_REFILL_MS = 60 * 1000, /* one each minute */
	EVENT_TABLE_MAX = 16384,     /* Events, and objects, that are remembered: 1,000 groups being made */
};

/* Whose words the server understands. */
enum event_dialect { EVENT_DIALECT_CORE_V1, EVENT_DIALECT_EVENTS_V1 };

struct event_entry {
	struct event_entry *next;
	struct event_entry *next_alike; /* in its bucket */
	uint32_t digest;                /* of what is the same when it happens again */
	/* The object and what is said of it; owned. */
	char *api_version, *kind, *namespace, *object_name, *uid;
	char *reason, *action, *note;
	enum event_type type;

	char *name; /* of the Event */
	int64_t count;
	int64_t written_count;
	int64_t first_us; /* since 1970 */
	int64_t last_us;
	int64_t last_at;
	int64_t unwritten_since;
	int64_t written_at;
	int64_t pause_ms; /* until the count may be written again */
	bool exists;      /* on the server */
	bool under_way;
};

struct event_budget;

/* Zero-initialise it. */
struct event_table {
	struct event_entry *entries; /* in the order in which they were first said */
	struct event_entry **end;
	struct event_entry *first_open; /* those before it are written */
	struct event_entry **buckets;   /* by digest */
	size_t count;
	struct event_budget *budgets;
	size_t budget_count;
};
void event_table_free(struct event_table *table);

enum event_verdict { EVENT_TAKEN, EVENT_LIMITED, EVENT_FULL };
enum event_verdict event_table_note(struct event_table *table, const struct event_subject *subject,
                                    const struct event *event, int64_t now, int64_t wall_us);

/* An entry to be written now, or NULL. */
struct event_entry *event_table_due(struct event_table *table, int64_t now);
/* When there is one; INT64_MAX: not before something else happens. */
int64_t event_table_next(struct event_table *table);
/* Forgets what is over. Returns how many it gave up to write. */
size_t event_table_purge(struct event_table *table, int64_t now);

/* What to send: the whole Event (POST) while it does not exist, else what has changed (a merge patch). */
struct json_object *event_body(const struct event_entry *entry, enum event_dialect dialect, const char *component,
                               const char *instance);
/* Up to `count` is written. */
void event_written(struct event_entry *entry, int64_t count, int64_t now);
/* The server has it no more (Events expire): the next one starts anew. */
void event_vanished(struct event_entry *entry);

#endif
