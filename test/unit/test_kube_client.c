/* kube/client against a fake API server: what is sent, what comes back, what is tried again. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "unit/fake_api.h"

#define SALES "/api/v1/namespaces/default/secrets/sales"

static struct fake_api *api;
static struct kube_client *client;

static int set_up(void **state) {
	(void)state;
	api = fake_api_new(NULL);
	client = fake_api_client(api, NULL);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	kube_client_free(client);
	fake_api_free(api);
	return 0;
}

static struct json_object *secret(void) {
	static const char text[] = "{\"metadata\":{\"name\":\"sales\",\"namespace\":\"default\"}}";
	struct json_object *json = NULL;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	return json;
}

static void gets_an_object(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .body = "{\"metadata\":{\"name\":\"sales\"}}" });
	cleanup_json struct json_object *object = NULL;
	assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", &object, NULL), 0);
	assert_string_equal(json_get_text(json_get(object, "metadata"), "name"), "sales");
	const struct fake_request *request = fake_api_last(api, "GET", SALES);
	assert_string_equal(request->user_agent, "agkeeper/" AGKEEPER_VERSION);
	assert_string_equal(request->authorization, "");
	assert_string_equal(request->query, "");
}

static void builds_paths(void **state) {
	(void)state;
	static const struct {
		const struct kube_resource *resource;
		const char *namespace;
		const char *name;
		const char *subresource;
		const char *path;
	} rows[] = {
		{ &kube_pods, "default", "sales-0", NULL, "/api/v1/namespaces/default/pods/sales-0" },
		{ &kube_pods, NULL, NULL, NULL, "/api/v1/pods" },
		{ &kube_nodes, "ignored", "n1", "status", "/api/v1/nodes/n1/status" },
		{ &kube_statefulsets, "a", "b", "scale", "/apis/apps/v1/namespaces/a/statefulsets/b/scale" },
		{ &kube_mssqlservers, "a", NULL, NULL, "/apis/kubedb.com/v1alpha2/namespaces/a/mssqlservers" },
		{ &kube_nodes, NULL, "a/../b?c", NULL, "/api/v1/nodes/a%2F..%2Fb%3Fc" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_strbuf struct strbuf path = { 0 };
		kube_resource_path(&path, rows[i].resource, rows[i].namespace, rows[i].name, rows[i].subresource);
		assert_string_equal(strbuf_text(&path), rows[i].path);
	}
}

static void creates_and_names_the_type(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .method = "POST",
	                                     .path = "/api/v1/namespaces/default/secrets",
	                                     .status = 201,
	                                     .body = "{\"metadata\":{\"resourceVersion\":\"7\"}}" });
	cleanup_json struct json_object *body = secret();
	cleanup_json struct json_object *created = NULL;
	assert_int_equal(kube_create(client, &kube_secrets, body, &created, NULL), 0);
	assert_string_equal(json_get_text(json_get(created, "metadata"), "resourceVersion"), "7");
	const struct fake_request *request = fake_api_last(api, "POST", "/api/v1/namespaces/default/secrets");
	assert_string_equal(request->content_type, "application/json");
	assert_string_equal(request->query, "fieldManager=agkeeper");
	assert_non_null(strstr(request->body, "\"apiVersion\":\"v1\""));
	assert_non_null(strstr(request->body, "\"kind\":\"Secret\""));
}

static void updates_by_put(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .method = "PUT", .path = SALES, .body = "{}" });
	cleanup_json struct json_object *body = secret();
	assert_int_equal(kube_update(client, &kube_secrets, body, NULL, NULL), 0);
	fake_api_last(api, "PUT", SALES);
}

static void patches_in_three_ways(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .method = "PATCH", .path = SALES, .body = "{}" });
	fake_api_on(api, (struct fake_rule){ .method = "PATCH", .path = SALES "/status", .body = "{}" });
	cleanup_json struct json_object *patch = json_object_new_object();
	static const char *const types[] = {
		[KUBE_PATCH_MERGE] = "application/merge-patch+json",
		[KUBE_PATCH_JSON] = "application/json-patch+json",
		[KUBE_PATCH_APPLY] = "application/apply-patch+yaml",
	};
	for (enum kube_patch_type type = KUBE_PATCH_MERGE; type <= KUBE_PATCH_APPLY; type++) {
		assert_int_equal(kube_patch(client, &kube_secrets, "default", "sales", NULL, type, patch, NULL, NULL),
		                 0);
		const struct fake_request *request = fake_api_last(api, "PATCH", SALES);
		assert_string_equal(request->content_type, types[type]);
		assert_string_equal(request->query, "fieldManager=agkeeper");
		assert_string_equal(request->body, "{}");
	}
	assert_int_equal(
	        kube_patch(client, &kube_secrets, "default", "sales", "status", KUBE_PATCH_MERGE, patch, NULL, NULL),
	        0);
	fake_api_last(api, "PATCH", SALES "/status");
}

static void applies_with_and_without_force(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .method = "PATCH", .path = SALES, .query = "force=true", .body = "{}" });
	fake_api_on(api, (struct fake_rule){
	                         .method = "PATCH",
	                         .path = SALES,
	                         .status = 409,
	                         .body = "{\"kind\":\"Status\",\"message\":\"conflict with \\\"kubectl\\\"\"}" });
	cleanup_json struct json_object *body = secret();
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_apply(client, &kube_secrets, body, false, NULL, &err), -1);
	assert_int_equal(err->kind, ERROR_CONFLICT);
	assert_string_equal(err->message, "PATCH " SALES ": conflict with \"kubectl\"");
	assert_int_equal(kube_apply(client, &kube_secrets, body, true, NULL, NULL), 0);
	assert_string_equal(fake_api_last(api, "PATCH", SALES)->content_type, "application/apply-patch+yaml");
}

static void deletes_with_preconditions(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .method = "DELETE", .path = SALES, .body = "{}" });
	const struct kube_delete_options options = {
		.uid = "u-1",
		.resource_version = "9",
		.propagation = KUBE_FOREGROUND,
		.has_grace_period = true,
	};
	assert_int_equal(kube_delete(client, &kube_secrets, "default", "sales", &options, NULL), 0);
	assert_string_equal(fake_api_last(api, "DELETE", SALES)->body,
	                    "{\"apiVersion\":\"v1\",\"kind\":\"DeleteOptions\",\"propagationPolicy\":\"Foreground\","
	                    "\"gracePeriodSeconds\":0,\"preconditions\":{\"uid\":\"u-1\",\"resourceVersion\":\"9\"}}");
	assert_int_equal(kube_delete(client, &kube_secrets, "default", "sales", NULL, NULL), 0);
	assert_string_equal(fake_api_last(api, "DELETE", SALES)->body, "");
}

static void never_deletes_a_whole_collection(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_delete(client, &kube_secrets, "default", "", NULL, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(fake_api_count(api, NULL, NULL, NULL), 0);
}

static void maps_statuses_to_kinds(void **state) {
	(void)state;
	static const struct {
		int status;
		enum error_kind kind;
	} rows[] = {
		{ 400, ERROR_INVALID },     { 401, ERROR_FORBIDDEN },   { 403, ERROR_FORBIDDEN },
		{ 404, ERROR_NOT_FOUND },   { 405, ERROR_INVALID },     { 408, ERROR_TIMEOUT },
		{ 409, ERROR_CONFLICT },    { 410, ERROR_GONE },        { 422, ERROR_INVALID },
		{ 429, ERROR_UNAVAILABLE }, { 500, ERROR_UNAVAILABLE }, { 503, ERROR_UNAVAILABLE },
		{ 504, ERROR_TIMEOUT },     { 302, ERROR_INVALID },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		fake_api_on(api, (struct fake_rule){ .path = SALES,
		                                     .times = 1,
		                                     .status = rows[i].status,
		                                     .body = "{\"kind\":\"Status\",\"message\":\"because\"}" });
		cleanup_error struct error *err = NULL;
		assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", NULL, &err), -1);
		assert_int_equal(err->kind, rows[i].kind);
		assert_int_equal(err->code, rows[i].status);
		assert_string_equal(err->message, "GET " SALES ": because");
	}
}

static void shows_a_line_of_what_is_no_status(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .status = 502, .body = "bad gateway\n<html>" });
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", NULL, &err), -1);
	assert_string_equal(err->message, "GET " SALES ": HTTP status 502: bad gateway");
}

static void refuses_a_broken_answer(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .body = "{\"metadata\":" });
	cleanup_json struct json_object *object = NULL;
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", &object, &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_null(object);
}

static void refuses_an_answer_without_end(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .body = "{\"a\":\"0123456789\"}" });
	struct kube_request request = { .resource = &kube_secrets, .namespace = "default", .name = "sales" };
	request.max_answer = 17;
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_request(client, &request, NULL, &err), -1);
	assert_int_equal(err->kind, ERROR_INTERNAL);
	request.max_answer = 18;
	assert_int_equal(kube_request(client, &request, NULL, NULL), 0);
}

static void loses_patience_with_a_silent_server(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .hang = true });
	const struct kube_request request = {
		.resource = &kube_secrets, .namespace = "default", .name = "sales", .timeout_ms = 100
	};
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_request(client, &request, NULL, &err), -1);
	assert_int_equal(err->kind, ERROR_TIMEOUT);
}

static void says_unavailable_when_nobody_listens(void **state) {
	(void)state;
	struct kube_config *config = xcalloc(1, sizeof(*config));
	config->server = xstrdup("http://127.0.0.1:1");
	cleanup_kube_client struct kube_client *lonely = kube_client_new(config, NULL);
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_get(lonely, &kube_secrets, "default", "sales", NULL, &err), -1);
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
}

static void comes_back_when_the_server_says(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .times = 1, .status = 429, .retry_after = "1" });
	fake_api_on(api, (struct fake_rule){ .path = SALES, .body = "{}" });
	int64_t start = clock_monotonic_ms();
	assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", NULL, NULL), 0);
	assert_true(clock_monotonic_ms() - start >= 1000);
	assert_int_equal(fake_api_count(api, NULL, SALES, NULL), 2);
}

static void does_not_wait_beyond_the_deadline(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = SALES, .status = 429, .retry_after = "600" });
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_get(client, &kube_secrets, "default", "sales", NULL, &err), -1);
	assert_int_equal(err->code, 429);
	assert_int_equal(fake_api_count(api, NULL, SALES, NULL), 1);
}

/* ---- Lists ---- */

struct names {
	struct strbuf text;
	const char *stop_at;
};

static int note_name(void *context, struct json_object *object, struct error **err) {
	struct names *names = context;
	const char *name = json_get_text(json_get(object, "metadata"), "name");
	if (names->stop_at != NULL && strcmp(name, names->stop_at) == 0) return error_set(err, ERROR_INVALID, "enough");
	strbuf_printf(&names->text, "%s ", name);
	return 0;
}

#define ITEM(name) "{\"metadata\":{\"name\":\"" name "\"}}"
#define PODS       "/api/v1/namespaces/default/pods"

static const struct fake_rule first_chunk = {
	.path = PODS,
	.query = "limit=250",
	.not_in_query = "continue=",
	.body = "{\"metadata\":{\"resourceVersion\":\"5\",\"continue\":\"c/1=\"},\"items\":[" ITEM("a") "," ITEM(
	        "b") "]}",
};

static void lists_in_chunks(void **state) {
	(void)state;
	fake_api_on(api, first_chunk);
	fake_api_on(api, (struct fake_rule){ .path = PODS,
	                                     .query = "continue=c/1=",
	                                     .body = "{\"metadata\":{},\"items\":[" ITEM("c") "]}" });
	struct names names = { 0 };
	const struct kube_selection selection = { .namespace = "default", .label_selector = "app in (x,y)" };
	assert_int_equal(kube_list(client, &kube_pods, &selection, note_name, &names, NULL), 0);
	assert_string_equal(strbuf_text(&names.text), "a b c ");
	assert_int_equal(fake_api_count(api, "GET", PODS, "labelSelector=app in (x,y)"), 2);
	strbuf_free(&names.text);
}

static void starts_over_when_a_chunk_expired(void **state) {
	(void)state;
	fake_api_on(api, first_chunk);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "continue=", .status = 410, .body = "{}" });
	fake_api_on(api, (struct fake_rule){ .path = PODS,
	                                     .not_in_query = "limit=",
	                                     .body = "{\"metadata\":{},\"items\":[" ITEM("a") "," ITEM("c") "]}" });
	struct names names = { 0 };
	const struct kube_selection selection = { .namespace = "default" };
	assert_int_equal(kube_list(client, &kube_pods, &selection, note_name, &names, NULL), 0);
	assert_string_equal(strbuf_text(&names.text), "a b a c ");
	strbuf_free(&names.text);
}

static void ends_a_list_when_the_visitor_has_enough(void **state) {
	(void)state;
	fake_api_on(api, first_chunk);
	struct names names = { .stop_at = "b" };
	const struct kube_selection selection = { .namespace = "default" };
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_list(client, &kube_pods, &selection, note_name, &names, &err), -1);
	assert_string_equal(err->message, "enough");
	assert_int_equal(fake_api_count(api, "GET", PODS, NULL), 1);
	strbuf_free(&names.text);
}

/* ---- Tokens ---- */

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void reads_a_renewed_token_after_a_401(void **state) {
	(void)state;
	char path[] = "/tmp/agkeeper-token-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_file(path, "old\n");
	cleanup_kube_client struct kube_client *own = fake_api_client(api, path);
	fake_api_on(api, (struct fake_rule){ .path = SALES, .token = "old", .times = 1, .body = "{}" });
	fake_api_on(api, (struct fake_rule){ .path = SALES, .token = "new", .times = 1, .body = "{}" });
	fake_api_on(api, (struct fake_rule){ .path = SALES, .status = 401, .body = "{\"message\":\"Unauthorized\"}" });
	assert_int_equal(kube_get(own, &kube_secrets, "default", "sales", NULL, NULL), 0);
	write_file(path, "new");
	assert_int_equal(kube_get(own, &kube_secrets, "default", "sales", NULL, NULL), 0);
	assert_string_equal(fake_api_last(api, "GET", SALES)->authorization, "Bearer new");
	assert_int_equal(fake_api_count(api, NULL, SALES, NULL), 3);
	/* Nothing new to try: the refusal stands, after one request. */
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_get(own, &kube_secrets, "default", "sales", NULL, &err), -1);
	assert_int_equal(err->code, 401);
	assert_null(strstr(err->message, "new"));
	assert_int_equal(fake_api_count(api, NULL, SALES, NULL), 4);
	unlink(path);
}

static void knows_itself_from_its_token(void **state) {
	(void)state;
	static const char claims[] = "{\"sub\":\"system:serviceaccount:agkeeper-system:agkeeper\"}";
	cleanup_strbuf struct strbuf token = { 0 };
	strbuf_append(&token, "e30.");
	base64_append(&token, claims, strlen(claims));
	strbuf_append(&token, ".c2ln");
	char path[] = "/tmp/agkeeper-token-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	write_file(path, strbuf_text(&token));
	cleanup_kube_client struct kube_client *own = fake_api_client(api, path);
	cleanup_free char *user = NULL;
	assert_int_equal(kube_whoami(own, &user, NULL), 0);
	assert_string_equal(user, "system:serviceaccount:agkeeper-system:agkeeper");
	assert_int_equal(fake_api_count(api, NULL, NULL, NULL), 0);
	unlink(path);
}

static void asks_who_it_is_where_the_server_can_tell(void **state) {
	(void)state;
	cleanup_free char *nobody = NULL;
	assert_int_equal(kube_whoami(client, &nobody, NULL), 0);
	assert_null(nobody);

	cleanup_kube_client struct kube_client *fresh = fake_api_client(api, NULL);
	fake_api_on(api, (struct fake_rule){ .path = "/apis/authentication.k8s.io/v1",
	                                     .body = "{\"resources\":[{\"name\":\"selfsubjectreviews\"}]}" });
	fake_api_on(api, (struct fake_rule){ .method = "POST",
	                                     .path = "/apis/authentication.k8s.io/v1/selfsubjectreviews",
	                                     .body = "{\"status\":{\"userInfo\":{\"username\":\"admin\"}}}" });
	cleanup_free char *user = NULL;
	assert_int_equal(kube_whoami(fresh, &user, NULL), 0);
	assert_string_equal(user, "admin");
}

/* ---- Discovery ---- */

static void discovers_once(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/apis/policy/v1beta1",
	                                     .body = "{\"resources\":[{\"name\":\"podsecuritypolicies\"},"
	                                             "{\"name\":\"poddisruptionbudgets\"}]}" });
	for (int i = 0; i < 3; i++) {
		assert_int_equal(kube_discover(client, &kube_poddisruptionbudgets_v1beta1, NULL), 1);
		assert_int_equal(kube_discover(client, &kube_poddisruptionbudgets, NULL), 0);
	}
	assert_int_equal(fake_api_count(api, NULL, "/apis/policy/v1beta1", NULL), 1);
	assert_int_equal(fake_api_count(api, NULL, "/apis/policy/v1", NULL), 1);
}

static void does_not_take_trouble_for_absence(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/apis/policy/v1", .status = 503 });
	assert_int_equal(kube_discover(client, &kube_poddisruptionbudgets, NULL), -1);
	assert_int_equal(kube_discover(client, &kube_poddisruptionbudgets, NULL), -1);
	assert_int_equal(fake_api_count(api, NULL, "/apis/policy/v1", NULL), 2);
}

/* ---- Threads ---- */

static void *get_many(void *failures) {
	enum { TIMES = 25 };
	for (int i = 0; i < TIMES; i++) {
		cleanup_json struct json_object *object = NULL;
		if (kube_get(client, &kube_secrets, "default", "sales", &object, NULL) < 0) ++*(int *)failures;
	}
	return NULL;
}

static void serves_many_threads(void **state) {
	(void)state;
	enum { THREADS = 12 };
	fake_api_on(api, (struct fake_rule){ .path = SALES, .body = ITEM("sales") });
	pthread_t threads[THREADS];
	int failures[THREADS] = { 0 };
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, get_many, &failures[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failures[i], 0);
	}
	assert_int_equal(fake_api_count(api, NULL, SALES, NULL), THREADS * 25);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(gets_an_object),
		TEST(builds_paths),
		TEST(creates_and_names_the_type),
		TEST(updates_by_put),
		TEST(patches_in_three_ways),
		TEST(applies_with_and_without_force),
		TEST(deletes_with_preconditions),
		TEST(never_deletes_a_whole_collection),
		TEST(maps_statuses_to_kinds),
		TEST(shows_a_line_of_what_is_no_status),
		TEST(refuses_a_broken_answer),
		TEST(refuses_an_answer_without_end),
		TEST(loses_patience_with_a_silent_server),
		TEST(says_unavailable_when_nobody_listens),
		TEST(comes_back_when_the_server_says),
		TEST(does_not_wait_beyond_the_deadline),
		TEST(lists_in_chunks),
		TEST(starts_over_when_a_chunk_expired),
		TEST(ends_a_list_when_the_visitor_has_enough),
		TEST(reads_a_renewed_token_after_a_401),
		TEST(knows_itself_from_its_token),
		TEST(asks_who_it_is_where_the_server_can_tell),
		TEST(discovers_once),
		TEST(does_not_take_trouble_for_absence),
		TEST(serves_many_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
