/* From servers that run to a group that all have joined; level-triggered, in any order, however often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/decide_view.h"

static struct decide_world *world;

static int set_up(void **state) {
	(void)state;
	world = xcalloc(1, sizeof(*world));
	decide_world_init(world, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(quantity_parse("1Gi", &world->view.replicas[i].claim.capacity)); /* bound */
	return 0;
}

static int tear_down(void **state) {
	(void)state;
	decide_world_free(world);
	free(world);
	return 0;
}

static void run(void) {
	decide_world_run(world, bootstrap_decide);
}

static bool plans(enum action_type type, const char *pod) {
	return decide_world_action(world, type, pod) != NULL;
}

static void found_false(const char *condition, const char *reason, const char *words) {
	const struct finding_row *finding = decide_world_finding(world, condition);
	if (finding == NULL) fail_msg("nothing is said of %s", condition);
	assert_false(finding->is_true);
	assert_string_equal(finding->reason, reason);
	if (strstr(finding->message, words) == NULL) fail_msg("%s: %s", condition, finding->message);
}

/* A server on a new volume: it lets only sa in. */
static void make_new(size_t replica) {
	struct server_view *server = &world->view.replicas[replica].server;
	server->seen = NULL;
	server->is_bootstrapped = false;
	server->refuses_login = true;
}

static void set_up_now(size_t replica) {
	struct server_view *server = &world->view.replicas[replica].server;
	server->seen = decide_world_seen(world, replica);
	server->is_bootstrapped = true;
	server->refuses_login = false;
}

static void claim(void) {
	world->record.generation = 1;
	world->record.holder = "me";
	for (size_t i = 0; i < 3; i++) decide_world_seen(world, i)->instance.generation = 1;
}

/* What CREATE AVAILABILITY GROUP leaves on a server. */
static void create_on(size_t replica, const char *id, enum sql_role role) {
	struct sql_observation *seen = decide_world_seen(world, replica);
	seen->has_group = true;
	seen->group = (struct sql_group_row){ .group_id = id, .db_failover = true };
	seen->replica_count = 1;
	seen->replicas[0] = (struct sql_replica_row){
		.replica_id = "r", .server = world->spec.replicas[replica].pod, .is_local = true, .role = (int)role
	};
}

/* ---- Servers ---- */

static void first_makes_the_certificate(void **state) {
	(void)state;
	world->view.has_certificate = false;
	for (size_t i = 0; i < 3; i++) make_new(i);
	run();
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-0"));
	assert_int_equal(decide_world_count(world), 1);
	found_false("Initialized", "WaitingForServers", "ag-0: it is not set up yet");

	set_up_now(0);
	run();
	assert_true(plans(ACTION_EXPORT_CERTIFICATE, "ag-0"));
	assert_int_equal(decide_world_count(world), 1);
	found_false("Initialized", "WaitingForServers", "certificate is not in the Secret yet");

	decide_world_fail(world, ACTION_EXPORT_CERTIFICATE, "ag-0", NULL, 15151);
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "WaitingForServers", "Msg 15151");

	world->view.attempt_count = 0;
	world->view.has_certificate = true;
	run();
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-1"));
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-2"));
}

static void nothing_without_secrets(void **state) {
	(void)state;
	make_new(0);
	world->spec.own_secret = "ag-agkeeper";
	world->spec.administrator_secret = "ag-sa";
	world->spec.administrator_key = "SA_PASSWORD";
	world->view.own_secret = SECRET_MISSING;
	run();
	assert_false(plans(ACTION_BOOTSTRAP_SERVER, NULL));
	found_false("Initialized", "WaitingForServers", "Secret ag-agkeeper is not there");
	world->view.administrator_secret = SECRET_INVALID;
	run();
	assert_false(plans(ACTION_BOOTSTRAP_SERVER, NULL));
	found_false("Initialized", "WaitingForServers", "Secret ag-sa has no key SA_PASSWORD");
}

static void lost_secret_gets_the_certificate_of_any_server(void **state) {
	(void)state;
	decide_world_group(world, 0);
	world->view.has_certificate = false;
	make_new(0);
	make_new(2);
	run();
	assert_true(plans(ACTION_EXPORT_CERTIFICATE, "ag-1"));
	assert_false(plans(ACTION_BOOTSTRAP_SERVER, NULL));
	make_new(1);
	world->view.replicas[0].pod.is_running = false;
	run();
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-1"));
	assert_int_equal(decide_world_count(world), 1);
}

/* Its endpoint could run again after it was counted. */
static void not_while_a_target_is_promoted(void **state) {
	(void)state;
	decide_world_group(world, 0);
	make_new(2);
	world->state = GROUP_PROMOTING;
	world->record.intent.kind = INTENT_FAILOVER;
	run();
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-2"));
	world->record.intent.target = "ag-1";
	run();
	assert_int_equal(decide_world_count(world), 0);
}

static void standalone_is_only_set_up(void **state) {
	(void)state;
	world->spec.is_group = false;
	world->spec.replica_count = world->view.replica_count = 1;
	world->view.has_certificate = false;
	make_new(0);
	run();
	assert_true(plans(ACTION_BOOTSTRAP_SERVER, "ag-0"));
	set_up_now(0);
	run();
	assert_int_equal(decide_world_count(world), 0);
	assert_int_equal(world->deciding.finding_count, 0);
}

/* ---- The group ---- */

static void group_is_created_under_the_fence(void **state) {
	(void)state;
	run(); /* claims */
	assert_true(world->deciding.wants_generation);
	assert_int_equal(decide_world_count(world), 0);
	decide_world_commit(world);
	run(); /* raises */
	assert_true(plans(ACTION_RAISE_GENERATION, "ag-0"));
	assert_int_equal(decide_world_count(world), 1);
	claim();
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0"));
	assert_int_equal(decide_world_count(world), 1);
	found_false("Initialized", "CreatingGroup", "being created");
	assert_false(world->deciding.next.is_initialized);

	create_on(0, "group-1", SQL_ROLE_PRIMARY);
	run();
	const struct record *next = &world->deciding.next;
	assert_int_equal(decide_world_count(world), 0);
	assert_true(next->is_initialized);
	assert_string_equal(next->group_id, "group-1");
	assert_int_equal(next->epoch, 1);
	assert_string_equal(next->primary.pod, "ag-0");
	assert_string_equal(next->primary.incarnation, "claim-0");
	assert_int_equal(next->member_count, 1);
	assert_int_equal(next->required, 0);
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "GroupCreated");
}

static void failed_creation_is_named_and_waited_with(void **state) {
	(void)state;
	claim();
	decide_world_fail(world, ACTION_CREATE_GROUP, "ag-0", NULL, 35250);
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "CreationFailed", "Msg 35250");
	assert_true(world->plan.look_ms > 0);
}

static void old_volume_must_answer_first(void **state) {
	(void)state;
	claim();
	world->view.replicas[2].claim.created = 999;
	decide_world_silence(world, 2);
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "WaitingForServers", "ag-2: no answer in time");
	world->view.replicas[2].pod.exists = false;
	run();
	found_false("Initialized", "WaitingForServers", "ag-2: its pod is not there");
}

static void new_volume_is_waited_for_a_while(void **state) {
	(void)state;
	claim();
	decide_world_silence(world, 2);
	run();
	assert_int_equal(decide_world_count(world), 0);
	world->view.now += 60000;
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0"));
	world->view.now -= 60000;
	world->view.replicas[2].pod = (struct pod_view){ .exists = true, .is_terminated = true, .restarts = 3 };
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0"));
}

/* Volumes that were kept know the numbers of an object that is gone. */
static void generation_goes_on_from_the_servers(void **state) {
	(void)state;
	decide_world_group(world, 0);
	for (size_t i = 0; i < 3; i++) decide_world_seen(world, i)->instance.generation = 7;
	decide_world_seen(world, 0)->group.db_failover = false;
	decide_world_run(world, settings_decide);
	assert_int_equal(decide_world_count(world), 0);
	assert_int_equal(world->deciding.newest_generation, 7);
}

static void found_group_is_adopted(void **state) {
	(void)state;
	decide_world_group(world, 1);
	decide_world_database(world, "db");
	world->record = (struct record){ .group_id = "", .holder = "", .primary = { "", "" } };
	world->state = GROUP_NONE;
	decide_world_silence(world, 2);
	world->view.replicas[2].claim.created = 999;
	run(); /* ag-2 may be the primary too */
	assert_false(world->deciding.next.is_initialized);
	set_up_now(2);
	run();
	const struct record *next = &world->deciding.next;
	assert_true(next->is_initialized);
	assert_string_equal(next->primary.pod, "ag-1");
	assert_int_equal(next->member_count, 1);
	assert_int_equal(next->required, 0);
	assert_int_equal(next->database_count, 1);
	assert_string_equal(next->databases[0].id, "id-db");
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "GroupAdopted");
}

static void two_primaries_are_a_persons_matter(void **state) {
	(void)state;
	create_on(0, "group-1", SQL_ROLE_PRIMARY);
	create_on(1, "group-1", SQL_ROLE_PRIMARY);
	run();
	assert_false(world->deciding.next.is_initialized);
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "SeveralPrimaries", "OFFLINE");
	create_on(1, "group-2", SQL_ROLE_SECONDARY);
	run();
	assert_false(world->deciding.next.is_initialized);
	found_false("Initialized", "GroupsDiffer", "DROP AVAILABILITY GROUP");
}

/* Nobody is the primary: all that have the group count, and none is the primary. But not at once. */
static void group_without_a_primary(void **state) {
	(void)state;
	create_on(0, "group-1", SQL_ROLE_RESOLVING);
	create_on(2, "group-1", SQL_ROLE_RESOLVING);
	run();
	assert_false(world->deciding.next.is_initialized);
	assert_true(world->plan.look_ms > 0);
	world->view.now += 5000;
	run();
	const struct record *next = &world->deciding.next;
	assert_true(next->is_initialized);
	assert_string_equal(next->primary.pod, "");
	assert_int_equal(next->member_count, 2);
	assert_int_equal(next->required, 0);
	assert_true(record_find(next, "ag-2", "claim-2") >= 0);
}

/* ---- The status is lost ---- */

/* The pod is there and does not run: it has crashed, say. */
static void put_away(size_t replica) {
	struct replica_view *view = &world->view.replicas[replica];
	decide_world_silence(world, replica);
	view->pod.is_running = false;
	view->pod.restarts = 3;
}

/* The first replica's volume was lost, and then the status; those who have the group do not run. */
static void no_second_group_is_made_beside_one(void **state) {
	(void)state;
	claim();
	put_away(1);
	put_away(2);
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0")); /* all volumes of the same days: it is the beginning */
	world->view.replicas[0].claim.created = 5000;
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "WaitingForServers", "ag-1");
	world->view.replicas[1].claim = (struct claim_view){ 0 }; /* … as it was here, */
	run();
	found_false("Initialized", "WaitingForServers", "ag-2");
	world->view.replicas[2].claim.capacity = (struct quantity){ 0 }; /* and there it was never bound */
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0"));
}

/* The first one has left the group to join it anew: its copies stay RESTORING. */
static void no_second_group_is_made_where_the_first_has_left_it(void **state) {
	(void)state;
	claim();
	decide_world_local(world, 0, "sales")->state = "RESTORING";
	put_away(1);
	put_away(2);
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("Initialized", "WaitingForServers", "ag-1");
}

/* Who does not run may be the primary, and hold what the others lack. */
static void all_volumes_are_asked_before_a_group_is_adopted(void **state) {
	(void)state;
	for (int is_primary = 0; is_primary < 2; is_primary++) {
		create_on(0, "group-1", is_primary ? SQL_ROLE_PRIMARY : SQL_ROLE_RESOLVING);
		create_on(2, "group-1", is_primary ? SQL_ROLE_SECONDARY : SQL_ROLE_RESOLVING);
		decide_world_seen(world, 0)->database_count = 1;
		decide_world_seen(world, 0)->databases[0] =
		        (struct sql_database_row){ .name = "db", .group_database_id = "id-db", .is_local = true };
		put_away(1);
		run();
		world->view.now += 120000;
		run();
		assert_false(world->deciding.next.is_initialized);
		found_false("Initialized", "WaitingForServers", "gone for good is deleted): ag-1");
	}
	world->view.replicas[1].claim = (struct claim_view){ 0 };
	run();
	assert_true(world->deciding.next.is_initialized);
	assert_string_equal(world->deciding.next.primary.pod, "ag-0");
}

/* It was made a moment ago, and nothing is in it: who does not come up need not be waited for. */
static void new_group_is_recorded_without_those_who_do_not_start(void **state) {
	(void)state;
	create_on(0, "group-1", SQL_ROLE_PRIMARY);
	put_away(1);
	make_new(2);
	run();
	assert_true(world->deciding.next.is_initialized);
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "GroupCreated");
}

/* Data goes with the pods: how old it is nobody knows. */
static void pods_without_volumes_are_asked_too(void **state) {
	(void)state;
	claim();
	world->spec.has_own_claims = false;
	for (size_t i = 0; i < 3; i++) world->view.replicas[i].claim = (struct claim_view){ 0 };
	put_away(1);
	run();
	found_false("Initialized", "WaitingForServers", "ag-1");
	world->view.replicas[1].pod = (struct pod_view){ .exists = true, .is_stuck = true }; /* never started */
	run();
	assert_true(plans(ACTION_CREATE_GROUP, "ag-0"));
}

/* ---- Joining ---- */

static void replicas_join(void **state) {
	(void)state;
	decide_world_group(world, 0);
	struct sql_observation *seen = decide_world_seen(world, 1);
	seen->has_group = false;
	seen->replica_count = 0;
	record_remove_member(&world->record, "ag-1");
	run();
	assert_true(plans(ACTION_JOIN, "ag-1"));
	assert_int_equal(decide_world_count(world), 1);
	found_false("ReplicasJoined", "ReplicasMissing", "ag-1: it is joining");
	assert_string_equal(decide_world_action(world, ACTION_EVENT, NULL)->text, "ReplicaJoining");

	create_on(1, "group-1", SQL_ROLE_RESOLVING);
	run();
	assert_int_equal(decide_world_count(world), 0);
	assert_true(decide_world_finding(world, "ReplicasJoined")->is_true);
}

/* Where there is no cluster manager there is no ladder. */
static void resolving_replicas_are_the_ladders_if_there_is_one(void **state) {
	(void)state;
	decide_world_group(world, 0);
	decide_world_seen(world, 1)->replicas[0].role = SQL_ROLE_RESOLVING;
	run();
	assert_int_equal(decide_world_count(world), 0);
	record_remove_member(&world->record, "ag-1");
	run();
	assert_int_equal(decide_world_count(world), 0);
	world->spec.cluster = SQL_CLUSTER_NONE;
	run();
	assert_true(plans(ACTION_BECOME_SECONDARY, "ag-1"));
}

static void what_hinders_joining_is_named(void **state) {
	(void)state;
	decide_world_group(world, 0);
	struct sql_observation *seen = decide_world_seen(world, 1);
	seen->has_group = false;
	run();
	assert_int_equal(decide_world_count(world), 0); /* still in S */
	record_remove_member(&world->record, "ag-1");
	decide_world_fail(world, ACTION_JOIN, "ag-1", NULL, 41106);
	decide_world_silence(world, 2);
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("ReplicasJoined", "ReplicasMissing", "ag-1: joining the group failed: Msg 41106");
	found_false("ReplicasJoined", "ReplicasMissing", "ag-2: no answer in time");

	world->view.attempt_count = 0;
	create_on(1, "group-0", SQL_ROLE_RESOLVING); /* a volume from before */
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("ReplicasJoined", "ReplicasMissing", "another availability group");

	seen->has_group = false;
	decide_world_seen(world, 0)->replica_count = 1; /* the primary does not list it */
	run();
	assert_int_equal(decide_world_count(world), 0);
	found_false("ReplicasJoined", "ReplicasMissing", "about to add it");
}

static void nobody_joins_without_a_primary(void **state) {
	(void)state;
	decide_world_group(world, 0);
	decide_world_seen(world, 1)->has_group = false;
	world->state = GROUP_PROMOTING;
	run();
	assert_int_equal(decide_world_count(world), 0);
	assert_null(decide_world_finding(world, "ReplicasJoined"));
}

/* One thing at a time on a server. */
static void busy_server_is_left_alone(void **state) {
	(void)state;
	claim();
	world->view.replicas[0].server.is_busy = true;
	run();
	assert_int_equal(decide_world_count(world), 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)
int main(void) {
	const struct CMUnitTest tests[] = {
		TEST(first_makes_the_certificate),
		TEST(nothing_without_secrets),
		TEST(lost_secret_gets_the_certificate_of_any_server),
		TEST(not_while_a_target_is_promoted),
		TEST(standalone_is_only_set_up),
		TEST(group_is_created_under_the_fence),
		TEST(failed_creation_is_named_and_waited_with),
		TEST(old_volume_must_answer_first),
		TEST(new_volume_is_waited_for_a_while),
		TEST(generation_goes_on_from_the_servers),
		TEST(found_group_is_adopted),
		TEST(two_primaries_are_a_persons_matter),
		TEST(group_without_a_primary),
		TEST(no_second_group_is_made_beside_one),
		TEST(no_second_group_is_made_where_the_first_has_left_it),
		TEST(all_volumes_are_asked_before_a_group_is_adopted),
		TEST(new_group_is_recorded_without_those_who_do_not_start),
		TEST(pods_without_volumes_are_asked_too),
		TEST(replicas_join),
		TEST(resolving_replicas_are_the_ladders_if_there_is_one),
		TEST(what_hinders_joining_is_named),
		TEST(nobody_joins_without_a_primary),
		TEST(busy_server_is_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
