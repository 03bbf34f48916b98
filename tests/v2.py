"""Small v2 databases for tests: name only the columns the test is about.

    v2 = make_v2(v2_path, organizations=[{"Name": "Acme"}], forms=[{}], submissions=[{}])

makes an organization, a form of it and a submission of that form. Lists are rows of v2's
tables with v2's column names; a column left out gets a default: an Id, a fixed time, and for a
reference the first row of the table it points at. ``fields`` without a type are TextBox.
Field types and statuses of the usual names are there unless the test gives its own.
"""

import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db import connections

from legacy_v2.seed import schema
from tests.aliases import pointed

Row = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]

TIME = "2024-03-01 10:20:30.123456"  # of every row that names no time


def guid(table: int, number: int) -> str:
    """Return a lower-case id that can be told apart in a failing test: table and row number."""
    return f"{table:04x}{number:04x}-0000-4000-8000-{table:04x}{number:08x}"


FIELD_TYPES = {
    name: guid(3, n)
    for n, name in enumerate(("TextBox", "TextArea", "DropDown", "CheckBox", "RadioButton"), 1)
}
STATUSES = {
    name: guid(9, n)
    for n, name in enumerate(
        ("Draft", "Submitted", "Processing", "Approved", "Rejected", "Completed", "Archived"), 1
    )
}


@dataclass
class V2:
    """The rows that were written, complete with their defaults, and where they are."""

    path: Path
    organizations: list[Row] = field(default_factory=list)
    users: list[Row] = field(default_factory=list)
    field_types: list[Row] = field(default_factory=list)
    forms: list[Row] = field(default_factory=list)
    fields: list[Row] = field(default_factory=list)
    settings: list[Row] = field(default_factory=list)
    choices: list[Row] = field(default_factory=list)
    maps: list[Row] = field(default_factory=list)
    statuses: list[Row] = field(default_factory=list)
    submissions: list[Row] = field(default_factory=list)
    answers: list[Row] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a process whose v2 this is."""
        return env_of(self.path)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """Run a statement on the file, as v2's own application would."""
        with sqlite3.connect(self.path) as connection:
            rows = connection.execute(sql, [_stored(value) for value in parameters]).fetchall()
        connection.close()
        return rows

    def loosen(self, table: str, *, untyped: bool = False) -> None:
        """Make a table one without keys and checks, as that of a copy made by hand may be.

        ``untyped``: without types too, so that a number stays one.
        """
        columns = ", ".join(schema.columns(table))
        if untyped:
            self.execute(f"CREATE TABLE loose ({columns})")
            self.execute(f'INSERT INTO loose SELECT {columns} FROM "{table}"')
        else:
            self.execute(f'CREATE TABLE loose AS SELECT * FROM "{table}"')
        self.execute(f'DROP TABLE "{table}"')
        self.execute(f'ALTER TABLE loose RENAME TO "{table}"')

    def add(self, name: str, *rows: Mapping[str, Any]) -> list[Row]:
        """Add rows (``v2.add("answers", {…})``) and return them complete."""
        table = TABLES[name]
        made: list[Row] = getattr(self, name)
        new = []
        for given in rows:
            row = _complete(self, table, given, len(made) + 1)
            made.append(row)
            new.append(row)
        with sqlite3.connect(self.path) as connection:
            present = {line[1] for line in connection.execute(f'PRAGMA table_info("{table}")')}
            for row in new:
                _insert(connection, table, {k: v for k, v in row.items() if k in present})
        connection.close()
        return new


TABLES = {
    "organizations": "Organization",
    "users": "User",
    "field_types": "FieldType",
    "forms": "FormType",
    "fields": "Field",
    "settings": "FieldSetting",
    "choices": "Choice",
    "maps": "Field_Choice_Map",
    "statuses": "FormSubmissionStatus",
    "submissions": "FormSubmission",
    "answers": "FormSubmissionMetaData",
}
NUMBERS = {table: number for number, table in enumerate(TABLES.values(), 1)}


def make_v2(
    path: Path, *, omit: Collection[str] = (), nocase: bool = True, index: bool = True, **rows: Rows
) -> V2:
    """Make a v2 SQLite file.

    Args:
        path: the file; it must not exist.
        omit: assumed things this v2 lacks: ``"User"``, ``"FormType.CreatedOn"``.
        nocase: False declares ids without NOCASE, as a copy made by hand may.
        index: False leaves out the index on the answers.
        rows: rows by the names of V2's lists.
    """
    assert not path.exists(), f"{path} exists"
    connection = sqlite3.connect(path)
    for statement in schema.create_tables("sqlite", omit=omit, nocase=nocase):
        connection.execute(statement)
    if index:
        connection.execute(schema.create_answer_index())
    connection.commit()
    connection.close()
    v2 = V2(path)
    usual = {
        "field_types": [{"Id": key, "Name": name} for name, key in FIELD_TYPES.items()],
        "statuses": [{"Id": key, "Name": name} for name, key in STATUSES.items()],
    }
    assert not rows.keys() - TABLES.keys(), f"unknown: {rows.keys() - TABLES.keys()}"
    for name, table in TABLES.items():
        if table in omit:
            assert not rows.get(name), f"{name} given, and {table} omitted"
        else:
            v2.add(name, *rows.get(name, usual.get(name, [])))
    return v2


def env_of(path: Path) -> dict[str, str]:
    """Return the environment of a process whose v2 is this SQLite file."""
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "pliers.settings",
        "V2_DATABASE_URL": f"sqlite:///{quote(str(path))}",
    }


@contextmanager
def use_v2(path: Path | None = None, **settings: Any) -> Iterator[Any]:
    """Point the v2 alias of this process at a SQLite file, or at other settings; yields it.

    Every thread sees it. It has to be within ``django_db_blocker.unblock()``, as it is in a test
    that uses the ``v2_path`` fixture, which does the same as this for one file.
    """
    if path is not None:
        settings |= {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": f"file:{quote(str(path))}?mode=ro",
            "OPTIONS": {"uri": True},
        }
    with pointed("v2", settings) as connection:
        yield connection


def copy_into_schema(v2: V2, name: str) -> None:
    """Copy the file's rows into a new schema of the default alias's PostgreSQL."""
    reading = sqlite3.connect(v2.path)
    with connections["default"].cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {name}")
        cursor.execute(f"SET search_path TO {name}")
        for statement in schema.create_tables("postgresql"):
            cursor.execute(statement.replace("varchar(255)", "text"))
        for table in schema.tables():
            for row in reading.execute(f'SELECT * FROM "{table}"'):
                marks = ", ".join(["%s"] * len(row))
                flags = [
                    bool(value) if column in ("Required", "IsActive") else value
                    for column, value in zip(schema.columns(table), row, strict=True)
                ]
                cursor.execute(f'INSERT INTO "{table}" VALUES ({marks})', flags)
        cursor.execute(schema.create_answer_index())
        cursor.execute("SET search_path TO DEFAULT")
    reading.close()


def _complete(v2: V2, table: str, given: Mapping[str, Any], number: int) -> Row:
    unknown = given.keys() - set(schema.columns(table))
    assert not unknown, f"{table} has no {unknown}"
    return {**_defaults(v2, table, number), **given}


def _first(rows: list[Row]) -> str | None:
    return rows[0]["Id"] if rows else None


def _defaults(v2: V2, table: str, number: int) -> Row:
    per_table: dict[str, Row] = {
        "Organization": {"Name": f"Organization {number}", "CreatedOn": TIME},
        "User": {
            "OrganizationId": _first(v2.organizations),
            "Email": f"person{number}@example.org",
            "UserName": f"person{number}",
            "FirstName": "Pat",
            "LastName": f"Person {number}",
            "IsActive": True,
            "CreatedOn": TIME,
            "LastUpdatedOn": None,
        },
        "FieldType": {"Name": f"FieldType {number}"},
        "FormType": {
            "Name": f"Form{number}",
            "DisplayName": f"Form {number}",
            "ShortDescription": None,
            "OrganizationId": _first(v2.organizations),
            "CreatedOn": TIME,
        },
        "Field": {
            "FormTypeId": _first(v2.forms),
            "FieldTypeId": _first(v2.field_types),
            "Name": f"field{number}",
            "DisplayName": f"Field {number}",
            "Required": False,
            "SortOrder": number,
        },
        "FieldSetting": {
            "FieldId": _first(v2.fields),
            "Name": f"setting{number}",
            "StoredValue": "1",
        },
        "Choice": {"DisplayName": f"Choice {number}"},
        "Field_Choice_Map": {
            "FieldId": _first(v2.fields),
            "ChoiceId": _first(v2.choices),
            "SortOrder": number,
        },
        "FormSubmissionStatus": {"Name": f"Status {number}"},
        "FormSubmission": {
            "FormTypeId": _first(v2.forms),
            "FormSubmissionStatusId": STATUSES["Submitted"],
            "LookupCode": f"L-{number:04}",
            "CreatedOn": TIME,
            "LastUpdatedOn": None,
            "OrganizationId": None,
        },
        "FormSubmissionMetaData": {
            "FormSubmissionId": _first(v2.submissions),
            "FieldId": _first(v2.fields),
            "FreeFormEntry": None,
            "FieldChoiceMapId": None,
        },
    }
    return {"Id": guid(NUMBERS[table], number), **per_table[table]}


def _insert(connection: sqlite3.Connection, table: str, row: Row) -> None:
    names = ", ".join(f'"{name}"' for name in row)
    # A lone surrogate cannot be sent as text; its bytes can, and are text to SQLite all the same.
    marks = ", ".join("CAST(? AS TEXT)" if _is_broken(value) else "?" for value in row.values())
    connection.execute(
        f'INSERT INTO "{table}" ({names}) VALUES ({marks})',
        [_stored(value) for value in row.values()],
    )


def _is_broken(value: object) -> bool:
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def _stored(value: object) -> object:
    match value:
        case str() if _is_broken(value):
            return value.encode("utf-8", "surrogatepass")
        case datetime():
            return value.isoformat(sep=" ", timespec="microseconds")
        case UUID():
            return str(value)
        case bool():
            return int(value)
    return value
