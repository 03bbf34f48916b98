"""Where a demo database goes: a SQLite file, or tables in a PostgreSQL database.

Either way it appears whole or not at all, and takes the place of nothing but an earlier one.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import psycopg
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from legacy_v2.seed import schema
from legacy_v2.seed.design import Row
from transfer.exceptions import RunError

# "PLv2": the application_id of a SQLite file that seed_v2 made, and its layout's number.
APPLICATION_ID = 0x504C7632
LAYOUT = 1
COMMENT = "demo data made by seed_v2"  # on each table it made in PostgreSQL
_CACHE_KIB = 16_384  # SQLite's page cache: a larger one is no faster here
_LOCK_SECONDS = 10  # to wait for readers of an earlier demo database


class SeedRefusedError(RunError):
    """The place is taken by something seed_v2 did not make, or is no place for a demo database."""


class Writer(Protocol):
    """Takes the rows of a demo database, in any order, and counts them by table."""

    rows: Counter[str]

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows whose values are in the order of the table's columns."""

    def write_any(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows whatever their text holds, as far as the database can hold it."""


class SqliteWriter:
    """Writes to a SQLite file through the sqlite3 module."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.rows: Counter[str] = Counter()
        self._connection = connection
        self._statements = {
            table: f'INSERT INTO "{table}" VALUES ({", ".join("?" for _ in columns)})'  # noqa: S608 - names of our own
            for table, columns in ((table, schema.columns(table)) for table in schema.tables())
        }

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows of sound text."""
        rows = list(rows)
        self._connection.executemany(self._statements[table], rows)
        self.rows[table] += len(rows)

    def write_any(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows whose text may hold what UTF-8 cannot: a lone surrogate."""
        for row in rows:
            values = [_bytes_of_broken(value) for value in row]
            # Bytes are a blob to SQLite until it is told that they are text.
            marks = ["CAST(? AS TEXT)" if isinstance(v, bytes) else "?" for v in values]
            statement = f'INSERT INTO "{table}" VALUES ({", ".join(marks)})'  # noqa: S608 - names of our own
            self._connection.execute(statement, values)
            self.rows[table] += 1


class PostgresWriter:
    """Writes to PostgreSQL with COPY."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self.rows: Counter[str] = Counter()
        self._connection = connection

    def write(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows; text without U+0000 and lone surrogates, which PostgreSQL cannot hold."""
        statement = sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
                self.rows[table] += 1

    write_any = write


@contextmanager
def sqlite_file(path: Path) -> Iterator[SqliteWriter]:
    """A writer whose rows become the file when the block ends well, and vanish otherwise.

    Raises:
        SeedRefusedError: the path holds something else, or cannot be written.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name}.{os.getpid()}.seeding")
    try:
        _check_sqlite(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            _prepare_sqlite(connection)
            writer = SqliteWriter(connection)
            yield writer
            connection.execute(schema.create_answer_index())
            connection.execute("COMMIT")
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, sqlite3.Error) as error:
        msg = f"cannot write {path}: {error}"
        raise SeedRefusedError(msg) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


@contextmanager
def postgres_tables(alias: BaseDatabaseWrapper) -> Iterator[PostgresWriter]:
    """A writer whose rows become tables of the database in one transaction.

    The alias itself stays read-only: the rows go over a connection of their own.

    Raises:
        SeedRefusedError: a table of v2's exists that seed_v2 did not make, or the database
            cannot be reached or refuses.
    """
    try:
        with closing(alias.copy()) as own:
            own.ensure_connection()
            connection = own.connection
            with connection.transaction():
                connection.execute("SET TRANSACTION READ WRITE")
                connection.execute(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
                _make_postgres_tables(connection)
                writer = PostgresWriter(connection)
                yield writer
                connection.execute(schema.create_answer_index())
    except (psycopg.Error, DatabaseError) as error:
        msg = f"cannot write to v2's PostgreSQL database: {str(error).splitlines()[0]}"
        raise SeedRefusedError(msg) from error


def _check_sqlite(path: Path) -> None:
    if path.is_dir():
        msg = f"{path} is a directory; V2_DATABASE_URL has to name a file"
        raise SeedRefusedError(msg)
    for suffix in ("-wal", "-journal"):
        if path.with_name(path.name + suffix).exists():
            msg = f"{path}{suffix} exists: another program is writing to {path}"
            raise SeedRefusedError(msg)
    if path.exists() and path.stat().st_size and not _is_demo(path):
        msg = (
            f"{path} was not made by seed_v2, which replaces nothing else: move it away, or name"
            " another file in V2_DATABASE_URL"
        )
        raise SeedRefusedError(msg)


def _is_demo(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return bool(connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID)
    except sqlite3.Error:
        return False


def _prepare_sqlite(connection: sqlite3.Connection) -> None:
    # No journal: the file beside is thrown away as a whole where something goes wrong.
    for pragma in (
        "journal_mode = OFF",
        "synchronous = OFF",
        "locking_mode = EXCLUSIVE",
        f"cache_size = -{_CACHE_KIB}",
        f"application_id = {APPLICATION_ID}",
        f"user_version = {LAYOUT}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    for statement in schema.create_tables("sqlite"):
        connection.execute(statement)


def _make_postgres_tables(connection: "psycopg.Connection[Any]") -> None:
    found = connection.execute(
        """
        SELECT relname, obj_description(pg_class.oid, 'pg_class')
        FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname = current_schema() AND relname = ANY(%s)
        ORDER BY relname
        """,
        [list(schema.tables())],
    ).fetchall()
    for table, comment in found:
        if comment != COMMENT:
            msg = (
                f"the v2 database has a table {table} that seed_v2 did not make, and replaces"
                " nothing else: name another database in V2_DATABASE_URL"
            )
            raise SeedRefusedError(msg)
    for table, _ in found:
        connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table)))
    for statement in schema.create_tables("postgresql"):
        connection.execute(statement)
    for table in schema.tables():
        connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(sql.Identifier(table), sql.Literal(COMMENT))
        )


def _bytes_of_broken(value: object) -> object:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value
