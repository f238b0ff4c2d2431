/* What a container is started with: variables, references, mount paths, images, the downward API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "simnode/container_environment.h"
#include "simnode/images.h"

static struct json_object *json(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return parsed;
}

static void expansion(void **state) {
	(void)state;
	cleanup_environment struct environment environment = { 0 };
	environment_set(&environment, "A", "old");
	environment_set(&environment, "A", "one");
	environment_set(&environment, "EMPTY", "");
	static const char *const cases[][2] = {
		{ "$(A)", "one" },        { "x$(A)y$(A)", "xoneyone" },
		{ "$(EMPTY)|", "|" },     { "$(MISSING)", "$(MISSING)" },
		{ "$$(A)", "$(A)" },      { "$$$(A)", "$one" },
		{ "$A ${A}", "$A ${A}" }, { "$(A", "$(A" },
		{ "a$", "a$" },           { "", "" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *got = environment_expand(&environment, cases[i][0]);
		assert_string_equal(got, cases[i][1]);
	}
	assert_int_equal(environment.count, 2);
	assert_null(environment_get(&environment, "MISSING"));
}

static void rewriting(void **state) {
	(void)state;
	struct mounts mounts = { 0 };
	mounts_add(&mounts, "/data", "/s/data");
	mounts_add(&mounts, "/data/deep/", "/s/deep");
	mounts_add(&mounts, "/s", "/elsewhere");
	static const char *const cases[][2] = {
		{ "/data", "/s/data" },
		{ "/data/", "/s/data/" },
		{ "/data/x", "/s/data/x" },
		{ "/data/deep/x", "/s/deep/x" },
		{ "/data/deeper", "/s/data/deeper" },
		{ "--dir=/data/x", "--dir=/s/data/x" },
		{ "/a:/data:/data/deep", "/a:/s/data:/s/deep" },
		{ "file:///data", "file:///data" },
		{ "/database", "/database" },
		{ "/data-old", "/data-old" },
		{ "/mnt/data", "/mnt/data" },
		{ "data/x", "data/x" },
		{ "$(BASE)/data", "$(BASE)/data" },
		{ "cat '/data/x'", "cat '/s/data/x'" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *got = mounts_rewrite(&mounts, cases[i][0]);
		assert_string_equal(got, cases[i][1]);
	}
	cleanup_free char *inside = mounts_locate(&mounts, "/data/deep/f");
	assert_string_equal(inside, "/s/deep/f");
	assert_null(mounts_locate(&mounts, "/tmp"));
	mounts_free(&mounts);
}

static void image_names(void **state) {
	(void)state;
	struct images images = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(images_add(&images, "agkeeper=/bin/true", &err), 0);
	assert_int_equal(images_add(&images, "mssql/server=/bin/false", &err), 0);
	assert_int_equal(images_add(&images, "exact/image:2=/bin/sh", &err), 0);
	cleanup_free char *true_path = realpath("/bin/true", NULL);
	cleanup_free char *false_path = realpath("/bin/false", NULL);
	assert_string_equal(images_find(&images, "agkeeper"), true_path);
	assert_string_equal(images_find(&images, "registry:5000/agkeeper/agkeeper:0.1.0"), true_path);
	assert_string_equal(images_find(&images, "mcr.microsoft.com/mssql/server:2022-latest"), false_path);
	assert_string_equal(images_find(&images, "mssql/server@sha256:00"), false_path);
	assert_non_null(images_find(&images, "host/exact/image:2"));
	assert_null(images_find(&images, "exact/image:3"));
	assert_null(images_find(&images, "my-agkeeper:1"));
	assert_null(images_find(&images, "server:2022"));
	assert_null(images_find(&images, "registry:5000/nginx"));

	assert_int_equal(images_add(&images, "x=/no/such/program", &err), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(images_add(&images, "just-a-name", NULL), -1);
	assert_int_equal(images_add(&images, "=/bin/true", NULL), -1);
	images_free(&images);
}

static void commands(void **state) {
	(void)state;
	/* Beside the image's program first, then the machine's, then the image's program whatever it is called. */
	cleanup_free char *beside = image_resolve_command("/bin/true", "/opt/tool/false");
	assert_string_equal(beside, "/bin/false");
	cleanup_free char *machine = image_resolve_command("/nowhere/program", "/bin/sh");
	assert_string_equal(machine, "/bin/sh");
	cleanup_free char *own = image_resolve_command("/nowhere/program", "/usr/local/bin/no-such-program");
	assert_string_equal(own, "/nowhere/program");
}

static const char pod_text[] = "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\", \"uid\": \"u\", \"labels\": "
                               "{\"app\": \"web\", \"q\": \"a\\\"b\"}},"
                               "\"spec\": {\"serviceAccountName\": \"robot\"}}";
static const struct pod_place place = { .node = "node-1", .host_ip = "127.63.0.1", .pod_ip = "127.64.0.1" };

static void downward(void **state) {
	(void)state;
	cleanup_json struct json_object *pod = json(pod_text);
	static const char *const cases[][2] = {
		{ "metadata.name", "p" },
		{ "metadata.namespace", "n" },
		{ "metadata.uid", "u" },
		{ "metadata.labels['app']", "web" },
		{ "metadata.labels['none']", "" },
		{ "metadata.annotations['x']", "" },
		{ "metadata.labels", "app=\"web\"\nq=\"a\\\"b\"" },
		{ "spec.nodeName", "node-1" },
		{ "spec.serviceAccountName", "robot" },
		{ "status.hostIP", "127.63.0.1" },
		{ "status.podIP", "127.64.0.1" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *got = downward_field(pod, &place, cases[i][0]);
		assert_non_null(got);
		assert_string_equal(got, cases[i][1]);
	}
	assert_null(downward_field(pod, &place, "spec.priority"));
	assert_null(downward_field(pod, &place, "metadata.labels['app"));
}

static void resources(void **state) {
	(void)state;
	cleanup_json struct json_object *container =
	        json("{\"resources\": {\"limits\": {\"memory\": \"2Gi\", \"cpu\": \"1500m\"}}}");
	static const char *const cases[][2] = {
		{ "{\"resource\": \"limits.memory\"}", "2147483648" },
		{ "{\"resource\": \"limits.memory\", \"divisor\": \"1Mi\"}", "2048" },
		{ "{\"resource\": \"limits.cpu\", \"divisor\": \"1\"}", "2" },
		{ "{\"resource\": \"limits.cpu\", \"divisor\": \"1m\"}", "1500" },
		{ "{\"resource\": \"requests.cpu\", \"divisor\": \"0\"}", "0" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_json struct json_object *reference = json(cases[i][0]);
		cleanup_free char *got = downward_resource(container, reference);
		assert_string_equal(got, cases[i][1]);
	}
}

/* A cluster with one ConfigMap "config" and one Secret "secret". */
static const struct kube_object *find(void *context, const struct kube_resource *resource, const char *namespace,
                                      const char *name) {
	(void)context;
	if (strcmp(namespace, "n") != 0) return NULL;
	if (resource == &kube_configmaps && strcmp(name, "config") == 0)
		return kube_object_new(
		        json("{\"metadata\": {\"name\": \"config\"}, \"data\": {\"a\": \"1\", \"b\": \"/data\"}}"));
	if (resource == &kube_secrets && strcmp(name, "secret") == 0)
		return kube_object_new(
		        json("{\"metadata\": {\"name\": \"secret\"}, \"data\": {\"key\": \"cDQkJHcwcmQ=\"}}"));
	return NULL;
}

static const struct cluster cluster = { .find = find, .api_host = "127.0.0.1", .api_port = "6443" };

static int build(struct environment *environment, const char *container_text, struct error **err) {
	cleanup_json struct json_object *pod = json(pod_text);
	cleanup_json struct json_object *container = json(container_text);
	struct mounts mounts = { 0 };
	mounts_add(&mounts, "/data", "/s/data");
	mounts_add(&mounts, SERVICE_ACCOUNT_PATH, "/s/token");
	int result = container_environment(environment, &cluster, pod, &place, container, &mounts, err);
	mounts_free(&mounts);
	return result;
}

static void variables(void **state) {
	(void)state;
	cleanup_environment struct environment environment = { 0 };
	assert_int_equal(
	        build(&environment,
	              "{\"envFrom\": [{\"prefix\": \"C_\", \"configMapRef\": {\"name\": \"config\"}},"
	              " {\"secretRef\": {\"name\": \"none\", \"optional\": true}}],"
	              "\"env\": ["
	              "{\"name\": \"IP\", \"valueFrom\": {\"fieldRef\": {\"fieldPath\": \"status.podIP\"}}},"
	              "{\"name\": \"LISTEN\", \"value\": \"$(IP):9443\"},"
	              "{\"name\": \"LATER\", \"value\": \"$(AFTER)\"},"
	              "{\"name\": \"AFTER\", \"value\": \"x\"},"
	              "{\"name\": \"DIR\", \"value\": \"/data/x\"},"
	              "{\"name\": \"KEY\", \"valueFrom\": {\"secretKeyRef\": {\"name\": \"secret\", \"key\": "
	              "\"key\"}}},"
	              "{\"name\": \"NONE\", \"valueFrom\": {\"secretKeyRef\": {\"name\": \"secret\", \"key\": \"no\", "
	              "\"optional\": true}}},"
	              "{\"name\": \"B\", \"valueFrom\": {\"configMapKeyRef\": {\"name\": \"config\", \"key\": \"b\"}}}"
	              "]}",
	              NULL),
	        0);
	static const char *const cases[][2] = {
		{ "C_a", "1" },
		{ "LISTEN", "127.64.0.1:9443" },
		{ "LATER", "$(AFTER)" },
		{ "DIR", "/s/data/x" },
		{ "KEY", "p4$$w0rd" },
		{ "B", "/data" },
		{ "HOSTNAME", "p" },
		{ "KUBERNETES_SERVICE_HOST", "127.0.0.1" },
		{ "KUBERNETES_SERVICE_PORT", "6443" },
		{ SERVICE_ACCOUNT_VARIABLE, "/s/token" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		const char *got = environment_get(&environment, cases[i][0]);
		assert_non_null(got);
		assert_string_equal(got, cases[i][1]);
	}
	assert_null(environment_get(&environment, "NONE"));
}

static void missing_references(void **state) {
	(void)state;
	static const char *const cases[][2] = {
		{ "{\"env\": [{\"name\": \"X\", \"valueFrom\": {\"secretKeyRef\": {\"name\": \"none\", \"key\": "
		  "\"k\"}}}]}",
		  "variable X: secrets \"none\" not found" },
		{ "{\"env\": [{\"name\": \"X\", \"valueFrom\": {\"configMapKeyRef\": {\"name\": \"config\", \"key\": "
		  "\"k\"}}}]}",
		  "variable X: couldn't find key k in configmaps \"config\"" },
		{ "{\"envFrom\": [{\"configMapRef\": {\"name\": \"none\"}}]}", "configmaps \"none\" not found" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_environment struct environment environment = { 0 };
		cleanup_error struct error *err = NULL;
		assert_int_equal(build(&environment, cases[i][0], &err), -1);
		assert_string_equal(err->message, cases[i][1]);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expansion), cmocka_unit_test(rewriting),          cmocka_unit_test(image_names),
		cmocka_unit_test(commands),  cmocka_unit_test(downward),           cmocka_unit_test(resources),
		cmocka_unit_test(variables), cmocka_unit_test(missing_references),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
