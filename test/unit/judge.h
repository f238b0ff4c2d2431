/* Tables of judgements: each case changes a good object a little and says what admission must answer. */
#ifndef TEST_UNIT_JUDGE_H
#define TEST_UNIT_JUDGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <json-c/json_pointer.h>

#include "api/kind.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"

/* Cases say what they need and leave out the rest, and so do tests of what is here. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#pragma GCC diagnostic ignored "-Wunused-function"

struct judge_case {
	const char *rule; /* the rule under test; "schema" and "immutable" are the table's */
	const char *name;
	const char *change;       /* YAML merge patch (RFC 7386) on the base, or on the old object; NULL: none */
	const char *old;          /* the same for the old object; given: the operation is an update */
	enum operation operation; /* 0: create, or update where old is given */
	const char *cluster;      /* YAML documents that lookups find; NULL: the table's own */
	enum lookup_result
	        asked; /* LOOKUP_OFFLINE, LOOKUP_FAILED: what every lookup answers; 0: the cluster's answer */
	/* What must come of it; all NULL: admitted, and the rule has nothing to say. */
	const char *path;
	const char *body;
	const char *warning;    /* exact */
	const char *no_warning; /* how none may start */
	size_t count;           /* of findings in all; 0: one, if there is a path */
};

struct judge_table {
	const struct kind *kind;
	const char *base; /* YAML of an object that is admitted */
	const char *cluster;
	const struct judge_case *cases;
	size_t count;
};

static struct json_object *judge_yaml(const char *text) {
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	cleanup_error struct error *err = NULL;
	if (yaml_parse(text, strlen(text), &stream, &err) < 0) fail_msg("%s in:\n%s", err->message, text);
	assert_int_equal(stream.count, 1);
	return json_object_get(stream.documents[0].json);
}

/* RFC 7386; `target` is changed in place unless it is no object. */
static struct json_object *judge_merge(struct json_object *target, struct json_object *patch) {
	if (!json_object_is_type(patch, json_type_object)) {
		json_object_put(target);
		return json_copy(patch);
	}
	if (!json_object_is_type(target, json_type_object)) {
		json_object_put(target);
		target = json_object_new_object();
	}
	json_object_object_foreach(patch, key, value) {
		if (value == NULL) {
			json_object_object_del(target, key);
			continue;
		}
		struct json_object *old = NULL;
		json_object_object_get_ex(target, key, &old);
		json_set(target, key, judge_merge(json_object_get(old), value));
	}
	return target;
}

static struct json_object *judge_change(const struct json_object *object, const char *change) {
	struct json_object *copy = json_copy(object);
	if (change == NULL) return copy;
	cleanup_json struct json_object *patch = judge_yaml(change);
	return judge_merge(copy, patch);
}

/* ---- A cluster made of YAML ---- */

struct judge_cluster {
	struct yaml_stream objects;
	enum lookup_result asked;
};

static bool judge_is_of(const struct json_object *object, enum lookup_resource resource, const char *namespace) {
	static const char *const kinds[] = {
		[LOOKUP_MSSQLSERVER] = "MSSQLServer",
		[LOOKUP_MSSQLSERVERVERSION] = "MSSQLServerVersion",
		[LOOKUP_MSSQLSERVEROPSREQUEST] = "MSSQLServerOpsRequest",
		[LOOKUP_STORAGECLASS] = "StorageClass",
	};
	if (object == NULL || strcmp(json_get_text(object, "kind"), kinds[resource]) != 0) return false;
	const char *own = json_get_text(json_get(object, "metadata"), "namespace");
	return namespace == NULL || (own != NULL && strcmp(own, namespace) == 0);
}

static enum lookup_result judge_answer(const struct judge_cluster *cluster, enum lookup_result otherwise,
                                       struct findings *findings) {
	if (cluster->asked == 0) return otherwise;
	if (cluster->asked == LOOKUP_FAILED && findings->failure == NULL)
		findings->failure = xstrdup("the API is away");
	return cluster->asked;
}

static enum lookup_result judge_get(void *context, enum lookup_resource resource, const char *namespace,
                                    const char *name, const struct json_object **object, struct findings *findings) {
	struct judge_cluster *cluster = context;
	*object = NULL;
	if (cluster->asked != 0) return judge_answer(cluster, 0, findings);
	for (size_t i = 0; i < cluster->objects.count; i++) {
		const struct json_object *candidate = cluster->objects.documents[i].json;
		if (!judge_is_of(candidate, resource, namespace)) continue;
		if (strcmp(json_get_text(json_get(candidate, "metadata"), "name"), name) != 0) continue;
		*object = candidate;
		return LOOKUP_FOUND;
	}
	return LOOKUP_ABSENT;
}

static enum lookup_result judge_list(void *context, enum lookup_resource resource, const char *namespace,
                                     void (*visit)(void *visitor, const struct json_object *object), void *visitor,
                                     struct findings *findings) {
	struct judge_cluster *cluster = context;
	if (cluster->asked != 0) return judge_answer(cluster, 0, findings);
	for (size_t i = 0; i < cluster->objects.count; i++) {
		const struct json_object *candidate = cluster->objects.documents[i].json;
		if (judge_is_of(candidate, resource, namespace)) visit(visitor, candidate);
	}
	return LOOKUP_FOUND;
}

/* ---- Cases ---- */

static void judge_print(const struct findings *findings) {
	for (size_t i = 0; i < findings->count; i++) {
		fprintf(stderr, "  [%s] %s: %s\n", findings->items[i].rule, findings->items[i].path,
		        findings->items[i].body);
	}
	for (size_t i = 0; i < findings->warning_count; i++) fprintf(stderr, "  warning: %s\n", findings->warnings[i]);
}

static bool judge_has_finding(const struct judge_case *test, const struct findings *findings) {
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->items[i];
		if (strcmp(finding->rule, test->rule) == 0 && strcmp(finding->path, test->path) == 0 &&
		    strcmp(finding->body, test->body) == 0) {
			return true;
		}
	}
	return false;
}

static const char *judge_complaint(const struct judge_case *test, const struct findings *findings) {
	size_t expected = test->count != 0 ? test->count : test->path != NULL;
	if (test->path != NULL && !judge_has_finding(test, findings)) return "the finding is missing";
	if (findings->count != expected) return "there are more findings, or fewer";
	bool is_warned = false;
	for (size_t i = 0; i < findings->warning_count; i++) {
		const char *warning = findings->warnings[i];
		/* kubectl shows no more of one warning. */
		if (strlen(warning) > 256) return "a warning is too long";
		if (test->warning != NULL && strcmp(warning, test->warning) == 0) is_warned = true;
		if (test->no_warning != NULL && strncmp(warning, test->no_warning, strlen(test->no_warning)) == 0)
			return "there is a warning that should not be";
	}
	if (test->warning != NULL && !is_warned) return "the warning is missing";
	if ((test->asked == LOOKUP_FAILED) != (findings->failure != NULL) && test->warning == NULL &&
	    test->no_warning == NULL)
		return "a failed lookup was passed over, or there was none";
	return NULL;
}

static bool judge_one(const struct judge_table *table, const struct judge_case *test) {
	cleanup_json struct json_object *base = judge_yaml(table->base);
	cleanup_json struct json_object *old_object = NULL;
	cleanup_json struct json_object *object = NULL;
	enum operation operation = test->operation;
	if (operation == 0) operation = test->old != NULL ? OPERATION_UPDATE : OPERATION_CREATE;
	if (operation != OPERATION_CREATE) {
		old_object = judge_change(base, test->old);
		kind_set_defaults(table->kind, old_object, NULL);
	}
	if (operation != OPERATION_DELETE) {
		object = judge_change(old_object != NULL ? old_object : base, test->change);
		kind_set_defaults(table->kind, object, NULL);
	}
	struct judge_cluster cluster = { .asked = test->asked };
	const char *objects = test->cluster != NULL ? test->cluster : table->cluster;
	cleanup_error struct error *err = NULL;
	if (objects != NULL && yaml_parse(objects, strlen(objects), &cluster.objects, &err) < 0)
		fail_msg("%s: %s", test->name, err->message);
	struct lookup lookup = { .context = &cluster, .get = judge_get, .list = judge_list };
	cleanup_findings struct findings findings = { 0 };
	kind_judge(&(struct judgement){ .kind = table->kind,
	                                .operation = operation,
	                                .object = object,
	                                .old_object = old_object,
	                                .lookup = &lookup,
	                                .unknown = UNKNOWN_REPORT },
	           &findings);
	const char *complaint = judge_complaint(test, &findings);
	yaml_stream_free(&cluster.objects);
	if (complaint == NULL) return true;
	fprintf(stderr, "%s, %s: %s\n  wanted: %s: %s\n  warning: %s\n  got:\n", test->rule, test->name, complaint,
	        test->path != NULL ? test->path : "-", test->body != NULL ? test->body : "-",
	        test->warning != NULL ? test->warning : "-");
	judge_print(&findings);
	return false;
}

static void judge_all(const struct judge_table *table) {
	size_t wrong = 0;
	for (size_t i = 0; i < table->count; i++) wrong += !judge_one(table, &table->cases[i]);
	assert_int_equal(wrong, 0);
}

/* Every rule of the kind has a case in which it fires and one in which it does not. */
static void judge_coverage(const struct judge_table *table) {
	for (const struct rule *rule = table->kind->rules; rule->name != NULL; rule++) {
		bool fires = false;
		bool passes = false;
		for (size_t i = 0; i < table->count; i++) {
			const struct judge_case *test = &table->cases[i];
			if (strcmp(test->rule, rule->name) != 0) continue;
			if (test->path != NULL || test->warning != NULL) fires = true;
			else passes = true;
		}
		if (!fires) fail_msg("no case shows rule %s firing", rule->name);
		if (!passes) fail_msg("no case shows rule %s passing", rule->name);
	}
	for (size_t i = 0; i < table->count; i++) {
		const char *name = table->cases[i].rule;
		if (strcmp(name, "schema") == 0 || strcmp(name, "immutable") == 0) continue;
		const struct rule *rule = table->kind->rules;
		while (rule->name != NULL && strcmp(rule->name, name) != 0) rule++;
		if (rule->name == NULL) fail_msg("there is no rule %s", name);
	}
}

/* ---- Defaults ---- */

/* Applies the operations of a JSON patch, all of them "add" to objects. */
static void judge_apply(struct json_object **object, const char *operations) {
	cleanup_free char *text = xasprintf("[%s]", operations);
	cleanup_json struct json_object *patch = NULL;
	cleanup_error struct error *err = NULL;
	assert_int_equal(json_parse(text, strlen(text), &patch, &err), 0);
	for (size_t i = 0; i < json_object_array_length(patch); i++) {
		const struct json_object *operation = json_object_array_get_idx(patch, i);
		assert_string_equal(json_get_text(operation, "op"), "add");
		struct json_object *value = json_object_get(json_get(operation, "value"));
		assert_int_equal(json_pointer_set(object, json_get_text(operation, "path"), value), 0);
	}
}

/* Defaulting `yaml` gives `expected`; the patch says the same as the object; a second time changes nothing. */
static void judge_defaults(const struct kind *kind, const char *yaml, const char *expected) {
	cleanup_json struct json_object *object = judge_yaml(yaml);
	cleanup_json struct json_object *wanted = judge_yaml(expected);
	cleanup_strbuf struct strbuf patch = { 0 };
	cleanup_json struct json_object *patched = json_copy(object);
	kind_set_defaults(kind, object, &patch);
	judge_apply(&patched, strbuf_text(&patch));
	assert_true(json_object_equal(object, patched));
	cleanup_free char *got = json_to_text(object);
	if (!json_object_equal(object, wanted)) {
		cleanup_free char *want = json_to_text(wanted);
		fail_msg("got  %s\nwant %s", got, want);
	}
	cleanup_strbuf struct strbuf again = { 0 };
	kind_set_defaults(kind, object, &again);
	assert_string_equal(strbuf_text(&again), "");
}

/* The document of the YAML file whose kind is `kind`, decoded, defaulted and judged without a cluster: not refused. */
static void judge_example(const struct kind *kind, const char *file) {
	cleanup_free char *path = xasprintf("%s/test/e2e/examples/%s", SOURCE_DIR, file);
	FILE *stream = fopen(path, "r");
	assert_non_null(stream);
	cleanup_strbuf struct strbuf text = { 0 };
	char *end = strbuf_reserve(&text, 65536);
	text.length = fread(end, 1, 65536, stream);
	fclose(stream);
	cleanup_yaml_stream struct yaml_stream yaml = { 0 };
	cleanup_error struct error *err = NULL;
	assert_int_equal(yaml_parse(text.data, text.length, &yaml, &err), 0);
	size_t judged = 0;
	for (size_t i = 0; i < yaml.count; i++) {
		struct json_object *object = yaml.documents[i].json;
		if (object == NULL || kind_of_object(object) != kind) continue;
		judged++;
		kind_set_defaults(kind, object, NULL);
		cleanup_findings struct findings findings = { 0 };
		kind_judge(&(struct judgement){ .kind = kind,
		                                .operation = OPERATION_CREATE,
		                                .object = object,
		                                .lookup = &lookup_offline,
		                                .unknown = UNKNOWN_REPORT },
		           &findings);
		if (findings.count != 0) judge_print(&findings);
		assert_int_equal(findings.count, 0);
		assert_null(findings.failure);
	}
	assert_true(judged > 0);
}

#endif
