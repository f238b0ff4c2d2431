/* kubectl scale, as admission is asked about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "webhook/review.h"

static const char group_of_three[] =
        "{\"apiVersion\":\"kubedb.com/"
        "v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"name\":\"db\",\"namespace\":\"demo\"},"
        "\"spec\":{\"version\":\"2022-cu16\",\"replicas\":3,\"topology\":{\"mode\":\"AvailabilityGroup\","
        "\"availabilityGroup\":{\"databases\":[\"a\"]}},\"storage\":{\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}"
        "}}}";
static const char standalone[] =
        "{\"apiVersion\":\"kubedb.com/"
        "v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"name\":\"db\",\"namespace\":\"demo\"},"
        "\"spec\":{\"version\":\"2022-cu16\",\"replicas\":1,\"storage\":{\"resources\":{\"requests\":{\"storage\":"
        "\"1Gi\"}}}}}";

/* A cluster with one database, or with none, or one that does not answer. */
struct cluster {
	enum lookup_result result;
	struct json_object *database;
};

static enum lookup_result get(void *context, enum lookup_resource resource, const char *namespace, const char *name,
                              const struct json_object **object, struct findings *findings) {
	const struct cluster *cluster = context;
	(void)namespace;
	if (resource != LOOKUP_MSSQLSERVER || cluster->result == LOOKUP_OFFLINE) return LOOKUP_OFFLINE;
	assert_string_equal(name, "db");
	if (cluster->result == LOOKUP_FAILED) findings->failure = strdup("the API does not answer");
	*object = cluster->database;
	return cluster->result;
}

static enum lookup_result list(void *context, enum lookup_resource resource, const char *namespace,
                               void (*visit)(void *visitor, const struct json_object *object), void *visitor,
                               struct findings *findings) {
	(void)context;
	(void)resource;
	(void)namespace;
	(void)visit;
	(void)visitor;
	(void)findings;
	return LOOKUP_OFFLINE;
}

/* What /validate answers when "db" is scaled to so many replicas. */
static struct json_object *scale(enum lookup_result result, const char *database, int replicas) {
	struct cluster cluster = { .result = result };
	if (database != NULL) {
		assert_int_equal(json_parse(database, strlen(database), &cluster.database, NULL), 0);
	}
	const struct lookup lookup = { .context = &cluster, .get = get, .list = list };
	cleanup_free char *body = xasprintf(
	        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\","
	        "\"kind\":{\"group\":\"autoscaling\",\"version\":\"v1\",\"kind\":\"Scale\"},"
	        "\"resource\":{\"group\":\"kubedb.com\",\"version\":\"v1\",\"resource\":\"mssqlservers\"},"
	        "\"subResource\":\"scale\",\"name\":\"db\",\"namespace\":\"demo\",\"operation\":\"UPDATE\","
	        "\"object\":{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"spec\":{\"replicas\":%d}},"
	        "\"oldObject\":{\"apiVersion\":\"autoscaling/v1\",\"kind\":\"Scale\",\"spec\":{}}}}",
	        replicas);
	const struct review_request request = {
		.path = REVIEW_VALIDATE, .body = body, .length = strlen(body), .lookup = &lookup
	};
	cleanup_review_answer struct review_answer answer = { 0 };
	review_handle(&request, &answer);
	assert_int_equal(answer.status, 200);
	struct json_object *json = NULL;
	assert_int_equal(json_parse(answer.body.data, answer.body.length, &json, NULL), 0);
	json_object_put(cluster.database);
	return json;
}

static void assert_allowed(struct json_object *answer) {
	assert_true(json_get_flag(json_get(answer, "response"), "allowed", false));
	json_object_put(answer);
}

static void assert_refused(struct json_object *answer, int64_t code, const char *text) {
	const struct json_object *response = json_get(answer, "response");
	assert_false(json_get_flag(response, "allowed", true));
	assert_int_equal(json_get_integer(json_get(response, "status"), "code", 0), code);
	assert_non_null(strstr(json_get_text(json_get(response, "status"), "message"), text));
	json_object_put(answer);
}

static void a_group_grows(void **state) {
	(void)state;
	assert_allowed(scale(LOOKUP_FOUND, group_of_three, 4));
	assert_allowed(scale(LOOKUP_FOUND, group_of_three, 3));
}

static void what_the_object_may_not_be_it_may_not_become_by_scaling(void **state) {
	(void)state;
	assert_refused(scale(LOOKUP_FOUND, standalone, 3), 422, "spec.replicas");
	assert_refused(scale(LOOKUP_FOUND, group_of_three, 2), 422, "spec.replicas");
	assert_refused(scale(LOOKUP_FOUND, group_of_three, 0), 422, "spec.replicas");
	assert_refused(scale(LOOKUP_FOUND, group_of_three, 10), 422, "spec.replicas");
}

static void without_the_object_it_cannot_be_judged(void **state) {
	(void)state;
	assert_allowed(scale(LOOKUP_ABSENT, NULL, 3));
	assert_refused(scale(LOOKUP_FAILED, NULL, 3), 503, "the API does not answer");
	struct json_object *answer = scale(LOOKUP_OFFLINE, NULL, 3);
	assert_int_equal(json_object_array_length(json_get_path(answer, "response", "warnings", NULL)), 1);
	assert_allowed(answer);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_grows),
		cmocka_unit_test(what_the_object_may_not_be_it_may_not_become_by_scaling),
		cmocka_unit_test(without_the_object_it_cannot_be_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
