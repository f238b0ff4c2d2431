/* Expansions among the faults of random runs: who asks for what, and when. */
#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "simulation/runs.h"

/* ---- What happens ---- */

/* Larger than whatever was asked for. */
static int next_size(const struct model *model) {
	int size = size_of_object(model);
	for (int i = 0; i < REQUESTS; i++) {
		const struct json_object *json = model->cluster.requests[i].json;
		const char *text = json_get_text(json_get_path(json, "spec", "volumeExpansion", NULL), "mssqlserver");
		if (text != NULL && atoi(text) > size) size = atoi(text);
	}
	for (int slot = 0; slot < SLOTS; slot++) {
		int asked = (int)(model->cluster.claims[slot].requested / GIB);
		if (asked > size) size = asked;
	}
	return size + 5;
}

static void expand(struct model *model, struct asking asking) {
	if (!model->configuration->has_sizes) return;
	asking.size = next_size(model);
	if (model->configuration->mssqlserver) request_create(model, &asking);
	else object_raise(model, asking.size);
}

/* Whether it waits for a database that is Ready. */
static bool is_patient(const struct fault *fault) {
	return fault->span % 2 == 0;
}

void expand_online_begin(struct model *model, const struct fault *fault) {
	expand(model, (struct asking){ .always = !is_patient(fault) });
}
void expand_offline_begin(struct model *model, const struct fault *fault) {
	expand(model, (struct asking){ .offline = true, .always = !is_patient(fault) });
}
void expand_impatient_begin(struct model *model, const struct fault *fault) {
	expand(model, (struct asking){ .offline = is_patient(fault), .always = true, .timeout_s = 10 });
}
void expand_race_begin(struct model *model, const struct fault *fault) {
	expand(model, (struct asking){ .offline = is_patient(fault), .always = true });
	expand(model, (struct asking){ .offline = !is_patient(fault), .always = true });
}
void delete_request_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int i = 0; i < REQUESTS; i++) {
		if (model->cluster.requests[i].json == NULL) continue;
		request_delete(model, i);
		return;
	}
}
void fill_begin(struct model *model, const struct fault *fault) {
	storage_fill(model, fault->a);
}
void storage_fails_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	note(model, "the storage driver fails");
	model->storage_fails = true;
}
void storage_fails_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->storage_fails = false;
}

/* ---- Drawing ---- */

static const struct {
	const char *name;
	int weight;
} rows[] = {
	{ "expand-online", 25 }, { "expand-offline", 35 }, { "expand-impatient", 10 }, { "expand-race", 10 },
	{ "delete-request", 8 }, { "fill", 12 },           { "storage-fails", 8 },
};

static int draw_kind(struct dice *dice) {
	int sum = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) sum += rows[i].weight;
	int64_t at = dice_below(dice, sum);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		at -= rows[i].weight;
		if (at < 0) return fault_kind(rows[i].name);
	}
	return 0;
}

/* A group's volumes grow online only. */
static enum driver draw_driver(struct dice *dice, bool has_requests) {
	static const enum driver drivers[] = { DRIVER_ONLINE, DRIVER_ONLINE, DRIVER_WITHOUT_NODE, DRIVER_AT_MOUNT,
		                               DRIVER_DETACHED };
	return drivers[dice_below(dice, has_requests ? (int64_t)ARRAY_LENGTH(drivers) : 3)];
}

static void make_database(struct configuration *configuration) {
	configuration->mssqlserver = true;
	if (configuration->replicas == 1) configuration->replicas = 3;
	for (int i = 0; i < configuration->replicas; i++) configuration->synchronous[i] = true;
}

/* None of the seeds that found something before volumes could grow. */
static bool is_drawn(uint64_t seed) {
	return seed % 4 == 3 && seed % 16 != 3;
}

void expansions_draw(struct run *run) {
	struct dice dice = { run->seed ^ UINT64_C(0x5851f42d4c957f2d) };
	struct configuration *configuration = &run->configuration;
	if (!is_drawn(run->seed)) return;
	configuration->has_sizes = true;
	if (dice_percent(&dice, 70)) make_database(configuration);
	configuration->driver = draw_driver(&dice, configuration->mssqlserver);
	int count = (int)dice_between(&dice, 1, EXPANSIONS_MOST);
	for (int i = 0; i < count; i++) {
		bool near = dice_percent(&dice, 60);
		int64_t at = near ? run->faults[0].at + dice_below(&dice, 6 * SECOND) - 4 * SECOND
		                  : dice_below(&dice, run->length);
		run->faults[run->fault_count++] = (struct fault){
			/* There is something to be done in each of them. */
			.kind = i == 0 ? fault_kind(dice_percent(&dice, 60) ? "expand-offline" : "expand-online")
			               : draw_kind(&dice),
			.at = at > 0 ? at : 0,
			.span = dice_between(&dice, 1, 30 * 1000) * MILLISECOND + dice_below(&dice, 2),
			.a = dice_percent(&dice, 50) ? WHO_PRIMARY : WHO_SECONDARY,
		};
	}
}
