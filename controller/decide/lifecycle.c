/* From the object's first day to its last: the finalizer, Secrets and children while it lives; its end, in the order
 * pods, claims, Secrets, the other children, finalizer. Each step is taken as long as what it is for is not seen done.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "controller/decide/volumes.h"

#define PROVISIONED "Provisioned"
#define DELETING    "Deleting"

static const char *kind_of(const struct child_view *child) {
	return json_get_text(child->desired, "kind");
}

static const char *name_of(const struct child_view *child) {
	return json_get_text(json_get(child->desired, "metadata"), "name");
}

static bool is_set(const struct child_view *child) {
	const char *kind = kind_of(child);
	return kind != NULL && strcmp(kind, "StatefulSet") == 0;
}

/* Its pods and claims are somebody else's then, whatever they are called. */
static bool set_is_foreign(const struct view *view) {
	if (view->set_is_foreign) return true;
	for (size_t i = 0; i < view->child_count; i++) {
		if (is_set(&view->children[i])) return view->children[i].state == CHILD_FOREIGN;
	}
	return false;
}

/* ---- Which pods stay ---- */

/* The ordinal of pod <name>-<ordinal>, -1: it is none of this object's. */
static int64_t ordinal_of(const struct spec *spec, const char *pod) {
	size_t length = strlen(spec->name);
	if (pod == NULL || strncmp(pod, spec->name, length) != 0 || pod[length] != '-') return -1;
	char *end;
	long ordinal = strtol(pod + length + 1, &end, 10);
	return *end == '\0' && end != pod + length + 1 && ordinal >= 0 ? ordinal : -1;
}

int64_t pods_kept(const struct spec *spec, const struct record *record) {
	if (!spec->is_group) return 0;
	int64_t last = ordinal_of(spec, record->primary.pod);
	for (size_t i = 0; i < record->member_count; i++) {
		int64_t ordinal = ordinal_of(spec, record->members[i].pod);
		if (ordinal > last) last = ordinal;
	}
	int64_t target = record->intent.kind != INTENT_NONE ? ordinal_of(spec, record->intent.target) : -1;
	if (target > last) last = target;
	return last + 1;
}

/* ---- While it lives ---- */

static void make_secrets(struct deciding *deciding) {
	const struct view *view = deciding->view;
	if (view->administrator_secret == SECRET_MISSING && deciding->spec->makes_administrator_secret) {
		change_api(deciding, &(struct action){ .type = ACTION_CREATE_ADMINISTRATOR_SECRET,
		                                       .reason = "the object names none that others make" });
	}
	if (view->own_secret == SECRET_MISSING) {
		change_api(deciding, &(struct action){ .type = ACTION_CREATE_OWN_SECRET,
		                                       .reason = "the servers are logged in to with it" });
	}
	if (view->certificate_due != NULL && view->own_secret == SECRET_PRESENT) {
		change_api(deciding, &(struct action){ .type = ACTION_ISSUE_CERTIFICATE,
		                                       .text = deciding->spec->certificate_secret,
		                                       .reason = view->certificate_due });
	}
}

/* `pod` and `text` tell one child from another where failures are kept. */
static void change_child(struct deciding *deciding, const struct child_view *child, enum action_type type,
                         const char *reason) {
	change_api(deciding, &(struct action){
	                             .type = type,
	                             .pod = name_of(child),
	                             .text = plan_text(deciding->plan, "%s/%s", kind_of(child), name_of(child)),
	                             .json = json_copy(child->desired),
	                             .reason = reason,
	                     });
}

/* The certificate's checksum stands in the pods' template: while the certificate is not known, a template would have to
 * change back, and every pod would be restarted for nothing. */
static bool awaits_certificate(const struct deciding *deciding, const struct child_view *child) {
	if (deciding->spec->certificate_secret == NULL || !is_set(child)) return false;
	return deciding->view->certificate_secret != SECRET_PRESENT;
}

/* Pods are started once there is all that they mount and read: a kubelet that misses something tries again only after a
 * while. A set that exists is not held back by that. */
static bool may_start(const struct deciding *deciding, size_t index) {
	if (!is_set(&deciding->view->children[index])) return true;
	if (volumes_keep_set_away(deciding)) return false;
	if (deciding->view->administrator_secret != SECRET_PRESENT) return false;
	for (size_t i = 0; i < index; i++) {
		if (deciding->view->children[i].state == CHILD_MISSING) return false;
	}
	return true;
}

/* A pod of the older revision may mount it still: it could not be started again without it. */
static bool is_in_use(const struct deciding *deciding, const struct child_view *child) {
	const char *kind = kind_of(child);
	if (kind == NULL || strcmp(kind, "ConfigMap") != 0) return false;
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct pod_view *pod = &deciding->view->replicas[i].pod;
		if (pod->exists && !pod->is_current) return true;
	}
	return false;
}

static void apply_children(struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->child_count; i++) {
		const struct child_view *child = &deciding->view->children[i];
		if (awaits_certificate(deciding, child)) continue;
		if (child->state == CHILD_DRIFTED) {
			change_child(deciding, child, ACTION_APPLY_CHILD, "it is not as it shall be");
		} else if (child->state == CHILD_MISSING && may_start(deciding, i)) {
			change_child(deciding, child, ACTION_APPLY_CHILD, "it is missing");
		} else if (child->state == CHILD_SURPLUS && !is_in_use(deciding, child)) {
			change_child(deciding, child, ACTION_DELETE_CHILD, "the object does not ask for it any more");
		}
	}
}

/* A claim that was there before the StatefulSet has not got its labels from it. */
static void label_claims(struct deciding *deciding) {
	const struct view *view = deciding->view;
	if (!deciding->spec->has_own_claims || set_is_foreign(view)) return;
	for (size_t i = 0; i < view->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (!replica->claim.exists || replica->claim.is_labelled || replica->claim.is_deleting) continue;
		change_api(deciding, &(struct action){ .type = ACTION_LABEL_CLAIM,
		                                       .pod = replica->pod_name,
		                                       .reason = "every child carries them" });
	}
}

/* ---- What stands in the way ---- */

/* What spec refers to and is not there: the image of its version, or a Secret with settings. */
static bool find_image(struct deciding *deciding) {
	if (deciding->view->has_image) return true;
	const char *trouble = deciding->view->image_trouble;
	if (trouble == NULL) trouble = "spec.version: its image is not known";
	bool is_version = strncmp(trouble, "spec.version", strlen("spec.version")) == 0;
	find_news(deciding, true, PROVISIONED, false, is_version ? "ImageUnknown" : "ReferenceMissing", "%s", trouble);
	return false;
}

static bool find_secrets(struct deciding *deciding) {
	const struct spec *spec = deciding->spec;
	const struct view *view = deciding->view;
	if (view->administrator_secret == SECRET_MISSING && !spec->makes_administrator_secret) {
		find_news(
		        deciding, true, PROVISIONED, false, "SecretMissing",
		        "Secret %s with the administrator's password does not exist; others make it, and it is waited "
		        "for",
		        spec->administrator_secret);
		return false;
	}
	if (view->administrator_secret == SECRET_INVALID) {
		find_news(deciding, true, PROVISIONED, false, "SecretInvalid",
		          "Secret %s has no key %s with the administrator's password", spec->administrator_secret,
		          spec->administrator_key);
		return false;
	}
	if (view->own_secret == SECRET_INVALID) {
		find_news(deciding, true, PROVISIONED, false, "SecretInvalid",
		          "Secret %s does not hold what agkeeper logs in with: delete it, and another is made",
		          spec->own_secret);
		return false;
	}
	return true;
}

/* What our own CA issues is there in a moment. */
static bool find_certificate(struct deciding *deciding) {
	const struct view *view = deciding->view;
	const char *name = deciding->spec->certificate_secret;
	if (name == NULL) return true;
	if (view->certificate_secret == SECRET_INVALID && view->certificate_due == NULL) {
		find_news(deciding, true, PROVISIONED, false, "SecretInvalid",
		          "Secret %s has no tls.crt and tls.key with SQL Server's certificate", name);
		return false;
	}
	if (view->certificate_secret != SECRET_MISSING || view->certificate_due != NULL || !view->has_issuers)
		return true;
	find_news(deciding, false, PROVISIONED, false, "CertificateAwaited",
	          "Secret %s is awaited from cert-manager; Certificate %s-server-cert says what it lacks", name,
	          deciding->spec->name);
	return false;
}

static bool find_foreign(struct deciding *deciding) {
	cleanup_strbuf struct strbuf names = { 0 };
	const char *trouble = NULL;
	for (size_t i = 0; i < deciding->view->child_count; i++) {
		const struct child_view *child = &deciding->view->children[i];
		if (child->state != CHILD_FOREIGN) continue;
		strbuf_printf(&names, "%s%s %s", names.length > 0 ? ", " : "", kind_of(child), name_of(child));
		if (trouble == NULL) trouble = child->trouble;
	}
	if (names.length == 0) return true;
	find_news(deciding, true, PROVISIONED, false, "ForeignChild",
	          "%s belongs to somebody else and is left alone; this object needs the name%s%s", strbuf_text(&names),
	          trouble != NULL ? ": " : "", trouble != NULL ? trouble : "");
	return false;
}

static bool is_there(enum secret_state state, bool was_complete) {
	return state == SECRET_PRESENT || (state == SECRET_UNKNOWN && was_complete);
}

/* A Secret that was not looked at yet, by a controller that has just started, changes nothing about what was said. */
static bool is_complete(const struct deciding *deciding) {
	const struct view *view = deciding->view;
	bool was_complete = condition_is_stored(deciding, PROVISIONED, "True");
	if (!is_there(view->administrator_secret, was_complete) || !is_there(view->own_secret, was_complete))
		return false;
	bool has_certificate =
	        deciding->spec->certificate_secret == NULL || is_there(view->certificate_secret, was_complete);
	if (!has_certificate) return false;
	for (size_t i = 0; i < view->child_count; i++) {
		if (view->children[i].state == CHILD_MISSING) return false;
	}
	return view->child_count > 0;
}

/* One thing at a time: the first that a person has to see to. */
static void find_provisioned(struct deciding *deciding) {
	if (!find_image(deciding) || !find_secrets(deciding) || !find_certificate(deciding)) return;
	if (!find_foreign(deciding)) return;
	if (is_complete(deciding)) {
		find(deciding, PROVISIONED, true, "Provisioned", "all objects that it consists of are there");
	} else {
		find(deciding, PROVISIONED, false, "Applying", "objects that it consists of are being made");
	}
}

/* ---- Its end ---- */

/* From the spec: where the image is not known any more there are no children to look it up in. */
static struct json_object *set_identity(const struct spec *spec) {
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "namespace", spec->namespace);
	json_set_text(metadata, "name", spec->name);
	struct json_object *set = json_object_new_object();
	json_set_text(set, "apiVersion", "apps/v1");
	json_set_text(set, "kind", "StatefulSet");
	json_set(set, "metadata", metadata);
	return set;
}

static void delete_set(struct deciding *deciding) {
	const char *name = deciding->spec->name;
	change_api(deciding, &(struct action){ .type = ACTION_DELETE_CHILD,
	                                       .pod = name,
	                                       .text = plan_text(deciding->plan, "StatefulSet/%s", name),
	                                       .json = set_identity(deciding->spec),
	                                       .reason = "the object is being deleted" });
}

/* The StatefulSet was being made again when the object was deleted: its pods go by themselves only with it. */
static void delete_left_pods(struct deciding *deciding) {
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!replica->pod.is_orphan || replica->pod.is_deleting) continue;
		change_api(deciding, &(struct action){ .type = ACTION_DELETE_POD,
		                                       .pod = replica->pod_name,
		                                       .text = replica->pod.uid,
		                                       .reason = "the object is being deleted" });
	}
}

static bool stop_pods(struct deciding *deciding) {
	const struct view *view = deciding->view;
	if (set_is_foreign(view)) return true;
	cleanup_strbuf struct strbuf pods = { 0 };
	for (size_t i = 0; i < view->replica_count; i++) {
		const struct replica_view *replica = &view->replicas[i];
		if (!replica->pod.exists || !replica->pod.is_ours) continue;
		strbuf_printf(&pods, "%s%s", pods.length > 0 ? ", " : "", replica->pod_name);
	}
	if (!view->has_set && pods.length == 0) return true;
	if (view->has_set && !view->set_is_deleting) delete_set(deciding);
	if (!view->has_set) delete_left_pods(deciding);
	find(deciding, DELETING, true, "WaitingForPods", "waits until the pods are gone: %s",
	     pods.length > 0 ? strbuf_text(&pods) : "the StatefulSet is being deleted");
	return false;
}

static bool keeps_claims(const struct deciding *deciding) {
	const struct spec *spec = deciding->spec;
	return spec->keeps_claims || spec->deletion == DELETION_HALT || spec->deletion == DELETION_DO_NOT_TERMINATE ||
	       set_is_foreign(deciding->view);
}

static bool delete_claims(struct deciding *deciding) {
	if (keeps_claims(deciding)) return true;
	cleanup_strbuf struct strbuf claims = { 0 };
	for (size_t i = 0; i < deciding->view->replica_count; i++) {
		const struct replica_view *replica = &deciding->view->replicas[i];
		if (!replica->claim.exists) continue;
		strbuf_printf(&claims, "%sdata-%s", claims.length > 0 ? ", " : "", replica->pod_name);
		if (replica->claim.is_deleting) continue;
		change_api(deciding, &(struct action){ .type = ACTION_DELETE_CLAIM,
		                                       .pod = replica->pod_name,
		                                       .text = replica->claim.uid,
		                                       .reason = "volumes go with the object" });
	}
	if (claims.length == 0) return true;
	find(deciding, DELETING, true, "WaitingForClaims", "waits until the volume claims are gone: %s",
	     strbuf_text(&claims));
	return false;
}

/* True when it is gone, or stays. One that was not looked at yet is neither. */
static bool delete_secret(struct deciding *deciding, const char *name, enum secret_state state, bool goes) {
	if (!goes || state == SECRET_MISSING) return true;
	if (state != SECRET_UNKNOWN) {
		change_api(deciding, &(struct action){ .type = ACTION_DELETE_SECRET,
		                                       .text = name,
		                                       .reason = "Secrets go with the object" });
	}
	find(deciding, DELETING, true, "WaitingForSecrets", "waits until Secret %s is gone", name);
	return false;
}

/* agkeeper's own Secret opens the volumes: it stays as long as they do. */
static bool delete_own_secret(struct deciding *deciding) {
	const char *name = deciding->spec->own_secret;
	enum secret_state state = deciding->view->own_secret;
	bool goes = !keeps_claims(deciding);
	bool is_known = state == SECRET_PRESENT || state == SECRET_INVALID;
	if (goes && is_known && !deciding->view->made_own_secret) {
		if (is_untold(deciding, name, "left"))
			say(deciding, true, "SecretLeft",
			    "Secret %s has neither the labels nor the type of one that agkeeper made, and is left "
			    "alone: the volumes that its passwords were for are gone; delete it if nobody needs it",
			    name);
		goes = false;
	}
	return delete_secret(deciding, name, state, goes);
}

static bool delete_secrets(struct deciding *deciding) {
	const struct spec *spec = deciding->spec;
	const struct view *view = deciding->view;
	bool administrator_goes = spec->deletion == DELETION_WIPE_OUT && spec->makes_administrator_secret &&
	                          view->made_administrator_secret;
	bool certificate_goes = spec->deletion == DELETION_WIPE_OUT && spec->certificate_secret != NULL &&
	                        view->made_certificate_secret;
	bool certificate_is_gone =
	        delete_secret(deciding, spec->certificate_secret, view->certificate_secret, certificate_goes);
	bool own_is_gone = delete_own_secret(deciding);
	return delete_secret(deciding, spec->administrator_secret, view->administrator_secret, administrator_goes) &&
	       own_is_gone && certificate_is_gone;
}

/* What is watched, and therefore seen to be gone. The garbage collector would do it too, but it follows our kinds by a
 * version that only our own webhook can convert to: while that is away it is blind. */
static bool is_ended_here(const struct child_view *child) {
	static const char *const kinds[] = { "Service", "ConfigMap", "PodDisruptionBudget" };
	if (child->state == CHILD_MISSING || child->state == CHILD_FOREIGN) return false;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		const char *kind = kind_of(child);
		if (kind != NULL && strcmp(kind, kinds[i]) == 0) return true;
	}
	return false;
}

static bool delete_children(struct deciding *deciding) {
	cleanup_strbuf struct strbuf names = { 0 };
	for (size_t i = 0; i < deciding->view->child_count; i++) {
		const struct child_view *child = &deciding->view->children[i];
		if (!is_ended_here(child)) continue;
		change_child(deciding, child, ACTION_DELETE_CHILD, "the object is being deleted");
		strbuf_printf(&names, "%s%s %s", names.length > 0 ? ", " : "", kind_of(child), name_of(child));
	}
	if (names.length == 0) return true;
	find(deciding, DELETING, true, "WaitingForChildren", "waits until these are gone: %s", strbuf_text(&names));
	return false;
}

static void decide_end(struct deciding *deciding) {
	if (!deciding->view->has_finalizer) return;
	if (!stop_pods(deciding) || !delete_claims(deciding) || !delete_secrets(deciding)) return;
	if (!delete_children(deciding)) return;
	change_api(deciding, &(struct action){ .type = ACTION_REMOVE_FINALIZER,
	                                       .reason = "nothing is left that it was kept for" });
}

void lifecycle_decide(struct deciding *deciding) {
	if (deciding->view->is_deleting) {
		decide_end(deciding);
		return;
	}
	/* First of all: whatever is made before it could be left over. */
	if (!deciding->view->has_finalizer) {
		change_api(deciding,
		           &(struct action){ .type = ACTION_ADD_FINALIZER, .reason = "before anything is made" });
		return;
	}
	make_secrets(deciding);
	apply_children(deciding);
	label_claims(deciding);
	find_provisioned(deciding);
}
