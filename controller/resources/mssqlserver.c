/* What an MSSQLServer (v1alpha2) asks for. Names and labels are those of KubeDB, so that what its users have built on
 * them goes on working. */
#include <string.h>

#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/conf.h"
#include "controller/resources/merge.h"

static const struct flavour flavour = {
	.name = "mssqlservers.kubedb.com",
	.managed_by = "kubedb.com",
	.role_label = "kubedb.com/role",
};

enum { MSSQLSERVER_ENDPOINT_PORT = 5022 };

static bool is(const char *text, const char *wanted) {
	return text != NULL && strcmp(text, wanted) == 0;
}

static void plan_env(struct blueprint *blueprint) {
	const char *secret = json_get_text(json_get(blueprint->spec, "authSecret"), "name");
	if (secret == NULL) secret = name_with(blueprint, "-auth");
	blueprint->auth_secret = secret;
	blueprint->default_env = json_object_new_array();
	json_object_array_add(blueprint->default_env, env_text("ACCEPT_EULA", "Y"));
	json_object_array_add(blueprint->default_env, env_text("MSSQL_PID", "Developer"));
	blueprint->forced_env = json_object_new_array();
	json_object_array_add(blueprint->forced_env, env_from_secret("MSSQL_SA_USERNAME", secret, "username"));
	json_object_array_add(blueprint->forced_env, env_from_secret("MSSQL_SA_PASSWORD", secret, "password"));
}

static void plan_tls(struct blueprint *blueprint) {
	const struct json_object *tls = json_get(blueprint->spec, "tls");
	if (tls == NULL) return;
	const struct json_object *server = list_find(json_get(tls, "certificates"), "alias", "server");
	blueprint->tls_secret = json_get_text(server, "secretName");
	if (blueprint->tls_secret == NULL) blueprint->tls_secret = name_with(blueprint, "-server-cert");
	conf_set(blueprint->conf, "network", "tlscert", "/var/opt/mssql/tls/tls.crt");
	conf_set(blueprint->conf, "network", "tlskey", "/var/opt/mssql/tls/tls.key");
	conf_set(blueprint->conf, "network", "tlsprotocols", "1.2");
	conf_set(blueprint->conf, "network", "forceencryption", json_get_flag(tls, "clientTLS", false) ? "1" : "0");
}

/* From the weakest word to the strongest: our defaults, the user's Secret, the user's text, what the group depends on.
 */
static void plan_conf(struct blueprint *blueprint) {
	const char *from_secret = blueprint->surroundings->configuration;
	const struct json_object *written = json_get_path(blueprint->spec, "configuration", "inline", NULL);
	conf_set(blueprint->conf, "sqlagent", "enabled", "true");
	if (from_secret != NULL) conf_read(blueprint->conf, from_secret);
	if (json_get_text(written, "mssql.conf") != NULL)
		conf_read(blueprint->conf, json_get_text(written, "mssql.conf"));
	blueprint->conf_is_secret = from_secret != NULL;
	if (blueprint->endpoint_port != 0) conf_set(blueprint->conf, "hadr", "hadrenabled", "1");
	conf_set(blueprint->conf, "network", "tcpport", "1433");
	plan_tls(blueprint);
}

static void plan_service(struct blueprint *blueprint, const char *suffix, const char *role, const char *alias) {
	struct json_object *service =
	        service_new(blueprint, name_with(blueprint, suffix), select_role(blueprint, role), SQL_SERVER_PORT);
	service_apply_template(service, list_find(json_get(blueprint->spec, "serviceTemplates"), "alias", alias));
	json_object_array_add(blueprint->services, service);
}

const char *standby_suffix_of(const struct json_object *spec) {
	const struct json_object *topology = json_get(spec, "topology");
	if (topology == NULL) return NULL;
	return is(json_get_text(topology, "mode"), "StreamingReplication") ? "-replicas" : "-secondary";
}

int mssqlserver_plan(struct blueprint *blueprint, struct error **err) {
	const struct json_object *spec = blueprint->spec;
	const struct json_object *topology = json_get(spec, "topology");
	blueprint->flavour = &flavour;
	blueprint->image = blueprint->surroundings->image;
	if (blueprint->image == NULL) {
		const char *version = json_get_text(spec, "version");
		return error_set(err, ERROR_INVALID, "spec.version: the image of version \"%s\" is not known",
		                 version != NULL ? version : "");
	}
	blueprint->members = json_get_integer(spec, "replicas", 1);
	blueprint->replicas = json_get_flag(spec, "halted", false) ? 0 : blueprint->members;
	blueprint->endpoint_port = topology != NULL ? MSSQLSERVER_ENDPOINT_PORT : 0;
	if (!is(json_get_text(spec, "storageType"), "Ephemeral")) {
		blueprint->claim = json_get(spec, "storage");
		if (blueprint->claim == NULL) return error_set(err, ERROR_INVALID, "spec.storage: required");
	}
	plan_env(blueprint);
	plan_conf(blueprint);
	plan_service(blueprint, "", "primary", "primary");
	const char *standby = standby_suffix_of(spec);
	if (standby == NULL) return 0;
	bool is_streaming = is(json_get_text(topology, "mode"), "StreamingReplication");
	plan_service(blueprint, standby, is_streaming ? NULL : "standby", "secondary");
	return 0;
}
