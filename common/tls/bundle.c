#include "tls/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "tls/authority.h"

static const char *const any_name[] = { NULL };

void bundle_free(struct bundle *bundle) {
	free(bundle->trusted);
	bundle->trusted = NULL;
	identity_free(&bundle->current);
	identity_free(&bundle->next);
	identity_free(&bundle->serving);
}

void bundle_copy(struct bundle *to, const struct bundle *from) {
	char *trusted = from->trusted != NULL ? xstrdup(from->trusted) : NULL;
	free(to->trusted);
	to->trusted = trusted;
	identity_copy(&to->current, &from->current);
	identity_copy(&to->next, &from->next);
	identity_copy(&to->serving, &from->serving);
}

bool bundle_equal(const struct bundle *a, const struct bundle *b) {
	const char *a_trusted = a->trusted != NULL ? a->trusted : "";
	const char *b_trusted = b->trusted != NULL ? b->trusted : "";
	return strcmp(a_trusted, b_trusted) == 0 && identity_equal(&a->current, &b->current) &&
	       identity_equal(&a->next, &b->next) && identity_equal(&a->serving, &b->serving);
}

/* ---- Judging ---- */

static bool is_valid_at(const struct certificate_facts *facts, int64_t now) {
	return facts->not_before <= now && now < facts->not_after;
}

static bool can_sign(const struct identity *ca, int64_t now) {
	struct certificate_facts facts;
	if (identity_check(ca, NULL) < 0 || certificate_read(ca->certificate, &facts, NULL) < 0) return false;
	return facts.is_ca && is_valid_at(&facts, now);
}

/* What the parts are good for, found out once: reading a private key is the dearest thing here. */
struct assessment {
	bool current;      /* can sign */
	bool next;         /* can sign */
	bool serving;      /* is accepted, */
	bool serving_name; /* and for all names */
};

static struct assessment assess(const struct bundle *bundle, const struct bundle_view *view) {
	const char *certificate = bundle->serving.certificate;
	struct assessment found = { .current = can_sign(&bundle->current, view->now),
		                    .next = can_sign(&bundle->next, view->now) };
	found.serving = identity_check(&bundle->serving, NULL) == 0 &&
	                certificate_verify(certificate, bundle->trusted, any_name, view->now, NULL) == 0;
	found.serving_name =
	        found.serving && certificate_verify(certificate, bundle->trusted, view->names, view->now, NULL) == 0;
	return found;
}

bool bundle_is_sound(const struct bundle *bundle, int64_t now) {
	struct bundle_view view = { .names = any_name, .now = now };
	struct assessment found = assess(bundle, &view);
	return found.current && found.serving;
}

/* Whether three fifths of the lifetime are over. */
static bool is_due(const char *certificate, int64_t now) {
	struct certificate_facts facts;
	if (certificate_read(certificate, &facts, NULL) < 0) return true;
	return (now - facts.not_before) * 5 >= (facts.not_after - facts.not_before) * 3;
}

static bool serving_is_due(const char *certificate, const struct bundle_view *view) {
	struct certificate_facts facts;
	if (certificate_read(certificate, &facts, NULL) < 0) return true;
	int64_t lifetime = facts.not_after - facts.not_before;
	int64_t before = view->profile->renew_before;
	/* One that were due as soon as it is made would be renewed for ever. */
	bool is_sane = before > 0 && before <= lifetime * 4 / 5;
	return is_sane ? view->now >= facts.not_after - before : is_due(certificate, view->now);
}

/* A certificate that already ends with its CA gains nothing from being renewed. */
static bool ends_with(const char *certificate, const char *ca) {
	struct certificate_facts own;
	struct certificate_facts issuer;
	return certificate_read(certificate, &own, NULL) == 0 && certificate_read(ca, &issuer, NULL) == 0 &&
	       own.not_after >= issuer.not_after;
}

static bool has_next(const struct bundle *bundle) {
	return bundle->next.certificate != NULL || bundle->next.key != NULL;
}

/* ---- What clients shall trust ---- */

/* Drops expired ones and such that are no CA; then, while there are too many, the needless one that ends first. */
static void drop_useless(struct certificate_list *trusted, const struct certificate_list *needed, int64_t now) {
	for (size_t i = trusted->count; i-- > 0;) {
		struct certificate_facts facts;
		bool useful =
		        certificate_read(trusted->items[i], &facts, NULL) == 0 && facts.is_ca && now < facts.not_after;
		if (!useful) certificate_list_remove(trusted, i);
	}
	while (trusted->count > BUNDLE_MAX_TRUSTED) {
		size_t first = trusted->count;
		int64_t first_end = INT64_MAX;
		for (size_t i = 0; i < trusted->count; i++) {
			struct certificate_facts facts = { 0 };
			certificate_read(trusted->items[i], &facts, NULL);
			if (certificate_list_has(needed, trusted->items[i]) || facts.not_after >= first_end) continue;
			first = i;
			first_end = facts.not_after;
		}
		if (first == trusted->count) return;
		certificate_list_remove(trusted, first);
	}
}

/* What `trusted` should be, as a new text; NULL when it is right as it stands, comments and order included. */
static char *tidied(const struct bundle *bundle, const struct assessment *found, const struct bundle_view *view) {
	cleanup_certificate_list struct certificate_list before = { 0 };
	certificate_list_add(&before, bundle->trusted);
	cleanup_certificate_list struct certificate_list needed = { 0 };
	if (found->current) certificate_list_add(&needed, bundle->current.certificate);
	if (found->next) certificate_list_add(&needed, bundle->next.certificate);
	certificate_list_add(&needed, view->keep_trusted);

	cleanup_certificate_list struct certificate_list after = { 0 };
	certificate_list_add(&after, bundle->trusted);
	for (size_t i = 0; i < needed.count; i++) certificate_list_add(&after, needed.items[i]);
	drop_useless(&after, &needed, view->now);
	cleanup_free char *old_text = certificate_list_join(&before);
	cleanup_free char *new_text = certificate_list_join(&after);
	bool right = before.unreadable == 0 && strcmp(old_text, new_text) == 0;
	return right ? NULL : take(&new_text);
}

/* ---- Deciding ---- */

static void decide_authority(const struct bundle *bundle, const struct assessment *found,
                             const struct bundle_view *view, struct bundle_plan *plan) {
	if (!found->current && !found->serving) {
		/* Nothing to lose by changing at once. */
		plan->steps |= BUNDLE_TAKE_OVER | (found->next ? 0 : BUNDLE_INTRODUCE);
		plan->why_authority = "there is neither a usable authority nor a usable certificate";
	} else if (found->next && view->published_for >= BUNDLE_OVERLAP) {
		plan->steps |= BUNDLE_TAKE_OVER;
		plan->why_authority = "the next authority has been trusted everywhere for long enough";
	} else if (found->next) {
		return; /* it waits */
	} else if (!found->current) {
		plan->steps |= BUNDLE_INTRODUCE;
		plan->why_authority = "the authority's certificate or key is missing, damaged or expired";
	} else if (is_due(bundle->current.certificate, view->now)) {
		plan->steps |= BUNDLE_INTRODUCE;
		plan->why_authority = "the authority has reached three fifths of its lifetime";
	} else if (view->replace_ca) {
		plan->steps |= BUNDLE_INTRODUCE;
		plan->why_authority = "a new authority was asked for";
	}
}

static void decide_serving(const struct bundle *bundle, const struct assessment *found, const struct bundle_view *view,
                           struct bundle_plan *plan) {
	const char *certificate = bundle->serving.certificate;
	if (plan->steps & BUNDLE_TAKE_OVER) {
		plan->why_serving = "the authority changes";
	} else if (!found->current) {
		return; /* nobody can sign until the next authority takes over */
	} else if (!found->serving) {
		plan->why_serving = "the serving certificate or its key is missing, damaged or expired";
	} else if (!found->serving_name) {
		plan->why_serving = "the serving certificate lacks a name";
	} else if (serving_is_due(certificate, view) && !ends_with(certificate, bundle->current.certificate)) {
		plan->why_serving = "the serving certificate is to be renewed before it ends";
	}
	if (plan->why_serving != NULL) plan->steps |= BUNDLE_RENEW;
}

static void decide_trusted(const struct bundle *bundle, const struct assessment *found, const struct bundle_view *view,
                           struct bundle_plan *plan) {
	cleanup_free char *trusted = tidied(bundle, found, view);
	if (has_next(bundle) && !found->next) plan->why_trusted = "the next authority was damaged or expired";
	else if (trusted != NULL) plan->why_trusted = "trusted certificates were missing, damaged or expired";
	if (plan->why_trusted != NULL) plan->steps |= BUNDLE_TIDY;
}

struct bundle_plan bundle_decide(const struct bundle *bundle, const struct bundle_view *view) {
	struct bundle_plan plan = { 0 };
	struct assessment found = assess(bundle, view);
	decide_authority(bundle, &found, view, &plan);
	decide_serving(bundle, &found, view, &plan);
	decide_trusted(bundle, &found, view, &plan);
	return plan;
}

/* ---- Doing ---- */

static int change(struct bundle *bundle, const struct bundle_plan *plan, const struct bundle_view *view,
                  struct error **err) {
	if (has_next(bundle) && !can_sign(&bundle->next, view->now)) identity_free(&bundle->next);
	if (plan->steps & BUNDLE_INTRODUCE && authority_create(view->profile, view->now, &bundle->next, err) < 0)
		return -1;
	if (plan->steps & BUNDLE_TAKE_OVER) {
		identity_free(&bundle->current);
		bundle->current = bundle->next;
		bundle->next = (struct identity){ 0 };
	}
	if (plan->steps & BUNDLE_RENEW &&
	    authority_issue(view->profile, &bundle->current, view->names, view->now, &bundle->serving, err) < 0)
		return -1;
	struct assessment found = assess(bundle, view);
	char *trusted = tidied(bundle, &found, view);
	if (trusted == NULL) return 0;
	free(bundle->trusted);
	bundle->trusted = trusted;
	return 0;
}

int bundle_apply(struct bundle *bundle, const struct bundle_plan *plan, const struct bundle_view *view,
                 struct error **err) {
	cleanup_bundle struct bundle changed = { 0 };
	bundle_copy(&changed, bundle);
	if (change(&changed, plan, view, err) < 0) return -1;
	bundle_free(bundle);
	*bundle = changed;
	changed = (struct bundle){ 0 };
	return 0;
}
