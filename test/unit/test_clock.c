/* RFC 3339 as Kubernetes writes and Go reads it. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"

static void reads(void **state) {
	(void)state;
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-22T10:00:00Z", 1795341600 },
		{ "2026-11-22T10:00:00.123456Z", 1795341600 },
		{ "2026-11-22T10:00:00.9Z", 1795341600 },
		{ "2026-11-22T10:00:00+00:00", 1795341600 },
		{ "2026-11-22T11:30:00+01:30", 1795341600 },
		{ "2026-11-22T02:00:00-08:00", 1795341600 },
		{ "2026-11-22T10:00:00.5-00:00", 1795341600 },
		{ "2000-02-29T23:59:59Z", 951868799 },
		{ "2024-02-29T00:00:00Z", 1709164800 },
		{ "2038-01-19T03:14:08Z", 2147483648 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
		{ "1970-01-01T01:00:00+01:00", 0 },
		{ "1969-12-31T00:00:00Z", -86400 },
		{ "0001-01-01T00:00:00Z", -62135596800 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int64_t seconds = clock_parse_rfc3339(cases[i].text);
		if (seconds != cases[i].seconds) fail_msg("%s: %" PRId64, cases[i].text, seconds);
	}
}

static void refuses(void **state) {
	(void)state;
	static const char *const texts[] = {
		"",
		"now",
		"2026",
		"2026-11-22",
		"2026-11-22T10:00:00",
		"2026-11-22T10:00Z",
		"2026-11-22 10:00:00Z",
		"2026-11-22t10:00:00Z",
		"2026-11-22T10:00:00z",
		" 2026-11-22T10:00:00Z",
		"2026-11-22T10:00:00Z ",
		"2026-11-22T10:00:00ZZ",
		"2026-11-22T10:00:00.Z",
		"2026-11-22T10:00:00.",
		"2026-11-22T10:00:00+1:00",
		"2026-11-22T10:00:00+0100",
		"2026-11-22T10:00:00+01",
		"2026-11-22T10:00:00+24:00",
		"2026-11-22T10:00:00+01:60",
		"2026-11-22T10:00:00+ 1:00",
		"2026-11-22T10:00:00+-1:00",
		"2026-11-22T10:00:00 01:00",
		"2026-11-22T24:00:00Z",
		"2026-11-22T10:60:00Z",
		"2026-11-22T10:00:60Z",
		"2026-11-22T10:00:61Z",
		"2026-13-22T10:00:00Z",
		"2026-00-22T10:00:00Z",
		"2026-11-00T10:00:00Z",
		"2026-11-31T10:00:00Z",
		"2026-02-29T10:00:00Z",
		"2100-02-29T10:00:00Z",
		"2026-02-30T10:00:00Z",
		"26-11-22T10:00:00Z",
		"2026-1-2T10:00:00Z",
		"2026-11-22T1:00:00Z",
		"2026-11-22T10:0:00Z",
		"2026-11-22T10:00:0Z",
		"+2026-11-22T10:00:00Z",
		"-2026-11-22T10:00:00Z",
		"12026-11-22T10:00:00Z",
		"2026-11- 2T10:00:00Z",
		"2026-11-22T 1:00:00Z",
		"2026-11-22T10:00:00,5Z",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		if (clock_parse_rfc3339(texts[i]) != -1) fail_msg("accepted: \"%s\"", texts[i]);
	}
}

static void writes_what_it_reads(void **state) {
	(void)state;
	char text[CLOCK_RFC3339_SIZE];
	assert_string_equal(clock_format_rfc3339(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(clock_format_rfc3339(1795341600, text), "2026-11-22T10:00:00Z");
	assert_string_equal(clock_format_micro_time(1795341600000042, text), "2026-11-22T10:00:00.000042Z");
	for (int64_t seconds = 0; seconds < INT64_C(253402300800); seconds += 86399 * 17 + 12345) {
		if (clock_parse_rfc3339(clock_format_rfc3339(seconds, text)) != seconds) fail_msg("%s", text);
	}
}

static void reads_micro_time(void **state) {
	(void)state;
	static const struct {
		const char *text;
		int64_t microseconds;
	} cases[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-22T10:00:00.000042Z", 1795341600000042 },
		{ "2026-11-22T10:00:00.5Z", 1795341600500000 },
		{ "2026-11-22T11:00:00.1234567+01:00", 1795341600123456 },
		{ "2026-11-22T10:00:00.", -1 },
		{ "today", -1 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_int_equal(clock_parse_micro_time(cases[i].text), cases[i].microseconds);
	}
}

static void tells_now(void **state) {
	(void)state;
	char text[CLOCK_RFC3339_SIZE];
	int64_t before = clock_wall_seconds();
	clock_now_rfc3339(text);
	int64_t after = clock_wall_seconds();
	int64_t now = clock_parse_rfc3339(text);
	assert_in_range(now, before, after);
	assert_int_equal(strlen(text), strlen("2026-11-22T10:00:00.123Z"));
	int64_t first = clock_monotonic_ns();
	assert_true(clock_monotonic_ns() >= first);
	assert_true(clock_monotonic_ms() >= first / 1000000);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(reads_micro_time),
		cmocka_unit_test(tells_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
