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

/* ---- bootstrap (sql/bootstrap.c): certificates, logins, the endpoint. All may be repeated. ---- */

/* sa. Bootstrap needs it: certificates with a private key are protected by it. */
int sql_create_master_key(struct strbuf *out, const char *password, struct error **err);
/* sa. The server's own certificate for its mirroring endpoint. `expires`: "20361122". */
int sql_create_certificate(struct strbuf *out, const char *certificate, const char *subject, const char *expires,
                           struct error **err);
/* sa. One row, column `certificate`: its public part as binary. */
int sql_read_certificate(struct strbuf *out, const char *certificate, struct error **err);
/* sa. What lets another replica in: a login (its password is never used), a user, and the certificate it owns. */
struct sql_peer {
	const char *login, *password, *user, *certificate;
	const void *encoded; /* what sql_read_certificate gave on the peer */
	size_t encoded_length;
};
int sql_create_peer(struct strbuf *out, const struct sql_peer *peer, struct error **err);
/* sa. Replaces the certificate of a peer whose volume, and with it its key, is new. */
int sql_replace_peer_certificate(struct strbuf *out, const struct sql_peer *peer, struct error **err);
/* sa. STATE = STARTED, authentication by certificate, AES. */
int sql_create_endpoint(struct strbuf *out, const char *endpoint, int port, const char *certificate,
                        struct error **err);
/* sa. */
int sql_grant_endpoint(struct strbuf *out, const char *endpoint, const char *login, struct error **err);
/* sa. The controller's login, with the rights in sql/bootstrap.c and no others; sets the password when the login is
 * there already. */
int sql_create_controller(struct strbuf *out, const char *login, const char *password, struct error **err);
/* sa. A user's own new password, applied to `login`. */
int sql_change_password(struct strbuf *out, const char *login, const char *password, struct error **err);
/* sa. The table of the fence (below), with generation 0. */
int sql_create_generation(struct strbuf *out, const char *controller, struct error **err);

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
/* sa: CREATE asks for sysadmin (t-sql/statements/create-availability-group-transact-sql.md, Permissions). */
int sql_create_group(struct strbuf *out, const struct sql_group *group, struct error **err);
int sql_join_group(struct strbuf *out, const char *group, enum sql_cluster cluster, struct error **err);
/* Lets automatic seeding create databases on this secondary. */
int sql_grant_create_any_database(struct strbuf *out, const char *group, struct error **err);
/* RESOLVING → SECONDARY. Not while no primary exists: a later FAILOVER would wait behind the recovery. */
int sql_become_secondary(struct strbuf *out, const char *group, struct error **err);
/* Makes this secondary (or resolving) replica the primary, without data loss or not at all (Msg 41142). Returns before
 * the role has changed: probe. */
int sql_failover(struct strbuf *out, const char *group, struct error **err);
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
/* Movement of a database's log on this replica. */
int sql_set_movement(struct strbuf *out, const char *database, bool resumed, struct error **err);

/* ---- the fence (sql/generation.c) ----
 *
 * Each server keeps the number of the leader that may change it. A leader raises it once; then every batch that changes
 * something stands between begin and end, holds an exclusive lock while it runs, and throws SQL_MSG_STALE when the
 * number is not its own. So a statement of an earlier leader, however late it arrives, changes nothing, and a raise
 * that has succeeded has waited for the last one. An error leaves the session's lock behind: close the session after a
 * failed batch (sql/session.h does). */
enum {
	SQL_MSG_STALE = 51001, /* another generation is in force (THROW takes numbers from 50000 on) */
	SQL_MSG_LOCKED = 51002 /* a batch of another session holds the lock */
};
/* One row, column `generation`: what is now in force, `generation` or more. */
int sql_raise_generation(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err);
int sql_begin_change(struct strbuf *out, int64_t generation, int lock_timeout_ms, struct error **err);
int sql_end_change(struct strbuf *out, struct error **err);

/* ---- observation (sql/probe.c): the result sets of sql/observation.h, in one round trip ---- */
int sql_probe(struct strbuf *out, const char *group, struct error **err);

#endif
