/* The conditions as a table, and how a verdict becomes one (Kubernetes' API conventions: lastTransitionTime is when the
 * status last changed, not the message). */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

#define NORMAL(reason_) \
	{ .reason = (reason_) }
#define WARNING(reason_) \
	{ .reason = (reason_), .warns = true }

const struct condition_row condition_rows[] = {
	{ .type = "Initialized",
	  .weighs = true,
	  .judge = judge_initialized,
	  .when_true = NORMAL("Initialized"),
	  .doc = "True once the servers run and all replicas have joined the group; it stays True.",
	  .advice = "The message says what is waited for: a Secret to create, a pod that cannot start." },
	{ .type = "Ready",
	  .weighs = true,
	  .judge = judge_ready,
	  .when_true = NORMAL("Ready"),
	  .when_false = WARNING("NotReady"),
	  .quiet = (const char *const[]){ "Deleting", "Halted", "FailingOver", "HandingOver", "FailoverBlocked", NULL },
	  .doc = "True while the primary takes writes, every replica is up and synchronized (asynchronous ones: "
	         "synchronizing), every database of spec is in the group, and the pods carry their role labels.",
	  .advice = "Wait for it with kubectl wait --for=condition=Ready. False while the primary serves and another "
	            "replica does not: agkeeper brings that back by itself; the message names it and says what is "
	            "wrong." },
	{ .type = "Provisioned",
	  .judge = judge_as_it_was,
	  .doc = "True while the StatefulSet, Services and other objects that it consists of are there.",
	  .advice = "False with SecretMissing, ImageUnknown, ForeignChild: the message says what to create, correct or "
	            "rename." },
	{ .type = "ReplicasJoined",
	  .of_groups = true,
	  .judge = judge_as_it_was,
	  .doc = "True while every replica of spec is in the group.",
	  .advice = "The message names those that are not, and what their last attempt met." },
	{ .type = "DatabasesJoined",
	  .of_groups = true,
	  .judge = judge_as_it_was,
	  .doc = "True while every database that shall be in the group is there, on every replica.",
	  .advice = "The message names what is missing where. A copy that blocks seeding is never dropped while it may "
	            "hold "
	            "what the group lacks: that is a person's to do." },
	{ .type = "ReplicasSynchronized",
	  .of_groups = true,
	  .judge = judge_replicas_synchronized,
	  .doc = "True while every replica is as close to the primary as spec asks: synchronized, or synchronizing "
	         "where "
	         "its commits are asynchronous.",
	  .advice = "False after a failover or a restart is usual for a minute. If it lasts, look at replicaStatuses "
	            "and at "
	            "the Events of the object." },
	{ .type = "Protected",
	  .of_groups = true,
	  .judge = judge_protected,
	  .when_true = NORMAL("Protected"),
	  .when_false = WARNING("NotProtected"),
	  .quiet = (const char *const[]){ "NotAskedFor", NULL },
	  .doc = "True while each commit is on another replica before it is acknowledged, so that losing the primary "
	         "loses "
	         "nothing and it can be replaced.",
	  .advice = "False with reason PrimaryAlone: one more failure would stop the database until the primary is "
	            "back. Do "
	            "not delete the primary's volume; bring a synchronous replica back first." },
	{ .type = "FailoverBlocked",
	  .of_groups = true,
	  .judge = judge_failover_blocked,
	  .when_true = WARNING("FailoverBlocked"),
	  .when_false = NORMAL("FailoverUnblocked"),
	  .doc = "True while the primary is lost and none may be promoted: only a replica that is away may hold an "
	         "acknowledged commit, or automatic failover is off.",
	  .advice = "Bring back one of the replicas that the message names: the failover then goes on by itself. Only "
	            "when "
	            "they are gone for good: agkeeper.dev/allow-data-loss (docs/failover.md)." },
	{ .type = "RolloutComplete",
	  .judge = judge_rollout_complete,
	  .doc = "True while every pod is as spec says. Pods are replaced one at a time, the primary last, after a "
	         "hand-over.",
	  .advice = "False and not going on: the newest pod does not come up, and the others are left as they are. "
	            "Correct "
	            "spec; the next revision replaces it." },
	{ .type = "SettingsApplied",
	  .of_groups = true,
	  .is_rule = true,
	  .judge = judge_as_it_was,
	  .when_false = WARNING("SettingsFailed"),
	  .doc = "False while a setting of spec cannot be applied in SQL Server; shown from when that first happens.",
	  .advice = "The message has the statement's Msg. It is tried again by itself." },
	{ .type = "PasswordApplied",
	  .is_rule = true,
	  .judge = judge_as_it_was,
	  .when_false = WARNING("PasswordFailed"),
	  .doc = "False while sa's new password in the Secret cannot be applied; shown from when that first happens.",
	  .advice = "Put the former password, or one that SQL Server's policy takes, into the Secret." },
	{ .type = "WriteChecked",
	  .is_rule = true,
	  .judge = judge_as_it_was,
	  .when_false = WARNING("WriteCheckFailed"),
	  .doc = "False while the database of the write checks, kubedb_system, cannot be created; shown from when that "
	         "first happens.",
	  .advice = "The message has the statement's Msg. It is tried again by itself." },
	{ .type = "Halted",
	  .is_exception = true,
	  .judge = judge_halted,
	  .when_true = NORMAL("Halted"),
	  .when_false = NORMAL("Resumed"),
	  .doc = "True once no pod is left because spec.halted is true.",
	  .advice = "Set spec.halted to false to start again." },
	{ .type = "Paused",
	  .is_exception = true,
	  .judge = judge_paused,
	  .doc = "True while an ops request is carried out: pods are replaced for nothing else meanwhile.",
	  .advice = "kubectl get msops says how far the request is. Deleting the request resumes the database." },
	{ .type = "VolumesExpanded",
	  .is_rule = true,
	  .judge = judge_as_it_was,
	  .when_true = NORMAL("VolumesExpanded"),
	  .when_false = NORMAL("ExpandingVolumes"),
	  .doc = "False while volumes are made as large as spec says; shown from when that first happens.",
	  .advice = "The message says of each volume what it waits for." },
	{ .type = "AutoExpanded",
	  .is_rule = true,
	  .judge = judge_as_it_was,
	  .when_false = WARNING("AutoExpansionFailed"),
	  .doc = "False while a volume is as full as spec.autoExpand.atPercent says and cannot be expanded; shown from "
	         "when that first happens.",
	  .advice = "Raise spec.autoExpand.max, or see to the request that the message names." },
	{ .type = "StoragePressure",
	  .is_exception = true,
	  .counts = true,
	  .judge = judge_storage_pressure,
	  .when_true = WARNING("StoragePressure"),
	  .doc = "True while a volume is 85 % full, or as full as spec.autoExpand.atPercent says.",
	  .advice = "Make the volumes larger before writes fail: the message has the command." },
	{ .type = "StorageFull",
	  .is_exception = true,
	  .counts = true,
	  .judge = judge_storage_full,
	  .when_true = WARNING("StorageFull"),
	  .when_false = NORMAL("StorageFreed"),
	  .doc = "True while a volume is full (Msg 1105, Msg 9002, or its statistics).",
	  .advice = "Make the volumes larger: the message has the command. A failover does not help." },
	{ .type = "Deleting",
	  .judge = judge_as_it_was,
	  .doc = "True while it is being deleted; the message says what is waited for.",
	  .advice = "A pod or claim that does not go has a finalizer, or its node is away." },
	{ .type = "CertificateIssuerMissing",
	  .is_exception = true,
	  .judge = judge_certificate_issuer,
	  .when_true = NORMAL("CertificateIssuerMissing"),
	  .doc = "True while spec.tls.issuerRef names an issuer of cert-manager and the cluster has no cert-manager. "
	         "A CA that agkeeper keeps for the object signs the servers' certificate then; Ready does not wait.",
	  .advice = "Nothing, or install cert-manager." },
	{ 0 },
};

/* ---- looking up ---- */

static struct json_object *find_in(const struct json_object *conditions, const char *type) {
	if (!json_object_is_type(conditions, json_type_array)) return NULL;
	for (size_t i = 0; i < json_object_array_length(conditions); i++) {
		struct json_object *condition = json_object_array_get_idx(conditions, i);
		const char *its_type = json_get_text(condition, "type");
		if (its_type != NULL && strcmp(its_type, type) == 0) return condition;
	}
	return NULL;
}

const struct json_object *report_condition(const struct json_object *status, const char *type) {
	return find_in(json_get(status, "conditions"), type);
}

bool report_is_true(const struct json_object *status, const char *type) {
	const char *text = json_get_text(report_condition(status, type), "status");
	return text != NULL && strcmp(text, "True") == 0;
}

bool report_has_field(const struct report *report, const char *name) {
	const struct field *field = report->spec->kind->schema->fields;
	while (field->name != NULL && strcmp(field->name, "status") != 0) field++;
	if (field->name == NULL) return false;
	for (field = field->schema->fields; field->name != NULL; field++) {
		if (strcmp(field->name, name) == 0) return true;
	}
	return false;
}

/* ---- verdicts ---- */

struct verdict verdict_of(struct report *report, bool is_true, const char *reason, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *message = xvasprintf(format, args);
	va_end(args);
	return (struct verdict){ .state = is_true ? VERDICT_TRUE : VERDICT_FALSE,
		                 .reason = reason,
		                 .message = plan_text(report->deciding->plan, "%s", message) };
}

/* What a part of the decision has found; several findings of one status are told together. */
bool report_found(struct report *report, const char *type, struct verdict *verdict) {
	const struct deciding *deciding = report->deciding;
	*verdict = (struct verdict){ .state = VERDICT_KEEP, .message = "" };
	for (size_t i = 0; i < deciding->finding_count; i++) {
		const struct finding_row *row = &deciding->findings[i];
		enum verdict_state state = row->is_true ? VERDICT_TRUE : VERDICT_FALSE;
		if (strcmp(row->condition, type) != 0) continue;
		if (verdict->state == VERDICT_KEEP) *verdict = (struct verdict){ state, row->reason, "" };
		if (verdict->state == state) verdict->message = report_join(report, verdict->message, row->message);
	}
	return verdict->state != VERDICT_KEEP;
}

static struct verdict judge(struct report *report, const struct condition_row *row) {
	struct verdict verdict;
	if (!row->weighs && report_found(report, row->type, &verdict)) return verdict;
	if (report->view->is_deleting && row->judge != judge_ready) return (struct verdict){ .state = VERDICT_KEEP };
	if (row->of_groups && !report->spec->is_group) return (struct verdict){ .state = VERDICT_ABSENT };
	verdict = row->judge(report);
	bool is_new = report_condition(report->old, row->type) == NULL;
	if (is_new && row->is_exception && verdict.state == VERDICT_FALSE) verdict.state = VERDICT_ABSENT;
	return verdict;
}

/* ---- conditions ---- */

static struct json_object *condition_json(const struct report *report, const char *type,
                                          const struct verdict *verdict) {
	const char *status = verdict->state == VERDICT_TRUE ? "True" : "False";
	const struct json_object *old = report_condition(report->old, type);
	const char *old_status = json_get_text(old, "status");
	const char *since = json_get_text(old, "lastTransitionTime");
	bool is_same = since != NULL && old_status != NULL && strcmp(old_status, status) == 0;
	struct json_object *condition = json_object_new_object();
	json_set_text(condition, "type", type);
	json_set_text(condition, "status", status);
	json_set(condition, "observedGeneration", json_object_new_int64(report->spec->generation));
	json_set_text(condition, "lastTransitionTime", is_same ? since : report->now);
	json_set_text(condition, "reason", verdict->reason);
	json_set_text(condition, "message", *verdict->message != '\0' ? verdict->message : verdict->reason);
	return condition;
}

static void append(struct report *report, struct json_object *conditions, const char *type,
                   const struct verdict *verdict) {
	if (verdict->state == VERDICT_ABSENT || find_in(conditions, type) != NULL) return;
	if (verdict->state != VERDICT_KEEP) {
		json_object_array_add(conditions, condition_json(report, type, verdict));
		return;
	}
	const struct json_object *old = report_condition(report->old, type);
	if (old != NULL) json_object_array_add(conditions, json_copy(old));
}

static bool is_ours(const char *type) {
	for (const struct condition_row *row = condition_rows; row->type != NULL; row++) {
		if (strcmp(row->type, type) == 0) return true;
	}
	return false;
}

static void append_foreign(struct report *report, struct json_object *conditions) {
	const struct json_object *old = json_get(report->old, "conditions");
	if (!json_object_is_type(old, json_type_array)) return;
	for (size_t i = 0; i < json_object_array_length(old); i++) {
		const char *type = json_get_text(json_object_array_get_idx(old, i), "type");
		if (type == NULL || is_ours(type)) continue;
		append(report, conditions, type, &(struct verdict){ .state = VERDICT_KEEP });
	}
}

void report_conditions(struct report *report) {
	struct json_object *conditions = json_object_new_array();
	json_set(report->status, "conditions", conditions);
	for (const struct condition_row *row = condition_rows; row->type != NULL; row++) {
		struct verdict verdict = judge(report, row);
		append(report, conditions, row->type, &verdict);
	}
	for (size_t i = 0; i < report->deciding->finding_count; i++) {
		const char *type = report->deciding->findings[i].condition;
		struct verdict verdict;
		if (!is_ours(type) && report_found(report, type, &verdict)) append(report, conditions, type, &verdict);
	}
	append_foreign(report, conditions);
	if (report_has_field(report, "initializationComplete")) {
		json_set(report->status, "initializationComplete",
		         json_object_new_boolean(report_is_true(report->status, "Initialized")));
	}
}
