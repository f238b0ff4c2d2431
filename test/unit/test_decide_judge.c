/* What speaks against a primary, and how long it has. */
#include "unit/promotion_group.h"

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

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_silent_primary_has_its_time),
		cmocka_unit_test(flapping_changes_nothing),
		cmocka_unit_test(evidence_is_weighed),
		cmocka_unit_test(a_primary_deleted_by_force_is_gone),
		cmocka_unit_test(a_silent_primary_alone_is_left_alone),
		cmocka_unit_test(an_unwell_primary_alone_is_looked_after),
		cmocka_unit_test(a_frozen_primary_that_thaws_in_time_goes_on),
		cmocka_unit_test(a_headless_group_fails_over_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
