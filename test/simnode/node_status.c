#include "simnode/node_status.h"

#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"

/* More than most machines have: the simulation shall not be what pods do not fit into. */
static const struct {
	const char *resource;
	const char *amount;
} capacity[] = {
	{ "cpu", "32" },
	{ "memory", "128Gi" },
	{ "ephemeral-storage", "500Gi" },
	{ "pods", "110" },
};

static const struct {
	const char *type;
	const char *status;
	const char *reason;
	const char *message;
} conditions[] = {
	{ "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available" },
	{ "DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure" },
	{ "PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available" },
	{ "Ready", "True", "KubeletReady", "kubelet is posting ready status" },
};

static const char *architecture(void) {
	struct utsname machine;
	static const char *const arm = "arm64";
	static const char *const intel = "amd64";
	return uname(&machine) == 0 && strcmp(machine.machine, "aarch64") == 0 ? arm : intel;
}

static const struct json_object *find(const struct json_object *list, const char *type) {
	size_t length = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	for (size_t i = 0; i < length; i++) {
		const struct json_object *condition = json_object_array_get_idx(list, i);
		const char *its_type = json_get_text(condition, "type");
		if (its_type != NULL && strcmp(its_type, type) == 0) return condition;
	}
	return NULL;
}

static struct json_object *condition_list(const struct json_object *before, int64_t now) {
	struct json_object *list = json_object_new_array();
	char time[CLOCK_RFC3339_SIZE];
	clock_format_rfc3339(now, time);
	for (size_t i = 0; i < ARRAY_LENGTH(conditions); i++) {
		const struct json_object *old = find(json_get(before, "conditions"), conditions[i].type);
		const char *old_status = json_get_text(old, "status");
		const char *since = json_get_text(old, "lastTransitionTime");
		bool same = since != NULL && old_status != NULL && strcmp(old_status, conditions[i].status) == 0;
		struct json_object *condition = json_object_new_object();
		json_set_text(condition, "type", conditions[i].type);
		json_set_text(condition, "status", conditions[i].status);
		json_set_text(condition, "lastHeartbeatTime", time);
		json_set_text(condition, "lastTransitionTime", same ? since : time);
		json_set_text(condition, "reason", conditions[i].reason);
		json_set_text(condition, "message", conditions[i].message);
		json_object_array_add(list, condition);
	}
	size_t length = before != NULL && json_get(before, "conditions") != NULL
	                        ? json_object_array_length(json_get(before, "conditions"))
	                        : 0;
	for (size_t i = 0; i < length; i++) {
		const struct json_object *other = json_object_array_get_idx(json_get(before, "conditions"), i);
		const char *type = json_get_text(other, "type");
		if (type != NULL && find(list, type) == NULL) json_object_array_add(list, json_copy(other));
	}
	return list;
}

static struct json_object *amounts(void) {
	struct json_object *object = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(capacity); i++)
		json_set_text(object, capacity[i].resource, capacity[i].amount);
	return object;
}

static struct json_object *address_json(const char *type, const char *address) {
	struct json_object *object = json_object_new_object();
	json_set_text(object, "type", type);
	json_set_text(object, "address", address);
	return object;
}

static struct json_object *node_info(const char *name, const char *version) {
	const struct {
		const char *key;
		const char *value;
	} members[] = {
		{ "machineID", name },
		{ "systemUUID", name },
		{ "bootID", name },
		{ "kernelVersion", "simulated" },
		{ "osImage", "simnode" },
		{ "containerRuntimeVersion", "simnode://" AGKEEPER_VERSION },
		{ "kubeletVersion", version },
		{ "kubeProxyVersion", version },
		{ "operatingSystem", "linux" },
		{ "architecture", architecture() },
	};
	struct json_object *info = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++) json_set_text(info, members[i].key, members[i].value);
	return info;
}

struct json_object *node_status(const struct json_object *before, const char *name, const char *address,
                                const char *version, int64_t now) {
	struct json_object *status = json_object_new_object();
	struct json_object *addresses = json_object_new_array();
	json_object_array_add(addresses, address_json("InternalIP", address));
	json_object_array_add(addresses, address_json("Hostname", name));
	json_set(status, "addresses", addresses);
	json_set(status, "capacity", amounts());
	json_set(status, "allocatable", amounts());
	json_set(status, "nodeInfo", node_info(name, version));
	json_set(status, "conditions", condition_list(before, now));
	return status;
}

struct json_object *node_object(const char *name, const char *address, const char *version) {
	struct json_object *node = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *labels = json_object_new_object();
	json_set_text(labels, "kubernetes.io/hostname", name);
	json_set_text(labels, "kubernetes.io/os", "linux");
	json_set_text(labels, "kubernetes.io/arch", architecture());
	json_set_text(metadata, "name", name);
	json_set(metadata, "labels", labels);
	json_set(node, "metadata", metadata);
	json_set(node, "status", node_status(NULL, name, address, version, clock_wall_seconds()));
	return node;
}

bool node_status_is_ready(const struct json_object *status) {
	const char *ready = json_get_text(find(json_get(status, "conditions"), "Ready"), "status");
	return ready != NULL && strcmp(ready, "True") == 0;
}
