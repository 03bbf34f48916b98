"""Rows of v2 in columns: each driver's fastest way, behind one small interface.

A fetcher runs a statement on Django's connection to v2 and hands its rows back column by column,
as the driver gives the values. The caller bounds the statement; all its rows are held, once.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from operator import itemgetter
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from django.db import OperationalError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestampLoader
from psycopg.types.string import TextLoader

from transfer.makers import Maker

# Rows taken from a driver at once. Few: what was just made of them is looked at again while it is
# in the processor's cache, which makes reading a quarter faster than with thousands.
ROWS_AT_ONCE = 256
# The same where each time costs more: of a driver that gives whole columns, of a server that is
# asked each time.
MANY_ROWS_AT_ONCE = 8192
FIRST_ROWS = 2  # where texts may have twenty megabytes, which only the first rows tell
HALF_A_PAIR = "\ufffd"  # what stands for it where the driver decodes a text

T = TypeVar("T")
Columns: TypeAlias = list[list[Any]]
Page: TypeAlias = Sequence[Sequence[Any]]  # some rows in columns


class Fetched(NamedTuple):
    """Rows in columns; none at all where there is no row. ``cut``: there may be more rows.

    ``last`` is the last row's first value as the driver gave it.
    """

    columns: Columns
    cut: bool = False
    last: Any = None


class FetchedRows(NamedTuple):
    """Rows as the driver gives them. ``cut``: there may be more."""

    rows: list[tuple[Any, ...]]
    cut: bool = False


class Budget(NamedTuple):
    """How much of some columns is held: fetching ends with the rows that go beyond it.

    characters: of texts, or bytes. columns: their numbers.
    """

    characters: int
    columns: Sequence[int]

    def next_rows(self, last: int, held: int, found: int, most: int) -> int:
        """How many rows to fetch next: as many as there is room for, if they are like the others.

        Args:
            last: how many were fetched last.
            held: characters in all that were found.
            found: rows that were.
            most: that are fetched at once.
        """
        room = (self.characters - held) * found // max(held, 1)
        return max(1, min(most, 4 * last, room))


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

    def fetch_rows(
        self, statement: str, parameters: Sequence[Any], budget: Budget | None = None
    ) -> FetchedRows:
        """The rows of a statement, each by itself; else as ``fetch``."""


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
    last = None
    held, rows = 0, FIRST_ROWS if budget else at_once
    while page := take(rows):
        made = [make(own) for make, own in zip(makers, page, strict=True)] if makers else page
        last = page[0][-1]
        columns = columns or [[] for _ in page]
        for column, values in zip(columns, made, strict=True):
            column.extend(values)
        if budget is None:
            continue
        held += sum(_size(page[number]) for number in budget.columns)
        if held >= budget.characters:
            return Fetched(columns, cut=True, last=last)
        rows = budget.next_rows(rows, held, len(columns[0]), at_once)
    return Fetched(columns, last=last)


def _gathered_rows(
    take: Callable[[int], list[tuple[Any, ...]]],
    budget: Budget | None,
    at_once: int = ROWS_AT_ONCE,
) -> FetchedRows:
    found: list[tuple[Any, ...]] = []
    held, rows = 0, FIRST_ROWS if budget else at_once
    while some := take(rows):
        found += some
        if budget is None:
            continue
        held += sum(_size(list(map(itemgetter(number), some))) for number in budget.columns)
        if held >= budget.characters:
            return FetchedRows(found, cut=True)
        rows = budget.next_rows(rows, held, len(found), at_once)
    return FetchedRows(found)


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


class _ByRow(_OnConnection):
    """A driver whose own way is row by row."""

    rows_at_once = ROWS_AT_ONCE

    def fetch(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        def ask(cursor: CursorWrapper) -> Fetched:
            cursor.execute(statement, parameters)
            return _gathered(_taker(cursor), budget, makers, self.rows_at_once)

        return self._with_cursor(ask, bounded=budget is not None)

    def fetch_rows(
        self, statement: str, parameters: Sequence[Any], budget: Budget | None = None
    ) -> FetchedRows:
        def ask(cursor: CursorWrapper) -> FetchedRows:
            cursor.execute(statement, parameters)
            return _gathered_rows(cursor.fetchmany, budget, self.rows_at_once)

        return self._with_cursor(ask, bounded=budget is not None)

    def _with_cursor(self, ask: Callable[[CursorWrapper], T], *, bounded: bool) -> T:
        """What is asked and gathered with a cursor.

        ``bounded``: not all that a statement gives may come over.
        """
        raise NotImplementedError


class _Postgres(_ByRow):
    rows_at_once = MANY_ROWS_AT_ONCE

    def _with_cursor(self, ask: Callable[[CursorWrapper], T], *, bounded: bool) -> T:
        with ExitStack() as stack:
            opened = self._connection.cursor
            if bounded:  # the client's own cursor holds all that a statement gives
                stack.enter_context(transaction.atomic(using=self._connection.alias))
                opened = self._connection.chunked_cursor
            cursor = stack.enter_context(opened())
            # A Python UUID object an answer would cost more than the rest of the mapping.
            cursor.cursor.adapters.register_loader("uuid", TextLoader)
            cursor.cursor.adapters.register_loader("timestamp", TolerantTimestampLoader)
            return ask(cursor)


class _Sqlite(_ByRow):
    def _with_cursor(self, ask: Callable[[CursorWrapper], T], *, bounded: bool) -> T:  # noqa: ARG002 - rows come one by one
        self._connection.ensure_connection()
        try:
            with self._connection.cursor() as cursor:
                return ask(cursor)
        except OperationalError as error:
            if "decode" not in str(error):
                raise
        # SQLite holds any bytes as text; a lone surrogate makes the module's own decoder give up.
        raw = self._connection.connection
        raw.text_factory = _tolerant_text
        try:
            with self._connection.cursor() as cursor:
                return ask(cursor)
        finally:
            raw.text_factory = str


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

    def fetch_rows(
        self, statement: str, parameters: Sequence[Any], budget: Budget | None = None
    ) -> FetchedRows:
        fetched = self.fetch(statement, parameters, budget)
        return FetchedRows(list(zip(*fetched.columns, strict=True)), fetched.cut)

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

        fetched = _gathered(take, budget, makers, MANY_ROWS_AT_ONCE)
        # Where the connection breaks under an answer the driver may give the rows that had come
        # for all there are. The next statement fails then, and the page is read again.
        cursor.execute("SELECT 1")
        return fetched
