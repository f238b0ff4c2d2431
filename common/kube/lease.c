#include "kube/lease.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

const struct lease_times lease_default_times = { .duration_ms = 15000, .renew_ms = 10000, .retry_ms = 2000 };

void lease_init(struct lease *lease, const char *namespace, const char *name, const char *identity,
                const struct lease_times *times, uint64_t seed) {
	*lease = (struct lease){
		.namespace = namespace,
		.name = name,
		.identity = identity,
		.times = *times,
		.random = seed * 2 + 1,
		.next_at = INT64_MIN,
		.held_until = INT64_MIN,
		.held_from = INT64_MIN,
	};
}

static void forget_record(struct lease *lease) {
	json_object_put(lease->record);
	lease->record = NULL;
	free(lease->spec_text);
	lease->spec_text = NULL;
}

void lease_destroy(struct lease *lease) {
	forget_record(lease);
	free(lease->tenure);
}

/* ---- The record ---- */

const char *lease_holder(const struct lease *lease) {
	const char *holder = json_get_text(json_get(lease->record, "spec"), "holderIdentity");
	return holder != NULL && *holder != '\0' ? holder : NULL;
}

static bool is_ours(const struct lease *lease) {
	const char *holder = lease_holder(lease);
	return holder != NULL && strcmp(holder, lease->identity) == 0;
}

static const char *acquire_time(const struct json_object *record) {
	return json_get_text(json_get(record, "spec"), "acquireTime");
}

/* Ours, and we were told so when we took it. Otherwise a request of ours was carried out that we had given up: nobody
 * knows what was there at that moment. */
static bool is_confirmed(const struct lease *lease) {
	const char *since = acquire_time(lease->record);
	return is_ours(lease) && since != NULL && lease->tenure != NULL && strcmp(since, lease->tenure) == 0;
}

/* The holder's own word counts where it asks for more time than we would give it. */
static int64_t duration_ms(const struct lease *lease) {
	int64_t asked = json_get_integer(json_get(lease->record, "spec"), "leaseDurationSeconds", 0);
	if (asked > INT64_MAX / 4000) asked = INT64_MAX / 4000;
	return asked * 1000 > lease->times.duration_ms ? asked * 1000 : lease->times.duration_ms;
}

/* Whether nobody else can hold it at `now`. */
static bool is_free(const struct lease *lease, int64_t now) {
	return lease_holder(lease) == NULL || is_ours(lease) || now - lease->changed_at >= duration_ms(lease);
}

static void observe(struct lease *lease, int64_t now, const struct json_object *record) {
	cleanup_free char *text = json_to_text(json_get(record, "spec"));
	if (lease->spec_text == NULL || strcmp(lease->spec_text, text) != 0) lease->changed_at = now;
	json_object_put(lease->record);
	lease->record = json_copy(record);
	free(lease->spec_text);
	lease->spec_text = take(&text);
	lease->known = true;
}

/* ---- What to do ---- */

static enum lease_action choose(struct lease *lease, int64_t now) {
	if (!lease->known) return LEASE_READ;
	if (lease->record == NULL) return LEASE_CREATE;
	return is_free(lease, now) ? LEASE_REPLACE : LEASE_READ;
}

/* A Lease that does not count as held yet is not given away: whom we wait for may still be there, and the next one
 * would not wait for it. */
static bool can_be_released(const struct lease *lease, int64_t now) {
	return is_confirmed(lease) && now >= lease->held_from;
}

enum lease_action lease_next(struct lease *lease, int64_t now, int64_t *at) {
	*at = INT64_MAX;
	if (lease->under_way != LEASE_WAIT) return LEASE_WAIT;
	if (lease->releasing && !(lease->known && can_be_released(lease, now))) lease->released = true;
	if (lease->released) return LEASE_WAIT;
	if (now < lease->next_at) {
		*at = lease->next_at;
		return LEASE_WAIT;
	}
	lease->under_way = choose(lease, now);
	lease->sent_at = now;
	return lease->under_way;
}

int64_t lease_patience_ms(const struct lease *lease) {
	return lease->times.renew_ms / 2;
}

static void set_micro_time(struct json_object *spec, const char *key, int64_t us) {
	char text[CLOCK_RFC3339_SIZE];
	json_set_text(spec, key, clock_format_micro_time(us, text));
}

/* Releasing leaves a record that anybody may take at once, as client-go does. */
static void write_spec(struct lease *lease, struct json_object *spec, int64_t us) {
	int64_t seconds = lease->releasing ? 1 : lease->times.duration_ms / 1000;
	bool is_new_holder = !is_ours(lease);
	json_set_text(spec, "holderIdentity", lease->releasing ? "" : lease->identity);
	json_set(spec, "leaseDurationSeconds", json_object_new_int64(seconds > 0 ? seconds : 1));
	set_micro_time(spec, "renewTime", us);
	if (!is_new_holder) return;
	set_micro_time(spec, "acquireTime", us);
	int64_t transitions = json_get_integer(spec, "leaseTransitions", 0);
	json_set(spec, "leaseTransitions", json_object_new_int64(lease->record != NULL ? transitions + 1 : 0));
}

struct json_object *lease_body(struct lease *lease, int64_t wall_us) {
	lease->written_us = wall_us > lease->written_us ? wall_us : lease->written_us + 1;
	struct json_object *body = lease->record != NULL ? json_copy(lease->record) : json_object_new_object();
	if (lease->record == NULL) {
		struct json_object *metadata = json_object_new_object();
		json_set_text(metadata, "namespace", lease->namespace);
		json_set_text(metadata, "name", lease->name);
		json_set(body, "metadata", metadata);
	}
	if (json_get(body, "spec") == NULL) json_set(body, "spec", json_object_new_object());
	write_spec(lease, json_get(body, "spec"), lease->written_us);
	return body;
}

/* ---- Answers ---- */

/* From `from` to twice that and a bit, as client-go's jitter factor 1.2 has it. */
static int64_t spread(struct lease *lease, int64_t from) {
	lease->random = lease->random * 6364136223846793005U + 1442695040888963407U;
	return from + (int64_t)((lease->random >> 33) % (uint64_t)(from + from / 5 + 1));
}

static void read_again_at(struct lease *lease, int64_t at) {
	lease->known = false;
	lease->next_at = at;
}

static void on_read(struct lease *lease, int64_t now, const struct json_object *record) {
	observe(lease, now, record);
	lease->next_at = now;
	if (is_ours(lease)) return;
	lease->held_until = INT64_MIN;
	if (!is_free(lease, now)) read_again_at(lease, now + spread(lease, lease->times.retry_ms));
}

static void on_absent(struct lease *lease, int64_t now) {
	forget_record(lease);
	lease->known = true;
	lease->next_at = now;
}

/* From when on a hold counts that has just been written over lease->record. */
static int64_t counts_from(const struct lease *lease, int64_t now) {
	/* It goes on: whoever made or took the Lease in between would still be waiting. */
	if (is_confirmed(lease) || lease_is_held(lease, now)) return lease->held_from;
	if (lease->record == NULL) return lease->sent_at + lease->times.duration_ms;
	if (is_ours(lease)) return lease->changed_at + lease->times.duration_ms;
	return INT64_MIN; /* it was nobody's, or its holder's time was over */
}

static void on_written(struct lease *lease, int64_t now, const struct json_object *record) {
	int64_t from = counts_from(lease, now);
	observe(lease, now, record);
	if (lease->releasing) {
		lease->released = !is_ours(lease);
		return;
	}
	const char *since = acquire_time(record);
	free(lease->tenure);
	lease->tenure = since != NULL ? xstrdup(since) : NULL;
	lease->held_from = from;
	lease->held_until = lease->sent_at + lease->times.renew_ms;
	lease->next_at = now + lease->times.retry_ms;
}

static void on_error(struct lease *lease, int64_t now, enum lease_action action, const struct error *err) {
	if (lease->releasing) {
		lease->released = true;
	} else if (action == LEASE_READ && err->kind == ERROR_NOT_FOUND) {
		on_absent(lease, now);
	} else if (err->kind == ERROR_CONFLICT || (action == LEASE_REPLACE && err->kind == ERROR_NOT_FOUND)) {
		read_again_at(lease, now); /* somebody else was there first: who? */
	} else {
		read_again_at(lease, now + lease->times.retry_ms);
	}
}

void lease_answer(struct lease *lease, int64_t now, const struct json_object *answer, const struct error *err) {
	enum lease_action action = lease->under_way;
	lease->under_way = LEASE_WAIT;
	if (err != NULL) on_error(lease, now, action, err);
	else if (action == LEASE_READ) on_read(lease, now, answer);
	else on_written(lease, now, answer);
}

/* ---- What is so ---- */

bool lease_is_held(const struct lease *lease, int64_t now) {
	return !lease->releasing && now >= lease->held_from && now < lease->held_until;
}

int64_t lease_left_ms(const struct lease *lease, int64_t now) {
	return lease_is_held(lease, now) ? lease->held_until - now : 0;
}

void lease_release(struct lease *lease) {
	lease->releasing = true;
	lease->next_at = INT64_MIN;
}
