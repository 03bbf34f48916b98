"""Rows of v2 in columns: each driver's fastest way, behind one small interface.

A fetcher runs a statement on Django's connection to v2 and hands its rows back column by column,
as the driver gives the values. The caller bounds the statement; all its rows are held, once.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import Any, NamedTuple, Protocol, TypeAlias

from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestampLoader
from psycopg.types.string import TextLoader

# Rows taken from a driver at once. Few: what was just made of them is looked at again while it is
# in the processor's cache, which makes reading a quarter faster than with thousands.
ROWS_AT_ONCE = 256
# The same of a driver that gives whole columns, where each time costs more.
ARROW_ROWS_AT_ONCE = 8192
FIRST_ROWS = 2  # where texts may have twenty megabytes, which only the first rows tell
HALF_A_PAIR = "\ufffd"  # what stands for it where the driver decodes a text

Columns: TypeAlias = list[list[Any]]
Page: TypeAlias = Sequence[Sequence[Any]]  # some rows in columns
Maker: TypeAlias = Callable[[Sequence[Any]], Sequence[Any]]


class Fetched(NamedTuple):
    """Rows in columns; none at all where there is no row. ``cut``: there may be more rows.

    ``last`` is the last row's first value as the driver gave it, ``before`` that of the last row
    whose value, as it is made, is another.
    """

    columns: Columns
    cut: bool = False
    last: Any = None
    before: Any = None


class Budget(NamedTuple):
    """How much of some columns is held: fetching ends with the rows that go beyond it.

    characters: of texts, or bytes. columns: their numbers.
    """

    characters: int
    columns: Sequence[int]


class Fetcher(Protocol):
    """How the rows of one kind of database travel.

    Attributes:
        loses_halves: half of a surrogate pair comes as U+FFFD, and so is not told from one that
            is in the text: such texts have to be asked for as bytes of UTF-16 (see ``decoded``).
    """

    loses_halves: bool

    def fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        """The rows of a statement.

        Args:
            statement: as Django composes it: ``%s`` for a parameter, ``%%`` for a percent sign.
            parameters: the values.
            budget: where to end; None: with the last row.
            makers: what makes the values of each column that are wanted; none: they stay.

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


def _gathered(
    take: Callable[[int], Page],
    budget: Budget | None,
    makers: Sequence[Maker] = (),
    at_once: int = ROWS_AT_ONCE,
) -> Fetched:
    columns: Columns = []
    last = before = last_made = None
    held, rows = 0, FIRST_ROWS if budget else at_once
    while page := take(rows):
        made = [make(own) for make, own in zip(makers, page, strict=True)] if makers else page
        own = made[0][-1]
        other = next((n for n in range(len(made[0]), 0, -1) if made[0][n - 1] != own), 0)
        if other:
            before = page[0][other - 1]
        elif own != last_made:
            before = last
        last, last_made = page[0][-1], own
        columns = columns or [[] for _ in page]
        for column, values in zip(columns, made, strict=True):
            column.extend(values)
        if budget is None:
            continue
        held += sum(_size(page[number]) for number in budget.columns)
        if held >= budget.characters:
            return Fetched(columns, cut=True, last=last, before=before)
        # As many as the budget has room for, if they are like those before.
        room = (budget.characters - held) * len(columns[0]) // max(held, 1)
        rows = max(1, min(at_once, 4 * rows, room))
    return Fetched(columns, last=last, before=before)


def _size(values: Sequence[Any]) -> int:
    try:
        return len("".join(filter(None, values)))
    except TypeError:  # not all of them are texts
        return sum(len(value) for value in values if isinstance(value, str | bytes))


def _taker(cursor: Any) -> Callable[[int], Page]:  # noqa: ANN401 - a driver's
    def take(rows: int) -> Page:
        return list(zip(*cursor.fetchmany(rows), strict=True))

    return take


class TolerantTimestampLoader(TimestampLoader):
    """Hands back as text a time Python cannot hold; the mapping makes it the record's error."""

    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a time, or text in its place
        """The time as a naive datetime, or its text."""
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _OnConnection:
    loses_halves = False

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection


class _Postgres(_OnConnection):
    def fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        with self._connection.cursor() as cursor:
            # A Python UUID object an answer would cost more than the rest of the mapping.
            cursor.cursor.adapters.register_loader("uuid", TextLoader)
            cursor.cursor.adapters.register_loader("timestamp", TolerantTimestampLoader)
            cursor.execute(statement, parameters)
            return _gathered(_taker(cursor), budget, makers)


class _Sqlite(_OnConnection):
    def fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        self._connection.ensure_connection()
        try:
            return self._fetch(statement, parameters, budget, makers)
        except OperationalError as error:
            if "decode" not in str(error):
                raise
        # SQLite holds any bytes as text; a lone surrogate makes the module's own decoder give up.
        raw = self._connection.connection
        raw.text_factory = _tolerant_text
        try:
            return self._fetch(statement, parameters, budget, makers)
        finally:
            raw.text_factory = str

    def _fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None,
        makers: Sequence[Maker],
    ) -> Fetched:
        with self._connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return _gathered(_taker(cursor), budget, makers)


def _tolerant_text(value: bytes) -> str:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return value.decode("utf-8", "surrogateescape")


class _SqlServer(_OnConnection):
    """SQL Server, past mssql-django: it would declare the parameters of a GROUP BY as variables."""

    def fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        marked = statement % (("?",) * len(parameters))
        self._connection.ensure_connection()
        with (
            self._connection.wrap_database_errors,
            closing(self._connection.connection.cursor()) as cursor,
        ):
            cursor.execute(marked, tuple(parameters))
            return self._fetched(cursor, budget, makers)

    def _fetched(
        self,
        cursor: Any,  # noqa: ANN401 - a driver's
        budget: Budget | None,
        makers: Sequence[Maker],
    ) -> Fetched:
        raise NotImplementedError


class _Rows(_SqlServer):
    """Through pyodbc; its connection decodes texts with half a pair as they are."""

    def _fetched(
        self,
        cursor: Any,  # noqa: ANN401 - a driver's
        budget: Budget | None,
        makers: Sequence[Maker],
    ) -> Fetched:
        return _gathered(_taker(cursor), budget, makers)


class _Arrow(_SqlServer):
    """Through mssql-python: whole columns at a time, without a Python object a row.

    Row by row it is five times as slow, and a text with half a pair comes back empty.
    """

    loses_halves = True

    def _fetched(
        self,
        cursor: Any,  # noqa: ANN401 - a driver's
        budget: Budget | None,
        makers: Sequence[Maker],
    ) -> Fetched:
        def take(rows: int) -> Page:
            batch = cursor.arrow_batch(rows)
            return [column.to_pylist() for column in batch.columns] if batch.num_rows else []

        fetched = _gathered(take, budget, makers, ARROW_ROWS_AT_ONCE)
        # Where the connection breaks under an answer the driver may give the rows that had come
        # for all there are. The next statement fails then, and the page is read again.
        cursor.execute("SELECT 1")
        return fetched
