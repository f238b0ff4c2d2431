/* The promotion: each attack of the protocol that one snapshot, or a few, can show. */
#include "unit/promotion_group.h"

/* ---- The good case ---- */

static void nothing_is_done_while_all_is_well(void **state) {
	(void)state;
	for (size_t count = 1; count <= 5; count++) {
		cleanup_group struct group *group = group_new(count);
		group_pass(group);
		assert_int_equal(group->deciding.state, GROUP_STEADY);
		assert_false(group_wrote(group));
		assert_int_equal(group->plan->count, 0);
	}
}

static void a_killed_primary_is_replaced_at_once(void **state) {
	(void)state;
	for (size_t count = 2; count <= 5; count++) {
		cleanup_group struct group *group = group_new(count);
		group_kill(group, 0);
		int64_t begun = group->view.now;
		int passes = group_settle(group);
		assert_in_range(passes, 1, 20);
		assert_true(group->view.now - begun < 1500);
		assert_primary(group, 1);
		assert_int_equal(group->record.epoch, 2);
		assert_int_equal(group->record.failover_count, 1);
		assert_string_equal(group->record.failovers[0].from, "sql-0");
		assert_true(group->record.failovers[0].lost_nothing);
		assert_int_equal(group->record.required, (int)count - 2);
		assert_int_equal(group->servers[1].required, (int)count - 2);
		assert_int_equal((int)group->record.member_count, (int)count - 1);
	}
}

static void the_killed_one_returns_as_secondary(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	assert_true(group_settle(group) > 0);
	group_start(group, 0);
	group_wait(group, 20000); /* the new primary is no young one any more: no latch */
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
	assert_int_equal(group->record.member_count, 3);
	assert_int_equal(group->record.required, 2);
	assert_int_equal(group->servers[1].required, 2);
}

/* The record is written first: no change of a server in the same plan. */
static void records_come_alone(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	for (int i = 0; i < 40; i++) {
		group_pass(group);
		if (group_wrote(group)) {
			assert_null(group_planned(group, ACTION_PROMOTE, -1));
			assert_null(group_planned(group, ACTION_START_ENDPOINT, -1));
			assert_null(group_planned(group, ACTION_SET_REQUIRED, -1));
		}
		group_do(group);
	}
	assert_primary(group, 1);
}

/* ---- The attacks ---- */

/* 2 */
static void a_stalled_leader_changes_nothing(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[0].required = 1; /* there would be something to do */
	group->servers[0].generation = 7;
	group_pass(group);
	assert_false(group_wrote(group));
	assert_int_equal(group->plan->count, 0);
}

/* 2: a successor claims the generation, and raises it on each server, before it changes anything. */
static void a_successor_claims_first(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	group->view.identity = "somebody else";
	memset(&group->scratch, 0, sizeof(group->scratch));
	group_pass(group);
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	assert_int_equal(group->deciding.next.generation, group->record.generation + 1);
	group_do(group);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_RAISE_GENERATION, 1));
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	group_do(group);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

/* The controller is killed between any two passes. */
static void any_successor_finishes(void **state) {
	(void)state;
	for (int at = 0; at < 16; at++) {
		cleanup_group struct group *group = group_new(3);
		group_kill(group, 0);
		for (int i = 0; i < at; i++) {
			group_pass(group);
			group_do(group);
		}
		group->view.identity = "successor";
		memset(&group->scratch, 0, sizeof(group->scratch));
		assert_true(group_settle(group) > 0);
		assert_primary(group, 1);
		assert_int_equal(group->record.required, 1);
		assert_int_equal(group->record.epoch, 2);
	}
}

/* 3 */
static void a_target_that_runs_again_is_asked_anew(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	assert_string_equal(target(group), "sql-1");
	group->servers[1].endpoint_runs = true;
	group_pass(group);
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	assert_non_null(group_planned(group, ACTION_STOP_ENDPOINT, 1));
	group_do(group);
	group_pass(group);
	const struct action *promote = group_planned(group, ACTION_PROMOTE, 1);
	assert_non_null(promote);
	assert_string_equal(promote->text, "start-1-1"); /* the batch itself holds it to that */
}

/* 4: the volume of the only holder is deleted, and the empty replica answers. */
static void an_empty_replica_is_no_member(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group_kill(group, 0);
	group_replace_volume(group, 1);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "sql-1: waited for, its volume is gone"));
}

/* 4: it lacks one of the databases. */
static void an_incomplete_member_does_not_count(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->database_count = group->record.database_count = 2;
	group->databases[1] = (struct recorded_database){ "agdb2", "database-2" };
	group->servers[1].has[1] = false;
	group_kill(group, 0);
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "it lacks a database"));
}

/* 5 */
static void an_older_configuration_lowers_r_before_the_promotion(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[1].required = 1; /* its copy has not heard of 2 */
	group->servers[1].follows = -1;
	group->servers[1].cut[0] = true;
	group->servers[2].end[0]--;
	group_kill(group, 0);
	until_target(group);
	assert_string_equal(target(group), "sql-1");
	assert_int_equal(group->servers[1].role, SQL_ROLE_SECONDARY);
	assert_int_equal(group->record.required, 1);
	assert_int_equal(group->record.intent.required, 2);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

/* 6, 9: the old primary is back with a longer log; it holds everything, and so does who has taken its place. */
static void an_old_primary_with_a_tail_is_no_choice_while_others_are(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_write_tail(group, 0, 0, 50);
	group_kill(group, 0);
	group_start(group, 0);
	until_target(group);
	assert_string_equal(target(group), "sql-1");
	group_wait(group, 20000);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
	group_wait(group, 20000);
	assert_true(group_settle(group) > 0);
	assert_int_equal(group->record.member_count, 3);
}

/* 7: the reply to FAILOVER is lost. The same target is asked, and a second one only when it has refused. */
static void a_lost_reply_chooses_no_second_target(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	group->servers[1].is_changing = true; /* it landed, and is not over */
	group_pass(group);
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	assert_false(group_wrote(group));
	group->servers[1].is_changing = false; /* it never landed, or may still */
	group->view.replicas[1].server.loose_generation = group->record.generation;
	group_pass(group);
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	assert_int_equal(group->deciding.next.generation, group->record.generation + 1);
	assert_string_equal(group->deciding.next.intent.target, "sql-1");
	group_do(group);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

static void a_target_that_refuses_is_replaced(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[1].refuses = true;
	group_kill(group, 0);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 2);
	assert_int_equal(group->record.epoch, 3);
}

static void all_refuse_and_the_primary_returns(void **state) {
	(void)state;
	cleanup_group struct group *group = refusing_group();
	group_start(group, 0);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 0);
}

/* 7, strict: the target is gone before it was seen as PRIMARY. */
static void a_target_that_dies_is_replaced_in_strict_mode(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	group_kill(group, 1);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 2);
	assert_int_equal(group->record.required, 0);
	assert_int_equal(group->record.member_count, 1);
}

/* 8: force-deleted, and its process lives on where we do not see it: the others confirm nothing to it any more before
 * one is promoted. */
static void nobody_is_promoted_before_it_is_fenced(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		if (group_planned(group, ACTION_PROMOTE, -1) != NULL) {
			assert_false(group->servers[1].endpoint_runs);
			assert_int_equal(group->servers[1].generation, group->record.generation);
			assert_string_equal(target(group), "sql-1");
		}
		group_do(group);
	}
	assert_primary(group, 1);
}

/* 9, R26 */
static void all_restart_and_only_the_old_primary_returns(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	for (size_t i = 0; i < 3; i++) group_kill(group, i);
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	group_start(group, 0);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 0);
	assert_int_equal(group->record.member_count, 1);
	assert_int_equal(group->servers[0].required, 0);
	group_start(group, 1);
	group_start(group, 2);
	group_wait(group, 20000);
	assert_true(group_settle(group) > 0);
	assert_int_equal(group->record.member_count, 3);
	assert_int_equal(group->record.required, 2);
}

/* 10, strict and relaxed. */
static void one_of_three_survives(void **state) {
	(void)state;
	cleanup_group struct group *strict = group_new(3);
	group_kill(strict, 0);
	group_kill(strict, 1);
	assert_true(group_settle(strict) > 0);
	assert_primary(strict, 2);
	assert_int_equal(strict->servers[2].required, 0);

	cleanup_group struct group *relaxed = group_new(3);
	relaxed->spec.required = relaxed->record.required = 1;
	for (size_t i = 0; i < 3; i++) relaxed->servers[i].required = 1;
	group_kill(relaxed, 0);
	group_kill(relaxed, 1);
	for (int i = 0; i < 20; i++) {
		group_pass(relaxed);
		assert_null(group_planned(relaxed, ACTION_PROMOTE, -1));
		group_do(relaxed);
	}
	assert_int_equal(relaxed->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(relaxed->deciding.blocked, "sql-1: waited for, its pod is gone"));
	group_start(relaxed, 1);
	assert_true(group_settle(relaxed) > 0);
	assert_int_not_equal(strcmp(relaxed->record.primary.pod, "sql-0"), 0);
}

/* 11: nobody takes the lost one out; the survivor holds everything all the same. */
static void a_secondary_dies_and_then_the_primary(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 1);
	group_kill(group, 0);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 2);
}

/* 12 */
static void relaxed_takes_who_is_ahead_in_all(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->database_count = group->record.database_count = 2;
	group->databases[1] = (struct recorded_database){ "agdb2", "database-2" };
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) {
		group->servers[i].required = 1;
		group->servers[i].cut[0] = true; /* positions stay as they are set here */
	}
	group->servers[1].end[0] = 1005;
	group->servers[2].end[1] = 1005;
	group_kill(group, 0);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	group->servers[2].end[0] = 1005;
	until_target(group);
	assert_string_equal(target(group), "sql-2");
}

static void strict_takes_either(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].end[0] = 1005;
	group_kill(group, 0);
	until_target(group);
	assert_string_equal(target(group), "sql-2"); /* R27 */
}

/* A position on a dead fork neither counts nor vetoes. */
static void forks_do_not_compare(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group->servers[1].cut[0] = group->servers[2].cut[0] = true;
	group->servers[1].fork[0] = 7;
	group_kill(group, 0);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
}

/* Relaxed, sql-0 is lost, and `group` is at the point where FAILOVER is to be sent to sql-1. */
static struct group *aimed_at_the_first(void) {
	struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	until_target(group);
	assert_string_equal(target(group), "sql-1");
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_PROMOTE, 1));
	return group;
}

/* It was PRIMARY, on a fork of its own, and died before anybody had looked: it still leads. */
static void a_target_that_began_its_fork_is_promoted_again(void **state) {
	(void)state;
	cleanup_group struct group *group = aimed_at_the_first();
	group_do(group);
	assert_int_equal(group->servers[1].role, SQL_ROLE_PRIMARY);
	group_kill(group, 1);
	group_pass(group);
	group_do(group);
	group_start(group, 1);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
}

/* … unless somebody hardened what lies behind that point, for an old primary that lives on. */
static void a_target_behind_its_fork_is_not(void **state) {
	(void)state;
	cleanup_group struct group *group = aimed_at_the_first();
	group_do(group);
	group_kill(group, 1);
	group->servers[2].end[0]++;
	group_start(group, 1);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
}

/* FAILOVER never came to it, and the other one, started anew, confirmed more to the old primary: that one leads now. */
static void an_overtaken_target_is_given_up(void **state) {
	(void)state;
	cleanup_group struct group *group = aimed_at_the_first();
	group->servers[2].end[0]++;
	for (int i = 0; i < 50 && strcmp(group->record.primary.pod, "sql-0") == 0; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, 1));
		group_do(group);
	}
	assert_primary(group, 2);
}

/* Adopted without a record: all must be asked. */
static void without_a_record_all_must_answer(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->record.primary = (struct member){ "", "" };
	group->record.required = 0;
	for (size_t i = 0; i < 3; i++) {
		group->servers[i].role = SQL_ROLE_RESOLVING;
		group->servers[i].end[0] = 1000 + i;
	}
	group_silence(group, 2, true);
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_PROMOTE, -1));
		group_do(group);
	}
	group_silence(group, 2, false);
	until_target(group);
	assert_string_equal(target(group), "sql-2");
}

/* ---- The worse positions ---- */

static void failover_may_want_the_endpoint_running(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	until_target(group);
	group_fail(group, ACTION_PROMOTE, 1, "start-1-1", 41144);
	group_pass(group);
	assert_null(group_planned(group, ACTION_PROMOTE, -1));
	assert_non_null(group_planned(group, ACTION_PROMOTE_STARTED, 1));
	assert_false(
	        group->servers[2].endpoint_runs); /* the others are fenced: whatever is confirmed, the target has */
}

static void a_stale_primary_is_set_right(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_silence(group, 0, true);
	group_pass(group);
	group_wait(group, 11000);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
	group_silence(group, 0, false); /* still says PRIMARY */
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_OFFLINE, 0) != NULL
	                        ? group_planned(group, ACTION_OFFLINE, 0)
	                        : group_planned(group, ACTION_RAISE_GENERATION, 0));
	assert_true(group_settle(group) > 0);
	group_wait(group, 20000);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 1);
	assert_int_equal(group->record.member_count, 3);
}

static void offline_may_fail(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->record.primary = group->record.members[1];
	group->servers[1].role = SQL_ROLE_PRIMARY;
	group->servers[1].sequence = 200;
	group->view.is_paused = true; /* the ops request that has the pods may wait for this very one */
	group_fail(group, ACTION_OFFLINE, 0, NULL, 41131);
	group->attempts[0].next_at = INT64_MAX;
	group_pass(group);
	group_wait(group, 6000);
	group_pass(group);
	const struct action *restart = group_planned(group, ACTION_DELETE_POD, 0);
	assert_non_null(restart);
	assert_string_equal(restart->text, "pod-0");
}

/* ---- The table ---- */

static void rows_explain_themselves(void **state) {
	(void)state;
	for (size_t i = 0; i < transition_count; i++) {
		assert_non_null(transitions[i].when);
		assert_non_null(transitions[i].act);
		assert_true(strlen(transitions[i].evidence) > 10 && strlen(transitions[i].reason) > 10);
	}
	for (size_t i = 0; i < evidence_row_count; i++) assert_true(strlen(evidence_rows[i].message) > 10);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_done_while_all_is_well),
		cmocka_unit_test(a_killed_primary_is_replaced_at_once),
		cmocka_unit_test(the_killed_one_returns_as_secondary),
		cmocka_unit_test(records_come_alone),
		cmocka_unit_test(a_stalled_leader_changes_nothing),
		cmocka_unit_test(a_successor_claims_first),
		cmocka_unit_test(any_successor_finishes),
		cmocka_unit_test(a_target_that_runs_again_is_asked_anew),
		cmocka_unit_test(an_empty_replica_is_no_member),
		cmocka_unit_test(an_incomplete_member_does_not_count),
		cmocka_unit_test(an_older_configuration_lowers_r_before_the_promotion),
		cmocka_unit_test(an_old_primary_with_a_tail_is_no_choice_while_others_are),
		cmocka_unit_test(a_lost_reply_chooses_no_second_target),
		cmocka_unit_test(a_target_that_refuses_is_replaced),
		cmocka_unit_test(all_refuse_and_the_primary_returns),
		cmocka_unit_test(a_target_that_dies_is_replaced_in_strict_mode),
		cmocka_unit_test(nobody_is_promoted_before_it_is_fenced),
		cmocka_unit_test(all_restart_and_only_the_old_primary_returns),
		cmocka_unit_test(one_of_three_survives),
		cmocka_unit_test(a_secondary_dies_and_then_the_primary),
		cmocka_unit_test(relaxed_takes_who_is_ahead_in_all),
		cmocka_unit_test(strict_takes_either),
		cmocka_unit_test(forks_do_not_compare),
		cmocka_unit_test(a_target_that_began_its_fork_is_promoted_again),
		cmocka_unit_test(a_target_behind_its_fork_is_not),
		cmocka_unit_test(an_overtaken_target_is_given_up),
		cmocka_unit_test(without_a_record_all_must_answer),
		cmocka_unit_test(failover_may_want_the_endpoint_running),
		cmocka_unit_test(a_stale_primary_is_set_right),
		cmocka_unit_test(offline_may_fail),
		cmocka_unit_test(rows_explain_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
