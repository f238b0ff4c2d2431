#include "certs/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/periodic.h"
#include "certs/shared_secret.h"

enum { ATTEMPTS = 8 };

static const char *const any_name[] = { NULL };

enum subject { SUBJECT_SECRET, SUBJECT_INJECTION, SUBJECT_SERVER, SUBJECTS };

struct keeper {
	struct keeper_options options;

	/* Of the thread that does the rounds: */
	struct bundle bundle;    /* as the Secret had it last */
	struct identity served;  /* what the server has */
	char *served_trusted;    /* what clients trusted when it got that */
	char *published;         /* the bundle that was found everywhere in the last round; NULL: not everywhere */
	int64_t published_since; /* and in all rounds since */
	char *said[SUBJECTS];    /* the failures that were logged */
	int absent;              /* objects that wait for the bundle, and do not exist */
	int64_t retry_ms;        /* the next pause after a failure; 0: all is well */
	unsigned jitter_seed;

	atomic_bool stopping;
	struct periodic *thread;

	/* Shared: */
	pthread_mutex_t lock;
	struct keeper_status status;
};

struct keeper *keeper_new(const struct keeper_options *options) {
	struct keeper *keeper = xcalloc(1, sizeof(*keeper));
	keeper->options = *options;
	/* Replicas that started together shall not stay in step. */
	keeper->jitter_seed = (unsigned)clock_monotonic_ns() ^ (unsigned)(uintptr_t)keeper;
	pthread_mutex_init(&keeper->lock, NULL);
	return keeper;
}

void keeper_free(struct keeper *keeper) {
	if (keeper == NULL) return;
	keeper_stop(keeper);
	bundle_free(&keeper->bundle);
	identity_free(&keeper->served);
	free(keeper->served_trusted);
	free(keeper->published);
	for (size_t i = 0; i < SUBJECTS; i++) free(keeper->said[i]);
	pthread_mutex_destroy(&keeper->lock);
	free(keeper);
}

/* ---- What goes wrong is said once, and once that it is over ---- */

static const char *const subjects[] = {
	[SUBJECT_SECRET] = "the Secret of our certificates cannot be kept",
	[SUBJECT_INJECTION] = "the CA bundle cannot be injected",
	[SUBJECT_SERVER] = "the serving certificate is not taken",
};

/* `err` is what went wrong, NULL: nothing. */
static void report(struct keeper *keeper, enum subject subject, const struct error *err) {
	char **said = &keeper->said[subject];
	if (err == NULL && *said != NULL) log_info("certificates are in order again", log_str("before", *said));
	if (err != NULL && *said != NULL && strcmp(*said, err->message) == 0) return;
	if (err != NULL) log_warning(subjects[subject], log_err(err));
	free(*said);
	*said = err != NULL ? xstrdup(err->message) : NULL;
}

/* ---- Publishing ---- */

static bool is_published(const struct keeper *keeper, const char *trusted) {
	return keeper->published != NULL && trusted != NULL && strcmp(keeper->published, trusted) == 0;
}

static int64_t published_for(const struct keeper *keeper, const char *trusted, int64_t now) {
	return is_published(keeper, trusted) && now >= keeper->published_since ? now - keeper->published_since : -1;
}

static int publish(struct keeper *keeper, const char *trusted, int64_t now, struct error **err) {
	struct injection_result result;
	int failed = inject_ca_bundle(&keeper->options.injection, trusted, &result, err);
	keeper->absent = result.absent;
	if (!result.everywhere) {
		free(keeper->published);
		keeper->published = NULL;
	} else if (result.changed || !is_published(keeper, trusted)) {
		free(keeper->published);
		keeper->published = xstrdup(trusted);
		keeper->published_since = now;
	}
	return failed;
}

/* ---- The Secret ---- */

/* The CA certificates that clients need for what is served now, if `bundle` lacks them; else NULL. */
static char *trust_to_keep(const struct keeper *keeper, const struct bundle *bundle, int64_t now) {
	const char *served = keeper->served.certificate;
	if (served == NULL || certificate_verify(served, bundle->trusted, any_name, now, NULL) == 0) return NULL;
	cleanup_certificate_list struct certificate_list list = { 0 };
	certificate_list_add(&list, keeper->served_trusted);
	for (size_t i = list.count; i-- > 0;) {
		if (certificate_verify(served, list.items[i], any_name, now, NULL) < 0)
			certificate_list_remove(&list, i);
	}
	return list.count > 0 ? certificate_list_join(&list) : NULL;
}

/* Where the Secret was deleted or damaged, and we remember a good bundle, that one goes back. */
static void restore(struct keeper *keeper, const struct shared_secret *secret, struct bundle *bundle, int64_t now,
                    struct bundle_view *view) {
	if (secret->object != NULL && (bundle_equal(bundle, &keeper->bundle) || bundle_is_sound(bundle, now))) return;
	if (!bundle_is_sound(&keeper->bundle, now)) return;
	view->replace_ca = secret->object == NULL;
	log_warning(secret->object == NULL ? "the Secret of our certificates was deleted: restoring it with a new CA"
	                                   : "the Secret of our certificates was damaged: restoring it",
	            log_str("secret", secret->name));
	bundle_copy(bundle, &keeper->bundle);
}

/* A next CA signs only if its certificate is everywhere at this very moment. */
static struct bundle_plan decide(struct keeper *keeper, const struct bundle *bundle, struct bundle_view *view) {
	view->published_for = published_for(keeper, bundle->trusted, view->now);
	struct bundle_plan plan = bundle_decide(bundle, view);
	if (!(plan.steps & BUNDLE_TAKE_OVER) || view->published_for < 0) return plan;
	publish(keeper, bundle->trusted, view->now, NULL);
	view->published_for = published_for(keeper, bundle->trusted, view->now);
	return bundle_decide(bundle, view);
}

static void log_plan(const struct bundle_plan *plan) {
	if (plan->steps & BUNDLE_INTRODUCE)
		log_info("new certificate authority made", log_str("why", plan->why_authority));
	if (plan->steps & BUNDLE_TAKE_OVER)
		log_info("certificate authority takes over", log_str("why", plan->why_authority));
	if (plan->steps & BUNDLE_RENEW) log_info("new serving certificate signed", log_str("why", plan->why_serving));
	if (plan->steps & BUNDLE_TIDY) log_info("certificates put in order", log_str("why", plan->why_trusted));
}

/* Reads, decides and writes once. ERROR_CONFLICT: do it again. */
static int reconcile_once(struct keeper *keeper, int64_t now, struct error **err) {
	cleanup_shared_secret struct shared_secret secret = { .client = keeper->options.client,
		                                              .namespace = keeper->options.namespace,
		                                              .name = KEEPER_SECRET };
	cleanup_bundle struct bundle found = { 0 };
	if (shared_secret_read(&secret, &found, err) < 0) return -1;
	cleanup_bundle struct bundle wanted = { 0 };
	bundle_copy(&wanted, &found);
	struct bundle_view view = { .profile = &profile_webhook, .names = keeper->options.names, .now = now };
	restore(keeper, &secret, &wanted, now, &view);
	cleanup_free char *keep = trust_to_keep(keeper, &wanted, now);
	view.keep_trusted = keep;

	struct bundle_plan plan = decide(keeper, &wanted, &view);
	if (plan.steps != 0 && bundle_apply(&wanted, &plan, &view, err) < 0) return -1;
	if (secret.object == NULL || !bundle_equal(&wanted, &found)) {
		if (shared_secret_write(&secret, &wanted, err) < 0) return -1;
		log_plan(&plan);
	}
	bundle_copy(&keeper->bundle, &wanted);
	return 0;
}

static int reconcile(struct keeper *keeper, int64_t now, struct error **err) {
	for (int attempt = 1;; attempt++) {
		cleanup_error struct error *failure = NULL;
		if (reconcile_once(keeper, now, &failure) == 0) return 0;
		if (failure->kind != ERROR_CONFLICT || attempt == ATTEMPTS) return error_move(err, &failure);
	}
}

/* ---- Serving ---- */

/* A certificate is served at once when clients that trusted the CA of the last one trust its CA too, or when there is
 * nothing better; else when the bundle has been in place for a while. */
static bool may_serve(const struct keeper *keeper, int64_t now) {
	const char *served = keeper->served.certificate;
	if (served == NULL || certificate_verify(served, keeper->served_trusted, any_name, now, NULL) < 0) return true;
	const char *wanted = keeper->bundle.serving.certificate;
	if (certificate_verify(wanted, keeper->served_trusted, any_name, now, NULL) == 0) return true;
	return published_for(keeper, keeper->bundle.trusted, now) >= KEEPER_SETTLE;
}

static int serve(struct keeper *keeper, int64_t now, struct error **err) {
	const struct identity *wanted = &keeper->bundle.serving;
	if (wanted->certificate == NULL || identity_equal(wanted, &keeper->served)) return 0;
	if (identity_check(wanted, NULL) < 0 || !may_serve(keeper, now)) return 0;
	if (keeper->options.serve(keeper->options.context, wanted->certificate, wanted->key, err) < 0) return -1;
	identity_copy(&keeper->served, wanted);
	free(keeper->served_trusted);
	keeper->served_trusted = xstrdup(keeper->bundle.trusted != NULL ? keeper->bundle.trusted : "");
	struct certificate_facts facts;
	char expires[CLOCK_RFC3339_SIZE] = "";
	if (certificate_read(wanted->certificate, &facts, NULL) == 0) clock_format_rfc3339(facts.not_after, expires);
	log_info("serving certificate in use", log_str("expires", expires));
	return 0;
}

/* ---- Rounds ---- */

static int64_t expiry_of(const char *certificate) {
	struct certificate_facts facts;
	return certificate_read(certificate, &facts, NULL) == 0 ? facts.not_after : 0;
}

static void note_status(struct keeper *keeper, bool good, int64_t now) {
	struct keeper_status status = {
		.serving = keeper->served.certificate != NULL,
		.published = keeper->published != NULL,
		.serving_expires = expiry_of(keeper->served.certificate),
		.authority_expires = expiry_of(keeper->bundle.current.certificate),
	};
	pthread_mutex_lock(&keeper->lock);
	status.last_success = good ? now : keeper->status.last_success;
	status.failures = keeper->status.failures + !good;
	keeper->status = status;
	pthread_mutex_unlock(&keeper->lock);
}

/* 4/5 to 6/5 of it. */
static int64_t jittered(struct keeper *keeper, int64_t ms) {
	return ms * 4 / 5 + rand_r(&keeper->jitter_seed) % (ms * 2 / 5 + 1);
}

static int64_t pause_after(struct keeper *keeper, bool good) {
	if (good) keeper->retry_ms = 0;
	else if (keeper->retry_ms == 0) keeper->retry_ms = KEEPER_RETRY_MS;
	else if (keeper->retry_ms < KEEPER_PAUSE_MS / 2) keeper->retry_ms *= 2;
	else keeper->retry_ms = KEEPER_PAUSE_MS;
	if (!good) return jittered(keeper, keeper->retry_ms);
	return jittered(keeper, keeper->absent > 0 ? KEEPER_ABSENT_MS : KEEPER_PAUSE_MS);
}

int64_t keeper_round(struct keeper *keeper, int64_t now) {
	cleanup_error struct error *secret_error = NULL;
	cleanup_error struct error *injection_error = NULL;
	cleanup_error struct error *server_error = NULL;
	reconcile(keeper, now, &secret_error);
	/* What is known from before is published and served even if the Secret cannot be read now. */
	const char *trusted = keeper->bundle.trusted;
	if (trusted != NULL && !keeper->stopping) publish(keeper, trusted, now, &injection_error);
	serve(keeper, now, &server_error);
	report(keeper, SUBJECT_SECRET, secret_error);
	report(keeper, SUBJECT_INJECTION, injection_error);
	report(keeper, SUBJECT_SERVER, server_error);
	bool good = secret_error == NULL && injection_error == NULL && server_error == NULL;
	note_status(keeper, good, now);
	return pause_after(keeper, good);
}

struct keeper_status keeper_status(struct keeper *keeper) {
	pthread_mutex_lock(&keeper->lock);
	struct keeper_status status = keeper->status;
	pthread_mutex_unlock(&keeper->lock);
	return status;
}

static int64_t round_now(void *context) {
	return keeper_round(context, clock_wall_seconds());
}

int keeper_start(struct keeper *keeper, struct error **err) {
	keeper->thread = periodic_start(round_now, keeper, err);
	return keeper->thread != NULL ? 0 : -1;
}

void keeper_stop(struct keeper *keeper) {
	keeper->stopping = true;
	periodic_stop(take(&keeper->thread));
	keeper->stopping = false;
}
