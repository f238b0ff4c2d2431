#include "webhook/conversion.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"

/* Puts the object's name in front of an error, so that one of a hundred can be found. */
static int name_object(const struct json_object *object, struct error **err) {
	const struct json_object *metadata = json_get(object, "metadata");
	const char *kind = json_get_text(object, "kind");
	const char *namespace = json_get_text(metadata, "namespace");
	const char *name = json_get_text(metadata, "name");
	return error_prefix(err, "%s \"%s%s%s\"", kind != NULL ? kind : "object", namespace != NULL ? namespace : "",
	                    namespace != NULL ? "/" : "", name != NULL ? name : "");
}

static int convert_object(struct json_object *object, const char *version, size_t *converted, struct error **err) {
	if (!json_object_is_type(object, json_type_object)) {
		return error_set(err, ERROR_INVALID, "an object to convert must be a JSON object");
	}
	if (kind_of_object(object) == NULL) {
		const char *api_version = json_get_text(object, "apiVersion");
		error_set(err, ERROR_INVALID, "unknown kind of apiVersion \"%s\"",
		          api_version != NULL ? api_version : "");
		return name_object(object, err);
	}
	if (kind_convert(object, version, err) != 0) return name_object(object, err);
	++*converted;
	return 0;
}

static bool is_list(const struct json_object *object) {
	const char *kind = json_get_text(object, "kind");
	size_t length = kind != NULL ? strlen(kind) : 0;
	return length > strlen("List") && strcmp(kind + length - strlen("List"), "List") == 0 &&
	       json_object_is_type(json_get(object, "items"), json_type_array);
}

/* A list is converted item by item, and is itself of the new version then. */
static int convert_list(struct json_object *list, const char *version, size_t *converted, struct error **err) {
	struct json_object *items = json_get(list, "items");
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		if (convert_object(json_object_array_get_idx(items, i), version, converted, err) != 0) return -1;
	}
	json_set_text(list, "apiVersion", version);
	return 0;
}

static int convert_all(struct json_object *objects, const char *version, size_t *converted, struct error **err) {
	for (size_t i = 0; i < json_object_array_length(objects); i++) {
		struct json_object *object = json_object_array_get_idx(objects, i);
		int result = is_list(object) ? convert_list(object, version, converted, err)
		                             : convert_object(object, version, converted, err);
		if (result != 0) return -1;
	}
	return 0;
}

/* The first object's kind speaks for the batch: a CRD converts only its own. */
static const char *kind_of_batch(const struct json_object *objects) {
	if (json_object_array_length(objects) == 0) return "other";
	const struct json_object *first = json_object_array_get_idx(objects, 0);
	if (is_list(first)) {
		const struct json_object *items = json_get(first, "items");
		first = json_object_array_length(items) != 0 ? json_object_array_get_idx(items, 0) : NULL;
	}
	const struct kind *kind = json_object_is_type(first, json_type_object) ? kind_of_object(first) : NULL;
	return kind != NULL ? kind->name : "other";
}

int conversion_review(struct json_object *inner, struct review_answer *answer, struct error **err) {
	const char *version = json_get_text(inner, "desiredAPIVersion");
	if (version == NULL) return error_set(err, ERROR_INVALID, "request.desiredAPIVersion: must be a string");
	struct json_object *objects = json_get(inner, "objects");
	if (!json_object_is_type(objects, json_type_array)) {
		return error_set(err, ERROR_INVALID, "request.objects: must be a list");
	}

	answer->kind = kind_of_batch(objects);
	cleanup_error struct error *failure = NULL;
	int converted = convert_all(objects, version, &answer->converted, &failure);

	struct strbuf *body = &answer->body;
	strbuf_append(
	        body,
	        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"response\":{\"uid\":");
	strbuf_append_json(body, json_get_text(inner, "uid"));
	strbuf_append(body, ",\"convertedObjects\":");
	if (converted != 0) {
		answer->result = REVIEW_REFUSED;
		answer->converted = 0;
		strbuf_append(body, "[],\"result\":{\"status\":\"Failure\",\"message\":");
		strbuf_append_json(body, failure->message);
		strbuf_append(body, "}}}");
		return 0;
	}
	answer->result = REVIEW_ALLOWED;
	json_append(body, objects);
	strbuf_append(body, ",\"result\":{\"status\":\"Success\"}}}");
	return 0;
}
