/* spec.autoExpand: volumes grow before they are full.
 *
 * An MSSQLServer's grow by an ops request, as if a person had created it: named after the size, so that it is created
 * once. A SQLServerAvailabilityGroup has no requests, and its spec belongs to its user (and to whatever applies it from
 * a repository, which would set it back): there the claims themselves are what is remembered. One is asked for more,
 * and from then on the largest claim, up to `max`, is the size of all of them. */
#include <string.h>

#include "base/json.h"
#include "controller/decide/trouble.h"
#include "controller/decide/volumes.h"

struct policy {
	int64_t at_percent;
	struct quantity by, max;
};

static bool read_policy(const struct spec *spec, struct policy *policy) {
	const struct json_object *json = json_get_path(spec->completed, "spec", "autoExpand", NULL);
	const struct json_object *by = json_get(json, "by"), *max = json_get(json, "max");
	if (by == NULL || max == NULL || !spec->has_own_claims) return false;
	policy->at_percent = json_get_integer(json, "atPercent", 85);
	return quantity_from_json(by, &policy->by) && quantity_from_json(max, &policy->max);
}

static bool has_requests(const struct spec *spec) {
	return strcmp(spec->kind->name, "MSSQLServer") == 0;
}

static struct quantity smaller(struct quantity a, struct quantity b) {
	return quantity_compare(a, b) < 0 ? a : b;
}

void raise_to_policy(const struct spec *spec, struct quantity requested, struct quantity *size) {
	struct policy policy;
	if (has_requests(spec) || !read_policy(spec, &policy)) return;
	struct quantity asked = smaller(requested, policy.max);
	if (quantity_compare(asked, *size) > 0) *size = asked;
}

const char *decided_volume_size(const struct view *view, struct quantity *size) {
	const char *text = spec_volume_size(view->spec, size);
	for (size_t i = 0; i < view->spec->replica_count; i++)
		raise_to_policy(view->spec, view->replicas[i].claim.requested, size);
	return text;
}

/* ---- When ---- */

static int percent_of(const struct sql_volume_row *volume) {
	int64_t used = volume->total_bytes - volume->available_bytes;
	if (volume->total_bytes <= 0 || used <= 0) return 0;
	return (int)((double)used * 100 / (double)volume->total_bytes);
}

/* A replica whose volume is as full as that; NULL: none. What was told before the volumes have grown does not count. */
static const struct replica_view *find_filled(const struct deciding *deciding, int64_t at_percent, int *percent) {
	const struct view *view = deciding->view;
	int64_t grown_at = deciding->scratch->grown_at;
	for (size_t i = 0; i < view->spec->replica_count; i++) {
		const struct sql_observation *seen = view->replicas[i].server.seen;
		if (grown_at != 0 && view->replicas[i].server.seen_at <= grown_at) continue;
		for (size_t k = 0; seen != NULL && k < seen->volume_count; k++) {
			*percent = percent_of(&seen->volumes[k]);
			if (*percent >= at_percent) return &view->replicas[i];
		}
	}
	return NULL;
}

/* ---- How ---- */

static const struct request_view *find_request(const struct view *view, const char *name) {
	for (size_t i = 0; i < view->request_count; i++) {
		if (strcmp(view->requests[i].name, name) == 0) return &view->requests[i];
	}
	return NULL;
}

static struct json_object *request_json(const struct spec *spec, const char *name, const char *size) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "name", name);
	json_set_text(metadata, "namespace", spec->namespace);
	struct json_object *reference = json_object_new_object();
	json_set_text(reference, "name", spec->name);
	struct json_object *expansion = json_object_new_object();
	json_set_text(expansion, "mode", "Online");
	json_set_text(expansion, "mssqlserver", size);
	struct json_object *body = json_object_new_object();
	json_set_text(body, "type", "VolumeExpansion");
	json_set(body, "databaseRef", reference);
	json_set(body, "volumeExpansion", expansion);
	json_set_text(body, "apply", "Always");
	struct json_object *request = json_object_new_object();
	json_set_text(request, "apiVersion", "ops.kubedb.com/v1alpha1");
	json_set_text(request, "kind", "MSSQLServerOpsRequest");
	json_set(request, "metadata", metadata);
	json_set(request, "spec", body);
	return request;
}

/* Names are lower case (RFC 1123). */
static const char *request_name(struct deciding *deciding, const char *size) {
	char *name = arena_printf(&deciding->plan->arena, "%s-auto-%s", deciding->spec->name, size);
	for (char *c = name; *c != '\0'; c++) {
		if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
	}
	return name;
}

static const char *create_request(struct deciding *deciding, const char *size) {
	const char *name = request_name(deciding, size);
	const struct attempt *failed = attempt_of(deciding->view, ACTION_CREATE_REQUEST, NULL, name);
	if (find_request(deciding->view, name) != NULL)
		return plan_text(deciding->plan,
		                 "MSSQLServerOpsRequest %s did not succeed (kubectl -n %s describe msops %s "
		                 "says why); delete it, and another is created",
		                 name, deciding->spec->namespace, name);
	change_api(deciding, &(struct action){ .type = ACTION_CREATE_REQUEST,
	                                       .text = name,
	                                       .json = request_json(deciding->spec, name, size),
	                                       .reason = "spec.autoExpand" });
	return failed != NULL ? failed->message : NULL;
}

/* Refused, it is asked for again in a while, and the condition says why. */
static const char *ask(struct deciding *deciding, const struct replica_view *filled, const struct volume_wish *wish,
                       int percent) {
	const char *pod = filled->pod_name;
	bool was_refused = attempt_of(deciding->view, ACTION_PATCH_CLAIM, pod, wish->text) != NULL;
	volume_ask(deciding, filled, wish);
	if (was_refused) return volume_words(deciding, filled, wish);
	if (is_untold(deciding, pod, wish->text))
		say(deciding, false, "AutoExpansion", "volume data-%s is %d %% full: all volumes are expanded to %s",
		    pod, percent, wish->text);
	return NULL;
}

void volumes_expand_by_policy(struct deciding *deciding) {
	const struct view *view = deciding->view;
	struct policy policy;
	struct quantity size;
	int percent;
	if (!read_policy(view->spec, &policy) || decided_volume_size(view, &size) == NULL) return;
	const struct replica_view *filled = find_filled(deciding, policy.at_percent, &percent);
	if (filled == NULL) {
		find_trouble(deciding, "AutoExpanded", "", NULL);
		return;
	}
	if (!volumes_are_at_rest(view, size)) return;
	const char *trouble = NULL;
	struct quantity next = smaller((struct quantity){ size.nano + policy.by.nano }, policy.max);
	const char *text = size_text(&deciding->plan->arena, next);
	if (quantity_compare(next, size) <= 0) {
		trouble = plan_text(deciding->plan,
		                    "volume data-%s fills up, and spec.autoExpand.max (%s) is reached: raise it, "
		                    "or free space",
		                    filled->pod_name, size_text(&deciding->plan->arena, policy.max));
	} else if (has_requests(view->spec)) {
		trouble = create_request(deciding, text);
	} else {
		trouble = ask(deciding, filled, &(struct volume_wish){ next, text, NULL }, percent);
	}
	find_trouble(deciding, "AutoExpanded", "CannotExpand", trouble);
}
