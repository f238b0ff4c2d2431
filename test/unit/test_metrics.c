#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/metrics.h"

static int setup(void **state) {
	*state = metrics_new();
	return 0;
}

static int teardown(void **state) {
	metrics_free(*state);
	return 0;
}

static void assert_prints(struct metrics *metrics, const char *expected) {
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(metrics, &text);
	assert_string_equal(strbuf_text(&text), expected);
}

static void counters_are_printed_with_help_and_type(void **state) {
	struct metric *requests = metrics_add(*state, METRIC_COUNTER, "requests_total", "Requests.", NULL);
	assert_prints(*state, "# HELP requests_total Requests.\n# TYPE requests_total counter\n");
	metric_increment(metric_cell(requests, NULL));
	metric_add(metric_cell(requests, NULL), 41);
	assert_prints(*state, "# HELP requests_total Requests.\n# TYPE requests_total counter\nrequests_total 42\n");
}

static void label_values_are_escaped_and_kept_apart(void **state) {
	struct metric *m = metrics_add(*state, METRIC_COUNTER, "m", "M.", METRIC_LABELS("a", "b"));
	metric_increment(metric_cell(m, METRIC_VALUES("x", "y")));
	metric_increment(metric_cell(m, METRIC_VALUES("xy", "")));
	metric_increment(metric_cell(m, METRIC_VALUES("\"\\\n", "\xc3\xa9")));
	metric_increment(metric_cell(m, METRIC_VALUES("\"\\\n", "\xc3\xa9")));
	assert_prints(*state, "# HELP m M.\n# TYPE m counter\n"
	                      "m{a=\"\\\"\\\\\\n\",b=\"\xc3\xa9\"} 2\nm{a=\"xy\",b=\"\"} 1\nm{a=\"x\",b=\"y\"} 1\n");
}

static void gauges_can_be_hidden_and_come_back(void **state) {
	struct metric_cell *cell = metric_cell(metrics_add(*state, METRIC_GAUGE, "g", "G.", NULL), NULL);
	metric_set(cell, 1.5);
	assert_prints(*state, "# HELP g G.\n# TYPE g gauge\ng 1.5\n");
	metric_hide(cell);
	assert_prints(*state, "# HELP g G.\n# TYPE g gauge\n");
	metric_set(cell, -2);
	metric_change(cell, 3);
	assert_prints(*state, "# HELP g G.\n# TYPE g gauge\ng 1\n");
}

static void histograms_are_cumulative(void **state) {
	static const int64_t bounds[] = { 1000000, 2500000000, 0 };
	struct metric *h = metrics_add_histogram(*state, "h_seconds", "H.", METRIC_LABELS("path"), bounds);
	struct metric_cell *cell = metric_cell(h, METRIC_VALUES("/validate"));
	metric_observe(cell, 1000000); /* on the bound: still inside */
	metric_observe(cell, 1000001);
	metric_observe(cell, 3000000000);
	assert_prints(*state, "# HELP h_seconds H.\n# TYPE h_seconds histogram\n"
	                      "h_seconds_bucket{path=\"/validate\",le=\"0.001\"} 1\n"
	                      "h_seconds_bucket{path=\"/validate\",le=\"2.5\"} 2\n"
	                      "h_seconds_bucket{path=\"/validate\",le=\"+Inf\"} 3\n"
	                      "h_seconds_sum{path=\"/validate\"} 3.002\n"
	                      "h_seconds_count{path=\"/validate\"} 3\n");
}

static void too_many_label_sets_end_in_other(void **state) {
	struct metric *m = metrics_add(*state, METRIC_COUNTER, "m", "M.", METRIC_LABELS("a"));
	for (int i = 0; i < METRIC_MAX_CELLS + 10; i++) {
		cleanup_free char *value = xasprintf("%d", i);
		metric_increment(metric_cell(m, METRIC_VALUES(value)));
	}
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(*state, &text);
	assert_non_null(strstr(text.data, "m{a=\"other\"} 10\n"));
	assert_null(strstr(text.data, "m{a=\"1005\"}"));
}

static void a_name_is_added_once(void **state) {
	struct metric *m = metrics_add(*state, METRIC_COUNTER, "m", "M.", NULL);
	assert_ptr_equal(m, metrics_add(*state, METRIC_COUNTER, "m", "M.", NULL));
}

static void collect_seven(void *context) {
	metric_set(context, 7);
}

static void collectors_run_before_a_print(void **state) {
	struct metric_cell *cell = metric_cell(metrics_add(*state, METRIC_GAUGE, "g", "G.", NULL), NULL);
	metrics_on_collect(*state, collect_seven, cell, NULL);
	assert_prints(*state, "# HELP g G.\n# TYPE g gauge\ng 7\n");
}

static void the_process_speaks_of_itself(void **state) {
	metrics_add_process(*state, "1.2.3");
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(*state, &text);
	assert_non_null(strstr(text.data, "agkeeper_build_info{version=\"1.2.3\"} 1\n"));
	const char *resident = strstr(text.data, "\nprocess_resident_memory_bytes ");
	assert_non_null(resident);
	assert_true(atof(resident + strlen("\nprocess_resident_memory_bytes ")) > 100000);
	const char *fds = strstr(text.data, "\nprocess_open_fds ");
	assert_non_null(fds);
	assert_true(atof(fds + strlen("\nprocess_open_fds ")) >= 3);
	assert_non_null(strstr(text.data, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 0"));
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *count(void *metric) {
	for (int i = 0; i < ROUNDS; i++) {
		char value[16];
		snprintf(value, sizeof(value), "%d", i % 100);
		metric_increment(metric_cell(metric, METRIC_VALUES(value)));
	}
	return NULL;
}

static void threads_count_together(void **state) {
	struct metric *m = metrics_add(*state, METRIC_COUNTER, "m", "M.", METRIC_LABELS("a"));
	pthread_t threads[THREADS];
	for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, count, m);
	for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
	cleanup_strbuf struct strbuf text = { 0 };
	metrics_print(*state, &text);
	for (int i = 0; i < 100; i++) {
		cleanup_free char *line = xasprintf("m{a=\"%d\"} %d\n", i, THREADS * ROUNDS / 100);
		assert_non_null(strstr(text.data, line));
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(counters_are_printed_with_help_and_type, setup, teardown),
		cmocka_unit_test_setup_teardown(label_values_are_escaped_and_kept_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(gauges_can_be_hidden_and_come_back, setup, teardown),
		cmocka_unit_test_setup_teardown(histograms_are_cumulative, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_label_sets_end_in_other, setup, teardown),
		cmocka_unit_test_setup_teardown(a_name_is_added_once, setup, teardown),
		cmocka_unit_test_setup_teardown(collectors_run_before_a_print, setup, teardown),
		cmocka_unit_test_setup_teardown(the_process_speaks_of_itself, setup, teardown),
		cmocka_unit_test_setup_teardown(threads_count_together, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
