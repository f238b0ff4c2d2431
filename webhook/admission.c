#include "webhook/admission.h"

#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/memory.h"
#include "webhook/scale.h"
#include "webhook/status.h"

/* A request with its parts found and checked; everything is borrowed from its JSON. */
struct admission {
	const struct review_request *request;
	const char *uid;
	const char *group;
	const char *version;
	const char *kind_name;
	const char *name;
	const char *sub_resource; /* "" for none */
	const char *operation_name;
	enum operation operation; /* 0 for CONNECT and whatever comes one day */
	const char *user;
	struct json_object *object;
	struct json_object *old_object;
	const struct kind *kind; /* NULL when it is none of ours */
};

static const struct {
	const char *name;
	enum operation operation;
} operations[] = {
	{ "CREATE", OPERATION_CREATE },
	{ "UPDATE", OPERATION_UPDATE },
	{ "DELETE", OPERATION_DELETE },
	{ "CONNECT", 0 },
};

static const char *text_or_empty(const struct json_object *object, const char *key) {
	const char *text = json_get_text(object, key);
	return text != NULL ? text : "";
}

static int read_operation(struct json_object *inner, struct admission *admission, struct error **err) {
	const char *name = text_or_empty(inner, "operation");
	for (size_t i = 0; i < ARRAY_LENGTH(operations); i++) {
		if (strcmp(operations[i].name, name) != 0) continue;
		admission->operation_name = operations[i].name;
		admission->operation = operations[i].operation;
		return 0;
	}
	return error_set(err, ERROR_INVALID, "request.operation: \"%s\" is not one of CREATE, UPDATE, DELETE, CONNECT",
	                 name);
}

/* The object at `key`, which the operation says must be there. */
static int read_object(struct json_object *inner, const char *key, struct json_object **object, struct error **err) {
	*object = json_get(inner, key);
	if (json_object_is_type(*object, json_type_object)) return 0;
	return error_set(err, ERROR_INVALID, "request.%s: must be an object", key);
}

/* What the object says it is must be what the request says it is: rules would read the wrong fields otherwise. */
static int check_kind(const struct admission *admission, const struct json_object *object, const char *key,
                      struct error **err) {
	if (kind_of_object(object) == admission->kind) return 0;
	return error_set(err, ERROR_INVALID,
	                 "request.%s: its apiVersion and kind must be those of request.kind, %s/%s %s", key,
	                 admission->group, admission->version, admission->kind_name);
}

static int read_objects(struct json_object *inner, struct admission *admission, struct error **err) {
	if ((admission->operation & (OPERATION_CREATE | OPERATION_UPDATE)) != 0) {
		if (read_object(inner, "object", &admission->object, err) != 0) return -1;
		if (check_kind(admission, admission->object, "object", err) != 0) return -1;
	}
	if ((admission->operation & (OPERATION_UPDATE | OPERATION_DELETE)) != 0) {
		if (read_object(inner, "oldObject", &admission->old_object, err) != 0) return -1;
		if (check_kind(admission, admission->old_object, "oldObject", err) != 0) return -1;
	}
	return 0;
}

/* The name to speak of: on CREATE with generateName the API server has not chosen one yet. */
static const char *name_of(const struct json_object *inner) {
	const char *name = json_get_text(inner, "name");
	if (name != NULL && name[0] != '\0') return name;
	return json_get_text(json_get_path(inner, "object", "metadata", NULL), "name");
}

static int read_request(const struct review_request *request, struct json_object *inner, struct admission *admission,
                        struct error **err) {
	const struct json_object *kind = json_get(inner, "kind");
	*admission = (struct admission){
		.request = request,
		.uid = json_get_text(inner, "uid"),
		.group = text_or_empty(kind, "group"),
		.version = text_or_empty(kind, "version"),
		.kind_name = text_or_empty(kind, "kind"),
		.name = name_of(inner),
		.sub_resource = text_or_empty(inner, "subResource"),
		.user = json_get_text(json_get(inner, "userInfo"), "username"),
	};
	if (admission->kind_name[0] == '\0')
		return error_set(err, ERROR_INVALID, "request.kind.kind: must be a string");
	if (read_operation(inner, admission, err) != 0) return -1;
	admission->kind = kind_find(admission->group, admission->version, admission->kind_name);
	return 0;
}

/* ---- The answer ---- */

static void open_response(struct review_answer *answer, const struct admission *admission, bool allowed) {
	strbuf_append(&answer->body,
	              "{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":");
	strbuf_append_json(&answer->body, admission->uid);
	strbuf_append(&answer->body, allowed ? ",\"allowed\":true" : ",\"allowed\":false");
}

/* A warning longer than this would not reach the user: admission/v1 AdmissionResponse.warnings. */
enum { WARNING_MAX = 256 };

static void append_warning(struct strbuf *body, const char *warning) {
	size_t length = strlen(warning);
	if (length <= WARNING_MAX) {
		strbuf_append_json(body, warning);
		return;
	}
	/* Not in the middle of a UTF-8 character, and with room for the ellipsis. */
	length = WARNING_MAX - strlen("…");
	while (length > 0 && ((unsigned char)warning[length] & 0xC0U) == 0x80U) length--;
	cleanup_free char *cut = xasprintf("%.*s…", (int)length, warning);
	strbuf_append_json(body, cut);
}

static void close_response(struct review_answer *answer) {
	const struct findings *findings = &answer->findings;
	for (size_t i = 0; i < findings->warning_count; i++) {
		strbuf_append(&answer->body, i == 0 ? ",\"warnings\":[" : ",");
		append_warning(&answer->body, findings->warnings[i]);
	}
	strbuf_append(&answer->body, findings->warning_count != 0 ? "]}}" : "}}");
}

static void allow(struct review_answer *answer, const struct admission *admission) {
	answer->result = REVIEW_ALLOWED;
	open_response(answer, admission, true);
	close_response(answer);
}

void admission_allow(struct review_answer *answer, const char *uid) {
	allow(answer, &(const struct admission){ .uid = uid });
}

static void refuse(struct review_answer *answer, const struct admission *admission) {
	const struct status_subject subject = { admission->group, admission->kind_name, admission->name };
	open_response(answer, admission, false);
	strbuf_append(&answer->body, ",\"status\":");
	if (answer->findings.failure != NULL) {
		answer->result = REVIEW_UNAVAILABLE;
		status_append_unavailable(&answer->body, &subject, answer->findings.failure);
	} else {
		answer->result = REVIEW_REFUSED;
		status_append_invalid(&answer->body, &subject, &answer->findings);
	}
	close_response(answer);
}

/* `patch` holds the operations, without the brackets around them. */
static void allow_with_patch(struct review_answer *answer, const struct admission *admission,
                             const struct strbuf *patch) {
	answer->result = REVIEW_ALLOWED;
	open_response(answer, admission, true);
	if (patch->length != 0) {
		cleanup_strbuf struct strbuf list = { 0 };
		strbuf_append_char(&list, '[');
		strbuf_append_n(&list, patch->data, patch->length);
		strbuf_append_char(&list, ']');
		strbuf_append(&answer->body, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
		base64_append(&answer->body, list.data, list.length);
		strbuf_append_char(&answer->body, '"');
	}
	close_response(answer);
}

/* ---- The verdict ---- */

static struct judgement judgement_of(const struct admission *admission) {
	return (struct judgement){
		.kind = admission->kind,
		.operation = admission->operation,
		.object = admission->object,
		.old_object = admission->old_object,
		.lookup = admission->request->lookup,
		.user = admission->user,
		.own_user = admission->request->own_user,
		.unknown = UNKNOWN_PASS,
	};
}

static void judge(const struct judgement *judgement, const struct admission *admission, struct review_answer *answer) {
	kind_judge(judgement, &answer->findings);
	if (answer->findings.failure != NULL || answer->findings.count != 0) refuse(answer, admission);
	else allow(answer, admission);
}

static void validate(const struct admission *admission, struct review_answer *answer) {
	/* Objects that were stored before a default existed lack it; neither side may look changed for that. */
	if (admission->object != NULL) kind_set_defaults(admission->kind, admission->object, NULL);
	if (admission->old_object != NULL) kind_set_defaults(admission->kind, admission->old_object, NULL);
	const struct judgement judgement = judgement_of(admission);
	judge(&judgement, admission, answer);
}

static void mutate(const struct admission *admission, struct review_answer *answer) {
	if (admission->object == NULL) {
		allow(answer, admission);
		return;
	}
	cleanup_strbuf struct strbuf patch = { 0 };
	kind_set_defaults(admission->kind, admission->object, &patch);
	if (admission->old_object != NULL) kind_set_defaults(admission->kind, admission->old_object, NULL);

	const struct judgement judgement = judgement_of(admission);
	cleanup_findings struct findings table = { 0 };
	kind_judge_table(&judgement, &table);
	if (table.count == 0) {
		allow_with_patch(answer, admission, &patch);
		return;
	}
	/* The API server checks the CRD's schema between mutating and validating admission, and would refuse this
	 * object naming only its own findings: refusing here names all of them at once. */
	judge(&judgement, admission, answer);
}

/* The Scale is judged as the change of the object that it stands for. */
static void validate_scale(struct admission *admission, struct json_object *inner, struct review_answer *answer) {
	cleanup_json struct json_object *before = NULL;
	cleanup_json struct json_object *after = NULL;
	admission->kind = scaled_kind(inner);
	if (admission->kind == NULL || admission->operation != OPERATION_UPDATE) {
		allow(answer, admission);
		return;
	}
	answer->kind = admission->kind_name = admission->kind->name;
	admission->group = admission->kind->group;
	switch (scaled_objects(admission->kind, inner, admission->request->lookup, &before, &after,
	                       &answer->findings)) {
	case LOOKUP_FOUND:
		admission->old_object = before;
		admission->object = after;
		const struct judgement judgement = judgement_of(admission);
		judge(&judgement, admission, answer);
		break;
	case LOOKUP_ABSENT: allow(answer, admission); break; /* the API server itself says that it is not there */
	case LOOKUP_OFFLINE:
		warn(&answer->findings, "spec.replicas: without a cluster nobody can say whether %s can be scaled",
		     admission->name);
		allow(answer, admission);
		break;
	case LOOKUP_FAILED: refuse(answer, admission); break;
	}
}

int admission_review(const struct review_request *request, struct json_object *inner, struct review_answer *answer,
                     struct error **err) {
	struct admission admission;
	if (read_request(request, inner, &admission, err) != 0) return -1;
	answer->operation = admission.operation_name;
	if (admission.kind != NULL) answer->kind = admission.kind->name;

	if (strcmp(admission.sub_resource, "scale") == 0 && request->path == REVIEW_VALIDATE) {
		validate_scale(&admission, inner, answer);
		return 0;
	}
	if (admission.sub_resource[0] != '\0') {
		/* A status write is its owner's word. */
		allow(answer, &admission);
		return 0;
	}
	if (admission.kind == NULL) {
		/* Somebody's webhook configuration sends us strangers: they must not suffer for it. */
		warn(&answer->findings, "agkeeper does not know %s of %s/%s: let through unseen", admission.kind_name,
		     admission.group, admission.version);
		allow(answer, &admission);
		return 0;
	}
	if (read_objects(inner, &admission, err) != 0) return -1;
	if (request->path == REVIEW_MUTATE) mutate(&admission, answer);
	else validate(&admission, answer);
	return 0;
}
