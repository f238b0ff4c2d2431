/* One volume's expansion, as its claim shows it: asked for in spec, then the storage's part (Resizing), then the node's
 * (FileSystemResizePending), then status.capacity (docs/concepts/storage/persistent-volumes.md of kubernetes/website).
 */
#include <string.h>

#include "base/json.h"
#include "controller/decide/volumes.h"

enum {
	RETRIES = 5, /* refused so many times in a row, it is no accident */
	HTTP_FORBIDDEN = 403,
	HTTP_INVALID = 422
};

/* ---- How large ---- */

static const struct json_object *size_in_spec(const struct spec *spec) {
	if (!spec->has_own_claims) return NULL;
	const struct json_object *storage = json_get_path(spec->completed, "spec", "storage", NULL);
	const struct json_object *of_group = json_get(storage, "dataVolumeSize");
	return of_group != NULL ? of_group : json_get_path(storage, "resources", "requests", "storage", NULL);
}

const char *spec_volume_size(const struct spec *spec, struct quantity *size) {
	const struct json_object *json = size_in_spec(spec);
	*size = (struct quantity){ 0 };
	if (json == NULL || !quantity_from_json(json, size)) return NULL;
	return json_object_is_type(json, json_type_string) ? json_object_get_string((struct json_object *)json) : "";
}

const char *size_text(struct arena *arena, struct quantity size) {
	static const char *const units[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi" };
	long long amount = quantity_value(size);
	size_t unit = 0;
	for (; amount != 0 && amount % 1024 == 0 && unit + 1 < ARRAY_LENGTH(units); unit++) amount /= 1024;
	return arena_printf(arena, "%lld%s", amount, units[unit]);
}

const char *wanted_volume_size(const struct spec *spec, const struct request_view *requests, size_t count,
                               struct arena *arena, struct quantity *size) {
	const char *text = spec_volume_size(spec, size);
	const struct request_view *request = active_request(requests, count);
	if (text == NULL) return NULL;
	if (request != NULL && request->phase == REQUEST_PROGRESSING && quantity_compare(request->size, *size) > 0) {
		*size = request->size;
		text = request->size_text != NULL ? request->size_text : "";
	}
	return *text != '\0' ? text : size_text(arena, *size);
}

/* ---- How far ---- */

enum volume_state volume_state(const struct claim_view *claim, struct quantity size) {
	if (!claim->exists || claim->is_deleting) return VOLUME_ABSENT;
	if (quantity_compare(claim->requested, size) < 0) return VOLUME_SMALL;
	if (quantity_compare(claim->capacity, size) >= 0) return VOLUME_DONE;
	/* Not bound yet: it will be made as large as it asks to be. */
	if (quantity_value(claim->capacity) == 0) return VOLUME_DONE;
	if (claim->waits_for_node) return VOLUME_WAITS_FOR_NODE;
	return claim->is_resizing ? VOLUME_GROWING : VOLUME_ASKED;
}

bool volumes_are_at_rest(const struct view *view, struct quantity size) {
	for (size_t i = 0; i < view->spec->replica_count; i++) {
		enum volume_state state = volume_state(&view->replicas[i].claim, size);
		if (state != VOLUME_DONE && state != VOLUME_ABSENT) return false;
	}
	return true;
}

/* Failures are counted for each request anew. */
void volume_ask(struct deciding *deciding, const struct replica_view *replica, const struct volume_wish *wish) {
	change_api(deciding, &(struct action){ .type = ACTION_PATCH_CLAIM,
	                                       .pod = replica->pod_name,
	                                       .peer = wish->request != NULL ? wish->request->name : NULL,
	                                       .text = wish->text,
	                                       .reason = "its volume shall be larger" });
}

static const struct attempt *refusal_of(const struct deciding *deciding, const struct replica_view *replica,
                                        const struct volume_wish *wish) {
	const char *peer = wish->request != NULL ? wish->request->name : wish->text;
	return attempt_of(deciding->view, ACTION_PATCH_CLAIM, replica->pod_name, peer);
}

bool volume_is_refused(const struct deciding *deciding, const struct replica_view *replica,
                       const struct volume_wish *wish) {
	const struct attempt *refusal = refusal_of(deciding, replica, wish);
	if (refusal == NULL || (refusal->number != HTTP_FORBIDDEN && refusal->number != HTTP_INVALID)) return false;
	return refusal->failures > (wish->request->max_retries >= 0 ? wish->request->max_retries : RETRIES);
}

/* ---- Words ---- */

#define TEXT(...) plan_text(deciding->plan, __VA_ARGS__)

static const char *words_of_refusal(struct deciding *deciding, const struct replica_view *replica,
                                    const struct attempt *refusal, const char *text) {
	const char *advice = "";
	if (refusal->number == HTTP_FORBIDDEN)
		advice = "; whoever looks after the namespace must allow it (kubectl get resourcequota), then a new "
		         "request goes on from here";
	if (refusal->number == HTTP_FORBIDDEN && strstr(refusal->message, "resize") != NULL)
		advice = "; its StorageClass must allow it (allowVolumeExpansion: true), then a new request goes on "
		         "from here";
	return TEXT("volume data-%s: Kubernetes refuses to make it %s: %s%s", replica->pod_name, text, refusal->message,
	            advice);
}

static const char *with_trouble(struct deciding *deciding, const struct claim_view *claim, const char *words) {
	if (claim->trouble == NULL) return words;
	return TEXT("%s; it says: %s; it is tried again by itself, and whoever runs the storage can say more", words,
	            claim->trouble);
}

const char *volume_words(struct deciding *deciding, const struct replica_view *replica,
                         const struct volume_wish *wish) {
	const char *text = wish->text;
	const struct claim_view *claim = &replica->claim;
	const char *pod = replica->pod_name;
	const char *node = replica->pod.node != NULL ? replica->pod.node : "its node";
	const struct attempt *refusal = refusal_of(deciding, replica, wish);
	switch (volume_state(claim, wish->size)) {
	case VOLUME_ABSENT: return TEXT("volume data-%s does not exist: it will be made with %s", pod, text);
	case VOLUME_SMALL:
		if (refusal != NULL) return words_of_refusal(deciding, replica, refusal, text);
		return TEXT("volume data-%s: %s is asked for", pod, text);
	case VOLUME_ASKED:
		return with_trouble(
		        deciding, claim,
		        TEXT("volume data-%s: %s is asked for; the storage driver has not begun", pod, text));
	case VOLUME_GROWING:
		return with_trouble(deciding, claim,
		                    TEXT("volume data-%s: the storage driver makes the disk %s", pod, text));
	case VOLUME_WAITS_FOR_NODE:
		return with_trouble(
		        deciding, claim,
		        TEXT("volume data-%s: the disk has %s, and %s is to make its file system larger; if "
		             "it stays so the driver needs the pod restarted: delete this request, and "
		             "create one with mode Offline",
		             pod, text, node));
	case VOLUME_DONE: break;
	}
	if (quantity_compare(claim->requested, wish->size) > 0) {
		return TEXT("volume data-%s has %s, more than the %s asked for: it stays as it is", pod,
		            size_text(&deciding->plan->arena, claim->requested), text);
	}
	return TEXT("volume data-%s has %s", pod, text);
}
