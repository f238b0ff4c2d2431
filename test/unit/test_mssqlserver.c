/* MSSQLServer: every rule with a case that fires (path and words) and a neighbour that passes; defaults; examples. */
#include "unit/judge.h"

#include "api/kinds.h"
#include "api/mssqlserver.h"
#include "api/mssqlserver_rules.h"

#define OWN_USER "system:serviceaccount:agkeeper-system:agkeeper"
#define A_USER   "jane"

/* ---- a cluster ---- */

#define VERSION(name, spec) "---\nkind: MSSQLServerVersion\nmetadata: {name: " name "}\nspec: {" spec "}\n"
#define REQUEST(name, namespace, database, size, phase)                                         \
	"---\nkind: MSSQLServerOpsRequest\nmetadata: {name: " name                              \
	", namespace: " namespace "}\n"                                                         \
	                          "spec: {type: VolumeExpansion, databaseRef: {name: " database \
	                          "}, volumeExpansion: {mssqlserver: " size "}}\nstatus: {phase: " phase "}\n"

/* clang-format off */
static const char cluster_text[] =
        VERSION("2022-cu16", "version: '2022'")
        VERSION("2022-cu19", "version: '2022'")
        VERSION("2019-cu1", "version: '2019', deprecated: true")
        VERSION("2019-cu30", "version: '2019'")
        VERSION("'13.13'", "version: '2022'")
        "---\nkind: StorageClass\nmetadata: {name: standard}\nallowVolumeExpansion: true\n"
        "---\nkind: StorageClass\nmetadata: {name: fixed}\nallowVolumeExpansion: false\n"
        REQUEST("a", "demo", "db", "20Gi", "Progressing")
        REQUEST("b", "demo", "db", "30Gi", "Pending")
        REQUEST("c", "demo", "other", "40Gi", "Progressing")
        REQUEST("d", "else", "db", "50Gi", "Progressing");
/* clang-format on */

static struct judge_cluster cluster;

static struct lookup lookup_in(struct judge_cluster *of) {
	return (struct lookup){ .context = of, .get = judge_get, .list = judge_list };
}

/* ---- objects ---- */

#define STORAGE                                                                     \
	"'storage':{'storageClassName':'standard','accessModes':['ReadWriteOnce']," \
	"'resources':{'requests':{'storage':'10Gi'}}}"

static const char base_v1alpha2[] =
        "{'apiVersion':'kubedb.com/v1alpha2','kind':'MSSQLServer','metadata':{'name':'db','namespace':'demo'},"
        "'spec':{'version':'2022-cu16','replicas':3,'topology':{'mode':'AvailabilityGroup','availabilityGroup':{"
        "'databases':['agdb1'],'leaderElection':{}}}," STORAGE "}}";
static const char base_v1[] =
        "{'apiVersion':'kubedb.com/v1','kind':'MSSQLServer','metadata':{'name':'db','namespace':'demo'},"
        "'spec':{'version':'2022-cu16','replicas':3,'mode':'AvailabilityGroup','databases':['agdb1'],"
        "'leaderElection':{}," STORAGE "}}";

/* The base object of the kind, changed by two patches and defaulted. */
static struct json_object *new_object(const struct kind *kind, const char *patch, const char *patch_more) {
	cleanup_json struct json_object *base = judge_yaml(kind == &mssqlserver_kind_v1 ? base_v1 : base_v1alpha2);
	cleanup_json struct json_object *given = judge_change(base, patch);
	struct json_object *object = judge_change(given, patch_more);
	kind_set_defaults(kind, object, NULL);
	return object;
}

/* ---- cases ---- */

#define ALPHA     &mssqlserver_kind_v1alpha2
#define BETA      &mssqlserver_kind_v1
#define CREATE    OPERATION_CREATE
#define UPDATE    OPERATION_UPDATE
#define DELETE    OPERATION_DELETE
#define POD(text) "{'spec':{'podTemplate':{'spec':{" text "}}}}"
#define ENV(name, value)                                                                                             \
	"'containers':[{'name':'side','env':[{'name':'VERSION','value':'1'}]},{'name':'mssql','env':[{'name':'" name \
	"','value':'" value "'}]}]"
#define GROUP(text)    "{'spec':{'topology':{'availabilityGroup':{" text "}}}}"
#define SERVICE(text)  "{'spec':{'serviceTemplates':[{'alias':'primary','spec':{" text "}}]}}"
#define SIZE(size)     "{'spec':{'storage':{'resources':{'requests':{'storage':'" size "'}}}}}"
#define SIZE_PATH      "spec.storage.resources.requests[storage]"
#define ELECTION_PATH  "spec.topology.availabilityGroup.leaderElection."
#define CONTAINER_PATH "spec.podTemplate.spec.containers"
#define EPHEMERAL      "'storageType':'Ephemeral','storage':null"
/* What conversion writes for a database whose databases were others, put there by somebody else. */
#define FORGED(database)                                                                                               \
	"{'metadata':{'annotations':{'agkeeper.dev/conversion':'{\"spec\":{\"was\":{\"topology\":{"                    \
	"\"mode\":\"AvailabilityGroup\",\"availabilityGroup\":{\"databases\":[\"" database "\"]}}},"                   \
	"\"is\":{\"replicas\":3,\"mode\":\"AvailabilityGroup\",\"standbyMode\":\"Warm\","                              \
	"\"streamingMode\":\"Synchronous\",\"databases\":[\"agdb1\"],\"leaderElection\":{\"leaseDurationSeconds\":15," \
	"\"renewDeadlineSeconds\":10,\"retryPeriodSeconds\":2}}}}'}}}"
#define NAME_52 "a123456789a123456789a123456789a123456789a123456789a1"

static const struct test_case {
	const char *rule;
	const struct kind *kind;
	enum operation operation;
	const char *given; /* merged into old and new object */
	const char *fires;
	const char *passes; /* the neighbour */
	const char *path;   /* NULL: a warning, which begins with body */
	const char *body;
	const char *user;
} cases[] = {
	/* the table */
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'replicas':0}}", "{'spec':{'replicas':5}}", "spec.replicas",
	  "Invalid value: 0: must be between 1 and 9, inclusive", NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'version':null}}", "{}", "spec.version",
	  "Required value: The name of an MSSQLServerVersion, which says what image runs", NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'tls':{}}}",
	  "{'spec':{'tls':{'issuerRef':{'kind':'Issuer','name':'ca'}}}}", "spec.tls.issuerRef",
	  "Required value: The cert-manager issuer that signs the certificates", NULL },
	{ "schema", BETA, CREATE, NULL, "{'spec':{'tls':{'issuerRef':{'kind':'Issuer'}}}}",
	  "{'spec':{'tls':{'issuerRef':{'kind':'Issuer','name':'ca','apiGroup':'cert-manager.io'}}}}",
	  "spec.tls.issuerRef.name", "Required value: The issuer's name", NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'serviceTemplates':[{'alias':'tertiary'}]}}",
	  "{'spec':{'serviceTemplates':[{'alias':'primary'},{'alias':'secondary'}]}}", "spec.serviceTemplates[0].alias",
	  "Unsupported value: \"tertiary\": supported values: \"primary\", \"secondary\", \"stats\"", NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'serviceTemplates':[{'alias':'primary'},{'alias':'primary'}]}}",
	  "{'spec':{'serviceTemplates':[{'alias':'primary'},{'alias':'stats'}]}}", "spec.serviceTemplates[1].alias",
	  "Duplicate value: \"primary\"", NULL },
	{ "schema", ALPHA, CREATE, NULL, SERVICE("'ports':[{'port':65536}]"), SERVICE("'ports':[{'port':65535}]"),
	  "spec.serviceTemplates[0].spec.ports[0].port", "Invalid value: 65536: must be between 1 and 65535, inclusive",
	  NULL },
	{ "schema", BETA, CREATE, NULL, "{'spec':{'standbyMode':'Lukewarm'}}", "{'spec':{'standbyMode':'Warm'}}",
	  "spec.standbyMode", "Unsupported value: \"Lukewarm\": supported values: \"Warm\", \"Hot\"", NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'deletionPolicy':'Keep'}}", "{'spec':{'deletionPolicy':'Halt'}}",
	  "spec.deletionPolicy",
	  "Unsupported value: \"Keep\": supported values: \"Delete\", \"WipeOut\", \"Halt\", \"DoNotTerminate\"",
	  NULL },
	{ "immutable", ALPHA, UPDATE, NULL, "{'spec':{" EPHEMERAL "}}", "{'spec':{'storageType':'Durable'}}",
	  "spec.storageType", "Invalid value: \"Ephemeral\": field is immutable, it must stay \"Durable\"", NULL },

	/* topology */
	{ "name", ALPHA, CREATE, NULL, "{'metadata':{'name':'" NAME_52 "2'}}", "{'metadata':{'name':'" NAME_52 "'}}",
	  "metadata.name",
	  "Invalid value: \"" NAME_52 "2\": must be no more than 52 bytes: names of pods and Services are made from it",
	  NULL },
	{ "name", BETA, CREATE, NULL, "{'metadata':{'name':'my.db'}}", "{'metadata':{'name':'my-db'}}", "metadata.name",
	  "Invalid value: \"my.db\": must be a DNS-1035 label, as the names of Services are*", NULL },
	{ "name", BETA, CREATE, "{'metadata':{'name':null}}", "{'metadata':{'generateName':'1-'}}",
	  "{'metadata':{'generateName':'db-'}}", "metadata.generateName",
	  "Invalid value: \"1-\": must be a DNS-1035 label, as the names of Services are*", NULL },
	{ "mode", ALPHA, CREATE, NULL, "{'spec':{'topology':{'mode':null}}}",
	  "{'spec':{'topology':{'mode':'StreamingReplication'}}}", "spec.topology.mode",
	  "Required value: a topology needs a mode: AvailabilityGroup or StreamingReplication", NULL },
	{ "mode", ALPHA, CREATE, NULL, "{'spec':{'topology':{'mode':'DistributedAG','distributedAG':{}}}}", "{}",
	  "spec.topology.mode",
	  "Unsupported value: \"DistributedAG\": distributed availability groups are not supported yet: use "
	  "\"AvailabilityGroup\" or \"StreamingReplication\"",
	  NULL },
	{ "mode", BETA, CREATE, NULL, "{'spec':{'mode':'DistributedAG'}}", "{'spec':{'mode':'StreamingReplication'}}",
	  "spec.mode",
	  "Unsupported value: \"DistributedAG\": distributed availability groups are not supported yet: use "
	  "\"AvailabilityGroup\" or \"StreamingReplication\"",
	  NULL },
	{ "mode", ALPHA, CREATE, NULL, "{'spec':{'topology':{'distributedAG':{'self':{}}}}}", "{}",
	  "spec.topology.distributedAG", "Forbidden: distributed availability groups are not supported yet", NULL },
	{ "mode-unchanged", ALPHA, UPDATE, NULL, "{'spec':{'topology':{'mode':'StreamingReplication'}}}",
	  "{'spec':{'topology':{'availabilityGroup':{'secondaryAccessMode':'All'}}}}", "spec.topology.mode",
	  "Forbidden: the mode of an existing database cannot change: it is AvailabilityGroup and cannot become "
	  "StreamingReplication",
	  NULL },
	{ "mode-unchanged", BETA, UPDATE, "{'spec':{'replicas':1}}", "{'spec':{'mode':'StreamingReplication'}}",
	  "{'spec':{'standbyMode':'Hot'}}", "spec.mode",
	  "Forbidden: the mode of an existing database cannot change: it is AvailabilityGroup and cannot become "
	  "StreamingReplication",
	  NULL },
	{ "replicas", ALPHA, CREATE, NULL, "{'spec':{'topology':null}}", "{'spec':{'topology':null,'replicas':1}}",
	  "spec.replicas",
	  "Invalid value: 3: must be 1 for a standalone database: spec.topology.mode AvailabilityGroup makes it a "
	  "group",
	  NULL },
	{ "replicas", BETA, CREATE, "{'spec':{'databases':null,'leaderElection':null}}",
	  "{'spec':{'mode':'Standalone'}}", "{'spec':{'mode':'Standalone','replicas':1}}", "spec.replicas",
	  "Invalid value: 3: must be 1 for a standalone database: spec.mode AvailabilityGroup makes it a group", NULL },
	{ "replicas", ALPHA, CREATE, NULL, "{'spec':{'replicas':6}}",
	  "{'spec':{'replicas':6,'topology':{'availabilityGroup':{'availabilityMode':'AsynchronousCommit'}}}}",
	  "spec.replicas",
	  "Invalid value: 6: must be at most 5 with synchronous commit "
	  "(spec.topology.availabilityGroup.availabilityMode)",
	  NULL },
	{ "replicas", BETA, CREATE, NULL, "{'spec':{'replicas':9}}",
	  "{'spec':{'replicas':9,'streamingMode':'Asynchronous'}}", "spec.replicas",
	  "Invalid value: 9: must be at most 5 with synchronous commit (spec.streamingMode)", NULL },
	{ "replicas-grow", ALPHA, UPDATE, NULL, "{'spec':{'replicas':2}}", "{'spec':{'replicas':4}}", "spec.replicas",
	  "Invalid value: 2: must not be less than the current 3: taking replicas away is not supported", NULL },
	{ "edition", ALPHA, CREATE, NULL, POD(ENV("MSSQL_PID", "Express")), POD(ENV("MSSQL_PID", "Enterprise")),
	  CONTAINER_PATH "[1].env[0].value",
	  "Invalid value: \"Express\": this edition hosts no availability group of several replicas: use Standard, "
	  "Enterprise, EnterpriseCore, Developer or Evaluation",
	  NULL },
	{ "edition", BETA, CREATE, POD(ENV("MSSQL_PID", "Standard")), "{'spec':{'replicas':3}}",
	  "{'spec':{'replicas':2}}", CONTAINER_PATH "[1].env[0].value",
	  "Invalid value: \"Standard\": this edition hosts groups of at most 2 replicas, spec.replicas is 3", NULL },
	{ "edition", BETA, CREATE, POD(ENV("MSSQL_PID", "Standard")), "{'spec':{'replicas':2,'databases':['a','b']}}",
	  "{'spec':{'replicas':2,'databases':['a']}}", CONTAINER_PATH "[1].env[0].value",
	  "Invalid value: \"Standard\": this edition hosts groups of one database, spec.databases names 2", NULL },
	{ "databases", ALPHA, CREATE, NULL, GROUP("'databases':['sales','Sales']"),
	  GROUP("'databases':['sales','sales2']"), "spec.topology.availabilityGroup.databases[1]",
	  "Duplicate value: \"Sales\"", NULL },
	{ "databases", BETA, CREATE, NULL, "{'spec':{'databases':['a','MSDB']}}",
	  "{'spec':{'databases':['a','msdb2']}}", "spec.databases[1]",
	  "Invalid value: \"MSDB\": is a database of SQL Server itself*", NULL },
	{ "databases", BETA, CREATE, NULL, "{'spec':{'databases':['kubedb_system']}}",
	  "{'spec':{'databases':['kubedb']}}", "spec.databases[0]",
	  "Invalid value: \"kubedb_system\": is reserved for agkeeper*", NULL },
	{ "schema", ALPHA, CREATE, NULL, GROUP("'databases':['']"), GROUP("'databases':['a']"),
	  "spec.topology.availabilityGroup.databases[0]", "Invalid value: \"\": must be the name of a database*",
	  NULL },
	{ "schema", ALPHA, CREATE, NULL, GROUP("'databases':['a]b']"), GROUP("'databases':['a b']"),
	  "spec.topology.availabilityGroup.databases[0]", "Invalid value: \"a]b\": *", NULL },
	{ "required-synchronized", ALPHA, CREATE, NULL, GROUP("'requiredSynchronized':3"),
	  GROUP("'requiredSynchronized':2"), "spec.topology.availabilityGroup.requiredSynchronized",
	  "Invalid value: 3: must be less than spec.replicas (3): the primary is not counted", NULL },
	{ "required-synchronized", BETA, CREATE, GROUP("'requiredSynchronized':1"),
	  "{'spec':{'streamingMode':'Asynchronous'}}", "{'spec':{'streamingMode':'Synchronous'}}",
	  "spec.topology.availabilityGroup.requiredSynchronized",
	  "Invalid value: 1: has no meaning without synchronous commit (spec.streamingMode)", NULL },
	{ "election-times", ALPHA, CREATE, NULL, GROUP("'leaderElection':{'heartbeatTick':10}"),
	  GROUP("'leaderElection':{'heartbeatTick':9}"), ELECTION_PATH "electionTick",
	  "Invalid value: 10: must be greater than heartbeatTick (10)", NULL },
	{ "election-times", ALPHA, CREATE, NULL, GROUP("'leaderElection':{'period':'5.1s'}"),
	  GROUP("'leaderElection':{'period':'5s'}"), ELECTION_PATH "electionTick",
	  "Invalid value: 10: a silent primary would be taken as lost after 51s, must be at most 50s", NULL },
	{ "election-times", BETA, CREATE, NULL, "{'spec':{'leaderElection':{'leaseDurationSeconds':10}}}",
	  "{'spec':{'leaderElection':{'leaseDurationSeconds':11}}}", "spec.leaderElection.leaseDurationSeconds",
	  "Invalid value: 10: must be greater than renewDeadlineSeconds (10)", NULL },
	{ "election-times", BETA, CREATE, NULL, "{'spec':{'leaderElection':{'retryPeriodSeconds':10}}}",
	  "{'spec':{'leaderElection':{'retryPeriodSeconds':9}}}", "spec.leaderElection.renewDeadlineSeconds",
	  "Invalid value: 10: must be greater than retryPeriodSeconds (10)", NULL },
	{ "election-times", BETA, CREATE, NULL, "{'spec':{'leaderElection':{'leaseDurationSeconds':51}}}",
	  "{'spec':{'leaderElection':{'leaseDurationSeconds':50}}}", "spec.leaderElection.leaseDurationSeconds",
	  "Invalid value: 51: a silent primary would be taken as lost after 51s, must be at most 50s", NULL },
	{ "durations", ALPHA, CREATE, NULL, GROUP("'leaderElection':{'period':'0s'}"),
	  GROUP("'leaderElection':{'period':'1ms'}"), ELECTION_PATH "period",
	  "Invalid value: \"0s\": must be greater than zero", NULL },
	{ "durations", BETA, CREATE, NULL, GROUP("'leaderElection':{'transferLeadershipTimeout':'-1s'}"),
	  GROUP("'leaderElection':{'transferLeadershipTimeout':'1s'}"), ELECTION_PATH "transferLeadershipTimeout",
	  "Invalid value: \"-1s\": must be greater than zero", NULL },

	/* version */
	{ "version", ALPHA, CREATE, NULL, "{'spec':{'version':'2017'}}", "{'spec':{'version':'13.13'}}", "spec.version",
	  "Not found: \"2017\": usable versions: \"13.13\", \"2019-cu30\", \"2022-cu16\", \"2022-cu19\"", NULL },
	{ "version", BETA, CREATE, NULL, "{'spec':{'version':'2019-cu1'}}", "{'spec':{'version':'2019-cu30'}}",
	  "spec.version",
	  "Invalid value: \"2019-cu1\": this MSSQLServerVersion is deprecated; usable versions: \"13.13\", "
	  "\"2019-cu30\", \"2022-cu16\", \"2022-cu19\"",
	  NULL },
	{ "version-not-older", ALPHA, UPDATE, NULL, "{'spec':{'version':'2019-cu30'}}",
	  "{'spec':{'version':'2022-cu19'}}", "spec.version",
	  "Invalid value: \"2019-cu30\": SQL Server 2019 is older than the current 2022 (\"2022-cu16\"): its databases "
	  "cannot be opened by an older version",
	  NULL },

	/* storage */
	{ "storage", ALPHA, CREATE, NULL, "{'spec':{'storage':null}}", "{}", "spec.storage",
	  "Required value: storageType Durable needs the volume's size and class", NULL },
	{ "storage", BETA, CREATE, NULL, "{'spec':{'storage':{'resources':null}}}", "{}", SIZE_PATH,
	  "Required value: the size of each volume, such as 10Gi", NULL },
	{ "storage", ALPHA, CREATE, NULL, SIZE("0"), SIZE("1"), SIZE_PATH,
	  "Invalid value: \"0\": must be greater than zero", NULL },
	{ "storage", BETA, CREATE, NULL, "{'spec':{'storageType':'Ephemeral'}}", "{'spec':{" EPHEMERAL "}}",
	  "spec.storage", "Forbidden: storageType Ephemeral takes no storage: remove one of the two", NULL },
	{ "storage-class-exists", ALPHA, CREATE, NULL, "{'spec':{'storage':{'storageClassName':'fast'}}}",
	  "{'spec':{'storage':{'storageClassName':'fixed'}}}", NULL,
	  "spec.storage.storageClassName: StorageClass \"fast\" does not exist: pods wait for it", NULL },
	{ "storage-unchanged", ALPHA, UPDATE, NULL, "{'spec':{'storage':{'storageClassName':'fixed'}}}",
	  "{'spec':{'storage':{'storageClassName':'standard'}}}", "spec.storage.storageClassName",
	  "Forbidden: volumes keep the class that they were made with: it must stay standard", NULL },
	{ "storage-unchanged", BETA, UPDATE, NULL, "{'spec':{'storage':{'accessModes':['ReadWriteMany']}}}",
	  "{'spec':{'storage':{'accessModes':['ReadWriteOnce']}}}", "spec.storage.accessModes",
	  "Forbidden: volumes keep the access modes that they were made with", NULL },
	{ "storage-unchanged", ALPHA, UPDATE, NULL, "{'spec':{'storage':{'selector':{'matchLabels':{'a':'b'}}}}}",
	  "{'spec':{'storage':{'volumeMode':'Filesystem'}}}", "spec.storage.selector",
	  "Forbidden: volumes stay as they were made; only their size changes, through an MSSQLServerOpsRequest",
	  NULL },
	{ "storage-unchanged", BETA, UPDATE, NULL, "{'spec':{'storage':{'resources':{'limits':{'storage':'50Gi'}}}}}",
	  "{'spec':{'storage':{'resources':{'requests':{'storage':'10240Mi'}}}}}", "spec.storage.resources",
	  "Forbidden: volumes stay as they were made; only their size changes, through an MSSQLServerOpsRequest",
	  NULL },
	{ "schema", ALPHA, CREATE, NULL, "{'spec':{'storage':{'volumeMode':'Block'}}}",
	  "{'spec':{'storage':{'volumeMode':'Filesystem'}}}", "spec.storage.volumeMode",
	  "Unsupported value: \"Block\": supported values: \"Filesystem\"", NULL },
	/* Nobody asks for 30Gi yet, for 40Gi for another database, for 50Gi in another namespace; for 20Gi, but not
	   Jane. */
	{ "storage-size-unchanged", ALPHA, UPDATE, NULL, SIZE("30Gi"), SIZE("20Gi"), SIZE_PATH,
	  "Forbidden: the size changes through an MSSQLServerOpsRequest only: it is 10Gi; to make it 30Gi, apply "
	  "{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\",\"metadata\":{\"name\":"
	  "\"db-volume-expansion\",\"namespace\":\"demo\"},\"spec\":{\"type\":\"VolumeExpansion\",\"databaseRef\":{"
	  "\"name\":\"db\"},\"volumeExpansion\":{\"mode\":\"Online\",\"mssqlserver\":\"30Gi\"}}}",
	  OWN_USER },
	{ "storage-size-unchanged", ALPHA, UPDATE, NULL, SIZE("40Gi"), SIZE("20480Mi"), SIZE_PATH,
	  "Forbidden: the size changes through an MSSQLServerOpsRequest only: *", OWN_USER },
	{ "storage-size-unchanged", ALPHA, UPDATE, NULL, SIZE("50Gi"), SIZE("20Gi"), SIZE_PATH,
	  "Forbidden: the size changes through an MSSQLServerOpsRequest only: *", NULL },
	{ "storage-size-unchanged", BETA, UPDATE, NULL, SIZE("20Gi"), SIZE("10240Mi"), SIZE_PATH,
	  "Forbidden: the size changes through an MSSQLServerOpsRequest only: it is 10Gi; to make it 20Gi, apply *",
	  A_USER },
	{ "storage-size-unchanged", BETA, UPDATE, NULL, SIZE("5Gi"), SIZE("10Gi"), SIZE_PATH,
	  "Forbidden: volumes do not shrink: 5Gi is less than the current 10Gi; write 10Gi here", OWN_USER },
	{ "auto-expand", ALPHA, CREATE, NULL, "{'spec':{'autoExpand':{'by':'0','max':'50Gi'}}}",
	  "{'spec':{'autoExpand':{'by':'5Gi','max':'50Gi'}}}", "spec.autoExpand.by",
	  "Invalid value: \"0\": must be greater than zero", NULL },
	{ "auto-expand", BETA, CREATE, "{'spec':{'autoExpand':{'by':'5Gi','max':'50Gi'}}}", "{'spec':{" EPHEMERAL "}}",
	  "{}", "spec.autoExpand", "Forbidden: storageType Ephemeral has no volumes that could grow", NULL },
	{ "auto-expand", BETA, CREATE, "{'spec':{'autoExpand':{'by':'5Gi','max':'50Gi'}}}",
	  "{'spec':{'storage':{'storageClassName':'fixed'}}}", "{}", NULL,
	  "spec.autoExpand: StorageClass \"fixed\" cannot expand volumes: the policy has no effect", NULL },
	{ "halted", ALPHA, CREATE, "{'spec':{" EPHEMERAL "}}", "{'spec':{'halted':true}}", "{'spec':{'halted':false}}",
	  "spec.halted", "Forbidden: storageType Ephemeral keeps its data in the pods: it cannot be halted", NULL },
	{ "halted", BETA, CREATE, "{'spec':{" EPHEMERAL "}}", "{'spec':{'deletionPolicy':'Halt'}}",
	  "{'spec':{'deletionPolicy':'WipeOut'}}", "spec.deletionPolicy",
	  "Invalid value: \"Halt\": storageType Ephemeral has no volumes to keep: use Delete, WipeOut or "
	  "DoNotTerminate",
	  NULL },
	{ "deletion", BETA, DELETE, NULL, "{'spec':{'deletionPolicy':'DoNotTerminate'}}",
	  "{'spec':{'deletionPolicy':'Halt'}}", "spec.deletionPolicy",
	  "Forbidden: it is DoNotTerminate: set it to Delete, Halt or WipeOut before deleting the database", NULL },

	/* pods */
	{ "environment", ALPHA, CREATE, NULL, POD(ENV("MSSQL_SA_PASSWORD", "x")), POD(ENV("MSSQL_COLLATION", "x")),
	  CONTAINER_PATH "[1].env[0].name",
	  "Invalid value: \"MSSQL_SA_PASSWORD\": is set by agkeeper and cannot be given here", NULL },
	{ "environment", BETA, CREATE, NULL, POD(ENV("VERSION", "x")), POD(ENV("MY_VERSION", "x")),
	  CONTAINER_PATH "[1].env[0].name", "Invalid value: \"VERSION\": is set by agkeeper and cannot be given here",
	  NULL },
	{ "volumes", ALPHA, CREATE, NULL, POD("'volumes':[{'name':'x'},{'name':'data'}]"),
	  POD("'volumes':[{'name':'data2'}]"), "spec.podTemplate.spec.volumes[1].name",
	  "Invalid value: \"data\": is the name of a volume that agkeeper makes: choose another one", NULL },
	{ "conversion-memory", BETA, CREATE, NULL, FORGED("master"), FORGED("mine"),
	  "metadata.annotations[agkeeper.dev/conversion]",
	  "Forbidden: agkeeper writes this annotation itself; as given, it would set "
	  "spec.topology.availabilityGroup.databases[0]: Invalid value: \"master\": *",
	  NULL },
	{ "conversion-memory", BETA, UPDATE, NULL, FORGED("master"),
	  "{'metadata':{'annotations':{'agkeeper.dev/conversion':'something else'}}}",
	  "metadata.annotations[agkeeper.dev/conversion]",
	  "Forbidden: agkeeper writes this annotation itself; as given, it would set "
	  "spec.topology.availabilityGroup.databases[0]: Invalid value: \"master\": *",
	  NULL },
	{ "mount-paths", ALPHA, CREATE, NULL,
	  POD("'containers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'/var/opt/mssql/'}]}]"),
	  POD("'containers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'/var/opt/mssql/backup'}]}]"),
	  CONTAINER_PATH "[0].volumeMounts[0].mountPath",
	  "Invalid value: \"/var/opt/mssql/\": is a path that agkeeper mounts itself: choose another one", NULL },
	{ "mount-paths", ALPHA, CREATE, NULL,
	  POD("'containers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'//var/./opt/x/../mssql'}]}]"),
	  POD("'containers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'/../var/opt/mssql/../x'}]}]"),
	  CONTAINER_PATH "[0].volumeMounts[0].mountPath",
	  "Invalid value: \"//var/./opt/x/../mssql\": is a path that agkeeper mounts itself: choose another one",
	  NULL },
	{ "environment", ALPHA, CREATE, NULL, POD(ENV("ACCEPT_EULA", "N")), POD(ENV("ACCEPT_EULA", "Y")),
	  CONTAINER_PATH "[1].env[0].value",
	  "Invalid value: \"N\": must be Y: SQL Server does not start before its licence terms are accepted", NULL },
	{ "schema", ALPHA, CREATE, NULL, POD(ENV("", "x")), POD(ENV("A", "x")), CONTAINER_PATH "[1].env[0].name",
	  "Required value: must not be empty", NULL },
	{ "mount-paths", BETA, CREATE, NULL,
	  POD("'initContainers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'/scripts'}]}]"),
	  POD("'initContainers':[{'name':'a','volumeMounts':[{'name':'x','mountPath':'/script'}]}]"),
	  "spec.podTemplate.spec.initContainers[0].volumeMounts[0].mountPath",
	  "Invalid value: \"/scripts\": is a path that agkeeper mounts itself: choose another one", NULL },
	{ "resources", ALPHA, CREATE, NULL,
	  POD("'containers':[{'name':'mssql','resources':{'requests':{'cpu':'2'},'limits':{'cpu':'1'}}}]"),
	  POD("'containers':[{'name':'mssql','resources':{'requests':{'cpu':'1'},'limits':{'cpu':'1'}}}]"),
	  CONTAINER_PATH "[0].resources.requests[cpu]",
	  "Invalid value: \"2\": must be less than or equal to the cpu limit of 1", NULL },
	{ "service-ports", ALPHA, CREATE, NULL, SERVICE("'ports':[{'port':1433},{'name':'b','port':1434}]"),
	  SERVICE("'ports':[{'name':'a','port':1433},{'name':'b','port':1434}]"),
	  "spec.serviceTemplates[0].spec.ports[0].name", "Required value: several ports are told apart by their names",
	  NULL },
	{ "service-ports", ALPHA, CREATE, NULL, SERVICE("'ports':[{'port':1433,'nodePort':31433}]"),
	  SERVICE("'type':'NodePort','ports':[{'port':1433,'nodePort':31433}]"),
	  "spec.serviceTemplates[0].spec.ports[0].nodePort",
	  "Forbidden: only a Service of type NodePort or LoadBalancer has node ports", NULL },
	{ "service-ports", BETA, CREATE, NULL, SERVICE("'ports':[{'name':'a','port':1433},{'name':'b','port':1433}]"),
	  SERVICE("'ports':[{'name':'a','port':1433},{'name':'b','port':1434}]"),
	  "spec.serviceTemplates[0].spec.ports[1].port", "Duplicate value: \"1433\"", NULL },
	{ "service-ports", BETA, CREATE, NULL, SERVICE("'ports':[{'name':'a','port':1433},{'name':'a','port':1434}]"),
	  SERVICE("'ports':[{'name':'a','port':1433},{'name':'b','port':1434}]"),
	  "spec.serviceTemplates[0].spec.ports[1].name", "Duplicate value: \"a\"", NULL },
	{ "configuration", ALPHA, CREATE, NULL,
	  "{'spec':{'configSecret':{'name':'a'},'configuration':{'secretName':'b'}}}",
	  "{'spec':{'configuration':{'secretName':'b'}}}", "spec.configSecret",
	  "Forbidden: spec.configuration.secretName names a Secret for mssql.conf already: remove one of the two",
	  NULL },
	{ "unused", ALPHA, CREATE, NULL, "{'spec':{'archiver':{'pause':true}}}", "{}", NULL,
	  "spec.archiver: agkeeper takes no backups", NULL },
	{ "unused", ALPHA, CREATE, NULL, "{'spec':{'arbiter':{}}}", "{}", NULL,
	  "spec.arbiter: agkeeper needs no arbiter", NULL },
	{ "unused", ALPHA, CREATE, NULL, "{'spec':{'internalAuth':{'endpointCert':{}}}}", "{}", NULL,
	  "spec.internalAuth: agkeeper signs the endpoints' certificates itself", NULL },
	{ "unused", BETA, CREATE, NULL, "{'spec':{'init':{'script':{}}}}", "{'spec':{'init':{'initialized':true}}}",
	  NULL, "spec.init: agkeeper runs no scripts", NULL },
	{ "unused", BETA, CREATE, "{'spec':{'replicas':1,'mode':'Standalone','leaderElection':null}}", "{}",
	  "{'spec':{'databases':null}}", NULL, "spec.mode: a standalone database has no standbys", NULL },
};

/* Whether `text` is `pattern`, which may end in '*'. */
static bool matches(const char *text, const char *pattern) {
	size_t length = strlen(pattern);
	if (length > 0 && pattern[length - 1] == '*') return strncmp(text, pattern, length - 1) == 0;
	return strcmp(text, pattern) == 0;
}

static void judge(const struct test_case *test, const char *patch, const struct lookup *lookup,
                  struct findings *findings) {
	cleanup_json struct json_object *object = new_object(test->kind, test->given, patch);
	cleanup_json struct json_object *old_object =
	        new_object(test->kind, test->given, test->operation == DELETE ? patch : NULL);
	kind_judge(&(struct judgement){ .kind = test->kind,
	                                .operation = test->operation,
	                                .object = test->operation != DELETE ? object : NULL,
	                                .old_object = test->operation != CREATE ? old_object : NULL,
	                                .lookup = lookup,
	                                .user = test->user,
	                                .own_user = test->user != NULL ? OWN_USER : NULL,
	                                .unknown = UNKNOWN_REPORT },
	           findings);
}

static void expect_finding(const struct test_case *test, const struct findings *findings) {
	if (findings->count != 1) {
		judge_print(findings);
		fail_msg("%s: %s: %zu findings instead of one", test->rule, test->fires, findings->count);
	}
	const struct finding *finding = &findings->items[0];
	if (strcmp(finding->rule, test->rule) != 0 || strcmp(finding->path, test->path) != 0 ||
	    !matches(finding->body, test->body)) {
		fail_msg("%s: %s\n  is       %s: %s: %s\n  expected %s: %s", test->rule, test->fires, finding->rule,
		         finding->path, finding->body, test->path, test->body);
	}
}

static void expect_warning(const struct test_case *test, const struct findings *findings) {
	if (findings->count != 0 || findings->warning_count != 1 ||
	    strncmp(findings->warnings[0], test->body, strlen(test->body)) != 0) {
		fail_msg("%s: %s: %zu findings, %zu warnings: %s", test->rule, test->fires, findings->count,
		         findings->warning_count, findings->warning_count != 0 ? findings->warnings[0] : "");
	}
}

static void test_rules(void **state) {
	(void)state;
	const struct lookup lookup = lookup_in(&cluster);
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_findings struct findings fires = { 0 };
		judge(&cases[i], cases[i].fires, &lookup, &fires);
		if (cases[i].path != NULL) expect_finding(&cases[i], &fires);
		else expect_warning(&cases[i], &fires);

		cleanup_findings struct findings passes = { 0 };
		judge(&cases[i], cases[i].passes, &lookup, &passes);
		if (passes.count != 0 || passes.warning_count != 0) {
			fail_msg("%s: %s: %s", cases[i].rule, cases[i].passes,
			         passes.count != 0 ? passes.items[0].body : passes.warnings[0]);
		}
	}
}

static void test_every_rule_has_a_case(void **state) {
	(void)state;
	for (const struct rule *rule = mssqlserver_rules; rule->name != NULL; rule++) {
		size_t count = 0;
		for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) count += strcmp(cases[i].rule, rule->name) == 0;
		if (count == 0) fail_msg("rule %s has no case", rule->name);
		assert_non_null(rule->doc);
	}
}

/* ---- when there is nobody to ask ---- */

static const char *const versions_patch = "{'spec':{'version':'2019-cu1'}}";

static void test_offline_warns(void **state) {
	(void)state;
	cleanup_findings struct findings created = { 0 };
	judge(&(struct test_case){ .kind = ALPHA, .operation = CREATE }, versions_patch, &lookup_offline, &created);
	assert_int_equal(created.count, 0);
	assert_int_equal(created.warning_count, 1);
	assert_string_equal(created.warnings[0],
	                    "spec.version: not checked against the catalogue: there is no cluster to ask");

	cleanup_findings struct findings grown = { 0 };
	judge(&(struct test_case){ .kind = BETA, .operation = UPDATE }, SIZE("20Gi"), &lookup_offline, &grown);
	assert_int_equal(grown.count, 0);
	assert_int_equal(grown.warning_count, 1);
	assert_non_null(strstr(grown.warnings[0], "MSSQLServerOpsRequest"));
}

static void test_failing_lookup_is_no_verdict(void **state) {
	(void)state;
	struct judge_cluster away = { .asked = LOOKUP_FAILED };
	const struct lookup failing = lookup_in(&away);
	cleanup_findings struct findings findings = { 0 };
	judge(&(struct test_case){ .kind = ALPHA, .operation = CREATE }, versions_patch, &failing, &findings);
	assert_int_equal(findings.count, 0);
	assert_non_null(findings.failure);
}

/* Where the answer would only have been a warning, nobody has to wait for it. */
static void test_failing_lookup_of_a_warning_passes(void **state) {
	(void)state;
	struct judge_cluster away = { .asked = LOOKUP_FAILED };
	const struct lookup failing = lookup_in(&away);
	cleanup_findings struct findings findings = { 0 };
	judge(&(struct test_case){ .kind = ALPHA, .operation = UPDATE },
	      "{'spec':{'autoExpand':{'by':'5Gi','max':'50Gi'}}}", &failing, &findings);
	assert_int_equal(findings.count, 0);
	assert_null(findings.failure);
}

static void test_empty_catalogue_says_so(void **state) {
	(void)state;
	struct judge_cluster nothing = { 0 };
	const struct lookup empty = lookup_in(&nothing);
	cleanup_findings struct findings findings = { 0 };
	judge(&(struct test_case){ .kind = ALPHA, .operation = CREATE },
	      "{'spec':{'storage':{'storageClassName':null}}}", &empty, &findings);
	assert_int_equal(findings.count, 1);
	assert_string_equal(findings.items[0].body,
	                    "Not found: \"2022-cu16\": the cluster has no MSSQLServerVersion that may be used: apply a "
	                    "catalogue first");
}

/* A version that was deprecated, or went, after the database was made does not stand in the way of other changes. */
static void test_version_is_asked_when_it_changes(void **state) {
	(void)state;
	const struct lookup lookup = lookup_in(&cluster);
	cleanup_findings struct findings findings = { 0 };
	judge(&(struct test_case){ .kind = ALPHA, .operation = UPDATE, .given = versions_patch },
	      "{'spec':{'replicas':5}}", &lookup, &findings);
	assert_int_equal(findings.count, 0);
}

static void test_all_findings_at_once(void **state) {
	(void)state;
	const struct lookup lookup = lookup_in(&cluster);
	cleanup_findings struct findings findings = { 0 };
	judge(&(struct test_case){ .kind = BETA, .operation = CREATE },
	      "{'spec':{'version':'x','replicas':7,'databases':['master','a','A'],'storage':null,'deletionPolicy':'x'}"
	      "}",
	      &lookup, &findings);
	assert_int_equal(findings.count, 6);
}

/* ---- defaults ---- */

static const struct default_case {
	const struct kind *kind;
	const char *spec;
	const char *defaulted;
} default_cases[] = {
#define COMMON                                                                                   \
	"'storageType':'Durable','deletionPolicy':'Delete','healthChecker':{'periodSeconds':10," \
	"'timeoutSeconds':10,'failureThreshold':1}"
	{ ALPHA, "{}", "{'replicas':1," COMMON "}" },
	{ BETA, "{}", "{'replicas':1,'mode':'Standalone'," COMMON "}" },
	{ BETA, "{'replicas':3}",
	  "{'replicas':3,'mode':'StreamingReplication','standbyMode':'Warm','streamingMode':'Asynchronous'," COMMON
	  "}" },
	{ BETA, "{'replicas':3,'mode':'AvailabilityGroup','standbyMode':'Hot'}",
	  "{'replicas':3,'mode':'AvailabilityGroup','standbyMode':'Hot','streamingMode':'Synchronous'," COMMON "}" },
	{ BETA, "{'replicas':3,'mode':'DistributedAG'}", "{'replicas':3,'mode':'DistributedAG'," COMMON "}" },
	{ BETA, "{'replicas':1,'leaderElection':{}}",
	  "{'replicas':1,'mode':'Standalone','leaderElection':{'leaseDurationSeconds':15,'renewDeadlineSeconds':10,"
	  "'retryPeriodSeconds':2}," COMMON "}" },
	{ ALPHA, "{'replicas':3,'topology':{'mode':'AvailabilityGroup'}}",
	  "{'replicas':3,'topology':{'mode':'AvailabilityGroup','availabilityGroup':{'secondaryAccessMode':'Passive',"
	  "'availabilityMode':'SynchronousCommit'}}," COMMON "}" },
	{ ALPHA,
	  "{'replicas':3,'topology':{'mode':'StreamingReplication','availabilityGroup':{'secondaryAccessMode':"
	  "'ReadOnly','leaderElection':{'electionTick':20}}}}",
	  "{'replicas':3,'topology':{'mode':'StreamingReplication','availabilityGroup':{'secondaryAccessMode':"
	  "'ReadOnly','availabilityMode':'AsynchronousCommit','leaderElection':{'period':'300ms','heartbeatTick':1,"
	  "'electionTick':20}}}," COMMON "}" },
	{ ALPHA, "{'topology':{'mode':'DistributedAG'}}",
	  "{'replicas':1,'topology':{'mode':'DistributedAG'}," COMMON "}" },
	{ ALPHA, "{'podTemplate':{},'monitor':{'agent':'prometheus.io'},'autoExpand':{'by':'1Gi','max':'2Gi'}}",
	  "{'replicas':1,'podTemplate':{},'monitor':{'agent':'prometheus.io'},'autoExpand':{'atPercent':85,'by':'1Gi',"
	  "'max':'2Gi'}," COMMON "}" },
};

static void test_defaults(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(default_cases); i++) {
		cleanup_free char *object = xasprintf("{'spec':%s}", default_cases[i].spec);
		cleanup_free char *defaulted = xasprintf("{'spec':%s}", default_cases[i].defaulted);
		judge_defaults(default_cases[i].kind, object, defaulted);
	}
}

static void test_examples_are_admitted(void **state) {
	(void)state;
	judge_example(&mssqlserver_kind_v1, "ha-mssqlserver.yaml");
	judge_example(&mssqlserver_kind_v1, "hot-mssqlserver.yaml");
	judge_example(&mssqlserver_kind_v1alpha2, "mssqlserver-ag-cluster.yaml");
}

static int set_up(void **state) {
	(void)state;
	return yaml_parse(cluster_text, strlen(cluster_text), &cluster.objects, NULL);
}

static int tear_down(void **state) {
	(void)state;
	yaml_stream_free(&cluster.objects);
	return 0;
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_every_rule_has_a_case),
		cmocka_unit_test(test_offline_warns),
		cmocka_unit_test(test_failing_lookup_is_no_verdict),
		cmocka_unit_test(test_failing_lookup_of_a_warning_passes),
		cmocka_unit_test(test_empty_catalogue_says_so),
		cmocka_unit_test(test_version_is_asked_when_it_changes),
		cmocka_unit_test(test_all_findings_at_once),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_examples_are_admitted),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
