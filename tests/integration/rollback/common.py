"""Two tenants moved into one v3 as two migrations, and the rollback of one of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.runs import TABLES, Quiet, query, run
from tests.v2 import V2, Row, make_v2
from transfer.rollback import RollbackOptions, run_rollback
from transfer.rollback_report import RollbackReport

BATCH = 3


def tenant(v2: V2, number: int, submissions: int = 4) -> str:
    """Add an organization with two users, two forms and submissions by turns; its Id."""
    (organization,) = v2.add("organizations", {"Name": f"Tenant {number}"})
    home: Row = {"OrganizationId": organization["Id"]}
    v2.add("users", *(home | {"Email": f"{name}@{number}.org"} for name in ("ann", "bob")))
    forms = v2.add("forms", *(home | {"Name": f"Form {name}"} for name in ("A", "B")))
    fields = v2.add("fields", *({"FormTypeId": form["Id"], "Name": "who"} for form in forms))
    for place in range(submissions):
        form, field = forms[place % 2], fields[place % 2]
        (made,) = v2.add("submissions", {"FormTypeId": form["Id"]})
        v2.add(
            "answers",
            {"FormSubmissionId": made["Id"], "FieldId": field["Id"], "FreeFormEntry": "me"},
        )
    return str(organization["Id"])


def two_tenants(path: Path, submissions: int = 4) -> V2:
    """Make a v2 of two tenants and move them as the migrations one and two."""
    v2 = make_v2(path)
    for number, name in enumerate(("one", "two"), 1):
        organization = tenant(v2, number, submissions)
        assert run(name=name, organizations=[organization]).outcome == "finished"
    return v2


def rollback(
    name: str | None = "one",
    *,
    observer: Quiet | None = None,
    confirm: Callable[[RollbackReport], bool] = lambda _preview: True,
    **options: Any,
) -> RollbackReport:
    """Roll a migration back, confirmed."""
    return run_rollback(
        RollbackOptions(name, **({"batch_size": BATCH} | options)), observer or Quiet(), confirm
    )


def rows_of(migration: str) -> dict[str, int]:
    """How many rows of a migration there are, by table."""
    return {
        table: query(
            f"SELECT count(*) FROM {table} WHERE metadata->>'migration_batch' = %s", [migration]
        )[0][0]
        for table in TABLES
    }


NONE = dict.fromkeys(TABLES, 0)
ALL = {"organizations": 1, "users": 2, "forms": 2, "submissions": 4}


def others_rows() -> dict[str, list[tuple[Any, ...]]]:
    """Every row that is not of the migration one, and which transaction wrote it where."""
    return {
        table: query(
            f"SELECT ctid::text, xmin::text, to_jsonb(t)::text FROM {table} AS t"
            " WHERE metadata->>'migration_batch' IS DISTINCT FROM 'one' ORDER BY id"
        )
        for table in TABLES
    }


def first(table: str, migration: str = "one") -> str:
    """The id of a migration's first row in a table."""
    return str(
        query(
            f"SELECT id FROM {table} WHERE metadata->>'migration_batch' = %s ORDER BY id LIMIT 1",
            [migration],
        )[0][0]
    )


def books(migration: str = "one") -> dict[str, tuple[str, Mapping[str, Any]]]:
    """The status and the note of each progress row."""
    rows = query(
        "SELECT table_name, status, ledger->>'rollback' FROM migration_progress"
        " WHERE migration_name = %s",
        [migration],
    )
    return {table: (status, json.loads(note or "{}")) for table, status, note in rows}
