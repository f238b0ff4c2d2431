/* Asking the servers: a probe travels, is answered by a process that runs, and its answer travels back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/act/statement.h"
#include "simulation/misdeeds.h"
#include "simulation/model.h"
#include "sqlserver/server.h"

enum { PROBE_TIMEOUT = 5 * SECOND, CONNECT_FAILS_AFTER = 20 * MILLISECOND };

struct probe {
	int controller, slot, node;
	int64_t life, asked;
	uint64_t number;
	char pod[NAME_SIZE];
	char group[NAME_SIZE];
	/* The answer. */
	struct observed *observed;
	bool refused, login_refused;
	int diagnostics[DIAGNOSTICS];
};

static void observed_free(struct observed *observed) {
	if (observed == NULL) return;
	arena_free(&observed->arena);
	free(observed);
}

static void probe_free(void *data) {
	struct probe *probe = data;
	observed_free(probe->observed);
	free(probe);
}

static void note_silence(struct server_state *server, enum error_kind kind, const char *text) {
	server->unanswered++;
	server->failed = true;
	server->failure_kind = (int)kind;
	server->failure_number = 0;
	snprintf(server->failure_text, sizeof(server->failure_text), "%s", text);
	observed_free(take(&server->observed));
}

static void note_answer(struct model *model, struct controller *controller, struct probe *probe) {
	struct server_state *server = &controller->servers[probe->slot];
	server->failed = probe->refused || probe->login_refused;
	if (probe->refused) {
		note_silence(server, ERROR_UNAVAILABLE, "connection refused");
		return;
	}
	server->silent_since = 0;
	server->unanswered = 0;
	server->refuses_login = probe->login_refused;
	if (server->observed != NULL && probe->observed != NULL &&
	    sql_observation_log_grew(&server->observed->observation, &probe->observed->observation))
		controller->written_at = probe->asked;
	observed_free(take(&server->observed));
	if (probe->login_refused) {
		server->failure_kind = ERROR_FORBIDDEN;
		server->failure_number = 18456;
		snprintf(server->failure_text, sizeof(server->failure_text), "Login failed for user 'agkeeper'.");
		return;
	}
	server->observed = take(&probe->observed);
	server->seen_at = probe->asked;
	const struct sql_observation *seen = &server->observed->observation;
	if (seen->instance.generation > server->loose_generation) server->loose_generation = 0;
	memcpy(server->diagnostics, probe->diagnostics, sizeof(server->diagnostics));
	server->diagnostics_at = model->now;
	misdo_sight(model, server, &server->observed->observation);
}

static void answered(struct model *model, struct event *event) {
	struct probe *probe = event->data;
	struct controller *controller = controller_of(model, probe->controller, probe->life);
	if (controller == NULL || controller_holds(controller, event)) return;
	struct server_state *server = &controller->servers[probe->slot];
	if (server->probe != probe->number || strcmp(server->pod, probe->pod) != 0) return;
	server->probe = 0;
	note_answer(model, controller, probe);
	controller_wake(model, controller, dice_between(&model->dice, 0, 3 * MILLISECOND));
	/* What it shows is older than our own last change. */
	if (probe->asked < server->changed_at) controller_probe(model, controller, probe->slot);
}

static void answer(struct model *model, int node, struct probe *probe, int64_t delay) {
	struct event event = { .run = answered, .drop = probe_free, .data = probe };
	if (delay > 0) event_add(model, delay, &event);
	else network_send(model, node, HOST_CONTROLLER + probe->controller, &event);
}

static void check_sight(struct model *model, struct process *process, const char *group) {
	if (!model->check_probes || ++model->probes % 20 != 0) return;
	cleanup_free char *difference = observe_difference(process, group);
	if (difference != NULL) violate(model, "probe", "observe() and T-SQL differ: %s", difference);
}

static void asked(struct model *model, struct event *event) {
	struct probe *probe = event->data;
	struct process *process = process_of_pod(model, probe->pod);
	if (process != NULL && process_holds(process, event)) return;
	event->data = NULL;
	if (process == NULL || !sim_instance_accepts(process->instance)) {
		probe->refused = true;
		answer(model, probe->node, probe, CONNECT_FAILS_AFTER);
		return;
	}
	const struct sim_login_row *login = sim_login_find(process->instance, CONTROLLER_LOGIN);
	if (login == NULL || strcmp(login->password, "C0ntrollerPassw0rd") != 0) {
		probe->login_refused = true;
	} else {
		check_sight(model, process, probe->group);
		probe->observed = xcalloc(1, sizeof(*probe->observed));
		observe(process, probe->group, &probe->observed->arena, &probe->observed->observation);
		const struct sim_health *health = sim_instance_health(process->instance);
		probe->diagnostics[DIAGNOSTIC_SYSTEM] = health->system;
		probe->diagnostics[DIAGNOSTIC_RESOURCE] = health->resource;
		probe->diagnostics[DIAGNOSTIC_QUERY_PROCESSING] = health->query_processing;
		probe->diagnostics[DIAGNOSTIC_IO] = health->io_subsystem;
	}
	answer(model, probe->node, probe, model->slow_answers ? dice_between(&model->dice, 1, 2 * SECOND) : 0);
}

static void give_up(struct model *model, struct event *event) {
	struct controller *controller = controller_of(model, event->a, event->b);
	if (controller == NULL || controller_holds(controller, event)) return;
	for (int slot = 0; slot < SLOTS; slot++) {
		struct server_state *server = &controller->servers[slot];
		if (server->probe != (uint64_t)event->c) continue;
		server->probe = 0;
		note_silence(server, ERROR_TIMEOUT, "no answer in 5 s");
		controller_wake(model, controller, 0);
	}
}

/* A pod of another uid is another server. */
static bool follow_pod(struct controller *controller, int slot) {
	const struct pod *pod = &controller->cache.pods[slot];
	struct server_state *server = &controller->servers[slot];
	if (strcmp(server->pod, pod->uid) != 0) {
		observed_free(server->observed);
		uint64_t busy = server->busy;
		int64_t loose = server->loose_generation;
		*server = (struct server_state){ .busy = busy, .loose_generation = loose };
		memcpy(server->pod, pod->uid, NAME_SIZE);
	}
	return pod->exists && pod->ip[0] != '\0';
}

void controller_probe(struct model *model, struct controller *controller, int slot) {
	if (!follow_pod(controller, slot)) return;
	struct server_state *server = &controller->servers[slot];
	if (server->probe != 0 || controller->spec_object == NULL || !controller->cache.secrets.own) return;
	if (server->busy != 0 && server->hides) return; /* it is asked when that is over */
	struct probe *probe = xcalloc(1, sizeof(*probe));
	probe->controller = controller->index;
	probe->slot = slot;
	probe->node = controller->cache.pods[slot].node;
	probe->life = controller->life;
	probe->asked = model->now;
	probe->number = ++model->numbers;
	memcpy(probe->pod, server->pod, NAME_SIZE);
	snprintf(probe->group, NAME_SIZE, "%s", controller->spec.group);
	server->probe = probe->number;
	if (server->silent_since == 0) server->silent_since = model->now;
	event_add(model, PROBE_TIMEOUT,
	          &(struct event){
	                  .run = give_up, .a = controller->index, .b = controller->life, .c = (int64_t)probe->number });
	network_send(model, HOST_CONTROLLER + controller->index, probe->node,
	             &(struct event){ .run = asked, .drop = probe_free, .data = probe });
}

/* Pods that the cache shows anew are asked at once. */
void controller_follow_pods(struct model *model, struct controller *controller) {
	for (int slot = 0; slot < SLOTS; slot++) {
		struct server_state *server = &controller->servers[slot];
		bool is_new = strcmp(server->pod, controller->cache.pods[slot].uid) != 0;
		if (follow_pod(controller, slot) && (is_new || (server->observed == NULL && !server->failed)))
			controller_probe(model, controller, slot);
	}
}
