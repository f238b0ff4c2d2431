/* MSSQLServer: how many servers there are and how they work together. */
#include <string.h>
#include <strings.h>

#include "api/formats.h"
#include "api/kinds.h"
#include "api/mssqlserver_rules.h"
#include "api/mssqlserver_view.h"

/* The longest name made from ours is the label controller-revision-hash of the pods: <name>-<up to 10 digits>, at most
 * 63 bytes (Kubernetes' StatefulSet controller). "<name>-secondary", the longest Service, is shorter. */
enum { NAME_MAX_LENGTH = 63 - 11, GENERATED_SUFFIX_LENGTH = 5 };

/* SQL Server 2019 and later: synchronous replicas, the primary included (CREATE AVAILABILITY GROUP). */
enum { SYNCHRONOUS_MAX = 5 };

/* Basic availability groups, all that Standard edition has (Microsoft's documentation of editions). */
enum { STANDARD_REPLICAS_MAX = 2, STANDARD_DATABASES_MAX = 1 };

static const int64_t election_max_ns = INT64_C(50) * 1000000000;

static struct mssqlserver_view view_of(const struct rule_input *input) {
	return mssqlserver_view_of(input->kind, input->object);
}

void mssqlserver_check_name(const struct rule_input *input, struct findings *findings) {
	const struct object_meta *metadata = view_of(input).metadata;
	bool is_generated = metadata->name == NULL || *metadata->name == '\0';
	const char *name = is_generated ? metadata->generate_name : metadata->name;
	if (name == NULL || *name == '\0') return;
	const char *path = is_generated ? "metadata.generateName" : "metadata.name";
	const char *whole = is_generated ? at(findings, "%s%.*s", name, GENERATED_SUFFIX_LENGTH, "xxxxx") : name;
	if (strlen(whole) > NAME_MAX_LENGTH) {
		finding_invalid(findings, path, name,
		                "must be no more than %d bytes: names of pods and Services are made from it",
		                is_generated ? NAME_MAX_LENGTH - GENERATED_SUFFIX_LENGTH : NAME_MAX_LENGTH);
	} else if (!format_dns_label_1035.matches(whole)) {
		finding_invalid(findings, path, name, "%s", format_dns_label_1035.detail);
	}
}

void mssqlserver_check_mode(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	const struct mssqlserver_topology *topology = view.spec->topology;
	if (view.mode == NULL) {
		finding_required(findings, view.mode_path,
		                 "a topology needs a mode: " MSSQLSERVER_AVAILABILITY_GROUP
		                 " or " MSSQLSERVER_STREAMING_REPLICATION);
	} else if (strcmp(view.mode, MSSQLSERVER_DISTRIBUTED_AG) == 0) {
		finding_not_supported_because(findings, view.mode_path, view.mode,
		                              "distributed availability groups are not supported yet: use "
		                              "\"" MSSQLSERVER_AVAILABILITY_GROUP
		                              "\" or \"" MSSQLSERVER_STREAMING_REPLICATION "\"");
	} else if (topology != NULL && topology->distributed_ag != NULL) {
		finding_forbidden(findings, "spec.topology.distributedAG",
		                  "distributed availability groups are not supported yet");
	}
}

void mssqlserver_check_mode_unchanged(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	struct mssqlserver_view old = mssqlserver_view_of(input->kind, input->old_object);
	if (view.mode == NULL || old.mode == NULL || strcmp(view.mode, old.mode) == 0) return;
	finding_forbidden(findings, view.mode_path,
	                  "the mode of an existing database cannot change: it is %s and cannot become %s", old.mode,
	                  view.mode);
}

void mssqlserver_check_replicas(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	if (!view.spec->replicas.set) return;
	int64_t replicas = view.spec->replicas.value;
	if (mssqlserver_is_standalone(&view)) {
		if (replicas <= 1) return; /* less than 1 is out of the table's bounds */
		finding_invalid_int(findings, "spec.replicas", replicas,
		                    "must be 1 for a standalone database: %s " MSSQLSERVER_AVAILABILITY_GROUP
		                    " makes it a group",
		                    view.mode_path);
	} else if (view.is_synchronous && replicas > SYNCHRONOUS_MAX) {
		finding_invalid_int(findings, "spec.replicas", replicas,
		                    "must be at most %d with synchronous commit (%s)", SYNCHRONOUS_MAX,
		                    view.availability_mode_path);
	}
}

void mssqlserver_check_replicas_grow(const struct rule_input *input, struct findings *findings) {
	struct opt_int now = view_of(input).spec->replicas;
	struct opt_int before = mssqlserver_view_of(input->kind, input->old_object).spec->replicas;
	if (!now.set || !before.set || now.value >= before.value) return;
	finding_invalid_int(findings, "spec.replicas", now.value,
	                    "must not be less than the current %lld: taking replicas away is not supported",
	                    (long long)before.value);
}

/* The edition that the SQL Server container runs as, and where it says so; NULL when it does not. */
static const char *edition_of(const struct mssqlserver_spec *spec, const char **path, struct findings *findings) {
	const struct mssqlserver_pod_template *template = spec->pod_template;
	if (template == NULL || template->spec == NULL) return NULL;
	const container_list *containers = &template->spec->containers;
	for (size_t i = 0; i < containers->count; i++) {
		const struct container_template *container = &containers->items[i];
		if (container->name == NULL || strcmp(container->name, MSSQLSERVER_CONTAINER) != 0) continue;
		for (size_t j = 0; j < container->env.count; j++) {
			const struct env_var *variable = &container->env.items[j];
			if (variable->name == NULL || strcmp(variable->name, "MSSQL_PID") != 0) continue;
			*path = at(findings, "spec.podTemplate.spec.containers[%zu].env[%zu].value", i, j);
			return variable->value;
		}
	}
	return NULL;
}

void mssqlserver_check_edition(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	if (mssqlserver_is_standalone(&view) || view.spec->replicas.value <= 1) return;
	const char *path = NULL;
	const char *edition = edition_of(view.spec, &path, findings);
	if (edition == NULL) return;
	if (strcasecmp(edition, "Express") == 0 || strcasecmp(edition, "Web") == 0) {
		finding_invalid(
		        findings, path, edition,
		        "this edition hosts no availability group of several replicas: use Standard, Enterprise, "
		        "EnterpriseCore, Developer or Evaluation");
	}
	if (strcasecmp(edition, "Standard") != 0) return;
	if (view.spec->replicas.value > STANDARD_REPLICAS_MAX) {
		finding_invalid(findings, path, edition,
		                "this edition hosts groups of at most %d replicas, spec.replicas is %lld",
		                STANDARD_REPLICAS_MAX, (long long)view.spec->replicas.value);
	}
	if (view.databases->count > STANDARD_DATABASES_MAX) {
		finding_invalid(findings, path, edition, "this edition hosts groups of one database, %s names %zu",
		                view.databases_path, view.databases->count);
	}
}

void mssqlserver_check_databases(const struct rule_input *input, struct findings *findings) {
	/* Where write checks go (REQUIREMENTS R22): outside the group, on every primary. */
	static const char *const reserved[] = { "kubedb_system", NULL };
	struct mssqlserver_view view = view_of(input);
	check_database_names(view.databases, view.databases_path, reserved, findings);
}

void mssqlserver_check_required_synchronized(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	if (mssqlserver_is_standalone(&view) || view.group == NULL || !view.group->required_synchronized.set) return;
	const char *path = at(findings, "%s.requiredSynchronized", view.group_path);
	int64_t required = view.group->required_synchronized.value;
	if (!view.is_synchronous) {
		finding_invalid_int(findings, path, required, "has no meaning without synchronous commit (%s)",
		                    view.availability_mode_path);
	} else if (view.spec->replicas.set && required >= view.spec->replicas.value) {
		finding_invalid_int(findings, path, required,
		                    "must be less than spec.replicas (%lld): the primary is not counted",
		                    (long long)view.spec->replicas.value);
	}
}

void mssqlserver_check_election_times(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	for (size_t i = 0; i + 1 < view.time_count; i++) {
		const struct ordered_number *larger = &view.times[i];
		const struct ordered_number *smaller = &view.times[i + 1];
		if (!larger->value.set || !smaller->value.set || larger->value.value > smaller->value.value) continue;
		finding_invalid_int(findings, larger->path, larger->value.value, "must be greater than %s (%lld)",
		                    smaller->name, (long long)smaller->value.value);
	}
	if (!view.has_election_time || view.election_ns <= election_max_ns) return;
	finding_invalid_int(findings, view.times[0].path, view.times[0].value.value,
	                    "a silent primary would be taken as lost after %.10gs, must be at most 50s",
	                    (double)view.election_ns / 1e9);
}

static void check_positive(const struct opt_duration *duration, const char *path, struct findings *findings) {
	if (duration->text == NULL || duration->nanoseconds > 0) return;
	finding_invalid(findings, path, duration->text, "must be greater than zero");
}

void mssqlserver_check_durations(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = view_of(input);
	const struct mssqlserver_leader_election *election = view.group != NULL ? view.group->leader_election : NULL;
	if (election == NULL) return;
#define ELECTION "spec.topology.availabilityGroup.leaderElection."
	check_positive(&election->period, ELECTION "period", findings);
	check_positive(&election->transfer_leadership_interval, ELECTION "transferLeadershipInterval", findings);
	check_positive(&election->transfer_leadership_timeout, ELECTION "transferLeadershipTimeout", findings);
}
