#include "controller/decide/spec.h"

#include <string.h>

#include "api/kinds.h"
#include "api/mssqlserver_view.h"
#include "api/sqlag.h"
#include "base/clock.h"
#include "base/json.h"

/* A name of ours: whoever lists the endpoints of a server sees whose it is. */
static const char endpoint_name[] = "agkeeper";
enum { MSSQLSERVER_ENDPOINT_PORT = 5022 };

/* How long a planned hand-over may take where the object does not say. */
enum { TRANSFER_TIMEOUT_MS = 60 * 1000 };

/* What a silent primary has where the object says nothing: KubeDB's ten ticks of 300 ms, with streaming replication the
 * leaseDurationSeconds of v1 (REQUIREMENTS R30, R40), and of an AG failoverThresholdSeconds (R2). */
enum { TICKS_SILENCE_MS = 3 * 1000, LEASE_SILENCE_MS = 15 * 1000, THRESHOLD_SILENCE_S = 30 };

static bool is(const char *text, const char *wanted) {
	return text != NULL && strcmp(text, wanted) == 0;
}

/* The number behind a word of an enumeration; the first where there is none. */
struct word {
	const char *text;
	int value;
};
static int value_of(const struct word *words, size_t count, const char *text) {
	for (size_t i = 0; i < count; i++) {
		if (is(text, words[i].text)) return words[i].value;
	}
	return words[0].value;
}
#define VALUE_OF(words, text) value_of((words), ARRAY_LENGTH(words), (text))

static const struct word health_thresholds[] = {
	{ "system", HEALTH_SYSTEM },
	{ "resource", HEALTH_RESOURCE },
	{ "query_processing", HEALTH_QUERY_PROCESSING },
};

static const struct word deletion_policies[] = {
	{ "Delete", DELETION_DELETE },
	{ "WipeOut", DELETION_WIPE_OUT },
	{ "Halt", DELETION_HALT },
	{ "DoNotTerminate", DELETION_DO_NOT_TERMINATE },
};

/* SECONDARY_ROLE (ALLOW_CONNECTIONS = …): t-sql/statements/create-availability-group-transact-sql.md. READ_ONLY takes
 * only connections that ask for ApplicationIntent=ReadOnly. */
static const struct word access_modes[] = {
	{ "Passive", SQL_ACCESS_NO },
	{ "ReadOnly", SQL_ACCESS_READ_ONLY },
	{ "All", SQL_ACCESS_ALL },
};

/* ---- What both kinds have ---- */

static const char *name_with(struct spec *spec, const char *suffix) {
	return arena_printf(&spec->arena, "%s%s", spec->name, suffix);
}

/* By the headless Service, which publishes pods before they are ready. Without the cluster's domain: that is a setting
 * of each kubelet (--cluster-domain), which nothing tells us; the search list in a pod's resolv.conf completes it. */
static const char *endpoint_url_of(struct spec *spec, const char *pod) {
	return arena_printf(&spec->arena, "TCP://%s.%s-pods.%s.svc:%d", pod, spec->name, spec->namespace,
	                    spec->endpoint_port);
}

static struct replica_spec *add_replica(struct spec *spec) {
	struct replica_spec *replica = &spec->replicas[spec->replica_count];
	replica->pod = arena_printf(&spec->arena, "%s-%zu", spec->name, spec->replica_count);
	if (spec->is_group) replica->endpoint_url = endpoint_url_of(spec, replica->pod);
	spec->replica_count++;
	return replica;
}

static void read_databases(struct spec *spec, const string_list *databases) {
	spec->database_count = databases->count;
	spec->databases = databases->items;
}

static bool can_hand_over(const struct spec *spec) {
	return spec->is_group && spec->cluster == SQL_CLUSTER_EXTERNAL && spec->replica_count > 1;
}

/* ---- SQLServerAvailabilityGroup ---- */

static void read_sqlag_failover(struct spec *spec, const struct sqlag_automatic_failover *failover) {
	int64_t threshold = THRESHOLD_SILENCE_S;
	spec->required = -1;
	if (failover != NULL) {
		if (failover->failover_threshold_seconds.set) threshold = failover->failover_threshold_seconds.value;
		if (failover->required_synchronized.set) spec->required = (int)failover->required_synchronized.value;
		spec->health = (enum health_threshold)VALUE_OF(health_thresholds, failover->health_threshold);
		spec->fails_over = failover->enabled.value && spec->cluster == SQL_CLUSTER_EXTERNAL;
	}
	spec->silence_ms = threshold * 1000;
	spec->transfer_timeout_ms = TRANSFER_TIMEOUT_MS;
}

/* Readable is for everybody: the read-only listener leads clients there, and most of them would not know that they must
 * ask for ApplicationIntent=ReadOnly. */
static void read_sqlag_replicas(struct spec *spec, const struct sqlag_spec *given) {
	for (size_t i = 0; i < given->replicas.count; i++) {
		const struct sqlag_replica *row = &given->replicas.items[i];
		struct replica_spec *replica = add_replica(spec);
		bool is_readable = row->readable_secondary.value;
		replica->availability = sqlag_is_synchronous(row) ? SQL_SYNCHRONOUS_COMMIT : SQL_ASYNCHRONOUS_COMMIT;
		replica->access = is_readable ? SQL_ACCESS_ALL : SQL_ACCESS_NO;
		replica->is_candidate = sqlag_is_candidate(given, row);
		replica->role_label = is_readable ? "readable-secondary" : "secondary";
	}
}

/* An AG has no deletionPolicy. Retained volumes need the passwords that are in them; when the volumes go, nothing is
 * left that the Secrets could open. */
static void read_sqlag_storage(struct spec *spec, const struct sqlag_storage *storage) {
	spec->has_own_claims = true;
	spec->keeps_claims = storage == NULL || !is(storage->reclaim_policy, "Delete");
	spec->deletion = spec->keeps_claims ? DELETION_DELETE : DELETION_WIPE_OUT;
}

static int read_sqlag(struct spec *spec, struct error **err) {
	const struct sqlag_spec *given = sqlag_spec_of(spec->object);
	if (given->replicas.count == 0) return error_set(err, ERROR_INVALID, "spec.replicas: Required value");
	const struct secret_key_reference *secret = given->sa_password_secret_ref;
	spec->role_label = "sql.mssql.microsoft.com/ag-role";
	spec->is_group = true;
	spec->group = given->ag_name;
	spec->cluster = sqlag_is_external(given) ? SQL_CLUSTER_EXTERNAL : SQL_CLUSTER_NONE;
	spec->endpoint_port = (int)given->endpoint_port.value;
	spec->administrator_secret = secret != NULL ? secret->name : name_with(spec, "-sa");
	spec->administrator_key = secret != NULL && secret->key != NULL ? secret->key : "SA_PASSWORD";
	spec->makes_administrator_secret = secret == NULL;
	read_sqlag_replicas(spec, given);
	read_sqlag_failover(spec, given->automatic_failover);
	read_sqlag_storage(spec, given->storage);
	read_databases(spec, &given->databases);
	return 0;
}

/* ---- MSSQLServer ---- */

/* KubeDB names the group after the object, letters and digits only (kubedb/apimachinery,
 * MSSQLServer.AvailabilityGroupName); an object's name has nothing else in it but dashes. */
static const char *group_name(struct spec *spec) {
	char *name = arena_strdup(&spec->arena, spec->name);
	size_t length = 0;
	for (const char *c = spec->name; *c != '\0'; c++) {
		if (*c != '-') name[length++] = *c;
	}
	name[length] = '\0';
	return name;
}

static int64_t silence_of(const struct mssqlserver_view *view, bool is_streaming) {
	if (!view->has_election_time) return is_streaming ? LEASE_SILENCE_MS : TICKS_SILENCE_MS;
	__int128 ms = (view->election_ns + 999999) / 1000000;
	return ms > INT32_MAX ? INT32_MAX : (int64_t)ms;
}

static int64_t transfer_timeout_of(const struct mssqlserver_availability_group *group) {
	const struct mssqlserver_leader_election *election = group != NULL ? group->leader_election : NULL;
	if (election == NULL || election->transfer_leadership_timeout.text == NULL) return TRANSFER_TIMEOUT_MS;
	return election->transfer_leadership_timeout.nanoseconds / 1000000;
}

/* Every replica is alike. Streaming to standbys that commits do not wait for makes no candidates: what an asynchronous
 * one has is known to be all only once it was made synchronous, for a hand-over (REQUIREMENTS R41). */
static void read_mssqlserver_group(struct spec *spec, const struct mssqlserver_view *view) {
	bool is_streaming = is(view->mode, MSSQLSERVER_STREAMING_REPLICATION);
	const struct mssqlserver_availability_group *group = view->group;
	spec->is_group = true;
	spec->group = group_name(spec);
	spec->cluster = SQL_CLUSTER_EXTERNAL;
	spec->endpoint_port = MSSQLSERVER_ENDPOINT_PORT;
	spec->fails_over = true;
	spec->required =
	        group != NULL && group->required_synchronized.set ? (int)group->required_synchronized.value : -1;
	spec->silence_ms = silence_of(view, is_streaming);
	spec->transfer_timeout_ms = transfer_timeout_of(group);
	spec->takes_every_database = is_streaming && view->databases->count == 0;
	read_databases(spec, view->databases);
	for (int64_t i = 0; i < view->spec->replicas.value; i++) {
		struct replica_spec *replica = add_replica(spec);
		replica->availability = view->is_synchronous ? SQL_SYNCHRONOUS_COMMIT : SQL_ASYNCHRONOUS_COMMIT;
		replica->access =
		        (enum sql_access)VALUE_OF(access_modes, group != NULL ? group->secondary_access_mode : NULL);
		replica->is_candidate = view->is_synchronous;
		replica->role_label = is_streaming ? "replica" : "standby";
	}
}

static void read_standalone(struct spec *spec) {
	spec->required = -1;
	add_replica(spec)->role_label = "primary";
}

static void read_health_checker(struct spec *spec, const struct mssqlserver_health_checker *checker) {
	spec->checks_writes = !checker->disable_write_check.value;
	spec->check_period_ms = checker->period_seconds.value * 1000;
	spec->check_timeout_ms = checker->timeout_seconds.value * 1000;
	spec->check_failures =
	        checker->failure_threshold.value < INT32_MAX ? (int)checker->failure_threshold.value : INT32_MAX;
}

static void read_auth_secret(struct spec *spec, const struct mssqlserver_auth_secret *secret) {
	bool is_named = secret != NULL && secret->name != NULL;
	spec->administrator_secret = is_named ? secret->name : name_with(spec, "-auth");
	spec->administrator_key = "password";
	spec->makes_administrator_secret = secret == NULL || !secret->externally_managed.value;
}

static void read_tls(struct spec *spec, const struct mssqlserver_tls *tls) {
	if (tls == NULL) return;
	spec->certificate_secret = name_with(spec, "-server-cert");
	for (size_t i = 0; i < tls->certificates.count; i++) {
		const struct certificate_template *template = &tls->certificates.items[i];
		if (!is(template->alias, "server")) continue;
		if (template->secret_name != NULL) spec->certificate_secret = template->secret_name;
		spec->certificate_lifetime_s = template->duration.nanoseconds / 1000000000;
		spec->certificate_renew_before_s = template->renew_before.nanoseconds / 1000000000;
	}
}

static int read_mssqlserver(struct spec *spec, struct error **err) {
	struct mssqlserver_view view = mssqlserver_view_of(spec->kind, spec->object);
	spec->role_label = "kubedb.com/role";
	if (view.mode == NULL) return error_set(err, ERROR_INVALID, "%s: Required value", view.mode_path);
	if (is(view.mode, MSSQLSERVER_DISTRIBUTED_AG)) {
		return error_set(err, ERROR_INVALID, "%s: Unsupported value: \"%s\"", view.mode_path, view.mode);
	}
	if (mssqlserver_is_standalone(&view)) read_standalone(spec);
	else read_mssqlserver_group(spec, &view);
	spec->has_own_claims = !is(view.spec->storage_type, "Ephemeral");
	spec->is_halted = view.spec->halted.value;
	spec->deletion = (enum deletion_policy)VALUE_OF(deletion_policies, view.spec->deletion_policy);
	read_health_checker(spec, view.spec->health_checker);
	read_auth_secret(spec, view.spec->auth_secret);
	read_tls(spec, view.spec->tls);
	return 0;
}

/* ---- Either ---- */

static const struct {
	const struct kind *kind;
	int (*read)(struct spec *spec, struct error **err);
} readers[] = {
	{ &sqlag_kind_v1alpha1, read_sqlag },
	{ &mssqlserver_kind_v1alpha2, read_mssqlserver },
};

/* What the field table refuses cannot be read on: bounds and types are relied on from here. */
static int decode(struct spec *spec, struct error **err) {
	cleanup_findings struct findings findings = { 0 };
	const struct schema *schema = spec->kind->schema;
	spec->object = arena_alloc(&spec->arena, schema->size);
	schema_decode(schema, spec->completed, "", spec->object, &spec->arena, UNKNOWN_PASS, &findings);
	if (findings.count == 0) return 0;
	return error_set(err, ERROR_INVALID, "%s: %s", findings.items[0].path, findings.items[0].body);
}

static int read_metadata(struct spec *spec, struct error **err) {
	const struct json_object *metadata = json_get(spec->completed, "metadata");
	const char *created = json_get_text(metadata, "creationTimestamp");
	spec->namespace = json_get_text(metadata, "namespace");
	spec->name = json_get_text(metadata, "name");
	spec->uid = json_get_text(metadata, "uid");
	spec->generation = json_get_integer(metadata, "generation", 0);
	spec->created = created != NULL ? clock_parse_rfc3339(created) : 0;
	if (spec->namespace != NULL && spec->name != NULL && spec->uid != NULL) return 0;
	return error_set(err, ERROR_INVALID,
	                 "this is no object that a cluster holds: it has no namespace, name or uid");
}

static int read_object(struct spec *spec, int (*read)(struct spec *spec, struct error **err), struct error **err) {
	kind_set_defaults(spec->kind, spec->completed, NULL);
	json_shrink(spec->completed);
	if (read_metadata(spec, err) < 0 || decode(spec, err) < 0) return -1;
	spec->endpoint = endpoint_name;
	spec->primary_label = "primary";
	spec->own_secret = name_with(spec, "-agkeeper");
	if (read(spec, err) < 0) return -1;
	spec->hands_over = can_hand_over(spec);
	return 0;
}

int spec_read(const struct json_object *object, struct spec *spec, struct error **err) {
	*spec = (struct spec){ .kind = kind_of_object(object) };
	for (size_t i = 0; i < ARRAY_LENGTH(readers); i++) {
		if (readers[i].kind != spec->kind) continue;
		spec->completed = json_copy(object);
		int result = read_object(spec, readers[i].read, err);
		if (result < 0) spec_free(spec);
		return result;
	}
	return error_set(err, ERROR_INVALID,
	                 "apiVersion %s, kind %s: neither a SQLServerAvailabilityGroup nor an "
	                 "MSSQLServer of kubedb.com/v1alpha2",
	                 json_get_text(object, "apiVersion"), json_get_text(object, "kind"));
}

void spec_free(struct spec *spec) {
	json_object_put(spec->completed);
	arena_free(&spec->arena);
	*spec = (struct spec){ 0 };
}

int spec_find(const struct spec *spec, const char *pod) {
	for (size_t i = 0; i < spec->replica_count; i++) {
		if (is(pod, spec->replicas[i].pod)) return (int)i;
	}
	return -1;
}
