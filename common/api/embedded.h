/* Kubernetes' own types inside ours: schemas for what this product reads, and the rules that every kind applies to
 * them. Members that are only passed on have no row: give the field that uses such a schema FIELD_PRESERVE, so that
 * nothing a user writes is lost. */
#ifndef AGKEEPER_API_EMBEDDED_H
#define AGKEEPER_API_EMBEDDED_H

#include "api/field.h"
#include "api/findings.h"
#include "api/kind.h"

/* ---- core/v1 ---- */

struct local_reference { /* LocalObjectReference */
	const char *name;
};
extern const struct schema local_reference_schema; /* name is required */

struct secret_key_reference { /* SecretKeySelector */
	const char *name;
	const char *key; /* no default here: the fields that use it say which key they mean */
	struct opt_bool optional;
};
extern const struct schema secret_key_reference_schema; /* name is required */

struct resource_claim { /* ResourceClaim (dynamic resource allocation): passed on */
	const char *name;
	const char *request;
};
struct resources {           /* ResourceRequirements; use it with FIELD_PRESERVE */
	struct map requests; /* resource name → quantity */
	struct map limits;
	LIST_OF(struct resource_claim) claims;
};
extern const struct schema resources_schema;

struct toleration { /* Toleration; only passed on, the schema is for kubectl explain */
	const char *key;
	const char *operator;
	const char *value;
	const char *effect;
	struct opt_int toleration_seconds;
};
extern const struct schema toleration_schema;
typedef LIST_OF(struct toleration) toleration_list;

struct env_var { /* EnvVar */
	const char *name;
	const char *value;
	const struct json_object *value_from; /* passed on */
};
extern const struct schema env_var_schema;
typedef LIST_OF(struct env_var) env_var_list;

struct volume_claim_spec { /* PersistentVolumeClaimSpec; use it with FIELD_PRESERVE (dataSource, volumeMode …) */
	const char *storage_class_name;
	string_list access_modes;
	const struct resources *resources;
	const struct json_object *selector; /* passed on */
	const char *volume_mode;
};
extern const struct schema volume_claim_spec_schema;

/* The elements of lists of these, for a field's row. */
#define ACCESS_MODES_ITEM \
	LIST_ITEM(.type = FIELD_STRING, ONE_OF("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod"))
#define TOLERATIONS_ITEM LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &toleration_schema)
#define ENV_ITEM         LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &env_var_schema)

/* ---- meta/v1 ---- */

struct condition { /* Condition */
	const char *type;
	const char *status;
	struct opt_int observed_generation;
	const char *last_transition_time;
	const char *reason;
	const char *message;
};
extern const struct schema condition_schema; /* in a list with .list_key = "type" */
typedef LIST_OF(struct condition) condition_list;

/* ---- Rules that kinds share. `path` is where the value stands ("spec.resources"). ---- */

/* Quantities are not negative, and no request is above its limit. */
void check_resources(const struct resources *resources, const char *path, struct findings *findings);
/* A warning when there is no memory limit: SQL Server then takes what the node has. `what` names who goes without. */
void warn_no_memory_limit(const struct resources *resources, const char *path, struct findings *findings);
/* A warning when the image's tag is "latest" (or absent) or ends in "-latest": pods of one group could differ. */
void warn_floating_image(const char *image, const char *path, struct findings *findings);
/* spec.resources.requests.storage: NULL when the claim does not say. */
const struct map_entry *volume_claim_size(const struct volume_claim_spec *claim);
/* The value at `key` with its quantity; NULL when there is none. */
const struct map_entry *map_find(const struct map *map, const char *key);

/* Databases to create: names valid, different without regard to case, none of SQL Server's own, none of `reserved`
 * (NULL-terminated, or NULL), each with its index in the path. */
void check_database_names(const string_list *databases, const char *path, const char *const *reserved,
                          struct findings *findings);

#endif
