/* MSSQLServer: what conversion remembers in an annotation becomes part of the object that is stored, so it obeys the
 * same rules. Without this, a v1 object could carry anything past them. */
#include <string.h>

#include "api/kinds.h"
#include "api/mssqlserver.h"
#include "api/mssqlserver_rules.h"
#include "base/json.h"

static const char memory_path[] = "metadata.annotations[" MSSQLSERVER_CONVERSION_ANNOTATION "]";

static const struct json_object *memory_of(const struct json_object *object) {
	return json_get(json_get_path(object, "metadata", "annotations", NULL), MSSQLSERVER_CONVERSION_ANNOTATION);
}

/* The object as it is stored, defaulted. The caller owns it; NULL, with a finding, when it cannot be converted. */
static struct json_object *stored_form(const struct json_object *object, struct findings *findings) {
	cleanup_json struct json_object *stored = json_copy(object);
	cleanup_error struct error *err = NULL;
	if (kind_convert(stored, "kubedb.com/v1alpha2", &err) != 0) {
		finding_forbidden(findings, memory_path, "%s", err->message);
		return NULL;
	}
	kind_set_defaults(&mssqlserver_kind_v1alpha2, stored, NULL);
	return take(&stored);
}

void mssqlserver_check_memory(const struct rule_input *input, struct findings *findings) {
	const struct json_object *memory = memory_of(input->json);
	if (input->kind != &mssqlserver_kind_v1 || memory == NULL || findings->count != 0) return;
	if (json_object_equal((struct json_object *)memory, (struct json_object *)memory_of(input->old_json))) return;
	cleanup_json struct json_object *stored = stored_form(input->json, findings);
	cleanup_json struct json_object *old_stored = NULL;
	if (stored == NULL) return;
	if (input->old_json != NULL && (old_stored = stored_form(input->old_json, findings)) == NULL) return;
	cleanup_findings struct findings other = { 0 };
	kind_judge(&(struct judgement){ .kind = &mssqlserver_kind_v1alpha2,
	                                .operation = input->operation,
	                                .object = stored,
	                                .old_object = old_stored,
	                                .lookup = input->lookup,
	                                .user = input->user,
	                                .own_user = input->own_user },
	           &other);
	for (size_t i = 0; i < other.count; i++) {
		finding_forbidden(findings, memory_path,
		                  "agkeeper writes this annotation itself; as given, it would set %s: %s; remove it",
		                  other.items[i].path, other.items[i].body);
	}
	if (findings->failure == NULL && other.failure != NULL) findings->failure = take(&other.failure);
}
