#include "kube/watch_event.h"

#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/status.h"

static const struct {
	const char *name;
	enum watch_event_type type;
} types[] = {
	{ "ADDED", WATCH_ADDED },
	{ "MODIFIED", WATCH_MODIFIED },
	{ "DELETED", WATCH_DELETED },
	{ "BOOKMARK", WATCH_BOOKMARK },
};

int watch_event_parse(const char *line, size_t length, struct watch_event *event, struct error **err) {
	*event = (struct watch_event){ 0 };
	cleanup_json struct json_object *json = NULL;
	if (kube_json_parse(line, length, &json, err) < 0) return error_prefix(err, "watch event");
	const char *type = json_get_text(json, "type");
	struct json_object *object = json_get(json, "object");
	if (type == NULL || !json_object_is_type(object, json_type_object)) {
		return error_set(err, ERROR_INVALID, "watch event: it has no type or no object");
	}
	if (strcmp(type, "ERROR") == 0) return kube_status_object_error("watch event", object, err);
	const char *version = json_get_text(json_get(object, "metadata"), "resourceVersion");
	if (version == NULL || version[0] == '\0') {
		return error_set(err, ERROR_INVALID, "watch event %s: the object has no resourceVersion", type);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(types); i++) {
		if (strcmp(types[i].name, type) != 0) continue;
		event->type = types[i].type;
		event->object = json_object_get(object);
		event->resource_version = version;
		return 0;
	}
	return error_set(err, ERROR_INVALID, "watch event: unknown type \"%s\"", type);
}
