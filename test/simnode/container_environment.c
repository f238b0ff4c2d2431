#include "simnode/container_environment.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "simnode/addresses.h"
#include "simnode/network.h"

struct building {
	struct environment *environment;
	const struct cluster *cluster;
	const struct json_object *pod;
	const struct pod_place *place;
	const struct json_object *container;
	const struct mounts *mounts;
};

static size_t length_of(const struct json_object *array) {
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* Processes share this machine; a few variables of ours are theirs as well: where programs are, the mark by which the
 * test cluster finds its processes, what sanitizers and coverage are told, and the timings of simulated servers. */
static void inherit(struct environment *environment) {
	static const char *const names[] = {
		"PATH",         "LD_LIBRARY_PATH", "AGKEEPER_CLUSTER_PROCESS", "ASAN_OPTIONS",      "UBSAN_OPTIONS",
		"TSAN_OPTIONS", "LSAN_OPTIONS",    "LLVM_PROFILE_FILE",        "SIMSQL_TIME_SCALE", "SIMSQL_SETTINGS",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		const char *value = getenv(names[i]);
		if (value != NULL) environment_set(environment, names[i], value);
	}
}

static void set_owned(struct building *building, const char *name, char *value) {
	if (value != NULL) environment_set(building->environment, name, value);
	free(value);
}

/* The numbers of the container's ports, with a space behind each. */
static char *ports_of(const struct json_object *container) {
	const struct json_object *ports = json_get(container, "ports");
	struct strbuf text = { 0 };
	for (size_t i = 0; i < length_of(ports); i++) {
		int64_t port = json_get_integer(json_object_array_get_idx(ports, i), "containerPort", 0);
		strbuf_printf(&text, "%d ", (int)port);
	}
	return strbuf_detach(&text);
}

/* What a container sees by itself has to be told to a process that stands for one: its network (its own address, what
 * "localhost" is, names, faults), its ports, the place and the volume of SQL Server's files. */
static void add_surroundings(struct building *building) {
	const char *address = building->place->pod_ip;
	const char *network = building->cluster->network_folder;
	const char *namespace = json_get_text(json_get(building->pod, "metadata"), "namespace");
	if (address == NULL || network == NULL) return;
	set_owned(building, "SIMNODE_ADDRESS", xstrdup(address));
	set_owned(building, "SIMNODE_LOCALHOST", address_localhost(address));
	set_owned(building, "SIMNODE_PORTS", ports_of(building->container));
	set_owned(building, "SIMSQL_ADDRESS", xstrdup(address));
	set_owned(building, "SIMSQL_LOCALHOST", address_localhost(address));
	set_owned(building, "SIMSQL_HOSTS", network_hosts_file(network, namespace));
	set_owned(building, "SIMSQL_FAULTS", network_faults_file(network));
	cleanup_free char *data = mounts_locate(building->mounts, "/var/opt/mssql");
	if (data == NULL) return;
	environment_set(building->environment, "SIMSQL_DATA", data);
	set_owned(building, "SIMSQL_VOLUME", xasprintf("%s/../volume", data)); /* simnode/disk.h */
}

static void add_basics(struct building *building) {
	const char *hostname = json_get_text(json_get(building->pod, "metadata"), "name");
	inherit(building->environment);
	environment_set(building->environment, "HOSTNAME", hostname);
	environment_set(building->environment, "HOME", "/");
	environment_set(building->environment, "KUBERNETES_SERVICE_HOST", building->cluster->api_host);
	environment_set(building->environment, "KUBERNETES_SERVICE_PORT", building->cluster->api_port);
	environment_set(building->environment, "KUBERNETES_SERVICE_PORT_HTTPS", building->cluster->api_port);
	cleanup_free char *service_account = mounts_locate(building->mounts, SERVICE_ACCOUNT_PATH);
	if (service_account != NULL) environment_set(building->environment, SERVICE_ACCOUNT_VARIABLE, service_account);
	add_surroundings(building);
}

static const struct kube_object *find(struct building *building, const struct kube_resource *resource,
                                      const char *name) {
	const char *namespace = json_get_text(json_get(building->pod, "metadata"), "namespace");
	if (name == NULL || namespace == NULL) return NULL;
	return building->cluster->find(building->cluster->context, resource, namespace, name);
}

/* The value of one key, decoded; NULL when there is none. */
static char *value_of(const struct kube_resource *resource, const struct json_object *object, const char *key) {
	const char *text = json_get_text(json_get(object, "data"), key);
	if (text == NULL || resource != &kube_secrets) return text != NULL ? xstrdup(text) : NULL;
	unsigned char *bytes;
	size_t length;
	if (!base64_decode(text, strlen(text), &bytes, &length)) return NULL;
	return (char *)bytes; /* with a NUL behind it */
}

/* The two kinds of objects that variables are taken from, and how env and envFrom name them. */
static const struct {
	const char *key_field;
	const char *all_field;
	const struct kube_resource *resource;
} object_kinds[] = {
	{ "configMapKeyRef", "configMapRef", &kube_configmaps },
	{ "secretKeyRef", "secretRef", &kube_secrets },
};

static int add_all(struct building *building, const struct kube_resource *resource, const struct json_object *source,
                   const char *prefix, struct error **err) {
	const char *name = json_get_text(source, "name");
	cleanup_kube_object const struct kube_object *object = find(building, resource, name);
	if (object == NULL) {
		if (json_get_flag(source, "optional", false)) return 0;
		return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found", resource->plural, name);
	}
	const struct json_object *data = json_get(object->json, "data");
	if (!json_object_is_type(data, json_type_object)) return 0;
	json_object_object_foreach((struct json_object *)data, key, unused) {
		(void)unused;
		cleanup_free char *value = value_of(resource, object->json, key);
		cleanup_free char *variable = xasprintf("%s%s", prefix, key);
		if (value != NULL) environment_set(building->environment, variable, value);
	}
	return 0;
}

static int add_env_from(struct building *building, const struct json_object *entry, struct error **err) {
	const char *prefix = json_get_text(entry, "prefix");
	for (size_t i = 0; i < ARRAY_LENGTH(object_kinds); i++) {
		const struct json_object *source = json_get(entry, object_kinds[i].all_field);
		if (source == NULL) continue;
		return add_all(building, object_kinds[i].resource, source, prefix != NULL ? prefix : "", err);
	}
	return 0;
}

/* The value that valueFrom names. *value stays NULL for an optional one that is missing. */
static int refer(struct building *building, const struct json_object *from, char **value, struct error **err) {
	const char *field = json_get_text(json_get(from, "fieldRef"), "fieldPath");
	const struct json_object *resource_field = json_get(from, "resourceFieldRef");
	if (field != NULL) *value = downward_field(building->pod, building->place, field);
	else if (resource_field != NULL) *value = downward_resource(building->container, resource_field);
	if (field != NULL || resource_field != NULL) {
		if (*value != NULL) return 0;
		return error_set(err, ERROR_INVALID, "\"%s\" is not supported",
		                 field != NULL ? field : json_get_text(resource_field, "resource"));
	}
	for (size_t i = 0; i < ARRAY_LENGTH(object_kinds); i++) {
		const struct kube_resource *resource = object_kinds[i].resource;
		const struct json_object *source = json_get(from, object_kinds[i].key_field);
		if (source == NULL) continue;
		const char *name = json_get_text(source, "name");
		const char *key = json_get_text(source, "key");
		cleanup_kube_object const struct kube_object *object = find(building, resource, name);
		if (object != NULL && key != NULL) *value = value_of(resource, object->json, key);
		if (*value != NULL || json_get_flag(source, "optional", false)) return 0;
		if (object == NULL)
			return error_set(err, ERROR_NOT_FOUND, "%s \"%s\" not found", resource->plural, name);
		return error_set(err, ERROR_NOT_FOUND, "couldn't find key %s in %s \"%s\"", key, resource->plural,
		                 name);
	}
	return error_set(err, ERROR_INVALID, "its valueFrom is of a kind that is not simulated");
}

static int add_variable(struct building *building, const struct json_object *entry, struct error **err) {
	const char *name = json_get_text(entry, "name");
	const struct json_object *from = json_get(entry, "valueFrom");
	if (name == NULL) return 0;
	cleanup_free char *value = NULL;
	if (from != NULL) {
		if (refer(building, from, &value, err) < 0) return error_prefix(err, "variable %s", name);
	} else {
		const char *literal = json_get_text(entry, "value");
		cleanup_free char *rewritten = mounts_rewrite(building->mounts, literal != NULL ? literal : "");
		value = environment_expand(building->environment, rewritten);
	}
	if (value != NULL) environment_set(building->environment, name, value);
	return 0;
}

int container_environment(struct environment *environment, const struct cluster *cluster, const struct json_object *pod,
                          const struct pod_place *place, const struct json_object *container,
                          const struct mounts *mounts, struct error **err) {
	struct building building = { environment, cluster, pod, place, container, mounts };
	add_basics(&building);
	const struct json_object *env_from = json_get(container, "envFrom");
	for (size_t i = 0; i < length_of(env_from); i++) {
		if (add_env_from(&building, json_object_array_get_idx(env_from, i), err) < 0) return -1;
	}
	const struct json_object *env = json_get(container, "env");
	for (size_t i = 0; i < length_of(env); i++) {
		if (add_variable(&building, json_object_array_get_idx(env, i), err) < 0) return -1;
	}
	return 0;
}
