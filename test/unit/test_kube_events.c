/* Events (kube/events.h): what is counted, limited and given up, and what reaches an API server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/event_table.h"
#include "kube/events.h"
#include "unit/fake_api.h"

static const struct event_subject sales = { "kubedb.com/v1alpha2", "MSSQLServer", "ns", "sales", "u-sales" };
static const struct event_subject other = { "kubedb.com/v1alpha2", "MSSQLServer", "ns", "other", "u-other" };
static const struct event lost = { EVENT_WARNING, "PrimaryLost", "Failover", "primary sales-0 is gone" };
static const int64_t wall = 1795341600000000; /* 2026-11-22T10:00:00Z */

/* ---- The table ---- */

static enum event_verdict note(struct event_table *table, const struct event_subject *subject, int number,
                               int64_t now) {
	char text[32];
	snprintf(text, sizeof(text), "note %d", number);
	const struct event event = { EVENT_NORMAL, "Reason", "Action", text };
	return event_table_note(table, subject, &event, now, wall + now * 1000);
}

static void write_all(struct event_table *table, int64_t now) {
	for (struct event_entry *entry; (entry = event_table_due(table, now)) != NULL;) {
		event_written(entry, entry->count, now);
	}
}

static void the_same_is_counted(void **state) {
	(void)state;
	struct event_table table = { 0 };
	for (int64_t now = 0; now < 3; now++) note(&table, &sales, 1, now);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.entries->count, 3);
	note(&table, &sales, 2, 3);
	note(&table, &other, 1, 4);
	assert_int_equal(table.count, 3);
	event_table_free(&table);
}

static void after_ten_minutes_it_is_a_new_one(void **state) {
	(void)state;
	struct event_table table = { 0 };
	note(&table, &sales, 1, 0);
	write_all(&table, 0);
	note(&table, &sales, 1, EVENT_WINDOW_MS - 1);
	assert_int_equal(table.count, 1);
	write_all(&table, EVENT_WINDOW_MS);
	note(&table, &sales, 1, 2 * EVENT_WINDOW_MS);
	assert_int_equal(table.count, 2);
	assert_int_equal(event_table_purge(&table, 2 * EVENT_WINDOW_MS), 0);
	assert_int_equal(table.count, 1);
	assert_int_equal(table.entries->count, 1);
	event_table_free(&table);
}

static void a_count_is_written_less_and_less_often(void **state) {
	(void)state;
	struct event_table table = { 0 };
	int64_t writes = 0;
	for (int64_t now = 0; now < 3600 * 1000; now += 1000) {
		note(&table, &sales, 1, now);
		struct event_entry *entry = event_table_due(&table, now);
		if (entry == NULL) continue;
		event_written(entry, entry->count, now);
		writes++;
	}
	assert_int_equal(table.entries->count, 3600);
	assert_in_range(writes, 10, 20);
	event_table_free(&table);
}

static void one_object_cannot_take_all(void **state) {
	(void)state;
	struct event_table table = { 0 };
	for (int i = 0; i < EVENT_BURST; i++) assert_int_equal(note(&table, &sales, i, 0), EVENT_TAKEN);
	assert_int_equal(note(&table, &sales, 100, 0), EVENT_LIMITED);
	assert_int_equal(note(&table, &sales, 1, 0), EVENT_TAKEN); /* counted: no new one */
	assert_int_equal(note(&table, &other, 1, 0), EVENT_TAKEN);
	assert_int_equal(note(&table, &sales, 101, EVENT_REFILL_MS), EVENT_TAKEN);
	assert_int_equal(note(&table, &sales, 102, EVENT_REFILL_MS), EVENT_LIMITED);
	event_table_free(&table);
}

static void memory_is_bounded(void **state) {
	(void)state;
	struct event_table table = { 0 };
	for (int i = 0; i < EVENT_TABLE_MAX; i++) {
		char uid[16];
		snprintf(uid, sizeof(uid), "u%d", i / 20);
		struct event_subject subject = sales;
		subject.uid = uid;
		assert_int_equal(note(&table, &subject, i, 0), EVENT_TAKEN);
	}
	assert_int_equal(note(&table, &other, 1, 0), EVENT_FULL);
	write_all(&table, 0);
	assert_int_equal(event_table_purge(&table, EVENT_WINDOW_MS), 0);
	assert_int_equal(table.count, 0);
	assert_int_equal(event_table_purge(&table, (int64_t)EVENT_REFILL_MS * EVENT_BURST), 0);
	assert_int_equal(table.budget_count, 0);
	assert_int_equal(note(&table, &other, 1, EVENT_WINDOW_MS), EVENT_TAKEN);
	event_table_free(&table);
}

static void what_could_not_be_written_is_given_up(void **state) {
	(void)state;
	struct event_table table = { 0 };
	note(&table, &sales, 1, 0);
	note(&table, &sales, 2, EVENT_STALE_MS - 1);
	assert_int_equal(event_table_purge(&table, EVENT_STALE_MS), 1);
	assert_int_equal(table.count, 1);
	event_table_free(&table);
}

static void a_count_that_waits_for_its_turn_is_not_given_up(void **state) {
	(void)state;
	struct event_table table = { 0 };
	note(&table, &sales, 1, 0);
	write_all(&table, 0);
	table.entries->pause_ms = EVENT_REPEAT_LONGEST_MS;
	note(&table, &sales, 1, 1);
	assert_int_equal(event_table_purge(&table, EVENT_REPEAT_LONGEST_MS), 0);
	assert_int_equal(event_table_next(&table), EVENT_REPEAT_LONGEST_MS);
	assert_int_equal(event_table_purge(&table, EVENT_REPEAT_LONGEST_MS + EVENT_STALE_MS), 1);
	event_table_free(&table);
}

static void long_notes_are_cut_between_characters(void **state) {
	(void)state;
	struct event_table table = { 0 };
	char text[2001];
	for (size_t i = 0; i + 1 < sizeof(text); i += 2) memcpy(text + i, "é", 2);
	text[0] = 'x';
	text[1] = 'y';
	text[2] = 'z';
	memmove(text + 3, text + 4, sizeof(text) - 5);
	text[sizeof(text) - 2] = '\0';
	const struct event event = { EVENT_NORMAL, "Reason", "Action", text };
	event_table_note(&table, &sales, &event, 0, wall);
	assert_int_equal(strlen(table.entries->note), 1023);
	event_table_free(&table);
}

static void both_dialects_are_spoken(void **state) {
	(void)state;
	struct event_table table = { 0 };
	event_table_note(&table, &sales, &lost, 0, wall);
	event_table_note(&table, &sales, &lost, 5, wall + 5000000);
	struct event_entry *entry = table.entries;
	cleanup_json struct json_object *new = event_body(entry, EVENT_DIALECT_EVENTS_V1, "agkeeper", "pod-1");
	assert_string_equal(json_get_text(new, "apiVersion"), "events.k8s.io/v1");
	assert_string_equal(json_get_text(new, "note"), lost.note);
	assert_string_equal(json_get_text(new, "type"), "Warning");
	assert_string_equal(json_get_text(new, "eventTime"), "2026-11-22T10:00:00.000000Z");
	assert_string_equal(json_get_text(new, "reportingController"), "agkeeper");
	assert_string_equal(json_get_text(json_get(new, "regarding"), "uid"), "u-sales");
	assert_int_equal(json_get_integer(json_get(new, "series"), "count", 0), 2);
	cleanup_json struct json_object *old = event_body(entry, EVENT_DIALECT_CORE_V1, "agkeeper", "pod-1");
	assert_string_equal(json_get_text(old, "apiVersion"), "v1");
	assert_string_equal(json_get_text(old, "message"), lost.note);
	assert_string_equal(json_get_text(old, "firstTimestamp"), "2026-11-22T10:00:00Z");
	assert_string_equal(json_get_text(old, "lastTimestamp"), "2026-11-22T10:00:05Z");
	assert_int_equal(json_get_integer(old, "count", 0), 2);
	event_written(entry, 2, 6);
	cleanup_json struct json_object *patch = event_body(entry, EVENT_DIALECT_EVENTS_V1, "agkeeper", "pod-1");
	assert_int_equal(json_object_object_length(patch), 1);
	event_table_free(&table);
}

/* ---- The recorder ---- */

#define DISCOVERY "/apis/events.k8s.io/v1"
#define EVENTS    "/apis/events.k8s.io/v1/namespaces/ns/events"
#define OFFERED   "{\"resources\":[{\"name\":\"events\"}]}"

struct fixture {
	struct fake_api *api;
	struct kube_client *client;
	struct kube_loop *loop;
	struct metrics *metrics;
	struct event_recorder *recorder;
};

static int set_up(void **state) {
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	fixture->api = fake_api_new(NULL);
	fixture->client = fake_api_client(fixture->api, NULL);
	fixture->loop = kube_loop_new(fixture->client);
	fixture->metrics = metrics_new();
	fixture->recorder = event_recorder_new(
	        fixture->loop,
	        &(struct event_recorder_options){
	                .component = "agkeeper", .instance = "pod-1", .metrics = fixture->metrics, .backoff_ms = 10 });
	assert_int_equal(kube_loop_start(fixture->loop, NULL), 0);
	*state = fixture;
	return 0;
}

static int tear_down(void **state) {
	struct fixture *fixture = *state;
	kube_loop_free(fixture->loop);
	kube_client_free(fixture->client);
	fake_api_free(fixture->api);
	metrics_free(fixture->metrics);
	free(fixture);
	return 0;
}

static bool metric_is(struct fixture *fixture, const char *line) {
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(fixture->metrics, &text);
	return strstr(strbuf_text(&text), line) != NULL;
}

static void it_is_written_where_the_server_offers_it(void **state) {
	struct fixture *fixture = *state;
	fake_api_on(fixture->api, (struct fake_rule){ .path = DISCOVERY, .body = OFFERED });
	fake_api_on(fixture->api, (struct fake_rule){ .method = "POST", .path = EVENTS, .status = 201, .body = "{}" });
	event_record(fixture->recorder, &sales, &lost);
	fake_api_wait(fixture->api, "POST", EVENTS, NULL, 1);
	assert_true(wait_until(metric_is(fixture, "agkeeper_events_written_total 1\n")));
	const struct fake_request *request = fake_api_last(fixture->api, "POST", EVENTS);
	assert_non_null(strstr(request->body, "\"reportingInstance\":\"pod-1\""));
	assert_non_null(strstr(request->body, "\"name\":\"sales."));
}

static void else_in_the_core_group(void **state) {
	struct fixture *fixture = *state;
	fake_api_on(fixture->api,
	            (struct fake_rule){
	                    .method = "POST", .path = "/api/v1/namespaces/ns/events", .status = 201, .body = "{}" });
	event_record(fixture->recorder, &sales, &lost);
	fake_api_wait(fixture->api, "POST", "/api/v1/namespaces/ns/events", NULL, 1);
	assert_non_null(
	        strstr(fake_api_last(fixture->api, "POST", "/api/v1/namespaces/ns/events")->body, "involvedObject"));
}

static void it_waits_while_the_api_is_away(void **state) {
	struct fixture *fixture = *state;
	fake_api_on(fixture->api, (struct fake_rule){ .path = DISCOVERY, .times = 1, .status = 503 });
	fake_api_on(fixture->api, (struct fake_rule){ .path = DISCOVERY, .body = OFFERED });
	fake_api_on(fixture->api, (struct fake_rule){ .method = "POST", .path = EVENTS, .times = 2, .status = 503 });
	fake_api_on(fixture->api, (struct fake_rule){ .method = "POST", .path = EVENTS, .status = 201, .body = "{}" });
	event_record(fixture->recorder, &sales, &lost);
	fake_api_wait(fixture->api, "POST", EVENTS, NULL, 3);
	assert_true(wait_until(metric_is(fixture, "agkeeper_events_written_total 1\n")));
}

static void what_the_server_refuses_is_dropped(void **state) {
	struct fixture *fixture = *state;
	fake_api_on(fixture->api, (struct fake_rule){ .path = DISCOVERY, .body = OFFERED });
	fake_api_on(fixture->api, (struct fake_rule){ .method = "POST", .path = EVENTS, .status = 403, .body = "{}" });
	event_record(fixture->recorder, &sales, &lost);
	assert_true(wait_until(metric_is(fixture, "agkeeper_events_dropped_total{reason=\"refused\"} 1\n")));
	assert_int_equal(fake_api_count(fixture->api, "POST", EVENTS, NULL), 1);
}

static void recording_never_waits(void **state) {
	struct fixture *fixture = *state;
	fake_api_on(fixture->api, (struct fake_rule){ .path = DISCOVERY, .hang = true });
	for (int i = 0; i < 100; i++) {
		char text[32];
		snprintf(text, sizeof(text), "number %d", i);
		event_record(fixture->recorder, &sales, &(struct event){ EVENT_NORMAL, "Reason", "Action", text });
	}
	cleanup_free char *line =
	        xasprintf("agkeeper_events_dropped_total{reason=\"limited\"} %d\n", 100 - EVENT_BURST);
	assert_true(metric_is(fixture, line));
}

int main(void) {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_is_counted),
		cmocka_unit_test(after_ten_minutes_it_is_a_new_one),
		cmocka_unit_test(a_count_is_written_less_and_less_often),
		cmocka_unit_test(one_object_cannot_take_all),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(what_could_not_be_written_is_given_up),
		cmocka_unit_test(a_count_that_waits_for_its_turn_is_not_given_up),
		cmocka_unit_test(long_notes_are_cut_between_characters),
		cmocka_unit_test(both_dialects_are_spoken),
		TEST(it_is_written_where_the_server_offers_it),
		TEST(else_in_the_core_group),
		TEST(it_waits_while_the_api_is_away),
		TEST(what_the_server_refuses_is_dropped),
		TEST(recording_never_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
