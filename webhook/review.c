#include "webhook/review.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "webhook/admission.h"
#include "webhook/conversion.h"
#include "webhook/status.h"

const char *review_result_name(enum review_result result) {
	static const char *const names[] = { "allowed", "refused", "unavailable", "bad_request" };
	return names[result];
}

void review_answer_reset(struct review_answer *answer) {
	struct strbuf body = answer->body;
	strbuf_reset(&body);
	findings_free(&answer->findings);
	json_object_put(answer->held);
	free(answer->problem);
	*answer = (struct review_answer){ .body = body };
}

void review_answer_free(struct review_answer *answer) {
	review_answer_reset(answer);
	strbuf_free(&answer->body);
}

/* The envelope that both reviews share. */
struct envelope {
	const char *api_version;
	const char *kind;
};
static const struct envelope admission_envelope = { "admission.k8s.io/v1", "AdmissionReview" };
static const struct envelope conversion_envelope = { "apiextensions.k8s.io/v1", "ConversionReview" };

static int check_envelope(struct json_object *review, const struct envelope *envelope, struct error **err) {
	if (!json_object_is_type(review, json_type_object)) {
		return error_set(err, ERROR_INVALID, "the body must be a JSON object: %s %s", envelope->api_version,
		                 envelope->kind);
	}
	const char *api_version = json_get_text(review, "apiVersion");
	const char *kind = json_get_text(review, "kind");
	if (api_version == NULL || kind == NULL || strcmp(api_version, envelope->api_version) != 0 ||
	    strcmp(kind, envelope->kind) != 0) {
		return error_set(err, ERROR_INVALID,
		                 "unsupported review: apiVersion \"%s\", kind \"%s\"; supported: %s %s",
		                 api_version != NULL ? api_version : "", kind != NULL ? kind : "",
		                 envelope->api_version, envelope->kind);
	}
	struct json_object *request = json_get(review, "request");
	if (!json_object_is_type(request, json_type_object)) {
		return error_set(err, ERROR_INVALID, "request: must be an object");
	}
	const char *uid = json_get_text(request, "uid");
	if (uid == NULL || uid[0] == '\0') {
		return error_set(err, ERROR_INVALID, "request.uid: must be a string that is not empty");
	}
	return 0;
}

/* Always allowed: whether it waits before is for the gate to say. */
static void allow_departure(struct json_object *inner, struct review_answer *answer) {
	const char *operation = json_get_text(inner, "operation");
	answer->kind = "Pod";
	if (operation != NULL && strcmp(operation, "DELETE") == 0) answer->operation = "DELETE";
	if (operation != NULL && strcmp(operation, "CREATE") == 0) answer->operation = "CREATE";
	answer->held = json_object_get(inner);
	admission_allow(answer, json_get_text(inner, "uid"));
}

static int handle(const struct review_request *request, struct review_answer *answer, struct error **err) {
	if (request->length == 0) return error_set(err, ERROR_INVALID, "the body is empty");
	cleanup_json struct json_object *review = NULL;
	if (json_parse(request->body, request->length, &review, err) != 0) return -1;
	bool conversion = request->path == REVIEW_CONVERT;
	if (check_envelope(review, conversion ? &conversion_envelope : &admission_envelope, err) != 0) return -1;
	struct json_object *inner = json_get(review, "request");
	if (request->path == REVIEW_HANDOVER) {
		allow_departure(inner, answer);
		return 0;
	}
	return conversion ? conversion_review(inner, answer, err) : admission_review(request, inner, answer, err);
}

void review_handle(const struct review_request *request, struct review_answer *answer) {
	cleanup_error struct error *err = NULL;
	answer->status = 200;
	answer->kind = "other";
	answer->operation = request->path == REVIEW_CONVERT ? "CONVERT" : "other";
	if (handle(request, answer, &err) == 0) return;
	answer->status = 400;
	answer->result = REVIEW_BAD_REQUEST;
	strbuf_reset(&answer->body);
	status_append_error(&answer->body, answer->status, err->message);
	answer->problem = xstrdup(err->message);
}

void review_add_warning(struct review_answer *answer, const char *warning) {
	warn(&answer->findings, "%s", warning);
	strbuf_reset(&answer->body);
	admission_allow(answer, json_get_text(answer->held, "uid"));
}
