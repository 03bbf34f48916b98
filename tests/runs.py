"""Imports inside this process, and v3 as text that two runs can be compared by.

    before = snapshot()
    report = run(name="night", batch_size=2)
    assert snapshot() != before

A snapshot leaves out what differs between two runs of one v2 by its nature: the moment of the
start (it becomes ``STARTED``), serial numbers, and how a run was cut into batches.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import connection

from tests.v2 import STATUSES, V2, guid, make_v2
from transfer.batch import TableState
from transfer.importer import run_import
from transfer.options import ImportOptions
from transfer.report import MigrationReport

TABLES = ("organizations", "users", "forms", "submissions")
BOOKS = ("migration_progress", "migration_errors", "migration_assignments")
_ITS_OWN_NATURE = {
    "migration_progress": (
        "id", "started_at", "completed_at", "heartbeat_at", "batch_size", "last_key",
    ),
    "migration_errors": ("id", "created_at"),
    "migration_assignments": ("id",),
}  # fmt: skip
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?\+00:00")


class Quiet:
    """An observer that keeps the remarks, and calls back after each batch."""

    def __init__(self, after_batch: Callable[[TableState], None] = lambda _state: None) -> None:
        self.remarks: list[str] = []
        self.started: list[str] = []
        self._after_batch = after_batch

    def remark(self, text: str) -> None:
        self.remarks.append(text)

    def table_started(self, state: TableState) -> None:
        self.started.append(state.table)

    def batch_loaded(self, state: TableState) -> None:
        self._after_batch(state)

    def table_ended(self, state: TableState) -> None:
        """Nothing to do."""


def run(observer: Quiet | None = None, **options: Any) -> MigrationReport:
    """Run an import with these options (import_v2's, and ImportOptions' fields)."""
    own = {field.name for field in dataclasses.fields(ImportOptions)}
    built = ("name", "batch_size", "organizations", "tables", "dry_run", "limit")
    asked = {key: options.pop(key) for key in (*built, "default_organization") if key in options}
    assert not options.keys() - own, options
    made = dataclasses.replace(ImportOptions.build(**asked), **options)
    return run_import(made, observer or Quiet())


def state(report: MigrationReport, table: str) -> TableState:
    """The report's line about a table."""
    return next(state for state in report.tables if state.table == table)


def query(sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """Rows of v3."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall() if cursor.description is not None else []


def documents(table: str, order: str = "id") -> list[dict[str, Any]]:
    """The rows of a v3 table as JSON has them."""
    return [json.loads(r[0]) for r in query(f"SELECT to_jsonb(t) FROM {table} t ORDER BY {order}")]


def counted(report: MigrationReport, table: str) -> tuple[int | None, int, int]:
    """A table's total, migrated and failed records."""
    found = state(report, table)
    return found.total, found.processed, found.failed


def errors(code: str | None = None) -> list[dict[str, Any]]:
    """migration_errors by record id, or those of one code."""
    rows = query("SELECT to_jsonb(e)::text FROM migration_errors AS e ORDER BY record_id, code, id")
    found = [json.loads(row[0]) for row in rows]
    return [row for row in found if code is None or row["code"] == code]


def answers_in(detail: Mapping[str, Any]) -> int:
    """How many answers a recorded submission had, its list cut or not; 0 for another record."""
    answers = detail.get("answers", [])
    return int(answers["length"]) if isinstance(answers, dict) else len(answers)


def snapshot(*tables: str) -> dict[str, list[str]]:
    """Every row of v3's tables and of the engine's books, in a form two runs can be compared by."""
    started = {
        when.astimezone(UTC).isoformat()
        for (when,) in query("SELECT started_at FROM migration_progress")
    }
    return {
        table: sorted(
            _normal(json.loads(row[0]), _ITS_OWN_NATURE.get(table, ()), started)
            for row in query(f"SELECT to_jsonb(t)::text FROM {table} AS t")
        )
        for table in tables or (*TABLES, *BOOKS)
    }


def empty_v3() -> None:
    """Forget every row, so that the same v2 can be imported again."""
    query(f"TRUNCATE {', '.join((*TABLES, *BOOKS))} CASCADE")


def row_versions() -> dict[str, list[tuple[Any, ...]]]:
    """Where each row lies and which transaction wrote it: anything that touches a row shows."""
    return {
        table: query(f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1")
        for table in (*TABLES, *BOOKS)
    }


def _normal(row: dict[str, Any], without: tuple[str, ...], started: set[str]) -> str:
    for column in without:
        del row[column]
    for part in ("batches", "rate", "copied"):  # copied: rows taken out again were copied too
        row.get("ledger", {}).pop(part, None)

    def moment(match: re.Match[str]) -> str:
        text = datetime.fromisoformat(match.group()).isoformat()
        return "STARTED" if text in started else text

    return _TIME.sub(moment, json.dumps(row, sort_keys=True))


def rich_v2(path: Path) -> V2:
    """Make a v2 that has something for every part of the engine to do: 3 organizations, 18
    submissions; later and missing emails and numbers, orphans in range and beyond, dangling
    parts, rows PostgreSQL refuses."""
    v2 = make_v2(
        path,
        organizations=[{"Name": "Acme"}, {"Name": "Acme"}, {"Name": "Wolf & Söhne"}],
        forms=[
            {"Name": "Leave Request"},
            {"Name": "Leave Request", "CreatedOn": "2023-01-01 00:00:00.000000"},
            {"Name": "Order"},
            {"Name": "Survey", "DisplayName": "x" * 300},  # PostgreSQL refuses it
        ],
        fields=[{"Name": "who"}, {"Name": "why"}, {"Name": "who"}],
        choices=[{}, {}],
        maps=[{}, {"ChoiceId": guid(7, 2)}, {"ChoiceId": guid(7, 99)}],
        settings=[{}, {"Name": None}, {"Name": "setting1", "StoredValue": "2"}],
    )
    one, two, three = (row["Id"] for row in v2.organizations)
    forms = [row["Id"] for row in v2.forms]
    v2.add(
        "users",
        {"OrganizationId": one, "Email": "Ann@example.org"},
        {"OrganizationId": one, "Email": "ann@EXAMPLE.org", "CreatedOn": "2020-01-01 00:00:00"},
        {"OrganizationId": two, "Email": "ann@example.org"},
        {"OrganizationId": three, "Email": None},
        {"OrganizationId": guid(1, 99), "Email": "lost@example.org"},
    )
    v2.execute("UPDATE FormType SET OrganizationId = ? WHERE Id = ?", (two, forms[2]))
    v2.add("fields", {"FormTypeId": forms[2], "Name": "amount"})
    v2.add("fields", {"FormTypeId": guid(4, 0), "Name": "before all"})
    v2.add("fields", {"FormTypeId": guid(4, 99), "Name": "after all"})
    v2.add("settings", {"FieldId": guid(5, 99)})
    v2.add("maps", {"FieldId": guid(5, 98)})
    codes = ["A", "A", None, "", "x" * 60, "B", "V2-000a0003", "A"]
    v2.add(
        "submissions",
        *({"LookupCode": code, "CreatedOn": f"2024-01-{30 - n:02} 00:00:00.000000"}
          for n, code in enumerate(codes)),
        *({"FormTypeId": forms[n % 4], "FormSubmissionStatusId": status}
          for n, status in enumerate(STATUSES.values())),
        {"FormTypeId": guid(4, 77)},
        {"FormSubmissionStatusId": guid(9, 77)},
        {"OrganizationId": two, "LookupCode": "A"},
    )  # fmt: skip
    for number, row in enumerate(v2.submissions):
        field = v2.fields[3] if row["FormTypeId"] == forms[2] else v2.fields[number % 3]
        answer = {"FormSubmissionId": row["Id"], "FieldId": field["Id"]}
        v2.add("answers", answer | {"FreeFormEntry": f"text {number}\n\\N\tü"})
        v2.add("answers", answer | {"FieldChoiceMapId": guid(8, 1)})
    for stray in (0, 4000, 4001):  # before all submissions, and two after them
        v2.add("answers", {"FormSubmissionId": guid(10, stray), "FreeFormEntry": "lost"})
    between = v2.submissions[3]["Id"][:-1] + "f"
    v2.add("answers", {"FormSubmissionId": between, "FreeFormEntry": "lost, too"})
    return v2
