/* The hand-over gate: which deletions it holds back, and when it lets them go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/loop.h"
#include "unit/fake_api.h"
#include "webhook/departure.h"
#include "webhook/handover.h"
#include "webhook/review.h"

/* ---- Reading the review ---- */

static struct json_object *parse(const char *text) {
	struct json_object *json = NULL;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	return json;
}

#define REQUEST(operation_, sub_, more_)                                                                         \
	"{\"uid\":\"u\",\"resource\":{\"group\":\"\",\"version\":\"v1\",\"resource\":\"pods\"},\"subResource\":" \
	"\"" sub_ "\",\"operation\":\"" operation_ "\",\"namespace\":\"demo\",\"name\":\"ag-0\",\"userInfo\":"   \
	"{\"username\":\"somebody\"}" more_ "}"
#define DELETION REQUEST("DELETE", "", ",\"options\":{\"kind\":\"DeleteOptions\"}")

static bool concerns(const char *text, const char *own_user) {
	cleanup_json struct json_object *request = parse(text);
	struct departure departure = { 0 };
	if (!departure_read(request, own_user, &departure)) return false;
	assert_string_equal(departure.namespace, "demo");
	assert_string_equal(departure.pod, "ag-0");
	return true;
}

static void deletions_and_evictions_concern_it(void **state) {
	(void)state;
	assert_true(concerns(DELETION, NULL));
	assert_true(concerns(REQUEST("DELETE", "", ",\"options\":{\"gracePeriodSeconds\":30}"), "agkeeper"));
	assert_true(concerns(REQUEST("CREATE", "eviction", ",\"object\":{\"kind\":\"Eviction\"}"), NULL));
	assert_true(concerns(
	        REQUEST("CREATE", "eviction", ",\"object\":{\"deleteOptions\":{\"gracePeriodSeconds\":5}}"), NULL));
	assert_false(concerns(REQUEST("CREATE", "", ""), NULL));
	assert_false(concerns(REQUEST("UPDATE", "status", ""), NULL));
	assert_false(concerns("{\"operation\":\"DELETE\",\"resource\":{\"resource\":\"services\"}}", NULL));
	assert_false(concerns("{}", NULL));
}

static void without_time_or_in_a_dry_run_nothing_is_done(void **state) {
	(void)state;
	assert_false(concerns(REQUEST("DELETE", "", ",\"options\":{\"gracePeriodSeconds\":0}"), NULL));
	assert_false(concerns(REQUEST("DELETE", "", ",\"dryRun\":true"), NULL));
	assert_false(concerns(REQUEST("DELETE", "", ",\"options\":{\"dryRun\":[\"All\"]}"), NULL));
	assert_false(concerns(
	        REQUEST("CREATE", "eviction", ",\"object\":{\"deleteOptions\":{\"gracePeriodSeconds\":0}}"), NULL));
	assert_false(concerns(REQUEST("CREATE", "eviction", ",\"object\":{\"deleteOptions\":{\"dryRun\":[\"All\"]}}"),
	                      NULL));
}

/* Its rolling updates hand over first; where they could not, waiting would not help. */
static void the_controller_itself_passes(void **state) {
	(void)state;
	assert_false(concerns(DELETION, "somebody"));
}

/* ---- Reading the objects ---- */

#define POD_LABELS(manager_)                         \
	"\"labels\":{\"app.kubernetes.io/managed-by" \
	"\":\"" manager_ "\",\"app.kubernetes.io/instance\":\"ag\"}"

static void a_pod_leads_to_its_object(void **state) {
	(void)state;
	static const struct {
		const char *pod;
		const struct kube_resource *resource;
	} rows[] = {
		{ "{\"metadata\":{" POD_LABELS("agkeeper") "}}", &kube_sqlserveravailabilitygroups },
		{ "{\"metadata\":{" POD_LABELS("kubedb.com") "}}", &kube_mssqlservers },
		{ "{\"metadata\":{" POD_LABELS("helm") "}}", NULL },
		{ "{\"metadata\":{}}", NULL },
		{ "{\"metadata\":{\"deletionTimestamp\":\"2026-11-22T05:00:00Z\"," POD_LABELS("agkeeper") "}}", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_json struct json_object *pod = parse(rows[i].pod);
		const char *name = NULL;
		assert_ptr_equal(departure_owner(pod, &name), rows[i].resource);
		if (rows[i].resource != NULL) assert_string_equal(name, "ag");
	}
}

#define MEMBERS "\"synchronousSet\":[{\"pod\":\"ag-0\"},{\"pod\":\"ag-1\"}]"
#define OBJECT(version_, annotations_, spec_, primary_, members_)                                                     \
	"{\"apiVersion\":\"sql.mssql.microsoft.com/v1alpha1\",\"kind\":\"SQLServerAvailabilityGroup\",\"metadata\":{" \
	"\"namespace\":\"demo\",\"name\":\"ag\",\"resourceVersion\":\"" version_ "\",\"annotations\":{" annotations_  \
	"}},\"spec\":{" spec_ "},\"status\":{\"availabilityGroup\":{\"primary\":{\"pod\":\"" primary_ "\"}," members_ \
	"}}}"

static void only_a_primary_waits(void **state) {
	(void)state;
	static const struct {
		const char *object, *pod;
		enum departure_state expected;
	} rows[] = {
		{ OBJECT("5", "", "", "ag-0", MEMBERS), "ag-0", DEPARTURE_AWAITED },
		{ OBJECT("5", "", "", "ag-0", MEMBERS), "ag-1", DEPARTURE_FOLLOWED },
		{ OBJECT("5", "", "", "ag-0", MEMBERS), "ag-2", DEPARTURE_FREE },
		{ OBJECT("5", "", "\"clusterType\":\"NONE\"", "ag-0", MEMBERS), "ag-0", DEPARTURE_FREE },
		{ OBJECT("5", "", "\"halted\":true", "ag-0", MEMBERS), "ag-0", DEPARTURE_FREE },
		{ "{\"metadata\":{\"deletionTimestamp\":\"2026-11-22T05:00:00Z\"},\"status\":{\"availabilityGroup\":{"
		  "\"primary\":{\"pod\":\"ag-0\"}}}}",
		  "ag-0", DEPARTURE_FREE },
		{ "{\"metadata\":{},\"status\":{}}", "ag-0", DEPARTURE_FREE },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_json struct json_object *object = parse(rows[i].object);
		assert_int_equal(departure_judge(object, rows[i].pod), rows[i].expected);
	}
	assert_int_equal(departure_judge(NULL, "ag-0"), DEPARTURE_FREE);
}

static void versions_compare_as_numbers(void **state) {
	(void)state;
	assert_true(departure_is_seen("10", "9"));
	assert_true(departure_is_seen("9", "9"));
	assert_false(departure_is_seen("9", "10"));
	assert_false(departure_is_seen("8", "9"));
	assert_false(departure_is_seen("8", NULL));
}

/* ---- The gate ---- */

#define GROUPS "/apis/sql.mssql.microsoft.com/v1alpha1/sqlserveravailabilitygroups"
#define GROUP  "/apis/sql.mssql.microsoft.com/v1alpha1/namespaces/demo/sqlserveravailabilitygroups/ag"
#define PODS   "/api/v1/pods"
#define POD                                                                                                \
	"{\"metadata\":{\"namespace\":\"demo\",\"name\":\"ag-0\",\"uid\":\"pod-uid\",\"resourceVersion\":" \
	"\"2\"," POD_LABELS("agkeeper") "}}"
#define LIST(i_)        "{\"metadata\":{\"resourceVersion\":\"5\"},\"items\":[" i_ "]}"
#define WISH            "\"agkeeper.dev/hand-over\":\"ag-0/pod-uid\""
#define MODIFIED(o_)    "{\"type\":\"MODIFIED\",\"object\":" o_ "}\n"
#define WITHOUT_MEMBERS "\"synchronousSet\":[{\"pod\":\"ag-1\"}]"

struct fixture {
	struct fake_api *api;
	struct kube_client *client;
	struct kube_loop *loop;
	struct fake_stream *pods, *groups;
	struct metrics *metrics;
	struct handover *gate;
	atomic_int result; /* -1: still held back */
};

static struct kube_cache *follow(struct fixture *fixture, const struct kube_resource *resource, const char *path,
                                 const char *list, struct fake_stream *stream) {
	fake_api_on(fixture->api, (struct fake_rule){ .path = path, .query = "watch=", .stream = stream });
	fake_api_on(fixture->api, (struct fake_rule){ .path = path, .query = "limit=", .body = list });
	return kube_cache_new(fixture->loop, &(struct kube_cache_options){ .resource = resource });
}

static void start(struct fixture *fixture, const char *group, int patch_status, int64_t wait_ms) {
	*fixture = (struct fixture){ .result = -1 };
	fixture->api = fake_api_new(NULL);
	fixture->client = fake_api_client(fixture->api, NULL);
	fixture->pods = fake_stream_new();
	fixture->groups = fake_stream_new();
	fixture->metrics = metrics_new();
	fixture->loop = kube_loop_new(fixture->client);
	struct kube_cache *pods = follow(fixture, &kube_pods, PODS, LIST(POD), fixture->pods);
	struct kube_cache *groups = follow(fixture, &kube_sqlserveravailabilitygroups, GROUPS, group, fixture->groups);
	fake_api_on(fixture->api, (struct fake_rule){ .method = "PATCH",
	                                              .path = GROUP,
	                                              .status = patch_status,
	                                              .body = OBJECT("7", WISH, "", "ag-0", MEMBERS) });
	assert_int_equal(kube_loop_start(fixture->loop, NULL), 0);
	assert_true(kube_cache_wait(pods, 30000) && kube_cache_wait(groups, 30000));
	fixture->gate = handover_new(&(struct handover_options){ .client = fixture->client,
	                                                         .pods = pods,
	                                                         .groups = groups,
	                                                         .metrics = fixture->metrics,
	                                                         .own_user = "agkeeper",
	                                                         .wait_ms = wait_ms });
}

static void stop(struct fixture *fixture) {
	handover_stop(fixture->gate);
	handover_free(fixture->gate);
	kube_loop_free(fixture->loop);
	kube_client_free(fixture->client);
	fake_api_free(fixture->api);
	fake_stream_free(fixture->pods);
	fake_stream_free(fixture->groups);
	metrics_free(fixture->metrics);
}

static void on_end(void *context, enum handover_result result) {
	struct fixture *fixture = context;
	atomic_store(&fixture->result, (int)result);
}

static bool begin(struct fixture *fixture, const char *text) {
	cleanup_json struct json_object *request = parse(text);
	return handover_begin(fixture->gate, request, on_end, fixture);
}

static bool has_ended(struct fixture *fixture) {
	return wait_until(atomic_load(&fixture->result) >= 0);
}

enum { LONG_MS = 600000 };

static void a_primary_goes_when_another_one_is(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-0", MEMBERS)), 0, LONG_MS);
	assert_true(begin(&fixture, DELETION));
	fake_api_wait(fixture.api, "PATCH", GROUP, NULL, 1);
	const struct fake_request *patch = fake_api_last(fixture.api, "PATCH", GROUP);
	assert_string_equal(patch->body, "{\"metadata\":{\"annotations\":{" WISH "}}}");
	fake_stream_send(fixture.groups, MODIFIED(OBJECT("7", WISH, "", "ag-0", MEMBERS)));
	/* Another one is the primary, and commits still wait for the one that goes. */
	fake_stream_send(fixture.groups, MODIFIED(OBJECT("8", WISH, "", "ag-1", MEMBERS)));
	fake_stream_send(fixture.groups, MODIFIED(OBJECT("9", WISH, "", "ag-1", WITHOUT_MEMBERS)));
	assert_true(has_ended(&fixture));
	assert_int_equal(fixture.result, HANDED_OVER);
	assert_null(handover_warning(HANDED_OVER));
	stop(&fixture);
}

static void a_wish_that_is_taken_back_holds_nobody(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-0", MEMBERS)), 0, LONG_MS);
	assert_true(begin(&fixture, DELETION));
	/* So quickly that the wish itself was never seen. */
	fake_stream_send(fixture.groups, MODIFIED(OBJECT("8", "", "", "ag-0", MEMBERS)));
	assert_true(has_ended(&fixture));
	assert_int_equal(fixture.result, HAND_OVER_REFUSED);
	assert_non_null(handover_warning(HAND_OVER_REFUSED));
	stop(&fixture);
}

static void the_deadline_lets_everybody_go(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-0", MEMBERS)), 0, 1);
	assert_true(begin(&fixture, DELETION));
	assert_true(has_ended(&fixture));
	assert_int_equal(fixture.result, HAND_OVER_LATE);
	stop(&fixture);
}

static void a_wish_that_cannot_be_written_holds_nobody(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-0", MEMBERS)), 403, LONG_MS);
	assert_true(begin(&fixture, DELETION));
	assert_true(has_ended(&fixture));
	assert_int_equal(fixture.result, HAND_OVER_FAILED);
	stop(&fixture);
}

static void who_stops_lets_everybody_go(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-0", MEMBERS)), 0, LONG_MS);
	assert_true(begin(&fixture, DELETION));
	handover_stop(fixture.gate);
	assert_int_equal(fixture.result, HAND_OVER_LATE);
	assert_false(begin(&fixture, DELETION));
	stop(&fixture);
}

static void others_are_not_held_back(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, LIST(OBJECT("5", "", "", "ag-1", MEMBERS)), 0, LONG_MS);
	assert_false(begin(&fixture, DELETION));
	assert_int_equal(fake_api_count(fixture.api, "PATCH", NULL, NULL), 0);
	stop(&fixture);
}

/* ---- The answer ---- */

static void every_departure_is_allowed(void **state) {
	(void)state;
	const char *body =
	        "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":" DELETION "}";
	const struct review_request request = { .path = REVIEW_HANDOVER, .body = body, .length = strlen(body) };
	cleanup_review_answer struct review_answer answer = { 0 };
	review_handle(&request, &answer);
	assert_int_equal(answer.status, 200);
	assert_string_equal(answer.kind, "Pod");
	assert_string_equal(answer.operation, "DELETE");
	assert_non_null(answer.held);
	assert_string_equal(strbuf_text(&answer.body),
	                    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{"
	                    "\"uid\":\"u\",\"allowed\":true}}");
	review_add_warning(&answer, "too late");
	assert_string_equal(strbuf_text(&answer.body),
	                    "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{"
	                    "\"uid\":\"u\",\"allowed\":true,\"warnings\":[\"too late\"]}}");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deletions_and_evictions_concern_it),
		cmocka_unit_test(without_time_or_in_a_dry_run_nothing_is_done),
		cmocka_unit_test(the_controller_itself_passes),
		cmocka_unit_test(a_pod_leads_to_its_object),
		cmocka_unit_test(only_a_primary_waits),
		cmocka_unit_test(versions_compare_as_numbers),
		cmocka_unit_test(a_primary_goes_when_another_one_is),
		cmocka_unit_test(a_wish_that_is_taken_back_holds_nobody),
		cmocka_unit_test(the_deadline_lets_everybody_go),
		cmocka_unit_test(a_wish_that_cannot_be_written_holds_nobody),
		cmocka_unit_test(who_stops_lets_everybody_go),
		cmocka_unit_test(others_are_not_held_back),
		cmocka_unit_test(every_departure_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
