#include "kube/events.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/backoff.h"
#include "kube/event_table.h"
#include "kube/loop_private.h"

enum { PURGE_MS = 1000, SENDERS = 4, DISCOVERY = SENDERS, TRANSFERS };

/* One request under way. The last of them only asks what the server offers. */
struct sender {
	struct event_recorder *recorder;
	struct transfer *transfer; /* NULL: free */
	struct event_entry *entry;
	int64_t count; /* what the request says */
};

struct event_recorder {
	struct loop_member member; /* first: the loop knows the recorder as this */
	struct kube_loop *loop;
	char *component;
	char *instance;
	struct metric_cell *written;
	struct metric *dropped;

	pthread_mutex_t lock; /* of the table */
	struct event_table table;

	/* The loop's thread alone. */
	struct sender senders[TRANSFERS];
	const struct kube_resource *resource; /* NULL: not known yet */
	struct backoff backoff;
	int64_t paused_until;
	int64_t purge_at;
};

static void count_dropped(struct event_recorder *recorder, const char *reason, size_t number) {
	if (number > 0) metric_add(metric_cell(recorder->dropped, METRIC_VALUES(reason)), number);
}

/* ---- Any thread ---- */

void event_record(struct event_recorder *recorder, const struct event_subject *subject, const struct event *event) {
	pthread_mutex_lock(&recorder->lock);
	enum event_verdict verdict =
	        event_table_note(&recorder->table, subject, event, clock_monotonic_ms(), clock_wall_us());
	pthread_mutex_unlock(&recorder->lock);
	kube_loop_wake(recorder->loop); /* also when it is full: to make room */
	if (verdict != EVENT_TAKEN) count_dropped(recorder, verdict == EVENT_LIMITED ? "limited" : "full", 1);
}

/* ---- The loop's thread ---- */

/* Whether the API is away: then what there is to write waits. */
static bool is_away(const struct error *err) {
	return err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT;
}

static void pause_writing(struct event_recorder *recorder) {
	recorder->paused_until = clock_monotonic_ms() + backoff_next_ms(&recorder->backoff);
}

/* With the lock held. */
static void settle(struct sender *sender, const struct error *err) {
	struct event_recorder *recorder = sender->recorder;
	struct event_entry *entry = sender->entry;
	int64_t now = clock_monotonic_ms();
	bool existed = entry->exists;
	entry->under_way = false;
	/* A conflict: the first attempt was carried out, and its answer was lost. */
	if (err == NULL || (!existed && err->kind == ERROR_CONFLICT)) {
		backoff_reset(&recorder->backoff);
		event_written(entry, sender->count, now);
		metric_increment(recorder->written);
	} else if (is_away(err)) {
		pause_writing(recorder);
	} else if (existed && err->kind == ERROR_NOT_FOUND) {
		event_vanished(entry);
	} else {
		event_written(entry, sender->count, now);
		entry->exists = existed;
		count_dropped(recorder, "refused", 1);
	}
}

static void on_sent(void *context, struct json_object *answer, const struct error *err) {
	(void)answer;
	struct sender *sender = context;
	sender->transfer = NULL;
	pthread_mutex_lock(&sender->recorder->lock);
	settle(sender, err);
	pthread_mutex_unlock(&sender->recorder->lock);
}

/* With the lock held. */
static void send_entry(struct sender *sender, struct event_entry *entry) {
	struct event_recorder *recorder = sender->recorder;
	enum event_dialect dialect =
	        recorder->resource == &kube_events ? EVENT_DIALECT_CORE_V1 : EVENT_DIALECT_EVENTS_V1;
	cleanup_json struct json_object *body = event_body(entry, dialect, recorder->component, recorder->instance);
	const struct kube_request request = {
		.method = entry->exists ? KUBE_PATCH : KUBE_POST,
		.patch_type = KUBE_PATCH_MERGE,
		.resource = recorder->resource,
		.namespace = entry->namespace != NULL ? entry->namespace : "default",
		.name = entry->exists ? entry->name : NULL,
		.body = body,
	};
	sender->entry = entry;
	sender->count = entry->count;
	entry->under_way = true;
	sender->transfer = transfer_start(recorder->loop, &request, on_sent, sender);
	transfer_queue(sender->transfer, 0);
}

static bool offers_events(const struct json_object *list) {
	const struct json_object *resources = json_get(list, "resources");
	size_t count = json_object_is_type(resources, json_type_array) ? json_object_array_length(resources) : 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = json_get_text(json_object_array_get_idx(resources, i), "name");
		if (name != NULL && strcmp(name, kube_events_v1.plural) == 0) return true;
	}
	return false;
}

static void on_discovered(void *context, struct json_object *answer, const struct error *err) {
	struct sender *sender = context;
	struct event_recorder *recorder = sender->recorder;
	sender->transfer = NULL;
	if (err != NULL && is_away(err)) pause_writing(recorder);
	else recorder->resource = offers_events(answer) ? &kube_events_v1 : &kube_events;
}

/* Not kube_discover, which waits for the answer. */
static void discover(struct event_recorder *recorder) {
	struct sender *sender = &recorder->senders[DISCOVERY];
	const struct kube_request request = { .method = KUBE_GET, .raw_path = "/apis/events.k8s.io/v1" };
	if (sender->transfer == NULL) {
		sender->transfer = transfer_start(recorder->loop, &request, on_discovered, sender);
	}
}

static struct sender *free_sender(struct event_recorder *recorder) {
	for (size_t i = 0; i < SENDERS; i++) {
		if (recorder->senders[i].transfer == NULL) return &recorder->senders[i];
	}
	return NULL;
}

/* With the lock held. Returns when to come again. */
static int64_t write_due(struct event_recorder *recorder, int64_t now) {
	if (now >= recorder->purge_at) {
		count_dropped(recorder, "stale", event_table_purge(&recorder->table, now));
		recorder->purge_at = now + PURGE_MS;
	}
	int64_t next = event_table_next(&recorder->table);
	if (next > now) return next;
	if (now < recorder->paused_until) return recorder->paused_until;
	if (recorder->resource == NULL) {
		discover(recorder);
		return INT64_MAX;
	}
	for (struct sender *sender; (sender = free_sender(recorder)) != NULL;) {
		struct event_entry *entry = event_table_due(&recorder->table, now);
		if (entry == NULL) return event_table_next(&recorder->table);
		send_entry(sender, entry);
	}
	return INT64_MAX; /* an answer comes first */
}

static int64_t tick(struct loop_member *member, int64_t now) {
	struct event_recorder *recorder = (struct event_recorder *)member;
	pthread_mutex_lock(&recorder->lock);
	int64_t at = write_due(recorder, now);
	pthread_mutex_unlock(&recorder->lock);
	return at;
}

static void recorder_free(struct loop_member *member) {
	struct event_recorder *recorder = (struct event_recorder *)member;
	for (size_t i = 0; i < TRANSFERS; i++) {
		if (recorder->senders[i].transfer != NULL) transfer_cancel(recorder->senders[i].transfer);
	}
	event_table_free(&recorder->table);
	pthread_mutex_destroy(&recorder->lock);
	free(recorder->component);
	free(recorder->instance);
	free(recorder);
}

struct event_recorder *event_recorder_new(struct kube_loop *loop, const struct event_recorder_options *options) {
	enum { BACKOFF_FIRST_MS = 1000, BACKOFF_LONGEST_MS = 30000 };
	struct event_recorder *recorder = xcalloc(1, sizeof(*recorder));
	recorder->member = (struct loop_member){ .tick = tick, .free = recorder_free };
	recorder->loop = loop;
	recorder->component = xstrdup(options->component);
	recorder->instance = xstrdup(options->instance);
	recorder->written = metric_cell(metrics_add(options->metrics, METRIC_COUNTER, "agkeeper_events_written_total",
	                                            "Events written or counted up.", NULL),
	                                NULL);
	recorder->dropped = metrics_add(options->metrics, METRIC_COUNTER, "agkeeper_events_dropped_total",
	                                "Events that were not written: too many about one object (limited), too many "
	                                "in all (full), not in time (stale), or not wanted by the server (refused).",
	                                METRIC_LABELS("reason"));
	recorder->backoff = (struct backoff){
		.first_ms = options->backoff_ms != 0 ? options->backoff_ms : BACKOFF_FIRST_MS,
		.longest_ms = BACKOFF_LONGEST_MS,
	};
	pthread_mutex_init(&recorder->lock, NULL);
	for (size_t i = 0; i < TRANSFERS; i++) recorder->senders[i].recorder = recorder;
	loop_add_member(loop, &recorder->member);
	return recorder;
}
