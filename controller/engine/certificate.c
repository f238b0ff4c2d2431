/* The certificate of an object's servers, where there is no cert-manager: issued by a CA of the object's own, which
 * lies with what it signed in the object's own Secret (tls/bundle.h), where only the controller reads it. The Secret
 * that pods mount is a copy without the CA's key. Each is written by compare-and-swap. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/duration.h"
#include "base/json.h"
#include "base/log.h"
#include "controller/engine/engine_private.h"
#include "controller/engine/transform.h"
#include "controller/resources/certificate.h"
#include "controller/resources/secrets.h"

enum {
	LOOK_MS = 60 * 1000, /* between thoughts about renewal, when nothing else has changed */
	/* Seconds for which a next CA stands in ca.crt before it signs: clients have copies of that file, and somebody
	 * has to renew them. */
	CLIENTS_OVERLAP = 30 * 24 * 3600
};

/* What pods mount, of a bundle's data. */
static const char *const mounted[] = { "tls.crt", "tls.key", "ca.crt" };

/* ---- What there is ---- */

static char *copy(const char *text) {
	return text != NULL ? xstrdup(text) : NULL;
}

static struct json_object *mounted_of(const struct json_object *data) {
	struct json_object *part = json_object_new_object();
	for (size_t i = 0; i < ARRAY_LENGTH(mounted); i++) {
		const char *value = json_get_text(data, mounted[i]);
		if (value != NULL) json_set_text(part, mounted[i], value);
	}
	return part;
}

static uint64_t digest_of(const struct json_object *data) {
	struct json_object *part = mounted_of(data);
	uint64_t digest = json_digest(part);
	secret_wipe_data(part);
	json_object_put(part);
	return digest;
}

void certificate_take(struct managed *managed, const struct json_object *secret) {
	char *key = secret_text(secret, "tls.key");
	char *certificate = secret_text(secret, "tls.crt");
	bool is_whole = key != NULL && certificate != NULL;
	wipe(&key);
	free(managed->certificate_trusted);
	free(managed->certificate_version);
	managed->certificate_trusted = secret_text(secret, "ca.crt");
	managed->certificate_version = copy(json_get_text(json_get(secret, "metadata"), "resourceVersion"));
	managed->certificate.state = is_whole ? SECRET_PRESENT : SECRET_INVALID;
	managed->certificate.digest = digest_of(json_get(secret, "data"));
	managed->made_certificate = has_our_labels(managed, secret);
	managed->settings_reads++;
	managed->certificate_look_at = 0;
	if (is_whole) {
		free(managed->certificate_text);
		managed->certificate_text = take(&certificate);
	}
	free(certificate);
}

void certificate_missing(struct managed *managed) {
	free(managed->certificate_version);
	managed->certificate_version = NULL;
	managed->made_certificate = false;
	managed->certificate_look_at = 0;
}

void certificate_free(struct managed *managed) {
	free(managed->certificate_text);
	free(managed->certificate_trusted);
	free(managed->certificate_version);
	bundle_free(&managed->bundle);
}

/* ---- What there shall be ---- */

struct issue {
	struct bundle_view view;
	struct certificate_profile profile;
	struct json_object *names_json;
	const char **names;
};

static void issue_free(struct issue *issue) {
	json_object_put(issue->names_json);
	free(issue->names);
}
#define cleanup_issue __attribute__((cleanup(issue_free)))

static size_t add_names(const char **names, size_t count, const struct json_object *list) {
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));
		if (name != NULL) names[count++] = name;
	}
	return count;
}

static void read_names(struct issue *issue, const struct json_object *object) {
	issue->names_json = certificate_names_of(object);
	const struct json_object *hosts = json_get(issue->names_json, "dnsNames");
	const struct json_object *addresses = json_get(issue->names_json, "ipAddresses");
	size_t count = json_object_array_length(hosts) + json_object_array_length(addresses);
	issue->names = xcalloc(count + 1, sizeof(*issue->names));
	add_names(issue->names, add_names(issue->names, 0, hosts), addresses);
}

static void read_wishes(struct issue *issue, const struct spec *spec) {
	issue->profile = profile_sql_server;
	if (spec->certificate_lifetime_s > 0) issue->profile.serving_lifetime = spec->certificate_lifetime_s;
	issue->profile.renew_before = spec->certificate_renew_before_s;
}

/* Nobody tells what clients trust: time does. */
static int64_t published_for(const struct bundle *bundle, int64_t now) {
	struct certificate_facts facts;
	if (bundle->next.certificate == NULL || certificate_read(bundle->next.certificate, &facts, NULL) < 0) return -1;
	return now - facts.not_before >= CLIENTS_OVERLAP ? BUNDLE_OVERLAP : 0;
}

static void issue_begin(struct issue *issue, const struct managed *managed) {
	*issue = (struct issue){ 0 };
	read_names(issue, managed->spec.completed);
	read_wishes(issue, &managed->spec);
	int64_t now = clock_wall_seconds();
	issue->view = (struct bundle_view){
		.profile = &issue->profile,
		.names = issue->names,
		.now = now,
		.published_for = published_for(&managed->bundle, now),
		/* Where the own Secret was lost with its CA, clients still trust that one for a while. */
		.keep_trusted = managed->bundle.trusted == NULL ? managed->certificate_trusted : NULL,
	};
}

/* cert-manager's, where it is; and somebody else's, where the Secret is not one that we made. */
static bool is_ours_to_issue(const struct managed *managed) {
	const struct offer *issuers = &managed->engine->offers[OFFER_ISSUERS];
	if (managed->spec.certificate_secret == NULL || !issuers->is_known || issuers->is_there) return false;
	if (managed->own.state != SECRET_PRESENT || managed->certificate.state == SECRET_UNKNOWN) return false;
	return managed->certificate.state == SECRET_MISSING || managed->made_certificate;
}

static uint64_t digest_of_bundle(const struct bundle *bundle) {
	struct json_object *data = json_object_new_object();
	bundle_to_data(bundle, data);
	uint64_t digest = digest_of(data);
	secret_wipe_data(data);
	json_object_put(data);
	return digest;
}

static const char *why(const struct managed *managed) {
	cleanup_issue struct issue issue;
	issue_begin(&issue, managed);
	const struct bundle_plan plan = bundle_decide(&managed->bundle, &issue.view);
	if (plan.why_serving != NULL) return plan.why_serving;
	if (plan.why_authority != NULL) return plan.why_authority;
	if (plan.why_trusted != NULL) return plan.why_trusted;
	if (managed->certificate.state == SECRET_MISSING) return "the Secret with the certificate is missing";
	bool is_copied = managed->certificate.digest == digest_of_bundle(&managed->bundle);
	return is_copied ? NULL : "the Secret with the certificate is not as it shall be";
}

const char *certificate_due(struct managed *managed, int64_t now) {
	if (!is_ours_to_issue(managed)) {
		managed->certificate_look_at = 0;
		return NULL;
	}
	if (now < managed->certificate_look_at) return managed->certificate_due;
	managed->certificate_due = why(managed);
	managed->certificate_look_at = now + LOOK_MS;
	return managed->certificate_due;
}

/* ---- The Secret that pods mount ---- */

static void on_written(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	if (!managed->is_gone) {
		if (err == NULL) certificate_take(managed, answer);
		else secrets_expire(managed, true);
	}
	secret_wipe(answer);
	if (err != NULL && err->kind == ERROR_CONFLICT) deed_drop(deed, "the Secret was changed meanwhile");
	else deed_end(deed, err);
}

static struct json_object *body_of(const struct managed *managed) {
	struct json_object *data = json_object_new_object();
	bundle_to_data(&managed->bundle, data);
	struct json_object *part = mounted_of(data);
	secret_wipe_data(data);
	json_object_put(data);
	if (managed->certificate_version == NULL)
		return certificate_secret_of(managed->object->json, managed->spec.certificate_secret, part);
	struct json_object *patch = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	json_set_text(metadata, "resourceVersion", managed->certificate_version);
	json_set(patch, "metadata", metadata);
	json_set(patch, "data", part);
	return patch;
}

static void write_mounted(struct deed *deed) {
	const struct managed *managed = deed->managed;
	struct json_object *body = body_of(managed);
	bool is_there = managed->certificate_version != NULL;
	const struct kube_request request = { .method = is_there ? KUBE_PATCH : KUBE_POST,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = is_there ? deed->action.text : NULL,
		                              .body = body,
		                              .patch_type = KUBE_PATCH_MERGE };
	deed_request(deed, &request, on_written);
	secret_wipe(body);
	json_object_put(body);
}

/* ---- The own Secret ---- */

static void on_issued(struct managed *managed, void *what, struct json_object *answer, const struct error *err) {
	struct deed *deed = what;
	bool goes_on = err == NULL && !managed->is_gone && managed->is_readable;
	if (goes_on) secret_take_own(managed, answer);
	else if (!managed->is_gone) secrets_expire(managed, true);
	secret_wipe(answer);
	if (goes_on && managed->spec.certificate_secret != NULL) write_mounted(deed);
	else if (err == NULL || err->kind == ERROR_CONFLICT) deed_drop(deed, "the Secret was changed meanwhile");
	else deed_end(deed, err);
}

/* What the bundle before had and this one has not goes. */
static struct json_object *change_of(const struct managed *managed, const struct bundle *bundle) {
	struct json_object *before = json_object_new_object();
	struct json_object *data = json_object_new_object();
	struct json_object *metadata = json_object_new_object();
	struct json_object *patch = json_object_new_object();
	bundle_to_data(&managed->bundle, before);
	bundle_to_data(bundle, data);
	json_object_object_foreach(before, key, value) {
		(void)value;
		if (json_get(data, key) == NULL) json_object_object_add(data, key, NULL);
	}
	secret_wipe_data(before);
	json_object_put(before);
	json_set_text(metadata, "resourceVersion", managed->own_version);
	json_set(patch, "metadata", metadata);
	json_set(patch, "data", data);
	return patch;
}

static void write_own(struct deed *deed, const struct bundle *bundle) {
	const struct managed *managed = deed->managed;
	struct json_object *patch = change_of(managed, bundle);
	const struct kube_request request = { .method = KUBE_PATCH,
		                              .resource = &kube_secrets,
		                              .namespace = managed->namespace,
		                              .name = managed->spec.own_secret,
		                              .body = patch,
		                              .patch_type = KUBE_PATCH_MERGE };
	deed_request(deed, &request, on_issued);
	secret_wipe(patch);
	json_object_put(patch);
}

static void log_certificate(const struct managed *managed, const struct bundle *bundle) {
	struct certificate_facts facts = { 0 };
	certificate_read(bundle->serving.certificate, &facts, NULL);
	log_info("a certificate for SQL Server is issued", log_str("object", managed->key),
	         log_str("secret", managed->spec.certificate_secret), log_int("until", facts.not_after));
}

/* ---- Issuing: keys are made in the workshop ---- */

struct job {
	struct deed *deed;
	char *own_version; /* of what the bundle was read from */
	char *keep_trusted;
	struct issue issue;
	struct bundle_plan plan;
	struct bundle bundle;
	struct error *err;
};

static struct job *job_new(struct deed *deed) {
	const struct managed *managed = deed->managed;
	struct job *job = xcalloc(1, sizeof(*job));
	job->deed = deed;
	job->own_version = copy(managed->own_version);
	issue_begin(&job->issue, managed);
	job->keep_trusted = copy(job->issue.view.keep_trusted);
	job->issue.view.keep_trusted = job->keep_trusted;
	bundle_copy(&job->bundle, &managed->bundle);
	job->plan = bundle_decide(&job->bundle, &job->issue.view);
	return job;
}

static void job_free(struct job *job) {
	free(job->own_version);
	free(job->keep_trusted);
	issue_free(&job->issue);
	bundle_free(&job->bundle);
	error_free(job->err);
	free(job);
}

/* On the workshop's thread: touches nothing but the job. */
static void make_keys(void *argument) {
	struct job *job = argument;
	(void)bundle_apply(&job->bundle, &job->plan, &job->issue.view, &job->err);
}

static void on_keys(void *argument, bool was_run) {
	struct job *job = argument;
	struct deed *deed = job->deed;
	const struct managed *managed = deed->managed;
	bool is_ours = was_run && !managed->is_gone && managed->is_readable && is_ours_to_issue(managed);
	bool is_same = is_ours && managed->own_version != NULL && strcmp(managed->own_version, job->own_version) == 0;
	if (!is_ours) {
		deed_drop(deed, "it is not ours to issue any more");
	} else if (!is_same) {
		deed_drop(deed, "the Secret was changed meanwhile");
	} else if (job->err != NULL) {
		deed_end(deed, job->err);
	} else {
		if (job->plan.why_serving != NULL) log_certificate(managed, &job->bundle);
		write_own(deed, &job->bundle);
	}
	job_free(job);
}

void act_issue_certificate(struct deed *deed) {
	const struct managed *managed = deed->managed;
	if (!is_ours_to_issue(managed) || managed->own_version == NULL) {
		deed_drop(deed, "it is not ours to issue any more");
		return;
	}
	struct job *job = job_new(deed);
	if (job->plan.steps != 0) {
		workshop_submit(managed->engine->workshop, make_keys, on_keys, job);
		return;
	}
	job_free(job);
	write_mounted(deed);
}
