/* The part of status that is not conditions: a row for each replica, and what is counted over them. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

/* LSNs of so many databases stand in a row; more than that nobody compares by eye. */
enum { LSNS_MAX = 5 };

static const char *const role_words[] = { [SQL_ROLE_UNKNOWN] = NULL,
	                                  [SQL_ROLE_RESOLVING] = "RESOLVING",
	                                  [SQL_ROLE_PRIMARY] = "PRIMARY",
	                                  [SQL_ROLE_SECONDARY] = "SECONDARY" };

/* From the worst to the best. */
static const struct {
	enum sql_synchronization state;
	const char *word;
} synchronization_words[] = {
	{ SQL_NOT_SYNCHRONIZING, "NOT SYNCHRONIZING" },
	{ SQL_INITIALIZING, "INITIALIZING" },
	{ SQL_REVERTING, "REVERTING" },
	{ SQL_SYNCHRONIZING, "SYNCHRONIZING" },
	{ SQL_SYNCHRONIZED, "SYNCHRONIZED" },
};

static void set_text(struct json_object *json, const char *key, const char *text) {
	if (text != NULL && *text != '\0') json_set_text(json, key, text);
}

static const struct json_object *old_row(const struct report *report, const char *pod) {
	const struct json_object *rows = json_get(report->old, "replicaStatuses");
	if (!json_object_is_type(rows, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const struct json_object *row = json_object_array_get_idx(rows, i);
		const char *name = json_get_text(row, "name");
		if (name != NULL && strcmp(name, pod) == 0) return row;
	}
	return NULL;
}

/* ---- databases of one replica ---- */

/* Whose answer tells of the replica, and by which id; false: none does. */
static bool source_of(const struct report *report, const struct replica_view *replica,
                      const struct sql_observation **seen, const char **replica_id) {
	bool by_primary = report->sight == SIGHT_PRIMARY && report->deciding->primary != NULL;
	const struct replica_view *teller = by_primary ? report->deciding->primary : replica;
	*seen = teller->server.seen;
	if (*seen == NULL) return false;
	const struct sql_replica_row *row =
	        by_primary ? peer_row(teller, replica->pod_name) : sql_observation_local(*seen);
	if (row == NULL) return false;
	*replica_id = row->replica_id;
	return true;
}

static const char *worst_state(const struct sql_observation *seen, const char *replica_id) {
	size_t worst = ARRAY_LENGTH(synchronization_words);
	for (size_t i = 0; i < seen->database_count; i++) {
		if (strcmp(seen->databases[i].replica_id, replica_id) != 0) continue;
		for (size_t j = 0; j < worst; j++) {
			if (synchronization_words[j].state ==
			    (enum sql_synchronization)seen->databases[i].synchronization)
				worst = j;
		}
	}
	return worst < ARRAY_LENGTH(synchronization_words) ? synchronization_words[worst].word : NULL;
}

static const char *lsn_text(struct report *report, struct sql_lsn lsn) {
	char digits[40];
	char *p = digits + sizeof(digits) - 1;
	*p = '\0';
	do {
		*--p = (char)('0' + (int)(lsn.value % 10));
		lsn.value /= 10;
	} while (lsn.value != 0);
	return plan_text(report->deciding->plan, "%s", p);
}

/* "37000000012300001", or "orders 37…, stock 38…": positions in different logs cannot be compared. */
static const char *hardened(struct report *report, const struct sql_observation *seen, const char *replica_id) {
	const char *list = "";
	const char *first = "";
	size_t count = 0;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (strcmp(row->replica_id, replica_id) != 0 || !row->hardened.known) continue;
		const char *lsn = lsn_text(report, row->hardened);
		if (count++ == 0) first = lsn;
		if (count > LSNS_MAX) continue;
		list = plan_text(report->deciding->plan, "%s%s%s %s", list, *list != '\0' ? ", " : "", row->name, lsn);
	}
	if (count <= 1) return first;
	return count > LSNS_MAX ? plan_text(report->deciding->plan, "%s, …", list) : list;
}

static int64_t lag_seconds(const struct sql_observation *seen, const char *replica_id) {
	int64_t lag = -1;
	for (size_t i = 0; i < seen->database_count; i++) {
		const struct sql_database_row *row = &seen->databases[i];
		if (strcmp(row->replica_id, replica_id) == 0 && row->secondary_lag_seconds > lag)
			lag = row->secondary_lag_seconds;
	}
	return lag;
}

/* ---- one row ---- */

static enum sql_role role_now(const struct report *report, const struct replica_view *replica) {
	enum sql_role role = role_of(replica);
	if (role != SQL_ROLE_UNKNOWN || !replica->pod.is_running || report->sight != SIGHT_PRIMARY) return role;
	const struct sql_replica_row *peer = peer_row(report->deciding->primary, replica->pod_name);
	return peer != NULL && peer->connected == SQL_CONNECTED ? (enum sql_role)peer->role : SQL_ROLE_UNKNOWN;
}

/* The time is written when the connection is lost, so that a group that is well writes nothing. */
static void set_connected(const struct report *report, struct json_object *row, const struct json_object *old,
                          bool connected) {
	json_set(row, "connected", json_object_new_boolean(connected));
	if (connected) return;
	const char *last = json_get_flag(old, "connected", false) ? report->now : json_get_text(old, "lastSeenPrimary");
	set_text(row, "lastSeenPrimary", last);
}

static struct json_object *row_json(struct report *report, const struct report_row *look,
                                    const struct json_object *old) {
	const struct replica_view *replica = look->replica;
	struct json_object *row = json_object_new_object();
	json_set_text(row, "name", replica->pod_name);
	if (!report->spec->is_group) return row;
	set_text(row, "role", role_words[role_now(report, replica)]);
	const struct sql_observation *seen;
	const char *replica_id;
	if (source_of(report, replica, &seen, &replica_id)) {
		set_text(row, "synchronizationState", worst_state(seen, replica_id));
		set_text(row, "lastHardenedLSN", hardened(report, seen, replica_id));
		int64_t lag = lag_seconds(seen, replica_id);
		if (lag >= 0 && replica != report->deciding->primary) {
			json_set(row, "lagSeconds", json_object_new_int64(lag));
		}
	}
	const struct sql_replica_row *peer =
	        report->sight == SIGHT_PRIMARY ? peer_row(report->deciding->primary, replica->pod_name) : NULL;
	bool is_primary = report->sight == SIGHT_PRIMARY && replica == report->deciding->primary;
	bool connected = is_primary || (peer != NULL && peer->connected == SQL_CONNECTED && replica->pod.is_running);
	set_connected(report, row, old, connected);
	return row;
}

/* A replica that nobody tells of for the moment keeps the row that it has. */
static struct json_object *row_of(struct report *report, const struct report_row *look) {
	const struct json_object *old = old_row(report, look->replica->pod_name);
	if (report->sight == SIGHT_NONE && old != NULL) return json_copy(old);
	struct json_object *row = row_json(report, look, old);
	bool is_silent = look->replica->server.seen == NULL && look->replica->pod.is_running &&
	                 report_server_trouble(report, look->replica) == NULL;
	if (is_silent && json_get(row, "role") == NULL) set_text(row, "role", json_get_text(old, "role"));
	return row;
}

/* ---- counts ---- */

static const struct json_object *child_of_kind(const struct view *view, const char *kind) {
	for (size_t i = 0; i < view->child_count; i++) {
		const char *name = json_get_text(view->children[i].desired, "kind");
		if (name != NULL && strcmp(name, kind) == 0) return view->children[i].desired;
	}
	return NULL;
}

/* status.replicas and status.selector, where the kind has a scale subresource. */
static void write_scale(struct report *report) {
	if (!report_has_field(report, "selector")) return;
	int pods = 0;
	for (size_t i = 0; i < report->view->replica_count; i++) pods += report->view->replicas[i].pod.exists;
	json_set(report->status, "replicas", json_object_new_int(pods));
	struct json_object *labels =
	        json_get_path(child_of_kind(report->view, "StatefulSet"), "spec", "selector", "matchLabels", NULL);
	if (!json_object_is_type(labels, json_type_object)) return;
	cleanup_strbuf struct strbuf selector = { 0 };
	json_object_object_foreach(labels, key, value) {
		strbuf_printf(&selector, "%s%s=%s", selector.length != 0 ? "," : "", key,
		              json_object_get_string(value));
	}
	set_text(report->status, "selector", strbuf_text(&selector));
}

void report_rows(struct report *report) {
	struct json_object *rows = json_object_new_array();
	for (size_t i = 0; i < report->row_count; i++) {
		json_object_array_add(rows, row_of(report, &report->rows[i]));
	}
	json_set(report->status, "replicaStatuses", rows);
	bool is_known = report->sight != SIGHT_NONE || json_get(report->old, "synchronized") == NULL;
	if (is_known) {
		json_set_text(report->status, "synchronized",
		              plan_text(report->deciding->plan, "%zu/%zu", report->synchronized, report->counted));
	}
	write_scale(report);
}
