/* MSSQLServer: what podTemplate and serviceTemplates may not change, because agkeeper sets it itself. The lists are
 * KubeDB's (kubedb/apimachinery, constants and webhook of MSSQLServer). */
#include <string.h>
#include <strings.h>

#include "api/mssqlserver_rules.h"
#include "api/mssqlserver_view.h"

static const char *const reserved_variables[] = {
	"MSSQL_SA_USERNAME",   "MSSQL_SA_PASSWORD", "SA_PASSWORD", "MSSQL_ENABLE_HADR",
	"MSSQL_AGENT_ENABLED", "VERSION",           NULL,
};
static const char *const reserved_volumes[] = {
	"data", "config", "init-scripts", "endpoint-cert", "certs", "tls", "security-ca-certificates", "cacerts", NULL,
};
static const char *const reserved_paths[] = {
	"/var/opt/mssql",
	"/var/opt/mssql/mssql.conf",
	"/scripts",
	"/var/opt/mssql/endpoint-cert",
	"/var/opt/mssql/certs",
	"/var/opt/mssql/tls",
	"/var/opt/mssql/security/ca-certificates",
	"/etc/ssl/certs",
	NULL,
};

static bool is_in(const char *const *list, const char *text, size_t length) {
	for (; *list != NULL; list++) {
		if (strlen(*list) == length && strncmp(*list, text, length) == 0) return true;
	}
	return false;
}

static const struct pod_spec no_pods;

static const struct mssqlserver_spec *spec_of(const struct rule_input *input) {
	return mssqlserver_view_of(input->kind, input->object).spec;
}

static const struct pod_spec *pods_of(const struct rule_input *input) {
	const struct mssqlserver_pod_template *template = spec_of(input)->pod_template;
	return template != NULL && template->spec != NULL ? template->spec : &no_pods;
}

static void check_eula(const struct env_var *variable, size_t container, size_t index, struct findings *findings) {
	if (variable->value == NULL) return;
	if (strcasecmp(variable->value, "N") != 0 && strcasecmp(variable->value, "no") != 0) return;
	finding_invalid(findings,
	                at(findings, "spec.podTemplate.spec.containers[%zu].env[%zu].value", container, index),
	                variable->value, "must be Y: SQL Server does not start before its licence terms are accepted");
}

/* Other containers' variables are their own affair. */
void mssqlserver_check_environment(const struct rule_input *input, struct findings *findings) {
	const container_list *containers = &pods_of(input)->containers;
	for (size_t i = 0; i < containers->count; i++) {
		const struct container_template *container = &containers->items[i];
		if (container->name == NULL || strcmp(container->name, MSSQLSERVER_CONTAINER) != 0) continue;
		for (size_t j = 0; j < container->env.count; j++) {
			const char *name = container->env.items[j].name;
			if (name == NULL) continue;
			if (strcmp(name, "ACCEPT_EULA") == 0) check_eula(&container->env.items[j], i, j, findings);
			if (!is_in(reserved_variables, name, strlen(name))) continue;
			finding_invalid(findings,
			                at(findings, "spec.podTemplate.spec.containers[%zu].env[%zu].name", i, j), name,
			                "is set by agkeeper and cannot be given here");
		}
	}
}

void mssqlserver_check_volumes(const struct rule_input *input, struct findings *findings) {
	const struct pod_spec *pods = pods_of(input);
	for (size_t i = 0; i < pods->volumes.count; i++) {
		const char *name = pods->volumes.items[i].name;
		if (name == NULL || !is_in(reserved_volumes, name, strlen(name))) continue;
		finding_invalid(findings, at(findings, "spec.podTemplate.spec.volumes[%zu].name", i), name,
		                "is the name of a volume that agkeeper makes: choose another one");
	}
}

/* The path as the kernel reads it: no doubled slashes, "." or "..", none at the end. The caller frees it. */
static char *clean_path(const char *path) {
	struct strbuf clean = { 0 };
	for (const char *part = path; *part != '\0';) {
		size_t length = strcspn(part, "/");
		if (length == 2 && strncmp(part, "..", 2) == 0) {
			while (clean.length > 0 && clean.data[clean.length - 1] != '/') clean.length--;
			if (clean.length > 0) clean.length--;
			if (clean.data != NULL) clean.data[clean.length] = '\0';
		} else if (length > 0 && !(length == 1 && *part == '.')) {
			strbuf_append_char(&clean, '/');
			strbuf_append_n(&clean, part, length);
		}
		part += length;
		part += strspn(part, "/");
	}
	char *text = xstrdup(strbuf_text(&clean));
	strbuf_free(&clean);
	return text;
}

static void check_mounts(const container_list *containers, const char *path, struct findings *findings) {
	for (size_t i = 0; i < containers->count; i++) {
		const struct container_template *container = &containers->items[i];
		for (size_t j = 0; j < container->volume_mounts.count; j++) {
			const char *mount_path = container->volume_mounts.items[j].mount_path;
			if (mount_path == NULL) continue;
			cleanup_free char *clean = clean_path(mount_path);
			if (!is_in(reserved_paths, clean, strlen(clean))) continue;
			finding_invalid(findings, at(findings, "%s[%zu].volumeMounts[%zu].mountPath", path, i, j),
			                mount_path, "is a path that agkeeper mounts itself: choose another one");
		}
	}
}

void mssqlserver_check_mount_paths(const struct rule_input *input, struct findings *findings) {
	const struct pod_spec *pods = pods_of(input);
	check_mounts(&pods->containers, "spec.podTemplate.spec.containers", findings);
	check_mounts(&pods->init_containers, "spec.podTemplate.spec.initContainers", findings);
}

void mssqlserver_check_resources(const struct rule_input *input, struct findings *findings) {
	const struct pod_spec *pods = pods_of(input);
	for (size_t i = 0; i < pods->containers.count; i++) {
		check_resources(pods->containers.items[i].resources,
		                at(findings, "spec.podTemplate.spec.containers[%zu].resources", i), findings);
	}
	for (size_t i = 0; i < pods->init_containers.count; i++) {
		check_resources(pods->init_containers.items[i].resources,
		                at(findings, "spec.podTemplate.spec.initContainers[%zu].resources", i), findings);
	}
}

/* ---- Services ---- */

static void check_ports(const struct service_spec *service, const char *path, struct findings *findings) {
	bool has_node_ports = service->type != NULL && strcmp(service->type, "ClusterIP") != 0;
	for (size_t i = 0; i < service->ports.count; i++) {
		const struct service_port *port = &service->ports.items[i];
		const char *port_path = at(findings, "%s.ports[%zu]", path, i);
		if (service->ports.count > 1 && port->name == NULL) {
			finding_required(findings, at(findings, "%s.name", port_path),
			                 "several ports are told apart by their names");
		}
		if (port->node_port.value > 0 && !has_node_ports) {
			finding_forbidden(findings, at(findings, "%s.nodePort", port_path),
			                  "only a Service of type NodePort or LoadBalancer has node ports");
		}
		for (size_t j = 0; j < i; j++) {
			const struct service_port *other = &service->ports.items[j];
			if (port->port.set && other->port.set && port->port.value == other->port.value) {
				finding_duplicate(findings, at(findings, "%s.port", port_path),
				                  at(findings, "%lld", (long long)port->port.value));
				break;
			}
			if (port->name != NULL && other->name != NULL && strcmp(port->name, other->name) == 0) {
				finding_duplicate(findings, at(findings, "%s.name", port_path), port->name);
				break;
			}
		}
	}
}

void mssqlserver_check_service_ports(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = spec_of(input);
	for (size_t i = 0; i < spec->service_templates.count; i++) {
		const struct service_spec *service = spec->service_templates.items[i].spec;
		if (service != NULL) check_ports(service, at(findings, "spec.serviceTemplates[%zu].spec", i), findings);
	}
}

/* ---- configuration ---- */

void mssqlserver_check_configuration(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = spec_of(input);
	if (spec->config_secret == NULL || spec->configuration == NULL || spec->configuration->secret_name == NULL)
		return;
	finding_forbidden(findings, "spec.configSecret",
	                  "spec.configuration.secretName names a Secret for mssql.conf already: remove one of the two");
}

/* What is kept but does nothing must not look as if it did. */
void mssqlserver_warn_unused(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = mssqlserver_view_of(input->kind, input->object);
	const struct mssqlserver_spec *spec = view.spec;
	if (spec->archiver != NULL) warn(findings, "spec.archiver: agkeeper takes no backups: this has no effect");
	if (spec->arbiter != NULL) warn(findings, "spec.arbiter: agkeeper needs no arbiter: this has no effect");
	if (spec->internal_auth != NULL) {
		warn(findings,
		     "spec.internalAuth: agkeeper signs the endpoints' certificates itself: this has no effect");
	}
	if (spec->init != NULL && (spec->init->script != NULL || spec->init->archiver != NULL)) {
		warn(findings, "spec.init: agkeeper runs no scripts and restores no backups: this has no effect");
	}
	if (!mssqlserver_is_standalone(&view)) return;
	if (spec->standby_mode != NULL || spec->streaming_mode != NULL || spec->leader_election != NULL ||
	    spec->databases.count != 0 || spec->topology != NULL) {
		warn(findings,
		     "spec.mode: a standalone database has no standbys: standbyMode, streamingMode, databases, "
		     "leaderElection and topology have no effect");
	}
}
