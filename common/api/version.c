#include "api/version.h"

#include <string.h>

#include "api/embedded.h"
#include "api/formats.h"
#include "api/kinds.h"
#include "base/json.h"
#include "base/memory.h"

/* ---- The table ---- */

static const struct field image_fields[] = {
	{ MEMBER(struct version_image, "image", image), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_image, BOUNDS(1, 1024),
	  .doc = "Name of the container image, best with a fixed tag or a digest." },
	{ 0 },
};
static const struct schema image_schema = { .size = sizeof(struct version_image), .fields = image_fields };

static const struct field string_item = { .type = FIELD_STRING };

static const struct field update_constraints_fields[] = {
	{ MEMBER(struct version_update_constraints, "allowlist", allowlist), .type = FIELD_LIST, .item = &string_item,
	  .doc = "Versions that may be updated to, such as '>= 2022-cu16'; empty allows all." },
	{ MEMBER(struct version_update_constraints, "denylist", denylist), .type = FIELD_LIST, .item = &string_item,
	  .doc = "Versions that may not be updated to." },
	{ 0 },
};
static const struct schema update_constraints_schema = { .size = sizeof(struct version_update_constraints),
	                                                 .fields = update_constraints_fields };

static const struct field spec_fields[] = {
	{ MEMBER(struct version_spec, "version", version), .type = FIELD_STRING, .flags = FIELD_REQUIRED, BOUNDS(1, 64),
	  .doc = "SQL Server's own version, such as 2022; a database never goes back to an older one." },
	{ MEMBER(struct version_spec, "db", db), .type = FIELD_OBJECT, .flags = FIELD_REQUIRED | FIELD_PRESERVE,
	  .schema = &image_schema, .doc = "SQL Server's container." },
	{ MEMBER(struct version_spec, "deprecated", deprecated), .type = FIELD_BOOL,
	  .doc = "A deprecated version is refused for new databases." },
	{ MEMBER(struct version_spec, "coordinator", coordinator), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &image_schema, .doc = "KubeDB's coordinator; agkeeper needs none." },
	{ MEMBER(struct version_spec, "exporter", exporter), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &image_schema, .doc = "The container that exports metrics." },
	{ MEMBER(struct version_spec, "initContainer", init_container), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &image_schema, .doc = "KubeDB's init container; agkeeper needs none." },
	{ MEMBER(struct version_spec, "securityContext", security_context), .type = FIELD_JSON,
	  .doc = "Settings for the security context of SQL Server's container, such as runAsUser." },
	{ MEMBER(struct version_spec, "updateConstraints", update_constraints), .type = FIELD_OBJECT,
	  .flags = FIELD_PRESERVE, .schema = &update_constraints_schema,
	  .doc = "Which versions a database of this version may be updated to." },
	{ 0 },
};
static const struct schema spec_schema = { .size = sizeof(struct version_spec), .fields = spec_fields };

static const struct field root_fields[] = {
	{ MEMBER(struct version, "apiVersion", api_version), .type = FIELD_STRING },
	{ MEMBER(struct version, "kind", kind), .type = FIELD_STRING },
	{ MEMBER(struct version, "metadata", metadata), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &object_meta_schema },
	{ MEMBER(struct version, "spec", spec), .type = FIELD_OBJECT,
	  .flags = FIELD_REQUIRED | FIELD_PRESERVE, /* KubeDB's archiver, stash, podSecurityPolicies … */
	  .schema = &spec_schema, .doc = "What the version stands for." },
	{ 0 },
};
static const struct schema root_schema = { .size = sizeof(struct version), .fields = root_fields };

/* ---- The rules ---- */

static const struct version_spec *spec_of(const void *object) {
	return object != NULL ? ((const struct version *)object)->spec : NULL;
}

static const char *image_of(const struct version_spec *spec) {
	return spec != NULL && spec->db != NULL ? spec->db->image : NULL;
}

static void check_version_text(const struct rule_input *input, struct findings *findings) {
	const struct version_spec *spec = spec_of(input->object);
	if (spec == NULL || spec->version == NULL || strlen(spec->version) == 0) return;
	if (strpbrk(spec->version, " \t\r\n") == NULL) return;
	finding_invalid(findings, "spec.version", spec->version, "must not contain white space (e.g. '2022')");
}

static void warn_image(const struct rule_input *input, struct findings *findings) {
	warn_floating_image(image_of(spec_of(input->object)), "spec.db.image", findings);
}

/* The databases of a version: the first few by name, and how many they are. */
enum { USERS_NAMED = 2 };
struct users {
	const char *version;
	struct strbuf names;
	size_t count;
};

static void consider_database(void *context, const struct json_object *database) {
	struct users *users = context;
	const char *version = json_get_text(json_get(database, "spec"), "version");
	if (version == NULL || strcmp(version, users->version) != 0) return;
	if (users->count++ >= USERS_NAMED) return;
	const struct json_object *metadata = json_get(database, "metadata");
	const char *namespace = json_get_text(metadata, "namespace");
	const char *name = json_get_text(metadata, "name");
	strbuf_printf(&users->names, "%s%.25s/%.35s", users->count > 1 ? ", " : "", namespace != NULL ? namespace : "",
	              name != NULL ? name : "");
}

/* Warns that databases use the version; `consequence` says what that means for them. */
static void warn_users(const struct rule_input *input, const struct version *version, const char *consequence,
                       struct findings *findings) {
	if (version == NULL || version->metadata == NULL || version->metadata->name == NULL) return;
	/* An API that does not answer is no reason to refuse where the answer would only have been a warning. */
	cleanup_findings struct findings ignored = { 0 };
	struct users users = { .version = version->metadata->name };
	enum lookup_result result = input->lookup->list(input->lookup->context, LOOKUP_MSSQLSERVER, NULL,
	                                                consider_database, &users, &ignored);
	cleanup_strbuf struct strbuf names = users.names;
	if (result != LOOKUP_FOUND || users.count == 0) return;
	if (users.count > USERS_NAMED) strbuf_printf(&names, " and %zu more", users.count - USERS_NAMED);
	warn(findings, "MSSQLServerVersion \"%.40s\" is used by %s: %s", users.version, strbuf_text(&names),
	     consequence);
}

static void warn_deleted_in_use(const struct rule_input *input, struct findings *findings) {
	warn_users(input, input->old_object, "new pods of theirs have no image until it is back", findings);
}

static void warn_changed_in_use(const struct rule_input *input, struct findings *findings) {
	const struct version_spec *spec = spec_of(input->object);
	const struct version_spec *old_spec = spec_of(input->old_object);
	if (spec == NULL || old_spec == NULL) return;
	const char *image = image_of(spec);
	const char *old_image = image_of(old_spec);
	if (image != NULL && old_image != NULL && strcmp(image, old_image) != 0) {
		warn_users(input, input->object, "they move to the new image", findings);
	}
}

static const struct rule version_rules[] = {
	{ "version-text", OPERATION_CREATE | OPERATION_UPDATE, check_version_text, "The version has no white space." },
	{ "floating-image", OPERATION_CREATE | OPERATION_UPDATE, warn_image,
	  "Warns of images such as latest, which are not the same for all replicas." },
	{ "deleted-in-use", OPERATION_DELETE, warn_deleted_in_use,
	  "Warns when databases use a version that is deleted." },
	{ "changed-in-use", OPERATION_UPDATE, warn_changed_in_use,
	  "Warns when databases use a version that gets another image." },
	{ 0 },
};

static const struct printer_column columns[] = {
	{ "Version", "string", ".spec.version", "SQL Server's version.", 0 },
	{ "DB_IMAGE", "string", ".spec.db.image", "SQL Server's container image.", 0 },
	{ "Deprecated", "boolean", ".spec.deprecated", "Whether new databases are refused.", 0 },
	{ "Age", "date", ".metadata.creationTimestamp", NULL, 0 },
	{ 0 },
};

const struct kind version_kind_v1alpha1 = {
	.group = "catalog.kubedb.com",
	.version = "v1alpha1",
	.name = "MSSQLServerVersion",
	.plural = "mssqlserverversions",
	.singular = "mssqlserverversion",
	.short_names = (const char *const[]){ "msversion", NULL },
	.cluster_scoped = true,
	.storage = true,
	.doc = "A version of SQL Server that databases may use: the name stands for a container image.",
	.schema = &root_schema,
	.rules = version_rules,
	.columns = columns,
};
