#include "controller/decide/databases.h"

#include <string.h>

#include "base/strbuf.h"
#include "controller/decide/trouble.h"
#include "sql/statements.h"

enum {
	MSG_INVALID_OBJECT = 208,
	MSG_PERMISSION_DENIED = 262,
	STUCK_AFTER = 3 /* failures of one step: it is for a person now */
};

static bool same(const char *a, const char *b) {
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* ---- What is where ---- */

/* A database of the instance, in the group or not. */
static const struct sql_local_database_row *local_of(const struct sql_observation *seen, const char *name) {
	for (size_t i = 0; i < seen->local_database_count; i++) {
		if (same(seen->local_databases[i].name, name)) return &seen->local_databases[i];
	}
	return NULL;
}

static const char *name_of(const struct sql_observation *seen, const char *group_database_id) {
	for (size_t i = 0; i < seen->local_database_count; i++) {
		const struct sql_local_database_row *row = &seen->local_databases[i];
		if (same(row->group_database_id, group_database_id)) return row->name;
	}
	return NULL;
}

/* The replica's own row of a database of this group. (Of another group on the same server there is none.) */
static const struct sql_database_row *own_row(const struct sql_observation *seen, const char *group_database_id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (row->is_local && same(row->group_database_id, group_database_id)) return row;
	}
	return NULL;
}

static bool is_shown_anywhere(const struct sql_observation *seen, const char *group_database_id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		if (same(seen->databases[i].group_database_id, group_database_id)) return true;
	}
	return name_of(seen, group_database_id) != NULL;
}

/* ---- The record of them ---- */

static bool is_recorded(const struct record *record, const char *group_database_id) {
	for (size_t i = 0; i < record->database_count; i++) {
		if (same(record->databases[i].id, group_database_id)) return true;
	}
	return false;
}

/* Both the catalogue and the states must be without it: each may be late. */
static size_t keep_recorded(const struct record *from, const struct sql_observation *seen, bool speaks_for_group,
                            struct record *changed) {
	for (size_t i = 0; i < from->database_count; i++) {
		const struct recorded_database *database = &from->databases[i];
		if (speaks_for_group && !is_shown_anywhere(seen, database->id)) continue;
		changed->databases[changed->database_count++] = *database;
	}
	return from->database_count - changed->database_count;
}

static size_t add_new(struct deciding *deciding, const struct sql_observation *seen, struct record *changed) {
	size_t before = changed->database_count;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		const char *name = row->name != NULL ? row->name : name_of(seen, row->group_database_id);
		if (!row->is_local || row->group_database_id == NULL || name == NULL) continue;
		if (is_recorded(changed, row->group_database_id)) continue;
		if (changed->database_count == RECORD_DATABASES_MAX) break;
		changed->databases[changed->database_count++] =
		        (struct recorded_database){ plan_text(deciding->plan, "%s", name),
			                            plan_text(deciding->plan, "%s", row->group_database_id) };
	}
	return changed->database_count - before;
}

bool databases_record(struct deciding *deciding, const struct replica_view *replica, bool speaks_for_group,
                      bool *is_new) {
	const struct sql_observation *seen = replica->server.seen;
	struct record changed = { .databases = arena_calloc(&deciding->plan->arena, RECORD_DATABASES_MAX,
		                                            sizeof(struct recorded_database)) };
	size_t gone = keep_recorded(&deciding->next, seen, speaks_for_group, &changed);
	size_t added = add_new(deciding, seen, &changed);
	if (is_new != NULL && added > 0) *is_new = true;
	if (gone == 0 && added == 0) return false;
	deciding->next.databases = changed.databases;
	deciding->next.database_count = changed.database_count;
	return true;
}

/* What the synchronous set has recorded in this pass (set.c). */
static void tell_changes(struct deciding *deciding) {
	const struct record *before = deciding->record, *after = &deciding->next;
	for (size_t i = 0; i < after->database_count; i++) {
		if (is_recorded(before, after->databases[i].id)) continue;
		say(deciding, false, "DatabaseJoined", "Database %s is in the availability group",
		    after->databases[i].name);
	}
	for (size_t i = 0; i < before->database_count; i++) {
		if (is_recorded(after, before->databases[i].id)) continue;
		say(deciding, false, "DatabaseRemoved", "Database %s is not in the availability group any more",
		    before->databases[i].name);
	}
}

/* ---- Into the group ---- */

/* One thing at a time on the primary; what it met before, in words. */
static const char *step(struct deciding *deciding, enum action_type type, const char *database, const char *words) {
	const char *failed = attempt_trouble(deciding, type, deciding->primary->pod_name, database);
	change_server(deciding, deciding->primary, &(struct action){ .type = type, .text = database, .reason = words });
	return failed != NULL ? plan_text(deciding->plan, "%s failed: %s", words, failed) : words;
}

/* A copy outside of the group keeps the group's from being seeded there. The server drops it only where nothing is lost
 * by it: one of ours without a table, made by a primary that was lost before it could add it. */
static const char *drop_copy(struct deciding *deciding, const struct replica_view *replica, const char *database) {
	const char *pod = replica->pod_name;
	const char *failed = attempt_trouble(deciding, ACTION_DROP_DATABASE, pod, database);
	change_server(deciding, replica,
	              &(struct action){ .type = ACTION_DROP_DATABASE,
	                                .text = database,
	                                .reason = "a copy outside of the group" });
	if (failed == NULL)
		return plan_text(deciding->plan, "an empty copy outside of the group on %s is dropped", pod);
	return plan_text(deciding->plan,
	                 "%s has a database of this name outside of the group, which stands in its way: drop or "
	                 "rename it, or add it to the group there after a hand-over to %s (%s)",
	                 pod, pod, failed);
}

/* A copy that somebody else than the primary has; NULL: none. */
static const struct replica_view *holder_of(const struct deciding *deciding, const char *database) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica == deciding->primary || replica->server.seen == NULL) continue;
		if (local_of(replica->server.seen, database) != NULL) return replica;
	}
	return NULL;
}

static bool is_over(const struct deciding *deciding, enum action_type type, const char *database) {
	const struct attempt *attempt = attempt_of(deciding->view, type, deciding->primary->pod_name, database);
	return attempt != NULL && attempt->failures >= STUCK_AFTER && attempt->next_at > deciding->view->now;
}

/* … until it is time to try again what is next. What has failed and is done by now, by a person perhaps, does not
 * count: the step after it takes promises back (loosens), and set.c must not give them again meanwhile. */
static bool is_stuck(const struct deciding *deciding, const char *database,
                     const struct sql_local_database_row *local) {
	if (local == NULL) return is_over(deciding, ACTION_CREATE_DATABASE, database);
	if (!same(local->recovery_model, "FULL")) return is_over(deciding, ACTION_SET_RECOVERY_FULL, database);
	if (local->has_log_chain) return is_over(deciding, ACTION_ADD_DATABASE, database);
	return is_over(deciding, ACTION_BACKUP_DATABASE, database) ||
	       is_over(deciding, ACTION_BACKUP_OTHERS_DATABASE, database);
}

/* Writers may fill it before it is in the group, where nobody but the primary has it. */
static bool is_arriving(const struct deciding *deciding, const char *database) {
	const struct sql_local_database_row *local = local_of(deciding->primary->server.seen, database);
	if (is_stuck(deciding, database, local)) return false;
	if (local == NULL) return holder_of(deciding, database) == NULL;
	return local->group_database_id == NULL && same(local->state, "ONLINE") &&
	       deciding->next.database_count < RECORD_DATABASES_MAX;
}

bool databases_arrive(const struct deciding *deciding) {
	for (size_t i = 0; i < deciding->spec->database_count; i++) {
		if (is_arriving(deciding, deciding->spec->databases[i])) return true;
	}
	const struct sql_observation *seen = deciding->primary->server.seen;
	for (size_t i = 0; deciding->spec->takes_every_database && i < seen->local_database_count; i++) {
		const char *name = seen->local_databases[i].name;
		if (!same(name, SQL_SYSTEM_DATABASE) && is_arriving(deciding, name)) return true;
	}
	return false;
}

/* Loosening is recorded first: whoever was promoted before the record has the database would be without it. Not for a
 * step whose time has not come. */
static bool loosens(struct deciding *deciding, enum action_type type, const char *database) {
	if (deciding->record->required == 0) return false;
	const struct attempt *attempt = attempt_of(deciding->view, type, deciding->primary->pod_name, database);
	if (attempt != NULL && attempt->next_at > deciding->view->now) return false;
	deciding->next.required = 0;
	plan_look(deciding->plan, 100);
	return true;
}

static const char *create(struct deciding *deciding, const char *database) {
	const struct replica_view *holder = holder_of(deciding, database);
	if (holder == NULL) {
		if (loosens(deciding, ACTION_CREATE_DATABASE, database))
			return "it is created as soon as the record is written";
		return step(deciding, ACTION_CREATE_DATABASE, database, "creating it");
	}
	const struct sql_local_database_row *copy = local_of(holder->server.seen, database);
	if (copy->group_database_id == NULL && same(copy->state, "ONLINE"))
		return drop_copy(deciding, holder, database);
	return plan_text(deciding->plan, "%s has a copy of it (%s), and the primary has none: it is not created anew",
	                 holder->pod_name, copy->state);
}

/* Below the required number of synchronized secondaries ADD DATABASE is refused (Msg 988). Either they get there, as
 * while another new database is being seeded, or the synchronous set requires less. */
static bool is_required_met(const struct deciding *deciding) {
	const struct sql_observation *seen = deciding->primary->server.seen;
	int64_t number = 0;
	for (size_t i = 0; i < seen->replica_count; i++) {
		const struct sql_replica_row *row = &seen->replicas[i];
		number += !row->is_local && row->mode == SQL_MODE_SYNCHRONOUS && row->connected == SQL_CONNECTED &&
		          peer_databases_are(deciding, row->server, SQL_SYNCHRONIZED);
	}
	return number >= seen->group.required;
}

/* One that somebody else made is not ours to back up (Msg 262): that takes sa. */
static const char *back_up(struct deciding *deciding, const char *database) {
	const struct attempt *own =
	        attempt_of(deciding->view, ACTION_BACKUP_DATABASE, deciding->primary->pod_name, database);
	bool is_others = own != NULL && own->number == MSG_PERMISSION_DENIED;
	return step(deciding, is_others ? ACTION_BACKUP_OTHERS_DATABASE : ACTION_BACKUP_DATABASE, database,
	            "backing it up");
}

/* What a wanted database still lacks; NULL: it is in the group. */
static const char *bring_in(struct deciding *deciding, const char *database) {
	const struct sql_observation *seen = deciding->primary->server.seen;
	const struct sql_local_database_row *local = local_of(seen, database);
	if (local == NULL) return create(deciding, database);
	if (local->group_database_id != NULL) {
		return own_row(seen, local->group_database_id) != NULL ? NULL : "it is in another availability group";
	}
	if (!same(local->state, "ONLINE"))
		return plan_text(deciding->plan, "it is %s on the primary, and can join when it is ONLINE",
		                 local->state);
	if (!same(local->recovery_model, "FULL"))
		return step(deciding, ACTION_SET_RECOVERY_FULL, database, "setting recovery model FULL");
	if (!local->has_log_chain) return back_up(deciding, database);
	if (deciding->next.database_count >= RECORD_DATABASES_MAX)
		return plan_text(deciding->plan, "the group has %d databases, more are not kept account of",
		                 RECORD_DATABASES_MAX);
	if (!is_required_met(deciding)) return "it is added when as many secondaries are synchronized as are required";
	/* Not in the pass that promises more (set.c): what is on record must not be younger than the database. */
	bool changes = deciding->next.required != deciding->record->required ||
	               deciding->next.member_count != deciding->record->member_count;
	if (changes || loosens(deciding, ACTION_ADD_DATABASE, database)) {
		plan_look(deciding->plan, 100);
		return "it is added as soon as the record is written";
	}
	return step(deciding, ACTION_ADD_DATABASE, database, "adding it to the group");
}

static void bring_in_wanted(struct deciding *deciding, struct strbuf *missing) {
	for (size_t i = 0; i < deciding->spec->database_count; i++) {
		const char *name = deciding->spec->databases[i];
		add_trouble(missing, name, bring_in(deciding, name));
	}
	if (!deciding->spec->takes_every_database) return;
	const struct sql_observation *seen = deciding->primary->server.seen;
	for (size_t i = 0; i < seen->local_database_count; i++) {
		const struct sql_local_database_row *local = &seen->local_databases[i];
		if (local->group_database_id != NULL || same(local->name, SQL_SYSTEM_DATABASE)) continue;
		add_trouble(missing, local->name, bring_in(deciding, local->name));
	}
}

/* ---- Onto the secondaries ---- */

/* How the last seeding to this replica ended, in the server's words; NULL: well, or it runs, or there was none. */
static const char *seeding_failure(const struct sql_observation *seen, const char *replica_id, const char *id) {
	const char *failure = NULL;
	for (size_t i = 0; i < seen->seeding_count; i++) {
		const struct sql_seeding_row *row = &seen->seedings[i];
		if (!same(row->remote_replica_id, replica_id) || !same(row->group_database_id, id)) continue;
		if (!row->is_complete) return NULL;
		if (row->failure != NULL) failure = row->failure;
	}
	return failure;
}

/* Whether every failover so far has lost nothing: else a copy may hold what a person still wants to look at. */
static bool lost_nothing(const struct record *record) {
	for (size_t i = 0; i < record->failover_count; i++) {
		if (!record->failovers[i].lost_nothing) return false;
	}
	return true;
}

/* A copy that is no part of the group: dropped where the group holds all that is in it. */
static const char *outside_copy(struct deciding *deciding, const struct replica_view *replica, const char *database,
                                const char *state, const char *failure) {
	if (same(state, "ONLINE")) return drop_copy(deciding, replica, database);
	if (failure == NULL) return NULL; /* it is being seeded, or will be */
	bool is_member = record_find(deciding->record, replica->pod_name, NULL) >= 0;
	if (same(state, "RESTORING") && !is_member && lost_nothing(deciding->record))
		return drop_copy(deciding, replica, database);
	return plan_text(deciding->plan, "its copy on %s is %s, and seeding does not take it over (%s)",
	                 replica->pod_name, state, failure);
}

/* Whether the primary has a row of it for the replica that is more than a hope. */
static bool has_joined(const struct sql_observation *seen, const char *replica_id, const char *id) {
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (!same(row->replica_id, replica_id) || !same(row->group_database_id, id)) continue;
		return row->is_suspended || row->synchronization == SQL_SYNCHRONIZING ||
		       row->synchronization == SQL_SYNCHRONIZED || row->synchronization == SQL_REVERTING;
	}
	return false;
}

static const char *seed(struct deciding *deciding, const struct replica_view *replica,
                        const struct recorded_database *database) {
	const struct sql_observation *seen = deciding->primary->server.seen;
	const struct sql_replica_row *row = peer_row(deciding->primary, replica->pod_name);
	if (row == NULL || replica->server.seen == NULL || !replica->server.seen->has_group) return NULL;
	if (has_joined(seen, row->replica_id, database->id)) return NULL;
	const char *failure = seeding_failure(seen, row->replica_id, database->id);
	const struct sql_local_database_row *copy = local_of(replica->server.seen, database->name);
	if (copy != NULL && copy->group_database_id == NULL)
		return outside_copy(deciding, replica, database->name, copy->state, failure);
	if (copy != NULL || failure == NULL) return NULL; /* joined, or the ladder's to mend */
	return plan_text(deciding->plan, "seeding it to %s failed: %s", replica->pod_name, failure);
}

static void seed_all(struct deciding *deciding, struct strbuf *missing) {
	for (size_t i = 0; i < deciding->next.database_count; i++) {
		for (size_t j = 0; j < deciding->spec->replica_count; j++) {
			const struct replica_view *replica = &deciding->view->replicas[j];
			if (replica == deciding->primary) continue;
			add_trouble(missing, deciding->next.databases[i].name,
			            seed(deciding, replica, &deciding->next.databases[i]));
		}
	}
}

static void decide_group(struct deciding *deciding) {
	cleanup_strbuf struct strbuf missing = { 0 };
	tell_changes(deciding);
	bring_in_wanted(deciding, &missing);
	seed_all(deciding, &missing);
	if (missing.length > 0) find(deciding, "DatabasesJoined", false, "DatabasesMissing", "%s", missing.data);
	else
		find(deciding, "DatabasesJoined", true, "AllJoined", "%zu databases are in the group",
		     deciding->next.database_count);
}

/* ---- Write checks, outside of the group ---- */

static const char *check_writes(struct deciding *deciding, const struct replica_view *writer) {
	const struct server_view *server = &writer->server;
	const struct sql_local_database_row *local = local_of(server->seen, SQL_SYSTEM_DATABASE);
	if (local == NULL) {
		change_server(deciding, writer,
		              &(struct action){ .type = ACTION_CREATE_SYSTEM_DATABASE, .reason = "for write checks" });
		const char *failed = attempt_trouble(deciding, ACTION_CREATE_SYSTEM_DATABASE, writer->pod_name, NULL);
		if (failed == NULL) return NULL;
		return plan_text(deciding->plan, "creating database " SQL_SYSTEM_DATABASE " on %s failed: %s",
		                 writer->pod_name, failed);
	}
	int64_t due = server->last_write_ok + deciding->spec->check_period_ms;
	if (server->last_write_ok != 0 && due > deciding->view->now) {
		plan_look(deciding->plan, due - deciding->view->now);
		return NULL;
	}
	/* A table that is missing was never made, or somebody dropped it. */
	const struct action check = { .type = ACTION_WRITE_CHECK,
		                      .number = server->write_failure_number == MSG_INVALID_OBJECT,
		                      .reason = "it is time" };
	change_server(deciding, writer, &check);
	return NULL;
}

static const struct replica_view *writer_of(const struct deciding *deciding) {
	if (deciding->spec->is_group) return deciding->primary;
	const struct replica_view *only = &deciding->view->replicas[0];
	return only->server.seen != NULL && only->server.is_bootstrapped ? only : NULL;
}

/* Write checks come first: they are quick, and a backup may take its time. */
void databases_decide(struct deciding *deciding) {
	const struct replica_view *writer = writer_of(deciding);
	if (deciding->spec->checks_writes && writer != NULL)
		find_trouble(deciding, "WriteChecked", "CreationFailed", check_writes(deciding, writer));
	if (deciding->spec->is_group && deciding->state == GROUP_STEADY && deciding->primary != NULL)
		decide_group(deciding);
}
