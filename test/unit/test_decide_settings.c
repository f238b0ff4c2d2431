/* What the spec says of a group that stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"
#include "unit/decide_view.h"

static struct decide_world *world;

static int set_up(void **state) {
	(void)state;
	world = xcalloc(1, sizeof(*world));
	decide_world_init(world, 3);
	decide_world_group(world, 0);
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	decide_world_free(world);
	free(world);
	return 0;
}

static const struct action *run_and_find(enum action_type type, const char *pod) {
	decide_world_run(world, settings_decide);
	return decide_world_action(world, type, pod);
}

static void run_for_nothing(void) {
	decide_world_run(world, settings_decide);
	assert_int_equal(world->plan.count, 0);
}

static void nothing_to_do(void **state) {
	(void)state;
	run_for_nothing();
	assert_int_equal(world->deciding.finding_count, 0);
	assert_true(record_equal(&world->record, &world->deciding.next));
}

static void properties_follow_the_object(void **state) {
	(void)state;
	world->spec.replicas[1].access = SQL_ACCESS_READ_ONLY;
	const struct action *action = run_and_find(ACTION_SET_ACCESS, "ag-0");
	assert_non_null(action);
	assert_string_equal(action->peer, "ag-1");
	assert_int_equal(action->number, SQL_ACCESS_READ_ONLY);
	decide_world_fail(world, ACTION_SET_ACCESS, "ag-0", "ag-1", 35217);
	assert_null(run_and_find(ACTION_SET_ACCESS, NULL));
	assert_non_null(strstr(decide_world_finding(world, "SettingsApplied")->message, "Msg 35217"));
	world->spec.replicas[1].access = SQL_ACCESS_NO;

	world->spec.replicas[2].endpoint_url = "TCP://elsewhere:5022";
	action = run_and_find(ACTION_SET_ENDPOINT_URL, "ag-0");
	assert_non_null(action);
	assert_string_equal(action->peer, "ag-2");
	assert_string_equal(action->text, "TCP://elsewhere:5022");
	world->spec.replicas[2].endpoint_url = decide_world_seen(world, 0)->replicas[2].endpoint_url;

	decide_world_seen(world, 0)->group.db_failover = false;
	action = run_and_find(ACTION_SET_DB_FAILOVER, "ag-0");
	assert_non_null(action);
	assert_int_equal(action->number, 1);
	world->spec.cluster = SQL_CLUSTER_NONE;
	run_for_nothing();
}

static void new_replica_is_added_when_it_can_join(void **state) {
	(void)state;
	decide_world_seen(world, 0)->replica_count = 2;
	record_remove_member(&world->record, "ag-2");
	world->view.replicas[2].server.is_bootstrapped = false;
	run_for_nothing();
	world->view.replicas[2].server.is_bootstrapped = true;
	const struct action *action = run_and_find(ACTION_ADD_REPLICA, "ag-0");
	assert_non_null(action);
	assert_string_equal(action->peer, "ag-2");
}

static void replica_goes_after_the_set_has_let_go(void **state) {
	(void)state;
	struct sql_replica_row *row = &decide_world_seen(world, 0)->replicas[2];
	world->spec.replica_count = 2;
	world->view.replicas[2].spec = NULL;
	run_for_nothing(); /* a member */
	record_remove_member(&world->record, "ag-2");
	run_for_nothing(); /* still synchronous on the primary */
	row->mode = SQL_MODE_ASYNCHRONOUS;
	const struct action *action = run_and_find(ACTION_REMOVE_REPLICA, "ag-0");
	assert_non_null(action);
	assert_string_equal(action->peer, "ag-2");
	/* What others have added stays. */
	static const char *const others[] = { "dr-0", "ag", "ag-", "ag-x", "ag-02", "ag-2x", "agg-2" };
	for (size_t i = 0; i < ARRAY_LENGTH(others); i++) {
		row->server = others[i];
		run_for_nothing();
	}
}

static void primary_beyond_the_replicas_hands_over(void **state) {
	(void)state;
	decide_world_free(world);
	decide_world_init(world, 3);
	decide_world_group(world, 2);
	world->spec.replica_count = 2;
	world->view.replicas[2].spec = NULL;
	decide_world_run(world, settings_decide);
	assert_null(decide_world_action(world, ACTION_REMOVE_REPLICA, NULL));
	assert_int_equal(world->deciding.next.intent.kind, INTENT_HAND_OVER);
	assert_string_equal(world->deciding.next.intent.reason, "ScaledIn");
	world->spec.hands_over = false;
	decide_world_run(world, settings_decide);
	assert_int_equal(world->deciding.next.intent.kind, INTENT_NONE);
	const struct finding_row *finding = decide_world_finding(world, "SettingsApplied");
	assert_non_null(finding);
	assert_string_equal(finding->message,
	                    "ag-2 is the primary, and not among the 2 replicas any more: a person has "
	                    "to hand over");
}

static void new_password_is_applied(void **state) {
	(void)state;
	for (size_t i = 0; i < 3; i++) world->view.replicas[i].server.has_current_password = false;
	world->view.replicas[1].server.is_bootstrapped = false; /* set up with the new one */
	decide_world_silence(world, 2);
	assert_non_null(run_and_find(ACTION_APPLY_PASSWORD, "ag-0"));
	assert_int_equal(decide_world_count(world), 1);
	world->view.administrator_secret = SECRET_INVALID;
	run_for_nothing();
}

/* A condition that stood is taken back; one that never did is not brought up. */
static void trouble_that_is_over_is_taken_back(void **state) {
	(void)state;
	static const char text[] =
	        "{\"status\":{\"conditions\":[{\"type\":\"PasswordApplied\",\"status\":\"False\"}]}}";
	cleanup_json struct json_object *object = NULL;
	assert_int_equal(json_parse(text, strlen(text), &object, NULL), 0);
	world->view.object = object;
	decide_world_run(world, settings_decide);
	assert_int_equal(world->deciding.finding_count, 1);
	assert_true(decide_world_finding(world, "PasswordApplied")->is_true);
	world->view.replicas[0].server.has_current_password = false;
	decide_world_fail(world, ACTION_APPLY_PASSWORD, "ag-0", NULL, 18456);
	decide_world_run(world, settings_decide);
	assert_false(decide_world_finding(world, "PasswordApplied")->is_true);
	assert_non_null(strstr(decide_world_finding(world, "PasswordApplied")->message, "ag-0: Msg 18456"));
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(nothing_to_do),
		TEST(properties_follow_the_object),
		TEST(new_replica_is_added_when_it_can_join),
		TEST(replica_goes_after_the_set_has_let_go),
		TEST(primary_beyond_the_replicas_hands_over),
		TEST(new_password_is_applied),
		TEST(trouble_that_is_over_is_taken_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
