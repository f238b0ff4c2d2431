/* A kind made for the tests of the webhook: they speak of reviews, not of SQL Server's rules. Defining all_kinds here
 * takes the place of the real list. */
#ifndef AGKEEPER_TEST_WEBHOOK_WIDGET_H
#define AGKEEPER_TEST_WEBHOOK_WIDGET_H

#include <stdlib.h>
#include <string.h>

#include "api/kind.h"
#include "base/json.h"

struct widget_spec {
	struct opt_int size;
	const char *color;
	const char *version;
};
struct widget {
	const char *api_version;
	const char *kind;
	const struct object_meta *metadata;
	const struct widget_spec *spec;
};
static const struct field widget_spec_fields[] = {
	{ MEMBER(struct widget_spec, "size", size), .type = FIELD_INT, BOUNDS(1, 9), .flags = FIELD_REQUIRED },
	{ MEMBER(struct widget_spec, "color", color), .type = FIELD_STRING, .default_text = "blue" },
	{ MEMBER(struct widget_spec, "version", version), .type = FIELD_STRING },
	{ 0 },
};
static const struct schema widget_spec_schema = { .size = sizeof(struct widget_spec), .fields = widget_spec_fields };
static const struct field widget_fields[] = {
	{ MEMBER(struct widget, "apiVersion", api_version), .type = FIELD_STRING },
	{ MEMBER(struct widget, "kind", kind), .type = FIELD_STRING },
	{ MEMBER(struct widget, "metadata", metadata), .type = FIELD_OBJECT, .schema = &object_meta_schema },
	{ MEMBER(struct widget, "spec", spec), .type = FIELD_OBJECT, .schema = &widget_spec_schema,
	  .flags = FIELD_REQUIRED },
	{ 0 },
};
static const struct schema widget_schema = { .size = sizeof(struct widget), .fields = widget_fields };

static void widget_color(const struct rule_input *input, struct findings *findings) {
	const struct widget *widget = input->object;
	if (widget->spec == NULL || widget->spec->color == NULL) return;
	if (strcmp(widget->spec->color, "red") == 0) {
		finding_invalid(findings, "spec.color", "red", "must not be red");
	}
	if (strcmp(widget->spec->color, "gray") == 0) warn(findings, "spec.color: gray is dull");
	if (strcmp(widget->spec->color, "long") == 0) {
		warn(findings, "%0300d", 0);
		char text[304] = "";
		while (strlen(text) < 300) strcat(text, "\xc3\xa9");
		warn(findings, "%s", text);
	}
	if (strcmp(widget->spec->color, "echo") == 0) {
		warn(findings, "user %s, own user %s", input->user != NULL ? input->user : "nobody",
		     input->own_user != NULL ? input->own_user : "unknown");
	}
}
/* Looks the version up: what a rule across objects does. */
static void widget_version(const struct rule_input *input, struct findings *findings) {
	const struct widget *widget = input->object;
	if (widget->spec == NULL || widget->spec->version == NULL) return;
	const struct json_object *found = NULL;
	switch (input->lookup->get(input->lookup->context, LOOKUP_MSSQLSERVERVERSION, NULL, widget->spec->version,
	                           &found, findings)) {
	case LOOKUP_FOUND:
	case LOOKUP_FAILED: return;
	case LOOKUP_OFFLINE: warn(findings, "spec.version: not checked"); return;
	case LOOKUP_ABSENT:
		finding_not_found(findings, "spec.version", widget->spec->version, "no such version");
		return;
	}
}
static void widget_delete(const struct rule_input *input, struct findings *findings) {
	const struct widget *widget = input->old_object;
	if (widget->spec != NULL && widget->spec->color != NULL && strcmp(widget->spec->color, "gold") == 0) {
		finding_forbidden(findings, "spec.color", "gold stays");
	}
}
static const struct rule widget_rules[] = {
	{ "color", OPERATION_CREATE | OPERATION_UPDATE, widget_color, "" },
	{ "version", OPERATION_CREATE | OPERATION_UPDATE, widget_version, "" },
	{ "delete", OPERATION_DELETE, widget_delete, "" },
	{ 0 },
};

static int widget_to_storage(struct json_object *object, struct error **err) {
	struct json_object *spec = json_get(object, "spec");
	if (strcmp(json_get_text(json_get(object, "metadata"), "name"), "stubborn") == 0) {
		return error_set(err, ERROR_INVALID, "spec.color: cannot be converted");
	}
	json_set_text(spec, "color", "converted");
	return 0;
}
static int widget_from_storage(struct json_object *object, struct error **err) {
	(void)err;
	json_object_object_del(json_get(object, "spec"), "color");
	return 0;
}

static const struct kind widget_v1 = { .group = "test.io",
	                               .version = "v1",
	                               .name = "Widget",
	                               .plural = "widgets",
	                               .storage = true,
	                               .schema = &widget_schema,
	                               .rules = widget_rules };
static const struct kind widget_v2 = { .group = "test.io",
	                               .version = "v2",
	                               .name = "Widget",
	                               .plural = "widgets",
	                               .schema = &widget_schema,
	                               .rules = widget_rules,
	                               .to_storage = widget_to_storage,
	                               .from_storage = widget_from_storage };
const struct kind *const all_kinds[] = { &widget_v1, &widget_v2, NULL };

#define WIDGET(spec_)                                                                          \
	"{\"apiVersion\":\"test.io/"                                                           \
	"v1\",\"kind\":\"Widget\",\"metadata\":{\"name\":\"w\",\"namespace\":\"n\"},\"spec\":" \
	"{" spec_ "}}"
/* The request of an AdmissionReview: everything behind the operation is up to the test. */
#define REVIEW(operation_, rest_)                                                                                      \
	"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u-1\",\"kind\":{" \
	"\"group\":\"test.io\",\"version\":\"v1\",\"kind\":\"Widget\"},\"name\":\"w\",\"namespace\":\"n\","            \
	"\"userInfo\":{\"username\":\"eve\"},\"operation\":\"" operation_ "\"," rest_ "}}"
#define CREATE(spec_) REVIEW("CREATE", "\"object\":" WIDGET(spec_))
#define RESPONSE(rest_) \
	"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":\"u-1\"," rest_ "}}"

#endif
