/* Expansions, for the controller to be killed in at every boundary. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "controller/decide/record.h"
#include "simulation/runs.h"

/* ---- What was there before ---- */

static int64_t epoch_of(struct model *model) {
	cleanup_arena struct arena arena = { 0 };
	struct record record;
	const struct json_object *status = json_get(model->cluster.object, "status");
	return record_read(status, &arena, &record, NULL) == 0 ? record.epoch : 0;
}

static void keep_beginning(struct model *model) {
	struct beginning *beginning = &model->beginning;
	for (int slot = 0; slot < SLOTS; slot++) {
		snprintf(beginning->pods[slot], NAME_SIZE, "%s", model->cluster.pods[slot].uid);
		beginning->restarts[slot] = model->cluster.pods[slot].restarts;
	}
	beginning->epoch = epoch_of(model);
}

static void check_no_restart(struct model *model) {
	for (int slot = 0; slot < model->configuration->replicas; slot++) {
		const struct pod *pod = &model->cluster.pods[slot];
		bool is_same = strcmp(pod->uid, model->beginning.pods[slot]) == 0;
		if (!is_same || pod->restarts != model->beginning.restarts[slot])
			violate(model, "online", "sales-%d was restarted", slot);
	}
	if (epoch_of(model) != model->beginning.epoch) violate(model, "online", "the primary has changed");
}

static void check_hand_overs(struct model *model) {
	int64_t count = epoch_of(model) - model->beginning.epoch;
	if (count > 1) violate(model, "hand-over", "the primary has changed %lld times", (long long)count);
}

/* ---- Ends ---- */

static bool is_phase(const struct model *model, int number, const char *phase) {
	for (int i = 0; i < REQUESTS; i++) {
		const struct request *request = &model->cluster.requests[i];
		char name[NAME_SIZE];
		snprintf(name, sizeof(name), "grow-%d", number);
		if (request->json == NULL ||
		    strcmp(json_get_text(json_get(request->json, "metadata"), "name"), name) != 0)
			continue;
		return strcmp(request_phase(request), phase) == 0;
	}
	return false;
}

static bool is_full(struct model *model) {
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (storage_is_full(model, slot)) return true;
	return false;
}

static bool has_size(struct model *model, int size) {
	char why[200];
	return volumes_fit(model, why) && size_of_object(model) == size && !is_full(model) && is_stable(model);
}

static bool request_has_succeeded(struct model *model, int number, int size) {
	return is_phase(model, number, "Successful") && has_size(model, size);
}

/* ---- Scripts ---- */

static void group(struct configuration *configuration) {
	configuration->has_sizes = true;
	configuration->write_every = SECOND; /* there are thousands of runs */
}
static void database(struct configuration *configuration) {
	group(configuration);
	configuration->mssqlserver = true;
}
static void database_detached(struct configuration *configuration) {
	database(configuration);
	configuration->driver = DRIVER_DETACHED;
}
static void database_at_mount(struct configuration *configuration) {
	database(configuration);
	configuration->driver = DRIVER_AT_MOUNT;
}
static void online(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	request_create(model, &(struct asking){ .size = 20 });
}
static bool is_done_online(struct model *model) {
	if (!request_has_succeeded(model, 1, 20)) return false;
	check_no_restart(model);
	return true;
}

static void offline(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	request_create(model, &(struct asking){ .offline = true, .size = 20 });
}
static bool is_done_offline(struct model *model) {
	if (!request_has_succeeded(model, 1, 20)) return false;
	check_hand_overs(model);
	return true;
}

static void raise_size(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	object_raise(model, 20);
}
static bool is_raised(struct model *model) {
	if (!has_size(model, 20)) return false;
	check_no_restart(model);
	return true;
}

static void full_primary(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	storage_fill(model, primary_slot(model));
	model_run(model, 8 * SECOND);
	request_create(model, &(struct asking){ .always = true, .size = 20 });
}
static void full_standby_offline(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	int standby = (primary_slot(model) + 1) % 3;
	storage_fill(model, standby);
	model_run(model, 4 * SECOND);
	pod_kill_container(model, standby); /* from then on it counts for nothing, and cannot catch up */
	model_run(model, 8 * SECOND);
	request_create(model, &(struct asking){ .offline = true, .always = true, .size = 20 });
}
static void full_all_offline(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	for (int slot = 0; slot < 3; slot++) storage_fill(model, slot);
	model_run(model, 8 * SECOND);
	request_create(model, &(struct asking){ .offline = true, .always = true, .size = 20 });
}

static void race(struct model *model, struct configuration *configuration) {
	(void)configuration;
	keep_beginning(model);
	request_create(model, &(struct asking){ .size = 20 });
	request_create(model, &(struct asking){ .offline = true, .always = true, .size = 30 });
}
static bool both_are_done(struct model *model) {
	if (!is_phase(model, 1, "Successful") || !request_has_succeeded(model, 2, 30)) return false;
	check_hand_overs(model);
	return true;
}

/* Deleted while a pod is away; then nobody is away any more, and a new one goes on from there. */
static bool is_done_after_deletion(struct model *model) {
	if (model->stage == 0 && !model->cluster.set.exists) {
		request_delete(model, 0);
		model->stage = 1;
	}
	if (model->stage == 1 && is_stable(model)) {
		request_create(model, &(struct asking){ .size = 20 });
		model->stage = 2;
	}
	return model->stage == 2 && request_has_succeeded(model, 2, 20);
}

static void set_halted(struct json_object *object, const void *context) {
	struct json_object *metadata = json_get(object, "metadata"), *spec = json_get(object, "spec");
	json_set(spec, "halted", json_object_new_boolean(*(const bool *)context));
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}
static void halt(struct model *model, bool halted) {
	note(model, "spec.halted is set to %s", halted ? "true" : "false");
	object_edit(model, set_halted, &halted);
}
static bool has_no_pods(const struct model *model) {
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->cluster.pods[slot].exists) return false;
	return true;
}
static bool is_done_after_halt(struct model *model) {
	if (model->stage == 0 && !model->cluster.set.exists) {
		halt(model, true);
		model->stage = 1;
	}
	if (model->stage == 1 && is_phase(model, 1, "Failed") && has_no_pods(model)) {
		halt(model, false);
		request_create(model, &(struct asking){ .always = true, .size = 20 });
		model->stage = 2;
	}
	return model->stage == 2 && request_has_succeeded(model, 2, 20);
}

static bool is_gone_midway(struct model *model) {
	if (model->stage == 0 && !model->cluster.set.exists) {
		object_delete(model);
		model->stage = 1;
	}
	return model->stage == 1 && object_is_gone(model) && is_phase(model, 1, "Failed");
}

/* docs/volume-expansion.md: the node never does its part; the request is deleted, and one offline restarts the pods. */
static bool is_done_at_mount(struct model *model) {
	bool all_wait = true;
	for (int slot = 0; slot < 3; slot++) all_wait &= model->cluster.claims[slot].waits_for_node;
	if (model->stage == 0 && all_wait) {
		request_delete(model, 0);
		request_create(model, &(struct asking){ .offline = true, .always = true, .size = 20 });
		model->stage = 1;
	}
	return model->stage == 1 && request_has_succeeded(model, 2, 20);
}

const struct script volume_scripts[] = {
	{ "expand-online", "volumes are expanded online", false, database, online, is_done_online },
	{ "expand-offline", "volumes are expanded offline", false, database, offline, is_done_offline },
	{ "expand-detached", "offline, by a driver that cannot otherwise", false, database_detached, offline,
	  is_done_offline },
	{ "expand-at-mount", "offline, where online the nodes never did their part", false, database_at_mount, online,
	  is_done_at_mount },
	{ "expand-group", "dataVolumeSize is raised", false, group, raise_size, is_raised },
	{ "expand-full", "the primary's disk is full, and a request cures it", false, database, full_primary,
	  is_done_online },
	{ "expand-full-standby", "offline, while a standby's disk is full", false, database, full_standby_offline,
	  is_done_offline },
	{ "expand-full-all", "offline, while all disks are full", false, database, full_all_offline, is_done_offline },
	{ "expand-race", "two requests are admitted at the same time", false, database, race, both_are_done },
	{ "expand-deleted-request", "the request is deleted while a pod is away", false, database, offline,
	  is_done_after_deletion },
	{ "expand-halted", "the database is halted while a pod is away", false, database, offline, is_done_after_halt },
	{ "expand-deleted", "the database is deleted while a pod is away", false, database, offline, is_gone_midway },
};
const size_t volume_script_count = ARRAY_LENGTH(volume_scripts);
