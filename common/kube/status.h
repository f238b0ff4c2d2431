/* What the API server says when it says no: metav1.Status. */
#ifndef AGKEEPER_KUBE_STATUS_H
#define AGKEEPER_KUBE_STATUS_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/error.h"

/* How deep an object of the API may nest before it is refused: more than for what strangers send us, since what etcd
 * holds is there already and must not blind us. */
enum { KUBE_JSON_DEPTH = 256 };

/* Parses what the API server wrote. ERROR_INVALID when it is no JSON. */
int kube_json_parse(const char *text, size_t length, struct json_object **json, struct error **err);

/* The kind of error that an HTTP status means. */
enum error_kind kube_status_kind(long http_status);

/* Stores the error of an answer that is no success: the Status's message where the body is one, else the beginning of
 * the body. `what` says what was tried. Returns -1. */
int kube_status_error(const char *what, long http_status, const char *body, size_t length, struct error **err);

/* The error of a Status object, as watches carry them. Returns -1. */
int kube_status_object_error(const char *what, const struct json_object *status, struct error **err);

#endif
