#include "base/json.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/memory.h"

int json_parse(const char *text, size_t length, struct json_object **json, struct error **err) {
	*json = NULL;
	if (length > INT32_MAX) return error_set(err, ERROR_INVALID, "JSON text of %zu bytes is too long", length);
	if (length == 0) return error_set(err, ERROR_INVALID, "invalid JSON: the text is empty");
	struct json_problem problem;
	if (json_read(text, length, json, &problem)) return 0;
	return error_set(err, ERROR_INVALID, "invalid JSON at byte %zu: %s", problem.at, problem.text);
}

struct json_object *json_get(const struct json_object *object, const char *key) {
	struct json_object *value = NULL;
	if (!json_object_is_type(object, json_type_object)) return NULL;
	json_object_object_get_ex(object, key, &value);
	return value;
}

struct json_object *json_get_path(const struct json_object *object, ...) {
	struct json_object *at = (struct json_object *)object;
	va_list keys;
	va_start(keys, object);
	const char *key;
	while (at != NULL && (key = va_arg(keys, const char *)) != NULL) at = json_get(at, key);
	va_end(keys);
	return at;
}

const char *json_get_text(const struct json_object *object, const char *key) {
	struct json_object *value = json_get(object, key);
	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int64_t json_get_integer(const struct json_object *object, const char *key, int64_t otherwise) {
	struct json_object *value = json_get(object, key);
	return json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : otherwise;
}

bool json_get_flag(const struct json_object *object, const char *key, bool otherwise) {
	struct json_object *value = json_get(object, key);
	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value) : otherwise;
}

void json_set(struct json_object *object, const char *key, struct json_object *value) {
	json_object_object_add(object, key, value);
}

void json_set_text(struct json_object *object, const char *key, const char *value) {
	json_object_object_add(object, key, json_object_new_string(value));
}

struct json_object *json_copy(const struct json_object *json) {
	struct json_object *copy = NULL;
	if (json != NULL) json_object_deep_copy((struct json_object *)json, &copy, NULL);
	return copy;
}

void json_append(struct strbuf *buf, const struct json_object *json) {
	switch (json_object_get_type(json)) {
	case json_type_null: strbuf_append(buf, "null"); return;
	case json_type_boolean: strbuf_append(buf, json_object_get_boolean(json) ? "true" : "false"); return;
	case json_type_int:
		if (json_object_get_int64(json) < 0) strbuf_printf(buf, "%" PRId64, json_object_get_int64(json));
		else strbuf_printf(buf, "%" PRIu64, json_object_get_uint64(json));
		return;
	case json_type_double: {
		double number = json_object_get_double(json);
		char text[40];
		/* The shortest form that reads back as the same number, and still reads as a fraction. */
		for (int digits = 15; digits <= 17; digits++) {
			snprintf(text, sizeof(text), "%.*g", digits, number);
			if (strtod(text, NULL) == number) break;
		}
		strbuf_append(buf, text);
		if (strpbrk(text, ".en") == NULL) strbuf_append(buf, ".0");
		return;
	}
	case json_type_string:
		/* A NUL inside (\u0000) is all that strbuf_append_json cannot carry. */
		if (strlen(json_object_get_string((struct json_object *)json)) ==
		    (size_t)json_object_get_string_len(json)) {
			strbuf_append_json(buf, json_object_get_string((struct json_object *)json));
		} else {
			cleanup_json struct json_object *own = json_copy(json);
			strbuf_append(buf, json_object_to_json_string_ext(own, JSON_C_TO_STRING_NOSLASHESCAPE));
		}
		return;
	case json_type_object: {
		char separator = '{';
		json_object_object_foreach((struct json_object *)json, key, value) {
			strbuf_append_char(buf, separator);
			strbuf_append_json(buf, key);
			strbuf_append_char(buf, ':');
			json_append(buf, value);
			separator = ',';
		}
		strbuf_append(buf, separator == '{' ? "{}" : "}");
		return;
	}
	case json_type_array: {
		size_t length = json_object_array_length(json);
		strbuf_append_char(buf, '[');
		for (size_t i = 0; i < length; i++) {
			if (i != 0) strbuf_append_char(buf, ',');
			json_append(buf, json_object_array_get_idx(json, i));
		}
		strbuf_append_char(buf, ']');
		return;
	}
	}
}

char *json_to_text(const struct json_object *json) {
	struct strbuf text = { 0 };
	json_append(&text, json);
	return strbuf_detach(&text);
}

void json_pointer_append(struct strbuf *pointer, const char *key) {
	strbuf_append_char(pointer, '/');
	for (; *key != '\0'; key++) {
		if (*key == '~') strbuf_append(pointer, "~0");
		else if (*key == '/') strbuf_append(pointer, "~1");
		else strbuf_append_char(pointer, *key);
	}
}

void json_cleanup(struct json_object **json) {
	json_object_put(*json);
}

void json_shrink(struct json_object *json) {
	if (json_object_is_type(json, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(json); i++)
			json_shrink(json_object_array_get_idx(json, i));
		json_object_array_shrink(json, 0);
	}
	if (!json_object_is_type(json, json_type_object)) return;
	json_object_object_foreach(json, key, value) {
		(void)key;
		json_shrink(value);
	}
	/* A table doubles when it is filled beyond LH_LOAD_FACTOR, two thirds. */
	struct lh_table *table = json_object_get_object(json);
	int wanted = table->count * 3 / 2 + 2;
	if (wanted < table->size) (void)lh_table_resize(table, wanted);
}
