/* What agkeeper installs by itself (controller/upkeep.h). */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "controller/upkeep.h"
#include "unit/store_api.h"

#define DEPLOYMENT     "/apis/apps/v1/namespaces/agkeeper-system/deployments/agkeeper"
#define BUDGET         "/apis/policy/v1/namespaces/agkeeper-system/poddisruptionbudgets/agkeeper"
#define BUDGET_V1BETA1 "/apis/policy/v1beta1/namespaces/agkeeper-system/poddisruptionbudgets/agkeeper"
#define VERSIONS       "/apis/catalog.kubedb.com/v1alpha1/mssqlserverversions"

static const char deployment[] =
        "{\"metadata\":{\"name\":\"agkeeper\",\"uid\":\"d-1\"},\"spec\":{\"selector\":{\"matchLabels\":"
        "{\"app.kubernetes.io/name\":\"agkeeper\"}}}}";
static const char budgets[] = "{\"resources\":[{\"name\":\"poddisruptionbudgets\"}]}";

struct fixture {
	struct store_api *api;
	struct kube_client *client;
	char *folder;
	struct upkeep_options options;
};

static int set_up(void **state) {
	log_configure(LOG_FORMAT_TEXT, LOG_ERROR);
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	fixture->api = store_api_new();
	fixture->client = store_api_client(fixture->api, "agkeeper-system");
	char folder[] = "/tmp/agkeeper-catalog-XXXXXX";
	assert_non_null(mkdtemp(folder));
	fixture->folder = xstrdup(folder);
	fixture->options = (struct upkeep_options){ .client = fixture->client,
		                                    .namespace = "agkeeper-system",
		                                    .catalog = fixture->folder };
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	kube_client_free(fixture->client);
	store_api_free(fixture->api);
	cleanup_free char *command = xasprintf("rm -rf '%s'", fixture->folder);
	assert_int_equal(system(command), 0);
	free(fixture->folder);
	free(fixture);
	return 0;
}

static void write_catalog(const struct fixture *fixture, const char *name, const char *text) {
	cleanup_free char *path = xasprintf("%s/%s", fixture->folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static struct json_object *version_in_store(const struct fixture *fixture, const char *name) {
	cleanup_free char *path = xasprintf(VERSIONS "/%s", name);
	return store_api_get(fixture->api, path);
}

/* ---- The budget ---- */

static void assert_budget(const struct fixture *fixture, const char *path, const char *api_version) {
	cleanup_json struct json_object *budget = store_api_get(fixture->api, path);
	assert_non_null(budget);
	assert_string_equal(json_get_text(budget, "apiVersion"), api_version);
	assert_string_equal(json_get_text(budget, "kind"), "PodDisruptionBudget");
	const struct json_object *spec = json_get(budget, "spec");
	assert_int_equal(json_get_integer(spec, "minAvailable", 0), 1);
	assert_string_equal(
	        json_get_text(json_get_path(spec, "selector", "matchLabels", NULL), "app.kubernetes.io/name"),
	        "agkeeper");
	struct json_object *owners = json_get_path(budget, "metadata", "ownerReferences", NULL);
	assert_int_equal(json_object_array_length(owners), 1);
	struct json_object *owner = json_object_array_get_idx(owners, 0);
	assert_string_equal(json_get_text(owner, "uid"), "d-1");
	assert_string_equal(json_get_text(owner, "kind"), "Deployment");
	assert_string_equal(json_get_text(owner, "apiVersion"), "apps/v1");
}

static void a_budget_in_the_current_version(void **state) {
	const struct fixture *fixture = *state;
	store_api_put(fixture->api, DEPLOYMENT, deployment);
	store_api_put(fixture->api, "/apis/policy/v1", budgets);
	store_api_put(fixture->api, "/apis/policy/v1beta1", budgets);
	assert_int_equal(upkeep_disruption_budget(&fixture->options, NULL), 0);
	assert_budget(fixture, BUDGET, "policy/v1");
	assert_null(store_api_get(fixture->api, BUDGET_V1BETA1));
}

static void a_budget_for_old_clusters(void **state) {
	const struct fixture *fixture = *state;
	store_api_put(fixture->api, DEPLOYMENT, deployment);
	store_api_put(fixture->api, "/apis/policy/v1beta1", budgets);
	assert_int_equal(upkeep_disruption_budget(&fixture->options, NULL), 0);
	assert_budget(fixture, BUDGET_V1BETA1, "policy/v1beta1");
}

static void no_deployment_no_budget(void **state) {
	const struct fixture *fixture = *state;
	store_api_put(fixture->api, "/apis/policy/v1", budgets);
	assert_int_equal(upkeep_disruption_budget(&fixture->options, NULL), 0);
	assert_int_equal(store_api_count(fixture->api, "PATCH", NULL), 0);
}

static void a_cluster_without_budgets_is_an_error(void **state) {
	const struct fixture *fixture = *state;
	store_api_put(fixture->api, DEPLOYMENT, deployment);
	cleanup_error struct error *err = NULL;
	assert_int_equal(upkeep_disruption_budget(&fixture->options, &err), -1);
	assert_int_equal(err->kind, ERROR_NOT_FOUND);
}

/* ---- The catalogue ---- */

static const char two_versions[] = "apiVersion: catalog.kubedb.com/v1alpha1\nkind: MSSQLServerVersion\n"
                                   "metadata:\n  name: 2022-cu16\nspec:\n  version: \"2022\"\n---\n# nothing\n---\n"
                                   "apiVersion: catalog.kubedb.com/v1alpha1\nkind: MSSQLServerVersion\n"
                                   "metadata:\n  name: \"13.13\"\nspec:\n  version: \"2022\"\n";

static void creates_what_is_absent_and_only_that(void **state) {
	const struct fixture *fixture = *state;
	write_catalog(fixture, "a.yaml", two_versions);
	write_catalog(fixture, "b.json",
	              "{\"apiVersion\":\"catalog.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerVersion\","
	              "\"metadata\":{\"name\":\"2019-cu1\"},\"spec\":{\"version\":\"2019\"}}");
	write_catalog(fixture, "README", "this is no object");
	write_catalog(fixture, "..data.yaml", "nor: this");
	store_api_put(fixture->api, VERSIONS "/2022-cu16",
	              "{\"metadata\":{\"name\":\"2022-cu16\"},\"spec\":{\"version\":\"2022\",\"deprecated\":true}}");
	assert_int_equal(upkeep_catalog(&fixture->options, NULL), 0);
	cleanup_json struct json_object *theirs = version_in_store(fixture, "2022-cu16");
	assert_true(json_get_flag(json_get(theirs, "spec"), "deprecated", false));
	cleanup_json struct json_object *numeric = version_in_store(fixture, "13.13");
	assert_string_equal(json_get_text(json_get(numeric, "spec"), "version"), "2022");
	cleanup_json struct json_object *from_json = version_in_store(fixture, "2019-cu1");
	assert_non_null(from_json);
	assert_int_equal(store_api_count(fixture->api, "POST", VERSIONS), 2);
	/* Again: nothing is written. */
	assert_int_equal(upkeep_catalog(&fixture->options, NULL), 0);
	assert_int_equal(store_api_count(fixture->api, "POST", VERSIONS), 2);
}

static void somebody_else_may_be_faster(void **state) {
	const struct fixture *fixture = *state;
	write_catalog(fixture, "a.yaml", two_versions);
	store_api_fail(fixture->api, "POST", VERSIONS, 409, 1);
	assert_int_equal(upkeep_catalog(&fixture->options, NULL), 0);
	assert_int_equal(store_api_count(fixture->api, "POST", VERSIONS), 2);
}

static void one_bad_file_does_not_keep_the_others_away(void **state) {
	const struct fixture *fixture = *state;
	static const char *const bad[] = {
		"apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n",
		"apiVersion: catalog.kubedb.com/v1alpha1\nkind: MSSQLServerVersion\nspec: {}\n",
		"just text\n",
		"a: [\n",
	};
	write_catalog(fixture, "b.yaml", two_versions);
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		write_catalog(fixture, "a.yaml", bad[i]);
		cleanup_error struct error *err = NULL;
		assert_int_equal(upkeep_catalog(&fixture->options, &err), -1);
		assert_int_equal(err->kind, ERROR_INVALID);
		assert_non_null(strstr(err->message, "a.yaml"));
	}
	cleanup_json struct json_object *good = version_in_store(fixture, "13.13");
	assert_non_null(good);
	assert_int_equal(store_api_count(fixture->api, "POST", NULL), 2);
}

static void a_server_that_is_away_is_asked_once(void **state) {
	const struct fixture *fixture = *state;
	write_catalog(fixture, "a.yaml", two_versions);
	write_catalog(fixture, "b.yaml", two_versions);
	write_catalog(fixture, "c.yaml", "just text\n");
	store_api_fail(fixture->api, "GET", NULL, 503, -1);
	cleanup_error struct error *err = NULL;
	assert_int_equal(upkeep_catalog(&fixture->options, &err), -1);
	assert_int_equal(err->kind, ERROR_UNAVAILABLE);
	assert_int_equal(store_api_count(fixture->api, NULL, NULL), 1);
}

static void no_folder(void **state) {
	const struct fixture *fixture = *state;
	struct upkeep_options options = fixture->options;
	options.catalog = "/nonexistent/catalog";
	cleanup_error struct error *err = NULL;
	assert_int_equal(upkeep_catalog(&options, &err), -1);
	assert_non_null(strstr(err->message, "/nonexistent/catalog"));
	options.catalog = NULL;
	assert_int_equal(upkeep_catalog(&options, NULL), 0);
}

/* ---- The thread ---- */

static void does_both_at_once(void **state) {
	const struct fixture *fixture = *state;
	write_catalog(fixture, "a.yaml", two_versions);
	store_api_put(fixture->api, DEPLOYMENT, deployment);
	store_api_put(fixture->api, "/apis/policy/v1", budgets);
	struct upkeep *upkeep = upkeep_start(&fixture->options, NULL);
	assert_non_null(upkeep);
	int64_t deadline = clock_monotonic_ms() + 60000;
	while (store_api_count(fixture->api, "POST", VERSIONS) < 2 && clock_monotonic_ms() < deadline) poll(NULL, 0, 1);
	upkeep_stop(upkeep);
	assert_budget(fixture, BUDGET, "policy/v1");
	cleanup_json struct json_object *version = version_in_store(fixture, "13.13");
	assert_non_null(version);
	upkeep_stop(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_budget_in_the_current_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_budget_for_old_clusters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_deployment_no_budget, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cluster_without_budgets_is_an_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(creates_what_is_absent_and_only_that, set_up, tear_down),
		cmocka_unit_test_setup_teardown(somebody_else_may_be_faster, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_bad_file_does_not_keep_the_others_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_server_that_is_away_is_asked_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_folder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(does_both_at_once, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
