#include "api/kind.h"

#include <string.h>

#include "base/json.h"

static const struct field string_item = { .type = FIELD_STRING };

static const struct field object_meta_fields[] = {
	{ MEMBER(struct object_meta, "name", name), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "generateName", generate_name), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "namespace", namespace), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "uid", uid), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "resourceVersion", resource_version), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "generation", generation), .type = FIELD_INT },
	{ MEMBER(struct object_meta, "deletionTimestamp", deletion_timestamp), .type = FIELD_STRING },
	{ MEMBER(struct object_meta, "labels", labels), .type = FIELD_MAP, .item = &string_item },
	{ MEMBER(struct object_meta, "annotations", annotations), .type = FIELD_MAP, .item = &string_item },
	{ 0 },
};
const struct schema object_meta_schema = { .size = sizeof(struct object_meta), .fields = object_meta_fields };

const struct kind *kind_find(const char *group, const char *version, const char *name) {
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		if (strcmp((*kind)->name, name) == 0 && strcmp((*kind)->version, version) == 0 &&
		    strcmp((*kind)->group, group) == 0) {
			return *kind;
		}
	}
	return NULL;
}

/* Whether `api_version` is "group/version" of the kind. */
static bool has_api_version(const struct kind *kind, const char *api_version) {
	size_t length = strlen(kind->group);
	return strncmp(api_version, kind->group, length) == 0 && api_version[length] == '/' &&
	       strcmp(api_version + length + 1, kind->version) == 0;
}

static const struct kind *find_by_api_version(const char *api_version, const char *name) {
	for (const struct kind *const *kind = all_kinds; *kind != NULL; kind++) {
		if (strcmp((*kind)->name, name) == 0 && has_api_version(*kind, api_version)) return *kind;
	}
	return NULL;
}

const struct kind *kind_of_object(const struct json_object *object) {
	const char *api_version = json_get_text(object, "apiVersion");
	const char *name = json_get_text(object, "kind");
	return api_version != NULL && name != NULL ? find_by_api_version(api_version, name) : NULL;
}

void kind_set_defaults(const struct kind *kind, struct json_object *object, struct strbuf *patch) {
	struct defaulting defaulting = { .object = object, .patch = patch };
	schema_set_defaults(kind->schema, object, "", &defaulting);
	if (kind->complete != NULL) kind->complete(&defaulting);
}

static void *decode(const struct judgement *judgement, const struct json_object *json, enum unknown_fields unknown,
                    struct arena *arena, struct findings *findings) {
	const struct schema *schema = judgement->kind->schema;
	void *object = arena_alloc(arena, schema->size);
	schema_decode(schema, json, "", object, arena, unknown, findings);
	return object;
}

static struct json_object *memory_of(const struct kind *kind, const struct json_object *object) {
	if (kind->memory_annotation == NULL) return NULL;
	return json_get(json_get_path(object, "metadata", "annotations", NULL), kind->memory_annotation);
}

static bool leaves_spec_alone(const struct judgement *judgement) {
	const struct json_object *object = judgement->object;
	const struct json_object *old_object = judgement->old_object;
	return judgement->operation == OPERATION_UPDATE &&
	       json_object_equal(json_get(object, "spec"), json_get(old_object, "spec")) &&
	       json_object_equal(memory_of(judgement->kind, object), memory_of(judgement->kind, old_object));
}

/* Decodes what there is and adds what the table has to say of it. */
static void judge_table(const struct judgement *judgement, struct rule_input *input, struct findings *findings) {
	findings->rule = "schema";
	if (judgement->object != NULL) {
		input->object = decode(judgement, judgement->object, judgement->unknown, &findings->arena, findings);
	}
	if (judgement->old_object != NULL) {
		/* What was stored is not up for judgement. */
		cleanup_findings struct findings ignored = { 0 };
		input->old_object = decode(judgement, judgement->old_object, UNKNOWN_PASS, &findings->arena, &ignored);
	}
	if (judgement->operation == OPERATION_UPDATE) {
		findings->rule = "immutable";
		schema_check_changes(judgement->kind->schema, judgement->old_object, judgement->object, "", findings);
	}
}

static struct rule_input rule_input_of(const struct judgement *judgement) {
	return (struct rule_input){
		.kind = judgement->kind,
		.operation = judgement->operation,
		.json = judgement->object,
		.old_json = judgement->old_object,
		.lookup = judgement->lookup,
		.user = judgement->user,
		.own_user = judgement->own_user,
	};
}

void kind_judge_table(const struct judgement *judgement, struct findings *findings) {
	if (leaves_spec_alone(judgement)) return;
	struct rule_input input = rule_input_of(judgement);
	judge_table(judgement, &input, findings);
	findings->rule = NULL;
}

void kind_judge(const struct judgement *judgement, struct findings *findings) {
	if (leaves_spec_alone(judgement)) return;
	struct rule_input input = rule_input_of(judgement);
	judge_table(judgement, &input, findings);
	for (const struct rule *rule = judgement->kind->rules; rule->name != NULL; rule++) {
		if ((rule->when & judgement->operation) == 0) continue;
		findings->rule = rule->name;
		rule->check(&input, findings);
	}
	findings->rule = NULL;
}

int kind_convert(struct json_object *object, const char *api_version, struct error **err) {
	const struct kind *from = kind_of_object(object);
	const char *name = json_get_text(object, "kind");
	if (from == NULL) {
		const char *was = json_get_text(object, "apiVersion");
		return error_set(err, ERROR_INVALID, "cannot convert %s of %s: not a kind of agkeeper",
		                 name != NULL ? name : "an object without kind", was != NULL ? was : "no apiVersion");
	}
	const struct kind *to = find_by_api_version(api_version, name);
	if (to == NULL || strcmp(to->group, from->group) != 0) {
		return error_set(err, ERROR_INVALID, "cannot convert %s to %s: no such version", name, api_version);
	}
	if (from == to) return 0;
	if (from->to_storage != NULL && from->to_storage(object, err) < 0) return -1;
	if (to->from_storage != NULL && to->from_storage(object, err) < 0) return -1;
	json_set_text(object, "apiVersion", api_version);
	return 0;
}

static enum lookup_result get_offline(void *context, enum lookup_resource resource, const char *namespace,
                                      const char *name, const struct json_object **object, struct findings *findings) {
	(void)context;
	(void)resource;
	(void)namespace;
	(void)name;
	(void)findings;
	*object = NULL;
	return LOOKUP_OFFLINE;
}

static enum lookup_result list_offline(void *context, enum lookup_resource resource, const char *namespace,
                                       void (*visit)(void *visitor, const struct json_object *object), void *visitor,
                                       struct findings *findings) {
	(void)context;
	(void)resource;
	(void)namespace;
	(void)visit;
	(void)visitor;
	(void)findings;
	return LOOKUP_OFFLINE;
}

const struct lookup lookup_offline = { .get = get_offline, .list = list_offline };
