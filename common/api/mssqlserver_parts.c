/* Field tables of the parts that every version of MSSQLServer shares. Names and meaning are those of KubeDB's public
 * API (kubedb/apimachinery, kmodules: offshoot-api and client-go). */
#include "api/mssqlserver_parts.h"

#include "api/formats.h"

#define STRING_ITEM LIST_ITEM(.type = FIELD_STRING)

static const struct field template_metadata_fields[] = {
	{ MEMBER(struct template_metadata, "labels", labels), .type = FIELD_MAP, .format = &format_qualified_name,
	  LIST_ITEM(.type = FIELD_STRING, .format = &format_label_value), .doc = "Labels to add." },
	{ MEMBER(struct template_metadata, "annotations", annotations), .type = FIELD_MAP,
	  .format = &format_qualified_name, STRING_ITEM, .doc = "Annotations to add." },
	{ 0 },
};
static const struct schema template_metadata_schema = { .size = sizeof(struct template_metadata),
	                                                .fields = template_metadata_fields };

/* ---- podTemplate ---- */

static const struct field volume_mount_fields[] = {
	{ MEMBER(struct volume_mount, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .doc = "The volume to mount." },
	{ MEMBER(struct volume_mount, "mountPath", mount_path), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  AT_LEAST(1), .doc = "Where it is mounted." },
	{ 0 },
};
static const struct schema volume_mount_schema = { .size = sizeof(struct volume_mount), .fields = volume_mount_fields };

static const struct field container_fields[] = {
	{ MEMBER(struct container_template, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_label,
	  .doc = "The container's name. \"mssql\" is the one that runs SQL Server; others run beside it." },
	{ MEMBER(struct container_template, "env", env), .type = FIELD_LIST, ENV_ITEM,
	  .doc = "Environment variables, MSSQL_PID (the edition) among them." },
	{ MEMBER(struct container_template, "resources", resources), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &resources_schema, .doc = "Processor time and memory: requests and limits." },
	{ MEMBER(struct container_template, "volumeMounts", volume_mounts), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &volume_mount_schema),
	  .doc = "Further volumes to mount. Paths that this project mounts itself are refused." },
	{ MEMBER(struct container_template, "securityContext", security_context), .type = FIELD_JSON,
	  .doc = "The container's security context, passed on." },
	{ 0 },
};
static const struct schema container_schema = { .size = sizeof(struct container_template), .fields = container_fields };
#define CONTAINERS                                                                         \
	.type = FIELD_LIST, .list_key = "name", .item = &(const struct field) {            \
		.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &container_schema \
	}

static const struct field volume_fields[] = {
	{ MEMBER(struct volume_template, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_label, .doc = "The volume's name." },
	{ 0 },
};
static const struct schema volume_schema = { .size = sizeof(struct volume_template), .fields = volume_fields };

static const struct field pod_spec_fields[] = {
	{ MEMBER(struct pod_spec, "containers", containers), CONTAINERS,
	  .doc = "What to change in the containers, \"mssql\" above all, and containers to add." },
	{ MEMBER(struct pod_spec, "initContainers", init_containers), CONTAINERS,
	  .doc = "Containers that run before SQL Server." },
	{ MEMBER(struct pod_spec, "volumes", volumes), .type = FIELD_LIST, .list_key = "name",
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &volume_schema),
	  .doc = "Further volumes. Names that this project uses itself are refused." },
	{ MEMBER(struct pod_spec, "nodeSelector", node_selector), .type = FIELD_MAP, STRING_ITEM,
	  .doc = "Labels that a node must have." },
	{ MEMBER(struct pod_spec, "tolerations", tolerations), .type = FIELD_LIST, TOLERATIONS_ITEM,
	  .doc = "Taints that the pods tolerate." },
	{ MEMBER(struct pod_spec, "affinity", affinity), .type = FIELD_JSON,
	  .doc = "Scheduling constraints, passed on." },
	{ MEMBER(struct pod_spec, "securityContext", security_context), .type = FIELD_JSON,
	  .doc = "The pods' security context, passed on." },
	{ MEMBER(struct pod_spec, "serviceAccountName", service_account_name), .type = FIELD_STRING,
	  .doc = "The service account of the pods." },
	{ MEMBER(struct pod_spec, "priorityClassName", priority_class_name), .type = FIELD_STRING,
	  .doc = "The priority class of the pods." },
	{ MEMBER(struct pod_spec, "schedulerName", scheduler_name), .type = FIELD_STRING,
	  .doc = "The scheduler that places the pods." },
	{ MEMBER(struct pod_spec, "terminationGracePeriodSeconds", termination_grace_period_seconds), .type = FIELD_INT,
	  AT_LEAST(0), .doc = "How long SQL Server gets to shut down." },
	{ 0 },
};
static const struct schema pod_spec_schema = { .size = sizeof(struct pod_spec), .fields = pod_spec_fields };

static const struct field pod_template_fields[] = {
	{ MEMBER(struct mssqlserver_pod_template, "metadata", metadata), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &template_metadata_schema, .doc = "Labels and annotations for the pods." },
	{ MEMBER(struct mssqlserver_pod_template, "controller", controller), .type = FIELD_OBJECT,
	  .flags = FIELD_PRESERVE, .schema = &template_metadata_schema,
	  .doc = "Labels and annotations for the StatefulSet." },
	{ MEMBER(struct mssqlserver_pod_template, "spec", spec), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &pod_spec_schema, .doc = "The pods themselves." },
	{ 0 },
};
const struct schema mssqlserver_pod_template_schema = { .size = sizeof(struct mssqlserver_pod_template),
	                                                .fields = pod_template_fields };

/* ---- serviceTemplates ---- */

static const struct field service_port_fields[] = {
	{ MEMBER(struct service_port, "name", name), .type = FIELD_STRING, .format = &format_dns_label,
	  .doc = "The port's name." },
	{ MEMBER(struct service_port, "port", port), .type = FIELD_INT, .flags = FIELD_REQUIRED, BOUNDS(1, 65535),
	  .doc = "The port that clients connect to." },
	{ MEMBER(struct service_port, "nodePort", node_port), .type = FIELD_INT, BOUNDS(0, 65535),
	  .doc = "The port on every node, for types NodePort and LoadBalancer; 0 lets Kubernetes choose." },
	{ 0 },
};
static const struct schema service_port_schema = { .size = sizeof(struct service_port), .fields = service_port_fields };

static const struct field service_spec_fields[] = {
	{ MEMBER(struct service_spec, "type", type), .type = FIELD_STRING,
	  ONE_OF("ClusterIP", "NodePort", "LoadBalancer"), .doc = "How the Service is reached." },
	{ MEMBER(struct service_spec, "ports", ports), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &service_port_schema),
	  .doc = "The ports that lead to SQL Server; 1433 without." },
	{ MEMBER(struct service_spec, "clusterIP", cluster_ip), .type = FIELD_STRING,
	  .doc = "A fixed address within the cluster, or None." },
	{ MEMBER(struct service_spec, "loadBalancerIP", load_balancer_ip), .type = FIELD_STRING,
	  .doc = "The address to ask the load balancer for." },
	{ MEMBER(struct service_spec, "loadBalancerClass", load_balancer_class), .type = FIELD_STRING,
	  .doc = "The load balancer implementation." },
	{ MEMBER(struct service_spec, "loadBalancerSourceRanges", load_balancer_source_ranges), .type = FIELD_LIST,
	  STRING_ITEM, .doc = "Networks that may use the load balancer." },
	{ MEMBER(struct service_spec, "externalIPs", external_ips), .type = FIELD_LIST, STRING_ITEM,
	  .doc = "Further addresses that lead to the Service." },
	{ MEMBER(struct service_spec, "externalTrafficPolicy", external_traffic_policy), .type = FIELD_STRING,
	  ONE_OF("Cluster", "Local"), .doc = "Whether traffic from outside may change nodes." },
	{ MEMBER(struct service_spec, "healthCheckNodePort", health_check_node_port), .type = FIELD_INT,
	  BOUNDS(0, 65535), .doc = "The health check's node port with externalTrafficPolicy Local." },
	{ 0 },
};
static const struct schema service_spec_schema = { .size = sizeof(struct service_spec), .fields = service_spec_fields };

static const struct field service_template_fields[] = {
	{ MEMBER(struct mssqlserver_service_template, "alias", alias), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF("primary", "secondary", "stats"),
	  .doc = "Which Service: primary (<name>), secondary (<name>-secondary, with streaming replication "
	         "<name>-replicas) or stats (the exporter)." },
	{ MEMBER(struct mssqlserver_service_template, "metadata", metadata), .type = FIELD_OBJECT,
	  .flags = FIELD_PRESERVE, .schema = &template_metadata_schema, .doc = "Labels and annotations to add." },
	{ MEMBER(struct mssqlserver_service_template, "spec", spec), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &service_spec_schema, .doc = "The Service itself." },
	{ 0 },
};
const struct schema mssqlserver_service_template_schema = { .size = sizeof(struct mssqlserver_service_template),
	                                                    .fields = service_template_fields };

/* ---- tls ---- */

static const struct field issuer_reference_fields[] = {
	{ MEMBER(struct issuer_reference, "apiGroup", api_group), .type = FIELD_STRING, .format = &format_dns_subdomain,
	  .doc = "The issuer's API group: cert-manager.io." },
	{ MEMBER(struct issuer_reference, "kind", kind), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_LEAST(1),
	  .doc = "Issuer or ClusterIssuer." },
	{ MEMBER(struct issuer_reference, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_LEAST(1),
	  .doc = "The issuer's name." },
	{ 0 },
};
static const struct schema issuer_reference_schema = { .size = sizeof(struct issuer_reference),
	                                               .fields = issuer_reference_fields };

static const struct field certificate_fields[] = {
	{ MEMBER(struct certificate_template, "alias", alias), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF("server", "client", "endpoint"), .doc = "Which certificate: server, client or endpoint." },
	{ MEMBER(struct certificate_template, "secretName", secret_name), .type = FIELD_STRING,
	  .format = &format_dns_subdomain, .doc = "The Secret that holds it; <name>-<alias>-cert without." },
	{ MEMBER(struct certificate_template, "duration", duration), .type = FIELD_DURATION,
	  .doc = "How long it is valid." },
	{ MEMBER(struct certificate_template, "renewBefore", renew_before), .type = FIELD_DURATION,
	  .doc = "How long before its end it is renewed." },
	{ MEMBER(struct certificate_template, "dnsNames", dns_names), .type = FIELD_LIST, STRING_ITEM,
	  .doc = "Further DNS names." },
	{ MEMBER(struct certificate_template, "ipAddresses", ip_addresses), .type = FIELD_LIST, STRING_ITEM,
	  .doc = "Further IP addresses." },
	{ 0 },
};
static const struct schema certificate_schema = { .size = sizeof(struct certificate_template),
	                                          .fields = certificate_fields };

static const struct field tls_fields[] = {
	{ MEMBER(struct mssqlserver_tls, "issuerRef", issuer_ref), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,
	  .schema = &issuer_reference_schema, .doc = "The cert-manager issuer that signs the certificates." },
	{ MEMBER(struct mssqlserver_tls, "certificates", certificates), .type = FIELD_LIST, .list_key = "alias",
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &certificate_schema),
	  .doc = "What to change in single certificates." },
	{ MEMBER(struct mssqlserver_tls, "clientTLS", client_tls), .type = FIELD_BOOL,
	  .doc = "Whether SQL Server insists on encrypted client connections." },
	{ 0 },
};
const struct schema mssqlserver_tls_schema = { .size = sizeof(struct mssqlserver_tls), .fields = tls_fields };

/* ---- healthChecker ---- */

static const struct field health_checker_fields[] = {
	{ MEMBER(struct mssqlserver_health_checker, "periodSeconds", period_seconds), .type = FIELD_INT, AT_LEAST(1),
	  .default_text = "10", .doc = "How often the database is checked." },
	{ MEMBER(struct mssqlserver_health_checker, "timeoutSeconds", timeout_seconds), .type = FIELD_INT, AT_LEAST(1),
	  .default_text = "10", .doc = "After how long an unanswered check has failed." },
	{ MEMBER(struct mssqlserver_health_checker, "failureThreshold", failure_threshold), .type = FIELD_INT,
	  AT_LEAST(1), .default_text = "1", .doc = "How many checks must fail in a row." },
	{ MEMBER(struct mssqlserver_health_checker, "disableWriteCheck", disable_write_check), .type = FIELD_BOOL,
	  .doc = "Leaves out the check that writes to database kubedb_system." },
	{ 0 },
};
const struct schema mssqlserver_health_checker_schema = { .size = sizeof(struct mssqlserver_health_checker),
	                                                  .fields = health_checker_fields };

/* ---- authSecret, configuration, init ---- */

static const struct field auth_secret_fields[] = {
	{ MEMBER(struct mssqlserver_auth_secret, "name", name), .type = FIELD_STRING, .format = &format_dns_subdomain,
	  .doc = "The Secret with keys username and password; <name>-auth without." },
	{ MEMBER(struct mssqlserver_auth_secret, "kind", kind), .type = FIELD_STRING, ONE_OF("Secret"),
	  .doc = "The kind of the reference." },
	{ MEMBER(struct mssqlserver_auth_secret, "apiGroup", api_group), .type = FIELD_STRING,
	  .doc = "The API group of the reference: empty, as Secrets have it." },
	{ MEMBER(struct mssqlserver_auth_secret, "externallyManaged", externally_managed), .type = FIELD_BOOL,
	  .doc = "The Secret is made by others and awaited; it is neither generated nor removed." },
	{ MEMBER(struct mssqlserver_auth_secret, "rotateAfter", rotate_after), .type = FIELD_DURATION,
	  .doc = "When a new password is due." },
	{ MEMBER(struct mssqlserver_auth_secret, "activeFrom", active_from), .type = FIELD_TIME,
	  .doc = "Since when the Secret has been in use." },
	{ 0 },
};
const struct schema mssqlserver_auth_secret_schema = { .size = sizeof(struct mssqlserver_auth_secret),
	                                               .fields = auth_secret_fields };

static const struct field configuration_fields[] = {
	{ MEMBER(struct mssqlserver_configuration, "secretName", secret_name), .type = FIELD_STRING,
	  .format = &format_dns_subdomain, .doc = "A Secret with the key mssql.conf." },
	{ MEMBER(struct mssqlserver_configuration, "inline", inline_files), .type = FIELD_MAP,
	  .format = &format_config_key, STRING_ITEM, .doc = "Files by name, mssql.conf above all, written here." },
	{ 0 },
};
const struct schema mssqlserver_configuration_schema = { .size = sizeof(struct mssqlserver_configuration),
	                                                 .fields = configuration_fields };

static const struct field init_fields[] = {
	{ MEMBER(struct mssqlserver_init, "initialized", initialized), .type = FIELD_BOOL,
	  .doc = "The database has been set up once already." },
	{ MEMBER(struct mssqlserver_init, "waitForInitialRestore", wait_for_initial_restore), .type = FIELD_BOOL,
	  .doc = "A restore follows; the database is not Ready before." },
	{ MEMBER(struct mssqlserver_init, "script", script), .type = FIELD_JSON,
	  .doc = "Scripts to run once: kept as written, not run by this version." },
	{ MEMBER(struct mssqlserver_init, "archiver", archiver), .type = FIELD_JSON,
	  .doc = "A backup to restore from: kept as written, not restored by this version." },
	{ 0 },
};
const struct schema mssqlserver_init_schema = { .size = sizeof(struct mssqlserver_init), .fields = init_fields };
