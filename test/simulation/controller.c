/* A controller process: its life, its lease, its passes. What the engine does with threads, requests and timers is
 * modelled here; what it decides is the product's own code. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/model.h"

enum {
	LEASE_RETRY = 2 * SECOND,
	LEASE_RENEW_DEADLINE = 10 * SECOND,
	LEASE_DURATION = 15 * SECOND,
	LOOK_EVERY = 5 * SECOND
};

struct controller *controller_of(struct model *model, int64_t index, int64_t life) {
	struct controller *controller = &model->controllers[index];
	return controller->alive && controller->life == life ? controller : NULL;
}

bool controller_holds(struct controller *controller, struct event *event) {
	if (!controller->frozen) return false;
	controller->held = xreallocarray(controller->held, controller->held_count + 1, sizeof(*controller->held));
	controller->held[controller->held_count++] = *event;
	event->data = NULL;
	return true;
}

bool controller_may_act(const struct model *model, const struct controller *controller) {
	if (model->mutation == MUTATION_lost_lease) return controller->leads;
	return controller->leads && model->now - controller->renewed < LEASE_RENEW_DEADLINE;
}

void controller_new_tenure(struct model *model, struct controller *controller) {
	controller->tenure++;
	snprintf(controller->identity, NAME_SIZE, "controller-%d.%lld.%lld", controller->index,
	         (long long)controller->life, (long long)controller->tenure);
	note(model, "controller-%d acts as %s from now on", controller->index, controller->identity);
}

static void plan_look_at(struct model *model, struct controller *controller);

/* ---- The Lease ---- */

struct lease_question {
	int index;
	int64_t life, asked, seen;
	bool takes;
	struct lease answer;
};

static void lease_answered(struct model *model, struct event *event) {
	struct lease_question *question = event->data;
	struct controller *controller = controller_of(model, question->index, question->life);
	if (controller == NULL || controller_holds(controller, event)) return;
	char name[NAME_SIZE];
	snprintf(name, sizeof(name), "controller-%d", controller->index);
	if (question->answer.renewals != controller->lease_seen) {
		controller->lease_seen = question->answer.renewals;
		controller->lease_changed = model->now;
	}
	if (strcmp(question->answer.holder, name) != 0) {
		if (controller->leads) note(model, "%s has lost its lease", name);
		if (model->mutation != MUTATION_lost_lease) controller->leads = false;
		return;
	}
	bool led = controller_may_act(model, controller);
	controller->renewed = question->asked;
	controller->leads = true;
	if (led) return;
	note(model, "%s leads", name);
	controller_new_tenure(model, controller);
	controller->scratch = (struct scratch){ 0 };
	controller->look_at = model->now;
	plan_look_at(model, controller);
	controller_wake(model, controller, 0);
}

static void lease_asked(struct model *model, struct event *event) {
	struct lease_question *question = event->data;
	if (model->api_down) return;
	char name[NAME_SIZE];
	snprintf(name, sizeof(name), "controller-%d", question->index);
	bool is_mine = strcmp(model->lease.holder, name) == 0, is_free = model->lease.holder[0] == '\0';
	if (is_mine || is_free || (question->takes && model->lease.renewals == question->seen)) {
		snprintf(model->lease.holder, NAME_SIZE, "%s", name);
		model->lease.renewals++;
	}
	question->answer = model->lease;
	network_send(model, HOST_API, HOST_CONTROLLER + question->index,
	             &(struct event){ .run = lease_answered, .drop = free, .data = question });
	event->data = NULL;
}

static void lease_tick(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event)) return;
	struct lease_question *question = xcalloc(1, sizeof(*question));
	*question = (struct lease_question){ .index = controller->index,
		                             .life = controller->life,
		                             .asked = model->now,
		                             .seen = controller->lease_seen };
	question->takes = controller->lease_changed != 0 && model->now - controller->lease_changed >= LEASE_DURATION;
	network_send(model, HOST_CONTROLLER + controller->index, HOST_API,
	             &(struct event){ .run = lease_asked, .drop = free, .data = question });
	event_add(model, LEASE_RETRY, event);
}

/* ---- Passes ---- */

static void look(struct model *model, struct controller *controller) {
	for (int slot = 0; slot < SLOTS; slot++) controller_probe(model, controller, slot);
	bool has_writers = model->configuration->has_haste && controller->written_at != 0 &&
	                   model->now - controller->written_at < WRITERS_MS * MILLISECOND;
	controller->look_at = model->now + (has_writers ? WRITERS_PROBE_MS * MILLISECOND : LOOK_EVERY);
}

static void look_later(struct model *model, struct event *event);
static void plan_look_at(struct model *model, struct controller *controller) {
	int64_t wait = controller->look_at - model->now;
	event_add(model, wait > 0 ? wait : 0,
	          &(struct event){
	                  .run = look_later, .a = controller->index, .b = controller->life, .c = controller->look_at });
}

static void look_later(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event) || controller->look_at != event->c) return;
	look(model, controller);
	plan_look_at(model, controller);
	controller_wake(model, controller, 20 * MILLISECOND);
}

static void pass(struct model *model, struct controller *controller) {
	controller_follow_pods(model, controller);
	cleanup_arena struct arena arena = { 0 };
	struct record record = { 0 };
	struct view view;
	int64_t revision;
	if (controller_object(controller, &revision) == NULL) controller_end_requests(model, controller);
	if (view_fill(model, controller, &arena, &record, &view) != 0) return;
	cleanup_plan struct plan plan = { 0 };
	model->passes++;
	if (model->policy == POLICY_PUBLISHED) published_decide(&view, &controller->published, &plan);
	else decide(&view, &controller->scratch, &plan);
	if (plan.state != NULL && (controller->state == NULL || strcmp(controller->state, plan.state) != 0)) {
		note(model, "controller-%d: %s", controller->index, plan.state);
		controller->state = plan.state; /* a row of a static table */
	}
	controller_act(model, controller, &plan, &record);
	if (plan.look_ms == 0) return;
	int64_t at = model->now + plan.look_ms * MILLISECOND;
	if (at >= controller->look_at) return;
	controller->look_at = at;
	plan_look_at(model, controller);
}

static void run_pass(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event) || controller->pass_at != event->due) return;
	controller->pass_at = INT64_MAX;
	/* Nothing is decided until it is known what the record says. */
	bool writes = controller->status_write != 0 && model->mutation != MUTATION_impatient;
	if (!controller->listed || writes || !controller_may_act(model, controller)) return;
	pass(model, controller);
}

void controller_wake(struct model *model, struct controller *controller, int64_t delay) {
	int64_t at = model->now + delay;
	if (controller->pass_at <= at && controller->pass_at >= model->now) return;
	controller->pass_at = at;
	event_add(model, delay, &(struct event){ .run = run_pass, .a = controller->index, .b = controller->life });
}

/* ---- Life ---- */

static void list(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event)) return;
	int host = HOST_CONTROLLER + controller->index;
	if (model->api_down || !network_reaches(model, host, HOST_API) || !network_reaches(model, HOST_API, host)) {
		event_add(model, 500 * MILLISECOND, event);
		return;
	}
	/* What is on its way is older or the same. */
	cluster_list(&model->cluster, &controller->cache);
	controller->listed = true;
	controller_wake(model, controller, 0);
}

void controller_start(struct model *model, int index) {
	struct controller *controller = &model->controllers[index];
	if (controller->alive) return;
	int64_t life = controller->life + 1, tenure = controller->tenure;
	*controller = (struct controller){ .index = index,
		                           .alive = true,
		                           .life = life,
		                           .tenure = tenure,
		                           .clock = (1 + life) * 1000 * SECOND - model->now,
		                           .wall_offset = index * 30 * (int64_t)SECOND,
		                           .pass_at = INT64_MAX,
		                           .look_at = model->now };
	note(model, "controller-%d starts", index);
	event_add(model, 20 * MILLISECOND, &(struct event){ .run = list, .a = index, .b = life });
	event_add(model, dice_between(&model->dice, 30, 300) * MILLISECOND,
	          &(struct event){ .run = lease_tick, .a = index, .b = life });
	plan_look_at(model, controller);
}

static void forget_servers(struct controller *controller) {
	for (int i = 0; i < SLOTS; i++) {
		struct observed *observed = controller->servers[i].observed;
		if (observed != NULL) arena_free(&observed->arena);
		free(observed);
		controller->servers[i] = (struct server_state){ 0 };
	}
}

void controller_kill(struct model *model, int index) {
	struct controller *controller = &model->controllers[index];
	if (!controller->alive) return;
	note(model, "controller-%d is killed", index);
	controller->alive = controller->frozen = controller->leads = false;
	watch_free(controller);
	forget_servers(controller);
	cluster_free(&controller->cache);
	json_object_put(controller->answered);
	if (controller->spec_object != NULL) spec_free(&controller->spec);
	json_object_put(controller->spec_object);
	json_object_put(controller->children);
	free(controller->child_hashes);
	attempts_free(&controller->attempts);
	for (size_t i = 0; i < controller->held_count; i++)
		if (controller->held[i].drop != NULL && controller->held[i].data != NULL)
			controller->held[i].drop(controller->held[i].data);
	free(controller->held);
	*controller = (struct controller){ .index = index, .life = controller->life, .tenure = controller->tenure };
}

void controller_freeze(struct model *model, int index, bool frozen) {
	struct controller *controller = &model->controllers[index];
	if (!controller->alive || controller->frozen == frozen) return;
	note(model, "controller-%d %s", index, frozen ? "stands still" : "runs again");
	controller->frozen = frozen;
	if (frozen) return;
	struct event *held = take(&controller->held);
	size_t count = controller->held_count;
	controller->held_count = 0;
	for (size_t i = 0; i < count; i++) event_add(model, (int64_t)i + 1, &held[i]);
	free(held);
}
