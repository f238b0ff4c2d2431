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
		cmocka_unit_test(it_stops_as_soon_as_it_helps),
		cmocka_unit_test(seeding_is_not_disturbed),
		cmocka_unit_test(a_latched_replica_rejoins),
		cmocka_unit_test(it_confirms_nothing_to_whom_we_do_not_see),
		cmocka_unit_test(the_primary_is_never_touched),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
