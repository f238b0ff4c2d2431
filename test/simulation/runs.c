/* What a seed stands for, and what comes of it. */
#include "simulation/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

struct action_tally total_tally[ACTION_TYPES];

void outcome_free(struct outcome *outcome) {
	free(outcome->timeline);
	outcome->timeline = NULL;
}

/* ---- Drawing ---- */

static void draw_configuration(struct run *run, struct dice *dice) {
	struct configuration *configuration = &run->configuration;
	static const int counts[] = { 3, 3, 3, 3, 3, 2, 2, 4, 5, 1 };
	*configuration = (struct configuration){
		.replicas = counts[dice_below(dice, ARRAY_LENGTH(counts))],
		.databases = dice_percent(dice, 30) ? 2 : 1,
		.required = -1,
		.silence_s = 10,
		.settings = dice_percent(dice, 10) ? sim_settings_published() : sim_settings_fast(),
		.controllers = dice_percent(dice, 60) ? 2 : 1,
		.clients = CLIENTS,
		.write_every = dice_percent(dice, 20) ? 150 * MILLISECOND : 900 * MILLISECOND,
		.watch_lag_ms = dice_percent(dice, 20) ? 1500 : 5,
		.has_webhook = dice_percent(dice, 70),
	};
	for (int i = 0; i < configuration->replicas; i++) configuration->synchronous[i] = true;
	if (configuration->replicas >= 3 && dice_percent(dice, 15))
		configuration->synchronous[configuration->replicas - 1] = false;
	if (configuration->replicas >= 3 && dice_percent(dice, 20)) configuration->required = 1;
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++)
		if (dice_percent(dice, 6)) configuration->settings.assumptions[i] = sim_assumption_rows[i].other != 0;
}

static int draw_kind(struct dice *dice) {
	int64_t sum = 0;
	for (size_t i = 0; i < fault_row_count; i++) sum += fault_rows[i].weight;
	int64_t at = dice_below(dice, sum);
	for (size_t i = 0; i < fault_row_count; i++) {
		at -= fault_rows[i].weight;
		if (at < 0) return (int)i;
	}
	return 0;
}

static int draw_who(struct dice *dice) {
	if (dice_percent(dice, 50)) return WHO_PRIMARY;
	return dice_percent(dice, 50) ? WHO_SECONDARY : (int)dice_below(dice, SLOTS);
}

/* Out of dice of its own: what other seeds stand for stays as it was. */
static void draw_rare(struct run *run, uint64_t seed) {
	static const char *const rare[] = { "late-number", "miss-number", "restore-volume", "slow-watch" };
	struct dice dice = { ~seed - 8 };
	dice_roll(&dice);
	if (!dice_percent(&dice, 15) || run->fault_count == FAULTS_MOST || seed % 4 == 3) return; /* those grow */
	run->faults[run->fault_count++] =
	        (struct fault){ .kind = fault_kind(rare[dice_below(&dice, ARRAY_LENGTH(rare))]),
		                .at = dice_below(&dice, run->length),
		                .span = dice_between(&dice, 1, 80) * SECOND,
		                .a = (int)dice_below(&dice, SLOTS),
		                .b = (int)dice_below(&dice, SLOTS) };
}

void run_draw(struct run *run, uint64_t seed) {
	struct dice dice = { seed };
	*run = (struct run){ .seed = seed };
	draw_configuration(run, &dice);
	run->from_the_start = dice_percent(&dice, 10);
	run->length = dice_between(&dice, 5, 90) * SECOND;
	run->fault_count = (size_t)dice_between(&dice, 1, dice_percent(&dice, 20) ? FAULTS_MOST : 6);
	/* Faults come in bunches: what is hard is what happens at the same time. */
	int64_t bunch = dice_below(&dice, run->length);
	for (size_t i = 0; i < run->fault_count; i++) {
		struct fault *fault = &run->faults[i];
		fault->kind = draw_kind(&dice);
		bool near = dice_percent(&dice, 60);
		fault->at = near ? bunch + dice_below(&dice, dice_percent(&dice, 50) ? SECOND : 12 * SECOND)
		                 : dice_below(&dice, run->length);
		fault->span = dice_percent(&dice, 70) ? dice_between(&dice, 1, 15 * 1000) * MILLISECOND
		                                      : dice_between(&dice, 15, 60) * SECOND;
		fault->a = draw_who(&dice);
		fault->b = draw_who(&dice);
	}
	expansions_draw(run);
	draw_rare(run, seed);
}

/* ---- Running ---- */

static bool is_ready_for_faults(struct model *model) {
	return group_is_whole(model) && clients_tables_ready(model);
}

static bool ready_to_begin(struct model *model) {
	if (!group_is_whole(model)) return false;
	if (model->clients.count == 0 && !clients_tables_ready(model) && model->clients.last_ack == 0) {
		clients_begin(model);
		model->clients.last_ack = model->now;
	}
	return is_ready_for_faults(model);
}

static int64_t patience(const struct configuration *configuration) {
	int64_t time = configuration->settings.timings[SIM_TIMING_startup] > 0 ? 900 * SECOND : 300 * SECOND;
	return configuration->has_sizes ? 2 * time : time; /* one pod after the other */
}

bool comes_up(struct model *model) {
	char why[200];
	if (model_until(model, ready_to_begin, patience(model->configuration))) {
		note(model, "-- the group is up");
		return true;
	}
	is_converged(model, why);
	violate(model, "I3", "the group does not come up: %s", why);
	return false;
}

/* Whole, and for a while already: nothing is under way any more. */
bool is_stable(struct model *model) {
	if (!is_ready_for_faults(model)) {
		model->whole_since = 0;
		return false;
	}
	if (model->whole_since == 0) model->whole_since = model->now;
	return model->now - model->whole_since >= 15 * SECOND;
}

/* Writers stop, and what was acknowledged is read back. Somebody may have asked for a hand-over that begins only now (a
 * watch that was late): then when there is a primary again. */
static void read_back(struct model *model) {
	model->clients.stop = true;
	model_run(model, SECOND);
	if (model->verdict.violated || check_rows(model)) return;
	if (model_until(model, check_rows, patience(model->configuration))) return;
	char why[200];
	is_converged(model, why);
	violate(model, "I3", "the rows cannot be read back: %s", why[0] != '\0' ? why : "the primary does not answer");
}

static bool is_settled(struct model *model) {
	bool is_tended = expansions_tend(model);
	return is_stable(model) && is_tended;
}

static void run_random(const struct run *run, struct model *model) {
	if (run->from_the_start) clients_begin(model);
	else if (!comes_up(model)) return;
	model->has_faults = true;
	for (size_t i = 0; i < run->fault_count; i++) fault_schedule(model, &run->faults[i]);
	model_run(model, run->length + 20 * SECOND);
	if (model->verdict.violated) return;
	faults_heal(model);
	if (!model_until(model, is_settled, patience(model->configuration))) {
		char why[200];
		if (is_converged(model, why)) volumes_fit(model, why);
		violate(model, "I3", "%lld s after all faults were over: %s",
		        (long long)(patience(model->configuration) / SECOND), why);
		return;
	}
	read_back(model);
}

/* The controller dies once, and comes back. */
static void run_script(const struct run *run, struct model *model, struct configuration *configuration) {
	const struct script *script = run->script;
	if (!script->before_all && !comes_up(model)) return;
	if (script->before_all) clients_begin(model);
	model->boundary = run->boundary;
	model->boundary.count = 0;
	note(model, "-- %s", script->text);
	if (script->begin != NULL) script->begin(model, configuration);
	int64_t end = model->now + patience(configuration);
	while (!model->verdict.violated && model->now < end && !script->is_over(model)) {
		model_run(model, 500 * MILLISECOND);
		if (model->boundary.hit && !model->controllers[0].alive) controller_start(model, 0);
	}
	char why[200] = "the object is still there";
	if (model->cluster.object != NULL) is_converged(model, why);
	if (!script->is_over(model)) violate(model, "I3", "%s does not come to its end: %s", script->name, why);
	if (model->verdict.violated || model->cluster.object == NULL) return;
	read_back(model);
}

static void finish(struct model *model, struct outcome *outcome) {
	*outcome = (struct outcome){ .verdict = model->verdict,
		                     .steps = model->steps,
		                     .model_time = model->now,
		                     .acknowledged = model->clients.acknowledged,
		                     .passes = model->passes,
		                     .actions = model->boundary.count };
	for (size_t i = 0; i < ACTION_TYPES; i++) {
		total_tally[i].count += model->tally[i].count;
		total_tally[i].failed += model->tally[i].failed;
	}
	if (model->keeps_timeline) outcome->timeline = strbuf_detach(&model->timeline);
}

void run_execute(const struct run *run, bool keeps_timeline, bool check_probes, struct outcome *outcome) {
	struct configuration configuration = run->configuration;
	if (run->published)
		memcpy(configuration.settings.timings, sim_settings_published().timings,
		       sizeof(configuration.settings.timings));
	if (run->worse != NULL)
		configuration.settings.assumptions[run->worse - sim_assumption_rows] = run->worse->other != 0;
	/* A former primary that neither OFFLINE nor a restart takes its role from: nobody knows a remedy. */
	if (!configuration.settings.assumptions[SIM_ASSUME_offline_works])
		configuration.settings.assumptions[SIM_ASSUME_restarted_primary_resumes] = false;
	struct model *model = model_new(&configuration, run->seed, run->mutation);
	model->keeps_timeline = keeps_timeline;
	model->check_probes = check_probes;
	model->cluster.object = first_object(&configuration);
	model->cluster.revision = 1;
	for (int i = 0; i < configuration.controllers; i++) controller_start(model, i);
	if (run->script != NULL) run_script(run, model, &configuration);
	else run_random(run, model);
	finish(model, outcome);
	model_free(model);
}

/* ---- Shrinking ---- */

/* A group that never settles takes its time, each time: then what was found is small enough. */
enum { STEPS_TO_SHRINK = 10000000 };

static bool still_fails(const struct run *run, const char *rule, uint64_t *steps) {
	struct outcome outcome;
	if (*steps > STEPS_TO_SHRINK) return false;
	run_execute(run, false, false, &outcome);
	*steps += outcome.steps;
	return outcome.verdict.violated && strcmp(outcome.verdict.rule, rule) == 0;
}

void run_shrink(struct run *run, struct outcome *outcome) {
	char rule[sizeof(outcome->verdict.rule)];
	memcpy(rule, outcome->verdict.rule, sizeof(rule));
	uint64_t steps = 0;
	for (bool smaller = true; smaller;) {
		smaller = false;
		for (size_t i = 0; i < run->fault_count; i++) {
			struct run tried = *run;
			memmove(&tried.faults[i], &tried.faults[i + 1],
			        (tried.fault_count - i - 1) * sizeof(*tried.faults));
			tried.fault_count--;
			if (!still_fails(&tried, rule, &steps)) continue;
			*run = tried;
			smaller = true;
			i--;
		}
		struct run tried = *run;
		tried.length /= 2;
		if (run->length > 4 * SECOND && still_fails(&tried, rule, &steps)) {
			*run = tried;
			smaller = true;
		}
	}
	outcome_free(outcome);
	run_execute(run, true, false, outcome);
}

static const char *who(int slot, char text[NAME_SIZE]) {
	if (slot == WHO_PRIMARY) return "primary";
	if (slot == WHO_SECONDARY) return "a secondary";
	pod_name(slot, text);
	return text;
}

void run_describe(const struct run *run, struct strbuf *text) {
	const struct configuration *configuration = &run->configuration;
	if (run->scenario != NULL) strbuf_printf(text, "%s, ", run->scenario);
	strbuf_printf(text, "seed %llu: %d replicas (", (unsigned long long)run->seed, configuration->replicas);
	for (int i = 0; i < configuration->replicas; i++)
		strbuf_append(text, configuration->synchronous[i] ? "s" : "a");
	strbuf_printf(text, "), %d databases, %d controllers", configuration->databases, configuration->controllers);
	if (configuration->required >= 0) strbuf_printf(text, ", relaxed to %d", configuration->required);
	if (configuration->settings.timings[SIM_TIMING_startup] > 0) strbuf_append(text, ", published timings");
	if (configuration->has_sizes)
		strbuf_printf(text, ", %s, driver %d", configuration->mssqlserver ? "MSSQLServer" : "group",
		              (int)configuration->driver);
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++)
		if (configuration->settings.assumptions[i] != (sim_assumption_rows[i].usual != 0))
			strbuf_printf(text, ", %s = %d", sim_assumption_rows[i].name,
			              configuration->settings.assumptions[i]);
	strbuf_printf(text, "; %zu faults in %.0f s%s\n", run->fault_count, (double)run->length / SECOND,
	              run->from_the_start ? " from the start" : "");
	for (size_t i = 0; i < run->fault_count; i++) {
		const struct fault *fault = &run->faults[i];
		char a[NAME_SIZE], b[NAME_SIZE];
		strbuf_printf(text, "    %7.3f s for %.3f s: %s %s %s\n", (double)fault->at / SECOND,
		              (double)fault->span / SECOND, fault_rows[fault->kind].name, who(fault->a, a),
		              who(fault->b, b));
	}
}
