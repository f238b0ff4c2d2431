#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "unit/webhook_widget.h"
#include "webhook/review.h"

static void handle(enum review_path path, const char *body, const struct lookup *lookup, struct review_answer *answer) {
	/* Exactly as long as the text: a read past the end is seen by the sanitizers. */
	cleanup_free char *copy = xmalloc(strlen(body));
	memcpy(copy, body, strlen(body));
	const struct review_request request = {
		.path = path, .body = copy, .length = strlen(body), .lookup = lookup, .own_user = "agkeeper"
	};
	review_handle(&request, answer);
}

static void assert_answer(enum review_path path, const char *body, enum review_result result, const char *expected) {
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(path, body, &lookup_offline, &answer);
	assert_string_equal(strbuf_text(&answer.body), expected);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.result, result);
	assert_null(answer.problem);
}

/* A body that is no review: 400 with a Status that says why. */
static void assert_bad(enum review_path path, const char *body, const char *message) {
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(path, body, &lookup_offline, &answer);
	assert_int_equal(answer.status, 400);
	assert_int_equal(answer.result, REVIEW_BAD_REQUEST);
	assert_string_equal(answer.problem, message);
	cleanup_json struct json_object *status = NULL;
	assert_int_equal(json_parse(answer.body.data, answer.body.length, &status, NULL), 0);
	assert_string_equal(json_get_text(status, "kind"), "Status");
	assert_string_equal(json_get_text(status, "message"), message);
	assert_string_equal(json_get_text(status, "reason"), "BadRequest");
	assert_int_equal(json_get_integer(status, "code", 0), 400);
}

static void a_good_object_is_allowed(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE, CREATE("\"size\":3"), REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
}

static void one_finding_is_told_without_brackets(void **state) {
	(void)state;
	assert_answer(
	        REVIEW_VALIDATE, CREATE("\"size\":3,\"color\":\"red\""), REVIEW_REFUSED,
	        RESPONSE("\"allowed\":false,\"status\":{\"metadata\":{},\"status\":\"Failure\",\"message\":"
	                 "\"Widget.test.io \\\"w\\\" is invalid: spec.color: Invalid value: \\\"red\\\": must not be "
	                 "red\",\"reason\":\"Invalid\",\"details\":{\"name\":\"w\",\"group\":\"test.io\",\"kind\":"
	                 "\"Widget\",\"causes\":[{\"reason\":\"FieldValueInvalid\",\"message\":\"Invalid value: "
	                 "\\\"red\\\": must not be red\",\"field\":\"spec.color\"}]},\"code\":422}"));
}

static void all_findings_are_told_at_once(void **state) {
	(void)state;
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_VALIDATE, CREATE("\"size\":0,\"color\":\"red\""), &lookup_offline, &answer);
	cleanup_json struct json_object *review = NULL;
	assert_int_equal(json_parse(answer.body.data, answer.body.length, &review, NULL), 0);
	const struct json_object *status = json_get_path(review, "response", "status", NULL);
	const char *message = json_get_text(status, "message");
	assert_non_null(strstr(message, "Widget.test.io \"w\" is invalid: [spec.size: Invalid value: 0: "));
	assert_non_null(strstr(message, ", spec.color: Invalid value: \"red\": must not be red]"));
	assert_int_equal(json_object_array_length(json_get_path(status, "details", "causes", NULL)), 2);
	assert_int_equal(answer.findings.count, 2);
	assert_string_equal(answer.findings.items[1].rule, "color");
	assert_string_equal(answer.kind, "Widget");
	assert_string_equal(answer.operation, "CREATE");
}

static void warnings_come_with_the_answer(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE, CREATE("\"size\":3,\"color\":\"gray\""), REVIEW_ALLOWED,
	              RESPONSE("\"allowed\":true,\"warnings\":[\"spec.color: gray is dull\"]"));
}

static void long_warnings_are_cut_between_characters(void **state) {
	(void)state;
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_VALIDATE, CREATE("\"size\":3,\"color\":\"long\""), &lookup_offline, &answer);
	cleanup_json struct json_object *review = NULL;
	assert_int_equal(json_parse(answer.body.data, answer.body.length, &review, NULL), 0);
	struct json_object *warnings = json_get_path(review, "response", "warnings", NULL);
	assert_int_equal(json_object_array_length(warnings), 2);
	for (size_t i = 0; i < 2; i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(warnings, i));
		assert_in_range(strlen(text), 254, 256);
		assert_string_equal(text + strlen(text) - strlen("…"), "…");
		assert_null(strstr(text, "\xEF\xBF\xBD"));
	}
}

static void rules_know_who_asks(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE, CREATE("\"size\":3,\"color\":\"echo\""), REVIEW_ALLOWED,
	              RESPONSE("\"allowed\":true,\"warnings\":[\"user eve, own user agkeeper\"]"));
}

static void mutate_sets_defaults_by_patch(void **state) {
	(void)state;
	/* [{"op":"add","path":"/spec/color","value":"blue"}] */
	assert_answer(REVIEW_MUTATE, CREATE("\"size\":3"), REVIEW_ALLOWED,
	              RESPONSE("\"allowed\":true,\"patchType\":\"JSONPatch\",\"patch\":"
	                       "\"W3sib3AiOiJhZGQiLCJwYXRoIjoiL3NwZWMvY29sb3IiLCJ2YWx1ZSI6ImJsdWUifV0=\""));
}

static void mutate_without_anything_to_set_sends_no_patch(void **state) {
	(void)state;
	assert_answer(REVIEW_MUTATE, CREATE("\"size\":3,\"color\":\"green\""), REVIEW_ALLOWED,
	              RESPONSE("\"allowed\":true"));
}

static void mutate_leaves_rules_to_validate(void **state) {
	(void)state;
	assert_answer(REVIEW_MUTATE, CREATE("\"size\":3,\"color\":\"red\""), REVIEW_ALLOWED,
	              RESPONSE("\"allowed\":true"));
}

static void mutate_refuses_what_the_schema_would_and_names_everything(void **state) {
	(void)state;
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_MUTATE, CREATE("\"size\":0,\"color\":\"red\""), &lookup_offline, &answer);
	assert_int_equal(answer.result, REVIEW_REFUSED);
	assert_non_null(strstr(answer.body.data, "spec.size"));
	assert_non_null(strstr(answer.body.data, "must not be red"));
	assert_null(strstr(answer.body.data, "patch"));
}

static void a_status_write_is_never_refused(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE,
	              REVIEW("UPDATE", "\"subResource\":\"status\",\"object\":" WIDGET(
	                                       "\"size\":0") ",\"oldObject\":" WIDGET("\"size\":0")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
	/* Nor one that leaves spec as it is. */
	assert_answer(REVIEW_VALIDATE,
	              REVIEW("UPDATE", "\"object\":" WIDGET("\"size\":0") ",\"oldObject\":" WIDGET("\"size\":0")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
}

static void an_update_is_judged_with_both_sides_defaulted(void **state) {
	(void)state;
	/* Stored before the default of color existed: setting it is no change. */
	assert_answer(REVIEW_VALIDATE,
	              REVIEW("UPDATE", "\"object\":" WIDGET("\"size\":0,\"color\":\"blue\"") ",\"oldObject\":" WIDGET(
	                                       "\"size\":0")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
}

static void a_delete_is_judged_by_what_is_deleted(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE, REVIEW("DELETE", "\"object\":null,\"oldObject\":" WIDGET("\"size\":3")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_VALIDATE,
	       REVIEW("DELETE", "\"object\":null,\"oldObject\":" WIDGET("\"size\":3,\"color\":\"gold\"")),
	       &lookup_offline, &answer);
	assert_int_equal(answer.result, REVIEW_REFUSED);
	assert_string_equal(answer.findings.items[0].rule, "delete");
	/* Defaults are not for the dead. */
	assert_answer(REVIEW_MUTATE, REVIEW("DELETE", "\"object\":null,\"oldObject\":" WIDGET("\"size\":3")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
}

static void a_dry_run_gets_the_same_answer(void **state) {
	(void)state;
	assert_answer(REVIEW_VALIDATE, REVIEW("CREATE", "\"dryRun\":true,\"object\":" WIDGET("\"size\":3")),
	              REVIEW_ALLOWED, RESPONSE("\"allowed\":true"));
}

static void strangers_pass_with_a_warning(void **state) {
	(void)state;
	assert_answer(
	        REVIEW_VALIDATE,
	        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u-1\","
	        "\"kind\":{\"group\":\"apps\",\"version\":\"v1\",\"kind\":\"Deployment\"},\"operation\":\"CREATE\"}}",
	        REVIEW_ALLOWED,
	        RESPONSE("\"allowed\":true,\"warnings\":[\"agkeeper does not know Deployment of apps/v1: let through "
	                 "unseen\"]"));
}

static enum lookup_result fail_to_get(void *context, enum lookup_resource resource, const char *namespace,
                                      const char *name, const struct json_object **object, struct findings *findings) {
	(void)context;
	(void)resource;
	(void)namespace;
	(void)object;
	if (findings->failure == NULL) findings->failure = xasprintf("version %s: no answer", name);
	return LOOKUP_FAILED;
}

static void an_unanswered_lookup_refuses_for_now(void **state) {
	(void)state;
	const struct lookup failing = { .get = fail_to_get };
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_VALIDATE, CREATE("\"size\":3,\"version\":\"2022\""), &failing, &answer);
	assert_int_equal(answer.status, 200);
	assert_int_equal(answer.result, REVIEW_UNAVAILABLE);
	assert_string_equal(
	        answer.body.data,
	        RESPONSE("\"allowed\":false,\"status\":{\"metadata\":{},\"status\":\"Failure\",\"message\":"
	                 "\"Widget \\\"w\\\" cannot be judged now: version 2022: no answer; try again\",\"reason\":"
	                 "\"ServiceUnavailable\",\"details\":{\"name\":\"w\",\"group\":\"test.io\",\"kind\":"
	                 "\"Widget\",\"retryAfterSeconds\":1},\"code\":503}"));
	/* The neighbour that asks nobody is judged. */
	review_answer_reset(&answer);
	handle(REVIEW_VALIDATE, CREATE("\"size\":3"), &failing, &answer);
	assert_int_equal(answer.result, REVIEW_ALLOWED);
}

static void what_is_no_review_is_a_bad_request(void **state) {
	(void)state;
	assert_bad(REVIEW_VALIDATE, "", "the body is empty");
	assert_bad(REVIEW_VALIDATE, "[]", "the body must be a JSON object: admission.k8s.io/v1 AdmissionReview");
	assert_bad(REVIEW_VALIDATE, "{}",
	           "unsupported review: apiVersion \"\", kind \"\"; supported: admission.k8s.io/v1 AdmissionReview");
	assert_bad(REVIEW_VALIDATE,
	           "{\"apiVersion\":\"admission.k8s.io/v1beta1\",\"kind\":\"AdmissionReview\",\"request\":{}}",
	           "unsupported review: apiVersion \"admission.k8s.io/v1beta1\", kind \"AdmissionReview\"; supported: "
	           "admission.k8s.io/v1 AdmissionReview");
	assert_bad(REVIEW_CONVERT, CREATE("\"size\":3"),
	           "unsupported review: apiVersion \"admission.k8s.io/v1\", kind \"AdmissionReview\"; supported: "
	           "apiextensions.k8s.io/v1 ConversionReview");
	assert_bad(REVIEW_VALIDATE, "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\"}",
	           "request: must be an object");
	assert_bad(REVIEW_VALIDATE,
	           "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{}}",
	           "request.uid: must be a string that is not empty");
	assert_bad(REVIEW_VALIDATE,
	           "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":7}}",
	           "request.uid: must be a string that is not empty");
	assert_bad(REVIEW_VALIDATE,
	           "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\"}}",
	           "request.kind.kind: must be a string");
	assert_bad(REVIEW_VALIDATE, REVIEW("PATCH", "\"object\":{}"),
	           "request.operation: \"PATCH\" is not one of CREATE, UPDATE, DELETE, CONNECT");
	assert_bad(REVIEW_VALIDATE, REVIEW("CREATE", "\"object\":null"), "request.object: must be an object");
	assert_bad(REVIEW_VALIDATE, REVIEW("CREATE", "\"object\":\"text\""), "request.object: must be an object");
	assert_bad(REVIEW_VALIDATE, REVIEW("UPDATE", "\"object\":" WIDGET("\"size\":3")),
	           "request.oldObject: must be an object");
	assert_bad(REVIEW_VALIDATE, REVIEW("DELETE", "\"object\":null"), "request.oldObject: must be an object");
	assert_bad(REVIEW_VALIDATE, REVIEW("CREATE", "\"object\":{\"apiVersion\":\"v1\",\"kind\":\"Pod\"}"),
	           "request.object: its apiVersion and kind must be those of request.kind, test.io/v1 Widget");
	assert_bad(REVIEW_VALIDATE, REVIEW("CREATE", "\"uid\":\"other\",\"object\":" WIDGET("\"size\":3")),
	           "invalid JSON at byte 220: an object has the same key twice");
}

#define CONVERSION(version_, objects_)                                                                            \
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u-1\"," \
	"\"desiredAPIVersion\":\"" version_ "\",\"objects\":[" objects_ "]}}"
#define CONVERTED(rest_)                          \
	"{\"apiVersion\":\"apiextensions.k8s.io/" \
	"v1\",\"kind\":\"ConversionReview\",\"response\":{\"uid\":\"u-1\"," rest_ "}}"
#define OBJECT(version_, name_, spec_)                                                                 \
	"{\"apiVersion\":\"test.io/" version_ "\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"" name_ \
	"\",\"namespace\":\"n\"},\"spec\":{" spec_ "}}"

static void objects_are_converted_in_batches(void **state) {
	(void)state;
	assert_answer(
	        REVIEW_CONVERT,
	        CONVERSION("test.io/v1", OBJECT("v2", "a", "\"size\":1") "," OBJECT("v1", "b", "\"color\":\"red\"")),
	        REVIEW_ALLOWED,
	        CONVERTED("\"convertedObjects\":[" OBJECT("v1", "a", "\"size\":1,\"color\":\"converted\"") "," OBJECT(
	                "v1", "b", "\"color\":\"red\"") "],\"result\":{\"status\":\"Success\"}"));
	assert_answer(REVIEW_CONVERT, CONVERSION("test.io/v2", OBJECT("v1", "a", "\"size\":1,\"color\":\"red\"")),
	              REVIEW_ALLOWED,
	              CONVERTED("\"convertedObjects\":[" OBJECT("v2", "a", "\"size\":1") "],\"result\":{\"status\":"
	                                                                                 "\"Success\"}"));
	assert_answer(REVIEW_CONVERT, CONVERSION("test.io/v2", ""), REVIEW_ALLOWED,
	              CONVERTED("\"convertedObjects\":[],\"result\":{\"status\":\"Success\"}"));
}

#define LIST(version_, items_)                                                                                       \
	"{\"apiVersion\":\"test.io/" version_ "\",\"kind\":\"WidgetList\",\"metadata\":{\"resourceVersion\":\"7\"}," \
	"\"items\":[" items_ "]}"

static void lists_are_converted_with_their_items(void **state) {
	(void)state;
	assert_answer(REVIEW_CONVERT, CONVERSION("test.io/v1", LIST("v2", OBJECT("v2", "a", "\"size\":1"))),
	              REVIEW_ALLOWED,
	              CONVERTED("\"convertedObjects\":[" LIST(
	                      "v1", OBJECT("v1", "a", "\"size\":1,\"color\":\"converted\"")) "],\"result\":{\"status\":"
	                                                                                     "\"Success\"}"));
}

static void a_failed_conversion_converts_nothing_and_names_the_object(void **state) {
	(void)state;
	assert_answer(REVIEW_CONVERT,
	              CONVERSION("test.io/v1", OBJECT("v2", "a", "\"size\":1") "," OBJECT("v2", "stubborn", "")),
	              REVIEW_REFUSED,
	              CONVERTED("\"convertedObjects\":[],\"result\":{\"status\":\"Failure\",\"message\":\"Widget "
	                        "\\\"n/stubborn\\\": spec.color: cannot be converted\"}"));
	assert_answer(REVIEW_CONVERT, CONVERSION("test.io/v3", OBJECT("v2", "a", "")), REVIEW_REFUSED,
	              CONVERTED("\"convertedObjects\":[],\"result\":{\"status\":\"Failure\",\"message\":\"Widget "
	                        "\\\"n/a\\\": cannot convert Widget to test.io/v3: no such version\"}"));
	assert_answer(REVIEW_CONVERT, CONVERSION("test.io/v1", "7"), REVIEW_REFUSED,
	              CONVERTED("\"convertedObjects\":[],\"result\":{\"status\":\"Failure\",\"message\":\"an object to "
	                        "convert must be a JSON object\"}"));
	assert_answer(
	        REVIEW_CONVERT, CONVERSION("test.io/v1", "{\"kind\":\"Pod\",\"apiVersion\":\"v1\"}"), REVIEW_REFUSED,
	        CONVERTED("\"convertedObjects\":[],\"result\":{\"status\":\"Failure\",\"message\":\"Pod \\\"\\\": "
	                  "unknown kind of apiVersion \\\"v1\\\"\"}"));
}

static void a_conversion_without_version_or_objects_is_a_bad_request(void **state) {
	(void)state;
	assert_bad(REVIEW_CONVERT,
	           "{\"apiVersion\":\"apiextensions.k8s.io/"
	           "v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\"}}",
	           "request.desiredAPIVersion: must be a string");
	assert_bad(
	        REVIEW_CONVERT,
	        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\","
	        "\"desiredAPIVersion\":\"test.io/v1\",\"objects\":{}}}",
	        "request.objects: must be a list");
}

static void an_answer_can_be_used_again(void **state) {
	(void)state;
	cleanup_review_answer struct review_answer answer = { 0 };
	handle(REVIEW_VALIDATE, CREATE("\"size\":0"), &lookup_offline, &answer);
	assert_int_equal(answer.result, REVIEW_REFUSED);
	const char *memory = answer.body.data;
	review_answer_reset(&answer);
	assert_ptr_equal(answer.body.data, memory);
	handle(REVIEW_VALIDATE, CREATE("\"size\":3"), &lookup_offline, &answer);
	assert_string_equal(answer.body.data, RESPONSE("\"allowed\":true"));
	assert_int_equal(answer.findings.count, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_object_is_allowed),
		cmocka_unit_test(one_finding_is_told_without_brackets),
		cmocka_unit_test(all_findings_are_told_at_once),
		cmocka_unit_test(warnings_come_with_the_answer),
		cmocka_unit_test(long_warnings_are_cut_between_characters),
		cmocka_unit_test(rules_know_who_asks),
		cmocka_unit_test(mutate_sets_defaults_by_patch),
		cmocka_unit_test(mutate_without_anything_to_set_sends_no_patch),
		cmocka_unit_test(mutate_leaves_rules_to_validate),
		cmocka_unit_test(mutate_refuses_what_the_schema_would_and_names_everything),
		cmocka_unit_test(a_status_write_is_never_refused),
		cmocka_unit_test(an_update_is_judged_with_both_sides_defaulted),
		cmocka_unit_test(a_delete_is_judged_by_what_is_deleted),
		cmocka_unit_test(a_dry_run_gets_the_same_answer),
		cmocka_unit_test(strangers_pass_with_a_warning),
		cmocka_unit_test(an_unanswered_lookup_refuses_for_now),
		cmocka_unit_test(what_is_no_review_is_a_bad_request),
		cmocka_unit_test(objects_are_converted_in_batches),
		cmocka_unit_test(lists_are_converted_with_their_items),
		cmocka_unit_test(a_failed_conversion_converts_nothing_and_names_the_object),
		cmocka_unit_test(a_conversion_without_version_or_objects_is_a_bad_request),
		cmocka_unit_test(an_answer_can_be_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
