-- sql_bootstrap_server
BEGIN TRY
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master-1''';
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper_endpoint')
    CREATE LOGIN [agkeeper_endpoint] WITH PASSWORD = N'Never-Used-1', CHECK_POLICY = OFF;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper_endpoint')
    CREATE USER [agkeeper_endpoint] FOR LOGIN [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'agkeeper')
    CREATE CERTIFICATE [agkeeper] AUTHORIZATION [agkeeper_endpoint] WITH SUBJECT = N'ns/ag', EXPIRY_DATE = N'20361122';
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
    CREATE ENDPOINT [agkeeper] STATE = STARTED AS TCP (LISTENER_PORT = 5022)
        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [agkeeper], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);
GRANT CONNECT ON ENDPOINT::[agkeeper] TO [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper')
    CREATE LOGIN [agkeeper] WITH PASSWORD = N'Generated-2', CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];
ELSE
    ALTER LOGIN [agkeeper] WITH PASSWORD = N'Generated-2';
GRANT ALTER ANY AVAILABILITY GROUP TO [agkeeper];
GRANT ALTER ANY DATABASE TO [agkeeper];
GRANT ALTER ANY ENDPOINT TO [agkeeper];
GRANT VIEW SERVER STATE TO [agkeeper];
GRANT VIEW ANY DEFINITION TO [agkeeper];
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper')
    CREATE USER [agkeeper] FOR LOGIN [agkeeper];
IF OBJECT_ID(N'master.dbo.agkeeper_generation') IS NULL
    CREATE TABLE master.dbo.agkeeper_generation (
        only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1),
        generation bigint NOT NULL
    );
GRANT SELECT, UPDATE ON dbo.agkeeper_generation TO [agkeeper];
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation)
    INSERT INTO master.dbo.agkeeper_generation (only_row, generation) VALUES (1, 0);
END TRY
BEGIN CATCH
    THROW;
END CATCH;

-- sql_bootstrap_server
BEGIN TRY
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master-1''';
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper_endpoint')
    CREATE LOGIN [agkeeper_endpoint] WITH PASSWORD = N'Never-Used-1', CHECK_POLICY = OFF;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper_endpoint')
    CREATE USER [agkeeper_endpoint] FOR LOGIN [agkeeper_endpoint];
IF CERTENCODED(CERT_ID(N'agkeeper')) <> 0x308201FF
BEGIN
    IF EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
        DROP ENDPOINT [agkeeper];
    DROP CERTIFICATE [agkeeper];
END;
IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'agkeeper')
    CREATE CERTIFICATE [agkeeper] AUTHORIZATION [agkeeper_endpoint] FROM BINARY = 0x308201FF
        WITH PRIVATE KEY (BINARY = 0x1EF1B5B0, DECRYPTION BY PASSWORD = N'Generated-1');
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
    CREATE ENDPOINT [agkeeper] STATE = STARTED AS TCP (LISTENER_PORT = 5022)
        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [agkeeper], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);
GRANT CONNECT ON ENDPOINT::[agkeeper] TO [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper')
    CREATE LOGIN [agkeeper] WITH PASSWORD = N'Generated-2', CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];
ELSE
    ALTER LOGIN [agkeeper] WITH PASSWORD = N'Generated-2';
GRANT ALTER ANY AVAILABILITY GROUP TO [agkeeper];
GRANT ALTER ANY DATABASE TO [agkeeper];
GRANT ALTER ANY ENDPOINT TO [agkeeper];
GRANT VIEW SERVER STATE TO [agkeeper];
GRANT VIEW ANY DEFINITION TO [agkeeper];
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper')
    CREATE USER [agkeeper] FOR LOGIN [agkeeper];
IF OBJECT_ID(N'master.dbo.agkeeper_generation') IS NULL
    CREATE TABLE master.dbo.agkeeper_generation (
        only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1),
        generation bigint NOT NULL
    );
GRANT SELECT, UPDATE ON dbo.agkeeper_generation TO [agkeeper];
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation)
    INSERT INTO master.dbo.agkeeper_generation (only_row, generation) VALUES (1, 0);
END TRY
BEGIN CATCH
    THROW;
END CATCH;

-- sql_export_certificate
SELECT CONVERT(varbinary(8000), CERTENCODED(CERT_ID(N'agkeeper'))) AS certificate,
    CONVERT(varbinary(8000), CERTPRIVATEKEY(CERT_ID(N'agkeeper'), N'Generated-1')) AS private_key;

-- sql_apply_password
ALTER LOGIN [sa] WITH PASSWORD = N'Chosen-1';

-- sql_create_group
IF NOT EXISTS (SELECT 1 FROM sys.availability_groups WHERE name = N'ag1')
    CREATE AVAILABILITY GROUP [ag1]
    WITH (CLUSTER_TYPE = EXTERNAL, DB_FAILOVER = ON, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 1, WRITE_LEASE_VALIDITY = 60)
    FOR REPLICA ON
    N'ag-0' WITH (ENDPOINT_URL = N'TCP://ag-0.ag.ns.svc.cluster.local:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL)),
    N'ag-1' WITH (ENDPOINT_URL = N'TCP://ag-1.ag.ns.svc.cluster.local:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY)),
    N'ag-2' WITH (ENDPOINT_URL = N'TCP://ag-2.ag.ns.svc.cluster.local:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = NO));

-- sql_create_group
IF NOT EXISTS (SELECT 1 FROM sys.availability_groups WHERE name = N'ag]1')
    CREATE AVAILABILITY GROUP [ag]]1]
    WITH (CLUSTER_TYPE = NONE, DB_FAILOVER = OFF, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 0)
    FOR REPLICA ON
    N'ag-0' WITH (ENDPOINT_URL = N'TCP://ag-0.ag.ns.svc.cluster.local:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL));

-- sql_join_group
ALTER AVAILABILITY GROUP [ag1] JOIN WITH (CLUSTER_TYPE = EXTERNAL);

-- sql_grant_create_any_database
ALTER AVAILABILITY GROUP [ag1] GRANT CREATE ANY DATABASE;

-- sql_become_secondary
ALTER AVAILABILITY GROUP [ag1] SET (ROLE = SECONDARY);

-- sql_failover
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FAILOVER;

-- sql_promote
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FAILOVER;

-- sql_promote_started
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
ALTER ENDPOINT [AGEP] STATE = STARTED;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FAILOVER;

-- sql_force_promote
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
ALTER ENDPOINT [AGEP] STATE = STARTED;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FORCE_FAILOVER_ALLOW_DATA_LOSS;

-- sql_offline
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] OFFLINE;

-- sql_drop_group
DROP AVAILABILITY GROUP [ag1];

-- sql_add_replica
ALTER AVAILABILITY GROUP [ag1] ADD REPLICA ON
    N'ag-2' WITH (ENDPOINT_URL = N'TCP://ag-2.ag.ns.svc.cluster.local:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = NO));

-- sql_remove_replica
ALTER AVAILABILITY GROUP [ag1] REMOVE REPLICA ON N'ag-2';

-- sql_set_availability
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-2' WITH (AVAILABILITY_MODE = SYNCHRONOUS_COMMIT);

-- sql_set_access
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-2' WITH (SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY));

-- sql_set_endpoint_url
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-2' WITH (ENDPOINT_URL = N'TCP://ag-2.ag.ns.svc.cluster.local:5022');

-- sql_set_session_timeout
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-2' WITH (SESSION_TIMEOUT = 10);

-- sql_set_required
ALTER AVAILABILITY GROUP [ag1] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 2);

-- sql_set_db_failover
ALTER AVAILABILITY GROUP [ag1] SET (DB_FAILOVER = OFF);

-- sql_set_write_lease
ALTER AVAILABILITY GROUP [ag1] SET (WRITE_LEASE_VALIDITY = 60);

-- sql_add_database
ALTER AVAILABILITY GROUP [ag1] ADD DATABASE [agdb1];

-- sql_remove_database
ALTER AVAILABILITY GROUP [ag1] REMOVE DATABASE [agdb1];

-- sql_set_endpoint_state
ALTER ENDPOINT [agkeeper] STATE = STOPPED;

-- sql_create_database
IF DB_ID(N'agdb''1') IS NULL
    CREATE DATABASE [agdb'1];

-- sql_set_recovery_full
ALTER DATABASE [agdb1] SET RECOVERY FULL;

-- sql_backup_database
BACKUP DATABASE [agdb1] TO DISK = N'/var/opt/mssql/data/agdb1.bak' WITH FORMAT, INIT;

-- sql_drop_database
IF DB_ID(N'agdb1') IS NOT NULL
    DROP DATABASE [agdb1];

-- sql_drop_leftover
DECLARE @agkeeper_tables int;
SET @agkeeper_tables = 0;
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'agdb''1' AND state_desc = N'ONLINE')
BEGIN
    SET @agkeeper_tables = 1;
    EXEC sp_executesql N'USE [agdb''1]; SELECT @tables = COUNT(*) FROM sys.tables; USE master', N'@tables int OUTPUT', @tables = @agkeeper_tables OUTPUT;
END;
IF @agkeeper_tables <> 0
    THROW 51004, N'agkeeper: a database that holds tables is not dropped', 1;
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'agdb''1' AND group_database_id IS NULL
        AND state_desc IN (N'ONLINE', N'RESTORING'))
    DROP DATABASE [agdb'1];

-- sql_leave_group
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'agdb1' AND group_database_id IS NOT NULL)
    ALTER DATABASE [agdb1] SET HADR OFF;

-- sql_create_kubedb_system
IF DB_ID(N'kubedb_system') IS NULL
    CREATE DATABASE [kubedb_system];
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'kubedb_system' AND recovery_model_desc <> N'SIMPLE')
    ALTER DATABASE [kubedb_system] SET RECOVERY SIMPLE;
IF OBJECT_ID(N'kubedb_system.dbo.agkeeper_write_check') IS NULL
    EXEC (N'CREATE TABLE kubedb_system.dbo.agkeeper_write_check (only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1), checks bigint NOT NULL, checked_at datetime2 NOT NULL)');
EXEC (N'IF NOT EXISTS (SELECT 1 FROM kubedb_system.dbo.agkeeper_write_check) INSERT INTO kubedb_system.dbo.agkeeper_write_check (only_row, checks, checked_at) VALUES (1, 0, SYSUTCDATETIME())');

-- sql_write_check
SET NOCOUNT ON;
UPDATE kubedb_system.dbo.agkeeper_write_check SET checks = checks + 1, checked_at = SYSUTCDATETIME();
SELECT checks FROM kubedb_system.dbo.agkeeper_write_check;

-- sql_set_movement
ALTER DATABASE [agdb1] SET HADR RESUME;

-- sql_raise_generation
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 1000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
UPDATE master.dbo.agkeeper_generation SET generation = 7 WHERE generation < 7;
SELECT generation FROM master.dbo.agkeeper_generation;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- sql_begin_change
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 1000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;

-- sql_end_change
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- sql_cut_texts
SET TEXTSIZE 1;

-- sql_stream_diagnostics
EXEC sp_server_diagnostics @repeat_interval = 5;

-- sql_probe
SET NOCOUNT ON;
DECLARE @agkeeper_generation bigint;
IF OBJECT_ID(N'master.dbo.agkeeper_generation') IS NOT NULL
    EXEC sp_executesql N'SELECT @generation = generation FROM master.dbo.agkeeper_generation',
        N'@generation bigint OUTPUT', @generation = @agkeeper_generation OUTPUT;
SELECT @@SERVERNAME AS server,
    CONVERT(nvarchar(128), SERVERPROPERTY('ProductVersion')) AS version,
    (SELECT CONVERT(nvarchar(40), sqlserver_start_time, 126) FROM sys.dm_os_sys_info) AS start_time,
    (SELECT state_desc FROM sys.database_mirroring_endpoints) AS endpoint_state,
    (SELECT name FROM sys.database_mirroring_endpoints) AS endpoint_name,
    @agkeeper_generation AS generation;
SELECT g.group_id AS group_id, g.sequence_number AS sequence_number,
    g.required_synchronized_secondaries_to_commit AS required, g.db_failover AS db_failover,
    g.cluster_type_desc AS cluster_type
FROM sys.availability_groups AS g
WHERE g.name = N'ag1';
SELECT r.replica_id AS replica_id, r.replica_server_name AS server, r.endpoint_url AS endpoint_url,
    r.availability_mode_desc AS availability_mode,
    r.secondary_role_allow_connections_desc AS access, r.failover_mode_desc AS failover_mode,
    r.session_timeout AS session_timeout, s.is_local AS is_local, s.role_desc AS role,
    s.connected_state_desc AS connected_state, s.operational_state_desc AS operational_state,
    s.recovery_health_desc AS recovery_health,
    s.synchronization_health_desc AS synchronization_health,
    s.last_connect_error_number AS last_connect_error,
    s.last_connect_error_description AS last_connect_error_text,
    CONVERT(nvarchar(40), s.last_connect_error_timestamp, 126) AS last_connect_error_time,
    s.write_lease_remaining_ticks AS write_lease_ticks,
    CONVERT(nvarchar(40), s.current_configuration_commit_start_time_utc, 126) AS configuration_commit_start
FROM sys.availability_groups AS g
JOIN sys.availability_replicas AS r ON r.group_id = g.group_id
LEFT JOIN sys.dm_hadr_availability_replica_states AS s ON s.replica_id = r.replica_id
WHERE g.name = N'ag1';
SELECT c.database_name AS name, s.group_database_id AS group_database_id,
    s.replica_id AS replica_id,
    CASE WHEN s.is_local = 1 THEN f.recovery_fork_guid END AS recovery_fork,
    CASE WHEN s.is_local = 1 THEN f.fork_point_lsn END AS fork_point_lsn,
    s.is_local AS is_local, s.is_primary_replica AS is_primary_replica,
    s.synchronization_state_desc AS synchronization,
    s.is_commit_participant AS is_commit_participant, s.is_suspended AS is_suspended,
    c.is_failover_ready AS is_failover_ready, s.suspend_reason_desc AS suspend_reason,
    s.database_state_desc AS state, s.recovery_lsn AS recovery_lsn,
    s.last_received_lsn AS last_received_lsn, s.last_hardened_lsn AS last_hardened_lsn,
    s.end_of_log_lsn AS end_of_log_lsn, s.last_redone_lsn AS last_redone_lsn,
    s.log_send_queue_size AS log_send_queue_kb, s.redo_queue_size AS redo_queue_kb,
    s.secondary_lag_seconds AS secondary_lag_seconds
FROM sys.availability_groups AS g
JOIN sys.dm_hadr_database_replica_states AS s ON s.group_id = g.group_id
LEFT JOIN sys.dm_hadr_database_replica_cluster_states AS c
    ON c.replica_id = s.replica_id AND c.group_database_id = s.group_database_id
LEFT JOIN sys.database_recovery_status AS f ON f.database_id = s.database_id
WHERE g.name = N'ag1';
SELECT d.name AS name, d.state_desc AS state, d.recovery_model_desc AS recovery_model,
    d.group_database_id AS group_database_id,
    CASE WHEN f.last_log_backup_lsn IS NULL THEN 0 ELSE 1 END AS has_log_chain
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS f ON f.database_id = d.database_id
WHERE d.database_id > 4;
SELECT a.ag_db_id AS group_database_id, a.ag_remote_replica_id AS remote_replica_id,
    a.current_state AS state, a.failure_state_desc AS failure, a.is_source AS is_source,
    CASE WHEN a.completion_time IS NULL THEN 0 ELSE 1 END AS is_complete
FROM sys.availability_groups AS g
JOIN sys.dm_hadr_automatic_seeding AS a ON a.ag_id = g.group_id
WHERE g.name = N'ag1';
SELECT v.volume_mount_point AS mount_point, MAX(v.total_bytes) AS total_bytes,
    MIN(v.available_bytes) AS available_bytes
FROM sys.master_files AS f
CROSS APPLY sys.dm_os_volume_stats(f.database_id, f.file_id) AS v
GROUP BY v.volume_mount_point;

