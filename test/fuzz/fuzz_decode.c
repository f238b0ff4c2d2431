/* What a request does to an object: read, default, judge as create and as update, for every kind. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/kind.h"
#include "base/json.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A number that depends on the input alone. */
static uint32_t hash_of(const uint8_t *data, size_t size) {
	uint32_t hash = 2166136261U;
	for (size_t i = 0; i < size; i++) hash = (hash ^ data[i]) * 16777619U;
	return hash;
}

/* Changes one leaf or member, which one `choice` says: the old object of an update. */
static void mutate(struct json_object *json, uint32_t choice) {
	for (int depth = 0; depth < 16; depth++) {
		if (json_object_is_type(json, json_type_array)) {
			size_t length = json_object_array_length(json);
			if (length == 0) return;
			size_t index = choice % length;
			struct json_object *element = json_object_array_get_idx(json, index);
			if (!json_object_is_type(element, json_type_object) || choice % 7 == 0) {
				json_object_array_del_idx(json, index, 1);
				return;
			}
			json = element;
		} else if (json_object_is_type(json, json_type_object)) {
			size_t length = (size_t)json_object_object_length(json);
			if (length == 0) return;
			size_t at = choice % length;
			const char *chosen = NULL;
			struct json_object *member = NULL;
			json_object_object_foreach(json, key, value) {
				if (at-- != 0) continue;
				chosen = key;
				member = value;
				break;
			}
			if (json_object_is_type(member, json_type_object) ||
			    json_object_is_type(member, json_type_array)) {
				if (choice % 11 != 0) {
					json = member;
					choice = choice / 3 + 1;
					continue;
				}
			}
			cleanup_free char *name = xstrdup(chosen);
			if (choice % 3 == 0) json_object_object_del(json, name);
			else if (choice % 3 == 1) json_set_text(json, name, "changed");
			else json_set(json, name, json_object_new_int64((int64_t)(choice % 20)));
			return;
		} else {
			return;
		}
		choice = choice / 3 + 1;
	}
}

static void judge(const struct kind *kind, enum operation operation, const struct json_object *object,
                  const struct json_object *old_object, enum unknown_fields unknown) {
	const struct judgement judgement = {
		.kind = kind,
		.operation = operation,
		.object = object,
		.old_object = old_object,
		.lookup = &lookup_offline,
		.user = "kubernetes-admin",
		.own_user = "system:serviceaccount:agkeeper-system:agkeeper",
		.unknown = unknown,
	};
	cleanup_findings struct findings findings = { 0 };
	kind_judge(&judgement, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *finding = &findings.items[i];
		if (finding->path == NULL || finding->body == NULL || finding->reason == NULL || finding->rule == NULL)
			abort();
	}
	for (size_t i = 0; i < findings.warning_count; i++) {
		if (findings.warnings[i] == NULL) abort();
	}
	if (findings.failure != NULL) abort();
}

static void check_kind(const struct kind *kind, const struct json_object *json, uint32_t choice) {
	cleanup_json struct json_object *object = json_copy(json);
	cleanup_strbuf struct strbuf patch = { 0 };
	kind_set_defaults(kind, object, &patch);
	cleanup_free char *operations = xasprintf("[%s]", strbuf_text(&patch));
	cleanup_json struct json_object *parsed = NULL;
	if (json_parse(operations, strlen(operations), &parsed, NULL) < 0) abort();
	/* Defaulted twice is defaulted once. */
	cleanup_strbuf struct strbuf again = { 0 };
	cleanup_json struct json_object *before = json_copy(object);
	kind_set_defaults(kind, object, &again);
	if (again.length != 0 || !json_object_equal(before, object)) abort();

	judge(kind, OPERATION_CREATE, object, NULL, UNKNOWN_REPORT);
	cleanup_json struct json_object *old_object = json_copy(object);
	mutate(old_object, choice);
	kind_set_defaults(kind, old_object, NULL);
	judge(kind, OPERATION_UPDATE, object, old_object, UNKNOWN_PASS);
	judge(kind, OPERATION_UPDATE, old_object, object, UNKNOWN_PASS);
	judge(kind, OPERATION_DELETE, NULL, object, UNKNOWN_PASS);
	/* Judging reads only. */
	if (!json_object_equal(before, object)) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
	cleanup_json struct json_object *json = NULL;
	if (json_parse((const char *)data, size, &json, NULL) < 0) return 0;
	if (!json_object_is_type(json, json_type_object)) return 0;
	uint32_t choice = hash_of(data, size);
	/* An object of one of our kinds goes to its own kind alone: that is where the interesting paths are. */
	const struct kind *own = kind_of_object(json);
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		if (own == NULL || own == *kind) check_kind(*kind, json, choice);
	}
	return 0;
}
