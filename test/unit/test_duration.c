/* Durations against Go's time.ParseDuration. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/duration.h"
#include "base/memory.h"

#define SECOND INT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static void reads(void **state) {
	(void)state;
	static const struct {
		const char *text;
		int64_t nanoseconds;
	} cases[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "+0", 0 },
		{ "0s", 0 },
		{ "5s", 5 * SECOND },
		{ "30s", 30 * SECOND },
		{ "1478s", 1478 * SECOND },
		{ "-5s", -5 * SECOND },
		{ "+5s", 5 * SECOND },
		{ "5.0s", 5 * SECOND },
		{ "5.6s", 56 * SECOND / 10 },
		{ "5.s", 5 * SECOND },
		{ ".5s", SECOND / 2 },
		{ "1.004s", SECOND + 4000000 },
		{ "1.0040s", SECOND + 4000000 },
		{ "100.00100s", 100 * SECOND + 1000000 },
		{ "10ns", 10 },
		{ "11us", 11000 },
		{ "12µs", 12000 },
		{ "12μs", 12000 },
		{ "13ms", 13000000 },
		{ "14s", 14 * SECOND },
		{ "15m", 15 * MINUTE },
		{ "16h", 16 * HOUR },
		{ "3h30m", 3 * HOUR + 30 * MINUTE },
		{ "10.5s4m", 4 * MINUTE + 10 * SECOND + SECOND / 2 },
		{ "-2m3.4s", -(2 * MINUTE + 3 * SECOND + 2 * SECOND / 5) },
		{ "1h2m3s4ms5us6ns", HOUR + 2 * MINUTE + 3 * SECOND + 4005006 },
		{ "39h9m14.425s", 39 * HOUR + 9 * MINUTE + 14 * SECOND + 425000000 },
		{ "52763797000ns", 52763797000 },
		/* Fractions of units that are no power of ten. */
		{ "0.5h", 30 * MINUTE },
		{ "0.3333333333333333333h", 20 * MINUTE },
		{ "0.100000000000000000000h", 6 * MINUTE },
		{ "0.3333333333333333333m", 20 * SECOND },
		{ "1.25m", 75 * SECOND },
		{ "0.830103483285477580700h", 49 * MINUTE + 48 * SECOND + 372539827 },
		/* More decimals than nanoseconds have are cut. */
		{ "0.9ns", 0 },
		{ "1.9999999999s", SECOND + 999999999 },
		{ "9007199254.740993ms", 9007199254740993 },
		/* The ends of the range. */
		{ "9223372036854775807ns", INT64_MAX },
		{ "9223372036854775.807us", INT64_MAX },
		{ "9223372036s854ms775us807ns", INT64_MAX },
		{ "-9223372036854775807ns", -INT64_MAX },
		{ "-9223372036854775808ns", INT64_MIN },
		{ "-9223372036854775.808us", INT64_MIN },
		{ "-9223372036s854ms775us808ns", INT64_MIN },
		{ "2540400h10m10.000000000s", INT64_C(9145440610) * SECOND },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		int64_t nanoseconds = -42;
		if (!duration_parse(cases[i].text, &nanoseconds)) fail_msg("refused: %s", cases[i].text);
		if (nanoseconds != cases[i].nanoseconds) {
			fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].text, nanoseconds, cases[i].nanoseconds);
		}
	}
}

static void refuses(void **state) {
	(void)state;
	static const char *const texts[] = {
		"",     "3",    "-",     "+",      "s",        ".",    "-.",   ".s",    "+.s",  "-s",
		"1",    "1.5",  "00",    "0.0",    "1d",       "1w",   "1y",   "1S",    "1H",   "1M",
		"1Ms",  "1 s",  " 1s",   "1s ",    "1s 2s",    "1s2",  "1sm",  "1hour", "1min", "1sec",
		"--1s", "-+1s", "1s-2s", "1.2.3s", "1e3s",     "1,5s", "0x1s", "1s\n",  "PT1H", "10",
		"1_0s", "µs",   "1µ",    "1\xB5s", "\x85\x85", "１s",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		int64_t nanoseconds;
		if (duration_parse(texts[i], &nanoseconds)) fail_msg("accepted: \"%s\"", texts[i]);
	}
}

static void refuses_what_does_not_fit(void **state) {
	(void)state;
	static const char *const texts[] = {
		"9223372036854775808ns",
		"9223372036854775.808us",
		"9223372036854ms775us808ns",
		"9223372036.854775808s",
		"9223372036854775.999us",
		"9223372036854.999999ms",
		"-9223372036854775809ns",
		"-9223372036854775.809us",
		"2562047h47m16.854775808s",
		"2562048h",
		"3000000h",
		"9223372036854775808s",
		"18446744073709551616ns",
		"99999999999999999999999999999999h",
		"9223372036854775807h",
		"1s9223372036854775807ns",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		int64_t nanoseconds;
		if (duration_parse(texts[i], &nanoseconds))
			fail_msg("accepted: \"%s\" as %" PRId64, texts[i], nanoseconds);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_what_does_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
