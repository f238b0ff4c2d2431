/* What one replica says about itself and its group: the probe, read into structs.
 *
 * On the primary, replicas and databases of all others are there too, as the primary sees them; a secondary shows only
 * itself (database rows with is_local 0 and replicas without a role are then absent or unknown). */
#ifndef AGKEEPER_SQL_OBSERVATION_H
#define AGKEEPER_SQL_OBSERVATION_H

#include "base/error.h"
#include "base/memory.h"
#include "sql/rows.h"

enum sql_role { SQL_ROLE_UNKNOWN, SQL_ROLE_RESOLVING, SQL_ROLE_PRIMARY, SQL_ROLE_SECONDARY };
enum sql_endpoint_state { SQL_ENDPOINT_NONE, SQL_ENDPOINT_STARTED, SQL_ENDPOINT_STOPPED, SQL_ENDPOINT_DISABLED };
enum sql_connected { SQL_CONNECTED_UNKNOWN, SQL_DISCONNECTED, SQL_CONNECTED };
enum sql_synchronization {
	SQL_SYNCHRONIZATION_UNKNOWN,
	SQL_NOT_SYNCHRONIZING,
	SQL_SYNCHRONIZING,
	SQL_SYNCHRONIZED,
	SQL_REVERTING,
	SQL_INITIALIZING
};
enum sql_mode { SQL_MODE_UNKNOWN, SQL_MODE_SYNCHRONOUS, SQL_MODE_ASYNCHRONOUS, SQL_MODE_CONFIGURATION_ONLY };

struct sql_instance_row {
	const char *server;     /* @@SERVERNAME */
	const char *version;    /* 16.0.4175.1 */
	const char *start_time; /* of the process, as text: only whether it is the same matters */
	int endpoint;           /* enum sql_endpoint_state, of the mirroring endpoint */
	const char *endpoint_name;
	int64_t generation; /* in force (sql/statements.h); -1: the server has no table yet */
};

struct sql_group_row {
	const char *group_id;
	int64_t sequence_number; /* of the configuration: the highest is the most recent */
	int64_t required;
	bool db_failover;
	const char *cluster_type; /* "external", "none", "wsfc" */
};

struct sql_replica_row {
	const char *replica_id, *server, *endpoint_url;
	int mode;           /* enum sql_mode */
	const char *access; /* "NO", "READ_ONLY", "ALL" */
	const char *failover_mode;
	int64_t session_timeout; /* seconds */
	bool is_local;
	int role;      /* enum sql_role */
	int connected; /* enum sql_connected */
	const char *operational_state, *recovery_health, *synchronization_health;
	int64_t last_connect_error; /* 0: none */
	const char *last_connect_error_text, *last_connect_error_time;
	int64_t write_lease_ticks;              /* -1: no lease */
	const char *configuration_commit_start; /* NULL: no change of the configuration is under way */
};

struct sql_database_row {
	const char *name, *group_database_id, *replica_id;
	const char *recovery_fork; /* guid of the local copy's recovery fork; NULL for other replicas' rows */
	struct sql_lsn fork_point; /* of the local copy: where it left the fork before; not known: it is on its first */
	bool is_local, is_primary_replica;
	int synchronization; /* enum sql_synchronization */
	bool is_commit_participant, is_suspended, is_failover_ready;
	const char *suspend_reason, *state; /* "ONLINE", "RESTORING", … */
	/* On a primary's own row `hardened` is the least of its secondaries' (not known when it commits
	 * asynchronously), and its own end is end_of_log. */
	struct sql_lsn recovery, received, hardened, end_of_log, redone;
	int64_t log_send_queue_kb, redo_queue_kb, secondary_lag_seconds; /* -1: not known */
};

/* Databases of the instance that are no system databases, in the group or not. */
struct sql_local_database_row {
	const char *name, *state, *recovery_model;
	const char *group_database_id; /* NULL: in no group */
	bool has_log_chain;            /* a full backup has begun it */
};

struct sql_seeding_row {
	const char *group_database_id, *remote_replica_id, *state, *failure; /* failure NULL: none */
	bool is_source, is_complete;
};

/* A volume that files of databases are on. */
struct sql_volume_row {
	const char *mount_point; /* may be "" */
	int64_t total_bytes, available_bytes;
};

struct sql_observation {
	struct sql_instance_row instance;
	bool has_group; /* this instance knows the group asked for */
	struct sql_group_row group;
	size_t replica_count, database_count, local_database_count, seeding_count, volume_count;
	struct sql_replica_row *replicas;
	struct sql_database_row *databases;
	struct sql_local_database_row *local_databases;
	struct sql_seeding_row *seedings;
	struct sql_volume_row *volumes;
};

/* Reads the answer to sql_probe. Everything is copied to `arena`. */
int sql_observation_read(const struct sql_results *results, struct arena *arena, struct sql_observation *observation,
                         struct error **err);
/* The local replica's row; NULL: there is none. */
const struct sql_replica_row *sql_observation_local(const struct sql_observation *observation);
/* Somebody writes to this primary: the log of one of its group's databases has grown since the answer before. What is
 * written to SQL_SYSTEM_DATABASE does not count: that are our own checks. */
bool sql_observation_log_grew(const struct sql_observation *before, const struct sql_observation *after);

#endif
