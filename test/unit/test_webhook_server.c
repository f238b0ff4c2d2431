/* The server: what it answers, its certificates, and many clients at once. */
#include "webhook_clients.h"

/* ---- Answers ---- */

static void reviews_are_answered_over_one_connection(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	for (int i = 0; i < 50; i++) {
		cleanup_reply struct reply reply = post(curl, &fixture, "/validate?timeout=10s", GOOD);
		assert_allowed(&reply);
		long connects = 0;
		curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
		assert_int_equal(connects, i == 0 ? 1 : 0);
		assert_non_null(strstr(reply.headers.data, "Content-Type: application/json\r\n"));
	}
	cleanup_reply struct reply refused = post(curl, &fixture, "/validate", CREATE("\"size\":3,\"color\":\"red\""));
	assert_int_equal(refused.status, 200);
	assert_non_null(strstr(refused.body.data, "\"allowed\":false"));
	cleanup_reply struct reply mutated = post(curl, &fixture, "/mutate", CREATE("\"size\":3"));
	assert_non_null(strstr(mutated.body.data, "\"patchType\":\"JSONPatch\""));
	cleanup_reply struct reply converted = send_bytes(
	        curl, &fixture, "/convert", "application/json; charset=utf-8",
	        "{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\","
	        "\"desiredAPIVersion\":\"test.io/v2\",\"objects\":[" WIDGET("\"size\":1") "]}}",
	        strlen("{\"apiVersion\":\"apiextensions.k8s.io/"
	               "v1\",\"kind\":\"ConversionReview\",\"request\":{\"uid\":\"u\","
	               "\"desiredAPIVersion\":\"test.io/v2\",\"objects\":[" WIDGET("\"size\":1") "]}}"));
	assert_non_null(strstr(converted.body.data, "\"status\":\"Success\""));
	curl_easy_cleanup(curl);
	assert_counted(&fixture,
	               "agkeeper_admission_requests_total{path=\"/validate\",kind=\"Widget\",operation=\"CREATE\","
	               "result=\"allowed\"} 50\n");
	assert_counted(&fixture, "agkeeper_admission_refusals_total{kind=\"Widget\",rule=\"color\"} 1\n");
	assert_counted(&fixture, "agkeeper_conversion_objects_total{kind=\"Widget\"} 1\n");
	assert_counted(&fixture, "agkeeper_admission_duration_seconds_count{path=\"/validate\"} 51\n");
	stop(&fixture);
}

static void a_request_that_is_no_review_is_told_why(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	cleanup_reply struct reply unknown = post(curl, &fixture, "/nowhere", GOOD);
	assert_status(&unknown, 404, "\"reason\":\"NotFound\"");
	cleanup_reply struct reply type =
	        send_bytes(curl, &fixture, "/validate", "application/jsonp", GOOD, strlen(GOOD));
	assert_status(&type, 415, "application/json");
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
	cleanup_reply struct reply method = post(curl, &fixture, "/validate", GOOD);
	assert_status(&method, 405, "POST");
	assert_non_null(strstr(method.headers.data, "Allow: POST\r\n"));
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
	/* The connection is still good. */
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void bad_bodies_are_bad_requests(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_strbuf struct strbuf deep = { 0 };
	strbuf_append(&deep, "{\"apiVersion\":");
	for (int i = 0; i < 100000; i++) strbuf_append_char(&deep, '[');
	const struct {
		const char *text;
		size_t length;
	} bodies[] = {
		{ "", 0 },
		{ "{\"apiVersion\"", 13 },
		{ "null", 4 },
		{ "\"text\"", 6 },
		{ "{\"a\":\"\xff\xfe\"}", 10 },
		{ "{\"a\":\0}", 7 },
		{ "{\"a\":1,\"a\":2}", 13 },
		{ "{\"apiVersion\":7,\"kind\":[],\"request\":3}", 38 },
		{ "{} {}", 5 },
		{ deep.data, deep.length },
	};
	CURL *curl = client();
	for (size_t i = 0; i < ARRAY_LENGTH(bodies); i++) {
		static const char *const all[] = { "/validate", "/mutate", "/convert" };
		for (size_t path = 0; path < ARRAY_LENGTH(all); path++) {
			cleanup_reply struct reply reply = send_bytes(curl, &fixture, all[path], "application/json",
			                                              bodies[i].text, bodies[i].length);
			assert_status(&reply, 400, "\"reason\":\"BadRequest\"");
		}
	}
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	assert_counted(&fixture, "agkeeper_admission_rejections_total{reason=\"bad-review\"} 30\n");
	stop(&fixture);
}

static void a_body_beyond_the_limit_is_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .max_body = 100000 });
	cleanup_strbuf struct strbuf body = { 0 };
	strbuf_append(&body, GOOD);
	while (body.length < 100000) strbuf_append_char(&body, ' ');
	CURL *curl = client();
	cleanup_reply struct reply fits = post(curl, &fixture, "/validate", body.data);
	assert_allowed(&fits);
	strbuf_append_char(&body, ' ');
	cleanup_reply struct reply large = post(curl, &fixture, "/validate", body.data);
	assert_status(&large, 413, "RequestEntityTooLarge");
	curl_easy_cleanup(curl);

	/* The same without an announced length. */
	struct raw raw = raw_open(&fixture);
	raw_send(&raw, "POST /validate HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
	               "Transfer-Encoding: chunked\r\n\r\n186a1\r\n");
	raw_send(&raw, body.data);
	raw_send(&raw, "\r\n0\r\n\r\n");
	char answer[64] = "";
	assert_true(gnutls_record_recv(raw.session, answer, sizeof(answer) - 1) > 0);
	assert_non_null(strstr(answer, " 413 "));
	raw_close(&raw);
	stop(&fixture);
}

static void large_bodies_together_are_bounded(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ .max_bodies = 1000 });
	cleanup_strbuf struct strbuf body = { 0 };
	strbuf_append(&body, GOOD);
	while (body.length < 1001) strbuf_append_char(&body, ' ');
	CURL *curl = client();
	cleanup_reply struct reply large = post(curl, &fixture, "/validate", body.data);
	assert_status(&large, 503, "try again");
	assert_non_null(strstr(large.headers.data, "Retry-After: 1\r\n"));
	/* And what was held is given back. */
	for (int i = 0; i < 5; i++) {
		cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
		assert_allowed(&good);
	}
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void huge_headers_are_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_strbuf struct strbuf type = { 0 };
	strbuf_append(&type, "application/json; x=");
	while (type.length < 40000) strbuf_append_char(&type, 'x');
	CURL *curl = client();
	cleanup_reply struct reply reply = send_bytes(curl, &fixture, "/validate", type.data, GOOD, strlen(GOOD));
	assert_true(reply.status == 431 || reply.status == 413 || reply.code != CURLE_OK);
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

/* ---- Certificates ---- */

/* The common name of the certificate that a new connection is shown. */
static char *shown_name(const struct fixture *fixture) {
	struct raw raw = raw_open(fixture);
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls_certificate_get_peers(raw.session, &count);
	assert_true(count >= 1);
	gnutls_x509_crt_t leaf;
	gnutls_x509_crt_init(&leaf);
	gnutls_x509_crt_import(leaf, chain, GNUTLS_X509_FMT_DER);
	char name[128];
	size_t size = sizeof(name);
	gnutls_x509_crt_get_dn_by_oid(leaf, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size);
	gnutls_x509_crt_deinit(leaf);
	raw_close(&raw);
	return xstrdup(name);
}

static void a_new_certificate_drops_no_connection(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	cleanup_reply struct reply before = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&before);
	cleanup_free char *first = shown_name(&fixture);
	assert_string_equal(first, "first");

	struct pair second = pair_new("second", NULL, false);
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, second.key, NULL), 0);
	cleanup_reply struct reply after = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&after);
	long connects = -1;
	curl_easy_getinfo(curl, CURLINFO_NUM_CONNECTS, &connects);
	assert_int_equal(connects, 0);
	cleanup_free char *now = shown_name(&fixture);
	assert_string_equal(now, "second");

	/* One that cannot be used changes nothing. */
	cleanup_error struct error *err = NULL;
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, fixture.pair.key, &err), -1);
	assert_string_equal(err->message, "serving certificate and key do not belong together");
	assert_int_equal(server_set_certificate(fixture.server, "text", second.key, &err), -1);
	assert_int_equal(server_set_certificate(fixture.server, second.certificate, "text", &err), -1);
	cleanup_free char *still = shown_name(&fixture);
	assert_string_equal(still, "second");
	curl_easy_cleanup(curl);
	pair_free(&second);
	stop(&fixture);
}

static void without_a_certificate_nothing_is_served(void **state) {
	(void)state;
	struct metrics *metrics = metrics_new();
	const struct server_config config = { .listen = "127.0.0.1:0", .metrics = metrics };
	struct fixture fixture = { .server = server_start(&config, NULL) };
	assert_non_null(fixture.server);
	assert_false(server_has_certificate(fixture.server));
	CURL *curl = client();
	cleanup_reply struct reply reply = post(curl, &fixture, "/validate", GOOD);
	assert_int_not_equal(reply.code, CURLE_OK);
	struct pair pair = pair_new("late", NULL, false);
	assert_int_equal(server_set_certificate(fixture.server, pair.certificate, pair.key, NULL), 0);
	assert_true(server_has_certificate(fixture.server));
	cleanup_reply struct reply late = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&late);
	curl_easy_cleanup(curl);
	server_stop(fixture.server, PATIENCE_MS);
	metrics_free(metrics);
	pair_free(&pair);
}

static void old_protocols_are_refused(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	CURL *curl = client();
	curl_easy_setopt(curl, CURLOPT_SSL_CIPHER_LIST, "DEFAULT@SECLEVEL=0");
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_0 | CURL_SSLVERSION_MAX_TLSv1_1));
	cleanup_reply struct reply old = post(curl, &fixture, "/validate", GOOD);
	assert_int_not_equal(old.code, CURLE_OK);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)(CURL_SSLVERSION_TLSv1_2 | CURL_SSLVERSION_MAX_TLSv1_2));
	cleanup_reply struct reply good = post(curl, &fixture, "/validate", GOOD);
	assert_allowed(&good);
	curl_easy_cleanup(curl);
	stop(&fixture);
}

static void use_certificate(CURL *curl, const struct pair *pair) {
	struct curl_blob certificate = { pair->certificate, strlen(pair->certificate), CURL_BLOB_COPY };
	struct curl_blob key = { pair->key, strlen(pair->key), CURL_BLOB_COPY };
	curl_easy_setopt(curl, CURLOPT_SSLCERT_BLOB, &certificate);
	curl_easy_setopt(curl, CURLOPT_SSLKEY_BLOB, &key);
}

static void a_client_ca_admits_its_clients_only(void **state) {
	(void)state;
	struct pair ca = pair_new("ca", NULL, true), other_ca = pair_new("other ca", NULL, true);
	struct pair good = pair_new("kube-apiserver", &ca, false),
	            stranger = pair_new("kube-apiserver", &other_ca, false);
	struct fixture fixture;
	start(&fixture, (struct server_config){ .client_ca_pem = ca.certificate });

	CURL *curl = client();
	cleanup_reply struct reply without = post(curl, &fixture, "/validate", GOOD);
	assert_status(&without, 403, "client certificate");
	curl_easy_cleanup(curl);

	curl = client();
	use_certificate(curl, &stranger);
	cleanup_reply struct reply strange = post(curl, &fixture, "/validate", GOOD);
	assert_status(&strange, 403, "client certificate");
	curl_easy_cleanup(curl);

	curl = client();
	use_certificate(curl, &good);
	for (int i = 0; i < 3; i++) {
		cleanup_reply struct reply known = post(curl, &fixture, "/validate", GOOD);
		assert_allowed(&known);
	}
	curl_easy_cleanup(curl);
	stop(&fixture);
	pair_free(&stranger);
	pair_free(&good);
	pair_free(&other_ca);
	pair_free(&ca);
}

/* ---- Many at once ---- */

static void *hammer(void *argument) {
	const struct fixture *fixture = argument;
	CURL *curl = client();
	for (int i = 0; i < 100; i++) {
		cleanup_reply struct reply reply = post(curl, fixture, i % 2 == 0 ? "/validate" : "/mutate", GOOD);
		assert_allowed(&reply);
	}
	curl_easy_cleanup(curl);
	return NULL;
}

static void many_clients_are_served_while_certificates_change(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	pthread_t threads[8];
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) pthread_create(&threads[i], NULL, hammer, &fixture);
	struct pair second = pair_new("second", NULL, false);
	for (int i = 0; i < 50; i++) {
		const struct pair *next = i % 2 == 0 ? &second : &fixture.pair;
		assert_int_equal(server_set_certificate(fixture.server, next->certificate, next->key, NULL), 0);
		cleanup_free char *name = shown_name(&fixture);
		assert_string_equal(name, i % 2 == 0 ? "second" : "first");
	}
	for (size_t i = 0; i < ARRAY_LENGTH(threads); i++) pthread_join(threads[i], NULL);
	assert_true(server_is_alive(fixture.server));
	pair_free(&second);
	stop(&fixture);
}

static void a_server_that_cannot_listen_says_why(void **state) {
	(void)state;
	struct fixture fixture;
	start(&fixture, (struct server_config){ 0 });
	cleanup_free char *taken = xasprintf("127.0.0.1:%d", server_port(fixture.server));
	cleanup_error struct error *err = NULL;
	assert_null(server_start(&(struct server_config){ .listen = taken, .metrics = fixture.metrics }, &err));
	assert_non_null(strstr(err->message, taken));
	assert_non_null(strstr(err->message, "Address already in use"));
	assert_null(server_start(&(struct server_config){ .listen = "nonsense", .metrics = fixture.metrics }, &err));
	assert_string_equal(err->message, "listen address \"nonsense\": must be ADDR:PORT");
	assert_null(server_start(
	        &(struct server_config){ .listen = ":0", .metrics = fixture.metrics, .client_ca_pem = "text" }, &err));
	assert_non_null(strstr(err->message, "client CA"));
	stop(&fixture);
}

int main(void) {
	curl_global_init(CURL_GLOBAL_ALL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reviews_are_answered_over_one_connection),
		cmocka_unit_test(a_request_that_is_no_review_is_told_why),
		cmocka_unit_test(bad_bodies_are_bad_requests),
		cmocka_unit_test(a_body_beyond_the_limit_is_refused),
		cmocka_unit_test(large_bodies_together_are_bounded),
		cmocka_unit_test(huge_headers_are_refused),
		cmocka_unit_test(a_new_certificate_drops_no_connection),
		cmocka_unit_test(without_a_certificate_nothing_is_served),
		cmocka_unit_test(old_protocols_are_refused),
		cmocka_unit_test(a_client_ca_admits_its_clients_only),
		cmocka_unit_test(many_clients_are_served_while_certificates_change),
		cmocka_unit_test(a_server_that_cannot_listen_says_why),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	curl_global_cleanup();
	return failed;
}
