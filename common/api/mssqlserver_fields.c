/* The field tables of MSSQLServer, v1alpha2 and v1. Rows of fields that stand at the same path in both versions are
 * written once and used by both tables. Names are those of KubeDB's public API (kubedb/apimachinery); availabilityMode,
 * requiredSynchronized and autoExpand are this project's (REQUIREMENTS R27, R42, issue 5). */
#include "api/formats.h"
#include "api/mssqlserver.h"

#define DATABASES LIST_ITEM(.type = FIELD_STRING, .format = &format_sql_database)

#define MODES MSSQLSERVER_AVAILABILITY_GROUP, MSSQLSERVER_STREAMING_REPLICATION, MSSQLSERVER_DISTRIBUTED_AG

#define ABSENT_ELECTION "Without it a silent primary is taken as lost after 3 s, with streaming replication after 15 s."

#define DATABASES_DOC                                                                                          \
	"Databases that are created and joined to the group on first start. With streaming replication, none " \
	"named means that every user database joins."

/* ---- topology ---- */

#define TRANSFER_LEADERSHIP_ROWS                                                                                      \
	{ MEMBER(struct mssqlserver_leader_election, "transferLeadershipInterval", transfer_leadership_interval),     \
	  .type = FIELD_DURATION, .doc = "Has no effect; a hand-over is tried again when it can be." },               \
	{                                                                                                             \
		MEMBER(struct mssqlserver_leader_election, "transferLeadershipTimeout", transfer_leadership_timeout), \
		        .type = FIELD_DURATION, .doc = "After how long a planned hand-over is given up; 60s without." \
	}

static const struct field leader_election_fields_v1alpha2[] = {
	{ MEMBER(struct mssqlserver_leader_election, "period", period), .type = FIELD_DURATION, .default_text = "300ms",
	  .doc = "The length of one tick." },
	{ MEMBER(struct mssqlserver_leader_election, "heartbeatTick", heartbeat_tick), .type = FIELD_INT,
	  BOUNDS(1, 1000000), .default_text = "1",
	  .doc = "Every how many ticks the primary is asked for a sign of life." },
	{ MEMBER(struct mssqlserver_leader_election, "electionTick", election_tick), .type = FIELD_INT,
	  BOUNDS(1, 1000000), .default_text = "10",
	  .doc = "After how many ticks of silence the primary is taken as lost: period × electionTick is at most "
	         "50s." },
	TRANSFER_LEADERSHIP_ROWS,
	{ 0 },
};
static const struct schema leader_election_schema_v1alpha2 = { .size = sizeof(struct mssqlserver_leader_election),
	                                                       .fields = leader_election_fields_v1alpha2 };

static const struct field leader_election_fields_v1[] = { TRANSFER_LEADERSHIP_ROWS, { 0 } };
static const struct schema leader_election_schema_v1 = { .size = sizeof(struct mssqlserver_leader_election),
	                                                 .fields = leader_election_fields_v1 };

#define AVAILABILITY_GROUP_ROWS                                                                                      \
	{ MEMBER(struct mssqlserver_availability_group, "requiredSynchronized", required_synchronized),              \
	  .type = FIELD_INT, BOUNDS(0, 8),                                                                           \
	  .doc = "How many synchronous secondaries must have a commit before it is acknowledged. Without it all of " \
		 "them must, and any one of them can be promoted; a smaller number keeps commits going when a "      \
		 "secondary is lost, and makes a promotion wait for more of them." },                                \
	        { MEMBER(struct mssqlserver_availability_group, "loginSecretName", login_secret_name),               \
		  .type = FIELD_STRING, .format = &format_dns_subdomain,                                             \
		  .doc = "A Secret with the password of the endpoints' login; generated without." },                 \
	        { MEMBER(struct mssqlserver_availability_group, "masterKeySecretName", master_key_secret_name),      \
		  .type = FIELD_STRING, .format = &format_dns_subdomain,                                             \
		  .doc = "A Secret with the password of the databases' master key; generated without." },            \
	{                                                                                                            \
		MEMBER(struct mssqlserver_availability_group, "endpointCertSecretName", endpoint_cert_secret_name),  \
		        .type = FIELD_STRING, .format = &format_dns_subdomain,                                       \
		        .doc = "A Secret with the endpoints' certificate; generated without."                        \
	}

static const struct field availability_group_fields_v1alpha2[] = {
	{ MEMBER(struct mssqlserver_availability_group, "databases", databases), .type = FIELD_LIST, DATABASES,
	  .doc = DATABASES_DOC },
	{ MEMBER(struct mssqlserver_availability_group, "secondaryAccessMode", secondary_access_mode),
	  .type = FIELD_STRING, ONE_OF("Passive", "ReadOnly", "All"),
	  .doc = "Who may connect to secondaries: nobody (Passive, the default), connections with read intent "
	         "(ReadOnly), or all for reading (All)." },
	{ MEMBER(struct mssqlserver_availability_group, "availabilityMode", availability_mode), .type = FIELD_STRING,
	  ONE_OF("SynchronousCommit", "AsynchronousCommit"),
	  .doc = "Whether a commit waits for the secondaries: SynchronousCommit is the default of mode "
	         "AvailabilityGroup, AsynchronousCommit that of StreamingReplication." },
	{ MEMBER(struct mssqlserver_availability_group, "leaderElection", leader_election), .type = FIELD_OBJECT,
	  .schema = &leader_election_schema_v1alpha2,
	  .doc = "How quickly a silent primary is taken as lost. " ABSENT_ELECTION },
	AVAILABILITY_GROUP_ROWS,
	{ 0 },
};
static const struct schema availability_group_schema_v1alpha2 = { .size = sizeof(struct mssqlserver_availability_group),
	                                                          .fields = availability_group_fields_v1alpha2 };

static const struct field availability_group_fields_v1[] = {
	{ MEMBER(struct mssqlserver_availability_group, "leaderElection", leader_election), .type = FIELD_OBJECT,
	  .schema = &leader_election_schema_v1, .doc = "How planned hand-overs are bounded." },
	AVAILABILITY_GROUP_ROWS,
	{ 0 },
};
static const struct schema availability_group_schema_v1 = { .size = sizeof(struct mssqlserver_availability_group),
	                                                    .fields = availability_group_fields_v1 };

#define TOPOLOGY_ROWS                                                                                   \
	{                                                                                               \
		MEMBER(struct mssqlserver_topology, "distributedAG", distributed_ag),                   \
		        .type = FIELD_JSON,                                                             \
		        .doc = "The other half of a distributed availability group: not supported yet." \
	}

static const struct field topology_fields_v1alpha2[] = {
	{ MEMBER(struct mssqlserver_topology, "mode", mode), .type = FIELD_STRING, ONE_OF(MODES),
	  .doc = "AvailabilityGroup (pods are primary and standby) or StreamingReplication (primary and replica). "
	         "DistributedAG is not supported yet." },
	{ MEMBER(struct mssqlserver_topology, "availabilityGroup", availability_group), .type = FIELD_OBJECT,
	  .schema = &availability_group_schema_v1alpha2, .doc = "The availability group behind either mode." },
	TOPOLOGY_ROWS,
	{ 0 },
};
static const struct schema topology_schema_v1alpha2 = { .size = sizeof(struct mssqlserver_topology),
	                                                .fields = topology_fields_v1alpha2 };

static const struct field topology_fields_v1[] = {
	{ MEMBER(struct mssqlserver_topology, "availabilityGroup", availability_group), .type = FIELD_OBJECT,
	  .schema = &availability_group_schema_v1, .doc = "What the short form has no field of its own for." },
	TOPOLOGY_ROWS,
	{ 0 },
};
static const struct schema topology_schema_v1 = { .size = sizeof(struct mssqlserver_topology),
	                                          .fields = topology_fields_v1 };

/* ---- spec ---- */

#define VERSION_AND_REPLICAS_ROWS                                                                             \
	{ MEMBER(struct mssqlserver_spec, "version", version), .type = FIELD_STRING, .flags = FIELD_REQUIRED, \
	  AT_LEAST(1), .doc = "The name of an MSSQLServerVersion, which says what image runs." },             \
	{                                                                                                     \
		MEMBER(struct mssqlserver_spec, "replicas", replicas),                                        \
		        .type = FIELD_INT, BOUNDS(1, 9), .default_text = "1",                                 \
		        .doc = "How many servers: 1 for a standalone database, up to 9 in a group."           \
	}

#define COMMON_ROWS                                                                                                    \
	{ MEMBER(struct mssqlserver_spec, "storageType", storage_type),                                                \
	  .type = FIELD_STRING,                                                                                        \
	  .flags = FIELD_IMMUTABLE,                                                                                    \
	  ONE_OF("Durable", "Ephemeral"),                                                                              \
	  .default_text = "Durable",                                                                                   \
	  .doc = "Durable keeps the data on volumes; Ephemeral loses it with the pod." },                              \
	        { MEMBER(struct mssqlserver_spec, "storage", storage), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,  \
		  .schema = &volume_claim_spec_schema,                                                                 \
		  .doc = "The volume of each replica. Its size changes through an MSSQLServerOpsRequest only." },      \
	        { MEMBER(struct mssqlserver_spec, "autoExpand", auto_expand), .type = FIELD_OBJECT,                    \
		  .schema = &auto_expand_schema, .doc = "Lets the volumes grow by themselves before they are full." }, \
	        { MEMBER(struct mssqlserver_spec, "authSecret", auth_secret), .type = FIELD_OBJECT,                    \
		  .flags = FIELD_PRESERVE, .schema = &mssqlserver_auth_secret_schema,                                  \
		  .doc = "The administrator's user name and password." },                                              \
	        { MEMBER(struct mssqlserver_spec, "configSecret", config_secret), .type = FIELD_OBJECT,                \
		  .schema = &local_reference_schema,                                                                   \
		  .doc = "A Secret with the key mssql.conf. configuration says the same." },                           \
	        { MEMBER(struct mssqlserver_spec, "configuration", configuration), .type = FIELD_OBJECT,               \
		  .flags = FIELD_PRESERVE, .schema = &mssqlserver_configuration_schema,                                \
		  .doc = "Settings of SQL Server: mssql.conf." },                                                      \
	        { MEMBER(struct mssqlserver_spec, "init", init), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,        \
		  .schema = &mssqlserver_init_schema, .doc = "What happens before first use." },                       \
	        { MEMBER(struct mssqlserver_spec, "podTemplate", pod_template), .type = FIELD_OBJECT,                  \
		  .flags = FIELD_PRESERVE, .schema = &mssqlserver_pod_template_schema,                                 \
		  .doc = "What to change in the pods." },                                                              \
	        { MEMBER(struct mssqlserver_spec, "serviceTemplates", service_templates), .type = FIELD_LIST,          \
		  .list_key = "alias",                                                                                 \
		  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE,                                             \
		            .schema = &mssqlserver_service_template_schema),                                           \
		  .doc = "What to change in the Services." },                                                          \
	        { MEMBER(struct mssqlserver_spec, "tls", tls), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,          \
		  .schema = &mssqlserver_tls_schema, .doc = "Certificates for clients and endpoints." },               \
	        { MEMBER(struct mssqlserver_spec, "monitor", monitor), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,  \
		  .schema = &monitor_schema, .doc = "Metrics." },                                                      \
	        { MEMBER(struct mssqlserver_spec, "healthChecker", health_checker), .type = FIELD_OBJECT,              \
		  .schema = &mssqlserver_health_checker_schema, .default_text = "{}",                                  \
		  .doc = "How the database's health is checked." },                                                    \
	        { MEMBER(struct mssqlserver_spec, "archiver", archiver), .type = FIELD_JSON,                           \
		  .doc = "Continuous backup: kept as written, not done by this version." },                            \
	        { MEMBER(struct mssqlserver_spec, "arbiter", arbiter), .type = FIELD_JSON,                             \
		  .doc = "Arbiter pods: kept as written, the controller needs none." },                                \
	        { MEMBER(struct mssqlserver_spec, "internalAuth", internal_auth), .type = FIELD_JSON,                  \
		  .doc = "Who signs the endpoints' certificates, as KubeDB once had it: kept as written, agkeeper "    \
		         "signs them itself." },                                                                       \
	        { MEMBER(struct mssqlserver_spec, "halted", halted), .type = FIELD_BOOL,                               \
		  .doc = "Stops the database: its pods go, volumes and Secrets stay. False brings it back." },         \
	{                                                                                                              \
		MEMBER(struct mssqlserver_spec, "deletionPolicy", deletion_policy),                                    \
		        .type = FIELD_STRING, ONE_OF("Delete", "WipeOut", "Halt", "DoNotTerminate"),                   \
		        .default_text = "Delete",                                                                      \
		        .doc = "What deleting the object leaves: Halt keeps volumes and Secrets, Delete keeps "        \
		               "Secrets, WipeOut keeps nothing, DoNotTerminate refuses."                               \
	}

static const struct field spec_fields_v1alpha2[] = {
	VERSION_AND_REPLICAS_ROWS,
	{ MEMBER(struct mssqlserver_spec, "topology", topology), .type = FIELD_OBJECT,
	  .schema = &topology_schema_v1alpha2, .doc = "How the replicas work together; without it, standalone." },
	COMMON_ROWS,
	{ 0 },
};
static const struct schema spec_schema_v1alpha2 = { .size = sizeof(struct mssqlserver_spec),
	                                            .fields = spec_fields_v1alpha2 };

static const struct field lease_fields[] = {
	{ MEMBER(struct mssqlserver_lease, "leaseDurationSeconds", lease_duration_seconds), .type = FIELD_INT,
	  BOUNDS(1, 1000000), .default_text = "15", .doc = "After how long a silent primary is taken as lost." },
	{ MEMBER(struct mssqlserver_lease, "renewDeadlineSeconds", renew_deadline_seconds), .type = FIELD_INT,
	  BOUNDS(1, 1000000), .default_text = "10",
	  .doc = "How long the controller goes on trying to renew its own hold before it stops acting." },
	{ MEMBER(struct mssqlserver_lease, "retryPeriodSeconds", retry_period_seconds), .type = FIELD_INT,
	  BOUNDS(1, 1000000), .default_text = "2", .doc = "How often the primary is asked for a sign of life." },
	{ 0 },
};
static const struct schema lease_schema = { .size = sizeof(struct mssqlserver_lease), .fields = lease_fields };

static const struct field spec_fields_v1[] = {
	VERSION_AND_REPLICAS_ROWS,
	{ MEMBER(struct mssqlserver_spec, "mode", mode), .type = FIELD_STRING, ONE_OF(MSSQLSERVER_STANDALONE, MODES),
	  .doc = "How the replicas work together: Standalone is the default for one replica, StreamingReplication "
	         "for more." },
	{ MEMBER(struct mssqlserver_spec, "standbyMode", standby_mode), .type = FIELD_STRING, ONE_OF("Warm", "Hot"),
	  .doc = "Whether standbys take connections: Warm (the default) none, Hot for reading." },
	{ MEMBER(struct mssqlserver_spec, "streamingMode", streaming_mode), .type = FIELD_STRING,
	  ONE_OF("Asynchronous", "Synchronous"),
	  .doc = "Whether a commit waits for the standbys: Asynchronous is the default of StreamingReplication, "
	         "Synchronous that of AvailabilityGroup." },
	{ MEMBER(struct mssqlserver_spec, "databases", databases), .type = FIELD_LIST, DATABASES,
	  .doc = DATABASES_DOC },
	{ MEMBER(struct mssqlserver_spec, "leaderElection", leader_election), .type = FIELD_OBJECT,
	  .schema = &lease_schema, .doc = "How quickly a silent primary is taken as lost. " ABSENT_ELECTION },
	{ MEMBER(struct mssqlserver_spec, "topology", topology), .type = FIELD_OBJECT, .schema = &topology_schema_v1,
	  .doc = "What the short form has no field of its own for." },
	COMMON_ROWS,
	{ 0 },
};
static const struct schema spec_schema_v1 = { .size = sizeof(struct mssqlserver_spec), .fields = spec_fields_v1 };

/* ---- status ---- */

static const struct field status_fields[] = {
	{ MEMBER(struct mssqlserver_status, "phase", phase), .type = FIELD_STRING,
	  ONE_OF("Provisioning", "Ready", "Critical", "NotReady", "Halted"),
	  .doc = "The state at a glance: Critical serves, but not with all replicas." },
	{ MEMBER(struct mssqlserver_status, "observedGeneration", observed_generation), .type = FIELD_INT,
	  .doc = "The generation that the controller has acted on." },
	{ MEMBER(struct mssqlserver_status, "conditions", conditions), .type = FIELD_LIST, .list_key = "type",
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &condition_schema),
	  .doc = "What is so and why." },
	{ MEMBER(struct mssqlserver_status, "primaryReplica", primary_replica), .type = FIELD_STRING,
	  .doc = "The pod that is primary." },
	{ MEMBER(struct mssqlserver_status, "synchronized", synchronized), .type = FIELD_STRING,
	  .doc = "How many replicas are synchronized, of how many: 2/3." },
	{ MEMBER(struct mssqlserver_status, "replicas", replicas), .type = FIELD_INT,
	  .doc = "How many pods there are." },
	{ MEMBER(struct mssqlserver_status, "selector", selector), .type = FIELD_STRING,
	  .doc = "The label selector of the pods." },
	GROUP_STATUS_ROWS(struct mssqlserver_status),
	{ 0 },
};
static const struct schema status_schema = { .size = sizeof(struct mssqlserver_status), .fields = status_fields };

/* ---- the object ---- */

#define OBJECT_ROWS(spec_schema_)                                                                                  \
	{ MEMBER(struct mssqlserver, "apiVersion", api_version), .type = FIELD_STRING },                           \
	        { MEMBER(struct mssqlserver, "kind", kind), .type = FIELD_STRING },                                \
	        { MEMBER(struct mssqlserver, "metadata", metadata), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE, \
		  .schema = &object_meta_schema },                                                                 \
	        { MEMBER(struct mssqlserver, "spec", spec), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,         \
		  .schema = &(spec_schema_), .doc = "The database that is wanted." },                              \
	        { MEMBER(struct mssqlserver, "status", status), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,     \
		  .schema = &status_schema, .doc = "The database that is there." },                                \
	{                                                                                                          \
		0                                                                                                  \
	}

static const struct field object_fields_v1alpha2[] = { OBJECT_ROWS(spec_schema_v1alpha2) };
const struct schema mssqlserver_schema_v1alpha2 = { .size = sizeof(struct mssqlserver),
	                                            .fields = object_fields_v1alpha2 };

static const struct field object_fields_v1[] = { OBJECT_ROWS(spec_schema_v1) };
const struct schema mssqlserver_schema_v1 = { .size = sizeof(struct mssqlserver), .fields = object_fields_v1 };
