/* What a SQLServerAvailabilityGroup asks for. */
#include "base/json.h"
#include "controller/resources/blueprint.h"
#include "controller/resources/conf.h"
#include "controller/resources/merge.h"

static const struct flavour flavour = {
	.name = "sqlserveravailabilitygroups.sql.mssql.microsoft.com",
	.managed_by = "agkeeper",
	.role_label = "sql.mssql.microsoft.com/ag-role",
};

static void plan_env(struct blueprint *blueprint) {
	const struct json_object *spec = blueprint->spec;
	const struct json_object *reference = json_get(spec, "saPasswordSecretRef");
	const char *secret = json_get_text(reference, "name");
	const char *key = json_get_text(reference, "key");
	blueprint->default_env = json_object_new_array();
	blueprint->forced_env = json_object_new_array();
	json_object_array_add(blueprint->forced_env, env_text("ACCEPT_EULA", json_get_text(spec, "acceptEula")));
	json_object_array_add(blueprint->forced_env, env_text("MSSQL_PID", json_get_text(spec, "edition")));
	json_object_array_add(blueprint->forced_env,
	                      env_from_secret("MSSQL_SA_PASSWORD",
	                                      secret != NULL ? secret : name_with(blueprint, "-sa"),
	                                      key != NULL ? key : "SA_PASSWORD"));
}

/* Scheduling has fields of its own beside podTemplate; they go before it. */
static void plan_scheduling(struct blueprint *blueprint) {
	static const char *const members[] = { "nodeSelector", "tolerations", "affinity" };
	blueprint->forced_pod = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) {
		const struct json_object *value = json_get(blueprint->spec, members[i]);
		if (value != NULL) json_set(blueprint->forced_pod, members[i], json_copy(value));
	}
}

static void plan_claim(struct blueprint *blueprint) {
	const struct json_object *storage = json_get(blueprint->spec, "storage");
	struct json_object *claim = json_object_new_object();
	json_set(claim, "accessModes", json_copy(json_get(storage, "accessModes")));
	struct json_object *requests = merge_object(merge_object(claim, "resources"), "requests");
	json_set(requests, "storage", json_copy(json_get(storage, "dataVolumeSize")));
	const char *class_name = json_get_text(storage, "storageClassName");
	if (class_name != NULL) json_set_text(claim, "storageClassName", class_name);
	blueprint->claim = blueprint->made_claim = claim;
}

static void plan_listener(struct blueprint *blueprint, const char *field, const char *role) {
	const struct json_object *listener = json_get(blueprint->spec, field);
	if (listener == NULL) return;
	struct json_object *service =
	        service_new(blueprint, json_get_text(listener, "name"), select_role(blueprint, role),
	                    json_get_integer(listener, "port", SQL_SERVER_PORT));
	json_set_text(json_get(service, "spec"), "type", json_get_text(listener, "serviceType"));
	const struct json_object *annotations = json_get(listener, "annotations");
	if (annotations != NULL) json_set(json_get(service, "metadata"), "annotations", json_copy(annotations));
	json_object_array_add(blueprint->services, service);
}

int sqlag_plan(struct blueprint *blueprint, struct error **err) {
	const struct json_object *spec = blueprint->spec;
	const struct json_object *replicas = json_get(spec, "replicas");
	if (!json_object_is_type(replicas, json_type_array))
		return error_set(err, ERROR_INVALID, "spec.replicas: required");
	blueprint->flavour = &flavour;
	blueprint->replicas = blueprint->members = (int64_t)json_object_array_length(replicas);
	blueprint->endpoint_port = json_get_integer(spec, "endpointPort", 0);
	blueprint->image = json_get_text(spec, "image");
	blueprint->resources = json_get(spec, "resources");
	plan_env(blueprint);
	plan_scheduling(blueprint);
	plan_claim(blueprint);
	const struct json_object *settings = json_get(spec, "mssqlConf");
	if (settings != NULL) {
		json_object_object_foreach((struct json_object *)settings, key, value) {
			conf_set_dotted(blueprint->conf, key, json_object_get_string(value));
		}
	}
	conf_set(blueprint->conf, "hadr", "hadrenabled", "1");
	plan_listener(blueprint, "listener", "primary");
	plan_listener(blueprint, "readOnlyListener", "readable-secondary");
	return 0;
}
