/* The T-SQL engine on plain databases: the transcripts of KubeDB's document, errors, control flow, transactions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "sqlserver/world.h"

struct fixture {
	struct sim_world *world;
	struct sim_client *client;
};

static int setup(void **state) {
	struct fixture *fixture = xcalloc(1, sizeof(*fixture));
	fixture->world = sim_world_new(1, NULL);
	fixture->client = sim_client_open(fixture->world, 0, NULL, false);
	*state = fixture;
	return fixture->client->session != NULL ? 0 : -1;
}

static int teardown(void **state) {
	struct fixture *fixture = *state;
	sim_client_close(fixture->client);
	sim_world_free(fixture->world);
	free(fixture);
	return 0;
}

static void says(void **state, const char *batch, const char *expected) {
	struct fixture *fixture = *state;
	const char *answer = sim_client_run(fixture->client, batch);
	if (strcmp(answer, expected) != 0) print_error("batch: %s\n", batch);
	assert_string_equal(answer, expected);
}

static void databases_of_a_new_server(void **state) {
	says(state, "select name from sys.databases", "master\ntempdb\nmodel\nmsdb\n(4 rows affected)\n");
	says(state, "CREATE DATABASE agdb1", "");
	says(state, "CREATE DATABASE agdb1",
	     "Msg 1801, Level 16, State 3, Line 1: Database 'agdb1' already exists. Choose a different database "
	     "name.\n");
	says(state, "use agdb1", "Changed database context to 'agdb1'.\n");
	says(state, "use nowhere",
	     "Msg 911, Level 16, State 1, Line 1: Database 'nowhere' does not exist. Make sure that the name is "
	     "entered correctly.\n");
	says(state, "SELECT DB_NAME(), DB_ID('agdb1'), DB_ID('x')", "agdb1|5|NULL\n(1 rows affected)\n");
}

static void transcript_of_the_document(void **state) {
	says(state, "CREATE DATABASE agdb1", "");
	says(state, "use agdb1\n", "Changed database context to 'agdb1'.\n");
	says(state,
	     "CREATE TABLE data (\nid INT PRIMARY KEY,\nname NVARCHAR(100),\n created_at DATETIME DEFAULT "
	     "GETDATE()\n);\n",
	     "");
	says(state,
	     "INSERT INTO data (id, name) VALUES (1, 'Alice');\nINSERT INTO data (id, name) VALUES (2, 'Bob');\n",
	     "(1 rows affected)\n(1 rows affected)\n");
	says(state, "SELECT id, name FROM data;", "1|Alice\n2|Bob\n(2 rows affected)\n");
	says(state, "CREATE Table data1", "Msg 102, Level 15, State 1, Line 1: Incorrect syntax near 'data1'.\n");
	says(state, "CREATE TABLE data1 (\nid INT PRIMARY KEY,\nname NVARCHAR(100),\n);", "");
	says(state, "SELECT name FROM sys.tables;", "data\ndata1\n(2 rows affected)\n");
	says(state, "SELECT * FROM nothing", "Msg 208, Level 16, State 1, Line 1: Invalid object name 'nothing'.\n");
	says(state, "SELECT wrong FROM data", "Msg 207, Level 16, State 1, Line 1: Invalid column name 'wrong'.\n");
	says(state, "CREATE TABLE data (id int)",
	     "Msg 2714, Level 16, State 6, Line 1: There is already an object named 'data' in the database.\n");
}

static void duplicate_keys_are_named(void **state) {
	struct fixture *fixture = *state;
	says(state, "CREATE TABLE t (id int NOT NULL PRIMARY KEY, name nvarchar(20)); INSERT INTO t VALUES (7, N'a')",
	     "(1 rows affected)\n");
	const char *answer = sim_client_run(fixture->client, "INSERT INTO t (name, id) VALUES (N'b', 7)");
	assert_int_equal(fixture->client->last_error, 2627);
	assert_non_null(strstr(answer, "Level 14, State 1, Line 1: Violation of PRIMARY KEY constraint 'PK__t__"));
	assert_non_null(
	        strstr(answer, "Cannot insert duplicate key in object 'dbo.t'. The duplicate key value is (7)."));
	assert_non_null(strstr(answer, "The statement has been terminated."));
	says(state, "SELECT COUNT(*) FROM t", "1\n(1 rows affected)\n");
	answer = sim_client_run(fixture->client, "INSERT INTO t (id) VALUES (NULL)");
	assert_int_equal(fixture->client->last_error, 515);
}

static void expressions(void **state) {
	says(state, "SELECT N'a' + 'b' + QUOTENAME('x]y'), 1 + 2, '1' + 2, LEN('ab '), UPPER('é' + 'x')",
	     "ab[x]]y]|3|3|2|éX\n(1 rows affected)\n");
	says(state, "SELECT CAST(N'12' AS int) + 1, CONVERT(varchar(10), 5) + 'x', ISNULL(NULL, 'n')",
	     "13|5x|n\n(1 rows affected)\n");
	says(state, "SELECT CAST('x' AS int)",
	     "Msg 245, Level 16, State 1, Line 1: Conversion failed when converting the value 'x' to data type int.\n");
	says(state, "SELECT CASE WHEN 'PRIMARY' = 'primary' THEN 'same' ELSE 'other' END", "same\n(1 rows affected)\n");
	says(state, "SELECT @@SERVERNAME, SERVERPROPERTY('Edition'), CAST(SERVERPROPERTY('IsHadrEnabled') AS int)",
	     "sql-0|Developer Edition (64-bit)|1\n(1 rows affected)\n");
	says(state, "SELECT TOP (2) name FROM sys.databases ORDER BY database_id DESC",
	     "msdb\nmodel\n(2 rows affected)\n");
	says(state, "SELECT CONVERT(varbinary(max), '0xAB01', 1)", "0xAB01\n(1 rows affected)\n");
	says(state, "SELECT 'it''s', N''", "it's|\n(1 rows affected)\n");
}

static void control_flow(void **state) {
	says(state,
	     "DECLARE @i int = 0, @s nvarchar(20) = N''; WHILE @i < 3 BEGIN SET @i += 1; IF @i = 2 CONTINUE; SET @s = "
	     "@s + CAST(@i AS nvarchar(5)); END PRINT @s",
	     "13\n");
	says(state, "IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'MASTER') SELECT 'yes' ELSE SELECT 'no'",
	     "yes\n(1 rows affected)\n");
	says(state,
	     "IF NOT EXISTS (SELECT 1 FROM sys.databases WHERE name = N'd') CREATE DATABASE d\nIF DB_ID('d') IS NOT "
	     "NULL PRINT N'there'",
	     "there\n");
	says(state,
	     "BEGIN TRY\nSELECT 1 FROM nothing\nEND TRY\nBEGIN CATCH\nPRINT CAST(ERROR_NUMBER() AS varchar(9)) + ' ' + "
	     "ERROR_MESSAGE(); THROW;\nEND CATCH",
	     "208 Invalid object name 'nothing'.\nMsg 208, Level 16, State 1, Line 2: Invalid object name "
	     "'nothing'.\n");
	says(state, "THROW 50001, 'mine', 3; SELECT 1", "Msg 50001, Level 16, State 3, Line 1: mine\n");
	says(state, "RAISERROR('x %s %d', 16, 2, 'y', 3); SELECT 1",
	     "Msg 50000, Level 16, State 2, Line 1: x y 3\n1\n(1 rows affected)\n");
	says(state, "EXEC('SELECT ' + '5')", "5\n(1 rows affected)\n");
	says(state,
	     "DECLARE @n int; EXEC sp_executesql N'SET @x = @y * 2', N'@y int, @x int OUTPUT', @y = 21, @x = @n "
	     "OUTPUT; SELECT @n",
	     "42\n(1 rows affected)\n");
	says(state, "SELECT @missing",
	     "Msg 137, Level 15, State 2, Line 1: Must declare the scalar variable \"@missing\".\n");
	says(state, "EXEC sp_nothing",
	     "Msg 2812, Level 16, State 62, Line 1: Could not find stored procedure 'sp_nothing'.\n");
	says(state, "SELECT 'open",
	     "Msg 105, Level 15, State 1, Line 1: Unclosed quotation mark after the character string 'open'.\n");
}

static void transactions_roll_back(void **state) {
	says(state, "CREATE TABLE t (id int)", "");
	says(state, "BEGIN TRAN; INSERT INTO t VALUES (1); SELECT @@TRANCOUNT; ROLLBACK; SELECT COUNT(*) FROM t",
	     "(1 rows affected)\n1\n(1 rows affected)\n0\n(1 rows affected)\n");
	says(state, "BEGIN TRAN; INSERT INTO t VALUES (1); COMMIT; SELECT COUNT(*), @@TRANCOUNT FROM t",
	     "(1 rows affected)\n1|0\n(1 rows affected)\n");
	says(state, "COMMIT",
	     "Msg 3902, Level 16, State 1, Line 1: The COMMIT TRANSACTION request has no corresponding BEGIN "
	     "TRANSACTION.\n");
}

static void a_second_writer_waits(void **state) {
	struct fixture *fixture = *state;
	says(state, "CREATE TABLE t (id int); BEGIN TRAN; INSERT INTO t VALUES (1)", "(1 rows affected)\n");
	struct sim_client *other = sim_client_open(fixture->world, 0, NULL, false);
	assert_false(sim_client_begin(other, "SELECT COUNT(*) FROM t"));
	assert_false(sim_client_wait(other, 1000000));
	says(state, "COMMIT", "");
	assert_true(sim_client_wait(other, 1000));
	assert_string_equal(strbuf_text(&other->text), "1\n(1 rows affected)\n");
	says(state, "BEGIN TRAN; INSERT INTO t VALUES (2)", "(1 rows affected)\n");
	sim_client_run(other, "SET LOCK_TIMEOUT 100; UPDATE t SET id = 3");
	assert_int_equal(other->last_error, 1222);
	sim_client_close(other);
}

static void applocks_exclude(void **state) {
	struct fixture *fixture = *state;
	struct sim_client *other = sim_client_open(fixture->world, 0, NULL, false);
	says(state,
	     "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'g', @LockMode = N'Exclusive', @LockOwner = "
	     "N'Session'; SELECT @r",
	     "0\n(1 rows affected)\n");
	assert_string_equal(
	        sim_client_run(other,
	                       "DECLARE @r int; EXEC @r = sp_getapplock N'g', N'Exclusive', N'Session', 50; SELECT @r"),
	        "-1\n(1 rows affected)\n");
	says(state, "EXEC sp_releaseapplock @Resource = N'g', @LockOwner = N'Session'", "");
	assert_string_equal(
	        sim_client_run(other,
	                       "DECLARE @r int; EXEC @r = sp_getapplock N'g', N'Exclusive', N'Session', 50; SELECT @r"),
	        "0\n(1 rows affected)\n");
	sim_client_close(other);
}

static void logins_are_checked(void **state) {
	struct fixture *fixture = *state;
	says(state, "CREATE LOGIN keeper WITH PASSWORD = 'short'",
	     "Msg 15116, Level 16, State 1, Line 1: Password validation failed. The password does not meet the "
	     "operating system policy requirements because it is too short.\n");
	says(state, "CREATE LOGIN keeper WITH PASSWORD = N'Str0ng!Enough'; GRANT VIEW SERVER STATE TO keeper", "");
	struct sim_client *client = sim_client_open(fixture->world, 0, "nowhere", false);
	assert_null(client->session);
	assert_non_null(strstr(strbuf_text(&client->text), "Msg 4060, Level 11, State 1"));
	assert_non_null(strstr(strbuf_text(&client->text),
	                       "Msg 18456, Level 14, State 1, Line 1: Login failed for user 'sa'."));
	sim_client_close(client);
}

static void rows_survive_the_process(void **state) {
	struct fixture *fixture = *state;
	says(state, "CREATE DATABASE d", "");
	says(state, "USE d", "Changed database context to 'd'.\n");
	says(state,
	     "CREATE TABLE t (id int IDENTITY(1,1) PRIMARY KEY, at datetime2 DEFAULT SYSUTCDATETIME(), g "
	     "uniqueidentifier DEFAULT NEWID(), v nvarchar(10))",
	     "");
	says(state, "INSERT INTO t (v) VALUES (N'a'), (N'b')", "(2 rows affected)\n");
	cleanup_free char *before = xstrdup(sim_client_run(fixture->client, "SELECT * FROM t"));
	says(state, "BEGIN TRAN; INSERT INTO t (v) VALUES (N'lost')", "(1 rows affected)\n");
	sim_client_close(fixture->client);
	sim_world_kill(fixture->world, 0);
	sim_world_start(fixture->world, 0);
	fixture->client = sim_client_open(fixture->world, 0, "d", false);
	assert_non_null(fixture->client->session);
	assert_string_equal(sim_client_run(fixture->client, "SELECT * FROM t"), before);
	says(state, "SELECT SUSER_SNAME(0x01), COUNT(*) FROM sys.server_principals WHERE type = 'S'",
	     "sa|1\n(1 rows affected)\n");
}

static void a_folder_keeps_rows_too(void **state) {
	(void)state;
	char path[] = "/tmp/simsql-XXXXXX";
	assert_non_null(mkdtemp(path));
	for (int round = 0; round < 2; round++) {
		struct sim_world *world = sim_world_new(1, NULL);
		sim_world_kill(world, 0);
		sim_disk_free(world->nodes[0].disk);
		world->nodes[0].disk = sim_disk_folder(path, NULL);
		assert_non_null(world->nodes[0].disk);
		sim_world_start(world, 0);
		assert_non_null(world->nodes[0].instance);
		cleanup_free char *answer = sim_world_ask(
		        world, 0,
		        round == 0 ? "CREATE TABLE t (id int); INSERT INTO t VALUES (1)" : "SELECT id FROM t");
		assert_string_equal(answer, round == 0 ? "(1 rows affected)\n" : "1\n(1 rows affected)\n");
		sim_world_free(world);
	}
	cleanup_free char *command = xasprintf("rm -r %s", path);
	assert_int_equal(system(command), 0);
}

/* The system databases' space was taken before. */
static void use_own_database(void **state) {
	struct fixture *fixture = *state;
	sim_client_run(fixture->client, "CREATE DATABASE own");
	sim_client_run(fixture->client, "USE own");
	assert_int_equal(fixture->client->last_error, 0);
	says(state, "CREATE TABLE t (id int)", "");
}

static void a_full_volume_refuses_writes(void **state) {
	struct fixture *fixture = *state;
	struct sim_disk *disk = fixture->world->nodes[0].disk;
	use_own_database(state);
	sim_disk_set_capacity(disk, sim_disk_used(disk));
	sim_client_run(fixture->client, "INSERT INTO t VALUES (1)");
	assert_true(fixture->client->last_error == 1105 || fixture->client->last_error == 9002);
	says(state, "SELECT COUNT(*) FROM t", "0\n(1 rows affected)\n");
	sim_disk_set_capacity(disk, 0);
	says(state, "INSERT INTO t VALUES (1)", "(1 rows affected)\n");
}

static void write_text(const char *path, const char *text) {
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* A volume that fills, grows and slows down while the server runs, as its file tells. */
static void a_volume_is_followed(void **state) {
	struct fixture *fixture = *state;
	struct sim_disk *disk = fixture->world->nodes[0].disk;
	char path[] = "/tmp/test_sqlmodel_volume.XXXXXX";
	close(mkstemp(path));
	use_own_database(state);
	write_text(path, "capacity 1048576\ntaken 1048576\n");
	sim_disk_follow(disk, path);
	sim_client_run(fixture->client, "INSERT INTO t VALUES (1)");
	assert_true(fixture->client->last_error == 1105 || fixture->client->last_error == 9002);
	assert_int_equal(sim_disk_space(disk).total, 1048576);
	assert_int_equal(sim_disk_space(disk).available, 0);
	write_text(path, "capacity 2097152\ntaken 1048576\ndelay 2000\n");
	says(state, "INSERT INTO t VALUES (1)", "(1 rows affected)\n");
	assert_int_equal(sim_disk_space(disk).available, 1048576 - sim_disk_used(disk));
	assert_int_equal(sim_disk_delay(disk), 2000);
	unlink(path); /* no news: what was said last is true */
	assert_int_equal(sim_disk_capacity(disk), 2097152);
}

static void volumes_are_shown(void **state) {
	static const char volumes[] =
	        "SELECT v.volume_mount_point, MAX(v.total_bytes), MIN(v.available_bytes), COUNT(*) FROM "
	        "sys.master_files AS "
	        "f CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v GROUP BY v.volume_mount_point";
	struct fixture *fixture = *state;
	struct sim_disk *disk = fixture->world->nodes[0].disk;
	uint64_t used = sim_disk_used(disk);
	sim_disk_set_capacity(disk, used + 1000);
	cleanup_free char *roomy =
	        xasprintf("/var/opt/mssql|%llu|1000|8\n(1 rows affected)\n", (unsigned long long)used + 1000);
	says(state, volumes, roomy);
	sim_disk_set_capacity(disk, used);
	cleanup_free char *full = xasprintf("/var/opt/mssql|%llu|0|8\n(1 rows affected)\n", (unsigned long long)used);
	says(state, volumes, full);
	says(state, "SELECT physical_name FROM sys.master_files WHERE database_id = 1 AND type_desc = 'LOG'",
	     "/var/opt/mssql/data/master_log.ldf\n(1 rows affected)\n");
}

static void logins_have_numbers(void **state) {
	says(state, "CREATE LOGIN a WITH PASSWORD = N'Passw0rd-a'", "");
	says(state,
	     "SELECT SUSER_ID('sa'), SUSER_NAME(SUSER_ID('a')), SUSER_ID('b'), SUSER_NAME(), SUSER_NAME(SUSER_ID())",
	     "1|a|NULL|sa|sa\n(1 rows affected)\n");
	says(state, "SELECT COUNT(*) FROM sys.server_principals WHERE principal_id = SUSER_ID('a') AND name = 'a'",
	     "1\n(1 rows affected)\n");
}

static void diagnostics_stream(void **state) {
	struct fixture *fixture = *state;
	int64_t before = fixture->world->now;
	const char *answer = sim_client_run(fixture->client, "EXEC sp_server_diagnostics");
	assert_true(fixture->world->now - before >= 5000000);
	assert_non_null(strstr(answer, "|instance|system|1|clean|"));
	sim_instance_health(fixture->world->nodes[0].instance)->system = 3;
	assert_false(sim_client_begin(fixture->client, "EXEC sp_server_diagnostics @repeat_interval = 5"));
	assert_false(sim_client_wait(fixture->client, 21000000));
	int rounds = 0;
	for (const char *at = strbuf_text(&fixture->client->text);
	     (at = strstr(at, "|instance|system|3|error|")) != NULL; at++)
		rounds++;
	assert_int_equal(rounds, 4);
	sim_session_cancel(fixture->client->session);
	says(state, "SELECT 1", "1\n(1 rows affected)\n");
}

static void procedures_by_call(void **state) {
	struct fixture *fixture = *state;
	struct sim_session *session = fixture->client->session;
	const struct sim_parameter parameters[] = {
		{ .type = { SIM_NVARCHAR, SIM_MAX, 0, 0 }, .value = { SIM_VALUE_TEXT, 0, 0, "SET @b = @a + 1", 15 } },
		{ .type = { SIM_NVARCHAR, SIM_MAX, 0, 0 },
		  .value = { SIM_VALUE_TEXT, 0, 0, "@a int, @b int OUTPUT", 21 } },
		{ .name = "@a", .type = { SIM_INT, 0, 0, 0 }, .value = { .kind = SIM_VALUE_INTEGER, .integer = 4 } },
		{ .name = "@b", .type = { SIM_INT, 0, 0, 0 }, .output = true },
	};
	sim_session_call(session, "sp_executesql", parameters, 4);
	assert_int_equal(sim_session_step(session), SIM_FINISHED);
	struct sim_value value;
	assert_false(sim_session_output(session, 2, &value));
	assert_true(sim_session_output(session, 3, &value));
	assert_int_equal(value.integer, 5);
}

/* Cut anywhere, a batch is answered: with an error, mostly, and never by falling over. */
static void any_prefix_is_answered(void **state) {
	struct fixture *fixture = *state;
	static const char batch[] =
	        "DECLARE @a int = (SELECT COUNT(*) FROM sys.databases AS d LEFT JOIN sys.tables t ON t.name = d.name), "
	        "@b nvarchar(max);\n"
	        "BEGIN TRY IF @a > 1 AND NOT (@a IN (1, 2) OR @a BETWEEN 3 AND 2) SET @b = N'x' + CAST(@a AS "
	        "nvarchar(10)) ELSE PRINT 1 END TRY\n"
	        "BEGIN CATCH THROW 50001, 'e', 1 END CATCH; /* c /* d */ */ -- e\n"
	        "WITH x AS (SELECT TOP (1) [name] AS n, CASE WHEN 1 = 1 THEN 0x0A ELSE NULL END AS c FROM "
	        "sys.databases ORDER BY 1) SELECT * FROM x;\n"
	        "CREATE TABLE #p (a int IDENTITY(1,1) PRIMARY KEY, b decimal(10, 2) DEFAULT (1), CONSTRAINT c UNIQUE "
	        "(b));\n"
	        "INSERT INTO #p (b) VALUES (1), (-2); UPDATE #p SET b += 1 WHERE a = 1; DELETE FROM #p; DROP TABLE "
	        "#p;\n"
	        "CREATE ENDPOINT e STATE = STARTED AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING (ROLE = ALL);\n"
	        "CREATE AVAILABILITY GROUP g WITH (CLUSTER_TYPE = NONE) FOR REPLICA ON N'sql-0' WITH (ENDPOINT_URL = "
	        "N'TCP://a:1', "
	        "SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL)); GRANT CONNECT ON ENDPOINT::e TO sa; BACKUP DATABASE model "
	        "TO DISK = N'x' WITH INIT;\n"
	        "EXEC sp_executesql N'SELECT @x', N'@x int', @x = 1; RAISERROR('%s', 10, 1, 'z') WITH NOWAIT; WHILE 1 "
	        "= 0 BREAK; RETURN 1";
	for (size_t length = 0; length <= strlen(batch); length++) {
		cleanup_free char *prefix = xstrndup(batch, length);
		sim_client_begin(fixture->client, prefix);
		sim_session_cancel(fixture->client->session);
		sim_session_reset(fixture->client->session);
	}
	says(state, "SELECT 1", "1\n(1 rows affected)\n");
}

int main(void) {
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(databases_of_a_new_server, setup, teardown),
		cmocka_unit_test_setup_teardown(transcript_of_the_document, setup, teardown),
		cmocka_unit_test_setup_teardown(duplicate_keys_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(expressions, setup, teardown),
		cmocka_unit_test_setup_teardown(control_flow, setup, teardown),
		cmocka_unit_test_setup_teardown(transactions_roll_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_second_writer_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(applocks_exclude, setup, teardown),
		cmocka_unit_test_setup_teardown(logins_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(rows_survive_the_process, setup, teardown),
		cmocka_unit_test(a_folder_keeps_rows_too),
		cmocka_unit_test_setup_teardown(a_full_volume_refuses_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_volume_is_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(volumes_are_shown, setup, teardown),
		cmocka_unit_test_setup_teardown(logins_have_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(diagnostics_stream, setup, teardown),
		cmocka_unit_test_setup_teardown(procedures_by_call, setup, teardown),
		cmocka_unit_test_setup_teardown(any_prefix_is_answered, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
