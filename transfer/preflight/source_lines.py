"""v2 as it is found: reached, read-only, and with the tables, columns and lengths expected.

Only questions: nothing here tries to write, not even to see whether it may.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from typing import NamedTuple

from django.apps import apps
from django.db import DatabaseError, models

from legacy_v2.fields import GuidField
from legacy_v2.introspection import ASSUMED
from transfer import fitness
from transfer.exceptions import SourceError
from transfer.preflight.lines import Line, blocked, listed, ok, warning
from transfer.source import Source
from transfer.source_place import sqlite_path

AREA, SCHEMA = "v2", "v2 schema"
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
_NUMBER = frozenset({
    "int", "integer", "bigint", "smallint", "tinyint", "int4", "int8", "numeric", "decimal",
})  # fmt: skip
# What a column of each kind may be declared as, on any server.
_TYPES: dict[str, frozenset[str]] = {
    "id": _TEXT | {"uniqueidentifier", "uuid"},
    "time": frozenset({
        "datetime2", "datetime", "smalldatetime", "timestamp", "timestamp without time zone",
    }),
    "bit": frozenset({"bit", "boolean", "bool", "tinyint", "smallint", "int", "integer"}),
    "number": _NUMBER,
    "text": _TEXT,
}  # fmt: skip
# In capitals, for a SQL Server that tells upper from lower case has them so.
_COLUMNS = """
    SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH
      FROM INFORMATION_SCHEMA.COLUMNS
     WHERE TABLE_SCHEMA = {schema}
"""
_WRITING = ("INSERT", "UPDATE", "DELETE")


class Column(NamedTuple):
    """A column as the database declares it; no length where it has none, or no limit."""

    type: str
    length: int | None


def open_source() -> tuple[Source | None, list[Line]]:
    """v2, and the line that says which; None where it cannot be reached."""
    try:
        source = Source()
    except SourceError as error:
        action = "see V2_DATABASE_URL; the login has to read every table"
        return None, [blocked(AREA, "connection", error.message, action)]
    try:
        return source, [ok(AREA, "connection", f"{source.describe()}, {_version(source)}")]
    except SourceError as error:
        source.close()
        return None, [blocked(AREA, "connection", error.message, "see V2_DATABASE_URL")]


def source_lines(source: Source) -> list[Line]:
    """What v2's login may do, and whether its schema is the one expected."""
    lines: list[Line] = []
    for check, look in (
        ("privileges", _privileges),
        ("required", _schema),
        ("more than expected", _extra),
        ("types", _types),
        ("unique Ids", _keys),
        ("index of answers", _index),
    ):
        try:
            lines += look(source)
        except (SourceError, DatabaseError) as error:
            said = (str(error).strip() or type(error).__name__).splitlines()[0]
            lines.append(warning(SCHEMA, check, f"could not be looked at: {said}"))
    return lines


def _version(source: Source) -> str:
    vendor = source.connection.vendor
    if vendor == "sqlite":
        return f"SQLite {sqlite3.sqlite_version}"
    if vendor == "postgresql":
        return f"PostgreSQL {source.select('SHOW server_version')[0][0]}"
    row = source.select(
        "SELECT CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),"
        " CAST(SERVERPROPERTY('Edition') AS nvarchar(128))"
    )[0]
    return f"SQL Server {row[0]}, {row[1]}"


def _privileges(source: Source) -> Iterator[Line]:
    tables = sorted(source.schema.tables)
    yield ok(AREA, "reading", f"the login reads all of {len(tables)} tables")
    vendor = source.connection.vendor
    if vendor == "sqlite":
        path = sqlite_path(str(source.connection.settings_dict["NAME"]))
        if os.access(path, os.W_OK):
            yield warning(
                AREA,
                "writing",
                "this user may write the file; the import opens it read-only all the same (R4)",
                f"to be safe from everybody else: chmod a-w {path}",
            )
        else:
            yield ok(AREA, "writing", "this user may not write the file")
        return
    quote = source.connection.ops.quote_name
    if vendor == "postgresql":
        question = "SELECT has_table_privilege(%s, 'INSERT, UPDATE, DELETE, TRUNCATE')"
        writable = [t for t in tables if source.select(question, [quote(t)])[0][0]]
    else:
        question = "SELECT " + " + ".join(
            f"HAS_PERMS_BY_NAME(%s, 'OBJECT', '{right}')" for right in _WRITING
        )
        writable = [t for t in tables if source.select(question, [quote(t)] * len(_WRITING))[0][0]]
    if writable:
        yield warning(
            AREA,
            "writing",
            f"the login may write {len(writable)} of the tables: {listed(writable, 4)}; the import "
            "never does (R4)",
            "give the import a login that may only SELECT",
        )
    else:
        yield ok(AREA, "writing", "the login may write none of the tables")


def _schema(source: Source) -> Iterator[Line]:
    missing = source.schema.missing()
    for message in missing:
        yield blocked(
            SCHEMA,
            "required",
            message,
            "another database than you think, or a login that may not see it; see V2_DATABASE_URL",
        )
    if not missing:
        yield ok(SCHEMA, "required", "every required table and column is there")
    absent = source.schema.absent()
    for item in absent:
        yield warning(SCHEMA, "assumed", f"there is no {item}: {item.absence}")
    if not absent:
        yield ok(SCHEMA, "assumed", f"all {len(ASSUMED)} assumed tables and columns are there")


def _extra(source: Source) -> Iterator[Line]:
    connection = source.connection
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
    known = {name.lower() for name in source.schema.tables}
    tables = sorted(name for name in names if name.lower() not in known)
    if tables:
        yield ok(SCHEMA, "more tables", f"{len(tables):,} that are not migrated: {listed(tables)}")
    expected = _fields()
    columns = sorted(
        f"{table}.{column}"
        for table, column in _columns(source)
        if table in source.schema.tables
        and column.lower() not in {one.lower() for of, one in expected if of == table}
    )
    if columns:
        yield warning(
            SCHEMA,
            "more columns",
            f"{len(columns):,} that are not migrated: {listed(columns)}",
            "make sure that nobody will miss what is in them",
        )


def _types(source: Source) -> Iterator[Line]:
    if source.connection.vendor == "sqlite":
        said = "SQLite holds a column to neither; the hazard census counts what is wrong"
        yield ok(SCHEMA, "types and lengths", said)
        return
    found = _columns(source)
    wrong, long = [], []
    for (table, name), field in _fields().items():
        column = found.get((table, name))
        if column is None:
            continue
        kind, declared = _kind(field), column.type.lower()
        if declared not in _TYPES[kind]:
            wrong.append(f"{table}.{name} is {column.type}")
        limit = _LIMITS.get((table, name))
        if limit and declared in _TEXT and (column.length is None or column.length > limit[0]):
            length = f"up to {column.length:,}" if column.length else "any number of"
            long.append((f"{table}.{name}", length, *limit))
    if wrong:
        yield warning(
            SCHEMA,
            "types",
            f"{len(wrong):,} columns have another type than expected: {listed(wrong)}",
            "look whether import_v2 --dry-run reads them as you mean them; a time with a zone "
            "loses it (M3)",
        )
    else:
        yield ok(SCHEMA, "types", "every column has a type that can be read")
    for where, length, most, becomes in long:
        yield warning(SCHEMA, "length", f"{where} holds {length} characters, v3 {most}: {becomes}")


def _keys(source: Source) -> Iterator[Line]:
    try:
        fitness.check_keys(source)
    except SourceError as error:
        yield blocked(
            SCHEMA, "unique Ids", error.message, "repair the copy: each Id has to be there once"
        )
    else:
        yield ok(SCHEMA, "unique Ids", "no Id is there twice")


def _index(source: Source) -> Iterator[Line]:
    if not source.schema.has("FormSubmissionMetaData"):
        return
    if said := fitness.slow_answers(source):
        found, _, statement = said.partition(". On this copy, first: ")
        yield warning(SCHEMA, "index of answers", found, f"first, on this copy: {statement}")
    else:
        yield ok(SCHEMA, "index of answers", "answers are found by their submission")


def _fields() -> "dict[tuple[str, str], models.Field[object, object]]":
    return {
        (model._meta.db_table, str(field.column)): field
        for model in apps.get_app_config("legacy_v2").get_models()
        for field in model._meta.concrete_fields
    }


def _kind(field: "models.Field[object, object]") -> str:
    kinds: tuple[tuple[type, str], ...] = (
        (models.ForeignKey, "id"),
        (GuidField, "id"),
        (models.DateTimeField, "time"),
        (models.BooleanField, "bit"),
        (models.IntegerField, "number"),
    )
    return next((name for kind, name in kinds if isinstance(field, kind)), "text")


def _columns(source: Source) -> dict[tuple[str, str], Column]:
    """What the database declares, under the names that v2's models have."""
    own = {name.lower(): name for name in source.schema.tables}
    names = {(table.lower(), column.lower()): (table, column) for table, column in _fields()}
    read: dict[str, Callable[[Source], Iterator[tuple[str, str, Column]]]] = {
        "sqlite": _sqlite_columns,
        "postgresql": _declared_columns,
        "microsoft": _declared_columns,
    }
    found = {}
    for table, column, declared in read[source.connection.vendor](source):
        if table.lower() in own:
            key = names.get((table.lower(), column.lower()), (own[table.lower()], column))
            found[key] = declared
    return found


def _declared_columns(source: Source) -> Iterator[tuple[str, str, Column]]:
    schema = "current_schema()" if source.connection.vendor == "postgresql" else "SCHEMA_NAME()"
    for table, column, kind, length in source.select(_COLUMNS.format(schema=schema)):
        # SQL Server says -1 for nvarchar(max).
        yield table, column, Column(kind, length if length and length > 0 else None)


def _sqlite_columns(source: Source) -> Iterator[tuple[str, str, Column]]:
    for table in sorted(source.schema.tables):
        for name, kind in source.select("SELECT name, type FROM pragma_table_info(%s)", [table]):
            yield table, name, Column(str(kind), None)
