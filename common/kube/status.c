#include "kube/status.h"

#include "base/json.h"
#include "base/memory.h"

static void tokener_cleanup(struct json_tokener **tokener) {
	if (*tokener != NULL) json_tokener_free(*tokener);
}

int kube_json_parse(const char *text, size_t length, struct json_object **json, struct error **err) {
	*json = NULL;
	if (length > INT32_MAX) return error_set(err, ERROR_INVALID, "JSON text of %zu bytes is too long", length);
	__attribute__((cleanup(tokener_cleanup))) struct json_tokener *tokener = json_tokener_new_ex(KUBE_JSON_DEPTH);
	if (tokener == NULL) return error_set(err, ERROR_INTERNAL, "out of memory");
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	*json = json_tokener_parse_ex(tokener, text, (int)length);
	enum json_tokener_error status = json_tokener_get_error(tokener);
	if (status == json_tokener_success) return 0;
	return error_set(err, ERROR_INVALID, "invalid JSON at byte %zu: %s", json_tokener_get_parse_end(tokener),
	                 json_tokener_error_desc(status));
}

static const struct {
	long status;
	enum error_kind kind;
} kinds[] = {
	{ 401, ERROR_FORBIDDEN }, { 403, ERROR_FORBIDDEN }, { 404, ERROR_NOT_FOUND },   { 408, ERROR_TIMEOUT },
	{ 409, ERROR_CONFLICT },  { 410, ERROR_GONE },      { 429, ERROR_UNAVAILABLE }, { 504, ERROR_TIMEOUT },
};

enum error_kind kube_status_kind(long http_status) {
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		if (kinds[i].status == http_status) return kinds[i].kind;
	}
	return http_status >= 500 ? ERROR_UNAVAILABLE : ERROR_INVALID;
}

int kube_status_error(const char *what, long http_status, const char *body, size_t length, struct error **err) {
	enum error_kind kind = kube_status_kind(http_status);
	cleanup_json struct json_object *status = NULL;
	const char *message = NULL;
	if (kube_json_parse(body, length, &status, NULL) == 0) message = json_get_text(status, "message");
	if (message != NULL) return error_set_code(err, kind, (int)http_status, "%s: %s", what, message);
	/* Proxies and the server's own panics answer in plain text or HTML: a line of it helps. */
	enum { SHOWN = 200 };
	size_t shown = 0;
	while (shown < length && shown < SHOWN && body[shown] != '\n' && body[shown] != '\0') shown++;
	return error_set_code(err, kind, (int)http_status, "%s: HTTP status %ld%s%.*s", what, http_status,
	                      shown != 0 ? ": " : "", (int)shown, body);
}

int kube_status_object_error(const char *what, const struct json_object *status, struct error **err) {
	int64_t code = json_get_integer(status, "code", 0);
	const char *message = json_get_text(status, "message");
	/* An error without a code is the server's own trouble. */
	enum error_kind kind = code > 0 ? kube_status_kind((long)code) : ERROR_UNAVAILABLE;
	return error_set_code(err, kind, (int)code, "%s: %s", what,
	                      message != NULL ? message : "an error without a message");
}
