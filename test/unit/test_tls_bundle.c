/* The rules of renewal (tls/bundle.h), in simulated time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/memory.h"
#include "tls/authority.h"
#include "tls/bundle.h"
#include "tls/openssl.h"

enum { MINUTE = 60, HOUR = 3600, DAY = 24 * HOUR };
static const int64_t start = 1800000000;
static const char *const names[] = { "agkeeper.agkeeper-system.svc", "127.0.0.1", NULL };

static struct bundle_view at_time(int64_t now, int64_t published_for) {
	return (struct bundle_view){
		.profile = &profile_webhook, .names = names, .now = now, .published_for = published_for
	};
}

static struct bundle_plan step(struct bundle *bundle, const struct bundle_view *view) {
	struct bundle_plan plan = bundle_decide(bundle, view);
	if (plan.steps != 0) assert_int_equal(bundle_apply(bundle, &plan, view, NULL), 0);
	return plan;
}

static bool accepts(const char *trusted, const struct bundle *bundle, int64_t now) {
	return certificate_verify(bundle->serving.certificate, trusted, names, now, NULL) == 0;
}

static void assert_sound(const struct bundle *bundle, int64_t now) {
	assert_int_equal(identity_check(&bundle->serving, NULL), 0);
	assert_true(accepts(bundle->trusted, bundle, now));
	struct bundle_view view = at_time(now, -1);
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
}

static int new_bundle(void **state) {
	struct bundle *bundle = xcalloc(1, sizeof(*bundle));
	struct bundle_view view = at_time(start, -1);
	step(bundle, &view);
	*state = bundle;
	return 0;
}

static int free_bundle(void **state) {
	bundle_free(*state);
	free(*state);
	return 0;
}

static void begins_from_nothing(void **state) {
	(void)state;
	cleanup_bundle struct bundle bundle = { 0 };
	struct bundle_view view = at_time(start, -1);
	struct bundle_plan plan = step(&bundle, &view);
	assert_int_equal(plan.steps & (BUNDLE_INTRODUCE | BUNDLE_TAKE_OVER | BUNDLE_RENEW),
	                 BUNDLE_INTRODUCE | BUNDLE_TAKE_OVER | BUNDLE_RENEW);
	assert_non_null(plan.why_authority);
	assert_null(bundle.next.certificate);
	assert_sound(&bundle, start);
}

/* ---- Years ---- */

/* What clients may hold: the trusted certificates published last, and those before them for a while. */
struct publication {
	char *trusted;
	int64_t until; /* when something else was published; INT64_MAX: it is the last one */
};
struct clients {
	struct publication *items;
	size_t count;
	int64_t since; /* when the last one was published */
};

static void publish(struct clients *clients, const char *trusted, int64_t now) {
	if (clients->count != 0) {
		struct publication *last = &clients->items[clients->count - 1];
		if (strcmp(last->trusted, trusted) == 0) return;
		last->until = now;
	}
	clients->items = xreallocarray(clients->items, clients->count + 1, sizeof(*clients->items));
	clients->items[clients->count++] = (struct publication){ xstrdup(trusted), INT64_MAX };
	clients->since = now;
}

static void assert_every_client_accepts(const struct clients *clients, const struct bundle *bundle, int64_t now) {
	for (size_t i = clients->count; i-- > 0 && clients->items[i].until >= now - BUNDLE_OVERLAP;)
		assert_true(accepts(clients->items[i].trusted, bundle, now));
}

static void free_clients(struct clients *clients) {
	for (size_t i = 0; i < clients->count; i++) free(clients->items[i].trusted);
	free(clients->items);
}

struct totals {
	int introduced;
	int taken_over;
	int renewed;
};

/* The next moment to look: minutes after something changed, for longer than an overlap, days otherwise. */
static int64_t pause_after(int *watchful, bool changed, unsigned *seed) {
	if (changed) *watchful = 7;
	if (*watchful == 0) return 1 + rand_r(seed) % (4 * DAY);
	(*watchful)--;
	return 1 + rand_r(seed) % (15 * MINUTE);
}

static struct totals live(int years, unsigned seed) {
	cleanup_bundle struct bundle bundle = { 0 };
	struct clients clients = { 0 };
	struct totals totals = { 0 };
	int watchful = 0;
	for (int64_t now = start; now < start + (int64_t)years * 365 * DAY;) {
		struct bundle_view view = at_time(now, clients.count == 0 ? -1 : now - clients.since);
		struct bundle_plan plan = step(&bundle, &view);
		totals.introduced += (plan.steps & BUNDLE_INTRODUCE) != 0;
		totals.taken_over += (plan.steps & BUNDLE_TAKE_OVER) != 0;
		totals.renewed += (plan.steps & BUNDLE_RENEW) != 0;
		assert_int_equal(identity_check(&bundle.serving, NULL), 0);
		if (plan.steps != 0) publish(&clients, bundle.trusted, now);
		assert_every_client_accepts(&clients, &bundle, now);

		struct certificate_facts facts;
		assert_int_equal(certificate_read(bundle.serving.certificate, &facts, NULL), 0);
		assert_true((now - facts.not_before) * 3 < (facts.not_after - facts.not_before) * 2);
		assert_int_equal(certificate_read(bundle.current.certificate, &facts, NULL), 0);
		assert_true((now - facts.not_before) * 3 < (facts.not_after - facts.not_before) * 2);
		cleanup_certificate_list struct certificate_list trusted = { 0 };
		certificate_list_add(&trusted, bundle.trusted);
		assert_in_range(trusted.count, 1, 3);
		now += pause_after(&watchful, plan.steps != 0, &seed);
	}
	free_clients(&clients);
	return totals;
}

static void years_without_a_refused_handshake(void **state) {
	(void)state;
	struct totals totals = live(2, 1);
	/* A CA lives for 3/5 of a year before the next one: four of them. */
	assert_int_equal(totals.introduced, 4);
	assert_in_range(totals.taken_over, totals.introduced - 1, totals.introduced);
	/* A certificate every 54 days, and one more with each CA. */
	assert_in_range(totals.renewed, 13, 19);
}

/* ---- Single rules, each with its neighbour ---- */

static void renews_at_three_fifths_and_not_before(void **state) {
	struct bundle *bundle = *state;
	int64_t due = start - CERTIFICATE_BACKDATE + (SERVING_LIFETIME + CERTIFICATE_BACKDATE) * (int64_t)3 / 5;
	struct bundle_view early = at_time(due - 1, -1);
	assert_int_equal(bundle_decide(bundle, &early).steps, 0);
	struct bundle_view view = at_time(due, -1);
	assert_int_equal(step(bundle, &view).steps, BUNDLE_RENEW);
	assert_sound(bundle, due);
}

/* SQL Server's: an RSA key, a year, and renewed when the user says so, if that can be. */
static void the_profile_of_sql_server(void **state) {
	(void)state;
	enum { YEAR = 365 };
	struct certificate_profile profile = profile_sql_server;
	cleanup_bundle struct bundle bundle = { 0 };
	struct bundle_view view = { .profile = &profile, .names = names, .now = start, .published_for = -1 };
	step(&bundle, &view);
	assert_int_equal(bundle_decide(&bundle, &view).steps, 0);
	struct certificate_facts facts;
	assert_int_equal(certificate_read(bundle.serving.certificate, &facts, NULL), 0);
	assert_int_equal(facts.not_after, start + YEAR * DAY);
	assert_int_equal(certificate_read(bundle.current.certificate, &facts, NULL), 0);
	assert_int_equal(facts.not_after, start + 10 * YEAR * DAY);
	cleanup_pkey EVP_PKEY *key = key_from_pem(bundle.serving.key, NULL);
	assert_int_equal(EVP_PKEY_get_base_id(key), EVP_PKEY_RSA);

	view.now = start + YEAR * DAY * 3 / 5 - HOUR;
	assert_int_equal(bundle_decide(&bundle, &view).steps, 0);
	view.now = start + YEAR * DAY * 3 / 5;
	assert_int_equal(bundle_decide(&bundle, &view).steps, BUNDLE_RENEW);
	profile.renew_before = 30 * DAY;
	assert_int_equal(bundle_decide(&bundle, &view).steps, 0);
	view.now = start + (YEAR - 30) * DAY;
	assert_int_equal(bundle_decide(&bundle, &view).steps, BUNDLE_RENEW);
	/* It would be renewed as soon as it is made. */
	profile.renew_before = 2 * YEAR * DAY;
	view.now = start + HOUR;
	assert_int_equal(bundle_decide(&bundle, &view).steps, 0);
}

static void renews_for_a_new_name(void **state) {
	struct bundle *bundle = *state;
	const char *const more[] = { "agkeeper.agkeeper-system.svc", "127.0.0.1", "host.example", NULL };
	struct bundle_view view = {
		.profile = &profile_webhook, .names = more, .now = start + HOUR, .published_for = -1
	};
	struct bundle_plan plan = step(bundle, &view);
	assert_int_equal(plan.steps, BUNDLE_RENEW);
	assert_string_equal(plan.why_serving, "the serving certificate lacks a name");
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
	/* Fewer names are no reason. */
	assert_sound(bundle, start + HOUR);
}

static void the_next_authority_waits_until_it_is_trusted(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *first_ca = xstrdup(bundle->current.certificate);
	int64_t now = start + 220 * DAY;
	struct bundle_view view = at_time(now, -1);
	assert_int_equal(step(bundle, &view).steps & BUNDLE_INTRODUCE, BUNDLE_INTRODUCE);
	assert_string_equal(bundle->current.certificate, first_ca);
	assert_non_null(strstr(bundle->trusted, bundle->next.certificate));
	assert_true(accepts(first_ca, bundle, now));
	cleanup_free char *second_ca = xstrdup(bundle->next.certificate);

	view = at_time(now + DAY, -1); /* not every client has it */
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
	view = at_time(now + DAY, BUNDLE_OVERLAP - 1);
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
	cleanup_free char *trusted = xstrdup(bundle->trusted);
	view = at_time(now + DAY, BUNDLE_OVERLAP);
	assert_int_equal(step(bundle, &view).steps, BUNDLE_TAKE_OVER | BUNDLE_RENEW);
	assert_string_equal(bundle->current.certificate, second_ca);
	assert_true(accepts(second_ca, bundle, now + DAY));
	/* The old one stays trusted, and nothing of what clients trust has changed. */
	assert_string_equal(bundle->trusted, trusted);
	assert_sound(bundle, now + DAY);
}

static void an_expired_authority_is_dropped(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *first_ca = xstrdup(bundle->current.certificate);
	struct bundle_view view = at_time(start + 220 * DAY, -1);
	step(bundle, &view);
	view = at_time(start + 221 * DAY, BUNDLE_OVERLAP);
	step(bundle, &view);
	for (int day = 222; day < 365; day += 10) {
		view = at_time(start + day * DAY, -1);
		assert_int_equal(step(bundle, &view).steps & BUNDLE_TIDY, 0);
	}
	assert_non_null(strstr(bundle->trusted, first_ca));
	view = at_time(start + 365 * (int64_t)DAY, -1);
	struct bundle_plan plan = step(bundle, &view);
	assert_int_equal(plan.steps & BUNDLE_TIDY, BUNDLE_TIDY);
	assert_null(strstr(bundle->trusted, first_ca));
	assert_sound(bundle, view.now);
}

static void comes_back_after_years_away(void **state) {
	struct bundle *bundle = *state;
	struct bundle_view view = at_time(start + 1000 * (int64_t)DAY, -1);
	step(bundle, &view);
	assert_sound(bundle, view.now);
	cleanup_certificate_list struct certificate_list trusted = { 0 };
	certificate_list_add(&trusted, bundle->trusted);
	assert_int_equal(trusted.count, 1);
}

static void a_certificate_from_the_future_is_replaced(void **state) {
	struct bundle *bundle = *state; /* made by a replica whose clock was years ahead */
	struct bundle_view view = at_time(start - 1000 * (int64_t)DAY, -1);
	step(bundle, &view);
	assert_sound(bundle, view.now);
}

static void the_end_of_a_ca_does_not_make_it_renew_for_nothing(void **state) {
	struct bundle *bundle = *state;
	/* A next CA that nobody takes up: the old one signs on, to its end. */
	int renewals = 0;
	for (int64_t hour = 0; hour < 365 * 24; hour += 113) {
		struct bundle_view view = at_time(start + hour * HOUR, -1);
		renewals += (step(bundle, &view).steps & BUNDLE_RENEW) != 0;
		assert_true(accepts(bundle->trusted, bundle, view.now));
	}
	assert_in_range(renewals, 5, 7);
	/* At the end it is the next one, trusted or not, or nothing. */
	struct bundle_view view = at_time(start + CA_LIFETIME, -1);
	assert_int_equal(step(bundle, &view).steps & BUNDLE_TAKE_OVER, BUNDLE_TAKE_OVER);
	assert_sound(bundle, view.now);
}

static void a_lost_ca_key_costs_no_client(void **state) {
	struct bundle *bundle = *state;
	identity_free(&bundle->current); /* what reading a Secret without ca.key gives */
	cleanup_free char *serving = xstrdup(bundle->serving.certificate);
	struct bundle_view view = at_time(start + DAY, HOUR);
	assert_int_equal(step(bundle, &view).steps & ~(unsigned)BUNDLE_TIDY, BUNDLE_INTRODUCE);
	assert_string_equal(bundle->serving.certificate, serving);
	assert_true(accepts(bundle->trusted, bundle, view.now));
	view = at_time(start + DAY + HOUR, HOUR);
	assert_int_equal(step(bundle, &view).steps, BUNDLE_TAKE_OVER | BUNDLE_RENEW);
	assert_sound(bundle, view.now);
}

static void asked_for_a_new_authority(void **state) {
	struct bundle *bundle = *state;
	struct bundle_view view = at_time(start + DAY, -1);
	view.replace_ca = true;
	assert_int_equal(step(bundle, &view).steps & ~(unsigned)BUNDLE_TIDY, BUNDLE_INTRODUCE);
	/* One is enough. */
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
}

/* ---- Strangers' contents ---- */

static char *unrelated_ca(void) {
	struct identity ca = { 0 };
	assert_int_equal(authority_create(&profile_webhook, start, &ca, NULL), 0);
	char *certificate = xstrdup(ca.certificate);
	identity_free(&ca);
	return certificate;
}

static void additions_to_the_trusted_stay(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *theirs = unrelated_ca();
	cleanup_free char *with_comment = xasprintf("# our proxy\n%s%s", theirs, bundle->trusted);
	free(bundle->trusted);
	bundle->trusted = xstrdup(with_comment);
	struct bundle_view view = at_time(start, -1);
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
	view = at_time(start + 220 * DAY, -1);
	step(bundle, &view);
	assert_non_null(strstr(bundle->trusted, theirs));
}

static void private_keys_and_servers_never_become_trusted(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *careless =
	        xasprintf("%s%s%s", bundle->serving.key, bundle->serving.certificate, bundle->trusted);
	cleanup_free char *before = xstrdup(bundle->trusted);
	free(bundle->trusted);
	bundle->trusted = xstrdup(careless);
	struct bundle_view view = at_time(start, -1);
	assert_int_equal(step(bundle, &view).steps, BUNDLE_TIDY);
	assert_string_equal(bundle->trusted, before);
}

static void additions_are_bounded(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *text = xstrdup("");
	for (int i = 0; i < 2 * BUNDLE_MAX_TRUSTED; i++) {
		cleanup_free char *ca = unrelated_ca();
		char *longer = xasprintf("%s%s", text, ca);
		free(text);
		text = longer;
	}
	char *all = xasprintf("%s%s", text, bundle->trusted);
	free(bundle->trusted);
	bundle->trusted = all;
	struct bundle_view view = at_time(start, -1);
	assert_int_equal(step(bundle, &view).steps, BUNDLE_TIDY);
	cleanup_certificate_list struct certificate_list trusted = { 0 };
	certificate_list_add(&trusted, bundle->trusted);
	assert_int_equal(trusted.count, BUNDLE_MAX_TRUSTED);
	assert_sound(bundle, start);
}

static void what_is_still_served_stays_trusted(void **state) {
	struct bundle *bundle = *state;
	cleanup_free char *served_ca = unrelated_ca();
	struct bundle_view view = at_time(start, -1);
	view.keep_trusted = served_ca;
	assert_int_equal(step(bundle, &view).steps, BUNDLE_TIDY);
	assert_non_null(strstr(bundle->trusted, served_ca));
	assert_int_equal(bundle_decide(bundle, &view).steps, 0);
}

/* ---- As data of a Secret ---- */

static void data_there_and_back(void **state) {
	struct bundle *bundle = *state;
	struct bundle_view view = at_time(start + 220 * DAY, -1);
	step(bundle, &view); /* with a next one */
	cleanup_json struct json_object *data = json_object_new_object();
	json_set_text(data, "theirs", "AAAA");
	bundle_to_data(bundle, data);
	assert_int_equal(json_object_object_length(data), 7);
	assert_string_equal(json_get_text(data, "theirs"), "AAAA");
	cleanup_bundle struct bundle read = { 0 };
	bundle_from_data(&read, data);
	assert_true(bundle_equal(bundle, &read));

	view = at_time(start + 220 * DAY, BUNDLE_OVERLAP);
	step(bundle, &view); /* and without */
	bundle_to_data(bundle, data);
	assert_int_equal(json_object_object_length(data), 5);
	bundle_from_data(&read, data);
	assert_true(bundle_equal(bundle, &read));
	bundle_from_data(&read, NULL);
	assert_null(read.trusted);
}

/* Any combination of lost, foreign and spoiled parts is led back to a sound bundle, at once or over an overlap; and as
 * long as the serving certificate itself is intact, no client refuses it. */
static void every_damage_is_repaired(void **state) {
	struct bundle *intact = *state;
	struct bundle_view view = at_time(start + 220 * DAY, -1);
	step(intact, &view); /* with a next one */
	cleanup_bundle struct bundle foreign = { 0 };
	view = at_time(start + 219 * DAY, -1);
	step(&foreign, &view);
	foreign.next = (struct identity){ xstrdup(foreign.current.certificate), xstrdup(foreign.current.key) };
	static const char *const keys[] = { "tls.crt", "tls.key", "ca.crt", "ca.key", "next-ca.crt", "next-ca.key" };
	enum { INTACT, MISSING, FOREIGN, CUT, RUBBISH, DAMAGES };
	const int64_t now = start + 221 * DAY;
	int combinations = 1;
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) combinations *= DAMAGES;
	cleanup_json struct json_object *good = json_object_new_object();
	cleanup_json struct json_object *other = json_object_new_object();
	bundle_to_data(intact, good);
	bundle_to_data(&foreign, other);
	/* 5⁶ take minutes; every 311th of them (a prime) is a good sample. */
	for (int combination = 0; combination < combinations; combination += 311) {
		cleanup_json struct json_object *data = json_copy(good);
		int rest = combination;
		for (size_t i = 0; i < ARRAY_LENGTH(keys); i++, rest /= DAMAGES) {
			cleanup_free char *text = xstrdup(json_get_text(good, keys[i]));
			switch (rest % DAMAGES) {
			case MISSING: json_object_object_del(data, keys[i]); break;
			case FOREIGN: json_set_text(data, keys[i], json_get_text(other, keys[i])); break;
			case CUT:
				text[strlen(text) / 8 * 4] = '\0';
				json_set_text(data, keys[i], text);
				break;
			case RUBBISH: json_set_text(data, keys[i], "aGVsbG8="); break;
			default: break;
			}
		}
		cleanup_bundle struct bundle bundle = { 0 };
		bundle_from_data(&bundle, data);
		bool served = identity_check(&bundle.serving, NULL) == 0 && accepts(bundle.trusted, &bundle, now);
		cleanup_free char *before = bundle.trusted != NULL ? xstrdup(bundle.trusted) : NULL;
		view = at_time(now, -1);
		step(&bundle, &view);
		if (served) assert_true(accepts(before, &bundle, now));
		assert_true(accepts(bundle.trusted, &bundle, now));
		cleanup_free char *published = xstrdup(bundle.trusted);
		view = at_time(now + BUNDLE_OVERLAP, BUNDLE_OVERLAP);
		step(&bundle, &view);
		assert_true(accepts(published, &bundle, view.now));
		/* What is left to do is at most to introduce a next one in place of a CA that is due. */
		view = at_time(now + BUNDLE_OVERLAP, -1);
		step(&bundle, &view);
		assert_sound(&bundle, view.now);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_from_nothing),
		cmocka_unit_test(years_without_a_refused_handshake),
		cmocka_unit_test_setup_teardown(renews_at_three_fifths_and_not_before, new_bundle, free_bundle),
		cmocka_unit_test(the_profile_of_sql_server),
		cmocka_unit_test_setup_teardown(renews_for_a_new_name, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(the_next_authority_waits_until_it_is_trusted, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(an_expired_authority_is_dropped, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(comes_back_after_years_away, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(a_certificate_from_the_future_is_replaced, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(the_end_of_a_ca_does_not_make_it_renew_for_nothing, new_bundle,
		                                free_bundle),
		cmocka_unit_test_setup_teardown(a_lost_ca_key_costs_no_client, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(asked_for_a_new_authority, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(additions_to_the_trusted_stay, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(private_keys_and_servers_never_become_trusted, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(additions_are_bounded, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(what_is_still_served_stays_trusted, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(data_there_and_back, new_bundle, free_bundle),
		cmocka_unit_test_setup_teardown(every_damage_is_repaired, new_bundle, free_bundle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
