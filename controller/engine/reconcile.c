/* One look at an object: observe, decide, act. Whatever is begun ends with another look. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "kube/backoff.h"

enum {
	LOOKS_MAX = 50,      /* in one go … */
	LOOK_EVERY_MS = 100, /* … and then one in each of these */
	PATIENT_MS = 1000    /* a plan that asks for no look before waits for others */
};

/* No object takes the thread for itself, whatever it goes through. */
static bool may_look(struct managed *managed, int64_t now) {
	int64_t earned = (now - managed->looks_at) / LOOK_EVERY_MS;
	if (earned > 0) {
		managed->looks_left =
		        earned > LOOKS_MAX - managed->looks_left ? LOOKS_MAX : managed->looks_left + (int)earned;
		managed->looks_at = now;
	}
	if (managed->looks_left > 0) {
		managed->looks_left--;
		return true;
	}
	queue_add_after(managed->engine->queue, managed->key, LOOK_EVERY_MS);
	return false;
}

static int64_t probe_pause_ms(const struct managed *managed, int64_t look_ms) {
	int64_t steady = managed->engine->options.probe_ms != 0 ? managed->engine->options.probe_ms : PROBE_MS;
	int64_t jittered = steady - steady / 10 + jitter(steady / 5);
	bool has_writers = managed->written_at != 0 && clock_monotonic_ms() - managed->written_at < WRITERS_MS;
	if (has_writers && (look_ms <= 0 || look_ms > WRITERS_PROBE_MS)) look_ms = WRITERS_PROBE_MS;
	if (look_ms <= 0) return jittered;
	/* Whoever is in a hurry leaves the others as much time as it takes: answers come late when many are. */
	int64_t polite = look_ms > 3 * managed->probe_ms ? look_ms : 3 * managed->probe_ms;
	return polite < jittered ? polite : jittered;
}

/* The earliest of what is to come. */
static void look_again(struct managed *managed, int64_t now) {
	int64_t at = managed->probe_at;
	int64_t secrets = secrets_due_at(managed);
	if (secrets < at) at = secrets;
	queue_add_after(managed->engine->queue, managed->key, at > now ? at - now : 1);
}

/* True when it was time to. */
static bool ask_servers(struct managed *managed, int64_t now) {
	if (managed->probe_at > now) return false;
	servers_probe(managed, now);
	servers_close_idle(managed, now);
	health_refresh(managed, now);
	managed->probe_at = now + probe_pause_ms(managed, 0);
	return true;
}

static void count_state(struct managed *managed, const struct plan *plan) {
	if (plan->state != NULL)
		metric_increment(metric_cell(managed->engine->metrics.states, METRIC_VALUES(plan->state)));
}

/* A promotion is on record, or about to be; one that waits for a replica to come back is in no hurry. */
static bool is_promoting(const struct managed *managed, const struct plan *plan) {
	if (managed->record.intent.kind != INTENT_NONE) return plan->look_ms < PATIENT_MS;
	for (size_t i = 0; i < plan->count; i++) {
		const struct action *action = &plan->actions[i];
		if (action->type != ACTION_WRITE_STATUS) continue;
		return json_get_path(action->json, "availabilityGroup", "intent", NULL) != NULL;
	}
	return false;
}

static void decide_and_act(struct managed *managed, int64_t now) {
	struct sight sight = { 0 };
	cleanup_plan struct plan plan = { 0 };
	observe(managed, now, &sight);
	decide(&sight.view, &managed->scratch, &plan);
	sight_free(&sight);
	count_state(managed, &plan);
	managed_set_urgent(managed, is_promoting(managed, &plan));
	int begun = act(managed, &plan, now);
	if (managed->is_gone) return;
	if (begun == 0) managed->event_at = 0;
	managed->is_in_motion = plan.look_ms > 0 && plan.look_ms < PROBE_MS / 2;
	int64_t probe_at = now + probe_pause_ms(managed, plan.look_ms);
	if (plan.look_ms > 0 && probe_at < managed->probe_at) managed->probe_at = probe_at;
	look_again(managed, now);
}

static void look(struct managed *managed, int64_t now) {
	if (!managed_refresh(managed)) {
		managed_forget(managed);
		return;
	}
	/* Until it is known what the record says, nothing may be decided: the answer leads here again. */
	if (act_is_writing(managed) || !may_look(managed, now)) return;
	if (!managed_read(managed)) return;
	managed_count_phase(managed, json_get_text(json_get(managed->object->json, "status"), "phase"));
	operations_refresh(managed);
	uint64_t before = managed->children_of;
	children_refresh(managed);
	/* Who touches the object may have touched its Secrets: a new password need not wait for their turn. */
	if (before != 0 && before != managed->children_of) secrets_expire(managed, false);
	secrets_refresh(managed, now);
	servers_refresh(managed);
	if (!secrets_are_read(managed)) {
		look_again(managed, now);
		return;
	}
	bool rests = servers_rest(managed) && managed->event_at == 0;
	/* Their answers lead here again; should it be time to ask once more by then, they are looked at first. */
	managed->awaits_answers = ask_servers(managed, now) && rests && !managed->awaits_answers;
	if (managed->awaits_answers) look_again(managed, now);
	else decide_and_act(managed, now);
}

void reconcile(struct engine *engine, const char *key) {
	enum { UNSYNCED_MS = 1000 };
	if (engine->tenure == NULL || !lease_keeper_holds(engine->lease)) {
		queue_forget(engine->queue, key);
		return;
	}
	if (!follow_is_synced(engine)) {
		queue_add_after(engine->queue, key, UNSYNCED_MS);
		return;
	}
	if (operations_is_key(key)) {
		operations_end_orphan(engine, key);
		return;
	}
	struct managed *managed = managed_get(engine, key);
	if (managed == NULL) return;
	int64_t began = clock_monotonic_ns();
	const char *kind = managed->resource->kind;
	managed_hold(managed);
	look(managed, began / 1000000);
	managed_release(managed);
	metric_observe(metric_cell(engine->metrics.duration, METRIC_VALUES(kind)), clock_monotonic_ns() - began);
}
