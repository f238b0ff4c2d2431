/* MSSQLServer: volumes, and what becomes of them. */
#include <string.h>

#include "api/mssqlserver_rules.h"
#include "api/mssqlserver_view.h"
#include "api/storageclass.h"
#include "base/json.h"

static const char storage_path[] = "spec.storage";
static const char size_path[] = "spec.storage.resources.requests[storage]";

static const struct mssqlserver_spec *spec_of(const struct rule_input *input) {
	return mssqlserver_view_of(input->kind, input->object).spec;
}

static const struct mssqlserver_spec *old_spec_of(const struct rule_input *input) {
	return mssqlserver_view_of(input->kind, input->old_object).spec;
}

static bool is_ephemeral(const struct mssqlserver_spec *spec) {
	return spec->storage_type != NULL && strcmp(spec->storage_type, "Ephemeral") == 0;
}

void mssqlserver_check_storage(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = spec_of(input);
	if (is_ephemeral(spec)) {
		if (spec->storage == NULL) return;
		finding_forbidden(findings, storage_path,
		                  "storageType Ephemeral takes no storage: remove one of the two");
		return;
	}
	if (spec->storage == NULL) {
		finding_required(findings, storage_path, "storageType Durable needs the volume's size and class");
		return;
	}
	const struct quantity zero = { 0 };
	const struct map_entry *size = volume_claim_size(spec->storage);
	if (size == NULL) {
		const struct resources *resources = spec->storage->resources;
		/* A size that is no quantity has its finding already. */
		for (size_t i = 0; resources != NULL && i < resources->requests.count; i++) {
			if (strcmp(resources->requests.items[i].key, "storage") == 0) return;
		}
		finding_required(findings, size_path, "the size of each volume, such as 10Gi");
	} else if (quantity_compare(size->value, zero) <= 0) {
		finding_invalid(findings, size_path, size->text, "must be greater than zero");
	}
}

static bool same_text(const char *a, const char *b) {
	if (a == NULL || b == NULL) return a == b;
	return strcmp(a, b) == 0;
}

void mssqlserver_check_storage_class_exists(const struct rule_input *input, struct findings *findings) {
	const struct volume_claim_spec *storage = spec_of(input)->storage;
	const char *name = storage != NULL ? storage->storage_class_name : NULL;
	if (name == NULL || *name == '\0') return;
	if (input->old_object != NULL) {
		const struct volume_claim_spec *old = old_spec_of(input)->storage;
		if (old != NULL && same_text(old->storage_class_name, name)) return;
	}
	warn_missing_class(input->lookup, name, "spec.storage.storageClassName", findings);
}

static bool same_texts(const string_list *a, const string_list *b) {
	if (a->count != b->count) return false;
	for (size_t i = 0; i < a->count; i++) {
		if (!same_text(a->items[i], b->items[i])) return false;
	}
	return true;
}

/* Members of spec.storage that have a rule of their own, or only one value. */
static bool is_told_apart(const char *member) {
	static const char *const own[] = { "storageClassName", "accessModes", "volumeMode" };
	for (size_t i = 0; i < ARRAY_LENGTH(own); i++) {
		if (strcmp(own[i], member) == 0) return true;
	}
	return false;
}

/* A copy of spec.storage without the size. The caller owns it; NULL when there is none. */
static struct json_object *copy_without_size(const struct json_object *object) {
	struct json_object *copy = json_copy(json_get_path(object, "spec", "storage", NULL));
	struct json_object *requests = json_get_path(copy, "resources", "requests", NULL);
	if (json_object_is_type(requests, json_type_object)) json_object_object_del(requests, "storage");
	return copy;
}

/* A StatefulSet's volumeClaimTemplates never change, so neither does what they are made of. */
static void check_members_unchanged(const struct json_object *storage, const struct json_object *other,
                                    bool only_missing, struct findings *findings) {
	json_object_object_foreach((struct json_object *)storage, member, value) {
		struct json_object *there = json_get(other, member);
		if (is_told_apart(member) || (only_missing && there != NULL)) continue;
		if (json_object_equal(value, there)) continue;
		finding_forbidden(findings, at(findings, "%s.%s", storage_path, member),
		                  "volumes stay as they were made; only their size changes, through an "
		                  "MSSQLServerOpsRequest");
	}
}

void mssqlserver_check_storage_unchanged(const struct rule_input *input, struct findings *findings) {
	const struct volume_claim_spec *storage = spec_of(input)->storage;
	const struct volume_claim_spec *old = old_spec_of(input)->storage;
	if (storage == NULL || old == NULL) return; /* storageType is immutable and says which it must be */
	if (!same_text(storage->storage_class_name, old->storage_class_name)) {
		finding_forbidden(findings, "spec.storage.storageClassName",
		                  "volumes keep the class that they were made with: it must stay %s",
		                  old->storage_class_name != NULL ? old->storage_class_name : "unset");
	}
	if (!same_texts(&storage->access_modes, &old->access_modes)) {
		finding_forbidden(findings, "spec.storage.accessModes",
		                  "volumes keep the access modes that they were made with");
	}
	cleanup_json struct json_object *now = copy_without_size(input->json);
	cleanup_json struct json_object *before = copy_without_size(input->old_json);
	check_members_unchanged(now, before, false, findings);
	check_members_unchanged(before, now, true, findings);
}

/* ---- the size (REQUIREMENTS R52a) ---- */

struct asked_size {
	const char *database;
	struct quantity size;
	bool is_asked;
};

/* Looks for a request in progress that asks exactly this size for this database. */
static void visit_request(void *visitor, const struct json_object *object) {
	struct asked_size *asked = visitor;
	const struct json_object *spec = json_get(object, "spec");
	const char *type = json_get_text(spec, "type");
	const char *phase = json_get_text(json_get(object, "status"), "phase");
	const char *database = json_get_text(json_get(spec, "databaseRef"), "name");
	struct json_object *wanted = json_get_path(spec, "volumeExpansion", "mssqlserver", NULL);
	if (type == NULL || strcmp(type, "VolumeExpansion") != 0) return;
	if (phase == NULL || strcmp(phase, "Progressing") != 0) return;
	if (database == NULL || asked->database == NULL || strcmp(database, asked->database) != 0) return;
	struct quantity size;
	if (!quantity_from_json(wanted, &size)) return;
	if (quantity_compare(size, asked->size) == 0) asked->is_asked = true;
}

/* An ops request, ready for kubectl apply -f - (JSON is YAML). */
static const char *request_to_write(const struct object_meta *metadata, const char *size, struct findings *findings) {
	cleanup_strbuf struct strbuf text = { 0 };
	const char *name = metadata->name != NULL ? metadata->name : "";
	strbuf_append(&text,
	              "{\"apiVersion\":\"ops.kubedb.com/v1alpha1\",\"kind\":\"MSSQLServerOpsRequest\",\"metadata\":{");
	strbuf_printf(&text, "\"name\":\"%s-volume-expansion\"", name);
	if (metadata->namespace != NULL) strbuf_printf(&text, ",\"namespace\":\"%s\"", metadata->namespace);
	strbuf_printf(&text, "},\"spec\":{\"type\":\"VolumeExpansion\",\"databaseRef\":{\"name\":\"%s\"},", name);
	strbuf_append(&text, "\"volumeExpansion\":{\"mode\":\"Online\",\"mssqlserver\":");
	strbuf_append_json(&text, size);
	strbuf_append(&text, "}}}");
	return at(findings, "%s", text.data);
}

void mssqlserver_check_storage_size_unchanged(const struct rule_input *input, struct findings *findings) {
	struct mssqlserver_view view = mssqlserver_view_of(input->kind, input->object);
	const struct map_entry *size = volume_claim_size(view.spec->storage);
	const struct map_entry *old_size = volume_claim_size(old_spec_of(input)->storage);
	if (size == NULL || old_size == NULL) return;
	int compared = quantity_compare(size->value, old_size->value);
	if (compared == 0) return;
	if (compared < 0) {
		finding_forbidden(findings, size_path,
		                  "volumes do not shrink: %s is less than the current %s; write %s here", size->text,
		                  old_size->text, old_size->text);
		return;
	}
	bool is_another = input->own_user != NULL && input->user != NULL && strcmp(input->user, input->own_user) != 0;
	struct asked_size asked = { .database = view.metadata->name, .size = size->value };
	if (!is_another) {
		const struct lookup *lookup = input->lookup;
		enum lookup_result result = lookup->list(lookup->context, LOOKUP_MSSQLSERVEROPSREQUEST,
		                                         view.metadata->namespace, visit_request, &asked, findings);
		if (result == LOOKUP_FAILED || asked.is_asked) return;
		if (result == LOOKUP_OFFLINE) {
			warn(findings,
			     "%s: changes through an MSSQLServerOpsRequest only; there is no cluster to ask for one",
			     size_path);
			return;
		}
	}
	finding_forbidden(findings, size_path,
	                  "the size changes through an MSSQLServerOpsRequest only: it is %s; to make it %s, apply %s",
	                  old_size->text, size->text, request_to_write(view.metadata, size->text, findings));
}

/* ---- growing, halting, deleting ---- */

void mssqlserver_check_auto_expand(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = spec_of(input);
	if (spec->auto_expand == NULL) return;
	if (is_ephemeral(spec)) {
		finding_forbidden(findings, "spec.autoExpand", "storageType Ephemeral has no volumes that could grow");
		return;
	}
	const struct map_entry *size = volume_claim_size(spec->storage);
	check_auto_expand(spec->auto_expand, "spec.autoExpand", size != NULL ? &size->value : NULL, findings);
	warn_not_expandable(input->lookup, spec->storage != NULL ? spec->storage->storage_class_name : NULL,
	                    "spec.autoExpand", findings);
}

void mssqlserver_check_halted(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = spec_of(input);
	if (!is_ephemeral(spec)) return;
	if (spec->halted.value) {
		finding_forbidden(findings, "spec.halted",
		                  "storageType Ephemeral keeps its data in the pods: it cannot be halted");
	}
	if (spec->deletion_policy == NULL || strcmp(spec->deletion_policy, "Halt") != 0) return;
	finding_invalid(findings, "spec.deletionPolicy", spec->deletion_policy,
	                "storageType Ephemeral has no volumes to keep: use Delete, WipeOut or DoNotTerminate");
}

void mssqlserver_check_deletion(const struct rule_input *input, struct findings *findings) {
	const struct mssqlserver_spec *spec = old_spec_of(input);
	if (spec->deletion_policy == NULL || strcmp(spec->deletion_policy, "DoNotTerminate") != 0) return;
	finding_forbidden(findings, "spec.deletionPolicy",
	                  "it is DoNotTerminate: set it to Delete, Halt or WipeOut before deleting the database");
}
