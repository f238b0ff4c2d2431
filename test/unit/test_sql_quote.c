/* What goes between quotes, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sql/quote.h"

static void writes(void **state) {
	(void)state;
	static const unsigned char bytes[] = { 0x00, 0x7F, 0xFF };
	const struct {
		struct sql_part part;
		const char *expected;
	} cases[] = {
		{ SQL_NAME("ag1"), "[ag1]" },
		{ SQL_NAME("a]b"), "[a]]b]" },
		{ SQL_NAME("]"), "[]]]" },
		{ SQL_NAME("]; DROP TABLE x --"), "[]]; DROP TABLE x --]" },
		{ SQL_NAME("d'é[\"日本"), "[d'é[\"日本]" },
		{ SQL_TEXT(""), "N''" },
		{ SQL_TEXT("it's"), "N'it''s'" },
		{ SQL_TEXT("''"), "N''''''" },
		{ SQL_TEXT("]\n\t--{}"), "N']\n\t--{}'" },
		{ SQL_BINARY(bytes, sizeof(bytes)), "0x007FFF" },
		{ SQL_BINARY(NULL, 0), "0x" },
		{ SQL_NUMBER(INT64_MIN), "-9223372036854775808" },
		{ SQL_KEYWORD("ALTER ANY ENDPOINT"), "ALTER ANY ENDPOINT" },
		{ SQL_KEYWORD("READ_ONLY"), "READ_ONLY" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_strbuf struct strbuf out = { 0 };
		assert_int_equal(sql_append(&out, cases[i].part, NULL), 0);
		assert_string_equal(strbuf_text(&out), cases[i].expected);
	}
}

static void refuses(void **state) {
	(void)state;
	char too_long[130] = { 0 }, astral[65 * 4 + 1] = { 0 };
	memset(too_long, 'x', 129);
	for (int i = 0; i < 65; i++) memcpy(astral + 4 * i, "\xF0\x9F\x98\x80", 4); /* two UTF-16 units each: 130 */
	const struct {
		struct sql_part part;
		enum error_kind kind;
	} cases[] = {
		{ SQL_NAME(""), ERROR_INVALID },         { SQL_NAME(NULL), ERROR_INVALID },
		{ SQL_NAME(too_long), ERROR_INVALID },   { SQL_NAME(astral), ERROR_INVALID },
		{ SQL_NAME("a\nb"), ERROR_INVALID },     { SQL_NAME("a\x7F"), ERROR_INVALID },
		{ SQL_NAME("\xFF"), ERROR_INVALID },     { SQL_TEXT(NULL), ERROR_INVALID },
		{ SQL_TEXT("\xC0\xA7"), ERROR_INVALID }, /* an overlong ' */
		{ SQL_BINARY(NULL, 1), ERROR_INVALID },  { SQL_KEYWORD("ON; DROP"), ERROR_INTERNAL },
		{ SQL_KEYWORD("on"), ERROR_INTERNAL },   { SQL_KEYWORD(""), ERROR_INTERNAL },
		{ SQL_KEYWORD(" ON"), ERROR_INTERNAL },  { SQL_KEYWORD(NULL), ERROR_INTERNAL },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_strbuf struct strbuf out = { 0 };
		cleanup_error struct error *err = NULL;
		assert_int_equal(sql_append(&out, cases[i].part, &err), -1);
		assert_int_equal(err->kind, cases[i].kind);
		assert_int_equal(out.length, 0);
	}
}

/* The neighbours of what is refused above. */
static void takes_the_longest_name(void **state) {
	(void)state;
	char longest[129] = { 0 }, astral[64 * 4 + 1] = { 0 };
	memset(longest, 'x', 128);
	for (int i = 0; i < 64; i++) memcpy(astral + 4 * i, "\xF0\x9F\x98\x80", 4);
	cleanup_strbuf struct strbuf out = { 0 };
	assert_int_equal(sql_append(&out, SQL_NAME(longest), NULL), 0);
	assert_int_equal(sql_append(&out, SQL_NAME(astral), NULL), 0);
}

static void fills_templates(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf out = { 0 };
	assert_int_equal(sql_write(&out, NULL, "A {} B {};", SQL_NAME("x{}"), SQL_NUMBER(7)), 0);
	assert_int_equal(sql_write(&out, NULL, " C"), 0);
	assert_string_equal(out.data, "A [x{}] B 7; C");
}

static void writes_all_or_nothing(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_error struct error *err = NULL;
	strbuf_append(&out, "before");
	assert_int_equal(sql_write(&out, &err, "A {} {}", SQL_NAME("x"), SQL_NAME("")), -1);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(sql_write(&out, &err, "A {} {}", SQL_NAME("x")), -1);
	assert_int_equal(err->kind, ERROR_INTERNAL);
	assert_int_equal(sql_write(&out, &err, "A {}", SQL_NAME("x"), SQL_NAME("y")), -1);
	assert_int_equal(err->kind, ERROR_INTERNAL);
	assert_string_equal(out.data, "before");
	assert_int_equal(out.length, 6);
}

static void never_repeats_a_value(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf out = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(sql_append(&out, SQL_TEXT("Secret-1\xFF"), &err), -1);
	assert_null(strstr(err->message, "Secret"));
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes),
		cmocka_unit_test(refuses),
		cmocka_unit_test(takes_the_longest_name),
		cmocka_unit_test(fills_templates),
		cmocka_unit_test(writes_all_or_nothing),
		cmocka_unit_test(never_repeats_a_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
