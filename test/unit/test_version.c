/* MSSQLServerVersion: table, rules and warnings. */
#include "unit/judge.h"

#include "api/kinds.h"
#include "api/version.h"

static const char base[] = "apiVersion: catalog.kubedb.com/v1alpha1\n"
                           "kind: MSSQLServerVersion\n"
                           "metadata: {name: 2022-cu16}\n"
                           "spec:\n"
                           "  version: \"2022\"\n"
                           "  db: {image: \"mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04\"}\n";

static const char one_database[] = "kind: MSSQLServer\n"
                                   "metadata: {name: db, namespace: demo}\n"
                                   "spec: {version: 2022-cu16}\n"
                                   "---\n"
                                   "kind: MSSQLServer\n"
                                   "metadata: {name: old, namespace: demo}\n"
                                   "spec: {version: 2019-cu1}\n";

static const char many_databases[] = "kind: MSSQLServer\n"
                                     "metadata: {name: a, namespace: demo}\n"
                                     "spec: {version: 2022-cu16}\n"
                                     "---\n"
                                     "kind: MSSQLServer\n"
                                     "metadata: {name: b, namespace: demo}\n"
                                     "spec: {version: 2022-cu16}\n"
                                     "---\n"
                                     "kind: MSSQLServer\n"
                                     "metadata: {name: c, namespace: other}\n"
                                     "spec: {version: 2022-cu16}\n";

static const struct judge_case cases[] = {
	{ "schema", "the base passes" },
	{ "schema", "no image", "spec: {db: {image: \"\"}}", .path = "spec.db.image",
	  .body = "Required value: must not be empty" },
	{ "schema", "no db", "spec: {db: null}", .path = "spec.db", .body = "Required value: SQL Server's container" },
	{ "schema", "an image with a blank", "spec: {db: {image: \"mssql server\"}}", .path = "spec.db.image",
	  .body = "Invalid value: \"mssql server\": must be the name of a container image (e.g. "
	          "'mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04')" },
	{ "schema", "no version", "spec: {version: null}", .path = "spec.version",
	  .body = "Required value: SQL Server's own version, such as 2022; a database never goes back to an older "
	          "one" },
	{ "schema", "a version that is a number", "spec: {version: 2022}", .path = "spec.version",
	  .body = "Invalid value: 2022: must be of type string" },
	{ "schema", "KubeDB's other members are kept",
	  "spec: {archiver: {walg: {image: a}}, coordinator: {image: \"c:1\"}, exporter: {image: \"e:1\"}, "
	  "initContainer: "
	  "{image: \"i:1\"}, podSecurityPolicies: {databasePolicyName: x}, securityContext: {runAsUser: 10001}, stash: "
	  "{}, "
	  "updateConstraints: {allowlist: [\">= 2022\"]}, deprecated: true}" },

	{ "version-text", "with a blank", "spec: {version: \"2022 CU16\"}", .path = "spec.version",
	  .body = "Invalid value: \"2022 CU16\": must not contain white space (e.g. '2022')" },
	{ "version-text", "without", "spec: {version: 2022-cu16}" },

	{ "floating-image", "latest", "spec: {db: {image: \"mssql:latest\"}}",
	  .warning =
	          "spec.db.image: \"mssql:latest\" is not one fixed image: replicas that restart later may run another "
	          "version" },
	{ "floating-image", "fixed", NULL, .no_warning = "spec" },

	{ "deleted-in-use", "by one database", .operation = OPERATION_DELETE, .cluster = one_database,
	  .warning = "MSSQLServerVersion \"2022-cu16\" is used by demo/db: new pods of theirs have no image until it "
	             "is back" },
	{ "deleted-in-use", "by three", .operation = OPERATION_DELETE, .cluster = many_databases,
	  .warning = "MSSQLServerVersion \"2022-cu16\" is used by demo/a, demo/b and 1 more: new pods of theirs have "
	             "no image until it is back" },
	{ "deleted-in-use", "by none", .operation = OPERATION_DELETE, .no_warning = "MSSQLServerVersion" },
	{ "deleted-in-use", "the API does not answer", .operation = OPERATION_DELETE, .asked = LOOKUP_FAILED,
	  .no_warning = "MSSQLServerVersion" },

	{ "changed-in-use", "another image", "spec: {db: {image: \"mssql:2\"}}", .old = "{}", .cluster = one_database,
	  .warning = "MSSQLServerVersion \"2022-cu16\" is used by demo/db: they move to the new image" },
	{ "changed-in-use", "the image stays", "spec: {deprecated: true}", .old = "{}", .cluster = one_database,
	  .no_warning = "MSSQLServerVersion" },
	{ "changed-in-use", "nobody uses it", "spec: {db: {image: \"mssql:2\"}}", .old = "{}",
	  .no_warning = "MSSQLServerVersion" },
};

static const struct judge_table table = {
	.kind = &version_kind_v1alpha1,
	.base = base,
	.cases = cases,
	.count = ARRAY_LENGTH(cases),
};

static void every_case_is_judged_as_it_should(void **state) {
	(void)state;
	judge_all(&table);
}

static void every_rule_has_cases(void **state) {
	(void)state;
	judge_coverage(&table);
}

static void nothing_is_defaulted(void **state) {
	(void)state;
	judge_defaults(&version_kind_v1alpha1, base, base);
}

static void the_catalogue_is_admitted(void **state) {
	(void)state;
	judge_example(&version_kind_v1alpha1, "catalog.yaml");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_judged_as_it_should),
		cmocka_unit_test(every_rule_has_cases),
		cmocka_unit_test(nothing_is_defaulted),
		cmocka_unit_test(the_catalogue_is_admitted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
