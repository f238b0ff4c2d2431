#include "kube/loop.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/client_private.h"
#include "kube/loop_private.h"

struct transfer {
	struct transfer *next;
	struct kube_loop *loop;
	struct call call;
	CURL *easy;
	bool running; /* the multi handle has it */
	bool try_once;
	bool takes_place;
	int urgency;
	int attempts;
	int64_t start_at; /* when not running: monotonic milliseconds */
	kube_done *done;
	void *context;
};

struct kube_loop {
	struct kube_client *client;
	CURLM *multi;
	struct transfer *transfers; /* the newest first */
	int places_taken;
	struct loop_member *members;
	int64_t distrust_until; /* monotonic milliseconds */
	int64_t success_at;     /* the same; 0: never */
	pthread_t thread;
	bool has_thread;
	atomic_bool stopping;
};

struct kube_loop *kube_loop_new(struct kube_client *client) {
	struct kube_loop *loop = xcalloc(1, sizeof(*loop));
	loop->client = client;
	loop->multi = curl_multi_init();
	if (loop->multi == NULL) abort();
	return loop;
}

/* ---- Transfers ---- */

struct transfer *transfer_start(struct kube_loop *loop, const struct kube_request *request, kube_done *done,
                                void *context) {
	struct transfer *transfer = xmalloc(sizeof(*transfer));
	*transfer = (struct transfer){
		.next = loop->transfers,
		.loop = loop,
		.easy = curl_easy_init(),
		.start_at = clock_monotonic_ms(),
		.done = done,
		.context = context,
	};
	if (transfer->easy == NULL) abort();
	call_init(&transfer->call, loop->client, request);
	loop->transfers = transfer;
	return transfer;
}

static void unlink_transfer(struct transfer *transfer) {
	struct transfer **at = &transfer->loop->transfers;
	while (*at != transfer) at = &(*at)->next;
	*at = transfer->next;
}

/* Before and after curl has it. */
static void set_running(struct transfer *transfer, bool running) {
	if (transfer->takes_place) transfer->loop->places_taken += running - transfer->running;
	transfer->running = running;
}

void transfer_cancel(struct transfer *transfer) {
	unlink_transfer(transfer);
	if (transfer->running) curl_multi_remove_handle(transfer->loop->multi, transfer->easy);
	set_running(transfer, false);
	curl_easy_cleanup(transfer->easy);
	call_free(&transfer->call);
	free(transfer);
}

struct call *transfer_call(struct transfer *transfer) {
	return &transfer->call;
}

void transfer_try_once(struct transfer *transfer) {
	transfer->try_once = true;
}

long transfer_status(const struct transfer *transfer) {
	long status = 0;
	if (transfer->running) curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

/* Ends the transfer and tells whoever asked; `done` may start new ones. */
static void complete(struct transfer *transfer, struct json_object *answer, const struct error *err) {
	transfer->done(transfer->context, answer, err);
	transfer_cancel(transfer);
}

static void begin_attempt(struct transfer *transfer) {
	cleanup_error struct error *err = NULL;
	transfer->attempts++;
	transfer->call.fresh_connection = clock_monotonic_ms() < transfer->loop->distrust_until;
	if (call_prepare(&transfer->call, transfer->easy, &err) < 0) {
		complete(transfer, NULL, err);
		return;
	}
	curl_easy_setopt(transfer->easy, CURLOPT_PRIVATE, transfer);
	if (curl_multi_add_handle(transfer->loop->multi, transfer->easy) != CURLM_OK) abort();
	set_running(transfer, true);
}

void loop_distrust_connections(struct kube_loop *loop) {
	enum { DISTRUST_MS = 10 * 1000 };
	loop->distrust_until = clock_monotonic_ms() + DISTRUST_MS;
}

void loop_note_success(struct kube_loop *loop) {
	loop->success_at = clock_monotonic_ms();
}

int64_t loop_last_success(const struct kube_loop *loop) {
	return loop->success_at;
}

static void end_attempt(struct transfer *transfer, CURLcode result) {
	cleanup_error struct error *err = NULL;
	cleanup_json struct json_object *answer = NULL;
	curl_multi_remove_handle(transfer->loop->multi, transfer->easy);
	set_running(transfer, false);
	if (result == CURLE_OPERATION_TIMEDOUT) loop_distrust_connections(transfer->loop);
	if (call_finish(&transfer->call, result, &answer, &err) < 0) {
		bool may_repeat = !transfer->try_once || err->code == 401;
		int64_t delay = may_repeat ? call_retry_delay_ms(&transfer->call, err, transfer->attempts) : -1;
		if (delay >= 0) {
			transfer->start_at = clock_monotonic_ms() + delay;
			return;
		}
	}
	if (err == NULL) loop_note_success(transfer->loop);
	complete(transfer, answer, err);
}

static bool has_place(const struct transfer *transfer) {
	int places = transfer->urgency > 0 ? 2 * KUBE_AT_ONCE : KUBE_AT_ONCE;
	return !transfer->takes_place || transfer->loop->places_taken < places;
}

static bool goes_before(const struct transfer *one, const struct transfer *other) {
	if (one->takes_place != other->takes_place) return other->takes_place;
	return one->urgency > other->urgency;
}

/* When there is something to do for it; INT64_MAX: curl has it. Who has no place gets it when another one ends, which
 * ends the wait; or is told at its deadline that its time is over. */
static int64_t due_at(const struct transfer *transfer) {
	if (transfer->running) return INT64_MAX;
	return has_place(transfer) ? transfer->start_at : transfer->call.deadline;
}

/* Of the first in rank the oldest. Completing one may add and remove others, so every find starts over; there are a few
 * hundred at most. */
static struct transfer *find_due(const struct kube_loop *loop, int64_t now) {
	struct transfer *found = NULL;
	for (struct transfer *transfer = loop->transfers; transfer != NULL; transfer = transfer->next) {
		if (due_at(transfer) > now) continue;
		if (found == NULL || !goes_before(found, transfer)) found = transfer;
	}
	return found;
}

void transfer_queue(struct transfer *transfer, int urgency) {
	transfer->takes_place = true;
	transfer->urgency = urgency;
}

void kube_loop_submit(struct kube_loop *loop, const struct kube_request *request, kube_done *done, void *context) {
	transfer_queue(transfer_start(loop, request, done, context), request->urgency);
}

/* ---- Steps ---- */

void loop_add_member(struct kube_loop *loop, struct loop_member *member) {
	member->next = loop->members;
	loop->members = member;
}

static int64_t tick_members(struct kube_loop *loop, int64_t now) {
	int64_t next = INT64_MAX;
	for (struct loop_member *member = loop->members; member != NULL; member = member->next) {
		int64_t at = member->tick(member, now);
		if (at < next) next = at;
	}
	return next;
}

static int64_t next_start(const struct kube_loop *loop) {
	int64_t next = INT64_MAX;
	for (const struct transfer *transfer = loop->transfers; transfer != NULL; transfer = transfer->next) {
		int64_t at = due_at(transfer);
		if (at < next) next = at;
	}
	return next;
}

void kube_loop_step(struct kube_loop *loop, int64_t max_wait_ms) {
	int64_t now = clock_monotonic_ms();
	int64_t due = tick_members(loop, now);
	if (next_start(loop) < due) due = next_start(loop);
	int64_t wait = due <= now ? 0 : due - now;
	if (wait > max_wait_ms) wait = max_wait_ms;
	curl_multi_poll(loop->multi, NULL, 0, (int)(wait < INT32_MAX ? wait : INT32_MAX), NULL);

	now = clock_monotonic_ms();
	for (struct transfer *transfer; (transfer = find_due(loop, now)) != NULL;) begin_attempt(transfer);
	int running;
	curl_multi_perform(loop->multi, &running);
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(loop->multi, &left)) != NULL;) {
		struct transfer *transfer;
		if (message->msg != CURLMSG_DONE) continue;
		CURLcode result = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		end_attempt(transfer, result);
	}
}

void kube_loop_wake(struct kube_loop *loop) {
	curl_multi_wakeup(loop->multi);
}

/* ---- A thread of its own ---- */

static void *run(void *context) {
	enum { AT_LEAST_EVERY_MS = 60000 };
	struct kube_loop *loop = context;
	while (!atomic_load(&loop->stopping)) kube_loop_step(loop, AT_LEAST_EVERY_MS);
	return NULL;
}

int kube_loop_start(struct kube_loop *loop, struct error **err) {
	atomic_store(&loop->stopping, false);
	int failed = pthread_create(&loop->thread, NULL, run, loop);
	if (failed != 0) return error_errno(err, failed, "the API event loop's thread");
	loop->has_thread = true;
	return 0;
}

void kube_loop_stop(struct kube_loop *loop) {
	if (!loop->has_thread) return;
	atomic_store(&loop->stopping, true);
	kube_loop_wake(loop);
	pthread_join(loop->thread, NULL);
	loop->has_thread = false;
}

void kube_loop_free(struct kube_loop *loop) {
	if (loop == NULL) return;
	kube_loop_stop(loop);
	/* Members first: they cancel their own transfers; whoever submitted one that is left is told. */
	while (loop->members != NULL) {
		struct loop_member *member = loop->members;
		loop->members = member->next;
		member->free(member);
	}
	cleanup_error struct error *err = NULL;
	error_set(&err, ERROR_UNAVAILABLE, "shutting down");
	while (loop->transfers != NULL) complete(loop->transfers, NULL, err);
	curl_multi_cleanup(loop->multi);
	free(loop);
}
