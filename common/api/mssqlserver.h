/* MSSQLServer (kubedb.com): a SQL Server database as KubeDB's users write it, standalone or an availability group.
 *
 * Two versions, one struct. v1alpha2 is stored and says everything below spec.topology; v1 is the short form, with
 * mode, standbyMode, streamingMode, databases and leaderElection at the top of spec. Every other field stands at the
 * same path in both (REQUIREMENTS R42; mssqlserver_convert.c). */
#ifndef AGKEEPER_API_MSSQLSERVER_H
#define AGKEEPER_API_MSSQLSERVER_H

#include "api/autoexpand.h"
#include "api/embedded.h"
#include "api/group_status.h"
#include "api/kind.h"
#include "api/monitor.h"
#include "api/mssqlserver_parts.h"

/* What one version says and the other cannot is remembered here while an object is in the other version's form. */
#define MSSQLSERVER_CONVERSION_ANNOTATION "agkeeper.dev/conversion"

/* topology.mode and v1's mode. */
#define MSSQLSERVER_STANDALONE            "Standalone" /* v1 only: in v1alpha2 it is the absence of a topology */
#define MSSQLSERVER_AVAILABILITY_GROUP    "AvailabilityGroup"
#define MSSQLSERVER_STREAMING_REPLICATION "StreamingReplication"
#define MSSQLSERVER_DISTRIBUTED_AG        "DistributedAG"

/* v1alpha2: how quickly a silent primary is taken as lost, in ticks; v1 keeps only transferLeadership* at this path. */
struct mssqlserver_leader_election {
	struct opt_duration period;
	struct opt_int heartbeat_tick;
	struct opt_int election_tick;
	struct opt_duration transfer_leadership_interval;
	struct opt_duration transfer_leadership_timeout;
};

struct mssqlserver_availability_group {
	string_list databases;                                     /* v1alpha2 */
	const char *secondary_access_mode;                         /* v1alpha2 */
	const char *availability_mode;                             /* v1alpha2 */
	const struct mssqlserver_leader_election *leader_election; /* NULL: 3 s, or 15 s with streaming replication */
	struct opt_int required_synchronized;
	const char *login_secret_name;
	const char *master_key_secret_name;
	const char *endpoint_cert_secret_name;
};

struct mssqlserver_topology {
	const char *mode; /* v1alpha2 */
	const struct mssqlserver_availability_group *availability_group;
	const struct json_object *distributed_ag; /* kept, and refused: not supported yet */
};

/* v1: the same in whole seconds. */
struct mssqlserver_lease {
	struct opt_int lease_duration_seconds;
	struct opt_int renew_deadline_seconds;
	struct opt_int retry_period_seconds;
};

struct mssqlserver_spec {
	const char *version;
	struct opt_int replicas;

	/* v1 */
	const char *mode;
	const char *standby_mode;
	const char *streaming_mode;
	string_list databases;
	const struct mssqlserver_lease *leader_election;

	const struct mssqlserver_topology *topology;
	const char *storage_type;
	const struct volume_claim_spec *storage;
	const struct auto_expand *auto_expand;
	const struct mssqlserver_auth_secret *auth_secret;
	const struct local_reference *config_secret;
	const struct mssqlserver_configuration *configuration;
	const struct mssqlserver_init *init;
	const struct mssqlserver_pod_template *pod_template;
	LIST_OF(struct mssqlserver_service_template) service_templates;
	const struct mssqlserver_tls *tls;
	const struct monitor *monitor;
	const struct mssqlserver_health_checker *health_checker;
	const struct json_object *archiver;
	const struct json_object *arbiter;
	const struct json_object *internal_auth;
	struct opt_bool halted;
	const char *deletion_policy;
};

struct mssqlserver_status {
	const char *phase;
	struct opt_int observed_generation;
	condition_list conditions;
	const char *primary_replica;
	const char *synchronized;
	struct opt_int replicas;
	const char *selector;
	replica_status_list replica_statuses;
	const struct group_record *availability_group; /* NULL: standalone, or nothing was done yet */
	group_failover_list failovers;
};

struct mssqlserver {
	const char *api_version;
	const char *kind;
	const struct object_meta *metadata;
	const struct mssqlserver_spec *spec;
	const struct mssqlserver_status *status;
};

extern const struct schema mssqlserver_schema_v1alpha2;
extern const struct schema mssqlserver_schema_v1;
extern const struct kind mssqlserver_kind_v1alpha2;
extern const struct kind mssqlserver_kind_v1;

/* The mode of a v1 object that names none (REQUIREMENTS R42). */
const char *mssqlserver_default_mode(int64_t replicas);

/* Defaults that depend on other fields (struct kind). */
void mssqlserver_complete_v1alpha2(struct defaulting *defaulting);
void mssqlserver_complete_v1(struct defaulting *defaulting);

/* v1 to v1alpha2 and back, whole objects in place (struct kind). */
int mssqlserver_to_storage(struct json_object *object, struct error **err);
int mssqlserver_from_storage(struct json_object *object, struct error **err);

#endif
