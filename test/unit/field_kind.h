/* A made-up kind with every type and flag, for tests of the engine of the field tables. */
#ifndef TEST_UNIT_FIELD_KIND_H
#define TEST_UNIT_FIELD_KIND_H
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

/* Each test uses what it needs. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-const-variable"

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

#endif
