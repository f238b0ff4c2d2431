/* What the watch caches keep of each object: what somebody reads, and no more. A process follows thousands of them. */
#ifndef AGKEEPER_CONTROLLER_ENGINE_TRANSFORM_H
#define AGKEEPER_CONTROLLER_ENGINE_TRANSFORM_H

#include <json-c/json.h>
#include <stdint.h>

/* struct kube_cache_options.transform; the context is not used. */
void transform_pod(void *context, struct json_object *pod);
void transform_node(void *context, struct json_object *node);
void transform_claim(void *context, struct json_object *claim);
/* A child that we apply: of its content only a digest remains (and what a StatefulSet says of its revision). */
void transform_child(void *context, struct json_object *child);

/* The digest in an object that went through transform_child; 0: it did not. */
uint64_t child_digest(const struct json_object *child);

/* A quantity: the size of the volumes that a StatefulSet makes, of an object that went through it; NULL: it makes none.
 */
const struct json_object *child_volume_size(const struct json_object *child);

/* A digest of what an object says, whoever reads it from whatever answer: without status and what the API server counts
 * in metadata. Never 0. */
uint64_t object_digest(const struct json_object *object);
uint64_t text_digest(const char *text);
/* A digest of everything. */
uint64_t json_digest(const struct json_object *json);

#endif
