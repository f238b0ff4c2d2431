/* What must hold while volumes grow, and in the end. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "simulation/model.h"

static const char *name_of(const struct json_object *request) {
	return json_get_text(json_get(request, "metadata"), "name");
}

static const char *phase_in(const struct json_object *request) {
	const char *phase = json_get_text(json_get(request, "status"), "phase");
	return phase != NULL ? phase : "";
}

static bool is_over(const char *phase) {
	return strcmp(phase, "Successful") == 0 || strcmp(phase, "Failed") == 0;
}

/* ---- At every step ---- */

/* One that is over is never run again, and two are never carried out at once. */
void check_request(struct model *model, const struct json_object *before, const struct json_object *after) {
	const char *old = phase_in(before), *new = phase_in(after);
	if (strcmp(old, new) == 0) return;
	note(model, "%s is %s", name_of(before), new);
	if (is_over(old)) violate(model, "request", "%s was %s and is %s", name_of(before), old, new);
	if (strcmp(old, "Progressing") == 0 && !is_over(new))
		violate(model, "request", "%s was Progressing and is \"%s\"", name_of(before), new);
	for (int i = 0; i < REQUESTS && strcmp(new, "Progressing") == 0; i++) {
		const struct request *other = &model->cluster.requests[i];
		if (strcmp(request_phase(other), "Progressing") == 0)
			violate(model, "request", "%s is Progressing, and so is %s", name_of(before),
			        name_of(other->json));
	}
}

void check_claim_size(struct model *model, int slot, int64_t size) {
	const struct claim *claim = &model->cluster.claims[slot];
	if (size < claim->requested)
		violate(model, "shrink", "data-sales-%d asks for %lldGi, and shall ask for %lldGi", slot,
		        (long long)(claim->requested / GIB), (long long)(size / GIB));
}

static bool has_offline_request(const struct model *model) {
	for (int i = 0; i < REQUESTS; i++) {
		const struct json_object *json = model->cluster.requests[i].json;
		const char *mode = json_get_text(json_get_path(json, "spec", "volumeExpansion", NULL), "mode");
		if (mode != NULL && strcmp(mode, "Offline") == 0) return true;
	}
	return false;
}

static const char *why_it_is_missed(struct model *model, int slot) {
	const struct pod *pod = &model->cluster.pods[slot];
	if (!pod->exists || pod->deleting) return "has no pod";
	if (storage_is_full(model, slot)) return NULL;
	if (!pod->ready) return "is not ready";
	return is_synchronized_to(model, slot) ? NULL : "is not synchronized";
}

/* Online nobody is restarted; offline one at a time, each back and synchronized before the next. */
void check_pod_taken(struct model *model, const struct controller *controller, const struct action *action) {
	if (action->type != ACTION_DELETE_POD || strstr(action->reason, "volume") == NULL) return;
	if (model->requests_made == 0 || (!has_offline_request(model) && model->requests_deleted == 0))
		violate(model, "online", "%s is restarted, and nobody asked for an expansion offline", action->pod);
	int taken = pod_slot(action->pod);
	for (int slot = 0; slot < (int)controller->spec.replica_count; slot++) {
		const struct pod *seen = &controller->cache.pods[slot];
		if (slot != taken && (!seen->exists || seen->deleting))
			violate(model, "one at a time", "%s is taken away while sales-%d is", action->pod, slot);
		/* With no fault but the controller's death nobody may be missed in truth either. */
		const char *why = model->has_faults || slot == taken ? NULL : why_it_is_missed(model, slot);
		if (why != NULL)
			violate(model, "one at a time", "%s is taken away while sales-%d %s", action->pod, slot, why);
	}
}

/* ---- In the end ---- */

static bool claims_fit(struct model *model, char why[200]) {
	int64_t size = size_of_object(model) * (int64_t)GIB;
	for (int slot = 0; slot < model->configuration->replicas; slot++) {
		const struct claim *claim = &model->cluster.claims[slot];
		if (claim->exists && claim->requested == size && claim->capacity == size) continue;
		snprintf(why, 200, "data-sales-%d asks for %lldGi and has %lldGi, not %dGi", slot,
		         (long long)(claim->requested / GIB), (long long)(claim->capacity / GIB),
		         size_of_object(model));
		return false;
	}
	return true;
}

bool volumes_fit(struct model *model, char why[200]) {
	const struct workload *set = &model->cluster.set;
	if (!set->exists || set->deleting || set->claim_size != size_of_object(model) * (int64_t)GIB) {
		snprintf(why, 200, "the StatefulSet %s, its template says %lldGi",
		         set->exists && !set->deleting ? "is there" : "is away", (long long)(set->claim_size / GIB));
		return false;
	}
	for (int i = 0; i < REQUESTS; i++) {
		const struct request *request = &model->cluster.requests[i];
		if (request->json == NULL || is_over(request_phase(request))) continue;
		snprintf(why, 200, "%s is \"%s\"", name_of(request->json), request_phase(request));
		return false;
	}
	for (int slot = 0; slot < SLOTS; slot++) {
		if (!model->cluster.pods[slot].exists || !model->cluster.pods[slot].orphan) continue;
		snprintf(why, 200, "pod sales-%d is nobody's", slot);
		return false;
	}
	return claims_fit(model, why);
}
