/* A model's life. */
#include <stdlib.h>

#include "simulation/model.h"

struct model *model_new(const struct configuration *configuration, uint64_t seed, enum mutation mutation) {
	struct model *model = xcalloc(1, sizeof(*model));
	model->now = SECOND;
	model->dice.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	model->storage_dice.state = seed * UINT64_C(0x9e6c63d0876a9a47) + 7;
	model->configuration = configuration;
	model->mutation = mutation;
	model->network.held_percent = 50;
	model->boundary.at = -1;
	for (int i = 0; i < CONTROLLERS; i++) model->controllers[i].index = i;
	kubelet_begin(model);
	return model;
}

void model_free(struct model *model) {
	for (int i = 0; i < CONTROLLERS; i++) controller_kill(model, i);
	processes_free(model); /* whoever waits for an answer of theirs hears that there is none, which is an event */
	events_free(model);
	sim_disk_free(model->snapshot.disk);
	cluster_free(&model->cluster);
	strbuf_free(&model->timeline);
	arena_free(&model->arena);
	free(model);
}

void model_run(struct model *model, int64_t microseconds) {
	int64_t end = model->now + microseconds;
	while (!model->verdict.violated && event_next(model, end)) continue;
	if (!model->verdict.violated) model->now = end;
}

bool model_until(struct model *model, bool (*condition)(struct model *model), int64_t microseconds) {
	int64_t end = model->now + microseconds;
	while (!model->verdict.violated) {
		if (condition(model)) return true;
		if (model->now >= end) return false;
		model_run(model, 500 * MILLISECOND);
	}
	return false;
}
