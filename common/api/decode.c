/* Field tables at work: JSON into structs, with a finding for everything that the table does not allow. */
#include <string.h>
#include <strings.h>

#include "api/field.h"
#include "api/path.h"
#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"

struct decoder {
	struct arena *arena;
	struct findings *findings;
	enum unknown_fields unknown;
};

static void decode_object(struct decoder *decoder, const struct schema *schema, bool preserve,
                          const struct json_object *json, const struct path *path, void *object);
static void decode_value(struct decoder *decoder, const struct field *field, const struct json_object *json,
                         const struct path *path, void *slot);

static const char *print(struct decoder *decoder, const struct path *path) {
	cleanup_strbuf struct strbuf text = { 0 };
	path_append(&text, path);
	return arena_strdup(&decoder->findings->arena, strbuf_text(&text));
}

static void wrong_type(struct decoder *decoder, const struct path *path, const struct json_object *json,
                       const char *type) {
	finding_wrong_type(decoder->findings, print(decoder, path), json, type);
}

/* The text of a JSON string; NULL, with a finding, for anything else. */
static const char *text_of(struct decoder *decoder, const struct json_object *json, const struct path *path) {
	if (!json_object_is_type(json, json_type_string)) {
		wrong_type(decoder, path, json, "string");
		return NULL;
	}
	const char *text = json_object_get_string((struct json_object *)json);
	if (strlen(text) != (size_t)json_object_get_string_len(json)) {
		finding_invalid(decoder->findings, print(decoder, path), text, "must not contain a NUL character");
		return NULL;
	}
	return text;
}

/* Bounds as Kubernetes words them; `what` is "" for numbers, " bytes" or " items" for lengths. */
static const char *bounds_detail(struct decoder *decoder, const struct field *field, const char *what) {
	if (field->has_min && field->has_max) {
		return at(decoder->findings, "must be between %lld and %lld%s, inclusive", (long long)field->min,
		          (long long)field->max, what);
	}
	if (field->has_min) {
		return at(decoder->findings, "must be greater than or equal to %lld%s", (long long)field->min, what);
	}
	return at(decoder->findings, "must be less than or equal to %lld%s", (long long)field->max, what);
}

static bool is_out_of_bounds(const struct field *field, int64_t value) {
	return (field->has_min && value < field->min) || (field->has_max && value > field->max);
}

static void decode_string(struct decoder *decoder, const struct field *field, const struct json_object *json,
                          const struct path *path, const char **slot) {
	const char *text = text_of(decoder, json, path);
	if (text == NULL) return;
	*slot = text;
	if (field->values != NULL) {
		for (const char *const *value = field->values; *value != NULL; value++) {
			if (strcmp(*value, text) == 0) return;
		}
		finding_not_supported(decoder->findings, print(decoder, path), text, field->values);
		return;
	}
	if (is_out_of_bounds(field, (int64_t)strlen(text))) {
		if (*text == '\0') finding_required(decoder->findings, print(decoder, path), "must not be empty");
		else if (!field->has_max || (int64_t)strlen(text) < field->max) {
			finding_invalid(decoder->findings, print(decoder, path), text, "must have at least %lld bytes",
			                (long long)field->min);
		} else {
			finding_invalid(decoder->findings, print(decoder, path), text,
			                "must be no more than %lld bytes", (long long)field->max);
		}
		return;
	}
	if (field->format != NULL && !field->format->matches(text)) {
		finding_invalid(decoder->findings, print(decoder, path), text, "%s", field->format->detail);
	}
}

static void decode_bool(struct decoder *decoder, const struct json_object *json, const struct path *path,
                        struct opt_bool *slot) {
	if (!json_object_is_type(json, json_type_boolean)) {
		wrong_type(decoder, path, json, "boolean");
		return;
	}
	*slot = (struct opt_bool){ .set = true, .value = json_object_get_boolean(json) };
}

static void decode_int(struct decoder *decoder, const struct field *field, const struct json_object *json,
                       const struct path *path, struct opt_int *slot) {
	/* Above int64_t numbers are floats to Kubernetes; json-c would cut them to INT64_MAX. */
	if (!json_object_is_type(json, json_type_int) || json_object_get_uint64(json) > INT64_MAX) {
		wrong_type(decoder, path, json, "integer");
		return;
	}
	*slot = (struct opt_int){ .set = true, .value = json_object_get_int64(json) };
	if (is_out_of_bounds(field, slot->value)) {
		finding_invalid_int(decoder->findings, print(decoder, path), slot->value, "%s",
		                    bounds_detail(decoder, field, ""));
	}
}

static void decode_quantity(struct decoder *decoder, const struct json_object *json, const struct path *path,
                            struct opt_quantity *slot) {
	const char *text;
	if (json_object_is_type(json, json_type_int)) {
		cleanup_free char *number = json_to_text(json);
		text = arena_strdup(decoder->arena, number);
	} else if (json_object_is_type(json, json_type_string)) {
		text = text_of(decoder, json, path);
	} else {
		wrong_type(decoder, path, json, "quantity (a string such as \"10Gi\" or an integer)");
		return;
	}
	if (text == NULL) return;
	if (!quantity_parse(text, &slot->value)) {
		finding_invalid(decoder->findings, print(decoder, path), text,
		                "must be a quantity such as \"10Gi\", \"500m\" or \"2\"");
		return;
	}
	slot->text = text;
}

static void decode_duration(struct decoder *decoder, const struct json_object *json, const struct path *path,
                            struct opt_duration *slot) {
	const char *text = text_of(decoder, json, path);
	if (text == NULL) return;
	if (!duration_parse(text, &slot->nanoseconds)) {
		finding_invalid(decoder->findings, print(decoder, path), text,
		                "must be a duration such as \"300ms\", \"30s\" or \"1h30m\"");
		return;
	}
	slot->text = text;
}

static void decode_time(struct decoder *decoder, const struct json_object *json, const struct path *path,
                        const char **slot) {
	const char *text = text_of(decoder, json, path);
	if (text == NULL) return;
	if (clock_parse_rfc3339(text) == -1) {
		finding_invalid(decoder->findings, print(decoder, path), text,
		                "must be a time such as \"2026-01-31T12:00:00Z\" (RFC 3339)");
		return;
	}
	*slot = text;
}

static void decode_int_or_string(struct decoder *decoder, const struct json_object *json, const struct path *path,
                                 const struct json_object **slot) {
	if (!json_object_is_type(json, json_type_int) && !json_object_is_type(json, json_type_string)) {
		wrong_type(decoder, path, json, "integer or string");
		return;
	}
	*slot = json;
}

/* How large one element of a list of such fields is. */
static size_t item_size(const struct field *item) {
	switch (item->type) {
	case FIELD_STRING:
	case FIELD_TIME: return sizeof(const char *);
	case FIELD_BOOL: return sizeof(struct opt_bool);
	case FIELD_INT: return sizeof(struct opt_int);
	case FIELD_QUANTITY: return sizeof(struct opt_quantity);
	case FIELD_DURATION: return sizeof(struct opt_duration);
	case FIELD_INT_OR_STRING:
	case FIELD_JSON: return sizeof(const struct json_object *);
	case FIELD_OBJECT: return item->schema->size;
	case FIELD_LIST: return sizeof(string_list);
	case FIELD_MAP: return sizeof(struct map);
	}
	return 0;
}

/* What tells one element from another: a string itself, or an object's member list_key; NULL when there is nothing. */
static const char *identity_of(const struct field *field, const struct json_object *element) {
	if (field->list_key != NULL) return json_get_text(element, field->list_key);
	if ((field->flags & FIELD_UNIQUE) != 0 && json_object_is_type(element, json_type_string)) {
		return json_object_get_string((struct json_object *)element);
	}
	return NULL;
}

static void find_duplicates(struct decoder *decoder, const struct field *field, const struct json_object *json,
                            const struct path *path) {
	if (field->list_key == NULL && (field->flags & FIELD_UNIQUE) == 0) return;
	size_t count = json_object_array_length(json);
	for (size_t i = 1; i < count; i++) {
		const char *identity = identity_of(field, json_object_array_get_idx(json, i));
		if (identity == NULL) continue;
		for (size_t j = 0; j < i; j++) {
			const char *other = identity_of(field, json_object_array_get_idx(json, j));
			if (other == NULL || strcmp(identity, other) != 0) continue;
			struct path element = path_index(path, i);
			struct path key = path_member(&element, field->list_key);
			finding_duplicate(decoder->findings, print(decoder, field->list_key != NULL ? &key : &element),
			                  identity);
			break;
		}
	}
}

static void decode_list(struct decoder *decoder, const struct field *field, const struct json_object *json,
                        const struct path *path, void *slot) {
	if (!json_object_is_type(json, json_type_array)) {
		wrong_type(decoder, path, json, "array");
		return;
	}
	size_t count = json_object_array_length(json);
	if (count > FIELD_LIST_MAX && !field->has_max) {
		finding_invalid_int(decoder->findings, print(decoder, path), (long long)count,
		                    "must have at most %d items", FIELD_LIST_MAX);
	}
	if (is_out_of_bounds(field, (int64_t)count)) {
		if (count == 0) {
			finding_required(decoder->findings, print(decoder, path), "must have at least %lld item%s",
			                 (long long)field->min, field->min == 1 ? "" : "s");
		} else {
			finding_invalid_int(decoder->findings, print(decoder, path), (long long)count, "%s",
			                    bounds_detail(decoder, field, " items"));
		}
	}
	if (list_is_too_long(field, count)) return;
	size_t size = item_size(field->item);
	char *items = arena_calloc(decoder->arena, count, size);
	for (size_t i = 0; i < count; i++) {
		struct path element_path = path_index(path, i);
		const struct json_object *element = json_object_array_get_idx(json, i);
		void *element_slot = items + i * size;
		if (field->item->type == FIELD_OBJECT) {
			if (!json_object_is_type(element, json_type_object)) {
				wrong_type(decoder, &element_path, element, "object");
				continue;
			}
			decode_object(decoder, field->item->schema, (field->item->flags & FIELD_PRESERVE) != 0, element,
			              &element_path, element_slot);
		} else {
			decode_value(decoder, field->item, element, &element_path, element_slot);
		}
	}
	find_duplicates(decoder, field, json, path);
	/* Every LIST_OF(T) is laid out as this one. */
	string_list list = { .count = count, .items = (const char **)(void *)items };
	memcpy(slot, &list, sizeof(list));
}

static void decode_map(struct decoder *decoder, const struct field *field, const struct json_object *json,
                       const struct path *path, struct map *slot) {
	if (!json_object_is_type(json, json_type_object)) {
		wrong_type(decoder, path, json, "object");
		return;
	}
	size_t count = (size_t)json_object_object_length(json);
	struct map map = { .count = 0, .items = arena_calloc(decoder->arena, count, sizeof(struct map_entry)) };
	json_object_object_foreach((struct json_object *)json, key, value) {
		if (value == NULL) continue; /* as the API server drops it */
		struct path entry_path = path_key(path, key);
		if (field->format != NULL && !field->format->matches(key)) {
			finding_invalid(decoder->findings, print(decoder, path), key, "%s", field->format->detail);
		}
		struct map_entry *entry = &map.items[map.count++];
		entry->key = key;
		if (field->item->type == FIELD_QUANTITY) {
			struct opt_quantity quantity = { 0 };
			decode_quantity(decoder, value, &entry_path, &quantity);
			entry->text = quantity.text;
			entry->value = quantity.value;
		} else {
			decode_string(decoder, field->item, value, &entry_path, &entry->text);
		}
	}
	*slot = map;
}

static void decode_value(struct decoder *decoder, const struct field *field, const struct json_object *json,
                         const struct path *path, void *slot) {
	switch (field->type) {
	case FIELD_STRING: decode_string(decoder, field, json, path, slot); break;
	case FIELD_BOOL: decode_bool(decoder, json, path, slot); break;
	case FIELD_INT: decode_int(decoder, field, json, path, slot); break;
	case FIELD_QUANTITY: decode_quantity(decoder, json, path, slot); break;
	case FIELD_DURATION: decode_duration(decoder, json, path, slot); break;
	case FIELD_TIME: decode_time(decoder, json, path, slot); break;
	case FIELD_INT_OR_STRING: decode_int_or_string(decoder, json, path, slot); break;
	case FIELD_LIST: decode_list(decoder, field, json, path, slot); break;
	case FIELD_MAP: decode_map(decoder, field, json, path, slot); break;
	case FIELD_JSON:
		if (!json_object_is_type(json, json_type_object)) wrong_type(decoder, path, json, "object");
		else memcpy(slot, &json, sizeof(json));
		break;
	case FIELD_OBJECT:
		if (!json_object_is_type(json, json_type_object)) {
			wrong_type(decoder, path, json, "object");
			break;
		}
		void *object = arena_alloc(decoder->arena, field->schema->size);
		decode_object(decoder, field->schema, (field->flags & FIELD_PRESERVE) != 0, json, path, object);
		memcpy(slot, &object, sizeof(object));
		break;
	}
}

/* The row whose name is closest to a misspelt one: equal but for case, or one letter away; NULL when none is. */
static const struct field *closest(const struct schema *schema, const char *name) {
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		if (strcasecmp(field->name, name) == 0) return field;
	}
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		const char *a = field->name;
		const char *b = name;
		while (*a != '\0' && *a == *b) {
			a++;
			b++;
		}
		if (*a == '\0' || *b == '\0') {
			if (strlen(a) + strlen(b) <= 1) return field;
			continue;
		}
		bool is_swap = a[0] == b[1] && a[1] == b[0] && strcmp(a + 2, b + 2) == 0;
		if (is_swap || strcmp(a + 1, b + 1) == 0 || strcmp(a + 1, b) == 0 || strcmp(a, b + 1) == 0)
			return field;
	}
	return NULL;
}

static void report_unknown(struct decoder *decoder, const struct schema *schema, const char *name,
                           const struct path *path) {
	struct path member = path_member(path, name);
	const struct field *meant = closest(schema, name);
	if (meant != NULL) {
		finding_forbidden(decoder->findings, print(decoder, &member), "unknown field; did you mean \"%s\"?",
		                  meant->name);
	} else {
		finding_forbidden(decoder->findings, print(decoder, &member), "unknown field");
	}
}

/* The first sentence of a row's documentation, for "Required value: …". */
static const char *first_sentence(struct decoder *decoder, const struct field *field) {
	if (field->doc == NULL) return "";
	const char *end = strstr(field->doc, ". ");
	size_t length = end != NULL ? (size_t)(end - field->doc) : strlen(field->doc);
	if (length > 0 && field->doc[length - 1] == '.') length--;
	return at(decoder->findings, "%.*s", (int)length, field->doc);
}

static void decode_object(struct decoder *decoder, const struct schema *schema, bool preserve,
                          const struct json_object *json, const struct path *path, void *object) {
	/* Objects are written in about the order of their table, so the search for a row goes on where the last ended.
	 */
	const struct field *hint = schema->fields;
	json_object_object_foreach((struct json_object *)json, key, value) {
		if (value == NULL) continue;
		const struct field *field = hint;
		while (field->name != NULL && strcmp(field->name, key) != 0) field++;
		if (field->name == NULL) {
			for (field = schema->fields; field != hint && strcmp(field->name, key) != 0;) field++;
			if (field == hint) {
				if (decoder->unknown == UNKNOWN_REPORT && !preserve) {
					report_unknown(decoder, schema, key, path);
				}
				continue;
			}
		}
		hint = field + 1;
		struct path member = path_member(path, field->name);
		decode_value(decoder, field, value, &member, (char *)object + field->offset);
	}
	for (const struct field *field = schema->fields; field->name != NULL; field++) {
		if ((field->flags & FIELD_REQUIRED) == 0 || json_get(json, field->name) != NULL) continue;
		struct path member = path_member(path, field->name);
		finding_required(decoder->findings, print(decoder, &member), "%s", first_sentence(decoder, field));
	}
}

void schema_decode(const struct schema *schema, const struct json_object *json, const char *path, void *object,
                   struct arena *arena, enum unknown_fields unknown, struct findings *findings) {
	struct decoder decoder = { .arena = arena, .findings = findings, .unknown = unknown };
	struct path root = path_root(path);
	if (!json_object_is_type(json, json_type_object)) {
		wrong_type(&decoder, &root, json, "object");
		return;
	}
	decode_object(&decoder, schema, false, json, &root, object);
}

const char *map_text(const struct map *map, const char *key) {
	for (size_t i = 0; i < map->count; i++) {
		if (strcmp(map->items[i].key, key) == 0) return map->items[i].text;
	}
	return NULL;
}
