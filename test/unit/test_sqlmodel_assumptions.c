/* Every assumption in both positions, and the published timings: the latch, the transport's cache, the diagnostics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sqlserver/world_group.h"

static const char role_query[] = "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1";
static const char connected_query[] =
        "SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1";
static const char endpoint_query[] = "SELECT state_desc FROM sys.database_mirroring_endpoints";
enum { SECOND = 1000000 };

static struct sim_world *world_with(const char *name, int64_t value, size_t count) {
	struct sim_settings settings = sim_settings_fast();
	assert_true(sim_settings_set(&settings, name, value));
	struct sim_world *world = sim_world_new(count, &settings);
	sim_world_group(world);
	return world;
}

/* The number of the error that a batch ends with, 0 for none, -1 when it still waits after so many seconds. */
static int outcome(struct sim_world *world, size_t node, const char *batch, int seconds) {
	struct sim_client *client = sim_client_open(world, node, NULL, false);
	bool finished = sim_client_begin(client, batch) || sim_client_wait(client, (int64_t)seconds * SECOND);
	int result = finished ? client->last_error : -1;
	sim_client_close(client);
	return result;
}

#define SET_REQUIRED(n) "ALTER AVAILABILITY GROUP [AG1] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = " #n ")"
#define SET_SECONDARY   "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)"
#define FORCE                                                                      \
	"EXEC sp_set_session_context @key = N'external_cluster', @value = N'yes';" \
	"ALTER AVAILABILITY GROUP [AG1] FORCE_FAILOVER_ALLOW_DATA_LOSS"
#define INSERT(n) "EXEC(N'USE agdb1; INSERT INTO t VALUES (" #n ")')"

static void rows_are_documented(void **state) {
	(void)state;
	for (size_t i = 0; i < SIM_ASSUMPTION_COUNT; i++) {
		assert_true(strlen(sim_assumption_rows[i].meaning) > 20);
		struct sim_settings settings = sim_settings_fast();
		assert_true(sim_settings_set(&settings, sim_assumption_rows[i].name, sim_assumption_rows[i].other));
	}
	struct sim_settings settings = sim_settings_fast();
	assert_false(sim_settings_set(&settings, "nothing", 1));
}

static void failover_with_endpoint_stopped(void **state) {
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct sim_world *world = world_with("failover_with_endpoint_stopped", works, 2);
		sim_world_do(world, 1, "ALTER ENDPOINT [AGEP] STATE = STOPPED");
		assert_int_equal(outcome(world, 1, FORCE, 5), works ? 0 : 41144);
		sim_world_free(world);
		world = world_with("failover_with_endpoint_stopped", works, 2);
		sim_world_do(world, 1, "ALTER ENDPOINT [AGEP] STATE = STOPPED");
		assert_int_equal(sim_world_failover(world, 1), works ? 0 : 41144);
		sim_world_free(world);
	}
}

static void configure_while_unmet(void **state) {
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct sim_world *world = world_with("configure_while_unmet", works, 3);
		sim_world_do(world, 0, SET_REQUIRED(2));
		sim_world_isolate(world, 2, true);
		sim_world_run(world, 12 * SECOND);
		assert_int_equal(outcome(world, 0,
		                         "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-2' WITH "
		                         "(AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT)",
		                         5),
		                 works ? 0 : 988);
		assert_int_equal(outcome(world, 0, SET_REQUIRED(1), 5), 0);
		sim_world_free(world);
	}
}

static void lone_survivor_writes(void **state) {
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct sim_world *world = world_with("lone_survivor_writes", works, 3);
		sim_world_isolate(world, 0, true);
		sim_world_run(world, 12 * SECOND);
		assert_int_equal(outcome(world, 0, INSERT(1), 5), works ? 0 : 988);
		sim_world_free(world);
	}
}

static void stopped_endpoint_stays(void **state) {
	(void)state;
	for (int stays = 0; stays < 2; stays++) {
		struct sim_world *world = world_with("stopped_endpoint_stays", stays, 2);
		sim_world_do(world, 1, "ALTER ENDPOINT [AGEP] STATE = STOPPED");
		sim_world_kill(world, 1);
		sim_world_start(world, 1);
		assert_true(sim_world_becomes(world, 1, endpoint_query, stays ? "STOPPED" : "STARTED", 0));
		sim_world_free(world);
	}
}

static void removing_needs_a_majority(void **state) {
	(void)state;
	for (int needs = 0; needs < 2; needs++) {
		struct sim_world *world = world_with("drop_needs_majority", needs, 3);
		sim_world_isolate(world, 0, true);
		assert_int_equal(outcome(world, 0, "ALTER AVAILABILITY GROUP [AG1] REMOVE REPLICA ON N'sql-2'", 5),
		                 needs ? -1 : 0);
		sim_world_free(world);
	}
}

static void configuration_needs_a_majority(void **state) {
	(void)state;
	for (int needs = 0; needs < 2; needs++) {
		struct sim_world *world = world_with("configuration_needs_majority", needs, 3);
		sim_world_isolate(world, 0, true);
		struct sim_client *client = sim_client_open(world, 0, NULL, false);
		assert_int_equal(sim_client_begin(client, SET_REQUIRED(1)) || sim_client_wait(client, 5 * SECOND),
		                 needs == 0);
		sim_world_isolate(world, 0, false);
		if (needs) assert_true(sim_client_wait(client, 5 * SECOND));
		assert_int_equal(client->last_error, 0);
		sim_client_close(client);
		sim_world_free(world);
	}
}

static void restarted_primary_resumes(void **state) {
	(void)state;
	for (int resumes = 0; resumes < 2; resumes++) {
		struct sim_world *world = world_with("restarted_primary_resumes", resumes, 2);
		sim_world_kill(world, 0);
		sim_world_start(world, 0);
		assert_true(sim_world_becomes(world, 0, role_query, resumes ? "PRIMARY" : "RESOLVING", 0));
		if (resumes) assert_true(sim_world_synchronized(world, 0, 1, 20));
		sim_world_free(world);
	}
}

static void commit_waits_below_required(void **state) {
	(void)state;
	for (int waits = 0; waits < 2; waits++) {
		struct sim_world *world = world_with("commit_waits_below_required", waits, 2);
		sim_world_do(world, 0, SET_REQUIRED(1));
		sim_world_isolate(world, 1, true);
		struct sim_client *client = sim_client_open(world, 0, "agdb1", false);
		assert_false(sim_client_begin(client, "INSERT INTO t VALUES (1)"));
		assert_int_equal(sim_client_wait(client, 15 * SECOND), !waits);
		if (!waits) assert_int_equal(client->last_error, 988);
		sim_world_isolate(world, 1, false);
		if (waits) assert_true(sim_client_wait(client, 15 * SECOND));
		if (waits) assert_int_equal(client->last_error, 0);
		sim_client_close(client);
		sim_world_free(world);
	}
}

static void reset_noticed(void **state) {
	(void)state;
	for (int noticed = 0; noticed < 2; noticed++) {
		struct sim_world *world = world_with("reset_noticed", noticed, 2);
		sim_world_kill(world, 1);
		sim_instance_unreachable(world->nodes[0].instance, "sql-1.pods", 5022);
		assert_int_equal(outcome(world, 0, INSERT(1), 2), noticed ? 0 : -1);
		sim_world_free(world);
	}
}

static void old_primary_steps_down(void **state) {
	(void)state;
	for (int steps = 0; steps < 2; steps++) {
		struct sim_world *world = world_with("old_primary_steps_down", steps, 2);
		assert_int_equal(sim_world_failover(world, 1), 0);
		sim_world_run(world, 3 * SECOND);
		assert_true(sim_world_becomes(world, 1, role_query, "PRIMARY", 0));
		assert_true(sim_world_becomes(world, 0, role_query, steps ? "RESOLVING" : "PRIMARY", 0));
		sim_world_free(world);
	}
}

static void older_configuration_accepted(void **state) {
	(void)state;
	for (int accepted = 0; accepted < 2; accepted++) {
		struct sim_world *world = world_with("older_configuration_accepted", accepted, 3);
		/* sql-1 misses some changes and is promoted; sql-2 has them. */
		sim_world_isolate(world, 1, true);
		for (int i = 0; i < 5; i++) sim_world_do(world, 0, SET_REQUIRED(0));
		sim_world_run(world, SECOND);
		sim_world_kill(world, 0);
		sim_world_isolate(world, 1, false);
		sim_world_run(world, 11 * SECOND);
		assert_int_equal(sim_world_failover(world, 1), 0);
		sim_world_run(world, SECOND);
		sim_world_do(world, 2, SET_SECONDARY);
		sim_world_run(world, 3 * SECOND);
		assert_true(sim_world_becomes(world, 2, connected_query, accepted ? "CONNECTED" : "DISCONNECTED", 0));
		sim_world_free(world);
	}
}

static void resolving_follows(void **state) {
	(void)state;
	for (int follows = 0; follows < 2; follows++) {
		struct sim_world *world = world_with("resolving_follows", follows, 2);
		sim_world_kill(world, 1);
		sim_world_start(world, 1);
		sim_world_run(world, 3 * SECOND);
		assert_true(sim_world_becomes(world, 1, role_query, follows ? "SECONDARY" : "RESOLVING", 0));
		sim_world_free(world);
	}
}

static void offline_works(void **state) {
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct sim_world *world = world_with("offline_works", works, 2);
		sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] OFFLINE"); /* 41131 is of severity 10 */
		assert_true(sim_world_becomes(world, 0, role_query, works ? "RESOLVING" : "PRIMARY", 0));
		sim_world_free(world);
	}
}

static void suspend_while_resolving(void **state) {
	(void)state;
	for (int works = 0; works < 2; works++) {
		struct sim_world *world = world_with("suspend_while_resolving", works, 2);
		sim_world_kill(world, 1);
		sim_world_start(world, 1);
		sim_world_run(world, SECOND);
		assert_int_equal(outcome(world, 1, "ALTER DATABASE [agdb1] SET HADR SUSPEND", 5), works ? 0 : 983);
		sim_world_do(world, 1, SET_SECONDARY);
		sim_world_run(world, SECOND);
		assert_int_equal(outcome(world, 1, "ALTER DATABASE [agdb1] SET HADR SUSPEND", 5), 0);
		sim_world_free(world);
	}
}

static void stale_readiness(void **state) {
	(void)state;
	for (int stale = 0; stale < 2; stale++) {
		struct sim_world *world = world_with("stale_readiness", stale, 2);
		/* r = 0: the primary goes on without the secondary, which still takes itself for synchronized. */
		sim_world_isolate(world, 1, true);
		assert_int_equal(outcome(world, 0, INSERT(1), 12), 0);
		sim_world_run(world, 2 * SECOND);
		assert_int_equal(sim_world_failover(world, 1), stale ? 0 : 41142);
		sim_world_free(world);
	}
}

/* --- Published timings --- */

static struct sim_world *published(size_t count) {
	struct sim_settings settings = sim_settings_fast();
	struct sim_world *world = sim_world_new(count, &settings);
	sim_world_group(world);
	/* From here on as observed; instances take over the settings when they are started. */
	world->settings = sim_settings_published();
	for (size_t i = 0; i < count; i++) {
		sim_world_kill(world, i);
		sim_world_start(world, i);
	}
	sim_world_run(world, 16 * SECOND);
	assert_int_equal(sim_world_failover(world, 0), 0);
	for (size_t i = 1; i < count; i++) sim_world_do(world, i, SET_SECONDARY);
	assert_true(sim_world_synchronized(world, 0, (int)count - 1, 60));
	sim_world_run(world, 60 * SECOND);
	return world;
}

static void start_up_takes_its_time(void **state) {
	(void)state;
	struct sim_settings settings = sim_settings_published();
	struct sim_world *world = sim_world_new(1, &settings);
	assert_false(sim_instance_accepts(world->nodes[0].instance));
	sim_world_run(world, 15 * SECOND);
	assert_true(sim_instance_accepts(world->nodes[0].instance));
	sim_world_free(world);
}

static void the_latch_and_its_cure(void **state) {
	(void)state;
	struct sim_world *world = published(3);
	sim_world_kill(world, 0);
	sim_world_start(world, 0);
	/* It is back when the new primary is a few seconds old. */
	sim_world_run(world, 10 * SECOND);
	assert_int_equal(sim_world_failover(world, 1), 0);
	sim_world_run(world, 6 * SECOND);
	assert_int_equal(outcome(world, 0, SET_SECONDARY, 5), 0);
	sim_world_run(world, 2 * SECOND);
	assert_true(sim_world_becomes(world, 0, role_query, "RESOLVING", 0));
	assert_int_equal(outcome(world, 0, SET_SECONDARY, 5), 41104);
	/* Neither waiting some minutes nor a restart helps. */
	sim_world_run(world, 120 * SECOND);
	sim_world_kill(world, 0);
	sim_world_start(world, 0);
	sim_world_run(world, 20 * SECOND);
	assert_int_equal(outcome(world, 0, SET_SECONDARY, 5), 41104);
	/* Dropping and joining does, and nothing is seeded; the transport on both sides has to be cycled as well. */
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] OFFLINE; DROP AVAILABILITY GROUP [AG1]");
	for (size_t i = 0; i < 2; i++)
		sim_world_do(world, i, "ALTER ENDPOINT [AGEP] STATE = STOPPED; ALTER ENDPOINT [AGEP] STATE = STARTED");
	sim_world_do(world, 0,
	             "ALTER AVAILABILITY GROUP [AG1] JOIN WITH (CLUSTER_TYPE = EXTERNAL); ALTER AVAILABILITY GROUP "
	             "[AG1] GRANT CREATE ANY DATABASE; " SET_SECONDARY);
	assert_true(sim_world_becomes(world, 0, connected_query, "CONNECTED", 15));
	sim_world_free(world);
}

static void a_collateral_disconnect_and_its_cure(void **state) {
	(void)state;
	struct sim_world *world = published(3);
	sim_world_kill(world, 0);
	sim_world_run(world, SECOND);
	assert_int_equal(sim_world_failover(world, 1), 0);
	sim_world_run(world, 15 * SECOND);
	sim_world_do(world, 2, SET_SECONDARY);
	sim_world_run(world, 10 * SECOND);
	assert_true(sim_world_becomes(world, 2, connected_query, "DISCONNECTED", 0));
	sim_world_run(world, 10 * SECOND);
	/* The primary is stable now: the secondary's endpoint alone is enough. */
	sim_world_do(world, 2, "ALTER ENDPOINT [AGEP] STATE = STOPPED; ALTER ENDPOINT [AGEP] STATE = STARTED");
	assert_true(sim_world_becomes(world, 2, connected_query, "CONNECTED", 5));
	sim_world_free(world);
}

static void failover_waits_behind_a_reseat(void **state) {
	(void)state;
	struct sim_world *world = world_with("reseat", 20000, 3);
	sim_world_kill(world, 0);
	sim_world_run(world, 11 * SECOND);
	sim_world_do(world, 1, SET_SECONDARY);
	int64_t before = world->now;
	assert_int_equal(sim_world_failover(world, 1), 0);
	assert_true(world->now - before >= 19 * SECOND);
	sim_world_free(world);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_documented),
		cmocka_unit_test(failover_with_endpoint_stopped),
		cmocka_unit_test(configure_while_unmet),
		cmocka_unit_test(lone_survivor_writes),
		cmocka_unit_test(stopped_endpoint_stays),
		cmocka_unit_test(removing_needs_a_majority),
		cmocka_unit_test(configuration_needs_a_majority),
		cmocka_unit_test(restarted_primary_resumes),
		cmocka_unit_test(commit_waits_below_required),
		cmocka_unit_test(reset_noticed),
		cmocka_unit_test(old_primary_steps_down),
		cmocka_unit_test(older_configuration_accepted),
		cmocka_unit_test(resolving_follows),
		cmocka_unit_test(offline_works),
		cmocka_unit_test(suspend_while_resolving),
		cmocka_unit_test(stale_readiness),
		cmocka_unit_test(start_up_takes_its_time),
		cmocka_unit_test(the_latch_and_its_cure),
		cmocka_unit_test(a_collateral_disconnect_and_its_cure),
		cmocka_unit_test(failover_waits_behind_a_reseat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
