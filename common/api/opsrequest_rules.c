/* MSSQLServerOpsRequest: the rules beyond the field table (REQUIREMENTS R51). */
#include <string.h>

#include "api/opsrequest.h"
#include "api/storageclass.h"
#include "base/json.h"
#include "base/memory.h"

static bool is(const char *value, const char *expected) {
	return value != NULL && strcmp(value, expected) == 0;
}

static const struct opsrequest_spec *spec_of(const struct rule_input *input) {
	return ((const struct opsrequest *)input->object)->spec;
}

static const char *namespace_of(const struct rule_input *input) {
	const struct object_meta *metadata = ((const struct opsrequest *)input->object)->metadata;
	return metadata != NULL ? metadata->namespace : NULL;
}

static const char *database_name(const struct opsrequest_spec *spec) {
	return spec != NULL && spec->database_ref != NULL ? spec->database_ref->name : NULL;
}

static enum lookup_result find_database(const struct rule_input *input, const struct json_object **database,
                                        struct findings *findings) {
	*database = NULL;
	const char *name = database_name(spec_of(input));
	if (name == NULL) return LOOKUP_FAILED; /* the table has said so */
	return input->lookup->get(input->lookup->context, LOOKUP_MSSQLSERVER, namespace_of(input), name, database,
	                          findings);
}

/* An unknown type is the table's business. */
static bool has_known_type(const struct opsrequest_spec *spec) {
	if (spec == NULL || spec->type == NULL) return false;
	for (const char *const *type = opsrequest_types; *type != NULL; type++) {
		if (strcmp(*type, spec->type) == 0) return true;
	}
	return false;
}

static void check_type(const struct rule_input *input, struct findings *findings) {
	const struct opsrequest_spec *spec = spec_of(input);
	if (!has_known_type(spec) || is(spec->type, "VolumeExpansion")) return;
	finding_not_supported_because(findings, "spec.type", spec->type,
	                              "agkeeper does not support this type yet, it supports VolumeExpansion");
}

static void check_blocks(const struct rule_input *input, struct findings *findings) {
	const struct opsrequest_spec *spec = spec_of(input);
	if (!has_known_type(spec)) return;
	const struct {
		const char *type;
		const char *name;
		const void *block;
	} blocks[] = {
		{ "UpdateVersion", "updateVersion", spec->update_version },
		{ "HorizontalScaling", "horizontalScaling", spec->horizontal_scaling },
		{ "VerticalScaling", "verticalScaling", spec->vertical_scaling },
		{ "VolumeExpansion", "volumeExpansion", spec->volume_expansion },
		{ "Restart", "restart", spec->restart },
		{ "Reconfigure", "configuration", spec->configuration },
		{ "ReconfigureTLS", "tls", spec->tls },
		{ "RotateAuth", "authentication", spec->authentication },
		{ "StorageMigration", "migration", spec->migration },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(blocks); i++) {
		const char *path = at(findings, "spec.%s", blocks[i].name);
		if (blocks[i].block != NULL && !is(spec->type, blocks[i].type)) {
			finding_forbidden(findings, path, "belongs to type %s, this request is of type %s",
			                  blocks[i].type, spec->type);
		}
	}
	if (!is(spec->type, "VolumeExpansion")) return;
	/* Not `volume_expansion == NULL`: one of the wrong type has its own finding. */
	if (json_get_path(input->json, "spec", "volumeExpansion", NULL) == NULL) {
		finding_required(findings, "spec.volumeExpansion",
		                 "type VolumeExpansion needs the mode and, in mssqlserver, the new size");
	}
}

static void check_timeout(const struct rule_input *input, struct findings *findings) {
	const struct opsrequest_spec *spec = spec_of(input);
	if (spec == NULL || spec->timeout.text == NULL || spec->timeout.nanoseconds > 0) return;
	finding_invalid(findings, "spec.timeout", spec->timeout.text, "must be greater than zero");
}

static void check_database_exists(const struct rule_input *input, struct findings *findings) {
	const struct json_object *database;
	const char *name = database_name(spec_of(input));
	enum lookup_result result = find_database(input, &database, findings);
	if (result == LOOKUP_ABSENT) {
		const char *namespace = namespace_of(input);
		finding_not_found(findings, "spec.databaseRef.name", name,
		                  "namespace \"%s\" has no MSSQLServer of this name",
		                  namespace != NULL ? namespace : "");
	} else if (result == LOOKUP_OFFLINE) {
		warn(findings,
		     "spec.databaseRef.name: without a cluster nobody can say whether MSSQLServer \"%.100s\" exists "
		     "and can be expanded",
		     name);
	}
}

/* The storage that the database asks for today; NULL when it does not say. The text lives as long as the findings. */
static const char *current_size(const struct json_object *database, struct quantity *size, struct findings *findings) {
	const struct json_object *storage =
	        json_get_path(database, "spec", "storage", "resources", "requests", "storage", NULL);
	if (storage == NULL) return NULL;
	const char *text;
	if (json_object_is_type(storage, json_type_int)) {
		text = at(findings, "%lld", (long long)json_object_get_int64(storage));
	} else if (json_object_is_type(storage, json_type_string)) {
		text = at(findings, "%s", json_object_get_string((struct json_object *)storage));
	} else {
		return NULL;
	}
	return quantity_parse(text, size) ? text : NULL;
}

static bool is_ephemeral(const struct json_object *database) {
	return is(json_get_text(json_get(database, "spec"), "storageType"), "Ephemeral");
}

static const struct opt_quantity *wanted_size(const struct opsrequest_spec *spec) {
	if (spec == NULL || !is(spec->type, "VolumeExpansion") || spec->volume_expansion == NULL) return NULL;
	return spec->volume_expansion->mssqlserver.text != NULL ? &spec->volume_expansion->mssqlserver : NULL;
}

static void check_size(const struct rule_input *input, struct findings *findings) {
	const struct opt_quantity *wanted = wanted_size(spec_of(input));
	if (wanted == NULL) return;
	const char *path = "spec.volumeExpansion.mssqlserver";
	const struct quantity zero = { 0 };
	if (quantity_compare(wanted->value, zero) <= 0) {
		finding_invalid(findings, path, wanted->text, "must be greater than zero");
		return;
	}
	const struct json_object *database;
	if (find_database(input, &database, findings) != LOOKUP_FOUND || is_ephemeral(database)) return;
	struct quantity current;
	const char *current_text = current_size(database, &current, findings);
	if (current_text == NULL || quantity_compare(wanted->value, current) > 0) return;
	finding_invalid(findings, path, wanted->text, "must be larger than the current %s", current_text);
}

static void check_ephemeral(const struct rule_input *input, struct findings *findings) {
	const struct opsrequest_spec *spec = spec_of(input);
	if (spec == NULL || !is(spec->type, "VolumeExpansion")) return;
	const struct json_object *database;
	if (find_database(input, &database, findings) != LOOKUP_FOUND || !is_ephemeral(database)) return;
	finding_invalid(findings, "spec.databaseRef.name", database_name(spec),
	                "has storageType Ephemeral: there are no volumes to expand");
}

static void check_storage_class(const struct rule_input *input, struct findings *findings) {
	const struct opt_quantity *wanted = wanted_size(spec_of(input));
	const struct json_object *database;
	if (wanted == NULL || find_database(input, &database, findings) != LOOKUP_FOUND || is_ephemeral(database))
		return;
	const char *class_name = json_get_text(json_get_path(database, "spec", "storage", NULL), "storageClassName");
	check_expandable(input->lookup, class_name, "spec.volumeExpansion.mssqlserver", wanted->text, findings);
}

struct other_request {
	const struct rule_input *input;
	const char *database;
	struct findings *findings;
};

static void consider_request(void *context, const struct json_object *request) {
	const struct other_request *search = context;
	if (!is(json_get_text(json_get_path(request, "spec", "databaseRef", NULL), "name"), search->database)) return;
	const char *name = json_get_text(json_get(request, "metadata"), "name");
	const struct object_meta *own = ((const struct opsrequest *)search->input->object)->metadata;
	if (name == NULL || (own != NULL && is(own->name, name))) return;
	const char *phase = json_get_text(json_get(request, "status"), "phase");
	if (opsrequest_is_over(phase)) return;
	finding_invalid(search->findings, "spec.databaseRef.name", search->database,
	                "has a request already: MSSQLServerOpsRequest \"%s\" is %s; wait for its end or delete it",
	                name, phase != NULL && *phase != '\0' ? phase : "Pending");
}

static void check_only_one(const struct rule_input *input, struct findings *findings) {
	struct other_request search = { input, database_name(spec_of(input)), findings };
	if (search.database == NULL) return;
	input->lookup->list(input->lookup->context, LOOKUP_MSSQLSERVEROPSREQUEST, namespace_of(input), consider_request,
	                    &search, findings);
}

static void warn_database_state(const struct rule_input *input, struct findings *findings) {
	const struct json_object *database;
	if (find_database(input, &database, findings) != LOOKUP_FOUND) return;
	const struct opsrequest_spec *spec = spec_of(input);
	const char *name = database_name(spec);
	const char *phase = json_get_text(json_get(database, "status"), "phase");
	if (json_get_path(database, "metadata", "deletionTimestamp", NULL) != NULL) {
		warn(findings, "spec.databaseRef.name: \"%.100s\" is being deleted: the request will fail", name);
	} else if (json_get_flag(json_get(database, "spec"), "halted", false) || is(phase, "Halted")) {
		warn(findings, "spec.databaseRef.name: \"%.100s\" is halted: the request will fail", name);
	} else if (is(spec->apply, "IfReady") && !is(phase, "Ready")) {
		warn(findings, "spec.apply: IfReady waits until \"%.100s\" is Ready, it is %.20s; Always goes ahead",
		     name, phase != NULL ? phase : "not yet");
	}
}

const struct rule opsrequest_rules[] = {
	{ "supported-type", OPERATION_CREATE, check_type, "VolumeExpansion is the only type supported yet." },
	{ "own-block", OPERATION_CREATE, check_blocks,
	  "A request has the block of its own type and of no other; VolumeExpansion needs its block." },
	{ "timeout", OPERATION_CREATE, check_timeout, "The timeout is greater than zero." },
	{ "database-exists", OPERATION_CREATE, check_database_exists, "The database exists in the same namespace." },
	{ "larger-size", OPERATION_CREATE, check_size, "The new size is larger than today's." },
	{ "durable-database", OPERATION_CREATE, check_ephemeral, "An Ephemeral database has no volumes to expand." },
	{ "expandable-class", OPERATION_CREATE, check_storage_class,
	  "The StorageClass of the database's volumes can expand them." },
	{ "one-at-a-time", OPERATION_CREATE, check_only_one,
	  "No other request for the database is Pending or Progressing." },
	{ "database-state", OPERATION_CREATE, warn_database_state,
	  "Warns of a database that is halted, being deleted, or not Ready while the request waits for that." },
	{ 0 },
};
