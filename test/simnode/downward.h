/* The downward API: what a pod may be told about itself. */
#ifndef SIMNODE_DOWNWARD_H
#define SIMNODE_DOWNWARD_H

#include <json-c/json.h>

/* Where a pod runs. Borrowed. */
struct pod_place {
	const char *node;
	const char *host_ip;
	const char *pod_ip;
};

/* The value of a fieldRef's fieldPath ("metadata.name", "metadata.labels['app']", "status.podIP" …); NULL for a path
 * that is not supported. A label that is not there is "". The caller frees it. */
char *downward_field(const struct json_object *pod, const struct pod_place *place, const char *field_path);

/* The value of a resourceFieldRef ({"resource": "limits.memory", "divisor": "1Mi"}) for a container: in units of the
 * divisor, rounded up; "0" where nothing is set. NULL when it cannot be read. The caller frees it. */
char *downward_resource(const struct json_object *container, const struct json_object *reference);

#endif
