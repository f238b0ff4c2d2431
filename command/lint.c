/* agkeeper lint: the rules of admission for pipelines, without a cluster.
 *
 * Findings go to standard output as FILE:LINE: error: PATH: …, so that editors can jump to them; with -o the defaulted
 * objects go there, and findings to standard error. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "api/kinds.h"
#include "base/file.h"
#include "base/json.h"
#include "base/yaml.h"
#include "command/command.h"

enum output { OUTPUT_FINDINGS, OUTPUT_YAML, OUTPUT_JSON };

struct lint {
	enum output output;
	FILE *messages;
	struct json_object *accepted; /* array of defaulted objects, for -o */
	size_t checked;
	size_t refused;
	size_t passed_over;
	bool unusable;
};

/* Where messages about an object point to. */
struct place {
	const char *file;
	const struct yaml_document *document;
	const char *prefix; /* path of the object within the document: "" or "items[2]" */
};

static void say(struct lint *lint, const struct place *place, const char *severity, const char *path,
                const char *message) {
	cleanup_free char *full = *place->prefix == '\0' ? xstrdup(path) : xasprintf("%s.%s", place->prefix, path);
	fprintf(lint->messages, "%s:%zu: %s: %s%s%s\n", place->file, yaml_line_of(place->document, full), severity,
	        path, *path != '\0' ? ": " : "", message);
}

/* Warnings that speak of a field start with its path: "spec.image: …". */
static void say_warning(struct lint *lint, const struct place *place, const char *warning) {
	const char *colon = strstr(warning, ": ");
	const char *blank = strchr(warning, ' ');
	bool has_path = colon != NULL && blank == colon + 1;
	cleanup_free char *path = has_path ? xstrndup(warning, (size_t)(colon - warning)) : xstrdup("");
	say(lint, place, "warning", path, has_path ? colon + 2 : warning);
}

/* "SQLServerAvailabilityGroup sales/ledger", as far as the object says. */
static char *title(const struct json_object *object) {
	const char *kind = json_get_text(object, "kind");
	const struct json_object *metadata = json_get(object, "metadata");
	const char *namespace = json_get_text(metadata, "namespace");
	const char *name = json_get_text(metadata, "name");
	if (name == NULL) name = json_get_text(metadata, "generateName");
	return xasprintf("%s %s%s%s", kind, namespace != NULL ? namespace : "", namespace != NULL ? "/" : "",
	                 name != NULL ? name : "(without name)");
}

/* The API server asks for a name before it asks anybody else. */
static void check_name(const struct json_object *object, struct findings *findings) {
	const struct json_object *metadata = json_get(object, "metadata");
	if (json_get_text(metadata, "name") != NULL || json_get_text(metadata, "generateName") != NULL) return;
	finding_required(findings, "metadata.name", "name or generateName is required");
}

/* Whether the group belongs to this project, whatever its kinds and versions are. */
static bool is_our_group(const char *api_version) {
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		size_t length = strlen((*kind)->group);
		if (strncmp(api_version, (*kind)->group, length) == 0 && api_version[length] == '/') return true;
	}
	return false;
}

static bool is_our_kind(const char *name) {
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		if (strcmp((*kind)->name, name) == 0) return true;
	}
	return false;
}

static void lint_ours(struct lint *lint, const struct kind *kind, struct json_object *object,
                      const struct place *place) {
	cleanup_findings struct findings findings = { 0 };
	check_name(object, &findings);
	kind_set_defaults(kind, object, NULL);
	const struct judgement judgement = {
		.kind = kind,
		.operation = OPERATION_CREATE,
		.object = object,
		.lookup = &lookup_offline,
		.unknown = UNKNOWN_REPORT,
	};
	kind_judge(&judgement, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		say(lint, place, "error", findings.items[i].path, findings.items[i].body);
	}
	for (size_t i = 0; i < findings.warning_count; i++) say_warning(lint, place, findings.warnings[i]);
	lint->checked++;
	if (findings.count != 0) {
		lint->refused++;
		return;
	}
	cleanup_free char *name = title(object);
	if (lint->output == OUTPUT_FINDINGS) say(lint, place, "ok", "", name);
	else json_object_array_add(lint->accepted, json_object_get(object));
}

static void lint_object(struct lint *lint, struct json_object *object, const struct place *place) {
	if (!json_object_is_type(object, json_type_object)) {
		say(lint, place, "error", "",
		    "not a Kubernetes object: a mapping with apiVersion and kind is expected");
		lint->unusable = true;
		return;
	}
	const char *api_version = json_get_text(object, "apiVersion");
	const char *kind_name = json_get_text(object, "kind");
	if (api_version == NULL || kind_name == NULL) {
		say(lint, place, "error", api_version == NULL ? "apiVersion" : "kind", "Required value");
		lint->unusable = true;
		return;
	}
	const struct kind *kind = kind_of_object(object);
	if (kind != NULL) {
		lint_ours(lint, kind, object, place);
	} else if (is_our_group(api_version) && is_our_kind(kind_name)) {
		cleanup_free char *message =
		        xasprintf("Unsupported value: \"%s\": %s has no such version", api_version, kind_name);
		say(lint, place, "error", "apiVersion", message);
		lint->checked++;
		lint->refused++;
	} else {
		cleanup_free char *message =
		        xasprintf("%s (%s) is none of agkeeper's kinds: passed over", kind_name, api_version);
		say(lint, place, "note", "", message);
		lint->passed_over++;
	}
}

static void lint_document(struct lint *lint, const char *file, const struct yaml_document *document) {
	if (document->json == NULL) return;
	struct place place = { .file = file, .document = document, .prefix = "" };
	const char *kind = json_get_text(document->json, "kind");
	struct json_object *items = json_get(document->json, "items");
	if (kind == NULL || strcmp(kind, "List") != 0 || !json_object_is_type(items, json_type_array)) {
		lint_object(lint, document->json, &place);
		return;
	}
	size_t count = json_object_array_length(items);
	for (size_t i = 0; i < count; i++) {
		cleanup_free char *prefix = xasprintf("items[%zu]", i);
		place.prefix = prefix;
		lint_object(lint, json_object_array_get_idx(items, i), &place);
	}
}

/* A file of manifests beyond this size is a mistake. */
enum { MANIFEST_MAX = 64 * 1024 * 1024 };

static void lint_file(struct lint *lint, const char *path) {
	const char *name = strcmp(path, "-") == 0 ? "<stdin>" : path;
	cleanup_error struct error *err = NULL;
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_yaml_stream struct yaml_stream stream = { 0 };
	if (file_read(path, MANIFEST_MAX, &text, &err) < 0) {
		fprintf(lint->messages, "%s: error: %s\n", name, err->message);
		lint->unusable = true;
		return;
	}
	if (yaml_parse(strbuf_text(&text), text.length, &stream, &err) < 0) {
		fprintf(lint->messages, "%s: error: %s\n", name, err->message);
		lint->unusable = true;
		return;
	}
	for (size_t i = 0; i < stream.count; i++) lint_document(lint, name, &stream.documents[i]);
}

/* The accepted objects: one as it is, several as YAML documents or as a JSON List, like kubectl prints them. */
static int print_accepted(const struct lint *lint) {
	cleanup_strbuf struct strbuf text = { 0 };
	cleanup_error struct error *err = NULL;
	size_t count = json_object_array_length(lint->accepted);
	if (lint->output == OUTPUT_YAML) {
		for (size_t i = 0; i < count; i++) {
			if (i != 0) strbuf_append(&text, "---\n");
			if (yaml_append(&text, json_object_array_get_idx(lint->accepted, i), &err) < 0) {
				fprintf(stderr, "agkeeper lint: %s\n", err->message);
				return -1;
			}
		}
	} else if (count == 1) {
		strbuf_append(&text,
		              json_object_to_json_string_ext(json_object_array_get_idx(lint->accepted, 0),
		                                             JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
		strbuf_append_char(&text, '\n');
	} else {
		cleanup_json struct json_object *list = json_object_new_object();
		json_set_text(list, "apiVersion", "v1");
		json_set_text(list, "kind", "List");
		json_set(list, "items", json_object_get(lint->accepted));
		strbuf_append(&text, json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY |
		                                                                  JSON_C_TO_STRING_NOSLASHESCAPE));
		strbuf_append_char(&text, '\n');
	}
	if (fwrite(strbuf_text(&text), 1, text.length, stdout) == text.length && fflush(stdout) == 0) return 0;
	perror("agkeeper lint: cannot write to standard output");
	return -1;
}

static const char usage[] =
        "Usage: agkeeper lint [-o yaml|json] FILE...|-\n"
        "\n"
        "Defaults and validates manifests with the rules of admission, without a cluster. Rules that need other\n"
        "objects of the cluster answer with a warning.\n"
        "\n"
        "  -o yaml|json   print the defaulted objects (nothing, when any object is refused)\n"
        "\n"
        "Exit code: 0 nothing refused, 1 something refused, 2 unusable input.\n";

static int parse_options(int argc, char **argv, struct lint *lint) {
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	optind = 1;
	for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 1;
		}
		if (option != 'o') {
			fputs(usage, stderr);
			return -1;
		}
		if (strcmp(optarg, "yaml") == 0) lint->output = OUTPUT_YAML;
		else if (strcmp(optarg, "json") == 0) lint->output = OUTPUT_JSON;
		else {
			fprintf(stderr, "agkeeper lint: -o %s: must be yaml or json\n", optarg);
			return -1;
		}
	}
	if (optind < argc) return 0;
	fputs(usage, stderr);
	return -1;
}

int command_lint(int argc, char **argv) {
	struct lint lint = { .output = OUTPUT_FINDINGS };
	int parsed = parse_options(argc, argv, &lint);
	if (parsed != 0) return parsed > 0 ? EXIT_OK : EXIT_UNUSABLE;
	lint.messages = lint.output == OUTPUT_FINDINGS ? stdout : stderr;
	cleanup_json struct json_object *accepted = json_object_new_array();
	lint.accepted = accepted;

	for (int i = optind; i < argc; i++) lint_file(&lint, argv[i]);

	bool is_clean = lint.refused == 0 && !lint.unusable;
	if (lint.output != OUTPUT_FINDINGS && is_clean && print_accepted(&lint) < 0) return EXIT_UNUSABLE;
	fprintf(lint.messages, "%zu checked, %zu refused, %zu passed over\n", lint.checked, lint.refused,
	        lint.passed_over);
	if (lint.unusable) return EXIT_UNUSABLE;
	return lint.refused != 0 ? EXIT_REFUSED : EXIT_OK;
}
