/* SQLServerAvailabilityGroup: the rules beyond the field table. */
#include <string.h>
#include <strings.h>

#include "api/formats.h"
#include "api/sqlag.h"
#include "api/sqlag_warnings.h"
#include "api/storageclass.h"
#include "base/json.h"
#include "base/memory.h"

static bool is(const char *value, const char *expected) {
	return value != NULL && strcmp(value, expected) == 0;
}

/* A StatefulSet's pods carry the label controller-revision-hash: <name>-<up to 10 characters>, and a label's value has
 * at most 63. All other names made of it are shorter: pods <name>-8, Service <name>-pods. */
enum { NAME_MAX_BYTES = 63 - 1 - 10, GENERATED_SUFFIX_BYTES = 5 };

static void check_name(const struct rule_input *input, struct findings *findings) {
	const struct object_meta *metadata = ((const struct sqlag *)input->object)->metadata;
	if (metadata == NULL) return;
	bool is_generated = metadata->name == NULL || *metadata->name == '\0';
	const char *name = is_generated ? metadata->generate_name : metadata->name;
	if (name == NULL || *name == '\0') return;
	const char *path = is_generated ? "metadata.generateName" : "metadata.name";
	const char *whole = is_generated ? at(findings, "%s%.*s", name, GENERATED_SUFFIX_BYTES, "xxxxx") : name;
	if (strlen(whole) > NAME_MAX_BYTES) {
		finding_invalid(
		        findings, path, name,
		        "must be no more than %d bytes: pods carry the label controller-revision-hash, this name "
		        "and up to 11 more characters, and a label has at most 63",
		        is_generated ? NAME_MAX_BYTES - GENERATED_SUFFIX_BYTES : NAME_MAX_BYTES);
	} else if (!format_dns_label_1035.matches(whole)) {
		finding_invalid(findings, path, name, "%s", format_dns_label_1035.detail);
	}
}

/* From SQL Server 2019 on (CREATE AVAILABILITY GROUP, AVAILABILITY_MODE). */
enum { SYNCHRONOUS_MAX = 5 };

/* One replica's modes; `rank` counts the synchronous ones up to it. */
static void check_modes(const struct sqlag_spec *spec, size_t index, size_t rank, struct findings *findings) {
	const struct sqlag_replica *replica = &spec->replicas.items[index];
	if (sqlag_is_synchronous(replica) && rank > SYNCHRONOUS_MAX) {
		finding_invalid(
		        findings, at(findings, "spec.replicas[%zu].availabilityMode", index),
		        replica->availability_mode,
		        "must be AsynchronousCommit: at most %d replicas may be synchronous, the primary included",
		        SYNCHRONOUS_MAX);
	}
	if (!is(replica->failover_mode, "Automatic")) return;
	const char *path = at(findings, "spec.replicas[%zu].failoverMode", index);
	if (!sqlag_is_synchronous(replica)) {
		finding_invalid(findings, path, replica->failover_mode,
		                "must be Manual for an AsynchronousCommit replica: only a SynchronousCommit one can be "
		                "promoted without losing commits");
	}
	if (!sqlag_is_external(spec)) {
		finding_invalid(findings, path, replica->failover_mode,
		                "must be Manual: with clusterType NONE there is nobody to fail over; Automatic needs "
		                "EXTERNAL");
	}
}

static void check_replica_modes(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL) return;
	size_t synchronous = 0;
	for (size_t i = 0; i < spec->replicas.count; i++) {
		synchronous += sqlag_is_synchronous(&spec->replicas.items[i]);
		check_modes(spec, i, synchronous, findings);
	}
	if (synchronous == 0 && spec->replicas.count > 0) {
		finding_required(findings, "spec.replicas", "at least one replica must be SynchronousCommit");
	}
}

static void check_automatic_failover(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->automatic_failover == NULL) return;
	if (!spec->automatic_failover->enabled.value) return;
	const char *path = "spec.automaticFailover.enabled";
	const struct json_object *enabled = json_get_path(input->json, "spec", "automaticFailover", "enabled", NULL);
	if (!sqlag_is_external(spec)) {
		finding_invalid_json(findings, path, enabled, "must be false with clusterType NONE: it needs EXTERNAL");
		return;
	}
	for (size_t i = 1; i < spec->replicas.count; i++) {
		if (sqlag_is_candidate(spec, &spec->replicas.items[i])) return;
	}
	finding_invalid_json(findings, path, enabled,
	                     "needs a candidate: a replica besides the first, which starts as primary, with "
	                     "availabilityMode SynchronousCommit and failoverMode Automatic");
}

static void check_required_synchronized(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->automatic_failover == NULL) return;
	const struct opt_int *required = &spec->automatic_failover->required_synchronized;
	size_t synchronous = sqlag_synchronous_count(spec);
	if (!required->set || synchronous == 0 || required->value < (int64_t)synchronous) return;
	finding_invalid_int(findings, "spec.automaticFailover.requiredSynchronized", required->value,
	                    "must be at most %zu: there are %zu SynchronousCommit replicas, and one of them is the "
	                    "primary",
	                    synchronous - 1, synchronous);
}

/* Editions: learn.microsoft.com, "Editions and supported features of SQL Server on Linux": Standard has basic
 * availability groups (two replicas, one database, a secondary that cannot be read), Express none. */
static void check_edition(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->replicas.count < 2) return;
	if (is(spec->edition, "Express")) {
		finding_invalid(
		        findings, "spec.edition", spec->edition,
		        "cannot host an availability group of %zu replicas: Express has none, Standard has up to 2",
		        spec->replicas.count);
	}
	if (!is(spec->edition, "Standard")) return;
	if (spec->replicas.count > 2) {
		finding_invalid(findings, "spec.edition", spec->edition,
		                "cannot host an availability group of %zu replicas: Standard has at most 2, more need "
		                "Enterprise",
		                spec->replicas.count);
	}
	if (spec->databases.count > 1) {
		finding_invalid(findings, "spec.edition", spec->edition,
		                "cannot host an availability group of %zu databases: Standard has at most 1, more need "
		                "Enterprise",
		                spec->databases.count);
	}
	for (size_t i = 0; i < spec->replicas.count; i++) {
		if (!spec->replicas.items[i].readable_secondary.value) continue;
		finding_forbidden(findings, at(findings, "spec.replicas[%zu].readableSecondary", i),
		                  "edition Standard has no readable secondaries: they need Enterprise");
	}
}

static void check_endpoint_port(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || !spec->endpoint_port.set) return;
	int64_t port = spec->endpoint_port.value;
	if (port != 1433 && port != 1434) return;
	finding_invalid_int(findings, "spec.endpointPort", port,
	                    "must not be a port that SQL Server listens on itself: 1433 for clients, 1434 for "
	                    "administrators");
}

static void check_listener(const struct sqlag_listener *listener, const char *path, const char *pods_service,
                           struct findings *findings) {
	if (listener == NULL || !is(listener->name, pods_service)) return;
	finding_invalid(findings, path, listener->name, "must not be the name of the group's headless Service");
}

static void check_listeners(const struct rule_input *input, struct findings *findings) {
	const struct sqlag *object = input->object;
	const struct sqlag_spec *spec = object->spec;
	if (spec == NULL) return;
	if (spec->listener != NULL && spec->read_only_listener != NULL && spec->listener->name != NULL &&
	    is(spec->read_only_listener->name, spec->listener->name)) {
		finding_duplicate(findings, "spec.readOnlyListener.name", spec->read_only_listener->name);
	}
	if (object->metadata == NULL || object->metadata->name == NULL) return;
	const char *pods_service = at(findings, "%s-pods", object->metadata->name);
	check_listener(spec->listener, "spec.listener.name", pods_service, findings);
	check_listener(spec->read_only_listener, "spec.readOnlyListener.name", pods_service, findings);
}

/* Settings that the group depends on: the only values they may have. */
static const struct fixed_setting {
	const char *key;
	const char *values[3];
	const char *why;
} fixed_settings[] = {
	{ "hadr.hadrenabled", { "1", "true" }, "availability groups need it" },
	{ "network.tcpport", { "1433" }, "the group's Services lead there; listener.port is the one that clients see" },
};

static void check_fixed_setting(const struct map_entry *setting, const char *path, struct findings *findings) {
	for (size_t i = 0; i < ARRAY_LENGTH(fixed_settings); i++) {
		const struct fixed_setting *fixed = &fixed_settings[i];
		if (strcasecmp(fixed->key, setting->key) != 0) continue;
		for (const char *const *value = fixed->values; *value != NULL; value++) {
			if (strcmp(*value, setting->text) == 0) return;
		}
		finding_invalid(findings, path, setting->text, "must be %s: %s", fixed->values[0], fixed->why);
	}
}

static void check_mssql_conf(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL) return;
	for (size_t i = 0; i < spec->mssql_conf.count; i++) {
		const struct map_entry *setting = &spec->mssql_conf.items[i];
		if (setting->text == NULL) continue;
		const char *path = at(findings, "spec.mssqlConf[%s]", setting->key);
		/* A line break would start a setting, or a section, of its own. */
		if (strpbrk(setting->text, "\r\n") != NULL) {
			finding_invalid(findings, path, setting->text, "must be a single line");
		} else {
			check_fixed_setting(setting, path, findings);
		}
	}
}

static void check_resource_requests(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec != NULL) check_resources(spec->resources, "spec.resources", findings);
}

static const struct opt_quantity *volume_size(const struct sqlag_spec *spec) {
	if (spec == NULL || spec->storage == NULL || spec->storage->data_volume_size.text == NULL) return NULL;
	return &spec->storage->data_volume_size;
}

static void check_volume_size(const struct rule_input *input, struct findings *findings) {
	const struct opt_quantity *size = volume_size(sqlag_spec_of(input->object));
	const struct quantity zero = { 0 };
	if (size == NULL || quantity_compare(size->value, zero) > 0) return;
	finding_invalid(findings, "spec.storage.dataVolumeSize", size->text, "must be greater than zero");
}

static void check_auto_expansion(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL) return;
	const struct opt_quantity *size = volume_size(spec);
	check_auto_expand(spec->auto_expand, "spec.autoExpand", size != NULL ? &size->value : NULL, findings);
}

static void check_databases(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec != NULL) check_database_names(&spec->databases, "spec.databases", NULL, findings);
}

static void check_append_only(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	const struct sqlag_spec *old_spec = sqlag_spec_of(input->old_object);
	if (spec == NULL || old_spec == NULL) return;
	const struct object_meta *metadata = ((const struct sqlag *)input->object)->metadata;
	const char *name = metadata != NULL && metadata->name != NULL ? metadata->name : "";
	for (size_t i = 0; i < old_spec->replicas.count; i++) {
		const char *old_name = old_spec->replicas.items[i].name;
		if (old_name == NULL) continue;
		if (i >= spec->replicas.count) {
			finding_required(
			        findings, at(findings, "spec.replicas[%zu]", i),
			        "replica \"%s\" (pod %s-%zu) must stay: replicas are only added, at the end of the "
			        "list",
			        old_name, name, i);
		} else if (spec->replicas.items[i].name != NULL && !is(spec->replicas.items[i].name, old_name)) {
			finding_invalid(
			        findings, at(findings, "spec.replicas[%zu].name", i), spec->replicas.items[i].name,
			        "must stay \"%s\": replicas[%zu] is pod %s-%zu, so replicas are only added, at the "
			        "end of the list, never moved or renamed",
			        old_name, i, name, i);
		}
	}
}

static void check_volume_growth(const struct rule_input *input, struct findings *findings) {
	const struct opt_quantity *size = volume_size(sqlag_spec_of(input->object));
	const struct opt_quantity *old_size = volume_size(sqlag_spec_of(input->old_object));
	if (size == NULL || old_size == NULL) return;
	const char *path = "spec.storage.dataVolumeSize";
	int change = quantity_compare(size->value, old_size->value);
	if (change < 0) {
		finding_invalid(findings, path, size->text,
		                "must not be smaller than the current %s: volumes do not shrink", old_size->text);
	} else if (change > 0) {
		const char *class_name = sqlag_spec_of(input->object)->storage->storage_class_name;
		check_expandable(input->lookup, class_name, path, size->text, findings);
	}
}

enum { WRITE = OPERATION_CREATE | OPERATION_UPDATE };

const struct rule sqlag_rules[] = {
	{ "name-length", OPERATION_CREATE, check_name,
	  "The name is a DNS label that starts with a letter, of at most 52 bytes: Services and labels are made of "
	  "it." },
	{ "replica-modes", WRITE, check_replica_modes,
	  "1 to 5 replicas are synchronous; failoverMode Automatic needs SynchronousCommit and clusterType EXTERNAL." },
	{ "automatic-failover", WRITE, check_automatic_failover,
	  "Automatic failover needs clusterType EXTERNAL and a candidate besides the first replica." },
	{ "required-synchronized", WRITE, check_required_synchronized,
	  "requiredSynchronized is less than the number of synchronous replicas." },
	{ "edition-limits", WRITE, check_edition,
	  "Express hosts no group of several replicas; Standard one of 2 replicas and 1 database that is not readable "
	  "on the secondary." },
	{ "endpoint-port", WRITE, check_endpoint_port, "The mirroring endpoint does not take SQL Server's own ports." },
	{ "listener-names", WRITE, check_listeners,
	  "The listeners' names differ from each other and from the headless Service's." },
	{ "mssql-conf", WRITE, check_mssql_conf,
	  "Settings are single lines; hadr.hadrenabled is never off and network.tcpport stays 1433." },
	{ "resources", WRITE, check_resource_requests, "Requests are at most the limits, and nothing is negative." },
	{ "volume-size", WRITE, check_volume_size, "Volumes have a size greater than zero." },
	{ "auto-expand", WRITE, check_auto_expansion, "The sizes of autoExpand are positive." },
	{ "databases", WRITE, check_databases,
	  "Databases have valid names that differ without regard to case; none is SQL Server's own." },
	{ "replicas-append-only", OPERATION_UPDATE, check_append_only,
	  "Replicas are only added, at the end of the list." },
	{ "volume-growth", OPERATION_UPDATE, check_volume_growth,
	  "Volumes never shrink, and grow if their StorageClass can expand volumes." },
	{ "floating-image", WRITE, sqlag_warn_image,
	  "Warns of images such as latest, which are not the same for all replicas." },
	{ "memory-limit", WRITE, sqlag_warn_memory,
	  "Warns when SQL Server has no memory limit, or one too small to start." },
	{ "edition-licence", WRITE, sqlag_warn_edition, "Warns of editions that are not for production." },
	{ "relaxed-mode", WRITE, sqlag_warn_relaxed_mode,
	  "Warns of an even number of synchronous replicas, and of 0 required, in relaxed mode." },
	{ "asynchronous-primary", WRITE, sqlag_warn_asynchronous_primary,
	  "Warns when the group starts on an asynchronous replica although it shall fail over by itself." },
	{ "storage-class", OPERATION_CREATE, sqlag_warn_missing_class,
	  "Warns of a StorageClass that does not exist, and of autoExpand with one that cannot expand." },
	{ "database-kept", OPERATION_UPDATE, sqlag_warn_database_kept,
	  "Warns that a database taken off the list stays in the group." },
	{ 0 },
};
