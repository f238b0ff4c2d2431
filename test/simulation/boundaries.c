/* The controller killed at every boundary between two actions: right before each, right after each took effect, and
 * when its answer comes. Everything volatile is lost; the next one has another identity. It must come to the same end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "simulation/runs.h"

void boundary_reached(struct model *model, struct controller *controller, int64_t number, enum boundary_phase phase) {
	struct boundary *boundary = &model->boundary;
	if (controller == NULL || boundary->hit || boundary->at != number || boundary->phase != phase) return;
	static const char *const words[] = { "before", "after", "at the answer of" };
	boundary->hit = true;
	note(model, "-- the controller dies %s action %lld", words[phase], (long long)number);
	controller_kill(model, controller->index);
}

/* ---- Scripts ---- */

static void run_fault(struct model *model, const char *name, int slot) {
	const struct fault fault = { .kind = fault_kind(name), .a = slot, .b = slot };
	fault_schedule(model, &fault);
}
static void update(struct model *model, struct configuration *configuration) {
	(void)configuration;
	run_fault(model, "roll", 0);
	model_run(model, MILLISECOND);
}
static void fail(struct model *model, struct configuration *configuration) {
	(void)configuration;
	run_fault(model, "force-delete", WHO_PRIMARY);
	model_run(model, MILLISECOND);
}
static void hand_over(struct model *model, struct configuration *configuration) {
	(void)configuration;
	run_fault(model, "hand-over", 1);
	model_run(model, MILLISECOND);
}

static void append_replica(struct json_object *object, const void *context) {
	(void)context;
	struct json_object *metadata = json_get(object, "metadata"), *spec = json_get(object, "spec");
	struct json_object *list = json_get(spec, "replicas");
	struct json_object *replica = json_copy(json_object_array_get_idx(list, 0));
	json_set_text(replica, "name", "added");
	json_object_array_add(list, replica);
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}
static void scale_out(struct model *model, struct configuration *configuration) {
	configuration->synchronous[configuration->replicas++] = true;
	object_edit(model, append_replica, NULL);
}

static void mark_deleted(struct json_object *object, const void *context) {
	(void)context;
	json_set_text(json_get(object, "metadata"), "deletionTimestamp", "2026-11-22T01:00:00Z");
}
void object_delete(struct model *model) {
	object_edit(model, mark_deleted, NULL);
}
static void delete_object(struct model *model, struct configuration *configuration) {
	(void)configuration;
	object_delete(model);
}
bool object_is_gone(struct model *model) {
	if (model->cluster.object != NULL || model->cluster.set.exists || model->process_count > 0) return false;
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->cluster.pods[slot].exists) return false;
	for (int i = 0; i < CHILDREN; i++)
		if (model->cluster.children[i].exists) return false;
	return true;
}

static bool has_handed_over(struct model *model) {
	return is_stable(model) && strcmp(model->cluster.pods[1].role_label, "primary") == 0;
}

const struct script scripts[] = {
	{ "bootstrap", "a group of three comes up", true, NULL, NULL, is_stable },
	{ "rolling-update", "a rolling update", false, NULL, update, is_stable },
	{ "scale-out", "a fourth replica is added", false, NULL, scale_out, is_stable },
	{ "failover", "the primary's pod is force-deleted", false, NULL, fail, is_stable },
	{ "hand-over", "somebody asks for another primary", false, NULL, hand_over, has_handed_over },
	{ "deletion", "the object is deleted", false, NULL, delete_object, object_is_gone },
};
const size_t script_count = ARRAY_LENGTH(scripts);

/* ---- Every boundary ---- */

static void draw(const struct script *script, int64_t at, enum boundary_phase phase, enum mutation mutation,
                 struct run *run) {
	*run = (struct run){ .seed = 1, .script = script, .mutation = mutation };
	run->configuration = (struct configuration){ .replicas = 3,
		                                     .databases = 1,
		                                     .required = -1,
		                                     .silence_s = 10,
		                                     .settings = sim_settings_fast(),
		                                     .controllers = 1,
		                                     .clients = CLIENTS,
		                                     .write_every = 300 * MILLISECOND,
		                                     .watch_lag_ms = 5,
		                                     .has_webhook = true };
	for (int i = 0; i < SLOTS; i++) run->configuration.synchronous[i] = i < 3;
	if (script->configure != NULL) script->configure(&run->configuration);
	run->boundary = (struct boundary){ .at = at, .phase = phase };
}

static bool run_boundary(const struct script *script, int64_t at, enum boundary_phase phase, enum mutation mutation) {
	static const char *const phases[] = { "before", "after", "at the answer of" };
	struct run run;
	struct outcome outcome;
	draw(script, at, phase, mutation, &run);
	run_execute(&run, false, false, &outcome);
	if (!outcome.verdict.violated) return true;
	run_execute(&run, true, false, &outcome);
	printf("%s\n%s: killed %s action %lld: %s, %s\n", outcome.timeline, script->name, phases[phase], (long long)at,
	       outcome.verdict.rule, outcome.verdict.text);
	fflush(stdout);
	outcome_free(&outcome);
	return false;
}

int script_show(const struct script *script) {
	struct run run;
	struct outcome outcome;
	draw(script, -1, BEFORE_ACTION, MUTATION_none, &run);
	run_execute(&run, true, false, &outcome);
	printf("%s%s: %lld actions, %llu steps, %.0f s of model time: %s %s\n", outcome.timeline, script->name,
	       (long long)outcome.actions, (unsigned long long)outcome.steps, (double)outcome.model_time / SECOND,
	       outcome.verdict.rule, outcome.verdict.text);
	bool violated = outcome.verdict.violated;
	outcome_free(&outcome);
	return violated;
}

int boundaries_run(const struct script *script, int jobs, int every, enum mutation mutation) {
	struct run run;
	struct outcome outcome;
	draw(script, -1, BEFORE_ACTION, mutation, &run);
	run_execute(&run, false, false, &outcome);
	if (outcome.verdict.violated) {
		printf("%s: with nobody killed: %s, %s\n", script->name, outcome.verdict.rule, outcome.verdict.text);
		return 1;
	}
	/* Those that follow a death may be more. */
	int64_t count = outcome.actions + outcome.actions / 10;
	int *failures = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	for (int job = 0; job < jobs; job++) {
		if (fork() != 0) continue;
		for (int64_t i = job * every; i < count * BOUNDARY_PHASES; i += jobs * every)
			if (*failures < 3 && !run_boundary(script, i / BOUNDARY_PHASES,
			                                   (enum boundary_phase)(i % BOUNDARY_PHASES), mutation))
				__atomic_fetch_add(failures, 1, __ATOMIC_RELAXED);
		_exit(0);
	}
	int status, died = 0;
	for (int job = 0; job < jobs; job++) {
		wait(&status);
		died += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	}
	int failed = *failures + died;
	munmap(failures, sizeof(int));
	cleanup_free char *sample = every > 1 ? xasprintf(" (one in %d)", every) : xstrdup("");
	printf("%s  boundaries of %s: %s, the controller killed at %lld actions in 3 phases%s%s\n",
	       failed == 0 ? "ok  " : "FAIL", script->name, script->text, (long long)count, sample,
	       died > 0 ? "; the simulation itself died" : "");
	fflush(stdout);
	return failed;
}
