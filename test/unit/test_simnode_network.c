/* What simulated servers are told of the network, and what simulated images have in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"
#include "simnode/addresses.h"
#include "simnode/folder.h"
#include "simnode/images.h"
#include "simnode/mounts.h"
#include "simnode/names.h"
#include "simnode/network.h"

static const struct kube_object *object(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return kube_object_new(parsed);
}

static const struct kube_object *pod(const char *name, const char *namespace, const char *ip, const char *service) {
	cleanup_free char *text =
	        xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{\"app\":\"sql\"}},"
	                  "\"spec\":{\"hostname\":\"%s\",\"subdomain\":\"%s\"},"
	                  "\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\",\"conditions\":[{\"type\":\"Ready\","
	                  "\"status\":\"False\"}]}}",
	                  name, namespace, name, service, ip);
	return object(text);
}

static const struct kube_object *service(const char *name, const char *ip, const char *publish) {
	cleanup_free char *text =
	        xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"n\"},\"spec\":{\"clusterIP\":"
	                  "\"%s\",\"selector\":{\"app\":\"sql\"},\"publishNotReadyAddresses\":%s}}",
	                  name, ip, publish);
	return object(text);
}

static void names_are_those_of_cluster_dns(void **state) {
	(void)state;
	const struct kube_object *pod_items[] = { pod("a-0", "n", "127.64.0.1", "pods"),
		                                  pod("b-0", "n", "127.64.0.2", "ready"),
		                                  pod("c-0", "other", "127.64.0.3", "pods") };
	const struct kube_object *service_items[] = { service("pods", "None", "true"),
		                                      service("ready", "None", "false"),
		                                      service("web", "127.96.0.9", "false") };
	const struct kube_objects pods = { pod_items, ARRAY_LENGTH(pod_items) };
	const struct kube_objects services = { service_items, ARRAY_LENGTH(service_items) };
	cleanup_strbuf struct strbuf near = { 0 };
	cleanup_strbuf struct strbuf far = { 0 };
	names_write(&near, "n", &pods, &services);
	/* b-0 is not ready, and its Service publishes only those that are. */
	assert_string_equal(strbuf_text(&near),
	                    "127.64.0.1 a-0 a-0.pods.n.svc.cluster.local a-0.pods.n.svc a-0.pods.n a-0.pods\n"
	                    "127.64.0.2 b-0\n"
	                    "127.96.0.9 web.n.svc.cluster.local web.n.svc web.n web\n");
	names_write(&far, "other", &pods, &services);
	assert_string_equal(strbuf_text(&far), "127.64.0.1 a-0.pods.n.svc.cluster.local a-0.pods.n.svc a-0.pods.n\n"
	                                       "127.64.0.3 c-0\n"
	                                       "127.96.0.9 web.n.svc.cluster.local web.n.svc web.n\n");
	for (size_t i = 0; i < pods.count; i++) kube_object_unref(pod_items[i]);
	for (size_t i = 0; i < services.count; i++) kube_object_unref(service_items[i]);
}

static const struct pod_address addresses[] = {
	{ "n/a", "127.64.0.1" }, { "n/b", "127.64.0.2" }, { "n/c", "127.64.0.3" }, { "n/a", "127.64.0.4" }
}; /* a successor of the first */

static void assert_faults(const struct network *network, const char *wanted) {
	cleanup_strbuf struct strbuf text = { 0 };
	network_write_faults(network, addresses, ARRAY_LENGTH(addresses), &text);
	assert_string_equal(strbuf_text(&text), wanted);
}

static void faults_are_told_by_address(void **state) {
	(void)state;
	struct network *network = network_new("/nonexistent");
	network_cut(network, "n/b", "n/a");
	network_cut(network, "n/b", "n/a"); /* the same again */
	assert_faults(network, "cut 127.64.0.2 127.64.0.1\ncut 127.64.0.2 127.64.0.4\n");
	network_cut_clients(network, "n/c");
	network_heal(network, "n/a");
	assert_faults(network, "clients 127.64.0.3\n");
	network_heal(network, NULL);
	network_cut(network, "n/c", NULL); /* from it to all others */
	assert_faults(network, "cut 127.64.0.3 127.64.0.1\ncut 127.64.0.3 127.64.0.2\ncut 127.64.0.3 127.64.0.4\n");
	network_free(network);
}

static void localhost_is_nobody_else_s(void **state) {
	(void)state;
	cleanup_free char *of_pod = address_localhost("127.64.3.9");
	cleanup_free char *of_node = address_localhost("127.48.0.1");
	assert_string_equal(of_pod, "127.128.3.9");
	assert_string_equal(of_node, "127.112.0.1");
	assert_null(address_localhost("none"));
}

static void some_images_cannot_be_pulled(void **state) {
	(void)state;
	struct images images = { 0 };
	assert_int_equal(images_add(&images, "*=/bin/false", NULL), 0);
	assert_int_equal(images_add(&images, "mssql/server=/bin/true", NULL), 0);
	static const struct {
		const char *image;
		bool is_server, is_found;
	} cases[] = {
		{ "mcr.microsoft.com/mssql/server:2022-latest", true, true },
		{ "registry.example:5000/mirror/mssql/server@sha256:00", true, true },
		{ "registry.example/mssql:2022", false, true },
		{ "exporter", false, true },
		{ "mssql.invalid", false, true }, /* no registry */
		{ "registry.invalid/mssql/server:2022", false, false },
		{ "registry.invalid:5000/exporter", false, false },
	};
	cleanup_free char *server = realpath("/bin/true", NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *program = images_find(&images, cases[i].image);
		if ((program != NULL) != cases[i].is_found) fail_msg("%s", cases[i].image);
		if (program != NULL) assert_int_equal(strcmp(program, server) == 0, cases[i].is_server);
	}
	images_free(&images);
}

static char *folder; /* of the test that runs */

static int make_folder(void **state) {
	(void)state;
	folder = xstrdup("/tmp/test_simnode_network.XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int drop_folder(void **state) {
	(void)state;
	folder_remove(folder);
	free(folder);
	return 0;
}

static char *below(const char *path) {
	char *whole = xasprintf("%s%s", folder, path);
	assert_int_equal(folder_create(whole, NULL), 0);
	return whole;
}

static void an_image_has_folders(void **state) {
	(void)state;
	cleanup_free char *inner = below("/server.root/opt/tools/bin");
	cleanup_free char *program = xasprintf("%s/server", folder);
	struct mounts mounts = { 0 };
	image_mounts(program, &mounts);
	cleanup_free char *place = mounts_locate(&mounts, "/opt/tools/bin/sqlcmd");
	cleanup_free char *wanted = xasprintf("%s/sqlcmd", inner);
	assert_string_equal(place, wanted);
	assert_null(mounts_locate(&mounts, "/opt/others"));
	mounts_free(&mounts);
}

static void mounts_inside_of_mounts_are_found_there(void **state) {
	(void)state;
	cleanup_free char *data = below("/data");
	cleanup_free char *config = below("/config");
	cleanup_free char *tls = below("/tls");
	struct mounts mounts = { 0 };
	mounts_add(&mounts, "/var/opt/mssql", data);
	mounts_add(&mounts, "/var/opt/mssql/mssql.conf", config);
	mounts_add(&mounts, "/var/opt/mssql/secrets/tls", tls);
	for (int round = 0; round < 2; round++) assert_int_equal(mounts_nest(&mounts, NULL), 0);
	static const char *const links[][2] = { { "/data/mssql.conf", "/config" }, { "/data/secrets/tls", "/tls" } };
	for (size_t i = 0; i < ARRAY_LENGTH(links); i++) {
		cleanup_free char *link = xasprintf("%s%s", folder, links[i][0]);
		cleanup_free char *wanted = xasprintf("%s%s", folder, links[i][1]);
		char target[256];
		ssize_t length = readlink(link, target, sizeof(target) - 1);
		assert_true(length > 0);
		target[length] = '\0';
		assert_string_equal(target, wanted);
	}
	mounts_free(&mounts);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_cluster_dns),
		cmocka_unit_test(faults_are_told_by_address),
		cmocka_unit_test(localhost_is_nobody_else_s),
		cmocka_unit_test(some_images_cannot_be_pulled),
		cmocka_unit_test_setup_teardown(an_image_has_folders, make_folder, drop_folder),
		cmocka_unit_test_setup_teardown(mounts_inside_of_mounts_are_found_there, make_folder, drop_folder),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
