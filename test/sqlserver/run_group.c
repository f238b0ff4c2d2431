/* CREATE, ALTER and DROP AVAILABILITY GROUP. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

static enum sim_run done(struct sim_session *session) {
	sim_done(session, -1, false);
	return SIM_RUN_DONE;
}

/* --- Replicas --- */

static const char *child(const struct sim_option *option, const char *key) {
	return sim_option_value(option->children, option->child_count, key);
}

static bool is(const char *value, const char *word) {
	return value != NULL && strcasecmp(value, word) == 0;
}

static void apply_access(struct sim_replica *replica, const struct sim_option *option) {
	const struct sim_option *secondary = sim_option_find(option->children, option->child_count, "SECONDARY_ROLE");
	const char *allow = secondary != NULL ? child(secondary, "ALLOW_CONNECTIONS") : NULL;
	if (is(allow, "ALL") || is(allow, "YES")) replica->secondary_access = SIM_ACCESS_ALL;
	if (is(allow, "READ_ONLY")) replica->secondary_access = SIM_ACCESS_READ_ONLY;
	if (is(allow, "NO")) replica->secondary_access = SIM_ACCESS_NO;
	const char *routing = secondary != NULL ? child(secondary, "READ_ONLY_ROUTING_URL") : NULL;
	if (routing != NULL) sim_set_text(&replica->routing_url, routing);
}

static const char *failover_name(enum sim_failover_mode mode) {
	static const char *const names[] = { "AUTOMATIC", "MANUAL", "EXTERNAL" };
	return names[mode];
}

/* Puts what the options say into the replica. 0, or the message that was raised. */
static enum sim_run apply_replica(struct sim_session *session, int line, const struct sim_group *group,
                                  struct sim_replica *replica, const struct sim_option *option) {
	const char *mode = child(option, "AVAILABILITY_MODE"), *failover = child(option, "FAILOVER_MODE");
	const char *seeding = child(option, "SEEDING_MODE"), *url = child(option, "ENDPOINT_URL"),
	           *timeout = child(option, "SESSION_TIMEOUT");
	if (url != NULL) sim_set_text(&replica->endpoint_url, url);
	if (mode != NULL) replica->synchronous = is(mode, "SYNCHRONOUS_COMMIT");
	if (mode != NULL) replica->configuration_only = is(mode, "CONFIGURATION_ONLY");
	if (seeding != NULL) replica->automatic_seeding = is(seeding, "AUTOMATIC");
	if (timeout != NULL) replica->session_timeout = atoi(timeout);
	if (child(option, "BACKUP_PRIORITY") != NULL) replica->backup_priority = atoi(child(option, "BACKUP_PRIORITY"));
	apply_access(replica, option);
	if (failover == NULL) return SIM_RUN_DONE;
	replica->failover_mode = is(failover, "EXTERNAL")    ? SIM_FAILOVER_EXTERNAL
	                         : is(failover, "AUTOMATIC") ? SIM_FAILOVER_AUTOMATIC
	                                                     : SIM_FAILOVER_MANUAL;
	bool external = group->cluster_type == SIM_CLUSTER_EXTERNAL;
	enum sim_failover_mode wanted = external ? SIM_FAILOVER_EXTERNAL : SIM_FAILOVER_MANUAL;
	if (replica->failover_mode != wanted && !replica->configuration_only)
		return sim_raise(session, line, 47102, replica->name, group->name, external ? "EXTERNAL" : "NONE",
		                 failover_name(wanted));
	return SIM_RUN_DONE;
}

static struct sim_replica *add_replica(struct sim_instance *instance, struct sim_group *group, const char *name) {
	group->replicas = xreallocarray(group->replicas, group->replica_count + 1, sizeof(*group->replicas));
	struct sim_replica *replica = &group->replicas[group->replica_count++];
	*replica = (struct sim_replica){
		.name = xstrdup(name), .session_timeout = 10, .backup_priority = 50, .created = sim_wall(instance)
	};
	replica->failover_mode =
	        group->cluster_type == SIM_CLUSTER_EXTERNAL ? SIM_FAILOVER_EXTERNAL : SIM_FAILOVER_MANUAL;
	sim_guid(instance, replica->id);
	return replica;
}

/* At most 9 replicas, 5 of them synchronous; basic groups of Standard edition: 2. */
static bool too_many(const struct sim_instance *instance, const struct sim_group *group, const char **most) {
	size_t synchronous = 0, data = 0;
	for (size_t i = 0; i < group->replica_count; i++) {
		synchronous += group->replicas[i].synchronous;
		data += !group->replicas[i].configuration_only;
	}
	bool standard = strcasecmp(instance->edition, "Standard") == 0;
	*most = standard ? "2" : synchronous > 5 ? "5" : "9";
	return standard ? data > 2 : synchronous > 5 || data > 9;
}

/* --- CREATE --- */

static enum sim_run configure(struct sim_session *session, const struct sim_statement *statement,
                              struct sim_group *group) {
	struct sim_instance *instance = session->instance;
	for (size_t i = 0; i < statement->option_count; i++) {
		const struct sim_option *option = &statement->options[i];
		if (strcmp(option->key, "REPLICA") != 0) continue;
		if (sim_group_replica(group, option->value) != NULL)
			return sim_raise(session, statement->line, 41199, group->name, option->value);
		enum sim_run result = apply_replica(session, statement->line, group,
		                                    add_replica(instance, group, option->value), option);
		if (result != SIM_RUN_DONE) return result;
		if (group->replicas[group->replica_count - 1].endpoint_url == NULL)
			return sim_raise_text(session, statement->line, 35204, 16, 1,
			                      "The ENDPOINT_URL option is missing for a replica.");
	}
	const char *most;
	cleanup_free char *count = xasprintf("%zu", group->replica_count);
	if (too_many(instance, group, &most)) return sim_raise(session, statement->line, 35233, count, "is", most);
	const struct sim_replica *local = sim_group_replica(group, instance->name);
	if (local == NULL) return sim_raise(session, statement->line, 19456, group->name);
	snprintf(group->replica_id, SIM_GUID_SIZE, "%s", local->id);
	for (size_t i = 0; i < statement->member_count; i++) {
		struct sim_database *database = sim_database_find(instance, statement->members[i]);
		if (database == NULL) return sim_raise(session, statement->line, 911, statement->members[i]);
		int number = sim_group_add_database(instance, group, database);
		if (number != 0) return sim_raise(session, statement->line, number, database->name, group->name);
	}
	return SIM_RUN_DONE;
}

static enum sim_run create_group(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	const char *type = sim_option_value(statement->options, statement->option_count, "CLUSTER_TYPE");
	const char *required = sim_option_value(statement->options, statement->option_count,
	                                        "REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT");
	const char *lease = sim_option_value(statement->options, statement->option_count, "WRITE_LEASE_VALIDITY");
	if (!sim_is_sysadmin(session)) return sim_raise(session, statement->line, 15247);
	if (!instance->hadr_enabled || strcasecmp(instance->edition, "Express") == 0)
		return sim_raise(session, statement->line, 35221);
	if (sim_group_find(instance, statement->name) != NULL)
		return sim_raise(session, statement->line, 41042, statement->name);
	if (type == NULL || is(type, "WSFC")) return sim_raise(session, statement->line, 19408);
	struct sim_group *group = xcalloc(1, sizeof(*group));
	group->name = xstrdup(statement->name);
	group->cluster_type = is(type, "EXTERNAL") ? SIM_CLUSTER_EXTERNAL : SIM_CLUSTER_NONE;
	group->db_failover = is(sim_option_value(statement->options, statement->option_count, "DB_FAILOVER"), "ON");
	group->required = required != NULL ? atoi(required) : 0;
	group->lease_seconds = lease != NULL ? atoi(lease) : 0;
	group->sequence = UINT64_C(1) << 32;
	sim_guid(instance, group->id);
	if (configure(session, statement, group) != SIM_RUN_DONE) {
		for (size_t i = 0; i < group->database_count; i++) {
			struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
			if (database != NULL) database->group_database_id[0] = '\0';
		}
		sim_group_free(group);
		return SIM_RUN_FAILED;
	}
	group->role = SIM_ROLE_PRIMARY;
	group->role_since = group->next_heartbeat = sim_now(instance);
	if (group->lease_seconds > 0) group->lease_until = sim_now(instance) + (int64_t)group->lease_seconds * 1000000;
	instance->groups = xreallocarray(instance->groups, instance->group_count + 1, sizeof(*instance->groups));
	instance->groups[instance->group_count++] = group;
	sim_group_changed(instance, group);
	return done(session);
}

/* --- JOIN --- */

static enum sim_run join_group(struct sim_session *session, const struct sim_statement *statement) {
	struct sim_instance *instance = session->instance;
	struct sim_progress_state *progress = &session->progress;
	const char *type = sim_option_value(statement->options, statement->option_count, "CLUSTER_TYPE");
	struct sim_group *group = sim_group_find(instance, statement->name);
	if (!instance->hadr_enabled) return sim_raise(session, statement->line, 35221);
	if (group != NULL) {
		if (progress->stage == 0)
			return sim_raise_text(
			        session, statement->line, 41170, 16, 1,
			        "The local availability replica has already joined the availability group.");
		bool external = group->cluster_type == SIM_CLUSTER_EXTERNAL;
		if (external == is(type, "EXTERNAL")) return done(session);
		sim_group_drop(instance, group);
		return sim_raise(session, statement->line, 47108, statement->name);
	}
	int64_t now = sim_now(instance);
	if (progress->stage == 0) {
		progress->until = now + sim_timing(instance, SIM_TIMING_join_timeout);
		progress->stage = 1;
		sim_list_add(&instance->joining, statement->name);
	}
	progress->deadline = progress->until;
	if (now < progress->until) return SIM_RUN_WAIT;
	sim_list_remove(&instance->joining, statement->name);
	return sim_raise(session, statement->line, 47106, statement->name);
}

/* --- Roles --- */

static bool externally_managed(const struct sim_session *session) {
	for (size_t i = 0; i < session->context_count; i++)
		if (strcasecmp(session->context[i].key, "external_cluster") == 0)
			return session->context[i].value.kind == SIM_VALUE_TEXT &&
			       strcasecmp(session->context[i].value.bytes, "yes") == 0;
	return false;
}

static enum sim_run answer(struct sim_session *session, const struct sim_statement *statement, int number) {
	if (number != 0) return sim_raise(session, statement->line, number, statement->name, "0");
	return done(session);
}

static enum sim_run failover(struct sim_session *session, const struct sim_statement *statement,
                             struct sim_group *group) {
	bool force = strcmp(statement->other, "FORCE_FAILOVER_ALLOW_DATA_LOSS") == 0;
	bool external = group->cluster_type == SIM_CLUSTER_EXTERNAL;
	if (external && !externally_managed(session)) return sim_raise(session, statement->line, 47104, group->name);
	if (!external && !force) return sim_raise(session, statement->line, 47122, group->name);
	/* Behind a SET (ROLE = SECONDARY) that found no primary its recovery comes first. */
	if (group->reseat_until > sim_now(session->instance)) {
		session->progress.deadline = group->reseat_until;
		return SIM_RUN_WAIT;
	}
	return answer(session, statement,
	              force ? sim_group_force(session->instance, group) : sim_group_failover(session->instance, group));
}

/* --- Configuration --- */

static enum sim_run set_lease(struct sim_session *session, const struct sim_statement *statement,
                              struct sim_group *group, int seconds) {
	struct sim_instance *instance = session->instance;
	if (group->lease_seconds == 0) return sim_raise(session, statement->line, 47116, group->name);
	int64_t until = sim_now(instance) + (int64_t)seconds * 1000000;
	if (group->lease_until > until) return sim_raise(session, statement->line, 47119, group->name);
	group->lease_until = until;
	return done(session);
}

static bool unmet(const struct sim_instance *instance, const struct sim_group *group) {
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		if (database != NULL && sim_group_lacks_quorum(instance, group, database)) return true;
	}
	return false;
}

static enum sim_run set_options(struct sim_session *session, const struct sim_statement *statement,
                                struct sim_group *group) {
	for (size_t i = 0; i < statement->option_count; i++) {
		const struct sim_option *option = &statement->options[i];
		if (strcmp(option->key, "REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT") == 0) {
			int value = atoi(option->value);
			if (value < 0 || value >= (int)group->replica_count)
				return sim_raise_text(session, statement->line, 47103, 16, 1,
				                      "The value of REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT must "
				                      "be between 0 and the number of secondary replicas.");
			group->required = value;
		} else if (strcmp(option->key, "DB_FAILOVER") == 0) {
			group->db_failover = is(option->value, "ON");
		}
	}
	return SIM_RUN_DONE;
}

static enum sim_run change_replicas(struct sim_session *session, const struct sim_statement *statement,
                                    struct sim_group *group) {
	struct sim_instance *instance = session->instance;
	bool add = strcmp(statement->other, "ADD REPLICA") == 0;
	for (size_t i = 0; i < statement->option_count; i++) {
		const struct sim_option *option = &statement->options[i];
		struct sim_replica *replica = sim_group_replica(group, option->value);
		if (add && replica != NULL)
			return sim_raise(session, statement->line, 41199, group->name, option->value);
		if (!add && replica == NULL)
			return sim_raise(session, statement->line, 15151, "modify", "availability replica",
			                 option->value);
		if (add) replica = add_replica(instance, group, option->value);
		enum sim_run result = apply_replica(session, statement->line, group, replica, option);
		if (result == SIM_RUN_DONE && add && replica->endpoint_url == NULL)
			result = sim_raise_text(session, statement->line, 35204, 16, 1,
			                        "The ENDPOINT_URL option is missing for a replica.");
		const char *most;
		cleanup_free char *count = xasprintf("%zu", group->replica_count);
		if (result == SIM_RUN_DONE && too_many(instance, group, &most))
			result = sim_raise(session, statement->line, 35233, count, "is", most);
		if (result == SIM_RUN_DONE) {
			/* Whoever is not synchronous any more is not waited for from now on. */
			const struct sim_replica *local = sim_group_local(group);
			for (size_t r = 0; r < group->replica_count; r++)
				for (size_t j = 0; j < group->replicas[r].link.progress_count; j++) {
					struct sim_progress *progress = &group->replicas[r].link.progress[j];
					if (progress->step > SIM_STEP_SENDING &&
					    (!group->replicas[r].synchronous || !local->synchronous))
						progress->step = SIM_STEP_SENDING;
				}
			continue;
		}
		if (add) sim_replica_clear(&group->replicas[--group->replica_count]);
		return result;
	}
	return SIM_RUN_DONE;
}

static enum sim_run remove_replicas(struct sim_session *session, const struct sim_statement *statement,
                                    struct sim_group *group) {
	for (size_t i = 0; i < statement->member_count; i++) {
		struct sim_replica *replica = sim_group_replica(group, statement->members[i]);
		if (replica == NULL)
			return sim_raise(session, statement->line, 15151, "remove", "availability replica",
			                 statement->members[i]);
		if (replica == sim_group_local(group))
			return sim_raise(session, statement->line, 41173, replica->name, group->name);
		struct sim_replica removed = *replica;
		size_t index = (size_t)(replica - group->replicas);
		memmove(replica, replica + 1, (group->replica_count - index - 1) * sizeof(*replica));
		group->replica_count--;
		sim_replica_clear(&removed);
	}
	return SIM_RUN_DONE;
}

static enum sim_run change_databases(struct sim_session *session, const struct sim_statement *statement,
                                     struct sim_group *group) {
	struct sim_instance *instance = session->instance;
	bool add = strcmp(statement->other, "ADD DATABASE") == 0;
	for (size_t i = 0; i < statement->member_count; i++) {
		struct sim_database *database = sim_database_find(instance, statement->members[i]);
		if (database == NULL) return sim_raise(session, statement->line, 911, statement->members[i]);
		if (!add && sim_group_of(instance, database) != group)
			return sim_raise(session, statement->line, 35242, database->name);
		if (!add) {
			sim_group_remove_database(instance, group, database->name);
			continue;
		}
		/* ADD DATABASE is one of the statements that the documentation warns of: it needs the required
		 * secondaries. */
		if (group->required > 0 && unmet(instance, group))
			return sim_raise(session, statement->line, 988, database->name);
		int number = sim_group_add_database(instance, group, database);
		if (number != 0) return sim_raise(session, statement->line, number, database->name, group->name);
	}
	return SIM_RUN_DONE;
}

/* A change of the primary's configuration: done at once here, and where the assumptions say so it waits for others. */
static enum sim_run change(struct sim_session *session, const struct sim_statement *statement,
                           struct sim_group *group) {
	struct sim_instance *instance = session->instance;
	struct sim_progress_state *progress = &session->progress;
	bool removes = strcmp(statement->other, "REMOVE REPLICA") == 0;
	if (progress->stage == 0) {
		if (group->role != SIM_ROLE_PRIMARY) return sim_raise(session, statement->line, 41140, group->name);
		const char *lease =
		        sim_option_value(statement->options, statement->option_count, "WRITE_LEASE_VALIDITY");
		if (strcmp(statement->other, "SET") == 0 && lease != NULL)
			return set_lease(session, statement, group, atoi(lease));
		const char *required = sim_option_value(statement->options, statement->option_count,
		                                        "REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT");
		bool lowers =
		        strcmp(statement->other, "SET") == 0 && required != NULL && atoi(required) < group->required;
		if (!lowers && !sim_assume(instance, SIM_ASSUME_configure_while_unmet) && unmet(instance, group))
			return sim_raise(session, statement->line, 988,
			                 group->database_count > 0 ? group->databases[0].name : "");
		enum sim_run result = SIM_RUN_DONE;
		if (strcmp(statement->other, "SET") == 0) result = set_options(session, statement, group);
		else if (removes) result = remove_replicas(session, statement, group);
		else if (strstr(statement->other, "REPLICA") != NULL)
			result = change_replicas(session, statement, group);
		else result = change_databases(session, statement, group);
		if (result != SIM_RUN_DONE) return result;
		sim_group_changed(instance, group);
		progress->sequence = group->sequence;
		progress->stage = 1;
	}
	bool majority = sim_assume(instance, SIM_ASSUME_configuration_needs_majority) ||
	                (removes && sim_assume(instance, SIM_ASSUME_drop_needs_majority));
	if (majority && group->role == SIM_ROLE_PRIMARY && group->sequence == progress->sequence &&
	    !sim_group_configured(group)) {
		progress->deadline = INT64_MAX;
		return SIM_RUN_WAIT;
	}
	if (group->sequence == progress->sequence) group->commit_started_wall = 0;
	return done(session);
}

static enum sim_run alter_group(struct sim_session *session, const struct sim_statement *statement) {
	if (!sim_has_permission(session, "ALTER ANY AVAILABILITY GROUP") ||
	    !sim_has_permission(session, "ALTER ANY DATABASE"))
		return sim_raise(session, statement->line, 15151, "alter", "availability group", statement->name);
	if (strcmp(statement->other, "JOIN") == 0) return join_group(session, statement);
	struct sim_group *group = sim_group_find(session->instance, statement->name);
	if (group == NULL)
		return sim_raise(session, statement->line, 15151, "alter", "availability group", statement->name);
	if (strstr(statement->other, "FAILOVER") != NULL) return failover(session, statement, group);
	if (strcmp(statement->other, "OFFLINE") == 0)
		return answer(session, statement, sim_group_offline(session->instance, group));
	if (strstr(statement->other, "CREATE ANY DATABASE") != NULL) {
		group->may_create = statement->other[0] == 'G';
		sim_instance_save(session->instance);
		return done(session);
	}
	const char *role = sim_option_value(statement->options, statement->option_count, "ROLE");
	if (strcmp(statement->other, "SET") == 0 && role != NULL) {
		if (!is(role, "SECONDARY"))
			return sim_raise_text(session, statement->line, 102, 15, 1, "Incorrect syntax near 'ROLE'.");
		return answer(session, statement, sim_group_set_secondary(session->instance, group));
	}
	/* The lease is renewed on the target before FAILOVER, too. */
	const char *lease = sim_option_value(statement->options, statement->option_count, "WRITE_LEASE_VALIDITY");
	if (strcmp(statement->other, "SET") == 0 && lease != NULL && group->role != SIM_ROLE_PRIMARY)
		return set_lease(session, statement, group, atoi(lease));
	return change(session, statement, group);
}

enum sim_run sim_run_group(struct sim_session *session, const struct sim_statement *statement) {
	if (statement->kind == SIM_CREATE_GROUP) return create_group(session, statement);
	if (statement->kind == SIM_ALTER_GROUP) return alter_group(session, statement);
	struct sim_group *group = sim_group_find(session->instance, statement->name);
	if (group == NULL && statement->if_exists) return done(session);
	if (group == NULL || !sim_has_permission(session, "ALTER ANY AVAILABILITY GROUP"))
		return sim_raise(session, statement->line, 15151, "drop", "availability group", statement->name);
	sim_group_drop(session->instance, group);
	return done(session);
}
