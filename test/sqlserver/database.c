#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/group.h"
#include "sqlserver/server.h"
#include "sqlserver/store.h"

/* master, tempdb, model, msdb */
enum { LAST_SYSTEM_ID = 4 };

struct sim_database *sim_database_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->database_count; i++)
		if (strcasecmp(instance->databases[i]->name, name) == 0) return instance->databases[i];
	return NULL;
}

struct sim_database *sim_database_by_id(const struct sim_instance *instance, int id) {
	for (size_t i = 0; i < instance->database_count; i++)
		if (instance->databases[i]->id == id) return instance->databases[i];
	return NULL;
}

struct sim_database *sim_database_of_group(const struct sim_instance *instance, const char *group_database_id) {
	for (size_t i = 0; i < instance->database_count; i++)
		if (strcmp(instance->databases[i]->group_database_id, group_database_id) == 0)
			return instance->databases[i];
	return NULL;
}

bool sim_database_is_system(const struct sim_database *database) {
	return database->id <= LAST_SYSTEM_ID;
}

struct sim_database *sim_database_create(struct sim_instance *instance, const char *name, bool first_fork,
                                         struct error **err) {
	int id = 1;
	while (sim_database_by_id(instance, id) != NULL) id++;
	struct sim_database *database = xcalloc(1, sizeof(*database));
	database->id = id;
	database->name = xstrdup(name);
	database->recovery = id == 2 || id == 1 || id == 4 ? SIM_RECOVERY_SIMPLE : SIM_RECOVERY_FULL;
	database->created = sim_wall(instance);
	sim_guid(instance, database->guid);
	cleanup_free char *file = xasprintf("%s.log", database->guid);
	int result = sim_log_open(&database->log, instance->disk, file, err);
	database->log.is_allocated = id <= 4;
	if (result == 0 && first_fork) result = sim_log_fork(&database->log, database->guid, err);
	if (result < 0) {
		sim_database_free(database);
		return NULL;
	}
	instance->databases =
	        xreallocarray(instance->databases, instance->database_count + 1, sizeof(*instance->databases));
	instance->databases[instance->database_count++] = database;
	return database;
}

void sim_database_free(struct sim_database *database) {
	if (database == NULL) return;
	sim_store_close(database->store);
	sim_log_close(&database->log);
	free(database->name);
	free(database->owner);
	free(database);
}

void sim_database_drop(struct sim_instance *instance, struct sim_database *database) {
	sim_disk_remove(instance->disk, database->log.file);
	for (size_t i = 0; i < instance->database_count; i++) {
		if (instance->databases[i] != database) continue;
		memmove(&instance->databases[i], &instance->databases[i + 1],
		        (instance->database_count - i - 1) * sizeof(*instance->databases));
		instance->database_count--;
		break;
	}
	sim_database_free(database);
}

const char *sim_database_state_name(enum sim_database_state state) {
	static const char *const names[] = { "ONLINE", "RESTORING", "RECOVERING", "RECOVERY_PENDING", "SUSPECT" };
	return names[state];
}

enum sim_database_state sim_database_state(const struct sim_instance *instance, const struct sim_database *database) {
	if (database->suspect) return SIM_SUSPECT;
	if (database->restoring) return SIM_RESTORING;
	const struct sim_group *group = sim_group_of(instance, database);
	if (group == NULL || group->role == SIM_ROLE_PRIMARY) return SIM_ONLINE;
	if (group->role == SIM_ROLE_RESOLVING) return SIM_RECOVERY_PENDING;
	return database->reverting ? SIM_RECOVERING : SIM_ONLINE;
}

struct sim_store *sim_database_store(struct sim_instance *instance, struct sim_database *database) {
	if (database->store == NULL) {
		database->store = sim_store_open(instance);
		database->applied = 0;
	}
	for (; database->applied < database->log.count; database->applied++) {
		const struct sim_record *record = &database->log.records[database->applied];
		sim_store_redo(database->store, record->payload, record->length);
	}
	return database->store;
}

int sim_database_cut(struct sim_database *database, uint64_t position, size_t forks, struct error **err) {
	if (sim_log_cut(&database->log, position, forks, err) < 0) return -1;
	if (database->applied > position) {
		sim_store_close(database->store);
		database->store = NULL;
		database->applied = 0;
	}
	if (database->acknowledged > position) database->acknowledged = position;
	return 0;
}
