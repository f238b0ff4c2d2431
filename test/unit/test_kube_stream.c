/* The parts of a watch that need no server: lines, events, backoff, and the store that they fill. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/backoff.h"
#include "kube/lines.h"
#include "kube/store.h"
#include "kube/watch_event.h"

/* ---- Lines ---- */

static bool join(void *context, const char *text, size_t length) {
	assert_int_equal(strlen(text), length);
	strbuf_printf(context, "[%s]", text);
	return strcmp(text, "stop") != 0;
}

static void cuts_anywhere_alike(void **state) {
	(void)state;
	static const char text[] = "one\n\ntwo\nthree\nfo";
	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct lines lines = { .longest = 5 };
		cleanup_strbuf struct strbuf seen = { 0 };
		assert_true(lines_feed(&lines, text, cut, join, &seen));
		assert_true(lines_feed(&lines, text + cut, sizeof(text) - 1 - cut, join, &seen));
		assert_string_equal(strbuf_text(&seen), "[one][two][three]");
		assert_string_equal(strbuf_text(&lines.half), "fo");
		lines_free(&lines);
	}
}

static void refuses_a_longer_line(void **state) {
	(void)state;
	struct lines lines = { .longest = 4 };
	cleanup_strbuf struct strbuf seen = { 0 };
	assert_true(lines_feed(&lines, "four\nfo", 7, join, &seen));
	assert_true(lines_feed(&lines, "ur", 2, join, &seen));
	assert_false(lines.too_long);
	assert_false(lines_feed(&lines, "5", 1, join, &seen));
	assert_true(lines.too_long);
	assert_string_equal(strbuf_text(&seen), "[four]");
	lines_free(&lines);
}

static void stops_when_told(void **state) {
	(void)state;
	struct lines lines = { .longest = 100 };
	cleanup_strbuf struct strbuf seen = { 0 };
	assert_false(lines_feed(&lines, "a\nstop\nb\n", 9, join, &seen));
	assert_string_equal(strbuf_text(&seen), "[a][stop]");
	assert_false(lines.too_long);
	lines_free(&lines);
}

static void gives_the_memory_of_a_huge_line_back(void **state) {
	(void)state;
	enum { HUGE_LINE = 1024 * 1024 };
	struct lines lines = { .longest = HUGE_LINE };
	cleanup_free char *text = xmalloc(HUGE_LINE);
	memset(text, 'x', HUGE_LINE);
	cleanup_strbuf struct strbuf seen = { 0 };
	assert_true(lines_feed(&lines, text, HUGE_LINE, join, &seen));
	assert_true(lines.half.capacity > HUGE_LINE);
	assert_true(lines_feed(&lines, "\nsmall", 6, join, &seen));
	assert_true(lines.half.capacity < 1024);
	lines_free(&lines);
}

/* ---- Events ---- */

static int parse(const char *line, struct watch_event *event, struct error **err) {
	return watch_event_parse(line, strlen(line), event, err);
}

static void reads_events(void **state) {
	(void)state;
	static const struct {
		const char *line;
		enum watch_event_type type;
	} rows[] = {
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", WATCH_ADDED },
		{ "{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", WATCH_MODIFIED },
		{ "{\"type\":\"DELETED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", WATCH_DELETED },
		{ "{\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}},\"type\":\"BOOKMARK\"}", WATCH_BOOKMARK },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct watch_event event;
		assert_int_equal(parse(rows[i].line, &event, NULL), 0);
		assert_int_equal(event.type, rows[i].type);
		assert_string_equal(event.resource_version, "7");
		json_object_put(event.object);
	}
}

static void reads_errors(void **state) {
	(void)state;
	static const struct {
		const char *line;
		enum error_kind kind;
		int code;
	} rows[] = {
		{ "{\"type\":\"ERROR\",\"object\":{\"code\":410,\"message\":\"old\"}}", ERROR_GONE, 410 },
		{ "{\"type\":\"ERROR\",\"object\":{\"code\":500}}", ERROR_UNAVAILABLE, 500 },
		{ "{\"type\":\"ERROR\",\"object\":{}}", ERROR_UNAVAILABLE, 0 },
		{ "{\"type\":\"ODD\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", ERROR_INVALID, 0 },
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{}}}", ERROR_INVALID, 0 },
		{ "{\"type\":\"ADDED\",\"object\":[]}", ERROR_INVALID, 0 },
		{ "{\"type\":1,\"object\":{}}", ERROR_INVALID, 0 },
		{ "[]", ERROR_INVALID, 0 },
		{ "null", ERROR_INVALID, 0 },
		{ "{\"type\":\"ADDED\"", ERROR_INVALID, 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct watch_event event;
		cleanup_error struct error *err = NULL;
		assert_int_equal(parse(rows[i].line, &event, &err), -1);
		assert_int_equal(err->kind, rows[i].kind);
		assert_int_equal(err->code, rows[i].code);
		assert_null(event.object);
	}
}

/* ---- Backoff ---- */

static void doubles_up_to_a_limit(void **state) {
	(void)state;
	struct backoff backoff = { .first_ms = 100, .longest_ms = 1000 };
	static const int64_t steps[] = { 100, 200, 400, 800, 1000, 1000, 1000 };
	for (int round = 0; round < 50; round++) {
		for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
			int64_t pause = backoff_next_ms(&backoff);
			assert_in_range(pause, steps[i] / 2, steps[i]);
		}
		backoff_reset(&backoff);
	}
}

/* ---- The store ---- */

static const struct kube_object *object(const char *namespace, const char *name, const char *uid, const char *version) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", namespace);
	json_set_text(metadata, "name", name);
	json_set_text(metadata, "uid", uid);
	json_set_text(metadata, "resourceVersion", version);
	struct json_object *json = json_object_new_object();
	json_set(json, "metadata", metadata);
	return kube_object_new(json);
}

static void note(void *context, const struct kube_object *old, const struct kube_object *new) {
	strbuf_printf(context, "%s>%s ", old != NULL ? old->resource_version : "",
	              new != NULL ? new->resource_version : "");
}

static void stores_and_tells(void **state) {
	(void)state;
	struct store store;
	store_init(&store);
	cleanup_strbuf struct strbuf seen = { 0 };
	store_put(&store, object("b", "x", "1", "10"), note, &seen);
	store_put(&store, object("a", "y", "2", "11"), note, &seen);
	store_put(&store, object("b", "x", "1", "10"), note, &seen); /* the same: nothing happened */
	store_put(&store, object("b", "x", "1", "12"), note, &seen);
	store_put(&store, object("b", "x", "3", "12"), note, &seen); /* another one of that name */
	store_remove(&store, object("a", "y", "2", "13"), note, &seen);
	store_remove(&store, object("a", "y", "2", "13"), note, &seen); /* not there any more */
	assert_string_equal(strbuf_text(&seen), ">10 >11 10>12 12>12 13> ");
	assert_int_equal(store_count(&store), 1);
	store_destroy(&store);
}

static void replaces_and_tells_the_difference(void **state) {
	(void)state;
	struct store store;
	store_init(&store);
	cleanup_strbuf struct strbuf seen = { 0 };
	static const char *const names[] = { "c", "a", "d", "b" };
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		store_put(&store, object("n", names[i], "u", "1"), note, &seen);
	strbuf_reset(&seen);
	struct kube_objects objects = { .items = xcalloc(4, sizeof(*objects.items)), .count = 4 };
	objects.items[0] = object("n", "e", "u", "5");
	objects.items[1] = object("n", "d", "u", "1");
	objects.items[2] = object("n", "b", "u", "7");
	objects.items[3] = object("n", "d", "u", "1"); /* twice: a list that started over */
	store_replace(&store, &objects, note, &seen);
	assert_string_equal(strbuf_text(&seen), "1> 1>7 1> >5 ");
	cleanup_kube_objects struct kube_objects left = store_list(&store, "n");
	assert_int_equal(left.count, 3);
	assert_string_equal(left.items[0]->name, "b");
	assert_string_equal(left.items[1]->name, "d");
	assert_string_equal(left.items[2]->name, "e");
	store_put(&store, object("n", "a", "u", "9"), note, &seen); /* the array still grows */
	assert_int_equal(store_count(&store), 4);
	store_destroy(&store);
}

static void a_snapshot_outlives_its_store(void **state) {
	(void)state;
	struct store store;
	store_init(&store);
	cleanup_strbuf struct strbuf seen = { 0 };
	store_put(&store, object("n", "a", "u", "1"), note, &seen);
	cleanup_kube_object const struct kube_object *kept = store_get(&store, "n", "a");
	store_destroy(&store);
	assert_string_equal(json_get_text(json_get(kept->json, "metadata"), "name"), "a");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_anywhere_alike),
		cmocka_unit_test(refuses_a_longer_line),
		cmocka_unit_test(stops_when_told),
		cmocka_unit_test(gives_the_memory_of_a_huge_line_back),
		cmocka_unit_test(reads_events),
		cmocka_unit_test(reads_errors),
		cmocka_unit_test(doubles_up_to_a_limit),
		cmocka_unit_test(stores_and_tells),
		cmocka_unit_test(replaces_and_tells_the_difference),
		cmocka_unit_test(a_snapshot_outlives_its_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
