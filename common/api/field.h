/* Field tables: a kind's fields, stated once.
 *
 * From one table come: decoding JSON into the typed struct, type and bounds findings, defaults, forbidden changes, the
 * CRD's structural schema (so `kubectl explain`) and the reference in docs/. To add a field, add a struct member and
 * its row.
 *
 * A decoded struct borrows its texts from the JSON tree it was decoded from and its arrays from the arena given: both
 * must outlive it. An absent field is NULL, `.set == false`, `.text == NULL` or `.count == 0`. */
#ifndef AGKEEPER_API_FIELD_H
#define AGKEEPER_API_FIELD_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/findings.h"
#include "base/quantity.h"
#include "base/strbuf.h"

enum field_type {
	FIELD_STRING,        /* const char * */
	FIELD_BOOL,          /* struct opt_bool */
	FIELD_INT,           /* struct opt_int */
	FIELD_QUANTITY,      /* struct opt_quantity: "10Gi" or a number */
	FIELD_DURATION,      /* struct opt_duration: "300ms" */
	FIELD_TIME,          /* const char *: RFC 3339 */
	FIELD_INT_OR_STRING, /* const struct json_object * */
	FIELD_OBJECT,        /* T *: the members in .schema (within a list or map: T itself) */
	FIELD_LIST,          /* LIST_OF(T): the elements as .item says */
	FIELD_MAP,           /* struct map: the values as .item says (strings or quantities) */
	FIELD_JSON           /* const struct json_object *: any object, passed on as it was written */
};

struct opt_bool {
	bool set;
	bool value;
};
struct opt_int {
	bool set;
	int64_t value;
};
struct opt_quantity {
	const char *text; /* as written */
	struct quantity value;
};
struct opt_duration {
	const char *text; /* as written */
	int64_t nanoseconds;
};
#define LIST_OF(type)         \
	struct {              \
		size_t count; \
		type *items;  \
	}
typedef LIST_OF(const char *) string_list;
struct map_entry {
	const char *key;
	const char *text;      /* the value when it is a string or a quantity */
	struct quantity value; /* when it is a quantity */
};
struct map {
	size_t count;
	struct map_entry *items;
};
/* The value at `key`, NULL when there is none. */
const char *map_text(const struct map *map, const char *key);

/* A way of writing that several fields share: one predicate for us, one pattern for the CRD (a test holds them
 * together). */
struct format {
	const char *pattern; /* RE2 syntax for the CRD */
	bool (*matches)(const char *value);
	const char *detail; /* "must be a DNS label: …" */
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0,
	FIELD_IMMUTABLE = 1 << 1, /* neither changed, set nor unset on update */
	FIELD_SET_ONCE = 1 << 2,  /* may be set on update; then immutable */
	FIELD_UNIQUE = 1 << 3,    /* a list whose strings differ: x-kubernetes-list-type set */
	FIELD_ATOMIC = 1 << 4,    /* a list or map with one owner: x-kubernetes-list-type/map-type atomic */
	FIELD_PRESERVE =
	        1 << 5, /* an object that is read in part: members without a row are kept, not pruned or refused */
	FIELD_NULLABLE = 1 << 6
};

/* A list longer than this is refused before its elements are looked at or defaulted: some checks compare pairs of them.
 * A table that needs more says so with a bound of its own. */
enum { FIELD_LIST_MAX = 1024 };

struct schema;
struct field {
	const char *name; /* NULL in rows that describe list elements or map values */
	enum field_type type;
	size_t offset;
	unsigned flags;              /* enum field_flags */
	const struct schema *schema; /* FIELD_OBJECT */
	const struct field *item;    /* FIELD_LIST, FIELD_MAP */
	const char *default_text;    /* text of a string, quantity or duration; JSON for every other type */
	const char *const *values;   /* FIELD_STRING: the ones allowed, NULL-terminated */
	const struct format *format; /* FIELD_STRING; of the keys for FIELD_MAP */
	bool has_min, has_max;
	int64_t min, max;     /* FIELD_INT: bounds. FIELD_STRING: bytes. FIELD_LIST: elements */
	const char *list_key; /* FIELD_LIST of objects told apart by this member: x-kubernetes-list-type map */
	const char *doc;      /* one or two sentences; kubectl explain shows them */
	const char *since;    /* the agkeeper version that brought the field; NULL: the first */
};
/* Whether a list of `count` elements is refused as a whole. */
static inline bool list_is_too_long(const struct field *field, size_t count) {
	return count > FIELD_LIST_MAX && (!field->has_max || (int64_t)count > field->max);
}
#define BOUNDS(min_, max_) .has_min = true, .min = (min_), .has_max = true, .max = (max_)
#define AT_LEAST(min_)     .has_min = true, .min = (min_)
#define AT_MOST(max_)      .has_max = true, .max = (max_)

struct schema {
	const char *doc;
	size_t size;                /* of the struct */
	const struct field *fields; /* ends with a row whose name is NULL */
};
/* A row's name, place and type: `{ MEMBER(struct sqlag_spec, "agName", ag_name), .type = FIELD_STRING, … }`. */
#define MEMBER(type_, name_, member_) .name = (name_), .offset = offsetof(type_, member_)
#define ONE_OF(...)                       \
	.values = (const char *const[]) { \
		__VA_ARGS__, NULL         \
	}
#define LIST_ITEM(...)                  \
	.item = &(const struct field) { \
		__VA_ARGS__             \
	}

/* Decodes the JSON object at `json` into `object` (schema->size zeroed bytes) and reports every value of the wrong
 * type, missing, or outside its bounds, values or format. `path` is where `json` stands ("" for a whole object).
 * Members without a row are passed over, unless `unknown` says to report them as well (lint). Explicit nulls count as
 * absent. */
enum unknown_fields { UNKNOWN_PASS, UNKNOWN_REPORT };
void schema_decode(const struct schema *schema, const struct json_object *json, const char *path, void *object,
                   struct arena *arena, enum unknown_fields unknown, struct findings *findings);

/* The changes between two whole objects that FIELD_IMMUTABLE and FIELD_SET_ONCE forbid. Both must be defaulted. */
void schema_check_changes(const struct schema *schema, const struct json_object *old_json,
                          const struct json_object *new_json, const char *path, struct findings *findings);

/* The default of a row that has one, as JSON; the caller owns it. */
struct json_object *field_default(const struct field *field);

/* Defaults are set in the tree and, where `patch` is not NULL, written to it as operations of a JSON patch (RFC 6902).
 */
struct defaulting {
	struct json_object *object; /* the whole object, changed in place */
	struct strbuf *patch;       /* operations, comma-separated, without the brackets; or NULL */
};
/* Sets every missing default of the table below `json`; objects are created only where the table gives the object
 * itself a default, as the API server does it. Idempotent. */
void schema_set_defaults(const struct schema *schema, struct json_object *json, const char *pointer,
                         struct defaulting *defaulting);
/* For defaults that depend on other fields: sets parent[key] = value unless something is there. `pointer` is the JSON
 * Pointer of parent, which must be part of the tree. Takes over value. */
void default_member(struct defaulting *defaulting, struct json_object *parent, const char *pointer, const char *key,
                    struct json_object *value);

/* The structural schema (OpenAPI v3) of the object, as a CRD has it. The caller owns it. */
struct json_object *schema_to_openapi(const struct schema *schema);

#endif
