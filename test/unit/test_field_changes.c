/* The engine of the field tables: defaults as a JSON patch, changes that are forbidden, and both with the rules. */
#include "field_kind.h"

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sets_defaults),   cmocka_unit_test(sets_single_members),
		cmocka_unit_test(forbids_changes), cmocka_unit_test(forbids_changes_within_lists),
		cmocka_unit_test(judges),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
