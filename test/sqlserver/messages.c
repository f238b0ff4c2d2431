/* The messages that this server can send, as sys.messages has them where their text is documented. */
#include "sqlserver/session_state.h"

static const struct sim_message_row messages[] = {
	{ 137, 15, 2, "Must declare the scalar variable \"%s\"." },
	{ 201, 16, 4, "Procedure or function '%s' expects parameter '%s', which was not supplied." },
	{ 207, 16, 1, "Invalid column name '%s'." },
	{ 208, 16, 1, "Invalid object name '%s'." },
	{ 213, 16, 1, "Column name or number of supplied values does not match table definition." },
	{ 245, 16, 1, "Conversion failed when converting the value '%s' to data type %s." },
	{ 262, 14, 1, "%s permission denied in database '%s'." },
	{ 297, 16, 1, "The user does not have permission to perform this action." },
	{ 300, 14, 1, "%s permission was denied on object 'server', database 'master'." },
	{ 515, 16, 2,
	  "Cannot insert the value NULL into column '%s', table '%s'; column does not allow nulls. %s fails." },
	{ 544, 16, 1,
	  "Cannot insert explicit value for identity column in table '%s' when IDENTITY_INSERT is set to OFF." },
	{ 547, 16, 0, "The %s statement conflicted with the %s constraint. The conflict occurred in database \"%s\"." },
	{ 911, 16, 1, "Database '%s' does not exist. Make sure that the name is entered correctly." },
	{ 922, 14, 1, "Database '%s' is being recovered. Waiting until recovery is finished." },
	{ 926, 14, 1,
	  "Database '%s' cannot be opened. It has been marked SUSPECT by recovery. See the SQL Server errorlog for "
	  "more information." },
	{ 927, 14, 2, "Database '%s' cannot be opened. It is in the middle of a restore." },
	{ 976, 14, 1,
	  "The target database, '%s', is participating in an availability group and is currently not accessible for "
	  "queries. Either data movement is suspended or the availability replica is not enabled for read access. To "
	  "allow read-only access to this and other databases in the availability group, enable read access to one or "
	  "more secondary availability replicas in the group.  For more information, see the ALTER AVAILABILITY GROUP "
	  "statement in SQL Server Books Online." },
	{ 978, 14, 1,
	  "The target database ('%s') is in an availability group and is currently accessible for connections when the "
	  "application intent is set to read only. For more information about application intent, see SQL Server Books "
	  "Online." },
	{ 983, 14, 1,
	  "Unable to access availability database '%s' because the database replica is not in the PRIMARY or SECONDARY "
	  "role. Connections to an availability database is permitted only when the database replica is in the PRIMARY "
	  "or SECONDARY role. Try the operation again later." },
	{ 988, 14, 1,
	  "Unable to access database '%s' because it lacks a quorum of nodes for high availability. Try the operation "
	  "again later." },
	{ 1105, 17, 2,
	  "Could not allocate space for object '%s' in database '%s' because the 'PRIMARY' filegroup is full. Create "
	  "disk space by deleting unneeded files, dropping objects in the filegroup, adding additional files to the "
	  "filegroup, or setting autogrowth on for existing files in the filegroup." },
	{ 1222, 16, 45, "Lock request time out period exceeded." },
	{ 1411, 16, 1,
	  "The remote copy of database \"%s\" has not had enough log backups applied to synchronize with the principal "
	  "database." },
	{ 1465, 16, 1,
	  "Database \"%s\" database is not in full recovery mode on each of the server instances. The full recovery "
	  "model is required for a database to participate in database mirroring or in an availability group." },
	{ 1466, 16, 1,
	  "Database \"%s\" is read-only on one of the server instances which is incompatible with participating in "
	  "database mirroring or in an availability group. Set the database to read-write mode, and retry the "
	  "operation." },
	{ 1475, 16, 1,
	  "Database \"%s\" might contain bulk logged changes that have not been backed up. Take a log backup on the "
	  "principal database or primary database. Then restore this backup either on the mirror database to enable "
	  "database mirroring or on every secondary database to enable you to join it to the availability group." },
	{ 1801, 16, 3, "Database '%s' already exists. Choose a different database name." },
	{ 1505, 16, 1,
	  "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found for the object name '%s'." },
	{ 2601, 14, 1,
	  "Cannot insert duplicate key row in object '%s' with unique index '%s'. The duplicate key value is (%s)." },
	{ 2627, 14, 1,
	  "Violation of %s constraint '%s'. Cannot insert duplicate key in object '%s'. The duplicate key value is "
	  "(%s)." },
	{ 2714, 16, 6, "There is already an object named '%s' in the database." },
	{ 2812, 16, 62, "Could not find stored procedure '%s'." },
	{ 3101, 16, 1, "Exclusive access could not be obtained because the database is in use." },
	{ 3104, 16, 1,
	  "RESTORE cannot operate on database '%s' because it is configured for database mirroring or has joined an "
	  "availability group. If you intend to restore the database, use ALTER DATABASE to remove mirroring or to "
	  "remove the database from its availability group." },
	{ 3059, 16, 1, "This BACKUP or RESTORE command is not supported on a database mirror or secondary replica." },
	{ 3621, 0, 0, "The statement has been terminated." },
	{ 3701, 11, 5, "Cannot drop the %s '%s', because it does not exist or you do not have permission." },
	{ 3702, 16, 3, "Cannot drop database \"%s\" because it is currently in use." },
	{ 3752, 16, 1,
	  "The database '%s' is currently joined to an availability group.  Before you can drop the database, you need "
	  "to remove it from the availability group." },
	{ 3902, 16, 1, "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION." },
	{ 3903, 16, 1, "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION." },
	{ 3906, 16, 2, "Failed to update database \"%s\" because the database is read-only." },
	{ 3930, 16, 1,
	  "The current transaction cannot be committed and cannot support operations that write to the log file. Roll "
	  "back the transaction." },
	{ 4035, 0, 1, "Processed %s pages for database '%s', file '%s' on file 1." },
	{ 3014, 0, 1, "BACKUP %s successfully processed %s pages in %s seconds (%s MB/sec)." },
	{ 3013, 16, 1, "BACKUP %s is terminating abnormally." },
	{ 4060, 11, 1, "Cannot open database \"%s\" requested by the login. The login failed." },
	{ 4208, 16, 1,
	  "The statement BACKUP LOG is not allowed while the recovery model is SIMPLE. Use BACKUP DATABASE or change "
	  "the recovery model using ALTER DATABASE." },
	{ 4214, 16, 1, "BACKUP LOG cannot be performed because there is no current database backup." },
	{ 5011, 14, 9,
	  "User does not have permission to alter database '%s', the database does not exist, or the database is not "
	  "in a state that allows access checks." },
	{ 5069, 16, 1, "ALTER DATABASE statement failed." },
	{ 5701, 0, 2, "Changed database context to '%s'." },
	{ 5703, 0, 1, "Changed language setting to us_english." },
	{ 6106, 16, 2, "Process ID %s is not an active process ID." },
	{ 8114, 16, 5, "Error converting data type %s to %s." },
	{ 8134, 16, 1, "Divide by zero error encountered." },
	{ 8152, 16, 30, "String or binary data would be truncated." },
	{ 9002, 17, 2, "The transaction log for database '%s' is full due to '%s'." },
	{ 10704, 15, 1,
	  "To rethrow an error, a THROW statement must be used inside a CATCH block. Insert the THROW statement inside "
	  "a CATCH block, or add error parameters to the THROW statement." },
	{ 15007, 16, 1, "'%s' is not a valid login or you do not have permission." },
	{ 15023, 16, 1, "User, group, or role '%s' already exists in the current database." },
	{ 15025, 16, 1, "The server principal '%s' already exists." },
	{ 15118, 16, 1,
	  "Password validation failed. The password does not meet the operating system policy requirements because it "
	  "is not complex enough." },
	{ 15116, 16, 1,
	  "Password validation failed. The password does not meet the operating system policy requirements because it "
	  "is too short." },
	{ 15123, 16, 1, "The configuration option '%s' does not exist, or it may be an advanced option." },
	{ 15151, 16, 1, "Cannot %s the %s '%s', because it does not exist or you do not have permission." },
	{ 15208, 16, 1,
	  "The certificate, asymmetric key, or private key file is not valid or does not exist; or you do not have "
	  "permissions for it." },
	{ 15232, 16, 1,
	  "A certificate with name '%s' already exists or this certificate already has been added to the database." },
	{ 15233, 16, 1, "Property cannot be added. Property '%s' already exists for '%s'." },
	{ 15247, 16, 1, "User does not have permission to perform this action." },
	{ 15297, 16, 1, "The certificate, asymmetric key, or private key data is invalid." },
	{ 15352, 16, 1,
	  "The %s cannot be dropped because one or more entities are either signed or encrypted using it." },
	{ 15465, 16, 1, "The private key password is invalid." },
	{ 15401, 16, 1, "Windows NT user or group '%s' not found. Check the name again." },
	{ 15578, 16, 1,
	  "There is already a master key in the database. Please drop it before performing this statement." },
	{ 15581, 16, 6,
	  "Please create a master key in the database or open the master key in the session before performing this "
	  "operation." },
	{ 15664, 16, 1,
	  "Cannot set key '%s' in the session context. The key has been set as read_only for this session." },
	{ 18456, 14, 1, "Login failed for user '%s'." },
	{ 19405, 16, 17,
	  "Failed to create, join or add replica to availability group '%s', because node '%s' is a possible owner for "
	  "both replica '%s' and '%s'. If one replica is failover cluster instance, remove the overlapped node from "
	  "its possible owners and try again." },
	{ 19408, 16, 1,
	  "The Windows Server Failover Clustering (WSFC) cluster context of Always On Availability Groups is "
	  "unavailable: this server knows CLUSTER_TYPE = EXTERNAL and NONE." },
	{ 35201, 10, 1,
	  "A connection timeout has occurred while attempting to establish a connection to availability replica '%s' "
	  "with id [%s]. Either a networking or firewall issue exists or the endpoint address provided for the replica "
	  "is not the database mirroring endpoint of the host server instance." },
	{ 35206, 10, 1,
	  "A connection timeout has occurred on a previously established connection to availability replica '%s' with "
	  "id [%s].  Either a networking or a firewall issue exists or the availability replica has transitioned to "
	  "the resolving role." },
	{ 35221, 16, 1,
	  "Could not process the operation. Always On Availability Groups replica manager is disabled on this instance "
	  "of SQL Server. Enable Always On Availability Groups, by using the SQL Server Configuration Manager. Then, "
	  "restart the SQL Server service, and retry the currently operation. For information about how to enable and "
	  "disable Always On Availability Groups, see SQL Server Books Online." },
	{ 35233, 16, 1,
	  "Cannot create an availability group containing %s availability replica(s). The maximum number of "
	  "availability replicas in an availability group %s %s. Reenter your CREATE AVAILABILITY GROUP command "
	  "specifying fewer availability replicas." },
	{ 35237, 16, 1, "Database '%s' is not joined to the availability group and cannot be used in this operation." },
	{ 35238, 16, 1,
	  "Database '%s' cannot be added to availability group '%s'. The database is currently joined to another "
	  "availability group. Verify that the database name is correct and that the database is not joined to an "
	  "availability group, then retry the operation." },
	{ 35240, 16, 14,
	  "Database '%s' cannot be joined to or unjoined from availability group '%s'. This operation is not supported "
	  "on the primary replica of the availability group." },
	{ 35242, 16, 16,
	  "Cannot complete this ALTER DATABASE <database-name> SET HADR operation on database '%s'. The database is "
	  "not joined to an availability group. After the database has joined the availability group, retry the "
	  "command." },
	{ 35279, 16, 1,
	  "The attempt to join database '%s' to the availability group was rejected by the primary database with error "
	  "'%s'. For more information, see the SQL Server error log for the primary replica." },
	{ 35244, 16, 1,
	  "Database '%s' cannot be added to availability group '%s'. The database is currently joined to another "
	  "availability group. Verify that the database name is correct and that the database is not joined to an "
	  "availability group, then retry the operation." },
	{ 35250, 16, 7, "The connection to the primary replica is not active.  The command cannot be processed." },
	{ 41044, 16, 1,
	  "Availability group name to ID map entry for availability group '%s' cannot be found in the Windows Server "
	  "Failover Clustering (WSFC) store.  The availability group name may be incorrect, or the availability group "
	  "may not exist in this Windows Server Failover Cluster. Verify the availability group exists and that the "
	  "availability group name is correct and then retry the operation." },
	{ 41042, 16, 1,
	  "The availability group '%s' already exists.  This error could be caused by a previous failed CREATE "
	  "AVAILABILITY GROUP or DROP AVAILABILITY GROUP operation.  If the availability group name you specified is "
	  "correct, try dropping the availability group and then retry CREATE AVAILABILITY GROUP operation." },
	{ 41104, 16, 9,
	  "Failover of the availability group '%s' to the local replica failed because the availability group resource "
	  "did not come online due to a previous error. To identify that error, check the SQL Server error log and the "
	  "Windows Server Failover Cluster logs. For information about how to view events and logs for a WSFC cluster, "
	  "see Windows Server documentation." },
	{ 41122, 16, 11,
	  "Cannot failover availability group '%s' to this instance of SQL Server.  The local availability replica is "
	  "already the primary replica of the availability group.  To failover this availability group to another "
	  "instance of SQL Server, run the failover command on that instance of SQL Server.  If local instance of SQL "
	  "Server is intended to host the primary replica of the availability group, then no action is required." },
	{ 41131, 10, 1,
	  "Failed to bring availability group '%s' online.  The operation timed out. If this is a Windows Server "
	  "Failover Clustering (WSFC) availability group, verify that the local WSFC node is online. Then verify that "
	  "the availability group resource exists in the WSFC cluster. If the problem persists, you might need to drop "
	  "the availability group and create it again." },
	{ 41140, 16, 1,
	  "Availability group '%s' cannot process the ALTER AVAILABILITY GROUP command, because the local availability "
	  "replica is not the primary replica.  Connect to the server instance that is currently hosting the primary "
	  "replica of this availability group, and rerun the command." },
	{ 41142, 16, 34,
	  "The availability replica for availability group '%s' on this instance of SQL Server cannot become the "
	  "primary replica. One or more databases are not synchronized or have not joined the availability group. If "
	  "the availability replica uses the asynchronous-commit mode, consider performing a forced manual failover "
	  "(with possible data loss). Otherwise, once all local secondary databases are joined and synchronized, you "
	  "can perform a planned manual failover to this secondary replica (without data loss). For more information, "
	  "see SQL Server Books Online." },
	{ 41144, 16, 8,
	  "The local availability replica of availability group '%s' is in a failed state.  The replica failed to read "
	  "or update the persisted configuration data (SQL Server error: %s).  To recover from this failure, either "
	  "restart the local Windows Server Failover Clustering (WSFC) service or restart the local instance of SQL "
	  "Server." },
	{ 41146, 16, 1,
	  "Failed to bring Availability Group '%s' online. The Windows Server Failover Clustering (WSFC) service may "
	  "not be running, or it may not be accessible in its current state." },
	{ 41158, 16, 3,
	  "Failed to join local availability replica to availability group '%s'.  The operation encountered SQL Server "
	  "error %s and has been rolled back.  Check the SQL Server error log for more details.  When the cause of the "
	  "error has been resolved, retry the ALTER AVAILABILITY GROUP JOIN command." },
	{ 41152, 16, 2,
	  "Failed to create availability group '%s'.  The operation encountered SQL Server error %s and has been "
	  "rolled back.  Check the SQL Server error log for more details.  When the cause of the error has been "
	  "resolved, retry CREATE AVAILABILITY GROUP command." },
	{ 41190, 16, 8,
	  "Availability group '%s' failed to process the %s command.  The local availability replica is not in a state "
	  "that could process the command.  Verify that the availability group is online and that the local "
	  "availability replica is the primary replica, then retry the command." },
	{ 19456, 16, 1,
	  "None of the specified replicas for availability group %s maps to the instance of SQL Server to which you "
	  "are connected.  Reenter the command, specifying this server instance to host one of the replicas.  This "
	  "replica will be the initial primary replica." },
	{ 41199, 16, 1,
	  "The specified command is invalid because the availability group %s already contains replica '%s'." },
	{ 41173, 16, 1,
	  "Cannot remove an availability replica '%s' from availability group '%s', because this replica is on the "
	  "local instance of SQL Server." },
	{ 41145, 10, 1,
	  "Cannot join database '%s' to availability group '%s'. The database has already joined the availability "
	  "group. This is an informational message. No user action is required." },
	{ 47102, 16, 1,
	  "Failover mode of replica '%s' cannot be set since availability group '%s' has CLUSTER_TYPE %s: it must be "
	  "%s." },
	{ 47104, 16, 1,
	  "This operation cannot be performed on the availability group '%s' because it has EXTERNAL cluster type. Use "
	  "the cluster management tools to perform the operation." },
	{ 47106, 16, 3,
	  "Cannot join availability group '%s'. Download configuration timeout. Please check primary configuration, "
	  "network connectivity and firewall setup, then retry the operation." },
	{ 47108, 16, 1,
	  "The specified availability group '%s' has a cluster type different from that in the JOIN command." },
	{ 47116, 16, 1,
	  "The external lease cannot be set on availability group '%s'. External lease updates are not enabled for "
	  "this availability group." },
	{ 47119, 16, 1,
	  "The current write lease of the availability group '%s' is still valid. The lease expiration time cannot be "
	  "set to an earlier time than its current value." },
	{ 47122, 16, 1,
	  "Cannot failover an availability replica for availability group '%s' since it has CLUSTER_TYPE = NONE. Only "
	  "force failover is supported in this version of SQL Server." },
	{ 35262, 10, 1,
	  "Skipping the default startup of database '%s' because the database belongs to an availability group (Group "
	  "ID:  %s). The database will be started by the availability group. This is an informational message only. No "
	  "user action is required." },
	{ 7862, 16, 1,
	  "An endpoint of the requested type already exists.  Only one endpoint of this type is supported.  Use ALTER "
	  "ENDPOINT or DROP the existing endpoint and execute the CREATE ENDPOINT statement." },
	{ 7874, 16, 1,
	  "An endpoint already exists with the bindings specified. Only one endpoint supported for a specific binding. "
	  "Use ALTER ENDPOINT or DROP the existing endpoint and execute the CREATE ENDPOINT statement." },
	{ 50000, 16, 1, "%s" },
};

const struct sim_message_row *sim_message_find(int number) {
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (messages[i].number == number) return &messages[i];
	return NULL;
}
