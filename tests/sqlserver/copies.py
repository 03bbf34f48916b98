"""The tables of a v2 in SQL Server, made from a SQLite file of the same names."""

import sqlite3
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from legacy_v2 import names as v2_names
from legacy_v2.ids import number_of
from tests.renaming import Names
from tests.sqlserver import types
from tests.sqlserver.tables import Index, PeerTable, made

TimeType = Literal["datetime2", "datetime", "datetimeoffset"]
IdType = Literal["uniqueidentifier", "tinyint", "smallint", "int", "bigint"]
_WIDTHS = {"tinyint": 1, "smallint": 2, "int": 4, "bigint": 8}

LONG_TEXTS = frozenset({"FreeFormEntry", "StoredValue", "ShortDescription"})
BITS = frozenset({"IsActive", "Required"})
# Wider than v2's 255: what is too long for v3 has to get that far.
TEXT_LENGTH = 400


# Columns that may be NULL; no other may, in a v2 as it is known.
NULLABLE = {
    "User": {"Email", "UserName", "FirstName", "LastName", "LastUpdatedOn"},
    "FormType": {"DisplayName", "ShortDescription", "OrganizationId", "CreatedOn"},
    "Field": {"DisplayName"},
    "FieldSetting": {"Name", "StoredValue"},
    "Choice": {"DisplayName"},
    "FormSubmission": {"LookupCode", "LastUpdatedOn", "OrganizationId"},
    "FormSubmissionMetaData": {"FreeFormEntry", "FieldChoiceMapId"},
}


def _table(names: Names, canonical: str) -> str:
    return names.tables.get(canonical, canonical)


def _column(names: Names, table: str, canonical: str) -> str:
    return names.columns.get(table, {}).get(canonical, canonical)


def is_id(column: str) -> bool:
    """Whether ids are in the column."""
    return column.endswith("Id")


def kind_of(column: str, ids: IdType, times: TimeType) -> Any:
    """The type SQL Server has for a column of v2."""
    if is_id(column):
        if ids == "uniqueidentifier":
            return types.UniqueIdentifier()
        return types.Integer(_WIDTHS[ids])
    if column.endswith("On"):
        return types.TIME_TYPES[times]()
    if column in BITS:
        return types.Bit()
    if column == "SortOrder":
        return types.Integer(4)
    return types.Text(None if column in LONG_TEXTS else TEXT_LENGTH)


def tables_of(
    path: Path,
    *,
    ids: IdType = "uniqueidentifier",
    times: TimeType = "datetime2",
    names: Names | None = None,
    schema: str = "dbo",
    omit: Collection[str] = (),
    nullable: Collection[str] = (),
) -> list[PeerTable]:
    """The file's tables and rows as SQL Server would hold them.

    Args:
        path: the SQLite file.
        ids: what ids are; a number is the one a UUID was derived from, or else the next free one.
        times: what times are.
        names: other names than v2's own.
        schema: where the tables are.
        omit: what this v2 lacks: ``Table`` or ``Table.Column``.
        nullable: what may be NULL beside NULLABLE: ``Table.Column``; a row that holds NULL in
            another column is refused.
    """
    names = names or Names()
    numbers: dict[str, int] = {}
    reading = sqlite3.connect(path)
    reading.text_factory = lambda raw: raw.decode("utf-8", "surrogatepass")
    found = []
    present = {name for (name,) in reading.execute("SELECT name FROM sqlite_master")}
    for table in v2_names.canonical():
        if table not in present or table in omit:
            continue
        cursor = reading.execute(f'SELECT * FROM "{table}"')
        all_columns = [column[0] for column in cursor.description]
        kept = [n for n, name in enumerate(all_columns) if f"{table}.{name}" not in omit]
        columns = [all_columns[n] for n in kept]
        rows = [[row[n] for n in kept] for row in cursor]
        if ids != "uniqueidentifier":
            places = [n for n, name in enumerate(columns) if is_id(name)]
            for row in rows:
                for place in places:
                    row[place] = _number(row[place], numbers)
        may_be_null = {name for name in columns if name in NULLABLE.get(table, ())}
        may_be_null |= {name for name in columns if f"{table}.{name}" in nullable}
        for n, name in enumerate(columns):
            assert name in may_be_null or all(row[n] is not None for row in rows), (table, name)
        copy = made(
            schema,
            _table(names, table),
            [(_column(names, table, name), kind_of(name, ids, times)) for name in columns],
            rows,
            nullable=frozenset(_column(names, table, name) for name in may_be_null),
        )
        if "Id" in columns:
            key = _column(names, table, "Id")
            copy.indexes.append(Index(f"PK_{copy.name}", (key,), unique=True, primary=True))
        copy.indexes.extend(
            Index(name, tuple(_column(names, table, part) for part in parts))
            for name, parts in _indexes(reading, table)
            if set(parts) <= set(columns)
        )
        found.append(copy)
    reading.close()
    return found


def _indexes(reading: sqlite3.Connection, table: str) -> list[tuple[str, list[str]]]:
    listed = reading.execute(f'PRAGMA index_list("{table}")').fetchall()
    return [
        (name, [part[2] for part in reading.execute(f'PRAGMA index_info("{name}")')])
        for _, name, _, origin, _ in listed
        if origin == "c"
    ]


def _number(value: Any, numbers: dict[str, int]) -> Any:
    if value is None or isinstance(value, int):
        return value
    derived = number_of(str(value))
    return numbers.setdefault(str(value).lower(), len(numbers) + 1) if derived is None else derived
