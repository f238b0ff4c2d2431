/* The memory of a conversion: what one version of MSSQLServer says and the other cannot.
 *
 * While an object is in one version's form, its annotation agkeeper.dev/conversion holds, as compact JSON, what only
 * the other version can say. Each entry has what stood there ("was") and what it was converted to ("is"): the way back
 * restores the first only where it still finds the second, so that editing the field in this version wins. An entry
 * that no longer fits is forgotten. */
#ifndef AGKEEPER_API_MSSQLSERVER_MEMORY_H
#define AGKEEPER_API_MSSQLSERVER_MEMORY_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/error.h"

/* What stood in the annotation. Free with memory_free. */
struct memory {
	struct json_object *entries; /* NULL: none */
	struct json_object *foreign; /* a text that is not of our making: some user's; NULL: none */
};
void memory_free(struct memory *memory);
#define cleanup_memory __attribute__((cleanup(memory_free)))

/* Takes the annotation off `object`. */
struct memory memory_take(struct json_object *object);

/* Puts new entries (NULL: nothing to remember; taken over) on `object`. A foreign text that was taken before is carried
 * along in them, and comes back on the way back where no entries need its place. */
int memory_put(struct json_object *object, struct json_object *entries, const struct memory *taken, struct error **err);

/* Adds the entry `name` to *entries, made when it is NULL. Values are copied; NULL stands for "absent". */
void memory_add(struct json_object **entries, const char *name, const struct json_object *was,
                const struct json_object *is);

/* Whether there is an entry `name` that was converted to `is`; then *was, borrowed, is what it came from. */
bool memory_recall(const struct json_object *entries, const char *name, const struct json_object *is,
                   struct json_object **was);

#endif
