#include "api/opsrequest.h"

#include <string.h>

#include "api/formats.h"
#include "api/kinds.h"

/* A request is not changed: every field of its spec is immutable, each for itself, so that a refusal names it. */

const char *const opsrequest_types[] = {
	"UpdateVersion", "HorizontalScaling", "VerticalScaling", "VolumeExpansion",  "Restart",
	"Reconfigure",   "ReconfigureTLS",    "RotateAuth",      "StorageMigration", NULL
};

static const struct field database_ref_fields[] = {
	{ MEMBER(struct local_reference, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_IMMUTABLE,
	  .format = &format_dns_subdomain, AT_MOST(253), .doc = "Name of the MSSQLServer in the same namespace." },
	{ 0 },
};
static const struct schema database_ref_schema = { .size = sizeof(struct local_reference),
	                                           .fields = database_ref_fields };

static const struct field volume_expansion_fields[] = {
	{ MEMBER(struct volume_expansion, "mode", mode), .type = FIELD_STRING,
	  .flags = FIELD_REQUIRED | FIELD_IMMUTABLE, ONE_OF("Online", "Offline"),
	  .doc = "Online expands volumes under running pods, Offline takes one pod away at a time, the primary last." },
	{ MEMBER(struct volume_expansion, "mssqlserver", mssqlserver), .type = FIELD_QUANTITY,
	  .flags = FIELD_REQUIRED | FIELD_IMMUTABLE, .doc = "The new size of each volume, larger than today's." },
	{ 0 },
};
static const struct schema volume_expansion_schema = { .size = sizeof(struct volume_expansion),
	                                               .fields = volume_expansion_fields };

#define UNSUPPORTED_BLOCK(name_, member_, type_)                                   \
	{                                                                          \
		MEMBER(struct opsrequest_spec, name_, member_),                    \
		        .type = FIELD_JSON, .flags = FIELD_IMMUTABLE,              \
		        .doc = "What type " type_ " would do; not supported yet.", \
	}

static const struct field spec_fields[] = {
	{ MEMBER(struct opsrequest_spec, "type", type), .type = FIELD_STRING, .flags = FIELD_REQUIRED | FIELD_IMMUTABLE,
	  .values = opsrequest_types, .doc = "The operation. VolumeExpansion is supported, the others are not yet." },
	{ MEMBER(struct opsrequest_spec, "databaseRef", database_ref), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,
	  .schema = &database_ref_schema, .doc = "The MSSQLServer to operate on." },
	{ MEMBER(struct opsrequest_spec, "volumeExpansion", volume_expansion), .type = FIELD_OBJECT,
	  .schema = &volume_expansion_schema, .doc = "What type VolumeExpansion does." },
	UNSUPPORTED_BLOCK("updateVersion", update_version, "UpdateVersion"),
	UNSUPPORTED_BLOCK("horizontalScaling", horizontal_scaling, "HorizontalScaling"),
	UNSUPPORTED_BLOCK("verticalScaling", vertical_scaling, "VerticalScaling"),
	UNSUPPORTED_BLOCK("configuration", configuration, "Reconfigure"),
	UNSUPPORTED_BLOCK("tls", tls, "ReconfigureTLS"),
	UNSUPPORTED_BLOCK("authentication", authentication, "RotateAuth"),
	UNSUPPORTED_BLOCK("restart", restart, "Restart"),
	UNSUPPORTED_BLOCK("migration", migration, "StorageMigration"),
	{ MEMBER(struct opsrequest_spec, "timeout", timeout), .type = FIELD_DURATION, .flags = FIELD_IMMUTABLE,
	  .doc = "How long each step may take, such as 10m; the request fails when one takes longer. Unset, a step is "
	         "given as long as it needs." },
	{ MEMBER(struct opsrequest_spec, "apply", apply), .type = FIELD_STRING, .flags = FIELD_IMMUTABLE,
	  ONE_OF("IfReady", "Always"), .default_text = "IfReady",
	  .doc = "IfReady waits until the database is Ready, Always goes ahead in any state: the way out of a full "
	         "disk." },
	{ MEMBER(struct opsrequest_spec, "maxRetries", max_retries), .type = FIELD_INT, .flags = FIELD_IMMUTABLE,
	  AT_LEAST(0),
	  .doc = "Accepted as KubeDB has it. A step that fails for a passing reason is tried again until timeout." },
	{ 0 },
};
static const struct schema spec_schema = { .size = sizeof(struct opsrequest_spec), .fields = spec_fields };

static const struct field status_fields[] = {
	{ MEMBER(struct opsrequest_status, "phase", phase), .type = FIELD_STRING,
	  ONE_OF("Pending", "Progressing", "Successful", "Failed"), .doc = "How far the request is." },
	{ MEMBER(struct opsrequest_status, "progress", progress), .type = FIELD_STRING,
	  .doc = "How many volumes are done, of how many: 2/3." },
	{ MEMBER(struct opsrequest_status, "observedGeneration", observed_generation), .type = FIELD_INT,
	  .doc = "The metadata.generation that this status is about." },
	{ MEMBER(struct opsrequest_status, "conditions", conditions), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &condition_schema), .list_key = "type",
	  .doc = "One condition for each step, with its time." },
	{ 0 },
};
static const struct schema status_schema = { .size = sizeof(struct opsrequest_status), .fields = status_fields };

static const struct field root_fields[] = {
	{ MEMBER(struct opsrequest, "apiVersion", api_version), .type = FIELD_STRING },
	{ MEMBER(struct opsrequest, "kind", kind), .type = FIELD_STRING },
	{ MEMBER(struct opsrequest, "metadata", metadata), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &object_meta_schema },
	{ MEMBER(struct opsrequest, "spec", spec), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED,
	  .schema = &spec_schema, .doc = "The operation; it cannot be changed afterwards." },
	{ MEMBER(struct opsrequest, "status", status), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &status_schema, .doc = "What has become of it." },
	{ 0 },
};
static const struct schema root_schema = { .size = sizeof(struct opsrequest), .fields = root_fields };

static const struct printer_column columns[] = {
	{ "Type", "string", ".spec.type", "The operation.", 0 },
	{ "Status", "string", ".status.phase", "How far the request is.", 0 },
	{ "Progress", "string", ".status.progress", "Volumes that are done.", 0 },
	{ "Age", "date", ".metadata.creationTimestamp", NULL, 0 },
	{ "Database", "string", ".spec.databaseRef.name", "The MSSQLServer operated on.", 1 },
	{ 0 },
};

bool opsrequest_is_over(const char *phase) {
	return phase != NULL && (strcmp(phase, "Successful") == 0 || strcmp(phase, "Failed") == 0);
}

const struct kind opsrequest_kind_v1alpha1 = {
	.group = "ops.kubedb.com",
	.version = "v1alpha1",
	.name = "MSSQLServerOpsRequest",
	.plural = "mssqlserveropsrequests",
	.singular = "mssqlserveropsrequest",
	.short_names = (const char *const[]){ "msops", NULL },
	.storage = true,
	.doc = "One operation on an MSSQLServer, such as the expansion of its volumes, carried out once.",
	.schema = &root_schema,
	.rules = opsrequest_rules,
	.columns = columns,
};
