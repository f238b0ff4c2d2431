/* MSSQLServerVersion (catalog.kubedb.com/v1alpha1, cluster-scoped): what `spec.version` of an MSSQLServer stands for.
 */
#ifndef AGKEEPER_API_VERSION_H
#define AGKEEPER_API_VERSION_H

#include "api/field.h"
#include "api/kind.h"

struct version_image {
	const char *image;
};

struct version_update_constraints {
	string_list allowlist;
	string_list denylist;
};

struct version_spec {
	const char *version; /* SQL Server's own: "2022" */
	const struct version_image *db;
	struct opt_bool deprecated;
	/* KubeDB's containers beside SQL Server: known, not used. */
	const struct version_image *coordinator;
	const struct version_image *exporter;
	const struct version_image *init_container;
	const struct json_object *security_context;
	const struct version_update_constraints *update_constraints;
};

struct version {
	const char *api_version;
	const char *kind;
	const struct object_meta *metadata;
	const struct version_spec *spec;
};

extern const struct kind version_kind_v1alpha1;

#endif
