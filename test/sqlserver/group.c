/* The configuration of availability groups: finding one's way in it, keeping it, handing it on. */
#include "sqlserver/group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

struct sim_group *sim_group_find(const struct sim_instance *instance, const char *name) {
	for (size_t i = 0; i < instance->group_count; i++)
		if (strcasecmp(instance->groups[i]->name, name) == 0) return instance->groups[i];
	return NULL;
}

struct sim_group *sim_group_of(const struct sim_instance *instance, const struct sim_database *database) {
	if (database->group_database_id[0] == '\0') return NULL;
	for (size_t i = 0; i < instance->group_count; i++)
		for (size_t j = 0; j < instance->groups[i]->database_count; j++)
			if (strcmp(instance->groups[i]->databases[j].id, database->group_database_id) == 0)
				return instance->groups[i];
	return NULL;
}

struct sim_replica *sim_group_replica_by_id(const struct sim_group *group, const char *id) {
	for (size_t i = 0; i < group->replica_count; i++)
		if (strcmp(group->replicas[i].id, id) == 0) return &group->replicas[i];
	return NULL;
}

struct sim_replica *sim_group_local(const struct sim_group *group) {
	return sim_group_replica_by_id(group, group->replica_id);
}

struct sim_replica *sim_group_replica(const struct sim_group *group, const char *name) {
	for (size_t i = 0; i < group->replica_count; i++)
		if (strcasecmp(group->replicas[i].name, name) == 0) return &group->replicas[i];
	return NULL;
}

struct sim_progress *sim_link_progress(struct sim_link *link, const char *group_database_id) {
	for (size_t i = 0; i < link->progress_count; i++)
		if (strcmp(link->progress[i].group_database_id, group_database_id) == 0) return &link->progress[i];
	link->progress = xreallocarray(link->progress, link->progress_count + 1, sizeof(*link->progress));
	struct sim_progress *progress = &link->progress[link->progress_count++];
	*progress = (struct sim_progress){ 0 };
	snprintf(progress->group_database_id, SIM_GUID_SIZE, "%s", group_database_id);
	return progress;
}

void sim_replica_clear(struct sim_replica *replica) {
	free(replica->name);
	free(replica->endpoint_url);
	free(replica->routing_url);
	free(replica->link.progress);
}

static void clear_configuration(struct sim_group *group) {
	for (size_t i = 0; i < group->replica_count; i++) sim_replica_clear(&group->replicas[i]);
	for (size_t i = 0; i < group->database_count; i++) free(group->databases[i].name);
	free(group->replicas);
	free(group->databases);
	group->replicas = NULL;
	group->databases = NULL;
	group->replica_count = group->database_count = 0;
}

void sim_group_free(struct sim_group *group) {
	if (group == NULL) return;
	clear_configuration(group);
	free(group->seedings);
	free(group->name);
	free(group);
}

/* --- As bytes --- */

static void put_replica(struct strbuf *buf, const struct sim_replica *replica) {
	wire_put_text(buf, replica->id);
	wire_put_text(buf, replica->name);
	wire_put_text(buf, replica->endpoint_url);
	wire_put_text(buf, replica->routing_url);
	const uint64_t numbers[] = { replica->synchronous,
		                     replica->configuration_only,
		                     replica->automatic_seeding,
		                     replica->failover_mode,
		                     replica->secondary_access,
		                     replica->primary_read_write_only,
		                     (uint64_t)replica->session_timeout,
		                     (uint64_t)replica->backup_priority,
		                     (uint64_t)replica->created };
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) wire_put(buf, numbers[i]);
}

static void get_guid(struct wire *wire, char guid[SIM_GUID_SIZE]) {
	cleanup_free char *text = wire_get_text(wire);
	snprintf(guid, SIM_GUID_SIZE, "%s", text);
}

static void get_replica(struct wire *wire, struct sim_replica *replica) {
	get_guid(wire, replica->id);
	replica->name = wire_get_text(wire);
	replica->endpoint_url = wire_get_text(wire);
	replica->routing_url = wire_get_text(wire);
	replica->synchronous = wire_get(wire) != 0;
	replica->configuration_only = wire_get(wire) != 0;
	replica->automatic_seeding = wire_get(wire) != 0;
	replica->failover_mode = (enum sim_failover_mode)wire_get(wire);
	replica->secondary_access = (enum sim_access)wire_get(wire);
	replica->primary_read_write_only = wire_get(wire) != 0;
	replica->session_timeout = (int)wire_get(wire);
	replica->backup_priority = (int)wire_get(wire);
	replica->created = (int64_t)wire_get(wire);
}

void sim_group_put(struct strbuf *buf, const struct sim_group *group, bool with_local) {
	wire_put_text(buf, group->id);
	wire_put_text(buf, group->name);
	wire_put(buf, group->cluster_type);
	wire_put(buf, group->db_failover);
	wire_put(buf, (uint64_t)group->required);
	wire_put(buf, group->sequence);
	wire_put(buf, (uint64_t)group->lease_seconds);
	wire_put_text(buf, group->forced);
	wire_put(buf, group->replica_count);
	for (size_t i = 0; i < group->replica_count; i++) put_replica(buf, &group->replicas[i]);
	wire_put(buf, group->database_count);
	for (size_t i = 0; i < group->database_count; i++) {
		wire_put_text(buf, group->databases[i].id);
		wire_put_text(buf, group->databases[i].name);
	}
	if (!with_local) return;
	wire_put_text(buf, group->replica_id);
	wire_put(buf, group->role);
	wire_put(buf, group->may_create);
	wire_put(buf, group->was_primary);
	wire_put(buf, (uint64_t)group->latched_wall);
}

struct sim_group *sim_group_get(struct wire *wire, bool with_local) {
	struct sim_group *group = xcalloc(1, sizeof(*group));
	get_guid(wire, group->id);
	group->name = wire_get_text(wire);
	group->cluster_type = (enum sim_cluster_type)wire_get(wire);
	group->db_failover = wire_get(wire) != 0;
	group->required = (int)wire_get(wire);
	group->sequence = wire_get(wire);
	group->lease_seconds = (int)wire_get(wire);
	get_guid(wire, group->forced);
	for (uint64_t count = wire_get(wire); count > 0 && !wire->broken; count--) {
		group->replicas = xreallocarray(group->replicas, group->replica_count + 1, sizeof(*group->replicas));
		struct sim_replica *replica = &group->replicas[group->replica_count++];
		*replica = (struct sim_replica){ 0 };
		get_replica(wire, replica);
	}
	for (uint64_t count = wire_get(wire); count > 0 && !wire->broken; count--) {
		group->databases =
		        xreallocarray(group->databases, group->database_count + 1, sizeof(*group->databases));
		struct sim_group_database *database = &group->databases[group->database_count++];
		get_guid(wire, database->id);
		database->name = wire_get_text(wire);
	}
	if (!with_local) return group;
	get_guid(wire, group->replica_id);
	group->role = (enum sim_role)wire_get(wire);
	group->may_create = wire_get(wire) != 0;
	group->was_primary = wire_get(wire) != 0;
	group->latched_wall = (int64_t)wire_get(wire);
	return group;
}

void sim_group_adopt(struct sim_group *group, struct sim_group *from) {
	for (size_t i = 0; i < from->replica_count; i++) {
		struct sim_replica *old = sim_group_replica_by_id(group, from->replicas[i].id);
		if (old == NULL) continue;
		from->replicas[i].link = old->link;
		old->link = (struct sim_link){ 0 };
	}
	clear_configuration(group);
	group->replicas = take(&from->replicas);
	group->replica_count = from->replica_count;
	group->databases = take(&from->databases);
	group->database_count = from->database_count;
	from->replica_count = from->database_count = 0;
	memcpy(group->id, from->id, sizeof(group->id));
	group->cluster_type = from->cluster_type;
	group->db_failover = from->db_failover;
	group->required = from->required;
	group->sequence = from->sequence;
	group->lease_seconds = from->lease_seconds;
	memcpy(group->forced, from->forced, sizeof(group->forced));
	sim_group_free(from);
}

/* --- What views show --- */

static bool both_synchronous(const struct sim_group *group, const struct sim_replica *replica) {
	const struct sim_replica *local = sim_group_local(group);
	return local != NULL && local->synchronous && replica->synchronous;
}

enum sim_synchronization sim_remote_synchronization(const struct sim_group *group, const struct sim_replica *replica,
                                                    const char *group_database_id) {
	const struct sim_link *link = &replica->link;
	for (size_t i = 0; i < link->progress_count; i++) {
		const struct sim_progress *progress = &link->progress[i];
		if (strcmp(progress->group_database_id, group_database_id) != 0) continue;
		if (!link->connected || progress->suspended || progress->step == SIM_STEP_NONE)
			return progress->shown == SIM_REVERTING && link->connected ? SIM_REVERTING
			                                                           : SIM_NOT_SYNCHRONIZING;
		bool synchronized = progress->step == SIM_STEP_SYNCHRONIZED && both_synchronous(group, replica);
		return synchronized ? SIM_SYNCHRONIZED : SIM_SYNCHRONIZING;
	}
	return SIM_NOT_SYNCHRONIZING;
}

enum sim_synchronization sim_database_synchronization(const struct sim_instance *instance,
                                                      const struct sim_database *database) {
	const struct sim_group *group = sim_group_of(instance, database);
	if (group == NULL) return SIM_NOT_SYNCHRONIZING;
	const struct sim_replica *local = sim_group_local(group);
	if (group->role == SIM_ROLE_PRIMARY)
		return local != NULL && local->synchronous ? SIM_SYNCHRONIZED : SIM_SYNCHRONIZING;
	const struct sim_replica *primary = sim_group_replica_by_id(group, group->primary_id);
	bool connected = group->role == SIM_ROLE_SECONDARY && primary != NULL && primary->link.connected;
	if (!connected || database->suspended || !database->joined) return SIM_NOT_SYNCHRONIZING;
	if (database->reverting) return SIM_REVERTING;
	return database->ready ? SIM_SYNCHRONIZED : SIM_SYNCHRONIZING;
}
