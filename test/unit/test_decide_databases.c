/* Databases: made, backed up, added, recorded, seeded; and the one for write checks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/decide/databases.h"
#include "unit/decide_view.h"

static struct decide_world *world;
static const char *wanted[] = { "db" };

static int set_up(void **state) {
	(void)state;
	world = xcalloc(1, sizeof(*world));
	decide_world_init(world, 3);
	decide_world_group(world, 0);
	world->record.required = 0;
	world->spec.databases = wanted;
	world->spec.database_count = 1;
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	decide_world_free(world);
	free(world);
	return 0;
}

static void run(void) {
	decide_world_run(world, databases_decide);
}

static void only(enum action_type type, const char *pod, const char *text) {
	const struct action *action = decide_world_action(world, type, pod);
	if (action == NULL) fail_msg("%s is not planned for %s", action_rows[type].name, pod);
	if (text != NULL) assert_string_equal(action->text, text);
	assert_int_equal(decide_world_count(world), 1);
}

static void nothing(void) {
	assert_int_equal(decide_world_count(world), 0);
}

static void says(const char *words) {
	const struct finding_row *finding = decide_world_finding(world, "DatabasesJoined");
	assert_non_null(finding);
	assert_false(finding->is_true);
	if (strstr(finding->message, words) == NULL) fail_msg("%s", finding->message);
}

static void all_well(void) {
	nothing();
	assert_true(decide_world_finding(world, "DatabasesJoined")->is_true);
}

/* ---- Into the group ---- */

static void is_made_backed_up_and_added(void **state) {
	(void)state;
	run();
	only(ACTION_CREATE_DATABASE, "ag-0", "db");
	says("db: creating it");
	struct sql_local_database_row *local = decide_world_local(world, 0, "db");
	local->recovery_model = "SIMPLE";
	local->has_log_chain = false;
	run();
	only(ACTION_SET_RECOVERY_FULL, "ag-0", "db");
	local->recovery_model = "FULL";
	run();
	only(ACTION_BACKUP_DATABASE, "ag-0", "db");
	decide_world_fail(world, ACTION_BACKUP_DATABASE, "ag-0", "db", 262);
	run();
	only(ACTION_BACKUP_OTHERS_DATABASE, "ag-0", "db");
	local->has_log_chain = true;
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db");
	decide_world_fail(world, ACTION_ADD_DATABASE, "ag-0", "db", 988);
	run();
	nothing();
	says("db: adding it to the group failed: Msg 988");
	local->state = "RECOVERING";
	run();
	nothing();
	says("RECOVERING");
}

/* What is written to it before it is on record, nobody but the primary has: until then nobody else may be promoted. */
static void promises_are_taken_back_first(void **state) {
	(void)state;
	world->record.required = 2;
	run();
	nothing();
	assert_int_equal(world->deciding.next.required, 0);
	decide_world_commit(world);
	run();
	only(ACTION_CREATE_DATABASE, "ag-0", "db");
	assert_true(databases_arrive(&world->deciding));
	decide_world_local(world, 0, "db");
	world->record.required = 2;
	run();
	nothing();
	assert_int_equal(world->deciding.next.required, 0);
	decide_world_commit(world);
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db");
	assert_true(databases_arrive(&world->deciding));
	decide_world_seen(world, 0)->local_database_count = 0;
	decide_world_database(world, "db");
	run();
	assert_false(databases_arrive(&world->deciding));
}

/* … and the others' commits are protected again while it cannot get in. */
static void one_that_is_stuck_keeps_no_promise_back(void **state) {
	(void)state;
	decide_world_local(world, 0, "db");
	world->record.required = 2;
	decide_world_fail(world, ACTION_ADD_DATABASE, "ag-0", "db", 1475);
	run();
	assert_true(databases_arrive(&world->deciding));
	world->attempts[0].failures = 3;
	run();
	assert_false(databases_arrive(&world->deciding));
	nothing();
	assert_int_equal(world->deciding.next.required, 2); /* its time has not come */
	world->attempts[0].next_at = 0;
	run();
	nothing();
	assert_int_equal(world->deciding.next.required, 0);
	assert_true(databases_arrive(&world->deciding)); /* set.c must not raise it again before the next try */
	decide_world_commit(world);
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db");
}

/* What a person did in the place of a step that failed is done: else promises are given and taken back in turn, for as
 * long as that step would have waited. */
static void a_step_that_others_took_keeps_nothing_stuck(void **state) {
	(void)state;
	decide_world_local(world, 0, "db"); /* FULL, and backed up */
	decide_world_fail(world, ACTION_BACKUP_OTHERS_DATABASE, "ag-0", "db", 3201);
	world->attempts[0].failures = 3;
	world->record.required = 2;
	run();
	nothing();
	assert_int_equal(world->deciding.next.required, 0);
	assert_true(databases_arrive(&world->deciding));
	decide_world_commit(world);
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db");
}

static void waits_for_the_one_before(void **state) {
	(void)state;
	static const char *more[] = { "db", "db2" };
	world->spec.databases = more;
	world->spec.database_count = 2;
	decide_world_database(world, "db");
	decide_world_local(world, 0, "db2");
	struct sql_database_row *copy = &decide_world_seen(world, 0)->databases[2];
	copy->synchronization = SQL_SYNCHRONIZING;
	run();
	nothing();
	says("db2: it is added when as many secondaries");
	decide_world_seen(world, 0)->group.required = 1;
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db2");
	decide_world_seen(world, 0)->group.required = 2;
	copy->synchronization = SQL_SYNCHRONIZED;
	run();
	only(ACTION_ADD_DATABASE, "ag-0", "db2");
}

static bool is_new;
static void record_primary(struct deciding *deciding) {
	is_new = false;
	databases_record(deciding, deciding->primary, true, &is_new);
	databases_decide(deciding);
}

static void is_recorded_as_soon_as_it_is_seen(void **state) {
	(void)state;
	struct record before = world->record;
	decide_world_database(world, "db");
	world->record = before;
	decide_world_seen(world, 0)->databases[0].name = NULL; /* one view is later than the other */
	decide_world_run(world, record_primary);
	assert_true(is_new);
	assert_int_equal(world->deciding.next.database_count, 1);
	assert_string_equal(world->deciding.next.databases[0].name, "db");
	assert_string_equal(world->deciding.next.databases[0].id, "id-db");
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "DatabaseJoined");
	all_well();
	decide_world_commit(world);
	decide_world_run(world, record_primary);
	assert_false(is_new);
	assert_true(record_equal(&world->record, &world->deciding.next));
	assert_int_equal(world->plan.count, 0);
}

static void removed_one_is_forgotten_only_when_the_primary_shows_it_nowhere(void **state) {
	(void)state;
	world->spec.database_count = 0;
	decide_world_database(world, "db");
	struct sql_observation *seen = decide_world_seen(world, 0);
	seen->database_count = 0; /* the states are empty for a moment */
	decide_world_run(world, record_primary);
	assert_int_equal(world->deciding.next.database_count, 1);
	seen->local_databases[0].group_database_id = NULL;
	decide_world_run(world, record_primary);
	assert_int_equal(world->deciding.next.database_count, 0);
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "DatabaseRemoved");
}

static void another_groups_database_is_not_ours(void **state) {
	(void)state;
	decide_world_local(world, 0, "db")->group_database_id = "id-of-another-group";
	run();
	nothing();
	says("another availability group");
	assert_int_equal(world->deciding.next.database_count, 0);
}

static void every_database_is_taken_but_the_systems(void **state) {
	(void)state;
	world->spec.database_count = 0;
	world->spec.takes_every_database = true;
	decide_world_local(world, 0, "kubedb_system");
	run();
	all_well();
	decide_world_local(world, 0, "users")->has_log_chain = false;
	run();
	only(ACTION_BACKUP_DATABASE, "ag-0", "users");
}

static void nothing_while_the_group_is_not_steady(void **state) {
	(void)state;
	world->state = GROUP_NONE;
	run();
	nothing();
	assert_null(decide_world_finding(world, "DatabasesJoined"));
}

/* ---- Copies outside of the group ---- */

static void lost_primarys_copy(void **state) {
	(void)state;
	decide_world_local(world, 2, "db");
	run(); /* the server itself looks whether it is empty */
	only(ACTION_DROP_DATABASE, "ag-2", "db");
	decide_world_fail(world, ACTION_DROP_DATABASE, "ag-2", "db", 51004);
	run();
	nothing();
	says("hand-over to ag-2");
	says("51004");
	decide_world_seen(world, 2)->local_databases[0].state = "RESTORING";
	run();
	nothing();
	says("ag-2 has a copy of it (RESTORING)");
}

/* ag-2 has lost its copy of the database. */
static struct sql_database_row *lose_copy(const char *state) {
	decide_world_database(world, "db");
	struct sql_observation *seen = decide_world_seen(world, 2);
	seen->database_count = 0;
	seen->local_databases[0].group_database_id = NULL;
	seen->local_databases[0].state = state;
	seen->local_database_count = state != NULL;
	struct sql_observation *primary = decide_world_seen(world, 0);
	for (size_t i = 0; i < primary->database_count; i++) {
		if (strcmp(primary->databases[i].replica_id, "replica-2") != 0) continue;
		primary->databases[i].synchronization = SQL_NOT_SYNCHRONIZING;
		return &primary->databases[i];
	}
	return NULL;
}

static void fail_seeding(bool is_complete) {
	struct sql_observation *primary = decide_world_seen(world, 0);
	primary->seedings[primary->seeding_count++] = (struct sql_seeding_row){ .group_database_id = "id-db",
		                                                                .remote_replica_id = "replica-2",
		                                                                .state = "FAILED",
		                                                                .failure = "Seeding",
		                                                                .is_source = true,
		                                                                .is_complete = is_complete };
}

static void copy_that_is_being_restored_is_left_alone(void **state) {
	(void)state;
	record_remove_member(&world->record, "ag-2");
	lose_copy("RESTORING");
	run();
	all_well();
	fail_seeding(true);
	run();
	only(ACTION_DROP_DATABASE, "ag-2", "db");
	fail_seeding(false); /* it is tried again */
	run();
	all_well();
}

static void copy_that_may_be_needed_is_only_reported(void **state) {
	(void)state;
	lose_copy("RESTORING");
	fail_seeding(true);
	run(); /* ag-2 is a member */
	nothing();
	says("db: its copy on ag-2 is RESTORING");
	record_remove_member(&world->record, "ag-2");
	record_add_failover(&world->record, &(struct failover_row){ .lost_nothing = false });
	run(); /* a person may want to look at what was lost */
	nothing();
	says("db: its copy on ag-2 is RESTORING");
}

static void failed_seeding_is_told(void **state) {
	(void)state;
	struct sql_database_row *row = lose_copy(NULL);
	fail_seeding(true);
	run();
	nothing();
	says("db: seeding it to ag-2 failed: Seeding");
	row->synchronization = SQL_SYNCHRONIZING; /* it was long ago */
	run();
	all_well();
}

/* ---- Write checks ---- */

static void writes_are_checked(void **state) {
	(void)state;
	struct server_view *server = &world->view.replicas[0].server;
	world->spec.database_count = 0;
	world->spec.checks_writes = true;
	run();
	only(ACTION_CREATE_SYSTEM_DATABASE, "ag-0", NULL);
	decide_world_local(world, 0, "kubedb_system");
	run();
	only(ACTION_WRITE_CHECK, "ag-0", NULL);
	assert_int_equal(decide_world_action(world, ACTION_WRITE_CHECK, NULL)->number, 0);
	server->last_write_ok = world->view.now - 4000;
	run();
	nothing();
	assert_int_equal(world->plan.look_ms, 6000);
	world->view.now += 6000;
	run();
	only(ACTION_WRITE_CHECK, "ag-0", NULL);
	server->write_failure_number = 208;
	run();
	assert_int_equal(decide_world_action(world, ACTION_WRITE_CHECK, NULL)->number, 1);
	world->spec.checks_writes = false;
	run();
	nothing();
}

static void standalone_is_checked_too(void **state) {
	(void)state;
	world->spec.is_group = false;
	world->spec.checks_writes = true;
	world->state = GROUP_NONE;
	run();
	only(ACTION_CREATE_SYSTEM_DATABASE, "ag-0", NULL);
	decide_world_fail(world, ACTION_CREATE_SYSTEM_DATABASE, "ag-0", NULL, 1105);
	run();
	nothing();
	assert_non_null(strstr(decide_world_finding(world, "WriteChecked")->message, "Msg 1105"));
	decide_world_silence(world, 0);
	run();
	nothing();
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(is_made_backed_up_and_added),
		TEST(promises_are_taken_back_first),
		TEST(one_that_is_stuck_keeps_no_promise_back),
		TEST(a_step_that_others_took_keeps_nothing_stuck),
		TEST(waits_for_the_one_before),
		TEST(is_recorded_as_soon_as_it_is_seen),
		TEST(removed_one_is_forgotten_only_when_the_primary_shows_it_nowhere),
		TEST(another_groups_database_is_not_ours),
		TEST(every_database_is_taken_but_the_systems),
		TEST(nothing_while_the_group_is_not_steady),
		TEST(lost_primarys_copy),
		TEST(copy_that_is_being_restored_is_left_alone),
		TEST(copy_that_may_be_needed_is_only_reported),
		TEST(failed_seeding_is_told),
		TEST(writes_are_checked),
		TEST(standalone_is_checked_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
