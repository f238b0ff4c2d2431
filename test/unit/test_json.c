/* JSON in and out: exactly RFC 8259 is read, and what was read is written again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"

/* The compact form of `text`, NULL when it is refused. */
static char *reprint(const char *text, size_t length) {
	cleanup_json struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	int result = json_parse(text, length, &json, &err);
	if (result == 0) {
		assert_null(err);
		return json_to_text(json);
	}
	assert_int_equal(result, -1);
	assert_non_null(err);
	assert_int_equal(err->kind, ERROR_INVALID);
	assert_true(strlen(err->message) > 0);
	assert_null(json);
	return NULL;
}

static void assert_reads(const char *text, const char *expected) {
	cleanup_free char *printed = reprint(text, strlen(text));
	if (printed == NULL) fail_msg("refused: %s", text);
	assert_string_equal(printed, expected);
}

static void assert_refused_n(const char *text, size_t length) {
	cleanup_free char *printed = reprint(text, length);
	if (printed != NULL) fail_msg("accepted: %s (as %s)", length != 0 ? text : "", printed);
}

static void assert_refused(const char *text) {
	assert_refused_n(text, strlen(text));
}

static void reads_every_type(void **state) {
	(void)state;
	assert_reads("{}", "{}");
	assert_reads("[]", "[]");
	assert_reads(" \t\r\n{ \"a\" : [ 1 , true , false , null , \"x\" , 1.5 ] } \n",
	             "{\"a\":[1,true,false,null,\"x\",1.5]}");
	assert_reads("{\"\":1}", "{\"\":1}");
	assert_reads("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}",
	             "{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":2}]}");
}

static void reads_bare_scalars(void **state) {
	(void)state;
	assert_reads("5", "5");
	assert_reads(" 5", "5");
	assert_reads("-17 ", "-17");
	assert_reads("1.25", "1.25");
	assert_reads("true", "true");
	assert_reads("false", "false");
	assert_reads("null", "null");
	assert_reads(" null ", "null");
	assert_reads("\"a\"", "\"a\"");
	struct json_object *json = (struct json_object *)&json;
	assert_int_equal(json_parse("null", 4, &json, NULL), 0);
	assert_null(json);
}

/* The length counts, not a NUL behind it. */
static void reads_no_further_than_length(void **state) {
	(void)state;
	cleanup_free char *one = reprint("12345", 2);
	assert_string_equal(one, "12");
	cleanup_free char *two = reprint("[1]garbage", 3);
	assert_string_equal(two, "[1]");
	assert_refused_n("[1]", 2);
	assert_refused_n("true", 3);
	struct json_object *json;
	assert_int_equal(json_parse(NULL, 0, &json, NULL), -1);
}

static void reads_numbers(void **state) {
	(void)state;
	assert_reads("[0,-0,1,-1,10]", "[0,0,1,-1,10]");
	assert_reads("[9223372036854775807,-9223372036854775808]", "[9223372036854775807,-9223372036854775808]");
	assert_reads("[18446744073709551615]", "[18446744073709551615]");
	assert_reads("[0.1,1e3,1E+3,1e-3,0e0,0.0]", "[0.1,1000.0,1000.0,0.001,0.0,0.0]");
	assert_reads("[-0.0]", "[-0.0]");
	assert_reads("[1e308,5e-324]", "[1e+308,4.94065645841247e-324]");
	assert_reads("[1e20,0.30000000000000004]", "[1e+20,0.30000000000000004]");
	assert_reads("[1e-400]", "[0.0]");
}

static void refuses_numbers_that_are_none(void **state) {
	(void)state;
	static const char *const numbers[] = {
		"01",  "00",    "-01",   "-00",   "01.5", "-01.5", "1.",       "-1.",       "1.e5", ".5",
		"-.5", "-",     "+1",    "+",     "1e",   "1e+",   "1e-",      "1E",        "0x10", "1_000",
		"1-2", "1.2.3", "1e5e5", "--1",   "1 2",  "1e1.5", "Infinity", "-Infinity", "NaN",  "-NaN",
		"nan", "inf",   "-inf",  "1true", "1a",   "0b1",   "1f",       "1.5d",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		assert_refused(numbers[i]);
		cleanup_free char *array = xasprintf("[%s]", numbers[i]);
		assert_refused(array);
		cleanup_free char *member = xasprintf("{\"a\":%s}", numbers[i]);
		assert_refused(member);
	}
}

/* A number that a 64-bit integer or a double cannot hold must not silently become another one. */
static void refuses_numbers_out_of_range(void **state) {
	(void)state;
	assert_refused("[1e400]");
	assert_refused("[-1e400]");
	assert_refused("{\"a\":{\"b\":[1e309]}}");
	assert_refused("1e999");
	assert_refused("[18446744073709551616]");
	assert_refused("[99999999999999999999]");
	assert_refused("[-9223372036854775809]");
	assert_refused("[100000000000000000000000000000000000000]");
}

static void refuses_other_languages(void **state) {
	(void)state;
	static const char *const texts[] = {
		"'a'",           "{'a':1}",     "{'a:\"b':1}", "{\"a\":'b'}", "{a:1}",
		"{1:2}",         "{null:1}",    "{true:1}",    "/*x*/1",      "[1/*x*/]",
		"[//x\n1]",      "#x\n1",       "[1]//",       "[1,]",        "{\"a\":1,}",
		"[,1]",          "[1,,2]",      "{,}",         "[1 2]",       "{\"a\":1 \"b\":2}",
		"{\"a\" 1}",     "{\"a\"=1}",   "{:1}",        "{\"a\":}",    "{\"a\"}",
		"[\"a\" \"b\"]", "[:]",         "True",        "TRUE",        "Null",
		"NULL",          "tru",         "truex",       "nul",         "nullx",
		"undefined",     "[truefalse]", "(1)",         "\"a\"\"b\"",  "[1;2]",
		"`a`",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) assert_refused(texts[i]);
}

static void refuses_text_behind_the_end(void **state) {
	(void)state;
	static const char *const texts[] = { "{}{}",      "{} x",        "[]]",           "{}}",  "1 1",
		                             "null null", "\"a\" b",     "[1],",          "{}\v", "\f[1]",
		                             "[\v1]",     "[1]\xC2\xA0", "\xEF\xBB\xBF[]" };
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) assert_refused(texts[i]);
}

static void refuses_text_that_ends_early(void **state) {
	(void)state;
	static const char whole[] = "{\"a\":[1,true,{\"b\":\"x\\u0041\\n\"},null,-1.5e+3]}";
	for (size_t length = 0; length < sizeof(whole) - 1; length++) assert_refused_n(whole, length);
	assert_reads(whole, "{\"a\":[1,true,{\"b\":\"xA\\n\"},null,-1500.0]}");
	assert_refused("");
	assert_refused("   ");
	assert_refused("\"");
	assert_refused("\"\\");
	assert_refused("\"\\\"");
	assert_refused("\"\\u12");
}

static void refuses_bad_strings(void **state) {
	(void)state;
	assert_refused("[\"\\x41\"]");
	assert_refused("[\"\\a\"]");
	assert_refused("[\"\\'\"]");
	assert_refused("[\"\\0\"]");
	assert_refused("[\"\\U0041\"]");
	assert_refused("[\"\\u00\"]");
	assert_refused("[\"\\u00g0\"]");
	assert_refused("[\"\\u-001\"]");
	assert_refused("[\"\\u 041\"]");
	for (char c = 1; c < 0x20; c++) {
		const char text[] = { '[', '"', c, '"', ']', '\0' };
		assert_refused(text);
		const char key[] = { '{', '"', c, '"', ':', '1', '}', '\0' };
		assert_refused(key);
	}
	assert_reads("[\"\x7f\"]", "[\"\x7f\"]");
}

static void refuses_nul(void **state) {
	(void)state;
	assert_refused_n("[1]\0", 4);
	assert_refused_n("\0[1]", 4);
	assert_refused_n("[\"a\0b\"]", 7);
	assert_refused_n("[1,\0 2]", 7);
	assert_refused_n("5\0", 2);
	/* As an escape it is JSON, and kept … */
	assert_reads("[\"a\\u0000b\"]", "[\"a\\u0000b\"]");
	/* … but not in a key: json-c would cut the key there, and "spec\0…" would be taken for "spec". */
	assert_refused("{\"a\\u0000b\":1}");
	assert_refused("[{\"b\":{\"\\u0000\":1}}]");
}

static void refuses_bytes_that_are_not_utf8(void **state) {
	(void)state;
	static const char *const bytes[] = {
		"\xFF",
		"\x80",
		"\xC3",
		"\xC3(",
		"\xC0\x80",
		"\xC1\xBF",
		"\xE0\x80\x80",
		"\xED\xA0\x80",
		"\xED\xBF\xBF",
		"\xF0\x80\x80\x80",
		"\xF4\x90\x80\x80",
		"\xF5\x80\x80\x80",
		"\xE2\x82",
		"\xF0\x9F\x98",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(bytes); i++) {
		cleanup_free char *value = xasprintf("[\"%s\"]", bytes[i]);
		assert_refused(value);
		cleanup_free char *key = xasprintf("{\"%s\":1}", bytes[i]);
		assert_refused(key);
		cleanup_free char *bare = xasprintf("[%s]", bytes[i]);
		assert_refused(bare);
	}
	assert_reads("[\"é€😀\xED\x9F\xBF\xEE\x80\x80\"]", "[\"é€😀\xED\x9F\xBF\xEE\x80\x80\"]");
}

static void reads_escapes(void **state) {
	(void)state;
	assert_reads("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\"]", "[\"\\\"\\\\/\\b\\f\\n\\r\\tAé€\"]");
	assert_reads("[\"\\ud83d\\ude00\"]", "[\"😀\"]");
	/* Half a surrogate pair is no character; Go and json-c put U+FFFD in its place. */
	assert_reads("[\"\\ud83d\"]", "[\"\xEF\xBF\xBD\"]");
	assert_reads("[\"\\ude00x\"]", "[\"\xEF\xBF\xBDx\"]");
	assert_reads("[\"\\u0001\\u001f\"]", "[\"\\u0001\\u001f\"]");
}

static void refuses_the_same_key_twice(void **state) {
	(void)state;
	assert_refused("{\"a\":1,\"a\":1}");
	assert_refused("{\"a\":1,\"b\":2,\"a\":null}");
	assert_refused("{\"\\u0061\":1,\"a\":2}");
	assert_refused("{\"a\\/b\":1,\"a/b\":2}");
	assert_refused("[{},{\"x\":{\"k\":[],\"k\":[]}}]");
	assert_refused("{\"\":1,\"\":2}");
	/* The dropped member must be missed whatever it holds. */
	assert_refused("{\"a\":{\"b\":1,\"c\":2},\"a\":3}");
	assert_refused("{\"a\":\"x:y\",\"a\":{\"b:\":\":\"}}");
	assert_reads("{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}");
	assert_reads("{\"a:b\":\"c:d\",\"e\\\":\":\"\\\\\",\"f\":\":\"}",
	             "{\"a:b\":\"c:d\",\"e\\\":\":\"\\\\\",\"f\":\":\"}");
}

static char *nested(size_t depth, char open, char close) {
	struct strbuf text = { 0 };
	for (size_t i = 0; i < depth; i++) {
		if (open == '{') strbuf_append(&text, i + 1 < depth ? "{\"a\":" : "{");
		else strbuf_append_char(&text, open);
	}
	for (size_t i = 0; i < depth; i++) strbuf_append_char(&text, close);
	return strbuf_detach(&text);
}

static void limits_depth(void **state) {
	(void)state;
	cleanup_free char *arrays = nested(JSON_MAX_DEPTH, '[', ']');
	assert_reads(arrays, arrays);
	cleanup_free char *objects = nested(JSON_MAX_DEPTH, '{', '}');
	assert_reads(objects, objects);
	cleanup_free char *deeper_arrays = nested(JSON_MAX_DEPTH + 1, '[', ']');
	assert_refused(deeper_arrays);
	cleanup_free char *deeper_objects = nested(JSON_MAX_DEPTH + 1, '{', '}');
	assert_refused(deeper_objects);
	cleanup_free char *bomb = xmalloc(1 << 20);
	memset(bomb, '[', 1 << 20);
	assert_refused_n(bomb, 1 << 20);
	/* Depth is what is open at a time. */
	assert_reads("[[[]],[[]],[[]]]", "[[[]],[[]],[[]]]");
}

/* A scalar in the innermost of the deepest objects that are allowed. */
static void limits_depth_of_containers_only(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	for (int i = 0; i < JSON_MAX_DEPTH; i++) strbuf_append_char(&text, '[');
	strbuf_append(&text, "\"x\",1,null");
	for (int i = 0; i < JSON_MAX_DEPTH; i++) strbuf_append_char(&text, ']');
	assert_reads(text.data, text.data);
}

/* `count` times `element` in an array: what costs little to send and much to keep. */
static char *many(const char *element, size_t count) {
	struct strbuf text = { 0 };
	for (size_t i = 0; i < count; i++) {
		strbuf_append_char(&text, i == 0 ? '[' : ',');
		strbuf_append(&text, element);
	}
	strbuf_append_char(&text, ']');
	return strbuf_detach(&text);
}

static void limits_memory(void **state) {
	(void)state;
	cleanup_free char *fits = many("{}", 50000);
	assert_reads(fits, fits);
	static const char *const elements[] = { "{}", "[]", "{\"a\":1}", "\"\"", "1", "1.5", "true" };
	for (size_t i = 0; i < ARRAY_LENGTH(elements); i++) {
		cleanup_free char *bomb = many(elements[i], 2000000);
		cleanup_error struct error *err = NULL;
		struct json_object *json = NULL;
		assert_int_equal(json_parse(bomb, strlen(bomb), &json, &err), -1);
		assert_non_null(strstr(err->message, "too many values"));
	}
}

static void says_where(void **state) {
	(void)state;
	struct json_object *json;
	cleanup_error struct error *err = NULL;
	assert_int_equal(json_parse("{\"a\":tru}", 9, &json, &err), -1);
	assert_non_null(strstr(err->message, "at byte 8"));
	assert_int_equal(json_parse("[1,2", 4, &json, &err), -1);
	assert_non_null(strstr(err->message, "ends too early"));
	assert_int_equal(json_parse("{\"a\":1,\"a\":2}", 13, &json, &err), -1);
	assert_non_null(strstr(err->message, "same key twice"));
	assert_int_equal(json_parse("[1e999]", 7, &json, NULL), -1);
}

/* ---- What is written reads back as the same: random trees ---- */

struct random {
	uint64_t state;
};

static uint64_t next(struct random *random) { /* splitmix64 */
	uint64_t z = (random->state += 0x9E3779B97F4A7C15U);
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
	return z ^ (z >> 31);
}

static char *random_text(struct random *random) {
	static const char *const pieces[] = { "a",        "Z",    "0", "\"", "\\",      "/",  ":",    "{",
		                              "}",        ",",    "é", "€",  "😀",       "\n", "\x01", "\t",
		                              "\xC2\x85", "\x7f", " ", "'",  "\\u0041", "~",  "]",    "\xEF\xBF\xBD" };
	struct strbuf text = { 0 };
	for (size_t n = next(random) % 8; n > 0; n--) {
		strbuf_append(&text, pieces[next(random) % ARRAY_LENGTH(pieces)]);
	}
	return strbuf_detach(&text);
}

static struct json_object *random_tree(struct random *random, int depth) {
	switch (next(random) % (depth > 0 ? 8U : 6U)) {
	case 0: return NULL;
	case 1: return json_object_new_boolean(next(random) % 2 == 0);
	case 2: return json_object_new_int64((int64_t)next(random));
	case 3: {
		double number;
		uint64_t bits = next(random);
		memcpy(&number, &bits, sizeof(number));
		return __builtin_isfinite(number) ? json_object_new_double(number)
		                                  : json_object_new_uint64(bits | 1ULL << 63);
	}
	case 4: return json_object_new_double((double)(int)(next(random) % 2000) / 8);
	case 5: {
		cleanup_free char *text = random_text(random);
		return json_object_new_string(text);
	}
	case 6: {
		struct json_object *array = json_object_new_array();
		for (size_t n = next(random) % 5; n > 0; n--)
			json_object_array_add(array, random_tree(random, depth - 1));
		return array;
	}
	default: {
		struct json_object *object = json_object_new_object();
		for (size_t n = next(random) % 5; n > 0; n--) {
			cleanup_free char *key = random_text(random);
			json_set(object, key, random_tree(random, depth - 1));
		}
		return object;
	}
	}
}

static void writes_what_it_reads(void **state) {
	(void)state;
	for (uint64_t seed = 1; seed <= 5000; seed++) {
		struct random random = { seed };
		cleanup_json struct json_object *tree = random_tree(&random, 5);
		cleanup_free char *text = json_to_text(tree);
		cleanup_json struct json_object *again = NULL;
		cleanup_error struct error *err = NULL;
		if (json_parse(text, strlen(text), &again, &err) < 0) {
			fail_msg("seed %llu: %s: %s", (unsigned long long)seed, err->message, text);
		}
		if (!json_object_equal(tree, again)) fail_msg("seed %llu: %s", (unsigned long long)seed, text);
		cleanup_free char *text_again = json_to_text(again);
		assert_string_equal(text, text_again);
		cleanup_json struct json_object *copy = json_copy(tree);
		assert_true(json_object_equal(tree, copy));
		if (tree != NULL) assert_ptr_not_equal(tree, copy);
	}
}

/* ---- Helpers ---- */

static struct json_object *parse(const char *text) {
	struct json_object *json = NULL;
	assert_int_equal(json_parse(text, strlen(text), &json, NULL), 0);
	return json;
}

static void gets_members(void **state) {
	(void)state;
	cleanup_json struct json_object *json =
	        parse("{\"a\":{\"b\":{\"c\":\"text\"}},\"n\":null,\"i\":7,\"t\":true,\"d\":1.5,\"l\":[1]}");
	assert_string_equal(json_object_get_string(json_get_path(json, "a", "b", "c", NULL)), "text");
	assert_ptr_equal(json_get_path(json, NULL), json);
	assert_null(json_get_path(json, "a", "x", "c", NULL));
	assert_null(json_get_path(json, "i", "x", NULL));
	assert_null(json_get(json, "missing"));
	assert_null(json_get(json, "n"));
	assert_null(json_get(NULL, "a"));
	assert_null(json_get(json_get(json, "l"), "a"));
	assert_null(json_get_text(json, "i"));
	assert_null(json_get_text(json, "n"));
	assert_int_equal(json_get_integer(json, "i", -1), 7);
	assert_int_equal(json_get_integer(json, "d", -1), -1);
	assert_int_equal(json_get_integer(json, "t", -1), -1);
	assert_int_equal(json_get_integer(NULL, "i", -1), -1);
	assert_true(json_get_flag(json, "t", false));
	assert_true(json_get_flag(json, "i", true));
	assert_false(json_get_flag(json, "missing", false));
}

static void copies_are_independent(void **state) {
	(void)state;
	cleanup_json struct json_object *json = parse("{\"a\":{\"b\":[1,{\"c\":1.25}]}}");
	cleanup_json struct json_object *copy = json_copy(json);
	json_set_text(json_get(json, "a"), "b", "changed");
	cleanup_free char *text = json_to_text(copy);
	assert_string_equal(text, "{\"a\":{\"b\":[1,{\"c\":1.25}]}}");
	assert_null(json_copy(NULL));
}

static void escapes_pointers(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf pointer = { 0 };
	json_pointer_append(&pointer, "metadata");
	json_pointer_append(&pointer, "a/b~c");
	json_pointer_append(&pointer, "");
	json_pointer_append(&pointer, "~1");
	assert_string_equal(pointer.data, "/metadata/a~1b~0c//~01");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_type),
		cmocka_unit_test(reads_bare_scalars),
		cmocka_unit_test(reads_no_further_than_length),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(refuses_numbers_that_are_none),
		cmocka_unit_test(refuses_numbers_out_of_range),
		cmocka_unit_test(refuses_other_languages),
		cmocka_unit_test(refuses_text_behind_the_end),
		cmocka_unit_test(refuses_text_that_ends_early),
		cmocka_unit_test(refuses_bad_strings),
		cmocka_unit_test(refuses_nul),
		cmocka_unit_test(refuses_bytes_that_are_not_utf8),
		cmocka_unit_test(reads_escapes),
		cmocka_unit_test(refuses_the_same_key_twice),
		cmocka_unit_test(limits_depth),
		cmocka_unit_test(limits_depth_of_containers_only),
		cmocka_unit_test(limits_memory),
		cmocka_unit_test(says_where),
		cmocka_unit_test(writes_what_it_reads),
		cmocka_unit_test(gets_members),
		cmocka_unit_test(copies_are_independent),
		cmocka_unit_test(escapes_pointers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
