/* The work queue (controller/engine/queue.h), by a clock of the test's own. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/strbuf.h"
#include "controller/engine/queue.h"

static int64_t now_ms;
static int64_t test_clock(void) {
	return now_ms;
}

static struct metrics *metrics;
static struct queue *queue;
static atomic_int wakes;

static void on_wake(void *context) {
	(void)context;
	wakes++;
}

static int set_up(void **state) {
	(void)state;
	now_ms = 1000;
	wakes = 0;
	metrics = metrics_new();
	queue = queue_new(&(struct queue_options){ .name = "test",
	                                           .metrics = metrics,
	                                           .wake = on_wake,
	                                           .backoff_first_ms = 100,
	                                           .backoff_longest_ms = 1000,
	                                           .clock_ms = test_clock });
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	queue_free(queue);
	metrics_free(metrics);
	return 0;
}

static void expect_take(const char *expected) {
	cleanup_free char *key = queue_take(queue);
	if (expected == NULL) assert_null(key);
	else assert_non_null(key);
	if (expected != NULL) assert_string_equal(key, expected);
}

static void take_and_do(const char *expected) {
	expect_take(expected);
	queue_done(queue, expected);
}

static void first_in_first_out(void **state) {
	(void)state;
	queue_add(queue, "a");
	queue_add(queue, "b");
	queue_add(queue, "c");
	take_and_do("a");
	take_and_do("b");
	take_and_do("c");
	expect_take(NULL);
}

static void a_key_waits_only_once(void **state) {
	(void)state;
	queue_add(queue, "a");
	queue_add(queue, "a");
	assert_int_equal(queue_depth(queue), 1);
	take_and_do("a");
	expect_take(NULL);
}

static void what_changes_while_it_is_worked_on_comes_again_once(void **state) {
	(void)state;
	queue_add(queue, "a");
	expect_take("a");
	queue_add(queue, "a");
	queue_add(queue, "a");
	expect_take(NULL); /* nobody works on it twice at a time */
	queue_done(queue, "a");
	take_and_do("a");
	expect_take(NULL);
}

static void what_does_not_change_does_not_come_again(void **state) {
	(void)state;
	queue_add(queue, "a");
	take_and_do("a");
	expect_take(NULL);
	assert_int_equal(queue_wait_ms(queue), -1);
}

static void the_earliest_time_wins(void **state) {
	(void)state;
	queue_add_after(queue, "a", 500);
	queue_add_after(queue, "a", 200);
	queue_add_after(queue, "a", 900);
	assert_int_equal(queue_wait_ms(queue), 200);
	now_ms += 199;
	expect_take(NULL);
	now_ms += 1;
	take_and_do("a");
	now_ms += 10000;
	expect_take(NULL); /* the later ones are void */
}

static void an_event_comes_before_the_timer_and_makes_it_void(void **state) {
	(void)state;
	queue_add_after(queue, "a", 500);
	queue_add(queue, "a");
	take_and_do("a");
	now_ms += 1000;
	expect_take(NULL);
}

static void a_timer_set_during_the_work_counts(void **state) {
	(void)state;
	queue_add(queue, "a");
	expect_take("a");
	queue_add_after(queue, "a", 50);
	now_ms += 60;
	expect_take(NULL); /* due, but still being worked on */
	queue_done(queue, "a");
	take_and_do("a");
}

static void a_change_during_the_work_makes_a_later_timer_void(void **state) {
	(void)state;
	queue_add(queue, "a");
	expect_take("a");
	queue_add_after(queue, "a", 50);
	queue_add(queue, "a");
	queue_done(queue, "a");
	take_and_do("a");
	now_ms += 1000;
	expect_take(NULL);
}

static void failures_wait_longer_and_longer(void **state) {
	(void)state;
	static const int64_t steps[] = { 100, 200, 400, 800, 1000, 1000 };
	queue_add(queue, "a");
	for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
		expect_take("a");
		assert_int_equal(queue_failures(queue, "a"), i);
		int64_t delay = queue_retry(queue, "a");
		queue_done(queue, "a");
		assert_in_range(delay, steps[i] / 2, steps[i]);
		assert_int_equal(queue_wait_ms(queue), delay);
		now_ms += delay;
	}
	expect_take("a");
	queue_forget(queue, "a");
	queue_done(queue, "a");
	assert_int_equal(queue_failures(queue, "a"), 0);
	queue_add(queue, "a");
	expect_take("a");
	assert_in_range(queue_retry(queue, "a"), 50, 100);
	queue_done(queue, "a");
}

static void one_that_fails_does_not_hold_up_another(void **state) {
	(void)state;
	queue_add(queue, "bad");
	expect_take("bad");
	queue_retry(queue, "bad");
	queue_done(queue, "bad");
	queue_add(queue, "good");
	take_and_do("good");
}

static void the_worker_is_woken_when_it_must_be(void **state) {
	(void)state;
	queue_add(queue, "a");
	assert_int_equal(wakes, 1);
	queue_add(queue, "a"); /* it waits already */
	assert_int_equal(wakes, 1);
	queue_add_after(queue, "b", 500);
	assert_int_equal(wakes, 2);
	queue_add_after(queue, "c", 900); /* later than what is waited for */
	assert_int_equal(wakes, 2);
	queue_add_after(queue, "c", 100);
	assert_int_equal(wakes, 3);
	expect_take("a");
	queue_add(queue, "a");
	assert_int_equal(wakes, 3); /* it comes when it is done */
	queue_done(queue, "a");
	assert_int_equal(wakes, 4);
}

static void the_metrics_tell(void **state) {
	(void)state;
	queue_add(queue, "a");
	queue_add(queue, "b");
	now_ms += 20;
	expect_take("a");
	queue_retry(queue, "a");
	queue_done(queue, "a");
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(metrics, &text);
	assert_non_null(strstr(strbuf_text(&text), "agkeeper_queue_depth{queue=\"test\"} 1\n"));
	assert_non_null(strstr(strbuf_text(&text), "agkeeper_queue_adds_total{queue=\"test\"} 2\n"));
	assert_non_null(strstr(strbuf_text(&text), "agkeeper_queue_retries_total{queue=\"test\"} 1\n"));
	assert_non_null(strstr(strbuf_text(&text), "agkeeper_queue_wait_seconds_count{queue=\"test\"} 1\n"));
	assert_non_null(strstr(strbuf_text(&text), "agkeeper_queue_wait_seconds_sum{queue=\"test\"} 0.02"));
}

/* ---- Against a model that is too simple to be wrong ---- */

enum { KEYS = 40, STEPS = 200000, NEVER = -1 };

struct model {
	bool due, taken, again;
	int64_t at; /* NEVER, or its timer */
};

static uint32_t next_random(uint32_t *random) {
	*random ^= *random << 13;
	*random ^= *random >> 17;
	*random ^= *random << 5;
	return *random;
}

static void model_pass(struct model *model) {
	for (int i = 0; i < KEYS; i++) {
		if (model[i].at == NEVER || model[i].at > now_ms) continue;
		model[i].at = NEVER;
		if (model[i].taken) model[i].again = true;
		else model[i].due = true;
	}
}

static void model_add(struct model *model, int64_t delay) {
	if (delay > 0) {
		if (!model->due && !model->again && (model->at == NEVER || now_ms + delay < model->at))
			model->at = now_ms + delay;
	} else if (model->taken) {
		model->again = true;
	} else {
		model->due = true;
		model->at = NEVER;
	}
}

static void check_model(const struct model *model) {
	int64_t wait = NEVER;
	size_t depth = 0;
	for (int i = 0; i < KEYS; i++) {
		depth += model[i].due;
		if (model[i].at != NEVER && (wait == NEVER || model[i].at - now_ms < wait)) wait = model[i].at - now_ms;
	}
	assert_int_equal(queue_wait_ms(queue), depth > 0 ? 0 : wait);
	assert_int_equal(queue_depth(queue), depth);
}

static void it_does_what_the_model_does(void **state) {
	(void)state;
	struct model model[KEYS];
	for (int i = 0; i < KEYS; i++) model[i] = (struct model){ .at = NEVER };
	uint32_t random = 20261122;
	for (int step = 0; step < STEPS; step++) {
		char key[8];
		uint32_t which = next_random(&random) % KEYS;
		snprintf(key, sizeof(key), "k%u", which);
		switch (next_random(&random) % 5) {
		case 0: {
			int64_t delay = next_random(&random) % 50;
			model_pass(model);
			queue_wait_ms(queue);
			queue_add_after(queue, key, delay);
			model_add(&model[which], delay);
			break;
		}
		case 1: now_ms += next_random(&random) % 5; break;
		case 2:
		case 3: {
			cleanup_free char *taken = queue_take(queue);
			model_pass(model);
			if (taken == NULL) break;
			struct model *of = &model[atoi(taken + 1)];
			assert_true(of->due && !of->taken);
			*of = (struct model){ .taken = true, .at = of->at };
			break;
		}
		default:
			queue_wait_ms(queue);
			model_pass(model);
			queue_done(queue, key);
			if (!model[which].taken) break;
			model[which].taken = false;
			if (model[which].again) model[which] = (struct model){ .due = true, .at = NEVER };
		}
		model_pass(model);
		check_model(model);
	}
}

/* ---- From other threads ---- */

enum { THREADS = 4, EACH = 20000 };

static void *add_many(void *context) {
	const char *key = context;
	for (int i = 0; i < EACH; i++) queue_add(queue, key);
	return NULL;
}

static void urgent_ones_go_first(void **state) {
	(void)state;
	queue_add(queue, "a");
	queue_add(queue, "b");
	queue_add(queue, "c");
	queue_add(queue, "d");
	queue_set_urgent(queue, "c", true); /* while it waits */
	queue_set_urgent(queue, "unknown", true);
	assert_true(queue_has_urgent(queue));
	take_and_do("c");
	assert_false(queue_has_urgent(queue));
	assert_null(queue_take_urgent(queue));
	queue_set_urgent(queue, "d", true); /* the last in line */
	queue_set_urgent(queue, "d", false);
	queue_add(queue, "e");
	take_and_do("a");
	take_and_do("b");
	take_and_do("d");
	take_and_do("e");
	expect_take(NULL);
}

static void urgency_stays_with_a_key(void **state) {
	(void)state;
	queue_add_after(queue, "late", 100);
	queue_set_urgent(queue, "late", true);
	queue_add(queue, "a");
	now_ms += 100;
	cleanup_free char *key = queue_take_urgent(queue);
	assert_string_equal(key, "late");
	queue_add(queue, "late"); /* again, when it is done */
	queue_done(queue, "late");
	take_and_do("late");
	take_and_do("a");
	expect_take(NULL);
}

static void others_may_add(void **state) {
	(void)state;
	static const char *const names[THREADS] = { "a", "b", "a", "c" };
	pthread_t threads[THREADS];
	int seen[3] = { 0 };
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, (void *)(uintptr_t)names[i]), 0);
	}
	for (int i = 0; i < EACH; i++) {
		cleanup_free char *key = queue_take(queue);
		if (key == NULL) continue;
		seen[key[0] - 'a']++;
		queue_done(queue, key);
	}
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	for (char *key; (key = queue_take(queue)) != NULL; free(key)) {
		seen[key[0] - 'a']++;
		queue_done(queue, key);
	}
	for (int i = 0; i < 3; i++) assert_true(seen[i] >= 1);
	assert_int_equal(queue_depth(queue), 0);
}

int main(void) {
#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(first_in_first_out),
		TEST(a_key_waits_only_once),
		TEST(what_changes_while_it_is_worked_on_comes_again_once),
		TEST(what_does_not_change_does_not_come_again),
		TEST(the_earliest_time_wins),
		TEST(an_event_comes_before_the_timer_and_makes_it_void),
		TEST(a_timer_set_during_the_work_counts),
		TEST(a_change_during_the_work_makes_a_later_timer_void),
		TEST(failures_wait_longer_and_longer),
		TEST(one_that_fails_does_not_hold_up_another),
		TEST(the_worker_is_woken_when_it_must_be),
		TEST(the_metrics_tell),
		TEST(it_does_what_the_model_does),
		TEST(urgent_ones_go_first),
		TEST(urgency_stays_with_a_key),
		TEST(others_may_add),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
