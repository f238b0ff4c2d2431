/* SQLServerAvailabilityGroup (sql.mssql.microsoft.com/v1alpha1): an availability group, replica by replica.
 *
 * The table is in sqlag.c, the rules beyond it in sqlag_rules.c. */
#ifndef AGKEEPER_API_SQLAG_H
#define AGKEEPER_API_SQLAG_H

#include "api/autoexpand.h"
#include "api/embedded.h"
#include "api/group_status.h"
#include "api/kind.h"
#include "api/monitor.h"

struct sqlag_replica {
	const char *name;
	const char *availability_mode;
	const char *failover_mode;
	struct opt_bool readable_secondary;
};
typedef LIST_OF(struct sqlag_replica) sqlag_replica_list;

struct sqlag_automatic_failover {
	struct opt_bool enabled;
	struct opt_int failover_threshold_seconds;
	const char *health_threshold;
	struct opt_int required_synchronized; /* unset: strict, all secondaries of the synchronous set */
};

struct sqlag_storage {
	struct opt_quantity data_volume_size;
	const char *storage_class_name; /* NULL: the cluster's default class */
	string_list access_modes;
	const char *reclaim_policy;
};

struct sqlag_listener {
	const char *name;
	struct opt_int port;
	const char *service_type;
	struct map annotations;
};

struct sqlag_spec {
	const char *ag_name;
	const char *image;
	const char *edition;
	const char *accept_eula;
	const char *cluster_type;
	const struct sqlag_automatic_failover *automatic_failover; /* NULL: never fails over by itself */
	sqlag_replica_list replicas;                               /* replicas[i] is pod <name>-i */
	string_list databases;
	const struct sqlag_storage *storage;
	const struct auto_expand *auto_expand;
	const struct sqlag_listener *listener;
	const struct sqlag_listener *read_only_listener;
	struct opt_int endpoint_port;
	const struct secret_key_reference *sa_password_secret_ref; /* NULL: <name>-sa, generated */
	struct map mssql_conf;
	const struct resources *resources;
	struct map node_selector;
	toleration_list tolerations;
	const struct json_object *affinity;
	const struct json_object *pod_template;
	const struct monitor *monitor;
};

struct sqlag_status {
	const char *phase;
	const char *primary_replica; /* a pod name */
	struct opt_bool initialization_complete;
	struct opt_int observed_generation;
	const char *synchronized; /* "2/3" */
	replica_status_list replica_statuses;
	const struct group_record *availability_group; /* NULL: nothing was done yet */
	group_failover_list failovers;
	condition_list conditions;
};

struct sqlag {
	const char *api_version;
	const char *kind;
	const struct object_meta *metadata;
	const struct sqlag_spec *spec;
	const struct sqlag_status *status;
};

extern const struct kind sqlag_kind_v1alpha1;
extern const struct rule sqlag_rules[];

/* The spec of a decoded group, NULL when there is none of either. */
const struct sqlag_spec *sqlag_spec_of(const void *object);

/* What the rules and the controller ask of a group. What is not set counts as its default, so that an object which no
 * webhook has seen reads the same. */
bool sqlag_is_external(const struct sqlag_spec *spec);
bool sqlag_is_synchronous(const struct sqlag_replica *replica);
/* May be promoted by itself: synchronous, with automatic failover. */
bool sqlag_is_candidate(const struct sqlag_spec *spec, const struct sqlag_replica *replica);
size_t sqlag_synchronous_count(const struct sqlag_spec *spec);

#endif
