#include "api/group_status.h"

static const struct field replica_status_fields[] = {
	{ MEMBER(struct replica_status, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  .doc = "Name of the replica's pod." },
	{ MEMBER(struct replica_status, "role", role), .type = FIELD_STRING,
	  .doc = "PRIMARY, SECONDARY or RESOLVING, as SQL Server says." },
	{ MEMBER(struct replica_status, "synchronizationState", synchronization_state), .type = FIELD_STRING,
	  .doc = "The least of its databases' states: SYNCHRONIZED, SYNCHRONIZING, NOT SYNCHRONIZING …" },
	{ MEMBER(struct replica_status, "connected", connected), .type = FIELD_BOOL,
	  .doc = "Whether it is connected to the primary." },
	{ MEMBER(struct replica_status, "lastHardenedLSN", last_hardened_lsn), .type = FIELD_STRING,
	  .doc = "How far its log is on disk." },
	{ MEMBER(struct replica_status, "lagSeconds", lag_seconds), .type = FIELD_INT,
	  .doc = "How far it is behind the primary." },
	{ MEMBER(struct replica_status, "lastSeenPrimary", last_seen_primary), .type = FIELD_TIME,
	  .doc = "When it was last connected to a healthy primary." },
	{ 0 },
};
const struct schema replica_status_schema = { .size = sizeof(struct replica_status), .fields = replica_status_fields };

/* ---- the record ---- */

static const struct field member_fields[] = {
	{ MEMBER(struct group_member, "pod", pod), .type = FIELD_STRING, .flags = FIELD_REQUIRED, BOUNDS(1, 253),
	  .doc = "Name of the replica's pod." },
	{ MEMBER(struct group_member, "incarnation", incarnation), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  BOUNDS(1, 253),
	  .doc = "What tells its data from that of another replica of the same name: the uid of its volume's claim, or "
	         "of its pod." },
	{ 0 },
};
static const struct schema member_schema = { .size = sizeof(struct group_member), .fields = member_fields };

static const struct field database_fields[] = {
	{ MEMBER(struct group_database, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_LEAST(1),
	  .doc = "Name of the database." },
	{ MEMBER(struct group_database, "id", id), .type = FIELD_STRING, .flags = FIELD_REQUIRED, AT_LEAST(1),
	  .doc = "Its group_database_id in SQL Server." },
	{ 0 },
};
static const struct schema database_schema = { .size = sizeof(struct group_database), .fields = database_fields };

static const struct field intent_fields[] = {
	{ MEMBER(struct group_intent, "kind", kind), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF(GROUP_FAILOVER, GROUP_HAND_OVER), .doc = "Failover: the primary is lost. HandOver: planned." },
	{ MEMBER(struct group_intent, "target", target), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The pod to be promoted; unset until it is chosen." },
	{ MEMBER(struct group_intent, "wanted", wanted), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The only pod that may be chosen; unset: any." },
	{ MEMBER(struct group_intent, "reason", reason), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "Why, in one CamelCase word." },
	{ MEMBER(struct group_intent, "message", message), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "Why, for people." },
	{ MEMBER(struct group_intent, "startedAt", started_at), .type = FIELD_TIME, .flags = FIELD_REQUIRED,
	  .doc = "When it was decided." },
	{ MEMBER(struct group_intent, "requiredSynchronized", required_synchronized), .type = FIELD_INT, BOUNDS(0, 8),
	  .doc = "requiredSynchronized as it was when the intent was opened: what the old primary has promised." },
	{ MEMBER(struct group_intent, "forces", forces), .type = FIELD_BOOL,
	  .doc = "Whether a person allowed data loss (annotation agkeeper.dev/allow-data-loss)." },
	{ 0 },
};
static const struct schema intent_schema = { .size = sizeof(struct group_intent), .fields = intent_fields };

static const struct field record_fields[] = {
	{ MEMBER(struct group_record, "initialized", initialized), .type = FIELD_BOOL, .flags = FIELD_REQUIRED,
	  .doc = "Whether the group was created in SQL Server; it never is a second time." },
	{ MEMBER(struct group_record, "groupID", group_id), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The group's id in SQL Server (sys.availability_groups)." },
	{ MEMBER(struct group_record, "epoch", epoch), .type = FIELD_INT, .flags = FIELD_REQUIRED, AT_LEAST(0),
	  .doc = "How many primaries there were, the first included." },
	{ MEMBER(struct group_record, "generation", generation), .type = FIELD_INT, .flags = FIELD_REQUIRED,
	  AT_LEAST(0), .doc = "The number that changes on the servers carry: what carries an older one fails there." },
	{ MEMBER(struct group_record, "holder", holder), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The controller that claimed the generation." },
	{ MEMBER(struct group_record, "primary", primary), .type = FIELD_OBJECT, .schema = &member_schema,
	  .doc = "The primary; unset while it is not known." },
	{ MEMBER(struct group_record, "synchronousSet", synchronous_set), .type = FIELD_LIST, .list_key = "pod",
	  LIST_ITEM(.type = FIELD_OBJECT, .schema = &member_schema), AT_MOST(9),
	  .doc = "The replicas of which requiredSynchronized, beside the primary, hold every acknowledged commit." },
	{ MEMBER(struct group_record, "requiredSynchronized", required_synchronized), .type = FIELD_INT,
	  .flags = FIELD_REQUIRED, BOUNDS(0, 8),
	  .doc = "How many members of synchronousSet beside the primary hold every acknowledged commit, at least." },
	{ MEMBER(struct group_record, "databases", databases), .type = FIELD_LIST, .list_key = "id",
	  LIST_ITEM(.type = FIELD_OBJECT, .schema = &database_schema), AT_MOST(100),
	  .doc = "The group's databases, those included that were added with T-SQL." },
	{ MEMBER(struct group_record, "intent", intent), .type = FIELD_OBJECT, .schema = &intent_schema,
	  .doc = "The promotion that is under way; unset: none." },
	{ 0 },
};
const struct schema group_record_schema = { .size = sizeof(struct group_record), .fields = record_fields };

/* ---- failovers ---- */

static const struct field failover_fields[] = {
	{ MEMBER(struct group_failover, "from", from), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The pod that was primary; unset: it was not known." },
	{ MEMBER(struct group_failover, "to", to), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "The pod that became it." },
	{ MEMBER(struct group_failover, "kind", kind), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF(GROUP_FAILOVER, GROUP_HAND_OVER), .doc = "Failover: the primary was lost. HandOver: planned." },
	{ MEMBER(struct group_failover, "reason", reason), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "Why, in one CamelCase word." },
	{ MEMBER(struct group_failover, "startedAt", started_at), .type = FIELD_TIME, .flags = FIELD_REQUIRED,
	  .doc = "When it was decided." },
	{ MEMBER(struct group_failover, "finishedAt", finished_at), .type = FIELD_TIME, .flags = FIELD_REQUIRED,
	  .doc = "When the new primary was seen." },
	{ MEMBER(struct group_failover, "seconds", seconds), .type = FIELD_STRING, AT_LEAST(1),
	  .doc = "How many seconds lie between, such as 1.4." },
	{ MEMBER(struct group_failover, "rowsAtRisk", rows_at_risk), .type = FIELD_STRING, .flags = FIELD_REQUIRED,
	  ONE_OF(ROWS_AT_RISK_NONE, ROWS_AT_RISK_UNKNOWN),
	  .doc = "Whether acknowledged rows may be missing: none, or unknown where a person allowed data loss." },
	{ 0 },
};
const struct schema group_failover_schema = { .size = sizeof(struct group_failover), .fields = failover_fields };
