/* What must hold at every step, and when all faults are over. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "simulation/model.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"

/* How everybody stands, for the end of a timeline. */
void note_state(struct model *model) {
	static const char *const roles[] = { "RESOLVING", "PRIMARY", "SECONDARY" };
	static const char *const states[] = { "not synchronizing", "synchronizing", "synchronized", "reverting",
		                              "initializing" };
	for (size_t i = 0; i < model->process_count && model->keeps_timeline; i++) {
		struct process *process = model->processes[i];
		const struct sim_instance *instance = process->instance;
		const struct sim_group *group = instance->group_count > 0 ? instance->groups[0] : NULL;
		note(model, "  sales-%d on %s%s: %s, endpoint %s, generation %lld, r %d, configuration %llu",
		     process->slot, process->volume->id, process->frozen ? " (frozen)" : "",
		     group != NULL ? roles[group->role] : "no group",
		     instance->endpoint.started ? "started" : "stopped", (long long)generation_in_force(process),
		     group != NULL ? group->required : 0, group != NULL ? (unsigned long long)group->sequence : 0);
		for (size_t j = 0; group != NULL && j < instance->database_count; j++) {
			const struct sim_database *database = instance->databases[j];
			if (database->id <= 4) continue;
			note(model, "    %s: %llu transactions on %zu forks, %s%s%s", database->name,
			     (unsigned long long)database->log.count, database->log.fork_count,
			     states[sim_database_synchronization(instance, database)], database->ready ? ", ready" : "",
			     database->suspended ? ", suspended" : "");
		}
		for (size_t j = 0; group != NULL && group->role == SIM_ROLE_PRIMARY && j < group->replica_count; j++) {
			const struct sim_replica *replica = &group->replicas[j];
			note(model, "    sees %s: %s, %s, %s", replica->name,
			     replica->synchronous ? "synchronous" : "asynchronous",
			     replica->link.connected ? "connected" : "disconnected",
			     group->database_count > 0
			             ? states[sim_remote_synchronization(group, replica, group->databases[0].id)]
			             : "no database");
		}
	}
	if (model->cluster.object != NULL && model->keeps_timeline) {
		note(model, "  status: %s",
		     json_object_to_json_string_ext(json_get(model->cluster.object, "status"), JSON_C_TO_STRING_PLAIN));
	}
}

/* Only what any policy owes to its users is held against another one: rows, and one primary. */
static bool is_excused(struct model *model, const char *rule) {
	if (model->policy == POLICY_AGKEEPER) return false;
	if (strcmp(rule, "I1") == 0 || strcmp(rule, "I2") == 0) model->losses++;
	return true;
}

void violate(struct model *model, const char *rule, const char *format, ...) {
	if (model->verdict.violated || is_excused(model, rule)) return;
	model->verdict.violated = true;
	model->verdict.at = model->now;
	snprintf(model->verdict.rule, sizeof(model->verdict.rule), "%s", rule);
	va_list args;
	va_start(args, format);
	vsnprintf(model->verdict.text, sizeof(model->verdict.text), format, args);
	va_end(args);
	note(model, "VIOLATION of %s: %s", rule, model->verdict.text);
	note_state(model);
}

static const struct sim_group *group_of(const struct process *process) {
	return process->instance->group_count > 0 ? process->instance->groups[0] : NULL;
}

/* ---- I2: whoever acknowledges has been told of all who acknowledged before ---- */

static bool has_fork(const struct sim_log *log, const char *fork) {
	for (size_t i = 0; i < log->fork_count; i++)
		if (strcmp(log->forks[i].id, fork) == 0) return true;
	return false;
}

static void tell_what_is_lost(struct model *model, struct process *process) {
	int first = -1;
	int missing = model->keeps_timeline ? clients_missing(model, process, &first) : 0;
	if (missing <= 0) return;
	const struct row *row = &model->clients.rows[first];
	note(model,
	     "sales-%d: %d acknowledged rows are missing here, the first is %d (acknowledged by sales-%d at %.3f s)",
	     process->slot, missing, first, row->slot, (double)row->at / SECOND);
}

/* ---- What the record claims: each acknowledged commit is on r members of S beside the primary ---- */

static const char *fork_at(const struct sim_log *log, uint64_t position) {
	const char *fork = "";
	for (size_t i = 0; i < log->fork_count; i++)
		if (log->forks[i].start < position) fork = log->forks[i].id;
	return fork;
}

static bool volume_holds(struct model *model, const struct volume *volume, int number, uint64_t position,
                         const char *fork) {
	const struct process *process = volume->user != 0 ? process_by_id(model, volume->user) : NULL;
	if (process != NULL) {
		char name[16];
		snprintf(name, sizeof(name), "db%d", number);
		const struct sim_database *database = sim_database_find(process->instance, name);
		return database != NULL && database->log.count >= position && has_fork(&database->log, fork);
	}
	const struct left_log *left = &volume->logs[number];
	for (size_t i = 0; i < left->fork_count; i++)
		if (strcmp(left->forks[i], fork) == 0) return left->count >= position;
	return false;
}

static bool member_holds(struct model *model, size_t member, int number, uint64_t position, const char *fork) {
	const struct claims *claims = &model->claims;
	const char *incarnation = claims->incarnations[member];
	for (size_t i = 0; i < model->volume_count; i++)
		if (strcmp(model->volumes[i]->id, incarnation) == 0)
			return volume_holds(model, model->volumes[i], number, position, fork);
	/* A volume that is lost: it did hold it, and the record knows that this one cannot answer any more. */
	return true;
}

static void check_claims(struct model *model) {
	const struct claims *claims = &model->claims;
	if (!claims->known || claims->primary < 0 || model->force_allowed) return;
	for (int number = 0; number < model->configuration->databases; number++) {
		if (model->acked[number].position == 0 || !claims->databases[number]) continue;
		int holders = 0;
		for (size_t i = 0; i < claims->count; i++)
			holders += claims->slots[i] != claims->primary &&
			           member_holds(model, i, number, model->acked[number].position,
			                        model->acked[number].fork);
		if (holders < claims->required)
			violate(model, "record",
			        "the record says that each acknowledged commit is on %d members beside sales-%d; %d "
			        "have "
			        "the last one of db%d",
			        claims->required, claims->primary, holders, number);
	}
}

/* The position behind the transaction that wrote the row, which is near the end as a rule; 0: it is not there. */
static uint64_t position_of(const struct sim_log *log, int row) {
	char text[32];
	snprintf(text, sizeof(text), "VALUES (%d)", row);
	for (size_t i = log->count; i > 0; i--)
		if (memmem(log->records[i - 1].payload, log->records[i - 1].length, text, strlen(text)) != NULL)
			return i;
	return 0;
}

static void keep_position(struct model *model, int number, const struct sim_log *log, int row) {
	uint64_t position = position_of(log, row);
	if (position == 0) return;
	model->acked[number].position = position;
	snprintf(model->acked[number].fork, NAME_SIZE, "%s", fork_at(log, position));
}

/* The newer primary has the commit in its own log: it was hardened before the promotion, and the old primary heard of
 * it late. Nothing new can be acknowledged like that. */
static bool newer_primary_has(struct model *model, int number, const struct sim_log *log, int row) {
	uint64_t position = position_of(log, row);
	const char *fork = fork_at(log, position);
	for (size_t i = 0; position != 0 && i < model->process_count; i++) {
		char name[16];
		snprintf(name, sizeof(name), "db%d", number);
		const struct sim_database *other = sim_database_find(model->processes[i]->instance, name);
		if (other != NULL && has_fork(&other->log, model->newest_fork[number]) && has_fork(&other->log, fork) &&
		    position_of(&other->log, row) != 0)
			return true;
	}
	return false;
}

void check_acknowledged(struct model *model, struct process *process, int row) {
	int number = model->clients.rows[row].database;
	char name[16];
	snprintf(name, sizeof(name), "db%d", number);
	const struct sim_database *database = sim_database_find(process->instance, name);
	if (database == NULL || database->log.fork_count == 0) return;
	const struct sim_log *log = &database->log;
	char *newest = model->newest_fork[number];
	bool is_older = *newest != '\0' && !has_fork(log, newest) && !model->force_allowed;
	if (is_older && newer_primary_has(model, number, log, row)) return;
	if (is_older) {
		violate(model, "I2",
		        "sales-%d acknowledged row %d, and another primary, of which it knows nothing, did before",
		        process->slot, row);
		return;
	}
	keep_position(model, number, log, row);
	check_claims(model);
	const char *own = log->forks[log->fork_count - 1].id;
	if (strcmp(newest, own) == 0) return;
	snprintf(newest, NAME_SIZE, "%s", own);
	note(model, "sales-%d acknowledges its first row as this primary: row %d in db%d", process->slot, row, number);
	tell_what_is_lost(model, process);
}

/* ---- I4, I5 and what is done once only ---- */

/* Fenced: it confirms nothing to an old primary. One that was started since is asked anew, and may be just up; one that
 * was fenced for this intent may have gone since. */
static bool is_silent(struct model *model, int slot) {
	const struct process *process = process_of_pod(model, model->cluster.pods[slot].uid);
	if (process == NULL) return model->fenced_at[slot] != 0 && model->fenced_at[slot] >= model->claims.intent_since;
	return !process->instance->endpoint.started || process->started >= model->claims.intent_since;
}

/* A promotion rests on enough members that are fenced, unless it is the old primary itself that goes on. */
static void check_count(struct model *model, const struct process *target) {
	const struct claims *claims = &model->claims;
	if (!claims->known || claims->promised < 0 || claims->primary < 0 || claims->primary == target->slot) return;
	int fenced = 0, wanted = (int)claims->count - claims->promised;
	for (size_t i = 0; i < claims->count; i++)
		fenced += claims->slots[i] != claims->primary &&
		          (claims->slots[i] == target->slot || is_silent(model, claims->slots[i]));
	if (fenced < wanted && !model->force_allowed)
		violate(model, "count", "sales-%d is promoted, %d of %d members beside the primary are fenced",
		        target->slot, fenced, wanted);
}

void check_statement(struct model *model, const struct controller *controller, struct process *process,
                     const struct action *action, int64_t generation, const char *batch) {
	const struct sim_group *group = group_of(process);
	if (generation >= 0 && action->type != ACTION_CREATE_GROUP && model->mutation != MUTATION_no_raise) {
		int64_t in_force = generation_in_force(process);
		if (in_force != generation)
			violate(model, "I4",
			        "%s of controller-%d changed sales-%d under generation %lld, and %lld is in force",
			        action_rows[action->type].name, controller->index, process->slot, (long long)generation,
			        (long long)in_force);
	}
	if (action->type == ACTION_STOP_ENDPOINT) model->fenced_at[process->slot] = model->now;
	if (action->type == ACTION_PROMOTE || action->type == ACTION_PROMOTE_STARTED) check_count(model, process);
	if (strstr(batch, "FORCE_FAILOVER_ALLOW_DATA_LOSS") != NULL && !model->force_allowed)
		violate(model, "I5", "sales-%d was forced, and nobody asked for it", process->slot);
	if (action->type == ACTION_CREATE_GROUP && group != NULL) {
		if (model->group_id[0] != '\0' && strcmp(model->group_id, group->id) != 0)
			violate(model, "create", "the group was created a second time, on sales-%d", process->slot);
		snprintf(model->group_id, NAME_SIZE, "%s", group->id);
	}
	if (action->type == ACTION_DROP_GROUP && ++model->drops[process->slot] > 8)
		violate(model, "drop", "sales-%d: the group was dropped %d times", process->slot,
		        model->drops[process->slot]);
}

void check_action(struct model *model, const struct controller *controller, const struct action *action) {
	/* Another may hold the lease from then on. */
	if (model->now - controller->renewed > 15 * SECOND)
		violate(model, "I4", "controller-%d begins %s, and renewed its lease last at %.3f s", controller->index,
		        action_rows[action->type].name, (double)controller->renewed / SECOND);
	if (action->type == ACTION_FORCE_PROMOTE && !model->force_allowed)
		violate(model, "I5", "%s shall be forced, and nobody asked for it", action->pod);
	check_pod_taken(model, controller, action);
	if (action->type == ACTION_DELETE_POD) {
		int slot = pod_slot(action->pod);
		const struct pod *pod = slot >= 0 ? &model->cluster.pods[slot] : NULL;
		if (pod == NULL || (pod->exists && !pod->ours))
			violate(model, "others", "pod %s is not ours and shall be deleted", action->pod);
	}
}

/* ---- The record is never more confident than the truth ---- */

/* Secondaries that the primary commits to synchronously, and how many of them no member of S is. */
static int truth_of(const struct sim_group *group, const struct record *record, int *outside) {
	const struct sim_replica *local = sim_group_local(group);
	*outside = 0;
	if (local == NULL || !local->synchronous) return 0;
	for (size_t i = 0; i < group->replica_count; i++) {
		const struct sim_replica *replica = &group->replicas[i];
		if (replica == local || !replica->synchronous || replica->configuration_only) continue;
		if (record_find(record, replica->name, NULL) < 0) (*outside)++;
	}
	return group->required;
}

static void keep_claims(struct model *model, const struct record *record) {
	struct claims *claims = &model->claims;
	if (record->epoch < claims->epoch || record->generation < claims->generation)
		violate(model, "record", "epoch %lld, generation %lld follow %lld and %lld", (long long)record->epoch,
		        (long long)record->generation, (long long)claims->epoch, (long long)claims->generation);
	bool is_open = record->intent.kind != INTENT_NONE, was_open = claims->known && claims->promised >= 0;
	int64_t since = is_open && was_open ? claims->intent_since : model->now;
	int promised = was_open ? claims->promised : record->intent.required;
	*claims = (struct claims){ .promised = is_open ? promised : -1,
		                   .intent_since = since,
		                   .known = record->is_initialized,
		                   .primary = pod_slot(record->primary.pod),
		                   .required = record->required,
		                   .epoch = record->epoch,
		                   .generation = record->generation };
	for (int number = 0; number < DATABASES; number++) {
		char name[16];
		snprintf(name, sizeof(name), "db%d", number);
		for (size_t i = 0; i < record->database_count; i++)
			claims->databases[number] |= strcmp(record->databases[i].name, name) == 0;
	}
	for (size_t i = 0; i < record->member_count; i++) {
		int slot = pod_slot(record->members[i].pod);
		if (slot < 0) continue;
		claims->slots[claims->count] = slot;
		snprintf(claims->incarnations[claims->count++], NAME_SIZE, "%s", record->members[i].incarnation);
	}
}

void check_status(struct model *model, const struct json_object *object) {
	const struct json_object *status = json_get(object, "status");
	cleanup_arena struct arena arena = { 0 };
	struct record record;
	cleanup_error struct error *err = NULL;
	if (record_read(status, &arena, &record, &err) != 0) {
		violate(model, "record", "what was written cannot be read: %s", err->message);
		return;
	}
	keep_claims(model, &record);
	check_claims(model);
	if (!record.is_initialized || record.intent.kind != INTENT_NONE || record.primary.pod == NULL) return;
	int slot = pod_slot(record.primary.pod);
	for (size_t i = 0; i < model->process_count && slot >= 0; i++) {
		const struct process *process = model->processes[i];
		const struct sim_group *group = group_of(process);
		if (process->slot != slot || group == NULL || group->role != SIM_ROLE_PRIMARY ||
		    strcmp(model->cluster.pods[slot].uid, process->pod) != 0)
			continue;
		int outside, required = truth_of(group, &record, &outside);
		int safe = required - outside > 0 ? required - outside : 0;
		if (record.required > safe)
			violate(model, "record",
			        "the record says r = %d, and on %s it is %d with %d synchronous secondaries outside S",
			        record.required, record.primary.pod, required, outside);
	}
}

/* ---- When everything is healed ---- */

static bool ready_condition(const struct json_object *object) {
	const struct json_object *conditions = json_get_path(object, "status", "conditions", NULL);
	for (size_t i = 0; conditions != NULL && i < json_object_array_length(conditions); i++) {
		const struct json_object *condition = json_object_array_get_idx(conditions, i);
		const char *type = json_get_text(condition, "type"), *value = json_get_text(condition, "status");
		if (type != NULL && strcmp(type, "Ready") == 0) return value != NULL && strcmp(value, "True") == 0;
	}
	return false;
}

static struct process *only_primary(struct model *model, char why[200]) {
	struct process *primary = NULL;
	for (size_t i = 0; i < model->process_count; i++) {
		const struct sim_group *group = group_of(model->processes[i]);
		if (group == NULL || group->role != SIM_ROLE_PRIMARY) continue;
		if (primary != NULL) {
			snprintf(why, 200, "sales-%d and sales-%d are PRIMARY", primary->slot,
			         model->processes[i]->slot);
			return NULL;
		}
		primary = model->processes[i];
	}
	if (primary == NULL) snprintf(why, 200, "nobody is PRIMARY");
	return primary;
}

static bool is_synchronized(const struct model *model, const struct process *primary, int slot, char why[200]) {
	const struct sim_group *group = group_of(primary);
	char name[NAME_SIZE];
	pod_name(slot, name);
	const struct sim_replica *replica = sim_group_replica(group, name);
	if (replica == NULL) {
		snprintf(why, 200, "%s is not in the group", name);
		return false;
	}
	bool synchronous = model->configuration->synchronous[slot];
	if (replica->synchronous != synchronous) {
		snprintf(why, 200, "%s is %ssynchronous", name, synchronous ? "not " : "");
		return false;
	}
	const struct sim_replica *local = sim_group_local(group);
	enum sim_synchronization wanted = synchronous && local->synchronous ? SIM_SYNCHRONIZED : SIM_SYNCHRONIZING;
	for (size_t i = 0; i < group->database_count; i++) {
		enum sim_synchronization state = sim_remote_synchronization(group, replica, group->databases[i].id);
		if (state == wanted) continue;
		snprintf(why, 200, "%s: %s is in state %d", name, group->databases[i].name, (int)state);
		return false;
	}
	return true;
}

bool is_synchronized_to(struct model *model, int slot) {
	char why[200];
	int recorded = model->claims.primary;
	if (recorded < 0 || recorded == slot) return recorded >= 0;
	const struct process *primary = process_of_pod(model, model->cluster.pods[recorded].uid);
	return primary != NULL && group_of(primary) != NULL && is_synchronized(model, primary, slot, why);
}

static bool record_fits(struct model *model, const struct process *primary, char why[200]) {
	cleanup_arena struct arena arena = { 0 };
	struct record record;
	if (record_read(json_get(model->cluster.object, "status"), &arena, &record, NULL) != 0) return false;
	const struct configuration *configuration = model->configuration;
	size_t synchronous = 0;
	for (int i = 0; i < configuration->replicas; i++) synchronous += configuration->synchronous[i];
	size_t members = configuration->synchronous[primary->slot] ? synchronous : 1;
	int wanted = (int)members - 1;
	if (configuration->required >= 0 && configuration->required < wanted) wanted = configuration->required;
	if (pod_slot(record.primary.pod) != primary->slot)
		snprintf(why, 200, "sales-%d is PRIMARY, and %s is recorded", primary->slot, record.primary.pod);
	else if (record.intent.kind != INTENT_NONE) snprintf(why, 200, "an intent is open");
	else if (record.member_count != members)
		snprintf(why, 200, "%zu of %zu members in S", record.member_count, members);
	else if (record.required != wanted) snprintf(why, 200, "r is %d, not %d", record.required, wanted);
	else if (record.database_count != (size_t)configuration->databases)
		snprintf(why, 200, "%zu databases are recorded", record.database_count);
	else return true;
	return false;
}

static bool pods_fit(const struct model *model, int primary, char why[200]) {
	for (int slot = 0; slot < model->configuration->replicas; slot++) {
		const struct pod *pod = &model->cluster.pods[slot];
		bool labelled = strcmp(pod->role_label, "primary") == 0;
		if (!pod->exists || pod->deleting || !pod->ready) snprintf(why, 200, "pod sales-%d is not ready", slot);
		else if (labelled != (slot == primary) || pod->role_label[0] == '\0')
			snprintf(why, 200, "pod sales-%d is labelled \"%s\"", slot, pod->role_label);
		else if (pod->template_hash != model->cluster.set.template_hash)
			snprintf(why, 200, "pod sales-%d is of an old revision", slot);
		else continue;
		return false;
	}
	return true;
}

bool is_converged(struct model *model, char why[200]) {
	why[0] = '\0';
	if (model->cluster.object == NULL) return false;
	const struct process *primary = only_primary(model, why);
	if (primary == NULL || !record_fits(model, primary, why)) return false;
	if (group_of(primary)->database_count != (size_t)model->configuration->databases) {
		snprintf(why, 200, "%zu databases are in the group", group_of(primary)->database_count);
		return false;
	}
	for (int slot = 0; slot < model->configuration->replicas; slot++)
		if (slot != primary->slot && !is_synchronized(model, primary, slot, why)) return false;
	if (!pods_fit(model, primary->slot, why)) return false;
	if (ready_condition(model->cluster.object)) return true;
	snprintf(why, 200, "the object is not Ready");
	return false;
}

bool all_are_synchronized(struct model *model) {
	char why[200];
	const struct process *primary = only_primary(model, why);
	for (int slot = 0; primary != NULL && slot < model->configuration->replicas; slot++)
		if (slot != primary->slot && !is_synchronized(model, primary, slot, why)) return false;
	return primary != NULL;
}

bool group_is_whole(struct model *model) {
	char why[200];
	return is_converged(model, why);
}

bool check_rows(struct model *model) {
	char why[200];
	struct process *primary = only_primary(model, why);
	int first = 0, missing = primary != NULL ? clients_missing(model, primary, &first) : -1;
	if (missing < 0) return false;
	if (missing == 0 || model->force_allowed) return true;
	const struct row *row = &model->clients.rows[first];
	violate(model, "I1",
	        "%d acknowledged rows are lost; the first is %d in db%d, acknowledged by sales-%d at %.3f s", missing,
	        first, row->database, row->slot, (double)row->at / SECOND);
	return true;
}
