-- BOOTSTRAP_SERVER: as sa, 120 s, secret
BEGIN TRY
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master-Keys-1''';
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper_endpoint')
    CREATE LOGIN [agkeeper_endpoint] WITH PASSWORD = N'Master-Keys-1''', CHECK_POLICY = OFF;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper_endpoint')
    CREATE USER [agkeeper_endpoint] FOR LOGIN [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'agkeeper')
    CREATE CERTIFICATE [agkeeper] AUTHORIZATION [agkeeper_endpoint] WITH SUBJECT = N'agkeeper 6f1e0a3c-1111-2222-3333-444455556666', EXPIRY_DATE = N'20491231';
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
    CREATE ENDPOINT [agkeeper] STATE = STARTED AS TCP (LISTENER_PORT = 5022)
        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [agkeeper], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);
GRANT CONNECT ON ENDPOINT::[agkeeper] TO [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper')
    CREATE LOGIN [agkeeper] WITH PASSWORD = N'Controllers-1', CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];
ELSE
    ALTER LOGIN [agkeeper] WITH PASSWORD = N'Controllers-1';
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

-- BOOTSTRAP_SERVER: as sa, 120 s, secret
BEGIN TRY
IF NOT EXISTS (SELECT 1 FROM sys.symmetric_keys WHERE name = N'##MS_DatabaseMasterKey##')
    CREATE MASTER KEY ENCRYPTION BY PASSWORD = N'Master-Keys-1''';
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper_endpoint')
    CREATE LOGIN [agkeeper_endpoint] WITH PASSWORD = N'Master-Keys-1''', CHECK_POLICY = OFF;
IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'agkeeper_endpoint')
    CREATE USER [agkeeper_endpoint] FOR LOGIN [agkeeper_endpoint];
IF CERTENCODED(CERT_ID(N'agkeeper')) <> 0x308201
BEGIN
    IF EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
        DROP ENDPOINT [agkeeper];
    DROP CERTIFICATE [agkeeper];
END;
IF NOT EXISTS (SELECT 1 FROM sys.certificates WHERE name = N'agkeeper')
    CREATE CERTIFICATE [agkeeper] AUTHORIZATION [agkeeper_endpoint] FROM BINARY = 0x308201
        WITH PRIVATE KEY (BINARY = 0x1EF1B5, DECRYPTION BY PASSWORD = N'Master-Keys-1''');
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE name = N'agkeeper')
    CREATE ENDPOINT [agkeeper] STATE = STARTED AS TCP (LISTENER_PORT = 5022)
        FOR DATABASE_MIRRORING (AUTHENTICATION = CERTIFICATE [agkeeper], ENCRYPTION = REQUIRED ALGORITHM AES, ROLE = ALL);
GRANT CONNECT ON ENDPOINT::[agkeeper] TO [agkeeper_endpoint];
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'agkeeper')
    CREATE LOGIN [agkeeper] WITH PASSWORD = N'Controllers-1', CHECK_POLICY = OFF, DEFAULT_DATABASE = [master];
ELSE
    ALTER LOGIN [agkeeper] WITH PASSWORD = N'Controllers-1';
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

-- EXPORT_CERTIFICATE: as sa, 15 s, secret
SELECT CONVERT(varbinary(8000), CERTENCODED(CERT_ID(N'agkeeper'))) AS certificate,
    CONVERT(varbinary(8000), CERTPRIVATEKEY(CERT_ID(N'agkeeper'), N'Master-Keys-1''')) AS private_key;

-- APPLY_PASSWORD: as sa, 15 s, secret
ALTER LOGIN [sa] WITH PASSWORD = N'Administrators-1';

-- CREATE_GROUP: as sa, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF NOT EXISTS (SELECT 1 FROM sys.availability_groups WHERE name = N'ag1')
    CREATE AVAILABILITY GROUP [ag1]
    WITH (CLUSTER_TYPE = EXTERNAL, DB_FAILOVER = ON, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 0)
    FOR REPLICA ON
    N'ag-0' WITH (ENDPOINT_URL = N'TCP://ag-0.ag-pods.ns.svc:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL)),
    N'ag-1' WITH (ENDPOINT_URL = N'TCP://ag-1.ag-pods.ns.svc:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY)),
    N'ag-2' WITH (ENDPOINT_URL = N'TCP://ag-2.ag-pods.ns.svc:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = NO));
ALTER AVAILABILITY GROUP [ag1] GRANT CREATE ANY DATABASE;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- CREATE_GROUP: as sa, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF NOT EXISTS (SELECT 1 FROM sys.availability_groups WHERE name = N'ag1')
    CREATE AVAILABILITY GROUP [ag1]
    WITH (CLUSTER_TYPE = NONE, DB_FAILOVER = OFF, REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 0)
    FOR REPLICA ON
    N'ag-0' WITH (ENDPOINT_URL = N'TCP://ag-0.ag-pods.ns.svc:5022', AVAILABILITY_MODE = SYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = ALL)),
    N'ag-1' WITH (ENDPOINT_URL = N'TCP://ag-1.ag-pods.ns.svc:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY)),
    N'ag-2' WITH (ENDPOINT_URL = N'TCP://ag-2.ag-pods.ns.svc:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = MANUAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = NO));
ALTER AVAILABILITY GROUP [ag1] GRANT CREATE ANY DATABASE;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- CREATE_SYSTEM_DATABASE: as agkeeper, 60 s
IF DB_ID(N'kubedb_system') IS NULL
    CREATE DATABASE [kubedb_system];
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'kubedb_system' AND recovery_model_desc <> N'SIMPLE')
    ALTER DATABASE [kubedb_system] SET RECOVERY SIMPLE;
IF OBJECT_ID(N'kubedb_system.dbo.agkeeper_write_check') IS NULL
    EXEC (N'CREATE TABLE kubedb_system.dbo.agkeeper_write_check (only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1), checks bigint NOT NULL, checked_at datetime2 NOT NULL)');
EXEC (N'IF NOT EXISTS (SELECT 1 FROM kubedb_system.dbo.agkeeper_write_check) INSERT INTO kubedb_system.dbo.agkeeper_write_check (only_row, checks, checked_at) VALUES (1, 0, SYSUTCDATETIME())');

-- RAISE_GENERATION: as agkeeper, 15 s
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
UPDATE master.dbo.agkeeper_generation SET generation = 7 WHERE generation < 7;
SELECT generation FROM master.dbo.agkeeper_generation;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- STOP_ENDPOINT: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER ENDPOINT [agkeeper] STATE = STOPPED;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- START_ENDPOINT: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER ENDPOINT [agkeeper] STATE = STARTED;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- RESTART_ENDPOINT: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER ENDPOINT [agkeeper] STATE = STOPPED;
ALTER ENDPOINT [agkeeper] STATE = STARTED;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- PROMOTE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FAILOVER;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- PROMOTE_STARTED: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
ALTER ENDPOINT [agkeeper] STATE = STARTED;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FAILOVER;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- FORCE_PROMOTE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF NOT EXISTS (SELECT 1 FROM sys.database_mirroring_endpoints WHERE state_desc = N'STOPPED')
    OR NOT EXISTS (SELECT 1 FROM sys.dm_os_sys_info
        WHERE CONVERT(nvarchar(40), sqlserver_start_time, 126) = N'2026-11-22T10:00:00.123')
    THROW 51003, N'agkeeper: this server is not fenced any more', 1;
ALTER ENDPOINT [agkeeper] STATE = STARTED;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] FORCE_FAILOVER_ALLOW_DATA_LOSS;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- JOIN: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] JOIN WITH (CLUSTER_TYPE = EXTERNAL);
ALTER AVAILABILITY GROUP [ag1] GRANT CREATE ANY DATABASE;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- JOIN: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] JOIN WITH (CLUSTER_TYPE = NONE);
ALTER AVAILABILITY GROUP [ag1] GRANT CREATE ANY DATABASE;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- BECOME_SECONDARY: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] SET (ROLE = SECONDARY);
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- OFFLINE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
EXEC sys.sp_set_session_context @key = N'external_cluster', @value = N'yes';
ALTER AVAILABILITY GROUP [ag1] OFFLINE;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- DROP_GROUP: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
DROP AVAILABILITY GROUP [ag1];
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_REQUIRED: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] SET (REQUIRED_SYNCHRONIZED_SECONDARIES_TO_COMMIT = 2);
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_AVAILABILITY: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-1' WITH (AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT);
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_ACCESS: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-1' WITH (SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY));
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_ENDPOINT_URL: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] MODIFY REPLICA ON N'ag-1' WITH (ENDPOINT_URL = N'TCP://ag-1.ag-pods.ns.svc:5022');
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_DB_FAILOVER: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] SET (DB_FAILOVER = ON);
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- ADD_REPLICA: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] ADD REPLICA ON
    N'ag-1' WITH (ENDPOINT_URL = N'TCP://ag-1.ag-pods.ns.svc:5022', AVAILABILITY_MODE = ASYNCHRONOUS_COMMIT, FAILOVER_MODE = EXTERNAL, SEEDING_MODE = AUTOMATIC, SECONDARY_ROLE (ALLOW_CONNECTIONS = READ_ONLY));
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- REMOVE_REPLICA: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] REMOVE REPLICA ON N'ag-3';
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- CREATE_DATABASE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
IF DB_ID(N'agdb]1') IS NULL
    CREATE DATABASE [agdb]]1];
ALTER DATABASE [agdb]]1] SET RECOVERY FULL;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SET_RECOVERY_FULL: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER DATABASE [agdb1] SET RECOVERY FULL;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- BACKUP_DATABASE: as agkeeper, 1800 s
BACKUP DATABASE [agdb1] TO DISK = N'/var/opt/mssql/data/agkeeper-log-chain.bak' WITH FORMAT, INIT;

-- BACKUP_OTHERS_DATABASE: as sa, 1800 s
BACKUP DATABASE [agdb1] TO DISK = N'/var/opt/mssql/data/agkeeper-log-chain.bak' WITH FORMAT, INIT;

-- ADD_DATABASE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER AVAILABILITY GROUP [ag1] ADD DATABASE [agdb1];
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- DROP_DATABASE: as agkeeper, 60 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
DECLARE @agkeeper_tables int;
SET @agkeeper_tables = 0;
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'agdb1' AND state_desc = N'ONLINE')
BEGIN
    SET @agkeeper_tables = 1;
    EXEC sp_executesql N'USE [agdb1]; SELECT @tables = COUNT(*) FROM sys.tables; USE master', N'@tables int OUTPUT', @tables = @agkeeper_tables OUTPUT;
END;
IF @agkeeper_tables <> 0
    THROW 51004, N'agkeeper: a database that holds tables is not dropped', 1;
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'agdb1' AND group_database_id IS NULL
        AND state_desc IN (N'ONLINE', N'RESTORING'))
    DROP DATABASE [agdb1];
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- SUSPEND_MOVEMENT: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER DATABASE [agdb1] SET HADR SUSPEND;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- RESUME_MOVEMENT: as agkeeper, 15 s, changing
DECLARE @agkeeper_lock int;
EXEC @agkeeper_lock = sp_getapplock @Resource = N'agkeeper', @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = 5000;
IF @agkeeper_lock < 0
    THROW 51002, N'agkeeper: another change is under way on this server', 1;
IF NOT EXISTS (SELECT 1 FROM master.dbo.agkeeper_generation WHERE generation = 7)
BEGIN
    EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';
    THROW 51001, N'agkeeper: another generation is in force on this server', 1;
END;
ALTER DATABASE [agdb1] SET HADR RESUME;
EXEC sp_releaseapplock @Resource = N'agkeeper', @LockOwner = 'Session';

-- WRITE_CHECK: as agkeeper, 15 s
SET NOCOUNT ON;
UPDATE kubedb_system.dbo.agkeeper_write_check SET checks = checks + 1, checked_at = SYSUTCDATETIME();
SELECT checks FROM kubedb_system.dbo.agkeeper_write_check;

-- WRITE_CHECK: as agkeeper, 15 s
IF DB_ID(N'kubedb_system') IS NULL
    CREATE DATABASE [kubedb_system];
IF EXISTS (SELECT 1 FROM sys.databases WHERE name = N'kubedb_system' AND recovery_model_desc <> N'SIMPLE')
    ALTER DATABASE [kubedb_system] SET RECOVERY SIMPLE;
IF OBJECT_ID(N'kubedb_system.dbo.agkeeper_write_check') IS NULL
    EXEC (N'CREATE TABLE kubedb_system.dbo.agkeeper_write_check (only_row int NOT NULL PRIMARY KEY CHECK (only_row = 1), checks bigint NOT NULL, checked_at datetime2 NOT NULL)');
EXEC (N'IF NOT EXISTS (SELECT 1 FROM kubedb_system.dbo.agkeeper_write_check) INSERT INTO kubedb_system.dbo.agkeeper_write_check (only_row, checks, checked_at) VALUES (1, 0, SYSUTCDATETIME())');
SET NOCOUNT ON;
UPDATE kubedb_system.dbo.agkeeper_write_check SET checks = checks + 1, checked_at = SYSUTCDATETIME();
SELECT checks FROM kubedb_system.dbo.agkeeper_write_check;

