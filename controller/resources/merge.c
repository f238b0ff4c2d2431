#include "controller/resources/merge.h"

#include <string.h>

#include "base/json.h"

void merge_missing(struct json_object *target, struct json_object *defaults) {
	json_object_object_foreach(defaults, key, value) {
		struct json_object *present = json_get(target, key);
		if (present == NULL) {
			json_set(target, key, json_object_get(value));
		} else if (json_object_is_type(present, json_type_object) &&
		           json_object_is_type(value, json_type_object)) {
			merge_missing(present, json_object_get(value));
		}
	}
	json_object_put(defaults);
}

void merge_over(struct json_object *target, const struct json_object *members) {
	if (members == NULL) return;
	struct json_object_iterator at = json_object_iter_begin((struct json_object *)members);
	struct json_object_iterator end = json_object_iter_end(members);
	for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
		const struct json_object *value = json_object_iter_peek_value(&at);
		if (value != NULL) json_set(target, json_object_iter_peek_name(&at), json_copy(value));
	}
}

static struct json_object *merge_member(struct json_object *target, const char *key, struct json_object *empty) {
	struct json_object *present = json_get(target, key);
	if (json_object_is_type(present, json_object_get_type(empty))) {
		json_object_put(empty);
		return present;
	}
	json_set(target, key, empty);
	return empty;
}

struct json_object *merge_object(struct json_object *target, const char *key) {
	return merge_member(target, key, json_object_new_object());
}

struct json_object *merge_list(struct json_object *target, const char *key) {
	return merge_member(target, key, json_object_new_array());
}

static size_t list_index(const struct json_object *list, const char *key, const char *value) {
	size_t count = json_object_array_length(list);
	for (size_t i = 0; value != NULL && i < count; i++) {
		const char *text = json_get_text(json_object_array_get_idx(list, i), key);
		if (text != NULL && strcmp(text, value) == 0) return i;
	}
	return count;
}

struct json_object *list_find(const struct json_object *list, const char *key, const char *value) {
	if (!json_object_is_type(list, json_type_array)) return NULL;
	return json_object_array_get_idx(list, list_index(list, key, value));
}

void list_put(struct json_object *list, const char *key, struct json_object *element) {
	json_object_array_put_idx(list, list_index(list, key, json_get_text(element, key)), element);
}
