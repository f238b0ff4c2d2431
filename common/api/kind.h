/* The kinds: what they are called, what their objects hold, which rules they obey. */
#ifndef AGKEEPER_API_KIND_H
#define AGKEEPER_API_KIND_H

#include <json-c/json.h>
#include <stdbool.h>

#include "api/field.h"
#include "api/findings.h"
#include "base/error.h"

/* metadata as far as we read it; the API server itself checks it. */
struct object_meta {
	const char *name;
	const char *generate_name;
	const char *namespace;
	const char *uid;
	const char *resource_version;
	const char *deletion_timestamp;
	struct opt_int generation;
	struct map labels;
	struct map annotations;
};
extern const struct schema object_meta_schema;

/* How rules look at other objects: a watch cache with live reads behind it, or nothing at all (lint, --no-cluster). */
enum lookup_resource {
	LOOKUP_MSSQLSERVER,
	LOOKUP_MSSQLSERVERVERSION,
	LOOKUP_MSSQLSERVEROPSREQUEST,
	LOOKUP_STORAGECLASS
};
enum lookup_result {
	LOOKUP_FOUND,
	LOOKUP_ABSENT,  /* certain: it is not there */
	LOOKUP_OFFLINE, /* there is no cluster to ask: the rule answers with a warning */
	LOOKUP_FAILED   /* the API did not answer: the lookup has set findings->failure, the rule just stops */
};
struct lookup {
	void *context;
	/* One object; `namespace` is NULL for cluster-scoped ones. *object is valid until the review ends and must not
	 * be changed. MSSQLServer objects come as v1alpha2, the stored version. */
	enum lookup_result (*get)(void *context, enum lookup_resource resource, const char *namespace, const char *name,
	                          const struct json_object **object, struct findings *findings);
	/* Calls visit for each object of the namespace (NULL: all); LOOKUP_FOUND also when there is none. */
	enum lookup_result (*list)(void *context, enum lookup_resource resource, const char *namespace,
	                           void (*visit)(void *visitor, const struct json_object *object), void *visitor,
	                           struct findings *findings);
};
/* The lookup of lint and --no-cluster: always LOOKUP_OFFLINE. */
extern const struct lookup lookup_offline;

enum operation { OPERATION_CREATE = 1 << 0, OPERATION_UPDATE = 1 << 1, OPERATION_DELETE = 1 << 2 };

/* What a rule sees. object is NULL on DELETE, old_object on CREATE; both are decoded with the kind's struct. */
struct rule_input {
	const struct kind *kind;
	enum operation operation;
	const void *object;
	const void *old_object;
	const struct json_object *json;
	const struct json_object *old_json;
	const struct lookup *lookup;
	const char *user;     /* who asks: userInfo.username; NULL when unknown */
	const char *own_user; /* the user name agkeeper itself has; NULL when unknown */
};
/* One rule beyond the table: it fires by adding findings (or warnings). */
struct rule {
	const char *name; /* a-few-words, for metrics and the reference */
	unsigned when;    /* enum operation, or-ed */
	void (*check)(const struct rule_input *input, struct findings *findings);
	const char *doc; /* one sentence for the reference */
};

struct printer_column {
	const char *name;
	const char *type; /* string, integer, boolean, date */
	const char *json_path;
	const char *doc;
	int priority; /* 0 always, 1 with -o wide */
};

struct kind {
	const char *group;
	const char *version;
	const char *name;   /* "MSSQLServer" */
	const char *plural; /* "mssqlservers" */
	const char *singular;
	const char *const *short_names; /* NULL-terminated */
	const char *const *categories;  /* NULL-terminated, or NULL */
	bool cluster_scoped;
	bool storage; /* the version that etcd holds */
	const char *doc;
	const struct schema *schema;          /* apiVersion, kind, metadata, spec, status */
	const struct rule *rules;             /* ends with name NULL */
	const struct printer_column *columns; /* ends with name NULL */
	const char *scale_spec_path;          /* scale subresource, or NULL */
	const char *scale_status_path;
	const char *scale_selector_path;
	/* Defaults that depend on other fields; may be NULL. Runs after the table's. */
	void (*complete)(struct defaulting *defaulting);
	/* v1 ↔ v1alpha2: rewrites a whole object in place to the storage version and back (REQUIREMENTS R42); NULL for
	 * the storage version itself and for kinds of one version. */
	int (*to_storage)(struct json_object *object, struct error **err);
	int (*from_storage)(struct json_object *object, struct error **err);
	/* The annotation in which conversion remembers what the other version cannot say: as much the object's content
	 * as spec. NULL for kinds of one version. */
	const char *memory_annotation;
};

/* All kinds, NULL-terminated; those that share a CRD stand together, the storage version first. */
extern const struct kind *const all_kinds[];
/* NULL when it is none of ours. `api_version` is "group/version". */
const struct kind *kind_find(const char *group, const char *version, const char *name);
const struct kind *kind_of_object(const struct json_object *object);

/* ---- What the rest of the program does with an object ---- */

/* Sets all defaults in `object` in place. */
void kind_set_defaults(const struct kind *kind, struct json_object *object, struct strbuf *patch);

/* Judges a change: decodes, checks the table, checks forbidden changes, runs the rules. Objects must be defaulted
 * (kind_set_defaults). A write that leaves spec as it was (status, labels, finalizers) is never refused. Offending
 * unknown fields are reported when `unknown` says so. */
struct judgement {
	const struct kind *kind;
	enum operation operation;
	const struct json_object *object;     /* NULL on DELETE */
	const struct json_object *old_object; /* NULL on CREATE */
	const struct lookup *lookup;
	const char *user;
	const char *own_user;
	enum unknown_fields unknown;
};
void kind_judge(const struct judgement *judgement, struct findings *findings);
/* Only what the table says (the CRD's own schema would refuse it too): the first half of kind_judge. */
void kind_judge_table(const struct judgement *judgement, struct findings *findings);

/* Rewrites `object` to `version` of the same kind, in place ("group/version"); only apiVersion, spec, status, labels
 * and annotations change. ERROR_INVALID says why not. */
int kind_convert(struct json_object *object, const char *api_version, struct error **err);

/* Appends every CRD as YAML documents (what manifests/crds holds). */
int kinds_print_crds(struct strbuf *yaml, struct error **err);
#endif
