"""A real SQL Server, 2017 or later: a database of the test's own, dropped afterwards.

``V2_TEST_DATABASE_URL`` names the server and the login that reads; ``V2_TEST_ADMIN_URL`` a login
that may create databases (``logins.sql`` makes both). The database named in them is not touched.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

from django.conf import settings

from pliers.environment import legacy
from pliers.sql_server import connection_string
from tests.sqlserver import types
from tests.sqlserver.tables import PeerTable
from tests.sqlserver.values import Guid

READER, ADMIN = "V2_TEST_DATABASE_URL", "V2_TEST_ADMIN_URL"
ROWS_AT_ONCE = 500  # of an INSERT, which takes 1,000
TRIES = 10  # at making a database


def asked_for() -> bool:
    """Whether the tests are to use a real server."""
    return bool(_address(READER))


def _address(variable: str) -> str:
    return str(getattr(settings, variable, ""))


@contextmanager
def database(tables: Sequence[PeerTable]) -> Iterator[str]:
    """Make a database with these tables; yields the reader's URL for it."""
    admin = _address(ADMIN)
    assert admin, f"{READER} is set, and {ADMIN} is not"
    reader = _address(READER)
    name = f"pliers_test_{uuid4().hex[:12]}"
    with closing(_connect(_with_database(admin, "master"))) as master:
        create(lambda: _run(master, f"CREATE DATABASE [{name}]"))
        try:
            _run(master, f"ALTER DATABASE [{name}] SET ALLOW_SNAPSHOT_ISOLATION ON")
            _fill(_with_database(admin, name), _settings(reader)["USER"], tables)
            yield _with_database(reader, name)
        finally:
            _run(master, f"ALTER DATABASE [{name}] SET SINGLE_USER WITH ROLLBACK IMMEDIATE")
            _run(master, f"DROP DATABASE [{name}]")


def create(make: Callable[[], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Make a database; once more while another test makes one.

    CREATE DATABASE locks "model", which every new database is a copy of: who finds it locked gets
    error 1807 after some seconds. mssql-python tells no number, only the text.
    """
    for left in range(TRIES - 1, -1, -1):
        try:
            make()
        except Exception as error:
            if not left or not re.search(r"\bmodel\b", str(error)):
                raise
            sleep(1.0)
        else:
            return


def _fill(url: str, user: str, tables: Sequence[PeerTable]) -> None:
    with closing(_connect(url)) as connection:
        account = _quoted(user)
        _run(connection, f"CREATE USER {account} FOR LOGIN {account}")
        _run(connection, f"ALTER ROLE db_datareader ADD MEMBER {account}")
        _run(connection, f"GRANT VIEW DATABASE STATE TO {account}")
        for schema in {table.schema for table in tables} - {"dbo"}:
            _run(connection, f"CREATE SCHEMA {_quoted(schema)}")
        for table in tables:
            _make(connection, table)


def _make(connection: Any, table: PeerTable) -> None:
    place = f"{_quoted(table.schema)}.{_quoted(table.name)}"
    columns = [
        f"{_quoted(c.name)} {_declared(c.type)} {'' if c.name in table.nullable else 'NOT '}NULL"
        for c in table.columns
    ]
    _run(connection, f"CREATE TABLE {place} ({', '.join(columns)})")
    for at in range(0, len(table.rows), ROWS_AT_ONCE):
        rows = table.rows[at : at + ROWS_AT_ONCE]
        values = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
        _run(connection, f"INSERT INTO {place} VALUES {values}")
    for index in table.indexes:
        parts = ", ".join(map(_quoted, index.columns))
        if index.primary:
            key = f"CONSTRAINT {_quoted(index.name)} PRIMARY KEY CLUSTERED ({parts})"
            _run(connection, f"ALTER TABLE {place} ADD {key}")
        else:
            _run(connection, f"CREATE INDEX {_quoted(index.name)} ON {place} ({parts})")


def _declared(kind: Any) -> str:
    name, chars = types.sql_name(kind), types.length(kind)
    if chars is None:
        return f"{name}(7)" if name in ("datetime2", "datetimeoffset") else name
    return f"{name}({'max' if chars == -1 else chars})"


def _literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case Guid():
            return f"'{str.__str__(value)}'"
        case bool():
            return str(int(value))
        case int():
            return str(value)
        case datetime():
            # Of datetime too, which takes three digits of a second.
            kind = "datetimeoffset" if value.tzinfo else "datetime2"
            return f"CAST('{value.isoformat()}' AS {kind})"
    # As bytes: no character means anything there, and half of a surrogate pair can be written.
    data = str(value).encode("utf-16-le", "surrogatepass").hex()
    return f"CAST(0x{data} AS nvarchar(max))"


def _quoted(name: str) -> str:
    return "[{}]".format(name.replace("]", "]]"))


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _settings(url: str) -> dict[str, Any]:
    return legacy("V2_TEST_DATABASE_URL", url, base=Path())[0]


def _connect(url: str) -> Any:
    import mssql_python  # noqa: PLC0415 - needs libraries not every machine has

    return mssql_python.connect(connection_string(_settings(url)), autocommit=True)


def _run(connection: Any, statement: str) -> None:
    with closing(connection.cursor()) as cursor:
        cursor.execute(statement)
