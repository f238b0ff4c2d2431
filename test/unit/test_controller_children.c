/* The children of our objects (controller/resources): as they stand in test/unit/golden, byte for byte.
 *
 * After a change that is meant: AGKEEPER_UPDATE_GOLDEN=1 build/test/test_controller_children, and read the difference.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/kind.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "controller/resources/certificate.h"
#include "controller/resources/children.h"

#define IMAGE "mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04"
static const struct surroundings usual = { .image = IMAGE, .has_policy_v1 = true };

static struct json_object *load(const char *file) {
	cleanup_free char *path = xasprintf("%s/test/%s", SOURCE_DIR, file);
	cleanup_strbuf struct strbuf text = { 0 };
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	assert_int_equal(yaml_parse(strbuf_text(&text), text.length, &stream, NULL), 0);
	return json_object_get(stream.documents[0].json);
}

/* As the cluster holds it: in the stored version, in a namespace, with a uid. */
static struct json_object *stored(const char *file) {
	struct json_object *object = load(file);
	const struct kind *kind = kind_of_object(object);
	kind_set_defaults(kind, object, NULL);
	if (strcmp(kind->group, "kubedb.com") == 0) {
		assert_int_equal(kind_convert(object, "kubedb.com/v1alpha2", NULL), 0);
	}
	struct json_object *metadata = json_get(object, "metadata");
	if (json_get(metadata, "namespace") == NULL) json_set_text(metadata, "namespace", "default");
	json_set_text(metadata, "uid", "00000000-0000-0000-0000-000000000001");
	return object;
}

static struct json_object *children(const struct json_object *object, const struct surroundings *surroundings) {
	struct json_object *list = NULL;
	cleanup_error struct error *err = NULL;
	if (children_of(object, surroundings, &list, &err) < 0) fail_msg("%s", err->message);
	return list;
}

static struct json_object *child(const struct json_object *list, const char *kind, const char *name) {
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *object = json_object_array_get_idx(list, i);
		if (strcmp(json_get_text(object, "kind"), kind) == 0 &&
		    strcmp(json_get_text(json_get(object, "metadata"), "name"), name) == 0) {
			return object;
		}
	}
	return NULL;
}

/* ---- The golden files ---- */

static void write_file(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void compare(const struct json_object *list, const char *name) {
	cleanup_json struct json_object *whole = json_object_new_object();
	json_set_text(whole, "apiVersion", "v1");
	json_set_text(whole, "kind", "List");
	json_set(whole, "items", json_copy(list));
	cleanup_free char *path = xasprintf("%s/test/unit/golden/%s.json", SOURCE_DIR, name);
	cleanup_free char *text =
	        xasprintf("%s\n", json_object_to_json_string_ext(whole, JSON_C_TO_STRING_PRETTY |
	                                                                        JSON_C_TO_STRING_NOSLASHESCAPE));
	if (getenv("AGKEEPER_UPDATE_GOLDEN") != NULL) write_file(path, text);
	cleanup_strbuf struct strbuf golden = { 0 };
	assert_int_equal(file_read(path, 1 << 20, &golden, NULL), 0);
	assert_string_equal(strbuf_text(&golden), text);
}

static void check_golden(const char *file, const char *name, const struct surroundings *surroundings) {
	cleanup_json struct json_object *object = stored(file);
	cleanup_json struct json_object *before = json_copy(object);
	cleanup_json struct json_object *list = children(object, surroundings);
	assert_int_equal(json_object_equal(object, before), 1);
	compare(list, name);
}

static const char *annotation_of(const struct json_object *list, const char *set, const char *key) {
	const struct json_object *template = json_get_path(child(list, "StatefulSet", set), "spec", "template", NULL);
	return json_get_text(json_get_path(template, "metadata", "annotations", NULL), key);
}

static bool has_text(const struct json_object *list, const char *text) {
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(list, i)), text) == 0) return true;
	}
	return false;
}

/* The pods' template changes with the certificate, and with nothing else about it. */
static void a_certificate_restarts_servers(void **state) {
	(void)state;
	cleanup_json struct json_object *object = stored("e2e/examples/mssqlserver-ag-cluster.yaml");
	struct surroundings surroundings = usual;
	cleanup_json struct json_object *none = children(object, &surroundings);
	assert_null(annotation_of(none, "mssqlserver-ag-cluster", CERTIFICATE_ANNOTATION));
	surroundings.certificate = "one";
	cleanup_json struct json_object *one = children(object, &surroundings);
	surroundings.has_issuers = true;
	cleanup_json struct json_object *same = children(object, &surroundings);
	surroundings.certificate = "two";
	cleanup_json struct json_object *two = children(object, &surroundings);
	const char *sum = annotation_of(one, "mssqlserver-ag-cluster", CERTIFICATE_ANNOTATION);
	assert_non_null(sum);
	assert_string_equal(annotation_of(same, "mssqlserver-ag-cluster", CERTIFICATE_ANNOTATION), sum);
	assert_string_not_equal(annotation_of(two, "mssqlserver-ag-cluster", CERTIFICATE_ANNOTATION), sum);
	assert_string_equal(annotation_of(two, "mssqlserver-ag-cluster", CHECKSUM_ANNOTATION),
	                    annotation_of(one, "mssqlserver-ag-cluster", CHECKSUM_ANNOTATION));
	/* Servers without spec.tls are not concerned. */
	cleanup_json struct json_object *plain_object = stored("e2e/examples/ha-mssqlserver.yaml");
	cleanup_json struct json_object *plain = children(plain_object, &surroundings);
	assert_null(annotation_of(plain, "ha-mssqlserver", CERTIFICATE_ANNOTATION));
	assert_null(child(plain, "Certificate", "ha-mssqlserver-server-cert"));
}

static void cert_manager_is_asked_where_it_is(void **state) {
	(void)state;
	cleanup_json struct json_object *object = stored("unit/golden/mssqlserver-everything.yaml");
	struct surroundings surroundings = usual;
	surroundings.configuration = "";
	const char *name = json_get_text(json_get(object, "metadata"), "name");
	cleanup_free char *certificate_name = xasprintf("%s-server-cert", name);
	cleanup_json struct json_object *without = children(object, &surroundings);
	assert_null(child(without, "Certificate", certificate_name));
	surroundings.has_issuers = true;
	cleanup_json struct json_object *list = children(object, &surroundings);
	const struct json_object *certificate = child(list, "Certificate", certificate_name);
	assert_non_null(certificate);
	const struct json_object *spec = json_get(certificate, "spec");
	assert_string_equal(json_get_text(spec, "secretName"), "my-server-cert");
	assert_non_null(json_get_text(json_get(spec, "issuerRef"), "name"));
	assert_string_equal(json_get_text(json_get(spec, "privateKey"), "algorithm"), "RSA");
	assert_true(has_text(json_get(spec, "dnsNames"), "localhost"));
}

static void a_certificate_is_for_everything_that_leads_there(void **state) {
	(void)state;
	cleanup_json struct json_object *object = stored("e2e/examples/mssqlserver-ag-cluster.yaml");
	cleanup_json struct json_object *names = certificate_names_of(object);
	static const char expected[] =
	        "[\"mssqlserver-ag-cluster\",\"mssqlserver-ag-cluster.demo\",\"mssqlserver-ag-cluster.demo.svc\","
	        "\"mssqlserver-ag-cluster.demo.svc.cluster.local\",\"mssqlserver-ag-cluster-secondary\","
	        "\"mssqlserver-ag-cluster-secondary.demo\",\"mssqlserver-ag-cluster-secondary.demo.svc\","
	        "\"mssqlserver-ag-cluster-secondary.demo.svc.cluster.local\",\"*.mssqlserver-ag-cluster-pods.demo\","
	        "\"*.mssqlserver-ag-cluster-pods.demo.svc\",\"*.mssqlserver-ag-cluster-pods.demo.svc.cluster.local\","
	        "\"localhost\"]";
	assert_string_equal(json_object_to_json_string_ext(json_get(names, "dnsNames"), JSON_C_TO_STRING_PLAIN),
	                    expected);
	assert_true(has_text(json_get(names, "ipAddresses"), "127.0.0.1"));
	/* However many pods there are. */
	json_set(json_get(object, "spec"), "replicas", json_object_new_int(5));
	cleanup_json struct json_object *more = certificate_names_of(object);
	assert_true(json_object_equal(names, more));
}

static void of_the_examples(void **state) {
	(void)state;
	check_golden("e2e/examples/sqlag-three-sync.yaml", "mssql-ag", &usual);
	check_golden("e2e/examples/mssqlserver-ag-cluster.yaml", "mssqlserver-ag-cluster", &usual);
	check_golden("e2e/examples/ha-mssqlserver.yaml", "ha-mssqlserver", &usual);
	check_golden("e2e/examples/hot-mssqlserver.yaml", "hot-mssqlserver", &usual);
}

static void of_objects_that_say_everything(void **state) {
	(void)state;
	const struct surroundings old = { .image = IMAGE };
	const struct surroundings rich = { .image = IMAGE,
		                           .exporter_image = "registry.example/exporter:1",
		                           .configuration = "# ours\n[network]\ntcpport = 9999\nipaddress=0.0.0.0\n"
		                                            "[sqlagent]\nenabled=false\n[Memory]\nMemoryLimitMB = 1\n",
		                           .has_policy_v1 = true,
		                           .has_service_monitors = true };
	check_golden("unit/golden/sqlag-everything.yaml", "sqlag-everything", &old);
	check_golden("unit/golden/mssqlserver-everything.yaml", "mssqlserver-everything", &rich);
	check_golden("unit/golden/mssqlserver-standalone.yaml", "mssqlserver-standalone", &usual);
}

/* ---- What must be so of all of them ---- */

static const char *const files[] = {
	"e2e/examples/sqlag-three-sync.yaml",      "e2e/examples/mssqlserver-ag-cluster.yaml",
	"e2e/examples/ha-mssqlserver.yaml",        "e2e/examples/hot-mssqlserver.yaml",
	"unit/golden/sqlag-everything.yaml",       "unit/golden/mssqlserver-everything.yaml",
	"unit/golden/mssqlserver-standalone.yaml",
};

static void check_labels(const struct json_object *metadata, const char *instance, const char *managed_by) {
	const struct json_object *labels = json_get(metadata, "labels");
	assert_string_equal(json_get_text(labels, "app.kubernetes.io/instance"), instance);
	assert_string_equal(json_get_text(labels, "app.kubernetes.io/managed-by"), managed_by);
}

static void every_child_is_labelled_and_owned(void **state) {
	(void)state;
	for (size_t f = 0; f < ARRAY_LENGTH(files); f++) {
		cleanup_json struct json_object *object = stored(files[f]);
		cleanup_json struct json_object *list = children(object, &usual);
		const char *name = json_get_text(json_get(object, "metadata"), "name");
		bool is_ag = strcmp(json_get_text(object, "kind"), "SQLServerAvailabilityGroup") == 0;
		const char *managed_by = is_ag ? "agkeeper" : "kubedb.com";
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			const struct json_object *metadata = json_get(json_object_array_get_idx(list, i), "metadata");
			check_labels(metadata, name, managed_by);
			const struct json_object *owner =
			        json_object_array_get_idx(json_get(metadata, "ownerReferences"), 0);
			assert_string_equal(json_get_text(owner, "name"), name);
			assert_string_equal(json_get_text(owner, "uid"), "00000000-0000-0000-0000-000000000001");
			assert_true(json_get_flag(owner, "controller", false));
		}
		const struct json_object *spec = json_get(child(list, "StatefulSet", name), "spec");
		check_labels(json_get_path(spec, "template", "metadata", NULL), name, managed_by);
		const struct json_object *claims = json_get(spec, "volumeClaimTemplates");
		if (claims == NULL) continue;
		const struct json_object *claim = json_get(json_object_array_get_idx(claims, 0), "metadata");
		assert_string_equal(json_get_text(claim, "name"), "data");
		check_labels(claim, name, managed_by);
	}
}

/* A selector that does not fit the template is refused by the API server. */
static void selectors_fit_the_pods(void **state) {
	(void)state;
	for (size_t f = 0; f < ARRAY_LENGTH(files); f++) {
		cleanup_json struct json_object *object = stored(files[f]);
		cleanup_json struct json_object *list = children(object, &usual);
		const struct json_object *set =
		        child(list, "StatefulSet", json_get_text(json_get(object, "metadata"), "name"));
		const struct json_object *labels = json_get_path(set, "spec", "template", "metadata", "labels", NULL);
		struct json_object *selector = json_get_path(set, "spec", "selector", "matchLabels", NULL);
		json_object_object_foreach(selector, key, value) {
			assert_string_equal(json_get_text(labels, key), json_object_get_string(value));
		}
	}
}

static const char *checksum_with(const char *configuration, char copy[64]) {
	cleanup_json struct json_object *object = stored("unit/golden/mssqlserver-standalone.yaml");
	const struct surroundings surroundings = { .image = IMAGE, .configuration = configuration };
	cleanup_json struct json_object *list = children(object, &surroundings);
	const struct json_object *set = child(list, "StatefulSet", "alone");
	const struct json_object *annotations = json_get_path(set, "spec", "template", "metadata", "annotations", NULL);
	snprintf(copy, 64, "%s", json_get_text(annotations, CHECKSUM_ANNOTATION));
	return copy;
}

static void the_checksum_follows_the_settings_and_nothing_else(void **state) {
	(void)state;
	char a[64], b[64], c[64];
	assert_string_equal(checksum_with("[memory]\nmemorylimitmb=1\n", a),
	                    checksum_with("# a comment\n\n [memory] \n  MemoryLimitMB = 1\n", b));
	assert_string_not_equal(a, checksum_with("[memory]\nmemorylimitmb=2\n", c));
}

static int64_t pods_with(int64_t kept, const char *change) {
	cleanup_json struct json_object *object = stored("e2e/examples/mssqlserver-ag-cluster.yaml");
	if (change != NULL) json_set(json_get(object, "spec"), change, json_object_new_boolean(true));
	const struct surroundings surroundings = { .image = IMAGE, .kept_pods = kept };
	cleanup_json struct json_object *list = children(object, &surroundings);
	const struct json_object *set = child(list, "StatefulSet", "mssqlserver-ag-cluster");
	return json_get_integer(json_get(set, "spec"), "replicas", -1);
}

static void members_that_are_scaled_in_keep_their_pods(void **state) {
	(void)state;
	assert_int_equal(pods_with(0, NULL), 3);
	assert_int_equal(pods_with(2, NULL), 3);
	assert_int_equal(pods_with(5, NULL), 5);
	assert_int_equal(pods_with(5, "halted"), 0);
}

static void settings_from_a_secret_stay_in_one(void **state) {
	(void)state;
	cleanup_json struct json_object *object = stored("unit/golden/mssqlserver-standalone.yaml");
	const struct surroundings surroundings = { .image = IMAGE,
		                                   .configuration = "[network]\nkerberoskeytab=hush\n" };
	cleanup_json struct json_object *list = children(object, &surroundings);
	assert_null(child(list, "ConfigMap", "alone-config"));
	assert_non_null(child(list, "Secret", "alone-config"));
	cleanup_free char *text = json_to_text(list);
	assert_null(strstr(text, "hush"));
}

static void what_cannot_be_is_refused(void **state) {
	(void)state;
	struct json_object *list = NULL;
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *server = stored("unit/golden/mssqlserver-standalone.yaml");
	const struct surroundings nothing = { 0 };
	assert_int_equal(children_of(server, &nothing, &list, &err), -1);
	assert_string_equal(err->message, "spec.version: the image of version \"2022-cu16\" is not known");

	json_object_object_del(json_get(server, "spec"), "storage");
	assert_int_equal(children_of(server, &usual, &list, &err), -1);
	assert_string_equal(err->message, "spec.storage: required");

	json_object_object_del(json_get(server, "metadata"), "uid");
	assert_int_equal(children_of(server, &usual, &list, &err), -1);

	cleanup_json struct json_object *version = load("e2e/examples/catalog.yaml");
	json_set_text(json_get(version, "metadata"), "namespace", "x");
	json_set_text(json_get(version, "metadata"), "uid", "x");
	assert_int_equal(children_of(version, &usual, &list, &err), -1);
	assert_non_null(strstr(err->message, "MSSQLServerVersion"));
	assert_null(list);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_the_examples),
		cmocka_unit_test(a_certificate_restarts_servers),
		cmocka_unit_test(cert_manager_is_asked_where_it_is),
		cmocka_unit_test(a_certificate_is_for_everything_that_leads_there),
		cmocka_unit_test(of_objects_that_say_everything),
		cmocka_unit_test(every_child_is_labelled_and_owned),
		cmocka_unit_test(selectors_fit_the_pods),
		cmocka_unit_test(the_checksum_follows_the_settings_and_nothing_else),
		cmocka_unit_test(members_that_are_scaled_in_keep_their_pods),
		cmocka_unit_test(settings_from_a_secret_stay_in_one),
		cmocka_unit_test(what_cannot_be_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
