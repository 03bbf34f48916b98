"""The connection to v2: runs a query the models composed and returns its rows in columns."""

import re
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import DatabaseError, InterfaceError, OperationalError, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestampLoader
from psycopg.types.string import TextLoader

from legacy_v2.fields import GuidField
from legacy_v2.introspection import V2Schema, inspect
from transfer.exceptions import SourceError, SourceLostError
from transfer.target import NETWORK, place

T = TypeVar("T")

DEFAULT_PORTS = {"postgresql": "5432", "microsoft": "1433"}
VENDOR_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "microsoft": "SQL Server"}
# Seconds before each new try of a lost connection: half a minute in all, long enough for a
# failover, short enough that a person still watches.
BACKOFF_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)


@dataclass(slots=True)
class Page:
    """The rows of one query, column by column, every value in the form the mapping takes.

    ``last_key`` is the first column's last value as the server gave it, empty where that is no
    text: keys are compared by the server alone.
    """

    columns: list[Sequence[Any]]
    last_key: str
    length: int

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The rows as plain tuples."""
        return zip(*self.columns, strict=True)


def _ids(values: Sequence[Any]) -> Sequence[Any]:
    # SQL Server and hand-made copies give ids in upper case, most SQLite copies in lower: one
    # comparison of the whole column tells, which is cheaper than a call a value.
    try:
        if values and values[0] == values[0].lower():
            joined = "".join(values)
            if joined == joined.lower():
                return values
        return list(map(str.lower, values))
    except (AttributeError, TypeError):  # a null among them, or what is no text
        return [None if value is None else str(value).lower() for value in values]


def _bits(values: Sequence[Any]) -> Sequence[Any]:
    # A copy made by hand may hold "false", which is true to Python: the mapping refuses it.
    return [bool(value) if value in (0, 1) else value for value in values]


def _time(value: object) -> object:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return value  # the mapping makes it the record's error
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.replace(tzinfo=None)
    return value


def _times(values: Sequence[Any]) -> Sequence[Any]:
    return [_time(value) for value in values]


def _normaliser(field: "models.Field[Any, Any]") -> Callable[[Sequence[Any]], Sequence[Any]] | None:
    target = field.target_field if isinstance(field, models.ForeignKey) else field
    if isinstance(target, GuidField):
        return _ids
    if isinstance(target, models.BooleanField):
        return _bits
    if isinstance(target, models.DateTimeField):
        return _times
    return None


class TolerantTimestampLoader(TimestampLoader):
    """Hands back as text a time Python cannot hold; the mapping makes it the record's error."""

    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a time, or text in its place
        """The time as a naive datetime, or its text."""
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


def _tolerant_text(value: bytes) -> str:
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return value.decode("utf-8", "surrogateescape")


class Source:
    """The v2 database, only ever read (R4).

    Raises:
        SourceError: v2 cannot be reached, or lacks a table or column the import needs.
    """

    def __init__(self, alias: str = "v2", backoff: Sequence[float] = BACKOFF_SECONDS) -> None:
        self.alias = alias
        self._backoff = backoff
        self.schema: V2Schema = self._open()

    @property
    def connection(self) -> BaseDatabaseWrapper:
        """Django's connection to v2."""
        return connections[self.alias]

    def _open(self) -> V2Schema:
        if self.connection.vendor == "sqlite":
            _check_file(sqlite_path(str(self.connection.settings_dict["NAME"])))
        elif self.connection.vendor == "postgresql":
            settings = self.connection.settings_dict
            settings["OPTIONS"] = NETWORK | settings.get("OPTIONS", {})
        try:
            return inspect(self.connection)
        except DatabaseError as error:
            msg = f"cannot open v2, {self.describe()}: {_first_line(error)}"
            raise SourceError(msg) from error
        except Exception as error:
            # The driver's complaint about an option is none of Django's errors, nor of PEP 249's.
            if type(error).__module__.partition(".")[0] != "mssql_python":
                raise
            said = " ".join(str(error).split())
            if password := str(self.connection.settings_dict["PASSWORD"] or ""):
                said = said.replace(password, "***")
            msg = f"cannot open v2, {self.describe()}: {said}; see V2_DATABASE_URL"
            raise SourceError(msg) from error

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def has(self, model: type[models.Model], attname: str | None = None) -> bool:
        """Whether v2 has the model's table and, where named, its column."""
        column = _field(model, attname).column if attname else None
        return self.schema.has(model._meta.db_table, column)

    def count(self, query: "models.QuerySet[Any]") -> int:
        """The number of rows of a query."""
        return self._attempt(lambda: query.using(self.alias).count())

    def first(self, query: "models.QuerySet[Any]") -> object:
        """The first result of a query, None where it has none."""
        return self._attempt(lambda: next(iter(query.using(self.alias)[:1]), None))

    def grouped_counts(
        self, query: "models.QuerySet[Any]", columns: Sequence[str]
    ) -> list[tuple[Any, ...]]:
        """Rows a combination of the columns' values (ids in lower case), the count last."""
        model = query.model
        present = [name for name in columns if self.has(model, name)]
        grouped = query.order_by().values_list(*present).annotate(rows=models.Count("pk"))
        rows = self._attempt(lambda: list(grouped.using(self.alias)))
        result = []
        for row in rows:
            values = dict(zip(present, row[:-1], strict=True))
            ids = tuple(v.lower() if isinstance(v := values.get(c), str) else v for c in columns)
            result.append((*ids, row[-1]))
        return result

    def read(self, query: "models.QuerySet[Any]", columns: Sequence[str]) -> Page:
        """Run the query for these columns (attribute names of its model), in one round trip.

        A column v2 lacks comes back as None. The caller bounds the query: all its rows are held.

        Raises:
            SourceLostError: the connection was lost and stayed lost.
            SourceError: v2 refused the query.
        """
        model = query.model
        present = [name for name in columns if self.has(model, name)]
        compiler = query.using(self.alias).values_list(*present).query.get_compiler(self.alias)
        try:
            statement, parameters = compiler.as_sql()
        except EmptyResultSet:  # such as a condition "one of none"
            return Page([()] * len(columns), "", 0)
        rows = self._attempt(lambda: self._fetch(statement, parameters))
        transposed: dict[str, Sequence[Any]] = dict(
            zip(present, zip(*rows, strict=True), strict=True) if rows else ()
        )
        # v2 may lack the first column too (an assumed Id); then nobody asks for the last key.
        keys = transposed.get(columns[0], ())
        last_key = str(keys[-1]) if keys and isinstance(keys[-1], str | UUID) else ""
        result: list[Sequence[Any]] = []
        for name in columns:
            if name not in transposed:
                result.append((None,) * len(rows))
                continue
            normalise = _normaliser(_field(model, name))
            result.append(normalise(transposed[name]) if normalise else transposed[name])
        return Page(result, last_key, len(rows))

    def select(self, statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a statement that models cannot compose, as the driver gives them.

        The caller bounds them; a ``%`` of its own is written ``%%``.

        Raises:
            SourceLostError: the connection was lost and stayed lost.
            SourceError: v2 refused the statement.
        """
        return self._attempt(lambda: self._fetch(statement, parameters))

    def _fetch(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        connection = self.connection
        connection.ensure_connection()
        try:
            return self._fetch_once(statement, parameters)
        except OperationalError as error:
            if connection.vendor != "sqlite" or "decode" not in str(error):
                raise
        # SQLite holds any bytes as text; a lone surrogate makes the module's own decoder give up.
        raw = connection.connection
        raw.text_factory = _tolerant_text
        try:
            return self._fetch_once(statement, parameters)
        finally:
            raw.text_factory = str

    def _fetch_once(self, statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        connection = self.connection
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                # A Python UUID object an answer would cost more than the rest of the mapping.
                cursor.cursor.adapters.register_loader("uuid", TextLoader)
                cursor.cursor.adapters.register_loader("timestamp", TolerantTimestampLoader)
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    def _attempt(self, action: Callable[[], T]) -> T:
        for pause in (*self._backoff, None):
            try:
                return action()
            except (OperationalError, InterfaceError) as error:
                if not self._is_lost(error):
                    raise SourceError(self._explain(error)) from error
                if pause is None:
                    message = f"lost {self.describe()} and could not reach it again"
                    raise SourceLostError(f"{message}: {_first_line(error)}") from error
                self.close()
                time.sleep(pause)
            except DatabaseError as error:
                raise SourceError(self._explain(error)) from error
        raise AssertionError  # the last pause is None: the loop returned or raised

    def _is_lost(self, error: Exception) -> bool:
        if self.connection.vendor == "sqlite":
            return "locked" in str(error) or "busy" in str(error)
        state = str(getattr(error.__cause__, "sqlstate", None) or "")
        # No state at all is how drivers report a connection that broke under a statement.
        return not state or state.startswith(("08", "57P"))

    def _explain(self, error: Exception) -> str:
        return f"{self.describe()} refused a query: {_first_line(error)}"

    def describe(self) -> str:
        """Which database this is, for a person: kind, host and name, never a login (R8)."""
        return describe(self.alias)

    def identity(self) -> str:
        """The source as a fingerprint holds it."""
        return identity(self.alias)


def describe(alias: str) -> str:
    """Which database the alias names: kind, host and name, never a login (R8)."""
    connection = connections[alias]
    settings = connection.settings_dict
    kind = VENDOR_NAMES.get(connection.vendor, connection.vendor)
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return f"{kind} file {sqlite_path(name)}"
    return f"{kind} database {name!r} on {place(settings)}"


def identity(alias: str) -> str:
    """Which v2 a migration is made from: kind, server, database, schema; never a login (R8).

    Known without connecting, so that a finished run again costs nothing.
    """
    connection = connections[alias]
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return describe(alias)
    kind = VENDOR_NAMES.get(connection.vendor, connection.vendor)
    host = settings.get("HOST") or "this machine"
    port = settings.get("PORT") or DEFAULT_PORTS.get(connection.vendor, "")
    text = f"{kind} database {settings['NAME']!r} on {host}:{port}"
    options = str(settings.get("OPTIONS", {}).get("options", ""))
    searched = re.search(r"search_path\s*=\s*(\S+)", options)
    return f"{text}, schema {searched.group(1)}" if searched else text


def sqlite_path(name: str) -> Path:
    """The file behind a SQLite database name, plain or a ``file:`` URI."""
    if name.startswith("file:"):
        name = unquote(name.removeprefix("file:").split("?", 1)[0])
    return Path(name)


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except PermissionError as error:
        msg = f"no v2 database: this user may not look at {path}"
        raise SourceError(msg) from error
    except OSError as error:
        msg = f"no v2 database: {path} does not exist; set V2_DATABASE_URL or run seed_v2"
        raise SourceError(msg) from error
    if stat.S_ISDIR(mode):
        msg = f"no v2 database: {path} is a folder; set V2_DATABASE_URL to a file in it"
        raise SourceError(msg)


def _field(model: type[models.Model], attname: str) -> "models.Field[Any, Any]":
    for field in model._meta.concrete_fields:
        if attname in (field.attname, field.name):
            return field
    msg = f"{model.__name__} has no column {attname}"
    raise LookupError(msg)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
