/* The one error type. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void sets(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	assert_int_equal(error_set(&err, ERROR_INVALID, "bad %s %d", "value", 7), -1);
	assert_string_equal(err->message, "bad value 7");
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_int_equal(err->code, 0);
	/* A later error replaces the one that is there. */
	assert_int_equal(error_set_code(&err, ERROR_CONFLICT, 409, "%s", "late"), -1);
	assert_string_equal(err->message, "late");
	assert_int_equal(err->kind, ERROR_CONFLICT);
	assert_int_equal(err->code, 409);
	/* … also when its text comes from the one that it replaces. */
	assert_int_equal(error_set(&err, ERROR_IO, "again: %s", err->message), -1);
	assert_string_equal(err->message, "again: late");
}

static void adds_errno(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	assert_int_equal(error_errno(&err, ENOENT, "cannot open %s", "/x"), -1);
	assert_string_equal(err->message, "cannot open /x: No such file or directory");
	assert_int_equal(err->kind, ERROR_IO);
	assert_int_equal(err->code, ENOENT);
	assert_int_equal(error_errno(&err, 99999, "odd"), -1);
	assert_non_null(strstr(err->message, "odd: "));
}

static void prefixes(void **state) {
	(void)state;
	cleanup_error struct error *err = NULL;
	assert_int_equal(error_prefix(&err, "nothing"), -1);
	assert_null(err);
	error_set_code(&err, ERROR_TIMEOUT, 504, "late");
	assert_int_equal(error_prefix(&err, "%s", "lease"), -1);
	assert_int_equal(error_prefix(&err, "renewing %d%%", 5), -1);
	assert_string_equal(err->message, "renewing 5%: lease: late");
	assert_int_equal(err->kind, ERROR_TIMEOUT);
	assert_int_equal(err->code, 504);
}

static void may_be_ignored(void **state) {
	(void)state;
	assert_int_equal(error_set(NULL, ERROR_INVALID, "x"), -1);
	assert_int_equal(error_set_code(NULL, ERROR_INVALID, 1, "x"), -1);
	assert_int_equal(error_errno(NULL, EIO, "x"), -1);
	assert_int_equal(error_prefix(NULL, "x"), -1);
	error_free(NULL);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets),
		cmocka_unit_test(adds_errno),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(may_be_ignored),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
