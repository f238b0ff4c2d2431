/* All the T-SQL that this project speaks, each statement once.
 *
 * A function appends one statement (with its line end) to `out`, from typed parameters, and returns 0; or appends
 * nothing and returns -1 when a parameter cannot be written (sql/quote.h). test/unit/sql_statements.golden.sql shows
 * every one of them as a server sees it. Documents named in comments are those of MicrosoftDocs/sql-docs, below docs/.
 *
 * Who runs what: "sa" marks what bootstrap does once as sa; everything else runs as the controller's own login. */
#ifndef AGKEEPER_SQL_STATEMENTS_H
#define AGKEEPER_SQL_STATEMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/strbuf.h"

/* ---- bootstrap (sql/bootstrap.c) ----
 *
 * All servers of a group share one certificate, with its private key, as Microsoft's guide for Linux has it
 * (linux/includes/cluster-availability-group-create-prereq.md): the first server makes it, sql_export_certificate reads
 * it there, and the others get it with their bootstrap. So a server needs nothing of any other, and one whose volume
 * is new comes back under the same certificate. */

struct sql_bootstrap {
	const char *master_key_password;
	/* Owns the certificate; whoever shows the certificate may connect to the endpoint as this login. */
	const char *endpoint_login, *endpoint_password;
	const char *endpoint;
	int port;
	const char *certificate;       /* its name, the same on all servers */
	const char *subject, *expires; /* of a new one: at most 64 characters; "20361122" */
	/* What was exported; encoded NULL: the server makes one when it has none. */
	const void *encoded, *private_key;
	size_t encoded_length, private_key_length;
	const char *private_key_password; /* that it was exported with */
	/* The login that does all the rest, with the rights in sql/bootstrap.c and no others. */
	const char *controller, *controller_password;
};
/* sa, in a batch of its own, which may be interrupted anywhere and repeated. A certificate that differs from the given
 * one is replaced, and a new password of the controller is set. It is over when the controller's probe shows a
 * generation. The batch is secret. */
int sql_bootstrap_server(struct strbuf *out, const struct sql_bootstrap *bootstrap, struct error **err);
/* sa. One row: certificate and private_key (encrypted with `password`) as binary; NULL: there is none. The batch is
 * secret. */
int sql_export_certificate(struct strbuf *out, const char *certificate, const char *password, struct error **err);
/* As the login itself, or as sa. The batch is secret; sessions that are open stay. */
int sql_apply_password(struct strbuf *out, const char *login, const char *password, struct error **err);

/* ---- the group (sql/group.c) ---- */

enum sql_cluster { SQL_CLUSTER_EXTERNAL, SQL_CLUSTER_NONE };
enum sql_availability { SQL_SYNCHRONOUS_COMMIT, SQL_ASYNCHRONOUS_COMMIT };
enum sql_access { SQL_ACCESS_NO, SQL_ACCESS_READ_ONLY, SQL_ACCESS_ALL };

struct sql_replica {
	const char *server;       /* @@SERVERNAME of the replica: the pod's short host name */
	const char *endpoint_url; /* TCP://fqdn:5022 */
	enum sql_availability availability;
	enum sql_access access; /* as a secondary */
};
struct sql_group {
	const char *name;
	enum sql_cluster cluster;
	bool db_failover;
	int required;                       /* REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT */
	int write_lease_validity;           /* seconds; 0: without an external lease */
	const struct sql_replica *replicas; /* the one that runs the statement among them */
	size_t replica_count;
};
/* sa: CREATE asks for sysadmin (t-sql/statements/create-availability-group-transact-sql.md, Permissions). In a batch of
 * its own; does nothing when the server has a group of this name. */
int sql_create_group(struct strbuf *out, const struct sql_group *group, struct error **err);
int sql_join_group(struct strbuf *out, const char *group, enum sql_cluster cluster, struct error **err);
/* Lets automatic seeding create databases on this replica while it is a secondary: for the first primary too
 * (linux/business-continuity/availability-groups/configure.md). */
int sql_grant_create_any_database(struct strbuf *out, const char *group, struct error **err);
/* RESOLVING → SECONDARY. Not while no primary exists: a later FAILOVER would wait behind the recovery. */
int sql_become_secondary(struct strbuf *out, const char *group, struct error **err);
/* Makes this secondary (or resolving) replica the primary, without data loss or not at all (Msg 41142). Returns before
 * the role has changed: probe. */
int sql_failover(struct strbuf *out, const char *group, struct error **err);
/* The same on a replica that was fenced before: throws SQL_MSG_UNFENCED unless its mirroring endpoint is still stopped
 * and its process is the one that was started at `start_time` (struct sql_instance_row). Between sql_begin_change and
 * sql_end_change. */
int sql_promote(struct strbuf *out, const char *group, const char *start_time, struct error **err);
/* The same where FAILOVER wants the mirroring endpoint running (Msg 41144): it is started in the same batch, after the
 * look and right before. */
int sql_promote_started(struct strbuf *out, const char *group, const char *start_time, const char *endpoint,
                        struct error **err);
/* The same with FORCE_FAILOVER_ALLOW_DATA_LOSS, the endpoint started: what a person has asked for, and nobody else. */
int sql_force_promote(struct strbuf *out, const char *group, const char *start_time, const char *endpoint,
                      struct error **err);
int sql_offline(struct strbuf *out, const char *group, struct error **err);
/* On a secondary: only its own membership goes, its databases stay RESTORING. On the primary: the whole group. */
int sql_drop_group(struct strbuf *out, const char *group, struct error **err);

/* On the primary. */
int sql_add_replica(struct strbuf *out, const char *group, enum sql_cluster cluster, const struct sql_replica *replica,
                    struct error **err);
int sql_remove_replica(struct strbuf *out, const char *group, const char *server, struct error **err);
int sql_set_availability(struct strbuf *out, const char *group, const char *server, enum sql_availability availability,
                         struct error **err);
int sql_set_access(struct strbuf *out, const char *group, const char *server, enum sql_access access,
                   struct error **err);
int sql_set_endpoint_url(struct strbuf *out, const char *group, const char *server, const char *url,
                         struct error **err);
int sql_set_session_timeout(struct strbuf *out, const char *group, const char *server, int seconds, struct error **err);
int sql_set_required(struct strbuf *out, const char *group, int required, struct error **err);
int sql_set_db_failover(struct strbuf *out, const char *group, bool on, struct error **err);
/* Renews the external lease (Msg 47116: the group has none; 47119: the current one runs longer). */
int sql_set_write_lease(struct strbuf *out, const char *group, int seconds, struct error **err);
int sql_add_database(struct strbuf *out, const char *group, const char *database, struct error **err);
int sql_remove_database(struct strbuf *out, const char *group, const char *database, struct error **err);

/* ---- endpoints and databases (sql/database.c) ---- */

/* Stopping the mirroring endpoint fences a replica: it neither sends nor receives log. */
int sql_set_endpoint_state(struct strbuf *out, const char *endpoint, bool started, struct error **err);
int sql_create_database(struct strbuf *out, const char *database, struct error **err);
int sql_set_recovery_full(struct strbuf *out, const char *database, struct error **err);
/* A full backup, which begins the log chain. */
int sql_backup_database(struct strbuf *out, const char *database, const char *file, struct error **err);
int sql_drop_database(struct strbuf *out, const char *database, struct error **err);
/* A copy that no group has and that nothing is lost with: one that was being restored, or one without a table; else
 * THROWs SQL_MSG_HOLDS_DATA. A database that the login cannot look into counts as full. */
int sql_drop_leftover(struct strbuf *out, const char *database, struct error **err);
/* On a secondary: its copy of the database leaves the group and stays RESTORING; then it may be dropped. */
int sql_leave_group(struct strbuf *out, const char *database, struct error **err);
/* Movement of a database's log on this replica. */
int sql_set_movement(struct strbuf *out, const char *database, bool resumed, struct error **err);

/* A database outside of the group, on every primary, to see whether the server can commit. Made by the controller's
 * login, which owns it. Recovery model SIMPLE: its log does not grow. In a batch of its own. */
#define SQL_SYSTEM_DATABASE "kubedb_system"
int sql_create_kubedb_system(struct strbuf *out, struct error **err);
/* Writes the one row there and reads it back: one row, column `checks`, which counts. A volume that is full is not
 * found by this (the row needs no new room): the probe shows volumes. */
int sql_write_check(struct strbuf *out, struct error **err);

/* ---- the fence (sql/generation.c) ----
 *
 * Each server keeps the number of the leader that may change it. A leader raises it once; then every batch that changes
 * something stands between begin and end, holds an exclusive lock while it runs, and throws SQL_MSG_STALE when the
 * number is not its own. So a statement of an earlier leader, however late it arrives, changes nothing, and a raise
 * that has succeeded has waited for the last one. An error leaves the session's lock behind: close the session after a
 * failed batch (sql/session.h does). T-SQL goes on with the next statement after one that failed, unless it was a
 * THROW: where one must not follow another's failure, they are two batches. */
enum {
	SQL_MSG_STALE = 51001,      /* another generation is in force (THROW takes numbers from 50000 on) */
	SQL_MSG_LOCKED = 51002,     /* a batch of another session holds the lock */
	SQL_MSG_HOLDS_DATA = 51004, /* the database has tables: nothing was dropped */
	SQL_MSG_UNFENCED = 51003    /* the endpoint runs, or the process is another one: nothing was promoted */
};
/* One row, column `generation`: what is now in force, `generation` or more. */
int sql_raise_generation(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err);
int sql_begin_change(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err);
int sql_end_change(struct strbuf *out, struct error **err);

/* ---- health (sql/stream.c reads it) ---- */

/* The components' data is long, and not read: a session that streams cuts it off. */
int sql_cut_texts(struct strbuf *out, struct error **err);
/* A result set per interval of at least 5 seconds, until the session ends; the first takes about 5 s
 * (relational-databases/system-stored-procedures/sp-server-diagnostics-transact-sql.md). */
int sql_stream_diagnostics(struct strbuf *out, int seconds, struct error **err);

/* ---- observation (sql/probe.c): the result sets of sql/observation.h, in one round trip ---- */
int sql_probe(struct strbuf *out, const char *group, struct error **err);

#endif
