/* The witnessed synchronous set: the record is never more confident than the truth. */
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

/* The invariant as a formula, checked against what the servers are: r <= max(0, r_P - |C \ S|). */
static void assert_formula(const struct group *group) {
	size_t primary = 0;
	while (strcmp(group_pod(primary), group->record.primary.pod) != 0) primary++;
	const struct fake_server *server = &group->servers[primary];
	int waited = server->synchronous[primary] ? server->required : 0;
	for (size_t i = 0; i < group->count; i++) {
		bool counts = i != primary && server->synchronous[i];
		if (counts && record_find(&group->record, group_pod(i), NULL) < 0) waited--;
	}
	assert_true(group->record.required <= (waited > 0 ? waited : 0));
	assert_true(group->record.required < (int)group->record.member_count || group->record.required == 0);
}

/* Passes, the formula checked after each. */
static void run(struct group *group, int passes) {
	for (int i = 0; i < passes; i++) {
		group_pass(group);
		group_do(group);
		assert_formula(group);
	}
}

static struct group *new_with_own_primary(size_t count) {
	struct group *group = group_new(count);
	group->record.member_count = 1;
	group->record.required = 0;
	for (size_t i = 0; i < count; i++) {
		group->servers[i].required = 0;
		for (size_t j = 1; j < count; j++) group->servers[i].synchronous[j] = false;
	}
	return group;
}

static void a_new_group_becomes_synchronous(void **state) {
	(void)state;
	for (size_t count = 1; count <= 5; count++) {
		cleanup_group struct group *group = new_with_own_primary(count);
		run(group, 40);
		assert_int_equal(group->record.member_count, count);
		assert_int_equal(group->record.required, (int)count - 1);
		assert_int_equal(group->servers[0].required, (int)count - 1);
		assert_true(group_settle(group) == 1);
	}
}

/* SQL Server takes five synchronous replicas. */
static void nine_replicas_have_five_members(void **state) {
	(void)state;
	cleanup_group struct group *group = new_with_own_primary(9);
	run(group, 60);
	assert_int_equal(group->record.member_count, 5);
	assert_int_equal(group->record.required, 4);
	group_kill(group, 2);
	run(group, 60);
	assert_int_equal(group->record.member_count, 5);
	assert_int_equal(record_find(&group->record, "sql-2", NULL), -1);
}

static void relaxed_keeps_the_number(void **state) {
	(void)state;
	cleanup_group struct group *group = new_with_own_primary(3);
	group->spec.required = 1;
	run(group, 40);
	assert_int_equal(group->record.member_count, 3);
	assert_int_equal(group->record.required, 1);
	assert_int_equal(group->servers[0].required, 1);
}

/* Loosening: recorded first. Tightening: done first. */
static void a_user_changes_the_number(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.required = 1;
	group_pass(group);
	assert_true(group_wrote(group));
	assert_int_equal(group->deciding.next.required, 1);
	assert_null(group_planned(group, ACTION_SET_REQUIRED, -1));
	group_do(group);
	group_pass(group);
	assert_int_equal(group_planned(group, ACTION_SET_REQUIRED, 0)->number, 1);
	group_do(group);
	group->spec.required = -1;
	group_pass(group);
	assert_false(group_wrote(group));
	assert_int_equal(group_planned(group, ACTION_SET_REQUIRED, 0)->number, 2);
	run(group, 10);
	assert_int_equal(group->record.required, 2);
}

/* A pod that is gone is taken out at once: asynchronous, then out of the record, then the number. */
static void a_dead_member_leaves_at_once(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 2);
	group_pass(group);
	assert_false(group_wrote(group));
	assert_int_equal(group_planned(group, ACTION_SET_AVAILABILITY, 0)->number, SQL_ASYNCHRONOUS_COMMIT);
	group_do(group);
	group_pass(group);
	assert_true(group_wrote(group));
	assert_int_equal(group->deciding.next.member_count, 2);
	assert_int_equal(group->deciding.next.required, 1);
	group_do(group);
	group_pass(group);
	assert_int_equal(group_planned(group, ACTION_SET_REQUIRED, 0)->number, 1);
	run(group, 5);
	assert_int_equal(group->servers[0].required, 1);
}

/* One that the primary only loses sight of stays a member for 1 s. */
static void a_member_out_of_sight_has_a_moment(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_pass(group);
	group->servers[0].cut[2] = true;
	group_pass(group);
	assert_null(group_planned(group, ACTION_SET_AVAILABILITY, -1));
	group_wait(group, 600);
	group_pass(group);
	assert_null(group_planned(group, ACTION_SET_AVAILABILITY, -1));
	group_wait(group, 400);
	group_pass(group);
	assert_non_null(group_planned(group, ACTION_SET_AVAILABILITY, 0));
	run(group, 10);
	assert_int_equal(group->record.member_count, 2);
	group->servers[0].cut[2] = false;
	run(group, 30);
	assert_int_equal(group->record.member_count, 3);
	assert_int_equal(group->record.required, 2);
}

static void a_primary_alone_serves_alone(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 1);
	group_kill(group, 2);
	run(group, 20);
	assert_int_equal(group->record.member_count, 1);
	assert_int_equal(group->record.required, 0);
	assert_int_equal(group->servers[0].required, 0);
}

/* Attack 1: the number is raised, and recorded only when what was committed before is hardened too. */
static void r_waits_for_what_was_committed_before(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.required = 0;
	group_look(group);
	/* In the answer that shows the number the primary is ahead of what the other one has confirmed. */
	struct sql_observation *seen = (struct sql_observation *)group->view.replicas[0].server.seen;
	for (size_t i = 0; i < seen->database_count; i++)
		if (!seen->databases[i].is_local) seen->databases[i].hardened.value -= 1;
	group_decide(group);
	assert_false(group_wrote(group));
	/* Later it has more, and what counts is what was there then. */
	group_look(group);
	seen = (struct sql_observation *)group->view.replicas[0].server.seen;
	for (size_t i = 0; i < seen->database_count; i++)
		if (seen->databases[i].is_local) seen->databases[i].end_of_log.value += 1000;
	group_decide(group);
	assert_true(group_wrote(group));
	assert_int_equal(group->deciding.next.required, 1);
}

/* … the replica itself must say so too: the primary may remember a volume that is gone. */
static void r_waits_for_the_replicas_own_word(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.required = 0;
	group_look(group);
	group->view.replicas[1].server.seen = NULL;
	group_decide(group);
	assert_false(group_wrote(group));
	group_look(group);
	struct sql_observation *own = (struct sql_observation *)group->view.replicas[1].server.seen;
	own->databases[0].hardened.value -= 1;
	group_decide(group);
	assert_false(group_wrote(group));
	group_pass(group);
	assert_int_equal(group->deciding.next.required, 1);
}

/* Another configuration in between: what was read before says nothing. */
static void a_baseline_is_of_one_configuration(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.required = 0;
	group_look(group);
	group->view.replicas[1].server.seen = NULL; /* so that nothing is recorded yet */
	group_decide(group);
	uint64_t first = group->scratch.baseline_of;
	assert_true(group->scratch.has_baseline);
	group->servers[0].sequence++;
	group_look(group);
	group->view.replicas[1].server.seen = NULL;
	group_decide(group);
	assert_true(group->scratch.baseline_of != first);
}

/* Attack 4: the volume of a member is replaced. */
static void a_new_volume_is_no_member(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_replace_volume(group, 2);
	group_pass(group);
	assert_true(group_wrote(group));
	assert_int_equal(group->deciding.next.member_count, 2);
	assert_int_equal(group->deciding.next.required, 1);
	run(group, 60);
	assert_int_equal(group->record.member_count, 3);
	assert_string_equal(group->record.members[2].incarnation, group->view.replicas[2].incarnation);
	assert_int_equal(group->record.required, 2);
}

/* Attack 2: nothing is recorded on the strength of what an earlier leader's statement may still change. */
static void tightening_waits_for_the_generation(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.required = 0;
	group->record.generation = 2;
	group_pass(group);
	assert_false(group_wrote(group));
	assert_non_null(group_planned(group, ACTION_RAISE_GENERATION, 0));
	group_do(group);
	group_pass(group);
	assert_int_equal(group->deciding.next.required, 1);
}

/* A change of ours whose answer never came may still come. */
static void a_loose_change_is_fenced_off_first(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(2);
	group->record.required = 0;
	group->view.replicas[0].server.loose_generation = 1;
	group_pass(group);
	assert_int_equal(group->deciding.next.generation, 2);
	assert_int_equal(group->deciding.next.required, 0);
}

static void a_suspended_database_is_no_member(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->servers[2].is_suspended[0] = true;
	group_look(group);
	group_decide(group);
	group_wait(group, 3000);
	group_look(group);
	group_decide(group);
	assert_int_equal(group_planned(group, ACTION_SET_AVAILABILITY, 0)->number, SQL_ASYNCHRONOUS_COMMIT);
}

/* A database that is new in the group is nowhere else: nobody may be promoted without it. */
static void a_new_database_is_recorded_at_once(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->database_count = 2;
	for (size_t i = 1; i < 3; i++) group->servers[i].has[1] = false, group->servers[i].cut[0] = true;
	group_pass(group);
	assert_int_equal(group->deciding.next.database_count, 2);
	assert_int_equal(group->deciding.next.required, 0);
	group_do(group);
	for (size_t i = 1; i < 3; i++) group->servers[i].cut[0] = false;
	run(group, 20);
	assert_int_equal(group->record.required, 2);
}

/* Nobody but the primary has it, and writers may fill it already. */
static void a_database_on_its_way_keeps_r_down(void **state) {
	(void)state;
	static const char *wanted[] = { "orders" };
	cleanup_group struct group *group = group_new(3);
	group->record.required = 0;
	group->spec.databases = wanted;
	group->spec.database_count = 1;
	run(group, 20);
	assert_int_equal(group->record.required, 0);
	group->spec.database_count = 0;
	run(group, 20);
	assert_int_equal(group->record.required, 2);
	group->spec.database_count = 1; /* a backup that takes hours, say: the others are as safe as they can be */
	group->record.required = 1;
	run(group, 20);
	assert_int_equal(group->record.required, 2);
}

/* configure_while_unmet = 0: Msg 988. */
static void a_refused_change_loosens_first(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group_kill(group, 2);
	group_fail(group, ACTION_SET_AVAILABILITY, 0, "sql-2", 988);
	group_pass(group);
	assert_true(group_wrote(group));
	assert_int_equal(group->deciding.next.required, 1);
	group_do(group);
	group_pass(group);
	assert_int_equal(group_planned(group, ACTION_SET_REQUIRED, 0)->number, 1);
	group_do(group);
	group->view.attempt_count = 0;
	run(group, 10);
	assert_int_equal(group->record.member_count, 2);
	assert_int_equal(group->record.required, 1);
}

/* One that leaves for good, or is no synchronous replica any more. */
static void the_spec_decides_who_may_be_one(void **state) {
	(void)state;
	cleanup_group struct group *group = group_new(3);
	group->spec.replicas[2].availability = SQL_ASYNCHRONOUS_COMMIT;
	run(group, 10);
	assert_int_equal(group->record.member_count, 2);
	group->view.replicas[1].spec = NULL;
	run(group, 10);
	assert_int_equal(group->record.member_count, 1);
	assert_int_equal(group->servers[0].required, 0);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_group_becomes_synchronous),
		cmocka_unit_test(nine_replicas_have_five_members),
		cmocka_unit_test(relaxed_keeps_the_number),
		cmocka_unit_test(a_user_changes_the_number),
		cmocka_unit_test(a_dead_member_leaves_at_once),
		cmocka_unit_test(a_member_out_of_sight_has_a_moment),
		cmocka_unit_test(a_primary_alone_serves_alone),
		cmocka_unit_test(r_waits_for_what_was_committed_before),
		cmocka_unit_test(r_waits_for_the_replicas_own_word),
		cmocka_unit_test(a_baseline_is_of_one_configuration),
		cmocka_unit_test(a_new_volume_is_no_member),
		cmocka_unit_test(tightening_waits_for_the_generation),
		cmocka_unit_test(a_loose_change_is_fenced_off_first),
		cmocka_unit_test(a_suspended_database_is_no_member),
		cmocka_unit_test(a_new_database_is_recorded_at_once),
		cmocka_unit_test(a_database_on_its_way_keeps_r_down),
		cmocka_unit_test(a_refused_change_loosens_first),
		cmocka_unit_test(the_spec_decides_who_may_be_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
