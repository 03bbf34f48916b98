"""Rows of v2 in columns: each driver's fastest way, behind one small interface.

A fetcher runs a statement on Django's connection to v2 and hands its rows back column by column,
as the driver gives the values. The caller bounds the statement; all its rows are held, once.
"""

from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any, Protocol, TypeAlias

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestampLoader
from psycopg.types.string import TextLoader

# Rows handed over by a driver at once: enough that a call costs nothing, little to hold twice.
ROWS_AT_ONCE = 8192
HALF_A_PAIR = "\ufffd"  # what stands for it where the driver decodes a text

Columns: TypeAlias = list[list[Any]]


class Fetcher(Protocol):
    """How the rows of one kind of database travel.

    Attributes:
        loses_halves: half of a surrogate pair comes as U+FFFD, and so is not told from one that
            is in the text: such texts have to be asked for as bytes of UTF-16 (see ``decoded``).
    """

    loses_halves: bool

    def fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        """The columns of a statement; none at all where it has no row.

        Args:
            statement: as Django composes it: ``%s`` for a parameter, ``%%`` for a percent sign.
            parameters: the values.

        Raises:
            django.db.Error: as Django wraps the driver's.
        """


def fetcher_of(connection: BaseDatabaseWrapper) -> Fetcher:
    """The fetcher for a connection, by its kind and driver."""
    if connection.vendor == "postgresql":
        return _Postgres(connection)
    if connection.vendor == "sqlite":
        return _Sqlite(connection)
    driver = connection.settings_dict["OPTIONS"].get("python_driver")
    return _Arrow(connection) if driver else _Rows(connection)


def decoded(texts: Iterable[bytes | None]) -> list[str | None]:
    """Texts from their bytes of UTF-16, half of a pair as it is (M4 deals with it)."""
    return [None if raw is None else raw.decode("utf-16-le", "surrogatepass") for raw in texts]


def _gathered(pages: Iterable[Sequence[Sequence[Any]]]) -> Columns:
    columns: Columns = []
    for rows in pages:
        page = zip(*rows, strict=True)
        if not columns:
            columns = [list(values) for values in page]
            continue
        for column, values in zip(columns, page, strict=True):
            column.extend(values)
    return columns


def _pages(cursor: Any) -> Iterable[Sequence[Sequence[Any]]]:  # noqa: ANN401 - a driver's
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        yield rows


class TolerantTimestampLoader(TimestampLoader):
    """Hands back as text a time Python cannot hold; the mapping makes it the record's error."""

    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a time, or text in its place
        """The time as a naive datetime, or its text."""
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _Postgres:
    loses_halves = False

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        with self._connection.cursor() as cursor:
            # A Python UUID object an answer would cost more than the rest of the mapping.
            cursor.cursor.adapters.register_loader("uuid", TextLoader)
            cursor.cursor.adapters.register_loader("timestamp", TolerantTimestampLoader)
            cursor.execute(statement, parameters)
            return _gathered(_pages(cursor))


class _Sqlite:
    loses_halves = False

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        self._connection.ensure_connection()
        try:
            return self._fetch(statement, parameters)
        except OperationalError as error:
            if "decode" not in str(error):
                raise
        # SQLite holds any bytes as text; a lone surrogate makes the module's own decoder give up.
        raw = self._connection.connection
        raw.text_factory = _tolerant_text
        try:
            return self._fetch(statement, parameters)
        finally:
            raw.text_factory = str

    def _fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return _gathered(_pages(cursor))


def _tolerant_text(value: bytes) -> str:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return value.decode("utf-8", "surrogateescape")


class _Rows:
    """SQL Server through pyodbc; its connection decodes texts with half a pair as they are."""

    loses_halves = False

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        self._connection.ensure_connection()
        with (
            self._connection.wrap_database_errors,
            closing(self._connection.connection.cursor()) as cursor,
        ):
            cursor.execute(_with_marks(statement, parameters), tuple(parameters))
            return _gathered(_pages(cursor))


class _Arrow:
    """SQL Server through mssql-python: whole columns at a time, without a Python object a row.

    Row by row it is five times as slow, and a text with half a pair comes back empty.
    """

    loses_halves = True

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def fetch(self, statement: str, parameters: Sequence[Any]) -> Columns:
        self._connection.ensure_connection()
        columns: Columns = []
        with (
            self._connection.wrap_database_errors,
            closing(self._connection.connection.cursor()) as cursor,
        ):
            cursor.execute(_with_marks(statement, parameters), tuple(parameters))
            while (batch := cursor.arrow_batch(ROWS_AT_ONCE)).num_rows:
                columns = columns or [[] for _ in batch.columns]
                for column, values in zip(columns, batch.columns, strict=True):
                    column.extend(values.to_pylist())
        return columns


def _with_marks(statement: str, parameters: Sequence[Any]) -> str:
    # mssql-django would do this for us, and declare the parameters of a GROUP BY as variables.
    marked: str = statement % (("?",) * len(parameters))
    return marked
