/* MSSQLServer: spec.version and the catalogue (MSSQLServerVersion objects, cluster-scoped). */
#include <stdlib.h>
#include <string.h>

#include "api/mssqlserver_rules.h"
#include "api/mssqlserver_view.h"
#include "base/json.h"

static const char version_path[] = "spec.version";

static const char *version_of(const struct rule_input *input, const void *object) {
	return object != NULL ? mssqlserver_view_of(input->kind, object).spec->version : NULL;
}

static bool is_deprecated(const struct json_object *version) {
	return json_get_flag(json_get(version, "spec"), "deprecated", false);
}

/* Names of versions that may be used, sorted, for the message that refuses another one. */
struct usable {
	const char **names;
	size_t count;
};

static void visit_version(void *visitor, const struct json_object *object) {
	struct usable *usable = visitor;
	const char *name = json_get_text(json_get(object, "metadata"), "name");
	if (name == NULL || is_deprecated(object)) return;
	usable->names = xreallocarray(usable->names, usable->count + 1, sizeof(*usable->names));
	usable->names[usable->count++] = name;
}

static int compare_names(const void *a, const void *b) {
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *list_usable(const struct rule_input *input, struct findings *findings) {
	struct usable usable = { 0 };
	const struct lookup *lookup = input->lookup;
	enum lookup_result result =
	        lookup->list(lookup->context, LOOKUP_MSSQLSERVERVERSION, NULL, visit_version, &usable, findings);
	const char *text = NULL;
	if (result == LOOKUP_FOUND && usable.count == 0) {
		text = "the cluster has no MSSQLServerVersion that may be used: apply a catalogue first";
	} else if (result == LOOKUP_FOUND) {
		qsort(usable.names, usable.count, sizeof(*usable.names), compare_names);
		cleanup_strbuf struct strbuf names = { 0 };
		for (size_t i = 0; i < usable.count; i++) {
			if (i != 0) strbuf_append(&names, ", ");
			strbuf_append_json(&names, usable.names[i]);
		}
		text = at(findings, "usable versions: %s", strbuf_text(&names));
	}
	free(usable.names);
	return text;
}

void mssqlserver_check_version(const struct rule_input *input, struct findings *findings) {
	const char *name = version_of(input, input->object);
	const char *old_name = version_of(input, input->old_object);
	if (name == NULL || *name == '\0') return;
	/* A version that is deprecated after the database was made must not stand in the way of other changes. */
	if (old_name != NULL && strcmp(name, old_name) == 0) return;
	const struct json_object *version = NULL;
	const struct lookup *lookup = input->lookup;
	enum lookup_result result =
	        lookup->get(lookup->context, LOOKUP_MSSQLSERVERVERSION, NULL, name, &version, findings);
	if (result == LOOKUP_OFFLINE) {
		warn(findings, "%s: not checked against the catalogue: there is no cluster to ask", version_path);
		return;
	}
	if (result == LOOKUP_FAILED || (result == LOOKUP_FOUND && !is_deprecated(version))) return;
	const char *usable = list_usable(input, findings);
	if (usable == NULL) return; /* the API did not answer: findings->failure says so */
	if (result == LOOKUP_ABSENT) finding_not_found(findings, version_path, name, "%s", usable);
	else finding_invalid(findings, version_path, name, "this MSSQLServerVersion is deprecated; %s", usable);
}

/* The major version behind an MSSQLServerVersion's name ("2022"); 0 when nobody knows. */
static long major_version(const struct rule_input *input, const char *name, struct findings *findings) {
	const struct json_object *version = NULL;
	const struct lookup *lookup = input->lookup;
	if (lookup->get(lookup->context, LOOKUP_MSSQLSERVERVERSION, NULL, name, &version, findings) != LOOKUP_FOUND) {
		return 0;
	}
	const char *text = json_get_text(json_get(version, "spec"), "version");
	return text != NULL ? strtol(text, NULL, 10) : 0;
}

void mssqlserver_check_version_not_older(const struct rule_input *input, struct findings *findings) {
	const char *name = version_of(input, input->object);
	const char *old_name = version_of(input, input->old_object);
	if (name == NULL || old_name == NULL || strcmp(name, old_name) == 0) return;
	long major = major_version(input, name, findings);
	long old_major = major_version(input, old_name, findings);
	if (major <= 0 || old_major <= 0 || major >= old_major) return;
	finding_invalid(findings, version_path, name,
	                "SQL Server %ld is older than the current %ld (\"%s\"): its databases cannot be opened by an "
	                "older version",
	                major, old_major, old_name);
}
