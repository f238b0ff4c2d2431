/* The promotion: each attack of the protocol that one snapshot, or a few, can show; and what people ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "controller/decide/promotion.h"
#include "unit/decide_group.h"

static void cleanup_group_pointer(struct group **group) {
	group_free(*group);
}
#define cleanup_group __attribute__((cleanup(cleanup_group_pointer)))

static const char *target(const struct group *group) {
	return group->record.intent.target;
}

/* Passes until the record says so, or something is blocked. */
static void until_target(struct group *group) {
	for (int i = 0; i < 50 && (group->record.intent.kind == INTENT_NONE || target(group)[0] == '\0'); i++) {
		group_pass(group);
		group_do(group);
	}
}

static void assert_primary(const struct group *group, size_t place) {
	assert_string_equal(group->record.primary.pod, group_pod(place));
	for (size_t i = 0; i < group->count; i++)
		if (group->servers[i].runs && group->servers[i].answers)
			assert_int_equal(group->servers[i].role == SQL_ROLE_PRIMARY, i == place);
}

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

/* ---- Judging ---- */

static void a_silent_primary_has_its_time(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_silence(group, 0, true);
	group_pass(group);
	assert_int_equal(group->deciding.state, GROUP_SUSPECT);
	group_wait(group, 9000);
	group_pass(group);
	assert_int_equal(group->deciding.state, GROUP_SUSPECT);
	assert_false(group_wrote(group));
	group_wait(group, 1000);
	group_pass(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_FAILOVER);
	assert_string_equal(group->deciding.next.intent.reason, "PrimarySilent");
	assert_int_equal(group->deciding.next.generation, 2);
}

static void flapping_changes_nothing(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	for (int i = 0; i < 20; i++) {
		group_silence(group, 0, true);
		for (int j = 0; j < 4; j++) {
			group_pass(group);
			group_wait(group, 1000);
		}
		group_silence(group, 0, false);
		for (int j = 0; j < 3; j++) {
			group_pass(group);
			assert_false(group_wrote(group));
			group_wait(group, 1000);
		}
	}
}

static void evidence_is_weighed(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	struct server_view *server = &group->view.replicas[0].server;
	server->diagnostics[DIAGNOSTIC_RESOURCE] = 3;
	server->diagnostics_at = group->view.now;
	group_pass(group); /* healthThreshold system: a resource error does not count */
	assert_int_equal(group->deciding.state, GROUP_STEADY);
	group->spec.health = HEALTH_QUERY_PROCESSING;
	group_pass(group);
	assert_int_equal(group->deciding.state, GROUP_SUSPECT);
	assert_string_equal(group->deciding.lost_reason, "PrimaryUnwell");
}

/* Deleted with a grace period it may hand over first; by force, the API server's next write removes it: what is
 * written before that would only make the failover wait. */
static void a_primary_deleted_by_force_is_gone(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_look(group);
	struct pod_view *pod = &group->view.replicas[0].pod;
	pod->is_deleting = true;
	pod->deletion_grace_s = 30;
	group_decide(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_HAND_OVER);
	pod->deletion_grace_s = 0;
	group_decide(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_FAILOVER);
	assert_string_equal(group->deciding.next.intent.reason, "PodGone");
}

/* Nobody else could be promoted: the others are not fenced for nothing. */
static void a_silent_primary_alone_is_left_alone(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.member_count = 1;
	group->record.required = 0;
	group_silence(group, 0, true);
	group_pass(group);
	group_wait(group, 60000);
	group_pass(group);
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
	assert_non_null(strstr(group->deciding.blocked, "no other replica could take over"));
	assert_false(group_wrote(group));
	assert_int_equal(group->plan->count, 0);
	group->view.allow_data_loss = "sql-1/object-uid"; /* a person need not wait for it */
	for (int i = 0; i < 20; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_string_equal(group->record.primary.pod, "sql-1");
	assert_int_equal(group->servers[1].role, SQL_ROLE_PRIMARY);
}

/* Unwell, and answers, and nobody may take its place: a secondary that is lost must not keep commits waiting for ever.
 */
static void an_unwell_primary_alone_is_looked_after(void **state) {
	(void)state;
	for (int how = 0; how < 3; how++) {
		cleanup_group struct group *group = group_new(2);
		group->view.replicas[0].server.diagnostics[DIAGNOSTIC_SYSTEM] = 3;
		group->spec.fails_over = how != 1;
		if (how == 2) group->spec.replicas[1].is_candidate = false;
		group_kill(group, 1);
		for (int i = 0; i < 40; i++) {
			group->view.replicas[0].server.diagnostics_at = group->view.now;
			group_pass(group);
			group_do(group);
			group_wait(group, 500);
		}
		assert_int_equal(group->record.intent.kind, INTENT_NONE);
		assert_int_equal(group->deciding.state, GROUP_STEADY);
		assert_string_equal(group->deciding.lost_reason, "PrimaryUnwell");
		assert_int_equal(group->record.member_count, 1);
		assert_int_equal(group->record.required, 0);
		assert_int_equal(group->servers[0].required, 0);
		assert_false(group->servers[0].synchronous[1]);
	}
}

static void a_frozen_primary_that_thaws_in_time_goes_on(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_silence(group, 0, true);
	group_pass(group);
	group_wait(group, 10000);
	group_pass(group);
	group_do(group); /* the intent */
	group_silence(group, 0, false);
	assert_true(group_settle(group) > 0);
	assert_primary(group, 0);
	assert_int_equal(group->record.epoch, 1);
	for (size_t i = 0; i < 3; i++) assert_true(group->servers[i].endpoint_runs);
}

/* R3: it says itself that it is not PRIMARY. */
static void a_headless_group_fails_over_at_once(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[0].role = SQL_ROLE_RESOLVING;
	group_pass(group);
	assert_int_equal(group->deciding.next.intent.kind, INTENT_FAILOVER);
	assert_string_equal(group->deciding.next.intent.reason, "NotPrimary");
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
	cleanup_group struct group *group = group_new(3);
	group->servers[1].refuses = group->servers[2].refuses = true;
	group_kill(group, 0);
	for (int i = 0; i < 30; i++) {
		group_pass(group);
		group_do(group);
		group->view.attempt_count = group->view.attempt_count > 4 ? 4 : group->view.attempt_count;
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
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

/* A person has allowed it for sql-2, and it is the target: three of which one commit is on one, two of them lost. */
static struct group *forced_group(void) {
	struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	for (size_t i = 0; i < 3; i++) group->servers[i].required = 1;
	group_kill(group, 0);
	group_kill(group, 1);
	group->view.allow_data_loss = "sql-2/object-uid";
	until_target(group);
	assert_string_equal(target(group), "sql-2");
	assert_true(group->record.intent.forces);
	group_pass(group); /* the generation of the choice is the one of the fence */
	return group;
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

/* Automatic failover is off. */
static struct group *manual_group(size_t count) {
	struct group *group = group_new(count);
	group->spec.fails_over = false;
	for (size_t i = 0; i < count; i++) group->spec.replicas[i].is_candidate = false;
	return group;
}

static void pass_times(struct group *group, int times) {
	for (int i = 0; i < times; i++) {
		group_pass(group);
		group_do(group);
	}
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

/* The only one that could be promoted refuses, and a person allows its loss; then another, when it dies. */
static void a_target_that_refuses_may_be_forced(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[1].refuses = group->servers[2].refuses = true;
	group_kill(group, 0);
	for (int i = 0; i < 30; i++) {
		group_pass(group);
		group_do(group);
		group->view.attempt_count = group->view.attempt_count > 4 ? 4 : group->view.attempt_count;
	}
	assert_int_equal(group->deciding.state, GROUP_BLOCKED);
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
		cmocka_unit_test(a_silent_primary_has_its_time),
		cmocka_unit_test(flapping_changes_nothing),
		cmocka_unit_test(evidence_is_weighed),
		cmocka_unit_test(a_primary_deleted_by_force_is_gone),
		cmocka_unit_test(a_silent_primary_alone_is_left_alone),
		cmocka_unit_test(an_unwell_primary_alone_is_looked_after),
		cmocka_unit_test(a_frozen_primary_that_thaws_in_time_goes_on),
		cmocka_unit_test(a_headless_group_fails_over_at_once),
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
		cmocka_unit_test(nothing_fails_over_where_it_shall_not),
		cmocka_unit_test(a_person_names_the_next_primary),
		cmocka_unit_test(a_person_may_replace_a_silent_primary),
		cmocka_unit_test(a_person_changes_their_mind),
		cmocka_unit_test(a_persons_hand_over_goes_on_without_the_primary),
		cmocka_unit_test(a_person_allows_loss_where_nothing_fails_over),
		cmocka_unit_test(an_adopted_group_without_a_primary_goes_on),
		cmocka_unit_test(a_lost_target_is_replaced_in_strict_mode),
		cmocka_unit_test(a_lost_target_is_a_persons_matter_in_relaxed_mode),
		cmocka_unit_test(a_target_that_refuses_may_be_forced),
		cmocka_unit_test(a_forced_target_that_dies_is_replaced_on_request),
		cmocka_unit_test(of_two_others_that_say_primary_one_goes_on),
		cmocka_unit_test(asynchronous_replicas_are_no_candidates),
		cmocka_unit_test(an_asynchronous_group_hands_over_through_synchronous_commit),
		cmocka_unit_test(a_dbas_own_failover_is_followed),
		cmocka_unit_test(rows_explain_themselves),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
