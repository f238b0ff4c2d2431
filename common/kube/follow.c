/* How a cache follows the server: list, watch, and what to do when either ends. The protocol is that of
 * https://kubernetes.io/docs/reference/using-api/api-concepts/ ("Efficient detection of changes"). */
#include <stdlib.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "kube/cache_private.h"
#include "kube/watch_event.h"

static void contact(struct kube_cache *cache) {
	atomic_store(&cache->contact_at, clock_monotonic_ms());
}

static void pause_for(struct kube_cache *cache, int64_t milliseconds) {
	cache->follow.state = FOLLOW_PAUSED;
	cache->follow.resume_at = clock_monotonic_ms() + milliseconds;
}

static void forget_listed(struct follow *follow) {
	kube_objects_free(&follow->listed);
	follow->listed_capacity = 0;
}

static void forget_position(struct follow *follow) {
	free(take(&follow->resource_version));
}

/* ---- Trouble ---- */

static enum follow_trouble trouble_of(const struct error *err) {
	if (err->kind == ERROR_NOT_FOUND) return TROUBLE_ABSENT;
	if (err->kind == ERROR_FORBIDDEN) return TROUBLE_FORBIDDEN;
	return TROUBLE_SERVER;
}

static void log_trouble(struct kube_cache *cache, const struct error *err) {
	struct follow *follow = &cache->follow;
	enum follow_trouble trouble = trouble_of(err);
	/* A dropped connection or an expired position that is mended at the next attempt is daily life. */
	enum { DAILY_BREAKS = 1, DAILY_EXPIRIES = 5 };
	int daily_failures = kube_cache_synced(cache) ? DAILY_BREAKS : 0;
	if (err->kind == ERROR_GONE) daily_failures = DAILY_EXPIRIES;
	bool daily = trouble == TROUBLE_SERVER && follow->failures <= daily_failures;
	if (trouble == follow->trouble || daily) {
		log_debug("watch cache: attempt failed", log_str("resource", cache->options.resource->plural),
		          log_err(err));
		return;
	}
	follow->trouble = trouble;
	if (trouble == TROUBLE_ABSENT) {
		log_info("watch cache: the API server does not know the resource (yet)",
		         log_str("resource", cache->options.resource->plural),
		         log_str("group", cache->options.resource->group), log_err(err));
	} else {
		log_warning("watch cache: cannot follow the API server",
		            log_str("resource", cache->options.resource->plural), log_err(err));
	}
}

static void log_recovery(struct kube_cache *cache) {
	if (cache->follow.trouble == TROUBLE_NONE) return;
	cache->follow.trouble = TROUBLE_NONE;
	log_info("watch cache: following the API server again", log_str("resource", cache->options.resource->plural));
}

static int64_t pause_after(struct kube_cache *cache, const struct error *err) {
	/* Somebody is about to install the CRD, and waits for us to notice. */
	enum { LONGEST_FOR_ABSENT_MS = 5000 };
	struct follow *follow = &cache->follow;
	/* An expired position needs a list, and that at once; unless lists do not help. */
	if (err->kind == ERROR_GONE && !follow->expired) {
		follow->expired = true;
		return jitter(cache->options.backoff_ms);
	}
	int64_t pause = backoff_next_ms(&follow->backoff);
	if (err->kind == ERROR_NOT_FOUND && pause > LONGEST_FOR_ABSENT_MS) pause = LONGEST_FOR_ABSENT_MS;
	return pause;
}

/* An attempt failed: the next one after a pause, which the server may make longer. */
static void fail(struct kube_cache *cache, const struct error *err) {
	struct follow *follow = &cache->follow;
	follow->failures++;
	follow->failed_at = clock_monotonic_ms();
	follow->unreachable = err->code == 0 && (err->kind == ERROR_UNAVAILABLE || err->kind == ERROR_TIMEOUT);
	atomic_fetch_add(&cache->failures, 1);
	log_trouble(cache, err);
	int64_t pause = pause_after(cache, err);
	int64_t asked = follow->transfer != NULL ? call_retry_after_ms(transfer_call(follow->transfer)) : 0;
	pause_for(cache, pause > asked ? pause : asked);
}

/* ---- Listing ---- */

static void list_chunk(struct kube_cache *cache, const char *continue_token);

static void collect(struct kube_cache *cache, struct json_object *list) {
	struct follow *follow = &cache->follow;
	struct json_object *items = json_get(list, "items");
	size_t count = json_object_is_type(items, json_type_array) ? json_object_array_length(items) : 0;
	if (follow->listed_capacity - follow->listed.count < count) {
		follow->listed_capacity = follow->listed.count + count;
		follow->listed.items =
		        xreallocarray(follow->listed.items, follow->listed_capacity, sizeof(*follow->listed.items));
	}
	for (size_t i = 0; i < count; i++) {
		struct json_object *item = json_object_get(json_object_array_get_idx(items, i));
		const struct kube_object *object = cache_adopt(cache, item);
		if (object != NULL) follow->listed.items[follow->listed.count++] = object;
	}
}

static void list_complete(struct kube_cache *cache, const char *resource_version) {
	struct follow *follow = &cache->follow;
	forget_position(follow);
	follow->resource_version = xstrdup(resource_version);
	follow->whole = false;
	follow->listed_capacity = 0;
	store_replace(&cache->store, &follow->listed, cache_changed, cache);
	atomic_fetch_add(&cache->lists, 1);
	contact(cache);
	cache_set_synced(cache, true);
	pause_for(cache, 0);
}

static void list_failed(struct kube_cache *cache, const struct error *err) {
	struct follow *follow = &cache->follow;
	bool expired = err->kind == ERROR_GONE && follow->listed.count > 0;
	forget_listed(follow);
	/* The rest of a chunked list is kept for some minutes only: all in one piece, then, as client-go's pager does.
	 */
	if (expired) follow->whole = true;
	/* A resource that is gone took its objects with it, but a server that is starting up says 404 as well, before
	 * it has read its CRDs: keep what we know, and say that we do not know. */
	if (err->kind == ERROR_NOT_FOUND) cache_set_synced(cache, false);
	fail(cache, err);
	follow->transfer = NULL;
}

/* A kube_done. */
static void on_list(void *context, struct json_object *list, const struct error *err) {
	struct kube_cache *cache = context;
	if (err != NULL) {
		list_failed(cache, err);
		return;
	}
	cache->follow.transfer = NULL;
	const struct json_object *metadata = json_get(list, "metadata");
	const char *resource_version = json_get_text(metadata, "resourceVersion");
	if (resource_version == NULL || resource_version[0] == '\0') {
		cleanup_error struct error *useless = NULL;
		error_set(&useless, ERROR_INVALID, "list of %s: it has no resourceVersion",
		          cache->options.resource->plural);
		list_failed(cache, useless);
		return;
	}
	contact(cache);
	collect(cache, list);
	const char *next = json_get_text(metadata, "continue");
	if (next != NULL && next[0] != '\0') list_chunk(cache, next);
	else list_complete(cache, resource_version);
}

static struct kube_request request_of(const struct kube_cache *cache) {
	return (struct kube_request){
		.method = KUBE_GET,
		.resource = cache->options.resource,
		.namespace = cache->options.namespace,
		.label_selector = cache->options.label_selector,
		.field_selector = cache->options.field_selector,
	};
}

static void list_chunk(struct kube_cache *cache, const char *continue_token) {
	enum { LIST_TIMEOUT_MS = 60 * 1000 };
	struct kube_request request = request_of(cache);
	request.limit = cache->follow.whole ? 0 : cache->options.chunk;
	request.continue_token = continue_token;
	request.timeout_ms = LIST_TIMEOUT_MS;
	cache->follow.state = FOLLOW_LISTING;
	cache->follow.transfer = transfer_start(cache->loop, &request, on_list, cache);
}

/* ---- Watching ---- */

static void apply_event(struct kube_cache *cache, const struct watch_event *event) {
	struct follow *follow = &cache->follow;
	forget_position(follow);
	follow->resource_version = xstrdup(event->resource_version);
	if (event->type == WATCH_BOOKMARK) {
		json_object_put(event->object);
		return;
	}
	const struct kube_object *object = cache_adopt(cache, event->object);
	if (object == NULL) return;
	if (event->type == WATCH_DELETED) store_remove(&cache->store, object, cache_changed, cache);
	else store_put(&cache->store, object, cache_changed, cache);
}

static bool on_line(void *context, const char *text, size_t length) {
	struct kube_cache *cache = context;
	struct watch_event event;
	if (watch_event_parse(text, length, &event, &cache->follow.broken) < 0) return false;
	apply_event(cache, &event);
	cache->follow.progressed = true;
	contact(cache);
	return true;
}

/* The sink of a watch's call. */
static bool on_bytes(void *context, const char *bytes, size_t length) {
	struct kube_cache *cache = context;
	struct follow *follow = &cache->follow;
	follow->sign_at = clock_monotonic_ms();
	if (lines_feed(&follow->lines, bytes, length, on_line, cache)) return true;
	if (follow->lines.too_long) {
		error_set(&follow->broken, ERROR_INVALID, "watch of %s: an event has more than %zu bytes",
		          cache->options.resource->plural, follow->lines.longest);
	}
	return false;
}

/* Where a watch that ended for this reason cannot go on, a list must come first. */
static bool needs_list(const struct error *err) {
	return err->kind == ERROR_GONE || err->kind == ERROR_NOT_FOUND || err->kind == ERROR_INVALID;
}

/* A watch that brought something or held for a while: what went wrong before is over. */
static bool was_useful(const struct follow *follow) {
	enum { LONG_ENOUGH_MS = 10 * 1000 };
	return follow->progressed ||
	       (follow->opened_at != 0 && clock_monotonic_ms() - follow->opened_at >= LONG_ENOUGH_MS);
}

static void start_over(struct follow *follow) {
	follow->failures = 0;
	follow->expired = false;
	backoff_reset(&follow->backoff);
}

static void watch_lost(struct kube_cache *cache, const struct error *err) {
	struct follow *follow = &cache->follow;
	if (was_useful(follow)) start_over(follow);
	if (needs_list(err)) forget_position(follow);
	fail(cache, err);
	follow->transfer = NULL;
}

/* A kube_done. */
static void on_watch_end(void *context, struct json_object *answer, const struct error *err) {
	(void)answer;
	enum { SHORT_MS = 1000 };
	struct kube_cache *cache = context;
	struct follow *follow = &cache->follow;
	cleanup_error struct error *broken = take(&follow->broken);
	if (broken != NULL) err = broken;
	if (err == NULL && follow->lines.half.length > 0) {
		error_set(&broken, ERROR_UNAVAILABLE, "watch of %s: it ended in the middle of an event",
		          cache->options.resource->plural);
		err = broken;
	}
	bool was_short = !follow->progressed && clock_monotonic_ms() - follow->started_at < SHORT_MS;
	if (err == NULL && was_short) {
		/* Not an error by itself, but a server that does this in a loop must not keep us busy. */
		error_set(&broken, ERROR_UNAVAILABLE, "watch of %s: it ended at once", cache->options.resource->plural);
		err = broken;
	}
	if (err != NULL) {
		watch_lost(cache, err);
		return;
	}
	follow->transfer = NULL;
	start_over(follow);
	pause_for(cache, 0);
}

static void watch(struct kube_cache *cache) {
	enum { GRACE_SECONDS = 30 };
	struct follow *follow = &cache->follow;
	struct kube_request request = request_of(cache);
	request.watch_from = follow->resource_version;
	/* Spread, so that many watches do not all end at once. */
	request.watch_seconds = cache->options.watch_seconds + jitter(cache->options.watch_seconds);
	request.timeout_ms = (request.watch_seconds + GRACE_SECONDS) * 1000;
	follow->state = FOLLOW_WATCHING;
	follow->transfer = transfer_start(cache->loop, &request, on_watch_end, cache);
	transfer_try_once(follow->transfer);
	struct call *call = transfer_call(follow->transfer);
	call->sink = on_bytes;
	call->sink_context = cache;
	lines_reset(&follow->lines);
	follow->opened_at = 0;
	follow->progressed = false;
	follow->started_at = clock_monotonic_ms();
	follow->sign_at = follow->started_at;
	atomic_fetch_add(&cache->watches, 1);
}

/* The server has taken the watch up: so far we are up to date. */
static void note_opened(struct kube_cache *cache, int64_t now) {
	cache->follow.opened_at = now;
	cache->follow.sign_at = now;
	contact(cache);
	loop_note_success(cache->loop);
}

/* How long the server may take until it takes a watch up, and how long one must hold to be called well (an expired
 * position is told in the first event, after 200). */
enum { OPEN_MS = KUBE_TIMEOUT_MS, SETTLED_MS = 1000 };

static int64_t patience_ends_at(const struct kube_cache *cache) {
	const struct follow *follow = &cache->follow;
	int64_t silence = cache->options.silence_ms;
	return follow->sign_at + (follow->opened_at == 0 && silence > OPEN_MS ? OPEN_MS : silence);
}

static void give_up_silent(struct kube_cache *cache) {
	struct follow *follow = &cache->follow;
	cleanup_error struct error *err = NULL;
	error_set(&err, ERROR_TIMEOUT, "watch of %s: no sign of life for %lld ms", cache->options.resource->plural,
	          (long long)(clock_monotonic_ms() - follow->sign_at));
	/* A server without news and without bookmarks (there are none before the first event after its start) is no
	 * reason to doubt the connection; one that does not even take up the next watch is. */
	if (follow->opened_at == 0) loop_distrust_connections(cache->loop);
	transfer_cancel(take(&follow->transfer));
	watch_lost(cache, err);
}

/* Returns when to look again. */
static int64_t tend_watch(struct kube_cache *cache, int64_t now) {
	struct follow *follow = &cache->follow;
	if (follow->opened_at == 0 && transfer_status(follow->transfer) == 200) note_opened(cache, now);
	int64_t next = patience_ends_at(cache);
	if (follow->trouble == TROUBLE_NONE || follow->opened_at == 0) return next;
	int64_t settled_at = follow->opened_at + SETTLED_MS;
	if (!follow->progressed && now < settled_at) return settled_at < next ? settled_at : next;
	log_recovery(cache);
	return next;
}

/* ---- The machine ---- */

void follow_init(struct kube_cache *cache) {
	cache->follow.lines.longest = cache->options.max_line;
	pause_for(cache, 0);
}

/* The server answers others again: no need to sit the pause out, only to not come all at once. */
static void shorten_pause(struct kube_cache *cache, int64_t now) {
	enum { SPREAD_MS = 250 };
	struct follow *follow = &cache->follow;
	if (!follow->unreachable || loop_last_success(cache->loop) <= follow->failed_at) return;
	follow->unreachable = false;
	int64_t soon = now + jitter(SPREAD_MS);
	if (soon < follow->resume_at) follow->resume_at = soon;
}

int64_t follow_tick(struct kube_cache *cache, int64_t now) {
	struct follow *follow = &cache->follow;
	if (follow->state == FOLLOW_WATCHING) {
		int64_t next = tend_watch(cache, now);
		if (now < patience_ends_at(cache)) return next;
		give_up_silent(cache);
	}
	if (follow->state == FOLLOW_PAUSED) {
		shorten_pause(cache, now);
		if (now < follow->resume_at) return follow->resume_at;
		if (follow->resource_version != NULL) watch(cache);
		else list_chunk(cache, NULL);
	}
	/* What has been started is looked at with the next step; a list has a deadline of its own. */
	return follow->state == FOLLOW_WATCHING ? patience_ends_at(cache) : INT64_MAX;
}

void follow_free(struct kube_cache *cache) {
	struct follow *follow = &cache->follow;
	if (follow->transfer != NULL) transfer_cancel(follow->transfer);
	forget_listed(follow);
	forget_position(follow);
	lines_free(&follow->lines);
	error_free(follow->broken);
}
