/* kube/config: kubeconfig files and the settings of a pod. */
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

#include "base/memory.h"
#include "kube/config.h"

static struct kube_config *parse(const char *text) {
	struct kube_config *config = NULL;
	cleanup_error struct error *err = NULL;
	if (kube_config_parse(text, strlen(text), "/etc/kube", &config, &err) < 0) fail_msg("%s", err->message);
	return config;
}

static void assert_refused(const char *text, const char *part_of_message) {
	struct kube_config *config = NULL;
	cleanup_error struct error *err = NULL;
	assert_int_equal(kube_config_parse(text, strlen(text), "/etc/kube", &config, &err), -1);
	assert_null(config);
	assert_int_equal(err->kind, ERROR_INVALID);
	if (strstr(err->message, part_of_message) == NULL)
		fail_msg("\"%s\" says nothing of \"%s\"", err->message, part_of_message);
}

/* A kubeconfig whose cluster and user hold these lines. */
#define KUBECONFIG(cluster, user)                                                 \
	"apiVersion: v1\nkind: Config\ncurrent-context: here\n"                   \
	"contexts:\n- name: there\n  context: {cluster: nowhere, user: nobody}\n" \
	"- name: here\n  context: {cluster: c, user: u, namespace: team}\n"       \
	"clusters:\n- name: c\n  cluster:\n" cluster "users:\n- name: u\n  user:\n" user
#define SERVER    "    server: https://10.0.0.1:6443/\n"
#define ANONYMOUS "    {}\n"

static void reads_the_current_context(void **state) {
	(void)state;
	cleanup_kube_config struct kube_config *config =
	        parse(KUBECONFIG(SERVER "    certificate-authority: pki/ca.crt\n    tls-server-name: kubernetes\n",
	                         "    token: abc\n    client-certificate: /abs/c.crt\n    client-key: c.key\n"));
	assert_string_equal(config->server, "https://10.0.0.1:6443");
	assert_string_equal(config->ca.file, "/etc/kube/pki/ca.crt");
	assert_string_equal(config->tls_server_name, "kubernetes");
	assert_string_equal(config->token, "abc");
	assert_string_equal(config->certificate.file, "/abs/c.crt");
	assert_string_equal(config->key.file, "/etc/kube/c.key");
	assert_string_equal(config->namespace, "team");
	assert_false(config->insecure);
}

static void data_wins_over_files(void **state) {
	(void)state;
	cleanup_kube_config struct kube_config *config =
	        parse(KUBECONFIG(SERVER "    certificate-authority: ca.crt\n    certificate-authority-data: Zm9vYmE=\n",
	                         "    client-certificate-data: Zm9v\n    client-key-data: YmFy\n    tokenFile: tok\n"));
	assert_null(config->ca.file);
	assert_int_equal(config->ca.length, 5);
	assert_memory_equal(config->ca.data, "fooba", 5);
	assert_memory_equal(config->certificate.data, "foo", 3);
	assert_memory_equal(config->key.data, "bar", 3);
	assert_string_equal(config->token_file, "/etc/kube/tok");
}

static void takes_defaults(void **state) {
	(void)state;
	cleanup_kube_config struct kube_config *config = parse(
	        "current-context: a\ncontexts: [{name: a, context: {cluster: b}}]\n"
	        "clusters: [{name: b, cluster: {server: 'http://localhost:8080', insecure-skip-tls-verify: true}}]\n");
	assert_string_equal(config->namespace, "default");
	assert_true(config->insecure);
	assert_null(config->token);
}

static void reads_json(void **state) {
	(void)state;
	cleanup_kube_config struct kube_config *config =
	        parse("{\"current-context\":\"a\",\"contexts\":[{\"name\":\"a\",\"context\":{\"cluster\":\"b\"}}],"
	              "\"clusters\":[{\"name\":\"b\",\"cluster\":{\"server\":\"https://h\"}}]}");
	assert_string_equal(config->server, "https://h");
}

static void refuses_what_cannot_work(void **state) {
	(void)state;
	assert_refused("", "no kubeconfig");
	assert_refused("- a\n", "no kubeconfig");
	assert_refused("a: [", "line");
	assert_refused("clusters: []\n", "current-context: must be given");
	assert_refused("current-context: x\n", "contexts: there is no entry \"x\"");
	assert_refused("current-context: x\ncontexts: [{name: x, context: {user: u}}]\n", "names no cluster");
	assert_refused("current-context: x\ncontexts: [{name: x, context: {cluster: k}}]\n",
	               "clusters: there is no entry \"k\"");
	assert_refused(KUBECONFIG("    {}\n", ANONYMOUS), "cluster \"c\": server: must be given");
	assert_refused(KUBECONFIG("    server: 10.0.0.1\n", ANONYMOUS), "must start with https://");
	assert_refused(KUBECONFIG("    server: [1]\n", ANONYMOUS), "server: must be a string");
	assert_refused(KUBECONFIG(SERVER "    certificate-authority-data: '***'\n", ANONYMOUS),
	               "certificate-authority-data: must be base64");
	assert_refused(
	        KUBECONFIG(SERVER "    certificate-authority: a\n    insecure-skip-tls-verify: true\n", ANONYMOUS),
	        "exclude each other");
	assert_refused(KUBECONFIG(SERVER, "    client-key: k\n"), "one is given without the other");
}

static void says_what_is_not_supported(void **state) {
	(void)state;
	assert_refused(KUBECONFIG(SERVER, "    exec: {command: aws}\n"), "exec: credential plugins are not supported");
	assert_refused(KUBECONFIG(SERVER, "    auth-provider: {name: gcp}\n"), "auth-provider: ");
	assert_refused(KUBECONFIG(SERVER, "    username: admin\n    password: secret-word\n"),
	               "passwords are not supported");
	assert_refused(KUBECONFIG(SERVER, "    as: root\n"), "as: impersonation is not supported");
}

/* ---- Files and the environment ---- */

static char directory[64];

static int make_directory(void **state) {
	(void)state;
	strcpy(directory, "/tmp/agkeeper-config-XXXXXX");
	static const char *const variables[] = { "KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT",
		                                 "AGKEEPER_SERVICE_ACCOUNT_DIR" };
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++) unsetenv(variables[i]);
	return mkdtemp(directory) != NULL ? setenv("HOME", directory, 1) : -1;
}

static char *in_directory(const char *name) {
	return xasprintf("%s/%s", directory, name);
}

static void write_file(const char *name, const char *text) {
	cleanup_free char *path = in_directory(name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int remove_directory(void **state) {
	(void)state;
	static const char *const names[] = { "token", "ca.crt", "namespace", "config", ".kube/config", ".kube" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		cleanup_free char *path = in_directory(names[i]);
		remove(path);
	}
	return rmdir(directory);
}

static void finds_itself_in_a_pod(void **state) {
	(void)state;
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	setenv("AGKEEPER_SERVICE_ACCOUNT_DIR", directory, 1);
	write_file("token", "t\n");
	write_file("ca.crt", "pem");
	write_file("namespace", "agkeeper-system\n");
	cleanup_kube_config struct kube_config *config = NULL;
	assert_int_equal(kube_config_load(NULL, &config, NULL), 0);
	assert_string_equal(config->server, "https://[fd00::1]:443");
	assert_string_equal(config->namespace, "agkeeper-system");
	cleanup_free char *token = in_directory("token");
	cleanup_free char *ca = in_directory("ca.crt");
	assert_string_equal(config->token_file, token);
	assert_string_equal(config->ca.file, ca);
	assert_null(config->token);
}

static void says_what_a_pod_lacks(void **state) {
	(void)state;
	struct kube_config *config = NULL;
	cleanup_error struct error *outside = NULL;
	assert_int_equal(kube_config_in_cluster(directory, &config, &outside), -1);
	assert_int_equal(outside->kind, ERROR_NOT_FOUND);
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	cleanup_error struct error *no_token = NULL;
	assert_int_equal(kube_config_in_cluster(directory, &config, &no_token), -1);
	assert_non_null(strstr(no_token->message, "/token"));
	write_file("token", "t");
	cleanup_error struct error *no_ca = NULL;
	assert_int_equal(kube_config_in_cluster(directory, &config, &no_ca), -1);
	assert_non_null(strstr(no_ca->message, "/ca.crt"));
	write_file("ca.crt", "pem");
	cleanup_kube_config struct kube_config *complete = NULL;
	assert_int_equal(kube_config_in_cluster(directory, &complete, NULL), 0);
	assert_string_equal(complete->namespace, "default");
}

static void prefers_the_path_then_the_variable_then_home(void **state) {
	(void)state;
	cleanup_error struct error *nothing = NULL;
	struct kube_config *config = NULL;
	assert_int_equal(kube_config_load(NULL, &config, &nothing), -1);
	assert_int_equal(nothing->kind, ERROR_NOT_FOUND);

	cleanup_free char *kube = in_directory(".kube");
	assert_int_equal(mkdir(kube, 0700), 0);
	write_file(".kube/config", KUBECONFIG("    server: https://home\n", ANONYMOUS));
	cleanup_kube_config struct kube_config *home = NULL;
	assert_int_equal(kube_config_load(NULL, &home, NULL), 0);
	assert_string_equal(home->server, "https://home");

	write_file("config", KUBECONFIG("    server: https://variable\n    certificate-authority: ca\n", ANONYMOUS));
	cleanup_free char *path = in_directory("config");
	setenv("KUBECONFIG", path, 1);
	cleanup_kube_config struct kube_config *variable = NULL;
	assert_int_equal(kube_config_load(NULL, &variable, NULL), 0);
	assert_string_equal(variable->server, "https://variable");
	cleanup_free char *ca = in_directory("ca");
	assert_string_equal(variable->ca.file, ca);

	cleanup_free char *home_path = in_directory(".kube/config");
	cleanup_kube_config struct kube_config *named = NULL;
	assert_int_equal(kube_config_load(home_path, &named, NULL), 0);
	assert_string_equal(named->server, "https://home");

	setenv("KUBECONFIG", "/a:/b", 1);
	cleanup_error struct error *several = NULL;
	assert_int_equal(kube_config_load(NULL, &config, &several), -1);
	assert_non_null(strstr(several->message, "merging them is not supported"));
}

#define WITH_FILES(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_current_context),
		cmocka_unit_test(data_wins_over_files),
		cmocka_unit_test(takes_defaults),
		cmocka_unit_test(reads_json),
		cmocka_unit_test(refuses_what_cannot_work),
		cmocka_unit_test(says_what_is_not_supported),
		WITH_FILES(finds_itself_in_a_pod),
		WITH_FILES(says_what_a_pod_lacks),
		WITH_FILES(prefers_the_path_then_the_variable_then_home),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
