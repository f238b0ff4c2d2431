/* MSSQLServerOpsRequest (ops.kubedb.com/v1alpha1): one operation on an MSSQLServer, carried out once.
 *
 * KubeDB's types and their own blocks are all recognised; VolumeExpansion is the one that agkeeper carries out. The
 * table is in opsrequest.c, the rules beyond it in opsrequest_rules.c. */
#ifndef AGKEEPER_API_OPSREQUEST_H
#define AGKEEPER_API_OPSREQUEST_H

#include "api/embedded.h"
#include "api/kind.h"

struct volume_expansion {
	const char *mode;                /* Online or Offline */
	struct opt_quantity mssqlserver; /* the new size of each volume */
};

struct opsrequest_spec {
	const char *type;
	const struct local_reference *database_ref;
	const struct volume_expansion *volume_expansion;
	/* The blocks of the types that are not supported yet, as they were written. */
	const struct json_object *update_version;
	const struct json_object *horizontal_scaling;
	const struct json_object *vertical_scaling;
	const struct json_object *configuration;
	const struct json_object *tls;
	const struct json_object *authentication;
	const struct json_object *restart;
	const struct json_object *migration;
	struct opt_duration timeout; /* of each step */
	const char *apply;           /* IfReady or Always */
	struct opt_int max_retries;
};

struct opsrequest_status {
	const char *phase; /* NULL: nobody has looked at it yet, which counts as Pending */
	const char *progress;
	struct opt_int observed_generation;
	condition_list conditions;
};

struct opsrequest {
	const char *api_version;
	const char *kind;
	const struct object_meta *metadata;
	const struct opsrequest_spec *spec;
	const struct opsrequest_status *status;
};

extern const struct kind opsrequest_kind_v1alpha1;
extern const struct rule opsrequest_rules[];

/* The types of KubeDB, NULL-terminated. */
extern const char *const opsrequest_types[];
/* Whether a request in this phase is over: Successful or Failed. */
bool opsrequest_is_over(const char *phase);

#endif
