/* SQLServerAvailabilityGroup: what is admitted with a warning. */
#include "api/sqlag_warnings.h"

#include <string.h>
#include <strings.h>

#include "api/sqlag.h"
#include "api/storageclass.h"

static bool is(const char *value, const char *expected) {
	return value != NULL && strcmp(value, expected) == 0;
}

void sqlag_warn_image(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec != NULL) warn_floating_image(spec->image, "spec.image", findings);
}

void sqlag_warn_memory(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec != NULL) warn_no_memory_limit(spec->resources, "spec.resources", findings);
}

void sqlag_warn_edition(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL) return;
	if (is(spec->edition, "Developer")) {
		warn(findings, "spec.edition: Developer is not licensed for production");
	} else if (is(spec->edition, "Evaluation")) {
		warn(findings, "spec.edition: Evaluation stops working 180 days after its installation");
	}
}

void sqlag_warn_relaxed_mode(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->automatic_failover == NULL) return;
	const struct opt_int *required = &spec->automatic_failover->required_synchronized;
	int64_t synchronous = (int64_t)sqlag_synchronous_count(spec);
	/* With as many as there are synchronous secondaries it is the strict mode under another name. */
	if (!required->set || required->value >= synchronous - 1) return;
	if (required->value == 0) {
		warn(findings,
		     "spec.automaticFailover.requiredSynchronized: with 0 a commit may be on the primary alone: no "
		     "replica is promoted without the old primary's data");
	}
	if (synchronous % 2 == 0) {
		warn(findings,
		     "spec.replicas: %lld synchronous replicas, an even number, with requiredSynchronized %lld: one "
		     "more or one less withstands as much",
		     (long long)synchronous, (long long)required->value);
	}
}

void sqlag_warn_asynchronous_primary(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->automatic_failover == NULL || !spec->automatic_failover->enabled.value) return;
	if (spec->replicas.count == 0 || sqlag_is_synchronous(&spec->replicas.items[0])) return;
	warn(findings, "spec.replicas[0]: starts as primary and is asynchronous: while it is primary no failover is "
	               "possible without losing commits");
}

void sqlag_warn_missing_class(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	if (spec == NULL || spec->storage == NULL) return;
	const char *name = spec->storage->storage_class_name;
	warn_missing_class(input->lookup, name, "spec.storage.storageClassName", findings);
	if (spec->auto_expand != NULL) warn_not_expandable(input->lookup, name, "spec.autoExpand", findings);
}

static bool has_database(const string_list *databases, const char *name) {
	for (size_t i = 0; i < databases->count; i++) {
		if (databases->items[i] != NULL && strcasecmp(databases->items[i], name) == 0) return true;
	}
	return false;
}

void sqlag_warn_database_kept(const struct rule_input *input, struct findings *findings) {
	const struct sqlag_spec *spec = sqlag_spec_of(input->object);
	const struct sqlag_spec *old_spec = sqlag_spec_of(input->old_object);
	if (spec == NULL || old_spec == NULL) return;
	for (size_t i = 0; i < old_spec->databases.count; i++) {
		const char *name = old_spec->databases.items[i];
		if (name == NULL || has_database(&spec->databases, name)) continue;
		warn(findings, "spec.databases: \"%s\" stays in the group: remove it with T-SQL if it shall go", name);
	}
}
