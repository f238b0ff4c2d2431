/* What an object asks for, in the words that both kinds share: from here on nobody asks which kind it is. */
#ifndef AGKEEPER_CONTROLLER_DECIDE_SPEC_H
#define AGKEEPER_CONTROLLER_DECIDE_SPEC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/kind.h"
#include "base/error.h"
#include "base/memory.h"
#include "sql/statements.h"

enum { REPLICAS_MAX = 9 }; /* SQL Server's own limit: one primary and eight secondaries */

/* automaticFailover.healthThreshold: the worst component that counts (sp_server_diagnostics). */
enum health_threshold { HEALTH_SYSTEM, HEALTH_RESOURCE, HEALTH_QUERY_PROCESSING };
enum deletion_policy { DELETION_DELETE, DELETION_WIPE_OUT, DELETION_HALT, DELETION_DO_NOT_TERMINATE };

/* replicas[i] is pod <name>-<i>. */
struct replica_spec {
	const char *pod;
	const char *endpoint_url; /* TCP://<pod>.<name>-pods.<namespace>.svc:5022 */
	enum sql_availability availability;
	enum sql_access access; /* as a secondary */
	bool is_candidate;      /* may be promoted by itself: synchronous, automatic */
	const char *role_label; /* value of the role label while it is no primary */
};

struct spec {
	const struct kind *kind;
	const char *namespace, *name, *uid;
	int64_t generation; /* metadata.generation */
	int64_t created;    /* seconds since 1970 */

	size_t replica_count;
	struct replica_spec replicas[REPLICAS_MAX];
	bool is_halted;      /* no pods */
	bool has_own_claims; /* data lives in PVCs data-<pod> (else it goes with the pod) */
	enum deletion_policy deletion;
	bool keeps_claims; /* reclaimPolicy Retain of the AG */

	/* ---- the group ---- */
	bool is_group;     /* else standalone: none of the following */
	const char *group; /* its name in SQL Server */
	enum sql_cluster cluster;
	const char *endpoint; /* names in SQL Server */
	int endpoint_port;
	bool fails_over; /* by itself */
	bool hands_over; /* a planned hand-over is possible (EXTERNAL, more than one replica) */
	int required;    /* relaxed: the number asked for; -1: strict */
	size_t database_count;
	const char **databases;      /* to be created and joined */
	bool takes_every_database;   /* streaming without names: every user database joins */
	int64_t silence_ms;          /* after which a silent or unwell primary is taken as lost */
	int64_t transfer_timeout_ms; /* of a planned hand-over */
	enum health_threshold health;
	const char *primary_label; /* value of the role label on the primary: "primary" */

	/* ---- health checks of an MSSQLServer ---- */
	bool checks_writes; /* in kubedb_system on the primary */
	int64_t check_period_ms, check_timeout_ms;
	int check_failures; /* in a row, to be not ready */

	/* ---- Secrets, by name ---- */
	const char *administrator_secret; /* with sa's password */
	const char *administrator_key;
	bool makes_administrator_secret;
	const char *own_secret; /* <name>-agkeeper: what the controller itself logs in with, and the endpoints'
	                           certificate */

	const char *certificate_secret; /* with what SQL Server shows its clients; NULL: it makes its own */
	int64_t certificate_lifetime_s, certificate_renew_before_s; /* 0: as usual */

	const char *role_label; /* key of the label on pods */
	struct arena arena;
	void *object;                  /* decoded: struct sqlag or struct mssqlserver */
	struct json_object *completed; /* owned: the object with its defaults, from which `object` was decoded */
};

/* Reads a SQLServerAvailabilityGroup or an MSSQLServer (v1alpha2). It keeps a copy of `object` with the defaults that
 * it lacks, and borrows nothing. ERROR_INVALID: it is neither, or not one that admission
 * would have let through. */
int spec_read(const struct json_object *object, struct spec *spec, struct error **err);
void spec_free(struct spec *spec);
#define cleanup_spec __attribute__((cleanup(spec_free)))

/* The place of a pod among the replicas, -1 when it is none of them. */
int spec_find(const struct spec *spec, const char *pod);

#endif
