/* SQL Server's certificate (controller/engine/certificate.c): issued once, renewed, left to others. */
#include "unit/engine_fixture.h"

#include "base/base64.h"
#include "base/clock.h"
#include "controller/resources/children.h"
#include "tls/bundle.h"

#define SECRET "/api/v1/namespaces/demo/secrets/"
#define MADE   SECRET "a-server-cert"
#define OWN    SECRET "a-agkeeper"
#define SET    "/apis/apps/v1/namespaces/demo/statefulsets/a"

static void put_object_named(const char *name, const char *certificates) {
	cleanup_free char *secret = xasprintf(SECRET "%s-auth", name);
	cleanup_free char *object = xasprintf(OBJECT("%s"), name);
	world_put(&world, secret,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"%s-auth\"},\"data\":{\"username\":\"c2E=\","
	          "\"password\":\"U3Ryb25nLVBhc3MtMQ==\"}}",
	          name);
	world_put(
	        &world, object,
	        "{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"namespace\":\"demo\","
	        "\"name\":\"%s\",\"uid\":\"u\",\"generation\":1,\"creationTimestamp\":\"2026-11-22T00:00:00Z\"},"
	        "\"spec\":{\"version\":\"v\",\"replicas\":1,\"deletionPolicy\":\"WipeOut\",\"storageType\":"
	        "\"Ephemeral\",\"tls\":{\"issuerRef\":{\"kind\":\"Issuer\",\"name\":\"ca\"},\"certificates\":[%s]}}}",
	        name, certificates);
}

static void put_object(const char *certificates) {
	put_object_named("a", certificates);
}

/* ---- What is there ---- */

/* The text at `key`; "" when there is none. The caller frees it. */
static char *text_of(const char *path, const char *key) {
	cleanup_json struct json_object *secret = store_api_get(world.api, path);
	const char *encoded = json_get_text(json_get(secret, "data"), key);
	unsigned char *bytes = NULL;
	size_t length;
	if (encoded == NULL || !base64_decode(encoded, strlen(encoded), &bytes, &length)) return xstrdup("");
	return (char *)bytes;
}

static bool is_text(const char *path, const char *key, const char *expected) {
	cleanup_free char *text = text_of(path, key);
	return strcmp(text, expected) == 0;
}

/* "" when there is none. */
static char *checksum(void) {
	cleanup_json struct json_object *set = store_api_get(world.api, SET);
	const struct json_object *template = json_get_path(set, "spec", "template", NULL);
	const char *text =
	        json_get_text(json_get_path(template, "metadata", "annotations", NULL), CERTIFICATE_ANNOTATION);
	return xstrdup(text != NULL ? text : "");
}

static bool checksum_is(const char *expected) {
	cleanup_free char *text = checksum();
	return strcmp(text, expected) == 0;
}

static void assert_serves(const char *const *names) {
	cleanup_free char *certificate = text_of(MADE, "tls.crt");
	cleanup_free char *trusted = text_of(MADE, "ca.crt");
	cleanup_error struct error *err = NULL;
	if (certificate_verify(certificate, trusted, names, clock_wall_seconds(), &err) < 0)
		fail_msg("%s", err->message);
	cleanup_identity struct identity identity = { .certificate = xstrdup(certificate),
		                                      .key = text_of(MADE, "tls.key") };
	assert_int_equal(identity_check(&identity, NULL), 0);
}

/* At least one more look at everything. */
static void let_it_look(void) {
	size_t renewals = store_api_count(world.api, "PUT", LEASE_PATH);
	assert_true(wait_until(store_api_count(world.api, "PUT", LEASE_PATH) > renewals + 1));
}

/* ---- The tests ---- */

/* Another process, after the mounted Secret was deleted. */
static void begin_anew(void) {
	engine_stop(world.engine);
	kube_loop_free(world.loop);
	engine_free(world.engine);
	metrics_free(world.metrics);
	world.metrics = metrics_new();
	world.loop = kube_loop_new(world.client);
	store_api_put(world.api, MADE, NULL);
	world_start(&world);
}

static void it_is_issued_once(void **state) {
	(void)state;
	static const char *const names[] = { "a",         "a.demo.svc", "a-0.a-pods.demo.svc.cluster.local",
		                             "localhost", "127.0.0.1",  NULL };
	put_object("");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	assert_serves(names);
	assert_false(checksum_is(""));
	/* The CA's key is not among what pods mount. */
	assert_true(is_text(MADE, "ca.key", ""));
	assert_false(is_text(OWN, "ca.key", ""));
	cleanup_json struct json_object *secret = store_api_get(world.api, MADE);
	assert_string_equal(json_get_text(secret, "type"), "kubernetes.io/tls");
	assert_null(json_get(json_get(secret, "metadata"), "ownerReferences"));

	size_t writes = store_api_count(world.api, "PATCH", OWN);
	cleanup_free char *first = text_of(MADE, "tls.crt");
	cleanup_free char *sum = checksum();
	let_it_look();
	assert_int_equal(store_api_count(world.api, "PATCH", OWN), writes);
	assert_int_equal(store_api_count(world.api, "PATCH", MADE), 0);
	/* Whoever begins anew finds it. */
	begin_anew();
	assert_true(wait_until(is_text(MADE, "tls.crt", first)));
	let_it_look();
	assert_int_equal(store_api_count(world.api, "PATCH", OWN), writes);
	assert_true(checksum_is(sum));
}

/* A name more: another certificate by the same CA, and the servers are restarted. */
static void a_new_name_renews_it(void **state) {
	(void)state;
	static const char *const names[] = { "a", "sql.example.com", "192.0.2.7", NULL };
	put_object("");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	cleanup_free char *trusted = text_of(MADE, "ca.crt");
	cleanup_free char *first = text_of(MADE, "tls.crt");
	cleanup_free char *sum = checksum();
	put_object("{\"alias\":\"server\",\"dnsNames\":[\"sql.example.com\"],\"ipAddresses\":[\"192.0.2.7\"]}");
	assert_true(wait_until(!is_text(MADE, "tls.crt", first)));
	assert_true(is_text(MADE, "ca.crt", trusted));
	assert_serves(names);
	assert_true(wait_until(!checksum_is(sum)));
}

/* One that an earlier agkeeper made, long enough ago. */
static void put_own(int64_t made) {
	static const char *const names[] = { "a", NULL };
	cleanup_bundle struct bundle bundle = { 0 };
	const struct bundle_view view = {
		.profile = &profile_sql_server, .names = names, .now = made, .published_for = -1
	};
	const struct bundle_plan plan = bundle_decide(&bundle, &view);
	assert_int_equal(bundle_apply(&bundle, &plan, &view, NULL), 0);
	cleanup_json struct json_object *data = json_object_new_object();
	bundle_to_data(&bundle, data);
	json_set_text(data, "controllerPassword", "U3Ryb25nLVBhc3MtMQ==");
	json_set_text(data, "masterKeyPassword", "U3Ryb25nLVBhc3MtMQ==");
	world_put(&world, OWN,
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-agkeeper\",\"labels\":{"
	          "\"app.kubernetes.io/instance\":\"a\",\"app.kubernetes.io/managed-by\":\"kubedb.com\"}},\"data\":%s}",
	          json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN));
}

static void it_is_renewed_before_it_ends(void **state) {
	(void)state;
	static const char *const names[] = { "a", NULL };
	put_object("");
	put_own(clock_wall_seconds() - (int64_t)300 * 24 * 3600);
	cleanup_free char *trusted = text_of(OWN, "ca.crt");
	cleanup_free char *first = text_of(OWN, "tls.crt");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	assert_serves(names);
	assert_false(is_text(MADE, "tls.crt", first));
	assert_true(is_text(MADE, "ca.crt", trusted));
	assert_int_equal(store_api_count(world.api, "PATCH", OWN), 1);
}

static void what_others_made_is_mounted_as_it_is(void **state) {
	(void)state;
	world_put(
	        &world, MADE,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-server-cert\"},\"data\":{\"tls.crt\":\"dGhlaXJz\","
	        "\"tls.key\":\"dGhlaXJz\"}}");
	put_object("");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	let_it_look();
	assert_int_equal(store_api_count(world.api, "PATCH", MADE), 0);
	assert_true(is_text(MADE, "tls.crt", "theirs"));
	assert_false(checksum_is(""));
}

static void cert_manager_is_waited_for(void **state) {
	(void)state;
	static const char certificate[] = "/apis/cert-manager.io/v1/namespaces/demo/certificates/a-server-cert";
	world_put(&world, "/apis/cert-manager.io/v1", "{\"resources\":[{\"name\":\"issuers\"}]}");
	put_object("");
	world_start(&world);
	assert_true(wait_until(world_has(&world, certificate)));
	let_it_look();
	assert_false(world_has(&world, MADE));
	assert_false(world_has(&world, SET));
	world_put(
	        &world, MADE,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-server-cert\"},\"data\":{\"tls.crt\":\"dGhlaXJz\","
	        "\"tls.key\":\"dGhlaXJz\"}}");
	assert_true(wait_until(world_has(&world, SET)));
	assert_true(is_text(MADE, "tls.crt", "theirs"));
}

/* ---- Many at once ---- */

static size_t issued(int count) {
	size_t found = 0;
	for (int i = 0; i < count; i++) {
		cleanup_free char *path = xasprintf(SECRET "many-%d-server-cert", i);
		found += world_has(&world, path);
	}
	return found;
}

/* Keys are made beside the loop: who needs none does not wait for those who do. */
static void keys_hold_up_nobody(void **state) {
	(void)state;
	enum { MANY = 60 };
	for (int i = 0; i < MANY; i++) {
		cleanup_free char *name = xasprintf("many-%d", i);
		put_object_named(name, "");
	}
	world_start(&world);
	assert_true(wait_until(issued(MANY) > 0));
	world_apply(&world, "b");
	assert_true(wait_until(world_has(&world, "/apis/apps/v1/namespaces/demo/statefulsets/b")));
	assert_true(issued(MANY) < MANY);
}

int main(void) {
	mallopt(M_PERTURB, 0xa5); /* freed memory does not look alive */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_issued_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_new_name_renews_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_renewed_before_it_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_others_made_is_mounted_as_it_is, set_up, tear_down),
		cmocka_unit_test_setup_teardown(cert_manager_is_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keys_hold_up_nobody, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
