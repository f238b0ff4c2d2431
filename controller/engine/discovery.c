/* What the API offers beyond the resources that every cluster has: asked on the loop, without waiting. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"

enum { AGAIN_MS = 600 * 1000, SOON_MS = 2000 };

static const struct kube_resource *const resources[OFFERS] = {
	[OFFER_POLICY_V1] = &kube_poddisruptionbudgets,
	[OFFER_POLICY_V1BETA1] = &kube_poddisruptionbudgets_v1beta1,
	[OFFER_SERVICE_MONITORS] = &kube_servicemonitors,
	[OFFER_ISSUERS] = &kube_issuers,
};

/* Whether an APIResourceList holds it. */
static bool is_listed(const struct json_object *list, const struct kube_resource *resource) {
	struct json_object *offered = json_get(list, "resources");
	if (!json_object_is_type(offered, json_type_array)) return false;
	for (size_t i = 0; i < json_object_array_length(offered); i++) {
		const char *name = json_get_text(json_object_array_get_idx(offered, i), "name");
		if (name != NULL && strcmp(name, resource->plural) == 0) return true;
	}
	return false;
}

struct question {
	struct engine *engine;
	enum engine_offer which;
};

static void settle(struct engine *engine, enum engine_offer which, bool is_there) {
	struct offer *offer = &engine->offers[which];
	bool changed = !offer->is_known || offer->is_there != is_there;
	offer->is_known = true;
	offer->is_there = is_there;
	offer->ask_at = clock_monotonic_ms() + AGAIN_MS;
	if (!changed) return;
	const struct offer *v1 = &engine->offers[OFFER_POLICY_V1];
	if (v1->is_known && (v1->is_there || engine->offers[OFFER_POLICY_V1BETA1].is_known))
		follow_budgets(engine, v1->is_there);
	follow_add_all(engine);
}

static void on_list(void *context, struct json_object *answer, const struct error *err) {
	struct question *question = context;
	struct engine *engine = question->engine;
	engine->offers[question->which].is_asked = false;
	if (err == NULL) settle(engine, question->which, is_listed(answer, resources[question->which]));
	else if (err->kind == ERROR_NOT_FOUND) settle(engine, question->which, false);
	else engine->offers[question->which].ask_at = clock_monotonic_ms() + SOON_MS;
	free(question);
}

static void ask(struct engine *engine, enum engine_offer which) {
	cleanup_strbuf struct strbuf path = { 0 };
	strbuf_append(&path, "/apis/");
	kube_resource_api_version(&path, resources[which]);
	struct question *question = xmalloc(sizeof(*question));
	*question = (struct question){ engine, which };
	engine->offers[which].is_asked = true;
	const struct kube_request request = { .method = KUBE_GET, .raw_path = strbuf_text(&path) };
	kube_loop_submit(engine->options.loop, &request, on_list, question);
}

int64_t discovery_tick(struct engine *engine, int64_t now) {
	int64_t next = INT64_MAX;
	for (int i = 0; i < OFFERS; i++) {
		struct offer *offer = &engine->offers[i];
		if (offer->is_asked) continue;
		if (offer->ask_at <= now) ask(engine, (enum engine_offer)i);
		else if (offer->ask_at < next) next = offer->ask_at;
	}
	return next;
}
