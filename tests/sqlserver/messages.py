"""What SQL Server says with its numbers: sys.messages, with names filled in.

Those of AT_LOGIN end a login, those of TEXTS a statement.
"""

WAITS = " Wait and try again."

TEXTS = {
    207: "Invalid column name 'LookupCode'.",
    208: "Invalid object name 'dbo.FormSubmission'.",
    229: "The SELECT permission was denied on the object 'FormSubmission', database 'Pliers',"
    " schema 'forms'.",
    230: "The SELECT permission was denied on the column 'Email' of the object 'User', database"
    " 'Pliers', schema 'dbo'.",
    245: "Conversion failed when converting the nvarchar value 'Login failed for user' to data"
    " type int.",
    262: "VIEW DATABASE STATE permission denied in database 'Pliers'.",
    297: "The user does not have permission to perform this action.",
    300: "VIEW SERVER STATE permission was denied on object 'server', database 'master'.",
    468: 'Cannot resolve the collation conflict between "Latin1_General_BIN" and'
    ' "SQL_Latin1_General_CP1_CI_AS" in the equal to operation.',
    596: "Cannot continue the execution because the session is in the kill state.",
    701: "There is insufficient system memory in resource pool 'default' to run this query.",
    824: "SQL Server detected a logical consistency-based I/O error: incorrect checksum.",
    1105: "Could not allocate space for object 'dbo.SORT temporary run storage' in database"
    " 'tempdb' because the 'PRIMARY' filegroup is full.",
    1204: "The instance of the SQL Server Database Engine cannot obtain a LOCK resource at this"
    " time. Rerun your statement when there are fewer active users.",
    1205: "Transaction (Process ID 52) was deadlocked on lock resources with another process and"
    " has been chosen as the deadlock victim. Rerun the transaction.",
    1222: "Lock request time out period exceeded.",
    3952: "Snapshot isolation transaction failed accessing database 'Pliers' because snapshot"
    " isolation is not allowed in this database. Use ALTER DATABASE to allow snapshot isolation.",
    3956: "Snapshot isolation transaction failed to start in database 'Pliers' because the ALTER"
    " DATABASE command which enables snapshot isolation for this database has not finished yet.",
    3957: "Snapshot isolation transaction failed in database 'Pliers' because the database did not"
    " allow snapshot isolation when the current transaction started.",
    3958: "Transaction aborted when accessing versioned row in table 'dbo.FormSubmission' in"
    " database 'Pliers'. Requested versioned row was not found. Your tempdb is probably out of"
    " space.",
    3960: "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot"
    " isolation to access table 'dbo.FormSubmission' directly or indirectly in database 'Pliers'"
    " to update, delete, or insert the row that has been modified or deleted by another"
    " transaction. Retry the transaction or change the isolation level for the update/delete"
    " statement.",
    3961: "Snapshot isolation transaction failed in database 'Pliers' because the object accessed"
    " by the statement has been modified by a DDL statement in another concurrent transaction"
    " since the start of this transaction.",
    3966: "Transaction is rolled back when accessing version store. It was earlier marked as victim"
    " when the version store was shrunk due to insufficient space in tempdb.",
    3967: "Insufficient space in tempdb to hold row versions.  Need to shrink the version store to"
    " free up some space in tempdb.",
    6005: "SHUTDOWN is in progress.",
    8003: "The incoming request has too many parameters. The server supports a maximum of 2100"
    " parameters. Reduce the number of parameters and resend the request.",
    8114: "Error converting data type nvarchar to uniqueidentifier.",
    8169: "Conversion failed when converting from a character string to uniqueidentifier.",
    8645: "A timeout occurred while waiting for memory resources to execute the query in resource"
    " pool 'default' (2). Rerun the query.",
    8651: "Could not perform the operation because the requested memory grant was not available in"
    " resource pool 'default' (2).",
    40197: "The service has encountered an error processing your request. Please try again. Error"
    " code 40540.",
    40501: "The service is currently busy. Retry the request after 10 seconds. Incident ID: 1.",
    10928: "Resource ID: 1. The request limit for the database is 60 and has been reached.",
    10929: "Resource ID: 1. The request minimum guarantee is 0, maximum limit is 60, and the"
    " current usage for the database is 58.",
}
AT_LOGIN = {
    911: "Database 'Pliers' does not exist. Make sure that the name is entered correctly.",
    916: 'The server principal "reader" is not able to access the database "Pliers" under the'
    " current security context.",
    921: "Database 'Pliers' has not been recovered yet." + WAITS,
    922: "Database 'Pliers' is being recovered. Waiting until recovery is finished.",
    923: "Database 'Pliers' is in restricted mode. Only the database owner and members of the"
    " dbcreator and sysadmin roles can access it.",
    924: "Database 'Pliers' is already open and can only have one user at a time.",
    926: "Database 'Pliers' cannot be opened. It has been marked SUSPECT by recovery.",
    927: "Database 'Pliers' cannot be opened. It is in the middle of a restore.",
    942: "Database 'Pliers' cannot be opened because it is offline.",
    945: "Database 'Pliers' cannot be opened due to inaccessible files or insufficient memory or"
    " disk space.  See the SQL Server errorlog for details.",
    952: "Database 'Pliers' is in transition. Try the statement later.",
    954: 'The database "Pliers" cannot be opened. It is acting as a mirror database.',
    976: "The target database, 'Pliers', is participating in an availability group and is"
    " currently not accessible for queries.",
    978: "The target database ('Pliers') is in an availability group and is currently accessible"
    " for connections when the application intent is set to read only.",
    979: "The target database ('Pliers') is in an availability group and currently does not allow"
    " read only connections.",
    982: "Unable to access the 'Pliers' database because no online secondary replicas are enabled"
    " for read-only access.",
    983: "Unable to access availability database 'Pliers' because the database replica is not in"
    " the PRIMARY or SECONDARY role.",
    4060: 'Cannot open database "Pliers" requested by the login. The login failed.',
    4064: "Cannot open user default database. Login failed.",
    4221: "Login to read-secondary failed due to long wait on"
    " 'HADR_DATABASE_WAIT_FOR_TRANSITION_TO_VERSIONING'.",
    17142: "SQL Server service has been paused. No new connections will be allowed.",
    17188: "SQL Server cannot accept new connections, because it is shutting down.",
    18401: "Login failed for user 'reader'. Reason: Server is in script upgrade mode. Only"
    " administrator can connect at this time.",
    18452: "Login failed. The login is from an untrusted domain and cannot be used with Integrated"
    " authentication.",
    18456: "Login failed for user 'reader'.",
    18461: "Login failed for user 'reader'. Reason: Server is in single user mode. Only one"
    " administrator can connect at this time.",
    18470: "Login failed for user 'reader'. Reason: The account is disabled.",
    18486: "Login failed for user 'reader' because the account is currently locked out. The system"
    " administrator can unlock it.",
    18487: "Login failed for user 'reader'.  Reason: The password of the account has expired.",
    18488: "Login failed for user 'reader'.  Reason: The password of the account must be changed.",
    40532: 'Cannot open server "pliers" requested by the login. The login failed.',
    40613: "Database 'Pliers' on server 'pliers' is not currently available.  Please retry the"
    " connection later.",
    40615: "Cannot open server 'pliers' requested by the login. Client with IP address"
    " '192.0.2.7' is not allowed to access the server.",
    40914: "Cannot open server 'pliers' requested by the login. Client is not allowed to access"
    " the server.",
    47073: "Reason: An instance-specific error occurred while establishing a connection to SQL"
    " Server. Connection was denied since Deny Public Network Access is set to Yes.",
    49918: "Cannot process request. Not enough resources to process request. The service is"
    " currently busy. Please retry the request later.",
    49919: "Cannot process create or update request. Too many create or update operations in"
    ' progress for subscription "1".',
    49920: 'Cannot process request. Too many operations in progress for subscription "1".',
}
