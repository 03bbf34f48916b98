"""The types and lengths of v2's columns as the database declares them: which are read, and how."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import models

from legacy_v2 import ids, names
from legacy_v2.fields import SQL_SERVER, is_id_field
from legacy_v2.introspection import DEFAULT_SCHEMA
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.source import Source

SCHEMA = "v2 schema"
Of = tuple[str, str]  # canonical table and column
# Texts that v3 keeps in a column of their own, with its length and what becomes of longer ones.
_LIMITS = {
    ("Organization", "Name"): (255, "a longer one is an error (value_too_long, R7)"),
    ("User", "Email"): (255, "a longer one is an error (value_too_long, R7)"),
    ("FormType", "Name"): (255, "it is the form's name where DisplayName is empty (M7)"),
    ("FormType", "DisplayName"): (255, "a longer one is an error (value_too_long, R7)"),
    ("FormSubmission", "LookupCode"): (50, "a longer one gives way to a number of its Id (M12)"),
}
_TEXT = frozenset({
    "char", "nchar", "varchar", "nvarchar", "text", "ntext", "character", "character varying",
    "bpchar", "citext",
})  # fmt: skip
_WHOLE = frozenset({"tinyint", "smallint", "int", "integer", "bigint", "int2", "int4", "int8"})
# What a column of each kind may be declared as, on any server; ids are looked at by themselves.
_TYPES: dict[str, frozenset[str]] = {
    "id": _TEXT | _WHOLE | {"uniqueidentifier", "uuid"},
    "time": frozenset({
        "datetime2", "datetime", "smalldatetime", "datetimeoffset", "timestamp without time zone",
    }),
    "bit": frozenset({"bit", "boolean", "bool", "tinyint", "smallint", "int", "integer"}),
    "number": _WHOLE | {"numeric", "decimal"},
    "text": _TEXT,
}  # fmt: skip
# What is read, and worth a word; of SQL Server's types.
_NOTES = {
    "datetime": "counts in 1/300 s; what it holds is read to the microsecond",
    "smalldatetime": "has whole minutes",
    "datetimeoffset": "has a zone in each value, which wins over V2_TIME_ZONE (M3)",
    "varchar": "holds the characters of its code page; they are read as Unicode",
    "char": "is filled up with blanks, which are kept (M4)",
    "nchar": "is filled up with blanks, which are kept (M4)",
}
_OLD = frozenset({"text", "ntext"})
# In capitals, for a SQL Server that tells upper from lower case has them so.
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH
      FROM INFORMATION_SCHEMA.COLUMNS
     WHERE TABLE_SCHEMA = {schema}
"""


class Column(NamedTuple):
    """A column as the database declares it; no length where it has none, or no limit."""

    type: str
    length: int | None


def type_lines(source: Source) -> Iterator[Line]:
    """Whether every column is of a type that is read, and as what."""
    numbers = sorted(f"{table}.{column}" for table, column in source.schema.integer_ids)
    if source.connection.vendor == "sqlite":
        said = "SQLite holds a column to neither; the hazard census counts what is wrong"
        yield ok(SCHEMA, "types and lengths", said)
    else:
        yield from _declared(source)
    if numbers:
        yield ok(
            SCHEMA,
            "whole numbers",
            f"the ids in {len(numbers):,} columns are numbers: {listed(numbers, 4)}; v3's are made "
            f"of them, 17 is {ids.uuid_of(17)} everywhere (M1)",
        )
    yield from _mixed(source)


@dataclass(slots=True)
class _Told:
    """Columns by what is to be said of them."""

    wrong: list[str] = field(default_factory=list)
    no_ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    notes: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    long: list[str] = field(default_factory=list)

    def look(self, of: Of, column: Column, kind: str) -> None:
        """Take a column in."""
        declared, where = column.type.lower(), ".".join(of)
        if declared not in _TYPES[kind]:
            (self.no_ids if kind == "id" else self.wrong).append(f"{where} is {column.type}")
        elif kind == "id" and declared in _TEXT:
            self.texts.append(where)
        else:
            self.notes[declared].append(where)
        most, becomes = _LIMITS.get(of, (0, ""))
        if most and declared in _TEXT and (column.length is None or column.length > most):
            length = f"up to {column.length:,}" if column.length else "any number of"
            self.long.append(f"{where} holds {length} characters, v3 {most}: {becomes}")


def _declared(source: Source) -> Iterator[Line]:
    found, told = columns(source), _Told()
    for of, one in fields().items():
        if of in found:
            told.look(of, found[of], _kind(one))
    if told.no_ids:
        yield blocked(
            SCHEMA,
            "types of ids",
            f"{len(told.no_ids):,} columns of ids have a type that cannot be one: "
            f"{listed(told.no_ids)}",
            "an id is a uniqueidentifier (uuid) or a whole number: see what these columns are",
        )
    if told.wrong:
        yield warning(
            SCHEMA,
            "types",
            f"{len(told.wrong):,} columns have another type than expected: {listed(told.wrong)}",
            "look whether import_v2 --dry-run reads them as you mean them; a time with a zone "
            "is told by V2_TIME_ZONE's clock (M3)",
        )
    elif not told.no_ids:
        yield ok(SCHEMA, "types", "every column has a type that can be read")
    if source.connection.vendor == SQL_SERVER:
        yield from _of_sql_server(told)
    for said in told.long:
        yield warning(SCHEMA, "length", said)


def _of_sql_server(told: _Told) -> Iterator[Line]:
    if told.texts:
        yield warning(
            SCHEMA,
            "ids as text",
            f"{len(told.texts):,} columns of ids are text: {listed(told.texts, 4)}; they are read "
            "where each is a GUID of 36 characters, in a collation that ignores case",
            "rehearse with import_v2 --dry-run: whatever else is in them is an error a record",
        )
    for declared, where in sorted(told.notes.items()):
        if declared in _NOTES or declared in _OLD:
            yield _note(declared, where)


def _note(declared: str, where: list[str]) -> Line:
    if declared in _OLD:
        return warning(
            SCHEMA,
            declared,
            f"{listed(where)}: {declared} is a type SQL Server gave up; it is read like nvarchar",
            "rehearse with import_v2 --dry-run, for it was tried nowhere",
        )
    return ok(SCHEMA, declared, f"{listed(where, 4)}: {declared} {_NOTES[declared]}")


def _mixed(source: Source) -> Iterator[Line]:
    """References that are numbers to ids that are none, and the other way round."""
    numbers = source.schema.integer_ids
    mixed = []
    for (table, column), one in fields().items():
        if not isinstance(one, models.ForeignKey) or not source.schema.has(table, column):
            continue
        target = one.target_field
        named = names.table(target.model), names.column(target)
        if source.schema.has(*named) and ((table, column) in numbers) != (named in numbers):
            mixed.append(f"{table}.{column}")
    if mixed:
        yield blocked(
            SCHEMA,
            "references",
            f"{listed(mixed)}: of another type than the ids they name, one a number and one none",
            "see which table they mean; the import cannot compare the two",
        )


def fields() -> "dict[Of, models.Field[Any, Any]]":
    """The fields of v2's models by their canonical names."""
    return {
        (table, names.column(one)): one
        for table in names.canonical()
        for one in names.model_of(table)._meta.concrete_fields
    }


def _kind(of: "models.Field[Any, Any]") -> str:
    if is_id_field(of):
        return "id"
    kinds: tuple[tuple[type, str], ...] = (
        (models.DateTimeField, "time"),
        (models.BooleanField, "bit"),
        (models.IntegerField, "number"),
    )
    return next((name for kind, name in kinds if isinstance(of, kind)), "text")


def columns(source: Source) -> Mapping[Of, Column]:
    """What the database declares: v2's own columns by their canonical names, others as they are."""
    tables = {names.model_of(name)._meta.db_table.lower(): name for name in source.schema.tables}
    known = {(table, str(one.column).lower()): column for (table, column), one in fields().items()}
    read: dict[str, Callable[[Source], Iterator[tuple[str, str, Column]]]] = {
        "sqlite": _sqlite_columns,
        "postgresql": _catalog_columns,
        SQL_SERVER: _catalog_columns,
    }
    found = {}
    for actual, column, declared in read[source.connection.vendor](source):
        if (table := tables.get(actual.lower())) is not None:
            found[table, known.get((table, column.lower()), column)] = declared
    return found


def _catalog_columns(source: Source) -> Iterator[tuple[str, str, Column]]:
    schema, parameters = "current_schema()", []
    if source.connection.vendor == SQL_SERVER:
        schema, parameters = "%s", [schema_of(source)]
    for table, column, kind, length in source.select(_COLUMNS.format(schema=schema), parameters):
        # SQL Server says -1 for nvarchar(max).
        yield table, column, Column(kind, length if length and length > 0 else None)


def schema_of(source: Source) -> str:
    """The schema v2's tables are in, on SQL Server."""
    return str(source.connection.settings_dict.get("SCHEMA") or DEFAULT_SCHEMA)


def _sqlite_columns(source: Source) -> Iterator[tuple[str, str, Column]]:
    for table in sorted(source.schema.tables):
        actual = names.model_of(table)._meta.db_table
        for name, kind in source.select("SELECT name, type FROM pragma_table_info(%s)", [actual]):
            yield actual, name, Column(str(kind), None)
