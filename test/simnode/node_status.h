/* What a simulated node says about itself. Pure. */
#ifndef SIMNODE_NODE_STATUS_H
#define SIMNODE_NODE_STATUS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

/* A Node object to register. `version` is the kubelet's: it must not be newer than the API server's. */
struct json_object *node_object(const char *name, const char *address, const char *version);

/* The status of a node that is well, which keeps the transition times of `before` (may be NULL). */
struct json_object *node_status(const struct json_object *before, const char *name, const char *address,
                                const char *version, int64_t now);

/* Whether `status` says that the node is ready. */
bool node_status_is_ready(const struct json_object *status);

#endif
