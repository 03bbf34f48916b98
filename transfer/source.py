"""The connection to v2: runs a query the models composed and returns its rows in columns."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from legacy_v2 import names
from legacy_v2.introspection import V2Schema, inspect
from transfer.exceptions import SourceError, SourceLostError
from transfer.fetch import HALF_A_PAIR, Budget, Fetched, FetchedRows, decoded, fetcher_of
from transfer.makers import Maker, as_given
from transfer.source_errors import Kind, Trouble, explain, from_driver
from transfer.source_pages import Page, RowPage, key_text
from transfer.source_place import check_file, describe, identity, sqlite_path
from transfer.source_session import session
from transfer.source_values import normaliser
from transfer.sql_server_errors import RECOVERING
from transfer.target import NETWORK
from transfer.v2_names import apply_names

T = TypeVar("T")

# Seconds before each new try of a lost connection: a minute and a half in all, for a failover or
# a move in Azure takes up to a minute; short enough that a person still watches.
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 30.0)
SLICE_SECONDS = 0.1  # of a wait, for Ctrl-C ends it
UNSAID = 2  # tries that nobody needs to know of: they take a second and a half
TRIES_AT_THE_BEGINNING = 3


class _Utf16(models.Func):
    """A text of SQL Server as its bytes, whatever type and code page its column has."""

    template = "CAST(CAST(%(expressions)s AS nvarchar(max)) AS varbinary(max))"
    output_field = models.BinaryField()


class Source:
    """The v2 database, only ever read (R4).

    Raises:
        SourceError: v2 cannot be reached, or lacks a table or column the import needs.
        ConfigurationError: V2_MAPPING gives v2's tables names that cannot be used.
    """

    def __init__(self, alias: str = "v2", backoff: Sequence[float] = BACKOFF_SECONDS) -> None:
        self.alias = alias
        self._backoff = backoff
        self._is_stopped: Callable[[], bool] = lambda: False
        self._say: Callable[[str], None] = lambda _text: None
        apply_names()
        self.schema: V2Schema = self._open()

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection to v2."""
        return connections[self.alias]

    def _open(self) -> V2Schema:
        if self.connection.vendor == "sqlite":
            check_file(sqlite_path(str(self.connection.settings_dict["NAME"])))
        elif self.connection.vendor == "postgresql":
            settings = self.connection.settings_dict
            settings["OPTIONS"] = NETWORK | settings.get("OPTIONS", {})
        return self._attempt(lambda: inspect(self.connection), opening=True)

    def watch(self, is_stopped: Callable[[], bool], say: Callable[[str], None]) -> None:
        """While v2 is waited for, let the user know of it, and end the wait.

        Args:
            is_stopped: whether the user asked to stop.
            say: tells the user something, once a wait.
        """
        self._is_stopped, self._say = is_stopped, say

    def require(self) -> None:
        """Refuse a v2 that lacks what the import needs.

        Raises:
            SourceError: names what is missing; where nothing is there, the schema that was meant.
        """
        if missing := self.schema.missing():
            said = "; ".join(missing)
            schema = self.connection.settings_dict.get("SCHEMA")
            if schema and not (self.schema.tables or self.schema.denied):
                said = (
                    f"schema {schema!r} (V2_SCHEMA) has none of v2's tables that this login may see"
                )
            raise SourceError(f"{self.describe()}: {said}")

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def has(self, model: type[models.Model], attname: str | None = None) -> bool:
        """Whether v2 has the model's table and, where named, its column."""
        column = names.column(names.field_of(model, attname)) if attname else None
        return self.schema.has(names.table(model), column)

    def may_be_null(self, model: type[models.Model], attname: str) -> bool:
        """Whether a column can hold NULL, as far as v2 tells."""
        column = names.column(names.field_of(model, attname))
        return (names.table(model), column) not in self.schema.never_null

    def has_numbers(self, model: type[models.Model], attname: str) -> bool:
        """Whether a column's ids are whole numbers."""
        column = names.column(names.field_of(model, attname))
        return (names.table(model), column) in self.schema.integer_ids

    def count(self, query: "models.QuerySet[Any]") -> int:
        """The number of rows of a query."""
        return self._attempt(lambda: query.using(self.alias).count())

    def first(self, query: "models.QuerySet[Any]") -> object:
        """The first result of a query, None where it has none."""
        return self._attempt(lambda: next(iter(query.using(self.alias)[:1]), None))

    def grouped_counts(
        self, query: "models.QuerySet[Any]", columns: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """Rows a combination of the columns' values (as the mapping takes them), the count last."""
        present = [name for name in columns if self.has(query.model, name)]
        grouped = query.order_by().values_list(*present).annotate(rows=models.Count("pk"))
        makers = [*(self.maker(query.model, name) for name in present), as_given]
        found = self._fetch(grouped, None, makers).columns
        if not found:
            return []
        values = dict(zip(present, found, strict=False))
        absent = (None,) * len(found[-1])
        return list(zip(*(values.get(name, absent) for name in columns), found[-1], strict=True))

    def read(
        self,
        query: "models.QuerySet[Any]",
        columns: Sequence[str],
        characters: int | None = None,
    ) -> Page:
        """Run the query for these columns (attribute names of its model), in one round trip.

        A column v2 lacks comes back as None. The caller bounds the query: all its rows are held.
        Where a driver cannot tell a text's halves of pairs, and it holds any, there is a second
        round trip, for the texts' bytes.

        Args:
            query: what to read.
            columns: attribute names; the first is the key.
            characters: of long texts that are enough: the page is cut behind them.

        Raises:
            SourceLostError: the connection was lost and stayed lost.
            SourceError: v2 refused the query.
        """
        present, texts, budget = self._plan(query, columns, characters)
        makers = [self.maker(query.model, name) for name in present]
        found, cut, last = self._fetch(query.values_list(*present), budget, makers)
        if fetcher_of(self.connection).loses_halves and _has_half(
            text for number in texts if found for text in found[number]
        ):
            makers = [decoded if n in texts else make for n, make in enumerate(makers)]
            found, cut, last = self._fetch(self._as_bytes(query, present, texts), budget, makers)
        if not found:
            return Page([()] * len(columns), "", 0)
        length = len(found[0])
        # v2 may lack the first column too (an assumed Id); then nobody asks for the last key.
        whole = self.has_numbers(query.model, columns[0])
        key = key_text(last, whole=whole) if present[0] == columns[0] else ""
        values = dict(zip(present, found, strict=True))
        absent = (None,) * length
        made = [values.get(name, absent) for name in columns]
        return Page(made, key, length, cut)

    def read_rows(
        self,
        query: "models.QuerySet[Any]",
        columns: Sequence[str],
        characters: int | None = None,
    ) -> RowPage:
        """The same as ``read``, row by row and nothing made of the values (see ``maker``)."""
        present, texts, budget = self._plan(query, columns, characters)
        rows, cut = self._fetch_rows(query.values_list(*present), budget)
        if fetcher_of(self.connection).loses_halves and _has_half(
            row[number] for row in rows for number in texts
        ):
            found, cut, _ = self._fetch(
                self._as_bytes(query, present, texts),
                budget,
                [decoded if n in texts else as_given for n in range(len(present))],
            )
            rows = list(zip(*found, strict=True))
        if len(present) < len(columns):
            places = [present.index(name) if name in present else None for name in columns]
            rows = [tuple(None if at is None else row[at] for at in places) for row in rows]
        return RowPage(rows, cut, self.has_numbers(query.model, columns[0]))

    def _plan(
        self, query: "models.QuerySet[Any]", columns: Sequence[str], characters: int | None
    ) -> tuple[list[str], frozenset[int], Budget | None]:
        """Those of the columns that v2 has, which of these hold texts, and where to end."""
        present = [name for name in columns if self.has(query.model, name)]
        kinds = [names.field_of(query.model, name).get_internal_type() for name in present]
        long = [number for number, kind in enumerate(kinds) if kind == "TextField"]
        texts = frozenset(n for n, kind in enumerate(kinds) if kind in ("CharField", "TextField"))
        return present, texts, Budget(characters, long) if characters else None

    def _as_bytes(
        self, query: "models.QuerySet[Any]", present: Sequence[str], texts: Collection[int]
    ) -> "models.QuerySet[Any]":
        """The query with the bytes of these texts, for ``decoded``."""
        asked = (_Utf16(name) if n in texts else name for n, name in enumerate(present))
        return query.values_list(*asked)

    def maker(self, model: type[models.Model], attname: str) -> Maker:
        """What makes the mapping's values of a column's, as the driver gives them."""
        field = names.field_of(model, attname)
        return normaliser(field, whole=self.has_numbers(model, attname))

    def _fetch(
        self,
        query: "models.QuerySet[Any]",
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        composed = self._composed(query)
        return self._run(*composed, budget, makers) if composed else Fetched([])

    def _fetch_rows(self, query: "models.QuerySet[Any]", budget: Budget | None) -> FetchedRows:
        if (composed := self._composed(query)) is None:
            return FetchedRows([])
        return self._run_rows(*composed, budget)

    def _composed(self, query: "models.QuerySet[Any]") -> tuple[str, Sequence[Any]] | None:
        """A query as it is sent; None where its condition cannot be, such as "one of none"."""
        try:
            statement, parameters = query.using(self.alias).query.get_compiler(self.alias).as_sql()
        except EmptyResultSet:
            return None
        return statement, parameters

    def select(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement that models cannot compose, as the driver gives them.

        The caller bounds them; a ``%`` of its own is written ``%%``.

        Raises:
            SourceLostError: the connection was lost and stayed lost.
            SourceError: v2 refused the statement.
        """
        return list(zip(*self._run(statement, parameters).columns, strict=True))

    def _run(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None = None,
        makers: Sequence[Maker] = (),
    ) -> Fetched:
        return self._attempt(lambda: self._ask(statement, parameters, budget, makers))

    def _ask(
        self,
        statement: str,
        parameters: Sequence[Any],
        budget: Budget | None,
        makers: Sequence[Maker],
    ) -> Fetched:
        return fetcher_of(self.connection).fetch(statement, parameters, budget, makers)

    def _run_rows(
        self, statement: str, parameters: Sequence[Any], budget: Budget | None
    ) -> FetchedRows:
        return self._attempt(
            lambda: fetcher_of(self.connection).fetch_rows(statement, parameters, budget)
        )

    def _attempt(self, action: Callable[[], T], *, opening: bool = False) -> T:
        """Do it, and again while that may help: at once stops what a person has to mend.

        Who cannot be reached when a run begins is not waited for: the address may be wrong. A
        server that asks for another try gets a few of them even then.
        """
        for tried, pause in enumerate((*self._backoff, None)):
            try:
                return action()
            except Exception as error:
                # Not all that drivers raise is Django's, nor of PEP 249.
                if not from_driver(error):
                    raise
                trouble = self._trouble(error)
                stops = trouble.kind is Kind.REFUSED and trouble.number not in RECOVERING
                if stops or (opening and trouble.kind is not Kind.AGAIN):
                    said = f"{self.describe()} refused a query"
                    if opening:
                        said = f"cannot open v2, {self.describe()}"
                    raise SourceError(f"{said}: {trouble.line}") from error
                most = TRIES_AT_THE_BEGINNING if opening else trouble.repeats
                if pause is None or (most is not None and tried >= most):
                    raise SourceLostError(self._gave_up(trouble)) from error
                # Also where the server only asks for another try: the error may have come while
                # the session was prepared, and the next one begins anew.
                self.close()
                if tried == UNSAID:
                    patience = sum(self._backoff[:most])
                    self._say(f"{self._lost(trouble)}; trying again for {patience:.0f} s")
                if not self._waited(pause):
                    raise SourceLostError(self._gave_up(trouble)) from error
        raise AssertionError  # the last pause is None: the loop returned or raised

    def _waited(self, seconds: float) -> bool:
        """Let the time pass; False where the user asked to stop."""
        while seconds > 0 and not self._is_stopped():
            time.sleep(min(seconds, SLICE_SECONDS))
            seconds -= SLICE_SECONDS
        return not self._is_stopped()

    def _trouble(self, error: Exception) -> Trouble:
        password = str(self.connection.settings_dict.get("PASSWORD") or "")
        return explain(error, self.connection.vendor, [password])

    def _lost(self, trouble: Trouble) -> str:
        what = "does not answer yet" if trouble.kind is Kind.AGAIN else "is lost"
        return f"{self.describe()} {what}: {trouble.said}"

    def _gave_up(self, trouble: Trouble) -> str:
        if trouble.kind is not Kind.AGAIN:
            return f"lost {self.describe()} and could not reach it again: {trouble.line}"
        return f"{self.describe()} did not answer, however often asked: {trouble.line}"

    def session(self) -> dict[str, str]:
        """What v2's session is like: see transfer.source_session."""
        return self._attempt(lambda: session(self.connection))

    def describe(self) -> str:
        """Which database this is, for a person: kind, host and name, never a login (R8)."""
        return describe(self.alias)

    def identity(self) -> str:
        """The source as a fingerprint holds it."""
        return identity(self.alias)


def _has_half(texts: Iterable[str | None]) -> bool:
    """Whether one of the texts may have lost half of a pair."""
    return any(HALF_A_PAIR in text for text in texts if text)
