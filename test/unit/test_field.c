/* The engine of the field tables, on a made-up kind with every type and flag: decoding, defaults, changes, schema. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/field.h"
#include "api/kind.h"
#include "api/path.h"
#include "base/json.h"
#include "base/yaml.h"

/* ---- The kind ---- */

struct part {
	const char *name;
	struct opt_int weight;
	const char *fixed;
};
struct inner {
	const char *mode;
	struct opt_bool enabled;
	string_list words;
};
struct kept {
	const char *known;
};
struct all {
	const char *string;
	const char *choice;
	const char *label;
	const char *bounded;
	struct opt_bool flag;
	struct opt_int count;
	struct opt_int at_least;
	struct opt_int at_most;
	struct opt_quantity size;
	struct opt_duration wait;
	const char *time;
	const struct json_object *port;
	struct inner *inner;
	struct inner *made;
	LIST_OF(struct part) parts;
	string_list set;
	LIST_OF(struct opt_int) numbers;
	LIST_OF(string_list) nested;
	struct map labels;
	struct map sizes;
	const struct json_object *raw;
	struct kept *kept;
	const char *immutable;
	const char *once;
	struct inner *fixed;
	const char *nullable;
};
struct object {
	const char *api_version;
	const char *kind;
	struct object_meta *metadata;
	struct all *spec;
};

static bool is_label(const char *value) {
	size_t length = strlen(value);
	return length > 0 && length == strspn(value, "abcdefghijklmnopqrstuvwxyz");
}
static const struct format label_format = { "^[a-z]+$", is_label, "must be lower-case letters" };

static const struct field part_fields[] = {
	{ MEMBER(struct part, "name", name), .type = FIELD_STRING, .flags = FIELD_REQUIRED, .doc = "The name. Of it." },
	{ MEMBER(struct part, "weight", weight), .type = FIELD_INT, .default_text = "7", BOUNDS(0, 100) },
	{ MEMBER(struct part, "fixed", fixed), .type = FIELD_STRING, .flags = FIELD_IMMUTABLE },
	{ 0 },
};
static const struct schema part_schema = { .size = sizeof(struct part), .fields = part_fields };

static const struct field inner_fields[] = {
	{ MEMBER(struct inner, "mode", mode), .type = FIELD_STRING, .default_text = "Fast", ONE_OF("Fast", "Slow") },
	{ MEMBER(struct inner, "enabled", enabled), .type = FIELD_BOOL, .default_text = "true" },
	{ MEMBER(struct inner, "words", words), .type = FIELD_LIST, LIST_ITEM(.type = FIELD_STRING) },
	{ 0 },
};
static const struct schema inner_schema = { .doc = "Inner.", .size = sizeof(struct inner), .fields = inner_fields };

static const struct field kept_fields[] = {
	{ MEMBER(struct kept, "known", known), .type = FIELD_STRING },
	{ 0 },
};
static const struct schema kept_schema = { .size = sizeof(struct kept), .fields = kept_fields };

static const struct field all_fields[] = {
	{ MEMBER(struct all, "string", string), .type = FIELD_STRING, .doc = "Any text. Really any." },
	{ MEMBER(struct all, "choice", choice), .type = FIELD_STRING, .default_text = "One", ONE_OF("One", "Two") },
	{ MEMBER(struct all, "label", label), .type = FIELD_STRING, .format = &label_format, BOUNDS(1, 8) },
	{ MEMBER(struct all, "bounded", bounded), .type = FIELD_STRING, BOUNDS(2, 4) },
	{ MEMBER(struct all, "flag", flag), .type = FIELD_BOOL, .default_text = "false" },
	{ MEMBER(struct all, "count", count), .type = FIELD_INT, .default_text = "3", BOUNDS(1, 9) },
	{ MEMBER(struct all, "atLeast", at_least), .type = FIELD_INT, AT_LEAST(10) },
	{ MEMBER(struct all, "atMost", at_most), .type = FIELD_INT, AT_MOST(-10) },
	{ MEMBER(struct all, "size", size), .type = FIELD_QUANTITY, .default_text = "10Gi" },
	{ MEMBER(struct all, "wait", wait), .type = FIELD_DURATION, .default_text = "300ms" },
	{ MEMBER(struct all, "time", time), .type = FIELD_TIME },
	{ MEMBER(struct all, "port", port), .type = FIELD_INT_OR_STRING, .default_text = "1433" },
	{ MEMBER(struct all, "inner", inner), .type = FIELD_OBJECT, .schema = &inner_schema, .doc = "Not made." },
	{ MEMBER(struct all, "made", made), .type = FIELD_OBJECT, .schema = &inner_schema, .default_text = "{}" },
	{ MEMBER(struct all, "parts", parts), .type = FIELD_LIST, .list_key = "name", AT_MOST(4),
	  LIST_ITEM(.type = FIELD_OBJECT, .schema = &part_schema) },
	{ MEMBER(struct all, "set", set), .type = FIELD_LIST, .flags = FIELD_UNIQUE, BOUNDS(1, 3),
	  LIST_ITEM(.type = FIELD_STRING, .format = &label_format) },
	{ MEMBER(struct all, "numbers", numbers), .type = FIELD_LIST, .flags = FIELD_ATOMIC, .default_text = "[1,2]",
	  LIST_ITEM(.type = FIELD_INT, AT_LEAST(0)) },
	{ MEMBER(struct all, "nested", nested), .type = FIELD_LIST,
	  LIST_ITEM(.type = FIELD_LIST, LIST_ITEM(.type = FIELD_STRING)) },
	{ MEMBER(struct all, "labels", labels), .type = FIELD_MAP, .format = &label_format,
	  LIST_ITEM(.type = FIELD_STRING, AT_MOST(3)) },
	{ MEMBER(struct all, "sizes", sizes), .type = FIELD_MAP, .flags = FIELD_ATOMIC,
	  LIST_ITEM(.type = FIELD_QUANTITY) },
	{ MEMBER(struct all, "raw", raw), .type = FIELD_JSON },
	{ MEMBER(struct all, "kept", kept), .type = FIELD_OBJECT, .schema = &kept_schema, .flags = FIELD_PRESERVE },
	{ MEMBER(struct all, "immutable", immutable), .type = FIELD_STRING, .flags = FIELD_IMMUTABLE },
	{ MEMBER(struct all, "once", once), .type = FIELD_STRING, .flags = FIELD_SET_ONCE },
	{ MEMBER(struct all, "fixed", fixed), .type = FIELD_OBJECT, .schema = &inner_schema, .flags = FIELD_IMMUTABLE },
	{ MEMBER(struct all, "nullable", nullable), .type = FIELD_STRING, .flags = FIELD_NULLABLE,
	  .default_text = "x" },
	{ 0 },
};
static const struct schema all_schema = { .doc = "Everything.", .size = sizeof(struct all), .fields = all_fields };

static const struct field object_fields[] = {
	{ MEMBER(struct object, "apiVersion", api_version), .type = FIELD_STRING },
	{ MEMBER(struct object, "kind", kind), .type = FIELD_STRING },
	{ MEMBER(struct object, "metadata", metadata), .type = FIELD_OBJECT, .schema = &object_meta_schema,
	  .doc = "Said of metadata." },
	{ MEMBER(struct object, "spec", spec), .type = FIELD_OBJECT, .schema = &all_schema, .flags = FIELD_REQUIRED,
	  .doc = "What is wanted. All of it." },
	{ 0 },
};
static const struct schema object_schema = { .doc = "An object.",
	                                     .size = sizeof(struct object),
	                                     .fields = object_fields };

static void complain(const struct rule_input *input, struct findings *findings) {
	const struct object *object = input->object;
	assert_non_null(object);
	finding_forbidden(findings, "spec", "rule ran");
}
static const struct rule rules[] = { { "complain", OPERATION_CREATE | OPERATION_UPDATE, complain, "." }, { 0 } };
static const struct printer_column columns[] = { { 0 } };
static const struct kind all_kind = {
	.group = "test.dev",
	.version = "v1",
	.name = "All",
	.plural = "alls",
	.singular = "all",
	.schema = &object_schema,
	.rules = rules,
	.columns = columns,
};

/* ---- Helpers ---- */

static struct json_object *parse(const char *text) {
	/* Apostrophes for quotes keep the cases readable. */
	cleanup_free char *json_text = xstrdup(text);
	for (char *p = json_text; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	struct json_object *json = NULL;
	cleanup_error struct error *err = NULL;
	if (json_parse(json_text, strlen(json_text), &json, &err) < 0) fail_msg("%s: %s", err->message, json_text);
	return json;
}

static char *findings_text(const struct findings *findings) {
	struct strbuf text = { 0 };
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		strbuf_printf(&text, "%s%s: %s", i != 0 ? "\n" : "", finding->path, finding->body);
	}
	return strbuf_detach(&text);
}

/* Decodes `spec` and asserts what there is to say, one finding a line: "path: body". */
static void assert_decodes(const char *spec, enum unknown_fields unknown, const char *expected) {
	cleanup_json struct json_object *json = parse(spec);
	cleanup_arena struct arena arena = { 0 };
	cleanup_findings struct findings findings = { 0 };
	struct all all = { 0 };
	schema_decode(&all_schema, json, "spec", &all, &arena, unknown, &findings);
	cleanup_free char *got = findings_text(&findings);
	cleanup_free char *wanted = xstrdup(expected);
	for (char *p = wanted; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	if (strcmp(got, wanted) != 0) fail_msg("%s\n  says  %s\n  wants %s", spec, got, wanted);
}

static void assert_finding(const char *spec, const char *expected) {
	assert_decodes(spec, UNKNOWN_PASS, expected);
}
static void assert_clean(const char *spec) {
	assert_decodes(spec, UNKNOWN_REPORT, "");
}

/* ---- Decoding ---- */

static void decodes_every_type(void **state) {
	(void)state;
	cleanup_json struct json_object *json = parse(
	        "{'string':'s','choice':'Two','label':'abc','bounded':'abcd','flag':true,'count':9,'atLeast':10,'"
	        "atMost':-10,"
	        "'size':'1.5Gi','wait':'1m30s','time':'2026-11-22T10:00:00Z','port':'http','inner':{'mode':'Slow',"
	        "'enabled':false,'words':['a','b']},'parts':[{'name':'p','weight':0},{'name':'q'}],'set':['a','b'],"
	        "'numbers':[0,5],'nested':[['x'],[],['y','z']],'labels':{'a':'1','b':''},'sizes':{'cpu':2,'memory':'"
	        "4Gi'},"
	        "'raw':{'any':[1,{}]},'kept':{'known':'k','other':1},'nullable':null}");
	cleanup_arena struct arena arena = { 0 };
	cleanup_findings struct findings findings = { 0 };
	struct all all = { 0 };
	schema_decode(&all_schema, json, "spec", &all, &arena, UNKNOWN_REPORT, &findings);
	cleanup_free char *text = findings_text(&findings);
	assert_string_equal(text, "");
	assert_string_equal(all.string, "s");
	assert_string_equal(all.choice, "Two");
	assert_true(all.flag.set && all.flag.value);
	assert_true(all.count.set);
	assert_int_equal(all.count.value, 9);
	assert_string_equal(all.size.text, "1.5Gi");
	assert_int_equal(quantity_value(all.size.value), 1610612736);
	assert_string_equal(all.wait.text, "1m30s");
	assert_int_equal(all.wait.nanoseconds, INT64_C(90000000000));
	assert_string_equal(all.time, "2026-11-22T10:00:00Z");
	assert_string_equal(json_object_get_string((struct json_object *)all.port), "http");
	assert_string_equal(all.inner->mode, "Slow");
	assert_true(all.inner->enabled.set && !all.inner->enabled.value);
	assert_int_equal(all.inner->words.count, 2);
	assert_string_equal(all.inner->words.items[1], "b");
	assert_int_equal(all.parts.count, 2);
	assert_string_equal(all.parts.items[0].name, "p");
	assert_true(all.parts.items[0].weight.set);
	assert_string_equal(all.parts.items[1].name, "q");
	assert_false(all.parts.items[1].weight.set);
	assert_int_equal(all.numbers.count, 2);
	assert_int_equal(all.numbers.items[1].value, 5);
	assert_int_equal(all.nested.count, 3);
	assert_int_equal(all.nested.items[1].count, 0);
	assert_string_equal(all.nested.items[2].items[1], "z");
	assert_string_equal(map_text(&all.labels, "a"), "1");
	assert_string_equal(map_text(&all.labels, "b"), "");
	assert_null(map_text(&all.labels, "c"));
	assert_string_equal(map_text(&all.sizes, "cpu"), "2");
	assert_int_equal(quantity_value(all.sizes.items[1].value), INT64_C(4294967296));
	assert_ptr_equal(all.raw, json_get(json, "raw"));
	assert_string_equal(all.kept->known, "k");
	assert_null(all.nullable);
	assert_null(all.made);
	assert_null(all.immutable);
}

static void absent_is_absent(void **state) {
	(void)state;
	cleanup_arena struct arena arena = { 0 };
	cleanup_findings struct findings findings = { 0 };
	cleanup_json struct json_object *json =
	        parse("{'string':null,'count':null,'inner':null,'parts':null,'labels':null}");
	struct all all = { 0 };
	schema_decode(&all_schema, json, "", &all, &arena, UNKNOWN_REPORT, &findings);
	assert_int_equal(findings.count, 0);
	static const struct all none = { 0 };
	assert_memory_equal(&all, &none, sizeof(all));
	cleanup_json struct json_object *empty = parse("{'labels':{},'parts':[],'nested':[[]]}");
	schema_decode(&all_schema, empty, "", &all, &arena, UNKNOWN_REPORT, &findings);
	assert_int_equal(findings.count, 0);
	assert_int_equal(all.labels.count, 0);
	assert_int_equal(all.parts.count, 0);
}

/* Members in any order, each after each: the search for a row goes on where the last ended. */
static void finds_rows_in_any_order(void **state) {
	(void)state;
	size_t rows = ARRAY_LENGTH(inner_fields) - 1;
	static const char *const values[] = { "'mode':'Slow'", "'enabled':true", "'words':['w']", "'x':1" };
	for (size_t order = 0; order < 256; order++) {
		size_t at[4] = { order & 3, order >> 2 & 3, order >> 4 & 3, order >> 6 };
		unsigned seen = 0;
		cleanup_strbuf struct strbuf text = { 0 };
		for (size_t i = 0; i < 4; i++) {
			if ((seen & 1U << at[i]) != 0) continue;
			strbuf_printf(&text, "%s%s", seen != 0 ? "," : "", values[at[i]]);
			seen |= 1U << at[i];
		}
		cleanup_free char *whole = xasprintf("{%s}", text.data);
		cleanup_json struct json_object *json = parse(whole);
		cleanup_arena struct arena arena = { 0 };
		cleanup_findings struct findings findings = { 0 };
		struct inner inner = { 0 };
		schema_decode(&inner_schema, json, "", &inner, &arena, UNKNOWN_REPORT, &findings);
		assert_int_equal(findings.count, seen >> 3);
		assert_int_equal(inner.mode != NULL, seen & 1U);
		assert_int_equal(inner.enabled.set, seen >> 1 & 1U);
		assert_int_equal(inner.words.count, seen >> 2 & 1U);
	}
	assert_int_equal(rows, 3);
}

static void reports_wrong_types(void **state) {
	(void)state;
	assert_finding("{'string':1}", "spec.string: Invalid value: 1: must be of type string");
	assert_finding("{'string':true}", "spec.string: Invalid value: true: must be of type string");
	assert_finding("{'string':['a']}", "spec.string: Invalid value: ['a']: must be of type string");
	assert_finding("{'choice':1}", "spec.choice: Invalid value: 1: must be of type string");
	assert_finding("{'flag':'true'}", "spec.flag: Invalid value: 'true': must be of type boolean");
	assert_finding("{'flag':1}", "spec.flag: Invalid value: 1: must be of type boolean");
	assert_finding("{'count':'3'}", "spec.count: Invalid value: '3': must be of type integer");
	assert_finding("{'count':1.5}", "spec.count: Invalid value: 1.5: must be of type integer");
	assert_finding("{'count':18446744073709551615}",
	               "spec.count: Invalid value: 18446744073709551615: must be of type integer");
	assert_finding(
	        "{'size':true}",
	        "spec.size: Invalid value: true: must be of type quantity (a string such as '10Gi' or an integer)");
	assert_finding(
	        "{'size':1.5}",
	        "spec.size: Invalid value: 1.5: must be of type quantity (a string such as '10Gi' or an integer)");
	assert_finding("{'wait':30}", "spec.wait: Invalid value: 30: must be of type string");
	assert_finding("{'time':0}", "spec.time: Invalid value: 0: must be of type string");
	assert_finding("{'port':true}", "spec.port: Invalid value: true: must be of type integer or string");
	assert_finding("{'port':1.5}", "spec.port: Invalid value: 1.5: must be of type integer or string");
	assert_finding("{'inner':[]}", "spec.inner: Invalid value: []: must be of type object");
	assert_finding("{'inner':'x'}", "spec.inner: Invalid value: 'x': must be of type object");
	assert_finding("{'parts':{}}", "spec.parts: Invalid value: {}: must be of type array");
	assert_finding("{'parts':['a',null]}", "spec.parts[0]: Invalid value: 'a': must be of type object\n"
	                                       "spec.parts[1]: Invalid value: null: must be of type object");
	assert_finding("{'set':['a',null,5]}", "spec.set[1]: Invalid value: null: must be of type string\n"
	                                       "spec.set[2]: Invalid value: 5: must be of type string");
	assert_finding("{'numbers':[1,null,'2']}", "spec.numbers[1]: Invalid value: null: must be of type integer\n"
	                                           "spec.numbers[2]: Invalid value: '2': must be of type integer");
	assert_finding("{'nested':[null,'x',[null]]}",
	               "spec.nested[0]: Invalid value: null: must be of type array\n"
	               "spec.nested[1]: Invalid value: 'x': must be of type array\n"
	               "spec.nested[2][0]: Invalid value: null: must be of type string");
	assert_finding("{'labels':[]}", "spec.labels: Invalid value: []: must be of type object");
	/* The API server drops nulls of maps before anybody sees them. */
	assert_finding("{'labels':{'a':1,'b':null}}", "spec.labels[a]: Invalid value: 1: must be of type string");
	assert_finding(
	        "{'sizes':{'cpu':[]}}",
	        "spec.sizes[cpu]: Invalid value: []: must be of type quantity (a string such as '10Gi' or an integer)");
	assert_finding("{'raw':'x'}", "spec.raw: Invalid value: 'x': must be of type object");
	assert_finding("{'kept':5}", "spec.kept: Invalid value: 5: must be of type object");
	assert_finding("[]", "spec: Invalid value: []: must be of type object");
	assert_finding("{'string':'a\\u0000b'}", "spec.string: Invalid value: 'a': must not contain a NUL character");
	assert_clean("{'port':8080,'size':5}");
	assert_clean("{'port':'8080','size':'5'}");
}

static void reports_bounds(void **state) {
	(void)state;
	assert_clean("{'count':1,'atLeast':10,'atMost':-10,'bounded':'ab'}");
	assert_clean("{'count':9,'atLeast':9223372036854775807,'atMost':-9223372036854775808,'bounded':'abcd'}");
	assert_finding("{'count':0}", "spec.count: Invalid value: 0: must be between 1 and 9, inclusive");
	assert_finding("{'count':10}", "spec.count: Invalid value: 10: must be between 1 and 9, inclusive");
	assert_finding("{'atLeast':9}", "spec.atLeast: Invalid value: 9: must be greater than or equal to 10");
	assert_finding("{'atMost':-9}", "spec.atMost: Invalid value: -9: must be less than or equal to -10");
	assert_finding("{'atLeast':18446744073709551615}",
	               "spec.atLeast: Invalid value: 18446744073709551615: must be of type integer");
	assert_finding("{'bounded':'a'}", "spec.bounded: Invalid value: 'a': must have at least 2 bytes");
	assert_finding("{'bounded':'abcde'}", "spec.bounded: Invalid value: 'abcde': must be no more than 4 bytes");
	assert_finding("{'bounded':''}", "spec.bounded: Required value: must not be empty");
	assert_finding("{'label':''}", "spec.label: Required value: must not be empty");
	assert_finding("{'set':[]}", "spec.set: Required value: must have at least 1 item");
	assert_finding("{'set':['a','b','c','d']}",
	               "spec.set: Invalid value: 4: must be between 1 and 3 items, inclusive");
	assert_clean("{'set':['a','b','c']}");
	assert_finding("{'labels':{'a':'1234'}}",
	               "spec.labels[a]: Invalid value: '1234': must be no more than 3 bytes");
	assert_finding("{'numbers':[-1]}", "spec.numbers[0]: Invalid value: -1: must be greater than or equal to 0");
}

static void reports_values_and_formats(void **state) {
	(void)state;
	assert_finding("{'choice':'Three'}", "spec.choice: Unsupported value: 'Three': supported values: 'One', 'Two'");
	assert_finding("{'choice':'one'}", "spec.choice: Unsupported value: 'one': supported values: 'One', 'Two'");
	assert_finding("{'choice':''}", "spec.choice: Unsupported value: '': supported values: 'One', 'Two'");
	assert_finding("{'label':'A'}", "spec.label: Invalid value: 'A': must be lower-case letters");
	assert_finding("{'labels':{'A':'1'}}", "spec.labels: Invalid value: 'A': must be lower-case letters");
	assert_finding("{'size':'10gi'}",
	               "spec.size: Invalid value: '10gi': must be a quantity such as '10Gi', '500m' or '2'");
	assert_finding(
	        "{'size':18446744073709551615}",
	        "spec.size: Invalid value: '18446744073709551615': must be a quantity such as '10Gi', '500m' or '2'");
	assert_finding("{'wait':'30'}",
	               "spec.wait: Invalid value: '30': must be a duration such as '300ms', '30s' or '1h30m'");
	assert_finding("{'time':'today'}",
	               "spec.time: Invalid value: 'today': must be a time such as '2026-01-31T12:00:00Z' (RFC 3339)");
}

static void reports_required(void **state) {
	(void)state;
	assert_finding("{'parts':[{},{'name':null}]}",
	               "spec.parts[0].name: Required value: The name\nspec.parts[1].name: Required value: The name");
	cleanup_json struct json_object *json = parse("{}");
	cleanup_arena struct arena arena = { 0 };
	cleanup_findings struct findings findings = { 0 };
	struct object object = { 0 };
	schema_decode(&object_schema, json, "", &object, &arena, UNKNOWN_PASS, &findings);
	cleanup_free char *text = findings_text(&findings);
	assert_string_equal(text, "spec: Required value: What is wanted");
	assert_string_equal(findings.items[0].reason, "FieldValueRequired");
	assert_string_equal(findings.items[0].rule, "schema");
}

static void reports_duplicates(void **state) {
	(void)state;
	assert_finding("{'set':['a','b','a']}", "spec.set[2]: Duplicate value: 'a'");
	assert_finding("{'set':['a','a','a']}", "spec.set[1]: Duplicate value: 'a'\nspec.set[2]: Duplicate value: 'a'");
	assert_finding("{'parts':[{'name':'x'},{'name':'y'},{'name':'x'}]}",
	               "spec.parts[2].name: Duplicate value: 'x'");
	assert_finding("{'parts':[{},{}]}",
	               "spec.parts[0].name: Required value: The name\nspec.parts[1].name: Required value: The name");
	assert_clean("{'inner':{'words':['a','a']}}");
}

static void reports_unknown_fields(void **state) {
	(void)state;
	assert_decodes("{'x':1,'inner':{'y':2}}", UNKNOWN_PASS, "");
	assert_decodes("{'x':1}", UNKNOWN_REPORT, "spec.x: Forbidden: unknown field");
	assert_decodes("{'Count':1}", UNKNOWN_REPORT, "spec.Count: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'coun':1}", UNKNOWN_REPORT, "spec.coun: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'counts':1}", UNKNOWN_REPORT, "spec.counts: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'cuont':1}", UNKNOWN_REPORT, "spec.cuont: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'cxunt':1}", UNKNOWN_REPORT, "spec.cxunt: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'cunt':1}", UNKNOWN_REPORT, "spec.cunt: Forbidden: unknown field; did you mean 'count'?");
	assert_decodes("{'':1}", UNKNOWN_REPORT, "spec.: Forbidden: unknown field");
	assert_decodes("{'c':1}", UNKNOWN_REPORT, "spec.c: Forbidden: unknown field");
	assert_decodes("{'inner':{'Mode':'x'},'parts':[{'name':'a','z':1}]}", UNKNOWN_REPORT,
	               "spec.inner.Mode: Forbidden: unknown field; did you mean 'mode'?\n"
	               "spec.parts[0].z: Forbidden: unknown field");
	assert_decodes("{'kept':{'other':1,'more':{}},'raw':{'anything':1}}", UNKNOWN_REPORT, "");
	/* Null is as if it were not there. */
	assert_decodes("{'x':null}", UNKNOWN_REPORT, "");
}

static void survives_huge_lists(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf text = { 0 };
	strbuf_append(&text, "{'nested':[");
	for (int i = 0; i < 100000; i++) strbuf_append(&text, i != 0 ? ",[]" : "[]");
	strbuf_append(&text, "]}");
	assert_finding(text.data, "spec.nested: Invalid value: 100000: must have at most 1024 items");
	strbuf_reset(&text);
	strbuf_append(&text, "{'parts':[");
	for (int i = 0; i < 50000; i++) strbuf_append(&text, i != 0 ? ",{}" : "{}");
	strbuf_append(&text, "]}");
	assert_finding(text.data, "spec.parts: Invalid value: 50000: must be less than or equal to 4 items");
	/* Nor are its elements defaulted: the patch would be many times as long. */
	cleanup_json struct json_object *object = json_object_new_object();
	json_set(object, "spec", parse(text.data));
	cleanup_strbuf struct strbuf patch = { 0 };
	kind_set_defaults(&all_kind, object, &patch);
	assert_non_null(strstr(patch.data, "/spec/made"));
	assert_null(strstr(patch.data, "/parts/"));
}

/* ---- Findings ---- */

static void cuts_long_values(void **state) {
	(void)state;
	cleanup_findings struct findings findings = { 0 };
	cleanup_strbuf struct strbuf value = { 0 };
	for (int i = 0; i < 300; i++) strbuf_append(&value, "é");
	finding_invalid(&findings, "a", value.data, "is long");
	const char *body = findings.items[0].body;
	assert_true(strlen(body) < 250);
	assert_non_null(strstr(body, "é…: is long"));
	finding_invalid(&findings, "a", NULL, "is %d%%", 100);
	assert_string_equal(findings.items[1].body, "Invalid value: \"\": is 100%");
	warn(&findings, "careful with %s", "it");
	assert_int_equal(findings.warning_count, 1);
	assert_string_equal(findings.warnings[0], "careful with it");
	findings_free(&findings);
	assert_int_equal(findings.count, 0);
}

static void keeps_so_many_findings_and_counts_the_rest(void **state) {
	(void)state;
	cleanup_findings struct findings findings = { 0 };
	for (int i = 0; i < FINDINGS_MAX + 5; i++) finding_required(&findings, "a", "is number %d", i);
	assert_int_equal(findings.count, FINDINGS_MAX);
	assert_int_equal(findings.omitted, 5);
	assert_string_equal(findings.items[FINDINGS_MAX - 1].body, "Required value: is number 999");
}

static void writes_paths(void **state) {
	(void)state;
	struct path root = path_root("");
	struct path spec = path_member(&root, "spec");
	struct path list = path_member(&spec, "a/b~c");
	struct path item = path_index(&list, 12);
	struct path map = path_member(&item, "labels");
	struct path key = path_key(&map, "agkeeper.dev/x~y");
	cleanup_strbuf struct strbuf text = { 0 };
	path_append(&text, &key);
	assert_string_equal(text.data, "spec.a/b~c[12].labels[agkeeper.dev/x~y]");
	cleanup_strbuf struct strbuf pointer = { 0 };
	path_append_pointer(&pointer, &key);
	assert_string_equal(pointer.data, "/spec/a~1b~0c/12/labels/agkeeper.dev~1x~0y");
}

/* ---- Defaults ---- */

/* The member or element that the last token of `pointer` names is added to its parent (RFC 6902, "add" of members). */
static void apply_add(struct json_object *root, const char *pointer, struct json_object *value) {
	struct json_object *parent = root;
	assert_int_equal(*pointer, '/');
	for (;;) {
		const char *start = ++pointer;
		const char *end = strchrnul(start, '/');
		cleanup_strbuf struct strbuf token = { 0 };
		for (const char *p = start; p < end; p++) {
			if (*p == '~') strbuf_append_char(&token, *++p == '1' ? '/' : '~');
			else strbuf_append_char(&token, *p);
		}
		if (*end == '\0') {
			assert_true(json_object_is_type(parent, json_type_object));
			json_set(parent, strbuf_text(&token), value);
			return;
		}
		if (json_object_is_type(parent, json_type_array)) {
			char *rest;
			size_t index = strtoul(strbuf_text(&token), &rest, 10);
			assert_int_equal(*rest, 0);
			assert_true(index < json_object_array_length(parent));
			parent = json_object_array_get_idx(parent, index);
		} else {
			parent = json_get(parent, strbuf_text(&token));
		}
		assert_non_null(parent);
		pointer = end;
	}
}

/* Defaults `text` and asserts: the result, that the patch leads to it, and that a second time changes nothing. */
static void assert_defaults(const char *text, const char *expected) {
	cleanup_json struct json_object *original = parse(text);
	cleanup_json struct json_object *object = json_copy(original);
	cleanup_strbuf struct strbuf patch = { 0 };
	kind_set_defaults(&all_kind, object, &patch);
	cleanup_json struct json_object *wanted = parse(expected);
	if (!json_object_equal(object, wanted)) {
		cleanup_free char *got = json_to_text(object);
		fail_msg("%s\n  is    %s\n  wants %s", text, got, expected);
	}
	cleanup_free char *array = xasprintf("[%s]", strbuf_text(&patch));
	cleanup_json struct json_object *operations = NULL;
	assert_int_equal(json_parse(array, strlen(array), &operations, NULL), 0);
	for (size_t i = 0; i < json_object_array_length(operations); i++) {
		struct json_object *operation = json_object_array_get_idx(operations, i);
		assert_string_equal(json_get_text(operation, "op"), "add");
		apply_add(original, json_get_text(operation, "path"), json_copy(json_get(operation, "value")));
	}
	if (!json_object_equal(original, wanted)) fail_msg("%s\n  patched by %s", text, array);
	cleanup_strbuf struct strbuf again = { 0 };
	kind_set_defaults(&all_kind, object, &again);
	assert_string_equal(strbuf_text(&again), "");
	assert_true(json_object_equal(object, wanted));
	/* Without a patch to write, the same. */
	cleanup_json struct json_object *silent = parse(text);
	kind_set_defaults(&all_kind, silent, NULL);
	assert_true(json_object_equal(silent, wanted));
}

#define DEFAULTS                                                                                                \
	"'choice':'One','flag':false,'count':3,'size':'10Gi','wait':'300ms','port':1433,'made':{'mode':'Fast'," \
	"'enabled':true},'numbers':[1,2]"

static void sets_defaults(void **state) {
	(void)state;
	assert_defaults("{'spec':{}}", "{'spec':{" DEFAULTS ",'nullable':'x'}}");
	/* Objects come into being only where they have a default themselves. */
	assert_defaults("{}", "{}");
	assert_defaults("{'spec':null}", "{'spec':null}");
	assert_defaults("{'spec':{'inner':{}}}",
	                "{'spec':{'inner':{'mode':'Fast','enabled':true}," DEFAULTS ",'nullable':'x'}}");
	assert_defaults("{'spec':{'parts':[{},{'name':'a','weight':1},{'weight':null}]}}",
	                "{'spec':{'parts':[{'weight':7},{'name':'a','weight':1},{'weight':7}]," DEFAULTS
	                ",'nullable':'x'}}");
	/* What the user set stays, whatever it is. */
	assert_defaults(
	        "{'spec':{'choice':'Two','flag':true,'count':0,'size':5,'wait':'','port':'x','made':{'mode':'Slow'},"
	        "'numbers':[],'nullable':'y'}}",
	        "{'spec':{'choice':'Two','flag':true,'count':0,'size':5,'wait':'','port':'x','made':{'mode':'Slow',"
	        "'enabled':true},'numbers':[],'nullable':'y'}}");
	/* A null that may be null is a value; any other is as if it were not there (apiextensions: prune, then
	 * default). */
	assert_defaults("{'spec':{'count':null,'nullable':null}}", "{'spec':{" DEFAULTS ",'nullable':null}}");
	/* Values of the wrong type are left for the findings. */
	assert_defaults("{'spec':{'made':[],'inner':'x','parts':{},'numbers':5}}",
	                "{'spec':{'made':[],'inner':'x','parts':{},'numbers':5,'choice':'One','flag':false,'count':3,"
	                "'size':'10Gi','wait':'300ms','port':1433,'nullable':'x'}}");
	assert_defaults("{'spec':{'parts':[null,1,[],{}]}}",
	                "{'spec':{'parts':[null,1,[],{'weight':7}]," DEFAULTS ",'nullable':'x'}}");
	assert_defaults("{'spec':[]}", "{'spec':[]}");
	assert_defaults("[]", "[]");
}

static void sets_single_members(void **state) {
	(void)state;
	cleanup_json struct json_object *object = parse("{'spec':{'a/b':{'x':null,'y':1}}}");
	cleanup_strbuf struct strbuf patch = { 0 };
	struct defaulting defaulting = { object, &patch };
	struct json_object *parent = json_get_path(object, "spec", "a/b", NULL);
	default_member(&defaulting, parent, "/spec/a~1b", "y", json_object_new_int(2));
	default_member(&defaulting, parent, "/spec/a~1b", "x", json_object_new_int(3));
	default_member(&defaulting, parent, "/spec/a~1b", "z~", json_object_new_int(4));
	assert_string_equal(patch.data, "{\"op\":\"add\",\"path\":\"/spec/a~1b/x\",\"value\":3},"
	                                "{\"op\":\"add\",\"path\":\"/spec/a~1b/z~0\",\"value\":4}");
	cleanup_free char *text = json_to_text(object);
	assert_string_equal(text, "{\"spec\":{\"a/b\":{\"x\":3,\"y\":1,\"z~\":4}}}");
}

/* ---- Changes ---- */

static void assert_changes(const char *old_spec, const char *new_spec, const char *expected) {
	cleanup_json struct json_object *old_json = parse(old_spec);
	cleanup_json struct json_object *new_json = parse(new_spec);
	cleanup_findings struct findings findings = { 0 };
	schema_check_changes(&all_schema, old_json, new_json, "spec", &findings);
	cleanup_free char *got = findings_text(&findings);
	cleanup_free char *wanted = xstrdup(expected);
	for (char *p = wanted; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	if (strcmp(got, wanted) != 0) fail_msg("%s → %s\n  says  %s\n  wants %s", old_spec, new_spec, got, wanted);
}

static void forbids_changes(void **state) {
	(void)state;
	assert_changes("{'immutable':'a','string':'x'}", "{'immutable':'a','string':'y'}", "");
	assert_changes("{'immutable':'a'}", "{'immutable':'b'}",
	               "spec.immutable: Invalid value: 'b': field is immutable, it must stay 'a'");
	assert_changes("{'immutable':'a'}", "{}",
	               "spec.immutable: Invalid value: null: field is immutable, it must stay 'a'");
	assert_changes("{}", "{'immutable':'a'}",
	               "spec.immutable: Invalid value: 'a': field is immutable, it must stay unset");
	assert_changes("{'immutable':null}", "{}", "");
	assert_changes("{}", "{'once':'a'}", "");
	assert_changes("{'once':null}", "{'once':'a'}", "");
	assert_changes("{'once':'a'}", "{'once':'a'}", "");
	assert_changes("{'once':'a'}", "{'once':'b'}",
	               "spec.once: Invalid value: 'b': field is immutable, it must stay 'a'");
	assert_changes("{'once':'a'}", "{}", "spec.once: Invalid value: null: field is immutable, it must stay 'a'");
	assert_changes("{'fixed':{'mode':'Fast','enabled':true}}", "{'fixed':{'enabled':true,'mode':'Fast'}}", "");
	assert_changes("{'fixed':{'mode':'Fast'}}", "{'fixed':{'mode':'Slow'}}",
	               "spec.fixed: Invalid value: {'mode':'Slow'}: field is immutable, it must stay {'mode':'Fast'}");
	assert_changes("{'fixed':{}}", "{}", "spec.fixed: Invalid value: null: field is immutable, it must stay {}");
}

/* Elements of a list that are told apart by a key are the same element wherever they stand. */
static void forbids_changes_within_lists(void **state) {
	(void)state;
	assert_changes("{'parts':[{'name':'a','fixed':'x'},{'name':'b'}]}",
	               "{'parts':[{'name':'b'},{'name':'a','fixed':'x'}]}", "");
	assert_changes("{'parts':[{'name':'a','fixed':'x'},{'name':'b'}]}",
	               "{'parts':[{'name':'b'},{'name':'a','fixed':'y'}]}",
	               "spec.parts[1].fixed: Invalid value: 'y': field is immutable, it must stay 'x'");
	assert_changes("{'parts':[{'name':'a','fixed':'x'}]}", "{'parts':[{'name':'c','fixed':'y'}]}", "");
	assert_changes("{'parts':[{'name':'a','fixed':'x'},5,{}]}", "{'parts':[null,5,{},{'name':'a'}]}",
	               "spec.parts[3].fixed: Invalid value: null: field is immutable, it must stay 'x'");
	assert_changes("{'parts':{}}", "{'parts':[{'name':'a'}]}", "");
	assert_changes("{}", "{'parts':[{'name':'a','fixed':'x'}]}", "");
}

/* ---- Judging ---- */

static void assert_judged(const char *old_text, const char *new_text, enum operation operation, const char *expected) {
	cleanup_json struct json_object *old_json = old_text != NULL ? parse(old_text) : NULL;
	cleanup_json struct json_object *new_json = new_text != NULL ? parse(new_text) : NULL;
	const struct judgement judgement = {
		.kind = &all_kind,
		.operation = operation,
		.object = new_json,
		.old_object = old_json,
		.lookup = &lookup_offline,
	};
	cleanup_findings struct findings findings = { 0 };
	kind_judge(&judgement, &findings);
	cleanup_free char *got = findings_text(&findings);
	assert_string_equal(got, expected);
}

static void judges(void **state) {
	(void)state;
	assert_judged(NULL, "{'spec':{}}", OPERATION_CREATE, "spec: Forbidden: rule ran");
	assert_judged(NULL, "{'spec':{'count':0}}", OPERATION_CREATE,
	              "spec.count: Invalid value: 0: must be between 1 and 9, inclusive\nspec: Forbidden: rule ran");
	/* What was stored is not judged again, and a write that leaves spec alone is never refused. */
	assert_judged("{'spec':{'count':0}}", "{'spec':{'count':0},'status':{'x':1}}", OPERATION_UPDATE, "");
	assert_judged("{'spec':{'count':0}}", "{'metadata':{'labels':{'a':'b'}},'spec':{'count':0}}", OPERATION_UPDATE,
	              "");
	assert_judged("{'spec':{'count':0,'immutable':'a'}}", "{'spec':{'count':1,'immutable':'b'}}", OPERATION_UPDATE,
	              "spec.immutable: Invalid value: \"b\": field is immutable, it must stay \"a\"\nspec: Forbidden: "
	              "rule ran");
	assert_judged("{'spec':{}}", NULL, OPERATION_DELETE, "");
	/* Objects that are no objects at all. */
	assert_judged(NULL, "{'spec':5}", OPERATION_CREATE,
	              "spec: Invalid value: 5: must be of type object\nspec: Forbidden: rule ran");
	assert_judged("{'spec':{}}", "{'spec':5}", OPERATION_UPDATE,
	              "spec: Invalid value: 5: must be of type object\nspec: Forbidden: rule ran");
}

/* ---- The structural schema (apiextensions-apiserver, pkg/apiserver/schema/validation.go) ---- */

static bool is_one_of(const char *text, const char *const *words) {
	for (; *words != NULL; words++) {
		if (strcmp(*words, text) == 0) return true;
	}
	return false;
}

static bool has_text(const struct json_object *array, const char *text) {
	size_t count = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(json_object_get_string(json_object_array_get_idx(array, i)), text) == 0) return true;
	}
	return false;
}

/* Whether `value` is valid under `schema`, as far as defaults need it. */
static bool is_valid(const struct json_object *schema, const struct json_object *value) {
	if (value == NULL) return json_get_flag(schema, "nullable", false);
	const char *type = json_get_text(schema, "type");
	if (type == NULL)
		return json_object_is_type(value, json_type_int) || json_object_is_type(value, json_type_string);
	if (strcmp(type, "string") == 0) {
		if (!json_object_is_type(value, json_type_string)) return false;
		struct json_object *values = json_get(schema, "enum");
		return values == NULL || has_text(values, json_object_get_string((struct json_object *)value));
	}
	if (strcmp(type, "boolean") == 0) return json_object_is_type(value, json_type_boolean);
	if (strcmp(type, "integer") == 0) {
		return json_object_is_type(value, json_type_int) &&
		       json_object_get_int64(value) >= json_get_integer(schema, "minimum", INT64_MIN) &&
		       json_object_get_int64(value) <= json_get_integer(schema, "maximum", INT64_MAX);
	}
	if (strcmp(type, "array") == 0) {
		if (!json_object_is_type(value, json_type_array)) return false;
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (!is_valid(json_get(schema, "items"), json_object_array_get_idx(value, i))) return false;
		}
		return true;
	}
	if (strcmp(type, "object") != 0 || !json_object_is_type(value, json_type_object)) return false;
	json_object_object_foreach((struct json_object *)value, key, member) {
		struct json_object *property = json_get(json_get(schema, "properties"), key);
		if (property == NULL) property = json_get(schema, "additionalProperties");
		/* A default must survive pruning. */
		if (property == NULL || !is_valid(property, member)) return false;
	}
	return true;
}

static const char *const keywords[] = {
	"type",
	"description",
	"properties",
	"required",
	"items",
	"additionalProperties",
	"default",
	"nullable",
	"enum",
	"pattern",
	"format",
	"minimum",
	"maximum",
	"minLength",
	"maxLength",
	"minItems",
	"maxItems",
	"x-kubernetes-preserve-unknown-fields",
	"x-kubernetes-list-type",
	"x-kubernetes-list-map-keys",
	"x-kubernetes-map-type",
	"x-kubernetes-embedded-resource",
	NULL,
};
static const char *const types[] = { "object", "array", "string", "integer", "boolean", "number", NULL };

static void assert_structural(const char *path, const struct json_object *schema, bool is_root) {
	assert_true(json_object_is_type(schema, json_type_object));
	json_object_object_foreach((struct json_object *)schema, keyword, ignored) {
		(void)ignored;
		if (!is_one_of(keyword, keywords))
			fail_msg("%s: %s is no keyword of structural schemas", path, keyword);
	}
	const char *type = json_get_text(schema, "type");
	/* Without a type only where anything is kept (integer or string, which old servers cannot be told). */
	if (type == NULL) {
		cleanup_free char *text = json_to_text(schema);
		if (!json_get_flag(schema, "x-kubernetes-preserve-unknown-fields", false) ||
		    json_get(schema, "properties") != NULL)
			fail_msg("%s: no type: %s", path, text);
	} else if (!is_one_of(type, types)) {
		fail_msg("%s: type %s", path, type);
	}
	if (is_root) assert_string_equal(type, "object");
	struct json_object *properties = json_get(schema, "properties");
	struct json_object *additional = json_get(schema, "additionalProperties");
	struct json_object *items = json_get(schema, "items");
	if (properties != NULL && additional != NULL) fail_msg("%s: properties beside additionalProperties", path);
	if ((properties != NULL || additional != NULL) && strcmp(type, "object") != 0) fail_msg("%s: no object", path);
	if ((items != NULL) != (type != NULL && strcmp(type, "array") == 0)) fail_msg("%s: items", path);
	if (properties != NULL) {
		json_object_object_foreach(properties, name, property) {
			cleanup_free char *below = xasprintf("%s.%s", path, name);
			if (is_root && strcmp(name, "metadata") == 0) {
				/* "must not specify anything other than name and generateName" */
				cleanup_free char *text = json_to_text(property);
				assert_string_equal(text, "{\"type\":\"object\"}");
				continue;
			}
			assert_structural(below, property, false);
		}
	}
	struct json_object *required = json_get(schema, "required");
	if (required != NULL) {
		assert_true(json_object_array_length(required) > 0);
		for (size_t i = 0; i < json_object_array_length(required); i++) {
			assert_non_null(
			        json_get(properties, json_object_get_string(json_object_array_get_idx(required, i))));
		}
	}
	if (additional != NULL) {
		cleanup_free char *below = xasprintf("%s.*", path);
		assert_structural(below, additional, false);
	}
	if (items != NULL) {
		cleanup_free char *below = xasprintf("%s[]", path);
		assert_structural(below, items, false);
	}
	const char *list_type = json_get_text(schema, "x-kubernetes-list-type");
	struct json_object *keys = json_get(schema, "x-kubernetes-list-map-keys");
	assert_int_equal(keys != NULL, list_type != NULL && strcmp(list_type, "map") == 0);
	if (keys != NULL) {
		assert_string_equal(json_get_text(items, "type"), "object");
		for (size_t i = 0; i < json_object_array_length(keys); i++) {
			const char *key = json_object_get_string(json_object_array_get_idx(keys, i));
			struct json_object *property = json_get(json_get(items, "properties"), key);
			if (property == NULL) fail_msg("%s: list-map-key %s is no property", path, key);
			/* ValidateListsAndMaps: keys are required or have a default. */
			if (!has_text(json_get(items, "required"), key) && json_get(property, "default") == NULL) {
				fail_msg("%s: list-map-key %s is neither required nor defaulted", path, key);
			}
		}
	}
	if (list_type != NULL && strcmp(list_type, "set") == 0) {
		const char *item_type = json_get_text(items, "type");
		if (strcmp(item_type, "object") == 0 || strcmp(item_type, "array") == 0)
			fail_msg("%s: a set of %s", path, item_type);
	}
	if (json_get(schema, "default") != NULL && !is_valid(schema, json_get(schema, "default"))) {
		cleanup_free char *value = json_to_text(json_get(schema, "default"));
		fail_msg("%s: default %s is not valid", path, value);
	}
}

static struct json_object *at_property(struct json_object *schema, const char *name) {
	return json_get_path(schema, "properties", "spec", "properties", name, NULL);
}

static void assert_property(struct json_object *schema, const char *name, const char *expected) {
	cleanup_free char *text = json_to_text(at_property(schema, name));
	cleanup_free char *wanted = xstrdup(expected);
	for (char *p = wanted; *p != '\0'; p++) {
		if (*p == '\'') *p = '"';
	}
	assert_string_equal(text, wanted);
}

static void prints_a_structural_schema(void **state) {
	(void)state;
	cleanup_json struct json_object *schema = schema_to_openapi(&object_schema);
	assert_structural("", schema, true);
	assert_property(schema, "choice", "{'type':'string','enum':['One','Two'],'default':'One'}");
	assert_property(schema, "label", "{'type':'string','minLength':1,'maxLength':8,'pattern':'^[a-z]+$'}");
	assert_property(schema, "count", "{'type':'integer','format':'int64','minimum':1,'maximum':9,'default':3}");
	assert_property(schema, "atMost", "{'type':'integer','format':'int64','maximum':-10}");
	assert_property(schema, "flag", "{'type':'boolean','default':false}");
	assert_property(schema, "time", "{'type':'string','format':'date-time'}");
	assert_property(schema, "set",
	                "{'type':'array','minItems':1,'maxItems':3,'items':{'type':'string','pattern':'^[a-z]+$'},"
	                "'x-kubernetes-list-type':'set'}");
	assert_property(schema, "raw", "{'type':'object','x-kubernetes-preserve-unknown-fields':true}");
	assert_property(schema, "nullable", "{'type':'string','nullable':true,'default':'x'}");
	assert_property(schema, "kept",
	                "{'type':'object','properties':{'known':{'type':'string'}},'x-kubernetes-preserve-unknown-"
	                "fields':true}");
	assert_property(schema, "labels", "{'type':'object','additionalProperties':{'type':'string','maxLength':3}}");
	cleanup_free char *required = json_to_text(json_get(schema, "required"));
	assert_string_equal(required, "[\"spec\"]");
	assert_string_equal(json_get_text(json_get_path(schema, "properties", "spec", NULL), "description"),
	                    "What is wanted. All of it.");
	assert_string_equal(json_get_text(at_property(schema, "made"), "description"), "Inner.");
}

/* The real kinds stand by the same rules, in the CRDs as they are printed. */
static void prints_structural_crds(void **state) {
	(void)state;
	cleanup_strbuf struct strbuf yaml = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(kinds_print_crds(&yaml, &err), 0);
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	if (yaml_parse(strbuf_text(&yaml), yaml.length, &stream, &err) < 0) fail_msg("%s", err->message);
	size_t versions_seen = 0;
	for (size_t i = 0; i < stream.count; i++) {
		struct json_object *crd = stream.documents[i].json;
		const char *name = json_get_text(json_get(crd, "metadata"), "name");
		struct json_object *versions = json_get_path(crd, "spec", "versions", NULL);
		size_t storage = 0;
		for (size_t j = 0; j < json_object_array_length(versions); j++) {
			struct json_object *version = json_object_array_get_idx(versions, j);
			assert_structural(name, json_get_path(version, "schema", "openAPIV3Schema", NULL), true);
			storage += json_get_flag(version, "storage", false);
			versions_seen++;
		}
		assert_int_equal(storage, 1);
	}
	size_t kinds = 0;
	while (all_kinds[kinds] != NULL) kinds++;
	assert_int_equal(versions_seen, kinds);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_every_type),
		cmocka_unit_test(absent_is_absent),
		cmocka_unit_test(finds_rows_in_any_order),
		cmocka_unit_test(reports_wrong_types),
		cmocka_unit_test(reports_bounds),
		cmocka_unit_test(reports_values_and_formats),
		cmocka_unit_test(reports_required),
		cmocka_unit_test(reports_duplicates),
		cmocka_unit_test(reports_unknown_fields),
		cmocka_unit_test(survives_huge_lists),
		cmocka_unit_test(cuts_long_values),
		cmocka_unit_test(keeps_so_many_findings_and_counts_the_rest),
		cmocka_unit_test(writes_paths),
		cmocka_unit_test(sets_defaults),
		cmocka_unit_test(sets_single_members),
		cmocka_unit_test(forbids_changes),
		cmocka_unit_test(forbids_changes_within_lists),
		cmocka_unit_test(judges),
		cmocka_unit_test(prints_a_structural_schema),
		cmocka_unit_test(prints_structural_crds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
