/* What rules get to see of a cluster: caches first, live reads behind them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/loop.h"
#include "unit/fake_api.h"
#include "webhook/lookup.h"

#define SERVERS          "/apis/kubedb.com/v1alpha2/mssqlservers"
#define IN_DEMO          "/apis/kubedb.com/v1alpha2/namespaces/demo/mssqlservers"
#define CLASSES          "/apis/storage.k8s.io/v1/storageclasses"
#define OBJECT(n_)       "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"" n_ "\",\"resourceVersion\":\"1\"}}"
#define REQUESTS         "/apis/ops.kubedb.com/v1alpha1/mssqlserveropsrequests"
#define REQUESTS_IN_DEMO "/apis/ops.kubedb.com/v1alpha1/namespaces/demo/mssqlserveropsrequests"
#define LIST(i_)         "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[" i_ "]}"

struct fixture {
	struct fake_api *api;
	struct kube_client *client;
	struct kube_loop *loop;
	struct fake_stream *watch;
	struct lookup_cluster cluster;
	struct lookup_provider provider;
};

static int set_up(void **state) {
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	fixture->api = fake_api_new(NULL);
	fixture->client = fake_api_client(fixture->api, NULL);
	fixture->watch = fake_stream_new();
	fixture->cluster.client = fixture->client;
	fixture->provider = lookup_provider_cluster(&fixture->cluster);
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	if (fixture->loop != NULL) kube_loop_free(fixture->loop);
	kube_client_free(fixture->client);
	fake_api_free(fixture->api);
	fake_stream_free(fixture->watch);
	free(fixture);
	return 0;
}

/* A cache of the resource, which is listed at `path`, that holds the items; with items NULL its list is never answered.
 */
static void cache_resource(struct fixture *fixture, enum lookup_resource resource, const char *path, const char *list) {
	fake_api_on(fixture->api, (struct fake_rule){ .path = path, .query = "watch=", .stream = fixture->watch });
	fake_api_on(fixture->api,
	            (struct fake_rule){ .path = path, .query = "limit=", .body = list, .hang = list == NULL });
	fixture->loop = kube_loop_new(fixture->client);
	const struct kube_cache_options options = { .resource = lookup_kube_resource(resource) };
	fixture->cluster.caches[resource] = kube_cache_new(fixture->loop, &options);
	assert_int_equal(kube_loop_start(fixture->loop, NULL), 0);
	if (list != NULL) assert_true(kube_cache_wait(fixture->cluster.caches[resource], 30000));
}

static void cache_servers(struct fixture *fixture, const char *list) {
	cache_resource(fixture, LOOKUP_MSSQLSERVER, SERVERS, list);
}

static struct lookup_session *session_new(const struct fixture *fixture, bool live) {
	struct lookup_session *session = xcalloc(1, sizeof(*session));
	fixture->provider.begin(fixture->provider.context, live, session);
	return session;
}

static void session_free(const struct fixture *fixture, struct lookup_session *session) {
	fixture->provider.end(session);
	free(session);
}

static enum lookup_result get(struct lookup_session *session, enum lookup_resource resource, const char *namespace,
                              const char *name, const struct json_object **object, struct findings *findings) {
	return session->lookup.get(session->lookup.context, resource, namespace, name, object, findings);
}

static void count_visit(void *visitor, const struct json_object *object) {
	assert_non_null(json_get(object, "metadata"));
	++*(int *)visitor;
}

static enum lookup_result list(struct lookup_session *session, enum lookup_resource resource, const char *namespace,
                               int *count, struct findings *findings) {
	*count = 0;
	return session->lookup.list(session->lookup.context, resource, namespace, count_visit, count, findings);
}

static void what_the_cache_holds_needs_no_read(void **state) {
	struct fixture *fixture = *state;
	cache_servers(fixture, LIST(OBJECT("sales")));
	cleanup_findings struct findings findings = { 0 };
	const struct json_object *object;
	struct lookup_session *session = session_new(fixture, false);
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "sales", &object, &findings), LOOKUP_FOUND);
	assert_string_equal(json_get_text(json_get(object, "metadata"), "name"), "sales");
	int count;
	assert_int_equal(list(session, LOOKUP_MSSQLSERVER, "demo", &count, &findings), LOOKUP_FOUND);
	assert_int_equal(count, 1);
	assert_int_equal(list(session, LOOKUP_MSSQLSERVER, "elsewhere", &count, &findings), LOOKUP_FOUND);
	assert_int_equal(count, 0);
	assert_false(session->needs_live);
	assert_null(findings.failure);
	session_free(fixture, session);
	assert_int_equal(fake_api_count(fixture->api, "GET", IN_DEMO "/sales", NULL), 0);
}

static void what_the_cache_does_not_hold_is_wanted_live(void **state) {
	struct fixture *fixture = *state;
	cache_servers(fixture, LIST(OBJECT("sales")));
	fake_api_on(fixture->api, (struct fake_rule){ .path = IN_DEMO "/new", .body = OBJECT("new") });
	cleanup_findings struct findings findings = { 0 };
	const struct json_object *object;
	struct lookup_session *session = session_new(fixture, false);
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "new", &object, &findings), LOOKUP_FAILED);
	assert_true(session->needs_live);
	assert_non_null(findings.failure);
	session_free(fixture, session);
	assert_int_equal(fake_api_count(fixture->api, "GET", IN_DEMO "/new", NULL), 0);

	cleanup_findings struct findings again = { 0 };
	session = session_new(fixture, true);
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "new", &object, &again), LOOKUP_FOUND);
	assert_string_equal(json_get_text(json_get(object, "metadata"), "name"), "new");
	/* Rules ask for the same object several times: it is read once, and stays as it was. */
	const struct json_object *same;
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "new", &same, &again), LOOKUP_FOUND);
	assert_ptr_equal(object, same);
	assert_int_equal(fake_api_count(fixture->api, "GET", IN_DEMO "/new", NULL), 1);
	/* A plain 404 is an answer as well, and a certain one. */
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "nowhere", &object, &again), LOOKUP_ABSENT);
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "nowhere", &object, &again), LOOKUP_ABSENT);
	assert_int_equal(fake_api_count(fixture->api, "GET", IN_DEMO "/nowhere", NULL), 1);
	assert_null(again.failure);
	session_free(fixture, session);
}

/* One that was admitted a moment ago stands in the way of the next, though no watch has told of it yet. */
static void ops_requests_are_listed_afresh(void **state) {
	struct fixture *fixture = *state;
	cache_resource(fixture, LOOKUP_MSSQLSERVEROPSREQUEST, REQUESTS, LIST(""));
	fake_api_on(fixture->api, (struct fake_rule){ .path = REQUESTS_IN_DEMO, .body = LIST(OBJECT("first")) });
	cleanup_findings struct findings findings = { 0 };
	int count;
	struct lookup_session *session = session_new(fixture, false);
	assert_int_equal(list(session, LOOKUP_MSSQLSERVEROPSREQUEST, "demo", &count, &findings), LOOKUP_FAILED);
	assert_true(session->needs_live);
	session_free(fixture, session);
	cleanup_findings struct findings again = { 0 };
	session = session_new(fixture, true);
	assert_int_equal(list(session, LOOKUP_MSSQLSERVEROPSREQUEST, "demo", &count, &again), LOOKUP_FOUND);
	assert_int_equal(count, 1);
	session_free(fixture, session);
}

static void lists_are_read_live_until_the_cache_is_synced(void **state) {
	struct fixture *fixture = *state;
	cache_servers(fixture, NULL);
	fake_api_on(fixture->api, (struct fake_rule){ .path = IN_DEMO, .body = LIST(OBJECT("a") "," OBJECT("b")) });
	cleanup_findings struct findings findings = { 0 };
	int count;
	struct lookup_session *session = session_new(fixture, false);
	assert_int_equal(list(session, LOOKUP_MSSQLSERVER, "demo", &count, &findings), LOOKUP_FAILED);
	assert_true(session->needs_live);
	session_free(fixture, session);
	cleanup_findings struct findings again = { 0 };
	session = session_new(fixture, true);
	assert_int_equal(list(session, LOOKUP_MSSQLSERVER, "demo", &count, &again), LOOKUP_FOUND);
	assert_int_equal(count, 2);
	assert_null(again.failure);
	session_free(fixture, session);

	cleanup_strbuf struct strbuf why = { 0 };
	assert_false(lookup_cluster_is_synced(&fixture->cluster, &why));
	assert_string_equal(why.data, "no list yet of mssqlservers");
}

static void an_api_that_does_not_answer_is_a_failure(void **state) {
	struct fixture *fixture = *state;
	fixture->cluster.timeout_ms = 100;
	fake_api_on(fixture->api, (struct fake_rule){ .path = CLASSES "/fast", .hang = true });
	fake_api_on(fixture->api, (struct fake_rule){ .path = CLASSES, .status = 403, .body = "{}" });
	cleanup_findings struct findings findings = { 0 };
	const struct json_object *object;
	struct lookup_session *session = session_new(fixture, true);
	int count;
	assert_int_equal(list(session, LOOKUP_STORAGECLASS, NULL, &count, &findings), LOOKUP_FAILED);
	assert_non_null(strstr(findings.failure, "storageclasses could not be listed: "));
	cleanup_findings struct findings again = { 0 };
	assert_int_equal(get(session, LOOKUP_STORAGECLASS, NULL, "fast", &object, &again), LOOKUP_FAILED);
	assert_non_null(strstr(again.failure, "StorageClass fast could not be looked up: "));
	/* Only its silence counts for all others: they are not tried one after the other. */
	cleanup_findings struct findings others = { 0 };
	assert_int_equal(get(session, LOOKUP_MSSQLSERVER, "demo", "sales", &object, &others), LOOKUP_FAILED);
	assert_non_null(strstr(others.failure, "StorageClass fast could not be looked up: "));
	assert_int_equal(fake_api_count(fixture->api, "GET", IN_DEMO "/sales", NULL), 0);
	session_free(fixture, session);
}

static void the_age_of_the_caches_is_told(void **state) {
	struct fixture *fixture = *state;
	cache_servers(fixture, LIST(""));
	struct metrics *metrics = metrics_new();
	lookup_cluster_add_metrics(&fixture->cluster, metrics);
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(metrics, &text);
	assert_non_null(strstr(text.data, "\nagkeeper_cache_age_seconds{resource=\"mssqlservers\"} "));
	metrics_free(metrics);
	cleanup_strbuf struct strbuf why = { 0 };
	assert_true(lookup_cluster_is_synced(&fixture->cluster, &why));
	assert_int_equal(why.length, 0);
}

static void a_name_that_no_object_can_have_is_absent(void **state) {
	struct fixture *fixture = *state;
	struct lookup_session session;
	static const char *const names[] = { "../x", "a b", "A", "", "x/status" };
	fixture->provider.begin(fixture->provider.context, false, &session);
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		cleanup_findings struct findings findings = { 0 };
		const struct json_object *object = NULL;
		assert_int_equal(session.lookup.get(session.lookup.context, LOOKUP_MSSQLSERVER, "demo", names[i],
		                                    &object, &findings),
		                 LOOKUP_ABSENT);
		assert_null(object);
		assert_null(findings.failure);
	}
	assert_false(session.needs_live);
	fixture->provider.end(&session);
}

static void without_a_cluster_nothing_is_known(void **state) {
	(void)state;
	struct lookup_session session;
	lookup_provider_offline.begin(NULL, true, &session);
	cleanup_findings struct findings findings = { 0 };
	const struct json_object *object;
	int count;
	assert_int_equal(get(&session, LOOKUP_STORAGECLASS, NULL, "fast", &object, &findings), LOOKUP_OFFLINE);
	assert_int_equal(list(&session, LOOKUP_STORAGECLASS, NULL, &count, &findings), LOOKUP_OFFLINE);
	assert_false(session.needs_live);
	lookup_provider_offline.end(&session);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_the_cache_holds_needs_no_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_cache_does_not_hold_is_wanted_live, set_up, tear_down),
		cmocka_unit_test_setup_teardown(ops_requests_are_listed_afresh, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_are_read_live_until_the_cache_is_synced, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_api_that_does_not_answer_is_a_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_name_that_no_object_can_have_is_absent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_age_of_the_caches_is_told, set_up, tear_down),
		cmocka_unit_test(without_a_cluster_nothing_is_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
