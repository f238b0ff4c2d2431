/* The string that grows, and JSON strings written into it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/strbuf.h"

static void is_empty_at_first(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf buf = { 0 };
	assert_string_equal(strbuf_text(&buf), "");
	cleanup_free char *detached = strbuf_detach(&buf);
	assert_string_equal(detached, "");
	strbuf_reset(&buf);
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_append(&buf, "");
	assert_non_null(buf.data);
	assert_string_equal(buf.data, "");
	strbuf_append_n(&buf, NULL, 0);
	assert_int_equal(buf.length, 0);
}

static void grows(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf buf = { 0 };
	for (int i = 0; i < 10000; i++) {
		strbuf_append_char(&buf, (char)('a' + i % 26));
		assert_int_equal(buf.length, i + 1);
		assert_true(buf.capacity > buf.length);
		assert_int_equal(buf.data[buf.length], 0);
	}
	for (int i = 0; i < 10000; i++) assert_int_equal(buf.data[i], 'a' + i % 26);
}

static void appends_every_way(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf buf = { 0 };
	strbuf_append(&buf, "one");
	strbuf_append_n(&buf, " two three", 4);
	strbuf_append_char(&buf, ' ');
	strbuf_printf(&buf, "%d%s", 3, "!");
	strbuf_printf(&buf, "%s", "");
	assert_string_equal(buf.data, "one two 3!");
	assert_int_equal(buf.length, 10);
	strbuf_append_n(&buf, "\0x", 2);
	assert_int_equal(buf.length, 12);
	assert_memory_equal(buf.data, "one two 3!\0x", 13);
}

/* Texts whose length meets the capacity exactly: the NUL must still fit. */
static void prints_up_to_the_edge(void **state) {
	(void)state;
	for (int length = 0; length < 300; length++) {
		cleanup_strbuf struct strbuf buf = { 0 };
		strbuf_printf(&buf, "%*s", length, "");
		assert_int_equal(buf.length, length);
		assert_int_equal(strlen(strbuf_text(&buf)), length);
		cleanup_strbuf struct strbuf reserved = { 0 };
		char *end = strbuf_reserve(&reserved, (size_t)length);
		memset(end, 'x', (size_t)length + 1);
		reserved.length += (size_t)length;
	}
}

static void detaches_and_resets(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf buf = { 0 };
	strbuf_append(&buf, "text");
	const char *data = buf.data;
	strbuf_reset(&buf);
	assert_string_equal(strbuf_text(&buf), "");
	assert_ptr_equal(buf.data, data);
	strbuf_append(&buf, "new");
	cleanup_free char *text = strbuf_detach(&buf);
	assert_string_equal(text, "new");
	assert_null(buf.data);
	strbuf_append(&buf, "again");
	assert_string_equal(buf.data, "again");
	strbuf_free(&buf);
	assert_null(buf.data);
	strbuf_free(&buf);
}

static void assert_json(const char *text, const char *expected) {
	cleanup_strbuf struct strbuf buf = { 0 };
	strbuf_append_json(&buf, text);
	assert_string_equal(buf.data, expected);
	cleanup_json struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse(buf.data, buf.length, &json, &err) < 0) fail_msg("%s: %s", buf.data, err->message);
}

static void escapes_json(void **state) {
	(void)state;
	assert_json("", "\"\"");
	assert_json("plain", "\"plain\"");
	assert_json("\"", "\"\\\"\"");
	assert_json("\\", "\"\\\\\"");
	assert_json("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	assert_json("\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"");
	assert_json("\x01\x1f\x0b", "\"\\u0001\\u001f\\u000b\"");
	assert_json("\x7f", "\"\x7f\"");
	assert_json("é€😀", "\"é€😀\"");
	assert_json("é\"€\n😀", "\"é\\\"€\\n😀\"");
}

static void replaces_what_is_not_utf8(void **state) {
	(void)state;
	assert_json("\xFF", "\"\xEF\xBF\xBD\"");
	assert_json("a\xC3", "\"a\xEF\xBF\xBD\"");
	assert_json("\xC3(", "\"\xEF\xBF\xBD(\"");
	assert_json("\xC3\"", "\"\xEF\xBF\xBD\\\"\"");
	assert_json("\xE2\x82x", "\"\xEF\xBF\xBD\xEF\xBF\xBDx\"");
	assert_json("\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

/* Every byte, alone and between others, gives valid JSON that reads back as the same where it was UTF-8. */
static void is_always_valid_json(void **state) {
	(void)state;
	for (int first = 1; first < 256; first++) {
		for (int second = 1; second < 256; second++) {
			const char text[] = { 'x', (char)first, (char)second, 'y', '\0' };
			cleanup_strbuf struct strbuf buf = { 0 };
			strbuf_append_json(&buf, text);
			cleanup_json struct json_object *json = NULL;
			assert_int_equal(json_parse(buf.data, buf.length, &json, NULL), 0);
			if (first < 0x80 && second < 0x80) assert_string_equal(json_object_get_string(json), text);
		}
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_at_first),         cmocka_unit_test(grows),
		cmocka_unit_test(appends_every_way),         cmocka_unit_test(prints_up_to_the_edge),
		cmocka_unit_test(detaches_and_resets),       cmocka_unit_test(escapes_json),
		cmocka_unit_test(replaces_what_is_not_utf8), cmocka_unit_test(is_always_valid_json),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
