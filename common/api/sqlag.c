#include "api/sqlag.h"

#include <string.h>

#include "api/formats.h"
#include "api/kinds.h"
#include "base/json.h"

/* ---- spec ---- */

static const struct field string_item = { .type = FIELD_STRING };

static const struct field automatic_failover_fields[] = {
	{ MEMBER(struct sqlag_automatic_failover, "enabled", enabled), .type = FIELD_BOOL, .default_text = "true",
	  .doc = "Whether a synchronized secondary is promoted when the primary is lost. Needs clusterType EXTERNAL "
	         "and a candidate: a replica besides the first with SynchronousCommit and failoverMode Automatic." },
	{ MEMBER(struct sqlag_automatic_failover, "failoverThresholdSeconds", failover_threshold_seconds),
	  .type = FIELD_INT, BOUNDS(10, 86400), .default_text = "30",
	  .doc = "How long a primary may be silent or unhealthy before it is replaced. One that is known to be dead is "
	         "replaced at once." },
	{ MEMBER(struct sqlag_automatic_failover, "healthThreshold", health_threshold), .type = FIELD_STRING,
	  ONE_OF("system", "resource", "query_processing"), .default_text = "system",
	  .doc = "Which errors of sp_server_diagnostics make a running primary count as unhealthy: system alone, "
	         "resource as well, or query_processing too (the most sensitive)." },
	{ MEMBER(struct sqlag_automatic_failover, "requiredSynchronized", required_synchronized), .type = FIELD_INT,
	  BOUNDS(0, 4),
	  .doc = "REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT, kept at this number (relaxed mode). Unset, every member "
	         "of the synchronous set holds every acknowledged commit (strict mode, the default)." },
	{ 0 },
};
static const struct schema automatic_failover_schema = { .size = sizeof(struct sqlag_automatic_failover),
	                                                 .fields = automatic_failover_fields };

static const struct field replica_fields[] = {
	{ MEMBER(struct sqlag_replica, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_label,
	  .doc = "Name of the replica, a DNS label that no other replica has. The pod of replicas[i] is "
	         "<metadata.name>-<i>." },
	{ MEMBER(struct sqlag_replica, "availabilityMode", availability_mode), .type = FIELD_STRING,
	  ONE_OF("SynchronousCommit", "AsynchronousCommit"), .default_text = "SynchronousCommit",
	  .doc = "Whether commits wait for this replica. At most 5 replicas are synchronous, the primary included." },
	{ MEMBER(struct sqlag_replica, "failoverMode", failover_mode), .type = FIELD_STRING,
	  ONE_OF("Automatic", "Manual"),
	  .doc = "Whether the replica may be promoted without being asked. Default: Automatic for a SynchronousCommit "
	         "replica with clusterType EXTERNAL, else Manual." },
	/* No default: kubectl apply compares lists as a whole, and would report the example, which leaves it out, as
	 * changed each time. */
	{ MEMBER(struct sqlag_replica, "readableSecondary", readable_secondary), .type = FIELD_BOOL,
	  .doc = "Whether clients may read from this replica while it is a secondary; the read-only listener then "
	         "leads to it. Unset is false." },
	{ 0 },
};
static const struct schema replica_schema = { .size = sizeof(struct sqlag_replica), .fields = replica_fields };

static const struct field storage_fields[] = {
	{ MEMBER(struct sqlag_storage, "dataVolumeSize", data_volume_size), .type = FIELD_QUANTITY,
	  .default_text = "10Gi",
	  .doc = "Size of each replica's volume. It may grow later if the StorageClass can expand volumes, and never "
	         "shrinks." },
	{ MEMBER(struct sqlag_storage, "storageClassName", storage_class_name), .type = FIELD_STRING,
	  .flags = FIELD_IMMUTABLE, .doc = "StorageClass of the volumes; the cluster's default class when unset." },
	{ MEMBER(struct sqlag_storage, "accessModes", access_modes), .type = FIELD_LIST,
	  .flags = FIELD_IMMUTABLE | FIELD_ATOMIC, ACCESS_MODES_ITEM, AT_LEAST(1),
	  .default_text = "[\"ReadWriteOnce\"]", .doc = "How the volumes are mounted; one pod writes each of them." },
	{ MEMBER(struct sqlag_storage, "reclaimPolicy", reclaim_policy), .type = FIELD_STRING,
	  ONE_OF("Retain", "Delete"), .default_text = "Retain",
	  .doc = "What becomes of the volumes when the group is deleted: Retain keeps them, Delete removes them and "
	         "the data." },
	{ 0 },
};
static const struct schema storage_schema = { .size = sizeof(struct sqlag_storage), .fields = storage_fields };

static const struct field listener_fields[] = {
	{ MEMBER(struct sqlag_listener, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_label_1035,
	  .doc = "Name of the listener's Service, a DNS label; clients connect to it." },
	{ MEMBER(struct sqlag_listener, "port", port), .type = FIELD_INT, BOUNDS(1, 65535), .default_text = "1433",
	  .doc = "Port that the Service offers." },
	{ MEMBER(struct sqlag_listener, "serviceType", service_type), .type = FIELD_STRING,
	  ONE_OF("ClusterIP", "NodePort", "LoadBalancer"), .default_text = "ClusterIP",
	  .doc = "How the Service is reached: within the cluster, on a port of every node, by a load balancer." },
	{ MEMBER(struct sqlag_listener, "annotations", annotations), .type = FIELD_MAP, .item = &string_item,
	  .format = &format_qualified_name,
	  .doc = "Annotations of the Service, such as those that a cloud's load balancer reads." },
	{ 0 },
};
static const struct schema listener_schema = { .size = sizeof(struct sqlag_listener), .fields = listener_fields };

static const struct field label_value_item = { .type = FIELD_STRING, .format = &format_label_value };

static const struct field spec_fields[] = {
	{ MEMBER(struct sqlag_spec, "agName", ag_name), .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_IMMUTABLE,
	  .format = &format_sql_identifier, BOUNDS(1, 128),
	  .doc = "Name of the availability group in SQL Server: letters, digits and underscores, not starting with a "
	         "digit." },
	{ MEMBER(struct sqlag_spec, "image", image), .type = FIELD_STRING, .format = &format_image,
	  .default_text = "mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04",
	  .doc = "SQL Server's container image, the same for all replicas. A change is rolled out replica by "
	         "replica." },
	{ MEMBER(struct sqlag_spec, "edition", edition), .type = FIELD_STRING, .flags = FIELD_IMMUTABLE,
	  ONE_OF("Developer", "Evaluation", "Express", "Standard", "Enterprise", "EnterpriseCore"),
	  .default_text = "Developer",
	  .doc = "SQL Server's edition (MSSQL_PID). Express hosts no group of several replicas, Standard one of two." },
	{ MEMBER(struct sqlag_spec, "acceptEula", accept_eula), .type = FIELD_STRING, ONE_OF("Y", "y"),
	  .default_text = "Y",
	  .doc = "Acceptance of SQL Server's licence terms (ACCEPT_EULA); nothing starts without it." },
	{ MEMBER(struct sqlag_spec, "clusterType", cluster_type), .type = FIELD_STRING, .flags = FIELD_IMMUTABLE,
	  ONE_OF("EXTERNAL", "NONE"), .default_text = "EXTERNAL",
	  .doc = "EXTERNAL: agkeeper is the cluster manager and decides who is primary. NONE: read scale, never failed "
	         "over." },
	{ MEMBER(struct sqlag_spec, "automaticFailover", automatic_failover), .type = FIELD_OBJECT,
	  .schema = &automatic_failover_schema,
	  .doc = "When and how a lost primary is replaced. Default: enabled for an EXTERNAL group that has a "
	         "candidate." },
	{ MEMBER(struct sqlag_spec, "replicas", replicas), .type = FIELD_LIST, .flags = FIELD_REQUIRED,
	  LIST_ITEM(.type = FIELD_OBJECT, .schema = &replica_schema), BOUNDS(1, 9), .list_key = "name",
	  .doc = "The group's replicas; the first starts as primary. The list only grows, at its end: replicas[i] is "
	         "pod <metadata.name>-<i> for good." },
	{ MEMBER(struct sqlag_spec, "databases", databases), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_STRING, .format = &format_sql_database), AT_MOST(100),
	  .doc = "Databases to create and join to the group. Others may be added with T-SQL; none is ever removed." },
	{ MEMBER(struct sqlag_spec, "storage", storage), .type = FIELD_OBJECT, .schema = &storage_schema,
	  .default_text = "{}", .doc = "The volumes: one for each replica." },
	{ MEMBER(struct sqlag_spec, "autoExpand", auto_expand), .type = FIELD_OBJECT, .schema = &auto_expand_schema,
	  .doc = "Lets the volumes grow by themselves before they are full. Unset, they never do." },
	{ MEMBER(struct sqlag_spec, "listener", listener), .type = FIELD_OBJECT, .schema = &listener_schema,
	  .doc = "The Service that always leads to the primary." },
	{ MEMBER(struct sqlag_spec, "readOnlyListener", read_only_listener), .type = FIELD_OBJECT,
	  .schema = &listener_schema, .doc = "The Service that leads to the readable secondaries." },
	{ MEMBER(struct sqlag_spec, "endpointPort", endpoint_port), .type = FIELD_INT, .flags = FIELD_IMMUTABLE,
	  BOUNDS(1, 65535), .default_text = "5022",
	  .doc = "Port of the database mirroring endpoint, through which replicas talk to each other." },
	{ MEMBER(struct sqlag_spec, "saPasswordSecretRef", sa_password_secret_ref), .type = FIELD_OBJECT,
	  .schema = &secret_key_reference_schema,
	  .doc = "Secret with the SA password, in key SA_PASSWORD unless another is named. Unset, Secret "
	         "<metadata.name>-sa is generated; one that is named and missing is waited for." },
	{ MEMBER(struct sqlag_spec, "mssqlConf", mssql_conf), .type = FIELD_MAP, .item = &string_item,
	  .format = &format_mssql_conf_key,
	  .doc = "Settings of mssql.conf as section.key: value, for all replicas. hadr.hadrenabled is always 1." },
	{ MEMBER(struct sqlag_spec, "resources", resources), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &resources_schema, .default_text = "{\"requests\":{\"cpu\":\"500m\",\"memory\":\"2Gi\"}}",
	  .doc = "CPU and memory of each replica's SQL Server container." },
	{ MEMBER(struct sqlag_spec, "nodeSelector", node_selector), .type = FIELD_MAP, .item = &label_value_item,
	  .format = &format_qualified_name, .doc = "Labels that a node must have to run a replica." },
	{ MEMBER(struct sqlag_spec, "tolerations", tolerations), .type = FIELD_LIST, .flags = FIELD_ATOMIC,
	  TOLERATIONS_ITEM, .doc = "Taints of nodes that replicas tolerate." },
	{ MEMBER(struct sqlag_spec, "affinity", affinity), .type = FIELD_JSON,
	  .doc = "Affinity of the replicas' pods (core/v1 Affinity). Unset, replicas prefer different nodes." },
	{ MEMBER(struct sqlag_spec, "podTemplate", pod_template), .type = FIELD_JSON,
	  .doc = "metadata (labels, annotations) and spec (core/v1 PodSpec) to merge into the pods; SQL Server's "
	         "container is called mssql. What agkeeper sets itself wins." },
	{ MEMBER(struct sqlag_spec, "monitor", monitor), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &monitor_schema, .doc = "How Prometheus finds the servers. Unset, nothing is set up for it." },
	{ 0 },
};
static const struct schema spec_schema = { .size = sizeof(struct sqlag_spec), .fields = spec_fields };

/* ---- status ---- */

static const struct field status_fields[] = {
	{ MEMBER(struct sqlag_status, "phase", phase), .type = FIELD_STRING,
	  ONE_OF("Initializing", "Running", "FailingOver", "Failed"), .doc = "The state in one word." },
	{ MEMBER(struct sqlag_status, "primaryReplica", primary_replica), .type = FIELD_STRING,
	  .doc = "Name of the primary's pod." },
	{ MEMBER(struct sqlag_status, "initializationComplete", initialization_complete), .type = FIELD_BOOL,
	  .doc = "Whether the availability group was created and all replicas have joined it." },
	{ MEMBER(struct sqlag_status, "observedGeneration", observed_generation), .type = FIELD_INT,
	  .doc = "The metadata.generation that this status is about." },
	{ MEMBER(struct sqlag_status, "synchronized", synchronized), .type = FIELD_STRING,
	  .doc = "How many replicas are synchronized, of how many, the primary included: 3/3." },
	GROUP_STATUS_ROWS(struct sqlag_status),
	{ MEMBER(struct sqlag_status, "conditions", conditions), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &condition_schema), .list_key = "type",
	  .doc = "The state in detail: Ready, Protected, FailoverBlocked and others." },
	{ 0 },
};
static const struct schema status_schema = { .size = sizeof(struct sqlag_status), .fields = status_fields };

static const struct field root_fields[] = {
	{ MEMBER(struct sqlag, "apiVersion", api_version), .type = FIELD_STRING },
	{ MEMBER(struct sqlag, "kind", kind), .type = FIELD_STRING },
	{ MEMBER(struct sqlag, "metadata", metadata), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &object_meta_schema },
	{ MEMBER(struct sqlag, "spec", spec), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED, .schema = &spec_schema,
	  .doc = "The group as it shall be." },
	{ MEMBER(struct sqlag, "status", status), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &status_schema, .doc = "The group as it was last seen." },
	{ 0 },
};
static const struct schema root_schema = { .size = sizeof(struct sqlag), .fields = root_fields };

/* ---- Defaults that depend on other fields ---- */

static bool has_text(const struct json_object *object, const char *key, const char *text) {
	const char *value = json_get_text(object, key);
	return value != NULL && strcmp(value, text) == 0;
}

/* Whether a replica besides the first, where the group starts as primary, is a candidate. */
static bool has_candidate(const struct json_object *replicas) {
	for (size_t i = 1; i < json_object_array_length(replicas); i++) {
		const struct json_object *replica = json_object_array_get_idx(replicas, i);
		if (has_text(replica, "availabilityMode", "SynchronousCommit") &&
		    has_text(replica, "failoverMode", "Automatic")) {
			return true;
		}
	}
	return false;
}

static void complete(struct defaulting *defaulting) {
	struct json_object *spec = json_get(defaulting->object, "spec");
	struct json_object *secret = json_get(spec, "saPasswordSecretRef");
	if (json_object_is_type(secret, json_type_object)) {
		default_member(defaulting, secret, "/spec/saPasswordSecretRef", "key",
		               json_object_new_string("SA_PASSWORD"));
	}
	struct json_object *replicas = json_get(spec, "replicas");
	if (!json_object_is_type(replicas, json_type_array)) return;
	if (json_object_array_length(replicas) > FIELD_LIST_MAX) return; /* refused as it stands */
	bool is_external = has_text(spec, "clusterType", "EXTERNAL");
	for (size_t i = 0; i < json_object_array_length(replicas); i++) {
		struct json_object *replica = json_object_array_get_idx(replicas, i);
		if (!json_object_is_type(replica, json_type_object)) continue;
		bool is_automatic = is_external && has_text(replica, "availabilityMode", "SynchronousCommit");
		cleanup_free char *pointer = xasprintf("/spec/replicas/%zu", i);
		default_member(defaulting, replica, pointer, "failoverMode",
		               json_object_new_string(is_automatic ? "Automatic" : "Manual"));
	}
	if (!is_external || !has_candidate(replicas)) return;
	struct json_object *automatic_failover = json_object_new_object();
	schema_set_defaults(&automatic_failover_schema, automatic_failover, "", &(struct defaulting){ 0 });
	default_member(defaulting, spec, "/spec", "automaticFailover", automatic_failover);
}

/* ---- What others ask ---- */

static bool is(const char *value, const char *expected) {
	return value != NULL && strcmp(value, expected) == 0;
}

const struct sqlag_spec *sqlag_spec_of(const void *object) {
	return object != NULL ? ((const struct sqlag *)object)->spec : NULL;
}

bool sqlag_is_external(const struct sqlag_spec *spec) {
	return !is(spec->cluster_type, "NONE");
}

bool sqlag_is_synchronous(const struct sqlag_replica *replica) {
	return !is(replica->availability_mode, "AsynchronousCommit");
}

bool sqlag_is_candidate(const struct sqlag_spec *spec, const struct sqlag_replica *replica) {
	return sqlag_is_external(spec) && sqlag_is_synchronous(replica) && !is(replica->failover_mode, "Manual");
}

size_t sqlag_synchronous_count(const struct sqlag_spec *spec) {
	size_t count = 0;
	for (size_t i = 0; i < spec->replicas.count; i++) count += sqlag_is_synchronous(&spec->replicas.items[i]);
	return count;
}

static const struct printer_column columns[] = {
	{ "Phase", "string", ".status.phase", "The state in one word.", 0 },
	{ "Primary", "string", ".status.primaryReplica", "The primary's pod.", 0 },
	{ "Sync", "string", ".status.synchronized", "Synchronized replicas.", 0 },
	{ "Age", "date", ".metadata.creationTimestamp", NULL, 0 },
	{ "AG", "string", ".spec.agName", "The group's name in SQL Server.", 1 },
	{ "Image", "string", ".spec.image", "SQL Server's container image.", 1 },
	{ 0 },
};

const struct kind sqlag_kind_v1alpha1 = {
	.group = "sql.mssql.microsoft.com",
	.version = "v1alpha1",
	.name = "SQLServerAvailabilityGroup",
	.plural = "sqlserveravailabilitygroups",
	.singular = "sqlserveravailabilitygroup",
	.short_names = (const char *const[]){ "sqlag", NULL },
	.storage = true,
	.doc = "An availability group of SQL Server, given replica by replica. agkeeper provisions it, keeps it "
	       "available and fails it over without losing a commit.",
	.schema = &root_schema,
	.rules = sqlag_rules,
	.columns = columns,
	.complete = complete,
};
