/* What admission has to say about an object: findings that refuse it and warnings that do not.
 *
 * A finding is worded as kube-apiserver words its own (k8s.io/apimachinery, util/validation/field): a field path, a
 * type that fixes the first words and the machine-readable reason, the value, and what would be right. */
#ifndef AGKEEPER_API_FINDINGS_H
#define AGKEEPER_API_FINDINGS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "base/strbuf.h"

enum finding_type {
	FINDING_INVALID,       /* Invalid value: "…": detail           FieldValueInvalid */
	FINDING_REQUIRED,      /* Required value: detail               FieldValueRequired */
	FINDING_NOT_SUPPORTED, /* Unsupported value: "…": detail       FieldValueNotSupported */
	FINDING_FORBIDDEN,     /* Forbidden: detail                    FieldValueForbidden */
	FINDING_DUPLICATE,     /* Duplicate value: "…"                 FieldValueDuplicate */
	FINDING_NOT_FOUND,     /* Not found: "…": detail               FieldValueNotFound */
	FINDING_TYPE           /* Invalid value: "…": must be of type  FieldValueTypeInvalid */
};

struct finding {
	enum finding_type type;
	const char *rule;   /* which rule found it: a word for metrics, static */
	const char *path;   /* "spec.replicas[0].name" */
	const char *reason; /* "FieldValueInvalid": static */
	const char *body;   /* the sentence without the path: "Invalid value: \"x\": must be …" */
};

/* Findings kept at most; what comes beyond is counted. Nobody reads so many, and an object can be wrong in a million
 * places. */
enum { FINDINGS_MAX = 1000 };

/* Zero-initialise; findings_free when done. Texts live as long as the findings. */
struct findings {
	struct arena arena;
	struct finding *items;
	size_t count;
	size_t capacity;
	size_t omitted; /* findings beyond FINDINGS_MAX */
	const char **warnings;
	size_t warning_count;
	const char *rule; /* the rule that is running: what findings added now are counted under */
	char *failure; /* why the rules could not be judged (the API did not answer): the caller must refuse for now and
	                  say try again; NULL */
};
void findings_free(struct findings *findings);
#define cleanup_findings __attribute__((cleanup(findings_free)))

/* A field path: at(findings, "spec.replicas[%zu].name", i). Lives as long as the findings. */
const char *at(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds a finding. `value` is what the user wrote, shown quoted when it is text; the detail says what would be right. */
void finding_invalid(struct findings *findings, const char *path, const char *value, const char *detail, ...)
        __attribute__((format(printf, 4, 5)));
void finding_invalid_int(struct findings *findings, const char *path, long long value, const char *detail, ...)
        __attribute__((format(printf, 4, 5)));
/* As finding_invalid with any JSON value, shown as compact JSON (cut when long). */
void finding_invalid_json(struct findings *findings, const char *path, const struct json_object *value,
                          const char *detail, ...) __attribute__((format(printf, 4, 5)));
void finding_wrong_type(struct findings *findings, const char *path, const struct json_object *value, const char *type);
void finding_required(struct findings *findings, const char *path, const char *detail, ...)
        __attribute__((format(printf, 3, 4)));
void finding_forbidden(struct findings *findings, const char *path, const char *detail, ...)
        __attribute__((format(printf, 3, 4)));
void finding_duplicate(struct findings *findings, const char *path, const char *value);
void finding_not_found(struct findings *findings, const char *path, const char *value, const char *detail, ...)
        __attribute__((format(printf, 4, 5)));
/* `supported` ends with NULL and is listed in the order given. */
void finding_not_supported(struct findings *findings, const char *path, const char *value,
                           const char *const *supported);
/* As above, with a sentence of its own instead of the list. */
void finding_not_supported_because(struct findings *findings, const char *path, const char *value, const char *detail,
                                   ...) __attribute__((format(printf, 4, 5)));

/* Adds a warning: the request passes and kubectl prints the text. Keep it under 200 characters (kube cuts long ones).
 */
void warn(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
