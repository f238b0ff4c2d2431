#include "api/embedded.h"

#include <string.h>
#include <strings.h>

#include "api/formats.h"
#include "base/json.h"
#include "base/memory.h"

/* ---- core/v1 ---- */

static const struct field local_reference_fields[] = {
	{ MEMBER(struct local_reference, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_subdomain, AT_MOST(253), .doc = "Name of the object in the same namespace." },
	{ 0 },
};
const struct schema local_reference_schema = { .size = sizeof(struct local_reference),
	                                       .fields = local_reference_fields };

static const struct field secret_key_reference_fields[] = {
	{ MEMBER(struct secret_key_reference, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .format = &format_dns_subdomain, AT_MOST(253), .doc = "Name of the Secret in the same namespace." },
	{ MEMBER(struct secret_key_reference, "key", key), .type = FIELD_STRING, .format = &format_config_key,
	  AT_MOST(253), .doc = "Key of the Secret to take." },
	{ MEMBER(struct secret_key_reference, "optional", optional), .type = FIELD_BOOL,
	  .doc = "Accepted as in other Kubernetes objects; a Secret that is missing is waited for." },
	{ 0 },
};
const struct schema secret_key_reference_schema = { .size = sizeof(struct secret_key_reference),
	                                            .fields = secret_key_reference_fields };

static const struct field resource_claim_fields[] = {
	{ MEMBER(struct resource_claim, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .doc = "Name of one of the pod's resourceClaims." },
	{ MEMBER(struct resource_claim, "request", request), .type = FIELD_STRING,
	  .doc = "Name of a request within the claim; without it everything the claim has is available." },
	{ 0 },
};
static const struct schema resource_claim_schema = { .size = sizeof(struct resource_claim),
	                                             .fields = resource_claim_fields };

static const struct field quantity_item = { .type = FIELD_QUANTITY };

static const struct field resources_fields[] = {
	{ MEMBER(struct resources, "requests", requests), .type = FIELD_MAP, .item = &quantity_item,
	  .format = &format_qualified_name,
	  .doc = "What is set aside on the node, by resource: cpu, memory, hugepages-2Mi … It may not exceed the "
	         "limit." },
	{ MEMBER(struct resources, "limits", limits), .type = FIELD_MAP, .item = &quantity_item,
	  .format = &format_qualified_name,
	  .doc = "The most that may be used, by resource. SQL Server takes up to 80 % of the memory limit for "
	         "itself." },
	{ MEMBER(struct resources, "claims", claims), .type = FIELD_LIST, .list_key = "name",
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &resource_claim_schema),
	  .doc = "Resources of the pod's resourceClaims that are used (dynamic resource allocation)." },
	{ 0 },
};
const struct schema resources_schema = { .size = sizeof(struct resources), .fields = resources_fields };

static const struct field toleration_fields[] = {
	{ MEMBER(struct toleration, "key", key), .type = FIELD_STRING,
	  .doc = "The taint's key; empty, with operator Exists, tolerates every taint." },
	{ MEMBER(struct toleration, "operator", operator), .type = FIELD_STRING,
	  .doc = "How value is compared: Equal (the default) or Exists; newer clusters know Lt and Gt." },
	{ MEMBER(struct toleration, "value", value), .type = FIELD_STRING, .doc = "The taint's value." },
	{ MEMBER(struct toleration, "effect", effect), .type = FIELD_STRING,
	  .doc = "NoSchedule, PreferNoSchedule or NoExecute; empty tolerates all of them." },
	{ MEMBER(struct toleration, "tolerationSeconds", toleration_seconds), .type = FIELD_INT,
	  .doc = "How long a NoExecute taint is tolerated. Unset is forever." },
	{ 0 },
};
const struct schema toleration_schema = { .size = sizeof(struct toleration), .fields = toleration_fields };

static const struct field env_var_fields[] = {
	{ MEMBER(struct env_var, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_LEAST(1),
	  .doc = "Name of the environment variable." },
	{ MEMBER(struct env_var, "value", value), .type = FIELD_STRING, .doc = "Its value." },
	{ MEMBER(struct env_var, "valueFrom", value_from), .type = FIELD_JSON,
	  .doc = "Where its value comes from: a key of a Secret or ConfigMap, a field of the pod." },
	{ 0 },
};
const struct schema env_var_schema = { .size = sizeof(struct env_var), .fields = env_var_fields };

static const struct field volume_claim_spec_fields[] = {
	{ MEMBER(struct volume_claim_spec, "storageClassName", storage_class_name), .type = FIELD_STRING,
	  .doc = "StorageClass of the volumes; the cluster's default class when unset." },
	{ MEMBER(struct volume_claim_spec, "accessModes", access_modes), .type = FIELD_LIST, .flags = FIELD_ATOMIC,
	  ACCESS_MODES_ITEM, .doc = "How the volumes are mounted; one pod writes each of them." },
	{ MEMBER(struct volume_claim_spec, "resources", resources), .type = FIELD_OBJECT, .flags = FIELD_PRESERVE,
	  .schema = &resources_schema, .doc = "The size of each volume: requests.storage." },
	{ MEMBER(struct volume_claim_spec, "selector", selector), .type = FIELD_JSON,
	  .doc = "Label selector of the volumes to bind to; passed on." },
	{ MEMBER(struct volume_claim_spec, "volumeMode", volume_mode), .type = FIELD_STRING, ONE_OF("Filesystem"),
	  .doc = "Filesystem is what SQL Server needs." },
	{ 0 },
};
const struct schema volume_claim_spec_schema = { .size = sizeof(struct volume_claim_spec),
	                                         .fields = volume_claim_spec_fields };

/* ---- meta/v1 ---- */

static const struct field condition_fields[] = {
	{ MEMBER(struct condition, "type", type), .type = FIELD_STRING, .flags = FIELD_REQUIRED, BOUNDS(1, 316),
	  .doc = "What the condition is about, such as Ready." },
	{ MEMBER(struct condition, "status", status), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF("True", "False", "Unknown"), .doc = "Whether it holds." },
	{ MEMBER(struct condition, "observedGeneration", observed_generation), .type = FIELD_INT, AT_LEAST(0),
	  .doc = "The metadata.generation that this was found for." },
	{ MEMBER(struct condition, "lastTransitionTime", last_transition_time), .type = FIELD_TIME,
	  .flags = FIELD_REQUIRED, .doc = "When the status last changed." },
	{ MEMBER(struct condition, "reason", reason), .type = FIELD_STRING, .flags = FIELD_REQUIRED, BOUNDS(1, 1024),
	  .doc = "Why, in one CamelCase word, for programs." },
	{ MEMBER(struct condition, "message", message), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_MOST(32768),
	  .doc = "Why, for people." },
	{ 0 },
};
const struct schema condition_schema = { .size = sizeof(struct condition), .fields = condition_fields };

/* ---- Rules that kinds share ---- */

const struct map_entry *map_find(const struct map *map, const char *key) {
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->items[i].key, key) == 0 && map->items[i].text != NULL) return &map->items[i];
	}
	return NULL;
}

const struct map_entry *volume_claim_size(const struct volume_claim_spec *claim) {
	if (claim == NULL || claim->resources == NULL) return NULL;
	return map_find(&claim->resources->requests, "storage");
}

static void check_not_negative(const struct map *map, const char *path, struct findings *findings) {
	const struct quantity zero = { 0 };
	for (size_t i = 0; i < map->count; i++) {
		const struct map_entry *entry = &map->items[i];
		if (entry->text == NULL || quantity_compare(entry->value, zero) >= 0) continue;
		finding_invalid(findings, at(findings, "%s[%s]", path, entry->key), entry->text,
		                "must be greater than or equal to 0");
	}
}

void check_resources(const struct resources *resources, const char *path, struct findings *findings) {
	if (resources == NULL) return;
	check_not_negative(&resources->requests, at(findings, "%s.requests", path), findings);
	check_not_negative(&resources->limits, at(findings, "%s.limits", path), findings);
	for (size_t i = 0; i < resources->requests.count; i++) {
		const struct map_entry *request = &resources->requests.items[i];
		const struct map_entry *limit = map_find(&resources->limits, request->key);
		if (request->text == NULL || limit == NULL) continue;
		if (quantity_compare(request->value, limit->value) <= 0) continue;
		finding_invalid(findings, at(findings, "%s.requests[%s]", path, request->key), request->text,
		                "must be less than or equal to the %s limit of %s", request->key, limit->text);
	}
}

/* SQL Server refuses to start below this (sqlservr: "requires a machine with at least 2000 megabytes of memory"). */
static const struct quantity sql_server_memory = { (__int128)2000 * 1000 * 1000 * 1000000000 };

void warn_no_memory_limit(const struct resources *resources, const char *path, struct findings *findings) {
	const struct map_entry *limit = resources != NULL ? map_find(&resources->limits, "memory") : NULL;
	if (limit == NULL) {
		warn(findings,
		     "%s.limits[memory]: no memory limit: SQL Server may take most of a node's memory from its "
		     "neighbours",
		     path);
	} else if (quantity_compare(limit->value, sql_server_memory) < 0) {
		warn(findings,
		     "%s.limits[memory]: SQL Server does not start with less than 2000M of memory, this is %s", path,
		     limit->text);
	}
}

void warn_floating_image(const char *image, const char *path, struct findings *findings) {
	if (image == NULL || strchr(image, '@') != NULL || !format_image.matches(image)) return;
	const char *slash = strrchr(image, '/');
	const char *tag = strchr(slash != NULL ? slash : image, ':');
	size_t length = strlen(image);
	bool is_floating = tag == NULL || strcmp(tag, ":latest") == 0 ||
	                   (length > 7 && strcmp(image + length - 7, "-latest") == 0);
	if (!is_floating) return;
	warn(findings, "%s: \"%.100s\" is not one fixed image: replicas that restart later may run another version",
	     path, image);
}

static bool is_reserved(const char *const *reserved, const char *name) {
	for (; reserved != NULL && *reserved != NULL; reserved++) {
		if (strcasecmp(*reserved, name) == 0) return true;
	}
	return false;
}

void check_database_names(const string_list *databases, const char *path, const char *const *reserved,
                          struct findings *findings) {
	for (size_t i = 0; i < databases->count; i++) {
		const char *name = databases->items[i];
		if (name == NULL) continue;
		const char *element = at(findings, "%s[%zu]", path, i);
		if (!format_sql_database.matches(name)) continue; /* the table has said so */
		if (sql_is_system_database(name)) {
			finding_invalid(findings, element, name,
			                "is a database of SQL Server itself: name one of your own");
		} else if (is_reserved(reserved, name)) {
			finding_invalid(findings, element, name, "is reserved for agkeeper: name another one");
		}
		/* Exact duplicates as well: the field needs no FIELD_UNIQUE beside this rule. */
		for (size_t j = 0; j < i; j++) {
			if (databases->items[j] == NULL || strcasecmp(name, databases->items[j]) != 0) continue;
			finding_duplicate(findings, element, name);
			break;
		}
	}
}
