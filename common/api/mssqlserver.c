/* MSSQLServer: the two versions as kinds, and the defaults that depend on other fields. */
#include "api/mssqlserver.h"

#include <string.h>

#include "api/kinds.h"
#include "api/mssqlserver_rules.h"
#include "base/json.h"

static const char *const short_names[] = { "ms", NULL };
static const char *const categories[] = { "datastore", "kubedb", "all", NULL };

static const struct printer_column columns[] = {
	{ "Version", "string", ".spec.version", "The MSSQLServerVersion.", 0 },
	{ "Status", "string", ".status.phase", "The state at a glance.", 0 },
	{ "Age", "date", ".metadata.creationTimestamp", NULL, 0 },
	{ "Primary", "string", ".status.primaryReplica", "The pod that is primary.", 1 },
	{ "Sync", "string", ".status.synchronized", "Replicas that are synchronized.", 1 },
	{ 0 },
};

#define KIND_DOC                                                                                              \
	"MSSQLServer is a SQL Server database: standalone, or an availability group that fails over without " \
	"losing a commit."

#define BOTH_VERSIONS                                                                                         \
	.group = "kubedb.com", .name = "MSSQLServer", .plural = "mssqlservers", .singular = "mssqlserver",    \
	.short_names = short_names, .categories = categories, .rules = mssqlserver_rules, .columns = columns, \
	.scale_spec_path = ".spec.replicas", .scale_status_path = ".status.replicas",                         \
	.scale_selector_path = ".status.selector"

const struct kind mssqlserver_kind_v1alpha2 = {
	BOTH_VERSIONS,
	.version = "v1alpha2",
	.storage = true,
	.doc = KIND_DOC,
	.schema = &mssqlserver_schema_v1alpha2,
	.complete = mssqlserver_complete_v1alpha2,
};

const struct kind mssqlserver_kind_v1 = {
	BOTH_VERSIONS,
	.version = "v1",
	.doc = KIND_DOC " Version v1 is the short form.",
	.schema = &mssqlserver_schema_v1,
	.complete = mssqlserver_complete_v1,
	.to_storage = mssqlserver_to_storage,
	.from_storage = mssqlserver_from_storage,
	.memory_annotation = MSSQLSERVER_CONVERSION_ANNOTATION,
};

/* ---- defaults that depend on the mode ---- */

/* What the modes that make a group default to, in the words of either version. A mode that is not here has no group of
 * ours behind it, and gets nothing. */
static const struct mode_defaults {
	const char *mode;
	const char *availability_mode; /* v1alpha2 */
	const char *streaming_mode;    /* v1 */
} mode_defaults[] = {
	{ MSSQLSERVER_AVAILABILITY_GROUP, "SynchronousCommit", "Synchronous" },
	{ MSSQLSERVER_STREAMING_REPLICATION, "AsynchronousCommit", "Asynchronous" },
};

static const struct mode_defaults *defaults_of(const char *mode) {
	for (size_t i = 0; mode != NULL && i < ARRAY_LENGTH(mode_defaults); i++) {
		if (strcmp(mode_defaults[i].mode, mode) == 0) return &mode_defaults[i];
	}
	return NULL;
}

void mssqlserver_complete_v1alpha2(struct defaulting *defaulting) {
	struct json_object *topology = json_get_path(defaulting->object, "spec", "topology", NULL);
	const struct mode_defaults *defaults = defaults_of(json_get_text(topology, "mode"));
	if (defaults == NULL) return;
	struct json_object *group = json_get(topology, "availabilityGroup");
	if (group != NULL && !json_object_is_type(group, json_type_object)) return;
	if (group == NULL) {
		group = json_object_new_object();
		json_set_text(group, "secondaryAccessMode", "Passive");
		json_set_text(group, "availabilityMode", defaults->availability_mode);
		default_member(defaulting, topology, "/spec/topology", "availabilityGroup", group);
		return;
	}
	const char *pointer = "/spec/topology/availabilityGroup";
	default_member(defaulting, group, pointer, "secondaryAccessMode", json_object_new_string("Passive"));
	default_member(defaulting, group, pointer, "availabilityMode",
	               json_object_new_string(defaults->availability_mode));
}

void mssqlserver_complete_v1(struct defaulting *defaulting) {
	struct json_object *spec = json_get(defaulting->object, "spec");
	if (!json_object_is_type(spec, json_type_object)) return;
	default_member(defaulting, spec, "/spec", "mode",
	               json_object_new_string(mssqlserver_default_mode(json_get_integer(spec, "replicas", 1))));
	const struct mode_defaults *defaults = defaults_of(json_get_text(spec, "mode"));
	if (defaults == NULL) return;
	default_member(defaulting, spec, "/spec", "standbyMode", json_object_new_string("Warm"));
	default_member(defaulting, spec, "/spec", "streamingMode", json_object_new_string(defaults->streaming_mode));
}

const char *mssqlserver_default_mode(int64_t replicas) {
	return replicas > 1 ? MSSQLSERVER_STREAMING_REPLICATION : MSSQLSERVER_STANDALONE;
}
