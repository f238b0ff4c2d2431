/* Children of kinds that nobody follows (controller/engine/surplus.c): made, and deleted when they are not wanted. */
#include "unit/engine_world.h"

#define SET         "/apis/apps/v1/namespaces/demo/statefulsets/a"
#define MONITOR     "/apis/monitoring.coreos.com/v1/namespaces/demo/servicemonitors/a-stats"
#define CERTIFICATE "/apis/cert-manager.io/v1/namespaces/demo/certificates/a-server-cert"

static struct world world;

static int set_up(void **state) {
	(void)state;
	world_begin(&world);
	world_put(&world, "/apis/monitoring.coreos.com/v1", "{\"resources\":[{\"name\":\"servicemonitors\"}]}");
	world_put(&world, "/apis/cert-manager.io/v1", "{\"resources\":[{\"name\":\"issuers\"}]}");
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	world_end(&world);
	return 0;
}

static const char both[] = ",\"monitor\":{\"agent\":\"prometheus.io/operator\"},\"tls\":{\"issuerRef\":{\"kind\":"
                           "\"Issuer\",\"name\":\"ca\"}}";

static void put_object(int generation, const char *more) {
	world_put(&world, "/api/v1/namespaces/demo/secrets/a-auth",
	          "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-auth\"},\"data\":{\"username\":\"c2E=\","
	          "\"password\":\"U3Ryb25nLVBhc3MtMQ==\"}}");
	world_put(
	        &world, OBJECT("a"),
	        "{\"apiVersion\":\"kubedb.com/v1alpha2\",\"kind\":\"MSSQLServer\",\"metadata\":{\"namespace\":\"demo\","
	        "\"name\":\"a\",\"uid\":\"u\",\"generation\":%d,\"finalizers\":[\"agkeeper.dev/finalizer\"]},"
	        "\"spec\":{\"version\":\"v\",\"replicas\":1,\"deletionPolicy\":\"Delete\",\"storageType\":"
	        "\"Ephemeral\"%s}}",
	        generation, more);
}

static void engine_again(void) {
	engine_stop(world.engine);
	kube_loop_free(world.loop);
	engine_free(world.engine);
	metrics_free(world.metrics);
	world.metrics = metrics_new();
	world.loop = kube_loop_new(world.client);
	world_start(&world);
}

static void what_is_switched_off_goes(void **state) {
	(void)state;
	put_object(1, both);
	world_start(&world);
	assert_true(wait_until(world_has(&world, MONITOR) && world_has(&world, CERTIFICATE)));
	put_object(2, "");
	assert_true(wait_until(!world_has(&world, MONITOR) && !world_has(&world, CERTIFICATE)));
	assert_int_equal(store_api_count(world.api, "DELETE", MONITOR), 1);
	/* And on, and off again. */
	put_object(3, both);
	assert_true(wait_until(world_has(&world, MONITOR) && world_has(&world, CERTIFICATE)));
	put_object(4, "");
	assert_true(wait_until(!world_has(&world, MONITOR) && !world_has(&world, CERTIFICATE)));
}

/* While nobody led. */
static void who_comes_later_finds_it(void **state) {
	(void)state;
	put_object(1, both);
	world_start(&world);
	assert_true(wait_until(world_has(&world, MONITOR) && world_has(&world, CERTIFICATE)));
	engine_resign(world.engine);
	assert_true(wait_until(!engine_is_leading(world.engine)));
	put_object(2, "");
	engine_again();
	assert_true(wait_until(!world_has(&world, MONITOR) && !world_has(&world, CERTIFICATE)));
}

static void wait_for_renewals(size_t number) {
	size_t before = store_api_count(world.api, "PUT", LEASE_PATH);
	assert_true(wait_until(store_api_count(world.api, "PUT", LEASE_PATH) >= before + number));
}

/* Under the same name: of another owner, and of ours without the labels. */
static void somebody_elses_stay(void **state) {
	(void)state;
	world_put(
	        &world, MONITOR,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-stats\",\"labels\":{\"app.kubernetes.io/instance\":"
	        "\"a\",\"app.kubernetes.io/managed-by\":\"kubedb.com\"},\"ownerReferences\":[{\"uid\":\"other\"}]}}");
	world_put(
	        &world, CERTIFICATE,
	        "{\"metadata\":{\"namespace\":\"demo\",\"name\":\"a-server-cert\",\"ownerReferences\":[{\"uid\":\"u\"}]"
	        "}}");
	put_object(1, "");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	assert_true(wait_until(store_api_count(world.api, "GET", MONITOR) > 0));
	assert_true(wait_until(store_api_count(world.api, "GET", CERTIFICATE) > 0));
	/* Asked anew for whatever the API turned out to offer, not in every pass. */
	wait_for_renewals(3);
	size_t asked = store_api_count(world.api, "GET", MONITOR) + store_api_count(world.api, "GET", CERTIFICATE);
	wait_for_renewals(3);
	assert_int_equal(store_api_count(world.api, "DELETE", NULL), 0);
	assert_int_equal(store_api_count(world.api, "GET", MONITOR) + store_api_count(world.api, "GET", CERTIFICATE),
	                 asked);
}

/* Where the cluster does not know the kind, nobody asks for one. */
static void kinds_that_are_not_there_are_not_asked_for(void **state) {
	(void)state;
	store_api_put(world.api, "/apis/monitoring.coreos.com/v1", NULL);
	put_object(1, "");
	world_start(&world);
	assert_true(wait_until(world_has(&world, SET)));
	assert_true(wait_until(store_api_count(world.api, "GET", CERTIFICATE) > 0));
	assert_int_equal(store_api_count(world.api, "GET", MONITOR), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(what_is_switched_off_goes),
		TEST(who_comes_later_finds_it),
		TEST(somebody_elses_stay),
		TEST(kinds_that_are_not_there_are_not_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
