#include "kube/event_table.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"

/* Tokens of one object; those that are full again are forgotten. */
struct event_budget {
	struct event_budget *next;
	char *uid;
	int64_t tokens;
	int64_t refilled_at;
};

static void entry_free(struct event_entry *entry) {
	char *texts[] = { entry->api_version, entry->kind,   entry->namespace, entry->object_name, entry->uid,
		          entry->reason,      entry->action, entry->note,      entry->name };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) free(texts[i]);
	free(entry);
}

static void budget_free(struct event_budget *budget) {
	free(budget->uid);
	free(budget);
}

void event_table_free(struct event_table *table) {
	for (struct event_entry *entry = table->entries, *next; entry != NULL; entry = next) {
		next = entry->next;
		entry_free(entry);
	}
	for (struct event_budget *budget = table->budgets, *next; budget != NULL; budget = next) {
		next = budget->next;
		budget_free(budget);
	}
	free(table->buckets);
	*table = (struct event_table){ 0 };
}

/* ---- The limit ---- */

static void refill(struct event_budget *budget, int64_t now) {
	int64_t gained = (now - budget->refilled_at) / EVENT_REFILL_MS;
	budget->refilled_at += gained * EVENT_REFILL_MS;
	budget->tokens += gained;
	if (budget->tokens > EVENT_BURST) budget->tokens = EVENT_BURST;
}

static bool spend(struct event_table *table, const char *uid, int64_t now) {
	struct event_budget *budget = table->budgets;
	while (budget != NULL && strcmp(budget->uid, uid) != 0) budget = budget->next;
	if (budget == NULL) {
		if (table->budget_count == EVENT_TABLE_MAX) return false;
		budget = xcalloc(1, sizeof(*budget));
		*budget = (struct event_budget){
			.next = table->budgets, .uid = xstrdup(uid), .tokens = EVENT_BURST, .refilled_at = now
		};
		table->budgets = budget;
		table->budget_count++;
	}
	refill(budget, now);
	if (budget->tokens == 0) return false;
	budget->tokens--;
	return true;
}

/* ---- Noting ---- */

/* The API server takes 1024 bytes (events.k8s.io/v1, note). No character is cut in two. */
static char *bounded(const char *note) {
	enum { NOTE_MAX = 1024 };
	size_t length = strlen(note);
	size_t end = 0;
	for (size_t step; end < length && (step = utf8_char_length(note + end, length - end)) != 0; end += step) {
		if (end + step > NOTE_MAX) break;
	}
	return xstrndup(note, end);
}

/* Unique among the Events of the namespace, and sorting by object. */
static void name_anew(struct event_entry *entry) {
	free(entry->name);
	entry->name = xasprintf("%s.%08x%08x", entry->object_name, arc4random(), arc4random());
}

static bool is_same(const struct event_entry *entry, const struct event_subject *subject, const struct event *event,
                    const char *note) {
	return entry->type == event->type && strcmp(entry->uid, subject->uid) == 0 &&
	       strcmp(entry->reason, event->reason) == 0 && strcmp(entry->action, event->action) == 0 &&
	       strcmp(entry->note, note) == 0;
}

static struct event_entry *entry_new(const struct event_subject *subject, const struct event *event, char *note,
                                     int64_t wall_us) {
	struct event_entry *entry = xcalloc(1, sizeof(*entry));
	*entry = (struct event_entry){
		.api_version = xstrdup(subject->api_version),
		.kind = xstrdup(subject->kind),
		.namespace = subject->namespace != NULL ? xstrdup(subject->namespace) : NULL,
		.object_name = xstrdup(subject->name),
		.uid = xstrdup(subject->uid),
		.reason = xstrdup(event->reason),
		.action = xstrdup(event->action),
		.note = note,
		.type = event->type,
		.first_us = wall_us,
	};
	name_anew(entry);
	return entry;
}

static void happened(struct event_entry *entry, int64_t now, int64_t wall_us) {
	if (entry->count == entry->written_count) entry->unwritten_since = now;
	entry->count++;
	entry->last_at = now;
	entry->last_us = wall_us;
}

/* FNV-1a (RFC 9923). */
static uint32_t digest_of(const struct event_subject *subject, const struct event *event, const char *note) {
	const char *const texts[] = { subject->uid, event->reason, event->action, note };
	uint32_t digest = 0x811c9dc5U ^ (uint32_t)event->type;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		for (const char *at = texts[i]; *at != '\0'; at++) digest = (digest ^ (unsigned char)*at) * 0x01000193U;
	}
	return digest;
}

static struct event_entry **bucket_of(struct event_table *table, uint32_t digest) {
	enum { BUCKETS = 1024 };
	if (table->buckets == NULL) table->buckets = xcalloc(BUCKETS, sizeof(struct event_entry *));
	return &table->buckets[digest % BUCKETS];
}

static void append(struct event_table *table, struct event_entry *entry) {
	if (table->entries == NULL) table->end = &table->entries;
	*table->end = entry;
	table->end = &entry->next;
	if (table->first_open == NULL) table->first_open = entry;
	table->count++;
}

enum event_verdict event_table_note(struct event_table *table, const struct event_subject *subject,
                                    const struct event *event, int64_t now, int64_t wall_us) {
	cleanup_free char *note = bounded(event->note);
	uint32_t digest = digest_of(subject, event, note);
	struct event_entry **bucket = bucket_of(table, digest);
	for (struct event_entry *entry = *bucket; entry != NULL; entry = entry->next_alike) {
		bool is_over = now - entry->last_at >= EVENT_WINDOW_MS;
		if (is_over || entry->digest != digest || !is_same(entry, subject, event, note)) continue;
		happened(entry, now, wall_us);
		table->first_open = table->entries;
		return EVENT_TAKEN;
	}
	if (table->count == EVENT_TABLE_MAX) return EVENT_FULL;
	if (!spend(table, subject->uid, now)) return EVENT_LIMITED;
	struct event_entry *entry = entry_new(subject, event, take(&note), wall_us);
	entry->digest = digest;
	entry->next_alike = *bucket;
	*bucket = entry;
	append(table, entry);
	happened(entry, now, wall_us);
	return EVENT_TAKEN;
}

/* ---- Writing ---- */

static int64_t due_at(const struct event_entry *entry) {
	if (entry->under_way || entry->count == entry->written_count) return INT64_MAX;
	return entry->exists ? entry->written_at + entry->pause_ms : INT64_MIN;
}

/* Nearly all that is remembered is written: the first that is not. */
static struct event_entry *first_open(struct event_table *table) {
	while (table->first_open != NULL && table->first_open->count == table->first_open->written_count)
		table->first_open = table->first_open->next;
	return table->first_open;
}

struct event_entry *event_table_due(struct event_table *table, int64_t now) {
	for (struct event_entry *entry = first_open(table); entry != NULL; entry = entry->next) {
		if (due_at(entry) <= now) return entry;
	}
	return NULL;
}

int64_t event_table_next(struct event_table *table) {
	int64_t next = INT64_MAX;
	for (const struct event_entry *entry = first_open(table); entry != NULL; entry = entry->next) {
		if (due_at(entry) < next) next = due_at(entry);
		if (next == INT64_MIN) break;
	}
	return next;
}

static bool is_over(const struct event_entry *entry, int64_t now) {
	return entry->count == entry->written_count && now - entry->last_at >= EVENT_WINDOW_MS;
}

/* A count waits for its turn: only what was to be written long ago is given up. */
static bool is_stale(const struct event_entry *entry, int64_t now) {
	int64_t due = due_at(entry);
	if (due == INT64_MAX) return false;
	return now - (due > entry->unwritten_since ? due : entry->unwritten_since) >= EVENT_STALE_MS;
}

static void forget(struct event_table *table, struct event_entry *entry) {
	struct event_entry **alike = bucket_of(table, entry->digest);
	while (*alike != entry) alike = &(*alike)->next_alike;
	*alike = entry->next_alike;
	table->count--;
	entry_free(entry);
}

size_t event_table_purge(struct event_table *table, int64_t now) {
	size_t given_up = 0;
	struct event_entry **at = &table->entries;
	while (*at != NULL) {
		struct event_entry *entry = *at;
		if (!entry->under_way && (is_over(entry, now) || is_stale(entry, now))) {
			given_up += is_stale(entry, now);
			*at = entry->next;
			forget(table, entry);
		} else {
			at = &entry->next;
		}
	}
	table->end = at;
	table->first_open = table->entries;
	for (struct event_budget **place = &table->budgets; *place != NULL;) {
		struct event_budget *budget = *place;
		refill(budget, now);
		if (budget->tokens == EVENT_BURST) {
			*place = budget->next;
			table->budget_count--;
			budget_free(budget);
		} else {
			place = &budget->next;
		}
	}
	return given_up;
}

void event_written(struct event_entry *entry, int64_t count, int64_t now) {
	entry->pause_ms = entry->pause_ms == 0 ? EVENT_REPEAT_FIRST_MS : 2 * entry->pause_ms;
	if (entry->pause_ms > EVENT_REPEAT_LONGEST_MS) entry->pause_ms = EVENT_REPEAT_LONGEST_MS;
	entry->written_count = count;
	entry->written_at = now;
	entry->unwritten_since = now;
	entry->exists = true;
}

void event_vanished(struct event_entry *entry) {
	entry->exists = false;
	entry->count -= entry->written_count;
	entry->written_count = 0;
	entry->first_us = entry->last_us;
	name_anew(entry);
}

/* ---- Bodies ---- */

static void set_micro_time(struct json_object *object, const char *key, int64_t us) {
	char text[CLOCK_RFC3339_SIZE];
	json_set_text(object, key, clock_format_micro_time(us, text));
}

static void set_time(struct json_object *object, const char *key, int64_t us) {
	char text[CLOCK_RFC3339_SIZE];
	json_set_text(object, key, clock_format_rfc3339(us / 1000000, text));
}

/* What changes when it happens again. */
static void set_counts(struct json_object *body, const struct event_entry *entry, enum event_dialect dialect) {
	if (dialect == EVENT_DIALECT_CORE_V1) {
		json_set(body, "count", json_object_new_int64(entry->count));
		set_time(body, "lastTimestamp", entry->last_us);
	} else if (entry->count > 1) {
		struct json_object *series = json_object_new_object();
		json_set(series, "count", json_object_new_int64(entry->count));
		set_micro_time(series, "lastObservedTime", entry->last_us);
		json_set(body, "series", series);
	}
}

static struct json_object *reference_of(const struct event_entry *entry) {
	struct json_object *reference = json_object_new_object();
	json_set_text(reference, "apiVersion", entry->api_version);
	json_set_text(reference, "kind", entry->kind);
	if (entry->namespace != NULL) json_set_text(reference, "namespace", entry->namespace);
	json_set_text(reference, "name", entry->object_name);
	json_set_text(reference, "uid", entry->uid);
	return reference;
}

struct json_object *event_body(const struct event_entry *entry, enum event_dialect dialect, const char *component,
                               const char *instance) {
	struct json_object *body = json_object_new_object();
	set_counts(body, entry, dialect);
	if (entry->exists) return body;
	bool is_core = dialect == EVENT_DIALECT_CORE_V1;
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", entry->namespace != NULL ? entry->namespace : "default");
	json_set_text(metadata, "name", entry->name);
	json_set_text(body, "apiVersion", is_core ? "v1" : "events.k8s.io/v1");
	json_set_text(body, "kind", "Event");
	json_set(body, "metadata", metadata);
	json_set_text(body, "type", entry->type == EVENT_NORMAL ? "Normal" : "Warning");
	json_set_text(body, "reason", entry->reason);
	json_set_text(body, "action", entry->action);
	json_set_text(body, is_core ? "message" : "note", entry->note);
	json_set(body, is_core ? "involvedObject" : "regarding", reference_of(entry));
	json_set_text(body, is_core ? "reportingComponent" : "reportingController", component);
	json_set_text(body, "reportingInstance", instance);
	if (is_core) {
		struct json_object *source = json_object_new_object();
		json_set_text(source, "component", component);
		json_set(body, "source", source);
		set_time(body, "firstTimestamp", entry->first_us);
	} else {
		set_micro_time(body, "eventTime", entry->first_us);
	}
	return body;
}
