/* The promotion: targets that are lost, and groups of other kinds. */
#include "unit/promotion_group.h"

/* ---- A target that is lost ---- */

enum loss { VOLUME_LOST, LOGIN_REFUSED, GROUP_DROPPED, LOSSES };

static void lose_target(struct group *group, size_t place, enum loss loss) {
	if (loss == VOLUME_LOST) group_replace_volume(group, place);
	if (loss == GROUP_DROPPED) group->servers[place].has_group = false;
	if (loss != LOGIN_REFUSED) return;
	group->servers[place].answers = false;
	group->view.replicas[place].server.refuses_login = true;
}

static void pass_without_login(struct group *group, size_t place, enum loss loss, int times) {
	for (int i = 0; i < times; i++) {
		group_look(group);
		if (loss == LOGIN_REFUSED) group->view.replicas[place].server.silent_since = 0; /* it says no */
		group_decide(group);
		group_do(group);
	}
}

/* In strict mode it could have acknowledged nothing without the one that is taken instead. */
static void a_lost_target_is_replaced_in_strict_mode(void **state) {
	(void)state;
	for (enum loss loss = VOLUME_LOST; loss < LOSSES; loss++) {
		cleanup_group struct group *group = group_new(3);
		group_kill(group, 0);
		until_target(group);
		lose_target(group, 1, loss);
		pass_without_login(group, 1, loss, 30);
		assert_string_equal(group->record.primary.pod, "sql-2");
		assert_true(group->record.failovers[0].lost_nothing);
	}
}

/* Relaxed, it may have: only a person may take another. */
static void a_lost_target_is_a_persons_matter_in_relaxed_mode(void **state) {
	(void)state;
	for (enum loss loss = VOLUME_LOST; loss < LOSSES; loss++) {
		cleanup_group struct group *group = group_new(3);
		group->spec.required = group->record.required = 1;
		for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
		group_kill(group, 0);
		until_target(group);
		lose_target(group, 1, loss);
		pass_without_login(group, 1, loss, 20);
		assert_int_equal(group->deciding.state, GROUP_BLOCKED);
		assert_non_null(strstr(group->deciding.blocked, "sql-1 was told to become PRIMARY, and has not"));
		assert_int_equal(group->servers[2].role, SQL_ROLE_SECONDARY);
		int64_t generation = group->record.generation;
		group->view.allow_data_loss = "sql-2/object-uid";
		pass_without_login(group, 1, loss, 20);
		assert_string_equal(group->record.primary.pod, "sql-2");
		assert_true(group->record.generation > generation);
		assert_false(group->record.failovers[0].lost_nothing);
		assert_int_equal(group->record.member_count, 1);
	}
}

/* A member that answers and cannot be fenced, whose endpoint somebody dropped, or whose disk is full: people are told,
 * and asked, as with one that does not answer. */
static void one_that_cannot_be_fenced_is_waited_for_aloud(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	pass_times(group, 1);
	group_fail(group, ACTION_STOP_ENDPOINT, 1, NULL, 15151);
	group->attempts[0].failures = 3;
	group->attempts[0].next_at = INT64_MAX;
	group->attempts[0].message = "Msg 15151: Cannot alter the endpoint";
	pass_times(group, 10);
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "its endpoint could not be stopped: Msg 15151"));
	group->view.allow_data_loss = "sql-2/object-uid";
	pass_times(group, 10);
	assert_string_equal(group->record.primary.pod, "sql-2");
	assert_false(group->record.failovers[0].lost_nothing);
}

/* One that answers each probe with an error is not silent, and will not count in a moment either. */
static void one_that_answers_with_errors_is_waited_for_aloud(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	group->servers[1].answers = false;
	struct server_view *server = &group->view.replicas[1].server;
	for (int i = 0; i < 10; i++) {
		group_look(group);
		server->silent_since = 0;
		server->has_failed = true;
		group_decide(group);
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "sql-1: waited for, it does not answer"));
}

/* One that was counted is lost between the choice and FAILOVER. */
static void a_target_that_others_are_missing_for_is_a_persons_matter(void **state) {
	(void)state;
	for (size_t allowed = 0; allowed < 2; allowed++) {
		cleanup_group struct group *group = group_new(4);
		group->spec.required = group->record.required = 1;
		for (size_t i = 0; i < 4; i++) group->servers[i].required = 1;
		group_kill(group, 0);
		until_target(group);
		assert_string_equal(target(group), "sql-1");
		group_silence(group, 3, true);
		pass_times(group, 10);
		assert_int_equal(group->deciding.state, GROUP_BLOCKED);
		assert_non_null(strstr(group->deciding.blocked, "sql-3: waited for, it does not answer"));
		assert_int_not_equal(group->servers[1].role, SQL_ROLE_PRIMARY);
		group->view.allow_data_loss = allowed == 0 ? "sql-1/object-uid" : "sql-2/object-uid";
		pass_times(group, 20);
		assert_string_equal(group->record.primary.pod, allowed == 0 ? "sql-1" : "sql-2");
		assert_false(group->record.failovers[0].lost_nothing);
	}
}

/* The only one that could be promoted refuses, and a person allows its loss; then another, when it dies. */
static void a_target_that_refuses_may_be_forced(void **state) {
	(void)state;
	cleanup_group struct group *group = refusing_group();
	cleanup_free char *target_pod = xstrdup(target(group)), *allowed = xasprintf("%s/object-uid", target_pod);
	group->view.allow_data_loss = allowed;
	pass_times(group, 10);
	assert_string_equal(group->record.primary.pod, target_pod);
	assert_false(group->record.failovers[0].lost_nothing);
}

static void a_forced_target_that_dies_is_replaced_on_request(void **state) {
	(void)state;
	cleanup_group struct group *group = forced_group();
	group_kill(group, 2);
	group_start(group, 1);
	pass_times(group, 10);
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	group->view.allow_data_loss = "sql-1/object-uid";
	pass_times(group, 20);
	assert_primary(group, 1);
	assert_false(group->record.failovers[0].lost_nothing);
}

/* ---- Other groups ---- */

static void nothing_fails_over_where_it_shall_not(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.fails_over = false;
	group_kill(group, 0);
	group_pass(group);
	assert_int_equal(group->deciding.state, GROUP_DOWN);
	assert_false(group_wrote(group));
	group_start(group, 0); /* itself it may become the primary again */
	assert_true(group_settle(group) > 0);
	assert_primary(group, 0);

	cleanup_group struct group *none = group_new(3);
	none->spec.cluster = SQL_CLUSTER_NONE;
	none->spec.fails_over = none->spec.hands_over = false;
	none->servers[0].role = SQL_ROLE_RESOLVING;
	group_pass(none);
	assert_int_equal(none->deciding.state, GROUP_DOWN);
	assert_false(group_wrote(none));
	none->servers[1].role = SQL_ROLE_PRIMARY; /* a person has */
	group_pass(none);
	assert_string_equal(none->deciding.next.primary.pod, "sql-1");
}

/* Nobody knows which of two is right: none is followed as it is; one is promoted by the protocol, the other one set
 * OFFLINE. */
static void of_two_others_that_say_primary_one_goes_on(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[0].role = SQL_ROLE_RESOLVING;
	group->servers[1].role = group->servers[2].role = SQL_ROLE_PRIMARY;
	group_pass(group);
	assert_string_equal(group->deciding.next.primary.pod, "sql-0");
	assert_int_equal(group->deciding.next.intent.kind, INTENT_FAILOVER);
	bool was_offline = false;
	for (int i = 0; i < 60; i++) {
		group_pass(group);
		was_offline |= group_planned(group, ACTION_OFFLINE, 2) != NULL;
		group_do(group);
	}
	assert_true(was_offline);
	assert_primary(group, 1);

	/* The recorded one is PRIMARY: they are set right, whatever they say. */
	cleanup_group struct group *known = group_new(3);
	known->servers[1].role = known->servers[2].role = SQL_ROLE_PRIMARY;
	group_pass(known);
	assert_non_null(group_planned(known, ACTION_OFFLINE, 1));
	assert_non_null(group_planned(known, ACTION_OFFLINE, 2));

	/* Where nothing fails over by itself a person names one. */
	cleanup_group struct group *manual = manual_group(3);
	group_kill(manual, 0);
	manual->servers[1].role = manual->servers[2].role = SQL_ROLE_PRIMARY;
	pass_times(manual, 5);
	assert_int_equal(manual->deciding.state, GROUP_DOWN);
	manual->view.wanted_primary = "sql-2";
	pass_times(manual, 40);
	assert_primary(manual, 2);
}

static void asynchronous_replicas_are_no_candidates(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.replicas[1].is_candidate = false;
	group_kill(group, 0);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 2);
}

static void an_asynchronous_group_hands_over_through_synchronous_commit(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->record.member_count = 1;
	group->record.required = 0;
	group->spec.fails_over = false;
	for (size_t i = 0; i < 3; i++) {
		group->spec.replicas[i].availability = SQL_ASYNCHRONOUS_COMMIT;
		group->spec.replicas[i].is_candidate = false;
		group->servers[i].required = 0;
		for (size_t j = 0; j < 3; j++) group->servers[i].synchronous[j] = false;
	}
	group_pass(group);
	assert_false(group_wrote(group));
	assert_int_equal(group->plan->count, 0);
	group->view.wanted_primary = "sql-2";
	bool was_raised = false;
	for (int i = 0; i < 60; i++) {
		group_pass(group);
		was_raised |= group_planned(group, ACTION_SET_AVAILABILITY, -1) != NULL;
		group_do(group);
	}
	assert_true(was_raised);
	assert_primary(group, 2);
	group->view.wanted_primary = NULL;
	group_wait(group, 20000);
	assert_true(group_settle(group) > 0);
	assert_int_equal(group->record.member_count, 1);
	for (size_t j = 0; j < 3; j++) assert_false(group->servers[2].synchronous[j]);
}

static void a_dbas_own_failover_is_followed(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[0].role = SQL_ROLE_SECONDARY;
	group->servers[1].role = SQL_ROLE_PRIMARY;
	group->servers[1].sequence = 200;
	group_pass(group);
	assert_string_equal(group->deciding.next.primary.pod, "sql-1");
	assert_int_equal(group->deciding.next.intent.kind, INTENT_NONE);
	group_do(group);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lost_target_is_replaced_in_strict_mode),
		cmocka_unit_test(a_lost_target_is_a_persons_matter_in_relaxed_mode),
		cmocka_unit_test(one_that_cannot_be_fenced_is_waited_for_aloud),
		cmocka_unit_test(one_that_answers_with_errors_is_waited_for_aloud),
		cmocka_unit_test(a_target_that_others_are_missing_for_is_a_persons_matter),
		cmocka_unit_test(a_target_that_refuses_may_be_forced),
		cmocka_unit_test(a_forced_target_that_dies_is_replaced_on_request),
		cmocka_unit_test(nothing_fails_over_where_it_shall_not),
		cmocka_unit_test(of_two_others_that_say_primary_one_goes_on),
		cmocka_unit_test(asynchronous_replicas_are_no_candidates),
		cmocka_unit_test(an_asynchronous_group_hands_over_through_synchronous_commit),
		cmocka_unit_test(a_dbas_own_failover_is_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
