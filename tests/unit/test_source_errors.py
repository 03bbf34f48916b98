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
import pyodbc
import pytest
from django.db.utils import DatabaseErrorWrapper

from pliers.drivers import bundled
from tests.sqlserver.messages import AT_LOGIN, TEXTS
from tests.sqlserver.peer import Peer
from transfer.source_errors import LONGEST, Kind, Trouble, explain, from_driver
from transfer.sql_server_errors import KNOWN

USER, PASSWORD = "reader", "s3cret}pass"

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


# Wrapped by Django


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
