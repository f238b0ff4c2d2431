/* The promotion as people and deletions ask for it: hand-overs, data loss that is allowed, groups that do not fail over
 * by themselves. */
#include "unit/promotion_group.h"

/* ---- What people ask for ---- */

/* Its pod is back before the promotion is over, and the server is not: writers shall not wait for that. */
static void an_old_primary_that_only_starts_is_no_member(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_pass(group);
	group_kill(group, 0);
	group_pass(group);
	group_do(group);
	assert_int_equal(group->record.intent.kind, INTENT_FAILOVER);
	group_start(group, 0);
	group_silence(group, 0, true);
	for (int i = 0; i < 50 && group->record.intent.kind != INTENT_NONE; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_string_not_equal(group->record.primary.pod, "sql-0");
	assert_int_equal(record_find(&group->record, "sql-0", NULL), -1);
	assert_int_equal(group->record.required, 1);
}

static void a_primary_on_request(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.wanted_primary = "sql-2";
	for (int i = 0; i < 30; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_primary(group, 2);
	assert_string_equal(group->record.failovers[0].kind, "HandOver");
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
	group->view.wanted_primary = NULL;
	assert_true(group_settle(group) > 0);
	group_wait(group, 20000); /* a former primary does not connect to a young one */
	assert_true(group_settle(group) > 0);
	assert_int_equal(group->record.member_count, 3);
	assert_int_equal(group->record.required, 2);
}

/* What comes into the group now would be missing in what is counted: the wish is looked at again. */
static void a_hand_over_waits_for_what_changes_on_the_primary(void **state) {
	(void)state;
	enum { NEW_DATABASE, BUSY, LOOSE, PLANNED, HINDRANCES };
	for (int hindrance = NEW_DATABASE; hindrance < HINDRANCES; hindrance++) {
		cleanup_group struct group *group = group_new(3);
		struct server_view *primary = &group->view.replicas[0].server;
		group->view.wanted_primary = "sql-1";
		group_look(group);
		if (hindrance == NEW_DATABASE) group->database_count = 2;
		if (hindrance == BUSY) primary->is_busy = true;
		if (hindrance == LOOSE) primary->loose_generation = group->record.generation;
		if (hindrance == PLANNED) group->servers[0].endpoint_runs = false;
		group_pass(group);
		assert_int_equal(group->deciding.next.intent.kind, INTENT_NONE);
		assert_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
		primary->is_busy = false;
		primary->loose_generation = 0;
		for (int i = 0; i < 30; i++) {
			group_do(group);
			group_pass(group);
		}
		assert_primary(group, 1);
		assert_int_equal(group->record.database_count, group->database_count);
	}
}

/* … and one that came between the wish and the fence ends it. */
static void a_database_that_came_in_ends_a_hand_over(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.wanted_primary = "sql-1";
	group_pass(group);
	group_do(group);
	assert_int_equal(group->record.intent.kind, INTENT_HAND_OVER);
	group->database_count = 2;
	group_pass(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_NONE);
	assert_string_equal(group->deciding.next.primary.pod, "sql-0");
}

static void a_request_that_cannot_be_met_is_refused(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.wanted_primary = "nobody";
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
	assert_false(group_wrote(group));
	group->view.wanted_primary = "sql-2";
	group_kill(group, 2);
	group_settle(group);
	group_wait(group, 11000);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
	assert_string_equal(group->record.primary.pod, "sql-0");
}

/* Until the wish of the pod's deletion is taken off again. */
static void leave(struct group *group, const char *wish) {
	enum { PASSES_MAX = 200 };
	group->view.hand_over_wanted = wish;
	for (int i = 0; i < PASSES_MAX && group->view.hand_over_wanted != NULL; i++) {
		group_pass(group);
		if (group_planned(group, ACTION_REMOVE_ANNOTATION, -1) != NULL) group->view.hand_over_wanted = NULL;
		group_do(group);
	}
	assert_null(group->view.hand_over_wanted);
}

static void a_deletion_hands_over_first(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_look(group);
	cleanup_free char *wish = xasprintf("sql-0/%s", group->view.replicas[0].pod.uid);
	leave(group, wish);
	assert_string_not_equal(group->record.primary.pod, "sql-0");
	assert_string_equal(group->record.failovers[0].reason, "PodDeleted");
	/* Commits do not wait for it any more either. */
	assert_int_equal(record_find(&group->record, "sql-0", NULL), -1);
}

/* Of a pod that is not there any more, or not that one. */
static void a_stale_departure_is_forgotten(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.hand_over_wanted = "sql-0/another uid";
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
	assert_int_equal(group->deciding.next.intent.kind, INTENT_NONE);
}

static void where_nobody_else_is_a_departure_is_let_go(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_look(group);
	cleanup_free char *wish = xasprintf("sql-0/%s", group->view.replicas[0].pod.uid);
	group->view.hand_over_wanted = wish;
	group_silence(group, 1, true);
	group_silence(group, 2, true);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
}

static void a_late_hand_over_is_given_up(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_look(group);
	group->view.wanted_primary = "sql-1";
	group_pass(group);
	group_do(group);
	group_silence(group, 1, true); /* the only one that is wanted freezes */
	for (int i = 0; i < 5; i++) {
		group_pass(group);
		group_do(group);
	}
	group_wait(group, 11000);
	group_pass(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_NONE);
	group_do(group);
	group->view.wanted_primary = NULL;
	assert_true(group_settle(group) > 0);
	assert_primary(group, 0);
	assert_true(group->servers[0].endpoint_runs && group->servers[2].endpoint_runs);
}

/* The target refuses, and the old primary is PRIMARY still (OFFLINE had no effect): it goes on. */
static void a_refused_hand_over_goes_back(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.wanted_primary = "sql-1";
	group_pass(group);
	group_do(group);
	until_target(group);
	group_fail(group, ACTION_PROMOTE, 1, "start-1-1", 41142);
	group->view.wanted_primary = NULL;
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		if (group_planned(group, ACTION_OFFLINE, 0) == NULL) group_do(group);
		else group_wait(group, 50);
	}
	assert_int_equal(group->record.intent.kind, INTENT_NONE);
	assert_int_equal(group->record.required, 2);
	assert_primary(group, 0);
}

/* Relaxed: what FAILOVER has come to is not known, and the target has gone. Nobody else may be taken. */
static void a_target_that_dies_is_waited_for_in_relaxed_mode(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	until_target(group);
	group_kill(group, 1);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, 2));
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	group_start(group, 1);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

/* A volume restored from elsewhere, complete, is another one all the same. */
static void a_complete_stranger_is_no_member(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group_kill(group, 0);
	group->view.replicas[1].incarnation = "another claim";
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
}

static void a_hand_over_whose_primary_dies_becomes_a_failover(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->view.wanted_primary = "sql-1";
	group_pass(group);
	group_do(group);
	group_kill(group, 0);
	group_kill(group, 1);
	group->view.wanted_primary = NULL;
	assert_true(group_settle(group) > 0);
	assert_primary(group, 2);
	assert_string_equal(group->record.failovers[0].kind, "Failover");
}

static void data_loss_is_a_persons_decision(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	group_kill(group, 1);
	group->view.allow_data_loss = "sql-2/another-uid";
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	group->view.allow_data_loss = "sql-2/object-uid";
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_primary(group, 2);
	assert_false(group->record.failovers[0].lost_nothing);
	assert_int_equal(group->record.member_count, 1);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_REMOVE_ANNOTATION, -1));
}

/* Forced when SQL Server has refused without, whichever way; not because an answer is out. */
static void forcing_comes_last(void **state) {
	(void)state;
	static const struct {
		int plain, started;
		enum action_type then;
	} rows[] = {
		{ 0, -1, ACTION_PROMOTE },
		{ 111, -1, ACTION_PROMOTE },
		{ 18456, -1, ACTION_PROMOTE },
		{ 51003, -1, ACTION_PROMOTE }, /* it was not fenced any more: FAILOVER did not come to it */
		{ 41142, -1, ACTION_FORCE_PROMOTE },
		{ 41144, -1, ACTION_PROMOTE_STARTED },
		{ 41144, 0, ACTION_PROMOTE_STARTED },
		{ 41144, 41142, ACTION_FORCE_PROMOTE },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_group struct group *group = forced_group();
		group_fail(group, ACTION_PROMOTE, 2, "start-2-1", rows[i].plain);
		if (rows[i].started >= 0) group_fail(group, ACTION_PROMOTE_STARTED, 2, "start-2-1", rows[i].started);
		group_pass(group);
		assert_non_null(group_planned(group, rows[i].then, 2));
	}
	cleanup_group struct group *group = forced_group();
	group_fail(group, ACTION_PROMOTE, 2, "start-2-1", 0);
	group->attempts[0].failures = 3; /* it never says */
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_FORCE_PROMOTE, 2));
}

/* What writes the record sends nothing under the generation that it ends. */
static void nobody_is_promoted_in_a_pass_that_renews_the_generation(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_PROMOTE, 1));
	group->view.replicas[2].server.loose_generation = group->record.generation;
	group_pass(group);
	assert_int_equal(group->deciding.next.generation, group->record.generation + 1);
	assert_int_equal(group->plan->count, 0);
	group->view.replicas[2].server.loose_generation = 0;
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

/* … and a person names who shall take the lost primary's place: by the same protocol. */
static void a_person_names_the_next_primary(void **state) {
	(void)state;
	cleanup_group struct group *group = manual_group(3);
	group_kill(group, 0);
	pass_times(group, 5);
	assert_int_equal(group->deciding.state, GROUP_DOWN);
	assert_true(group->servers[1].endpoint_runs && group->servers[2].endpoint_runs);
	group->view.wanted_primary = "nobody";
	pass_times(group, 2);
	assert_int_equal(group->deciding.state, GROUP_DOWN);
	group->view.wanted_primary = "sql-2";
	group_pass(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_FAILOVER);
	assert_string_equal(group->deciding.next.intent.wanted, "sql-2");
	pass_times(group, 20);
	assert_primary(group, 2);
	assert_true(group->record.failovers[0].lost_nothing);
	group_pass(group);
	assert_string_equal(group_planned(group, ACTION_REMOVE_ANNOTATION, -1)->text, "agkeeper.dev/primary");
}

/* Silent only, and a person knows better. */
static void a_person_may_replace_a_silent_primary(void **state) {
	(void)state;
	cleanup_group struct group *group = manual_group(3);
	group_silence(group, 0, true);
	group->view.wanted_primary = "sql-1";
	pass_times(group, 3);
	assert_int_equal(group->deciding.state, GROUP_SUSPECT);
	group_wait(group, 11000);
	pass_times(group, 20);
	assert_string_equal(group->record.primary.pod, "sql-1");
}

/* Whoever is named first turns out to be lost; another is named, or nobody. */
static void a_person_changes_their_mind(void **state) {
	(void)state;
	cleanup_group struct group *group = manual_group(3);
	group_kill(group, 0);
	group_kill(group, 2);
	group->view.wanted_primary = "sql-2";
	pass_times(group, 10);
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "sql-2: waited for, its pod is gone"));
	group->view.wanted_primary = NULL;
	pass_times(group, 10);
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "automatic failover is off, and no replica is named"));
	assert_int_equal(group->servers[1].role, SQL_ROLE_SECONDARY);
	group->view.wanted_primary = "sql-1";
	pass_times(group, 20);
	assert_primary(group, 1);

	/* The target is on record, and dies before it was told. */
	cleanup_group struct group *aimed = manual_group(3);
	group_kill(aimed, 0);
	aimed->view.wanted_primary = "sql-2";
	until_target(aimed);
	group_kill(aimed, 2);
	pass_times(aimed, 5);
	assert_int_equal(aimed->deciding.state, GROUP_BLOCKED);
	aimed->view.wanted_primary = "sql-1";
	pass_times(aimed, 20);
	assert_primary(aimed, 1);
}

/* A hand-over that a person asked for, whose primary dies: the wish stands. */
static void a_persons_hand_over_goes_on_without_the_primary(void **state) {
	(void)state;
	cleanup_group struct group *group = manual_group(3);
	group->view.wanted_primary = "sql-1";
	group_pass(group);
	group_do(group);
	assert_int_equal(group->record.intent.kind, INTENT_HAND_OVER);
	group_kill(group, 0);
	pass_times(group, 30);
	assert_primary(group, 1);
}

/* Not without loss while it can be had, and not with it while it need not be. */
static void a_person_allows_loss_where_nothing_fails_over(void **state) {
	(void)state;
	cleanup_group struct group *whole = manual_group(3);
	group_kill(whole, 0);
	whole->view.allow_data_loss = "sql-1/object-uid";
	pass_times(whole, 20);
	assert_primary(whole, 1);
	assert_true(whole->record.failovers[0].lost_nothing);

	/* The primary alone held the last commits. */
	cleanup_group struct group *alone = manual_group(3);
	alone->record.member_count = 1;
	alone->record.required = 0;
	group_kill(alone, 0);
	alone->view.wanted_primary = "sql-1";
	pass_times(alone, 10);
	assert_int_equal(alone->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(alone->deciding.blocked, "sql-1 was asked for, and may lack commits"));
	assert_int_equal(alone->servers[1].role, SQL_ROLE_SECONDARY);
	alone->view.allow_data_loss = "sql-1/object-uid";
	pass_times(alone, 20);
	assert_primary(alone, 1);
	assert_false(alone->record.failovers[0].lost_nothing);
}

/* The status is lost, and all servers were started anew: whoever holds all that anybody has goes on, in a group that
 * commits asynchronously, and in one where nothing fails over by itself. */
static void an_adopted_group_without_a_primary_goes_on(void **state) {
	(void)state;
	for (int asynchronous = 0; asynchronous < 2; asynchronous++) {
		cleanup_group struct group *group = manual_group(3);
		group->record.primary = (struct member){ "", "" };
		group->record.required = 0;
		for (size_t i = 0; i < 3; i++) {
			group->servers[i].role = SQL_ROLE_RESOLVING;
			group->servers[i].end[0] = i == 2 ? 1005 : 1000;
			if (asynchronous) group->spec.replicas[i].availability = SQL_ASYNCHRONOUS_COMMIT;
		}
		group_silence(group, 1, true);
		pass_times(group, 20);
		assert_int_equal(group->deciding.state, GROUP_BLOCKED);
		assert_non_null(strstr(group->deciding.blocked, "sql-1: waited for, it does not answer"));
		group_silence(group, 1, false);
		pass_times(group, 20);
		assert_primary(group, 2);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_old_primary_that_only_starts_is_no_member),
		cmocka_unit_test(a_primary_on_request),
		cmocka_unit_test(a_hand_over_waits_for_what_changes_on_the_primary),
		cmocka_unit_test(a_database_that_came_in_ends_a_hand_over),
		cmocka_unit_test(a_request_that_cannot_be_met_is_refused),
		cmocka_unit_test(a_deletion_hands_over_first),
		cmocka_unit_test(a_stale_departure_is_forgotten),
		cmocka_unit_test(where_nobody_else_is_a_departure_is_let_go),
		cmocka_unit_test(a_late_hand_over_is_given_up),
		cmocka_unit_test(a_refused_hand_over_goes_back),
		cmocka_unit_test(a_target_that_dies_is_waited_for_in_relaxed_mode),
		cmocka_unit_test(a_complete_stranger_is_no_member),
		cmocka_unit_test(a_hand_over_whose_primary_dies_becomes_a_failover),
		cmocka_unit_test(data_loss_is_a_persons_decision),
		cmocka_unit_test(forcing_comes_last),
		cmocka_unit_test(nobody_is_promoted_in_a_pass_that_renews_the_generation),
		cmocka_unit_test(a_person_names_the_next_primary),
		cmocka_unit_test(a_person_may_replace_a_silent_primary),
		cmocka_unit_test(a_person_changes_their_mind),
		cmocka_unit_test(a_persons_hand_over_goes_on_without_the_primary),
		cmocka_unit_test(a_person_allows_loss_where_nothing_fails_over),
		cmocka_unit_test(an_adopted_group_without_a_primary_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
