/* SQLServerAvailabilityGroup: defaults and every rule. */
#include "unit/judge.h"

#include "api/kinds.h"
#include "api/sqlag.h"

static const char base[] = "apiVersion: sql.mssql.microsoft.com/v1alpha1\n"
                           "kind: SQLServerAvailabilityGroup\n"
                           "metadata: {name: mssql-ag, namespace: demo}\n"
                           "spec:\n"
                           "  agName: AG1\n"
                           "  image: mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04\n"
                           "  edition: Enterprise\n"
                           "  replicas: [{name: a}, {name: b}, {name: c}]\n"
                           "  storage: {dataVolumeSize: 20Gi, storageClassName: fast}\n"
                           "  resources: {limits: {memory: 4Gi}}\n";

static const char cluster[] = "kind: StorageClass\n"
                              "metadata: {name: fast}\n"
                              "allowVolumeExpansion: true\n"
                              "---\n"
                              "kind: StorageClass\n"
                              "metadata: {name: fixed}\n";

static const char cluster_with_defaults[] = "kind: StorageClass\n"
                                            "metadata:\n"
                                            "  name: old\n"
                                            "  creationTimestamp: \"2024-01-01T00:00:00Z\"\n"
                                            "  annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}\n"
                                            "---\n"
                                            "kind: StorageClass\n"
                                            "metadata:\n"
                                            "  name: new\n"
                                            "  creationTimestamp: \"2025-01-01T00:00:00Z\"\n"
                                            "  annotations: {storageclass.kubernetes.io/is-default-class: \"true\"}\n"
                                            "allowVolumeExpansion: true\n"
                                            "---\n"
                                            "kind: StorageClass\n"
                                            "metadata: {name: other, creationTimestamp: \"2026-01-01T00:00:00Z\"}\n";

#define LABEL_DETAIL                                                                                          \
	"must be a lowercase RFC 1123 label: at most 63 lower case alphanumeric characters or '-', starting " \
	"and ending with an alphanumeric character (e.g. 'my-name', '123-abc')"
#define SERVICE_DETAIL                                                                                              \
	"must be a DNS-1035 label, as the names of Services are: at most 63 lower case alphanumeric characters or " \
	"'-', starting with a letter and ending with an alphanumeric character (e.g. 'my-name', 'abc-123')"
#define NAME_52 "a234567890123456789012345678901234567890123456789012"
#define IDENTIFIER_DETAIL                                                                                       \
	"must be a SQL identifier: at most 128 letters, digits or '_', not starting with a digit (e.g. 'AG1', " \
	"'sales_ag')"

static const struct judge_case cases[] = {
	/* ---- The table ---- */
	{ "schema", "the base passes" },
	{ "schema", "agName with a dash", "spec: {agName: AG-1}", .path = "spec.agName",
	  .body = "Invalid value: \"AG-1\": " IDENTIFIER_DETAIL },
	{ "schema", "agName with a bracket", "spec: {agName: \"AG]; DROP\"}", .path = "spec.agName",
	  .body = "Invalid value: \"AG]; DROP\": " IDENTIFIER_DETAIL },
	{ "schema", "agName starting with an underscore", "spec: {agName: _ag}" },
	{ "schema", "no agName", "spec: {agName: null}", .path = "spec.agName",
	  .body = "Required value: Name of the availability group in SQL Server: letters, digits and underscores, not "
	          "starting with a digit" },
	{ "schema", "no replicas", "spec: {replicas: []}", .path = "spec.replicas",
	  .body = "Required value: must have at least 1 item" },
	{ "schema", "ten replicas",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f, availabilityMode: "
	  "AsynchronousCommit}, {name: g, availabilityMode: AsynchronousCommit}, {name: h, availabilityMode: "
	  "AsynchronousCommit}, {name: i, availabilityMode: AsynchronousCommit}, {name: j, availabilityMode: "
	  "AsynchronousCommit}]}",
	  .path = "spec.replicas", .body = "Invalid value: 10: must be between 1 and 9 items, inclusive" },
	{ "schema", "two replicas of one name", "spec: {replicas: [{name: a}, {name: a}]}",
	  .path = "spec.replicas[1].name", .body = "Duplicate value: \"a\"" },
	{ "schema", "a replica's name is no label", "spec: {replicas: [{name: A_1}, {name: b}]}",
	  .path = "spec.replicas[0].name", .body = "Invalid value: \"A_1\": " LABEL_DETAIL },
	{ "schema", "unknown availability mode", "spec: {replicas: [{name: a, availabilityMode: Sync}, {name: b}]}",
	  .path = "spec.replicas[0].availabilityMode",
	  .body = "Unsupported value: \"Sync\": supported values: \"SynchronousCommit\", \"AsynchronousCommit\"" },
	{ "schema", "threshold too short", "spec: {automaticFailover: {failoverThresholdSeconds: 9}}",
	  .path = "spec.automaticFailover.failoverThresholdSeconds",
	  .body = "Invalid value: 9: must be between 10 and 86400, inclusive" },
	{ "schema", "the shortest threshold", "spec: {automaticFailover: {failoverThresholdSeconds: 10}}" },
	{ "schema", "unknown health threshold", "spec: {automaticFailover: {healthThreshold: io}}",
	  .path = "spec.automaticFailover.healthThreshold",
	  .body = "Unsupported value: \"io\": supported values: \"system\", \"resource\", \"query_processing\"" },
	{ "schema", "listener port 0", "spec: {listener: {name: l, port: 0}}", .path = "spec.listener.port",
	  .body = "Invalid value: 0: must be between 1 and 65535, inclusive" },
	{ "schema", "listener port 65536", "spec: {readOnlyListener: {name: l, port: 65536}}",
	  .path = "spec.readOnlyListener.port",
	  .body = "Invalid value: 65536: must be between 1 and 65535, inclusive" },
	{ "schema", "the highest listener port", "spec: {listener: {name: l, port: 65535}}" },
	{ "schema", "a listener's name is no Service name", "spec: {listener: {name: 1st}}",
	  .path = "spec.listener.name", .body = "Invalid value: \"1st\": " SERVICE_DETAIL },
	{ "schema", "licence terms not accepted", "spec: {acceptEula: \"N\"}", .path = "spec.acceptEula",
	  .body = "Unsupported value: \"N\": supported values: \"Y\", \"y\"" },
	{ "schema", "licence terms accepted in lower case", "spec: {acceptEula: \"y\"}" },
	{ "schema", "mssql.conf key without a section", "spec: {mssqlConf: {memorylimitmb: \"1\"}}",
	  .path = "spec.mssqlConf",
	  .body = "Invalid value: \"memorylimitmb\": must be a setting of mssql.conf, section and key (e.g. "
	          "'memory.memorylimitmb')" },
	{ "schema", "a size that is none", "spec: {storage: {dataVolumeSize: 20GB}}",
	  .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"20GB\": must be a quantity such as \"10Gi\", \"500m\" or \"2\"" },
	{ "schema", "an image with a blank", "spec: {image: \"mssql server\"}", .path = "spec.image",
	  .body = "Invalid value: \"mssql server\": must be the name of a container image (e.g. "
	          "'mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04')" },
	{ "schema", "tolerations, affinity, podTemplate and claims are kept",
	  "spec: {tolerations: [{key: a, operator: Exists, later: 1}], affinity: {podAntiAffinity: {}}, podTemplate: "
	  "{spec: {priorityClassName: x}}, resources: {claims: [{name: c}]}, nodeSelector: {disktype: ssd}}" },

	/* ---- Immutable ---- */
	{ "immutable", "another agName", "spec: {agName: AG2}", .old = "{}", .path = "spec.agName",
	  .body = "Invalid value: \"AG2\": field is immutable, it must stay \"AG1\"" },
	{ "immutable", "another clusterType", "spec: {clusterType: NONE, automaticFailover: {enabled: false}}",
	  .old = "spec: {replicas: [{name: a, failoverMode: Manual}], automaticFailover: {enabled: false}}",
	  .path = "spec.clusterType",
	  .body = "Invalid value: \"NONE\": field is immutable, it must stay \"EXTERNAL\"" },
	{ "immutable", "another edition", "spec: {edition: EnterpriseCore}", .old = "{}", .path = "spec.edition",
	  .body = "Invalid value: \"EnterpriseCore\": field is immutable, it must stay \"Enterprise\"" },
	{ "immutable", "another class", "spec: {storage: {storageClassName: slow}}", .old = "{}",
	  .path = "spec.storage.storageClassName",
	  .body = "Invalid value: \"slow\": field is immutable, it must stay \"fast\"" },
	{ "immutable", "the class taken away", "spec: {storage: {storageClassName: null}}", .old = "{}",
	  .path = "spec.storage.storageClassName",
	  .body = "Invalid value: null: field is immutable, it must stay \"fast\"" },
	{ "immutable", "other access modes", "spec: {storage: {accessModes: [ReadWriteMany]}}", .old = "{}",
	  .path = "spec.storage.accessModes",
	  .body = "Invalid value: [\"ReadWriteMany\"]: field is immutable, it must stay [\"ReadWriteOnce\"]" },
	{ "immutable", "another endpoint port", "spec: {endpointPort: 5023}", .old = "{}", .path = "spec.endpointPort",
	  .body = "Invalid value: 5023: field is immutable, it must stay 5022" },
	{ "immutable", "image, resources, reclaim policy, listener and modes may change",
	  "spec: {image: \"mssql:2022-CU17\", resources: {limits: {memory: 8Gi}}, storage: {reclaimPolicy: Delete}, "
	  "listener: {name: l}, replicas: [{name: a}, {name: b, readableSecondary: true}, {name: c, availabilityMode: "
	  "AsynchronousCommit}]}",
	  .old = "{}" },

	/* ---- Rules ---- */
	{ "name-length", "52 bytes", "metadata: {name: " NAME_52 "}" },
	{ "name-length", "53 bytes", "metadata: {name: " NAME_52 "3}", .path = "metadata.name",
	  .body = "Invalid value: \"" NAME_52 "3\": must be no more than 52 bytes: pods carry the label "
	          "controller-revision-hash, this name and up to "
	          "11 more characters, and a label has at most 63" },
	{ "name-length", "a dot", "metadata: {name: a.b}", .path = "metadata.name",
	  .body = "Invalid value: \"a.b\": " SERVICE_DETAIL },
	{ "name-length", "a digit first", "metadata: {name: 1ag}", .path = "metadata.name",
	  .body = "Invalid value: \"1ag\": " SERVICE_DETAIL },
	{ "name-length", "generateName", "metadata: {name: null, generateName: ag-}" },

	{ "replica-modes", "six synchronous replicas",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f}]}",
	  .path = "spec.replicas[5].availabilityMode",
	  .body = "Invalid value: \"SynchronousCommit\": must be AsynchronousCommit: at most 5 replicas may be "
	          "synchronous, "
	          "the primary included" },
	{ "replica-modes", "five synchronous replicas and one that is not",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}, {name: f, availabilityMode: "
	  "AsynchronousCommit}]}" },
	{ "replica-modes", "none synchronous",
	  "spec: {automaticFailover: {enabled: false}, replicas: [{name: a, availabilityMode: AsynchronousCommit}, "
	  "{name: b, "
	  "availabilityMode: AsynchronousCommit}]}",
	  .path = "spec.replicas", .body = "Required value: at least one replica must be SynchronousCommit" },
	{ "replica-modes", "automatic and asynchronous",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c, availabilityMode: AsynchronousCommit, failoverMode: "
	  "Automatic}]}",
	  .path = "spec.replicas[2].failoverMode",
	  .body = "Invalid value: \"Automatic\": must be Manual for an AsynchronousCommit replica: only a "
	          "SynchronousCommit "
	          "one can be promoted without losing commits" },
	{ "replica-modes", "automatic without a cluster manager",
	  "spec: {clusterType: NONE, replicas: [{name: a}, {name: b, failoverMode: Automatic}]}",
	  .path = "spec.replicas[1].failoverMode",
	  .body = "Invalid value: \"Automatic\": must be Manual: with clusterType NONE there is nobody to fail over; "
	          "Automatic needs EXTERNAL" },
	{ "replica-modes", "no cluster manager", "spec: {clusterType: NONE}" },

	{ "automatic-failover", "enabled without a cluster manager",
	  "spec: {clusterType: NONE, automaticFailover: {enabled: true}}", .path = "spec.automaticFailover.enabled",
	  .body = "Invalid value: true: must be false with clusterType NONE: it needs EXTERNAL" },
	{ "automatic-failover", "one replica", "spec: {replicas: [{name: a}], automaticFailover: {enabled: true}}",
	  .path = "spec.automaticFailover.enabled",
	  .body = "Invalid value: true: needs a candidate: a replica besides the first, which starts as primary, with "
	          "availabilityMode SynchronousCommit and failoverMode Automatic" },
	{ "automatic-failover", "nobody else is a candidate",
	  "spec: {automaticFailover: {}, replicas: [{name: a}, {name: b, failoverMode: Manual}, {name: c, "
	  "availabilityMode: "
	  "AsynchronousCommit}]}",
	  .path = "spec.automaticFailover.enabled",
	  .body = "Invalid value: true: needs a candidate: a replica besides the first, which starts as primary, with "
	          "availabilityMode SynchronousCommit and failoverMode Automatic" },
	{ "automatic-failover", "one replica, switched off",
	  "spec: {replicas: [{name: a}], automaticFailover: {enabled: false}}" },
	{ "automatic-failover", "one replica that says nothing", "spec: {replicas: [{name: a}]}" },
	{ "automatic-failover", "one candidate",
	  "spec: {automaticFailover: {enabled: true}, replicas: [{name: a, failoverMode: Manual}, {name: b}]}" },

	{ "name-length", "a generated name that starts with a digit", "metadata: {name: null, generateName: 1ag-}",
	  .path = "metadata.generateName", .body = "Invalid value: \"1ag-\": " SERVICE_DETAIL },
	{ "name-length", "a generated name that fits", "metadata: {name: null, generateName: ag-}" },
	{ "schema", "no access modes", "spec: {storage: {accessModes: []}}", .path = "spec.storage.accessModes",
	  .body = "Required value: must have at least 1 item" },
	{ "mssql-conf", "a null, which the API server drops", "spec: {mssqlConf: {a.b: ~}}" },
	{ "schema", "an image that is refused", "spec: {image: a b}", .path = "spec.image",
	  .body = "Invalid value: \"a b\": must be the name of a container image "
	          "(e.g. 'mcr.microsoft.com/mssql/server:2022-CU16-ubuntu-22.04')",
	  .no_warning = "spec.image" },

	{ "required-synchronized", "as many as replicas", "spec: {automaticFailover: {requiredSynchronized: 3}}",
	  .path = "spec.automaticFailover.requiredSynchronized",
	  .body = "Invalid value: 3: must be at most 2: there are 3 SynchronousCommit replicas, and one of them is the "
	          "primary" },
	{ "required-synchronized", "as many as secondaries", "spec: {automaticFailover: {requiredSynchronized: 2}}" },

	{ "edition-limits", "Express with three replicas", "spec: {edition: Express}", .path = "spec.edition",
	  .body = "Invalid value: \"Express\": cannot host an availability group of 3 replicas: Express has none, "
	          "Standard "
	          "has up to 2" },
	{ "edition-limits", "Express with one", "spec: {edition: Express, replicas: [{name: a}]}" },
	{ "edition-limits", "Standard with three replicas", "spec: {edition: Standard}", .path = "spec.edition",
	  .body = "Invalid value: \"Standard\": cannot host an availability group of 3 replicas: Standard has at most "
	          "2, "
	          "more need Enterprise" },
	{ "edition-limits", "Standard with two databases",
	  "spec: {edition: Standard, replicas: [{name: a}, {name: b}], databases: [d1, d2]}", .path = "spec.edition",
	  .body = "Invalid value: \"Standard\": cannot host an availability group of 2 databases: Standard has at most "
	          "1, "
	          "more need Enterprise" },
	{ "edition-limits", "Standard with a readable secondary",
	  "spec: {edition: Standard, replicas: [{name: a}, {name: b, readableSecondary: true}]}",
	  .path = "spec.replicas[1].readableSecondary",
	  .body = "Forbidden: edition Standard has no readable secondaries: they need Enterprise" },
	{ "edition-limits", "Standard with two replicas and a database",
	  "spec: {edition: Standard, replicas: [{name: a}, {name: b}], databases: [d1]}" },

	{ "endpoint-port", "SQL Server's own", "spec: {endpointPort: 1433}", .path = "spec.endpointPort",
	  .body = "Invalid value: 1433: must not be a port that SQL Server listens on itself: 1433 for clients, 1434 "
	          "for "
	          "administrators" },
	{ "endpoint-port", "the next but one", "spec: {endpointPort: 1435}" },

	{ "listener-names", "one name twice", "spec: {listener: {name: l}, readOnlyListener: {name: l}}",
	  .path = "spec.readOnlyListener.name", .body = "Duplicate value: \"l\"" },
	{ "listener-names", "the headless Service's", "spec: {listener: {name: mssql-ag-pods}}",
	  .path = "spec.listener.name",
	  .body = "Invalid value: \"mssql-ag-pods\": must not be the name of the group's headless Service" },
	{ "listener-names", "two names", "spec: {listener: {name: l}, readOnlyListener: {name: l-ro}}" },

	{ "mssql-conf", "hadr switched off", "spec: {mssqlConf: {hadr.hadrenabled: \"0\"}}",
	  .path = "spec.mssqlConf[hadr.hadrenabled]",
	  .body = "Invalid value: \"0\": must be 1: availability groups need it" },
	{ "mssql-conf", "hadr switched off in other letters", "spec: {mssqlConf: {HADR.HadrEnabled: \"false\"}}",
	  .path = "spec.mssqlConf[HADR.HadrEnabled]",
	  .body = "Invalid value: \"false\": must be 1: availability groups need it" },
	{ "mssql-conf", "another port", "spec: {mssqlConf: {network.tcpport: \"1444\"}}",
	  .path = "spec.mssqlConf[network.tcpport]",
	  .body = "Invalid value: \"1444\": must be 1433: the group's Services lead there; listener.port is the one "
	          "that "
	          "clients see" },
	{ "mssql-conf", "two lines in one", "spec: {mssqlConf: {memory.memorylimitmb: \"1\\n[hadr]\"}}",
	  .path = "spec.mssqlConf[memory.memorylimitmb]",
	  .body = "Invalid value: \"1\\n[hadr]\": must be a single line" },
	{ "mssql-conf", "hadr on and a limit",
	  "spec: {mssqlConf: {hadr.hadrenabled: \"1\", memory.memorylimitmb: \"2048\", network.tcpport: \"1433\"}}" },

	{ "resources", "request above limit", "spec: {resources: {requests: {memory: 4097Mi}, limits: {memory: 4Gi}}}",
	  .path = "spec.resources.requests[memory]",
	  .body = "Invalid value: \"4097Mi\": must be less than or equal to the memory limit of 4Gi" },
	{ "resources", "negative", "spec: {resources: {requests: {cpu: -1}}}", .path = "spec.resources.requests[cpu]",
	  .body = "Invalid value: \"-1\": must be greater than or equal to 0" },
	{ "resources", "request equal to the limit",
	  "spec: {resources: {requests: {memory: 4096Mi}, limits: {memory: 4Gi}}}" },

	{ "volume-size", "zero", "spec: {storage: {dataVolumeSize: 0}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"0\": must be greater than zero" },
	{ "volume-size", "negative", "spec: {storage: {dataVolumeSize: -1Gi}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"-1Gi\": must be greater than zero" },
	{ "volume-size", "one byte", "spec: {storage: {dataVolumeSize: 1}}" },

	{ "auto-expand", "by nothing", "spec: {autoExpand: {by: \"0\", max: 1Ti}}", .path = "spec.autoExpand.by",
	  .body = "Invalid value: \"0\": must be greater than zero" },
	{ "schema", "autoExpand without a maximum", "spec: {autoExpand: {by: 5Gi}}", .path = "spec.autoExpand.max",
	  .body = "Required value: The size that volumes are never expanded beyond" },
	{ "auto-expand", "at its maximum already", "spec: {autoExpand: {by: 5Gi, max: 20Gi}}",
	  .warning = "spec.autoExpand.max: the volumes already have 20Gi or more: they will not be expanded" },
	{ "auto-expand", "a policy", "spec: {autoExpand: {by: 5Gi, max: 1Ti}}", .no_warning = "spec.autoExpand" },

	{ "databases", "SQL Server's own", "spec: {databases: [a, Master]}", .path = "spec.databases[1]",
	  .body = "Invalid value: \"Master\": is a database of SQL Server itself: name one of your own" },
	{ "databases", "twice in other letters", "spec: {databases: [Sales, b, SALES]}", .path = "spec.databases[2]",
	  .body = "Duplicate value: \"SALES\"" },
	{ "databases", "two", "spec: {databases: [Sales, sales2]}" },

	{ "replicas-append-only", "one removed", "spec: {replicas: [{name: a}, {name: b}]}", .old = "{}",
	  .path = "spec.replicas[2]",
	  .body = "Required value: replica \"c\" (pod mssql-ag-2) must stay: replicas are only added, at the end of "
	          "the "
	          "list" },
	{ "replicas-append-only", "one renamed", "spec: {replicas: [{name: a}, {name: x}, {name: c}]}", .old = "{}",
	  .path = "spec.replicas[1].name",
	  .body = "Invalid value: \"x\": must stay \"b\": replicas[1] is pod mssql-ag-1, so replicas are only added, "
	          "at the "
	          "end of the list, never moved or renamed" },
	{ "replicas-append-only", "two swapped", "spec: {replicas: [{name: a}, {name: c}, {name: b}]}", .old = "{}",
	  .path = "spec.replicas[2].name",
	  .body = "Invalid value: \"b\": must stay \"c\": replicas[2] is pod mssql-ag-2, so replicas are only added, "
	          "at the "
	          "end of the list, never moved or renamed",
	  .count = 2 },
	{ "replicas-append-only", "one added", "spec: {replicas: [{name: a}, {name: b}, {name: c}, {name: d}]}",
	  .old = "{}" },

	{ "volume-growth", "smaller", "spec: {storage: {dataVolumeSize: 19Gi}}", .old = "{}",
	  .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"19Gi\": must not be smaller than the current 20Gi: volumes do not shrink" },
	{ "volume-growth", "larger", "spec: {storage: {dataVolumeSize: 21Gi}}", .old = "{}" },
	{ "volume-growth", "written in another unit", "spec: {storage: {dataVolumeSize: 20480Mi}}",
	  .old = "spec: {storage: {storageClassName: fixed}}" },
	{ "volume-growth", "a class that cannot", "spec: {storage: {dataVolumeSize: 21Gi}}",
	  .old = "spec: {storage: {storageClassName: fixed}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"21Gi\": the volumes cannot be expanded: StorageClass \"fixed\" does not have "
	          "allowVolumeExpansion: true" },
	{ "volume-growth", "a class that is not there", "spec: {storage: {dataVolumeSize: 21Gi}}",
	  .old = "spec: {storage: {storageClassName: gone}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"21Gi\": the volumes cannot be expanded: StorageClass \"gone\" does not exist" },
	{ "volume-growth", "no class", "spec: {storage: {dataVolumeSize: 21Gi}}",
	  .old = "spec: {storage: {storageClassName: \"\"}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"21Gi\": the volumes cannot be expanded: they have no StorageClass "
	          "(storageClassName is "
	          "empty)" },
	{ "volume-growth", "no default class", "spec: {storage: {dataVolumeSize: 21Gi}}",
	  .old = "spec: {storage: {storageClassName: null}}", .path = "spec.storage.dataVolumeSize",
	  .body = "Invalid value: \"21Gi\": the volumes cannot be expanded: no storageClassName is given and the "
	          "cluster has "
	          "no default StorageClass" },
	{ "volume-growth", "the newest of two default classes can", "spec: {storage: {dataVolumeSize: 21Gi}}",
	  .old = "spec: {storage: {storageClassName: null}}", .cluster = cluster_with_defaults },
	{ "volume-growth", "offline", "spec: {storage: {dataVolumeSize: 21Gi}}", .old = "{}", .asked = LOOKUP_OFFLINE,
	  .warning =
	          "spec.storage.dataVolumeSize: without a cluster nobody can say whether the volumes can be expanded" },
	{ "volume-growth", "the API does not answer", "spec: {storage: {dataVolumeSize: 21Gi}}", .old = "{}",
	  .asked = LOOKUP_FAILED },

	/* ---- Warnings ---- */
	{ "floating-image", "latest", "spec: {image: \"mcr.microsoft.com/mssql/server:2022-latest\"}",
	  .warning = "spec.image: \"mcr.microsoft.com/mssql/server:2022-latest\" is not one fixed image: replicas that "
	             "restart later may run another version" },
	{ "floating-image", "no tag", "spec: {image: \"localhost:5000/mssql\"}",
	  .warning = "spec.image: \"localhost:5000/mssql\" is not one fixed image: replicas that restart later may run "
	             "another version" },
	{ "floating-image", "a fixed tag", NULL, .no_warning = "spec.image" },
	{ "floating-image", "a digest", "spec: {image: \"a:latest@sha256:0123456789abcdef0123456789abcdef\"}",
	  .no_warning = "spec.image" },
	{ "memory-limit", "none", "spec: {resources: {limits: null}}",
	  .warning = "spec.resources.limits[memory]: no memory limit: SQL Server may take most of a node's memory from "
	             "its "
	             "neighbours" },
	{ "memory-limit", "too small", "spec: {resources: {limits: {memory: 1Gi}}}",
	  .warning = "spec.resources.limits[memory]: SQL Server does not start with less than 2000M of memory, this is "
	             "1Gi" },
	{ "memory-limit", "just enough", "spec: {resources: {limits: {memory: 2000M}}}",
	  .no_warning = "spec.resources" },
	{ "edition-licence", "Developer", "spec: {edition: Developer}",
	  .warning = "spec.edition: Developer is not licensed for production" },
	{ "edition-licence", "Evaluation", "spec: {edition: Evaluation}",
	  .warning = "spec.edition: Evaluation stops working 180 days after its installation" },
	{ "edition-licence", "Enterprise", NULL, .no_warning = "spec.edition" },
	{ "relaxed-mode", "even",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c}, {name: d}], automaticFailover: {requiredSynchronized: "
	  "1}}",
	  .warning =
	          "spec.replicas: 4 synchronous replicas, an even number, with requiredSynchronized 1: one more or one "
	          "less withstands as much" },
	{ "relaxed-mode", "none required", "spec: {automaticFailover: {requiredSynchronized: 0}}",
	  .warning = "spec.automaticFailover.requiredSynchronized: with 0 a commit may be on the primary alone: no "
	             "replica is "
	             "promoted without the old primary's data" },
	{ "relaxed-mode", "odd", "spec: {automaticFailover: {requiredSynchronized: 1}}", .no_warning = "spec" },
	{ "relaxed-mode", "even and strict", "spec: {replicas: [{name: a}, {name: b}]}", .no_warning = "spec" },
	{ "relaxed-mode", "even and strict by number",
	  "spec: {replicas: [{name: a}, {name: b}], automaticFailover: {requiredSynchronized: 1}}",
	  .no_warning = "spec" },
	{ "asynchronous-primary", "the first is asynchronous",
	  "spec: {replicas: [{name: a, availabilityMode: AsynchronousCommit}, {name: b}, {name: c}]}",
	  .warning = "spec.replicas[0]: starts as primary and is asynchronous: while it is primary no failover is "
	             "possible "
	             "without losing commits" },
	{ "asynchronous-primary", "another is asynchronous",
	  "spec: {replicas: [{name: a}, {name: b}, {name: c, availabilityMode: AsynchronousCommit}]}",
	  .no_warning = "spec.replicas" },
	{ "storage-class", "not there", "spec: {storage: {storageClassName: gone}}",
	  .warning = "spec.storage.storageClassName: StorageClass \"gone\" does not exist: pods wait for it" },
	{ "storage-class", "no default", "spec: {storage: {storageClassName: null}}",
	  .warning = "spec.storage.storageClassName: not given, and the cluster has no default StorageClass: pods wait "
	             "for "
	             "volumes" },
	{ "storage-class", "autoExpand with a class that cannot",
	  "spec: {storage: {storageClassName: fixed}, autoExpand: {by: 5Gi, max: 1Ti}}",
	  .warning = "spec.autoExpand: StorageClass \"fixed\" cannot expand volumes: the policy has no effect" },
	{ "storage-class", "it is there", NULL, .no_warning = "spec.storage" },
	{ "storage-class", "the API does not answer", NULL, .asked = LOOKUP_FAILED, .no_warning = "spec" },
	{ "database-kept", "taken off the list", "spec: {databases: [b]}", .old = "spec: {databases: [a, b]}",
	  .warning = "spec.databases: \"a\" stays in the group: remove it with T-SQL if it shall go" },
	{ "database-kept", "one more", "spec: {databases: [a, b, c]}", .old = "spec: {databases: [a, b]}",
	  .no_warning = "spec.databases" },
};

static const struct judge_table table = {
	.kind = &sqlag_kind_v1alpha1,
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

static void all_findings_come_at_once(void **state) {
	(void)state;
	const struct judge_case both = { "schema",
		                         "many mistakes",
		                         "spec: {agName: A-1, edition: Express, endpointPort: 1433, storage: "
		                         "{dataVolumeSize: 0}, listener: {name: x, port: 0}}",
		                         .path = "spec.agName",
		                         .body = "Invalid value: \"A-1\": " IDENTIFIER_DETAIL,
		                         .count = 5 };
	assert_true(judge_one(&table, &both));
}

/* A write that leaves spec alone passes, however old the object: status, labels, finalizers. */
static void what_leaves_spec_alone_is_never_refused(void **state) {
	(void)state;
	const struct judge_case status = { "schema", "status of an object that would be refused today",
		                           "status: {phase: Running}", .old = "spec: {agName: A-1, edition: Express}" };
	assert_true(judge_one(&table, &status));
}

static void what_is_left_out_is_defaulted(void **state) {
	(void)state;
	judge_defaults(
	        &sqlag_kind_v1alpha1,
	        "spec: {agName: AG1, replicas: [{name: a}, {name: b}, {name: c, availabilityMode: "
	        "AsynchronousCommit}], listener: {name: l}, saPasswordSecretRef: {name: s}, autoExpand: {by: 1Gi, "
	        "max: 2Gi}}",
	        "spec:\n"
	        "  agName: AG1\n"
	        "  image: mcr.microsoft.com/mssql/server:2022-CU19-ubuntu-22.04\n"
	        "  edition: Developer\n"
	        "  acceptEula: \"Y\"\n"
	        "  clusterType: EXTERNAL\n"
	        "  automaticFailover: {enabled: true, failoverThresholdSeconds: 30, healthThreshold: system}\n"
	        "  replicas:\n"
	        "  - {name: a, availabilityMode: SynchronousCommit, failoverMode: Automatic}\n"
	        "  - {name: b, availabilityMode: SynchronousCommit, failoverMode: Automatic}\n"
	        "  - {name: c, availabilityMode: AsynchronousCommit, failoverMode: Manual}\n"
	        "  storage: {dataVolumeSize: 10Gi, accessModes: [ReadWriteOnce], reclaimPolicy: Retain}\n"
	        "  autoExpand: {atPercent: 85, by: 1Gi, max: 2Gi}\n"
	        "  listener: {name: l, port: 1433, serviceType: ClusterIP}\n"
	        "  endpointPort: 5022\n"
	        "  saPasswordSecretRef: {name: s, key: SA_PASSWORD}\n"
	        "  resources: {requests: {cpu: 500m, memory: 2Gi}}\n");
}

static void without_a_cluster_manager_nothing_is_automatic(void **state) {
	(void)state;
	judge_defaults(
	        &sqlag_kind_v1alpha1,
	        "spec: {agName: AG1, image: \"i:1\", edition: Standard, acceptEula: \"y\", clusterType: NONE, "
	        "replicas: "
	        "[{name: a}, {name: b}], storage: {dataVolumeSize: 1Gi, accessModes: [], reclaimPolicy: Delete}, "
	        "endpointPort: 5023, resources: {}}",
	        "spec:\n"
	        "  agName: AG1\n"
	        "  image: \"i:1\"\n"
	        "  edition: Standard\n"
	        "  acceptEula: \"y\"\n"
	        "  clusterType: NONE\n"
	        "  replicas:\n"
	        "  - {name: a, availabilityMode: SynchronousCommit, failoverMode: Manual}\n"
	        "  - {name: b, availabilityMode: SynchronousCommit, failoverMode: Manual}\n"
	        "  storage: {dataVolumeSize: 1Gi, accessModes: [], reclaimPolicy: Delete}\n"
	        "  endpointPort: 5023\n"
	        "  resources: {}\n");
}

/* Defaulting meets objects that nobody has validated yet. */
static void defaulting_survives_what_is_no_group(void **state) {
	(void)state;
	static const char *const objects[] = { "{}",
		                               "spec: null",
		                               "spec: 1",
		                               "spec: {replicas: 1, saPasswordSecretRef: 2}",
		                               "spec: {replicas: [1, null, x, {availabilityMode: 3}]}",
		                               "spec: {automaticFailover: 1, storage: [], resources: x}" };
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
		cleanup_json struct json_object *object = judge_yaml(objects[i]);
		kind_set_defaults(&sqlag_kind_v1alpha1, object, NULL);
		cleanup_findings struct findings findings = { 0 };
		kind_judge(&(struct judgement){ .kind = &sqlag_kind_v1alpha1,
		                                .operation = OPERATION_CREATE,
		                                .object = object,
		                                .lookup = &lookup_offline },
		           &findings);
		assert_true(findings.count > 0);
	}
}

/* Megabytes of empty replicas must not become a patch of hundreds. */
static void a_list_that_is_refused_is_not_defaulted(void **state) {
	(void)state;
	cleanup_json struct json_object *object = judge_yaml("spec: {agName: A}");
	struct json_object *replicas = json_object_new_array();
	for (int i = 0; i < 50000; i++) json_object_array_add(replicas, json_object_new_object());
	json_set(json_get(object, "spec"), "replicas", replicas);
	cleanup_strbuf struct strbuf patch = { 0 };
	kind_set_defaults(&sqlag_kind_v1alpha1, object, &patch);
	assert_non_null(strstr(patch.data, "/spec/clusterType"));
	assert_null(strstr(patch.data, "/spec/replicas"));
}

static void the_example_is_admitted_and_read(void **state) {
	(void)state;
	judge_example(&sqlag_kind_v1alpha1, "sqlag-three-sync.yaml");

	cleanup_json struct json_object *json = judge_yaml(base);
	kind_set_defaults(&sqlag_kind_v1alpha1, json, NULL);
	cleanup_arena struct arena arena = { 0 };
	cleanup_findings struct findings findings = { 0 };
	struct sqlag object = { 0 };
	schema_decode(sqlag_kind_v1alpha1.schema, json, "", &object, &arena, UNKNOWN_REPORT, &findings);
	assert_int_equal(findings.count, 0);
	assert_string_equal(object.metadata->name, "mssql-ag");
	assert_string_equal(object.spec->ag_name, "AG1");
	assert_int_equal(object.spec->replicas.count, 3);
	assert_string_equal(object.spec->replicas.items[2].name, "c");
	assert_true(sqlag_is_external(object.spec));
	assert_true(sqlag_is_candidate(object.spec, &object.spec->replicas.items[1]));
	assert_int_equal(sqlag_synchronous_count(object.spec), 3);
	assert_string_equal(object.spec->storage->access_modes.items[0], "ReadWriteOnce");
	assert_string_equal(map_text(&object.spec->resources->limits, "memory"), "4Gi");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_is_judged_as_it_should),
		cmocka_unit_test(every_rule_has_cases),
		cmocka_unit_test(all_findings_come_at_once),
		cmocka_unit_test(what_leaves_spec_alone_is_never_refused),
		cmocka_unit_test(what_is_left_out_is_defaulted),
		cmocka_unit_test(without_a_cluster_manager_nothing_is_automatic),
		cmocka_unit_test(defaulting_survives_what_is_no_group),
		cmocka_unit_test(a_list_that_is_refused_is_not_defaulted),
		cmocka_unit_test(the_example_is_admitted_and_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
