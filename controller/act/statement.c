#include "controller/act/statement.h"

#include <string.h>

#include "sql/statements.h"

/* A batch waits so long for one that an earlier leader left running. Of ours there is only one at a time. */
enum { LOCK_TIMEOUT_MS = 5000 };

/* Names on the servers. The certificate's subject names the group by uid: 64 characters are all that fit. */
#define CERTIFICATE    "agkeeper"
#define ENDPOINT_LOGIN "agkeeper_endpoint"
/* Nobody renews it yet, so it lasts as long as the short form of a date in a certificate goes (RFC 5280 section
 * 4.1.2.5: 2050 and later are written in another form). */
#define CERTIFICATE_EXPIRES "20491231"
/* One file, written anew by each backup: its only use is to begin a log chain, and names of databases are no names of
 * files. */
#define BACKUP_FILE "/var/opt/mssql/data/agkeeper-log-chain.bak"

typedef int write_statement(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err);

/* ---- Bootstrap ---- */

static int bootstrap_server(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	(void)action;
	const struct statement_secrets *secrets = context->secrets;
	cleanup_free char *subject = xasprintf("agkeeper %.55s", context->spec->uid);
	struct sql_bootstrap bootstrap = {
		.master_key_password = secrets->master_key_password,
		.endpoint_login = ENDPOINT_LOGIN,
		.endpoint_password = secrets->master_key_password, /* nobody logs in with it */
		.endpoint = context->spec->endpoint,
		.port = context->spec->endpoint_port,
		.certificate = CERTIFICATE,
		.subject = subject,
		.expires = CERTIFICATE_EXPIRES,
		.controller = CONTROLLER_LOGIN,
		.controller_password = secrets->controller_password,
	};
	if (secrets->endpoint.certificate.length > 0) {
		bootstrap.encoded = secrets->endpoint.certificate.bytes;
		bootstrap.encoded_length = secrets->endpoint.certificate.length;
		bootstrap.private_key = secrets->endpoint.private_key.bytes;
		bootstrap.private_key_length = secrets->endpoint.private_key.length;
		bootstrap.private_key_password = secrets->master_key_password;
	}
	return sql_bootstrap_server(out, &bootstrap, err);
}

static int export_certificate(struct strbuf *out, const struct action *action, const struct statement_context *context,
                              struct error **err) {
	(void)action;
	return sql_export_certificate(out, CERTIFICATE, context->secrets->master_key_password, err);
}

static int apply_password(struct strbuf *out, const struct action *action, const struct statement_context *context,
                          struct error **err) {
	(void)action;
	return sql_apply_password(out, ADMINISTRATOR_LOGIN, context->secrets->administrator_password, err);
}

/* ---- The group ---- */

static struct sql_replica replica_of(const struct replica_spec *spec, enum sql_availability availability) {
	return (struct sql_replica){ .server = spec->pod,
		                     .endpoint_url = spec->endpoint_url,
		                     .availability = availability,
		                     .access = spec->access };
}

/* Only the first replica commits synchronously, with itself: the others are raised when they have caught up. */
static int create_group(struct strbuf *out, const struct action *action, const struct statement_context *context,
                        struct error **err) {
	const struct spec *spec = context->spec;
	struct sql_replica replicas[REPLICAS_MAX];
	for (size_t i = 0; i < spec->replica_count; i++) {
		bool is_first = strcmp(spec->replicas[i].pod, action->pod) == 0;
		replicas[i] =
		        replica_of(&spec->replicas[i], is_first ? SQL_SYNCHRONOUS_COMMIT : SQL_ASYNCHRONOUS_COMMIT);
	}
	const struct sql_group group = { .name = spec->group,
		                         .cluster = spec->cluster,
		                         .db_failover = spec->cluster == SQL_CLUSTER_EXTERNAL,
		                         .replicas = replicas,
		                         .replica_count = spec->replica_count };
	if (sql_create_group(out, &group, err) != 0) return -1;
	return sql_grant_create_any_database(out, spec->group, err);
}

static int join(struct strbuf *out, const struct action *action, const struct statement_context *context,
                struct error **err) {
	(void)action;
	if (sql_join_group(out, context->spec->group, context->spec->cluster, err) != 0) return -1;
	return sql_grant_create_any_database(out, context->spec->group, err);
}

/* Statements of the group that need nothing but its name. */
#define OF_GROUP(name_, sql_)                                                                                      \
	static int name_(struct strbuf *out, const struct action *action, const struct statement_context *context, \
	                 struct error **err) {                                                                     \
		(void)action;                                                                                      \
		return sql_(out, context->spec->group, err);                                                       \
	}
OF_GROUP(become_secondary, sql_become_secondary)
OF_GROUP(offline, sql_offline)
OF_GROUP(drop_group, sql_drop_group)
#undef OF_GROUP

static int promote(struct strbuf *out, const struct action *action, const struct statement_context *context,
                   struct error **err) {
	return sql_promote(out, context->spec->group, action->text, err);
}

static int promote_started(struct strbuf *out, const struct action *action, const struct statement_context *context,
                           struct error **err) {
	return sql_promote_started(out, context->spec->group, action->text, context->spec->endpoint, err);
}

static int force_promote(struct strbuf *out, const struct action *action, const struct statement_context *context,
                         struct error **err) {
	return sql_force_promote(out, context->spec->group, action->text, context->spec->endpoint, err);
}

static int set_required(struct strbuf *out, const struct action *action, const struct statement_context *context,
                        struct error **err) {
	return sql_set_required(out, context->spec->group, (int)action->number, err);
}

static int set_availability(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	return sql_set_availability(out, context->spec->group, action->peer, (enum sql_availability)action->number,
	                            err);
}

static int set_access(struct strbuf *out, const struct action *action, const struct statement_context *context,
                      struct error **err) {
	return sql_set_access(out, context->spec->group, action->peer, (enum sql_access)action->number, err);
}

static int set_endpoint_url(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	return sql_set_endpoint_url(out, context->spec->group, action->peer, action->text, err);
}

static int set_db_failover(struct strbuf *out, const struct action *action, const struct statement_context *context,
                           struct error **err) {
	return sql_set_db_failover(out, context->spec->group, action->number != 0, err);
}

static int add_replica(struct strbuf *out, const struct action *action, const struct statement_context *context,
                       struct error **err) {
	int place = spec_find(context->spec, action->peer);
	if (place < 0) return error_set(err, ERROR_INVALID, "%s is no replica of this object", action->peer);
	const struct sql_replica replica = replica_of(&context->spec->replicas[place], SQL_ASYNCHRONOUS_COMMIT);
	return sql_add_replica(out, context->spec->group, context->spec->cluster, &replica, err);
}

static int remove_replica(struct strbuf *out, const struct action *action, const struct statement_context *context,
                          struct error **err) {
	return sql_remove_replica(out, context->spec->group, action->peer, err);
}

/* ---- Endpoints and databases ---- */

static int stop_endpoint(struct strbuf *out, const struct action *action, const struct statement_context *context,
                         struct error **err) {
	(void)action;
	return sql_set_endpoint_state(out, context->spec->endpoint, false, err);
}

static int start_endpoint(struct strbuf *out, const struct action *action, const struct statement_context *context,
                          struct error **err) {
	(void)action;
	return sql_set_endpoint_state(out, context->spec->endpoint, true, err);
}

static int restart_endpoint(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	if (stop_endpoint(out, action, context, err) != 0) return -1;
	return start_endpoint(out, action, context, err);
}

static int create_database(struct strbuf *out, const struct action *action, const struct statement_context *context,
                           struct error **err) {
	(void)context;
	if (sql_create_database(out, action->text, err) != 0) return -1;
	return sql_set_recovery_full(out, action->text, err);
}

static int set_recovery_full(struct strbuf *out, const struct action *action, const struct statement_context *context,
                             struct error **err) {
	(void)context;
	return sql_set_recovery_full(out, action->text, err);
}

static int backup_database(struct strbuf *out, const struct action *action, const struct statement_context *context,
                           struct error **err) {
	(void)context;
	return sql_backup_database(out, action->text, BACKUP_FILE, err);
}

static int add_database(struct strbuf *out, const struct action *action, const struct statement_context *context,
                        struct error **err) {
	return sql_add_database(out, context->spec->group, action->text, err);
}

static int drop_database(struct strbuf *out, const struct action *action, const struct statement_context *context,
                         struct error **err) {
	(void)context;
	return sql_drop_leftover(out, action->text, err);
}

static int suspend_movement(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	(void)context;
	return sql_set_movement(out, action->text, false, err);
}

static int resume_movement(struct strbuf *out, const struct action *action, const struct statement_context *context,
                           struct error **err) {
	(void)context;
	return sql_set_movement(out, action->text, true, err);
}

static int create_system_database(struct strbuf *out, const struct action *action,
                                  const struct statement_context *context, struct error **err) {
	(void)action, (void)context;
	return sql_create_kubedb_system(out, err);
}

static int write_check(struct strbuf *out, const struct action *action, const struct statement_context *context,
                       struct error **err) {
	(void)context;
	if (action->number != 0 && sql_create_kubedb_system(out, err) != 0) return -1;
	return sql_write_check(out, err);
}

/* ---- The fence ---- */

static int raise_generation(struct strbuf *out, const struct action *action, const struct statement_context *context,
                            struct error **err) {
	(void)context;
	return sql_raise_generation(out, action->number, LOCK_TIMEOUT_MS, err);
}

/* ---- The table ---- */

enum {
	SHORT_MS = 15000,        /* it waits for the lock, and for its own work */
	LONG_MS = 60000,         /* it may wait for recovery, for a configuration's commit, or for files to be made */
	BACKUP_MS = 30 * 60000,  /* a user's database of any size */
	BOOTSTRAP_MS = 2 * 60000 /* keys are generated */
};
enum { SECRET = 1, FENCED = 2 };

/* FENCED here is only what action_rows does not say: a change that sa makes. */
static const struct {
	write_statement *write;
	int64_t timeout_ms;
	int flags;
} rows[ACTION_TYPES] = {
	[ACTION_BOOTSTRAP_SERVER] = { bootstrap_server, BOOTSTRAP_MS, SECRET },
	[ACTION_EXPORT_CERTIFICATE] = { export_certificate, SHORT_MS, SECRET },
	[ACTION_APPLY_PASSWORD] = { apply_password, SHORT_MS, SECRET },
	[ACTION_CREATE_GROUP] = { create_group, LONG_MS, FENCED },
	[ACTION_CREATE_SYSTEM_DATABASE] = { create_system_database, LONG_MS, 0 },
	[ACTION_RAISE_GENERATION] = { raise_generation, SHORT_MS, 0 },
	[ACTION_STOP_ENDPOINT] = { stop_endpoint, SHORT_MS, 0 },
	[ACTION_START_ENDPOINT] = { start_endpoint, SHORT_MS, 0 },
	[ACTION_RESTART_ENDPOINT] = { restart_endpoint, SHORT_MS, 0 },
	[ACTION_PROMOTE] = { promote, LONG_MS, 0 },
	[ACTION_PROMOTE_STARTED] = { promote_started, LONG_MS, 0 },
	[ACTION_FORCE_PROMOTE] = { force_promote, LONG_MS, 0 },
	[ACTION_JOIN] = { join, LONG_MS, 0 },
	[ACTION_BECOME_SECONDARY] = { become_secondary, LONG_MS, 0 },
	[ACTION_OFFLINE] = { offline, LONG_MS, 0 },
	[ACTION_DROP_GROUP] = { drop_group, LONG_MS, 0 },
	[ACTION_SET_REQUIRED] = { set_required, LONG_MS, 0 },
	[ACTION_SET_AVAILABILITY] = { set_availability, LONG_MS, 0 },
	[ACTION_SET_ACCESS] = { set_access, LONG_MS, 0 },
	[ACTION_SET_ENDPOINT_URL] = { set_endpoint_url, LONG_MS, 0 },
	[ACTION_SET_DB_FAILOVER] = { set_db_failover, LONG_MS, 0 },
	[ACTION_ADD_REPLICA] = { add_replica, LONG_MS, 0 },
	[ACTION_REMOVE_REPLICA] = { remove_replica, LONG_MS, 0 },
	[ACTION_CREATE_DATABASE] = { create_database, LONG_MS, 0 },
	[ACTION_SET_RECOVERY_FULL] = { set_recovery_full, SHORT_MS, 0 },
	[ACTION_BACKUP_DATABASE] = { backup_database, BACKUP_MS, 0 },
	[ACTION_BACKUP_OTHERS_DATABASE] = { backup_database, BACKUP_MS, 0 },
	[ACTION_ADD_DATABASE] = { add_database, LONG_MS, 0 },
	[ACTION_DROP_DATABASE] = { drop_database, LONG_MS, 0 },
	[ACTION_SUSPEND_MOVEMENT] = { suspend_movement, SHORT_MS, 0 },
	[ACTION_RESUME_MOVEMENT] = { resume_movement, SHORT_MS, 0 },
	[ACTION_WRITE_CHECK] = { write_check, SHORT_MS, 0 },
};

static bool is_fenced(enum action_type type) {
	return action_rows[type].session == SESSION_FENCED || rows[type].flags & FENCED;
}

struct statement_terms statement_terms(enum action_type type) {
	return (struct statement_terms){ .timeout_ms = rows[type].timeout_ms,
		                         .is_secret = rows[type].flags & SECRET,
		                         .is_changing = is_fenced(type) };
}

int statement_of(const struct action *action, const struct statement_context *context, struct strbuf *text,
                 struct error **err) {
	cleanup_strbuf struct strbuf batch = { 0 };
	enum action_type type = action->type;
	if (type >= ACTION_TYPES || rows[type].write == NULL)
		return error_set(err, ERROR_INTERNAL, "no statement for an action of type %d", (int)type);
	if (is_fenced(type) && sql_begin_change(&batch, context->record->generation, LOCK_TIMEOUT_MS, err) != 0)
		return -1;
	if (rows[type].write(&batch, action, context, err) != 0) return error_prefix(err, "%s", action_rows[type].name);
	if (is_fenced(type) && sql_end_change(&batch, err) != 0) return -1;
	strbuf_append_n(text, batch.data, batch.length);
	return 0;
}

int statement_certificate(const struct sql_results *results, struct arena *arena, struct endpoint_certificate *endpoint,
                          struct error **err) {
	static const struct sql_column columns[] = {
		{ SQL_MEMBER(struct endpoint_certificate, "certificate", certificate), .type = SQL_COLUMN_BYTES,
		  .nullable = true },
		{ SQL_MEMBER(struct endpoint_certificate, "private_key", private_key), .type = SQL_COLUMN_BYTES,
		  .nullable = true },
		{ 0 },
	};
	void *found;
	size_t count;
	if (results->set_count != 1)
		return error_set(err, ERROR_INVALID, "the certificate was not answered with one result set");
	if (sql_rows_read(&results->sets[0], columns, sizeof(struct endpoint_certificate), arena, &found, &count,
	                  err) != 0)
		return -1;
	const struct endpoint_certificate *row = found;
	if (count != 1 || row->certificate.length == 0)
		return error_set(err, ERROR_INVALID, "the server has no certificate \"%s\"", CERTIFICATE);
	if (row->private_key.length == 0)
		return error_set(err, ERROR_INVALID, "the server does not give the private key of certificate \"%s\"",
		                 CERTIFICATE);
	*endpoint = *row;
	return 0;
}
