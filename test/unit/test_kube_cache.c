/* kube/cache against a fake API server: list, watch, and everything that ends them. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/cache.h"
#include "unit/fake_api.h"

#define PODS "/api/v1/pods"
/* An object in namespace ns at a version; a list at a version; an event. */
#define POD(name, version)                                                            \
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" name "\",\"uid\":\"u-" name \
	"\",\"resourceVersion\":\"" version "\"}}"
#define LIST(version, items) "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define EVENT(type, object)  "{\"type\":\"" type "\",\"object\":" object "}\n"
#define BOOKMARK(version)    EVENT("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"" version "\"}}")
#define GONE                 EVENT("ERROR", "{\"kind\":\"Status\",\"code\":410,\"message\":\"too old\"}")

/* What the cache told its owner: "+a@5 ~a@6 -a@7 ". Written on the loop's thread. */
struct journal {
	pthread_mutex_t lock;
	struct strbuf text;
	atomic_int synced;
};

static struct fake_api *api;
static struct kube_client *client;
static struct kube_loop *loop;
static struct journal journal;
static struct fake_stream *streams[4];

static int set_up(void **state) {
	(void)state;
	api = fake_api_new(NULL);
	client = fake_api_client(api, NULL);
	loop = kube_loop_new(client);
	journal = (struct journal){ .lock = PTHREAD_MUTEX_INITIALIZER };
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) streams[i] = fake_stream_new();
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	kube_loop_free(loop);
	kube_client_free(client);
	fake_api_free(api);
	strbuf_free(&journal.text);
	for (size_t i = 0; i < ARRAY_LENGTH(streams); i++) fake_stream_free(streams[i]);
	return 0;
}

static void on_event(void *context, enum kube_event event, const struct kube_object *old,
                     const struct kube_object *new) {
	struct journal *to = context;
	static const char signs[] = { [KUBE_ADDED] = '+', [KUBE_MODIFIED] = '~', [KUBE_DELETED] = '-' };
	const struct kube_object *object = event == KUBE_DELETED ? old : new;
	assert_true((old == NULL) == (event == KUBE_ADDED));
	assert_true((new == NULL) == (event == KUBE_DELETED));
	pthread_mutex_lock(&to->lock);
	strbuf_printf(&to->text, "%c%s@%s ", signs[event], object->name, object->resource_version);
	pthread_mutex_unlock(&to->lock);
}

static void on_synced(void *context) {
	atomic_fetch_add(&((struct journal *)context)->synced, 1);
}

static bool journal_is(const char *expected) {
	pthread_mutex_lock(&journal.lock);
	bool same = strcmp(strbuf_text(&journal.text), expected) == 0;
	pthread_mutex_unlock(&journal.lock);
	return same;
}

static void expect_journal(const char *expected) {
	if (wait_until(journal_is(expected))) return;
	assert_string_equal(strbuf_text(&journal.text), expected);
}

/* Fast enough for a test, and otherwise as it will run. */
static struct kube_cache_options options(void) {
	return (struct kube_cache_options){
		.resource = &kube_pods,
		.on_event = on_event,
		.on_synced = on_synced,
		.context = &journal,
		.backoff_ms = 10,
	};
}

static struct kube_cache *start_with(struct kube_cache_options with) {
	struct kube_cache *cache = kube_cache_new(loop, &with);
	assert_int_equal(kube_loop_start(loop, NULL), 0);
	return cache;
}

static struct kube_cache *start(void) {
	return start_with(options());
}

/* The server's usual two answers: a list, and a watch from there. */
static void serve(const char *list, const char *from, struct fake_stream *stream) {
	fake_api_on(api, (struct fake_rule){ .path = PODS, .not_in_query = "watch=", .times = 1, .body = list });
	if (stream == NULL) return;
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = from, .times = 1, .stream = stream });
}

static void assert_holds(struct kube_cache *cache, const char *name, const char *version) {
	cleanup_kube_object const struct kube_object *object = kube_cache_get(cache, "ns", name);
	assert_non_null(object);
	assert_string_equal(object->resource_version, version);
}

static void assert_lacks(struct kube_cache *cache, const char *name) {
	assert_null(kube_cache_get(cache, "ns", name));
}

/* ---- The usual life ---- */

static void lists_then_watches(void **state) {
	(void)state;
	serve(LIST("5", POD("b", "3") "," POD("a", "4")), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_true(kube_cache_wait(cache, 30000));
	fake_api_wait(api, "GET", PODS, "watch=true&allowWatchBookmarks=true&resourceVersion=5&timeoutSeconds=", 1);
	fake_stream_send(streams[0], EVENT("ADDED", POD("c", "6")) EVENT("MODIFIED", POD("a", "7")));
	fake_stream_send(streams[0], EVENT("DELETED", POD("b", "8")));
	expect_journal("+a@4 +b@3 +c@6 ~a@7 -b@8 ");
	assert_holds(cache, "a", "7");
	assert_holds(cache, "c", "6");
	assert_lacks(cache, "b");
	assert_int_equal(kube_cache_count(cache), 2);
	assert_int_equal(atomic_load(&journal.synced), 1);
	assert_true(kube_cache_age_ms(cache) >= 0);
}

static void is_not_synced_before_the_first_list(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = PODS, .hang = true });
	struct kube_cache *cache = start();
	fake_api_wait(api, "GET", PODS, NULL, 1);
	assert_false(kube_cache_wait(cache, 1));
	assert_false(kube_cache_synced(cache));
	assert_int_equal(kube_cache_age_ms(cache), -1);
}

static void lists_in_chunks(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){
	                         .path = PODS,
	                         .query = "limit=2&continue=next",
	                         .body = LIST("9", POD("c", "3")),
	                 });
	fake_api_on(api,
	            (struct fake_rule){
	                    .path = PODS,
	                    .query = "limit=2",
	                    .body = "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"next\"},\"items\":[" POD(
	                            "a", "1") "," POD("b", "2") "]}",
	            });
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=9", .stream = streams[0] });
	struct kube_cache_options with = options();
	with.chunk = 2;
	struct kube_cache *cache = start_with(with);
	expect_journal("+a@1 +b@2 +c@3 ");
	assert_true(kube_cache_wait(cache, 30000));
	assert_int_equal(kube_cache_counts(cache).lists, 1);
}

static void lists_whole_when_a_chunk_expired(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "continue=", .status = 410, .body = "{}" });
	fake_api_on(api,
	            (struct fake_rule){
	                    .path = PODS,
	                    .query = "limit=",
	                    .body = "{\"metadata\":{\"resourceVersion\":\"9\",\"continue\":\"next\"},\"items\":[" POD(
	                            "a", "1") "]}",
	            });
	serve(LIST("12", POD("a", "1") "," POD("b", "10")), "resourceVersion=12", streams[0]);
	start();
	expect_journal("+a@1 +b@10 ");
	fake_api_wait(api, "GET", PODS, "resourceVersion=12", 1);
}

static void scopes_and_selects(void **state) {
	(void)state;
	static const char path[] = "/apis/apps/v1/namespaces/ns/statefulsets";
	fake_api_on(api, (struct fake_rule){ .path = path, .not_in_query = "watch=", .body = LIST("1", "") });
	fake_api_on(api, (struct fake_rule){ .path = path, .stream = streams[0] });
	struct kube_cache_options with = options();
	with.resource = &kube_statefulsets;
	with.namespace = "ns";
	with.label_selector = "app=x";
	with.field_selector = "metadata.name=y";
	start_with(with);
	fake_api_wait(api, "GET", path, "labelSelector=app=x&fieldSelector=metadata.name=y", 2);
	fake_api_wait(api, "GET", path, "labelSelector=app=x&fieldSelector=metadata.name=y&watch=true", 1);
}

static void drop_status(void *context, struct json_object *object) {
	(void)context;
	assert_null(json_get(json_get(object, "metadata"), "managedFields"));
	json_object_object_del(object, "status");
}

static void trims_objects(void **state) {
	(void)state;
	serve(LIST("5", "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\",\"resourceVersion\":\"1\","
	                "\"managedFields\":[{}]},\"status\":{}}"),
	      "resourceVersion=5", streams[0]);
	struct kube_cache_options with = options();
	with.transform = drop_status;
	struct kube_cache *cache = start_with(with);
	assert_true(kube_cache_wait(cache, 30000));
	cleanup_kube_object const struct kube_object *object = kube_cache_get(cache, "ns", "a");
	cleanup_free char *text = json_to_text(object->json);
	assert_string_equal(text, "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\",\"resourceVersion\":\"1\"},"
	                          "\"apiVersion\":\"v1\",\"kind\":\"Pod\"}");
}

static void reads_half_sent_lines(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	start();
	fake_api_wait(api, "GET", PODS, "watch=", 1);
	static const char text[] = EVENT("ADDED", POD("a", "6")) EVENT("ADDED", POD("b", "7"));
	for (const char *p = text; *p != '\0'; p++) {
		const char one[] = { *p, '\0' };
		fake_stream_send(streams[0], one);
		if ((p - text) % 16 == 0) fake_nap();
	}
	expect_journal("+a@6 +b@7 ");
}

/* ---- Ends ---- */

static void goes_on_after_the_watch_timed_out(void **state) {
	(void)state;
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=6", .stream = streams[1] });
	struct kube_cache *cache = start();
	fake_stream_send(streams[0], EVENT("ADDED", POD("b", "6")));
	fake_stream_end(streams[0]);
	fake_stream_send(streams[1], EVENT("ADDED", POD("c", "7")));
	expect_journal("+a@4 +b@6 +c@7 ");
	assert_int_equal(kube_cache_counts(cache).lists, 1);
	assert_int_equal(kube_cache_counts(cache).failures, 0);
}

static void goes_on_from_a_bookmark(void **state) {
	(void)state;
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=99", .stream = streams[1] });
	start();
	fake_stream_send(streams[0], BOOKMARK("99"));
	fake_stream_end(streams[0]);
	fake_stream_send(streams[1], EVENT("DELETED", POD("a", "100")));
	expect_journal("+a@4 -a@100 ");
}

static void resumes_after_a_break_in_the_middle_of_a_line(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=6", .stream = streams[1] });
	struct kube_cache *cache = start();
	fake_stream_send(streams[0], EVENT("ADDED", POD("a", "6")) "{\"type\":\"ADDED\",\"obj");
	fake_stream_break(streams[0]);
	fake_stream_send(streams[1], EVENT("ADDED", POD("b", "7")));
	expect_journal("+a@6 +b@7 ");
	assert_int_equal(kube_cache_counts(cache).lists, 1);
	assert_true(kube_cache_counts(cache).failures >= 1);
	assert_true(kube_cache_synced(cache));
}

static void takes_a_proper_end_in_the_middle_of_a_line_for_a_break(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=6", .stream = streams[1] });
	struct kube_cache *cache = start();
	fake_stream_send(streams[0], EVENT("ADDED", POD("a", "6")) "{\"type\":\"ADDED\",\"object\":{}}");
	fake_stream_end(streams[0]);
	fake_stream_send(streams[1], EVENT("ADDED", POD("b", "7")));
	expect_journal("+a@6 +b@7 ");
	assert_true(kube_cache_counts(cache).failures >= 1);
}

/* After 410 the list tells what was missed: a is unchanged, b is new, c is gone. */
static void relist(bool by_event) {
	serve(LIST("5", POD("a", "1") "," POD("c", "2")), "resourceVersion=5", by_event ? streams[0] : NULL);
	if (by_event) fake_stream_send(streams[0], GONE);
	else
		fake_api_on(api, (struct fake_rule){
		                         .path = PODS, .query = "resourceVersion=5", .status = 410, .body = "{}" });
	serve(LIST("60", POD("a", "1") "," POD("b", "49")), "resourceVersion=60", streams[1]);
	struct kube_cache *cache = start();
	expect_journal("+a@1 +c@2 +b@49 -c@2 ");
	fake_api_wait(api, "GET", PODS, "resourceVersion=60", 1);
	assert_int_equal(kube_cache_counts(cache).lists, 2);
	assert_int_equal(atomic_load(&journal.synced), 1);
	assert_lacks(cache, "c");
}

static void lists_again_after_a_gone_event(void **state) {
	(void)state;
	relist(true);
}

static void lists_again_after_a_gone_answer(void **state) {
	(void)state;
	relist(false);
}

static void lists_again_after_nonsense(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	serve(LIST("9", POD("a", "8")), "resourceVersion=9", streams[1]);
	start();
	fake_stream_send(streams[0], "{\"type\":\"ADDED\",\"object\":{]}\n");
	expect_journal("+a@8 ");
}

static void gives_up_an_endless_line(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	serve(LIST("9", POD("a", "8")), "resourceVersion=9", streams[1]);
	struct kube_cache_options with = options();
	with.max_line = 1000;
	start_with(with);
	for (int i = 0; i < 101; i++) fake_stream_send(streams[0], "xxxxxxxxxx");
	expect_journal("+a@8 ");
}

static void gives_up_a_silent_watch(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "resourceVersion=5", .stream = streams[1] });
	fake_stream_send(streams[1], EVENT("ADDED", POD("a", "6")));
	struct kube_cache_options with = options();
	with.silence_ms = 200;
	struct kube_cache *cache = start_with(with);
	expect_journal("+a@6 ");
	assert_int_equal(kube_cache_counts(cache).lists, 1);
}

static void tries_again_until_the_server_is_well(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = PODS, .times = 2, .status = 500, .body = "{}" });
	fake_api_on(api, (struct fake_rule){ .path = PODS, .times = 1, .status = 503, .body = "{}" });
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	expect_journal("+a@4 ");
	assert_int_equal(kube_cache_counts(cache).failures, 3);
}

static void waits_as_long_as_the_server_asks(void **state) {
	(void)state;
	serve(LIST("5", ""), NULL, NULL);
	fake_api_on(api, (struct fake_rule){
	                         .path = PODS, .query = "watch=", .times = 1, .status = 429, .retry_after = "1" });
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "watch=", .stream = streams[0] });
	int64_t begin = clock_monotonic_ms();
	struct kube_cache *cache = start();
	fake_stream_send(streams[0], EVENT("ADDED", POD("a", "6")));
	expect_journal("+a@6 ");
	assert_true(clock_monotonic_ms() - begin >= 1000);
	assert_int_equal(kube_cache_counts(cache).lists, 1);
}

static void waits_for_a_resource_that_is_not_there_yet(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = PODS, .times = 3, .status = 404, .body = "404 page not found" });
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_false(kube_cache_synced(cache));
	assert_true(kube_cache_wait(cache, 30000));
	assert_int_equal(kube_cache_counts(cache).failures, 3);
}

static void says_so_when_the_resource_vanishes_and_keeps_what_it_knew(void **state) {
	(void)state;
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_true(kube_cache_wait(cache, 30000));
	/* From now on there is no rule left: 404 for the watch and for the list. */
	fake_stream_end(streams[0]);
	assert_true(wait_until(!kube_cache_synced(cache)));
	assert_holds(cache, "a", "4");
}

static void does_not_hammer_a_server_that_hangs_up(void **state) {
	(void)state;
	serve(LIST("5", ""), NULL, NULL);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "watch=" }); /* 200, and over */
	struct kube_cache_options with = options();
	with.backoff_ms = 50;
	struct kube_cache *cache = start_with(with);
	fake_api_wait(api, "GET", PODS, "watch=", 4);
	/* Three pauses lie between four watches: at least half of 50, 100 and 200. */
	assert_true(kube_cache_counts(cache).failures >= 3);
	assert_int_equal(kube_cache_counts(cache).lists, 1);
}

static void renews_its_token_in_the_watch(void **state) {
	(void)state;
	char path[] = "/tmp/agkeeper-token-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "old", 3), 3);
	struct kube_client *own = fake_api_client(api, path);
	struct kube_loop *own_loop = kube_loop_new(own);
	fake_api_on(api, (struct fake_rule){
	                         .path = PODS, .not_in_query = "watch=", .token = "old", .body = LIST("5", "") });
	fake_api_on(api, (struct fake_rule){
	                         .path = PODS, .query = "watch=", .token = "old", .times = 1, .stream = streams[0] });
	fake_api_on(api, (struct fake_rule){ .path = PODS, .query = "watch=", .token = "new", .stream = streams[1] });
	fake_api_on(api, (struct fake_rule){ .path = PODS, .status = 401, .body = "{}" });
	const struct kube_cache_options with = options();
	struct kube_cache *cache = kube_cache_new(own_loop, &with);
	assert_int_equal(kube_loop_start(own_loop, NULL), 0);
	fake_api_wait(api, "GET", PODS, "watch=", 1);
	assert_int_equal(pwrite(fd, "new", 3, 0), 3);
	fake_stream_send(streams[0], BOOKMARK("6"));
	fake_stream_end(streams[0]);
	fake_stream_send(streams[1], EVENT("ADDED", POD("a", "7")));
	expect_journal("+a@7 ");
	assert_int_equal(kube_cache_counts(cache).failures, 0);
	kube_loop_free(own_loop);
	kube_client_free(own);
	close(fd);
	unlink(path);
}

/* ---- Readers ---- */

#define ELSEWHERE(namespace, name) "{\"metadata\":{\"namespace\":\"" namespace "\",\"name\":\"" name "\"}}"

static void slices_by_namespace(void **state) {
	(void)state;
	serve(LIST("5", POD("b", "1") "," ELSEWHERE("n", "z") "," ELSEWHERE("nsx", "a") "," POD("a", "4")),
	      "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_true(kube_cache_wait(cache, 30000));
	cleanup_kube_objects struct kube_objects slice = kube_cache_list(cache, "ns");
	assert_int_equal(slice.count, 2);
	assert_string_equal(slice.items[0]->name, "a");
	assert_string_equal(slice.items[1]->name, "b");
	cleanup_kube_objects struct kube_objects none = kube_cache_list(cache, "nobody");
	assert_int_equal(none.count, 0);
	cleanup_kube_objects struct kube_objects all = kube_cache_list(cache, NULL);
	assert_int_equal(all.count, 4);
	assert_string_equal(all.items[0]->namespace, "n");
	assert_string_equal(all.items[3]->namespace, "nsx");
}

struct reader {
	struct kube_cache *cache;
	atomic_bool *stop;
	size_t seen;
};

static void *read_on(void *context) {
	struct reader *reader = context;
	/* At least once: a busy machine may start this thread only when all changes are through. */
	do {
		cleanup_kube_object const struct kube_object *object = kube_cache_get(reader->cache, "ns", "a");
		if (object != NULL) reader->seen += strlen(object->resource_version);
		cleanup_kube_objects struct kube_objects all = kube_cache_list(reader->cache, "ns");
		for (size_t i = 0; i < all.count; i++) {
			reader->seen += strlen(json_get_text(json_get(all.items[i]->json, "metadata"), "name"));
		}
	} while (!atomic_load(reader->stop));
	return NULL;
}

static void is_read_while_it_changes(void **state) {
	(void)state;
	enum { READERS = 4, CHANGES = 300 };
	serve(LIST("5", POD("a", "4") "," POD("b", "4")), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_true(kube_cache_wait(cache, 30000));
	atomic_bool stop = false;
	struct reader readers[READERS];
	pthread_t threads[READERS];
	for (int i = 0; i < READERS; i++) {
		readers[i] = (struct reader){ .cache = cache, .stop = &stop };
		assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers[i]), 0);
	}
	for (int i = 0; i < CHANGES; i++) {
		cleanup_free char *lines = xasprintf(
		        "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\","
		        "\"resourceVersion\":\"%d\"}}}\n"
		        "{\"type\":\"%s\",\"object\":{\"metadata\":{\"namespace\":\"ns\",\"name\":\"c\","
		        "\"resourceVersion\":\"%d\"}}}\n",
		        10 + 2 * i, i % 2 == 0 ? "ADDED" : "DELETED", 11 + 2 * i);
		fake_stream_send(streams[0], lines);
	}
	assert_true(wait_until(kube_cache_counts(cache).events == 2 + 2 * CHANGES));
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		pthread_join(threads[i], NULL);
		assert_true(readers[i].seen > 0);
	}
	assert_int_equal(kube_cache_count(cache), 2);
}

/* ---- The loop ---- */

struct outcome {
	int calls;
	enum error_kind kind;
	int64_t value;
};

static void note_outcome(void *context, struct json_object *answer, const struct error *err) {
	struct outcome *outcome = context;
	outcome->calls++;
	if (err != NULL) outcome->kind = err->kind;
	else outcome->value = json_get_integer(answer, "value", -1);
}

static void submits_requests_stepped_by_the_caller(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/one", .times = 1, .status = 503, .retry_after = "1" });
	fake_api_on(api, (struct fake_rule){ .path = "/one", .body = "{\"value\":1}" });
	struct outcome one = { 0 };
	struct outcome missing = { 0 };
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/one" }, note_outcome, &one);
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/missing" }, note_outcome, &missing);
	int64_t until = clock_monotonic_ms() + 30000;
	while ((one.calls == 0 || missing.calls == 0) && clock_monotonic_ms() < until) kube_loop_step(loop, 1000);
	assert_int_equal(one.calls, 1);
	assert_int_equal(one.value, 1);
	assert_int_equal(missing.calls, 1);
	assert_int_equal(missing.kind, ERROR_NOT_FOUND);
}

static void tells_those_who_wait_that_it_ends(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/slow", .hang = true });
	struct outcome slow = { 0 };
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/slow" }, note_outcome, &slow);
	assert_int_equal(kube_loop_start(loop, NULL), 0);
	fake_api_wait(api, "GET", "/slow", NULL, 1);
	kube_loop_free(loop);
	loop = NULL;
	assert_int_equal(slow.calls, 1);
	assert_int_equal(slow.kind, ERROR_UNAVAILABLE);
}

static void keeps_to_the_deadline_of_a_request(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/slow", .hang = true });
	struct outcome slow = { 0 };
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/slow", .timeout_ms = 100 }, note_outcome, &slow);
	int64_t until = clock_monotonic_ms() + 30000;
	while (slow.calls == 0 && clock_monotonic_ms() < until) kube_loop_step(loop, 1000);
	assert_int_equal(slow.calls, 1);
	assert_int_equal(slow.kind, ERROR_TIMEOUT);
}

static void sends_so_many_at_once_and_urgent_ones_beside(void **state) {
	(void)state;
	enum { WAITING = 5, ROUTINE = KUBE_AT_ONCE + WAITING };
	fake_api_on(api, (struct fake_rule){ .path = "/slow", .hang = true });
	fake_api_on(api, (struct fake_rule){ .path = "/urgent", .body = "{\"value\":1}" });
	struct outcome slow = { 0 };
	struct outcome urgent = { 0 };
	for (int i = 0; i < ROUTINE; i++) {
		const struct kube_request request = { .raw_path = "/slow", .timeout_ms = 1000 };
		kube_loop_submit(loop, &request, note_outcome, &slow);
	}
	const struct kube_request before_others = { .raw_path = "/urgent", .urgency = 1 };
	int64_t until = clock_monotonic_ms() + 60000;
	while (fake_api_count(api, NULL, "/slow", NULL) < KUBE_AT_ONCE && clock_monotonic_ms() < until)
		kube_loop_step(loop, 100);
	kube_loop_submit(loop, &before_others, note_outcome, &urgent);
	while (urgent.calls == 0 && clock_monotonic_ms() < until) kube_loop_step(loop, 100);
	assert_int_equal(urgent.value, 1);
	/* On a machine so slow that their time is over by now, others have taken their places. */
	if (slow.calls == 0) assert_int_equal(fake_api_count(api, NULL, "/slow", NULL), KUBE_AT_ONCE);
	/* Waiting is no way to get more time. */
	while (slow.calls < ROUTINE && clock_monotonic_ms() < until) kube_loop_step(loop, 1000);
	assert_int_equal(slow.calls, ROUTINE);
	assert_int_equal(slow.kind, ERROR_TIMEOUT);
}

/* Urgent ones have taken all places, and keep them for longer than it may wait. */
static void who_gets_no_place_is_told_in_time(void **state) {
	(void)state;
	fake_api_on(api, (struct fake_rule){ .path = "/slow", .hang = true });
	struct outcome slow = { 0 };
	struct outcome other = { 0 };
	for (int i = 0; i < KUBE_AT_ONCE; i++) {
		const struct kube_request request = { .raw_path = "/slow", .urgency = 1, .timeout_ms = 3600 * 1000 };
		kube_loop_submit(loop, &request, note_outcome, &slow);
	}
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/other", .timeout_ms = 100 }, note_outcome, &other);
	int64_t until = clock_monotonic_ms() + 30000;
	while (other.calls == 0 && clock_monotonic_ms() < until) kube_loop_step(loop, 1000);
	assert_int_equal(other.calls, 1);
	assert_int_equal(other.kind, ERROR_TIMEOUT);
	assert_int_equal(fake_api_count(api, NULL, "/other", NULL), 0);
	assert_int_equal(slow.calls, 0);
	/* They are told when the loop is freed: here, where `slow` still is. */
	kube_loop_free(loop);
	loop = NULL;
	assert_int_equal(slow.calls, KUBE_AT_ONCE);
}

static void step_until_failed_once(struct kube_cache *cache) {
	int64_t until = clock_monotonic_ms() + 30000;
	while (kube_cache_counts(cache).failures == 0 && clock_monotonic_ms() < until) kube_loop_step(loop, 1000);
	assert_int_equal(kube_cache_counts(cache).failures, 1);
}

static void comes_back_when_the_server_answers_others(void **state) {
	(void)state;
	/* The list breaks off; the next attempt would be minutes away. */
	fake_stream_break(streams[0]);
	fake_api_on(api, (struct fake_rule){ .path = PODS, .times = 1, .stream = streams[0] });
	serve(LIST("5", POD("a", "4")), "resourceVersion=5", streams[1]);
	fake_api_on(api, (struct fake_rule){ .path = "/version", .body = "{}" });
	struct kube_cache_options with = options();
	with.backoff_ms = 10 * 60 * 1000;
	struct kube_cache *cache = kube_cache_new(loop, &with);
	step_until_failed_once(cache);
	for (int i = 0; i < 3; i++) kube_loop_step(loop, 10);
	assert_int_equal(fake_api_count(api, NULL, PODS, NULL), 1);

	struct outcome version = { 0 };
	kube_loop_submit(loop, &(struct kube_request){ .raw_path = "/version" }, note_outcome, &version);
	int64_t until = clock_monotonic_ms() + 30000;
	while (!kube_cache_synced(cache) && clock_monotonic_ms() < until) kube_loop_step(loop, 100);
	assert_int_equal(version.calls, 1);
	assert_true(kube_cache_synced(cache));
}

static void stops_at_once(void **state) {
	(void)state;
	serve(LIST("5", ""), "resourceVersion=5", streams[0]);
	struct kube_cache *cache = start();
	assert_true(kube_cache_wait(cache, 30000));
	fake_api_wait(api, "GET", PODS, "watch=", 1);
	/* The watch would last for minutes; a stop that waits for it would run into the test's time limit. */
	kube_loop_stop(loop);
	assert_true(kube_cache_synced(cache));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(lists_then_watches),
		TEST(is_not_synced_before_the_first_list),
		TEST(lists_in_chunks),
		TEST(lists_whole_when_a_chunk_expired),
		TEST(scopes_and_selects),
		TEST(trims_objects),
		TEST(reads_half_sent_lines),
		TEST(goes_on_after_the_watch_timed_out),
		TEST(goes_on_from_a_bookmark),
		TEST(resumes_after_a_break_in_the_middle_of_a_line),
		TEST(takes_a_proper_end_in_the_middle_of_a_line_for_a_break),
		TEST(lists_again_after_a_gone_event),
		TEST(lists_again_after_a_gone_answer),
		TEST(lists_again_after_nonsense),
		TEST(gives_up_an_endless_line),
		TEST(gives_up_a_silent_watch),
		TEST(tries_again_until_the_server_is_well),
		TEST(waits_as_long_as_the_server_asks),
		TEST(waits_for_a_resource_that_is_not_there_yet),
		TEST(says_so_when_the_resource_vanishes_and_keeps_what_it_knew),
		TEST(does_not_hammer_a_server_that_hangs_up),
		TEST(renews_its_token_in_the_watch),
		TEST(slices_by_namespace),
		TEST(is_read_while_it_changes),
		TEST(submits_requests_stepped_by_the_caller),
		TEST(tells_those_who_wait_that_it_ends),
		TEST(keeps_to_the_deadline_of_a_request),
		TEST(sends_so_many_at_once_and_urgent_ones_beside),
		TEST(who_gets_no_place_is_told_in_time),
		TEST(comes_back_when_the_server_answers_others),
		TEST(stops_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
