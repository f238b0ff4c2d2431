/* The state of an instance, for the parts of the model: not for those who use it (sqlserver/instance.h). */
#ifndef SIMSQL_SERVER_H
#define SIMSQL_SERVER_H

#include "sqlserver/instance.h"
#include "sqlserver/log.h"
#include "sqlserver/session.h"
#include "sqlserver/settings.h"

struct sim_store;
struct sim_group;

/* --- Security objects (master) --- */

struct sim_login_row {
	char *name, *password;
	char *default_database;
	char *sid; /* hexadecimal */
	bool disabled, sysadmin;
	char *permissions; /* ",VIEW SERVER STATE,…," granted at server scope */
};

struct sim_certificate {
	int id;
	char *name, *subject, *owner; /* the user whom it authorises */
	char *public_part;            /* bytes */
	size_t public_length;
	bool has_private_key;
};

/* The database_mirroring endpoint; there can be one. */
struct sim_endpoint {
	char *name; /* NULL: none */
	char *certificate;
	int port;
	bool started;
	int64_t since; /* when it was started, or the instance was */
	char *owner;
	char *connect; /* ",login,…," who was granted CONNECT */
};

struct sim_user { /* a database principal of master */
	char *name, *login;
};

struct sim_applock {
	char *resource;
	struct sim_session *owner;
	bool transactional;
	int count;
};

/* --- Databases --- */

enum sim_database_state { SIM_ONLINE, SIM_RESTORING, SIM_RECOVERING, SIM_RECOVERY_PENDING, SIM_SUSPECT };
enum sim_recovery_model { SIM_RECOVERY_FULL = 1, SIM_RECOVERY_BULK_LOGGED, SIM_RECOVERY_SIMPLE };

struct sim_database {
	int id;
	char *name;
	char *owner;              /* the login that has created it; NULL: sa */
	char guid[SIM_GUID_SIZE]; /* of this copy */
	enum sim_recovery_model recovery;
	bool read_only, full_backup;
	int64_t created; /* wall clock */
	bool restoring;  /* a copy that has not been recovered: seeding, or left behind by DROP AVAILABILITY GROUP */
	bool suspect;

	/* Membership; "" when in no group. */
	char group_database_id[SIM_GUID_SIZE];
	bool joined, suspended;
	bool by_partner; /* suspended by a forced promotion */
	/* This copy's own opinion: the primary waits for it (commits are not acknowledged without it). Kept. */
	bool ready;

	struct sim_log log;
	struct sim_store *store; /* the rows up to store position; NULL until somebody looks */
	uint64_t applied;

	/* Primary side. */
	struct sim_session *writer; /* whose transaction has written and is open */
	uint64_t acknowledged;      /* transactions up to here are committed for everybody */

	/* Secondary side, volatile. */
	bool seeding;
	int64_t reverting_until;
	bool reverting;
	uint64_t primary_end; /* the primary's end of log as last heard */
	/* On a slow volume: what has been reported as hardened, and what will be, and when. */
	uint64_t told, writing;
	int64_t written_at;
};

/* --- The instance --- */

struct sim_instance {
	char *name, *edition, *version;
	bool hadr_enabled;
	struct sim_host host;
	struct sim_disk *disk;
	struct sim_settings settings;
	uint64_t random;
	uint64_t incarnation; /* how often it was started; kept */
	uint64_t number;      /* of the process */
	uint64_t serial;      /* of messages to other endpoints */
	int64_t started, started_wall;

	struct sim_login_row *logins;
	size_t login_count;
	struct sim_user *users;
	size_t user_count;
	struct sim_certificate *certificates;
	size_t certificate_count;
	int next_certificate_id;
	bool master_key;
	struct sim_endpoint endpoint;

	struct sim_database **databases;
	size_t database_count;
	struct sim_group **groups;
	size_t group_count;
	char *joining; /* ",ag1,": JOIN statements that wait for the configuration */

	struct sim_session **sessions;
	size_t session_count;
	int next_session_id;
	struct sim_applock *applocks;
	size_t applock_count;
	struct sim_health health;
	int64_t disk_delay;

	struct sim_store *catalogue; /* where statements run that touch no user database */
};

static inline int64_t sim_now(const struct sim_instance *instance) {
	return instance->host.now(instance->host.context);
}
static inline int64_t sim_wall(const struct sim_instance *instance) {
	return instance->host.wall(instance->host.context);
}
static inline int64_t sim_timing(const struct sim_instance *instance, enum sim_timing timing) {
	return instance->settings.timings[timing];
}
static inline bool sim_assume(const struct sim_instance *instance, enum sim_assumption assumption) {
	return instance->settings.assumptions[assumption];
}

uint64_t sim_random(struct sim_instance *instance);
void sim_guid(struct sim_instance *instance, char guid[SIM_GUID_SIZE]);
/* Writes everything that the system databases hold. */
void sim_instance_save(struct sim_instance *instance);

/* Sets a text that is owned. */
void sim_set_text(char **text, const char *value);
/* Lists of names in one text: ",a,b,". */
bool sim_list_has(const char *list, const char *name);
void sim_list_add(char **list, const char *name);
void sim_list_remove(char **list, const char *name);

/* --- sqlserver/database.c --- */

struct sim_database *sim_database_find(const struct sim_instance *instance, const char *name);
struct sim_database *sim_database_by_id(const struct sim_instance *instance, int id);
struct sim_database *sim_database_of_group(const struct sim_instance *instance, const char *group_database_id);
/* A new, empty database, saved; NULL with an error when the volume is full. `guid` begins its first fork; NULL for a
 * copy that gets its forks from elsewhere. */
struct sim_database *sim_database_create(struct sim_instance *instance, const char *name, bool first_fork,
                                         struct error **err);
void sim_database_drop(struct sim_instance *instance, struct sim_database *database);
void sim_database_free(struct sim_database *database);
enum sim_database_state sim_database_state(const struct sim_instance *instance, const struct sim_database *database);
const char *sim_database_state_name(enum sim_database_state state);
/* The rows, with everything redone that is hardened. */
struct sim_store *sim_database_store(struct sim_instance *instance, struct sim_database *database);
/* Undoes the log to `position` on the first `forks` forks, rows included. */
int sim_database_cut(struct sim_database *database, uint64_t position, size_t forks, struct error **err);
bool sim_database_is_system(const struct sim_database *database);

/* --- sqlserver/security.c --- */

int sim_login_id(const struct sim_instance *instance, const struct sim_login_row *row); /* principal_id */
struct sim_login_row *sim_login_find(const struct sim_instance *instance, const char *name);
struct sim_certificate *sim_certificate_find(const struct sim_instance *instance, const char *name);
struct sim_user *sim_user_find(const struct sim_instance *instance, const char *name);
/* The private key as CERTPRIVATEKEY gives it, encrypted with a password: appended. */
void sim_private_key_put(struct strbuf *bytes, const struct sim_certificate *certificate, const char *password);
/* Whether these bytes are the private key of this public part: 0, or the number of the message that says why not. */
int sim_private_key_check(const void *bytes, size_t length, const char *password, const void *public_part,
                          size_t public_length);
/* Whether whoever holds the certificate with this public part may connect to our mirroring endpoint. */
bool sim_endpoint_trusts(const struct sim_instance *instance, const void *public_part, size_t length);
/* The certificate of our endpoint; NULL when it has none. */
struct sim_certificate *sim_endpoint_certificate(const struct sim_instance *instance);

#endif
