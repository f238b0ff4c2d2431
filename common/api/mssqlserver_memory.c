#include "api/mssqlserver_memory.h"

#include <string.h>

#include "api/mssqlserver.h"
#include "base/json.h"
#include "base/memory.h"

/* Beside the entries: a foreign text that is carried along, and annotations that were there but empty. */
static const char foreign_text[] = "foreignText";
static const char empty_annotations[] = "emptyAnnotations";

static bool is_entry(const struct json_object *value) {
	return json_object_is_type(value, json_type_object) && json_object_object_length(value) == 2 &&
	       json_object_object_get_ex(value, "was", NULL) && json_object_object_get_ex(value, "is", NULL);
}

static bool is_empty(const struct json_object *value) {
	return value == NULL || (json_object_is_type(value, json_type_object) && json_object_object_length(value) == 0);
}

/* Whether `json` is what memory_put writes. */
static bool is_ours(const struct json_object *json) {
	if (!json_object_is_type(json, json_type_object) || json_object_object_length(json) == 0) return false;
	json_object_object_foreach((struct json_object *)json, key, value) {
		bool is_right;
		if (strcmp(key, foreign_text) == 0) is_right = json_object_is_type(value, json_type_string);
		else if (strcmp(key, empty_annotations) == 0) is_right = is_empty(value);
		else is_right = is_entry(value);
		if (!is_right) return false;
	}
	return true;
}

void memory_free(struct memory *memory) {
	json_object_put(memory->entries);
	json_object_put(memory->foreign);
	*memory = (struct memory){ 0 };
}

static struct memory read_memory(struct json_object *annotation) {
	cleanup_json struct json_object *json = NULL;
	if (json_object_is_type(annotation, json_type_string)) {
		const char *text = json_object_get_string(annotation);
		json_parse(text, (size_t)json_object_get_string_len(annotation), &json, NULL);
	}
	if (is_ours(json)) return (struct memory){ .entries = take(&json) };
	return (struct memory){ .foreign = json_object_get(annotation) };
}

struct memory memory_take(struct json_object *object) {
	struct json_object *metadata = json_get(object, "metadata");
	struct json_object *annotations = json_get(metadata, "annotations");
	struct json_object *annotation = json_get(annotations, MSSQLSERVER_CONVERSION_ANNOTATION);
	if (annotation == NULL) return (struct memory){ 0 };
	struct memory memory = read_memory(annotation);
	json_object_object_del(annotations, MSSQLSERVER_CONVERSION_ANNOTATION);
	if (json_object_object_length(annotations) != 0) return memory;
	/* Ours was the only one, so we made the annotations: what was there before comes back. */
	struct json_object *before;
	if (json_object_object_get_ex(memory.entries, empty_annotations, &before)) {
		json_set(metadata, "annotations", json_copy(before));
	} else {
		json_object_object_del(metadata, "annotations");
	}
	return memory;
}

/* Where the annotation goes, with what stood there before noted in `entries`; NULL when there is no place for it. */
static struct json_object *make_annotations(struct json_object *object, struct json_object *entries) {
	struct json_object *metadata = json_get(object, "metadata");
	if (!json_object_is_type(metadata, json_type_object)) return NULL;
	struct json_object *annotations = NULL;
	bool is_there = json_object_object_get_ex(metadata, "annotations", &annotations);
	if (is_there && is_empty(annotations)) json_set(entries, empty_annotations, json_copy(annotations));
	if (annotations == NULL) {
		annotations = json_object_new_object();
		json_set(metadata, "annotations", annotations);
	}
	return json_object_is_type(annotations, json_type_object) ? annotations : NULL;
}

int memory_put(struct json_object *object, struct json_object *entries, const struct memory *taken,
               struct error **err) {
	cleanup_json struct json_object *owned = entries;
	struct json_object *carried = json_get(taken->entries, foreign_text);
	if (owned == NULL && taken->foreign == NULL && carried == NULL) return 0;
	bool comes_back = owned == NULL && taken->foreign == NULL;
	if (owned == NULL) owned = json_object_new_object();
	struct json_object *annotations = make_annotations(object, owned);
	if (annotations == NULL) {
		return error_set(err, ERROR_INVALID,
		                 "there is no metadata whose annotations could hold what the other version cannot say");
	}
	if (comes_back) {
		json_set(annotations, MSSQLSERVER_CONVERSION_ANNOTATION, json_object_get(carried));
		return 0;
	}
	if (taken->foreign != NULL) json_set(owned, foreign_text, json_object_get(taken->foreign));
	cleanup_free char *text = json_to_text(owned);
	json_set_text(annotations, MSSQLSERVER_CONVERSION_ANNOTATION, text);
	return 0;
}

void memory_add(struct json_object **entries, const char *name, const struct json_object *was,
                const struct json_object *is) {
	struct json_object *entry = json_object_new_object();
	json_set(entry, "was", json_copy(was));
	json_set(entry, "is", json_copy(is));
	if (*entries == NULL) *entries = json_object_new_object();
	json_set(*entries, name, entry);
}

bool memory_recall(const struct json_object *entries, const char *name, const struct json_object *is,
                   struct json_object **was) {
	struct json_object *entry = json_get(entries, name);
	if (entry == NULL) return false;
	struct json_object *then = NULL;
	json_object_object_get_ex(entry, "is", &then);
	json_object_object_get_ex(entry, "was", was);
	return json_object_equal(then, (struct json_object *)is);
}
