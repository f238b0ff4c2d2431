/* Quantities against the rules of k8s.io/apimachinery, api/resource. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/quantity.h"

#define E9  ((__int128)1000000000)
#define E18 (E9 * E9)

static __int128 nano(const char *text) {
	struct quantity quantity;
	if (!quantity_parse(text, &quantity)) fail_msg("refused: %s", text);
	return quantity.nano;
}

static void assert_nano(const char *text, __int128 expected) {
	__int128 got = nano(text);
	if (got != expected) {
		fail_msg("%s: off by %lld nano (whole %lld)", text, (long long)(got - expected), (long long)(got / E9));
	}
}

static void assert_refused(const char *text) {
	struct quantity quantity;
	if (quantity_parse(text, &quantity)) fail_msg("accepted: \"%s\"", text);
}

static void reads_decimal_suffixes(void **state) {
	(void)state;
	assert_nano("0", 0);
	assert_nano("1", E9);
	assert_nano("1n", 1);
	assert_nano("1u", 1000);
	assert_nano("1m", 1000000);
	assert_nano("1k", 1000 * E9);
	assert_nano("1M", 1000000 * E9);
	assert_nano("1G", E18);
	assert_nano("1T", 1000 * E18);
	assert_nano("1P", 1000000 * E18);
	assert_nano("1E", E18 * E9);
	assert_nano("1500m", 3 * E9 / 2);
	assert_nano("0.5", E9 / 2);
	assert_nano("2.5k", 2500 * E9);
}

static void reads_binary_suffixes(void **state) {
	(void)state;
	assert_nano("1Ki", 1024 * E9);
	assert_nano("1Mi", 1048576 * E9);
	assert_nano("1Gi", 1073741824 * E9);
	assert_nano("1Ti", 1099511627776 * E9);
	assert_nano("1Pi", 1125899906842624 * E9);
	assert_nano("1Ei", 1152921504606846976 * E9);
	assert_nano("0.5Gi", 536870912 * E9);
	assert_nano("1.5Ki", 1536 * E9);
	assert_nano("0.001Ki", 1024000000);
}

static void reads_exponents(void **state) {
	(void)state;
	assert_nano("1e3", 1000 * E9);
	assert_nano("1E3", 1000 * E9);
	assert_nano("1e+3", 1000 * E9);
	assert_nano("1E-3", E9 / 1000);
	assert_nano("1e0", E9);
	assert_nano("12.5e1", 125 * E9);
	assert_nano("1e-9", 1);
	assert_nano("1e18", E18 * E9);
	assert_nano("0.000001e9", 1000 * E9);
	assert_nano("1e0003", 1000 * E9);
	assert_nano("1e-0000000003", E9 / 1000);
	assert_nano("0e999999999999", 0);
	assert_refused("1e");
	assert_refused("1e+");
	assert_refused("1e-");
	assert_refused("1E+");
	assert_refused("1e1.5");
	assert_refused("1e3Ki");
	assert_refused("1Ee3");
	assert_refused("1e3m");
	assert_refused("1e 3");
	assert_refused("1e++3");
	assert_refused("1e0x3");
	assert_refused("1e-99999999999999999999");
}

static void reads_signs_and_points(void **state) {
	(void)state;
	assert_nano("+1", E9);
	assert_nano("-1", -E9);
	assert_nano("-0", 0);
	assert_nano("-0.5Gi", -536870912 * E9);
	assert_nano(".5", E9 / 2);
	assert_nano("5.", 5 * E9);
	assert_nano("5.Ki", 5120 * E9);
	assert_nano("-.5k", -500 * E9);
	assert_nano("+.5e1", 5 * E9);
	assert_nano("000000000000000000000000000000000001", E9);
	assert_nano("1.00000000000000000000000000000000000000", E9);
	assert_nano("00.100", E9 / 10);
}

static void refuses_what_is_none(void **state) {
	(void)state;
	static const char *const texts[] = {
		"",    " ",    "+",   "-",   ".",   "-.",     "+.",   "Ki",    "m",     "e3",    "E",
		".Ki", "1ki",  "1KI", "1kI", "1K",  "1mi",    "1gi",  "1g",    "1t",    "1p",    "1GiB",
		"1GB", "1B",   "1b",  "1i",  "1ni", "1mm",    "1Kii", "1.1.1", "1,5",   "1_000", " 1",
		"1 ",  "1 Gi", "--1", "+-1", "-+1", "0x10",   "1 2",  "ten",   "NaN",   "Inf",   "1\n",
		"\t1", "1Gi ", "½",   "1µ",  "1.e", "1.5.Ki", "１",   "1m1",   "1.Ki5",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) assert_refused(texts[i]);
}

/* Finer than nano: "rounded up", which Go's inf.RoundUp takes as away from zero. */
static void rounds_up_below_nano(void **state) {
	(void)state;
	assert_nano("0.1n", 1);
	assert_nano("1e-10", 1);
	assert_nano("1e-400", 1);
	assert_nano("1e-999999999", 1);
	assert_nano("1e-9223372036854775807", 1);
	assert_nano("0.0000000001", 1);
	assert_nano("-0.0000000001", -1);
	assert_nano("1.1n", 2);
	assert_nano("-1.1n", -2);
	assert_nano("1.0n", 1);
	assert_nano("0.9999999999", E9);
	assert_nano("1.0000000000000000000000000000000000000000000001", E9 + 1);
	assert_nano("0.00000000000000000000000000000000000000000000000000000000000001Ei", 1);
	assert_nano("0.0000000000000000000000000000000001k", 1);
}

/* Binary suffixes multiply first and round after: not one nano is lost on the way. */
static void keeps_many_digits(void **state) {
	(void)state;
	assert_nano("9007199254740993", 9007199254740993 * E9);
	assert_nano("123456789.123456789", 123456789123456789);
	assert_nano("1234567890123456789.123456789", (__int128)1234567890123456789 * E9 + 123456789);
	assert_nano("1234567890123456789123456789n", (__int128)1234567890123456789 * E9 + 123456789);
	assert_nano("100000000000000000000n", 100 * E18);
	assert_nano("9223372036854775807000m", LLONG_MAX * E9);
	assert_nano("0.123456789012345678901234567890", 123456790);
	assert_nano("7.000000000000000000000000000001Ki", 7168 * E9 + 1);
}

static void refuses_beyond_64_bits(void **state) {
	(void)state;
	assert_nano("9223372036854775807", LLONG_MAX * E9);
	assert_nano("-9223372036854775807", -(LLONG_MAX * E9));
	assert_nano("9223372036854775806.999999999", LLONG_MAX * E9 - 1);
	assert_nano("7Ei", 7 * (__int128)1152921504606846976 * E9);
	assert_nano("9E", 9 * E18 * E9);
	assert_refused("9223372036854775808");
	assert_refused("9223372036854775807.0000000001");
	assert_refused("8Ei");
	assert_refused("10E");
	assert_refused("1e19");
	assert_refused("1e400");
	assert_refused("1e99999999999999999999");
	assert_refused("99999999999999999999999999999999999999999999");
	assert_refused("99999999999999999999Ei");
	assert_refused("-1e400");
	assert_refused("1e2147483648");
	assert_refused("1e4294967297");
}

static void compares(void **state) {
	(void)state;
	struct quantity a;
	struct quantity b;
	static const struct {
		const char *a;
		const char *b;
		int order;
	} cases[] = {
		{ "1Gi", "1024Mi", 0 }, { "1G", "1Gi", -1 }, { "1000m", "1", 0 }, { "-1", "0", -1 },
		{ "1e3", "1k", 0 },     { "2", "1.9", 1 },   { "-2", "-1", -1 },  { "0", "-0", 0 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		assert_true(quantity_parse(cases[i].a, &a));
		assert_true(quantity_parse(cases[i].b, &b));
		assert_int_equal(quantity_compare(a, b), cases[i].order);
		assert_int_equal(quantity_compare(b, a), -cases[i].order);
	}
}

/* Quantity.Value() of Kubernetes: whole units, away from zero. */
static void rounds_whole_units_away_from_zero(void **state) {
	(void)state;
	static const struct {
		const char *text;
		long long value;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "0.1", 1 },
		{ "1n", 1 },
		{ "1500m", 2 },
		{ "1.5Ki", 1536 },
		{ "-1500m", -2 },
		{ "-1n", -1 },
		{ "-1", -1 },
		{ "10Gi", 10737418240 },
		{ "9223372036854775807", LLONG_MAX },
		{ "9223372036854775806.1", LLONG_MAX },
		{ "-9223372036854775806.1", -LLONG_MAX },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct quantity quantity;
		assert_true(quantity_parse(cases[i].text, &quantity));
		if (quantity_value(quantity) != cases[i].value) {
			fail_msg("%s: %lld", cases[i].text, quantity_value(quantity));
		}
	}
}

static void reads_json_without_touching_it(void **state) {
	(void)state;
	static const struct {
		const char *json;
		const char *equal; /* NULL: none */
	} cases[] = {
		{ "\"10Gi\"", "10Gi" }, { "10737418240", "10Gi" }, { "-1", "-1" }, { "0", "0" },
		{ "\"x\"", NULL },      { "1.5", NULL },           { "{}", NULL }, { "null", NULL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		struct json_object *json = json_tokener_parse(cases[i].json);
		struct quantity quantity, expected;
		assert_int_equal(quantity_from_json(json, &quantity), cases[i].equal != NULL);
		if (cases[i].equal != NULL) {
			assert_true(quantity_parse(cases[i].equal, &expected));
			assert_int_equal(quantity_compare(quantity, expected), 0);
		}
		json_object_put(json);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_decimal_suffixes),
		cmocka_unit_test(reads_binary_suffixes),
		cmocka_unit_test(reads_exponents),
		cmocka_unit_test(reads_signs_and_points),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(rounds_up_below_nano),
		cmocka_unit_test(keeps_many_digits),
		cmocka_unit_test(refuses_beyond_64_bits),
		cmocka_unit_test(compares),
		cmocka_unit_test(rounds_whole_units_away_from_zero),
		cmocka_unit_test(reads_json_without_touching_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
