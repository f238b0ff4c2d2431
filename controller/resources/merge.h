/* Inside: putting two JSON trees together as Kubernetes' users expect it of templates. */
#ifndef AGKEEPER_CONTROLLER_RESOURCES_MERGE_H
#define AGKEEPER_CONTROLLER_RESOURCES_MERGE_H

#include <json-c/json.h>

/* Sets what `target` does not say, object by object; lists are taken or left as a whole. Takes over `defaults`. */
void merge_missing(struct json_object *target, struct json_object *defaults);
/* Sets every member of `members` in `target`, whatever is there. `members` may be NULL. */
void merge_over(struct json_object *target, const struct json_object *members);
/* target[key], made when it is missing. */
struct json_object *merge_object(struct json_object *target, const char *key);
struct json_object *merge_list(struct json_object *target, const char *key);

/* The element whose member `key` is `value`, NULL when there is none. */
struct json_object *list_find(const struct json_object *list, const char *key, const char *value);
/* Puts `element` in the place of the one with the same `key`, or at the end. Takes it over. */
void list_put(struct json_object *list, const char *key, struct json_object *element);

#endif
