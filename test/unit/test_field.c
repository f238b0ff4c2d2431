/* The engine of the field tables: decoding, and what it finds. */
#include "field_kind.h"

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
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
