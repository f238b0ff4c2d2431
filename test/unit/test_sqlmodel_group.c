/* The availability group: bootstrap by T-SQL, commits, lost secondaries, promotion, old primaries, restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sqlserver/world_group.h"

static const char role_query[] = "SELECT role_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1";
static const char state_query[] =
        "SELECT synchronization_state_desc FROM sys.dm_hadr_database_replica_states WHERE is_local = 1";
enum { SECOND = 1000000 };

static int setup_of(void **state, size_t count) {
	struct sim_world *world = sim_world_new(count, NULL);
	sim_world_group(world);
	*state = world;
	return 0;
}
static int setup(void **state) {
	return setup_of(state, 3);
}
static int setup_two(void **state) {
	return setup_of(state, 2);
}
static int teardown(void **state) {
	sim_world_free(*state);
	return 0;
}

static void require(struct sim_world *world, size_t node, int count) {
	sim_world_do(world, node,
	             "ALTER AVAILABILITY GROUP [AG1] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = %d)", count);
}

/* Inserts a row; 0 when it was acknowledged at once or within so many seconds, else the error, -1 while it waits. */
static int insert(struct sim_world *world, size_t node, int id, int seconds) {
	struct sim_client *client = sim_client_open(world, node, "agdb1", false);
	/* Where the database refuses, the login does: 4060, the reason, 18456. */
	const char *refused = strstr(strbuf_text(&client->text), "\nMsg ");
	int result = client->session != NULL ? 0 : refused != NULL ? atoi(refused + 5) : client->last_error;
	if (client->session != NULL) {
		char batch[64];
		snprintf(batch, sizeof(batch), "INSERT INTO t VALUES (%d)", id);
		bool finished = sim_client_begin(client, batch) || sim_client_wait(client, (int64_t)seconds * SECOND);
		result = !finished ? -1 : client->session == NULL ? -2 : client->last_error;
	}
	sim_client_close(client);
	return result;
}

static void has_rows(struct sim_world *world, size_t node, const char *rows) {
	assert_true(sim_world_becomes(world, node, "EXEC(N'USE agdb1; SELECT id FROM t ORDER BY id')", rows, 5));
}

static void promote(struct sim_world *world, size_t node) {
	assert_int_equal(sim_world_failover(world, node), 0);
	assert_true(sim_world_becomes(world, node, role_query, "PRIMARY", 2));
}

static void set_secondary(struct sim_world *world, size_t node) {
	sim_world_do(world, node, "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)");
}

static void bootstrap_by_statements(void **state) {
	struct sim_world *world = *state;
	assert_true(sim_world_becomes(
	        world, 0,
	        "SELECT role_desc, connected_state_desc, synchronization_health_desc FROM "
	        "sys.dm_hadr_availability_replica_states ORDER BY is_local DESC",
	        "PRIMARY|CONNECTED|HEALTHY\nSECONDARY|CONNECTED|HEALTHY\nSECONDARY|CONNECTED|HEALTHY", 1));
	assert_true(sim_world_becomes(world, 1, "SELECT role_desc FROM sys.dm_hadr_availability_replica_states",
	                              "SECONDARY", 1));
	assert_true(sim_world_becomes(world, 2, state_query, "SYNCHRONIZED", 1));
	assert_true(sim_world_becomes(world, 0,
	                              "SELECT COUNT(*) FROM sys.dm_hadr_automatic_seeding WHERE completion_time IS NOT "
	                              "NULL AND current_state = 'COMPLETED'",
	                              "2", 1));
	assert_true(sim_world_becomes(
	        world, 0,
	        "SELECT write_lease_remaining_ticks FROM sys.dm_hadr_availability_replica_states WHERE is_local = 1",
	        "9223372036854775807", 1));
	cleanup_free char *one = sim_world_ask(world, 0, "SELECT sequence_number FROM sys.availability_groups");
	cleanup_free char *two = sim_world_ask(world, 2, "SELECT sequence_number FROM sys.availability_groups");
	assert_string_equal(one, two);
	assert_int_equal(insert(world, 0, 1, 5), 0);
	has_rows(world, 1, "Changed database context to 'agdb1'.\n1");
	has_rows(world, 2, "Changed database context to 'agdb1'.\n1");
	assert_int_equal(insert(world, 1, 2, 5), 3906);
}

static void a_stranger_is_not_trusted(void **state) {
	(void)state;
	struct sim_world *world = sim_world_new(2, NULL);
	sim_world_trust(world);
	sim_world_do(world, 0, "REVOKE CONNECT ON ENDPOINT::[AGEP] FROM [replica_1]");
	sim_world_do(world, 0,
	             "CREATE AVAILABILITY GROUP [AG1] WITH (CLUSTER_TYPE = EXTERNAL) FOR REPLICA ON "
	             "N'sql-0' WITH (ENDPOINT_URL = N'TCP://sql-0.pods:5022', FAILOVER_MODE = EXTERNAL, "
	             "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT), "
	             "N'sql-1' WITH (ENDPOINT_URL = N'TCP://sql-1.pods:5022', FAILOVER_MODE = EXTERNAL, "
	             "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT)");
	sim_world_do(world, 1,
	             "ALTER AVAILABILITY GROUP [AG1] JOIN WITH (CLUSTER_TYPE = EXTERNAL); ALTER AVAILABILITY GROUP "
	             "[AG1] SET (ROLE = SECONDARY)");
	sim_world_run(world, 5 * SECOND);
	assert_true(sim_world_becomes(
	        world, 0, "SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 0",
	        "DISCONNECTED", 1));
	sim_world_do(world, 0, "GRANT CONNECT ON ENDPOINT::[AGEP] TO [replica_1]");
	assert_true(sim_world_becomes(
	        world, 0, "SELECT connected_state_desc FROM sys.dm_hadr_availability_replica_states WHERE is_local = 0",
	        "CONNECTED", 5));
	sim_world_free(world);
}

static void statements_are_refused(void **state) {
	struct sim_world *world = *state;
	const struct {
		size_t node;
		const char *batch;
		int number;
	} refused[] = {
		{ 1, "ALTER AVAILABILITY GROUP [AG1] FAILOVER", 47104 },
		{ 0, "ALTER AVAILABILITY GROUP [AG1] FORCE_FAILOVER_ALLOW_DATA_LOSS", 47104 },
		{ 0, "EXEC sp_set_session_context N'external_cluster', N'yes'; ALTER AVAILABILITY GROUP [AG1] FAILOVER",
		  41122 },
		{ 0,
		  "EXEC sp_set_session_context N'external_cluster', N'yes'; ALTER AVAILABILITY GROUP [AG1] "
		  "FORCE_FAILOVER_ALLOW_DATA_LOSS",
		  41122 },
		{ 0, "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)", 41104 },
		{ 1,
		  "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-1' WITH (AVAILABILITY_MODE = "
		  "ASYNCHRONOUS_COMMIT)",
		  41140 },
		{ 0, "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-1' WITH (FAILOVER_MODE = MANUAL)", 47102 },
		{ 0, "ALTER AVAILABILITY GROUP [AG1] SET (WRITE_LEASE_VALIDITY = 20)", 47116 },
		{ 0, "CREATE DATABASE d2; ALTER AVAILABILITY GROUP [AG1] ADD DATABASE [d2]", 1475 },
		{ 0, "DROP DATABASE [agdb1]", 3752 },
		{ 0, "ALTER AVAILABILITY GROUP [nothing] SET (ROLE = SECONDARY)", 15151 },
		{ 0, "ALTER AVAILABILITY GROUP [other] JOIN WITH (CLUSTER_TYPE = EXTERNAL)", 47106 },
	};
	for (size_t i = 0; i < ARRAY_LENGTH(refused); i++) {
		struct sim_client *client = sim_client_open(world, refused[i].node, NULL, false);
		sim_client_run(client, refused[i].batch);
		if (client->last_error != refused[i].number)
			print_error("%s: %s\n", refused[i].batch, strbuf_text(&client->text));
		assert_int_equal(client->last_error, refused[i].number);
		sim_client_close(client);
	}
}

static void states_of_the_group(void **state) {
	static const char query[] =
	        "SELECT primary_replica, primary_recovery_health_desc, secondary_recovery_health_desc, "
	        "synchronization_health_desc FROM sys.dm_hadr_availability_group_states";
	struct sim_world *world = *state;
	assert_true(sim_world_becomes(world, 0, query, "sql-0|ONLINE|NULL|HEALTHY", 5));
	assert_true(sim_world_becomes(world, 1, query, "sql-0|NULL|ONLINE|HEALTHY", 5));
	sim_world_kill(world, 2);
	assert_true(sim_world_becomes(world, 0, query, "sql-0|ONLINE|NULL|PARTIALLY_HEALTHY", 20));
	cleanup_free char *columns =
	        sim_world_ask(world, 0,
	                      "SELECT COUNT(*) FROM sys.dm_hadr_physical_seeding_stats WHERE transferred_size_bytes = "
	                      "database_size_bytes AND failure_code IS NULL AND is_compression_enabled = 0");
	assert_string_equal(columns, "2\n(1 rows affected)\n");
	cleanup_free char *type =
	        sim_world_ask(world, 0, "SELECT cluster_type, cluster_type_desc FROM sys.availability_groups");
	assert_string_equal(type, "1|external\n(1 rows affected)\n");
}

static void access_modes(void **state) {
	struct sim_world *world = *state;
	sim_world_do(world, 0,
	             "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-1' WITH (SECONDARY_ROLE "
	             "(ALLOW_CONNECTIONS = NO)); "
	             "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-2' WITH (SECONDARY_ROLE "
	             "(ALLOW_CONNECTIONS = READ_ONLY))");
	sim_world_run(world, SECOND);
	cleanup_free char *no = sim_world_ask(world, 1, "USE agdb1");
	assert_non_null(strstr(no, "Msg 976, Level 14"));
	cleanup_free char *read_only = sim_world_ask(world, 2, "USE agdb1");
	assert_non_null(strstr(read_only, "Msg 978, Level 14"));
	struct sim_client *client = sim_client_open(world, 2, "agdb1", true);
	assert_non_null(client->session);
	sim_client_close(client);
}

static void a_silent_secondary_is_waited_for(void **state) {
	struct sim_world *world = *state;
	sim_world_isolate(world, 2, true);
	int64_t before = world->now;
	struct sim_client *client = sim_client_open(world, 0, "agdb1", false);
	assert_false(sim_client_begin(client, "INSERT INTO t VALUES (1)"));
	assert_false(sim_client_wait(client, 8 * SECOND));
	/* What is not acknowledged is not shown. */
	struct sim_client *reader = sim_client_open(world, 0, "agdb1", false);
	assert_false(sim_client_begin(reader, "SELECT COUNT(*) FROM t"));
	assert_true(sim_client_wait(client, 4 * SECOND));
	assert_int_equal(client->last_error, 0);
	assert_true(world->now - before >= 9 * SECOND);
	assert_true(sim_client_wait(reader, 1));
	assert_string_equal(strbuf_text(&reader->text), "1\n(1 rows affected)\n");
	assert_int_equal(insert(world, 0, 2, 1), 0);
	sim_world_isolate(world, 2, false);
	assert_true(sim_world_synchronized(world, 0, 2, 15));
	has_rows(world, 2, "Changed database context to 'agdb1'.\n1\n2");
	sim_client_close(client);
	sim_client_close(reader);
}

static void asynchronous_is_not_waited_for(void **state) {
	struct sim_world *world = *state;
	sim_world_do(world, 0,
	             "ALTER AVAILABILITY GROUP [AG1] MODIFY REPLICA ON N'sql-1' WITH (AVAILABILITY_MODE = "
	             "ASYNCHRONOUS_COMMIT)");
	sim_world_run(world, 3 * SECOND);
	assert_true(sim_world_becomes(world, 1, state_query, "SYNCHRONIZING", 2));
	sim_world_isolate(world, 1, true);
	assert_int_equal(insert(world, 0, 1, 1), 0);
	assert_int_equal(sim_world_failover(world, 1), 41142);
}

static void required_secondaries(void **state) {
	struct sim_world *world = *state;
	require(world, 0, 2);
	assert_int_equal(insert(world, 0, 1, 1), 0);
	sim_world_isolate(world, 2, true);
	/* It fails when the session timeout has taken the secondary out, and so does everything after it. */
	assert_int_equal(insert(world, 0, 2, 12), 988);
	assert_int_equal(insert(world, 0, 3, 1), 988);
	cleanup_free char *use = sim_world_ask(world, 0, "USE agdb1");
	assert_non_null(strstr(
	        use,
	        "Msg 988, Level 14, State 1, Line 1: Unable to access database 'agdb1' because it lacks a quorum"));
	require(world, 0, 1);
	assert_int_equal(insert(world, 0, 4, 1), 0);
	sim_world_isolate(world, 2, false);
	assert_true(sim_world_synchronized(world, 0, 2, 15));
	has_rows(world, 2, "Changed database context to 'agdb1'.\n1\n2\n4");
}

static void promotion_keeps_every_row(void **state) {
	struct sim_world *world = *state;
	for (int i = 1; i <= 20; i++) assert_int_equal(insert(world, 0, i, 1), 0);
	sim_world_kill(world, 0);
	sim_world_run(world, 11 * SECOND);
	assert_true(sim_world_becomes(world, 1, state_query, "NOT SYNCHRONIZING", 1));
	assert_true(sim_world_becomes(world, 2, state_query, "NOT SYNCHRONIZING", 1));
	promote(world, 1);
	assert_true(sim_world_synchronized(world, 1, 1, 5));
	assert_int_equal(insert(world, 1, 21, 1), 0);
	/* The old one comes back RESOLVING, is told, and follows. */
	sim_world_start(world, 0);
	assert_true(sim_world_becomes(world, 0, role_query, "RESOLVING", 1));
	cleanup_free char *use = sim_world_ask(world, 0, "USE agdb1");
	assert_non_null(strstr(use, "Msg 983, Level 14"));
	set_secondary(world, 0);
	assert_true(sim_world_synchronized(world, 1, 2, 5));
	assert_true(sim_world_becomes(world, 0, "EXEC(N'USE agdb1; SELECT COUNT(*) FROM t')",
	                              "Changed database context to 'agdb1'.\n21", 1));
}

static void an_unacknowledged_tail_is_undone(void **state) {
	struct sim_world *world = *state;
	assert_int_equal(insert(world, 0, 1, 1), 0);
	sim_world_isolate(world, 0, true);
	assert_int_equal(insert(world, 0, 2, 1), -1);
	sim_world_kill(world, 0);
	promote(world, 2);
	assert_true(sim_world_synchronized(world, 2, 1, 20));
	assert_int_equal(insert(world, 2, 3, 1), 0);
	sim_world_isolate(world, 0, false);
	sim_world_start(world, 0);
	set_secondary(world, 0);
	assert_true(sim_world_synchronized(world, 2, 2, 5));
	has_rows(world, 0, "Changed database context to 'agdb1'.\n1\n3");
}

/* After it copies are suspended, with what they have, until each is resumed. */
static void a_forced_promotion_suspends_the_others(void **state) {
	static const char reason[] =
	        "SELECT suspend_reason_desc FROM sys.dm_hadr_database_replica_states WHERE is_local = 1";
	static const char resume[] = "ALTER DATABASE [agdb1] SET HADR RESUME";
	struct sim_world *world = *state;
	assert_int_equal(insert(world, 0, 1, 1), 0);
	sim_world_isolate(world, 0, true);
	assert_int_equal(insert(world, 0, 2, 1), -1);
	sim_world_kill(world, 0);
	sim_world_do(world, 1,
	             "EXEC sp_set_session_context N'external_cluster', N'yes'; ALTER AVAILABILITY GROUP [AG1] "
	             "FORCE_FAILOVER_ALLOW_DATA_LOSS");
	assert_true(sim_world_becomes(world, 1, role_query, "PRIMARY", 2));
	sim_world_isolate(world, 0, false);
	sim_world_start(world, 0);
	set_secondary(world, 0);
	assert_true(sim_world_becomes(world, 0, reason, "SUSPEND_FROM_PARTNER", 5));
	assert_true(sim_world_becomes(world, 2, reason, "SUSPEND_FROM_PARTNER", 5));
	assert_true(sim_world_becomes(world, 1,
	                              "SELECT COUNT(*) FROM sys.dm_hadr_database_replica_states WHERE is_local = 0 AND "
	                              "suspend_reason = 1 AND is_suspended = 1",
	                              "2", 5));
	assert_int_equal(insert(world, 1, 3, 1), 0);
	sim_world_run(world, 20 * SECOND);
	assert_true(sim_world_synchronized(world, 1, 0, 1));
	sim_world_do(world, 2, resume);
	assert_true(sim_world_synchronized(world, 1, 1, 5));
	sim_world_do(world, 0, resume);
	assert_true(sim_world_synchronized(world, 1, 2, 5));
	has_rows(world, 0, "Changed database context to 'agdb1'.\n1\n3");
	/* It is over: a planned promotion suspends nobody. */
	promote(world, 0);
	assert_true(sim_world_becomes(world, 2, reason, "NULL", 1));
}

static void two_primaries_until_one_is_set_offline(void **state) {
	struct sim_world *world = *state;
	require(world, 0, 1);
	sim_world_isolate(world, 0, true);
	promote(world, 1);
	assert_true(sim_world_becomes(world, 0, role_query, "PRIMARY", 1));
	assert_int_equal(insert(world, 0, 1, 12), 988);
	assert_true(sim_world_synchronized(world, 1, 1, 15));
	assert_int_equal(insert(world, 1, 2, 1), 0);
	sim_world_isolate(world, 0, false);
	sim_world_run(world, 3 * SECOND);
	assert_true(sim_world_becomes(world, 0, role_query, "PRIMARY", 1));
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] OFFLINE");
	assert_true(sim_world_becomes(world, 0, role_query, "RESOLVING", 1));
	set_secondary(world, 0);
	assert_true(sim_world_synchronized(world, 1, 2, 5));
	has_rows(world, 0, "Changed database context to 'agdb1'.\n2");
}

static void sessions_end_with_the_role(void **state) {
	struct sim_world *world = *state;
	struct sim_client *client = sim_client_open(world, 0, "agdb1", false);
	sim_client_run(client, "BEGIN TRAN; INSERT INTO t VALUES (9)");
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] OFFLINE");
	assert_true(sim_session_is_closed(client->session));
	assert_string_equal(sim_client_run(client, "COMMIT"), "closed\n");
	sim_client_close(client);
}

static void fenced_endpoints_do_not_answer(void **state) {
	struct sim_world *world = *state;
	require(world, 0, 2);
	sim_world_do(world, 1, "ALTER ENDPOINT [AGEP] STATE = STOPPED");
	sim_world_do(world, 2, "ALTER ENDPOINT [AGEP] STATE = STOPPED");
	assert_true(
	        sim_world_becomes(world, 1, "SELECT state_desc FROM sys.database_mirroring_endpoints", "STOPPED", 1));
	assert_int_equal(insert(world, 0, 1, 15), 988);
	promote(world, 1);
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] OFFLINE");
	sim_world_do(world, 1, "ALTER ENDPOINT [AGEP] STATE = STARTED");
	sim_world_do(world, 2, "ALTER ENDPOINT [AGEP] STATE = STARTED");
	set_secondary(world, 0);
	assert_true(sim_world_synchronized(world, 1, 2, 15));
	/* What nobody but the old primary had was never acknowledged. */
	assert_true(sim_world_becomes(world, 0, "EXEC(N'USE agdb1; SELECT COUNT(*) FROM t')",
	                              "Changed database context to 'agdb1'.\n0", 1));
}

static void rejoining_needs_no_seeding(void **state) {
	struct sim_world *world = *state;
	assert_int_equal(insert(world, 0, 1, 1), 0);
	sim_world_do(world, 2, "ALTER AVAILABILITY GROUP [AG1] OFFLINE; DROP AVAILABILITY GROUP [AG1]");
	assert_true(sim_world_becomes(world, 2, "SELECT state_desc FROM sys.databases WHERE name = N'agdb1'",
	                              "RESTORING", 1));
	sim_world_run(world, 11 * SECOND);
	assert_int_equal(insert(world, 0, 2, 1), 0);
	sim_world_do(world, 2,
	             "ALTER AVAILABILITY GROUP [AG1] JOIN WITH (CLUSTER_TYPE = EXTERNAL); ALTER AVAILABILITY GROUP "
	             "[AG1] GRANT CREATE ANY DATABASE; "
	             "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)");
	assert_true(sim_world_synchronized(world, 0, 2, 5));
	assert_true(sim_world_becomes(world, 0,
	                              "SELECT COUNT(*) FROM sys.dm_hadr_automatic_seeding WHERE performed_seeding = 0 "
	                              "AND current_state = 'COMPLETED'",
	                              "1", 1));
	has_rows(world, 2, "Changed database context to 'agdb1'.\n1\n2");
}

static void a_replica_is_added_and_removed(void **state) {
	(void)state;
	struct sim_world *world = sim_world_new(3, NULL);
	world->count = 2; /* the third one is no replica yet */
	sim_world_group(world);
	world->count = 3;
	assert_int_equal(insert(world, 0, 1, 1), 0);
	cleanup_free char *unknown =
	        sim_world_ask(world, 0, "ALTER AVAILABILITY GROUP [AG1] REMOVE REPLICA ON N'sql-2'");
	assert_non_null(strstr(unknown, "Msg 15151"));
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] REMOVE REPLICA ON N'sql-1'");
	sim_world_run(world, 2 * SECOND);
	assert_true(sim_world_becomes(world, 0, "SELECT COUNT(*) FROM sys.availability_replicas", "1", 1));
	sim_world_do(world, 1, "DROP AVAILABILITY GROUP [AG1]");
	sim_world_do(world, 0,
	             "ALTER AVAILABILITY GROUP [AG1] ADD REPLICA ON N'sql-1' WITH (ENDPOINT_URL = "
	             "N'TCP://sql-1.pods:5022', FAILOVER_MODE = EXTERNAL, "
	             "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, SEEDING_MODE = AUTOMATIC)");
	sim_world_do(world, 1,
	             "ALTER AVAILABILITY GROUP [AG1] JOIN WITH (CLUSTER_TYPE = EXTERNAL); ALTER AVAILABILITY GROUP "
	             "[AG1] GRANT CREATE ANY DATABASE; "
	             "ALTER AVAILABILITY GROUP [AG1] SET (ROLE = SECONDARY)");
	assert_true(sim_world_synchronized(world, 0, 1, 5));
	sim_world_free(world);
}

static void databases_come_and_go(void **state) {
	struct sim_world *world = *state;
	sim_world_do(world, 0,
	             "CREATE DATABASE d2; BACKUP DATABASE d2 TO DISK = N'x'; ALTER AVAILABILITY GROUP [AG1] ADD "
	             "DATABASE [d2]");
	assert_true(sim_world_synchronized(world, 0, 4, 5));
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] REMOVE DATABASE [d2]");
	assert_true(
	        sim_world_becomes(world, 1, "SELECT state_desc FROM sys.databases WHERE name = N'd2'", "RESTORING", 2));
	assert_true(
	        sim_world_becomes(world, 0, "SELECT state_desc FROM sys.databases WHERE name = N'd2'", "ONLINE", 2));
	assert_true(sim_world_synchronized(world, 0, 2, 5));
}

static void hardened_is_kept_over_restarts(void **state) {
	struct sim_world *world = *state;
	for (int i = 1; i <= 5; i++) assert_int_equal(insert(world, 0, i, 1), 0);
	for (size_t i = 0; i < 3; i++) sim_world_kill(world, i);
	for (size_t i = 0; i < 3; i++) sim_world_start(world, i);
	for (size_t i = 0; i < 3; i++) assert_true(sim_world_becomes(world, i, role_query, "RESOLVING", 1));
	promote(world, 0);
	set_secondary(world, 1);
	set_secondary(world, 2);
	assert_true(sim_world_synchronized(world, 0, 2, 5));
	has_rows(world, 2, "Changed database context to 'agdb1'.\n1\n2\n3\n4\n5");
}

static void slow_volumes_are_waited_for(void **state) {
	struct sim_world *world = *state;
	sim_instance_set_disk_delay(world->nodes[1].instance, 2 * SECOND);
	int64_t before = world->now;
	assert_int_equal(insert(world, 0, 1, 5), 0);
	assert_true(world->now - before >= 2 * SECOND);
	sim_instance_set_disk_delay(world->nodes[1].instance, 0);
	sim_instance_set_disk_delay(world->nodes[0].instance, SECOND);
	before = world->now;
	assert_int_equal(insert(world, 0, 2, 5), 0);
	assert_true(world->now - before >= SECOND);
	sim_instance_set_disk_delay(world->nodes[0].instance, 0);
	before = world->now;
	assert_int_equal(insert(world, 0, 3, 5), 0);
	assert_true(world->now - before < SECOND / 10);
	assert_true(sim_world_synchronized(world, 0, 2, 5));
}

static void a_lease_that_runs_out(void **state) {
	(void)state;
	struct sim_world *world = sim_world_new(1, NULL);
	sim_world_trust(world);
	sim_world_do(world, 0,
	             "CREATE AVAILABILITY GROUP [AG1] WITH (CLUSTER_TYPE = EXTERNAL, WRITE_LEASE_VALIDITY = 10) FOR "
	             "REPLICA ON "
	             "N'sql-0' WITH (ENDPOINT_URL = N'TCP://sql-0.pods:5022', FAILOVER_MODE = EXTERNAL, "
	             "AVAILABILITY_MODE = SYNCHRONOUS_COMMIT)");
	sim_world_run(world, 6 * SECOND);
	sim_world_do(world, 0, "ALTER AVAILABILITY GROUP [AG1] SET (WRITE_LEASE_VALIDITY = 10)");
	cleanup_free char *earlier =
	        sim_world_ask(world, 0, "ALTER AVAILABILITY GROUP [AG1] SET (WRITE_LEASE_VALIDITY = 5)");
	assert_non_null(strstr(earlier, "Msg 47119"));
	sim_world_run(world, 9 * SECOND);
	assert_true(sim_world_becomes(world, 0, role_query, "PRIMARY", 0));
	sim_world_run(world, 2 * SECOND);
	assert_true(sim_world_becomes(world, 0, role_query, "RESOLVING", 0));
	sim_world_free(world);
}

static void the_same_seed_is_the_same_world(void **state) {
	(void)state;
	char *answers[2];
	for (int i = 0; i < 2; i++) {
		struct sim_world *world = sim_world_new(3, NULL);
		sim_world_group(world);
		insert(world, 0, 1, 1);
		answers[i] = sim_world_ask(world, 0,
		                           "SELECT * FROM sys.dm_hadr_database_replica_states; SELECT * FROM "
		                           "sys.dm_hadr_availability_replica_states");
		sim_world_free(world);
	}
	assert_string_equal(answers[0], answers[1]);
	free(answers[0]);
	free(answers[1]);
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(bootstrap_by_statements, setup, teardown),
		cmocka_unit_test(a_stranger_is_not_trusted),
		cmocka_unit_test_setup_teardown(statements_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(states_of_the_group, setup, teardown),
		cmocka_unit_test_setup_teardown(access_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_silent_secondary_is_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(asynchronous_is_not_waited_for, setup_two, teardown),
		cmocka_unit_test_setup_teardown(required_secondaries, setup, teardown),
		cmocka_unit_test_setup_teardown(promotion_keeps_every_row, setup, teardown),
		cmocka_unit_test_setup_teardown(an_unacknowledged_tail_is_undone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_forced_promotion_suspends_the_others, setup, teardown),
		cmocka_unit_test_setup_teardown(two_primaries_until_one_is_set_offline, setup, teardown),
		cmocka_unit_test_setup_teardown(sessions_end_with_the_role, setup, teardown),
		cmocka_unit_test_setup_teardown(fenced_endpoints_do_not_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(rejoining_needs_no_seeding, setup, teardown),
		cmocka_unit_test(a_replica_is_added_and_removed),
		cmocka_unit_test_setup_teardown(databases_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(hardened_is_kept_over_restarts, setup, teardown),
		cmocka_unit_test_setup_teardown(slow_volumes_are_waited_for, setup, teardown),
		cmocka_unit_test(a_lease_that_runs_out),
		cmocka_unit_test(the_same_seed_is_the_same_world),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
