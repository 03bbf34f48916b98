"""What a driver says without a number, other databases' errors, secrets (R8) and the document."""

import re
from pathlib import Path

import django.db
import mssql_python
import psycopg
import pyodbc
import pytest
from django.conf import settings

from pliers import sql_server
from transfer.source_errors import Kind, explain, from_driver
from transfer.sql_server_errors import KNOWN

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "sql-server.md"

# A driver's own words


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
        # What Django's closing of a cursor comes to, once mssql-django closed the connection.
        (pyodbc.ProgrammingError("The cursor's connection has been closed."), Kind.LOST, "network"),
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
        *((mssql_python.OperationalError("Client unable to establish connection",
         f"[Microsoft][ODBC Driver 18 for SQL Server]TCP Provider: Error code {code}"),
         Kind.LOST, "name cannot be resolved") for code in ("0x2AF9", "0x2AFA", "0x2AFB",
                                                            "0x2AFC")),
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
