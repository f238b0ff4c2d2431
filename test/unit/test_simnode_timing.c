/* Probes and back-off: pure bookkeeping over a clock that the test holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "simnode/backoff.h"
#include "simnode/probe.h"

static struct probe make(enum probe_kind kind, const char *settings_text) {
	struct probe probe;
	cleanup_json struct json_object *settings = NULL;
	assert_int_equal(json_parse(settings_text, strlen(settings_text), &settings, NULL), 0);
	probe_init(&probe, kind, settings);
	probe_restart(&probe, 1000);
	return probe;
}

static void defaults(void **state) {
	(void)state;
	struct probe probe = make(PROBE_READINESS, "{}");
	assert_int_equal(probe.due_at, 1000);
	assert_int_equal(probe.period_ms, 10000);
	assert_int_equal(probe.timeout_ms, 1000);
	assert_int_equal(probe.verdict, PROBE_FAILURE);
	assert_int_equal(make(PROBE_LIVENESS, "{}").verdict, PROBE_SUCCESS);
	assert_int_equal(make(PROBE_STARTUP, "{}").verdict, PROBE_UNKNOWN);
	assert_int_equal(make(PROBE_STARTUP, "{\"initialDelaySeconds\": 7}").due_at, 8000);
}

static void thresholds(void **state) {
	(void)state;
	struct probe probe =
	        make(PROBE_READINESS, "{\"successThreshold\": 2, \"failureThreshold\": 3, \"periodSeconds\": 5}");
	static const struct {
		bool succeeded;
		enum probe_verdict verdict;
	} steps[] = {
		{ true, PROBE_FAILURE }, { true, PROBE_SUCCESS },  { false, PROBE_SUCCESS }, { false, PROBE_SUCCESS },
		{ true, PROBE_SUCCESS }, { false, PROBE_SUCCESS }, { false, PROBE_SUCCESS }, { false, PROBE_FAILURE },
		{ true, PROBE_FAILURE }, { false, PROBE_FAILURE }, { true, PROBE_FAILURE },  { true, PROBE_SUCCESS },
	};
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int64_t now = 2000 + (int64_t)i * 100;
		assert_int_equal(probe_record(&probe, steps[i].succeeded, now), steps[i].verdict);
		assert_int_equal(probe.due_at, now + 5000);
	}
	probe_restart(&probe, 9000);
	assert_int_equal(probe.verdict, PROBE_FAILURE);
	assert_int_equal(probe_record(&probe, true, 9000), PROBE_FAILURE); /* the row begins anew */
}

static void liveness_fails_at_its_threshold(void **state) {
	(void)state;
	struct probe probe = make(PROBE_LIVENESS, "{\"failureThreshold\": 2}");
	assert_int_equal(probe_record(&probe, false, 0), PROBE_SUCCESS);
	assert_int_equal(probe_record(&probe, false, 0), PROBE_FAILURE);
}

static void doubling(void **state) {
	(void)state;
	struct backoff backoff = { 0 };
	static const int64_t seconds[] = { 10, 20, 40, 80, 160, 300, 300 };
	int64_t now = 1000;
	assert_int_equal(backoff_until(&backoff, now), now); /* at once, the first time */
	for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
		backoff_next(&backoff, now, now);
		now += 5; /* it crashes again */
		assert_int_equal(backoff_until(&backoff, now) - now, seconds[i] * 1000);
		now = backoff_until(&backoff, now);
	}
}

static void forgetting(void **state) {
	(void)state;
	struct backoff backoff = { 0 };
	backoff_next(&backoff, 1000, 1000);
	backoff_next(&backoff, 2000, 2000);
	int64_t edge = 2000 + 600 * 1000;
	assert_int_equal(backoff_until(&backoff, edge), edge + 20000);
	assert_int_equal(backoff_until(&backoff, edge + 1), edge + 1);
	backoff_next(&backoff, edge + 1, edge + 1);
	assert_int_equal(backoff.delay_ms, 10000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(liveness_fails_at_its_threshold),
		cmocka_unit_test(doubling),
		cmocka_unit_test(forgetting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
