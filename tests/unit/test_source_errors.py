"""What errors of v2's drivers mean: told by Microsoft's own driver, both ways it is reached.

The peer sends SQL Server's numbers with the texts of sys.messages; no real server was asked.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import django.db
import mssql_python
import psycopg
import pyodbc
import pytest
from django.conf import settings
from django.db.utils import DatabaseErrorWrapper

from pliers import sql_server
from pliers.drivers import bundled
from tests.sqlserver.peer import Peer
from transfer.source_errors import LONGEST, Kind, Trouble, explain, from_driver
from transfer.sql_server_errors import KNOWN

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "sql-server.md"
USER, PASSWORD = "reader", "s3cret}pass"
WAITS = " Wait and try again."

# sys.messages, with names filled in. Those of AT_LOGIN end a login, the others a statement.
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

# Connecting, with either of the drivers that Django's backend takes

Connect = Callable[..., Any]


def _string(port: int, **keywords: str) -> str:
    parts = {
        "Server": f"127.0.0.1,{port}", "Database": "Pliers", "UID": USER, "PWD": PASSWORD,
        "Encrypt": "yes", "TrustServerCertificate": "yes", "ConnectRetryCount": "0",
    } | keywords  # fmt: skip
    return ";".join(f"{key}={{{value.replace('}', '}}')}}}" for key, value in parts.items())


@pytest.fixture(scope="module", params=["mssql-python", "pyodbc"])
def driver(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def connect(driver: str) -> Connect:
    """Return a function that connects to a port of this machine."""

    def connect(port: int, timeout: int = 5, **keywords: str) -> Any:
        text = _string(port, **keywords)
        if driver == "pyodbc":
            pyodbc.pooling = False
            return pyodbc.connect(f"DRIVER={{{bundled()}}};{text}", timeout=timeout)
        mssql_python.pooling(enabled=False)
        return mssql_python.connect(text, timeout=timeout)

    return connect


@pytest.fixture(scope="module")
def serving() -> Iterator[Peer]:
    with Peer(trusted=False) as peer:
        peer.accounts[USER] = PASSWORD
        yield peer


@pytest.fixture
def peer(serving: Peer) -> Iterator[Peer]:
    yield serving
    serving.harm.heal()


@pytest.fixture(scope="module")
def session(serving: Peer, connect: Connect) -> Iterator[Any]:
    """Return a connection that the module's tests share: none of them breaks it."""
    with closing(connect(serving.port)) as connection:
        yield connection


def raised(action: Callable[[], object]) -> Trouble:
    """What the error of an action means; the line shows no secret (R8) and is one."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whichever of a driver's classes
        action()
    assert from_driver(caught.value)
    trouble = explain(caught.value, "microsoft", [PASSWORD])
    assert "\n" not in trouble.line
    assert PASSWORD not in trouble.line
    assert f"'{USER}'" not in trouble.line
    assert f'"{USER}"' not in trouble.line
    return trouble


def ask(connection: Any) -> list[Any]:
    with closing(connection.cursor()) as cursor:
        cursor.execute("SELECT 1 AS one")
        return list(cursor.fetchall())


# The server's errors


def test_each_number_that_is_known_is_tried_here() -> None:
    numbers = [known.number for known in KNOWN if known.number is not None]

    assert len(set(numbers)) == len(numbers)
    assert set(numbers) == {*TEXTS, *AT_LOGIN}


@pytest.mark.parametrize("number", sorted(TEXTS))
def test_a_statement_s_error_is_told_by_number_or_text(
    peer: Peer, session: Any, number: int
) -> None:
    peer.harm.fail("SELECT 1", number, TEXTS[number])

    trouble = raised(lambda: ask(session))

    known = next(known for known in KNOWN if known.number == number)
    assert (trouble.number, trouble.kind) == (number, known.kind)
    assert trouble.said.startswith(f"error {number}: {TEXTS[number][:20]}")
    assert trouble.advice
    assert len(trouble.said) <= LONGEST + 20


@pytest.mark.parametrize("number", sorted(AT_LOGIN))
def test_a_refused_login_is_told_by_number_or_text(
    peer: Peer, connect: Connect, number: int
) -> None:
    peer.harm.login_error = (number, AT_LOGIN[number])

    trouble = raised(lambda: connect(peer.port))

    known = next(known for known in KNOWN if known.number == number)
    assert (trouble.number, trouble.kind) == (number, known.kind)
    assert trouble.advice


def test_a_wrong_password_is_18456_and_what_was_tried_is_not_shown(
    peer: Peer, connect: Connect
) -> None:
    trouble = raised(lambda: connect(peer.port, PWD="wr0ng"))

    assert trouble.kind is Kind.REFUSED
    assert trouble.line.startswith("error 18456: Login failed for user; check user, password")
    assert "wr0ng" not in trouble.line


def test_a_login_refused_in_another_language_is_18456_by_its_state(
    peer: Peer, connect: Connect
) -> None:
    peer.harm.login_error = (18456, "Fehler bei der Anmeldung für den Benutzer 'reader'.")

    with pytest.raises(Exception, match="Anmeldung") as caught:
        connect(peer.port)

    trouble = explain(caught.value, "microsoft")
    assert (trouble.number, trouble.kind) == (18456, Kind.REFUSED)


def test_what_is_named_in_a_refusal_is_named_in_the_advice(peer: Peer, session: Any) -> None:
    peer.harm.fail("SELECT 1", 229, TEXTS[229])

    advice = raised(lambda: ask(session)).advice

    assert advice.startswith("GRANT SELECT ON [forms].[FormSubmission] TO")


def test_an_error_that_is_not_known_stops_and_says_what_the_server_said(
    peer: Peer, session: Any
) -> None:
    peer.harm.fail("SELECT 1", 8134, "Divide by zero error encountered.")

    trouble = raised(lambda: ask(session))

    assert trouble.kind is Kind.REFUSED
    assert trouble.line.endswith("Divide by zero error encountered")


def test_what_v2_holds_is_not_taken_for_an_error_of_that_text(peer: Peer, session: Any) -> None:
    said = "Conversion failed when converting the nvarchar value '{}' to data type int."
    for data in ("Transaction (Process ID 1) was deadlocked", "Communication link failure"):
        peer.harm.fail("SELECT 1", 245, said.format(data))
        assert raised(lambda: ask(session)).kind is Kind.REFUSED
        peer.harm.heal()


def test_a_long_message_is_cut(peer: Peer, session: Any) -> None:
    peer.harm.fail("SELECT 1", 50001, "x" * 1000)

    assert len(raised(lambda: ask(session)).line) < LONGEST + 30


# The connection


def test_a_certificate_nobody_vouches_for_is_said_to_be_one(peer: Peer, connect: Connect) -> None:
    trouble = raised(lambda: connect(peer.port, TrustServerCertificate="no"))

    assert trouble.kind is Kind.REFUSED
    assert "certificate verify failed" in trouble.said
    assert "SSL_CERT_FILE" in trouble.advice


def test_a_server_without_strict_encryption_ends_the_connection(
    peer: Peer, connect: Connect
) -> None:
    trouble = raised(lambda: connect(peer.port, Encrypt="strict"))

    assert trouble.kind is Kind.LOST
    assert "Encrypt=strict" in trouble.advice


@pytest.fixture
def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.parametrize(
    ("server", "advised"),
    [
        ("127.0.0.1,{port}", "host and port in|host, port or instance in"),
        ("no.such.host.invalid,{port}", "name cannot be resolved|host, port or instance in"),
        (r"127.0.0.1\NOPE", "no such named instance|host, port or instance in"),
    ],
)
def test_who_is_not_there_may_come_back_and_the_address_is_named(
    connect: Connect, free_port: int, server: str, advised: str
) -> None:
    trouble = raised(lambda: connect(1, timeout=1, Server=server.format(port=free_port)))

    assert trouble.kind is Kind.LOST
    assert re.search(advised, trouble.advice)
    assert "V2_DATABASE_URL" in trouble.advice


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_what_is_no_sql_server_is_said_to_be_none(connect: Connect, answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client:
                        client.recv(4096)
                        client.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        trouble = raised(lambda: connect(port, timeout=1))
        listener.shutdown(socket.SHUT_RDWR)

    assert trouble.kind is Kind.LOST
    assert "host" in trouble.advice


def test_a_connection_cut_under_a_statement_is_lost_and_stays_so(
    peer: Peer, connect: Connect
) -> None:
    peer.harm.cut("SELECT 1")
    connection = connect(peer.port)

    troubles = [raised(lambda: ask(connection)) for _ in range(2)]
    with suppress(Exception):  # the drivers complain of the broken connection once more
        connection.close()
    troubles.append(raised(lambda: ask(connection)))

    assert [one.kind for one in troubles] == [Kind.LOST] * 3


def test_a_statement_over_its_time_is_asked_twice_more(peer: Peer, connect: Connect) -> None:
    peer.harm.slow("SELECT 1", 1.5)
    with closing(connect(peer.port)) as connection:
        connection.timeout = 1

        trouble = raised(lambda: ask(connection))

    assert (trouble.kind, trouble.repeats) == (Kind.AGAIN, 2)
    assert "query_timeout" in trouble.advice


def test_an_option_with_a_value_the_driver_refuses_is_named(peer: Peer, connect: Connect) -> None:
    trouble = raised(lambda: connect(peer.port, Encrypt="perhaps"))

    assert trouble.kind is Kind.REFUSED
    assert trouble.advice == "see Encrypt in V2_DATABASE_URL"


def test_the_integrated_login_without_a_ticket_asks_for_one(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, driver: str
) -> None:
    # The user's own tickets, if there are any, are elsewhere.
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'none'}")
    text = re.sub(r"(UID|PWD)=\{(?:[^}]|\}\})*\};", "", _string(peer.port))
    text += ";Trusted_Connection=yes"

    def connect() -> object:
        if driver == "pyodbc":
            return pyodbc.connect(f"DRIVER={{{bundled()}}};{text}", timeout=5)
        return mssql_python.connect(text, timeout=5)

    trouble = raised(connect)

    assert trouble.kind is Kind.REFUSED
    assert "kinit" in trouble.advice


# What a wrapped error, and what comes from elsewhere, means


def test_an_error_means_the_same_wrapped_by_django(peer: Peer, session: Any, driver: str) -> None:
    peer.harm.fail("SELECT 1", 1205, TEXTS[1205])
    module = pyodbc if driver == "pyodbc" else mssql_python

    class Wrapper:
        Database = module
        errors_occurred = False

    with pytest.raises(django.db.Error) as caught, DatabaseErrorWrapper(Wrapper()):
        ask(session)

    assert explain(caught.value, "microsoft").number == 1205
    # A handler for DatabaseError would let pyodbc's through.
    assert isinstance(caught.value, django.db.DatabaseError) is (driver == "mssql-python")


def test_the_login_s_refusal_behind_a_missing_database_does_not_hide_it() -> None:
    # The order in which pyodbc gave both, as its users report it.
    said = (
        "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Login failed for user 'sa'."
        " (18456) (SQLDriverConnect); [28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL"
        ' Server]Cannot open database "Forms" requested by the login. The login failed. (4060)'
    )

    trouble = explain(pyodbc.InterfaceError("28000", said), "microsoft")

    assert trouble.number == 4060
    assert "USE [Forms]" in trouble.advice


@pytest.mark.parametrize(
    ("error", "kind", "advised"),
    [
        (mssql_python.exceptions.ConnectionStringParseError(["Unknown keyword 'x'"]),
         Kind.REFUSED, "V2_DATABASE_URL"),
        (mssql_python.InterfaceError(
            "Failed to acquire an Entra ID access token for authentication type 'default': Azure"
            " AD authentication failed for DefaultAzureCredential:\nAttempted credentials: …", ""),
         Kind.REFUSED, "az login"),
        (RuntimeError("Azure authentication libraries are not installed. Please install with: …"),
         Kind.REFUSED, "azure-identity"),
        (RuntimeError("Error fetching LOB for column 2, cType=-8, loop=1, SQLGetData return=-1"),
         Kind.LOST, "network"),
        (RuntimeError("SQLGetData failed for NVARCHAR column"), Kind.LOST, "network"),
        (mssql_python.DatabaseError("An error occurred with SQLSTATE code: IMC06",
         "[Microsoft][ODBC Driver 18 for SQL Server]The connection is broken and recovery is not"
         " possible."), Kind.LOST, "network"),
        (mssql_python.OperationalError("Client unable to establish connection",
         "[Microsoft][ODBC Driver 18 for SQL Server]Something quite new"), Kind.LOST, ""),
        (mssql_python.OperationalError("Client unable to establish connection",
         "[Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: [error:0A000086:SSL routines::"
         "certificate verify failed:subject name does not match host name]"),
         Kind.REFUSED, "HostnameInCertificate"),
        (mssql_python.OperationalError("Client unable to establish connection",
         "[Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: [error:0A000086:SSL routines::"
         "certificate verify failed:certificate has expired]"), Kind.REFUSED, "renewed"),
        (mssql_python.OperationalError("Client unable to establish connection",
         "[Microsoft][ODBC Driver 18 for SQL Server]SSL Provider: [error:0A000102:SSL routines::"
         "unsupported protocol]"), Kind.REFUSED, "TLS 1.2"),
        (pyodbc.Error("01000", "[01000] [unixODBC][Driver Manager]Can't open lib 'ODBC Driver 17"
         " for SQL Server' : file not found (0) (SQLDriverConnect)"),
         Kind.REFUSED, "V2_ODBC_DRIVER"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)  # fmt: skip
def test_what_a_driver_says_by_itself(error: Exception, kind: Kind, advised: str) -> None:
    trouble = explain(error, "microsoft")

    assert from_driver(error)
    assert trouble.kind is kind
    assert advised in trouble.advice
    assert "\n" not in trouble.line


def test_an_error_of_our_own_is_not_the_driver_s() -> None:
    for error in (RuntimeError("a bug"), KeyError("Id"), ValueError("Login failed for user")):
        assert not from_driver(error)


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("57P01", Kind.LOST), ("08006", Kind.LOST), (None, Kind.LOST),
        ("40001", Kind.AGAIN), ("40P01", Kind.AGAIN), ("55P03", Kind.AGAIN),
        ("57014", Kind.REFUSED), ("53300", Kind.REFUSED), ("42501", Kind.REFUSED),
    ],
)  # fmt: skip
def test_postgresql_tells_by_sqlstate(sqlstate: str | None, kind: Kind) -> None:
    error = django.db.OperationalError("gone")
    if sqlstate:
        error.__cause__ = psycopg.errors.lookup(sqlstate)()

    assert explain(error, "postgresql").kind is kind


def test_postgresql_without_sqlstate_is_lost_only_where_the_driver_cannot_operate() -> None:
    assert explain(django.db.InterfaceError("closed"), "postgresql").kind is Kind.LOST
    assert explain(django.db.DataError("a NUL in a text"), "postgresql").kind is Kind.REFUSED


def test_sqlite_is_asked_again_where_another_holds_the_file() -> None:
    for text, kind in {
        "database is locked": Kind.LOST,
        "database table is busy": Kind.LOST,
        "disk I/O error": Kind.REFUSED,
    }.items():
        assert explain(django.db.OperationalError(text), "sqlite").kind is kind


# No secret is shown: R8


@pytest.mark.parametrize(
    "text",
    [
        "cannot use DRIVER={x};UID={sa};PWD={hush}}hush};Encrypt=yes",
        "cannot use Server=h;Pwd=hush;Encrypt=yes",
        "cannot use Password='hush hush'",
        "cannot use mssql://sa:hush@host/Pliers",
        "token eyJ0eXAiOiJKV1QiLCJhbGci.hush.hush was refused",
        "hush was refused",
        "h%C3%BCsh was refused",
    ],
)
def test_r8_a_secret_is_struck_out_whatever_way_it_got_there(text: str) -> None:
    trouble = explain(django.db.OperationalError(text), "microsoft", ["hush", "hüsh", ""])

    assert "hush" not in trouble.line
    assert "h%C3%BCsh" not in trouble.line
    assert "***" in trouble.line


# The document


def test_the_document_has_each_error_and_what_is_done_about_it() -> None:
    rows = re.findall(
        r"^\| `([^`|]+)` \| (opened again|asked again|stops) \|",
        DOCUMENT.read_text(encoding="utf-8"),
        re.MULTILINE,
    )

    assert rows == [(known.code, known.kind.value) for known in KNOWN]


def test_the_document_has_each_option_of_the_address() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    cells = re.findall(r"^\| (`[A-Za-z_]+`(?:, `[A-Za-z_]+`)*) \|", text, re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    options = sql_server._OWN | sql_server._KEYWORDS | sql_server._PYODBC_KEYWORDS

    assert {*options, *sql_server.LOGINS} <= named
