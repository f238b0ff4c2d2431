/* Values on the wire: each comes back as it went, in the bytes that [MS-TDS] says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sqlserver/tds/decimal.h"
#include "sqlserver/tds/moment.h"
#include "sqlserver/tds/text.h"
#include "sqlserver/tds/value.h"

static struct sim_value text(const char *bytes) {
	return (struct sim_value){ .kind = SIM_VALUE_TEXT, .bytes = bytes, .length = strlen(bytes) };
}

static struct sim_value integer(int64_t number) {
	return (struct sim_value){ .kind = SIM_VALUE_INTEGER, .integer = number };
}

static const struct {
	const char *name;
	struct sim_type_info type;
	enum sim_value_kind kind;
	int64_t integer;
	double real;
	const char *text;
} round_trips[] = {
	{ "bit", { .type = SIM_BIT }, SIM_VALUE_INTEGER, 1, 0, NULL },
	{ "tinyint has no sign", { .type = SIM_TINYINT }, SIM_VALUE_INTEGER, 255, 0, NULL },
	{ "smallint", { .type = SIM_SMALLINT }, SIM_VALUE_INTEGER, INT16_MIN, 0, NULL },
	{ "int", { .type = SIM_INT }, SIM_VALUE_INTEGER, INT32_MIN, 0, NULL },
	{ "bigint", { .type = SIM_BIGINT }, SIM_VALUE_INTEGER, INT64_MIN, 0, NULL },
	{ "real", { .type = SIM_REAL }, SIM_VALUE_REAL, 0, -1.5, NULL },
	{ "float", { .type = SIM_FLOAT }, SIM_VALUE_REAL, 0, 0.1, NULL },
	{ "decimal", { .type = SIM_DECIMAL, .precision = 5, .scale = 2 }, SIM_VALUE_TEXT, 0, 0, "-12.50" },
	{ "decimal(18,0)", { .type = SIM_DECIMAL, .precision = 18 }, SIM_VALUE_TEXT, 0, 0, "999999999999999999" },
	{ "decimal(25,3)",
	  { .type = SIM_DECIMAL, .precision = 25, .scale = 3 },
	  SIM_VALUE_TEXT,
	  0,
	  0,
	  "1234567890123456789012.345" },
	{ "decimal(38,38)",
	  { .type = SIM_DECIMAL, .precision = 38, .scale = 38 },
	  SIM_VALUE_TEXT,
	  0,
	  0,
	  "0.99999999999999999999999999999999999999" },
	{ "char", { .type = SIM_CHAR, .length = 3 }, SIM_VALUE_TEXT, 0, 0, "a\xE2\x82\xAC " },
	{ "varchar", { .type = SIM_VARCHAR, .length = 10 }, SIM_VALUE_TEXT, 0, 0, "h\xC3\xA4\xC3\x9F" },
	{ "varchar(max)", { .type = SIM_VARCHAR, .length = SIM_MAX }, SIM_VALUE_TEXT, 0, 0, "long" },
	{ "nchar", { .type = SIM_NCHAR, .length = 2 }, SIM_VALUE_TEXT, 0, 0, "ab" },
	{ "nvarchar, beyond UCS-2",
	  { .type = SIM_NVARCHAR, .length = 10 },
	  SIM_VALUE_TEXT,
	  0,
	  0,
	  "\xE6\xBC\xA2 \xF0\x9F\x98\x80" },
	{ "nvarchar(max), empty", { .type = SIM_NVARCHAR, .length = SIM_MAX }, SIM_VALUE_TEXT, 0, 0, "" },
	{ "nvarchar, empty", { .type = SIM_NVARCHAR, .length = 4 }, SIM_VALUE_TEXT, 0, 0, "" },
	{ "varbinary", { .type = SIM_VARBINARY, .length = 8 }, SIM_VALUE_BYTES, 0, 0, "bytes" },
	{ "varbinary(max)", { .type = SIM_VARBINARY, .length = SIM_MAX }, SIM_VALUE_BYTES, 0, 0, "bytes" },
	{ "binary", { .type = SIM_BINARY, .length = 5 }, SIM_VALUE_BYTES, 0, 0, "bytes" },
	{ "uniqueidentifier",
	  { .type = SIM_UNIQUEIDENTIFIER },
	  SIM_VALUE_TEXT,
	  0,
	  0,
	  "C4FADE0D-BC82-4F9E-A7A9-0123456789AB" },
	{ "date, first", { .type = SIM_DATE }, SIM_VALUE_TEXT, 0, 0, "0001-01-01" },
	{ "date, last", { .type = SIM_DATE }, SIM_VALUE_TEXT, 0, 0, "9999-12-31" },
	{ "date, leap day", { .type = SIM_DATE }, SIM_VALUE_TEXT, 0, 0, "2024-02-29" },
	{ "time(7)", { .type = SIM_TIME, .scale = 7 }, SIM_VALUE_TEXT, 0, 0, "23:59:59.9999999" },
	{ "time(0)", { .type = SIM_TIME }, SIM_VALUE_TEXT, 0, 0, "00:00:01" },
	{ "datetime", { .type = SIM_DATETIME }, SIM_VALUE_TEXT, 0, 0, "2026-11-22 10:00:00.007" },
	{ "datetime before 1900", { .type = SIM_DATETIME }, SIM_VALUE_TEXT, 0, 0, "1753-01-01 23:59:59.997" },
	{ "datetime2(7)", { .type = SIM_DATETIME2, .scale = 7 }, SIM_VALUE_TEXT, 0, 0, "2026-11-22 10:00:00.1234567" },
	{ "datetime2(3)", { .type = SIM_DATETIME2, .scale = 3 }, SIM_VALUE_TEXT, 0, 0, "1969-12-31 00:00:00.120" },
};

static void assert_same(const struct sim_value *expected, const struct sim_value *value) {
	assert_int_equal(value->kind, expected->kind);
	assert_int_equal(value->integer, expected->integer);
	assert_true(value->real == expected->real);
	assert_int_equal(value->length, expected->length);
	if (expected->bytes != NULL) assert_memory_equal(value->bytes, expected->bytes, expected->length);
}

/* As an output parameter's type and value go out, an input parameter's come in. */
static void values_come_back_as_they_went(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(round_trips); i++) {
		for (int is_null = 0; is_null < 2; is_null++) {
			cleanup_strbuf struct strbuf wire = { 0 };
			cleanup_strbuf struct strbuf buffer = { 0 };
			struct sim_value value, back;
			struct tds_type sent = tds_type_for(&round_trips[i].type, TDS_7_4), type;
			if (round_trips[i].text != NULL) value = text(round_trips[i].text);
			else value = integer(round_trips[i].integer);
			value.kind = is_null ? SIM_VALUE_NULL : round_trips[i].kind;
			value.real = is_null ? 0 : round_trips[i].real;
			if (is_null) value = (struct sim_value){ .kind = SIM_VALUE_NULL };

			tds_type_put(&wire, &sent);
			tds_value_put(&wire, &sent, &value, false);
			struct tds_reader reader = tds_reader(wire.data, wire.length);
			if (tds_type_read(&reader, &type, NULL) < 0 ||
			    tds_value_read(&reader, &type, &back, &buffer, NULL) < 0)
				fail_msg("%s", round_trips[i].name);
			assert_int_equal(tds_left(&reader), 0);
			assert_same(&value, &back);
			struct sim_type_info info = tds_type_info(&type);
			assert_int_equal(info.type, round_trips[i].type.type);
			assert_int_equal(info.length, round_trips[i].type.length);
			assert_int_equal(info.scale, round_trips[i].type.scale);
		}
	}
}

/* Reading any beginning of a parameter fails, or gives the value when nothing is missing; it never reads on. */
static void values_that_end_early_are_refused(void **state) {
	(void)state;
	for (size_t i = 0; i < ARRAY_LENGTH(round_trips); i++) {
		cleanup_strbuf struct strbuf wire = { 0 };
		struct tds_type sent = tds_type_for(&round_trips[i].type, TDS_7_4);
		struct sim_value value = round_trips[i].text != NULL ? text(round_trips[i].text) : integer(1);
		value.kind = round_trips[i].kind;
		tds_type_put(&wire, &sent);
		tds_value_put(&wire, &sent, &value, false);
		for (size_t length = 0; length < wire.length; length++) {
			cleanup_strbuf struct strbuf buffer = { 0 };
			cleanup_free char *part = xmalloc(length + 1); /* its end is the end of the memory */
			memcpy(part, wire.data, length);
			struct tds_reader reader = tds_reader(part, length);
			struct tds_type type;
			cleanup_error struct error *err = NULL;
			if (tds_type_read(&reader, &type, &err) < 0) continue;
			assert_int_equal(tds_value_read(&reader, &type, &value, &buffer, &err), -1);
			assert_int_equal(err->kind, ERROR_INVALID);
		}
	}
}

static void assert_wire(const struct sim_type_info *info, enum tds_version version, const struct sim_value *value,
                        bool in_row, const char *expected, size_t length) {
	cleanup_strbuf struct strbuf wire = { 0 };
	struct tds_type type = tds_type_for(info, version);
	tds_type_put(&wire, &type);
	tds_value_put(&wire, &type, value, in_row);
	assert_int_equal(wire.length, length);
	assert_memory_equal(wire.data, expected, length);
}
#define WIRE(bytes_) bytes_, sizeof(bytes_) - 1

static void bytes_are_those_of_the_specification(void **state) {
	(void)state;
	const struct sim_value one = integer(1), word = text("A"), day = text("2000-01-01 00:00:00.010");
	const struct sim_value price = text("-1.5"), null = { .kind = SIM_VALUE_NULL };
	const struct sim_type_info number = { .type = SIM_INT }, moment = { .type = SIM_DATETIME };
	const struct sim_type_info name = { .type = SIM_NVARCHAR, .length = 5 };
	const struct sim_type_info essay = { .type = SIM_NVARCHAR, .length = SIM_MAX };
	const struct sim_type_info decimal = { .type = SIM_DECIMAL, .precision = 5, .scale = 2 };
	const struct sim_type_info ascii = { .type = SIM_VARCHAR, .length = 5 };
	assert_wire(&number, TDS_7_4, &one, true, WIRE("\x26\x04\x04\x01\0\0\0"));
	assert_wire(&name, TDS_7_4, &word, true, WIRE("\xE7\x0A\0\x09\x04\xD0\0\x34\x02\0A\0"));
	assert_wire(&essay, TDS_7_4, &word, true,
	            WIRE("\xE7\xFF\xFF\x09\x04\xD0\0\x34\x02\0\0\0\0\0\0\0\x02\0\0\0A\0\0\0\0\0"));
	assert_wire(&moment, TDS_7_4, &day, true, WIRE("\x6F\x08\x08\xAC\x8E\0\0\x03\0\0\0"));
	assert_wire(&decimal, TDS_7_4, &price, true, WIRE("\x6C\x11\x05\x02\x05\0\x96\0\0\0"));
	assert_wire(&ascii, TDS_7_4, &null, true, WIRE("\xA7\x05\0\x09\x04\xD0\0\x34\xFF\xFF"));
}

static void older_clients_get_what_they_know(void **state) {
	(void)state;
	const struct sim_value day = text("2026-11-22"), word = text("A"), null = { .kind = SIM_VALUE_NULL };
	const struct sim_type_info date = { .type = SIM_DATE }, max = { .type = SIM_NVARCHAR, .length = SIM_MAX };
	assert_wire(&date, TDS_7_2, &day, true,
	            WIRE("\xE7\x14\0\x09\x04\xD0\0\x34\x14\0"
	                 "2\0000\0002\0006\0-\0001\0001\0-\0002\0002\0"));
	/* ntext, with a text pointer in rows */
	assert_wire(&max, TDS_7_1, &null, true, WIRE("\x63\xFF\xFF\xFF\x7F\x09\x04\xD0\0\x34\0"));
	assert_wire(&max, TDS_7_1, &word, false, WIRE("\x63\xFF\xFF\xFF\x7F\x09\x04\xD0\0\x34\x02\0\0\0A\0"));
	assert_int_equal(tds_type_for(&max, TDS_7_2).length, TDS_MAX_LENGTH);
}

static void impossible_parameters_are_refused(void **state) {
	(void)state;
	static const struct {
		const char *why;
		const char *bytes;
		size_t length;
	} samples[] = {
#define SAMPLE(why_, bytes_) { why_, bytes_, sizeof(bytes_) - 1 }
		SAMPLE("unknown type", "\xF3\0\0\0"),
		SAMPLE("int of three bytes", "\x26\x03\x03\1\2\3"),
		SAMPLE("value longer than its type", "\x26\x04\x08\1\2\3\4\5\6\7\x08"),
		SAMPLE("int value of three bytes", "\x26\x08\x03\1\2\3"),
		SAMPLE("precision 39", "\x6A\x11\x27\0\x05\1\1\0\0\0"),
		SAMPLE("scale above precision", "\x6A\x11\x05\x06\x05\1\1\0\0\0"),
		SAMPLE("more digits than precision", "\x6A\x11\x01\0\x05\1\x0A\0\0\0"),
		SAMPLE("time of scale 8", "\x29\x08\x05\0\0\0\0\0"),
		SAMPLE("time past midnight", "\x29\x00\x03\x80\x51\x01"),
		SAMPLE("day after the last", "\x28\x03\xDB\xB9\x37"),
		SAMPLE("datetime after the last", "\x6F\x08\x08\xFF\xFF\xFF\x7F\0\0\0\0"),
		SAMPLE("datetime past midnight", "\x6F\x08\x08\0\0\0\0\0\x82\x8B\x01"),
		SAMPLE("nvarchar(4001)", "\xE7\x42\x1F\x09\x04\xD0\0\x34\0\0"),
		SAMPLE("nchar(max)", "\xEF\xFF\xFF\x09\x04\xD0\0\x34\0\0"),
		SAMPLE("chunks that are fewer than announced", "\xA5\xFF\xFF\x05\0\0\0\0\0\0\0\x01\0\0\0A\0\0\0\0"),
		SAMPLE("chunk that is longer than the message",
		       "\xA5\xFF\xFF\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"),
#undef SAMPLE
	};
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		cleanup_strbuf struct strbuf buffer = { 0 };
		struct tds_reader reader = tds_reader(samples[i].bytes, samples[i].length);
		struct tds_type type;
		struct sim_value value;
		if (tds_type_read(&reader, &type, NULL) == 0 &&
		    tds_value_read(&reader, &type, &value, &buffer, NULL) == 0)
			fail_msg("%s", samples[i].why);
	}
}

static void money_and_small_datetimes_are_understood(void **state) {
	(void)state;
	static const struct {
		const char *bytes;
		size_t length;
		const char *text;
	} samples[] = {
		{ "\x6E\x08\x08\xFF\xFF\xFF\xFF\x0C\x81\xFF\xFF", 11, "-3.2500" },
		{ "\x7A\xFF\xFF\xFF\xFF", 5, "-0.0001" },
		{ "\x3C\0\0\0\x80\0\0\0\0", 9, "-922337203685477.5808" },
		{ "\x6F\x04\x04\x01\0\x3B\0", 7, "1900-01-02 00:59:00.000" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		cleanup_strbuf struct strbuf buffer = { 0 };
		struct tds_reader reader = tds_reader(samples[i].bytes, samples[i].length);
		struct tds_type type;
		struct sim_value value;
		assert_int_equal(tds_type_read(&reader, &type, NULL), 0);
		assert_int_equal(tds_value_read(&reader, &type, &value, &buffer, NULL), 0);
		assert_string_equal(value.bytes, samples[i].text);
	}
}

static void text_that_is_not_well_formed_is_replaced(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf out = { 0 };
	tds_text_decode(TDS_UTF16,
	                "a\0\x3D\xD8"
	                "b\0c",
	                7, &out);
	assert_string_equal(out.data, "a\xEF\xBF\xBD"
	                              "b\xEF\xBF\xBD");
	strbuf_reset(&out);
	tds_text_encode(TDS_CP1252, "x\xE6\xBC\xA2y\xFF", 6, &out);
	assert_int_equal(out.length, 4);
	assert_memory_equal(out.data, "x?y?", 4);
}

static void every_day_is_printed_as_it_is_parsed(void **state) {
	(void)state;
	for (int64_t days = 0; days < TDS_DAYS_IN_ALL; days += 7) {
		cleanup_strbuf struct strbuf out = { 0 };
		struct tds_moment back;
		tds_moment_print_date(&out, &(struct tds_moment){ .days = days });
		if (!tds_moment_parse(out.data, &back) || back.days != days) fail_msg("%s", out.data);
	}
	struct tds_moment moment;
	static const char *const bad[] = {
		"",         "2026-13-01", "2026-02-29", "2026-11-22 ",           "2026-11-22x",
		"24:00:00", "10:00",      "0000-01-01", "2026-11-22 10:00:00.1z"
	};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		if (tds_moment_parse(bad[i], &moment)) fail_msg("%s", bad[i]);
	}
}

static void decimals_are_parsed_to_their_scale(void **state) {
	(void)state;
	bool is_negative;
	unsigned __int128 magnitude;
	assert_true(tds_decimal_parse("-1.239", 2, &is_negative, &magnitude));
	assert_true(is_negative && magnitude == 123);
	assert_true(tds_decimal_parse("7", 3, &is_negative, &magnitude));
	assert_true(!is_negative && magnitude == 7000);
	static const char *const bad[] = { "", "-", ".", "1x", "1..2", "999999999999999999999999999999999999999" };
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		assert_false(tds_decimal_parse(bad[i], 0, &is_negative, &magnitude));
	cleanup_strbuf struct strbuf out = { 0 };
	tds_decimal_print(&out, true, 0, 2);
	assert_string_equal(out.data, "0.00");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_as_they_went),
		cmocka_unit_test(values_that_end_early_are_refused),
		cmocka_unit_test(bytes_are_those_of_the_specification),
		cmocka_unit_test(older_clients_get_what_they_know),
		cmocka_unit_test(impossible_parameters_are_refused),
		cmocka_unit_test(money_and_small_datetimes_are_understood),
		cmocka_unit_test(text_that_is_not_well_formed_is_replaced),
		cmocka_unit_test(every_day_is_printed_as_it_is_parsed),
		cmocka_unit_test(decimals_are_parsed_to_their_scale),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
