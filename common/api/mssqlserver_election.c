#include "api/mssqlserver_election.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/duration.h"
#include "base/json.h"

/* As the field tables default them. */
static const char default_period[] = "300ms";
enum { DEFAULT_HEARTBEAT_TICK = 1, DEFAULT_ELECTION_TICK = 10 };
enum { DEFAULT_LEASE = 15, DEFAULT_RETRY = 2 };

/* v1 wants lease > renew > retry > 0. */
enum { LEASE_MIN = 3 };

/* The positive integer at `key`, `otherwise` when there is none; false when something else is there. */
static bool get_positive(const struct json_object *object, const char *key, int64_t otherwise, int64_t *value) {
	struct json_object *json = json_get(object, key);
	*value = otherwise;
	if (json == NULL) return true;
	if (!json_object_is_type(json, json_type_int)) return false;
	*value = json_object_get_int64(json);
	return *value > 0;
}

/* Whole seconds of period × ticks, rounded up; false when they do not fit an int32, as Kubernetes' own fields have. */
static bool seconds_of(int64_t period, int64_t ticks, int64_t *seconds) {
	const __int128 second = 1000000000;
	__int128 rounded = ((__int128)period * ticks + second - 1) / second;
	*seconds = (int64_t)rounded;
	return rounded <= INT32_MAX;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max) {
	if (value > max) value = max;
	return value < min ? min : value;
}

static void set_int(struct json_object *object, const char *key, int64_t value) {
	json_set(object, key, json_object_new_int64(value));
}

struct json_object *election_to_seconds(const struct json_object *ticks) {
	struct json_object *period_json = json_get(ticks, "period");
	const char *text = period_json != NULL ? json_get_text(ticks, "period") : default_period;
	int64_t period;
	int64_t heartbeat_tick;
	int64_t election_tick;
	int64_t retry;
	int64_t lease;
	if (text == NULL || !duration_parse(text, &period) || period <= 0) return NULL;
	if (!get_positive(ticks, "heartbeatTick", DEFAULT_HEARTBEAT_TICK, &heartbeat_tick)) return NULL;
	if (!get_positive(ticks, "electionTick", DEFAULT_ELECTION_TICK, &election_tick)) return NULL;
	if (!seconds_of(period, heartbeat_tick, &retry) || !seconds_of(period, election_tick, &lease)) return NULL;
	if (lease < LEASE_MIN) lease = LEASE_MIN;
	retry = clamp(retry, 1, lease - 2);
	struct json_object *seconds = json_object_new_object();
	set_int(seconds, "leaseDurationSeconds", lease);
	set_int(seconds, "renewDeadlineSeconds", clamp(lease * 2 / 3, retry + 1, lease - 1));
	set_int(seconds, "retryPeriodSeconds", retry);
	return seconds;
}

static struct json_object *new_ticks(const char *period, int64_t heartbeat_tick, int64_t election_tick) {
	struct json_object *ticks = json_object_new_object();
	json_set_text(ticks, "period", period);
	set_int(ticks, "heartbeatTick", heartbeat_tick);
	set_int(ticks, "electionTick", election_tick);
	return ticks;
}

struct json_object *election_to_ticks(const struct json_object *seconds) {
	int64_t lease;
	int64_t retry;
	if (!json_object_is_type(seconds, json_type_object)) return NULL;
	if (!get_positive(seconds, "leaseDurationSeconds", DEFAULT_LEASE, &lease)) return NULL;
	if (!get_positive(seconds, "retryPeriodSeconds", DEFAULT_RETRY, &retry)) return NULL;
	return new_ticks("1s", retry, lease);
}

struct json_object *election_default_ticks(void) {
	return new_ticks(default_period, DEFAULT_HEARTBEAT_TICK, DEFAULT_ELECTION_TICK);
}
