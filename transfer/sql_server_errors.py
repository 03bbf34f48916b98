"""SQL Server's errors and its driver's that are known here: what each means and what to do.

Data for ``source_errors``; ``docs/sql-server.md`` lists the same rows, which a test compares.
Numbers and texts are those of ``sys.messages`` (English, as the session asks for); texts without
a number are those of Microsoft's ODBC driver 18.
"""

import re
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What an error of v2's driver asks of whoever sent the statement."""

    LOST = "opened again"  # the connection or its session is gone: reopen, go on at the last key
    AGAIN = "asked again"  # the same statement may succeed after a pause
    REFUSED = "stops"  # another try cannot mend it: a person has to


@dataclass(frozen=True, slots=True)
class Known:
    """One error that is told apart.

    Attributes:
        code: its number, or what the driver says where it has none, as the document lists it.
        kind: what it asks for.
        pattern: what its English message begins with, a regular expression; its named groups may
            stand in the advice.
        advice: what to do, for a person.
        state: the SQLSTATE that means the same in whatever language; empty: none does.
        repeats: how often the statement is worth sending again, None: as long as patience lasts.
    """

    code: str
    kind: Kind
    pattern: str
    advice: str
    state: str = ""
    repeats: int | None = None

    @property
    def number(self) -> int | None:
        """SQL Server's number; None where the driver itself complains."""
        return int(self.code) if self.code.isdecimal() else None

    def match(self, text: str) -> re.Match[str] | None:
        """The beginning of a message that is this error's."""
        return re.match(self.pattern, text, re.IGNORECASE)


# Of a server that is starting or failing over too, which answers before its databases do: who
# had a session there before tries again, as after every loss.
RECOVERING = frozenset({926, 927, 942, 4060})

_LOGIN = r"Login failed for user\s*(?:'[^']*')?[.,]?\s*"
_RETRIED = "tried again by itself; if it stays, "
_WAIT = "tried again by itself; if it stays, have its administrator look at the database's state"
_BUSY = "the service is busy: tried again by itself; if it stays, raise the database's tier or wait"
_SNAPSHOT = "tried again by itself; if it stays, give tempdb more room"
_DEFECT = "this is a defect of the import or of the names in V2_MAPPING: report it with the number"
_CERTIFICATE = (
    "let SSL_CERT_FILE name the company CA's PEM file or add it to the system's store"
    " (update-ca-certificates); TrustServerCertificate=yes in V2_DATABASE_URL gives up knowing"
    " the server"
)

# The order matters where one message or one chain of them fits several rows: special ones first.
KNOWN: tuple[Known, ...] = (
    # The same statement again.
    Known("1205", Kind.AGAIN, r"Transaction \(Process ID \d+\) was deadlocked",
          _RETRIED + "import while v2's application is quiet", state="40001"),
    Known("1204", Kind.AGAIN, r"The instance of the SQL Server Database Engine cannot obtain a"
          r" LOCK resource",
          _RETRIED + "wait until fewer people use the server"),
    Known("1222", Kind.AGAIN, r"Lock request time out period exceeded",
          _RETRIED + "ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON lets readers wait for"
          " nobody"),
    Known("3958", Kind.AGAIN, r"Transaction aborted when accessing versioned row", _SNAPSHOT),
    Known("3960", Kind.AGAIN, r"Snapshot isolation transaction aborted due to update conflict",
          _RETRIED + "write isolation_level=READ COMMITTED in V2_DATABASE_URL"),
    Known("3961", Kind.AGAIN, r"Snapshot isolation transaction failed in database .* because the"
          r" object accessed by the statement has been modified by a DDL statement",
          _RETRIED + "import while nobody changes v2's tables or indexes"),
    Known("3966", Kind.AGAIN, r"Transaction is rolled back when accessing version store",
          _SNAPSHOT),
    Known("3967", Kind.AGAIN, r"Insufficient space in tempdb to hold row versions", _SNAPSHOT),
    Known("701", Kind.AGAIN, r"There is insufficient system memory",
          _RETRIED + "a smaller --batch-size takes less of the server's memory"),
    Known("8645", Kind.AGAIN, r"A timeout occurred while waiting for memory resources",
          _RETRIED + "import while the server is less busy, or with a smaller --batch-size"),
    Known("8651", Kind.AGAIN, r"Could not perform the operation because the requested memory grant",
          _RETRIED + "import while the server is less busy, or with a smaller --batch-size"),
    Known("10928", Kind.AGAIN, r"Resource ID\s*: \d+\. The .* limit for the database is", _BUSY),
    Known("10929", Kind.AGAIN, r"Resource ID\s*: \d+\. The .* minimum guarantee is", _BUSY),
    Known("40501", Kind.AGAIN, r"The service is currently busy\. Retry the request", _BUSY),
    Known("49918", Kind.AGAIN, r"Cannot process request\. Not enough resources", _BUSY),
    Known("49919", Kind.AGAIN, r"Cannot process create or update request\. Too many", _BUSY),
    Known("49920", Kind.AGAIN, r"Cannot process request\. Too many operations in progress", _BUSY),
    Known("Query timeout expired", Kind.AGAIN, r"Query timeout expired",
          "look for an index that is missing (preflight_v2) or for who blocks; query_timeout in"
          " V2_DATABASE_URL is the seconds a statement may take, 0 for ever", repeats=2),
    # A new connection, and on from the last key.
    Known("596", Kind.LOST, r"Cannot continue the execution because the session is in the kill",
          _RETRIED + "ask who ends this login's sessions (KILL)"),
    Known("921", Kind.LOST, r"Database '.*' has not been recovered yet", _WAIT),
    Known("922", Kind.LOST, r"Database '.*' is being recovered", _WAIT),
    Known("952", Kind.LOST, r"Database '.*' is in transition", _WAIT),
    Known("983", Kind.LOST, r"Unable to access availability database '.*' because the database"
          r" replica is not in the PRIMARY or SECONDARY role",
          "a failover is under way: tried again by itself; if it stays, let V2_DATABASE_URL name"
          " the availability group's listener"),
    Known("3952", Kind.LOST, r"Snapshot isolation transaction failed accessing database"
          r" '(?P<database>[^']*)' because snapshot isolation is not allowed",
          "a new session asks anew which isolation it may have; if it stays, ALTER DATABASE"
          " [{database}] SET ALLOW_SNAPSHOT_ISOLATION ON, or isolation_level=READ COMMITTED in"
          " V2_DATABASE_URL"),
    Known("3956", Kind.LOST, r"Snapshot isolation transaction failed to start in database .*ALTER"
          r" DATABASE command which enables snapshot isolation for this database has not finished",
          "wait until the ALTER DATABASE has finished (it waits for all transactions in v2)"),
    Known("3957", Kind.LOST, r"Snapshot isolation transaction failed in database .* because the"
          r" database did not allow snapshot isolation when the current transaction started",
          "a new session asks anew which isolation it may have"),
    Known("4221", Kind.LOST, r"Login to read-secondary failed due to long wait",
          "the replica waits for row versions: tried again by itself; if it stays, end the oldest"
          " transaction on the primary, or leave out ApplicationIntent=ReadOnly"),
    Known("6005", Kind.LOST, r"SHUTDOWN is in progress", _WAIT),
    Known("17142", Kind.LOST, r"SQL Server service has been paused",
          "the service is paused: have its administrator resume it"),
    Known("17188", Kind.LOST, r"SQL Server cannot accept new connections, because it is shutting",
          _WAIT),
    Known("18401", Kind.LOST, _LOGIN + r"Reason: Server is in script upgrade mode",
          "the server is being upgraded: wait until it is through"),
    Known("40197", Kind.LOST, r"The service has encountered an error processing your request",
          _WAIT),
    Known("40613", Kind.LOST, r"Database '.*' on server '.*' is not currently available",
          "a paused or moving Azure database answers after a minute: tried again by itself; at the"
          " start, start once more"),
    # A person has to do something: the login.
    Known("4060", Kind.REFUSED, r"Cannot open database \"(?P<database>[^\"]*)\" requested by the"
          r" login",
          "check the database's name in V2_DATABASE_URL and that it is online, and make the login a"
          " user of it: USE [{database}]; CREATE USER … FOR LOGIN …"),
    Known("4064", Kind.REFUSED, r"Cannot open user default database",
          "ALTER LOGIN … WITH DEFAULT_DATABASE = a database that the login may open"),
    Known("911", Kind.REFUSED, r"Database '.*' does not exist",
          "check the database's name in V2_DATABASE_URL"),
    Known("916", Kind.REFUSED, r"The server principal \".*\" is not able to access the database"
          r" \"(?P<database>[^\"]*)\"",
          "USE [{database}]; CREATE USER … FOR LOGIN …; ALTER ROLE db_datareader ADD MEMBER …"),
    Known("18452", Kind.REFUSED, r"Login failed\. The login is from an untrusted domain",
          "the server does not know this Kerberos realm: use a login of its own domain, or a user"
          " and a password in V2_DATABASE_URL"),
    Known("18461", Kind.REFUSED, _LOGIN + r"Reason: Server is in single user mode",
          "the server lets one administrator in: wait until it is started as usual"),
    Known("18470", Kind.REFUSED, _LOGIN + r"Reason: The account is disabled",
          "ALTER LOGIN … ENABLE"),
    Known("18486", Kind.REFUSED, r"Login failed for user '[^']*' because the account is currently"
          r" locked out",
          "ALTER LOGIN … WITH PASSWORD = … UNLOCK"),
    Known("18487", Kind.REFUSED, _LOGIN + r"Reason: The password of the account has expired",
          "ALTER LOGIN … WITH PASSWORD = …, and for this login CHECK_EXPIRATION = OFF"),
    Known("18488", Kind.REFUSED, _LOGIN + r"Reason: The password of the account must be changed",
          "ALTER LOGIN … WITH PASSWORD = … without MUST_CHANGE"),
    Known("18456", Kind.REFUSED, r"Login failed for user",
          "check user, password and database in V2_DATABASE_URL (/ ? # @ : % in them as %2F %3F %23"
          " %40 %3A %25); the server's error log has the reason as State; a login of the server"
          " needs mixed authentication", state="28000"),
    Known("40532", Kind.REFUSED, r"Cannot open server .* requested by the login\. The login failed",
          "check the server's name in V2_DATABASE_URL: for Azure SQL NAME.database.windows.net"),
    Known("40615", Kind.REFUSED, r"Cannot open server .* requested by the login\. Client with IP"
          r" address '(?P<address>[^']*)'",
          "let {address} through the Azure server's firewall (portal: Networking)"),
    Known("40914", Kind.REFUSED, r"Cannot open server .* requested by the login\. Client is not"
          r" allowed",
          "add this machine's subnet to the Azure server's virtual network rules"),
    Known("47073", Kind.REFUSED, r"Reason: An instance-specific error occurred while establishing",
          "connect through the Azure server's private endpoint, or allow public access"),
    # The database.
    Known("923", Kind.REFUSED, r"Database '.*' is in restricted mode",
          "ALTER DATABASE … SET MULTI_USER"),
    Known("924", Kind.REFUSED, r"Database '.*' is already open and can only have one user",
          "ALTER DATABASE … SET MULTI_USER"),
    Known("926", Kind.REFUSED, r"Database '.*' cannot be opened\. It has been marked SUSPECT",
          "restore the database, or a copy of it from a backup, and import from that"),
    Known("927", Kind.REFUSED, r"Database '.*' cannot be opened\. It is in the middle of a restore",
          "finish it: RESTORE DATABASE … WITH RECOVERY"),
    Known("942", Kind.REFUSED, r"Database '.*' cannot be opened because it is offline",
          "ALTER DATABASE … SET ONLINE"),
    Known("945", Kind.REFUSED, r"Database '.*' cannot be opened due to inaccessible files",
          "have its administrator look for missing files or a full disk in the server's error log"),
    Known("954", Kind.REFUSED, r"The database \".*\" cannot be opened\. It is acting as a mirror",
          "let V2_DATABASE_URL name the principal server"),
    Known("976", Kind.REFUSED, r"The target database, '.*', is participating in an availability"
          r" group and is currently not accessible for queries",
          "this replica cannot be read: let V2_DATABASE_URL name the availability group's listener,"
          " or allow connections to the secondary"),
    Known("978", Kind.REFUSED, r"The target database \('.*'\) is in an availability group and is"
          r" currently accessible for connections when the application intent is set to read only",
          "write ApplicationIntent=ReadOnly in V2_DATABASE_URL"),
    Known("979", Kind.REFUSED, r"The target database \('.*'\) is in an availability group and"
          r" currently does not allow read only connections",
          "leave ApplicationIntent=ReadOnly out of V2_DATABASE_URL"),
    Known("982", Kind.REFUSED, r"Unable to access the '.*' database because no online secondary"
          r" replicas are enabled for read-only access",
          "leave ApplicationIntent=ReadOnly out of V2_DATABASE_URL, or enable a readable"
          " secondary"),
    # Rights and what the statements name.
    Known("229", Kind.REFUSED, r"The (?P<right>\w+) permission was denied on the object"
          r" '(?P<table>[^']*)', database '[^']*', schema '(?P<schema>[^']*)'",
          "GRANT {right} ON [{schema}].[{table}] TO the import's user, or make it a member of"
          " db_datareader"),
    Known("230", Kind.REFUSED, r"The (?P<right>\w+) permission was denied on the column"
          r" '(?P<column>[^']*)' of the object '(?P<table>[^']*)', database '[^']*', schema"
          r" '(?P<schema>[^']*)'",
          "GRANT {right} ON [{schema}].[{table}] ([{column}]) TO the import's user"),
    Known("262", Kind.REFUSED, r"(?P<right>[A-Z ]+) permission (?:was )?denied in database"
          r" '(?P<database>[^']*)'",
          "USE [{database}]; GRANT {right} TO the import's user"),
    Known("297", Kind.REFUSED, r"The user does not have permission to perform this action",
          "GRANT VIEW DATABASE STATE TO the import's user, in v2's database"),
    Known("300", Kind.REFUSED, r"(?P<right>[A-Z ]+) permission was denied on object '[^']*',"
          r" database '[^']*'",
          "GRANT {right} TO the import's user"),
    Known("208", Kind.REFUSED, r"Invalid object name '(?P<table>[^']*)'",
          "a table has gone since the start, or V2_SCHEMA or a name in V2_MAPPING is wrong"),
    Known("207", Kind.REFUSED, r"Invalid column name '(?P<column>[^']*)'",
          "a column has gone since the start, or a name in V2_MAPPING is wrong"),
    Known("468", Kind.REFUSED, r"Cannot resolve the collation conflict", _DEFECT),
    Known("8169", Kind.REFUSED, r"Conversion failed when converting from a character string to"
          r" uniqueidentifier",
          "a text that is no GUID was compared with a uniqueidentifier: check ids given as options"
          " or in V2_MAPPING"),
    Known("8114", Kind.REFUSED, r"Error converting data type", _DEFECT),
    Known("245", Kind.REFUSED, r"Conversion failed when converting the", _DEFECT),
    Known("8003", Kind.REFUSED, r"The incoming request has too many parameters", _DEFECT),
    Known("824", Kind.REFUSED, r"SQL Server detected a logical consistency-based I/O error",
          "a page of v2 is damaged: DBCC CHECKDB, and import from a restored copy"),
    Known("1105", Kind.REFUSED, r"Could not allocate space for object",
          "the server's disk or tempdb is full: make room there"),
    # What the driver itself says: TLS.
    Known("certificate has expired", Kind.REFUSED,
          r"SSL Provider: .*certificate verify failed:certificate (?:has expired|is not yet valid)",
          "have the server's certificate renewed, and check this machine's clock"),
    Known("subject name does not match host name", Kind.REFUSED,
          r"SSL Provider: .*subject name does not match host name",
          "let V2_DATABASE_URL name the host as the certificate does, or write"
          " HostnameInCertificate=NAME with the certificate's name"),
    Known("certificate verify failed", Kind.REFUSED, r"SSL Provider: .*certificate verify failed",
          _CERTIFICATE),
    Known("SSL Provider", Kind.REFUSED, r"SSL Provider",
          "server and this machine's OpenSSL agree on no TLS version, cipher or key length: TLS 1.2"
          " has to be on there; Encrypt=strict needs SQL Server 2022 or Azure"),
    # Logins that a ticket or a token makes.
    Known("SSPI Provider", Kind.REFUSED, r"SSPI Provider",
          "there is no Kerberos ticket for this user: kinit, or write a user and a password in"
          " V2_DATABASE_URL"),
    Known("Azure authentication libraries are not installed", Kind.REFUSED,
          r"(?:Failed to acquire an Entra ID access token.*)?Azure authentication libraries are"
          r" not installed",
          "install azure-identity and azure-core into the same environment"),
    Known("Failed to acquire an Entra ID access token", Kind.REFUSED,
          r"Failed to acquire an Entra ID access token|Azure AD authentication failed",
          "nobody is signed in to Entra here: az login, the variables of a service principal"
          " (AZURE_TENANT_ID …), or another Authentication in V2_DATABASE_URL"),
    # Where the server is, and how it was asked.
    Known("Connection string parsing failed", Kind.REFUSED, r"Connection string parsing failed",
          "see V2_DATABASE_URL"),
    Known("Invalid value specified for connection string attribute", Kind.REFUSED,
          r"Invalid value specified for connection string attribute '(?P<option>[^']*)'",
          "see {option} in V2_DATABASE_URL"),
    Known("Can't open lib", Kind.REFUSED, r"Can't open lib|Data source name not found|Specified"
          r" driver could not be loaded",
          "pyodbc finds no such ODBC driver: unset V2_ODBC_DRIVER to take the one that comes"
          " along"),
    Known("Error Locating Server/Instance Specified", Kind.LOST,
          r"SQL Server Network Interfaces: ",
          "no such named instance, or its SQL Server Browser (UDP 1434) cannot be reached: write"
          " the instance's port in V2_DATABASE_URL in place of its name"),
    # Winsock's numbers: no such host; and no name server that answers, knows it or has addresses.
    Known("0x2AF9", Kind.LOST, r"TCP Provider: Error code 0x2AF[9A-C]",
          "the host's name cannot be resolved: check it in V2_DATABASE_URL"),
    Known("0x2746", Kind.LOST, r"TCP Provider: Error code 0x(?:2746|68|20)\b",
          "the server or something between ended the connection; if it does so at every start, host"
          " and port are no SQL Server's, or Encrypt=strict meets one older than 2022"),
    Known("TCP Provider", Kind.LOST, r"TCP Provider",
          "check host and port in V2_DATABASE_URL, that TCP/IP is on in the server's network"
          " configuration, and the firewalls between"),
    Known("Login timeout expired", Kind.LOST, r"Login timeout expired",
          "check host, port or instance in V2_DATABASE_URL, that TCP/IP is on in the server's"
          " network configuration, and the firewalls between; connection_timeout is the seconds it"
          " may take"),
    Known("error was encountered during handshakes before login", Kind.LOST,
          r"Client unable to establish connection because an error was encountered during"
          r" handshakes",
          "what answers there is no SQL Server, or one that is just starting or too busy: check"
          " host and port in V2_DATABASE_URL"),
    Known("Protocol error in TDS stream", Kind.LOST, r"Protocol error in TDS stream",
          "what answers there is no SQL Server: check host and port in V2_DATABASE_URL"),
    Known("Communication link failure", Kind.LOST, r"(?:Communication link failure|Connection"
          r" (?:failure|is busy|not open)|The connection is (?:broken|no longer usable))",
          "check the network between, and whether the server was restarted"),
    # What the driver's Python side says of a connection that broke under it.
    Known("closed connection", Kind.LOST, r"(?:Cannot create cursor on|Attempt to use a) closed"
          r" connection|Cannot .* closed (?:connection|cursor)|The cursor's connection has been"
          r" closed",
          "check the network between, and whether the server was restarted"),
    Known("SQLGetData", Kind.LOST, r"Error fetching LOB for column|SQLGetData failed",
          "check the network between, and whether the server was restarted"),
)  # fmt: skip
