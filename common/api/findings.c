#include "api/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* The first words and the reason of each type, as k8s.io/apimachinery has them (field.ErrorType). */
static const struct finding_words {
	const char *words;
	const char *reason;
	bool shows_value;
} words_of[] = {
	[FINDING_INVALID] = { "Invalid value", "FieldValueInvalid", true },
	[FINDING_REQUIRED] = { "Required value", "FieldValueRequired", false },
	[FINDING_NOT_SUPPORTED] = { "Unsupported value", "FieldValueNotSupported", true },
	[FINDING_FORBIDDEN] = { "Forbidden", "FieldValueForbidden", false },
	[FINDING_DUPLICATE] = { "Duplicate value", "FieldValueDuplicate", true },
	[FINDING_NOT_FOUND] = { "Not found", "FieldValueNotFound", true },
	[FINDING_TYPE] = { "Invalid value", "FieldValueTypeInvalid", true },
};

/* A value longer than this is cut in the message: the user knows what they wrote. */
enum { SHOWN_VALUE_MAX = 200 };

void findings_free(struct findings *findings) {
	arena_free(&findings->arena);
	free(findings->items);
	free(findings->warnings);
	free(findings->failure);
	*findings = (struct findings){ 0 };
}

static const char *vformat(struct findings *findings, const char *format, va_list args) {
	cleanup_free char *text = xvasprintf(format, args);
	return arena_strdup(&findings->arena, text);
}

const char *at(struct findings *findings, const char *format, ...) {
	va_list args;
	va_start(args, format);
	const char *path = vformat(findings, format, args);
	va_end(args);
	return path;
}

/* `shown` is how the value reads in the message, quotes included; NULL where the type shows none. */
static void add(struct findings *findings, enum finding_type type, const char *path, const char *shown,
                const char *detail) {
	if (findings->count == FINDINGS_MAX) {
		findings->omitted++;
		return;
	}
	if (findings->count == findings->capacity) {
		findings->capacity = findings->capacity != 0 ? findings->capacity * 2 : 8;
		findings->items = xreallocarray(findings->items, findings->capacity, sizeof(*findings->items));
	}
	const struct finding_words *words = &words_of[type];
	cleanup_strbuf struct strbuf body = { 0 };
	strbuf_append(&body, words->words);
	if (words->shows_value && shown != NULL) {
		size_t length = strlen(shown);
		strbuf_append(&body, ": ");
		if (length <= SHOWN_VALUE_MAX) {
			strbuf_append(&body, shown);
		} else {
			/* Not in the middle of a UTF-8 character. */
			size_t cut = SHOWN_VALUE_MAX;
			while (cut > 0 && ((unsigned char)shown[cut] & 0xC0U) == 0x80U) cut--;
			strbuf_append_n(&body, shown, cut);
			strbuf_append(&body, "…");
		}
	}
	if (detail != NULL && *detail != '\0') {
		strbuf_append(&body, ": ");
		strbuf_append(&body, detail);
	}
	findings->items[findings->count++] = (struct finding){
		.type = type,
		.rule = findings->rule != NULL ? findings->rule : "schema",
		.path = arena_strdup(&findings->arena, path),
		.reason = words->reason,
		.body = arena_strdup(&findings->arena, strbuf_text(&body)),
	};
}

static void add_quoted(struct findings *findings, enum finding_type type, const char *path, const char *value,
                       const char *detail) {
	cleanup_strbuf struct strbuf shown = { 0 };
	strbuf_append_json(&shown, value != NULL ? value : "");
	add(findings, type, path, shown.data, detail);
}

/* Formats the detail that ends in `...` into `name`, valid within the function. */
#define FORMAT_DETAIL(name, format)                          \
	va_list args_;                                       \
	va_start(args_, format);                             \
	cleanup_free char *name = xvasprintf(format, args_); \
	va_end(args_)

void finding_invalid(struct findings *findings, const char *path, const char *value, const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	add_quoted(findings, FINDING_INVALID, path, value, text);
}

void finding_invalid_int(struct findings *findings, const char *path, long long value, const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	char shown[24];
	snprintf(shown, sizeof(shown), "%lld", value);
	add(findings, FINDING_INVALID, path, shown, text);
}

void finding_invalid_json(struct findings *findings, const char *path, const struct json_object *value,
                          const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	cleanup_free char *shown = json_to_text(value);
	add(findings, FINDING_INVALID, path, shown, text);
}

void finding_wrong_type(struct findings *findings, const char *path, const struct json_object *value,
                        const char *type) {
	cleanup_free char *shown = json_to_text(value);
	cleanup_free char *detail = xasprintf("must be of type %s", type);
	add(findings, FINDING_TYPE, path, shown, detail);
}

void finding_required(struct findings *findings, const char *path, const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	add(findings, FINDING_REQUIRED, path, NULL, text);
}

void finding_forbidden(struct findings *findings, const char *path, const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	add(findings, FINDING_FORBIDDEN, path, NULL, text);
}

void finding_duplicate(struct findings *findings, const char *path, const char *value) {
	add_quoted(findings, FINDING_DUPLICATE, path, value, NULL);
}

void finding_not_found(struct findings *findings, const char *path, const char *value, const char *detail, ...) {
	FORMAT_DETAIL(text, detail);
	add_quoted(findings, FINDING_NOT_FOUND, path, value, text);
}

void finding_not_supported(struct findings *findings, const char *path, const char *value,
                           const char *const *supported) {
	cleanup_strbuf struct strbuf detail = { 0 };
	strbuf_append(&detail, "supported values: ");
	for (const char *const *word = supported; *word != NULL; word++) {
		if (word != supported) strbuf_append(&detail, ", ");
		strbuf_append_json(&detail, *word);
	}
	add_quoted(findings, FINDING_NOT_SUPPORTED, path, value, detail.data);
}

void finding_not_supported_because(struct findings *findings, const char *path, const char *value, const char *detail,
                                   ...) {
	FORMAT_DETAIL(text, detail);
	add_quoted(findings, FINDING_NOT_SUPPORTED, path, value, text);
}

void warn(struct findings *findings, const char *format, ...) {
	va_list args;
	va_start(args, format);
	const char *text = vformat(findings, format, args);
	va_end(args);
	findings->warnings =
	        xreallocarray(findings->warnings, findings->warning_count + 1, sizeof(*findings->warnings));
	findings->warnings[findings->warning_count++] = text;
}
