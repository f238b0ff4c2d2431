/* Typed rows out of text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/messages.h"
#include "sql/observation.h"

static const char *const colours[] = { "", "RED", "GREEN", NULL };

struct row {
	const char *text;
	int64_t number;
	bool flag;
	struct sql_lsn lsn;
	struct sql_bytes bytes;
	int colour;
};
static const struct sql_column table[] = {
	{ SQL_MEMBER(struct row, "text", text), .type = SQL_COLUMN_TEXT },
	{ SQL_MEMBER(struct row, "number", number), .type = SQL_COLUMN_INT, .nullable = true, .otherwise = -1 },
	{ SQL_MEMBER(struct row, "flag", flag), .type = SQL_COLUMN_BOOL, .nullable = true },
	{ SQL_MEMBER(struct row, "lsn", lsn), .type = SQL_COLUMN_LSN, .nullable = true },
	{ SQL_MEMBER(struct row, "bytes", bytes), .type = SQL_COLUMN_BYTES, .nullable = true },
	{ SQL_MEMBER(struct row, "colour", colour), .type = SQL_COLUMN_ENUM, .nullable = true, .values = colours },
	{ 0 },
};
/* Another order than the table's, and one column more. */
static const char *names[] = { "colour", "other", "bytes", "lsn", "flag", "number", "text" };
enum { COLUMNS = 7 };

static int read_rows(const char **values, size_t rows, size_t columns, struct arena *arena, struct row **result,
                     struct error **err) {
	const char **places[4];
	for (size_t i = 0; i < rows; i++) places[i] = values + i * COLUMNS;
	const struct sql_set set = { .column_count = columns, .columns = names, .row_count = rows, .rows = places };
	void *read = NULL;
	size_t count = 0;
	if (sql_rows_read(&set, table, sizeof(struct row), arena, &read, &count, err) != 0) return -1;
	assert_int_equal(count, rows);
	*result = read;
	return 0;
}

static void reads_every_type(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	const char *values[] = { "GREEN", "?",   "00fF", "9999999999999999999999999",
		                 "1",     "-12", "a",    "BLUE",
		                 NULL,    NULL,  NULL,   NULL,
		                 NULL,    "",    "RED" };
	values[13] = "b"; /* the second row's text */
	struct row *rows = NULL;
	assert_int_equal(read_rows(values, 2, COLUMNS, &arena, &rows, NULL), 0);
	assert_string_equal(rows[0].text, "a");
	assert_int_equal(rows[0].number, -12);
	assert_true(rows[0].flag);
	assert_true(rows[0].lsn.known);
	unsigned __int128 highest = 1;
	for (int i = 0; i < 25; i++) highest *= 10;
	assert_true(rows[0].lsn.value == highest - 1);
	assert_int_equal(rows[0].bytes.length, 2);
	assert_memory_equal(rows[0].bytes.bytes, "\x00\xFF", 2);
	assert_int_equal(rows[0].colour, 2);
	assert_int_equal(rows[1].number, -1);
	assert_false(rows[1].flag);
	assert_false(rows[1].lsn.known);
	assert_null(rows[1].bytes.bytes);
	assert_int_equal(rows[1].colour, 0); /* unknown */
}

static void refuses_other_types(void **state) {
	(void)state;
	const struct {
		size_t column;
		const char *value, *said;
	} cases[] = {
		{ 5, "12x", "number" }, { 5, "", "number" },  { 5, "9223372036854775808", "number" },
		{ 4, "2", "flag" },     { 4, "10", "flag" },  { 3, "1.5", "lsn" },
		{ 3, "-1", "lsn" },     { 3, "", "lsn" },     { 3, "10000000000000000000000000", "lsn" },
		{ 2, "0", "bytes" },    { 2, "0g", "bytes" }, { 6, NULL, "text" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_arena struct arena arena = { 0 };
		cleanup_error struct error *err = NULL;
		const char *values[COLUMNS] = { "RED", NULL, "00", "1", "0", "1", "a" };
		struct row *rows = NULL;
		assert_int_equal(read_rows(values, 1, COLUMNS, &arena, &rows, NULL), 0);
		values[cases[i].column] = cases[i].value;
		assert_int_equal(read_rows(values, 1, COLUMNS, &arena, &rows, &err), -1);
		assert_int_equal(err->kind, ERROR_INVALID);
		assert_non_null(strstr(err->message, cases[i].said));
	}
}

static void missing_column_is_named(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	cleanup_error struct error *err = NULL;
	const char *values[COLUMNS] = { "RED", NULL, "00", "1", "0", "1", "a" };
	struct row *rows = NULL;
	assert_int_equal(read_rows(values, 1, COLUMNS - 1, &arena, &rows, &err), -1);
	assert_non_null(strstr(err->message, "no column text"));
}

static void another_answer_is_no_observation(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	cleanup_error struct error *err = NULL;
	struct sql_results results = { 0 };
	struct sql_observation observation;
	assert_int_equal(sql_observation_read(&results, &arena, &observation, &err), -1);
	struct sql_set empty[7] = { 0 };
	results = (struct sql_results){ .set_count = 7, .sets = empty };
	assert_int_equal(sql_observation_read(&results, &arena, &observation, &err), -1);
	assert_non_null(strstr(err->message, "instance"));
}

static void messages_have_kinds(void **state) {
	(void)state;
	assert_int_equal(sql_message_kind(SQL_MSG_LOGIN_FAILED, 14), ERROR_FORBIDDEN);
	assert_int_equal(sql_message_kind(SQL_MSG_DEADLOCK, 13), ERROR_CONFLICT);
	assert_int_equal(sql_message_kind(SQL_MSG_NOT_SYNCHRONIZED, 16), ERROR_CONFLICT);
	assert_int_equal(sql_message_kind(SQL_MSG_LATCHED, 16), ERROR_UNAVAILABLE);
	assert_int_equal(sql_message_kind(999999, 16), ERROR_INVALID);
	assert_int_equal(sql_message_kind(999999, 17), ERROR_UNAVAILABLE);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_type),        cmocka_unit_test(refuses_other_types),
		cmocka_unit_test(missing_column_is_named), cmocka_unit_test(another_answer_is_no_observation),
		cmocka_unit_test(messages_have_kinds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
