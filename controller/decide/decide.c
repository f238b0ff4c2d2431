#include "controller/decide/decide.h"

#include <string.h>

#include "base/memory.h"
#include "controller/decide/deciding.h"

/* When a part has its say. */
enum {
	ALWAYS = 1 << 0,
	WHILE_KEPT = 1 << 1,    /* the object is not being deleted */
	WHILE_RUNNING = 1 << 2, /* … and there shall be pods */
	WHILE_STEADY = 1 << 3,  /* … and no promotion is under way, nor wanted */
};

static const struct part {
	void (*decide)(struct deciding *deciding);
	unsigned when;
} parts[] = {
	{ lifecycle_decide, ALWAYS },
	{ bootstrap_decide, WHILE_KEPT | WHILE_RUNNING },
	{ promotion_decide, WHILE_KEPT | WHILE_RUNNING },
	{ set_decide, WHILE_KEPT | WHILE_RUNNING | WHILE_STEADY },
	{ ladder_decide, WHILE_KEPT | WHILE_RUNNING | WHILE_STEADY },
	{ databases_decide, WHILE_KEPT | WHILE_RUNNING | WHILE_STEADY },
	{ settings_decide, WHILE_KEPT | WHILE_RUNNING | WHILE_STEADY },
	{ rollout_decide,
	  WHILE_KEPT | WHILE_RUNNING }, /* a pod that cannot start may be all that a promotion waits for */
	{ volumes_decide, ALWAYS },     /* requests for what is halted or deleted end, too */
	{ labels_decide, WHILE_KEPT | WHILE_RUNNING },
};

static bool is_time_for(const struct deciding *deciding, unsigned when) {
	if (when & WHILE_KEPT && deciding->view->is_deleting) return false;
	if (when & WHILE_RUNNING && deciding->spec->is_halted) return false;
	if (when & WHILE_STEADY && deciding->state != GROUP_STEADY && deciding->state != GROUP_NONE) return false;
	return true;
}

void decide(const struct view *view, struct scratch *scratch, struct plan *plan) {
	struct deciding deciding = {
		.view = view,
		.spec = view->spec,
		.record = view->record,
		.scratch = scratch,
		.plan = plan,
		.next = *view->record,
		.servers_are_ours = view->record->generation > 0 && view->record->holder != NULL &&
		                    strcmp(view->record->holder, view->identity) == 0,
	};
	promotion_judge(&deciding);
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		if (is_time_for(&deciding, parts[i].when)) parts[i].decide(&deciding);
	}
	/* The record changes first; whoever wanted to change a server will be asked again. */
	if (deciding.wants_generation && !deciding.servers_are_ours) {
		deciding.next.generation = view->record->generation + 1;
		deciding.next.holder = view->identity;
	}
	if (deciding.newest_generation > 0 && deciding.next.generation <= deciding.newest_generation) {
		deciding.next.generation = deciding.newest_generation + 1;
		deciding.next.holder = view->identity;
	}
	report_decide(&deciding);
}
