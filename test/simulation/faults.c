/* What goes wrong: one row each. A fault begins, lasts, and ends; several overlap as they like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/model.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"

static struct process *process_at(struct model *model, int slot) {
	return slot >= 0 ? process_of_pod(model, model->cluster.pods[slot].uid) : NULL;
}

int primary_slot(struct model *model) {
	for (int slot = 0; slot < SLOTS; slot++)
		if (strcmp(model->cluster.pods[slot].role_label, "primary") == 0) return slot;
	for (size_t i = 0; i < model->process_count; i++) {
		const struct process *process = model->processes[i];
		if (process->instance->group_count > 0 && process->instance->groups[0]->role == SIM_ROLE_PRIMARY)
			return process->slot;
	}
	return -1;
}

static int node_at(const struct model *model, int slot) {
	const struct pod *pod = &model->cluster.pods[slot];
	return pod->exists && pod->node >= 0 ? pod->node : slot;
}

/* ---- Processes and pods ---- */

static void kill_begin(struct model *model, const struct fault *fault) {
	pod_kill_container(model, fault->a);
}
static void kill_all_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	while (model->process_count > 0) process_kill(model, model->processes[0]);
}
/* All at once, and only one comes back before the end. */
static void all_but_one_begin(struct model *model, const struct fault *fault) {
	for (size_t i = model->process_count; i-- > 0;)
		if (model->processes[i]->slot != fault->a) process_kill(model, model->processes[i]);
	model->no_restarts = true;
}
static void all_but_one_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->no_restarts = false;
}
/* … and that one was primary, killed as well. */
static void only_it_returns_begin(struct model *model, const struct fault *fault) {
	while (model->process_count > 0) process_kill(model, model->processes[0]);
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (slot != fault->a) model->node_is_down[node_at(model, slot)] = true;
}
static void nodes_back(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int node = 0; node < NODES; node++) node_down(model, node, false);
}
static void delete_begin(struct model *model, const struct fault *fault) {
	pod_delete(model, fault->a, false);
}
static void force_delete_begin(struct model *model, const struct fault *fault) {
	pod_delete(model, fault->a, true);
}
static void freeze_begin(struct model *model, const struct fault *fault) {
	struct process *process = process_at(model, fault->a);
	if (process != NULL) process_freeze(model, process, true);
}
static void freeze_end(struct model *model, const struct fault *fault) {
	for (size_t i = 0; i < model->process_count; i++)
		if (model->processes[i]->slot == fault->a) process_freeze(model, model->processes[i], false);
}
static void node_begin(struct model *model, const struct fault *fault) {
	node_down(model, node_at(model, fault->a), true);
}
/* The pod is gone for the API, its process lives on: cut off from everybody but one secondary. */
static void zombie_begin(struct model *model, const struct fault *fault) {
	int node = node_at(model, fault->a);
	model->kubelet_cut[node] = true;
	for (int host = 0; host < HOSTS; host++) {
		if (host == node || host == node_at(model, fault->b)) continue;
		model->network.cut[node][host] = model->network.cut[host][node] = true;
	}
	pod_delete(model, fault->a, true);
}
static void rejoin_network(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int i = 0; i < NODES; i++) {
		model->kubelet_cut[i] = false;
		for (int j = 0; j < HOSTS; j++) model->network.cut[i][j] = model->network.cut[j][i] = false;
	}
}
static bool others_hold_everything(const struct model *model, int slot) {
	const struct configuration *configuration = model->configuration;
	int others = 0;
	for (int i = 0; i < configuration->replicas; i++) others += i != slot && configuration->synchronous[i];
	/* Relaxed, with two databases, each of two secondaries can be ahead in one of them: then a person must decide.
	 */
	bool may_differ = configuration->required >= 0 && configuration->databases > 1;
	return configuration->required != 0 && others > 0 && !may_differ;
}
/* A secondary that was suspended when its primary was lost cannot catch up with anybody, and SQL Server promotes it
 * only by force (Msg 41142): a person must decide, whatever the record knows. The primary may not have heard of it yet.
 */
static bool is_suspended(const struct model *model) {
	for (size_t i = 0; i < model->process_count; i++) {
		const struct sim_instance *instance = model->processes[i]->instance;
		for (size_t j = 0; j < instance->database_count; j++)
			if (instance->databases[j]->suspended) return true;
	}
	return false;
}
static void lose_volume(struct model *model, int slot) {
	struct claim *claim = &model->cluster.claims[slot];
	struct process *process = process_at(model, slot);
	model->volumes_lost++;
	if (process != NULL) process_kill(model, process);
	note(model, "sales-%d: its claim and volume are deleted", slot);
	volume_drop(model, claim->uid);
	*claim = (struct claim){ 0 };
	cluster_changed(model, ITEM_CLAIM, slot);
	pod_delete(model, slot, true);
}
/* A volume is lost, once in a run, and while others hold everything. */
static void lose_volume_begin(struct model *model, const struct fault *fault) {
	if (model->volumes_lost > 0 || !group_is_whole(model) || !others_hold_everything(model, fault->a) ||
	    is_suspended(model))
		return;
	lose_volume(model, fault->a);
}

/* A claim is replaced by one that an older snapshot was restored to: it has the group, and lacks what came since. */
static void take_snapshot(struct model *model, const struct fault *fault) {
	const struct process *process = process_at(model, fault->a);
	if (process == NULL || model->snapshot.disk != NULL) return;
	model->snapshot.disk = sim_disk_copy(process->volume->disk);
	model->snapshot.slot = fault->a;
}
static void restore_snapshot(struct model *model, const struct fault *fault) {
	(void)fault;
	struct sim_disk *disk = take(&model->snapshot.disk);
	int slot = model->snapshot.slot;
	/* A past that comes up as PRIMARY reaches the others before they are fenced, and has what they are not
	 * synchronized with: SQL Server then promotes them by force only, and that is for a person. */
	bool resumes = model->configuration->settings.assumptions[SIM_ASSUME_restarted_primary_resumes] &&
	               primary_slot(model) == slot;
	if (disk == NULL || resumes || model->healed || model->volumes_lost > 0 || !group_is_whole(model) ||
	    !others_hold_everything(model, slot)) {
		sim_disk_free(disk);
		return;
	}
	struct claim *claim = &model->cluster.claims[slot];
	const int64_t size = claim->capacity;
	lose_volume(model, slot);
	note(model, "sales-%d: an older snapshot is restored to a new claim", slot);
	*claim = (struct claim){ .exists = true,
		                 .created = WALL_SECONDS + model->now / SECOND,
		                 .requested = size,
		                 .capacity = size,
		                 .disk = size };
	snprintf(claim->uid, NAME_SIZE, "claim-%llu", (unsigned long long)++model->numbers);
	struct volume *volume = volume_of(model, claim->uid);
	sim_disk_free(volume->disk);
	volume->disk = disk;
	cluster_changed(model, ITEM_CLAIM, slot);
}

/* ---- Network ---- */

static void cut_off_begin(struct model *model, const struct fault *fault) {
	int node = node_at(model, fault->a);
	for (int host = 0; host < HOSTS; host++)
		if (host != node) model->network.cut[node][host] = model->network.cut[host][node] = true;
	model->kubelet_cut[node] = true;
}
static void cut_pair_begin(struct model *model, const struct fault *fault) {
	int a = node_at(model, fault->a), b = node_at(model, fault->b);
	if (a != b) model->network.cut[a][b] = model->network.cut[b][a] = true;
}
static void cut_one_way_begin(struct model *model, const struct fault *fault) {
	int a = node_at(model, fault->a), b = node_at(model, fault->b);
	if (a != b) model->network.cut[a][b] = true;
}
/* Controllers do not reach it; its peers do. */
static void cut_controllers_begin(struct model *model, const struct fault *fault) {
	int node = node_at(model, fault->a);
	for (int host = HOST_CONTROLLER; host < HOST_API; host++)
		model->network.cut[node][host] = model->network.cut[host][node] = true;
}
static void cut_answers_begin(struct model *model, const struct fault *fault) {
	int node = node_at(model, fault->a);
	for (int host = HOST_CONTROLLER; host < HOST_API; host++) model->network.cut[node][host] = true;
}
/* The next SET_REQUIRED arrives when this fault ends, long after it was given up. */
static void late_number_begin(struct model *model, const struct fault *fault) {
	model->number_arrives_at = model->now + fault->span;
}
static void late_number_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->number_arrives_at = 0;
}
/* The next SET_REQUIRED reaches the primary, and what the primary sends from then on does not reach this secondary. */
static void miss_number_begin(struct model *model, const struct fault *fault) {
	model->misses_number = 1 + fault->a;
}
static void miss_number_end(struct model *model, const struct fault *fault) {
	model->misses_number = 0;
	rejoin_network(model, fault);
}
static void slow_begin(struct model *model, const struct fault *fault) {
	for (int host = 0; host < HOSTS; host++) {
		model->network.slow[node_at(model, fault->a)][host] = 2 * SECOND;
		model->network.slow[host][node_at(model, fault->a)] = 2 * SECOND;
	}
}
static void slow_end(struct model *model, const struct fault *fault) {
	(void)fault;
	memset(model->network.slow, 0, sizeof(model->network.slow));
}

static void slow_answers_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	model->slow_answers = true;
}
static void slow_answers_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->slow_answers = false;
}

/* ---- The API ---- */

static void api_down_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	note(model, "the API server is away");
	model->api_down = true;
}
static void api_down_end(struct model *model, const struct fault *fault) {
	(void)fault;
	note(model, "the API server is back");
	model->api_down = false;
}
static void lost_answers_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	model->network.lost_answers = 30;
}
static void lost_answers_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->network.lost_answers = 0;
}
static void stale_watch_begin(struct model *model, const struct fault *fault) {
	model->watch_stalled_until[fault->a % CONTROLLERS] = model->now + fault->span;
}

static void slow_watch_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	model->slow_watch = true;
}
static void slow_watch_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->slow_watch = false;
}

/* ---- Controllers ---- */

static int leader(const struct model *model) {
	for (int i = 0; i < CONTROLLERS; i++)
		if (controller_may_act(model, &model->controllers[i])) return i;
	return 0;
}
static void kill_controller_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	controller_kill(model, leader(model));
}
static void controllers_back(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int i = 0; i < model->configuration->controllers; i++) controller_start(model, i);
}
static void freeze_controller_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	controller_freeze(model, leader(model), true);
}
static void thaw_controllers(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int i = 0; i < CONTROLLERS; i++) controller_freeze(model, i, false);
}
/* The leader loses the API, and its Lease with it; servers still hear it. */
static void lone_leader_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	int host = HOST_CONTROLLER + leader(model);
	model->network.cut[host][HOST_API] = model->network.cut[HOST_API][host] = true;
}
static void lone_leader_end(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int host = HOST_CONTROLLER; host < HOST_API; host++)
		model->network.cut[host][HOST_API] = model->network.cut[HOST_API][host] = false;
}

/* ---- Disks and health ---- */

static void slow_disk_begin(struct model *model, const struct fault *fault) {
	struct process *process = process_at(model, fault->a);
	if (process == NULL) return;
	process->volume->delay = 300 * MILLISECOND;
	sim_instance_set_disk_delay(process->instance, process->volume->delay);
}
static void slow_disk_end(struct model *model, const struct fault *fault) {
	(void)fault;
	for (size_t i = 0; i < model->volume_count; i++) model->volumes[i]->delay = 0;
	for (size_t i = 0; i < model->process_count; i++) sim_instance_set_disk_delay(model->processes[i]->instance, 0);
}
static void full_disk_begin(struct model *model, const struct fault *fault) {
	struct process *process = process_at(model, fault->a);
	if (process != NULL) sim_disk_set_capacity(process->volume->disk, sim_disk_used(process->volume->disk) + 64);
}
/* Where volumes have sizes nobody frees space: they have to grow. */
static void full_disk_end(struct model *model, const struct fault *fault) {
	(void)fault;
	if (model->configuration->has_sizes) return;
	for (size_t i = 0; i < model->volume_count; i++) sim_disk_set_capacity(model->volumes[i]->disk, 0);
}
static void unhealthy_begin(struct model *model, const struct fault *fault) {
	struct process *process = process_at(model, fault->a);
	if (process != NULL) sim_instance_health(process->instance)->system = 3;
}
static void unhealthy_end(struct model *model, const struct fault *fault) {
	(void)fault;
	for (size_t i = 0; i < model->process_count; i++)
		sim_instance_health(model->processes[i]->instance)->system = 1;
}

/* Only the last database is written to. */
static void quiet_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	model->clients.quiet = model->configuration->databases - 1;
}
static void quiet_end(struct model *model, const struct fault *fault) {
	(void)fault;
	model->clients.quiet = 0;
}

/* ---- People ---- */

static void hand_over_begin(struct model *model, const struct fault *fault) {
	char name[NAME_SIZE];
	pod_name(fault->a, name);
	note(model, "somebody asks for %s as primary", name);
	object_annotate(model, "agkeeper.dev/primary", name);
}
static void cordon_begin(struct model *model, const struct fault *fault) {
	int node = node_at(model, fault->a);
	note(model, "node-%d is cordoned", node);
	model->cluster.nodes[node].cordoned = true;
	cluster_changed(model, ITEM_NODE, node);
}
static void cordon_end(struct model *model, const struct fault *fault) {
	(void)fault;
	for (int node = 0; node < NODES; node++) {
		if (!model->cluster.nodes[node].cordoned) continue;
		model->cluster.nodes[node].cordoned = false;
		cluster_changed(model, ITEM_NODE, node);
	}
}
static void ask_server(struct model *model, int slot, const char *batch) {
	struct process *process = process_at(model, slot);
	if (process == NULL || process->frozen) return;
	note(model, "a DBA on sales-%d: %s", slot, batch);
	call_begin(model, process, "sa", "Passw0rd!", NULL, batch, false, NULL, NULL);
	process_touch(model, process);
}
static void suspend_begin(struct model *model, const struct fault *fault) {
	if (model->volumes_lost > 0 && !group_is_whole(model)) return;
	ask_server(model, fault->a, "ALTER DATABASE [db0] SET HADR SUSPEND");
}
/* One is told to become the primary, and the other one to be it no longer. */
static void promote_begin(struct model *model, const struct fault *fault) {
	ask_server(model, fault->a,
	           "EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';\n"
	           "ALTER AVAILABILITY GROUP [SALES] FAILOVER;\n");
	ask_server(model, fault->b, "ALTER AVAILABILITY GROUP [SALES] OFFLINE");
}

static void count_generation(struct json_object *object) {
	struct json_object *metadata = json_get(object, "metadata");
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}
static void roll(struct json_object *object, const void *context) {
	struct json_object *spec = json_get(object, "spec");
	json_set_text(spec, json_get(spec, "version") != NULL ? "version" : "image", context);
	count_generation(object);
}
static void roll_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	cleanup_free char *image = xasprintf("mssql:%lld", (long long)model->now);
	note(model, "somebody changes the image: a rolling update");
	object_edit(model, roll, image);
}

/* Of either kind. */
static struct json_object *databases_of(const struct json_object *object) {
	struct json_object *of_database =
	        json_get_path(object, "spec", "topology", "availabilityGroup", "databases", NULL);
	return of_database != NULL ? of_database : json_get_path(object, "spec", "databases", NULL);
}

static void append_database(struct json_object *object, const void *context) {
	struct json_object *metadata = json_get(object, "metadata");
	json_object_array_add(databases_of(object), json_object_new_string(context));
	json_set(metadata, "generation", json_object_new_int64(json_get_integer(metadata, "generation", 1) + 1));
}
/* Somebody makes it, and it is written to; in the end it is to belong to the group. */
static void add_database_begin(struct model *model, const struct fault *fault) {
	struct configuration *configuration = (struct configuration *)(uintptr_t)model->configuration;
	if (configuration->databases == DATABASES) return;
	cleanup_free char *batch = xasprintf("CREATE DATABASE [db%d]", configuration->databases++);
	ask_server(model, fault->a, batch);
}
static void add_database_end(struct model *model, const struct fault *fault) {
	(void)fault;
	if (model->cluster.object == NULL) return;
	int there = (int)json_object_array_length(databases_of(model->cluster.object));
	if (there == model->configuration->databases) return;
	cleanup_free char *name = xasprintf("db%d", there);
	note(model, "somebody adds database %s", name);
	object_edit(model, append_database, name);
}

/* What a person does who has only one replica left. */
static void one_survives_begin(struct model *model, const struct fault *fault) {
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (slot != fault->a) node_down(model, node_at(model, slot), true);
}
static void allow_loss_begin(struct model *model, const struct fault *fault) {
	char name[NAME_SIZE];
	pod_name(fault->a, name);
	cleanup_free char *value = xasprintf("%s/object-1", name);
	note(model, "somebody allows data loss for %s", name);
	model->force_allowed = true;
	object_annotate(model, "agkeeper.dev/allow-data-loss", value);
}

static void allow_loss_elsewhere_begin(struct model *model, const struct fault *fault) {
	char name[NAME_SIZE];
	pod_name(fault->a, name);
	cleanup_free char *value = xasprintf("%s/object-0", name);
	note(model, "somebody allowed data loss for %s, of an object of the same name that is gone", name);
	object_annotate(model, "agkeeper.dev/allow-data-loss", value);
}

static void take_status(struct json_object *object, const void *context) {
	(void)context;
	json_object_object_del(object, "status");
}
static void wipe_status_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	note(model, "the object's status is lost");
	model->claims = (struct claims){ 0 };
	object_edit(model, take_status, NULL);
}

static void switch_off(struct json_object *object, const void *context) {
	(void)context;
	json_set(json_get(json_get(object, "spec"), "automaticFailover"), "enabled", json_object_new_boolean(false));
	count_generation(object);
}
static void automatic_off_begin(struct model *model, const struct fault *fault) {
	(void)fault;
	note(model, "somebody switches automatic failover off");
	object_edit(model, switch_off, NULL);
}

static void nothing(struct model *model, const struct fault *fault) {
	(void)model, (void)fault;
}

const struct fault_row fault_rows[] = {
	{ "kill", 10, kill_begin, nothing },
	{ "kill-all", 2, kill_all_begin, nothing },
	{ "all-but-one", 2, all_but_one_begin, all_but_one_end },
	{ "only-one-returns", 2, only_it_returns_begin, nodes_back },
	{ "delete", 4, delete_begin, nothing },
	{ "force-delete", 6, force_delete_begin, nothing },
	{ "freeze", 8, freeze_begin, freeze_end },
	{ "node-down", 4, node_begin, nodes_back },
	{ "zombie", 5, zombie_begin, rejoin_network },
	{ "lose-volume", 3, lose_volume_begin, nothing },
	{ "cut-off", 6, cut_off_begin, rejoin_network },
	{ "cut-pair", 8, cut_pair_begin, rejoin_network },
	{ "cut-one-way", 6, cut_one_way_begin, rejoin_network },
	{ "cut-controllers", 6, cut_controllers_begin, rejoin_network },
	{ "cut-answers", 6, cut_answers_begin, rejoin_network },
	{ "slow", 4, slow_begin, slow_end },
	{ "api-down", 4, api_down_begin, api_down_end },
	{ "lost-answers", 4, lost_answers_begin, lost_answers_end },
	{ "stale-watch", 4, stale_watch_begin, nothing },
	{ "kill-controller", 6, kill_controller_begin, controllers_back },
	{ "freeze-controller", 6, freeze_controller_begin, thaw_controllers },
	{ "lone-leader", 6, lone_leader_begin, lone_leader_end },
	{ "slow-disk", 3, slow_disk_begin, slow_disk_end },
	{ "full-disk", 2, full_disk_begin, full_disk_end },
	{ "unhealthy", 2, unhealthy_begin, unhealthy_end },
	{ "hand-over", 6, hand_over_begin, nothing },
	{ "cordon", 2, cordon_begin, cordon_end },
	{ "suspend", 3, suspend_begin,
	  nothing }, /* the ladder resumes it: a DBA who does might undo what it suspends */
	{ "roll", 3, roll_begin, nothing },
	{ "only-one-survives-for-good", 0, one_survives_begin, nothing },
	{ "allow-data-loss", 0, allow_loss_begin, nothing },
	/* Drawn beside the others (expansions_draw). */
	{ "expand-online", 0, expand_online_begin, nothing },
	{ "expand-offline", 0, expand_offline_begin, nothing },
	{ "expand-impatient", 0, expand_impatient_begin, nothing },
	{ "expand-race", 0, expand_race_begin, nothing },
	{ "delete-request", 0, delete_request_begin, nothing },
	{ "fill", 0, fill_begin, nothing },
	{ "storage-fails", 0, storage_fails_begin, storage_fails_end },
	{ "allow-data-loss-elsewhere", 0, allow_loss_elsewhere_begin, nothing },
	{ "promote-by-hand", 0, promote_begin, nothing },
	{ "miss-number", 0, miss_number_begin, miss_number_end },
	{ "add-database", 0, add_database_begin, add_database_end },
	{ "slow-watch", 0, slow_watch_begin, slow_watch_end },
	{ "slow-answers", 0, slow_answers_begin, slow_answers_end },
	{ "quiet", 0, quiet_begin, quiet_end },
	/* Rare ones in random runs (runs.c). */
	{ "late-number", 0, late_number_begin, late_number_end },
	{ "restore-volume", 0, take_snapshot, restore_snapshot },
	{ "automatic-off", 0, automatic_off_begin, nothing },
	{ "wipe-status", 0, wipe_status_begin, nothing },
};
const size_t fault_row_count = ARRAY_LENGTH(fault_rows);

int fault_kind(const char *name) {
	for (size_t i = 0; i < fault_row_count; i++)
		if (strcmp(fault_rows[i].name, name) == 0) return (int)i;
	return -1;
}

static void end(struct model *model, struct event *event) {
	const struct fault *fault = event->data;
	if (model->healed) return;
	note(model, "-- %s ends", fault_rows[fault->kind].name);
	fault_rows[fault->kind].end(model, fault);
}

static int slot_for(struct model *model, int who) {
	int primary = primary_slot(model);
	if (who == WHO_PRIMARY) return primary >= 0 ? primary : 0;
	if (who == WHO_SECONDARY) {
		int first = primary >= 0 ? primary : 0;
		int others = model->configuration->replicas - 1;
		return others > 0 ? (first + 1 + (int)dice_below(&model->dice, others)) % (others + 1) : first;
	}
	return who % model->configuration->replicas;
}

static void begin(struct model *model, struct event *event) {
	struct fault *fault = event->data;
	if (model->healed || model->cluster.object == NULL) return;
	fault->a = slot_for(model, fault->a);
	fault->b = slot_for(model, fault->b);
	note(model, "-- %s (a: sales-%d, b: sales-%d), for %.1f s", fault_rows[fault->kind].name, fault->a, fault->b,
	     (double)fault->span / SECOND);
	fault_rows[fault->kind].begin(model, fault);
	event->data = NULL;
	event_add(model, fault->span, &(struct event){ .run = end, .drop = free, .data = fault });
}

void fault_schedule(struct model *model, const struct fault *fault) {
	if (fault->off) return;
	struct fault *copy = xmalloc(sizeof(*copy));
	*copy = *fault;
	event_add(model, fault->at, &(struct event){ .run = begin, .drop = free, .data = copy });
}

void faults_heal(struct model *model) {
	static const struct fault none;
	note(model, "-- all faults are over");
	model->healed = true;
	memset(model->network.cut, 0, sizeof(model->network.cut));
	memset(model->watch_stalled_until, 0, sizeof(model->watch_stalled_until));
	for (size_t i = 0; i < fault_row_count; i++) fault_rows[i].end(model, &none);
	for (int node = 0; node < NODES; node++) model->kubelet_cut[node] = false;
	while (true) {
		struct process *frozen = NULL;
		for (size_t i = 0; i < model->process_count; i++)
			if (model->processes[i]->frozen) frozen = model->processes[i];
		if (frozen == NULL) break;
		process_freeze(model, frozen, false);
	}
}
