#include "controller/decide/plan.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/strbuf.h"

const struct action_row action_rows[ACTION_TYPES] = {
#define X(name_, target_, session_) [ACTION_##name_] = { #name_, TARGET_##target_, SESSION_##session_ },
	ACTIONS(X)
#undef X
};

static const char *keep(struct plan *plan, const char *text) {
	return text != NULL ? arena_strdup(&plan->arena, text) : NULL;
}

void plan_add(struct plan *plan, const struct action *action) {
	plan->actions = xreallocarray(plan->actions, plan->count + 1, sizeof(*plan->actions));
	plan->actions[plan->count++] = (struct action){
		.type = action->type,
		.pod = keep(plan, action->pod),
		.peer = keep(plan, action->peer),
		.text = keep(plan, action->text),
		.note = keep(plan, action->note),
		.reason = keep(plan, action->reason),
		.number = action->number,
		.json = action->json,
	};
}

const char *plan_text(struct plan *plan, const char *format, ...) {
	va_list args;
	va_start(args, format);
	cleanup_free char *text = xvasprintf(format, args);
	va_end(args);
	return arena_strdup(&plan->arena, text);
}

void plan_look(struct plan *plan, int64_t ms) {
	if (plan->look_ms == 0 || ms < plan->look_ms) plan->look_ms = ms > 0 ? ms : 1;
}

void plan_free(struct plan *plan) {
	for (size_t i = 0; i < plan->count; i++) json_object_put(plan->actions[i].json);
	free(plan->actions);
	arena_free(&plan->arena);
	*plan = (struct plan){ 0 };
}
