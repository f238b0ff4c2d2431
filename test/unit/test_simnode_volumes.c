/* Volumes on disk: files that change all at once, and tokens that are renewed in time. */
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

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "simnode/folder.h"
#include "simnode/volumes.h"

static char *folder; /* of the test that runs */

static int make_folder(void **state) {
	(void)state;
	folder = xstrdup("/tmp/test_simnode_XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int drop_folder(void **state) {
	(void)state;
	folder_remove(folder);
	free(folder);
	return 0;
}

static struct json_object *json(const char *text) {
	struct json_object *parsed;
	assert_int_equal(json_parse(text, strlen(text), &parsed, NULL), 0);
	return parsed;
}

/* The content of a file below the folder; NULL when there is none. */
static char *content(const char *path) {
	cleanup_free char *whole = xasprintf("%s/%s", folder, path);
	FILE *file = fopen(whole, "r");
	if (file == NULL) return NULL;
	char bytes[256];
	size_t length = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[length] = '\0';
	return xstrdup(bytes);
}

#define assert_content(path, wanted)                     \
	do {                                             \
		cleanup_free char *got_ = content(path); \
		assert_non_null(got_);                   \
		assert_string_equal(got_, (wanted));     \
	} while (0)

static char *data_link(void) {
	cleanup_free char *path = xasprintf("%s/..data", folder);
	char target[256];
	ssize_t length = readlink(path, target, sizeof(target));
	assert_true(length > 0);
	return xstrndup(target, (size_t)length);
}

static void publishing(void **state) {
	(void)state;
	cleanup_payload struct payload first = { 0 };
	payload_add(&first, "a", "1", 1, 0644);
	payload_add(&first, "deep/b", "2", 1, 0600);
	payload_add(&first, "gone", "3", 1, 0644);
	payload_add(&first, "a", "one", 3, 0644); /* the later one counts */
	assert_int_equal(folder_publish(folder, &first, NULL), 0);
	assert_content("a", "one");
	assert_content("deep/b", "2");
	cleanup_free char *link = data_link();

	/* Nothing changed: nothing is touched. */
	assert_int_equal(folder_publish(folder, &first, NULL), 0);
	cleanup_free char *same = data_link();
	assert_string_equal(same, link);

	cleanup_payload struct payload second = { 0 };
	payload_add(&second, "a", "two", 3, 0644);
	payload_add(&second, "deep/b", "2", 1, 0600);
	payload_add(&second, "new", "", 0, 0644);
	assert_int_equal(folder_publish(folder, &second, NULL), 0);
	cleanup_free char *swapped = data_link();
	assert_string_not_equal(swapped, link);
	assert_content("a", "two");
	assert_content("new", "");
	assert_null(content("gone"));
	cleanup_free char *old = xasprintf("%s/%s", folder, link);
	assert_int_equal(access(old, F_OK), -1);

	/* A mode is a difference too. */
	payload_add(&second, "a", "two", 3, 0600);
	assert_int_equal(folder_publish(folder, &second, NULL), 0);
	cleanup_free char *path = xasprintf("%s/a", folder);
	struct stat status;
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

/* ---- Volumes ---- */

/* A cluster whose ConfigMap and token the test changes. */
struct world {
	const char *configmap; /* its data; NULL: there is none */
	int tokens;            /* handed out */
	bool refuses_tokens;
	int64_t lifetime;
};

static const struct kube_object *find(void *context, const struct kube_resource *resource, const char *namespace,
                                      const char *name) {
	struct world *world = context;
	assert_string_equal(namespace, "n");
	if (resource == &kube_secrets && strcmp(name, "secret") == 0)
		return kube_object_new(json("{\"metadata\": {\"name\": \"secret\"}, \"data\": {\"k\": \"AP8=\"}}"));
	if (resource != &kube_configmaps || strcmp(name, "config") != 0 || world->configmap == NULL) return NULL;
	cleanup_free char *text = xasprintf("{\"metadata\": {\"name\": \"config\"}, \"data\": %s}", world->configmap);
	return kube_object_new(json(text));
}

static int token(void *context, const struct json_object *pod, const char *audience, int64_t seconds, char **text,
                 int64_t *expires_at, struct error **err) {
	struct world *world = context;
	(void)pod;
	assert_null(audience);
	assert_int_equal(seconds, 600);
	if (world->refuses_tokens) return error_set(err, ERROR_UNAVAILABLE, "not now");
	*text = xasprintf("token-%d", ++world->tokens);
	*expires_at = clock_wall_seconds() + world->lifetime;
	return 0;
}

static const struct pod_place place = { .node = "node-1", .host_ip = "127.48.0.1", .pod_ip = "127.64.0.1" };

/* A pod in namespace n with these volumes. */
static struct json_object *pod_with(const char *volumes) {
	cleanup_free char *text = xasprintf(
	        "{\"metadata\": {\"name\": \"p\", \"namespace\": \"n\"}, \"spec\": {\"volumes\": %s}}", volumes);
	return json(text);
}

static void configuration(void **state) {
	(void)state;
	struct world world = { .configmap = "{\"a\": \"1\", \"b\": \"2\"}" };
	const struct cluster cluster = { .context = &world, .find = find, .token = token };
	struct volumes volumes = { .folder = folder };
	cleanup_json struct json_object *pod =
	        pod_with("[{\"name\": \"all\", \"configMap\": {\"name\": \"config\"}},"
	                 "{\"name\": \"some\", \"configMap\": {\"name\": \"config\", \"items\": [{\"key\": \"a\", "
	                 "\"path\": \"x/y\"}]}},"
	                 "{\"name\": \"maybe\", \"secret\": {\"secretName\": \"none\", \"optional\": true}},"
	                 "{\"name\": \"bytes\", \"secret\": {\"secretName\": \"secret\"}},"
	                 "{\"name\": \"scratch\", \"emptyDir\": {}}]");
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_content("all/a", "1");
	assert_content("some/x/y", "1");
	assert_null(content("some/b"));
	cleanup_free char *bytes = xasprintf("%s/bytes/k", folder);
	struct stat status;
	assert_int_equal(stat(bytes, &status), 0);
	assert_int_equal(status.st_size, 2);
	cleanup_free char *scratch = xasprintf("%s/scratch", folder);
	assert_int_equal(access(scratch, F_OK), 0);
	assert_true(volumes_renew_at(&volumes) == INT64_MAX);

	world.configmap = "{\"a\": \"changed\"}";
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_content("all/a", "changed");
	assert_null(content("all/b"));
	volumes_free(&volumes);
}

static void what_is_missing_is_named(void **state) {
	(void)state;
	struct world world = { .configmap = "{\"a\": \"1\"}" };
	const struct cluster cluster = { .context = &world, .find = find, .token = token };
	static const char *const cases[][2] = {
		{ "[{\"name\": \"v\", \"configMap\": {\"name\": \"none\"}}]",
		  "volume \"v\": configmaps \"none\" not found" },
		{ "[{\"name\": \"v\", \"configMap\": {\"name\": \"config\", \"items\": [{\"key\": \"z\", \"path\": "
		  "\"z\"}]}}]",
		  "volume \"v\": configmaps \"config\" has no key \"z\"" },
		{ "[{\"name\": \"v\", \"nfs\": {\"server\": \"x\"}}]",
		  "volume \"v\": volumes of its kind are not simulated" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct volumes volumes = { .folder = folder };
		cleanup_error struct error *err = NULL;
		cleanup_json struct json_object *pod = pod_with(cases[i][0]);
		assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, &err), -1);
		assert_string_equal(err->message, cases[i][1]);
		volumes_free(&volumes);
	}
}

static const char projected[] =
        "[{\"name\": \"v\", \"projected\": {\"sources\": [{\"serviceAccountToken\": {\"path\": \"token\", "
        "\"expirationSeconds\": 600}}, {\"configMap\": {\"name\": \"config\"}}, {\"downwardAPI\": {\"items\": "
        "[{\"path\": \"namespace\", \"fieldRef\": {\"fieldPath\": \"metadata.namespace\"}}]}}]}}]";

static void tokens(void **state) {
	(void)state;
	struct world world = { .configmap = "{\"ca.crt\": \"pem\"}", .lifetime = 600 };
	const struct cluster cluster = { .context = &world, .find = find, .token = token };
	struct volumes volumes = { .folder = folder };
	cleanup_json struct json_object *pod = pod_with(projected);
	int64_t before = clock_wall_seconds();
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_content("v/token", "token-1");
	assert_content("v/ca.crt", "pem");
	assert_content("v/namespace", "n");
	int64_t renew_at = volumes_renew_at(&volumes);
	assert_true(renew_at >= before + 480 && renew_at <= clock_wall_seconds() + 480);

	/* Not before its time. */
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_int_equal(world.tokens, 1);

	/* In its time; while that fails the old one stays, and it is soon tried again. */
	volumes.tokens[0].renew_at = before - 1;
	world.refuses_tokens = true;
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_content("v/token", "token-1");
	assert_true(volumes_renew_at(&volumes) > before);
	assert_true(volumes_renew_at(&volumes) < before + 480);
	volumes.tokens[0].renew_at = before - 1;
	world.refuses_tokens = false;
	assert_int_equal(volumes_sync(&volumes, &cluster, pod, &place, NULL), 0);
	assert_content("v/token", "token-2");
	volumes_free(&volumes);

	/* Without any, the volume is not there. */
	struct volumes fresh = { .folder = folder };
	world.refuses_tokens = true;
	assert_int_equal(volumes_sync(&fresh, &cluster, pod, &place, NULL), -1);
	volumes_free(&fresh);
}

static void mounting(void **state) {
	(void)state;
	struct volumes volumes = { .folder = folder };
	cleanup_json struct json_object *pod = pod_with(
	        "[{\"name\": \"v\", \"emptyDir\": {}}, {\"name\": \"host\", \"hostPath\": {\"path\": \"/etc\"}}]");
	cleanup_json struct json_object *container =
	        json("{\"volumeMounts\": [{\"name\": \"v\", \"mountPath\": \"/data\", \"subPath\": \"sub\"},"
	             "{\"name\": \"host\", \"mountPath\": \"/host\"}]}");
	cleanup_json struct json_object *wrong =
	        json("{\"volumeMounts\": [{\"name\": \"w\", \"mountPath\": \"/data\"}]}");
	struct mounts mounts = { 0 };
	assert_int_equal(volumes_mounts(&volumes, pod, container, &mounts, NULL), 0);
	cleanup_free char *where = mounts_locate(&mounts, "/data/f");
	cleanup_free char *wanted = xasprintf("%s/v/sub/f", folder);
	assert_string_equal(where, wanted);
	cleanup_free char *host = mounts_locate(&mounts, "/host/passwd");
	assert_string_equal(host, "/etc/passwd");
	assert_int_equal(volumes_mounts(&volumes, pod, wrong, &mounts, NULL), -1);
	mounts_free(&mounts);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void) {
	const struct CMUnitTest tests[] = {
		in_folder(publishing), in_folder(configuration), in_folder(what_is_missing_is_named),
		in_folder(tokens),     in_folder(mounting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
