/* System views: SQLite's virtual tables over the model. Each view is its columns and a function that gives its rows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "sqlserver/session_state.h"

struct rows {
	struct sim_scope *scope;
	struct sim_value *values;
	size_t count;
};

static void put(struct rows *rows, struct sim_value value) {
	if ((rows->count & (rows->count - 1)) == 0)
		rows->values =
		        xreallocarray(rows->values, rows->count == 0 ? 1 : 2 * rows->count, sizeof(*rows->values));
	rows->values[rows->count++] = sim_value_copy(&value);
}
static void text(struct rows *rows, const char *value) {
	put(rows, sim_text(value));
}
static void number(struct rows *rows, int64_t value) {
	put(rows, sim_integer(value));
}
static void null(struct rows *rows, int count) {
	while (count-- > 0) put(rows, sim_null());
}
/* 0 is NULL: it was never. */
static void when(struct rows *rows, int64_t wall) {
	char buffer[SIM_TIME_SIZE];
	put(rows, sim_text(wall != 0 ? sim_datetime_text(wall, buffer) : NULL));
}
static void guid(struct rows *rows, const char *id) {
	put(rows, *id != '\0' ? sim_text(id) : sim_null());
}
static void bytes(struct rows *rows, const void *data, size_t length) {
	put(rows, (struct sim_value){ .kind = SIM_VALUE_BYTES, .bytes = data, .length = length });
}

static const char *const synchronization_names[] = { "NOT SYNCHRONIZING", "SYNCHRONIZING", "SYNCHRONIZED", "REVERTING",
	                                             "INITIALIZING" };
static const char *const role_names[] = { "RESOLVING", "PRIMARY", "SECONDARY" };
static const char *const access_names[] = { "NO", "READ_ONLY", "ALL" };
static const char *const health_names[] = { "NOT_HEALTHY", "PARTIALLY_HEALTHY", "HEALTHY" };
static const char *const cluster_names[] = { "wsfc", "none", "external" };

static int health(bool synchronous, enum sim_synchronization state) {
	if (state == SIM_SYNCHRONIZED) return 2;
	if (state == SIM_SYNCHRONIZING) return synchronous ? 1 : 2;
	return 0;
}

/* --- The server --- */

static void databases(struct rows *rows) {
	static const char *const models[] = { "", "FULL", "BULK_LOGGED", "SIMPLE" };
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		const struct sim_group *group = sim_group_of(instance, database);
		const struct sim_replica *local = group != NULL ? sim_group_local(group) : NULL;
		enum sim_database_state state = sim_database_state(instance, database);
		text(rows, database->name);
		number(rows, database->id);
		null(rows, 1);
		bytes(rows, "\x01", 1);
		when(rows, database->created);
		number(rows, 160);
		text(rows, "SQL_Latin1_General_CP1_CI_AS");
		number(rows, 0);
		text(rows, "MULTI_USER");
		number(rows, database->read_only);
		number(rows, state);
		text(rows, sim_database_state_name(state));
		number(rows, database->recovery);
		text(rows, models[database->recovery]);
		null(rows, 1);
		text(rows, "NOTHING");
		guid(rows, local != NULL ? local->id : "");
		guid(rows, database->group_database_id);
		guid(rows, database->guid);
		number(rows, 0);
	}
}

static void recovery_status(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->database_count; i++) {
		const struct sim_database *database = instance->databases[i];
		const struct sim_log *log = &database->log;
		char lsn[SIM_LSN_SIZE];
		number(rows, database->id);
		guid(rows, database->guid);
		guid(rows, log->fork_count > 0 ? log->forks[0].id : "");
		text(rows, database->full_backup ? sim_log_lsn(log, log->count, lsn) : NULL);
		guid(rows, log->fork_count > 0 ? log->forks[log->fork_count - 1].id : "");
		guid(rows, log->fork_count > 1 ? log->forks[log->fork_count - 2].id : "");
		text(rows, log->fork_count > 1 ? sim_log_lsn(log, log->forks[log->fork_count - 1].start, lsn) : NULL);
	}
}

static void principals(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		const struct sim_login_row *row = &instance->logins[i];
		text(rows, row->name);
		number(rows, strcasecmp(row->name, "sa") == 0 ? 1 : 256 + (int64_t)i);
		bytes(rows, strcasecmp(row->name, "sa") == 0 ? "\x01" : row->sid,
		      strcasecmp(row->name, "sa") == 0 ? 1 : strlen(row->sid));
		text(rows, "S");
		text(rows, "SQL_LOGIN");
		number(rows, row->disabled);
		null(rows, 2);
		text(rows, row->default_database);
		text(rows, "us_english");
	}
	static const char *const roles[] = { "public", "sysadmin" };
	for (size_t i = 0; i < ARRAY_LENGTH(roles); i++) {
		text(rows, roles[i]);
		number(rows, 2 + (int64_t)i);
		null(rows, 1);
		text(rows, "R");
		text(rows, "SERVER_ROLE");
		number(rows, 0);
		null(rows, 4);
	}
}

static void sql_logins(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		text(rows, instance->logins[i].name);
		number(rows, strcasecmp(instance->logins[i].name, "sa") == 0 ? 1 : 256 + (int64_t)i);
		number(rows, instance->logins[i].disabled);
		text(rows, instance->logins[i].default_database);
	}
}

static void server_permissions(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->login_count; i++) {
		cleanup_free char *all =
		        xstrdup(instance->logins[i].permissions != NULL ? instance->logins[i].permissions : "");
		for (char *rest = all, *one; (one = strsep(&rest, ",")) != NULL;) {
			if (*one == '\0') continue;
			number(rows, 100);
			text(rows, "SERVER");
			number(rows, 256 + (int64_t)i);
			text(rows, one);
			text(rows, "GRANT");
		}
	}
}

static void database_principals(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	text(rows, "dbo");
	number(rows, 1);
	text(rows, "S");
	text(rows, "SQL_USER");
	for (size_t i = 0; i < instance->user_count; i++) {
		text(rows, instance->users[i].name);
		number(rows, 5 + (int64_t)i);
		text(rows, "S");
		text(rows, "SQL_USER");
	}
}

static void certificates(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->certificate_count; i++) {
		const struct sim_certificate *certificate = &instance->certificates[i];
		text(rows, certificate->name);
		number(rows, certificate->id);
		number(rows, 1);
		text(rows, certificate->has_private_key ? "MK" : "NA");
		text(rows, certificate->has_private_key ? "ENCRYPTED_BY_MASTER_KEY" : "NO_PRIVATE_KEY");
		number(rows, 1);
		text(rows, certificate->subject);
		text(rows, certificate->subject);
		size_t length = certificate->public_length < 20 ? certificate->public_length : 20;
		bytes(rows, certificate->public_part + certificate->public_length - length, length);
	}
}

static void symmetric_keys(struct rows *rows) {
	if (!rows->scope->instance->master_key) return;
	text(rows, "##MS_DatabaseMasterKey##");
	number(rows, 101);
	number(rows, 256);
}

static void endpoint_columns(struct rows *rows, const char *name, int64_t id, bool started, int type,
                             const char *type_name) {
	text(rows, name);
	number(rows, id);
	number(rows, 1);
	number(rows, 2);
	text(rows, "TCP");
	number(rows, type);
	text(rows, type_name);
	number(rows, started ? 0 : 1);
	text(rows, started ? "STARTED" : "STOPPED");
	number(rows, 0);
}
static void endpoints(struct rows *rows) {
	const struct sim_endpoint *endpoint = &rows->scope->instance->endpoint;
	endpoint_columns(rows, "TSQL Default TCP", 4, true, 2, "TSQL");
	if (endpoint->name != NULL)
		endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
}
static void mirroring_endpoints(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	const struct sim_endpoint *endpoint = &instance->endpoint;
	if (endpoint->name == NULL) return;
	endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
	const struct sim_certificate *certificate = sim_endpoint_certificate(instance);
	number(rows, 3);
	text(rows, "ALL");
	number(rows, 1);
	number(rows, certificate != NULL ? 4 : 3);
	text(rows, certificate != NULL ? "CERTIFICATE" : "NEGOTIATE");
	put(rows, certificate != NULL ? sim_integer(certificate->id) : sim_null());
	number(rows, 2);
	text(rows, "AES");
}
static void tcp_endpoints(struct rows *rows) {
	const struct sim_endpoint *endpoint = &rows->scope->instance->endpoint;
	endpoint_columns(rows, "TSQL Default TCP", 4, true, 2, "TSQL");
	number(rows, 1433);
	if (endpoint->name == NULL) return;
	endpoint_columns(rows, endpoint->name, 65536, endpoint->started, 4, "DATABASE_MIRRORING");
	number(rows, endpoint->port);
}

static void os_sys_info(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	number(rows, 4);
	number(rows, 8 * 1024 * 1024);
	number(rows, (sim_now(instance) - instance->started) / 1000);
	when(rows, instance->started_wall);
}

static void configurations(struct rows *rows) {
	static const struct {
		int64_t id;
		const char *name;
		int64_t value;
	} all[] = { { 518, "show advanced options", 0 },
		    { 1544, "max server memory (MB)", 2147483647 },
		    { 16387, "SMO and DMO XPs", 1 },
		    { 1589, "remote admin connections", 0 },
		    { 16391, "Ad Hoc Distributed Queries", 0 } };
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		number(rows, all[i].id);
		text(rows, all[i].name);
		number(rows, all[i].value);
		number(rows, all[i].value);
	}
}

static void exec_sessions(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	for (size_t i = 0; i < instance->session_count; i++) {
		const struct sim_session *session = instance->sessions[i];
		const struct sim_database *database = sim_database_find(instance, session->database);
		number(rows, session->id);
		when(rows, session->login_wall);
		text(rows, session->host);
		text(rows, session->application);
		text(rows, session->login);
		text(rows, session->frame_count > 0 ? "running" : "sleeping");
		number(rows, database != NULL ? database->id : 1);
		number(rows, session->transactions);
		number(rows, 1);
	}
}

/* --- A database --- */

static void from_sqlite(struct rows *rows, const char *sql, void (*row)(struct rows *rows, sqlite3_stmt *statement)) {
	struct sim_instance *instance = rows->scope->instance;
	const struct sim_session *session = rows->scope->session;
	struct sim_database *database = session != NULL ? sim_database_find(instance, session->database) : NULL;
	if (database == NULL || sim_access_error(session, database) != 0) return;
	sqlite3_stmt *statement = sim_store_prepare(sim_database_store(instance, database), sql, NULL, 0);
	while (sqlite3_step(statement) == SQLITE_ROW) row(rows, statement);
	sqlite3_finalize(statement);
}
static void table_row(struct rows *rows, sqlite3_stmt *statement) {
	const char *name = (const char *)sqlite3_column_text(statement, 0);
	text(rows, name);
	number(rows, sqlite3_column_int64(statement, 1) + 565577052);
	number(rows, 1);
	text(rows, "U ");
	text(rows, "USER_TABLE");
	when(rows, sim_wall(rows->scope->instance));
	number(rows, 0);
}
static void tables(struct rows *rows) {
	from_sqlite(rows,
	            "SELECT name, rootpage FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' "
	            "ESCAPE '\\' ORDER BY rowid",
	            table_row);
}
static void column_row(struct rows *rows, sqlite3_stmt *statement) {
	struct sim_type_info type = { SIM_INT, 0, 0, 0 };
	sim_type_parse((const char *)sqlite3_column_text(statement, 2), &type);
	number(rows, sqlite3_column_int64(statement, 0) + 565577052);
	text(rows, (const char *)sqlite3_column_text(statement, 1));
	number(rows, sqlite3_column_int64(statement, 3) + 1);
	number(rows,
	       type.length > 0 && type.type >= SIM_NCHAR && type.type <= SIM_NVARCHAR ? 2 * type.length : type.length);
	number(rows, sqlite3_column_int64(statement, 4) == 0);
}
static void columns(struct rows *rows) {
	from_sqlite(rows,
	            "SELECT t.rootpage, c.name, c.type, c.cid, c.\"notnull\" FROM sqlite_schema t, "
	            "pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
	            column_row);
}
static void information_table(struct rows *rows, sqlite3_stmt *statement) {
	text(rows, rows->scope->session->database);
	text(rows, "dbo");
	text(rows, (const char *)sqlite3_column_text(statement, 0));
	text(rows, "BASE TABLE");
}
static void information_tables(struct rows *rows) {
	from_sqlite(rows,
	            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
	            "ORDER BY rowid",
	            information_table);
}

/* --- Availability groups --- */

#define EACH_GROUP(rows, group)                                                                                   \
	for (size_t group_index = 0; group_index < (rows)->scope->instance->group_count; group_index++)           \
		for (const struct sim_group *group = (rows)->scope->instance->groups[group_index]; group != NULL; \
		     group = NULL)

static bool is_local(const struct sim_group *group, const struct sim_replica *replica) {
	return strcmp(group->replica_id, replica->id) == 0;
}

static void groups(struct rows *rows) {
	EACH_GROUP(rows, group) {
		guid(rows, group->id);
		text(rows, group->name);
		null(rows, 2);
		number(rows, 3);
		number(rows, 30000);
		number(rows, 1);
		text(rows, "SECONDARY");
		number(rows, 1);
		number(rows, 0);
		number(rows, 0);
		number(rows, group->db_failover);
		number(rows, 0);
		number(rows, (int64_t)group->sequence);
		number(rows, group->cluster_type);
		text(rows, cluster_names[group->cluster_type]);
		number(rows, group->required);
		number(rows, 0);
	}
}

static void replicas(struct rows *rows) {
	static const char *const failover_names[] = { "AUTOMATIC", "MANUAL", "EXTERNAL" };
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			const struct sim_replica *replica = &group->replicas[i];
			guid(rows, replica->id);
			guid(rows, group->id);
			number(rows, (int64_t)i + 1);
			text(rows, replica->name);
			null(rows, 1);
			text(rows, replica->endpoint_url);
			number(rows, replica->configuration_only ? 4 : replica->synchronous);
			text(rows, replica->configuration_only ? "CONFIGURATION_ONLY"
			           : replica->synchronous      ? "SYNCHRONOUS_COMMIT"
			                                       : "ASYNCHRONOUS_COMMIT");
			number(rows, replica->failover_mode);
			text(rows, failover_names[replica->failover_mode]);
			number(rows, replica->session_timeout);
			number(rows, 2);
			text(rows, "ALL");
			number(rows, replica->secondary_access);
			text(rows, access_names[replica->secondary_access]);
			when(rows, replica->created);
			when(rows, replica->created);
			number(rows, replica->backup_priority);
			text(rows, replica->routing_url);
			number(rows, replica->automatic_seeding ? 0 : 1);
			text(rows, replica->automatic_seeding ? "AUTOMATIC" : "MANUAL");
		}
	}
}

/* The worst of its databases. */
static int replica_health(const struct sim_instance *instance, const struct sim_group *group,
                          const struct sim_replica *replica) {
	int worst = replica->link.connected || is_local(group, replica) ? 2 : 0;
	for (size_t i = 0; i < group->database_count; i++) {
		const struct sim_database *database = sim_database_of_group(instance, group->databases[i].id);
		enum sim_synchronization state = SIM_NOT_SYNCHRONIZING;
		if (!is_local(group, replica))
			state = sim_remote_synchronization(group, replica, group->databases[i].id);
		else if (database != NULL) state = sim_database_synchronization(instance, database);
		int own = health(replica->synchronous, state);
		if (own < worst) worst = own;
	}
	return worst;
}

static bool local_connected(const struct sim_group *group) {
	if (group->role == SIM_ROLE_PRIMARY) return true;
	const struct sim_replica *primary = sim_group_replica_by_id(group, group->primary_id);
	return group->role == SIM_ROLE_SECONDARY && primary != NULL && primary->link.connected;
}

static void replica_states(struct rows *rows) {
	static const char *const operational[] = { "PENDING_FAILOVER", "PENDING", "ONLINE", "OFFLINE", "FAILED" };
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		bool primary = group->role == SIM_ROLE_PRIMARY;
		for (size_t i = 0; i < group->replica_count; i++) {
			const struct sim_replica *replica = &group->replicas[i];
			bool local = is_local(group, replica);
			if (!local && !primary) continue; /* the primary sees all, others themselves */
			bool connected = local ? local_connected(group) : replica->link.connected;
			enum sim_role role = local ? group->role
			                     : replica->link.role == SIM_ROLE_RESOLVING && replica->link.heard > 0
			                             ? SIM_ROLE_RESOLVING
			                             : SIM_ROLE_SECONDARY;
			int state = replica_health(instance, group, replica);
			int operation = group->promotion_due != 0 ? 0 : group->role == SIM_ROLE_RESOLVING ? 1 : 2;
			const struct sim_replica *peer =
			        local ? sim_group_replica_by_id(group, group->primary_id) : replica;
			guid(rows, replica->id);
			guid(rows, group->id);
			number(rows, local);
			number(rows, role);
			text(rows, role_names[role]);
			if (local) number(rows, operation), text(rows, operational[operation]);
			else null(rows, 2);
			number(rows, connected);
			text(rows, connected ? "CONNECTED" : "DISCONNECTED");
			if (local)
				number(rows, group->role != SIM_ROLE_RESOLVING),
				        text(rows, group->role != SIM_ROLE_RESOLVING ? "ONLINE" : "ONLINE_IN_PROGRESS");
			else null(rows, 2);
			number(rows, state);
			text(rows, health_names[state]);
			if (peer != NULL && !connected && peer->link.error != 0) {
				cleanup_free char *description =
				        xasprintf("A connection timeout has occurred on a previously established "
				                  "connection to availability replica '%s' with id [%s].  Either a "
				                  "networking or a firewall issue exists or the availability replica "
				                  "has transitioned to the resolving role.",
				                  peer->name, peer->id);
				number(rows, peer->link.error);
				text(rows, description);
				when(rows, peer->link.error_wall);
			} else {
				null(rows, 3);
			}
			int64_t lease =
			        group->lease_until != 0 ? (group->lease_until - sim_now(instance)) * 10 : INT64_MAX;
			if (local && primary) number(rows, lease);
			else null(rows, 1);
			when(rows, local && primary && !sim_group_configured(group) ? group->commit_started_wall : 0);
		}
	}
}

static void lsn(struct rows *rows, const struct sim_log *log, bool known, uint64_t position) {
	char buffer[SIM_LSN_SIZE];
	text(rows, known ? sim_log_lsn(log, position, buffer) : NULL);
}

static void database_state_row(struct rows *rows, const struct sim_group *group, const struct sim_replica *replica,
                               const struct sim_database *database) {
	const struct sim_instance *instance = rows->scope->instance;
	bool local = is_local(group, replica), primary = group->role == SIM_ROLE_PRIMARY;
	struct sim_progress none = { 0 };
	const struct sim_progress *progress = &none;
	for (size_t i = 0; !local && i < replica->link.progress_count; i++)
		if (strcmp(replica->link.progress[i].group_database_id, database->group_database_id) == 0)
			progress = &replica->link.progress[i];
	enum sim_synchronization state =
	        local ? sim_database_synchronization(instance, database)
	              : sim_remote_synchronization(group, replica, database->group_database_id);
	int own = health(replica->synchronous, state);
	enum sim_database_state database_state = sim_database_state(instance, database);
	const struct sim_log *log = &database->log;
	uint64_t hardened = local ? log->count : progress->hardened;
	uint64_t target = local ? database->primary_end : log->count;
	bool suspended = local ? database->suspended : progress->suspended;
	number(rows, database->id);
	guid(rows, group->id);
	guid(rows, replica->id);
	guid(rows, database->group_database_id);
	number(rows, local);
	number(rows, primary && local);
	number(rows, state);
	text(rows, synchronization_names[state]);
	number(rows, state == SIM_SYNCHRONIZED);
	number(rows, own);
	text(rows, health_names[own]);
	if (local) number(rows, database_state), text(rows, sim_database_state_name(database_state));
	else null(rows, 2);
	number(rows, suspended);
	if (suspended) number(rows, 0), text(rows, "SUSPEND_FROM_USER");
	else null(rows, 2);
	lsn(rows, log, log->fork_count > 0,
	    log->fork_count > 0 ? log->forks[log->fork_count - 1].start : 0); /* recovery_lsn */
	lsn(rows, log, true, 0);                                              /* truncation_lsn */
	lsn(rows, log, !local, progress->sent);
	null(rows, 1);
	lsn(rows, log, !primary || !local, hardened); /* last_received_lsn */
	null(rows, 1);
	lsn(rows, log, true, primary && local ? database->acknowledged : hardened); /* last_hardened_lsn */
	when(rows, progress->hardened_wall);
	lsn(rows, log, !primary || !local, hardened); /* last_redone_lsn */
	null(rows, 1);
	bool queue = !primary || !local;
	if (queue)
		number(rows, (int64_t)(sim_log_bytes(log, hardened, target) / 1024)), number(rows, 0), number(rows, 0),
		        number(rows, 0);
	else null(rows, 4);
	lsn(rows, log, true, hardened); /* end_of_log_lsn */
	lsn(rows, log, hardened > 0, hardened);
	when(rows, hardened > 0 && hardened <= log->count ? log->records[hardened - 1].time : 0);
	if (!primary || local) null(rows, 1);
	else
		number(rows, hardened < log->count && progress->hardened_wall != 0
		                     ? (sim_wall(instance) - progress->hardened_wall) / 1000000
		                     : 0);
}

static void database_states(struct rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->database_count; i++) {
			const struct sim_database *database =
			        sim_database_of_group(rows->scope->instance, group->databases[i].id);
			if (database == NULL) continue;
			for (size_t j = 0; j < group->replica_count; j++) {
				const struct sim_replica *replica = &group->replicas[j];
				bool local = is_local(group, replica);
				if ((!local && group->role != SIM_ROLE_PRIMARY) || replica->configuration_only)
					continue;
				database_state_row(rows, group, replica, database);
			}
		}
	}
}

static void cluster_states(struct rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			guid(rows, group->replicas[i].id);
			text(rows, group->replicas[i].name);
			guid(rows, group->id);
			bool joined = is_local(group, &group->replicas[i]) || group->replicas[i].link.sequence != 0;
			number(rows, joined);
			text(rows, joined ? "JOINED_STANDALONE_INSTANCE" : "NOT_JOINED");
		}
	}
}

static void database_cluster_states(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->replica_count; i++) {
			for (size_t j = 0; j < group->database_count; j++) {
				const struct sim_replica *replica = &group->replicas[i];
				bool local = is_local(group, replica);
				const struct sim_database *database =
				        sim_database_of_group(instance, group->databases[j].id);
				bool ready =
				        local ? database != NULL && (database->ready || group->role == SIM_ROLE_PRIMARY)
				              : sim_remote_synchronization(group, replica, group->databases[j].id) ==
				                        SIM_SYNCHRONIZED;
				guid(rows, replica->id);
				guid(rows, group->databases[j].id);
				text(rows, group->databases[j].name);
				number(rows, ready);
				number(rows, 0);
				number(rows, local ? database != NULL && database->joined : replica->link.connected);
			}
		}
	}
}

static void databases_cluster(struct rows *rows) {
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->database_count; i++) {
			guid(rows, group->id);
			guid(rows, group->databases[i].id);
			text(rows, group->databases[i].name);
		}
	}
}

static void automatic_seeding(struct rows *rows) {
	static const char *const states[] = { "CHECK_IF_SEEDING_NEEDED", "SEEDING", "CATCHUP", "COMPLETED", "FAILED" };
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->seeding_count; i++) {
			const struct sim_seeding *seeding = &group->seedings[i];
			bool failed = seeding->state == SIM_SEEDING_FAILED;
			when(rows, seeding->started_wall);
			when(rows, seeding->completed_wall);
			guid(rows, group->id);
			guid(rows, seeding->group_database_id);
			guid(rows, seeding->replica_id);
			guid(rows, seeding->operation_id);
			number(rows, seeding->source);
			text(rows, states[seeding->state]);
			number(rows, seeding->streamed);
			if (failed) number(rows, 5), text(rows, "Transport");
			else null(rows, 2);
			null(rows, 1);
			number(rows, 1);
		}
	}
}

static void physical_seeding(struct rows *rows) {
	const struct sim_instance *instance = rows->scope->instance;
	EACH_GROUP(rows, group) {
		for (size_t i = 0; i < group->seeding_count; i++) {
			const struct sim_seeding *seeding = &group->seedings[i];
			const struct sim_database *database =
			        sim_database_of_group(instance, seeding->group_database_id);
			const struct sim_replica *replica = sim_group_replica_by_id(group, seeding->replica_id);
			if (!seeding->streamed || database == NULL || replica == NULL) continue;
			guid(rows, seeding->operation_id);
			number(rows, database->id);
			text(rows, database->name);
			text(rows, replica->name);
			text(rows, "Source");
			text(rows, seeding->completed_wall == 0 ? "ReadingAndSendingData" : "Success");
			number(rows, (int64_t)sim_log_bytes(&database->log, 0, database->log.count));
			when(rows, seeding->started_wall);
			when(rows, seeding->completed_wall);
		}
	}
}

static const struct view {
	const char *name;
	const char *columns; /* as in CREATE TABLE */
	void (*fill)(struct rows *rows);
} views[] = {
	{ "sys.databases",
	  "name sysname, database_id int, source_database_id int, owner_sid varbinary(85), create_date datetime, "
	  "compatibility_level tinyint, collation_name sysname, user_access tinyint, user_access_desc nvarchar(60), "
	  "is_read_only bit, state tinyint, state_desc nvarchar(60), recovery_model tinyint, recovery_model_desc "
	  "nvarchar(60), log_reuse_wait tinyint, log_reuse_wait_desc nvarchar(60), replica_id uniqueidentifier, "
	  "group_database_id uniqueidentifier, service_broker_guid uniqueidentifier, is_encrypted bit",
	  databases },
	{ "sys.database_recovery_status",
	  "database_id int, database_guid uniqueidentifier, family_guid uniqueidentifier, last_log_backup_lsn "
	  "numeric(25,0), recovery_fork_guid uniqueidentifier, first_recovery_fork_guid uniqueidentifier, "
	  "fork_point_lsn numeric(25,0)",
	  recovery_status },
	{ "sys.server_principals",
	  "name sysname, principal_id int, sid varbinary(85), type char(1), type_desc nvarchar(60), is_disabled bit, "
	  "create_date datetime, modify_date datetime, default_database_name sysname, default_language_name sysname",
	  principals },
	{ "sys.sql_logins", "name sysname, principal_id int, is_disabled bit, default_database_name sysname",
	  sql_logins },
	{ "sys.server_permissions",
	  "class tinyint, class_desc nvarchar(60), grantee_principal_id int, permission_name nvarchar(128), state_desc "
	  "nvarchar(60)",
	  server_permissions },
	{ "sys.database_principals", "name sysname, principal_id int, type char(1), type_desc nvarchar(60)",
	  database_principals },
	{ "sys.certificates",
	  "name sysname, certificate_id int, principal_id int, pvt_key_encryption_type char(2), "
	  "pvt_key_encryption_type_desc nvarchar(60), is_active_for_begin_dialog bit, issuer_name nvarchar(442), "
	  "subject nvarchar(4000), thumbprint varbinary(32)",
	  certificates },
	{ "sys.symmetric_keys", "name sysname, symmetric_key_id int, key_length int", symmetric_keys },
	{ "sys.endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit",
	  endpoints },
	{ "sys.database_mirroring_endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit, role "
	  "tinyint, role_desc nvarchar(60), is_encryption_enabled bit, connection_auth tinyint, connection_auth_desc "
	  "nvarchar(60), certificate_id int, encryption_algorithm tinyint, encryption_algorithm_desc nvarchar(60)",
	  mirroring_endpoints },
	{ "sys.tcp_endpoints",
	  "name sysname, endpoint_id int, principal_id int, protocol tinyint, protocol_desc nvarchar(60), type "
	  "tinyint, type_desc nvarchar(60), state tinyint, state_desc nvarchar(60), is_admin_endpoint bit, port int",
	  tcp_endpoints },
	{ "sys.dm_os_sys_info",
	  "cpu_count int, physical_memory_kb bigint, ms_ticks bigint, sqlserver_start_time datetime", os_sys_info },
	{ "sys.configurations", "configuration_id int, name nvarchar(35), value int, value_in_use int",
	  configurations },
	{ "sys.dm_exec_sessions",
	  "session_id smallint, login_time datetime, host_name nvarchar(128), program_name nvarchar(128), login_name "
	  "nvarchar(128), status nvarchar(30), database_id smallint, open_transaction_count int, is_user_process bit",
	  exec_sessions },
	{ "sys.tables",
	  "name sysname, object_id int, schema_id int, type char(2), type_desc nvarchar(60), create_date datetime, "
	  "is_ms_shipped bit",
	  tables },
	{ "sys.objects",
	  "name sysname, object_id int, schema_id int, type char(2), type_desc nvarchar(60), create_date datetime, "
	  "is_ms_shipped bit",
	  tables },
	{ "sys.columns", "object_id int, name sysname, column_id int, max_length smallint, is_nullable bit", columns },
	{ "information_schema.tables",
	  "TABLE_CATALOG nvarchar(128), TABLE_SCHEMA nvarchar(128), TABLE_NAME sysname, TABLE_TYPE varchar(10)",
	  information_tables },
	{ "sys.availability_groups",
	  "group_id uniqueidentifier, name sysname, resource_id nvarchar(40), resource_group_id nvarchar(40), "
	  "failure_condition_level int, health_check_timeout int, automated_backup_preference tinyint, "
	  "automated_backup_preference_desc nvarchar(60), version smallint, basic_features bit, dtc_support bit, "
	  "db_failover bit, is_distributed bit, sequence_number bigint, cluster_type tinyint, cluster_type_desc "
	  "nvarchar(60), required_synchronized_secondaries_to_commit int, is_contained bit",
	  groups },
	{ "sys.availability_replicas",
	  "replica_id uniqueidentifier, group_id uniqueidentifier, replica_metadata_id int, replica_server_name "
	  "nvarchar(256), owner_sid varbinary(85), endpoint_url nvarchar(256), availability_mode tinyint, "
	  "availability_mode_desc nvarchar(60), failover_mode tinyint, failover_mode_desc nvarchar(60), "
	  "session_timeout int, primary_role_allow_connections tinyint, primary_role_allow_connections_desc "
	  "nvarchar(60), secondary_role_allow_connections tinyint, secondary_role_allow_connections_desc nvarchar(60), "
	  "create_date datetime, modify_date datetime, backup_priority int, read_only_routing_url nvarchar(256), "
	  "seeding_mode tinyint, seeding_mode_desc nvarchar(60)",
	  replicas },
	{ "sys.dm_hadr_availability_replica_states",
	  "replica_id uniqueidentifier, group_id uniqueidentifier, is_local bit, role tinyint, role_desc nvarchar(60), "
	  "operational_state tinyint, operational_state_desc nvarchar(60), connected_state tinyint, "
	  "connected_state_desc nvarchar(60), recovery_health tinyint, recovery_health_desc nvarchar(60), "
	  "synchronization_health tinyint, synchronization_health_desc nvarchar(60), last_connect_error_number int, "
	  "last_connect_error_description nvarchar(1024), last_connect_error_timestamp datetime, "
	  "write_lease_remaining_ticks bigint, current_configuration_commit_start_time_utc datetime",
	  replica_states },
	{ "sys.dm_hadr_database_replica_states",
	  "database_id int, group_id uniqueidentifier, replica_id uniqueidentifier, group_database_id "
	  "uniqueidentifier, is_local bit, is_primary_replica bit, synchronization_state tinyint, "
	  "synchronization_state_desc nvarchar(60), is_commit_participant bit, synchronization_health tinyint, "
	  "synchronization_health_desc nvarchar(60), database_state tinyint, database_state_desc nvarchar(60), "
	  "is_suspended bit, suspend_reason tinyint, suspend_reason_desc nvarchar(60), recovery_lsn numeric(25,0), "
	  "truncation_lsn numeric(25,0), last_sent_lsn numeric(25,0), last_sent_time datetime, last_received_lsn "
	  "numeric(25,0), last_received_time datetime, last_hardened_lsn numeric(25,0), last_hardened_time datetime, "
	  "last_redone_lsn numeric(25,0), last_redone_time datetime, log_send_queue_size bigint, log_send_rate bigint, "
	  "redo_queue_size bigint, redo_rate bigint, end_of_log_lsn numeric(25,0), last_commit_lsn numeric(25,0), "
	  "last_commit_time datetime, secondary_lag_seconds bigint",
	  database_states },
	{ "sys.dm_hadr_availability_replica_cluster_states",
	  "replica_id uniqueidentifier, replica_server_name nvarchar(256), group_id uniqueidentifier, join_state "
	  "tinyint, join_state_desc nvarchar(60)",
	  cluster_states },
	{ "sys.dm_hadr_database_replica_cluster_states",
	  "replica_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname, is_failover_ready "
	  "bit, is_pending_secondary_suspend bit, is_database_joined bit",
	  database_cluster_states },
	{ "sys.availability_databases_cluster",
	  "group_id uniqueidentifier, group_database_id uniqueidentifier, database_name sysname", databases_cluster },
	{ "sys.dm_hadr_automatic_seeding",
	  "start_time datetime, completion_time datetime, ag_id uniqueidentifier, ag_db_id uniqueidentifier, "
	  "ag_remote_replica_id uniqueidentifier, operation_id uniqueidentifier, is_source bit, current_state "
	  "nvarchar(60), performed_seeding bit, failure_state int, failure_state_desc nvarchar(60), error_code int, "
	  "number_of_attempts int",
	  automatic_seeding },
	{ "sys.dm_hadr_physical_seeding_stats",
	  "local_physical_seeding_id uniqueidentifier, local_database_id int, local_database_name nvarchar(128), "
	  "remote_machine_name nvarchar(128), role_desc nvarchar(60), internal_state_desc nvarchar(60), "
	  "database_size_bytes bigint, start_time_utc datetime, end_time_utc datetime",
	  physical_seeding },
};

/* --- As virtual tables --- */

struct module {
	const struct view *view;
	struct sim_scope *scope;
};
struct table {
	sqlite3_vtab base;
	const struct module *module;
	size_t columns;
};
struct cursor {
	sqlite3_vtab_cursor base;
	struct rows rows;
	size_t row;
};

/* Text columns compare as the server's collation does. */
static char *declaration(const char *columns, size_t *count) {
	struct strbuf sql = { 0 };
	strbuf_append(&sql, "CREATE TABLE x(");
	int depth = 0;
	*count = 1;
	const char *start = columns;
	for (const char *c = columns;; c++) {
		depth += (*c == '(') - (*c == ')');
		if (*c != '\0' && (*c != ',' || depth > 0)) continue;
		cleanup_free char *column = xstrndup(start, (size_t)(c - start));
		bool characters = strstr(column, "char") != NULL || strstr(column, "sysname") != NULL ||
		                  strstr(column, "uniqueidentifier") != NULL;
		strbuf_printf(&sql, "%s%s", column, characters ? " COLLATE NOCASE" : "");
		if (*c == '\0') break;
		strbuf_append_char(&sql, ',');
		(*count)++;
		start = c + 1;
	}
	strbuf_append_char(&sql, ')');
	return strbuf_detach(&sql);
}

static int view_connect(sqlite3 *sqlite, void *data, int argc, const char *const *argv, sqlite3_vtab **vtab,
                        char **error) {
	(void)argc, (void)argv, (void)error;
	struct table *table = xcalloc(1, sizeof(*table));
	table->module = data;
	cleanup_free char *sql = declaration(table->module->view->columns, &table->columns);
	*vtab = &table->base;
	return sqlite3_declare_vtab(sqlite, sql);
}
static int view_disconnect(sqlite3_vtab *vtab) {
	free(vtab);
	return SQLITE_OK;
}
static int view_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
	(void)vtab;
	info->estimatedCost = 1000;
	return SQLITE_OK;
}
static void free_rows(struct rows *rows) {
	for (size_t i = 0; i < rows->count; i++) sim_value_free(&rows->values[i]);
	free(rows->values);
	*rows = (struct rows){ 0 };
}
static int view_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **result) {
	(void)vtab;
	struct cursor *cursor = xcalloc(1, sizeof(*cursor));
	*result = &cursor->base;
	return SQLITE_OK;
}
static int view_close(sqlite3_vtab_cursor *base) {
	struct cursor *cursor = (struct cursor *)base;
	free_rows(&cursor->rows);
	free(cursor);
	return SQLITE_OK;
}
static int view_filter(sqlite3_vtab_cursor *base, int number_, const char *name, int argc, sqlite3_value **argv) {
	(void)number_, (void)name, (void)argc, (void)argv;
	struct cursor *cursor = (struct cursor *)base;
	const struct table *table = (const struct table *)base->pVtab;
	free_rows(&cursor->rows);
	cursor->row = 0;
	cursor->rows.scope = table->module->scope;
	table->module->view->fill(&cursor->rows);
	return SQLITE_OK;
}
static int view_next(sqlite3_vtab_cursor *base) {
	((struct cursor *)base)->row++;
	return SQLITE_OK;
}
static int view_eof(sqlite3_vtab_cursor *base) {
	const struct cursor *cursor = (const struct cursor *)base;
	return cursor->row * ((const struct table *)base->pVtab)->columns >= cursor->rows.count;
}
static int view_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column) {
	const struct cursor *cursor = (const struct cursor *)base;
	const struct table *table = (const struct table *)base->pVtab;
	sim_store_result(context, &cursor->rows.values[cursor->row * table->columns + (size_t)column]);
	return SQLITE_OK;
}
static int view_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *rowid) {
	*rowid = (sqlite3_int64)((const struct cursor *)base)->row;
	return SQLITE_OK;
}

void sim_views_register(struct sim_store *store) {
	static const sqlite3_module module = { .xConnect = view_connect,
		                               .xBestIndex = view_best_index,
		                               .xDisconnect = view_disconnect,
		                               .xOpen = view_open,
		                               .xClose = view_close,
		                               .xFilter = view_filter,
		                               .xNext = view_next,
		                               .xEof = view_eof,
		                               .xColumn = view_column,
		                               .xRowid = view_rowid };
	for (size_t i = 0; i < ARRAY_LENGTH(views); i++) {
		struct module *data = xcalloc(1, sizeof(*data));
		*data = (struct module){ &views[i], &store->scope };
		sqlite3_create_module_v2(store->sqlite, views[i].name, &module, data, free);
	}
}
