/* JSON: json-c with the strictness that outside input needs, and the few helpers the project shares. */
#ifndef AGKEEPER_BASE_JSON_H
#define AGKEEPER_BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/strbuf.h"

/* Kubernetes' own limit is far above what any of our objects needs; deeper input is an attack or a mistake. */
enum { JSON_MAX_DEPTH = 64 };

/* What the tree of one text may take in memory, about: "[{},{},…]" takes 250 times its own length. Manifests and
 * reviews take 10 to 30 times theirs, so that a batch of two megabytes still fits. */
enum { JSON_MAX_MEMORY = 64 * 1024 * 1024 };

/* Parses exactly one JSON text of `length` bytes (RFC 8259; white space around it is fine). ERROR_INVALID for anything
 * else: bytes that are not UTF-8 or NUL, an object with the same key twice, nesting beyond JSON_MAX_DEPTH, more values
 * than fit into JSON_MAX_MEMORY, numbers that neither 64 bits nor a double can hold, something behind the end. The
 * caller owns the result (json_object_put); a bare `null` gives NULL and success. */
int json_parse(const char *text, size_t length, struct json_object **json, struct error **err);

/* The member `key` of `object`, borrowed; NULL when object is no JSON object, or the member is missing or null. */
struct json_object *json_get(const struct json_object *object, const char *key);
/* Follows keys (NULL-terminated) down from `object`: json_get_path(pod, "metadata", "name", NULL). */
struct json_object *json_get_path(const struct json_object *object, ...) __attribute__((sentinel));
/* The string at `key`, borrowed; NULL when there is none or it is no string. */
const char *json_get_text(const struct json_object *object, const char *key);
/* The same for integers and booleans, with what to answer when there is none. */
int64_t json_get_integer(const struct json_object *object, const char *key, int64_t otherwise);
bool json_get_flag(const struct json_object *object, const char *key, bool otherwise);

/* Sets object[key] = value, taking over the reference to value. */
void json_set(struct json_object *object, const char *key, struct json_object *value);
void json_set_text(struct json_object *object, const char *key, const char *value);

/* An independent copy, down to the leaves. */
struct json_object *json_copy(const struct json_object *json);

/* Gives back what a tree that will not grow any more has no use for: json-c makes every object with room for 16
 * members, 640 bytes of it. */
void json_shrink(struct json_object *json);

/* Appends the compact form; unlike json_object_to_json_string it does not touch `json` (json-c caches its text inside
 * the object), so that shared objects may be printed by several threads. */
void json_append(struct strbuf *buf, const struct json_object *json);
/* The compact form; the caller frees it. */
char *json_to_text(const struct json_object *json);

/* Appends `key` as one reference token of a JSON Pointer (RFC 6901): "/" and then the key, with ~ and / escaped. */
void json_pointer_append(struct strbuf *pointer, const char *key);

void json_cleanup(struct json_object **json);
#define cleanup_json __attribute__((cleanup(json_cleanup)))

#endif
