/* Availability groups: configuration, roles, and the sessions between replicas that carry log and configuration.
 *
 * Every replica keeps its own copy of the configuration. The primary talks to every other replica over its mirroring
 * endpoint with messages that can be lost, repeated and reordered: an offer (configuration, positions, who counts as
 * ready) at least every heartbeat, and log. The secondary answers with a report. A commit on the primary is
 * acknowledged when every participant has hardened it.
 *
 * A secondary database goes through these steps, as the primary sees it:
 *   not synchronizing   no session, not joined, or suspended
 *   synchronizing       log flows
 *   participant         synchronous and caught up: from now on commits wait for it; it is told that it is ready
 *   synchronized        it has confirmed that it knows: it counts for REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT
 * so that a copy that takes itself for ready has been waited for since before it did. */
#ifndef SIMSQL_GROUP_H
#define SIMSQL_GROUP_H

#include "sqlserver/server.h"

enum sim_role { SIM_ROLE_RESOLVING, SIM_ROLE_PRIMARY, SIM_ROLE_SECONDARY }; /* numbered as the views do */
enum sim_cluster_type { SIM_CLUSTER_WSFC, SIM_CLUSTER_NONE, SIM_CLUSTER_EXTERNAL };
enum sim_failover_mode { SIM_FAILOVER_AUTOMATIC, SIM_FAILOVER_MANUAL, SIM_FAILOVER_EXTERNAL };
enum sim_access { SIM_ACCESS_NO, SIM_ACCESS_READ_ONLY, SIM_ACCESS_ALL };
enum sim_synchronization {
	SIM_NOT_SYNCHRONIZING,
	SIM_SYNCHRONIZING,
	SIM_SYNCHRONIZED,
	SIM_REVERTING,
	SIM_INITIALIZING
};

/* What the primary knows about one database on one secondary. */
struct sim_progress {
	char group_database_id[SIM_GUID_SIZE];
	enum { SIM_STEP_NONE, SIM_STEP_SENDING, SIM_STEP_PARTICIPANT, SIM_STEP_SYNCHRONIZED } step;
	enum sim_synchronization shown; /* reverting and initializing as the secondary reports them */
	bool suspended, by_partner;
	uint64_t hardened, sent, common;
	size_t common_forks;
	bool matched; /* hardened lies on our own forks */
	int64_t hardened_wall;
};

enum sim_seeding_state {
	SIM_SEEDING_CHECK,
	SIM_SEEDING_RUNNING,
	SIM_SEEDING_CATCHUP,
	SIM_SEEDING_DONE,
	SIM_SEEDING_FAILED
};
struct sim_seeding {
	char operation_id[SIM_GUID_SIZE], group_database_id[SIM_GUID_SIZE], replica_id[SIM_GUID_SIZE];
	enum sim_seeding_state state;
	bool source, streamed;
	bool settled;                         /* the secondary has reported that it has joined: history */
	int64_t started_wall, completed_wall; /* 0: still running */
	int64_t due;
};

/* The session with another replica. */
struct sim_link {
	bool connected;
	int64_t heard;        /* when a message last came in */
	int64_t since;        /* of the present attempt to connect */
	uint64_t sequence;    /* of the configuration that it has confirmed */
	uint64_t serial;      /* the highest message number seen from it */
	int64_t cached_until; /* assumption transport_cache: nothing gets through before */
	int error;            /* last_connect_error */
	int64_t error_wall;
	enum sim_role role;
	int64_t peer_role_since; /* of a primary: when it took its role, by our clock */
	bool known;              /* a session with it in its present role was begun before */
	struct sim_progress *progress;
	size_t progress_count;
};

struct sim_replica {
	char id[SIM_GUID_SIZE];
	char *name, *endpoint_url;
	bool synchronous, configuration_only, automatic_seeding;
	enum sim_failover_mode failover_mode;
	enum sim_access secondary_access;
	bool primary_read_write_only;
	int session_timeout; /* seconds */
	int backup_priority;
	char *routing_url;
	int64_t created;
	struct sim_link link; /* volatile */
};

struct sim_group_database {
	char id[SIM_GUID_SIZE];
	char *name;
};

struct sim_group {
	/* Configuration: kept by every replica, changed by the primary. */
	char id[SIM_GUID_SIZE];
	char *name;
	enum sim_cluster_type cluster_type;
	bool db_failover;
	int required; /* REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT */
	uint64_t sequence;
	int lease_seconds;          /* WRITE_LEASE_VALIDITY; 0: none */
	char forced[SIM_GUID_SIZE]; /* the last forced promotion: whoever hears of it suspends its copies */
	struct sim_replica *replicas;
	size_t replica_count;
	struct sim_group_database *databases;
	size_t database_count;

	/* This replica, kept. */
	char replica_id[SIM_GUID_SIZE];
	enum sim_role role;
	bool may_create;      /* GRANT CREATE ANY DATABASE */
	bool was_primary;     /* it was primary when it went down, and nothing has cleared that yet */
	int64_t latched_wall; /* Msg 41104 until then, on the wall clock; 0: not latched */

	/* This replica, volatile. */
	int64_t role_since;
	int64_t promotion_due; /* FAILOVER under way; 0: none */
	bool is_forced;        /* it is FORCE_FAILOVER_ALLOW_DATA_LOSS */
	int64_t reseat_until;  /* SET (ROLE = SECONDARY) waits for a primary */
	bool reseated;         /* since its last session: may follow an older configuration */
	int64_t next_heartbeat;
	char primary_id[SIM_GUID_SIZE]; /* whom a secondary follows; "" nobody */
	bool had_primary;               /* it followed somebody since it was started */
	int64_t lease_until;
	int64_t commit_started_wall; /* a configuration change waits for its majority */
	struct sim_seeding *seedings;
	size_t seeding_count;
};

/* --- What others ask (sqlserver/group.c) --- */

struct sim_group *sim_group_find(const struct sim_instance *instance, const char *name);
struct sim_group *sim_group_of(const struct sim_instance *instance, const struct sim_database *database);
struct sim_replica *sim_group_local(const struct sim_group *group);
struct sim_replica *sim_group_replica(const struct sim_group *group, const char *name);
struct sim_replica *sim_group_replica_by_id(const struct sim_group *group, const char *id);
struct sim_progress *sim_link_progress(struct sim_link *link, const char *group_database_id);
void sim_group_free(struct sim_group *group);
void sim_replica_clear(struct sim_replica *replica);
void sim_group_put(struct strbuf *buf, const struct sim_group *group, bool with_local);
struct sim_group *sim_group_get(struct wire *wire, bool with_local);
/* Takes the configuration of `from` over into `group`, keeping sessions with replicas that stay. */
void sim_group_adopt(struct sim_group *group, struct sim_group *from);

/* The synchronization state of a database of this instance, as its own views show it. */
enum sim_synchronization sim_database_synchronization(const struct sim_instance *instance,
                                                      const struct sim_database *database);
/* What the primary's views show for a database of another replica. */
enum sim_synchronization sim_remote_synchronization(const struct sim_group *group, const struct sim_replica *replica,
                                                    const char *group_database_id);

/* --- Commits (sqlserver/primary.c) --- */

/* How many secondaries are synchronized in this database. */
int sim_group_synchronized(const struct sim_group *group, const struct sim_database *database);
/* Fewer than required, or alone where that is not allowed: Msg 988. */
bool sim_group_lacks_quorum(const struct sim_instance *instance, const struct sim_group *group,
                            const struct sim_database *database);
enum sim_commit { SIM_COMMIT_DONE, SIM_COMMIT_WAITS, SIM_COMMIT_FAILED };
/* Whether the transaction that ends at `position` is committed for its client. */
enum sim_commit sim_group_commit(struct sim_instance *instance, struct sim_database *database, uint64_t position);
/* New log: send it. */
void sim_group_log_grown(struct sim_instance *instance, struct sim_database *database);
/* A majority has the present configuration. */
bool sim_group_configured(const struct sim_group *group);

/* --- Time and messages (sqlserver/primary.c, sqlserver/secondary.c, sqlserver/transport.c) --- */

/* An offer has come in for a group that a JOIN waits for. */
void sim_group_join(struct sim_instance *instance, const char *name, struct wire *body);
int64_t sim_group_run(struct sim_instance *instance, struct sim_group *group);
void sim_primary_offer(struct sim_instance *instance, struct sim_group *group);
int64_t sim_primary_run(struct sim_instance *instance, struct sim_group *group);
int64_t sim_secondary_run(struct sim_instance *instance, struct sim_group *group);
void sim_primary_disconnect(struct sim_instance *instance, struct sim_group *group, struct sim_replica *replica,
                            int error);

enum sim_message_type { SIM_MESSAGE_OFFER = 1, SIM_MESSAGE_REPORT, SIM_MESSAGE_LOG };
void sim_transport_send(struct sim_instance *instance, struct sim_group *group, const struct sim_replica *to,
                        enum sim_message_type type, const struct strbuf *body);
void sim_primary_report(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                        struct wire *body);
void sim_secondary_offer(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                         struct wire *body);
void sim_secondary_log(struct sim_instance *instance, struct sim_group *group, struct sim_replica *from,
                       struct wire *body);
void sim_secondary_report(struct sim_instance *instance, struct sim_group *group, struct sim_replica *to);
/* An endpoint was stopped, or stopped and started. */
void sim_endpoint_stopped(struct sim_instance *instance);
void sim_endpoint_started(struct sim_instance *instance);

/* --- Statements (sqlserver/group_statements.c): 0, or the number of the message that says why not. --- */

int sim_group_failover(struct sim_instance *instance, struct sim_group *group);
int sim_group_force(struct sim_instance *instance, struct sim_group *group);
int sim_group_offline(struct sim_instance *instance, struct sim_group *group);
int sim_group_set_secondary(struct sim_instance *instance, struct sim_group *group);
void sim_group_drop(struct sim_instance *instance, struct sim_group *group);
int sim_group_add_database(struct sim_instance *instance, struct sim_group *group, struct sim_database *database);
void sim_group_remove_database(struct sim_instance *instance, struct sim_group *group, const char *name);
/* The configuration of the primary has changed: number it, keep it, tell the others. */
void sim_group_changed(struct sim_instance *instance, struct sim_group *group);
/* Takes a role; ends the sessions that must end with the old one. */
void sim_group_take_role(struct sim_instance *instance, struct sim_group *group, enum sim_role role);

/* --- sqlserver/session.c --- */
/* Ends sessions whose transactions or database context the role change takes away. */
void sim_sessions_role_changed(struct sim_instance *instance, const struct sim_group *group);

#endif
