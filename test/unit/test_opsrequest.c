/* MSSQLServerOpsRequest: every rule of REQUIREMENTS R51. */
#include "unit/judge.h"

#include "api/kinds.h"
#include "api/opsrequest.h"

static const char base[] = "apiVersion: ops.kubedb.com/v1alpha1\n"
                           "kind: MSSQLServerOpsRequest\n"
                           "metadata: {name: grow, namespace: demo}\n"
                           "spec:\n"
                           "  type: VolumeExpansion\n"
                           "  databaseRef: {name: db}\n"
                           "  volumeExpansion: {mode: Online, mssqlserver: 20Gi}\n";

#define DATABASE(name, more)                                                                                        \
	"---\nkind: MSSQLServer\nmetadata: {name: " name ", namespace: demo}\nstatus: {phase: Ready}\nspec: {" more \
	"}\n"
#define STORAGE(class) \
	"storageType: Durable, storage: {storageClassName: " class ", resources: {requests: {storage: 10Gi}}}"

/* clang-format off */
static const char cluster[] =
        "kind: StorageClass\nmetadata: {name: fast}\nallowVolumeExpansion: true\n"
        "---\nkind: StorageClass\nmetadata: {name: fixed}\nallowVolumeExpansion: false\n"
        "---\nkind: StorageClass\n"
        "metadata: {name: usual, annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}}\n"
        DATABASE("db", STORAGE("fast"))
        DATABASE("on-fixed", STORAGE("fixed"))
        DATABASE("on-gone", STORAGE("gone"))
        DATABASE("on-default", "storage: {resources: {requests: {storage: 10Gi}}}")
        DATABASE("in-bytes", "storage: {storageClassName: fast, resources: {requests: {storage: 1000}}}")
        DATABASE("ephemeral", "storageType: Ephemeral")
        DATABASE("halted", "halted: true, " STORAGE("fast"))
        DATABASE("busy", STORAGE("fast"))
        DATABASE("waiting", STORAGE("fast"))
        DATABASE("done", STORAGE("fast"))
        "---\nkind: MSSQLServer\nmetadata: {name: unwell, namespace: demo}\nstatus: {phase: NotReady}\n"
        "spec: {" STORAGE("fast") "}\n"
        "---\nkind: MSSQLServer\nmetadata: {name: stopped, namespace: demo}\nstatus: {phase: Halted}\n"
        "spec: {" STORAGE("fast") "}\n"
        "---\nkind: MSSQLServer\nmetadata: {name: new, namespace: demo}\nspec: {" STORAGE("fast") "}\n"
        "---\nkind: MSSQLServer\n"
        "metadata: {name: leaving, namespace: demo, deletionTimestamp: \"2026-01-01T00:00:00Z\"}\n"
        "status: {phase: Ready}\nspec: {" STORAGE("fast") "}\n"
        "---\nkind: MSSQLServer\nmetadata: {name: elsewhere, namespace: other}\nspec: {" STORAGE("fast") "}\n"
        "---\nkind: MSSQLServerOpsRequest\nmetadata: {name: first, namespace: demo}\n"
        "spec: {databaseRef: {name: busy}}\nstatus: {phase: Progressing}\n"
        "---\nkind: MSSQLServerOpsRequest\nmetadata: {name: unseen, namespace: demo}\n"
        "spec: {databaseRef: {name: waiting}}\n"
        "---\nkind: MSSQLServerOpsRequest\nmetadata: {name: past, namespace: demo}\n"
        "spec: {databaseRef: {name: done}}\nstatus: {phase: Successful}\n"
        "---\nkind: MSSQLServerOpsRequest\nmetadata: {name: failed, namespace: demo}\n"
        "spec: {databaseRef: {name: done}}\nstatus: {phase: Failed}\n"
        "---\nkind: MSSQLServerOpsRequest\nmetadata: {name: elsewhere, namespace: other}\n"
        "spec: {databaseRef: {name: done}}\nstatus: {phase: Progressing}\n";
/* clang-format on */

#define NOT_YET "agkeeper does not support this type yet, it supports VolumeExpansion"

static const struct judge_case cases[] = {
	/* ---- The table ---- */
	{ "schema", "the base passes" },
	{ "schema", "unknown type", "spec: {type: Defragment, volumeExpansion: null}", .path = "spec.type",
	  .body = "Unsupported value: \"Defragment\": supported values: \"UpdateVersion\", \"HorizontalScaling\", "
	          "\"VerticalScaling\", \"VolumeExpansion\", \"Restart\", \"Reconfigure\", \"ReconfigureTLS\", "
	          "\"RotateAuth\", \"StorageMigration\"" },
	{ "schema", "unknown mode", "spec: {volumeExpansion: {mode: Fast}}", .path = "spec.volumeExpansion.mode",
	  .body = "Unsupported value: \"Fast\": supported values: \"Online\", \"Offline\"" },
	{ "schema", "no mode", "spec: {volumeExpansion: {mode: null}}", .path = "spec.volumeExpansion.mode",
	  .body = "Required value: Online expands volumes under running pods, Offline takes one pod away at a time, "
	          "the "
	          "primary last" },
	{ "schema", "Offline", "spec: {volumeExpansion: {mode: Offline}}" },
	{ "schema", "no size", "spec: {volumeExpansion: {mssqlserver: null}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Required value: The new size of each volume, larger than today's" },
	{ "schema", "no database", "spec: {databaseRef: null}", .path = "spec.databaseRef",
	  .body = "Required value: The MSSQLServer to operate on" },
	{ "schema", "unknown apply", "spec: {apply: Never}", .path = "spec.apply",
	  .body = "Unsupported value: \"Never\": supported values: \"IfReady\", \"Always\"" },
	{ "schema", "a timeout that is no duration", "spec: {timeout: 10}", .path = "spec.timeout",
	  .body = "Invalid value: 10: must be of type string" },

	/* ---- Immutable ---- */
	{ "immutable", "another size", "spec: {volumeExpansion: {mssqlserver: 30Gi}}", .old = "{}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"30Gi\": field is immutable, it must stay \"20Gi\"" },
	{ "immutable", "another database", "spec: {databaseRef: {name: other}}", .old = "{}",
	  .path = "spec.databaseRef.name",
	  .body = "Invalid value: \"other\": field is immutable, it must stay \"db\"" },
	{ "immutable", "another mode", "spec: {volumeExpansion: {mode: Offline}}", .old = "{}",
	  .path = "spec.volumeExpansion.mode",
	  .body = "Invalid value: \"Offline\": field is immutable, it must stay \"Online\"" },
	{ "immutable", "apply", "spec: {apply: Always}", .old = "{}", .path = "spec.apply",
	  .body = "Invalid value: \"Always\": field is immutable, it must stay \"IfReady\"" },
	{ "immutable", "a timeout added", "spec: {timeout: 10m}", .old = "{}", .path = "spec.timeout",
	  .body = "Invalid value: \"10m\": field is immutable, it must stay unset" },
	{ "immutable", "a block added", "spec: {restart: {}}", .old = "{}", .path = "spec.restart",
	  .body = "Invalid value: {}: field is immutable, it must stay unset" },
	{ "immutable", "labels and status may change",
	  "metadata: {labels: {a: b}}\nstatus: {phase: Progressing, progress: 1/3}", .old = "{}" },

	/* ---- Rules ---- */
	{ "supported-type", "Restart", "spec: {type: Restart, restart: {}, volumeExpansion: null}", .path = "spec.type",
	  .body = "Unsupported value: \"Restart\": " NOT_YET },
	{ "supported-type", "Restart without a block", "spec: {type: Restart, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"Restart\": " NOT_YET },
	{ "supported-type", "UpdateVersion",
	  "spec: {type: UpdateVersion, updateVersion: {targetVersion: x}, volumeExpansion: null}", .path = "spec.type",
	  .body = "Unsupported value: \"UpdateVersion\": " NOT_YET },
	{ "supported-type", "HorizontalScaling",
	  "spec: {type: HorizontalScaling, horizontalScaling: {replicas: 5}, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"HorizontalScaling\": " NOT_YET },
	{ "supported-type", "VerticalScaling",
	  "spec: {type: VerticalScaling, verticalScaling: {mssqlserver: {resources: {}}}, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"VerticalScaling\": " NOT_YET },
	{ "supported-type", "Reconfigure", "spec: {type: Reconfigure, configuration: {}, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"Reconfigure\": " NOT_YET },
	{ "supported-type", "ReconfigureTLS",
	  "spec: {type: ReconfigureTLS, tls: {remove: true}, volumeExpansion: null}", .path = "spec.type",
	  .body = "Unsupported value: \"ReconfigureTLS\": " NOT_YET },
	{ "supported-type", "RotateAuth", "spec: {type: RotateAuth, authentication: {}, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"RotateAuth\": " NOT_YET },
	{ "supported-type", "StorageMigration",
	  "spec: {type: StorageMigration, migration: {storageClassName: x}, volumeExpansion: null}",
	  .path = "spec.type", .body = "Unsupported value: \"StorageMigration\": " NOT_YET },
	{ "supported-type", "VolumeExpansion" },

	{ "own-block", "the block of another type", "spec: {restart: {}}", .path = "spec.restart",
	  .body = "Forbidden: belongs to type Restart, this request is of type VolumeExpansion" },
	{ "own-block", "volumeExpansion for another type", "spec: {type: Restart}", .path = "spec.volumeExpansion",
	  .body = "Forbidden: belongs to type VolumeExpansion, this request is of type Restart", .count = 2 },
	{ "own-block", "no block", "spec: {volumeExpansion: null}", .path = "spec.volumeExpansion",
	  .body = "Required value: type VolumeExpansion needs the mode and, in mssqlserver, the new size" },
	{ "own-block", "its own" },

	{ "timeout", "zero", "spec: {timeout: 0s}", .path = "spec.timeout",
	  .body = "Invalid value: \"0s\": must be greater than zero" },
	{ "timeout", "negative", "spec: {timeout: -5m}", .path = "spec.timeout",
	  .body = "Invalid value: \"-5m\": must be greater than zero" },
	{ "timeout", "ten minutes", "spec: {timeout: 10m}" },

	{ "database-exists", "no such database", "spec: {databaseRef: {name: nobody}}", .path = "spec.databaseRef.name",
	  .body = "Not found: \"nobody\": namespace \"demo\" has no MSSQLServer of this name" },
	{ "database-exists", "it is in another namespace", "spec: {databaseRef: {name: elsewhere}}",
	  .path = "spec.databaseRef.name",
	  .body = "Not found: \"elsewhere\": namespace \"demo\" has no MSSQLServer of this name" },
	{ "database-exists", "offline", NULL, .asked = LOOKUP_OFFLINE,
	  .warning = "spec.databaseRef.name: without a cluster nobody can say whether MSSQLServer \"db\" exists and "
	             "can be "
	             "expanded" },
	{ "database-exists", "the API does not answer", NULL, .asked = LOOKUP_FAILED },
	{ "database-exists", "it does" },

	{ "larger-size", "smaller", "spec: {volumeExpansion: {mssqlserver: 5Gi}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"5Gi\": must be larger than the current 10Gi" },
	{ "larger-size", "the same in another unit", "spec: {volumeExpansion: {mssqlserver: 10240Mi}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"10240Mi\": must be larger than the current 10Gi" },
	{ "larger-size", "less than a size in bytes",
	  "spec: {databaseRef: {name: in-bytes}, volumeExpansion: {mssqlserver: 999}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"999\": must be larger than the current 1000" },
	{ "larger-size", "zero", "spec: {volumeExpansion: {mssqlserver: 0}}",
	  .path = "spec.volumeExpansion.mssqlserver", .body = "Invalid value: \"0\": must be greater than zero" },
	{ "larger-size", "a byte more", "spec: {volumeExpansion: {mssqlserver: 10737418241}}" },

	{ "durable-database", "Ephemeral", "spec: {databaseRef: {name: ephemeral}}", .path = "spec.databaseRef.name",
	  .body = "Invalid value: \"ephemeral\": has storageType Ephemeral: there are no volumes to expand" },
	{ "durable-database", "Durable" },

	{ "expandable-class", "a class that cannot", "spec: {databaseRef: {name: on-fixed}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"20Gi\": the volumes cannot be expanded: StorageClass \"fixed\" does not have "
	          "allowVolumeExpansion: true" },
	{ "expandable-class", "a class that is not there", "spec: {databaseRef: {name: on-gone}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"20Gi\": the volumes cannot be expanded: StorageClass \"gone\" does not exist" },
	{ "expandable-class", "the default class cannot", "spec: {databaseRef: {name: on-default}}",
	  .path = "spec.volumeExpansion.mssqlserver",
	  .body = "Invalid value: \"20Gi\": the volumes cannot be expanded: StorageClass \"usual\" does not have "
	          "allowVolumeExpansion: true" },
	{ "expandable-class", "a class that can" },

	{ "one-at-a-time", "another is under way", "spec: {databaseRef: {name: busy}}", .path = "spec.databaseRef.name",
	  .body = "Invalid value: \"busy\": has a request already: MSSQLServerOpsRequest \"first\" is Progressing; "
	          "wait for "
	          "its end or delete it" },
	{ "one-at-a-time", "another was not looked at yet", "spec: {databaseRef: {name: waiting}}",
	  .path = "spec.databaseRef.name",
	  .body = "Invalid value: \"waiting\": has a request already: MSSQLServerOpsRequest \"unseen\" is Pending; "
	          "wait for "
	          "its end or delete it" },
	{ "one-at-a-time", "the other is this one", "metadata: {name: first}\nspec: {databaseRef: {name: busy}}" },
	{ "one-at-a-time", "others are over or in another namespace", "spec: {databaseRef: {name: done}}" },

	{ "database-state", "not Ready", "spec: {databaseRef: {name: unwell}}",
	  .warning = "spec.apply: IfReady waits until \"unwell\" is Ready, it is NotReady; Always goes ahead" },
	{ "database-state", "no phase yet", "spec: {databaseRef: {name: new}}",
	  .warning = "spec.apply: IfReady waits until \"new\" is Ready, it is not yet; Always goes ahead" },
	{ "database-state", "halted", "spec: {databaseRef: {name: halted}}",
	  .warning = "spec.databaseRef.name: \"halted\" is halted: the request will fail" },
	{ "database-state", "stopped after a deletion", "spec: {databaseRef: {name: stopped}}",
	  .warning = "spec.databaseRef.name: \"stopped\" is halted: the request will fail" },
	{ "database-state", "being deleted", "spec: {databaseRef: {name: leaving}}",
	  .warning = "spec.databaseRef.name: \"leaving\" is being deleted: the request will fail" },
	{ "database-state", "not Ready, and Always", "spec: {apply: Always, databaseRef: {name: unwell}}",
	  .no_warning = "spec" },
	{ "database-state", "Ready", NULL, .no_warning = "spec" },
};

static const struct judge_table table = {
	.kind = &opsrequest_kind_v1alpha1,
	.base = base,
	.cluster = cluster,
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

static void only_apply_is_defaulted(void **state) {
	(void)state;
	judge_defaults(&opsrequest_kind_v1alpha1, "spec: {type: VolumeExpansion, volumeExpansion: {mode: Online}}",
	               "spec: {type: VolumeExpansion, volumeExpansion: {mode: Online}, apply: IfReady}");
	judge_defaults(&opsrequest_kind_v1alpha1, "spec: {apply: Always}", "spec: {apply: Always}");
}

static void rules_survive_what_is_no_request(void **state) {
	(void)state;
	static const char *const objects[] = {
		"{}",
		"spec: 1",
		"spec: {type: 1, databaseRef: x, volumeExpansion: []}",
		"spec: {type: VolumeExpansion, databaseRef: {name: 1}, volumeExpansion: {mssqlserver: {}, mode: 2}}",
		"metadata: 1",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
		cleanup_json struct json_object *object = judge_yaml(objects[i]);
		kind_set_defaults(&opsrequest_kind_v1alpha1, object, NULL);
		cleanup_findings struct findings findings = { 0 };
		kind_judge(&(struct judgement){ .kind = &opsrequest_kind_v1alpha1,
		                                .operation = OPERATION_CREATE,
		                                .object = object,
		                                .lookup = &lookup_offline },
		           &findings);
		assert_true(findings.count > 0);
	}
}

static void the_example_is_admitted(void **state) {
	(void)state;
	judge_example(&opsrequest_kind_v1alpha1, "msops-volume-expansion.yaml");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_judged_as_it_should), cmocka_unit_test(every_rule_has_cases),
		cmocka_unit_test(only_apply_is_defaulted),           cmocka_unit_test(rules_survive_what_is_no_request),
		cmocka_unit_test(the_example_is_admitted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
