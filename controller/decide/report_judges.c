/* Conditions about the group and its pods, one function each. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/report.h"

#define TEXT(...) plan_text(report->deciding->plan, __VA_ARGS__)

static const struct verdict keep = { .state = VERDICT_KEEP };

/* Of what only the parts know: those that were not asked this time would say the same. */
struct verdict judge_as_it_was(struct report *report) {
	(void)report;
	return keep;
}

struct verdict judge_replicas_synchronized(struct report *report) {
	if (report->sight == SIGHT_NONE) return keep;
	bool is_all = report->synchronized == report->counted;
	const char *late = "";
	for (size_t i = 0; i < report->row_count; i++) {
		const struct report_row *row = &report->rows[i];
		if (row->is_counted && !row->is_synchronized)
			late = TEXT("%s%s%s", late, *late != '\0' ? ", " : "", row->replica->pod_name);
	}
	if (is_all) return verdict_of(report, true, "AllSynchronized", "all %zu replicas", report->counted);
	return verdict_of(report, false, "SomeNotSynchronized", "%zu of %zu replicas; not %s", report->synchronized,
	                  report->counted, late);
}

static bool wants_protection(const struct spec *spec) {
	size_t synchronous = 0;
	for (size_t i = 0; i < spec->replica_count; i++) {
		synchronous += spec->replicas[i].availability == SQL_SYNCHRONOUS_COMMIT;
	}
	return synchronous > 1 && spec->cluster == SQL_CLUSTER_EXTERNAL;
}

struct verdict judge_protected(struct report *report) {
	const struct record *record = report->next;
	if (!wants_protection(report->spec)) {
		return verdict_of(
		        report, false, "NotAskedFor",
		        "commits do not wait for another replica, because spec asks for no two synchronous ones "
		        "that agkeeper may fail over to: what was committed last would be lost with the primary's "
		        "volume");
	}
	if (record->member_count > 1 && record->required > 0) {
		const char *others = "";
		for (size_t i = 0; i < record->member_count; i++) {
			if (strcmp(record->members[i].pod, record->primary.pod) == 0) continue;
			others = TEXT("%s%s%s", others, *others != '\0' ? ", " : "", record->members[i].pod);
		}
		return verdict_of(report, true, "CommitsAreCopied",
		                  "each commit is on %d of %s before it is acknowledged", record->required, others);
	}
	if (!record->is_initialized) return verdict_of(report, false, "NoGroupYet", "the group is not created yet");
	const char *pod = *record->primary.pod != '\0' ? record->primary.pod : "the primary";
	return verdict_of(
	        report, false, "PrimaryAlone",
	        "only %s is sure to hold every commit, so nothing else may be promoted; this ends when another "
	        "synchronous replica has caught up",
	        pod);
}

static struct verdict blocked(struct report *report) {
	const struct spec *spec = report->spec;
	const char *why = report->deciding->blocked;
	return verdict_of(
	        report, true, "WaitingForReplicas",
	        "%s. It goes on by itself when they answer. Only if they are gone for good, and rows may be lost: "
	        "kubectl annotate --overwrite %s %s -n %s agkeeper.dev/allow-data-loss=<pod>/%s",
	        why != NULL ? why : "a promotion cannot go on", report_short_name(report), spec->name, spec->namespace,
	        spec->uid);
}

/* Who may be named. */
static const char *members_beside_primary(struct report *report) {
	const struct record *record = report->view->record;
	const char *list = "";
	for (size_t i = 0; i < record->member_count; i++) {
		const char *pod = record->members[i].pod;
		if (strcmp(pod, record->primary.pod) != 0) list = TEXT("%s%s%s", list, *list != '\0' ? ", " : "", pod);
	}
	return list;
}

static struct verdict failover_is_off(struct report *report) {
	const struct spec *spec = report->spec;
	const char *members = members_beside_primary(report);
	const char *kind = report_short_name(report);
	if (*members == '\0')
		return verdict_of(
		        report, true, "AutomaticFailoverOff",
		        "the primary is lost, and automatic failover is off. No other replica is sure to hold "
		        "every commit. Only if the primary is gone for good, and rows may be lost: kubectl "
		        "annotate --overwrite %s %s -n %s agkeeper.dev/allow-data-loss=<pod>/%s",
		        kind, spec->name, spec->namespace, spec->uid);
	return verdict_of(
	        report, true, "AutomaticFailoverOff",
	        "the primary is lost, and automatic failover is off. To promote a replica without losing "
	        "anything, name one of %s: kubectl annotate --overwrite %s %s -n %s agkeeper.dev/primary=<pod>",
	        members, kind, spec->name, spec->namespace);
}

struct verdict judge_failover_blocked(struct report *report) {
	const struct spec *spec = report->spec;
	if (spec->is_halted)
		return verdict_of(report, false, "Halted", "there is nothing to fail over: spec.halted is true");
	switch (report->deciding->state) {
	case GROUP_BLOCKED: return blocked(report);
	case GROUP_DOWN:
		if (report_is_promoting(report)) return keep; /* it begins just now */
		if (!spec->hands_over) {
			return verdict_of(
			        report, true, "NoFailover",
			        "the primary is lost, and a group of clusterType NONE is never failed over: it "
			        "must come back");
		}
		return failover_is_off(report);
	default: return verdict_of(report, false, "NotBlocked", "nothing keeps a failover from going on");
	}
}

struct verdict judge_rollout_complete(struct report *report) {
	const char *old_ones = "";
	size_t count = 0;
	for (size_t i = 0; i < report->row_count; i++) {
		const struct pod_view *pod = &report->rows[i].replica->pod;
		if (!pod->exists) continue;
		count++;
		if (!pod->is_current) {
			old_ones = TEXT("%s%s%s", old_ones, *old_ones != '\0' ? ", " : "",
			                report->rows[i].replica->pod_name);
		}
	}
	if (count == 0) return keep;
	if (*old_ones == '\0') return verdict_of(report, true, "AllPodsCurrent", "all pods are as spec says");
	return verdict_of(report, false, "PodsOutdated", "pods not yet as spec says: %s", old_ones);
}

struct verdict judge_halted(struct report *report) {
	if (!report->spec->is_halted) return verdict_of(report, false, "NotHalted", "spec.halted is not set");
	for (size_t i = 0; i < report->view->replica_count; i++) {
		if (report->view->replicas[i].pod.exists)
			return verdict_of(report, false, "Halting", "waiting for pods to end");
	}
	return verdict_of(report, true, "Halted", "no pods, as spec.halted asks; volumes and Secrets are kept");
}

/* Who pauses it says so. */
struct verdict judge_paused(struct report *report) {
	return verdict_of(report, false, "NotPaused", "no ops request is carried out");
}

struct verdict judge_certificate_issuer(struct report *report) {
	const struct json_object *issuer = json_get_path(report->view->object, "spec", "tls", "issuerRef", NULL);
	if (issuer == NULL) return verdict_of(report, false, "NotAskedFor", "spec.tls.issuerRef is not set");
	if (report->view->has_issuers)
		return verdict_of(report, false, "IssuersServed", "the cluster has cert-manager");
	const char *kind = json_get_text(issuer, "kind");
	const char *name = json_get_text(issuer, "name");
	return verdict_of(
	        report, true, "NoCertManager",
	        "spec.tls.issuerRef names %s %s, but the cluster has no cert-manager.io API: a CA that agkeeper keeps "
	        "for this object signs the servers' certificate, and clients find it in Secret %s, ca.crt",
	        kind != NULL ? kind : "issuer", name != NULL ? name : "", report->spec->certificate_secret);
}
