/* Volumes grow in this order: the claims, the StatefulSet's template, spec.storage; then the request is over. */
#include "controller/decide/volumes.h"

#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "controller/decide/rollout.h"

#define TEXT(...) plan_text(deciding->plan, __VA_ARGS__)

static const char step_start[] = "Started";
static const char step_pause[] = "DatabasePaused";
static const char step_set[] = "StatefulSetRenewed";
static const char step_object[] = "DatabaseUpdated";
static const char step_back[] = "ReplicasBack";

/* ---- The StatefulSet's template ---- */

/* Its volumeClaimTemplates cannot be changed (ValidateStatefulSetUpdate of Kubernetes): it is made again, with the pods
 * that are there. Their template stays what it was, and so does its revision: no pod is restarted for it. */
static bool renew_set(struct deciding *deciding, struct quantity size) {
	const struct view *view = deciding->view;
	if (!view->has_set) return false;
	if (!view->has_set_size || quantity_compare(view->set_size, size) >= 0) return !view->set_is_deleting;
	volumes_release_pods(deciding, "volumes of replicas to come shall be as large");
	return false;
}

/* ---- The steps of a request ---- */

static bool end_if_late(struct ops *ops, const char *step, const char *words) {
	if (!ops_is_late(ops, step)) return false;
	ops_fail(ops, "StepTimedOut", "%s; that took longer than spec.timeout allows; a new request goes on from here",
	         words);
	return true;
}

static const char *step_of_volume(struct deciding *deciding, const struct replica_view *replica) {
	return TEXT("Expanded-%s", replica->pod_name);
}

static const char *reason_of(enum volume_state state) {
	static const char *const reasons[] = {
		[VOLUME_ABSENT] = "NoVolume",
		[VOLUME_SMALL] = "Asking",
		[VOLUME_ASKED] = "WaitingForStorage",
		[VOLUME_GROWING] = "Expanding",
		[VOLUME_WAITS_FOR_NODE] = "WaitingForNode",
		[VOLUME_DONE] = "Expanded",
	};
	return reasons[state];
}

/* A volume that is not done: told, and the request ended where it cannot be. */
static void report_volume(struct ops *ops, const struct replica_view *replica, const struct volume_wish *wish,
                          const char *words) {
	struct deciding *deciding = ops->deciding;
	const char *step = step_of_volume(deciding, replica);
	enum volume_state state = volume_state(&replica->claim, wish->size);
	ops_set_step(ops, step, false, reason_of(state), "%s", words);
	if (volume_is_refused(deciding, replica, wish))
		ops_fail(ops, "ExpansionRefused", "%s", volume_words(deciding, replica, wish));
	else end_if_late(ops, step, words);
}

static void grow_online(struct ops *ops, const struct replica_view *replica, const struct volume_wish *wish) {
	struct deciding *deciding = ops->deciding;
	if (volume_state(&replica->claim, wish->size) == VOLUME_SMALL) volume_ask(deciding, replica, wish);
	report_volume(ops, replica, wish, volume_words(deciding, replica, wish));
}

static void grow_offline(struct ops *ops, const struct replica_view *replica, const struct volume_wish *wish) {
	struct deciding *deciding = ops->deciding;
	const char *words = volume_words(deciding, replica, wish);
	bool is_in_turn = replica == volume_in_turn(deciding, wish->size);
	bool waits_for_pod = volume_state(&replica->claim, wish->size) == VOLUME_WAITS_FOR_NODE;
	if (!is_in_turn && !waits_for_pod) return;
	if (is_in_turn) volume_grow_offline(deciding, replica, wish, &words);
	report_volume(ops, replica, wish, words);
}

/* True when all are as large as they shall be. */
static bool grow_volumes(struct ops *ops, const struct volume_wish *wish) {
	struct deciding *deciding = ops->deciding;
	size_t done = 0, count = deciding->spec->replica_count;
	for (size_t i = 0; i < count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		enum volume_state state = volume_state(&replica->claim, wish->size);
		if (state == VOLUME_DONE) {
			ops_set_step(ops, step_of_volume(deciding, replica), true, reason_of(state), "%s",
			             volume_words(deciding, replica, wish));
		}
		done += state == VOLUME_DONE || state == VOLUME_ABSENT;
	}
	ops_set_progress(ops, done, count);
	for (size_t i = count; i-- > 0 && !ops_is_over(ops);) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		enum volume_state state = volume_state(&replica->claim, wish->size);
		if (state == VOLUME_DONE || state == VOLUME_ABSENT) continue;
		if (ops->request->is_offline) grow_offline(ops, replica, wish);
		else grow_online(ops, replica, wish);
	}
	return done == count;
}

static bool renew_set_of_request(struct ops *ops) {
	struct deciding *deciding = ops->deciding;
	bool is_done = renew_set(deciding, ops->request->size);
	const char *words = is_done ? "volumes of replicas to come will be as large; no pod was restarted for it"
	                            : "the StatefulSet is made again, with the pods that are there";
	ops_set_step(ops, step_set, is_done, is_done ? "Renewed" : "Renewing", "%s", words);
	if (!is_done) end_if_late(ops, step_set, words);
	return is_done;
}

/* Admission lets exactly this pass, from us, while the request is in progress (REQUIREMENTS R52a). */
static bool update_object(struct ops *ops, const char *text) {
	struct deciding *deciding = ops->deciding;
	struct quantity size;
	if (spec_volume_size(deciding->spec, &size) != NULL && quantity_compare(size, ops->request->size) >= 0) {
		ops_set_step(ops, step_object, true, "Updated", "spec.storage of MSSQLServer %s says %s",
		             deciding->spec->name, text);
		return true;
	}
	const struct attempt *failed = attempt_of(deciding->view, ACTION_PATCH_STORAGE, NULL, text);
	const char *words = failed != NULL
	                            ? TEXT("spec.storage of MSSQLServer %s cannot be set to %s: %s; it is tried "
	                                   "again by itself",
	                                   deciding->spec->name, text, failed->message)
	                            : TEXT("spec.storage of MSSQLServer %s is set to %s", deciding->spec->name, text);
	ops_set_step(ops, step_object, false, failed != NULL ? "Refused" : "Updating", "%s", words);
	change_api(
	        deciding,
	        &(struct action){ .type = ACTION_PATCH_STORAGE, .text = text, .reason = "its volumes are as large" });
	end_if_late(ops, step_object, words);
	return false;
}

static bool all_are_back(struct ops *ops) {
	const struct deciding *deciding = ops->deciding;
	if (!ops->request->is_offline) return true;
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (replica_is_back(deciding, replica)) continue;
		const char *words =
		        plan_text(ops->deciding->plan, "%s is not back and synchronized yet", replica->pod_name);
		ops_set_step(ops, step_back, false, "Waiting", "%s", words);
		end_if_late(ops, step_back, words);
		return false;
	}
	ops_set_step(ops, step_back, true, "Back", "every replica is back and synchronized");
	return true;
}

static void carry_on(struct ops *ops) {
	struct deciding *deciding = ops->deciding;
	const char *text = ops->request->size_text;
	if (text == NULL) text = size_text(&deciding->plan->arena, ops->request->size);
	find(deciding, "Paused", true, "VolumeExpansion",
	     "ops request %s expands the volumes to %s: no pod is replaced for anything else meanwhile",
	     ops->request->name, text);
	plan_look(deciding->plan, 1000);
	const struct volume_wish wish = { ops->request->size, text, ops->request };
	if (!grow_volumes(ops, &wish) || ops_is_over(ops)) return;
	if (!renew_set_of_request(ops) || ops_is_over(ops)) return;
	if (!update_object(ops, text) || ops_is_over(ops)) return;
	if (!all_are_back(ops)) return;
	ops_succeed(ops, "all %zu volumes have %s", deciding->spec->replica_count, text);
}

/* ---- Its beginning ---- */

static bool is_ready(const struct deciding *deciding) {
	const char *phase = json_get_text(json_get(deciding->view->object, "status"), "phase");
	return phase != NULL && strcmp(phase, "Ready") == 0;
}

static void begin(struct ops *ops) {
	struct deciding *deciding = ops->deciding;
	const char *name = deciding->spec->name;
	if (!ops->request->applies_always && !is_ready(deciding)) {
		ops_set_phase(ops, "Pending");
		ops_set_step(ops, step_start, false, "WaitingForReady",
		             "MSSQLServer %s is not Ready; apply: Always does not wait for that", name);
		end_if_late(ops, step_start, TEXT("MSSQLServer %s is not Ready", name));
		return;
	}
	ops_set_phase(ops, "Progressing");
	ops_set_progress(ops, 0, deciding->spec->replica_count);
	ops_set_step(ops, step_start, true, "Started", "the request is carried out");
	ops_set_step(ops, step_pause, true, "Paused", "no pod of MSSQLServer %s is replaced for anything else", name);
	ops_say(ops, false, "VolumeExpansionStarted", "the volumes of MSSQLServer %s are expanded %s", name,
	        ops->request->is_offline ? "offline" : "online");
}

/* ---- All of them ---- */

/* What will never come of it; NULL: something may. */
static const char *hopeless(const struct deciding *deciding, const struct request_view *request, const char **words) {
	struct quantity size;
	const char *name = deciding->spec->name;
	const char *text = spec_volume_size(deciding->spec, &size);
	if (deciding->view->is_deleting) {
		*words = TEXT("MSSQLServer %s is being deleted", name);
		return "DatabaseDeleted";
	}
	if (deciding->spec->is_halted) {
		*words = TEXT("MSSQLServer %s is halted: set spec.halted to false, wait until it is Ready, and create "
		              "another request; volumes that have grown stay as they are",
		              name);
		return "DatabaseHalted";
	}
	if (text == NULL) {
		*words = TEXT("MSSQLServer %s has no volumes of its own: its data goes with the pods", name);
		return "NoVolumes";
	}
	if (request->phase == REQUEST_PENDING && quantity_compare(request->size, size) < 0) {
		*words = TEXT("the volumes of MSSQLServer %s have %s, more than is asked for; volumes do not shrink",
		              name, text);
		return "NotLarger";
	}
	return NULL;
}

static void consider(struct deciding *deciding, const struct request_view *request, const struct request_view *active) {
	struct ops ops;
	const char *words = NULL;
	ops_begin(&ops, deciding, request);
	const char *reason = hopeless(deciding, request, &words);
	if (reason != NULL) {
		ops_fail(&ops, reason, "%s", words);
	} else if (request != active) {
		ops_set_phase(&ops, "Pending");
		ops_set_step(&ops, step_start, false, "WaitingForRequest", "%s comes first", active->name);
		end_if_late(&ops, step_start, TEXT("request %s came first", active->name));
	} else if (request->phase == REQUEST_PENDING) {
		begin(&ops);
	} else {
		carry_on(&ops);
	}
	ops_end(&ops);
}

/* ---- What spec says, without a request: a SQLServerAvailabilityGroup's size, or that of an object made again over
 * volumes that were kept ---- */

static void grow_to_spec(struct deciding *deciding) {
	struct quantity size;
	if (decided_volume_size(deciding->view, &size) == NULL) return;
	const struct volume_wish wish = { size, size_text(&deciding->plan->arena, size), NULL };
	cleanup_strbuf struct strbuf words = { 0 };
	for (size_t i = 0; i < deciding->spec->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		enum volume_state state = volume_state(&replica->claim, size);
		if (state == VOLUME_DONE || state == VOLUME_ABSENT) continue;
		strbuf_printf(&words, "%s%s", words.length > 0 ? "; " : "", volume_words(deciding, replica, &wish));
		if (state == VOLUME_SMALL) volume_ask(deciding, replica, &wish);
	}
	bool is_growing = words.length > 0;
	if (!is_growing && deciding->view->has_set && !renew_set(deciding, size))
		strbuf_append(&words, "the StatefulSet is made again, with the pods that are there");
	if (is_growing) deciding->scratch->grown_at = deciding->view->now;
	if (words.length > 0) {
		plan_look(deciding->plan, 1000);
		find(deciding, "VolumesExpanded", false, is_growing ? "Expanding" : "RenewingStatefulSet", "%s",
		     strbuf_text(&words));
	} else if (condition_is_stored(deciding, "VolumesExpanded", "False")) {
		find(deciding, "VolumesExpanded", true, "Expanded", "every volume has %s", wish.text);
	}
}

void volumes_decide(struct deciding *deciding) {
	const struct view *view = deciding->view;
	const struct request_view *active = active_request(view->requests, view->request_count);
	for (size_t i = 0; i < view->request_count; i++) {
		if (view->requests[i].phase != REQUEST_OVER) consider(deciding, &view->requests[i], active);
	}
	if (active != NULL) deciding->scratch->grown_at = view->now;
	bool is_at_rest = active == NULL || active->phase != REQUEST_PROGRESSING;
	if (view->is_deleting || deciding->spec->is_halted || !view->has_finalizer || !is_at_rest) return;
	if (active == NULL) volumes_expand_by_policy(deciding);
	grow_to_spec(deciding);
}
