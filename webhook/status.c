#include "webhook/status.h"

#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

/* Nobody reads further, and an answer stays within what an API server takes. */
enum { MAX_LISTED = 200 };

/* kube-apiserver's aggregate names equal errors once. */
static bool is_repeated(const struct findings *findings, size_t index) {
	const struct finding *finding = &findings->items[index];
	for (size_t i = 0; i < index; i++) {
		if (strcmp(findings->items[i].path, finding->path) == 0 &&
		    strcmp(findings->items[i].body, finding->body) == 0)
			return true;
	}
	return false;
}

static void append_message(struct strbuf *message, const struct status_subject *subject,
                           const struct findings *findings, size_t listed) {
	strbuf_append(message, subject->kind);
	if (subject->group != NULL && subject->group[0] != '\0') strbuf_printf(message, ".%s", subject->group);
	strbuf_printf(message, " \"%s\" is invalid: ", subject->name != NULL ? subject->name : "");

	size_t start = message->length;
	size_t written = 0;
	for (size_t i = 0; i < listed; i++) {
		if (is_repeated(findings, i)) continue;
		if (written++ != 0) strbuf_append(message, ", ");
		strbuf_printf(message, "%s: %s", findings->items[i].path, findings->items[i].body);
	}
	size_t unlisted = findings->count - listed + findings->omitted;
	if (unlisted != 0) {
		strbuf_printf(message, ", and %zu more", unlisted);
		written++;
	}
	if (written < 2) return;
	strbuf_append_char(message, ']');
	/* Only now is it known that brackets are wanted. */
	strbuf_append_char(message, '[');
	memmove(message->data + start + 1, message->data + start, message->length - start - 1);
	message->data[start] = '[';
}

static void append_member(struct strbuf *json, const char *key, const char *value) {
	if (value == NULL || value[0] == '\0') return;
	if (json->data[json->length - 1] != '{') strbuf_append_char(json, ',');
	strbuf_printf(json, "\"%s\":", key);
	strbuf_append_json(json, value);
}

static void append_subject(struct strbuf *json, const struct status_subject *subject) {
	append_member(json, "name", subject->name);
	append_member(json, "group", subject->group);
	append_member(json, "kind", subject->kind);
}

void status_append_invalid(struct strbuf *json, const struct status_subject *subject, const struct findings *findings) {
	size_t listed = findings->count < MAX_LISTED ? findings->count : MAX_LISTED;
	cleanup_strbuf struct strbuf message = { 0 };
	append_message(&message, subject, findings, listed);

	strbuf_append(json, "{\"metadata\":{},\"status\":\"Failure\",\"message\":");
	strbuf_append_json(json, message.data);
	strbuf_append(json, ",\"reason\":\"Invalid\",\"details\":{");
	append_subject(json, subject);
	strbuf_append(json, ",\"causes\":[");
	for (size_t i = 0; i < listed; i++) {
		if (is_repeated(findings, i)) continue;
		strbuf_append(json, i == 0 ? "{" : ",{");
		append_member(json, "reason", findings->items[i].reason);
		append_member(json, "message", findings->items[i].body);
		append_member(json, "field", findings->items[i].path);
		strbuf_append_char(json, '}');
	}
	strbuf_append(json, "]},\"code\":422}");
}

void status_append_unavailable(struct strbuf *json, const struct status_subject *subject, const char *why) {
	cleanup_free char *message = xasprintf("%s \"%s\" cannot be judged now: %s; try again", subject->kind,
	                                       subject->name != NULL ? subject->name : "", why);
	strbuf_append(json, "{\"metadata\":{},\"status\":\"Failure\",\"message\":");
	strbuf_append_json(json, message);
	strbuf_append(json, ",\"reason\":\"ServiceUnavailable\",\"details\":{");
	append_subject(json, subject);
	strbuf_append(json, ",\"retryAfterSeconds\":1},\"code\":503}");
}

/* k8s.io/apimachinery, StatusReason: the word for an HTTP status. */
static const char *reason_of(int code) {
	static const struct {
		int code;
		const char *reason;
	} reasons[] = {
		{ 400, "BadRequest" },
		{ 403, "Forbidden" },
		{ 404, "NotFound" },
		{ 405, "MethodNotAllowed" },
		{ 413, "RequestEntityTooLarge" },
		{ 415, "UnsupportedMediaType" },
		{ 429, "TooManyRequests" },
		{ 503, "ServiceUnavailable" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++) {
		if (reasons[i].code == code) return reasons[i].reason;
	}
	return "InternalError";
}

void status_append_error(struct strbuf *json, int code, const char *message) {
	strbuf_append(json,
	              "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":");
	strbuf_append_json(json, message);
	strbuf_printf(json, ",\"reason\":\"%s\",\"code\":%d}", reason_of(code), code);
}
