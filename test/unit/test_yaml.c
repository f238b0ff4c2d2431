/* YAML as kubectl reads it (sigs.k8s.io/yaml on go-yaml v2), and written so that everybody reads the same back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"

/* The documents of `text` as compact JSON, one a line; NULL when it is refused. */
static char *as_json(const char *text, size_t length) {
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	cleanup_error struct error *err = NULL;
	if (yaml_parse(text, length, &stream, &err) < 0) {
		assert_non_null(err);
		assert_int_equal(err->kind, ERROR_INVALID);
		assert_int_equal(strncmp(err->message, "line ", 5), 0);
		assert_int_equal(stream.count, 0);
		return NULL;
	}
	assert_null(err);
	struct strbuf json = { 0 };
	for (size_t i = 0; i < stream.count; i++) {
		if (i != 0) strbuf_append_char(&json, '\n');
		json_append(&json, stream.documents[i].json);
	}
	return strbuf_detach(&json);
}

static void assert_reads(const char *text, const char *expected) {
	cleanup_free char *json = as_json(text, strlen(text));
	if (json == NULL) fail_msg("refused: %s", text);
	if (strcmp(json, expected) != 0) fail_msg("%s\n  is    %s\n  wants %s", text, json, expected);
}

static void assert_refused_n(const char *text, size_t length) {
	cleanup_free char *json = as_json(text, length);
	if (json != NULL) fail_msg("accepted: %s\n  as %s", text, json);
}

static void assert_refused(const char *text) {
	assert_refused_n(text, strlen(text));
}

static void reads_plain_scalars(void **state) {
	(void)state;
	static const struct {
		const char *scalar;
		const char *json;
	} cases[] = {
		/* null */
		{ "", "null" },
		{ "~", "null" },
		{ "null", "null" },
		{ "Null", "null" },
		{ "NULL", "null" },
		{ "nUll", "\"nUll\"" },
		{ "nil", "\"nil\"" },
		/* booleans of YAML 1.1 */
		{ "true", "true" },
		{ "True", "true" },
		{ "TRUE", "true" },
		{ "yes", "true" },
		{ "Y", "true" },
		{ "y", "true" },
		{ "on", "true" },
		{ "ON", "true" },
		{ "false", "false" },
		{ "no", "false" },
		{ "n", "false" },
		{ "Off", "false" },
		{ "tRue", "\"tRue\"" },
		{ "yEs", "\"yEs\"" },
		{ "oN", "\"oN\"" },
		{ "t", "\"t\"" },
		/* integers */
		{ "0", "0" },
		{ "-0", "0" },
		{ "+5", "5" },
		{ "-17", "-17" },
		{ "1_000", "1000" },
		{ "0x1F", "31" },
		{ "0X1f", "31" },
		{ "-0x1F", "-31" },
		{ "0b101", "5" },
		{ "0B101", "5" },
		{ "-0b101", "-5" },
		{ "0644", "420" },
		{ "0o644", "420" },
		{ "0O644", "420" },
		{ "-0644", "-420" },
		{ "00", "0" },
		{ "9223372036854775807", "9223372036854775807" },
		{ "-9223372036854775808", "-9223372036854775808" },
		{ "18446744073709551615", "18446744073709551615" },
		/* numbers that are whole: Go prints them without a fraction, so the API server sees integers */
		{ "08", "8" },
		{ "3.0", "3" },
		{ "3.", "3" },
		{ "1e3", "1000" },
		{ "1E+3", "1000" },
		{ "-2.0e2", "-200" },
		{ "-0.0", "0" },
		/* fractions */
		{ "1.5", "1.5" },
		{ ".5", "0.5" },
		{ "-.5", "-0.5" },
		{ "+.5", "0.5" },
		{ "1_000.5", "1000.5" },
		{ "1e-3", "0.001" },
		{ "1e30", "1e+30" },
		/* text */
		{ "text", "\"text\"" },
		{ "10Gi", "\"10Gi\"" },
		{ "500m", "\"500m\"" },
		{ "0x", "\"0x\"" },
		{ "0b2", "\"0b2\"" },
		{ "0o8", "\"0o8\"" },
		{ "0xfg", "\"0xfg\"" },
		{ "1.2.3", "\"1.2.3\"" },
		{ "2022-latest", "\"2022-latest\"" },
		{ "2026-11-22", "\"2026-11-22\"" },
		{ "2026-11-22T10:00:00Z", "\"2026-11-22T10:00:00Z\"" },
		{ "12:30", "\"12:30\"" },
		{ "1e", "\"1e\"" },
		{ "1e999", "\"1e999\"" },
		{ "e3", "\"e3\"" },
		{ "+", "\"+\"" },
		{ ".", "\".\"" },
		{ "..", "\"..\"" },
		{ "1 2", "\"1 2\"" },
		{ "0x1F 2", "\"0x1F 2\"" },
		{ "--1", "\"--1\"" },
		{ "+-1", "\"+-1\"" },
		{ "<<", "\"<<\"" },
		{ "=", "\"=\"" },
		{ "é", "\"é\"" },
		{ "http://x/y", "\"http://x/y\"" },
		/* whatever is quoted */
		{ "'yes'", "\"yes\"" },
		{ "\"null\"", "\"null\"" },
		{ "'123'", "\"123\"" },
		{ "\"1.5\"", "\"1.5\"" },
		{ "''", "\"\"" },
		{ "\"\\u0041\\n\\x42\"", "\"A\\nB\"" },
		{ "\"a\\\n  b\"", "\"ab\"" },
		{ "|\n  yes", "\"yes\\n\"" },
		{ ">-\n  1\n  2", "\"1 2\"" },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_free char *text = xasprintf("a: %s\n", cases[i].scalar);
		cleanup_free char *json = xasprintf("{\"a\":%s}", cases[i].json);
		assert_reads(text, json);
	}
}

/* sigs.k8s.io/yaml turns keys that are numbers or booleans into text, and refuses null. */
static void reads_keys(void **state) {
	(void)state;
	assert_reads("1: a", "{\"1\":\"a\"}");
	assert_reads("0x10: a", "{\"16\":\"a\"}");
	assert_reads("yes: a", "{\"true\":\"a\"}");
	assert_reads("off: a", "{\"false\":\"a\"}");
	assert_reads("'yes': a", "{\"yes\":\"a\"}");
	assert_reads("1.50: a", "{\"1.5\":\"a\"}");
	assert_reads("2026-11-22: a", "{\"2026-11-22\":\"a\"}");
	assert_reads("? a\n: b", "{\"a\":\"b\"}");
	assert_reads("'': a", "{\"\":\"a\"}");
	assert_reads("agkeeper.dev/x: a", "{\"agkeeper.dev/x\":\"a\"}");
	assert_refused("~: a");
	assert_refused(": a");
	assert_refused("? [a]\n: b");
	assert_refused("{a: b}: c");
	assert_refused("yes: a\n\"true\": b");
}

static void reads_collections(void **state) {
	(void)state;
	assert_reads("a: [1, {b: c}, 'd']\ne: {f: [], g: {}}\n",
	             "{\"a\":[1,{\"b\":\"c\"},\"d\"],\"e\":{\"f\":[],\"g\":{}}}");
	assert_reads("- 1\n- - 2\n  - 3\n-\n- a: b\n  c: d\n", "[1,[2,3],null,{\"a\":\"b\",\"c\":\"d\"}]");
	assert_reads("a: |\n  one\n   two\n\n  three\nb: |-\n  x\nc: >\n  folded\n  text\nd: |+\n  kept\n\n",
	             "{\"a\":\"one\\n two\\n\\nthree\\n\",\"b\":\"x\",\"c\":\"folded text\\n\",\"d\":\"kept\\n\\n\"}");
	assert_reads("a: one\n  two\n", "{\"a\":\"one two\"}");
	assert_reads("{\"a\": [1, true, null, \"x\\/y\\u00e9\"], \"b\": {}}",
	             "{\"a\":[1,true,null,\"x/yé\"],\"b\":{}}");
	assert_reads("{\n\t\"a\": 1,\n\t\"b\": [\n\t\t2\n\t]\n}\n", "{\"a\":1,\"b\":[2]}");
}

static void reads_documents(void **state) {
	(void)state;
	assert_reads("", "");
	assert_reads("\n# only a comment\n", "");
	assert_reads("a: 1\n---\nb: 2\n---\n- 3\n", "{\"a\":1}\n{\"b\":2}\n[3]");
	assert_reads("---\na: 1\n...\n---\nb: 2\n...\n", "{\"a\":1}\n{\"b\":2}");
	assert_reads("---\n---\na: 1\n", "null\n{\"a\":1}");
	assert_reads("%YAML 1.1\n---\na: 1\n", "{\"a\":1}");
	assert_reads("a: 1\r\nb: 2\r\n", "{\"a\":1,\"b\":2}");
	assert_reads("just text", "\"just text\"");
	/* Windows' editors put a byte order mark in front. */
	assert_reads("\xEF\xBB\xBF"
	             "a: 1\n",
	             "{\"a\":1}");
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	assert_int_equal(yaml_parse(NULL, 0, &stream, NULL), 0);
	assert_int_equal(stream.count, 0);
}

static void reads_aliases_and_merges(void **state) {
	(void)state;
	assert_reads("a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}");
	assert_reads("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\n", "{\"a\":{\"b\":1,\"c\":2},\"d\":{\"c\":3,\"b\":1}}");
	assert_reads("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]\n",
	             "{\"a\":{\"b\":1},\"c\":{\"b\":2,\"d\":3},\"e\":{\"b\":1,\"d\":3}}");
	assert_reads("d:\n  c: 3\n  <<: {c: 1, e: null}\n", "{\"d\":{\"c\":3,\"e\":null}}");
	assert_reads("'<<': {a: 1}", "{\"<<\":{\"a\":1}}");
	assert_reads("a: &x 5\nb: [*x, *x]\n", "{\"a\":5,\"b\":[5,5]}");
	assert_refused("<<: 1");
	assert_refused("<<: [1]");
	assert_refused("<<: {a: 1}\n<<: {b: 1}");
	assert_refused("a: *unknown");
}

/* What aliases share must not stay shared: a default set in one place would appear in the other. */
static void aliases_are_copies(void **state) {
	(void)state;
	static const char text[] = "a: &x {b: {c: 1}}\nd: *x\ne: {<<: *x}\n";
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	assert_int_equal(yaml_parse(text, strlen(text), &stream, NULL), 0);
	struct json_object *json = stream.documents[0].json;
	json_set_text(json_get_path(json, "a", "b", NULL), "c", "changed");
	cleanup_free char *printed = json_to_text(json);
	assert_string_equal(printed,
	                    "{\"a\":{\"b\":{\"c\":\"changed\"}},\"d\":{\"b\":{\"c\":1}},\"e\":{\"b\":{\"c\":1}}}");
}

static void reads_explicit_tags(void **state) {
	(void)state;
	assert_reads("a: !!str text", "{\"a\":\"text\"}");
	assert_reads("a: !!int '5'", "{\"a\":5}");
	assert_reads("a: !!bool 'yes'", "{\"a\":true}");
	assert_reads("a: !!float '1.5'", "{\"a\":1.5}");
	assert_reads("a: !!null ''", "{\"a\":null}");
	assert_reads("a: !own text", "{\"a\":\"text\"}");
	assert_reads("a: !!map {b: 1}", "{\"a\":{\"b\":1}}");
	assert_refused("a: !!int text");
}

static void refuses(void **state) {
	(void)state;
	static const char *const texts[] = {
		"a: b: c",
		"a: [1",
		"a: {b: 1",
		"a: 'x",
		"a: \"x",
		"a:\n\t- b",
		"- a\nb: c",
		"a: 1\n b: 2",
		"a: @x",
		"a: `x`",
		"a: 1\na: 2",
		"a: {b: 1, b: 2}",
		"- {a: 1}\n- {a: 1, \"a\": 2}",
		"a: %x",

		"}",
		"]",
		"a: \"\\q\"",
		"a: \"\\ud800\"",
		"a: \x01",
		"a: \"\x01\"",
		"a: \xFF",
		"\xC3(: 1",
		"a: \"\\0\"",
		"\"\\0\": 1",
		"a: .inf",
		"a: -.Inf",
		"a: .NaN",

	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		assert_refused(texts[i]);
	}
	assert_refused_n("a: 1\0b: 2", 9);
	assert_refused_n("a: \"\0\"", 6);
}

static void names_the_line(void **state) {
	(void)state;
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "a: 1\nb: 2\na: 3\n", "line 3: " },     { "a: 1\nb:\n  - c\n  - {d: 1, d: 2}\n", "line 4: " },
		{ "a: 1\n\xFF: 2\n", "line 2: " },        { "a: 1\n---\nb: 'x\n", "line 4: " },
		{ "a:\n  b: [1,\n  2\nc: 3\n", "line " }, { "a: 1\n? [x]\n: 1\n", "line 2: " },
		{ "a: 1\nb: \"\\0\"\n", "line 2: " },     { "a: 1\n\nb:\n  <<: 3\n", "line 4: " },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		cleanup_yaml_stream struct yaml_stream stream = { 0 };
		cleanup_error struct error *err = NULL;
		assert_int_equal(yaml_parse(cases[i].text, strlen(cases[i].text), &stream, &err), -1);
		if (strncmp(err->message, cases[i].line, strlen(cases[i].line)) != 0) {
			fail_msg("%s is not at %s", err->message, cases[i].line);
		}
	}
}

static void limits_depth(void **state) {
	(void)state;
	for (int extra = 0; extra <= 1; extra++) {
		cleanup_strbuf struct strbuf text = { 0 };
		for (int i = 0; i < JSON_MAX_DEPTH + extra; i++) strbuf_append_char(&text, '[');
		strbuf_append(&text, "x");
		for (int i = 0; i < JSON_MAX_DEPTH + extra; i++) strbuf_append_char(&text, ']');
		if (extra == 0) {
			cleanup_free char *json = as_json(text.data, text.length);
			assert_non_null(json);
		} else {
			assert_refused(text.data);
		}
	}
	/* An alias to itself is a hole without a floor. */
	assert_refused("&a [*a]");
	assert_refused("&a {b: *a}");
	assert_refused("&a [*a, *a, *a]");
}

static void limits_aliases(void **state) {
	(void)state;
	/* The billion laughs. */
	cleanup_strbuf struct strbuf laughs = { 0 };
	strbuf_append(&laughs, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
	for (int i = 1; i < 10; i++) {
		strbuf_printf(&laughs, "a%d: &a%d [", i, i);
		for (int j = 0; j < 10; j++) strbuf_printf(&laughs, "%s*a%d", j != 0 ? ", " : "", i - 1);
		strbuf_append(&laughs, "]\n");
	}
	assert_refused(laughs.data);
	/* Few nodes, each of them large: 1 MiB of text 10,000 times. */
	cleanup_strbuf struct strbuf large = { 0 };
	strbuf_append(&large, "a: &a \"");
	memset(strbuf_reserve(&large, 1 << 20), 'x', 1 << 20);
	large.length += 1 << 20;
	strbuf_append(&large, "\"\nb: [");
	for (int i = 0; i < 10000; i++) strbuf_append(&large, "*a,");
	strbuf_append(&large, "]\n");
	assert_refused(large.data);
	/* The same in the paths that are kept for the lines. */
	cleanup_strbuf struct strbuf paths = { 0 };
	strbuf_append(&paths, "? \"");
	memset(strbuf_reserve(&paths, 1 << 20), 'x', 1 << 20);
	paths.length += 1 << 20;
	strbuf_append(&paths, "\"\n: [");
	for (int i = 0; i < 10000; i++) strbuf_append(&paths, "1,");
	strbuf_append(&paths, "]\n");
	assert_refused(paths.data);
	/* What people write passes. */
	cleanup_strbuf struct strbuf usual = { 0 };
	strbuf_append(&usual, "a: &a {b: [1, 2, 3]}\nc:\n");
	for (int i = 0; i < 5000; i++) strbuf_append(&usual, "- *a\n");
	cleanup_free char *json = as_json(usual.data, usual.length);
	assert_non_null(json);
}

static void knows_lines(void **state) {
	(void)state;
	static const char text[] = "# a comment\n"             /* 1 */
	                           "apiVersion: v1\n"          /* 2 */
	                           "metadata:\n"               /* 3 */
	                           "  annotations:\n"          /* 4 */
	                           "    agkeeper.dev/x: |\n"   /* 5 */
	                           "      one\n"               /* 6 */
	                           "      two\n"               /* 7 */
	                           "    other: y\n"            /* 8 */
	                           "spec:\n"                   /* 9 */
	                           "  replicas:\n"             /* 10 */
	                           "  - name: a\n"             /* 11 */
	                           "    tags: [x,\n"           /* 12 */
	                           "      y]\n"                /* 13 */
	                           "  -\n"                     /* 14 */
	                           "    name: b\n"             /* 15 */
	                           "  mssqlConf:\n"            /* 16 */
	                           "    memory.limit: 1\n"     /* 17 */
	                           "    \"network.port\": 2\n" /* 18 */
	                           "    \"1433\": 3\n"         /* 19 */
	                           "  nested: [[1,\n"          /* 20 */
	                           "    2]]\n"                 /* 21 */
	                           "---\n"                     /* 22 */
	                           "\n"                        /* 23 */
	                           "second: 1\n";              /* 24 */
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	assert_int_equal(yaml_parse(text, strlen(text), &stream, NULL), 0);
	assert_int_equal(stream.count, 2);
	static const struct {
		const char *path;
		size_t line;
	} cases[] = {
		{ "", 2 },
		{ "apiVersion", 2 },
		{ "metadata", 3 },
		{ "metadata.annotations", 4 },
		{ "metadata.annotations[agkeeper.dev/x]", 5 },
		{ "metadata.annotations[other]", 8 },
		{ "metadata.annotations[missing.dev/x]", 4 },
		{ "metadata.name", 3 },
		{ "spec.replicas", 10 },
		{ "spec.replicas[0]", 11 },
		{ "spec.replicas[0].name", 11 },
		{ "spec.replicas[0].tags[0]", 12 },
		{ "spec.replicas[0].tags[1]", 13 },
		{ "spec.replicas[0].missing.deep[3].x", 11 },
		{ "spec.replicas[1]", 15 },
		{ "spec.replicas[1].name", 15 },
		{ "spec.replicas[2]", 10 },
		{ "spec.mssqlConf", 16 },
		{ "spec.mssqlConf[memory.limit]", 17 },
		{ "spec.mssqlConf[network.port]", 18 },
		{ "spec.mssqlConf[1433]", 16 }, /* read as an index: the node above */
		{ "spec.mssqlConf[not.there]", 16 },
		{ "spec.nested[0][1]", 21 },
		{ "status.x", 2 },
		{ "[3]", 2 },
		{ "..", 2 },
		{ "spec.replicas[", 10 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
		size_t line = yaml_line_of(&stream.documents[0], cases[i].path);
		if (line != cases[i].line) fail_msg("%s: line %zu, not %zu", cases[i].path, line, cases[i].line);
	}
	assert_int_equal(yaml_line_of(&stream.documents[1], "second"), 24);
	assert_int_equal(yaml_line_of(&stream.documents[1], "x.y"), 24);
}

/* ---- Writing ---- */

static void assert_writes(const char *json_text, const char *expected) {
	cleanup_json struct json_object *json = NULL;
	assert_int_equal(json_parse(json_text, strlen(json_text), &json, NULL), 0);
	cleanup_strbuf struct strbuf yaml = { 0 };
	assert_int_equal(yaml_append(&yaml, json, NULL), 0);
	assert_string_equal(yaml.data, expected);
}

static void writes_plainly(void **state) {
	(void)state;
	assert_writes(
	        "{\"apiVersion\":\"v1\",\"spec\":{\"size\":\"10Gi\",\"n\":3,\"on\":true,\"none\":null,\"f\":1.5,"
	        "\"list\":[{\"a\":1,\"b\":[]},{\"c\":{}}]}}",
	        "apiVersion: v1\nspec:\n  size: 10Gi\n  \"n\": 3\n  \"on\": true\n  none: null\n  f: 1.5\n  list:\n  "
	        "- a: 1\n"
	        "    b: []\n  - c: {}\n");
	assert_writes("{\"a\":\"one\\ntwo\\n\"}", "a: |\n  one\n  two\n");
	assert_writes("{\"v\":\"2022-latest\",\"t\":\"http://x/y\"}", "v: 2022-latest\nt: http://x/y\n");
}

/* Text that some YAML reader would take for something else is quoted, whichever version it follows. */
static void quotes_what_looks_like_something_else(void **state) {
	(void)state;
	static const char *const texts[] = {
		"",
		"~",
		"null",
		"Null",
		"yes",
		"No",
		"y",
		"N",
		"on",
		"OFF",
		"true",
		"False",
		"0",
		"-1",
		"+1",
		"0644",
		"0o7",
		"0x1F",
		"0b1",
		"1_000",
		"1.5",
		".5",
		"1e3",
		"5.",
		"08",
		"<<",
		"=",
		".inf",
		"-.inf",
		"+.INF",
		".nan",
		".NaN",
		"2026-11-22",
		"2026-11-22T10:00:00Z",
		"2026-11-22 10:00:00",
		"12:30",
		"80:80",
		"190:20:30.15",
		"-1:30",
		"18446744073709551616",
		"99999999999999999999999",
		"1e999",
		"0X1F",
		"1_000.5",
		"0xFFFFFFFFFFFFFFFFFF",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		cleanup_json struct json_object *json = json_object_new_object();
		json_set_text(json, "a", texts[i]);
		cleanup_strbuf struct strbuf yaml = { 0 };
		assert_int_equal(yaml_append(&yaml, json, NULL), 0);
		cleanup_free char *expected = xasprintf("a: \"%s\"\n", texts[i]);
		assert_string_equal(yaml.data, expected);
	}
}

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
	static const char *const pieces[] = {
		"a",
		"Z",
		"0",
		"1",
		"\"",
		"\\",
		"/",
		":",
		": ",
		"{",
		"}",
		",",
		"é",
		"€",
		"😀",
		"\n",
		"\n\n",
		"\x01",
		"\t",
		"\r",
		"\r\n",
		"\x7f",
		" ",
		"  ",
		"'",
		"- ",
		"-",
		"?",
		"? ",
		"#",
		" #",
		"&",
		"*",
		"!",
		"|",
		">",
		"%",
		"@",
		"`",
		"[",
		"]",
		"~",
		"yes",
		"null",
		"---",
		"...",
		"\n---\n",
		"0x1",
		"1e3",
		"<<",
		"\xC2\x85",
		"\xE2\x80\xA8",
		"\xE2\x80\xA9",
		"\xEF\xBB\xBF",
		"\xC2\xA0",
		"\x1b",
		"\x0b",
		"=",
		"2026-11-22",
		"12:30",
		".inf",
		"\n ",
		" \n",
		"\n\t",
		"\\n",
		"\xEE\x80\x80",
		"\xF4\x8F\xBF\xBF",
		"\xEF\xBF\xBF",
	};
	struct strbuf text = { 0 };
	for (size_t n = next(random) % 7; n > 0; n--) strbuf_append(&text, pieces[next(random) % ARRAY_LENGTH(pieces)]);
	if (next(random) % 50 == 0) {
		for (int i = 0; i < 150; i++) strbuf_append(&text, " word");
	}
	return strbuf_detach(&text);
}

static struct json_object *random_tree(struct random *random, int depth) {
	switch (next(random) % (depth > 0 ? 9U : 6U)) {
	case 0: return NULL;
	case 1: return json_object_new_boolean(next(random) % 2 == 0);
	case 2: return json_object_new_int64((int64_t)next(random));
	case 3: return json_object_new_double((double)(int)(next(random) % 2000) + 0.125);
	case 4:
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

static void reads_what_it_writes(void **state) {
	(void)state;
	for (uint64_t seed = 1; seed <= 20000; seed++) {
		struct random random = { seed };
		cleanup_json struct json_object *tree = random_tree(&random, 4);
		cleanup_free char *wanted = json_to_text(tree);
		cleanup_strbuf struct strbuf yaml = { 0 };
		cleanup_error struct error *err = NULL;
		if (yaml_append(&yaml, tree, &err) < 0) {
			fail_msg("seed %llu: %s: %s", (unsigned long long)seed, err->message, wanted);
		}
		assert_int_equal(yaml.data[yaml.length - 1], '\n');
		cleanup_yaml_stream struct yaml_stream stream = { 0 };
		if (yaml_parse(yaml.data, yaml.length, &stream, &err) < 0) {
			fail_msg("seed %llu: %s: %s\n%s", (unsigned long long)seed, err->message, wanted, yaml.data);
		}
		assert_int_equal(stream.count, 1);
		cleanup_free char *got = json_to_text(stream.documents[0].json);
		if (strcmp(got, wanted) != 0) {
			fail_msg("seed %llu:\nwrote %s\nread  %s\n%s", (unsigned long long)seed, wanted, got,
			         yaml.data);
		}
	}
}

/* Several documents one behind the other stay several. */
static void appends_documents(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf yaml = { 0 };
	cleanup_json struct json_object *json = json_object_new_object();
	json_set_text(json, "a", "one\n\n");
	for (int i = 0; i < 3; i++) {
		strbuf_append(&yaml, "---\n");
		assert_int_equal(yaml_append(&yaml, json, NULL), 0);
	}
	assert_reads(yaml.data, "{\"a\":\"one\\n\\n\"}\n{\"a\":\"one\\n\\n\"}\n{\"a\":\"one\\n\\n\"}");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_plain_scalars),      cmocka_unit_test(reads_keys),
		cmocka_unit_test(reads_collections),        cmocka_unit_test(reads_documents),
		cmocka_unit_test(reads_aliases_and_merges), cmocka_unit_test(aliases_are_copies),
		cmocka_unit_test(reads_explicit_tags),      cmocka_unit_test(refuses),
		cmocka_unit_test(names_the_line),           cmocka_unit_test(limits_depth),
		cmocka_unit_test(limits_aliases),           cmocka_unit_test(knows_lines),
		cmocka_unit_test(writes_plainly),           cmocka_unit_test(quotes_what_looks_like_something_else),
		cmocka_unit_test(reads_what_it_writes),     cmocka_unit_test(appends_documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
