/* The parts of an MSSQLServer that are the same in every version: pods, services, certificates, secrets.
 * What the product only passes on has no row; those objects are FIELD_PRESERVE, so nothing a user writes is lost. */
#ifndef AGKEEPER_API_MSSQLSERVER_PARTS_H
#define AGKEEPER_API_MSSQLSERVER_PARTS_H

#include "api/embedded.h"
#include "api/field.h"

/* The container of a pod that runs SQL Server. */
#define MSSQLSERVER_CONTAINER "mssql"

struct template_metadata {
	struct map labels;
	struct map annotations;
};

/* ---- podTemplate ---- */

struct volume_mount {
	const char *name;
	const char *mount_path;
};
struct container_template {
	const char *name;
	env_var_list env;
	const struct resources *resources;
	LIST_OF(struct volume_mount) volume_mounts;
	const struct json_object *security_context;
};
typedef LIST_OF(struct container_template) container_list;

struct volume_template {
	const char *name;
};
struct pod_spec {
	container_list containers;
	container_list init_containers;
	LIST_OF(struct volume_template) volumes;
	struct map node_selector;
	toleration_list tolerations;
	const struct json_object *affinity;
	const struct json_object *security_context;
	const char *service_account_name;
	const char *priority_class_name;
	const char *scheduler_name;
	struct opt_int termination_grace_period_seconds;
};
struct mssqlserver_pod_template {
	const struct template_metadata *metadata;
	const struct template_metadata *controller;
	const struct pod_spec *spec;
};
extern const struct schema mssqlserver_pod_template_schema;

/* ---- serviceTemplates ---- */

struct service_port {
	const char *name;
	struct opt_int port;
	struct opt_int node_port;
};
struct service_spec {
	const char *type;
	LIST_OF(struct service_port) ports;
	const char *cluster_ip;
	const char *load_balancer_ip;
	const char *load_balancer_class;
	string_list load_balancer_source_ranges;
	string_list external_ips;
	const char *external_traffic_policy;
	struct opt_int health_check_node_port;
};
struct mssqlserver_service_template {
	const char *alias;
	const struct template_metadata *metadata;
	const struct service_spec *spec;
};
extern const struct schema mssqlserver_service_template_schema;

/* ---- tls ---- */

struct issuer_reference {
	const char *api_group;
	const char *kind;
	const char *name;
};
struct certificate_template {
	const char *alias;
	const char *secret_name;
	struct opt_duration duration;
	struct opt_duration renew_before;
	string_list dns_names;
	string_list ip_addresses;
};
struct mssqlserver_tls {
	const struct issuer_reference *issuer_ref;
	LIST_OF(struct certificate_template) certificates;
	struct opt_bool client_tls;
};
extern const struct schema mssqlserver_tls_schema;

/* ---- healthChecker ---- */

struct mssqlserver_health_checker {
	struct opt_int period_seconds;
	struct opt_int timeout_seconds;
	struct opt_int failure_threshold;
	struct opt_bool disable_write_check;
};
extern const struct schema mssqlserver_health_checker_schema;

/* ---- authSecret, configuration, init ---- */

struct mssqlserver_auth_secret {
	const char *name;
	const char *kind;
	const char *api_group;
	struct opt_bool externally_managed;
	struct opt_duration rotate_after;
	const char *active_from;
};
extern const struct schema mssqlserver_auth_secret_schema;

struct mssqlserver_configuration {
	const char *secret_name;
	struct map inline_files;
};
extern const struct schema mssqlserver_configuration_schema;

struct mssqlserver_init {
	struct opt_bool initialized;
	struct opt_bool wait_for_initial_restore;
	const struct json_object *script;
	const struct json_object *archiver;
};
extern const struct schema mssqlserver_init_schema;

#endif
