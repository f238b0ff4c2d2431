#include "kube/lease_keeper.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "kube/loop_private.h"

struct lease_keeper {
	struct loop_member member; /* first: the loop knows the keeper as this */
	struct kube_loop *loop;
	char *namespace;
	char *name;
	char *identity;
	void (*on_change)(void *context, bool leading);
	void *context;
	struct lease lease;
	struct transfer *transfer; /* NULL: nothing is under way */
	bool leading;              /* as on_change was told */
	bool troubled;             /* the API does not answer: said once */

	/* For other threads; boot_ms(). */
	_Atomic int64_t held_from;
	_Atomic int64_t held_until;
	atomic_bool release;
	atomic_bool released;
};

/* Unlike CLOCK_MONOTONIC it goes on while the machine is suspended. */
static int64_t boot_ms(void) {
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- Any thread ---- */

int64_t lease_keeper_left_ms(const struct lease_keeper *keeper) {
	/* held_until is set last and read first: a hold is never seen longer than it is. */
	int64_t until = atomic_load(&keeper->held_until);
	int64_t from = atomic_load(&keeper->held_from);
	int64_t now = boot_ms();
	if (atomic_load(&keeper->release) || now < from || now >= until) return 0;
	return until - now;
}

bool lease_keeper_holds(const struct lease_keeper *keeper) {
	return lease_keeper_left_ms(keeper) > 0;
}

void lease_keeper_release(struct lease_keeper *keeper) {
	atomic_store(&keeper->release, true);
	kube_loop_wake(keeper->loop);
}

bool lease_keeper_is_released(const struct lease_keeper *keeper) {
	return atomic_load(&keeper->released);
}

/* ---- The loop's thread ---- */

static void publish(struct lease_keeper *keeper) {
	atomic_store(&keeper->held_from, keeper->lease.held_from);
	atomic_store(&keeper->held_until, keeper->lease.held_until);
	atomic_store(&keeper->released, keeper->lease.released);
}

static void tell(struct lease_keeper *keeper) {
	bool leading = lease_is_held(&keeper->lease, boot_ms());
	if (leading == keeper->leading) return;
	keeper->leading = leading;
	log_info(leading ? "leading" : "not leading any more", log_str("lease", keeper->name),
	         log_str("identity", keeper->identity), log_str("holder", lease_holder(&keeper->lease)));
	if (keeper->on_change != NULL) keeper->on_change(keeper->context, leading);
}

/* The first failure in a row is logged, and its end. */
static void note_trouble(struct lease_keeper *keeper, const struct error *err) {
	bool expected = err == NULL || err->kind == ERROR_CONFLICT || err->kind == ERROR_NOT_FOUND;
	if (!expected && !keeper->troubled) {
		log_warning("the lease cannot be kept", log_str("lease", keeper->name), log_err(err));
	} else if (expected && keeper->troubled) {
		log_info("the lease can be kept again", log_str("lease", keeper->name));
	}
	keeper->troubled = !expected;
}

static void on_answer(void *context, struct json_object *answer, const struct error *err) {
	struct lease_keeper *keeper = context;
	keeper->transfer = NULL;
	note_trouble(keeper, err);
	lease_answer(&keeper->lease, boot_ms(), answer, err);
	publish(keeper);
	tell(keeper);
}

static void perform(struct lease_keeper *keeper, enum lease_action action) {
	static const enum kube_method methods[] = {
		[LEASE_READ] = KUBE_GET, [LEASE_CREATE] = KUBE_POST, [LEASE_REPLACE] = KUBE_PUT
	};
	cleanup_json struct json_object *body =
	        action != LEASE_READ ? lease_body(&keeper->lease, clock_wall_us()) : NULL;
	if (action == LEASE_CREATE) {
		json_set_text(body, "apiVersion", "coordination.k8s.io/v1");
		json_set_text(body, "kind", kube_leases.kind);
	}
	const struct kube_request request = {
		.method = methods[action],
		.resource = &kube_leases,
		.namespace = keeper->namespace,
		.name = action != LEASE_CREATE ? keeper->name : NULL,
		.body = body,
		.timeout_ms = lease_patience_ms(&keeper->lease),
	};
	keeper->transfer = transfer_start(keeper->loop, &request, on_answer, keeper);
	/* A repetition would count from the first attempt: we rather look again ourselves. */
	transfer_try_once(keeper->transfer);
}

static int64_t tick(struct loop_member *member, int64_t loop_now) {
	struct lease_keeper *keeper = (struct lease_keeper *)member;
	if (atomic_load(&keeper->release) && !keeper->lease.releasing) lease_release(&keeper->lease);
	tell(keeper); /* before anything is renewed: who was frozen has ceased to lead in between */
	int64_t now = boot_ms();
	int64_t at;
	enum lease_action action = lease_next(&keeper->lease, now, &at);
	publish(keeper);
	if (action != LEASE_WAIT) perform(keeper, action);
	/* Not later than the end of the hold, to tell of it. */
	if (keeper->lease.held_from > now && keeper->lease.held_from < at) at = keeper->lease.held_from;
	if (keeper->leading && keeper->lease.held_until < at) at = keeper->lease.held_until;
	return at == INT64_MAX ? INT64_MAX : loop_now + (at > now ? at - now : 0);
}

static void keeper_free(struct loop_member *member) {
	struct lease_keeper *keeper = (struct lease_keeper *)member;
	if (keeper->transfer != NULL) transfer_cancel(keeper->transfer);
	lease_destroy(&keeper->lease);
	free(keeper->namespace);
	free(keeper->name);
	free(keeper->identity);
	free(keeper);
}

struct lease_keeper *lease_keeper_new(struct kube_loop *loop, const struct lease_keeper_options *options) {
	struct lease_keeper *keeper = xcalloc(1, sizeof(*keeper));
	keeper->member = (struct loop_member){ .tick = tick, .free = keeper_free };
	keeper->loop = loop;
	keeper->namespace = xstrdup(options->namespace);
	keeper->name = xstrdup(options->name);
	keeper->identity = xasprintf("%s_%08x%08x", options->identity, arc4random(), arc4random());
	keeper->on_change = options->on_change;
	keeper->context = options->context;
	const struct lease_times *times = options->times != NULL ? options->times : &lease_default_times;
	lease_init(&keeper->lease, keeper->namespace, keeper->name, keeper->identity, times, arc4random());
	publish(keeper);
	loop_add_member(loop, &keeper->member);
	return keeper;
}
