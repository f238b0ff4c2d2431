/* Status fields that SQLServerAvailabilityGroup and MSSQLServer share: what each replica was last seen doing, the
 * record of the group (the failover protocol's memory, docs/failover.md), and the last failovers.
 *
 * A text that is empty is left out: API servers of 1.20 refuse some objects over "". */
#ifndef AGKEEPER_API_GROUP_STATUS_H
#define AGKEEPER_API_GROUP_STATUS_H

#include "api/field.h"

/* status.replicaStatuses[]; its list has .list_key = "name". */
struct replica_status {
	const char *name; /* of the pod */
	const char *role;
	const char *synchronization_state;
	struct opt_bool connected;
	const char *last_hardened_lsn;
	struct opt_int lag_seconds;
	const char *last_seen_primary;
};
typedef LIST_OF(struct replica_status) replica_status_list;
extern const struct schema replica_status_schema;

/* ---- status.availabilityGroup ---- */

struct group_member {
	const char *pod;
	const char *incarnation; /* uid of the volume's claim, or of the pod */
};
struct group_database {
	const char *name;
	const char *id; /* group_database_id */
};

#define GROUP_FAILOVER  "Failover" /* kinds of intents and of failovers */
#define GROUP_HAND_OVER "HandOver"

struct group_intent {
	const char *kind;
	const char *target, *wanted; /* pods */
	const char *reason, *message;
	const char *started_at; /* MicroTime */
	struct opt_int required_synchronized;
	struct opt_bool forces;
};

struct group_record {
	struct opt_bool initialized;
	const char *group_id;
	struct opt_int epoch, generation;
	const char *holder;
	const struct group_member *primary; /* NULL: not known */
	LIST_OF(struct group_member) synchronous_set;
	struct opt_int required_synchronized;
	LIST_OF(struct group_database) databases;
	const struct group_intent *intent; /* NULL: none */
};
extern const struct schema group_record_schema;

/* ---- status.failovers[] ---- */

enum { GROUP_FAILOVERS_MAX = 10 };

#define ROWS_AT_RISK_NONE    "none"
#define ROWS_AT_RISK_UNKNOWN "unknown" /* a person allowed data loss */

struct group_failover {
	const char *from, *to; /* pods */
	const char *kind, *reason;
	const char *started_at, *finished_at; /* MicroTime */
	const char *seconds;                  /* "1.4" */
	const char *rows_at_risk;
};
typedef LIST_OF(struct group_failover) group_failover_list;
extern const struct schema group_failover_schema;

/* The rows of a status table for these members: GROUP_STATUS_ROWS(struct sqlag_status). The struct calls them
 * replica_statuses, availability_group and failovers. */
#define GROUP_STATUS_ROWS(type_)                                                                                      \
	{ MEMBER(type_, "replicaStatuses", replica_statuses), .type = FIELD_LIST,                                     \
	  LIST_ITEM(.type = FIELD_OBJECT, .flags = FIELD_PRESERVE, .schema = &replica_status_schema),                 \
	  .list_key = "name", .doc = "What each replica was last seen doing." },                                      \
	        { MEMBER(type_, "availabilityGroup", availability_group), .type = FIELD_OBJECT,                       \
		  .schema = &group_record_schema,                                                                     \
		  .doc = "The record by which the group fails over: who may hold an acknowledged commit. agkeeper's " \
		         "own, and not to be edited." },                                                              \
	{                                                                                                             \
		MEMBER(type_, "failovers", failovers),                                                                \
		        .type = FIELD_LIST, .flags = FIELD_ATOMIC,                                                    \
		        LIST_ITEM(.type = FIELD_OBJECT, .schema = &group_failover_schema),                            \
		        AT_MOST(GROUP_FAILOVERS_MAX), .doc = "The last failovers and hand-overs, the newest first."   \
	}

#endif
