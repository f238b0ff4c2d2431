/* The recovery ladder: only as far up as it must, never the primary, never while seeding. */
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

/* Passes every 500 ms, nothing is done but what the ladder does not do, until it does `type`; when, in ms; -1: never.
 */
static int64_t until(struct group *group, enum action_type type, size_t place) {
	int64_t begun = group->view.now;
	for (int i = 0; i < 1000; i++) {
		group_pass(group);
		if (group_planned(group, type, (int)place) != NULL) return group->view.now - begun;
		group_do(group);
		group_wait(group, 450);
	}
	return -1;
}

static void a_resolving_replica_is_seated_at_once(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].role = SQL_ROLE_RESOLVING;
	assert_int_equal(until(group, ACTION_BECOME_SECONDARY, 2), 0);
}

/* A former primary that connects to a young one latches. */
static void a_former_primary_waits_for_the_new_one(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	assert_true(group_settle(group) > 0);
	group_start(group, 0);
	int64_t waited = until(group, ACTION_BECOME_SECONDARY, 0);
	assert_in_range(waited, 8000, 11000);
}

/* Nothing helps: each step has its time, and it ends with a report. */
static void it_climbs_step_by_step(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].cut[0] = true;
	int64_t reseat = until(group, ACTION_BECOME_SECONDARY, 2);
	assert_in_range(reseat, 9000, 11000);
	int64_t endpoint = until(group, ACTION_RESTART_ENDPOINT, 2);
	assert_in_range(endpoint, 9000, 11000);
	assert_null(group_planned(group, ACTION_RESTART_ENDPOINT, 0));
	group_do(group);
	int64_t both = until(group, ACTION_RESTART_ENDPOINT, 0);
	assert_in_range(both, 5000, 31000);
	int64_t rejoin = until(group, ACTION_DROP_GROUP, 2);
	assert_in_range(rejoin, 15000, 21000);
	assert_int_equal(record_find(&group->record, "sql-2", NULL), -1); /* out of S first */
	assert_false(group->servers[0].synchronous[2]);
	group_do(group);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_JOIN, 2));
	group_do(group);
	group->servers[2].cut[0] = false;
	assert_true(group_settle(group) > 0);
	assert_int_equal(group->record.member_count, 3);
}

static void until_primary_is(struct group *group, const char *pod) {
	for (int i = 0; i < 100 && strcmp(group->record.primary.pod, pod) != 0; i++) {
		group_pass(group);
		group_do(group);
	}
	assert_string_equal(group->record.primary.pod, pod);
}

/* Nobody has had a session with the new primary: what hinders that helps nobody before it is 30 s old, and is done then
 * at once, to the primary last; one replica's turn is all's. */
static void nobody_meets_the_new_primary(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 0);
	for (size_t i = 0; i < 3; i++) group->servers[i].cut[1] = true;
	group->servers[1].cut[0] = group->servers[1].cut[2] = true;
	until_primary_is(group, "sql-1");
	group_start(group, 0);
	int64_t waited = until(group, ACTION_RESTART_ENDPOINT, 1);
	assert_in_range(waited, 29000, 31000);
	assert_true(group->scratch.replicas[0].step >= STEP_ENDPOINT);
	assert_true(group->scratch.replicas[2].step >= STEP_ENDPOINT);
}

/* Its role is as old as the primary is, in a hand-over too, where the record counts the promotion before. */
static void the_age_of_a_primary_begins_with_it(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_pass(group);
	group_wait(group, 20000);
	group->view.wanted_primary = "sql-1";
	int64_t last = 0;
	for (int i = 0; i < 100 && strcmp(group->record.primary.pod, "sql-1") != 0; i++) {
		last = group->view.now;
		group_pass(group);
		group_do(group);
	}
	assert_string_equal(group->record.primary.pod, "sql-1");
	group_pass(group);
	assert_true(group->scratch.primary_since > last);
}

static void it_stops_as_soon_as_it_helps(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].cut[0] = true;
	until(group, ACTION_BECOME_SECONDARY, 2);
	group_do(group);
	group->servers[2].cut[0] = false;
	assert_int_equal(until(group, ACTION_RESTART_ENDPOINT, 2), -1);
}

static void seeding_is_not_disturbed(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].cut[0] = true;
	static struct sql_seeding_row seeding = {
		.group_database_id = "database-1", .remote_replica_id = "sql-2", .state = "SEEDING", .is_source = true
	};
	for (int i = 0; i < 100; i++) {
		group_look(group);
		struct sql_observation *seen = (struct sql_observation *)group->view.replicas[0].server.seen;
		seen->seeding_count = 1;
		seen->seedings = &seeding;
		group_decide(group);
		assert_null(group_planned(group, ACTION_BECOME_SECONDARY, 2));
		assert_null(group_planned(group, ACTION_RESTART_ENDPOINT, 2));
		assert_null(group_planned(group, ACTION_DROP_GROUP, 2));
		group_do(group);
		group_wait(group, 1000);
	}
}

/* Msg 41104: retrying does not help, a rejoin does, at once. */
static void a_latched_replica_rejoins(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].role = SQL_ROLE_RESOLVING;
	group_fail(group, ACTION_BECOME_SECONDARY, 2, NULL, 41104);
	int64_t rejoin = until(group, ACTION_DROP_GROUP, 2);
	assert_in_range(rejoin, 500, 6000); /* when it is out of the synchronous set */
	assert_int_equal(record_find(&group->record, "sql-2", NULL), -1);
}

/* An old primary may live on where we do not see it, and be the first to contact whoever is re-seated. */
static void it_confirms_nothing_to_whom_we_do_not_see(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].role = SQL_ROLE_RESOLVING;
	group_silence(group, 1, true);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_SUSPEND_MOVEMENT, 2));
	assert_null(group_planned(group, ACTION_BECOME_SECONDARY, 2));
	group_do(group);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_BECOME_SECONDARY, 2));
	group_do(group);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_RESUME_MOVEMENT, 2));
	group_do(group);
	assert_true(group_settle(group) > 0);
	assert_false(group->servers[2].is_suspended[0]);
}

/* Three of which one commit is on one: sql-1 is the primary now, sql-0 may live on where nobody sees it, and would need
 * nobody but sql-2. */
static struct group *relaxed_group(void) {
	struct group *group = group_new(3);
	group->spec.required = group->record.required = 1;
	group->record.primary = group->record.members[1];
	record_remove_member(&group->record, "sql-0");
	group->record.epoch = 2;
	for (size_t i = 1; i < 3; i++) group->servers[i].required = 1;
	group->servers[1].role = SQL_ROLE_PRIMARY;
	group->servers[1].sequence = group->servers[2].sequence = 200;
	group->servers[1].synchronous[0] = group->servers[2].synchronous[0] = false;
	group->servers[2].role = SQL_ROLE_RESOLVING;
	group_kill(group, 0);
	return group;
}

/* A SUSPEND whose answer is lost, that was not sent, or that SQL Server refuses: as long as an old primary could
 * acknowledge with its help it is not told to follow. */
static void nobody_is_seated_who_could_not_be_suspended(void **state) {
	(void)state;
	static const int numbers[] = { 0, 111, 18456, 983, 35242 };
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		cleanup_group struct group *group = relaxed_group();
		group_fail(group, ACTION_SUSPEND_MOVEMENT, 2, "agdb1", numbers[i]);
		for (int j = 0; j < 100; j++) {
			group_pass(group);
			assert_null(group_planned(group, ACTION_BECOME_SECONDARY, 2));
			if (numbers[i] >= 983 && numbers[i] != 18456)
				assert_string_equal(group->deciding.findings[0].reason, "WaitingForSight");
			group_wait(group, 500);
		}
		group_start(group, 0); /* in sight: RESOLVING */
		group_pass(group);
		assert_non_null(group_planned(group, ACTION_BECOME_SECONDARY, 2));
	}
}

/* In strict mode the old primary can acknowledge nothing without the present one: whom SQL Server does not suspend is
 * told nevertheless; not whom a lost message kept from it. */
static void what_cannot_be_suspended_is_seated_in_strict_mode(void **state) {
	(void)state;
	static const struct {
		int number;
		bool is_seated;
	} rows[] = { { 0, false }, { 111, false }, { 18456, false }, { 983, true } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_group struct group *group = relaxed_group();
		group->spec.required = -1;
		group_fail(group, ACTION_SUSPEND_MOVEMENT, 2, "agdb1", rows[i].number);
		group_pass(group);
		assert_int_equal(group_planned(group, ACTION_BECOME_SECONDARY, 2) != NULL, rows[i].is_seated);
		assert_int_equal(group_planned(group, ACTION_SUSPEND_MOVEMENT, 2) != NULL, !rows[i].is_seated);
	}
}

/* Strict, and two promotions ago: sql-0 had sql-2 as its only member, lives on where nobody sees it, and needs nobody
 * but that one; sql-1, the primary now, is not asked. */
static void who_was_primary_before_the_last_may_need_only_a_former_one(void **state) {
	(void)state;
	static const struct {
		const char *from[2]; /* the newest first */
		int64_t loose_epoch;
		bool is_seated;
	} rows[] = { { { "sql-1", "sql-0" }, 0, false },
		     { { "sql-0", "sql-1" }, 0, true },
		     { { "sql-0", "sql-1" }, 2, false },
		     { { "sql-1", "sql-2" }, 0, true } };
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cleanup_group struct group *group = relaxed_group();
		group->spec.required = -1;
		group->scratch.loose_epoch = rows[i].loose_epoch;
		group->record.failover_count = 2;
		for (size_t j = 0; j < 2; j++) {
			group->record.failovers[j] = (struct failover_row){ .from = rows[i].from[j],
				                                            .to = "sql-1",
				                                            .reason = "PrimarySilent",
				                                            .kind = "Failover",
				                                            .lost_nothing = true };
		}
		group_fail(group, ACTION_SUSPEND_MOVEMENT, 2, "agdb1", 983);
		group_pass(group);
		assert_int_equal(group_planned(group, ACTION_BECOME_SECONDARY, 2) != NULL, rows[i].is_seated);
		group->servers[2].role = SQL_ROLE_SECONDARY;
		group->servers[2].endpoint_runs = false;
		group_pass(group);
		assert_int_equal(group_planned(group, ACTION_START_ENDPOINT, 2) != NULL, rows[i].is_seated);
	}
}

/* Its endpoint was stopped for a promotion that did not come about: the same question. */
static void no_endpoint_is_started_where_an_old_primary_would_be_followed(void **state) {
	(void)state;
	cleanup_group struct group *group = relaxed_group();
	group->servers[2].role = SQL_ROLE_SECONDARY;
	group->servers[2].endpoint_runs = false;
	group_fail(group, ACTION_SUSPEND_MOVEMENT, 2, "agdb1", 983);
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_START_ENDPOINT, 2));
		group_wait(group, 100);
	}
}

/* Nor does it join anew: then it has nothing that could be suspended. */
static void nobody_joins_where_an_old_primary_would_be_followed(void **state) {
	(void)state;
	cleanup_group struct group *group = relaxed_group();
	group->servers[2].has_group = false;
	record_remove_member(&group->record, "sql-2");
	group->record.required = 0;
	for (int i = 0; i < 10; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_JOIN, 2));
		group_wait(group, 100);
	}
	group_start(group, 0);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_JOIN, 2));
}

static void the_primary_is_never_touched(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[1].cut[0] = group->servers[2].cut[0] = true;
	for (int i = 0; i < 400; i++) {
		group_pass(group);
		assert_null(group_planned(group, ACTION_BECOME_SECONDARY, 0));
		assert_null(group_planned(group, ACTION_DROP_GROUP, 0));
		assert_null(group_planned(group, ACTION_OFFLINE, 0));
		group_do(group);
		group_wait(group, 500);
	}
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_resolving_replica_is_seated_at_once),
		cmocka_unit_test(a_former_primary_waits_for_the_new_one),
		cmocka_unit_test(it_climbs_step_by_step),
		cmocka_unit_test(nobody_meets_the_new_primary),
		cmocka_unit_test(the_age_of_a_primary_begins_with_it),
		cmocka_unit_test(it_stops_as_soon_as_it_helps),
		cmocka_unit_test(seeding_is_not_disturbed),
		cmocka_unit_test(a_latched_replica_rejoins),
		cmocka_unit_test(it_confirms_nothing_to_whom_we_do_not_see),
		cmocka_unit_test(nobody_is_seated_who_could_not_be_suspended),
		cmocka_unit_test(what_cannot_be_suspended_is_seated_in_strict_mode),
		cmocka_unit_test(who_was_primary_before_the_last_may_need_only_a_former_one),
		cmocka_unit_test(no_endpoint_is_started_where_an_old_primary_would_be_followed),
		cmocka_unit_test(nobody_joins_where_an_old_primary_would_be_followed),
		cmocka_unit_test(the_primary_is_never_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
