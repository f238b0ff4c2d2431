/* One line of a watch (metav1.WatchEvent): {"type":"MODIFIED","object":{…}}. */
#ifndef AGKEEPER_KUBE_WATCH_EVENT_H
#define AGKEEPER_KUBE_WATCH_EVENT_H

#include <json-c/json.h>

#include "base/error.h"

enum watch_event_type { WATCH_ADDED, WATCH_MODIFIED, WATCH_DELETED, WATCH_BOOKMARK };

struct watch_event {
	enum watch_event_type type;
	struct json_object *object;   /* the caller's */
	const char *resource_version; /* of the object: where to go on from; borrowed from it */
};

/* Reads one line. An event of type ERROR becomes the error that its Status says (ERROR_GONE: list again); a line that
 * is no event, or an object without a resourceVersion, is ERROR_INVALID with code 0. */
int watch_event_parse(const char *line, size_t length, struct watch_event *event, struct error **err);

#endif
